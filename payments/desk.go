package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"saoma/models"
)

// What named persons do about the money of an order. Each act stands in the order's chain of evidence
// and in the audit log, in the transaction that does it.

// Cancel gives up a pending order and gives its stock back. The gateway is first asked about the
// attempt under way and told to take no money for it. models.ErrOrderMoved: the order is not pending
// any more, or its buyer has just begun another attempt. ErrStillAsking: nobody knows whether the
// buyer has paid; the order stays as it is.
func (s *Service) Cancel(ctx context.Context, orderNumber, reason string, by models.Actor) error {
	order, err := s.store.OrderByNumber(ctx, orderNumber)
	if err != nil {
		return err
	}
	ended, err := s.endAttempt(ctx, order)
	if err != nil {
		return err
	}
	return s.store.ActOn(ctx, order.ID, func(tx *models.Tx, order *models.Order) error {
		if order.Status != models.OrderPending {
			return models.ErrOrderMoved
		}
		if err := closeEnded(tx, order, ended, "the order was canceled"); err != nil {
			return err
		}
		if _, err := tx.CloseOrder(order, models.OrderCanceled); err != nil {
			return err
		}
		return tx.AddAct(order, models.Act{By: by, What: models.ActCancel, Text: reason})
	})
}

// endAttempt asks about the attempt under way and closes it where the gateway can. It returns the
// attempt's id; empty: there is none.
func (s *Service) endAttempt(ctx context.Context, o *models.Order) (string, error) {
	live := liveOf(o)
	if live == nil || o.Status != models.OrderPending {
		return "", nil
	}
	return live.ID, s.askAndClose(ctx, live)
}

// closeEnded closes the attempt that the gateway was asked about, which it may be too slow to close.
// It stays watched. models.ErrOrderMoved: another one is under way.
func closeEnded(tx *models.Tx, o *models.Order, id, why string) error {
	live := liveOf(o)
	if live == nil {
		return nil
	}
	if live.ID != id {
		return models.ErrOrderMoved
	}
	_, err := tx.MovePayment(live, models.PaymentClosed, models.PaymentChange{Failure: why})
	return err
}

// HandPayment is money that a named person says has come in by a road of its own.
type HandPayment struct {
	Reference string // what names the money there: no two payments by hand have the same
	Note      string
	Seen      *models.OrderStatus // that the order had when the person decided; nil: not told
	By        models.Actor
}

// MarkPaid marks an order as paid by hand, whole, on a person's word: for ever to be told from what a
// gateway said. Like a gateway's, the money is a payment; it needs no confirmation, and no sweep asks
// about it. The gateway is first asked about an attempt under way, as by Cancel. An expired or canceled
// order takes its stock again.
//
// models.ErrOrderMoved: it is not as the person saw it, or its buyer has just begun another attempt.
// models.ErrOutOfStock; models.ErrReferenceUsed; ErrStillAsking.
func (s *Service) MarkPaid(ctx context.Context, orderNumber string, h HandPayment) error {
	order, err := s.store.OrderByNumber(ctx, orderNumber)
	if err != nil {
		return err
	}
	ended, err := s.endAttempt(ctx, order)
	if err != nil {
		return err
	}
	id, number := models.NewID(), models.NewPaymentNumber(s.store.Now())
	return s.store.ActOn(ctx, order.ID, func(tx *models.Tx, order *models.Order) error {
		if order.PaidAt != nil {
			return models.ErrOrderMoved
		}
		if err := order.Still(h.Seen); err != nil {
			return err
		}
		if err := closeEnded(tx, order, ended, "the order was marked as paid by hand"); err != nil {
			return err
		}
		now := tx.Now()
		return s.payByHand(tx, order, &models.Payment{
			ID: id, OrderID: order.ID, Number: number, Gateway: models.ByHand, Method: "staff",
			Status: models.PaymentCreated, Currency: order.Currency, Amount: order.Amount,
			CreatedAt: now, ExpiresAt: now, WatchUntil: now,
		}, h)
	})
}

func (s *Service) payByHand(tx *models.Tx, o *models.Order, p *models.Payment, h HandPayment) error {
	taken, err := tx.ReferenceTaken(p, h.Reference)
	if err != nil {
		return err
	}
	if taken {
		return models.ErrReferenceUsed
	}
	if err := tx.AddPayment(p); err != nil {
		return err
	}
	change := models.PaymentChange{Reference: h.Reference, ConfirmedAt: tx.Now()}
	if _, err := tx.MovePayment(p, models.PaymentSucceeded, change); err != nil {
		return err
	}
	paid, err := tx.MarkPaid(o, p)
	if err != nil {
		return err
	}
	if !paid {
		return models.ErrOutOfStock
	}
	text := fmt.Sprintf("%s %s, reference %s\n%s", p.Money().Decimal(), p.Currency, h.Reference, h.Note)
	return tx.AddAct(o, models.Act{By: h.By, What: models.ActMarkPaid, PaymentID: &p.ID, Text: text})
}

// Revive pays an expired or canceled order with money of it that came late, and takes its stock
// again. seen is the status that the person saw; nil: not told. models.ErrOrderMoved: it has another by
// now, or some of the money was given back. models.ErrOutOfStock: there is not enough; refund it.
func (s *Service) Revive(ctx context.Context, paymentNumber string, seen *models.OrderStatus, by models.Actor) error {
	known, err := s.store.PaymentByNumber(ctx, paymentNumber)
	if err != nil {
		return err
	}
	return s.store.ActOn(ctx, known.OrderID, func(tx *models.Tx, order *models.Order) error {
		p := paymentIn(order, known.ID)
		if err := order.Still(seen); err != nil {
			return err
		}
		refunded, err := tx.Refunded(p)
		if err != nil {
			return err
		}
		if order.PaidAt != nil || p.Status != models.PaymentSucceeded || refunded > 0 {
			return models.ErrOrderMoved
		}
		paid, err := tx.MarkPaid(order, p)
		if err != nil {
			return err
		}
		if !paid {
			return models.ErrOutOfStock
		}
		late := []models.IncidentKind{models.IncidentLatePayment}
		if err := tx.ResolveIncidents(p, late, "the order was revived by "+by.Name); err != nil {
			return err
		}
		return tx.AddAct(order, models.Act{By: by, What: models.ActRevive, PaymentID: &p.ID})
	})
}

// AskAgain is Check for staff, who may doubt what seems final: it asks about every attempt that a gateway
// knows of, also about those that a query has confirmed and those that nobody watches any more, and
// returns what came of each. ErrNothingToAsk: there is none.
func (s *Service) AskAgain(ctx context.Context, o *models.Order, by models.Actor) ([]Answer, error) {
	answers, err := s.askAbout(ctx, o, func(p *models.Payment) bool { return p.Gateway != models.ByHand })
	if len(answers) == 0 {
		return nil, ErrNothingToAsk
	}
	var text strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&text, "%s, %s: %s\n", a.Gateway, a.Number, cmp.Or(a.State, "no answer"))
	}
	kept := s.store.ActOn(context.WithoutCancel(ctx), o.ID, func(tx *models.Tx, order *models.Order) error {
		return tx.AddAct(order, models.Act{By: by, What: models.ActAsk, Text: text.String()})
	})
	return answers, stillAsking(errors.Join(err, kept))
}

// WriteOff ends, on a person's word, a payment whose money has not come, though a message that is no
// proof said so and no query agreed: see models.Tx.WriteOff. The gateway is first asked and told to take
// no money for it, and asked for as long as it might; money that comes after all is an incident.
// models.ErrOrderMoved: it is confirmed by now, or was given back, or the order has another status than
// the person saw; nil: not told. ErrStillAsking: the gateway does not answer.
func (s *Service) WriteOff(ctx context.Context, paymentNumber, note string, seen *models.OrderStatus, by models.Actor) error {
	known, err := s.store.PaymentByNumber(ctx, paymentNumber)
	if err != nil {
		return err
	}
	if _, on := s.accounts[known.Gateway]; on { // else there is nobody to ask
		fresh, err := s.askFirst(ctx, known)
		if err == nil && fresh != nil && fresh.ConfirmedAt == nil {
			err = s.closeThere(ctx, fresh)
		}
		if err != nil {
			return err
		}
	}
	r := &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(s.store.Now()), Reason: note}
	return s.store.ActOn(ctx, known.OrderID, func(tx *models.Tx, order *models.Order) error {
		p := paymentIn(order, known.ID)
		if err := order.Still(seen); err != nil {
			return err
		}
		if err := tx.WriteOff(order, p, r, by); err != nil {
			return err
		}
		if err := tx.SetCheck(p, nextCheck(*p, tx.Now())); err != nil {
			return err
		}
		if err := tx.ResolveConflicts(p, models.CauseDenied, "written off by "+by.Name); err != nil {
			return err
		}
		text := fmt.Sprintf("%s %s, %s\n%s", p.Money().Decimal(), p.Currency, p.Number, note)
		return tx.AddAct(order, models.Act{By: by, What: models.ActWriteOff, PaymentID: &p.ID, Text: text})
	})
}

// StaffRefund is a refund that a named person decides on.
type StaffRefund struct {
	Payment string // our number of it
	Amount  int64  // minor units
	Reason  string
	// Refunded is how much of the payment was given back, or may yet be, when the person decided. A
	// form that is sent twice, and two persons with the same thought, refund once.
	Refunded int64
	Seen     *models.OrderStatus // that the order had then: whether it was sent tells what may go on the shelf; nil: not told
	// What of the order it is for, if the person has said so, and whether the pieces go back on the shelf
	// when the money is back.
	Shipping bool
	Items    []models.RefundItem
	Restock  bool
	// Elsewhere: the money has gone back already by another road, such as the gateway's own pages, and
	// is only written down. No gateway is told.
	Elsewhere bool
	By        models.Actor
}

// Refund gives back part or all of a payment, by a person's decision. The refund is stored under its own
// number before the gateway hears of it; whatever happens then, the sweep brings it to its end, at most
// once. The result may still be pending. What is only written down has succeeded on the person's word; so
// has money that was marked as paid by hand, which goes back by hand.
//
// models.ErrOrderMoved: there were other refunds of it since, or the order has another status. models.ErrNothingToRefund;
// models.ErrRefundPieces; models.ErrRefundTooMuch.
func (s *Service) Refund(ctx context.Context, d StaffRefund) (*models.Refund, error) {
	p, err := s.store.PaymentByNumber(ctx, d.Payment)
	if err != nil {
		return nil, err
	}
	r := newRefund(s.store.Now(), d.Amount, d.Reason)
	r.Shipping, r.Items = d.Shipping, slices.Clone(d.Items)
	if d.Restock {
		r.RestockBy = d.By.Name
	}
	err = s.store.ActOn(ctx, p.OrderID, func(tx *models.Tx, order *models.Order) error {
		return s.addStaffRefund(tx, order, paymentIn(order, p.ID), r, d)
	})
	if err != nil {
		return nil, err
	}
	return s.beginRefund(ctx, p, r)
}

func (s *Service) addStaffRefund(tx *models.Tx, order *models.Order, p *models.Payment, r *models.Refund, d StaffRefund) error {
	before, err := tx.RefundsOf(p)
	if err != nil {
		return err
	}
	var sum int64
	for _, b := range before {
		sum += b.Amount
	}
	if sum != d.Refunded {
		return models.ErrOrderMoved
	}
	if err := order.Still(d.Seen); err != nil {
		return err
	}
	r.CheckAt = new(tx.Now().Add(refundHeadStart)) // until then the sweep leaves it alone
	if err := tx.AddRefund(order, p, r); err != nil {
		return err
	}
	act := models.ActRefund
	if d.Elsewhere {
		act = models.ActRecord
	}
	if d.Elsewhere || p.Gateway == models.ByHand {
		r.DecidedBy = d.By.Name
		if err := s.refundSucceeded(tx, p, *r); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s %s, refund %s\n%s", models.Money{Amount: r.Amount, Currency: r.Currency}.Decimal(), r.Currency, r.Number, d.Reason)
	return tx.AddAct(order, models.Act{By: d.By, What: act, PaymentID: &p.ID, Text: text})
}

// RefundEnd is what a named person says became of a refund.
type RefundEnd struct {
	Refund  string // our number of it
	Through bool   // the money has gone back; else it has not
	Note    string // how the person knows
	By      models.Actor
}

// EndRefund ends a refund about which its gateway does not tell, on a person's word: for ever to be told
// from what a gateway said. No gateway is asked about it any more; one that says otherwise after all
// opens an incident. Money that has not gone back can be given back by another refund.
//
// models.ErrOrderMoved: the refund has ended by now. models.ErrRefundUnderWay: it is too early.
func (s *Service) EndRefund(ctx context.Context, d RefundEnd) error {
	known, err := s.store.RefundByNumber(ctx, d.Refund)
	if err != nil {
		return err
	}
	return s.store.ActOn(ctx, known.OrderID, func(tx *models.Tx, order *models.Order) error {
		r, err := tx.RefundToEnd(known.ID)
		if err != nil {
			return err
		}
		p := paymentIn(order, r.PaymentID)
		said, err := s.endByHand(tx, p, r, d)
		if err != nil {
			return err
		}
		money := models.Money{Amount: r.Amount, Currency: r.Currency}
		text := fmt.Sprintf("%s %s, refund %s: %s\n%s", money.Decimal(), r.Currency, r.Number, said, d.Note)
		return tx.AddAct(order, models.Act{By: d.By, What: models.ActEndRefund, PaymentID: &p.ID, Text: text})
	})
}

// endByHand moves the refund, and says where to. Money that has not gone back still waits for somebody.
func (s *Service) endByHand(tx *models.Tx, p *models.Payment, r *models.Refund, d RefundEnd) (said string, err error) {
	r.DecidedBy = d.By.Name
	if d.Through {
		return "it went through", s.refundSucceeded(tx, p, *r)
	}
	moved, err := tx.MoveRefund(r, models.RefundFailed, "not gone through, on the word of "+d.By.Name)
	if err != nil || !moved {
		return "", cmp.Or(err, error(models.ErrOrderMoved))
	}
	return "it did not go through", s.refundStuck(tx, p, r, stuckRefused, r.Failure)
}

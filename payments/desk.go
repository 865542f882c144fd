package payments

import (
	"context"
	"fmt"
	"slices"

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
	again := false
	return s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(order.ID)
		if err != nil {
			return err
		}
		if again && order.Status == models.OrderCanceled {
			return nil // by the try before, whose end nobody knew
		}
		again = true
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
	By        models.Actor
}

// MarkPaid marks an order as paid by hand, whole, on a person's word: for ever to be told from what a
// gateway said. Like a gateway's, the money is a payment; it needs no confirmation, and no sweep asks
// about it. The gateway is first asked about an attempt under way, as by Cancel. An expired or canceled
// order takes its stock again.
//
// models.ErrOrderMoved: it is paid already, or its buyer has just begun another attempt.
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
	return s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(order.ID)
		if err != nil {
			return err
		}
		if order.PaymentID != nil && *order.PaymentID == id {
			return nil // by the try before, whose end nobody knew
		}
		if order.PaidAt != nil {
			return models.ErrOrderMoved
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
// again. models.ErrOrderMoved: it is paid by now, or some of the money was given back.
// models.ErrOutOfStock: there is not enough; refund it.
func (s *Service) Revive(ctx context.Context, paymentNumber string, by models.Actor) error {
	known, err := s.store.PaymentByNumber(ctx, paymentNumber)
	if err != nil {
		return err
	}
	again := false
	return s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(known.OrderID)
		if err != nil {
			return err
		}
		p := paymentIn(order, known.ID)
		if again && order.PaymentID != nil && *order.PaymentID == p.ID {
			return nil // by the try before, whose end nobody knew
		}
		again = true
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

// StaffRefund is a refund that a named person decides on.
type StaffRefund struct {
	Payment string // our number of it
	Amount  int64  // minor units
	Reason  string
	// Refunded is how much of the payment was given back, or may yet be, when the person decided. A
	// form that is sent twice, and two persons with the same thought, refund once.
	Refunded int64
	By       models.Actor
}

// RefundAs gives back part or all of a payment as Refund does, by a person's decision.
// models.ErrOrderMoved: there were other refunds of it since. Money that was marked as paid by hand
// goes back by hand: its refund is only recorded, and has succeeded.
func (s *Service) RefundAs(ctx context.Context, d StaffRefund) (*models.Refund, error) {
	p, err := s.store.PaymentByNumber(ctx, d.Payment)
	if err != nil {
		return nil, err
	}
	id, number := models.NewID(), models.NewRefundNumber(s.store.Now())
	var r *models.Refund
	err = s.store.Tx(ctx, func(tx *models.Tx) error {
		r = &models.Refund{ID: id, Number: number, Amount: d.Amount, Reason: d.Reason}
		return s.addStaffRefund(tx, p, r, d)
	})
	if err != nil {
		return nil, err
	}
	return s.beginRefund(ctx, p, r)
}

func (s *Service) addStaffRefund(tx *models.Tx, known *models.Payment, r *models.Refund, d StaffRefund) error {
	order, err := tx.LockOrder(known.OrderID)
	if err != nil {
		return err
	}
	p := paymentIn(order, known.ID)
	before, err := tx.RefundsOf(p)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(before, func(b models.Refund) bool { return b.Number == r.Number }); i >= 0 {
		*r = before[i] // by the try before, whose end nobody knew
		return nil
	}
	var sum int64
	for _, b := range before {
		sum += b.Amount
	}
	if sum != d.Refunded {
		return models.ErrOrderMoved
	}
	if err := tx.AddRefund(order, p, r); err != nil {
		return err
	}
	if p.Gateway == models.ByHand {
		if err := s.refundSucceeded(tx, p, *r); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s %s, refund %s\n%s", models.Money{Amount: r.Amount, Currency: r.Currency}.Decimal(), r.Currency, r.Number, d.Reason)
	return tx.AddAct(order, models.Act{By: d.By, What: models.ActRefund, PaymentID: &p.ID, Text: text})
}

package models

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// Dispatch is how an order goes on its way. It may be empty: some things are handed over.
type Dispatch struct {
	Carrier  string
	Tracking string // the carrier's number
}

func (d Dispatch) columns() map[string]any {
	return map[string]any{"carrier": d.Carrier, "tracking": d.Tracking}
}

func (d Dispatch) String() string { return strings.TrimSpace(d.Carrier + " " + d.Tracking) }

// Dispatch is how the order went on its way.
func (o Order) Dispatch() Dispatch { return Dispatch{o.Carrier, o.Tracking} }

// PaidBy returns the payment that paid the order; nil: none did.
func (o Order) PaidBy() *Payment {
	if o.PaymentID == nil {
		return nil
	}
	return o.tellingPayment()
}

// ActOn runs an act on the locked order, in a transaction.
func (s *Store) ActOn(ctx context.Context, orderID string, act func(tx *Tx, o *Order) error) error {
	return s.Tx(ctx, func(tx *Tx) error {
		o, err := tx.LockOrder(orderID)
		if err != nil {
			return err
		}
		return act(tx, o)
	})
}

// actOn is ActOn by the order's number.
func (s *Store) actOn(ctx context.Context, number string, act func(tx *Tx, o *Order) error) error {
	known, err := s.OrderByNumber(ctx, number)
	if err != nil {
		return err
	}
	return s.ActOn(ctx, known.ID, act)
}

// Still refuses an act, with ErrOrderMoved, when the order has another status by now than the person who
// decided on it had seen. Nil: not told.
func (o *Order) Still(seen *OrderStatus) error {
	if seen != nil && *seen != o.Status {
		return ErrOrderMoved
	}
	return nil
}

// Fulfil records that a paid order went on its way. Refused with ErrNotConfirmed until a strong
// message has confirmed the payment, with ErrAllRefunded when all of it was given back, with
// ErrInConflict while a conflict about the order is open, and with ErrOrderMoved when the order is not
// paid, or somebody was first.
func (s *Store) Fulfil(ctx context.Context, number string, d Dispatch, by Actor) error {
	return s.actOn(ctx, number, func(tx *Tx, o *Order) error {
		p := o.PaidBy()
		switch {
		case o.Status != OrderPaid || p == nil:
			return ErrOrderMoved
		case p.ConfirmedAt == nil:
			return ErrNotConfirmed
		}
		refunded, err := tx.Refunded(p)
		if err != nil {
			return err
		}
		if refunded >= p.Amount {
			return ErrAllRefunded
		}
		var conflicts int64
		err = tx.db.Model(&Incident{}).Where("order_id = ? AND status = ? AND kind = ?", o.ID, IncidentOpen, IncidentConflict).Count(&conflicts).Error
		if err != nil {
			return err
		}
		if conflicts > 0 {
			return ErrInConflict
		}
		changes := d.columns()
		changes["fulfilled_at"] = tx.Now()
		if moved, err := tx.moveOrder(o, OrderFulfilled, changes); err != nil || !moved {
			return cmp.Or(err, error(ErrOrderMoved))
		}
		if err := tx.queueMail(o, MailShipped, ""); err != nil {
			return err
		}
		return tx.AddAct(o, Act{By: by, What: ActFulfil, Text: d.String()})
	})
}

// ChangeDispatch corrects how a fulfilled order went on its way. ErrOrderMoved: it is not what the
// person saw any more.
func (s *Store) ChangeDispatch(ctx context.Context, number string, seen, now Dispatch, by Actor) error {
	return s.actOn(ctx, number, func(tx *Tx, o *Order) error {
		switch {
		case o.Status != OrderFulfilled:
			return ErrOrderMoved
		case o.Dispatch() == now:
			return nil
		case o.Dispatch() != seen:
			return ErrOrderMoved
		}
		if err := tx.db.Model(&Order{}).Where("id = ?", o.ID).Updates(now.columns()).Error; err != nil {
			return err
		}
		return tx.AddAct(o, Act{By: by, What: ActTrack, Text: fmt.Sprintf("%s → %s", seen, now)})
	})
}

// Note is what a person has to say about an order.
type Note struct {
	ID   string // of the form that it was written in: a form sent twice makes one note
	Text string
}

// AddNote keeps a note. The same note again does nothing and succeeds; ErrFormSentTwice: the form was sent
// with something else.
func (s *Store) AddNote(ctx context.Context, number string, n Note, by Actor) error {
	return s.actOn(ctx, number, func(tx *Tx, o *Order) error {
		var known []Evidence
		if err := tx.db.Where("id = ?", n.ID).Find(&known).Error; err != nil {
			return err
		}
		switch {
		case len(known) == 0:
			return tx.AddAct(o, Act{ID: n.ID, By: by, What: ActNote, Text: n.Text})
		case deref(known[0].OrderID) != o.ID || known[0].Operation != ActNote || string(known[0].Request) != n.Text:
			return ErrFormSentTwice
		default:
			return nil
		}
	})
}

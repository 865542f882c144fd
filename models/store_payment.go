package models

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
)

// AddPayment stores a new attempt as created, the order's live one. ErrLivePayment when the order
// already has a live one. Adding the same attempt again changes nothing.
func (tx *Tx) AddPayment(p *Payment) error {
	var known int64
	if err := tx.db.Model(&Payment{}).Where("number = ?", p.Number).Count(&known).Error; err != nil || known > 0 {
		return err
	}
	p.LiveOrderID = &p.OrderID
	err := tx.db.Create(p).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrLivePayment
	}
	if err != nil {
		return err
	}
	tx.changed[p.OrderID] = true
	return addTerm(tx.db, p.OrderID, p.Number)
}

// PaymentChange is what else changes when a payment moves. Zero values change nothing.
type PaymentChange struct {
	Reference   string
	Action      ActionKind
	ActionData  string
	Failure     string
	ConfirmedAt time.Time
}

// MovePayment moves an attempt as the table of moves allows and updates the given payment.
// False: it is not in a state from which it may move so. A final attempt is live no longer.
func (tx *Tx) MovePayment(p *Payment, to PaymentStatus, c PaymentChange) (bool, error) {
	if !p.Status.CanBecome(to) {
		return false, nil
	}
	moved := *p
	changes := c.columns(&moved)
	moved.Status, changes["status"] = to, to
	if to != PaymentPending {
		moved.LiveOrderID, changes["live_order_id"] = nil, nil
	}
	if to == PaymentSucceeded {
		now := tx.Now()
		moved.SucceededAt, changes["succeeded_at"] = &now, now
	}
	set := tx.db.Model(&Payment{}).Where("id = ? AND status = ?", p.ID, p.Status).Updates(changes)
	if set.Error != nil || set.RowsAffected != 1 {
		return false, set.Error
	}
	*p = moved
	tx.changed[p.OrderID] = true
	return true, tx.addReference(p, changes)
}

// ChangePayment changes an attempt without moving it.
func (tx *Tx) ChangePayment(p *Payment, c PaymentChange) error {
	changes := c.columns(p)
	if len(changes) == 0 {
		return nil
	}
	tx.changed[p.OrderID] = true
	if err := tx.db.Model(&Payment{}).Where("id = ?", p.ID).Updates(changes).Error; err != nil {
		return err
	}
	if err := tx.mailConfirmed(p, changes); err != nil {
		return err
	}
	return tx.addReference(p, changes)
}

// addReference lets the order be found by the gateway's number when that has just become known.
func (tx *Tx) addReference(p *Payment, changes map[string]any) error {
	if _, news := changes["reference"]; !news {
		return nil
	}
	return addTerm(tx.db, p.OrderID, *p.Reference)
}

// columns names the columns to change and sets them in the payment.
func (c PaymentChange) columns(p *Payment) map[string]any {
	changes := map[string]any{}
	if c.Reference != "" && p.Reference == nil {
		p.Reference = &c.Reference
		changes["reference"] = c.Reference
	}
	if c.Action != "" {
		p.Action, p.ActionData = c.Action, c.ActionData
		changes["action"], changes["action_data"] = c.Action, c.ActionData
	}
	if c.Failure != "" {
		p.Failure = truncate(c.Failure, 500)
		changes["failure"] = p.Failure
	}
	if !c.ConfirmedAt.IsZero() && p.ConfirmedAt == nil {
		p.ConfirmedAt = &c.ConfirmedAt
		changes["confirmed_at"] = c.ConfirmedAt
	}
	return changes
}

// WriteOff records on a person's word that the money of a payment of the locked order, which succeeded
// and was never confirmed, has not come. The payment stays as it is, since nothing leaves that state, and
// a refund of all of it, which has gone through, makes the sums true. Where the payment paid the order,
// its pieces go back on the shelf: without a confirmation none has left. The buyer is told nothing by
// mail, as when it was paid. ErrOrderMoved: it is confirmed, or not as it was any more.
func (tx *Tx) WriteOff(o *Order, p *Payment, r *Refund, by Actor) error {
	refunded, err := tx.Refunded(p)
	if err != nil {
		return err
	}
	if p.Status != PaymentSucceeded || p.ConfirmedAt != nil || p.WrittenOffAt != nil || refunded > 0 || o.Status == OrderFulfilled {
		return ErrOrderMoved
	}
	now := tx.Now()
	p.WrittenOffAt = &now
	if err := tx.db.Model(&Payment{}).Where("id = ?", p.ID).Updates(map[string]any{"written_off_at": now}).Error; err != nil {
		return err
	}
	r.Amount, r.DecidedBy = p.Amount, by.Name
	if err := tx.AddRefund(o, p, r); err != nil {
		return err
	}
	if _, err := tx.moveRefund(r, RefundSucceeded, ""); err != nil {
		return err
	}
	if o.PaymentID == nil || *o.PaymentID != p.ID {
		return nil
	}
	return tx.putBackSold(o, by, o.Items)
}

// SetCheck sets when the sweep asks about an attempt next; the zero time: not any more.
func (tx *Tx) SetCheck(p *Payment, next time.Time) error {
	p.CheckAt = nil
	if !next.IsZero() {
		at := next.UTC().Truncate(time.Millisecond)
		p.CheckAt = &at
	}
	return tx.db.Model(&Payment{}).Where("id = ?", p.ID).Updates(map[string]any{"check_at": p.CheckAt}).Error
}

// ReferenceTaken reports whether the gateway's number already belongs to another attempt of ours.
func (tx *Tx) ReferenceTaken(p *Payment, reference string) (bool, error) {
	var n int64
	err := tx.db.Model(&Payment{}).
		Where("gateway = ? AND reference = ? AND id <> ?", p.Gateway, reference, p.ID).Count(&n).Error
	return n > 0, err
}

// PaymentByNumber returns the attempt with our number, or ErrPaymentNotFound.
func (s *Store) PaymentByNumber(ctx context.Context, number string) (*Payment, error) {
	var p Payment
	err := s.query(ctx, func(db *gorm.DB) error { return db.Where("number = ?", number).Take(&p).Error })
	if err != nil {
		return nil, notFound(err, ErrPaymentNotFound)
	}
	if p.Number != number { // MySQL takes no notice of blanks at the end
		return nil, ErrPaymentNotFound
	}
	return &p, nil
}

// PaymentByReference returns the attempt with the gateway's number, or ErrPaymentNotFound.
func (s *Store) PaymentByReference(ctx context.Context, gateway GatewayName, reference string) (*Payment, error) {
	var p Payment
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("gateway = ? AND reference = ?", gateway, reference).Take(&p).Error
	})
	if err != nil {
		return nil, notFound(err, ErrPaymentNotFound)
	}
	return &p, nil
}

// DuePayments returns attempts that are to be asked about, the longest overdue first, leaving out
// those of some gateways.
func (s *Store) DuePayments(ctx context.Context, limit int, except ...GatewayName) ([]Payment, error) {
	var due []Payment
	err := s.query(ctx, func(db *gorm.DB) error {
		if len(except) > 0 {
			db = db.Where("gateway NOT IN ?", except)
		}
		return db.Where("check_at <= ?", s.Now()).Order("check_at").Limit(limit).Find(&due).Error
	})
	return due, err
}

// ClaimCheck takes the turn to ask about an attempt: its next check moves from the time that was
// read to the given one. False: another replica was first. Whoever dies with the turn leaves the
// attempt due again at the given time.
func (s *Store) ClaimCheck(ctx context.Context, p *Payment, next time.Time) (bool, error) {
	claimed := false
	err := s.Tx(ctx, func(tx *Tx) error {
		set := tx.db.Model(&Payment{}).Where("id = ? AND check_at = ? AND checks = ?", p.ID, p.CheckAt, p.Checks).
			Updates(map[string]any{"check_at": next, "checks": p.Checks + 1})
		claimed = set.RowsAffected == 1
		return set.Error
	})
	return claimed, err
}

// ScheduleCheck ends a turn that ClaimCheck took until the claimed time, and sets when the attempt
// is asked about next; the zero time: not any more. It gives way to what has been set since.
func (s *Store) ScheduleCheck(ctx context.Context, p *Payment, claimed, next time.Time) error {
	return s.Tx(ctx, func(tx *Tx) error {
		var at any
		if !next.IsZero() {
			at = next.UTC().Truncate(time.Millisecond)
		}
		return tx.db.Model(&Payment{}).Where("id = ? AND check_at = ?", p.ID, claimed).
			Updates(map[string]any{"check_at": at}).Error
	})
}

// truncate makes a text fit its column, which keeps valid UTF-8 only.
func truncate(text string, bytes int) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && text[bytes]&0xc0 == 0x80 {
		bytes--
	}
	return text[:bytes]
}

package models

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// Errors of AddRefund that callers tell apart.
var (
	ErrNothingToRefund = &Error{Kind: Conflict, Key: "error.nothing_to_refund"}
	ErrRefundTooMuch   = &Error{Kind: Invalid, Key: "error.refund_too_much", Field: "amount"}
	// ErrRefundPieces: some of the pieces, or the shipping, were given back already. For pieces, the field is
	// that of their line.
	ErrRefundPieces = &Error{Kind: Invalid, Key: "invalid.refund_pieces", Field: "amount"}
	// ErrRefundUnderWay: the gateway may yet tell what becomes of the refund.
	ErrRefundUnderWay = &Error{Kind: Conflict, Key: "error.refund_under_way"}
)

// AddRefund stores a new pending refund of a payment of the locked order, due at its CheckAt, or at once
// without one. Refused with ErrNothingToRefund when the payment took no money, with ErrRefundPieces when
// it names more pieces than are left, and with ErrRefundTooMuch when the sum of what was refunded, or may
// yet be, would be above what was paid.
func (tx *Tx) AddRefund(o *Order, p *Payment, r *Refund) error {
	if p.Status != PaymentSucceeded {
		return ErrNothingToRefund
	}
	before, err := tx.RefundsOf(p)
	if err != nil {
		return err
	}
	if err := checkPieces(o, before, r); err != nil {
		return err
	}
	var taken int64
	for _, b := range before {
		taken += b.Amount
	}
	if r.Amount <= 0 || r.Amount > p.Amount-taken {
		return ErrRefundTooMuch
	}
	if r.CheckAt == nil {
		r.CheckAt = new(tx.Now())
	}
	r.OrderID, r.PaymentID, r.Currency, r.Status = o.ID, p.ID, p.Currency, RefundPending
	r.Reason = truncate(r.Reason, 500)
	tx.changed[o.ID] = true
	if err := tx.db.Create(r).Error; err != nil {
		return err
	}
	if err := putTerm(tx.db, o.ID, refundedTerm); err != nil {
		return err
	}
	return addTerm(tx.db, o.ID, r.Number)
}

// PiecesField is the form field for the pieces of the order's line at that position.
func PiecesField(line int) string { return "pieces_" + strconv.Itoa(line) }

// checkPieces refuses what was given back before.
func checkPieces(o *Order, before []Refund, r *Refund) error {
	if r.Shipping && slices.ContainsFunc(before, func(b Refund) bool { return b.Shipping }) {
		return ErrRefundPieces
	}
	for _, i := range r.Items {
		line := slices.IndexFunc(o.Items, func(item OrderItem) bool { return item.ID == i.ItemID })
		if line < 0 {
			return ErrRefundPieces
		}
		if i.Quantity+Pieces(before, i.ItemID) > o.Items[line].Quantity {
			return &Error{Kind: ErrRefundPieces.Kind, Key: ErrRefundPieces.Key, Field: PiecesField(line)}
		}
	}
	return nil
}

// Restock puts the pieces that a refund is for back on the shelf, where whoever decided on it said so.
func (tx *Tx) Restock(r *Refund) error {
	if r.RestockBy == "" {
		return nil
	}
	o, err := takeOrder(tx.db.Where("id = ?", r.OrderID))
	if err != nil {
		return err
	}
	var back []OrderItem
	for _, item := range o.Items {
		if item.Quantity = Pieces([]Refund{*r}, item.ID); item.Quantity > 0 {
			back = append(back, item)
		}
	}
	return tx.putBackSold(o, Actor{Name: r.RestockBy}, back)
}

// Refunded returns how much of a payment was refunded or may yet be: the sum of its refunds that
// have not failed.
func (tx *Tx) Refunded(p *Payment) (int64, error) {
	var sum int64
	err := tx.db.Model(&Refund{}).Where("payment_id = ? AND status <> ?", p.ID, RefundFailed).
		Select("COALESCE(SUM(amount), 0)").Scan(&sum).Error
	return sum, err
}

// RefundsOf returns the refunds of a payment that have not failed, oldest first.
func (tx *Tx) RefundsOf(p *Payment) ([]Refund, error) {
	var rows []Refund
	err := tx.db.Preload("Items").Where("payment_id = ? AND status <> ?", p.ID, RefundFailed).Order("created_at, id").Find(&rows).Error
	return rows, err
}

// RefundToEnd returns the refund with the id, as it is now, for a person to say what became of it.
// ErrOrderMoved: it has ended. ErrRefundUnderWay: see Refund.Undecided.
func (tx *Tx) RefundToEnd(id string) (*Refund, error) {
	r, err := tx.RefundByID(id)
	if err != nil {
		return nil, err
	}
	var found []Incident
	if err := tx.db.Where("refund_id = ?", id).Find(&found).Error; err != nil {
		return nil, err
	}
	switch {
	case r.Status != RefundPending:
		return r, ErrOrderMoved
	case !r.Undecided(tx.Now(), found):
		return r, ErrRefundUnderWay
	}
	return r, nil
}

// RefundByID returns the refund with the id, as the transaction sees it.
func (tx *Tx) RefundByID(id string) (*Refund, error) {
	var r Refund
	return &r, tx.db.Preload("Items").Where("id = ?", id).Take(&r).Error
}

// MoveRefund moves a refund as the table of moves allows and updates the given refund, with whoever
// decided it. A final one is asked about no more. False: it is not pending any more.
func (tx *Tx) MoveRefund(r *Refund, to RefundStatus, failure string) (bool, error) {
	moved, err := tx.moveRefund(r, to, failure)
	if err != nil || !moved || to != RefundSucceeded {
		return moved, err
	}
	return true, tx.mailRefunded(r)
}

func (tx *Tx) moveRefund(r *Refund, to RefundStatus, failure string) (bool, error) {
	if !r.Status.CanBecome(to) {
		return false, nil
	}
	r.Failure = truncate(failure, 500)
	changes := map[string]any{"status": to, "failure": r.Failure, "decided_by": truncate(r.DecidedBy, 254), "check_at": nil}
	if to == RefundSucceeded {
		now := tx.Now()
		r.SucceededAt = &now
		changes["succeeded_at"] = now
	}
	set := tx.db.Model(&Refund{}).Where("id = ? AND status = ?", r.ID, r.Status).Updates(changes)
	if set.Error != nil || set.RowsAffected != 1 {
		return false, set.Error
	}
	r.Status, r.CheckAt = to, nil
	tx.changed[r.OrderID] = true
	return true, nil
}

// MakeGood resolves what is open about an earlier refund of the payment that was refused, when the
// given one has given the same amount back in its place: one for one, the newest first.
func (tx *Tx) MakeGood(r *Refund) error {
	var refused []Refund
	err := tx.db.Where("payment_id = ? AND status = ? AND amount = ? AND created_at <= ?", r.PaymentID, RefundFailed, r.Amount, r.CreatedAt).
		Where("id IN (?)", tx.db.Model(&Incident{}).Select("refund_id").Where("payment_id = ? AND status = ?", r.PaymentID, IncidentOpen)).
		Order("created_at DESC, id DESC").Limit(1).Find(&refused).Error
	if err != nil || len(refused) == 0 {
		return err
	}
	return tx.ResolveStuck(&refused[0], "", "made good by refund "+r.Number)
}

// NoteRefund keeps why a refund that stays pending has not got further. False: it is not pending any
// more.
func (tx *Tx) NoteRefund(r *Refund, failure string) (bool, error) {
	tx.changed[r.OrderID] = true
	set := tx.db.Model(&Refund{}).Where("id = ? AND status = ?", r.ID, RefundPending).
		Updates(map[string]any{"failure": truncate(failure, 500)})
	return set.RowsAffected == 1, set.Error
}

// ResolveIncidents resolves the open incidents of a kind about a payment.
func (tx *Tx) ResolveIncidents(p *Payment, kinds []IncidentKind, resolution string) error {
	return tx.db.Model(&Incident{}).
		Where("order_id = ? AND payment_id = ? AND status = ? AND kind IN ?", p.OrderID, p.ID, IncidentOpen, kinds).
		Updates(resolved(tx, resolution)).Error
}

// ResolveConflicts resolves the open conflicts about a payment with the cause.
func (tx *Tx) ResolveConflicts(p *Payment, cause, resolution string) error {
	return tx.db.Model(&Incident{}).
		Where("order_id = ? AND payment_id = ? AND status = ? AND kind = ? AND cause = ?", p.OrderID, p.ID, IncidentOpen, IncidentConflict, cause).
		Updates(resolved(tx, resolution)).Error
}

// Refunds returns the refunds of an order, oldest first.
func (s *Store) Refunds(ctx context.Context, orderID string) ([]Refund, error) {
	var rows []Refund
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Preload("Items").Where("order_id = ?", orderID).Order("created_at, id").Find(&rows).Error
	})
	return rows, err
}

// RefundByNumber returns the refund with our number, or ErrRefundNotFound.
func (s *Store) RefundByNumber(ctx context.Context, number string) (*Refund, error) {
	var r Refund
	err := s.query(ctx, func(db *gorm.DB) error { return db.Where("number = ?", number).Take(&r).Error })
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, ErrRefundNotFound
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// DueRefunds returns refunds that are to be carried out or asked about, the longest overdue first,
// leaving out those of some gateways.
func (s *Store) DueRefunds(ctx context.Context, limit int, except ...GatewayName) ([]Refund, error) {
	var due []Refund
	err := s.query(ctx, func(db *gorm.DB) error {
		if len(except) > 0 {
			db = db.Where("NOT EXISTS (SELECT 1 FROM payments WHERE payments.id = refunds.payment_id AND gateway IN ?)", except)
		}
		return db.Where("check_at <= ?", s.Now()).Order("check_at").Limit(limit).Find(&due).Error
	})
	return due, err
}

// ClaimRefund takes the turn to carry a refund out, as ClaimCheck does for a payment.
func (s *Store) ClaimRefund(ctx context.Context, r *Refund, next time.Time) (bool, error) {
	claimed := false
	err := s.Tx(ctx, func(tx *Tx) error {
		set := tx.db.Model(&Refund{}).Where("id = ? AND check_at = ? AND checks = ?", r.ID, r.CheckAt, r.Checks).
			Updates(map[string]any{"check_at": next, "checks": r.Checks + 1})
		claimed = set.RowsAffected == 1
		return set.Error
	})
	return claimed, err
}

// ScheduleRefund ends a turn that ClaimRefund took until the claimed time, as ScheduleCheck does.
func (s *Store) ScheduleRefund(ctx context.Context, r *Refund, claimed, next time.Time) error {
	return s.Tx(ctx, func(tx *Tx) error {
		return tx.db.Model(&Refund{}).Where("id = ? AND check_at = ?", r.ID, claimed).
			Updates(map[string]any{"check_at": next.UTC().Truncate(time.Millisecond)}).Error
	})
}

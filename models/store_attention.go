package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// What needs attention.
const (
	// AttentionRows is the most of each that Attention returns.
	AttentionRows = 20
	// RefundHangsAfter is how long a refund may wait for its result before somebody looks.
	RefundHangsAfter = 10 * time.Minute
	// ConfirmingAfter is how long a paid order may wait for its confirmation.
	ConfirmingAfter = time.Minute
	// RefusedLately is how long a message that names no order of ours is worth a look.
	RefusedLately = 24 * time.Hour
)

// Attention is what waits for somebody, what waits longest first. A list that has AttentionRows may be
// cut.
type Attention struct {
	Incidents  []IncidentRow // open
	Open       int64         // how many incidents are open in all, counted up to CountLimit
	Refunds    []RefundRow   // that hang
	Failed     []RefundRow   // refunds that failed for good, not made good by another one, and not settled
	Confirming []OrderRow    // paid, and not confirmed after a while
	Mails      []MailRow     // that were given up
	Refused    *time.Time    // when the last message came that names no order of ours; nil: not lately
	Low        []Variant     // for sale, and nearly gone, with their products
}

// IncidentRow is an incident with the order that it is about.
type IncidentRow struct {
	Incident
	Order    *Order   // without lines; nil: it is about no order of ours
	Payment  *Payment // nil: about no attempt of ours
	Refunded int64    // how much of the payment went back, or is to
	OfRefund *Refund  // nil: about no refund of ours
}

// RefundRow is a refund with its order, without lines.
type RefundRow struct {
	Refund
	Order    Order
	Payment  Payment
	Refunded int64 // see IncidentRow
}

// MailRow is a mail with its order, without lines.
type MailRow struct {
	Mail
	Order Order
}

// Attention returns what waits for somebody.
func (s *Store) Attention(ctx context.Context) (Attention, error) {
	var a Attention
	err := s.query(ctx, func(db *gorm.DB) error {
		now := s.Now()
		var err error
		if a.Open, err = countIncidents(db, IncidentFilter{Status: IncidentOpen}); err != nil {
			return err
		}
		if a.Incidents, err = openIncidents(db); err != nil {
			return err
		}
		if a.Refunds, err = hangingRefunds(db, now.Add(-RefundHangsAfter)); err != nil {
			return err
		}
		if a.Failed, err = failedRefunds(db); err != nil {
			return err
		}
		if a.Confirming, err = confirming(db, now.Add(-ConfirmingAfter)); err != nil {
			return err
		}
		if a.Mails, err = givenUpMails(db); err != nil {
			return err
		}
		lone, err := loneEvidence(db.Omit("request", "response"), "", 1)
		if err != nil {
			return err
		}
		if len(lone) > 0 && now.Sub(lone[0].CreatedAt) < RefusedLately {
			a.Refused = &lone[0].CreatedAt
		}
		return db.InnerJoins("Product", db.Where("Product.active = ?", true)).
			Where("counted = ? AND variants.active = ? AND on_hand <= ?", true, true, s.Settings().LowStock).
			Order("on_hand, variants.id").Limit(AttentionRows).Find(&a.Low).Error
	})
	return a, err
}

func openIncidents(db *gorm.DB) ([]IncidentRow, error) {
	var open []Incident
	err := db.Where("status = ?", IncidentOpen).Order("created_at").Limit(AttentionRows).Find(&open).Error
	if err != nil {
		return nil, err
	}
	return incidentRows(db, open)
}

// byID reads the rows with these ids, of which those that are empty are none.
func byID[T any](db *gorm.DB, ids []string, id func(T) string) (map[string]*T, error) {
	var rows []T
	err := db.Where("id IN ?", ids).Find(&rows).Error
	found := make(map[string]*T, len(rows))
	for i := range rows {
		found[id(rows[i])] = &rows[i]
	}
	return found, err
}

func hangingRefunds(db *gorm.DB, before time.Time) ([]RefundRow, error) {
	var waiting []Refund
	err := db.Where("status = ? AND created_at <= ?", RefundPending, before).
		Order("created_at").Limit(AttentionRows).Find(&waiting).Error
	if err != nil {
		return nil, err
	}
	return refundRows(db, waiting)
}

// failedRefunds are those about which an incident is open.
func failedRefunds(db *gorm.DB) ([]RefundRow, error) {
	var failed []Refund
	open := db.Model(&Incident{}).Select("refund_id").Where("refund_id IS NOT NULL AND status = ?", IncidentOpen)
	err := db.Where("id IN (?) AND status = ?", open, RefundFailed).
		Order("created_at").Limit(AttentionRows).Find(&failed).Error
	if err != nil {
		return nil, err
	}
	return refundRows(db, failed)
}

func refundRows(db *gorm.DB, refunds []Refund) ([]RefundRow, error) {
	var orderIDs, paymentIDs []string
	for _, r := range refunds {
		orderIDs, paymentIDs = append(orderIDs, r.OrderID), append(paymentIDs, r.PaymentID)
	}
	orders, err := byID(db, orderIDs, func(o Order) string { return o.ID })
	if err != nil {
		return nil, err
	}
	payments, refunded, err := refundedPayments(db, paymentIDs)
	if err != nil {
		return nil, err
	}
	rows := make([]RefundRow, len(refunds))
	for i, r := range refunds {
		rows[i] = RefundRow{Refund: r, Order: *orders[r.OrderID], Payment: *payments[r.PaymentID], Refunded: refunded[r.PaymentID]}
	}
	return rows, nil
}

// refundedPayments reads payments, and how much of each went back, or is to.
func refundedPayments(db *gorm.DB, ids []string) (payments map[string]*Payment, refunded map[string]int64, err error) {
	payments, err = byID(db.Omit("action_data"), ids, func(p Payment) string { return p.ID })
	if err != nil {
		return nil, nil, err
	}
	refunded, err = sumBy(db.Model(&Refund{}).Where("payment_id IN ? AND status <> ?", ids, RefundFailed), "payment_id", "SUM(amount)")
	return payments, refunded, err
}

func givenUpMails(db *gorm.DB) ([]MailRow, error) {
	var given []Mail
	err := db.Where("status = ?", MailGivenUp).Order("created_at").Limit(AttentionRows).Find(&given).Error
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(given))
	for i, m := range given {
		ids[i] = m.OrderID
	}
	orders, err := byID(db, ids, func(o Order) string { return o.ID })
	if err != nil {
		return nil, err
	}
	rows := make([]MailRow, len(given))
	for i, m := range given {
		rows[i] = MailRow{Mail: m, Order: *orders[m.OrderID]}
	}
	return rows, nil
}

func confirming(db *gorm.DB, before time.Time) ([]OrderRow, error) {
	var ids []string
	err := db.Model(&Payment{}).
		Where("status = ? AND confirmed_at IS NULL AND written_off_at IS NULL AND succeeded_at <= ?", PaymentSucceeded, before).
		Order("succeeded_at").Limit(AttentionRows).Pluck("order_id", &ids).Error
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(db, distinct(ids))
	var waiting []OrderRow
	for _, r := range rows {
		if r.Confirming() {
			waiting = append(waiting, r)
		}
	}
	return waiting, err
}

// distinct returns each text once, in the order in which they first came.
func distinct(texts []string) []string {
	seen := map[string]bool{}
	var once []string
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			once = append(once, text)
		}
	}
	return once
}

package models

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// IncidentKinds returns all kinds, those that are about money that has come in first.
func IncidentKinds() []IncidentKind {
	return []IncidentKind{
		IncidentLatePayment, IncidentDuplicatePayment, IncidentAmountMismatch, IncidentCurrencyMismatch,
		IncidentMerchantMismatch, IncidentGatewayMismatch, IncidentUnknownOrder, IncidentConflict,
		IncidentRefundStuck, IncidentBadRedirect,
	}
}

// IncidentFilter says which incidents are meant; empty fields mean any.
type IncidentFilter struct {
	Status IncidentStatus
	Kind   IncidentKind
}

func (f IncidentFilter) in(db *gorm.DB) *gorm.DB {
	if f.Status != "" {
		db = db.Where("status = ?", f.Status)
	}
	if f.Kind != "" {
		db = db.Where("kind = ?", f.Kind)
	}
	return db
}

// ListIncidents returns at most limit incidents, the newest first: those before the one with the id,
// or the newest of all when it is empty or names none.
func (s *Store) ListIncidents(ctx context.Context, f IncidentFilter, before string, limit int) ([]IncidentRow, error) {
	var rows []IncidentRow
	err := s.query(ctx, func(db *gorm.DB) error {
		matching := f.in(db)
		if before != "" {
			var last Incident
			err := db.Select("id", "created_at").Where("id = ?", before).Take(&last).Error
			switch {
			case err == nil:
				matching = matching.Where("created_at < ? OR (created_at = ? AND id < ?)", last.CreatedAt, last.CreatedAt, last.ID)
			case !errors.Is(err, gorm.ErrRecordNotFound):
				return err
			}
		}
		var found []Incident
		err := matching.Order("created_at DESC, id DESC").Limit(limit).Find(&found).Error
		if err != nil {
			return err
		}
		rows, err = incidentRows(db, found)
		return err
	})
	return rows, err
}

// CountIncidents counts the incidents up to CountLimit.
func (s *Store) CountIncidents(ctx context.Context, f IncidentFilter) (int64, error) {
	var n int64
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		n, err = countIncidents(db, f)
		return err
	})
	return n, err
}

func countIncidents(db *gorm.DB, f IncidentFilter) (n int64, err error) {
	some := f.in(db.Model(&Incident{})).Select("id").Limit(CountLimit)
	err = db.Table("(?) AS some", some).Count(&n).Error
	return n, err
}

// IncidentRowByID returns an incident with what it is about, or ErrIncidentNotFound.
func (s *Store) IncidentRowByID(ctx context.Context, id string) (*IncidentRow, error) {
	i, err := s.IncidentByID(ctx, id)
	if err != nil {
		return nil, err
	}
	var rows []IncidentRow
	err = s.query(ctx, func(db *gorm.DB) (err error) {
		rows, err = incidentRows(db, []Incident{*i})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &rows[0], nil
}

// incidentRows finds what the incidents are about.
func incidentRows(db *gorm.DB, incidents []Incident) ([]IncidentRow, error) {
	rows := make([]IncidentRow, len(incidents))
	var orderIDs, paymentIDs, refundIDs []string
	for i, incident := range incidents {
		rows[i].Incident = incident
		orderIDs = append(orderIDs, deref(incident.OrderID))
		paymentIDs = append(paymentIDs, deref(incident.PaymentID))
		refundIDs = append(refundIDs, deref(incident.RefundID))
	}
	orders, err := byID(db, orderIDs, func(o Order) string { return o.ID })
	if err != nil {
		return nil, err
	}
	payments, refunded, err := refundedPayments(db, paymentIDs)
	if err != nil {
		return nil, err
	}
	refunds, err := byID(db, refundIDs, func(r Refund) string { return r.ID })
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].Order, rows[i].Payment, rows[i].Refunded = orders[orderIDs[i]], payments[paymentIDs[i]], refunded[paymentIDs[i]]
		rows[i].OfRefund = refunds[refundIDs[i]]
	}
	return rows, nil
}

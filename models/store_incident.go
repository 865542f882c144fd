package models

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// maxAlike is how many incidents of one kind may be open about one payment. What more messages say, each in
// other words, stands in its evidence.
const maxAlike = 20

// OpenIncident opens an incident, or counts it once more when the same one was opened before: the
// same by DedupKey. It says whether this opened it. Beside maxAlike open ones of its kind it counts with the
// newest of them.
func (tx *Tx) OpenIncident(i Incident) (bool, error) {
	i.DedupKey = truncate(i.DedupKey, 190)
	if known, err := tx.countIncident(i.DedupKey); known || err != nil {
		return false, err
	}
	if i.PaymentID != nil && i.RefundID == nil { // refunds are of our own making, and each may hang
		var alike []Incident
		err := tx.db.Select("dedup_key").Where("order_id = ? AND status = ? AND payment_id = ? AND kind = ?", i.OrderID, IncidentOpen, i.PaymentID, i.Kind).
			Order("created_at DESC, id DESC").Limit(maxAlike).Find(&alike).Error
		if err != nil {
			return false, err
		}
		if len(alike) == maxAlike {
			_, err = tx.countIncident(alike[0].DedupKey)
			return false, err
		}
	}
	i.ID, i.Count = NewID(), 1
	i.Detail, i.Number, i.Currency = truncate(i.Detail, 1000), truncate(i.Number, 64), truncate(i.Currency, 16)
	if i.Status == "" {
		i.Status = IncidentOpen
	}
	if i.Status == IncidentResolved {
		now := tx.Now()
		i.ResolvedAt = &now
	}
	err := tx.db.Create(&i).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) { // opened by another replica since
		_, err = tx.countIncident(i.DedupKey)
		return false, err
	}
	if i.OrderID != nil {
		tx.changed[*i.OrderID] = true
	}
	return err == nil, err
}

func (tx *Tx) countIncident(dedupKey string) (known bool, err error) {
	set := tx.db.Model(&Incident{}).Where("dedup_key = ?", dedupKey).
		Updates(map[string]any{"count": gorm.Expr("count + 1")})
	return set.RowsAffected > 0, set.Error
}

// ResolveStuck resolves what is open about a refund that had no result, or was refused, but for what
// was opened under a key.
func (tx *Tx) ResolveStuck(r *Refund, exceptKey, resolution string) error {
	return tx.db.Model(&Incident{}).
		Where("refund_id = ? AND status = ? AND kind = ? AND dedup_key <> ?", r.ID, IncidentOpen, IncidentRefundStuck, exceptKey).
		Updates(resolved(tx, resolution)).Error
}

// IncidentByID returns an incident, or ErrIncidentNotFound.
func (s *Store) IncidentByID(ctx context.Context, id string) (*Incident, error) {
	var i Incident
	err := s.query(ctx, func(db *gorm.DB) error { return db.Where("id = ?", id).Take(&i).Error })
	if err != nil {
		return nil, notFound(err, ErrIncidentNotFound)
	}
	return &i, nil
}

// SettleIncident resolves an incident by a person's decision. ErrOrderMoved: it is not open any more.
func (s *Store) SettleIncident(ctx context.Context, id, decision string, by Actor) error {
	i, err := s.IncidentByID(ctx, id)
	if err != nil {
		return err
	}
	return s.Tx(ctx, func(tx *Tx) error {
		var order *Order
		if i.OrderID != nil {
			if order, err = tx.LockOrder(*i.OrderID); err != nil {
				return err
			}
		}
		changes := resolved(tx, decision)
		changes["resolved_by"] = truncate(by.Name, 254)
		set := tx.db.Model(&Incident{}).Where("id = ? AND status = ?", id, IncidentOpen).Updates(changes)
		if set.Error != nil {
			return set.Error
		}
		switch {
		case set.RowsAffected != 1:
			return ErrOrderMoved
		case order == nil:
			return tx.AddAudit(by, ActResolve, string(i.Kind)+" "+i.Number, decision)
		default:
			return tx.AddAct(order, Act{By: by, What: ActResolve, PaymentID: i.PaymentID, Text: string(i.Kind) + ": " + decision})
		}
	})
}

// resolved are the changes that resolve an incident.
func resolved(tx *Tx, resolution string) map[string]any {
	return map[string]any{"status": IncidentResolved, "resolution": truncate(resolution, 1000), "resolved_at": tx.Now()}
}

// HasOpenIncident reports whether something about the order's money waits for a decision. A page of a
// gateway's that no buyer was sent to is none, since nobody has paid there; nor is a state that the shop
// does not know, since it takes nothing from what the buyer can do.
func (s *Store) HasOpenIncident(ctx context.Context, orderID string) (found bool, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		found, err = hasOpenIncident(db, orderID)
		return err
	})
	return found, err
}

// HasOpenIncident is Store.HasOpenIncident of the order as it is locked.
func (tx *Tx) HasOpenIncident(o *Order) (bool, error) { return hasOpenIncident(tx.db, o.ID) }

func hasOpenIncident(db *gorm.DB, orderID string) (bool, error) {
	err := db.Select("id").Where("order_id = ? AND status = ? AND kind <> ? AND cause <> ?",
		orderID, IncidentOpen, IncidentBadRedirect, CauseUnexplained).Take(&Incident{}).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return false, nil
	}
	return err == nil, err
}

// HasOpenOf reports whether an incident of the kind is open about the payment.
func (tx *Tx) HasOpenOf(p *Payment, kind IncidentKind) (bool, error) {
	var n int64
	err := tx.db.Model(&Incident{}).Where("order_id = ? AND status = ? AND payment_id = ? AND kind = ?",
		p.OrderID, IncidentOpen, p.ID, kind).Count(&n).Error
	return n > 0, err
}

// Incidents returns the incidents of an order, oldest first.
func (s *Store) Incidents(ctx context.Context, orderID string) ([]Incident, error) {
	var rows []Incident
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("order_id = ?", orderID).Order("created_at, id").Find(&rows).Error
	})
	return rows, err
}

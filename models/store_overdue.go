package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Overdue is how long what waits longest for the sweep is due already; zero: nothing is due.
type Overdue struct {
	Orders   time.Duration // whose window is over
	Payments time.Duration // to be asked about
	Refunds  time.Duration // to be carried out or asked about
}

// Overdue looks at everything that is due and that no replica has taken its turn at.
func (s *Store) Overdue(ctx context.Context) (Overdue, error) {
	var o Overdue
	now := s.Now()
	err := s.query(ctx, func(db *gorm.DB) error {
		for _, work := range []struct {
			late *time.Duration
			due  *gorm.DB
			at   string
		}{
			{&o.Orders, db.Model(&Order{}).Where("status = ?", OrderPending), "expires_at"},
			{&o.Payments, db.Model(&Payment{}), "check_at"},
			{&o.Refunds, db.Model(&Refund{}), "check_at"},
		} {
			var first []time.Time
			if err := work.due.Where(work.at+" <= ?", now).Order(work.at).Limit(1).Pluck(work.at, &first).Error; err != nil {
				return err
			}
			if len(first) == 1 {
				*work.late = now.Sub(first[0])
			}
		}
		return nil
	})
	return o, err
}

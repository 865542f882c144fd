package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Movement is money that a gateway took or gave back.
type Movement struct {
	Refund    bool      // given back; else taken
	Surplus   bool      // taken, and no order was paid with it: paid twice, or too late
	Number    string    // ours: the payment's, or the refund's own
	Reference string    // the gateway's number of a payment, empty when it is not known
	Order     string    // the number of the order
	Money     Money     // always more than nothing
	At        time.Time // when it was recorded
}

// Movements returns the money that the shop has recorded as moved at the gateway, from the first
// time up to and without the second: payments first, then refunds, each by time. What was written off
// never moved. The shop records a
// payment when it learns of it, which may be later than the gateway took the money.
func (s *Store) Movements(ctx context.Context, gateway GatewayName, from, to time.Time) ([]Movement, error) {
	var all []Movement
	for _, q := range []string{paymentsMoved, refundsMoved} {
		for at := from; at.Before(to); at = at.Add(movementSpan) {
			rows, err := s.movements(ctx, q, gateway, at, earlier(to, at.Add(movementSpan)))
			if err != nil {
				return nil, fmt.Errorf("read what moved at %s: %w", gateway, err)
			}
			for _, row := range rows {
				all = append(all, row.movement())
			}
		}
	}
	return all, nil
}

// movementSpan is how much is read at once, so that no query of a busy day takes too long.
const movementSpan = time.Hour

// Both queries walk along the index by time, and look everything else up from there: other forms
// of joining let the database begin with all payments of the gateway.
const (
	paymentsMoved = `SELECT p.number, p.reference, o.number AS order_number, p.currency, p.amount,
			p.succeeded_at AS at, o.payment_id IS NULL OR o.payment_id <> p.id AS surplus
		FROM payments p LEFT JOIN orders o ON o.id = p.order_id
		WHERE p.gateway = @gateway AND p.written_off_at IS NULL AND p.succeeded_at >= @from AND p.succeeded_at < @to
		ORDER BY p.succeeded_at, p.id`
	refundsMoved = `SELECT r.number, o.number AS order_number, r.currency, r.amount,
			r.succeeded_at AS at, 1 AS refund
		FROM refunds r LEFT JOIN orders o ON o.id = r.order_id
		WHERE (SELECT gateway FROM payments WHERE id = r.payment_id AND written_off_at IS NULL) = @gateway
			AND r.succeeded_at >= @from AND r.succeeded_at < @to
		ORDER BY r.succeeded_at, r.id`
)

type movementRow struct {
	Number      string
	Reference   *string
	OrderNumber string
	Currency    string
	Amount      int64
	At          time.Time
	Surplus     bool
	Refund      bool
}

func (s *Store) movements(ctx context.Context, q string, gateway GatewayName, from, to time.Time) ([]movementRow, error) {
	var rows []movementRow
	values := map[string]any{"gateway": gateway, "from": from.UTC(), "to": to.UTC()}
	err := s.query(ctx, func(db *gorm.DB) error { return db.Raw(q, values).Scan(&rows).Error })
	return rows, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (r movementRow) movement() Movement {
	m := Movement{
		Refund: r.Refund, Surplus: r.Surplus, Number: r.Number, Order: r.OrderNumber,
		Money: Money{Amount: r.Amount, Currency: r.Currency}, At: r.At.UTC(),
	}
	if r.Reference != nil {
		m.Reference = *r.Reference
	}
	return m
}

package models

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Figures returns what was sold in each of the spans. What CloseDays keeps is read; every other span is
// counted from the rows of its time, which takes the longer the more was sold in it.
func (s *Store) Figures(ctx context.Context, spans []Span) ([]Figures, error) {
	all := make([]Figures, len(spans))
	kept, first, err := s.keptFigures(ctx, spans)
	if err != nil {
		return nil, fmt.Errorf("read the figures of finished days: %w", err)
	}
	for i, span := range spans {
		switch known, there := kept[span.key()]; {
		case there:
			all[i] = known
		case first.IsZero() || !first.Before(span.To) || span.From.After(s.Now()):
			all[i] = Figures{}
		default:
			if all[i], err = s.count(ctx, span); err != nil {
				return nil, fmt.Errorf("count what was sold from %s to %s: %w", span.From, span.To, err)
			}
		}
	}
	return all, nil
}

// dayFigures are the figures of a day that is over, as JSON. What a day is depends on the time zone, so
// both ends name it. A migration after which something is counted otherwise has to empty the table.
type dayFigures struct {
	BeginsAt time.Time
	EndsAt   time.Time
	Figures  string
}

func (dayFigures) TableName() string { return "day_figures" }

// spanKey names a span whatever the zone of its times.
type spanKey struct{ from, to int64 }

func (s Span) key() spanKey { return spanKey{s.From.UnixMilli(), s.To.UnixMilli()} }

// keptFigures returns what is kept of the spans, and when the first order was placed; the zero time:
// none was.
func (s *Store) keptFigures(ctx context.Context, spans []Span) (kept map[spanKey]Figures, first time.Time, err error) {
	if len(spans) == 0 {
		return nil, first, nil
	}
	wanted := map[spanKey]bool{}
	from, to := spans[0].From, spans[0].From
	for _, span := range spans {
		wanted[span.key()] = true
		from, to = earlier(from, span.From), later(to, span.From)
	}
	var rows []dayFigures
	err = s.query(ctx, func(db *gorm.DB) error {
		var oldest Order
		if err := db.Select("created_at").Order("created_at, id").Limit(1).Find(&oldest).Error; err != nil {
			return err
		}
		first = oldest.CreatedAt
		return db.Where("begins_at >= ? AND begins_at <= ?", from.UTC(), to.UTC()).Find(&rows).Error
	})
	kept = map[spanKey]Figures{}
	for _, row := range rows {
		key := Span{row.BeginsAt, row.EndsAt}.key()
		if !wanted[key] {
			continue
		}
		var figures Figures
		if err := json.Unmarshal([]byte(row.Figures), &figures); err != nil {
			return nil, first, fmt.Errorf("figures of %s: %w", row.BeginsAt, err)
		}
		kept[key] = figures
	}
	return kept, first, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// settledAfter is how long after a day its figures do not change any more. The hour is for whoever
// writes with a clock that is behind.
const settledAfter = PaidWithin + time.Hour

// CloseDays keeps the figures of every day in the zone that is over and whose figures stand still. What
// is kept already is left alone, so it may be called as often as one likes, by several processes.
func (s *Store) CloseDays(ctx context.Context, zone *time.Location) error {
	days, err := s.daysToClose(ctx, zone)
	if err != nil {
		return fmt.Errorf("find the days to close: %w", err)
	}
	for _, day := range days {
		figures, err := s.count(ctx, day)
		if err != nil {
			return fmt.Errorf("count what was sold on %s: %w", day.From, err)
		}
		text, err := json.Marshal(figures)
		if err != nil {
			return err
		}
		row := dayFigures{day.From.UTC(), day.To.UTC(), string(text)}
		err = s.Tx(ctx, func(tx *Tx) error { return tx.db.Create(&row).Error })
		if err != nil && !errors.Is(err, gorm.ErrDuplicatedKey) { // another process was first
			return fmt.Errorf("keep the figures of %s: %w", day.From, err)
		}
	}
	return nil
}

// daysToClose returns the days from the first order on that stand still and are not kept yet.
func (s *Store) daysToClose(ctx context.Context, zone *time.Location) ([]Span, error) {
	var oldest Order
	var rows []dayFigures
	err := s.query(ctx, func(db *gorm.DB) error {
		err := db.Select("id", "created_at").Order("created_at, id").Limit(1).Find(&oldest).Error
		if err != nil || oldest.ID == "" {
			return err
		}
		return db.Select("begins_at", "ends_at").Find(&rows).Error
	})
	if err != nil || oldest.ID == "" {
		return nil, err
	}
	kept := map[spanKey]bool{}
	for _, row := range rows {
		kept[Span{row.BeginsAt, row.EndsAt}.key()] = true
	}
	var days []Span
	year, month, date := oldest.CreatedAt.In(zone).Date()
	for ; ; date++ {
		day := Span{time.Date(year, month, date, 0, 0, 0, 0, zone), time.Date(year, month, date+1, 0, 0, 0, 0, zone)}
		if s.Now().Before(day.To.Add(settledAfter)) {
			return days, nil
		}
		if !kept[day.key()] {
			days = append(days, day)
		}
	}
}

// countPiece is how much is counted at once, so that no query of a busy day takes too long.
const countPiece = 6 * time.Hour

// count counts what was sold in the span, row by row.
func (s *Store) count(ctx context.Context, span Span) (Figures, error) {
	figures := Figures{}
	for at := span.From; at.Before(span.To); at = at.Add(countPiece) {
		piece := Span{at.UTC(), earlier(span.To, at.Add(countPiece)).UTC()}
		err := s.query(ctx, func(db *gorm.DB) error { return figures.count(db, piece) })
		if err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// What is counted. Each walks along an index by time, and looks everything else up from there.
const (
	countPlaced = `SELECT currency, created_at, paid_at FROM orders
		WHERE created_at >= @from AND created_at < @to`
	countPaid = `SELECT currency, COUNT(*) FROM orders
		WHERE paid_at >= @from AND paid_at < @to GROUP BY currency`
	countGoods = `SELECT o.currency, i.variant_id, MAX(i.name), SUM(i.quantity), SUM(i.quantity * i.price)
		FROM orders o JOIN order_items i ON i.order_id = o.id
		WHERE o.paid_at >= @from AND o.paid_at < @to GROUP BY o.currency, i.variant_id`
	countPayments = `SELECT currency, wallet, gateway, amount, created_at, succeeded_at FROM payments
		WHERE gateway IN @gateways AND succeeded_at >= @from AND succeeded_at < @to`
	countRefunds = `SELECT r.currency, p.wallet, p.gateway, COUNT(*), SUM(r.amount)
		FROM refunds r LEFT JOIN payments p ON p.id = r.payment_id
		WHERE r.succeeded_at >= @from AND r.succeeded_at < @to GROUP BY r.currency, p.wallet, p.gateway`
)

// allGateways are those that money comes by.
var allGateways = []GatewayName{ScanForPay, Pass2Pay, ByHand}

func (s Span) values() map[string]any {
	return map[string]any{"from": s.From, "to": s.To, "gateways": allGateways}
}

// count adds what the rows of the span say.
func (f Figures) count(db *gorm.DB, span Span) error {
	for _, c := range []struct {
		query string
		row   func(*sql.Rows) error
	}{
		{countPlaced, f.placed},
		{countPaid, f.paid},
		{countGoods, f.goods},
		{countPayments, f.payment},
		{countRefunds, f.refunds},
	} {
		if err := eachRow(db.Raw(c.query, span.values()), c.row); err != nil {
			return err
		}
	}
	return nil
}

func eachRow(query *gorm.DB, row func(*sql.Rows) error) error {
	rows, err := query.Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (f Figures) placed(row *sql.Rows) error {
	var currency string
	var at time.Time
	var paid sql.Null[time.Time]
	if err := row.Scan(&currency, &at, &paid); err != nil {
		return err
	}
	sales := f.of(currency)
	sales.Placed++
	if paid.Valid && paid.V.Sub(at) < PaidWithin {
		sales.Converted++
	}
	return nil
}

func (f Figures) paid(row *sql.Rows) error {
	var currency string
	var n int64
	if err := row.Scan(&currency, &n); err != nil {
		return err
	}
	f.of(currency).Paid += n
	return nil
}

func (f Figures) goods(row *sql.Rows) error {
	var currency, variant string
	var sold Sold
	if err := row.Scan(&currency, &variant, &sold.Name, &sold.Pieces, &sold.Sum); err != nil {
		return err
	}
	f.of(currency).addSold(variant, sold)
	return nil
}

func (f Figures) payment(row *sql.Rows) error {
	var currency string
	var way Way
	var amount int64
	var begun, succeeded time.Time
	if err := row.Scan(&currency, &way.Wallet, &way.Gateway, &amount, &begun, &succeeded); err != nil {
		return err
	}
	sales := f.of(currency)
	sales.Ways[way] = sales.Ways[way].Plus(Turnover{Payments: 1, Taken: amount})
	if way.Gateway != ByHand {
		sales.Waits[roundWait(succeeded.Sub(begun))]++
	}
	return nil
}

func (f Figures) refunds(row *sql.Rows) error {
	var currency string
	var way Way
	var t Turnover
	if err := row.Scan(&currency, &way.Wallet, &way.Gateway, &t.Refunds, &t.Returned); err != nil {
		return err
	}
	sales := f.of(currency)
	sales.Ways[way] = sales.Ways[way].Plus(t)
	return nil
}

// ProductOfVariant returns the product of each variant, with its slug and name, by the variant's id.
func (s *Store) ProductOfVariant(ctx context.Context) (map[string]Product, error) {
	var rows []struct{ ID, Slug, Name string }
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Model(&Variant{}).Select("variants.id, products.slug, products.name").
			Joins("JOIN products ON products.id = variants.product_id").Scan(&rows).Error
	})
	products := make(map[string]Product, len(rows))
	for _, row := range rows {
		products[row.ID] = Product{Slug: row.Slug, Name: row.Name}
	}
	return products, err
}

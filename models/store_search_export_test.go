package models

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Words and NameWords are how texts are written to be found.
var (
	Words     = words
	NameWords = nameWords
)

// MaxTerms is for tests that need more words than one search takes.
const MaxTerms = maxTerms

// Backfill makes the words of orders that have none.
func Backfill(s *Store) error { return backfillTerms(s.write) }

// BackfillNames keeps the names of before that stand in orders.
func BackfillNames(s *Store) error { return backfillNames(s.write) }

// BackfillRefunded lets orders that had a refund be found by that.
func BackfillRefunded(s *Store) error { return backfillRefunded(s.write) }

// OrderPlan returns how the database goes about reading a part of a list of orders, and about counting
// them, step by step, with the index that each takes.
func (s *Store) OrderPlan(ctx context.Context, f OrderFilter, p Paging) (list, count []string, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		search, err := lookUp(db, f)
		if err != nil {
			return err
		}
		from, err := placeOf(db, p)
		if err != nil {
			return err
		}
		if list, err = s.explain(db, search.list(from, p.Limit)); err != nil {
			return err
		}
		count, err = s.explain(db, search.count(CountLimit+1))
		return err
	})
	return list, count, err
}

func (s *Store) explain(db *gorm.DB, q query) ([]string, error) {
	explain, columns := "EXPLAIN QUERY PLAN ", []string{"detail"}
	if s.driver == DriverMySQL {
		explain, columns = "EXPLAIN ", []string{"table", "type", "key", "rows", "Extra"}
	}
	var rows []map[string]any
	err := db.Raw(explain+q.text.String(), q.values...).Scan(&rows).Error
	var steps []string
	for _, row := range rows {
		step := ""
		for _, column := range columns {
			step += fmt.Sprint(row[column], " ")
		}
		steps = append(steps, step)
	}
	return steps, err
}

// Analyze lets the database look at what it holds, as it does by itself from time to time.
func (s *Store) Analyze(ctx context.Context) error {
	if s.driver == DriverSQLite {
		return s.write.WithContext(ctx).Exec("ANALYZE").Error
	}
	for _, table := range []string{"orders", "order_terms", "payments", "refunds", "incidents"} {
		if err := s.write.WithContext(ctx).Exec("ANALYZE TABLE " + table).Error; err != nil {
			return err
		}
	}
	return nil
}

// InsertAlone stores rows as they are, and nothing that hangs on them.
func (tx *Tx) InsertAlone(rows any) error {
	return tx.db.Session(&gorm.Session{CreateBatchSize: 200}).Omit("Items", "Payments").Create(rows).Error
}

// InsertTerms stores the words of orders and of their attempts.
func (tx *Tx) InsertTerms(orders []Order) error {
	var all []orderTerm
	for _, o := range orders {
		all = append(all, orderTerms(&o)...)
		for _, p := range o.Payments {
			for _, number := range []string{p.Number, deref(p.Reference)} {
				all = append(all, orderTerm{word(number), o.CreatedAt, o.ID})
			}
		}
	}
	return tx.db.CreateInBatches(&all, 2000).Error
}

// KeepTerms keeps the words that there are where CopyOrders finds them by their time.
func (tx *Tx) KeepTerms() error {
	for _, statement := range []string{
		"CREATE TABLE first_terms AS SELECT * FROM order_terms", "CREATE INDEX first_terms_created ON first_terms (created_at)",
	} {
		if err := tx.db.Exec(statement).Error; err != nil {
			return err
		}
	}
	return nil
}

// CopyOrders copies the first orders that were placed from the start on, with their lines, attempts and
// words, to a later time. The copy's own numbers end in its number.
func (tx *Tx) CopyOrders(start time.Time, nth int, later time.Duration, orders int) error {
	c := copier{tx: tx, mark: fmt.Sprintf("k%d", nth), id: fmt.Sprintf("k%04d", nth), minutes: int(later / time.Minute)}
	end := start.Add(time.Duration(orders) * time.Minute)
	base := "(SELECT id FROM orders WHERE created_at >= ? AND created_at < ?)"
	c.copy("orders", "orders WHERE id IN "+base, start, end)
	c.copy("order_items", "order_items WHERE order_id IN "+base, start, end)
	c.copy("payments", "payments WHERE order_id IN "+base, start, end)
	c.copy("order_terms", "first_terms WHERE created_at >= ? AND created_at < ?", start, end)
	return c.err
}

type copier struct {
	tx       *Tx
	mark, id string
	minutes  int
	err      error
}

// copy copies rows: their ids, numbers and times become others.
func (c *copier) copy(table, from string, values ...any) {
	if c.err != nil {
		return
	}
	types, err := c.tx.db.Migrator().ColumnTypes(table)
	if err != nil {
		c.err = err
		return
	}
	var names, made []string
	for _, column := range types {
		names, made = append(names, column.Name()), append(made, c.value(column.Name()))
	}
	c.err = c.tx.db.Exec(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s",
		table, strings.Join(names, ", "), strings.Join(made, ", "), from), values...).Error
}

func (c *copier) value(column string) string {
	join, later := "%s || '%s'", "strftime('%%Y-%%m-%%d %%H:%%M:%%S+00:00', %s, '+%d minutes')"
	if c.tx.store.driver == DriverMySQL {
		join, later = "CONCAT(%s, '%s')", "DATE_ADD(%s, INTERVAL %d MINUTE)"
	}
	switch column {
	case "id", "order_id", "payment_id":
		return fmt.Sprintf(join, "SUBSTR("+column+", 1, 31)", c.id)
	case "number", "token", "form_token", "reference":
		return fmt.Sprintf(join, column, c.mark)
	case "term":
		own := "term LIKE '26%' OR term LIKE '0%' OR term LIKE 'p26%' OR term LIKE 'g0%'"
		return "CASE WHEN " + own + " THEN " + fmt.Sprintf(join, column, c.mark) + " ELSE term END"
	case "created_at", "updated_at", "expires_at", "paid_at", "succeeded_at", "confirmed_at", "watch_until":
		return fmt.Sprintf(later, column, c.minutes)
	default:
		return column
	}
}

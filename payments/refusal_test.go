package payments_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/sandbox"
)

// stubborn is a database that refuses what the test says, past the store.
type stubborn struct {
	t  *testing.T
	db *sql.DB
}

// write is a kind of write, such as "UPDATE ON orders".
type write string

func (d stubborn) do(statement string, args ...any) {
	d.t.Helper()
	if _, err := d.db.Exec(statement, args...); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
}

func (d stubborn) column(query string) []string {
	d.t.Helper()
	rows, err := d.db.Query(query)
	if err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			d.t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// prepare puts into the database what notes the writes and refuses one, and the view of the books:
// everything about money and goods that is kept, but for whose turn it is to ask.
func (d stubborn) prepare() {
	d.t.Helper()
	text := "BEGIN; CREATE TABLE refused (what TEXT); INSERT INTO refused VALUES (''); CREATE TABLE written (what TEXT);"
	var books []string
	for i, table := range d.column("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'") {
		if strings.HasPrefix(table, "staff") || strings.Contains(table, "session") || strings.Contains(table, "product") {
			continue // no deed goes there
		}
		for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
			text += fmt.Sprintf(`CREATE TRIGGER see_%[2]s_%[1]d BEFORE %[2]s ON %[3]s BEGIN
				SELECT RAISE(ABORT, 'refused on purpose') FROM refused WHERE what = '%[2]s ON %[3]s';
				INSERT INTO written VALUES ('%[2]s ON %[3]s'); END;`, i, verb, table)
		}
		row := "'" + table + "'"
		for _, c := range d.column("SELECT name FROM pragma_table_info('" + table + "')") {
			if c != "check_at" && c != "checks" && c != "updated_at" {
				row += " || ' ' || COALESCE(CAST(" + c + " AS TEXT), '-')"
			}
		}
		books = append(books, "SELECT "+row+" AS row FROM "+table)
	}
	d.do(text + "CREATE VIEW books AS " + strings.Join(books, " UNION ALL ") + "; COMMIT")
}

func (d stubborn) books() []string {
	d.t.Helper()
	return d.column("SELECT row FROM books ORDER BY row")
}

// writes returns the kinds of writes that happen while it does something.
func (d stubborn) writes(do func()) []write {
	d.t.Helper()
	d.do("DELETE FROM written")
	do()
	var all []write
	for _, w := range d.column("SELECT DISTINCT what FROM written ORDER BY what") {
		all = append(all, write(w))
	}
	return all
}

// refuse makes one kind of write fail, until allow.
func (d stubborn) refuse(w write) (allow func()) {
	d.do("UPDATE refused SET what = ?", string(w))
	return func() { d.do("UPDATE refused SET what = ''") }
}

// hide makes every look at a table fail, until show.
func (d stubborn) hide(table string) (show func()) {
	d.do("ALTER TABLE " + table + " RENAME TO hidden")
	return func() { d.do("ALTER TABLE hidden RENAME TO " + table) }
}

// deed is something that changes the books in one transaction. It is made ready on a database of its
// own, and then done. A silent one does not tell that it failed, but is tried again later.
type deed struct {
	name   string
	ready  func(t *testing.T, o models.Options) (do func() error)
	reads  string // a table that it must be able to read, if that is to be tried
	silent bool
}

// said applies what the gateway says about the attempt.
func (s shop) said(p *models.Payment, state payments.State) func() error {
	return func() error {
		return s.service.Apply(context.Background(), s.report(p, state), payments.OpNotification)
	}
}

// expired is an order whose window is over, with an attempt. What is left is what others bought.
func (s shop) expired(t *testing.T, left int) (*models.Order, *models.Payment) {
	t.Helper()
	order, p := s.attempt(t)
	err := s.Tx(t.Context(), func(tx *models.Tx) error {
		o, err := tx.LockOrder(order.ID)
		if err == nil {
			_, err = tx.CloseOrder(o, models.OrderExpired)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 - left {
		modelstest.Order(t, s.Store, "cup")
	}
	return order, p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var deeds = []deed{
	{name: "paid", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		_, p := s.attempt(t)
		return s.said(p, payments.StateSucceeded)
	}},
	{name: "paid while another attempt is open", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		order, p := s.attempt(t)
		must(t, s.said(p, payments.StateClosed)())
		s.attemptFor(t, order)
		return s.said(p, payments.StateSucceeded)
	}},
	{name: "confirmed", reads: "evidence", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		_, p := s.attempt(t)
		weak := s.report(p, payments.StateSucceeded)
		weak.Conclusive, weak.Exchange.Response = false, []byte("weak")
		must(t, s.service.Apply(t.Context(), weak, payments.OpNotification))
		return s.said(p, payments.StateSucceeded)
	}},
	{name: "paid twice", ready: func(t *testing.T, o models.Options) func() error {
		o.Settings.DuplicatePayment = models.RefundAlways
		s := newShop(t, o, models.FulfilOrRefund)
		order, p := s.attempt(t)
		must(t, s.said(p, payments.StateSucceeded)())
		return s.said(s.attemptFor(t, order), payments.StateSucceeded)
	}},
	{name: "paid late, and revived", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		_, p := s.expired(t, 1)
		return s.said(p, payments.StateSucceeded)
	}},
	{name: "paid late, and nothing is left", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		_, p := s.expired(t, 0)
		return s.said(p, payments.StateSucceeded)
	}},
	{name: "another amount", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		_, p := s.attempt(t)
		wrong := *p
		wrong.Amount++
		return s.said(&wrong, payments.StateSucceeded)
	}},
	{name: "an unknown number", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.FulfilOrRefund)
		_, p := s.attempt(t)
		unknown := *p
		unknown.Number = "UNKNOWN"
		return func() error {
			err := s.said(&unknown, payments.StateSucceeded)()
			if errors.Is(err, payments.ErrUnknownOrder) {
				return nil // what a gateway is told once it is kept
			}
			return err
		}
	}},
	{name: "refunded, as the payment shows", reads: "refunds", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.AskStaff)
		_, p := s.attempt(t)
		must(t, s.said(p, payments.StateSucceeded)())
		if _, err := s.service.GiveBack(t.Context(), p.Number, p.Amount); err != nil {
			t.Fatal(err)
		}
		return s.said(p, payments.StateRefunded)
	}},
	{name: "revived by staff", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.AskStaff)
		_, p := s.expired(t, 1)
		must(t, s.said(p, payments.StateSucceeded)())
		return func() error { return s.service.Revive(context.Background(), p.Number, nil, mia) }
	}},
	{name: "marked as paid", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.AskStaff)
		order := modelstest.Order(t, s.Store, "cup")
		return func() error {
			return s.service.MarkPaid(context.Background(), order.Number, payments.HandPayment{Reference: "B1", Note: "by bank", By: mia})
		}
	}},
	{name: "refunded by hand", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.AskStaff)
		order := modelstest.Order(t, s.Store, "cup")
		must(t, s.service.MarkPaid(t.Context(), order.Number, payments.HandPayment{Reference: "B1", Note: "by bank", By: mia}))
		order, err := s.OrderByID(t.Context(), order.ID)
		must(t, err)
		return func() error {
			_, err := s.service.Refund(context.Background(), payments.StaffRefund{Payment: order.Payments[0].Number, Amount: order.Amount, Reason: "broken", By: mia})
			return err
		}
	}},
	{name: "canceled", ready: func(t *testing.T, o models.Options) func() error {
		s := newShop(t, o, models.AskStaff)
		order := modelstest.Order(t, s.Store, "cup")
		return func() error { return s.service.Cancel(context.Background(), order.Number, "why not", mia) }
	}},
	{name: "expired", silent: true, ready: func(t *testing.T, o models.Options) func() error {
		w := wire(t, o, route(models.WeChat, models.ScanForPay, "qrcode"))
		modelstest.Order(t, w.Store, "cup")
		w.ahead.Store(int64(modelstest.Settings.PaymentWindow))
		return w.sweep
	}},
	{name: "refunded", silent: true, ready: sweptRefund(nil)},
	{name: "refund refused", silent: true, ready: sweptRefund(&sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultRefundFails})},
	{name: "refund not understood", silent: true, ready: sweptRefund(&sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultHTML})},
}

func (w *wired) sweep() error {
	_, err := w.service.Sweep(context.Background())
	return err
}

// sweptRefund is a refund that was stored and not sent, and that the sweep carries out while the
// gateway has a fault.
func sweptRefund(f *sandbox.Fault) func(t *testing.T, o models.Options) func() error {
	return func(t *testing.T, o models.Options) func() error {
		w := wire(t, o, route(models.WeChat, models.Pass2Pay, "WX_NATIVE"))
		order, p := w.paid(models.WeChat)
		must(t, w.Tx(t.Context(), func(tx *models.Tx) error {
			locked, err := tx.LockOrder(order.ID)
			if err != nil {
				return err
			}
			r := models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(w.now()), Amount: p.Amount, Reason: "test"}
			return tx.AddRefund(locked, &p, &r)
		}))
		if f != nil {
			w.fault(*f)
		}
		return w.sweep
	}
}

// TestARefusedWriteUndoesEverything: whatever the database refuses of a deed, it fails as a whole and says so, so that a gateway comes again and nothing is half done; and it is done
// when it is tried again.
func TestARefusedWriteUndoesEverything(t *testing.T) {
	empty := emptyDatabase(t)
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			start := func(t *testing.T) (stubborn, func() error) {
				o := modelstest.Options(t)
				must(t, os.WriteFile(o.DSN, empty, 0o600))
				do := d.ready(t, o)
				return stubborn{t, database(t, o)}, do
			}
			first, do := start(t)
			writes := first.writes(func() { must(t, do()) })
			if len(writes) == 0 {
				t.Fatal("nothing was written: this shows nothing")
			}
			db, do := start(t)
			before := db.books()
			for _, refused := range d.refusals(writes) {
				if d.silent { // it took its turn
					db.do("UPDATE refunds SET check_at = created_at")
				}
				allow := refused.begin(db)
				err := do()
				allow()
				if err == nil && !d.silent {
					t.Errorf("%s is refused: got no error", refused.what)
				}
				if after := db.books(); !slices.Equal(before, after) {
					t.Fatalf("%s is refused, and still something changed (-before +after):\n%s", refused.what, cmp.Diff(before, after))
				}
			}
			if d.silent {
				return
			}
			if err := do(); err != nil || slices.Equal(before, db.books()) {
				t.Errorf("nothing is refused any more: got %v, want it done", err)
			}
		})
	}
}

// TestACreateThatIsNotKeptLeadsNowhere: a buyer is not sent to pay what the shop could not write down.
func TestACreateThatIsNotKeptLeadsNowhere(t *testing.T) {
	o := modelstest.Options(t)
	must(t, os.WriteFile(o.DSN, emptyDatabase(t), 0o600))
	w := wire(t, o, route(models.WeChat, models.ScanForPay, "qrcode"))
	order := modelstest.Order(t, w.Store, "cup")
	allow := stubborn{t, database(t, o)}.refuse("INSERT ON evidence")
	next, err := w.begin(order, models.WeChat)
	allow()
	if err == nil || next != (payments.NextAction{}) {
		t.Errorf("got %+v, %v, want an error, and nowhere to go", next, err)
	}
	if got := len(w.box.Payments()); got != 1 {
		t.Errorf("the gateway knows %d payments, want the one whose answer was not kept", got)
	}
}

// emptyDatabase is the file of a stubborn database, which takes longest to make.
func emptyDatabase(t *testing.T) []byte {
	t.Helper()
	o := modelstest.Options(t)
	store, err := models.Open(t.Context(), o)
	must(t, err)
	must(t, store.Close())
	db := stubborn{t, database(t, o)}
	db.prepare()
	must(t, db.db.Close())
	file, err := os.ReadFile(o.DSN)
	must(t, err)
	return file
}

// refusal is what a database may refuse.
type refusal struct {
	what  string
	begin func(stubborn) (end func())
}

// refusals are those of each kind of write, and of the look at what the deed reads.
func (d deed) refusals(writes []write) []refusal {
	var all []refusal
	for _, w := range writes {
		all = append(all, refusal{string(w), func(db stubborn) func() { return db.refuse(w) }})
	}
	if d.reads != "" {
		all = append(all, refusal{"every look at " + d.reads, func(db stubborn) func() { return db.hide(d.reads) }})
	}
	return all
}

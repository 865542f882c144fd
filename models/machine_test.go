package models_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"saoma/models"
	"saoma/models/modelstest"
)

// Whatever buyers, gateways, the sweep and the merchant do, in any order: no piece of stock is lost
// or sold twice, an order walks only where it may, and is paid once.
func TestStockAndStatesWhateverHappens(t *testing.T) {
	for name, tc := range map[string]struct {
		options func(testing.TB) models.Options
		checks  string
	}{
		"sqlite": {modelstest.Options, "20"},
		"mysql":  {modelstest.MySQLOptions, "8"},
	} {
		t.Run(name, func(t *testing.T) {
			limitChecks(t, tc.checks)
			s := modelstest.Open(t, tc.options(t))
			rapid.Check(t, func(t *rapid.T) {
				m := newMachine(t, s)
				t.Repeat(map[string]func(*rapid.T){
					"":           m.invariants,
					"place":      m.place,
					"placeAgain": m.placeAgain,
					"start":      m.start,
					"end":        m.end,
					"succeed":    m.succeed,
					"close":      m.close,
					"restock":    m.restock,
					"adjust":     m.adjust,
					"count":      m.count,
				})
			})
		})
	}
}

// limitChecks keeps a property that costs disk flushes from being checked a hundred times, unless
// somebody asks for a number.
func limitChecks(t *testing.T, checks string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := flag.Set(f.Name, checks); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(f.Name, f.DefValue) })
}

// machine is a shop of two articles and what it is expected to hold.
type machine struct {
	store  *models.Store
	skus   []string
	shelf  map[string]*pieces
	orders []*track
}

// pieces are where the pieces of one article should be.
type pieces struct{ put, onHand, reserved, sold int64 }

// track is one order as it should stand, and as it stood before.
type track struct {
	id       string
	draft    models.Draft
	want     models.OrderStatus
	attempts []string // ids
	seen     *models.Order
}

func newMachine(t *rapid.T, s *models.Store) *machine {
	m := &machine{store: s, shelf: map[string]*pieces{}}
	for range 2 {
		sku := models.NewToken()
		m.skus, m.shelf[sku] = append(m.skus, sku), &pieces{}
		m.stock(t, sku, rapid.Int64Range(0, 6).Draw(t, "pieces"))
	}
	return m
}

// stock sets how many pieces of an article are on hand.
func (m *machine) stock(t *rapid.T, sku string, n int64) {
	err := m.store.PutProducts(context.Background(), []models.Product{{
		Slug: sku, Name: sku, Active: true,
		Variants: []models.Variant{{SKU: sku, Price: 100, Counted: true, OnHand: n, Active: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := m.shelf[sku]
	p.put, p.onHand = p.put+n-p.onHand, n
}

func (m *machine) restock(t *rapid.T) {
	m.stock(t, m.article(t), rapid.Int64Range(0, 6).Draw(t, "pieces"))
}

// adjust puts pieces in or takes some out, which is refused when they are held.
func (m *machine) adjust(t *rapid.T) {
	sku, n := m.article(t), rapid.Int64Range(-4, 4).Draw(t, "delta")
	v, err := m.store.ChangeStock(context.Background(), mia, models.StockChange{ID: models.NewID(), SKU: sku, Delta: n, Reason: "test"})
	m.moved(t, sku, n, v, err)
}

// count finds so many on the shelf, and what was seen before may be wrong by one.
func (m *machine) count(t *rapid.T) {
	sku := m.article(t)
	p := m.shelf[sku]
	seen := p.onHand + p.reserved - rapid.Int64Range(0, 1).Draw(t, "missed")
	n := rapid.Int64Range(0, 6).Draw(t, "counted") - seen
	v, err := m.store.ChangeStock(context.Background(), mia, models.StockChange{ID: models.NewID(), SKU: sku, Delta: n, Seen: &seen, Reason: "test"})
	if seen != p.onHand+p.reserved {
		if !errors.Is(err, models.ErrStockMoved) {
			t.Fatalf("count from %d when there are %+v: got %v, want %v", seen, *p, err, models.ErrStockMoved)
		}
		return
	}
	m.moved(t, sku, n, v, err)
}

// moved notes a change of stock, or that it was refused.
func (m *machine) moved(t *rapid.T, sku string, n int64, v *models.Variant, err error) {
	p := m.shelf[sku]
	if p.onHand+n < 0 {
		if !errors.Is(err, models.ErrStockTooLow) {
			t.Fatalf("%+d of %+v: got %v, want %v", n, *p, err, models.ErrStockTooLow)
		}
		return
	}
	p.put, p.onHand = p.put+n, p.onHand+n
	if err != nil || v.OnHand != p.onHand || v.Reserved != p.reserved {
		t.Fatalf("%+d: got %+v, err %v; want %+v", n, v, err, *p)
	}
}

// article chooses one of the articles, whose names differ from run to run.
func (m *machine) article(t *rapid.T) string {
	return m.skus[rapid.IntRange(0, len(m.skus)-1).Draw(t, "article")]
}

func (m *machine) place(t *rapid.T) {
	d := modelstest.Draft("", 0)
	d.Lines = nil
	wanted := map[string]int64{}
	for range rapid.IntRange(1, 3).Draw(t, "lines") {
		line := models.Line{
			SKU:      m.article(t),
			Quantity: rapid.Int64Range(1, 3).Draw(t, "quantity"),
		}
		d.Lines = append(d.Lines, line)
		wanted[line.SKU] += line.Quantity
	}
	order, err := m.store.PlaceOrder(context.Background(), d)
	if !m.fits(wanted) {
		if !errors.Is(err, models.ErrOutOfStock) {
			t.Fatalf("place %v: got %v, want %v", wanted, err, models.ErrOutOfStock)
		}
		return
	}
	if err != nil {
		t.Fatalf("place %v: %v", wanted, err)
	}
	for sku, n := range wanted {
		m.shelf[sku].onHand -= n
		m.shelf[sku].reserved += n
	}
	m.orders = append(m.orders, &track{id: order.ID, draft: d, want: models.OrderPending})
}

func (m *machine) fits(wanted map[string]int64) bool {
	for sku, n := range wanted {
		if m.shelf[sku].onHand < n {
			return false
		}
	}
	return true
}

// placeAgain sends the form of an order once more.
func (m *machine) placeAgain(t *rapid.T) {
	o := m.draw(t)
	order, err := m.store.PlaceOrder(context.Background(), o.draft)
	if err != nil || order.ID != o.id {
		t.Fatalf("place again: got %v, err %v, want the order that was there", order, err)
	}
}

func (m *machine) draw(t *rapid.T) *track {
	if len(m.orders) == 0 {
		t.Skip("no order yet")
	}
	return m.orders[rapid.IntRange(0, len(m.orders)-1).Draw(t, "order")]
}

// start adds an attempt, which an order that has a live one refuses.
func (m *machine) start(t *rapid.T) {
	o := m.draw(t)
	live := slices.ContainsFunc(o.seen.Payments, models.Payment.Live)
	p := newPayment(m.store, o.seen)
	err := m.store.Tx(context.Background(), func(tx *models.Tx) error { return tx.AddPayment(p) })
	if live != errors.Is(err, models.ErrLivePayment) || !live && err != nil {
		t.Fatalf("start beside a live attempt %v: got %v", live, err)
	}
	if err == nil {
		o.attempts = append(o.attempts, p.ID)
	}
}

// end lets an attempt fail, or closes it, as far as it may.
func (m *machine) end(t *rapid.T) {
	o := m.draw(t)
	to := rapid.SampledFrom([]models.PaymentStatus{models.PaymentPending, models.PaymentFailed, models.PaymentClosed}).Draw(t, "to")
	n := rapid.IntRange(0, 3).Draw(t, "attempt")
	err := m.store.Tx(context.Background(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.id)
		if err != nil || n >= len(locked.Payments) {
			return err
		}
		p := &locked.Payments[n]
		may := slices.Contains(paymentMoves[p.Status], to)
		from := p.Status
		moved, err := tx.MovePayment(p, to, models.PaymentChange{})
		if err == nil && moved != may {
			err = fmt.Errorf("payment from %s to %s: moved %v, want %v", from, to, moved, may)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// succeed reports any attempt as paid, for the first time or again, in time or late.
func (m *machine) succeed(t *rapid.T) {
	o := m.draw(t)
	if len(o.attempts) == 0 {
		t.Skip("no attempt yet")
	}
	id := o.attempts[rapid.IntRange(0, len(o.attempts)-1).Draw(t, "attempt")]
	repeated := slices.ContainsFunc(o.seen.Payments, func(p models.Payment) bool {
		return p.ID == id && p.Status == models.PaymentSucceeded
	})
	wanted := o.wanted()
	want := !repeated && (o.want == models.OrderPending || slices.Contains(orderMoves[o.want], models.OrderPaid) && m.fits(wanted))
	paid, err := pay(context.Background(), m.store, o.id, id)
	if err != nil || paid != want {
		t.Fatalf("pay an order that is %s, again %v: got %v, err %v, want %v", o.want, repeated, paid, err, want)
	}
	if !paid {
		return
	}
	for sku, n := range wanted {
		if o.want == models.OrderPending {
			m.shelf[sku].reserved -= n
		} else {
			m.shelf[sku].onHand -= n
		}
		m.shelf[sku].sold += n
	}
	o.want = models.OrderPaid
}

func (o *track) wanted() map[string]int64 {
	wanted := map[string]int64{}
	for _, line := range o.draft.Lines {
		wanted[line.SKU] += line.Quantity
	}
	return wanted
}

// close expires or cancels an order, which only a pending one lets be done.
func (m *machine) close(t *rapid.T) {
	o := m.draw(t)
	to := rapid.SampledFrom([]models.OrderStatus{models.OrderExpired, models.OrderCanceled}).Draw(t, "to")
	closed := false
	err := m.store.Tx(context.Background(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.id)
		if err != nil {
			return err
		}
		closed, err = tx.CloseOrder(locked, to)
		return err
	})
	if want := o.want == models.OrderPending; err != nil || closed != want {
		t.Fatalf("close an order that is %s: got %v, err %v, want %v", o.want, closed, err, want)
	}
	if !closed {
		return
	}
	for sku, n := range o.wanted() {
		m.shelf[sku].onHand += n
		m.shelf[sku].reserved -= n
	}
	o.want = to
}

func (m *machine) invariants(t *rapid.T) {
	variants, err := m.store.VariantsBySKU(context.Background(), m.skus)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variants {
		p := m.shelf[v.SKU]
		if v.OnHand != p.onHand || v.Reserved != p.reserved || v.OnHand < 0 || v.Reserved < 0 {
			t.Fatalf("stock: got %d on hand and %d reserved, want %+v", v.OnHand, v.Reserved, *p)
		}
		if v.OnHand+v.Reserved+p.sold != p.put {
			t.Fatalf("stock: %d on hand, %d reserved and %d sold are not the %d that were put in", v.OnHand, v.Reserved, p.sold, p.put)
		}
		if sum := moved(t, m.store, v.ID); sum != p.put {
			t.Fatalf("stock moves: they add up to %d, want the %d that were put in", sum, p.put)
		}
	}
	for _, o := range m.orders {
		m.follow(t, o)
	}
}

// follow looks at an order and at where it came from since the last look.
func (m *machine) follow(t *rapid.T, o *track) {
	is, err := m.store.OrderByID(context.Background(), o.id)
	if err != nil {
		t.Fatal(err)
	}
	before := models.OrderPending
	if o.seen != nil {
		before = o.seen.Status
	}
	if is.Status != o.want || is.Status != before && !slices.Contains(orderMoves[before], is.Status) {
		t.Fatalf("order: went from %s to %s, want %s", before, is.Status, o.want)
	}
	paid := is.Status == models.OrderPaid
	if paid != (is.PaidAt != nil) || paid != (is.PaymentID != nil) {
		t.Fatalf("order that is %s: got paid_at %v by %v", is.Status, is.PaidAt, is.PaymentID)
	}
	if o.seen != nil && o.seen.PaidAt != nil && (!is.PaidAt.Equal(*o.seen.PaidAt) || *is.PaymentID != *o.seen.PaymentID) {
		t.Fatalf("paid_at: got %v by %s, and before %v by %s", is.PaidAt, *is.PaymentID, o.seen.PaidAt, *o.seen.PaymentID)
	}
	live := 0
	for _, p := range is.Payments {
		if p.Live() {
			live++
		}
		if p.Live() != (p.LiveOrderID != nil) || (p.Status == models.PaymentSucceeded) != (p.SucceededAt != nil) {
			t.Fatalf("payment: got %+v", p)
		}
	}
	if live > 1 {
		t.Fatalf("got %d live attempts", live)
	}
	o.seen = is
}

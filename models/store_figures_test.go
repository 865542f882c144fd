package models_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"saoma/models"
	"saoma/models/modelstest"
)

// books are a shop whose sales a test writes down as they stand afterwards.
type books struct {
	t     *testing.T
	store *models.Store
	goods map[string]models.Variant
	n     int
}

func newBooks(t *testing.T, o models.Options) *books {
	t.Helper()
	b := &books{t: t, store: modelstest.Open(t, o), goods: map[string]models.Variant{}}
	for sku, price := range map[string]int64{"cup": 2500, "pot": 9900} {
		modelstest.Product(t, b.store, sku, price, 100)
		found, err := b.store.VariantsBySKU(context.Background(), []string{sku})
		if err != nil {
			t.Fatal(err)
		}
		b.goods[sku] = found[sku]
	}
	return b
}

// sale is an order, and the payment that paid it.
type sale struct {
	sku     string
	pieces  int64
	placed  time.Time
	paid    time.Time // zero: it was not
	wait    time.Duration
	wallet  models.Wallet
	gateway models.GatewayName
}

func (b *books) sell(s sale) models.Payment {
	b.t.Helper()
	b.n++
	good := b.goods[s.sku]
	o := models.Order{
		ID: models.NewID(), Number: fmt.Sprintf("N%d", b.n), Token: fmt.Sprintf("T%d", b.n), FormToken: fmt.Sprintf("F%d", b.n),
		Status: models.OrderExpired, Currency: "CNY", Goods: good.Price * s.pieces, Amount: good.Price*s.pieces + 1000,
		CreatedAt: s.placed, ExpiresAt: s.placed, CustomerSince: s.placed,
	}
	o.Items = []models.OrderItem{{
		ID: models.NewID(), OrderID: o.ID, VariantID: good.ID, SKU: s.sku, Name: "Product " + s.sku, Price: good.Price, Quantity: s.pieces,
	}}
	p := b.payment(o.ID, o.Amount, s)
	if !s.paid.IsZero() {
		o.Status, o.PaidAt, o.PaymentID = models.OrderPaid, &s.paid, &p.ID
	}
	b.fill([]models.Order{o})
	if !s.paid.IsZero() {
		b.fill([]models.Payment{p})
	}
	return p
}

func (b *books) payment(orderID string, amount int64, s sale) models.Payment {
	b.n++
	return models.Payment{
		ID: models.NewID(), OrderID: orderID, Number: fmt.Sprintf("P%d", b.n), Gateway: s.gateway, Wallet: s.wallet,
		Status: models.PaymentSucceeded, Currency: "CNY", Amount: amount,
		CreatedAt: s.paid.Add(-s.wait), ExpiresAt: s.paid, WatchUntil: s.paid, SucceededAt: &s.paid,
	}
}

func (b *books) refund(p models.Payment, amount int64, at time.Time) {
	b.n++
	b.fill([]models.Refund{{
		ID: models.NewID(), OrderID: p.OrderID, PaymentID: p.ID, Number: fmt.Sprintf("R%d", b.n), Status: models.RefundSucceeded,
		Currency: "CNY", Amount: amount, SucceededAt: &at,
	}})
}

func (b *books) fill(rows any) {
	b.t.Helper()
	if err := b.store.Tx(context.Background(), func(tx *models.Tx) error { return tx.Insert(rows) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *books) figures(spans ...models.Span) []models.Figures {
	b.t.Helper()
	got, err := b.store.Figures(context.Background(), spans)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

func (b *books) close(zone *time.Location) {
	b.t.Helper()
	if err := b.store.CloseDays(context.Background(), zone); err != nil {
		b.t.Fatal(err)
	}
}

func (b *books) countKept() (n int) {
	b.t.Helper()
	err := b.store.Tx(context.Background(), func(tx *models.Tx) error { return tx.Read(&n, "SELECT COUNT(*) FROM day_figures") })
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// dayOf is the calendar day in the zone.
func dayOf(zone *time.Location, year int, month time.Month, date int) models.Span {
	return models.Span{From: time.Date(year, month, date, 0, 0, 0, 0, zone), To: time.Date(year, month, date+1, 0, 0, 0, 0, zone)}
}

func TestFigures(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		zone := location(t, "Asia/Hong_Kong")
		day := dayOf(zone, 2026, time.November, 20)
		next := dayOf(zone, 2026, time.November, 21)
		o.Now = func() time.Time { return next.From.Add(90 * time.Minute) }
		b := newBooks(t, o)
		first, last := day.From, day.To.Add(-time.Millisecond)
		before, after := first.Add(-time.Millisecond), day.To
		noon := first.Add(12 * time.Hour)
		wechat, byHand := models.Way{Wallet: models.WeChat, Gateway: models.ScanForPay}, models.Way{Gateway: models.ByHand}
		alipay := models.Way{Wallet: models.Alipay, Gateway: models.Pass2Pay}

		early := b.sell(sale{"cup", 1, before, first, time.Millisecond, models.WeChat, models.ScanForPay}) // of the day before, paid at once
		b.sell(sale{"cup", 2, first, noon, 40 * time.Second, models.WeChat, models.ScanForPay})
		mid := b.sell(sale{"pot", 1, noon, last, 95 * time.Second, models.Alipay, models.Pass2Pay})
		b.sell(sale{"pot", 1, noon, noon.Add(time.Minute), 0, "", models.ByHand})
		b.sell(sale{sku: "cup", pieces: 5, placed: last})                                              // never paid
		b.sell(sale{"cup", 1, last, after, 10 * time.Minute, models.WeChat, models.ScanForPay})        // paid tomorrow
		b.sell(sale{"cup", 1, noon.Add(-48 * time.Hour), noon, 0, models.AlipayHK, models.ScanForPay}) // too late to count as converted
		b.fill([]models.Payment{b.payment(mid.OrderID, mid.Amount, sale{paid: noon, wait: time.Hour, wallet: models.Alipay, gateway: models.Pass2Pay})})
		b.refund(early, 500, first)
		b.refund(early, 600, last)
		b.refund(mid, 700, after)
		yen := mid
		yen.ID, yen.Number, yen.Currency, yen.Amount = models.NewID(), "YEN", "JPY", 77
		b.fill([]models.Payment{yen})

		want := []models.Figures{
			{"CNY": {
				Placed: 5, Converted: 4, Paid: 5,
				Goods: map[string]models.Sold{
					b.goods["cup"].ID: {Name: "Product cup", Pieces: 4, Sum: 10000},
					b.goods["pot"].ID: {Name: "Product pot", Pieces: 2, Sum: 19800},
				},
				Ways: map[models.Way]models.Turnover{
					wechat: {Payments: 2, Taken: 3500 + 6000, Refunds: 2, Returned: 1100},
					alipay: {Payments: 2, Taken: 2 * 10900},
					byHand: {Payments: 1, Taken: 10900},
					{Wallet: models.AlipayHK, Gateway: models.ScanForPay}: {Payments: 1, Taken: 3500},
				},
				Waits: map[int64]int64{0: 2, 40: 1, 95: 1, 3600: 1},
			}, "JPY": {
				Ways:  map[models.Way]models.Turnover{alipay: {Payments: 1, Taken: 77}},
				Waits: map[int64]int64{95: 1},
			}},
			{"CNY": {
				Paid:  1,
				Goods: map[string]models.Sold{b.goods["cup"].ID: {Name: "Product cup", Pieces: 1, Sum: 2500}},
				Ways:  map[models.Way]models.Turnover{wechat: {Payments: 1, Taken: 3500}, alipay: {Refunds: 1, Returned: 700}},
				Waits: map[int64]int64{600: 1},
			}},
			{},
		}
		spans := []models.Span{day, next, dayOf(zone, 2026, time.November, 25)}
		got := b.figures(spans...)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
		sales := got[0].In("CNY")
		if sum := sales.Turnover(); sum.Net() != 3500+6000+3500+3*10900-1100 || sum.Payments != 6 || sum.Refunds != 2 {
			t.Errorf("all ways together: got %+v", sum)
		}
		if none := got[2].In("CNY"); none.Turnover() != (models.Turnover{}) {
			t.Errorf("a day to come: got %+v, want nothing", none)
		}

		// The money is that of the books which are reconciled.
		for _, gateway := range []models.GatewayName{models.ScanForPay, models.Pass2Pay, models.ByHand} {
			moved, err := b.store.Movements(context.Background(), gateway, day.From, day.To)
			if err != nil {
				t.Fatal(err)
			}
			var want, sum models.Turnover
			for _, m := range moved {
				switch {
				case m.Money.Currency != "CNY":
				case m.Refund:
					want = want.Plus(models.Turnover{Refunds: 1, Returned: m.Money.Amount})
				default:
					want = want.Plus(models.Turnover{Payments: 1, Taken: m.Money.Amount})
				}
			}
			for way, turnover := range sales.Ways {
				if way.Gateway == gateway {
					sum = sum.Plus(turnover)
				}
			}
			if sum != want {
				t.Errorf("%s: got %+v, want %+v as moved", gateway, sum, want)
			}
		}
	})
}

// TestCloseDays: the figures of a day that is kept are those that were counted, and a day is kept no
// sooner than they stand still.
func TestCloseDays(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		zone := location(t, "Europe/Berlin")
		now := time.Date(2026, time.October, 27, 0, 59, 0, 0, zone)
		o.Now = func() time.Time { return now }
		b := newBooks(t, o)
		b.close(zone)
		if n := b.countKept(); n != 0 {
			t.Errorf("an empty shop: got %d days kept, want none", n)
		}
		// The clocks go back on the 25th, a day of 25 hours: its last one is the 25th's.
		days := []models.Span{
			dayOf(zone, 2026, time.October, 23), dayOf(zone, 2026, time.October, 24), dayOf(zone, 2026, time.October, 25), dayOf(zone, 2026, time.October, 26),
		}
		long := days[2]
		if long.To.Sub(long.From) != 25*time.Hour {
			t.Fatalf("the 25th has %s, want 25h", long.To.Sub(long.From))
		}
		for _, at := range []time.Time{days[1].From, long.From, long.From.Add(24*time.Hour + 30*time.Minute), days[3].From} {
			b.refund(b.sell(sale{"cup", 1, at, at, time.Minute, models.WeChat, models.ScanForPay}), 100, at)
		}
		counted := b.figures(days...)
		for i, want := range []int64{0, 1, 2, 1} {
			if got := counted[i].In("CNY"); got.Placed != want || got.Paid != want || got.Turnover().Taken != want*3500 || got.Turnover().Refunds != want {
				t.Errorf("day %d: got %+v, want %d of everything", i, got, want)
			}
		}
		for _, tt := range []struct {
			at   time.Time
			want int
		}{
			{now, 1}, // an order of the 25th, written late, may still count as converted
			{long.To.Add(25 * time.Hour), 2},
			{long.To.Add(25 * time.Hour), 2}, // a second time
			{days[3].To.Add(25 * time.Hour), 3},
		} {
			now = tt.at
			b.close(zone)
			if got := b.countKept(); got != tt.want {
				t.Errorf("at %s: got %d days kept, want %d", now, got, tt.want)
			}
		}
		kept := b.figures(days...)
		if diff := cmp.Diff(counted, kept, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("kept (-counted +kept):\n%s", diff)
		}

		// What is kept is not counted again, and is not taken for a day of another zone.
		b.exec("DELETE FROM refunds")
		if diff := cmp.Diff(kept[2], b.figures(long)[0], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read again (-before +after):\n%s", diff)
		}
		tokyo := location(t, "Asia/Tokyo")
		if got := b.figures(dayOf(tokyo, 2026, time.October, 25))[0].In("CNY"); got.Placed != 1 || got.Turnover().Refunds != 0 {
			t.Errorf("the 25th in Tokyo: got %+v, want one order and no refund", got)
		}
	})
}

func (b *books) exec(statement string) {
	b.t.Helper()
	if err := b.store.Tx(context.Background(), func(tx *models.Tx) error { return tx.Exec(statement) }); err != nil {
		b.t.Fatal(err)
	}
}

// The figures of a span read no more than the rows of its time.
func TestFiguresUseIndexes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		fillOrders(t, s, 1000)
		span := models.Span{From: fillStart.Add(700 * time.Minute), To: fillStart.Add(760 * time.Minute)}
		for _, analyzed := range []bool{false, true} {
			if analyzed {
				if err := s.Analyze(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			plans, err := s.CountPlan(context.Background(), span)
			if err != nil {
				t.Fatal(err)
			}
			for i, index := range []string{"orders_newest", "orders_paid", "orders_paid", "payments_moved", "refunds_moved"} {
				if len(plans[i]) == 0 || !strings.Contains(plans[i][0], index) {
					t.Errorf("analyzed %v, query %d: got %q, want it to begin with %s", analyzed, i, plans[i], index)
				}
				for _, step := range plans[i] {
					if strings.Contains(step, "SCAN ") || strings.Contains(step, " ALL ") {
						t.Errorf("analyzed %v, query %d reads a whole table: %q", analyzed, i, plans[i])
					}
				}
			}
		}
	})
}

func TestWait(t *testing.T) {
	for _, tt := range []struct {
		waits       map[int64]int64
		median, p90 time.Duration
		none        bool
	}{
		{waits: nil, none: true},
		{waits: map[int64]int64{7: 1}, median: 7 * time.Second, p90: 7 * time.Second},
		{waits: map[int64]int64{5: 1, 9: 1}, median: 5 * time.Second, p90: 9 * time.Second},
		{waits: map[int64]int64{5: 5, 60: 4, 600: 1}, median: 5 * time.Second, p90: time.Minute},
		{waits: map[int64]int64{5: 4, 60: 4, 600: 2}, median: time.Minute, p90: 10 * time.Minute},
	} {
		sales := models.Sales{Waits: tt.waits}
		median, some := sales.Wait(50)
		p90, _ := sales.Wait(90)
		if median != tt.median || p90 != tt.p90 || some == tt.none {
			t.Errorf("waits %v: got %s, %s, %v; want %s, %s, %v", tt.waits, median, p90, some, tt.median, tt.p90, !tt.none)
		}
	}
	for wait, want := range map[time.Duration]int64{
		-time.Second: 0, 499 * time.Millisecond: 0, 1500 * time.Millisecond: 2, 119 * time.Second: 119,
		124 * time.Second: 120, 125 * time.Second: 130, 19*time.Minute + 56*time.Second: 1200, 20*time.Minute + 29*time.Second: 1200,
	} {
		if got := models.RoundWait(wait); got != want {
			t.Errorf("wait of %s: got %d s, want %d", wait, got, want)
		}
	}
}

package admin

import (
	"encoding/csv"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"saoma/models"
	"saoma/views"
)

// noon is a Friday; the shops of these tests keep UTC.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestNumbersPage(t *testing.T) {
	s := newSoldAt(t, noon)
	s.refundOf(s.fulfilled, 2500)
	b := s.in(readOnly)
	for _, tt := range []struct {
		name, query  string
		want, absent []string
	}{
		{"today", "?when=today", []string{
			`aria-current="true">Today`, "20 Nov 2026", "Compared with 19 Nov 2026, until 12:06", "Money by hour", "12:00–13:00: takings CN¥264.00, refunds CN¥25.00",
			">CN¥264.00<", ">CN¥25.00<", ">CN¥239.00<", ">50.0%<", "Product cup", "Alipay", "ScanForPay", "12:00–13:00: 6 placed, 3 paid",
		}, []string{"What was refused", "Currency", "/admin/reconcile"}},
		{"the usual days", "", []string{`value="2026-10-22"`, `value="2026-11-20"`, `aria-current="true">Last 30 days`, "22 Oct 2026 – 20 Nov 2026", "Money by day", ">CN¥264.00<"}, nil},
		{"yesterday", "?when=yesterday", []string{"Nothing was sold on these days.", "19 Nov 2026"}, []string{"Product cup", "table=", "<svg"}},
		{"days", "?from=2026-11-18&to=2026-11-20", []string{`value="2026-11-18"`, `value="2026-11-20"`, "18 Nov 2026 – 20 Nov 2026", "table=wallets"}, []string{`aria-current="true">Last`}},
		{"a long time", "?from=2020-01-01", []string{"Money by month", "Nov 2026: takings CN¥264.00"}, nil},
		{"a currency that there is not", "?when=today&currency=JPY", []string{">CN¥264.00<"}, nil},
	} {
		b.get("/admin/numbers"+tt.query).check(t, tt.name, 200, "", tt.want, tt.absent)
	}
	for _, tt := range []struct{ name, query, want string }{
		{"no day", "?from=%3Cscript%3E", "This is not a day."},
		{"the wrong way round", "?from=2026-11-20&to=2026-11-01", `value="2026-11-01" aria-invalid="true"`},
		{"too many days", "?from=1976-11-20", "more than ten years"},
	} {
		b.get("/admin/numbers"+tt.query).check(t, tt.name, 422, "", []string{tt.want}, []string{"<script>", "CN¥"})
	}
	s.in(orders).get("/admin/numbers").check(t, "who works on orders", 403, "", nil, nil)
}

// TestNumbersInAnotherCurrency: money in a currency that the shop has given up is still found.
func TestNumbersInAnotherCurrency(t *testing.T) {
	s := newSoldAt(t, noon)
	s.store.Shop.Currency = "JPY"
	o := s.order("Ada", "cup", 1)
	s.pay(o, true)
	b := s.in(finance)
	b.get("/admin/numbers?when=today").check(t, "own", 200, "", []string{">CN¥264.00<", "currency=JPY", `aria-current="true">CNY`}, []string{"¥3,500"})
	b.get("/admin/numbers?when=today&currency=JPY").check(t, "other", 200, "", []string{"¥3,500", `aria-current="true">JPY`, "currency=JPY&amp;table=time"}, []string{"CN¥264.00"})
}

func TestNumbersExport(t *testing.T) {
	s := newSoldAt(t, noon)
	s.refundOf(s.fulfilled, 2500)
	b := s.in(readOnly)
	for _, tt := range []struct {
		query, file string
		want        [][]string
	}{
		{"?from=2026-11-20&to=2026-11-21", "numbers-time-CNY-20261120-20261121.csv", [][]string{
			{"Day", "Orders placed", "Orders paid", "Takings", "Refunds", "Net"}, {"2026-11-20", "6", "3", "264.00", "25.00", "239.00"},
		}},
		{"?when=today&table=wallets", "numbers-wallets-CNY-20261120-20261120.csv", [][]string{
			{"Wallet", "Payments", "Takings", "Refunds", "Net"}, {"Alipay", "4", "264.00", "25.00", "239.00"},
		}},
		{"?when=today&table=gateways", "numbers-gateways-CNY-20261120-20261120.csv", [][]string{
			{"Gateway", "Payments", "Takings", "Refunds", "Net"}, {"ScanForPay", "4", "264.00", "25.00", "239.00"},
		}},
		{"?when=today&table=products", "numbers-products-CNY-20261120-20261120.csv", [][]string{
			{"Product", "Quantity", "Sum"}, {"Product cup", "4", "100.00"}, {"Product pot", "1", "99.00"},
		}},
	} {
		got := b.get("/admin/numbers.csv" + tt.query)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\ufeff"))).ReadAll()
		if err != nil || got.status != 200 || !strings.Contains(got.header.Get("Content-Disposition"), `"`+tt.file+`"`) {
			t.Errorf("%s: got %d, %s, %v; want %s", tt.query, got.status, got.header.Get("Content-Disposition"), err, tt.file)
		}
		if diff := cmp.Diff(tt.want, rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.query, diff)
		}
	}
	b.get("/admin/numbers.csv?table=nonsense").check(t, "no such table", 404, "", nil, nil)
	b.get("/admin/numbers.csv?from=nonsense").check(t, "no day", 400, "", nil, nil)
}

// refundOf records that some of the money of an order went back.
func (s *sold) refundOf(o *models.Order, amount int64) *models.Refund {
	s.t.Helper()
	r := &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(s.clock()), Amount: amount}
	err := s.store.Tx(s.t.Context(), func(tx *models.Tx) error {
		o, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		if err := tx.AddRefund(o, o.PaidBy(), r); err != nil {
			return err
		}
		_, err = tx.MoveRefund(r, models.RefundSucceeded, "")
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func TestChart(t *testing.T) {
	var c chart
	c.draw([]slot{{Title: "a", Up: 150, Front: 30}, {Title: "b", Down: 40}, {Title: "c", Up: 1}}, func(edge int64) string { return models.Money{Amount: edge, Currency: "JPY"}.Decimal() })
	want := chart{
		Top: "200", Bottom: "40", Width: 36, Height: 200, Zero: 166,
		Slots: []drawnSlot{
			{"a", 0, []bar{{"up", 1, 41, 10, 125}, {"front", 4, 141, 4, 25}}},
			{"b", 12, []bar{{"down", 13, 166, 10, 33}}},
			{"c", 24, []bar{{"up", 25, 165, 10, 1}}},
		},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var empty chart
	empty.draw(nil, func(int64) string { return "0" })
	if empty.Zero != chartHeight || empty.Width == 0 || empty.Bottom != "" {
		t.Errorf("an empty chart: got %+v", empty)
	}
	for n, want := range map[int64]int64{-1: 0, 0: 0, 1: 1, 2: 2, 3: 3, 7: 8, 9: 10, 11: 20, 21: 30, 999: 1000, 1001: 2000, 9e17: 9e17} {
		if got := roundUp(n); got < n || got != want && n < 1e17 {
			t.Errorf("roundUp(%d): got %d, want %d", n, got, want)
		}
	}
}

func TestPercentage(t *testing.T) {
	for _, tt := range []struct {
		part, whole int64
		want        string
	}{{0, 0, "–"}, {0, 3, "0.0%"}, {1, 3, "33.3%"}, {2, 3, "66.7%"}, {3, 3, "100.0%"}, {1999, 2000, "100.0%"}} {
		if got := percentage(tt.part, tt.whole); got != tt.want {
			t.Errorf("%d of %d: got %s, want %s", tt.part, tt.whole, got, tt.want)
		}
	}
}

// TestMeaningsAreDocumented: what a figure means stands in the documents as it does on the page.
func TestMeaningsAreDocumented(t *testing.T) {
	raw, err := views.Files.ReadFile("locales/en.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]any
	if err := yaml.Unmarshal(raw, &messages); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/numbers.md")
	if err != nil {
		t.Fatal(err)
	}
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	found := 0
	for key, message := range messages {
		if !strings.HasPrefix(key, "admin.numbers.means.") {
			continue
		}
		found++
		if text := words(message.(string)); !strings.Contains(words(string(page)), text) {
			t.Errorf("docs/numbers.md does not say: %s", text)
		}
	}
	if found < 10 || !slices.Contains(strings.Split(string(page), "\n"), "# Numbers") {
		t.Errorf("got %d meanings", found)
	}
}

package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

func numbersOf(rows []models.OrderRow) []string {
	var numbers []string
	for _, r := range rows {
		numbers = append(numbers, r.Number)
	}
	return numbers
}

func listed(t testing.TB, s *models.Store, f models.OrderFilter, p models.Paging) models.OrderList {
	t.Helper()
	if p.Limit == 0 {
		p.Limit = 50
	}
	list, err := s.Orders(context.Background(), f, p)
	if err != nil {
		t.Fatalf("orders by %+v at %+v: %v", f, p, err)
	}
	return list
}

// place places an order as a buyer called so.
func place(t testing.TB, s *models.Store, sku string, change func(*models.Draft)) *models.Order {
	t.Helper()
	d := modelstest.Draft(sku, 1)
	change(&d)
	o, err := s.PlaceOrder(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOrdersAreFound(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "TEA-SET", 2500, 10)
		modelstest.Product(t, s, "CUP", 2500, 10)
		tea := place(t, s, "TEA-SET", func(d *models.Draft) {
			d.Buyer.Name, d.Buyer.Email, d.Buyer.Phone = "Ada Wong", "Ada@Example.com", "+852 9123 4567"
		})
		cup := place(t, s, "CUP", func(d *models.Draft) {
			d.Buyer.Name, d.Buyer.Email, d.Buyer.Phone = "王小明", "mary.ann+shop@example.com", "13800138000"
		})
		p := models.Payment{
			ID: models.NewID(), OrderID: tea.ID, Number: "P26112112AB", Gateway: models.ScanForPay, Wallet: models.Alipay,
			Status: models.PaymentCreated, Currency: "CNY", Amount: tea.Amount,
		}
		err := s.Tx(context.Background(), func(tx *models.Tx) error {
			order, err := tx.LockOrder(tea.ID)
			if err != nil {
				return err
			}
			p := p
			if err := tx.AddPayment(&p); err != nil {
				return err
			}
			if _, err := tx.MovePayment(&p, models.PaymentSucceeded, models.PaymentChange{Reference: "4200-00X HSBC 2026-11-30, line 4"}); err != nil {
				return err
			}
			return tx.AddRefund(order, &p, &models.Refund{ID: models.NewID(), Number: "R26112113CD", Amount: 100})
		})
		if err != nil {
			t.Fatal(err)
		}
		end := func(o *models.Order) string { return strings.ToLower(o.Number[strings.Index(o.Number, "-")+1:]) }
		for _, tt := range []struct {
			text string
			want []*models.Order // the newest first
		}{
			{"", []*models.Order{cup, tea}},
			{tea.Number, []*models.Order{tea}},
			{" " + strings.ToLower(cup.Number) + " ", []*models.Order{cup}},
			{end(tea), []*models.Order{tea}},
			{"p26112112ab", []*models.Order{tea}},
			{"P2611", []*models.Order{tea}},
			{"420000x", []*models.Order{tea}},
			{"R26112113CD", []*models.Order{tea}},
			{"ada@example.com", []*models.Order{tea}},
			{"mary.ann+shop@", []*models.Order{cup}},
			{"+852 9123 4567", []*models.Order{tea}},
			{"91234567", []*models.Order{tea}},
			{"9123 45", []*models.Order{tea}},
			{"+86 138 0013 8000", []*models.Order{cup}},
			{"0138-0013-8000", []*models.Order{cup}},
			{"138 0013 8001", nil},
			{"000852 9123 4567", []*models.Order{tea}},
			{"9999999999123 4567", nil}, // longer than any phone number
			{"ada@example.co", []*models.Order{tea}},
			{"mary.ann", []*models.Order{cup}},
			{"mary.ann+sh", []*models.Order{cup}},
			{"mary.ann+shop@e", []*models.Order{cup}},
			{"Mary_Ann", []*models.Order{cup}},
			{"HSBC 2026-11-30 line 4", []*models.Order{tea}},
			{"line 4", []*models.Order{tea}},
			{"hsbc line 40", nil},
			{"ada", []*models.Order{tea}},
			{"wong ada", []*models.Order{tea}},
			{"wong mary.ann+shop@example.com", nil},
			{"王", []*models.Order{cup}},
			{"小明", []*models.Order{cup}},
			{"tea-set", []*models.Order{tea}},
			{"product", []*models.Order{cup, tea}},
			{"product tea", []*models.Order{tea}},
			{"mary", []*models.Order{cup}},
			{"nobody", nil},
			{"%", nil},
			{":", nil},
		} {
			var want []string
			for _, o := range tt.want {
				want = append(want, o.Number)
			}
			list := listed(t, s, models.OrderFilter{Text: tt.text}, models.Paging{})
			if diff := cmp.Diff(want, numbersOf(list.Rows)); diff != "" {
				t.Errorf("orders found by %q (-want +got):\n%s", tt.text, diff)
			}
			n, more, err := s.CountOrders(context.Background(), models.OrderFilter{Text: tt.text})
			if err != nil || n != int64(len(want)) || more {
				t.Errorf("count of orders found by %q: got %d, %v, %v; want %d", tt.text, n, more, err, len(want))
			}
		}
		row := listed(t, s, models.OrderFilter{Text: "ada"}, models.Paging{}).Rows[0]
		if row.Refunded != 100 || row.Refunding != 100 || row.Payment == nil || row.Payment.Number != p.Number || len(row.Items) != 1 {
			t.Errorf("row: got %d refunded, %d of it under way, payment %v, %d lines; want 100, 100, %s, 1", row.Refunded, row.Refunding, row.Payment, len(row.Items), p.Number)
		}
	})
}

// An order is found by all that its goods are called and were called while they could be in it.
func TestOrdersAreFoundByNamesOfGoods(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		variant := func(sku string) models.Variant {
			return models.Variant{SKU: sku, Price: 2500, Counted: true, OnHand: 10, Active: true}
		}
		put := func(slug, name string, texts models.Texts, variants ...models.Variant) {
			t.Helper()
			p := models.Product{Slug: slug, Name: name, Active: true, Texts: texts, Variants: variants}
			if err := s.PutProducts(ctx, []models.Product{p}); err != nil {
				t.Fatal(err)
			}
		}
		put("tea", "Tea set", models.Texts{"ja": {Name: "高級茶器セット"}, "zh-Hans": {Name: "龙泉青瓷手工茶具套装礼盒"}}, variant("TEA"))
		put("cup", "Cup, the blue one with a rim of very thin gold", models.Texts{"ja": {Name: "湯呑み"}}, variant("CUP"), variant("MUG"))
		cup := modelstest.Order(t, s, "CUP").Number
		tea := modelstest.Order(t, s, "TEA").Number
		find := func(text string, want ...string) {
			t.Helper()
			list := listed(t, s, models.OrderFilter{Text: text}, models.Paging{})
			if diff := cmp.Diff(want, numbersOf(list.Rows)); diff != "" {
				t.Errorf("orders found by %q (-want +got):\n%s", text, diff)
			}
		}
		find("tea", tea)
		find("高級", tea)
		find("器セ", tea)
		find("セット", tea)
		find("套装礼盒", tea)
		find("湯", cup)
		find("gold", cup)
		find("old")
		find("bowl")

		// Renamed at the desk, in two languages.
		p, err := s.ProductBySlug(ctx, "cup")
		if err != nil {
			t.Fatal(err)
		}
		seen := p.Details()
		now := models.ProductDetails{Slug: "bowl", Name: "Bowl", Active: true, Texts: models.Texts{"ja": {Name: "茶碗"}}}
		if err := s.ChangeProduct(ctx, mia, p.ID, seen, now); err != nil {
			t.Fatal(err)
		}
		find("bowl", cup)
		find("blue", cup)
		find("湯呑み", cup)
		find("茶碗", cup)
		find("茶", tea, cup)

		// Renamed by a file, there and back and away again; then an article is put into another product.
		put("tea", "Pot", models.Texts{"ja": {}}, variant("TEA"))
		put("tea", "Tea set", nil, variant("TEA"))
		put("tea", "Kettle", nil, variant("TEA"))
		put("mugs", "Mugs", nil, variant("CUP"))
		find("kettle", tea)
		find("pot", tea)
		find("set", tea)
		find("高級", tea)
		find("mugs", cup)
		find("bowl", cup)
		mug := modelstest.Order(t, s, "MUG").Number
		find("blue", mug, cup)
		find("mugs", cup)
	})
}

// Orders with something about their money are found while it is so, and no longer.
func TestOrdersByMoney(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "CUP", 2500, 10)
		modelstest.Order(t, s, "CUP") // about which there is nothing
		number := modelstest.Order(t, s, "CUP").Number
		var p models.Payment
		do := func(act func(tx *models.Tx, order *models.Order) error) {
			t.Helper()
			order, err := s.OrderByNumber(ctx, number)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Tx(ctx, func(tx *models.Tx) error {
				locked, err := tx.LockOrder(order.ID)
				if err != nil {
					return err
				}
				return act(tx, locked)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string, want ...models.OnlyOrders) {
			t.Helper()
			for _, only := range []models.OnlyOrders{models.OnlyUnconfirmed, models.OnlyRefunded, models.OnlyIncident} {
				for _, text := range []string{"", number} {
					f := models.OrderFilter{Only: only, Text: text}
					numbers := []string(nil)
					if slices.Contains(want, only) {
						numbers = []string{number}
					}
					if diff := cmp.Diff(numbers, numbersOf(listed(t, s, f, models.Paging{}).Rows)); diff != "" {
						t.Errorf("%s, %+v (-want +got):\n%s", when, f, diff)
					}
					if n, _, err := s.CountOrders(ctx, f); err != nil || n != int64(len(numbers)) {
						t.Errorf("%s, %+v: got %d, %v; want %d", when, f, n, err, len(numbers))
					}
				}
			}
		}
		refund := func(number string, to models.RefundStatus) {
			t.Helper()
			do(func(tx *models.Tx, order *models.Order) error {
				r := models.Refund{ID: models.NewID(), Number: number, Amount: 100}
				if err := tx.AddRefund(order, &p, &r); err != nil || to == models.RefundPending {
					return err
				}
				_, err := tx.MoveRefund(&r, to, "")
				return err
			})
		}
		check("when it is placed")
		do(func(tx *models.Tx, order *models.Order) error {
			var err error
			p, err = paidWeakly(tx, order)
			return err
		})
		check("paid by a weak message", models.OnlyUnconfirmed)
		do(func(tx *models.Tx, _ *models.Order) error {
			return tx.ChangePayment(&p, models.PaymentChange{ConfirmedAt: tx.Now()})
		})
		check("confirmed")
		for _, key := range []string{"one", "two"} {
			do(func(tx *models.Tx, order *models.Order) error {
				_, err := tx.OpenIncident(models.Incident{Kind: models.IncidentConflict, OrderID: &order.ID, DedupKey: key})
				return err
			})
		}
		check("with two incidents", models.OnlyIncident)
		found, err := s.ListIncidents(ctx, models.IncidentFilter{}, "", 9)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range found {
			check("with an incident", models.OnlyIncident)
			if err := s.SettleIncident(ctx, i.ID, "settled", mia); err != nil {
				t.Fatal(err)
			}
		}
		check("settled")
		do(func(tx *models.Tx, order *models.Order) error {
			surplus := models.Payment{
				ID: models.NewID(), OrderID: order.ID, Number: "P2", Gateway: models.Pass2Pay, Wallet: models.Alipay,
				Status: models.PaymentCreated, Currency: "CNY", Amount: order.Amount,
			}
			if err := tx.AddPayment(&surplus); err != nil {
				return err
			}
			if _, err := tx.MovePayment(&surplus, models.PaymentSucceeded, models.PaymentChange{ConfirmedAt: tx.Now()}); err != nil {
				return err
			}
			return tx.AddRefund(order, &surplus, &models.Refund{ID: models.NewID(), Number: "R0", Amount: order.Amount})
		})
		check("with a refund of what was paid twice")
		refund("R1", models.RefundFailed)
		check("with a refund that failed")
		refund("R2", models.RefundPending)
		check("with a refund under way", models.OnlyRefunded)
		refund("R3", models.RefundSucceeded)
		check("with some money back", models.OnlyRefunded)
	})
}

// paidWeakly pays a locked order by a message that nothing has confirmed.
func paidWeakly(tx *models.Tx, order *models.Order) (models.Payment, error) {
	p := models.Payment{
		ID: models.NewID(), OrderID: order.ID, Number: "P1", Gateway: models.Pass2Pay, Wallet: models.Alipay,
		Status: models.PaymentCreated, Currency: "CNY", Amount: order.Amount,
	}
	if err := tx.AddPayment(&p); err != nil {
		return p, err
	}
	if _, err := tx.MovePayment(&p, models.PaymentSucceeded, models.PaymentChange{}); err != nil {
		return p, err
	}
	_, err := tx.MarkPaid(order, &p)
	return p, err
}

// Money that never came was not given back.
func TestWrittenOffIsNotRefunded(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "CUP", 2500, 10)
		order := modelstest.Order(t, s, "CUP")
		err := s.Tx(t.Context(), func(tx *models.Tx) error {
			locked, err := tx.LockOrder(order.ID)
			if err != nil {
				return err
			}
			p, err := paidWeakly(tx, locked)
			if err != nil {
				return err
			}
			return tx.WriteOff(locked, &p, &models.Refund{ID: models.NewID(), Number: "R1"}, mia)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, only := range []models.OnlyOrders{models.OnlyUnconfirmed, models.OnlyRefunded} {
			if list := listed(t, s, models.OrderFilter{Only: only}, models.Paging{}); len(list.Rows) > 0 {
				t.Errorf("%s: got %q, want none", only, numbersOf(list.Rows))
			}
		}
	})
}

// Names that nothing kept when they were given up stand in the orders from before.
func TestBackfillOfNames(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		for _, texts := range []models.Texts{{"ja": {Name: "湯呑み"}}, {"ja": {Name: "茶碗"}}} {
			err := s.PutProducts(ctx, []models.Product{{
				Slug: "cup", Name: "Cup " + texts["ja"].Name, Active: true, Texts: texts,
				Variants: []models.Variant{{SKU: "CUP", Price: 2500, Active: true}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			draft := modelstest.Draft("CUP", 1)
			draft.Language = "ja"
			if _, err := s.PlaceOrder(ctx, draft); err != nil {
				t.Fatal(err)
			}
		}
		kept := func() []string {
			t.Helper()
			var names []string
			err := s.Tx(ctx, func(tx *models.Tx) error { return tx.Read(&names, "SELECT name FROM former_names ORDER BY name") })
			if err != nil {
				t.Fatal(err)
			}
			return names
		}
		want := []string{"Cup 湯呑み", "湯呑み"}
		if diff := cmp.Diff(want, kept()); diff != "" {
			t.Errorf("names that were given up (-want +got):\n%s", diff)
		}
		err := s.Tx(ctx, func(tx *models.Tx) error { return tx.Exec("DELETE FROM former_names") })
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := models.BackfillNames(s); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, kept()); diff != "" {
			t.Errorf("names that orders from before have (-want +got):\n%s", diff)
		}
	})
}

func TestManyWordsBeginAlike(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "CUP", 2500, 1000)
		for i := range models.MaxTerms + 1 {
			place(t, s, "CUP", func(d *models.Draft) { d.Buyer.Name, d.CustomerID = fmt.Sprintf("Zoe%03d", i), models.NewToken() })
		}
		list := listed(t, s, models.OrderFilter{Text: "zoe"}, models.Paging{Limit: 100})
		if len(list.Rows) != models.MaxTerms || !list.Cut {
			t.Errorf("got %d orders, cut %v; want the %d of the first words, cut", len(list.Rows), list.Cut, models.MaxTerms)
		}
		if list := listed(t, s, models.OrderFilter{Text: "zoe00"}, models.Paging{}); len(list.Rows) != 10 || list.Cut {
			t.Errorf("got %d orders, cut %v; want 10, not cut", len(list.Rows), list.Cut)
		}
	})
}

// Every list is the same in parts as in one, there and back, with neighbours, count and export.
func TestListsInParts(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		fillOrders(t, s, 250)
		fillTrouble(t, s, 250)
		ctx := context.Background()
		for _, f := range []models.OrderFilter{
			{},
			{Status: models.OrderExpired},
			{Wallet: models.Alipay, Gateway: models.Pass2Pay},
			{Product: "GOOD-2"},
			{Product: "GOOD-2", Status: models.OrderFulfilled},
			{Text: "buyer1"},
			{Text: "good wong", Wallet: models.WeChat},
			{From: fillStart.Add(10 * time.Minute), To: fillStart.Add(100 * time.Minute)},
			{From: fillStart.Add(10 * time.Minute), To: fillStart.Add(100 * time.Minute), Text: "lee"},
			{Only: models.OnlyRefunded},
			{Only: models.OnlyRefunded, Text: "good wong", Product: "GOOD-1"},
			{Only: models.OnlyIncident},
			{Only: models.OnlyIncident, Wallet: models.WeChat, Text: "buyer", Product: "GOOD-2"},
			{Only: models.OnlyUnconfirmed},
			{Only: models.OnlyUnconfirmed, From: fillStart.Add(100 * time.Minute), Status: models.OrderPaid},
			{Status: "unheard of"},
			{Product: "unheard of"},
		} {
			all := numbersOf(listed(t, s, f, models.Paging{Limit: 1000}).Rows)
			if !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }) {
				t.Errorf("%+v: got %q, which is not the newest first", f, all)
			}
			var down, up []string
			list := listed(t, s, f, models.Paging{Limit: 7})
			for down = numbersOf(list.Rows); list.Older; down = append(down, numbersOf(list.Rows)...) {
				list = listed(t, s, f, models.Paging{After: down[len(down)-1], Limit: 7})
				if !list.Newer {
					t.Errorf("%+v behind %s: got no newer orders", f, down[len(down)-1])
				}
			}
			if len(all) > 0 {
				up = []string{all[len(all)-1]}
				for list := (models.OrderList{Newer: len(all) > 1}); list.Newer; {
					list = listed(t, s, f, models.Paging{Before: up[0], Limit: 7})
					up = append(numbersOf(list.Rows), up...)
				}
			}
			if diff := cmp.Diff(all, down); diff != "" {
				t.Errorf("%+v part by part (-whole +parts):\n%s", f, diff)
			}
			if diff := cmp.Diff(all, up); diff != "" {
				t.Errorf("%+v part by part from its end (-whole +parts):\n%s", f, diff)
			}
			var visited []string
			err := s.EachOrder(ctx, f, func(rows []models.OrderRow) error {
				visited = append(visited, numbersOf(rows)...)
				return nil
			})
			if diff := cmp.Diff(all, visited); err != nil || diff != "" {
				t.Errorf("%+v visited: %v (-list +visited):\n%s", f, err, diff)
			}
			if n, more, err := s.CountOrders(ctx, f); err != nil || more || n != int64(len(all)) {
				t.Errorf("%+v: counted %d, %v, %v; want %d", f, n, more, err, len(all))
			}
			for i, number := range all {
				newer, older, err := s.Neighbours(ctx, f, number)
				if err != nil {
					t.Fatal(err)
				}
				if i > 0 && newer != all[i-1] || i == 0 && newer != "" || i < len(all)-1 && older != all[i+1] || i == len(all)-1 && older != "" {
					t.Errorf("%+v: beside %s got %q and %q", f, number, newer, older)
				}
				if i > 3 {
					break
				}
			}
		}
		if got := listed(t, s, models.OrderFilter{}, models.Paging{After: "gone", Limit: 3}); got.Newer || len(got.Rows) != 3 {
			t.Errorf("behind an order that is not there: got %d orders, newer %v; want the list's beginning", len(got.Rows), got.Newer)
		}
	})
}

func TestBackfillOfTerms(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		fillOrders(t, s, 420)
		fillTrouble(t, s, 420)
		ctx := context.Background()
		terms := func() (n int64) {
			err := s.Tx(ctx, func(tx *models.Tx) error { return tx.Read(&n, "SELECT COUNT(*) FROM order_terms") })
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		want := terms() + 32 // the numbers of the refunds, which fillTrouble leaves out
		err := s.Tx(ctx, func(tx *models.Tx) error {
			if err := tx.Exec("DELETE FROM order_terms WHERE created_at > ?", fillStart.Add(100*time.Minute)); err != nil {
				return err
			}
			return tx.Exec("UPDATE orders SET gateway = '', wallet = ''")
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := models.Backfill(s); err != nil {
				t.Fatal(err)
			}
			if err := models.BackfillRefunded(s); err != nil {
				t.Fatal(err)
			}
		}
		if got := terms(); got != want {
			t.Errorf("got %d terms, want %d", got, want)
		}
		row := listed(t, s, models.OrderFilter{Text: "G000000350"}, models.Paging{}).Rows[0]
		if row.Gateway != row.Payment.Gateway || row.Wallet != row.Payment.Wallet {
			t.Errorf("got %s by %s, want %s by %s", row.Gateway, row.Wallet, row.Payment.Gateway, row.Payment.Wallet)
		}
	})
}

// No list of orders reads more than it shows: each is read along an index that holds it in order.
func TestListsUseIndexes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		n := 3000 // MariaDB reads a small table whole
		if o.Driver == models.DriverSQLite {
			n = 600
		}
		fillOrders(t, s, n)
		fillTrouble(t, s, n)
		ctx := context.Background()
		wongs := listed(t, s, models.OrderFilter{Text: "wong"}, models.Paging{Limit: n})
		if want := (n + 9) / len(fillFamilies); len(wongs.Rows) != want || wongs.Cut {
			t.Errorf("got %d orders of one family, cut %v; want %d, not cut", len(wongs.Rows), wongs.Cut, want)
		}
		middle := listed(t, s, models.OrderFilter{To: fillStart.Add(time.Duration(n/2) * time.Minute)}, models.Paging{Limit: 1}).Rows[0].Number
		during := models.OrderFilter{
			From: fillStart.Add(time.Duration(n/30) * time.Minute), To: fillStart.Add(time.Duration(n*2/3) * time.Minute),
		}
		tests := []struct {
			name   string
			filter models.OrderFilter
			index  string // empty: that of the words
		}{
			{"all", models.OrderFilter{}, "orders_newest"},
			{"during", during, "orders_newest"},
			{"status", models.OrderFilter{Status: models.OrderFulfilled}, "orders_by_status"},
			{"status during", models.OrderFilter{Status: models.OrderPending, From: during.From, To: during.To}, "orders_by_status"},
			{"wallet", models.OrderFilter{Wallet: models.WeChat}, "orders_by_wallet"},
			{"gateway", models.OrderFilter{Gateway: models.Pass2Pay}, "orders_by_gateway"},
			{"product", models.OrderFilter{Product: "GOOD-2"}, ""},
			{"text", models.OrderFilter{Text: "wong"}, ""},
			{"refunded", models.OrderFilter{Only: models.OnlyRefunded}, ""},
			{"refunded with text", models.OrderFilter{Only: models.OnlyRefunded, Text: "wong"}, ""},
			{"incident", models.OrderFilter{Only: models.OnlyIncident}, ""},
			{"incident with everything", models.OrderFilter{
				Only: models.OnlyIncident, Text: "wong", Status: models.OrderFulfilled, From: during.From, Product: "GOOD-2",
			}, ""},
			{"unconfirmed", models.OrderFilter{Only: models.OnlyUnconfirmed}, ""},
			{"unconfirmed with text", models.OrderFilter{Only: models.OnlyUnconfirmed, Text: "wong"}, ""},
			{"text with everything", models.OrderFilter{
				Text: "wong good", Status: models.OrderPaid, Wallet: models.WeChat, From: during.From, Product: "GOOD-2",
			}, ""},
		}
		for _, analyzed := range []bool{false, true} {
			if analyzed {
				if err := s.Analyze(ctx); err != nil {
					t.Fatal(err)
				}
			}
			for _, tt := range tests {
				for _, p := range []models.Paging{{Limit: 51}, {After: middle, Limit: 51}, {Before: middle, Limit: 51}} {
					list, count, err := s.OrderPlan(ctx, tt.filter, p)
					if err != nil {
						t.Fatal(err)
					}
					where := fmt.Sprintf("%s, analyzed %v, %+v", tt.name, analyzed, p)
					checkPlan(t, where, tt.index, list)
					checkIndexes(t, where+", count", count)
					checkFew(t, where, slices.Concat(list, count))
				}
			}
		}
	})
}

// checkPlan: the list is read along the index, in its order. One by words is put together from lists
// that each are, and looks everything else up by whole keys.
func checkPlan(t *testing.T, where, index string, steps []string) {
	t.Helper()
	if index != "" {
		if len(steps) != 1 || !strings.Contains(steps[0], index) || sorts(steps[0]) {
			t.Errorf("%s: got %q, want one step along %s", where, steps, index)
		}
		return
	}
	for i, step := range steps {
		switch {
		case strings.HasPrefix(step, "t "):
			if sorts(step) || !strings.HasPrefix(step, "t ref PRIMARY ") && !strings.HasPrefix(step, "t range PRIMARY ") {
				t.Errorf("%s: step %d does not read the words in order: %q", where, i, steps)
			}
		case strings.HasPrefix(step, "SEARCH t "), strings.HasPrefix(step, "SCAN t "):
			sorted := i+1 < len(steps) && sorts(steps[i+1])
			if sorted || !strings.Contains(step, "PRIMARY KEY (term=?") {
				t.Errorf("%s: step %d does not read the words in order: %q", where, i, steps)
			}
		case strings.HasPrefix(step, "x "), strings.HasPrefix(step, "o "):
			if !strings.Contains(step, " eq_ref PRIMARY ") {
				t.Errorf("%s: step %d looks up more than one row: %s", where, i, step)
			}
		case strings.HasPrefix(step, "SEARCH x "), strings.HasPrefix(step, "SEARCH o "):
			if !strings.Contains(step, "(term=? AND created_at=? AND order_id=?)") && !strings.Contains(step, "(id=?)") {
				t.Errorf("%s: step %d looks up more than one row: %s", where, i, step)
			}
		}
	}
}

// checkFew: what is asked about an order's money is read from what is few, or looked up by whole keys.
func checkFew(t *testing.T, where string, steps []string) {
	t.Helper()
	few := map[string]string{"i": "incidents_open", "p": "payments_confirming", "r": "refunds_order"}
	for _, step := range steps {
		table := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(step, "SEARCH "), "SCAN "))[0]
		key := strings.Contains(step, " eq_ref PRIMARY ") || strings.Contains(step, "(id=?)")
		if index := few[table]; index != "" && !key && !strings.Contains(step, index) {
			t.Errorf("%s: does not read along %s: %q", where, index, steps)
		}
	}
}

// checkIndexes: no step reads a table without an index.
func checkIndexes(t *testing.T, where string, steps []string) {
	t.Helper()
	for _, step := range steps {
		table := strings.HasPrefix(step, "SCAN orders") || strings.HasPrefix(step, "SCAN t") || strings.HasPrefix(step, "orders ") || strings.HasPrefix(step, "t ")
		if table && !strings.Contains(step, "INDEX") && !strings.Contains(step, "Using index") {
			t.Errorf("%s: reads without an index: %q", where, steps)
		}
	}
}

func sorts(step string) bool {
	return strings.Contains(step, "filesort") || strings.Contains(step, "FOR ORDER BY")
}

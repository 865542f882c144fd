package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"saoma/models"
	"saoma/models/modelstest"
)

// visitor orders n pieces as somebody at an address.
func visitor(t *testing.T, s *models.Store, who, ip, sku string, n int64) (*models.Order, error) {
	d := modelstest.Draft(sku, n)
	d.CustomerID, d.ClientIP = who, ip
	return s.PlaceOrder(t.Context(), d)
}

const (
	public  = "198.51.100.7"
	private = "10.0.0.1"
)

func TestCapOnUnpaidOrdersOfAVisitor(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 1000)
		var orders []*models.Order
		for i := range 20 {
			order, err := visitor(t, s, "ann", public, "cup", 1)
			if err != nil {
				t.Fatalf("order %d: %v", i+1, err)
			}
			orders = append(orders, order)
		}
		if _, err := visitor(t, s, "ann", public, "cup", 1); !errors.Is(err, models.ErrTooManyUnpaid) {
			t.Errorf("one more: got %v, want ErrTooManyUnpaid", err)
		}
		if onHand, reserved := stock(t, s, "cup"); onHand != 980 || reserved != 20 {
			t.Errorf("stock after the refusal: got %d on hand and %d reserved, want 980 and 20", onHand, reserved)
		}
		if _, err := visitor(t, s, "bob", public, "cup", 1); err != nil {
			t.Errorf("another visitor: %v", err)
		}
		if _, err := visitor(t, s, "", private, "cup", 1); err != nil {
			t.Errorf("a visitor without a name: %v", err)
		}
		endOrder(t, s, orders[0], models.OrderExpired)
		if _, err := visitor(t, s, "ann", public, "cup", 1); err != nil {
			t.Errorf("after one has expired: %v", err)
		}
	})
}

func endOrder(t *testing.T, s *models.Store, o *models.Order, to models.OrderStatus) {
	t.Helper()
	err := s.Tx(t.Context(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err == nil {
			_, err = tx.CloseOrder(locked, to)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestShareOfStockOfAVisitor(t *testing.T) {
	type buy struct {
		who  string
		sku  string
		n    int64
		want error
	}
	tests := map[string]struct {
		stock  int64
		orders []buy
	}{
		"the first may hold everything":   {10, []buy{{"ann", "cup", 10, nil}}},
		"with the second up to half":      {10, []buy{{"ann", "cup", 2, nil}, {"ann", "cup", 3, nil}, {"ann", "cup", 1, models.ErrTooManyUnpaid}}},
		"the second beyond half":          {10, []buy{{"ann", "cup", 1, nil}, {"ann", "cup", 5, models.ErrTooManyUnpaid}}},
		"the second of another article":   {10, []buy{{"ann", "pot", 1, nil}, {"ann", "cup", 6, models.ErrTooManyUnpaid}, {"ann", "cup", 5, nil}}},
		"half is rounded up":              {3, []buy{{"ann", "cup", 1, nil}, {"ann", "cup", 1, nil}, {"ann", "cup", 1, models.ErrTooManyUnpaid}}},
		"the last piece":                  {1, []buy{{"ann", "pot", 1, nil}, {"ann", "cup", 1, nil}}},
		"others are not hindered":         {10, []buy{{"ann", "cup", 5, nil}, {"bob", "cup", 5, nil}}},
		"what others hold does not count": {10, []buy{{"bob", "cup", 5, nil}, {"ann", "cup", 2, nil}, {"ann", "cup", 3, nil}}},
		"sold out comes first":            {10, []buy{{"ann", "cup", 10, nil}, {"ann", "cup", 1, models.ErrOutOfStock}}},
	}
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		for name, tc := range tests {
			modelstest.Product(t, s, name+" cup", 2500, tc.stock)
			modelstest.Product(t, s, name+" pot", 2500, 100)
			for i, b := range tc.orders {
				if _, err := visitor(t, s, name+b.who, private, name+" "+b.sku, b.n); !errors.Is(err, b.want) {
					t.Errorf("%s: order %d, %+v: got %v", name, i+1, b, err)
				}
			}
		}
	})
}

// TestUncountedStockIsNotShared: what cannot run out cannot be held.
func TestUncountedStockIsNotShared(t *testing.T) {
	s := modelstest.New(t)
	err := s.PutProducts(t.Context(), []models.Product{{
		Slug: "song", Name: "Song", Active: true, Variants: []models.Variant{{SKU: "song", Price: 100, Digital: true, Active: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := visitor(t, s, "ann", public, "song", 900); err != nil {
			t.Error(err)
		}
	}
}

func TestShareOfStockOfAnAddress(t *testing.T) {
	tests := map[string]struct {
		ip   string
		few  bool
		want error
	}{
		"public":                  {ip: public, want: models.ErrHeldHere},
		"public, IPv6":            {ip: "2001:db8::7", want: models.ErrHeldHere},
		"public, with few orders": {ip: "198.51.100.8", few: true},
		"private":                 {ip: private},
		"loopback":                {ip: "127.0.0.1"},
		"loopback, IPv6":          {ip: "::1"},
		"link-local":              {ip: "fe80::1"},
		"private as IPv6":         {ip: "::ffff:192.168.0.1"},
		"carrier's own":           {ip: "100.64.0.9"},
		"unknown":                 {ip: ""},
	}
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		for name, tc := range tests {
			modelstest.Product(t, s, name, 2500, 100)
			pieces := append([]int64{60}, slices.Repeat([]int64{1}, 19)...) // 79 of 20 orders
			if tc.few {
				pieces = []int64{79}
			}
			for i, n := range pieces {
				if _, err := visitor(t, s, fmt.Sprint(name, i), tc.ip, name, n); err != nil {
					t.Fatalf("%s: order %d: %v", name, i+1, err)
				}
			}
			if _, err := visitor(t, s, name+" ann", tc.ip, name, 1); err != nil {
				t.Errorf("%s: up to four in five: got %v", name, err)
			}
			if _, err := visitor(t, s, name+" bob", tc.ip, name, 1); !errors.Is(err, tc.want) {
				t.Errorf("%s: beyond four in five: got %v, want %v", name, err, tc.want)
			}
			if _, err := visitor(t, s, name+" eve", "", name, 5); err != nil {
				t.Errorf("%s: from another address: %v", name, err)
			}
		}
	})
}

// TestSimultaneousOrdersKeepTheCaps: whoever orders the same article at once is counted all the same.
func TestSimultaneousOrdersKeepTheCaps(t *testing.T) {
	for name, tc := range map[string]struct {
		stock, each int64
		visitors    int // who share the orders
		placed      int
		refusal     error
	}{
		"orders of a visitor":             {1000, 1, 1, 20, models.ErrTooManyUnpaid},
		"share of a visitor":              {40, 4, 1, 5, models.ErrTooManyUnpaid},
		"share of an address":             {50, 1, 60, 40, models.ErrHeldHere},
		"many visitors, and plenty of it": {1000, 2, 60, 60, nil},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, o models.Options) {
				s := modelstest.Open(t, o)
				modelstest.Product(t, s, "cup", 2500, tc.stock)
				var mu sync.Mutex
				placed := 0
				var wg sync.WaitGroup
				for i := range 60 {
					wg.Go(func() {
						_, err := visitor(t, s, fmt.Sprint("visitor ", i%tc.visitors), public, "cup", tc.each)
						mu.Lock()
						defer mu.Unlock()
						switch {
						case err == nil:
							placed++
						case tc.refusal == nil || !errors.Is(err, tc.refusal):
							t.Errorf("got %v, want %v", err, tc.refusal)
						}
					})
				}
				wg.Wait()
				if placed != tc.placed {
					t.Errorf("got %d orders placed, want %d", placed, tc.placed)
				}
				if _, reserved := stock(t, s, "cup"); reserved != int64(placed)*tc.each {
					t.Errorf("got %d pieces reserved by %d orders of %d", reserved, placed, tc.each)
				}
			})
		})
	}
}

// TestCapsUseTheirIndexes: an order must not read every order there ever was.
func TestCapsUseTheirIndexes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 100)
		cups, err := s.VariantsBySKU(t.Context(), []string{"cup"})
		if err != nil {
			t.Fatal(err)
		}
		var orders []models.Order
		var items []models.OrderItem
		for i := range 2000 {
			order := models.Order{
				ID: models.NewID(), Number: fmt.Sprint(i), Token: models.NewToken(), FormToken: models.NewToken(),
				Status: models.OrderPaid, Amount: 1, CustomerID: fmt.Sprint(i % 500), ClientIP: fmt.Sprint(i % 300),
			}
			if i%10 == 0 {
				order.Status = models.OrderPending
			}
			orders = append(orders, order)
			items = append(items, models.OrderItem{ID: models.NewID(), OrderID: order.ID, VariantID: cups["cup"].ID, Quantity: 1})
		}
		if err := errors.Join(models.Fill(t.Context(), s, orders), models.Fill(t.Context(), s, items)); err != nil {
			t.Fatal(err)
		}
		for index, by := range map[string]models.Holder{"orders_visitor": models.ByVisitor, "orders_address": models.ByAddress} {
			for step, query := range map[string]func(s *models.Store) error{
				"count": func(s *models.Store) error { return s.CountUnpaid(t.Context(), by, "7") },
				"held":  func(s *models.Store) error { return s.HeldBy(t.Context(), by, "7", []models.Variant{cups["cup"]}) },
			} {
				plan, err := s.Plan(t.Context(), query)
				if err != nil || !strings.Contains(plan, index) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "ALL") {
					t.Errorf("%s: got the plan %q, err %v, want one by %s that does not scan", step, plan, err, index)
				}
			}
		}
		plan, err := s.Plan(t.Context(), func(s *models.Store) error { return s.ScarceStock(t.Context(), []models.Variant{cups["cup"]}) })
		if err != nil || strings.Contains(plan, "SCAN") {
			t.Errorf("scarce stock: got the plan %q, err %v, want one that does not scan", plan, err)
		}
	})
}

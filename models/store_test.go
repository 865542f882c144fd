package models_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

func stock(t *testing.T, s *models.Store, sku string) (onHand, reserved int64) {
	t.Helper()
	vs, err := s.VariantsBySKU(context.Background(), []string{sku})
	if err != nil || len(vs) != 1 {
		t.Fatalf("variant %s: got %d, err %v", sku, len(vs), err)
	}
	return vs[sku].OnHand, vs[sku].Reserved
}

func TestPlaceOrderFreezesPricesAndReservesStock(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := context.Background(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		order, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 3))
		if err != nil {
			t.Fatal(err)
		}
		modelstest.Product(t, s, "cup", 9900, 7)
		got, err := s.OrderByToken(ctx, order.Token)
		if err != nil {
			t.Fatal(err)
		}
		if got.Goods != 7500 || got.Shipping != 1000 || got.Amount != 8500 || got.Status != models.OrderPending {
			t.Errorf("order: got goods %d shipping %d amount %d status %s", got.Goods, got.Shipping, got.Amount, got.Status)
		}
		if len(got.Items) != 1 || got.Items[0].Price != 2500 || got.Items[0].Quantity != 3 {
			t.Errorf("items: got %+v", got.Items)
		}
		if d := got.ExpiresAt.Sub(got.CreatedAt); d != 15*time.Minute {
			t.Errorf("window: got %v", d)
		}
		if onHand, reserved := stock(t, s, "cup"); onHand != 7 || reserved != 3 {
			t.Errorf("stock: got %d on hand and %d reserved", onHand, reserved)
		}
	})
}

func TestPlaceOrderRefusals(t *testing.T) {
	ctx, s := context.Background(), modelstest.New(t)
	modelstest.Product(t, s, "cup", 2500, 2)
	seen := models.Money{Amount: 2500, Currency: "CNY"}
	for name, tc := range map[string]struct {
		change func(*models.Draft)
		want   error
	}{
		"empty":        {func(d *models.Draft) { d.Lines = nil }, models.ErrCartEmpty},
		"none of it":   {func(d *models.Draft) { d.Lines[0].Quantity = 0 }, models.ErrCartEmpty},
		"unknown":      {func(d *models.Draft) { d.Lines[0].SKU = "plate" }, models.ErrNotForSale},
		"too many":     {func(d *models.Draft) { d.Lines[0].Quantity = 3 }, models.ErrOutOfStock},
		"absurd":       {func(d *models.Draft) { d.Lines[0].Quantity = 1 << 62 }, models.ErrNotForSale},
		"other price":  {func(d *models.Draft) { d.Seen = &seen }, models.ErrPriceChanged},
		"case differs": {func(d *models.Draft) { d.Lines[0].SKU = "CUP" }, models.ErrNotForSale},
	} {
		t.Run(name, func(t *testing.T) {
			d := modelstest.Draft("cup", 1)
			tc.change(&d)
			if _, err := s.PlaceOrder(ctx, d); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if onHand, reserved := stock(t, s, "cup"); onHand != 2 || reserved != 0 {
				t.Errorf("stock: got %d on hand and %d reserved", onHand, reserved)
			}
		})
	}
}

func TestOneFormMakesOneOrder(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := context.Background(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		d := modelstest.Draft("cup", 1)
		numbers := make([]string, 8)
		var wg sync.WaitGroup
		for i := range numbers {
			wg.Go(func() {
				order, err := s.PlaceOrder(ctx, d)
				if err != nil {
					t.Error(err)
					return
				}
				numbers[i] = order.Number
			})
		}
		wg.Wait()
		for _, n := range numbers {
			if n != numbers[0] {
				t.Errorf("orders: got %v, want one number", numbers)
				break
			}
		}
		if onHand, reserved := stock(t, s, "cup"); onHand != 9 || reserved != 1 {
			t.Errorf("stock: got %d on hand and %d reserved", onHand, reserved)
		}
	})
}

func TestStockIsNeverOversold(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := context.Background(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		modelstest.Product(t, s, "pot", 5000, 5)
		var mu sync.Mutex
		placed, refused := 0, 0
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				d := modelstest.Draft("cup", 1)
				d.Lines = append(d.Lines, models.Line{SKU: "pot", Quantity: 1})
				if i%2 == 0 {
					d.Lines[0], d.Lines[1] = d.Lines[1], d.Lines[0]
				}
				_, err := s.PlaceOrder(ctx, d)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					placed++
				case errors.Is(err, models.ErrOutOfStock):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if placed != 5 || refused != 35 {
			t.Errorf("got %d placed and %d refused, want 5 and 35", placed, refused)
		}
	})
}

func TestTwoProcessesStartOnAnEmptyDatabase(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				s, err := models.Open(context.Background(), o)
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Ping(context.Background()); err != nil {
					t.Error(err)
				}
				s.Close()
			})
		}
		wg.Wait()
	})
}

func TestSubscribeHearsOfChanges(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, here := context.Background(), modelstest.Open(t, o)
		modelstest.Product(t, here, "cup", 2500, 5)
		order := modelstest.Order(t, here, "cup")
		there := modelstest.Open(t, o)
		hears, cancelHere := here.Subscribe(order.ID)
		defer cancelHere()
		hearsToo, cancelThere := there.Subscribe(order.ID)
		defer cancelThere()
		deadline := time.After(20 * time.Second)
		for range 2 { // before the other store's first look, and after it
			if err := here.Tx(ctx, func(tx *models.Tx) error { _, err := tx.LockOrder(order.ID); return err }); err != nil {
				t.Fatal(err)
			}
			for name, hint := range map[string]<-chan struct{}{"the store that made the change": hears, "the other store": hearsToo} {
				select {
				case <-hint:
				case <-deadline:
					t.Fatalf("%s did not tell", name)
				}
			}
		}
	})
}

func TestEvidenceChain(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := context.Background(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		order := modelstest.Order(t, s, "cup")
		for i := range 3 {
			err := s.Tx(ctx, func(tx *models.Tx) error {
				locked, err := tx.LockOrder(order.ID)
				if err != nil {
					return err
				}
				for j := range 2 {
					e := models.Evidence{Gateway: models.ScanForPay, Direction: models.Received, Response: fmt.Appendf(nil, "message %d %d", i, j)}
					if err := tx.AddEvidence(locked, e); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.OrderByID(ctx, order.ID)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Evidence(ctx, order.ID)
		if err != nil || len(rows) != 6 {
			t.Fatalf("got %d rows, err %v", len(rows), err)
		}
		if err := models.VerifyChain(*got, rows); err != nil {
			t.Error(err)
		}
		for name, damage := range map[string]func([]models.Evidence) []models.Evidence{
			"changed":       func(r []models.Evidence) []models.Evidence { r[2].Response = []byte("other"); return r },
			"removed":       func(r []models.Evidence) []models.Evidence { return append(r[:2], r[3:]...) },
			"cut":           func(r []models.Evidence) []models.Evidence { return r[:5] },
			"verdict":       func(r []models.Evidence) []models.Evidence { r[5].Verdict = "accepted"; return r },
			"time":          func(r []models.Evidence) []models.Evidence { r[0].CreatedAt = r[0].CreatedAt.Add(1e6); return r },
			"order swapped": func(r []models.Evidence) []models.Evidence { r[1], r[2] = r[2], r[1]; return r },
		} {
			if models.VerifyChain(*got, damage(append([]models.Evidence(nil), rows...))) == nil {
				t.Errorf("%s: the chain still verifies", name)
			}
		}
	})
}

func TestSessions(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { return now }
		ctx, s := context.Background(), modelstest.Open(t, o)
		for _, data := range []string{"one", "two"} {
			if err := s.SaveSession(ctx, "hash", []byte(data), now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Session(ctx, "hash"); err != nil || string(got) != data {
				t.Errorf("got %q, err %v, want %q", got, err, data)
			}
		}
		now = now.Add(time.Hour)
		if got, err := s.Session(ctx, "hash"); err != nil || got != nil {
			t.Errorf("after its time: got %q, err %v, want nothing", got, err)
		}
		if err := s.DeleteOldSessions(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOneSessionSavedAtOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := s.SaveSession(context.Background(), "hash", []byte("data"), s.Now().Add(time.Hour)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := s.Session(t.Context(), "hash"); err != nil || string(got) != "data" {
			t.Errorf("got %q, err %v", got, err)
		}
	})
}

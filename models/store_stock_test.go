package models_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"saoma/models"
	"saoma/models/modelstest"
)

// moved adds up the stock moves of a variant.
func moved(t interface{ Fatal(args ...any) }, s *models.Store, variantID string) (sum int64) {
	moves, err := s.StockMoves(context.Background(), []string{variantID}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range moves {
		sum += m.Delta
	}
	return sum
}

func change(sku string, delta int64) models.StockChange {
	return models.StockChange{ID: models.NewID(), SKU: sku, Delta: delta, Reason: "delivery"}
}

func TestChangeStock(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		modelstest.Order(t, s, "cup") // holds one
		put(t, s, models.Variant{SKU: "file", Price: 100, Active: true})
		seen := func(n int64) *int64 { return &n }
		for _, tt := range []struct {
			name    string
			change  models.StockChange
			want    error
			onHand  int64 // of the cup, afterwards
			entries int   // of the audit log, more
		}{
			{"put in", change("cup", 5), nil, 14, 1},
			{"take out", change("cup", -4), nil, 10, 1},
			{"take what is held", change("cup", -11), models.ErrStockTooLow, 10, 0},
			{"take all that is free", change("cup", -10), nil, 0, 1},
			{"counted", models.StockChange{ID: models.NewID(), SKU: "cup", Delta: 7, Seen: seen(1)}, nil, 7, 1},
			{"counted, and it was right", models.StockChange{ID: models.NewID(), SKU: "cup", Seen: seen(8)}, nil, 7, 1},
			{"counted from another number", models.StockChange{ID: models.NewID(), SKU: "cup", Delta: 1, Seen: seen(7)}, models.ErrStockMoved, 7, 0},
			{"counted fewer than are held", models.StockChange{ID: models.NewID(), SKU: "cup", Delta: -8, Seen: seen(8)}, models.ErrStockTooLow, 7, 0},
			{"not counted", change("file", 1), models.ErrNotCounted, 7, 0},
			{"unknown", change("pot", 1), models.ErrProductNotFound, 7, 0},
			{"a name with a blank behind it", change("cup ", 1), models.ErrProductNotFound, 7, 0},
		} {
			before, err := s.AuditEntries(ctx, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.ChangeStock(ctx, mia, tt.change)
			if !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
			if err == nil && v.OnHand != tt.onHand {
				t.Errorf("%s: told %d on hand, want %d", tt.name, v.OnHand, tt.onHand)
			}
			if onHand, reserved := stock(t, s, "cup"); onHand != tt.onHand || reserved != 1 {
				t.Errorf("%s: got %d on hand and %d reserved, want %d and 1", tt.name, onHand, reserved, tt.onHand)
			}
			after, err := s.AuditEntries(ctx, 0, 100)
			if err != nil || len(after)-len(before) != tt.entries {
				t.Errorf("%s: got %d more entries in the audit log, %v; want %d", tt.name, len(after)-len(before), err, tt.entries)
			}
		}
		cup, err := s.VariantBySKU(ctx, "cup")
		if err != nil {
			t.Fatal(err)
		}
		if sum := moved(t, s, cup.ID); sum != cup.Shelf() {
			t.Errorf("moves: they add up to %d, want the %d that are there", sum, cup.Shelf())
		}
		moves, err := s.StockMoves(ctx, []string{cup.ID}, 1)
		if err != nil || len(moves) != 1 || moves[0].Kind != models.StockCounted || moves[0].Shelf != 8 || moves[0].Actor != mia.Name {
			t.Errorf("newest move: got %+v, %v; want Mia's count of 8", moves, err)
		}
	})
}

func TestChangeStockOnceAForm(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		form := change("cup", 5)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if _, err := s.ChangeStock(ctx, mia, form); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if onHand, _ := stock(t, s, "cup"); onHand != 15 {
			t.Errorf("one form four times: got %d on hand, want 15", onHand)
		}
		form.Delta = 6
		if _, err := s.ChangeStock(ctx, mia, form); !errors.Is(err, models.ErrFormSentTwice) {
			t.Errorf("the same form with another number: got %v, want %v", err, models.ErrFormSentTwice)
		}
	})
}

// Members of staff and buyers move the same stock at once, and every piece is accounted for.
func TestStockChangesBesideSales(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 6)
		var group sync.WaitGroup
		var mu sync.Mutex
		in, held := int64(6), int64(0)
		for i := range 6 {
			group.Go(func() {
				delta := int64(3 - i) // 3, 2, 1, 0, -1, -2
				_, err := s.ChangeStock(ctx, mia, change("cup", delta))
				if err != nil && !errors.Is(err, models.ErrStockTooLow) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					in += delta
				}
			})
			group.Go(func() {
				_, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 2))
				if err != nil && !errors.Is(err, models.ErrOutOfStock) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					held += 2
				}
			})
		}
		group.Wait()
		if onHand, reserved := stock(t, s, "cup"); onHand != in-held || reserved != held || onHand < 0 {
			t.Errorf("stock: got %d on hand and %d reserved, want %d and %d", onHand, reserved, in-held, held)
		}
	})
}

package models_test

import (
	"fmt"
	"sync"
	"testing"

	"saoma/models"
	"saoma/models/modelstest"
)

func put(t *testing.T, s *models.Store, v models.Variant) {
	t.Helper()
	err := s.PutProducts(t.Context(), []models.Product{{
		Slug: v.SKU, Name: v.SKU, Active: true, Variants: []models.Variant{v},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPutProductsKeepsReservations(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		put(t, s.store, models.Variant{SKU: "cup", Price: 9900, Counted: true, OnHand: 40, Reserved: 7, Active: true})
		if onHand, reserved := stock(t, s.store, "cup"); onHand != 40 || reserved != 1 {
			t.Errorf("stock: got %d on hand and %d reserved, want 40 and 1", onHand, reserved)
		}
		if paid, err := pay(t.Context(), s.store, s.order.ID, s.payment.ID); err != nil || !paid {
			t.Errorf("pay: got %v, err %v", paid, err)
		}
		if onHand, reserved := stock(t, s.store, "cup"); onHand != 40 || reserved != 0 {
			t.Errorf("stock once paid: got %d on hand and %d reserved, want 40 and 0", onHand, reserved)
		}
	})
}

func TestPutProductsKeepsAllOrNothing(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		good := models.Variant{SKU: "cup", Price: 2500, Active: true}
		bad := models.Variant{SKU: "pot", Price: 0, Active: true}
		err := s.PutProducts(t.Context(), []models.Product{
			{Slug: "cup", Name: "Cup", Active: true, Variants: []models.Variant{good}},
			{Slug: "pot", Name: "Pot", Active: true, Variants: []models.Variant{bad}},
		})
		if products, _ := s.Products(t.Context()); err == nil || len(products) != 0 {
			t.Errorf("got %d products and %v, want none and an error", len(products), err)
		}
	})
}

// The merchant stops counting stock, or starts, while orders are open. They must still be paid,
// and still give back what they reserved.
func TestCountingChangesWhileOrdersAreOpen(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		for _, counted := range []bool{true, false} {
			for _, end := range []models.OrderStatus{models.OrderPaid, models.OrderExpired} {
				t.Run(fmt.Sprintf("counted %v, then %s", counted, end), func(t *testing.T) {
					ctx, s := t.Context(), modelstest.Open(t, o)
					sku := models.NewToken()
					put(t, s, models.Variant{SKU: sku, Price: 2500, Counted: counted, OnHand: 5, Active: true})
					order := modelstest.Order(t, s, sku)
					payment := newPayment(s, order)
					put(t, s, models.Variant{SKU: sku, Price: 2500, Counted: !counted, OnHand: 9, Active: true})
					moved := false
					err := s.Tx(ctx, func(tx *models.Tx) error {
						locked, err := tx.LockOrder(order.ID)
						if err != nil {
							return err
						}
						if err := tx.AddPayment(payment); err != nil {
							return err
						}
						moved, err = closeOrPay(tx, locked, end, payment)
						return err
					})
					if err != nil || !moved {
						t.Errorf("got %v, err %v", moved, err)
					}
					want := int64(9)
					if counted && end == models.OrderExpired {
						want = 10
					}
					if onHand, reserved := stock(t, s, sku); onHand != want || reserved != 0 {
						t.Errorf("stock: got %d on hand and %d reserved, want %d and 0", onHand, reserved, want)
					}
				})
			}
		}
	})
}

// GORM writes into the schema of a type's relations when it first meets the type: the race
// detector sees whether a store leaves that to its first readers.
func TestFirstReadsAtOnce(t *testing.T) {
	o := modelstest.Options(t)
	if err := modelstest.Open(t, o).FillDemo(t.Context(), "en"); err != nil {
		t.Fatal(err)
	}
	for range 150 {
		s, err := models.Fresh(o.DSN)
		if err != nil {
			t.Fatal(err)
		}
		start := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			<-start
			if _, err := s.VariantsBySKU(t.Context(), []string{"TEA-SET"}); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			<-start
			if _, err := s.ProductBySlug(t.Context(), "tea-set"); err != nil {
				t.Error(err)
			}
		})
		close(start)
		group.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

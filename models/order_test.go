package models_test

import (
	"fmt"
	"testing"

	"saoma/models"
	"saoma/models/modelstest"
)

// Money that comes after the order gave its stock back takes stock for every line again, or for none.
func TestLatePaymentTakesAllOrNothing(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		for _, closed := range []models.OrderStatus{models.OrderExpired, models.OrderCanceled} {
			for _, tc := range []struct {
				cups, pots int64 // on hand when the money comes
				want       bool
			}{
				{cups: 2, pots: 3, want: true},
				{cups: 9, pots: 2},
				{cups: 1, pots: 9},
				{cups: 0, pots: 0},
			} {
				t.Run(fmt.Sprintf("%s, %d and %d left", closed, tc.cups, tc.pots), func(t *testing.T) {
					ctx, s := t.Context(), modelstest.Open(t, o)
					modelstest.Product(t, s, "cup", 2500, 5)
					modelstest.Product(t, s, "pot", 5000, 5)
					d := modelstest.Draft("pot", 3)
					d.Lines = append(d.Lines, models.Line{SKU: "cup", Quantity: 2})
					order, err := s.PlaceOrder(ctx, d)
					if err != nil {
						t.Fatal(err)
					}
					payment := newPayment(s, order)
					err = s.Tx(ctx, func(tx *models.Tx) error {
						locked, err := tx.LockOrder(order.ID)
						if err != nil {
							return err
						}
						if err := tx.AddPayment(payment); err != nil {
							return err
						}
						_, err = tx.CloseOrder(locked, closed)
						return err
					})
					if err != nil {
						t.Fatal(err)
					}
					modelstest.Product(t, s, "cup", 2500, tc.cups)
					modelstest.Product(t, s, "pot", 5000, tc.pots)

					if paid, err := pay(ctx, s, order.ID, payment.ID); err != nil || paid != tc.want {
						t.Fatalf("pay: got %v, err %v, want %v", paid, err, tc.want)
					}
					wantStatus, wantCups, wantPots := closed, tc.cups, tc.pots
					if tc.want {
						wantStatus, wantCups, wantPots = models.OrderPaid, tc.cups-2, tc.pots-3
					}
					got, err := s.OrderByID(ctx, order.ID)
					if err != nil {
						t.Fatal(err)
					}
					if got.Status != wantStatus || got.Payments[0].Status != models.PaymentSucceeded {
						t.Errorf("got an order that is %s by a payment that %s, want %s", got.Status, got.Payments[0].Status, wantStatus)
					}
					for sku, want := range map[string]int64{"cup": wantCups, "pot": wantPots} {
						if onHand, reserved := stock(t, s, sku); onHand != want || reserved != 0 {
							t.Errorf("%s: got %d on hand and %d reserved, want %d and 0", sku, onHand, reserved, want)
						}
					}
				})
			}
		}
	})
}

// TestExpiredBeforeThatWasKept: orders that expired under an older version count as expired at the end of
// their window.
func TestExpiredBeforeThatWasKept(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		order := modelstest.Order(t, s, "cup")
		err := s.Tx(t.Context(), func(tx *models.Tx) error {
			locked, err := tx.LockOrder(order.ID)
			if err != nil {
				return err
			}
			if _, err := tx.CloseOrder(locked, models.OrderExpired); err != nil {
				return err
			}
			if err := tx.Exec("UPDATE orders SET expired_at = NULL"); err != nil {
				return err
			}
			return tx.Exec("DELETE FROM migrations WHERE id = '068_expired_orders'")
		})
		if err != nil {
			t.Fatal(err)
		}
		newer, err := models.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer newer.Close()
		got, err := newer.OrderByID(t.Context(), order.ID)
		if err != nil || got.ExpiredAt == nil || !got.ExpiredAt.Equal(order.ExpiresAt) {
			t.Errorf("got %v, %v, want it to have expired at %v", got.ExpiredAt, err, order.ExpiresAt)
		}
	})
}

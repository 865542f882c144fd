package models_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// The orders of a filled shop: every tenth is of another kind.
var (
	fillStart    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fillStatuses = []models.OrderStatus{
		models.OrderPaid, models.OrderFulfilled, models.OrderFulfilled, models.OrderExpired, models.OrderFulfilled,
		models.OrderPaid, models.OrderCanceled, models.OrderFulfilled, models.OrderExpired, models.OrderPending,
	}
	fillFamilies = []string{"Chan", "Wong", "Lee", "Cheung", "Lau", "Ng", "Ho", "王", "陈", "Müller", "Sato"}
)

const (
	fillGoods = 5
	fillBase  = 5000 // as many as there are buyers: what comes after them is a copy of them
)

// fillOrders fills a shop with orders that have been placed a minute after each other, each with a
// line and an attempt. It writes what placing and paying them would have written.
func fillOrders(t testing.TB, s *models.Store, n int) {
	t.Helper()
	ctx := context.Background()
	var goods []models.Variant
	for i := range fillGoods {
		sku := fmt.Sprintf("GOOD-%d", i)
		modelstest.Product(t, s, sku, 2500, 100)
		found, err := s.VariantsBySKU(ctx, []string{sku})
		if err != nil {
			t.Fatal(err)
		}
		goods = append(goods, found[sku])
	}
	const batch = 40
	for from := 0; from < min(n, fillBase); from += batch {
		var orders []models.Order
		var items []models.OrderItem
		var payments []models.Payment
		for i := from; i < min(from+batch, n, fillBase); i++ {
			o := filledOrder(i, goods[i%fillGoods])
			orders, items, payments = append(orders, o), append(items, o.Items...), append(payments, o.Payments...)
		}
		fillTx(t, s, func(tx *models.Tx) error {
			for _, rows := range []any{&orders, &items, &payments} {
				if err := tx.InsertAlone(rows); err != nil {
					return err
				}
			}
			return tx.InsertTerms(orders)
		})
	}
	if n > fillBase {
		fillTx(t, s, (*models.Tx).KeepTerms)
	}
	const piece = 500
	for copied := fillBase; copied < n; copied += piece {
		from := fillStart.Add(time.Duration(copied%fillBase) * time.Minute)
		nth := copied / fillBase
		fillTx(t, s, func(tx *models.Tx) error {
			return tx.CopyOrders(from, nth, time.Duration(nth*fillBase)*time.Minute, min(piece, n-copied))
		})
	}
}

// fillTrouble gives a tenth of the orders of a filled shop a refund, of which some failed, leaves some of
// the first payments unconfirmed, and opens incidents about some of their orders, of which half are settled.
func fillTrouble(t testing.TB, s *models.Store, n int) {
	t.Helper()
	for from := 0; from < n; from += fillBase {
		fillTx(t, s, func(tx *models.Tx) error {
			return tx.Exec(`INSERT INTO refunds
				(id, order_id, payment_id, number, status, currency, amount, reason, failure, created_at, updated_at, checks)
				SELECT id, order_id, id, REPLACE(number, 'P', 'R'), CASE WHEN gateway = 'pass2pay' THEN 'failed' ELSE 'succeeded' END,
				currency, 100, '', '', created_at, created_at, 0
				FROM payments WHERE status = 'succeeded' AND (number LIKE '%1' OR number LIKE '%1k%') AND created_at >= ? AND created_at < ?`,
				fillStart.Add(time.Duration(from)*time.Minute), fillStart.Add(time.Duration(from+fillBase)*time.Minute))
		})
	}
	fillTx(t, s, func(tx *models.Tx) error {
		err := tx.Exec(`INSERT INTO incidents
			(id, kind, status, dedup_key, gateway, order_id, payment_id, number, currency, amount, detail, resolution, count, created_at, updated_at)
			SELECT id, 'duplicate_payment', CASE WHEN wallet = 'wechat' THEN 'open' ELSE 'resolved' END, number, gateway, order_id, id,
			number, currency, amount, '', '', 1, created_at, created_at
			FROM payments WHERE number LIKE '%2'`)
		if err != nil {
			return err
		}
		return tx.Exec("UPDATE payments SET confirmed_at = NULL WHERE number LIKE '%50'")
	})
	if err := models.BackfillRefunded(s); err != nil {
		t.Fatal(err)
	}
}

// fillTx runs a part of the filling again when the machine was too busy to end it in time.
func fillTx(t testing.TB, s *models.Store, fill func(tx *models.Tx) error) {
	t.Helper()
	var err error
	for range 20 {
		if err = s.Tx(context.Background(), fill); !errors.Is(err, models.ErrStoreDown) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func filledOrder(i int, good models.Variant) models.Order {
	at := fillStart.Add(time.Duration(i) * time.Minute)
	o := models.Order{
		ID: models.NewID(), Number: fmt.Sprintf("%s-%08d", at.Format("060102"), i), Token: fmt.Sprintf("token%d", i),
		FormToken: fmt.Sprintf("form%d", i), Status: fillStatuses[i%10], Currency: "CNY", Goods: 2500, Amount: 2500,
		Buyer: models.Buyer{
			Name:  fmt.Sprintf("Buyer%d %s", i%5000, fillFamilies[i%len(fillFamilies)]),
			Email: fmt.Sprintf("buyer%d@example.com", i%5000), Phone: fmt.Sprintf("+852 9%07d", i%5000),
		},
		Language: "en", Wallet: models.Wallets[i%3], Gateway: models.ScanForPay,
		CreatedAt: at, UpdatedAt: at, ExpiresAt: at.Add(15 * time.Minute), CustomerSince: at,
	}
	if i%7 == 0 {
		o.Gateway = models.Pass2Pay
	}
	o.Items = []models.OrderItem{{
		ID: models.NewID(), OrderID: o.ID, VariantID: good.ID, SKU: good.SKU, Name: "Product " + good.SKU, Price: 2500, Quantity: 1,
	}}
	reference := fmt.Sprintf("G%09d", i)
	p := models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: fmt.Sprintf("P%s%08d", at.Format("060102150405"), i), Gateway: o.Gateway,
		Method: "qrcode", Reference: &reference, Wallet: o.Wallet, Status: models.PaymentClosed, Currency: "CNY", Amount: o.Amount,
		CreatedAt: at, UpdatedAt: at, ExpiresAt: o.ExpiresAt, WatchUntil: o.ExpiresAt,
	}
	if o.Status == models.OrderPaid || o.Status == models.OrderFulfilled {
		p.Status, p.SucceededAt, p.ConfirmedAt = models.PaymentSucceeded, &at, &at
		o.PaidAt, o.PaymentID = &at, &p.ID
	}
	o.Payments = []models.Payment{p}
	return o
}

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

// ledger writes payments and refunds of one order as they stand after they moved.
type ledger struct {
	t     *testing.T
	store *models.Store
	order *models.Order
}

func newLedger(t *testing.T, o models.Options) *ledger {
	t.Helper()
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 10)
	return &ledger{t: t, store: s, order: modelstest.Order(t, s, "cup")}
}

func (l *ledger) payment(number string, g models.GatewayName, at time.Time) models.Payment {
	return models.Payment{
		ID: models.NewID(), OrderID: l.order.ID, Number: number, Gateway: g, Status: models.PaymentSucceeded,
		Currency: "CNY", Amount: l.order.Amount, SucceededAt: &at,
	}
}

func (l *ledger) refund(number string, p models.Payment, at time.Time) models.Refund {
	return models.Refund{
		ID: models.NewID(), OrderID: l.order.ID, PaymentID: p.ID, Number: number, Status: models.RefundSucceeded,
		Currency: "CNY", Amount: 100, SucceededAt: &at,
	}
}

func (l *ledger) fill(payments []models.Payment, refunds []models.Refund) {
	l.t.Helper()
	if err := models.Fill(context.Background(), l.store, payments); err != nil {
		l.t.Fatal(err)
	}
	if len(refunds) == 0 {
		return
	}
	if err := models.Fill(context.Background(), l.store, refunds); err != nil {
		l.t.Fatal(err)
	}
}

func (l *ledger) movements(g models.GatewayName, from, to time.Time) []models.Movement {
	l.t.Helper()
	got, err := l.store.Movements(context.Background(), g, from, to)
	if err != nil {
		l.t.Fatal(err)
	}
	return got
}

func TestMovements(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		l := newLedger(t, o)
		from := time.Date(2026, 11, 19, 16, 0, 0, 0, time.UTC)
		to := from.Add(24 * time.Hour)
		before, last := from.Add(-time.Millisecond), to.Add(-time.Millisecond)

		paid := l.payment("PAID", models.ScanForPay, from)
		surplus := l.payment("SURPLUS", models.ScanForPay, last)
		reference := "G1"
		surplus.Reference = &reference
		open := l.payment("OPEN", models.ScanForPay, from)
		open.Status, open.SucceededAt = models.PaymentPending, nil
		pending := l.refund("PENDING", paid, from)
		pending.Status, pending.SucceededAt = models.RefundPending, nil
		elsewhere := l.payment("ELSEWHERE", models.Pass2Pay, from)
		l.fill([]models.Payment{
			surplus, paid, open, elsewhere,
			l.payment("BEFORE", models.ScanForPay, before), l.payment("AFTER", models.ScanForPay, to),
		}, []models.Refund{
			l.refund("RLAST", paid, last), l.refund("RFIRST", surplus, from), pending,
			l.refund("RELSEWHERE", elsewhere, from),
			l.refund("RBEFORE", paid, before), l.refund("RAFTER", paid, to),
		})
		err := l.store.Tx(context.Background(), func(tx *models.Tx) error {
			order, err := tx.LockOrder(l.order.ID)
			if err != nil {
				return err
			}
			_, err = tx.MarkPaid(order, &paid)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}

		order, price, part := l.order.Number, l.order.Money(), models.Money{Amount: 100, Currency: "CNY"}
		want := []models.Movement{
			{Number: "PAID", Order: order, Money: price, At: from},
			{Number: "SURPLUS", Surplus: true, Reference: "G1", Order: order, Money: price, At: last},
			{Number: "RFIRST", Refund: true, Order: order, Money: part, At: from},
			{Number: "RLAST", Refund: true, Order: order, Money: part, At: last},
		}
		hongKong := time.FixedZone("", 8*60*60) // the bounds may be told in any zone
		if diff := cmp.Diff(want, l.movements(models.ScanForPay, from.In(hongKong), to.In(hongKong))); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestMovementsOfManyDays(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		l := newLedger(t, o)
		from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		const days, perDay = 12, 24 // some at the end of an hour, some at the beginning
		var payments []models.Payment
		var refunds []models.Refund
		for i := range days * perDay {
			at := from.Add(time.Duration(i)*time.Hour - time.Duration(i%3)*time.Millisecond)
			payments = append(payments, l.payment(fmt.Sprintf("P%04d", i), models.ScanForPay, at))
			refunds = append(refunds, l.refund(fmt.Sprintf("R%04d", i), payments[i], at))
		}
		l.fill(payments, refunds)

		begin, end := from.AddDate(0, 0, 5).Add(7*time.Minute), from.AddDate(0, 0, 6).Add(29*time.Minute)
		var want, got []string
		for _, p := range payments {
			if !p.SucceededAt.Before(begin) && p.SucceededAt.Before(end) {
				want = append(want, p.Number)
			}
		}
		for _, number := range want {
			want = append(want, "R"+number[1:])
		}
		for _, m := range l.movements(models.ScanForPay, begin, end) {
			got = append(got, m.Number)
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) < perDay {
			t.Errorf("between %s and %s, -want +got:\n%s", begin, end, diff)
		}

		plan, err := l.store.MovementPlan(context.Background(), models.ScanForPay, begin, end)
		if err != nil {
			t.Fatal(err)
		}
		for i, step := range plan {
			for _, slow := range []string{"SCAN", "B-TREE", "ALL", "filesort"} {
				if strings.Contains(step, slow) {
					t.Errorf("step %d reads all rows or sorts: %s", i, step)
				}
			}
		}
		for _, index := range []string{"payments_moved", "refunds_moved"} {
			if !slices.ContainsFunc(plan, func(step string) bool { return strings.Contains(step, index) }) {
				t.Errorf("the index %s is not used: %q", index, plan)
			}
		}
	})
}

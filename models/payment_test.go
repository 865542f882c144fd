package models_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// newPayment returns an attempt at paying the order, not yet stored.
func newPayment(s *models.Store, o *models.Order) *models.Payment {
	now := s.Now()
	return &models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(now), Gateway: models.ScanForPay,
		Method: "qrcode", Wallet: models.WeChat, Scene: models.SceneDesktop, Status: models.PaymentCreated,
		Currency: o.Currency, Amount: o.Amount, CreatedAt: now, ExpiresAt: o.ExpiresAt,
		WatchUntil: now.Add(12 * time.Hour), CheckAt: &now,
	}
}

// pay records a success of the attempt and lets it pay its order, as far as both allow it. It says
// whether the order moved.
func pay(ctx context.Context, s *models.Store, orderID, paymentID string) (paid bool, err error) {
	err = s.Tx(ctx, func(tx *models.Tx) error {
		paid = false
		o, err := tx.LockOrder(orderID)
		if err != nil {
			return err
		}
		for i := range o.Payments {
			p := &o.Payments[i]
			if p.ID != paymentID {
				continue
			}
			moved, err := tx.MovePayment(p, models.PaymentSucceeded, models.PaymentChange{Reference: "R" + p.Number})
			if err != nil || !moved || !o.Status.CanBecome(models.OrderPaid) {
				return err
			}
			paid, err = tx.MarkPaid(o, p)
			return err
		}
		return models.ErrPaymentNotFound
	})
	return paid, err
}

func TestTwoAttemptsAtOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 100)
		order := modelstest.Order(t, s, "cup")
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				p := newPayment(s, order)
				errs[i] = s.Tx(ctx, func(tx *models.Tx) error { return tx.AddPayment(p) })
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, models.ErrLivePayment):
				t.Errorf("got %v, want %v", err, models.ErrLivePayment)
			}
		}
		got, err := s.OrderByID(ctx, order.ID)
		if err != nil || won != 1 || len(got.Payments) != 1 {
			t.Errorf("got %d that won and %d attempts, err %v, want one", won, len(got.Payments), err)
		}
	})
}

func TestAnAttemptThatEndedMakesRoom(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		for _, end := range []models.PaymentStatus{models.PaymentFailed, models.PaymentClosed, models.PaymentSucceeded} {
			next := newPayment(s.store, s.order)
			err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
				locked, err := tx.LockOrder(s.order.ID)
				if err != nil {
					return err
				}
				live := &locked.Payments[0] // the newest
				moved, err := tx.MovePayment(live, end, models.PaymentChange{})
				if err != nil {
					return err
				}
				if !moved {
					return errors.New("the live attempt did not move")
				}
				return tx.AddPayment(next)
			})
			if err != nil {
				t.Errorf("after %s: %v", end, err)
			}
		}
	})
}

func TestTheSameAttemptAgain(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		again := *s.payment
		again.Amount++
		if err := s.store.Tx(t.Context(), func(tx *models.Tx) error { return tx.AddPayment(&again) }); err != nil {
			t.Fatal(err)
		}
		if got := s.fresh().Payments; len(got) != 1 || got[0].Amount != s.payment.Amount {
			t.Errorf("got %+v, want the attempt that was there", got)
		}
	})
}

func TestWhatAPaymentKeeps(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		first, second := s.store.Now(), s.store.Now().Add(time.Hour)
		for _, c := range []models.PaymentChange{
			{},
			{Reference: "R1", Action: models.ActionCode, ActionData: "weixin://1", ConfirmedAt: first},
			{Reference: "R2", ConfirmedAt: second}, // what is known stays
			{Failure: strings.Repeat("é", 300) + "\xff"},
		} {
			err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
				locked, err := tx.LockOrder(s.order.ID)
				if err != nil {
					return err
				}
				return tx.ChangePayment(&locked.Payments[0], c)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		got := s.fresh().Payments[0]
		if got.Reference == nil || *got.Reference != "R1" || got.ActionData != "weixin://1" ||
			got.ConfirmedAt == nil || !got.ConfirmedAt.Equal(first) || got.Failure != strings.Repeat("é", 250) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestInvalidTextIsKept(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
			return tx.ChangePayment(s.payment, models.PaymentChange{Failure: "answered \xff\xfe"})
		})
		if got := s.fresh().Payments[0].Failure; err != nil || got != "answered \ufffd" {
			t.Errorf("got %q, err %v", got, err)
		}
	})
}

func TestPaymentByNumberComparesBytes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		if _, err := s.store.PaymentByNumber(t.Context(), s.payment.Number); err != nil {
			t.Error(err)
		}
		for _, number := range []string{s.payment.Number + " ", strings.ToLower(s.payment.Number), "", s.payment.Number + "\x00"} {
			if _, err := s.store.PaymentByNumber(t.Context(), number); !errors.Is(err, models.ErrPaymentNotFound) {
				t.Errorf("%q: got %v, want %v", number, err, models.ErrPaymentNotFound)
			}
		}
	})
}

// MySQL compares without the blanks at the end.
func TestSKUsCompareAsBytes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		for _, sku := range []string{"cup ", "CUP", "cüp", "cup\x00"} {
			if _, err := s.PlaceOrder(t.Context(), modelstest.Draft(sku, 1)); !errors.Is(err, models.ErrNotForSale) {
				t.Errorf("%q: got %v, want %v", sku, err, models.ErrNotForSale)
			}
		}
	})
}

// due is the attempt as a sweep reads it.
func (s *shelf) due() *models.Payment {
	s.t.Helper()
	due, err := s.store.DuePayments(s.t.Context(), 10)
	if err != nil || len(due) != 1 {
		s.t.Fatalf("due: got %d, err %v, want the one attempt", len(due), err)
	}
	return &due[0]
}

func TestOneOfManyTakesTheTurn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		p, until := s.due(), s.store.Now().Add(time.Minute)
		var claimed atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				ok, err := s.store.ClaimCheck(context.Background(), p, until)
				if err != nil {
					t.Error(err)
				}
				if ok {
					claimed.Add(1)
				}
			})
		}
		wg.Wait()
		if got := claimed.Load(); got != 1 {
			t.Errorf("got %d that took the turn, want 1", got)
		}
		if due, err := s.store.DuePayments(t.Context(), 10); err != nil || len(due) != 0 {
			t.Errorf("got %d due while the turn lasts, err %v", len(due), err)
		}
	})
}

// A turn that nobody ended, because its replica died, is due again; and the time it was taken for
// may be the same as before on a clock that stood still.
func TestATurnIsTakenOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		p := s.due()
		for i, want := range []bool{true, false} {
			if got, err := s.store.ClaimCheck(t.Context(), p, *p.CheckAt); err != nil || got != want {
				t.Errorf("claim %d: got %v, err %v, want %v", i, got, err, want)
			}
		}
		if got, err := s.store.ClaimCheck(t.Context(), s.due(), s.store.Now().Add(time.Minute)); err != nil || !got {
			t.Errorf("claim of what was read again: got %v, err %v", got, err)
		}
	})
}

func TestScheduleCheck(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		now := s.store.Now()
		until, next, sooner := now.Add(time.Minute), now.Add(time.Hour), now.Add(30*time.Minute)
		for _, tc := range []struct {
			name    string
			between time.Time // what is set while the turn lasts; zero: nothing
			next    time.Time
			want    time.Time
		}{
			{name: "ends the turn", next: next, want: next},
			{name: "gives way", between: sooner, next: next, want: sooner},
			{name: "asks no more", want: time.Time{}},
			{name: "gives way when it would ask no more", between: sooner, want: sooner},
		} {
			t.Run(tc.name, func(t *testing.T) {
				ctx := t.Context()
				set := func(at time.Time) {
					if err := s.store.Tx(ctx, func(tx *models.Tx) error { return tx.SetCheck(s.payment, at) }); err != nil {
						t.Fatal(err)
					}
				}
				set(now)
				p := s.due()
				if ok, err := s.store.ClaimCheck(ctx, p, until); err != nil || !ok {
					t.Fatalf("claim: got %v, err %v", ok, err)
				}
				if !tc.between.IsZero() {
					set(tc.between)
				}
				if err := s.store.ScheduleCheck(ctx, p, until, tc.next); err != nil {
					t.Fatal(err)
				}
				var got time.Time
				if at := s.fresh().Payments[0].CheckAt; at != nil {
					got = *at
				}
				if !got.Equal(tc.want) {
					t.Errorf("next check: got %v, want %v", got, tc.want)
				}
			})
		}
	})
}

// What the sweep asks twice a second must not read every payment and order there ever was.
func TestTheSweepUsesItsIndexes(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		ctx, now := t.Context(), s.store.Now()
		var orders []models.Order
		var payments []models.Payment
		for i := range 1000 {
			order := models.Order{
				ID: models.NewID(), Number: fmt.Sprint(i), Token: models.NewToken(), FormToken: models.NewToken(),
				Status: models.OrderPaid, Amount: 1, ExpiresAt: now.Add(-time.Hour), CustomerSince: now,
			}
			payment := newPayment(s.store, &order)
			payment.CheckAt, payment.Amount = nil, 1
			if i%2 == 0 {
				later := now.Add(time.Duration(i+1) * time.Minute)
				payment.CheckAt = &later
				order.Status, order.ExpiresAt = models.OrderPending, later
			}
			orders, payments = append(orders, order), append(payments, *payment)
		}
		if err := errors.Join(models.Fill(ctx, s.store, orders), models.Fill(ctx, s.store, payments)); err != nil {
			t.Fatal(err)
		}
		for index, query := range map[string]func(s *models.Store) error{
			"payments_due": func(s *models.Store) error { _, err := s.DuePayments(ctx, 64); return err },
			"orders_due":   func(s *models.Store) error { _, err := s.ExpiredOrders(ctx, 64); return err },
		} {
			plan, err := s.store.Plan(ctx, query)
			if err != nil || !strings.Contains(plan, index) || sortsOrScans(plan) {
				t.Errorf("got the plan %q, err %v, want one by %s that neither scans nor sorts", plan, err, index)
			}
		}
	})
}

func sortsOrScans(plan string) bool {
	for _, word := range []string{"SCAN", "TEMP B-TREE", "ALL", "filesort"} {
		if strings.Contains(plan, word) {
			return true
		}
	}
	return false
}

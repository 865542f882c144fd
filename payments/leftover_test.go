package payments

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// onlyPaid is a gateway that took the money of one attempt, and says of all others what it is told to.
func (s *starting) onlyPaid(number string, others func(string) (Report, error)) {
	s.first.query = func(asked string) (Report, error) {
		if asked == number {
			return s.first.stands(StateSucceeded)(asked)
		}
		return others(asked)
	}
}

// TestLeftOverAttempt: a newer attempt of an order that an older one has paid is asked about at once,
// and closed, so that nobody pays it by mistake; its money is a second payment all the same.
func TestLeftOverAttempt(t *testing.T) {
	s := newStarting(t)
	for _, tt := range []struct {
		name   string
		others func(string) (Report, error)
		want   models.PaymentStatus
	}{
		{"open", s.first.stands(StatePending), models.PaymentClosed},
		{"unknown to the gateway", knowsNothing, models.PaymentClosed},
		{"nobody knows", saysNothing, models.PaymentPending},
		{"paid as well", s.first.stands(StateSucceeded), models.PaymentSucceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.anew(t)
			o := s.begun()
			older := &o.Payments[0]
			s.clock = s.clock.Add(createGrace + time.Second)
			if _, err := s.Start(t.Context(), o.Token, models.Alipay, Device{}); err != nil {
				t.Fatal(err)
			}
			newer := liveOf(s.order(o.ID))
			s.clock = s.clock.Add(createGrace + time.Second)
			s.onlyPaid(older.Number, tt.others)
			if err := s.ask(t.Context(), older); err != nil {
				t.Fatal(err)
			}
			if o = s.order(o.ID); o.Status != models.OrderPaid || *o.PaymentID != older.ID {
				t.Fatalf("got order %s, want it paid by its older attempt", o.Status)
			}
			if next, err := s.Start(t.Context(), o.Token, models.Alipay, Device{}); !errors.Is(err, models.ErrOrderClosed) {
				t.Errorf("whoever comes back to the newer attempt: got %+v, %v, want ErrOrderClosed", next, err)
			}
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := s.read(newer)
			if got.Status != tt.want || got.CheckAt == nil || !got.CheckAt.After(s.clock) {
				t.Errorf("got the newer attempt %s, asked about at %v, want %s, and asked about again", got.Status, got.CheckAt, tt.want)
			}
			incidents := s.incidents(newer)
			if second := len(incidents) == 1 && incidents[0].Kind == models.IncidentDuplicatePayment; second != (tt.want == models.PaymentSucceeded) {
				t.Errorf("got incidents %+v, want a second payment: %t", incidents, tt.want == models.PaymentSucceeded)
			}
		})
	}
}

// TestExpiryAsksFirst: at the end of its window an order whose money has come is paid, not expired. One
// of which the gateway says nothing expires, gives its stock back, and is watched on.
func TestExpiryAsksFirst(t *testing.T) {
	s := newStarting(t)
	for _, tt := range []struct {
		name        string
		query       func(string) (Report, error)
		wantOrder   models.OrderStatus
		wantPayment models.PaymentStatus
	}{
		{"paid", s.first.stands(StateSucceeded), models.OrderPaid, models.PaymentSucceeded},
		{"open", s.first.stands(StatePending), models.OrderExpired, models.PaymentClosed},
		{"failed", s.first.stands(StateFailed), models.OrderExpired, models.PaymentFailed},
		{"nobody knows", saysNothing, models.OrderExpired, models.PaymentClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.anew(t)
			modelstest.Product(t, s.store, "cup", 2500, 5)
			o := s.begun()
			s.first.query = tt.query
			s.clock = o.ExpiresAt
			swept, err := s.sweepOrders(t.Context())
			wantSwept := Swept{Expired: one(tt.wantOrder == models.OrderExpired), Paid: one(tt.wantOrder == models.OrderPaid)}
			if err != nil || swept != wantSwept {
				t.Errorf("got %+v, %v, want %+v", swept, err, wantSwept)
			}
			now := s.order(o.ID)
			if p := now.Payments[0]; now.Status != tt.wantOrder || p.Status != tt.wantPayment || p.CheckAt == nil {
				t.Errorf("got order %s, payment %s, asked about at %v; want %s, %s and watched on", now.Status, p.Status, p.CheckAt, tt.wantOrder, tt.wantPayment)
			}
			want := int64(5)
			if tt.wantOrder == models.OrderPaid {
				want = 4
			}
			vs, err := s.store.VariantsBySKU(t.Context(), []string{"cup"})
			if err != nil || vs["cup"].OnHand != want || vs["cup"].Reserved != 0 {
				t.Errorf("stock: got %+v, %v, want %d and none reserved", vs, err, want)
			}
		})
	}
}

// TestSweepLeavesOpenAttempts: what a buyer may yet pay is asked about, and nothing more.
func TestSweepLeavesOpenAttempts(t *testing.T) {
	s := newStarting(t)
	o := s.begun()
	s.first.query = s.first.stands(StatePending)
	s.pass(5*time.Second, 5*time.Second)
	s.wantAsked("by the sweep", "query")
	if p := s.order(o.ID).Payments[0]; p.Status != models.PaymentPending || !p.CheckAt.Equal(p.CreatedAt.Add(15*time.Second)) {
		t.Errorf("got %s, asked about at %v, want it pending, and asked about in another ten seconds", p.Status, p.CheckAt)
	}
}

// TestExpiryThatCannotBeKept: an order whose end could not be kept is no order that ended; the next pass
// ends it.
func TestExpiryThatCannotBeKept(t *testing.T) {
	s := newStarting(t)
	o := s.begun()
	s.clock = o.ExpiresAt
	ctx, gone := context.WithCancel(t.Context())
	s.first.query = func(number string) (Report, error) {
		gone()
		return saysNothing(number)
	}
	if swept, err := s.sweepOrders(ctx); err == nil || swept.Expired != 0 {
		t.Errorf("while the database does not answer: got %+v, %v, want an error", swept, err)
	}
	if got := s.order(o.ID).Status; got != models.OrderPending {
		t.Errorf("while the database does not answer: got %s, want it pending", got)
	}
	if swept, err := s.sweepOrders(t.Context()); err != nil || swept.Expired != 1 {
		t.Errorf("afterwards: got %+v, %v, want it expired", swept, err)
	}
}

// TestRun: both lines of the sweep go on until the shop ends, and no pass outlives it.
func TestRun(t *testing.T) {
	s := newStarting(t)
	expiring := s.begun()
	s.clock = s.clock.Add(time.Minute)
	paid := s.begun()
	s.onlyPaid(paid.Payments[0].Number, knowsNothing)
	s.clock = expiring.ExpiresAt.Add(time.Millisecond)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	for s.order(expiring.ID).Status != models.OrderExpired || s.read(&paid.Payments[0]).Status != models.PaymentSucceeded {
		select {
		case <-ended:
			t.Fatal("it ended by itself")
		case <-time.After(10 * time.Millisecond):
		}
	}
	end()
	<-ended
}

// TestSweptAddsUp: of several things at once each is counted, and each failure to keep one is told.
func TestSweptAddsUp(t *testing.T) {
	var sum tally
	cause := errors.New("the database is gone")
	sum.add(Swept{Asked: 1, Failed: 1, Expired: 1, Refunds: 1}, nil)
	sum.add(Swept{Asked: 2, Failed: 3, Expired: 4, Refunds: 5}, cause)
	if diff := cmp.Diff(Swept{Asked: 3, Failed: 4, Expired: 5, Refunds: 6}, sum.swept); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(sum.errs) != 1 || sum.errs[0] != cause {
		t.Errorf("got errors %v, want the one", sum.errs)
	}
}

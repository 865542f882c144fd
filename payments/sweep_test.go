package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"saoma/models"
	"saoma/models/modelstest"
)

// quiet is a gateway that answers all questions with the same error, or says that it is paid.
type quiet struct {
	answering
	name models.GatewayName
}

func (q *quiet) Name() models.GatewayName { return q.name }
func (q *quiet) Merchant() string         { return "merchant" }

func (q *quiet) Query(_ context.Context, number string) (Report, error) {
	r := Report{
		Gateway: q.name, Merchant: "merchant", Number: number, Reference: "G" + number, State: StateSucceeded,
		Money: models.Money{Amount: 3500, Currency: "CNY"}, Conclusive: true,
		Exchange: Exchange{Request: []byte("question"), Response: []byte("answer about " + number)},
	}
	err := q.call()
	if err != nil {
		r = Report{Exchange: Exchange{Request: []byte("question"), Response: make([]byte, maxAnswer)}}
	}
	return r, err
}

// sweeping is a service whose gateways are quiet. Its clock moves only when the test says so; that of
// the breakers does not know it.
type sweeping struct {
	*Service
	t        *testing.T
	clock    time.Time
	gateways map[models.GatewayName]*quiet
}

func newSweeping(t *testing.T) *sweeping {
	t.Helper()
	return newSweepingOn(t, modelstest.Options(t))
}

func newSweepingOn(t *testing.T, o models.Options) *sweeping {
	t.Helper()
	s := &sweeping{t: t, clock: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), gateways: map[models.GatewayName]*quiet{}}
	o.Now = func() time.Time { return s.clock }
	c := Config{Store: modelstest.Open(t, o), Log: slog.New(slog.DiscardHandler)}
	modelstest.Product(t, c.Store, "cup", 2500, 1000)
	for _, name := range []models.GatewayName{models.ScanForPay, models.Pass2Pay} {
		s.gateways[name] = &quiet{name: name}
		c.Gateways = append(c.Gateways, Account{Gateway: s.gateways[name], Validity: 12 * time.Hour})
	}
	s.Service = New(c)
	return s
}

// pending places an order with an attempt that the gateway has acknowledged.
func (s *sweeping) pending(gateway models.GatewayName) *models.Payment {
	s.t.Helper()
	o := modelstest.Order(s.t, s.store, "cup")
	p, err := s.addPayment(s.t.Context(), o.ID, models.WeChat, models.SceneDesktop, Route{Gateway: gateway, Method: "qrcode"})
	if err == nil {
		_, err = s.createAnswered(s.t.Context(), p, Created{State: StatePending, Action: NextAction{Kind: models.ActionCode, Data: "code"}})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// addWatched adds many attempts to the order of one, given up and still watched.
func (s *sweeping) addWatched(live *models.Payment, many int) {
	s.t.Helper()
	err := s.store.Tx(s.t.Context(), func(tx *models.Tx) error {
		for i := range many {
			p := *live
			p.ID, p.Number, p.Status, p.Reference = models.NewID(), fmt.Sprintf("%s%d", live.Number[:20], i), models.PaymentCreated, nil
			if _, err := tx.MovePayment(live, models.PaymentClosed, models.PaymentChange{}); err != nil {
				return err
			}
			if err := tx.AddPayment(&p); err != nil {
				return err
			}
			live = &p
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// pass lets time go by, a sweep every few seconds.
func (s *sweeping) pass(d, step time.Duration) {
	s.t.Helper()
	for end := s.clock.Add(d); s.clock.Before(end); {
		s.clock = s.clock.Add(step)
		if _, err := s.Sweep(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *sweeping) read(p *models.Payment) *models.Payment {
	s.t.Helper()
	now, err := s.store.PaymentByNumber(s.t.Context(), p.Number)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

var garbage = &CallError{Outcome: Unknown, Err: errors.New("answer: not JSON")}

// TestSweepThroughAnOutage: what was paid while the gateway could not be understood is found within
// five minutes after that has ended, however long it was; meanwhile the gateway is asked seldom,
// and little is kept of what it said.
func TestSweepThroughAnOutage(t *testing.T) {
	const attempts = 4
	for _, outage := range []time.Duration{20 * time.Second, 11 * time.Minute, 3 * time.Hour, 13 * time.Hour} {
		t.Run(outage.String(), func(t *testing.T) {
			t.Parallel()
			s := newSweeping(t)
			s.accounts[models.ScanForPay].Gateway.asks = circuitbreaker.NewBuilder[any]().
				WithDelay(time.Nanosecond).WithSuccessThreshold(1).Build() // the clock runs too fast for the true one
			gateway := s.gateways[models.ScanForPay]
			gateway.err = garbage
			var all []*models.Payment
			for range attempts {
				all = append(all, s.pending(models.ScanForPay))
			}
			s.pass(outage, outage/100)
			if most := attempts * (len(checkAfter) + int(outage/(askAgain*3/4)) + int(outage/time.Hour) + 2); gateway.calls > most {
				t.Errorf("in %v the gateway was asked %d times about %d attempts, want at most %d", outage, gateway.calls, attempts, most)
			}
			gateway.err = nil
			s.pass(5*time.Minute, 10*time.Second)
			for _, p := range all {
				if got := s.read(p); got.Status != models.PaymentSucceeded {
					t.Errorf("five minutes after the outage: got %s, checked %d times, next at %v", got.Status, got.Checks, got.CheckAt)
				}
			}
			s.checkEvidence(all)
		})
	}
}

// checkEvidence looks for more than a few short messages that say nothing.
func (s *sweeping) checkEvidence(all []*models.Payment) {
	s.t.Helper()
	for _, p := range all {
		kept, err := s.store.Evidence(s.t.Context(), p.OrderID)
		if err != nil {
			s.t.Fatal(err)
		}
		unread, size := 0, 0
		for _, e := range kept {
			if e.Verdict == verdictUnknown {
				unread, size = unread+1, size+len(e.Response)
			}
		}
		if unread > unreadKept || size > unreadKept*unreadBytes {
			s.t.Errorf("%d bytes in %d messages were kept that say nothing, want at most %d of %d bytes", size, unread, unreadKept, unreadBytes)
		}
		if last := kept[len(kept)-1]; last.Verdict != verdictAccepted {
			s.t.Errorf("the last message kept is %s, want the answer that was accepted", last.Verdict)
		}
	}
}

// TestSweepAnOutageOfTheOtherGateway: one gateway that hangs keeps nobody from the other, though far
// more is due at the first than one pass takes up.
func TestSweepAnOutageOfTheOtherGateway(t *testing.T) {
	s := newSweeping(t)
	down := s.gateways[models.ScanForPay]
	down.err = errNoAnswer
	s.addWatched(s.pending(models.ScanForPay), 3*sweepBatch)
	p := s.pending(models.Pass2Pay)
	begun := time.Now()
	s.pass(10*time.Second, 2*time.Second) // of which one batch is due at 5 s, behind 3 others
	if got := s.read(p); got.Status != models.PaymentSucceeded {
		t.Errorf("ten seconds later: got %s, want it found as paid", got.Status)
	}
	if most := (breakerFailures + sweepWorkers) * int(1+time.Since(begun)/breakerPause); down.calls > most {
		t.Errorf("the gateway that is down was asked %d times, want at most %d", down.calls, most)
	}
}

// TestRefundKeptBackHasItsTurnSoon: a refund that the breaker kept from a gateway does not wait for
// its schedule.
func TestRefundKeptBackHasItsTurnSoon(t *testing.T) {
	s := newSweeping(t)
	gateway := s.gateways[models.ScanForPay]
	p := s.pending(models.ScanForPay)
	s.pass(10*time.Second, 5*time.Second)
	gateway.err = errNoAnswer
	for range breakerFailures {
		query(s.accounts[models.ScanForPay].Gateway)
	}
	calls := gateway.calls
	r, err := s.GiveBack(t.Context(), p.Number, 1000)
	if err != nil || r.Status != models.RefundPending || gateway.calls != calls {
		t.Fatalf("refund at a gateway that is left alone: got %+v, %v and %d calls; want it pending and not sent", r, err, gateway.calls-calls)
	}
	s.clock = s.clock.Add(40 * time.Minute) // from when on its schedule is slow
	if _, err := s.refundDue(t.Context(), r); !errors.Is(err, errLeftAlone) {
		t.Fatalf("turn of the refund: got %v, want errLeftAlone", err)
	}
	if r, err = s.store.RefundByNumber(t.Context(), r.Number); err != nil {
		t.Fatal(err)
	}
	if want := s.clock.Add(breakerPause); r.CheckAt == nil || !r.CheckAt.Equal(want) {
		t.Errorf("next turn: got %v, want %v", r.CheckAt, want)
	}
}

func TestNextTurn(t *testing.T) {
	begun := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := models.Payment{
		Status: models.PaymentPending, CreatedAt: begun, ExpiresAt: begun.Add(15 * time.Minute), WatchUntil: begun.Add(12 * time.Hour),
	}
	left := &CallError{Outcome: NotSent, Err: fmt.Errorf("query: %w", errLeftAlone)}
	for _, tt := range []struct {
		name        string
		at          time.Duration
		err         error
		first, last time.Duration // zero: not any more
	}{
		{"answered", 6 * time.Second, nil, 15 * time.Second, 15 * time.Second},
		{"answered, and the window ends before the next step", 11 * time.Minute, nil, 15 * time.Minute, 15 * time.Minute},
		{"answered, later", 31 * time.Minute, nil, time.Hour, time.Hour},
		{"answered at the end", 12 * time.Hour, nil, 0, 0},
		{"unanswered keeps the schedule", 6 * time.Second, garbage, 15 * time.Second, 15 * time.Second},
		{"unanswered, and the schedule is far", 31 * time.Minute, garbage, 34 * time.Minute, 35 * time.Minute},
		{"unanswered at the end", 12 * time.Hour, garbage, 12*time.Hour + 3*time.Minute, 12*time.Hour + 4*time.Minute},
		{"unanswered for long after the end", 37 * time.Hour, garbage, 38 * time.Hour, 38 * time.Hour},
		{"kept back", 31 * time.Minute, left, 31*time.Minute + breakerPause, 31*time.Minute + breakerPause},
		{"kept back at the end", 12 * time.Hour, left, 12*time.Hour + breakerPause, 12*time.Hour + breakerPause},
	} {
		for range 100 {
			got := nextTurn(p, begun.Add(tt.at), tt.err)
			if tt.first == 0 && got.IsZero() {
				continue
			}
			if got.Before(begun.Add(tt.first)) || got.After(begun.Add(tt.last)) {
				t.Fatalf("%s, after %v: got %v, want from %v to %v", tt.name, tt.at, got.Sub(begun), tt.first, tt.last)
			}
		}
	}
}

// running sweeps as the shop does until the test has what it waits for, and then until what is under way is
// done.
func (s *sweeping) running(what string, is func() bool, stopped func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(ended)
	}()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Errorf("a minute long: no %s", what)
			break
		}
	}
	cancel()
	stopped()
	<-ended
}

// TestSlowGatewayHoldsUpNoOther: while one gateway takes its time over all that it is asked, the other one's
// attempts and refunds have their turn.
func TestSlowGatewayHoldsUpNoOther(t *testing.T) {
	s := newSweeping(t)
	free := make(chan struct{})
	s.gateways[models.ScanForPay].during = func() { <-free }
	s.addWatched(s.pending(models.ScanForPay), sweepBatch)
	p := s.pending(models.Pass2Pay)
	s.gateways[models.Pass2Pay].refunds = models.RefundSucceeded
	other := s.pending(models.Pass2Pay)
	s.weakly(other)
	r := newRefund(s.clock, other.Amount, "test")
	err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
		order, err := tx.LockOrder(other.OrderID)
		if err == nil {
			err = tx.AddRefund(order, paymentIn(order, other.ID), r)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(10 * time.Second)
	s.running("turn of the other gateway", func() bool {
		now, err := s.store.RefundByNumber(t.Context(), r.Number)
		return err == nil && now.Status == models.RefundSucceeded && s.read(p).Status == models.PaymentSucceeded
	}, func() { close(free) })
}

// cut is a gateway whose refunds are given up with their context.
type cut struct {
	*quiet
	sent, done chan struct{}
}

func (g *cut) QueryRefund(context.Context, RefundRequest) (RefundReport, error) {
	return RefundReport{}, &CallError{Outcome: NotFound}
}

func (g *cut) Refund(ctx context.Context, _ RefundRequest) (RefundReport, error) {
	close(g.sent)
	select {
	case <-ctx.Done():
		return RefundReport{}, &CallError{Outcome: Unknown, Err: ctx.Err()}
	case <-g.done:
		return RefundReport{State: models.RefundSucceeded}, nil
	}
}

// TestRefundOnTheWireIsWaitedFor: a shop that is told to end hears what became of a refund that it has sent,
// which some gateways say once only.
func TestRefundOnTheWireIsWaitedFor(t *testing.T) {
	s := newSweeping(t)
	g := &cut{s.gateways[models.ScanForPay], make(chan struct{}), make(chan struct{})}
	p := s.paid()
	r := s.refund(p, 1000)
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(g), Validity: 12 * time.Hour}
	s.clock = s.clock.Add(time.Minute)
	s.running("refund that is sent", func() bool {
		select {
		case <-g.sent:
			return true
		default:
			return false
		}
	}, func() { time.AfterFunc(100*time.Millisecond, func() { close(g.done) }) })
	if now, err := s.store.RefundByNumber(t.Context(), r.Number); err != nil || now.Status != models.RefundSucceeded {
		t.Errorf("got %+v, %v; want it succeeded", now, err)
	}
}

// TestPanicEndsNothing: what the program stumbles over about one attempt keeps it neither from the others nor
// from answering who asks.
func TestPanicEndsNothing(t *testing.T) {
	s := newSweeping(t)
	s.gateways[models.ScanForPay].during = func() { panic("odd") }
	odd, p := s.pending(models.ScanForPay), s.pending(models.Pass2Pay)
	s.pass(10*time.Second, 5*time.Second)
	if got := s.read(p); got.Status != models.PaymentSucceeded {
		t.Errorf("the other attempt: got %s, want it found as paid", got.Status)
	}
	if err := s.Check(t.Context(), s.order(odd.OrderID).Token); !errors.Is(err, ErrStillAsking) {
		t.Errorf("who asks about the first: got %v, want ErrStillAsking", err)
	}
	s.gateways[models.ScanForPay].during = nil
	s.pass(checkLease+time.Second, 5*time.Second)
	if got := s.read(odd); got.Status != models.PaymentSucceeded {
		t.Errorf("mended: got %s, want it found as paid", got.Status)
	}
}

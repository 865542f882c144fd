package payments

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saoma/models"
)

// answering is a gateway of which only the outcome of its calls matters.
type answering struct {
	Gateway
	err     error
	refunds models.RefundStatus // where refunds stand
	takes   time.Duration
	during  func() // what happens while it is called, if not nil
	calls   int
	running sync.Mutex
}

func (a *answering) Name() models.GatewayName { return models.ScanForPay }
func (a *answering) Takes(_, _ string) bool   { return true }

func (a *answering) call() error {
	a.running.Lock()
	a.calls++
	a.running.Unlock()
	if a.during != nil {
		a.during()
	}
	time.Sleep(a.takes) // in a bubble's time
	return a.err
}

func (a *answering) Create(context.Context, CreateRequest) (Created, error) {
	return Created{}, a.call()
}
func (a *answering) Query(context.Context, string) (Report, error) { return Report{}, a.call() }
func (a *answering) Close(context.Context, string) (Exchange, error) {
	return Exchange{}, a.call()
}
func (a *answering) Refund(context.Context, RefundRequest) (RefundReport, error) {
	return RefundReport{State: a.refunds}, a.call()
}
func (a *answering) QueryRefund(context.Context, RefundRequest) (RefundReport, error) {
	return RefundReport{State: a.refunds}, a.call()
}

func (a *answering) ParseNotification(string, []byte) (Report, error) {
	return Report{Number: "read"}, nil
}

var errNoAnswer = &CallError{Outcome: Unknown, Err: errors.New("no answer")}

func query(g *guarded) error {
	_, err := g.Query(context.Background(), "P1")
	return err
}

func create(g *guarded) error {
	_, err := g.Create(context.Background(), CreateRequest{})
	return err
}

// reaches reports whether the call goes through to the gateway.
func reaches(a *answering, g *guarded, call func(*guarded) error) bool {
	before := a.calls
	call(g)
	return a.calls > before
}

// halfOpen is a gateway that was left alone, since it did not answer, and is to be tried again.
func halfOpen() (*answering, *guarded) {
	a := &answering{err: errNoAnswer}
	g := withBreakers(a)
	for range breakerFailures {
		query(g)
	}
	time.Sleep(breakerPause)
	return a, g
}

func TestBreakerOpensAndTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answering{err: errNoAnswer}
		g := withBreakers(a)
		for i := range breakerFailures {
			if !reaches(a, g, query) {
				t.Fatalf("call %d did not reach the gateway", i)
			}
		}
		if err := query(g); a.calls != breakerFailures || !errors.Is(err, errLeftAlone) || OutcomeOf(err) != NotSent {
			t.Errorf("after %d failures: got %v and %d calls, want it left alone and nothing sent", breakerFailures, err, a.calls)
		}
		if !g.leftAlone() {
			t.Error("it does not say that it is left alone")
		}
		time.Sleep(breakerPause - time.Millisecond)
		if reaches(a, g, query) {
			t.Error("called before the pause was over")
		}
		time.Sleep(time.Millisecond)
		if g.leftAlone() {
			t.Error("it says that it is left alone when the pause is over")
		}
		if !reaches(a, g, query) || reaches(a, g, query) || !g.leftAlone() {
			t.Error("after the pause: want one call to try it, and another pause since that failed")
		}
		time.Sleep(breakerPause)
		a.err = nil
		first, second := reaches(a, g, query), reaches(a, g, query)
		if !first || !second {
			t.Error("one answer did not close the breaker")
		}
	})
}

func TestBreakerIsTriedByOneCallAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, g := halfOpen()
		a.calls, a.takes = 0, callTimeout
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { query(g) })
		}
		wg.Wait()
		if a.calls != 1 {
			t.Errorf("20 callers at once tried a gateway that may be down: got %d calls, want 1", a.calls)
		}
	})
}

func TestBreakerCountsFailuresInARowOnly(t *testing.T) {
	refused := &CallError{Outcome: Refused, Code: "7", Message: "no"}
	for name, tc := range map[string]struct {
		between error // after every fourth failure
		err     error
		opens   bool
	}{
		"nothing but no answer":              {errNoAnswer, errNoAnswer, true},
		"not reached":                        {errNoAnswer, &CallError{Outcome: NotSent, Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}, true},
		"an answer in between":               {nil, errNoAnswer, false},
		"a refusal in between":               {refused, errNoAnswer, false},
		"not found":                          {nil, &CallError{Outcome: NotFound}, false},
		"a code we do not know":              {nil, &CallError{Outcome: Unknown, Code: "9", Message: "unknown"}, false},
		"refused by our own side":            {nil, &CallError{Outcome: NotSent, Err: errors.New("bad number")}, false},
		"refused by our own side in between": {&CallError{Outcome: NotSent, Err: errors.New("bad number")}, errNoAnswer, true},
		"no such call":                       {nil, &CallError{Outcome: Unsupported}, false},
		"no such call in between":            {&CallError{Outcome: Unsupported}, errNoAnswer, true},
		"no such call, says the gateway":     {&CallError{Outcome: Unsupported, Code: "404"}, errNoAnswer, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := &answering{}
			g := withBreakers(a)
			for i := range 4 * breakerFailures {
				if a.err = tc.err; i%breakerFailures == breakerFailures-1 {
					a.err = tc.between
				}
				query(g)
			}
			if got := g.leftAlone(); got != tc.opens {
				t.Errorf("left alone: got %v, want %v", got, tc.opens)
			}
		})
	}
}

// TestBreakersAreApart: a gateway that answers no questions still sells, and the other way round;
// what it tells unasked is always read.
func TestBreakersAreApart(t *testing.T) {
	asks := map[string]func(*guarded) error{
		"query": query,
		"close": func(g *guarded) error { _, err := g.Close(context.Background(), "P1"); return err },
		"refund": func(g *guarded) error {
			_, err := g.Refund(context.Background(), RefundRequest{})
			return err
		},
		"refund query": func(g *guarded) error {
			_, err := g.QueryRefund(context.Background(), RefundRequest{})
			return err
		},
	}
	for name, ask := range asks {
		a := &answering{err: errNoAnswer}
		g := withBreakers(a)
		for range breakerFailures {
			ask(g)
		}
		for other, call := range asks {
			if reaches(a, g, call) {
				t.Errorf("%s still reaches the gateway after failures of %s", other, name)
			}
		}
		if !reaches(a, g, create) {
			t.Errorf("no payment can begin after failures of %s", name)
		}
		for range breakerFailures {
			create(g)
		}
		if reaches(a, g, create) {
			t.Error("create still reaches the gateway after failures of its own")
		}
		if r, err := g.ParseNotification("", nil); err != nil || r.Number != "read" {
			t.Errorf("notification: got %v, %v while the breakers are open", r, err)
		}
	}
}

// TestBreakerIsNotTriedByWhatIsNotSent: a call that the gateway never sees says nothing of how it fares, and
// leaves the try to the next one.
func TestBreakerIsNotTriedByWhatIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, g := halfOpen()
		a.err = &CallError{Outcome: Unsupported}
		query(g)
		if !g.lastCalls().Answered.IsZero() {
			t.Errorf("got an answer at %v, want none", g.lastCalls().Answered)
		}
		a.err = errNoAnswer
		if !reaches(a, g, query) || reaches(a, g, query) {
			t.Error("want the next call to try the gateway, and no other one after it")
		}
	})
}

func TestBreakerSurvivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, g := halfOpen()
		func() {
			defer func() { recover() }()
			guard(g, g.asks, func() (int, error) { panic("broken") })
		}()
		time.Sleep(breakerPause)
		if a.err = nil; !reaches(a, g, query) {
			t.Error("after a call that panicked the gateway is never tried again")
		}
	})
}

package payments

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// A gateway that fails this often in a row is left alone for a moment, so that buyers get a clear
// answer at once and the gateway is not hammered while it is down. Then one call tries it.
const (
	breakerFailures = 5
	breakerPause    = 5 * time.Second
)

// guarded is a gateway behind two circuit breakers: one for the creates that buyers wait for, one
// for everything that we ask about what is there already. So a gateway that answers no questions
// still sells. Reading notifications needs no breaker.
type guarded struct {
	Gateway
	creates breaker
	asks    breaker

	mu    sync.Mutex
	calls Calls
}

// Calls is what this process last had of a gateway.
type Calls struct {
	Answered time.Time // when it last answered; zero: not yet
	Failed   time.Time // when it last gave no answer; zero: never
	Failure  string    // why
}

// lastCalls returns what was last had of the gateway.
func (g *guarded) lastCalls() Calls {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

func (g *guarded) note(failed bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !failed {
		g.calls.Answered = time.Now().UTC()
		return
	}
	g.calls.Failed, g.calls.Failure = time.Now().UTC(), "it broke off"
	if err != nil {
		g.calls.Failure = err.Error()
	}
}

func withBreakers(g Gateway) *guarded {
	return &guarded{Gateway: g, creates: newBreaker(), asks: newBreaker()}
}

// leftAlone reports whether the gateway is asked nothing at the moment.
func (g *guarded) leftAlone() bool { return g.asks.RemainingDelay() > 0 }

func (g *guarded) Create(ctx context.Context, r CreateRequest) (Created, error) {
	return guard(g, g.creates, func() (Created, error) { return g.Gateway.Create(ctx, r) })
}

func (g *guarded) Query(ctx context.Context, number string) (Report, error) {
	return guard(g, g.asks, func() (Report, error) { return g.Gateway.Query(ctx, number) })
}

func (g *guarded) Close(ctx context.Context, number string) (Exchange, error) {
	return guard(g, g.asks, func() (Exchange, error) { return g.Gateway.Close(ctx, number) })
}

func (g *guarded) Refund(ctx context.Context, r RefundRequest) (RefundReport, error) {
	return guard(g, g.asks, func() (RefundReport, error) { return g.Gateway.Refund(ctx, r) })
}

func (g *guarded) QueryRefund(ctx context.Context, r RefundRequest) (RefundReport, error) {
	return guard(g, g.asks, func() (RefundReport, error) { return g.Gateway.QueryRefund(ctx, r) })
}

type breaker circuitbreaker.CircuitBreaker[any]

func newBreaker() breaker {
	return circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(breakerFailures).WithDelay(breakerPause).WithSuccessThreshold(1).Build()
}

// errLeftAlone: nothing was sent.
var errLeftAlone = errors.New("the gateway failed several times in a row and is left alone for a moment")

// guard makes the call unless the breaker is open.
func guard[R any](g *guarded, b breaker, call func() (R, error)) (result R, err error) {
	if !b.TryAcquirePermit() {
		return result, &CallError{Outcome: NotSent, Err: errLeftAlone}
	}
	failed, made := true, true
	defer func() { // after a panic as well: a permit that is not given back keeps the breaker shut for ever
		switch {
		case !made && b.IsHalfOpen():
			b.Open()
			b.HalfOpen() // the next call tries it
			return
		case !made:
			return
		case failed:
			b.RecordFailure()
		default:
			b.RecordSuccess()
		}
		g.note(failed, err)
	}()
	result, err = call()
	failed, made = unanswered(err), !unmade(err)
	return result, err
}

// unmade reports whether the gateway was not called at all, since it has no such call or the request is not
// one that it could take. That tells nothing of how it fares.
func unmade(err error) bool {
	call, ok := errors.AsType[*CallError](err)
	if _, dial := errors.AsType[*net.OpError](err); !ok || dial {
		return false
	}
	return call.Outcome == NotSent || call.Outcome == Unsupported && call.Code == ""
}

// unanswered reports whether the gateway failed to give an answer, in contrast to one we dislike: a
// code of the gateway's is an answer, though it may leave unknown what became of the payment.
func unanswered(err error) bool {
	if err == nil {
		return false
	}
	if call, ok := errors.AsType[*CallError](err); ok && call.Code != "" {
		return false
	}
	_, dial := errors.AsType[*net.OpError](err)
	return dial || OutcomeOf(err) == Unknown
}

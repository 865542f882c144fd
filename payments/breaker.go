package payments

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// A gateway that fails this often in a row is left alone for a moment, so that buyers get a clear
// answer at once and the gateway is not hammered while it is down.
const (
	breakerFailures = 5
	breakerPause    = 5 * time.Second
)

// guarded is a gateway behind a circuit breaker. Reading notifications needs none.
type guarded struct {
	Gateway
	breaker circuitbreaker.CircuitBreaker[any]
}

func withBreaker(g Gateway) Gateway {
	return &guarded{Gateway: g, breaker: circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(breakerFailures).WithDelay(breakerPause).Build()}
}

func (g *guarded) Create(ctx context.Context, r CreateRequest) (Created, error) {
	return guard(g, func() (Created, error) { return g.Gateway.Create(ctx, r) })
}

func (g *guarded) Query(ctx context.Context, number string) (Report, error) {
	return guard(g, func() (Report, error) { return g.Gateway.Query(ctx, number) })
}

func (g *guarded) Close(ctx context.Context, number string) (Exchange, error) {
	return guard(g, func() (Exchange, error) { return g.Gateway.Close(ctx, number) })
}

func (g *guarded) Refund(ctx context.Context, r RefundRequest) (RefundReport, error) {
	return guard(g, func() (RefundReport, error) { return g.Gateway.Refund(ctx, r) })
}

func (g *guarded) QueryRefund(ctx context.Context, r RefundRequest) (RefundReport, error) {
	return guard(g, func() (RefundReport, error) { return g.Gateway.QueryRefund(ctx, r) })
}

var errPaused = errors.New("the gateway failed several times in a row and is left alone for a moment")

func guard[R any](g *guarded, call func() (R, error)) (R, error) {
	if !g.breaker.TryAcquirePermit() {
		var none R
		return none, &CallError{Outcome: NotSent, Err: errPaused}
	}
	result, err := call()
	if unanswered(err) {
		g.breaker.RecordFailure()
	} else {
		g.breaker.RecordSuccess()
	}
	return result, err
}

// unanswered reports whether the gateway failed to give an answer, in contrast to one we dislike.
func unanswered(err error) bool {
	if err == nil {
		return false
	}
	_, dial := errors.AsType[*net.OpError](err)
	return dial || OutcomeOf(err) == Unknown
}

package shop

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"saoma/handlers/web"
)

// A visitor may look for this many orders at once and one more every few seconds. Many honest
// buyers share one address, so it only has to make guessing hopeless.
const (
	searchBurst = 20
	searchEvery = 3 * time.Second
	searchers   = 10_000 // remembered at most
)

// throttle slows down each visitor by itself.
type throttle struct {
	mu     sync.Mutex
	limits map[string]*rate.Limiter
}

func newThrottle() *throttle { return &throttle{limits: map[string]*rate.Limiter{}} }

// allow reports whether the visitor with this address may go on now.
func (t *throttle) allow(ip string, now time.Time) bool {
	visitor := web.Network(ip)
	t.mu.Lock()
	defer t.mu.Unlock()
	limit := t.limits[visitor]
	if limit == nil {
		if len(t.limits) >= searchers {
			t.forget(now)
		}
		limit = rate.NewLimiter(rate.Every(searchEvery), searchBurst)
		t.limits[visitor] = limit
	}
	return limit.AllowN(now, 1)
}

// forget drops the visitors who have rested long enough to start anew, and all of them when
// that makes no room.
func (t *throttle) forget(now time.Time) {
	for visitor, limit := range t.limits {
		if limit.TokensAt(now) >= searchBurst {
			delete(t.limits, visitor)
		}
	}
	if len(t.limits) >= searchers {
		clear(t.limits)
	}
}

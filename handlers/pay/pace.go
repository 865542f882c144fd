package pay

import (
	"time"

	"golang.org/x/time/rate"
)

// How often the gateway is troubled for one order by whoever holds its address: a few times in
// a row, as a buyer who comes back from a wallet and presses a button does, then slowly.
const (
	paceBurst  = 4
	paceEvery  = 2 * time.Second
	pacedCount = 10_000 // orders remembered
)

// pace bounds how often something is done for one order. It forgets orders that were quiet for
// long, and with them nothing but a visitor's patience.
type pace struct{ limits *recent[*rate.Limiter] }

func newPace() pace { return pace{newRecent[*rate.Limiter](pacedCount)} }

// allow reports whether it may be done for the order at that time.
func (p pace) allow(orderID string, now time.Time) bool {
	limit, _ := p.limits.get(orderID, func() (*rate.Limiter, error) {
		return rate.NewLimiter(rate.Every(paceEvery), paceBurst), nil
	})
	return limit.AllowN(now, 1)
}

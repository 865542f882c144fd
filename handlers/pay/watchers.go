package pay

import "sync"

// Limits on pages that are told of changes as they happen. Beyond them a page asks from time to
// time instead, and its buyer hardly notices.
const (
	maxWatchers         = 5000
	maxWatchersPerOrder = 10
)

// watchers counts the open streams of events.
type watchers struct {
	mu    sync.Mutex
	total int
	each  map[string]int // by order
}

func newWatchers() *watchers { return &watchers{each: make(map[string]int)} }

// enter takes a place for one more watcher of the order, and reports false when there is none.
// Whoever got one calls leave in the end.
func (w *watchers) enter(orderID string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.total >= maxWatchers || w.each[orderID] >= maxWatchersPerOrder {
		return false
	}
	w.total++
	w.each[orderID]++
	return true
}

func (w *watchers) leave(orderID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total--
	if w.each[orderID]--; w.each[orderID] == 0 {
		delete(w.each, orderID)
	}
}

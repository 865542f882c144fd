package models

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
)

// pollEvery is how often a store looks for changes that another process made to the orders that
// somebody watches here: one query however many watch.
const pollEvery = time.Second

// subscriptions tells watchers that an order has changed.
type subscriptions struct {
	store   *Store
	mu      sync.Mutex
	closed  bool
	byOrder map[string]*watched
	wake    chan struct{}
}

type watched struct {
	seq      int64 // EvidenceSeq as last seen by the poll; negative: not yet
	watchers map[chan struct{}]struct{}
}

func newSubscriptions(s *Store) *subscriptions {
	l := &subscriptions{store: s, byOrder: map[string]*watched{}, wake: make(chan struct{}, 1)}
	s.work.Go(l.poll)
	return l
}

// Subscribe returns a channel that receives a hint after a commit that changed the order, by this
// process at once and by others within about a second. Several changes may give one hint: read the
// order again. The channel is closed when the store closes. Call cancel when done.
func (s *Store) Subscribe(orderID string) (changed <-chan struct{}, cancel func()) {
	return s.live.subscribe(orderID)
}

func (l *subscriptions) subscribe(orderID string) (<-chan struct{}, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch := make(chan struct{}, 1)
	if l.closed {
		close(ch)
		return ch, func() {}
	}
	w := l.byOrder[orderID]
	if w == nil {
		w = &watched{seq: -1, watchers: map[chan struct{}]struct{}{}}
		l.byOrder[orderID] = w
	}
	w.watchers[ch] = struct{}{}
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return ch, func() { l.unsubscribe(orderID, ch) }
}

func (l *subscriptions) unsubscribe(orderID string, ch chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.byOrder[orderID]
	if w == nil {
		return
	}
	delete(w.watchers, ch)
	if len(w.watchers) == 0 {
		delete(l.byOrder, orderID)
	}
}

func (l *subscriptions) publish(orderID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.byOrder[orderID]; w != nil {
		w.hint()
	}
}

func (w *watched) hint() {
	for ch := range w.watchers {
		select {
		case ch <- struct{}{}:
		default: // a hint is already waiting
		}
	}
}

func (l *subscriptions) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, w := range l.byOrder {
		for ch := range w.watchers {
			close(ch)
		}
	}
	clear(l.byOrder)
}

// poll looks once a second while somebody watches, and sleeps while nobody does.
func (l *subscriptions) poll() {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.store.done:
			return
		case <-tick.C:
		}
		ids := l.watchedIDs()
		if len(ids) == 0 {
			select {
			case <-l.wake:
			case <-l.store.done:
				return
			}
			continue
		}
		for chunk := range slices.Chunk(ids, 500) {
			l.compare(chunk)
		}
	}
}

func (l *subscriptions) watchedIDs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.byOrder))
}

// compare hints at the orders among ids whose sequence has moved since the last look.
func (l *subscriptions) compare(ids []string) {
	var rows []Order
	err := l.store.query(context.Background(), func(db *gorm.DB) error {
		return db.Select("id", "evidence_seq").Where("id IN ?", ids).Find(&rows).Error
	})
	if err != nil {
		return // the next look will do
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, row := range rows {
		w := l.byOrder[row.ID]
		if w == nil {
			continue
		}
		if w.seq != row.EvidenceSeq { // at the first look as well: nobody knows what was before it
			w.hint()
		}
		w.seq = row.EvidenceSeq
	}
}

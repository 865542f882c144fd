package pay

import (
	"container/list"
	"sync"
)

// recent keeps the values that were asked for last, at most size of them, so that no number of
// visitors can fill the memory. It may be used from many goroutines.
type recent[V any] struct {
	mu     sync.Mutex
	size   int
	order  *list.List // of entry[V], the last used first
	places map[string]*list.Element
}

type entry[V any] struct {
	key   string
	value V
}

func newRecent[V any](size int) *recent[V] {
	return &recent[V]{size: size, order: list.New(), places: make(map[string]*list.Element)}
}

// get returns the value kept for the key, or the one that create returns, which is then kept.
// Two callers that miss at once may both create one; all of them get the one that was first.
func (r *recent[V]) get(key string, create func() (V, error)) (V, error) {
	if v, ok := r.kept(key); ok {
		return v, nil
	}
	created, err := create()
	if err != nil {
		return created, err
	}
	return r.keep(key, created), nil
}

func (r *recent[V]) kept(key string) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	place, ok := r.places[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(place)
	return place.Value.(entry[V]).value, true
}

func (r *recent[V]) keep(key string, v V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	if place, ok := r.places[key]; ok {
		return place.Value.(entry[V]).value
	}
	r.places[key] = r.order.PushFront(entry[V]{key, v})
	if r.order.Len() > r.size {
		oldest := r.order.Remove(r.order.Back()).(entry[V])
		delete(r.places, oldest.key)
	}
	return v
}

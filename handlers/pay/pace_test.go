package pay

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	p := newPace()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range paceBurst {
		if !p.allow("a", now) {
			t.Errorf("call %d at once: refused, want %d allowed", i+1, paceBurst)
		}
	}
	for _, tt := range []struct {
		order string
		after time.Duration
		want  bool
	}{
		{"a", 0, false},
		{"b", 0, true}, // one order's haste is not another's
		{"a", paceEvery - 1, false},
		{"a", paceEvery, true},
		{"a", paceEvery, false},
	} {
		if got := p.allow(tt.order, now.Add(tt.after)); got != tt.want {
			t.Errorf("order %s after %s: got %v, want %v", tt.order, tt.after, got, tt.want)
		}
	}
}

func TestWatchersAreBounded(t *testing.T) {
	w := newWatchers()
	for i := range maxWatchersPerOrder {
		if !w.enter("a") {
			t.Fatalf("watcher %d of an order: refused, want %d", i+1, maxWatchersPerOrder)
		}
	}
	if w.enter("a") {
		t.Errorf("watcher %d of an order: let in", maxWatchersPerOrder+1)
	}
	if !w.enter("b") {
		t.Error("first watcher of another order: refused")
	}
	w.total = maxWatchers
	if w.enter("c") {
		t.Errorf("watcher %d in all: let in", maxWatchers+1)
	}
	w.total = maxWatchersPerOrder + 1
	for range maxWatchersPerOrder {
		w.leave("a")
	}
	w.leave("b")
	if w.total != 0 || len(w.each) != 0 {
		t.Errorf("after all left: got %d in all and %v, want none", w.total, w.each)
	}
}

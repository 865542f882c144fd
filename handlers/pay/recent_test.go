package pay

import (
	"errors"
	"sync"
	"testing"
)

func TestRecentForgetsWhatWasUsedLongestAgo(t *testing.T) {
	kept := newRecent[string](2)
	for _, key := range []string{"a", "b", "a", "c"} { // c pushes b out, since a was used after it
		if _, err := kept.get(key, func() (string, error) { return "value of " + key, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		value, got := kept.kept(key)
		if got != want {
			t.Errorf("kept(%q): got %v, want %v", key, got, want)
		}
		if got && value != "value of "+key {
			t.Errorf("kept(%q): got value %q", key, value)
		}
	}
	if got := len(kept.places); got != 2 {
		t.Errorf("places: got %d, want 2", got)
	}
}

func TestRecentKeepsNoFailure(t *testing.T) {
	kept := newRecent[int](2)
	failure := errors.New("not now")
	if _, err := kept.get("a", func() (int, error) { return 0, failure }); !errors.Is(err, failure) {
		t.Errorf("first: got %v, want %v", err, failure)
	}
	if got, err := kept.get("a", func() (int, error) { return 7, nil }); got != 7 || err != nil {
		t.Errorf("second: got %d, %v, want 7", got, err)
	}
}

func TestRecentGivesAllCallersTheSameValue(t *testing.T) {
	kept := newRecent[*int](8)
	got := make([]*int, 32)
	var callers sync.WaitGroup
	for i := range got {
		callers.Go(func() {
			got[i], _ = kept.get("one", func() (*int, error) { return new(int), nil })
		})
	}
	callers.Wait()
	for i := range got {
		if got[i] != got[0] {
			t.Errorf("caller %d: got a value of its own, want the one of caller 0", i)
		}
	}
}

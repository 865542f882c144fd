package shop

import (
	"fmt"
	"testing"
	"time"
)

func TestThrottle(t *testing.T) {
	now := time.Now()
	throttle := newThrottle()
	for i := range searchBurst {
		if !throttle.allow("203.0.113.7", now) {
			t.Fatalf("try %d: got refused, want allowed", i+1)
		}
	}
	for _, tt := range []struct {
		ip    string
		after time.Duration
		want  bool
	}{
		{"203.0.113.7", 0, false},
		{"203.0.113.8", 0, true},
		{"203.0.113.7", searchEvery, true},
		{"203.0.113.7", 0, false},
	} {
		now = now.Add(tt.after)
		if got := throttle.allow(tt.ip, now); got != tt.want {
			t.Errorf("%s %v later: got %t, want %t", tt.ip, tt.after, got, tt.want)
		}
	}
}

func TestThrottleIsBounded(t *testing.T) {
	now := time.Now()
	throttle := newThrottle()
	for i := range searchers + 100 {
		throttle.allow(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&0xff, i&0xff), now)
	}
	if got := len(throttle.limits); got > searchers {
		t.Errorf("got %d visitors remembered, want at most %d", got, searchers)
	}
}

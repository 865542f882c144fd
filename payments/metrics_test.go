package payments

import (
	"context"
	"strings"
	"testing"
	"time"

	"saoma/models"
)

// metric returns the value that is written under the name, and whether it is written at all.
func (s *sweeping) metric(ctx context.Context, name string) (string, bool) {
	s.t.Helper()
	var text strings.Builder
	s.WriteMetrics(ctx, &text)
	for line := range strings.Lines(text.String()) {
		if value, is := strings.CutPrefix(line, name+" "); is {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// TestSweepLag: what is due and not done is seen to grow late while nobody sweeps, and is late no
// more when somebody does.
func TestSweepLag(t *testing.T) {
	s := newSweeping(t)
	begun := s.clock
	wantLag := func(when, orders, payments, refunds string) {
		t.Helper()
		for of, want := range map[string]string{"orders": orders, "payments": payments, "refunds": refunds} {
			if got, _ := s.metric(t.Context(), `saoma_sweep_lag_seconds{of="`+of+`"}`); got != want {
				t.Errorf("%s: got %s %q s late, want %s s", when, of, got, want)
			}
		}
	}
	wantLag("an empty shop", "0", "0", "0")
	p := s.pending(models.ScanForPay) // due after five seconds
	s.clock = begun.Add(35 * time.Second)
	wantLag("half a minute without a sweep", "0", "30", "0")
	s.clock = begun.Add(65 * time.Second)
	wantLag("a minute without a sweep", "0", "60", "0")
	s.pass(time.Second, time.Second)
	wantLag("after the sweep", "0", "0", "0")
	if sum, _ := s.metric(t.Context(), "saoma_sweep_delay_seconds_sum"); sum != "61" {
		t.Errorf("delay of the question: got %q s, want 61 s", sum)
	}

	s.pending(models.ScanForPay) // due after five seconds, and its order after a quarter of an hour
	s.clock = s.clock.Add(16 * time.Minute)
	wantLag("a quarter of an hour without a sweep", "60", "955", "0")
	s.pass(time.Second, time.Second)
	wantLag("after the next sweep", "0", "0", "0")

	s.gateways[models.ScanForPay].err = errNoAnswer
	if _, err := s.GiveBack(t.Context(), p.Number, 100); err != nil { // tried at once, then due after five seconds
		t.Fatal(err)
	}
	s.clock = s.clock.Add(45 * time.Second)
	wantLag("a refund without a sweep", "0", "0", "40")
}

// TestSweepLagUnknown: a database that does not answer gives no wrong number.
func TestSweepLagUnknown(t *testing.T) {
	s := newSweeping(t)
	s.pending(models.ScanForPay)
	s.pass(5*time.Second, 5*time.Second)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got, there := s.metric(gone, `saoma_sweep_lag_seconds{of="payments"}`); there {
		t.Errorf("lag of a database that does not answer: got %q, want none", got)
	}
	if got, _ := s.metric(gone, "saoma_sweep_delay_seconds_count"); got != "1" {
		t.Errorf("questions asked: got %q, want 1", got)
	}
}

package payments

import (
	"errors"
	"testing"
	"time"

	"saoma/models"
)

// TestStandingOfAGatewayThatFails: staff see what a gateway did not answer and why, in all kinds of calls;
// that it knows nothing of a payment is an answer.
func TestStandingOfAGatewayThatFails(t *testing.T) {
	s := newStarting(t)
	stands := func() Standing {
		t.Helper()
		got, err := s.Standing(t.Context(), models.ScanForPay)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	answered := s.begun()
	if got := stands(); got.CreatesLeftAlone || got.AsksLeftAlone || got.Answered.IsZero() || !got.Failed.IsZero() {
		t.Errorf("once it has answered: got %+v", got)
	}
	if err := s.Check(t.Context(), answered.Token); err != nil { // it knows nothing of it
		t.Fatal(err)
	}
	if got := stands(); got.Failure != "" || got.Lately != (Tally{Answered: 1, Unanswered: 1}) {
		t.Errorf("once it knew nothing of a payment: got %+v, want no failure", got)
	}
	s.anew(t) // and forgets what this process saw itself
	for range 2 {
		s.clock = s.clock.Add(time.Second)
		s.first.query = func(string) (Report, error) {
			return Report{Exchange: Exchange{Request: []byte("question")}}, &CallError{Outcome: Unknown, Code: "9", Message: "busy", Err: errors.New("try later")}
		}
		_ = s.Check(t.Context(), answered.Token)
	}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(s.first)}
	got := stands()
	if got.Failure != "unknown (code 9: busy): try later" || !got.Failed.Equal(s.clock) || got.Lately != (Tally{Answered: 1, Unanswered: 3}) {
		t.Errorf("once it failed twice: got %+v, want why and when", got)
	}
	guarded := s.accounts[models.ScanForPay].Gateway
	guarded.creates.Open()
	if got := stands(); !got.CreatesLeftAlone || got.AsksLeftAlone {
		t.Errorf("while its creates are left alone: got %+v", got)
	}
	guarded.asks.Open()
	if got := stands(); !got.AsksLeftAlone {
		t.Errorf("while it is left alone: got %+v", got)
	}
}

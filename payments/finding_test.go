package payments

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

var noor = models.Actor{Name: "noor@shop.example"}

// settle settles every open incident of the payment's order, as a person does.
func (s *sweeping) settle(p *models.Payment) {
	s.t.Helper()
	for _, i := range s.incidents(p) {
		if i.Status != models.IncidentOpen {
			continue
		}
		if err := s.store.SettleIncident(s.t.Context(), i.ID, "looked into", noor); err != nil {
			s.t.Fatal(err)
		}
	}
}

// open are the details of the open incidents of the payment's order.
func (s *sweeping) open(p *models.Payment) (details []string) {
	s.t.Helper()
	for _, i := range s.incidents(p) {
		if i.Status == models.IncidentOpen {
			details = append(details, i.Detail)
		}
	}
	return details
}

func (s *sweeping) wantOpen(p *models.Payment, when string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.open(p)); diff != "" {
		s.t.Errorf("%s: open incidents (-want +got):\n%s", when, diff)
	}
}

// refund begins a refund of the amount, about which the gateway has not answered.
func (s *sweeping) refund(p *models.Payment, amount int64) *models.Refund {
	s.t.Helper()
	s.gateways[p.Gateway].err = errNoAnswer
	r, err := s.GiveBack(s.t.Context(), p.Number, amount)
	if err != nil || r.Status != models.RefundPending {
		s.t.Fatalf("got %+v, %v, want it pending", r, err)
	}
	return r
}

// told tells what the gateway says about the refund now.
func (s *sweeping) told(r *models.Refund, state models.RefundStatus, words string) {
	s.t.Helper()
	said := RefundReport{State: state, Message: words, Exchange: Exchange{Response: []byte(words)}}
	if err := s.recordRefund(s.t.Context(), paymentIn(s.order(r.OrderID), r.PaymentID), r, said, nil, OpRefundQuery, false); err != nil {
		s.t.Fatal(err)
	}
}

// failed are the numbers of the refunds that failed for good and wait for somebody.
func (s *sweeping) failed() (numbers []string) {
	s.t.Helper()
	a, err := s.store.Attention(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range a.Failed {
		numbers = append(numbers, r.Number)
	}
	return numbers
}

func (s *sweeping) wantFailed(when string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.failed()); diff != "" {
		s.t.Errorf("%s: refunds that failed and wait (-want +got):\n%s", when, diff)
	}
}

// TestSettledRefundFailsForGood: that somebody settled a refund without a result does not hide that
// it failed in the end. Saying the same once more after that troubles nobody.
func TestSettledRefundFailsForGood(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		r := s.refund(p, 1000)
		s.clock = s.clock.Add(2 * refundStuckAfter)
		silent := func() {
			t.Helper()
			if err := s.recordRefund(t.Context(), p, r, RefundReport{}, errNoAnswer, OpRefundQuery, false); err != nil && OutcomeOf(err) != Unknown {
				t.Fatal(err)
			}
		}
		silent()
		if len(s.open(p)) != 1 {
			t.Fatalf("after an hour: got %q, want one incident", s.open(p))
		}
		s.settle(p)
		silent()
		s.wantOpen(p, "the same again, settled")
		s.wantFailed("it hangs")
		s.told(r, models.RefundFailed, "the account is closed")
		s.wantOpen(p, "failed for good", "refund "+r.Number+": the gateway refused the refund: the account is closed")
		s.wantFailed("failed for good", r.Number)
		s.told(r, models.RefundFailed, "the account is closed")
		s.settle(p)
		s.told(r, models.RefundFailed, "the account is closed")
		s.wantOpen(p, "settled, and said again")
		s.wantFailed("settled")
	})
}

// TestFailedRefundIsMadeGood: another refund of the same amount makes one that failed good, and no
// other does.
func TestFailedRefundIsMadeGood(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		one, two := s.refund(p, 1000), s.refund(p, 1000)
		s.told(one, models.RefundFailed, "no")
		s.told(two, models.RefundFailed, "no")
		s.told(s.refund(p, 900), models.RefundSucceeded, "done")
		s.wantFailed("another amount", one.Number, two.Number)
		s.told(s.refund(p, 1000), models.RefundSucceeded, "done")
		if len(s.failed()) != 1 {
			t.Errorf("one was made good: got %v, want the other", s.failed())
		}
		s.told(s.refund(p, p.Amount-1900), models.RefundSucceeded, "done")
		s.wantFailed("all is back")
		s.wantOpen(p, "all is back")
	})
}

// TestSettledConflictSaysSomethingElse: a person who settles what the gateway says has settled that,
// and not what it says next.
func TestSettledConflictSaysSomethingElse(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		n := 0
		says := func(state State) {
			t.Helper()
			n++
			r, _ := s.gateways[p.Gateway].Query(t.Context(), p.Number)
			r.State, r.Exchange.Response = state, fmt.Appendf(nil, "%s %d", state, n)
			if err := s.Apply(t.Context(), r, OpQuery); err != nil {
				t.Fatal(err)
			}
		}
		s.clock = s.clock.Add(time.Minute)
		says(StateFailed)
		s.wantOpen(p, "failed", "recorded as paid, and the gateway now says failed")
		says(StateFailed)
		s.settle(p)
		says(StateFailed)
		s.wantOpen(p, "settled, and said again")
		says(StateRefunded)
		s.wantOpen(p, "everything is back", "the gateway says that everything was refunded, which the shop did not ask for")
		s.settle(p)
		says(StateRefunded)
		says(StateFailed)
		s.wantOpen(p, "both again")
	})
}

package payments

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// readable is a gateway whose kept answers are read again as they were given.
type readable struct {
	s *starting
	*scripted
	answers map[string]Report // by their bytes
}

func (g readable) ReadQuery(_ string, e Exchange) (Report, error) {
	return g.answers[string(e.Response)], nil
}

// readable makes the first gateway one.
func (s *starting) readable() readable {
	gateway := readable{s, s.first, map[string]Report{}}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(gateway), Validity: 12 * time.Hour}
	return gateway
}

// say has the gateway answer a question about the attempt, a second later.
func (g readable) say(p *models.Payment, state State, reference string) {
	g.s.t.Helper()
	g.s.clock = g.s.clock.Add(time.Second)
	answer, _ := g.stands(state)(p.Number)
	answer.Reference, answer.Exchange.Response = reference, fmt.Appendf(nil, "%s is %s, %d", p.Number, state, len(g.answers))
	g.answers[string(answer.Exchange.Response)] = answer
	if err := g.s.Apply(g.s.t.Context(), answer, OpQuery); err != nil {
		g.s.t.Fatal(err)
	}
}

// wantReplay looks for the verdicts on all that was kept, then and now.
func (s *starting) wantReplay(o *models.Order, want ...string) {
	s.t.Helper()
	all, err := s.Replay(s.t.Context(), o.Number)
	var kept []string
	for _, r := range all {
		if kept = append(kept, r.Kept.Verdict); r.Differs || r.Unverifiable || r.Payment == "" {
			s.t.Errorf("%s: kept as %s (%s), now %s (%s)", r.Kept.Response, r.Kept.Verdict, r.Kept.Rule, r.Verdict, r.Rule)
		}
	}
	if diff := cmp.Diff(want, kept); diff != "" || err != nil {
		s.t.Errorf("err %v, verdicts (-want +got):\n%s", err, diff)
	}
}

// TestReplayOfARenamedAttempt: a gateway that calls an attempt otherwise than when it was created is
// contradicted again in a replay, whether the answer to the create told the number or a message did.
func TestReplayOfARenamedAttempt(t *testing.T) {
	s := newStarting(t)
	gateway := s.readable()
	for name, tt := range map[string]struct {
		reference string // told by the answer to the create
		said      []string
		want      []string
	}{
		"by its create": {"G1", []string{"G2", "G1"}, []string{"accepted", verdictIncident, verdictAccepted}},
		"by a message":  {"", []string{"G3", "G4"}, []string{"accepted", verdictAccepted, verdictIncident}},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.first.create = func(r CreateRequest) (Created, error) {
				c, err := takes(r)
				c.Reference, c.Exchange.Response = tt.reference, []byte("taken as "+tt.reference)
				return c, err
			}
			o := s.begun()
			for _, reference := range tt.said {
				gateway.say(&o.Payments[0], StateSucceeded, reference)
			}
			s.wantReplay(o, tt.want...)
		})
	}
}

// TestReplayKnowsTheRefundsOfTheTime: what a message that money went back meant is decided again by the
// refunds that there were when it came: not by later ones, failed ones or another payment's.
func TestReplayKnowsTheRefundsOfTheTime(t *testing.T) {
	s := newStarting(t)
	gateway := s.readable()
	paid := func() (*models.Order, *models.Payment) {
		o := s.begun()
		gateway.say(&o.Payments[0], StateSucceeded, "G"+o.Number)
		return o, &o.Payments[0]
	}
	refund := func(p *models.Payment, amount int64) *models.Refund {
		s.clock = s.clock.Add(time.Second)
		r := newRefund(s.clock, amount, "test")
		s.tx(func(tx *models.Tx) error {
			o, err := tx.LockOrder(p.OrderID)
			if err == nil {
				err = tx.AddRefund(o, paymentIn(o, p.ID), r)
			}
			return err
		})
		return r
	}
	fail := func(r *models.Refund) {
		s.clock = s.clock.Add(time.Second)
		s.tx(func(tx *models.Tx) error {
			_, err := tx.MoveRefund(r, models.RefundFailed, "no")
			return err
		})
	}

	o, p := paid()
	gateway.say(p, StateRefunded, "G"+o.Number)
	refund(p, p.Amount)
	gateway.say(p, StateRefunded, "G"+o.Number)
	s.wantReplay(o, "accepted", verdictAccepted, verdictIncident, verdictAccepted)

	o, p = paid()
	fail(refund(p, p.Amount))
	gateway.say(p, StateRefunded, "G"+o.Number)
	s.wantReplay(o, "accepted", verdictAccepted, verdictIncident)

	o, p = paid()
	r := refund(p, 1000)
	gateway.say(p, StateGivenBack, "G"+o.Number)
	fail(r)
	s.wantReplay(o, "accepted", verdictAccepted, verdictIgnored)

	o = s.begun()
	s.clock = s.clock.Add(createGrace + time.Second)
	if _, err := s.Start(t.Context(), o.Token, models.Alipay, Device{}); err != nil {
		t.Fatal(err)
	}
	o = s.order(o.ID)
	for i, reference := range []string{"G1 " + o.Number, "G2 " + o.Number} {
		gateway.say(&o.Payments[i], StateSucceeded, reference)
	}
	refund(&o.Payments[0], o.Amount)
	gateway.say(&o.Payments[1], StateRefunded, "G2 "+o.Number)
	s.wantReplay(o, "accepted", verdictUnknown, "accepted", verdictAccepted, verdictAccepted, verdictIncident)
}

// TestReplayFollowsTheAttempt: each message is decided again by what those before it made of the attempt.
func TestReplayFollowsTheAttempt(t *testing.T) {
	s := newStarting(t)
	gateway := s.readable()

	o := s.begun()
	p := &o.Payments[0]
	gateway.say(p, StateRefunded, "") // of what was never paid
	gateway.say(p, StateClosed, "")
	gateway.say(p, StateSucceeded, "G"+o.Number)
	s.clock = s.clock.Add(conflictAfter / 2)
	gateway.say(p, StatePending, "")
	s.clock = s.clock.Add(conflictAfter)
	gateway.say(p, StatePending, "")
	s.wantReplay(o, "accepted", verdictIncident, verdictIgnored, verdictAccepted, verdictIgnored, verdictIncident)

	other := s.begun()
	gateway.say(&other.Payments[0], StateSucceeded, "G"+o.Number) // the number of the first order's payment
	gateway.say(&other.Payments[0], StateSucceeded, "G"+other.Number)
	s.wantReplay(other, "accepted", verdictIncident, verdictAccepted)

	for bytes, answer := range gateway.answers { // as if the attempts had changed places
		answer.Number = p.Number
		if answer.Reference == "G"+o.Number {
			answer.Number = other.Payments[0].Number
		}
		gateway.answers[bytes] = answer
	}
	all, err := s.Replay(t.Context(), other.Number)
	if last := all[len(all)-1]; err != nil || !last.Differs || last.Verdict != verdictRefused {
		t.Errorf("a message that names another attempt: got %+v, %v, want it refused, which differs", last, err)
	}
}

// TestReplayOfABadRedirect: the gateway has an attempt whose page is not on its list, and what it says of
// it later means what it meant then.
func TestReplayOfABadRedirect(t *testing.T) {
	s := newStarting(t)
	gateway := s.readable()
	s.first.create, s.first.query = fails(BadRedirect), saysNothing
	o := modelstest.Order(t, s.store, "cup")
	if _, err := s.begin(o); !errors.Is(err, ErrStillAsking) {
		t.Fatalf("got %v, want ErrStillAsking", err)
	}
	o = s.order(o.ID)
	s.clock = s.clock.Add(startTimeout)
	gateway.say(&o.Payments[0], StatePending, "")
	gateway.say(&o.Payments[0], StateClosed, "")
	s.wantReplay(o, verdictUnknown, verdictIgnored, verdictAccepted)
}

// TestReplayOfALongRule: a rule that was too long to be kept whole is the same rule.
func TestReplayOfALongRule(t *testing.T) {
	s := newStarting(t)
	gateway := s.readable()
	s.first.query = func(number string) (Report, error) {
		r, err := s.first.stands(StateSucceeded)(number)
		r.Merchant = strings.Repeat("m", models.MaxRule)
		gateway.answers[string(r.Exchange.Response)] = r
		return r, err
	}
	o := s.begun()
	if err := s.Check(t.Context(), o.Token); err != nil {
		t.Fatal(err)
	}
	s.wantReplay(o, "accepted", verdictIncident)
}

func (s *starting) tx(do func(tx *models.Tx) error) {
	s.t.Helper()
	if err := s.store.Tx(s.t.Context(), do); err != nil {
		s.t.Fatal(err)
	}
}

package payments

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// handRefunds is a gateway that takes no refunds from shops: they are made on its own pages, and the
// payment shows them.
type handRefunds struct {
	*quiet
	refunded bool
}

var errNoRefunds = &CallError{Outcome: Unsupported, Err: errors.New("no such call")}

func (g *handRefunds) Refund(context.Context, RefundRequest) (RefundReport, error) {
	return RefundReport{}, errNoRefunds
}

func (g *handRefunds) QueryRefund(context.Context, RefundRequest) (RefundReport, error) {
	return RefundReport{}, errNoRefunds
}

func (g *handRefunds) Query(ctx context.Context, number string) (Report, error) {
	r, err := g.quiet.Query(ctx, number)
	if g.refunded {
		r.State, r.Exchange.Response = StateRefunded, []byte("refunded "+number)
	}
	return r, err
}

// paid is a payment that was made, asked about and confirmed.
func (s *sweeping) paid() *models.Payment {
	s.t.Helper()
	p := s.pending(models.ScanForPay)
	s.pass(5*time.Second, 5*time.Second)
	return s.read(p)
}

// incidents are those of the payment's order.
func (s *sweeping) incidents(p *models.Payment) []models.Incident {
	s.t.Helper()
	all, err := s.store.Incidents(s.t.Context(), p.OrderID)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// TestRefundByHandAtTheGateway: a gateway that takes no refunds is told to staff at once, and the
// refund is done when the payment shows it.
func TestRefundByHandAtTheGateway(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	gateway := &handRefunds{quiet: s.gateways[models.ScanForPay]}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(gateway), Validity: 12 * time.Hour}
	r, err := s.GiveBack(t.Context(), p.Number, p.Amount)
	if err != nil || r.Status != models.RefundPending || r.Failure != RefundByHand {
		t.Fatalf("got %+v, %v, want it pending, and that it is for staff to do", r, err)
	}
	stuck := s.incidents(p)
	if len(stuck) != 1 || stuck[0].Kind != models.IncidentRefundStuck || stuck[0].Status != models.IncidentOpen ||
		!strings.Contains(stuck[0].Detail, "refund it on the gateway's own pages") {
		t.Fatalf("got incidents %+v, want one that says where to refund", stuck)
	}
	s.pass(10*time.Minute, time.Minute)
	if r, err = s.store.RefundByNumber(t.Context(), r.Number); err != nil || r.Status != models.RefundPending {
		t.Errorf("nobody has refunded it: got %+v, %v, want it pending", r, err)
	}
	gateway.refunded = true
	s.pass(30*time.Minute, time.Minute)
	if r, err = s.store.RefundByNumber(t.Context(), r.Number); err != nil || r.Status != models.RefundSucceeded {
		t.Errorf("the payment shows the refund: got %+v, %v, want it succeeded", r, err)
	}
	if stuck := s.incidents(p); len(stuck) != 1 || stuck[0].Status != models.IncidentResolved {
		t.Errorf("the payment shows the refund: got incidents %+v, want it resolved", stuck)
	}
}

// TestRefundHeadStart: the request that made a refund begins it, however soon the sweep comes by, and if
// that request has died, the sweep does.
func TestRefundHeadStart(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		gateway := s.saying(StateSucceeded)
		gateway.refund = models.RefundSucceeded
		store := func(refunded int64) *models.Refund {
			r := newRefund(s.clock, 1000, "broken")
			err := s.store.ActOn(t.Context(), p.OrderID, func(tx *models.Tx, o *models.Order) error {
				return s.addStaffRefund(tx, o, p, r, StaffRefund{Payment: p.Number, Amount: 1000, Refunded: refunded, By: noor})
			})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		wantSwept := func(when string, want int) {
			t.Helper()
			if swept, err := s.Sweep(t.Context()); err != nil || swept.Refunds != want {
				t.Errorf("%s: the sweep carried out %d refunds, %v, want %d", when, swept.Refunds, err, want)
			}
		}
		r := store(0)
		wantSwept("just stored", 0)
		if r, err := s.beginRefund(t.Context(), p, r); err != nil || r.Status != models.RefundSucceeded || gateway.refunds != 1 {
			t.Errorf("begun: got %+v, %v, by %d calls, want it succeeded by one", r, err, gateway.refunds)
		}
		r = store(1000)
		s.clock = s.clock.Add(refundHeadStart - time.Millisecond)
		wantSwept("almost too late", 0)
		s.clock = s.clock.Add(time.Millisecond)
		wantSwept("nobody has begun it", 1)
		if now := s.again(r); now.Status != models.RefundSucceeded || gateway.refunds != 2 {
			t.Errorf("swept: got %+v by %d calls, want it succeeded by the second", now, gateway.refunds)
		}
	})
}

// TestRefundAtAGatewayThatIsSwitchedOff: staff hear of a refund that waits for a gateway which the
// configuration has switched off, and it goes out when that is on again.
func TestRefundAtAGatewayThatIsSwitchedOff(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	on := s.accounts[models.ScanForPay]
	delete(s.accounts, models.ScanForPay)
	r, err := s.GiveBack(t.Context(), p.Number, 1000)
	if err != nil || r.Status != models.RefundPending {
		t.Fatalf("got %+v, %v, want it pending", r, err)
	}
	s.pass(2*refundStuckAfter, 10*time.Minute)
	if stuck := s.incidents(p); len(stuck) != 1 || stuck[0].Status != models.IncidentOpen || !strings.Contains(stuck[0].Detail, "switched off") {
		t.Errorf("hours later: got incidents %+v, want one that says why", stuck)
	}
	s.accounts[models.ScanForPay] = on
	s.gateways[models.ScanForPay].refunds = models.RefundSucceeded
	s.pass(time.Hour, 10*time.Minute)
	if r, err = s.store.RefundByNumber(t.Context(), r.Number); err != nil || r.Status != models.RefundSucceeded {
		t.Errorf("switched on again: got %+v, %v, want it succeeded", r, err)
	}
	if stuck := s.incidents(p); len(stuck) != 1 || stuck[0].Status != models.IncidentResolved {
		t.Errorf("switched on again: got incidents %+v, want it resolved", stuck)
	}
}

// TestRefundIsStuckAfterAWhile: staff hear of a refund that has no result for an hour, not before.
func TestRefundIsStuckAfterAWhile(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	s.gateways[models.ScanForPay].err = errNoAnswer
	r, err := s.GiveBack(t.Context(), p.Number, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{refundStuckAfter - time.Millisecond, 0}, {refundStuckAfter, 1}} {
		s.clock = r.CreatedAt.Add(tt.after)
		err := s.store.Tx(t.Context(), func(tx *models.Tx) error { return s.notePending(tx, p, r, "no answer") })
		if got := s.incidents(p); err != nil || len(got) != tt.want {
			t.Errorf("after %v: got incidents %+v, err %v, want %d", tt.after, got, err, tt.want)
		}
	}
}

// TestFinalRefundStays: what is said about a refund that has come to its end moves it no more, and
// troubles nobody.
func TestFinalRefundStays(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	s.gateways[models.ScanForPay].err = errNoAnswer
	r, err := s.GiveBack(t.Context(), p.Number, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Tx(t.Context(), func(tx *models.Tx) error { return s.refundSucceeded(tx, p, *r) }); err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(2 * refundStuckAfter)
	refused := RefundReport{State: models.RefundFailed, Message: "no"}
	for name, said := range map[string]func(tx *models.Tx) error{
		"no answer":            func(tx *models.Tx) error { return s.notePending(tx, p, r, "no answer") },
		"a refusal in doubt":   func(tx *models.Tx) error { return s.tellStaff(tx, p, r, stuckInDoubt, "refused") },
		"a refusal":            func(tx *models.Tx) error { _, _, err := s.moveRefund(tx, p, r, refused, nil, false); return err },
		"a refusal afterwards": func(tx *models.Tx) error { _, _, err := s.moveRefund(tx, p, r, refused, nil, true); return err },
	} {
		if err := s.store.Tx(t.Context(), said); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		now, err := s.store.RefundByNumber(t.Context(), r.Number)
		if err != nil || now.Status != models.RefundSucceeded || len(s.incidents(p)) != 0 {
			t.Errorf("%s: got %+v with incidents %+v, err %v; want it succeeded and none", name, now, s.incidents(p), err)
		}
	}
}

// TestWhyARefundFailed: the chain and the incident have the gateway's words.
func TestWhyARefundFailed(t *testing.T) {
	for _, doubtful := range []bool{false, true} {
		s := newSweeping(t)
		p := s.paid()
		s.gateways[models.ScanForPay].err = errNoAnswer
		r, err := s.GiveBack(t.Context(), p.Number, 1000)
		if err != nil {
			t.Fatal(err)
		}
		refused := RefundReport{State: models.RefundFailed, Message: "balance too small", Exchange: Exchange{Response: []byte("refused")}}
		if err := s.recordRefund(t.Context(), p, r, refused, nil, OpRefund, doubtful); err != nil {
			t.Fatal(err)
		}
		kept, err := s.store.Evidence(t.Context(), p.OrderID)
		if err != nil || !strings.Contains(kept[len(kept)-1].Rule, "balance too small") {
			t.Errorf("doubtful %t: got the rule %q, err %v, want the gateway's words in it", doubtful, kept[len(kept)-1].Rule, err)
		}
		if got := s.incidents(p); len(got) != 1 || !strings.Contains(got[0].Detail, "balance too small") {
			t.Errorf("doubtful %t: got incidents %+v, want one with the gateway's words", doubtful, got)
		}
	}
}

// forgetful is a gateway that carried out a refund without an answer, says for a while that it knows none, and
// refuses the repeat.
type forgetful struct {
	*quiet
	knows bool
	calls int
}

func (g *forgetful) Refund(context.Context, RefundRequest) (RefundReport, error) {
	if g.calls++; g.calls == 1 {
		return RefundReport{}, errNoAnswer
	}
	return RefundReport{State: models.RefundFailed, Message: "more than is left"}, nil
}

func (g *forgetful) QueryRefund(_ context.Context, r RefundRequest) (RefundReport, error) {
	if !g.knows {
		return RefundReport{}, &CallError{Outcome: NotFound, Err: errors.New("no such refund")}
	}
	return RefundReport{State: models.RefundSucceeded, Money: r.Money}, nil
}

// TestRefundIsNotGivenUpOnHearsay: that a gateway knows nothing of a refund and refuses it now is no proof that
// the first call did nothing, so its money is not free to go back a second time.
func TestRefundIsNotGivenUpOnHearsay(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	gateway := &forgetful{quiet: s.gateways[models.ScanForPay]}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(gateway), Validity: 12 * time.Hour}
	r, err := s.GiveBack(t.Context(), p.Number, 1000)
	if err != nil || r.Status != models.RefundPending {
		t.Fatalf("without an answer: got %+v, %v, want it pending", r, err)
	}
	s.pass(time.Minute, 5*time.Second)
	stuck := s.incidents(p)
	if now := s.again(r); now.Status != models.RefundPending || gateway.calls < 2 {
		t.Errorf("refused after %d calls: got %+v, want it pending", gateway.calls, now)
	}
	if len(stuck) != 1 || stuck[0].Status != models.IncidentOpen || !strings.Contains(stuck[0].Detail, "an earlier call may have gone through: more than is left") {
		t.Errorf("refused: got incidents %+v, want one that says what may be", stuck)
	}
	gateway.knows = true
	s.pass(time.Hour, time.Minute)
	if now, stuck := s.again(r), s.incidents(p); now.Status != models.RefundSucceeded || stuck[0].Status != models.IncidentResolved {
		t.Errorf("once the gateway knows it: got %+v with %+v, want it succeeded and the incident resolved", now, stuck)
	}
}

// TestStaffAskAgain: what a query has confirmed is asked about once more where staff doubt it, and what
// came by hand is not.
func TestStaffAskAgain(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	order, err := s.store.OrderByID(t.Context(), p.OrderID)
	if err != nil {
		t.Fatal(err)
	}
	gateway := &handRefunds{quiet: s.gateways[models.ScanForPay], refunded: true}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(gateway), Validity: 12 * time.Hour}
	if err := s.Check(t.Context(), order.Token); err != nil || len(s.incidents(p)) != 0 {
		t.Errorf("the buyer asks: got %+v, %v; want that a confirmed payment is left alone", s.incidents(p), err)
	}
	if _, err := s.AskAgain(t.Context(), order, noor); err != nil {
		t.Fatal(err)
	}
	if found := s.incidents(p); len(found) != 1 || found[0].Kind != models.IncidentConflict || found[0].Cause != models.CauseReturned {
		t.Errorf("staff ask: got %+v, want one conflict about money that went back", found)
	}
	gateway.refunded = false
	if _, err := s.AskAgain(t.Context(), order, noor); err != nil || len(s.incidents(p)) != 1 {
		t.Errorf("the gateway says that it is paid: got %+v, %v; want no other incident", s.incidents(p), err)
	}

	delete(s.accounts, models.ScanForPay)
	if _, err := s.AskAgain(t.Context(), order, noor); !errors.Is(err, ErrStillAsking) {
		t.Errorf("the gateway is not in use any more: got %v, want %v", err, ErrStillAsking)
	}
	byHand := modelstest.Order(t, s.store, "cup")
	if err := s.MarkPaid(t.Context(), byHand.Number, HandPayment{Reference: "bank 1", By: models.Actor{Name: "mia"}}); err != nil {
		t.Fatal(err)
	}
	if byHand, err = s.store.OrderByID(t.Context(), byHand.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AskAgain(t.Context(), byHand, noor); !errors.Is(err, ErrNothingToAsk) {
		t.Errorf("an order that is paid by hand: got %v", err)
	}
}

package payments

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

// TestDecide is the rule book for what is easily got wrong: each case changes one thing about an
// attempt of 35.00 and a report on it.
func TestDecide(t *testing.T) {
	begun := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	ours, theirs := "G1", "G2"
	for _, tt := range []struct {
		name   string
		change func(p *models.Payment, r *Report, f *facts)
		op     Operation
		want   decision // without its rule
	}{
		{"an end that names no money", func(p *models.Payment, r *Report, f *facts) {
			r.State, r.Money = StateClosed, models.Money{}
		}, OpQuery, decision{verdict: verdictAccepted, move: models.PaymentClosed}},
		{"an end that names other money", func(p *models.Payment, r *Report, f *facts) {
			r.State, r.Money.Amount = StateClosed, 1
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentAmountMismatch}},
		{"a success that names no money", func(p *models.Payment, r *Report, f *facts) {
			r.Money = models.Money{}
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentCurrencyMismatch}},
		{"a repeat without the gateway's number", func(p *models.Payment, r *Report, f *facts) {
			p.Reference, r.Reference = &ours, ""
		}, OpQuery, decision{verdict: verdictAccepted, move: models.PaymentSucceeded, confirm: true, paid: true}},
		{"the gateway's number as it was", func(p *models.Payment, r *Report, f *facts) {
			p.Reference, r.Reference = &ours, ours
		}, OpQuery, decision{verdict: verdictAccepted, move: models.PaymentSucceeded, confirm: true, paid: true}},
		{"another number of the gateway's than before", func(p *models.Payment, r *Report, f *facts) {
			p.Reference, r.Reference = &ours, theirs
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseRenamed}},
		{"a number of another attempt", func(p *models.Payment, r *Report, f *facts) {
			f.referenceTaken = true
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseShared}},

		{"refunded, as we asked", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.refunded = models.PaymentSucceeded, StateRefunded, 3500
		}, OpQuery, decision{verdict: verdictAccepted, refunded: true, confirm: true}},
		{"refunded, more than we asked", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.refunded = models.PaymentSucceeded, StateRefunded, 3499
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseReturned}},
		{"refunded, and never paid for all we know", func(p *models.Payment, r *Report, f *facts) {
			r.State = StateRefunded
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseReturned, move: models.PaymentClosed}},
		{"something given back of several refunds", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.refunded = models.PaymentSucceeded, StateGivenBack, 3500
		}, OpQuery, decision{verdict: verdictIgnored}},
		{"something given back of one refund of everything", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.refunded, f.inOne = models.PaymentSucceeded, StateGivenBack, 3500, true
		}, OpQuery, decision{verdict: verdictAccepted, refunded: true, confirm: true}},
		{"something given back that nobody asked for", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State = models.PaymentSucceeded, StateGivenBack
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseReturned}},
		{"something given back of what was never paid", func(p *models.Payment, r *Report, f *facts) {
			r.State, f.refunded = StateGivenBack, 3500
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseReturned, move: models.PaymentClosed}},

		{"a state that we do not know", func(p *models.Payment, r *Report, f *facts) {
			r.State = StateUnknown
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseUnexplained}},

		{"open", func(p *models.Payment, r *Report, f *facts) {
			r.State = StatePending
		}, OpQuery, decision{verdict: verdictIgnored}},
		{"open, and its create went unanswered", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, p.CreatedAt = models.PaymentCreated, StatePending, f.now.Add(-startTimeout)
		}, OpQuery, decision{verdict: verdictAccepted, move: models.PaymentPending}},
		{"open, and its create may yet be answered", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, p.CreatedAt = models.PaymentCreated, StatePending, f.now.Add(time.Millisecond-startTimeout)
		}, OpQuery, decision{verdict: verdictIgnored}},
		{"open, says a notification before the answer to its create", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State = models.PaymentCreated, StatePending
		}, OpNotification, decision{verdict: verdictIgnored}},
		{"open, says the query soon after the success", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.now = models.PaymentSucceeded, StatePending, begun.Add(conflictAfter)
		}, OpQuery, decision{verdict: verdictIgnored, doubtful: true}},
		{"open, says the query long after the success", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.now = models.PaymentSucceeded, StatePending, begun.Add(conflictAfter+time.Millisecond)
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseDenied}},
		{"open, says a late notification", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.now = models.PaymentSucceeded, StatePending, begun.Add(time.Hour)
		}, OpNotification, decision{verdict: verdictIgnored}},
		{"closed, says the query soon after the success", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.now = models.PaymentSucceeded, StateClosed, begun.Add(conflictAfter)
		}, OpQuery, decision{verdict: verdictIgnored, doubtful: true}},
		{"closed, says the query long after the success", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State, f.now = models.PaymentSucceeded, StateClosed, begun.Add(conflictAfter+time.Millisecond)
		}, OpQuery, decision{verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseDenied}},
		{"closed, says a late notification", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State = models.PaymentSucceeded, StateClosed
		}, OpNotification, decision{verdict: verdictIgnored, doubtful: true}},
		{"closed, and so it was", func(p *models.Payment, r *Report, f *facts) {
			p.Status, r.State = models.PaymentClosed, StateClosed
		}, OpNotification, decision{verdict: verdictIgnored}},
	} {
		p := models.Payment{Gateway: models.ScanForPay, Number: "P1", Status: models.PaymentPending, Amount: 3500, Currency: "CNY", SucceededAt: &begun}
		r := Report{
			Gateway: models.ScanForPay, Merchant: "merchant", Number: "P1", Reference: ours, State: StateSucceeded,
			Money: models.Money{Amount: 3500, Currency: "CNY"}, Conclusive: true,
		}
		f := facts{merchant: "merchant", now: begun.Add(time.Minute)}
		tt.change(&p, &r, &f)
		got := decide(p, r, f, tt.op)
		if got.rule == "" {
			t.Errorf("%s: got no rule", tt.name)
		}
		got.rule = ""
		if got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestNextConfirmation: a success that nothing has confirmed is asked about soon and then every hour, a
// confirmed one once more a day later.
func TestNextConfirmation(t *testing.T) {
	paid := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		confirmed   bool
		after, want time.Duration // since the payment; zero: not any more
	}{
		{false, 0, 5 * time.Second},
		{false, 5 * time.Second, 15 * time.Second},
		{false, 9 * time.Minute, 10 * time.Minute},
		{false, 30 * time.Minute, 90 * time.Minute},
		{false, 50 * time.Hour, 51 * time.Hour},
		{true, 0, 24 * time.Hour},
		{true, 24*time.Hour - time.Millisecond, 24 * time.Hour},
		{true, 24 * time.Hour, 0},
		{true, 48 * time.Hour, 0},
	} {
		p := models.Payment{Status: models.PaymentSucceeded, SucceededAt: &paid}
		if tt.confirmed {
			p.ConfirmedAt = &paid
		}
		var want time.Time
		if tt.want > 0 {
			want = paid.Add(tt.want)
		}
		if got := nextCheck(p, paid.Add(tt.after)); !got.Equal(want) {
			t.Errorf("confirmed %t, %v after the payment: got %v, want %v", tt.confirmed, tt.after, got, want)
		}
	}
}

// TestNextCheck: an open attempt is asked about at the times that the shop promises, when its order
// expires, and every hour until the gateway can take no more money for it.
func TestNextCheck(t *testing.T) {
	begun := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := models.Payment{Status: models.PaymentPending, CreatedAt: begun, ExpiresAt: begun.Add(15 * time.Minute), WatchUntil: begun.Add(4*time.Hour + time.Minute)}
	want := []time.Duration{
		5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
		15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 4*time.Hour + time.Minute,
	}
	var got []time.Duration
	for at := nextCheck(p, begun); !at.IsZero() && len(got) <= len(want); at = nextCheck(p, at) {
		got = append(got, at.Sub(begun))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("times after its beginning (-want +got):\n%s", diff)
	}
}

func TestNextRefund(t *testing.T) {
	begun := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]time.Duration{
		0:                5 * time.Second,
		5 * time.Second:  15 * time.Second,
		29 * time.Minute: 30 * time.Minute,
		30 * time.Minute: time.Hour,
		2 * time.Hour:    2*time.Hour + 30*time.Minute,
		4 * time.Hour:    5 * time.Hour,
		96 * time.Hour:   108 * time.Hour,
	} {
		if got := nextRefund(models.Refund{CreatedAt: begun}, begun.Add(after)).Sub(begun); got != want {
			t.Errorf("%v after it began: got its turn after %v, want %v", after, got, want)
		}
	}
}

// due returns a payment and a refund of another one that are due.
func (s *sweeping) due() (*models.Payment, *models.Refund) {
	s.t.Helper()
	paid := s.pending(models.ScanForPay)
	s.pass(5*time.Second, 5*time.Second)
	gateway := s.gateways[models.ScanForPay]
	gateway.err = errNoAnswer
	r, err := s.GiveBack(s.t.Context(), paid.Number, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	p := s.pending(models.ScanForPay)
	s.clock = s.clock.Add(6 * time.Second)
	payments, err1 := s.store.DuePayments(s.t.Context(), 10)
	refunds, err2 := s.store.DueRefunds(s.t.Context(), 10)
	if err := errors.Join(err1, err2); err != nil || len(payments) != 1 || payments[0].Number != p.Number || len(refunds) != 1 || refunds[0].Number != r.Number {
		s.t.Fatalf("got %d payments and %d refunds due, err %v; want one of each", len(payments), len(refunds), err)
	}
	gateway.calls = 0
	return &payments[0], &refunds[0]
}

// TestWhoLostTheTurnDoesNothing: of two replicas that found the same thing due, one asks the gateway.
func TestWhoLostTheTurnDoesNothing(t *testing.T) {
	s := newSweeping(t)
	p, r := s.due()
	samePayment, sameRefund := *p, *r
	for _, tt := range []struct {
		name string
		turn func() (bool, error)
		want bool
	}{
		{"payment", func() (bool, error) { return s.checkDue(t.Context(), p) }, true},
		{"the same payment", func() (bool, error) { return s.checkDue(t.Context(), &samePayment) }, false},
		{"refund", func() (bool, error) { return s.refundDue(t.Context(), r) }, true},
		{"the same refund", func() (bool, error) { return s.refundDue(t.Context(), &sameRefund) }, false},
	} {
		before := s.gateways[models.ScanForPay].calls
		done, err := tt.turn()
		asked := s.gateways[models.ScanForPay].calls > before
		if done != tt.want || asked != tt.want || (err != nil) != tt.want { // the gateway does not answer
			t.Errorf("%s: got done %t, gateway asked %t, err %v; want %t", tt.name, done, asked, err, tt.want)
		}
	}
}

// TestTheTurnLasts: while a replica waits for the gateway, what it works on is due for nobody else.
func TestTheTurnLasts(t *testing.T) {
	s := newSweeping(t)
	p, r := s.due()
	for _, tt := range []struct {
		name string
		turn func() (bool, error)
		due  func() (int, error)
	}{
		{"payment", func() (bool, error) { return s.checkDue(t.Context(), p) }, func() (int, error) {
			due, err := s.store.DuePayments(t.Context(), 10)
			return len(due), err
		}},
		{"refund", func() (bool, error) { return s.refundDue(t.Context(), r) }, func() (int, error) {
			due, err := s.store.DueRefunds(t.Context(), 10)
			return len(due), err
		}},
	} {
		asked := false
		s.gateways[models.ScanForPay].during = func() {
			asked = true
			for after, want := range map[time.Duration]int{0: 0, checkLease - time.Millisecond: 0, checkLease: 1} {
				s.clock = s.clock.Add(after)
				if got, err := tt.due(); got != want || err != nil {
					t.Errorf("%s, %v after its turn began: got %d due, err %v; want %d", tt.name, after, got, err, want)
				}
				s.clock = s.clock.Add(-after)
			}
		}
		if _, err := tt.turn(); err == nil || !asked {
			t.Errorf("%s: got err %v, asked %t; want the gateway asked, which does not answer", tt.name, err, asked)
		}
	}
}

// TestSweptIsCounted: a pass says what it did.
func TestSweptIsCounted(t *testing.T) {
	s := newSweeping(t)
	s.due()
	expiring := s.pending(models.Pass2Pay)
	s.gateways[models.Pass2Pay].err = &CallError{Outcome: NotFound, Err: errors.New("no such payment")}
	got, err := s.Sweep(t.Context())
	if diff := cmp.Diff(Swept{Asked: 1, Failed: 1, Refunds: 1}, got); diff != "" || err != nil {
		t.Errorf("one payment without an answer and a refund: err %v (-want +got):\n%s", err, diff)
	}
	s.clock = expiring.ExpiresAt
	if got, err = s.Sweep(t.Context()); err != nil || got.Expired != 2 {
		t.Errorf("two orders run out: got %+v, err %v", got, err)
	}
}

// TestSweptTellsWhatCameOfIt: a pass says what it found, whether an order was at its end or not.
func TestSweptTellsWhatCameOfIt(t *testing.T) {
	for refund, want := range map[models.RefundStatus]Swept{
		models.RefundPending:   {Asked: 1, Paid: 1, Refunds: 1},
		models.RefundSucceeded: {Asked: 1, Paid: 1, Refunds: 1, Refunded: 1},
		models.RefundFailed:    {Asked: 1, Paid: 1, Refunds: 1, Refused: 1, Open: 1},
	} {
		s := newSweeping(t)
		s.due()
		gateway := s.gateways[models.ScanForPay]
		gateway.err, gateway.refunds = nil, refund
		got, err := s.Sweep(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("a payment that was paid and a refund that is %s: err %v (-want +got):\n%s", refund, err, diff)
		}
		s.clock = s.pending(models.Pass2Pay).ExpiresAt
		if got, err = s.Sweep(t.Context()); err != nil || got.Paid != 1 || got.Expired != 0 {
			t.Errorf("an order at its end that was paid: got %+v, %v, want one found paid and none expired", got, err)
		}
	}
}

// TestOnlyWhatIsOpenIsAskedAbout: nobody is asked again about a payment that is confirmed.
func TestOnlyWhatIsOpenIsAskedAbout(t *testing.T) {
	s := newSweeping(t)
	p := s.pending(models.ScanForPay)
	order, err := s.store.OrderByID(t.Context(), p.OrderID)
	if err != nil {
		t.Fatal(err)
	}
	gateway := s.gateways[models.ScanForPay]
	for i, want := range []int{1, 1} { // the first answer confirms it
		if err := s.Check(t.Context(), order.Token); err != nil || gateway.calls != want {
			t.Errorf("check %d: got %v after %d calls, want %d", i+1, err, gateway.calls, want)
		}
	}

	weak := s.pending(models.ScanForPay)
	s.weakly(weak)
	if order, err = s.store.OrderByID(t.Context(), weak.OrderID); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context(), order.Token); err != nil || s.read(weak).ConfirmedAt == nil {
		t.Errorf("a payment that a weak message told of: got %v, confirmed at %v, want it asked about and confirmed", err, s.read(weak).ConfirmedAt)
	}
}

// TestSweepTellsOfTheDatabase: a pass that cannot read what is due is no pass that found nothing.
func TestSweepTellsOfTheDatabase(t *testing.T) {
	s := newSweeping(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i, pass := range s.passes() {
		if _, err := pass(gone); err == nil {
			t.Errorf("pass %d: got no error", i)
		}
	}
}

// TestNotThere: an attempt whose create went unanswered has failed when the gateway does not know it
// after a while, and not before.
func TestNotThere(t *testing.T) {
	for after, want := range map[time.Duration]models.PaymentStatus{
		createGrace - time.Millisecond: models.PaymentCreated,
		createGrace:                    models.PaymentFailed,
	} {
		s := newSweeping(t)
		s.log = slog.New(slog.DiscardHandler)
		p := s.pending(models.ScanForPay)
		s.addWatched(p, 1) // created, without an answer
		order, err := s.store.OrderByID(t.Context(), p.OrderID)
		if err != nil {
			t.Fatal(err)
		}
		created := liveOf(order)
		s.gateways[models.ScanForPay].err = &CallError{Outcome: NotFound, Err: errors.New("no such payment")}
		s.clock = created.CreatedAt.Add(after)
		if err := s.Check(t.Context(), order.Token); err != nil {
			t.Error(err)
		}
		if got := s.read(created); got.Status != want {
			t.Errorf("%v after its create the gateway does not know it: got %s, want %s", after, got.Status, want)
		}
	}
}

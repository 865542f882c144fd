package payments

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// weakly has the gateway say, as a notification with a weak signature does, that the attempt is paid.
func (s *sweeping) weakly(p *models.Payment) {
	s.t.Helper()
	said := Report{
		Gateway: p.Gateway, Merchant: "merchant", Number: p.Number, State: StateSucceeded, Money: p.Money(),
		Exchange: Exchange{Response: []byte("weak success of " + p.Number)},
	}
	if err := s.Apply(s.t.Context(), said, OpNotification); err != nil {
		s.t.Fatal(err)
	}
}

func (s *sweeping) order(id string) *models.Order {
	s.t.Helper()
	o, err := s.store.OrderByID(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// closeOrder ends a pending order, as its window or staff do.
func (s *sweeping) closeOrder(o *models.Order, to models.OrderStatus) error {
	return s.store.Tx(s.t.Context(), func(tx *models.Tx) error {
		order, err := tx.LockOrder(o.ID)
		if err == nil {
			_, err = tx.CloseOrder(order, to)
		}
		return err
	})
}

// TestSuccessBeforeARefusal: a success that overtakes the refusal of its own create stays paid, and is
// asked about until it is confirmed.
func TestSuccessBeforeARefusal(t *testing.T) {
	for _, outcome := range []Outcome{Refused, NotSent, Unknown, BadRedirect} {
		t.Run(string(outcome), func(t *testing.T) {
			s := newSweeping(t)
			s.routes = Routes{{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}}
			o := modelstest.Order(t, s.store, "cup")
			gateway := s.gateways[models.ScanForPay]
			gateway.err = &CallError{Outcome: outcome, Code: "2"}
			gateway.during = func() { s.weakly(liveOf(s.order(o.ID))) }
			if _, err := s.Start(t.Context(), o.Token, models.WeChat, Device{}); !errors.Is(err, ErrGatewayDown) {
				t.Errorf("start: got %v, want ErrGatewayDown", err)
			}
			gateway.err, gateway.during = nil, nil
			s.pass(10*time.Second, 2*time.Second)
			o = s.order(o.ID)
			if p := o.Payments[0]; o.Status != models.OrderPaid || len(o.Payments) != 1 || p.Status != models.PaymentSucceeded || p.ConfirmedAt == nil {
				t.Errorf("got order %s and payment %s, confirmed at %v; want it paid and confirmed", o.Status, p.Status, p.ConfirmedAt)
			}
		})
	}
}

// TestSuccessBeforeTheAnswer: a success that overtakes the answer to its own create leads nobody to pay again.
func TestSuccessBeforeTheAnswer(t *testing.T) {
	s := newSweeping(t)
	s.routes = Routes{{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}}
	o := modelstest.Order(t, s.store, "cup")
	s.gateways[models.ScanForPay].during = func() { s.weakly(liveOf(s.order(o.ID))) }
	next, err := s.Start(t.Context(), o.Token, models.WeChat, Device{})
	if o = s.order(o.ID); err != nil || next.Kind != models.ActionNone || o.Status != models.OrderPaid {
		t.Errorf("start: got %+v, %v with the order %s; want nowhere to go and the order paid", next, err, o.Status)
	}
}

// TestEndedDuringTheCreate: whatever ended the attempt or the order while the gateway was asked for it, nobody
// is sent to a page that they must not pay at.
func TestEndedDuringTheCreate(t *testing.T) {
	for name, end := range map[string]func(s *starting, o *models.Order) error{
		"paid by an earlier attempt": func(s *starting, o *models.Order) error {
			s.weakly(&o.Payments[1])
			return nil
		},
		"closed, says the gateway": func(s *starting, o *models.Order) error {
			r, _ := s.first.stands(StateClosed)(o.Payments[0].Number)
			return s.Apply(s.t.Context(), r, OpNotification)
		},
		"failed, says the gateway": func(s *starting, o *models.Order) error {
			r, _ := s.first.stands(StateFailed)(o.Payments[0].Number)
			return s.Apply(s.t.Context(), r, OpNotification)
		},
		"canceled by staff": func(s *starting, o *models.Order) error {
			return s.closeOrder(o, models.OrderCanceled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStarting(t)
			o := s.begun()
			s.clock = s.clock.Add(createGrace + time.Second)
			s.first.create = func(r CreateRequest) (Created, error) {
				if err := end(s, s.order(o.ID)); err != nil {
					t.Error(err)
				}
				return takes(r)
			}
			next, err := s.Start(t.Context(), o.Token, models.Alipay, Device{Address: "192.0.2.7"})
			if err != nil || next.Kind != models.ActionNone || len(s.first.created) != 2 {
				t.Errorf("got %+v, %v after %d creates; want nowhere to go after two", next, err, len(s.first.created))
			}
		})
	}
}

// TestGivenUpAndRefunded: an attempt of which the gateway says that it was paid and refunded, which the shop
// knows nothing of, has to be looked at before anybody pays again.
func TestGivenUpAndRefunded(t *testing.T) {
	s := newStarting(t)
	o := s.begun()
	s.first.query = s.first.stands(StateRefunded)
	next, err := s.Start(t.Context(), o.Token, models.Alipay, Device{Address: "192.0.2.7"})
	if !errors.Is(err, models.ErrOrderClosed) || len(s.first.created) != 1 {
		t.Errorf("got %+v, %v after %d creates; want ErrOrderClosed after the first", next, err, len(s.first.created))
	}
	if told := s.incidents(&o.Payments[0]); len(told) != 1 || told[0].Cause != models.CauseReturned {
		t.Errorf("got incidents %+v, want a conflict", told)
	}
}

func (s *sweeping) refunds(o *models.Order) []models.Refund {
	s.t.Helper()
	refunds, err := s.store.Refunds(s.t.Context(), o.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return refunds
}

// TestSurplusWaitsForProof: money that came beside a success which no query has confirmed is not given back
// before that is proven. It may be the only money that there is.
func TestSurplusWaitsForProof(t *testing.T) {
	for _, agrees := range []bool{false, true} {
		t.Run(fmt.Sprintf("agrees=%t", agrees), func(t *testing.T) {
			options := modelstest.Options(t)
			options.Settings.DuplicatePayment = models.RefundAlways
			s := newStartingOn(t, options)
			o := s.begun()
			s.clock = s.clock.Add(createGrace + time.Second)
			if _, err := s.Start(t.Context(), o.Token, models.Alipay, Device{}); err != nil {
				t.Fatal(err)
			}
			o = s.order(o.ID)
			first, second := &o.Payments[1], &o.Payments[0]
			s.weakly(first)
			proof, _ := s.first.stands(StateSucceeded)(second.Number)
			if err := s.Apply(t.Context(), proof, OpNotification); err != nil {
				t.Fatal(err)
			}
			if got := s.refunds(o); len(got) != 0 || len(s.incidents(second)) != 1 {
				t.Errorf("before the proof: got refunds %+v and incidents %+v; want none, and one", got, s.incidents(second))
			}
			if !agrees {
				s.first.query = func(number string) (Report, error) {
					if number == first.Number {
						return knowsNothing(number)
					}
					return s.first.stands(StateSucceeded)(number)
				}
				s.pass(2*time.Minute, time.Second)
				if got := s.refunds(o); len(got) != 0 {
					t.Errorf("the gateway denies the first: got refunds %+v, want none", got)
				}
				return
			}
			proof, _ = s.first.stands(StateSucceeded)(first.Number)
			if err := s.Apply(t.Context(), proof, OpQuery); err != nil {
				t.Fatal(err)
			}
			if got := s.refunds(o); len(got) != 1 || got[0].PaymentID != second.ID || got[0].Amount != o.Amount {
				t.Errorf("proven: got refunds %+v, want all of the second payment", got)
			}
		})
	}
}

// TestRefundByPolicyWaitsForProof: money that a weak message tells of is given back when a query has agreed.
// Before, the gateway may refuse to, and it may not be there.
func TestRefundByPolicyWaitsForProof(t *testing.T) {
	for name, spoil := range map[string]func(s *starting, o *models.Order) error{
		"too much": func(s *starting, o *models.Order) error {
			proof, _ := s.first.stands(StateSucceeded)(o.Payments[1].Number)
			return s.Apply(s.t.Context(), proof, OpNotification)
		},
		"too late, and the stock is gone": func(s *starting, o *models.Order) error {
			return s.closeOrder(o, models.OrderExpired)
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := modelstest.Options(t)
			options.Settings.DuplicatePayment, options.Settings.LatePayment = models.RefundAlways, models.FulfilOrRefund
			s := newStartingOn(t, options)
			o := s.begun()
			s.clock = s.clock.Add(createGrace + time.Second)
			if _, err := s.Start(t.Context(), o.Token, models.Alipay, Device{}); err != nil {
				t.Fatal(err)
			}
			o = s.order(o.ID)
			p := &o.Payments[0]
			if err := spoil(s, o); err != nil {
				t.Fatal(err)
			}
			modelstest.Product(t, s.store, "cup", 2500, 0)
			s.weakly(p)
			if got := s.refunds(o); len(got) != 0 || len(s.incidents(p)) != 1 {
				t.Errorf("before the proof: got refunds %+v and incidents %+v; want none, and one", got, s.incidents(p))
			}
			proof, _ := s.first.stands(StateSucceeded)(p.Number)
			for range 2 {
				if err := s.Apply(t.Context(), proof, OpQuery); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.refunds(o); len(got) != 1 || got[0].PaymentID != p.ID || got[0].Amount != o.Amount {
				t.Errorf("proven: got refunds %+v, want one of all of it", got)
			}
		})
	}
}

// TestDeniedSuccess: a success that the gateway knows nothing of, long after it said so, is a conflict
// that staff see once.
func TestDeniedSuccess(t *testing.T) {
	s := newSweeping(t)
	p := s.pending(models.ScanForPay)
	s.weakly(p)
	s.gateways[models.ScanForPay].err = &CallError{Outcome: NotFound, Err: errors.New("no such payment")}
	s.pass(conflictAfter, time.Second)
	if got := s.incidents(p); len(got) != 0 {
		t.Errorf("while a query may lag behind: got %+v, want no incident", got)
	}
	s.pass(time.Minute-conflictAfter, time.Second)
	if got := s.incidents(p); len(got) != 1 {
		t.Errorf("a minute later: got %+v, want that staff are told", got)
	}
	s.pass(3*time.Hour, 10*time.Minute)
	got := s.incidents(p)
	if len(got) != 1 || got[0].Kind != models.IncidentConflict || got[0].Cause != models.CauseDenied || got[0].Status != models.IncidentOpen || got[0].Amount != p.Amount {
		t.Errorf("hours later: got %+v, want one open conflict about the whole amount", got)
	}
	if o := s.order(p.OrderID); o.Status != models.OrderPaid || s.read(p).ConfirmedAt != nil {
		t.Errorf("got order %s, confirmed at %v; want it paid as before, and not confirmed", o.Status, s.read(p).ConfirmedAt)
	}
}

// TestDenialThatIsOlderThanTheSuccess: an answer that was on its way when the success came is no conflict. The
// gateway is asked again, and staff are told within a minute if it denies the success then.
func TestDenialThatIsOlderThanTheSuccess(t *testing.T) {
	denials := map[State]func(s *starting) func(string) (Report, error){
		StateAbsent: func(*starting) func(string) (Report, error) { return knowsNothing },
	}
	for _, state := range []State{StatePending, StateClosed, StateFailed} {
		denials[state] = func(s *starting) func(string) (Report, error) { return s.first.stands(state) }
	}
	for state, denial := range denials {
		for _, strong := range []bool{false, true} {
			for _, agrees := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/strong=%t/agrees=%t", state, strong, agrees), func(t *testing.T) {
					s := newStarting(t)
					p := &s.begun().Payments[0]
					deny := denial(s)
					s.first.query = func(number string) (Report, error) {
						success, _ := s.first.stands(StateSucceeded)(number)
						success.Conclusive = strong
						if err := s.Apply(t.Context(), success, OpNotification); err != nil {
							t.Error(err)
						}
						return deny(number)
					}
					if err := ignoreNotFound(s.ask(t.Context(), p)); err != nil {
						t.Fatal(err)
					}
					if got := s.incidents(p); s.order(p.OrderID).Status != models.OrderPaid || len(got) != 0 {
						t.Errorf("got order %s, incidents %+v; want it paid, and none", s.order(p.OrderID).Status, got)
					}
					s.first.query = deny
					if agrees {
						s.first.query = s.first.stands(StateSucceeded)
					}
					s.pass(time.Minute, time.Second)
					got := s.incidents(p)
					if agrees && (len(got) != 0 || s.read(p).ConfirmedAt == nil) {
						t.Errorf("a minute after, and the gateway agrees: got incidents %+v, confirmed at %v; want none, and confirmed", got, s.read(p).ConfirmedAt)
					}
					if !agrees && (len(got) != 1 || got[0].Cause != models.CauseDenied || got[0].Status != models.IncidentOpen) {
						t.Errorf("a minute after, and the gateway denies it: got incidents %+v, want one open conflict", got)
					}
				})
			}
		}
	}
}

// TestDeniedByANotification: a notification that denies a success long after it is no conflict by itself, since
// messages overtake each other. The gateway is asked, and staff are told within a minute if it says the same.
func TestDeniedByANotification(t *testing.T) {
	for _, agrees := range []bool{false, true} {
		s := newStarting(t)
		p := &s.begun().Payments[0]
		say := func(state State) {
			t.Helper()
			r, _ := s.first.stands(state)(p.Number)
			if err := s.Apply(t.Context(), r, OpNotification); err != nil {
				t.Fatal(err)
			}
		}
		say(StateSucceeded)
		s.clock = s.clock.Add(time.Hour)
		say(StateFailed)
		s.first.query = s.first.stands(StateFailed)
		if agrees {
			s.first.query = s.first.stands(StateSucceeded)
		}
		s.pass(time.Minute, time.Second)
		s.wantAsked("a minute later", "query")
		if got := s.incidents(p); (len(got) == 0) != agrees {
			t.Errorf("the gateway agrees that it is paid: %t; got incidents %+v", agrees, got)
		}
	}
}

// TestCloseIsKeptAsItEnded: a close without an answer is none in the chain, and one that never left us is not
// there at all.
func TestCloseIsKeptAsItEnded(t *testing.T) {
	for want, end := range map[string]error{verdictIgnored: nil, verdictUnknown: errNoAnswer, "": &CallError{Outcome: NotSent, Err: errors.New("refused")}} {
		s := newStarting(t)
		p := &s.begun().Payments[0]
		s.first.query = s.first.stands(StatePending)
		s.first.close = func(string) (Exchange, error) { return Exchange{Request: []byte("close"), Response: []byte("?")}, end }
		if err := s.closeThere(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		kept, err := s.store.Evidence(t.Context(), p.OrderID)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range kept {
			if e.Operation == string(OpClose) {
				got += e.Verdict
			}
		}
		if got != want {
			t.Errorf("a close that ended with %v: got the verdicts %q, want %q", end, got, want)
		}
	}
}

// TestTimeIsUp: when giving an attempt up takes all the time that the buyer's request has, what the gateway
// said is kept, and the buyer is told that it is being asked.
func TestTimeIsUp(t *testing.T) {
	for name, tt := range map[string]struct {
		kept int
		last func(s *starting, stop func())
	}{
		"asked": {1, func(s *starting, stop func()) {
			s.first.query = func(number string) (Report, error) {
				defer stop()
				return s.first.stands(StatePending)(number)
			}
		}},
		"closed": {2, func(s *starting, stop func()) {
			s.first.query = s.first.stands(StatePending)
			s.first.close = func(string) (Exchange, error) {
				stop()
				s.first.query = func(string) (Report, error) { return Report{}, errNoAnswer }
				return Exchange{Request: []byte("close"), Response: []byte("done")}, nil
			}
		}},
		"closed, and asked again": {3, func(s *starting, stop func()) {
			s.first.query = s.first.stands(StatePending)
			s.first.close = func(string) (Exchange, error) {
				s.first.query = func(number string) (Report, error) {
					defer stop()
					return s.first.stands(StateClosed)(number)
				}
				return Exchange{Request: []byte("close"), Response: []byte("done")}, nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStarting(t)
			o := s.begun()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			tt.last(s, stop)
			next, err := s.Start(ctx, o.Token, models.Alipay, Device{Address: "192.0.2.7"})
			if !errors.Is(err, ErrStillAsking) {
				t.Errorf("got %+v, %v; want ErrStillAsking", next, err)
			}
			kept, err := s.store.Evidence(t.Context(), o.ID)
			if err != nil || len(kept) != 1+tt.kept { // the first is the answer to the create
				t.Errorf("got %d messages kept, %v, after %v; want %d", len(kept), err, s.first.asked, 1+tt.kept)
			}
		})
	}
}

// TestGivenUpByStaff: an attempt that the gateway is too slow to close is given up with the order, and
// watched on; one that the buyer began while the gateway was asked keeps the order as it is.
func TestGivenUpByStaff(t *testing.T) {
	by := models.Actor{Name: "mia"}
	for name, tt := range map[string]struct {
		act  func(s *sweeping, o *models.Order) error
		want models.OrderStatus
	}{
		"canceled": {func(s *sweeping, o *models.Order) error {
			return s.Cancel(context.Background(), o.Number, "no longer wanted", by)
		}, models.OrderCanceled},
		"marked as paid": {func(s *sweeping, o *models.Order) error {
			return s.MarkPaid(context.Background(), o.Number, HandPayment{Reference: "B1", By: by})
		}, models.OrderPaid},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSweeping(t)
			gateway := s.gateways[models.ScanForPay]
			gateway.err = &CallError{Outcome: NotFound, Err: errors.New("no such payment")}
			p := s.pending(models.ScanForPay)
			s.clock = s.clock.Add(createGrace + time.Second)
			if err := tt.act(s, s.order(p.OrderID)); err != nil {
				t.Errorf("with an attempt that the gateway does not know: %v", err)
			}
			if got := s.read(p); s.order(p.OrderID).Status != tt.want || got.Status != models.PaymentClosed || got.Failure == "" || got.CheckAt == nil {
				t.Errorf("got order %s, attempt %+v; want it %s, the attempt closed with a reason and watched on", s.order(p.OrderID).Status, got, tt.want)
			}

			p = s.pending(models.ScanForPay)
			s.clock = s.clock.Add(createGrace + time.Second)
			gateway.during = func() {
				gateway.during = nil
				s.addWatched(p, 1)
			}
			if err := tt.act(s, s.order(p.OrderID)); !errors.Is(err, models.ErrOrderMoved) {
				t.Errorf("while the buyer begins anew: got %v, want ErrOrderMoved", err)
			}
			if o := s.order(p.OrderID); o.Status != models.OrderPending || liveOf(o) == nil {
				t.Errorf("while the buyer begins anew: got order %s, live attempt %v; want it pending with the new attempt", o.Status, liveOf(o))
			}
		})
	}
}

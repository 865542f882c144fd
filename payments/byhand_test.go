package payments

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// said is a gateway that says of every payment, and of every refund, what the test tells it.
type said struct {
	*quiet
	state   State
	refund  models.RefundStatus
	during  func() // what happens while it refunds
	refunds int    // how many it was asked for
}

func (g *said) Query(ctx context.Context, number string) (Report, error) {
	r, err := g.quiet.Query(ctx, number)
	if err == nil {
		r.State, r.Exchange.Response = g.state, []byte(string(g.state)+" "+number)
	}
	return r, err
}

func (g *said) ReadQuery(number string, e Exchange) (Report, error) {
	r, err := g.quiet.Query(context.Background(), number)
	state, _, _ := strings.Cut(string(e.Response), " ")
	r.State, r.Exchange = State(state), e
	return r, err
}

func (g *said) ParseNotification(_ string, body []byte) (Report, error) {
	_, number, _ := strings.Cut(string(body), " ")
	r, err := g.quiet.Query(context.Background(), number)
	r.Conclusive, r.Exchange = false, Exchange{Response: body}
	return r, err
}

func (g *said) Refund(context.Context, RefundRequest) (RefundReport, error) {
	g.refunds++
	if g.during != nil {
		g.during()
	}
	return RefundReport{State: g.refund, Exchange: Exchange{Response: []byte("refund " + g.refund)}}, nil
}

func (g *said) QueryRefund(context.Context, RefundRequest) (RefundReport, error) {
	return RefundReport{}, errNoRefunds
}

func (s *sweeping) saying(state State) *said {
	g := &said{quiet: s.gateways[models.ScanForPay], state: state}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(g), Validity: 12 * time.Hour}
	return g
}

func (s *sweeping) again(r *models.Refund) *models.Refund {
	s.t.Helper()
	now, err := s.store.RefundByNumber(s.t.Context(), r.Number)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

func (s *sweeping) end(r *models.Refund, through bool) error {
	return s.EndRefund(s.t.Context(), RefundEnd{Refund: r.Number, Through: through, Note: "seen there", By: noor})
}

// wantActs checks what persons did to the payment's order, by its chain, which has to be whole.
func (s *sweeping) wantActs(p *models.Payment, want ...string) {
	s.t.Helper()
	kept, err := s.store.Evidence(s.t.Context(), p.OrderID)
	if err == nil {
		err = models.VerifyChain(*s.order(p.OrderID), kept)
	}
	var acts []string
	for _, e := range kept {
		if e.Direction == models.ByStaff {
			acts = append(acts, e.Operation)
		}
	}
	if diff := cmp.Diff(want, acts); diff != "" || err != nil {
		s.t.Errorf("acts, %v (-want +got):\n%s", err, diff)
	}
}

// TestEndRefund: a person ends a refund about which the gateway does not tell, once, and for ever to be
// told from a gateway's word. A gateway that says otherwise later is heard and changes nothing.
func TestEndRefund(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		for _, through := range []bool{true, false} {
			s.gateways[models.ScanForPay].err = nil
			p := s.paid()
			r := s.refund(p, 1000)
			if err := s.end(r, through); !errors.Is(err, models.ErrRefundUnderWay) {
				t.Errorf("a moment after it began: got %v, want ErrRefundUnderWay", err)
			}
			s.clock = s.clock.Add(models.RefundHangsAfter)
			if err := s.end(r, through); err != nil {
				t.Fatal(err)
			}
			want, other := models.RefundSucceeded, models.RefundFailed
			if !through {
				want, other = other, want
			}
			if now := s.again(r); now.Status != want || now.DecidedBy != noor.Name || now.CheckAt != nil {
				t.Errorf("got %+v, want it %s by %s, and asked about no more", now, want, noor.Name)
			}
			if err := s.end(r, !through); !errors.Is(err, models.ErrOrderMoved) {
				t.Errorf("the other way: got %v, want ErrOrderMoved", err)
			}
			open := len(s.open(p))
			s.told(r, want, "as the person said")
			s.told(r, models.RefundPending, "working on it")
			if got := s.open(p); len(got) != open {
				t.Errorf("the gateway agrees: got open incidents %q, want no other", got)
			}
			s.told(r, other, "not so")
			s.told(r, other, "not so")
			found := s.incidents(p)
			if last := found[len(found)-1]; last.Cause != models.CauseDecided || last.Status != models.IncidentOpen || last.Count != 2 {
				t.Errorf("the gateway says otherwise, twice: got %+v, want an open conflict", last)
			}
			if now := s.again(r); now.Status != want || now.DecidedBy != noor.Name {
				t.Errorf("the gateway says otherwise: got %+v, want it %s still", now, want)
			}
			s.wantActs(p, models.ActRefund, models.ActEndRefund)
		}
	})
}

// TestEndRefundThatNobodyGotThrough: the money is free again, and the refund waits to be made good.
func TestEndRefundThatNobodyGotThrough(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	gateway := s.saying(StateSucceeded)
	gateway.refund = models.RefundPending
	r, err := s.GiveBack(t.Context(), p.Number, p.Amount)
	if err != nil {
		t.Fatal(err)
	}
	gateway.refund = models.RefundFailed // and the first call may have gone through
	s.pass(time.Minute, time.Second)
	if len(s.open(p)) != 1 || s.again(r).Status != models.RefundPending {
		t.Fatalf("in doubt: got %q open about %+v", s.open(p), s.again(r))
	}
	if err := s.end(r, false); err != nil {
		t.Fatalf("in doubt, a minute after it began: %v", err)
	}
	s.wantFailed("on a person's word", r.Number)
	if len(s.open(p)) != 1 {
		t.Errorf("got %q open, want one incident", s.open(p))
	}
	gateway.refund = models.RefundSucceeded
	if _, err := s.GiveBack(t.Context(), p.Number, p.Amount); err != nil {
		t.Errorf("another refund of it: %v", err)
	}
	s.wantFailed("made good")
	s.wantOpen(p, "made good")
}

// TestEndRefundDuringTheCall: a person decides while the gateway is being called, and it says otherwise.
func TestEndRefundDuringTheCall(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		r := s.refund(p, 1000)
		s.gateways[models.ScanForPay].err = nil
		gateway := s.saying(StateSucceeded)
		s.clock = s.clock.Add(models.RefundHangsAfter)
		gateway.refund = models.RefundSucceeded
		gateway.during = func() {
			if err := s.end(r, false); err != nil {
				t.Error(err)
			}
		}
		if _, err := s.refundDue(t.Context(), s.again(r)); err != nil {
			t.Fatal(err)
		}
		if now := s.again(r); gateway.refunds != 1 || now.Status != models.RefundFailed || now.CheckAt != nil {
			t.Errorf("called %d times, got %+v; want what the person decided", gateway.refunds, now)
		}
		if found := s.incidents(p); !slices.ContainsFunc(found, func(i models.Incident) bool {
			return i.Cause == models.CauseDecided && i.Status == models.IncidentOpen
		}) {
			t.Errorf("got %+v, want an open conflict", found)
		}
	})
}

// TestWriteDownWhatWentBack: money that was given back on the gateway's own pages is written down, up to
// what was paid, and the gateway hears nothing of it. Until then the order is not sent.
func TestWriteDownWhatWentBack(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		gateway := s.saying(StateRefunded)
		if answers, err := s.AskAgain(t.Context(), s.order(p.OrderID), noor); err != nil || len(answers) != 1 || answers[0].State != StateRefunded {
			t.Fatalf("asked: got %+v, %v", answers, err)
		}
		if err := s.store.Fulfil(t.Context(), s.order(p.OrderID).Number, models.Dispatch{}, noor); !errors.Is(err, models.ErrInConflict) {
			t.Errorf("sent in conflict: got %v, want ErrInConflict", err)
		}
		down := StaffRefund{Payment: p.Number, Amount: p.Amount + 1, Reason: "seen there", Elsewhere: true, By: noor}
		if _, err := s.Refund(t.Context(), down); !errors.Is(err, models.ErrRefundTooMuch) {
			t.Errorf("more than was paid: got %v, want ErrRefundTooMuch", err)
		}
		down.Amount = 500
		if r, err := s.Refund(t.Context(), down); err != nil || r.Status != models.RefundSucceeded || r.DecidedBy != noor.Name {
			t.Errorf("got %+v, %v; want it done, on a person's word", r, err)
		}
		if len(s.open(p)) != 1 {
			t.Errorf("some is written down: got %q open, want the conflict", s.open(p))
		}
		down.Amount, down.Refunded = p.Amount-500, 500
		if _, err := s.Refund(t.Context(), down); err != nil {
			t.Fatal(err)
		}
		s.wantOpen(p, "all is written down")
		if _, err := s.AskAgain(t.Context(), s.order(p.OrderID), noor); err != nil {
			t.Error(err)
		}
		s.wantOpen(p, "asked again")
		if gateway.refunds > 0 {
			t.Errorf("the gateway was asked to refund %d times", gateway.refunds)
		}
		s.wantActs(p, models.ActAsk, models.ActRecord, models.ActRecord, models.ActAsk)
	})
}

// weaklyPaid is an order that a message that is no proof has paid.
func (s *sweeping) weaklyPaid() *models.Payment {
	s.t.Helper()
	p := s.pending(models.ScanForPay)
	if err := s.Notify(s.t.Context(), models.ScanForPay, "", []byte("forged "+p.Number)); err != nil {
		s.t.Fatal(err)
	}
	return s.read(p)
}

// TestWriteOff: a person ends an order that a forged message paid. Every sum is true again, and money
// that comes after all is not missed.
func TestWriteOff(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		gateway := s.saying(StatePending)
		p := s.weaklyPaid()
		s.pass(31*time.Minute, time.Minute)
		s.wantOpen(p, "denied", "recorded as paid, and the gateway now says pending")
		if err := s.WriteOff(t.Context(), p.Number, "not there", nil, noor); err != nil {
			t.Fatal(err)
		}
		s.wantOpen(p, "written off")
		if err := s.WriteOff(t.Context(), p.Number, "not there", nil, noor); !errors.Is(err, models.ErrOrderMoved) {
			t.Errorf("again: got %v, want ErrOrderMoved", err)
		}
		s.wantWrittenOff(p)
		s.wantActs(p, models.ActWriteOff)

		s.pass(13*time.Hour, 20*time.Minute)
		s.wantOpen(p, "the gateway goes on saying that it is not paid")
		if now := s.read(p); now.CheckAt != nil || now.ConfirmedAt != nil {
			t.Errorf("after the gateway's validity: got %+v, want it not watched", now)
		}
		gateway.state = StateSucceeded
		if _, err := s.AskAgain(t.Context(), s.order(p.OrderID), noor); err != nil {
			t.Fatal(err)
		}
		s.wantOpen(p, "the money comes", "written off as never paid, and the gateway now says succeeded")
		replayed, err := s.Replay(t.Context(), s.order(p.OrderID).Number)
		for _, r := range replayed {
			if r.Differs && !r.Unverifiable {
				t.Errorf("replayed: %s was %q, is %q", r.Kept.Operation, r.Kept.Rule, r.Rule)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// wantWrittenOff checks everything that counts the payment.
func (s *sweeping) wantWrittenOff(p *models.Payment) {
	s.t.Helper()
	ctx := s.t.Context()
	if now := s.read(p); now.Status != models.PaymentSucceeded || now.WrittenOffAt == nil || now.CheckAt == nil {
		s.t.Errorf("got %+v, want it written off, as it was, and watched", now)
	}
	if o := s.order(p.OrderID); o.Status != models.OrderPaid {
		s.t.Errorf("got the order %s, want it paid", o.Status)
	}
	vs, err := s.store.VariantsBySKU(ctx, []string{"cup"})
	if err != nil || vs["cup"].OnHand != 1000 || vs["cup"].Reserved != 0 {
		s.t.Errorf("got %+v, %v; want all 1000 on the shelf", vs["cup"], err)
	}
	moves, err := s.store.StockMoves(ctx, []string{vs["cup"].ID}, 10)
	if err != nil || len(moves) == 0 || moves[0].Kind != models.StockReturned || moves[0].Delta != 1 || moves[0].Shelf != 1000 || moves[0].Actor != noor.Name {
		s.t.Errorf("got moves %+v, %v; want the piece's way back", moves, err)
	}
	a, err := s.store.Attention(ctx)
	if err != nil || len(a.Confirming)+len(a.Refunds)+len(a.Failed) != 0 {
		s.t.Errorf("got %+v, %v; want nothing to wait", a, err)
	}
	day := models.Span{From: s.clock.Add(-24 * time.Hour), To: s.clock.Add(time.Hour)}
	figures, err := s.store.Figures(ctx, []models.Span{day})
	if err != nil || figures[0].In("CNY").Turnover().Net() != 0 {
		s.t.Errorf("got %+v, %v; want nothing taken in the end", figures, err)
	}
	moved, err := s.store.Movements(ctx, models.ScanForPay, day.From, day.To)
	if err != nil || len(moved) != 0 {
		s.t.Errorf("got %+v, %v; want that nothing moved at the gateway", moved, err)
	}
	if err := s.store.Fulfil(ctx, s.order(p.OrderID).Number, models.Dispatch{}, noor); !errors.Is(err, models.ErrNotConfirmed) {
		s.t.Errorf("sent: got %v, want ErrNotConfirmed", err)
	}
}

// TestWordsWhoseKeepingNobodyKnew: what a person says of money is kept once, though its commit got no answer.
func TestWordsWhoseKeepingNobodyKnew(t *testing.T) {
	o := modelstest.MySQLOptions(t)
	proxy := modelstest.NewProxy(t, &o)
	s := newSweepingOn(t, o)
	s.saying(StateSucceeded).refund = models.RefundPending
	ended, off := s.paid(), s.weaklyPaid()
	r, err := s.GiveBack(t.Context(), ended.Number, 1000)
	if err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(models.RefundHangsAfter)
	delete(s.accounts, models.ScanForPay) // nobody is asked before
	for name, say := range map[string]func() error{
		"end a refund": func() error { return s.end(r, true) },
		"write off":    func() error { return s.WriteOff(t.Context(), off.Number, "not there", nil, noor) },
	} {
		proxy.CutNext(modelstest.AfterCommit)
		if err := say(); err != nil || !proxy.HasCut() {
			t.Errorf("%s: got %v, cut %t", name, err, proxy.HasCut())
		}
	}
	s.wantActs(ended, models.ActRefund, models.ActEndRefund)
	s.wantActs(off, models.ActWriteOff)
}

// TestWriteOffOfTrueMoney: the gateway is asked before anything is written off.
func TestWriteOffOfTrueMoney(t *testing.T) {
	s := newSweeping(t)
	gateway := s.saying(StateSucceeded)
	p := s.weaklyPaid()
	gateway.err = errNoAnswer
	if err := s.WriteOff(t.Context(), p.Number, "not there", nil, noor); !errors.Is(err, ErrStillAsking) {
		t.Errorf("no answer: got %v, want ErrStillAsking", err)
	}
	gateway.err = nil
	if err := s.WriteOff(t.Context(), p.Number, "not there", nil, noor); !errors.Is(err, models.ErrOrderMoved) {
		t.Errorf("it is paid: got %v, want ErrOrderMoved", err)
	}
	if now := s.read(p); now.ConfirmedAt == nil || now.WrittenOffAt != nil {
		t.Errorf("got %+v, want it confirmed", now)
	}
}

func (s *sweeping) onShelf() int64 {
	s.t.Helper()
	vs, err := s.store.VariantsBySKU(s.t.Context(), []string{"cup"})
	if err != nil {
		s.t.Fatal(err)
	}
	return vs["cup"].OnHand
}

// TestRefundOfPieces: pieces and shipping are given back once, and pieces go back on the shelf once, when
// the money is back and a person said so.
func TestRefundOfPieces(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newSweepingOn(t, o)
		p := s.paid()
		gateway := s.saying(StateSucceeded)
		gateway.refund = models.RefundPending
		item := s.order(p.OrderID).Items[0]
		cup := StaffRefund{Payment: p.Number, Amount: 2500, Reason: "broken", By: noor, Restock: true, Items: []models.RefundItem{{ItemID: item.ID, Quantity: 1}}}
		r, err := s.Refund(t.Context(), cup)
		if err != nil {
			t.Fatal(err)
		}
		again := cup
		again.Refunded, again.Amount = 2500, 100
		if _, err := s.Refund(t.Context(), again); !errors.Is(err, models.ErrRefundPieces) {
			t.Errorf("the cup again: got %v, want ErrRefundPieces", err)
		}
		again.Items = []models.RefundItem{{ItemID: "none", Quantity: 1}}
		if _, err := s.Refund(t.Context(), again); !errors.Is(err, models.ErrRefundPieces) {
			t.Errorf("a line of another order: got %v, want ErrRefundPieces", err)
		}
		if got := s.onShelf(); got != 999 {
			t.Errorf("on its way back: got %d on the shelf, want 999", got)
		}
		s.told(r, models.RefundFailed, "no")
		if got := s.onShelf(); got != 999 {
			t.Errorf("refused: got %d on the shelf, want 999", got)
		}
		if r, err = s.Refund(t.Context(), cup); err != nil {
			t.Fatalf("after it was refused: %v", err)
		}
		s.told(r, models.RefundSucceeded, "done")
		s.told(r, models.RefundSucceeded, "done")
		vs, err := s.store.VariantsBySKU(t.Context(), []string{"cup"})
		if err != nil {
			t.Fatal(err)
		}
		moves, err := s.store.StockMoves(t.Context(), []string{vs["cup"].ID}, 10)
		if err != nil || len(moves) != 2 || moves[0].Kind != models.StockReturned || moves[0].Actor != noor.Name || s.onShelf() != 1000 {
			t.Errorf("done: got %d on the shelf by %+v, %v; want 1000 by one return", s.onShelf(), moves, err)
		}
		ship := StaffRefund{Payment: p.Number, Amount: 500, Refunded: 2500, Reason: "late", By: noor, Shipping: true}
		if _, err := s.Refund(t.Context(), ship); err != nil {
			t.Fatal(err)
		}
		ship.Refunded = 3000
		if _, err := s.Refund(t.Context(), ship); !errors.Is(err, models.ErrRefundPieces) {
			t.Errorf("the shipping again: got %v, want ErrRefundPieces", err)
		}
	})
}

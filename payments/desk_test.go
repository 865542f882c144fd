package payments_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/sandbox"
)

var mia = models.Actor{Name: "mia@shop.example", Address: "192.0.2.7"}

// acts are what persons did to an order, as its chain and the audit log both have it.
func acts(t *testing.T, s *models.Store, o *models.Order) []string {
	t.Helper()
	ctx := context.Background()
	evidence, err := s.Evidence(ctx, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	var chain, log []string
	for _, e := range evidence {
		if e.Direction == models.ByStaff {
			chain = append(chain, e.Operation+" by "+e.Rule)
		}
	}
	entries, err := s.AuditEntries(ctx, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(entries) {
		if e.Subject == o.Number {
			log = append(log, e.Action+" by "+e.Actor)
		}
	}
	if diff := cmp.Diff(chain, log); diff != "" {
		t.Errorf("acts on %s (-chain +audit log):\n%s", o.Number, diff)
	}
	return chain
}

func wantActs(t *testing.T, s *models.Store, o *models.Order, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, acts(t, s, o)); diff != "" {
		t.Errorf("acts on %s (-want +got):\n%s", o.Number, diff)
	}
}

func TestCancel(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		w := wire(t, o, route(models.WeChat, models.Pass2Pay, "WX_NATIVE"))
		ctx := context.Background()
		order, p := w.pending(models.WeChat)
		w.pass(40 * time.Second) // the gateway may deny it until then
		if err := w.service.Cancel(ctx, order.Number, "the buyer asked", mia); err != nil {
			t.Fatal(err)
		}
		want := standing{Order: models.OrderCanceled, Payments: []string{"closed"}, OnHand: 3}
		if diff := cmp.Diff(want, w.standing(order.ID)); diff != "" {
			t.Errorf("canceled (-want +got):\n%s", diff)
		}
		if got := w.known(p.Number).State; got != sandbox.Closed {
			t.Errorf("at the gateway the attempt is %s, want it closed", got)
		}
		if err := w.service.Cancel(ctx, order.Number, "again", mia); !errors.Is(err, models.ErrOrderMoved) {
			t.Errorf("canceled again: got %v, want ErrOrderMoved", err)
		}
		wantActs(t, w.Store, order, "cancel_order by mia@shop.example")
	})
}

// A buyer who has paid is not canceled, whether or not the shop knew.
func TestCancelAfterPayment(t *testing.T) {
	w := wire(t, modelstest.Options(t), route(models.WeChat, models.ScanForPay, "qrcode"))
	order, p := w.pending(models.WeChat)
	w.act(p.Number, sandbox.Pay, sandbox.NotifyNever)
	if err := w.service.Cancel(context.Background(), order.Number, "", mia); !errors.Is(err, models.ErrOrderMoved) {
		t.Errorf("got %v, want ErrOrderMoved", err)
	}
	want := standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}
	if diff := cmp.Diff(want, w.standing(order.ID)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantActs(t, w.Store, order)
}

// Nobody is canceled while nobody knows whether he has paid.
func TestCancelWithoutAnswer(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	order, _ := s.attempt(t)
	if err := s.service.Cancel(context.Background(), order.Number, "", mia); !errors.Is(err, payments.ErrStillAsking) {
		t.Errorf("got %v, want ErrStillAsking", err)
	}
	want := standing{Order: models.OrderPending, Payments: []string{"pending"}, OnHand: 2, Reserved: 1}
	if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// However a success and a cancel meet, the order is paid or canceled with the money accounted for.
func TestCancelRacesWithPayment(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		w := wire(t, o, route(models.WeChat, models.ScanForPay, "qrcode"))
		for range 3 {
			order, p := w.pending(models.WeChat)
			var wg sync.WaitGroup
			var canceled error
			wg.Go(func() { canceled = w.service.Cancel(context.Background(), order.Number, "", mia) })
			wg.Go(func() { _, _ = w.box.Act(p.Number, sandbox.Pay, sandbox.NotifyBefore) })
			wg.Wait()
			if canceled != nil && !errors.Is(canceled, models.ErrOrderMoved) && !errors.Is(canceled, payments.ErrStillAsking) {
				t.Errorf("cancel: %v", canceled)
			}
			if err := w.service.Check(context.Background(), order.Token); err != nil {
				t.Fatal(err)
			}
			got := w.standing(order.ID)
			paidThere := w.known(p.Number).State == sandbox.Paid
			if paidHere := got.Order == models.OrderPaid; paidHere != paidThere {
				t.Errorf("got %+v, and at the gateway it is %s", got, w.known(p.Number).State)
			}
		}
	})
}

func TestMarkPaid(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShop(t, o, models.AskStaff)
		ctx := context.Background()
		order := modelstest.Order(t, s.Store, "cup")
		hand := payments.HandPayment{Reference: "BANK 77", Note: "seen on the statement", By: mia}
		if err := s.service.MarkPaid(ctx, order.Number, hand); err != nil {
			t.Fatal(err)
		}
		want := standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}
		if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
			t.Errorf("marked (-want +got):\n%s", diff)
		}
		fresh, err := s.OrderByID(ctx, order.ID)
		if err != nil {
			t.Fatal(err)
		}
		if fresh.Gateway != models.ByHand || fresh.PaidBy().Gateway != models.ByHand || fresh.PaidBy().CheckAt != nil {
			t.Errorf("got gateway %s, payment %+v; want both by hand, and never to be asked about", fresh.Gateway, fresh.PaidBy())
		}
		evidence, err := s.Evidence(ctx, order.ID)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := s.service.Proof(fresh, evidence)
		if err != nil || proof.Person != mia.Name || proof.Reference != hand.Reference || proof.Money != order.Money() {
			t.Errorf("proof: got %+v, %v; want the word of %s", proof, err, mia.Name)
		}
		if err := s.service.MarkPaid(ctx, order.Number, hand); !errors.Is(err, models.ErrOrderMoved) {
			t.Errorf("marked again: got %v, want ErrOrderMoved", err)
		}
		other := modelstest.Order(t, s.Store, "cup")
		if err := s.service.MarkPaid(ctx, other.Number, hand); !errors.Is(err, models.ErrReferenceUsed) {
			t.Errorf("another order with the same reference: got %v, want ErrReferenceUsed", err)
		}
		wantActs(t, s.Store, order, "mark_paid by mia@shop.example")
		wantActs(t, s.Store, other)
		// It goes back by hand too.
		r, err := s.service.Refund(ctx, payments.StaffRefund{Payment: fresh.PaidBy().Number, Amount: order.Amount, Reason: "broken", By: mia})
		if err != nil || r.Status != models.RefundSucceeded {
			t.Errorf("refund: got %+v, %v; want it succeeded", r, err)
		}
	})
}

func TestMarkPaidAfterExpiry(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	ctx := context.Background()
	draft := modelstest.Draft("cup", 3)
	order, err := s.PlaceOrder(ctx, draft)
	if err != nil {
		t.Fatal(err)
	}
	s.close(t, order, models.OrderExpired)
	one := modelstest.Order(t, s.Store, "cup")
	hand := payments.HandPayment{Reference: "BANK 1", By: mia}
	if err := s.service.MarkPaid(ctx, order.Number, hand); !errors.Is(err, models.ErrOutOfStock) {
		t.Errorf("without stock: got %v, want ErrOutOfStock", err)
	}
	s.close(t, one, models.OrderCanceled)
	if err := s.service.MarkPaid(ctx, order.Number, hand); err != nil {
		t.Errorf("with stock: %v", err)
	}
	want := standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}}
	if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func (s shop) close(t *testing.T, o *models.Order, to models.OrderStatus) {
	t.Helper()
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		o, err := tx.LockOrder(o.ID)
		if err == nil {
			_, err = tx.CloseOrder(o, to)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Money that a gateway reports after the order was marked is a second payment, and is seen.
func TestMarkPaidAndThenPaid(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	order, p := s.attempt(t)
	if err := s.service.MarkPaid(context.Background(), order.Number, payments.HandPayment{Reference: "B", By: mia}); !errors.Is(err, payments.ErrStillAsking) {
		t.Errorf("while the gateway does not answer about the attempt: got %v, want ErrStillAsking", err)
	}
	s.apply(t, s.report(p, payments.StateClosed))
	if err := s.service.MarkPaid(context.Background(), order.Number, payments.HandPayment{Reference: "B", By: mia}); err != nil {
		t.Fatal(err)
	}
	s.apply(t, s.report(p, payments.StateSucceeded))
	got := s.standing(t, order.ID)
	if got.Order != models.OrderPaid || !slices.Contains(got.Incidents, "duplicate_payment open") {
		t.Errorf("got %+v, want it paid, and the second payment an open incident", got)
	}
}

func TestRevive(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	ctx := context.Background()
	order, p := s.attempt(t)
	if err := s.service.Revive(ctx, p.Number, nil, mia); !errors.Is(err, models.ErrOrderMoved) {
		t.Errorf("revived without money: got %v, want ErrOrderMoved", err)
	}
	s.close(t, order, models.OrderExpired)
	s.apply(t, s.report(p, payments.StateSucceeded))
	if err := s.service.Revive(ctx, p.Number, nil, mia); err != nil {
		t.Fatal(err)
	}
	want := standing{
		Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, Incidents: []string{"late_payment resolved"}, OnHand: 2,
	}
	if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := s.service.Revive(ctx, p.Number, nil, mia); !errors.Is(err, models.ErrOrderMoved) {
		t.Errorf("revived again: got %v, want ErrOrderMoved", err)
	}
	wantActs(t, s.Store, order, "revive_order by mia@shop.example")
	evidence, err := s.Evidence(ctx, order.ID)
	if err != nil {
		t.Fatal(err)
	}
	if act := evidence[len(evidence)-1]; act.PaymentID == nil || *act.PaymentID != p.ID {
		t.Errorf("got an act about payment %v, want it to name %s, with which the order was revived", act.PaymentID, p.ID)
	}
}

// An order is revived with all of the money and all of the goods, or not at all.
func TestReviveOnlyWhole(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	ctx := context.Background()
	order, p := s.attempt(t)
	s.close(t, order, models.OrderExpired)
	s.apply(t, s.report(p, payments.StateSucceeded))
	others, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 3))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.service.Revive(ctx, p.Number, nil, mia); !errors.Is(err, models.ErrOutOfStock) {
		t.Errorf("while others have the stock: got %v, want ErrOutOfStock", err)
	}
	s.close(t, others, models.OrderExpired)
	if _, err := s.service.GiveBack(ctx, p.Number, 1000); err != nil { // no answer: it may yet go back
		t.Fatal(err)
	}
	if err := s.service.Revive(ctx, p.Number, nil, mia); !errors.Is(err, models.ErrOrderMoved) {
		t.Errorf("while some of the money goes back: got %v, want ErrOrderMoved", err)
	}
	want := standing{Order: models.OrderExpired, Payments: []string{"succeeded confirmed"}, Incidents: []string{"late_payment open"}, OnHand: 3}
	if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantActs(t, s.Store, order, "refund_payment by noor@shop.example")
}

// Whoever refunds has seen all that went back before.
func TestRefundAfterOthers(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	ctx := context.Background()
	order := modelstest.Order(t, s.Store, "cup")
	if err := s.service.MarkPaid(ctx, order.Number, payments.HandPayment{Reference: "B1", By: mia}); err != nil {
		t.Fatal(err)
	}
	order, err := s.OrderByID(ctx, order.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		seen, amount int64
		want         error
	}{{0, 1000, nil}, {1000, 500, nil}, {500, 300, models.ErrOrderMoved}, {1000, 300, models.ErrOrderMoved}, {1500, 300, nil}} {
		r, err := s.service.Refund(ctx, payments.StaffRefund{
			Payment: order.Payments[0].Number, Amount: tt.amount, Refunded: tt.seen, Reason: "broken", By: mia,
		})
		if !errors.Is(err, tt.want) || err == nil && (r.Status != models.RefundSucceeded || r.Amount != tt.amount || r.Reason != "broken") {
			t.Errorf("%d more, having seen %d: got %+v, %v, want %v", tt.amount, tt.seen, r, err, tt.want)
		}
	}
	refunds, err := s.Refunds(ctx, order.ID)
	if err != nil || len(refunds) != 3 {
		t.Errorf("got %d refunds, %v, want the three that were asked for in knowledge of the others", len(refunds), err)
	}
}

// An order that was paid by an earlier attempt is not canceled, however long nobody knows about the later one.
func TestCancelWhatAnEarlierAttemptPaid(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	order, first := s.attempt(t)
	s.apply(t, s.report(first, payments.StateClosed))
	s.attemptFor(t, order)
	s.apply(t, s.report(first, payments.StateSucceeded))
	if err := s.service.Cancel(context.Background(), order.Number, "", mia); !errors.Is(err, models.ErrOrderMoved) {
		t.Errorf("got %v, want ErrOrderMoved", err)
	}
}

// What nobody has cannot be acted on, and whoever tries is told.
func TestActsOnNothing(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	ctx := context.Background()
	if err := s.service.Cancel(ctx, "NONE", "", mia); !errors.Is(err, models.ErrOrderNotFound) {
		t.Errorf("cancel: got %v, want ErrOrderNotFound", err)
	}
	if err := s.service.MarkPaid(ctx, "NONE", payments.HandPayment{Reference: "B1", By: mia}); !errors.Is(err, models.ErrOrderNotFound) {
		t.Errorf("mark as paid: got %v, want ErrOrderNotFound", err)
	}
	if err := s.service.Revive(ctx, "NONE", nil, mia); !errors.Is(err, models.ErrPaymentNotFound) {
		t.Errorf("revive: got %v, want ErrPaymentNotFound", err)
	}
	if _, err := s.service.Refund(ctx, payments.StaffRefund{Payment: "NONE", Amount: 1, By: mia}); !errors.Is(err, models.ErrPaymentNotFound) {
		t.Errorf("refund: got %v, want ErrPaymentNotFound", err)
	}
}

// An act whose commit got no answer is done once: the second try sees whether the first went through.
func TestActsWhoseEndNobodyKnew(t *testing.T) {
	o := modelstest.MySQLOptions(t)
	proxy := modelstest.NewProxy(t, &o)
	s := newShop(t, o, models.AskStaff)
	ctx := context.Background()
	number := func(o *models.Order) string { return s.read(t, o).Payments[0].Number }
	for _, tt := range []struct {
		name  string
		ready func(o *models.Order)
		act   func(o *models.Order) error
		want  standing
		acts  []string
	}{
		{"cancel", func(*models.Order) {}, func(o *models.Order) error {
			return s.service.Cancel(ctx, o.Number, "no longer wanted", mia)
		}, standing{Order: models.OrderCanceled, OnHand: 3}, []string{"cancel_order"}},
		{"mark as paid", func(*models.Order) {}, func(o *models.Order) error {
			return s.service.MarkPaid(ctx, o.Number, payments.HandPayment{Reference: "OF " + o.Number, By: mia})
		}, standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}, []string{"mark_paid"}},
		{"revive", func(o *models.Order) {
			p := s.attemptFor(t, o)
			s.close(t, o, models.OrderExpired)
			s.apply(t, s.report(p, payments.StateSucceeded))
		}, func(o *models.Order) error {
			return s.service.Revive(ctx, number(o), nil, mia)
		}, standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, Incidents: []string{"late_payment resolved"}, OnHand: 2}, []string{"revive_order"}},
		{"refund", func(o *models.Order) {
			must(t, s.service.MarkPaid(ctx, o.Number, payments.HandPayment{Reference: "OF " + o.Number, By: mia}))
		}, func(o *models.Order) error {
			_, err := s.service.Refund(ctx, payments.StaffRefund{Payment: number(o), Amount: 1000, By: mia})
			return err
		}, standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}, []string{"mark_paid", "refund_payment"}},
		{"ask again", func(o *models.Order) {
			s.attemptFor(t, o)
			s.close(t, o, models.OrderExpired)
		}, func(o *models.Order) error {
			_, err := s.service.AskAgain(ctx, s.read(t, o), mia)
			if errors.Is(err, payments.ErrStillAsking) {
				return nil // the gateway does not answer here
			}
			return err
		}, standing{Order: models.OrderExpired, Payments: []string{"pending"}, OnHand: 3}, []string{"ask_gateways"}},
	} {
		for cut, fate := range map[modelstest.Cut]string{modelstest.BeforeCommit: "lost on its way", modelstest.AfterCommit: "answer lost"} {
			modelstest.Product(t, s.Store, "cup", 2500, 3)
			order := modelstest.Order(t, s.Store, "cup")
			tt.ready(order)
			proxy.CutNext(cut)
			if err := tt.act(order); err != nil || !proxy.HasCut() {
				t.Errorf("%s, %s: got %v, cut %t", tt.name, fate, err, proxy.HasCut())
			}
			if diff := cmp.Diff(tt.want, s.standing(t, order.ID)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", tt.name, fate, diff)
			}
			var want []string
			for _, act := range tt.acts {
				want = append(want, act+" by "+mia.Name)
			}
			wantActs(t, s.Store, order, want...)
			if refunds, err := s.Refunds(ctx, order.ID); err != nil || len(refunds) != strings.Count(strings.Join(tt.acts, " "), "refund") {
				t.Errorf("%s, %s: got %d refunds, %v", tt.name, fate, len(refunds), err)
			}
		}
	}
}

// A refund whose storing got no answer is sent at once by the request that made it.
func TestRefundWhoseStoringNobodyKnew(t *testing.T) {
	o := modelstest.MySQLOptions(t)
	proxy := modelstest.NewProxy(t, &o)
	w := wire(t, o, route(models.WeChat, models.ScanForPay, "qrcode"))
	_, p := w.paid(models.WeChat)
	for i, cut := range []modelstest.Cut{modelstest.BeforeCommit, modelstest.AfterCommit} {
		refunded := int64(i) * 1000
		proxy.CutNext(cut)
		r, err := w.service.Refund(t.Context(), payments.StaffRefund{Payment: p.Number, Amount: 1000, Refunded: refunded, Reason: "broken", By: mia})
		if err != nil || r.Status != models.RefundSucceeded || !proxy.HasCut() {
			t.Errorf("got %+v, %v, cut %t; want it succeeded", r, err, proxy.HasCut())
		}
		if got := w.known(p.Number).Returned(); got != refunded+1000 {
			t.Errorf("at the gateway: got %d returned, want %d", got, refunded+1000)
		}
	}
}

func (s shop) read(t *testing.T, o *models.Order) *models.Order {
	t.Helper()
	o, err := s.OrderByID(context.Background(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Twenty clicks, by two persons with the same form, refund once.
func TestRefundOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		w := wire(t, o, route(models.WeChat, models.ScanForPay, "qrcode"))
		order, p := w.pending(models.WeChat)
		w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		w.pass(time.Second)
		var wg sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = w.service.Refund(context.Background(), payments.StaffRefund{
					Payment: p.Number, Amount: 1000, Reason: "one cup broken", By: mia,
				})
			})
		}
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
			} else if !errors.Is(err, models.ErrOrderMoved) {
				t.Errorf("got %v, want ErrOrderMoved", err)
			}
		}
		refunds, err := w.Refunds(context.Background(), order.ID)
		if err != nil {
			t.Fatal(err)
		}
		if done != 1 || len(refunds) != 1 || refunds[0].Amount != 1000 || w.known(p.Number).Returned() != 1000 {
			t.Errorf("%d went through: got %+v, and %d at the gateway; want one of 1000", done, refunds, w.known(p.Number).Returned())
		}
		wantActs(t, w.Store, order, "refund_payment by mia@shop.example")
		_, err = w.service.Refund(context.Background(), payments.StaffRefund{Payment: p.Number, Amount: order.Amount, Refunded: 1000, By: mia})
		if !errors.Is(err, models.ErrRefundTooMuch) {
			t.Errorf("more than is left: got %v, want ErrRefundTooMuch", err)
		}
	})
}

// What a person decides can be told from what a gateway says, for ever.
func TestActsKeepTheirText(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	order := modelstest.Order(t, s.Store, "cup")
	if err := s.service.Cancel(context.Background(), order.Number, "no longer wanted", mia); err != nil {
		t.Fatal(err)
	}
	evidence, err := s.Evidence(context.Background(), order.ID)
	if err != nil {
		t.Fatal(err)
	}
	last := evidence[len(evidence)-1]
	if last.Gateway != models.ByHand || !strings.Contains(string(last.Request), "no longer wanted") {
		t.Errorf("got gateway %s, text %q", last.Gateway, last.Request)
	}
}

package payments_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/sandbox"
)

// TestSwitchAtASlowGateway: when giving up the first attempt takes all the time that the buyer is
// made to wait, no second one is begun that would be cut short; the next step begins it.
func TestSwitchAtASlowGateway(t *testing.T) {
	t.Parallel()
	w := wire(t, modelstest.Options(t), payments.Routes{
		{Wallet: "wechat", Scene: "any", Gateway: models.Pass2Pay, Method: "WX_H5"},
		{Wallet: "alipay", Scene: "any", Gateway: models.Pass2Pay, Method: "ALI_WAP"},
	})
	o, _ := w.pending(models.WeChat)
	w.fault(sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultDelay, Operation: sandbox.OpClose, Value: "4100ms"})
	if _, err := w.service.Start(context.Background(), o.Token, models.Alipay, payments.Device{}); !errors.Is(err, payments.ErrStillAsking) {
		t.Errorf("change of wallet: got %v, want ErrStillAsking", err)
	}
	if o = w.read(o.ID); len(o.Payments) != 1 || o.Payments[0].Status != models.PaymentClosed {
		t.Errorf("after it: got %+v, want the first attempt closed and no other", o.Payments)
	}
	if _, err := w.service.Start(context.Background(), o.Token, models.Alipay, payments.Device{}); err != nil {
		t.Errorf("the next step: got %v, want another attempt", err)
	}
	w.act(w.read(o.ID).Payments[0].Number, sandbox.Pay, sandbox.NotifyBefore)
	w.pass(time.Second)
	if got := w.standing(o.ID); got.Order != models.OrderPaid {
		t.Errorf("paid by the second attempt: got %+v", got)
	}
}

// TestNothingIsKeptOfWhatNeverLeft: evidence holds what a gateway may have read.
func TestNothingIsKeptOfWhatNeverLeft(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.FulfilOrRefund)
	o, _ := s.attempt(t)
	if err := s.service.Check(context.Background(), o.Token); !errors.Is(err, payments.ErrStillAsking) {
		t.Errorf("ask a gateway that cannot be reached: got %v, want ErrStillAsking", err)
	}
	other := modelstest.Order(t, s.Store, "cup")
	if _, err := s.service.Start(context.Background(), other.Token, models.WeChat, payments.Device{}); !errors.Is(err, payments.ErrGatewayDown) {
		t.Errorf("start at a gateway that cannot be reached: got %v, want ErrGatewayDown", err)
	}
	for _, id := range []string{o.ID, other.ID} {
		if kept, err := s.Evidence(context.Background(), id); err != nil || len(kept) != 0 {
			t.Errorf("got evidence %+v, %v; want none", kept, err)
		}
	}
}

// paid returns a payment that a gateway has taken and the shop knows to be confirmed.
func (w *wired) paid(wallet models.Wallet) (*models.Order, models.Payment) {
	w.t.Helper()
	o, p := w.pending(wallet)
	w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
	w.pass(time.Second)
	o = w.read(o.ID)
	if o.Status != models.OrderPaid || o.Payments[0].ConfirmedAt == nil {
		w.t.Fatalf("got order %s with payment %+v, want it paid and confirmed", o.Status, o.Payments[0])
	}
	return o, o.Payments[0]
}

func (w *wired) refund(p models.Payment, amount int64, want models.RefundStatus) *models.Refund {
	w.t.Helper()
	r, err := w.service.GiveBack(context.Background(), p.Number, amount)
	if err != nil || r.Status != want {
		w.t.Fatalf("refund of %d: got %+v, %v; want it %s", amount, r, err, want)
	}
	return r
}

func (w *wired) wantRefund(r *models.Refund, when string, want models.RefundStatus) {
	w.t.Helper()
	now, err := w.RefundByNumber(context.Background(), r.Number)
	if err != nil || now.Status != want {
		w.t.Errorf("%s: got %+v, %v; want it %s", when, now, err, want)
	}
}

func (w *wired) wantIncidents(orderID, when string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.standing(orderID).Incidents); diff != "" {
		w.t.Errorf("incidents %s (-want +got):\n%s", when, diff)
	}
}

// auditRefunds holds what the shop says it gave back against the gateway's own ledger.
func (w *wired) auditRefunds(o *models.Order) {
	w.t.Helper()
	refunds, err := w.Refunds(context.Background(), o.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	ledger := w.box.Ledger()
	for _, p := range o.Payments {
		var said, wanted, did int64
		for _, r := range refunds {
			if r.PaymentID != p.ID || r.Status == models.RefundFailed {
				continue
			}
			wanted += r.Amount
			if r.Status == models.RefundSucceeded {
				said += r.Amount
			}
			if r.Status == models.RefundPending && r.CheckAt == nil {
				w.t.Errorf("refund %s is pending and nobody will ask about it", r.Number)
			}
		}
		for _, r := range ledger.Refunds {
			if r.Number == p.Number {
				did += r.Amount
			}
		}
		if said != did || wanted > p.Amount {
			w.t.Errorf("payment over %d: the shop says %d were refunded of %d asked for, its gateway %d", p.Amount, said, wanted, did)
		}
	}
	w.standing(o.ID) // checks the chain of evidence
}

// TestRefundsAtOnce: however many refunds are asked for at the same moment, no more goes back than
// was paid.
func TestRefundsAtOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, options models.Options) {
		for _, g := range both {
			t.Run(string(g.gateway), func(t *testing.T) {
				w := wire(t, options, route(g.wallet, g.gateway, g.method))
				o, p := w.paid(g.wallet)
				const clicks, amount = 20, 300
				var wg sync.WaitGroup
				for range clicks {
					wg.Go(func() {
						_, err := w.service.GiveBack(context.Background(), p.Number, amount)
						// Somebody else was first, or twenty are more than a busy machine does in time.
						for errors.Is(err, models.ErrOrderMoved) || errors.Is(err, models.ErrStoreDown) {
							_, err = w.service.GiveBack(context.Background(), p.Number, amount)
						}
						if err != nil && !errors.Is(err, models.ErrRefundTooMuch) {
							t.Errorf("got %v, want it done or refused as too much", err)
						}
					})
				}
				wg.Wait()
				w.pass(time.Minute)
				w.auditRefunds(o)
				known, err := w.box.Payment(p.Number)
				if want := p.Amount / amount * amount; err != nil || known.Returned() != want {
					t.Errorf("%d refunds of %d from %d: got %d returned by the gateway, want %d", clicks, amount, p.Amount, known.Returned(), want)
				}
			})
		}
	})
}

// TestRefundFailsAtEachStep: the call, the same call again and the question what became of it go
// wrong in turn, and the money goes back once.
func TestRefundFailsAtEachStep(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.FaultKind{
		sandbox.FaultReset, sandbox.FaultHTTP429, sandbox.FaultLost, sandbox.FaultTruncated, sandbox.FaultWrongSignature, sandbox.FaultCode,
	} {
		t.Run(string(kind), func(t *testing.T) {
			onEachGateway(t, func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway) {
				o, p := w.paid(wallet)
				w.fault(sandbox.Fault{Gateway: gateway, Kind: kind, Operation: sandbox.OpRefund, Times: 2})
				if gateway == sandbox.Pass2Pay {
					w.fault(sandbox.Fault{Gateway: gateway, Kind: kind, Operation: sandbox.OpRefundQuery, Times: 1})
				}
				r := w.refund(p, 1000, models.RefundPending)
				w.pass(35 * time.Second)
				w.wantRefund(r, "half a minute later", models.RefundSucceeded)
				w.auditRefunds(o)
				if known, _ := w.box.Payment(p.Number); known.Returned() != 1000 || len(known.Refunds) != 1 {
					t.Errorf("at the gateway: got %d returned by %d refunds, want 1000 by one", known.Returned(), len(known.Refunds))
				}
			})
		})
	}
}

// TestRefundInProgress: a refund on which the gateway works for long is told to staff, and settles
// that itself when it ends.
func TestRefundInProgress(t *testing.T) {
	t.Parallel()
	for _, end := range []sandbox.RefundState{sandbox.RefundSucceeded, sandbox.RefundFailed} {
		t.Run(string(end), func(t *testing.T) {
			onEachGateway(t, func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway) {
				o, p := w.paid(wallet)
				w.fault(sandbox.Fault{Gateway: gateway, Kind: sandbox.FaultRefundPending, Times: 1})
				slow := w.refund(p, 1000, models.RefundPending)
				w.pass(62 * time.Minute)
				w.wantRefund(slow, "after more than an hour", models.RefundPending)
				w.wantIncidents(o.ID, "after more than an hour", "refund_stuck open")

				meanwhile := models.RefundSucceeded
				if gateway == sandbox.Pass2Pay { // which works on one refund at a time
					meanwhile = models.RefundPending
				}
				rest := w.refund(p, p.Amount-1000, meanwhile)
				w.wantIncidents(o.ID, "after a refund of the rest, which does not settle it", "refund_stuck open")
				if _, err := w.service.GiveBack(context.Background(), p.Number, 1); !errors.Is(err, models.ErrRefundTooMuch) {
					t.Errorf("another minor unit while everything is under way: got %v, want ErrRefundTooMuch", err)
				}
				w.auditRefunds(o)

				if err := w.box.SettleRefund(slow.Number, end); err != nil {
					t.Fatal(err)
				}
				w.pass(100 * time.Minute)
				w.wantRefund(rest, "when the gateway is done with the first", models.RefundSucceeded)
				if end == sandbox.RefundSucceeded {
					w.wantRefund(slow, "when the gateway is done", models.RefundSucceeded)
					w.wantIncidents(o.ID, "when the gateway is done", "refund_stuck resolved")
				} else if gateway == sandbox.Pass2Pay {
					w.wantRefund(slow, "when the gateway gave up", models.RefundFailed)
					w.wantIncidents(o.ID, "when the gateway gave up", "refund_stuck open", "refund_stuck resolved")
				} else { // ScanForPay cannot be asked, and a second refusal proves nothing
					w.wantRefund(slow, "when the gateway gave up", models.RefundPending)
					w.wantIncidents(o.ID, "when the gateway gave up", "refund_stuck open", "refund_stuck resolved")
				}
				w.auditRefunds(o)
			})
		})
	}
}

// TestRefundInDoubt: ScanForPay refuses a refund that was sent before without an answer. Whether
// the first went through shows where everything was to go back; otherwise a person has to look.
func TestRefundInDoubt(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{true, false} {
		t.Run(map[bool]string{true: "of everything", false: "of a part"}[whole], func(t *testing.T) {
			t.Parallel()
			w := wire(t, modelstest.Options(t), route(models.Alipay, models.ScanForPay, "qrcode"))
			w.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultPartialAs3})
			o, p := w.paid(models.Alipay)
			amount := p.Amount
			if !whole {
				amount = 1000
				w.refund(p, 500, models.RefundSucceeded)
			}
			w.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultLost, Operation: sandbox.OpRefund, Times: 1})
			r := w.refund(p, amount, models.RefundPending)
			w.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultCode, Operation: sandbox.OpRefund, Value: "35"})
			w.pass(10 * time.Minute)
			if whole {
				w.wantRefund(r, "refused, and the payment is refunded", models.RefundSucceeded)
				w.wantIncidents(o.ID, "once it is known", "refund_stuck resolved")
			} else {
				w.wantRefund(r, "refused", models.RefundPending)
				w.wantIncidents(o.ID, "while it is not known", "refund_stuck open")
				w.box.ClearFaults(sandbox.Fault{Kind: sandbox.FaultCode})
				w.pass(2 * time.Hour)
				w.wantRefund(r, "asked again", models.RefundSucceeded)
				w.wantIncidents(o.ID, "once it is known", "refund_stuck resolved")
			}
			w.auditRefunds(o)
		})
	}
}

// TestRefundNeverSentIsNotTakenForDone: ScanForPay shows a payment of which a part went back as it
// shows one that is refunded in full. That proves nothing about the rest.
func TestRefundNeverSentIsNotTakenForDone(t *testing.T) {
	t.Parallel()
	w := wire(t, modelstest.Options(t), route(models.Alipay, models.ScanForPay, "qrcode"))
	w.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultPartialAs3})
	o, p := w.paid(models.Alipay)
	w.refund(p, 1000, models.RefundSucceeded)
	w.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultHTTP500, Operation: sandbox.OpRefund})
	rest := w.refund(p, p.Amount-1000, models.RefundPending)
	w.pass(26 * time.Hour) // and the payment is asked about once more
	w.wantRefund(rest, "a day later", models.RefundPending)
	w.wantIncidents(o.ID, "a day later", "refund_stuck open")
	w.auditRefunds(o)
	w.box.ClearFaults(sandbox.Fault{Kind: sandbox.FaultHTTP500})
	w.retry(func() error {
		w.pass(13 * time.Hour)
		if r, err := w.RefundByNumber(context.Background(), rest.Number); err != nil || r.Status != models.RefundSucceeded {
			return errors.New("not yet")
		}
		return nil
	})
	w.wantRefund(rest, "once the gateway is well", models.RefundSucceeded)
	w.wantIncidents(o.ID, "once the gateway is well", "refund_stuck resolved")
	w.auditRefunds(o)
}

// TestRefundRefused: a refund that the gateway refuses the first time has failed, frees its sum, and
// is told to staff.
func TestRefundRefused(t *testing.T) {
	t.Parallel()
	onEachGateway(t, func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway) {
		o, p := w.paid(wallet)
		w.fault(sandbox.Fault{Gateway: gateway, Kind: sandbox.FaultRefundFails, Times: 1})
		w.refund(p, p.Amount, models.RefundFailed)
		w.wantIncidents(o.ID, "after it was refused", "refund_stuck open")
		w.refund(p, p.Amount, models.RefundSucceeded)
		w.wantIncidents(o.ID, "after another one", "refund_stuck resolved")
		w.auditRefunds(o)
	})
}

// TestRefundWhoseAskerIsGone: whoever asked for a refund and did not wait for its end is told
// that it stands, and does not ask for another.
func TestRefundWhoseAskerIsGone(t *testing.T) {
	t.Parallel()
	onEachGateway(t, func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway) {
		o, p := w.paid(wallet)
		w.fault(sandbox.Fault{Gateway: gateway, Kind: sandbox.FaultDelay, Operation: sandbox.OpRefund, Value: "10s", Times: 1})
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		r, err := w.service.GiveBack(ctx, p.Number, 1000)
		if err != nil || r.Status != models.RefundPending {
			t.Fatalf("got %+v, %v; want it pending", r, err)
		}
		w.pass(time.Minute)
		w.wantRefund(r, "a minute later", models.RefundSucceeded)
		w.auditRefunds(o)
	})
}

// TestRefundsByPolicyFail: what goes back by policy goes back once as well, whatever happens to the
// call.
func TestRefundsByPolicyFail(t *testing.T) {
	t.Parallel()
	for _, kind := range []sandbox.FaultKind{sandbox.FaultReset, sandbox.FaultLost} {
		t.Run(string(kind), func(t *testing.T) {
			onEachGateway(t, func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway) {
				w.fault(sandbox.Fault{Gateway: gateway, Kind: sandbox.FaultLatePayment})
				w.fault(sandbox.Fault{Gateway: gateway, Kind: kind, Operation: sandbox.OpRefund, Times: 1})
				o, p := w.pending(wallet)
				w.pass(16 * time.Minute)
				if _, err := w.PlaceOrder(context.Background(), modelstest.Draft("cup", 3)); err != nil {
					t.Fatal(err)
				}
				w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
				w.pass(20 * time.Second)
				if got := w.standing(o.ID); got.Order != models.OrderExpired || !slices.Equal(got.Incidents, []string{"late_payment resolved"}) {
					t.Errorf("late money whose stock is gone: got %+v, want it refunded and settled", got)
				}
				w.auditRefunds(w.read(o.ID))
				if known, _ := w.box.Payment(p.Number); known.Returned() != p.Amount || len(known.Refunds) != 1 {
					t.Errorf("at the gateway: got %d returned by %d refunds, want %d by one", known.Returned(), len(known.Refunds), p.Amount)
				}
			})
		})
	}
}

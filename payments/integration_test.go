package payments_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/pass2pay"
	"saoma/payments/sandbox"
	"saoma/payments/scanforpay"
)

// wired is a shop's service whose clients call both simulated gateways over HTTP, which in turn
// notify it. Its clock, which is the gateways' too, moves only when the test says so.
type wired struct {
	t *testing.T
	*models.Store
	service *payments.Service
	box     *sandbox.Sandbox
	begun   time.Time
	ahead   atomic.Int64 // how far the clock was put forward

	wallet  models.Wallet   // with which its buyers pay
	gateway sandbox.Gateway // where their money goes
}

// wire opens a shop with these ways to pay.
func wire(t *testing.T, o models.Options, routes payments.Routes) *wired {
	t.Helper()
	w := &wired{t: t, begun: time.Now().UTC().Truncate(time.Second)}
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(server.Close)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	w.box = sandbox.New(sandbox.Config{PublicURL: server.URL, Now: func() time.Time { return w.begun }, Log: log})
	t.Cleanup(w.box.Close)
	sfp, err := scanforpay.New(scanforpay.Config{
		BaseURL: server.URL + sandbox.ScanForPayPath, PartnerNo: sandbox.DemoPartnerNo, StoreNo: sandbox.DemoStoreNo,
		SignKey: sandbox.DemoSignKey, Validity: 12 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	p2p, err := pass2pay.New(pass2pay.Config{
		BaseURL: server.URL + sandbox.Pass2PayPath, MchNo: sandbox.DemoMchNo, AppID: sandbox.DemoAppID,
		AppSecret: sandbox.DemoAppSecret, Validity: 2 * time.Hour, RefundAPI: true, CloseAPI: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Now, o.Log, o.Settings.DuplicatePayment = w.now, log, models.RefundAlways
	w.Store = modelstest.Open(t, o)
	modelstest.Product(t, w.Store, "cup", 2500, 3)
	t.Cleanup(func() { w.proveEverything(o) })
	w.service = payments.New(payments.Config{
		Store: w.Store, Routes: routes, PublicURL: server.URL, Log: log,
		Gateways: []payments.Account{{Gateway: sfp, Validity: 12 * time.Hour}, {Gateway: p2p, Validity: 2 * time.Hour}},
	})
	return w
}

func (w *wired) now() time.Time { return w.begun.Add(time.Duration(w.ahead.Load())) }

// pass puts the clock forward in steps and sweeps after each.
func (w *wired) pass(d time.Duration) {
	w.t.Helper()
	step := min(d, max(time.Second, d/60))
	for ; d > 0; d -= step {
		w.ahead.Add(int64(step))
		w.box.Advance(step)
		if _, err := w.service.Sweep(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// serve is the shop's notification routes in front of the sandbox.
func (w *wired) serve(rw http.ResponseWriter, r *http.Request) {
	gateway, is := map[string]models.GatewayName{
		"/pay/notify/scanforpay": models.ScanForPay, "/pay/notify/pass2pay": models.Pass2Pay,
	}[r.URL.Path]
	if !is {
		w.box.ServeHTTP(rw, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = w.service.Notify(r.Context(), gateway, r.Header.Get("Content-Type"), body)
	}
	if err != nil {
		http.Error(rw, "refused", http.StatusBadRequest)
		return
	}
	io.WriteString(rw, "success")
}

// order places an order for a cup and begins to pay it.
func (w *wired) order(wallet models.Wallet) (*models.Order, payments.NextAction, error) {
	w.t.Helper()
	o := modelstest.Order(w.t, w.Store, "cup")
	next, err := w.begin(o, wallet)
	return w.read(o.ID), next, err
}

// begin begins to pay an order at a desktop.
func (w *wired) begin(o *models.Order, wallet models.Wallet) (payments.NextAction, error) {
	return w.service.Start(context.Background(), o.Token, wallet, payments.Device{})
}

func (w *wired) read(orderID string) *models.Order {
	w.t.Helper()
	o, err := w.OrderByID(context.Background(), orderID)
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// pending places an order whose attempt is pending at the gateway.
func (w *wired) pending(wallet models.Wallet) (*models.Order, models.Payment) {
	w.t.Helper()
	o, _, err := w.order(wallet)
	if err != nil {
		w.t.Fatal(err)
	}
	return o, o.Payments[0]
}

func (w *wired) act(number string, a sandbox.Action, when sandbox.Notify) {
	w.t.Helper()
	if _, err := w.box.Act(number, a, when); err != nil {
		w.t.Fatalf("%s %s: %v", a, number, err)
	}
}

// retry does something again while the breaker, whose clock is the real one, keeps us from the
// gateway.
func (w *wired) retry(do func() error) error {
	err := do()
	for range 100 {
		if err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
		err = do()
	}
	return err
}

// awaitNotification returns once a notification about the payment was answered, or is known not to
// come.
func (w *wired) awaitNotification(number string) {
	w.t.Helper()
	for range 1000 {
		for _, c := range w.box.Calls() {
			if c.Operation == sandbox.OpNotify && c.Number == number {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("no notification about %s came", number)
}

// known is what the gateway knows about a payment.
func (w *wired) known(number string) sandbox.Payment {
	w.t.Helper()
	p, err := w.box.Payment(number)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// fault has the gateway, unless another is named, misbehave.
func (w *wired) fault(f sandbox.Fault) {
	w.t.Helper()
	if f.Gateway == "" {
		f.Gateway = w.gateway
	}
	if err := w.box.SetFault(f); err != nil {
		w.t.Fatal(err)
	}
}

// standing is how an order stands, in words, and what is left of the stock.
func (w *wired) standing(orderID string) standing {
	w.t.Helper()
	return shop{Store: w.Store}.standing(w.t, orderID)
}

func route(wallet models.Wallet, gateway models.GatewayName, method string) payments.Routes {
	return payments.Routes{{Wallet: string(wallet), Scene: "any", Gateway: gateway, Method: method}}
}

// methods are all methods by which a shop on the web takes money, and what the buyer gets.
var methods = []struct {
	wallet  models.Wallet
	gateway models.GatewayName
	method  string
	action  models.ActionKind
}{
	{models.WeChat, models.ScanForPay, "jspay", models.ActionRedirect},
	{models.WeChat, models.ScanForPay, "qrcode", models.ActionRedirect},
	{models.Alipay, models.ScanForPay, "jspay", models.ActionRedirect},
	{models.Alipay, models.ScanForPay, "qrcode", models.ActionRedirect},
	{models.Alipay, models.ScanForPay, "online", models.ActionRedirect},
	{models.AlipayHK, models.ScanForPay, "online", models.ActionRedirect},
	{models.Alipay, models.Pass2Pay, "ALI_WAP", models.ActionRedirect},
	{models.Alipay, models.Pass2Pay, "ALI_QR", models.ActionCode},
	{models.Alipay, models.Pass2Pay, "ALI_PC", models.ActionRedirect},
	{models.WeChat, models.Pass2Pay, "WX_H5", models.ActionRedirect},
	{models.WeChat, models.Pass2Pay, "WX_NATIVE", models.ActionCode},
	{models.WeChat, models.Pass2Pay, "QR_CASHIER", models.ActionCode},
	{models.AlipayHK, models.Pass2Pay, "WEB_CASHIER", models.ActionRedirect},
	{models.AlipayHK, models.Pass2Pay, "CHANNEL_CASHIER", models.ActionRedirect},
	{models.AlipayHK, models.Pass2Pay, "cashier", models.ActionRedirect},
}

// TestEveryMethod takes money by each method, learns of it by notification, and gives it back.
func TestEveryMethod(t *testing.T) {
	t.Parallel()
	for _, m := range methods {
		t.Run(string(m.gateway)+" "+m.method+" "+string(m.wallet), func(t *testing.T) {
			t.Parallel()
			w := wire(t, modelstest.Options(t), route(m.wallet, m.gateway, m.method))
			o, next, err := w.order(m.wallet)
			if err != nil {
				t.Fatal(err)
			}
			known := w.known(o.Payments[0].Number)
			want := payments.NextAction{Kind: m.action, Data: known.WalletURL}
			if diff := cmp.Diff(want, next); diff != "" {
				t.Errorf("what the buyer does next (-want +got):\n%s", diff)
			}
			if known.Amount != o.Amount {
				t.Errorf("the gateway was asked for %d, want %d", known.Amount, o.Amount)
			}
			w.act(known.Number, sandbox.Pay, sandbox.NotifyBefore)
			w.pass(time.Second) // where a query has to agree
			paid := standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}
			if diff := cmp.Diff(paid, w.standing(o.ID)); diff != "" {
				t.Errorf("after paying (-want +got):\n%s", diff)
			}
			for _, amount := range []int64{1000, o.Amount - 1000} {
				r, err := w.service.GiveBack(context.Background(), known.Number, amount)
				if err != nil || r.Status != models.RefundSucceeded {
					t.Errorf("refund of %d: got %+v, %v; want it succeeded", amount, r, err)
				}
			}
			if known = w.known(known.Number); known.State != sandbox.Refunded || known.Returned() != o.Amount {
				t.Errorf("the gateway's payment: got %s, %d returned; want all %d refunded", known.State, known.Returned(), o.Amount)
			}
		})
	}
}

// both are a way to pay at each gateway.
var both = []struct {
	wallet  models.Wallet
	gateway models.GatewayName
	method  string
}{
	{models.Alipay, models.ScanForPay, "qrcode"},
	{models.Alipay, models.Pass2Pay, "ALI_WAP"},
}

func onEachGateway(t *testing.T, test func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway)) {
	for _, g := range both {
		t.Run(string(g.gateway), func(t *testing.T) {
			t.Parallel()
			w := wire(t, modelstest.Options(t), route(g.wallet, g.gateway, g.method))
			w.wallet, w.gateway = g.wallet, sandbox.Gateway(g.gateway)
			test(t, w, w.wallet, w.gateway)
		})
	}
}

// casesAtEachGateway runs cases at each gateway, one after the other in one shop: each of them
// finds three cups and no faults.
func casesAtEachGateway[C any](t *testing.T, cases []C, name func(C) string, test func(t *testing.T, w *wired, c C)) {
	onEachGateway(t, func(t *testing.T, w *wired, _ models.Wallet, _ sandbox.Gateway) {
		for _, c := range cases {
			t.Run(name(c), func(t *testing.T) {
				w.t = t
				w.box.ClearFaults(sandbox.Fault{})
				modelstest.Product(t, w.Store, "cup", 2500, 3)
				test(t, w, c)
			})
		}
		w.t = t
	})
}

func kindName(k sandbox.FaultKind) string { return string(k) }

// paidAndConfirmed is how an order stands once it is paid beyond doubt.
var paidAndConfirmed = standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}

// TestCreateFails: a gateway that has not got the payment is found out within half a minute, and
// the order can be paid anew.
func TestCreateFails(t *testing.T) {
	t.Parallel()
	kinds := []sandbox.FaultKind{
		sandbox.FaultReset, sandbox.FaultHTTP500, sandbox.FaultHTTP429, sandbox.FaultCode, // 9: state unknown
	}
	casesAtEachGateway(t, kinds, kindName, func(t *testing.T, w *wired, kind sandbox.FaultKind) {
		w.fault(sandbox.Fault{Kind: kind, Operation: sandbox.OpCreate, Times: 1})
		o, _, err := w.order(w.wallet)
		if !errors.Is(err, payments.ErrGatewayDown) {
			t.Fatalf("start: got %v, want ErrGatewayDown", err)
		}
		if p, err := w.box.Payment(o.Payments[0].Number); err == nil {
			t.Fatalf("the gateway holds %+v, want no payment", p)
		}
		w.pass(31 * time.Second)
		if _, err := w.begin(o, w.wallet); err != nil {
			t.Fatalf("half a minute later: got %v, want another attempt", err)
		}
		w.act(w.read(o.ID).Payments[0].Number, sandbox.Pay, sandbox.NotifyBefore)
		w.pass(time.Second)
		want := paidAndConfirmed
		want.Payments = []string{"succeeded confirmed", "failed"}
		if diff := cmp.Diff(want, w.standing(o.ID)); diff != "" {
			t.Errorf("paid by the second attempt (-want +got):\n%s", diff)
		}
	})
}

// TestCreateIsLost: a payment that the gateway holds although its answer could not be read can be
// paid, and is found to be.
func TestCreateIsLost(t *testing.T) {
	t.Parallel()
	kinds := []sandbox.FaultKind{
		sandbox.FaultLost, sandbox.FaultHTTP500Done, sandbox.FaultCodeDone, sandbox.FaultTruncated, sandbox.FaultBrokenOff,
		sandbox.FaultEmpty, sandbox.FaultHTML, sandbox.FaultHuge, sandbox.FaultRedirect, sandbox.FaultWrongSignature,
		sandbox.FaultMissingSignature,
	}
	casesAtEachGateway(t, kinds, kindName, func(t *testing.T, w *wired, kind sandbox.FaultKind) {
		w.fault(sandbox.Fault{Kind: kind, Operation: sandbox.OpCreate, Times: 1})
		o, _, err := w.order(w.wallet)
		if !errors.Is(err, payments.ErrGatewayDown) {
			t.Fatalf("start: got %v, want ErrGatewayDown", err)
		}
		w.act(o.Payments[0].Number, sandbox.Pay, sandbox.NotifyNever)
		w.pass(30 * time.Second)
		if diff := cmp.Diff(paidAndConfirmed, w.standing(o.ID)); diff != "" {
			t.Errorf("half a minute after it was paid (-want +got):\n%s", diff)
		}
		_, next := w.pending(w.wallet) // or the gateway would soon be left alone
		w.act(next.Number, sandbox.Pay, sandbox.NotifyBefore)
	})
}

// TestPageElsewhere: an attempt at a page that is not the gateway's is closed where the gateway can, and the
// money that it takes all the same is found.
func TestPageElsewhere(t *testing.T) {
	t.Parallel()
	onEachGateway(t, func(t *testing.T, w *wired, wallet models.Wallet, gateway sandbox.Gateway) {
		w.fault(sandbox.Fault{Kind: sandbox.FaultPayURL, Operation: sandbox.OpCreate})
		o, _, err := w.order(wallet)
		if !errors.Is(err, payments.ErrGatewayDown) {
			t.Fatalf("start: got %v, want ErrGatewayDown", err)
		}
		if diff := cmp.Diff(standing{
			Order: models.OrderPending, Payments: []string{"closed"}, OnHand: 2, Reserved: 1, Incidents: []string{"bad_redirect open"},
		}, w.standing(o.ID)); diff != "" {
			t.Errorf("where no other gateway is left (-want +got):\n%s", diff)
		}
		there, err := w.box.Payment(o.Payments[0].Number)
		if closed := err == nil && there.State == sandbox.Closed; closed != (gateway == sandbox.Pass2Pay) {
			t.Errorf("at the gateway: got %+v, %v; want it closed where that can be done", there, err)
		}
		w.fault(sandbox.Fault{Kind: sandbox.FaultLatePayment, Operation: sandbox.OpPay})
		w.act(o.Payments[0].Number, sandbox.Pay, sandbox.NotifyNever)
		w.pass(30 * time.Second)
		want := paidAndConfirmed
		want.Incidents = []string{"bad_redirect open"}
		if diff := cmp.Diff(want, w.standing(o.ID)); diff != "" {
			t.Errorf("half a minute after it was paid (-want +got):\n%s", diff)
		}
	})
}

// TestQueryGoesWrong: an answer that cannot be read decides nothing, and the next one does.
func TestQueryGoesWrong(t *testing.T) {
	t.Parallel()
	kinds := []sandbox.FaultKind{
		sandbox.FaultReset, sandbox.FaultHTTP500, sandbox.FaultHTTP429, sandbox.FaultHTTP404, sandbox.FaultCode, sandbox.FaultLost,
		sandbox.FaultTruncated, sandbox.FaultBrokenOff, sandbox.FaultEmpty, sandbox.FaultHTML, sandbox.FaultHuge, sandbox.FaultRedirect,
		sandbox.FaultWrongSignature, sandbox.FaultMissingSignature, sandbox.FaultWrongNumber,
	}
	casesAtEachGateway(t, kinds, kindName, func(t *testing.T, w *wired, kind sandbox.FaultKind) {
		o, p := w.pending(w.wallet)
		w.act(p.Number, sandbox.Pay, sandbox.NotifyNever)
		w.fault(sandbox.Fault{Kind: kind, Operation: sandbox.OpQuery})
		for range 3 { // a few more in a row, and the gateway would be left alone
			w.service.Check(context.Background(), o.Token)
		}
		want := standing{Order: models.OrderPending, Payments: []string{"pending"}, OnHand: 2, Reserved: 1}
		if diff := cmp.Diff(want, w.standing(o.ID)); diff != "" {
			t.Errorf("while the gateway cannot be understood (-want +got):\n%s", diff)
		}
		w.box.ClearFaults(sandbox.Fault{})
		if err := w.service.Check(context.Background(), o.Token); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(paidAndConfirmed, w.standing(o.ID)); diff != "" {
			t.Errorf("after it (-want +got):\n%s", diff)
		}
	})
}

// TestDecorations: answers and notifications that say the same in another way are understood.
func TestDecorations(t *testing.T) {
	t.Parallel()
	kinds := []sandbox.FaultKind{
		sandbox.FaultNumbersAsStrings, sandbox.FaultExtraFields, sandbox.FaultPrettyPrinted, sandbox.FaultEscapedSlashes,
		sandbox.FaultSignatureCase, sandbox.FaultSpacedKeys, sandbox.FaultTraceID,
	}
	casesAtEachGateway(t, kinds, kindName, func(t *testing.T, w *wired, kind sandbox.FaultKind) {
		if err := w.box.SetFault(sandbox.Fault{Gateway: w.gateway, Kind: kind}); err != nil {
			t.Skip(err) // the other gateway's alone
		}
		o, p := w.pending(w.wallet)
		w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		if got := w.standing(o.ID); got.Order != models.OrderPaid {
			t.Errorf("by notification: got %+v, want it paid", got)
		}
		w.pass(time.Second)
		if diff := cmp.Diff(paidAndConfirmed, w.standing(o.ID)); diff != "" {
			t.Errorf("by query (-want +got):\n%s", diff)
		}
		r, err := w.service.GiveBack(context.Background(), p.Number, p.Amount)
		if err != nil || r.Status != models.RefundSucceeded {
			t.Errorf("refund: got %+v, %v; want it succeeded", r, err)
		}
	})
}

// TestNotificationsInAnyManner: late, twice, first, wrong or never, the end is the same.
func TestNotificationsInAnyManner(t *testing.T) {
	t.Parallel()
	faults := []sandbox.Fault{
		{Kind: sandbox.FaultNotifyNever},
		{Kind: sandbox.FaultNotifyTwice},
		{Kind: sandbox.FaultNotifyDelayed, Value: "20s"},
		{Kind: sandbox.FaultNotifyFirst},
		{Kind: sandbox.FaultMissingSignature, Operation: sandbox.OpNotify},
		{Kind: sandbox.FaultWrongSignature, Operation: sandbox.OpNotify},
		{Kind: sandbox.FaultWrongNumber, Operation: sandbox.OpNotify},
	}
	name := func(f sandbox.Fault) string { return string(f.Kind) }
	casesAtEachGateway(t, faults, name, func(t *testing.T, w *wired, f sandbox.Fault) {
		w.fault(f)
		o, p := w.pending(w.wallet)
		if w.known(p.Number).Open() {
			w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		}
		w.pass(30 * time.Second)
		w.awaitNotification(p.Number)
		if diff := cmp.Diff(paidAndConfirmed, w.standing(o.ID)); diff != "" {
			t.Errorf("half a minute later (-want +got):\n%s", diff)
		}
	})
}

// TestRefundGoesWrong: a refund whose answer was lost is neither forgotten nor paid out twice.
func TestRefundGoesWrong(t *testing.T) {
	t.Parallel()
	kinds := []sandbox.FaultKind{
		sandbox.FaultReset, sandbox.FaultHTTP500, sandbox.FaultLost, sandbox.FaultHTTP500Done, sandbox.FaultTruncated,
		sandbox.FaultBrokenOff, sandbox.FaultHuge, sandbox.FaultEmpty, sandbox.FaultWrongSignature, sandbox.FaultCode, sandbox.FaultCodeDone,
	}
	casesAtEachGateway(t, kinds, kindName, func(t *testing.T, w *wired, kind sandbox.FaultKind) {
		_, p := w.pending(w.wallet)
		w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		w.pass(time.Second)
		w.fault(sandbox.Fault{Kind: kind, Operation: sandbox.OpRefund, Times: 1})
		r, err := w.service.GiveBack(context.Background(), p.Number, 1000)
		if err != nil || r.Status != models.RefundPending {
			t.Fatalf("refund without an answer: got %+v, %v; want it pending", r, err)
		}
		w.pass(30 * time.Second)
		if r, err = w.RefundByNumber(context.Background(), r.Number); err != nil || r.Status != models.RefundSucceeded {
			t.Errorf("half a minute later: got %+v, %v; want it succeeded", r, err)
		}
		if known := w.known(p.Number); known.Returned() != 1000 || len(known.Refunds) != 1 {
			t.Errorf("at the gateway: got %d returned by %d refunds, want 1000 by one", known.Returned(), len(known.Refunds))
		}
	})
}

// TestPaidTooLate: money that comes after the order expired revives it while its stock can be
// had, and goes back when it cannot.
func TestPaidTooLate(t *testing.T) {
	t.Parallel()
	name := func(soldOut bool) string { return map[bool]string{false: "stock left", true: "sold out"}[soldOut] }
	casesAtEachGateway(t, []bool{false, true}, name, func(t *testing.T, w *wired, soldOut bool) {
		w.fault(sandbox.Fault{Kind: sandbox.FaultLatePayment})
		o, p := w.pending(w.wallet)
		w.pass(16 * time.Minute)
		if got := w.standing(o.ID); got.Order != models.OrderExpired || got.OnHand != 3 {
			t.Fatalf("after its window: got %+v, want it expired and three on hand", got)
		}
		want, wantRefunds := paidAndConfirmed, 0
		want.Incidents = []string{"late_payment resolved"}
		if soldOut {
			if _, err := w.PlaceOrder(context.Background(), modelstest.Draft("cup", 3)); err != nil {
				t.Fatal(err)
			}
			want.Order, want.OnHand, want.Reserved, wantRefunds = models.OrderExpired, 0, 3, 1
		}
		w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		w.pass(10 * time.Second)
		if diff := cmp.Diff(want, w.standing(o.ID)); diff != "" {
			t.Errorf("paid late (-want +got):\n%s", diff)
		}
		if got := len(w.known(p.Number).Refunds); got != wantRefunds {
			t.Errorf("got %d refunds, want %d", got, wantRefunds)
		}
	})
}

// TestFoundAfterAnOutage: the shop was gone for longer than the gateway goes on notifying, and
// finds what was paid.
func TestFoundAfterAnOutage(t *testing.T) {
	t.Parallel()
	outages := []time.Duration{10 * time.Minute, 90 * time.Minute}
	casesAtEachGateway(t, outages, time.Duration.String, func(t *testing.T, w *wired, outage time.Duration) {
		o, p := w.pending(w.wallet)
		w.act(p.Number, sandbox.Pay, sandbox.NotifyNever)
		w.ahead.Add(int64(outage)) // nobody sweeps meanwhile
		w.box.Advance(outage)
		w.pass(time.Minute)
		if diff := cmp.Diff(paidAndConfirmed, w.standing(o.ID)); diff != "" {
			t.Errorf("a minute after the outage (-want +got):\n%s", diff)
		}
	})
}

// TestTwoTabs: two requests that begin to pay at the same moment share one attempt, however long
// the gateway takes.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	onEachGateway(t, func(t *testing.T, w *wired, _ models.Wallet, _ sandbox.Gateway) {
		w.fault(sandbox.Fault{Kind: sandbox.FaultDelay, Operation: sandbox.OpCreate, Value: "500ms"})
		o := modelstest.Order(t, w.Store, "cup")
		var tabs [2]payments.NextAction
		var together sync.WaitGroup
		begin := func(i int) {
			var err error
			if tabs[i], err = w.begin(o, w.wallet); err != nil {
				t.Errorf("tab %d: %v", i, err)
			}
		}
		together.Go(func() { begin(0) })
		for len(w.read(o.ID).Payments) == 0 {
			time.Sleep(time.Millisecond)
		}
		together.Go(func() { begin(1) })
		together.Wait()
		if tabs[0] != tabs[1] || tabs[0].Data == "" {
			t.Errorf("two tabs: got %+v, want the same", tabs)
		}
		if got := len(w.box.Payments()); got != 1 {
			t.Errorf("the gateway was asked for %d payments, want 1", got)
		}
	})
}

// TestBothAttemptsPaid: a buyer who changed the wallet and paid twice has one order and gets the
// second sum back.
func TestBothAttemptsPaid(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, 1} {
		for name, routes := range map[string]payments.Routes{
			"scanforpay": {{Wallet: "wechat", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}, {Wallet: "alipay", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}},
			"pass2pay":   {{Wallet: "wechat", Scene: "any", Gateway: models.Pass2Pay, Method: "WX_H5"}, {Wallet: "alipay", Scene: "any", Gateway: models.Pass2Pay, Method: "ALI_WAP"}},
		} {
			t.Run(name+map[int]string{0: ", the newer first", 1: ", the older first"}[first], func(t *testing.T) {
				t.Parallel()
				w := wire(t, modelstest.Options(t), routes)
				w.gateway = sandbox.Gateway(name)
				w.fault(sandbox.Fault{Kind: sandbox.FaultLatePayment}) // though it was closed
				o, _ := w.pending(models.WeChat)
				if _, err := w.begin(o, models.Alipay); err != nil {
					t.Fatal(err)
				}
				o = w.read(o.ID)
				if len(o.Payments) != 2 || o.Payments[0].Status != models.PaymentPending || o.Payments[1].Status != models.PaymentClosed {
					t.Fatalf("after the change: got %+v, want a pending attempt and one closed before it", o.Payments)
				}
				for _, i := range []int{first, 1 - first} {
					w.act(o.Payments[i].Number, sandbox.Pay, sandbox.NotifyBefore)
				}
				w.pass(time.Minute)
				want := standing{
					Order: models.OrderPaid, OnHand: 2,
					Payments:  []string{"succeeded confirmed", "succeeded confirmed"},
					Incidents: []string{"duplicate_payment resolved"},
				}
				if diff := cmp.Diff(want, w.standing(o.ID)); diff != "" {
					t.Errorf("paid twice (-want +got):\n%s", diff)
				}
				refunds := w.box.Ledger().Refunds
				if second := o.Payments[1-first].Number; len(refunds) != 1 || refunds[0].Number != second || refunds[0].Amount != o.Amount {
					t.Errorf("refunds: got %+v, want %d of %s, which came second", refunds, o.Amount, second)
				}
			})
		}
	}
}

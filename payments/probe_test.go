package payments_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/pass2pay"
	"saoma/payments/sandbox"
	"saoma/payments/scanforpay"
)

// accountsAt are both gateways at addresses, with keys.
func accountsAt(t *testing.T, scanForPayURL, pass2PayURL, scanForPayKey, pass2PaySecret string) []payments.Account {
	t.Helper()
	sfp, err := scanforpay.New(scanforpay.Config{
		BaseURL: scanForPayURL, PartnerNo: sandbox.DemoPartnerNo, StoreNo: sandbox.DemoStoreNo, SignKey: scanForPayKey, Validity: 12 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	p2p, err := pass2pay.New(pass2pay.Config{
		BaseURL: pass2PayURL, MchNo: sandbox.DemoMchNo, AppID: sandbox.DemoAppID, AppSecret: pass2PaySecret, Validity: 2 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	return []payments.Account{{Gateway: sfp, Validity: 12 * time.Hour}, {Gateway: p2p, Validity: 2 * time.Hour}}
}

func TestProbe(t *testing.T) {
	const wrongKey = "a key that is not the right one"
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	box := sandbox.New(sandbox.Config{PublicURL: "http://127.0.0.1", Log: log})
	defer box.Close()
	real := httptest.NewServer(box)
	defer real.Close()
	released := make(chan struct{})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/hangs") {
			<-released
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer other.Close()
	defer close(released)
	dead := "http://" + deadAddress(t)

	at := func(base string) []payments.Account {
		return accountsAt(t, base, base, sandbox.DemoSignKey, sandbox.DemoAppSecret)
	}
	sandboxed := func(key, secret string) []payments.Account {
		return accountsAt(t, real.URL+sandbox.ScanForPayPath, real.URL+sandbox.Pass2PayPath, key, secret)
	}
	for _, tt := range []struct {
		name     string
		accounts []payments.Account
		patience time.Duration
		want     payments.ProbeResult
	}{
		{"right", sandboxed(sandbox.DemoSignKey, sandbox.DemoAppSecret), time.Minute, payments.ProbeAccepted},
		{"wrong key", sandboxed(wrongKey, wrongKey), time.Minute, payments.ProbeRefused},
		{"dead port", at(dead), time.Minute, payments.ProbeUnreachable},
		{"another server", at(other.URL), time.Minute, payments.ProbeUnproven},
		{"hangs", at(other.URL + "/hangs"), 200 * time.Millisecond, payments.ProbeSilent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := payments.New(payments.Config{Store: modelstest.New(t), Gateways: tt.accounts, Log: log})
			for _, gateway := range []models.GatewayName{models.ScanForPay, models.Pass2Pay} {
				ctx, cancel := context.WithTimeout(t.Context(), tt.patience)
				probe, err := s.Probe(ctx, gateway)
				cancel()
				if err != nil || probe.Result != tt.want || (probe.Detail == "") != (tt.want == payments.ProbeAccepted) {
					t.Errorf("%s: got %+v, %v, want %s", gateway, probe, err, tt.want)
				}
				if strings.Contains(probe.Detail, wrongKey) || strings.Contains(probe.Detail, sandbox.DemoSignKey) {
					t.Errorf("%s: got a key in %q", gateway, probe.Detail)
				}
				standing, err := s.Standing(t.Context(), gateway)
				answered := tt.want == payments.ProbeAccepted || tt.want == payments.ProbeRefused
				if err != nil || standing.Answered.IsZero() == answered || (standing.Failure == "") != answered {
					t.Errorf("%s: standing after it: got %+v, %v, want answered %t", gateway, standing, err, answered)
				}
			}
		})
	}
}

// deadAddress is a local address at which nobody listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestProbeIsNotRepeatedQuickly(t *testing.T) {
	o, now := modelstest.Options(t), time.Now()
	o.Now = func() time.Time { return now }
	dead := "http://" + deadAddress(t)
	s := payments.New(payments.Config{
		Store: modelstest.Open(t, o), Gateways: accountsAt(t, dead, dead, sandbox.DemoSignKey, sandbox.DemoAppSecret), Log: slog.New(slog.DiscardHandler),
	})
	probe := func() error {
		_, err := s.Probe(t.Context(), models.ScanForPay)
		return err
	}
	for i := range 3 {
		if err := probe(); err != nil {
			t.Errorf("test %d: got %v", i+1, err)
		}
	}
	if err := probe(); !errors.Is(err, payments.ErrProbedLately) {
		t.Errorf("the fourth at once: got %v, want ErrProbedLately", err)
	}
	if _, err := s.Probe(t.Context(), models.Pass2Pay); err != nil {
		t.Errorf("another gateway: got %v", err)
	}
	now = now.Add(5 * time.Second)
	if err := probe(); err != nil {
		t.Errorf("five seconds later: got %v", err)
	}
	if _, err := s.Probe(t.Context(), "nobody"); !errors.Is(err, models.ErrGatewayNotFound) {
		t.Errorf("no such gateway: got %v, want ErrGatewayNotFound", err)
	}
}

// TestPausedGateway: new attempts take the next row of the table, what was begun before goes on to its
// end, and with no row left nothing is offered.
func TestPausedGateway(t *testing.T) {
	routes := payments.Routes{
		{Wallet: "wechat", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"},
		{Wallet: "wechat", Scene: "any", Gateway: models.Pass2Pay, Method: "WX_NATIVE"},
		{Wallet: "alipay", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"},
	}
	w := wire(t, modelstest.Options(t), routes)
	before, _, err := w.order(models.WeChat)
	if err != nil {
		t.Fatal(err)
	}
	modelstest.Set(t, w.Store, models.SetPaused(models.ScanForPay), models.Yes)
	after, _, err := w.order(models.WeChat)
	if err != nil || after.Payments[0].Gateway != models.Pass2Pay {
		t.Fatalf("an order while it is paused: got %s, %v, want pass2pay", after.Gateway, err)
	}
	if _, err := w.begin(after, models.Alipay); !errors.Is(err, payments.ErrWalletNotOffered) {
		t.Errorf("a wallet without another row: got %v, want ErrWalletNotOffered", err)
	}
	p := before.Payments[0]
	w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
	w.pass(10 * time.Second)
	if got := w.read(before.ID); got.Status != models.OrderPaid || got.Gateway != models.ScanForPay {
		t.Errorf("what was begun before: got %s by %s, want paid by scanforpay", got.Status, got.Gateway)
	}
	if _, err := w.service.GiveBack(t.Context(), p.Number, p.Amount); err != nil {
		t.Errorf("refund at the paused gateway: %v", err)
	}
	w.pass(10 * time.Second)
	if known, _ := w.box.Payment(p.Number); known.Returned() != p.Amount {
		t.Errorf("refunded at the paused gateway: got %d, want %d", known.Returned(), p.Amount)
	}
	modelstest.Set(t, w.Store, models.SetPaused(models.Pass2Pay), models.Yes)
	if got := w.service.Routes(); len(got) != 0 || len(w.service.AllRoutes()) != len(routes) {
		t.Errorf("all paused: got routes %v of %v", got, w.service.AllRoutes())
	}
	modelstest.Set(t, w.Store, models.SetPaused(models.ScanForPay), models.No)
	if again, _, err := w.order(models.Alipay); err != nil || again.Payments[0].Gateway != models.ScanForPay {
		t.Errorf("switched on again: got %s, %v, want scanforpay", again.Gateway, err)
	}
}

// TestStanding: what was kept about a gateway is told after a restart too.
func TestStanding(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		w := wire(t, o, payments.Routes{{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}})
		_, p := w.pending(models.WeChat)
		w.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		w.pass(10 * time.Second)
		if err := w.service.Notify(t.Context(), models.ScanForPay, "", []byte(`{"forged":1}`)); err == nil {
			t.Fatal("a forged notification was taken")
		}
		restarted := payments.New(payments.Config{Store: w.Store, Log: slog.New(slog.DiscardHandler)})
		got, err := restarted.Standing(t.Context(), models.ScanForPay)
		if err != nil {
			t.Fatal(err)
		}
		if got.Answered.IsZero() || !got.Failed.IsZero() || got.Notification == nil || got.Notification.Verdict != "refused" ||
			got.Lately.Answered < 1 || got.Lately.Taken < 1 || got.Lately.Refused != 1 || got.Lately.Unanswered != 0 {
			t.Errorf("got %+v, last notification %+v, want calls answered, one notification taken and a later one refused", got, got.Notification)
		}
		w.ahead.Add(int64(25 * time.Hour))
		if got, err = restarted.Standing(t.Context(), models.ScanForPay); err != nil || got.Lately != (payments.Tally{}) || got.Answered.IsZero() {
			t.Errorf("a day later: got %+v, %v, want no counts and the last answer", got, err)
		}
	})
}

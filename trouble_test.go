package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"saoma/payments/sandbox"
)

// TestWalletSwitch: a buyer who changes the wallet has one live attempt, and who then pays both
// gets the second sum back.
func TestWalletSwitch(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d)
		b := s.visitor(desktopChrome)
		b.order("TEA-SET", "wechat")
		token := b.token()
		first := s.sandbox.newest()
		b.press(b.form("action", "/o/"+token+"/pay"), "wallet", "alipay")
		if got := b.state(); got != "waiting" {
			t.Fatalf("after the change: got order page %q, want waiting", got)
		}
		second := s.sandbox.newest()
		if second.Number == first.Number || second.Wallet != "alipay" {
			t.Fatalf("after the change: got the attempt %+v, want a new one by alipay", second)
		}
		if live := s.count("SELECT COUNT(*) FROM payments WHERE live_order_id IS NOT NULL"); live != 1 {
			t.Errorf("got %d live attempts, want 1", live)
		}
		for _, p := range []sandbox.Payment{first, second} {
			s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		}
		await(t, "refund of the second payment", func() bool { return len(s.sandbox.ledger().Refunds) > 0 })
		if got := s.sandbox.ledger().Refunds[0]; got.Number != second.Number || got.Amount != second.Amount {
			t.Errorf("refund: got %+v, want all of %s, which came second", got, second.Number)
		}
		await(t, "word of the refund", func() bool {
			return s.count("SELECT COUNT(*) FROM refunds WHERE status = 'succeeded'") == 1
		})
		b.wantState(token, "paid")
		s.audit()
	})
}

// TestExpiry: an unpaid order ends soon after its window, and its stock is for sale again. Money
// that comes later revives it, or goes back when the stock is gone.
func TestExpiry(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d, "shop: {payment_window: 1s}")
		var numbers, tokens []string
		b := s.visitor(desktopChrome)
		begin := func(quantity string) {
			b.submit(b.checkout("PRINT", quantity, "wechat"))
			numbers, tokens = append(numbers, s.sandbox.newest().Number), append(tokens, b.token())
			expired := func() bool {
				return s.count("SELECT COUNT(*) FROM orders WHERE status = 'expired'") == int64(len(tokens))
			}
			const promised = time.Second + 5*time.Second
			begun := time.Now()
			await(t, "expiry", expired)
			if took := time.Since(begun); took > promised {
				t.Errorf("an order with a window of a second expired after %s, want at most %s", took, promised)
			}
			b.wantState(tokens[len(tokens)-1], "expired")
		}
		begin("3")
		begin("2") // the stock is back, or this could not be ordered
		if got := s.count("SELECT on_hand FROM variants WHERE sku = 'PRINT'"); got != 3 {
			t.Errorf("after two orders expired: got %d pieces on hand, want 3", got)
		}

		s.sandbox.act(numbers[1], sandbox.Pay, sandbox.NotifyBefore)
		b.awaitState(tokens[1], "paid")
		if got := s.count("SELECT on_hand FROM variants WHERE sku = 'PRINT'"); got != 1 {
			t.Errorf("after an order of 2 was revived: got %d pieces on hand, want 1", got)
		}
		s.sandbox.act(numbers[0], sandbox.Pay, sandbox.NotifyBefore)
		await(t, "refund of the order that could not be revived", func() bool {
			return s.count("SELECT COUNT(*) FROM refunds WHERE status = 'succeeded'") == 1
		})
		b.wantState(tokens[0], "expired")
		if open := s.count("SELECT COUNT(*) FROM incidents WHERE status = 'open'"); open != 0 {
			t.Errorf("got %d open incidents, want none", open)
		}
		if late := s.count("SELECT COUNT(*) FROM incidents WHERE kind = 'late_payment'"); late != 2 {
			t.Errorf("got %d incidents of late payments, want 2", late)
		}
		s.audit()
	})
}

// TestForgedNotifications: what a gateway has not signed is not acknowledged, and pays nothing.
func TestForgedNotifications(t *testing.T) {
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	b := s.visitor(desktopChrome)
	b.order("EBOOK", "wechat")
	token, p := b.token(), s.sandbox.newest()

	s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyNever)
	honest := signed(p, nil)
	for _, tt := range []struct {
		name, path, contentType, encoding, body string
	}{
		{"nothing", "scanforpay", "application/json", "", ""},
		{"no JSON", "scanforpay", "application/json", "", "success"},
		{"an empty object", "scanforpay", "application/json", "", "{}"},
		{"no signature", "scanforpay", "application/json", "", honest[:strings.LastIndex(honest, `,"signature"`)] + "}"},
		{"another number", "scanforpay", "application/json", "", strings.Replace(honest, p.Number, "P"+strings.Repeat("0", len(p.Number)-1), 1)},
		{"another amount", "scanforpay", "application/json", "", strings.Replace(honest, "1900", "1901", 1)},
		{"a blank more", "scanforpay", "application/json", "", strings.Replace(honest, `{"body"`, `{ "body"`, 1)},
		{"signature twice", "scanforpay", "application/json", "", strings.TrimSuffix(honest, "}") + `,"signature":""}`},
		{"the other gateway's", "pass2pay", "application/json", "", honest},
		{"form without a signature", "pass2pay", "application/x-www-form-urlencoded", "", "mchNo=" + sandbox.DemoMchNo + "&mchOrderNo=" + p.Number + "&state=2&amount=1900&currency=cny"},
		{"form with an empty signature", "pass2pay", "application/x-www-form-urlencoded", "", "mchOrderNo=" + p.Number + "&state=2&sign="},
		{"compressed", "scanforpay", "application/json", "gzip", honest},
		{"too large", "scanforpay", "application/json", "", honest + strings.Repeat(" ", 70<<10)},
	} {
		status, answer := s.notify(t, tt.path, tt.contentType, tt.encoding, tt.body)
		if status < 400 || strings.Contains(strings.ToLower(answer), "success") {
			t.Errorf("%s: got status %d, %q; want it refused", tt.name, status, answer)
		}
	}
	b.wantState(token, "waiting")
	if status, answer := s.notify(t, "scanforpay", "application/json", "", honest); status != http.StatusOK || answer != "success" {
		t.Errorf("the honest notification: got status %d, %q; want it acknowledged", status, answer)
	}
	b.wantState(token, "paid")
	s.audit()
}

// signed is a notification of ScanForPay about a payment, as the gateway would sign it. change, if
// given, is made before that.
func signed(p sandbox.Payment, change func(header, body map[string]any)) string {
	header := map[string]any{
		"partnerNo": sandbox.DemoPartnerNo, "respTime": "2026-03-01T12:03:09+08:00", "signType": "SHA256",
		"version": "1.0", "reqMsgId": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
	}
	body := map[string]any{
		"code": 1, "msg": "success", "orderNo": p.Reference, "partnerOrderNo": p.Number, "orderAmount": p.Amount,
		"wallet": "Wechat", "currency": p.Currency, "status": 1, "payTime": "2026-03-01T12:03:08+08:00",
	}
	if change != nil {
		change(header, body)
	}
	response, err := json.Marshal(map[string]any{"header": header, "body": body})
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(append(bytes.Clone(response), sandbox.DemoSignKey...))
	return fmt.Sprintf(`{"response":%s,"signature":"%x"}`, response, sum)
}

// notify sends the shop a notification of our own making.
func (s *testShop) notify(t *testing.T, gateway, contentType, encoding, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/pay/notify/"+gateway, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestUnusableNotifications: what is signed but does not fit is acknowledged, since a repeat could
// not mend it, and looked at by staff. It pays nothing, and the true payment still does.
func TestUnusableNotifications(t *testing.T) {
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	for kind, change := range map[string]func(header, body map[string]any){
		"amount_mismatch":   func(_, body map[string]any) { body["orderAmount"] = 1901 },
		"currency_mismatch": func(_, body map[string]any) { body["currency"] = "HKD" },
		"merchant_mismatch": func(header, _ map[string]any) { header["partnerNo"] = "10087" },
	} {
		b := s.visitor(desktopChrome)
		b.order("EBOOK", "wechat")
		token, p := b.token(), s.sandbox.newest()
		for range 2 {
			if status, answer := s.notify(t, "scanforpay", "application/json", "", signed(p, change)); status != http.StatusOK || answer != "success" {
				t.Errorf("%s: got status %d, %q; want it acknowledged", kind, status, answer)
			}
		}
		b.wantState(token, "review")
		if got := s.count("SELECT COUNT(*) FROM incidents WHERE kind = ? AND number = ? AND status = 'open'", kind, p.Number); got != 1 {
			t.Errorf("%s: got %d open incidents, want 1", kind, got)
		}
		s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
		b.wantState(token, "paid")
	}
	s.audit()
}

// TestStorm: a notification that comes many times at once is acknowledged in the end, and pays once.
func TestStorm(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d)
		b := s.visitor(iPhoneSafari) // Pass2Pay, whose notifications have to be confirmed
		b.order("EBOOK", "wechat")
		token, p := s.newestToken(t, b), s.sandbox.newest()
		s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyNever)
		for left := 200; left > 0; {
			answers := s.sandbox.resend(p.Number, left)
			left = 0
			for _, a := range answers {
				switch {
				case a.Acknowledged:
				case a.Status == http.StatusServiceUnavailable: // the shop has no time now, and may say so
					left++
				default:
					t.Errorf("got %+v, want it acknowledged", a)
				}
			}
		}
		b.awaitState(token, "paid")
		if got := s.count("SELECT COUNT(*) FROM evidence WHERE operation = 'notification' AND verdict = 'accepted'"); got != 1 {
			t.Errorf("got %d accepted notifications, want 1", got)
		}
		s.audit()
	})
}

// TestGatewayFails: however the gateway fails, the buyer has a page within 8 seconds and the order
// is kept; when the gateway is well again the order can be paid, without anybody's help.
func TestGatewayFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault sandbox.FaultKind
		there bool // the gateway holds the payment although the buyer was not told
	}{
		{sandbox.FaultDelay, true}, {sandbox.FaultBrokenOff, true}, {sandbox.FaultHuge, true},
		{sandbox.FaultHTTP500, false}, {sandbox.FaultReset, false},
	} {
		t.Run(string(tt.fault), func(t *testing.T) {
			t.Parallel()
			s := startShop(t, sqliteDatabase(t))
			s.sandbox.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: tt.fault, Operation: sandbox.OpCreate})
			b := s.visitor(desktopChrome)
			f := b.checkout("EBOOK", "1", "wechat")
			var aside sync.WaitGroup
			aside.Go(func() { s.visitor(desktopChrome).open("/") }) // browsing goes on
			begun := time.Now()
			b.submit(f)
			if took := time.Since(begun); took > 8*time.Second {
				t.Errorf("the buyer had no page for %s, want at most 8 s", took)
			}
			aside.Wait()
			token := b.token()
			if b.status != http.StatusOK || !slices.Contains([]string{"choose", "waiting"}, b.state()) {
				t.Fatalf("the page: got status %d, %q", b.status, b.state())
			}
			if find(b.page, func(n *html.Node) bool { return strings.Contains(attr(n, "class"), "notice") }) == nil {
				t.Errorf("the page says nothing of the gateway:\n%s", b.text)
			}
			s.sandbox.clearFaults()
			if tt.there {
				s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyNever)
			} else {
				await(t, "the shop to find that the gateway has no such payment", func() bool {
					return s.count("SELECT COUNT(*) FROM payments WHERE status = 'failed'") == 1
				})
				b.open("/o/" + token)
				b.press(b.form("action", "/o/"+token+"/pay"), "wallet", "wechat")
				b.toWallet()
				b.payAndStay("before")
			}
			b.awaitState(token, "paid")
			s.audit()
		})
	}
}

// TestPageElsewhere: a gateway that names a page of a stranger's, or has a form sent to one, is passed over.
// Without another gateway the buyer may choose again, and staff are told.
func TestPageElsewhere(t *testing.T) {
	t.Parallel()
	stranger := sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultPayURL, Operation: sandbox.OpCreate}
	form := sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultPayDataType, Operation: sandbox.OpCreate, Value: "form"}
	toStranger := stranger
	toStranger.Value = `<form method="post" action="https://phishing.example/pay"><input type="hidden" name="a" value="1"></form>`
	for name, faults := range map[string][]sandbox.Fault{"page": {stranger}, "form": {form, toStranger}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startShop(t, sqliteDatabase(t), `routes: [
				{wallet: alipay, scene: any, gateway: pass2pay, method: ALI_WAP},
				{wallet: alipay, scene: any, gateway: scanforpay, method: online},
				{wallet: wechat, scene: any, gateway: pass2pay, method: WX_H5}]`)
			for _, f := range faults {
				s.sandbox.fault(f)
			}
			b := s.visitor(iPhoneSafari)
			b.order("EBOOK", "wechat")
			token := b.token()
			b.wantState(token, "choose")
			b.press(b.form("action", "/o/"+token+"/pay"), "wallet", "alipay")
			b.payAndReturn("before")
			b.wantState(token, "paid")
			for _, p := range s.sandbox.payments() {
				if want := map[sandbox.Gateway]sandbox.State{sandbox.Pass2Pay: sandbox.Closed, sandbox.ScanForPay: sandbox.Paid}[p.Gateway]; p.State != want {
					t.Errorf("at %s: got the payment %s, want it %s", p.Gateway, p.State, want)
				}
			}
			if got := s.count("SELECT COUNT(*) FROM incidents WHERE kind = 'bad_redirect' AND status = 'open'"); got != 2 {
				t.Errorf("got %d open incidents, want one for each attempt", got)
			}
			s.audit()
		})
	}
}

// apart is a shop in a process of its own, whose gateways are another process.
type apart struct {
	*testShop
	process *exec.Cmd
	log     *bytes.Buffer
}

// startApart configures a shop for gateways that run apart, with secrets of its own, and starts it.
func startApart(t *testing.T) *apart {
	t.Helper()
	gateways := freeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"sandbox", "--listen", gateways}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the sandbox ended with %v", err)
		}
	})
	s := configure(t, sqliteDatabase(t), "secret_key: "+secretKey, "gateways:",
		fmt.Sprintf("  scanforpay: {base_url: http://%s%s, partner_no: %q, store_no: %q, sign_key: %s}",
			gateways, sandbox.ScanForPayPath, sandbox.DemoPartnerNo, sandbox.DemoStoreNo, sandbox.DemoSignKey),
		fmt.Sprintf("  pass2pay: {base_url: http://%s%s, mch_no: %q, app_id: %q, app_secret: %s}",
			gateways, sandbox.Pass2PayPath, sandbox.DemoMchNo, sandbox.DemoAppID, sandbox.DemoAppSecret))
	s.sandbox.url = "http://" + gateways
	a := &apart{testShop: s, log: &bytes.Buffer{}}
	a.run()
	a.initial = a.stock()
	t.Cleanup(a.kill)
	return a
}

const secretKey = "0123456789abcdef-planted-0123456789abcdef"

func (a *apart) run() {
	a.t.Helper()
	a.process = exec.Command(os.Args[0], "serve", "--config", a.config)
	a.process.Env = append(os.Environ(), asSaoma+"=1", "SAOMA_LOG_LEVEL=debug")
	a.process.Stderr = a.log
	if err := a.process.Start(); err != nil {
		a.t.Fatal(err)
	}
	await(a.t, "the shop to open", a.ready)
}

// kill ends the shop at once, with whatever it is about.
func (a *apart) kill() {
	_ = a.process.Process.Kill() // it may have ended
	_ = a.process.Wait()
}

// TestKilled: a shop that is killed while a buyer pays finds the payment when it runs again. Its
// log, at its most talkative, holds no secret.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := startApart(t)
	desktop, phone := s.visitor(desktopChrome), s.visitor(iPhoneSafari)
	desktop.order("TEA-SET", "wechat")
	phone.order("EBOOK", "alipay")
	tokens := []string{desktop.token(), s.newestToken(t, phone)}
	phone.open("/o/" + tokens[1] + "/status")
	s.kill()
	for _, p := range s.sandbox.payments() {
		s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyBefore) // nobody hears it
	}
	s.run()
	for _, token := range tokens {
		desktop.awaitState(token, "paid")
	}
	s.audit()
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		t.Errorf("interrupted: got %v, want a clean end", err)
	}
	for name, secret := range map[string]string{
		"sign key": sandbox.DemoSignKey, "app secret": sandbox.DemoAppSecret, "secret key": secretKey,
		"an order's token": tokens[0], "another's": tokens[1], "buyer's address": "Queen's Road", "buyer's mail": "ada@example.com",
	} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds the %s", name)
		}
	}
	if !strings.Contains(s.log.String(), "route=/o/:token/status") {
		t.Errorf("the log does not tell of requests, so it proves nothing:\n%.2000s", s.log)
	}
}

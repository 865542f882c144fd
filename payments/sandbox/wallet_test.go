package sandbox

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	inWechat = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50 Language/zh_CN"
	inAlipay = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 AliApp(AP/10.6.0) AlipayClient/10.6.0 Language/zh-Hans"
)

// press sends the wallet's form as a browser on the wallet's page does.
func (b *bench) press(number string, form url.Values) answer {
	b.t.Helper()
	p, err := b.Payment(number)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", p.WalletURL, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Origin", b.url)
	return b.do(req)
}

func (b *bench) visit(address, userAgent, language string) answer {
	b.t.Helper()
	req, err := http.NewRequest("GET", address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept-Language", language)
	return b.do(req)
}

func TestWalletPage(t *testing.T) {
	b := newBench(t)
	b.scanForPay("/api/online/create", b.sfpOrder("S1").with(fields{"orderTitle": "<b>Tea</b>"}))
	p, _ := b.Payment("S1")
	for language, words := range map[string][]string{
		"en":             {"Sandbox: no real money moves.", "CN¥128.50", "Alipay", "S1", DemoPartnerNo, "Leave without paying", "Let it expire", `lang="en"`},
		"zh-CN,en;q=0.5": {"沙箱环境", "¥128.50", "支付宝", "不付款离开", `lang="zh-Hans"`},
		"zh-HK,zh;q=0.9": {"沙盒", "支付寶", "不付款離開", `lang="zh-Hant"`},
		"ja-JP,en;q=0.5": {"サンドボックス", "Alipay", "支払わずにやめる", `lang="ja"`},
		"fr":             {"Sandbox: no real money moves."},
	} {
		a := b.visit(p.WalletURL, "", language)
		for _, want := range append(words, "&lt;b&gt;Tea&lt;/b&gt;") {
			if !strings.Contains(a.body, want) {
				t.Errorf("page in %s: %q is not on it", language, want)
			}
		}
		if strings.Contains(a.body, "<b>Tea") {
			t.Errorf("page in %s: the title comes back raw", language)
		}
		policy := a.header.Get("Content-Security-Policy")
		if want := "form-action 'self' " + b.shop.url; !strings.HasSuffix(policy, want) || !strings.HasPrefix(policy, "default-src 'none'; style-src 'self'; script-src 'self'") {
			t.Errorf("policy: got %s, want it to end with %s", policy, want)
		}
		if got := a.header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("X-Content-Type-Options: got %q", got)
		}
	}
	request, err := http.NewRequest("GET", p.WalletURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Language", "en")
	request.AddCookie(&http.Cookie{Name: "lang", Value: "ja"})
	if a := b.do(request); !strings.Contains(a.body, `lang="ja"`) {
		t.Errorf("page for a buyer who chose Japanese in the shop: got\n%s", a.body)
	}
	if a := b.visit(b.url+"/sandbox/wallet/unknown", "", ""); a.status != http.StatusNotFound || !strings.Contains(a.body, "There is no such payment") {
		t.Errorf("unknown wallet: got status %d", a.status)
	}
}

func TestWalletReturnsByForm(t *testing.T) {
	for action, want := range map[string]struct {
		state  State
		notice bool
	}{
		"pay": {Paid, true}, "fail": {Failed, false}, "cancel": {Pending, false},
	} {
		t.Run(action, func(t *testing.T) {
			b := newBench(t)
			b.create(ScanForPay, "S1")
			a := b.press("S1", url.Values{"action": {action}})
			for _, part := range []string{
				`<form method="post" action="` + b.shop.url + `/return/S1" data-auto>`,
				`<input type="hidden" name="partnerOrderNo" value="S1">`,
				`<button class="plain">Back to the shop</button>`,
				`<script src="/sandbox/static/return.js"></script>`,
			} {
				if a.status != http.StatusOK || !strings.Contains(a.body, part) {
					t.Errorf("status %d, page without %s:\n%s", a.status, part, a.body)
				}
			}
			if p, _ := b.Payment("S1"); p.State != want.state {
				t.Errorf("state: got %s, want %s", p.State, want.state)
			}
			if want.notice { // it came before the page did
				if got := openSFP(t, (<-b.shop.received).body).Body["status"]; got != 1.0 {
					t.Errorf("notification: got status %v, want 1", got)
				}
			}
			b.shop.nothing(t)
		})
	}
}

func TestWalletReturnsByRedirect(t *testing.T) {
	b := newBench(t)
	b.pass2Pay(unifiedPath, b.p2pOrder("P1").with(fields{"returnUrl": b.shop.url + "/return?a=b"}))
	a := b.press("P1", url.Values{"action": {"pay"}})
	to, query, _ := strings.Cut(a.header.Get("Location"), "?")
	if a.status != http.StatusFound || to != b.shop.url+"/return" {
		t.Fatalf("got status %d to %s, want 302 to returnUrl", a.status, to)
	}
	if !strings.Contains(a.header.Get("Content-Security-Policy"), b.shop.url) {
		t.Errorf("policy: got %s, want it to let the form be redirected to the shop", a.header.Get("Content-Security-Policy"))
	}
	form := mustParseForm(t, strings.TrimPrefix(query, "a=b&"))
	params := map[string]string{}
	for name := range form {
		params[name] = form.Get(name)
	}
	if got, want := form.Get("sign"), signPass2Pay(params, DemoAppSecret); got != want {
		t.Errorf("sign of %v: got %s, want %s", form, got, want)
	}
	for name, want := range map[string]string{"mchOrderNo": "P1", "state": "2", "amount": "12850", "reqTime": "1772337600000"} {
		if got := form.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestWalletStay(t *testing.T) {
	for _, g := range bothGateways {
		b := newBench(t)
		b.create(g, "N1")
		a := b.press("N1", url.Values{"action": {"pay"}, "stay": {"1"}})
		p, _ := b.Payment("N1")
		to := a.header.Get("Location")
		if a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/sandbox/wallet/"+p.ID) {
			t.Fatalf("%s: got status %d to %s, want 303 to the wallet", g, a.status, to)
		}
		page := b.visit(b.url+to, "", "en").body
		for _, want := range []string{"Paid", "You may close this window.", b.shop.url + "/return/N1", "Back to the shop"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: page after paying has no %q", g, want)
			}
		}
		if strings.Contains(page, `value="pay"`) || strings.Contains(page, "data-auto") {
			t.Errorf("%s: page after paying can still pay, or leaves by itself", g)
		}
	}
}

func TestWalletNotifyChoice(t *testing.T) {
	b := newBench(t)
	for _, number := range []string{"AFTER", "NEVER"} {
		b.create(Pass2Pay, number)
		b.press(number, url.Values{"action": {"pay"}, "notify": {strings.ToLower(number)}})
	}
	b.shop.nothing(t)
	b.Advance(afterReturn)
	if got := mustParseForm(t, b.shop.next(t).body).Get("mchOrderNo"); got != "AFTER" {
		t.Errorf("notification is about %s, want AFTER", got)
	}
	b.Advance(afterReturn)
	b.Close()
	b.shop.nothing(t)
}

func TestWalletExpireAndClosedPayments(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "P1")
	if a := b.press("P1", url.Values{"action": {"expire"}}); a.status != http.StatusSeeOther {
		t.Errorf("expire: got status %d, want 303 to the wallet", a.status)
	}
	if got := mustParseForm(t, b.shop.next(t).body).Get("state"); got != "6" {
		t.Errorf("notification: got state %s, want 6", got)
	}
	if a := b.press("P1", url.Values{"action": {"pay"}}); a.status != http.StatusConflict || !strings.Contains(a.body, "not open any more") {
		t.Errorf("pay after expiry: got status %d", a.status)
	}
	b.create(Pass2Pay, "P2")
	if a := b.press("P2", url.Values{"action": {"dance"}}); a.status != http.StatusBadRequest {
		t.Errorf("unknown action: got status %d, want 400", a.status)
	}
	b.pass2Pay(unifiedPath, b.p2pOrder("P3").with(fields{"returnUrl": ""}))
	if a := b.press("P3", url.Values{"action": {"pay"}}); a.status != http.StatusSeeOther {
		t.Errorf("pay without returnUrl: got status %d, want 303 to the wallet", a.status)
	}
}

// TestWalletRefusesTheWrongApp: a JS API page belongs inside the app of its wallet.
func TestWalletRefusesTheWrongApp(t *testing.T) {
	b := newBench(t)
	b.scanForPay("/api/jspay/create", b.sfpOrder("WECHAT").with(fields{"wallet": "Wechat"}))
	b.scanForPay("/api/jspay/create", b.sfpOrder("ALIPAY"))
	b.create(ScanForPay, "ONLINE")
	tests := []struct {
		number, userAgent string
		code              int // 0: the wallet opens
	}{
		{"WECHAT", inWechat, 0}, {"WECHAT", inAlipay, 42}, {"WECHAT", "Firefox", 40},
		{"ALIPAY", inAlipay, 0}, {"ALIPAY", inWechat, 41}, {"ALIPAY", "Firefox", 40},
		{"ONLINE", "Firefox", 0}, {"ONLINE", inWechat, 0},
	}
	for _, test := range tests {
		p, _ := b.Payment(test.number)
		page := b.visit(p.WalletURL, test.userAgent, "en").body
		opens := strings.Contains(page, `value="pay"`)
		if opens != (test.code == 0) || test.code != 0 && !strings.Contains(page, fmt.Sprintf("(%d)", test.code)) {
			t.Errorf("%s in %s: opens %t, want code %d", test.number, test.userAgent, opens, test.code)
		}
		if page := b.visit(p.WalletURL+"?any_app=1", test.userAgent, "en").body; !strings.Contains(page, `value="pay"`) {
			t.Errorf("%s in %s: does not open on demand", test.number, test.userAgent)
		}
	}
}

func TestChangesFromOtherSitesAreRefused(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	p, _ := b.Payment("S1")
	for _, path := range []string{
		"/sandbox/wallet/" + p.ID + "?action=pay", "/sandbox/payments/S1/pay", "/sandbox/api/payments/S1/pay",
		"/sandbox/faults", "/sandbox/faults/clear", "/sandbox/clock", "/sandbox/api/clock",
	} {
		req, _ := http.NewRequest("POST", b.url+path, nil)
		req.Header.Set("Origin", "https://elsewhere.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if a := b.do(req); a.status != http.StatusForbidden {
			t.Errorf("%s from another site: got status %d, want 403", path, a.status)
		}
	}
	if p, _ := b.Payment("S1"); p.State != Pending {
		t.Errorf("state: got %s, want pending", p.State)
	}
	req, _ := http.NewRequest("POST", b.url+ScanForPayPath+"/api/common/payQuery", strings.NewReader(sfpRequest(nil, fields{"partnerOrderNo": "S1"})))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", "https://elsewhere.example")
	if a := b.do(req); openSFP(t, a.body).Body["code"] != 1.0 {
		t.Errorf("protocol call with an Origin: got %s, want it answered", a.body)
	}
}

func TestCodePictureAndAssets(t *testing.T) {
	b := newBench(t)
	created := b.pass2Pay(unifiedPath, b.p2pOrder("P1").with(fields{"wayCode": "ALI_QR", "channelExtra": `{"payDataType":"codeImgUrl"}`}))
	a := b.visit(created.text("payData"), "", "")
	if a.header.Get("Content-Type") != "image/png" {
		t.Fatalf("code: got %s", a.header.Get("Content-Type"))
	}
	if picture, err := png.Decode(bytes.NewReader([]byte(a.body))); err != nil || picture.Bounds().Dx() < 300 {
		t.Errorf("code: got error %v, want a picture of 300 pixels", err)
	}
	for path, want := range map[string]string{
		"/sandbox/static/sandbox.css": "text/css", "/sandbox/static/return.js": "text/javascript", "/sandbox/code/none.png": "text/plain",
	} {
		if got := b.visit(b.url+path, "", "").header.Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

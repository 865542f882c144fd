package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/skip2/go-qrcode"

	"saoma/models"
	"saoma/payments/sandbox"
)

// TestSale buys in every way that the shop is made for.
func TestSale(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d, "shop: {shipping_fee: 1200, free_shipping_from: 20000}")
		for _, tt := range []struct {
			name    string
			agent   string
			wallet  models.Wallet
			sku     string
			gateway sandbox.Gateway
			method  string
			amount  int64
		}{
			{"in WeChat", iPhoneWeChat, models.WeChat, "TEA-SET", sandbox.ScanForPay, "jspay", 14050},
			{"in Alipay", androidAlipay, models.Alipay, "SHIRT-M", sandbox.ScanForPay, "jspay", 10100},
			{"in AlipayHK", androidHK, models.AlipayHK, "EBOOK", sandbox.ScanForPay, "online", 1900},
			{"on a phone by WeChat", iPhoneSafari, models.WeChat, "PRINT", sandbox.Pass2Pay, "WX_H5", 36000},
			{"on a phone by Alipay", iPhoneSafari, models.Alipay, "EBOOK", sandbox.Pass2Pay, "ALI_WAP", 1900},
			{"on a phone by AlipayHK", iPhoneSafari, models.AlipayHK, "BAG-INDIGO", sandbox.ScanForPay, "online", 6100},
			{"at a desktop by WeChat", desktopChrome, models.WeChat, "EBOOK", sandbox.ScanForPay, "qrcode", 1900},
			{"at a desktop by Alipay", desktopChrome, models.Alipay, "TEA-SET", sandbox.ScanForPay, "qrcode", 14050},
			{"at a desktop by AlipayHK", desktopChrome, models.AlipayHK, "EBOOK", sandbox.ScanForPay, "online", 1900},
		} {
			t.Run(tt.name, func(t *testing.T) {
				b := s.visitorFor(t, tt.agent)
				b.order(tt.sku, string(tt.wallet))
				if tt.agent == desktopChrome {
					token := b.token()
					b.toWallet()
					b.payAndStay("before")
					b.awaitState(token, "paid")
				} else {
					b.payAndReturn("before")
				}
				if got := b.state(); got != "paid" {
					t.Fatalf("order page: got %q, want paid:\n%s", got, b.text)
				}
				if delivered := strings.Contains(b.text, "the-way-of-tea.epub"); delivered != (tt.sku == "EBOOK") {
					t.Errorf("%s is paid: got delivered %v", tt.sku, delivered)
				}
				got := s.sandbox.newest()
				got = sandbox.Payment{Gateway: got.Gateway, Method: got.Method, Wallet: got.Wallet, Amount: got.Amount, Currency: strings.ToUpper(got.Currency), State: got.State}
				want := sandbox.Payment{Gateway: tt.gateway, Method: tt.method, Wallet: string(tt.wallet), Amount: tt.amount, Currency: "CNY", State: sandbox.Paid}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("the gateway's payment (-want +got):\n%s", diff)
				}
			})
		}
		s.audit()
	})
}

// TestHowTheShopLearns: each of the ways in which word of a payment comes is enough by itself.
func TestHowTheShopLearns(t *testing.T) {
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	for _, tt := range []struct {
		name  string
		agent string
		pay   func(b *buyer)
	}{
		{"notification alone", iPhoneWeChat, func(b *buyer) { b.payAndStay("before") }},
		{"notification alone, by Pass2Pay", iPhoneSafari, func(b *buyer) { b.payAndStay("before") }},
		{"return alone", iPhoneWeChat, func(b *buyer) { b.payAndReturn("never") }},
		{"return alone, by Pass2Pay", iPhoneSafari, func(b *buyer) { b.payAndReturn("never") }},
		{"notification after the return", iPhoneWeChat, func(b *buyer) { b.payAndReturn("after") }},
		{"notification after the return, by Pass2Pay", iPhoneSafari, func(b *buyer) { b.payAndReturn("after") }},
		{"I have paid", desktopChrome, func(b *buyer) {
			token := b.token()
			b.toWallet()
			b.payAndStay("never")
			b.open("/o/" + token)
			b.submit(b.form("action", "/o/"+token+"/check"))
			if got := b.state(); got != "paid" {
				b.t.Errorf("after I have paid: got order page %q, want paid", got)
			}
		}},
		{"nothing but our own asking", desktopChrome, func(b *buyer) { b.toWallet(); b.payAndStay("never") }},
		{"nothing but our own asking Pass2Pay", iPhoneSafari, func(b *buyer) { b.payAndStay("never") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := s.visitorFor(t, tt.agent)
			b.order("EBOOK", "wechat")
			token := s.newestToken(t, b)
			tt.pay(b)
			b.awaitState(token, "paid")
		})
	}
	t.Cleanup(s.audit)
}

// newestToken returns the token of the order that the buyer has just placed.
func (s *testShop) newestToken(t *testing.T, b *buyer) string {
	t.Helper()
	if token, is := strings.CutPrefix(b.address.Path, "/o/"); is {
		return token
	}
	id := strings.TrimPrefix(b.address.Path, "/sandbox/wallet/")
	for _, p := range s.sandbox.payments() {
		if p.ID == id {
			return p.ReturnURL[strings.LastIndex(p.ReturnURL, "/")+1:]
		}
	}
	t.Fatalf("%s is no wallet of a payment", b.address)
	return ""
}

// TestCode: the code on a desktop's order page leads where the gateway wants the buyer.
func TestCode(t *testing.T) {
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	b := s.visitor(desktopChrome)
	b.order("EBOOK", "wechat")
	token := b.token()

	want, err := qrcode.New(s.sandbox.newest().WalletURL, qrcode.Medium)
	if err != nil {
		t.Fatal(err)
	}
	b.open("/o/" + token + "/qr.png")
	picture, err := png.Decode(strings.NewReader(b.text))
	if err != nil {
		t.Fatal(err)
	}
	modules := want.Bitmap()
	side := picture.Bounds().Dx() / len(modules)
	for y, row := range modules {
		for x, dark := range row {
			gray := color.GrayModel.Convert(picture.At(x*side+side/2, y*side+side/2)).(color.Gray)
			if got := gray.Y < 128; got != dark {
				t.Fatalf("module %d,%d: got dark %v, want %v as in the code of the gateway's address", x, y, got, dark)
			}
		}
	}
	b.open("/o/" + token + "/qr.svg")
	if b.status != http.StatusOK || !strings.HasPrefix(b.text, "<svg") {
		t.Errorf("qr.svg: got status %d, %.40s", b.status, b.text)
	}
	b.open("/o/" + token)
	b.toWallet()
	b.payAndStay("before")
	b.awaitState(token, "paid")
	if b.open("/o/" + token + "/qr.png"); b.status != http.StatusNotFound {
		t.Errorf("code of a paid order: got status %d, want 404", b.status)
	}
}

// TestStatus: a program that watches is told how the order stands, by asking and by events.
func TestStatus(t *testing.T) {
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	b := s.visitor(desktopChrome)
	b.order("TEA-SET", "alipay")
	token := b.token()

	got := b.statusOf(token)
	var number string
	for _, name := range []string{"expires_at", "payment.expires_at"} {
		if at, err := time.Parse(time.RFC3339, fmt.Sprint(got[name])); err != nil || !at.After(time.Now()) {
			t.Errorf("%s: got %v, want a time to come", name, got[name])
		}
		delete(got, name)
	}
	number, _ = got["number"].(string)
	delete(got, "number")
	want := map[string]any{
		"status": "pending", "amount": 12850.0, "currency": "CNY", "paid_at": nil,
		"payment.wallet": "alipay", "payment.status": "pending",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status of a new order (-want +got):\n%s", diff)
	}
	if !strings.Contains(b.text, number) || number == "" {
		t.Errorf("number: got %q, which its page does not show", number)
	}

	events, next := s.events(t, token)
	defer events.Close()
	if first := next(); first["status"] != "pending" || first["number"] != number {
		t.Errorf("first event: got %v, want the pending order %s", first, number)
	}
	b.toWallet()
	b.payAndStay("before")
	last := next()
	for last["status"] == "pending" {
		last = next()
	}
	if last["status"] != "paid" || last["payment.status"] != "succeeded" || last["paid_at"] == nil {
		t.Errorf("last event: got %v, want the order paid by a succeeded payment", last)
	}
	if diff := cmp.Diff(b.statusOf(token), last); diff != "" {
		t.Errorf("the event says other than the status (-status +event):\n%s", diff)
	}
}

// statusOf asks how the order stands. The names of members within members have a dot.
func (b *buyer) statusOf(token string) map[string]any {
	b.t.Helper()
	resp, err := b.client.Get(b.shop.url + "/o/" + token + "/status")
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status: got %d %s (err %v)", resp.StatusCode, body, err)
	}
	return flat(b.t, body)
}

func flat(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	all := map[string]any{}
	for name, value := range object {
		inner, nested := value.(map[string]any)
		if !nested {
			all[name] = value
		}
		for within, v := range inner {
			all[name+"."+within] = v
		}
	}
	return all
}

// events listens to the order's events; next awaits one.
func (s *testShop) events(t *testing.T, token string) (stream io.Closer, next func() map[string]any) {
	t.Helper()
	resp, err := http.Get(s.url + "/o/" + token + "/events")
	if err != nil {
		t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("events: got status %d, %s", resp.StatusCode, kind)
	}
	lines := bufio.NewScanner(resp.Body)
	return resp.Body, func() map[string]any {
		t.Helper()
		for lines.Scan() {
			if data, is := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); is {
				return flat(t, data)
			}
		}
		t.Fatalf("the events ended: %v", lines.Err())
		return nil
	}
}

// TestOneFormOneOrder: however often a checkout form is sent, it makes one order.
func TestOneFormOneOrder(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d)
		b := s.visitor(desktopChrome)
		f := b.checkout("PRINT", "1", "wechat")
		const clicks = 8
		var together sync.WaitGroup
		var mu sync.Mutex
		landed := map[string]int{}
		for range clicks {
			together.Go(func() {
				resp, err := b.send(b.request(http.MethodPost, f.action, f.fields), true)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				mu.Lock()
				defer mu.Unlock()
				path, _, _ := strings.Cut(resp.Header.Get("Location"), "?")
				landed[path]++
			})
		}
		together.Wait()
		if paths := slices.Collect(maps.Keys(landed)); len(paths) != 1 || !strings.HasPrefix(paths[0], "/o/") {
			t.Errorf("%d clicks at once led to %v, want one order page", clicks, landed)
		}
		b.submit(f) // and once more, later
		if got := "/o/" + b.token(); landed[got] == 0 {
			t.Errorf("the form sent again led to %s, want %v", got, landed)
		}
		for table, want := range map[string]int64{"orders": 1, "payments": 1} {
			if got := s.count("SELECT COUNT(*) FROM " + table); got != want {
				t.Errorf("%s: got %d rows, want %d", table, got, want)
			}
		}
		if got := len(s.sandbox.payments()); got != 1 {
			t.Errorf("the gateway was asked for %d payments, want 1", got)
		}
		s.audit()
	})
}

// TestSoldOut: the last piece is sold once, and the others are told.
func TestSoldOut(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d)
		var forms []*form
		var buyers []*buyer
		for range 5 {
			b := s.visitor(desktopChrome)
			buyers, forms = append(buyers, b), append(forms, b.checkout("PRINT", "1", "wechat"))
		}
		var together sync.WaitGroup
		for i, b := range buyers {
			together.Go(func() { b.submit(forms[i]) })
		}
		together.Wait()
		placed := 0
		for _, b := range buyers {
			switch {
			case strings.HasPrefix(b.address.Path, "/o/"):
				placed++
			case b.status != http.StatusConflict:
				t.Errorf("sold out: got %s with status %d, want 409", b.address.Path, b.status)
			}
		}
		if placed != 3 {
			t.Errorf("got %d orders for 3 pieces", placed)
		}
		s.audit()
	})
}

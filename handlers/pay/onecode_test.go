package pay_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"saoma/handlers/pay"
	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

const alipay = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36 AlipayClient/10.5.96.8000"

// newOneCodeShop returns a shop whose desktops show one code for every wallet.
func newOneCodeShop(t *testing.T) *shop {
	t.Helper()
	return newShopBy(t,
		payments.Route{Wallet: "any", Scene: "desktop", Method: payments.OneCode},
		payments.Route{Wallet: "wechat", Scene: "any", Gateway: models.ScanForPay, Method: "jspay"},
		payments.Route{Wallet: "alipay", Scene: "any", Gateway: models.ScanForPay, Method: "jspay"})
}

// shows fails the test unless the order's page has the one and lacks the other on that browser.
func (s *shop) shows(t *testing.T, when string, o *models.Order, userAgent, want, absent string) {
	t.Helper()
	_, body := s.get(t, "/o/"+o.Token, userAgent)
	if !strings.Contains(body, want) {
		t.Errorf("%s: want %q on the page:\n%s", when, want, body)
	}
	if strings.Contains(body, absent) {
		t.Errorf("%s: got %q on the page, want none", when, absent)
	}
}

func TestOneCodeLeadsToThisPage(t *testing.T) {
	s := newOneCodeShop(t)
	o := s.order(t)
	want, err := web.NewCode(publicURL + "/o/" + o.Token)
	if err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{"nobody has scanned", "a phone has begun to pay"} {
		answer, body := s.get(t, "/o/"+o.Token+"/qr.svg", desktop)
		if answer.StatusCode != http.StatusOK || body != string(want.SVG()) {
			t.Errorf("%s: got %d and a code other than that of the page's address", given, answer.StatusCode)
		}
		s.press(t, o, "/pay", weChat, url.Values{"wallet": {"wechat"}})
	}
	pay.Shut(t, s.Store, o, models.OrderExpired)
	if answer, _ := s.get(t, "/o/"+o.Token+"/qr.svg", desktop); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the code of an order that has run out: got %d, want 404", answer.StatusCode)
	}
}

func TestOneCodeFromScanToPaid(t *testing.T) {
	s := newOneCodeShop(t)
	o := s.order(t)
	s.shows(t, "before the scan", o, desktop, "Scan to pay", "I have paid")
	s.shows(t, "before the scan", o, desktop, "WeChat Pay · Alipay<", `name="wallet"`)

	s.shows(t, "just scanned", o, weChat, "data-goes-on", "data-expires")
	answer := s.press(t, o, "/pay", weChat, url.Values{"wallet": {"wechat"}})
	if got := answer.Header.Get("Location"); got != "https://till.example/pay" {
		t.Errorf("the phone is sent to %q, want the gateway's page", got)
	}
	if _, body := s.get(t, "/o/"+o.Token+"/status", desktop); !strings.Contains(body, `"phone_connected":true`) {
		t.Errorf("status: got %s, want the phone connected", body)
	}
	s.shows(t, "a phone is connected", o, desktop, "Phone connected", "Scan to pay")
	s.shows(t, "a phone is connected", o, desktop, "I have paid", "https://till.example")
	s.shows(t, "back at the phone, unpaid", o, weChat, `href="https://till.example/pay"`, "data-goes-on")

	s.till.TakeMoney()
	if got := s.press(t, o, "/check", desktop, url.Values{}).Header.Get("Location"); got != "/o/"+o.Token {
		t.Errorf("I have paid: got to %q, want the order page", got)
	}
	s.shows(t, "paid", o, desktop, "Paid. Thank you!", "Phone connected")
}

func TestOneCodeBeginsNothingByItself(t *testing.T) {
	s := newOneCodeShop(t)
	o := s.order(t)
	readers := []struct {
		name, userAgent string
		header          string
	}{
		{"a link preview of WeChat", weChat, ""},
		{"a browser that loads ahead", weChat, "prefetch;prerender"},
		{"a phone's browser", phone, "prefetch"},
		{"a crawler", "Mozilla/5.0 (compatible; Somebot/1.0) Mobile MicroMessenger/8.0", ""},
		{"nobody", "", ""},
	}
	for _, reader := range readers {
		for _, path := range []string{"", "?lang=en", "/status", "/qr.svg", "/qr.png"} {
			r := httptest.NewRequest(http.MethodGet, "/o/"+o.Token+path, nil)
			r.Header.Set("User-Agent", reader.userAgent)
			r.Header.Set("Sec-Purpose", reader.header)
			s.do(t, r)
		}
		if got := s.till.Created(); got != 0 {
			t.Fatalf("%s has begun %d payments", reader.name, got)
		}
	}
	if got := s.pressOn(t, o, "/pay", weChat, desktop, url.Values{"wallet": {"wechat"}}).Header.Get("Location"); got != "/o/"+o.Token || s.till.Created() != 0 {
		t.Errorf("a desktop that asks for a payment: got to %q and %d payments, want the code", got, s.till.Created())
	}
	s.shows(t, "nobody has begun", o, desktop, "Scan to pay", "Phone connected")
}

func TestOneCodeGoesOnOnceOnly(t *testing.T) {
	tests := []struct {
		name      string
		userAgent string
		given     func(t *testing.T, s *shop, o *models.Order)
		want      bool
	}{
		{"just scanned", weChat, func(*testing.T, *shop, *models.Order) {}, true},
		{"by the phone's camera", phone, func(*testing.T, *shop, *models.Order) {}, false},
		{"at a desktop", desktop, func(*testing.T, *shop, *models.Order) {}, false},
		{"after an attempt that failed", weChat, func(t *testing.T, s *shop, o *models.Order) {
			p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionRedirect, "https://till.example/pay")
			pay.InTx(t, s.Store, func(tx *models.Tx) error {
				_, err := tx.MovePayment(p, models.PaymentFailed, models.PaymentChange{})
				return err
			})
		}, true}, // it was made at a desktop, before the routes were changed
		{"after an attempt of its own", weChat, func(t *testing.T, s *shop, o *models.Order) {
			s.press(t, o, "/pay", weChat, url.Values{"wallet": {"wechat"}})
		}, false},
		{"while another phone pays", alipay, func(t *testing.T, s *shop, o *models.Order) {
			s.press(t, o, "/pay", weChat, url.Values{"wallet": {"wechat"}})
		}, false},
		{"when the order has run out", weChat, func(t *testing.T, s *shop, _ *models.Order) {
			s.putForward(15 * time.Minute)
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newOneCodeShop(t)
			o := s.order(t)
			tt.given(t, s, o)
			_, body := s.get(t, "/o/"+o.Token, tt.userAgent)
			if got := strings.Contains(body, "data-goes-on"); got != tt.want {
				t.Errorf("goes on by itself: got %v, want %v\n%s", got, tt.want, body)
			}
		})
	}
}

// TestTwoPhonesScanOneCode lets two phones begin at once, and again and again: there is one live
// attempt at every moment, and the one that gave way can take it back.
func TestTwoPhonesScanOneCode(t *testing.T) {
	s := newOneCodeShop(t)
	o := s.order(t)
	var both sync.WaitGroup
	for userAgent, wallet := range map[string]string{weChat: "wechat", alipay: "alipay"} {
		both.Go(func() { s.press(t, o, "/pay", userAgent, url.Values{"wallet": {wallet}}) })
	}
	both.Wait()
	s.oneLive(t, o)

	s.putForward(10 * time.Second)
	s.press(t, o, "/pay", weChat, url.Values{"wallet": {"wechat"}})
	s.shows(t, "the second phone", o, alipay, "Another phone or app has started to pay", "https://till.example")
	s.press(t, o, "/pay", alipay, url.Values{"wallet": {"alipay"}})
	if got := s.oneLive(t, o); got.Wallet != models.Alipay {
		t.Errorf("live: got the attempt by %s, want that of the phone that pressed last", got.Wallet)
	}
	s.shows(t, "the first phone", o, weChat, `value="wechat"`, "https://till.example")
	s.shows(t, "the desktop", o, desktop, "Continue in Alipay", "Continue in WeChat")
}

// oneLive returns the one live attempt of the order.
func (s *shop) oneLive(t *testing.T, o *models.Order) models.Payment {
	t.Helper()
	now, err := s.OrderByToken(t.Context(), o.Token)
	if err != nil {
		t.Fatal(err)
	}
	var live []models.Payment
	for _, p := range now.Payments {
		if p.Live() {
			live = append(live, p)
		}
	}
	if len(live) != 1 {
		t.Fatalf("live attempts: got %d, want 1", len(live))
	}
	return live[0]
}

package pay_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"saoma/handlers/pay"
	"saoma/models"
	"saoma/payments"
)

func TestStartPayment(t *testing.T) {
	down := &payments.CallError{Outcome: payments.NotSent, Err: errors.New("no connection")}
	lost := &payments.CallError{Outcome: payments.Unknown, Err: errors.New("no answer")}
	tests := []struct {
		name      string
		given     func(t *testing.T, s *shop, o *models.Order)
		userAgent string
		wallet    string
		want      string // location; "…" stands for the order page
		created   int
	}{
		{name: "desktop", userAgent: desktop, wallet: "wechat", want: "…", created: 1},
		{name: "phone", userAgent: phone, wallet: "alipay", want: "https://till.example/pay", created: 1},
		{name: "wallet", userAgent: weChat, wallet: "wechat", want: "https://till.example/pay", created: 1},
		{name: "another wallet inside a wallet", userAgent: weChat, wallet: "alipay", want: "…?notice=elsewhere"},
		{name: "no wallet", userAgent: desktop, wallet: "", want: "…?notice=wallet"},
		{name: "unknown wallet", userAgent: desktop, wallet: "cash", want: "…?notice=wallet"},
		{
			name: "a wallet that takes the address of the order", userAgent: phone, wallet: "wechat", want: "https://till.example/pay", created: 1,
			given: func(_ *testing.T, s *shop, o *models.Order) { s.till.OnlyFrom(o.ClientIP) },
		},
		{
			name: "a code on a phone", userAgent: phone, wallet: "wechat", want: "…", created: 1,
			given: func(_ *testing.T, s *shop, _ *models.Order) { s.till.Answer(models.ActionCode, "weixin://x") },
		},
		{
			name: "gateway down", userAgent: desktop, wallet: "wechat", want: "…?notice=down",
			given: func(_ *testing.T, s *shop, _ *models.Order) { s.till.Break(down) },
		},
		{
			name: "an earlier attempt's fate is unknown", userAgent: desktop, wallet: "alipay", want: "…?notice=asking",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				s.till.Break(lost)
			},
		},
		{
			name: "paid meanwhile", userAgent: desktop, wallet: "alipay", want: "…",
			given: func(t *testing.T, s *shop, o *models.Order) {
				s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
				s.till.TakeMoney()
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			known := 0
			if tt.given != nil {
				tt.given(t, s, o)
				known = s.till.Created()
			}
			answer := s.press(t, o, "/pay", tt.userAgent, url.Values{"wallet": {tt.wallet}})
			want := strings.Replace(tt.want, "…", "/o/"+o.Token, 1)
			if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != want {
				t.Errorf("got %d to %q, want 303 to %q", answer.StatusCode, got, want)
			}
			if got := s.till.Created() - known; got != tt.created {
				t.Errorf("created: got %d payments, want %d", got, tt.created)
			}
			if _, body := s.get(t, "/o/"+o.Token, tt.userAgent); !strings.Contains(body, o.Number) {
				t.Errorf("the order page does not show the order:\n%s", body)
			}
		})
	}
}

func TestStartPaymentIsPaced(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	for i := range 20 {
		wallet := models.Wallets[i%2]
		location := s.press(t, o, "/pay", desktop, url.Values{"wallet": {string(wallet)}}).Header.Get("Location")
		if strings.HasSuffix(location, "?notice=slow") {
			return
		}
	}
	t.Errorf("20 attempts at once: got %d payments, want some refused", s.till.Created())
}

func TestFormsNeedTheirToken(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	for _, path := range []string{"/pay", "/check"} {
		r := httptest.NewRequest(http.MethodPost, "/o/"+o.Token+path, strings.NewReader("wallet=wechat"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if answer, _ := s.do(t, r); answer.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s without a token: got %d, want 403", path, answer.StatusCode)
		}
	}
	if s.till.Created()+s.till.Queries() != 0 {
		t.Error("the gateway was called")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name  string
		given func(s *shop)
		want  string
		state models.OrderStatus
	}{
		{"paid", func(s *shop) { s.till.TakeMoney() }, "…", models.OrderPaid},
		{"not paid", func(*shop) {}, "…?notice=unpaid", models.OrderPending},
		{
			"the gateway does not answer",
			func(s *shop) { s.till.Break(&payments.CallError{Outcome: payments.Unknown}) },
			"…?notice=unasked", models.OrderPending,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
			tt.given(s)
			answer := s.press(t, o, "/check", desktop, url.Values{})
			want := strings.Replace(tt.want, "…", "/o/"+o.Token, 1)
			if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != want {
				t.Errorf("got %d to %q, want 303 to %q", answer.StatusCode, got, want)
			}
			if got := s.status(t, o); got != tt.state {
				t.Errorf("order: got %s, want %s", got, tt.state)
			}
		})
	}
}

func TestReturn(t *testing.T) {
	tests := []struct {
		name         string
		method, body string
		query        string
		given        func(s *shop)
		state        models.OrderStatus
	}{
		{"form, paid", http.MethodPost, "partnerOrderNo=P1", "", func(s *shop) { s.till.TakeMoney() }, models.OrderPaid},
		{"link, paid", http.MethodGet, "", "?state=2&sign=X", func(s *shop) { s.till.TakeMoney() }, models.OrderPaid},
		{"link that only claims it", http.MethodGet, "", "?state=2&sign=X&status=paid", func(*shop) {}, models.OrderPending},
		{
			"gateway down", http.MethodPost, "partnerOrderNo=P1", "",
			func(s *shop) { s.till.Break(&payments.CallError{Outcome: payments.NotSent}) }, models.OrderPending,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
			tt.given(s)
			r := httptest.NewRequest(tt.method, "/pay/return/"+o.Token+tt.query, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://till.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			answer, _ := s.do(t, r)
			if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != "/o/"+o.Token {
				t.Errorf("got %d to %q, want 303 to the order", answer.StatusCode, got)
			}
			if len(answer.Cookies()) > 0 {
				t.Errorf("cookies: got %v, want none", answer.Cookies())
			}
			if got := s.status(t, o); got != tt.state {
				t.Errorf("order: got %s, want %s", got, tt.state)
			}
		})
	}
	s := newShop(t)
	if answer, _ := s.get(t, "/pay/return/"+models.NewToken(), phone); answer.StatusCode != http.StatusNotFound {
		t.Errorf("unknown order: got %d, want 404", answer.StatusCode)
	}
}

func TestReturnsDoNotHammerTheGateway(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
	const returns = 50
	for range returns {
		if answer, _ := s.get(t, "/pay/return/"+o.Token, phone); answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("return: got %d, want 303", answer.StatusCode)
		}
	}
	if got := s.till.Queries(); got == 0 || got >= returns {
		t.Errorf("queries for %d returns: got %d, want a few", returns, got)
	}
}

package pay_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"saoma/handlers/pay"
	"saoma/models"
	"saoma/models/modelstest"
)

func TestNotify(t *testing.T) {
	tests := []struct {
		name   string
		body   func(number string) string
		status int
		text   string
		coding string
	}{
		{"paid", func(n string) string { return n + " succeeded" }, 200, "success", ""},
		{"forged", func(n string) string { return "forged " + n + " succeeded" }, 401, "sign fail", ""},
		{"malformed", func(string) string { return "nonsense" }, 400, "malformed", ""},
		{"empty", func(string) string { return "" }, 400, "malformed", ""},
		{"unknown", func(string) string { return "P0 succeeded" }, 404, "unknown order", ""},
		{"too large", func(n string) string { return n + " " + strings.Repeat("x", 64<<10) }, 413, "too large", ""},
		{"compressed", func(n string) string { return n + " succeeded" }, 415, "encoded", "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
			s.till.Know(p)
			for range 2 { // a repeat is answered as the first one was
				r := httptest.NewRequest(http.MethodPost, "/pay/notify/scanforpay", strings.NewReader(tt.body(p.Number)))
				if tt.coding != "" {
					r.Header.Set("Content-Encoding", tt.coding)
				}
				answer, body := s.do(t, r)
				if answer.StatusCode != tt.status || body != tt.text {
					t.Errorf("got %d %q, want %d %q", answer.StatusCode, body, tt.status, tt.text)
				}
				if got := answer.Header.Get("Content-Type"); got != "text/plain" {
					t.Errorf("content type: got %q", got)
				}
			}
			want := models.OrderPending
			if tt.name == "paid" {
				want = models.OrderPaid
			}
			if got := s.status(t, o); got != want {
				t.Errorf("order: got %s, want %s", got, want)
			}
			kept, err := s.LoneEvidence(t.Context(), "", 10)
			if refused := tt.status/100 == 4; err != nil || (len(kept) > 0) != refused {
				t.Errorf("messages without an order: got %+v, %v, want some: %t", kept, err, refused)
			}
		})
	}
}

func TestNotifyWithoutDatabaseIsNotAcknowledged(t *testing.T) {
	store, err := models.Open(t.Context(), modelstest.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newShopOn(t, store, anyWay)
	o := s.order(t)
	p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
	s.till.Know(p)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/pay/notify/scanforpay", strings.NewReader(p.Number+" succeeded"))
	answer, body := s.do(t, r)
	if answer.StatusCode < 500 || strings.Contains(strings.ToLower(body), "success") {
		t.Errorf("got %d %q, want a 5xx that asks for a repeat", answer.StatusCode, body)
	}
}

func TestGatewayThatIsOffHasNoNotifyRoute(t *testing.T) {
	s := newShop(t)
	r := httptest.NewRequest(http.MethodPost, "/pay/notify/pass2pay", strings.NewReader("x"))
	if answer, body := s.do(t, r); answer.StatusCode/100 != 4 || strings.Contains(strings.ToLower(body), "success") {
		t.Errorf("got %d %q, want 404", answer.StatusCode, body)
	}
}

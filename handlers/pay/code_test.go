package pay_test

import (
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"saoma/handlers/pay"
	"saoma/models"
)

func TestCode(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	for _, path := range []string{"/qr.png", "/qr.svg"} {
		if answer, _ := s.get(t, "/o/"+o.Token+path, desktop); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s without an attempt: got %d, want 404", path, answer.StatusCode)
		}
	}
	p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "weixin://wxpay/abc")
	for path, contentType := range map[string]string{"/qr.png": "image/png", "/qr.svg": "image/svg+xml"} {
		answer, body := s.get(t, "/o/"+o.Token+path, desktop)
		if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != contentType {
			t.Errorf("%s: got %d, %s, want 200, %s", path, answer.StatusCode, got, contentType)
		}
		if path == "/qr.png" {
			picture, err := png.Decode(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if got := picture.Bounds().Dx(); got < 8*29 {
				t.Errorf("width: got %d pixels, want 8 a module at least", got)
			}
		}
		if got := answer.Header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: Cache-Control got %q", path, got)
		}
		r := httptest.NewRequest(http.MethodGet, "/o/"+o.Token+path, nil)
		r.Header.Set("If-None-Match", answer.Header.Get("ETag"))
		if again, body := s.do(t, r); again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s again: got %d with %d bytes, want 304 with none", path, again.StatusCode, len(body))
		}
	}
	pay.InTx(t, s.Store, func(tx *models.Tx) error {
		_, err := tx.MovePayment(p, models.PaymentClosed, models.PaymentChange{})
		return err
	})
	if answer, _ := s.get(t, "/o/"+o.Token+"/qr.png", desktop); answer.StatusCode != http.StatusNotFound {
		t.Errorf("after the attempt was closed: got %d, want 404", answer.StatusCode)
	}
}

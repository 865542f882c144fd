package pay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"saoma/handlers/pay"
	"saoma/models"
)

func TestStatus(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	_, body := s.get(t, "/o/"+o.Token+"/status", desktop)
	times := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	want := `{"number":"` + o.Number + `","status":"pending","amount":13850,"currency":"CNY","expires_at":"` + times(o.ExpiresAt) +
		`","paid_at":null,"payment":null}`
	if body != want {
		t.Errorf("before any attempt:\ngot  %s\nwant %s", body, want)
	}
	p := pay.Attempt(t, s.Store, o, models.Alipay, models.ActionCode, "x")
	first, _ := s.get(t, "/o/"+o.Token+"/status", desktop)
	if got := first.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type: got %q", got)
	}
	pay.Settle(t, s.Store, o, p, false)
	confirming, body := s.get(t, "/o/"+o.Token+"/status", desktop)
	paid, err := s.OrderByToken(t.Context(), o.Token)
	if err != nil {
		t.Fatal(err)
	}
	want = `{"number":"` + o.Number + `","status":"paid","amount":13850,"currency":"CNY","expires_at":"` + times(o.ExpiresAt) +
		`","paid_at":"` + times(*paid.PaidAt) + `","payment":{"wallet":"alipay","status":"succeeded","expires_at":"` + times(p.ExpiresAt) + `"}}`
	if body != want {
		t.Errorf("paid:\ngot  %s\nwant %s", body, want)
	}
	pay.InTx(t, s.Store, func(tx *models.Tx) error {
		return tx.ChangePayment(p, models.PaymentChange{ConfirmedAt: tx.Now()})
	})
	confirmed, _ := s.get(t, "/o/"+o.Token+"/status", desktop)
	tags := map[string]bool{}
	for _, answer := range []*http.Response{first, confirming, confirmed} {
		tags[answer.Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("entity tags of three different pages: got %v", tags)
	}
	_, page := s.get(t, "/o/"+o.Token, desktop)
	if want := `data-version="` + strings.Trim(confirmed.Header.Get("ETag"), `"`) + `"`; !strings.Contains(page, want) {
		t.Errorf("page: want %s in it", want)
	}
}

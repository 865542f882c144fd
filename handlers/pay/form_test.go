package pay_test

import (
	"net/http"
	"strings"
	"testing"

	"saoma/handlers/pay"
	"saoma/models"
)

func TestGatewaysFormStandsAlone(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	const form = `<form action="https://till.example/pay" method="post"></form><script>document.forms[0].submit()</script>`
	answer, _ := s.get(t, "/o/"+o.Token+"/form", phone)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/o/"+o.Token {
		t.Errorf("without a form: got %d to %q, want 303 to the order", answer.StatusCode, answer.Header.Get("Location"))
	}
	pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, form)
	answer, body := s.get(t, "/o/"+o.Token+"/form", phone)
	if body != form {
		t.Errorf("page: got %q, want the gateway's %q", body, form)
	}
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox allow-forms allow-scripts allow-top-navigation;") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("policy: got %q, want a sandbox without our origin", policy)
	}
	if len(answer.Cookies()) > 0 {
		t.Errorf("cookies: got %v, want none", answer.Cookies())
	}
}

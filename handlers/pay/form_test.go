package pay_test

import (
	"net/http"
	"strings"
	"testing"

	"saoma/handlers/pay"
	"saoma/models"
	"saoma/payments"
)

// oldForm is what older code kept of a gateway that takes its buyers by a form.
const oldForm = `<form action="https://evil.example/pay" method="post"></form><script>document.forms[0].submit()</script>`

func TestForm(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	wantOrder := func(when, userAgent string) {
		t.Helper()
		answer, _ := s.get(t, "/o/"+o.Token+"/form", userAgent)
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/o/"+o.Token {
			t.Errorf("%s: got %d to %q, want 303 to the order", when, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	wantOrder("without a form", phone)
	form := payments.Form{Method: "post", Action: "https://till.example/pay?a=1&b=2", Fields: []payments.FormField{
		{Name: "biz", Value: `{"x":"<b>"}`}, {Name: `"><script>`, Value: ""},
	}}
	pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, form.Data())
	wantOrder("in an app that does not open it", weChat)
	answer, body := s.get(t, "/o/"+o.Token+"/form", phone)
	for _, want := range []string{
		`method="post" action="https://till.example/pay?a=1&amp;b=2" data-auto>`,
		`<input type="hidden" name="biz" value="{&#34;x&#34;:&#34;&lt;b&gt;&#34;}">`,
		`name="&#34;&gt;&lt;script&gt;"`, "Pay CN¥138.50 with Alipay", `/static/form.`, `href="/o/` + o.Token + `"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %q:\n%s", want, body)
		}
	}
	if strings.Contains(body, "http-equiv") || strings.Contains(body, "_csrf") {
		t.Errorf("the page loads itself anew, or tells the gateway of our own forms:\n%s", body)
	}
	order, _ := s.get(t, "/o/"+o.Token, phone)
	if policy := answer.Header.Get("Content-Security-Policy"); policy == "" || policy != order.Header.Get("Content-Security-Policy") {
		t.Errorf("policy: got %q, want the one of every page, %q", policy, order.Header.Get("Content-Security-Policy"))
	}
	if len(answer.Cookies()) > 0 {
		t.Errorf("cookies: got %v, want none", answer.Cookies())
	}
	pay.Trouble(t, s.Store, o, models.IncidentAmountMismatch)
	wantOrder("while its money is looked at", phone)
}

// TestFormOfOlderCode: a page of a gateway's that older code kept is shown to nobody, and who wants to pay
// begins anew.
func TestFormOfOlderCode(t *testing.T) {
	for _, kept := range []string{"", "null", "{}", `"https://evil.example"`} {
		if f, readable := payments.FormOf(&models.Payment{Action: models.ActionForm, ActionData: kept}); readable {
			t.Errorf("%q: got the form %+v, want none", kept, f)
		}
	}
	s := newShop(t)
	o := s.order(t)
	old := pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, oldForm)
	s.till.Know(old)
	if answer, body := s.get(t, "/o/"+o.Token+"/form", phone); answer.StatusCode != http.StatusSeeOther || strings.Contains(body, "evil") {
		t.Errorf("got %d, %q; want the way to the order", answer.StatusCode, body)
	}
	answer := s.press(t, o, "/pay", desktop, map[string][]string{"wallet": {"alipay"}})
	if answer.StatusCode != http.StatusSeeOther || s.till.Created() != 2 {
		t.Errorf("got %d with %d payments created, want another one", answer.StatusCode, s.till.Created()-1)
	}
	now, err := s.OrderByID(t.Context(), o.ID)
	if err != nil || len(now.Payments) != 2 || now.Payments[0].Action != models.ActionRedirect || now.Payments[1].Status != models.PaymentClosed {
		t.Errorf("got the attempts %+v, %v; want the old one given up and another one", now.Payments, err)
	}
}

package admin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// try takes the turn of the one mail that is due, and ends it: sent when why is empty, and else given
// up, or tried again later.
func (s *sold) try(why string, again time.Duration) models.Mail {
	s.t.Helper()
	ctx := context.Background()
	due, err := s.store.DueMails(ctx, 10)
	if err != nil || len(due) != 1 {
		s.t.Fatalf("due: got %v, %v; want one", due, err)
	}
	m := &due[0]
	if _, err := s.store.ClaimMail(ctx, m, s.clock().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	switch {
	case why == "":
		err = s.store.MailSent(ctx, m)
	case again == 0:
		err = s.store.MailFailed(ctx, m, why, time.Time{})
	default:
		err = s.store.MailFailed(ctx, m, why, s.clock().Add(again))
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return *m
}

func TestMails(t *testing.T) {
	options := modelstest.Options(t)
	options.Mail = true
	s := &sold{desk: newDeskOn(t, options)}
	modelstest.Product(t, s.store, "cup", 2500, 100)
	order := s.order("Ada", "cup", 1)
	page, address := "/admin/orders/"+order.Number, "/admin/orders/"+order.Number+"/mail"
	b := s.in(models.RoleOrders)

	const (
		resend = `>Send again</button>`
		leave  = `>Dismiss</button>`
	)
	b.get(page).check(t, "waiting", http.StatusOK, "", []string{"E-mails to the buyer", "E-mail waits: Order placed", "Waiting"}, []string{resend, leave, "Next try"})
	s.try("451 <ada@example.com> greylisted", time.Hour)
	b.get(page).check(t, "tried once", http.StatusOK, "", []string{"E-mail waits: Order placed", "451 &lt;ada@example.com&gt; greylisted", "Next try"}, []string{resend, leave})
	b.get("/admin").check(t, "home while it is tried", http.StatusOK, "", nil, []string{order.Number})

	s.later(2 * time.Hour)
	first := s.try("550 nobody <script>", 0)
	b.get(page).check(t, "given up", http.StatusOK, "", []string{"E-mail not sent: Order placed", "550 nobody &lt;script&gt;", resend, leave, `value="` + first.ID + `"`}, []string{"Next try"})
	b.get("/admin").check(t, "home", http.StatusOK, "", []string{"E-mails that could not be sent", page + "#mails", "550 nobody &lt;script&gt;", resend, `value="` + first.ID + `"`}, []string{"All is well"})
	viewer := s.in(models.RoleReadOnly)
	viewer.get(page).check(t, "as read by a viewer", http.StatusOK, "", []string{"E-mail not sent: Order placed"}, []string{resend, leave})
	viewer.get("/admin").check(t, "home of a viewer", http.StatusOK, "", []string{page + "#mails"}, []string{resend})

	form := func(m models.Mail) url.Values { return url.Values{"mail": {m.ID}} }
	b.post(address+"/leave", form(first)).check(t, "leave", http.StatusSeeOther, page, nil, nil)
	b.get(page).check(t, "left", http.StatusOK, "", []string{"The e-mail stays unsent", "Dismissed an unsent e-mail", "Not sent, dismissed", resend}, []string{leave})
	b.get("/admin").check(t, "home afterwards", http.StatusOK, "", nil, []string{"E-mails that could not be sent"})
	b.post(address+"/leave", form(first)).check(t, "leave twice", http.StatusConflict, "", []string{"Somebody was faster"}, nil)

	b.post(address, form(first)).check(t, "resend", http.StatusSeeOther, page, nil, nil)
	b.get(page).check(t, "resent", http.StatusOK, "", []string{"goes out again", "Sent an e-mail again", "E-mail waits: Order placed"}, []string{resend})
	b.post(address, form(first)).check(t, "a double click", http.StatusConflict, "", []string{"Somebody was faster"}, nil)
	second := s.try("", 0)
	answer := b.get(page)
	answer.check(t, "sent", http.StatusOK, "", []string{"E-mail sent: Order placed", `state-sent">Sent<`, `value="` + second.ID + `"`}, nil)
	if n := strings.Count(answer.body, resend); n != 1 {
		t.Errorf("two copies: got %d buttons to send again, want one for the last", n)
	}
	b.post(address, url.Values{"mail": {"somebody else's"}}).check(t, "a foreign mail", http.StatusConflict, "", []string{"Somebody was faster"}, nil)

	audit := s.as(s.hire("boss@example.com", models.RoleOwner)).get("/admin/audit")
	audit.check(t, "audit", http.StatusOK, "", []string{"Sent an e-mail again", "Dismissed an unsent e-mail", order.Number}, nil)
}

// While mail is off nothing is offered, and an old page is told so.
func TestMailOff(t *testing.T) {
	options := modelstest.Options(t)
	options.Mail = true
	s := &sold{desk: newDeskOn(t, options)}
	modelstest.Product(t, s.store, "cup", 2500, 100)
	order := s.order("Ada", "cup", 1)
	m := s.try("", 0)
	options.Mail = false
	off := newDeskOn(t, options)
	off.later(time.Hour)
	b := off.as(off.hire("orders@example.com", models.RoleOrders))
	page := "/admin/orders/" + order.Number
	b.get(page).check(t, "page", http.StatusOK, "", []string{"E-mail sent: Order placed"}, []string{">Send again</button>"})
	b.post(page+"/mail", url.Values{"mail": {m.ID}}).check(t, "resend", http.StatusConflict, "", []string{"E-mail is switched off"}, nil)
}

package admin

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// mailRow is a mail to the buyer in words, and what the member may do about it.
type mailRow struct {
	models.Mail
	Name, State   string
	At            time.Time // when it came to that state
	Next          string    // when it is tried again; empty: not before it was tried, or not any more
	Resend, Leave bool
}

func (p Page) mail(m models.Mail) mailRow {
	row := mailRow{Mail: m, Name: p.T("admin.mail." + string(m.Kind)), State: p.T("admin.mail.state." + string(m.Status)), At: m.CreatedAt}
	switch {
	case m.SentAt != nil:
		row.At = *m.SentAt
	case m.Status == models.MailQueued && m.Failure != "":
		row.Next = p.Time(*m.TryAt)
	case m.Status != models.MailQueued:
		row.At = m.UpdatedAt
	}
	return row
}

// tellMails lists the mails about the order. What is done with may be sent again: the copy made last
// of each.
func (p *orderPage) tellMails(s subject, sending bool) {
	for i, m := range s.mails {
		row := p.mail(m)
		last := true
		for _, later := range s.mails[i+1:] {
			last = last && (later.Kind != m.Kind || later.RefundID != m.RefundID)
		}
		row.Resend = sending && last && m.Status != models.MailQueued && p.may("mail")
		row.Leave = m.Status == models.MailGivenUp && p.may("mail/leave")
		p.Mails = append(p.Mails, row)
	}
}

// mailEvent is a mail in the order's timeline, at the moment when it came to be as it is.
func (p Page) mailEvent(m models.Mail) event {
	row := p.mail(m)
	e := event{At: row.At, Title: p.T("admin.event.mail."+string(m.Status), "mail", row.Name), Detail: m.Failure}
	if row.Next != "" {
		e.Detail += " · " + p.T("admin.mail.next", "time", row.Next)
	}
	if m.Status == models.MailGivenUp {
		e.Look = "incident"
	}
	return e
}

// resendMail sends the buyer a mail again.
func (a *Pages) resendMail(c *fiber.Ctx) error {
	err := a.store.ResendMail(c.UserContext(), c.Params("number"), web.FormValue(c, "mail"), a.actor(c))
	return a.acted(c, err, orderForms{}, "admin.order.mail.resent")
}

// leaveMail keeps a mail that was given up as it is.
func (a *Pages) leaveMail(c *fiber.Ctx) error {
	err := a.store.LeaveMail(c.UserContext(), c.Params("number"), web.FormValue(c, "mail"), a.actor(c))
	return a.acted(c, err, orderForms{}, "admin.order.mail.left")
}

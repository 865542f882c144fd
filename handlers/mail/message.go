package mail

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"

	gomail "github.com/wneessen/go-mail"

	"saoma/handlers/web"
	"saoma/models"
)

// message is what a mail says, as its templates show it. Its title is the subject too.
type message struct {
	web.Page
	Paragraphs []string
	Link       string // the order page
	Lines      []line
	Sums       []fact
	Facts      []fact
}

// line is one line of the order in words.
type line struct {
	models.OrderItem
	Name    web.Text // as the buyer saw it
	Options web.Text // likewise
	Sum     string
}

// fact is something that has a name.
type fact struct{ Name, Value string }

// write makes the mail ready to be sent, from the order as it is now.
func (m *Mailer) write(ctx context.Context, row *models.Mail) (*gomail.Msg, error) {
	order, err := m.store.OrderByID(ctx, row.OrderID)
	if err != nil {
		return nil, err
	}
	var refund models.Refund
	if row.RefundID != "" {
		refunds, err := m.store.Refunds(ctx, order.ID)
		if err != nil {
			return nil, err
		}
		for _, r := range refunds {
			if r.ID == row.RefundID {
				refund = r
			}
		}
	}
	to, err := mail.ParseAddress(order.Email)
	if err != nil {
		return nil, &refusal{step: "read the buyer's address", told: "this is no e-mail address", final: true}
	}
	return m.envelope(row, to, m.compose(row.Kind, order, refund))
}

// envelope puts the message into both its forms and writes the headers.
func (m *Mailer) envelope(row *models.Mail, to *mail.Address, say message) (*gomail.Msg, error) {
	var text, html bytes.Buffer
	if err := m.text.ExecuteTemplate(&text, "order.txt", say); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	if err := m.base.Write(&html, "mail/order", say); err != nil {
		return nil, err
	}
	from := *m.from
	if from.Name == "" {
		from.Name = say.ShopName
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&from)
	if m.replyTo != nil {
		msg.ReplyToMailAddress(m.replyTo)
	}
	msg.ToMailAddress(&mail.Address{Address: to.Address})
	msg.Subject(say.Title)
	msg.SetDateWithValue(m.store.Now())
	msg.SetMessageIDWithValue(row.ID + "@" + m.domain)
	msg.SetGenHeader(gomail.HeaderContentLang, say.Lang)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	msg.SetBodyString(gomail.TypeTextPlain, text.String())
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return msg, nil
}

// compose puts what happened to the order into the buyer's words.
func (m *Mailer) compose(kind models.MailKind, o *models.Order, r models.Refund) message {
	say := message{Page: m.base.PageIn(o.Language), Link: m.base.Config.PublicURL + "/o/" + o.Token}
	money := func(minor int64) string { return say.Money(models.Money{Amount: minor, Currency: o.Currency}) }
	tell := func(subject string, paragraphs ...string) {
		say.Title, say.Paragraphs = say.T(subject, "number", o.Number), paragraphs
	}
	switch kind {
	case models.MailPlaced:
		tell("mail.placed.subject", say.T("mail.placed.lead"))
		if o.Status == models.OrderPending {
			say.add("mail.placed.pay", "amount", money(o.Amount), "until", say.Time(o.ExpiresAt))
		}
	case models.MailPaid:
		tell("mail.paid.subject", say.T("mail.paid.lead", "amount", money(o.Amount)))
		if digital(o) {
			say.add("mail.paid.digital")
		}
		if o.Shipped {
			say.add("mail.paid.shipped")
		}
	case models.MailShipped:
		if o.Shipped {
			tell("mail.shipped.subject", say.T("mail.shipped.lead"))
		} else {
			tell("mail.handed.subject", say.T("mail.handed.lead"))
		}
	case models.MailRefunded:
		tell("mail.refunded.subject", say.T("mail.refunded.lead", "amount", money(r.Amount)), say.T("mail.refunded.when"))
	}
	if kind != models.MailRefunded {
		say.list(o, money)
	}
	say.facts(kind, o)
	return say
}

func (say *message) add(key string, args ...any) {
	say.Paragraphs = append(say.Paragraphs, say.T(key, args...))
}

// digital reports whether something of the order is delivered on its page.
func digital(o *models.Order) bool {
	for _, item := range o.Items {
		if item.Digital {
			return true
		}
	}
	return false
}

// list says what was bought and what it costs.
func (say *message) list(o *models.Order, money func(int64) string) {
	for _, item := range o.Items {
		say.Lines = append(say.Lines, line{item, say.Theirs(item.Seen()), say.Theirs(item.OptionsSeen()), money(item.Total())})
	}
	if o.Shipped {
		say.Sums = append(say.Sums, fact{say.T("order.shipping"), money(o.Shipping)})
	}
	say.Sums = append(say.Sums, fact{say.T("order.total"), money(o.Amount)})
}

// facts are what a buyer may want to look up later.
func (say *message) facts(kind models.MailKind, o *models.Order) {
	put := func(key, value string) {
		if value != "" {
			say.Facts = append(say.Facts, fact{say.T(key), value})
		}
	}
	put("order.number", o.Number)
	put("order.placed_at", say.Time(o.CreatedAt))
	if kind == models.MailPaid && o.PaidAt != nil {
		put("order.paid_at", say.Time(*o.PaidAt))
		if o.Wallet != "" && o.Gateway != models.ByHand {
			put("order.paid_with", say.T("wallet."+string(o.Wallet)))
		}
	}
	if kind == models.MailShipped {
		put("order.carrier", o.Carrier)
		put("order.tracking", o.Tracking)
	}
}

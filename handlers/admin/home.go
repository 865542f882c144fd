package admin

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// homePage is what needs attention first, each with what settles it.
type homePage struct {
	Page
	Calm       bool
	Incidents  []incidentRow
	Refunds    []waitingRefund
	Failed     []waitingRefund // refunds
	Confirming []waitingOrder
	Mails      []waitingMail // that were given up
	Refused    string        // when the last message came that names no order of ours
	Low        []models.Variant

	AllIncidents string // says how many there are
	// There may be more than are shown.
	MoreRefunds, MoreFailed, MoreConfirming, MoreMails, MoreLow bool
}

type waitingRefund struct {
	models.RefundRow
	Address, Money, Age string
	MayRefund           bool // the money can be given back by another refund
	MayEnd              bool // the member may say what became of it
}

type waitingOrder struct {
	models.OrderRow
	Address, Money, Age string
	MayAsk              bool
}

type waitingMail struct {
	models.MailRow
	Address, Name, Age string
	MayResend          bool
}

// showHome is the first page.
func (a *Pages) showHome(c *fiber.Ctx) error {
	page := homePage{Page: a.page(c, "admin.home.title")}
	attention, err := a.store.Attention(c.UserContext())
	if err != nil {
		return err
	}
	if page.May(get, "/admin/orders") {
		a.tellWaiting(&page, attention)
	}
	page.Low, page.MoreLow = attention.Low, len(attention.Low) == models.AttentionRows
	page.Calm = page.Refused == "" && len(page.Incidents)+len(page.Refunds)+len(page.Failed)+len(page.Confirming)+len(page.Mails)+len(page.Low) == 0
	return a.render(c, "admin/home", page)
}

// tellWaiting puts what waits about orders into words.
func (a *Pages) tellWaiting(page *homePage, waiting models.Attention) {
	now := a.store.Now()
	if waiting.Refused != nil {
		page.Refused = page.Time(*waiting.Refused)
	}
	page.AllIncidents = page.T("admin.home.all", "what", page.incidentCount(waiting.Open))
	page.MoreRefunds = len(waiting.Refunds) == models.AttentionRows
	page.MoreFailed = len(waiting.Failed) == models.AttentionRows
	page.MoreConfirming = len(waiting.Confirming) == models.AttentionRows
	page.MoreMails = len(waiting.Mails) == models.AttentionRows
	for _, i := range waiting.Incidents {
		page.Incidents = append(page.Incidents, page.incident(i, now, home))
	}
	page.Refunds, page.Failed = page.waitingRefunds(waiting.Refunds, now), page.waitingRefunds(waiting.Failed, now)
	for _, o := range waiting.Confirming {
		page.Confirming = append(page.Confirming, waitingOrder{
			o, "/admin/orders/" + o.Number, page.Money(o.Order.Money()), page.age(now.Sub(*o.PaidAt)), page.May(post, "/admin/orders/:number/ask"),
		})
	}
	for _, m := range waiting.Mails {
		row := page.mail(m.Mail)
		page.Mails = append(page.Mails, waitingMail{m, "/admin/orders/" + m.Order.Number, row.Name, page.age(now.Sub(row.At)), a.store.SendsMail() && page.May(post, "/admin/orders/:number/mail")})
	}
}

func (p homePage) waitingRefunds(rows []models.RefundRow, now time.Time) (all []waitingRefund) {
	for _, r := range rows {
		all = append(all, waitingRefund{
			r, "/admin/orders/" + r.Order.Number, p.Money(models.Money{Amount: r.Amount, Currency: r.Currency}), p.age(now.Sub(r.CreatedAt)),
			r.Refunded < r.Payment.Amount && p.May(post, "/admin/orders/:number/refund"), p.May(post, "/admin/orders/:number/refund/end"),
		})
	}
	return all
}

// StockOf is the address where the stock of the variant is changed.
func (p homePage) StockOf(sku string) string { return variantAddress(sku) + "#stock" }

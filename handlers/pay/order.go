package pay

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// How often a page that waits loads itself anew where scripts are off. What staff look at may take days.
const (
	refreshSeconds  = 5
	refreshInReview = 60
)

// orderPage is what the template of the order page is given.
type orderPage struct {
	web.Page
	Order   *models.Order
	State   state
	Heading string
	Lead    string // what to do, or what happens now
	Notice  string // what came of the buyer's last step

	Address string // this page's own, without the host
	Version string
	Live    bool // the page watches the order
	Now     time.Time

	Amount    string
	Lines     []line
	Goods     string
	Shipping  string          // empty when nothing is shipped
	Handed    bool            // something digital is delivered on this page
	Payment   *models.Payment // the one that paid
	PaidWith  string
	PaidAt    string
	Returned  []returned // what was given back, or is to be, the first first
	Kept      string     // what is left after that; empty when nothing was given back, or is still to be
	Returning bool       // all of it is to be given back, and is not yet

	Offer   *offer         // how to pay now; nil when no attempt is under way
	Wallets []walletChoice // with which an attempt can be made here
	GoesOn  bool           // the only one is gone on with by itself
	Away    string         // those that can be paid with elsewhere alone
	Barred  string         // those that do not open in this app
	MayAsk  bool           // asking the gateways may change something
	AskText string
}

// walletChoice is a wallet to pay with.
type walletChoice struct {
	Wallet models.Wallet
	Name   string
}

// ToOrder leads to the order who asks for an address under it that only takes forms: a page that
// answered one is loaded again, or read in another language.
func ToOrder(c *fiber.Ctx) error {
	private(c)
	return c.Redirect(orderPath(c.Params("token")), http.StatusSeeOther)
}

// ShowOrder shows the order as it stands.
func (p *Pages) ShowOrder(c *fiber.Ctx) error {
	private(c)
	s, err := p.standing(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	refunds, err := p.refundsOf(c.UserContext(), s)
	if err != nil {
		return err
	}
	page := p.orderPage(c, s, refunds)
	if page.Offer != nil && page.Offer.Kind == offerImage {
		p.base.AllowImagesFrom(c, originOf(page.Offer.Image))
	}
	return p.base.Render(c, "order", page)
}

func (p *Pages) orderPage(c *fiber.Ctx, s standing, refunds []models.Refund) *orderPage {
	device := p.base.DeviceOf(c)
	routes := p.payments.RoutesFor(device, s.order.ClientIP)
	page := &orderPage{
		Page:    p.base.Page(c, "order.title", "number", s.order.Number),
		Order:   s.order,
		State:   s.at(routes.OneCodeAt(device)),
		Address: orderPath(s.order.Token),
		Version: s.version(),
		Live:    !s.final(),
		Now:     s.now.UTC(),
		MayAsk:  s.worthAsking(),
	}
	page.tellLines(s)
	page.tellRefunds(refunds)
	page.tellState(s, refunds)
	switch page.State {
	case stateWaiting, stateChoose:
		page.Offer = page.offerOf(s, device)
		if page.State == stateWaiting && page.Offer.Anew() {
			page.Heading = page.T("order.choose.heading")
		}
		page.offerWallets(s, p.payments.Routes().Offered(), routes, device)
		if page.GoesOn = s.goesOn(routes, device); page.GoesOn {
			name := page.walletName(device.Inside)
			page.Heading, page.Lead = page.T("order.waiting.heading", "wallet", name), page.T("order.goes_on.lead", "wallet", name)
		}
	case stateScan, stateConnected:
		page.Offer = page.offerOneCode(s, routes)
	}
	if page.Live {
		page.Refresh = refreshSeconds
	}
	if page.State == stateReview {
		page.Refresh = refreshInReview
	}
	if key := noticeKeys[c.Query("notice")]; key != "" && !s.paid() && !s.review {
		page.Notice, page.RefreshAt = page.T(key), page.Address
	}
	return page
}

// tellState says in a heading and a sentence how the order stands.
func (page *orderPage) tellState(s standing, refunds []models.Refund) {
	switch page.State {
	case stateWaiting:
		page.Heading = page.T("order.waiting.heading", "wallet", page.walletName(s.attempt().Wallet))
		if payments.ActionOf(s.attempt()).Kind == models.ActionNone {
			page.Heading = page.T("order.nothing.heading")
		}
	case stateChoose:
		page.Heading = page.T("order.choose.heading")
		page.Lead = page.tellChoose(s)
	case stateScan:
		page.Heading = page.T("order.scan.heading")
		if s.payment() != nil {
			page.Lead = page.tellChoose(s)
		}
	case stateConnected:
		page.Heading = page.T("order.connected.heading")
		page.Lead = page.T("order.connected.lead", "wallet", page.walletName(s.attempt().Wallet))
	case stateConfirming:
		page.Heading, page.Lead = page.T("order.confirming.heading"), page.T("order.confirming.lead")
	case statePaid:
		page.Heading, page.Lead = page.tellPaid(s, refunds)
		if s.review {
			page.Notice = page.T("order.paid.review")
		}
	case stateReview:
		page.Heading, page.Lead = page.T("order.review.heading"), page.T("order.review.lead")
	case stateNotPaid:
		page.Heading, page.Lead = page.T("order.not_paid.heading"), page.T("order.not_paid.lead")
	case stateExpired:
		page.Heading, page.Lead = page.T("order.expired.heading"), page.T("order.expired.over")
		if page.MayAsk {
			page.Lead = page.T("order.expired.lead")
		}
	case stateCanceled:
		page.Heading, page.Lead = page.T("order.canceled.heading"), page.T("order.canceled.over")
		if page.MayAsk {
			page.Lead = page.T("order.canceled.lead")
		}
	}
	page.AskText = page.T("order.ask.paid")
	if page.State == stateReview || page.State == stateConfirming {
		page.AskText = page.T("order.ask.again")
	}
	if s.paid() && page.State != stateNotPaid {
		page.tellPayment(s)
	}
}

// tellChoose says why there is nothing to pay with at the moment.
func (page *orderPage) tellChoose(s standing) string {
	until := page.until(s.order.ExpiresAt)
	last := s.payment()
	switch {
	case last == nil:
		return page.T("order.choose.none", "until", until)
	case last.Status == models.PaymentFailed:
		return page.T("order.choose.failed", "until", until)
	default:
		return page.T("order.choose.again", "until", until)
	}
}

// OrderAgain reports whether all that is left is to order anew.
func (page *orderPage) OrderAgain() bool {
	return page.State == stateExpired || page.State == stateCanceled || page.State == stateNotPaid
}

// Only reports whether there is one wallet to pay with, so that its button can say so.
func (page *orderPage) Only() bool { return page.First() && len(page.Wallets) == 1 }

// First reports whether choosing a wallet is the first thing to do here, since nothing else can be.
func (page *orderPage) First() bool {
	return page.Offer == nil || page.Offer.Anew() || page.OfferElsewhere()
}

// Receipt reports whether the lines are a receipt.
func (page *orderPage) Receipt() bool { return page.State == statePaid }

// OfferElsewhere reports whether the offer already shows the page's address.
func (page *orderPage) OfferElsewhere() bool { return page.Offer != nil && page.Offer.Elsewhere() }

func (page *orderPage) tellPaid(s standing, refunds []models.Refund) (heading, lead string) {
	switch all, done := allBack(s.payment(), refunds); {
	case all && done:
		return page.T("order.returned.heading"), page.T("order.returned.lead")
	case all:
		page.Returning = true
		return page.T("order.returning.heading"), page.T("order.returning.lead")
	case s.order.Status == models.OrderFulfilled && !s.order.Shipped:
		return page.T("order.fulfilled.complete"), page.T("order.fulfilled.digital")
	case s.order.Status == models.OrderFulfilled:
		return page.T("order.fulfilled.heading"), page.T("order.fulfilled.lead")
	case s.order.Shipped:
		return page.T("order.paid.heading"), page.T("order.paid.shipped")
	default:
		return page.T("order.paid.heading"), page.T("order.paid.digital")
	}
}

// offerWallets lists the wallets of another attempt: all that are offered, but the one that is on offer
// already. The one chosen last comes first. Those that the routes do not serve here are named apart.
func (page *orderPage) offerWallets(s standing, offered []models.Wallet, routes payments.Routes, device payments.Device) {
	here := routes.Wallets(device.Scene)
	var away, barred []string
	for _, wallet := range offered {
		choice := walletChoice{Wallet: wallet, Name: page.walletName(wallet)}
		switch {
		case page.Offer != nil && page.Offer.Wallet == wallet && page.Offer.Kind != offerNothing && !page.Offer.Anew():
		case !slices.Contains(here, wallet):
			away = append(away, choice.Name)
		case opensHere(wallet, device):
			page.Wallets = append(page.Wallets, choice)
		default:
			barred = append(barred, choice.Name)
		}
	}
	page.Away, page.Barred = strings.Join(away, " · "), strings.Join(barred, " · ")
	if page.State == stateChoose && len(page.Wallets) == 0 && page.Away != "" {
		page.Heading = page.T("order.away.heading")
	}
	slices.SortStableFunc(page.Wallets, func(a, b walletChoice) int {
		return preference(b.Wallet, s.order) - preference(a.Wallet, s.order)
	})
}

func preference(w models.Wallet, order *models.Order) int {
	if w == order.Wallet {
		return 1
	}
	return 0
}

// walletKeys are the messages that name what a buyer pays with.
var walletKeys = map[models.Wallet]string{
	models.WeChat:   "wallet.wechat",
	models.Alipay:   "wallet.alipay",
	models.AlipayHK: "wallet.alipayhk",
}

// walletName returns the wallet's name as it stands in sentences.
//
// Japanese breaks a line at a space first of all, and has none but those in names: they do not break.
func (page *orderPage) walletName(w models.Wallet) string {
	name := page.T(walletKeys[w])
	if page.Lang == "ja" {
		name = strings.ReplaceAll(name, " ", "\u00a0")
	}
	return name
}

var partOfDate = regexp.MustCompile(`(\d)(\p{Han})`)

// until writes a time for a sentence. Chinese and Japanese break a line anywhere, but no number is torn
// from its unit.
func (page *orderPage) until(t time.Time) string {
	return partOfDate.ReplaceAllString(page.Time(t), "$1\u2060$2")
}

// originOf returns scheme and host of an address that a gateway named and its client checked.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "'none'"
	}
	return u.Scheme + "://" + u.Host
}

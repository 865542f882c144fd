// Package pay is everything that happens to an order between placing it and the receipt: the
// order page with its code and its live status, the way back from a gateway, and the gateways'
// notifications.
//
// These rules always hold: an order is found by its unguessable token alone, and no answer that
// holds one may be kept or found by others; what a browser or a gateway claims in an address or
// a form about money is not read; every page says what it knows from the store, never what a
// request said.
package pay

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

const (
	// askTimeout bounds a question to the gateways, and leaves time to answer the buyer.
	askTimeout = 7 * time.Second
	// readTimeout bounds what a stream of events, which has no request any more, waits for.
	readTimeout = 3 * time.Second
)

// Pages answers the addresses under /o and /pay. It is safe for many goroutines.
type Pages struct {
	base     *web.Base
	store    *models.Store
	payments *payments.Service
	log      *slog.Logger

	codes    codes
	asks     pace // questions to the gateways
	starts   pace // attempts
	watchers *watchers

	heartbeatEvery time.Duration
	streamLife     time.Duration
	drain          sync.Once
	draining       chan struct{}
}

// New returns the pages of orders.
func New(base *web.Base, service *payments.Service, log *slog.Logger) *Pages {
	return &Pages{
		base: base, store: base.Store, payments: service, log: log,
		codes: newCodes(), asks: newPace(), starts: newPace(), watchers: newWatchers(),
		heartbeatEvery: heartbeatEvery, streamLife: streamLife,
		draining: make(chan struct{}),
	}
}

// Drain ends all streams of events, now and from now on, so that the server can stop. Pages
// that watched ask again elsewhere. It may be called more than once.
func (p *Pages) Drain() { p.drain.Do(func() { close(p.draining) }) }

// StartPayment begins an attempt by the wallet of the form.
func (p *Pages) StartPayment(c *fiber.Ctx) error {
	return p.Begin(c, c.Params("token"), models.Wallet(web.FormValue(c, "wallet")))
}

// Begin begins an attempt at paying the order with the token and sends the buyer on: to the
// gateway's page in a wallet or on a phone, else to the order page, which shows a code. When no
// attempt can be begun, the order page says why and how to go on.
func (p *Pages) Begin(c *fiber.Ctx, token string, wallet models.Wallet) error {
	order, err := p.store.OrderByToken(c.UserContext(), token)
	if err != nil {
		return err
	}
	device := p.base.DeviceOf(c)
	routes := p.payments.RoutesFor(device, order.ClientIP)
	switch {
	case routes.OneCodeAt(device):
		return toOrder(c, token, "") // the phone that scans its code begins one
	case !slices.Contains(routes.Wallets(device.Scene), wallet):
		return toOrder(c, token, noticeWallet)
	case !opensHere(wallet, device):
		return toOrder(c, token, noticeElsewhere)
	case !p.starts.allow(token, p.store.Now()):
		return toOrder(c, token, noticeSlow)
	}
	next, err := p.payments.Start(c.UserContext(), token, wallet, device)
	if err != nil {
		return p.notStarted(c, token, err)
	}
	if next.Kind == models.ActionRedirect && device.Scene(wallet) != models.SceneDesktop {
		return c.Redirect(next.Data, fiber.StatusSeeOther)
	}
	return toOrder(c, token, "")
}

// notStarted sends the buyer back to the order, which is kept, with what went wrong.
func (p *Pages) notStarted(c *fiber.Ctx, token string, err error) error {
	switch {
	case errors.Is(err, models.ErrOrderClosed):
		return toOrder(c, token, "") // the page says what became of it
	case errors.Is(err, payments.ErrWalletNotOffered):
		return toOrder(c, token, noticeWallet)
	case errors.Is(err, payments.ErrStillAsking), errors.Is(err, models.ErrLivePayment):
		return toOrder(c, token, noticeAsking)
	case errors.Is(err, payments.ErrGatewayDown):
		return toOrder(c, token, noticeDown)
	default:
		return err
	}
}

// Check asks the gateways about the order, for a buyer who says to have paid.
func (p *Pages) Check(c *fiber.Ctx) error {
	token := c.Params("token")
	if err := p.ask(c, token); errors.Is(err, payments.ErrStillAsking) {
		return toOrder(c, token, noticeUnasked)
	} else if err != nil {
		return err
	}
	s, err := p.standing(c.UserContext(), token)
	if err != nil {
		return err
	}
	if s.paid() || s.review {
		return toOrder(c, token, "")
	}
	return toOrder(c, token, noticeUnpaid)
}

// Return is where a gateway sends the buyer back, by link or by form, without a session. What
// it says is not read: the gateway is asked, and the order page tells.
func (p *Pages) Return(c *fiber.Ctx) error {
	token := c.Params("token")
	if err := p.ask(c, token); err != nil && !errors.Is(err, payments.ErrStillAsking) {
		return err
	}
	return toOrder(c, token, "")
}

// ask asks the gateways about the order unless they were asked a moment ago.
func (p *Pages) ask(c *fiber.Ctx, token string) error {
	if !p.asks.allow(token, p.store.Now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), askTimeout)
	defer cancel()
	err := p.payments.Check(ctx, token)
	if err != nil && !errors.Is(err, models.ErrOrderNotFound) {
		p.log.Warn("gateway not asked", "err", err)
	}
	return err
}

// The notices that the order page can show about the buyer's last step. They travel in the
// address, so that a return without a session has them too.
const (
	noticeUnpaid    = "unpaid"
	noticeUnasked   = "unasked"
	noticeAsking    = "asking"
	noticeDown      = "down"
	noticeWallet    = "wallet"
	noticeElsewhere = "elsewhere"
	noticeSlow      = "slow"
)

var noticeKeys = map[string]string{
	noticeUnpaid:    "order.notice.unpaid",
	noticeUnasked:   "order.notice.unasked",
	noticeAsking:    "order.notice.asking",
	noticeDown:      "order.notice.down",
	noticeWallet:    "order.notice.wallet",
	noticeElsewhere: "order.notice.elsewhere",
	noticeSlow:      "order.notice.slow",
}

func toOrder(c *fiber.Ctx, token, notice string) error {
	address := orderPath(token)
	if notice != "" {
		address += "?notice=" + notice
	}
	return c.Redirect(address, fiber.StatusSeeOther)
}

func orderPath(token string) string { return "/o/" + url.PathEscape(token) }

// private keeps an answer to itself: who holds an order's address sees the order, so no cache may. No
// search engine may either, as of all pages that are not published.
func private(c *fiber.Ctx) { c.Set(fiber.HeaderCacheControl, "no-store") }

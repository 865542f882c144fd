// Package shop is what a buyer does before there is an order: choosing, the cart, the checkout;
// and finding an order again.
//
// These rules always hold: a price, a stock or a name is read from the store for every page and
// never taken from a form; what a buyer typed comes back with what was wrong with it; one
// checkout form makes one order, however often it is sent.
package shop

import (
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// Begin begins an attempt at paying the order with the token and sends the buyer on.
type Begin func(c *fiber.Ctx, token string, wallet models.Wallet) error

// Pages answers the shop's addresses. It is safe for many goroutines.
type Pages struct {
	base     *web.Base
	store    *models.Store
	payments *payments.Service
	begin    Begin
	log      *slog.Logger
	search   *throttle
}

// New returns the shop's pages.
func New(base *web.Base, service *payments.Service, begin Begin, log *slog.Logger) *Pages {
	return &Pages{
		base: base, store: base.Store, payments: service, begin: begin, log: log,
		search: newThrottle(),
	}
}

package shop

import (
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// lastOrder is the order that this very browser placed last, for who has left its page.
type lastOrder struct {
	Number, Address string
	State           string // in words
}

// lastOrder returns the visitor's last order, nil when there is none. The page that shows it holds the
// key of the order, so no cache may keep it.
func (p *Pages) lastOrder(c *fiber.Ctx, page web.Page) (*lastOrder, error) {
	token := p.base.Session(c).LastFormToken()
	if token == "" {
		return nil, nil
	}
	order, err := p.store.OrderByFormToken(c.UserContext(), token)
	if errors.Is(err, models.ErrOrderNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	review, err := p.store.HasOpenIncident(c.UserContext(), order.ID)
	if err != nil {
		return nil, err
	}
	state := string(order.Status)
	switch {
	case order.Status == models.OrderFulfilled && order.Shipped:
		state = "sent"
	case order.Status == models.OrderPaid || order.Status == models.OrderFulfilled:
	case review:
		state = "review"
	case order.Status == models.OrderPending && !p.store.Now().Before(order.ExpiresAt):
		state = string(models.OrderExpired)
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return &lastOrder{
		Number: order.Number, Address: "/o/" + url.PathEscape(order.Token), State: page.T("last." + state),
	}, nil
}

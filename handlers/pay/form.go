package pay

import (
	"github.com/gofiber/fiber/v2"

	"saoma/payments"
)

// formPage sends the buyer on to a gateway that takes its buyers by a form.
type formPage struct {
	*orderPage
	Form payments.Form
}

// ShowForm shows the form with which the live attempt is paid. The page and its button are ours, and send
// it by themselves where scripts run.
func (p *Pages) ShowForm(c *fiber.Ctx) error {
	private(c)
	s, err := p.standing(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	page := formPage{orderPage: p.orderPage(c, s, nil)}
	if page.Offer == nil || page.Offer.Kind != offerForm {
		return toOrder(c, s.order.Token, "")
	}
	page.Form, _ = payments.FormOf(s.attempt())
	page.Lead, page.Refresh = page.T("order.goes_on.lead", "wallet", page.Offer.Name), 0
	return p.base.Render(c, "order_form", page)
}

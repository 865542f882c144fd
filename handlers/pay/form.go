package pay

import (
	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// formPolicy lets a gateway's form submit itself and do nothing else: the page has no origin, so
// it sees neither our cookies nor our pages, and it loads nothing.
const formPolicy = "sandbox allow-forms allow-scripts allow-top-navigation; default-src 'none'; " +
	"script-src 'unsafe-inline'; style-src 'unsafe-inline'; form-action https: http:; " +
	"base-uri 'none'; frame-ancestors 'none'"

// ShowForm shows the form that a gateway made for the live attempt. It is the gateway's page, not
// ours, and stands alone.
func (p *Pages) ShowForm(c *fiber.Ctx) error {
	private(c)
	token := c.Params("token")
	order, err := p.store.OrderByToken(c.UserContext(), token)
	if err != nil {
		return err
	}
	attempt := standing{order: order, now: p.store.Now()}.attempt()
	if attempt == nil || attempt.Action != models.ActionForm {
		return toOrder(c, token, "")
	}
	c.Set(fiber.HeaderContentSecurityPolicy, formPolicy)
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.SendString(attempt.ActionData)
}

package pay

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
	"saoma/payments"
)

// codeText returns what the code on the order's page holds at a device, empty when there is no code of
// ours: what the live attempt says, or where one code serves every wallet the page's own address.
func (p *Pages) codeText(s standing, d payments.Device) string {
	if state := s.at(p.payments.Routes().OneCodeAt(d)); state == stateScan || state == stateConnected {
		return p.base.Config.PublicURL + orderPath(s.order.Token)
	}
	attempt := s.attempt()
	if attempt != nil && (attempt.Action == models.ActionCode || attempt.Action == models.ActionRedirect) {
		return attempt.ActionData
	}
	return ""
}

// CodeSVG answers with the code of the live attempt.
func (p *Pages) CodeSVG(c *fiber.Ctx) error {
	return p.code(c, "image/svg+xml", func(drawn code) []byte { return drawn.svg })
}

// CodePNG answers with the code of the live attempt.
func (p *Pages) CodePNG(c *fiber.Ctx) error {
	return p.code(c, "image/png", func(drawn code) []byte { return drawn.png })
}

func (p *Pages) code(c *fiber.Ctx, contentType string, picture func(code) []byte) error {
	order, err := p.store.OrderByToken(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	text := p.codeText(standing{order: order, now: p.store.Now()}, p.base.DeviceOf(c))
	if text == "" {
		return fiber.ErrNotFound
	}
	drawn, err := p.codes.draw(text)
	if err != nil {
		return err
	}
	etag := `"` + drawn.hash + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache") // the address stays, the code changes
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, contentType)
	return c.Send(picture(drawn))
}

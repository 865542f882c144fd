package pay

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// codeText returns what the attempt's code holds, empty when it has no code of ours.
func codeText(attempt *models.Payment) string {
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
	text := codeText(standing{order: order, now: p.store.Now()}.attempt())
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

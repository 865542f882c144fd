package shop

import (
	"regexp"
	"slices"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// textPage is a page that the merchant wrote.
type textPage struct {
	web.Page
	Language   string // of the text
	Paragraphs []string
}

// paragraphs are apart where a line between them is empty.
var paragraphBreak = regexp.MustCompile(`\n[ \t]*\n\s*`)

// ShowText shows what the merchant wrote about the shop, its terms, or how to reach it.
func (p *Pages) ShowText(c *fiber.Ctx) error {
	name := c.Params("page")
	if !slices.Contains(models.ShopPages, name) {
		return fiber.ErrNotFound
	}
	text, language := p.base.ShopText(p.base.Language(c), name)
	if text == "" {
		return fiber.ErrNotFound
	}
	page := textPage{Page: p.base.Page(c, "pages."+name), Language: language}
	page.Publish(c, textPath(name), text, "")
	page.Paragraphs = paragraphBreak.Split(text, -1)
	return p.base.Render(c, "text", page)
}

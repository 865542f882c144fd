package admin

import "github.com/gofiber/fiber/v2"

// showHome is the first page.
func (a *Pages) showHome(c *fiber.Ctx) error {
	return a.render(c, "admin/home", struct{ Page }{a.page(c, "admin.home.title")})
}

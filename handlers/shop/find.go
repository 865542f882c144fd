package shop

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// tooMany is the message to who looks for orders too often.
const tooMany = "error.too_many"

// findForm is what finds an order again.
type findForm struct {
	Number string `form:"number" validate:"required,max=32"`
	Email  string `form:"email" validate:"required,max=254"`
}

// findPage asks for it.
type findPage struct {
	web.Page
	Last           *lastOrder
	Fields         []web.Field
	Notice, Advice string
}

func (p *Pages) findPage(c *fiber.Ctx, form findForm, errs web.FieldErrors) findPage {
	page := p.base.Page(c, "find.title")
	return findPage{Page: page, Fields: page.Fields(errs,
		web.Field{Name: "number", Value: form.Number, Max: 32, Autocomplete: "off", Wide: true},
		web.Field{Name: "email", Type: "email", Value: form.Email, Max: 200, Autocomplete: "email", Wide: true},
	)}
}

// ShowFindOrder asks for number and e-mail, and leads to the order that this browser placed last.
func (p *Pages) ShowFindOrder(c *fiber.Ctx) error {
	page := p.findPage(c, findForm{}, nil)
	var err error
	if page.Last, err = p.lastOrder(c, page.Page); err != nil {
		return err
	}
	return p.base.Render(c, "find", page)
}

// FindOrder goes to the order that has both. Who tries too often waits. The answer does not tell
// which of the two did not fit. It is a form and no link, since e-mail addresses in addresses end
// up in logs.
func (p *Pages) FindOrder(c *fiber.Ctx) error {
	form := findForm{Number: web.FormValue(c, "number"), Email: web.FormValue(c, "email")}
	if errs := web.Check(form); errs != nil {
		return p.base.Render(c.Status(http.StatusUnprocessableEntity), "find", p.findPage(c, form, errs))
	}
	if !p.search.allow(p.base.ClientIP(c), p.store.Now()) {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(searchEvery.Seconds())))
		page := p.findPage(c, form, nil)
		page.Notice, page.Advice = page.T(tooMany), page.T(tooMany+".advice")
		return p.base.Render(c.Status(http.StatusTooManyRequests), "find", page)
	}
	order, err := p.store.FindOrder(c.UserContext(), form.Number, form.Email)
	if errors.Is(err, models.ErrOrderNotFound) {
		page := p.findPage(c, form, nil)
		page.Notice = page.T("find.none")
		return p.base.Render(c.Status(http.StatusNotFound), "find", page)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/o/"+url.PathEscape(order.Token), http.StatusSeeOther)
}

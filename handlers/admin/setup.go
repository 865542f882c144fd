package admin

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// newPasswordForm is what a browser may send to set a password, and for the first owner the address.
type newPasswordForm struct {
	Email    string `form:"email" validate:"omitempty,email,max=254"`
	Password string `form:"new_password" validate:"required"`
	Again    string `form:"password_again" validate:"required"`
}

// welcomePage asks for the password of somebody who comes by a link, and for the first owner's
// address.
type welcomePage struct {
	Page
	Lead   string
	Action string
	Fields []web.Field
}

func readNewPassword(c *fiber.Ctx) newPasswordForm {
	return newPasswordForm{
		Email:    web.FormValue(c, "email"),
		Password: web.SecretValue(c, "new_password"), Again: web.SecretValue(c, "password_again"),
	}
}

// check refuses a password that was not typed the same twice, or that CheckPassword refuses.
func (a *Pages) check(form newPasswordForm, email string) web.FieldErrors {
	if errs := web.Check(form); errs != nil {
		return errs
	}
	if form.Password != form.Again {
		return web.FieldErrors{"password_again": "invalid.password_again"}
	}
	errs, err := fieldErrors(models.CheckPassword(form.Password, email, a.store.Settings().ShopName))
	if err != nil {
		panic(err) // it only refuses fields
	}
	return errs
}

func passwordFields() []web.Field {
	return []web.Field{
		{Name: "new_password", Type: "password", Max: models.MaxPassword, Autocomplete: "new-password", Hint: "admin.password.hint", Wide: true},
		{Name: "password_again", Type: "password", Max: models.MaxPassword, Autocomplete: "new-password", Wide: true},
	}
}

// showSetup asks for the first owner.
func (a *Pages) showSetup(c *fiber.Ctx) error {
	if err := a.store.CheckSetupLink(c.UserContext(), c.Params("token")); err != nil {
		return err
	}
	return a.setupAs(c, newPasswordForm{}, nil)
}

func (a *Pages) setupAs(c *fiber.Ctx, form newPasswordForm, errs web.FieldErrors) error {
	page := welcomePage{Page: a.page(c, "admin.setup.title"), Action: c.Path()}
	page.Lead = page.T("admin.setup.lead")
	page.Fields = page.Page.Fields(errs, append([]web.Field{
		{Name: "email", Type: "email", Value: form.Email, Max: 254, Autocomplete: "username", Wide: true},
	}, passwordFields()...)...)
	if errs != nil {
		c.Status(http.StatusUnprocessableEntity)
	}
	return a.render(c, "admin/welcome", page)
}

// setUp makes the first owner, who then logs in like everybody else.
func (a *Pages) setUp(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), c.Params("token")
	if err := a.store.CheckSetupLink(ctx, token); err != nil {
		return err
	}
	form := readNewPassword(c)
	errs := a.check(form, form.Email)
	if form.Email == "" {
		errs = errs.With(web.FieldErrors{"email": "invalid.required"})
	}
	if errs != nil {
		return a.setupAs(c, form, errs)
	}
	hash, err := a.hashPassword(ctx, form.Password)
	if err != nil {
		return err
	}
	_, err = a.store.SetUp(ctx, a.base.ClientIP(c), token, form.Email, hash)
	if errs, err = fieldErrors(err); err != nil {
		return err
	}
	if errs != nil {
		return a.setupAs(c, form, errs)
	}
	return c.Redirect("/admin/login?ready=1", http.StatusSeeOther)
}

// showJoin asks a member who has got a link for a password.
func (a *Pages) showJoin(c *fiber.Ctx) error {
	member, err := a.store.StaffByLink(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	return a.joinAs(c, member, nil)
}

func (a *Pages) joinAs(c *fiber.Ctx, member *models.Staff, errs web.FieldErrors) error {
	page := welcomePage{Page: a.page(c, "admin.join.title"), Action: c.Path()}
	page.Lead = page.T("admin.join.lead", "email", member.Email, "role", page.RoleName(member.Role))
	page.Fields = page.Page.Fields(errs, passwordFields()...)
	if errs != nil {
		c.Status(http.StatusUnprocessableEntity)
	}
	return a.render(c, "admin/welcome", page)
}

// join sets the member's password, who then logs in like everybody else.
func (a *Pages) join(c *fiber.Ctx) error {
	ctx, token := c.UserContext(), c.Params("token")
	member, err := a.store.StaffByLink(ctx, token)
	if err != nil {
		return err
	}
	form := readNewPassword(c)
	if errs := a.check(form, member.Email); errs != nil {
		return a.joinAs(c, member, errs)
	}
	hash, err := a.hashPassword(ctx, form.Password)
	if err != nil {
		return err
	}
	if _, err := a.store.UseStaffLink(ctx, a.base.ClientIP(c), token, hash); err != nil {
		return err
	}
	return c.Redirect("/admin/login?ready=1", http.StatusSeeOther)
}

package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// loginForm is what a browser may send to log in.
type loginForm struct {
	Email    string `form:"email" validate:"required,max=254"`
	Password string `form:"password" validate:"required"`
	Next     string
}

type loginPage struct {
	Page
	Fields []web.Field
	Notice string // what went wrong, or what to do now
	Warn   bool
	Next   string
}

func (a *Pages) loginPage(c *fiber.Ctx, form loginForm, errs web.FieldErrors, notice string) loginPage {
	page := loginPage{Page: a.page(c, "admin.login.title"), Next: form.Next}
	page.Fields = page.Page.Fields(errs,
		web.Field{Name: "email", Type: "email", Value: form.Email, Max: 254, Autocomplete: "username", Wide: true},
		web.Field{Name: "password", Type: "password", Max: models.MaxPassword, Autocomplete: "current-password", Wide: true},
	)
	if notice != "" {
		page.Notice, page.Warn = page.T(notice), true
	}
	return page
}

// showLogin asks for address and password. Who is logged in already goes on.
func (a *Pages) showLogin(c *fiber.Ctx) error {
	session, err := a.loadSession(c)
	if err != nil {
		return err
	}
	next := safeNext(c.Query("next"))
	if session != nil && !session.Half {
		return c.Redirect(next, http.StatusSeeOther)
	}
	c.Locals(sessionKey, nil) // half a login begins anew, with the forms of a visitor
	page := a.loginPage(c, loginForm{Next: next}, nil, "")
	if c.Query("ready") != "" {
		page.Notice = page.T("admin.login.ready")
	}
	return a.render(c, "admin/login", page)
}

// logIn is the one way in. Whether there is such a member shows neither in the answer nor in its
// time.
func (a *Pages) logIn(c *fiber.Ctx) error {
	form := loginForm{
		Email: web.FormValue(c, "email"), Password: web.SecretValue(c, "password"), Next: safeNext(web.FormValue(c, "next")),
	}
	if errs := web.Check(form); errs != nil {
		return a.render(c.Status(http.StatusUnprocessableEntity), "admin/login", a.loginPage(c, form, errs, ""))
	}
	member, err := a.checkLogin(c, form)
	switch {
	case errors.Is(err, models.ErrTooManyLogins):
		a.log.Warn("login throttled", "request", web.RequestID(c))
		return a.render(c.Status(http.StatusTooManyRequests), "admin/login", a.loginPage(c, form, nil, "admin.login.too_many"))
	case err != nil:
		return err
	case member == nil:
		a.log.Info("login refused", "request", web.RequestID(c))
		return a.render(c.Status(http.StatusUnprocessableEntity), "admin/login", a.loginPage(c, form, nil, "admin.login.refused"))
	}
	token := models.NewToken()
	half := member.HasTOTP()
	err = a.store.OpenStaffSession(c.UserContext(), a.actorAs(c, member), half, token, a.token(c), c.Get(fiber.HeaderUserAgent))
	if err != nil {
		return err
	}
	a.cookies.set(c, a.cookies.session, token, 0)
	if half {
		return c.Redirect("/admin/login/code"+nextQuery(form.Next), http.StatusSeeOther)
	}
	a.cookies.set(c, a.cookies.device, a.devices.issue(member), deviceAge)
	return c.Redirect(form.Next, http.StatusSeeOther)
}

// checkLogin counts the try and returns the member whose password it is; nil when it is nobody's.
func (a *Pages) checkLogin(c *fiber.Ctx, form loginForm) (*models.Staff, error) {
	ctx := c.UserContext()
	member, err := a.store.StaffByEmail(ctx, form.Email)
	if errors.Is(err, models.ErrStaffNotFound) {
		member, err = &models.Staff{}, nil
	}
	if err != nil {
		return nil, err
	}
	limits := a.loginLimits(c, form.Email, member)
	if err := a.tryLogin(c, form.Email, member, limits); err != nil {
		return nil, err
	}
	fits, err := a.passwordFits(ctx, form.Password, member.PasswordHash)
	if err != nil {
		return nil, err
	}
	if !fits || !member.Active() {
		return nil, a.auditRefusal(c, refuseLogin, form.Email, member)
	}
	return member, a.forgetTries(c, limits)
}

// Limits of tries. Many honest people share one address, and somebody who forgot a password tries
// for a while; guessing is hopeless all the same.
const (
	addressTries, addressEvery = 30, 10 * time.Second
	memberTries, memberEvery   = 10, time.Minute
)

// loginLimits are those that a try counts under: the member's and the visitor's address; or the
// browser's alone if the member has logged in there before, so that nobody's guessing keeps them out.
func (a *Pages) loginLimits(c *fiber.Ctx, email string, member *models.Staff) []models.LoginLimit {
	if device := a.devices.known(c.Cookies(a.cookies.device), member); device != "" {
		return []models.LoginLimit{{Name: "device:" + device, Burst: memberTries, Every: memberEvery}}
	}
	return []models.LoginLimit{
		{Name: "member:" + models.HashToken(models.StaffEmail(email)), Burst: memberTries, Every: memberEvery},
		{Name: "address:" + web.Network(a.base.ClientIP(c)), Burst: addressTries, Every: addressEvery},
	}
}

// forgetTries forgets those of the member, not those of the address.
func (a *Pages) forgetTries(c *fiber.Ctx, limits []models.LoginLimit) error {
	return a.store.ForgetTries(c.UserContext(), limits[0].Name)
}

// passwordFits waits until few enough passwords are being hashed, and compares.
func (a *Pages) passwordFits(ctx context.Context, password, hash string) (fits bool, err error) {
	err = a.hash(ctx, func() error {
		fits = models.PasswordFits(password, hash)
		return nil
	})
	return fits, err
}

// hashPassword waits in the same line.
func (a *Pages) hashPassword(ctx context.Context, password string) (hash string, err error) {
	err = a.hash(ctx, func() (err error) {
		hash, err = models.HashPassword(password)
		return err
	})
	return hash, err
}

func (a *Pages) hash(ctx context.Context, do func() error) error {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// showCode asks for the second factor.
func (a *Pages) showCode(c *fiber.Ctx) error {
	if !a.session(c).Half {
		return c.Redirect(safeNext(c.Query("next")), http.StatusSeeOther)
	}
	return a.askCode(c, safeNext(c.Query("next")), "")
}

func (a *Pages) askCode(c *fiber.Ctx, next, notice string) error {
	page := loginPage{Page: a.page(c, "admin.code.title"), Next: next}
	page.Fields = page.Page.Fields(nil, web.Field{Name: "code", Max: 40, Autocomplete: "one-time-code", Hint: "admin.code.hint", Wide: true})
	if notice != "" {
		page.Notice, page.Warn = page.T(notice), true
	}
	return a.render(c, "admin/code", page)
}

// enterCode makes half a login a whole one, with another token.
func (a *Pages) enterCode(c *fiber.Ctx) error {
	session, next := a.session(c), safeNext(web.FormValue(c, "next"))
	if !session.Half {
		return c.Redirect(next, http.StatusSeeOther)
	}
	limits := a.loginLimits(c, session.Staff.Email, &session.Staff)
	limits[0].Name = "code of " + limits[0].Name
	switch err := a.tryLogin(c, session.Staff.Email, &session.Staff, limits); {
	case errors.Is(err, models.ErrTooManyLogins):
		return a.askCode(c.Status(http.StatusTooManyRequests), next, "admin.login.too_many")
	case err != nil:
		return err
	}
	fits, err := a.codeFits(c, &session.Staff, web.FormValue(c, "code"))
	if err != nil {
		return err
	}
	if !fits {
		if err := a.auditRefusal(c, refuseCode, session.Staff.Email, &session.Staff); err != nil {
			return err
		}
		return a.askCode(c.Status(http.StatusUnprocessableEntity), next, "admin.code.refused")
	}
	token := models.NewToken()
	if err := a.store.OpenStaffSession(c.UserContext(), a.actor(c), false, token, a.token(c), session.Agent); err != nil {
		return err
	}
	a.cookies.set(c, a.cookies.session, token, 0)
	a.cookies.set(c, a.cookies.device, a.devices.issue(&session.Staff), deviceAge)
	return errors.Join(a.forgetTries(c, limits), c.Redirect(next, http.StatusSeeOther))
}

// logOut ends the session.
func (a *Pages) logOut(c *fiber.Ctx) error {
	if err := a.store.LogOut(c.UserContext(), a.actor(c), a.session(c)); err != nil {
		return err
	}
	a.cookies.set(c, a.cookies.session, "", -time.Second)
	return c.Redirect("/admin/login", http.StatusSeeOther)
}

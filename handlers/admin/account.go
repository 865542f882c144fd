package admin

import (
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// accountPage is a member's own account.
type accountPage struct {
	Page
	CodesLeft int64 // recovery codes
	Sessions  []sessionRow
	Fields    []web.Field // of the password
}

// sessionRow is a session as lists show it.
type sessionRow struct {
	models.StaffSession
	Here    bool   // the one that shows the list
	Browser string // in short
}

func (a *Pages) showAccount(c *fiber.Ctx) error { return a.account(c, nil) }

func (a *Pages) account(c *fiber.Ctx, errs web.FieldErrors) error {
	page, err := accountPage{Page: a.page(c, "admin.account.title")}, error(nil)
	if page.CodesLeft, err = a.store.RecoveryCodesLeft(c.UserContext(), page.Staff.ID); err != nil {
		return err
	}
	if page.Sessions, err = a.sessionRows(c, page.Staff.ID); err != nil {
		return err
	}
	page.Fields = page.Page.Fields(errs, append([]web.Field{
		{Name: "password_now", Type: "password", Max: models.MaxPassword, Autocomplete: "current-password", Wide: true},
	}, passwordFields()...)...)
	if errs != nil {
		c.Status(http.StatusUnprocessableEntity)
	}
	return a.render(c, "admin/account", page)
}

func (a *Pages) sessionRows(c *fiber.Ctx, staffID string) ([]sessionRow, error) {
	sessions, err := a.store.StaffSessions(c.UserContext(), staffID)
	rows := make([]sessionRow, len(sessions))
	for i, s := range sessions {
		rows[i] = sessionRow{s, s.ID == a.session(c).ID, agentName(s.Agent)}
	}
	return rows, err
}

// changePassword asks for the present password as well, however fresh the session is, and ends the
// member's other sessions.
func (a *Pages) changePassword(c *fiber.Ctx) error {
	ctx, member, form := c.UserContext(), a.staff(c), readNewPassword(c)
	form.Email = ""
	errs := a.check(form, member.Email)
	if errs == nil {
		fits, err := a.presentPasswordFits(c, member)
		if errors.Is(err, models.ErrTooManyLogins) {
			errs = web.FieldErrors{"password_now": "admin.login.too_many"}
		} else if err != nil {
			return err
		} else if !fits {
			errs = web.FieldErrors{"password_now": "admin.proof.refused"}
		}
	}
	if errs != nil {
		return a.account(c, errs)
	}
	hash, err := a.hashPassword(ctx, form.Password)
	if err != nil {
		return err
	}
	if err := a.store.SetPassword(ctx, a.actor(c), member.ID, hash, a.session(c).ID); err != nil {
		return err
	}
	return a.done(c, "/admin/account", "admin.account.password_changed")
}

func (a *Pages) presentPasswordFits(c *fiber.Ctx, member *models.Staff) (bool, error) {
	limits := a.loginLimits(c, member.Email, member)
	if err := a.tryLogin(c, member.Email, member, limits); err != nil {
		return false, err
	}
	fits, err := a.passwordFits(c.UserContext(), web.SecretValue(c, "password_now"), member.PasswordHash)
	if err != nil {
		return false, err
	}
	if !fits {
		return false, a.auditRefusal(c, refuseProof, member.Email, member)
	}
	return true, a.forgetTries(c, limits)
}

// endOwnSession ends one of the member's sessions, the present one included.
func (a *Pages) endOwnSession(c *fiber.Ctx) error {
	if c.Params("id") == a.session(c).ID {
		return a.logOut(c)
	}
	if err := a.store.EndStaffSession(c.UserContext(), a.actor(c), a.staff(c).ID, c.Params("id")); err != nil {
		return err
	}
	return a.done(c, "/admin/account", "admin.session.ended")
}

func (a *Pages) endOtherSessions(c *fiber.Ctx) error {
	if err := a.store.EndStaffSessions(c.UserContext(), a.actor(c), a.staff(c).ID, a.session(c).ID); err != nil {
		return err
	}
	return a.done(c, "/admin/account", "admin.session.others_ended")
}

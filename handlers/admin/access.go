package admin

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// access says who may use a route. The zero value lets nobody in.
type access struct {
	anybody bool // nobody needs to be known
	half    bool // whoever has given the right password, with the code still missing
	enrol   bool // also whoever still has to set up the second factor that the owner asks for
	proof   bool // only with a proof of who it is that is a few minutes old
	roles   []models.Role
}

func only(roles ...models.Role) access { return access{roles: roles} }

// fresh asks for the password or a code again unless that was done a few minutes ago. It is for
// dangerous acts, which change something.
func (x access) fresh() access {
	x.proof = true
	return x
}

func (x access) enrolling() access {
	x.enrol = true
	return x
}

// allows reports whether members with the role may use the route.
func (x access) allows(role models.Role) bool {
	return x.anybody || x.half || slices.Contains(x.roles, role)
}

// guard lets those pass who may use a route, and sends others where they can become one of them.
func (a *Pages) guard(who access) fiber.Handler {
	return func(c *fiber.Ctx) error {
		session, err := a.loadSession(c)
		if err != nil {
			return err
		}
		switch {
		case session == nil:
			return c.Redirect("/admin/login"+nextQuery(a.wanted(c)), http.StatusSeeOther)
		case session.Half && !who.half:
			return c.Redirect("/admin/login/code"+nextQuery(a.wanted(c)), http.StatusSeeOther)
		case web.Changes(c) && !a.base.OwnForm(c, session.ID):
			return web.ErrForeignForm
		case !who.allows(session.Staff.Role):
			return models.ErrForbidden
		}
		if missing, err := a.lacksTOTP(c, session); err != nil {
			return err
		} else if missing && !who.enrol && !who.half {
			return c.Redirect("/admin/account/totp", http.StatusSeeOther)
		}
		if who.proof && !session.Fresh(a.store.Now()) {
			if proven, err := a.prove(c, session); !proven || err != nil {
				return err
			}
		}
		return c.Next()
	}
}

// lacksTOTP reports whether the owner asks for a second factor that the member does not have yet.
func (a *Pages) lacksTOTP(c *fiber.Ctx, session *models.StaffSession) (bool, error) {
	if session.Staff.HasTOTP() {
		return false, nil
	}
	required, err := a.store.Setting(c.UserContext(), models.SettingRequireTOTP)
	return required == yes, err
}

// yes is how a setting says so.
const yes = "yes"

// proofPage asks who it is, and carries the form of the act along.
type proofPage struct {
	Page
	Action string
	Carry  []carried
	Fields []web.Field
	Notice string
}

type carried struct{ Name, Value string }

// proofField is the field of the proof in any form: a password, or a code of the second factor.
const proofField = "_proof"

// prove reports whether the request carries a proof of who it is, and answers it with the question
// for one when it does not.
func (a *Pages) prove(c *fiber.Ctx, session *models.StaffSession) (bool, error) {
	proof := web.SecretValue(c, proofField)
	if proof == "" {
		return false, a.askProof(c, "")
	}
	switch fits, err := a.proofFits(c, &session.Staff, proof); {
	case models.KindOf(err) == models.TooMany:
		return false, a.askProof(c.Status(http.StatusTooManyRequests), "admin.login.too_many")
	case err != nil:
		return false, err
	case !fits:
		return false, a.askProof(c.Status(http.StatusUnprocessableEntity), "admin.proof.refused")
	}
	token := models.NewToken()
	a.cookies.set(c, a.cookies.session, token, 0)
	return true, a.store.ProveStaffSession(c.UserContext(), session, token)
}

func (a *Pages) askProof(c *fiber.Ctx, notice string) error {
	page := proofPage{Page: a.page(c, "admin.proof.title"), Action: c.Path(), Carry: carry(c)}
	if query := c.Context().URI().QueryString(); len(query) > 0 { // where the member was in a list
		page.Action += "?" + string(query)
	}
	page.Fields = page.Page.Fields(nil, web.Field{
		Name: proofField, Type: "password", Max: models.MaxPassword, Autocomplete: "current-password", Wide: true,
	})
	if notice != "" {
		page.Notice = page.T(notice)
	}
	return a.render(c, "admin/proof", page)
}

// carry returns what was typed into the form that the proof interrupts.
func carry(c *fiber.Ctx) []carried {
	var fields []carried
	for name, value := range c.Request().PostArgs().All() {
		if n := string(name); n != "_csrf" && n != proofField {
			fields = append(fields, carried{n, string(value)})
		}
	}
	return fields
}

// proofFits counts a try and reports whether the text is the member's password or a code.
func (a *Pages) proofFits(c *fiber.Ctx, member *models.Staff, proof string) (bool, error) {
	limits := a.loginLimits(c, member.Email, member)
	if err := a.tryLogin(c, member.Email, member, limits); err != nil {
		return false, err
	}
	fits, err := a.codeFits(c, member, proof)
	if err == nil && !fits {
		fits, err = a.passwordFits(c.UserContext(), proof, member.PasswordHash)
	}
	if err != nil {
		return false, err
	}
	if !fits {
		return false, a.auditRefusal(c, refuseProof, member.Email, member)
	}
	return true, a.forgetTries(c, limits)
}

// wanted is the address that a visitor asked for, to be gone to after the login. What was to be
// changed is not kept: then it is the page that the form stood on.
func (a *Pages) wanted(c *fiber.Ctx) string {
	if !web.Changes(c) {
		return safeNext(string(c.Request().RequestURI()))
	}
	from, err := url.Parse(c.Get(fiber.HeaderReferer))
	if err != nil || from.Host != string(c.Request().Host()) {
		return home
	}
	from.Path = a.pageAt(from.Path)
	return safeNext(from.RequestURI())
}

// pageAt is the page that stands at the path; a page that an act has answered stands at the act's, which
// lies below the page's own.
func (a *Pages) pageAt(address string) string {
	for strings.HasPrefix(address, home+"/") {
		for _, r := range a.table() {
			if r.method == get && len(r.who.roles) > 0 && fiber.RoutePatternMatch(address, r.path) {
				return address
			}
		}
		address = path.Dir(address)
	}
	return home
}

// nextQuery hands an address on to the login.
func nextQuery(next string) string {
	if next == home {
		return ""
	}
	return "?next=" + url.QueryEscape(next)
}

const home = "/admin"

// safeNext returns the address if it is one of the desk, and the first page otherwise.
func safeNext(address string) string {
	u, err := url.Parse(address)
	inside := err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && u.Opaque == "" &&
		len(u.Path) > len(home) && u.Path[:len(home)+1] == home+"/"
	if !inside {
		return home
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

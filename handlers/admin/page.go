package admin

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// Page is what every page of the desk knows; a page's own struct embeds it.
type Page struct {
	web.Page
	Staff *models.Staff // whose page it is; nil where nobody is known
	Nav   []navItem     // empty where nobody is known, or the login is not complete
	Did   string        // what the last act did, to be shown once

	csrf   string
	rights map[string]access
}

// navItem is a link of the navigation.
type navItem struct {
	Path, Name string
	Here       bool
}

// navigation is what the desk consists of. A page is shown to those who may see it.
var navigation = []struct{ path, key string }{
	{"/admin", "admin.nav.home"},
	{"/admin/orders", "admin.nav.orders"},
	{"/admin/goods", "admin.nav.goods"},
	{"/admin/incidents", "admin.incidents"},
	{"/admin/numbers", "admin.nav.numbers"},
	{statementPath, "admin.nav.reconcile"},
	{"/admin/settings", "admin.nav.settings"},
	{"/admin/gateways", "admin.nav.gateways"},
	{"/admin/staff", "admin.nav.staff"},
	{"/admin/audit", "admin.nav.audit"},
}

// page returns what every page of the desk knows, with the message of the key as its title.
func (a *Pages) page(c *fiber.Ctx, titleKey string, args ...any) Page {
	p := Page{Page: a.base.Page(c, titleKey, args...), rights: a.rights}
	session := a.session(c)
	if session == nil {
		return p
	}
	p.Staff, p.Did, p.csrf = &session.Staff, session.Flash, a.base.FormToken(session.ID)
	if session.Half {
		return p
	}
	for _, item := range navigation {
		if p.May(get, item.path) {
			p.Nav = append(p.Nav, navItem{item.path, p.T(item.key), isHere(c.Path(), item.path)})
		}
	}
	return p
}

// isHere reports whether a page belongs to an item of the navigation.
func isHere(path, item string) bool {
	return path == item || item != home && strings.HasPrefix(path, item+"/")
}

// CSRF returns the token for the page's forms.
func (p Page) CSRF() string {
	if p.csrf != "" {
		return p.csrf
	}
	return p.Page.CSRF()
}

// May reports whether the member may use the route with that method and pattern, so that a page
// offers nothing that would be refused.
func (p Page) May(method, pattern string) bool {
	who, there := p.rights[method+" "+pattern]
	return there && p.Staff != nil && who.allows(p.Staff.Role)
}

// RoleName returns the name of a role in the reader's language.
func (p Page) RoleName(role models.Role) string { return p.T("admin.role." + string(role)) }

// render answers with a page, and forgets the flash that it has shown.
func (a *Pages) render(c *fiber.Ctx, name string, page any) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	if err := a.base.Render(c, name, page); err != nil {
		return err
	}
	if session := a.session(c); session != nil && session.Flash != "" {
		return a.store.SetFlash(c.UserContext(), session.ID, "")
	}
	return nil
}

// done goes on to a page, which says by the message of the key what was done.
func (a *Pages) done(c *fiber.Ctx, to, key string, args ...any) error {
	text := a.base.Language(c).Text(key, args...)
	if err := a.store.SetFlash(c.UserContext(), a.session(c).ID, text); err != nil {
		return err
	}
	return c.Redirect(to, http.StatusSeeOther)
}

// problems puts into words what is wrong with fields that a template shows by itself.
func (p Page) problems(errs web.FieldErrors) map[string]string {
	words := make(map[string]string, len(errs))
	for field, key := range errs {
		words[field] = p.T(key)
	}
	return words
}

// fieldErrors returns what is wrong with a form when the error is about one of its fields, and the
// error itself otherwise.
func fieldErrors(err error) (web.FieldErrors, error) {
	if e, ok := errors.AsType[*models.Error](err); ok && e.Kind == models.Invalid && e.Field != "" {
		return web.FieldErrors{e.Field: e.Key}, nil
	}
	return nil, err
}

// failurePage tells what went wrong and what to do next.
type failurePage struct {
	Page
	Advice    string
	Orders    bool   // the way on is to the orders
	Back      string // or to the form that was sent
	RequestID string
}

// ShowFailure answers with the desk's own page for an error, by the key of its message. The request's
// id is for staff to find the log line, where there is one to find.
func (a *Pages) ShowFailure(c *fiber.Ctx, key, requestID string) error {
	orders := key == models.ErrOrderNotFound.Key
	key = cmp.Or(forStaff[key], key)
	page := failurePage{Page: a.page(c, key), Orders: orders, RequestID: requestID}
	page.Advice = page.T(key + ".advice")
	if c.Response().StatusCode() == http.StatusRequestEntityTooLarge {
		most := cmp.Or(maxFile(c.Path()), c.App().Config().BodyLimit)
		page.Advice, page.Back = page.T("admin.failure.too_large", "most", most>>20), a.pageAt(c.Path())
	}
	return a.base.Render(c, "admin/failure", page)
}

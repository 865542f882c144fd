package admin

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// inviteForm is what a browser may send to invite somebody.
type inviteForm struct {
	Email string `form:"email" validate:"required,email,max=254"`
	Role  string `form:"role" validate:"required"`
}

// staffPage lists everybody and invites more.
type staffPage struct {
	Page
	Members      []models.Staff
	Fields       []web.Field // of the invitation
	Roles        []roleChoice
	RoleError    string
	RequiresTOTP bool
}

// roleChoice is a role that can be chosen.
type roleChoice struct {
	Role         models.Role
	Name, Rights string
	Chosen       bool
}

func roleChoices(page Page, chosen models.Role) []roleChoice {
	var choices []roleChoice
	for _, role := range models.Roles() {
		choices = append(choices, roleChoice{role, page.RoleName(role), page.T("admin.rights." + string(role)), role == chosen})
	}
	return choices
}

func (a *Pages) showStaff(c *fiber.Ctx) error { return a.staffAs(c, inviteForm{}, nil) }

func (a *Pages) staffAs(c *fiber.Ctx, form inviteForm, errs web.FieldErrors) error {
	page, err := staffPage{Page: a.page(c, "admin.staff.title")}, error(nil)
	if page.Members, err = a.store.AllStaff(c.UserContext()); err != nil {
		return err
	}
	required, err := a.store.Setting(c.UserContext(), models.SettingRequireTOTP)
	if err != nil {
		return err
	}
	page.RequiresTOTP = required == yes
	page.Roles = roleChoices(page.Page, models.Role(form.Role))
	page.Fields = page.Page.Fields(errs, web.Field{Name: "email", Type: "email", Value: form.Email, Max: 254, Autocomplete: "off", Wide: true})
	if key := errs["role"]; key != "" {
		page.RoleError = page.T(key)
	}
	if errs != nil {
		c.Status(http.StatusUnprocessableEntity)
	}
	return a.render(c, "admin/staff", page)
}

// linkPage shows a link the only time that it can be shown.
type linkPage struct {
	Page
	Email string
	Link  string
}

func (a *Pages) showLink(c *fiber.Ctx, member *models.Staff, token string) error {
	page := linkPage{Page: a.page(c, "admin.link.title"), Email: member.Email}
	page.Link = cmp.Or(a.address, c.BaseURL()) + "/admin/join/" + token
	return a.render(c, "admin/link", page)
}

// invite makes a member, and shows the link for the owner to hand over.
func (a *Pages) invite(c *fiber.Ctx) error {
	form := inviteForm{Email: web.FormValue(c, "email"), Role: web.FormValue(c, "role")}
	errs := web.Check(form)
	if errs != nil {
		return a.staffAs(c, form, errs)
	}
	member, token, err := a.store.InviteStaff(c.UserContext(), a.actor(c), form.Email, models.Role(form.Role))
	if errs, err = fieldErrors(err); err != nil {
		return err
	}
	if errs != nil {
		return a.staffAs(c, form, errs)
	}
	return a.showLink(c, member, token)
}

// changeRules says what is asked of everybody.
func (a *Pages) changeRules(c *fiber.Ctx) error {
	value, told := "no", "admin.rules.totp_free"
	if web.FormValue(c, "require_totp") == yes {
		value, told = yes, "admin.rules.totp_required"
	}
	if err := a.store.SetSetting(c.UserContext(), a.actor(c), models.SettingRequireTOTP, value); err != nil {
		return err
	}
	return a.done(c, "/admin/staff", told)
}

// memberPage is one member as the owner sees it.
type memberPage struct {
	Page
	Member   *models.Staff
	Self     bool
	Notice   *notice
	Roles    []roleChoice
	Sessions []sessionRow
}

func (a *Pages) showMember(c *fiber.Ctx) error { return a.memberAs(c, "", refusal{}) }

// memberAs shows the member with the role that was chosen, and why it was not given.
func (a *Pages) memberAs(c *fiber.Ctx, chosen models.Role, why refusal) error {
	member, err := a.store.StaffByID(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	page := memberPage{Page: a.page(c, "admin.member.title", "email", member.Email), Member: member}
	page.Self = member.ID == page.Staff.ID
	page.Notice = why.tell(c, page.Page)
	page.Roles = roleChoices(page.Page, cmp.Or(chosen, member.Role))
	if page.Sessions, err = a.sessionRows(c, member.ID); err != nil {
		return err
	}
	return a.render(c, "admin/member", page)
}

// memberAct does something to the member that the address names, and goes back to the member's page.
func (a *Pages) memberAct(c *fiber.Ctx, told string, do func(by models.Actor, id string) error) error {
	id := c.Params("id")
	if err := do(a.actor(c), id); err != nil {
		return err
	}
	return a.done(c, "/admin/staff/"+id, told)
}

// changeRole also ends the member's sessions; an owner who gives up the role logs in anew.
func (a *Pages) changeRole(c *fiber.Ctx) error {
	seen, role := models.Role(web.FormValue(c, "seen")), models.Role(web.FormValue(c, "role"))
	changed, err := a.store.ChangeRole(c.UserContext(), a.actor(c), c.Params("id"), seen, role)
	switch {
	case errors.Is(err, models.ErrRoleMoved):
		return a.memberAs(c, role, refusal{refused: models.ErrRoleMoved})
	case err != nil:
		return err
	case !changed:
		return a.done(c, "/admin/staff/"+c.Params("id"), "admin.member.role_same")
	}
	return a.done(c, "/admin/staff/"+c.Params("id"), "admin.member.role_changed")
}

func (a *Pages) giveLink(c *fiber.Ctx) error {
	member, err := a.store.StaffByID(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	token, err := a.store.NewStaffLink(c.UserContext(), a.actor(c), member.ID)
	if err != nil {
		return err
	}
	return a.showLink(c, member, token)
}

func (a *Pages) disable(c *fiber.Ctx) error {
	return a.memberAct(c, "admin.member.disabled", func(by models.Actor, id string) error {
		return a.store.DisableStaff(c.UserContext(), by, id)
	})
}

func (a *Pages) enable(c *fiber.Ctx) error {
	return a.memberAct(c, "admin.member.enabled", func(by models.Actor, id string) error {
		return a.store.EnableStaff(c.UserContext(), by, id)
	})
}

func (a *Pages) removeTOTP(c *fiber.Ctx) error {
	return a.memberAct(c, "admin.totp.removed", func(by models.Actor, id string) error {
		return a.store.RemoveTOTP(c.UserContext(), by, id)
	})
}

func (a *Pages) endSessions(c *fiber.Ctx) error {
	return a.memberAct(c, "admin.member.sessions_ended", func(by models.Actor, id string) error {
		return a.store.EndStaffSessions(c.UserContext(), by, id, "")
	})
}

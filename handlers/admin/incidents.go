package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// incidentsAt is where the incidents are, and incidentPieces how many of them a page has.
const (
	incidentsAt    = "/admin/incidents"
	incidentPieces = 25
)

// incidentsPage is a part of the incidents, the newest first, and the form that narrows them.
type incidentsPage struct {
	Page
	Choices       []choices
	Narrowed      bool // to others than all that are open
	Count         string
	Rows          []incidentRow
	Newest, Older string // addresses; empty where there is nothing
}

// incidentFilter is what the address of a list of incidents says. What it does not know it leaves out.
type incidentFilter struct {
	State string // one of incidentStates; empty: open
	Kind  models.IncidentKind
}

// Which incidents are shown beside the open ones.
const (
	settledIncidents = "resolved"
	allIncidents     = "all"
)

func incidentFilterOf(c *fiber.Ctx) incidentFilter {
	f := incidentFilter{State: c.Query("state"), Kind: models.IncidentKind(c.Query("kind"))}
	if f.State != settledIncidents && f.State != allIncidents {
		f.State = ""
	}
	if !slices.Contains(models.IncidentKinds(), f.Kind) {
		f.Kind = ""
	}
	return f
}

func (f incidentFilter) forStore() models.IncidentFilter {
	m := models.IncidentFilter{Status: models.IncidentOpen, Kind: f.Kind}
	switch f.State {
	case settledIncidents:
		m.Status = models.IncidentResolved
	case allIncidents:
		m.Status = ""
	}
	return m
}

// at is the address of the part of the list that begins behind an incident.
func (f incidentFilter) at(before string) string {
	values := url.Values{}
	for name, value := range map[string]string{"state": f.State, "kind": string(f.Kind), "before": before} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return incidentsAt
	}
	return incidentsAt + "?" + values.Encode()
}

func (a *Pages) showIncidents(c *fiber.Ctx) error {
	filter, before := incidentFilterOf(c), cut(c.Query("before"), 36)
	found, err := a.store.ListIncidents(c.UserContext(), filter.forStore(), before, incidentPieces+1)
	if err != nil {
		return err
	}
	n, err := a.store.CountIncidents(c.UserContext(), filter.forStore())
	if err != nil {
		return err
	}
	page := incidentsPage{Page: a.page(c, "admin.incidents"), Narrowed: filter != incidentFilter{}}
	page.Count = page.incidentCount(n)
	page.Choices = []choices{
		{"state", page.T("admin.column.state"), page.T("admin.incidents.open"),
			namesOf(page.Page, "admin.incidents.", []string{settledIncidents, allIncidents}, filter.State)},
		{"kind", page.T("admin.incidents.kind"), page.T("admin.any"),
			namesOf(page.Page, "incident.", models.IncidentKinds(), string(filter.Kind))},
	}
	if before != "" {
		page.Newest = filter.at("")
	}
	if len(found) > incidentPieces {
		found = found[:incidentPieces]
		page.Older = filter.at(found[incidentPieces-1].ID)
	}
	for _, i := range found {
		page.Rows = append(page.Rows, page.incident(i, a.store.Now(), filter.at(before)))
	}
	return a.render(c, "admin/incidents", page)
}

// incidentCount says how many incidents there are, of which so many were counted.
func (p Page) incidentCount(n int64) string {
	if n >= models.CountLimit {
		return p.T("admin.incidents.many", "count", n)
	}
	return p.T("admin.incidents.count", "count", n)
}

// settleForm is what a browser may send to settle an incident.
type settleForm struct {
	Decision string `form:"decision" validate:"required,max=900"`
	Back     string // where the form stood, and what comes next
}

// settleIncident resolves an incident by the member's decision.
func (a *Pages) settleIncident(c *fiber.Ctx) error {
	form := settleForm{web.FormLines(c, "decision"), safeNext(web.FormValue(c, "back"))}
	if errs := web.Check(form); errs != nil {
		return a.showUnsettled(c, form, errs)
	}
	err := a.store.SettleIncident(c.UserContext(), c.Params("id"), form.Decision, a.actor(c))
	if errors.Is(err, models.ErrOrderMoved) {
		return a.settledBefore(c, form.Back)
	}
	if err != nil {
		return err
	}
	return a.done(c, form.Back, "admin.incident.settled")
}

// settledBefore says who was faster to settle the incident, when, and how.
func (a *Pages) settledBefore(c *fiber.Ctx, back string) error {
	i, err := a.store.IncidentByID(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	page := a.page(c, "admin.incidents")
	if i.ResolvedBy == "" {
		return a.done(c, back, "admin.incident.moved_by_itself", "time", page.Time(*i.ResolvedAt), "decision", i.Resolution)
	}
	return a.done(c, back, "admin.incident.moved", "person", i.ResolvedBy, "time", page.Time(*i.ResolvedAt), "decision", i.Resolution)
}

// showUnsettled shows the incident alone, with what was typed and what is wrong with it.
func (a *Pages) showUnsettled(c *fiber.Ctx, form settleForm, errs web.FieldErrors) error {
	i, err := a.store.IncidentRowByID(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	page := incidentsPage{Page: a.page(c, "admin.incidents"), Newest: incidentsAt}
	row := page.incident(*i, a.store.Now(), form.Back)
	row.Decision, row.Problem = form.Decision, page.T(errs["decision"])
	page.Rows = []incidentRow{row}
	return a.render(c.Status(http.StatusUnprocessableEntity), "admin/incidents", page)
}

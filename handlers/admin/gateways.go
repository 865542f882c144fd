package admin

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// Gateway is what the configuration says about a gateway, as far as people may see it.
type Gateway struct {
	Name       models.GatewayName
	Enabled    bool   // in the configuration
	Simulated  bool   // the sandbox stands in for it
	Address    string // host
	Merchant   string // how the gateway knows the shop
	Key        string // what may be shown of it: its last four characters
	Currencies []string
}

// gatewaysPage shows each gateway and how it fares.
type gatewaysPage struct {
	Page
	Gateways []gatewayView
	Unpaid   []string // ways to pay that no row of the table serves now
	Nothing  bool     // nothing can be paid at all
}

// gatewayView is a gateway in words.
type gatewayView struct {
	Gateway
	payments.Standing
	Title, State    string
	On              bool // attempts are begun there
	Facts           []fact
	Routes          []string
	Selling, Asking string // whether it is left alone
	Notified        string
	Day             []fact
	Seen            string // mark of the switch
}

// fact is a line of a list.
type fact struct{ Name, Value string }

func (a *Pages) showGateways(c *fiber.Ctx) error {
	page := gatewaysPage{Page: a.page(c, "admin.gateways.title")}
	for _, g := range a.gateways {
		view, err := a.viewGateway(c, page.Page, g)
		if err != nil {
			return err
		}
		page.Gateways = append(page.Gateways, view)
	}
	routes := a.payments.Routes()
	page.Nothing = len(routes) == 0
	page.Unpaid = page.unserved(a.payments.AllRoutes(), routes)
	return a.render(c, "admin/gateways", page)
}

func (a *Pages) viewGateway(c *fiber.Ctx, p Page, g Gateway) (gatewayView, error) {
	v := gatewayView{Gateway: g, Title: p.T("gateway." + string(g.Name))}
	v.Facts = p.gatewayFacts(g)
	if !g.Enabled {
		v.State = "off"
		return v, nil
	}
	var err error
	if v.Standing, err = a.payments.Standing(c.UserContext(), g.Name); err != nil {
		return v, err
	}
	states, err := a.store.SettingStates(c.UserContext(), models.SetPaused(g.Name))
	if err != nil {
		return v, err
	}
	state := states[models.SetPaused(g.Name).Name]
	v.Seen, v.On = state.Mark(), state.Value != models.Yes
	v.State = "on"
	if !v.On {
		v.State = "paused"
	}
	for i, r := range a.payments.AllRoutes() {
		if r.Gateway == g.Name {
			v.Routes = append(v.Routes, fmt.Sprintf("%d. %s · %s", i+1, p.routeName(r.Wallet, r.Scene), r.Method))
		}
	}
	v.Selling, v.Asking = p.leftAlone(v.CreatesLeftAlone), p.leftAlone(v.AsksLeftAlone)
	if e := v.Notification; e != nil {
		v.Notified = p.PreciseTime(e.CreatedAt) + " · " + p.T("admin.verdict."+e.Verdict)
	}
	v.Day = []fact{
		{p.T("admin.gateways.answered"), p.upTo(v.Lately.Answered)}, {p.T("admin.gateways.unanswered"), p.upTo(v.Lately.Unanswered)},
		{p.T("admin.gateways.taken"), p.upTo(v.Lately.Taken)}, {p.T("admin.gateways.refused"), p.upTo(v.Lately.Refused)},
	}
	return v, nil
}

func (p Page) gatewayFacts(g Gateway) []fact {
	address := g.Address
	if g.Simulated {
		address = p.T("admin.gateways.simulated")
	}
	return []fact{
		{p.T("admin.gateways.address"), address}, {p.T("admin.gateways.merchant"), g.Merchant},
		{p.T("admin.gateways.key"), g.Key}, {p.T("admin.gateways.currencies"), strings.Join(g.Currencies, ", ")},
	}
}

func (p Page) leftAlone(alone bool) string {
	if alone {
		return p.T("admin.gateways.left_alone")
	}
	return p.T("admin.gateways.open")
}

// upTo writes a number that was counted up to models.CountLimit.
func (p Page) upTo(n int64) string {
	if n >= models.CountLimit {
		return p.T("admin.gateways.many", "number", p.Number(models.CountLimit))
	}
	return p.Number(n)
}

// routeName names what a row of the table serves.
func (p Page) routeName(wallet, scene string) string {
	name := p.T("admin.any")
	if wallet != "any" {
		name = p.T("wallet." + wallet)
	}
	return name + " · " + p.T("admin.scene."+scene)
}

// unserved names what the whole table serves and what is left of it does not.
func (p Page) unserved(all, left payments.Routes) []string {
	var names []string
	for _, w := range models.Wallets {
		for _, s := range []models.Scene{models.SceneWallet, models.ScenePhone, models.SceneDesktop} {
			if len(all.Match(w, s)) > 0 && len(left.Match(w, s)) == 0 {
				names = append(names, p.routeName(string(w), string(s)))
			}
		}
	}
	return names
}

// switchGateway says whether attempts are begun at a gateway. The next page says what cannot be paid
// then.
func (a *Pages) switchGateway(c *fiber.Ctx) error {
	gateway, err := a.enabledGateway(c)
	if err != nil {
		return err
	}
	setting := models.SetPaused(gateway)
	value, err := setting.Read(web.FormValue(c, "paused"), "")
	if err != nil {
		return err
	}
	wanted := models.SettingChange{Setting: setting, Value: value, Seen: web.FormValue(c, "seen")}
	_, moved, err := a.store.ChangeSettings(c.UserContext(), a.actor(c), []models.SettingChange{wanted})
	if err != nil {
		return err
	}
	name := a.base.Language(c).Text("gateway." + string(gateway))
	switch {
	case len(moved) > 0:
		return a.done(c, "/admin/gateways", "admin.gateways.moved", "gateway", name)
	case value == models.Yes:
		return a.done(c, "/admin/gateways", "admin.gateways.paused", "gateway", name)
	}
	return a.done(c, "/admin/gateways", "admin.gateways.resumed", "gateway", name)
}

// testGateway asks a gateway about a payment that does not exist, and says what came back.
func (a *Pages) testGateway(c *fiber.Ctx) error {
	gateway, err := a.enabledGateway(c)
	if err != nil {
		return err
	}
	language := a.base.Language(c)
	name := language.Text("gateway." + string(gateway))
	probe, err := a.payments.Probe(c.UserContext(), gateway)
	if errors.Is(err, payments.ErrProbedLately) {
		return a.done(c, "/admin/gateways", "admin.gateways.test.too_soon", "gateway", name)
	}
	if err != nil {
		return err
	}
	details := string(probe.Result) + " after " + probe.Took.Round(time.Millisecond).String()
	if err := a.audit(c, models.ActTest, string(gateway), details); err != nil {
		return err
	}
	return a.done(c, "/admin/gateways", "admin.gateways.test."+string(probe.Result),
		"gateway", name, "time", language.Number(probe.Took.Milliseconds()), "detail", cut(probe.Detail, 300))
}

// enabledGateway is the gateway that the address names.
func (a *Pages) enabledGateway(c *fiber.Ctx) (models.GatewayName, error) {
	name := models.GatewayName(c.Params("gateway"))
	if !a.payments.Enabled(name) {
		return "", models.ErrGatewayNotFound
	}
	return name, nil
}

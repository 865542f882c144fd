// Package admin is the merchant's desk: the pages under /admin on which those who run the shop see
// and do everything.
//
// These rules always hold. Nobody gets further than the route table lets them: each route names the
// roles that may use it, and one that names none lets nobody in. A request that changes something
// carries the token of the member's own session. A session is a row that can be ended on every
// replica at once. What a member does is in the audit log. No password, code, link or secret is
// logged, or shown a second time.
//
// A page of the desk is made like this:
//
//   - a row in table, with its roles: only(owner, finance); .fresh() for a dangerous act, which then
//     asks for the password or a code when the last proof is older than ten minutes, and carries the
//     form along so that nothing typed is lost;
//   - a row in navigation, if it is to be found there: it shows for the roles that may see the page;
//   - a struct that embeds Page, filled by a.page(c, titleKey, …) and shown by a.render(c, "admin/…",
//     page); its template stands between partials/admin_head and partials/admin_foot, and asks
//     .May "POST" "/admin/…" before it offers an act;
//   - in an act, a.actor(c) for the store's methods that write the audit log themselves, in the
//     transaction of the act; a.audit(c, action, subject, details) for acts that end elsewhere; and
//     a.done(c, "/admin/…", key, …) to say on the next page what was done.
package admin

import (
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// Pages answers the addresses under /admin. It is safe for many goroutines.
type Pages struct {
	base     *web.Base
	store    *models.Store
	payments *payments.Service
	gateways []Gateway
	log      *slog.Logger
	address  string // scheme and host of the desk; empty: what the request says

	cookies cookies
	seals   seals
	devices devices
	hashing chan struct{}     // one place for each password that may be hashed at once
	scaling chan struct{}     // one place for the picture that is being scaled
	rights  map[string]access // by method and path
}

// maxHashing bounds the memory and the processors that passwords take.
const maxHashing = 4

// New returns the desk's pages. Links to the desk begin with the address, or with that of the request
// when it is empty, as it is where the desk has a server of its own.
func New(base *web.Base, service *payments.Service, gateways []Gateway, address string, log *slog.Logger) (*Pages, error) {
	a := &Pages{
		base: base, store: base.Store, payments: service, gateways: gateways, log: log, address: address,
		cookies: newCookies(base.Config.PublicURL),
		hashing: make(chan struct{}, maxHashing),
		scaling: make(chan struct{}, 1),
		rights:  map[string]access{},
	}
	var err error
	if a.seals, err = newSeals(base); err != nil {
		return nil, err
	}
	if a.devices, err = newDevices(base); err != nil {
		return nil, err
	}
	for _, r := range a.table() {
		a.rights[r.method+" "+r.path] = r.who
	}
	return a, nil
}

// Routes puts the desk's addresses into the app.
func (a *Pages) Routes(app fiber.Router) {
	app.Use("/admin", a.base.ChooseLanguage)
	for _, r := range a.table() {
		if r.who.anybody {
			app.Add(r.method, r.path, a.base.Sessions, a.base.SameSite, r.do)
		} else {
			app.Add(r.method, r.path, a.guard(r.who), r.do)
		}
	}
}

// route is an address of the desk, who may use it, and what it does.
type route struct {
	method, path string
	who          access
	do           fiber.Handler
}

const (
	get  = fiber.MethodGet
	post = fiber.MethodPost

	owner     = models.RoleOwner
	finance   = models.RoleFinance
	orders    = models.RoleOrders
	catalogue = models.RoleCatalogue
	readOnly  = models.RoleReadOnly
)

// table is every address of the desk, in reading order. What is not in it does not exist.
func (a *Pages) table() []route {
	anybody, half := access{anybody: true}, access{half: true}
	everyone := only(models.Roles()...)
	seeing := only(owner, finance, orders, readOnly) // who sees orders
	keeping := only(owner, catalogue)                // who keeps goods
	return []route{
		// Coming in. Nobody is known yet; what stands for a person is the link's token.
		{get, "/admin/setup/:token", anybody, a.showSetup},
		{post, "/admin/setup/:token", anybody, a.setUp},
		{get, "/admin/join/:token", anybody, a.showJoin},
		{post, "/admin/join/:token", anybody, a.join},
		{get, "/admin/login", anybody, a.showLogin},
		{post, "/admin/login", anybody, a.logIn},
		{get, "/admin/login/code", half, a.showCode},
		{post, "/admin/login/code", half, a.enterCode},
		{post, "/admin/logout", half, a.logOut},

		// The first page.
		{get, "/admin", everyone, a.showHome},

		// Orders.
		{get, "/admin/orders", seeing, a.showOrders},
		{get, "/admin/orders.csv", only(owner, finance, orders), a.exportOrders("csv", "text/csv; charset=utf-8", beginCSV)},
		{get, "/admin/orders.xlsx", only(owner, finance, orders), a.exportOrders("xlsx", xlsxType, beginXLSX)},
		{get, "/admin/orders/:number", seeing, a.showOrder},
		{get, "/admin/orders/:number/slip", seeing, a.showSlip},
		{post, "/admin/orders/:number/ask", only(owner, finance, orders), a.ask},
		{post, "/admin/orders/:number/note", only(owner, finance, orders), a.addNote},
		{post, "/admin/orders/:number/cancel", only(owner, orders), a.cancelOrder},
		{post, "/admin/orders/:number/fulfil", only(owner, orders), a.fulfil},
		{post, "/admin/orders/:number/dispatch", only(owner, orders), a.changeDispatch},
		{post, "/admin/orders/:number/refund", only(owner, finance).fresh(), a.refundPayment},
		{post, "/admin/orders/:number/refund/end", only(owner, finance).fresh(), a.endRefund},
		{post, "/admin/orders/:number/writeoff", only(owner, finance).fresh(), a.writeOff},
		{post, "/admin/orders/:number/paid", only(owner, finance).fresh(), a.markPaid},
		{post, "/admin/orders/:number/revive", only(owner, finance).fresh(), a.revive},
		{get, "/admin/incidents", seeing, a.showIncidents},
		{post, "/admin/orders/:number/mail", only(owner, orders), a.resendMail},
		{post, "/admin/orders/:number/mail/leave", only(owner, orders), a.leaveMail},
		{post, "/admin/incidents/:id/settle", only(owner, finance), a.settleIncident},
		{get, "/admin/messages", seeing, a.showMessages},

		// Goods.
		{get, "/admin/goods", everyone, a.showGoods},
		{post, "/admin/goods", keeping, a.addProduct},
		{get, "/admin/goods.csv", keeping, a.exportGoods},
		{get, "/admin/goods/new", keeping, a.showNewProduct},
		{get, "/admin/goods/import", keeping, a.showImport},
		{post, "/admin/goods/import", keeping, a.planImport},
		{post, "/admin/goods/import/apply", keeping, a.importGoods},
		{get, "/admin/goods/sku/:sku", everyone, a.showVariant},
		{post, "/admin/goods/sku/:sku", keeping, a.changeVariant},
		{post, "/admin/goods/sku/:sku/stock", keeping, a.changeStock},
		{post, "/admin/goods/sku/:sku/count", keeping, a.countStock},
		{post, "/admin/goods/sku/:sku/place", keeping, a.moveVariant},
		{post, "/admin/goods/sku/:sku/picture", keeping, patiently(a.setVariantPicture)},
		{get, "/admin/goods/:id", everyone, a.showProduct},
		{post, "/admin/goods/:id", keeping, a.changeProduct},
		{post, "/admin/goods/:id/place", keeping, a.moveProduct},
		{post, "/admin/goods/:id/picture", keeping, patiently(a.setProductPicture)},
		{post, "/admin/goods/:id/variants", keeping, a.addVariant},

		// Numbers.
		{get, "/admin/numbers", only(owner, finance, readOnly), a.showNumbers},
		{get, "/admin/numbers.csv", only(owner, finance, readOnly), a.exportNumbers},
		{get, statementPath, only(owner, finance), a.showReconcile},
		{post, statementPath, only(owner, finance), a.reconcile},

		// One's own account.
		{get, "/admin/account", everyone, a.showAccount},
		{post, "/admin/account/password", everyone, a.changePassword},
		{post, "/admin/account/sessions/:id/end", everyone, a.endOwnSession},
		{post, "/admin/account/sessions/end", everyone, a.endOtherSessions},
		{get, "/admin/account/totp", everyone.enrolling(), a.showTOTP},
		{post, "/admin/account/totp", everyone.enrolling().fresh(), a.beginTOTP},
		{get, "/admin/account/totp.svg", everyone.enrolling(), a.drawTOTP},
		{post, "/admin/account/totp/confirm", everyone.enrolling(), a.confirmTOTP},
		{post, "/admin/account/totp/remove", everyone.fresh(), a.removeOwnTOTP},
		{post, "/admin/account/recovery", everyone.fresh(), a.renewRecoveryCodes},

		// Settings.
		{get, "/admin/settings", only(owner), a.showSettings},
		{post, "/admin/settings/shop", only(owner), a.changeShop},
		{post, logoPath, only(owner), patiently(a.changeLogo)},
		{post, "/admin/settings/money", only(owner).fresh(), a.changeMoney},
		{post, "/admin/settings/texts/:language", only(owner), a.changeTexts},

		// Gateways.
		{get, "/admin/gateways", only(owner, finance), a.showGateways},
		{post, "/admin/gateways/:gateway/switch", only(owner).fresh(), a.switchGateway},
		{post, "/admin/gateways/:gateway/test", only(owner), a.testGateway},

		// Staff.
		{get, "/admin/staff", only(owner), a.showStaff},
		{post, "/admin/staff", only(owner).fresh(), a.invite},
		{post, "/admin/staff/rules", only(owner).fresh(), a.changeRules},
		{get, "/admin/staff/:id", only(owner), a.showMember},
		{post, "/admin/staff/:id/role", only(owner).fresh(), a.changeRole},
		{post, "/admin/staff/:id/link", only(owner).fresh(), a.giveLink},
		{post, "/admin/staff/:id/disable", only(owner).fresh(), a.disable},
		{post, "/admin/staff/:id/enable", only(owner).fresh(), a.enable},
		{post, "/admin/staff/:id/totp/remove", only(owner).fresh(), a.removeTOTP},
		{post, "/admin/staff/:id/sessions/end", only(owner).fresh(), a.endSessions},

		// The audit log.
		{get, "/admin/audit", only(owner), a.showAudit},
		{get, "/admin/audit.csv", only(owner), a.exportAudit},
	}
}

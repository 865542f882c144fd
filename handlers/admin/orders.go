package admin

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// orderRows is how many orders a page of the list has.
const orderRows = 50

// ordersPage is a part of a list of orders, and the form that narrows it.
type ordersPage struct {
	Page
	Filter   orderFilter
	Filtered bool
	Narrowed bool // by more than words
	Choices  []choices
	Errors   map[string]string // what is wrong in its fields, which are left out

	Count string
	Cut   bool
	Rows  []orderRow

	First, Newer, Older string // addresses; empty where there is nothing
	CSV, XLSX           string
}

// choices is a field of the form in which one thing is chosen, or any.
type choices struct {
	Name, Label, Any string
	All              []choice
}

// choice is one of several things to choose from.
type choice struct {
	Value, Name string
	Chosen      bool
	Lang        string // of the name, where that is not the page's
}

// orderRow is an order as the list shows it.
type orderRow struct {
	models.OrderRow
	Address string
	Items   string
	Amount  string
	Way     string // wallet and gateway
	Badges  []badge
	Paid    string
	Changed string
}

// badge is a state in a word, and how urgent it looks.
type badge struct{ Name, Look string }

func (a *Pages) showOrders(c *fiber.Ctx) error {
	filter := filterOf(c)
	m := filter.forStore(a.store.Now(), a.base.Config.TimeZone)
	list, err := a.store.Orders(c.UserContext(), m, models.Paging{
		After: cut(c.Query("after"), 32), Before: cut(c.Query("before"), 32), Limit: orderRows,
	})
	if err != nil {
		return err
	}
	page := ordersPage{Page: a.page(c, "admin.orders.title"), Filter: filter, Cut: list.Cut}
	page.Errors = page.problems(filter.mistakes(a.base.Config.TimeZone))
	page.Filtered = len(filter.values()) > 0
	page.Narrowed = len(filter.values()) > 1 || page.Filtered && filter.Text == ""
	n, more, err := a.store.CountOrders(c.UserContext(), m)
	if err != nil {
		return err
	}
	page.Count = page.countOf(n, more)
	if err := a.offerChoices(c, &page); err != nil {
		return err
	}
	for _, r := range list.Rows {
		page.Rows = append(page.Rows, page.row(r))
	}
	page.link(list)
	return a.render(c, "admin/orders", page)
}

func (p ordersPage) countOf(n int64, more bool) string {
	if more {
		return p.T("admin.orders.many", "count", n)
	}
	return p.T("admin.orders.count", "count", n)
}

// link says where the list goes on.
func (p *ordersPage) link(list models.OrderList) {
	if list.Newer {
		p.First = p.Filter.at("/admin/orders")
	}
	if len(list.Rows) > 0 {
		if list.Newer {
			p.Newer = p.Filter.at("/admin/orders", "before", list.Rows[0].Number)
		}
		if list.Older {
			p.Older = p.Filter.at("/admin/orders", "after", list.Rows[len(list.Rows)-1].Number)
		}
	}
	if p.May(get, "/admin/orders.csv") {
		p.CSV, p.XLSX = p.Filter.at("/admin/orders.csv"), p.Filter.at("/admin/orders.xlsx")
	}
}

// offerChoices makes the fields by which the list is narrowed.
func (a *Pages) offerChoices(c *fiber.Ctx, p *ordersPage) error {
	products, err := a.store.ProductNames(c.UserContext())
	if err != nil {
		return err
	}
	var named []choice
	for _, product := range products {
		named = append(named, choice{product.Slug, product.Name, p.Filter.Product == product.Slug, p.OwnLang()})
	}
	gateways := []models.GatewayName{models.ScanForPay, models.Pass2Pay, models.ByHand}
	p.Choices = []choices{
		{"state", p.T("admin.column.state"), p.T("admin.any"), namesOf(p.Page, "state.", orderStates, p.Filter.State)},
		{"only", p.T("admin.orders.money"), p.T("admin.any"), namesOf(p.Page, "admin.only.", onlyOrders, string(p.Filter.Only))},
		{"gateway", p.T("admin.column.gateway"), p.T("admin.any"), namesOf(p.Page, "gateway.", gateways, p.Filter.Gateway)},
		{"wallet", p.T("admin.column.wallet"), p.T("admin.any"), namesOf(p.Page, "wallet.", models.Wallets, p.Filter.Wallet)},
		{"product", p.T("admin.column.product"), p.T("admin.any"), named},
		{"when", p.T("admin.column.placed"), p.T("admin.when.any"), namesOf(p.Page, "admin.when.", presets, p.Filter.When)},
	}
	return nil
}

// namesOf names values by the messages whose keys begin so.
func namesOf[T ~string](p Page, prefix string, values []T, chosen string) []choice {
	all := make([]choice, len(values))
	for i, v := range values {
		all[i] = choice{Value: string(v), Name: p.T(prefix + string(v)), Chosen: chosen == string(v)}
	}
	return all
}

var orderStates = []models.OrderStatus{
	models.OrderPending, models.OrderPaid, models.OrderFulfilled, models.OrderExpired, models.OrderCanceled,
}

// row puts an order into words.
func (p ordersPage) row(r models.OrderRow) orderRow {
	row := orderRow{
		OrderRow: r, Address: p.Filter.at("/admin/orders/" + r.Number),
		Items: itemsInShort(r.Items), Amount: p.Money(r.Money()), Way: p.way(r.Wallet, r.Gateway),
		Badges: p.badges(r), Changed: p.ShortTime(r.UpdatedAt),
	}
	if r.PaidAt != nil {
		row.Paid = p.ShortTime(*r.PaidAt)
	}
	return row
}

// itemsInShort names the first things and counts the rest.
func itemsInShort(items []models.OrderItem) string {
	const named = 2
	var parts []string
	for i, item := range items {
		if i == named {
			parts = append(parts, "+"+strconv.Itoa(len(items)-named))
			break
		}
		text := item.Name
		if item.Options != "" {
			text += " " + item.Options
		}
		if item.Quantity > 1 {
			text = strconv.FormatInt(item.Quantity, 10) + " × " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// way says by what money came or is to come.
func (p Page) way(w models.Wallet, g models.GatewayName) string {
	var parts []string
	if w != "" {
		parts = append(parts, p.T("wallet."+string(w)))
	}
	if g != "" {
		parts = append(parts, p.T("gateway."+string(g)))
	}
	return strings.Join(parts, " · ")
}

// badges are the state of an order and what else is to be seen at a glance.
func (p Page) badges(r models.OrderRow) []badge {
	all := []badge{{p.T("state." + string(r.Status)), string(r.Status)}}
	if r.Confirming() {
		all[0] = badge{p.T("state.confirming"), "confirming"}
	}
	if r.Gateway == models.ByHand {
		all = append(all, badge{p.T("state.by_hand"), "by-hand"})
	}
	if r.Incidents > 0 {
		all = append(all, badge{p.T("state.incident", "count", r.Incidents), "incident"})
	}
	switch {
	case r.Payment != nil && r.Payment.WrittenOffAt != nil:
		all[0] = badge{p.T("state.written_off"), "canceled"}
	case r.Refunding > 0:
		all = append(all, badge{p.T("state.refunding"), "confirming"})
	case r.Refunded >= r.Amount:
		all = append(all, badge{p.T("state.refunded"), "refunded"})
	case r.Refunded > 0:
		all = append(all, badge{p.T("state.part_refunded"), "refunded"})
	}
	return all
}

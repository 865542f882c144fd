package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// Statements are sent here, and may be as large as that: some hundred thousand rows.
const (
	statementPath = "/admin/reconcile"
	maxStatement  = 16 << 20
)

// reconcilePage is the money that the shop has recorded on a day, gateway by gateway, and what came of
// comparing it with a statement. Nothing of a statement is kept.
type reconcilePage struct {
	Page
	Day, DayName string
	DayError     string
	Newer, Older string // addresses
	Gateways     []gatewayDay
}

// gatewayDay is one gateway's part of the page.
type gatewayDay struct {
	Name      models.GatewayName
	Title     string
	Books     []bookedRow
	Statement bool   // whether one can be compared
	Sandbox   string // where the sandbox has one; empty: nowhere
	Error     string // why the statement was refused
	Result    *comparedDay
}

// bookedRow is a sum of the shop's books, or of both sides.
type bookedRow struct {
	Name   string
	Count  string
	Amount string
	Total  bool
}

// comparedDay is what came of a comparison, in words.
type comparedDay struct {
	Equal       bool
	Currencies  []comparedCurrency
	Differences []differenceGroup
	Notes       []string
}

// Hint is what a field for a statement takes.
func (p reconcilePage) Hint() string { return p.T("admin.csv_hint", "most", maxStatement>>20) }

type comparedCurrency struct {
	Rows []bookedRow
	Left string // what is left between the two sides; empty: nothing
}

type differenceGroup struct {
	Title string
	Count int
	Items []differenceItem
}

// More is how many are not shown.
func (g differenceGroup) More() int { return g.Count - len(g.Items) }

type differenceItem struct {
	Text    string
	Order   string // the number of the order, where the shop has one
	Address string
	Note    string
}

// shownDifferences is how many of each kind a page shows: a statement of the wrong day differs in
// everything.
const shownDifferences = 100

var differenceKinds = []payments.DifferenceKind{
	payments.UnknownPayment, payments.MissingPayment, payments.UnknownRefund, payments.MissingRefund,
	payments.WrongAmount, payments.WrongCurrency, payments.Twice,
}

// showReconcile is the shop's side of a day: of yesterday, where none is named.
func (a *Pages) showReconcile(c *fiber.Ctx) error {
	page, _, err := a.reconcilePage(c, c.Query("day"))
	if err != nil {
		return err
	}
	return a.render(c, "admin/reconcile", page)
}

// reconcilePage returns the page about a day, which is yesterday when the text is none.
func (a *Pages) reconcilePage(c *fiber.Ctx, text string) (*reconcilePage, payments.Day, error) {
	page := &reconcilePage{Page: a.page(c, "admin.reconcile.title")}
	zone := a.base.Config.TimeZone
	day, err := payments.ParseDay(text, zone)
	if err != nil {
		if day = payments.DayOf(a.store.Now(), zone).After(-1); text != "" {
			page.DayError = page.T("invalid.day")
			c.Status(http.StatusUnprocessableEntity)
		}
	}
	page.Day = day.String()
	date, err := time.Parse(dayFormat, page.Day)
	if err != nil {
		return nil, day, err
	}
	page.DayName = date.Format(page.T("format.date"))
	page.Newer, page.Older = statementPath+"?day="+day.After(1).String(), statementPath+"?day="+day.After(-1).String()
	known := a.payments.Statements()
	for _, name := range []models.GatewayName{models.ScanForPay, models.Pass2Pay, models.ByHand} {
		totals, err := payments.Books(c.UserContext(), a.store, name, day)
		if err != nil {
			return nil, day, err
		}
		g := gatewayDay{Name: name, Title: page.T("gateway." + string(name)), Statement: slices.Contains(known, name)}
		if !g.Statement && len(totals) == 0 {
			continue
		}
		for _, t := range totals {
			g.Books = append(g.Books, page.booked(t)...)
		}
		if g.Statement && page.SandboxOn {
			g.Sandbox = page.PublicURL + "/sandbox/statement/" + string(name) + ".csv"
		}
		page.Gateways = append(page.Gateways, g)
	}
	return page, day, nil
}

// booked are the sums of the shop's side in one currency.
func (p reconcilePage) booked(t payments.Totals) []bookedRow {
	return []bookedRow{
		p.sum("orders", t.Orders, t.Currency),
		p.sum("surplus", t.Surplus, t.Currency),
		p.sum("refunds", t.Refunds, t.Currency),
		{Name: p.T("admin.reconcile.sum.shop"), Amount: p.Money(models.Money{Amount: t.Shop(), Currency: t.Currency}), Total: true},
	}
}

func (p reconcilePage) sum(name string, s payments.Sum, currency string) bookedRow {
	return bookedRow{
		Name: p.T("admin.reconcile.sum." + name), Count: strconv.Itoa(s.Count), Amount: p.Money(models.Money{Amount: s.Amount, Currency: currency}),
	}
}

// reconcile compares a gateway's statement with the shop's books of a day, and changes nothing.
func (a *Pages) reconcile(c *fiber.Ctx) error {
	page, day, err := a.reconcilePage(c, web.FormValue(c, "day"))
	if err != nil {
		return err
	}
	name := models.GatewayName(web.FormValue(c, "gateway"))
	i := slices.IndexFunc(page.Gateways, func(g gatewayDay) bool { return g.Name == name && g.Statement })
	if i < 0 {
		return fiber.ErrBadRequest
	}
	if page.DayError != "" {
		return a.render(c, "admin/reconcile", page)
	}
	g := &page.Gateways[i]
	result, err := a.compareFile(c, name, day)
	if bad, is := errors.AsType[*payments.StatementError](err); is {
		g.Error, err = page.refusal(bad), nil
	} else if errors.Is(err, errNoFile) {
		g.Error, err = page.T("invalid.file"), nil
	} else if errors.Is(err, errFileTooLarge) {
		g.Error, err = page.T("invalid.statement_bytes"), nil
	}
	switch {
	case err != nil:
		return err
	case g.Error != "":
		c.Status(http.StatusUnprocessableEntity)
	default:
		g.Result = page.compared(result, a.base.Config.TimeZone)
	}
	return a.render(c, "admin/reconcile", page)
}

// errNoFile: the form came without a file.
var errNoFile = errors.New("no file")

func (a *Pages) compareFile(c *fiber.Ctx, gateway models.GatewayName, day payments.Day) (payments.Result, error) {
	sent, err := c.FormFile("statement")
	if err != nil || sent.Size == 0 && sent.Filename == "" {
		return payments.Result{}, errNoFile
	}
	if sent.Size > maxStatement {
		return payments.Result{}, errFileTooLarge
	}
	file, err := sent.Open()
	if err != nil {
		return payments.Result{}, err
	}
	defer file.Close()
	return a.payments.Reconcile(c.UserContext(), gateway, day, file)
}

// refusal says what is wrong with a statement, and where.
func (p reconcilePage) refusal(bad *payments.StatementError) string {
	what := p.T("admin.reconcile.bad."+string(bad.Problem), "value", bad.Value)
	column := bad.Column
	if column == "" && bad.Place > 0 {
		column = strconv.Itoa(bad.Place)
	}
	if column == "" {
		return p.T("admin.reconcile.at_line", "line", bad.Line, "what", what)
	}
	return p.T("admin.reconcile.at_column", "line", bad.Line, "column", column, "what", what)
}

// compared puts a result into words.
func (p reconcilePage) compared(r payments.Result, zone *time.Location) *comparedDay {
	d := &comparedDay{Equal: len(r.Differences) == 0}
	for _, t := range r.Totals {
		d.Currencies = append(d.Currencies, p.comparedTotals(t))
	}
	missing := false
	for _, kind := range differenceKinds {
		g := differenceGroup{Title: p.T("admin.reconcile.kind." + string(kind))}
		for _, found := range r.Differences {
			if found.Kind != kind {
				continue
			}
			missing = missing || found.Statement == nil
			if g.Count++; g.Count <= shownDifferences {
				g.Items = append(g.Items, p.difference(found, zone))
			}
		}
		if g.Count > 0 {
			d.Differences = append(d.Differences, g)
		}
	}
	for _, note := range []struct {
		said bool
		key  string
		n    int
	}{
		{r.ShopElsewhere > 0, "admin.reconcile.shop_elsewhere", r.ShopElsewhere},
		{r.GatewayElsewhere > 0, "admin.reconcile.gateway_elsewhere", r.GatewayElsewhere},
		{missing, "admin.reconcile.midnight", 0},
	} {
		if note.said {
			d.Notes = append(d.Notes, p.T(note.key, "n", note.n))
		}
	}
	return d
}

func (p reconcilePage) comparedTotals(t payments.Totals) comparedCurrency {
	money := func(minor int64) string { return p.Money(models.Money{Amount: minor, Currency: t.Currency}) }
	c := comparedCurrency{Rows: append([]bookedRow{
		p.sum("taken", t.Taken, t.Currency),
		p.sum("returned", t.Returned, t.Currency),
		{Name: p.T("admin.reconcile.sum.gateway"), Amount: money(t.Gateway()), Total: true},
	}, p.booked(t)...)}
	if left := t.Gateway() - t.Shop(); left != 0 {
		c.Left = money(left)
	}
	return c
}

// difference says what each side has.
func (p reconcilePage) difference(d payments.Difference, zone *time.Location) differenceItem {
	var item differenceItem
	var parts []string
	if e := d.Statement; e != nil {
		parts = append(parts, p.T("admin.reconcile.in_statement", "line", e.Line, "entry", p.entry(e, zone)))
	}
	if e := d.Shop; e != nil {
		parts = append(parts, p.T("admin.reconcile.in_shop", "entry", p.entry(e, zone)))
		item.Order, item.Address = e.Order, "/admin/orders/"+e.Order
	}
	item.Text, item.Note = strings.Join(parts, " "), p.note(d.Note)
	return item
}

func (p reconcilePage) entry(e *payments.Entry, zone *time.Location) string {
	name := e.Number
	if name == "" {
		name = p.T("admin.column.reference") + " " + e.Reference
	}
	text := fmt.Sprintf("%s · %s", name, p.Money(e.Money))
	if !e.At.IsZero() {
		text += " · " + e.At.In(zone).Format(p.T("format.second"))
	}
	return text
}

// note says what else the shop knows.
func (p reconcilePage) note(n payments.Note) string {
	about := n.About
	switch n.Kind {
	case "":
		return ""
	case payments.NoteElsewhere:
		about = p.T("gateway." + about)
	case payments.NotePaymentState:
		about = p.T("admin.payment." + about)
	case payments.NoteRefundState:
		about = p.T("admin.refund." + about)
	}
	return p.T("admin.reconcile.note."+string(n.Kind), "about", about)
}

package admin

import (
	"bufio"
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// numbersPage is what was sold in a span of days, beside what was sold in the one before it. What each
// figure means stands in docs/numbers.md.
type numbersPage struct {
	Page
	From, To   string // the days that are shown, or what was typed instead
	Presets    []navItem
	Errors     map[string]string // at from and to
	Days       string
	DaysBefore string
	Currencies []navItem // empty where there is but one

	Figures  []figure
	Charts   []chart
	Steps    table
	Tables   []table
	Meanings []meaning
}

// figure is one figure and what it was before.
type figure struct{ Name, Value, Before, Change string }

// meaning says what a figure counts.
type meaning struct{ Name, Text string }

// showNumbers is the page of the shop's figures.
func (a *Pages) showNumbers(c *fiber.Ctx) error {
	page, asked := numbersPage{Page: a.page(c, "admin.numbers.title")}, periodOf(c)
	days, errs := asked.days(a.store.Now(), a.base.Config.TimeZone)
	if errs != nil {
		page.From, page.To = asked.From, asked.To
		page.Errors = page.problems(errs)
		page.offerPresets("")
		return a.render(c.Status(http.StatusUnprocessableEntity), "admin/numbers", page)
	}
	n, err := a.readNumbers(c, page.Page, days)
	if err != nil {
		return err
	}
	page.offerPresets(days.preset)
	page.From, page.To = days.From.Format(dayFormat), midnight(days.To, -1).Format(dayFormat)
	page.Days, page.DaysBefore = page.daysName(days.Span), page.daysName(n.before)
	page.offerCurrencies(n)
	if n.empty() {
		return a.render(c, "admin/numbers", page)
	}
	page.Figures = n.figures()
	page.Charts = []chart{n.moneyChart(), n.ordersChart()}
	page.Steps = n.stepsTable()
	page.Tables = []table{n.walletsTable(), n.gatewaysTable(), n.productsTable()}
	for _, name := range []string{"days", "placed", "paid", "conversion", "takings", "refunds", "net", "products", "wait", "before"} {
		page.Meanings = append(page.Meanings, meaning{page.T("admin.numbers.of." + name), page.T("admin.numbers.means." + name)})
	}
	return a.render(c, "admin/numbers", page)
}

// exportNumbers answers with one of the page's tables as CSV.
func (a *Pages) exportNumbers(c *fiber.Ctx) error {
	page := a.page(c, "admin.numbers.title")
	days, errs := periodOf(c).days(a.store.Now(), a.base.Config.TimeZone)
	if errs != nil {
		return fiber.ErrBadRequest
	}
	n, err := a.readNumbers(c, page, days)
	if err != nil {
		return err
	}
	for _, t := range []table{n.stepsTable(), n.walletsTable(), n.gatewaysTable(), n.productsTable()} {
		if t.Name == c.Query("table", "time") {
			name := "numbers-" + t.Name + "-" + n.currency + "-" + days.From.Format("20060102") + "-" + midnight(days.To, -1).Format("20060102") + ".csv"
			c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
			c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
			c.Set(fiber.HeaderCacheControl, "no-store")
			return t.write(c, a.base.Config.TimeZone)
		}
	}
	return fiber.ErrNotFound
}

// daysSpan are whole days.
type daysSpan struct {
	models.Span
	preset string // empty: none was chosen
}

// The days that are shown when none are named, and the most that can be.
const (
	usualDays = "30days"
	mostDays  = 3700
)

// days are those of the period with a beginning and an end: up to today where it names no last one, and
// 30 where it names no first one.
func (p period) days(now time.Time, zone *time.Location) (daysSpan, web.FieldErrors) {
	if errs := p.mistakes(zone); len(errs) > 0 {
		return daysSpan{}, errs
	}
	d := daysSpan{Span: p.span(now, zone)}
	if p.From == "" && p.To == "" {
		d.preset = p.When
		if d.From.IsZero() {
			d.Span, d.preset = presetSpan(usualDays, now.In(zone)), usualDays
		}
	}
	if d.To.IsZero() {
		d.To = midnight(now.In(zone), 1)
	}
	if d.From.IsZero() {
		d.From = midnight(d.To, -30)
	}
	switch {
	case !d.From.Before(d.To):
		return d, web.FieldErrors{"to": "invalid.days_order"}
	case d.count() > mostDays:
		return d, web.FieldErrors{"from": "invalid.days_many"}
	}
	return d, nil
}

// count is how many days they are.
func (d daysSpan) count() int { return int(dateOf(d.To).Sub(dateOf(d.From)) / (24 * time.Hour)) }

// dateOf is the moment's date where every day has 24 hours.
func dateOf(t time.Time) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// before is the span to compare with: as many days, or the month before a month. While the days are not
// over yet, it ends at the same point of its own.
func (d daysSpan) before(now time.Time) models.Span {
	b := models.Span{From: midnight(d.From, -d.count()), To: d.From}
	if d.preset == "month" || d.preset == "last_month" {
		b.From = d.From.AddDate(0, -1, 0)
	}
	if now = now.In(d.From.Location()); now.Before(d.To) && !now.Before(d.From) {
		gone := daysSpan{Span: models.Span{From: d.From, To: midnight(now, 0)}}.count()
		year, month, day := b.From.Date()
		point := time.Date(year, month, day+gone, now.Hour(), now.Minute(), now.Second(), 0, b.From.Location())
		if point.Before(b.To) {
			b.To = point
		}
	}
	return b
}

// unit is how long the steps of a chart are.
type unit string

const (
	byHour  unit = "hour"
	byDay   unit = "day"
	byWeek  unit = "week"
	byMonth unit = "month"
)

// unit is that by which the days make a chart that can be read.
func (d daysSpan) unit() unit {
	switch n := d.count(); {
	case n == 1:
		return byHour
	case n <= 62:
		return byDay
	case n <= 190:
		return byWeek
	default:
		return byMonth
	}
}

// cut cuts a span into days, the last of which may end early, or into hours.
func (u unit) cut(s models.Span) []models.Span {
	var parts []models.Span
	for at := s.From; at.Before(s.To); {
		next := midnight(at, 1)
		if u == byHour {
			next = at.Add(time.Hour)
		}
		if next.After(s.To) {
			next = s.To
		}
		parts = append(parts, models.Span{From: at, To: next})
		at = next
	}
	return parts
}

// begins reports whether a step begins with the day.
func (u unit) begins(day time.Time) bool {
	switch u {
	case byWeek:
		return day.Weekday() == time.Monday
	case byMonth:
		return day.Day() == 1
	default:
		return true
	}
}

// report is the figures of a span, ready to be shown in one currency.
type report struct {
	Page
	days       daysSpan
	before     models.Span
	unit       unit
	currency   string
	currencies []string
	steps      []step
	sum, last  models.Sales // of the span and of the one before
	products   map[string]models.Product
	now        time.Time
}

// step is a bar of a chart and a row of its table.
type step struct {
	models.Span
	models.Sales
}

func (a *Pages) readNumbers(c *fiber.Ctx, page Page, days daysSpan) (*report, error) {
	n := &report{Page: page, days: days, unit: days.unit(), now: a.store.Now()}
	n.before = days.before(n.now)
	parts := n.unit.cut(days.Span)
	all, err := a.store.Figures(c.UserContext(), append(slices.Clone(parts), byDay.cut(n.before)...))
	if err != nil {
		return nil, err
	}
	if n.products, err = a.store.ProductOfVariant(c.UserContext()); err != nil {
		return nil, err
	}
	sum, last := models.Figures{}, models.Figures{}
	var steps []models.Figures
	for i, part := range parts {
		if i == 0 || n.unit.begins(part.From) {
			steps = append(steps, models.Figures{})
			n.steps = append(n.steps, step{Span: part})
		}
		steps[len(steps)-1].Add(all[i])
		n.steps[len(steps)-1].To = part.To
		sum.Add(all[i])
	}
	for _, figures := range all[len(parts):] {
		last.Add(figures)
	}
	n.choose(cmp.Or(cut(c.Query("currency"), 3), a.base.Config.Currency), a.base.Config.Currency, sum, last)
	for i := range n.steps {
		n.steps[i].Sales = steps[i].In(n.currency)
	}
	n.sum, n.last = sum.In(n.currency), last.In(n.currency)
	return n, nil
}

// choose takes one currency out of those that there are: the shop's own unless another is wanted.
func (n *report) choose(wanted, own string, sum, last models.Figures) {
	n.currencies = []string{own}
	for _, figures := range []models.Figures{sum, last} {
		for currency := range figures {
			if !slices.Contains(n.currencies, currency) {
				n.currencies = append(n.currencies, currency)
			}
		}
	}
	slices.Sort(n.currencies[1:])
	n.currency = own
	if slices.Contains(n.currencies, wanted) {
		n.currency = wanted
	}
}

func (n *report) money(minor int64) models.Money {
	return models.Money{Amount: minor, Currency: n.currency}
}

// empty reports whether there is no figure, neither of the span nor of the one before.
func (n *report) empty() bool {
	return n.sum.Placed+n.sum.Paid+n.last.Placed+n.last.Paid == 0 && len(n.sum.Ways)+len(n.last.Ways) == 0
}

// figures are those of the whole span.
func (n *report) figures() []figure {
	now, last := n.sum.Turnover(), n.last.Turnover()
	count := func(name string, of, before int64) figure {
		return n.figure(name, strconv.FormatInt(of, 10), strconv.FormatInt(before, 10), of, before)
	}
	amount := func(name string, of, before int64) figure {
		return n.figure(name, n.Money(n.money(of)), n.Money(n.money(before)), of, before)
	}
	wait := func(name string, percent int64) figure {
		return n.figure(name, n.wait(n.sum, percent), n.wait(n.last, percent), 0, 0)
	}
	return []figure{
		amount("takings", now.Taken, last.Taken),
		amount("refunds", now.Returned, last.Returned),
		amount("net", now.Net(), last.Net()),
		count("placed", n.sum.Placed, n.last.Placed),
		count("paid", n.sum.Paid, n.last.Paid),
		n.figure("conversion", percentage(n.sum.Converted, n.sum.Placed), percentage(n.last.Converted, n.last.Placed), 0, 0),
		wait("median", 50),
		wait("p90", 90),
	}
}

// figure puts a figure beside what it was; the change is told where there was something.
func (n *report) figure(name, value, before string, of, last int64) figure {
	f := figure{Name: n.T("admin.numbers.of." + name), Value: value, Before: before}
	if last > 0 {
		change := (of - last) * 100 / last
		f.Change = strconv.FormatInt(change, 10) + "%"
		if change >= 0 {
			f.Change = "+" + f.Change
		}
	}
	return f
}

// nothing stands where there is no figure.
const nothing = "–"

// percentage is part of the whole in percent, with one place.
func percentage(part, whole int64) string {
	if whole == 0 {
		return nothing
	}
	tenths := (part*1000 + whole/2) / whole
	return strconv.FormatInt(tenths/10, 10) + "." + strconv.FormatInt(tenths%10, 10) + "%"
}

// wait puts a percentile of the waits into words.
func (n *report) wait(s models.Sales, percent int64) string {
	d, some := s.Wait(percent)
	switch {
	case !some:
		return nothing
	case d < 2*time.Minute:
		return n.T("admin.numbers.seconds", "seconds", int64(d/time.Second))
	case d < 2*time.Hour:
		return n.T("admin.numbers.minutes", "minutes", int64(d/time.Minute), "seconds", int64(d%time.Minute/time.Second))
	default:
		return n.T("admin.numbers.hours", "hours", int64(d/time.Hour), "minutes", int64(d%time.Hour/time.Minute))
	}
}

func (n *report) moneyChart() chart {
	c := n.chart("money", badge{n.T("admin.numbers.of.takings"), "up"}, badge{n.T("admin.numbers.of.refunds"), "down"})
	var slots []slot
	for _, s := range n.steps {
		t := s.Turnover()
		slots = append(slots, slot{
			Title: n.T("admin.numbers.chart.money.at", "time", n.stepName(s.Span), "taken", n.Money(n.money(t.Taken)), "returned", n.Money(n.money(t.Returned))),
			Up:    t.Taken, Down: t.Returned,
		})
	}
	c.draw(slots, func(edge int64) string { return n.Money(n.money(edge)) })
	t := n.sum.Turnover()
	c.Text = n.T("admin.numbers.chart.money.text", "taken", n.Money(n.money(t.Taken)), "returned", n.Money(n.money(t.Returned)))
	return c
}

func (n *report) ordersChart() chart {
	c := n.chart("orders", badge{n.T("admin.numbers.of.placed"), "pale"}, badge{n.T("admin.numbers.of.paid"), "front"})
	var slots []slot
	for _, s := range n.steps {
		slots = append(slots, slot{
			Title: n.T("admin.numbers.chart.orders.at", "time", n.stepName(s.Span), "placed", s.Placed, "paid", s.Paid),
			Up:    s.Placed, Front: s.Paid, Pale: true,
		})
	}
	c.draw(slots, func(edge int64) string { return strconv.FormatInt(edge, 10) })
	c.Text = n.T("admin.numbers.chart.orders.text", "placed", n.sum.Placed, "paid", n.sum.Paid)
	return c
}

// chart is one that is still to be drawn.
func (n *report) chart(name string, legend ...badge) chart {
	c := chart{ID: "chart-" + name, Title: n.T("admin.numbers.chart." + name + "." + string(n.unit)), Legend: legend}
	for _, i := range []int{0, len(n.steps) / 2, len(n.steps) - 1} {
		if name := n.markName(n.steps[i].Span); !slices.Contains(c.Marks, name) {
			c.Marks = append(c.Marks, name)
		}
	}
	return c
}

// stepName names a step in full.
func (n *report) stepName(s models.Span) string {
	switch n.unit {
	case byHour:
		return s.From.Format("15:04") + "–" + s.To.Format("15:04")
	case byMonth:
		return s.From.Format(n.T("format.month"))
	default:
		return n.daysName(s)
	}
}

// markName names a step where there is little room.
func (n *report) markName(s models.Span) string {
	switch n.unit {
	case byHour:
		return s.From.Format("15:04")
	case byMonth:
		return s.From.Format(n.T("format.month"))
	default:
		return s.From.Format(n.T("format.date_short"))
	}
}

// daysName names days from the first to the last, and until when where the last is not whole.
func (p Page) daysName(s models.Span) string {
	first, last := s.From.Format(p.T("format.date")), s.To.Add(-time.Second).Format(p.T("format.date"))
	if last != first {
		first = p.T("admin.numbers.days", "from", first, "to", last)
	}
	if !s.To.Equal(midnight(s.To, 0)) {
		first = p.T("admin.numbers.until", "days", first, "time", s.To.Format("15:04"))
	}
	return first
}

// at is the address of a page or file about the same days and currency.
func (n *report) at(path string, more ...string) string {
	values := url.Values{}
	n.days.put(values)
	if len(n.currencies) > 1 {
		values.Set("currency", n.currency)
	}
	for i := 0; i+1 < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	return path + "?" + values.Encode()
}

// put writes the days into an address.
func (d daysSpan) put(values url.Values) {
	p := period{When: d.preset}
	if d.preset == "" {
		p = period{From: d.From.Format(dayFormat), To: midnight(d.To, -1).Format(dayFormat)}
	}
	p.put(values)
}

func (p *numbersPage) offerPresets(chosen string) {
	for _, preset := range presets {
		p.Presets = append(p.Presets, navItem{"/admin/numbers?when=" + preset, p.T("admin.when." + preset), preset == chosen})
	}
}

func (p *numbersPage) offerCurrencies(n *report) {
	if len(n.currencies) == 1 {
		return
	}
	for _, currency := range n.currencies {
		p.Currencies = append(p.Currencies, navItem{n.at("/admin/numbers", "currency", currency), currency, currency == n.currency})
	}
}

// write writes the table as CSV.
func (t table) write(c *fiber.Ctx, zone *time.Location) error {
	w := bufio.NewWriter(c.Response().BodyWriter())
	file, err := beginCSV(w, zone)
	if err != nil {
		return err
	}
	cells := make([]any, len(t.Columns))
	for i, column := range t.Columns {
		cells[i] = column
	}
	if err := file.write(cells); err != nil {
		return err
	}
	for _, row := range t.Rows {
		if err := file.write(append([]any{row.Key}, row.Cells...)); err != nil {
			return err
		}
	}
	if err := file.end(); err != nil {
		return err
	}
	return w.Flush()
}

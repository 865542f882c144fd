package admin

import (
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// orderFilter is what the address of a list of orders says. What it does not know it leaves out, so
// that an old address still opens a list.
type orderFilter struct {
	Text    string
	State   string
	Gateway string
	Wallet  string
	Product string
	When    string // one of presets; empty: From and To count
	From    string // a day
	To      string // a day, which is in it
}

const dayFormat = "2006-01-02"

// presets are spans of days that go along with the calendar.
var presets = []string{"today", "yesterday", "7days", "30days", "month", "last_month"}

func filterOf(c *fiber.Ctx) orderFilter {
	return orderFilter{
		Text: shorten(c.Query("q"), 200), State: cut(c.Query("state"), 16), Gateway: cut(c.Query("gateway"), 16),
		Wallet: cut(c.Query("wallet"), 16), Product: cut(c.Query("product"), 100),
		When: cut(c.Query("when"), 16), From: cut(c.Query("from"), 10), To: cut(c.Query("to"), 10),
	}
}

// shorten keeps the beginning of what somebody looks for.
func shorten(text string, bytes int) string {
	return strings.ToValidUTF8(text[:min(len(text), bytes)], "")
}

// cut drops what is longer than anything that can be meant.
func cut(text string, bytes int) string {
	if len(text) > bytes {
		return ""
	}
	return text
}

// values are the filter as an address says it.
func (f orderFilter) values() url.Values {
	values := url.Values{}
	for _, part := range []struct{ name, value string }{
		{"q", f.Text}, {"state", f.State}, {"gateway", f.Gateway}, {"wallet", f.Wallet}, {"product", f.Product},
		{"when", f.When}, {"from", f.From}, {"to", f.To},
	} {
		if part.value != "" {
			values.Set(part.name, part.value)
		}
	}
	return values
}

// at is the address of a page that knows the filter.
func (f orderFilter) at(path string, more ...string) string {
	values := f.values()
	for i := 0; i+1 < len(more); i += 2 {
		values.Set(more[i], more[i+1])
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// forStore puts days into times, as the clock of the shop's zone shows them.
func (f orderFilter) forStore(now time.Time, zone *time.Location) models.OrderFilter {
	m := models.OrderFilter{
		Text: f.Text, Status: models.OrderStatus(f.State), Gateway: models.GatewayName(f.Gateway),
		Wallet: models.Wallet(f.Wallet), Product: f.Product,
	}
	m.From, m.To = span(f.When, now.In(zone))
	if day, err := time.ParseInLocation(dayFormat, f.From, zone); err == nil {
		m.From, m.To = day, time.Time{}
	}
	if day, err := time.ParseInLocation(dayFormat, f.To, zone); err == nil {
		m.To = day.AddDate(0, 0, 1)
	}
	return m
}

// span is the time that a preset means; without a beginning or end where it has none.
func span(preset string, now time.Time) (from, to time.Time) {
	year, month, day := now.Date()
	today := time.Date(year, month, day, 0, 0, 0, 0, now.Location())
	first := today.AddDate(0, 0, 1-day)
	switch preset {
	case "today":
		return today, time.Time{}
	case "yesterday":
		return today.AddDate(0, 0, -1), today
	case "7days":
		return today.AddDate(0, 0, -6), time.Time{}
	case "30days":
		return today.AddDate(0, 0, -29), time.Time{}
	case "month":
		return first, time.Time{}
	case "last_month":
		return first.AddDate(0, -1, 0), first
	default:
		return time.Time{}, time.Time{}
	}
}

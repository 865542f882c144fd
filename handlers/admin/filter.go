package admin

import (
	"net/url"
	"slices"
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
	Only    models.OnlyOrders
	period
}

func filterOf(c *fiber.Ctx) orderFilter {
	f := orderFilter{
		Text: shorten(c.Query("q"), 200), State: cut(c.Query("state"), 16), Gateway: cut(c.Query("gateway"), 16),
		Wallet: cut(c.Query("wallet"), 16), Product: cut(c.Query("product"), 100),
		Only: models.OnlyOrders(c.Query("only")), period: periodOf(c),
	}
	if !slices.Contains(onlyOrders, f.Only) {
		f.Only = ""
	}
	return f
}

var onlyOrders = []models.OnlyOrders{models.OnlyUnconfirmed, models.OnlyRefunded, models.OnlyIncident}

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
		{"q", f.Text}, {"state", f.State}, {"gateway", f.Gateway}, {"wallet", f.Wallet}, {"product", f.Product}, {"only", string(f.Only)},
	} {
		if part.value != "" {
			values.Set(part.name, part.value)
		}
	}
	f.put(values)
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
	during := f.span(now, zone)
	return models.OrderFilter{
		Text: f.Text, Status: models.OrderStatus(f.State), Gateway: models.GatewayName(f.Gateway),
		Wallet: models.Wallet(f.Wallet), Product: f.Product, Only: f.Only, From: during.From, To: during.To,
	}
}

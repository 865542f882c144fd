package admin

import (
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// period is a span of days as an address says it. The zero period is all time.
type period struct {
	When string // one of presets; empty: From and To count
	From string // a day
	To   string // a day, which is in it
}

const dayFormat = "2006-01-02"

// presets are spans of days that go along with the calendar. A week begins on Monday.
var presets = []string{"today", "yesterday", "week", "7days", "30days", "month", "last_month"}

func periodOf(c *fiber.Ctx) period {
	return period{When: cut(c.Query("when"), 16), From: cut(c.Query("from"), 10), To: cut(c.Query("to"), 10)}
}

// put writes the period into an address.
func (p period) put(values url.Values) {
	for _, part := range []struct{ name, value string }{{"when", p.When}, {"from", p.From}, {"to", p.To}} {
		if part.value != "" {
			values.Set(part.name, part.value)
		}
	}
}

// span is the time that the period means, as the clock of the shop's zone shows it; without a beginning
// or end where it has none.
func (p period) span(now time.Time, zone *time.Location) models.Span {
	s := presetSpan(p.When, now.In(zone))
	if day, err := parseDay(p.From, zone); err == nil {
		s = models.Span{From: day}
	}
	if day, err := parseDay(p.To, zone); err == nil {
		s.To = day.AddDate(0, 0, 1)
	}
	return s
}

// mistakes are the fields of the period that name no day, or no days together.
func (p period) mistakes(zone *time.Location) web.FieldErrors {
	errs := web.FieldErrors{}
	from, badFrom := parseDay(p.From, zone)
	to, badTo := parseDay(p.To, zone)
	if p.From != "" && badFrom != nil {
		errs["from"] = "invalid.day"
	}
	if p.To != "" && badTo != nil {
		errs["to"] = "invalid.day"
	}
	if badFrom == nil && badTo == nil && to.Before(from) {
		errs["to"] = "invalid.days_order"
	}
	return errs
}

// parseDay returns the beginning of a day that payments.ParseDay knows.
func parseDay(text string, zone *time.Location) (time.Time, error) {
	day, err := payments.ParseDay(text, zone)
	if err != nil {
		return time.Time{}, err
	}
	return time.ParseInLocation(dayFormat, day.String(), zone)
}

func presetSpan(preset string, now time.Time) models.Span {
	today := midnight(now, 0)
	first := midnight(now, 1-now.Day())
	switch preset {
	case "today":
		return models.Span{From: today}
	case "yesterday":
		return models.Span{From: midnight(now, -1), To: today}
	case "week":
		return models.Span{From: midnight(now, -mondays(now))}
	case "7days":
		return models.Span{From: midnight(now, -6)}
	case "30days":
		return models.Span{From: midnight(now, -29)}
	case "month":
		return models.Span{From: first}
	case "last_month":
		return models.Span{From: first.AddDate(0, -1, 0), To: first}
	default:
		return models.Span{}
	}
}

// midnight is the beginning of the day that lies so many days after the moment's own.
func midnight(t time.Time, days int) time.Time {
	year, month, day := t.Date()
	return time.Date(year, month, day+days, 0, 0, 0, 0, t.Location())
}

// mondays is how many days ago the last Monday was.
func mondays(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }

package admin

import (
	"testing"
	"time"

	"saoma/models"
)

func TestPeriod(t *testing.T) {
	zone := time.FixedZone("HKT", 8*60*60)
	now := time.Date(2026, 3, 1, 0, 30, 0, 0, zone) // a Sunday; in UTC it is still February
	day := func(month time.Month, day int) time.Time { return time.Date(2026, month, day, 0, 0, 0, 0, zone) }
	for _, tt := range []struct {
		period   period
		from, to time.Time
	}{
		{period{}, time.Time{}, time.Time{}},
		{period{When: "today"}, day(3, 1), time.Time{}},
		{period{When: "yesterday"}, day(2, 28), day(3, 1)},
		{period{When: "week"}, day(2, 23), time.Time{}},
		{period{When: "7days"}, day(2, 23), time.Time{}},
		{period{When: "30days"}, day(1, 31), time.Time{}},
		{period{When: "month"}, day(3, 1), time.Time{}},
		{period{When: "last_month"}, day(2, 1), day(3, 1)},
		{period{From: "2026-01-02", To: "2026-01-02"}, day(1, 2), day(1, 3)},
		{period{When: "yesterday", From: "2026-01-02"}, day(1, 2), time.Time{}},
		{period{From: "2026-13-40"}, time.Time{}, time.Time{}},
	} {
		got := tt.period.span(now.UTC(), zone)
		if !got.From.Equal(tt.from) || !got.To.Equal(tt.to) {
			t.Errorf("%+v: got %s to %s, want %s to %s", tt.period, got.From, got.To, tt.from, tt.to)
		}
	}
}

// TestDaysOfNumbers: which days a page of numbers is about, what they are compared with, and the steps
// of its charts. The clocks in Berlin go back on 25 October 2026, a Sunday, and forward on 29 March.
func TestDaysOfNumbers(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const format = "2006-01-02 15:04"
	now := time.Date(2026, 10, 26, 9, 30, 0, 0, zone)
	for _, tt := range []struct {
		period             period
		from, to           string
		beforeFrom, before string
		unit               unit
		parts              int
	}{
		{period{}, "2026-09-27 00:00", "2026-10-27 00:00", "2026-08-28 00:00", "2026-09-26 09:30", byDay, 30},
		{period{When: "nonsense"}, "2026-09-27 00:00", "2026-10-27 00:00", "2026-08-28 00:00", "2026-09-26 09:30", byDay, 30},
		{period{When: "today"}, "2026-10-26 00:00", "2026-10-27 00:00", "2026-10-25 00:00", "2026-10-25 09:30", byHour, 24},
		{period{When: "yesterday"}, "2026-10-25 00:00", "2026-10-26 00:00", "2026-10-24 00:00", "2026-10-25 00:00", byHour, 25},
		{period{When: "week"}, "2026-10-26 00:00", "2026-10-27 00:00", "2026-10-25 00:00", "2026-10-25 09:30", byHour, 24},
		{period{When: "month"}, "2026-10-01 00:00", "2026-10-27 00:00", "2026-09-01 00:00", "2026-09-26 09:30", byDay, 26},
		{period{When: "last_month"}, "2026-09-01 00:00", "2026-10-01 00:00", "2026-08-01 00:00", "2026-09-01 00:00", byDay, 30},
		{period{From: "2026-03-29", To: "2026-03-29"}, "2026-03-29 00:00", "2026-03-30 00:00", "2026-03-28 00:00", "2026-03-29 00:00", byHour, 23},
		{period{To: "2026-03-29"}, "2026-02-28 00:00", "2026-03-30 00:00", "2026-01-29 00:00", "2026-02-28 00:00", byDay, 30},
		{period{From: "2026-07-01"}, "2026-07-01 00:00", "2026-10-27 00:00", "2026-03-05 00:00", "2026-06-30 09:30", byWeek, 118},
		{period{From: "2025-01-01", To: "2025-12-31"}, "2025-01-01 00:00", "2026-01-01 00:00", "2024-01-02 00:00", "2025-01-01 00:00", byMonth, 365},
	} {
		d, errs := tt.period.days(now.UTC(), zone)
		before := d.before(now.UTC())
		got := []string{d.From.Format(format), d.To.Format(format), before.From.Format(format), before.To.Format(format)}
		for i, want := range []string{tt.from, tt.to, tt.beforeFrom, tt.before} {
			if got[i] != want {
				t.Errorf("%+v: got %v, want %s as number %d", tt.period, got, want, i)
			}
		}
		parts := d.unit().cut(d.Span)
		if len(errs) > 0 || d.unit() != tt.unit || len(parts) != tt.parts {
			t.Errorf("%+v: got %d parts by %s and %v, want %d by %s", tt.period, len(parts), d.unit(), errs, tt.parts, tt.unit)
		}
		at := d.From
		for _, part := range parts {
			if !part.From.Equal(at) || !at.Before(part.To) {
				t.Errorf("%+v: got a part from %s to %s behind %s", tt.period, part.From, part.To, at)
			}
			at = part.To
		}
		if !at.Equal(d.To) {
			t.Errorf("%+v: the parts end at %s, want %s", tt.period, at, d.To)
		}
	}
	for _, tt := range []struct {
		period     period
		field, key string
	}{
		{period{From: "yesterday"}, "from", "invalid.day"},
		{period{To: "2026-02-30"}, "to", "invalid.day"},
		{period{From: "2026-02-03", To: "2026-02-02"}, "to", "invalid.days_order"},
		{period{From: "2027-01-01"}, "to", "invalid.days_order"},
		{period{From: "1970-01-01"}, "from", "invalid.days_many"},
		{period{From: "0001-01-01"}, "from", "invalid.day"},
		{period{To: "9999-12-31"}, "to", "invalid.day"},
	} {
		if _, errs := tt.period.days(now, zone); len(errs) != 1 || errs[tt.field] != tt.key {
			t.Errorf("%+v: got %v, want %s at %s", tt.period, errs, tt.key, tt.field)
		}
	}
}

// An hour of a step is a part that the store counts, so the days before are cut like the days.
func TestCutEndsWithTheSpan(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	parts := byDay.cut(models.Span{From: from, To: from.Add(30 * time.Hour)})
	if len(parts) != 2 || parts[1].To.Sub(parts[1].From) != 6*time.Hour {
		t.Errorf("30 hours: got %v, want a day and six hours", parts)
	}
}

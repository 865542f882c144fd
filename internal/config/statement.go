package config

import (
	"slices"
	"time"
)

// Units of the amounts in a statement.
const (
	MinorUnit   = "minor"
	DecimalUnit = "decimal"
)

// Statement says how a gateway's statement is written, which `saoma reconcile` reads. Columns go by
// their titles; an empty one is not there.
type Statement struct {
	Number        string   `yaml:"number"`
	RefundNumber  string   `yaml:"refund_number"`
	Reference     string   `yaml:"reference"`
	Type          string   `yaml:"type"`
	PaymentValues []string `yaml:"payment_values"`
	RefundValues  []string `yaml:"refund_values"`
	IgnoredValues []string `yaml:"ignored_values"`
	Amount        string   `yaml:"amount"`
	AmountUnit    string   `yaml:"amount_unit"` // MinorUnit, DecimalUnit
	Currency      string   `yaml:"currency"`
	Time          string   `yaml:"time"`
	TimeFormat    string   `yaml:"time_format"` // as for time.Parse
	TimeZone      string   `yaml:"time_zone"`   // empty: the shop's
}

func defaultStatement() Statement {
	return Statement{
		Number: "number", Type: "type", PaymentValues: []string{"payment"}, RefundValues: []string{"refund"},
		Amount: "amount", AmountUnit: MinorUnit, Currency: "currency", Time: "time", TimeFormat: time.DateTime,
	}
}

func checkStatement(m *mistakes, path string, s Statement) {
	checkColumns(m, path, s)
	m.oneOf(path+".amount_unit", s.AmountUnit, MinorUnit, DecimalUnit)
	if s.Type != "" {
		checkTypes(m, path, s)
	}
	if !isTimeFormat(s.TimeFormat) {
		m.add(path+".time_format", "%q must be the moment 2006-01-02 15:04:05, written as the statement writes its times", s.TimeFormat)
	}
	if s.TimeZone != "" && !isTimeZone(s.TimeZone) {
		m.add(path+".time_zone", "%q must be a time zone's name, such as Asia/Shanghai or UTC, or empty for the shop's", s.TimeZone)
	}
}

// checkColumns notes a column that has to be there and is not, and two that are the same.
func checkColumns(m *mistakes, path string, s Statement) {
	columns := []struct{ key, title string }{
		{"number", s.Number}, {"refund_number", s.RefundNumber}, {"reference", s.Reference}, {"type", s.Type},
		{"amount", s.Amount}, {"currency", s.Currency}, {"time", s.Time},
	}
	known := map[string]string{}
	for _, c := range columns {
		switch {
		case c.title == "" && (c.key == "number" || c.key == "amount"):
			m.add(path+"."+c.key, "must be the title of a column")
		case known[c.title] != "":
			m.add(path+"."+c.key, "%q is the column of %s already", c.title, known[c.title])
		case c.title != "":
			known[c.title] = c.key
		}
	}
}

// checkTypes notes words that leave open what a row is.
func checkTypes(m *mistakes, path string, s Statement) {
	checkSet(m, path+".payment_values", s.PaymentValues)
	checkSet(m, path+".refund_values", s.RefundValues)
	for _, word := range s.RefundValues {
		if slices.Contains(s.PaymentValues, word) {
			m.add(path+".refund_values", "%q is in payment_values too", word)
		}
	}
	for _, word := range s.IgnoredValues {
		if slices.Contains(s.PaymentValues, word) || slices.Contains(s.RefundValues, word) {
			m.add(path+".ignored_values", "%q is in payment_values or refund_values too", word)
		}
	}
}

// isTimeFormat reports whether a time that is written so can be read again, to the second, the
// minute or the day.
func isTimeFormat(layout string) bool {
	want := time.Date(2031, 11, 20, 21, 43, 59, 0, time.UTC)
	got, err := time.Parse(layout, want.Format(layout))
	return err == nil && (got.Equal(want) || got.Equal(want.Truncate(time.Minute)) || got.Equal(want.Truncate(24*time.Hour)))
}

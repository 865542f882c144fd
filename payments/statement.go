package payments

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"saoma/models"
)

// StatementFormat says how a gateway's statement is written. Columns are named as in its first
// line; an empty name means that there is no such column.
type StatementFormat struct {
	Number       string // our number: of the payment, and of the refund in a row of one
	RefundNumber string // our number of the refund, where it stands in a column of its own
	Reference    string // the gateway's number of a payment, for rows that lack ours
	Amount       string
	Currency     string // without it, everything is in DefaultCurrency
	Time         string // without it, everything is of the day that is reconciled
	Type         string // without it, what is below nothing is a refund

	PaymentValues []string // of the type column
	RefundValues  []string
	IgnoredValues []string // rows that move none of the shop's money, such as fees

	Decimal         bool // amounts are decimals such as 128.50, else whole minor units
	DefaultCurrency string
	TimeLayout      string // as for time.Parse
	Zone            *time.Location
}

// maxStatementAmount keeps the sum of millions of rows far from overflow.
const maxStatementAmount = 1_000_000_000_000

// Read reads a statement in CSV and marks what is of the day. It is refused as a whole, by line and
// column, when anything in it has no certain meaning.
func (f StatementFormat) Read(r io.Reader, day Day) ([]Entry, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("line 1: the statement is empty")
	}
	if err != nil {
		return nil, err // names line and column itself, here and below
	}
	columns, err := f.columns(header)
	if err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	var entries []Entry
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		e, counts, err := statementRow{f, columns, record}.entry()
		if err != nil {
			return nil, fmt.Errorf("line %d, %w", line, err)
		}
		if counts {
			e.Line, e.OnDay = line, f.Time == "" || day.Contains(e.At)
			entries = append(entries, e)
		}
	}
}

// columns finds the places of the columns that the format names.
func (f StatementFormat) columns(header []string) (map[string]int, error) {
	places := map[string]int{}
	for i, title := range header {
		if !utf8.ValidString(title) {
			return nil, fmt.Errorf("column %d: the title is not UTF-8; save the statement as UTF-8", i+1)
		}
		title = strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))
		if _, twice := places[title]; twice && slices.Contains(f.titles(), title) {
			return nil, fmt.Errorf("column %d: there is a column %q already", i+1, title)
		}
		places[title] = i
	}
	for _, title := range f.titles() {
		if _, there := places[title]; !there {
			return nil, fmt.Errorf("there is no column %q", title)
		}
	}
	return places, nil
}

// titles are the columns that have to be there.
func (f StatementFormat) titles() []string {
	all := []string{f.Number, f.RefundNumber, f.Reference, f.Amount, f.Currency, f.Time, f.Type}
	return slices.DeleteFunc(all, func(title string) bool { return title == "" })
}

type statementRow struct {
	StatementFormat
	places map[string]int
	fields []string
}

// entry returns what the row says. False: it says nothing about the shop's money.
func (r statementRow) entry() (e Entry, counts bool, err error) {
	for i, field := range r.fields {
		if !utf8.ValidString(field) {
			return e, false, fmt.Errorf("column %d: not UTF-8; save the statement as UTF-8", i+1)
		}
	}
	amount, negative := strings.CutPrefix(r.text(r.Amount), "-")
	switch kind := r.text(r.Type); {
	case r.Type == "":
		e.Refund = negative
	case slices.Contains(r.RefundValues, kind):
		e.Refund = true // some write what was given back with a sign, some without
	case slices.Contains(r.IgnoredValues, kind):
		return e, false, nil
	case !slices.Contains(r.PaymentValues, kind):
		return e, false, fmt.Errorf("column %q: %q is neither a payment nor a refund, nor to be ignored, by the configuration", r.Type, kind)
	case negative:
		return e, false, fmt.Errorf("column %q: a payment cannot be %q", r.Amount, r.text(r.Amount))
	}
	if err := r.identify(&e); err != nil {
		return e, false, err
	}
	if e.Money, err = r.money(amount); err != nil {
		return e, false, err
	}
	if r.Time != "" {
		if e.At, err = time.ParseInLocation(r.TimeLayout, r.text(r.Time), r.Zone); err != nil {
			return e, false, fmt.Errorf("column %q: %q is not a time such as %s", r.Time, r.text(r.Time), r.TimeLayout)
		}
	}
	return e, true, nil
}

// identify reads the numbers by which the shop knows the row.
func (r statementRow) identify(e *Entry) error {
	column := r.Number
	if e.Refund && r.RefundNumber != "" {
		column = r.RefundNumber
	}
	e.Number = r.text(column)
	if !e.Refund {
		e.Reference = r.text(r.Reference)
	}
	switch {
	case e.Number == "" && e.Reference == "":
		return fmt.Errorf("column %q: must not be empty: nothing else tells what the row is about", column)
	case strings.ContainsFunc(e.Number+e.Reference, func(c rune) bool { return !unicode.IsPrint(c) }):
		return fmt.Errorf("column %q: %q has characters that cannot be printed", column, e.Number+e.Reference)
	}
	return nil
}

func (r statementRow) money(amount string) (models.Money, error) {
	money := models.Money{Currency: r.DefaultCurrency}
	if r.Currency != "" {
		money.Currency = strings.ToUpper(r.text(r.Currency))
	}
	if !models.KnownCurrency(money.Currency) {
		return money, fmt.Errorf("column %q: %q is not an ISO 4217 currency", r.Currency, money.Currency)
	}
	var err error
	if r.Decimal {
		money, err = models.ParseMoney(amount, money.Currency)
	} else if money.Amount, err = strconv.ParseInt(amount, 10, 64); err != nil {
		err = fmt.Errorf("%q is not a whole number", amount)
	}
	if err == nil && (money.Amount <= 0 || money.Amount > maxStatementAmount) {
		err = fmt.Errorf("%q is nothing, or too much", amount)
	}
	if err != nil {
		return money, fmt.Errorf("column %q: %w", r.Amount, err)
	}
	return money, nil
}

// text returns what stands in a column, apart from white space; nothing when there is no such
// column. It is a copy, so that an entry does not keep the whole row in memory.
func (r statementRow) text(column string) string {
	if column == "" {
		return ""
	}
	return strings.Clone(strings.TrimSpace(r.fields[r.places[column]]))
}

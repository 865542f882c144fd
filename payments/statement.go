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

// StatementProblem is what is wrong with a statement.
type StatementProblem string

// The problems.
const (
	StatementEmpty         StatementProblem = "empty"
	StatementUnquoted      StatementProblem = "csv"        // quotes that CSV has no meaning for
	StatementFields        StatementProblem = "fields"     // a row with more or fewer fields than titles
	StatementEncoding      StatementProblem = "encoding"   // not UTF-8
	StatementColumnTwice   StatementProblem = "twice"      // Value is its title
	StatementColumnMissing StatementProblem = "missing"    // Value is its title
	StatementType          StatementProblem = "type"       // neither payment nor refund, nor to be ignored
	StatementNegative      StatementProblem = "negative"   // a payment of less than nothing
	StatementNumber        StatementProblem = "number"     // nothing tells what the row is about
	StatementCharacters    StatementProblem = "characters" // a number that cannot be printed
	StatementCurrency      StatementProblem = "currency"
	StatementAmount        StatementProblem = "amount"
	StatementTime          StatementProblem = "time"
)

// StatementError is why a statement is refused.
type StatementError struct {
	Problem StatementProblem
	Line    int
	Column  string // its title; empty where Place counts, or where it is about the whole line
	Place   int    // of the column, from 1; 0: see Column
	Value   string // what stands there
	text    string
}

// Error says it in English.
func (e *StatementError) Error() string {
	where := fmt.Sprintf("line %d", e.Line)
	switch {
	case e.Column != "":
		where += fmt.Sprintf(", column %q", e.Column)
	case e.Place > 0:
		where += fmt.Sprintf(", column %d", e.Place)
	}
	return where + ": " + e.text
}

// at returns the error with its line.
func (e *StatementError) at(line int) error {
	e.Line = line
	return e
}

// badCSV is an error of the CSV reader's.
func badCSV(err error) error {
	parse, is := errors.AsType[*csv.ParseError](err)
	if !is {
		return err // of the reader beneath
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return &StatementError{Problem: StatementFields, Line: parse.Line, text: parse.Err.Error()}
	}
	return &StatementError{Problem: StatementUnquoted, Line: parse.Line, Place: parse.Column, text: parse.Err.Error()}
}

// maxStatementAmount keeps the sum of millions of rows far from overflow.
const maxStatementAmount = 1_000_000_000_000

// Read reads a statement in CSV and marks what is of the day. It is refused as a whole, by line and
// column with a StatementError, when anything in it has no certain meaning.
func (f StatementFormat) Read(r io.Reader, day Day) ([]Entry, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, &StatementError{Problem: StatementEmpty, Line: 1, text: "the statement is empty"}
	}
	if err != nil {
		return nil, badCSV(err)
	}
	columns, problem := f.columns(header)
	if problem != nil {
		return nil, problem.at(1)
	}
	var entries []Entry
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, badCSV(err)
		}
		line, _ := in.FieldPos(0)
		e, counts, problem := statementRow{f, columns, record}.entry()
		if problem != nil {
			return nil, problem.at(line)
		}
		if counts {
			e.Line, e.OnDay = line, f.Time == "" || day.Contains(e.At)
			entries = append(entries, e)
		}
	}
}

// columns finds the places of the columns that the format names.
func (f StatementFormat) columns(header []string) (map[string]int, *StatementError) {
	places := map[string]int{}
	for i, title := range header {
		if !utf8.ValidString(title) {
			return nil, &StatementError{Problem: StatementEncoding, Place: i + 1, text: "the title is not UTF-8; save the statement as UTF-8"}
		}
		title = strings.TrimSpace(strings.TrimPrefix(title, "\ufeff"))
		if _, twice := places[title]; twice && slices.Contains(f.titles(), title) {
			return nil, &StatementError{
				Problem: StatementColumnTwice, Place: i + 1, Value: title, text: fmt.Sprintf("there is a column %q already", title),
			}
		}
		places[title] = i
	}
	for _, title := range f.titles() {
		if _, there := places[title]; !there {
			return nil, &StatementError{Problem: StatementColumnMissing, Value: title, text: fmt.Sprintf("there is no column %q", title)}
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
func (r statementRow) entry() (e Entry, counts bool, problem *StatementError) {
	for i, field := range r.fields {
		if !utf8.ValidString(field) {
			return e, false, &StatementError{Problem: StatementEncoding, Place: i + 1, text: "not UTF-8; save the statement as UTF-8"}
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
		return e, false, r.bad(StatementType, r.Type, "%q is neither a payment nor a refund, nor to be ignored, by the configuration", kind)
	case negative:
		return e, false, r.bad(StatementNegative, r.Amount, "a payment cannot be %q", r.text(r.Amount))
	}
	if problem := r.identify(&e); problem != nil {
		return e, false, problem
	}
	if e.Money, problem = r.money(amount); problem != nil {
		return e, false, problem
	}
	if r.Time != "" {
		at, err := time.ParseInLocation(r.TimeLayout, r.text(r.Time), r.Zone)
		if err != nil {
			return e, false, r.bad(StatementTime, r.Time, "%q is not a time such as %s", r.text(r.Time), r.TimeLayout)
		}
		e.At = at
	}
	return e, true, nil
}

// bad is a problem in a column of the row.
func (r statementRow) bad(p StatementProblem, column, format string, args ...any) *StatementError {
	return &StatementError{Problem: p, Column: column, Value: r.text(column), text: fmt.Sprintf(format, args...)}
}

// identify reads the numbers by which the shop knows the row.
func (r statementRow) identify(e *Entry) *StatementError {
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
		return r.bad(StatementNumber, column, "must not be empty: nothing else tells what the row is about")
	case strings.ContainsFunc(e.Number+e.Reference, func(c rune) bool { return !unicode.IsPrint(c) }):
		return r.bad(StatementCharacters, column, "%q has characters that cannot be printed", e.Number+e.Reference)
	}
	return nil
}

// parseWritten reads a decimal of a file, which may write the same number of places for every currency:
// zeros at its end mean nothing.
func parseWritten(amount, currency string) (models.Money, error) {
	money, err := models.ParseMoney(amount, currency)
	if whole, fraction, _ := strings.Cut(amount, "."); err != nil && strings.HasSuffix(fraction, "0") {
		short := strings.TrimSuffix(whole+"."+strings.TrimRight(fraction, "0"), ".")
		if m, shortErr := models.ParseMoney(short, currency); shortErr == nil {
			return m, nil
		}
	}
	return money, err
}

func (r statementRow) money(amount string) (models.Money, *StatementError) {
	money := models.Money{Currency: r.DefaultCurrency}
	if r.Currency != "" {
		money.Currency = strings.ToUpper(r.text(r.Currency))
	}
	if !models.KnownCurrency(money.Currency) {
		return money, r.bad(StatementCurrency, r.Currency, "%q is not an ISO 4217 currency", money.Currency)
	}
	var err error
	if r.Decimal {
		money, err = parseWritten(amount, money.Currency)
	} else if money.Amount, err = strconv.ParseInt(amount, 10, 64); err != nil {
		err = fmt.Errorf("%q is not a whole number", amount)
	}
	if err == nil && (money.Amount <= 0 || money.Amount > maxStatementAmount) {
		err = fmt.Errorf("%q is nothing, or too much", amount)
	}
	if err != nil {
		return money, r.bad(StatementAmount, r.Amount, "%s", err)
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

package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"saoma/internal/config"
	"saoma/models"
	"saoma/payments"
)

// reconcile compares a gateway's statement with the shop's books of a day, and prints what it found.
// It fails when they differ.
func reconcile(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("reconcile", flag.ContinueOnError)
	file := flags.String("config", "", "")
	gateway := flags.String("gateway", "", "")
	date := flags.String("day", "", "")
	words, err := parse(flags, args, 1)
	if err != nil {
		return err
	}
	c, err := config.Load(config.Source{File: *file, Builtin: builtinConfig, Environ: os.Environ()})
	if err != nil {
		return err
	}
	r := reconciliation{gateway: models.GatewayName(*gateway), zone: zoneOf(c.Shop.TimeZone)}
	if r.day, err = payments.ParseDay(*date, r.zone); err != nil {
		return fmt.Errorf("%w: --day: %v", errUsage, err)
	}
	format, known := statementFormats(c)[r.gateway]
	if !known {
		return fmt.Errorf("%w: --gateway must be %s or %s, not %q", errUsage, models.ScanForPay, models.Pass2Pay, r.gateway)
	}
	statement, err := readStatement(words[0], format, r.day)
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	store, err := openStore(ctx, c, newLog(c.Log))
	if err != nil {
		return err
	}
	defer store.Close()
	if r.Result, err = payments.ReconcileDay(ctx, store, r.gateway, r.day, statement); err != nil {
		return err
	}
	r.print(os.Stdout)
	if n := len(r.Differences); n > 0 {
		return fmt.Errorf("%s, %s: differences between the statement and the shop's books: %d", r.gateway, r.day, n)
	}
	return nil
}

// statementFormats are how each gateway's statements are written.
func statementFormats(c *config.Config) map[models.GatewayName]payments.StatementFormat {
	return map[models.GatewayName]payments.StatementFormat{
		models.ScanForPay: statementFormat(c, c.Gateways.ScanForPay.Statement),
		models.Pass2Pay:   statementFormat(c, c.Gateways.Pass2Pay.Statement),
	}
}

func statementFormat(c *config.Config, s config.Statement) payments.StatementFormat {
	return payments.StatementFormat{
		Number: s.Number, RefundNumber: s.RefundNumber, Reference: s.Reference, Amount: s.Amount, Currency: s.Currency,
		Time: s.Time, Type: s.Type, PaymentValues: s.PaymentValues, RefundValues: s.RefundValues, IgnoredValues: s.IgnoredValues,
		Decimal: s.AmountUnit == config.DecimalUnit, DefaultCurrency: c.Shop.Currency, TimeLayout: s.TimeFormat,
		Zone: zoneOf(cmp.Or(s.TimeZone, c.Shop.TimeZone)),
	}
}

func readStatement(name string, format payments.StatementFormat, day payments.Day) ([]payments.Entry, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return format.Read(f, day)
}

// reconciliation is a result, with what is needed to put it into words.
type reconciliation struct {
	payments.Result
	gateway models.GatewayName
	day     payments.Day
	zone    *time.Location
}

var differenceTitles = []struct {
	kind  payments.DifferenceKind
	title string
}{
	{payments.UnknownPayment, "Payments in the statement that the shop has not recorded"},
	{payments.MissingPayment, "Payments recorded by the shop that are not in the statement"},
	{payments.UnknownRefund, "Refunds in the statement that the shop has not recorded"},
	{payments.MissingRefund, "Refunds recorded by the shop that are not in the statement"},
	{payments.WrongAmount, "Amounts that differ"},
	{payments.WrongCurrency, "Currencies that differ"},
	{payments.Twice, "More than once in the statement"},
}

func (r reconciliation) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s in %s\n", r.gateway, r.day, r.zone)
	for _, t := range r.Totals {
		printTotals(w, t)
	}
	missing := false
	for _, d := range differenceTitles {
		count := 0
		for _, found := range r.Differences {
			if found.Kind != d.kind {
				continue
			}
			if count++; count == 1 {
				fmt.Fprintf(w, "\n%s:\n", d.title)
			}
			fmt.Fprintf(w, "  %s\n", r.words(found))
			missing = missing || found.Statement == nil
		}
	}
	fmt.Fprintln(w)
	if n := r.ShopElsewhere; n > 0 {
		fmt.Fprintf(w, "The shop recorded %d of the statement's rows on a neighbouring day. They count on the statement's day.\n", n)
	}
	if n := r.GatewayElsewhere; n > 0 {
		fmt.Fprintf(w, "%d entries of the shop's books of this day stand on another day in the statement. They count there.\n", n)
	}
	if missing {
		fmt.Fprintln(w, "What was paid close to midnight may stand in the statement of the day before or after:")
		fmt.Fprintln(w, "a statement that covers these days as well settles it.")
	}
	if len(r.Differences) == 0 {
		fmt.Fprintln(w, "There is no difference.")
	}
}

func printTotals(w io.Writer, t payments.Totals) {
	decimal := func(minor int64) string { return models.Money{Amount: minor, Currency: t.Currency}.Decimal() }
	fmt.Fprintln(w)
	for _, row := range []struct {
		title string
		sum   payments.Sum
	}{
		{"taken by the gateway", t.Taken},
		{"given back by the gateway", t.Returned},
		{"paid orders", t.Orders},
		{"surplus payments", t.Surplus},
		{"refunds", t.Refunds},
	} {
		fmt.Fprintf(w, "%-26s %8d %18s %s\n", row.title, row.sum.Count, decimal(row.sum.Amount), t.Currency)
	}
	sign := "="
	if t.Gateway() != t.Shop() {
		sign = "is not"
	}
	fmt.Fprintf(w, "%s - %s %s %s + %s - %s", decimal(t.Taken.Amount), decimal(t.Returned.Amount), sign,
		decimal(t.Orders.Amount), decimal(t.Surplus.Amount), decimal(t.Refunds.Amount))
	if t.Gateway() != t.Shop() {
		fmt.Fprintf(w, ": %s is left", decimal(t.Gateway()-t.Shop()))
	}
	fmt.Fprintln(w)
}

// words says what each side has.
func (r reconciliation) words(d payments.Difference) string {
	var parts []string
	if e := d.Statement; e != nil {
		parts = append(parts, fmt.Sprintf("line %d: %s", e.Line, r.entry(e)))
	}
	if e := d.Shop; e != nil {
		parts = append(parts, fmt.Sprintf("in the shop: %s, order %s", r.entry(e), e.Order))
	}
	if note := d.Note.String(); note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, "; ")
}

func (r reconciliation) entry(e *payments.Entry) string {
	name := e.Number
	if name == "" {
		name = "reference " + e.Reference
	}
	text := fmt.Sprintf("%s, %s %s", name, e.Money.Decimal(), e.Money.Currency)
	if !e.At.IsZero() {
		text += ", " + e.At.In(r.zone).Format(time.DateTime)
	}
	return text
}

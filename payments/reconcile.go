package payments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"saoma/models"
)

// Entry is one movement of money at a gateway, as a statement or the shop's books have it.
type Entry struct {
	models.Movement
	Line int // of the statement; 0 in the shop's books

	// OnDay is whether the entry belongs to the day that is reconciled. The others are there to be
	// found: the two sides may have recorded one payment on different days.
	OnDay bool
}

// DifferenceKind is in what way the two sides differ.
type DifferenceKind string

// The kinds of difference.
const (
	UnknownPayment DifferenceKind = "unknown_payment" // in the statement, and not recorded by the shop
	UnknownRefund  DifferenceKind = "unknown_refund"
	MissingPayment DifferenceKind = "missing_payment" // recorded by the shop, and not in the statement
	MissingRefund  DifferenceKind = "missing_refund"
	WrongAmount    DifferenceKind = "amount"
	WrongCurrency  DifferenceKind = "currency"
	Twice          DifferenceKind = "twice" // in the statement once more than it happened
)

// Difference is one thing on which the two sides do not agree.
type Difference struct {
	Kind      DifferenceKind
	Statement *Entry // nil when the statement has none
	Shop      *Entry // nil when the shop has none
	Note      Note   // what else the shop knows about it
}

// Note is what the shop knows about a line of a statement that it has not recorded. Its zero value is
// nothing.
type Note struct {
	Kind  NoteKind
	About string // the gateway, the day or the state
}

// NoteKind is what a Note says.
type NoteKind string

// The kinds of note.
const (
	NoteNoReference  NoteKind = "no_reference" // no payment has this number of the gateway's
	NoteNoPayment    NoteKind = "no_payment"
	NoteNoRefund     NoteKind = "no_refund"
	NoteElsewhere    NoteKind = "elsewhere"     // the payment was made at the gateway that About names
	NoteRecorded     NoteKind = "recorded"      // it was recorded on the day that About names
	NotePaymentState NoteKind = "payment_state" // the payment is in the state that About names
	NoteRefundState  NoteKind = "refund_state"
)

// String says it in English.
func (n Note) String() string {
	switch n.Kind {
	case NoteNoReference:
		return "no payment is known by this reference"
	case NoteNoPayment:
		return "no payment of the shop has this number"
	case NoteNoRefund:
		return "no refund of the shop has this number"
	case NoteElsewhere:
		return "the shop made this payment at " + n.About
	case NoteRecorded:
		return "the shop recorded it on " + n.About
	case NotePaymentState:
		return "in the shop this payment is " + n.About
	case NoteRefundState:
		return "in the shop this refund is " + n.About
	default:
		return ""
	}
}

// Result is what came of reconciling a day.
type Result struct {
	Totals      []Totals     // one for each currency, by its code
	Differences []Difference // in the order of the statement, and then those that only the shop has

	// How many agree and were recorded on different days. They count on the statement's day.
	ShopElsewhere    int // on the day in the statement, on another in the shop's books
	GatewayElsewhere int // on the day in the shop's books, on another in the statement
}

// Totals sums up both sides of a day in one currency.
type Totals struct {
	Currency string

	Taken    Sum // by the gateway
	Returned Sum // by the gateway

	Orders  Sum // of the shop: payments that paid an order
	Surplus Sum // of the shop: payments that no order was paid with
	Refunds Sum // of the shop
}

// Sum is an amount in minor units, and of how many entries.
type Sum struct {
	Count  int
	Amount int64
}

// Gateway returns what the gateway took and did not give back.
func (t Totals) Gateway() int64 { return t.Taken.Amount - t.Returned.Amount }

// Shop returns what it should have by the shop's books: paid orders + surplus payments - refunds.
func (t Totals) Shop() int64 { return t.Orders.Amount + t.Surplus.Amount - t.Refunds.Amount }

// Reconcile compares a statement with the shop's books, in which each number stands once. Entries
// are the same when their kind and our number are the same; a payment without our number is known by
// the gateway's. Nothing else makes them the same: not an amount, not a time.
//
// What is left between the two sides of the Totals is the sum of the Differences, always.
func Reconcile(statement, shop []Entry) Result {
	c := newComparison(shop)
	for i := range statement {
		c.compare(&statement[i])
	}
	for i := range shop {
		if shop[i].OnDay && !c.claimed[i] {
			c.bookShop(&shop[i])
			c.differ(MissingPayment, nil, &shop[i])
		}
	}
	c.sortTotals()
	return c.result
}

func (c *comparison) sortTotals() {
	slices.SortFunc(c.result.Totals, func(a, b Totals) int { return strings.Compare(a.Currency, b.Currency) })
}

// name is what an entry is known by.
type name struct {
	refund    bool
	reference bool // text is the gateway's number, not ours
	text      string
}

func (e Entry) name() name {
	if e.Number == "" {
		return name{e.Refund, true, e.Reference}
	}
	return name{e.Refund, false, e.Number}
}

// comparison is a reconciliation under way.
type comparison struct {
	shop    []Entry
	index   map[name]int  // into shop
	claimed []bool        // by the place in shop: found in the statement
	unknown map[name]bool // found in the statement, and not in shop
	result  Result
}

func newComparison(shop []Entry) *comparison {
	c := &comparison{
		shop: shop, index: make(map[name]int, len(shop)), claimed: make([]bool, len(shop)), unknown: map[name]bool{},
	}
	for i, e := range shop {
		c.index[name{e.Refund, false, e.Number}] = i
		if e.Reference != "" {
			c.index[name{e.Refund, true, e.Reference}] = i
		}
	}
	return c
}

// compare finds the shop's side of a line of the statement.
func (c *comparison) compare(line *Entry) {
	found, twice := c.claim(line.name())
	if !line.OnDay {
		if found != nil && found.OnDay && !twice {
			c.result.GatewayElsewhere++
		}
		return
	}
	c.bookStatement(line)
	switch {
	case twice:
		c.differ(Twice, line, found)
		return
	case found == nil:
		c.differ(UnknownPayment, line, nil)
		return
	}
	c.bookShop(found)
	if !found.OnDay {
		c.result.ShopElsewhere++
	}
	switch {
	case found.Money.Currency != line.Money.Currency:
		c.differ(WrongCurrency, line, found)
	case found.Money.Amount != line.Money.Amount:
		c.differ(WrongAmount, line, found)
	}
}

// claim returns the shop's entry of that name, and whether the statement has named it before.
func (c *comparison) claim(n name) (found *Entry, twice bool) {
	i, known := c.index[n]
	if !known {
		twice = c.unknown[n]
		c.unknown[n] = true
		return nil, twice
	}
	twice = c.claimed[i]
	c.claimed[i] = true
	return &c.shop[i], twice
}

func (c *comparison) differ(kind DifferenceKind, statement, shop *Entry) {
	switch {
	case kind == UnknownPayment && statement.Refund:
		kind = UnknownRefund
	case kind == MissingPayment && shop.Refund:
		kind = MissingRefund
	}
	c.result.Differences = append(c.result.Differences, Difference{Kind: kind, Statement: statement, Shop: shop})
}

func (c *comparison) bookStatement(e *Entry) {
	t := c.totals(e.Money.Currency)
	if e.Refund {
		t.Returned.add(e.Money)
	} else {
		t.Taken.add(e.Money)
	}
}

func (c *comparison) bookShop(e *Entry) {
	t := c.totals(e.Money.Currency)
	switch {
	case e.Refund:
		t.Refunds.add(e.Money)
	case e.Surplus:
		t.Surplus.add(e.Money)
	default:
		t.Orders.add(e.Money)
	}
}

func (c *comparison) totals(currency string) *Totals {
	i := slices.IndexFunc(c.result.Totals, func(t Totals) bool { return t.Currency == currency })
	if i < 0 {
		i = len(c.result.Totals)
		c.result.Totals = append(c.result.Totals, Totals{Currency: currency})
	}
	return &c.result.Totals[i]
}

func (s *Sum) add(m models.Money) {
	s.Count++
	s.Amount += m.Amount
}

// Day is a calendar day in a time zone. It may have 23 or 25 hours.
type Day struct {
	date time.Time // midnight in UTC: only its date counts
	zone *time.Location
}

// ParseDay reads a day such as 2026-11-20, from 1970 on, that every database knows.
func ParseDay(text string, zone *time.Location) (Day, error) {
	date, err := time.Parse(time.DateOnly, text)
	if err != nil || date.Year() < 1970 || date.Year() > 9000 {
		return Day{}, fmt.Errorf("%q is not a day such as 2026-11-20", text)
	}
	return Day{date, zone}, nil
}

func (d Day) String() string { return d.date.Format(time.DateOnly) }

// After returns the day that lies so many days after this one.
func (d Day) After(days int) Day { return Day{d.date.AddDate(0, 0, days), d.zone} }

// DayOf returns the day in the zone in which the moment lies.
func DayOf(t time.Time, zone *time.Location) Day {
	year, month, day := t.In(zone).Date()
	return Day{time.Date(year, month, day, 0, 0, 0, 0, time.UTC), zone}
}

// Contains reports whether the moment lies in the day.
func (d Day) Contains(t time.Time) bool { return !t.Before(d.begin(0)) && t.Before(d.begin(1)) }

// begin returns when the day begins that lies so many days after this one.
func (d Day) begin(after int) time.Time {
	year, month, day := d.date.Date()
	return time.Date(year, month, day+after, 0, 0, 0, 0, d.zone)
}

// ReconcileDay compares a gateway's statement with what the shop has recorded about that gateway.
// The shop's books are read from the day before to the day after, since what was paid close to
// midnight may stand on the neighbouring day there; only what has no counterpart on these three
// days is a difference. What the statement has and the shop has not recorded is looked up without
// regard to days, for the note.
func ReconcileDay(ctx context.Context, store *models.Store, gateway models.GatewayName, day Day, statement []Entry) (Result, error) {
	movements, err := store.Movements(ctx, gateway, day.begin(-1), day.begin(2))
	if err != nil {
		return Result{}, err
	}
	shop := make([]Entry, len(movements))
	for i, m := range movements {
		shop[i] = Entry{Movement: m, OnDay: day.Contains(m.At)}
	}
	result := Reconcile(statement, shop)
	for i := range result.Differences {
		if d := &result.Differences[i]; d.Shop == nil {
			if d.Note, err = day.note(ctx, store, gateway, d.Statement); err != nil {
				return Result{}, err
			}
		}
	}
	return result, nil
}

// note says what the shop knows about a line of the statement that it has not recorded.
func (d Day) note(ctx context.Context, store *models.Store, gateway models.GatewayName, line *Entry) (Note, error) {
	if line.Refund {
		return d.noteRefund(ctx, store, line.Number)
	}
	var p *models.Payment
	var err error
	unknown := NoteNoPayment
	if line.Number != "" {
		p, err = store.PaymentByNumber(ctx, line.Number)
	} else {
		unknown = NoteNoReference
		p, err = store.PaymentByReference(ctx, gateway, line.Reference)
	}
	switch {
	case errors.Is(err, models.ErrPaymentNotFound):
		return Note{Kind: unknown}, nil
	case err != nil:
		return Note{}, err
	case p.Gateway != gateway:
		return Note{NoteElsewhere, string(p.Gateway)}, nil
	case p.SucceededAt != nil:
		return Note{NoteRecorded, p.SucceededAt.In(d.zone).Format(time.DateOnly)}, nil
	}
	return Note{NotePaymentState, string(p.Status)}, nil
}

func (d Day) noteRefund(ctx context.Context, store *models.Store, number string) (Note, error) {
	r, err := store.RefundByNumber(ctx, number)
	switch {
	case errors.Is(err, models.ErrRefundNotFound):
		return Note{Kind: NoteNoRefund}, nil
	case err != nil:
		return Note{}, err
	case r.SucceededAt != nil:
		return Note{NoteRecorded, r.SucceededAt.In(d.zone).Format(time.DateOnly)}, nil
	}
	return Note{NoteRefundState, string(r.Status)}, nil
}

// Books sums up what the shop has recorded about a gateway on a day, by the currency's code: the shop's
// side of the Totals.
func Books(ctx context.Context, store *models.Store, gateway models.GatewayName, day Day) ([]Totals, error) {
	movements, err := store.Movements(ctx, gateway, day.begin(0), day.begin(1))
	if err != nil {
		return nil, err
	}
	c := newComparison(nil)
	for _, m := range movements {
		c.bookShop(&Entry{Movement: m})
	}
	c.sortTotals()
	return c.result.Totals, nil
}

// ErrNoStatements is returned for a gateway whose statements nobody has described.
var ErrNoStatements = &models.Error{Kind: models.NotFound, Key: "error.page_not_found"}

// Reconcile reads a gateway's statement as the configuration says that it is written, and compares it
// with the shop's books as ReconcileDay does. A StatementError: it cannot be read.
func (s *Service) Reconcile(ctx context.Context, gateway models.GatewayName, day Day, statement io.Reader) (Result, error) {
	format, known := s.statements[gateway]
	if !known {
		return Result{}, ErrNoStatements
	}
	entries, err := format.Read(statement, day)
	if err != nil {
		return Result{}, err
	}
	return ReconcileDay(ctx, s.store, gateway, day, entries)
}

// Statements returns the gateways whose statements can be read, by their names.
func (s *Service) Statements() []models.GatewayName { return slices.Sorted(maps.Keys(s.statements)) }

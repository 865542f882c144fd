package models

import (
	"strings"
	"time"
)

// OrderFilter says which orders a list holds. Its zero value is all of them.
type OrderFilter struct {
	// Text is what somebody looks for: the beginning of an order's, an attempt's, a refund's or a
	// gateway's number, of an e-mail address, a phone number, a name, or of the name or SKU of
	// something in the order, in any language and as it is or was called; in Chinese and Japanese any
	// part of such a name. Of several words, each has to be found.
	Text     string
	Status   OrderStatus
	Gateway  GatewayName
	Wallet   Wallet
	Product  string // the slug of something in the order
	Only     OnlyOrders
	From, To time.Time // placed from the first up to and without the second; zero: at any time
}

// OnlyOrders are orders with something about their money.
type OnlyOrders string

// What there may be about an order's money.
const (
	OnlyUnconfirmed OnlyOrders = "unconfirmed" // they are confirming, see OrderRow.Confirming
	OnlyRefunded    OnlyOrders = "refunded"    // some of their money was given back, or is on its way
	OnlyIncident    OnlyOrders = "incident"    // an incident about them is open
)

// Paging is a part of a list of orders, which runs from the newest to the oldest. It begins behind
// the order with the number After, or ends before the one with the number Before; at most one of
// the two is set. An order that is not there is no place: then the list begins with the newest.
type Paging struct {
	After  string
	Before string
	Limit  int
}

// OrderList is a part of a list of orders.
type OrderList struct {
	Rows  []OrderRow
	Newer bool // whether there are orders before these
	Older bool // whether there are orders behind these
	// Cut: more than maxTerms different words begin like one that was asked for, and only orders with
	// the first of them are in the list.
	Cut bool
}

// OrderRow is an order as a list shows it, with its lines.
type OrderRow struct {
	Order
	Payment   *Payment // the one that paid it, else the one tried last; nil: none was
	Incidents int64    // open
	Refunded  int64    // what of it was given back, or may yet be
	Refunding int64    // what of that is under way
}

// Confirming reports whether the order counts as paid and no proof to fulfil on has come yet.
func (r OrderRow) Confirming() bool {
	return r.Status == OrderPaid && r.Payment != nil && r.Payment.ConfirmedAt == nil && r.Payment.WrittenOffAt == nil
}

// CountLimit is how far orders are counted.
const CountLimit = 10_000

// Limits that keep a search as quick in a large shop as in a small one.
const (
	maxAsked = 4  // words of a search that count
	maxTerms = 32 // different words that one of them may be the beginning of
)

// search is a filter with its words looked up.
type search struct {
	OrderFilter
	// groups of terms: an order is in the list when it has one of each. None: terms do not matter.
	groups [][]string
	cut    bool
}

// impossible reports whether some word is in no order.
func (s search) impossible() bool {
	for _, group := range s.groups {
		if len(group) == 0 {
			return true
		}
	}
	return false
}

// list reads ids of orders at a place, in order.
func (s search) list(p place, limit int) query {
	switch {
	case s.Only.few():
		return s.ordersByFew(p, limit)
	case len(s.groups) > 0:
		return s.ordersByTerms(p, limit)
	default:
		return s.ordersBy("id, created_at", p, limit, true)
	}
}

// count reads the ids of as many orders as there are, up to the limit.
func (s search) count(limit int) query {
	switch {
	case s.Only.few():
		return s.ordersByFew(place{}, limit)
	case len(s.groups) > 0:
		return s.countByTerms(limit)
	default:
		return s.ordersBy("id", place{}, limit, false)
	}
}

// place is where a list goes on. The zero place is its beginning.
type place struct {
	at    time.Time
	id    string
	newer bool // read towards the newer orders
}

func (p place) direction() string {
	if p.newer {
		return "ASC"
	}
	return "DESC"
}

// query is a statement while it is being put together.
type query struct {
	text   strings.Builder
	values []any
}

func (q *query) add(text string, values ...any) {
	q.text.WriteString(text)
	q.values = append(q.values, values...)
}

// behind narrows to what comes behind the place. The first condition lets an index begin there.
func (q *query) behind(p place, at, id string) {
	switch {
	case p.id == "":
	case p.newer:
		q.add(" AND "+at+" >= ? AND NOT ("+at+" = ? AND "+id+" <= ?)", p.at, p.at, p.id)
	default:
		q.add(" AND "+at+" <= ? AND NOT ("+at+" = ? AND "+id+" >= ?)", p.at, p.at, p.id)
	}
}

// during narrows to the time of the filter.
func (q *query) during(f OrderFilter, at string) {
	if !f.From.IsZero() {
		q.add(" AND "+at+" >= ?", f.From.UTC())
	}
	if !f.To.IsZero() {
		q.add(" AND "+at+" < ?", f.To.UTC())
	}
}

// ordersBy reads ids of orders by the orders' own columns.
func (s search) ordersBy(columns string, p place, limit int, sorted bool) query {
	var q query
	q.add("SELECT " + columns + " FROM orders WHERE 1 = 1")
	for _, c := range s.columns() {
		q.add(" AND "+c.name+" = ?", c.value)
	}
	q.during(s.OrderFilter, "created_at")
	q.behind(p, "created_at", "id")
	if sorted {
		q.add(" ORDER BY created_at " + p.direction() + ", id " + p.direction())
	}
	q.add(" LIMIT ?", limit)
	return q
}

type condition struct {
	name  string
	value any
}

// columns are the conditions on the orders' own columns.
func (s search) columns() []condition {
	var all []condition
	for _, c := range []struct {
		condition
		is bool
	}{
		{condition{"status", s.Status}, s.Status != ""},
		{condition{"gateway", s.Gateway}, s.Gateway != ""},
		{condition{"wallet", s.Wallet}, s.Wallet != ""},
	} {
		if c.is {
			all = append(all, c.condition)
		}
	}
	return all
}

// ordersByTerms reads ids of orders by the terms of the first group. Each term is a list of its own
// that is read in order up to the limit; together they hold the first of all. Whatever else is
// asked of an order is looked up from there: other forms let the database begin elsewhere.
func (s search) ordersByTerms(p place, limit int) query {
	var q query
	q.add("SELECT order_id AS id, created_at FROM (")
	for i, term := range s.groups[0] {
		if i > 0 {
			q.add(" UNION ")
		}
		q.add("SELECT * FROM (SELECT t.order_id, t.created_at FROM order_terms t WHERE t.term = ?", term)
		s.rest(&q, s.groups[1:])
		q.behind(p, "t.created_at", "t.order_id")
		q.add(" ORDER BY t.created_at "+p.direction()+", t.order_id "+p.direction()+" LIMIT ?) part", limit)
	}
	q.add(") found ORDER BY created_at "+p.direction()+", id "+p.direction()+" LIMIT ?", limit)
	return q
}

// countByTerms reads as many different orders as there are, up to the limit.
func (s search) countByTerms(limit int) query {
	var q query
	q.add("SELECT DISTINCT t.order_id FROM order_terms t WHERE t.term IN ?", s.groups[0])
	s.rest(&q, s.groups[1:])
	q.add(" LIMIT ?", limit)
	return q
}

// few reports whether the list begins with those orders, of which there are few.
func (o OnlyOrders) few() bool { return o == OnlyUnconfirmed || o == OnlyIncident }

// ordersByFew reads ids of orders by that of which there are few.
func (s search) ordersByFew(p place, limit int) query {
	var q query
	q.add("SELECT DISTINCT t.order_id AS id, t.created_at FROM (SELECT few.order_id, (SELECT o.created_at FROM orders o WHERE o.id = few.order_id) AS created_at FROM (")
	if s.Only == OnlyIncident {
		q.add("SELECT i.order_id FROM incidents i WHERE i.status = ?", IncidentOpen)
	} else {
		q.add(`SELECT p.order_id FROM payments p WHERE p.status = ? AND p.confirmed_at IS NULL AND p.written_off_at IS NULL
			AND (SELECT o.payment_id FROM orders o WHERE o.id = p.order_id AND o.status = ?) = p.id`, PaymentSucceeded, OrderPaid)
	}
	q.add(") few) t WHERE t.created_at IS NOT NULL") // not what is about no order
	s.rest(&q, s.groups)
	q.behind(p, "t.created_at", "t.order_id")
	q.add(" ORDER BY t.created_at "+p.direction()+", t.order_id "+p.direction()+" LIMIT ?", limit)
	return q
}

// rest narrows to the orders that fit everything else, and have a term of each of the groups.
func (s search) rest(q *query, groups [][]string) {
	for _, group := range groups {
		q.add(" AND (1 = 0")
		for _, term := range group { // one by one: of a set of terms MySQL reads all orders anew for each order
			q.add(" OR (SELECT 1 FROM order_terms x WHERE x.term = ? AND x.created_at = t.created_at AND x.order_id = t.order_id) = 1", term)
		}
		q.add(")")
	}
	for _, c := range s.columns() {
		q.add(" AND (SELECT o."+c.name+" FROM orders o WHERE o.id = t.order_id) = ?", c.value)
	}
	if s.Only == OnlyRefunded { // what failed, what never came, and what was too much is none of the order's money
		q.add(` AND (SELECT COUNT(*) FROM refunds r WHERE r.order_id = t.order_id AND r.status <> ?
			AND r.payment_id = COALESCE((SELECT o.payment_id FROM orders o WHERE o.id = t.order_id), r.payment_id)
			AND (SELECT p.written_off_at FROM payments p WHERE p.id = r.payment_id) IS NULL) > 0`, RefundFailed)
	}
	q.during(s.OrderFilter, "t.created_at")
}

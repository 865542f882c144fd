package admin

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"saoma/models"
)

// event is one thing that happened to an order.
type event struct {
	At     time.Time
	Title  string
	Detail string
	Lang   string // of the detail, where it is one that a machine wrote
	Text   string // a person's own words
	Look   string // incident, act, money, or empty
	// The message as it stood on the wire, to be unfolded.
	Request, Response string
}

// machineLang is the language of what gateways and this program write into the record.
const machineLang = "en"

// timeline is everything that happened to the order, the first first. Within one second messages and
// acts come first, in the order of the chain, and what followed from them after them.
func timeline(page Page, s subject) []event {
	events := []event{{At: s.order.CreatedAt, Title: page.T("admin.event.placed"), Detail: page.Money(s.order.Money())}}
	for _, e := range s.evidence {
		events = append(events, page.messageEvent(e, paymentOf(s.order, e.PaymentID)))
	}
	if at := s.order.PaidAt; at != nil {
		events = append(events, event{At: *at, Title: page.T("admin.event.paid"), Detail: page.way(s.order.Wallet, s.order.Gateway), Look: "money"})
	}
	if at := s.order.ExpiredAt; at != nil {
		events = append(events, event{At: *at, Title: page.T("admin.event.expired")})
	}
	for _, r := range s.refunds {
		if paymentOf(s.order, &r.PaymentID).WrittenOffAt == nil { // else no money moved: the act says so
			events = append(events, page.refundEvents(r)...)
		}
	}
	for _, i := range s.incidents {
		events = append(events, event{
			At: i.CreatedAt, Title: page.T("admin.event.incident", "kind", page.T("incident."+string(i.Kind))), Detail: i.Detail, Lang: machineLang, Look: "incident",
		})
		if i.ResolvedAt != nil && *i.ResolvedAt != i.CreatedAt {
			events = append(events, event{
				At: *i.ResolvedAt, Title: page.T("admin.event.resolved", "kind", page.T("incident."+string(i.Kind))), Detail: i.Resolution,
			})
		}
	}
	for _, m := range s.mails {
		events = append(events, page.mailEvent(m))
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Truncate(time.Second).Compare(b.At.Truncate(time.Second)) })
	return events
}

func (p Page) refundEvents(r models.Refund) []event {
	money := p.Money(models.Money{Amount: r.Amount, Currency: r.Currency})
	events := []event{{At: r.CreatedAt, Title: p.T("admin.event.refund_begun", "amount", money), Detail: r.Reason, Look: "money"}}
	number := r.Number
	if r.DecidedBy != "" {
		number += " · " + p.T("admin.refund.decided", "person", r.DecidedBy)
	}
	switch r.Status {
	case models.RefundSucceeded:
		events = append(events, event{At: *r.SucceededAt, Title: p.T("admin.event.refunded", "amount", money), Detail: number, Look: "money"})
	case models.RefundFailed:
		events = append(events, event{At: r.UpdatedAt, Title: p.T("admin.event.refund_failed", "amount", money), Detail: r.Failure, Lang: machineLang, Look: "incident"})
	}
	return events
}

// messageEvent puts a kept message, or an act, into words.
func (p Page) messageEvent(e models.Evidence, payment *models.Payment) event {
	if e.Direction == models.ByStaff {
		return event{
			At: e.CreatedAt, Title: p.T("admin.act." + e.Operation), Detail: e.Rule, Text: strings.TrimSpace(string(e.Request)), Look: "act",
		}
	}
	detail := e.Verdict + ": " + e.Rule
	if payment != nil {
		detail = payment.Number + " · " + detail
	}
	return event{
		At: e.CreatedAt, Title: p.T("admin.event."+e.Operation, "gateway", p.T("gateway."+string(e.Gateway))), Detail: detail, Lang: machineLang,
		Request: legible(e.Request), Response: legible(e.Response),
	}
}

// legibleBytes is how much of a message a page shows.
const legibleBytes = 16 << 10

// legible is a message as a page can show it. It is shown as text, never as what it says it is.
func legible(raw []byte) string {
	text := string(raw[:min(len(raw), legibleBytes)])
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	if len(raw) > legibleBytes {
		text += "…"
	}
	return text
}

// incidentRow is an incident in words, with what settles it.
type incidentRow struct {
	models.IncidentRow
	Page                       Page
	Title, Money, Age, Gateway string
	Detail, Lang               string // what happened, and its language where it is not the page's
	Open                       bool
	Hint                       string // what may be done
	OrderAddress               string
	Settle, Revive, Refund     bool // what the member may do about it here
	Ask                        bool
	WriteDown, End, WriteOff   bool   // as with the order: see paymentRow and refundRow
	Back                       string // where the member is sent when it is settled
	Decision, Problem          string // what was typed and refused, and why
}

func (p Page) incident(r models.IncidentRow, now time.Time, back string) incidentRow {
	row := incidentRow{
		IncidentRow: r, Page: p, Back: back, Title: p.T("incident." + string(r.Kind)), Hint: p.T(hint(r)),
		Age: p.age(now.Sub(r.CreatedAt)), Gateway: p.T("gateway." + string(r.Gateway)), Open: r.Status == models.IncidentOpen,
	}
	if models.KnownCurrency(r.Currency) {
		row.Money = p.Money(models.Money{Amount: r.Amount, Currency: r.Currency})
	} else {
		row.Money = strings.TrimSpace(r.Currency)
	}
	row.Detail, row.Lang = r.Detail, machineLang
	if (r.Kind == models.IncidentAmountMismatch || r.Kind == models.IncidentCurrencyMismatch) && r.Payment != nil {
		row.Detail, row.Lang = p.T("admin.incident.says", "said", row.Money, "asked", p.Money(r.Payment.Money())), ""
	}
	row.Settle = row.Open && p.May(post, "/admin/incidents/:id/settle")
	if r.Order == nil {
		return row
	}
	row.OrderAddress = "/admin/orders/" + r.Order.Number
	row.Ask = row.Open && r.Kind == models.IncidentConflict && r.Payment != nil && p.May(post, "/admin/orders/:number/ask")
	if !row.Open || r.Payment == nil || r.Payment.Status != models.PaymentSucceeded {
		return row
	}
	row.End = r.OfRefund != nil && r.OfRefund.Status == models.RefundPending && p.May(post, "/admin/orders/:number/refund/end")
	switch r.Kind {
	case models.IncidentConflict:
		row.WriteDown = r.Cause == models.CauseReturned && r.Refunded < r.Payment.Amount && p.May(post, "/admin/orders/:number/refund")
		row.WriteOff = canWriteOff(*r.Payment, r.Refunded) && p.May(post, "/admin/orders/:number/writeoff")
	case models.IncidentLatePayment, models.IncidentDuplicatePayment, models.IncidentRefundStuck:
		row.Revive = r.Order.PaidAt == nil && r.Refunded == 0 && p.May(post, "/admin/orders/:number/revive")
		row.Refund = r.Refunded < r.Payment.Amount && p.May(post, "/admin/orders/:number/refund")
	}
	return row
}

// Settled says when the incident was settled, and by whom.
func (r incidentRow) Settled() string {
	if r.ResolvedBy == "" {
		return r.Page.T("admin.incident.resolved_by_itself", "time", r.Page.Time(*r.ResolvedAt))
	}
	return r.Page.T("admin.incident.resolved", "person", r.ResolvedBy, "time", r.Page.Time(*r.ResolvedAt))
}

// lastAct says who changed something about the order last, and when; empty where nobody did.
func (p Page) lastAct(evidence []models.Evidence) string {
	for _, e := range slices.Backward(evidence) {
		if e.Direction == models.ByStaff && e.Operation != models.ActNote && e.Operation != models.ActAsk {
			return p.T("admin.order.last_act", "act", p.T("admin.act."+e.Operation), "person", p.ActorName(e.Rule), "time", p.PreciseTime(e.CreatedAt))
		}
	}
	return ""
}

// hint is the key of what may be done about an incident.
func hint(r models.IncidentRow) string {
	key := "incident." + string(r.Kind)
	switch r.Kind {
	case models.IncidentConflict:
		if r.Cause != "" {
			key += "." + r.Cause
		}
	case models.IncidentLatePayment, models.IncidentDuplicatePayment:
		if r.Payment != nil && r.Refunded == r.Payment.Amount {
			key += ".returning"
		}
	case models.IncidentRefundStuck:
		if r.Payment != nil && r.Refunded < r.Payment.Amount {
			key += ".again"
		}
	}
	return key + ".hint"
}

// age says how long ago something was, in its largest unit.
func (p Page) age(d time.Duration) string {
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}} {
		if d >= unit.length {
			return p.T("admin.age."+unit.name, "count", int64(d/unit.length))
		}
	}
	return p.T("admin.age.minutes", "count", int64(max(d, 0)/time.Minute))
}

package payments

import (
	"fmt"
	"time"

	"saoma/models"
)

// Operation is the kind of exchange that a message came in, as evidence names it.
type Operation string

// The operations.
const (
	OpCreate       Operation = "create"
	OpQuery        Operation = "query"
	OpClose        Operation = "close"
	OpNotification Operation = "notification"
)

// Verdicts, as evidence names them.
const (
	verdictAccepted = "accepted" // it changed something
	verdictRepeated = "repeated" // it says what is known
	verdictIgnored  = "ignored"  // it decides nothing
	verdictRefused  = "refused"  // it proves nothing, or cannot be read
	verdictIncident = "incident" // it cannot be used, and staff must know
	verdictUnknown  = "unknown"  // the call did not end in a verified answer
)

// Rules by which proof of a payment is found again.
const (
	ruleSuccess  = "verified success"
	ruleAgrees   = "a signed query agrees"
	ruleRefunded = "refunded in full"
)

// conflictAfter is how long a query may lag behind a success that we recorded, or have been answered before
// it: the next one, half a minute after the success, then says so to staff. A gateway that lags more makes
// its own peace, see carryOut.
const conflictAfter = 25 * time.Second

// facts is what decide needs to know beside the report and the rows.
type facts struct {
	merchant       string // how the gateway names us
	referenceTaken bool   // whether the gateway's number belongs to another attempt of ours
	refunded       int64  // how much of the payment we have refunded, or may yet have
	inOne          bool   // whether that is one refund of everything
	now            time.Time
}

// add counts a refund that has not failed.
func (f *facts) add(p models.Payment, refund models.Refund) {
	f.refunded += refund.Amount
	f.inOne = refund.Amount == p.Amount // then there is no room for another
}

// decision is what a report leads to.
type decision struct {
	verdict  string
	rule     string               // the rule that decided, for the evidence
	move     models.PaymentStatus // where the payment goes; empty: nowhere
	confirm  bool                 // whether the payment counts as confirmed from now on
	incident models.IncidentKind  // what staff must know; empty: nothing
	cause    string               // of a conflict
	paid     bool                 // whether the money is there and seeks its order
	refunded bool                 // whether our refunds of it are known to have gone through
	doubtful bool                 // whether to ask once more, see askOnceMore
}

// decide says what a verified report means for an attempt. It is the whole rule book, and a pure
// function: the same report meets the same rows with the same result, live or replayed.
func decide(p models.Payment, r Report, f facts, op Operation) decision {
	if kind, cause, rule := mismatch(p, r, f); kind != "" {
		return decision{verdict: verdictIncident, rule: rule, incident: kind, cause: cause}
	}
	if p.WrittenOffAt != nil {
		return decideWrittenOff(r)
	}
	switch r.State {
	case StateSucceeded:
		return decideSuccess(p, r)
	case StateFailed:
		return decideEnd(p, models.PaymentFailed, f, op)
	case StateClosed:
		return decideEnd(p, models.PaymentClosed, f, op)
	case StateRefunded:
		return decideRefunded(p, r, f)
	case StateGivenBack:
		return decideGivenBack(p, r, f)
	case StatePending:
		return decidePending(p, f, op)
	default:
		return decision{
			verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseUnexplained,
			rule: "the gateway names no state that the shop knows",
		}
	}
}

// mismatch finds what makes an authentic report unusable for this attempt.
func mismatch(p models.Payment, r Report, f facts) (kind models.IncidentKind, cause, rule string) {
	silent := r.Money == models.Money{} && r.State != StateSucceeded
	switch {
	case r.Gateway != p.Gateway:
		return models.IncidentGatewayMismatch, "", fmt.Sprintf("%s reports on an attempt made at %s", r.Gateway, p.Gateway)
	case r.Merchant != f.merchant:
		return models.IncidentMerchantMismatch, "", fmt.Sprintf("the message names merchant %q", r.Merchant)
	case !silent && r.Money.Currency != p.Currency:
		return models.IncidentCurrencyMismatch, "", fmt.Sprintf("the message says %s, the attempt %s", r.Money.Currency, p.Currency)
	case !silent && r.Money.Amount != p.Amount:
		return models.IncidentAmountMismatch, "", fmt.Sprintf("the message says %d, the attempt %d", r.Money.Amount, p.Amount)
	case r.Reference != "" && p.Reference != nil && *p.Reference != r.Reference:
		return models.IncidentConflict, models.CauseRenamed, fmt.Sprintf("the gateway calls the attempt %s, and %s before", r.Reference, *p.Reference)
	case f.referenceTaken:
		return models.IncidentConflict, models.CauseShared, fmt.Sprintf("the gateway's number %s belongs to another attempt", r.Reference)
	}
	return "", "", ""
}

// decideSuccess: a verified success wins over everything, however late, and counts once.
func decideSuccess(p models.Payment, r Report) decision {
	if p.Status != models.PaymentSucceeded {
		return decision{
			verdict: verdictAccepted, rule: ruleSuccess, move: models.PaymentSucceeded,
			confirm: r.Conclusive, paid: true,
		}
	}
	if r.Conclusive && p.ConfirmedAt == nil {
		return decision{verdict: verdictAccepted, rule: ruleAgrees, confirm: true}
	}
	return decision{verdict: verdictRepeated, rule: "already recorded as paid"}
}

// decideWrittenOff: a person has written down that the money has not come. That it came after all must
// not be missed.
func decideWrittenOff(r Report) decision {
	switch r.State {
	case StateSucceeded, StateRefunded, StateGivenBack:
		return decision{
			verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseCame,
			rule: fmt.Sprintf("written off as never paid, and the gateway now says %s", r.State),
		}
	default:
		return decision{verdict: verdictIgnored, rule: "written off as never paid"}
	}
}

// decideEnd: an end ends an open attempt. Of one that succeeded it says nothing unless we asked, since messages
// overtake each other; it is a reason to ask.
func decideEnd(p models.Payment, to models.PaymentStatus, f facts, op Operation) decision {
	switch {
	case p.Status == models.PaymentSucceeded && op == OpQuery:
		return denied(p, to, f.now)
	case p.Status.CanBecome(to):
		return decision{verdict: verdictAccepted, rule: "the gateway ended the attempt", move: to}
	case p.Status == models.PaymentSucceeded:
		return decision{verdict: verdictIgnored, rule: "recorded as paid, which a query has to deny", doubtful: true}
	default:
		return decision{verdict: verdictIgnored, rule: "the attempt has ended already"}
	}
}

// decideRefunded: the whole sum went back, by our doing or without it.
func decideRefunded(p models.Payment, r Report, f facts) decision {
	if p.Status == models.PaymentSucceeded && f.refunded == p.Amount {
		return decision{verdict: verdictAccepted, rule: ruleRefunded, refunded: true, confirm: r.Conclusive}
	}
	d := decision{
		verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseReturned,
		rule: "the gateway says that everything was refunded, which the shop did not ask for",
	}
	if p.Status.CanBecome(models.PaymentClosed) {
		d.move = models.PaymentClosed
	}
	return d
}

// decideGivenBack: some or all of the sum went back. That says which only where we wanted all of it
// back at once.
func decideGivenBack(p models.Payment, r Report, f facts) decision {
	if p.Status != models.PaymentSucceeded || f.refunded == 0 || f.inOne {
		return decideRefunded(p, r, f)
	}
	return decision{verdict: verdictIgnored, rule: "refunded, and it does not say how much"}
}

// decidePending: nothing new, unless it denies a recorded success, or a query tells of an attempt whose
// create went unanswered. One that may yet be answered is left to its answer, which tells how to pay.
func decidePending(p models.Payment, f facts, op Operation) decision {
	if p.Status == models.PaymentCreated && op == OpQuery && f.now.Sub(p.CreatedAt) >= startTimeout {
		return decision{verdict: verdictAccepted, rule: "the gateway has the payment", move: models.PaymentPending}
	}
	if p.Status == models.PaymentSucceeded && op == OpQuery {
		return denied(p, models.PaymentPending, f.now)
	}
	return decision{verdict: verdictIgnored, rule: "not paid yet"}
}

// denied: a query says otherwise than the success that we recorded. Soon after it, the answer may only be
// older than the success.
func denied(p models.Payment, says models.PaymentStatus, now time.Time) decision {
	if now.Sub(*p.SucceededAt) <= conflictAfter {
		return decision{verdict: verdictIgnored, rule: "recorded as paid a moment ago, which the query may not know", doubtful: true}
	}
	return decision{
		verdict: verdictIncident, incident: models.IncidentConflict, cause: models.CauseDenied,
		rule: fmt.Sprintf("recorded as paid, and the gateway now says %s", says),
	}
}

package models

import "time"

// IncidentKind is what is wrong with some money.
type IncidentKind string

// The kinds of incident.
const (
	IncidentLatePayment      IncidentKind = "late_payment"
	IncidentDuplicatePayment IncidentKind = "duplicate_payment"
	IncidentAmountMismatch   IncidentKind = "amount_mismatch"
	IncidentCurrencyMismatch IncidentKind = "currency_mismatch"
	IncidentMerchantMismatch IncidentKind = "merchant_mismatch"
	IncidentGatewayMismatch  IncidentKind = "gateway_mismatch"
	IncidentUnknownOrder     IncidentKind = "unknown_order"
	IncidentConflict         IncidentKind = "conflict" // notification and query disagree
	IncidentRefundStuck      IncidentKind = "refund_stuck"
	IncidentBadRedirect      IncidentKind = "bad_redirect"
)

// Causes of a conflict, which tell what may be done about it.
const (
	CauseDenied   = "denied"   // what is recorded as paid is not, says the gateway when it is asked
	CauseReturned = "returned" // money went back, and the shop did not ask for that
	CauseRenamed  = "renamed"  // the gateway has another number for the attempt than before
	CauseShared   = "shared"   // the gateway's number for the attempt is that of another one
	CauseDecided  = "decided"  // a person has said what became of a refund, and the gateway says otherwise
	CauseCame     = "came"     // money that a person has written off is there

	CauseUnexplained = "unexplained" // the gateway names no state that the shop knows
)

// Incident is money, or a message about money, that needs a decision. The same finding is one
// incident however often it is made: DedupKey is unique and Count says how often.
type Incident struct {
	ID         string `gorm:"primaryKey"`
	Kind       IncidentKind
	Cause      string // of a conflict; empty: an older binary opened it
	Status     IncidentStatus
	DedupKey   string
	Gateway    GatewayName
	OrderID    *string
	PaymentID  *string
	RefundID   *string // the refund that it is about, if it is about one
	Number     string  // the attempt number that the message named
	Currency   string  // the money that the message named
	Amount     int64
	Detail     string // what happened, in a sentence for staff
	Resolution string // what was decided
	ResolvedBy string // who settled it; empty: it was settled by what happened to the money, or is open
	Count      int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
	ResolvedAt *time.Time
}

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

// Incident is money, or a message about money, that needs a decision. The same finding is one
// incident however often it is made: DedupKey is unique and Count says how often.
type Incident struct {
	ID         string `gorm:"primaryKey"`
	Kind       IncidentKind
	Status     IncidentStatus
	DedupKey   string
	Gateway    GatewayName
	OrderID    *string
	PaymentID  *string
	Number     string // the attempt number that the message named
	Currency   string // the money that the message named
	Amount     int64
	Detail     string // what happened, in a sentence for staff
	Resolution string // what was decided
	Count      int64
	CreatedAt  time.Time
	UpdatedAt  time.Time
	ResolvedAt *time.Time
}

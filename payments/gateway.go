// Package payments takes money and gives it back. It knows the shop's models and the plain
// Gateway interface; it knows no HTTP server and no gateway's field names.
//
// These rules always hold: what a gateway says pays an order only in Service.Apply, and beside that only
// a named person does, by MarkPaid or Revive; an attempt's number is stored before a gateway hears of it;
// no database transaction is open while the network is; what is not certainly refused is unknown, and
// unknown is asked about, never repeated.
package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saoma/models"
)

// Gateway is our client for one company that moves the money. Every method may be called from
// many goroutines, honours the context's deadline, and fills the Exchange of its result even
// when it returns an error, so that the caller can keep it as evidence. Errors are *CallError;
// notifications fail with ErrSignature or ErrMalformed.
type Gateway interface {
	Name() models.GatewayName

	// Merchant is how this gateway names us in its messages.
	Merchant() string

	// Takes reports whether a payment by the method can be asked for from the buyer's IP address.
	Takes(method, ip string) bool

	// Create asks for a payment. It is never repeated with the same number: after Unknown the
	// attempt is asked about with Query.
	Create(ctx context.Context, r CreateRequest) (Created, error)

	// Query asks where the payment with our number stands. Refusal NotFound means that the
	// gateway says it has no such payment; a moment after a create that went unanswered, that
	// may still change.
	Query(ctx context.Context, number string) (Report, error)

	// ReadQuery reads an answer to Query again from the bytes that were kept of it, verified with
	// the present key, and returns what Query returned for them. The key may be another by now:
	// the error then is ErrSignature.
	ReadQuery(number string, e Exchange) (Report, error)

	// Close asks that no money be taken for the payment any more. An answer proves nothing: the
	// payment may have won the race, so Query follows. Outcome Unsupported when the gateway
	// has no such call.
	Close(ctx context.Context, number string) (Exchange, error)

	// Refund gives back part or all of a payment, at most once for one refund number. After
	// Unknown it is called again with the very same request, or asked about with QueryRefund.
	Refund(ctx context.Context, r RefundRequest) (RefundReport, error)

	// QueryRefund asks where a refund stands. Outcome Unsupported when the gateway cannot tell.
	QueryRefund(ctx context.Context, r RefundRequest) (RefundReport, error)

	// ParseNotification verifies the raw bytes of a notification with this gateway's own key
	// and then reads those same bytes strictly. It does not compare the report with any order.
	ParseNotification(contentType string, body []byte) (Report, error)
}

// CreateRequest is what a gateway needs to know to take the money of one attempt.
type CreateRequest struct {
	Number    string // ours; [A-Za-z0-9]{1,32}
	Method    string // the route's method: jspay, qrcode, online, ALI_WAP, cashier …
	Wallet    models.Wallet
	Money     models.Money
	Goods     int64  // the part of Money for goods, in minor units
	Shipping  int64  // the rest
	Title     string // what is bought; shown in the wallet by gateways that sign it safely
	NotifyURL string
	ReturnURL string
	OrderedAt time.Time // when the order was placed: the payment window counts from here
	CreatedAt time.Time // when this attempt began
	ExpiresAt time.Time // when we stop offering it

	ClientIP      string // the buyer's; one that Takes
	CustomerID    string // stable pseudonym of the buyer
	CustomerSince time.Time
}

// NextAction is what the buyer does to pay.
type NextAction struct {
	Kind models.ActionKind
	Data string // an address, the text of a code, or a Form, by Kind
}

// Created is the answer to Create.
type Created struct {
	Action    NextAction
	Reference string // the gateway's number, empty when it does not tell
	State     State  // Pending as a rule; a gateway may answer a final state at once, which Query confirms
	Exchange  Exchange
}

// State is where the gateway says a payment stands, in our words.
type State string

// The states of a report.
const (
	StateUnknown   State = "unknown" // a value we do not know, or none: nothing is decided by it, and staff are told
	StatePending   State = "pending"
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateClosed    State = "closed"
	StateRefunded  State = "refunded"   // was paid, and everything was given back
	StateGivenBack State = "given_back" // was paid, and some or all of it was given back

	// StateAbsent stands for an answer that is no report: the gateway has no such payment.
	StateAbsent State = "absent"
)

// Report is what a gateway says about one payment, its signature verified.
type Report struct {
	Gateway   models.GatewayName
	Merchant  string // whom the message names, to be compared with Gateway.Merchant
	Number    string // our number
	Reference string // the gateway's, without blanks around it, of which some databases take no notice
	State     State
	Money     models.Money // zero when the message names none
	PaidAt    time.Time    // the gateway's clock; zero when it does not tell
	// Conclusive is whether the message alone is proof enough to hand over goods. A
	// notification with a weak signature pays the order, and a query has to agree.
	Conclusive bool
	Exchange   Exchange
}

// RefundRequest names one refund. The same refund always carries the same values.
type RefundRequest struct {
	PaymentNumber string
	RefundNumber  string
	Money         models.Money
	Reason        string // for the gateway's list; our own fixed words, never a buyer's
}

// RefundReport is what a gateway says about one refund.
type RefundReport struct {
	State    models.RefundStatus
	Money    models.Money // zero when the message names none
	Message  string       // the gateway's reason, for staff
	Exchange Exchange
}

// Exchange is a call and its answer as they stood on the wire. It never holds a key.
type Exchange struct {
	Request  []byte
	Response []byte
}

// Outcome is what a failed call leaves behind at the gateway.
type Outcome string

// The outcomes.
const (
	// Unknown: the gateway may or may not have done it. Ask.
	Unknown Outcome = "unknown"
	// Refused: a verified answer says that it was not done and never will be under this number.
	Refused Outcome = "refused"
	// NotFound: the gateway says that it has no such payment.
	NotFound Outcome = "not_found"
	// Duplicate: the number was used before; ask what became of it.
	Duplicate Outcome = "duplicate"
	// NotSent: the call never left us, since the request was bad or no connection was made.
	NotSent Outcome = "not_sent"
	// BadRedirect: the gateway took the request but wants the buyer sent to an address that is
	// not on its list. It may hold a payable order.
	BadRedirect Outcome = "bad_redirect"
	// Unsupported: this gateway has no such call. Without a code it was not asked.
	Unsupported Outcome = "unsupported"
)

// CallError is a call that did not end well.
type CallError struct {
	Outcome Outcome
	Code    string // the gateway's code, when it gave one
	Message string // the gateway's words, for staff and log only
	Err     error
}

func (e *CallError) Error() string {
	text := string(e.Outcome)
	if e.Code != "" {
		text += fmt.Sprintf(" (code %s: %s)", e.Code, e.Message)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *CallError) Unwrap() error { return e.Err }

// OutcomeOf returns the outcome of a call's error; Unknown for an error of any other type.
func OutcomeOf(err error) Outcome {
	if e, ok := errors.AsType[*CallError](err); ok {
		return e.Outcome
	}
	return Unknown
}

// Why a notification is refused.
var (
	// ErrSignature: the signature is missing or wrong. Nothing in the message can be believed.
	ErrSignature = errors.New("signature does not verify")
	// ErrMalformed: the message cannot be read as one meaning and no other. It may not even be
	// authentic.
	ErrMalformed = errors.New("message is malformed")
)

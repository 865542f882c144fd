package models

import "errors"

// Kind is what an error means to the one who asked; handlers turn it into a status.
type Kind int

// The kinds of error.
const (
	Internal    Kind = iota // our fault; the cause stays hidden
	Invalid                 // the input is refused; Field names where
	NotFound                // there is no such thing
	Conflict                // the thing has moved on since it was shown
	Unavailable             // a gateway or the database does not answer; worth trying again
	TooMany                 // too many requests
	Forbidden               // the one who asks may not
)

// Error is an error that a person may see: Key names its message in the catalogues,
// which the edge puts into the reader's language. Err is the cause, for the log only.
type Error struct {
	Kind  Kind
	Key   string
	Field string // the form field at fault, for Invalid
	Err   error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Key + ": " + e.Err.Error()
	}
	return e.Key
}

func (e *Error) Unwrap() error { return e.Err }

// Is says that two errors with the same key are the same error, whatever their causes.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Key == e.Key
}

// Because returns a copy of the error with its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// KindOf returns the kind of the first Error in the chain, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Errors that callers tell apart.
var (
	ErrOrderNotFound   = &Error{Kind: NotFound, Key: "error.order_not_found"}
	ErrProductNotFound = &Error{Kind: NotFound, Key: "error.product_not_found"}
	ErrPaymentNotFound = &Error{Kind: NotFound, Key: "error.payment_not_found"}
	ErrGatewayNotFound = &Error{Kind: NotFound, Key: "error.gateway_not_found"}
	ErrRefundNotFound  = &Error{Kind: NotFound, Key: "error.refund_not_found"}
	ErrCartEmpty       = &Error{Kind: Invalid, Key: "error.cart_empty"}
	ErrOutOfStock      = &Error{Kind: Conflict, Key: "error.out_of_stock"}
	ErrNotForSale      = &Error{Kind: Conflict, Key: "error.not_for_sale"}
	ErrPriceChanged    = &Error{Kind: Conflict, Key: "error.price_changed"}
	ErrOrderClosed     = &Error{Kind: Conflict, Key: "error.order_closed"}
	ErrLivePayment     = &Error{Kind: Conflict, Key: "error.payment_live"}
	ErrStoreDown       = &Error{Kind: Unavailable, Key: "error.store_down"}
)

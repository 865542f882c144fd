package scanforpay

import "saoma/payments"

// Codes with a meaning of their own (ScanForPay docs, Error codes).
const (
	codeSuccess = 1  // the call was carried out; this says nothing of the money
	codeClosed  = 33 // of a query: the payment can no longer be made
)

// createOutcome is what a verified failure leaves behind. 9, 20, 21 and 22 say themselves that
// they do not know; those that make no sense for a new payment are no proof of anything.
func createOutcome(code int64) payments.Outcome {
	switch code {
	case 2, // transaction failed
		3,             // we are not authorised
		4, 5, 6, 7, 8, // the request or its signature is not as it should be
		40, 41, 42, // opened in the wrong app
		43, 44: // the account or the way to pay is not open
		return payments.Refused
	case 30:
		return payments.NotFound
	case 31:
		return payments.Duplicate
	}
	return payments.Unknown
}

// queryOutcome takes only "no such order" for an answer: that the gateway would not tell says
// nothing about the payment.
func queryOutcome(code int64) payments.Outcome {
	if code == 30 {
		return payments.NotFound
	}
	return payments.Unknown
}

// refundOutcome is what a verified failure leaves behind. 31 says that the refund exists.
func refundOutcome(code int64) payments.Outcome {
	switch code {
	case 2, 3, 4, 5, 6, 7, 8, 43, 44, // as for a new payment
		30, // no such payment
		32, // not paid
		33, // closed
		34, // may not be given back
		35: // more than is left of it
		return payments.Refused
	}
	return payments.Unknown
}

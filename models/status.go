package models

import "slices"

// OrderStatus is where an order stands. How much of it was refunded is a sum, not a status.
type OrderStatus string

// The states of an order.
const (
	OrderPending   OrderStatus = "pending"   // placed, stock reserved, not paid
	OrderPaid      OrderStatus = "paid"      // a verified message of a gateway says so, or a named person
	OrderFulfilled OrderStatus = "fulfilled" // sent or delivered
	OrderExpired   OrderStatus = "expired"   // its window ran out, stock given back
	OrderCanceled  OrderStatus = "canceled"  // given up, stock given back
)

// PaymentStatus is where one attempt to pay stands.
type PaymentStatus string

// The states of a payment.
const (
	PaymentCreated   PaymentStatus = "created" // number stored, gateway not yet known to have it
	PaymentPending   PaymentStatus = "pending" // the gateway may take money for it
	PaymentSucceeded PaymentStatus = "succeeded"
	PaymentFailed    PaymentStatus = "failed"
	PaymentClosed    PaymentStatus = "closed"
)

// RefundStatus is where one refund stands.
type RefundStatus string

// The states of a refund.
const (
	RefundPending   RefundStatus = "pending" // number stored; result not known or not final
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
)

// IncidentStatus is where an incident stands: open, until it is resolved for good.
type IncidentStatus string

// The states of an incident.
const (
	IncidentOpen     IncidentStatus = "open"
	IncidentResolved IncidentStatus = "resolved"
)

// MailStatus is where one mail to a buyer stands.
type MailStatus string

// The states of a mail.
const (
	MailQueued  MailStatus = "queued"   // waits to be sent, for the first time or again
	MailSent    MailStatus = "sent"     // the mail server has taken it
	MailGivenUp MailStatus = "given_up" // not sent, and somebody has to look
	MailLeft    MailStatus = "left"     // not sent, and somebody has looked
)

// The one table of allowed moves, but for incidents, which have one. A state that is not a key is final.
var (
	orderMoves = map[OrderStatus][]OrderStatus{
		OrderPending:  {OrderPaid, OrderExpired, OrderCanceled},
		OrderPaid:     {OrderFulfilled},
		OrderExpired:  {OrderPaid}, // by a verified late payment or on a person's word, if stock could be taken again
		OrderCanceled: {OrderPaid}, // likewise
	}
	paymentMoves = map[PaymentStatus][]PaymentStatus{
		PaymentCreated: {PaymentPending, PaymentSucceeded, PaymentFailed, PaymentClosed},
		PaymentPending: {PaymentSucceeded, PaymentFailed, PaymentClosed},
		PaymentFailed:  {PaymentSucceeded}, // a verified success wins, however late
		PaymentClosed:  {PaymentSucceeded},
	}
	refundMoves = map[RefundStatus][]RefundStatus{
		RefundPending: {RefundSucceeded, RefundFailed},
	}
	mailMoves = map[MailStatus][]MailStatus{
		MailQueued:  {MailSent, MailGivenUp},
		MailGivenUp: {MailLeft},
	}
)

// CanBecome reports whether the table allows the move.
func (s OrderStatus) CanBecome(to OrderStatus) bool { return slices.Contains(orderMoves[s], to) }

// CanBecome reports whether the table allows the move.
func (s PaymentStatus) CanBecome(to PaymentStatus) bool { return slices.Contains(paymentMoves[s], to) }

// CanBecome reports whether the table allows the move.
func (s RefundStatus) CanBecome(to RefundStatus) bool { return slices.Contains(refundMoves[s], to) }

// CanBecome reports whether the table allows the move.
func (s MailStatus) CanBecome(to MailStatus) bool { return slices.Contains(mailMoves[s], to) }

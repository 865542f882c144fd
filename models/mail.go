package models

import "time"

// MailKind is what a mail tells the buyer.
type MailKind string

// The kinds of mail, one for each thing that happens to an order.
const (
	MailPlaced   MailKind = "placed"
	MailPaid     MailKind = "paid"     // and the payment is confirmed
	MailShipped  MailKind = "shipped"  // fulfilled: sent, or handed over where nothing is shipped
	MailRefunded MailKind = "refunded" // one for each refund that went through
)

// Mail is one mail to a buyer, waiting or done with. Its text is not kept: it is written from the
// order when the mail is sent.
type Mail struct {
	ID       string `gorm:"primaryKey"`
	OrderID  string
	Kind     MailKind
	RefundID string // empty: about no refund
	Copy     int    // 0 is the shop's own; what staff sends again counts up. Unique with the three above
	Status   MailStatus
	Tries    int

	// When it is tried next; null: not any more. Moving it on from the value one has read is also the
	// lease, as with Payment.CheckAt.
	TryAt *time.Time

	Failure   string // why the last try did not send it, for staff
	CreatedAt time.Time
	UpdatedAt time.Time
	SentAt    *time.Time
}

// ErrMailOff: mail is not configured, so that nobody would ever send it.
var ErrMailOff = &Error{Kind: Conflict, Key: "error.mail_off"}

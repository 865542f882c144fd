package models

import (
	"slices"
	"time"
)

// Refund gives money of one payment back. Its number is stored before the gateway hears of it
// and stays the same however often the gateway is asked.
type Refund struct {
	ID          string `gorm:"primaryKey"`
	OrderID     string
	PaymentID   string
	Number      string // ours, [A-Za-z0-9]{1,32}, unique
	Status      RefundStatus
	Currency    string
	Amount      int64
	Reason      string // for staff
	Failure     string // the gateway's words, for staff
	DecidedBy   string // on whose word it ended, for ever; empty: a gateway's, or it has not ended
	CreatedAt   time.Time
	UpdatedAt   time.Time
	SucceededAt *time.Time
	CheckAt     *time.Time
	Checks      int

	// What of the order it is for, where a person has said so: the shipping, and pieces of lines.
	Shipping bool
	Items    []RefundItem
	// RestockBy is who decided that the pieces go back on the shelf when the money is back; empty: nobody.
	RestockBy string
}

// RefundItem is so many pieces of a line of the order.
type RefundItem struct {
	RefundID string `gorm:"primaryKey"`
	ItemID   string `gorm:"primaryKey"` // the line
	Quantity int64
}

// Pieces returns how many pieces of a line were given back by these refunds, or may yet be.
func Pieces(refunds []Refund, itemID string) (n int64) {
	for _, r := range refunds {
		for _, i := range r.Items {
			if i.ItemID == itemID && r.Status != RefundFailed {
				n += i.Quantity
			}
		}
	}
	return n
}

// Undecided reports whether a person may say what became of the refund, since its gateway has not for
// a while, or never will: by what was found about it.
func (r Refund) Undecided(now time.Time, found []Incident) bool {
	about := func(i Incident) bool { return i.RefundID != nil && *i.RefundID == r.ID }
	return r.Status == RefundPending && (now.Sub(r.CreatedAt) >= RefundHangsAfter || slices.ContainsFunc(found, about))
}

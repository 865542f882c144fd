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
}

// Undecided reports whether a person may say what became of the refund, since its gateway has not for
// a while, or never will: by what was found about it.
func (r Refund) Undecided(now time.Time, found []Incident) bool {
	about := func(i Incident) bool { return i.RefundID != nil && *i.RefundID == r.ID }
	return r.Status == RefundPending && (now.Sub(r.CreatedAt) >= RefundHangsAfter || slices.ContainsFunc(found, about))
}

package models

import "time"

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
	CreatedAt   time.Time
	UpdatedAt   time.Time
	SucceededAt *time.Time
	CheckAt     *time.Time
	Checks      int
}

package models

import "time"

// Direction is which way a message went.
type Direction string

// The directions.
const (
	Sent     Direction = "sent"     // our call and the gateway's answer to it
	Received Direction = "received" // a notification
	ByStaff  Direction = "staff"    // no message: what a named person did; see Tx.AddAct
)

// MaxRule is how much of Evidence.Rule is kept, in bytes.
const MaxRule = 200

// Evidence is one message from or to a gateway as it stood on the wire, and what was made of it.
// It is only ever added to, but for what strangers send: see Tx.ForgetLoneEvidence. Within one order
// each row holds the hash of the row before.
type Evidence struct {
	ID        string  `gorm:"primaryKey"`
	OrderID   *string // null: the message named no order of ours
	PaymentID *string
	Gateway   GatewayName
	Direction Direction
	Operation string // create, query, close, refund, notification
	Request   []byte // what we sent; empty for a notification
	Response  []byte // what they sent
	Verdict   string // what was made of it, in a word
	Rule      string // the rule that decided, in a few words
	Digest    string // SHA-256 of Request and Response: a repeat is known by it
	Seq       int64  // place in the order's chain, from 1; 0 outside of any chain
	PrevHash  string
	Hash      string
	CreatedAt time.Time
}

// TableName overrides GORM's plural.
func (Evidence) TableName() string { return "evidence" }

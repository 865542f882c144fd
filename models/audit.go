package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Actor is who does something that the audit log keeps.
type Actor struct {
	StaffID string // empty: nobody of the staff
	Name    string // a member's e-mail address, or what else acted
	Address string // where the request came from; empty on the command line
}

// CommandLine acts for whoever runs the program on the shop's own machine.
func CommandLine() Actor { return Actor{Name: "command line"} }

// AuditEntry is one act of staff or of the command line. The log is only ever added to, and each
// entry holds the hash of the one before.
type AuditEntry struct {
	ID        string `gorm:"primaryKey"`
	Seq       int64  // place in the log, from 1
	StaffID   *string
	Actor     string
	Address   string
	Action    string // a verb and what it is done to, as in "refund_payment"
	Subject   string // what it was done to, as people name it: an order's number, an address
	Details   string // what changed, in a few words
	PrevHash  string
	Hash      string
	CreatedAt time.Time
}

// TableName overrides GORM's plural.
func (AuditEntry) TableName() string { return "audit" }

// hash covers every column that says something, and the hash of the entry before.
func (e AuditEntry) hash() string {
	h := sha256.New()
	for _, text := range []string{
		e.PrevHash, fmt.Sprint(e.Seq), deref(e.StaffID), e.Actor, e.Address, e.Action, e.Subject, e.Details,
		e.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
	} {
		writeField(h, []byte(text))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// auditHead is the last entry's place and hash: the one row that entries are written behind.
type auditHead struct {
	ID   int64 `gorm:"primaryKey"`
	Seq  int64
	Hash string
}

// TableName is the head's own table.
func (auditHead) TableName() string { return "audit_head" }

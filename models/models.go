// Package models says what a shop is (products, orders, payments, refunds, incidents) and
// how it is kept. It knows the database and nothing of HTTP or of any gateway.
//
// These rules always hold: money is whole minor units; a state moves only as status.go allows
// and only by an UPDATE that names the state it leaves; every write goes through Store.Tx.
package models

import (
	"crypto/rand"
	"encoding/base32"
	"strings"

	"github.com/google/uuid"
)

// NewID returns a time-ordered identifier (UUID v7) for a row. It is never shown outside.
func NewID() string {
	return uuid.Must(uuid.NewV7()).String()
}

// NewToken returns 160 random bits in lower-case base32: an address nobody can guess.
func NewToken() string {
	return strings.ToLower(randomText(32))
}

// randomText returns n characters of A-Z and 2-7 from the system's random source.
func randomText(n int) string {
	raw := make([]byte, (n*5+7)/8)
	if _, err := rand.Read(raw); err != nil {
		panic(err) // crypto/rand never fails on a working system
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)[:n]
}

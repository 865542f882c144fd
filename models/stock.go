package models

import "time"

// How stock moves beside orders.
const (
	StockChanged  = "change" // somebody put so many in, or took so many out
	StockCounted  = "count"  // somebody counted, and the difference was put in or taken out
	StockImported = "import" // a catalogue file, or the page that made the variant, says how many there are
	StockReturned = "return" // pieces of an order that was paid came back, or never left; the reason names it
)

// StockMove is a change of a variant's stock that no order made by itself. Moves are only ever added.
type StockMove struct {
	ID        string `gorm:"primaryKey"` // of the form that asked for it: a form sent twice moves stock once
	VariantID string
	Kind      string
	Delta     int64
	Shelf     int64 // see Variant.Shelf, after the move
	Reason    string
	Actor     string
	CreatedAt time.Time
}

// StockChange is what somebody wants to do to the stock of a variant.
type StockChange struct {
	ID     string // see StockMove.ID
	SKU    string
	Delta  int64
	Seen   *int64 // of a count: the Shelf that the delta was reckoned from. Nil: whatever it is
	Reason string
}

// MaxStockReason is how many characters a reason may have.
const MaxStockReason = 200

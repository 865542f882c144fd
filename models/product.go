package models

import "time"

// Product is a thing for sale in one or more variants. Its texts are the merchant's data.
type Product struct {
	ID          string `gorm:"primaryKey"`
	Slug        string // its address in the catalogue, unique
	Name        string
	Description string
	Image       string // a file name under static or data_dir/uploads, or empty
	Position    int    // order of display, small first
	Active      bool   // hidden from buyers when false
	Texts       Texts  `gorm:"serializer:json"`
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Variants    []Variant
}

// Variant is what a buyer puts into the cart. Stock, where it is counted, satisfies
// at first = OnHand + Reserved + sold and not put back; neither is ever negative.
type Variant struct {
	ID        string `gorm:"primaryKey"`
	ProductID string
	SKU       string `gorm:"column:sku"` // unique in the shop
	Options   string // what tells it from its siblings, such as "M / blue"; empty for an only variant
	Price     int64  // minor units of the shop's currency
	Counted   bool   // whether stock is counted; otherwise there is always enough
	OnHand    int64  // free to sell
	Reserved  int64  // held by orders that are pending
	Digital   bool   // delivered as Delivery on the paid order page; otherwise shipped
	Delivery  string // text or link handed over once paid, for digital articles
	Image     string // replaces the product's picture when set
	Position  int
	Active    bool
	CreatedAt time.Time
	UpdatedAt time.Time
	Product   *Product
}

// Available reports whether n pieces could be sold now, as far as this reading of the stock knows.
func (v Variant) Available(n int64) bool {
	return v.Active && (!v.Counted || v.OnHand >= n)
}

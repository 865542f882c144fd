package models

import (
	"strings"
	"time"
	"unicode"
)

// Product is a thing for sale in one or more variants. Its texts are the merchant's data.
type Product struct {
	ID          string `gorm:"primaryKey"`
	Slug        string // its address in the catalogue, unique
	Name        string
	Description string
	Image       string // a PictureName, or a file name under static/images, or empty
	Position    int    // order of display, small first
	Active      bool   // hidden from buyers when false
	Texts       Texts  `gorm:"serializer:json"`
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Variants    []Variant
}

// Variant is what a buyer puts into the cart. Its stock satisfies: the sum of its stock moves =
// OnHand + Reserved + sold to order lines that are counted; neither is ever negative.
type Variant struct {
	ID        string `gorm:"primaryKey"`
	ProductID string
	SKU       string `gorm:"column:sku"` // unique in the shop, among present and former ones
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

	OptionTexts Translations `gorm:"serializer:json"` // of Options
}

// Shelf is how many pieces are there, those that are held for pending orders included.
func (v Variant) Shelf() int64 { return v.OnHand + v.Reserved }

// Available reports whether n pieces could be sold now, as far as this reading of the stock knows.
func (v Variant) Available(n int64) bool {
	return v.Active && (!v.Counted || v.OnHand >= n)
}

// ProductDetails is what the merchant says about a product.
type ProductDetails struct {
	Slug        string
	Name        string
	Description string
	Active      bool
	Texts       Texts // of the languages that somebody says something of
}

// Details is what the merchant said about the product, as a form gives it back.
func (p Product) Details() ProductDetails {
	d := ProductDetails{p.Slug, OneLine(p.Name), Lines(p.Description), p.Active, Texts{}}
	for language, text := range p.Texts {
		d.Texts[language] = ProductText{OneLine(text.Name), Lines(text.Description)}
	}
	return d
}

// formerSKU is one that a variant had before. It goes on standing for the variant, since orders,
// carts, files and labels name it, and so it is never another's.
type formerSKU struct {
	SKU       string `gorm:"column:sku;primaryKey"`
	VariantID string
	CreatedAt time.Time // when it was given up
}

// TableName is in the plural that people write.
func (formerSKU) TableName() string { return "former_skus" }

// formerName is one that a variant's product had before in some language, while the variant was in it:
// orders from then name it, and are found by it.
type formerName struct {
	VariantID string    `gorm:"primaryKey"`
	Name      string    `gorm:"primaryKey"`
	CreatedAt time.Time // when it was given up
}

// VariantDetails is what the merchant says about a variant. Its stock only moves.
type VariantDetails struct {
	SKU         string
	Options     string
	OptionTexts Translations // of the languages that somebody says something of
	Price       int64
	Counted     bool
	Digital     bool
	Delivery    string
	Active      bool
}

// Details is what the merchant said about the variant, as a form gives it back.
func (v Variant) Details() VariantDetails {
	d := VariantDetails{v.SKU, OneLine(v.Options), Translations{}, v.Price, v.Counted, v.Digital, Lines(v.Delivery), v.Active}
	for language, text := range v.OptionTexts {
		d.OptionTexts[language] = OneLine(text)
	}
	return d
}

// The most characters of a product's and a variant's texts.
const (
	MaxSlug        = 100
	MaxName        = 200
	MaxDescription = 16000
	MaxSKU         = 64
	MaxOptions     = 200
	MaxDelivery    = 10000
)

// MaxStock is more pieces of an article than any shop has.
const MaxStock = 1_000_000_000

// validSlug reports whether a text can be the end of an address as it is.
func validSlug(slug string) bool {
	return slug != "" && strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// validSKU reports whether a text can stand for a variant, in addresses too.
func validSKU(sku string) bool {
	return sku != "" && !strings.ContainsAny(sku, "/?#%") && !strings.ContainsFunc(sku, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

// Refusals of acts on goods.
var (
	// ErrGoodsMoved: what the act is about is not as the person saw it any more.
	ErrGoodsMoved  = &Error{Kind: Conflict, Key: "error.goods_moved"}
	ErrSlugInvalid = &Error{Kind: Invalid, Key: "invalid.slug", Field: "slug"}
	ErrSlugTaken   = &Error{Kind: Invalid, Key: "invalid.slug_taken", Field: "slug"}
	ErrSKUInvalid  = &Error{Kind: Invalid, Key: "invalid.sku", Field: "sku"}
	ErrSKUTaken    = &Error{Kind: Invalid, Key: "invalid.sku_taken", Field: "sku"}
	// ErrSKUTwice: a catalogue file names one variant twice, by its present SKU and a former one.
	ErrSKUTwice      = &Error{Kind: Invalid, Key: "invalid.sku_twice", Field: "file"}
	ErrNotCounted    = &Error{Kind: Conflict, Key: "error.not_counted"}
	ErrStockMoved    = &Error{Kind: Conflict, Key: "error.stock_moved"}
	ErrStockTooLow   = &Error{Kind: Invalid, Key: "invalid.stock_too_low", Field: "pieces"}
	ErrFormSentTwice = &Error{Kind: Conflict, Key: "error.form_sent"}
)

package models

import "time"

// Order is what one buyer agreed to buy. Prices, names and texts are frozen in it.
type Order struct {
	ID        string `gorm:"primaryKey"`
	Number    string // for people: short, unique, not secret
	Token     string // for the order page: unguessable, unique
	FormToken string // the checkout form it came from, unique: a form makes one order at most
	Status    OrderStatus

	Currency string
	Goods    int64 // sum of the lines
	Shipping int64
	Amount   int64 // Goods + Shipping: what is paid

	Buyer    `gorm:"embedded"`
	Language string // the buyer's, for pages and mail
	Shipped  bool   // whether any line is shipped

	// Of the payment that paid the order; until then of the attempt made last.
	Wallet  Wallet
	Gateway GatewayName // empty: none was made yet

	CustomerID    string // stable pseudonym of the visitor, for gateways that want one
	CustomerSince time.Time
	ClientIP      string

	// The end of the order's evidence chain. Raising EvidenceSeq is also the lock that puts
	// everything that happens to one order into one line.
	EvidenceSeq  int64
	EvidenceHash string

	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time  // end of the payment window
	ExpiredAt *time.Time // when it expired; late money may have paid it since
	PaidAt    *time.Time // never changes once set
	PaymentID *string    // the payment that paid it

	FulfilledAt *time.Time
	Carrier     string // who brings it; empty when nothing is shipped or nobody said
	Tracking    string // the carrier's number

	Items    []OrderItem
	Payments []Payment
}

// Money returns what the order costs.
func (o Order) Money() Money { return Money{Amount: o.Amount, Currency: o.Currency} }

// Buyer is who buys and where it goes. Address fields are empty when nothing is shipped.
type Buyer struct {
	Name     string
	Email    string
	Phone    string
	Address  string
	City     string
	Region   string
	Postcode string
	Country  string
	Note     string
}

// OrderItem is one line of an order, frozen when it was placed.
type OrderItem struct {
	ID        string `gorm:"primaryKey"`
	OrderID   string
	VariantID string
	SKU       string `gorm:"column:sku"`
	Name      string // the product's own
	Options   string
	Image     string
	Price     int64 // minor units, each
	Quantity  int64
	Counted   bool // whether stock was reserved for it
	Digital   bool
	Delivery  string // shown to the buyer once the order is paid
	Position  int

	// What the buyer saw instead of the shop's own words; empty where it was these.
	SeenName     string
	SeenOptions  string
	SeenLanguage string // of both
}

// Total returns the price of the line in minor units.
func (i OrderItem) Total() int64 { return i.Price * i.Quantity }

// Line is a wish: so many of a SKU.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// MaxQuantity is the most of one SKU that one order may hold.
const MaxQuantity = 999

// Draft is everything that PlaceOrder needs. Prices are not in it: they are read from the database.
type Draft struct {
	FormToken     string // see Order.FormToken
	Lines         []Line
	Seen          *Money // the total that the buyer was shown; ErrPriceChanged when it is another now. Nil: not told
	Buyer         Buyer
	Wallet        Wallet
	Language      string // that the buyer reads: lines keep the names that stand in it
	CustomerID    string
	CustomerSince time.Time
	ClientIP      string
}

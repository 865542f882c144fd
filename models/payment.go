package models

import (
	"strings"
	"time"
)

// Wallet is the app that a buyer pays with.
type Wallet string

// The wallets.
const (
	WeChat   Wallet = "wechat"
	Alipay   Wallet = "alipay"
	AlipayHK Wallet = "alipayhk"
)

// Wallets lists the wallets in the order in which buyers are shown them.
var Wallets = []Wallet{WeChat, Alipay, AlipayHK}

// Scene is where the buyer's browser runs, seen from one wallet.
type Scene string

// The scenes.
const (
	SceneWallet  Scene = "wallet"  // inside the browser of that very wallet
	ScenePhone   Scene = "phone"   // in any other browser of a phone
	SceneDesktop Scene = "desktop" // everywhere else, the WeChat desktop client included
)

// GatewayName names a company that moves the money.
type GatewayName string

// The gateways.
const (
	ScanForPay GatewayName = "scanforpay"
	Pass2Pay   GatewayName = "pass2pay"
	// ByHand is no gateway: money that a named person says has come in by another road.
	ByHand GatewayName = "manual"
)

// ActionKind is what kind of step a buyer takes next.
type ActionKind string

// The kinds of step.
const (
	ActionNone      ActionKind = ""           // nothing known yet: wait, the gateway is asked
	ActionRedirect  ActionKind = "redirect"   // go to the address; at a desktop it is also drawn as a code
	ActionCode      ActionKind = "code"       // Data is the text of a QR code
	ActionCodeImage ActionKind = "code_image" // Data is the address of a picture of a QR code
	ActionForm      ActionKind = "form"       // Data is a form that the browser sends to the gateway
)

// Payment is one attempt to pay an order. Each has its own number, never used twice.
type Payment struct {
	ID        string `gorm:"primaryKey"`
	OrderID   string
	Number    string // ours, [A-Za-z0-9]{1,32}, unique
	Gateway   GatewayName
	Method    string  // as in the route: jspay, qrcode, ALI_WAP …
	Reference *string // the gateway's number, once known; unique in the gateway
	Wallet    Wallet
	Scene     Scene
	Status    PaymentStatus
	Currency  string
	Amount    int64

	// LiveOrderID equals OrderID while the attempt is the order's live one and is null
	// otherwise. A unique index on it is what allows one live attempt at a time.
	LiveOrderID *string

	Action     ActionKind
	ActionData string

	Failure string // why it failed or was closed, for staff

	CreatedAt   time.Time
	UpdatedAt   time.Time
	ExpiresAt   time.Time  // end of the time we offer it to the buyer
	WatchUntil  time.Time  // until then the gateway may still take the money
	SucceededAt *time.Time // when a verified success was recorded
	ConfirmedAt *time.Time // when an answer strong enough to fulfil on agreed
	// WrittenOffAt is when a named person wrote down that the money of a success that was never
	// confirmed has not come: see Tx.WriteOff.
	WrittenOffAt *time.Time

	// When the sweep asks next; null: not any more. Moving it on from the value one has read
	// is also the lease: the replica whose UPDATE finds that value asks, the others do not.
	CheckAt *time.Time
	Checks  int // how often it has asked
}

// Live reports whether the gateway may be asked to take money for the attempt now.
func (p Payment) Live() bool {
	return p.Status == PaymentCreated || p.Status == PaymentPending
}

// Money returns what the attempt asks for.
func (p Payment) Money() Money { return Money{Amount: p.Amount, Currency: p.Currency} }

// NewPaymentNumber returns a number for a new attempt: letters and digits, at most 32,
// the time first so that a merchant finds it in a gateway's list.
func NewPaymentNumber(now time.Time) string {
	return "P" + now.UTC().Format("060102150405") + randomText(16)
}

// NewOrderNumber returns a number that people can read to each other.
func NewOrderNumber(now time.Time) string {
	return now.UTC().Format("060102") + "-" + strings.ToUpper(randomText(8))
}

// NewRefundNumber returns a number for a new refund, of the same form as a payment's.
func NewRefundNumber(now time.Time) string {
	return "R" + now.UTC().Format("060102150405") + randomText(16)
}

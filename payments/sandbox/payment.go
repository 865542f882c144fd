package sandbox

import (
	"errors"
	"slices"
	"time"
)

// State is where a payment stands.
type State string

// The states of a payment. Nothing leaves Refunded; Paid only becomes Refunded.
const (
	Created  State = "created" // not opened by the buyer yet
	Pending  State = "pending"
	Paid     State = "paid"
	Failed   State = "failed"
	Closed   State = "closed"   // by the merchant or by expiry
	Refunded State = "refunded" // all of it
)

// RefundState is where a refund stands.
type RefundState string

// The states of a refund.
const (
	RefundPending   RefundState = "pending"
	RefundSucceeded RefundState = "succeeded"
	RefundFailed    RefundState = "failed"
	RefundClosed    RefundState = "closed" // Pass2Pay: no result in time
)

// Payment is what a gateway knows about one payment.
type Payment struct {
	Gateway   Gateway   `json:"gateway"`
	Number    string    `json:"number"`    // the merchant's
	Reference string    `json:"reference"` // the gateway's
	Method    string    `json:"method"`    // jspay, qrcode, online; a wayCode; cashier
	Wallet    string    `json:"wallet"`    // wechat, alipay, alipayhk; any at a cashier
	Amount    int64     `json:"amount"`
	Currency  string    `json:"currency"` // as the merchant spelled it
	State     State     `json:"state"`
	Title     string    `json:"title,omitempty"`
	NotifyURL string    `json:"notify_url,omitempty"`
	ReturnURL string    `json:"return_url,omitempty"`
	WalletURL string    `json:"wallet_url"` // the pretend wallet
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	PaidAt    time.Time `json:"paid_at,omitzero"`
	Refunds   []Refund  `json:"refunds,omitempty"`

	ID       string `json:"id"`                  // names the pretend wallet's page
	Channel  string `json:"channel,omitempty"`   // the wallet's own number, once paid
	ClientIP string `json:"client_ip,omitempty"` // the rest: what Pass2Pay echoes
	Body     string `json:"body,omitempty"`
	ExtParam string `json:"ext_param,omitempty"`
}

// Refund is what a gateway knows about one refund.
type Refund struct {
	Number    string      `json:"number"`
	Reference string      `json:"reference"`
	Amount    int64       `json:"amount"`
	State     RefundState `json:"state"`
	NotifyURL string      `json:"notify_url,omitempty"`
	ExtParam  string      `json:"ext_param,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	DoneAt    time.Time   `json:"done_at,omitzero"`
}

// Errors that callers tell apart.
var (
	ErrNoPayment  = errors.New("no such payment")
	ErrNoRefund   = errors.New("no such refund")
	ErrState      = errors.New("the payment's state does not allow this")
	errNumberUsed = errors.New("number used before")
)

// Open reports whether the buyer can still pay.
func (p Payment) Open() bool { return p.State == Created || p.State == Pending }

// Returned is the sum of the refunds that succeeded.
func (p Payment) Returned() int64 { return p.sumOf(RefundSucceeded) }

// rest is what may still be asked back: refunds in progress hold their part.
func (p Payment) rest() int64 { return p.Amount - p.sumOf(RefundSucceeded, RefundPending) }

func (p Payment) sumOf(states ...RefundState) int64 {
	var sum int64
	for _, r := range p.Refunds {
		if slices.Contains(states, r.State) {
			sum += r.Amount
		}
	}
	return sum
}

// pay takes the money. late allows it for a payment that is closed or failed.
func (p *Payment) pay(now time.Time, late bool) error {
	if !p.Open() && (!late || p.State != Closed && p.State != Failed) {
		return ErrState
	}
	p.State = Paid
	p.PaidAt = now
	p.Channel = now.Format("20060102") + p.Reference[len(p.Reference)-10:]
	return nil
}

// end moves an open payment to Failed or Closed.
func (p *Payment) end(to State) error {
	if !p.Open() {
		return ErrState
	}
	p.State = to
	return nil
}

// settleRefund gives a pending refund its result. The payment is Refunded once all of it is.
func (p *Payment) settleRefund(number string, to RefundState, now time.Time) error {
	for i := range p.Refunds {
		r := &p.Refunds[i]
		if r.Number != number {
			continue
		}
		if r.State != RefundPending {
			return ErrState
		}
		r.State, r.DoneAt = to, now
		if p.Returned() == p.Amount {
			p.State = Refunded
		}
		return nil
	}
	return ErrNoRefund
}

// refund returns the refund with the number.
func (p Payment) refund(number string) (Refund, bool) {
	i := slices.IndexFunc(p.Refunds, func(r Refund) bool { return r.Number == number })
	if i < 0 {
		return Refund{}, false
	}
	return p.Refunds[i], true
}

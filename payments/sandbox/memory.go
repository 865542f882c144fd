package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// rememberedPayments bounds the memory. The oldest payment is forgotten first, and with it that
// its number was used.
const rememberedPayments = 100_000

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

// key names a thing of one gateway: gateways do not know each other's numbers.
type key struct {
	gateway Gateway
	number  string
}

type record struct {
	payment Payment
	last    *notice // the notification sent last, for sending it again
}

// memory keeps the payments. Payments that go in or out are copies.
type memory struct {
	mu          sync.Mutex
	limit       int
	byNumber    map[key]*record
	byReference map[key]*record
	byRefund    map[key]*record
	byRefundRef map[key]*record
	byID        map[string]*record
	queue       []*record // oldest first
	serial      int
}

func newMemory(limit int) *memory {
	return &memory{
		limit:       limit,
		byNumber:    map[key]*record{},
		byReference: map[key]*record{},
		byRefund:    map[key]*record{},
		byRefundRef: map[key]*record{},
		byID:        map[string]*record{},
	}
}

// add keeps a new payment under fresh numbers of the gateway, or refuses a number used before.
func (m *memory) add(p Payment) (Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{p.Gateway, p.Number}
	if m.byNumber[k] != nil {
		return Payment{}, errNumberUsed
	}
	p.Reference = m.reference(p.Gateway, "P", p.CreatedAt)
	r := &record{payment: p}
	m.byNumber[k] = r
	m.byReference[key{p.Gateway, p.Reference}] = r
	m.byID[p.ID] = r
	m.queue = append(m.queue, r)
	if len(m.queue) > m.limit {
		m.forget(m.queue[0])
		m.queue = m.queue[1:]
	}
	return p, nil
}

func (m *memory) forget(r *record) {
	p := r.payment
	delete(m.byNumber, key{p.Gateway, p.Number})
	delete(m.byReference, key{p.Gateway, p.Reference})
	delete(m.byID, p.ID)
	for _, refund := range p.Refunds {
		delete(m.byRefund, key{p.Gateway, refund.Number})
		delete(m.byRefundRef, key{p.Gateway, refund.Reference})
	}
}

// reference makes a gateway's own number. ScanForPay's are digits, Pass2Pay's begin with a letter.
func (m *memory) reference(g Gateway, prefix string, now time.Time) string {
	m.serial++
	digits := fmt.Sprintf("%s%06d", now.Format("20060102150405"), m.serial)
	if g == ScanForPay {
		return digits
	}
	return prefix + digits
}

// used reports whether the merchant has used the number for a payment.
func (m *memory) used(g Gateway, number string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byNumber[key{g, number}] != nil
}

// find returns the payment with the gateway's number, or with the merchant's when that is empty.
func (m *memory) find(g Gateway, number, reference string) (Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byNumbers(g, number, reference).copy()
}

// findAnywhere returns the payment with the merchant's number in either gateway, the newer one
// should both know it.
func (m *memory) findAnywhere(number string) (Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, b := m.byNumber[key{ScanForPay, number}], m.byNumber[key{Pass2Pay, number}]
	if a == nil || b != nil && b.payment.CreatedAt.After(a.payment.CreatedAt) {
		a = b
	}
	return a.copy()
}

// findByID returns the payment of a pretend wallet's page.
func (m *memory) findByID(id string) (Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byID[id].copy()
}

// findRefund returns the refund with the gateway's number, or with the merchant's when that is
// empty, and its payment.
func (m *memory) findRefund(g Gateway, number, reference string) (Payment, Refund, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byRefund[key{g, number}]
	if reference != "" {
		r = m.byRefundRef[key{g, reference}]
	}
	p, err := r.copy()
	if err != nil {
		return p, Refund{}, ErrNoRefund
	}
	i := slices.IndexFunc(p.Refunds, func(r Refund) bool {
		return r.Reference == reference || reference == "" && r.Number == number
	})
	return p, p.Refunds[i], nil
}

// all returns every payment, the oldest first.
func (m *memory) all() []Payment {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Payment, len(m.queue))
	for i, r := range m.queue {
		list[i], _ = r.copy()
	}
	return list
}

// change runs f on a payment while nobody else can see it. What f changed is kept unless it
// returns an error.
func (m *memory) change(g Gateway, number string, f func(p *Payment) error) (Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byNumber[key{g, number}]
	p, err := r.copy()
	if err != nil {
		return p, err
	}
	if err := f(&p); err != nil {
		return p, err
	}
	r.payment = p
	return r.copy()
}

// addRefund adds a refund under a fresh reference, within change.
func (m *memory) addRefund(p *Payment, refund Refund) Refund {
	refund.Reference = m.reference(p.Gateway, "R", refund.CreatedAt)
	p.Refunds = append(p.Refunds, refund)
	r := m.byNumber[key{p.Gateway, p.Number}]
	m.byRefund[key{p.Gateway, refund.Number}] = r
	m.byRefundRef[key{p.Gateway, refund.Reference}] = r
	return refund
}

// refundUsed reports whether the merchant has used the refund number, within change.
func (m *memory) refundUsed(g Gateway, number string) bool {
	return m.byRefund[key{g, number}] != nil
}

// remember keeps the notification sent last for a payment.
func (m *memory) remember(p Payment, n notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byNumber[key{p.Gateway, p.Number}]; r != nil {
		r.last = &n
	}
}

// lastNotice returns the notification sent last for a payment, nil when none was.
func (m *memory) lastNotice(p Payment) *notice {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.byNumber[key{p.Gateway, p.Number}]; r != nil {
		return r.last
	}
	return nil
}

func (m *memory) byNumbers(g Gateway, number, reference string) *record {
	if reference != "" {
		return m.byReference[key{g, reference}]
	}
	return m.byNumber[key{g, number}]
}

// copy returns the payment so that nothing of it is shared, or ErrNoPayment for no record.
func (r *record) copy() (Payment, error) {
	if r == nil {
		return Payment{}, ErrNoPayment
	}
	p := r.payment
	p.Refunds = slices.Clone(p.Refunds)
	return p, nil
}

// newID returns 130 random bits as lower-case letters and digits.
func newID() string { return strings.ToLower(rand.Text()) }

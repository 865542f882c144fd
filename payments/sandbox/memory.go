package sandbox

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// rememberedPayments bounds the memory. The oldest payment is forgotten first, and with it that
// its number was used.
const rememberedPayments = 100_000

// key names a thing of one gateway: gateways do not know each other's numbers.
type key struct {
	gateway Gateway
	number  string
}

type record struct {
	payment Payment
	last    *notice // the notification sent last, for sending it again
	undo    func()  // what was arranged for the payment
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

// add keeps a new payment under a fresh number of the gateway, or refuses a number used before.
// arrange sets up what else belongs to the payment before anyone can see it, and returns what
// undoes that once the payment is forgotten.
func (m *memory) add(p Payment, arrange func(Payment) (undo func())) (Payment, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{p.Gateway, p.Number}
	if m.byNumber[k] != nil {
		return Payment{}, errNumberUsed
	}
	p.Reference = m.reference(p.Gateway, "P", p.CreatedAt)
	r := &record{payment: p, undo: arrange(p)}
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
	r.undo()
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

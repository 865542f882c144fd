package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Action is what a buyer, or time, does to a payment.
type Action string

// The actions. Cancel leaves without paying: the payment stays as it is.
const (
	Pay    Action = "pay"
	Fail   Action = "fail"
	Cancel Action = "cancel"
	Expire Action = "expire"
)

// newPayment returns a payment with what all payments have.
func (s *Sandbox) newPayment(g Gateway, number, method string, now time.Time) Payment {
	id := newID()
	return Payment{
		Gateway:   g,
		ID:        id,
		Number:    number,
		Method:    method,
		State:     Pending,
		WalletURL: s.config.PublicURL + "/sandbox/wallet/" + id,
		CreatedAt: now,
	}
}

// accept keeps a new payment, has it expire in time, and lets the buyer be faster than the
// answer when a fault says so.
func (s *Sandbox) accept(c *call, p Payment) (Payment, error) {
	p, err := s.memory.add(p, s.watchExpiry)
	if err != nil {
		return p, err
	}
	if p.Open() && c.has(FaultNotifyFirst) {
		return s.act(p, Pay, NotifyBefore)
	}
	return p, nil
}

// watchExpiry has a payment closed when its time is over, and returns what undoes that.
func (s *Sandbox) watchExpiry(p Payment) (undo func()) {
	expiry := s.clock.at(p.ExpiresAt, func() { s.expire(p.Gateway, p.Number) })
	return func() { s.clock.cancel(expiry) }
}

// startRefund adds a refund to a payment, within memory.change, and gives it its result unless a
// fault keeps it open.
func (s *Sandbox) startRefund(c *call, p *Payment, r Refund) {
	r.State, r.CreatedAt = RefundPending, c.At
	r = s.memory.addRefund(p, r)
	switch {
	case c.has(FaultRefundPending):
	case c.has(FaultRefundFails):
		p.settleRefund(r.Number, RefundFailed, c.At)
	default:
		p.settleRefund(r.Number, RefundSucceeded, c.At)
	}
}

// Payments returns all payments that are remembered, the oldest first.
func (s *Sandbox) Payments() []Payment {
	s.clock.settle()
	return s.memory.all()
}

// Payment returns the payment with the merchant's number, or ErrNoPayment. Should both gateways
// know the number, the newer payment counts, here and below.
func (s *Sandbox) Payment(number string) (Payment, error) {
	s.clock.settle()
	return s.memory.findAnywhere(number)
}

// Pay takes the money of a payment and has the shop notified.
func (s *Sandbox) Pay(number string) (Payment, error) { return s.Act(number, Pay, NotifyBefore) }

// Act does what a buyer can do in the pretend wallet, and returns the payment as it stands then.
// It fails with ErrNoPayment, or with ErrState when the payment is not open.
func (s *Sandbox) Act(number string, a Action, when Notify) (Payment, error) {
	p, err := s.Payment(number)
	if err != nil {
		return p, err
	}
	return s.act(p, a, when)
}

func (s *Sandbox) act(p Payment, a Action, when Notify) (Payment, error) {
	if !slices.Contains([]Notify{"", NotifyBefore, NotifyAfter, NotifyNever}, when) {
		return p, fmt.Errorf("the shop can be notified before, after or never, not %q", when)
	}
	c := s.begin(p.Gateway, OpPay)
	c.Number = p.Number
	p, err := s.memory.change(p.Gateway, p.Number, func(p *Payment) error { return c.apply(p, a) })
	c.Verdict = string(p.State)
	if err != nil {
		c.Verdict, c.Reason = "refused", fmt.Sprintf("%s: %s: the payment is %s", a, err, p.State)
	}
	c.record(nil, nil)
	if err == nil && a != Cancel {
		s.announce(p, when)
	}
	return p, err
}

func (c *call) apply(p *Payment, a Action) error {
	switch a {
	case Pay:
		late := !p.Open() && c.has(FaultLatePayment)
		return p.pay(c.At, late)
	case Fail:
		return p.end(Failed)
	case Expire:
		return p.end(Closed)
	case Cancel:
		if !p.Open() {
			return ErrState
		}
		return nil
	}
	return fmt.Errorf("there is no action %q", a)
}

// expire closes a payment whose time is over, if it is still open.
func (s *Sandbox) expire(g Gateway, number string) {
	p, err := s.memory.change(g, number, func(p *Payment) error { return p.end(Closed) })
	if err == nil {
		s.spawn(func() { s.announce(p, NotifyBefore) })
	}
}

// open notes that a buyer looks at a payment.
func (s *Sandbox) open(p Payment) Payment {
	opened, err := s.memory.change(p.Gateway, p.Number, func(p *Payment) error {
		if p.State == Created {
			p.State = Pending
		}
		return nil
	})
	if err != nil {
		return p
	}
	return opened
}

// SettleRefund gives a refund that is in progress its result. It fails with ErrNoRefund, or with
// ErrState when the refund has a result.
func (s *Sandbox) SettleRefund(number string, to RefundState) error {
	err := s.settleRefund(ScanForPay, number, to)
	if errors.Is(err, ErrNoRefund) {
		err = s.settleRefund(Pass2Pay, number, to)
	}
	return err
}

func (s *Sandbox) settleRefund(g Gateway, number string, to RefundState) error {
	p, _, err := s.memory.findRefund(g, number, "")
	if err != nil {
		return err
	}
	p, err = s.memory.change(g, p.Number, func(p *Payment) error {
		return p.settleRefund(number, to, s.clock.now())
	})
	if err != nil {
		return err
	}
	r, _ := p.refund(number)
	s.announceRefund(p, r)
	return nil
}

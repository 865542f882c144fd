package pay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"saoma/models"
)

// state is what the order page is about.
type state string

// The states of the order page.
const (
	stateWaiting    state = "waiting"    // an attempt is under way: a code or a button to pay with
	stateChoose     state = "choose"     // nothing is under way: choose how to pay
	stateConfirming state = "confirming" // paid, but no proof yet that goods may be handed over on
	statePaid       state = "paid"
	stateReview     state = "review" // staff look at what happened to the money
	stateExpired    state = "expired"
	stateCanceled   state = "canceled"
	stateNotPaid    state = "not_paid" // it counted as paid without a proof, and the money never came

	// At a desktop that shows one code for every wallet, instead of the first two.
	stateScan      state = "scan"      // no phone has begun to pay
	stateConnected state = "connected" // a phone has
)

// afterglow is how long a page goes on watching an order that was closed unpaid, for the buyer
// who paid in its last seconds.
const afterglow = 2 * time.Minute

// standing is how one order stands at one moment, as a page or a program is told.
type standing struct {
	order  *models.Order
	review bool // an incident of the order is open
	now    time.Time
}

// standing reads how the order with the token stands.
func (p *Pages) standing(ctx context.Context, token string) (standing, error) {
	order, err := p.store.OrderByToken(ctx, token)
	if err != nil {
		return standing{}, err
	}
	review, err := p.store.HasOpenIncident(ctx, order.ID)
	if err != nil {
		return standing{}, err
	}
	return standing{order: order, review: review, now: p.store.Now()}, nil
}

// state decides what the page is about. Money that is being looked at comes before everything
// but a proven payment, so that nobody is asked to pay twice.
func (s standing) state() state {
	switch {
	case s.confirmed():
		return statePaid
	case s.review:
		return stateReview
	case s.writtenOff():
		return stateNotPaid
	case s.paid():
		return stateConfirming
	case s.order.Status == models.OrderCanceled:
		return stateCanceled
	case s.order.Status == models.OrderExpired || !s.now.Before(s.order.ExpiresAt):
		return stateExpired
	case s.attempt() == nil:
		return stateChoose
	default:
		return stateWaiting
	}
}

func (s standing) paid() bool {
	return s.order.Status == models.OrderPaid || s.order.Status == models.OrderFulfilled
}

// confirmed reports whether the order is paid beyond doubt.
func (s standing) confirmed() bool {
	payment := s.payment()
	return s.order.Status == models.OrderFulfilled ||
		s.paid() && payment != nil && payment.ConfirmedAt != nil
}

// writtenOff reports whether staff have found that the money which paid the order never came.
func (s standing) writtenOff() bool {
	payment := s.payment()
	return s.paid() && payment != nil && payment.WrittenOffAt != nil
}

// attempt returns the attempt that the buyer may pay now, nil when there is none.
func (s standing) attempt() *models.Payment {
	i := slices.IndexFunc(s.order.Payments, func(p models.Payment) bool {
		return p.LiveOrderID != nil && p.Live() && s.now.Before(p.ExpiresAt)
	})
	if i < 0 || s.order.Status != models.OrderPending {
		return nil
	}
	return &s.order.Payments[i]
}

// payment returns the payment that tells most about the order: the one that paid it, else the
// one under way, else the newest. Nil when payment was never tried.
func (s standing) payment() *models.Payment {
	payments := s.order.Payments
	if id := s.order.PaymentID; id != nil {
		if i := slices.IndexFunc(payments, func(p models.Payment) bool { return p.ID == *id }); i >= 0 {
			return &payments[i]
		}
	}
	if live := s.attempt(); live != nil {
		return live
	}
	if len(payments) == 0 {
		return nil
	}
	return &payments[0]
}

// worthAsking reports whether asking the gateways can change something: the payment is not yet
// proven, or a gateway may still take money for some attempt.
func (s standing) worthAsking() bool {
	if s.writtenOff() {
		return s.payment().CheckAt != nil
	}
	if s.paid() {
		return !s.confirmed()
	}
	return slices.ContainsFunc(s.order.Payments, func(p models.Payment) bool {
		return p.Status != models.PaymentSucceeded && p.CheckAt != nil
	})
}

// final reports whether the page need not watch the order any more.
func (s standing) final() bool {
	switch s.state() {
	case statePaid, stateNotPaid:
		return true
	case stateExpired, stateCanceled:
		return s.order.Status != models.OrderPending && s.now.After(s.order.UpdatedAt.Add(afterglow))
	default:
		return false
	}
}

// version changes whenever a page of the order would look different, so that a page knows by
// one comparison whether it is still right.
func (s standing) version() string {
	text := fmt.Sprint(s.state(), s.order.Status, s.review, s.final())
	if payment := s.payment(); payment != nil {
		text += fmt.Sprint(payment.ID, payment.Status, payment.Action)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

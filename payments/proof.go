package payments

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"saoma/models"
)

// ErrUnproven: no kept message says that the order is paid. For an order that counts as paid this
// must never be.
var ErrUnproven = errors.New("no message of a gateway proves that the order is paid")

// Proof is why an order counts as paid.
type Proof struct {
	Gateway   models.GatewayName
	Merchant  string // whom the message names; empty unless Verifies
	Number    string // our number of the attempt
	Reference string // the gateway's
	Money     models.Money
	PaidAt    time.Time // by the gateway's clock; zero when it does not tell, or unless Verifies

	By    Operation // what the message was that paid it: OpNotification or OpQuery; models.ActMarkPaid: none did
	Place int64     // of the message in the order's chain of evidence
	At    time.Time // when it was recorded

	// What the message was that was strong enough to fulfil on. Empty: there is none yet.
	ConfirmedBy Operation
	ConfirmedAt time.Time

	// Person is who marked the order as paid by hand. There is no message then: it rests on the
	// person's word, which needs no key.
	Person string

	// Verifies is whether the message verifies with the key that is configured now. After a change
	// of keys it does not; what is told then is what was recorded when it did.
	Verifies bool
}

// Proof finds the message that paid an order among the evidence for it, verifies it anew, and says
// what it proves. ErrUnproven: there is no such message, or it says something else than what was
// recorded. Whether the evidence is as it was written is for models.VerifyChain to say.
func (s *Service) Proof(o *models.Order, evidence []models.Evidence) (Proof, error) {
	if o.PaidAt == nil || o.PaymentID == nil {
		return Proof{}, fmt.Errorf("order %s is not paid: %w", o.Number, ErrUnproven)
	}
	p := paymentIn(o, *o.PaymentID)
	pays := func(e models.Evidence) bool { return decidedBy(e, p.ID, ruleSuccess) }
	if p.Gateway == models.ByHand {
		pays = func(e models.Evidence) bool { return markedBy(e, p.ID) }
	}
	paying := slices.IndexFunc(evidence, pays)
	if paying < 0 {
		return Proof{}, fmt.Errorf("order %s: %w", o.Number, ErrUnproven)
	}
	message := evidence[paying]
	proof := Proof{
		Gateway: p.Gateway, Number: p.Number, Money: p.Money(),
		By: Operation(message.Operation), Place: message.Seq, At: message.CreatedAt,
	}
	if p.Reference != nil {
		proof.Reference = *p.Reference
	}
	if p.ConfirmedAt != nil {
		proof.ConfirmedBy, proof.ConfirmedAt = confirmedBy(*p, evidence), *p.ConfirmedAt
	}
	if p.Gateway == models.ByHand {
		proof.Person, proof.Verifies = message.Rule, true
		return proof, nil
	}
	r, err := s.reread(message, p.Number)
	if unverifiable(err) {
		return proof, nil
	}
	if err == nil {
		err = sameAsRecorded(*p, r)
	}
	if err != nil {
		return Proof{}, fmt.Errorf("order %s: %w: evidence %d: %w", o.Number, ErrUnproven, message.Seq, err)
	}
	proof.Merchant, proof.PaidAt, proof.Verifies = r.Merchant, r.PaidAt, true
	return proof, nil
}

// decidedBy reports whether a message about the payment changed something by one of the rules.
func decidedBy(e models.Evidence, paymentID string, rules ...string) bool {
	return e.PaymentID != nil && *e.PaymentID == paymentID && e.Verdict == verdictAccepted && slices.Contains(rules, e.Rule)
}

// markedBy reports whether an act marked the order as paid by hand with the payment.
func markedBy(e models.Evidence, paymentID string) bool {
	return e.PaymentID != nil && *e.PaymentID == paymentID && e.Direction == models.ByStaff && e.Operation == models.ActMarkPaid
}

// confirmedBy is what the message was that confirmed the payment: it was kept just after that.
func confirmedBy(p models.Payment, evidence []models.Evidence) Operation {
	i := slices.IndexFunc(evidence, func(e models.Evidence) bool {
		return decidedBy(e, p.ID, ruleSuccess, ruleAgrees, ruleRefunded) && !e.CreatedAt.Before(*p.ConfirmedAt)
	})
	if i < 0 {
		return ""
	}
	return Operation(evidence[i].Operation)
}

// sameAsRecorded compares a success that is read again with what was recorded of it.
func sameAsRecorded(p models.Payment, r Report) error {
	switch _, _, rule := mismatch(p, r, facts{merchant: r.Merchant}); {
	case rule != "":
		return errors.New(rule)
	case r.Number != p.Number:
		return fmt.Errorf("the message names attempt %s", r.Number)
	case r.State != StateSucceeded:
		return fmt.Errorf("the message says %s", r.State)
	}
	return nil
}

// reread reads a kept notification, or a kept answer to a query about the attempt with the number,
// with the key that is configured now.
func (s *Service) reread(e models.Evidence, number string) (Report, error) {
	account, on := s.accounts[e.Gateway]
	if !on {
		return Report{}, errSwitchedOff
	}
	if Operation(e.Operation) == OpNotification {
		return account.Gateway.ParseNotification("", e.Response)
	}
	return account.Gateway.ReadQuery(number, Exchange{Request: e.Request, Response: e.Response})
}

var errSwitchedOff = errors.New("the gateway is switched off")

// unverifiable reports whether a kept message cannot be verified any more, which says nothing about
// what was decided by it.
func unverifiable(err error) bool {
	return errors.Is(err, ErrSignature) || errors.Is(err, errSwitchedOff)
}

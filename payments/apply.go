package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"saoma/models"
)

// Apply records a verified report and does what it leads to, in one transaction: the message is
// kept as evidence, the payment moves, the order moves, an incident is opened. It is the one road
// from a gateway's word into "paid", for notifications, returns, sweeps and staff who ask alike; what
// people do beside it are MarkPaid and Revive. The same report may be applied any number of times, by
// several processes at once, and in any order with others.
//
// Nil means that everything is on disk. ErrUnknownOrder: the report names no attempt of ours.
func (s *Service) Apply(ctx context.Context, r Report, op Operation) error {
	known, err := s.store.PaymentByNumber(ctx, r.Number)
	if errors.Is(err, models.ErrPaymentNotFound) {
		return s.refuseUnknown(ctx, r, op)
	}
	if err != nil {
		return err
	}
	kept := func(digest string) (bool, error) { return s.store.HasEvidence(ctx, known.ID, digest) }
	if done, err := alreadyKept(known, r, op, kept); done || err != nil {
		return err
	}
	err = s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(known.OrderID)
		if err != nil {
			return err
		}
		payment := paymentIn(order, known.ID)
		kept := func(digest string) (bool, error) { return tx.HasEvidence(known.ID, digest) }
		if done, err := alreadyKept(payment, r, op, kept); done || err != nil {
			return cmp.Or(err, errRepeat) // the same message was before this one in the line
		}
		d, err := s.decideLocked(tx, *payment, r, op)
		if err != nil {
			return err
		}
		if err := s.carryOut(tx, order, payment, r, d); err != nil {
			return err
		}
		models.KillPoint("apply.before_commit")
		if enough, err := enough(tx, payment, op, d.verdict); enough || err != nil {
			return err
		}
		e := evidenceOf(payment, r.Exchange, op, d.verdict, d.rule)
		e.Gateway = r.Gateway // who said it, which need not be where the attempt was made
		return tx.AddEvidence(order, e)
	})
	if errors.Is(err, errRepeat) {
		return nil
	}
	return err
}

// errRepeat ends the transaction of a repeat. It has nothing to commit, so the next in the line need
// not wait for the disk.
var errRepeat = errors.New("the message is kept already")

// alreadyKept tells a byte-identical repeat about a payment that has come to its end, which changes
// nothing. What an answer to a query means depends on when it comes.
func alreadyKept(p *models.Payment, r Report, op Operation, kept func(digest string) (bool, error)) (bool, error) {
	if p.Status != models.PaymentSucceeded || p.Gateway != r.Gateway || op == OpQuery {
		return false, nil
	}
	return kept(models.MessageDigest(r.Exchange.Request, r.Exchange.Response))
}

func (s *Service) decideLocked(tx *models.Tx, p models.Payment, r Report, op Operation) (decision, error) {
	f := facts{now: tx.Now()}
	if a, on := s.accounts[r.Gateway]; on {
		f.merchant = a.Gateway.Merchant()
	}
	var err error
	if r.Reference != "" {
		if f.referenceTaken, err = tx.ReferenceTaken(&p, r.Reference); err != nil {
			return decision{}, err
		}
	}
	if r.State == StateRefunded || r.State == StateGivenBack {
		refunds, err := tx.RefundsOf(&p)
		if err != nil {
			return decision{}, err
		}
		for _, refund := range refunds {
			f.add(p, refund)
		}
	}
	return decide(p, r, f, op), nil
}

// carryOut moves the payment and the order as decided.
func (s *Service) carryOut(tx *models.Tx, o *models.Order, p *models.Payment, r Report, d decision) error {
	if d.incident != "" {
		i := incidentOf(p, r, d.incident, d.rule)
		i.Cause = d.cause
		if _, err := tx.OpenIncident(i); err != nil {
			return err
		}
		if d.move == "" {
			return nil // an unusable message leaves no other trace
		}
	}
	if d.refunded {
		if err := s.refundedElsewhere(tx, p); err != nil {
			return err
		}
	}
	change := models.PaymentChange{Reference: r.Reference}
	if d.confirm {
		change.ConfirmedAt = tx.Now()
	}
	if d.move == "" {
		return s.changeOnly(tx, o, p, change, d)
	}
	if d.move == models.PaymentFailed || d.move == models.PaymentClosed {
		change.Failure = d.rule
	}
	moved, err := tx.MovePayment(p, d.move, change)
	if err != nil {
		return err
	}
	if !moved {
		return fmt.Errorf("%w: payment %s did not move to %s while it was locked", models.ErrBroken, p.Number, d.move)
	}
	if err := s.scheduleAfter(tx, p); err != nil {
		return err
	}
	if !d.paid {
		return nil
	}
	return s.settleOrder(tx, o, p, r)
}

// changeOnly carries out what leaves the payment in its status.
func (s *Service) changeOnly(tx *models.Tx, o *models.Order, p *models.Payment, change models.PaymentChange, d decision) error {
	if d.confirm {
		if err := tx.ResolveConflicts(p, models.CauseDenied, "the gateway now says that it was paid"); err != nil {
			return err
		}
	}
	if d.doubtful {
		if err := askOnceMore(tx, p); err != nil {
			return err
		}
	}
	if err := tx.ChangePayment(p, change); err != nil || !d.confirm || d.refunded {
		return err
	}
	return s.refundSurplus(tx, o)
}

// settleOrder finds the use for money that has come in: it pays the order, or it is an incident.
func (s *Service) settleOrder(tx *models.Tx, o *models.Order, p *models.Payment, r Report) error {
	if o.Status != models.OrderPending {
		return s.settleSurplus(tx, o, p, r)
	}
	if _, err := tx.MarkPaid(o, p); err != nil {
		return err
	}
	if other := liveOf(o); other != nil { // begun after this one was given up: close it now
		return tx.SetCheck(other, tx.Now())
	}
	return nil
}

// settleSurplus does what the shop's policy says, at this moment, with money that nobody waits for.
func (s *Service) settleSurplus(tx *models.Tx, o *models.Order, p *models.Payment, r Report) error {
	if o.Status == models.OrderPaid || o.Status == models.OrderFulfilled {
		if _, err := tx.OpenIncident(incidentOf(p, r, models.IncidentDuplicatePayment, "the order was paid already")); err != nil {
			return err
		}
		return s.refundSurplus(tx, o)
	}
	settings, err := tx.Settings()
	if err != nil {
		return err
	}
	late := incidentOf(p, r, models.IncidentLatePayment, fmt.Sprintf("paid after the order was %s", o.Status))
	if settings.LatePayment == models.FulfilOrRefund {
		revived, err := tx.MarkPaid(o, p)
		if err != nil {
			return err
		}
		if revived {
			late.Status, late.Resolution = models.IncidentResolved, "the order was revived: its stock could be taken again"
		}
	}
	if _, err := tx.OpenIncident(late); err != nil {
		return err
	}
	return s.refundSurplus(tx, o)
}

// refundSurplus gives back, if the shop's policy says so, what is too much or came too late. It waits for the
// proof of that money, without which a gateway may refuse to refund it, and for that of what paid the order:
// until then the other may be the only money that there is.
func (s *Service) refundSurplus(tx *models.Tx, o *models.Order) error {
	kind, reason := models.IncidentLatePayment, "paid too late, and the stock was gone"
	if o.PaymentID != nil {
		kind, reason = models.IncidentDuplicatePayment, "paid twice"
		if paymentIn(o, *o.PaymentID).ConfirmedAt == nil {
			return nil
		}
	}
	for i := range o.Payments {
		p := &o.Payments[i]
		pays := o.PaymentID != nil && *o.PaymentID == p.ID
		if pays || p.Status != models.PaymentSucceeded || p.ConfirmedAt == nil {
			continue
		}
		unwanted, err := s.unwanted(tx, p, kind)
		if err == nil && unwanted {
			err = s.refundByPolicy(tx, o, p, reason)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unwanted reports whether the payment is open as such an incident, which the shop's policy settles by a refund.
func (s *Service) unwanted(tx *models.Tx, p *models.Payment, kind models.IncidentKind) (bool, error) {
	open, err := tx.HasOpenOf(p, kind)
	if err != nil || !open {
		return false, err
	}
	settings, err := tx.Settings()
	if kind == models.IncidentDuplicatePayment {
		return settings.DuplicatePayment == models.RefundAlways, err
	}
	return settings.LatePayment == models.FulfilOrRefund, err
}

// scheduleAfter sets when a payment that has just moved is asked about next: at once when a query
// has to confirm it, a day later when it is confirmed, as before when it failed or was closed.
func (s *Service) scheduleAfter(tx *models.Tx, p *models.Payment) error {
	if p.Status != models.PaymentSucceeded {
		return nil
	}
	next := tx.Now()
	if p.ConfirmedAt != nil {
		next = next.Add(24 * time.Hour)
	}
	return tx.SetCheck(p, next)
}

// refuseUnknown notes an authentic message about an attempt that we do not have.
func (s *Service) refuseUnknown(ctx context.Context, r Report, op Operation) error {
	err := s.store.Tx(ctx, func(tx *models.Tx) error {
		first, err := tx.OpenIncident(incidentOf(nil, r, models.IncidentUnknownOrder,
			fmt.Sprintf("%s reports %s for a number that the shop does not know", r.Gateway, r.State)))
		if err != nil || !first {
			return err
		}
		e := models.Evidence{
			Gateway: r.Gateway, Direction: models.Received, Operation: string(op),
			Request: r.Exchange.Request, Response: r.Exchange.Response,
			Verdict: verdictIncident, Rule: "no attempt has this number",
		}
		return tx.AddEvidence(nil, e)
	})
	if err != nil {
		return err
	}
	return ErrUnknownOrder
}

// incidentOf is what a message found. Messages that say the same, by the same rule, are one finding;
// one that says something else is another, which nobody has settled yet.
func incidentOf(p *models.Payment, r Report, kind models.IncidentKind, rule string) models.Incident {
	says := models.MessageDigest(fmt.Appendf(nil, "%s/%s/%d%s/%s", r.Number, r.Reference, r.Money.Amount, r.Money.Currency, r.Merchant), []byte(rule))
	i := models.Incident{
		Kind: kind, Gateway: r.Gateway, Number: r.Number, Detail: rule,
		Currency: r.Money.Currency, Amount: r.Money.Amount,
		DedupKey: fmt.Sprintf("%s/%s/%s/%s/%s", kind, r.State, r.Gateway, says, r.Number),
	}
	if p != nil {
		i.OrderID, i.PaymentID = &p.OrderID, &p.ID
	}
	return i
}

func evidenceOf(p *models.Payment, e Exchange, op Operation, verdict, rule string) models.Evidence {
	direction := models.Sent
	if op == OpNotification {
		direction = models.Received
	}
	return models.Evidence{
		PaymentID: &p.ID, Gateway: p.Gateway, Direction: direction, Operation: string(op),
		Request: e.Request, Response: e.Response, Verdict: verdict, Rule: rule,
	}
}

func paymentIn(o *models.Order, id string) *models.Payment {
	i := slices.IndexFunc(o.Payments, func(p models.Payment) bool { return p.ID == id })
	return &o.Payments[i]
}

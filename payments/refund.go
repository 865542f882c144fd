package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saoma/models"
)

// OpRefund and OpRefundQuery name the exchanges about refunds in evidence.
const (
	OpRefund      Operation = "refund"
	OpRefundQuery Operation = "refund_query"
)

// refundStuckAfter is how long a refund may stay without a result before staff must know.
const refundStuckAfter = time.Hour

// refundReason is the text that gateways are given: fixed words of ours, never anybody's input.
const refundReason = "refund by the shop"

// Refund gives back part or all of a payment. The refund is stored under its own number before the
// gateway hears of it; whatever happens then, the sweep brings it to its end, at most once. The
// result may still be pending. Refused with models.ErrNothingToRefund and models.ErrRefundTooMuch.
func (s *Service) Refund(ctx context.Context, paymentNumber string, amount int64, reason string) (*models.Refund, error) {
	p, err := s.store.PaymentByNumber(ctx, paymentNumber)
	if err != nil {
		return nil, err
	}
	r := newRefund(s.store.Now(), amount, reason)
	err = s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(p.OrderID)
		if err != nil {
			return err
		}
		return tx.AddRefund(order, paymentIn(order, p.ID), r)
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.refundDue(ctx, r); err != nil {
		s.log.Warn("refund has no result yet", "refund", r.Number, "payment", p.Number, "err", err)
	}
	return s.store.RefundByNumber(ctx, r.Number)
}

func newRefund(now time.Time, amount int64, reason string) *models.Refund {
	return &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(now), Amount: amount, Reason: reason}
}

// refundByPolicy refunds the rest of a payment for which the shop has no use.
func (s *Service) refundByPolicy(tx *models.Tx, o *models.Order, p *models.Payment, reason string) error {
	taken, err := tx.Refunded(p)
	if err != nil || taken >= p.Amount {
		return err
	}
	return tx.AddRefund(o, p, newRefund(tx.Now(), p.Amount-taken, reason))
}

// refundDue takes the turn to carry a refund out, does so, and sets the next time. False: it is
// another replica's turn.
func (s *Service) refundDue(ctx context.Context, r *models.Refund) (bool, error) {
	until := s.store.Now().Add(checkLease)
	if claimed, err := s.store.ClaimRefund(ctx, r, until); err != nil || !claimed {
		return false, err
	}
	models.KillPoint("refund.claimed")
	err := s.carryOutRefund(ctx, r)
	age := s.store.Now().Sub(r.CreatedAt)
	next := s.store.Now().Add(time.Hour)
	for _, d := range checkAfter {
		if d > age {
			next = r.CreatedAt.Add(d)
			break
		}
	}
	return true, errors.Join(err, s.store.ScheduleRefund(ctx, r, until, next))
}

// carryOutRefund sends a refund, or asks what became of one that was sent before, always under the
// same number.
func (s *Service) carryOutRefund(ctx context.Context, r *models.Refund) error {
	order, err := s.store.OrderByID(ctx, r.OrderID)
	if err != nil {
		return err
	}
	p := paymentIn(order, r.PaymentID)
	account, on := s.accounts[p.Gateway]
	if !on {
		return &CallError{Outcome: NotSent, Err: errors.New("the gateway is switched off")}
	}
	request := RefundRequest{
		PaymentNumber: p.Number, RefundNumber: r.Number,
		Money: models.Money{Amount: r.Amount, Currency: r.Currency}, Reason: refundReason,
	}
	repeated := r.Checks > 0
	op := OpRefund
	var report RefundReport
	err = &CallError{Outcome: NotFound}
	if repeated {
		op = OpRefundQuery
		report, err = account.Gateway.QueryRefund(ctx, request)
	}
	blind := OutcomeOf(err) == Unsupported // the gateway cannot tell: only the same request again can
	if err != nil && (blind || OutcomeOf(err) == NotFound) {
		op = OpRefund
		report, err = account.Gateway.Refund(ctx, request)
	}
	if OutcomeOf(err) == Unsupported && repeated {
		return s.ask(ctx, p) // staff may have refunded it on the gateway's own pages
	}
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	models.KillPoint("refund.answered")
	return errors.Join(err, s.recordRefund(keep, r, report, err, op, repeated && blind))
}

// recordRefund keeps what the gateway said about a refund, and moves the refund. doubtful: the
// refund was sent before without an answer, and the gateway cannot tell what became of it; then a
// refusal may mean that the first one went through, and a person has to look.
func (s *Service) recordRefund(ctx context.Context, r *models.Refund, report RefundReport, callErr error, op Operation, doubtful bool) error {
	return s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(r.OrderID)
		if err != nil {
			return err
		}
		p := paymentIn(order, r.PaymentID)
		verdict, rule, err := s.moveRefund(tx, p, r, report, callErr, doubtful)
		if err != nil {
			return err
		}
		models.KillPoint("refund.before_commit")
		if report.Exchange.Request == nil && report.Exchange.Response == nil {
			return nil // nothing left us
		}
		return tx.AddEvidence(order, evidenceOf(p, report.Exchange, op, verdict, rule))
	})
}

func (s *Service) moveRefund(tx *models.Tx, p *models.Payment, r *models.Refund, report RefundReport, callErr error, doubtful bool) (verdict, rule string, err error) {
	current := *r // the function may run again
	switch {
	case callErr != nil && OutcomeOf(callErr) == Unsupported:
		rule = "the gateway takes no refunds from the shop: refund it on the gateway's own pages"
		return verdictIncident, rule, s.refundStuck(tx, p, r, rule)
	case callErr != nil:
		return verdictUnknown, callErr.Error(), s.notePending(tx, p, r, callErr.Error())
	case report.State == models.RefundSucceeded:
		if _, err := tx.MoveRefund(&current, models.RefundSucceeded, ""); err != nil {
			return "", "", err
		}
		return verdictAccepted, "refunded", s.resolveRefunded(tx, p)
	case report.State == models.RefundFailed && !doubtful:
		if _, err := tx.MoveRefund(&current, models.RefundFailed, report.Message); err != nil {
			return "", "", err
		}
		rule = "the gateway refused the refund: " + report.Message
		return verdictAccepted, rule, s.refundStuck(tx, p, r, rule)
	case report.State == models.RefundFailed:
		rule = "the gateway refuses the refund now, but an earlier call may have gone through: " + report.Message
		return verdictIncident, rule, s.refundStuck(tx, p, r, rule)
	default:
		return verdictIgnored, "the gateway is still working on it", s.notePending(tx, p, r, report.Message)
	}
}

// notePending keeps why there is no result, and tells staff when that has lasted.
func (s *Service) notePending(tx *models.Tx, p *models.Payment, r *models.Refund, why string) error {
	if err := tx.NoteRefund(r, why); err != nil {
		return err
	}
	if tx.Now().Sub(r.CreatedAt) < refundStuckAfter {
		return nil
	}
	return s.refundStuck(tx, p, r, "no result for an hour: "+why)
}

func (s *Service) refundStuck(tx *models.Tx, p *models.Payment, r *models.Refund, detail string) error {
	_, err := tx.OpenIncident(models.Incident{
		Kind: models.IncidentRefundStuck, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, Number: p.Number,
		Currency: r.Currency, Amount: r.Amount, Detail: fmt.Sprintf("refund %s: %s", r.Number, detail),
		DedupKey: "refund_stuck/" + r.Number,
	})
	return err
}

// refundedElsewhere records that the gateway holds nothing of the payment any more, so that the
// refunds that were pending have gone through, whoever carried them out.
func (s *Service) refundedElsewhere(tx *models.Tx, p *models.Payment) error {
	pending, err := tx.PendingRefunds(p)
	if err != nil {
		return err
	}
	for i := range pending {
		if _, err := tx.MoveRefund(&pending[i], models.RefundSucceeded, ""); err != nil {
			return err
		}
	}
	return s.resolveRefunded(tx, p)
}

// resolveRefunded settles what a refund settles once everything has been given back.
func (s *Service) resolveRefunded(tx *models.Tx, p *models.Payment) error {
	taken, err := tx.Refunded(p)
	if err != nil || taken < p.Amount {
		return err
	}
	kinds := []models.IncidentKind{models.IncidentDuplicatePayment, models.IncidentLatePayment, models.IncidentRefundStuck}
	return tx.ResolveIncidents(p, kinds, "the payment was refunded in full")
}

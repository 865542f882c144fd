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

// refundHeadStart is how long a refund by staff is left to the request that made it: longer than storing takes.
const refundHeadStart = 5 * time.Second

// refundStuckAfter is how long a refund may stay without a result before staff must know.
const refundStuckAfter = time.Hour

// RefundByHand is why a refund has no result that staff have to make on the gateway's own pages, since the
// gateway takes none from the shop.
const RefundByHand = "the gateway takes no refunds from the shop: refund it on the gateway's own pages"

// refundReason is the text that gateways are given: fixed words of ours, never anybody's input.
const refundReason = "refund by the shop"

// beginRefund carries out a refund that has just been stored, and returns it as it stands then. One
// that is due no more, since it needs no gateway, is left alone.
func (s *Service) beginRefund(ctx context.Context, p *models.Payment, r *models.Refund) (*models.Refund, error) {
	if _, err := s.refundDue(ctx, r); err != nil {
		s.log.Warn("refund has no result yet", "refund", r.Number, "payment", p.Number, "err", err)
	}
	return s.store.RefundByNumber(context.WithoutCancel(ctx), r.Number) // it stands, however long the gateway took
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
	next := nextRefund(*r, s.store.Now())
	if errors.Is(err, errLeftAlone) {
		next = s.store.Now().Add(breakerPause)
	}
	return true, errors.Join(err, s.store.ScheduleRefund(context.WithoutCancel(ctx), r, until, next))
}

// nextRefund returns when a refund without a result is worked on next: soon after it began, every
// half hour then, and more and more rarely when it hangs for days.
func nextRefund(r models.Refund, now time.Time) time.Time {
	for _, d := range checkAfter {
		if next := r.CreatedAt.Add(d); next.After(now) {
			return next
		}
	}
	return now.Add(min(max(now.Sub(r.CreatedAt)/4, 30*time.Minute), 12*time.Hour))
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
		off := &CallError{Outcome: NotSent, Err: errSwitchedOff}
		return s.recordRefund(ctx, p, r, RefundReport{}, off, OpRefund, false)
	}
	request := RefundRequest{
		PaymentNumber: p.Number, RefundNumber: r.Number,
		Money: models.Money{Amount: r.Amount, Currency: r.Currency}, Reason: refundReason,
	}
	if r.Checks == 0 {
		report, err := account.Gateway.Refund(ctx, request)
		return s.recordRefund(ctx, p, r, report, err, OpRefund, false)
	}
	report, err := account.Gateway.QueryRefund(ctx, request)
	switch {
	case err != nil && OutcomeOf(err) == NotFound:
		if err := s.keepRefundQuery(ctx, p, report.Exchange); err != nil {
			return err
		}
		report, err = account.Gateway.Refund(ctx, request)
		return s.recordRefund(ctx, p, r, report, err, OpRefund, true)
	case OutcomeOf(err) == Unsupported:
		return s.refundBlindly(ctx, p, r, request)
	default:
		return s.recordRefund(ctx, p, r, report, err, OpRefundQuery, false)
	}
}

// refundBlindly sends a refund again to a gateway that cannot tell what became of it. When that
// decides nothing, the payment may: it may show that the money is back, by the first call or by
// staff's own doing on the gateway's pages.
func (s *Service) refundBlindly(ctx context.Context, p *models.Payment, r *models.Refund, request RefundRequest) error {
	report, err := s.accounts[p.Gateway].Gateway.Refund(ctx, request)
	if OutcomeOf(err) == Unsupported {
		return s.ask(ctx, p)
	}
	if err := s.recordRefund(ctx, p, r, report, err, OpRefund, true); err != nil {
		return err
	}
	if report.State == models.RefundFailed {
		return s.ask(ctx, p)
	}
	return nil
}

func (s *Service) keepRefundQuery(ctx context.Context, p *models.Payment, e Exchange) error {
	return s.record(ctx, p, e, OpRefundQuery, func(*models.Tx, *models.Order, *models.Payment) (string, string, error) {
		return verdictUnknown, "the gateway has no such refund", nil
	})
}

// recordRefund keeps what the gateway said about a refund, or that it said nothing, and moves the
// refund. It returns the call's error too. doubtful: the refund may have been sent before, without an
// answer, and that the gateway knows nothing of it is no proof; then a refusal may mean that the first one
// went through, and a person has to look.
func (s *Service) recordRefund(ctx context.Context, p *models.Payment, r *models.Refund, report RefundReport, callErr error, op Operation, doubtful bool) error {
	models.KillPoint("refund.answered")
	err := s.record(ctx, p, sent(report.Exchange, callErr), op, func(tx *models.Tx, _ *models.Order, p *models.Payment) (verdict, rule string, err error) {
		verdict, rule, err = s.moveRefund(tx, p, r, report, callErr, doubtful)
		models.KillPoint("refund.before_commit")
		return verdict, rule, err
	})
	return errors.Join(callErr, err)
}

func (s *Service) moveRefund(tx *models.Tx, p *models.Payment, r *models.Refund, report RefundReport, callErr error, doubtful bool) (verdict, rule string, err error) {
	now, err := tx.RefundByID(r.ID)
	if err != nil {
		return "", "", err
	}
	switch {
	case now.DecidedBy != "":
		return s.saidTooLate(tx, p, now, report, callErr, doubtful)
	case callErr != nil && OutcomeOf(callErr) == Unsupported:
		return verdictIncident, RefundByHand, s.tellStaff(tx, p, r, stuckByHand, RefundByHand)
	case callErr != nil:
		return verdictUnknown, callErr.Error(), s.notePending(tx, p, r, callErr.Error())
	case report.State == models.RefundSucceeded:
		return verdictAccepted, "refunded", s.refundSucceeded(tx, p, *r)
	case report.State == models.RefundFailed && !doubtful:
		rule = "the gateway refused the refund: " + report.Message
		current := *r // this may run again
		moved, err := tx.MoveRefund(&current, models.RefundFailed, report.Message)
		if err != nil || !moved {
			return verdictIgnored, rule, err
		}
		return verdictAccepted, rule, s.refundStuck(tx, p, r, stuckRefused, rule)
	case report.State == models.RefundFailed:
		rule = "the gateway refuses the refund now, but an earlier call may have gone through: " + report.Message
		return verdictIncident, rule, s.tellStaff(tx, p, r, stuckInDoubt, rule)
	default:
		return verdictIgnored, "the gateway is still working on it", s.notePending(tx, p, r, report.Message)
	}
}

// saidTooLate judges what a gateway says about a refund after a person has: the person's word stands,
// and where the gateway is sure of something else, somebody has to look.
func (s *Service) saidTooLate(tx *models.Tx, p *models.Payment, r *models.Refund, report RefundReport, callErr error, doubtful bool) (verdict, rule string, err error) {
	switch sure := report.State == models.RefundSucceeded || report.State == models.RefundFailed && !doubtful; {
	case callErr != nil:
		return verdictUnknown, callErr.Error(), nil
	case !sure:
		return verdictIgnored, "a person has decided it, and the gateway is not sure", nil
	case report.State == r.Status:
		return verdictRepeated, "a person has decided so", nil
	}
	rule = fmt.Sprintf("%s decided that the refund has %s, and the gateway says that it has %s", r.DecidedBy, r.Status, report.State)
	_, err = tx.OpenIncident(models.Incident{
		Kind: models.IncidentConflict, Cause: models.CauseDecided, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, RefundID: &r.ID, Number: p.Number,
		Currency: r.Currency, Amount: r.Amount, Detail: fmt.Sprintf("refund %s: %s. %s", r.Number, rule, report.Message),
		DedupKey: fmt.Sprintf("%s/%s/%s", models.IncidentConflict, r.Number, report.State),
	})
	return verdictIncident, rule, err
}

// notePending keeps why there is no result, and tells staff when that has lasted.
func (s *Service) notePending(tx *models.Tx, p *models.Payment, r *models.Refund, why string) error {
	pending, err := tx.NoteRefund(r, why)
	if err != nil || !pending || tx.Now().Sub(r.CreatedAt) < refundStuckAfter {
		return err
	}
	return s.refundStuck(tx, p, r, stuckNoResult, "no result for an hour: "+why)
}

// tellStaff keeps why there may never be a result without them, and opens the incident at once.
func (s *Service) tellStaff(tx *models.Tx, p *models.Payment, r *models.Refund, finding, why string) error {
	pending, err := tx.NoteRefund(r, why)
	if err != nil || !pending {
		return err
	}
	return s.refundStuck(tx, p, r, finding, why)
}

// What may be the matter with a refund. Each is a finding of its own: a person who settles one has
// not heard of the next.
const (
	stuckNoResult = "no_result"
	stuckInDoubt  = "in_doubt" // refused, but an earlier call may have gone through
	stuckByHand   = "by_hand"  // the gateway takes none from the shop
	stuckRefused  = "refused"  // for good
)

func (s *Service) refundStuck(tx *models.Tx, p *models.Payment, r *models.Refund, finding, detail string) error {
	key := fmt.Sprintf("%s/%s/%s", models.IncidentRefundStuck, r.Number, finding)
	opened, err := tx.OpenIncident(models.Incident{
		Kind: models.IncidentRefundStuck, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, RefundID: &r.ID, Number: p.Number,
		Currency: r.Currency, Amount: r.Amount, Detail: fmt.Sprintf("refund %s: %s", r.Number, detail),
		DedupKey: key,
	})
	if err != nil || !opened || finding == stuckNoResult {
		return err
	}
	return tx.ResolveStuck(r, key, "more is known of it now: "+detail)
}

// refundedElsewhere records that the gateway holds nothing of the payment any more, so that the
// refunds that were pending have gone through, whoever carried them out.
func (s *Service) refundedElsewhere(tx *models.Tx, p *models.Payment) error {
	refunds, err := tx.RefundsOf(p)
	for _, r := range refunds {
		err = errors.Join(err, s.refundSucceeded(tx, p, r))
	}
	return err
}

const allBack = "the payment was refunded in full"

// refundSucceeded records that a refund went through, and settles what that settles. A final refund
// stays as it is.
func (s *Service) refundSucceeded(tx *models.Tx, p *models.Payment, r models.Refund) error {
	if moved, err := tx.MoveRefund(&r, models.RefundSucceeded, ""); err != nil || !moved {
		return err
	}
	now, err := tx.RefundByID(r.ID) // with its pieces, which not every caller has read
	if err != nil {
		return err
	}
	if err := tx.Restock(now); err != nil {
		return err
	}
	if err := tx.ResolveStuck(&r, "", "the refund went through"); err != nil {
		return err
	}
	if err := tx.MakeGood(&r); err != nil {
		return err
	}
	refunds, err := tx.RefundsOf(p)
	if err != nil {
		return err
	}
	var back int64
	for _, r := range refunds {
		if r.Status == models.RefundSucceeded {
			back += r.Amount
		}
	}
	if back < p.Amount {
		return nil
	}
	kinds := []models.IncidentKind{models.IncidentDuplicatePayment, models.IncidentLatePayment, models.IncidentRefundStuck}
	if err := tx.ResolveIncidents(p, kinds, allBack); err != nil {
		return err
	}
	return tx.ResolveConflicts(p, models.CauseReturned, allBack)
}

package payments

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"saoma/models"
)

// Replayed is one kept message beside what the present code makes of it.
type Replayed struct {
	Kept    models.Evidence
	Payment string // our number of the attempt

	// What the present code decides. Both are empty for a message that decides nothing about a
	// payment, as the answer to a refund, and for one that is Unverifiable.
	Verdict string
	Rule    string

	// Unverifiable: the message does not verify with the key that is configured now, or its
	// gateway is switched off. That is no difference: what was decided then cannot be repeated.
	Unverifiable bool
	Differs      bool
}

// Replay feeds the kept messages about an order to the present rules, in the order in which they
// came and from the order's beginning, and compares the decisions. Nothing is changed, and no
// gateway is asked. models.ErrOrderNotFound: no order has the number.
//
// A decision differs when its verdict or its rule does. A call that had no usable answer decided
// nothing, and is no difference whatever its bytes say now: how they came (HTTP status, cut short) is
// not kept.
func (s *Service) Replay(ctx context.Context, orderNumber string) ([]Replayed, error) {
	order, err := s.store.OrderByNumber(ctx, orderNumber)
	if err != nil {
		return nil, err
	}
	evidence, err := s.store.Evidence(ctx, order.ID)
	if err != nil {
		return nil, err
	}
	refunds, err := s.store.Refunds(ctx, order.ID)
	if err != nil {
		return nil, err
	}
	r := replay{service: s, refunds: refunds, attempts: map[string]*replayedAttempt{}}
	for _, p := range order.Payments {
		r.attempts[p.ID] = newReplayedAttempt(p)
	}
	all := make([]Replayed, len(evidence))
	for i, e := range evidence {
		if all[i], err = r.message(ctx, e); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// replay is the state of one Replay.
type replay struct {
	service  *Service
	refunds  []models.Refund
	attempts map[string]*replayedAttempt // by the payment's id
}

// replayedAttempt is an attempt while its messages come in again.
type replayedAttempt struct {
	kept models.Payment // as it is now
	now  models.Payment // as the messages so far have made it
	// lost: a message that moved it cannot be verified any more, so that it may be further on
	// than the others tell.
	lost bool
}

func newReplayedAttempt(p models.Payment) *replayedAttempt {
	a := &replayedAttempt{kept: p, now: p}
	a.now.Status, a.now.Reference, a.now.SucceededAt, a.now.ConfirmedAt = models.PaymentCreated, nil, nil, nil
	a.now.WrittenOffAt = nil
	return a
}

// standings are where the attempt may have stood when a message came: where the messages before
// brought it; ended, since the shop itself gives attempts up without a message; or as it is now.
func (a *replayedAttempt) standings() []models.Payment {
	all := []models.Payment{a.now}
	if a.now.Live() && a.kept.Failure != "" {
		ended := a.now
		ended.Status = models.PaymentClosed
		all = append(all, ended)
	}
	if a.lost {
		all = append(all, a.kept)
	}
	return all
}

// message replays one message.
func (r *replay) message(ctx context.Context, e models.Evidence) (Replayed, error) {
	result := Replayed{Kept: e}
	if e.PaymentID == nil || r.attempts[*e.PaymentID] == nil {
		return result, nil
	}
	a := r.attempts[*e.PaymentID]
	result.Payment = a.now.Number
	if e.Direction == models.ByStaff && e.Operation == models.ActWriteOff {
		a.now.WrittenOffAt = a.kept.WrittenOffAt
	}
	switch Operation(e.Operation) {
	case OpCreate:
		a.created(e)
		return result, nil
	case OpNotification, OpQuery:
	default:
		return result, nil
	}
	report, err := r.service.reread(e, a.now.Number)
	switch {
	case err == nil && report.Number != a.now.Number:
		result.Verdict, result.Rule = verdictRefused, "the message names another attempt"
	case err == nil:
		d, err := r.decide(ctx, a, report, e)
		if err != nil {
			return result, err
		}
		result.Verdict, result.Rule = d.verdict, d.rule
	case e.Verdict != verdictUnknown && unverifiable(err):
		result.Unverifiable = true
		a.lost = true
		return result, nil
	case Operation(e.Operation) == OpQuery:
		result.Verdict, result.Rule = verdictUnknown, err.Error()
	default:
		result.Verdict, result.Rule = verdictRefused, err.Error()
	}
	result.Differs = e.Verdict != verdictUnknown && !sameDecision(e, result.Verdict, result.Rule)
	return result, nil
}

// created lets the attempt be pending from the answer to its create on, and have the gateway's number
// if that told it. An answer that names a page which is not on the list is one too.
func (a *replayedAttempt) created(e models.Evidence) {
	if e.Verdict != verdictAccepted && !strings.HasPrefix(e.Rule, string(BadRedirect)) {
		return
	}
	if a.now.Status == models.PaymentCreated {
		a.now.Status = models.PaymentPending
	}
	if ref := a.kept.Reference; ref != nil && bytes.Contains(e.Response, []byte(*ref)) {
		a.now.Reference = ref
	}
}

// decide decides again, from the standing in which the same was decided if there is one, and takes
// the attempt along.
func (r *replay) decide(ctx context.Context, a *replayedAttempt, report Report, e models.Evidence) (decision, error) {
	f, err := r.facts(ctx, a, report, e.CreatedAt)
	if err != nil {
		return decision{}, err
	}
	from := a.standings()
	op := Operation(e.Operation)
	at := max(0, slices.IndexFunc(from, func(p models.Payment) bool {
		d := decide(p, report, f, op)
		return sameDecision(e, d.verdict, d.rule)
	}))
	d := decide(from[at], report, f, op)
	if e.Verdict == verdictUnknown {
		return d, nil // it moved nothing then
	}
	a.now = afterDecision(from[at], report, d, e.CreatedAt)
	return d, nil
}

// facts are those of the time when the message came. A gateway's number, once it belongs to an
// attempt, belongs to it for good.
func (r *replay) facts(ctx context.Context, a *replayedAttempt, report Report, at time.Time) (facts, error) {
	f := facts{now: at, merchant: r.service.accounts[report.Gateway].Gateway.Merchant()}
	for _, refund := range r.refunds {
		failed := refund.Status == models.RefundFailed && !refund.UpdatedAt.After(at)
		if refund.PaymentID == a.kept.ID && !refund.CreatedAt.After(at) && !failed {
			f.add(a.kept, refund)
		}
	}
	if report.Reference == "" {
		return f, nil
	}
	owner, err := r.service.store.PaymentByReference(ctx, a.kept.Gateway, report.Reference)
	if errors.Is(err, models.ErrPaymentNotFound) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.referenceTaken = owner.ID != a.kept.ID && *owner.Reference == report.Reference
	return f, nil
}

// afterDecision is what Apply makes of an attempt.
func afterDecision(p models.Payment, r Report, d decision, at time.Time) models.Payment {
	if d.incident != "" && d.move == "" {
		return p
	}
	if p.Reference == nil && r.Reference != "" {
		p.Reference = &r.Reference
	}
	if d.confirm && p.ConfirmedAt == nil {
		p.ConfirmedAt = &at
	}
	if d.move != "" {
		p.Status = d.move
	}
	if d.move == models.PaymentSucceeded {
		p.SucceededAt = &at
	}
	return p
}

func sameDecision(e models.Evidence, verdict, rule string) bool {
	if e.Verdict != verdict {
		return false
	}
	cut := len(rule) > models.MaxRule && strings.HasPrefix(rule, e.Rule)
	return rule == e.Rule || cut
}

package payments

import (
	"context"
	"errors"
	"sync"
	"time"

	"saoma/models"
)

// undecided reports whether the fate of an attempt is not final.
func undecided(p *models.Payment) bool {
	return p.CheckAt != nil && (p.Status != models.PaymentSucceeded || p.ConfirmedAt == nil)
}

// askAbout asks about those of the order's attempts, all at once.
func (s *Service) askAbout(ctx context.Context, o *models.Order, those func(p *models.Payment) bool) error {
	var wg sync.WaitGroup
	errs := make([]error, len(o.Payments))
	for i := range o.Payments {
		p := &o.Payments[i]
		if !those(p) {
			continue
		}
		wg.Go(func() { errs[i] = ignoreNotFound(s.ask(ctx, p)) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// ignoreNotFound: that a gateway knows nothing of an attempt is an answer.
func ignoreNotFound(err error) error {
	if err != nil && OutcomeOf(err) == NotFound {
		return nil
	}
	return err
}

// ask queries the gateway about one attempt and applies the answer.
func (s *Service) ask(ctx context.Context, p *models.Payment) error {
	account, on := s.accounts[p.Gateway]
	if !on {
		return &CallError{Outcome: NotSent, Err: errSwitchedOff}
	}
	report, err := account.Gateway.Query(ctx, p.Number)
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	models.KillPoint("query.answered")
	if err == nil {
		return s.Apply(keep, report, OpQuery)
	}
	follow := func(tx *models.Tx, p *models.Payment) error { return nil }
	switch OutcomeOf(err) {
	case NotSent:
		return err // nothing to keep
	case NotFound:
		follow = s.notThere
	}
	if kept := s.record(keep, p, report.Exchange, OpQuery, verdictUnknown, err.Error(), follow); kept != nil {
		return kept
	}
	return err
}

// notThere ends an attempt whose create went unanswered and of which the gateway knows nothing even
// after a while. An attempt that the gateway acknowledged is left open: some gateways know a
// payment only once the buyer has opened its page. One that it said was paid is a contradiction.
func (s *Service) notThere(tx *models.Tx, p *models.Payment) error {
	if p.Status == models.PaymentSucceeded {
		return deniedPayment(tx, p)
	}
	if p.Status != models.PaymentCreated || tx.Now().Sub(p.CreatedAt) < createGrace {
		return nil
	}
	_, err := tx.MovePayment(p, models.PaymentFailed, models.PaymentChange{Failure: "the gateway has no such payment"})
	return err
}

// deniedPayment tells staff of a success that the gateway knows nothing of, long after it said so.
func deniedPayment(tx *models.Tx, p *models.Payment) error {
	if tx.Now().Sub(*p.SucceededAt) <= conflictAfter {
		return nil
	}
	_, err := tx.OpenIncident(models.Incident{
		Kind: models.IncidentConflict, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, Number: p.Number,
		Currency: p.Currency, Amount: p.Amount, Cause: models.CauseDenied,
		Detail:   "recorded as paid, and the gateway now says that it has no such payment",
		DedupKey: "denied/" + p.Number,
	})
	return err
}

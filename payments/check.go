package payments

import (
	"cmp"
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

// Answer is what came of asking about one attempt.
type Answer struct {
	Gateway models.GatewayName
	Number  string // ours
	State   State  // what the gateway says; StateAbsent: it has no such payment. Empty: it did not answer
}

// askAbout asks about those of the order's attempts, all at once, and returns what came of each.
func (s *Service) askAbout(ctx context.Context, o *models.Order, those func(p *models.Payment) bool) ([]Answer, error) {
	var wg sync.WaitGroup
	var answers []Answer
	errs := make([]error, len(o.Payments))
	asked := make([]Answer, len(o.Payments))
	for i := range o.Payments {
		p := &o.Payments[i]
		if !those(p) {
			continue
		}
		asked[i] = Answer{Gateway: p.Gateway, Number: p.Number}
		wg.Go(func() {
			errs[i] = models.Contain(s.log, func() (err error) {
				asked[i].State, err = s.question(ctx, p)
				return ignoreNotFound(err)
			})
		})
	}
	wg.Wait()
	for _, a := range asked {
		if a.Number != "" {
			answers = append(answers, a)
		}
	}
	return answers, errors.Join(errs...)
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
	_, err := s.question(ctx, p)
	return err
}

// question is ask, and returns what the gateway says as well.
func (s *Service) question(ctx context.Context, p *models.Payment) (State, error) {
	account, on := s.accounts[p.Gateway]
	if !on {
		return "", &CallError{Outcome: NotSent, Err: errSwitchedOff}
	}
	report, err := account.Gateway.Query(ctx, p.Number)
	models.KillPoint("query.answered")
	if err == nil {
		return report.State, s.Apply(context.WithoutCancel(ctx), report, OpQuery) // who asked may have gone
	}
	var says State
	move := func(*models.Tx, *models.Payment) error { return nil }
	switch OutcomeOf(err) {
	case NotSent:
		return "", err // nothing to keep
	case NotFound:
		says, move = StateAbsent, s.notThere
	}
	kept := s.record(ctx, p, report.Exchange, OpQuery, func(tx *models.Tx, _ *models.Order, p *models.Payment) (string, string, error) {
		return verdictUnknown, err.Error(), move(tx, p)
	})
	return says, cmp.Or(kept, err)
}

// notThere ends an attempt whose create went unanswered and of which the gateway knows nothing even
// after a while. An attempt that the gateway acknowledged is left open: some gateways know a
// payment only once the buyer has opened its page. One that it said was paid is a contradiction.
func (s *Service) notThere(tx *models.Tx, p *models.Payment) error {
	if p.Status == models.PaymentSucceeded && p.WrittenOffAt == nil {
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
		return askOnceMore(tx, p)
	}
	_, err := tx.OpenIncident(models.Incident{
		Kind: models.IncidentConflict, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, Number: p.Number,
		Currency: p.Currency, Amount: p.Amount, Cause: models.CauseDenied,
		Detail:   "recorded as paid, and the gateway now says that it has no such payment",
		DedupKey: "denied/" + p.Number,
	})
	return err
}

// askOnceMore has a success that a message denies asked about again as soon as a conflict can be told from an
// answer that lags. One that is not confirmed yet is asked about by then in any case.
func askOnceMore(tx *models.Tx, p *models.Payment) error {
	next := p.SucceededAt.Add(conflictAfter + time.Second)
	switch now := tx.Now(); {
	case next.Before(now):
		next = now
	case p.ConfirmedAt == nil:
		return nil
	}
	return tx.SetCheck(p, next)
}

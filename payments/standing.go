package payments

import (
	"context"
	"slices"
	"strings"
	"time"

	"saoma/models"
)

// Standing is how a gateway fares.
type Standing struct {
	Paused bool // no new attempts are begun there

	// What this process leaves alone for a moment after failures in a row.
	CreatesLeftAlone, AsksLeftAlone bool
	Calls

	Notification *models.Evidence // the last one, without its body; nil: there was none

	Lately Tally
}

// Tally counts the messages of the last day, each kind up to models.CountLimit.
type Tally struct {
	Answered, Unanswered int64 // our calls; what decides nothing, such as "no such payment", is no answer
	Taken, Refused       int64 // notifications
}

// standingSpan is how far back messages are counted, and unansweredRows how many calls without an
// answer are looked at to find one that failed.
const (
	standingSpan   = 24 * time.Hour
	unansweredRows = 20
)

// Standing returns how a gateway fares: what this process has seen of it, and what all have kept.
func (s *Service) Standing(ctx context.Context, gateway models.GatewayName) (Standing, error) {
	standing := Standing{Paused: s.store.Settings().Paused(gateway)}
	if account, on := s.accounts[gateway]; on {
		standing.CreatesLeftAlone, standing.AsksLeftAlone = account.Gateway.creates.RemainingDelay() > 0, account.Gateway.leftAlone()
		standing.Calls = account.Gateway.lastCalls()
	}
	since := s.store.Now().Add(-standingSpan)
	for _, verdict := range []string{verdictAccepted, verdictRepeated, verdictIgnored, verdictRefused, verdictIncident, verdictUnknown} {
		if err := s.addSent(ctx, &standing, gateway, verdict, since); err != nil {
			return Standing{}, err
		}
		if err := s.addReceived(ctx, &standing, gateway, verdict, since); err != nil {
			return Standing{}, err
		}
	}
	return standing, nil
}

// addSent adds our calls with the verdict.
func (s *Service) addSent(ctx context.Context, to *Standing, gateway models.GatewayName, verdict string, since time.Time) error {
	rows, err := s.store.GatewayEvidence(ctx, gateway, models.Sent, verdict, unansweredRows)
	if err != nil || len(rows) == 0 {
		return err
	}
	n, err := s.store.CountGatewayEvidence(ctx, gateway, models.Sent, verdict, since)
	if verdict != verdictUnknown {
		to.Lately.Answered += n
		if rows[0].CreatedAt.After(to.Answered) {
			to.Answered = rows[0].CreatedAt
		}
		return err
	}
	to.Lately.Unanswered += n
	failed := slices.IndexFunc(rows, func(e models.Evidence) bool { return !strings.HasPrefix(e.Rule, string(NotFound)) })
	if failed >= 0 && rows[failed].CreatedAt.After(to.Failed) {
		to.Failed, to.Failure = rows[failed].CreatedAt, rows[failed].Rule
	}
	return err
}

// addReceived adds notifications with the verdict.
func (s *Service) addReceived(ctx context.Context, to *Standing, gateway models.GatewayName, verdict string, since time.Time) error {
	rows, err := s.store.GatewayEvidence(ctx, gateway, models.Received, verdict, 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	if to.Notification == nil || rows[0].CreatedAt.After(to.Notification.CreatedAt) {
		to.Notification = &rows[0]
	}
	n, err := s.store.CountGatewayEvidence(ctx, gateway, models.Received, verdict, since)
	if verdict == verdictRefused {
		to.Lately.Refused += n
	} else {
		to.Lately.Taken += n
	}
	return err
}

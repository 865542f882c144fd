package payments_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

// replayed puts a replay into short words.
func (s stubShop) replayed(t *testing.T, o *models.Order) []string {
	t.Helper()
	all, err := s.service.Replay(context.Background(), o.Number)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range all {
		line := fmt.Sprintf("%s: %s", r.Kept.Verdict, r.Verdict)
		if r.Unverifiable {
			line += "unverifiable"
		}
		if r.Differs {
			line += ", differs"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestReplayAlike(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newStub(t, o)
		order, p := s.attempt(t)
		for _, state := range []payments.State{
			payments.StatePending, payments.StateClosed, payments.StateFailed, "odd", payments.StateSucceeded, payments.StateRefunded,
		} {
			s.notify(t, p, state)
		}
		want := []string{
			"ignored: ignored", "accepted: accepted", "ignored: ignored", "incident: incident", "accepted: accepted", "incident: incident",
		}
		if diff := cmp.Diff(want, s.replayed(t, order)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestReplayOfAnAttemptThatTheShopEnded: there is no message that tells it.
func TestReplayOfAnAttemptThatTheShopEnded(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	order, p := s.attempt(t)
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		_, err := tx.MovePayment(p, models.PaymentClosed, models.PaymentChange{Failure: "given up"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s.notify(t, p, payments.StateClosed)
	s.notify(t, p, payments.StateSucceeded)
	if diff := cmp.Diff([]string{"ignored: ignored", "accepted: accepted"}, s.replayed(t, order)); diff != "" {
		t.Error(diff)
	}
}

func TestReplayDiffers(t *testing.T) {
	for name, tc := range map[string]struct {
		statement string // on the evidence of an order with the messages pending, succeeded, closed
		want      []string
	}{
		"another verdict": {"UPDATE evidence SET verdict = 'incident' WHERE seq = 1",
			[]string{"incident: ignored, differs", "accepted: accepted", "ignored: ignored"}},
		"another rule": {"UPDATE evidence SET rule = 'x' WHERE seq = 3",
			[]string{"ignored: ignored", "accepted: accepted, differs", "ignored: ignored"}},
		"the beginning of the rule": {"UPDATE evidence SET rule = 'verified' WHERE seq = 3",
			[]string{"ignored: ignored", "accepted: accepted, differs", "ignored: ignored"}},
		"a message less": {"DELETE FROM evidence WHERE seq = 3",
			[]string{"ignored: ignored", "ignored: accepted, differs"}},
		"cannot be read any more": {"UPDATE evidence SET response = X'6F6C642F78' WHERE seq = 3",
			[]string{"ignored: ignored", "accepted: refused, differs", "ignored: accepted, differs"}},
		"a query that cannot be read any more": {"UPDATE evidence SET operation = 'query', response = X'6F6C642F78' WHERE seq = 1",
			[]string{"ignored: unknown, differs", "accepted: accepted", "ignored: ignored"}},
		"a query that can be read now": {"UPDATE evidence SET operation = 'query', verdict = 'unknown' WHERE seq = 1",
			[]string{"unknown: ignored", "accepted: accepted", "ignored: ignored"}},
		"a call without an answer": {"UPDATE evidence SET operation = 'query', verdict = 'unknown', response = NULL, rule = 'x' WHERE seq = 1",
			[]string{"unknown: unknown", "accepted: accepted", "ignored: ignored"}},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, o models.Options) {
				s := newStub(t, o)
				order, p := s.attempt(t)
				for _, state := range []payments.State{payments.StatePending, payments.StateSucceeded, payments.StateClosed} {
					s.notify(t, p, state)
				}
				if _, err := database(t, o).Exec(tc.statement); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, s.replayed(t, order)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestReplayAfterAChangeOfKeys: what was said with the old key cannot be decided again, and what
// came after it is no difference either.
func TestReplayAfterAChangeOfKeys(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	order, p := s.attempt(t)
	s.notify(t, p, payments.StatePending)
	s.notify(t, p, payments.StateSucceeded)
	s.stub.key = "new"
	s.notify(t, p, payments.StateSucceeded)
	s.notify(t, p, payments.StateClosed)
	want := []string{"ignored: unverifiable", "accepted: unverifiable", "repeated: repeated", "ignored: ignored"}
	if diff := cmp.Diff(want, s.replayed(t, order)); diff != "" {
		t.Error(diff)
	}
}

func TestReplayOfAnUnknownOrder(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	if _, err := s.service.Replay(context.Background(), "none"); !errors.Is(err, models.ErrOrderNotFound) {
		t.Errorf("got %v, want ErrOrderNotFound", err)
	}
}

// TestEvidenceNamesWhoSaidIt: a message on the route of another gateway than the attempt's is kept
// under the name of the gateway whose key signed it.
func TestEvidenceNamesWhoSaidIt(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	order, p := s.attempt(t)
	report := s.report(p, payments.StateSucceeded)
	report.Gateway = models.Pass2Pay
	s.apply(t, report)
	evidence, err := s.Evidence(context.Background(), order.ID)
	if err != nil || len(evidence) != 1 || evidence[0].Gateway != models.Pass2Pay {
		t.Errorf("got %+v, err %v, want one message of %s", evidence, err, models.Pass2Pay)
	}
}

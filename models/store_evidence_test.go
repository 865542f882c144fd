package models_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
)

// TestGatewayEvidenceUsesItsIndex: the last messages of a gateway are found without looking through all.
func TestGatewayEvidenceUsesItsIndex(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		err := s.Tx(context.Background(), func(tx *models.Tx) error {
			for i := range 60 {
				e := models.Evidence{Gateway: models.ScanForPay, Direction: models.Sent, Operation: "query", Verdict: "accepted"}
				if i%20 == 0 {
					e.Verdict = "unknown"
				}
				if err := tx.AddEvidence(nil, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := s.Plan(t.Context(), func(s *models.Store) error {
			_, err := s.GatewayEvidence(t.Context(), models.ScanForPay, models.Sent, "unknown", 20)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(plan, "\n") || !strings.Contains(plan, "evidence_gateway") || strings.Contains(plan, "filesort") {
			t.Errorf("got plan\n%s\nwant one step by evidence_gateway, without sorting", plan)
		}
		rows, err := s.GatewayEvidence(t.Context(), models.ScanForPay, models.Sent, "unknown", 2)
		if err != nil || len(rows) != 2 || rows[0].Verdict != "unknown" || rows[1].Verdict != "unknown" {
			t.Errorf("got %d rows, %v, want the two newest", len(rows), err)
		}
		for _, tt := range []struct {
			since time.Time
			want  int64
		}{{s.Now().Add(-time.Hour), 57}, {s.Now().Add(time.Hour), 0}} {
			if n, err := s.CountGatewayEvidence(t.Context(), models.ScanForPay, models.Sent, "accepted", tt.since); err != nil || n != tt.want {
				t.Errorf("since %v: got %d, %v, want %d", tt.since, n, err, tt.want)
			}
		}
	})
}

// TestForgetLoneEvidence: what strangers send is kept within bounds, and nothing else is forgotten.
func TestForgetLoneEvidence(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { return now }
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 9)
		order := modelstest.Order(t, s, "cup")
		refused := models.Evidence{Gateway: models.ScanForPay, Direction: models.Received, Verdict: "refused"}
		add := func(about *models.Order, e models.Evidence) {
			t.Helper()
			now = now.Add(time.Second)
			err := s.Tx(context.Background(), func(tx *models.Tx) error {
				if about != nil {
					locked, err := tx.LockOrder(about.ID)
					if err != nil {
						return err
					}
					about = locked
				}
				if err := tx.AddEvidence(about, e); err != nil {
					return err
				}
				return tx.ForgetLoneEvidence(models.ScanForPay, "refused", 3)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, rule := range []string{"another gateway", "another verdict"} {
			e := refused
			e.Rule = rule
			if rule == "another gateway" {
				e.Gateway = models.Pass2Pay
			} else {
				e.Verdict = "incident"
			}
			add(nil, e)
		}
		ofOrder := refused
		ofOrder.Rule = "an order's"
		add(order, ofOrder)
		for _, rule := range []string{"1", "2", "3", "4", "5"} {
			e := refused
			e.Rule = rule
			add(nil, e)
		}
		rows, err := s.LoneEvidence(t.Context(), "", 20)
		if err != nil {
			t.Fatal(err)
		}
		var rules []string
		for _, e := range rows {
			rules = append(rules, e.Rule)
		}
		if got, want := strings.Join(rules, ", "), "5, 4, 3, another verdict, another gateway"; got != want {
			t.Errorf("messages about no order: got %s, want %s", got, want)
		}
		if about, err := s.Evidence(t.Context(), order.ID); err != nil || len(about) != 1 {
			t.Errorf("messages about the order: got %d, %v, want 1", len(about), err)
		}
	})
}

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
		plan, err := s.GatewayEvidencePlan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(plan, "\n")
		if len(plan) != 1 || !strings.Contains(text, "evidence_gateway") || strings.Contains(text, "filesort") {
			t.Errorf("got plan\n%s\nwant one step by evidence_gateway, without sorting", text)
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

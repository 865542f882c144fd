package models_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestOverdue(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { return now }
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		want := func(when string, want models.Overdue) {
			t.Helper()
			got, err := s.Overdue(t.Context())
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: err %v (-want +got):\n%s", when, err, diff)
			}
		}
		want("nothing is there", models.Overdue{})
		modelstest.Order(t, s, "cup")
		now = now.Add(modelstest.Settings.PaymentWindow - time.Millisecond)
		modelstest.Order(t, s, "cup")
		want("nothing is due", models.Overdue{})
		now = now.Add(90*time.Second + time.Millisecond)
		want("one of two orders is due", models.Overdue{Orders: 90 * time.Second})
	})
}

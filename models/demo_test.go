package models_test

import (
	"context"
	"sync"
	"testing"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestReplicasFillTheDemoAtOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				if err := s.FillDemo(context.Background(), "en"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		products, err := s.Products(t.Context())
		if err != nil || len(products) != 5 {
			t.Errorf("got %d products, err %v, want the 5 of the demo", len(products), err)
		}
	})
}

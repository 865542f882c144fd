package models_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

var mia = models.Actor{Name: "mia@shop.example"}

// paid places an order and pays it; confirmed: by a message strong enough to fulfil on.
func paid(t *testing.T, s *models.Store, confirmed bool) (*models.Order, *models.Payment) {
	t.Helper()
	o := modelstest.Order(t, s, "cup")
	p := &models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(s.Now()), Gateway: models.ScanForPay,
		Status: models.PaymentCreated, Currency: o.Currency, Amount: o.Amount,
	}
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		if err := tx.AddPayment(p); err != nil {
			return err
		}
		change := models.PaymentChange{}
		if confirmed {
			change.ConfirmedAt = tx.Now()
		}
		if _, err := tx.MovePayment(p, models.PaymentSucceeded, change); err != nil {
			return err
		}
		_, err = tx.MarkPaid(locked, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o, p
}

func refundAll(t *testing.T, s *models.Store, o *models.Order, p *models.Payment) {
	t.Helper()
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		return tx.AddRefund(locked, p, &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(s.Now()), Amount: p.Amount})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFulfil(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		ctx := context.Background()
		modelstest.Product(t, s, "cup", 2500, 10)
		pending := modelstest.Order(t, s, "cup")
		unconfirmed, _ := paid(t, s, false)
		refunded, p := paid(t, s, true)
		refundAll(t, s, refunded, p)
		good, _ := paid(t, s, true)
		way := models.Dispatch{Carrier: "SF Express", Tracking: "SF123"}
		for _, tt := range []struct {
			name  string
			order string
			want  error
		}{
			{"not paid", pending.Number, models.ErrOrderMoved},
			{"not confirmed", unconfirmed.Number, models.ErrNotConfirmed},
			{"given back", refunded.Number, models.ErrAllRefunded},
			{"unknown", "261121-UNKNOWN", models.ErrOrderNotFound},
			{"paid", good.Number, nil},
			{"fulfilled", good.Number, models.ErrOrderMoved},
		} {
			if err := s.Fulfil(ctx, tt.order, way, mia); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
			}
		}
		got, err := s.OrderByNumber(ctx, good.Number)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != models.OrderFulfilled || got.Dispatch() != way || got.FulfilledAt == nil {
			t.Errorf("got %s by %q at %v, want it fulfilled by %q", got.Status, got.Dispatch(), got.FulfilledAt, way)
		}
		mended := models.Dispatch{Carrier: "SF Express", Tracking: "SF124"}
		if err := s.ChangeDispatch(ctx, good.Number, way, mended, mia); err != nil {
			t.Error(err)
		}
		if err := s.ChangeDispatch(ctx, good.Number, way, models.Dispatch{Tracking: "SF9"}, mia); !errors.Is(err, models.ErrOrderMoved) {
			t.Errorf("changed by whoever saw what was before: got %v, want ErrOrderMoved", err)
		}
		if err := s.ChangeDispatch(ctx, pending.Number, models.Dispatch{}, mended, mia); !errors.Is(err, models.ErrOrderMoved) {
			t.Errorf("of an order that is not fulfilled: got %v, want ErrOrderMoved", err)
		}
	})
}

// Two persons who hand over one order at once: one of them does.
func TestFulfilOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		order, _ := paid(t, s, true)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = s.Fulfil(context.Background(), order.Number, models.Dispatch{Tracking: fmt.Sprint(i)}, mia)
			})
		}
		wg.Wait()
		first := -1
		for i, err := range errs {
			switch {
			case err == nil && first < 0:
				first = i
			case !errors.Is(err, models.ErrOrderMoved):
				t.Errorf("got %v, want ErrOrderMoved", err)
			}
		}
		got, err := s.OrderByNumber(context.Background(), order.Number)
		if err != nil || got.Tracking != fmt.Sprint(first) {
			t.Errorf("got number %q, %v; want that of the first, %d", got.Tracking, err, first)
		}
		evidence, err := s.Evidence(context.Background(), order.ID)
		if err != nil || len(evidence) != 1 || evidence[0].Operation != models.ActFulfil {
			t.Errorf("got %+v, %v; want one act", evidence, err)
		}
		if err := models.VerifyChain(*got, evidence); err != nil {
			t.Error(err)
		}
	})
}

func TestNotes(t *testing.T) {
	s := modelstest.New(t)
	modelstest.Product(t, s, "cup", 2500, 10)
	order := modelstest.Order(t, s, "cup")
	long := strings.Repeat("长", 1500)
	other := modelstest.Order(t, s, "cup")
	for _, tt := range []struct {
		number, id, text string
		want             error
	}{
		{order.Number, "one", "called the buyer", nil},
		{order.Number, "one", "called the buyer", nil},
		{order.Number, "two", long, nil},
		{order.Number, "one", "called nobody", models.ErrFormSentTwice},
		{other.Number, "one", "called the buyer", models.ErrFormSentTwice},
	} {
		if err := s.AddNote(context.Background(), tt.number, models.Note{ID: tt.id, Text: tt.text}, mia); !errors.Is(err, tt.want) {
			t.Errorf("note %s at %s: got %v, want %v", tt.id, tt.number, err, tt.want)
		}
	}
	evidence, err := s.Evidence(context.Background(), order.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(evidence) != 2 || string(evidence[1].Request) != long || evidence[1].Rule != mia.Name {
		t.Errorf("got %d notes, the last by %q; want both whole", len(evidence), evidence[len(evidence)-1].Rule)
	}
}

func openIncident(t *testing.T, s *models.Store, i models.Incident) string {
	t.Helper()
	i.DedupKey = models.NewID()
	var id string
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		if _, err := tx.OpenIncident(i); err != nil {
			return err
		}
		return tx.Read(&id, "SELECT id FROM incidents WHERE dedup_key = ?", i.DedupKey)
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSettleIncident(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		ctx := context.Background()
		modelstest.Product(t, s, "cup", 2500, 10)
		order, p := paid(t, s, true)
		about := openIncident(t, s, models.Incident{Kind: models.IncidentConflict, OrderID: &order.ID, PaymentID: &p.ID})
		alone := openIncident(t, s, models.Incident{Kind: models.IncidentUnknownOrder, Number: "P1"})
		for _, id := range []string{about, alone} {
			if err := s.SettleIncident(ctx, id, "the gateway was wrong", mia); err != nil {
				t.Fatal(err)
			}
			if err := s.SettleIncident(ctx, id, "once more", mia); !errors.Is(err, models.ErrOrderMoved) {
				t.Errorf("settled again: got %v, want ErrOrderMoved", err)
			}
			got, err := s.IncidentByID(ctx, id)
			if err != nil || got.Status != models.IncidentResolved || got.Resolution != "the gateway was wrong" || got.ResolvedBy != mia.Name || got.ResolvedAt == nil {
				t.Errorf("got %+v, %v; want it resolved", got, err)
			}
		}
		if err := s.SettleIncident(ctx, "gone", "", mia); !errors.Is(err, models.ErrIncidentNotFound) {
			t.Errorf("of an unknown incident: got %v, want ErrIncidentNotFound", err)
		}
		entries, err := s.AuditEntries(ctx, 0, 10)
		settled := 0
		for _, e := range entries {
			if e.Action == models.ActResolve {
				settled++
			}
		}
		if err != nil || settled != 2 {
			t.Errorf("got %d settled in the audit log, %v; want one for each", settled, err)
		}
	})
}

func TestAttention(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		now := time.Now()
		o.Now = func() time.Time { return now }
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 100)
		modelstest.Product(t, s, "last", 2500, 5)
		modelstest.Product(t, s, "plenty", 2500, 6)
		hidden := []models.Product{{Slug: "hidden", Name: "Hidden", Variants: []models.Variant{{SKU: "hidden", Price: 1, Counted: true, Active: true}}}}
		if err := s.PutProducts(context.Background(), hidden); err != nil {
			t.Fatal(err)
		}
		quiet, err := s.Attention(context.Background())
		if err != nil || quiet.Open != 0 || len(quiet.Incidents)+len(quiet.Refunds)+len(quiet.Confirming) != 0 {
			t.Errorf("a quiet shop: got %+v, %v", quiet, err)
		}
		waits, _ := paid(t, s, false)
		good, p := paid(t, s, true)
		refundAll(t, s, good, p)
		openIncident(t, s, models.Incident{Kind: models.IncidentConflict, OrderID: &good.ID, PaymentID: &p.ID})
		now = now.Add(time.Second)
		openIncident(t, s, models.Incident{Kind: models.IncidentUnknownOrder, Number: "P1"})
		now = now.Add(models.RefundHangsAfter)
		paid(t, s, false) // a moment ago: nobody need look yet

		a, err := s.Attention(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range a.Incidents {
			number := ""
			if i.Order != nil {
				number = i.Order.Number
			}
			got = append(got, fmt.Sprint(i.Kind, " ", number, " ", i.Payment != nil))
		}
		for _, r := range a.Refunds {
			got = append(got, "refund "+r.Order.Number)
		}
		for _, c := range a.Confirming {
			got = append(got, "confirming "+c.Number)
		}
		for _, v := range a.Low {
			got = append(got, "low "+v.SKU+" of "+v.Product.Name)
		}
		want := []string{
			"conflict " + good.Number + " true", "unknown_order  false", "refund " + good.Number,
			"confirming " + waits.Number, "low last of Product last",
		}
		if diff := cmp.Diff(want, got); diff != "" || a.Open != 2 {
			t.Errorf("%d incidents open (-want +got):\n%s", a.Open, diff)
		}
	})
}

// A read that fails between its queries gives an error, and no half of an answer.
func TestAttentionWithoutAPayment(t *testing.T) {
	clock, o := time.Now(), modelstest.Options(t)
	o.Now = func() time.Time { return clock }
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 10)
	order, p := paid(t, s, true)
	refundAll(t, s, order, p)
	clock = clock.Add(models.RefundHangsAfter)
	err := s.Tx(t.Context(), func(tx *models.Tx) error {
		return tx.Exec("UPDATE payments SET checks = 'many' WHERE id = ?", p.ID) // SQLite takes it
	})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := s.Attention(t.Context()); err == nil || a.Refunds != nil {
		t.Errorf("a payment that cannot be read: got %+v, %v; want an error", a.Refunds, err)
	}
}

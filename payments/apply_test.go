package payments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/scanforpay"
)

// shop is a store with a service whose gateway cannot be reached: what it says is put in by hand.
type shop struct {
	*models.Store
	service *payments.Service
	gateway payments.Gateway
}

func newShop(t *testing.T, o models.Options, latePolicy string) shop {
	t.Helper()
	gateway, err := scanforpay.New(scanforpay.Config{
		BaseURL: "http://127.0.0.1:9", PartnerNo: "10086", StoreNo: "100860000000001",
		SignKey: "a-sign-key-for-tests", Validity: 12 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Settings.LatePayment = latePolicy
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 3)
	return shop{Store: s, gateway: gateway, service: payments.New(payments.Config{
		Store: s, Gateways: []payments.Account{{Gateway: gateway, Validity: 12 * time.Hour}},
		Routes:    payments.Routes{{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}},
		PublicURL: "http://127.0.0.1:9", Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})}
}

// attempt places an order and stores a pending attempt for it, as a gateway that answered would
// have left it.
func (s shop) attempt(t *testing.T) (*models.Order, *models.Payment) {
	t.Helper()
	o := modelstest.Order(t, s.Store, "cup")
	return o, s.attemptFor(t, o)
}

func (s shop) attemptFor(t *testing.T, o *models.Order) *models.Payment {
	t.Helper()
	now := s.Now()
	p := &models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(now), Gateway: models.ScanForPay,
		Method: "qrcode", Wallet: models.WeChat, Scene: models.SceneDesktop, Status: models.PaymentCreated,
		Currency: o.Currency, Amount: o.Amount, CreatedAt: now, ExpiresAt: o.ExpiresAt, WatchUntil: now.Add(12 * time.Hour), CheckAt: &now,
	}
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		if err := tx.AddPayment(p); err != nil {
			return err
		}
		_, err := tx.MovePayment(p, models.PaymentPending, models.PaymentChange{Action: models.ActionRedirect, ActionData: "http://127.0.0.1:9/pay"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// report is what the gateway would say about the attempt. Each state has bytes of its own.
func (s shop) report(p *models.Payment, state payments.State) payments.Report {
	return payments.Report{
		Gateway: p.Gateway, Merchant: s.gateway.Merchant(), Number: p.Number, Reference: "G" + p.Number,
		State: state, Money: p.Money(), Conclusive: true,
		Exchange: payments.Exchange{Response: []byte(string(state) + p.Number)},
	}
}

// standing is everything about an order that must not depend on the order of messages.
type standing struct {
	Order     models.OrderStatus
	Payments  []string
	Incidents []string
	OnHand    int64
	Reserved  int64
}

func (s shop) standing(t *testing.T, orderID string) standing {
	t.Helper()
	ctx := context.Background()
	o, err := s.OrderByID(ctx, orderID)
	if err != nil {
		t.Fatal(err)
	}
	vs, err := s.VariantsBySKU(ctx, []string{"cup"})
	if err != nil {
		t.Fatal(err)
	}
	incidents, err := s.Incidents(ctx, orderID)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := s.Evidence(ctx, orderID)
	if err != nil {
		t.Fatal(err)
	}
	if err := models.VerifyChain(*o, evidence); err != nil {
		t.Error(err)
	}
	got := standing{Order: o.Status, OnHand: vs["cup"].OnHand, Reserved: vs["cup"].Reserved}
	for _, p := range o.Payments {
		text := string(p.Status)
		if p.ConfirmedAt != nil {
			text += " confirmed"
		}
		got.Payments = append(got.Payments, text)
	}
	for _, i := range incidents {
		got.Incidents = append(got.Incidents, string(i.Kind)+" "+string(i.Status))
	}
	slices.Sort(got.Incidents)
	return got
}

func (s shop) apply(t *testing.T, r payments.Report) {
	t.Helper()
	if err := s.service.Apply(context.Background(), r, payments.OpNotification); err != nil {
		t.Fatal(err)
	}
}

func TestSuccessPaysOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShop(t, o, models.FulfilOrRefund)
		order, p := s.attempt(t)
		for range 3 {
			s.apply(t, s.report(p, payments.StateSucceeded))
		}
		want := standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}
		if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
			t.Error(diff)
		}
		kept, err := s.Evidence(context.Background(), order.ID)
		if err != nil || len(kept) != 1 || kept[0].Verdict != "accepted" {
			t.Errorf("evidence: got %d rows, err %v, want the one that was accepted", len(kept), err)
		}
	})
}

func TestOneChangedFieldNeverPays(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.FulfilOrRefund)
	_, other := s.attempt(t)
	s.apply(t, func() payments.Report { r := s.report(other, payments.StateSucceeded); return r }())
	for name, tc := range map[string]struct {
		change   func(*payments.Report)
		incident models.IncidentKind // empty: none belongs to the order
		refused  bool
	}{
		"amount below":    {change: func(r *payments.Report) { r.Money.Amount-- }, incident: models.IncidentAmountMismatch},
		"amount above":    {change: func(r *payments.Report) { r.Money.Amount++ }, incident: models.IncidentAmountMismatch},
		"amount negative": {change: func(r *payments.Report) { r.Money.Amount = -r.Money.Amount }, incident: models.IncidentAmountMismatch},
		"no money":        {change: func(r *payments.Report) { r.Money = models.Money{} }, incident: models.IncidentCurrencyMismatch},
		"currency":        {change: func(r *payments.Report) { r.Money.Currency = "HKD" }, incident: models.IncidentCurrencyMismatch},
		"currency's case": {change: func(r *payments.Report) { r.Money.Currency = "cny" }, incident: models.IncidentCurrencyMismatch},
		"merchant":        {change: func(r *payments.Report) { r.Merchant = "10087" }, incident: models.IncidentMerchantMismatch},
		"no merchant":     {change: func(r *payments.Report) { r.Merchant = "" }, incident: models.IncidentMerchantMismatch},
		"gateway":         {change: func(r *payments.Report) { r.Gateway = models.Pass2Pay }, incident: models.IncidentGatewayMismatch},
		"reference":       {change: func(r *payments.Report) { r.Reference = "G" + other.Number }, incident: models.IncidentConflict},
		"number":          {change: func(r *payments.Report) { r.Number += "X" }, refused: true},
		"number's case":   {change: func(r *payments.Report) { r.Number = "p" + r.Number[1:] }, refused: true},
		"state":           {change: func(r *payments.Report) { r.State = payments.StateUnknown }, incident: models.IncidentConflict},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Product(t, s.Store, "cup", 2500, 3)
			order, p := s.attempt(t)
			r := s.report(p, payments.StateSucceeded)
			tc.change(&r)
			err := s.service.Apply(context.Background(), r, payments.OpNotification)
			if refused := errors.Is(err, payments.ErrUnknownOrder); refused != tc.refused || (err != nil && !refused) {
				t.Fatalf("got %v, want refused %v", err, tc.refused)
			}
			got := s.standing(t, order.ID)
			if got.Order != models.OrderPending || got.Payments[0] != "pending" {
				t.Errorf("got order %s, payment %s; want both pending", got.Order, got.Payments[0])
			}
			var want []string
			if tc.incident != "" {
				want = []string{string(tc.incident) + " open"}
			}
			if diff := cmp.Diff(want, got.Incidents); diff != "" {
				t.Error(diff)
			}
			// The true message still pays.
			s.apply(t, s.report(p, payments.StateSucceeded))
			if got := s.standing(t, order.ID); got.Order != models.OrderPaid {
				t.Errorf("after the true message: got %s", got.Order)
			}
		})
	}
}

// TestAnyOrderOfMessagesEndsAlike applies every permutation of what a gateway may say beside a
// success, with repeats.
func TestAnyOrderOfMessagesEndsAlike(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.FulfilOrRefund)
	for _, said := range [][]payments.State{
		{payments.StateSucceeded, payments.StatePending},
		{payments.StateSucceeded, payments.StateFailed},
		{payments.StateSucceeded, payments.StateClosed, payments.StatePending},
		{payments.StateSucceeded, payments.StateRefunded},
		{payments.StateSucceeded, payments.StateFailed, payments.StateClosed, payments.StateRefunded},
		{payments.StateFailed, payments.StatePending, payments.StateFailed},
		{payments.StateClosed, payments.StatePending, payments.StateUnknown},
	} {
		t.Run(fmt.Sprint(said), func(t *testing.T) {
			var want *standing
			for _, order := range permutations(said) {
				modelstest.Product(t, s.Store, "cup", 2500, 3)
				o, p := s.attempt(t)
				for _, state := range append(order, order[0]) {
					s.apply(t, s.report(p, state))
				}
				got := s.standing(t, o.ID)
				got.Reserved = 0 // pieces of the shop's other orders
				if want == nil {
					want = &got
				}
				if diff := cmp.Diff(*want, got); diff != "" {
					t.Errorf("%v: %s", order, diff)
				}
			}
		})
	}
}

func permutations[T any](all []T) [][]T {
	if len(all) <= 1 {
		return [][]T{slices.Clone(all)}
	}
	var found [][]T
	for i := range all {
		rest := slices.Concat(all[:i], all[i+1:])
		for _, p := range permutations(rest) {
			found = append(found, append([]T{all[i]}, p...))
		}
	}
	return found
}

func TestSimultaneousMessagesPayOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShop(t, o, models.FulfilOrRefund)
		order, p := s.attempt(t)
		var wg sync.WaitGroup
		for i := range 24 {
			wg.Go(func() {
				state := []payments.State{payments.StateSucceeded, payments.StateClosed, payments.StatePending}[i%3]
				if err := s.service.Apply(context.Background(), s.report(p, state), payments.OpNotification); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := standing{Order: models.OrderPaid, Payments: []string{"succeeded confirmed"}, OnHand: 2}
		if diff := cmp.Diff(want, s.standing(t, order.ID)); diff != "" {
			t.Error(diff)
		}
	})
}

// A storm of repeats about a payment that was found by asking: the message is kept once, and those
// behind the first do not wait for the disk one after the other.
func TestSimultaneousRepeatsAreKeptOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShop(t, o, models.FulfilOrRefund)
		order, p := s.attempt(t)
		answer := s.report(p, payments.StateSucceeded)
		answer.Exchange.Response = []byte("answer to a query")
		if err := s.service.Apply(t.Context(), answer, payments.OpQuery); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if err := s.service.Apply(t.Context(), s.report(p, payments.StateSucceeded), payments.OpNotification); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		kept, err := s.Evidence(t.Context(), order.ID)
		if err != nil || len(kept) != 2 {
			t.Errorf("one answer and 50 times one notification: got %d messages kept, %v; want 2", len(kept), err)
		}
	})
}

func TestWeakSuccessPaysAndWaitsForAQuery(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.FulfilOrRefund)
	order, p := s.attempt(t)
	weak := s.report(p, payments.StateSucceeded)
	weak.Conclusive = false
	s.apply(t, weak)
	if got := s.standing(t, order.ID); got.Order != models.OrderPaid || got.Payments[0] != "succeeded" {
		t.Errorf("after the notification: got %+v, want paid and not confirmed", got)
	}
	due, err := s.DuePayments(context.Background(), 10)
	if err != nil || !slices.ContainsFunc(due, func(d models.Payment) bool { return d.ID == p.ID }) {
		t.Errorf("the payment is not asked about at once: %d due, err %v", len(due), err)
	}
	strong := s.report(p, payments.StateSucceeded)
	strong.Exchange.Response = []byte("answer to a query")
	if err := s.service.Apply(context.Background(), strong, payments.OpQuery); err != nil {
		t.Fatal(err)
	}
	if got := s.standing(t, order.ID); got.Payments[0] != "succeeded confirmed" {
		t.Errorf("after the query: got %+v, want confirmed", got)
	}
}

func TestQueryThatDeniesASuccessIsAConflict(t *testing.T) {
	o, late := modelstest.Options(t), time.Duration(0)
	o.Now = func() time.Time { return time.Now().Add(late) }
	s := newShop(t, o, models.FulfilOrRefund)
	order, p := s.attempt(t)
	weak := s.report(p, payments.StateSucceeded)
	weak.Conclusive = false
	s.apply(t, weak)
	late = time.Minute
	denial := s.report(p, payments.StateFailed)
	for range 2 {
		if err := s.service.Apply(context.Background(), denial, payments.OpQuery); err != nil {
			t.Fatal(err)
		}
	}
	got := s.standing(t, order.ID)
	if got.Order != models.OrderPaid || !slices.Equal(got.Incidents, []string{"conflict open"}) {
		t.Errorf("got %+v, want paid with one open conflict", got)
	}
	if err := s.service.Apply(context.Background(), s.report(p, payments.StateSucceeded), payments.OpQuery); err != nil {
		t.Fatal(err)
	}
	if got := s.standing(t, order.ID); !slices.Equal(got.Incidents, []string{"conflict resolved"}) || got.Payments[0] != "succeeded confirmed" {
		t.Errorf("after a query that agrees: got %+v, want it confirmed and the conflict resolved", got)
	}
	returned := s.report(p, payments.StateRefunded)
	if err := s.service.Apply(context.Background(), returned, payments.OpQuery); err != nil {
		t.Fatal(err)
	}
	incidents, err := s.Incidents(context.Background(), order.ID)
	if err != nil || len(incidents) != 2 || incidents[0].Cause != models.CauseDenied || incidents[1].Cause != models.CauseReturned {
		t.Errorf("got %+v, %v; want another conflict, about money that went back", incidents, err)
	}
}

// TestIncidentsOfOnePaymentAreBounded: whoever signs any number of contradictions about one payment fills its
// evidence, and not the list of incidents.
func TestIncidentsOfOnePaymentAreBounded(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	order, p := s.attempt(t)
	const most = 20
	for i := range int64(most + 5) {
		r := s.report(p, payments.StateSucceeded)
		r.Money.Amount += i + 1
		r.Exchange.Response = fmt.Appendf(nil, "another amount, %d", i)
		s.apply(t, r)
	}
	incidents, err := s.Incidents(t.Context(), order.ID)
	if err != nil || len(incidents) != most || incidents[most-1].Count != 6 {
		t.Errorf("got %d incidents, %v, the last %+v; want %d of which the last stands for 6", len(incidents), err, incidents[len(incidents)-1], most)
	}
	kept, err := s.Evidence(t.Context(), order.ID)
	if err != nil || len(kept) < most+5 {
		t.Errorf("got %d messages kept, %v; want all %d", len(kept), err, most+5)
	}
	late := s.report(p, payments.StateSucceeded)
	s.apply(t, late)
	if got := s.standing(t, order.ID); got.Order != models.OrderPaid {
		t.Errorf("paid in the end: got %+v, want it paid", got)
	}
}

// TestAnswersThatDecideNothingAreBounded: whoever has an open order asked about again and again fills no table,
// and what decides something is kept all the same.
func TestAnswersThatDecideNothingAreBounded(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	order, p := s.attempt(t)
	const most = 100
	say := func(state payments.State, i int) {
		t.Helper()
		r := s.report(p, state)
		r.Exchange.Response = fmt.Appendf(nil, "answer %d", i)
		if err := s.service.Apply(t.Context(), r, payments.OpQuery); err != nil {
			t.Fatal(err)
		}
	}
	for i := range most + 5 {
		say(payments.StatePending, i)
	}
	say(payments.StateSucceeded, most+5)
	kept, err := s.Evidence(t.Context(), order.ID)
	if err != nil || len(kept) != most+1 || kept[most].Verdict != "accepted" {
		t.Errorf("got %d messages kept, %v; want %d, the last one accepted", len(kept), err, most+1)
	}
}

// TestUnknownNumberIsKeptOnce: a message about a number that is not ours is refused each time, counted
// and kept once.
func TestUnknownNumberIsKeptOnce(t *testing.T) {
	s := newShop(t, modelstest.Options(t), models.AskStaff)
	_, p := s.attempt(t)
	p.Number = "UNKNOWN"
	for range 3 {
		if err := s.service.Apply(t.Context(), s.report(p, payments.StateSucceeded), payments.OpNotification); !errors.Is(err, payments.ErrUnknownOrder) {
			t.Errorf("got %v, want ErrUnknownOrder", err)
		}
	}
	kept, err := s.LoneEvidence(t.Context(), "", 10)
	if err != nil || len(kept) != 1 || kept[0].Direction != models.Received {
		t.Errorf("got %+v, err %v, want the message kept once, as received", kept, err)
	}
	incidents, err := s.ListIncidents(t.Context(), models.IncidentFilter{Kind: models.IncidentUnknownOrder}, "", 10)
	if err != nil || len(incidents) != 1 || incidents[0].Count != 3 {
		t.Errorf("got incidents %+v, err %v, want one that counts 3", incidents, err)
	}
}

// TestMessageIsKeptAsItCame: the chain says whether the gateway came by itself or was asked, and a
// failed attempt why it failed.
func TestMessageIsKeptAsItCame(t *testing.T) {
	for op, want := range map[payments.Operation]models.Direction{payments.OpNotification: models.Received, payments.OpQuery: models.Sent} {
		s := newShop(t, modelstest.Options(t), models.AskStaff)
		order, p := s.attempt(t)
		if err := s.service.Apply(t.Context(), s.report(p, payments.StateFailed), op); err != nil {
			t.Fatal(err)
		}
		kept, err := s.Evidence(t.Context(), order.ID)
		if err != nil || len(kept) != 1 || kept[0].Direction != want {
			t.Errorf("%s: got %+v, err %v, want it kept once, as %s", op, kept, err, want)
		}
		failed, err := s.PaymentByNumber(t.Context(), p.Number)
		if err != nil || failed.Failure == "" {
			t.Errorf("%s: got failure %q, err %v, want a reason", op, failed.Failure, err)
		}
	}
}

func TestSecondPaymentIsFound(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShop(t, o, models.FulfilOrRefund)
		order, first := s.attempt(t)
		s.apply(t, s.report(first, payments.StateClosed))
		second := s.attemptFor(t, order)
		s.apply(t, s.report(second, payments.StateSucceeded))
		s.apply(t, s.report(first, payments.StateSucceeded))
		got := s.standing(t, order.ID)
		want := standing{
			Order: models.OrderPaid, Payments: []string{"succeeded confirmed", "succeeded confirmed"},
			Incidents: []string{"duplicate_payment open"}, OnHand: 2,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLateMoney(t *testing.T) {
	for name, tc := range map[string]struct {
		policy    string
		stockGone bool
		want      standing
	}{
		"revives the order": {models.FulfilOrRefund, false, standing{
			Order: models.OrderPaid, Incidents: []string{"late_payment resolved"}, OnHand: 2}},
		"waits when the stock is gone": {models.FulfilOrRefund, true, standing{
			Order: models.OrderExpired, Incidents: []string{"late_payment open"}}},
		"asks": {models.AskStaff, false, standing{
			Order: models.OrderExpired, Incidents: []string{"late_payment open"}, OnHand: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, o models.Options) {
				now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
				o.Now = func() time.Time { return now }
				s := newShop(t, o, tc.policy)
				order, p := s.attempt(t)
				now = now.Add(16 * time.Minute)
				if _, err := s.service.Sweep(context.Background()); err != nil {
					t.Fatal(err)
				}
				if got := s.standing(t, order.ID); got.Order != models.OrderExpired || got.OnHand != 3 || got.Reserved != 0 {
					t.Fatalf("after its window: got %+v, want expired and the stock given back", got)
				}
				if tc.stockGone {
					if _, err := s.PlaceOrder(context.Background(), modelstest.Draft("cup", 3)); err != nil {
						t.Fatal(err)
					}
				}
				for range 2 {
					s.apply(t, s.report(p, payments.StateSucceeded))
				}
				got := s.standing(t, order.ID)
				got.Reserved = 0
				want := tc.want
				want.Payments = []string{"succeeded confirmed"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestPolicyChanged: what staff set meanwhile decides about the money that comes next, by whichever
// process it comes in.
func TestPolicyChanged(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		o.Settings.LatePayment = models.AskStaff
		s := newShop(t, o, models.AskStaff)
		desk := modelstest.Open(t, o)
		late := func() standing {
			t.Helper()
			order, p := s.attempt(t)
			err := s.Tx(context.Background(), func(tx *models.Tx) error {
				order, err := tx.LockOrder(order.ID)
				if err != nil {
					return err
				}
				_, err = tx.CloseOrder(order, models.OrderExpired)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			s.apply(t, s.report(p, payments.StateSucceeded))
			return s.standing(t, order.ID)
		}
		if got := late(); got.Order != models.OrderExpired || !slices.Equal(got.Incidents, []string{"late_payment open"}) {
			t.Errorf("asking staff: got %+v, want expired with an open incident", got)
		}
		modelstest.Set(t, desk, models.SetLatePayment, models.FulfilOrRefund)
		if got := late(); got.Order != models.OrderPaid || !slices.Equal(got.Incidents, []string{"late_payment resolved"}) {
			t.Errorf("fulfilling: got %+v, want paid with a resolved incident", got)
		}
		modelstest.Set(t, desk, models.SetLatePayment, models.AskStaff)
		if got := late(); got.Order != models.OrderExpired {
			t.Errorf("asking again: got %+v, want expired", got)
		}
	})
}

func TestExpiryAgainstNotification(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		var mu sync.Mutex
		now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		s := newShop(t, o, models.FulfilOrRefund)
		order, p := s.attempt(t)
		mu.Lock()
		now = now.Add(15 * time.Minute)
		mu.Unlock()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.service.Sweep(context.Background()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := s.service.Apply(context.Background(), s.report(p, payments.StateSucceeded), payments.OpNotification); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		got := s.standing(t, order.ID)
		if got.Order != models.OrderPaid || got.OnHand != 2 || got.Reserved != 0 {
			t.Errorf("got %+v, want paid with one piece sold", got)
		}
	})
}

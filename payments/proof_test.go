package payments_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/sandbox"
)

// database opens the database of a store, past the store.
func database(t *testing.T, o models.Options) *sql.DB {
	t.Helper()
	db, err := sql.Open(o.Driver, o.DSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// proveEverything is how every test with real messages ends: whatever happened, the present code
// decides on all that was kept as it did when it came, and what counts as paid is proven.
func (w *wired) proveEverything(o models.Options) {
	w.t.Helper()
	rows, err := database(w.t, o).Query("SELECT number FROM orders")
	if err != nil {
		w.t.Error(err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var number string
		if err := rows.Scan(&number); err != nil {
			w.t.Error(err)
			return
		}
		w.proveOrder(number)
	}
	if err := rows.Err(); err != nil {
		w.t.Error(err)
	}
}

func (w *wired) proveOrder(number string) {
	w.t.Helper()
	ctx := context.Background()
	o, err := w.OrderByNumber(ctx, number)
	if err != nil {
		w.t.Error(err)
		return
	}
	replayed, err := w.service.Replay(ctx, number)
	if err != nil {
		w.t.Error(err)
	}
	for _, r := range replayed {
		if r.Differs || r.Unverifiable {
			w.t.Errorf("replay of %s, %.400s: kept as %s (%s), now %s (%s), unverifiable %v",
				r.Kept.Operation, r.Kept.Response, r.Kept.Verdict, r.Kept.Rule, r.Verdict, r.Rule, r.Unverifiable)
		}
	}
	if o.PaidAt == nil {
		return
	}
	evidence, err := w.Evidence(ctx, o.ID)
	if err != nil {
		w.t.Error(err)
	}
	if p, err := w.service.Proof(o, evidence); err != nil || !p.Verifies || p.Money != o.Money() {
		w.t.Errorf("order that cost %+v: got proof %+v, err %v", o.Money(), p, err)
	}
}

func TestProof(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wallet     models.Wallet
		gateway    models.GatewayName
		method     string
		notified   bool
		unanswered bool // queries are
		by         payments.Operation
		confirmed  payments.Operation
	}{
		"a strong notification":           {models.Alipay, models.ScanForPay, "qrcode", true, true, payments.OpNotification, payments.OpNotification},
		"a query":                         {models.Alipay, models.ScanForPay, "qrcode", false, false, payments.OpQuery, payments.OpQuery},
		"a weak notification alone":       {models.Alipay, models.Pass2Pay, "ALI_WAP", true, true, payments.OpNotification, ""},
		"a weak notification and a query": {models.Alipay, models.Pass2Pay, "ALI_WAP", true, false, payments.OpNotification, payments.OpQuery},
		"a query of the other gateway":    {models.Alipay, models.Pass2Pay, "ALI_WAP", false, false, payments.OpQuery, payments.OpQuery},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modelstest.Each(t, func(t *testing.T, o models.Options) {
				w := wire(t, o, route(tc.wallet, tc.gateway, tc.method))
				order, attempt := w.pending(tc.wallet)
				merchant := sandbox.DemoPartnerNo
				if tc.gateway == models.Pass2Pay {
					merchant = sandbox.DemoMchNo + "/" + sandbox.DemoAppID
				}
				if tc.unanswered {
					w.fault(sandbox.Fault{Gateway: sandbox.Gateway(tc.gateway), Kind: sandbox.FaultLost, Operation: sandbox.OpQuery})
				}
				when := sandbox.NotifyNever
				if tc.notified {
					when = sandbox.NotifyBefore
				}
				w.act(attempt.Number, sandbox.Pay, when)
				w.pass(10 * time.Second)
				order = w.read(order.ID)
				evidence, err := w.Evidence(context.Background(), order.ID)
				if err != nil {
					t.Fatal(err)
				}
				got, err := w.service.Proof(order, evidence)
				if err != nil {
					t.Fatal(err)
				}
				p := order.Payments[0]
				want := payments.Proof{
					Gateway: tc.gateway, Merchant: merchant, Number: p.Number, Reference: *p.Reference, Money: order.Money(),
					By: tc.by, ConfirmedBy: tc.confirmed, Verifies: true,
					PaidAt: got.PaidAt, Place: got.Place, At: got.At,
				}
				if tc.confirmed != "" {
					want.ConfirmedAt = *p.ConfirmedAt
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Proof (-want +got):\n%s", diff)
				}
				if got.PaidAt.IsZero() || got.Place == 0 || got.At.Before(*order.PaidAt) {
					t.Errorf("got paid at %v, place %d, kept at %v; the order was paid at %v", got.PaidAt, got.Place, got.At, order.PaidAt)
				}
			})
		})
	}
}

// TestNoProof: what counts as paid without a message that says just that is found out.
func TestNoProof(t *testing.T) {
	ctx := context.Background()
	s := newStub(t, modelstest.Options(t))
	paid := func() (*models.Order, []models.Evidence) {
		modelstest.Product(t, s.Store, "cup", 2500, 3)
		o, p := s.attempt(t)
		s.notify(t, p, payments.StateSucceeded)
		o, err := s.OrderByID(ctx, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		evidence, err := s.Evidence(ctx, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		return o, evidence
	}
	if o, evidence := paid(); true {
		if got, err := s.service.Proof(o, evidence); err != nil || got.ConfirmedBy != payments.OpNotification {
			t.Fatalf("untouched: got %+v, %v, want a proof that its one message confirms", got, err)
		}
	}
	_, others := paid()
	for name, damage := range map[string]func(o *models.Order, e []models.Evidence) []models.Evidence{
		"not paid":        func(o *models.Order, e []models.Evidence) []models.Evidence { o.PaidAt = nil; return e },
		"no message":      func(*models.Order, []models.Evidence) []models.Evidence { return nil },
		"not accepted":    func(_ *models.Order, e []models.Evidence) []models.Evidence { e[0].Verdict = "ignored"; return e },
		"by another rule": func(_ *models.Order, e []models.Evidence) []models.Evidence { e[0].Rule = "not paid yet"; return e },
		"another order's": func(*models.Order, []models.Evidence) []models.Evidence { return others },
		"another order's words": func(_ *models.Order, e []models.Evidence) []models.Evidence {
			e[0].Response = others[0].Response
			return e
		},
		"says something else": func(_ *models.Order, e []models.Evidence) []models.Evidence {
			e[0].Response = []byte(strings.Replace(string(e[0].Response), "succeeded", "pending", 1))
			return e
		},
		"of another attempt of the order": func(o *models.Order, e []models.Evidence) []models.Evidence {
			o.Payments[0].Number = "P2"
			return e
		},
		"other money": func(o *models.Order, e []models.Evidence) []models.Evidence { o.Payments[0].Amount--; return e },
		"of the other gateway": func(o *models.Order, e []models.Evidence) []models.Evidence {
			o.Payments[0].Gateway = models.Pass2Pay
			return e
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, evidence := paid()
			if got, err := s.service.Proof(o, damage(o, evidence)); !errors.Is(err, payments.ErrUnproven) {
				t.Errorf("got %+v, err %v, want ErrUnproven", got, err)
			}
		})
	}
}

// TestProofAtAGatewayThatIsSwitchedOff: what was recorded is told, and that it cannot be verified.
func TestProofAtAGatewayThatIsSwitchedOff(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	o, p := s.attempt(t)
	s.notify(t, p, payments.StateSucceeded)
	o = s.read(t, o)
	evidence, err := s.Evidence(context.Background(), o.ID)
	must(t, err)
	off := payments.New(payments.Config{Store: s.Store, Log: slog.New(slog.DiscardHandler)})
	got, err := off.Proof(o, evidence)
	if err != nil || got.Verifies || got.Number != p.Number || got.Money != p.Money() || got.By != payments.OpNotification {
		t.Errorf("got %+v, err %v, want what was recorded, and that it cannot be verified", got, err)
	}
	all, err := off.Replay(context.Background(), o.Number)
	if err != nil || len(all) != 1 || !all[0].Unverifiable || all[0].Differs {
		t.Errorf("replay: got %+v, err %v, want one message that cannot be verified", all, err)
	}
}

// What a person marked as paid rests on that act, whatever gateways said about other attempts before.
func TestProofByHand(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	ctx := context.Background()
	o, attempt := s.attempt(t)
	s.notify(t, attempt, payments.StateClosed)
	must(t, s.service.Cancel(ctx, o.Number, "no longer wanted", payer))
	must(t, s.service.MarkPaid(ctx, o.Number, payments.HandPayment{Reference: "B1", By: mia}))
	o = s.read(t, o)
	p := o.Payments[0]
	if _, err := s.service.Refund(ctx, payments.StaffRefund{Payment: p.Number, Amount: 100, By: payer}); err != nil {
		t.Fatal(err)
	}
	evidence, err := s.Evidence(ctx, o.ID)
	must(t, err)
	got, err := s.service.Proof(o, evidence)
	if err != nil {
		t.Fatal(err)
	}
	want := payments.Proof{
		Gateway: models.ByHand, Number: p.Number, Reference: "B1", Money: o.Money(), By: models.ActMarkPaid, Place: evidence[2].Seq, At: got.At,
		ConfirmedAt: *p.ConfirmedAt, Person: mia.Name, Verifies: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wantReplay := []string{"accepted: accepted", "done: ", "done: ", "done: "} // what people do decides nothing about a message
	if diff := cmp.Diff(wantReplay, s.replayed(t, o)); diff != "" {
		t.Errorf("replay (-want +got):\n%s", diff)
	}
}

var payer = models.Actor{Name: "pat@shop.example", Address: "192.0.2.8"}

func TestProofAfterAChangeOfKeys(t *testing.T) {
	s := newStub(t, modelstest.Options(t))
	o, p := s.attempt(t)
	s.notify(t, p, payments.StateSucceeded)
	s.stub.key = "new"
	o, err := s.OrderByID(context.Background(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := s.Evidence(context.Background(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.service.Proof(o, evidence)
	if err != nil || got.Verifies || got.Merchant != "" || got.Number != p.Number || got.Money != p.Money() {
		t.Errorf("got %+v, err %v, want what was recorded, and that it cannot be verified", got, err)
	}
}

// stubGateway signs and reads messages such as "key/number/reference/state/amount".
type stubGateway struct {
	payments.Gateway // of which no method is called
	key              string
}

func (g *stubGateway) Name() models.GatewayName { return models.ScanForPay }
func (g *stubGateway) Merchant() string         { return "10086" }

func (g *stubGateway) say(p *models.Payment, state payments.State) []byte {
	return []byte(strings.Join([]string{g.key, p.Number, "G" + p.Number, string(state)}, "/"))
}

func (g *stubGateway) ParseNotification(_ string, body []byte) (payments.Report, error) {
	parts := strings.Split(string(body), "/")
	if parts[0] != g.key {
		return payments.Report{}, payments.ErrSignature
	}
	if len(parts) != 4 {
		return payments.Report{}, payments.ErrMalformed
	}
	return payments.Report{
		Gateway: g.Name(), Merchant: g.Merchant(), Number: parts[1], Reference: parts[2], State: payments.State(parts[3]),
		Money: models.Money{Amount: 3500, Currency: "CNY"}, Conclusive: true,
		Exchange: payments.Exchange{Response: body},
	}, nil
}

func (g *stubGateway) ReadQuery(_ string, e payments.Exchange) (payments.Report, error) {
	r, err := g.ParseNotification("", e.Response)
	r.Exchange = e
	if err != nil {
		return r, &payments.CallError{Outcome: payments.Unknown, Err: err}
	}
	return r, nil
}

// stubShop is a shop with a stubGateway.
type stubShop struct {
	shop
	stub *stubGateway
}

func newStub(t *testing.T, o models.Options) stubShop {
	t.Helper()
	s := stubShop{stub: &stubGateway{key: "old"}}
	s.Store, s.gateway = modelstest.Open(t, o), s.stub
	modelstest.Product(t, s.Store, "cup", 2500, 3)
	s.service = payments.New(payments.Config{
		Store: s.Store, Gateways: []payments.Account{{Gateway: s.stub, Validity: 12 * time.Hour}},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return s
}

func (s stubShop) notify(t *testing.T, p *models.Payment, state payments.State) {
	t.Helper()
	if err := s.service.Notify(context.Background(), models.ScanForPay, "", s.stub.say(p, state)); err != nil {
		t.Fatal(err)
	}
}

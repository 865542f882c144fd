package pay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"saoma/models"
	"saoma/payments"
)

// Till is a gateway that does as a test tells it and remembers what it was asked. Its
// notifications read "<number> <state>"; one that begins with "forged" has a bad signature.
type Till struct {
	mu      sync.Mutex
	action  payments.NextAction
	failure error // of every call
	paid    bool
	known   map[string]payments.CreateRequest
	queries int
	from    string // the only address from which it takes money; empty: any
}

// NewTill returns a gateway that sends buyers to a page of its own.
func NewTill() *Till {
	return &Till{
		known:  map[string]payments.CreateRequest{},
		action: payments.NextAction{Kind: models.ActionRedirect, Data: "https://till.example/pay"},
	}
}

// Break lets every call fail from now on, nil mends it.
func (g *Till) Break(err error) { g.set(func() { g.failure = err }) }

// Answer sets how buyers are to pay from now on.
func (g *Till) Answer(kind models.ActionKind, data string) {
	g.set(func() { g.action = payments.NextAction{Kind: kind, Data: data} })
}

// TakeMoney lets queries say that everything has been paid.
func (g *Till) TakeMoney() { g.set(func() { g.paid = true }) }

// Queries returns how often it was asked.
func (g *Till) Queries() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queries
}

// Created returns how many payments were created.
func (g *Till) Created() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.known)
}

func (g *Till) set(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
}

// Know makes the till know an attempt that the test stored by itself.
func (g *Till) Know(p *models.Payment) {
	g.set(func() { g.known[p.Number] = payments.CreateRequest{Number: p.Number, Money: p.Money()} })
}

func (g *Till) Name() models.GatewayName { return models.ScanForPay }
func (g *Till) Merchant() string         { return "shop" }

// OnlyFrom lets it take money from buyers with the address alone.
func (g *Till) OnlyFrom(ip string) { g.set(func() { g.from = ip }) }

func (g *Till) Takes(_, ip string) bool { return g.from == "" || ip == g.from }

func (g *Till) Create(_ context.Context, r payments.CreateRequest) (payments.Created, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	exchange := payments.Exchange{Request: []byte("create " + r.Number)}
	if g.failure != nil {
		return payments.Created{Exchange: exchange}, g.failure
	}
	g.known[r.Number] = r
	return payments.Created{Action: g.action, State: payments.StatePending, Exchange: exchange}, nil
}

func (g *Till) Query(_ context.Context, number string) (payments.Report, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.queries++
	state := payments.StatePending
	if g.paid {
		state = payments.StateSucceeded
	}
	r := g.report(number, state)
	r.Conclusive = true
	r.Exchange = payments.Exchange{Request: []byte(fmt.Sprint("query ", g.queries)), Response: []byte(string(state) + " " + number)}
	return r, g.failure
}

func (g *Till) Close(context.Context, string) (payments.Exchange, error) {
	return payments.Exchange{}, &payments.CallError{Outcome: payments.Unsupported}
}

func (g *Till) Refund(context.Context, payments.RefundRequest) (payments.RefundReport, error) {
	return payments.RefundReport{}, errors.New("not in these tests")
}

func (g *Till) QueryRefund(context.Context, payments.RefundRequest) (payments.RefundReport, error) {
	return payments.RefundReport{}, errors.New("not in these tests")
}

func (g *Till) ReadQuery(string, payments.Exchange) (payments.Report, error) {
	return payments.Report{}, errors.New("not in these tests")
}

func (g *Till) ParseNotification(_ string, body []byte) (payments.Report, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if strings.HasPrefix(string(body), "forged") {
		return payments.Report{}, payments.ErrSignature
	}
	number, state, ok := strings.Cut(string(body), " ")
	if !ok {
		return payments.Report{}, payments.ErrMalformed
	}
	r := g.report(number, payments.State(state))
	r.Conclusive = true
	r.Exchange.Response = body
	return r, nil
}

func (g *Till) report(number string, state payments.State) payments.Report {
	return payments.Report{
		Gateway: g.Name(), Merchant: g.Merchant(), Number: number, Reference: "G" + number,
		State: state, Money: g.known[number].Money,
	}
}

// Attempt stores a live attempt at the order as a gateway's answer would have left it.
func Attempt(t testing.TB, s *models.Store, o *models.Order, wallet models.Wallet, kind models.ActionKind, data string) *models.Payment {
	t.Helper()
	now := s.Now()
	p := &models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(now), Gateway: models.ScanForPay,
		Method: "qrcode", Wallet: wallet, Scene: models.SceneDesktop, Status: models.PaymentCreated,
		Currency: o.Currency, Amount: o.Amount, CreatedAt: now, ExpiresAt: o.ExpiresAt,
		WatchUntil: now.Add(12 * time.Hour), CheckAt: &now,
	}
	InTx(t, s, func(tx *models.Tx) error {
		if err := tx.AddPayment(p); err != nil || kind == models.ActionNone {
			return err
		}
		_, err := tx.MovePayment(p, models.PaymentPending, models.PaymentChange{Action: kind, ActionData: data})
		return err
	})
	return p
}

// Settle pays the order by the payment.
func Settle(t testing.TB, s *models.Store, o *models.Order, p *models.Payment, confirmed bool) {
	t.Helper()
	InTx(t, s, func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
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
}

// GiveBack gives money of a payment back, and is come so far with it.
func GiveBack(t testing.TB, s *models.Store, o *models.Order, p *models.Payment, amount int64, to models.RefundStatus) {
	t.Helper()
	InTx(t, s, func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		r := &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(tx.Now()), Amount: amount}
		if err := tx.AddRefund(locked, p, r); err != nil || to == models.RefundPending {
			return err
		}
		_, err = tx.MoveRefund(r, to, "")
		return err
	})
}

// WriteOff says that the money of a payment never came.
func WriteOff(t testing.TB, s *models.Store, o *models.Order, p *models.Payment) {
	t.Helper()
	InTx(t, s, func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		r := &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(tx.Now())}
		return tx.WriteOff(locked, p, r, models.CommandLine())
	})
}

// Shut ends the order unpaid.
func Shut(t testing.TB, s *models.Store, o *models.Order, to models.OrderStatus) {
	t.Helper()
	InTx(t, s, func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		_, err = tx.CloseOrder(locked, to)
		return err
	})
}

// Trouble opens an incident of the order.
func Trouble(t testing.TB, s *models.Store, o *models.Order, kind models.IncidentKind) {
	t.Helper()
	InTx(t, s, func(tx *models.Tx) error {
		_, err := tx.OpenIncident(models.Incident{
			Kind: kind, Gateway: models.ScanForPay, OrderID: &o.ID,
			Currency: o.Currency, DedupKey: string(kind) + "/" + o.ID,
		})
		return err
	})
}

// InTx runs the change and fails the test when it fails.
func InTx(t testing.TB, s *models.Store, change func(tx *models.Tx) error) {
	t.Helper()
	if err := s.Tx(context.Background(), change); err != nil {
		t.Fatal(err)
	}
}

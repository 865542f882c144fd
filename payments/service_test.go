package payments

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"saoma/models"
	"saoma/models/modelstest"
)

// reading is a gateway of which only the reading of notifications matters.
type reading struct {
	Gateway
	read func(body []byte) (Report, error)
}

func (g reading) Name() models.GatewayName { return models.ScanForPay }
func (g reading) Merchant() string         { return "merchant" }

func (g reading) ParseNotification(_ string, body []byte) (Report, error) { return g.read(body) }

// TestNotifyTellsWhatBecameOfIt: only what is kept is acknowledged, whyever it is not.
func TestNotifyTellsWhatBecameOfIt(t *testing.T) {
	s := newSweeping(t)
	p := s.pending(models.ScanForPay)
	number := p.Number
	gateway := reading{read: func(body []byte) (Report, error) {
		return Report{
			Gateway: models.ScanForPay, Merchant: "merchant", Number: number, State: StateSucceeded, Money: p.Money(), Conclusive: true,
			Exchange: Exchange{Response: body},
		}, nil
	}}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(gateway)}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Notify(gone, models.ScanForPay, "", []byte("paid")); err == nil || errors.Is(err, ErrUnknownOrder) {
		t.Errorf("while the database does not answer: got %v, want a fault of our own", err)
	}
	if err := s.Notify(t.Context(), "gone", "", []byte("paid")); !errors.Is(err, ErrUnknownOrder) {
		t.Errorf("from a gateway that is switched off: got %v, want ErrUnknownOrder", err)
	}
	number = "ANOTHER"
	if err := s.Notify(t.Context(), models.ScanForPay, "", []byte("paid")); !errors.Is(err, ErrUnknownOrder) {
		t.Errorf("about a number that nobody has: got %v, want ErrUnknownOrder", err)
	}
	if got := s.read(p); got.Status != models.PaymentPending {
		t.Errorf("after all that was refused: got %s, want it pending", got.Status)
	}
	number = p.Number
	if err := s.Notify(t.Context(), models.ScanForPay, "", []byte("paid")); err != nil || s.read(p).Status != models.PaymentSucceeded {
		t.Errorf("once everything is well: got %v, %s", err, s.read(p).Status)
	}
}

// TestRefusedNotificationsAreKept: staff see what was refused and why, the beginning of each, and no
// flood of them.
func TestRefusedNotificationsAreKept(t *testing.T) {
	s := newSweeping(t)
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(reading{read: func([]byte) (Report, error) { return Report{}, ErrSignature }})}
	s.refused = rate.NewLimiter(0, 2)
	body := bytes.Repeat([]byte("x"), refusedBytes+1)
	for range 3 {
		s.clock = s.clock.Add(time.Second)
		if err := s.Notify(t.Context(), models.ScanForPay, "", body); !errors.Is(err, ErrSignature) {
			t.Errorf("got %v, want ErrSignature", err)
		}
	}
	kept, err := s.store.GatewayEvidence(t.Context(), models.ScanForPay, models.Received, verdictRefused, 10)
	if err != nil || len(kept) != 2 {
		t.Fatalf("got %d messages, %v, want the two that were allowed", len(kept), err)
	}
	for _, e := range kept {
		if e.OrderID != nil || e.Operation != string(OpNotification) || e.Rule != ErrSignature.Error() {
			t.Errorf("got %+v, want a notification that names no order, and why it was refused", e)
		}
	}
	if strings.Contains(log.String(), "not kept") {
		t.Errorf("got the log %s, want nothing said about keeping them", log.String())
	}
	s.refused = rate.NewLimiter(rate.Inf, 0)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Notify(gone, models.ScanForPay, "", body); !errors.Is(err, ErrSignature) || !strings.Contains(log.String(), "not kept") {
		t.Errorf("while the database does not answer: got %v, want ErrSignature, and the log to say that it is not kept", err)
	}
}

// TestRefusedNotificationsNameNobody: what a refused message says about the buyer's person is not kept.
func TestRefusedNotificationsNameNobody(t *testing.T) {
	s := newSweeping(t)
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(reading{read: func([]byte) (Report, error) { return Report{}, ErrSignature }})}
	for body, want := range map[string]string{
		`{"orderNo": "7", "buyer": "ada, \"A\" & co", "buyerId":"2088", "status":1}`: `{"orderNo": "7", "buyer": "***", "buyerId":"***", "status":1}`,
		`{"orderNo":"7","buyer":"cut o`:                                              `{"orderNo":"7","buyer":"***"`,
		"clientIp=10.0.0.7&mchNo=M1&mbrTel=555&buyerless=1&userName=":                "clientIp=***&mchNo=M1&mbrTel=***&buyerless=1&userName=***",
		`{"note":"the buyer paid","mchNo":"M1","amount":100,"seller":"us"}`:          `{"note":"the buyer paid","mchNo":"M1","amount":100,"seller":"us"}`,
	} {
		s.clock = s.clock.Add(time.Second)
		if err := s.Notify(t.Context(), models.ScanForPay, "", []byte(body)); !errors.Is(err, ErrSignature) {
			t.Errorf("got %v, want ErrSignature", err)
		}
		kept, err := s.store.LoneEvidence(t.Context(), "", 1)
		if err != nil || len(kept) != 1 || string(kept[0].Response) != want {
			t.Errorf("got %+v, %v kept, want %s", kept, err, want)
		}
	}
}

// TestCheckOfNothing: whoever asks about an order that nobody has is told so.
func TestCheckOfNothing(t *testing.T) {
	if err := newSweeping(t).Check(t.Context(), "none"); !errors.Is(err, models.ErrOrderNotFound) {
		t.Errorf("got %v, want ErrOrderNotFound", err)
	}
}

// TestNoCodeThatLeadsNowhere: one code for every wallet is shown only while some wallet can pay by it.
func TestNoCodeThatLeadsNowhere(t *testing.T) {
	s := newSweeping(t)
	s.routes = Routes{
		{Wallet: "any", Scene: "desktop", Method: OneCode},
		{Wallet: "wechat", Scene: "any", Gateway: models.ScanForPay, Method: "jspay"},
	}
	if got := s.Routes(); len(got) != 2 {
		t.Errorf("with a gateway: got %v, want both rows", got)
	}
	modelstest.Set(t, s.store, models.SetPaused(models.ScanForPay), models.Yes)
	if got := s.Routes(); got != nil {
		t.Errorf("while the gateway is paused: got %v, want no way to pay", got)
	}
}

// TestReconcileAsConfigured: a statement is read as the gateway's is written, and compared with what the
// shop has of that gateway on that day; without a statement the shop's side stands alone.
func TestReconcileAsConfigured(t *testing.T) {
	s := newSweeping(t)
	p := s.paid()
	s.gateways[models.ScanForPay].refunds = models.RefundSucceeded
	if _, err := s.GiveBack(t.Context(), p.Number, 1000); err != nil {
		t.Fatal(err)
	}
	other := s.pending(models.Pass2Pay) // no money of the other's
	s.statements = map[models.GatewayName]StatementFormat{
		models.ScanForPay: {Number: "number", Reference: "theirs", Amount: "amount", DefaultCurrency: "CNY"}, models.Pass2Pay: {Number: "nr", Amount: "sum", DefaultCurrency: "CNY"},
	}
	if diff := cmp.Diff([]models.GatewayName{models.Pass2Pay, models.ScanForPay}, s.Statements()); diff != "" {
		t.Errorf("statements that can be read (-want +got):\n%s", diff)
	}
	day := DayOf(s.clock, time.UTC)
	text := "number,theirs,amount\n" + p.Number + ",,3500\n" + other.Number + ",,3500\n,G9,100\n"
	got, err := s.Reconcile(t.Context(), models.ScanForPay, day, strings.NewReader(text))
	var notes []string
	for _, d := range got.Differences {
		notes = append(notes, string(d.Kind)+" "+string(d.Note.Kind)+" "+d.Note.About)
	}
	wantNotes := []string{"unknown_payment elsewhere pass2pay", "unknown_payment no_reference ", "missing_refund  "}
	if diff := cmp.Diff(wantNotes, notes); diff != "" || err != nil {
		t.Errorf("err %v, differences (-want +got):\n%s", err, diff)
	}
	want := []Totals{{
		Currency: "CNY", Taken: Sum{3, 7100}, Orders: Sum{1, 3500}, Refunds: Sum{1, 1000},
	}}
	if diff := cmp.Diff(want, got.Totals); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	want[0].Taken = Sum{}
	if books, err := Books(t.Context(), s.store, models.ScanForPay, day); err != nil || !cmp.Equal(want, books) {
		t.Errorf("books: got %+v, %v, want %+v", books, err, want)
	}
	for after := range 2 {
		if books, err := Books(t.Context(), s.store, models.ScanForPay, day.After(2*after-1)); err != nil || len(books) != 0 {
			t.Errorf("books of another day: got %+v, %v, want none", books, err)
		}
	}

	// A payment that was recorded long before is found by the gateway's number alone, too.
	byTheirs := "number,theirs,amount\n," + *p.Reference + ",3500\n,G9,100\n"
	got, err = s.Reconcile(t.Context(), models.ScanForPay, day.After(5), strings.NewReader(byTheirs))
	notes = nil
	for _, d := range got.Differences {
		notes = append(notes, d.Note.String())
	}
	wantNotes = []string{"the shop recorded it on " + day.String(), "no payment is known by this reference"}
	if diff := cmp.Diff(wantNotes, notes); diff != "" || err != nil {
		t.Errorf("five days later: err %v, notes (-want +got):\n%s", err, diff)
	}

	if _, err := s.Reconcile(t.Context(), "gone", day, strings.NewReader(text)); !errors.Is(err, ErrNoStatements) {
		t.Errorf("a gateway without a description: got %v, want ErrNoStatements", err)
	}
	_, err = s.Reconcile(t.Context(), models.Pass2Pay, day, strings.NewReader(text))
	if bad, is := errors.AsType[*StatementError](err); !is || bad.Problem != StatementColumnMissing {
		t.Errorf("another gateway's statement: got %v, want the column that is missing", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Reconcile(gone, models.ScanForPay, day, strings.NewReader(text)); err == nil {
		t.Error("while the database does not answer: got no error, and a day without books")
	}
	if _, err := Books(gone, s.store, models.ScanForPay, day); err == nil {
		t.Error("while the database does not answer: got no error, and books of nothing")
	}
}

// TestNoteIsWords: each note of the comparison says something of its own.
func TestNoteIsWords(t *testing.T) {
	seen := map[string]NoteKind{"": ""}
	for _, kind := range []NoteKind{NoteNoReference, NoteNoPayment, NoteNoRefund, NoteElsewhere, NoteRecorded, NotePaymentState, NoteRefundState} {
		text := Note{Kind: kind}.String()
		if other, twice := seen[text]; twice {
			t.Errorf("%s says %q, as %q does", kind, text, other)
		}
		seen[text] = kind
	}
}

package payments

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

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

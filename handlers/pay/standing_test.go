package pay

import (
	"testing"
	"time"

	"saoma/models"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// standingOf is an order with one live attempt, changed as a test asks.
func standingOf(change func(o *models.Order, p *models.Payment)) standing {
	id := "o1"
	p := models.Payment{
		ID: "p1", Status: models.PaymentPending, Action: models.ActionCode, LiveOrderID: &id,
		ExpiresAt: noon.Add(15 * time.Minute), CheckAt: new(noon),
	}
	o := &models.Order{ID: id, Status: models.OrderPending, ExpiresAt: noon.Add(15 * time.Minute), UpdatedAt: noon}
	change(o, &p)
	o.Payments = []models.Payment{p}
	return standing{order: o, now: noon}
}

func TestStanding(t *testing.T) {
	paidBy := func(confirmed bool) func(o *models.Order, p *models.Payment) {
		return func(o *models.Order, p *models.Payment) {
			o.Status, o.PaymentID, p.Status, p.LiveOrderID = models.OrderPaid, &p.ID, models.PaymentSucceeded, nil
			if confirmed {
				p.ConfirmedAt = &noon
			}
		}
	}
	closedAs := func(status models.OrderStatus, ago time.Duration) func(o *models.Order, p *models.Payment) {
		return func(o *models.Order, _ *models.Payment) {
			o.Status, o.UpdatedAt = status, noon.Add(-ago)
		}
	}
	tests := []struct {
		name   string
		change func(o *models.Order, p *models.Payment)
		review bool
		state  state
		final  bool
		ask    bool
	}{
		{"waiting", func(*models.Order, *models.Payment) {}, false, stateWaiting, false, true},
		{"being looked at", func(*models.Order, *models.Payment) {}, true, stateReview, false, true},
		{"attempt over", func(_ *models.Order, p *models.Payment) { p.ExpiresAt = noon }, false, stateChoose, false, true},
		{"attempt not live", func(_ *models.Order, p *models.Payment) { p.LiveOrderID = nil }, false, stateChoose, false, true},
		{"attempt failed", func(_ *models.Order, p *models.Payment) { p.Status, p.LiveOrderID = models.PaymentFailed, nil }, false, stateChoose, false, true},
		{"attempt not watched", func(_ *models.Order, p *models.Payment) { p.CheckAt = nil }, false, stateWaiting, false, false},
		{"confirming", paidBy(false), false, stateConfirming, false, true},
		{"confirming, being looked at", paidBy(false), true, stateReview, false, true},
		{"paid", paidBy(true), false, statePaid, true, false},
		{"paid, being looked at", paidBy(true), true, statePaid, true, false},
		{"fulfilled", func(o *models.Order, p *models.Payment) {
			paidBy(true)(o, p)
			o.Status = models.OrderFulfilled
		}, false, statePaid, true, false},
		{"over, not yet written down", func(o *models.Order, _ *models.Payment) { o.ExpiresAt = noon }, false, stateExpired, false, true},
		{"expired just now", closedAs(models.OrderExpired, 0), false, stateExpired, false, true},
		{"expired", closedAs(models.OrderExpired, afterglow+1), false, stateExpired, true, true},
		{"canceled just now", closedAs(models.OrderCanceled, 0), false, stateCanceled, false, true},
		{"canceled", closedAs(models.OrderCanceled, afterglow+1), false, stateCanceled, true, true},
		{"expired, being looked at", closedAs(models.OrderExpired, afterglow+1), true, stateReview, false, true},
	}
	versions := map[string]string{}
	for _, tt := range tests {
		s := standingOf(tt.change)
		s.review = tt.review
		if got := s.state(); got != tt.state {
			t.Errorf("%s: state got %s, want %s", tt.name, got, tt.state)
		}
		if got := s.final(); got != tt.final {
			t.Errorf("%s: final got %v, want %v", tt.name, got, tt.final)
		}
		if got := s.worthAsking(); got != tt.ask {
			t.Errorf("%s: worth asking got %v, want %v", tt.name, got, tt.ask)
		}
		version := s.version()
		if s.version() != version {
			t.Errorf("%s: the version changes by itself", tt.name)
		}
		key := string(s.state()) + string(s.order.Status) + string(s.order.Payments[0].Status)
		if other, ok := versions[version]; ok && other != key {
			t.Errorf("%s: version got %s, which %s has too", tt.name, version, other)
		}
		versions[version] = key
	}
}

func TestStandingTellsOfThePaymentThatPaid(t *testing.T) {
	s := standingOf(func(*models.Order, *models.Payment) {})
	s.order.Payments = []models.Payment{
		{ID: "p3", Status: models.PaymentFailed}, {ID: "p2", Status: models.PaymentClosed}, {ID: "p1", Status: models.PaymentSucceeded},
	}
	if got := s.payment().ID; got != "p3" {
		t.Errorf("unpaid: got %s, want the newest, p3", got)
	}
	s.order.PaymentID = &s.order.Payments[2].ID
	if got := s.payment().ID; got != "p1" {
		t.Errorf("paid: got %s, want p1", got)
	}
}

func TestClock(t *testing.T) {
	for left, want := range map[time.Duration]string{
		-time.Second:                      "0:00",
		0:                                 "0:00",
		59*time.Second + 999999:           "0:59",
		15 * time.Minute:                  "15:00",
		time.Hour + 2*time.Minute + 3*1e9: "1:02:03",
		24 * time.Hour:                    "24:00:00",
	} {
		if got := clock(left); got != want {
			t.Errorf("clock(%s): got %q, want %q", left, got, want)
		}
	}
}

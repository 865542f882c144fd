package pay

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

// streaming is the pages on a real connection, since only there do time-outs and readers who
// leave exist. Its write timeout is far shorter than any stream.
type streaming struct {
	*Pages
	app     *fiber.App
	address string
	late    *atomic.Int64
}

func newStreaming(t *testing.T) *streaming {
	t.Helper()
	s := &streaming{late: new(atomic.Int64)}
	o := modelstest.Options(t)
	o.Now = func() time.Time { return time.Now().Add(time.Duration(s.late.Load())) }
	store := modelstest.Open(t, o)
	modelstest.Product(t, store, "cup", 12850, 10)
	base, err := web.New(web.Config{
		PublicURL: "http://shop.test", Currency: "CNY", Languages: []string{"en"},
		TimeZone: time.UTC, SecretKey: []byte(strings.Repeat("k", 32)),
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s.Pages = New(base, payments.New(payments.Config{Store: store, Log: log}), log)
	s.heartbeatEvery = 5 * time.Millisecond
	s.app = fiber.New(fiber.Config{
		DisableStartupMessage: true, Immutable: true, WriteTimeout: streamTimeout, ReadTimeout: streamTimeout,
	})
	s.app.Get("/o/:token/events", s.Events)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = "http://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.app.Listener(listener) }()
	t.Cleanup(func() {
		s.Drain()
		if err := s.app.ShutdownWithTimeout(10 * time.Second); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// watch opens a stream of events.
func (s *streaming) watch(t *testing.T, ctx context.Context, o *models.Order) *reader {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+"/o/"+o.Token+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return &reader{answer: answer, lines: bufio.NewScanner(answer.Body)}
}

// reader reads one stream of events.
type reader struct {
	answer *http.Response
	lines  *bufio.Scanner
	beats  int // comments seen
}

// next returns the next event's id and data; ok is false at the stream's end.
func (r *reader) next(t *testing.T) (id string, data status, ok bool) {
	t.Helper()
	for r.lines.Scan() {
		line := r.lines.Text()
		switch {
		case strings.HasPrefix(line, ":"):
			r.beats++
		case strings.HasPrefix(line, "id: "):
			id = strings.TrimPrefix(line, "id: ")
		case strings.HasPrefix(line, "data: "):
			if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &data); err != nil {
				t.Fatalf("event %q: %v", line, err)
			}
			return id, data, true
		}
	}
	return "", data, false
}

// event returns the next event, which must be there.
func (r *reader) event(t *testing.T) (string, status) {
	t.Helper()
	id, data, ok := r.next(t)
	if !ok {
		t.Fatalf("the stream ended: %v", r.lines.Err())
	}
	return id, data
}

func (r *reader) wantEnd(t *testing.T) {
	t.Helper()
	if id, data, ok := r.next(t); ok {
		t.Errorf("got event %s %+v, want the end of the stream", id, data)
	}
}

func TestEventsTellEachChangeAndEnd(t *testing.T) {
	s := newStreaming(t)
	o := modelstest.Order(t, s.store, "cup")
	r := s.watch(t, t.Context(), o)
	if got := r.answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type: got %q", got)
	}
	if got := r.answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("cache control: got %q", got)
	}
	ids := map[string]bool{}
	id, data := r.event(t)
	ids[id] = true
	if data.Status != models.OrderPending || data.Payment != nil || data.Number != o.Number {
		t.Errorf("at once: got %+v, want the pending order without a payment", data)
	}
	p := Attempt(t, s.store, o, models.WeChat, models.ActionCode, "x")
	id, data = r.event(t)
	ids[id] = true
	if data.Payment == nil || data.Payment.Status != models.PaymentPending {
		t.Errorf("with an attempt: got %+v, want it pending", data)
	}
	Settle(t, s.store, o, p, false)
	id, data = r.event(t)
	ids[id] = true
	if data.Status != models.OrderPaid || data.PaidAt == nil {
		t.Errorf("paid: got %+v, want paid", data)
	}
	InTx(t, s.store, func(tx *models.Tx) error {
		return tx.ChangePayment(p, models.PaymentChange{ConfirmedAt: tx.Now()})
	})
	id, _ = r.event(t)
	ids[id] = true
	if len(ids) != 4 {
		t.Errorf("ids of four different pages: got %v", ids)
	}
	r.wantEnd(t)
}

func TestEventsOfAFinalOrder(t *testing.T) {
	s := newStreaming(t)
	o := modelstest.Order(t, s.store, "cup")
	Settle(t, s.store, o, Attempt(t, s.store, o, models.WeChat, models.ActionCode, "x"), true)
	r := s.watch(t, t.Context(), o)
	if _, data := r.event(t); data.Status != models.OrderPaid {
		t.Errorf("got %+v, want paid", data)
	}
	r.wantEnd(t)
}

// The server's write timeout is for a whole answer. A stream that lives through many of them
// must not be cut by it.
// streamTimeout is the server's for reading and writing: short, and long enough for a busy machine to begin.
const streamTimeout = 500 * time.Millisecond

func TestEventsOutliveTheWriteTimeout(t *testing.T) {
	s := newStreaming(t)
	s.heartbeatEvery = 20 * time.Millisecond
	o := modelstest.Order(t, s.store, "cup")
	r := s.watch(t, t.Context(), o)
	r.event(t)
	for begun := time.Now(); r.beats < 20 || time.Since(begun) < 2*streamTimeout; {
		if !r.lines.Scan() {
			t.Fatalf("the stream ended after %d heartbeats: %v", r.beats, r.lines.Err())
		}
		if strings.HasPrefix(r.lines.Text(), ":") {
			r.beats++
		}
	}
	Shut(t, s.store, o, models.OrderCanceled)
	if _, data := r.event(t); data.Status != models.OrderCanceled {
		t.Errorf("got %+v, want canceled", data)
	}
}

// That an order's time is over shows before anybody has written it down.
func TestEventsTellWhatTimeAloneChanges(t *testing.T) {
	s := newStreaming(t)
	o := modelstest.Order(t, s.store, "cup")
	Attempt(t, s.store, o, models.WeChat, models.ActionCode, "x")
	r := s.watch(t, t.Context(), o)
	before, _ := r.event(t)
	s.late.Store(int64(modelstest.Settings.PaymentWindow))
	after, data := r.event(t)
	if after == before || data.Status != models.OrderPending {
		t.Errorf("got event %s %+v after %s, want another version of the pending order", after, data, before)
	}
	Shut(t, s.store, o, models.OrderExpired)
	if _, data := r.event(t); data.Status != models.OrderExpired {
		t.Errorf("got %+v, want expired", data)
	}
	s.late.Add(int64(afterglow + time.Second))
	r.event(t) // the page that watches no more
	r.wantEnd(t)
}

func TestEventsEndWhenTheShopStops(t *testing.T) {
	s := newStreaming(t)
	o := modelstest.Order(t, s.store, "cup")
	r := s.watch(t, t.Context(), o)
	r.event(t)
	s.Drain()
	r.wantEnd(t)
	r = s.watch(t, t.Context(), o) // one that comes too late is told once
	r.event(t)
	r.wantEnd(t)
}

func TestEventsEndByThemselves(t *testing.T) {
	s := newStreaming(t)
	s.streamLife = time.Millisecond
	r := s.watch(t, t.Context(), modelstest.Order(t, s.store, "cup"))
	r.event(t)
	r.wantEnd(t)
}

func TestEventsForgetReadersWhoLeft(t *testing.T) {
	s := newStreaming(t)
	o := modelstest.Order(t, s.store, "cup")
	ctx, leave := context.WithCancel(t.Context())
	for range maxWatchersPerOrder {
		s.watch(t, ctx, o).event(t)
	}
	if got := s.watch(t, t.Context(), o).answer.StatusCode; got != http.StatusServiceUnavailable {
		t.Errorf("one too many: got %d, want 503", got)
	}
	leave()
	for s.watching() > 0 { // until the test times out
		time.Sleep(time.Millisecond)
	}
	s.watch(t, t.Context(), o).event(t)
}

func (s *streaming) watching() int {
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	return s.watchers.total
}

package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

func TestFailureOf(t *testing.T) {
	tests := []struct {
		err  error
		want failure
	}{
		{models.ErrOrderNotFound, failure{404, "error.order_not_found"}},
		{fmt.Errorf("place order: %w", models.ErrOutOfStock.Because(errors.New("sku X"))), failure{409, "error.out_of_stock"}},
		{models.ErrCartEmpty, failure{400, "error.cart_empty"}},
		{models.ErrStoreDown, failure{503, "error.store_down"}},
		{&models.Error{Kind: models.TooMany, Key: "error.too_many"}, failure{429, "error.too_many"}},
		{&models.Error{Kind: models.Internal, Key: "error.secret"}, failure{500, "error.internal"}},
		{errors.New("no such column"), failure{500, "error.internal"}},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), failure{503, "error.store_down"}},
		{web.ErrForeignForm, failure{403, "error.foreign_form"}},
		{fiber.ErrNotFound, failure{404, "error.page_not_found"}},
		{fiber.ErrMethodNotAllowed, failure{405, "error.method"}},
		{fiber.ErrRequestEntityTooLarge, failure{413, "error.too_large"}},
		{fiber.ErrInternalServerError, failure{500, "error.internal"}},
		{fiber.ErrTeapot, failure{418, "error.bad_request"}},
		{errors.Join(models.ErrOutOfStock, models.ErrStoreDown), failure{409, "error.out_of_stock"}},
	}
	for _, tt := range tests {
		if got := failureOf(tt.err); got != tt.want {
			t.Errorf("failureOf(%v): got %v, want %v", tt.err, got, tt.want)
		}
	}
}

// TestFailuresAsShown answers errors at each kind of address: no cause is ever shown, and no
// body could be taken for an acknowledgement.
func TestFailuresAsShown(t *testing.T) {
	s := newShop(t)
	causes := []error{
		models.ErrStoreDown.Because(errors.New("success: dial tcp 10.0.0.1")), errors.New("success"),
		models.ErrOrderNotFound, web.ErrForeignForm, fiber.NewError(404, "success"),
	}
	app := fiber.New(fiber.Config{ErrorHandler: s.app.fail})
	for i, cause := range causes {
		for _, pattern := range []string{"/pay/notify/fail%d", "/o/fail%d/status", "/fail%d"} {
			app.Get(fmt.Sprintf(pattern, i), func(*fiber.Ctx) error { return cause })
		}
	}
	s.app.App = app
	b := s.browse(desktop)
	for i, want := range []string{"service unavailable", "internal server error", "order not found", "forbidden", "not found"} {
		if got := b.get(fmt.Sprintf("/o/fail%d/status", i)).body; got != `{"error":"`+want+`"}` {
			t.Errorf("to a program, %v: got %s, want %q", causes[i], got, want)
		}
	}
	for i, cause := range causes {
		want := failureOf(cause)
		for pattern, contentType := range map[string]string{
			"/pay/notify/fail%d": "text/plain", "/o/fail%d/status": "application/json", "/fail%d": "text/html",
		} {
			target := fmt.Sprintf(pattern, i)
			got := b.get(target)
			got.check(t, target, want.status, "", nil, []string{"success", "10.0.0.1"})
			if !strings.HasPrefix(got.header.Get("Content-Type"), contentType) {
				t.Errorf("%s: got type %s, want %s", target, got.header.Get("Content-Type"), contentType)
			}
			if retry := got.header.Get("Retry-After") != ""; retry != (want.status == 503) {
				t.Errorf("%s: got Retry-After %t for status %d", target, retry, want.status)
			}
		}
	}
}

// send writes bytes as they are to a listening shop and reads the answer.
func send(t *testing.T, s *testShop, raw string) *http.Response {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.app.Listener(l) }()
	t.Cleanup(func() {
		if err := s.app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// upload is the beginning of a request with a file of so many bytes, and all of it if it is small.
func upload(target string, bytes int) string {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", target, bytes)
	return head + strings.Repeat("x", min(bytes, 2<<20))
}

// What is too large for the desk is told with the limit of its address, and the way back to the form.
func TestTooLargeForTheDesk(t *testing.T) {
	for target, want := range map[string][]string{
		"/admin/goods/1/picture":   {"Nothing was saved. At most 8 MB can be sent here.", `href="/admin/goods/1"`},
		"/admin/settings/picture":  {"At most 8 MB can be sent here.", `href="/admin/settings"`},
		"/admin/goods/import":      {"At most 2 MB can be sent here.", `href="/admin/goods/import"`},
		"/admin/reconcile":         {"At most 16 MB can be sent here.", `href="/admin/reconcile"`},
		"/admin/settings/texts/en": {"At most 1 MB can be sent here.", `href="/admin/settings"`},
	} {
		got := send(t, newShop(t), upload(target, 17<<20+1))
		body, err := io.ReadAll(got.Body)
		if err != nil || got.StatusCode != 413 {
			t.Fatalf("%s: got %d, %v", target, got.StatusCode, err)
		}
		for _, text := range want {
			if !strings.Contains(string(body), text) {
				t.Errorf("%s: got no %q in\n%s", target, text, body)
			}
		}
	}
}

func TestRefusedOnTheWire(t *testing.T) {
	tests := []struct {
		name, raw string
		want      int
	}{
		{"honest", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		{"chunked", "POST /cart/items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 403},
		{"two lengths", "POST /cart/items HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"two lengths, other order and case", "POST /cart/items HTTP/1.1\r\nHost: x\r\ntransfer-ENCODING: chunked\r\ncontent-LENGTH: 5\r\n\r\n0\r\n\r\n", 400},
		{"compressed", "POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", 415},
		{"not compressed, and says so", "POST /pay/notify/scanforpay HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 401},
		{"compressed, said second", "POST /pay/notify/scanforpay HTTP/1.1\r\nHost: x\r\nContent-Encoding: identity\r\nContent-Encoding: GZIP\r\nContent-Length: 1\r\n\r\nx", 415},
		{"more than a megabyte", "POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n", 413},
		{"a statement of more than a megabyte", upload("/admin/reconcile?day=2026-11-20", 1<<20+1), 303}, // to the login
		{"a statement that is too large", upload("/admin/reconcile?day=2026-11-20", 17<<20+1), 413},
		{"a picture of more than a megabyte", upload("/admin/goods/1/picture", 1<<20+1), 303},
		{"a picture of an article", upload("/admin/goods/sku/%E8%8C%B6/picture", 1<<20+1), 303},
		{"a catalogue of more than a megabyte", upload("/admin/goods/import", 1<<20+1), 303},
		{"a picture that is too large", upload("/admin/goods/1/picture", 17<<20+1), 413},
		{"more than a megabyte where goods take no file", upload("/admin/goods/1", 1<<20+1), 413},
		{"address that cannot be read", "GET /products/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		{"headers beyond the buffer", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", readBufferSize) + "\r\n\r\n", 431},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := send(t, newShop(t), tt.raw)
			if got.StatusCode != tt.want {
				t.Errorf("got %d, want %d", got.StatusCode, tt.want)
			}
			if tt.want >= 400 && got.Header.Get("Content-Security-Policy") == "" {
				t.Error("got an error page without a content policy")
			}
		})
	}
}

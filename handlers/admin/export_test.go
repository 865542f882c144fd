package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// watched is a listener that counts how often its connections are given more time to write.
type watched struct {
	net.Listener
	given *atomic.Int64
}

type watchedConn struct {
	net.Conn
	given *atomic.Int64
}

func (l watched) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return watchedConn{conn, l.given}, err
}

func (c watchedConn) SetWriteDeadline(t time.Time) error {
	c.given.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

// serve answers by the app on a real address, and returns it.
func serve(t *testing.T, app *fiber.App) (address string, given *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	given = &atomic.Int64{}
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(watched{l, given}) }()
	t.Cleanup(func() {
		if err := errors.Join(app.Shutdown(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String(), given
}

// Every export waits anew for its reader with each piece: the server's own patience is for a whole answer.
func TestExportsArePatient(t *testing.T) {
	s := newSold(t)
	m := s.hire("ada@example.com", owner)
	b := s.as(m)
	err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
		for range 600 {
			if err := tx.AddAudit(models.CommandLine(), models.ActNote, "", strings.Repeat("x", 100)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	address, given := serve(t, s.app)
	for target, pieces := range map[string]int64{"/admin/audit": 0, "/admin/audit.csv": 20, "/admin/orders.csv": 1, "/admin/orders.xlsx": 1} {
		before := given.Load()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range b.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
			t.Fatalf("%s: got %d, %d bytes, %v", target, answer.StatusCode, len(body), err)
		}
		if got := given.Load() - before; got < pieces || pieces == 0 && got > 0 {
			t.Errorf("%s: got time for %d pieces of %d bytes, want at least %d, and for a page none", target, got, len(body), pieces)
		}
	}
}

// A file that breaks off does not look whole, whatever breaks it off.
func TestExportThatBreaksOff(t *testing.T) {
	d := newDesk(t)
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	for path, end := range map[string]func() error{
		"/whole": func() error { return nil }, "/error": func() error { return errors.New("no more") }, "/fault": func() error { panic("no more") },
	} {
		app.Get(path, func(c *fiber.Ctx) error {
			d.pages.stream(c, "test", func(_ context.Context, w io.Writer) error {
				if _, err := io.WriteString(w, strings.Repeat("line\n", 10_000)); err != nil {
					return err
				}
				return end()
			})
			return nil
		})
	}
	address, _ := serve(t, app)
	for _, path := range []string{"/error", "/fault", "/whole"} {
		answer, err := http.Get(address + path)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		if whole := err == nil; whole != (path == "/whole") {
			t.Errorf("%s: got %v, want only a whole file to end well", path, err)
		}
	}
}

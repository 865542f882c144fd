package pay

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
)

// Times of a stream of events. It ends now and then so that a forgotten tab, or one that moved
// to another network, does not hold a connection for ever; pages come back by themselves.
const (
	heartbeatEvery = 15 * time.Second
	streamLife     = 10 * time.Minute
	writePatience  = 10 * time.Second // for a reader that does not take what it is sent
	reconnectAfter = 3 * time.Second
)

// Events tells how the order stands, at once and after each change, until it stands finally.
// Each event carries the version of the order page as its id.
func (p *Pages) Events(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	token := c.Params("token")
	order, err := p.store.OrderByToken(ctx, token)
	if err != nil {
		return err
	}
	if !p.watchers.enter(order.ID) {
		c.Set(fiber.HeaderRetryAfter, "10")
		return c.SendStatus(fiber.StatusServiceUnavailable)
	}
	private(c)
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set("X-Accel-Buffering", "no") // for nginx, which would keep events back
	c.Context().SetConnectionClose()
	changed, unsubscribe := p.store.Subscribe(order.ID)
	conn := c.Context().Conn()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer p.watchers.leave(order.ID)
		defer unsubscribe()
		defer p.survive()
		stream := &stream{pages: p, token: token, conn: conn, w: w}
		stream.run(changed)
	})
	return nil
}

// survive keeps a fault in one stream, which runs outside the app's own recovery, from ending
// the whole shop.
func (p *Pages) survive() {
	if fault := recover(); fault != nil {
		p.log.Error("event stream failed", "err", fmt.Sprint(fault))
	}
}

// stream is one page that watches one order.
type stream struct {
	pages *Pages
	token string
	conn  net.Conn
	w     *bufio.Writer
	seen  standing
	sent  string // the event sent last
}

// run sends events until the order stands finally, the reader is gone, the stream is old, the
// order cannot be read, or the shop shuts down. Between events it holds nothing but itself.
func (s *stream) run(changed <-chan struct{}) {
	heartbeat := time.NewTicker(s.pages.heartbeatEvery)
	defer heartbeat.Stop()
	end := time.NewTimer(s.pages.streamLife)
	defer end.Stop()

	err := s.send(fmt.Sprintf("retry: %d\n\n", reconnectAfter.Milliseconds()))
	if err == nil {
		err = s.read()
	}
	for err == nil && !s.seen.final() {
		select {
		case <-changed:
			err = s.read()
		case <-heartbeat.C:
			err = s.beat()
		case <-end.C:
			return
		case <-s.pages.draining:
			return
		}
	}
}

// read reads the order and tells how it stands if that is news.
func (s *stream) read() error {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	var err error
	if s.seen, err = s.pages.standing(ctx, s.token); err != nil {
		return err
	}
	return s.tell()
}

// beat shows that the stream is alive, and tells what has changed by the passing of time alone.
func (s *stream) beat() error {
	s.seen.now = s.pages.store.Now()
	if err := s.tell(); err != nil {
		return err
	}
	return s.send(":\n\n")
}

func (s *stream) tell() error {
	data, err := s.seen.json()
	if err != nil {
		return err
	}
	event := fmt.Sprintf("id: %s\ndata: %s\n\n", s.seen.version(), data)
	if event == s.sent {
		return nil
	}
	s.sent = event
	return s.send(event)
}

// send writes with a deadline of its own: the server's is set once for a whole answer, and
// would cut the stream.
func (s *stream) send(text string) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	if _, err := s.w.WriteString(text); err != nil {
		return err
	}
	return s.w.Flush()
}

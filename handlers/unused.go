package handlers

import (
	"net"
	"sync"
	"time"
)

// unused knows the connections on which nothing was asked yet: browsers open some ahead. A server
// that shuts down would wait for their first request until the read time-out.
type unused struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// lateRequest is how long a connection that was just opened may take to ask something.
const lateRequest = time.Second

// listen returns the listener with its connections watched.
func (u *unused) listen(l net.Listener) net.Listener { return watchedListener{l, u} }

// close closes the connections on which nothing was asked.
func (u *unused) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for c := range u.conns {
		_ = c.Close() // nobody waits for an answer on it
	}
}

func (u *unused) add(c net.Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.conns[c] = struct{}{}
}

func (u *unused) remove(c net.Conn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.conns, c)
}

type watchedListener struct {
	net.Listener
	unused *unused
}

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.unused.add(c)
	return &watchedConn{Conn: c, unused: l.unused}, nil
}

type watchedConn struct {
	net.Conn
	unused *unused
	used   sync.Once
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.used.Do(func() { c.unused.remove(c.Conn) })
	return n, err
}

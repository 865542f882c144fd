package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a server may do at a step of the conversation instead of going on. Any other text is what it
// answers.
const (
	hang = "hang"
	drop = "drop"
)

// server is a mail server on loopback. It speaks SMTP and keeps what it takes, unless it is told to
// misbehave at one of the steps greet, ehlo, starttls, auth, mail, rcpt, data, inside (the message), dot
// and quit.
type server struct {
	t        testing.TB
	listener net.Listener
	pair     *tls.Certificate // it offers STARTTLS; nil: it does not
	implicit bool             // encrypted from the start
	account  string           // user and password, with a zero byte before each; empty: it wants none
	done     chan struct{}
	work     sync.WaitGroup

	mu       sync.Mutex
	steps    map[string]string
	received []received
	conns    int
}

// received is a mail that the server has taken.
type received struct {
	from, to, data string
	encrypted      bool
	account        string
}

func newServer(t testing.TB) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &server{t: t, listener: l, done: make(chan struct{}), steps: map[string]string{}}
}

// start takes connections until the test ends.
func (s *server) start() *server {
	s.t.Cleanup(func() {
		close(s.done)
		s.listener.Close()
		s.work.Wait()
	})
	s.work.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			s.work.Go(func() {
				defer conn.Close()
				(&conversation{server: s, conn: conn}).hold()
			})
		}
	})
	return s
}

func (s *server) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// at says what the server does at a step from now on; empty: what it should.
func (s *server) at(step, does string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[step] = does
}

func (s *server) mails() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.received...)
}

// connections is how often the server was called.
func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// certify gives the server a certificate for its address, and returns who vouches for it.
func (s *server) certify() *x509.CertPool {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	s.pair = &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}

// conversation is one connection to the server.
type conversation struct {
	server *server
	conn   net.Conn
	lines  *bufio.Reader
	mail   received
}

func (c *conversation) encrypt() bool {
	secure := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{*c.server.pair}})
	if secure.Handshake() != nil {
		return false
	}
	c.conn, c.lines, c.mail.encrypted = secure, bufio.NewReader(secure), true
	return true
}

// answer answers at a step, or misbehaves; false: the conversation is over, or not as it should be.
func (c *conversation) answer(step, reply string) bool {
	c.server.mu.Lock()
	does := c.server.steps[step]
	c.server.mu.Unlock()
	switch does {
	case hang:
		<-c.server.done
		return false
	case drop:
		c.conn.Close()
		return false
	case "":
		_, err := io.WriteString(c.conn, reply+"\r\n")
		return err == nil
	}
	io.WriteString(c.conn, does+"\r\n")
	return false
}

func (c *conversation) hold() {
	c.lines = bufio.NewReader(c.conn)
	if c.server.implicit && !c.encrypt() {
		return
	}
	if !c.answer("greet", "220 mx.test ESMTP") {
		return
	}
	for {
		text, err := c.lines.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(text, "\r\n"), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			c.answer("ehlo", c.extensions())
		case "STARTTLS":
			if c.answer("starttls", "220 go ahead") && !c.encrypt() {
				return
			}
		case "AUTH":
			c.logIn(rest)
		case "MAIL":
			c.mail.from = rest
			c.answer("mail", "250 ok")
		case "RCPT":
			c.mail.to = rest
			c.answer("rcpt", "250 ok")
		case "DATA":
			if c.answer("data", "354 go ahead") && !c.take() {
				return
			}
		case "RSET", "NOOP":
			c.answer("", "250 ok")
		case "QUIT":
			c.answer("quit", "221 bye")
			return
		default:
			c.answer("", "500 what?")
		}
	}
}

func (c *conversation) extensions() string {
	lines := []string{"250-mx.test", "250-8BITMIME"}
	if c.server.pair != nil && !c.mail.encrypted {
		lines = append(lines, "250-STARTTLS")
	}
	if c.server.account != "" {
		lines = append(lines, "250-AUTH PLAIN LOGIN")
	}
	return strings.Join(append(lines, "250 ENHANCEDSTATUSCODES"), "\r\n")
}

func (c *conversation) logIn(how string) {
	_, coded, _ := strings.Cut(how, " ")
	account, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || string(account) != c.server.account {
		c.answer("", "535 5.7.8 wrong user or password")
		return
	}
	if c.answer("auth", "235 ok") {
		c.mail.account = string(account)
	}
}

// take reads a message and keeps it.
func (c *conversation) take() bool {
	var data strings.Builder
	for {
		text, err := c.lines.ReadString('\n')
		if err != nil {
			return false
		}
		c.server.mu.Lock()
		inside := c.server.steps["inside"]
		c.server.mu.Unlock()
		if inside == drop {
			c.conn.Close()
			return false
		}
		if text == ".\r\n" {
			break
		}
		data.WriteString(strings.TrimPrefix(text, "."))
	}
	c.server.mu.Lock()
	refuse := c.server.steps["dot"]
	if refuse == "" {
		c.mail.data = data.String()
		c.server.received = append(c.server.received, c.mail)
	}
	c.server.mu.Unlock()
	c.answer("dot", "250 2.0.0 taken")
	return refuse != drop && refuse != hang
}

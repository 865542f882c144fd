package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"

	"saoma/payments/sandbox"
)

// mailServer takes every mail, or answers nothing at all.
type mailServer struct {
	listener net.Listener
	silent   bool

	mu    sync.Mutex
	calls int
	mails []string
}

func startMailServer(t testing.TB, silent bool) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{listener: l, silent: silent}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.calls++
			s.mu.Unlock()
			go s.converse(conn)
		}
	}()
	return s
}

// mailAt is the line that makes a shop use the mail server at the address.
func mailAt(t testing.TB, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("mail: {host: %q, port: %s, tls: none, from: orders@shop.example}", host, port)
}

func (s *mailServer) converse(conn net.Conn) {
	defer conn.Close()
	if s.silent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	lines := bufio.NewScanner(conn)
	say := func(text string) { fmt.Fprint(conn, text+"\r\n") }
	say("220 mx.test")
	for lines.Scan() {
		switch verb, _, _ := strings.Cut(lines.Text(), " "); verb {
		case "DATA":
			say("354 go ahead")
			var data strings.Builder
			for lines.Scan() && lines.Text() != "." {
				fmt.Fprintln(&data, lines.Text())
			}
			s.mu.Lock()
			s.mails = append(s.mails, data.String())
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// subjects are those of the mails taken so far, in order.
func (s *mailServer) subjects(t testing.TB) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var subjects []string
	for _, data := range s.mails {
		m, err := mail.ReadMessage(strings.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		subjects = append(subjects, m.Header.Get("Subject"))
	}
	slices.Sort(subjects)
	return subjects
}

func (s *mailServer) called() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls > 0
}

// TestMail: a buyer who orders and pays is written to twice.
func TestMail(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, false)
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d, mailAt(t, server.listener.Addr().String()))
		b := s.visitor(desktopChrome)
		b.order("EBOOK", "wechat")
		token := b.token()
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
		b.awaitState(token, "paid")
		var number string
		if err := s.db.QueryRow("SELECT number FROM orders").Scan(&number); err != nil {
			t.Fatal(err)
		}
		own := func() []string {
			return slices.DeleteFunc(server.subjects(t), func(subject string) bool { return !strings.Contains(subject, number) })
		}
		await(t, "two mails that are known to be sent", func() bool {
			return s.count("SELECT COUNT(*) FROM mails WHERE status = 'sent'") == 2
		})
		if got, want := own(), []string{"We have your order " + number, "Your order " + number + " is paid"}; !slices.Equal(got, want) {
			t.Errorf("got the mails %q, want %q", got, want)
		}
		s.audit()
	})
}

// TestMailServerHangs: nobody but the mails waits for a mail server that does not answer.
func TestMailServerHangs(t *testing.T) {
	t.Parallel()
	server := startMailServer(t, true)
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d, mailAt(t, server.listener.Addr().String()))
		b := s.visitor(desktopChrome)
		b.order("EBOOK", "wechat")
		await(t, "a call to the mail server", server.called)
		token := b.token()
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
		b.awaitState(token, "paid")
		b.order("TEA-SET", "alipay")
		s.audit()
		s.stop() // in good order
		if waiting := s.count("SELECT COUNT(*) FROM mails WHERE status = 'queued' AND try_at IS NOT NULL"); waiting != 3 {
			t.Errorf("got %d mails that wait, want 3", waiting)
		}
	})
}

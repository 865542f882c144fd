package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/models/modelstest"
)

// post is a shop whose buyers get mail, with its mail server and its own clock.
type post struct {
	*Mailer
	*clock
	t      testing.TB
	server *server
	logged *safeBuffer
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) later(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// newPost returns a shop with a mail server that takes everything, in the clear.
func newPost(t testing.TB, o models.Options) *post {
	return newPostAt(t, o, newServer(t).start(), Config{TLS: NoTLS})
}

// newPostAt returns a shop that uses the mail server as it is told.
func newPostAt(t testing.TB, o models.Options, s *server, c Config) *post {
	t.Helper()
	now := &clock{now: time.Now()}
	o.Mail, o.Now = true, now.read
	store := modelstest.Open(t, o)
	modelstest.Product(t, store, "cup", 2500, 1000)
	return newPostOn(t, store, now, s, c)
}

// newPostOn does so on a store that is there.
func newPostOn(t testing.TB, store *models.Store, now *clock, s *server, c Config) *post {
	t.Helper()
	c.Host, c.Port, c.From = "127.0.0.1", s.port(), "orders@shop.example"
	p := &post{clock: now, t: t, server: s, logged: &safeBuffer{}}
	p.Mailer = newMailer(t, store, c, p.logged)
	return p
}

func newMailer(t testing.TB, store *models.Store, c Config, logged io.Writer) *Mailer {
	t.Helper()
	base, err := web.New(web.Config{
		PublicURL: "https://shop.example", Currency: "CNY", Languages: []string{"en", "zh-Hans", "zh-Hant", "ja"},
		TimeZone: time.UTC, SecretKey: []byte("a secret key of thirty-two bytes"),
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(base, c, slog.New(slog.NewTextHandler(logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (p *post) order() *models.Order {
	p.t.Helper()
	return modelstest.Order(p.t, p.store, "cup")
}

// pass lets the mailer go through the queue once.
func (p *post) pass() {
	p.t.Helper()
	if err := p.SendDue(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

// row returns the one mail about the order.
func (p *post) row(o *models.Order) models.Mail {
	p.t.Helper()
	rows, err := p.store.Mails(context.Background(), o.ID)
	if err != nil || len(rows) != 1 {
		p.t.Fatalf("mails of order %s: got %v, %v; want one", o.Number, rows, err)
	}
	return rows[0]
}

// forget takes the order's mail out of the queue, so that it is not in the way of the next one.
func (p *post) forget(o *models.Order) {
	p.t.Helper()
	row := p.row(o)
	if row.Status != models.MailQueued {
		return
	}
	if _, err := p.store.ClaimMail(context.Background(), &row, p.read()); err != nil {
		p.t.Fatal(err)
	}
	if err := p.store.MailFailed(context.Background(), &row, "", time.Time{}); err != nil {
		p.t.Fatal(err)
	}
}

// letter is a mail as its reader's program reads it.
type letter struct {
	header     mail.Header
	subject    string
	text, html string
}

func read(t testing.TB, data string) letter {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	l := letter{header: msg.Header}
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("got content %s, %v; want multipart/alternative", kind, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(string(raw), "\r\n", "\n")
		switch kind := part.Header.Get("Content-Type"); kind {
		case "text/plain; charset=UTF-8":
			l.text = body
		case "text/html; charset=UTF-8":
			l.html = body
		default:
			t.Errorf("got a part of type %s", kind)
		}
	}
}

func TestSends(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		o.Settings.ShopName = "Käse & Brot"
		p := newPostAt(t, o, newServer(t).start(), Config{TLS: NoTLS, ReplyTo: "Help <help@shop.example>"})
		order := p.order()
		p.pass()
		p.pass()
		got := p.server.mails()
		if len(got) != 1 {
			t.Fatalf("got %d mails, want 1", len(got))
		}
		if got[0].from != "FROM:<orders@shop.example> BODY=8BITMIME" || got[0].to != "TO:<ada@example.com>" {
			t.Errorf("on the envelope: got %q and %q", got[0].from, got[0].to)
		}
		row := p.row(order)
		if row.Status != models.MailSent || row.SentAt == nil || row.TryAt != nil {
			t.Errorf("got %+v, want it sent", row)
		}
		l := read(t, got[0].data)
		for name, want := range map[string]string{
			"From": "Käse & Brot <orders@shop.example>", "To": "<ada@example.com>", "Reply-To": "Help <help@shop.example>",
			"Message-ID": "<" + row.ID + "@shop.example>", "Content-Language": "en", "Auto-Submitted": "auto-generated",
			"X-Auto-Response-Suppress": "All", "Subject": "We have your order " + order.Number, "User-Agent": "", "X-Mailer": "",
		} {
			got, err := new(mime.WordDecoder).DecodeHeader(strings.ReplaceAll(l.header.Get(name), `"`, ""))
			if err != nil || got != want {
				t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
			}
		}
		if at, err := l.header.Date(); err != nil || !at.Equal(p.read().Truncate(time.Second)) {
			t.Errorf("Date: got %v, %v; want %v", at, err, p.read())
		}
		link := "https://shop.example/o/" + order.Token
		if !strings.Contains(l.text, link) || !strings.Contains(l.html, `href="`+link+`"`) {
			t.Errorf("no link to the order page %s in\n%s\n%s", link, l.text, l.html)
		}
		var metrics bytes.Buffer
		waiting := p.order()
		p.WriteMetrics(&metrics)
		want := "saoma_mails_failed_total 0\nsaoma_mails_given_up_total 0\nsaoma_mails_queued 1\nsaoma_mails_sent_total 1\n"
		if metrics.String() != want {
			t.Errorf("metrics while a mail about %s waits: got\n%swant\n%s", waiting.Number, metrics.String(), want)
		}
	})
}

// Several processes go through one queue at the same time: each mail is sent by one of them.
func TestManyMailersSendOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		p := newPost(t, o)
		const orders = 12
		want := map[string]int{}
		for range orders {
			want["<"+p.row(p.order()).ID+"@shop.example>"] = 1
		}
		var wg sync.WaitGroup
		for range 3 {
			m := newMailer(t, p.store, p.config, p.logged)
			wg.Go(func() {
				if err := m.SendDue(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := map[string]int{}
		for _, r := range p.server.mails() {
			got[read(t, r.data).header.Get("Message-ID")]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("how often each was sent (-want +got):\n%s", diff)
		}
	})
}

// A process that dies with a mail in its hands leaves it to the next one, under the same name.
func TestMailOfAProcessThatDied(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		p := newPost(t, o)
		order := p.order()
		row := p.row(order)
		if claimed, err := p.store.ClaimMail(context.Background(), &row, p.store.Now().Add(lease)); err != nil || !claimed {
			t.Fatalf("got %v, %v; want the turn", claimed, err)
		}
		p.later(lease - time.Second)
		p.pass()
		if n := len(p.server.mails()); n != 0 {
			t.Fatalf("during the turn: got %d mails, want none", n)
		}
		p.later(2 * time.Second)
		p.pass()
		got := p.server.mails()
		if len(got) != 1 {
			t.Fatalf("after the turn: got %d mails, want 1", len(got))
		}
		if id := read(t, got[0].data).header.Get("Message-ID"); id != "<"+row.ID+"@shop.example>" {
			t.Errorf("got Message-ID %s, want that of row %s", id, row.ID)
		}
	})
}

func TestTrouble(t *testing.T) {
	const user = "250-mx\r\n250 AUTH PLAIN"
	tests := []struct {
		step, does string
		config     Config
		status     models.MailStatus // after the first try
		failure    string            // a part of it
		logged     string            // likewise
	}{
		{step: "greet", does: "421 4.3.2 later", status: models.MailQueued, failure: `421 "4.3.2 later"`},
		{step: "greet", does: "554 no", status: models.MailQueued, failure: `554 "no"`},
		{step: "greet", does: hang, status: models.MailQueued, failure: "did not answer in time"},
		{step: "greet", does: drop, status: models.MailQueued, failure: "EOF"},
		{step: "mail", does: "452 full", status: models.MailQueued, failure: `452 "full"`, logged: "MAIL FROM command: 452"},
		{step: "mail", does: "550 not from you", status: models.MailQueued, failure: `550 "not from you"`},
		{step: "rcpt", does: "451 4.7.1 <ada@example.com> greylisted", status: models.MailQueued, failure: "greylisted", logged: "RCPT TO command: 451"},
		{step: "rcpt", does: "550 5.1.1 <ada@example.com> unknown", status: models.MailGivenUp, failure: `550 "5.1.1 <ada@example.com> unknown"`, logged: "RCPT TO command: 550"},
		{step: "data", does: "451 later", status: models.MailQueued, failure: `451 "later"`},
		{step: "inside", does: drop, status: models.MailQueued},
		{step: "dot", does: hang, status: models.MailQueued, failure: "did not answer in time"},
		{step: "dot", does: drop, status: models.MailQueued},
		{step: "dot", does: "451 disk", status: models.MailQueued, failure: `451 "disk"`},
		{step: "dot", does: "554 5.7.1 looks like spam", status: models.MailGivenUp, failure: "looks like spam"},
		{step: "quit", does: drop, status: models.MailSent},
		{step: "quit", does: "500 what?", status: models.MailSent},
		{step: "quit", does: hang, status: models.MailSent},
		{step: "starttls", config: Config{TLS: StartTLS}, status: models.MailQueued, failure: "does not support STARTTLS"},
		{step: "ehlo", does: user, config: Config{TLS: NoTLS, User: "shop", Password: "open sesame"}, status: models.MailQueued, failure: `535 "5.7.8`},
		{step: "auth", config: Config{TLS: NoTLS, User: "shop", Password: "open sesame"}, status: models.MailQueued, failure: "does not support SMTP AUTH"},
	}
	all := newPost(t, modelstest.Options(t))
	for _, tt := range tests {
		t.Run(tt.step+" "+tt.does, func(t *testing.T) {
			if tt.config.TLS == "" {
				tt.config.TLS = NoTLS
			}
			p := newPostOn(t, all.store, all.clock, newServer(t).start(), tt.config)
			if tt.does == hang {
				p.patience = 500 * time.Millisecond
			}
			p.server.at(tt.step, tt.does)
			order := p.order()
			defer p.forget(order)
			p.pass()
			row := p.row(order)
			if row.Status != tt.status || !strings.Contains(row.Failure, tt.failure) || row.Tries != 1 {
				t.Errorf("got %s after %d tries, failure %q; want %s, %q", row.Status, row.Tries, row.Failure, tt.status, tt.failure)
			}
			if (row.TryAt != nil) != (tt.status == models.MailQueued) {
				t.Errorf("next try: got %v while it is %s", row.TryAt, row.Status)
			}
			log := p.logged.text()
			if !strings.Contains(log, tt.logged) || strings.Contains(log, order.Email) || strings.Contains(log, "sesame") {
				t.Errorf("got the log %s; want %q in it, and neither the buyer's address nor a password", log, tt.logged)
			}
			if tt.status != models.MailQueued || tt.config.User != "" || tt.config.TLS != NoTLS {
				return
			}
			calls := p.server.connections()
			p.later(59 * time.Second)
			p.pass()
			if got := p.server.connections(); got != calls {
				t.Errorf("within a minute: the server was called %d times more", got-calls)
			}
			p.server.at(tt.step, "")
			p.patience = time.Minute
			p.later(time.Second)
			p.pass()
			if row := p.row(order); row.Status != models.MailSent || row.Tries != 2 || row.Failure != "" {
				t.Errorf("when the server is well again: got %s after %d tries, failure %q; want it sent", row.Status, row.Tries, row.Failure)
			}
			if n := len(p.server.mails()); n != 1 {
				t.Errorf("got %d mails, want 1", n)
			}
		})
	}
}

func TestEncryption(t *testing.T) {
	all := newPost(t, modelstest.Options(t))
	for _, tt := range []struct {
		name     string
		tls      Encryption
		implicit bool
		trusted  bool
		account  string
		want     models.MailStatus
	}{
		{name: "STARTTLS", tls: StartTLS, trusted: true, account: "\x00shop\x00open sesame", want: models.MailSent},
		{name: "TLS", tls: TLS, implicit: true, trusted: true, account: "\x00shop\x00open sesame", want: models.MailSent},
		{name: "without an account", tls: StartTLS, trusted: true, want: models.MailSent},
		{name: "wrong password", tls: StartTLS, trusted: true, account: "\x00shop\x00another", want: models.MailQueued},
		{name: "STARTTLS of a stranger", tls: StartTLS, account: "\x00shop\x00open sesame", want: models.MailQueued},
		{name: "TLS of a stranger", tls: TLS, implicit: true, want: models.MailQueued},
		{name: "TLS where it is plain", tls: TLS, trusted: true, want: models.MailQueued},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			roots := s.certify()
			s.implicit, s.account = tt.implicit, tt.account
			c := Config{TLS: tt.tls}
			if tt.account != "" {
				c.User, c.Password = "shop", "open sesame"
			}
			p := newPostOn(t, all.store, all.clock, s.start(), c)
			if tt.trusted {
				p.roots = roots
			}
			order := p.order()
			defer p.forget(order)
			p.pass()
			row := p.row(order)
			if row.Status != tt.want {
				t.Errorf("got %s, failure %q; want %s", row.Status, row.Failure, tt.want)
			}
			if strings.Contains(row.Failure+p.logged.text(), "sesame") {
				t.Errorf("got the password in %q or in the log", row.Failure)
			}
			for _, r := range s.mails() {
				if !r.encrypted || r.account != tt.account {
					t.Errorf("got a mail encrypted %v, by %q; want it encrypted, by %q", r.encrypted, r.account, tt.account)
				}
			}
		})
	}
}

func TestDeadServer(t *testing.T) {
	p := newPost(t, modelstest.Options(t))
	p.server.listener.Close()
	order := p.order()
	tries := 0
	for row := p.row(order); row.Status == models.MailQueued; row = p.row(order) {
		p.later(row.TryAt.Sub(p.store.Now()))
		p.pass()
		tries++
	}
	row := p.row(order)
	if row.Status != models.MailGivenUp || !strings.Contains(row.Failure, "connection refused") || row.Tries != tries {
		t.Errorf("got %s after %d tries, failure %q; want it given up", row.Status, row.Tries, row.Failure)
	}
	if got := p.store.Now().Sub(order.CreatedAt); got < 24*time.Hour || got > 28*time.Hour {
		t.Errorf("given up after %s, want about a day", got)
	}
	if !strings.Contains(p.logged.text(), "given_up=true") {
		t.Error("that it was given up is not in the log")
	}
}

// While no turn can be taken, as in a database that only reads, the pass ends and says why.
func TestTurnsCannotBeTaken(t *testing.T) {
	store, err := models.Open(t.Context(), modelstest.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	m := newMailer(t, store, Config{From: "orders@shop.example"}, t.Output())
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.sendAll(t.Context(), make([]models.Mail, batch)); !errors.Is(err, models.ErrStoreDown) {
		t.Errorf("got %v, want ErrStoreDown", err)
	}
}

func TestNextTry(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		tries int
		want  time.Duration // 0: none
	}{
		{1, time.Minute}, {2, 5 * time.Minute}, {3, 30 * time.Minute}, {4, 2 * time.Hour}, {5, time.Hour}, {28, time.Hour}, {29, 0}, {99, 0},
	} {
		want := now.Add(tt.want)
		if tt.want == 0 {
			want = time.Time{}
		}
		if got := nextTry(tt.tries, now); !got.Equal(want) {
			t.Errorf("after %d tries: got %v, want %v", tt.tries, got, want)
		}
	}
}

// A shop that stops waits a moment for a mail under way, cuts it off, and says so.
func TestStopping(t *testing.T) {
	p := newPost(t, modelstest.Options(t))
	p.parting = 50 * time.Millisecond
	p.server.at("data", hang)
	order := p.order()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { p.Run(ctx); close(ended) }()
	for p.server.connections() == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("still under way")
	}
	if row := p.row(order); row.Status != models.MailQueued || row.Failure == "" || row.TryAt.After(p.store.Now().Add(time.Minute)) {
		t.Errorf("got %s, failure %q, next try %v; want it to be tried in a minute", row.Status, row.Failure, row.TryAt)
	}
}

// Nothing that somebody typed becomes a header, a recipient or markup.
func TestNothingIsInjected(t *testing.T) {
	s := newServer(t).start()
	o := modelstest.Options(t)
	o.Settings.ShopName = "Shop\r\nBcc: eve@example.com"
	p := newPostAt(t, o, s, Config{TLS: NoTLS})
	evil := "<b>cup</b>\r\nBcc: eve@example.com"
	err := p.store.PutProducts(context.Background(), []models.Product{{
		Slug: "evil", Name: evil, Active: true, Variants: []models.Variant{{SKU: "evil", Price: 100, Active: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	place := func(email string) *models.Order {
		t.Helper()
		draft := modelstest.Draft("evil", 1)
		draft.Buyer = models.Buyer{
			Name: "Win a prize at http://evil.example", Email: email, Phone: "http://evil.example", Note: "http://evil.example",
			Address: "http://evil.example", City: "http://evil.example", Country: "HK",
		}
		o, err := p.store.PlaceOrder(context.Background(), draft)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	good := place("Eve <ada@example.com>")
	for _, email := range []string{
		"ada@example.com\r\nBcc: eve@example.com", "ada@example.com, eve@example.com", "ada@example.com>\r\nRCPT TO:<eve@example.com", "ada",
	} {
		bad := place(email)
		p.pass()
		if row := p.row(bad); row.Status != models.MailGivenUp || row.Tries != 1 {
			t.Errorf("to %q: got %s after %d tries, want it given up", email, row.Status, row.Tries)
		}
	}
	got := s.mails()
	if len(got) != 1 || p.row(good).Status != models.MailSent {
		t.Fatalf("got %d mails, want one", len(got))
	}
	if got[0].to != "TO:<ada@example.com>" {
		t.Errorf("sent to %q", got[0].to)
	}
	l := read(t, got[0].data)
	if to := l.header["To"]; len(to) != 1 || to[0] != "<ada@example.com>" || l.header.Get("Bcc") != "" {
		t.Errorf("got To %q and Bcc %q", to, l.header.Get("Bcc"))
	}
	if strings.Contains(l.html, "<b>cup") || !strings.Contains(l.html, "&lt;b&gt;cup") {
		t.Errorf("a product's name is markup in\n%s", l.html)
	}
	if strings.Contains(got[0].data, "evil.example") || strings.Contains(l.text+l.html+l.subject, "Win a prize") {
		t.Errorf("what the buyer typed is in\n%s", got[0].data)
	}
}

func (l letter) String() string { return fmt.Sprintf("Subject: %s\n\n%s", l.subject, l.text) }

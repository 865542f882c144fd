// Package mail writes to buyers: that their order is placed, paid, sent, or their money on its way
// back.
//
// These rules always hold. What is sent stands in the store's queue, written by the transaction that
// did what the mail tells of; no request and no transaction waits for a mail server. A mail is sent by
// one process at a time, and again only when nobody knows whether the server took it; then under the
// same Message-ID. It holds no text that a buyer typed, so that nobody can use the shop to write to
// strangers. A buyer's address is in no log line.
package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/mail"
	"net/netip"
	"net/url"
	"sync"
	"text/template"
	"time"

	vm "github.com/VictoriaMetrics/metrics"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/views"
)

// How the queue is worked through.
const (
	lookEvery = time.Second
	lookAgain = 5 * time.Second // after the database did not do its part
	batch     = 64
	senders   = 4 // mails on their way at the same time
	// patience is how long one mail may take. The lease on it is so much longer that clocks may differ
	// by minutes.
	patience = time.Minute
	lease    = 5 * time.Minute
	// parting is how long mails under way may go on when the shop stops.
	parting = 5 * time.Second
)

// retryAfter is when a mail that was not sent is tried again, counted from the try that failed; after
// these it is tried every hour for a day.
var retryAfter = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}

const hourlyTries = 24

// nextTry returns when a mail is tried again after so many tries; the zero time: not any more.
func nextTry(tries int, now time.Time) time.Time {
	switch {
	case tries <= len(retryAfter):
		return now.Add(retryAfter[tries-1])
	case tries <= len(retryAfter)+hourlyTries:
		return now.Add(time.Hour)
	}
	return time.Time{}
}

// Config says which server takes the mails and who they are from.
type Config struct {
	Host           string
	Port           int
	TLS            Encryption
	User, Password string // empty: the server wants none
	From           string // an address; without a name it has the shop's
	ReplyTo        string // an address, or empty
}

// Encryption is how the conversation with the server is kept private.
type Encryption string

// The kinds of encryption. With the first two nothing is sent to a server that cannot prove its name.
const (
	StartTLS Encryption = "starttls"
	TLS      Encryption = "tls"
	NoTLS    Encryption = "none"
)

// Mailer sends the mails that wait in the store's queue. Any number of replicas may do so at once.
type Mailer struct {
	base          *web.Base
	store         *models.Store
	config        Config
	from, replyTo *mail.Address // replyTo may be nil
	domain        string        // the shop's own host, for greetings and Message-IDs
	text          *template.Template
	patience      time.Duration
	parting       time.Duration
	roots         *x509.CertPool // nil: those of the machine
	log           *slog.Logger

	metrics               *vm.Set
	sent, failed, givenUp *vm.Counter
}

// New returns the mailer. An address that is none is an error.
func New(base *web.Base, c Config, log *slog.Logger) (*Mailer, error) {
	m := &Mailer{base: base, store: base.Store, config: c, patience: patience, parting: parting, log: log, metrics: vm.NewSet()}
	var err error
	if m.from, err = mail.ParseAddress(c.From); err != nil {
		return nil, fmt.Errorf("the address that mails come from: %w", err)
	}
	if c.ReplyTo != "" {
		if m.replyTo, err = mail.ParseAddress(c.ReplyTo); err != nil {
			return nil, fmt.Errorf("the address for answers to mails: %w", err)
		}
	}
	public, err := url.Parse(base.Config.PublicURL)
	if err != nil {
		return nil, err
	}
	m.domain = domainOf(public.Hostname())
	if m.text, err = template.ParseFS(views.Files, "mail/*.txt"); err != nil {
		return nil, fmt.Errorf("load mails: %w", err)
	}
	m.sent = m.metrics.NewCounter("saoma_mails_sent_total")
	m.failed = m.metrics.NewCounter("saoma_mails_failed_total")
	m.givenUp = m.metrics.NewCounter("saoma_mails_given_up_total")
	m.metrics.NewGauge("saoma_mails_queued", m.countQueued)
	return m, nil
}

// domainOf is a host as mail protocols write it: an IP address stands in brackets.
func domainOf(host string) string {
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return host
	case addr.Is4():
		return "[" + host + "]"
	default:
		return "[IPv6:" + host + "]"
	}
}

func (m *Mailer) countQueued() float64 {
	n, err := m.store.CountQueuedMails(context.Background())
	if err != nil {
		return math.NaN()
	}
	return float64(n)
}

// WriteMetrics writes what was sent, what was not, and what waits, for Prometheus.
func (m *Mailer) WriteMetrics(w io.Writer) { m.metrics.WritePrometheus(w) }

// Run sends what is due until the context ends, and returns when what is under way is done or given
// up for now.
func (m *Mailer) Run(ctx context.Context) {
	for pause := lookEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = lookEvery
		if err := m.SendDue(ctx); err != nil && ctx.Err() == nil {
			m.log.Error("mails", "err", err)
			pause = lookAgain
		}
	}
}

// SendDue makes one pass: it tries to send every mail that is due. That one cannot be sent is no
// error: it is tried again, or shown to staff.
func (m *Mailer) SendDue(ctx context.Context) error {
	for {
		due, err := m.store.DueMails(ctx, batch)
		if err != nil {
			return err
		}
		if err := m.sendAll(ctx, due); err != nil || len(due) < batch {
			return err
		}
	}
}

// sendAll sends the mails, some at a time, until the context ends or one of them cannot be taken.
func (m *Mailer) sendAll(ctx context.Context, due []models.Mail) error {
	handing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan *models.Mail)
	var wg sync.WaitGroup
	for range min(senders, len(due)) {
		wg.Go(func() {
			for mail := range next {
				if err := m.take(ctx, mail); err != nil {
					stop(err)
				}
			}
		})
	}
	for i := range due {
		if handing.Err() != nil {
			break
		}
		next <- &due[i]
	}
	close(next)
	wg.Wait()
	return context.Cause(handing)
}

// take takes the turn to send a mail, unless it is another process's, sends it, and records how that
// ended. An error means that the turn could not be taken.
func (m *Mailer) take(ctx context.Context, mail *models.Mail) error {
	claimed, err := m.store.ClaimMail(ctx, mail, m.store.Now().Add(lease))
	if err != nil || !claimed {
		return err
	}
	if err := models.Contain(m.log, func() error { return m.deliver(ctx, mail) }); err != nil {
		m.putOff(ctx, mail, err)
		return nil
	}
	m.sent.Inc()
	m.record(ctx, mail, func(ctx context.Context) error { return m.store.MailSent(ctx, mail) })
	return nil
}

// putOff records why a mail was not sent, and when it is tried again.
func (m *Mailer) putOff(ctx context.Context, mail *models.Mail, err error) {
	m.failed.Inc()
	next := nextTry(mail.Tries, m.store.Now())
	if r, ok := errors.AsType[*refusal](err); ok && r.final {
		next = time.Time{}
	}
	if next.IsZero() {
		m.givenUp.Inc()
	}
	m.log.Warn("mail not sent", "mail", mail.ID, "kind", mail.Kind, "try", mail.Tries, "given_up", next.IsZero(), "err", err)
	m.record(ctx, mail, func(ctx context.Context) error { return m.store.MailFailed(ctx, mail, tellStaff(err), next) })
}

// record writes down how a turn ended. While the database is away it tries again for as long as the
// turn lasts: a mail that was sent and is not known to be is sent twice.
func (m *Mailer) record(ctx context.Context, mail *models.Mail, write func(context.Context) error) {
	for {
		err := write(context.WithoutCancel(ctx))
		if err == nil {
			return
		}
		if ctx.Err() != nil || !m.store.Now().Before(*mail.TryAt) {
			m.log.Error("nobody will know how a mail ended: it is tried again", "mail", mail.ID, "err", err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// deliver writes a mail and hands it to the server. When the shop stops it may go on for a moment, so
// that few mails are cut off.
func (m *Mailer) deliver(ctx context.Context, mail *models.Mail) error {
	going, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.patience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(m.parting, cancel) })
	defer stop()
	msg, err := m.write(going, mail)
	if err != nil {
		return err
	}
	return m.send(going, msg)
}

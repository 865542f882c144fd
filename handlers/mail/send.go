package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// refusal is why the server, or the buyer's address, stands against a mail.
type refusal struct {
	step  string // for the log: it holds nothing of what the server said, which may name the buyer
	told  string // for staff
	final bool   // another try would end in the same way
}

func (r *refusal) Error() string { return r.step }

// tellStaff is what staff read about a try that did not send a mail.
func tellStaff(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.told
	}
	return err.Error()
}

// send hands the message over to the mail server, on a connection of its own. It takes no longer than
// the context lasts, whatever the server does. Nil: the server has taken it.
func (m *Mailer) send(ctx context.Context, msg *gomail.Msg) error {
	var conn net.Conn
	dial := func(dialing context.Context, _, _ string) (net.Conn, error) {
		var err error
		if conn, err = m.connect(dialing); err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	client, err := gomail.NewClient(m.config.Host, append(m.manners(), gomail.WithDialContextFunc(dial))...)
	if err != nil {
		return fmt.Errorf("prepare for the mail server: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if conn != nil {
		conn.Close()
	}
	switch {
	case msg.IsDelivered(): // whatever became of the farewell
		return nil
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded): // by the context, or by the connection, which knows its end
		return errors.New("the mail server did not answer in time")
	default:
		return refused(err)
	}
}

// connect opens a connection, encrypted from the start where it is to be.
func (m *Mailer) connect(ctx context.Context) (net.Conn, error) {
	address := net.JoinHostPort(m.config.Host, strconv.Itoa(m.config.Port))
	dialer := net.Dialer{}
	if m.config.TLS != TLS {
		return dialer.DialContext(ctx, "tcp", address)
	}
	encrypted := tls.Dialer{NetDialer: &dialer, Config: m.encryption()}
	return encrypted.DialContext(ctx, "tcp", address)
}

func (m *Mailer) encryption() *tls.Config {
	return &tls.Config{ServerName: m.config.Host, MinVersion: tls.VersionTLS12, RootCAs: m.roots}
}

// manners are how the server is spoken to. What is not needed for one mail is not said. The library's
// own time-out would be a second one beside that of send, and comes later.
func (m *Mailer) manners() []gomail.Option {
	options := []gomail.Option{
		gomail.WithHELO(m.domain), gomail.WithTimeout(2 * m.patience), gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithTLSConfig(m.encryption()),
	}
	switch m.config.TLS {
	case TLS:
		options = append(options, gomail.WithSSL())
	case NoTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.config.User != "" {
		options = append(options, gomail.WithUsername(m.config.User), gomail.WithPassword(m.config.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// refused tells what the server said to this very mail from all that is between us and the server.
// Its last word about a recipient or a content stays the last; what it holds against the shop may be
// mended.
func refused(err error) error {
	said, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return err
	}
	told, _, _ := strings.Cut(said.Error(), ", affected ") // the library adds the address and the Message-ID
	r := &refusal{step: said.Reason.String(), told: told}
	if code := said.ErrorCode(); code != 0 {
		r.step = fmt.Sprintf("%s: %d", r.step, code)
	}
	switch said.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		r.final = said.ErrorCode() >= 500
	}
	return r
}

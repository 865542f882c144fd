package payments

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"saoma/models"
)

// Limits of one call to a gateway.
const (
	connectTimeout = 2 * time.Second
	callTimeout    = 6 * time.Second
	maxAnswer      = 1 << 20
)

// Transport posts requests to a gateway the way every gateway client must: with limits on time
// and size, without following redirects, and telling "never sent" from "answer unknown".
type Transport struct {
	client *http.Client
}

// NewTransport returns a Transport with a connection pool of its own.
func NewTransport() *Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
	return &Transport{client: &http.Client{
		Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: connectTimeout,
			MaxIdleConnsPerHost: 32,
			IdleConnTimeout:     60 * time.Second,
			DisableCompression:  true,
		},
	}}
}

// Post sends the body and returns the answer's status and bytes, at most 1 MB of them. The error
// is a *CallError: NotSent when no connection was made, Unknown for everything after that.
func (t *Transport) Post(ctx context.Context, address, contentType string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, &CallError{Outcome: NotSent, Err: err}
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	req.GetBody = nil // the call is never repeated behind our back
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, nil, &CallError{Outcome: outcomeOfDial(err), Err: withoutURL(err)}
	}
	defer resp.Body.Close()
	models.KillPoint("call.unread")
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return resp.StatusCode, answer, &CallError{Outcome: Unknown, Err: fmt.Errorf("answer broke off: %w", err)}
	}
	if len(answer) > maxAnswer {
		return resp.StatusCode, answer[:maxAnswer], &CallError{Outcome: Unknown, Err: errors.New("answer is larger than 1 MB")}
	}
	return resp.StatusCode, answer, nil
}

// outcomeOfDial tells a connection that was never made from a request that may have arrived.
func outcomeOfDial(err error) Outcome {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return NotSent
	}
	return Unknown
}

func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// MaxCode is the most bytes of an address or a text that a buyer is led to by a code: no phone reads one that
// holds more, and gateways' own take some hundred.
const MaxCode = 2000

// CheckAddress decides whether a buyer may be sent to an address that a gateway named: absolute,
// without user information, on the gateway's own host (port included) or one of the allowed
// hosts, and https unless the gateway itself is configured with http, as the sandbox is.
func CheckAddress(address, baseURL string, allowedHosts []string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("address cannot be parsed")
	}
	base, err := url.Parse(baseURL)
	if err != nil {
		return fmt.Errorf("base_url: %w", err)
	}
	switch {
	case len(address) > MaxCode:
		return fmt.Errorf("address is longer than %d bytes", MaxCode)
	case u.Scheme != "https" && (u.Scheme != "http" || base.Scheme != "http"):
		return fmt.Errorf("scheme %q is not allowed", u.Scheme)
	case u.User != nil || u.Opaque != "" || u.Host == "":
		return errors.New("address is not a plain web address")
	case strings.ContainsAny(address, "\\\r\n\t "):
		return errors.New("address holds characters that browsers read in more than one way")
	}
	hosts := append([]string{hostPort(base)}, allowedHosts...)
	if !slices.ContainsFunc(hosts, func(h string) bool { return sameHost(u, h) }) {
		return fmt.Errorf("host %q is not on the gateway's list", u.Host)
	}
	return nil
}

// sameHost compares an address with an entry of the list; an entry without a port means the
// scheme's own port.
func sameHost(u *url.URL, allowed string) bool {
	entry := &url.URL{Scheme: u.Scheme, Host: allowed}
	return strings.EqualFold(hostPort(u), hostPort(entry))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// NewRequestID returns 32 lower-case hex characters, fresh for each message.
func NewRequestID() string {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", raw)
}

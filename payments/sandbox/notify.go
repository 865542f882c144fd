package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	notificationsAtOnce = 256
	keptReply           = 64 << 10
	// patience is how long a wallet's page waits for the shop to be told before it sends the
	// buyer back, in real time.
	patience = 5 * time.Second
	// afterReturn is how long after the buyer's return a notification comes that is to come later.
	afterReturn = 3 * time.Second
)

// Notify says when the shop is told of what the buyer did.
type Notify string

// When the shop is told.
const (
	NotifyBefore Notify = "before" // before the buyer is sent back
	NotifyAfter  Notify = "after"  // a moment after that
	NotifyNever  Notify = "never"
)

// delivery is how a gateway sends notifications: at which times after the first attempt, how
// long it waits for an answer, and which answers end it.
type delivery struct {
	offsets     []time.Duration
	timeout     time.Duration
	acknowledge func(reply string) bool
}

// deliveries are both gateways' habits. Pass2Pay's are documented; ScanForPay documents only
// that it repeats, and what ends it.
var deliveries = map[Gateway]delivery{
	ScanForPay: {
		offsets:     []time.Duration{0, 15 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour},
		timeout:     10 * time.Second,
		acknowledge: func(reply string) bool { return reply == "success" },
	},
	Pass2Pay: {
		offsets:     []time.Duration{0, 30 * time.Second, 90 * time.Second, 180 * time.Second, 300 * time.Second, 450 * time.Second},
		timeout:     20 * time.Second,
		acknowledge: func(reply string) bool { return strings.EqualFold(reply, "success") },
	},
}

// notice is one notification. All its repeats say the same, byte for byte, unless a fault strikes.
type notice struct {
	gateway Gateway
	number  string // the payment's
	address string
	header  message // ScanForPay's
	message message
}

// newNotice puts together what the shop is told about a payment as it stands.
func (s *Sandbox) newNotice(p Payment) notice {
	now := s.clock.now()
	n := notice{gateway: p.Gateway, number: p.Number, address: p.NotifyURL}
	if p.Gateway == ScanForPay {
		n.header = s.scanForPayHeader(now)
		n.message = append(message{{"code", int64(sfpSuccess)}, {"msg", sfpWords[sfpSuccess]}}, sfpFacts(p)...)
		return n
	}
	n.message = forNotice(s.p2pFacts(p), now)
	return n
}

// forNotice makes a Pass2Pay notification of a query's answer: it has a time, always an extParam,
// and no payUrl.
func forNotice(facts message, now time.Time) message {
	m := slices.DeleteFunc(slices.Clone(facts), func(f member) bool {
		return f.name == "payUrl" || f.value == "" && f.name != "extParam"
	})
	return append(m, member{"reqTime", now.UnixMilli()})
}

// announce tells the shop what became of a payment, as far as the gateway tells it at all:
// ScanForPay when it is paid, Pass2Pay also when it failed or expired. It returns once the shop
// has been told, or soon will be.
func (s *Sandbox) announce(p Payment, when Notify) {
	told := p.State == Paid || p.Gateway == Pass2Pay && (p.State == Failed || p.State == Closed)
	if !told || p.NotifyURL == "" || when == NotifyNever {
		return
	}
	c := s.begin(p.Gateway, OpNotify)
	c.Number = p.Number
	if c.has(FaultNotifyNever) {
		c.Verdict = "not sent"
		c.record(nil, nil)
		return
	}
	notices := s.noticesOf(c, p)
	s.memory.remember(p, notices[len(notices)-1])
	copies := 1
	if c.has(FaultNotifyTwice) {
		copies = 2
	}
	delay := c.notifyDelay(when)
	if delay > 0 {
		s.clock.at(c.At.Add(delay), func() { s.sendAll(notices, copies) })
		return
	}
	s.await(s.sendAll(notices, copies))
}

// noticesOf is what is sent about a payment: one notification, unless a fault asks for several
// in an order of its own.
func (s *Sandbox) noticesOf(c *call, p Payment) []notice {
	n := s.newNotice(p)
	value, active := c.fault(FaultNotifyStates)
	if !active {
		return []notice{n}
	}
	var notices []notice
	states, _ := parseStates(value)
	for _, state := range states {
		other := n
		other.message = n.message.with(state, statusNames...)
		notices = append(notices, other)
	}
	return notices
}

func (c *call) notifyDelay(when Notify) time.Duration {
	value, _ := c.fault(FaultNotifyDelayed)
	delay, _ := time.ParseDuration(value)
	if when == NotifyAfter {
		delay += c.sandbox.clock.scaled(afterReturn)
	}
	return delay
}

// announceRefund tells the shop the result of a Pass2Pay refund.
func (s *Sandbox) announceRefund(p Payment, r Refund) {
	if r.NotifyURL == "" {
		return
	}
	n := notice{gateway: p.Gateway, number: p.Number, address: r.NotifyURL}
	n.message = forNotice(s.fullRefundFacts(p, r), s.clock.now())
	s.sendAll([]notice{n}, 1)
}

// sendAll begins the schedules of the notifications, one after the other, each with so many
// copies at the same moment. The channel is closed when the first attempts are over.
func (s *Sandbox) sendAll(notices []notice, copies int) <-chan struct{} {
	over := make(chan struct{})
	started := s.spawn(func() {
		defer close(over)
		for _, n := range notices {
			var together sync.WaitGroup
			for range copies {
				together.Go(func() { s.attempt(n, 0) })
			}
			together.Wait()
		}
	})
	if !started {
		close(over)
	}
	return over
}

func (s *Sandbox) await(over <-chan struct{}) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

// attempt sends a notification for the i-th time and, when it is not acknowledged, puts the next
// attempt on the clock.
func (s *Sandbox) attempt(n notice, i int) {
	begun := s.clock.now()
	offsets := deliveries[n.gateway].offsets
	if s.deliver(n).Acknowledged || i+1 == len(offsets) {
		return
	}
	wait := s.clock.scaled(offsets[i+1] - offsets[i])
	s.clock.at(begun.Add(wait), func() { s.spawn(func() { s.attempt(n, i+1) }) })
}

// Delivery is what became of one attempt to notify the shop.
type Delivery struct {
	Status       int    `json:"status,omitempty"` // HTTP status of the shop's answer; 0: none came
	Reply        string `json:"reply,omitempty"`
	Acknowledged bool   `json:"acknowledged"`
	Error        string `json:"error,omitempty"`
}

// deliver makes one attempt.
func (s *Sandbox) deliver(n notice) Delivery {
	select {
	case s.sending <- struct{}{}:
		defer func() { <-s.sending }()
	case <-s.ctx.Done():
		return Delivery{Error: "the sandbox is closed"}
	}
	c := s.begin(n.gateway, OpNotify)
	c.Number = n.number
	address, contentType, body := c.encode(n)
	status, reply, err := s.post(address, contentType, body, deliveries[n.gateway].timeout)
	d := Delivery{Status: status, Reply: kept(reply)}
	c.Status = status
	switch {
	case err != nil:
		d.Error = err.Error()
		c.Verdict, c.Reason = "not delivered", d.Error
	case deliveries[n.gateway].acknowledge(string(reply)):
		d.Acknowledged = true
		c.Verdict = "acknowledged"
	default:
		c.Verdict, c.Reason = "not acknowledged", "the answer's body is not exactly success"
	}
	c.record(body, reply)
	return d
}

// encode writes a notification for the wire. Pass2Pay posts the parameters of the address's own
// query as part of the form, unsigned, so that an address with a query never verifies.
func (c *call) encode(n notice) (address, contentType string, body []byte) {
	if n.gateway == ScanForPay {
		return n.address, "application/json", c.sealScanForPay(c.sandbox.config.ScanForPay.SignKey, n.header, n.message)
	}
	body = c.sealPass2PayNotice(n.message)
	address, query, _ := strings.Cut(n.address, "?")
	if query != "" {
		body = concat(query, "&", body)
	}
	return address, "application/x-www-form-urlencoded; charset=UTF-8", body
}

func (s *Sandbox) post(address, contentType string, body []byte, timeout time.Duration) (status int, reply []byte, err error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	reply, err = io.ReadAll(io.LimitReader(resp.Body, keptReply))
	return resp.StatusCode, reply, err
}

// Resend sends the last notification about a payment so many times more, at the same moment, and
// returns what became of each. Where none was sent, one is made from how the payment stands.
func (s *Sandbox) Resend(number string, times int) ([]Delivery, error) {
	p, err := s.Payment(number)
	if err != nil {
		return nil, err
	}
	if p.NotifyURL == "" {
		return nil, fmt.Errorf("payment %s was created without a notifyUrl", number)
	}
	n := s.newNotice(p)
	if last := s.memory.lastNotice(p); last != nil {
		n = *last
	}
	results := make([]Delivery, times)
	var together sync.WaitGroup
	for i := range results {
		together.Go(func() { results[i] = s.deliver(n) })
	}
	together.Wait()
	return results, nil
}

// newNotifyClient returns a client that calls only the shop's own address and loopback or private
// addresses, whatever a name resolves to: whoever can reach the sandbox can tell it an address to
// notify, and must not be able to have it call anyone else. Redirects are not followed.
func newNotifyClient(publicURL string) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	guarded := &net.Dialer{Timeout: 5 * time.Second, Control: refusePublic}
	own := hostPort(publicURL)
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if own != "" && strings.EqualFold(address, own) {
					return dialer.DialContext(ctx, network, address)
				}
				return guarded.DialContext(ctx, network, address)
			},
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     30 * time.Second,
			DisableCompression:  true,
		},
	}
}

func refusePublic(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := a.Addr().Unmap(); !ip.IsLoopback() && !ip.IsPrivate() {
		return fmt.Errorf("the sandbox notifies only the shop itself and loopback or private addresses, not %s", ip)
	}
	return nil
}

// hostPort returns the host of an address with its port, "" when it has none.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

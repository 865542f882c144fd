package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/payments"
)

// How long one request waits for everything.
const (
	// requestTimeout bounds one that may ask a gateway: a buyer has an answer within it even when the
	// gateway has none.
	requestTimeout = 8 * time.Second
	// pageTimeout bounds one that asks the database alone. Who meets one that is away knows within three
	// seconds, however many questions the page has.
	pageTimeout = 2500 * time.Millisecond
)

// key is the type of what handlers keep with a request.
type key int

const (
	sessionKey key = iota
	requestIDKey
	languageKey
)

// Deadline gives the request a context that ends in time; handlers take it with c.UserContext.
// It is not the connection's own context, which is used again for the next request.
func Deadline(c *fiber.Ctx) error { return within(c, context.Background(), requestTimeout) }

// PageDeadline gives a request that only reads less time than Deadline. What a form sends may ask a gateway,
// and keeps its time.
func PageDeadline(c *fiber.Ctx) error {
	if method := c.Method(); method != fiber.MethodGet && method != fiber.MethodHead {
		return c.Next()
	}
	return within(c, c.UserContext(), pageTimeout)
}

func within(c *fiber.Ctx, ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}

// SetRequestID names the request for the log and the error page.
func SetRequestID(c *fiber.Ctx, id string) { c.Locals(requestIDKey, id) }

// RequestID returns the name given by SetRequestID.
func RequestID(c *fiber.Ctx) string {
	id, _ := c.Locals(requestIDKey).(string)
	return id
}

// Encoded reports whether the request says that its body is compressed.
func Encoded(c *fiber.Ctx) bool {
	return slices.ContainsFunc(c.Request().Header.PeekAll(fiber.HeaderContentEncoding), func(encoding []byte) bool {
		name := strings.TrimSpace(string(encoding))
		return name != "" && !strings.EqualFold(name, "identity")
	})
}

// DeviceOf tells which wallet's browser asks, whether it runs on a phone, and from which address.
func (b *Base) DeviceOf(c *fiber.Ctx) payments.Device {
	d := payments.DeviceOf(c.Get(fiber.HeaderUserAgent))
	d.Address = b.ClientIP(c)
	return d
}

// ClientIP returns the visitor's address: the peer's, or what a trusted proxy says it is. Each
// proxy appends the peer it saw, so the list is read from its end and stops at the first
// address that is not a proxy of ours; what stands before it anybody may have written.
func (b *Base) ClientIP(c *fiber.Ctx) string {
	peer := c.Context().RemoteIP().String()
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil || !b.trusts(peer) {
			break
		}
		peer = addr.Unmap().String()
	}
	return peer
}

func (b *Base) trusts(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(b.proxies, func(p netip.Prefix) bool {
		return p.Contains(addr.Unmap())
	})
}

// Network returns what one visitor holds of the address space: an IPv4 address, or the 64 bits
// of an IPv6 address that a provider hands out whole.
func Network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() {
		return ip
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}

// bridge makes the part of a net/http request that gorilla/sessions and the check for
// cross-site requests look at.
func bridge(c *fiber.Ctx) *http.Request {
	r := &http.Request{
		Method: c.Method(),
		Host:   string(c.Request().Host()),
		URL:    &url.URL{Path: c.Path()},
		Header: http.Header{},
	}
	for _, name := range []string{"Cookie", "Origin", "Sec-Fetch-Site"} {
		if value := c.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	return r.WithContext(c.UserContext())
}

// responseHeader is the part of a net/http response that gorilla/sessions writes to.
type responseHeader http.Header

func (h responseHeader) Header() http.Header       { return http.Header(h) }
func (h responseHeader) Write([]byte) (int, error) { return 0, http.ErrNotSupported }
func (h responseHeader) WriteHeader(int)           {}

package pay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

const (
	// maxNotification is far more than any gateway sends.
	maxNotification = 64 << 10
	// notifyTimeout ends before the gateways stop waiting for an answer (10 s and more).
	notifyTimeout = 8 * time.Second
	// acknowledged is what both gateways want to read, to the byte, before they stop repeating.
	acknowledged = "success"
)

// Why a notification is refused unread.
var (
	errEncoded  = errors.New("it has a Content-Encoding, and gateways sign plain bytes")
	errTooLarge = fmt.Errorf("it is longer than %d kB", maxNotification>>10)
)

// Notify answers the notifications of one gateway. The service sees the bytes as they came; what
// it has kept is acknowledged, what cannot be true is refused, and what failed by our own fault
// is answered so that the gateway comes again. No answer but the acknowledgement says success.
func (p *Pages) Notify(gateway models.GatewayName) fiber.Handler {
	return func(c *fiber.Ctx) error {
		body := bytes.Clone(c.Request().Body())
		models.KillPoint("notify.read")
		ctx, cancel := context.WithTimeout(context.Background(), notifyTimeout)
		defer cancel()
		switch {
		case web.Encoded(c):
			p.payments.Refuse(ctx, gateway, body, errEncoded)
			return answer(c, fiber.StatusUnsupportedMediaType, "encoded")
		case len(body) > maxNotification:
			p.payments.Refuse(ctx, gateway, body, errTooLarge)
			return answer(c, fiber.StatusRequestEntityTooLarge, "too large")
		}
		return p.answerNotification(c, p.payments.Notify(ctx, gateway, c.Get(fiber.HeaderContentType), body))
	}
}

func (p *Pages) answerNotification(c *fiber.Ctx, err error) error {
	switch {
	case err == nil:
		return answer(c, fiber.StatusOK, acknowledged)
	case errors.Is(err, payments.ErrSignature):
		return answer(c, fiber.StatusUnauthorized, "sign fail")
	case errors.Is(err, payments.ErrMalformed):
		return answer(c, fiber.StatusBadRequest, "malformed")
	case errors.Is(err, payments.ErrUnknownOrder):
		return answer(c, fiber.StatusNotFound, "unknown order")
	}
	p.log.Error("notification not kept, it will come again", "err", err)
	if models.KindOf(err) == models.Unavailable {
		c.Set(fiber.HeaderRetryAfter, "10")
		return answer(c, fiber.StatusServiceUnavailable, "not now, send it again")
	}
	return answer(c, fiber.StatusInternalServerError, "our fault, send it again")
}

func answer(c *fiber.Ctx, status int, text string) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlain)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(status).SendString(text)
}

package pay

import (
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// status is how an order stands, for programs.
type status struct {
	Number    string             `json:"number"`
	Status    models.OrderStatus `json:"status"`
	Amount    int64              `json:"amount"`
	Currency  string             `json:"currency"`
	ExpiresAt time.Time          `json:"expires_at"`
	PaidAt    *time.Time         `json:"paid_at"`
	Payment   *paymentStatus     `json:"payment"`
	// PhoneConnected: a phone has begun to pay, such as one that scanned the code of a desktop. Left out when not.
	PhoneConnected bool `json:"phone_connected,omitempty"`
}

type paymentStatus struct {
	Wallet    models.Wallet        `json:"wallet"`
	Status    models.PaymentStatus `json:"status"`
	ExpiresAt time.Time            `json:"expires_at"`
}

// json returns the order's status as it is given out.
func (s standing) json() ([]byte, error) {
	out := status{
		Number:    s.order.Number,
		Status:    s.order.Status,
		Amount:    s.order.Amount,
		Currency:  s.order.Currency,
		ExpiresAt: s.order.ExpiresAt.UTC(),

		PhoneConnected: s.onPhone(),
	}
	if at := s.order.PaidAt; at != nil {
		out.PaidAt = new(at.UTC())
	}
	if payment := s.payment(); payment != nil {
		out.Payment = &paymentStatus{Wallet: payment.Wallet, Status: payment.Status, ExpiresAt: payment.ExpiresAt.UTC()}
	}
	return json.Marshal(out)
}

// Status tells once how the order stands. The entity tag is the version of the order page.
func (p *Pages) Status(c *fiber.Ctx) error {
	private(c)
	s, err := p.standing(c.UserContext(), c.Params("token"))
	if err != nil {
		return err
	}
	body, err := s.json()
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, `"`+s.version()+`"`)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(body)
}

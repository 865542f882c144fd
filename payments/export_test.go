package payments

import (
	"context"

	"saoma/models"
)

// GiveBack refunds as somebody does who has seen all that went back before.
func (s *Service) GiveBack(ctx context.Context, paymentNumber string, amount int64) (*models.Refund, error) {
	p, err := s.store.PaymentByNumber(ctx, paymentNumber)
	if err != nil {
		return nil, err
	}
	seen, err := s.store.Refunds(ctx, p.OrderID)
	if err != nil {
		return nil, err
	}
	d := StaffRefund{Payment: p.Number, Amount: amount, Reason: "test", By: noor}
	for _, r := range seen {
		if r.PaymentID == p.ID && r.Status != models.RefundFailed {
			d.Refunded += r.Amount
		}
	}
	return s.Refund(ctx, d)
}

package models_test

import (
	"context"
	"time"

	"saoma/models"
)

// newPayment returns an attempt at paying the order, not yet stored.
func newPayment(s *models.Store, o *models.Order) *models.Payment {
	now := s.Now()
	return &models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(now), Gateway: models.ScanForPay,
		Method: "qrcode", Wallet: models.WeChat, Scene: models.SceneDesktop, Status: models.PaymentCreated,
		Currency: o.Currency, Amount: o.Amount, CreatedAt: now, ExpiresAt: o.ExpiresAt,
		WatchUntil: now.Add(12 * time.Hour), CheckAt: &now,
	}
}

// pay records a success of the attempt and lets it pay its order, as far as both allow it. It says
// whether the order moved.
func pay(ctx context.Context, s *models.Store, orderID, paymentID string) (paid bool, err error) {
	err = s.Tx(ctx, func(tx *models.Tx) error {
		paid = false
		o, err := tx.LockOrder(orderID)
		if err != nil {
			return err
		}
		for i := range o.Payments {
			p := &o.Payments[i]
			if p.ID != paymentID {
				continue
			}
			moved, err := tx.MovePayment(p, models.PaymentSucceeded, models.PaymentChange{Reference: "R" + p.Number})
			if err != nil || !moved || !o.Status.CanBecome(models.OrderPaid) {
				return err
			}
			paid, err = tx.MarkPaid(o, p)
			return err
		}
		return models.ErrPaymentNotFound
	})
	return paid, err
}

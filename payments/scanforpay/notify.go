package scanforpay

import (
	"bytes"
	"fmt"

	"saoma/models"
	"saoma/payments"
)

// maxNotification is the longest notification that is looked at.
const maxNotification = 64 << 10

// ParseNotification reads a notification (ScanForPay docs, Notify). The content type is not
// looked at, since the docs fix none. A message that reports a failed call has StateUnknown.
func (g *Gateway) ParseNotification(_ string, body []byte) (payments.Report, error) {
	exchange := payments.Exchange{Response: bytes.Clone(body)}
	report, err := g.parseNotification(body)
	if err != nil {
		return payments.Report{Gateway: models.ScanForPay, Exchange: exchange}, fmt.Errorf("scanforpay notification: %w", err)
	}
	report.Exchange = exchange
	return report, nil
}

func (g *Gateway) parseNotification(body []byte) (payments.Report, error) {
	if len(body) > maxNotification {
		return payments.Report{}, fmt.Errorf("%w: longer than 64 kB", payments.ErrMalformed)
	}
	raw, err := open(body, g.config.SignKey)
	if err != nil {
		return payments.Report{}, err
	}
	m, err := readMessage(raw)
	if err != nil {
		return payments.Report{}, err
	}
	return m.report()
}

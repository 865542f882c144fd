package sandbox

import "errors"

// refundScanForPay gives money back (ScanForPay docs, refund). The same number with the same
// amount gets the stored result.
func (s *Sandbox) refundScanForPay(c *call, body object) (message, error) {
	v, err := c.readScanForPay(body, sfpRefundFields)
	if err != nil {
		return nil, err
	}
	c.Number = v["partnerOrderNo"]
	amount := v.number("orderAmount")
	if amount < 1 {
		return nil, c.refuseSFP(sfpIllegal, "orderAmount is below 1")
	}
	if err := s.checkStore(c, v); err != nil {
		return nil, err
	}
	p, err := s.memory.change(ScanForPay, c.Number, func(p *Payment) error {
		return s.takeScanForPayRefund(c, p, v["refundNo"], amount)
	})
	if errors.Is(err, ErrNoPayment) {
		return nil, c.refuseSFP(sfpNotFound, "there is no such payment")
	}
	if err != nil {
		return nil, err
	}
	refund, _ := p.refund(v["refundNo"])
	return message{
		{"orderAmount", refund.Amount},
		{"status", map[RefundState]int64{RefundPending: 0, RefundSucceeded: 1, RefundFailed: 2}[refund.State]},
		{"currency", p.Currency},
		{"refundNo", refund.Number},
	}, nil
}

func (s *Sandbox) takeScanForPayRefund(c *call, p *Payment, number string, amount int64) error {
	prior, repeated := p.refund(number)
	switch {
	case repeated && prior.Amount == amount:
		return nil
	case s.memory.refundUsed(ScanForPay, number):
		return c.refuseSFP(sfpIllegal, "refundNo %q was used for another amount or payment", number)
	case p.State == Closed:
		return c.refuseSFP(sfpClosed, "the payment is closed")
	case p.State != Paid && p.State != Refunded:
		return c.refuseSFP(sfpWrongStatus, "the payment is %s, not paid", p.State)
	case amount > p.rest():
		return c.refuseSFP(sfpTooMuch, "%d is more than the %d that can still be refunded", amount, p.rest())
	}
	s.startRefund(c, p, Refund{Number: number, Amount: amount})
	return nil
}

package sandbox

import (
	"slices"
	"strings"
	"time"
)

var (
	p2pRefund = append(slices.Clone(p2pNumbers),
		parameter{name: "mchRefundNo", max: 64, missing: "商户退款单号不能为空"},
		parameter{name: "refundAmount", missing: "退款金额不能为空", whole: true},
		parameter{name: "currency", max: 3, missing: "货币代码不能为空"},
		parameter{name: "refundReason", max: 256, missing: "退款原因不能为空"},
		parameter{name: "clientIp", max: 32},
		parameter{name: "notifyUrl", max: 128},
		parameter{name: "channelExtra", max: 512},
		parameter{name: "extParam", max: 64},
	)
	p2pRefundNumbers = []parameter{
		{name: "mchRefundNo", max: 64},
		{name: "refundOrderId", max: 30},
	}
)

// refundPass2Pay gives money back. The checks come in the order of the open-source gateway, so
// that a repeat of a finished refund is told about the payment's state, not about its number.
func (s *Sandbox) refundPass2Pay(c *call, v values) (message, error) {
	found, err := s.findPass2Pay(c, v, p2pNoNumber, p2pNothingToGive)
	if err != nil {
		return nil, err
	}
	p, err := s.memory.change(Pass2Pay, found.Number, func(p *Payment) error {
		return s.takePass2PayRefund(c, p, v)
	})
	if err != nil {
		return nil, err
	}
	r, _ := p.refund(v["mchRefundNo"])
	if r.State == RefundPending {
		s.clock.at(c.At.Add(refundLife), func() { s.settleRefund(Pass2Pay, r.Number, RefundClosed) })
	} else {
		s.announceRefund(p, r)
	}
	return refundFacts(p, r), nil
}

// refundLife is how long a refund may stay in progress.
const refundLife = 2 * time.Hour

func (s *Sandbox) takePass2PayRefund(c *call, p *Payment, v values) error {
	amount := v.number("refundAmount")
	switch {
	case p.State == Refunded:
		return c.refuse(p2pRefused, p2pAllRefunded, "everything was refunded before")
	case p.State != Paid:
		return c.refuse(p2pRefused, p2pNotRefundable, "the payment is %s, not paid", p.State)
	case amount < 1:
		return c.refuse(p2pRefused, p2pBadParameters, "refundAmount is below 1")
	case amount > p.Amount-p.Returned():
		return c.refuse(p2pRefused, p2pTooMuch, "%d is more than the %d that can still be refunded", amount, p.Amount-p.Returned())
	case p.sumOf(RefundPending) > 0:
		return c.refuse(p2pRefused, p2pRefundRunning, "another refund is in progress")
	case s.memory.refundUsed(Pass2Pay, v["mchRefundNo"]):
		return c.refuse(p2pRefused, "商户退款订单号["+v["mchRefundNo"]+"]已存在", "mchRefundNo was used before")
	case !strings.EqualFold(v["currency"], p.Currency):
		return c.refuse(p2pRefused, p2pBadParameters, "currency is not that of the payment")
	case v["notifyUrl"] != "" && !isWebAddress(v["notifyUrl"]):
		return c.refuse(p2pRefused, p2pBadNotifyURL, "notifyUrl is not an absolute web address")
	}
	s.startRefund(c, p, Refund{Number: v["mchRefundNo"], Amount: amount, NotifyURL: v["notifyUrl"], ExtParam: v["extParam"]})
	return nil
}

var p2pRefundState = map[RefundState]int64{RefundPending: 1, RefundSucceeded: 2, RefundFailed: 3, RefundClosed: 4}

// refundFacts is the answer to a refund call.
func refundFacts(p Payment, r Refund) message {
	m := message{
		{"refundOrderId", r.Reference},
		{"mchRefundNo", r.Number},
		{"payAmount", p.Amount},
		{"refundAmount", r.Amount},
		{"state", p2pRefundState[r.State]},
	}
	switch r.State {
	case RefundSucceeded:
		m = append(m, member{"channelOrderNo", "R" + p.Channel})
	case RefundFailed:
		m = append(m, member{"errCode", "ACQ.REFUND_REFUSED"}, member{"errMsg", "Business Failed"})
	}
	return m
}

// queryPass2PayRefund tells where a refund stands.
func (s *Sandbox) queryPass2PayRefund(c *call, v values) (message, error) {
	if v["mchRefundNo"] == "" && v["refundOrderId"] == "" {
		return nil, c.refuse(p2pRefused, p2pNoRefundNumber, "neither mchRefundNo nor refundOrderId is given")
	}
	p, r, err := s.memory.findRefund(Pass2Pay, v["mchRefundNo"], v["refundOrderId"])
	if err != nil {
		return nil, c.refuse(p2pRefused, p2pNotFound, "there is no such refund")
	}
	c.Number = p.Number
	return s.fullRefundFacts(p, r), nil
}

// fullRefundFacts is what a refund query's answer and a refund notification say.
func (s *Sandbox) fullRefundFacts(p Payment, r Refund) message {
	m := append(refundFacts(p, r),
		member{"payOrderId", p.Reference},
		member{"mchNo", s.config.Pass2Pay.MchNo},
		member{"appId", s.config.Pass2Pay.AppID},
		member{"currency", p.Currency},
		member{"extParam", r.ExtParam},
		member{"createdAt", r.CreatedAt.UnixMilli()},
	)
	if r.State == RefundSucceeded {
		m = append(m, member{"successTime", r.DoneAt.UnixMilli()})
	}
	return m
}

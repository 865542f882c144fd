package sandbox

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bojanz/currency"
)

// pass2PayCall is one call of the protocol.
type pass2PayCall struct {
	operation Operation
	path      string
	get       bool // may also come as a GET
	known     []parameter
	run       func(*call, values) (message, error)
}

var (
	p2pPayment = []parameter{
		{name: "mchOrderNo", max: 64, missing: "商户订单号不能为空"},
		{name: "amount", missing: "支付金额不能为空", whole: true},
		{name: "currency", max: 3, missing: "货币代码不能为空"},
		{name: "custNo", max: 64, missing: "客户编号不能为空"},
		{name: "registerTime", max: 16, missing: "客户注册时间不能为空"},
		{name: "userName", max: 64},
		{name: "mbrTel", max: 64},
		{name: "idNo", max: 64},
		{name: "notifyUrl", max: 128},
		{name: "returnUrl", max: 128},
		{name: "expiredTime", whole: true},
		{name: "extParam", max: 128},
	}
	p2pUnified = append(slices.Clone(p2pPayment),
		parameter{name: "wayCode", max: 20, missing: "支付方式不能为空"},
		parameter{name: "subject", max: 64, missing: "商品标题不能为空"},
		parameter{name: "body", max: 256, missing: "商品描述信息不能为空"},
		parameter{name: "clientIp", max: 32, missing: "客户端IP不能为空"},
		parameter{name: "channelExtra", max: 512},
	)
	p2pCashier = append(slices.Clone(p2pPayment),
		parameter{name: "wayCode", max: 20},
		parameter{name: "subject", max: 64}, // reserved
		parameter{name: "body", max: 256},   // reserved
	)
	p2pNumbers = []parameter{
		{name: "mchOrderNo", max: 64},
		{name: "payOrderId", max: 30},
	}
)

func (s *Sandbox) pass2PayCalls() []pass2PayCall {
	return []pass2PayCall{
		{OpCreate, "/api/pay/unifiedOrder", false, p2pUnified, s.unifiedOrder},
		{OpCreate, "/api/pay/cashierOrder", false, p2pCashier, s.cashierOrder},
		{OpQuery, "/api/pay/query", true, p2pNumbers, s.queryPass2Pay},
		{OpClose, "/api/pay/close", true, p2pNumbers, s.closePass2Pay},
		{OpRefund, "/api/refund/refundOrder", false, p2pRefund, s.refundPass2Pay},
		{OpRefundQuery, "/api/refund/query", true, p2pRefundNumbers, s.queryPass2PayRefund},
	}
}

// pass2Pay answers a call. Refusals are neither signed nor do they carry data.
func (s *Sandbox) pass2Pay(pc pass2PayCall) http.Handler {
	return s.protocol(Pass2Pay, pc.operation, func(c *call, in protocolCall) []byte {
		v, err := s.openPass2Pay(c, in, pc.known)
		if err == nil {
			c.Number = v["mchOrderNo"]
			err = c.codeFault(FaultCode, p2pWords)
		}
		var data message
		if err == nil {
			data, err = pc.run(c, v)
		}
		if err == nil {
			err = c.codeFault(FaultCodeDone, p2pWords)
		}
		if err == nil {
			c.Verdict = strconv.Itoa(p2pProcessed)
			return c.sealPass2Pay(data)
		}
		code, msg := int64(10), p2pSystem
		if r, refused := errors.AsType[*refusal](err); refused {
			code, msg = r.code, r.msg
		}
		c.Verdict = strconv.FormatInt(code, 10) + " " + msg
		return c.finishPass2Pay(message{{"code", code}, {"msg", msg}})
	})
}

// unifiedOrder takes a new payment by one method (Pass2Pay docs, create payment order).
func (s *Sandbox) unifiedOrder(c *call, v values) (message, error) {
	if err := s.checkPayment(c, v); err != nil {
		return nil, err
	}
	if err := c.checkBuyer(v); err != nil {
		return nil, err
	}
	w, dataType, err := c.chooseWay(v)
	if err != nil {
		return nil, err
	}
	p := s.pass2PayPayment(c, v, v["wayCode"])
	p.Wallet = w.wallet
	p.ClientIP, p.Title, p.Body = v["clientIp"], v["subject"], v["body"]
	if c.has(FaultCreateFailed) {
		p.State = Failed
	}
	p, err = s.accept(c, p)
	if err != nil {
		return nil, c.numberUsed(p.Number)
	}
	if dataType == "none" && p.Open() { // the merchant scanned the customer: the money moves at once
		p, _ = s.act(p, Pay, NotifyAfter)
	}
	return s.created(c, p, dataType), nil
}

// cashierOrder takes a new payment whose method the buyer chooses at the gateway (Pass2Pay docs,
// create cashier).
func (s *Sandbox) cashierOrder(c *call, v values) (message, error) {
	if err := s.checkPayment(c, v); err != nil {
		return nil, err
	}
	p := s.pass2PayPayment(c, v, "cashier")
	p.Wallet, p.State = "any", Created
	if w, pinned := ways[v["wayCode"]]; pinned {
		p.Wallet = w.wallet
	} else if v["wayCode"] != "" {
		return nil, c.refuse(p2pRefused, p2pUnknownWay, "wayCode %q is not known", v["wayCode"])
	}
	p.ExpiresAt = c.At.Add(max(minCashierLife, time.Duration(v.number("expiredTime"))*time.Second))
	p, err := s.accept(c, p)
	if err != nil {
		return nil, c.numberUsed(v["mchOrderNo"])
	}
	return s.created(c, p, "payurl"), nil
}

const (
	defaultLife    = 7200 * time.Second
	minCashierLife = 900 * time.Second
	maxLife        = 365 * 24 * 60 * 60 // seconds
)

// checkPayment looks at what both ways of creating a payment have in common.
func (s *Sandbox) checkPayment(c *call, v values) error {
	bad := func(reason string, args ...any) error {
		return c.refuse(p2pRefused, p2pBadParameters, reason, args...)
	}
	_, badRegisterTime := strconv.ParseUint(v["registerTime"], 10, 64)
	life := v.number("expiredTime")
	switch {
	case s.memory.used(Pass2Pay, v["mchOrderNo"]):
		return c.numberUsed(v["mchOrderNo"])
	case v["notifyUrl"] != "" && !isWebAddress(v["notifyUrl"]):
		return c.refuse(p2pRefused, p2pBadNotifyURL, "notifyUrl is not an absolute web address")
	case v["returnUrl"] != "" && !isWebAddress(v["returnUrl"]):
		return c.refuse(p2pRefused, p2pBadReturnURL, "returnUrl is not an absolute web address")
	case v.number("amount") < 1:
		return bad("amount is below 1")
	case !currency.IsValid(strings.ToUpper(v["currency"])):
		return bad("currency %q is not known", v["currency"])
	case badRegisterTime != nil:
		return bad("registerTime is not a number of milliseconds")
	case v["expiredTime"] != "" && (life < 1 || life > maxLife):
		return bad("expiredTime is not a number of seconds from 1 to %d", maxLife)
	}
	return nil
}

// checkBuyer looks at what the gateway checks about the buyer and the goods.
func (c *call) checkBuyer(v values) error {
	ip, err := netip.ParseAddr(v["clientIp"])
	if err != nil || !ip.Is4() {
		return c.refuse(p2pRefused, p2pBadParameters, "clientIp is not an IPv4 address")
	}
	if !c.has(FaultStrict) {
		return nil
	}
	switch {
	case ip.IsPrivate() || ip.IsLoopback():
		return c.refuse(p2pRefused, p2pBadParameters, "strict: clientIp is not a public address")
	case v["subject"] != "商品" || v["body"] != "0":
		return c.refuse(p2pRefused, p2pBadParameters, "strict: subject and body are not the fixed values 商品 and 0")
	case !isMilliseconds(v["registerTime"]):
		return c.refuse(p2pRefused, p2pBadParameters, "strict: registerTime has not 13 digits")
	}
	return nil
}

func (c *call) numberUsed(number string) error {
	return c.refuse(p2pRefused, "商户订单["+number+"]已存在", "mchOrderNo was used before")
}

func (s *Sandbox) pass2PayPayment(c *call, v values, method string) Payment {
	p := s.newPayment(Pass2Pay, v["mchOrderNo"], method, c.At)
	p.Amount, p.Currency = v.number("amount"), v["currency"]
	p.NotifyURL, p.ReturnURL, p.ExtParam = v["notifyUrl"], v["returnUrl"], v["extParam"]
	p.ExpiresAt = c.At.Add(defaultLife)
	if seconds := v.number("expiredTime"); seconds > 0 {
		p.ExpiresAt = c.At.Add(time.Duration(seconds) * time.Second)
	}
	return p
}

var p2pState = map[State]int64{Created: 0, Pending: 1, Paid: 2, Failed: 3, Refunded: 5, Closed: 6}

// queryPass2Pay tells where a payment stands (Pass2Pay docs, query payment order).
func (s *Sandbox) queryPass2Pay(c *call, v values) (message, error) {
	p, err := s.findPass2Pay(c, v, p2pNoNumber, p2pNotFound)
	if err != nil {
		return nil, err
	}
	return s.p2pFacts(p), nil
}

// findPass2Pay finds a payment by the gateway's number, or by the merchant's.
func (s *Sandbox) findPass2Pay(c *call, v values, noNumber, notFound string) (Payment, error) {
	if v["mchOrderNo"] == "" && v["payOrderId"] == "" {
		return Payment{}, c.refuse(p2pRefused, noNumber, "neither mchOrderNo nor payOrderId is given")
	}
	p, err := s.memory.find(Pass2Pay, v["mchOrderNo"], v["payOrderId"])
	if err != nil {
		return p, c.refuse(p2pRefused, notFound, "there is no such payment")
	}
	c.Number = p.Number
	return p, nil
}

// p2pFacts is what a query's answer, a return and a notification say about a payment. Members
// without a value are empty.
func (s *Sandbox) p2pFacts(p Payment) message {
	m := message{
		{"payOrderId", p.Reference},
		{"mchNo", s.config.Pass2Pay.MchNo},
		{"appId", s.config.Pass2Pay.AppID},
		{"mchOrderNo", p.Number},
		{"ifCode", ifCode(p)},
		{"wayCode", p.Method},
		{"amount", p.Amount},
		{"currency", p.Currency},
		{"state", p2pState[p.State]},
		{"clientIp", p.ClientIP},
		{"subject", p.Title},
		{"body", p.Body},
		{"channelOrderNo", p.Channel},
	}
	if p.Method == "cashier" {
		m = append(m.with("WEB_CASHIER", "wayCode"), member{"payUrl", p.WalletURL})
	}
	if p.State == Failed {
		m = append(m, member{"errCode", "ACQ.TRADE_REFUSED"}, member{"errMsg", "Business Failed"})
	}
	m = append(m, member{"extParam", p.ExtParam}, member{"createdAt", p.CreatedAt.UnixMilli()})
	if !p.PaidAt.IsZero() {
		m = append(m, member{"successTime", p.PaidAt.UnixMilli()})
	}
	return m
}

// ifCode is the channel behind a payment.
func ifCode(p Payment) string {
	if p.Wallet == "wechat" {
		return "wxpay"
	}
	return "alipay"
}

// closePass2Pay closes an open payment. Success has data without members.
func (s *Sandbox) closePass2Pay(c *call, v values) (message, error) {
	p, err := s.findPass2Pay(c, v, p2pNoNumberClose, p2pNotFound)
	if err != nil {
		return nil, err
	}
	if p.Open() && c.has(FaultCloseLoses) {
		s.act(p, Pay, NotifyAfter)
	}
	_, err = s.memory.change(Pass2Pay, p.Number, func(p *Payment) error { return p.end(Closed) })
	if err != nil {
		return nil, c.refuse(p2pRefused, p2pNotClosable, "the payment is not open any more")
	}
	return message{}, nil
}

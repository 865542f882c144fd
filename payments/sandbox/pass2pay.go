package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"regexp"
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

// way is a method of payment: what the answer hands over, and what the request may or must say
// in channelExtra.
type way struct {
	wallet   string
	dataType string
	others   []string // what channelExtra.payDataType may ask for besides
	needs    string   // the member that channelExtra must have
}

// ways are the methods that the application is enabled for (Pass2Pay docs, payment methods).
var ways = map[string]way{
	"ALI_WAP":         {"alipay", "payUrl", []string{"form", "codeImgUrl"}, ""},
	"ALI_QR":          {"alipay", "codeUrl", []string{"codeImgUrl"}, ""},
	"ALI_PC":          {"alipay", "payUrl", []string{"form"}, ""},
	"ALI_JSAPI":       {"alipay", "aliapp", nil, "buyerUserId"},
	"ALI_APP":         {"alipay", "aliapp", nil, ""},
	"ALI_BAR":         {"alipay", "none", nil, "authCode"},
	"WX_NATIVE":       {"wechat", "codeUrl", []string{"codeImgUrl"}, ""},
	"WX_H5":           {"wechat", "payUrl", nil, ""},
	"WX_JSAPI":        {"wechat", "wxapp", nil, "openid"},
	"WX_LITE":         {"wechat", "wxapp", nil, "openid"},
	"WX_APP":          {"wechat", "wxapp", nil, ""},
	"WX_BAR":          {"wechat", "none", nil, "authCode"},
	"QR_CASHIER":      {"any", "codeUrl", []string{"codeImgUrl", "payUrl"}, ""},
	"WEB_CASHIER":     {"any", "payUrl", nil, ""},
	"CHANNEL_CASHIER": {"any", "payUrl", nil, ""},
}

// notEnabled are methods that exist and that the application may not use.
var notEnabled = regexp.MustCompile(`^(AUTO_BAR|AUTO_POS|YSF_BAR|YSF_JSAPI|DCEP_BAR|DCEP_QR|ALI_LITE|ALI_OC|PP_PC|UP_[A-Z0-9]+)$`)

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
	return s.created(p, dataType), nil
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
	p.ExpiresAt = later(p.ExpiresAt, c.At.Add(minCashierLife))
	if v["expiredTime"] == "" {
		p.ExpiresAt = c.At.Add(minCashierLife)
	}
	p, err := s.accept(c, p)
	if err != nil {
		return nil, c.numberUsed(v["mchOrderNo"])
	}
	return s.created(p, "payurl"), nil
}

const (
	defaultLife    = 7200 * time.Second
	minCashierLife = 900 * time.Second
	maxLife        = 365 * 24 * 60 * 60 // seconds
)

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

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

// chooseWay finds the method and what it hands over.
func (c *call) chooseWay(v values) (way, string, error) {
	w, enabled := ways[v["wayCode"]]
	if notEnabled.MatchString(v["wayCode"]) {
		return w, "", c.refuse(p2pRefused, p2pWayNotEnabled, "wayCode %q is not enabled for the application", v["wayCode"])
	}
	if !enabled {
		return w, "", c.refuse(p2pRefused, p2pUnknownWay, "wayCode %q is not known", v["wayCode"])
	}
	var extra object
	if text := v["channelExtra"]; text != "" && json.Unmarshal([]byte(text), &extra) != nil {
		return w, "", c.refuse(p2pRefused, p2pBadParameters, "channelExtra is not a JSON object")
	}
	if w.needs != "" && textOf(extra[w.needs]) == "" {
		return w, "", c.refuse(p2pRefused, p2pBadParameters, "channelExtra has no %s", w.needs)
	}
	wanted := textOf(extra["payDataType"])
	if wanted == "" || strings.EqualFold(wanted, w.dataType) {
		return w, w.dataType, nil
	}
	for _, other := range w.others {
		if strings.EqualFold(wanted, other) {
			return w, other, nil
		}
	}
	return w, "", c.refuse(p2pRefused, p2pBadParameters, "channelExtra: payDataType %q is not served by %s", wanted, v["wayCode"])
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

// created is the answer to a create call.
func (s *Sandbox) created(p Payment, dataType string) message {
	m := message{
		{"payOrderId", p.Reference},
		{"mchOrderNo", p.Number},
		{"orderState", p2pState[p.State]},
	}
	if p.State == Failed {
		return append(m, member{"errCode", "ACQ.TRADE_REFUSED"}, member{"errMsg", "Business Failed"})
	}
	return append(m, member{"payDataType", dataType}, member{"payData", s.payData(p, dataType)})
}

// payData is what a buyer's browser, or the shop's page, gets to pay with.
func (s *Sandbox) payData(p Payment, dataType string) string {
	switch strings.ToLower(dataType) {
	case "payurl", "codeurl":
		return p.WalletURL
	case "codeimgurl":
		return s.config.PublicURL + "/sandbox/code/" + p.ID + ".png"
	case "form":
		return `<form name="punchout_form" method="get" action="` + p.WalletURL + `"><input type="submit" value="立即支付" style="display:none"></form>` +
			`<script>document.forms[0].submit();</script>`
	case "aliapp":
		return `{"alipayTradeNo":"` + p.Reference[1:] + `"}`
	case "wxapp":
		return `{"appId":"wx0000000000000000","timeStamp":"` + strconv.FormatInt(p.CreatedAt.Unix(), 10) +
			`","nonceStr":"` + p.ID + `","package":"prepay_id=` + p.Reference[1:] + `","signType":"RSA","paySign":"c2FuZGJveA=="}`
	}
	return ""
}

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
		s.clock.at(c.At.Add(refundLife), func() { s.SettleRefund(r.Number, RefundClosed) })
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

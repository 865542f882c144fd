package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// scanForPayProduct is one way to pay at ScanForPay.
type scanForPayProduct struct {
	method  string
	path    string
	wallets []string
	fields  []field
}

// The members of a create call (ScanForPay docs, website, QR code and JS API payments). The JS
// API's table does not list the currency; it is taken where it is sent.
var (
	sfpHeaderFields = []field{
		{name: "version", max: 6, required: true},
		{name: "reqMsgId", max: 36}, // the table says 32, the samples have 36
		{name: "reqTime", max: 25},
		{name: "requestTime", max: 25}, // as in the samples
		{name: "signType", max: 10},
	}
	sfpCommonFields = []field{
		{name: "storeNo", max: 15, required: true},
		{name: "partnerOrderNo", max: 32, required: true},
		{name: "wallet", max: 10, required: true},
		{name: "orderAmount", required: true, whole: true},
		{name: "orderTitle", max: 100},
		{name: "operatorId", max: 20},
		{name: "terminalNo", max: 20},
		{name: "notifyUrl", max: 200},
		{name: "returnUrl", max: 200},
	}
	sfpJSAPIFields  = append(slices.Clone(sfpCommonFields), field{name: "currency", max: 10})
	sfpQRCodeFields = append(slices.Clone(sfpCommonFields),
		field{name: "currency", max: 10, required: true},
		field{name: "goodsAmount", whole: true},
		field{name: "goodsExtraAmount", whole: true},
	)
	sfpOnlineFields = append(slices.Clone(sfpQRCodeFields),
		field{name: "orderCreate", max: 20},
		field{name: "timeoutRule", max: 10},
	)
	sfpQueryFields = []field{
		{name: "storeNo", max: 15},
		{name: "partnerOrderNo", max: 32},
		{name: "orderNo", max: 32},
	}
	sfpRefundFields = []field{
		{name: "partnerOrderNo", max: 32, required: true},
		{name: "refundNo", max: 32, required: true},
		{name: "orderAmount", required: true, whole: true},
		{name: "storeNo", max: 15},
		{name: "operatorId", max: 20},
		{name: "terminalNo", max: 20},
	}
)

var scanForPayProducts = []scanForPayProduct{
	{"online", "/api/online/create", []string{"Alipay", "AlipayHK"}, sfpOnlineFields},
	{"qrcode", "/api/offline/qrcode", []string{"Wechat", "Alipay"}, sfpQRCodeFields},
	{"jspay", "/api/jspay/create", []string{"Wechat", "Alipay"}, sfpJSAPIFields},
}

// sfpWallets are the wallets by ScanForPay's own spelling.
var sfpWallets = map[string]string{"Wechat": "wechat", "Alipay": "alipay", "AlipayHK": "alipayhk"}

// sfpSpelling is a wallet as ScanForPay spells it.
func sfpSpelling(wallet string) string {
	for spelling, name := range sfpWallets {
		if name == wallet {
			return spelling
		}
	}
	return wallet
}

// scanForPay answers a call: envelope, partner, signature, header, then what the call is about.
func (s *Sandbox) scanForPay(o Operation, run func(*call, object) (message, error)) http.Handler {
	return s.protocol(ScanForPay, o, func(c *call, in protocolCall) []byte {
		key := s.config.ScanForPay.SignKey
		header, body, known, err := s.openScanForPay(c, in)
		if !known {
			key = ""
		}
		if err == nil {
			err = c.checkScanForPayHeader(header)
		}
		if err == nil {
			err = c.codeFault(FaultCode, sfpWords)
		}
		var result message
		if err == nil {
			result, err = run(c, body)
		}
		if err == nil {
			err = c.codeFault(FaultCodeDone, sfpWords)
		}
		answer := c.sfpVerdict(err)
		if err == nil {
			answer = append(answer, result...)
		}
		return c.sealScanForPay(key, s.scanForPayHeader(c.At), answer)
	})
}

// sfpVerdict is how every answer begins, and the verdict in the list of calls.
func (c *call) sfpVerdict(err error) message {
	code, msg := int64(sfpSuccess), sfpWords[sfpSuccess]
	if r, refused := errors.AsType[*refusal](err); refused {
		code, msg = r.code, r.msg
	} else if err != nil {
		code, msg = sfpSystem, sfpWords[sfpSystem]
	}
	c.Verdict = strconv.FormatInt(code, 10)
	return message{{"code", code}, {"msg", msg}}
}

func (c *call) checkScanForPayHeader(header object) error {
	v, err := c.readScanForPay(header, sfpHeaderFields)
	if err != nil {
		return err
	}
	sent := v["reqTime"] + v["requestTime"]
	_, badTime := time.Parse(time.RFC3339, sent)
	switch {
	case v["version"] != "1.0":
		return c.refuseSFP(sfpIllegal, "header: version is %q, not 1.0", v["version"])
	case v["signType"] != "" && v["signType"] != "SHA256":
		return c.refuseSFP(sfpIllegal, "header: signType is %q, not SHA256", v["signType"])
	case sent != "" && badTime != nil:
		return c.refuseSFP(sfpIllegal, "header: the time %q is not RFC 3339", sent)
	case c.has(FaultStrict) && (v["reqTime"] == "" || v["reqMsgId"] == "" || len(v["reqMsgId"]) > 32):
		return c.refuseSFP(sfpMissing, "header: strict: reqTime, and a reqMsgId of at most 32 characters, must be there")
	}
	return nil
}

// createScanForPay takes a new payment and answers with the address of its pretend wallet.
func (s *Sandbox) createScanForPay(product scanForPayProduct) func(*call, object) (message, error) {
	return func(c *call, body object) (message, error) {
		v, err := c.readScanForPay(body, product.fields)
		if err != nil {
			return nil, err
		}
		c.Number = v["partnerOrderNo"]
		if err := s.checkScanForPayCreate(c, product, v); err != nil {
			return nil, err
		}
		p := s.newPayment(ScanForPay, v["partnerOrderNo"], product.method, c.At)
		p.Wallet = sfpWallets[v["wallet"]]
		p.Amount = v.number("orderAmount")
		p.Currency = v["currency"]
		if p.Currency == "" {
			p.Currency = s.config.ScanForPay.Currencies[0]
		}
		p.Title, p.NotifyURL, p.ReturnURL = v["orderTitle"], v["notifyUrl"], v["returnUrl"]
		p.ExpiresAt = sfpExpiry(v, c.At)
		if _, err = s.accept(c, p); err != nil {
			return nil, c.refuseSFP(sfpDuplicate, "partnerOrderNo %q was used before", p.Number)
		}
		return message{{"payUrl", p.WalletURL}}, nil
	}
}

func (s *Sandbox) checkScanForPayCreate(c *call, product scanForPayProduct, v values) error {
	if err := s.checkStore(c, v); err != nil {
		return err
	}
	parts := v.number("goodsAmount") + v.number("goodsExtraAmount")
	_, known := sfpWallets[v["wallet"]]
	switch {
	case !known:
		return c.refuseSFP(sfpIllegal, "wallet %q is not Wechat, Alipay or AlipayHK", v["wallet"])
	case !slices.Contains(product.wallets, v["wallet"]):
		return c.refuseSFP(sfpNotOpened, "wallet %s is not served by %s", v["wallet"], product.path)
	case v["currency"] != "" && !slices.Contains(s.config.ScanForPay.Currencies, v["currency"]):
		return c.refuseSFP(sfpIllegal, "currency %q is not one of the merchant's", v["currency"])
	case v.number("orderAmount") < 1:
		return c.refuseSFP(sfpIllegal, "orderAmount is below 1")
	case v.number("goodsAmount") < 0 || v.number("goodsExtraAmount") < 0:
		return c.refuseSFP(sfpIllegal, "goodsAmount or goodsExtraAmount is negative")
	case (v["goodsAmount"] != "" || v["goodsExtraAmount"] != "") && parts != v.number("orderAmount"):
		return c.refuseSFP(sfpIllegal, "goodsAmount and goodsExtraAmount do not add up to orderAmount")
	case v["notifyUrl"] != "" && !isWebAddress(v["notifyUrl"]):
		return c.refuseSFP(sfpIllegal, "notifyUrl is not an absolute web address")
	case v["returnUrl"] != "" && !isWebAddress(v["returnUrl"]):
		return c.refuseSFP(sfpIllegal, "returnUrl is not an absolute web address")
	case v["orderCreate"] != "" && !isMilliseconds(v["orderCreate"]):
		return c.refuseSFP(sfpIllegal, "orderCreate is not a time in milliseconds of 13 digits")
	case v["timeoutRule"] != "" && !timeoutRule.MatchString(v["timeoutRule"]):
		return c.refuseSFP(sfpIllegal, "timeoutRule %q is not a number with m, h or d, or 1c", v["timeoutRule"])
	}
	return nil
}

// checkStore refuses another merchant's store. Calls that need no storeNo may leave it out.
func (s *Sandbox) checkStore(c *call, v values) error {
	if store := v["storeNo"]; store != "" && store != s.config.ScanForPay.StoreNo {
		return c.refuseSFP(sfpUnauthorised, "storeNo %q is not a store of this partner", store)
	}
	return nil
}

var (
	timeoutRule  = regexp.MustCompile(`^([1-9][0-9]{0,4}[mhd]|1c)$`)
	milliseconds = regexp.MustCompile(`^[0-9]{13}$`)
	plainHost    = regexp.MustCompile(`^[A-Za-z0-9.:\[\]_-]+$`)
)

func isMilliseconds(text string) bool { return milliseconds.MatchString(text) }

// isWebAddress reports whether the text is an absolute http or https address with a plain host,
// which can stand in a content policy as it is.
func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && plainHost.MatchString(u.Host)
}

// sfpExpiry is when a payment closes: timeoutRule after orderCreate or now, 12 hours by default.
func sfpExpiry(v values, now time.Time) time.Time {
	from := now
	if v["orderCreate"] != "" {
		from = time.UnixMilli(v.number("orderCreate")).UTC()
	}
	rule := v["timeoutRule"]
	if rule == "" {
		rule = "12h"
	}
	if rule == "1c" {
		day := from.In(gatewayZone)
		return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, gatewayZone).UTC()
	}
	n, _ := strconv.Atoi(rule[:len(rule)-1])
	unit := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[rule[len(rule)-1]]
	return from.Add(time.Duration(n) * unit)
}

// queryScanForPay tells where a payment stands (ScanForPay docs, payment query).
func (s *Sandbox) queryScanForPay(c *call, body object) (message, error) {
	v, err := c.readScanForPay(body, sfpQueryFields)
	if err != nil {
		return nil, err
	}
	c.Number = v["partnerOrderNo"]
	if v["partnerOrderNo"] == "" && v["orderNo"] == "" {
		return nil, c.refuseSFP(sfpNoNumber, "neither partnerOrderNo nor orderNo is given")
	}
	if err := s.checkStore(c, v); err != nil {
		return nil, err
	}
	p, err := s.memory.find(ScanForPay, v["partnerOrderNo"], v["orderNo"])
	if err != nil {
		return nil, c.refuseSFP(sfpNotFound, "there is no such payment")
	}
	c.Number = p.Number
	if p.State == Closed {
		return nil, c.refuseSFP(sfpClosed, "the payment is closed")
	}
	facts := sfpFacts(p)
	if p.State == Paid && p.Returned() > 0 && c.has(FaultPartialAs3) {
		facts = facts.with(int64(3), "status")
	}
	return facts, nil
}

var sfpStatus = map[State]int64{Created: 0, Pending: 0, Paid: 1, Failed: 2, Refunded: 3}

// sfpFacts is what a query's answer and a notification say about a payment.
func sfpFacts(p Payment) message {
	m := message{
		{"orderNo", p.Reference},
		{"partnerOrderNo", p.Number},
		{"orderAmount", p.Amount},
		{"wallet", sfpSpelling(p.Wallet)},
		{"currency", p.Currency},
		{"status", sfpStatus[p.State]},
	}
	if !p.PaidAt.IsZero() {
		m = append(m, member{"payTime", formatTime(p.PaidAt)}, member{"buyer", "s***@example.com"}, member{"buyerId", "208********012"})
	}
	return m
}

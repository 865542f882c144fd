package scanforpay

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"saoma/models"
	"saoma/payments"
)

// Limits of fields in bytes (ScanForPay docs; they do not say whether they count bytes or characters).
const (
	maxNumber    = 32
	maxReference = 64 // twice what the docs say
	maxCurrency  = 10
	maxText      = 100
	maxAddress   = 200
	maxAmount    = math.MaxInt32
)

// The calls (ScanForPay docs).
const (
	pathJSPay  = "/api/jspay/create"
	pathQRCode = "/api/offline/qrcode"
	pathOnline = "/api/online/create"
	pathQuery  = "/api/common/payQuery"
	pathRefund = "/api/common/refund"
)

// request is what is signed of each message that we send.
type request struct {
	Header header `json:"header"`
	Body   any    `json:"body"`
}

type header struct {
	Version   string `json:"version"`
	PartnerNo string `json:"partnerNo"`
	ReqMsgID  string `json:"reqMsgId"`
	ReqTime   string `json:"reqTime"`
	SignType  string `json:"signType"`
}

type createBody struct {
	StoreNo          string `json:"storeNo"`
	PartnerOrderNo   string `json:"partnerOrderNo"`
	Wallet           string `json:"wallet"`
	GoodsAmount      int64  `json:"goodsAmount,omitempty"`
	GoodsExtraAmount int64  `json:"goodsExtraAmount,omitempty"`
	Currency         string `json:"currency,omitempty"`
	OrderAmount      int64  `json:"orderAmount"`
	OrderTitle       string `json:"orderTitle,omitempty"`
	OperatorID       string `json:"operatorId,omitempty"`
	TerminalNo       string `json:"terminalNo,omitempty"`
	NotifyURL        string `json:"notifyUrl,omitempty"`
	ReturnURL        string `json:"returnUrl,omitempty"`
	OrderCreate      string `json:"orderCreate,omitempty"`
	TimeoutRule      string `json:"timeoutRule,omitempty"`
}

type queryBody struct {
	StoreNo        string `json:"storeNo"`
	PartnerOrderNo string `json:"partnerOrderNo"`
}

type refundBody struct {
	PartnerOrderNo string `json:"partnerOrderNo"`
	RefundNo       string `json:"refundNo"`
	OrderAmount    int64  `json:"orderAmount"`
	OperatorID     string `json:"operatorId,omitempty"`
	TerminalNo     string `json:"terminalNo,omitempty"`
}

// header returns a fresh one. The time has whole seconds and a numeric offset, the 25 characters
// that the field may have, in the zone of the docs' samples.
func (g *Gateway) header() header {
	return header{
		Version:   "1.0",
		PartnerNo: g.config.PartnerNo,
		ReqMsgID:  payments.NewRequestID(),
		ReqTime:   time.Now().In(beijing).Format(time.RFC3339),
		SignType:  "SHA256",
	}
}

var beijing = time.FixedZone("UTC+8", 8*60*60)

// method is one of the ways to ask for a payment page.
type method struct {
	path    string
	wallets map[models.Wallet]string // by the name that the gateway gives them
	money   bool                     // takes the currency and the parts of the amount
	window  bool                     // takes the time allowed for paying
}

var methods = map[string]method{
	"jspay": {
		path:    pathJSPay,
		wallets: map[models.Wallet]string{models.WeChat: "Wechat", models.Alipay: "Alipay"},
	},
	"qrcode": {
		path:    pathQRCode,
		wallets: map[models.Wallet]string{models.WeChat: "Wechat", models.Alipay: "Alipay"},
		money:   true,
	},
	"online": {
		path: pathOnline,
		// The docs do not name Wechat here, yet the gateway's own plugin can send it: a route may.
		wallets: map[models.Wallet]string{models.WeChat: "Wechat", models.Alipay: "Alipay", models.AlipayHK: "AlipayHK"},
		money:   true,
		window:  true,
	},
}

// createBody writes the request, or says what is wrong with it before anything is sent.
func (g *Gateway) createBody(r payments.CreateRequest) (createBody, error) {
	m, ok := methods[r.Method]
	if !ok {
		return createBody{}, fmt.Errorf("unknown method %q", r.Method)
	}
	wallet, ok := m.wallets[r.Wallet]
	if !ok {
		return createBody{}, fmt.Errorf("method %s cannot be paid with %q", r.Method, r.Wallet)
	}
	err := errors.Join(
		checkOurNumber(r.Number),
		checkMoney(r.Money),
		checkLength("notify address", r.NotifyURL),
		checkLength("return address", r.ReturnURL),
	)
	if err != nil {
		return createBody{}, err
	}
	body := createBody{
		StoreNo:        g.config.StoreNo,
		PartnerOrderNo: r.Number,
		Wallet:         wallet,
		OrderAmount:    r.Money.Amount,
		OrderTitle:     oneLine(r.Title, maxText),
		OperatorID:     g.config.OperatorID,
		TerminalNo:     g.config.TerminalNo,
		NotifyURL:      r.NotifyURL,
		ReturnURL:      r.ReturnURL,
	}
	if m.money {
		body.Currency = r.Money.Currency
		body.GoodsAmount, body.GoodsExtraAmount = parts(r)
	}
	if m.window {
		body.OrderCreate, body.TimeoutRule = window(r.OrderedAt, r.ExpiresAt)
	}
	return body, nil
}

// parts returns the goods' and the shipping's share of the amount when there are two that make
// up the whole; otherwise neither is told.
func parts(r payments.CreateRequest) (goods, extra int64) {
	if r.Goods <= 0 || r.Shipping <= 0 || r.Goods != r.Money.Amount-r.Shipping {
		return 0, 0
	}
	return r.Goods, r.Shipping
}

// timeoutRules are the only spans that Alipay takes.
var timeoutRules = map[time.Duration]string{
	5 * time.Minute:     "5m",
	10 * time.Minute:    "10m",
	15 * time.Minute:    "15m",
	30 * time.Minute:    "30m",
	time.Hour:           "1h",
	2 * time.Hour:       "2h",
	3 * time.Hour:       "3h",
	5 * time.Hour:       "5h",
	10 * time.Hour:      "10h",
	12 * time.Hour:      "12h",
	24 * time.Hour:      "1d",
	3 * 24 * time.Hour:  "3d",
	7 * 24 * time.Hour:  "7d",
	15 * 24 * time.Hour: "15d",
}

// window returns the time of creation in epoch milliseconds and the time allowed for paying, or
// nothing when the span is none of Alipay's: a longer one would take money late, a shorter one
// would turn buyers away early, and we watch for late money anyway.
func window(ordered, expires time.Time) (orderCreate, timeoutRule string) {
	rule, ok := timeoutRules[expires.Sub(ordered)]
	if !ok {
		return "", ""
	}
	return strconv.FormatInt(ordered.UnixMilli(), 10), rule
}

// refundBody writes the request, or says what is wrong with it before anything is sent.
func (g *Gateway) refundBody(r payments.RefundRequest) (refundBody, error) {
	err := errors.Join(checkOurNumber(r.PaymentNumber), checkOurNumber(r.RefundNumber), checkMoney(r.Money))
	if err != nil {
		return refundBody{}, err
	}
	return refundBody{
		PartnerOrderNo: r.PaymentNumber,
		RefundNo:       r.RefundNumber,
		OrderAmount:    r.Money.Amount,
		OperatorID:     g.config.OperatorID,
		TerminalNo:     g.config.TerminalNo,
	}, nil
}

func checkOurNumber(number string) error {
	isOther := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if number == "" || len(number) > maxNumber || strings.ContainsFunc(number, isOther) {
		return fmt.Errorf("number %q is not 1 to %d letters and digits", number, maxNumber)
	}
	return nil
}

func checkMoney(m models.Money) error {
	if m.Amount < 1 || m.Amount > maxAmount {
		return fmt.Errorf("amount %d is not between 1 and %d", m.Amount, maxAmount)
	}
	if m.Currency == "" || !models.KnownCurrency(m.Currency) {
		return fmt.Errorf("unknown currency %q", m.Currency)
	}
	return nil
}

func checkLength(what, address string) error {
	if len(address) > maxAddress {
		return fmt.Errorf("%s is longer than %d bytes", what, maxAddress)
	}
	return nil
}

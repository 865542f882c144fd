package pass2pay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bojanz/currency"

	"saoma/models"
	"saoma/payments"
)

// methodCashier is the route method for the gateway's hosted cashier, which has a call of its
// own. All other methods are wayCodes.
const methodCashier = "cashier"

// wayCodes are the ways to pay that a web shop can use: those that need no wallet account id,
// no app and no code reader (Pass2Pay docs, payment method).
var wayCodes = []string{
	"ALI_WAP", "ALI_QR", "ALI_PC", "WX_NATIVE", "WX_H5", "QR_CASHIER", "WEB_CASHIER", "CHANNEL_CASHIER",
}

const (
	maxLink       = 128              // bytes of notifyUrl and returnUrl
	cashierLife   = 15 * time.Minute // the hosted cashier keeps an order open for no less
	maxPayData    = 64_000           // bytes of what the buyer is given to pay with
	decimalPlaces = 2                // of the only currencies that the docs describe
)

var (
	ourNumber  = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)
	customerID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	imageNames = []string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg"}
)

// cashierRequest asks for an order on the hosted cashier.
type cashierRequest struct {
	common
	MchOrderNo   string `json:"mchOrderNo"`
	Amount       int64  `json:"amount"`
	Currency     string `json:"currency"`
	CustNo       string `json:"custNo"`
	RegisterTime string `json:"registerTime"` // milliseconds, 13 digits
	NotifyURL    string `json:"notifyUrl"`
	ReturnURL    string `json:"returnUrl"`
	ExpiredTime  int64  `json:"expiredTime"` // seconds
}

// unifiedRequest asks for an order with one way to pay.
type unifiedRequest struct {
	cashierRequest
	WayCode  string `json:"wayCode"`
	Subject  string `json:"subject"`
	Body     string `json:"body"`
	ClientIP string `json:"clientIp"`
}

// Create asks for a payment, by the hosted cashier or by one of the wayCodes of a web shop.
//
// What this gateway cannot take is NotSent, so that the next row of the routes is tried: a
// currency without two decimals, an attempt that would live longer than Validity, and what Takes
// does not.
//
// A refusal is Refused when it comes from the checks that the gateway makes before it keeps an
// order (see meaningOfCreate), and when a signed answer says that the order failed. Any other
// error is Unknown: a create that ends in a fault of the gateway's own leaves an order behind.
//
// An order with nothing that a browser can use to pay has ActionNone and stays pending. What
// the answer says beyond that is not proof of payment: it names no money, and Query confirms.
func (g *Gateway) Create(ctx context.Context, r payments.CreateRequest) (payments.Created, error) {
	address, request, err := g.createCall(r)
	if err != nil {
		return payments.Created{}, notSent(err)
	}
	data, exchange, err := g.call(ctx, address, request, meaningOfCreate)
	if err != nil {
		return payments.Created{Exchange: exchange}, err
	}
	created, err := g.readCreated(data, r.Number)
	created.Exchange = exchange
	return created, err
}

// Takes reports whether the address is an IPv4 one, which the gateway insists on except for the
// cashier.
func (g *Gateway) Takes(method, ip string) bool {
	_, err := ipv4(ip)
	return err == nil || method == methodCashier
}

// createCall returns the call that creates the payment, and its request.
func (g *Gateway) createCall(r payments.CreateRequest) (string, any, error) {
	if r.Method != methodCashier && !slices.Contains(wayCodes, r.Method) {
		return "", nil, fmt.Errorf("method %q is not one for a web shop", r.Method)
	}
	if err := checkCreate(r); err != nil {
		return "", nil, err
	}
	life, err := g.life(r)
	if err != nil {
		return "", nil, err
	}
	order := cashierRequest{
		common:       g.common(createVersion),
		MchOrderNo:   r.Number,
		Amount:       r.Money.Amount,
		Currency:     strings.ToLower(r.Money.Currency),
		CustNo:       r.CustomerID,
		RegisterTime: strconv.FormatInt(r.CustomerSince.UnixMilli(), 10),
		NotifyURL:    r.NotifyURL,
		ReturnURL:    r.ReturnURL,
		ExpiredTime:  int64(life / time.Second),
	}
	if r.Method == methodCashier {
		return "/api/pay/cashierOrder", order, nil
	}
	ip, err := ipv4(r.ClientIP)
	if err != nil {
		return "", nil, err
	}
	// Subject and body have one value each for every order (Pass2Pay docs, create order).
	return "/api/pay/unifiedOrder", unifiedRequest{order, r.Method, "商品", "0", ip}, nil
}

// checkCreate returns all that the gateway would not take, or would not take back unharmed.
func checkCreate(r payments.CreateRequest) error {
	var mistakes []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			mistakes = append(mistakes, fmt.Errorf(format, args...))
		}
	}
	places, known := currency.GetDigits(r.Money.Currency)
	refuse(!ourNumber.MatchString(r.Number), "number %q is not 1 to 32 letters and digits", r.Number)
	refuse(!known || places != decimalPlaces, "currency %q does not have %d decimals", r.Money.Currency, decimalPlaces)
	refuse(r.Money.Amount < 1, "amount %d is less than 1", r.Money.Amount)
	refuse(!plainLink(r.NotifyURL), "notify address is not a web address of at most %d bytes without query", maxLink)
	refuse(!plainLink(r.ReturnURL), "return address is not a web address of at most %d bytes without query", maxLink)
	refuse(!customerID.MatchString(r.CustomerID), "customer id is not 1 to 64 of A-Z a-z 0-9 _ -")
	refuse(len(strconv.FormatInt(r.CustomerSince.UnixMilli(), 10)) != 13 || r.CustomerSince.Year() < 2001,
		"time of the customer's first visit is not one of 13 digits")
	return errors.Join(mistakes...)
}

// plainLink reports whether the gateway can call the address: it puts the query of notifyUrl
// into the body that it posts, and the signature does not cover it.
func plainLink(link string) bool { return len(link) <= maxLink && plainAddress(link) }

// life returns for how long the gateway may take the money.
func (g *Gateway) life(r payments.CreateRequest) (time.Duration, error) {
	life := r.ExpiresAt.Sub(r.CreatedAt)
	if life <= 0 {
		return 0, errors.New("attempt ends before it begins")
	}
	life = max(life.Truncate(time.Second), time.Second) // no part of a second can be asked for
	if r.Method == methodCashier {
		life = max(life, cashierLife)
	}
	if life > g.config.Validity {
		return 0, fmt.Errorf("attempt would live %v, longer than it is watched (validity %v)", life, g.config.Validity)
	}
	return life, nil
}

// ipv4 returns the address as an IPv4 one. A shop that is tried on one's own machine may be reached by
// either of that machine's names for itself.
func ipv4(text string) (string, error) {
	ip, err := netip.ParseAddr(text)
	if ip == netip.IPv6Loopback() {
		return "127.0.0.1", nil
	}
	if err != nil || !ip.Unmap().Is4() {
		return "", errors.New("the buyer has no IPv4 address, which this gateway asks for")
	}
	return ip.Unmap().String(), nil
}

// The words of refusals that come before the gateway keeps an order.
var refusedBeforeOrder = []string{
	"参数有误",          // bad or missing parameters
	"不能为空",          // a field's own text for the same
	"商户或商户应用不存在",    // unknown merchant or application
	"商户信息不存在",       // merchant disabled
	"商户应用不存在",       // application disabled
	"与商户号不匹配",       // application of another merchant
	"验签失败",          // bad signature
	"不支持的支付方式",      // unknown wayCode
	"不支持该支付方式",      // wayCode not enabled
	"通知地址协议仅支持http", // notifyUrl
}

// meaningOfCreate reads a refusal of a create call. Code 9999 alone proves nothing: it stands
// for refusals before an order is kept, for "number used before", and for faults after an order
// was kept. The words tell these apart, and words that we do not know are Unknown: a text that
// the gateway changes one day makes us ask once more, never pay twice.
func meaningOfCreate(code int64, msg string) payments.Outcome {
	switch {
	case code == codeParameters:
		return payments.Refused
	case code != codeRefused:
		return payments.Unknown
	case strings.Contains(msg, "已存在"):
		return payments.Duplicate
	case saysAny(msg, refusedBeforeOrder):
		return payments.Refused
	default:
		return payments.Unknown
	}
}

// readCreated reads the verified answer to a create call for the number.
func (g *Gateway) readCreated(data params, number string) (payments.Created, error) {
	if data["mchOrderNo"] != number {
		return payments.Created{}, unknown(errOtherNumber)
	}
	if !identifier.MatchString(data["payOrderId"]) {
		return payments.Created{}, unknown(errors.New("payOrderId is missing or malformed"))
	}
	state, err := data.state("orderState")
	if err != nil {
		return payments.Created{}, unknown(err)
	}
	created := payments.Created{Reference: strings.TrimSpace(data["payOrderId"]), State: state}
	switch state {
	case payments.StateFailed:
		return created, &payments.CallError{
			Outcome: payments.Refused,
			Code:    clip(data["errCode"]),
			Message: clip(data["errMsg"]),
		}
	case payments.StatePending:
		created.Action, err = g.action(data["payDataType"], data["payData"])
	}
	return created, err
}

// action returns what the buyer does with payData (Pass2Pay docs, create order; the types are
// written in more than one letter case). For types that only an app can use, that we do not
// know, or whose data cannot be read, there is nothing to do but wait: the gateway is asked.
func (g *Gateway) action(payDataType, payData string) (payments.NextAction, error) {
	if payData == "" || len(payData) > maxPayData {
		return payments.NextAction{}, nil
	}
	switch strings.ToLower(payDataType) {
	case "payurl":
		return g.address(models.ActionRedirect, payData)
	case "codeimgurl":
		return g.address(models.ActionCodeImage, payData)
	case "codeurl":
		if namesImage(payData) {
			return g.address(models.ActionCodeImage, payData)
		}
		if len(payData) > payments.MaxCode {
			return payments.NextAction{}, &payments.CallError{
				Outcome: payments.BadRedirect, Err: fmt.Errorf("code is longer than %d bytes", payments.MaxCode),
			}
		}
		return payments.NextAction{Kind: models.ActionCode, Data: payData}, nil
	case "form":
		form, ok := formIn(payData)
		if !ok {
			return payments.NextAction{}, nil
		}
		if err := g.check(form.Action); err != nil {
			return payments.NextAction{}, err
		}
		return payments.NextAction{Kind: models.ActionForm, Data: form.Data()}, nil
	default:
		return payments.NextAction{}, nil
	}
}

// address returns the action with an address that the buyer's browser may load.
func (g *Gateway) address(kind models.ActionKind, address string) (payments.NextAction, error) {
	if err := g.check(address); err != nil {
		return payments.NextAction{}, err
	}
	return payments.NextAction{Kind: kind, Data: address}, nil
}

// check refuses an address that no buyer may be sent to.
func (g *Gateway) check(address string) error {
	if err := payments.CheckAddress(address, g.config.BaseURL, g.config.AllowedHosts); err != nil {
		return &payments.CallError{Outcome: payments.BadRedirect, Err: err}
	}
	return nil
}

// namesImage reports whether a codeUrl is the address of a picture instead of a code's text, as
// in one of the gateway's own examples.
func namesImage(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") &&
		slices.Contains(imageNames, strings.ToLower(path.Ext(u.Path)))
}

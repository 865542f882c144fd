package pass2pay

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"saoma/models"
	"saoma/payments"
)

// maxReason is the most that refundReason may have, in bytes.
const maxReason = 256

var notPlain = regexp.MustCompile(`[^A-Za-z0-9 ]`)

// The words of refusals by the rules of refunding.
var refusedByRules = []string{
	"退款订单不存在",   // no such payment
	"订单状态不正确",   // the payment is not in a state to be refunded
	"已全额退款",     // nothing left
	"超出订单可退款余额", // more than is left
}

// refundRequest asks for one refund. It names no notifyUrl: the sweep asks for the result.
type refundRequest struct {
	common
	MchOrderNo   string `json:"mchOrderNo"`
	MchRefundNo  string `json:"mchRefundNo"`
	RefundAmount int64  `json:"refundAmount"`
	Currency     string `json:"currency"`
	RefundReason string `json:"refundReason"`
}

// refundQuery asks about one refund.
type refundQuery struct {
	common
	MchRefundNo string `json:"mchRefundNo"`
}

// Refund gives money back. Not every account has this call (configured, or told by HTTP status
// 404): the outcome is Unsupported then, and staff refund on the gateway's own pages.
//
// A refusal is unsigned, and to a request that is made again "nothing left to refund" may only
// say that the first one succeeded. So a refusal by the rules of refunding is believed only
// after the gateway, asked by QueryRefund, says that it has no refund with this number either.
// Then the refund has failed, and staff decide. Every other refusal is Unknown.
func (g *Gateway) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundReport, error) {
	if !g.config.RefundAPI {
		return payments.RefundReport{}, unsupported()
	}
	if err := checkRefund(r); err != nil {
		return payments.RefundReport{}, notSent(err)
	}
	data, exchange, err := g.call(ctx, "/api/refund/refundOrder", refundRequest{
		common:       g.common(version),
		MchOrderNo:   r.PaymentNumber,
		MchRefundNo:  r.RefundNumber,
		RefundAmount: r.Money.Amount,
		Currency:     strings.ToLower(r.Money.Currency),
		RefundReason: plainReason(r.Reason),
	}, meaningOfRefund)
	if refusal, ok := errors.AsType[*payments.CallError](err); ok && refusal.Outcome == payments.Refused {
		return g.afterRefusal(ctx, r, refusal, exchange)
	}
	return g.refundReport(r, data, exchange, err)
}

// QueryRefund asks where a refund stands; the outcome is NotFound when the gateway has none with
// this number, and Unsupported as for Refund.
func (g *Gateway) QueryRefund(ctx context.Context, r payments.RefundRequest) (payments.RefundReport, error) {
	if !g.config.RefundAPI {
		return payments.RefundReport{}, unsupported()
	}
	data, exchange, err := g.call(ctx, "/api/refund/query",
		refundQuery{g.common(version), r.RefundNumber}, notFoundOrUnknown)
	return g.refundReport(r, data, exchange, err)
}

// afterRefusal tells a refund that never was from one that an earlier, unanswered call made.
func (g *Gateway) afterRefusal(ctx context.Context, r payments.RefundRequest, refusal *payments.CallError, exchange payments.Exchange) (payments.RefundReport, error) {
	report, err := g.QueryRefund(ctx, r)
	switch {
	case err == nil:
		return report, nil
	case payments.OutcomeOf(err) == payments.NotFound:
		return payments.RefundReport{State: models.RefundFailed, Message: refusal.Message, Exchange: exchange}, nil
	default:
		return payments.RefundReport{Exchange: exchange}, &payments.CallError{
			Outcome: payments.Unknown,
			Code:    refusal.Code,
			Message: refusal.Message,
			Err:     err,
		}
	}
}

func checkRefund(r payments.RefundRequest) error {
	switch {
	case !ourNumber.MatchString(r.PaymentNumber):
		return fmt.Errorf("payment number %q is not 1 to 32 letters and digits", r.PaymentNumber)
	case !ourNumber.MatchString(r.RefundNumber):
		return fmt.Errorf("refund number %q is not 1 to 32 letters and digits", r.RefundNumber)
	case !currencyCode.MatchString(r.Money.Currency):
		return fmt.Errorf("currency %q is not three letters", r.Money.Currency)
	case r.Money.Amount < 1:
		return fmt.Errorf("amount %d is less than 1", r.Money.Amount)
	}
	return nil
}

// plainReason keeps the letters, digits and spaces of a reason; the gateway wants some reason.
func plainReason(reason string) string {
	plain := strings.TrimSpace(notPlain.ReplaceAllString(reason, ""))
	if plain == "" {
		return "refund"
	}
	return plain[:min(len(plain), maxReason)]
}

// meaningOfRefund reads a refusal of a refund: Refused when the rules of refunding speak against
// it. "Another in progress" and "number used before" may both be about this very refund.
func meaningOfRefund(code int64, msg string) payments.Outcome {
	if code == codeRefused && saysAny(msg, refusedByRules) {
		return payments.Refused
	}
	return payments.Unknown
}

// refundReport reads the outcome of a call about a refund.
func (g *Gateway) refundReport(r payments.RefundRequest, data params, exchange payments.Exchange, err error) (payments.RefundReport, error) {
	if err != nil {
		return payments.RefundReport{Exchange: exchange}, orUnsupported(err)
	}
	report, err := g.readRefund(r, data)
	if err != nil {
		return payments.RefundReport{Exchange: exchange}, unknown(err)
	}
	report.Exchange = exchange
	return report, nil
}

// readRefund reads a verified answer about the refund. An answer about any other refund, or
// about other money, is an error.
func (g *Gateway) readRefund(r payments.RefundRequest, data params) (payments.RefundReport, error) {
	amount, err := data.integer("refundAmount")
	if err != nil {
		return payments.RefundReport{}, err
	}
	state, err := data.integer("state")
	if err != nil {
		return payments.RefundReport{}, err
	}
	switch {
	case data["mchRefundNo"] != r.RefundNumber,
		!data.agrees("mchOrderNo", r.PaymentNumber),
		!data.agrees("mchNo", g.config.MchNo),
		!data.agrees("appId", g.config.AppID):
		return payments.RefundReport{}, errOtherNumber
	case amount != r.Money.Amount,
		data["currency"] != "" && !strings.EqualFold(data["currency"], r.Money.Currency):
		return payments.RefundReport{}, errors.New("the answer is about other money than was refunded")
	}
	return payments.RefundReport{
		State:   refundState(state),
		Money:   r.Money,
		Message: refundMessage(state, data),
	}, nil
}

// agrees reports whether the parameter is absent or has the value.
func (p params) agrees(name, value string) bool { return p[name] == "" || p[name] == value }

// The states of a refund that end it; all others are pending.
const (
	refundDone      = 2
	refundFailed    = 3
	refundAbandoned = 4 // the gateway got no result in time and asks no longer
)

func refundState(state int64) models.RefundStatus {
	switch state {
	case refundDone:
		return models.RefundSucceeded
	case refundFailed, refundAbandoned:
		return models.RefundFailed
	default:
		return models.RefundPending
	}
}

// refundMessage returns why a refund did not succeed, for staff.
func refundMessage(state int64, data params) string {
	reason := strings.TrimSpace(data["errCode"] + " " + data["errMsg"])
	if state == refundAbandoned {
		reason = strings.TrimSpace("closed by the gateway without a result: look at its own pages before refunding again. " + reason)
	}
	return clip(reason)
}

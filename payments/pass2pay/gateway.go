// Package pass2pay is the client for the Pass2Pay gateway, a relative of the open-source Jeepay:
// where its own documents are silent, the client does as Jeepay's server expects.
//
// These rules always hold: every answer that decides something is verified over all it holds;
// what cannot be verified is unknown, never failed; and no text that a buyer typed is ever sent,
// since the signature cannot tell "a=1&b=2" in one value from two values.
package pass2pay

import (
	"context"
	"strings"
	"time"

	"saoma/models"
	"saoma/payments"
)

var _ payments.Gateway = (*Gateway)(nil)

// Gateway talks to Pass2Pay for one merchant and one application.
type Gateway struct {
	config    Config
	transport *payments.Transport
	now       func() time.Time // for reqTime
}

// New returns the gateway, or all mistakes of its configuration in one error.
func New(config Config) (*Gateway, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	config.BaseURL = strings.TrimRight(config.BaseURL, "/")
	return &Gateway{config: config, transport: payments.NewTransport(), now: time.Now}, nil
}

// Name returns models.Pass2Pay.
func (g *Gateway) Name() models.GatewayName { return models.Pass2Pay }

// Merchant returns merchant number and application, joined by a slash.
func (g *Gateway) Merchant() string { return merchant(g.config.MchNo, g.config.AppID) }

func merchant(mchNo, appID string) string { return mchNo + "/" + appID }

// orderRequest names one payment.
type orderRequest struct {
	common
	MchOrderNo string `json:"mchOrderNo"`
}

// Query asks where the payment stands. The answer is conclusive: it is signed, and it answers
// this very question on a connection of ours.
func (g *Gateway) Query(ctx context.Context, number string) (payments.Report, error) {
	data, exchange, err := g.call(ctx, "/api/pay/query", orderRequest{g.common(version), number}, notFoundOrUnknown)
	return queryReport(number, data, exchange, err)
}

// ReadQuery reads an answer to Query again. Its HTTP status is not kept, so that a signed answer
// with a bad one, which Query does not believe, is believed here.
func (g *Gateway) ReadQuery(number string, e payments.Exchange) (payments.Report, error) {
	data, err := g.open(e.Response, notFoundOrUnknown)
	return queryReport(number, data, e, err)
}

// queryReport reads the verified answer to the question about the payment with our number.
func queryReport(number string, data params, exchange payments.Exchange, err error) (payments.Report, error) {
	if err != nil {
		return payments.Report{Exchange: exchange}, err
	}
	report, err := readReport(data)
	if err == nil && report.Number != number {
		err = errOtherNumber
	}
	if err != nil {
		return payments.Report{Exchange: exchange}, unknown(err)
	}
	report.Conclusive = true
	report.Exchange = exchange
	return report, nil
}

// Close asks that the payment be closed. Not every account has this call (configured, or told
// by HTTP status 404): the outcome is Unsupported then.
func (g *Gateway) Close(ctx context.Context, number string) (payments.Exchange, error) {
	if !g.config.CloseAPI {
		return payments.Exchange{}, unsupported()
	}
	_, exchange, err := g.call(ctx, "/api/pay/close", orderRequest{g.common(version), number}, notFoundOrUnknown)
	return exchange, orUnsupported(err)
}

// notFoundOrUnknown is the meaning of a refusal where only one is worth telling apart.
func notFoundOrUnknown(code int64, msg string) payments.Outcome {
	if code == codeRefused && strings.Contains(msg, "订单不存在") {
		return payments.NotFound
	}
	return payments.Unknown
}

// Package scanforpay takes money through ScanForPay: hosted payment pages for WeChat Pay, Alipay
// and AlipayHK, queries, refunds and notifications.
//
// These rules always hold: nothing is believed before its signature is verified over the bytes
// that arrived; the bytes that are signed are the bytes that are sent; an answer that cannot be
// verified or read leaves the outcome unknown, whatever it says.
package scanforpay

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"saoma/models"
	"saoma/payments"
)

// Gateway is a payments.Gateway for one merchant and store.
type Gateway struct {
	config    Config
	base      string // the address that paths are added to
	transport *payments.Transport
}

var _ payments.Gateway = (*Gateway)(nil)

// New returns a Gateway, or all mistakes of the configuration in one error.
func New(c Config) (*Gateway, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("scanforpay: %w", err)
	}
	return &Gateway{
		config:    c,
		base:      strings.TrimRight(c.BaseURL, "/"),
		transport: payments.NewTransport(),
	}, nil
}

// Name returns models.ScanForPay.
func (g *Gateway) Name() models.GatewayName { return models.ScanForPay }

// Merchant returns the partner number.
func (g *Gateway) Merchant() string { return g.config.PartnerNo }

// Takes is true: the gateway is told no buyer's address.
func (g *Gateway) Takes(_, _ string) bool { return true }

// Create asks for a payment page by the method jspay, qrcode or online. The gateway tells no
// number of its own yet. Once a request has left, only a signed refusal is certain to leave
// nothing payable behind.
func (g *Gateway) Create(ctx context.Context, r payments.CreateRequest) (payments.Created, error) {
	body, err := g.createBody(r)
	if err != nil {
		return payments.Created{}, notSent(err)
	}
	m, exchange, err := g.call(ctx, methods[r.Method].path, body)
	created := payments.Created{Exchange: exchange}
	if err != nil {
		return created, err
	}
	if err := g.settled(m, createOutcome); err != nil {
		return created, err
	}
	address := m.body.text("payUrl")
	if m.body.err != nil {
		return created, m.unknown(fmt.Errorf("%w: body: %w", payments.ErrMalformed, m.body.err))
	}
	if err := payments.CheckAddress(address, g.config.BaseURL, g.config.AllowedHosts); err != nil {
		return created, &payments.CallError{Outcome: payments.BadRedirect, Err: err}
	}
	created.Action = payments.NextAction{Kind: models.ActionRedirect, Data: address}
	created.State = payments.StatePending
	return created, nil
}

// Query asks by our number. All refusals but NotFound come back as Unknown: that the gateway
// would not answer says nothing about the payment.
func (g *Gateway) Query(ctx context.Context, number string) (payments.Report, error) {
	report := payments.Report{Gateway: models.ScanForPay}
	if err := checkOurNumber(number); err != nil {
		return report, notSent(err)
	}
	m, exchange, err := g.call(ctx, pathQuery, queryBody{StoreNo: g.config.StoreNo, PartnerOrderNo: number})
	report.Exchange = exchange
	if err != nil {
		return report, err
	}
	return g.queryReport(number, m, exchange)
}

// ReadQuery reads an answer to Query again.
func (g *Gateway) ReadQuery(number string, e payments.Exchange) (payments.Report, error) {
	m, err := g.readAnswer(e.Response)
	if err != nil {
		return payments.Report{Gateway: models.ScanForPay, Exchange: e}, unusable(e.Response, err)
	}
	return g.queryReport(number, m, e)
}

// queryReport reads a verified answer to the question about the payment with our number.
func (g *Gateway) queryReport(number string, m message, e payments.Exchange) (payments.Report, error) {
	report := payments.Report{Gateway: models.ScanForPay, Exchange: e}
	if m.code != codeSuccess && m.code != codeClosed {
		return report, g.settled(m, queryOutcome)
	}
	answer, err := m.report()
	if err != nil {
		return report, m.unknown(err)
	}
	if m.code == codeClosed {
		answer.State = payments.StateClosed
		if answer.Number == "" {
			answer.Number = number
		}
	}
	if answer.Number != number {
		return report, m.unknown(errors.New("answer is about another payment"))
	}
	answer.Exchange = e
	return answer, nil
}

// Close is Unsupported: ScanForPay documents no such call.
func (g *Gateway) Close(context.Context, string) (payments.Exchange, error) {
	return payments.Exchange{}, &payments.CallError{Outcome: payments.Unsupported}
}

// Refund gives money back. A signed refusal is a report of a failed refund, not an error. The
// docs do not say that a refund number may be sent again; where one was, a refusal may stem from
// the first call having succeeded.
func (g *Gateway) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundReport, error) {
	body, err := g.refundBody(r)
	if err != nil {
		return payments.RefundReport{}, notSent(err)
	}
	m, exchange, err := g.call(ctx, pathRefund, body)
	if err != nil {
		return payments.RefundReport{Exchange: exchange}, err
	}
	report, err := g.refundReport(m, r)
	report.Exchange = exchange
	return report, err
}

func (g *Gateway) refundReport(m message, r payments.RefundRequest) (payments.RefundReport, error) {
	err := g.settled(m, refundOutcome)
	if err != nil && payments.OutcomeOf(err) == payments.Refused {
		return payments.RefundReport{State: models.RefundFailed, Message: fmt.Sprintf("code %d: %s", m.code, m.text)}, nil
	}
	if err != nil {
		return payments.RefundReport{}, err
	}
	report := payments.RefundReport{State: refundStateOf(m.body.integer("status")), Message: m.text}
	if m.body.has("orderAmount") {
		report.Money = r.Money
		m.body.expect("orderAmount", fmt.Sprint(r.Money.Amount))
	}
	if m.body.has("currency") {
		m.body.expect("currency", r.Money.Currency)
	}
	if m.body.has("refundNo") {
		m.body.expect("refundNo", r.RefundNumber)
	}
	if m.body.err != nil {
		return payments.RefundReport{}, m.unknown(fmt.Errorf("body: %w", m.body.err))
	}
	return report, nil
}

// refundStateOf puts a refund's status into our words (ScanForPay docs, Refund). The English page
// calls 1 "cancelled"; it is the trade that is, and the money is back. What we do not know may
// still become either.
func refundStateOf(status int64) models.RefundStatus {
	switch status {
	case 1:
		return models.RefundSucceeded
	case 2:
		return models.RefundFailed
	}
	return models.RefundPending
}

// QueryRefund is Unsupported: ScanForPay documents no such call.
func (g *Gateway) QueryRefund(context.Context, payments.RefundRequest) (payments.RefundReport, error) {
	return payments.RefundReport{}, &payments.CallError{Outcome: payments.Unsupported}
}

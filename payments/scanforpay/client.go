package scanforpay

import (
	"context"
	"errors"
	"fmt"

	"saoma/payments"
)

// call sends a request and returns the answer, verified and read. The answer's signature decides
// whether it counts, its HTTP status does not. All errors are *payments.CallError.
func (g *Gateway) call(ctx context.Context, path string, body any) (message, payments.Exchange, error) {
	raw, err := encode(request{Header: g.header(), Body: body})
	if err != nil {
		return message{}, payments.Exchange{}, notSent(err)
	}
	exchange := payments.Exchange{Request: seal("request", raw, g.config.SignKey)}
	status, answer, err := g.transport.Post(ctx, g.base+path, "application/json", exchange.Request)
	exchange.Response = answer
	if err != nil {
		return message{}, exchange, err
	}
	m, err := g.readAnswer(answer)
	if err != nil {
		return message{}, exchange, unusable(answer, fmt.Errorf("answer with HTTP status %d: %w", status, err))
	}
	return m, exchange, nil
}

func (g *Gateway) readAnswer(answer []byte) (message, error) {
	raw, err := open(answer, g.config.SignKey)
	if err != nil {
		return message{}, err
	}
	return readMessage(raw)
}

// unusable is an answer that decides nothing. What it says is passed on to staff all the same:
// a gateway that does not know us, or a key of ours, says so without a signature.
func unusable(answer []byte, cause error) *payments.CallError {
	failure := &payments.CallError{Outcome: payments.Unknown, Err: cause}
	envelope, err := payments.StrictObject(answer)
	if err != nil {
		return failure
	}
	if m, err := readMessage(envelope["response"]); err == nil {
		failure.Code, failure.Message = m.codeText(), m.text
	}
	return failure
}

func notSent(err error) *payments.CallError {
	return &payments.CallError{Outcome: payments.NotSent, Err: err}
}

// settled returns nil for the answer of a call that was carried out for us, and otherwise what
// the code means for this call.
func (g *Gateway) settled(m message, outcomeOf func(code int64) payments.Outcome) error {
	if m.merchant != g.config.PartnerNo {
		return m.unknown(errors.New("answer names another merchant"))
	}
	if m.code == codeSuccess {
		return nil
	}
	return &payments.CallError{Outcome: outcomeOf(m.code), Code: m.codeText(), Message: m.text}
}

// unknown is for an answer that is genuine and yet does not say what became of the call.
func (m message) unknown(cause error) *payments.CallError {
	return &payments.CallError{Outcome: payments.Unknown, Code: m.codeText(), Message: m.text, Err: cause}
}

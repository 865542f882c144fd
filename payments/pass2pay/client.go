package pass2pay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"saoma/payments"
)

const (
	signType      = "MD5"
	createVersion = "1.1" // 1.0 was dropped for create calls on 2024-05-16
	version       = "1.0" // of all other calls
)

// The values of code in an answer that we tell apart; 0 is "processed".
const (
	codeParameters = 11
	codeRefused    = 9999
)

// maxMessage is how much of the gateway's words is kept, in bytes.
const maxMessage = 256

// common are the parameters of every call.
type common struct {
	MchNo    string `json:"mchNo"`
	AppID    string `json:"appId"`
	ReqTime  string `json:"reqTime"` // milliseconds, 13 digits
	Version  string `json:"version"`
	SignType string `json:"signType"`
}

func (g *Gateway) common(version string) common {
	return common{
		MchNo:    g.config.MchNo,
		AppID:    g.config.AppID,
		ReqTime:  strconv.FormatInt(g.now().UnixMilli(), 10),
		Version:  version,
		SignType: signType,
	}
}

// seal returns the request as JSON with its signature as the last member.
func seal(request any, secret string) ([]byte, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	p, err := readParams(raw)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(raw[:len(raw)-1], `,"sign":%q}`, sign(p, secret)), nil
}

// errNoSuchCall says that a call is switched off in the configuration, or that the gateway
// answered it with HTTP status 404.
var errNoSuchCall = errors.New("the account does not have this call")

// meaning tells what a refusal leaves behind at the gateway, from its code and its words. A
// refusal carries no signature: that it is the gateway's own is vouched for by TLS alone.
type meaning func(code int64, msg string) payments.Outcome

// call posts a signed request and returns the verified parameters of the answer, none when the
// gateway processed the call and has nothing to tell. The error is a *payments.CallError: an
// answer that cannot be read whole and verified is Unknown, a refusal is what it means.
func (g *Gateway) call(ctx context.Context, path string, request any, meaningOf meaning) (params, payments.Exchange, error) {
	body, err := seal(request, g.config.AppSecret)
	if err != nil {
		return nil, payments.Exchange{}, notSent(err)
	}
	status, raw, err := g.transport.Post(ctx, g.config.BaseURL+path, "application/json", body)
	exchange := payments.Exchange{Request: body, Response: raw}
	switch {
	case err != nil:
		return nil, exchange, err
	case status == http.StatusNotFound:
		return nil, exchange, unknown(errNoSuchCall)
	case status != http.StatusOK:
		return nil, exchange, unknown(fmt.Errorf("HTTP status %d", status))
	}
	data, err := g.open(raw, meaningOf)
	return data, exchange, err
}

// open reads an answer. Only the members of data are signed; code, msg and traceId are not.
func (g *Gateway) open(raw []byte, meaningOf meaning) (params, error) {
	answer, err := payments.StrictObject(raw)
	if err != nil {
		return nil, unknown(fmt.Errorf("answer: %w", err))
	}
	code, err := payments.StrictInteger(answer["code"])
	if err != nil {
		return nil, unknown(fmt.Errorf("answer: code: %w", err))
	}
	if code != 0 {
		msg, _ := payments.StrictText(answer["msg"]) // no words are as good as odd ones
		return nil, &payments.CallError{
			Outcome: meaningOf(code, msg),
			Code:    strconv.FormatInt(code, 10),
			Message: clip(msg),
		}
	}
	return g.openData(answer["data"], answer["sign"])
}

func (g *Gateway) openData(raw, signature json.RawMessage) (params, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	data, err := readParams(raw)
	if err != nil {
		return nil, unknown(fmt.Errorf("answer: data: %w", err))
	}
	if len(data) == 0 && len(signature) == 0 {
		return nil, nil
	}
	given, _ := payments.StrictText(signature) // what is no text does not verify
	if err := verify(data, given, g.config.AppSecret); err != nil {
		return nil, unknown(err)
	}
	return data, nil
}

// integer returns a whole number that is not negative and is written in plain digits, whether
// it came as a JSON number or as text.
func (p params) integer(name string) (int64, error) {
	n, err := strconv.ParseInt(p[name], 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != p[name] {
		return 0, fmt.Errorf("%s is missing or not a whole number", name)
	}
	return n, nil
}

func unknown(err error) error {
	return &payments.CallError{Outcome: payments.Unknown, Err: err}
}

func notSent(err error) error {
	return &payments.CallError{Outcome: payments.NotSent, Err: err}
}

// unsupported is the outcome of a call that is switched off.
func unsupported() error {
	return &payments.CallError{Outcome: payments.Unsupported, Err: errNoSuchCall}
}

// orUnsupported turns "no such call" into the outcome Unsupported, for the calls that an account
// may do without.
func orUnsupported(err error) error {
	if errors.Is(err, errNoSuchCall) {
		return &payments.CallError{
			Outcome: payments.Unsupported,
			Code:    strconv.Itoa(http.StatusNotFound),
			Message: http.StatusText(http.StatusNotFound),
			Err:     errNoSuchCall,
		}
	}
	return err
}

// clip cuts the gateway's words to what is kept of them, between two characters.
func clip(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "")
}

// saysAny reports whether the gateway's words hold one of the parts.
func saysAny(msg string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(msg, part) })
}

package pass2pay

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"saoma/models"
	"saoma/payments"
)

// maxNotification is the most that a notification may have, in bytes.
const maxNotification = 64 << 10

// notified are the parameters that every notification has (Pass2Pay docs, payment notify). The
// docs ask for reqTime too, but their own example is without it; and for subject and body, which
// an order of the hosted cashier is made without.
var notified = []string{
	"payOrderId", "mchNo", "appId", "mchOrderNo", "wayCode", "amount", "currency", "state", "createdAt",
}

// ParseNotification reads a form or, as the gateway's demo does, JSON; without a content type
// the first byte that is not a blank tells. What is not exactly one of these is ErrMalformed, and so is a verified
// message that lacks a parameter or has one in an odd form. The signature covers all that was
// received, known or not.
//
// The report is not conclusive: the signature is MD5 with the secret at the end. A state may
// come in any order and any number of times, with the very same bytes. The caller compares the
// merchant, the number, the reference and the money with its own.
func (g *Gateway) ParseNotification(contentType string, body []byte) (payments.Report, error) {
	report, err := g.parseNotification(contentType, body)
	report.Gateway = models.Pass2Pay
	report.Exchange = payments.Exchange{Response: body}
	return report, err
}

func (g *Gateway) parseNotification(contentType string, body []byte) (payments.Report, error) {
	p, err := readNotification(contentType, body)
	if err != nil {
		return payments.Report{}, malformed(err)
	}
	if err := verify(p, p["sign"], g.config.AppSecret); err != nil {
		return payments.Report{}, err
	}
	if err := checkNotified(p); err != nil {
		return payments.Report{}, malformed(err)
	}
	report, err := readReport(p)
	if err != nil {
		return payments.Report{}, malformed(err)
	}
	return report, nil
}

func malformed(err error) error { return fmt.Errorf("%w: %w", payments.ErrMalformed, err) }

func readNotification(contentType string, body []byte) (params, error) {
	if len(body) > maxNotification {
		return nil, fmt.Errorf("longer than %d bytes", maxNotification)
	}
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "application/x-www-form-urlencoded":
		return readForm(string(body))
	case "application/json":
		return readParams(body)
	case "":
		if strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{") {
			return readParams(body)
		}
		return readForm(string(body))
	default:
		return nil, errors.New("content type is neither a form nor JSON")
	}
}

// readForm reads a form without the leniency of net/url: each piece is a name and a value, well
// escaped and in UTF-8, and no name occurs twice in any letter case.
func readForm(body string) (params, error) {
	p := make(params)
	seen := make(map[string]bool)
	for piece := range strings.SplitSeq(body, "&") {
		rawName, rawValue, found := strings.Cut(piece, "=")
		if !found {
			return nil, errors.New("form: a piece is not a name and a value")
		}
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, errors.New("form: a name is badly escaped")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil || !utf8.ValidString(value) {
			return nil, errors.New("form: a value is badly escaped or not UTF-8")
		}
		folded := strings.ToLower(name)
		if seen[folded] {
			return nil, errors.New("form: a name occurs twice")
		}
		seen[folded] = true
		p[name] = value
	}
	return p, nil
}

// checkNotified refuses a verified message that lacks a parameter, and one that could be signed
// text cut up in another place: the signature escapes nothing, so that "a=1&b=2" is the same to
// it in one value as in two.
func checkNotified(p params) error {
	for name, value := range p {
		if !identifier.MatchString(name) {
			return errors.New("a name is not a plain word")
		}
		for _, decisive := range notified {
			if strings.Contains(value, "&"+decisive+"=") {
				return fmt.Errorf("%s holds another %s", name, decisive)
			}
		}
	}
	for _, name := range notified {
		if p[name] == "" {
			return fmt.Errorf("%s is missing", name)
		}
	}
	return nil
}

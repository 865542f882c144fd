package scanforpay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"saoma/models"
	"saoma/payments"
)

// message is what the gateway says, in an answer or a notification.
type message struct {
	merchant string
	code     int64
	text     string
	body     *object
}

// readMessage reads the value of an envelope's response. Its errors are payments.ErrMalformed.
func readMessage(raw []byte) (message, error) {
	m, err := parseMessage(raw)
	if err != nil {
		return message{}, fmt.Errorf("%w: %w", payments.ErrMalformed, err)
	}
	return m, nil
}

func parseMessage(raw []byte) (message, error) {
	response, err := readObject(raw)
	if err != nil {
		return message{}, fmt.Errorf("response: %w", err)
	}
	header, err := readObject(response.value("header"))
	if err != nil {
		return message{}, fmt.Errorf("header: %w", err)
	}
	body, err := readObject(response.value("body"))
	if err != nil {
		return message{}, fmt.Errorf("body: %w", err)
	}
	m := message{merchant: header.text("partnerNo"), code: body.integer("code"), body: body}
	if body.has("msg") {
		m.text = oneLine(body.text("msg"), maxText)
	}
	return m, errors.Join(response.err, header.err, body.err)
}

// codeText writes the code as a CallError carries it.
func (m message) codeText() string { return strconv.FormatInt(m.code, 10) }

// report reads what the message says about a payment; queries and notifications have the same
// body. Where the call itself failed, no state is told and any field may be missing.
func (m message) report() (payments.Report, error) {
	r := payments.Report{
		Gateway:    models.ScanForPay,
		Merchant:   m.merchant,
		State:      payments.StateUnknown,
		Conclusive: true,
	}
	succeeded := m.code == codeSuccess
	if succeeded || m.body.has("partnerOrderNo") {
		r.Number = m.body.text("partnerOrderNo")
	}
	if succeeded || m.body.has("orderAmount") && m.body.has("currency") {
		r.Money = m.body.money()
	}
	if succeeded {
		r.State = stateOf(m.body.integer("status"))
	}
	if m.body.has("orderNo") {
		r.Reference = strings.TrimSpace(m.body.text("orderNo"))
		if len(r.Reference) > maxReference {
			m.body.fail("orderNo", errors.New("is too long"))
		}
	}
	if m.body.has("payTime") {
		r.PaidAt = parseTime(m.body.text("payTime"))
	}
	if err := m.body.err; err != nil {
		return payments.Report{}, fmt.Errorf("%w: body: %w", payments.ErrMalformed, err)
	}
	return r, nil
}

// stateOf puts a status into our words (ScanForPay docs, PayQuery).
func stateOf(status int64) payments.State {
	switch status {
	case 0:
		return payments.StatePending
	case 1:
		return payments.StateSucceeded
	case 2:
		return payments.StateFailed
	case 3:
		return payments.StateGivenBack // after a refund of a part as well, for all that is documented
	}
	return payments.StateUnknown
}

// parseTime reads a time of the gateway's clock. It decides nothing, so that one we cannot read
// counts as not told.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// object reads the members of a JSON object by name and remembers the first mistake, so that a
// row of readings is checked once. The docs print some names with spaces around them, so a name
// is also found with spaces where it does not stand without. Null or an empty string is no value.
type object struct {
	members map[string]json.RawMessage
	err     error
}

func readObject(raw []byte) (*object, error) {
	members, err := payments.StrictObject(raw)
	if err != nil {
		return nil, err
	}
	return &object{members: members}, nil
}

func (o *object) has(name string) bool { return o.value(name) != nil }

// value returns nil when the member is missing or has no value.
func (o *object) value(name string) json.RawMessage {
	value, exact := o.members[name]
	if !exact {
		value = o.spaced(name)
	}
	if string(value) == "null" || string(value) == `""` {
		return nil
	}
	return value
}

func (o *object) spaced(name string) json.RawMessage {
	var found json.RawMessage
	for spelling, value := range o.members {
		if strings.TrimSpace(spelling) != name {
			continue
		}
		if found != nil {
			o.fail(name, errors.New("occurs twice"))
			return nil
		}
		found = value
	}
	return found
}

func (o *object) text(name string) string {
	text, err := payments.StrictText(o.value(name))
	o.fail(name, err)
	return text
}

func (o *object) integer(name string) int64 {
	n, err := payments.StrictInteger(o.value(name))
	o.fail(name, err)
	return n
}

// expect fails unless the member, as a string or a number, is the text.
func (o *object) expect(name, want string) {
	if got := o.text(name); got != want {
		o.fail(name, fmt.Errorf("is %.40q, not %q", got, want))
	}
}

// fail keeps the first mistake.
func (o *object) fail(name string, err error) {
	if o.err == nil && err != nil {
		o.err = fmt.Errorf("%s: %w", name, err)
	}
}

// money reads orderAmount and currency, which only mean something together. Whether it is a currency
// is not decided here: a signed message about another one is for the shop to know.
func (o *object) money() models.Money {
	money := models.Money{Amount: o.integer("orderAmount"), Currency: o.text("currency")}
	if money.Currency == "" || len(money.Currency) > maxCurrency {
		o.fail("currency", errors.New("is no code"))
	}
	return money
}

// oneLine drops control characters and what is not UTF-8, and cuts the text to so many bytes,
// between two characters.
func oneLine(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return strings.TrimSpace(text)
}

package pass2pay

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"saoma/models"
	"saoma/payments"
)

var (
	errOtherNumber = errors.New("the answer does not name the number that was asked for")

	currencyCode = regexp.MustCompile(`^[A-Za-z]{3}$`)
	identifier   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// readReport reads what a query and a notification say about a payment. It refuses a message
// that leaves open who paid how much for what; it does not compare anything with an order.
func readReport(p params) (payments.Report, error) {
	for _, name := range []string{"payOrderId", "mchNo", "appId", "mchOrderNo"} {
		if !identifier.MatchString(p[name]) {
			return payments.Report{}, fmt.Errorf("%s is missing or malformed", name)
		}
	}
	amount, err := p.integer("amount")
	if err != nil {
		return payments.Report{}, err
	}
	if !currencyCode.MatchString(p["currency"]) {
		return payments.Report{}, errors.New("currency is missing or malformed")
	}
	state, err := p.state("state")
	if err != nil {
		return payments.Report{}, err
	}
	return payments.Report{
		Gateway:   models.Pass2Pay,
		Merchant:  merchant(p["mchNo"], p["appId"]),
		Number:    p["mchOrderNo"],
		Reference: strings.TrimSpace(p["payOrderId"]),
		State:     state,
		Money:     models.Money{Amount: amount, Currency: strings.ToUpper(p["currency"])},
		PaidAt:    readTime(p["successTime"]),
	}, nil
}

// state reads a payment's state; the answer to a create call names it orderState, all other
// messages state. A number that is not in the gateway's documents is StateUnknown.
func (p params) state(name string) (payments.State, error) {
	n, err := p.integer(name)
	if err != nil {
		return "", err
	}
	switch n {
	case 0, 1: // order made, buyer is paying
		return payments.StatePending, nil
	case 2:
		return payments.StateSucceeded, nil
	case 3:
		return payments.StateFailed, nil
	case 4, 6: // cancelled, closed
		return payments.StateClosed, nil
	case 5:
		return payments.StateRefunded, nil
	default:
		return payments.StateUnknown, nil
	}
}

// gatewayTime is the clock of a time that is written as a date.
var gatewayTime = time.FixedZone("UTC+8", 8*60*60)

// readTime reads the two ways in which this gateway is known to write a time, milliseconds in
// 13 digits and a date. It returns the zero time for anything else: no decision hangs on it.
func readTime(text string) time.Time {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) == 13 && ms > 0 {
		return time.UnixMilli(ms).UTC()
	}
	if t, err := time.ParseInLocation(time.DateTime, text, gatewayTime); err == nil {
		return t.UTC()
	}
	return time.Time{}
}

package models

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// Money is an amount in the minor unit of an ISO 4217 currency: 12850 CNY is 128.50 yuan,
// 12850 JPY is 12,850 yen, 12850 KWD is 12.850 dinar. It is never a fraction of the unit.
type Money struct {
	Amount   int64
	Currency string
}

// ErrMoneyRange is returned when an amount does not fit.
var ErrMoneyRange = errors.New("amount out of range")

// KnownCurrency reports whether the code is an ISO 4217 currency.
func KnownCurrency(code string) bool { return code != "" && currency.IsValid(code) }

// ParseMoney reads a decimal such as "128.50". It refuses more decimals than the currency
// has, even zeros, since 1.000 may be a thousand yen to who wrote it, a sign, an exponent, and amounts
// that do not fit.
func ParseMoney(text, code string) (Money, error) {
	digits, ok := currency.GetDigits(code)
	if !ok {
		return Money{}, fmt.Errorf("unknown currency %q", code)
	}
	whole, fraction, point := strings.Cut(text, ".")
	if !isDigits(whole) || point && !isDigits(fraction) {
		return Money{}, fmt.Errorf("amount %q is not a plain decimal", text)
	}
	missing := int(digits) - len(fraction)
	if missing < 0 {
		return Money{}, fmt.Errorf("amount %q has more than %d decimals", text, digits)
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", missing), 10, 64)
	if err != nil {
		return Money{}, ErrMoneyRange
	}
	return Money{Amount: minor, Currency: code}, nil
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// Decimal writes the amount as a plain decimal with the currency's own number of places, and in
// minor units where the currency is none that we know.
func (m Money) Decimal() string {
	amount, err := m.amount()
	if err != nil {
		return strconv.FormatInt(m.Amount, 10)
	}
	return amount.Number()
}

// Format writes the amount with its symbol as a reader of the language expects it. Money that a
// message named in a currency that we do not know is written in minor units with the code.
func (m Money) Format(language string) string {
	amount, err := m.amount()
	if err != nil {
		return strconv.FormatInt(m.Amount, 10) + " " + m.Currency
	}
	return currency.NewFormatter(currency.NewLocale(language)).Format(amount)
}

// Zero reports whether there is no money.
func (m Money) Zero() bool { return m.Amount == 0 }

// Times returns the amount n times, or ErrMoneyRange.
func (m Money) Times(n int64) (Money, error) {
	if n != 0 && (m.Amount > math.MaxInt64/abs(n) || m.Amount < -math.MaxInt64/abs(n)) {
		return Money{}, ErrMoneyRange
	}
	return Money{Amount: m.Amount * n, Currency: m.Currency}, nil
}

// Plus returns the sum, or ErrMoneyRange. Both must be of one currency.
func (m Money) Plus(other Money) (Money, error) {
	if m.Currency != other.Currency {
		return Money{}, fmt.Errorf("cannot add %s to %s", other.Currency, m.Currency)
	}
	sum := m.Amount + other.Amount
	if (sum > m.Amount) != (other.Amount > 0) {
		return Money{}, ErrMoneyRange
	}
	return Money{Amount: sum, Currency: m.Currency}, nil
}

func (m Money) amount() (currency.Amount, error) {
	return currency.NewAmountFromInt64(m.Amount, m.Currency)
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

package models_test

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"saoma/models"
)

func TestParseMoney(t *testing.T) {
	for _, tc := range []struct {
		text, currency string
		want           int64
	}{
		{"128.50", "CNY", 12850},
		{"128.5", "CNY", 12850},
		{"128", "CNY", 12800},
		{"0.01", "CNY", 1},
		{"0", "CNY", 0},
		{"1.00", "CNY", 100},
		{"007", "CNY", 700},
		{"12850", "JPY", 12850},
		{"12.850", "KWD", 12850},
		{"12.85", "KWD", 12850},
		{"92233720368547758.07", "CNY", math.MaxInt64},
		{"9223372036854775807", "JPY", math.MaxInt64},
		{"9223372036854775.807", "KWD", math.MaxInt64},
	} {
		want := models.Money{Amount: tc.want, Currency: tc.currency}
		if got, err := models.ParseMoney(tc.text, tc.currency); err != nil || got != want {
			t.Errorf("ParseMoney(%q, %s): got %v, err %v, want %v", tc.text, tc.currency, got, err, want)
		}
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	for _, tc := range []struct{ text, currency string }{
		{"", "CNY"}, {".", "CNY"}, {".5", "CNY"}, {"1.", "CNY"}, {"1..2", "CNY"}, {"1.2.3", "CNY"},
		{"1e3", "CNY"}, {"0x10", "CNY"}, {"-1", "CNY"}, {"+1", "CNY"}, {"1,000", "CNY"}, {"1_000", "CNY"},
		{" 1", "CNY"}, {"1 ", "CNY"}, {"¥1", "CNY"}, {"١", "CNY"}, {"１", "CNY"}, {"NaN", "CNY"}, {"Infinity", "CNY"},
		{"1.005", "CNY"}, {"0.001", "CNY"}, {"0.5", "JPY"}, {"0.0001", "KWD"},
		{"1.000", "CNY"}, {"1.000", "JPY"}, {"1.0", "JPY"}, {"1.0000", "KWD"},
		{"1", ""}, {"1", "XYZ"}, {"1", "cny"},
	} {
		if got, err := models.ParseMoney(tc.text, tc.currency); err == nil {
			t.Errorf("ParseMoney(%q, %q): got %v, want an error", tc.text, tc.currency, got)
		}
	}
	for _, tc := range []struct{ text, currency string }{
		{"92233720368547758.08", "CNY"}, {"9223372036854775808", "JPY"}, {"9223372036854775.808", "KWD"},
		{"18446744073709551616", "JPY"}, // 0 when cut to 64 bits
		{"99999999999999999999999999999999999999999999999999", "CNY"},
	} {
		if got, err := models.ParseMoney(tc.text, tc.currency); !errors.Is(err, models.ErrMoneyRange) {
			t.Errorf("ParseMoney(%q, %q): got %v, err %v, want %v", tc.text, tc.currency, got, err, models.ErrMoneyRange)
		}
	}
}

func TestDecimalIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := models.Money{
			Amount:   rapid.Int64Range(0, math.MaxInt64).Draw(t, "amount"),
			Currency: rapid.SampledFrom([]string{"CNY", "HKD", "JPY", "KWD", "USD", "CLF"}).Draw(t, "currency"),
		}
		got, err := models.ParseMoney(want.Decimal(), want.Currency)
		if err != nil || got != want {
			t.Fatalf("%v written as %q is read as %v, err %v", want, want.Decimal(), got, err)
		}
	})
}

func TestWrittenMoney(t *testing.T) {
	type written struct{ Decimal, English, Chinese string }
	for _, tc := range []struct {
		money models.Money
		want  written
	}{
		{models.Money{Amount: 12850, Currency: "CNY"}, written{"128.50", "CN¥128.50", "¥128.50"}},
		{models.Money{Amount: 5, Currency: "CNY"}, written{"0.05", "CN¥0.05", "¥0.05"}},
		{models.Money{Amount: 1234567, Currency: "HKD"}, written{"12345.67", "HK$12,345.67", "HK$12,345.67"}},
		{models.Money{Amount: 12850, Currency: "JPY"}, written{"12850", "¥12,850", "JP¥12,850"}},
		{models.Money{Amount: 12850, Currency: "KWD"}, written{"12.850", "KWD\u00a012.850", "KWD\u00a012.850"}},
		{models.Money{Amount: math.MaxInt64, Currency: "JPY"}, written{"9223372036854775807", "¥9,223,372,036,854,775,807", "JP¥9,223,372,036,854,775,807"}},
	} {
		got := written{tc.money.Decimal(), tc.money.Format("en"), tc.money.Format("zh-Hans")}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.money, diff)
		}
	}
}

func TestMoneyTimes(t *testing.T) {
	const most = math.MaxInt64
	for _, tc := range []struct {
		amount, n, want int64
		outOfRange      bool
	}{
		{amount: 250, n: 3, want: 750},
		{amount: 250, n: 0, want: 0},
		{amount: 0, n: most, want: 0},
		{amount: 250, n: -2, want: -500},
		{amount: most, n: 1, want: most},
		{amount: most / 2, n: 2, want: most - 1},
		{amount: most/2 + 1, n: 2, outOfRange: true},
		{amount: most, n: most, outOfRange: true},
		{amount: most, n: -2, outOfRange: true},
		{amount: 1, n: math.MinInt64, outOfRange: true},
		{amount: math.MinInt64, n: -1, outOfRange: true},
	} {
		got, err := models.Money{Amount: tc.amount, Currency: "CNY"}.Times(tc.n)
		if tc.outOfRange {
			if !errors.Is(err, models.ErrMoneyRange) {
				t.Errorf("%d times %d: got %v, err %v, want %v", tc.amount, tc.n, got, err, models.ErrMoneyRange)
			}
			continue
		}
		if want := (models.Money{Amount: tc.want, Currency: "CNY"}); err != nil || got != want {
			t.Errorf("%d times %d: got %v, err %v, want %v", tc.amount, tc.n, got, err, want)
		}
	}
}

func TestMoneyPlus(t *testing.T) {
	const most, least = math.MaxInt64, math.MinInt64
	for _, tc := range []struct {
		a, b, want int64
		outOfRange bool
	}{
		{a: 1, b: 2, want: 3},
		{a: 1, b: 0, want: 1},
		{a: 1, b: -2, want: -1},
		{a: most - 1, b: 1, want: most},
		{a: most, b: least, want: -1},
		{a: most, b: 1, outOfRange: true},
		{a: least, b: -1, outOfRange: true},
		{a: most, b: most, outOfRange: true},
		{a: least, b: least, outOfRange: true},
	} {
		got, err := models.Money{Amount: tc.a, Currency: "CNY"}.Plus(models.Money{Amount: tc.b, Currency: "CNY"})
		if tc.outOfRange {
			if !errors.Is(err, models.ErrMoneyRange) {
				t.Errorf("%d plus %d: got %v, err %v, want %v", tc.a, tc.b, got, err, models.ErrMoneyRange)
			}
			continue
		}
		if want := (models.Money{Amount: tc.want, Currency: "CNY"}); err != nil || got != want {
			t.Errorf("%d plus %d: got %v, err %v, want %v", tc.a, tc.b, got, err, want)
		}
	}
	if got, err := (models.Money{Amount: 1, Currency: "CNY"}).Plus(models.Money{Amount: 1, Currency: "JPY"}); err == nil {
		t.Errorf("CNY plus JPY: got %v, want an error", got)
	}
}

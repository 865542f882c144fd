package payments_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/payments"
)

var hongKong = time.FixedZone("HKT", 8*60*60)

// plain is the format of the configuration's defaults.
func plain() payments.StatementFormat {
	return payments.StatementFormat{
		Number: "number", Type: "type", Amount: "amount", Currency: "currency", Time: "time",
		PaymentValues: []string{"payment"}, RefundValues: []string{"refund"},
		DefaultCurrency: "CNY", TimeLayout: time.DateTime, Zone: hongKong,
	}
}

func theDay(t *testing.T) payments.Day {
	t.Helper()
	day, err := payments.ParseDay("2026-11-20", hongKong)
	if err != nil {
		t.Fatal(err)
	}
	return day
}

const plainHeader = "number,type,amount,currency,time\n"

func TestReadStatement(t *testing.T) {
	moved := func(m models.Movement, line int, onDay bool) payments.Entry {
		return payments.Entry{Movement: m, Line: line, OnDay: onDay}
	}
	at := func(text string) time.Time {
		at, err := time.ParseInLocation(time.DateTime, text, hongKong)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for name, tc := range map[string]struct {
		change func(*payments.StatementFormat)
		text   string
		want   []payments.Entry
	}{
		"nothing but a title": {text: plainHeader},
		"plain": {text: plainHeader + "P1,payment,12850,CNY,2026-11-20 00:00:00\nR1,refund,100,cny,2026-11-20 23:59:59\n" +
			"P2,payment,1,JPY,2026-11-19 23:59:59\nP3,payment,2,CNY,2026-11-21 00:00:00\n",
			want: []payments.Entry{
				moved(models.Movement{Number: "P1", Money: cny(12850), At: at("2026-11-20 00:00:00")}, 2, true),
				moved(models.Movement{Number: "R1", Refund: true, Money: cny(100), At: at("2026-11-20 23:59:59")}, 3, true),
				moved(models.Movement{Number: "P2", Money: models.Money{Amount: 1, Currency: "JPY"}, At: at("2026-11-19 23:59:59")}, 4, false),
				moved(models.Movement{Number: "P3", Money: cny(2), At: at("2026-11-21 00:00:00")}, 5, false),
			}},
		"another file": {
			change: func(f *payments.StatementFormat) {
				*f = payments.StatementFormat{
					Number: "商户订单号", RefundNumber: "退款单号", Reference: "流水号", Type: "类型", Amount: "金额",
					PaymentValues: []string{"支付"}, RefundValues: []string{"退款", "撤销"}, IgnoredValues: []string{"手续费"},
					Decimal: true, DefaultCurrency: "CNY",
				}
			},
			text: "\ufeff类型,商户订单号,退款单号,金额,备注,流水号\r\n支付,\tP1 ,,128.50,\"a\nb\",G1\r\n退款,P1,R1,-1.00,,G1\r\n" +
				"撤销,P1,R2,2.5,,\r\n手续费,,,-0.01,,\r\n支付,,,3,,G2\r\n",
			want: []payments.Entry{
				moved(models.Movement{Number: "P1", Reference: "G1", Money: cny(12850)}, 2, true),
				moved(models.Movement{Number: "R1", Refund: true, Money: cny(100)}, 4, true),
				moved(models.Movement{Number: "R2", Refund: true, Money: cny(250)}, 5, true),
				moved(models.Movement{Reference: "G2", Money: cny(300)}, 7, true),
			}},
		"a currency without decimals, written with them": {
			change: func(f *payments.StatementFormat) { f.Decimal = true },
			text:   plainHeader + "P1,payment,1200.00,JPY,2026-11-20 12:00:00\nP2,payment,1.000,KWD,2026-11-20 12:00:00\n",
			want: []payments.Entry{
				moved(models.Movement{Number: "P1", Money: models.Money{Amount: 1200, Currency: "JPY"}, At: at("2026-11-20 12:00:00")}, 2, true),
				moved(models.Movement{Number: "P2", Money: models.Money{Amount: 1000, Currency: "KWD"}, At: at("2026-11-20 12:00:00")}, 3, true),
			}},
		"a column that nobody reads stands twice": {
			text: "note,number,type,amount,currency,time,note\na,P1,payment,5,CNY,2026-11-20 12:00:00,b\n",
			want: []payments.Entry{moved(models.Movement{Number: "P1", Money: cny(5), At: at("2026-11-20 12:00:00")}, 2, true)}},
		"the sign tells": {
			change: func(f *payments.StatementFormat) { f.Type, f.Time, f.Currency = "", "", "" },
			text:   "number,amount\nP1,5\nR1,-3\n",
			want: []payments.Entry{
				moved(models.Movement{Number: "P1", Money: cny(5)}, 2, true),
				moved(models.Movement{Number: "R1", Refund: true, Money: cny(3)}, 3, true),
			}},
	} {
		t.Run(name, func(t *testing.T) {
			f := plain()
			if tc.change != nil {
				tc.change(&f)
			}
			got, err := f.Read(strings.NewReader(tc.text), theDay(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestStatementRefused(t *testing.T) {
	good := "P0,payment,1,CNY,2026-11-20 12:00:00\n"
	for name, tc := range map[string]struct {
		change func(*payments.StatementFormat)
		text   string
		want   string
	}{
		"empty":              {text: "", want: "line 1: the statement is empty"},
		"no such column":     {text: "number,type,amount,time\n", want: `line 1: there is no column "currency"`},
		"column twice":       {text: "number,type,amount,currency,time,amount\n", want: `line 1, column 6: there is a column "amount" already`},
		"title not UTF-8":    {text: "number,type,amount,currency,time,\xd6\xd0\n", want: "line 1, column 6: the title is not UTF-8"},
		"short row":          {text: plainHeader + good + "P1,payment\n", want: "line 3: wrong number of fields"},
		"stray quote":        {text: plainHeader + good + "P1,pay\"ment,1,CNY,x\n", want: `line 3, column 7: bare " in non-quoted-field`},
		"not UTF-8":          {text: plainHeader + good + "P1,payment,1,CNY,\xd6\xd0\n", want: "line 3, column 5: not UTF-8"},
		"no number":          {text: plainHeader + good + ",payment,1,CNY,2026-11-20 12:00:00\n", want: `line 3, column "number": must not be empty`},
		"control characters": {text: plainHeader + good + "P1\x1b[2J,payment,1,CNY,2026-11-20 12:00:00\n", want: `line 3, column "number": "P1\x1b[2J" has characters`},
		"unknown type":       {text: plainHeader + good + "P1,fee,1,CNY,2026-11-20 12:00:00\n", want: `line 3, column "type": "fee" is neither`},
		"type in capitals":   {text: plainHeader + good + "P1,Refund,1,CNY,2026-11-20 12:00:00\n", want: `line 3, column "type": "Refund" is neither`},
		"negative payment":   {text: plainHeader + good + "P1,payment,-1,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": a payment cannot be "-1"`},
		"doubly negative":    {text: plainHeader + good + "R1,refund,--1,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": "-1" is nothing, or too much`},
		"nothing":            {text: plainHeader + good + "P1,payment,0,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": "0" is nothing, or too much`},
		"decimal for minor":  {text: plainHeader + good + "P1,payment,1.00,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": "1.00" is not a whole number`},
		"no amount":          {text: plainHeader + good + "P1,payment,,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": "" is not a whole number`},
		"more than all":      {text: plainHeader + good + "P1,payment,9223372036854775808,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount":`},
		"too much":           {text: plainHeader + good + "P1,payment,1000000000001,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": "1000000000001" is nothing, or too much`},
		"no such currency":   {text: plainHeader + good + "P1,payment,1,RMB,2026-11-20 12:00:00\n", want: `line 3, column "currency": "RMB" is not`},
		"other form of time": {text: plainHeader + good + "P1,payment,1,CNY,20.11.2026\n", want: `line 3, column "time": "20.11.2026" is not a time such as 2006-01-02 15:04:05`},
		"thousands":          {change: decimal, text: plainHeader + good + "P1,payment,\"1,000.00\",CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": amount "1,000.00" is not a plain decimal`},
		"fraction of a fen":  {change: decimal, text: plainHeader + good + "P1,payment,1.001,CNY,2026-11-20 12:00:00\n", want: `line 3, column "amount": amount "1.001" has more than 2 decimals`},
		"refund without its number": {
			change: func(f *payments.StatementFormat) { f.RefundNumber, f.Reference = "refund", "reference" },
			text:   "number,type,amount,currency,time,refund,reference\nP1,refund,1,CNY,2026-11-20 12:00:00,,G1\n",
			want:   `line 2, column "refund": must not be empty`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := plain()
			if tc.change != nil {
				tc.change(&f)
			}
			got, err := f.Read(strings.NewReader(tc.text), theDay(t))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q", err, tc.want)
			}
			if bad, is := errors.AsType[*payments.StatementError](err); !is || bad.Problem == "" || bad.Line == 0 {
				t.Errorf("got error %#v, want one that tells the problem and the line", err)
			}
			if got != nil {
				t.Errorf("got %d entries of a bad statement, want none", len(got))
			}
		})
	}
}

func decimal(f *payments.StatementFormat) { f.Decimal = true }

// FuzzReadStatement looks for a statement that is neither refused nor clear.
func FuzzReadStatement(f *testing.F) {
	f.Add(plainHeader+"P1,payment,12850,CNY,2026-11-20 00:00:00\n", false)
	f.Add(plainHeader+"R1,refund,-1.50,KWD,2026-11-20 00:00:00.5\n", true)
	day, err := payments.ParseDay("2026-11-20", hongKong)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, decimal bool) {
		format := plain()
		format.Decimal = decimal
		entries, err := format.Read(strings.NewReader(text), day)
		if err != nil && entries != nil {
			t.Errorf("got %d entries and error %v", len(entries), err)
		}
		for _, e := range entries {
			if e.Number == "" || e.Money.Amount <= 0 || !models.KnownCurrency(e.Money.Currency) || e.OnDay != day.Contains(e.At) {
				t.Errorf("got %+v", e)
			}
		}
	})
}

// BenchmarkReconcile is a day of 100,000 payments, from the statement's text to the result.
func BenchmarkReconcile(b *testing.B) {
	var text strings.Builder
	text.WriteString(plainHeader)
	var shop []payments.Entry
	for i := range 100_000 {
		number := fmt.Sprintf("P%032d", i)
		fmt.Fprintf(&text, "%s,payment,12850,CNY,2026-11-20 12:00:00\n", number)
		shop = append(shop, entry(models.Movement{Number: number, Money: cny(12850)}))
	}
	day, err := payments.ParseDay("2026-11-20", hongKong)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		statement, err := plain().Read(strings.NewReader(text.String()), day)
		if err != nil {
			b.Fatal(err)
		}
		if r := payments.Reconcile(statement, shop); len(r.Differences) > 0 {
			b.Fatalf("got %d differences", len(r.Differences))
		}
	}
}

// TestStatementThatBreaksOff: a file that cannot be read to its end is no short statement.
func TestStatementThatBreaksOff(t *testing.T) {
	broken := errors.New("the upload broke off")
	for _, text := range []string{"", plainHeader, plainHeader + "P1,payment,1,CNY,2026-11-20 12:00:00\n"} {
		got, err := plain().Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), theDay(t))
		if !errors.Is(err, broken) || got != nil {
			t.Errorf("after %q: got %d entries, %v, want none and why", text, len(got), err)
		}
	}
	most := plainHeader + "P1,payment,1000000000000,CNY,2026-11-20 12:00:00\n"
	if got, err := plain().Read(strings.NewReader(most), theDay(t)); err != nil || len(got) != 1 || got[0].Money != cny(1_000_000_000_000) {
		t.Errorf("the most that a row may have: got %+v, %v", got, err)
	}
}

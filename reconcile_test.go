package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/payments"
	"saoma/payments/sandbox"
)

// TestReconcileCommand sells on a desktop, writes the gateway's ledger as a statement, and compares.
func TestReconcileCommand(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d, `shop: {time_zone: Asia/Tokyo}
gateways: {scanforpay: {statement: {refund_number: refund, amount_unit: decimal, time_zone: UTC}}}`)
		b := s.visitor(desktopChrome)
		b.order("EBOOK", string(models.WeChat))
		token := b.token()
		b.toWallet()
		b.payAndStay("before")
		b.awaitState(token, "paid")
		ledger := s.sandbox.ledger()
		s.stop()

		tokyo, err := time.LoadLocation("Asia/Tokyo")
		if err != nil {
			t.Fatal(err)
		}
		receipt := ledger.Receipts[0]
		day := receipt.At.In(tokyo).Format(time.DateOnly)
		row := func(number string, e sandbox.Entry) string {
			return fmt.Sprintf("payment,%s,,%s,%s,%s\n", number, models.Money{Amount: e.Amount, Currency: e.Currency}.Decimal(), e.Currency, e.At.UTC().Format(time.DateTime))
		}
		const header = "type,number,refund,amount,currency,time\n"
		for _, tt := range []struct {
			name, text     string
			code           int
			stdout, stderr string
		}{
			{"equal", header + row(receipt.Number, receipt), 0, "19.00 - 0.00 = 19.00 + 0.00 - 0.00\n\nThere is no difference.\n", ""},
			{"not in the statement", header, 1, receipt.Number + ", 19.00 CNY", "differences between the statement and the shop's books: 1\n"},
			{"unknown to the shop", header + row(receipt.Number, receipt) + row("STRANGER", receipt), 1, "line 3: STRANGER, 19.00 CNY", "books: 1\n"},
			{"bad statement", header + "payment,P1,,1.999,CNY,x\n", 1, "", `statement.csv: line 2, column "amount": amount "1.999" has more than 2 decimals`},
		} {
			file := filepath.Join(t.TempDir(), "statement.csv")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := saoma(t, "reconcile", "--gateway", "scanforpay", "--day", day, file, "--config", s.config)
			if got.code != tt.code || !strings.Contains(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("%s: got exit %d, output\n%s\nand error %q; want %d, %q, %q", tt.name, got.code, got.stdout, got.stderr, tt.code, tt.stdout, tt.stderr)
			}
		}
	})
}

func TestReconcileUsage(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"statement.csv"},
		{"--gateway", "scanforpay", "statement.csv"},
		{"--gateway", "scanforpay", "--day", "yesterday", "statement.csv"},
		{"--gateway", "paypal", "--day", "2026-11-20", "statement.csv"},
		{"--gateway", "pass2pay", "--day", "2026-11-20"},
	} {
		if err := run(context.Background(), append([]string{"reconcile"}, args...)); !errors.Is(err, errUsage) {
			t.Errorf("reconcile %q: got %v, want errUsage", args, err)
		}
	}
}

func TestReconciliationInWords(t *testing.T) {
	zone := time.FixedZone("HKT", 8*60*60)
	day, err := payments.ParseDay("2026-11-20", zone)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	cny := func(amount int64) models.Money { return models.Money{Amount: amount, Currency: "CNY"} }
	line := func(n int, m models.Movement) payments.Entry {
		m.Order = ""
		return payments.Entry{Movement: m, Line: n, OnDay: true}
	}
	recorded := func(m models.Movement) payments.Entry { return payments.Entry{Movement: m, OnDay: true} }
	paid := models.Movement{Number: "P1", Order: "261120-AAAA", Money: cny(500), At: at}
	surplus := models.Movement{Number: "P2", Order: "261120-BBBB", Money: cny(300), At: at, Surplus: true}
	refund := models.Movement{Number: "R1", Order: "261120-AAAA", Money: cny(100), At: at, Refund: true}
	dearer := models.Movement{Number: "P1", Money: cny(501)}
	stranger := models.Movement{Reference: "G9", Money: models.Money{Amount: 7, Currency: "JPY"}, At: at}

	r := reconciliation{gateway: models.Pass2Pay, day: day, zone: zone, Result: payments.Reconcile(
		[]payments.Entry{line(2, dearer), line(3, stranger), line(4, surplus), line(5, surplus)},
		[]payments.Entry{recorded(paid), recorded(surplus), recorded(refund)},
	)}
	r.Differences[1].Note = payments.Note{Kind: payments.NoteNoReference}
	r.ShopElsewhere, r.GatewayElsewhere = 1, 2
	want := `pass2pay, 2026-11-20 in HKT

taken by the gateway              3              11.01 CNY
given back by the gateway         0               0.00 CNY
paid orders                       1               5.00 CNY
surplus payments                  1               3.00 CNY
refunds                           1               1.00 CNY
11.01 - 0.00 is not 5.00 + 3.00 - 1.00: 4.01 is left

taken by the gateway              1                  7 JPY
given back by the gateway         0                  0 JPY
paid orders                       0                  0 JPY
surplus payments                  0                  0 JPY
refunds                           0                  0 JPY
7 - 0 is not 0 + 0 - 0: 7 is left

Payments in the statement that the shop has not recorded:
  line 3: reference G9, 7 JPY, 2026-11-20 12:00:00; no payment is known by this reference

Refunds recorded by the shop that are not in the statement:
  in the shop: R1, 1.00 CNY, 2026-11-20 12:00:00, order 261120-AAAA

Amounts that differ:
  line 2: P1, 5.01 CNY; in the shop: P1, 5.00 CNY, 2026-11-20 12:00:00, order 261120-AAAA

More than once in the statement:
  line 5: P2, 3.00 CNY, 2026-11-20 12:00:00; in the shop: P2, 3.00 CNY, 2026-11-20 12:00:00, order 261120-BBBB

The shop recorded 1 of the statement's rows on a neighbouring day. They count on the statement's day.
2 entries of the shop's books of this day stand on another day in the statement. They count there.
What was paid close to midnight may stand in the statement of the day before or after:
a statement that covers these days as well settles it.
`
	var got bytes.Buffer
	r.print(&got)
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

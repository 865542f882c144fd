package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saoma/models"
)

const statementHeader = "number,type,amount,currency,time\n"

// rowOf is the line of a statement about a payment.
func rowOf(p *models.Payment, amount int64) string {
	return fmt.Sprintf("%s,payment,%d,%s,%s\n", p.Number, amount, p.Currency, p.SucceededAt.UTC().Format(time.DateTime))
}

func TestReconcilePage(t *testing.T) {
	s := newSoldAt(t, noon)
	s.refundOf(s.fulfilled, 2500)
	b := s.in(finance)
	b.get("/admin/reconcile").check(t, "yesterday", 200, "", []string{
		`value="2026-11-19"`, "19 Nov 2026", "nothing on this day", `href="/admin/reconcile?day=2026-11-18"`, `href="/admin/reconcile?day=2026-11-20"`,
	}, []string{"Surplus"})
	b.get("/admin/reconcile?day=2026-11-20").check(t, "today", 200, "", []string{
		"20 Nov 2026", `>Paid orders</th><td class="num right">3</td><td class="num right">CN¥229.00<`,
		`>Surplus payments</th><td class="num right">1</td><td class="num right">CN¥35.00<`,
		`>Refunds</th><td class="num right">1</td><td class="num right">CN¥25.00<`, "CN¥239.00", `value="scanforpay"`, `value="pass2pay"`,
	}, []string{`value="manual"`, "/sandbox"})
	b.get("/admin/reconcile?day=%22%3E%3Cb%3E").check(t, "no day", 422, "", []string{"This is not a day."}, []string{`"><b>`})
	s.in(readOnly).get("/admin/reconcile").check(t, "who only looks", 403, "", nil, nil)
}

func TestReconcileUpload(t *testing.T) {
	s := newSoldAt(t, noon)
	refund := s.refundOf(s.fulfilled, 2500)
	b := s.in(finance)
	b.get("/admin/reconcile?day=2026-11-20")
	paid, confirming, fulfilled := s.read(s.paid).PaidBy(), s.read(s.confirming).PaidBy(), s.read(s.fulfilled).PaidBy()
	late := &s.read(s.late).Payments[0]
	all := statementHeader + rowOf(paid, paid.Amount) + rowOf(confirming, confirming.Amount) + rowOf(late, late.Amount)
	back := fmt.Sprintf("%s,refund,2500,CNY,2026-11-20 12:10:00\n", refund.Number)
	send := func(gateway, text string) answer {
		t.Helper()
		return b.upload("/admin/reconcile", map[string]string{"day": "2026-11-20", "gateway": gateway}, "statement", text)
	}
	for _, tt := range []struct {
		name, gateway, text string
		status              int
		want, absent        []string
	}{
		{"equal", "scanforpay", all + rowOf(fulfilled, fulfilled.Amount) + back, 200, []string{"There is no difference.", "Taken by the gateway", "CN¥264.00"}, []string{"do not agree"}},
		{"different", "scanforpay", all + rowOf(fulfilled, 1) + "STRANGER,payment,700,CNY,2026-11-20 12:00:00\n" + rowOf(paid, paid.Amount), 200, []string{
			"do not agree", "Amounts that differ", "Line 5: " + fulfilled.Number + " · CN¥0.01", `href="/admin/orders/` + s.fulfilled.Number + `"`,
			"Line 6: STRANGER · CN¥7.00", "No payment of the shop has this number.", "More than once", "Line 7: ",
			refund.Number, "Left between the two", "close to midnight",
		}, []string{"no difference"}},
		{"the other gateway's", "pass2pay", statementHeader + rowOf(paid, paid.Amount), 200, []string{"The shop made this payment at ScanForPay."}, nil},
		{"of another day", "scanforpay", statementHeader, 200, []string{"Payments recorded by the shop that are not in the statement"}, nil},
		{"empty", "scanforpay", "", 422, []string{"Line 1: there is nothing in it.", `aria-describedby="statement-scanforpay-hint statement-scanforpay-error"`}, nil},
		{"no such column", "scanforpay", "a,b\n", 422, []string{"there is no column “number”"}, nil},
		{"bad amount", "scanforpay", all + "X,payment,<b>,CNY,2026-11-20 12:00:00\n", 422, []string{"Line 5, column amount: “&lt;b&gt;” is not an amount"}, []string{"<b>,", "no difference"}},
		{"bad quote", "scanforpay", all + "X,pay\"ment,1,CNY,x\n", 422, []string{"Line 5, column 6: there is a quotation mark"}, nil},
		{"by hand", "manual", all, 400, nil, nil},
		{"nobody's", "paypal", all, 400, nil, nil},
	} {
		send(tt.gateway, tt.text).check(t, tt.name, tt.status, "", tt.want, tt.absent)
	}
	many := statementHeader
	for i := range shownDifferences + 7 {
		many += fmt.Sprintf("X%d,payment,1,CNY,2026-11-20 12:00:00\n", i)
	}
	got := send("scanforpay", many)
	got.check(t, "many", 200, "", []string{">107<", "7 more are not shown here."}, []string{"X107"})
	if shown := strings.Count(got.body, "No payment of the shop has this number."); shown != shownDifferences {
		t.Errorf("many: got %d shown, want %d", shown, shownDifferences)
	}
	b.post("/admin/reconcile", map[string][]string{"day": {"2026-11-20"}, "gateway": {"scanforpay"}}).
		check(t, "no file", 422, "", []string{"Choose a file first."}, nil)
	b.upload("/admin/reconcile", map[string]string{"day": "2026-11-20", "gateway": "scanforpay"}, "statement", strings.Repeat("x", maxStatement+1)).
		check(t, "a large file", 422, "", []string{"This file is larger than 16 MB.", "A CSV file of at most 16 MB."}, nil)
	b.upload("/admin/reconcile", map[string]string{"day": "nonsense", "gateway": "scanforpay"}, "statement", all).
		check(t, "no day", 422, "", []string{"This is not a day."}, []string{"no difference"})
}

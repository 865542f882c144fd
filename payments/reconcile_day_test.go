package payments_test

import (
	"context"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/sandbox"
)

// closing is a shop at 23:00 of a day, in a time zone where that is now.
type closing struct {
	*wired
	zone *time.Location
	day  payments.Day
}

func newClosing(t *testing.T, o models.Options) closing {
	t.Helper()
	w := wire(t, o, payments.Routes{
		{Wallet: "wechat", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"},
		{Wallet: "alipay", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"},
		{Wallet: "alipayhk", Scene: "any", Gateway: models.Pass2Pay, Method: "CHANNEL_CASHIER"},
	})
	modelstest.Product(t, w.Store, "cup", 2500, 20)
	offset := w.begun.Truncate(24 * time.Hour).Add(23 * time.Hour).Sub(w.begun)
	c := closing{wired: w, zone: time.FixedZone("here", int(offset/time.Second))}
	c.day = c.dayAfter(0)
	return c
}

func (c closing) dayAfter(days int) payments.Day {
	c.t.Helper()
	day, err := payments.ParseDay(c.begun.In(c.zone).AddDate(0, 0, days).Format(time.DateOnly), c.zone)
	if err != nil {
		c.t.Fatal(err)
	}
	return day
}

// idle lets time pass in which the shop does nothing.
func (c closing) idle(d time.Duration) {
	c.ahead.Add(int64(d))
	c.box.Advance(d)
}

// statement is the gateway's ledger as it would send it: all days, and rows as text.
func (c closing) statement(gateway models.GatewayName) [][]string {
	rows := [][]string{{"type", "number", "refund", "amount", "currency", "time"}}
	l := c.box.Ledger()
	for _, list := range [][]sandbox.Entry{l.Receipts, l.Refunds} {
		for _, e := range list {
			if string(e.Gateway) != string(gateway) {
				continue
			}
			kind := "payment"
			if e.Refund != "" {
				kind = "refund"
			}
			rows = append(rows, []string{
				kind, e.Number, e.Refund, strconv.FormatInt(e.Amount, 10), e.Currency, e.At.In(c.zone).Format(time.DateTime),
			})
		}
	}
	return rows
}

func (c closing) reconcile(gateway models.GatewayName, day payments.Day, rows [][]string) payments.Result {
	c.t.Helper()
	var text strings.Builder
	if err := csv.NewWriter(&text).WriteAll(rows); err != nil {
		c.t.Fatal(err)
	}
	f := plain()
	f.RefundNumber, f.Zone = "refund", c.zone
	statement, err := f.Read(strings.NewReader(text.String()), day)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := payments.ReconcileDay(context.Background(), c.Store, gateway, day, statement)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// twoAttempts places an order with an attempt in each of two wallets.
func (c closing) twoAttempts() *models.Order {
	c.t.Helper()
	o, _ := c.pending(models.WeChat)
	if _, err := c.service.Start(context.Background(), o.Token, models.Alipay, payments.Device{}); err != nil {
		c.t.Fatal(err)
	}
	return c.read(o.ID)
}

func (c closing) pay(numbers ...string) {
	c.t.Helper()
	for _, n := range numbers {
		c.act(n, sandbox.Pay, sandbox.NotifyBefore)
	}
	c.pass(time.Minute)
}

func TestReconcileDayWithTheGatewaysLedger(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		c := newClosing(t, o)
		c.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultLatePayment})

		_, partly := c.pending(models.WeChat)
		c.pay(partly.Number)
		if _, err := c.service.GiveBack(context.Background(), partly.Number, 1000); err != nil {
			t.Fatal(err)
		}
		twice := c.twoAttempts()
		c.pay(twice.Payments[0].Number, twice.Payments[1].Number)
		_, elsewhere := c.pending(models.AlipayHK)
		c.pay(elsewhere.Number)
		c.pending(models.WeChat) // never paid
		_, late := c.pending(models.WeChat)
		c.act(late.Number, sandbox.Pay, sandbox.NotifyNever)
		c.idle(2 * time.Hour) // the shop is down over midnight
		c.pass(time.Minute)

		price := partly.Amount
		sum := func(count int, amount int64) payments.Sum { return payments.Sum{Count: count, Amount: amount} }
		tomorrow := c.dayAfter(1)
		for _, tc := range []struct {
			name    string
			gateway models.GatewayName
			day     payments.Day
			want    payments.Result
		}{
			{"the day", models.ScanForPay, c.day, payments.Result{ShopElsewhere: 1, Totals: []payments.Totals{{
				Currency: "CNY", Taken: sum(4, 4*price), Returned: sum(2, price+1000),
				Orders: sum(3, 3*price), Surplus: sum(1, price), Refunds: sum(2, price+1000),
			}}}},
			{"the day after", models.ScanForPay, tomorrow, payments.Result{GatewayElsewhere: 1}},
			{"the day before", models.ScanForPay, c.dayAfter(-1), payments.Result{}},
			{"the other gateway", models.Pass2Pay, c.day, payments.Result{Totals: []payments.Totals{{
				Currency: "CNY", Taken: sum(1, price), Orders: sum(1, price),
			}}}},
		} {
			got := c.reconcile(tc.gateway, tc.day, c.statement(tc.gateway))
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
		}

		// The gateway's clock may be ahead of the shop's, too.
		ahead := c.statement(models.ScanForPay)[:2]
		ahead[1][5] = c.begun.In(c.zone).Add(time.Hour).Format(time.DateTime)
		got := c.reconcile(models.ScanForPay, tomorrow, append(ahead, c.statement(models.ScanForPay)[2:]...))
		if len(got.Differences) > 0 || got.ShopElsewhere != 1 {
			t.Errorf("the gateway says tomorrow, the shop today: got %v and %d recorded elsewhere, want no difference and 1", foundIn(got), got.ShopElsewhere)
		}

		// A statement of one day cannot tell that the day before has the payment.
		onlyTomorrow := c.statement(models.ScanForPay)[:1]
		want := []found{{payments.MissingPayment, "", late.Number}}
		if diff := cmp.Diff(want, foundIn(c.reconcile(models.ScanForPay, tomorrow, onlyTomorrow))); diff != "" {
			t.Errorf("a statement of tomorrow alone (-want +got):\n%s", diff)
		}
	})
}

func TestReconcileDayTellsWhatTheShopKnows(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		c := newClosing(t, o)
		_, paid := c.pending(models.WeChat)
		_, elsewhere := c.pending(models.AlipayHK)
		c.pay(paid.Number, elsewhere.Number)
		c.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultReset, Operation: sandbox.OpRefund, Times: 1})
		refund, err := c.service.GiveBack(context.Background(), paid.Number, 1000)
		if err != nil || refund.Status != models.RefundPending {
			t.Fatalf("refund: got %+v, %v; want it pending", refund, err)
		}
		_, unheard := c.pending(models.WeChat)
		c.act(unheard.Number, sandbox.Pay, sandbox.NotifyNever)

		at := c.begun.In(c.zone).Format(time.DateTime)
		rows := append(c.statement(models.ScanForPay),
			[]string{"payment", "STRANGER", "", "500", "CNY", at},
			[]string{"payment", elsewhere.Number, "", "500", "CNY", at},
			[]string{"refund", paid.Number, refund.Number, "1000", "CNY", at},
			[]string{"refund", paid.Number, "RSTRANGER", "100", "CNY", at},
		)
		type told struct {
			Kind   payments.DifferenceKind
			Number string
			Note   string
		}
		var got []told
		for _, d := range c.reconcile(models.ScanForPay, c.day, rows).Differences {
			got = append(got, told{d.Kind, d.Statement.Number, d.Note.String()})
		}
		want := []told{
			{payments.UnknownPayment, unheard.Number, "in the shop this payment is pending"},
			{payments.UnknownPayment, "STRANGER", "no payment of the shop has this number"},
			{payments.UnknownPayment, elsewhere.Number, "the shop made this payment at pass2pay"},
			{payments.UnknownRefund, refund.Number, "in the shop this refund is pending"},
			{payments.UnknownRefund, "RSTRANGER", "no refund of the shop has this number"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("on the day (-want +got):\n%s", diff)
		}

		// Recorded three days later, it is a difference still, and the note says where it went.
		c.idle(72 * time.Hour)
		c.pass(time.Minute)
		got = nil
		for _, d := range c.reconcile(models.ScanForPay, c.day, c.statement(models.ScanForPay)).Differences {
			got = append(got, told{d.Kind, d.Statement.Number, d.Note.String()})
		}
		want = []told{{payments.UnknownPayment, unheard.Number, "the shop recorded it on " + c.dayAfter(3).String()}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("three days later (-want +got):\n%s", diff)
		}
	})
}

package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestScanForPaySale(t *testing.T) {
	b := newBench(t)
	created := b.scanForPay("/api/online/create", b.sfpOrder("S1"))
	if got := created.Body["payUrl"]; created.Body["code"] != 1.0 || !strings.HasPrefix(got.(string), b.url+"/sandbox/wallet/") {
		t.Fatalf("create: got %v, want code 1 and a pretend wallet as payUrl", created.Body)
	}
	query := fields{"storeNo": DemoStoreNo, "partnerOrderNo": "S1"}
	if open := b.scanForPay("/api/common/payQuery", query); open.Body["status"] != 0.0 || open.Body["payTime"] != nil {
		t.Errorf("query before paying: got %v, want status 0 and no payTime", open.Body)
	}

	b.mustPay("S1")

	n := b.shop.next(t)
	told := openSFP(t, n.body)
	asked := b.scanForPay("/api/common/payQuery", query)
	for _, a := range []sfpAnswer{told, asked} {
		for name, want := range map[string]any{
			"code": 1.0, "partnerOrderNo": "S1", "orderAmount": 12850.0, "currency": "CNY", "wallet": "Alipay",
			"status": 1.0, "payTime": "2026-03-01T12:00:00+08:00", "orderNo": asked.Body["orderNo"],
		} {
			if got := a.Body[name]; got != want {
				t.Errorf("%s of %v: got %v, want %v", name, a.Body, got, want)
			}
		}
		if got := a.Header["partnerNo"]; got != DemoPartnerNo {
			t.Errorf("partnerNo: got %v, want %s", got, DemoPartnerNo)
		}
	}
	if n.contentType != "application/json" || n.path != "/notify/S1" {
		t.Errorf("notification: got %s to %s", n.contentType, n.path)
	}
	byReference := b.scanForPay("/api/common/payQuery", fields{"orderNo": asked.Body["orderNo"], "partnerOrderNo": "nobody's"})
	if byReference.Body["partnerOrderNo"] != "S1" {
		t.Errorf("query by both numbers: got %v, want orderNo to win", byReference.Body)
	}
}

func TestScanForPayAnswerBytes(t *testing.T) {
	b := newBench(t)
	a := b.send("POST", ScanForPayPath+"/api/online/create", "application/json", sfpRequest(nil, b.sfpOrder("S1")))
	const head = `{"response":{"header":{"partnerNo":"10086","respTime":"2026-03-01T12:00:00+08:00","signType":"SHA256","version":"1.0","reqMsgId":"`
	const body = `"},"body":{"code":1,"msg":"success","payUrl":"http://`
	if !strings.HasPrefix(a.body, head) || !strings.Contains(a.body, body) {
		t.Errorf("answer: got %s, want compact JSON, response first, beginning %s and holding %s", a.body, head, body)
	}
}

// TestScanForPayRefusals has each way in which a request can be wrong, and the first check that
// finds it.
func TestScanForPayRefusals(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "USED")
	const create, qrcode, jspay = "/api/online/create", "/api/offline/qrcode", "/api/jspay/create"
	const query, refund = "/api/common/payQuery", "/api/common/refund"
	order := b.sfpOrder("NEW")
	tests := []struct {
		name   string
		path   string
		header fields
		body   fields
		want   float64
	}{
		{"other partner", create, fields{"partnerNo": "10099"}, order, 3},
		{"no partner", create, fields{"partnerNo": nil}, order, 4},
		{"other partner comes before missing field", create, fields{"partnerNo": "10099"}, fields{}, 3},
		{"no version", create, fields{"version": nil}, order, 4},
		{"other version", create, fields{"version": "2.0"}, order, 5},
		{"other signType", create, fields{"signType": "MD5"}, order, 5},
		{"bad time", create, fields{"reqTime": "2026-03-01 12:00:00"}, order, 5},
		{"time with fraction", create, fields{"reqTime": "2026-03-01T12:00:00.123456+08:00"}, order, 5},
		{"long reqMsgId", create, fields{"reqMsgId": strings.Repeat("a", 37)}, order, 5},
		{"no number", create, nil, order.with(fields{"partnerOrderNo": nil}), 4},
		{"empty number", create, nil, order.with(fields{"partnerOrderNo": ""}), 4},
		{"no currency", create, nil, order.with(fields{"currency": nil}), 4},
		{"no amount", create, nil, order.with(fields{"orderAmount": nil}), 4},
		{"long number", create, nil, order.with(fields{"partnerOrderNo": strings.Repeat("9", 33)}), 5},
		{"number is not text", create, nil, order.with(fields{"partnerOrderNo": 17}), 5},
		{"amount is text", create, nil, order.with(fields{"orderAmount": "12850"}), 5},
		{"amount has a fraction", create, nil, order.with(fields{"orderAmount": 128.5}), 5},
		{"amount is zero", create, nil, order.with(fields{"orderAmount": 0}), 5},
		{"amount is too large", create, nil, order.with(fields{"orderAmount": 1 << 31}), 5},
		{"other currency", create, nil, order.with(fields{"currency": "USD"}), 5},
		{"unknown wallet", create, nil, order.with(fields{"wallet": "alipay"}), 5},
		{"wallet of another product", create, nil, order.with(fields{"wallet": "Wechat"}), 44},
		{"AlipayHK by code", qrcode, nil, order.with(fields{"wallet": "AlipayHK"}), 44},
		{"AlipayHK inside a wallet", jspay, nil, order.with(fields{"wallet": "AlipayHK"}), 44},
		{"other store", create, nil, order.with(fields{"storeNo": "100860000000002"}), 3},
		{"long title", create, nil, order.with(fields{"orderTitle": strings.Repeat("茶", 34)}), 5},
		{"parts do not add up", create, nil, order.with(fields{"goodsAmount": 12000, "goodsExtraAmount": 800}), 5},
		{"relative notifyUrl", create, nil, order.with(fields{"notifyUrl": "/notify"}), 5},
		{"returnUrl with odd host", create, nil, order.with(fields{"returnUrl": "http://a;script-src/x"}), 5},
		{"long returnUrl", create, nil, order.with(fields{"returnUrl": "https://shop.example/" + strings.Repeat("a", 180)}), 5},
		{"timeoutRule with fraction", create, nil, order.with(fields{"timeoutRule": "1.5h"}), 5},
		{"orderCreate in seconds", create, nil, order.with(fields{"orderCreate": "1772337600"}), 5},
		{"number used before", create, nil, order.with(fields{"partnerOrderNo": "USED"}), 31},
		{"number used before elsewhere", qrcode, nil, order.with(fields{"partnerOrderNo": "USED"}), 31},
		{"query without number", query, nil, fields{"storeNo": DemoStoreNo}, 7},
		{"query of nothing", query, nil, fields{"partnerOrderNo": "NONE"}, 30},
		{"query in other store", query, nil, fields{"partnerOrderNo": "USED", "storeNo": "1"}, 3},
		{"refund without number", refund, nil, fields{"partnerOrderNo": "USED", "orderAmount": 1}, 4},
		{"refund of nothing", refund, nil, fields{"partnerOrderNo": "NONE", "refundNo": "R1", "orderAmount": 1}, 30},
		{"refund of unpaid", refund, nil, fields{"partnerOrderNo": "USED", "refundNo": "R1", "orderAmount": 1}, 32},
		{"refund of zero", refund, nil, fields{"partnerOrderNo": "USED", "refundNo": "R1", "orderAmount": 0}, 5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := b.send("POST", ScanForPayPath+test.path, "application/json", sfpRequest(test.header, test.body))
			if strings.HasPrefix(a.body, `{"response"`) && strings.HasSuffix(a.body, `,"signature":""}`) {
				if test.want != 3 && test.want != 4 {
					t.Errorf("answer is not signed: %s", a.body)
				}
			} else if got := openSFP(t, a.body).Body["code"]; got != test.want {
				t.Errorf("%v: got code %v, want %v", test.body, got, test.want)
			}
			if last := b.Calls()[len(b.Calls())-1]; last.Verdict != strings.TrimSuffix(toJSON(test.want), ".0") || last.Reason == "" {
				t.Errorf("last call: got verdict %q because %q, want %v and a reason", last.Verdict, last.Reason, test.want)
			}
		})
	}
	if got := len(b.Payments()); got != 1 {
		t.Errorf("payments after refusals: got %d, want 1", got)
	}
}

func TestScanForPayBrokenEnvelopes(t *testing.T) {
	b := newBench(t)
	good := sfpRequest(nil, b.sfpOrder("S1"))
	wrong := strings.Replace(good, `"signature":"`, `"signature":"0`, 1)
	tests := []struct {
		name, contentType, body string
		want                    string
	}{
		{"not JSON", "application/json", `{"request":`, "6"},
		{"no object", "application/json", `[]`, "6"},
		{"bad UTF-8", "application/json", strings.Replace(good, "Tea", "\xff", 1), "6"},
		{"a form", "application/x-www-form-urlencoded", good, "6"},
		{"no request", "application/json", `{"signature":"x"}`, "4"},
		{"no header", "application/json", `{"request":{"body":{}},"signature":"x"}`, "4"},
		{"wrong signature", "application/json", wrong, "8"},
		{"empty signature", "application/json", good[:strings.Index(good, `,"signature"`)] + `,"signature":""}`, "8"},
		{"no signature", "application/json", good[:strings.Index(good, `,"signature"`)] + `}`, "8"},
		{"number as signature", "application/json", good[:strings.Index(good, `,"signature"`)] + `,"signature":8}`, "8"},
		{"capital signature", "application/json", good[:strings.Index(good, `,"signature"`)] + strings.ToUpper(good[strings.Index(good, `,"signature":"`)+14:]), "6"},
		{"one byte changed", "application/json", strings.Replace(good, "12850", "12851", 1), "8"},
		{"white space added", "application/json", strings.Replace(good, `"header":{`, `"header": {`, 1), "8"},
		{"request twice, the last counts", "application/json", `{"request":{},` + good[1:], "1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := b.send("POST", ScanForPayPath+"/api/online/create", test.contentType, test.body)
			if last := b.Calls()[len(b.Calls())-1]; last.Verdict != test.want || a.status != http.StatusOK {
				t.Errorf("%s: got status %d, verdict %s because %q, want %s", test.body, a.status, last.Verdict, last.Reason, test.want)
			}
		})
	}
	if a := b.send("GET", ScanForPayPath+"/api/online/create", "", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: got status %d, want 405", a.status)
	}
	if a := b.send("POST", ScanForPayPath+"/api/online/create", "application/json", strings.Repeat(" ", 1<<20+1)); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 1 MB: got status %d, want 413", a.status)
	}
}

// TestScanForPayHintsAtTheCause has mistakes that the list of calls explains.
func TestScanForPayHintsAtTheCause(t *testing.T) {
	b := newBench(t)
	signed := sfpRequest(nil, b.sfpOrder("S1").with(fields{"orderTitle": "a & b"}))
	tests := []struct{ sent, want string }{
		{strings.Replace(signed, "a & b", `a \u0026 b`, 1), `\u0026`},
		{strings.Replace(signed, `"wallet":`, `"wallet": `, 1), "without white space"},
	}
	for _, test := range tests {
		b.send("POST", ScanForPayPath+"/api/online/create", "application/json", test.sent)
		calls := b.Calls()
		if got := calls[len(calls)-1].Reason; !strings.Contains(got, test.want) {
			t.Errorf("reason for %s: got %q, want it to speak of %q", test.sent, got, test.want)
		}
	}
}

// TestScanForPayAcceptsWhatLiveClientsSend has requests that differ from the tables and pass.
func TestScanForPayAcceptsWhatLiveClientsSend(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		name   string
		path   string
		header fields
		body   fields
	}{
		{"requestTime", "/api/online/create", fields{"reqTime": nil, "requestTime": "2018-08-02T12:08:56+08:00"}, nil},
		{"empty reqMsgId", "/api/online/create", fields{"reqMsgId": ""}, nil},
		{"dashed reqMsgId", "/api/online/create", fields{"reqMsgId": "fd03f269-3180-4575-8af0-8f6cf324fb0f"}, nil},
		{"no signType", "/api/online/create", fields{"signType": nil}, nil},
		{"empty options", "/api/online/create", nil, fields{"operatorId": "", "terminalNo": "", "notifyUrl": ""}},
		{"unknown member", "/api/online/create", nil, fields{"tradeSummary": true}},
		{"parts that add up", "/api/online/create", nil, fields{"goodsAmount": 12000, "goodsExtraAmount": 850}},
		{"AlipayHK", "/api/online/create", nil, fields{"wallet": "AlipayHK", "currency": "HKD"}},
		{"time limits", "/api/online/create", nil, fields{"orderCreate": "1772337600000", "timeoutRule": "15m"}},
		{"jspay without currency", "/api/jspay/create", nil, fields{"wallet": "Wechat", "currency": nil}},
		{"qrcode", "/api/offline/qrcode", nil, fields{"wallet": "Wechat", "currency": "JPY"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := b.sfpOrder("N" + newID()[:20]).with(test.body)
			a := b.send("POST", ScanForPayPath+test.path, "application/json", sfpRequest(test.header, body))
			if got := openSFP(t, a.body).Body; got["code"] != 1.0 {
				t.Errorf("got %v (%s), want code 1", got, b.Calls()[len(b.Calls())-1].Reason)
			}
		})
	}
}

func TestScanForPayExpiry(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		rule string
		want time.Duration
	}{
		{"", 12 * time.Hour}, {"15m", 15 * time.Minute}, {"3h", 3 * time.Hour}, {"15d", 15 * 24 * time.Hour},
		{"1c", 12 * time.Hour}, // noon in Beijing: half the day is left
	}
	for _, test := range tests {
		number := "E" + test.rule
		b.scanForPay("/api/online/create", b.sfpOrder(number).with(fields{"timeoutRule": test.rule}))
		p, _ := b.Payment(number)
		if got := p.ExpiresAt.Sub(p.CreatedAt); got != test.want {
			t.Errorf("timeoutRule %q: got %s, want %s", test.rule, got, test.want)
		}
	}
	b.scanForPay("/api/online/create", b.sfpOrder("OLD").with(fields{"orderCreate": "1772337000000", "timeoutRule": "5m"}))
	if got := b.scanForPay("/api/common/payQuery", fields{"partnerOrderNo": "OLD"}).Body["code"]; got != 33.0 {
		t.Errorf("query of an order whose time was over when it came: got code %v, want 33", got)
	}
	b.Advance(15 * time.Minute)
	if got := b.scanForPay("/api/common/payQuery", fields{"partnerOrderNo": "E15m"}).Body["code"]; got != 33.0 {
		t.Errorf("query after expiry: got code %v, want 33", got)
	}
	refund := fields{"partnerOrderNo": "E15m", "refundNo": "R1", "orderAmount": 1}
	if got := b.scanForPay("/api/common/refund", refund).Body["code"]; got != 33.0 {
		t.Errorf("refund after expiry: got code %v, want 33", got)
	}
	if _, err := b.Pay("E15m"); err != ErrState {
		t.Errorf("pay after expiry: got error %v, want %v", err, ErrState)
	}
	b.shop.nothing(t)
}

func TestScanForPayRefunds(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	b.create(ScanForPay, "S2")
	b.mustPay("S1")
	b.mustPay("S2")
	refund := func(order, number string, amount int) map[string]any {
		return b.scanForPay("/api/common/refund", fields{"partnerOrderNo": order, "refundNo": number, "orderAmount": amount}).Body
	}
	status := func() any {
		return b.scanForPay("/api/common/payQuery", fields{"partnerOrderNo": "S1"}).Body["status"]
	}
	steps := []struct {
		order, number string
		amount        int
		code, status  any // of the refund
		payment       any // the payment's status afterwards
	}{
		{"S1", "R1", 2850, 1.0, 1.0, 1.0},
		{"S1", "R1", 2850, 1.0, 1.0, 1.0},    // again: the stored result
		{"S1", "R1", 2851, 5.0, nil, 1.0},    // the number for another amount
		{"S2", "R1", 2850, 5.0, nil, 1.0},    // the number for another payment
		{"S1", "R2", 10_001, 35.0, nil, 1.0}, // one too much
		{"S1", "R2", 10_000, 1.0, 1.0, 3.0},  // a refused number may be used again
		{"S1", "R3", 1, 35.0, nil, 3.0},
		{"S1", "R2", 10_000, 1.0, 1.0, 3.0},
	}
	for i, step := range steps {
		got := refund(step.order, step.number, step.amount)
		if got["code"] != step.code || got["status"] != step.status {
			t.Errorf("step %d: got %v, want code %v and status %v", i, got, step.code, step.status)
		}
		if got := status(); got != step.payment {
			t.Errorf("step %d: payment has status %v, want %v", i, got, step.payment)
		}
	}
	want := Balance{ScanForPay, "CNY", 25_700, 12_850, 12_850}
	if got := b.Ledger().Balances; len(got) != 1 || got[0] != want {
		t.Errorf("balances: got %+v, want %+v", got, want)
	}
}

func TestScanForPayRefundInProgress(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	b.mustPay("S1")
	b.set(Fault{Gateway: ScanForPay, Kind: FaultRefundPending, Times: 1})
	refund := func(number string, amount int) map[string]any {
		return b.scanForPay("/api/common/refund", fields{"partnerOrderNo": "S1", "refundNo": number, "orderAmount": amount}).Body
	}
	if got := refund("R1", 12850)["status"]; got != 0.0 {
		t.Fatalf("refund in progress: got status %v, want 0", got)
	}
	if got := refund("R2", 1)["code"]; got != 35.0 {
		t.Errorf("refund of what is being refunded: got code %v, want 35", got)
	}
	if err := b.SettleRefund("R1", RefundFailed); err != nil {
		t.Fatal(err)
	}
	if got := refund("R1", 12850)["status"]; got != 2.0 {
		t.Errorf("refund that failed: got status %v, want 2", got)
	}
	if got := refund("R2", 12850)["status"]; got != 1.0 {
		t.Errorf("refund after one that failed: got status %v, want 1", got)
	}
}

package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	unifiedPath     = "/api/pay/unifiedOrder"
	cashierPath     = "/api/pay/cashierOrder"
	p2pQueryPath    = "/api/pay/query"
	closePath       = "/api/pay/close"
	p2pRefundPath   = "/api/refund/refundOrder"
	refundQueryPath = "/api/refund/query"
)

// text is a member of data as text, "" when it is not there.
func (a p2pAnswer) text(name string) string {
	switch v := a.Data[name].(type) {
	case string:
		return v
	case interface{ String() string }:
		return v.String()
	}
	return ""
}

func TestPass2PaySale(t *testing.T) {
	b := newBench(t)
	created := b.pass2Pay(unifiedPath, b.p2pOrder("P1").with(fields{"extParam": "x-1"}))
	if created.Code != 0 || created.Msg != "SUCCESS" || created.text("orderState") != "1" || created.text("mchOrderNo") != "P1" {
		t.Fatalf("create: got %+v, want code 0 and orderState 1", created)
	}
	if got := created.text("payData"); !strings.HasPrefix(got, b.url+"/sandbox/wallet/") || created.text("payDataType") != "payUrl" {
		t.Errorf("create: got %s %s, want a pretend wallet as payUrl", created.text("payDataType"), got)
	}

	b.mustPay("P1")

	n := b.shop.next(t)
	if !strings.HasPrefix(n.contentType, "application/x-www-form-urlencoded") || n.path != "/notify/P1" {
		t.Errorf("notification: got %s to %s", n.contentType, n.path)
	}
	form := mustParseForm(t, n.body)
	params := map[string]string{}
	for name := range form {
		params[name] = form.Get(name)
	}
	if got, want := form.Get("sign"), signPass2Pay(params, DemoAppSecret); got != want {
		t.Errorf("sign of notification: got %s, want %s", got, want)
	}
	asked := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "P1", "version": "1.0"})
	for name, want := range map[string]string{
		"payOrderId": created.text("payOrderId"), "mchNo": DemoMchNo, "appId": DemoAppID, "mchOrderNo": "P1",
		"ifCode": "alipay", "wayCode": "ALI_WAP", "amount": "12850", "currency": "cny", "state": "2",
		"clientIp": "114.114.114.114", "subject": "商品", "body": "0", "extParam": "x-1",
		"createdAt": "1772337600000", "successTime": "1772337600000",
	} {
		if got := form.Get(name); got != want {
			t.Errorf("notification: %s is %q, want %q", name, got, want)
		}
		if got := asked.text(name); got != want {
			t.Errorf("query: %s is %q, want %q", name, got, want)
		}
	}
	if form.Get("channelOrderNo") == "" || form.Get("reqTime") != "1772337600000" {
		t.Errorf("notification: got %v, want channelOrderNo and reqTime", form)
	}
}

func TestPass2PayEmptyValues(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "P1")
	b.mustPay("P1")
	if got := b.shop.next(t).body; !strings.Contains(got, "&extParam=&") {
		t.Errorf("notification: got %s, want an empty extParam", got)
	}
	if asked := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "P1"}); asked.Data["extParam"] != nil {
		t.Errorf("query: got %v, want no extParam", asked.Data)
	}
}

func TestPass2PayRefusals(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "USED")
	order := b.p2pOrder("NEW")
	tests := []struct {
		name string
		path string
		body fields
		want string
	}{
		{"no mchNo", unifiedPath, order.with(fields{"mchNo": ""}), "商户号不能为空"},
		{"no appId", unifiedPath, order.with(fields{"appId": ""}), "商户应用ID不能为空"},
		{"no reqTime", unifiedPath, order.with(fields{"reqTime": ""}), "时间戳不能为空"},
		{"no version", unifiedPath, order.with(fields{"version": ""}), "版本号不能为空"},
		{"no signType", unifiedPath, order.with(fields{"signType": ""}), "签名类型不能为空"},
		{"no sign", unifiedPath, order.with(fields{"sign": ""}), "签名值不能为空"},
		{"no number", unifiedPath, order.with(fields{"mchOrderNo": nil}), "商户订单号不能为空"},
		{"no wayCode", unifiedPath, order.with(fields{"wayCode": nil}), "支付方式不能为空"},
		{"no amount", unifiedPath, order.with(fields{"amount": nil}), "支付金额不能为空"},
		{"no currency", unifiedPath, order.with(fields{"currency": nil}), "货币代码不能为空"},
		{"no subject", unifiedPath, order.with(fields{"subject": nil}), "商品标题不能为空"},
		{"no body", unifiedPath, order.with(fields{"body": nil}), "商品描述信息不能为空"},
		{"no clientIp", unifiedPath, order.with(fields{"clientIp": nil}), "客户端IP不能为空"},
		{"no custNo", unifiedPath, order.with(fields{"custNo": nil}), "客户编号不能为空"},
		{"no registerTime", cashierPath, order.with(fields{"registerTime": nil}), "客户注册时间不能为空"},
		{"missing comes before unknown merchant", unifiedPath, order.with(fields{"mchNo": "M0", "amount": nil}), "支付金额不能为空"},

		{"unknown merchant", unifiedPath, order.with(fields{"mchNo": "M0"}), p2pUnknownApp},
		{"unknown application", unifiedPath, order.with(fields{"appId": "a0"}), p2pUnknownApp},
		{"another's application", unifiedPath, order.with(fields{"appId": p2pOtherApp}), p2pOtherMerchants},
		{"unknown merchant comes before wrong sign", unifiedPath, order.with(fields{"mchNo": "M0", "sign": "00"}), p2pUnknownApp},

		{"wrong sign", unifiedPath, order.with(fields{"sign": strings.Repeat("0", 32)}), p2pBadSignature},
		{"signed over an unknown field", unifiedPath, order.with(fields{"divisionPlan": "x"}), p2pBadSignature},
		{"wrong sign comes before zero amount", unifiedPath, order.with(fields{"amount": 0, "sign": "00"}), p2pBadSignature},

		{"number used before", unifiedPath, order.with(fields{"mchOrderNo": "USED"}), "商户订单[USED]已存在"},
		{"number used before, other call", cashierPath, b.p2pOrder("USED").with(fields{"wayCode": nil, "clientIp": nil}), "商户订单[USED]已存在"},
		{"notifyUrl", unifiedPath, order.with(fields{"notifyUrl": "ftp://shop.example/"}), p2pBadNotifyURL},
		{"returnUrl", unifiedPath, order.with(fields{"returnUrl": "shop.example"}), p2pBadReturnURL},
		{"zero amount", unifiedPath, order.with(fields{"amount": 0}), p2pBadParameters},
		{"negative amount", unifiedPath, order.with(fields{"amount": -1}), p2pBadParameters},
		{"amount with fraction", unifiedPath, order.with(fields{"amount": "128.50"}), p2pBadParameters},
		{"long number", unifiedPath, order.with(fields{"mchOrderNo": strings.Repeat("9", 65)}), p2pBadParameters},
		{"long notifyUrl", unifiedPath, order.with(fields{"notifyUrl": "https://shop.example/" + strings.Repeat("a", 108)}), p2pBadParameters},
		{"unknown currency", unifiedPath, order.with(fields{"currency": "xqz"}), p2pBadParameters},
		{"IPv6", unifiedPath, order.with(fields{"clientIp": "2001:db8::1"}), p2pBadParameters},
		{"zero life", unifiedPath, order.with(fields{"expiredTime": 0}), p2pBadParameters},
		{"other signType", unifiedPath, order.with(fields{"signType": "SHA256"}), p2pBadParameters},
		{"odd reqTime", unifiedPath, order.with(fields{"reqTime": "20260301120000"}), p2pBadParameters},
		{"unknown wayCode", unifiedPath, order.with(fields{"wayCode": "ALI_FAX"}), p2pUnknownWay},
		{"wayCode not enabled", unifiedPath, order.with(fields{"wayCode": "DCEP_QR"}), p2pWayNotEnabled},
		{"another gateway's wayCode", unifiedPath, order.with(fields{"wayCode": "UP_QR"}), p2pWayNotEnabled},
		{"channelExtra is not JSON", unifiedPath, order.with(fields{"channelExtra": "payUrl"}), p2pBadParameters},
		{"payDataType not served", unifiedPath, order.with(fields{"channelExtra": `{"payDataType":"codeUrl"}`}), p2pBadParameters},
		{"no openid", unifiedPath, order.with(fields{"wayCode": "WX_JSAPI"}), p2pBadParameters},

		{"query without number", p2pQueryPath, fields{}, p2pNoNumber},
		{"query of nothing", p2pQueryPath, fields{"mchOrderNo": "NONE"}, p2pNotFound},
		{"payOrderId counts", p2pQueryPath, fields{"mchOrderNo": "USED", "payOrderId": "P0"}, p2pNotFound},
		{"close without number", closePath, fields{}, p2pNoNumberClose},
		{"close of nothing", closePath, fields{"mchOrderNo": "NONE"}, p2pNotFound},
		{"refund of nothing", p2pRefundPath, refundOf("NONE", "R1", 1), p2pNothingToGive},
		{"refund without number", p2pRefundPath, refundOf("", "R1", 1), p2pNoNumber},
		{"refund of unpaid", p2pRefundPath, refundOf("USED", "R1", 1), p2pNotRefundable},
		{"refund without reason", p2pRefundPath, refundOf("USED", "R1", 1).with(fields{"refundReason": nil}), "退款原因不能为空"},
		{"refund query without number", refundQueryPath, fields{}, p2pNoRefundNumber},
		{"refund query of nothing", refundQueryPath, fields{"mchRefundNo": "NONE"}, p2pNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := b.pass2Pay(test.path, test.body)
			if got.Code != 9999 || got.Msg != test.want || got.Data != nil {
				t.Errorf("%v: got %+v, want 9999 %s without data", test.body, got, test.want)
			}
			if last := b.Calls()[len(b.Calls())-1]; last.Reason == "" || strings.Contains(last.Reason, DemoAppSecret) {
				t.Errorf("last call: got reason %q, want one that holds no secret", last.Reason)
			}
		})
	}
	if got := len(b.Payments()); got != 1 {
		t.Errorf("payments after refusals: got %d, want 1", got)
	}
}

func refundOf(payment, number string, amount int) fields {
	return fields{
		"mchOrderNo": payment, "mchRefundNo": number, "refundAmount": amount, "currency": "cny",
		"refundReason": "one cup broken", "version": "1.0",
	}
}

// TestPass2PayTakesFormsAndOddities has requests that are no plain JSON and pass all the same.
func TestPass2PayTakesFormsAndOddities(t *testing.T) {
	b := newBench(t)
	const form = "application/x-www-form-urlencoded"
	encode := func(f fields) string {
		v := url.Values{}
		for name, value := range f {
			text, isText := value.(string)
			if !isText {
				text = toJSON(value)
			}
			v.Set(name, text)
		}
		return v.Encode()
	}
	oddAmount := p2pSigned(b.p2pOrder("ODD").with(fields{"amount": 100}))
	oddAmount["amount"] = "0100"
	unsignedExtra := p2pSigned(b.p2pOrder("EXTRA"))
	unsignedExtra["unknown"] = "not signed"
	object := b.p2pOrder("OBJECT").with(fields{"channelExtra": `{"payDataType":"form"}`})
	bracketed := p2pSigned(object.with(fields{"mchOrderNo": "BRACKET"}))
	delete(bracketed, "channelExtra")
	bracketed["channelExtra[payDataType]"] = "form"
	lower := p2pSigned(b.p2pOrder("LOWER"))
	lower["sign"] = strings.ToLower(lower["sign"].(string))
	tests := []struct{ name, contentType, body string }{
		{"form", form, encode(p2pSigned(b.p2pOrder("FORM")))},
		{"form with charset", form + "; charset=UTF-8", encode(p2pSigned(b.p2pOrder("CHARSET")))},
		{"repeated name, the last counts", form, "amount=1&" + encode(p2pSigned(b.p2pOrder("TWICE")))},
		{"brackets", form, encode(bracketed)},
		{"object as channelExtra", "application/json", strings.Replace(toJSON(p2pSigned(object)), `"{\"payDataType\":\"form\"}"`, `{"payDataType":"form"}`, 1)},
		{"number with leading zero", "application/json", toJSON(oddAmount)},
		{"unknown field that is not signed", "application/json", toJSON(unsignedExtra)},
		{"small sign", "application/json", toJSON(lower)},
		{"numbers as text", "application/json", toJSON(p2pSigned(b.p2pOrder("TEXT").with(fields{"amount": "12850", "expiredTime": "60"})))},
		{"times as numbers", "application/json", toJSON(p2pSigned(b.p2pOrder("TIMES").with(fields{"reqTime": 1772337600000, "registerTime": 1700000000000})))},
		{"version 1.0", "application/json", toJSON(p2pSigned(b.p2pOrder("V1").with(fields{"version": "1.0"})))},
		{"reqTime in seconds", "application/json", toJSON(p2pSigned(b.p2pOrder("SEC").with(fields{"reqTime": "1624005107"})))},
		{"null", "application/json", strings.TrimSuffix(toJSON(p2pSigned(b.p2pOrder("NULL"))), "}") + `,"extParam":null}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := b.send("POST", Pass2PayPath+unifiedPath, test.contentType, test.body)
			if got := openP2P(t, a.body); got.Code != 0 {
				t.Errorf("%s: got %+v (%s), want code 0", test.body, got, b.Calls()[len(b.Calls())-1].Reason)
			}
		})
	}
	if p, _ := b.Payment("ODD"); p.Amount != 100 {
		t.Errorf("amount of 0100: got %d, want 100", p.Amount)
	}
	get := b.send("GET", Pass2PayPath+p2pQueryPath+"?"+encode(p2pSigned(fields{"mchOrderNo": "FORM"})), "", "")
	if got := openP2P(t, get.body); got.text("mchOrderNo") != "FORM" {
		t.Errorf("query by GET: got %+v, want the payment", got)
	}
	if a := b.send("GET", Pass2PayPath+unifiedPath, "", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("create by GET: got status %d, want 405", a.status)
	}
	for _, body := range []string{`{"mchNo":`, `[]`, "\xff"} {
		a := b.send("POST", Pass2PayPath+unifiedPath, "application/json", body)
		if got := openP2P(t, a.body); got.Msg != p2pBadParameters {
			t.Errorf("%q: got %+v, want %s", body, got, p2pBadParameters)
		}
	}
	a := b.send("POST", Pass2PayPath+unifiedPath, "text/plain", toJSON(p2pSigned(b.p2pOrder("PLAIN"))))
	if got := openP2P(t, a.body); got.Msg != p2pBadParameters {
		t.Errorf("text/plain: got %+v, want %s", got, p2pBadParameters)
	}
}

func TestPass2PayWays(t *testing.T) {
	b := newBench(t)
	wallet, code, page, bridge, none := "/sandbox/wallet/", ".png", "<form ", "{", ""
	tests := []struct {
		way, extra string
		dataType   string
		data       string // what payData holds
		state      string
	}{
		{"ALI_WAP", "", "payUrl", wallet, "1"},
		{"ALI_WAP", `{"payDataType":"payurl"}`, "payUrl", wallet, "1"},
		{"ALI_WAP", `{"payDataType":"form"}`, "form", page, "1"},
		{"ALI_WAP", `{"payDataType":"codeImgUrl"}`, "codeImgUrl", code, "1"},
		{"ALI_QR", "", "codeUrl", wallet, "1"},
		{"ALI_QR", `{"payDataType":"codeImgUrl"}`, "codeImgUrl", code, "1"},
		{"ALI_PC", "", "payUrl", wallet, "1"},
		{"ALI_PC", `{"payDataType":"form"}`, "form", page, "1"},
		{"ALI_JSAPI", `{"buyerUserId":"2088"}`, "aliapp", bridge, "1"},
		{"ALI_APP", "", "aliapp", bridge, "1"},
		{"ALI_BAR", `{"authCode":"28"}`, "none", none, "2"},
		{"WX_NATIVE", "", "codeUrl", wallet, "1"},
		{"WX_NATIVE", `{"payDataType":"codeImgUrl"}`, "codeImgUrl", code, "1"},
		{"WX_H5", "", "payUrl", wallet, "1"},
		{"WX_JSAPI", `{"openid":"o1"}`, "wxapp", bridge, "1"},
		{"WX_LITE", `{"openid":"o1"}`, "wxapp", bridge, "1"},
		{"WX_APP", "", "wxapp", bridge, "1"},
		{"WX_BAR", `{"authCode":"13"}`, "none", none, "2"},
		{"QR_CASHIER", "", "codeUrl", wallet, "1"},
		{"WEB_CASHIER", "", "payUrl", wallet, "1"},
		{"CHANNEL_CASHIER", "", "payUrl", wallet, "1"},
	}
	tried := map[string]bool{}
	for _, test := range tests {
		t.Run(test.way+test.extra, func(t *testing.T) {
			tried[test.way] = true
			got := b.pass2Pay(unifiedPath, b.p2pOrder(newID()).with(fields{"wayCode": test.way, "channelExtra": test.extra}))
			if got.text("payDataType") != test.dataType || got.text("orderState") != test.state || !strings.Contains(got.text("payData"), test.data) {
				t.Errorf("got %+v, want %s with %q in state %s", got, test.dataType, test.data, test.state)
			}
		})
	}
	for name := range ways {
		if !tried[name] {
			t.Errorf("wayCode %s is not tried", name)
		}
	}
}

func TestPass2PayCashier(t *testing.T) {
	b := newBench(t)
	order := b.p2pOrder("C1").with(fields{"wayCode": nil, "subject": nil, "body": nil, "clientIp": nil, "expiredTime": 60})
	got := b.pass2Pay(cashierPath, order)
	if got.text("payDataType") != "payurl" || got.text("orderState") != "0" {
		t.Fatalf("create: got %+v, want payurl in state 0", got)
	}
	asked := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "C1"})
	if asked.text("payUrl") != got.text("payData") || asked.text("state") != "0" {
		t.Errorf("query: got %+v, want payUrl %s in state 0", asked, got.text("payData"))
	}
	p, _ := b.Payment("C1")
	if life := p.ExpiresAt.Sub(p.CreatedAt); life != 15*time.Minute {
		t.Errorf("life: got %s, want 15m, since 60 s is below the least", life)
	}
	if a := b.send("GET", strings.TrimPrefix(p.WalletURL, b.url), "", ""); a.status != http.StatusOK {
		t.Fatalf("cashier page: got status %d", a.status)
	}
	if got := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "C1"}).text("state"); got != "1" {
		t.Errorf("state once the buyer has opened the cashier: got %s, want 1", got)
	}
	pinned := order.with(fields{"mchOrderNo": "C2", "wayCode": "ALI_FAX"})
	if got := b.pass2Pay(cashierPath, pinned); got.Msg != p2pUnknownWay {
		t.Errorf("unknown wayCode: got %+v, want %s", got, p2pUnknownWay)
	}
}

func TestPass2PayCloseAndExpiry(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "CLOSED")
	got := b.pass2Pay(closePath, fields{"mchOrderNo": "CLOSED"})
	if got.Code != 0 || got.Data == nil || len(got.Data) != 0 {
		t.Fatalf("close: got %+v, want code 0 and empty data", got)
	}
	if got := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "CLOSED"}).text("state"); got != "6" {
		t.Errorf("state after close: got %s, want 6", got)
	}
	if got := b.pass2Pay(closePath, fields{"mchOrderNo": "CLOSED"}); got.Msg != p2pNotClosable {
		t.Errorf("second close: got %+v, want %s", got, p2pNotClosable)
	}
	b.shop.nothing(t)

	b.pass2Pay(unifiedPath, b.p2pOrder("EXPIRED").with(fields{"expiredTime": 1800}))
	b.create(Pass2Pay, "PAID")
	b.mustPay("PAID")
	b.shop.next(t)
	b.Advance(1800 * time.Second)
	if got := mustParseForm(t, b.shop.next(t).body); got.Get("state") != "6" || got.Get("mchOrderNo") != "EXPIRED" {
		t.Errorf("notification of expiry: got %v, want state 6", got)
	}
	if got := b.pass2Pay(closePath, fields{"mchOrderNo": "PAID"}); got.Msg != p2pNotClosable {
		t.Errorf("close of a paid one: got %+v, want %s", got, p2pNotClosable)
	}
	b.Advance(24 * time.Hour)
	if got := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "PAID"}).text("state"); got != "2" {
		t.Errorf("state of a paid one after its time: got %s, want 2", got)
	}
}

func TestPass2PayFailureIsNotified(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "P1")
	if _, err := b.Act("P1", Fail, NotifyBefore); err != nil {
		t.Fatal(err)
	}
	if got := mustParseForm(t, b.shop.next(t).body); got.Get("state") != "3" || got.Get("errCode") == "" {
		t.Errorf("notification: got %v, want state 3 and an errCode", got)
	}
}

func TestPass2PayRefunds(t *testing.T) {
	b := newBench(t)
	for _, number := range []string{"P1", "P2"} {
		b.create(Pass2Pay, number)
		b.mustPay(number)
		b.shop.next(t)
	}
	steps := []struct {
		payment, number string
		amount          int
		msg             string // SUCCESS, or the refusal
		state           string // of the payment afterwards
	}{
		{"P1", "R1", 12_851, p2pTooMuch, "2"},
		{"P1", "R1", 0, p2pBadParameters, "2"},
		{"P1", "R1", 2850, "SUCCESS", "2"},
		{"P1", "R1", 2850, "商户退款订单号[R1]已存在", "2"},
		{"P2", "R1", 2850, "商户退款订单号[R1]已存在", "2"},
		{"P1", "R2", 10_001, p2pTooMuch, "2"},
		{"P1", "R2", 10_000, "SUCCESS", "5"},
		{"P1", "R3", 1, p2pAllRefunded, "5"},
	}
	for i, step := range steps {
		got := b.pass2Pay(p2pRefundPath, refundOf(step.payment, step.number, step.amount))
		if got.Msg != step.msg {
			t.Errorf("step %d: got %+v, want %s", i, got, step.msg)
		}
		if step.msg == "SUCCESS" && (got.text("state") != "2" || got.text("payAmount") != "12850" || got.text("mchRefundNo") != step.number) {
			t.Errorf("step %d: got %+v, want a refund in state 2", i, got)
		}
		state := b.pass2Pay(p2pQueryPath, fields{"mchOrderNo": "P1"}).text("state")
		if state != step.state {
			t.Errorf("step %d: payment in state %s, want %s", i, state, step.state)
		}
	}
	other := refundOf("P2", "R4", 1).with(fields{"currency": "usd"})
	if got := b.pass2Pay(p2pRefundPath, other); got.Msg != p2pBadParameters {
		t.Errorf("refund in another currency: got %+v, want %s", got, p2pBadParameters)
	}
	want := Balance{Pass2Pay, "CNY", 25_700, 12_850, 12_850}
	if got := b.Ledger().Balances; len(got) != 1 || got[0] != want {
		t.Errorf("balances: got %+v, want %+v", got, want)
	}
}

func TestPass2PayRefundInProgress(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "P1")
	b.mustPay("P1")
	b.shop.next(t)
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultRefundPending, Times: 2})
	query := func(number string) p2pAnswer { return b.pass2Pay(refundQueryPath, fields{"mchRefundNo": number}) }
	withNotice := refundOf("P1", "R1", 100).with(fields{"notifyUrl": b.shop.url + "/refund", "extParam": "e"})
	started := b.pass2Pay(p2pRefundPath, withNotice)
	if started.text("state") != "1" {
		t.Fatalf("refund: got %+v, want state 1", started)
	}
	if got := b.pass2Pay(p2pRefundPath, refundOf("P1", "R2", 100)); got.Msg != p2pRefundRunning {
		t.Errorf("second refund: got %+v, want %s", got, p2pRefundRunning)
	}
	b.shop.nothing(t)

	if err := b.SettleRefund("R1", RefundSucceeded); err != nil {
		t.Fatal(err)
	}
	told := mustParseForm(t, b.shop.next(t).body)
	asked := query("R1")
	for name, want := range map[string]string{
		"refundOrderId": started.text("refundOrderId"), "mchRefundNo": "R1", "payAmount": "12850", "refundAmount": "100",
		"state": "2", "mchNo": DemoMchNo, "appId": DemoAppID, "currency": "cny", "extParam": "e",
		"createdAt": "1772337600000", "successTime": "1772337600000",
	} {
		if told.Get(name) != want || asked.text(name) != want {
			t.Errorf("%s: got %q in the notification and %q in the query, want %q", name, told.Get(name), asked.text(name), want)
		}
	}
	if got := b.pass2Pay(refundQueryPath, fields{"mchRefundNo": "nobody's", "refundOrderId": started.text("refundOrderId")}); got.text("mchRefundNo") != "R1" {
		t.Errorf("query by both numbers: got %+v, want refundOrderId to win", got)
	}

	b.pass2Pay(p2pRefundPath, refundOf("P1", "R2", 100))
	b.create(ScanForPay, "S1")
	b.mustPay("S1")
	b.set(Fault{Gateway: ScanForPay, Kind: FaultRefundPending, Times: 1})
	sameNumber := fields{"partnerOrderNo": "S1", "refundNo": "R2", "orderAmount": 1}
	b.scanForPay("/api/common/refund", sameNumber)
	b.Advance(refundLife)
	if got := b.scanForPay("/api/common/refund", sameNumber).Body["status"]; got != 0.0 {
		t.Errorf("the other gateway's refund of the same number: got status %v, want 0", got)
	}
	if got := query("R2").text("state"); got != "4" {
		t.Errorf("refund without result after two hours: got state %s, want 4", got)
	}
	if err := b.settleRefund(Pass2Pay, "R2", RefundSucceeded); err != ErrState {
		t.Errorf("settling it then: got error %v, want %v", err, ErrState)
	}
}

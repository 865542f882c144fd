package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// query asks for a payment at either gateway and returns the answer as it is.
func (b *bench) query(g Gateway, number string) answer {
	if g == ScanForPay {
		return b.send("POST", ScanForPayPath+"/api/common/payQuery", "application/json", sfpRequest(nil, fields{"partnerOrderNo": number}))
	}
	return b.send("POST", Pass2PayPath+p2pQueryPath, "application/json", toJSON(p2pSigned(fields{"mchOrderNo": number})))
}

// order creates a payment at either gateway and returns the answer as it is.
func (b *bench) order(g Gateway, number string) answer {
	if g == ScanForPay {
		return b.send("POST", ScanForPayPath+"/api/online/create", "application/json", sfpRequest(nil, b.sfpOrder(number)))
	}
	return b.send("POST", Pass2PayPath+unifiedPath, "application/json", toJSON(p2pSigned(b.p2pOrder(number))))
}

// TestTransportFaults has what can happen to a create call and its answer: whether the payment
// exists afterwards, and what the client sees.
func TestTransportFaults(t *testing.T) {
	broken := func(a answer) bool { return a.err != nil }
	status := func(want int) func(answer) bool {
		return func(a answer) bool { return a.err == nil && a.status == want }
	}
	tests := []struct {
		fault Fault
		done  bool
		seen  func(answer) bool
	}{
		{Fault{Kind: FaultReset}, false, broken},
		{Fault{Kind: FaultHTTP500}, false, status(500)},
		{Fault{Kind: FaultHTTP429}, false, status(429)},
		{Fault{Kind: FaultHTTP404}, false, status(404)},
		{Fault{Kind: FaultDelay, Value: "1ms"}, true, func(a answer) bool { return json.Valid([]byte(a.body)) }},
		{Fault{Kind: FaultLost}, true, broken},
		{Fault{Kind: FaultHTTP500Done}, true, status(500)},
		{Fault{Kind: FaultTruncated}, true, func(a answer) bool {
			return a.err == nil && a.status == 200 && a.body != "" && !json.Valid([]byte(a.body))
		}},
		{Fault{Kind: FaultBrokenOff}, true, broken},
		{Fault{Kind: FaultEmpty}, true, func(a answer) bool { return a.err == nil && a.status == 200 && a.body == "" }},
		{Fault{Kind: FaultHTML}, true, func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "<!doctype html>") }},
		{Fault{Kind: FaultHuge}, true, func(a answer) bool { return len(a.body) > 10<<20 }},
		{Fault{Kind: FaultRedirect, Value: "https://elsewhere.example/"}, true, func(a answer) bool {
			return a.status == 302 && a.header.Get("Location") == "https://elsewhere.example/"
		}},
	}
	for _, g := range bothGateways {
		b := newBench(t)
		for i, test := range tests {
			test.fault.Gateway, test.fault.Operation, test.fault.Times = g, OpCreate, 1
			number := "N" + string(rune('A'+i))
			b.set(test.fault)
			a := b.order(g, number)
			if !test.seen(a) {
				t.Errorf("%s: %s: got status %d, error %v, body %.200q", g, test.fault.Kind, a.status, a.err, a.body)
			}
			if _, err := b.Payment(number); (err == nil) != test.done {
				t.Errorf("%s: %s: payment exists: %t, want %t", g, test.fault.Kind, err == nil, test.done)
			}
			calls := b.Calls()
			if last := calls[len(calls)-1]; len(last.Faults) != 1 || !strings.HasPrefix(last.Faults[0], string(test.fault.Kind)) {
				t.Errorf("%s: %s: the list of calls names the faults %v", g, test.fault.Kind, last.Faults)
			}
			if left := b.Faults(); len(left) != 0 {
				t.Errorf("%s: faults left after %s: %v", g, test.fault.Kind, left)
			}
		}
	}
}

func TestDelayEndsWithTheCaller(t *testing.T) {
	b := newBench(t)
	b.set(Fault{Gateway: ScanForPay, Kind: FaultDelay, Value: "1h"})
	req, _ := http.NewRequest("POST", b.url+ScanForPayPath+"/api/online/create", strings.NewReader(sfpRequest(nil, b.sfpOrder("S1"))))
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: 100 * time.Millisecond}
	if _, err := client.Do(req); err == nil {
		t.Error("delayed answer came at once")
	}
	if _, err := b.Payment("S1"); err != nil {
		t.Errorf("payment whose answer is late: got error %v, want it to exist", err)
	}
}

func TestCodeFaults(t *testing.T) {
	b := newBench(t)
	for code, words := range sfpWords {
		if code == sfpSuccess {
			continue
		}
		b.set(Fault{Gateway: ScanForPay, Kind: FaultCode, Value: toJSON(code), Times: 1})
		if got := openSFP(t, b.order(ScanForPay, "S1").body).Body; got["code"] != float64(code) || got["msg"] != words {
			t.Errorf("code %d: got %v, want %q", code, got, words)
		}
	}
	tests := []struct {
		value string
		code  int
		msg   string
	}{
		{"10", 10, p2pSystem}, {"11", 11, "参数有误"}, {"12", 12, "数据库服务异常"}, {"9999", 9999, p2pSystem},
		{"9999 商户信息不存在或商户状态不可用", 9999, "商户信息不存在或商户状态不可用"},
		{"9999 商户应用不存在或应用状态不可用", 9999, "商户应用不存在或应用状态不可用"},
	}
	for _, test := range tests {
		b.set(Fault{Gateway: Pass2Pay, Kind: FaultCode, Value: test.value, Times: 1})
		if got := openP2P(t, b.order(Pass2Pay, "P1").body); got.Code != test.code || got.Msg != test.msg || got.Data != nil {
			t.Errorf("code %s: got %+v, want %d %s", test.value, got, test.code, test.msg)
		}
	}
	if got := len(b.Payments()); got != 0 {
		t.Fatalf("payments after refusals: got %d, want none", got)
	}
	for _, g := range bothGateways {
		b.set(Fault{Gateway: g, Kind: FaultCodeDone, Value: "9", Times: 1})
		if a := b.order(g, "DONE"+string(g)); !strings.Contains(a.body, `"code":9,`) {
			t.Errorf("%s: got %s, want code 9", g, a.body)
		}
		if _, err := b.Payment("DONE" + string(g)); err != nil {
			t.Errorf("%s: payment: got error %v, want it to exist", g, err)
		}
	}
}

// TestMessageFaults changes the answer to a query, and says how it must differ from the honest one.
func TestMessageFaults(t *testing.T) {
	type change struct{ from, to string }
	tests := []struct {
		fault      Fault
		scanForPay []change // replaced in the honest answer, and signed afterwards
		pass2Pay   []change
	}{
		{Fault{Kind: FaultWrongAmount}, []change{{`"orderAmount":12850`, `"orderAmount":12851`}}, []change{{`"amount":12850`, `"amount":12851`}}},
		{Fault{Kind: FaultWrongCurrency, Value: "HKD"}, []change{{`"currency":"CNY"`, `"currency":"HKD"`}}, []change{{`"currency":"cny"`, `"currency":"HKD"`}}},
		{Fault{Kind: FaultWrongMerchant}, []change{{`"partnerNo":"10086"`, `"partnerNo":"M0000000000"`}}, []change{{`"mchNo":"M1700000001"`, `"mchNo":"M0000000000"`}}},
		{Fault{Kind: FaultWrongNumber}, []change{{`"partnerOrderNo":"N1"`, `"partnerOrderNo":"SOMEBODYELSES1"`}}, []change{{`"mchOrderNo":"N1"`, `"mchOrderNo":"SOMEBODYELSES1"`}}},
		{Fault{Kind: FaultStatus, Value: "77"}, []change{{`"status":1`, `"status":77`}}, []change{{`"state":2`, `"state":77`}}},
		{Fault{Kind: FaultNumbersAsStrings}, []change{{`"code":1`, `"code":"1"`}, {`"orderAmount":12850`, `"orderAmount":"12850"`}, {`"status":1`, `"status":"1"`}},
			[]change{{`"amount":12850`, `"amount":"12850"`}, {`"state":2`, `"state":"2"`}, {`"createdAt":1772337600000`, `"createdAt":"1772337600000"`}, {`"successTime":1772337600000`, `"successTime":"1772337600000"`}}},
		{Fault{Kind: FaultExtraFields}, []change{{`"buyerId":"208********012"`, `"buyerId":"208********012","extraText":"文档之外","extraNumber":7`}},
			[]change{{`"successTime":1772337600000`, `"successTime":1772337600000,"extraText":"文档之外","extraNumber":7`}}},
	}
	for _, g := range bothGateways {
		b := newBench(t)
		b.create(g, "N1")
		b.mustPay("N1")
		honest := unsigned(t, g, b.query(g, "N1").body)
		for _, test := range tests {
			test.fault.Gateway, test.fault.Operation, test.fault.Times = g, OpQuery, 1
			b.set(test.fault)
			want, changes := honest, test.scanForPay
			if g == Pass2Pay {
				changes = test.pass2Pay
			}
			for _, c := range changes {
				want = strings.Replace(want, c.from, c.to, 1)
			}
			got := unsigned(t, g, b.query(g, "N1").body) // the signature fits what is said
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", g, test.fault.Kind, diff)
			}
		}
		if got := unsigned(t, g, b.query(g, "N1").body); got != honest {
			t.Errorf("%s: answer after all faults: got %s, want %s", g, got, honest)
		}
	}
}

// verify fails the test unless the answer's signature is right.
func verify(t *testing.T, g Gateway, body string) {
	t.Helper()
	if g == ScanForPay {
		openSFP(t, body)
		return
	}
	openP2P(t, body)
}

// unsigned checks the signature of an answer and returns what it says, without what is new in
// every answer.
func unsigned(t *testing.T, g Gateway, body string) string {
	t.Helper()
	if g == Pass2Pay {
		openP2P(t, body)
		return body[:strings.LastIndex(body, `,"sign":`)]
	}
	id, _ := openSFP(t, body).Header["reqMsgId"].(string)
	return strings.Replace(body[:strings.LastIndex(body, `,"signature":`)], id, "", 1)
}

func TestSignatureFaults(t *testing.T) {
	for _, g := range bothGateways {
		b := newBench(t)
		b.create(g, "N1")
		name := map[Gateway]string{ScanForPay: "signature", Pass2Pay: "sign"}[g]
		signature := func(kind FaultKind) (text, sign string, present bool) {
			b.set(Fault{Gateway: g, Kind: kind, Operation: OpQuery, Times: 1})
			body := b.query(g, "N1").body
			var o object
			if err := json.Unmarshal([]byte(body), &o); err != nil {
				t.Fatal(err)
			}
			_, present = o[name]
			return string(o["response"]), textOf(o[name]), present
		}
		right := func(text string) string {
			if g == ScanForPay {
				return signScanForPay([]byte(text), DemoSignKey)
			}
			return openP2P(t, b.query(g, "N1").body).Sign
		}
		if _, _, present := signature(FaultMissingSignature); present {
			t.Errorf("%s: signature is there, want none", g)
		}
		if text, got, _ := signature(FaultWrongSignature); got == right(text) || len(got) != len(right(text)) {
			t.Errorf("%s: signature %q, want a wrong one of the same length as %q", g, got, right(text))
		}
		if text, got, _ := signature(FaultSignatureCase); got == right(text) || !strings.EqualFold(got, right(text)) {
			t.Errorf("%s: signature %q, want %q in the other letter case", g, got, right(text))
		}
	}
}

// TestStyleFaults: the same content in other bytes, signed as sent.
func TestStyleFaults(t *testing.T) {
	for _, g := range bothGateways {
		b := newBench(t)
		b.set(Fault{Gateway: g, Kind: FaultPrettyPrinted, Times: 1})
		a := b.order(g, "PRETTY")
		if !strings.Contains(a.body, "{\n  \"") {
			t.Errorf("%s: got %s, want it indented", g, a.body)
		}
		verify(t, g, a.body)
		b.set(Fault{Gateway: g, Kind: FaultEscapedSlashes, Times: 1})
		a = b.order(g, "SLASHES")
		if !strings.Contains(a.body, `http:\/\/`) {
			t.Errorf("%s: got %s, want escaped slashes", g, a.body)
		}
		verify(t, g, a.body)
	}
	b := newBench(t)
	b.set(Fault{Gateway: ScanForPay, Kind: FaultSpacedKeys})
	if got := openSFP(t, b.order(ScanForPay, "S1").body).Body; got[" payUrl "] == nil || got["payUrl"] != nil {
		t.Errorf("create: got %v, want a spaced payUrl", got)
	}
	b.mustPay("S1")
	refund := fields{"partnerOrderNo": "S1", "refundNo": "R1", "orderAmount": 1}
	if got := b.scanForPay("/api/common/refund", refund).Body; got[" refundNo "] != "R1" {
		t.Errorf("refund: got %v, want a spaced refundNo", got)
	}
}

func TestCreateFaults(t *testing.T) {
	b := newBench(t)
	for _, g := range bothGateways {
		b.set(Fault{Gateway: g, Kind: FaultPayURL, Times: 1})
		if a := b.order(g, "URL"+string(g)); !strings.Contains(a.body, `"https://phishing.example/pay"`) {
			t.Errorf("%s: got %s, want the buyer sent elsewhere", g, a.body)
		}
	}
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultPayDataType, Value: "payurl", Times: 1})
	if got := openP2P(t, b.order(Pass2Pay, "P1").body).text("payDataType"); got != "payurl" {
		t.Errorf("payDataType: got %s, want payurl", got)
	}
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultCreateFailed, Times: 1})
	got := openP2P(t, b.order(Pass2Pay, "P2").body)
	if got.Code != 0 || got.text("orderState") != "3" || got.text("errCode") == "" || got.Data["payData"] != nil {
		t.Errorf("create that fails: got %+v, want code 0, orderState 3 and no payData", got)
	}
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultTraceID, Times: 1})
	if got := openP2P(t, b.order(Pass2Pay, "P3").body); got.TraceID == "" {
		t.Errorf("got %+v, want a traceId", got)
	}
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultObjectMember, Times: 1})
	if a := b.order(Pass2Pay, "P4"); !strings.Contains(a.body, `"payOrderInfo":{"state":1,"amount":1}`) {
		t.Errorf("got %s, want an object in data", a.body)
	}
}

func TestStrictFault(t *testing.T) {
	b := newBench(t)
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultStrict})
	b.set(Fault{Gateway: ScanForPay, Kind: FaultStrict})
	order := b.p2pOrder("P1")
	for _, change := range []fields{
		{"version": "1.0"}, {"reqTime": "1772337600"}, {"clientIp": "192.168.1.2"}, {"subject": "tea"}, {"body": "1"}, {"registerTime": "3333333333333333"},
	} {
		if got := b.pass2Pay(unifiedPath, order.with(change)); got.Msg != p2pBadParameters {
			t.Errorf("Pass2Pay with %v: got %+v, want %s", change, got, p2pBadParameters)
		}
	}
	if got := b.pass2Pay(unifiedPath, order); got.Code != 0 {
		t.Errorf("Pass2Pay as documented: got %+v, want code 0", got)
	}
	for _, header := range []fields{{"reqTime": nil}, {"reqMsgId": ""}, {"reqMsgId": "fd03f269-3180-4575-8af0-8f6cf324fb0f"}} {
		a := b.send("POST", ScanForPayPath+"/api/online/create", "application/json", sfpRequest(header, b.sfpOrder("S1")))
		if got := openSFP(t, a.body).Body["code"]; got != 4.0 {
			t.Errorf("ScanForPay with %v: got code %v, want 4", header, got)
		}
	}
	if got := b.scanForPay("/api/online/create", b.sfpOrder("S1")).Body["code"]; got != 1.0 {
		t.Errorf("ScanForPay as documented: got code %v, want 1", got)
	}
}

func TestMoneyFaults(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "P1")
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultCloseLoses, Times: 1})
	if got := b.pass2Pay(closePath, fields{"mchOrderNo": "P1"}); got.Msg != p2pNotClosable {
		t.Errorf("close that loses: got %+v, want %s", got, p2pNotClosable)
	}
	if p, _ := b.Payment("P1"); p.State != Paid {
		t.Errorf("payment whose close lost: got %s, want paid", p.State)
	}

	for _, g := range bothGateways {
		number := "LATE" + string(g)
		b.create(g, number)
		if _, err := b.Act(number, Expire, NotifyNever); err != nil {
			t.Fatal(err)
		}
		b.set(Fault{Gateway: g, Kind: FaultLatePayment, Times: 1})
		p, _ := b.Payment(number)
		if page := b.visit(p.WalletURL, "", "en").body; !strings.Contains(page, `value="pay"`) {
			t.Errorf("%s: the wallet does not offer to pay what is closed", g)
		}
		if p := b.mustPay(number); p.State != Paid {
			t.Errorf("%s: late payment: got %s, want paid", g, p.State)
		}
		if n := b.shop.next(t); !strings.Contains(n.body, number) {
			t.Errorf("%s: notification: got %s, want one about %s", g, n.body, number)
		}
	}

	b.set(Fault{Gateway: Pass2Pay, Kind: FaultRefundFails, Times: 1})
	if got := b.pass2Pay(p2pRefundPath, refundOf("P1", "R1", 1)); got.text("state") != "3" || got.text("errCode") == "" {
		t.Errorf("refund that fails: got %+v, want state 3", got)
	}
	b.create(ScanForPay, "S1")
	b.mustPay("S1")
	b.scanForPay("/api/common/refund", fields{"partnerOrderNo": "S1", "refundNo": "R1", "orderAmount": 1})
	b.set(Fault{Gateway: ScanForPay, Kind: FaultPartialAs3, Times: 1})
	if got := openSFP(t, b.query(ScanForPay, "S1").body).Body["status"]; got != 3.0 {
		t.Errorf("partial refund with the fault: got status %v, want 3", got)
	}
	if got := openSFP(t, b.query(ScanForPay, "S1").body).Body["status"]; got != 1.0 {
		t.Errorf("partial refund: got status %v, want 1", got)
	}
}

func TestNotificationFaults(t *testing.T) {
	state := func(t *testing.T, g Gateway, n notification) string {
		if g == ScanForPay {
			return toJSON(openSFP(t, n.body).Body["status"])
		}
		return mustParseForm(t, n.body).Get("state")
	}
	for _, g := range bothGateways {
		b := newBench(t)
		b.set(Fault{Gateway: g, Kind: FaultNotifyNever, Times: 1})
		b.create(g, "NEVER")
		b.mustPay("NEVER")
		b.shop.nothing(t)

		b.set(Fault{Gateway: g, Kind: FaultNotifyTwice, Times: 1})
		b.create(g, "TWICE")
		b.mustPay("TWICE")
		if first, second := b.shop.next(t), b.shop.next(t); first != second {
			t.Errorf("%s: twice: got %v and %v", g, first, second)
		}

		b.set(Fault{Gateway: g, Kind: FaultNotifyDelayed, Value: "5m", Times: 1})
		b.create(g, "DELAYED")
		b.mustPay("DELAYED")
		b.shop.nothing(t)
		b.Advance(5 * time.Minute)
		b.shop.next(t)

		b.set(Fault{Gateway: g, Kind: FaultNotifyStates, Value: "6,2,3", Times: 1})
		b.create(g, "STATES")
		b.mustPay("STATES")
		for _, want := range []string{"6", "2", "3"} {
			if got := state(t, g, b.shop.next(t)); got != want {
				t.Errorf("%s: state: got %s, want %s", g, got, want)
			}
		}

		b.set(Fault{Gateway: g, Kind: FaultNotifyFirst, Times: 1})
		b.shop.received = make(chan notification, 10)
		b.create(g, "FIRST")
		select {
		case <-b.shop.received:
		default:
			t.Errorf("%s: create was answered before the notification came", g)
		}
	}
}

// TestDistortedNotification: one attempt is distorted, its repeat is honest.
func TestDistortedNotification(t *testing.T) {
	b := newBench(t)
	b.shop.replies <- "sign fail"
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultWrongAmount, Operation: OpNotify, Times: 1})
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultWrongSignature, Operation: OpNotify, Times: 1})
	b.create(Pass2Pay, "P1")
	b.mustPay("P1")
	bad := mustParseForm(t, b.shop.next(t).body)
	b.nextAttempt(30 * time.Second)
	good := mustParseForm(t, b.shop.next(t).body)
	valid := func(form url.Values) bool {
		params := map[string]string{}
		for name := range form {
			params[name] = form.Get(name)
		}
		return form.Get("sign") == signPass2Pay(params, DemoAppSecret)
	}
	if bad.Get("amount") != "12851" || valid(bad) {
		t.Errorf("first attempt: got %v, want amount 12851 and a wrong sign", bad)
	}
	if good.Get("amount") != "12850" || !valid(good) {
		t.Errorf("repeat: got %v, want amount 12850 and the right sign", good)
	}
}

func TestFaultsAreCountedReplacedAndCleared(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	b.set(Fault{Gateway: ScanForPay, Kind: FaultStatus, Value: "8"})
	b.set(Fault{Gateway: ScanForPay, Kind: FaultStatus, Value: "9", Times: 2}) // replaces it
	for i, want := range []float64{9, 9, 0} {
		if got := openSFP(t, b.query(ScanForPay, "S1").body).Body["status"]; got != want {
			t.Errorf("query %d: got status %v, want %v", i, got, want)
		}
	}
	b.set(Fault{Gateway: ScanForPay, Kind: FaultEmpty, Operation: OpCreate})
	b.set(Fault{Gateway: ScanForPay, Kind: FaultEmpty, Operation: OpQuery})
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultEmpty})
	b.ClearFaults(Fault{Gateway: ScanForPay, Operation: OpQuery})
	want := []Fault{{Gateway: ScanForPay, Kind: FaultEmpty, Operation: OpCreate}, {Gateway: Pass2Pay, Kind: FaultEmpty}}
	if diff := cmp.Diff(want, b.Faults()); diff != "" {
		t.Errorf("faults after clearing one (-want +got):\n%s", diff)
	}
	b.ClearFaults(Fault{})
	if got := b.Faults(); len(got) != 0 {
		t.Errorf("faults after clearing all: got %v", got)
	}
}

func TestFaultsThatCannotBe(t *testing.T) {
	b := newBench(t)
	for _, f := range []Fault{
		{},
		{Gateway: ScanForPay, Kind: "rain"},
		{Kind: FaultEmpty},
		{Gateway: "thirdpay", Kind: FaultEmpty},
		{Gateway: ScanForPay, Kind: FaultTraceID},
		{Gateway: Pass2Pay, Kind: FaultSpacedKeys},
		{Gateway: ScanForPay, Kind: FaultEmpty, Operation: OpNotify},
		{Gateway: ScanForPay, Kind: FaultEmpty, Operation: OpClose},
		{Gateway: ScanForPay, Kind: FaultEmpty, Times: -1},
		{Gateway: ScanForPay, Kind: FaultDelay, Value: "soon"},
		{Gateway: ScanForPay, Kind: FaultCode, Value: "nine"},
		{Gateway: ScanForPay, Kind: FaultStatus, Value: "paid"},
		{Gateway: ScanForPay, Kind: FaultNotifyStates, Value: "1;2"},
	} {
		if err := b.SetFault(f); err == nil {
			t.Errorf("%+v: got no error", f)
		}
	}
	if got := b.Faults(); len(got) != 0 {
		t.Errorf("faults: got %v, want none", got)
	}
	for _, rule := range faultRules {
		for _, g := range rule.gateways {
			if err := b.SetFault(Fault{Gateway: g, Kind: rule.kind}); err != nil {
				t.Errorf("%s with its own value: %v", rule.kind, err)
			}
		}
	}
}

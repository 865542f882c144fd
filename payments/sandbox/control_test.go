package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// api calls the control API and reads the answer into a value.
func (b *bench) api(method, path, body string, status int, into any) {
	b.t.Helper()
	a := b.send(method, "/sandbox/api/"+path, "application/json", body)
	if a.err != nil || a.status != status {
		b.t.Fatalf("%s %s %s: got status %d and %s, want %d", method, path, body, a.status, a.body, status)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			b.t.Fatalf("%s %s: cannot read %s: %v", method, path, a.body, err)
		}
	}
}

func TestControlAPI(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	b.create(Pass2Pay, "P1")

	var p Payment
	b.api("POST", "payments/S1/pay", "", http.StatusOK, &p)
	if p.State != Paid || p.Number != "S1" {
		t.Errorf("pay: got %+v, want S1 paid", p)
	}
	b.shop.next(t) // it has come before the answer
	b.api("POST", "payments/P1/fail?notify=never", "", http.StatusOK, &p)
	b.shop.nothing(t)
	b.api("POST", "payments/S1/pay", "", http.StatusConflict, nil)
	b.api("POST", "payments/S1/dance", "", http.StatusBadRequest, nil)
	b.api("POST", "payments/P1/pay?notify=sometimes", "", http.StatusBadRequest, nil)
	b.api("POST", "payments/S9/pay", "", http.StatusNotFound, nil)
	b.api("GET", "payments/S9", "", http.StatusNotFound, nil)

	var list struct{ Payments []Payment }
	b.api("GET", "payments", "", http.StatusOK, &list)
	if diff := cmp.Diff(b.Payments(), list.Payments); diff != "" {
		t.Errorf("payments (-want +got):\n%s", diff)
	}

	var sent struct{ Deliveries []Delivery }
	b.api("POST", "payments/S1/notify", `{"times":3}`, http.StatusOK, &sent)
	if len(sent.Deliveries) != 3 || !sent.Deliveries[2].Acknowledged {
		t.Errorf("resend: got %+v, want three acknowledged", sent)
	}
	b.api("POST", "payments/S1/notify", "", http.StatusOK, &sent)
	if len(sent.Deliveries) != 1 {
		t.Errorf("resend without a body: got %d, want one", len(sent.Deliveries))
	}
	b.api("POST", "payments/S1/notify", `{"times":0}`, http.StatusBadRequest, nil)
	b.api("POST", "payments/S1/notify", `{"times":100000}`, http.StatusBadRequest, nil)

	b.set(Fault{Gateway: ScanForPay, Kind: FaultRefundPending, Times: 1})
	b.scanForPay("/api/common/refund", fields{"partnerOrderNo": "S1", "refundNo": "R1", "orderAmount": 50})
	b.api("POST", "refunds/R1/dance", "", http.StatusBadRequest, nil)
	b.api("POST", "refunds/R1/succeed", "", http.StatusOK, nil)
	b.api("POST", "refunds/R1/succeed", "", http.StatusConflict, nil)
	b.api("POST", "refunds/R9/succeed", "", http.StatusNotFound, nil)

	var ledger Ledger
	b.api("GET", "ledger", "", http.StatusOK, &ledger)
	want := Ledger{
		Receipts: []Entry{{Gateway: ScanForPay, Number: "S1", Amount: 12850, Currency: "CNY", At: noon}},
		Refunds:  []Entry{{Gateway: ScanForPay, Number: "S1", Refund: "R1", Amount: 50, Currency: "CNY", At: noon}},
		Balances: []Balance{{ScanForPay, "CNY", 12850, 50, 12800}},
	}
	if diff := cmp.Diff(want, ledger); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}

	var calls struct{ Calls []Call }
	b.api("GET", "calls", "", http.StatusOK, &calls)
	if len(calls.Calls) != len(b.Calls()) || calls.Calls[0].Operation != OpCreate || calls.Calls[0].Verdict != "1" || calls.Calls[0].Number != "S1" {
		t.Errorf("calls: got %+v, want the first to be S1's create", calls.Calls)
	}
}

func TestControlAPIFaults(t *testing.T) {
	b := newBench(t)
	var list struct{ Faults []Fault }
	b.api("PUT", "faults", `{"gateway":"scanforpay","fault":"wrong_signature","times":1}`, http.StatusOK, &list)
	b.api("PUT", "faults", `{"gateway":"pass2pay","fault":"delay","operation":"create"}`, http.StatusOK, &list)
	want := []Fault{
		{Gateway: ScanForPay, Kind: FaultWrongSignature, Times: 1},
		{Gateway: Pass2Pay, Kind: FaultDelay, Operation: OpCreate, Value: "10s"},
	}
	if diff := cmp.Diff(want, list.Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	b.api("PUT", "faults", `{"gateway":"scanforpay","fault":"rain"}`, http.StatusBadRequest, nil)
	b.api("PUT", "faults", `{"gateway":"scanforpay","fault":"empty","time":1}`, http.StatusBadRequest, nil)
	b.api("PUT", "faults", `{`, http.StatusBadRequest, nil)
	list.Faults = nil
	b.api("DELETE", "faults?gateway=scanforpay", "", http.StatusOK, &list)
	if diff := cmp.Diff(want[1:], list.Faults); diff != "" {
		t.Errorf("faults after clearing one gateway's (-want +got):\n%s", diff)
	}
	b.api("DELETE", "faults", "", http.StatusOK, &list)
	if len(list.Faults) != 0 {
		t.Errorf("faults after clearing all: got %v", list.Faults)
	}
}

func TestControlAPIClock(t *testing.T) {
	b := newBench(t)
	var shown struct{ Now time.Time }
	b.api("POST", "clock", `{"advance":"2h","speed":60}`, http.StatusOK, &shown)
	if want := noon.Add(2 * time.Hour); !shown.Now.Equal(want) || b.clock.rate() != 60 {
		t.Errorf("clock: got %s at speed %g, want %s at 60", shown.Now, b.clock.rate(), want)
	}
	b.api("POST", "clock", `{"advance":"tomorrow"}`, http.StatusBadRequest, nil)
	b.api("POST", "clock", `{"advance":"-2h"}`, http.StatusBadRequest, nil)
	b.api("POST", "clock", `{"speed":-1}`, http.StatusBadRequest, nil)
}

func TestControlPage(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	b.scanForPay("/api/online/create", b.sfpOrder("S2").with(fields{"currency": "USD"}))
	b.scanForPay("/api/online/create", b.sfpOrder("<i>").with(fields{"wallet": "<b>"}))
	b.set(Fault{Gateway: Pass2Pay, Kind: FaultNotifyNever, Times: 3})
	p, _ := b.Payment("S1")
	for language, words := range map[string][]string{
		"en": {"Sandbox control", "CN¥128.50", "Waiting for payment", "No notification", "3 times left", "wrong_signature",
			"currency &#34;USD&#34; is not one of the merchant&#39;s", "&lt;b&gt;", `href="/sandbox/wallet/` + p.ID,
			b.url + ScanForPayPath, b.url + Pass2PayPath, DemoSignKey},
		"zh-CN": {"沙箱控制台", "待支付", "不发送通知"},
	} {
		a := b.visit(b.url+"/sandbox", "", language)
		for _, want := range words {
			if a.status != http.StatusOK || !strings.Contains(a.body, want) {
				t.Errorf("control page in %s: status %d, %q is not on it", language, a.status, want)
			}
		}
		if strings.Contains(a.body, "<b>") {
			t.Errorf("control page in %s: what a client sent comes back raw", language)
		}
	}
}

func TestControlForms(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	post := func(path string, form url.Values, status int) answer {
		a := b.send("POST", path, "application/x-www-form-urlencoded", form.Encode())
		if a.status != status {
			t.Errorf("%s %v: got status %d, want %d", path, form, a.status, status)
		}
		return a
	}
	post("/sandbox/faults", url.Values{"gateway": {"scanforpay"}, "fault": {"empty"}, "operation": {"query"}, "times": {"2"}}, http.StatusSeeOther)
	want := []Fault{{Gateway: ScanForPay, Kind: FaultEmpty, Operation: OpQuery, Times: 2}}
	if diff := cmp.Diff(want, b.Faults()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	refused := post("/sandbox/faults", url.Values{"gateway": {"scanforpay"}, "fault": {"trace_id"}}, http.StatusBadRequest)
	if !strings.Contains(refused.body, "has no fault") || !strings.Contains(refused.body, `<option value="trace_id" selected>`) {
		t.Errorf("refused fault: the page does not say why, or forgets what was chosen")
	}
	post("/sandbox/faults/clear", url.Values{"gateway": {"scanforpay"}, "fault": {"empty"}}, http.StatusSeeOther)
	if got := b.Faults(); len(got) != 0 {
		t.Errorf("faults after clearing: got %v", got)
	}
	post("/sandbox/clock", url.Values{"advance": {"1h"}, "speed": {"5"}}, http.StatusSeeOther)
	if got := b.clock.now(); !got.Equal(noon.Add(time.Hour)) || b.clock.rate() != 5 {
		t.Errorf("clock: got %s at speed %g", got, b.clock.rate())
	}
	post("/sandbox/clock", url.Values{"advance": {"soon"}}, http.StatusBadRequest)
	post("/sandbox/payments/S1/pay", nil, http.StatusSeeOther)
	b.shop.next(t)
	post("/sandbox/payments/S1/notify", nil, http.StatusSeeOther)
	b.shop.next(t)
	post("/sandbox/payments/S1/pay", nil, http.StatusConflict)
}

func TestKeysAreNotShown(t *testing.T) {
	const signKey, secret = "a-key-that-is-not-published-0001", "a-secret-that-is-not-published-1"
	s := New(Config{PublicURL: "http://localhost", ScanForPay: ScanForPayAccount{SignKey: signKey}, Pass2Pay: Pass2PayAccount{AppSecret: secret}})
	defer s.Close()
	for _, a := range s.accounts() {
		for _, v := range a.Values {
			if v.Value == signKey || v.Value == secret {
				t.Errorf("%s shows %s", a.Name, v.Name)
			}
		}
	}
}

func TestCallsAreBounded(t *testing.T) {
	b := newBench(t)
	for i := range rememberedCalls + 5 {
		c := b.begin(ScanForPay, OpQuery)
		c.Number = fmt.Sprint(i)
		c.record([]byte(strings.Repeat("茶", keptBytes)), nil)
	}
	calls := b.Calls()
	first, last := calls[0], calls[len(calls)-1]
	if len(calls) != rememberedCalls || first.Number != "5" || last.Number != fmt.Sprint(rememberedCalls+4) {
		t.Errorf("calls: got %d from %s to %s, want the last %d", len(calls), first.Number, last.Number, rememberedCalls)
	}
	if len(last.Request) > keptBytes+len("…") || strings.Contains(last.Request, "\uFFFD") {
		t.Errorf("kept request: got %d bytes, want at most %d, cut between characters", len(last.Request), keptBytes)
	}
}

func TestCataloguesHaveAllTexts(t *testing.T) {
	catalogues := map[string]map[string]string{}
	for _, name := range []string{"en", "ja", "zh-Hans", "zh-Hant"} {
		text, err := files.ReadFile("locales/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var c map[string]string
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		catalogues[name] = c
	}
	var wanted []string
	for id := range catalogues["en"] {
		wanted = append(wanted, id)
	}
	for _, rule := range faultRules {
		wanted = append(wanted, "fault."+string(rule.kind))
	}
	for _, o := range operationsOf[Pass2Pay] {
		wanted = append(wanted, "op."+string(o))
	}
	for _, s := range []State{Created, Pending, Paid, Failed, Closed, Refunded} {
		wanted = append(wanted, "state."+string(s))
	}
	for _, s := range []RefundState{RefundPending, RefundSucceeded, RefundFailed, RefundClosed} {
		wanted = append(wanted, "refund."+string(s))
	}
	for name, c := range catalogues {
		for _, id := range wanted {
			if c[id] == "" {
				t.Errorf("%s has no text for %s", name, id)
			}
		}
		if len(c) != len(catalogues["en"]) {
			t.Errorf("%s has %d texts, en has %d", name, len(c), len(catalogues["en"]))
		}
	}
	templates, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range templates {
		text, _ := files.ReadFile("templates/" + f.Name())
		for _, part := range strings.Split(string(text), `.T "`)[1:] {
			if id, _, _ := strings.Cut(part, `"`); catalogues["en"][id] == "" {
				t.Errorf("%s: there is no text %s", f.Name(), id)
			}
		}
	}
}

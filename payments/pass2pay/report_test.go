package pass2pay

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/payments"
)

func TestQuery(t *testing.T) {
	answer := signed(t, queriedData)
	g, server := newGateway(t, says(answer))
	got, err := g.Query(t.Context(), "PP202603010001")
	checkReadAgain(t, g, got, err)
	if err != nil {
		t.Fatal(err)
	}
	calls := server.calls()
	request := params{
		"mchNo": "M1700000001", "appId": "65f0a1b2c3d4e5f601234567", "reqTime": "1772337600000",
		"version": "1.0", "signType": "MD5", "mchOrderNo": "PP202603010001",
	}
	request["sign"] = sign(request, demoSecret)
	if diff := cmp.Diff([]sentCall{{"/p2p/api/pay/query", request}}, calls, cmp.AllowUnexported(sentCall{})); diff != "" {
		t.Errorf("calls differ (-want +got):\n%s", diff)
	}
	want := payments.Report{
		Gateway:    models.Pass2Pay,
		Merchant:   g.Merchant(),
		Number:     "PP202603010001",
		Reference:  "P1793544595691261954",
		State:      payments.StateSucceeded,
		Money:      models.Money{Amount: 12850, Currency: "CNY"},
		PaidAt:     time.Date(2026, 3, 1, 4, 3, 8, 456e6, time.UTC),
		Conclusive: true,
		Exchange:   payments.Exchange{Request: got.Exchange.Request, Response: []byte(answer)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Query differs (-want +got):\n%s", diff)
	}
}

func TestQueryStates(t *testing.T) {
	for state, want := range map[string]payments.State{
		"0": payments.StatePending, "1": payments.StatePending, "2": payments.StateSucceeded,
		"3": payments.StateFailed, "4": payments.StateClosed, "5": payments.StateRefunded,
		"6": payments.StateClosed, "7": payments.StateUnknown, "22": payments.StateUnknown,
	} {
		g, _ := newGateway(t, says(signed(t, strings.Replace(queriedData, `"state":2`, `"state":`+state, 1))))
		got, err := g.Query(t.Context(), "PP202603010001")
		checkReadAgain(t, g, got, err)
		if err != nil || got.State != want {
			t.Errorf("Query with state %s = %s, %v; want %s", state, got.State, err, want)
		}
	}
}

func TestQueryAnswerThatDecidesNothing(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(queriedData, old) {
			t.Fatalf("data has no %s", old)
		}
		return signed(t, strings.Replace(queriedData, old, new, 1))
	}
	for name, answer := range map[string]string{
		"another number":         replace("PP202603010001", "PP202603010002"),
		"number in another case": replace("PP202603010001", "pp202603010001"),
		"no merchant":            replace(`"mchNo"`, `"mch"`),
		"no application":         replace(`"appId":"65f0a1b2c3d4e5f601234567"`, `"appId":""`),
		"no reference":           replace(`"payOrderId"`, `"orderId"`),
		"orderState for state":   replace(`"state"`, `"orderState"`),
		"state is a word":        replace(`"state":2`, `"state":"paid"`),
		"state is true":          replace(`"state":2`, `"state":true`),
		"state with a sign":      replace(`"state":2`, `"state":"+2"`),
		"state with a blank":     replace(`"state":2`, `"state":"2 "`),
		"state quoted twice":     replace(`"state":2`, `"state":"\"2\""`),
		"amount missing":         replace(`"amount"`, `"payAmount"`),
		"amount is a fraction":   replace(`"amount":12850`, `"amount":12850.0`),
		"amount has an exponent": replace(`"amount":12850`, `"amount":1.285e4`),
		"amount below zero":      replace(`"amount":12850`, `"amount":-12850`),
		"amount out of range":    replace(`"amount":12850`, `"amount":9223372036854775808`),
		"amount with zeros":      replace(`"amount":12850`, `"amount":"012850"`),
		"currency missing":       replace(`"currency":"cny"`, `"currency":""`),
		"currency too long":      replace(`"currency":"cny"`, `"currency":"cnyy"`),
		"nothing":                `{"code":0,"msg":"SUCCESS"}`,
	} {
		g, _ := newGateway(t, says(answer))
		report, err := g.Query(t.Context(), "PP202603010001")
		checkReadAgain(t, g, report, err)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown {
			t.Errorf("Query with %s = %+v, %v; want outcome unknown", name, report, err)
		}
		if report.State != "" || string(report.Exchange.Response) != answer {
			t.Errorf("Query with %s: report = %+v, want nothing but the exchange", name, report)
		}
	}
}

func TestQueryNamesAnotherMerchant(t *testing.T) {
	g, _ := newGateway(t, says(signed(t, strings.Replace(queriedData, "M1700000001", "M1700000002", 1))))
	got, err := g.Query(t.Context(), "PP202603010001")
	checkReadAgain(t, g, got, err)
	if err != nil || got.Merchant != "M1700000002/65f0a1b2c3d4e5f601234567" {
		t.Errorf("Query = %+v, %v; want the report with the merchant as it was named", got, err)
	}
}

func TestQueryNotFound(t *testing.T) {
	g, _ := newGateway(t, says(refusal("订单不存在")))
	got, err := g.Query(t.Context(), "PP202603010001")
	checkReadAgain(t, g, got, err)
	want := error(&payments.CallError{Outcome: payments.NotFound, Code: "9999", Message: "订单不存在"})
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("error differs (-want +got):\n%s", diff)
	}
}

// checkReadAgain reads the answer to a query a second time, from what is kept of it.
func checkReadAgain(t *testing.T, g *Gateway, first payments.Report, firstErr error) {
	t.Helper()
	again, err := g.ReadQuery("PP202603010001", first.Exchange)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("ReadQuery of %s (-Query +ReadQuery):\n%s", first.Exchange.Response, diff)
	}
	if fmt.Sprint(err) != fmt.Sprint(firstErr) {
		t.Errorf("ReadQuery of %s: %v, and Query: %v", first.Exchange.Response, err, firstErr)
	}
}

func TestReadQueryWithAnotherKey(t *testing.T) {
	config := goodConfig()
	config.AppSecret += "x"
	g, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	answer := []byte(signed(t, queriedData))
	if got, err := g.ReadQuery("PP202603010001", payments.Exchange{Response: answer}); !errors.Is(err, payments.ErrSignature) || got.State != "" {
		t.Errorf("ReadQuery = %+v, %v, want ErrSignature", got, err)
	}
}

func TestClose(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
		want         payments.Outcome // empty: no error
	}{
		{"done, data empty", `{"code":0,"msg":"SUCCESS","data":{},"sign":"F5CB2E24B98FC410A5FF6BE90D51F7CC"}`, 200, ""},
		{"done, data empty and unsigned", `{"code":0,"msg":"SUCCESS","data":{}}`, 200, ""},
		{"done, no data", `{"code":0,"msg":"SUCCESS"}`, 200, ""},
		{"not found", refusal("订单不存在"), 200, payments.NotFound},
		{"too late", refusal("当前订单不可关闭"), 200, payments.Unknown},
		{"fault inside", ``, 200, payments.Unknown},
		{"not offered", `<html>`, 404, payments.Unsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, server := newGateway(t, status(tt.status, tt.answer))
			exchange, err := g.Close(t.Context(), "PP202603010001")
			if (err == nil) != (tt.want == "") || err != nil && payments.OutcomeOf(err) != tt.want {
				t.Errorf("Close = %v, want outcome %q", err, tt.want)
			}
			if calls := server.calls(); len(calls) != 1 || calls[0].path != "/p2p/api/pay/close" || calls[0].params["mchOrderNo"] != "PP202603010001" {
				t.Errorf("calls = %v, want one close of the payment", calls)
			}
			if string(exchange.Response) != tt.answer {
				t.Errorf("exchange.Response = %s, want %s", exchange.Response, tt.answer)
			}
		})
	}
}

func TestCallsThatAreSwitchedOff(t *testing.T) {
	g, server := newGateway(t, says(""))
	g.config.CloseAPI, g.config.RefundAPI = false, false
	for _, call := range everyCall[2:] {
		if _, err := call.make(t.Context(), g); payments.OutcomeOf(err) != payments.Unsupported {
			t.Errorf("%s = %v, want outcome unsupported", call.name, err)
		}
	}
	if calls := server.calls(); len(calls) != 0 {
		t.Errorf("the gateway was called: %v", calls)
	}
}

func TestReadTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"1772337788456":       time.Date(2026, 3, 1, 4, 3, 8, 456e6, time.UTC),
		"2026-03-01 12:03:08": time.Date(2026, 3, 1, 4, 3, 8, 0, time.UTC),
		"":                    {},
		"1772337788":          {},
		"-177233778845":       {},
		"17723377884561":      {},
		"yesterday":           {},
	} {
		if got := readTime(text); !got.Equal(want) {
			t.Errorf("readTime(%q) = %v, want %v", text, got, want)
		}
	}
}

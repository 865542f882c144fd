package scanforpay

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"saoma/models"
	"saoma/payments"
)

// testGateway returns a gateway of the vectors' merchant.
func testGateway(t testing.TB, baseURL string) *Gateway {
	t.Helper()
	g, err := New(Config{
		BaseURL:      baseURL,
		PartnerNo:    "10086",
		StoreNo:      "100860000000001",
		SignKey:      vectorKey,
		OperatorID:   "op1",
		TerminalNo:   "t1",
		Validity:     12 * time.Hour,
		AllowedHosts: []string{"pay.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// response writes the value of an envelope's response with the header of the vectors' merchant.
func response(body string) string {
	return `{"header":{"partnerNo":"10086","version":"1.0"},"body":` + body + `}`
}

func sealed(response string) []byte { return seal("response", []byte(response), vectorKey) }

const paidBody = `{"code":1,"msg":"success","orderNo":"2026030112000757","partnerOrderNo":"SF202603010001",` +
	`"payTime":"2026-03-01T12:03:08+08:00","orderAmount":12850,"wallet":"AlipayHK","currency":"HKD","status":1}`

var paidReport = payments.Report{
	Gateway:    models.ScanForPay,
	Merchant:   "10086",
	Number:     "SF202603010001",
	Reference:  "2026030112000757",
	State:      payments.StateSucceeded,
	Money:      models.Money{Amount: 12850, Currency: "HKD"},
	PaidAt:     time.Date(2026, 3, 1, 4, 3, 8, 0, time.UTC),
	Conclusive: true,
}

// paidWith returns the report of a payment with one thing changed.
func paidWith(change func(*payments.Report)) payments.Report {
	r := paidReport
	change(&r)
	return r
}

func TestParseNotification(t *testing.T) {
	state := func(s payments.State) payments.Report {
		return paidWith(func(r *payments.Report) { r.State = s })
	}
	body := func(old, with string) string {
		changed := strings.Replace(paidBody, old, with, 1)
		if changed == paidBody {
			t.Fatalf("%q is not in the body", old)
		}
		return response(changed)
	}
	tests := []struct {
		name, response string
		want           payments.Report
	}{
		{"F, pretty-printed", vectorNotification, paidReport},
		{"compact", response(paidBody), paidReport},
		{"waiting", body(`"status":1`, `"status":0`), state(payments.StatePending)},
		{"failed", body(`"status":1`, `"status":2`), state(payments.StateFailed)},
		{"refunded", body(`"status":1`, `"status":3`), state(payments.StateGivenBack)},
		{"status of another day", body(`"status":1`, `"status":4`), state(payments.StateUnknown)},
		{"negative status", body(`"status":1`, `"status":-1`), state(payments.StateUnknown)},
		{"failed call with a paid status", body(`"code":1`, `"code":2`), state(payments.StateUnknown)},
		{"failed call alone", response(`{"code":9,"msg":"x"}`), payments.Report{
			Gateway: models.ScanForPay, Merchant: "10086", State: payments.StateUnknown, Conclusive: true,
		}},
		{"numbers as strings", strings.NewReplacer(`:12850`, `:"12850"`, `"status":1`, `"status":"1"`, `"code":1`, `"code":"1"`).Replace(response(paidBody)), paidReport},
		{"string as number", body(`"2026030112000757"`, `2026030112000757`), paidReport},
		{"blanks around the gateway's number", body(`"2026030112000757"`, `" 2026030112000757 "`), paidReport},
		{"escaped text", body(`"SF202603010001"`, `"\u0053F202603010001"`), paidReport},
		{"spaced names", body(`"status"`, `" status "`), paidReport},
		{"exact name wins over a spaced one", body(`"status":1`, `" status":0,"status":1,"status ":2`), paidReport},
		{"another merchant", strings.Replace(response(paidBody), "10086", "10087", 1), paidWith(func(r *payments.Report) { r.Merchant = "10087" })},
		{"another amount", body(`12850`, `1`), paidWith(func(r *payments.Report) { r.Money.Amount = 1 })},
		{"another currency", body(`HKD`, `JPY`), paidWith(func(r *payments.Report) { r.Money.Currency = "JPY" })},
		{"no reference", body(`"orderNo":"2026030112000757",`, ``), paidWith(func(r *payments.Report) { r.Reference = "" })},
		{"empty options", body(`"2026-03-01T12:03:08+08:00"`, `""`), paidWith(func(r *payments.Report) { r.PaidAt = time.Time{} })},
		{"null options", body(`"2026-03-01T12:03:08+08:00"`, `null`), paidWith(func(r *payments.Report) { r.PaidAt = time.Time{} })},
		{"time that is none", body(`"2026-03-01T12:03:08+08:00"`, `"yesterday"`), paidWith(func(r *payments.Report) { r.PaidAt = time.Time{} })},
	}
	g := testGateway(t, "https://pay.example")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			message := sealed(tt.response)
			tt.want.Exchange.Response = message
			got, err := g.ParseNotification("text/plain", message)
			if err != nil {
				t.Fatalf("ParseNotification(%s): %v", message, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseNotification(%s) (-want +got):\n%s", message, diff)
			}
		})
	}
}

// TestParseNotificationMalformed sends messages that are properly signed and have no one meaning.
func TestParseNotificationMalformed(t *testing.T) {
	body := func(old, with string) string { return strings.Replace(response(paidBody), old, with, 1) }
	tests := []struct{ name, response string }{
		{"status twice", body(`"status":1`, `"status":0,"status":1`)},
		{"status in capitals too", body(`"status":1`, `"status":1,"STATUS":0`)},
		{"status with a long s too", body(`"status":1`, `"status":1,"ſtatus":0`)},
		{"number twice with blanks", body(`"orderNo":"2026030112000757"`, `" orderNo":"1","orderNo ":"1"`)},
		{"status twice by escape", body(`"status":1`, `"status":1,"\u0073tatus":0`)},
		{"status only in capitals", body(`"status"`, `"STATUS"`)},
		{"status in two spaced spellings", body(`"status":1`, `" status":1,"status ":1`)},
		{"amount twice", body(`"orderAmount":12850`, `"orderAmount":1,"orderAmount":12850`)},
		{"body twice", strings.TrimSuffix(response(paidBody), "}") + `,"body":{}}`},
		{"body in capitals too", strings.TrimSuffix(response(paidBody), "}") + `,"Body":{}}`},
		{"merchant twice", body(`"partnerNo":"10086"`, `"partnerNo":"10086","partnerno":"10087"`)},
		{"amount with a fraction", body(`12850`, `12850.0`)},
		{"amount with an exponent", body(`12850`, `1285e1`)},
		{"amount with a space", body(`12850`, `"12850 "`)},
		{"amount with a zero before", body(`12850`, `"012850"`)},
		{"amount out of range", body(`12850`, `92233720368547758070`)},
		{"amount true", body(`12850`, `true`)},
		{"amount null", body(`12850`, `null`)},
		{"status with a fraction", body(`"status":1`, `"status":1.0`)},
		{"status true", body(`"status":1`, `"status":true`)},
		{"status list", body(`"status":1`, `"status":[1]`)},
		{"code true", body(`"code":1`, `"code":true`)},
		{"currency empty", body(`HKD`, ``)},
		{"currency too long", body(`HKD`, `HKDHKDHKDHK`)},
		{"reference too long", body(`2026030112000757`, strings.Repeat("7", 65))},
		{"number as object", body(`"SF202603010001"`, `{}`)},
		{"no status", body(`,"status":1`, ``)},
		{"no amount", body(`"orderAmount":12850,`, ``)},
		{"no currency", body(`"currency":"HKD",`, ``)},
		{"no number", body(`"partnerOrderNo":"SF202603010001",`, ``)},
		{"empty number", body(`"SF202603010001"`, `""`)},
		{"no code", body(`"code":1,`, ``)},
		{"no merchant", body(`"partnerNo":"10086",`, ``)},
		{"no body", `{"header":{"partnerNo":"10086"}}`},
		{"no header", `{"body":` + paidBody + `}`},
		{"body as text", `{"header":{"partnerNo":"10086"},"body":"{}"}`},
		{"list", `[]`},
		{"text", `"x"`},
		{"null", `null`},
		{"a request of ours", vectorCreate},
		{"a create answer", vectorCreateAnswer},
	}
	g := testGateway(t, "https://pay.example")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.response == response(paidBody) {
				t.Fatal("nothing was changed")
			}
			message := sealed(tt.response)
			got, err := g.ParseNotification("application/json", message)
			want := payments.Report{Gateway: models.ScanForPay, Exchange: payments.Exchange{Response: message}}
			if !errors.Is(err, payments.ErrMalformed) || errors.Is(err, payments.ErrSignature) {
				t.Errorf("ParseNotification(%s) error = %v, want ErrMalformed", message, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ParseNotification(%s) (-want +got):\n%s", message, diff)
			}
		})
	}
}

func TestParseNotificationSignature(t *testing.T) {
	g := testGateway(t, "https://pay.example")
	forged := seal("response", []byte(response(paidBody)), "another-demo-key-0002")
	got, err := g.ParseNotification("application/json", forged)
	if !errors.Is(err, payments.ErrSignature) || errors.Is(err, payments.ErrMalformed) {
		t.Errorf("ParseNotification(%s) error = %v, want ErrSignature", forged, err)
	}
	if got.State != "" || string(got.Exchange.Response) != string(forged) {
		t.Errorf("ParseNotification(%s) = %+v, want the raw message and no state", forged, got)
	}
}

func TestParseNotificationSize(t *testing.T) {
	g := testGateway(t, "https://pay.example")
	message := sealed(response(paidBody))
	longest := append([]byte(strings.Repeat(" ", maxNotification-len(message))), message...)
	if _, err := g.ParseNotification("", longest); err != nil {
		t.Errorf("ParseNotification of %d bytes: %v, want it read", len(longest), err)
	}
	if _, err := g.ParseNotification("", append(longest, ' ')); !errors.Is(err, payments.ErrMalformed) {
		t.Errorf("ParseNotification of %d bytes: error = %v, want ErrMalformed", len(longest)+1, err)
	}
}

// TestParseNotificationKeepsBody proves that the evidence does not change with a reused buffer.
func TestParseNotificationKeepsBody(t *testing.T) {
	g := testGateway(t, "https://pay.example")
	buffer := sealed(response(paidBody))
	want := string(buffer)
	got, err := g.ParseNotification("", buffer)
	clear(buffer)
	if err != nil || string(got.Exchange.Response) != want || got.Number != paidReport.Number {
		t.Errorf("after the buffer was cleared: %+v, %v, want the message as it came", got, err)
	}
}

// TestMutation changes one byte of a genuine notification: it is refused, or (white space around
// the signed bytes, the case of a hex digit) still says exactly the same.
func TestMutation(t *testing.T) {
	g := testGateway(t, "https://pay.example")
	message := sealed(vectorNotification)
	rapid.Check(t, func(t *rapid.T) {
		mutated := append([]byte(nil), message...)
		at := rapid.IntRange(0, len(mutated)-1).Draw(t, "at")
		mutated[at] = rapid.Byte().Draw(t, "byte")
		got, err := g.ParseNotification("", mutated)
		if err != nil {
			if string(mutated) == string(message) {
				t.Fatalf("the genuine message is refused: %v", err)
			}
			return
		}
		if diff := cmp.Diff(paidReport, got, cmpopts.IgnoreFields(payments.Report{}, "Exchange")); diff != "" {
			t.Fatalf("byte %d changed to %q (-want +got):\n%s", at, mutated[at], diff)
		}
	})
}

// FuzzParseNotification feeds messages as they are and signed. What is signed and accepted must
// be what encoding/json reads from the same bytes, wherever that finds a member.
func FuzzParseNotification(f *testing.F) {
	for _, seed := range []string{
		vectorNotification, response(paidBody), vectorCreateAnswer, vectorCreate,
		response(`{"code":33,"msg":"closed"}`), response(`{"code":1," status ":"1"}`),
		string(sealed(vectorNotification)), `{"response":{},"signature":""}`, `{}`, ``,
		response(`{"code":1,"status":1,"ſtatus":0}`),
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	g := testGateway(f, "https://pay.example")
	f.Fuzz(func(t *testing.T, data []byte, signed bool) {
		message := data
		if signed {
			message = sealed(string(data))
		}
		got, err := g.ParseNotification("", message)
		if err != nil {
			if !errors.Is(err, payments.ErrSignature) && !errors.Is(err, payments.ErrMalformed) {
				t.Fatalf("ParseNotification(%q) error = %v, want ErrSignature or ErrMalformed", message, err)
			}
			return
		}
		checkAgainstStandardLibrary(t, message, got)
	})
}

func checkAgainstStandardLibrary(t *testing.T, message []byte, got payments.Report) {
	var m struct {
		Response struct {
			Header struct{ PartnerNo json.RawMessage }
			Body   struct{ Code, Status, OrderAmount, Currency, PartnerOrderNo json.RawMessage }
		}
	}
	if err := json.Unmarshal(message, &m); err != nil {
		t.Fatalf("ParseNotification(%q) accepts what encoding/json does not: %v", message, err)
	}
	body := m.Response.Body
	same := func(name string, value json.RawMessage, want string) {
		text, err := payments.StrictText(value)
		if err == nil && text != "" && text != want {
			t.Errorf("ParseNotification(%q): %s is %q, encoding/json reads %q", message, name, want, text)
		}
	}
	same("merchant", m.Response.Header.PartnerNo, got.Merchant)
	if got.State == payments.StateSucceeded {
		same("code", body.Code, "1")
		same("status", body.Status, "1")
		same("amount", body.OrderAmount, fmt.Sprint(got.Money.Amount))
		same("currency", body.Currency, got.Money.Currency)
		same("number", body.PartnerOrderNo, got.Number)
	}
}

// TestForeignCurrencyIsReported: what is signed reaches the shop, which knows that it is not what was
// asked for.
func TestForeignCurrencyIsReported(t *testing.T) {
	for _, code := range []string{"USD", "hkd", "QQQ"} {
		body := strings.Replace(paidBody, "HKD", code, 1)
		report, err := testGateway(t, "https://pay.example").ParseNotification("application/json", sealed(response(body)))
		if err != nil || report.Money != (models.Money{Amount: 12850, Currency: code}) {
			t.Errorf("currency %s: got %+v, err %v", code, report.Money, err)
		}
	}
}

package pass2pay

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"saoma/models"
	"saoma/payments"
)

const formType = "application/x-www-form-urlencoded"

// v3 is a notification as it comes in, with a parameter that is not in the documents and one
// that is empty.
const v3 = "payOrderId=P1793544595691261954&mchNo=M1700000001&appId=65f0a1b2c3d4e5f601234567" +
	"&mchOrderNo=PP202603010001&ifCode=alipay&wayCode=ALI_WAP&amount=12850&currency=cny&state=2" +
	"&clientIp=114.114.114.114&subject=%E5%95%86%E5%93%81&body=0&channelOrderNo=2026030122001400001" +
	"&extParam=&createdAt=1772337600123&successTime=1772337788456&reqTime=1772337788999" +
	"&sign=F63FF85AEEA45C17196DB031CED11ABC"

var v3Report = payments.Report{
	Gateway:   models.Pass2Pay,
	Merchant:  "M1700000001/65f0a1b2c3d4e5f601234567",
	Number:    "PP202603010001",
	Reference: "P1793544595691261954",
	State:     payments.StateSucceeded,
	Money:     models.Money{Amount: 12850, Currency: "CNY"},
	PaidAt:    time.Date(2026, 3, 1, 4, 3, 8, 456e6, time.UTC),
}

func newParser(t testing.TB) *Gateway {
	t.Helper()
	g, err := New(goodConfig())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// v3Params are the parameters of v3 without the signature.
func v3Params(t testing.TB) params {
	t.Helper()
	p, err := readForm(v3)
	if err != nil {
		t.Fatal(err)
	}
	delete(p, "sign")
	return p
}

// form returns the parameters as a signed form.
func form(p params) string {
	values := make(url.Values)
	for name, value := range p {
		values.Set(name, value)
	}
	values.Set("sign", sign(p, demoSecret))
	return values.Encode()
}

func jsonOf(t testing.TB, p params) string {
	t.Helper()
	all := map[string]string{"sign": sign(p, demoSecret)}
	for name, value := range p {
		all[name] = value
	}
	return jsonText(t, all)
}

func TestParseNotification(t *testing.T) {
	p := v3Params(t)
	numbers := strings.NewReplacer(`"amount":"12850"`, `"amount":12850`, `"state":"2"`, `"state":2`,
		`"createdAt":"1772337600123"`, `"createdAt": 1772337600123`).Replace(jsonOf(t, p))
	withoutReqTime := v3Params(t)
	delete(withoutReqTime, "reqTime")
	tests := []struct {
		name, contentType, body string
	}{
		{"V3", formType, v3},
		{"with a charset", formType + "; charset=UTF-8", v3},
		{"type in capitals", "Application/X-WWW-Form-Urlencoded", v3},
		{"no type", "", v3},
		{"lower-case sign", formType, strings.Replace(v3, "F63FF85AEEA45C17196DB031CED11ABC", "f63ff85aeea45c17196db031ced11abc", 1)},
		{"sorted", formType, form(p)},
		{"JSON", "application/json", jsonOf(t, p)},
		{"JSON with a charset", "application/json;charset=utf-8", jsonOf(t, p)},
		{"JSON with numbers", "application/json", numbers},
		{"JSON, no type", "", numbers},
		{"JSON after blanks", "application/json", "\r\n\t " + numbers},
		{"JSON after blanks, no type", "", "\r\n\t " + numbers}, // as it is read again from what was kept
		{"no reqTime", formType, form(withoutReqTime)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := v3Report
			want.Exchange.Response = []byte(tt.body)
			got, err := newParser(t).ParseNotification(tt.contentType, []byte(tt.body))
			if err != nil {
				t.Fatalf("ParseNotification(%s): %v", tt.body, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("report differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNotificationStates(t *testing.T) {
	for state, want := range map[string]payments.State{
		"0": payments.StatePending, "1": payments.StatePending, "2": payments.StateSucceeded, "3": payments.StateFailed,
		"4": payments.StateClosed, "5": payments.StateRefunded, "6": payments.StateClosed, "9": payments.StateUnknown,
	} {
		p := v3Params(t)
		p["state"] = state
		got, err := newParser(t).ParseNotification(formType, []byte(form(p)))
		if err != nil || got.State != want || got.Conclusive {
			t.Errorf("ParseNotification with state %s = %+v, %v; want %s, not conclusive", state, got, err, want)
		}
	}
}

func TestParseNotificationRefuses(t *testing.T) {
	v3JSON := jsonOf(t, v3Params(t))
	change := func(name, value string) string {
		p := v3Params(t)
		p[name] = value
		return form(p)
	}
	without := func(name string) string {
		p := v3Params(t)
		if _, there := p[name]; !there {
			t.Fatalf("no %s to leave out", name)
		}
		delete(p, name)
		return form(p)
	}
	otherKey := v3Params(t)
	otherKey["sign"] = sign(otherKey, "p2p-demo-secret-0002")

	type refused struct {
		name, contentType, body string
		want                    error
	}
	tests := []refused{
		{"empty", formType, "", payments.ErrMalformed},
		{"no sign", formType, v3[:strings.Index(v3, "&sign=")], payments.ErrSignature},
		{"empty sign", formType, strings.Replace(v3, "F63FF85AEEA45C17196DB031CED11ABC", "", 1), payments.ErrSignature},
		{"other secret", "application/json", jsonText(t, otherKey), payments.ErrSignature},
		{"other state", formType, strings.Replace(v3, "state=2", "state=3", 1), payments.ErrSignature},
		{"extra parameter", formType, v3 + "&payee=me", payments.ErrSignature},
		{"signed for another method", formType, change("signType", "RSA2"), payments.ErrSignature},
		{"odd name", formType, change("a=b", "c"), payments.ErrMalformed},
		{"name in another script", formType, change("ſtate", "2"), payments.ErrMalformed},

		{"repeated", formType, v3 + "&state=2", payments.ErrMalformed},
		{"repeated in another case", formType, v3 + "&State=2", payments.ErrMalformed},
		{"repeated, escaped", formType, v3 + "&%73tate=2", payments.ErrMalformed},
		{"repeated sign", formType, v3 + "&SIGN=F63FF85AEEA45C17196DB031CED11ABC", payments.ErrMalformed},
		{"bad escape", formType, v3 + "&a=%zz", payments.ErrMalformed},
		{"bad escape in a name", formType, v3 + "&%z=1", payments.ErrMalformed},
		{"not UTF-8", formType, v3 + "&a=%ff", payments.ErrMalformed},
		{"no value", formType, v3 + "&a", payments.ErrMalformed},
		{"empty piece", formType, v3 + "&", payments.ErrMalformed},
		{"too long", formType, v3 + "&a=" + strings.Repeat("x", maxNotification), payments.ErrMalformed},
		{"other type", "text/xml", v3, payments.ErrMalformed},
		{"multipart", "multipart/form-data; boundary=x", v3, payments.ErrMalformed},
		{"a form that says JSON", "application/json", v3, payments.ErrMalformed},
		{"JSON that says form", formType, v3JSON, payments.ErrMalformed},
		{"JSON, repeated", "application/json", strings.Replace(v3JSON, `{`, `{"state":"2",`, 1), payments.ErrMalformed},
		{"JSON, repeated in another case", "application/json", strings.Replace(v3JSON, `{`, `{"ſtate":"2",`, 1), payments.ErrMalformed},
		{"JSON, more after it", "application/json", v3JSON + "{}", payments.ErrMalformed},
		{"JSON in a list", "application/json", "[" + v3JSON + "]", payments.ErrMalformed},

		{"amount is a fraction", formType, change("amount", "12850.0"), payments.ErrMalformed},
		{"amount with a blank", formType, change("amount", " 12850"), payments.ErrMalformed},
		{"amount quoted", formType, change("amount", `"12850"`), payments.ErrMalformed},
		{"amount below zero", formType, change("amount", "-12850"), payments.ErrMalformed},
		{"amount out of range", formType, change("amount", "92233720368547758070"), payments.ErrMalformed},
		{"state is a word", formType, change("state", "paid"), payments.ErrMalformed},
		{"state with a zero", formType, change("state", "02"), payments.ErrMalformed},
		{"currency is a number", formType, change("currency", "156"), payments.ErrMalformed},
		{"number with a blank", formType, change("mchOrderNo", "PP 1"), payments.ErrMalformed},
		{"number too long", formType, change("mchOrderNo", strings.Repeat("P", 65)), payments.ErrMalformed},
		{"another state in a value", formType, change("body", "0&state=2"), payments.ErrMalformed},
	}
	for _, name := range notified {
		tests = append(tests, refused{"without " + name, formType, without(name), payments.ErrMalformed})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := newParser(t).ParseNotification(tt.contentType, []byte(tt.body))
			if !errors.Is(err, tt.want) {
				t.Errorf("ParseNotification = %v, want %v", err, tt.want)
			}
			want := payments.Report{Gateway: models.Pass2Pay, Exchange: payments.Exchange{Response: []byte(tt.body)}}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("report says more than what came in (-want +got):\n%s", diff)
			}
		})
	}
}

// The signature is the same when parameters are joined into one value. That must not turn one
// state into another, nor make a message lose what it must have.
func TestParseNotificationCutUpElsewhere(t *testing.T) {
	p := v3Params(t)
	canonical := p.canonical()
	text := strings.TrimSuffix(canonical, "&")
	pieces := strings.Split(text, "&")
	for i := range pieces[:len(pieces)-1] {
		joined := slices.Concat(pieces[:i], []string{pieces[i] + "&" + pieces[i+1]}, pieces[i+2:])
		recut := make(params)
		for _, piece := range joined {
			name, value, _ := strings.Cut(piece, "=")
			recut[name] = value
		}
		if got := recut.canonical(); got != canonical {
			t.Fatalf("canonical = %s, want %s", got, canonical)
		}
		report, err := newParser(t).ParseNotification(formType, []byte(form(recut)))
		if err != nil && !errors.Is(err, payments.ErrMalformed) {
			t.Errorf("%v: error = %v, want ErrMalformed", joined, err)
		}
		report.Exchange = payments.Exchange{}
		report.PaidAt = v3Report.PaidAt
		if diff := cmp.Diff(v3Report, report); err == nil && diff != "" {
			t.Errorf("%v reads as another message (-want +got):\n%s", joined, diff)
		}
	}
}

// No change of one byte makes a message say anything else: it is refused, or it is another way
// to write the same (the letter case of the signature and of escapes, names of empty values).
func TestParseNotificationOneByte(t *testing.T) {
	g := newParser(t)
	pending := v3Params(t)
	pending["state"] = "1"
	originals := map[string][]byte{
		formType:           []byte(form(pending)),
		"application/json": []byte(jsonOf(t, pending)),
	}
	rapid.Check(t, func(t *rapid.T) {
		contentType := rapid.SampledFrom([]string{formType, "application/json"}).Draw(t, "type")
		body := slices.Clone(originals[contentType])
		at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
		switch rapid.SampledFrom([]string{"replace", "insert", "delete"}).Draw(t, "change") {
		case "replace":
			body[at] = rapid.Byte().Draw(t, "byte")
		case "insert":
			body = slices.Insert(body, at, rapid.Byte().Draw(t, "byte"))
		case "delete":
			body = slices.Delete(body, at, at+1)
		}
		got, err := g.ParseNotification(contentType, body)
		if err != nil {
			if !errors.Is(err, payments.ErrSignature) && !errors.Is(err, payments.ErrMalformed) {
				t.Fatalf("error = %v, want one of the two", err)
			}
			return
		}
		want := v3Report
		want.State = payments.StatePending
		want.Exchange.Response = body
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s reads as another message (-want +got):\n%s", body, diff)
		}
	})
}

// A change of any value, of any name that has one, a parameter more or less: refused.
func TestParseNotificationOneParameter(t *testing.T) {
	g := newParser(t)
	rapid.Check(t, func(t *rapid.T) {
		p, err := readForm(v3)
		if err != nil {
			t.Fatal(err)
		}
		delete(p, "extParam") // it is empty, and does not count
		name := rapid.SampledFrom(names(p)).Draw(t, "name")
		other := rapid.StringN(1, 8, -1).Draw(t, "other")
		value := p[name]
		switch rapid.SampledFrom([]string{"value", "name", "more", "less"}).Draw(t, "change") {
		case "value":
			if other == value {
				return
			}
			p[name] = other
		case "name":
			if other == name {
				return
			}
			delete(p, name)
			p[other] = value
		case "more":
			if _, there := p[other]; there {
				return
			}
			p[other] = value
		case "less":
			delete(p, name)
		}
		values := make(url.Values)
		for name, value := range p {
			values.Set(name, value)
		}
		if got, err := g.ParseNotification(formType, []byte(values.Encode())); err == nil {
			t.Fatalf("%s = %+v, want an error", values.Encode(), got)
		}
	})
}

func FuzzParseNotification(f *testing.F) {
	g := newParser(f)
	p := v3Params(f)
	f.Add(formType, []byte(v3))
	f.Add("application/json", []byte(jsonOf(f, p)))
	f.Add("", []byte(`{"state":2,"state":2}`))
	f.Add("", []byte("a=%zz&&a"))
	f.Add("text/plain", []byte(""))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got, err := g.ParseNotification(contentType, body)
		if string(got.Exchange.Response) != string(body) {
			t.Errorf("Exchange.Response = %q, want %q", got.Exchange.Response, body)
		}
		got.Exchange = payments.Exchange{}
		switch {
		case err == nil:
			// The fuzzer does not know the secret: all it can find is the seeds, written
			// in another way.
			if diff := cmp.Diff(v3Report, got, cmpopts.IgnoreFields(payments.Report{}, "PaidAt")); diff != "" {
				t.Errorf("forged message was read (-seed +got):\n%s", diff)
			}
		case !errors.Is(err, payments.ErrSignature) && !errors.Is(err, payments.ErrMalformed):
			t.Errorf("error = %v, want ErrSignature or ErrMalformed", err)
		case !cmp.Equal(got, payments.Report{Gateway: models.Pass2Pay}):
			t.Errorf("refused message left %+v", got)
		}
	})
}

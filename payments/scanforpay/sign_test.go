package scanforpay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"saoma/payments"
)

func TestSign(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"A create", vectorCreate, vectorCreateSignature},
		{"B raw UTF-8", vectorCreateUTF8, vectorCreateUTF8Signature},
		{"C PHP escapes", vectorCreatePHP, vectorCreatePHPSignature},
		{"D HTML escapes", vectorCreateHTML, vectorCreateHTMLSignature},
		{"E create answer", vectorCreateAnswer, vectorCreateAnswerSignature},
		{"F notification", vectorNotification, vectorNotificationSignature},
		{"G query", vectorQuery, vectorQuerySignature},
		{"H refund", vectorRefund, vectorRefundSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sign([]byte(tt.raw), vectorKey); got != tt.want {
				t.Errorf("sign(%s) = %s, want %s", tt.raw, got, tt.want)
			}
			sealed := seal("response", []byte(tt.raw), vectorKey)
			if raw, err := open(sealed, vectorKey); err != nil || string(raw) != tt.raw {
				t.Errorf("open(%s) = %s, %v, want the bytes that were sealed", sealed, raw, err)
			}
			for _, other := range tests {
				if other.name != tt.name && sign([]byte(other.raw), vectorKey) == tt.want {
					t.Errorf("%s and %s have one signature", tt.name, other.name)
				}
			}
		})
	}
}

// TestEncode proves that our requests are the vectors' bytes.
func TestEncode(t *testing.T) {
	at := func(id, time string) header {
		return header{Version: "1.0", PartnerNo: "10086", ReqMsgID: id, ReqTime: time, SignType: "SHA256"}
	}
	create := createBody{
		StoreNo: "100860000000001", PartnerOrderNo: "SF202603010001", Wallet: "AlipayHK", Currency: "HKD",
		OrderAmount: 12850, OrderTitle: "Tea set",
		NotifyURL: "https://shop.example/pay/scanforpay/notify",
		ReturnURL: "https://shop.example/pay/scanforpay/return/tok123",
	}
	chinese := create
	chinese.OrderTitle = "茶具 & 茶杯"
	chinese.NotifyURL = "https://shop.example/n?g=sfp&v=1"
	createHeader := at("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "2026-03-01T12:00:00+08:00")
	tests := []struct {
		name    string
		request request
		want    string
	}{
		{"A", request{createHeader, create}, vectorCreate},
		{"B", request{createHeader, chinese}, vectorCreateUTF8},
		{"G", request{at("1", "2026-03-01T12:05:00+08:00"), queryBody{"100860000000001", "SF202603010001"}}, vectorQuery},
		{"H", request{at("2", "2026-03-02T09:00:00+08:00"), refundBody{
			PartnerOrderNo: "SF202603010001", RefundNo: "RF202603020001", OrderAmount: 2850,
		}}, strings.Replace(vectorRefund, `"storeNo":"100860000000001",`, "", 1)}, // a refund names no store
	}
	for _, tt := range tests {
		got, err := encode(tt.request)
		if err != nil || string(got) != tt.want {
			t.Errorf("encode(%s) = %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	sealed := string(seal("response", []byte(vectorCreateAnswer), vectorKey))
	envelope := func(raw, signature string) string {
		return fmt.Sprintf(`{"response":%s,"signature":%s}`, raw, signature)
	}
	good := `"` + vectorCreateAnswerSignature + `"`
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(vectorNotification)); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, envelope, key string }{
		{"no key", string(seal("response", []byte(vectorCreateAnswer), "")), ""},
		{"another key", sealed, "another-demo-key-0002"},
		{"D's bytes under B's signature", envelope(vectorCreateHTML, `"`+vectorCreateUTF8Signature+`"`), vectorKey},
		{"C's bytes under B's signature", envelope(vectorCreatePHP, `"`+vectorCreateUTF8Signature+`"`), vectorKey},
		{"F under the signature of its compact form", envelope(vectorNotification, `"`+vectorNotificationCompactSignature+`"`), vectorKey},
		{"F written compactly under its own signature", envelope(compact.String(), `"`+vectorNotificationSignature+`"`), vectorKey},
		{"empty signature", envelope(vectorCreateAnswer, `""`), vectorKey},
		{"null signature", envelope(vectorCreateAnswer, `null`), vectorKey},
		{"number as signature", envelope(vectorCreateAnswer, `0`), vectorKey},
		{"list as signature", envelope(vectorCreateAnswer, `[`+good+`]`), vectorKey},
		{"signature cut off", envelope(vectorCreateAnswer, good[:60]+`"`), vectorKey},
		{"signature with more", envelope(vectorCreateAnswer, good[:65]+`00"`), vectorKey},
		{"signature with a space", envelope(vectorCreateAnswer, good[:65]+` "`), vectorKey},
		{"signature not hex", envelope(vectorCreateAnswer, `"`+strings.Repeat("z", 64)+`"`), vectorKey},
		{"no signature", `{"response":` + vectorCreateAnswer + `}`, vectorKey},
		{"no response", `{"signature":` + good + `}`, vectorKey},
		{"a request", string(seal("request", []byte(vectorCreateAnswer), vectorKey)), vectorKey},
		{"response in capitals", string(seal("Response", []byte(vectorCreateAnswer), vectorKey)), vectorKey},
		{"two responses", strings.Replace(sealed, `{`, `{"response":{},`, 1), vectorKey},
		{"two signatures", strings.TrimSuffix(sealed, `}`) + `,"signature":` + good + `}`, vectorKey},
		{"case variant of response", strings.Replace(sealed, `{`, `{"Response":{},`, 1), vectorKey},
		{"case variant by long s", strings.TrimSuffix(sealed, `}`) + `,"ſignature":` + good + `}`, vectorKey},
		{"trailing data", sealed + `{}`, vectorKey},
		{"cut off", sealed[:len(sealed)-1], vectorKey},
		{"list", `[` + sealed + `]`, vectorKey},
		{"empty", ``, vectorKey},
		{"a page", `<html>success</html>`, vectorKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := open([]byte(tt.envelope), tt.key)
			if !errors.Is(err, payments.ErrSignature) || raw != nil {
				t.Errorf("open(%s) = %s, %v, want nil, ErrSignature", tt.envelope, raw, err)
			}
		})
	}
}

func TestOpenAccepts(t *testing.T) {
	tests := []struct{ name, envelope string }{
		{"capitals in the signature", fmt.Sprintf(`{"response":%s,"signature":%q}`, vectorNotification, strings.ToUpper(vectorNotificationSignature))},
		{"signature first", fmt.Sprintf(`{"signature":%q,"response":%s}`, vectorNotificationSignature, vectorNotification)},
		{"white space around", fmt.Sprintf("\r\n{\t\"response\" :\n%s , \"signature\": %q }\n", vectorNotification, vectorNotificationSignature)},
		{"another member", fmt.Sprintf(`{"response":%s,"signature":%q,"note":1}`, vectorNotification, vectorNotificationSignature)},
	}
	for _, tt := range tests {
		raw, err := open([]byte(tt.envelope), vectorKey)
		if err != nil || string(raw) != vectorNotification {
			t.Errorf("%s: open(%s) = %s, %v, want the signed bytes", tt.name, tt.envelope, raw, err)
		}
	}
}

// TestSealRoundTrip proves that what we send verifies over the bytes that arrive, whatever text
// is in it.
func TestSealRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := createBody{
			PartnerOrderNo: rapid.String().Draw(t, "number"),
			OrderTitle:     rapid.String().Draw(t, "title"),
			OrderAmount:    rapid.Int64().Draw(t, "amount"),
		}
		key := rapid.StringN(1, 40, -1).Draw(t, "key")
		raw, err := encode(request{Body: body})
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(seal("response", raw, key), key)
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("open(seal(%s)) = %s, %v", raw, got, err)
		}
		if _, err := open(seal("response", raw, key), key+"x"); !errors.Is(err, payments.ErrSignature) {
			t.Fatalf("open with another key: error = %v, want ErrSignature", err)
		}
	})
}

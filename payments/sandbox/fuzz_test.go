package sandbox

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzProtocols: whatever a client sends, the answer is JSON with a code, and nothing is created
// that was not signed.
func FuzzProtocols(f *testing.F) {
	f.Add(0, "application/json", `{"request":{"header":{"partnerNo":"10086"},"body":{}},"signature":"00"}`)
	f.Add(1, "application/json", `{"request":null,"signature":null}`)
	f.Add(3, "application/json", `{"mchNo":"M1700000001","amount":"0100","channelExtra":{"a":[1]}}`)
	f.Add(5, "application/x-www-form-urlencoded", "mchNo=M1700000001&channelExtra[a]=b&amount=99999999999999999999")
	f.Add(4, "application/json", "null")
	s := New(Config{})
	f.Cleanup(s.Close)
	paths := []string{
		ScanForPayPath + "/api/online/create", ScanForPayPath + "/api/common/payQuery", ScanForPayPath + "/api/common/refund",
		Pass2PayPath + unifiedPath, Pass2PayPath + cashierPath, Pass2PayPath + p2pRefundPath,
	}
	f.Fuzz(func(t *testing.T, i int, contentType, body string) {
		path := paths[uint(i)%uint(len(paths))]
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), `"code":`) {
			t.Errorf("%s with %q: got status %d and %s", path, body, w.Code, w.Body)
		}
		if len(s.Payments()) != 0 {
			t.Errorf("%s with %q created a payment", path, body)
		}
	})
}

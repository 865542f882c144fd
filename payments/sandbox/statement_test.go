package sandbox

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestStatement: a gateway's statement is CSV by its name; what is in it is held against the ledger by the
// tests of the whole.
func TestStatement(t *testing.T) {
	box := New(Config{PublicURL: "http://localhost:8080"})
	t.Cleanup(box.Close)
	for target, want := range map[string]int{
		"/sandbox/statement/scanforpay.csv": 200, "/sandbox/statement/pass2pay.csv": 200,
		"/sandbox/statement/manual.csv": 404, "/sandbox/statement/scanforpay": 404,
	} {
		w := httptest.NewRecorder()
		box.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != want || want == 200 && w.Body.String() != "time,type,number,payment,amount,currency\n" {
			t.Errorf("%s: got %d %q, want %d", target, w.Code, w.Body, want)
		}
	}
}

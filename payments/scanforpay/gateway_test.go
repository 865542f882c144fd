package scanforpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"saoma/models"
	"saoma/payments"
)

// far is a ScanForPay that answers every call in one way and remembers what it was sent.
type far struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

type seen struct {
	path, contentType string
	body              []byte
}

func newFar(t *testing.T, answer http.HandlerFunc) (*Gateway, *far) {
	t.Helper()
	f := &far{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.seen = append(f.seen, seen{r.Method + " " + r.URL.Path, r.Header.Get("Content-Type"), body})
		f.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	return testGateway(t, f.URL+"/sandbox/"), f
}

func (f *far) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

func (f *far) last() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen[len(f.seen)-1]
}

// answers writes a body as it is, with status 200.
func answers(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }
}

// sent returns the signed request of the last call, its signature verified.
func (f *far) sent(t *testing.T) map[string]any {
	t.Helper()
	asResponse := strings.Replace(string(f.last().body), `{"request":`, `{"response":`, 1)
	raw, err := open([]byte(asResponse), vectorKey)
	if err != nil {
		t.Fatalf("request %s: %v", f.last().body, err)
	}
	var request struct{ Header, Body map[string]any }
	if err := json.Unmarshal(raw, &request); err != nil {
		t.Fatalf("request %s: %v", raw, err)
	}
	checkHeader(t, request.Header)
	return request.Body
}

func checkHeader(t *testing.T, header map[string]any) {
	t.Helper()
	if id, _ := header["reqMsgId"].(string); !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
		t.Errorf("reqMsgId = %q, want 32 hex characters", id)
	}
	reqTime, _ := header["reqTime"].(string)
	if _, err := time.Parse(time.RFC3339, reqTime); err != nil || len(reqTime) != 25 || strings.Contains(reqTime, "Z") {
		t.Errorf("reqTime = %q, want whole seconds with a numeric offset", reqTime)
	}
	delete(header, "reqMsgId")
	delete(header, "reqTime")
	want := map[string]any{"version": "1.0", "partnerNo": "10086", "signType": "SHA256"}
	if diff := cmp.Diff(want, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

var created = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

func createRequest(change func(*payments.CreateRequest)) payments.CreateRequest {
	r := payments.CreateRequest{
		Number:    "SF202603010001",
		Method:    "online",
		Wallet:    models.AlipayHK,
		Money:     models.Money{Amount: 12850, Currency: "HKD"},
		Goods:     12000,
		Shipping:  850,
		Title:     "茶具 & <茶杯>",
		NotifyURL: "https://shop.example/n?g=sfp&v=1",
		ReturnURL: "https://shop.example/r/tok123",
		OrderedAt: created,
		CreatedAt: created.Add(40 * time.Millisecond),
		ExpiresAt: created.Add(30 * time.Minute),
	}
	if change != nil {
		change(&r)
	}
	return r
}

func payPage(address string) []byte {
	return sealed(response(fmt.Sprintf(`{"code":1,"msg":"success","payUrl":%q}`, address)))
}

const pageAddress = "https://pay.example/api/online/pay/5a42?x=1&y=2"

func TestCreateSends(t *testing.T) {
	base := map[string]any{
		"storeNo": "100860000000001", "partnerOrderNo": "SF202603010001", "orderAmount": 12850.0,
		"orderTitle": "茶具 & <茶杯>", "operatorId": "op1", "terminalNo": "t1",
		"notifyUrl": "https://shop.example/n?g=sfp&v=1", "returnUrl": "https://shop.example/r/tok123",
	}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{}
		for _, m := range []map[string]any{base, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	window := map[string]any{"wallet": "Alipay", "currency": "HKD", "orderCreate": "1772337600000", "timeoutRule": "30m"}
	tests := []struct {
		name   string
		change func(*payments.CreateRequest)
		path   string
		want   map[string]any
	}{
		{"online", nil, "/api/online/create", with(map[string]any{
			"wallet": "AlipayHK", "currency": "HKD", "goodsAmount": 12000.0, "goodsExtraAmount": 850.0,
			"orderCreate": "1772337600000", "timeoutRule": "30m",
		})},
		{"online, nothing shipped", func(r *payments.CreateRequest) {
			r.Wallet, r.Goods, r.Shipping = models.Alipay, 12850, 0
		}, "/api/online/create", with(window)},
		{"online, parts that do not add up", func(r *payments.CreateRequest) {
			r.Wallet, r.Goods = models.Alipay, 12001
		}, "/api/online/create", with(window)},
		{"online, span that Alipay does not take", func(r *payments.CreateRequest) {
			r.Shipping, r.ExpiresAt = 0, created.Add(20*time.Minute)
		}, "/api/online/create", with(map[string]any{"wallet": "AlipayHK", "currency": "HKD"})},
		{"qrcode", func(r *payments.CreateRequest) {
			r.Method, r.Wallet, r.Money.Currency = "qrcode", models.WeChat, "JPY"
		}, "/api/offline/qrcode", with(map[string]any{
			"wallet": "Wechat", "currency": "JPY", "goodsAmount": 12000.0, "goodsExtraAmount": 850.0,
		})},
		{"jspay", func(r *payments.CreateRequest) { r.Method, r.Wallet = "jspay", models.Alipay },
			"/api/jspay/create", with(map[string]any{"wallet": "Alipay"})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, far := newFar(t, answers(payPage(pageAddress)))
			got, err := g.Create(t.Context(), createRequest(tt.change))
			if err != nil {
				t.Fatal(err)
			}
			want := payments.Created{
				Action:   payments.NextAction{Kind: models.ActionRedirect, Data: pageAddress},
				State:    payments.StatePending,
				Exchange: payments.Exchange{Request: far.last().body, Response: payPage(pageAddress)},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Create (-want +got):\n%s", diff)
			}
			if want := "POST /sandbox" + tt.path; far.last().path != want || far.last().contentType != "application/json" {
				t.Errorf("call = %s as %s, want %s as application/json", far.last().path, far.last().contentType, want)
			}
			if diff := cmp.Diff(tt.want, far.sent(t)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if strings.Contains(string(far.last().body), vectorKey) {
				t.Error("the key is in the request")
			}
		})
	}
}

func TestCreateLeavesOutWhatIsEmpty(t *testing.T) {
	g, far := newFar(t, answers(payPage(pageAddress)))
	g.config.OperatorID, g.config.TerminalNo = "", ""
	_, err := g.Create(t.Context(), createRequest(func(r *payments.CreateRequest) {
		r.Method, r.Wallet, r.Title, r.NotifyURL, r.ReturnURL = "jspay", models.WeChat, "\x00\n", "", ""
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"storeNo": "100860000000001", "partnerOrderNo": "SF202603010001", "wallet": "Wechat", "orderAmount": 12850.0,
	}
	if diff := cmp.Diff(want, far.sent(t)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestCreateNotSent(t *testing.T) {
	tests := []struct {
		name   string
		change func(*payments.CreateRequest)
	}{
		{"unknown method", func(r *payments.CreateRequest) { r.Method = "cashier" }},
		{"no method", func(r *payments.CreateRequest) { r.Method = "" }},
		{"AlipayHK by jspay", func(r *payments.CreateRequest) { r.Method = "jspay" }},
		{"AlipayHK by qrcode", func(r *payments.CreateRequest) { r.Method = "qrcode" }},
		{"no number", func(r *payments.CreateRequest) { r.Number = "" }},
		{"long number", func(r *payments.CreateRequest) { r.Number = strings.Repeat("1", 33) }},
		{"number with a dash", func(r *payments.CreateRequest) { r.Number = "SF-1" }},
		{"no money", func(r *payments.CreateRequest) { r.Money.Amount = 0 }},
		{"negative money", func(r *payments.CreateRequest) { r.Money.Amount = -1 }},
		{"too much money", func(r *payments.CreateRequest) { r.Money.Amount = 2147483648 }},
		{"no currency", func(r *payments.CreateRequest) { r.Money.Currency = "" }},
		{"long notify address", func(r *payments.CreateRequest) { r.NotifyURL = "https://" + strings.Repeat("x", 193) }},
		{"long return address", func(r *payments.CreateRequest) { r.ReturnURL = "https://" + strings.Repeat("x", 193) }},
	}
	g, far := newFar(t, answers(payPage(pageAddress)))
	for _, tt := range tests {
		_, err := g.Create(t.Context(), createRequest(tt.change))
		if err == nil || payments.OutcomeOf(err) != payments.NotSent || far.count() != 0 {
			t.Fatalf("%s: Create: %v after %d calls, want NotSent and none", tt.name, err, far.count())
		}
	}
	far.Close()
	if _, err := g.Create(t.Context(), createRequest(nil)); err == nil || payments.OutcomeOf(err) != payments.NotSent {
		t.Errorf("Create with nobody listening: %v, want NotSent", err)
	}
}

func TestCreateLimits(t *testing.T) {
	g, far := newFar(t, answers(payPage(pageAddress)))
	_, err := g.Create(t.Context(), createRequest(func(r *payments.CreateRequest) {
		r.Number = strings.Repeat("9", 32)
		r.Money.Amount = 2147483647
		r.NotifyURL = "https://" + strings.Repeat("x", 192)
		r.Title = strings.Repeat("茶", 40)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := far.sent(t)["orderTitle"], strings.Repeat("茶", 33); got != want {
		t.Errorf("orderTitle = %q, want %q", got, want)
	}
}

func TestCreateAddress(t *testing.T) {
	page := func(members string) []byte { return sealed(response(`{"code":1,"msg":"success",` + members + `}`)) }
	tests := []struct {
		name    string
		answer  []byte
		want    string           // the address the buyer is sent to
		outcome payments.Outcome // when there is none
	}{
		{"E, spaced key", sealed(vectorCreateAnswer), "https://pay.example/api/online/pay/5a42&x=1", ""},
		{"space behind the key", page(`"payUrl ":"https://pay.example/p"`), "https://pay.example/p", ""},
		{"exact key wins", page(`" payUrl ":"https://pay.example/1","payUrl":"https://pay.example/2"`), "https://pay.example/2", ""},
		{"escaped slashes", page(`"payUrl":"https:\/\/pay.example\/p"`), "https://pay.example/p", ""},
		{"pretty-printed", sealed("{\n \"header\" : {\"partnerNo\" : \"10086\"},\n \"body\" : {\"code\" : 1,\n \"payUrl\" : \"https://pay.example/p\"}\n}"), "https://pay.example/p", ""},
		{"two spaced keys", page(`" payUrl":"https://pay.example/1","payUrl ":"https://pay.example/2"`), "", payments.Unknown},
		{"key twice", page(`"payUrl":"https://pay.example/1","payUrl":"https://pay.example/2"`), "", payments.Unknown},
		{"key in capitals too", page(`"payUrl":"https://pay.example/1","PAYURL":"https://pay.example/2"`), "", payments.Unknown},
		{"no address", sealed(response(`{"code":1,"msg":"success"}`)), "", payments.Unknown},
		{"empty address", page(`"payUrl":""`), "", payments.Unknown},
		{"address as object", page(`"payUrl":{}`), "", payments.Unknown},
		{"another merchant", sealed(strings.Replace(vectorCreateAnswer, "10086", "10087", 1)), "", payments.Unknown},
		{"another host", page(`"payUrl":"https://evil.example/p"`), "", payments.BadRedirect},
		{"host that begins alike", page(`"payUrl":"https://pay.example.evil.example/p"`), "", payments.BadRedirect},
		{"user information", page(`"payUrl":"https://pay.example@evil.example/p"`), "", payments.BadRedirect},
		{"script", page(`"payUrl":"javascript:alert(1)"`), "", payments.BadRedirect},
		{"relative", page(`"payUrl":"/p"`), "", payments.BadRedirect},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, far := newFar(t, answers(tt.answer))
			got, err := g.Create(t.Context(), createRequest(nil))
			if got.Action.Data != tt.want {
				t.Errorf("address = %q, want %q", got.Action.Data, tt.want)
			}
			if (err != nil) != (tt.outcome != "") || err != nil && payments.OutcomeOf(err) != tt.outcome {
				t.Errorf("error = %v, want outcome %q", err, tt.outcome)
			}
			if diff := cmp.Diff(payments.Exchange{Request: far.last().body, Response: tt.answer}, got.Exchange); diff != "" {
				t.Errorf("exchange (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateCodes(t *testing.T) {
	wants := map[payments.Outcome][]int{
		payments.Refused:   {2, 3, 4, 5, 6, 7, 8, 40, 41, 42, 43, 44},
		payments.NotFound:  {30},
		payments.Duplicate: {31},
		payments.Unknown:   {-1, 0, 9, 10, 20, 21, 22, 32, 33, 34, 35, 45, 99999},
	}
	for want, codes := range wants {
		for _, code := range codes {
			g, _ := newFar(t, answers(failure(code)))
			got, err := g.Create(t.Context(), createRequest(nil))
			checkFailure(t, fmt.Sprintf("Create answered with code %d", code), err, want, code)
			if got.Action.Kind != models.ActionNone || got.State != "" {
				t.Errorf("Create answered with code %d = %+v, want nothing", code, got)
			}
		}
	}
}

// failure is a signed answer with the code.
func failure(code int) []byte {
	return sealed(response(fmt.Sprintf(`{"code":%d,"msg":"订单\n%d"}`, code, code)))
}

func checkFailure(t *testing.T, what string, err error, want payments.Outcome, code int) {
	t.Helper()
	var got *payments.CallError
	if !errors.As(err, &got) {
		t.Errorf("%s: error = %v, want a CallError", what, err)
		return
	}
	if got.Outcome != want || got.Code != fmt.Sprint(code) || got.Message != fmt.Sprintf("订单%d", code) {
		t.Errorf("%s: error = %+v, want outcome %s with the code and its message", what, got, want)
	}
}

// calls are the calls that a gateway can fail to answer.
var calls = map[string]func(context.Context, *Gateway) (payments.Exchange, error){
	"Create": func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		got, err := g.Create(ctx, createRequest(nil))
		return got.Exchange, err
	},
	"Query": func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		got, err := g.Query(ctx, "SF202603010001")
		return got.Exchange, err
	},
	"Refund": func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		got, err := g.Refund(ctx, refundRequest)
		return got.Exchange, err
	},
}

// TestUnknown lets the gateway fail in every way: whatever it seems to say, the outcome is
// unknown, and what it said is kept.
func TestUnknown(t *testing.T) {
	refusal := response(`{"code":3,"msg":"no such partner"}`)
	unsigned := []byte(`{"response":` + refusal + `,"signature":""}`)
	write := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write(body)
		}
	}
	tests := []struct {
		name     string
		answer   http.HandlerFunc
		response []byte
		code     string
	}{
		{"unsigned refusal", answers(unsigned), unsigned, "3"},
		{"refusal without a signature", answers([]byte(`{"response":` + refusal + `}`)), []byte(`{"response":` + refusal + `}`), "3"},
		{"refusal under another key", answers(seal("response", []byte(refusal), "another-demo-key-0002")), seal("response", []byte(refusal), "another-demo-key-0002"), "3"},
		{"status 500 and unsigned", write(500, unsigned), unsigned, "3"},
		{"status 500 and a page", write(500, []byte("<html>oops</html>")), []byte("<html>oops</html>"), ""},
		{"page", answers([]byte("<html>success</html>")), []byte("<html>success</html>"), ""},
		{"empty", answers(nil), []byte{}, ""},
		{"status 204", write(204, nil), []byte{}, ""},
		{"cut off", answers(sealed(refusal)[:90]), sealed(refusal)[:90], ""},
		{"broken JSON of the docs", answers(sealed(`{"header":{"partnerNo":"10086"},"body":{"code":30 "msg":"x",}}`)), sealed(`{"header":{"partnerNo":"10086"},"body":{"code":30 "msg":"x",}}`), ""},
		{"code twice", answers(sealed(response(`{"code":3,"code":2}`))), sealed(response(`{"code":3,"code":2}`)), ""},
		{"no code", answers(sealed(response(`{"msg":"x"}`))), sealed(response(`{"msg":"x"}`)), ""},
		{"another merchant's refusal", answers(sealed(strings.Replace(refusal, "10086", "10087", 1))), sealed(strings.Replace(refusal, "10086", "10087", 1)), "3"},
		{"connection closed", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, ""},
	}
	for _, tt := range tests {
		for name, call := range calls {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				g, far := newFar(t, tt.answer)
				exchange, err := call(t.Context(), g)
				var got *payments.CallError
				if !errors.As(err, &got) || got.Outcome != payments.Unknown || got.Code != tt.code {
					t.Errorf("error = %+v, want Unknown with code %q", err, tt.code)
				}
				want := payments.Exchange{Request: far.last().body, Response: tt.response}
				if diff := cmp.Diff(want, exchange); diff != "" {
					t.Errorf("exchange (-want +got):\n%s", diff)
				}
				if err != nil && strings.Contains(err.Error(), vectorKey) {
					t.Errorf("error %q shows the key", err)
				}
			})
		}
	}
}

func TestHalfAnswer(t *testing.T) {
	whole := payPage(pageAddress)
	half := whole[:len(whole)/2]
	for name, call := range calls {
		g, _ := newFar(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			w.Write(half)
		})
		exchange, err := call(t.Context(), g)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown || string(exchange.Response) != string(half) {
			t.Errorf("%s with half an answer: %q, %v, want the half and Unknown", name, exchange.Response, err)
		}
	}
}

func TestHugeAnswer(t *testing.T) {
	for name, call := range calls {
		g, _ := newFar(t, answers([]byte(strings.Repeat(" ", 10<<20)+string(payPage(pageAddress)))))
		exchange, err := call(t.Context(), g)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown || len(exchange.Response) > 1<<20 {
			t.Errorf("%s with 10 MB: kept %d bytes, %v, want at most 1 MB and Unknown", name, len(exchange.Response), err)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for name, call := range calls {
		g, far := newFar(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		})
		_, err := call(t.Context(), g)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown || far.count() != 1 {
			t.Errorf("%s with a redirect: %v after %d calls, want Unknown after one", name, err, far.count())
		}
	}
}

func TestDeadline(t *testing.T) {
	for name, call := range calls {
		ctx, giveUp := context.WithCancel(t.Context())
		g, far := newFar(t, func(_ http.ResponseWriter, r *http.Request) {
			giveUp() // the request has arrived; no answer will
			<-r.Context().Done()
		})
		exchange, err := call(ctx, g)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown {
			t.Errorf("%s without an answer: %v, want Unknown", name, err)
		}
		far.Close() // waits for the handler
		if string(exchange.Request) != string(far.last().body) {
			t.Errorf("%s without an answer: exchange has request %q, want %q", name, exchange.Request, far.last().body)
		}
	}
}

// TestSignedAnswerCountsWhateverTheStatus proves that the body is read before the HTTP status.
func TestSignedAnswerCountsWhateverTheStatus(t *testing.T) {
	g, _ := newFar(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(failure(5))
	})
	_, err := g.Create(t.Context(), createRequest(nil))
	checkFailure(t, "Create answered with status 500", err, payments.Refused, 5)
}

func TestQuery(t *testing.T) {
	paid := func(old, with string) []byte { return sealed(strings.Replace(response(paidBody), old, with, 1)) }
	state := func(s payments.State) payments.Report {
		return paidWith(func(r *payments.Report) { r.State = s })
	}
	closed := payments.Report{
		Gateway: models.ScanForPay, Merchant: "10086", Number: "SF202603010001", State: payments.StateClosed, Conclusive: true,
	}
	tests := []struct {
		name   string
		answer []byte
		want   payments.Report
	}{
		{"paid", paid("", ""), paidReport},
		{"pretty-printed", sealed(vectorNotification), paidReport},
		{"waiting", paid(`"status":1`, `"status":0`), state(payments.StatePending)},
		{"failed", paid(`"status":1`, `"status":2`), state(payments.StateFailed)},
		{"refunded", paid(`"status":1`, `"status":3`), state(payments.StateGivenBack)},
		{"status of another day", paid(`"status":1`, `"status":7`), state(payments.StateUnknown)},
		{"spaced names", sealed(response(strings.ReplaceAll(paidBody, `":`, ` ":`))), paidReport},
		{"another merchant", paid("10086", "10087"), paidWith(func(r *payments.Report) { r.Merchant = "10087" })},
		{"closed", failure(33), closed},
		{"closed, with its number", sealed(response(`{"code":33,"msg":"x","partnerOrderNo":"SF202603010001"}`)), closed},
		{"closed, whatever its status", paid(`"code":1`, `"code":33`), state(payments.StateClosed)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, far := newFar(t, answers(tt.answer))
			got, err := g.Query(t.Context(), "SF202603010001")
			if err != nil {
				t.Fatal(err)
			}
			checkReadAgain(t, g, got, nil)
			tt.want.Exchange = payments.Exchange{Request: far.last().body, Response: tt.answer}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Query (-want +got):\n%s", diff)
			}
			if want := "POST /sandbox/api/common/payQuery"; far.last().path != want {
				t.Errorf("call = %s, want %s", far.last().path, want)
			}
			want := map[string]any{"storeNo": "100860000000001", "partnerOrderNo": "SF202603010001"}
			if diff := cmp.Diff(want, far.sent(t)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// TestQueryDecidesNothing has answers that must not move a payment, though they are signed.
func TestQueryDecidesNothing(t *testing.T) {
	paid := func(old, with string) []byte { return sealed(strings.Replace(response(paidBody), old, with, 1)) }
	tests := []struct {
		name   string
		answer []byte
	}{
		{"another payment", paid("SF202603010001", "SF202603010002")},
		{"another payment closed", sealed(response(`{"code":33,"partnerOrderNo":"SF202603010002"}`))},
		{"no number", paid(`"partnerOrderNo":"SF202603010001",`, ``)},
		{"no amount", paid(`"orderAmount":12850,`, ``)},
		{"no status", paid(`,"status":1`, ``)},
		{"status twice", paid(`"status":1`, `"status":1,"Status":0`)},
		{"amount with a fraction", paid(`12850`, `12850.5`)},
		{"create answer", payPage(pageAddress)},
	}
	for _, tt := range tests {
		g, _ := newFar(t, answers(tt.answer))
		got, err := g.Query(t.Context(), "SF202603010001")
		checkReadAgain(t, g, got, err)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown || got.State != "" || string(got.Exchange.Response) != string(tt.answer) {
			t.Errorf("%s: Query answered with %s = %+v, %v, want Unknown and the exchange alone", tt.name, tt.answer, got, err)
		}
	}
}

func TestQueryCodes(t *testing.T) {
	for _, code := range []int{0, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 30, 31, 32, 34, 35, 40, 43, 44, 99} {
		want := payments.Unknown
		if code == 30 {
			want = payments.NotFound
		}
		g, _ := newFar(t, answers(failure(code)))
		got, err := g.Query(t.Context(), "SF202603010001")
		checkReadAgain(t, g, got, err)
		checkFailure(t, fmt.Sprintf("Query answered with code %d", code), err, want, code)
	}
}

// checkReadAgain reads the answer to a query a second time, from what is kept of it.
func checkReadAgain(t *testing.T, g *Gateway, first payments.Report, firstErr error) {
	t.Helper()
	again, err := g.ReadQuery("SF202603010001", first.Exchange)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("ReadQuery of %s (-Query +ReadQuery):\n%s", first.Exchange.Response, diff)
	}
	if (err == nil) != (firstErr == nil) || err != nil && payments.OutcomeOf(err) != payments.OutcomeOf(firstErr) {
		t.Errorf("ReadQuery of %s: %v, and Query: %v", first.Exchange.Response, err, firstErr)
	}
}

func TestReadQueryWithAnotherKey(t *testing.T) {
	config := testGateway(t, "http://127.0.0.1:9").config
	config.SignKey = "another-key-of-the-shop-0123456789"
	g, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	answer := sealed(response(paidBody))
	if got, err := g.ReadQuery("SF202603010001", payments.Exchange{Response: answer}); !errors.Is(err, payments.ErrSignature) || got.State != "" {
		t.Errorf("ReadQuery = %+v, %v, want ErrSignature", got, err)
	}
}

var refundRequest = payments.RefundRequest{
	PaymentNumber: "SF202603010001",
	RefundNumber:  "RF202603020001",
	Money:         models.Money{Amount: 2850, Currency: "HKD"},
	Reason:        "returned",
}

func TestRefund(t *testing.T) {
	ours := refundRequest.Money
	body := func(members string) []byte { return sealed(response(`{"code":1,"msg":"success",` + members + `}`)) }
	full := func(status string) []byte {
		return body(`"orderAmount":2850,"currency":"HKD","refundNo":"RF202603020001","status":` + status)
	}
	report := func(state models.RefundStatus, money models.Money) payments.RefundReport {
		return payments.RefundReport{State: state, Money: money, Message: "success"}
	}
	tests := []struct {
		name   string
		answer []byte
		want   payments.RefundReport
	}{
		{"done", full(`1`), report(models.RefundSucceeded, ours)},
		{"in progress", full(`0`), report(models.RefundPending, ours)},
		{"failed", full(`2`), report(models.RefundFailed, ours)},
		{"status of another day", full(`9`), report(models.RefundPending, ours)},
		{"numbers as strings", body(`"orderAmount":"2850","currency":"HKD","status":"1"`), report(models.RefundSucceeded, ours)},
		{"spaced number", body(`" refundNo ":"RF202603020001","status":1`), report(models.RefundSucceeded, models.Money{})},
		{"as short as can be", body(`"status":1`), report(models.RefundSucceeded, models.Money{})},
		{"more than is left", failure(35), payments.RefundReport{State: models.RefundFailed, Message: "code 35: 订单35"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, far := newFar(t, answers(tt.answer))
			got, err := g.Refund(t.Context(), refundRequest)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Exchange = payments.Exchange{Request: far.last().body, Response: tt.answer}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Refund (-want +got):\n%s", diff)
			}
			if want := "POST /sandbox/api/common/refund"; far.last().path != want {
				t.Errorf("call = %s, want %s", far.last().path, want)
			}
			want := map[string]any{
				"partnerOrderNo": "SF202603010001", "refundNo": "RF202603020001", "orderAmount": 2850.0,
				"operatorId": "op1", "terminalNo": "t1",
			}
			if diff := cmp.Diff(want, far.sent(t)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefundDecidesNothing(t *testing.T) {
	body := func(members string) []byte { return sealed(response(`{"code":1,"msg":"success",` + members + `}`)) }
	tests := []struct {
		name   string
		answer []byte
	}{
		{"another amount", body(`"orderAmount":2851,"currency":"HKD","status":1`)},
		{"another currency", body(`"orderAmount":2850,"currency":"JPY","status":1`)},
		{"another refund", body(`"refundNo":"RF202603020002","status":1`)},
		{"another refund that failed", body(`"refundNo":"RF202603020002","status":2`)},
		{"amount with a fraction", body(`"orderAmount":2850.0,"status":1`)},
		{"no status", body(`"orderAmount":2850`)},
		{"status twice", body(`"status":1,"status":2`)},
		{"another merchant", sealed(strings.Replace(response(`{"code":1,"status":1}`), "10086", "10087", 1))},
		{"another merchant's failure", sealed(strings.Replace(response(`{"code":35}`), "10086", "10087", 1))},
	}
	for _, tt := range tests {
		g, _ := newFar(t, answers(tt.answer))
		got, err := g.Refund(t.Context(), refundRequest)
		if err == nil || payments.OutcomeOf(err) != payments.Unknown || got.State != "" || string(got.Exchange.Response) != string(tt.answer) {
			t.Errorf("%s: Refund answered with %s = %+v, %v, want Unknown and the exchange alone", tt.name, tt.answer, got, err)
		}
	}
}

func TestRefundCodes(t *testing.T) {
	for _, code := range []int{2, 3, 4, 5, 6, 7, 8, 30, 32, 33, 34, 35, 43, 44} {
		g, _ := newFar(t, answers(failure(code)))
		got, err := g.Refund(t.Context(), refundRequest)
		if err != nil || got.State != models.RefundFailed {
			t.Errorf("Refund answered with code %d = %q, %v, want failed", code, got.State, err)
		}
	}
	for _, code := range []int{0, 9, 20, 21, 22, 31, 40, 41, 42, 99} {
		g, _ := newFar(t, answers(failure(code)))
		_, err := g.Refund(t.Context(), refundRequest)
		checkFailure(t, fmt.Sprintf("Refund answered with code %d", code), err, payments.Unknown, code)
	}
}

func TestQueryAndRefundNotSent(t *testing.T) {
	g, far := newFar(t, answers(failure(2)))
	for _, number := range []string{"", "SF-1", "订单", strings.Repeat("1", 33)} {
		if _, err := g.Query(t.Context(), number); err == nil || payments.OutcomeOf(err) != payments.NotSent {
			t.Errorf("Query(%q): %v, want NotSent", number, err)
		}
		for _, r := range []payments.RefundRequest{
			{PaymentNumber: number, RefundNumber: "R1", Money: refundRequest.Money},
			{PaymentNumber: "P1", RefundNumber: number, Money: refundRequest.Money},
		} {
			if _, err := g.Refund(t.Context(), r); err == nil || payments.OutcomeOf(err) != payments.NotSent {
				t.Errorf("Refund(%+v): %v, want NotSent", r, err)
			}
		}
	}
	for _, money := range []models.Money{{}, {Amount: 0, Currency: "HKD"}, {Amount: 1 << 31, Currency: "HKD"}, {Amount: 1, Currency: "hkd"}} {
		r := payments.RefundRequest{PaymentNumber: "P1", RefundNumber: "R1", Money: money}
		if _, err := g.Refund(t.Context(), r); err == nil || payments.OutcomeOf(err) != payments.NotSent {
			t.Errorf("Refund(%+v): %v, want NotSent", r, err)
		}
	}
	if far.count() != 0 {
		t.Errorf("%d calls were made, want none", far.count())
	}
}

func TestUnsupported(t *testing.T) {
	g := testGateway(t, "https://pay.example")
	if _, err := g.Close(t.Context(), "P1"); err == nil || payments.OutcomeOf(err) != payments.Unsupported {
		t.Errorf("Close: %v, want Unsupported", err)
	}
	if _, err := g.QueryRefund(t.Context(), refundRequest); err == nil || payments.OutcomeOf(err) != payments.Unsupported {
		t.Errorf("QueryRefund: %v, want Unsupported", err)
	}
}

func TestNames(t *testing.T) {
	g := testGateway(t, "https://pay.example")
	if g.Name() != models.ScanForPay || g.Merchant() != "10086" {
		t.Errorf("Name, Merchant = %s, %s, want scanforpay, 10086", g.Name(), g.Merchant())
	}
}

func TestOneLine(t *testing.T) {
	tests := []struct {
		text string
		most int
		want string
	}{
		{"Tea set", 100, "Tea set"},
		{"a\r\nb\x00\x7f\u0085c", 100, "abc"},
		{"bad \xff byte", 100, "bad  byte"},
		{"茶具茶", 8, "茶具"},
		{"茶具", 6, "茶具"},
		{"茶", 2, ""},
		{"ab cd", 3, "ab"},
		{" \t ", 100, ""},
	}
	for _, tt := range tests {
		if got := oneLine(tt.text, tt.most); got != tt.want {
			t.Errorf("oneLine(%q, %d) = %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		got := oneLine(text, 20)
		if len(got) > 20 || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\x00") {
			t.Fatalf("oneLine(%q, 20) = %q", text, got)
		}
	})
}

package pass2pay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saoma/models"
	"saoma/payments"
)

// gatewayServer answers calls with what answer writes and remembers what it was sent.
type gatewayServer struct {
	URL    string
	answer http.HandlerFunc

	mu   sync.Mutex
	sent []sentCall
}

type sentCall struct {
	path   string
	params params
}

// newGateway returns a gateway that talks to a server of its own on the loopback.
func newGateway(t *testing.T, answer http.HandlerFunc) (*Gateway, *gatewayServer) {
	t.Helper()
	s := &gatewayServer{answer: answer}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	config := goodConfig()
	config.BaseURL = server.URL + "/p2p/"
	g, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	g.now = func() time.Time { return time.UnixMilli(1772337600000) }
	return g, s
}

func (s *gatewayServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p, _ := readParams(body)
	s.mu.Lock()
	s.sent = append(s.sent, sentCall{r.URL.Path, p})
	s.mu.Unlock()
	s.answer(w, r)
}

func (s *gatewayServer) calls() []sentCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// says answers every call with the text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

// signed returns a good answer with the data, signed.
func signed(t testing.TB, data string) string {
	t.Helper()
	p, err := readParams([]byte(data))
	if err != nil {
		t.Fatalf("data %s: %v", data, err)
	}
	return fmt.Sprintf(`{"code":0,"data":%s,"msg":"SUCCESS","sign":%q}`, data, sign(p, demoSecret))
}

func jsonText(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func refusal(msg string) string { return fmt.Sprintf(`{"code":9999,"msg":%q}`, msg) }

func names(p params) []string { return slices.Sorted(maps.Keys(p)) }

func goodCreate() payments.CreateRequest {
	created := time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	return payments.CreateRequest{
		Number:        "PP202603010001",
		Method:        "ALI_WAP",
		Wallet:        models.Alipay,
		Money:         models.Money{Amount: 12850, Currency: "CNY"},
		Goods:         12850,
		Title:         "never sent: </script>&amount=1",
		NotifyURL:     "https://shop.example/pay/notify/pass2pay",
		ReturnURL:     "https://shop.example/pay/return/tok123",
		CreatedAt:     created,
		ExpiresAt:     created.Add(30 * time.Minute),
		ClientIP:      "114.114.114.114",
		CustomerID:    "C10001",
		CustomerSince: time.UnixMilli(1700000000000),
	}
}

func goodRefund() payments.RefundRequest {
	return payments.RefundRequest{
		PaymentNumber: "PP202603010001",
		RefundNumber:  "RR202603020001",
		Money:         models.Money{Amount: 2850, Currency: "CNY"},
		Reason:        "refund by staff",
	}
}

const (
	createdData = `{"payOrderId":"P1793544595691261954","mchOrderNo":"PP202603010001","orderState":0,"payDataType":"codeUrl","payData":"weixin://wxpay/bizpayurl?pr=1"}`
	queriedData = `{"payOrderId":"P1793544595691261954","mchNo":"M1700000001","appId":"65f0a1b2c3d4e5f601234567","mchOrderNo":"PP202603010001","ifCode":"alipay","wayCode":"ALI_QR","amount":12850,"currency":"cny","state":2,"subject":"商品","body":"0","createdAt":1772337600123,"successTime":1772337788456}`
	refundData  = `{"refundOrderId":"R1","mchRefundNo":"RR202603020001","payAmount":12850,"refundAmount":2850,"state":2}`
)

// everyCall makes each call once and returns its exchange and error; the first two are the
// calls that every account has.
var everyCall = []struct {
	name string
	data string // of a good answer
	make func(context.Context, *Gateway) (payments.Exchange, error)
}{
	{"create", createdData, func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		created, err := g.Create(ctx, goodCreate())
		return created.Exchange, err
	}},
	{"query", queriedData, func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		report, err := g.Query(ctx, "PP202603010001")
		return report.Exchange, err
	}},
	{"close", `{"mchOrderNo":"PP202603010001"}`, func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		return g.Close(ctx, "PP202603010001")
	}},
	{"refund", refundData, func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		report, err := g.Refund(ctx, goodRefund())
		return report.Exchange, err
	}},
	{"refund query", refundData, func(ctx context.Context, g *Gateway) (payments.Exchange, error) {
		report, err := g.QueryRefund(ctx, goodRefund())
		return report.Exchange, err
	}},
}

// Whatever goes wrong once the request may have arrived leaves every call unknown.
func TestFaultsAreUnknown(t *testing.T) {
	for _, call := range everyCall {
		good := signed(t, call.data)
		tampered := strings.Replace(good, `"mch`, `"extra":1,"mch`, 1)
		faults := []struct {
			name   string
			answer http.HandlerFunc
		}{
			{"empty body", says("")},
			{"HTML", says("<html>502</html>")},
			{"truncated JSON", says(good[:len(good)/2])},
			{"two answers", says(good + good)},
			{"duplicate member", says(`{"code":0,` + good[1:])},
			{"case-variant member", says(`{"Code":0,` + good[1:])},
			{"no code", says(`{"msg":"SUCCESS"}`)},
			{"code is a fraction", says(`{"code":0.0,"msg":"SUCCESS"}`)},
			{"data is a list", says(`{"code":0,"data":[1],"sign":"x"}`)},
			{"data is a text", says(`{"code":0,"data":"{}","sign":"F5CB2E24B98FC410A5FF6BE90D51F7CC"}`)},
			{"sign missing", says(fmt.Sprintf(`{"code":0,"data":%s}`, call.data))},
			{"sign null", says(fmt.Sprintf(`{"code":0,"data":%s,"sign":null}`, call.data))},
			{"sign wrong", says(fmt.Sprintf(`{"code":0,"data":%s,"sign":"F5CB2E24B98FC410A5FF6BE90D51F7CC"}`, call.data))},
			{"data tampered with", says(tampered)},
			{"signed for RSA", says(signed(t, strings.Replace(call.data, `{`, `{"signType":"RSA",`, 1)))},
			{"object-valued member, its text in another order", says(fmt.Sprintf(
				`{"code":0,"data":%s,"sign":%q}`,
				strings.Replace(call.data, `{`, `{"payOrderInfo":{"b":1,"a":2},`, 1),
				signOf(t, strings.Replace(call.data, `{`, `{"payOrderInfo":{"a":2,"b":1},`, 1))))},
			{"system fault", says(refusal("系统异常"))},
			{"code 10", says(`{"code":10,"msg":"系统异常"}`)},
			{"code 12", says(`{"code":12,"msg":"数据库异常"}`)},
			{"words nobody knows", says(refusal("网关繁忙"))},
			{"no words", says(`{"code":9999}`)},
			{"HTTP 429", status(http.StatusTooManyRequests, "")},
			{"HTTP 500 with a good body", status(http.StatusInternalServerError, good)},
			{"HTTP 502", status(http.StatusBadGateway, "<html>")},
			{"redirect", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}},
			{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(good)))
				io.WriteString(w, good[:10])
			}},
			{"10 MB", func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, `{"code":0,"msg":"`)
				for range 10 {
					io.WriteString(w, strings.Repeat("x", 1<<20))
				}
			}},
			{"connection cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		}
		for _, fault := range faults {
			t.Run(call.name+"/"+fault.name, func(t *testing.T) {
				g, server := newGateway(t, fault.answer)
				exchange, err := call.make(t.Context(), g)
				if got := payments.OutcomeOf(err); err == nil || got != payments.Unknown {
					t.Errorf("error = %v, want outcome unknown", err)
				}
				if len(server.calls()) != 1 {
					t.Errorf("%d calls were made, want 1", len(server.calls()))
				}
				if len(exchange.Request) == 0 {
					t.Error("exchange has no request")
				}
				if err != nil && strings.Contains(err.Error(), demoSecret) || strings.Contains(string(exchange.Request), demoSecret) {
					t.Error("the secret shows")
				}
			})
		}
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func signOf(t testing.TB, data string) string {
	t.Helper()
	p, err := readParams([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return sign(p, demoSecret)
}

func TestTimeoutIsUnknown(t *testing.T) {
	for _, call := range everyCall {
		t.Run(call.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			// The request has arrived when the caller's time runs out.
			g, _ := newGateway(t, func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			})
			_, err := call.make(ctx, g)
			if got := payments.OutcomeOf(err); err == nil || got != payments.Unknown {
				t.Errorf("error = %v, want outcome unknown", err)
			}
		})
	}
}

func TestNoConnectionIsNotSent(t *testing.T) {
	for _, call := range everyCall {
		t.Run(call.name, func(t *testing.T) {
			closed := httptest.NewServer(http.NotFoundHandler())
			closed.Close()
			config := goodConfig()
			config.BaseURL = closed.URL
			g, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			_, err = call.make(t.Context(), g)
			if got := payments.OutcomeOf(err); got != payments.NotSent {
				t.Errorf("error = %v, want outcome not_sent", err)
			}
		})
	}
}

// What differs between honest gateways is understood all the same.
func TestGoodAnswersInAllTheirForms(t *testing.T) {
	for _, call := range everyCall {
		good := signed(t, call.data)
		pretty := "{\n \"code\" : 0 ,\n \"data\" : " + strings.ReplaceAll(call.data, `,"`, ",\n \"") +
			" ,\n \"sign\" : \"" + signOf(t, call.data) + "\" }\n"
		texts := strings.NewReplacer(`:0,`, `:"0",`, `:2,`, `:"2",`, `:2}`, `:"2"}`, `:12850,`, `:"12850",`,
			`:2850,`, `:"2850",`, `:1772337600123`, `:"1772337600123"`).Replace(call.data)
		forms := map[string]string{
			"plain":                good,
			"lower-case sign":      strings.Replace(good, signOf(t, call.data), strings.ToLower(signOf(t, call.data)), 1),
			"traceId":              strings.Replace(good, `{"code"`, `{"traceId":"8a6c","code"`, 1),
			"code as text":         strings.Replace(good, `"code":0`, `"code":"0"`, 1),
			"pretty-printed":       pretty,
			"numbers as strings":   signed(t, texts),
			"unknown signed extra": signed(t, strings.Replace(call.data, `{`, `{"Zone":"hk","fee":0,"ok":false,`, 1)),
			"null member":          signed(t, strings.Replace(call.data, `{`, `{"errCode":null,`, 1)),
			"object-valued member signed as it stands": signed(t, strings.Replace(call.data, `{`, `{"payOrderInfo":{"b":1,"a":2},`, 1)),
		}
		for name, answer := range forms {
			t.Run(call.name+"/"+name, func(t *testing.T) {
				g, _ := newGateway(t, says(answer))
				exchange, err := call.make(t.Context(), g)
				if err != nil {
					t.Errorf("answer %s: error = %v, want none", answer, err)
				}
				if string(exchange.Response) != answer {
					t.Errorf("exchange.Response = %s, want %s", exchange.Response, answer)
				}
			})
		}
	}
}

func TestLongWordsAreClipped(t *testing.T) {
	g, _ := newGateway(t, says(refusal(strings.Repeat("系", 1000))))
	_, err := g.Query(t.Context(), "P1")
	callError, ok := err.(*payments.CallError)
	if !ok || len(callError.Message) > maxMessage || !strings.HasPrefix(callError.Message, "系系") ||
		strings.Trim(callError.Message, "系") != "" {
		t.Errorf("error = %v, want the first whole characters of the message", err)
	}
}

package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// noon is where the clock of every test begins. It stands still unless the test moves it.
var noon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

// bench is a sandbox behind a real server, and a shop that it notifies.
type bench struct {
	*Sandbox
	t    *testing.T
	url  string
	shop *shop
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	s := New(Config{
		PublicURL: address,
		Now:       func() time.Time { return noon },
		Log:       slog.New(slog.DiscardHandler),
	})
	server.Config.Handler = s
	server.Start()
	b := &bench{Sandbox: s, t: t, url: address, shop: newShop(t)}
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	return b
}

// shop takes notifications and answers each with the next of its replies, the last one for ever.
type shop struct {
	url      string
	received chan notification
	replies  chan string
}

type notification struct {
	path        string
	contentType string
	body        string
}

func newShop(t *testing.T, replies ...string) *shop {
	s := &shop{received: make(chan notification, 10_000), replies: make(chan string, 100)}
	for _, r := range replies {
		s.replies <- r
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.received <- notification{r.URL.RequestURI(), r.Header.Get("Content-Type"), string(body)}
		select {
		case reply := <-s.replies:
			io.WriteString(w, reply)
		default:
			io.WriteString(w, "success")
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// next awaits a notification.
func (s *shop) next(t *testing.T) notification {
	t.Helper()
	select {
	case n := <-s.received:
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("no notification came")
		return notification{}
	}
}

// nothing fails the test if a notification has come.
func (s *shop) nothing(t *testing.T) {
	t.Helper()
	select {
	case n := <-s.received:
		t.Fatalf("a notification came that should not: %s", n.body)
	default:
	}
}

// answer is what came back from a gateway.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (b *bench) send(method, path, contentType, body string) answer {
	b.t.Helper()
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return b.do(req)
}

// do sends a request on a connection of its own and follows no redirect.
func (b *bench) do(req *http.Request) answer {
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}

// fields are the members of a request's body. A nil value leaves a member out.
type fields map[string]any

// with returns the fields with some of them changed.
func (f fields) with(changes fields) fields {
	all := maps.Clone(f)
	for name, value := range changes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	return all
}

func toJSON(v any) string {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(buf.String(), "\n")
}

// sfpRequest signs a ScanForPay request, its header changed as asked.
func sfpRequest(header, body fields) string {
	h := fields{
		"version": "1.0", "partnerNo": DemoPartnerNo, "reqMsgId": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
		"reqTime": "2026-03-01T12:00:00+08:00", "signType": "SHA256",
	}.with(header)
	text := toJSON(map[string]any{"header": h, "body": body})
	return `{"request":` + text + `,"signature":"` + signScanForPay([]byte(text), DemoSignKey) + `"}`
}

// sfpAnswer is a ScanForPay answer or notification, its signature verified.
type sfpAnswer struct {
	Header map[string]any
	Body   map[string]any
}

func (b *bench) scanForPay(path string, body fields) sfpAnswer {
	b.t.Helper()
	a := b.send("POST", ScanForPayPath+path, "application/json", sfpRequest(nil, body))
	if a.err != nil || a.status != http.StatusOK {
		b.t.Fatalf("POST %s: got status %d, error %v", path, a.status, a.err)
	}
	return openSFP(b.t, a.body)
}

func openSFP(t *testing.T, text string) sfpAnswer {
	t.Helper()
	var envelope struct {
		Response  json.RawMessage `json:"response"`
		Signature string          `json:"signature"`
	}
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		t.Fatalf("cannot read envelope %q: %v", text, err)
	}
	if want := signScanForPay(envelope.Response, DemoSignKey); envelope.Signature != want {
		t.Fatalf("signature of %s: got %q, want %q", envelope.Response, envelope.Signature, want)
	}
	var a sfpAnswer
	if err := json.Unmarshal(envelope.Response, &a); err != nil {
		t.Fatalf("cannot read response %s: %v", envelope.Response, err)
	}
	return a
}

// p2pSigned adds what every Pass2Pay call has, and the signature.
func p2pSigned(body fields) fields {
	f := fields{
		"mchNo": DemoMchNo, "appId": DemoAppID, "reqTime": "1772337600000", "version": "1.1", "signType": "MD5",
	}.with(body)
	if _, given := f["sign"]; given {
		return f
	}
	params := map[string]string{}
	for name, value := range f {
		text, isText := value.(string)
		if !isText {
			text = toJSON(value)
		}
		params[name] = text
	}
	f["sign"] = signPass2Pay(params, DemoAppSecret)
	return f
}

// p2pAnswer is a Pass2Pay answer.
type p2pAnswer struct {
	Code    int
	Msg     string
	Data    map[string]any
	Sign    string
	TraceID string
}

func (b *bench) pass2Pay(path string, body fields) p2pAnswer {
	b.t.Helper()
	a := b.send("POST", Pass2PayPath+path, "application/json", toJSON(p2pSigned(body)))
	if a.err != nil || a.status != http.StatusOK {
		b.t.Fatalf("POST %s: got status %d, error %v", path, a.status, a.err)
	}
	return openP2P(b.t, a.body)
}

// openP2P reads an answer. Where it has data, the signature must be right.
func openP2P(t *testing.T, text string) p2pAnswer {
	t.Helper()
	var a p2pAnswer
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("cannot read answer %q: %v", text, err)
	}
	if a.Data == nil {
		if a.Sign != "" {
			t.Fatalf("answer without data is signed: %s", text)
		}
		return a
	}
	params := map[string]string{}
	for name, value := range a.Data {
		switch v := value.(type) {
		case json.Number:
			params[name] = v.String()
		case string:
			params[name] = v
		default:
			t.Fatalf("data.%s is %T in %s", name, value, text)
		}
	}
	if want := signPass2Pay(params, DemoAppSecret); a.Sign != want {
		t.Fatalf("sign of %s: got %q, want %q", text, a.Sign, want)
	}
	return a
}

func (b *bench) sfpOrder(number string) fields {
	return fields{
		"storeNo": DemoStoreNo, "partnerOrderNo": number, "wallet": "Alipay", "currency": "CNY",
		"orderAmount": 12850, "orderTitle": "Tea set",
		"notifyUrl": b.shop.url + "/notify/" + number, "returnUrl": b.shop.url + "/return/" + number,
	}
}

func (b *bench) p2pOrder(number string) fields {
	return fields{
		"mchOrderNo": number, "wayCode": "ALI_WAP", "amount": 12850, "currency": "cny", "subject": "商品", "body": "0",
		"clientIp": "114.114.114.114", "custNo": "C10001", "registerTime": "1700000000000",
		"notifyUrl": b.shop.url + "/notify/" + number, "returnUrl": b.shop.url + "/return/" + number,
	}
}

// create makes a payment at a gateway and returns its number.
func (b *bench) create(g Gateway, number string) string {
	b.t.Helper()
	if g == ScanForPay {
		a := b.scanForPay("/api/online/create", b.sfpOrder(number))
		if a.Body["code"] != 1.0 {
			b.t.Fatalf("create %s: got %v, want code 1", number, a.Body)
		}
		return number
	}
	a := b.pass2Pay("/api/pay/unifiedOrder", b.p2pOrder(number))
	if a.Code != 0 {
		b.t.Fatalf("create %s: got %+v, want code 0", number, a)
	}
	return number
}

func (b *bench) mustPay(number string) Payment {
	b.t.Helper()
	p, err := b.Pay(number)
	if err != nil {
		b.t.Fatalf("pay %s: %v", number, err)
	}
	return p
}

func (b *bench) set(f Fault) {
	b.t.Helper()
	if err := b.SetFault(f); err != nil {
		b.t.Fatalf("set fault %+v: %v", f, err)
	}
}

func mustParseForm(t *testing.T, body string) url.Values {
	t.Helper()
	form, err := url.ParseQuery(body)
	if err != nil {
		t.Fatalf("cannot read form %q: %v", body, err)
	}
	return form
}

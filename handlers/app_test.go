package handlers

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

// User agents of the browsers that buyers come with.
const (
	desktop  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
	phone    = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"
	inWeChat = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0 Mobile Safari/537.36 MicroMessenger/8.0.49.2600 NetType/WIFI Language/en ABI/arm64"
	inAlipay = "Mozilla/5.0 (Linux; U; Android 14; en-US; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0 Mobile Safari/537.36 AliApp(AP/10.5.90.8000) AlipayClient/10.5.90.8000 Language/en"
)

// testShop is a whole shop with the demo goods and a gateway that sends buyers to pay.example.com.
type testShop struct {
	t       testing.TB
	app     *App
	store   *models.Store
	gateway *stubGateway
	log     *safeBuffer

	mu  sync.Mutex
	now time.Time
}

func newShop(t testing.TB) *testShop {
	t.Helper()
	s := &testShop{t: t, gateway: &stubGateway{}, log: &safeBuffer{}, now: time.Now()}
	options := modelstest.Options(t)
	options.Now, options.Settings.LatePayment = s.clock, models.AskStaff
	s.store = modelstest.Open(t, options)
	if err := s.store.FillDemo(context.Background(), "en"); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	service := payments.New(payments.Config{
		Store: s.store, PublicURL: "http://localhost:8080", Log: log,
		Gateways: []payments.Account{{Gateway: s.gateway, Validity: time.Hour}},
		Routes: payments.Routes{
			{Wallet: "wechat", Scene: "any", Gateway: models.ScanForPay, Method: "jspay"},
			{Wallet: "alipay", Scene: "any", Gateway: models.ScanForPay, Method: "jspay"},
			{Wallet: "alipayhk", Scene: "desktop", Gateway: models.ScanForPay, Method: "online"},
		},
	})
	var err error
	s.app, err = New(Deps{
		Store: s.store, Payments: service, Log: log,
		Sandbox: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/sandbox/panic" {
				panic("on purpose")
			}
			w.Header().Set("Content-Security-Policy", "default-src *")
			io.WriteString(w, "sandbox "+r.URL.Path)
		}),
		Config: web.Config{
			PublicURL: "http://localhost:8080", Currency: "CNY",
			Languages: []string{"en", "zh-Hans", "zh-Hant", "ja"}, TimeZone: time.UTC,
			SecretKey: []byte("a secret key of thirty-two bytes"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *testShop) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// set changes what a variant costs and how many there are.
func (s *testShop) set(slug, sku string, price, onHand int64) {
	s.t.Helper()
	err := s.store.PutProducts(context.Background(), []models.Product{{
		Slug: slug, Name: "Article " + slug, Active: true,
		Variants: []models.Variant{{SKU: sku, Price: price, Counted: true, OnHand: onHand, Active: true}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// stubGateway takes every payment, or none while it is down.
type stubGateway struct {
	mu      sync.Mutex
	down    bool
	from    string // the only address from which it takes money; empty: any
	created int
}

func (g *stubGateway) Name() models.GatewayName { return models.ScanForPay }
func (g *stubGateway) Merchant() string         { return "merchant" }

func (g *stubGateway) Takes(_, ip string) bool { return g.from == "" || ip == g.from }

func (g *stubGateway) Create(_ context.Context, r payments.CreateRequest) (payments.Created, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down {
		return payments.Created{}, &payments.CallError{Outcome: payments.NotSent}
	}
	g.created++
	return payments.Created{State: payments.StatePending, Action: payments.NextAction{
		Kind: models.ActionRedirect, Data: "https://pay.example.com/" + r.Number,
	}}, nil
}

func (g *stubGateway) Query(context.Context, string) (payments.Report, error) {
	return payments.Report{}, &payments.CallError{Outcome: payments.Unknown}
}

func (g *stubGateway) Close(context.Context, string) (payments.Exchange, error) {
	return payments.Exchange{}, &payments.CallError{Outcome: payments.Unsupported}
}

func (g *stubGateway) Refund(context.Context, payments.RefundRequest) (payments.RefundReport, error) {
	return payments.RefundReport{}, &payments.CallError{Outcome: payments.Unsupported}
}

func (g *stubGateway) QueryRefund(context.Context, payments.RefundRequest) (payments.RefundReport, error) {
	return payments.RefundReport{}, &payments.CallError{Outcome: payments.Unsupported}
}

func (g *stubGateway) ReadQuery(string, payments.Exchange) (payments.Report, error) {
	return payments.Report{}, payments.ErrSignature
}

func (g *stubGateway) ParseNotification(string, []byte) (payments.Report, error) {
	return payments.Report{}, payments.ErrSignature
}

// TestEveryFormIsOurOwn sends to every address of the shop that takes anything, as a visitor with a session
// and as one without, what does not come from its pages. The desk's are tested with the desk.
func TestEveryFormIsOurOwn(t *testing.T) {
	s := newShop(t)
	exempt := []string{"/pay/notify/scanforpay", "/pay/notify/:other", "/pay/return/:token"} // no browser of ours sends there
	asked := 0
	for _, r := range s.app.GetRoutes(true) {
		if slices.Contains([]string{fiber.MethodGet, fiber.MethodHead}, r.Method) || strings.HasPrefix(r.Path, "/admin") || slices.Contains(exempt, r.Path) {
			continue
		}
		asked++
		target := strings.NewReplacer(":token", "nothing", ":sku", "nothing").Replace(r.Path)
		b := s.browse(desktop)
		b.do(r.Method, target, url.Values{"_csrf": {"forged"}}).check(t, r.Method+" "+target+" by nobody", 403, "", []string{"has expired"}, nil)
		b.get("/cart")
		b.do(r.Method, target, url.Values{"_csrf": {"forged"}}).check(t, r.Method+" "+target, 403, "", []string{"has expired"}, nil)
	}
	if asked < 7 {
		t.Errorf("got %d addresses that take something, want all of them", asked)
	}
}

// safeBuffer is a log that is written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// browser is one visitor: it keeps cookies, and the token of the last form it saw.
type browser struct {
	*testShop
	agent    string
	language string
	encoding string // as Accept-Encoding; empty: the header is not sent
	cookies  map[string]string
	token    string
}

func (s *testShop) browse(agent string) *browser {
	return &browser{testShop: s, agent: agent, language: "en", cookies: map[string]string{}}
}

// answer is what came back.
type answer struct {
	status   int
	location string
	header   http.Header
	body     string
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

func (b *browser) get(target string) answer { return b.do(http.MethodGet, target, nil) }

// post sends a form with the token of the last page that had one.
func (b *browser) post(target string, form url.Values) answer {
	form.Set("_csrf", b.token)
	return b.do(http.MethodPost, target, form)
}

func (b *browser) do(method, target string, form url.Values) answer {
	b.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("User-Agent", b.agent)
	r.Header.Set("Accept-Language", b.language)
	if b.encoding != "" {
		r.Header.Set("Accept-Encoding", b.encoding)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.app.Test(r, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range resp.Cookies() {
		b.cookies[cookie.Name] = cookie.Value
	}
	if found := csrfField.FindSubmatch(body); found != nil {
		b.token = string(found[1])
	}
	return answer{resp.StatusCode, resp.Header.Get("Location"), resp.Header, string(body)}
}

// fill puts pieces of an article into the cart.
func (b *browser) fill(slug, sku, quantity string) {
	b.t.Helper()
	b.get("/products/" + slug)
	if got := b.post("/cart/items", url.Values{"sku": {sku}, "quantity": {quantity}}); got.status != http.StatusSeeOther {
		b.t.Fatalf("add %s × %s: got %d, want 303\n%s", quantity, sku, got.status, got.body)
	}
}

var hiddenField = regexp.MustCompile(`name="(form_token|total)" value="([^"]*)"`)

// checkout opens the checkout and returns its form, filled in.
func (b *browser) checkout(wallet models.Wallet) url.Values {
	b.t.Helper()
	page := b.get("/checkout")
	if page.status != http.StatusOK {
		b.t.Fatalf("checkout: got %d to %q, want 200", page.status, page.location)
	}
	form := url.Values{
		"name": {"Ada Wong"}, "email": {"ada@example.com"}, "phone": {"+852 1234"},
		"address": {"1 Queen's Road"}, "city": {"Hong Kong"}, "country": {"Hong Kong"},
		"wallet": {string(wallet)},
	}
	for _, found := range hiddenField.FindAllStringSubmatch(page.body, -1) {
		form.Set(found[1], found[2])
	}
	return form
}

// check compares an answer with what a test wants of it. Location is a pattern.
func (a answer) check(t *testing.T, what string, status int, location string, want, absent []string) {
	t.Helper()
	if a.status != status || !regexp.MustCompile("^"+location+"$").MatchString(a.location) {
		t.Errorf("%s: got %d to %q, want %d to %q", what, a.status, a.location, status, location)
	}
	for _, text := range want {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s: got no %q in\n%s", what, text, a.body)
		}
	}
	for _, text := range absent {
		if strings.Contains(a.body, text) {
			t.Errorf("%s: got %q, which must not be in\n%s", what, text, a.body)
		}
	}
}

func TestMachines(t *testing.T) {
	s := newShop(t)
	b := s.browse("probe")
	b.get("/healthz").check(t, "alive", 200, "", []string{"ok"}, nil)
	b.get("/readyz").check(t, "ready", 200, "", []string{"ready"}, nil)
	b.get("/sandbox/wallet/1").check(t, "sandbox", 200, "", []string{"sandbox /sandbox/wallet/1"}, nil)
	if got := b.get("/sandbox").header.Values("Content-Security-Policy"); len(got) != 1 || got[0] != "default-src *" {
		t.Errorf("sandbox's policy: got %q, want its own alone", got)
	}
	b.get("/sandbox/panic").check(t, "panic", 500, "", []string{"Something went wrong"}, []string{"on purpose"})
	b.post("/pay/notify/pass2pay", url.Values{}).check(t, "notification of a gateway that is off", 404, "", []string{"Not Found"}, nil)
	b.get("/o/secret-token")
	b.get("/metrics").check(t, "metrics", 200, "",
		[]string{`route="/o/:token",method="GET",status="404"`, `saoma_sweep_lag_seconds{of="payments"} 0`, "process_resident_memory_bytes"}, []string{"secret-token"})
	if len(b.cookies) > 0 {
		t.Errorf("got cookies %v, want none", b.cookies)
	}
	s.app.Drain()
	b.get("/readyz").check(t, "while draining", 503, "", []string{"not ready"}, nil)
	b.get("/").check(t, "catalogue while draining", 200, "", nil, nil)
}

func TestReadyNeedsTheDatabase(t *testing.T) {
	store, err := models.Open(t.Context(), modelstest.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t)
	s.app.store = store
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.browse("probe").get("/readyz").check(t, "without a database", 503, "", []string{"not ready"}, nil)
}

func TestEveryPageIsGuarded(t *testing.T) {
	s := newShop(t)
	for _, target := range []string{"/", "/products/tea-set", "/cart", "/orders", "/nothing", "/o/nothing", "/static/nothing"} {
		got := s.browse(desktop).get(target)
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Request-Id"} {
			if got.header.Get(name) == "" {
				t.Errorf("%s has no %s", target, name)
			}
		}
	}
}

// TestLogHoldsNoSecret walks through a sale with everything logged.
func TestLogHoldsNoSecret(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	placed := b.post("/checkout", b.checkout(models.WeChat))
	b.get(placed.location + "?secret=query")
	b.get(placed.location + "/nonsense")
	log := s.log.String()
	if !strings.Contains(log, "route=/o/:token ") {
		t.Fatalf("log names no route:\n%s", log)
	}
	secrets := []string{strings.TrimPrefix(placed.location, "/o/"), b.token, "ada@example.com", "Queen", "query"}
	for _, value := range b.cookies {
		secrets = append(secrets, value)
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("log holds %q", secret)
		}
	}
}

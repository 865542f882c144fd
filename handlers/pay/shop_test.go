package pay_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saoma/handlers"
	"saoma/handlers/pay"
	"saoma/handlers/web"
	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

// User agents of the browsers that matter here.
const (
	desktop = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
	phone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
	weChat  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/en"
)

const publicURL = "http://shop.test"

// shop is the whole app over a real store and a gateway that does as it is told.
type shop struct {
	*models.Store
	app  *handlers.App
	till *pay.Till
	late *atomic.Int64 // how far the clock, which stands still, has been put forward
}

// anyWay leads every wallet everywhere to the till.
var anyWay = payments.Route{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}

func newShop(t *testing.T) *shop {
	t.Helper()
	return newShopBy(t, anyWay)
}

// newShopBy returns a shop whose clock the test puts forward, with other routes.
func newShopBy(t *testing.T, routes ...payments.Route) *shop {
	t.Helper()
	late, start := new(atomic.Int64), time.Now()
	o := modelstest.Options(t)
	o.Now = func() time.Time { return start.Add(time.Duration(late.Load())) }
	s := newShopOn(t, modelstest.Open(t, o), routes...)
	s.late = late
	return s
}

func newShopOn(t *testing.T, store *models.Store, routes ...payments.Route) *shop {
	t.Helper()
	s := &shop{Store: store, till: pay.NewTill()}
	modelstest.Product(t, s.Store, "cup", 12850, 100)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	service := payments.New(payments.Config{
		Store: s.Store, Gateways: []payments.Account{{Gateway: s.till, Validity: 12 * time.Hour}},
		Routes: routes, PublicURL: publicURL, Log: log,
	})
	var err error
	s.app, err = handlers.New(handlers.Deps{
		Store: s.Store, Payments: service, Log: log,
		Config: web.Config{
			PublicURL: publicURL, Currency: "CNY", Languages: []string{"en", "zh-Hans"},
			TimeZone: time.FixedZone("HKT", 8*60*60), SecretKey: []byte(strings.Repeat("k", 32)), SandboxOn: true,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// putForward lets time pass.
func (s *shop) putForward(d time.Duration) { s.late.Add(int64(d)) }

// order places an order.
func (s *shop) order(t *testing.T) *models.Order { return modelstest.Order(t, s.Store, "cup") }

// do sends a request and reads the whole answer.
func (s *shop) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	r.Host = strings.TrimPrefix(publicURL, "http://")
	answer, err := s.app.Test(r, -1)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return answer, string(body)
}

// get asks for a page as a browser.
func (s *shop) get(t *testing.T, path, userAgent string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("User-Agent", userAgent)
	return s.do(t, r)
}

var tokenField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

// press sends a form of the order page as a browser that has just opened it.
func (s *shop) press(t *testing.T, o *models.Order, path, userAgent string, form url.Values) *http.Response {
	t.Helper()
	return s.pressOn(t, o, path, userAgent, userAgent, form)
}

// pressOn sends a form of the order page as one browser saw it from another, whose page has no form.
func (s *shop) pressOn(t *testing.T, o *models.Order, path, seenBy, userAgent string, form url.Values) *http.Response {
	t.Helper()
	page, body := s.get(t, "/o/"+o.Token, seenBy)
	token := tokenField.FindStringSubmatch(body)
	if token == nil {
		t.Fatalf("no form on the order page:\n%s", body)
	}
	form.Set("_csrf", token[1])
	r := httptest.NewRequest(http.MethodPost, "/o/"+o.Token+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, cookie := range page.Cookies() {
		r.AddCookie(cookie)
	}
	answer, _ := s.do(t, r)
	return answer
}

func (s *shop) status(t *testing.T, o *models.Order) models.OrderStatus {
	t.Helper()
	now, err := s.OrderByToken(context.Background(), o.Token)
	if err != nil {
		t.Fatal(err)
	}
	return now.Status
}

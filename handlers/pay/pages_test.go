package pay_test

import (
	"context"
	"errors"
	"html"
	"image/png"
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

func newShop(t *testing.T) *shop {
	t.Helper()
	late, start := new(atomic.Int64), time.Now()
	o := modelstest.Options(t)
	o.Now = func() time.Time { return start.Add(time.Duration(late.Load())) }
	s := newShopOn(t, modelstest.Open(t, o))
	s.late = late
	return s
}

func newShopOn(t *testing.T, store *models.Store) *shop {
	t.Helper()
	s := &shop{Store: store, till: pay.NewTill()}
	modelstest.Product(t, s.Store, "cup", 12850, 100)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	service := payments.New(payments.Config{
		Store: s.Store, Gateways: []payments.Account{{Gateway: s.till, Validity: 12 * time.Hour}},
		Routes:    payments.Routes{{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}},
		PublicURL: publicURL, ShopName: "Shop", LatePayment: payments.FulfilOrRefund, Log: log,
	})
	var err error
	s.app, err = handlers.New(handlers.Deps{
		Store: s.Store, Payments: service, Log: log,
		Config: web.Config{
			ShopName: "Shop", PublicURL: publicURL, Currency: "CNY", Languages: []string{"en", "zh-Hans"},
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
	page, body := s.get(t, "/o/"+o.Token, userAgent)
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

func TestOrderPage(t *testing.T) {
	const sandboxWallet = publicURL + "/sandbox/wallet/0123"
	const gatewayPage = "https://till.example/pay?a=1&b=2"
	const keepAsking = `<noscript><meta http-equiv="refresh" content="5"></noscript>`
	tests := []struct {
		name      string
		given     func(t *testing.T, s *shop, o *models.Order)
		userAgent string
		query     string
		want      []string
		absent    []string
	}{
		{
			name: "a code at a desktop",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "weixin://wxpay/abc")
			},
			want: []string{
				"Pay with WeChat Pay", "CN¥138.50", "Open WeChat on your phone", `/qr.svg?v=`, `width="280"`,
				"data-expires", ">15:00</time>", "I have paid", `value="alipay"`, keepAsking, " data-live",
			},
			absent: []string{`value="wechat"`, "weixin://", "Open the payment page", "trial wallet", "New code"},
		},
		{
			name: "a page behind a code at a desktop",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionRedirect, gatewayPage)
			},
			want: []string{
				"Pay with Alipay", "Open Alipay on your phone", "/qr.svg?v=",
				`href="` + gatewayPage + `" rel="noreferrer"`,
			},
		},
		{
			name: "the sandbox",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, sandboxWallet)
			},
			want: []string{"/qr.svg?v=", `href="` + sandboxWallet + `"`, "Open the trial wallet"},
		},
		{
			name: "a page on a phone", userAgent: phone,
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionRedirect, gatewayPage)
			},
			want:   []string{`href="` + gatewayPage + `" rel="noreferrer"`, "Pay CN¥138.50 with Alipay"},
			absent: []string{"qr.svg", "qr.png"},
		},
		{
			name: "a code on a phone", userAgent: phone,
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "weixin://wxpay/abc")
			},
			want: []string{"Press and hold the code to save it", "/qr.png?v="},
		},
		{
			name: "Alipay inside WeChat", userAgent: weChat,
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionRedirect, gatewayPage)
			},
			want: []string{
				"Alipay does not open in this app", publicURL + "/o/", `value="wechat"`,
				"AlipayHK does not open in this app",
			},
			absent: []string{`value="alipay"`, `value="alipayhk"`, gatewayPage},
		},
		{
			name: "a picture of a code from the gateway",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionCodeImage, "https://img.till.example/c.png?x=1")
			},
			want:   []string{`src="https://img.till.example/c.png?x=1"`, `referrerpolicy="no-referrer"`},
			absent: []string{"qr.svg"},
		},
		{
			name: "a form", userAgent: phone,
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, "<form id=theirs></form>")
			},
			want:   []string{`/form" rel="noreferrer"`, "Pay CN¥138.50 with Alipay"},
			absent: []string{"theirs"},
		},
		{
			name: "an address that is none of the web's",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionRedirect, "javascript:alert(1)")
			},
			absent: []string{`href="javascript`, `src="javascript`},
		},
		{
			name: "an attempt of which nothing is known",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionNone, "")
			},
			want:   []string{"One moment", "has not answered yet", `value="wechat"`, `value="alipay"`, "I have paid", keepAsking},
			absent: []string{"qr.svg"},
		},
		{
			name:   "no attempt yet",
			given:  func(*testing.T, *shop, *models.Order) {},
			want:   []string{"Choose how to pay", "Your order is placed and kept for you until", `value="wechat"`, `value="alipay"`, `value="alipayhk"`},
			absent: []string{"I have paid", "did not go through"},
		},
		{
			name: "no attempt yet inside a wallet", userAgent: weChat,
			given:  func(*testing.T, *shop, *models.Order) {},
			want:   []string{`value="wechat"`, "Alipay does not open in this app", `value="` + publicURL + `/o/`},
			absent: []string{`value="alipay"`, `value="alipayhk"`},
		},
		{
			name: "an attempt that failed",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.InTx(t, s.Store, func(tx *models.Tx) error {
					_, err := tx.MovePayment(p, models.PaymentFailed, models.PaymentChange{Failure: "secret reason"})
					return err
				})
			},
			want:   []string{"Choose how to pay", "did not go through", `value="wechat"`, "I have paid"},
			absent: []string{"secret reason", "qr.svg"},
		},
		{
			name: "an attempt that was closed", query: "?notice=asking",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.InTx(t, s.Store, func(tx *models.Tx) error {
					_, err := tx.MovePayment(p, models.PaymentClosed, models.PaymentChange{})
					return err
				})
			},
			want: []string{"No payment is under way", `value="wechat"`, "We do not know yet what became of the last attempt"},
		},
		{
			name: "paid but not confirmed", query: "?notice=unpaid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), false)
			},
			want:   []string{"Payment received", "you need not pay again", "Ask again", keepAsking, " data-live"},
			absent: []string{"Receipt", "has not arrived", `value="wechat"`, "qr.svg"},
		},
		{
			name: "paid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), true)
			},
			want: []string{
				"Paid. Thank you!", "Receipt", "1 × Product cup", "CN¥128.50", "CN¥10.00", "CN¥138.50", "HKT", "WeChat Pay",
				"1 Queen&#39;s Road",
			},
			absent: []string{"data-live", "http-equiv", `value="wechat"`, "qr.svg", "I have paid", "looked at"},
		},
		{
			name: "paid, and something about it is looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), true)
				pay.Trouble(t, s.Store, o)
			},
			want: []string{"Paid. Thank you!", "is being looked at"},
		},
		{
			name: "paid but not confirmed, and looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), false)
				pay.Trouble(t, s.Store, o)
			},
			want:   []string{"We are looking into your payment", keepAsking},
			absent: []string{"Thank you", `value="wechat"`},
		},
		{
			name: "looked at before it is paid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Trouble(t, s.Store, o)
			},
			want:   []string{"We are looking into your payment", "Your money is safe", "do not pay again"},
			absent: []string{"qr.svg", `value="alipay"`},
		},
		{
			name: "expired",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Shut(t, s.Store, o, models.OrderExpired)
			},
			want:   []string{"This order has run out", "Order again", "I have paid", keepAsking},
			absent: []string{"qr.svg", `value="wechat"`},
		},
		{
			name: "its time is over, and nobody has swept yet",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				s.putForward(15 * time.Minute)
			},
			want:   []string{"This order has run out", "I have paid", keepAsking},
			absent: []string{"qr.svg", `value="wechat"`},
		},
		{
			name: "expired long ago",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Shut(t, s.Store, o, models.OrderExpired)
				s.putForward(3 * time.Minute)
			},
			want:   []string{"This order has run out", "I have paid"},
			absent: []string{"data-live", "http-equiv"},
		},
		{
			name: "canceled",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Shut(t, s.Store, o, models.OrderCanceled)
			},
			want:   []string{"This order was canceled", "Order again"},
			absent: []string{"I have paid", `value="wechat"`},
		},
		{
			name: "a notice that is none of ours", query: "?notice=%3Cscript%3Ealert(1)",
			given:  func(*testing.T, *shop, *models.Order) {},
			absent: []string{"alert(1)", `class="notice`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			tt.given(t, s, o)
			if tt.userAgent == "" {
				tt.userAgent = desktop
			}
			answer, body := s.get(t, "/o/"+o.Token+tt.query, tt.userAgent)
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("status: got %d, want 200", answer.StatusCode)
			}
			for _, want := range append(tt.want, o.Number) {
				if !strings.Contains(html.UnescapeString(body), html.UnescapeString(want)) {
					t.Errorf("page: want %q in it", want)
				}
			}
			for _, absent := range tt.absent {
				if strings.Contains(html.UnescapeString(body), absent) {
					t.Errorf("page: got %q in it, want none", absent)
				}
			}
			if t.Failed() {
				t.Log(body)
			}
		})
	}
}

func TestOrderPageKeepsItselfToItself(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
	for _, path := range []string{"", "/status"} {
		answer, _ := s.get(t, "/o/"+o.Token+path, desktop)
		for header, want := range map[string]string{
			"Cache-Control":   "no-store",
			"X-Robots-Tag":    "noindex, nofollow",
			"Referrer-Policy": "same-origin",
		} {
			if got := answer.Header.Get(header); got != want {
				t.Errorf("%s of /o/…%s: got %q, want %q", header, path, got, want)
			}
		}
	}
	for _, path := range []string{"", "/status", "/events", "/qr.png", "/qr.svg", "/form"} {
		if answer, _ := s.get(t, "/o/"+models.NewToken()+path, desktop); answer.StatusCode != http.StatusNotFound {
			t.Errorf("status of an unknown order's %q: got %d, want 404", path, answer.StatusCode)
		}
	}
}

func TestPictureOfTheGatewayIsAllowedOnItsPageOnly(t *testing.T) {
	s := newShop(t)
	o, other := s.order(t), s.order(t)
	pay.Attempt(t, s.Store, o, models.Alipay, models.ActionCodeImage, "https://img.till.example/c.png")
	answer, _ := s.get(t, "/o/"+o.Token, desktop)
	const want = "img-src 'self' data: https://img.till.example;"
	if got := answer.Header.Get("Content-Security-Policy"); !strings.Contains(got, want) {
		t.Errorf("policy: got %q, want %q in it", got, want)
	}
	answer, _ = s.get(t, "/o/"+other.Token, desktop)
	if got := answer.Header.Get("Content-Security-Policy"); strings.Contains(got, "till.example") {
		t.Errorf("policy of another order: got %q", got)
	}
}

func TestGatewaysFormStandsAlone(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	const form = `<form action="https://till.example/pay" method="post"></form><script>document.forms[0].submit()</script>`
	answer, _ := s.get(t, "/o/"+o.Token+"/form", phone)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/o/"+o.Token {
		t.Errorf("without a form: got %d to %q, want 303 to the order", answer.StatusCode, answer.Header.Get("Location"))
	}
	pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, form)
	answer, body := s.get(t, "/o/"+o.Token+"/form", phone)
	if body != form {
		t.Errorf("page: got %q, want the gateway's %q", body, form)
	}
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox allow-forms allow-scripts allow-top-navigation;") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("policy: got %q, want a sandbox without our origin", policy)
	}
	if len(answer.Cookies()) > 0 {
		t.Errorf("cookies: got %v, want none", answer.Cookies())
	}
}

func TestDigitalArticlesAreHandedOverOnceConfirmed(t *testing.T) {
	s := newShop(t)
	err := s.PutProducts(t.Context(), []models.Product{{
		Slug: "book", Name: "Book", Active: true,
		Variants: []models.Variant{{SKU: "book", Price: 1900, Digital: true, Active: true, Delivery: "Code 42 <b>\nhttps://files.example/book?a=1&b=2"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for confirmed, want := range map[bool]bool{false: false, true: true} {
		o := modelstest.Order(t, s.Store, "book")
		p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
		if _, body := s.get(t, "/o/"+o.Token, desktop); strings.Contains(body, "Code 42") {
			t.Error("unpaid: the page hands it over")
		}
		pay.Settle(t, s.Store, o, p, confirmed)
		_, body := s.get(t, "/o/"+o.Token, desktop)
		if got := strings.Contains(body, "Code 42 &lt;b&gt;\n<a href=\"https://files.example/book?a=1&amp;b=2\""); got != want {
			t.Errorf("paid, confirmed %v: handed over %v, want %v\n%s", confirmed, got, want, body)
		}
		if strings.Contains(body, "Ship to") {
			t.Error("nothing is shipped, and the page has an address to ship to")
		}
	}
}

func TestWhatABuyerTypedIsEscaped(t *testing.T) {
	s := newShop(t)
	d := modelstest.Draft("cup", 1)
	const evil = `"><script>alert(1)</script>{{.}}`
	d.Buyer = models.Buyer{
		Name: evil, Email: "a@example.com", Phone: evil, Address: evil, City: evil, Region: evil, Postcode: evil, Country: evil, Note: evil,
	}
	o, err := s.PlaceOrder(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	_, body := s.get(t, "/o/"+o.Token, desktop)
	if strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;alert(1)") {
		t.Errorf("page: want what was typed, escaped:\n%s", body)
	}
}

func TestStartPayment(t *testing.T) {
	down := &payments.CallError{Outcome: payments.NotSent, Err: errors.New("no connection")}
	lost := &payments.CallError{Outcome: payments.Unknown, Err: errors.New("no answer")}
	tests := []struct {
		name      string
		given     func(t *testing.T, s *shop, o *models.Order)
		userAgent string
		wallet    string
		want      string // location; "…" stands for the order page
		created   int
	}{
		{name: "desktop", userAgent: desktop, wallet: "wechat", want: "…", created: 1},
		{name: "phone", userAgent: phone, wallet: "alipay", want: "https://till.example/pay", created: 1},
		{name: "wallet", userAgent: weChat, wallet: "wechat", want: "https://till.example/pay", created: 1},
		{name: "another wallet inside a wallet", userAgent: weChat, wallet: "alipay", want: "…?notice=elsewhere"},
		{name: "no wallet", userAgent: desktop, wallet: "", want: "…?notice=wallet"},
		{name: "unknown wallet", userAgent: desktop, wallet: "cash", want: "…?notice=wallet"},
		{
			name: "a code on a phone", userAgent: phone, wallet: "wechat", want: "…", created: 1,
			given: func(_ *testing.T, s *shop, _ *models.Order) { s.till.Answer(models.ActionCode, "weixin://x") },
		},
		{
			name: "gateway down", userAgent: desktop, wallet: "wechat", want: "…?notice=down",
			given: func(_ *testing.T, s *shop, _ *models.Order) { s.till.Break(down) },
		},
		{
			name: "an earlier attempt's fate is unknown", userAgent: desktop, wallet: "alipay", want: "…?notice=asking",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				s.till.Break(lost)
			},
		},
		{
			name: "paid meanwhile", userAgent: desktop, wallet: "alipay", want: "…",
			given: func(t *testing.T, s *shop, o *models.Order) {
				s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
				s.till.TakeMoney()
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			known := 0
			if tt.given != nil {
				tt.given(t, s, o)
				known = s.till.Created()
			}
			answer := s.press(t, o, "/pay", tt.userAgent, url.Values{"wallet": {tt.wallet}})
			want := strings.Replace(tt.want, "…", "/o/"+o.Token, 1)
			if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != want {
				t.Errorf("got %d to %q, want 303 to %q", answer.StatusCode, got, want)
			}
			if got := s.till.Created() - known; got != tt.created {
				t.Errorf("created: got %d payments, want %d", got, tt.created)
			}
			if _, body := s.get(t, "/o/"+o.Token, tt.userAgent); !strings.Contains(body, o.Number) {
				t.Errorf("the order page does not show the order:\n%s", body)
			}
		})
	}
}

func TestStartPaymentIsPaced(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	for i := range 20 {
		wallet := models.Wallets[i%2]
		location := s.press(t, o, "/pay", desktop, url.Values{"wallet": {string(wallet)}}).Header.Get("Location")
		if strings.HasSuffix(location, "?notice=slow") {
			return
		}
	}
	t.Errorf("20 attempts at once: got %d payments, want some refused", s.till.Created())
}

func TestFormsNeedTheirToken(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	for _, path := range []string{"/pay", "/check"} {
		r := httptest.NewRequest(http.MethodPost, "/o/"+o.Token+path, strings.NewReader("wallet=wechat"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if answer, _ := s.do(t, r); answer.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s without a token: got %d, want 403", path, answer.StatusCode)
		}
	}
	if s.till.Created()+s.till.Queries() != 0 {
		t.Error("the gateway was called")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name  string
		given func(s *shop)
		want  string
		state models.OrderStatus
	}{
		{"paid", func(s *shop) { s.till.TakeMoney() }, "…", models.OrderPaid},
		{"not paid", func(*shop) {}, "…?notice=unpaid", models.OrderPending},
		{
			"the gateway does not answer",
			func(s *shop) { s.till.Break(&payments.CallError{Outcome: payments.Unknown}) },
			"…?notice=unasked", models.OrderPending,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
			tt.given(s)
			answer := s.press(t, o, "/check", desktop, url.Values{})
			want := strings.Replace(tt.want, "…", "/o/"+o.Token, 1)
			if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != want {
				t.Errorf("got %d to %q, want 303 to %q", answer.StatusCode, got, want)
			}
			if got := s.status(t, o); got != tt.state {
				t.Errorf("order: got %s, want %s", got, tt.state)
			}
		})
	}
}

func TestReturn(t *testing.T) {
	tests := []struct {
		name         string
		method, body string
		query        string
		given        func(s *shop)
		state        models.OrderStatus
	}{
		{"form, paid", http.MethodPost, "partnerOrderNo=P1", "", func(s *shop) { s.till.TakeMoney() }, models.OrderPaid},
		{"link, paid", http.MethodGet, "", "?state=2&sign=X", func(s *shop) { s.till.TakeMoney() }, models.OrderPaid},
		{"link that only claims it", http.MethodGet, "", "?state=2&sign=X&status=paid", func(*shop) {}, models.OrderPending},
		{
			"gateway down", http.MethodPost, "partnerOrderNo=P1", "",
			func(s *shop) { s.till.Break(&payments.CallError{Outcome: payments.NotSent}) }, models.OrderPending,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
			tt.given(s)
			r := httptest.NewRequest(tt.method, "/pay/return/"+o.Token+tt.query, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://till.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			answer, _ := s.do(t, r)
			if got := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || got != "/o/"+o.Token {
				t.Errorf("got %d to %q, want 303 to the order", answer.StatusCode, got)
			}
			if len(answer.Cookies()) > 0 {
				t.Errorf("cookies: got %v, want none", answer.Cookies())
			}
			if got := s.status(t, o); got != tt.state {
				t.Errorf("order: got %s, want %s", got, tt.state)
			}
		})
	}
	s := newShop(t)
	if answer, _ := s.get(t, "/pay/return/"+models.NewToken(), phone); answer.StatusCode != http.StatusNotFound {
		t.Errorf("unknown order: got %d, want 404", answer.StatusCode)
	}
}

func TestReturnsDoNotHammerTheGateway(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	s.till.Know(pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"))
	const returns = 50
	for range returns {
		if answer, _ := s.get(t, "/pay/return/"+o.Token, phone); answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("return: got %d, want 303", answer.StatusCode)
		}
	}
	if got := s.till.Queries(); got == 0 || got >= returns {
		t.Errorf("queries for %d returns: got %d, want a few", returns, got)
	}
}

func TestCode(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	for _, path := range []string{"/qr.png", "/qr.svg"} {
		if answer, _ := s.get(t, "/o/"+o.Token+path, desktop); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s without an attempt: got %d, want 404", path, answer.StatusCode)
		}
	}
	p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "weixin://wxpay/abc")
	for path, contentType := range map[string]string{"/qr.png": "image/png", "/qr.svg": "image/svg+xml"} {
		answer, body := s.get(t, "/o/"+o.Token+path, desktop)
		if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != contentType {
			t.Errorf("%s: got %d, %s, want 200, %s", path, answer.StatusCode, got, contentType)
		}
		if path == "/qr.png" {
			picture, err := png.Decode(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if got := picture.Bounds().Dx(); got < 8*29 {
				t.Errorf("width: got %d pixels, want 8 a module at least", got)
			}
		}
		if got := answer.Header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: Cache-Control got %q", path, got)
		}
		r := httptest.NewRequest(http.MethodGet, "/o/"+o.Token+path, nil)
		r.Header.Set("If-None-Match", answer.Header.Get("ETag"))
		if again, body := s.do(t, r); again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s again: got %d with %d bytes, want 304 with none", path, again.StatusCode, len(body))
		}
	}
	pay.InTx(t, s.Store, func(tx *models.Tx) error {
		_, err := tx.MovePayment(p, models.PaymentClosed, models.PaymentChange{})
		return err
	})
	if answer, _ := s.get(t, "/o/"+o.Token+"/qr.png", desktop); answer.StatusCode != http.StatusNotFound {
		t.Errorf("after the attempt was closed: got %d, want 404", answer.StatusCode)
	}
}

func TestStatus(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	_, body := s.get(t, "/o/"+o.Token+"/status", desktop)
	times := func(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
	want := `{"number":"` + o.Number + `","status":"pending","amount":13850,"currency":"CNY","expires_at":"` + times(o.ExpiresAt) +
		`","paid_at":null,"payment":null}`
	if body != want {
		t.Errorf("before any attempt:\ngot  %s\nwant %s", body, want)
	}
	p := pay.Attempt(t, s.Store, o, models.Alipay, models.ActionCode, "x")
	first, _ := s.get(t, "/o/"+o.Token+"/status", desktop)
	if got := first.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type: got %q", got)
	}
	pay.Settle(t, s.Store, o, p, false)
	confirming, body := s.get(t, "/o/"+o.Token+"/status", desktop)
	paid, err := s.OrderByToken(t.Context(), o.Token)
	if err != nil {
		t.Fatal(err)
	}
	want = `{"number":"` + o.Number + `","status":"paid","amount":13850,"currency":"CNY","expires_at":"` + times(o.ExpiresAt) +
		`","paid_at":"` + times(*paid.PaidAt) + `","payment":{"wallet":"alipay","status":"succeeded","expires_at":"` + times(p.ExpiresAt) + `"}}`
	if body != want {
		t.Errorf("paid:\ngot  %s\nwant %s", body, want)
	}
	pay.InTx(t, s.Store, func(tx *models.Tx) error {
		return tx.ChangePayment(p, models.PaymentChange{ConfirmedAt: tx.Now()})
	})
	confirmed, _ := s.get(t, "/o/"+o.Token+"/status", desktop)
	tags := map[string]bool{}
	for _, answer := range []*http.Response{first, confirming, confirmed} {
		tags[answer.Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("entity tags of three different pages: got %v", tags)
	}
	_, page := s.get(t, "/o/"+o.Token, desktop)
	if want := `data-version="` + strings.Trim(confirmed.Header.Get("ETag"), `"`) + `"`; !strings.Contains(page, want) {
		t.Errorf("page: want %s in it", want)
	}
}

func TestNotify(t *testing.T) {
	type header struct{ name, value string }
	tests := []struct {
		name    string
		body    func(number string) string
		headers []header
		status  int
		text    string
	}{
		{"paid", func(n string) string { return n + " succeeded" }, nil, 200, "success"},
		{"identity", func(n string) string { return n + " pending" }, []header{{"Content-Encoding", "identity"}}, 200, "success"},
		{"forged", func(n string) string { return "forged " + n + " succeeded" }, nil, 401, "sign fail"},
		{"malformed", func(string) string { return "nonsense" }, nil, 400, "malformed"},
		{"empty", func(string) string { return "" }, nil, 400, "malformed"},
		{"unknown", func(string) string { return "P0 succeeded" }, nil, 404, "unknown order"},
		{"compressed", func(n string) string { return n + " succeeded" }, []header{{"Content-Encoding", "gzip"}}, 415, "encoded bodies are not read"},
		{"compressed in a second header", func(n string) string { return n + " succeeded" },
			[]header{{"Content-Encoding", "identity"}, {"Content-Encoding", "gzip"}}, 415, "encoded bodies are not read"},
		{"too large", func(n string) string { return n + " " + strings.Repeat("x", 64<<10) }, nil, 413, "too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			o := s.order(t)
			p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
			s.till.Know(p)
			for range 2 { // a repeat is answered as the first one was
				r := httptest.NewRequest(http.MethodPost, "/pay/notify/scanforpay", strings.NewReader(tt.body(p.Number)))
				for _, h := range tt.headers {
					r.Header.Add(h.name, h.value)
				}
				answer, body := s.do(t, r)
				if answer.StatusCode != tt.status || body != tt.text {
					t.Errorf("got %d %q, want %d %q", answer.StatusCode, body, tt.status, tt.text)
				}
				if got := answer.Header.Get("Content-Type"); got != "text/plain" {
					t.Errorf("content type: got %q", got)
				}
			}
			want := models.OrderPending
			if tt.name == "paid" {
				want = models.OrderPaid
			}
			if got := s.status(t, o); got != want {
				t.Errorf("order: got %s, want %s", got, want)
			}
		})
	}
}

func TestNotifyWithoutDatabaseIsNotAcknowledged(t *testing.T) {
	store, err := models.Open(t.Context(), modelstest.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newShopOn(t, store)
	o := s.order(t)
	p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
	s.till.Know(p)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/pay/notify/scanforpay", strings.NewReader(p.Number+" succeeded"))
	answer, body := s.do(t, r)
	if answer.StatusCode < 500 || strings.Contains(strings.ToLower(body), "success") {
		t.Errorf("got %d %q, want a 5xx that asks for a repeat", answer.StatusCode, body)
	}
}

func TestGatewayThatIsOffHasNoNotifyRoute(t *testing.T) {
	s := newShop(t)
	r := httptest.NewRequest(http.MethodPost, "/pay/notify/pass2pay", strings.NewReader("x"))
	if answer, body := s.do(t, r); answer.StatusCode/100 != 4 || strings.Contains(strings.ToLower(body), "success") {
		t.Errorf("got %d %q, want 404", answer.StatusCode, body)
	}
}

package pay_test

import (
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"saoma/handlers/pay"
	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

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
			absent: []string{`value="wechat"`, "weixin://", "Open the payment page", "demo wallet", "New code"},
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
			want: []string{"/qr.svg?v=", `href="` + sandboxWallet + `"`, "Open the demo wallet"},
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
				"Not available in this app: AlipayHK.", `wallet wallet-wechat" type="submit"`, "Pay CN¥138.50 with WeChat Pay",
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
				form := payments.Form{Method: "post", Action: "https://till.example/theirs"}
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, form.Data())
			},
			want:   []string{`/form" rel="noreferrer"`, "Pay CN¥138.50 with Alipay"},
			absent: []string{"theirs"},
		},
		{
			name: "a form as older code kept it", userAgent: phone,
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.Alipay, models.ActionForm, oldForm)
			},
			want:   []string{"Choose how to pay", "the page to pay on did not reach us", `value="alipay"`, `value="wechat"`},
			absent: []string{"evil", `/form"`},
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
			name: "an attempt whose page was lost",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionNone, "")
				pay.InTx(t, s.Store, func(tx *models.Tx) error {
					_, err := tx.MovePayment(p, models.PaymentPending, models.PaymentChange{})
					return err
				})
			},
			want:   []string{"Choose how to pay", "has set up your payment with WeChat Pay", "did not reach us", `wallet wallet-wechat" type="submit"`, `value="alipay"`, "I have paid", keepAsking},
			absent: []string{"qr.svg", "has not answered yet", "One moment"},
		},
		{
			name:   "no attempt yet",
			given:  func(*testing.T, *shop, *models.Order) {},
			want:   []string{"Choose how to pay", "We hold it for you until", `value="wechat"`, `value="alipay"`, `value="alipayhk"`},
			absent: []string{"I have paid", "did not go through"},
		},
		{
			name: "no attempt yet inside a wallet", userAgent: weChat,
			given:  func(*testing.T, *shop, *models.Order) {},
			want:   []string{`value="wechat"`, "Not available in this app: Alipay · AlipayHK.", `value="` + publicURL + `/o/`},
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
			want: []string{"No payment is under way", `value="wechat"`, "We do not know yet how the last attempt ended", `content="5;url=/o/`},
		},
		{
			name: "paid but not confirmed", query: "?notice=unpaid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), false)
			},
			want:   []string{"Payment received", "you do not need to pay again", "Check again", keepAsking, " data-live"},
			absent: []string{"Receipt", "has not arrived", `value="wechat"`, "qr.svg"},
		},
		{
			name: "paid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), true)
			},
			want: []string{
				"Paid. Thank you!", "Receipt", "1 × <span>Product cup</span>", "CN¥128.50", "CN¥10.00", "CN¥138.50", "HKT", "WeChat Pay",
				"1 Queen&#39;s Road", "data-print hidden",
			},
			absent: []string{"data-live", "http-equiv", `value="wechat"`, "qr.svg", "I have paid", "We are checking"},
		},
		{
			name: "paid, and something about it is looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), true)
				pay.Trouble(t, s.Store, o, models.IncidentAmountMismatch)
			},
			want: []string{"Paid. Thank you!", "We are checking"},
		},
		{
			name: "all given back",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Settle(t, s.Store, o, p, true)
				pay.GiveBack(t, s.Store, o, p, 3850, models.RefundSucceeded)
				pay.GiveBack(t, s.Store, o, p, 10000, models.RefundSucceeded)
			},
			want:   []string{"Your order was refunded", "Nothing more will be sent", "Refunded<br>", "-CN¥38.50", "-CN¥100.00", "Net paid</dt><dd>CN¥0.00"},
			absent: []string{"Thank you", "We will send", "Refund under way", "order-returning"},
		},
		{
			name: "all on its way back",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Settle(t, s.Store, o, p, true)
				pay.GiveBack(t, s.Store, o, p, 3850, models.RefundSucceeded)
				pay.GiveBack(t, s.Store, o, p, 10000, models.RefundPending)
			},
			want:   []string{"Your refund is under way", "Refunded<br>", "Refund under way<br>", "-CN¥100.00", "order-paid order-returning"},
			absent: []string{"Thank you", "We will send", "Net paid"},
		},
		{
			name: "some given back",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Settle(t, s.Store, o, p, true)
				pay.GiveBack(t, s.Store, o, p, 3850, models.RefundSucceeded)
			},
			want:   []string{"Paid. Thank you!", "We will send", "-CN¥38.50", "Net paid</dt><dd>CN¥100.00"},
			absent: []string{"We have refunded"},
		},
		{
			name: "a refund that was refused",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Settle(t, s.Store, o, p, true)
				pay.GiveBack(t, s.Store, o, p, 3850, models.RefundFailed)
			},
			want:   []string{"Paid. Thank you!"},
			absent: []string{"efund", "-CN¥", "Net paid"},
		},
		{
			name: "never paid, as staff found",
			given: func(t *testing.T, s *shop, o *models.Order) {
				p := pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Settle(t, s.Store, o, p, false)
				pay.WriteOff(t, s.Store, o, p)
			},
			want:   []string{"Your payment did not arrive", "nothing will be sent", "Order again"},
			absent: []string{"efund", "Paid with", "Paid</dt>", "Payment received", "data-live", "http-equiv"},
		},
		{
			name: "paid but not confirmed, and looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), false)
				pay.Trouble(t, s.Store, o, models.IncidentAmountMismatch)
			},
			want:   []string{"We are looking into your payment", `http-equiv="refresh" content="60"`},
			absent: []string{"Thank you", `value="wechat"`},
		},
		{
			name: "looked at before it is paid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Trouble(t, s.Store, o, models.IncidentAmountMismatch)
			},
			want:   []string{"We are looking into your payment", "Your money is safe", "do not pay again"},
			absent: []string{"qr.svg", `value="alipay"`},
		},
		{
			name: "a page that nobody was sent to is looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Trouble(t, s.Store, o, models.IncidentBadRedirect)
			},
			want:   []string{"Choose how to pay", `value="wechat"`, `value="alipay"`},
			absent: []string{"We are looking into your payment"},
		},
		{
			name: "a state that the shop does not know is looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.InTx(t, s.Store, func(tx *models.Tx) error {
					_, err := tx.OpenIncident(models.Incident{Kind: models.IncidentConflict, Cause: models.CauseUnexplained, OrderID: &o.ID, DedupKey: o.ID})
					return err
				})
			},
			want:   []string{"qr.svg"},
			absent: []string{"We are looking into your payment"},
		},
		{
			name: "a page that nobody was sent to, and money, are looked at",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Trouble(t, s.Store, o, models.IncidentBadRedirect)
				pay.Trouble(t, s.Store, o, models.IncidentLatePayment)
			},
			want:   []string{"We are looking into your payment"},
			absent: []string{`value="wechat"`},
		},
		{
			name: "paid after a page that nobody was sent to",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), true)
				pay.Trouble(t, s.Store, o, models.IncidentBadRedirect)
			},
			want:   []string{"Paid. Thank you!"},
			absent: []string{"We are checking"},
		},
		{
			name: "expired",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Shut(t, s.Store, o, models.OrderExpired)
			},
			want:   []string{"This order has expired", "the button below", "Order again", "I have paid", keepAsking},
			absent: []string{"qr.svg", `value="wechat"`, "write to the shop"},
		},
		{
			name: "its time is over, and nobody has swept yet",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				s.putForward(15 * time.Minute)
			},
			want:   []string{"This order has expired", "I have paid", keepAsking},
			absent: []string{"qr.svg", `value="wechat"`},
		},
		{
			name: "expired long ago", query: "?notice=unpaid",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Shut(t, s.Store, o, models.OrderExpired)
				s.putForward(3 * time.Minute)
			},
			want:   []string{"This order has expired", "I have paid", "has not arrived"},
			absent: []string{"data-live", "http-equiv"},
		},
		{
			name: "canceled",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Shut(t, s.Store, o, models.OrderCanceled)
			},
			want:   []string{"This order was cancelled", "write to the shop", "Order again"},
			absent: []string{"the button below", "I have paid", `value="wechat"`},
		},
		{
			name: "canceled while a payment may still arrive",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x")
				pay.Shut(t, s.Store, o, models.OrderCanceled)
			},
			want:   []string{"This order was cancelled", "the button below", "I have paid"},
			absent: []string{"write to the shop"},
		},
		{
			name: "expired without a payment that could still arrive",
			given: func(t *testing.T, s *shop, o *models.Order) {
				pay.Shut(t, s.Store, o, models.OrderExpired)
			},
			want:   []string{"This order has expired", "write to the shop", "Order again"},
			absent: []string{"the button below", "I have paid"},
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
		if !confirmed {
			continue
		}
		if err := s.Fulfil(t.Context(), o.Number, models.Dispatch{}, models.CommandLine()); err != nil {
			t.Fatal(err)
		}
		if _, body := s.get(t, "/o/"+o.Token, desktop); !strings.Contains(body, "You will find it on this page") || strings.Contains(body, "on its way") {
			t.Errorf("handed over, want no word of a way that it takes:\n%s", body)
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
	if strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;alert(1)") || !strings.Contains(body, "Note to the shop") {
		t.Errorf("page: want what was typed, escaped:\n%s", body)
	}
}

// TestWalletsThatDoNotOpenHere: a wallet without a row for this browser can be paid with elsewhere, and the
// page gives the link for that.
func TestWalletsThatDoNotOpenHere(t *testing.T) {
	row := func(wallet, scene string) payments.Route {
		return payments.Route{Wallet: wallet, Scene: scene, Gateway: models.ScanForPay, Method: "qrcode"}
	}
	s := newShopBy(t, row("wechat", "wallet"), row("wechat", "desktop"), row("alipay", "desktop"))
	o := s.order(t)
	const link = `value="` + publicURL + "/o/"
	s.shows(t, "no wallet opens here", o, phone, "Continue in the app or on another device", `name="wallet"`)
	s.shows(t, "no wallet opens here", o, phone, "Not available in this browser: WeChat Pay · Alipay.", "in this app")
	s.shows(t, "no wallet opens here", o, phone, link, "· AlipayHK")
	s.shows(t, "one opens here", o, weChat, "Not available in this browser: Alipay.", "Continue in the app")
	s.shows(t, "one opens here", o, weChat, link, "in this app")
	s.shows(t, "all open here", o, desktop, `value="alipay"`, link)
}

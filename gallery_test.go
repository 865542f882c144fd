package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	template "text/template/parse"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"

	"saoma/models"
	"saoma/payments/sandbox"
	"saoma/views"
)

// exhibit is a page of a shop in one of its states.
type exhibit struct {
	name   string // of the exhibit, and of its picture
	view   string // the template that makes the page
	shop   *testShop
	path   string
	status int       // with which it comes; 0: 200
	as     *buyer    // whose cookies it is seen with; nil: somebody new
	agent  string    // what it is seen in; empty: a browser at a desktop
	bare   bool      // no script runs while it loads, since one would lead away from it
	act    func(tab) // what is done there for the page to be seen; nil: nothing
}

// gallery is what exhibits are made of.
type gallery struct {
	t        *testing.T
	binary   string
	ahead    time.Duration // of the clock of its shops
	homes    map[*testShop]database
	exhibits []exhibit
}

// galleryDay is when the gallery's shops open: far ahead, so that their clocks are ahead for good, as a
// sandbox's can only be put.
var galleryDay = time.Date(2040, time.November, 20, 12, 0, 0, 0, time.FixedZone("HKT", 8*60*60))

// openGallery brings shops into every state that they have a page for, and returns the pages.
func openGallery(t *testing.T) []exhibit {
	t.Helper()
	g := &gallery{t: t, binary: mortal(t), homes: map[*testShop]database{}}
	g.showNewShop()
	g.showOneCode()
	g.showShop()
	return g.exhibits
}

// open starts a shop in a process of its own, on the gallery's day, and returns what it says too.
func (g *gallery) open(more ...string) (*testShop, *process) {
	g.t.Helper()
	g.ahead = time.Until(galleryDay)
	for range 3 {
		home := sqliteDatabase(g.t)
		s := configure(g.t, home, more...)
		p := launch(g.t, []string{"SAOMA_TEST_CLOCK_SKEW=" + g.ahead.String()}, g.binary, "serve", "--config", s.config)
		await(g.t, "the shop to open", func() bool { return s.ready() || isOver(p.ended) })
		if !isOver(p.ended) {
			s.sandbox.do("POST", "/sandbox/api/clock", map[string]any{"advance": g.ahead.String()}, nil)
			g.homes[s] = home
			return s, p
		}
		if !p.said.has(syscall.EADDRINUSE.Error()) {
			g.t.Fatalf("the shop ended:\n%s", &p.said)
		}
	}
	g.t.Fatal("no port stays free")
	return nil, nil
}

func (g *gallery) now() time.Time { return time.Now().Add(g.ahead) }

// showAs puts pages into the gallery that are seen by the same person in the same browser.
func (g *gallery) showAs(s *testShop, as *buyer, agent string, exhibits ...exhibit) {
	for _, e := range exhibits {
		e.shop, e.as, e.agent = s, as, agent
		g.exhibits = append(g.exhibits, e)
	}
}

// member makes a member of staff and returns a browser in which they are logged in.
func (g *gallery) member(s *testShop, email string, role models.Role, half bool) deskUser {
	g.t.Helper()
	store := g.store(s)
	defer store.Close()
	m, err := store.StaffByEmail(g.t.Context(), email)
	if err != nil {
		m, err = store.CreateStaff(g.t.Context(), models.CommandLine(), email, role, "no password")
	}
	if err != nil {
		g.t.Fatal(err)
	}
	b, token := s.visitorFor(g.t, desktopChrome), models.NewToken()
	by := models.Actor{StaffID: m.ID, Name: m.Email, Address: "127.0.0.1"}
	if err := store.OpenStaffSession(g.t.Context(), by, half, token, "", desktopChrome); err != nil {
		g.t.Fatal(err)
	}
	b.client.Jar.SetCookies(b.address, []*http.Cookie{{Name: "saoma-staff", Value: token}})
	return deskUser{b}
}

func (g *gallery) store(s *testShop) *models.Store {
	g.t.Helper()
	store, err := models.Open(g.t.Context(), models.Options{Driver: g.homes[s].driver, DSN: g.homes[s].dsn, Now: g.now})
	if err != nil {
		g.t.Fatal(err)
	}
	return store
}

// still keeps the sweep from asking about payments and refunds, so that no page changes any more.
func (s *testShop) still(now time.Time) {
	s.t.Helper()
	for _, table := range []string{"payments", "refunds"} {
		if _, err := s.db.Exec("UPDATE "+table+" SET check_at = ? WHERE check_at IS NOT NULL", now.Add(time.Hour).UTC()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// writeTexts writes the shop's own pages in languages.
func (g *gallery) writeTexts(owner deskUser, languages ...string) {
	for _, language := range languages {
		owner.open("/admin/settings")
		texts := owner.form("action", "/admin/settings/texts/"+language)
		for name := range texts.fields {
			if !strings.HasPrefix(name, "_") && !strings.HasPrefix(name, "seen.") && !strings.HasPrefix(name, "back.") {
				texts.fill(name, galleryTexts[language])
			}
		}
		owner.submit(texts)
	}
}

// showNewShop shows a shop before anybody has worked or bought in it.
func (g *gallery) showNewShop() {
	s, p := g.open("demo_data: false", "shop: {name: Corner shop}")
	var link string
	await(g.t, "the set-up link", func() bool { link = setupLink.FindString(p.said.String()); return link != "" })
	setup := strings.TrimPrefix(link, s.url)
	g.showAs(s, nil, "",
		exhibit{name: "catalogue-empty", view: "catalogue", path: "/"},
		exhibit{name: "desk-setup", view: "admin/welcome", path: setup},
		exhibit{name: "desk-setup-mistakes", view: "admin/welcome", path: setup, status: 422, act: func(b tab) {
			b.click("main form button", ".problem")
		}},
	)
	reader := g.member(s, "rita@example.com", models.RoleReadOnly, false)
	g.showAs(s, reader.buyer, "",
		exhibit{name: "desk-home-calm", view: "admin/home", path: "/admin"},
		exhibit{name: "desk-orders-none", view: "admin/orders", path: "/admin/orders"},
		exhibit{name: "desk-goods-none", view: "admin/goods", path: "/admin/goods"},
		exhibit{name: "desk-incidents-none", view: "admin/incidents", path: "/admin/incidents"},
		exhibit{name: "desk-messages-none", view: "admin/messages", path: "/admin/messages"},
		exhibit{name: "desk-numbers-none", view: "admin/numbers", path: "/admin/numbers"},
		exhibit{name: "desk-forbidden", view: "admin/failure", path: "/admin/staff", status: 403},
	)
}

// showOneCode shows a shop with one code for every wallet.
func (g *gallery) showOneCode() {
	s, _ := g.open(`routes: [
		{wallet: any, scene: desktop, method: one_code},
		{wallet: wechat, scene: wallet, gateway: scanforpay, method: jspay},
		{wallet: alipay, scene: wallet, gateway: scanforpay, method: jspay}]`)
	place := func() (*buyer, string) {
		b := s.visitorFor(g.t, desktopChrome)
		f := b.checkout("EBOOK", "1", "")
		b.submit(f)
		return b, "/o/" + b.token()
	}
	cart := s.visitorFor(g.t, desktopChrome)
	cart.checkout("EBOOK", "1", "")
	_, scan := place()
	_, connected := place()
	phone := s.visitorFor(g.t, iPhoneWeChat)
	phone.open(connected)
	phone.press(phone.form("action", connected+"/pay"), "wallet", "wechat")
	s.still(g.now())
	g.showAs(s, cart, "", exhibit{name: "checkout-one-code", view: "checkout", path: "/checkout"})
	g.showAs(s, nil, "",
		exhibit{name: "order-scan", view: "order", path: scan},
		exhibit{name: "order-connected", view: "order", path: connected},
	)
	g.showAs(s, nil, iPhoneWeChat, exhibit{name: "order-connected-phone", view: "order", path: connected})
	g.showAs(s, nil, iPhoneSafari, exhibit{name: "order-away", view: "order", path: scan + "?notice=wallet"})
	away := s.visitorFor(g.t, iPhoneSafari)
	away.checkout("EBOOK", "1", "")
	g.showAs(s, away, iPhoneSafari, exhibit{name: "checkout-away", view: "checkout", path: "/checkout"})
	owner := g.member(s, "olivia@example.com", models.RoleOwner, false)
	g.writeTexts(owner, "en")
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-audit", view: "admin/audit", path: "/admin/audit"})
}

// showShop shows a shop in which much has happened.
func (g *gallery) showShop() {
	mails := startMailServer(g.t, false)
	s, _ := g.open(mailAt(g.t, mails.listener.Addr().String()), "shop: {shipping_fee: 1200, free_shipping_from: 20000}",
		"policies: {duplicate_payment: ask, late_payment: ask}")
	owner := g.member(s, "olivia@example.com", models.RoleOwner, false)
	g.changeGoods(owner)
	g.showChoosing(s)
	g.showOrders(s, owner)
	g.showDesk(s, owner)
	g.showStaff(s, owner)
	await(g.t, "the mails to be sent", func() bool { return s.count("SELECT COUNT(*) FROM mails WHERE status = 'queued'") == 0 })
	if _, err := s.db.Exec(`UPDATE mails SET status = 'given_up', failure = '550 5.1.1 no such mailbox' WHERE id = (SELECT MAX(id) FROM mails)`); err != nil {
		g.t.Fatal(err)
	}
}

// changeGoods sells something out, and writes the shop's own pages.
func (g *gallery) changeGoods(owner deskUser) {
	owner.open("/admin/goods/sku/BAG-INDIGO")
	count := owner.form("action", "/admin/goods/sku/BAG-INDIGO/count")
	count.fill("found", "0")
	count.fill("count_reason", "sold at the fair")
	owner.submit(count)
	g.writeTexts(owner, galleryLanguages...)
}

// galleryTexts are what the shop's own pages say.
var galleryTexts = map[string]string{
	"en":      "We sell a few good things.\n\nWrite to us, and somebody answers on the same day.",
	"zh-Hans": "我们只卖几样好东西。\n\n来信当天回复。",
	"zh-Hant": "我們只賣幾樣好東西。\n\n來信即日回覆。",
	"ja":      "良いものを少しだけ扱っています。\n\nお問い合わせには当日中にお返事します。",
}

// showChoosing shows what a buyer sees up to the order.
func (g *gallery) showChoosing(s *testShop) {
	g.showAs(s, nil, "",
		exhibit{name: "catalogue", view: "catalogue", path: "/"},
		exhibit{name: "product", view: "product", path: "/products/tea-set"},
		exhibit{name: "product-variants", view: "product", path: "/products/canvas-bag"},
		exhibit{name: "product-few-left", view: "product", path: "/products/art-print"},
		exhibit{name: "product-digital", view: "product", path: "/products/e-book"},
		exhibit{name: "cart-empty", view: "cart", path: "/cart"},
		exhibit{name: "text", view: "text", path: "/pages/about"},
		exhibit{name: "find", view: "find", path: "/orders"},
		exhibit{name: "find-nothing", view: "find", path: "/orders", status: 404, act: func(b tab) {
			b.fill("number", "401120-AAAAAAAA")
			b.fill("email", "ada@example.com")
			b.click("main form button", ".notice")
		}},
		exhibit{name: "not-found", view: "error", path: "/products/nothing", status: 404},
	)
	full := s.visitorFor(g.t, desktopChrome)
	for _, sku := range []string{"PRINT", "SHIRT-M", "EBOOK"} {
		g.intoCart(full, sku, "2")
	}
	g.showAs(s, full, "", exhibit{name: "cart", view: "cart", path: "/cart"}, exhibit{name: "checkout", view: "checkout", path: "/checkout"})
	wrong := s.visitorFor(g.t, desktopChrome) // what is typed is remembered
	g.intoCart(wrong, "TEA-SET", "1")
	g.showAs(s, wrong, "",
		exhibit{name: "checkout-mistakes", view: "checkout", path: "/checkout", status: 422, act: func(b tab) {
			b.fill("email", "ada@example")
			b.click(placeOrder, ".notice")
		}})
	g.showAs(s, full, iPhoneSafari, exhibit{name: "checkout-phone", view: "checkout", path: "/checkout"})
	g.showAs(s, full, iPhoneWeChat, exhibit{name: "checkout-wechat", view: "checkout", path: "/checkout"})
	digital := s.visitorFor(g.t, desktopChrome)
	g.intoCart(digital, "EBOOK", "1")
	g.showAs(s, digital, "", exhibit{name: "checkout-digital", view: "checkout", path: "/checkout"})
	late := s.visitorFor(g.t, desktopChrome)
	g.intoCart(late, "SHIRT-L", "3")
	g.intoCart(late, "SHIRT-S", "1")
	if _, err := s.db.Exec("UPDATE variants SET on_hand = CASE sku WHEN 'SHIRT-L' THEN 1 ELSE 0 END WHERE sku IN ('SHIRT-L', 'SHIRT-S')"); err != nil {
		g.t.Fatal(err)
	}
	g.showAs(s, late, "", exhibit{name: "cart-changed", view: "cart", path: "/cart"})
}

func (g *gallery) intoCart(b *buyer, sku, quantity string) {
	b.open("/products/" + (map[string]string{"SHIRT-L": "t-shirt", "SHIRT-S": "t-shirt"}[sku] + slugs[sku]))
	f := b.form("data-sku", sku)
	f.fill("quantity", quantity)
	b.submit(f)
}

// showOrders shows the order page in every standing.
func (g *gallery) showOrders(s *testShop, owner deskUser) {
	place := func(sku, wallet, agent string) (*buyer, string) {
		b := s.visitorFor(g.t, agent)
		b.order(sku, wallet)
		s.still(g.now())
		return b, s.newestToken(g.t, b)
	}
	order := func(name, sku, wallet, agent string) (*buyer, string) {
		b, token := place(sku, wallet, agent)
		g.showAs(s, nil, agent, exhibit{name: "order-" + name, view: "order", path: "/o/" + token})
		return b, token
	}
	_, waiting := order("waiting", "TEA-SET", "wechat", desktopChrome)
	if _, err := s.db.Exec("UPDATE orders SET note = ? WHERE token = ?", strings.Repeat("please", 80), waiting); err != nil {
		g.t.Fatal(err)
	}
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-slip-unpaid", view: "admin/slip", path: g.desk(s, waiting) + "/slip"})
	order("waiting-phone", "EBOOK", "wechat", iPhoneSafari)
	order("waiting-wechat", "TEA-SET", "wechat", iPhoneWeChat)
	order("waiting-alipay", "EBOOK", "alipay", desktopChrome)
	_, elsewhere := place("EBOOK", "alipay", desktopChrome)
	_, taken := place("EBOOK", "wechat", iPhoneSafari)
	g.showAs(s, nil, iPhoneWeChat, exhibit{name: "order-elsewhere", view: "order", path: "/o/" + elsewhere},
		exhibit{name: "order-taken", view: "order", path: "/o/" + taken})
	_, lost := place("EBOOK", "wechat", desktopChrome)
	if _, err := s.db.Exec("UPDATE payments SET action = '', action_data = '' WHERE order_id = (SELECT id FROM orders WHERE token = ?)", lost); err != nil {
		g.t.Fatal(err)
	}
	g.showAs(s, nil, "", exhibit{name: "order-lost", view: "order", path: "/o/" + lost})
	_, unpaid := place("EBOOK", "alipayhk", desktopChrome)
	g.showAs(s, nil, "", exhibit{name: "order-unpaid", view: "order", path: "/o/" + unpaid + "?notice=unpaid"})

	s.sandbox.fault(sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultPayDataType, Operation: sandbox.OpCreate, Value: "form"})
	_, form := place("EBOOK", "wechat", iPhoneSafari)
	s.sandbox.clearFaults()
	g.showAs(s, nil, iPhoneSafari, exhibit{name: "order-form", view: "order_form", path: "/o/" + form + "/form", bare: true})

	s.sandbox.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultHTTP500, Operation: sandbox.OpCreate})
	order("nothing", "EBOOK", "wechat", desktopChrome)
	none := s.visitorFor(g.t, desktopChrome)
	none.order("EBOOK", "wechat")
	long := g.now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	if _, err := s.db.Exec("UPDATE payments SET created_at = ?, check_at = ? WHERE order_id = (SELECT id FROM orders WHERE token = ?)", long, long, none.token()); err != nil {
		g.t.Fatal(err)
	}
	none.awaitState(none.token(), "choose")
	g.showAs(s, nil, "", exhibit{name: "order-choose", view: "order", path: none.address.Path})
	s.sandbox.clearFaults()

	s.sandbox.fault(sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultHTTP500, Operation: sandbox.OpQuery})
	_, confirming := order("confirming", "TEA-SET", "wechat", iPhoneSafari)
	s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	owner.awaitState(confirming, "confirming")
	if _, err := s.db.Exec("UPDATE payments SET succeeded_at = ? WHERE status = 'succeeded'", g.now().Add(-2*models.ConfirmingAfter).UTC()); err != nil {
		g.t.Fatal(err)
	}
	s.still(g.now())
	s.sandbox.clearFaults()

	_, expired := order("expired", "EBOOK", "alipayhk", desktopChrome)
	if _, err := s.db.Exec("UPDATE orders SET expires_at = ? WHERE token = ?", g.now().Add(-time.Second).UTC(), expired); err != nil {
		g.t.Fatal(err)
	}
	owner.awaitState(expired, "expired")

	_, canceled := order("canceled", "EBOOK", "wechat", desktopChrome)
	cancel := g.actOn(s, owner, canceled, "cancel")
	cancel.fill("cancel_reason", "asked for by the buyer")
	owner.submit(cancel)

	_, review := order("review", "EBOOK", "wechat", desktopChrome)
	s.notify(g.t, "scanforpay", "application/json", "", signed(s.sandbox.newest(), func(_, body map[string]any) { body["orderAmount"] = 1901 }))
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-order-incident", view: "admin/order", path: g.desk(s, review)})

	paid := func(name, sku, agent string) string {
		_, token := order(name, sku, "wechat", agent)
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
		owner.awaitState(token, "paid")
		return token
	}
	toSend := paid("paid", "TEA-SET", desktopChrome)
	note := g.actOn(s, owner, toSend, "note")
	note.fill("text", "The buyer called: please leave it at the door.")
	owner.submit(note)
	g.showAs(s, owner.buyer, "",
		exhibit{name: "desk-order-paid", view: "admin/order", path: g.desk(s, toSend)},
		exhibit{name: "desk-slip", view: "admin/slip", path: g.desk(s, toSend) + "/slip"},
		exhibit{name: "desk-order-refund-mistakes", view: "admin/order", path: g.desk(s, toSend), status: 422, act: func(b tab) {
			b.click("details[id^=refund] summary", "details[id^=refund] form")
			b.fill("amount", "1000")
			b.click("details[id^=refund] button.primary", "details[id^=refund] .problem")
		}},
	)
	paid("paid-digital", "EBOOK", iPhoneWeChat)

	sent := paid("sent", "TEA-SET", desktopChrome)
	fulfil := g.actOn(s, owner, sent, "fulfil")
	fulfil.fill("carrier", "SF Express")
	fulfil.fill("tracking", "SF1234567890123")
	owner.submit(fulfil)
	refund := g.actOn(s, owner, sent, "refund")
	refund.fill("amount", "28.50")
	refund.fill("refund_reason", "a cup was broken")
	owner.submit(refund)
	await(g.t, "the refund", func() bool { return s.count("SELECT COUNT(*) FROM refunds WHERE status = 'succeeded'") == 1 })
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-order-sent", view: "admin/order", path: g.desk(s, sent)})

	twice, token := order("paid-twice", "EBOOK", "wechat", desktopChrome)
	first := s.sandbox.newest()
	twice.open("/o/" + token)
	twice.press(twice.form("action", "/o/"+token+"/pay"), "wallet", "alipay")
	for _, p := range []sandbox.Payment{first, s.sandbox.newest()} {
		s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
	}
	owner.awaitState(token, "paid")
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-order-paid-twice", view: "admin/order", path: g.desk(s, token)})

	s.sandbox.fault(sandbox.Fault{Gateway: sandbox.ScanForPay, Kind: sandbox.FaultRefundPending})
	stuck := paid("paid-refund-begun", "EBOOK", desktopChrome)
	refund = g.actOn(s, owner, stuck, "refund")
	refund.fill("refund_reason", "cannot be read")
	owner.press(refund, "all", "1")
	s.still(g.now())
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-order-refund-begun", view: "admin/order", path: g.desk(s, stuck)})

	_, byHand := order("by-hand", "EBOOK", "wechat", desktopChrome)
	mark := g.actOn(s, owner, byHand, "paid")
	mark.fill("reference", "BANK-20401120")
	mark.fill("paid_note", "Transferred to our account.")
	mark.fill("confirm", g.desk(s, byHand)[len("/admin/orders/"):])
	owner.submit(mark)
	g.showAs(s, owner.buyer, "", exhibit{name: "desk-order-by-hand", view: "admin/order", path: g.desk(s, byHand)})
}

// desk returns where the desk shows the order with the token.
func (g *gallery) desk(s *testShop, token string) string {
	g.t.Helper()
	var number string
	if err := s.db.QueryRow("SELECT number FROM orders WHERE token = ?", token).Scan(&number); err != nil {
		g.t.Fatal(err)
	}
	return "/admin/orders/" + number
}

// actOn is the form at the desk that does something to an order.
func (g *gallery) actOn(s *testShop, owner deskUser, token, what string) *form {
	g.t.Helper()
	owner.open(g.desk(s, token))
	return owner.act(what)
}

// showDesk shows what the desk is for besides single orders.
func (g *gallery) showDesk(s *testShop, owner deskUser) {
	s.notify(g.t, "pass2pay", "application/x-www-form-urlencoded", "", "mchNo=M1&state=2&sign=00")
	var bag string
	if err := s.db.QueryRow("SELECT id FROM products WHERE slug = 'canvas-bag'").Scan(&bag); err != nil {
		g.t.Fatal(err)
	}
	goods := s.initialGoods(g.t)
	g.showAs(s, owner.buyer, "",
		exhibit{name: "desk-home", view: "admin/home", path: "/admin"},
		exhibit{name: "desk-orders", view: "admin/orders", path: "/admin/orders"},
		exhibit{name: "desk-orders-narrowed", view: "admin/orders", path: "/admin/orders?q=nobody&state=paid"},
		exhibit{name: "desk-incidents", view: "admin/incidents", path: "/admin/incidents"},
		exhibit{name: "desk-messages", view: "admin/messages", path: "/admin/messages"},
		exhibit{name: "desk-goods", view: "admin/goods", path: "/admin/goods"},
		exhibit{name: "desk-product", view: "admin/product", path: "/admin/goods/" + bag},
		exhibit{name: "desk-product-new", view: "admin/product_new", path: "/admin/goods/new"},
		exhibit{name: "desk-product-new-mistakes", view: "admin/product_new", path: "/admin/goods/new", status: 422, act: func(b tab) {
			b.click(`form[action="/admin/goods"] button`, ".problem")
		}},
		exhibit{name: "desk-variant", view: "admin/variant", path: "/admin/goods/sku/BAG-INDIGO"},
		exhibit{name: "desk-import", view: "admin/import", path: "/admin/goods/import"},
		exhibit{name: "desk-import-changes", view: "admin/import", path: "/admin/goods/import", act: func(b tab) {
			b.upload("file", g.file(strings.Replace(goods, "89.00", "93.50", 2)), `form[action="/admin/goods/import/apply"]`)
		}},
		exhibit{name: "desk-import-mistakes", view: "admin/import", path: "/admin/goods/import", status: 422, act: func(b tab) {
			b.upload("file", g.file(strings.Replace(goods, "89.00", "ninety", 2)), ".problem")
		}},
		exhibit{name: "desk-numbers", view: "admin/numbers", path: "/admin/numbers?when=7days"},
		exhibit{name: "desk-reconcile", view: "admin/reconcile", path: "/admin/reconcile"},
		exhibit{name: "desk-reconcile-differs", view: "admin/reconcile", path: "/admin/reconcile?day=2040-11-20", act: func(b tab) {
			b.upload("statement", g.file(g.statement(s)), "#scanforpay .notice")
		}},
		exhibit{name: "desk-settings", view: "admin/settings", path: "/admin/settings"},
		exhibit{name: "desk-gateways", view: "admin/gateways", path: "/admin/gateways"},
		exhibit{name: "desk-not-found", view: "admin/failure", path: "/admin/orders/nothing", status: 404},
	)
}

// statement is the gateway's own with a row that is left out and one that is dearer.
func (g *gallery) statement(s *testShop) string {
	b := s.visitorFor(g.t, desktopChrome)
	b.open("/sandbox/statement/scanforpay.csv")
	lines := strings.SplitAfter(b.text, "\n")
	return lines[0] + strings.Join(lines[2:], "") + strings.Replace(lines[3], "P40", "P39", 1)
}

func (g *gallery) file(text string) string {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "file.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return file
}

// initialGoods is the catalogue as a file.
func (s *testShop) initialGoods(t *testing.T) string {
	got := saoma(t, "products", "export", "--config", s.config)
	if got.code != 0 {
		t.Fatalf("products export: %s", got.stderr)
	}
	return got.stdout
}

// upload sends a file in the form that has the field.
func (b tab) upload(field, file, then string) {
	b.t.Helper()
	b.do(chromedp.SetUploadFiles(fmt.Sprintf("main [name=%q]", field), []string{file}, chromedp.ByQuery))
	b.click(fmt.Sprintf("main form:has([name=%q]) button.primary, main form:has([name=%q]) button", field, field), then)
}

// showStaff shows how staff come in and are looked after.
func (g *gallery) showStaff(s *testShop, owner deskUser) {
	sam := g.member(s, "sam@example.com", models.RoleOrders, false)
	g.enrol(sam)
	half := g.member(s, "sam@example.com", models.RoleOrders, true)
	begun := g.member(s, "finn@example.com", models.RoleFinance, false)
	begun.open("/admin/account/totp")
	begun.submit(begun.form("action", "/admin/account/totp"))
	stale := g.member(s, "olivia@example.com", models.RoleOwner, false)
	if _, err := s.db.Exec(`UPDATE staff_sessions SET proved_at = ? WHERE token_hash = ?`, g.now().Add(-time.Hour).UTC(), models.HashToken(stale.session())); err != nil {
		g.t.Fatal(err)
	}
	store := g.store(s)
	defer store.Close()
	_, link, err := store.InviteStaff(g.t.Context(), models.CommandLine(), "carla@example.com", models.RoleCatalogue)
	if err != nil {
		g.t.Fatal(err)
	}
	member, err := store.StaffByEmail(g.t.Context(), "sam@example.com")
	if err != nil {
		g.t.Fatal(err)
	}
	g.showAs(s, nil, "",
		exhibit{name: "desk-join", view: "admin/welcome", path: "/admin/join/" + link},
		exhibit{name: "desk-login", view: "admin/login", path: "/admin/login"},
		exhibit{name: "desk-login-refused", view: "admin/login", path: "/admin/login", status: 422, act: func(b tab) {
			b.click("main form button", ".problem")
		}},
	)
	g.showAs(s, half.buyer, "",
		exhibit{name: "desk-code", view: "admin/code", path: "/admin/login/code"},
		exhibit{name: "desk-code-mistakes", view: "admin/code", path: "/admin/login/code", status: 422, act: func(b tab) {
			b.click("main form button", ".notice")
		}},
	)
	g.showAs(s, sam.buyer, "",
		exhibit{name: "desk-account", view: "admin/account", path: "/admin/account"},
		exhibit{name: "desk-recovery", view: "admin/recovery", path: "/admin/account", act: func(b tab) {
			b.click(`form[action="/admin/account/recovery"] button`, ".codes")
		}},
	)
	g.showAs(s, owner.buyer, "",
		exhibit{name: "desk-totp", view: "admin/totp", path: "/admin/account/totp"},
		exhibit{name: "desk-staff", view: "admin/staff", path: "/admin/staff"},
		exhibit{name: "desk-staff-mistakes", view: "admin/staff", path: "/admin/staff", status: 422, act: func(b tab) {
			b.click(`form[action="/admin/staff"] button`, ".problem")
		}},
		exhibit{name: "desk-member", view: "admin/member", path: "/admin/staff/" + member.ID},
		exhibit{name: "desk-link", view: "admin/link", path: "/admin/staff/" + member.ID, act: func(b tab) {
			b.click(`form[action$="/link"] button`, "#link")
		}},
	)
	g.showAs(s, begun.buyer, "", exhibit{name: "desk-totp-begun", view: "admin/totp", path: "/admin/account/totp"})
	g.showAs(s, stale.buyer, "", exhibit{name: "desk-proof", view: "admin/proof", path: "/admin/staff", act: func(b tab) {
		b.click(`form[action="/admin/staff/rules"] button`, `input[name="_proof"]`)
	}})
}

// session is the token of the member's session.
func (u deskUser) session() string {
	for _, c := range u.client.Jar.Cookies(u.address) {
		if c.Name == "saoma-staff" {
			return c.Value
		}
	}
	return ""
}

// enrol sets up the member's second factor.
func (g *gallery) enrol(u deskUser) {
	g.t.Helper()
	u.open("/admin/account/totp")
	u.submit(u.form("action", "/admin/account/totp"))
	secret := find(u.page, func(n *html.Node) bool { return attr(n, "class") == "secret" })
	code, err := totp.GenerateCode(strings.ReplaceAll(textOf(secret), " ", ""), g.now())
	if err != nil {
		g.t.Fatal(err)
	}
	confirm := u.form("action", "/admin/account/totp/confirm")
	confirm.fill("code", code)
	u.submit(confirm)
}

// wantEveryView wants each template to make one of the exhibits, or a part of one. It is known by the text
// that it always holds.
func wantEveryView(t *testing.T, exhibits []exhibit, sources string) {
	t.Helper()
	pages := map[string]string{}
	for _, e := range exhibits {
		source, err := os.ReadFile(filepath.Join(sources, e.name+"."+galleryLanguages[0]+".html"))
		if err != nil {
			t.Fatal(err)
		}
		pages[e.name] = string(source)
	}
	always := map[string][]string{}
	err := fs.WalkDir(views.Files, ".", func(path string, d fs.DirEntry, err error) error {
		name, is := strings.CutSuffix(path, ".html")
		if err != nil || !is || strings.HasPrefix(path, "mail/") {
			return err
		}
		raw, err := fs.ReadFile(views.Files, path)
		if err != nil {
			return err
		}
		tree := template.New(name)
		tree.Mode = template.SkipFuncCheck
		if _, err = tree.Parse(string(raw), "", "", map[string]*template.Tree{}); err != nil {
			return err
		}
		for _, node := range tree.Root.Nodes {
			if text, is := node.(*template.TextNode); is {
				always[name] = append(always[name], string(text.Text))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, e := range exhibits {
		if !holds(pages[e.name], always[e.view]) {
			t.Errorf("%s is not made by views/%s.html", e.name, e.view)
		}
		shown[e.view] = true
	}
	for name, texts := range always {
		part := strings.HasPrefix(name, "partials/") || strings.HasPrefix(name, "order_")
		if !shown[name] && !(part && slices.ContainsFunc(exhibits, func(e exhibit) bool { return holds(pages[e.name], texts) })) {
			t.Errorf("views/%s.html makes no exhibit", name)
		}
	}
}

// holds reports whether the texts stand in the page, one behind the other.
func holds(page string, texts []string) bool {
	for _, text := range texts {
		_, rest, found := strings.Cut(page, text)
		if !found {
			return false
		}
		page = rest
	}
	return true
}

package handlers

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestShopPages(t *testing.T) {
	s := newShop(t)
	tests := []struct {
		name, method, target string
		language             string
		status               int
		location             string
		want, absent         []string
	}{
		{name: "catalogue", target: "/", status: 200, want: []string{
			`lang="en"`, "<h1", "Tea set", "CN¥128.50", "from CN¥45.00", `href="/products/art-print"`, `name="description"`,
		}, absent: []string{"noindex", "_csrf"}},
		{name: "catalogue in Chinese", target: "/", language: "zh-CN", status: 200, want: []string{
			`lang="zh-Hans"`, "全部商品", "¥128.50", "¥45.00 起",
		}, absent: []string{"Everything"}},
		{name: "one variant", target: "/products/tea-set", status: 200, want: []string{
			`data-sku="TEA-SET" data-stock="25"`, "Dishwasher", `name="buy_now" value="1"`, `max="25"`,
		}},
		{name: "variants", target: "/products/canvas-bag", status: 200, want: []string{
			`data-sku="BAG-NATURAL" data-stock="80"`, `data-sku="BAG-INDIGO" data-stock="80"`, "CN¥49.00",
			`id="variant-1">Indigo`, `aria-labelledby="quantity-1 variant-1"`,
			`id="add-1" aria-labelledby="add-1 variant-1"`, `id="buy-1" aria-labelledby="buy-1 variant-1"`,
		}},
		{name: "variants in Japanese", target: "/products/canvas-bag", language: "ja", status: 200,
			want: []string{`<strong id="variant-1">藍</strong>`}, absent: []string{"Indigo", "靛"}},
		{name: "few left", target: "/products/art-print", status: 200, want: []string{`data-stock="3"`, "Only 3 left"}},
		{name: "not counted", target: "/products/e-book", status: 200,
			want: []string{`data-sku="EBOOK"`, "Delivered on your order page"}, absent: []string{"data-stock", "epub"}},
		{name: "no such product", target: "/products/nothing", status: 404, want: []string{"not in the shop"}},
		{name: "empty cart", target: "/cart", status: 200, want: []string{"Your cart is empty", "noindex"}},
		{name: "checkout without a cart", target: "/checkout", status: 303, location: "/cart"},
		{name: "find my order", target: "/orders", status: 200, want: []string{`name="number"`, `name="email"`}},
		{name: "no such page", target: "/nothing", status: 404, want: []string{"no such page"}},
		{name: "no such order", target: "/o/nothing", status: 404, want: []string{"no such order", `href="/orders"`}},
		{name: "no such method", method: http.MethodPut, target: "/cart", status: 405},
		{name: "nothing to send to", method: http.MethodPost, target: "/nothing", status: 404, want: []string{"no such page"}},
		{name: "nothing to send to at the desk", method: http.MethodPost, target: "/admin/nothing", status: 404},
		{name: "sent to what is only shown", method: http.MethodPost, target: "/products/tea-set", status: 405},
		{name: "only the head", method: http.MethodHead, target: "/", status: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := s.browse(desktop)
			if tt.language != "" {
				b.language = tt.language
			}
			method := tt.method
			if method == "" {
				method = http.MethodGet
			}
			b.do(method, tt.target, nil).check(t, tt.target, tt.status, tt.location, tt.want, tt.absent)
		})
	}
}

// A long catalogue is shown in parts that lead to each other.
func TestLongCatalogue(t *testing.T) {
	s := newShop(t)
	var more []models.Product
	for i := range 60 {
		slug := fmt.Sprintf("more-%02d", i)
		more = append(more, models.Product{Slug: slug, Name: slug, Active: true, Variants: []models.Variant{{SKU: slug, Price: 100, Active: true}}})
	}
	if err := s.store.PutProducts(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	b := s.browse(desktop)
	first := b.get("/")
	first.check(t, "first part", 200, "", []string{`rel="next"`, `href="/products/more-00"`}, []string{`rel="prev"`, "more-59"})
	next := html.UnescapeString(regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(first.body)[1])
	last := b.get(next)
	last.check(t, "last part", 200, "", []string{`rel="prev"`, `href="/products/more-59"`}, []string{`rel="next"`, `"/products/more-00"`})
	back := html.UnescapeString(regexp.MustCompile(`href="([^"]+)" rel="prev"`).FindStringSubmatch(last.body)[1])
	b.get(back).check(t, "back", 200, "", []string{`rel="next"`, `href="/products/more-00"`}, []string{`rel="prev"`, "more-59"})
}

func TestSoldOut(t *testing.T) {
	s := newShop(t)
	s.set("art-print", "PRINT", 36000, 0)
	s.browse(desktop).get("/").check(t, "catalogue", 200, "", []string{"Sold out"}, nil)
	s.browse(desktop).get("/products/art-print").check(t, "product", 200, "",
		[]string{`data-sku="PRINT" data-stock="0"`, "Sold out"}, []string{"<button"})
}

func TestCart(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "2")
	b.fill("e-book", "EBOOK", "1")
	b.fill("tea-set", "TEA-SET", "1")
	b.get("/cart").check(t, "cart", 200, "", []string{
		"Tea set", "CN¥385.50", "E-book", "CN¥404.50", "CN¥10.00", "CN¥414.50", `<span class="badge">4</span>`,
	}, nil)
	b.post("/cart/items/TEA-SET", url.Values{"quantity": {"4"}}).check(t, "change", 303, "/cart", nil, nil)
	b.get("/cart").check(t, "above the free limit", 200, "", []string{"CN¥514.00", "Free", "The total is now CN¥533.00"}, nil)
	b.get("/cart").check(t, "told once", 200, "", []string{"CN¥533.00"}, []string{"total is now"})
	b.post("/cart/items/TEA-SET", url.Values{"quantity": {"0"}}).check(t, "remove", 303, "/cart", nil, nil)
	b.get("/cart").check(t, "nothing is shipped", 200, "", []string{"CN¥19.00"}, []string{"Tea set", "Shipping"})
	b.post("/cart/items/NOTHING", url.Values{"quantity": {"3"}}).check(t, "change what is not in it", 303, "/cart", nil, nil)
	b.get("/cart").check(t, "unchanged", 200, "", nil, []string{"NOTHING"})
}

// What stands in the cart's page is what the checkout is about, whether "Update" was pressed or not.
func TestCartIsSavedByItsButtons(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	b.fill("e-book", "EBOOK", "1")
	lines := func(tea, book string) url.Values {
		return url.Values{"sku": {"TEA-SET", "EBOOK"}, "quantity": {tea, book}, "checkout": {"1"}}
	}
	b.get("/cart").check(t, "cart", 200, "", []string{
		`<form id="cart" method="post" action="/cart">`, `form="cart" name="sku" value="EBOOK"`, `form="cart" name="quantity"`,
		`id="line-1"`, `id="update-1" aria-labelledby="update-1 line-1"`,
	}, nil)
	b.post("/cart", lines("3", "2")).check(t, "check out", 303, "/checkout", nil, nil)
	b.get("/checkout").check(t, "checkout", 200, "", []string{"3 × ", "2 × ", "CN¥433.50"}, nil)
	form := lines("2", "0")
	form.Del("checkout")
	b.post("/cart", form).check(t, "update", 303, "/cart", nil, nil)
	b.get("/cart").check(t, "updated", 200, "", []string{`name="quantity" value="2"`}, []string{"EBOOK"})
	form = url.Values{"sku": {"NOTHING", "TEA-SET", "TEA-SET"}, "quantity": {"7", "4", "1.5"}, "checkout": {"1"}}
	b.post("/cart", form).check(t, "one is no quantity", 400, "",
		[]string{"not a quantity", `name="quantity" value="4"`}, []string{"NOTHING"})
	b.post("/cart", url.Values{"sku": {"TEA-SET"}}).check(t, "half a line", 400, "", nil, nil)
	b.post("/cart", lines("26", "1")).check(t, "more than there are", 303, "/checkout", nil, nil)
	b.get("/checkout").check(t, "more than there are", 303, "/cart", nil, nil)
}

// A page that answered a form can be read in another language, though nothing is shown at its address.
func TestLanguageOfAnAnswerToAForm(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	for address, want := range map[string]string{
		"/cart/items": "/cart", "/cart/items/TEA-SET": "/cart", "/cart": "", "/checkout": "/cart", "/orders": "",
		"/o/abc/pay": "/o/abc", "/o/abc/check": "/o/abc",
	} {
		b.get(address+"?lang=ja").check(t, address, 303, address, nil, nil)
		if got := b.get(address); got.location != want || got.status >= 400 {
			t.Errorf("%s: got %d to %q, want to %q", address, got.status, got.location, want)
		}
	}
}

func TestCartRefuses(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	for _, quantity := range []string{"0", "-1", "1000", "1.5", "x", "9223372036854775808", "1e3"} {
		b.post("/cart/items", url.Values{"sku": {"TEA-SET"}, "quantity": {quantity}}).
			check(t, "add "+quantity, 400, "", []string{"not a quantity", `data-sku="TEA-SET"`}, nil)
	}
	for _, quantity := range []string{"", "-1", "1000", "x"} {
		b.post("/cart/items/TEA-SET", url.Values{"quantity": {quantity}}).
			check(t, "change to "+quantity, 400, "", []string{"not a quantity", `name="quantity" value="1"`}, nil)
	}
	for _, sku := range []string{"", "NOTHING", "' OR 1=1 --"} {
		b.post("/cart/items", url.Values{"sku": {sku}}).check(t, "add "+sku, 409, "", []string{"no longer for sale"}, nil)
	}
	b.post("/cart/items", url.Values{"sku": {"TEA-SET"}}).check(t, "no quantity", 303, "/cart", nil, nil)
	b.token = "forged"
	b.post("/cart/items", url.Values{"sku": {"TEA-SET"}}).check(t, "forged form", 403, "", []string{"has expired", "cookies"}, []string{"Nothing was lost"})
	b.get("/cart").check(t, "cart", 200, "", []string{`name="quantity" value="2"`}, nil)
}

func TestCartTellsWhatChanged(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("art-print", "PRINT", "3")
	b.fill("tea-set", "TEA-SET", "1")
	b.fill("canvas-bag", "BAG-INDIGO", "1")
	s.set("art-print", "PRINT", 36000, 2)
	s.set("tea-set", "TEA-SET", 15000, 0)
	if err := s.store.PutProducts(context.Background(), []models.Product{{Slug: "canvas-bag", Name: "Bag"}}); err != nil {
		t.Fatal(err)
	}
	b.get("/cart").check(t, "cart", 200, "", []string{
		"Only 2 left", "Change to 2", "just sold out", "no longer for sale", "fix the marked items",
	}, []string{`name="checkout"`, `<dl class="totals">`})
	b.get("/checkout").check(t, "checkout", 303, "/cart", nil, nil)
	b.post("/cart/items/PRINT", url.Values{"quantity": {"2"}})
	b.post("/cart/items/TEA-SET", url.Values{"quantity": {"0"}})
	b.post("/cart/items/BAG-INDIGO", url.Values{"quantity": {"0"}})
	b.get("/checkout").check(t, "checkout, settled", 200, "", []string{"2 × <span>Article art-print</span>", "CN¥720.00"}, nil)
}

// TestBuying walks from the product to where the buyer pays, in each kind of browser.
func TestBuying(t *testing.T) {
	const gateway, orderPage = `https://pay\.example\.com/P[0-9]{12}[A-Z2-7]{16}`, `/o/[a-z2-7]{32}`
	tests := []struct {
		name, agent string
		wallet      models.Wallet
		location    string
	}{
		{"desktop", desktop, models.WeChat, orderPage},
		{"desktop, AlipayHK", desktop, models.AlipayHK, orderPage},
		{"phone", phone, models.Alipay, gateway},
		{"inside WeChat", inWeChat, models.WeChat, gateway},
		{"inside Alipay", inAlipay, models.Alipay, gateway},
		{"Alipay inside WeChat", inWeChat, models.Alipay, orderPage + `\?notice=elsewhere`},
		{"AlipayHK on a phone, which no route serves", phone, models.AlipayHK, orderPage + `\?notice=wallet`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t)
			b := s.browse(tt.agent)
			b.get("/products/tea-set")
			b.post("/cart/items", url.Values{"sku": {"TEA-SET"}, "quantity": {"2"}, "buy_now": {"1"}}).
				check(t, "buy now", 303, "/checkout", nil, nil)
			form := b.checkout(tt.wallet)
			form.Set("note", "Ring twice")
			b.post("/checkout", form).check(t, "checkout", 303, tt.location, nil, nil)
			order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
			if err != nil {
				t.Fatal(err)
			}
			want := models.Buyer{
				Name: "Ada Wong", Email: "ada@example.com", Phone: "+852 1234", Note: "Ring twice",
				Address: "1 Queen's Road", City: "Hong Kong", Country: "Hong Kong",
			}
			if diff := cmp.Diff(want, order.Buyer); diff != "" {
				t.Errorf("buyer (-want +got):\n%s", diff)
			}
			if order.Amount != 26700 || order.Shipping != 1000 || order.Wallet != tt.wallet || order.Language != "en" ||
				order.ClientIP == "" || order.CustomerID == "" || order.CustomerSince.IsZero() {
				t.Errorf("order: got %+v", order)
			}
			b.get("/o/"+order.Token).check(t, "order page", 200, "", []string{order.Number, "CN¥267.00"}, nil)
			b.get("/cart").check(t, "cart afterwards", 200, "", []string{"Your cart is empty"}, nil)
		})
	}
}

// What a field of one line holds is one line, whatever a program puts into it; a note keeps its lines.
func TestCheckoutTakesNoControlCharacters(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.get("/products/tea-set")
	b.post("/cart/items", url.Values{"sku": {"TEA-SET"}, "buy_now": {"1"}})
	form := b.checkout(models.WeChat)
	for name, text := range map[string]string{
		"name": "Ada\r\nWong\x00", "email": "\x00ada@example.com\n", "phone": "+852\t1234", "address": "1 Queen's\x1b\nRoad",
		"city": "Hong\nKong", "note": "Ring\x00\r\ntwice\x07",
	} {
		form.Set(name, text)
	}
	if got := b.post("/checkout", form); got.status != 303 {
		t.Fatalf("checkout: got %d\n%s", got.status, got.body)
	}
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil {
		t.Fatal(err)
	}
	want := models.Buyer{
		Name: "Ada Wong", Email: "ada@example.com", Phone: "+852 1234", Note: "Ring\ntwice",
		Address: "1 Queen's Road", City: "Hong Kong", Country: "Hong Kong",
	}
	if diff := cmp.Diff(want, order.Buyer); diff != "" {
		t.Errorf("buyer (-want +got):\n%s", diff)
	}
}

func TestWalletChoices(t *testing.T) {
	s := newShop(t)
	tests := []struct {
		name, agent  string
		want, absent []string
	}{
		{"desktop", desktop, []string{`value="wechat" required checked`, `value="alipayhk"`}, []string{"Does not"}},
		{"phone", phone, []string{`value="wechat" required checked`, "Does not work in this browser"}, []string{"in this app"}},
		{"inside WeChat", inWeChat, []string{`value="wechat" required checked`, "Does not open in this app"}, nil},
		{"inside Alipay", inAlipay, []string{`value="alipay" required checked`, "Does not open in this app"}, nil},
	}
	for _, tt := range tests {
		b := s.browse(tt.agent)
		b.fill("tea-set", "TEA-SET", "1")
		b.get("/checkout").check(t, tt.name, 200, "", tt.want, tt.absent)
	}
}

// A wallet whose gateway does not take the buyer's address is one that does not open here: the order is
// placed, and its page says how to go on.
func TestWalletThatDoesNotTakeTheBuyersAddress(t *testing.T) {
	s := newShop(t)
	s.gateway.from = "192.0.2.7"
	b := s.browse(phone)
	b.fill("tea-set", "TEA-SET", "1")
	b.get("/checkout").check(t, "checkout", 200, "", []string{`value="wechat" required>`, "Does not work in this browser"}, []string{"Payment is not possible"})
	form := b.checkout(models.WeChat)
	b.post("/checkout", form).check(t, "order", 303, "/o/.*notice=wallet", nil, nil)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil || len(order.Payments) != 0 {
		t.Fatalf("got %v, %+v, want an order without an attempt", err, order)
	}
	b.get("/o/"+order.Token+"?notice=wallet").check(t, "order page", 200, "",
		[]string{"Continue in the app or on another device", "Not available in this browser: WeChat Pay · Alipay · AlipayHK.", `value="http://localhost:8080/o/`, "See below"},
		[]string{`name="wallet"`, "did not go through"})
}

func TestDigitalGoodsNeedNoAddress(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("e-book", "EBOOK", "1")
	b.get("/checkout").check(t, "form", 200, "", []string{`name="email"`}, []string{`name="address"`, "Shipping"})
	form := b.checkout(models.WeChat)
	b.post("/checkout", form).check(t, "checkout", 303, "/o/.*", nil, nil)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil {
		t.Fatal(err)
	}
	if order.Shipped || order.Address != "" || order.Amount != 1900 {
		t.Errorf("got shipped %t to %q for %d, want not shipped, no address, 1900", order.Shipped, order.Address, order.Amount)
	}
}

func TestCheckoutTellsEachField(t *testing.T) {
	tests := []struct {
		field, value, want string
	}{
		{"name", "", "Please fill this in."},
		{"name", " \t ", "Please fill this in."},
		{"name", strings.Repeat("茶", 101), "This is too long."},
		{"email", "", "Please fill this in."},
		{"email", "ada at example", "This is not an e-mail address."},
		{"phone", strings.Repeat("1", 41), "This is too long."},
		{"note", strings.Repeat("x", 501), "This is too long."},
		{"address", "", "Please fill this in."},
		{"city", "", "Please fill this in."},
		{"country", "", "Please fill this in."},
		{"postcode", strings.Repeat("1", 21), "This is too long."},
		{"wallet", "", "Please choose how to pay."},
		{"wallet", "cash", "Please choose how to pay."},
		{"name", "\xff\xfe", "Please fill this in."},
	}
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	for _, tt := range tests {
		form := b.checkout(models.Alipay)
		form.Set(tt.field, tt.value)
		got := b.post("/checkout", form)
		kept := []string{tt.want, "Nothing you typed is lost"}
		for field, values := range form {
			if field != tt.field && !strings.HasPrefix(field, "_") && field != "wallet" {
				kept = append(kept, `value="`+values[0]+`"`)
			}
		}
		kept = append(kept, `<li><a href="#`+tt.field+`"`, `aria-invalid="true" aria-describedby="`+tt.field+`-error"`, `id="`+tt.field+`-error"`)
		if tt.field != "wallet" {
			kept = append(kept, `value="alipay" required checked`)
		}
		got.body = html.UnescapeString(got.body)
		got.check(t, fmt.Sprintf("%s %.20q", tt.field, tt.value), 422, "", kept, nil)
	}
	if s.gateway.created != 0 {
		t.Errorf("got %d payments, want none", s.gateway.created)
	}
}

func TestPriceChangedMeanwhile(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	s.set("tea-set", "TEA-SET", 20000, 25)
	got := b.post("/checkout", form)
	got.check(t, "old price", 409, "", []string{"total has changed", "CN¥210.00", `name="total" value="21000"`, `value="ada@example.com"`}, nil)
	b.post("/checkout", b.checkout(models.WeChat)).check(t, "new price", 303, "/o/.*", nil, nil)

	b.fill("tea-set", "TEA-SET", "1")
	form = b.checkout(models.WeChat)
	form.Set("total", "nonsense")
	b.post("/checkout", form).check(t, "no total at all", 409, "", []string{"total has changed"}, nil)
	form.Del("total")
	b.post("/checkout", form).check(t, "total not told", 303, "/o/.*", nil, nil)
}

func TestSoldOutMeanwhile(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("art-print", "PRINT", "3")
	form := b.checkout(models.Alipay)
	s.set("art-print", "PRINT", 36000, 2)
	b.post("/checkout", form).check(t, "checkout", 409, "",
		[]string{"Somebody was faster", "Only 2 left", "Change to 2"}, []string{`name="checkout"`})
	b.post("/cart/items/PRINT", url.Values{"quantity": {"2"}}).check(t, "take two", 303, "/cart", nil, nil)
	b.get("/checkout").check(t, "nothing typed is lost", 200, "",
		[]string{`value="Ada Wong"`, `value="1 Queen&#39;s Road"`, `value="alipay" required checked`}, nil)
	b.post("/checkout", b.checkout(models.Alipay)).check(t, "again", 303, "/o/.*", nil, nil)
}

// TestTooMuchUnpaid: who holds a part of the stock already is told what to do, and loses nothing.
func TestTooMuchUnpaid(t *testing.T) {
	s := newShop(t)
	s.set("tea-set", "TEA-SET", 12850, 10)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	b.post("/checkout", b.checkout(models.WeChat)).check(t, "first order", 303, "/o/.*", nil, nil)
	b.fill("tea-set", "TEA-SET", "6")
	form := b.checkout(models.WeChat)
	form.Set("note", "Ring twice")
	b.post("/checkout", form).check(t, "second order", 429, "",
		[]string{"open orders that are not paid yet", "pay them first, or wait until they expire", `href="/orders"`}, nil)
	b.get("/cart").check(t, "cart", 200, "", []string{`name="quantity" value="6"`}, nil)
	b.get("/checkout").check(t, "checkout", 200, "", []string{"Ring twice"}, nil)
}

// A SKU that is changed at the desk takes nothing out of a cart, and old pages go on working.
func TestRenamedMeanwhile(t *testing.T) {
	s := newShop(t)
	rename := func(from, to string) {
		t.Helper()
		v, err := s.store.VariantBySKU(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		now := v.Details()
		now.SKU = to
		if err := s.store.ChangeVariant(t.Context(), models.CommandLine(), from, v.Details(), now); err != nil {
			t.Fatal(err)
		}
	}
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "2")
	form := b.checkout(models.WeChat)
	add := url.Values{"sku": {"TEA-SET"}, "quantity": {"1"}}
	change := func(target, quantity string) {
		t.Helper()
		if got := b.post(target, url.Values{"quantity": {quantity}}); got.status != 303 || got.location != "/cart" {
			t.Fatalf("%s: got %d to %q", target, got.status, got.location)
		}
	}
	shows := func(what, sku string, quantity int) {
		t.Helper()
		body := b.get("/cart").body
		if want := fmt.Sprintf(`name="quantity" value="%d" min="0"`, quantity); strings.Count(body, `name="sku"`) != 1 ||
			!strings.Contains(body, `name="sku" value="`+sku+`"`) || !strings.Contains(body, want) {
			t.Errorf("%s: want %d of %s in one line, got:\n%s", what, quantity, sku, body)
		}
	}
	rename("TEA-SET", "TEA-1")
	change("/cart/items/TEA-SET", "3")
	if got := b.post("/cart/items", add); got.status != 303 {
		t.Fatalf("add by a page of before: got %d", got.status)
	}
	shows("after two old pages", "TEA-1", 4)
	rename("TEA-1", "TEA-2")
	change("/cart/items/TEA-SET", "5")
	shows("after an old page and another change", "TEA-2", 5)
	rename("TEA-2", "TEA-3")
	form.Del("total")
	if got := b.post("/checkout", form); got.status != 303 {
		t.Fatalf("checkout: got %d:\n%s", got.status, got.body)
	}
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil || len(order.Items) != 1 || order.Items[0].SKU != "TEA-3" || order.Items[0].Quantity != 5 {
		t.Errorf("order: got %+v, %v; want five of TEA-3", order, err)
	}
}

func TestTakenDownMeanwhile(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	if err := s.store.PutProducts(t.Context(), []models.Product{{Slug: "tea-set", Name: "Tea set"}}); err != nil {
		t.Fatal(err)
	}
	b.post("/checkout", form).check(t, "checkout", 409, "", []string{"no longer for sale", "Please remove it"}, []string{`name="checkout"`})
}

// TestLastPieces lets more buyers order at once than there are pieces: each has an order or is
// told, and no piece is sold twice.
func TestLastPieces(t *testing.T) {
	s := newShop(t)
	const buyers, pieces = 8, 3
	statuses := make(chan int, buyers)
	var orders []func()
	for range buyers {
		b := s.browse(desktop)
		b.fill("art-print", "PRINT", "1")
		form := b.checkout(models.WeChat)
		orders = append(orders, func() { statuses <- b.post("/checkout", form).status })
	}
	var wg sync.WaitGroup
	for _, order := range orders {
		wg.Go(order)
	}
	wg.Wait()
	close(statuses)
	got := map[int]int{}
	for status := range statuses {
		got[status]++
	}
	if diff := cmp.Diff(map[int]int{303: pieces, 409: buyers - pieces}, got); diff != "" {
		t.Errorf("answers by status (-want +got):\n%s", diff)
	}
}

func TestCheckoutWithAnEmptyCart(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	b.post("/cart/items/TEA-SET", url.Values{"quantity": {"0"}})
	b.post("/checkout", form).check(t, "checkout", 400, "", []string{"cart is empty"}, nil)
}

// TestOneFormMakesOneOrder sends one form many times at once, and once more later.
func TestOneFormMakesOneOrder(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("art-print", "PRINT", "1")
	form := b.checkout(models.WeChat)
	locations := make(chan string, 8)
	var wg sync.WaitGroup
	for range cap(locations) {
		click := *b
		click.cookies = map[string]string{}
		for name, value := range b.cookies {
			click.cookies[name] = value
		}
		wg.Go(func() {
			location, _, _ := strings.Cut(click.post("/checkout", clone(form)).location, "?")
			locations <- location
		})
	}
	wg.Wait()
	close(locations)
	first := <-locations
	if !strings.HasPrefix(first, "/o/") {
		t.Fatalf("first click: got %q, want an order", first)
	}
	for location := range locations {
		if location != first {
			t.Errorf("another click: got %q, want %q", location, first)
		}
	}
	if variants, err := s.store.VariantsBySKU(t.Context(), []string{"PRINT"}); err != nil || variants["PRINT"].Reserved != 1 {
		t.Errorf("reserved: got %+v, %v, want 1 piece", variants, err)
	}

	b.fill("tea-set", "TEA-SET", "1")
	again := b.post("/checkout", form)
	again.check(t, "old form from the history", 303, regexpQuote(first)+".*", nil, nil)
	b.get("/cart").check(t, "new wishes", 200, "", []string{"Tea set"}, nil)
}

func clone(form url.Values) url.Values {
	copied := url.Values{}
	for name, values := range form {
		copied[name] = append([]string(nil), values...)
	}
	return copied
}

func regexpQuote(text string) string { return strings.NewReplacer(".", `\.`, "?", `\?`).Replace(text) }

// TestFormTokenOfSomebodyElse: a token that this session was not shown finds no order.
func TestFormTokenOfSomebodyElse(t *testing.T) {
	s := newShop(t)
	ada, eve := s.browse(desktop), s.browse(desktop)
	ada.fill("tea-set", "TEA-SET", "1")
	form := ada.checkout(models.WeChat)
	hers := ada.post("/checkout", form)
	eve.fill("tea-set", "TEA-SET", "1")
	stolen := eve.checkout(models.WeChat)
	stolen.Set("form_token", form.Get("form_token"))
	if got := eve.post("/checkout", stolen); got.status != 303 || got.location == hers.location {
		t.Errorf("got %d to %q, want another order than %q", got.status, got.location, hers.location)
	}
}

func TestGatewayDownKeepsTheOrder(t *testing.T) {
	s := newShop(t)
	s.gateway.down = true
	b := s.browse(phone)
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	got := b.post("/checkout", form)
	got.check(t, "checkout", 303, `/o/[a-z2-7]{32}\?notice=down`, nil, nil)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil || order.Status != models.OrderPending {
		t.Fatalf("order: got %+v, %v, want it pending", order, err)
	}
	b.get(got.location).check(t, "order page", 200, "", []string{order.Number, `name="wallet"`}, nil)
}

func TestFindOrder(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	placed := b.post("/checkout", form)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil {
		t.Fatal(err)
	}
	other := s.browse(phone)
	other.get("/orders")
	tests := []struct {
		name, number, email string
		status              int
		location            string
		want                []string
	}{
		{"both fit", order.Number, "ada@example.com", 303, regexpQuote(placed.location), nil},
		{"in other letters", " " + strings.ToLower(order.Number) + " ", "ADA@example.com", 303, regexpQuote(placed.location), nil},
		{"other address", order.Number, "eve@example.com", 404, "", []string{"We cannot find an order", order.Number}},
		{"other number", "260101-AAAAAAAA", "ada@example.com", 404, "", []string{"We cannot find an order"}},
		{"nothing", "", "", 422, "", []string{"Please fill this in."}},
	}
	for _, tt := range tests {
		other.post("/orders", url.Values{"number": {tt.number}, "email": {tt.email}}).
			check(t, tt.name, tt.status, tt.location, tt.want, nil)
	}
	wrong := url.Values{"number": {order.Number}, "email": {"guess@example.com"}}
	limited := false
	for range 30 {
		got := other.post("/orders", wrong)
		limited = limited || got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") != "" &&
			strings.Contains(got.body, "Too many attempts") && strings.Contains(got.body, `value="guess@example.com"`)
	}
	if !limited {
		t.Error("30 guesses: got never told to wait")
	}
	s.mu.Lock()
	s.now = s.now.Add(time.Minute)
	s.mu.Unlock()
	other.post("/orders", url.Values{"number": {order.Number}, "email": {"ada@example.com"}}).
		check(t, "a minute later", 303, ".*", nil, nil)
}

// Who left for a wallet and lost the way finds the order in the same browser, and nobody else does.
func TestLastOrder(t *testing.T) {
	s := newShop(t)
	b := s.browse(phone)
	b.get("/cart").check(t, "nothing ordered yet", 200, "", nil, []string{"Your last order"})
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	b.post("/checkout", form).check(t, "checkout", 303, ".*", nil, nil)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil {
		t.Fatal(err)
	}
	shows := func(what, state string) {
		t.Helper()
		for _, target := range []string{"/cart", "/orders"} {
			got := b.get(target)
			got.check(t, what, 200, "", []string{"Your last order", `href="/o/` + order.Token + `">` + order.Number + " · " + state}, nil)
			if got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s may be kept by a cache", what, target)
			}
			s.browse(phone).get(target).check(t, what+", somebody else", 200, "", nil, []string{"Your last order", order.Number})
		}
	}
	shows("placed", "Waiting for payment")
	found := func(kind models.IncidentKind) {
		t.Helper()
		if err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
			_, err := tx.OpenIncident(models.Incident{Kind: kind, Gateway: models.ScanForPay, OrderID: &order.ID, Currency: "CNY", DedupKey: string(kind)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	found(models.IncidentBadRedirect)
	shows("not sent to a stranger's page", "Waiting for payment")
	found(models.IncidentLatePayment)
	shows("in doubt", "We are looking into your payment")
	if err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
		o, err := tx.LockOrder(order.ID)
		if err != nil {
			return err
		}
		p := &o.Payments[0]
		if _, err := tx.MovePayment(p, models.PaymentSucceeded, models.PaymentChange{ConfirmedAt: tx.Now()}); err != nil {
			return err
		}
		_, err = tx.MarkPaid(o, p)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	shows("paid", "Paid")
	if err := s.store.Fulfil(t.Context(), order.Number, models.Dispatch{}, models.CommandLine()); err != nil {
		t.Fatal(err)
	}
	shows("sent", "Sent")
	s.mu.Lock()
	s.now = s.now.Add(time.Hour)
	s.mu.Unlock()
	b.fill("e-book", "EBOOK", "1")
	b.get("/cart").check(t, "something new in the cart", 200, "", nil, []string{"Your last order"})
}

// TestHTMLInjection types markup into everything that a buyer can type into, and names an
// article so: it is never on a page as it was typed.
func TestHTMLInjection(t *testing.T) {
	const evil = `"'><script>alert(1)</script>`
	s := newShop(t)
	err := s.store.PutProducts(context.Background(), []models.Product{{
		Slug: "evil", Name: "N" + evil, Description: "D" + evil, Image: evil, Active: true,
		Variants: []models.Variant{{SKU: `E/V?#%"<script>`, Options: "O" + evil, Price: 100, Active: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := s.browse(desktop)
	raw := []string{evil, "<script>alert", "'><", `E/V?#%"<`}
	inspect := func(what string, a answer) {
		t.Helper()
		a.check(t, what, a.status, ".*", nil, raw)
	}
	inspect("catalogue", b.get("/"))
	inspect("product", b.get("/products/evil"))
	b.fill("evil", `E/V?#%"<script>`, "1")
	cart := b.get("/cart")
	cart.check(t, "cart", 200, "", []string{`action="/cart/items/E%2FV%3F%23%25%22%3Cscript%3E"`}, raw)
	b.post("/cart/items/E%2FV%3F%23%25%22%3Cscript%3E", url.Values{"quantity": {"2"}}).check(t, "change", 303, "/cart", nil, nil)
	b.get("/cart").check(t, "cart, changed", 200, "", []string{`name="quantity" value="2"`}, raw)

	form := b.checkout(models.WeChat)
	for field := range form {
		if field != "form_token" && field != "total" && field != "wallet" {
			form.Set(field, field+evil)
		}
	}
	inspect("checkout refused", b.post("/checkout", clone(form)))
	form.Set("email", "ada@example.com")
	placed := b.post("/checkout", form)
	placed.check(t, "checkout", 303, "/o/.*", nil, nil)
	inspect("order page", b.get(placed.location))
	inspect("notice", b.get(placed.location+"?notice="+url.QueryEscape(evil)))
	b.get("/orders")
	inspect("find", b.post("/orders", url.Values{"number": {evil}, "email": {evil}}))
	inspect("no such page", b.get("/"+url.PathEscape(evil)))
	inspect("language", b.get("/cart?x="+url.QueryEscape(evil)+"&lang=en"))
}

// TestFeeChangedMeanwhile: the shipping fee is part of what the buyer saw.
func TestFeeChangedMeanwhile(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	modelstest.Set(t, s.store, models.SetShippingFee, "1500")
	got := b.post("/checkout", form)
	got.check(t, "old fee", 409, "", []string{"total has changed", "CN¥15.00", "CN¥143.50", `name="total" value="14350"`, `value="ada@example.com"`}, nil)
	modelstest.Set(t, s.store, models.SetFreeShippingFrom, "12850")
	placed := b.post("/checkout", b.checkout(models.WeChat))
	placed.check(t, "free by now", 303, "/o/.*", nil, nil)
	b.get(placed.location).check(t, "order page", 200, "", []string{"<dt>Shipping</dt><dd>Free</dd>"}, nil)
}

// TestShopTexts: what the merchant wrote has a page each, and nothing of it is taken for HTML.
func TestShopTexts(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.get("/").check(t, "nothing written", 200, "", nil, []string{`href="/pages/`})
	b.get("/pages/about").check(t, "nothing written", 404, "", []string{"no such page"}, nil)
	modelstest.Set(t, s.store, models.SetText("about", "en"), "We sell tea.\nSince 1897.\n\nAnd <b>cups</b>.")
	modelstest.Set(t, s.store, models.SetText("contact", "zh-Hans"), "电话 1234")
	b.get("/").check(t, "foot", 200, "", []string{`<a href="/pages/about">About us</a>`, `<a href="/pages/contact">Contact</a>`}, []string{`href="/pages/terms"`})
	b.get("/pages/about").check(t, "own language", 200, "", []string{
		"<h1>About us</h1>", `<p class="prose">We sell tea.` + "\n" + `Since 1897.</p>`, `<p class="prose">And &lt;b&gt;cups&lt;/b&gt;.</p>`,
	}, []string{`lang="zh-Hans">`})
	b.get("/pages/contact").check(t, "another language", 200, "", []string{"<h1>Contact</h1>", `<div class="stack" lang="zh-Hans">`, "电话 1234"}, nil)
	b.get("/pages/terms").check(t, "not written", 404, "", nil, nil)
	b.get("/pages/prices").check(t, "no such page", 404, "", nil, nil)
}

// TestOnlyPagesWithoutFormsAreCompressed: of a compressed page, the size gives away what is in it.
func TestOnlyPagesWithoutFormsAreCompressed(t *testing.T) {
	s := newShop(t)
	modelstest.Set(t, s.store, models.SetText("about", "en"), "We sell tea.")
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	order := b.post("/checkout", b.checkout(models.WeChat)).location
	b.fill("tea-set", "TEA-SET", "1")
	for page, compressed := range map[string]bool{
		"/": true, "/pages/about": true, "/sitemap.xml": true,
		"/products/tea-set": false, "/cart": false, "/checkout": false, "/orders": false, order: false,
		"/pages/nothing": false, "/nothing": false, "/admin/login": false,
	} {
		b.encoding = ""
		plain := b.get(page)
		for accept, want := range map[string]string{"gzip, deflate, br": "br", "gzip": "gzip", "gzip;q=0": ""} {
			b.encoding = accept
			got := b.get(page)
			if !compressed {
				want = ""
			}
			if coding := got.header.Get("Content-Encoding"); coding != want || compressed != strings.Contains(got.header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("%s for %q: got it %q, Vary %q, want %q", page, accept, coding, got.header.Get("Vary"), want)
			}
			if want != "" && unpacked(t, want, got.body) != plain.body {
				t.Errorf("%s, %q: got another page than the plain one", page, want)
			}
		}
		if compressed && strings.Contains(plain.body, "_csrf") {
			t.Errorf("%s holds a form", page)
		}
	}
}

func unpacked(t *testing.T, coding, body string) string {
	t.Helper()
	plain, err := fasthttp.AppendGunzipBytes(nil, []byte(body))
	if coding == "br" {
		plain, err = fasthttp.AppendUnbrotliBytes(nil, []byte(body))
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// TestAccentOnEveryPage: the merchant's colour comes after app.css, whose own it replaces.
func TestAccentOnEveryPage(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.get("/").check(t, "as the shop comes", 200, "", nil, []string{"/static/accent-"})
	modelstest.Set(t, s.store, models.SetAccent, "#ffd400")
	sheet := regexp.MustCompile(`<link rel="stylesheet" href="/static/app\.[0-9a-f]+\.css">\n<link rel="stylesheet" href="(/static/accent-ffd400\.[0-9a-f]+\.css)">`)
	for _, page := range []string{"/", "/cart", "/nothing"} {
		got := b.get(page)
		found := sheet.FindStringSubmatch(got.body)
		if found == nil {
			t.Fatalf("%s: got no colours after those of app.css in\n%s", page, got.body)
		}
		b.get(found[1]).check(t, "colours", 200, "", []string{"--fill:#ffd400"}, nil)
	}
}

// TestLogoOnEveryPage: the shop's logo stands before its name.
func TestLogoOnEveryPage(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.get("/").check(t, "no logo", 200, "", []string{`<a class="brand" href="/">Demo</a>`}, nil)
	sizes := []models.Picture{{Width: 320, Height: 80, Body: []byte("small")}, {Width: 600, Height: 150, Body: []byte("large")}}
	if err := s.store.ChangeLogo(t.Context(), models.CommandLine(), sizes); err != nil {
		t.Fatal(err)
	}
	name, _ := models.ParsePictureName(s.store.Settings().Logo)
	for _, page := range []string{"/", "/cart", "/nothing"} {
		got := b.get(page)
		for _, want := range []string{`<img class="logo" src="/media/` + name.Hash + `-600.jpg"`, name.Hash + `-320.jpg 320w`, `width="600" height="150">Demo</a>`} {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: got no %s in\n%s", page, want, got.body)
			}
		}
	}
	if got := b.get("/media/" + name.Hash + "-320.jpg"); got.status != 200 || got.body != "small" {
		t.Errorf("its smaller size: got %d and %q, want 200 and the file", got.status, got.body)
	}
}

// TestAddressOfEachCountry: the form has the fields that a country's addresses have, in its order and by
// its names, and what is kept is written as that country does.
func TestAddressOfEachCountry(t *testing.T) {
	s := newShop(t)
	labels := regexp.MustCompile(`<label for="(address|city|region|postcode|country)">([^<]*?)( <span class="fine">[^<]*</span>)?</label>`)
	fieldsOf := func(b *browser) string {
		t.Helper()
		page := b.get("/checkout")
		_, form, _ := strings.Cut(page.body, `id="delivery"`)
		var seen []string
		for _, label := range labels.FindAllStringSubmatch(form, -1) {
			text := html.UnescapeString(label[2])
			if label[3] != "" {
				text += "?"
			}
			seen = append(seen, text)
		}
		return strings.Join(seen, ", ")
	}
	for _, tt := range []struct{ language, want string }{
		{"en", "Country or region, Address, City, State or province?, Postcode?"},
		{"ja", "国・地域, 郵便番号, 都道府県, 市区町村, 番地・建物名"},
		{"zh-CN", "国家或地区, 邮政编码?, 省份?, 城市, 详细地址"},
		{"zh-TW", "國家／地區, 郵政編碼?, 縣市?, 鄉鎮市區, 詳細地址"},
		{"zh-HK", "國家／地區, 區域?, 地區, 詳細地址"},
		{"zh-Hant", "國家／地區, 詳細地址, 城市／地區, 州／省／縣?, 郵政編碼?"}, // nobody knows where
	} {
		b := s.browse(desktop)
		b.language = tt.language
		b.fill("tea-set", "TEA-SET", "1")
		if got := fieldsOf(b); got != tt.want {
			t.Errorf("a visitor who reads %s: got %s, want %s", tt.language, got, tt.want)
		}
	}

	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	for _, tt := range []struct{ country, want string }{
		{"Japan", "Country or region, Postcode, Prefecture, City, ward or town, Address"}, {"日本", ""}, {"jp", ""},
		{"United States", "Country or region, Address, City, State, Postcode"}, {"アメリカ合衆国", ""}, {"usa", ""},
		{"香港", "Country or region, Area?, District, Address"}, {"Hong Kong SAR China", ""}, {"中國香港", ""},
		{"Singapore", "Country or region, Address, Postcode?"}, {"新加坡", ""},
		{"Atlantis", "Country or region, Address, City, State or province?, Postcode?"},
	} {
		form := b.checkout(models.WeChat)
		form.Set("country", tt.country)
		form.Set("city", "")
		form.Set("fields", "country")
		b.post("/checkout", form).check(t, "fields of "+tt.country, 303, "/checkout#delivery", nil, nil)
		if got := fieldsOf(b); tt.want != "" && got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.country, got, tt.want)
		} else if tt.want == "" && strings.Contains(got, "State or province?, Postcode?") {
			t.Errorf("%s: not known by that name, got %s", tt.country, got)
		}
		b.get("/checkout").check(t, "nothing typed is lost", 200, "", []string{`value="Ada Wong"`, `value="1 Queen&#39;s Road"`}, nil)
	}
	if s.gateway.created != 0 {
		t.Errorf("asking for fields: got %d payments, want none", s.gateway.created)
	}

	form := b.checkout(models.WeChat)
	for name, value := range map[string]string{"name": "山田太郎", "address": "神宮前1-2-3", "city": "渋谷区", "region": "", "postcode": "１５０ー０００1", "country": "にほん"} {
		form.Set(name, value)
	}
	form.Set("country", "日本")
	refused := b.post("/checkout", form)
	refused.check(t, "no prefecture, and a strange postcode", 422, "", []string{`id="region-error"`, `id="postcode-error"`, "does not look like a postcode", "Such as 150-0001", `name="doubted"`}, nil)
	form.Set("region", "東京都")
	form.Set("postcode", "１５０－０００１")
	b.post("/checkout", form).check(t, "a postcode in wide figures", 303, "/o/.*", nil, nil)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil || order.Country != "日本" || order.Postcode != "150-0001" {
		t.Fatalf("kept: got %+v, %v; want the country as it was written, and a plain postcode", order.Buyer, err)
	}

	b.get("/o/"+order.Token).check(t, "order page", 200, "", []string{"Japan<br>〒150-0001<br>東京都渋谷区<br>神宮前1-2-3<br>山田太郎"}, nil)

	b.fill("tea-set", "TEA-SET", "1")
	form = b.checkout(models.WeChat)
	for name, value := range map[string]string{"country": "Germany", "postcode": "D-10117", "city": "Berlin"} {
		form.Set(name, value)
	}
	b.post("/checkout", form).check(t, "a postcode that is doubted", 422, "", []string{`name="doubted" value="D-10117"`}, nil)
	form.Set("doubted", "D-10117")
	form.Set("email", "none")
	b.post("/checkout", form).check(t, "another mistake", 422, "", []string{`name="doubted" value="D-10117"`}, []string{`id="postcode-error"`})
	form.Set("email", "ada@example.com")
	b.post("/checkout", form).check(t, "and sent once more", 303, "/o/.*", nil, nil)
}

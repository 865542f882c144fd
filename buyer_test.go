package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// User agents of real browsers.
const (
	desktopChrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
	iPhoneSafari  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
	iPhoneWeChat  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.54(0x18003630) NetType/WIFI Language/en"
	androidAlipay = "Mozilla/5.0 (Linux; U; Android 14; en-US; PHZ110) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/105.0.5195.148 UWS/4.2.0.30 Mobile Safari/537.36 Nebula AlipayDefined(nt:WIFI,ws:360|0|3.0) AliApp(AP/10.6.60.8000) AlipayClient/10.6.60.8000 Language/en"
	androidHK     = "Mozilla/5.0 (Linux; U; Android 14; en-US; SM-S9210) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/105.0.5195.148 Mobile Safari/537.36 AliApp(AP/6.2.1) AlipayClientHK/6.2.1 AlipayClient/10.3.0 Language/en"
)

// buyer is a person with a browser without scripts: it keeps cookies, follows redirects and links,
// and sends the forms that pages hold, with every field that they hold.
type buyer struct {
	t      testing.TB
	shop   *testShop
	agent  string
	client *http.Client

	status  int // of the page now shown
	address *url.URL
	page    *html.Node
	text    string
}

func (s *testShop) visitor(agent string) *buyer { return s.visitorFor(s.t, agent) }

// visitorFor returns a visitor whose failures are those of a test within the shop's.
func (s *testShop) visitorFor(t testing.TB, agent string) *buyer {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	home, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &buyer{t: t, shop: s, agent: agent, address: home, client: &http.Client{
		Jar: jar, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// open goes to an address, or to a path of the shop.
func (b *buyer) open(address string) {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.shop.url + address
	}
	b.load(b.request(http.MethodGet, address, nil), true)
}

func (b *buyer) request(method, address string, form url.Values) *http.Request {
	b.t.Helper()
	target, err := b.address.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest(method, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("User-Agent", b.agent)
	req.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", b.shop.url)
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return req
}

// load shows what a request leads to in the end.
func (b *buyer) load(req *http.Request, cookies bool) {
	b.t.Helper()
	for range 10 {
		resp, err := b.send(req, cookies)
		if err != nil {
			b.t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		b.address, b.status, b.text = req.URL, resp.StatusCode, string(text)
		next := resp.Header.Get("Location")
		if next == "" {
			b.page, err = html.Parse(strings.NewReader(b.text))
			if err != nil {
				b.t.Fatal(err)
			}
			return
		}
		req, cookies = b.request(http.MethodGet, next, nil), true
	}
	b.t.Fatalf("%s redirects without end", b.address)
}

func (b *buyer) send(req *http.Request, cookies bool) (*http.Response, error) {
	client := *b.client
	if !cookies {
		client.Jar = nil
	}
	return client.Do(req)
}

// form is a form of the page now shown.
type form struct {
	method, action string
	fields         url.Values
	buttons        [][2]string // names and values of those that have a name
}

// form returns the page's form whose attribute has the value.
func (b *buyer) form(attribute, value string) *form {
	b.t.Helper()
	node := find(b.page, func(n *html.Node) bool { return n.Data == "form" && attr(n, attribute) == value })
	if node == nil {
		b.t.Fatalf("%s (status %d) has no form with %s=%q:\n%s", b.address.Path, b.status, attribute, value, b.text)
	}
	f := &form{method: strings.ToUpper(attr(node, "method")), action: attr(node, "action"), fields: url.Values{}}
	for n := range node.Descendants() {
		f.read(n)
	}
	return f
}

func (f *form) read(n *html.Node) {
	name := attr(n, "name")
	switch {
	case n.Type != html.ElementNode || name == "":
	case n.Data == "button":
		f.buttons = append(f.buttons, [2]string{name, attr(n, "value")})
	case n.Data == "textarea":
		f.fields.Set(name, textOf(n))
	case n.Data == "input" && slices.Contains([]string{"radio", "checkbox"}, attr(n, "type")):
		if has(n, "checked") {
			f.fields.Set(name, attr(n, "value"))
		} else if _, known := f.fields[name]; !known {
			f.fields[name] = nil
		}
	case n.Data == "input":
		f.fields.Set(name, attr(n, "value"))
	}
}

// fill types a value into a field, if the form has it.
func (f *form) fill(name, value string) {
	if _, has := f.fields[name]; has {
		f.fields.Set(name, value)
	}
}

// submit sends a form as it is filled in.
func (b *buyer) submit(f *form) {
	b.t.Helper()
	if f.method != http.MethodPost {
		b.t.Fatalf("form to %s has the method %q", f.action, f.method)
	}
	b.load(b.request(f.method, f.action, f.fields), true)
}

// press sends a form by one of its buttons.
func (b *buyer) press(f *form, name, value string) {
	b.t.Helper()
	if !slices.Contains(f.buttons, [2]string{name, value}) {
		b.t.Fatalf("form to %s has no button %s=%s, but %s", f.action, name, value, f.buttons)
	}
	f.fields.Set(name, value)
	b.submit(f)
}

// slugs are the addresses of the demo products.
var slugs = map[string]string{"TEA-SET": "tea-set", "SHIRT-M": "t-shirt", "BAG-INDIGO": "canvas-bag", "PRINT": "art-print", "EBOOK": "e-book"}

// checkout puts pieces of an article into the cart, goes to the checkout and fills it in.
func (b *buyer) checkout(sku, quantity, wallet string) *form {
	b.t.Helper()
	b.open("/products/" + slugs[sku])
	article := b.form("data-sku", sku)
	article.fill("quantity", quantity)
	b.press(article, "buy_now", "1")
	f := b.form("action", "/checkout")
	for name, value := range map[string]string{
		"name": "Ada Wong", "email": "ada@example.com", "phone": "+852 5123 4567",
		"address": "1 Queen's Road", "city": "Hong Kong", "country": "Hong Kong",
	} {
		f.fill(name, value)
	}
	f.fields.Set("wallet", wallet)
	return f
}

// order orders one piece of an article.
func (b *buyer) order(sku, wallet string) {
	b.t.Helper()
	b.submit(b.checkout(sku, "1", wallet))
}

// token returns that of the order whose page is shown.
func (b *buyer) token() string {
	b.t.Helper()
	token, is := strings.CutPrefix(b.address.Path, "/o/")
	if !is {
		b.t.Fatalf("%s (status %d) is not an order's page:\n%s", b.address, b.status, b.text)
	}
	return token
}

// state returns what the order page now shown is about.
func (b *buyer) state() string {
	b.t.Helper()
	node := find(b.page, func(n *html.Node) bool { return attr(n, "id") == "order" })
	if node == nil {
		b.t.Fatalf("%s (status %d) shows no order:\n%s", b.address, b.status, b.text)
	}
	for class := range strings.FieldsSeq(attr(node, "class")) {
		if state, is := strings.CutPrefix(class, "order-"); is {
			return state
		}
	}
	return ""
}

// wantState looks at the order page as it is now and wants one of the states.
func (b *buyer) wantState(token string, want ...string) {
	b.t.Helper()
	b.open("/o/" + token)
	if got := b.state(); !slices.Contains(want, got) {
		b.t.Fatalf("order page: got %q, want %q:\n%s", got, want, b.text)
	}
}

// awaitState looks at the order page until it has the state.
func (b *buyer) awaitState(token, want string) {
	b.t.Helper()
	await(b.t, "order page "+want, func() bool {
		b.open("/o/" + token)
		return b.state() == want
	})
}

// toWallet follows the order page's link to the pretend wallet.
func (b *buyer) toWallet() {
	b.t.Helper()
	link := find(b.page, func(n *html.Node) bool {
		return n.Data == "a" && strings.HasPrefix(attr(n, "href"), b.shop.url+"/sandbox/wallet/")
	})
	if link == nil {
		b.t.Fatalf("%s has no link to the wallet:\n%s", b.address.Path, b.text)
	}
	b.open(attr(link, "href"))
}

// walletForm is the form of the pretend wallet that is shown.
func (b *buyer) walletForm() *form {
	b.t.Helper()
	if !strings.HasPrefix(b.address.Path, "/sandbox/wallet/") {
		b.t.Fatalf("%s (status %d) is not a wallet:\n%s", b.address, b.status, b.text)
	}
	return b.form("action", b.address.Path)
}

// payAndReturn pays in the pretend wallet and goes back to the shop as the gateway sends buyers:
// by a form that another site's page posts, so without cookies, or by a link.
func (b *buyer) payAndReturn(notify string) {
	b.t.Helper()
	f := b.walletForm()
	f.fields.Set("notify", notify)
	f.fields.Del("stay")
	b.press(f, "action", "pay")
	if strings.HasPrefix(b.address.Path, "/o/") {
		return // a redirect led back
	}
	form := find(b.page, func(n *html.Node) bool { return n.Data == "form" && has(n, "data-auto") })
	if form == nil {
		b.t.Fatalf("the wallet shows no way back:\n%s", b.text)
	}
	back := b.form("action", attr(form, "action"))
	req := b.request(http.MethodPost, back.action, back.fields)
	req.Header.Set("Origin", "https://pay.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	b.load(req, false)
}

// payAndStay pays in the pretend wallet and leaves it open.
func (b *buyer) payAndStay(notify string) {
	b.t.Helper()
	f := b.walletForm()
	f.fields.Set("notify", notify)
	f.fields.Set("stay", "1")
	b.press(f, "action", "pay")
}

func find(root *html.Node, match func(*html.Node) bool) *html.Node {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && match(n) {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

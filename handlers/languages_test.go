package handlers

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"saoma/models"
)

// everyLanguage is each that a shop can speak, with its name for the demo's tea set.
var everyLanguage = []struct{ code, teaSet string }{
	{"en", "Tea set"}, {"zh-Hans", "茶具套装"}, {"zh-Hant", "茶具套裝"}, {"ja", "茶器セット"},
}

// namesOfTheirOwn are the words that are the same in every language, and the merchant's.
var namesOfTheirOwn = []string{"WeChat", "Pay", "Alipay", "AlipayHK", "ScanForPay", "Pass2Pay", "Excel", "WebP", "Demo"}

var (
	latinWord = regexp.MustCompile(`[A-Za-z][A-Za-z0-9']*[a-z][A-Za-z0-9']*`)
	noWords   = regexp.MustCompile(`\S+@\S+|#[0-9a-f]{6}\b|https?://\S+|\b(\d+[hms])+\b`)
)

// foreignWords returns the words of a page that are written in English letters where the page does
// not say that they are in another language.
func foreignWords(t *testing.T, page, language string) []string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	read := func(text string) {
		for _, word := range latinWord.FindAllString(noWords.ReplaceAllString(text, ""), -1) {
			if !slices.Contains(namesOfTheirOwn, word) {
				found = append(found, word)
			}
		}
	}
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			read(n.Data)
		}
		if slices.Contains([]string{"script", "noscript", "style", "pre"}, n.Data) {
			return
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "lang":
				if a.Val != language {
					return
				}
			case "alt", "aria-label", "placeholder", "title":
				read(a.Val)
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(root)
	return found
}

// checkLanguage fails when a page is not in the language, or not all of it.
func (a answer) checkLanguage(t *testing.T, what, language string) {
	t.Helper()
	if a.status != http.StatusOK || !strings.Contains(a.body, `<html lang="`+language+`">`) {
		t.Errorf("%s in %s: got %d to %q, want 200 and a page in the language\n%s", what, language, a.status, a.location, a.body)
		return
	}
	if language == "en" {
		return
	}
	if words := foreignWords(t, a.body, language); len(words) > 0 {
		t.Errorf("%s in %s: got the English words %q", what, language, words)
	}
}

func TestBuyersPagesAreInOneLanguage(t *testing.T) {
	s := newShop(t)
	for _, l := range everyLanguage {
		t.Run(l.code, func(t *testing.T) {
			b := s.browse(desktop)
			b.language = l.code
			b.get("/cart").checkLanguage(t, "empty cart", l.code)
			b.get("/orders").checkLanguage(t, "find my order", l.code)
			for _, target := range []string{"/", "/products/tea-set", "/products/e-book", "/products/art-print"} {
				b.get(target).checkLanguage(t, target, l.code)
			}
			b.fill("tea-set", "TEA-SET", "1")
			b.get("/cart").checkLanguage(t, "cart", l.code)
			b.get("/checkout").checkLanguage(t, "checkout", l.code)
			form := b.checkout(models.WeChat)
			form.Set("email", "nobody")
			refused := b.post("/checkout", form)
			refused.check(t, "checkout refused", 422, "", []string{l.teaSet}, nil)
			refused.status = 200
			withoutTyped := strings.NewReplacer("Ada Wong", "", "Queen&#39;s Road", "", "Hong Kong", "", "nobody", "")
			refused.body = withoutTyped.Replace(refused.body)
			refused.checkLanguage(t, "checkout refused", l.code)

			placed := b.post("/checkout", b.checkout(models.WeChat))
			order := b.get(placed.location)
			order.check(t, "order", 200, "", []string{l.teaSet}, nil)
			order.body = withoutTyped.Replace(order.body)
			order.checkLanguage(t, "order", l.code)
			missing := b.get("/nothing")
			missing.status = 200
			missing.checkLanguage(t, "no such page", l.code)
		})
	}
}

// TestTextsOfAnotherLanguageSaySo has a product that has no text in the page's language.
func TestTextsOfAnotherLanguageSaySo(t *testing.T) {
	s := newShop(t)
	s.set("stove", "STOVE", 9900, 3)
	iron := models.VariantDetails{SKU: "IRON", Options: "Cast iron", Price: 19900, Active: true}
	stove, err := s.store.ProductBySlug(t.Context(), "stove")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.AddVariant(t.Context(), models.CommandLine(), stove.ID, iron, 0); err != nil {
		t.Fatal(err)
	}
	b := s.browse(desktop)
	b.language = "ja"
	b.fill("stove", "IRON", "1")
	b.get("/").check(t, "catalogue", 200, "", []string{`<span class="card-name" lang="en">Article stove`, `<span class="card-name">茶器セット`}, nil)
	b.get("/products/stove").check(t, "product", 200, "", []string{`<h1 lang="en">Article stove`, `lang="en">Cast iron`}, nil)
	b.fill("canvas-bag", "BAG-INDIGO", "1")
	b.get("/cart").check(t, "cart", 200, "", []string{`lang="en"><a href="/products/stove">Article stove`, `<span lang="en">Cast iron`, `<span>藍`}, []string{"Indigo"})
	b.get("/checkout").check(t, "checkout", 200, "", []string{`lang="en">Cast iron`, `>藍<`}, []string{"Indigo"})
	placed := b.post("/checkout", b.checkout(models.WeChat))
	b.get(placed.location).check(t, "order", 200, "", []string{`lang="en">Article stove`, `lang="en">Cast iron`, `>藍<`}, []string{"Indigo"})
	order, err := s.store.OrderByToken(t.Context(), strings.TrimPrefix(placed.location, "/o/"))
	if err != nil {
		t.Fatal(err)
	}
	if item := order.Items[slices.IndexFunc(order.Items, func(i models.OrderItem) bool { return i.SKU == "BAG-INDIGO" })]; item.Options != "Indigo" {
		t.Errorf("the order keeps the options %q, want the shop's own words", item.Options)
	}
	b.language = "zh-HK"
	b.get("/?lang=zh-Hant")
	b.get("/products/tea-set").check(t, "product", 200, "", []string{"<h1>茶具套裝"}, []string{"茶器"})
}

// Japanese and Chinese break a line nearly anywhere, but not within a name or between a number and its unit.
func TestNamesAndDatesStayWhole(t *testing.T) {
	s := newShop(t)
	b := s.browse(phone)
	b.language = "ja"
	b.fill("tea-set", "TEA-SET", "1")
	placed := b.post("/checkout", b.checkout(models.AlipayHK)) // which no route serves on a phone
	b.get(placed.location).check(t, "order", 200, "", []string{">WeChat\u00a0Pay<", "\u2060月", "\u2060日"}, nil)
}

// TestDeskIsInOneLanguage walks through every page of the desk that the router knows.
func TestDeskIsInOneLanguage(t *testing.T) {
	s := newShop(t)
	owner, err := s.store.CreateStaff(t.Context(), models.CommandLine(), "owner@example.com", models.RoleOwner, "no hash")
	if err != nil {
		t.Fatal(err)
	}
	b := s.browse(desktop)
	b.language = "ja"
	b.fill("tea-set", "TEA-SET", "1")
	form := b.checkout(models.WeChat)
	form.Set("name", "王小明")
	form.Set("address", "皇后大道1號")
	form.Set("city", "香港")
	form.Set("country", "中國香港")
	b.post("/checkout", form)
	order, err := s.store.OrderByFormToken(t.Context(), form.Get("form_token"))
	if err != nil {
		t.Fatal(err)
	}
	teaSet, err := s.store.ProductBySlug(t.Context(), "tea-set")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"/admin/orders/:number": order.Number, "/admin/staff/:id": owner.ID,
		"/admin/goods/:id": teaSet.ID, "/admin/goods/sku/:sku": "TEA-SET",
	}

	for _, l := range everyLanguage {
		t.Run(l.code, func(t *testing.T) {
			b := s.browse(desktop)
			b.language = l.code
			token := models.NewToken()
			by := models.Actor{StaffID: owner.ID, Name: owner.Email, Address: "203.0.113.7"}
			if err := s.store.OpenStaffSession(t.Context(), by, false, token, "", ""); err != nil {
				t.Fatal(err)
			}
			b.cookies["saoma-staff"] = token
			for _, target := range s.deskPages(values) {
				b.get(target).checkLanguage(t, target, l.code)
			}
			b.get("/admin/orders/"+order.Number).check(t, "order", 200, "", []string{"Tea set", `<span lang="ja">茶器セット</span>`}, nil)
		})
	}
}

// deskPages are the addresses of all pages of the desk, with the values of those that are about one
// thing, by the beginning of their pattern.
func (s *testShop) deskPages(values map[string]string) []string {
	var pages []string
	for _, route := range s.app.GetRoutes(true) {
		path := route.Path
		if route.Method != http.MethodGet || !strings.HasPrefix(path+"/", "/admin/") || strings.Contains(path, ".") {
			continue // the desk's, and no file
		}
		for pattern, value := range values {
			if rest, ok := strings.CutPrefix(path, pattern); ok {
				path = pattern[:strings.Index(pattern, ":")] + value + rest
			}
		}
		if slices.Contains(outside, path) {
			continue
		}
		pages = append(pages, path)
	}
	return pages
}

// outside are pages of the desk for those who are not in it.
var outside = []string{"/admin/setup/:token", "/admin/join/:token", "/admin/login", "/admin/login/code"}

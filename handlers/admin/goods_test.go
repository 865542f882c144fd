package admin

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"saoma/models"
	"saoma/models/modelstest"
)

// newStocked returns a desk whose shop has goods: a cup, and a shirt in two sizes of which one is hidden.
func newStocked(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	modelstest.Product(t, d.store, "cup", 2500, 10)
	err := d.store.PutProducts(t.Context(), []models.Product{{
		Slug: "shirt", Name: "Shirt <b>", Description: "Heavy\ncotton", Active: true, Texts: models.Texts{"zh-Hans": {Name: "衬衫"}},
		Variants: []models.Variant{
			{SKU: "SHIRT-M", Options: "M", Price: 8900, Counted: true, OnHand: 3, Active: true},
			{SKU: "SHIRT-L", Options: "L", Price: 9900, Digital: true, Delivery: "secret link"},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) product(slug string) *models.Product {
	d.t.Helper()
	all, err := d.store.Products(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, p := range all {
		if p.Slug == slug {
			return &p
		}
	}
	d.t.Fatalf("there is no product %q", slug)
	return nil
}

func (d *desk) variant(sku string) *models.Variant {
	d.t.Helper()
	v, err := d.store.VariantBySKU(context.Background(), sku)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

// hidden are the hidden fields of the form that goes to the address.
func (a answer) hidden(address string) url.Values {
	form := regexp.MustCompile(`(?s)<form[^>]* action="` + regexp.QuoteMeta(address) + `".*?</form>`).FindString(a.body)
	values := url.Values{}
	for _, f := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(form, -1) {
		values.Set(f[1], strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&#43;", "+", "&amp;", "&").Replace(f[2]))
	}
	return values
}

// with returns the values with others put over them.
func with(values url.Values, others url.Values) url.Values {
	all := url.Values{}
	for _, some := range []url.Values{values, others} {
		for name := range some {
			all[name] = some[name]
		}
	}
	return all
}

// sendFile sends a form with the bytes of a file, or without one when there are none.
func (b *browser) sendFile(target, field string, file []byte, values url.Values) answer {
	b.t.Helper()
	form := map[string]string{}
	for name := range values {
		form[name] = values.Get(name)
	}
	if file == nil {
		field = ""
	}
	return b.upload(target, form, field, string(file))
}

func TestGoodsPage(t *testing.T) {
	d := newStocked(t)
	keeper := d.as(d.hire("cat@example.com", catalogue))
	page := keeper.get("/admin/goods")
	page.check(t, "list", 200, "", []string{
		"2 products", "Product cup", "CN¥25.00", "10 free", "Shirt &lt;b&gt;", "CN¥89.00 – CN¥99.00", "3 free", "Stock is not counted",
		`href="/admin/goods/sku/SHIRT-M"`, `href="/admin/goods.csv"`, `href="/admin/goods/new"`, "no-picture",
	}, []string{"<b>", "secret link"})
	if n := strings.Count(page.body, `class="num problem"`); n != 1 {
		t.Errorf("articles that are low: got %d, want the shirts", n)
	}
	for query, want := range map[string]string{"?q=CUP": "Product cup", "?q=shirt-l": "Shirt &lt;b&gt;", "?q=nothing": "No products match", "?q=%25": "No products match", "?page=7": "2 products"} {
		keeper.get("/admin/goods"+query).check(t, query, 200, "", []string{want}, nil)
	}
	keeper.get("/admin/goods?q=%22%3E%3Cscript%3E").check(t, "hostile search", 200, "", []string{`value="&#34;&gt;&lt;script&gt;"`}, []string{`"><script>`})

	looker := d.as(d.hire("look@example.com", readOnly))
	looker.get("/admin/goods").check(t, "who only looks", 200, "", []string{"Product cup"}, []string{"goods.csv", "/new", "/place"})
	shirt := "/admin/goods/" + d.product("shirt").ID
	looker.get(shirt).check(t, "product for who only looks", 200, "", []string{"Heavy", "SHIRT-M"}, []string{`name="slug"`, "/place", "/picture", "/variants"})
	looker.get("/admin/goods/sku/SHIRT-L").check(t, "article for who only looks", 200, "", []string{"Shirt &lt;b&gt;"}, []string{"secret link", `name="price"`})
	for _, gone := range []string{"/admin/goods/none", "/admin/goods/sku/none", "/admin/goods/sku/%FF"} {
		looker.get(gone).check(t, gone, 404, "", nil, nil)
	}
	looker.get("/admin").check(t, "home", 200, "", []string{`href="/admin/goods/sku/SHIRT-M#stock"`}, nil)
}

func TestGoodsInParts(t *testing.T) {
	d := newDesk(t)
	var many []models.Product
	for i := range goodsRows + 1 {
		many = append(many, models.Product{Slug: fmt.Sprint("p", i), Name: fmt.Sprintf("Number %d.", i), Active: true})
	}
	if err := d.store.PutProducts(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	b := d.as(d.hire("cat@example.com", catalogue))
	b.get("/admin/goods").check(t, "first part", 200, "", []string{"51 products", "Number 49.", `href="/admin/goods?page=2" rel="next"`}, []string{"Number 50.", `rel="prev"`})
	b.get("/admin/goods?page=2").check(t, "second part", 200, "", []string{"Number 50.", `href="/admin/goods" rel="prev"`, `name="place" value="50"`}, []string{"Number 49.", `rel="next"`})
	b.get("/admin/goods?page=2&q=number").check(t, "second part of what was found", 200, "", []string{`href="/admin/goods?q=number" rel="prev"`}, []string{`name="place"`})
	last := "/admin/goods/" + d.product("p50").ID + "/place"
	b.post(last, url.Values{"place": {"50"}, "list": {"1"}}).check(t, "up", 303, "/admin/goods", nil, nil)
	b.get("/admin/goods").check(t, "afterwards", 200, "", []string{"It is at position 50 now.", "Number 50."}, []string{"Number 49."})
	b.post(last, url.Values{"place": {"1"}}).check(t, "to the top", 303, strings.TrimSuffix(last, "/place"), nil, nil)
	b.get(strings.TrimSuffix(last, "/place")).check(t, "at the top", 200, "", []string{"Position 1 of 51"}, nil)
	b.post(last, url.Values{"place": {"999"}, "list": {"1"}}).check(t, "beyond the end", 303, "/admin/goods?page=2", nil, nil)
	b.get("/admin/goods?page=2").check(t, "beyond the end", 200, "", []string{"It is at position 51 now."}, nil)
	for _, place := range []string{"", "top", "0", "-1"} {
		b.post(last, url.Values{"place": {place}}).check(t, "to "+place, 422, "", []string{"This is not a number."}, nil)
	}
}

func TestAddProduct(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	b.get("/admin/goods/new").check(t, "form", 200, "", []string{`name="slug"`, `name="name_zh-Hans"`}, nil)
	typed := url.Values{
		"product_name": {"Teapot <i>"}, "slug": {"teapot"}, "description": {"One\r\nTwo"}, "active": {"yes"},
		"name_zh-Hans": {"茶壶"}, "description_zh-Hans": {""},
	}
	for name, tt := range map[string]struct {
		change url.Values
		want   []string
	}{
		"no name":      {url.Values{"product_name": {" "}}, []string{"Please fill this in.", `value="teapot"`, "One\nTwo"}},
		"no slug":      {url.Values{"slug": {""}}, []string{"Please fill this in.", "Teapot &lt;i&gt;"}},
		"slug":         {url.Values{"slug": {"Tea Pot"}}, []string{"Please use lower-case letters", `value="Tea Pot"`}},
		"taken":        {url.Values{"slug": {"cup"}}, []string{"Another product has this address.", `value="cup"`, "茶壶"}},
		"long":         {url.Values{"product_name": {strings.Repeat("茶", 201)}}, []string{"This is too long.", "茶茶"}},
		"long Chinese": {url.Values{"name_zh-Hans": {strings.Repeat("茶", 201)}}, []string{"This is too long.", "<details open>"}},
	} {
		b.post("/admin/goods", with(typed, tt.change)).check(t, name, 422, "", append(tt.want, "Nothing you typed is lost", " checked"), []string{"<i>"})
	}
	done := b.post("/admin/goods", typed)
	p := d.product("teapot")
	done.check(t, "add", 303, "/admin/goods/"+p.ID, nil, nil)
	if p.Name != "Teapot <i>" || p.Description != "One\nTwo" || !p.Active || p.Texts["zh-Hans"].Name != "茶壶" {
		t.Errorf("got %+v, want what was typed", p)
	}
	b.get(done.location).check(t, "its page", 200, "", []string{"“Teapot &lt;i&gt;” is added", "Add at least one variant", "<details open><summary>Add a variant"}, []string{"View in the shop"})

	add := "/admin/goods/" + p.ID + "/variants"
	variant := url.Values{"sku": {"POT"}, "options": {"big"}, "price": {"128.50"}, "stock": {"7"}, "counted": {"yes"}, "active": {"yes"}}
	for name, tt := range map[string]struct {
		change url.Values
		want   string
	}{
		"no SKU":           {url.Values{"sku": {""}}, "Please fill this in."},
		"SKU":              {url.Values{"sku": {"A B"}}, "Please leave out spaces"},
		"SKU of another":   {url.Values{"sku": {"cup"}}, "A SKU belongs to one variant for ever."},
		"no price":         {url.Values{"price": {""}}, "Please fill this in."},
		"price":            {url.Values{"price": {"12,5"}}, "This is not an amount."},
		"too fine a price": {url.Values{"price": {"1.005"}}, "This is not an amount."},
		"negative price":   {url.Values{"price": {"-1"}}, "This is not an amount."},
		"huge price":       {url.Values{"price": {"99999999999999999999"}}, "This is not an amount."},
		"free":             {url.Values{"price": {"0.00"}}, "A price must be more than 0."},
		"stock":            {url.Values{"stock": {"-1"}}, "This is not a number."},
		"huge stock":       {url.Values{"stock": {"1000000001"}}, "This is not a number."},
	} {
		b.post(add, with(variant, tt.change)).check(t, name, 422, "", []string{tt.want, `value="big"`, "<details open><summary>Add a variant"}, nil)
	}
	b.post(add, variant).check(t, "add a variant", 303, "/admin/goods/"+p.ID, nil, nil)
	if v := d.variant("POT"); v.Price != 12850 || v.OnHand != 7 || !v.Counted || v.Digital || v.Options != "big" {
		t.Errorf("variant: got %+v, want what was typed", v)
	}
	b.get("/admin/goods/"+p.ID).check(t, "its page", 200, "", []string{"POT is added.", "http://example.com/products/teapot", "&#43;7", "cat@example.com"}, nil)
}

// Two people edit one product: the second sees what the first has changed, keeps what was typed, and
// may then save it.
func TestTwoChangeAProduct(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	address := "/admin/goods/" + d.product("shirt").ID
	seen := b.get(address).hidden(address)
	b.post(address, with(seen, url.Values{
		"product_name": {"Linen shirt"}, "slug": {"shirt"}, "description": {"Heavy\r\ncotton"}, "name_zh-Hans": {"亚麻衬衫"},
	})).check(t, "first", 303, address, nil, nil)
	typed := url.Values{
		"product_name": {"Shirt"}, "slug": {"shirts"}, "description": {"Light"}, "active": {"yes"}, "name_zh-Hans": {"衬衫"}, "description_zh-Hans": {"轻"},
	}
	refused := b.post(address, with(seen, typed))
	refused.check(t, "second", 409, "", []string{
		"Somebody has changed this in the meantime", "It is now: Linen shirt", "It is now: 亚麻衬衫", "It is now: Hidden",
		`value="Shirt"`, `value="shirts"`, "Light", "轻",
	}, []string{"It is now: shirt<", "It is now: Heavy"})
	if p := d.product("shirt"); p.Name != "Linen shirt" || p.Active {
		t.Errorf("after the refusal: got %+v, want what the first wrote", p)
	}
	b.post(address, with(refused.hidden(address), typed)).check(t, "second, once more", 303, address, nil, nil)
	if p := d.product("shirts"); p.Name != "Shirt" || !p.Active || p.Description != "Light" || p.Texts["zh-Hans"] != (models.ProductText{Name: "衬衫", Description: "轻"}) {
		t.Errorf("afterwards: got %+v, want what the second typed", p)
	}
	b.post(address, with(b.get(address).hidden(address), with(typed, url.Values{"slug": {"cup"}}))).check(t, "an address of another", 422, "", []string{"Another product has this address."}, nil)
	b.post("/admin/goods/none", typed).check(t, "no product", 404, "", nil, nil)
}

func TestTwoChangeAVariant(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	const address = "/admin/goods/sku/SHIRT-L"
	seen := b.get(address).hidden(address)
	b.post(address, with(seen, url.Values{"sku": {"SHIRT-L"}, "options": {"L"}, "options_zh-Hans": {"大"}, "price": {"95"}, "delivery": {"secret link"}, "active": {"yes"}})).check(t, "first", 303, address, nil, nil)
	typed := url.Values{"sku": {"SHIRT-L"}, "options": {"XL"}, "options_zh-Hans": {"特大"}, "price": {"97.5"}, "delivery": {"another"}, "digital": {"yes"}, "counted": {"yes"}}
	refused := b.post(address, with(seen, typed))
	refused.check(t, "second", 409, "", []string{
		"Somebody has changed this in the meantime", "It is now: 95.00", "It is now: 大", "It is now: yes", "It is now: no", `value="XL"`, `value="97.5"`, "another",
	}, []string{"It is now: L<"})
	b.post(address, with(refused.hidden(address), typed)).check(t, "second, once more", 303, address, nil, nil)
	want := models.VariantDetails{SKU: "SHIRT-L", Options: "XL", OptionTexts: models.Translations{"zh-Hans": "特大"}, Price: 9750, Counted: true, Digital: true, Delivery: "another"}
	if got := d.variant("SHIRT-L").Details(); !cmp.Equal(got, want, cmpopts.EquateEmpty()) {
		t.Errorf("afterwards: got %+v, want %+v", got, want)
	}
	fresh := b.get(address).hidden(address)
	b.post(address, with(fresh, with(typed, url.Values{"options_zh-Hans": {strings.Repeat("大", 201)}}))).check(t, "long options", 422, "", []string{"This is too long.", `id="options_zh-Hans-error"`}, nil)
	b.post(address, with(fresh, with(typed, url.Values{"price": {"x"}}))).check(t, "a price", 422, "", []string{"This is not an amount.", `value="x"`}, nil)
	b.post(address, with(fresh, with(typed, url.Values{"seen_price": {"x"}}))).check(t, "a form of nobody", 403, "", nil, nil)
}

// A SKU is changed like anything else of a variant, and what names the old one still works.
func TestSKU(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	const address, now = "/admin/goods/sku/SHIRT-M", "/admin/goods/sku/SHIRT-38"
	shown := b.get(address)
	shown.check(t, "form", 200, "", []string{`name="sku" type="text" value="SHIRT-M"`, "still leads to it"}, nil)
	typed := with(shown.hidden(address), url.Values{"sku": {"SHIRT-38"}, "options": {"M"}, "price": {"89"}, "counted": {"yes"}, "active": {"yes"}})
	for name, tt := range map[string]struct{ sku, want string }{
		"none": {"", "Please fill this in."}, "blanks": {"A <b>", "Please leave out spaces"}, "long": {strings.Repeat("x", 65), "This is too long."},
		"of another": {"cup", "Another variant has this SKU, or used to have it."},
	} {
		refused := b.post(address, with(typed, url.Values{"sku": {tt.sku}}))
		refused.check(t, name, 422, "", []string{tt.want, `id="sku-error"`, `<a href="#sku">`, "Nothing you typed is lost"}, []string{"<b>"})
	}
	b.post(address, typed).check(t, "change it", 303, now, nil, nil)
	b.post(address, with(typed, url.Values{"sku": {"SHIRT-40"}})).check(t, "somebody who has not seen that", 409, "", []string{
		"Somebody has changed this in the meantime", "It is now: SHIRT-38", `value="SHIRT-40"`, `action="` + now + `"`,
	}, nil)
	b.get(address).check(t, "the old address", 200, "", []string{"<h1>SHIRT-38</h1>", `action="` + now + `/stock"`}, nil)
	put := with(shown.hidden(address+"/stock"), url.Values{"pieces": {"2"}, "reason": {"delivered"}, "way": {"in"}})
	b.post(address+"/stock", put).check(t, "stock from a page of before", 303, now, nil, nil)
	if v := d.variant("SHIRT-38"); v.OnHand != 5 {
		t.Errorf("stock: got %+v, want 5 on hand", v)
	}
	b.get("/admin/goods?q=shirt-m").check(t, "found by the old one", 200, "", []string{now}, nil)
	entries, err := d.store.AuditEntries(t.Context(), 0, 2)
	if want := "sku: SHIRT-M → SHIRT-38"; err != nil || entries[1].Details != want || entries[1].Subject != "SHIRT-38" || entries[1].Actor != "cat@example.com" {
		t.Errorf("audit log: got %+v, %v; want %q", entries, err, want)
	}
}

func TestVariantsMove(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	product := d.product("shirt")
	address := "/admin/goods/" + product.ID
	down := with(b.get(address).hidden("/admin/goods/sku/SHIRT-M/place"), nil)
	if down.Get("place") != "2" || down.Get("product") != product.ID {
		t.Fatalf("the first one's form: got %v, want to the second place", down)
	}
	for range 2 { // a double click
		b.post("/admin/goods/sku/SHIRT-M/place", down).check(t, "down", 303, address, nil, nil)
	}
	if vs := d.product("shirt").Variants; vs[0].SKU != "SHIRT-L" || vs[1].SKU != "SHIRT-M" {
		t.Errorf("got %s, %s; want the other order", vs[0].SKU, vs[1].SKU)
	}
	const own = "/admin/goods/sku/SHIRT-M"
	b.get(own).check(t, "its page", 200, "", []string{"Position 2 of 2", `name="place"`}, nil)
	for _, place := range []string{"", "0", "x"} {
		b.post(own+"/place", url.Values{"place": {place}}).check(t, "to "+place, 422, "", []string{"This is not a number."}, nil)
	}
	b.post(own+"/place", url.Values{"place": {"999"}}).check(t, "beyond the end", 303, own, nil, nil)
	b.get(own).check(t, "beyond the end", 200, "", []string{"It is at position 2 now."}, nil)
	b.post(own+"/place", url.Values{"place": {"1"}}).check(t, "to the first", 303, own, nil, nil)
	b.get(own).check(t, "afterwards", 200, "", []string{"It is at position 1 now.", "Position 1 of 2"}, nil)
	looker := d.as(d.hire("lou@example.com", readOnly))
	looker.get(address).check(t, "who only looks", 200, "", []string{"SHIRT-M"}, []string{"/place"})
	looker.get(own).check(t, "who only looks", 200, "", []string{"SHIRT-M"}, []string{"/place"})
}

func TestStock(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	const address, stock, count = "/admin/goods/sku/cup", "/admin/goods/sku/cup/stock", "/admin/goods/sku/cup/count"
	modelstest.Order(t, d.store, "cup") // holds one of ten
	shown := b.get(address)
	shown.check(t, "page", 200, "", []string{"<dt>On the shelf</dt><dd>10</dd>", "<dt>Held</dt><dd>1</dd>", "<dt>Free</dt><dd>9</dd>"}, nil)
	for name, tt := range map[string]struct {
		form url.Values
		want string
	}{
		"nothing":         {url.Values{"pieces": {""}, "reason": {"broken"}}, "Please fill this in."},
		"none":            {url.Values{"pieces": {"0"}, "reason": {"broken"}}, "This is not a number."},
		"words":           {url.Values{"pieces": {"five"}, "reason": {"broken"}}, "This is not a number."},
		"a minus":         {url.Values{"pieces": {"-5"}, "reason": {"broken"}}, "This is not a number."},
		"too many":        {url.Values{"pieces": {"1000000001"}, "reason": {"broken"}}, "This is not a number."},
		"no reason":       {url.Values{"pieces": {"5"}, "reason": {""}}, "Please fill this in."},
		"a long reason":   {url.Values{"pieces": {"5"}, "reason": {strings.Repeat("x", 201)}}, "This is too long."},
		"more than free":  {url.Values{"pieces": {"10"}, "reason": {"broken"}}, "There are not that many free."},
		"<script>, kept ": {url.Values{"pieces": {"<script>"}, "reason": {"<script>"}}, "&lt;script&gt;"},
	} {
		form := with(shown.hidden(stock), with(tt.form, url.Values{"way": {"out"}}))
		b.post(stock, form).check(t, name, 422, "", []string{tt.want, "Nothing you typed is lost"}, []string{"<script>"})
	}
	in := with(b.get(address).hidden(stock), url.Values{"pieces": {"5"}, "reason": {"delivered"}, "way": {"in"}})
	for range 2 { // a double click
		b.post(stock, in).check(t, "put in", 303, address, nil, nil)
	}
	b.get(address).check(t, "afterwards", 200, "", []string{"5 added. On the shelf: 15. Free: 14.", "&#43;5", "By hand: delivered", "cat@example.com"}, nil)
	out := with(b.get(address).hidden(stock), url.Values{"pieces": {"14"}, "reason": {"sent back"}, "way": {"out"}})
	b.post(stock, out).check(t, "take out", 303, address, nil, nil)
	b.get(address).check(t, "afterwards", 200, "", []string{"14 removed. On the shelf: 1. Free: 0.", "-14"}, nil)
	b.post(stock, with(out, url.Values{"pieces": {"1"}})).check(t, "another number in the same form", 409, "", []string{"This form was already sent"}, nil)

	counting := b.get(address).hidden(count)
	for name, tt := range map[string]struct {
		found, want string
	}{
		"nothing": {"", "Please fill this in."}, "words": {"two", "This is not a number."}, "fewer than held": {"0", "This is fewer than are held for orders."},
	} {
		b.post(count, with(counting, url.Values{"found": {tt.found}})).check(t, name, 422, "", []string{tt.want, `name="found"`, `<a href="#found">`}, nil)
	}
	b.post(stock, with(b.get(address).hidden(stock), url.Values{"pieces": {"2"}, "reason": {"found"}, "way": {"in"}}))
	moved := b.post(count, with(counting, url.Values{"found": {"8"}, "count_reason": {"Monday"}}))
	moved.check(t, "count of what has moved", 409, "", []string{"There were 1 when you started, and there are 3 now", `value="8"`, `value="Monday"`, "<details open>"}, nil)
	b.post(count, with(moved.hidden(count), url.Values{"found": {"8"}, "count_reason": {"Monday"}})).check(t, "count", 303, address, nil, nil)
	b.get(address).check(t, "afterwards", 200, "", []string{"the difference was 5. On the shelf: 8. Free: 7.", "Counted: Monday"}, nil)
	b.post(count, url.Values{"found": {"8"}, "move": {"x"}}).check(t, "a form of nobody", 403, "", nil, nil)
	b.post(stock, url.Values{"pieces": {"8"}, "reason": {"x"}}).check(t, "a form of nobody", 403, "", nil, nil)

	b.get("/admin/goods/sku/SHIRT-L").check(t, "what is not counted", 200, "", []string{"Stock is not counted"}, []string{`name="pieces"`})
	b.post("/admin/goods/sku/SHIRT-L/stock", with(in, url.Values{"move": {models.NewID()}})).check(t, "stock of what is not counted", 409, "", []string{"The stock of this variant is not counted"}, nil)
	entries, err := d.store.AuditEntries(t.Context(), 0, 1)
	if err != nil || entries[0].Action != models.ActStock || entries[0].Subject != "cup" || entries[0].Actor != "cat@example.com" {
		t.Errorf("audit log: got %+v, %v; want the count", entries, err)
	}
}

// photo is a PNG file of that size.
func photo(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	m.Set(w/2, h/2, color.White)
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPictures(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	address := "/admin/goods/" + d.product("cup").ID
	good := photo(t, 700, 500)
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"no file":        {nil, "Please choose a picture."},
		"empty":          {[]byte{}, "Please choose a picture."},
		"text":           {[]byte("I am a picture, really."), "JPEG, PNG, GIF and WebP work."},
		"half a picture": {good[:len(good)/2], "This file is damaged or incomplete."},
		"too large":      {make([]byte, maxUpload-1<<20), "This file is larger than 8 MB."},
	} {
		b.sendFile(address+"/picture", "picture", tt.file, nil).check(t, name, 422, "", []string{tt.want, `id="picture-error"`, `<a href="#picture-file">`}, nil)
	}
	if got := d.product("cup").Image; got != "" {
		t.Errorf("after what was refused: got the picture %q, want none", got)
	}
	b.sendFile(address+"/picture", "picture", good, nil).check(t, "picture", 303, address, nil, nil)
	name, is := models.ParsePictureName(d.product("cup").Image)
	if !is || name.Width != 700 || name.Height != 500 {
		t.Fatalf("got %q, want a picture of 700 by 500", d.product("cup").Image)
	}
	media := "/media/" + name.Hash
	b.get(address).check(t, "page", 200, "", []string{
		"The picture is changed.", `src="` + media + `-640.jpg" srcset="` + media + "-320.jpg 320w, " + media + "-640.jpg 640w, " + media + `-700.jpg 700w"`,
		`width="640" height="457"`, `name="remove"`,
	}, nil)
	const article = "/admin/goods/sku/SHIRT-M"
	b.sendFile(article+"/picture", "picture", photo(t, 30, 20), nil).check(t, "picture of an article", 303, article, nil, nil)
	b.get("/admin/goods").check(t, "list", 200, "", []string{media, `width="30" height="20"`}, nil)
	b.sendFile(article+"/picture", "picture", nil, url.Values{"remove": {"1"}}).check(t, "take it away", 303, article, nil, nil)
	if got := d.variant("SHIRT-M").Image; got != "" {
		t.Errorf("taken away: got %q", got)
	}
	b.get(article).check(t, "taken away", 200, "", []string{"The picture is removed."}, nil)
	b.sendFile("/admin/goods/none/picture", "picture", good, nil).check(t, "no product", 404, "", nil, nil)
	b.token = "forged"
	b.sendFile(address+"/picture", "picture", good, nil).check(t, "a forged form", 403, "", nil, nil)
}

const csvHead = "slug,name,description,product_image,product_active,sku,options,price,stock,digital,delivery,image,active\n"

func TestImport(t *testing.T) {
	d := newStocked(t)
	b := d.as(d.hire("cat@example.com", catalogue))
	const look, apply = "/admin/goods/import", "/admin/goods/import/apply"
	b.get(look).check(t, "form", 200, "", []string{`name="file"`, `name="with_stock"`}, nil)
	b.sendFile(look, "file", nil, nil).check(t, "no file", 422, "", []string{"Please choose a file.", "Nothing was imported."}, []string{"Nothing you typed is lost"})
	b.sendFile(look, "file", make([]byte, maxCatalogue+1), nil).check(t, "a large file", 422, "", []string{"This file is larger than 2 MB.", "A CSV file of at most 2 MB."}, nil)
	b.sendFile(look, "file", make([]byte, maxUpload-1<<20), nil).check(t, "a huge file", 422, "", []string{"This file is larger than 2 MB.", `id="file-error"`}, nil)
	bad := csvHead + "cup,Cup,,,true,cup,,12.505,x,false,,,true\n" + "pot\n" + "jar,<b>,,,maybe,A B,,1,,false,,,true\n"
	b.sendFile(look, "file", []byte(bad), url.Values{"with_stock": {"yes"}}).check(t, "mistakes", 422, "", []string{
		"Nothing was changed.", "Line 2, column price: ", "12.505", "Line 2, column stock: ", "Line 3: This line does not have 13 fields.",
		"Line 4, column product_active: ", "Line 4, column sku: ", " checked",
	}, []string{"<b>"})
	b.sendFile(look, "file", []byte("\xff\xfe"), nil).check(t, "another file", 422, "", []string{"Line 1: The columns must be slug,name"}, nil)
	long := csvHead + strings.Repeat("x\n", shownMistakes+7)
	b.sendFile(look, "file", []byte(long), nil).check(t, "many mistakes", 422, "", []string{"And 7 more."}, nil)
	foreign := csvHead + "cup,Cup,," + strings.Repeat("0a", 16) + "-640x480.jpg,true,cup,,25,,false,,,true\n"
	b.sendFile(look, "file", []byte(foreign), nil).check(t, "a picture of another shop", 422, "", []string{"pictures that this shop does not have"}, nil)

	file := []byte(csvHead + "cup,Product cup,,,true,cup,,27,20,false,,,true\n" + "jar,Jar <b>,,,true,JAR,,7,4,false,,,true\n" +
		"shirt,Shirt <b>,\"Heavy\ncotton\",,true,SHIRT-M,M,89.00,3,false,,,true\n")
	shown := b.sendFile(look, "file", file, nil)
	shown.check(t, "what it would change", 200, "", []string{
		"New: 2. Changed: 1. Unchanged: 3.", "<del>25.00</del> <ins>27.00</ins>", "Jar &lt;b&gt;", "CN¥7.00 · 4 free", "stays as it is", "Apply changes",
	}, []string{"<b>", "<del>10</del>"})
	if got := d.variant("cup").Price; got != 2500 {
		t.Errorf("before it was told to: got a price of %d, want 2500", got)
	}
	b.sendFile(apply, "", nil, shown.hidden(apply)).check(t, "do it", 303, "/admin/goods", nil, nil)
	if v := d.variant("cup"); v.Price != 2700 || v.OnHand != 10 || d.variant("JAR").OnHand != 4 {
		t.Errorf("afterwards: got %+v, want another price and the old stock", v)
	}

	stock := url.Values{"with_stock": {"yes"}}
	shown = b.sendFile(look, "file", file, stock)
	shown.check(t, "with stock", 200, "", []string{"New: 0. Changed: 1. Unchanged: 5.", "<del>10</del> <ins>20</ins>"}, nil)
	modelstest.Order(t, d.store, "cup")
	for range 2 { // a double click
		b.sendFile(apply, "", nil, shown.hidden(apply)).check(t, "do it", 303, "/admin/goods", nil, nil)
	}
	if v := d.variant("cup"); v.OnHand != 19 || v.Reserved != 1 {
		t.Errorf("afterwards: got %d on hand and %d held, want 19 and 1", v.OnHand, v.Reserved)
	}

	other := bytes.Replace(file, []byte(",27,"), []byte(",29,"), 1)
	shown = b.sendFile(look, "file", other, nil)
	if err := d.store.ChangeVariant(t.Context(), models.CommandLine(), "cup", d.variant("cup").Details(), models.VariantDetails{SKU: "cup", Price: 2800, Counted: true, Active: true}); err != nil {
		t.Fatal(err)
	}
	again := b.sendFile(apply, "", nil, shown.hidden(apply))
	again.check(t, "somebody was faster", 409, "", []string{"Somebody has changed this in the meantime", "<del>28.00</del> <ins>29.00</ins>"}, nil)
	b.sendFile(apply, "", nil, again.hidden(apply)).check(t, "once more", 303, "/admin/goods", nil, nil)
	b.sendFile(apply, "", nil, url.Values{"file": {"!"}, "seen": {"{}"}}).check(t, "a form of nobody", 403, "", nil, nil)

	export := b.get("/admin/goods.csv")
	export.check(t, "export", 200, "", []string{"cup,Product cup,,,true,cup,,29.00,19,false,,,true", "secret link"}, nil)
	b.sendFile(look, "file", []byte(export.body), stock).check(t, "the export again", 200, "", []string{"New: 0. Changed: 0. Unchanged: 7."}, []string{"Apply changes"})
}

package admin

import (
	"bytes"
	"image"
	"image/png"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"saoma/models"
)

var seenField = regexp.MustCompile(`name="(seen\.[a-zA-Z_.-]+)" value="([0-9a-f]{16})"`)

// settingsForm returns a form of settings as a browser sends it that shows the page now, with these
// fields typed over.
func (b *browser) settingsForm(typed map[string]string) url.Values {
	b.t.Helper()
	form := url.Values{}
	for _, found := range seenField.FindAllStringSubmatch(b.get("/admin/settings").body, -1) {
		form.Set(found[1], found[2])
	}
	for name, value := range typed {
		form.Set(name, value)
	}
	return form
}

func TestSettingsPage(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	b.get("/admin/settings").check(t, "page", 200, "", []string{
		`name="shop.name" type="text" value="Demo"`, `name="shop.shipping_fee" type="text" value="10.00"`,
		`name="shop.free_shipping_from" type="text" value="500.00"`, `name="shop.payment_window" type="text" value="15m"`,
		`name="policies.late_payment" value="fulfil_or_refund" checked`, `name="policies.duplicate_payment" value="ask" checked`,
		`name="shop.low_stock" type="text" value="5"`, `name="text.terms.zh-Hans"`, "In CNY",
		`href="/admin/settings" aria-current="page"`,
	}, []string{`name="back.`, "Set here"})

	// A fee in the currency's own notation, and back to the configuration.
	form := b.settingsForm(map[string]string{"shop.shipping_fee": "12.5", "shop.payment_window": "1h"})
	b.post("/admin/settings/money", form).check(t, "change", 303, "/admin/settings", nil, nil)
	b.get("/admin/settings").check(t, "changed", 200, "", []string{
		"Saved: Shipping fee, Time to pay.", `value="12.50"`, `value="1h"`, "Set here", "Back to the configuration: 10.00", `name="back.shop.payment_window"`,
	}, []string{`name="back.shop.free_shipping_from"`})
	if got := d.store.Settings(); got.ShippingFee != 1250 || got.FreeShippingFrom != 50000 {
		t.Errorf("settings: got %+v, want a fee of 1250", got)
	}
	form = b.settingsForm(map[string]string{"shop.shipping_fee": "12.50", "back.shop.shipping_fee": "yes"})
	b.post("/admin/settings/money", form).check(t, "back", 303, "/admin/settings", nil, nil)
	b.get("/admin/settings").check(t, "given back", 200, "", []string{"Saved: Shipping fee.", `value="10.00"`}, []string{`name="back.shop.shipping_fee"`})
	b.post("/admin/settings/money", b.settingsForm(map[string]string{"shop.shipping_fee": "10"})).check(t, "same", 303, "/admin/settings", nil, nil)
	b.get("/admin/settings").check(t, "same", 200, "", []string{"nothing was changed"}, nil)

	b.post("/admin/settings/shop", b.settingsForm(map[string]string{"shop.name": `Tea & "Cups"`, "shop.low_stock": "2"})).check(t, "name", 303, "/admin/settings", nil, nil)
	b.get("/admin").check(t, "another page", 200, "", []string{`<a class="brand" href="/admin">Tea &amp; &#34;Cups&#34;</a>`}, nil)

	b.post("/admin/settings/texts/en", b.settingsForm(map[string]string{"text.about.en": "We sell tea.\r\n\r\nAnd <b>cups</b>."})).check(t, "text", 303, "/admin/settings", nil, nil)
	b.get("/admin/settings").check(t, "text", 200, "", []string{"Saved: About us.", "We sell tea.\n\nAnd &lt;b&gt;cups&lt;/b&gt;."}, nil)
	b.post("/admin/settings/texts/tlh", nil).check(t, "no such language", 404, "", nil, nil)
}

func TestSettingsRefused(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	for _, tt := range []struct{ name, form, field, typed, want string }{
		{"no name", "shop", "shop.name", "", "Please fill this in."},
		{"long name", "shop", "shop.name", strings.Repeat("x", 81), "too long"},
		{"no number", "shop", "shop.low_stock", "few", "not a number"},
		{"no colour", "shop", "shop.accent", "teal", "Write a colour like #0b6b4d"},
		{"no amount", "money", "shop.shipping_fee", "free", "not an amount"},
		{"fraction", "money", "shop.shipping_fee", "1.005", "not an amount"},
		{"negative", "money", "shop.free_shipping_from", "-5", "not an amount"},
		{"no time", "money", "shop.payment_window", "soon", "from 1s to 24h"},
		{"too long a time", "money", "shop.payment_window", "25h", "from 1s to 24h"},
		{"no such policy", "money", "policies.late_payment", "keep", "Please choose one of these."},
	} {
		got := b.post("/admin/settings/"+tt.form, b.settingsForm(map[string]string{tt.field: tt.typed}))
		got.check(t, tt.name, 422, "", []string{tt.want, `id="` + tt.field + `-error"`}, nil)
		if tt.field != "policies.late_payment" && !strings.Contains(got.body, `name="`+tt.field+`" type="text" value="`+tt.typed+`"`) {
			t.Errorf("%s: got %q not kept in its field", tt.name, tt.typed)
		}
	}
	// One field at fault: nothing of the form is saved, and all that was typed is kept.
	got := b.post("/admin/settings/money", b.settingsForm(map[string]string{"shop.shipping_fee": "7", "shop.payment_window": "soon", "policies.late_payment": "ask"}))
	got.check(t, "one at fault", 422, "", []string{`value="7"`, `value="soon"`, `value="ask" checked`}, nil)
	if s := d.store.Settings(); s.ShippingFee != 1000 || s.LatePayment != models.FulfilOrRefund {
		t.Errorf("after the refusal: got %+v, want nothing changed", s)
	}
	text := strings.Repeat("x", models.MaxShopText+1)
	b.post("/admin/settings/texts/zh-Hans", b.settingsForm(map[string]string{"text.terms.zh-Hans": text})).
		check(t, "long text", 422, "", []string{"<details open><summary lang=\"zh-Hans\">", "too long", text}, nil)
}

// TestSettingsOfTwoOwners: the second one sees what the first one changed, with what was typed kept, and
// what the second one left alone is no matter.
func TestSettingsOfTwoOwners(t *testing.T) {
	d := newDesk(t)
	ada, bob := d.as(d.hire("ada@example.com", owner)), d.as(d.hire("bob@example.com", owner))
	before := map[string]string{
		"shop.shipping_fee": "10.00", "shop.free_shipping_from": "500.00", "shop.payment_window": "15m",
		"policies.late_payment": "fulfil_or_refund", "policies.duplicate_payment": "ask",
	}
	adas, bobs := ada.settingsForm(before), bob.settingsForm(before)
	adas.Set("shop.payment_window", "1h")
	adas.Set("policies.late_payment", "ask")
	ada.post("/admin/settings/money", adas).check(t, "first", 303, "/admin/settings", nil, nil)

	bobs.Set("shop.shipping_fee", "8")
	bobs.Set("shop.payment_window", "2h")
	shown := bob.post("/admin/settings/money", bobs)
	shown.check(t, "second", 409, "", []string{
		"It is now: 1h.", `name="shop.payment_window" type="text" value="2h"`, `name="shop.shipping_fee" type="text" value="8"`,
		`name="policies.late_payment" value="ask" checked`, // which Bob did not touch
	}, nil)
	if s := d.store.Settings(); s.ShippingFee != 1000 {
		t.Errorf("after the conflict: got fee %d, want 1000", s.ShippingFee)
	}
	for _, found := range seenField.FindAllStringSubmatch(shown.body, -1) {
		bobs.Set(found[1], found[2])
	}
	bobs.Set("policies.late_payment", "ask")
	bob.post("/admin/settings/money", bobs).check(t, "meant", 303, "/admin/settings", nil, nil)
	s := d.store.Settings()
	if s.ShippingFee != 800 || s.PaymentWindow.String() != "2h0m0s" || s.LatePayment != models.AskStaff {
		t.Errorf("at last: got %+v, want Bob's fee and window, and Ada's policy", s)
	}
}

// TestAccent: the colour is set at the desk, counts on its pages too, and is given back.
func TestAccent(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	b.get("/admin/settings").check(t, "as the shop comes", 200, "", []string{`name="shop.accent" type="text" value="#0b6b4d"`}, []string{"/static/accent-"})
	b.post("/admin/settings/shop", b.settingsForm(map[string]string{"shop.accent": "#FFD400"})).check(t, "yellow", 303, "/admin/settings", nil, nil)
	b.get("/admin/settings").check(t, "yellow", 200, "", []string{
		"Saved: Accent colour.", `value="#ffd400"`, `<link rel="stylesheet" href="/static/accent-ffd400.`, "Back to the default: #0b6b4d",
	}, nil)
	form := b.settingsForm(map[string]string{"shop.accent": "#ffd400", "back.shop.accent": "yes"})
	b.post("/admin/settings/shop", form).check(t, "back", 303, "/admin/settings", nil, nil)
	b.get("/admin/settings").check(t, "given back", 200, "", []string{`value="#0b6b4d"`}, []string{"/static/accent-"})
	entries, err := d.store.AuditEntries(t.Context(), 0, 2)
	if err != nil || len(entries) != 2 || entries[1].Details != "#0b6b4d → #ffd400" || entries[0].Details != "#ffd400 → #0b6b4d (as in the configuration)" {
		t.Errorf("audit log: got %+v, %v, want both changes", entries, err)
	}
}

func TestLogo(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	b.get("/admin/settings").check(t, "none yet", 200, "", []string{`<h2 id="picture">Logo</h2>`, `action="/admin/settings/picture"`}, []string{"/media/", `name="remove"`})
	for name, file := range map[string]string{"no file": "", "text": "not a picture", "half a picture": logo(t)[:60]} {
		got := b.upload("/admin/settings/picture", map[string]string{}, "picture", file)
		got.check(t, name, 422, "", []string{`id="picture-error"`}, []string{"/media/"})
	}
	b.upload("/admin/settings/picture", map[string]string{}, "picture", logo(t)).check(t, "logo", 303, "/admin/settings", nil, nil)
	name, is := models.ParsePictureName(d.store.Settings().Logo)
	if !is || name.Width != 40 || name.Height != 20 {
		t.Fatalf("logo: got %q, want a picture of 40 by 20", d.store.Settings().Logo)
	}
	b.get("/admin/settings").check(t, "changed", 200, "", []string{"The logo is changed.", `src="/media/` + name.Hash + `-40.jpg"`, `name="remove"`}, nil)
	b.upload("/admin/settings/picture", map[string]string{"remove": "1"}, "picture", "").check(t, "remove", 303, "/admin/settings", nil, nil)
	if got := d.store.Settings().Logo; got != "" {
		t.Errorf("after taking it away: got logo %q, want none", got)
	}
	b.get("/admin/settings").check(t, "removed", 200, "", []string{"The logo is removed."}, nil)
	entries, err := d.store.AuditEntries(t.Context(), 0, 2)
	if err != nil || len(entries) != 2 || entries[0].Details != name.String()+" → (empty)" || entries[1].Details != "(empty) → "+name.String() {
		t.Errorf("audit log: got %+v, %v, want both changes", entries, err)
	}
}

// logo is a small PNG file.
func logo(t *testing.T) string {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewRGBA(image.Rect(0, 0, 40, 20))); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

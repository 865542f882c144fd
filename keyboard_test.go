package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"saoma/payments/sandbox"
)

// TestKeyboard goes the buyer's and the staff's roads with the keyboard alone, in light and in dark.
// Each key is pressed as the browser gets it from a person; scripts only look.
func TestKeyboard(t *testing.T) {
	chromium := chromiumOrSkip(t)
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	if made := saomaReading(t, "purple elephants sleep\n", "admin", "create", "--email", "ada@example.com", "--config", s.config); made.code != 0 {
		t.Fatalf("admin create: got %+v", made)
	}
	browser := launchBrowser(t, chromium, desktopChrome, 1280, 900)
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	t.Run("buyer", func(t *testing.T) { s.buyByKeys(keyboard{beside(t, browser, desktopChrome, 1280, 900, "404")}) })
	t.Run("staff", func(t *testing.T) { s.serveByKeys(keyboard{beside(t, browser, desktopChrome, 1280, 900)}) })
	s.audit()
}

// keyboard is a person who has nothing else to use a browser with.
type keyboard struct{ tab }

// stop is where the focus is: an element that can be used, or none.
type stop struct {
	What                     string // for messages
	None                     bool
	Fits                     bool // it is the one that was asked for
	Place                    int  // in the page's source
	Left, Top, Right, Bottom float64
	Parts                    bool // it takes several presses to pass, such as a date
	Faults                   []string
}

// looking tells about the element that has the focus: whether it can be seen, and that it has the focus.
const looking = `(selector) => {
	const e = document.activeElement;
	if (!e || e === document.body || e === document.documentElement) return {None: true};
	const shown = e.closest(".choice") || e; // a choice is framed as a whole
	const r = shown.getBoundingClientRect(), faults = [];
	const rgb = (text) => (text.match(/[\d.]+/g) || []).map(Number);
	const light = (text) => {
		const [r, g, b] = rgb(text).map((c) => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	let behind = shown.parentElement;
	while (behind.parentElement && (rgb(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
	const style = getComputedStyle(shown), ground = getComputedStyle(behind).backgroundColor;
	const [darker, lighter] = [light(style.outlineColor), light(ground)].sort((a, b) => a - b);
	if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) faults.push("shows no focus");
	else if ((lighter + 0.05) / (darker + 0.05) < 3) faults.push("shows its focus in " + style.outlineColor + " on " + ground);
	const x = Math.min(Math.max((r.left + r.right) / 2, 0), innerWidth - 1);
	const y = (Math.max(r.top, 0) + Math.min(r.bottom, innerHeight)) / 2;
	const hit = document.elementFromPoint(x, y);
	if (r.width < 1 || r.bottom < 1 || r.top > innerHeight - 1 || r.left < 0 || r.right > innerWidth) faults.push("is not to be seen");
	else if (!hit || !(shown.contains(hit) || hit.contains(shown))) faults.push("is behind " + (hit ? hit.outerHTML.slice(0, 60) : "nothing"));
	return {
		What: e.outerHTML.replace(/\s+/g, " ").slice(0, 100), Fits: e.matches(selector), Faults: faults,
		Place: [...document.querySelectorAll("*")].indexOf(e), Parts: e.type === "date",
		Left: r.left + scrollX, Right: r.right + scrollX, Top: r.top + scrollY, Bottom: r.bottom + scrollY,
	};
}`

// look returns where the focus is.
func (k keyboard) look(selector string) stop {
	k.t.Helper()
	var s stop
	wanted, err := json.Marshal(selector)
	if err != nil {
		k.t.Fatal(err)
	}
	k.do(chromedp.Evaluate(fmt.Sprintf("(%s)(%s)", looking, wanted), &s))
	return s
}

// press presses keys one after the other.
func (k keyboard) press(keys string) {
	k.t.Helper()
	k.do(chromedp.KeyEvent(keys))
}

// enter is the key; KeyEvent would press it twice.
var enter = chromedp.Tasks{
	input.DispatchKeyEvent(input.KeyDown).WithKey("Enter").WithCode("Enter").WithText("\r").WithWindowsVirtualKeyCode(13),
	input.DispatchKeyEvent(input.KeyUp).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13),
}

var space = chromedp.KeyEvent(" ")

// types types into the field that has the focus, instead of what is in it.
func (k keyboard) types(text string) {
	k.t.Helper()
	k.do(input.DispatchKeyEvent(input.KeyDown).WithKey("a").WithModifiers(input.ModifierCtrl).WithCommands([]string{"selectAll"}))
	k.press(text)
}

// leads presses a key that leads to another page, or to the same one anew.
func (k keyboard) leads(key chromedp.Action) {
	k.t.Helper()
	if _, err := chromedp.RunResponse(k.ctx, key); err != nil {
		k.t.Fatalf("%v, after a key on %s", err, k.look("*").What)
	}
}

// next presses Tab and returns where that leads, which is to be seen.
func (k keyboard) next(selector string) stop {
	k.t.Helper()
	k.press(kb.Tab)
	return k.seen(selector)
}

// back presses Shift-Tab.
func (k keyboard) back() stop {
	k.t.Helper()
	k.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(input.ModifierShift)))
	return k.seen("*")
}

// seen returns where the focus is, and fails the test when it is not to be seen there.
func (k keyboard) seen(selector string) stop {
	k.t.Helper()
	s := k.look(selector)
	for _, fault := range s.Faults {
		k.t.Errorf("%s: %s %s", k.address(), s.What, fault)
	}
	return s
}

func (k keyboard) scheme(name string) {
	k.t.Helper()
	k.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}))
}

func (k keyboard) address() (address string) {
	k.t.Helper()
	k.do(chromedp.Location(&address))
	return address
}

// to presses Tab until the focus is on what is looked for, and fails when it never gets there.
func (k keyboard) to(selector string) {
	k.t.Helper()
	for left := 0; left < 2; {
		s := k.next(selector)
		if s.Fits {
			return
		}
		if s.None {
			left++
		}
	}
	k.t.Fatalf("%s: Tab never leads to %s", k.address(), selector)
}

// on fails the test unless the focus is on the thing already.
func (k keyboard) on(selector string) {
	k.t.Helper()
	s := k.look(selector)
	if !s.Fits {
		k.t.Errorf("%s: the focus is on %+v, want it on %s", k.address(), s, selector)
	}
}

// walk goes through a page that has just come, by Tab from the link to the content round to there again,
// and in the dark back by Shift-Tab. Nothing holds the focus, and the stops follow the page.
func (k keyboard) walk() {
	k.t.Helper()
	if first := k.next(".skip"); !first.Fits {
		k.t.Fatalf("%s: the first stop is %s, want the link to the content", k.address(), first.What)
	}
	k.do(enter)
	content := k.next("main *")
	if !content.Fits {
		k.t.Errorf("%s: the link to the content leads to %s", k.address(), content.What)
	}
	places := []int{content.Place}
	before := content
	for s := k.next(".skip"); s.Place != content.Place; s = k.next(".skip") {
		if !before.None && !s.None && !s.Fits {
			k.follows(before, s)
		}
		if before = s; !s.None {
			places = append(places, s.Place)
		}
		if len(places) > 300 {
			k.t.Fatalf("%s: Tab does not lead round; it was last on %s", k.address(), s.What)
		}
	}
	k.scheme("dark")
	again := []int{content.Place}
	for s := k.back(); s.Place != content.Place && len(again) <= 300; s = k.back() {
		if !s.None {
			again = append(again, s.Place)
		}
	}
	k.scheme("light")
	slices.Reverse(again[1:])
	if !slices.Equal(places, again) {
		k.t.Errorf("%s: Shift-Tab stops at %v, want the stops of Tab backwards, %v", k.address(), again, places)
	}
}

// follows fails the test when one stop comes after another before which it stands, in the page's source
// or to the eye: above it, and in no column beside it.
func (k keyboard) follows(before, s stop) {
	k.t.Helper()
	switch {
	case s.Place == before.Place && !s.Parts:
		k.t.Errorf("%s: Tab stays on %s", k.address(), s.What)
	case s.Place < before.Place, s.Bottom <= before.Top+1 && s.Left < before.Right-1:
		k.t.Errorf("%s: %s comes after %s, which it stands before", k.address(), s.What, before.What)
	}
}

// buyByKeys buys something and looks after the order.
func (s *testShop) buyByKeys(k keyboard) {
	t := k.t
	k.do(chromedp.Navigate(s.url))
	k.walk()
	k.to(`a[href="/products/e-book"]`)
	k.leads(enter)
	k.walk()
	k.to(`form[data-sku=EBOOK] button:not([name])`)
	k.leads(space)
	k.to(`main a[href="/"]`)
	k.leads(enter)
	k.to(`a[href="/products/tea-set"]`)
	k.leads(enter)
	k.to(`form[data-sku=TEA-SET] input[name=quantity]`)
	k.press(kb.ArrowUp)
	k.to(`form[data-sku=TEA-SET] button:not([name])`)
	k.leads(enter)

	k.walk() // the cart
	k.to(`[value="TEA-SET"] + input[name=quantity]`)
	k.types("3")
	k.leads(enter)
	k.on(".news")
	if got := k.text(".news"); !strings.Contains(got, "404.50") {
		t.Errorf("changed cart: got %q, want what it comes to", got)
	}
	k.to(`form[action="/cart/items/EBOOK"] button`)
	k.leads(space)
	k.on(".news")
	k.to(`button[name=checkout]`)
	k.leads(enter)

	k.walk()
	k.to(placeOrder)
	k.leads(enter)
	k.on(`[role=alert]`)
	k.to(`[role=alert] a[href="#name"]`)
	k.do(enter)
	k.on(`input[name=name]`)
	k.types("Ada Wong")
	for _, field := range [][2]string{{"email", "ada@example.com"}, {"address", "1 Queen's Road"}, {"city", "Hong Kong"}, {"country", "Hong Kong"}} {
		k.to(fmt.Sprintf("[name=%s]", field[0]))
		k.types(field[1])
	}
	k.to(`input[name=wallet]:checked`)
	k.press(kb.ArrowDown)
	k.on(`input[name=wallet][value=alipay]:checked`)
	k.press(kb.ArrowUp)
	k.on(`input[name=wallet][value=wechat]:checked`)
	k.to(placeOrder)
	k.leads(space)

	k.becomes("#order.order-waiting .offer-code")
	k.walk()
	k.to(`.receipt [data-copy]`)
	k.do(enter)
	await(t, "word that the number is copied", func() bool { return k.said() == "Copied" })
	k.on(`.receipt [data-copy]`)
	k.to(`button[name=wallet][value=alipay]`)
	k.leads(enter)
	if got := k.text("h1"); got != "Pay with Alipay" {
		t.Errorf("another wallet: got %q, want Pay with Alipay", got)
	}
	k.to(`form[action$="/check"] button`)
	k.leads(space) // I have paid
	k.on(`[role=alert]`)
	k.to(`form[action$="/check"] button`)
	s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	k.becomes("#order.order-paid")
	k.on("#order h1")
	if got, want := k.said(), k.text("h1"); got != want {
		t.Errorf("paid: a screen reader was told %q, want %q", got, want)
	}

	k.to(`nav a[href="/orders"]`)
	k.leads(enter)
	k.walk()
	k.to(`input[name=number]`)
	k.do(input.DispatchKeyEvent(input.KeyDown).WithKey("v").WithModifiers(input.ModifierCtrl).WithCommands([]string{"paste"}))
	k.to(`input[name=email]`)
	k.types("bob@example.com")
	k.leads(enter)
	k.on(`[role=alert]`)
	k.to(`input[name=email]`)
	k.types("ada@example.com")
	k.leads(enter)
	k.becomes("#order.order-paid")
	k.walk()
	k.to(`a[href="?lang=ja"]`)
	k.leads(enter)
	k.becomes(`html[lang=ja] #order.order-paid`)
}

// said returns what the order page told a screen reader last.
func (k keyboard) said() (text string) {
	k.t.Helper()
	k.do(chromedp.Evaluate(`document.getElementById("news").textContent`, &text))
	return text
}

// serveByKeys does a day's work at the desk, on an order that is paid.
func (s *testShop) serveByKeys(k keyboard) {
	t := k.t
	buyer := s.visitorFor(t, iPhoneWeChat)
	buyer.order("TEA-SET", "wechat")
	buyer.payAndReturn("before")
	number := s.word("SELECT number FROM orders ORDER BY created_at DESC LIMIT 1")

	k.do(chromedp.Navigate(s.url + "/admin"))
	k.walk()
	k.to("input[name=email]")
	k.types("ada@example.com")
	k.to("input[name=password]")
	k.types("white elephants sleep")
	k.leads(enter)
	k.on("[role=alert]")
	k.to("input[name=password]")
	k.types("purple elephants sleep")
	k.leads(enter)
	k.becomes(".desk-nav")
	k.walk()

	k.to(`.desk-nav a[href="/admin/orders"]`)
	k.leads(enter)
	k.walk()
	k.to("input[name=q]")
	k.types(number)
	k.leads(enter)
	k.on("[role=status]")
	k.to(".o-number a")
	k.leads(enter)
	k.walk()
	k.do(chromedp.EmulateViewport(700, 900), chromedp.Reload())
	k.walk()
	k.do(chromedp.EmulateViewport(1280, 900))

	k.to("details[id^=refund] summary")
	k.do(space)
	k.to("input[name=amount]")
	k.types("1.50")
	k.leads(enter)
	k.on("[role=alert]")
	k.to("input[name=refund_reason][aria-invalid]")
	k.types("a cup is chipped")
	if _, err := s.db.Exec("UPDATE staff_sessions SET proved_at = ?", time.Now().UTC().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	k.to("details[id^=refund] button.primary")
	k.leads(space)
	k.walk() // who is it?
	k.to("input[type=password]")
	k.types("white elephants sleep")
	k.leads(enter)
	k.on("[role=alert]")
	k.to("input[type=password]")
	k.types("purple elephants sleep")
	k.leads(enter)
	k.on(".news")
	if got := k.text(".news"); !strings.Contains(got, "1.50") {
		t.Errorf("refund: got %q, want the amount in it", got)
	}

	k.to("input[name=tracking]")
	k.types("SF1234567890")
	k.to(`form[action*="/fulfil"] button`)
	k.leads(enter)
	k.on(".news")
	if got := s.word("SELECT tracking FROM orders WHERE number = ?", number); got != "SF1234567890" {
		t.Errorf("sent: got the tracking number %q", got)
	}

	k.to(`.desk-nav a[href="/admin/goods"]`)
	k.leads(enter)
	k.walk()
	k.to(`.goods-stock a[href$="/TEA-SET"]`)
	k.leads(enter)
	k.walk()
	k.to("input[name=pieces]")
	k.types("5")
	k.leads(enter)
	k.on("[role=alert]")
	k.to("input[name=reason][aria-invalid]")
	k.types("from the potter")
	k.to("button[value=in]")
	k.leads(space)
	k.on(".news")

	k.to(`.desk-nav a[href="/admin/settings"]`)
	k.leads(enter)
	k.walk()
	k.to(`[name="shop.payment_window"]`)
	k.types("soon")
	k.leads(enter)
	k.on(`[name="shop.payment_window"][aria-invalid]`)
	k.types("20m")
	k.leads(enter)
	k.on(".news")

	k.to(`form[action="/admin/logout"] button`)
	k.leads(space)
	k.becomes(`form[action="/admin/login"]`)
}

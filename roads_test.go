package main

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"saoma/payments/sandbox"
)

// More user agents of real browsers. AlipayHK on an iPhone is made after Alipay there and AlipayHK on
// Android, since none was found.
const (
	androidWeChat = "Mozilla/5.0 (Linux; Android 15; PJZ110 Build/AP3A.240617.008; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.173 Mobile Safari/537.36 XWEB/1420229 MMWEBSDK/20250802 MMWEBID/7928 MicroMessenger/8.0.62.2900(0x28003EA0) WeChat/arm64 Weixin NetType/WIFI Language/zh_TW ABI/arm64"
	windowsWeChat = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf254162e) XWEB/18163 Flue"
	macWeChat     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) MacWechat/3.8.7(0x13080712) UnifiedPCMacWechat(0xf26411f0) XWEB/16512 Flue"
	iPhoneAlipay  = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/19F77 Ariver/1.1.0 AliApp(AP/10.2.65.8000) Nebula WK RVKType(1) AlipayDefined(nt:WIFI,ws:375|748|3.0) AlipayClient/10.2.65.8000 Language/zh-Hans Region/CN NebulaX/1.0.0"
	iPhoneHK      = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F79 AliApp(AP/6.2.1) Nebula WK AlipayDefined(nt:WIFI,ws:390|780|3.0) AlipayClientHK/6.2.1 Language/zh-Hant AlipayClient/10.3.0"
	macSafari     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
	androidChrome = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36"
)

// TestRoads goes from the catalogue to a paid order in the browsers in which people buy, and on roads
// that are slow, broken, or gone twice.
func TestRoads(t *testing.T) {
	chromium := chromiumOrSkip(t)
	t.Parallel()
	s := startShop(t, sqliteDatabase(t), `routes: [
		{wallet: wechat, scene: wallet, gateway: scanforpay, method: jspay},
		{wallet: wechat, scene: desktop, gateway: scanforpay, method: qrcode},
		{wallet: wechat, scene: phone, gateway: pass2pay, method: WX_H5},
		{wallet: alipay, scene: wallet, gateway: scanforpay, method: jspay},
		{wallet: alipay, scene: desktop, gateway: scanforpay, method: qrcode},
		{wallet: alipay, scene: phone, gateway: pass2pay, method: ALI_QR},
		{wallet: alipayhk, scene: any, gateway: scanforpay, method: online}]`)
	browser := launchBrowser(t, chromium, desktopChrome, 1280, 900)
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	on := func(agent string) func(t *testing.T) tab {
		return func(t *testing.T) tab {
			if strings.Contains(agent, "Mobile") {
				return beside(t, browser, agent, 390, 844)
			}
			return beside(t, browser, agent, 1280, 900, "ERR_BLOCKED_BY_CLIENT") // by the test
		}
	}
	for _, tt := range []struct {
		name, agent, asks string // asks for a language; those inside a wallet for none of ours
		wallet, language  string
		method            string
	}{
		{"WeChat on an iPhone", strings.Replace(iPhoneWeChat, "Language/en", "Language/zh_CN", 1), "fr", "wechat", "zh-Hans", "jspay"},
		{"WeChat on Android", androidWeChat, "fr", "wechat", "zh-Hant", "jspay"},
		{"WeChat on Windows", windowsWeChat, "zh-CN,zh", "wechat", "zh-Hans", "qrcode"},
		{"WeChat on a Mac", macWeChat, "en-US,en", "wechat", "en", "qrcode"},
		{"Alipay on an iPhone", iPhoneAlipay, "fr", "alipay", "zh-Hans", "jspay"},
		{"Alipay on Android", androidAlipay, "fr", "alipay", "en", "jspay"},
		{"AlipayHK on an iPhone", iPhoneHK, "fr", "alipayhk", "zh-Hant", "online"},
		{"AlipayHK on Android", androidHK, "fr", "alipayhk", "en", "online"},
		{"Safari on an iPhone", iPhoneSafari, "ja-JP,ja", "wechat", "ja", "WX_H5"},
		{"Safari on an iPhone, by a saved code", iPhoneSafari, "en", "alipay", "en", "ALI_QR"},
		{"Safari on a Mac", macSafari, "zh-HK,zh", "alipay", "zh-Hant", "qrcode"},
		{"Chrome on Android", androidChrome, "en", "alipayhk", "en", "online"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := on(tt.agent)(t)
			b.do(emulation.SetUserAgentOverride(tt.agent).WithAcceptLanguage(tt.asks))
			s.buyByAnyRoad(b, tt.wallet, tt.language, tt.method)
		})
	}
	t.Run("slow", func(t *testing.T) { s.buySlowly(on(androidChrome)(t)) })
	t.Run("there and back", func(t *testing.T) { s.buyThereAndBack(on(androidChrome)(t)) })
	t.Run("offline", func(t *testing.T) { s.buyOffline(on(desktopChrome)(t)) })
	t.Run("two tabs", func(t *testing.T) { s.payFromTwoTabs(on(desktopChrome)(t)) })
	t.Run("no events", func(t *testing.T) { s.payWithoutEvents(on(desktopChrome)(t)) })
	t.Run("away", func(t *testing.T) { s.payWhileAway(on(desktopChrome)(t)) })
	t.Run("countdown", func(t *testing.T) { s.watchCountdown(on(desktopChrome)(t)) })
	t.Run("wrong wallet", func(t *testing.T) { s.meetWrongWallet(on(iPhoneSafari)(t), on(iPhoneWeChat)(t)) })
	s.audit()
}

// buyByAnyRoad pays the way that the browser is led: in the wallet, by a page that switches to it, or
// by a code.
func (s *testShop) buyByAnyRoad(b tab, wallet, language, method string) {
	t := b.t
	known := len(s.sandbox.payments())
	b.choose(s, "e-book", wallet)
	switch method {
	case "qrcode":
		b.click(placeOrder, "#order.order-waiting img.code")
		b.readsCode()
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	case "ALI_QR":
		b.click(placeOrder, "#order.order-waiting img.code")
		b.savesCode()
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	default:
		b.click(placeOrder, `button[value="pay"]`)
		b.do(chromedp.Click(`button[value="pay"]`, chromedp.ByQuery))
	}
	b.becomes("#order.order-paid")
	b.fits()
	if got := b.count(fmt.Sprintf("html[lang=%q]", language)); got != 1 {
		t.Errorf("the page is not in %s:\n%s", language, b.text("main"))
	}
	all := s.sandbox.payments()
	got := all[len(all)-1]
	got = sandbox.Payment{Method: got.Method, Wallet: got.Wallet, State: got.State}
	if diff := cmp.Diff(sandbox.Payment{Method: method, Wallet: wallet, State: sandbox.Paid}, got); diff != "" || len(all) != known+1 {
		t.Errorf("%d payments more, the last (-want +got):\n%s", len(all)-known, diff)
	}
}

// readsCode looks at the code of a desktop: it is large, dark on light in a dark page as well, and the
// amount stands above it larger than all else.
func (b tab) readsCode() {
	b.t.Helper()
	b.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}))
	b.awaitCode()
	var shot []byte
	b.do(chromedp.Screenshot("img.code", &shot, chromedp.ByQuery))
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	width := picture.Bounds().Dx()
	if width < 220 {
		b.t.Errorf("the code is %d pixels wide, want 220 or more", width)
	}
	gray := func(x, y int) uint8 {
		return color.GrayModel.Convert(picture.At(picture.Bounds().Min.X+x, picture.Bounds().Min.Y+y)).(color.Gray).Y
	}
	dark := 0
	for x := range width {
		if gray(x, width/2) < 64 {
			dark++
		}
	}
	if edge := gray(width/2, 4); edge < 240 || dark < width/6 {
		b.t.Errorf("the code in a dark page: got %d at its edge, and %d of %d pixels dark", edge, dark, width)
	}
	var largest string
	b.do(chromedp.Evaluate(`[...document.querySelectorAll("body *")].reduce((a, b) =>
		parseFloat(getComputedStyle(b).fontSize) > parseFloat(getComputedStyle(a).fontSize) ? b : a).className`, &largest))
	if largest != "order-amount" {
		b.t.Errorf("the largest text is %q, want the amount", largest)
	}
}

func (b tab) awaitCode() {
	b.t.Helper()
	await(b.t, "the code to be drawn", func() bool {
		var drawn bool
		b.do(chromedp.Evaluate(`document.querySelector("img.code").naturalWidth > 100`, &drawn))
		return drawn
	})
}

// savesCode presses long on the code of a phone: the browser offers to save a picture that others can
// read, since nothing lies over it and nothing forbids it.
func (b tab) savesCode() {
	b.t.Helper()
	b.awaitCode()
	var faults string
	b.do(chromedp.Evaluate(`(() => {
		const code = document.querySelector("img.code"), r = code.getBoundingClientRect(), style = getComputedStyle(code);
		const menu = new MouseEvent("contextmenu", {bubbles: true, cancelable: true});
		const faults = [];
		if (r.width < 220) faults.push(r.width + " pixels wide");
		if (!/\/qr\.png/.test(code.src)) faults.push("is " + code.src);
		code.scrollIntoView({block: "center"});
		const there = code.getBoundingClientRect();
		if (document.elementFromPoint(there.left + there.width / 2, there.top + there.height / 2) !== code) faults.push("lies below something");
		if (style.pointerEvents === "none" || style.userSelect === "none") faults.push("cannot be held");
		if (!code.dispatchEvent(menu)) faults.push("has no menu");
		return faults.join(", ");
	})()`, &faults))
	if faults != "" {
		b.t.Errorf("the code on a phone: %s", faults)
	}
}

// buySlowly buys where each answer takes its time, with a finger that does not wait.
func (s *testShop) buySlowly(b tab) {
	slow := chromedp.ActionFunc(func(ctx context.Context) error {
		all := []*network.Conditions{{Latency: 400, DownloadThroughput: 50_000, UploadThroughput: 50_000}} // 400 kbit/s
		_, err := network.EmulateNetworkConditionsByRule(false, all).Do(ctx)
		return err
	})
	b.do(network.Enable(), slow)
	before := s.count("SELECT COUNT(*) FROM orders")
	b.choose(s, "e-book", "alipay")
	b.do(chromedp.DoubleClick(placeOrder, chromedp.ByQuery))
	b.becomes("#order.order-waiting img.code")
	b.do(chromedp.Reload())
	b.becomes("#order.order-waiting img.code")
	s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	b.becomes("#order.order-paid")
	if got := s.count("SELECT COUNT(*) FROM orders") - before; got != 1 {
		b.t.Errorf("two clicks on a slow road made %d orders, want 1", got)
	}
}

// buyThereAndBack loads every page anew, and goes back and forth between them, up to the wallet and
// behind the payment.
func (s *testShop) buyThereAndBack(b tab) {
	t := b.t
	reload := func(selector string) {
		t.Helper()
		b.do(chromedp.Reload())
		b.becomes(selector)
	}
	before := s.count("SELECT COUNT(*) FROM orders")
	b.do(chromedp.Navigate(s.url))
	reload(".cards")
	b.click(`a[href="/products/e-book"]`, `button[name="buy_now"]`)
	reload(`button[name="buy_now"]`)
	b.travel(-1, ".cards")
	b.tap(`a[href="/products/e-book"]`, `button[name="buy_now"]`)
	b.tap(`button[name="buy_now"]`, `form[action="/checkout"]`)
	reload(`form[action="/checkout"]`)
	b.travel(-1, `button[name="buy_now"]`)
	b.travel(1, `form[action="/checkout"]`)
	b.tap("#name", "#name:focus")
	b.do(chromedp.KeyEvent("Ada Wong"))
	b.tap("#email", "#email:focus")
	b.do(chromedp.KeyEvent("ada@example.com"))
	b.tap(`input[value="wechat"]`, `input[value="wechat"]:checked`)
	b.tap(placeOrder, `button[value="pay"]`)
	reload(`button[value="pay"]`)
	b.travel(-1, placeOrder) // from the wallet, without paying
	reload(`main a[href^="/o/"]`)
	b.tap(`main a[href^="/o/"]`, "#order.order-waiting a.wallet-wechat")
	b.tap("a.wallet-wechat", `button[value="pay"]`)
	b.travel(-1, "#order.order-waiting a.wallet-wechat")
	b.tap("a.wallet-wechat", `button[value="pay"]`)
	b.tap(`button[value="pay"]`, "#order.order-paid")
	reload("#order.order-paid")
	b.do(chromedp.Navigate(s.url + "/cart"))
	b.travel(-1, "#order.order-paid")
	if got := s.count("SELECT COUNT(*) FROM orders") - before; got != 1 {
		t.Errorf("got %d orders, want 1", got)
	}
}

// travel goes so many pages back or forth in the window's history, as its buttons do.
func (b tab) travel(steps int64, selector string) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		at, entries, err := page.GetNavigationHistory().Do(ctx)
		if err != nil {
			return err
		}
		return page.NavigateToHistoryEntry(entries[at+steps].ID).Do(ctx)
	}))
	b.becomes(selector)
}

// tap clicks on what is visible, also on a page that the browser has taken out of its memory, in which
// click finds nothing.
func (b tab) tap(selector, then string) {
	b.t.Helper()
	var at struct{ X, Y float64 }
	b.do(chromedp.Evaluate(fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getBoundingClientRect();
		return {x: r.left + r.width / 2, y: r.top + r.height / 2};
	})()`, selector), &at))
	b.do(chromedp.MouseClickXY(at.X, at.Y))
	b.becomes(then)
}

// buyOffline loses the network when the order is placed, and has it back.
func (s *testShop) buyOffline(b tab) {
	before := s.count("SELECT COUNT(*) FROM orders")
	b.choose(s, "e-book", "wechat")
	b.offline(true)
	b.do(chromedp.Click(placeOrder, chromedp.ByQuery))
	await(b.t, "the browser to say that it is offline", func() bool { return b.count("#main-frame-error") == 1 })
	b.offline(false)
	b.do(chromedp.Navigate(s.url + "/checkout")) // to the same cart
	b.fill("name", "Ada Wong")
	b.fill("email", "ada@example.com")
	b.click(placeOrder, "#order.order-waiting img.code")
	if got := s.count("SELECT COUNT(*) FROM orders") - before; got != 1 {
		b.t.Errorf("got %d orders, want 1", got)
	}
}

// beside opens a window of a browser for somebody else, who shares nothing with those in the others. The
// browser may complain of what is expected.
func beside(t *testing.T, browser context.Context, agent string, width, height int, expected ...string) tab {
	t.Helper()
	whole := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	apart, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(whole)
	if err != nil {
		t.Fatal(err)
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(apart).WithNewWindow(true).Do(whole)
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := chromedp.NewContext(browser, chromedp.WithTargetID(id))
	t.Cleanup(leave)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	b := newTab(t, ctx, expected...)
	b.do(emulation.SetFocusEmulationEnabled(true), emulation.SetUserAgentOverride(agent))
	if strings.Contains(agent, "Mobile") {
		b.do(chromedp.EmulateViewport(int64(width), int64(height), chromedp.EmulateMobile, chromedp.EmulateTouch))
	} else {
		b.do(chromedp.EmulateViewport(int64(width), int64(height)))
	}
	return b
}

// again opens a page that is shown in another tab of the same window.
func (b tab) again(address string) tab {
	b.t.Helper()
	var window *target.Info
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		window, err = target.GetTargetInfo().Do(ctx)
		return err
	}))
	ctx, leave := chromedp.NewContext(b.ctx, chromedp.WithExistingBrowserContext(window.BrowserContextID))
	b.t.Cleanup(leave)
	second := newTab(b.t, ctx)
	second.do(chromedp.Navigate(address))
	return second
}

// payFromTwoTabs changes the wallet in either of two tabs: the other follows, and what is paid in the
// end is paid once.
func (s *testShop) payFromTwoTabs(b tab) {
	b.order(s, "e-book", "wechat", "#order.order-waiting img.code")
	var address string
	b.do(chromedp.Location(&address))
	second := b.again(address)
	second.click(`button[value="alipay"]`, `button[value="wechat"]`)
	b.do(page.BringToFront())
	b.becomes(`#order button[value="wechat"]`)
	b.click(`button[value="alipayhk"]`, `button[value="alipay"]`)
	second.do(page.BringToFront())
	second.becomes(`#order button[value="alipay"]`)
	for _, t := range []tab{b, second} {
		if got := t.text("h1"); got != "Pay with AlipayHK" {
			b.t.Errorf("a tab says %q, want Pay with AlipayHK", got)
		}
	}
	s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	second.becomes("#order.order-paid")
	b.do(page.BringToFront())
	b.becomes("#order.order-paid")
}

// watching counts in a page what its script asks for, and lets its clock run: timers are quick, and
// road.skew puts the time of day forward, by road.step at each tick.
const watching = `(() => {
	const road = window.road = {asked: 0, asking: 0, most: 0, sources: 0, open: 0, timers: new Set(), news: [], skew: 0, step: 0};
	const fetch = window.fetch, Source = window.EventSource, now = Date.now.bind(Date);
	const setTimeout = window.setTimeout, clearTimeout = window.clearTimeout, setInterval = window.setInterval;
	Date.now = () => now() + road.skew;
	window.setTimeout = (f, ms) => {
		const id = setTimeout(() => { road.timers.delete(id); f(); }, ms / 20);
		road.timers.add(id);
		return id;
	};
	window.clearTimeout = (id) => { road.timers.delete(id); clearTimeout(id); };
	window.setInterval = (f, ms) => setInterval(() => { road.skew += road.step; f(); }, ms / 50);
	window.fetch = async (...all) => {
		road.asked++;
		road.most = Math.max(road.most, ++road.asking);
		try { return await fetch(...all); } finally { road.asking--; }
	};
	window.EventSource = class extends Source {
		constructor(...all) { super(...all); road.sources++; road.open++; }
		close() { if (!this.ended) road.open--; this.ended = true; super.close(); }
	};
	addEventListener("DOMContentLoaded", () => {
		const news = document.getElementById("news");
		if (news) new MutationObserver(() => road.news.push(news.textContent)).observe(news, {childList: true});
	});
})()`

// road is what watching counts.
type road struct {
	Asked, Asking, Most, Sources, Open, Timers int
	News                                       []string
}

func (b tab) road() (r road) {
	b.t.Helper()
	b.do(chromedp.Evaluate(`({...road, timers: road.timers.size})`, &r))
	return r
}

// run runs a script in the page.
func (b tab) run(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate("(() => { "+script+" })()", nil))
}

// watch has the pages to come counted.
func (b tab) watch() {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(watching).Do(ctx)
		return err
	}))
}

// payWithoutEvents pays where no event comes through: the page asks, never twice at once, and stops
// when there is nothing to come. It shows its result from then on.
func (s *testShop) payWithoutEvents(b tab) {
	t := b.t
	b.watch()
	slow := chromedp.ActionFunc(func(ctx context.Context) error { // enough for two questions to meet
		_, err := network.EmulateNetworkConditionsByRule(false, []*network.Conditions{{Latency: 100, DownloadThroughput: -1, UploadThroughput: -1}}).Do(ctx)
		return err
	})
	b.do(network.Enable(), slow, network.SetBlockedURLs().WithURLPatterns([]*network.BlockPattern{{URLPattern: s.url + "/o/*/events", Block: true}}))
	b.order(s, "e-book", "wechat", "#order.order-waiting img.code")
	await(t, "asking to take over", func() bool {
		b.run(`dispatchEvent(new Event("online")); dispatchEvent(new Event("online"))`)
		return b.road().Asked > 5
	})
	alone := b.road()
	await(t, "the page to give events up", func() bool {
		r := b.road()
		if r.Sources != alone.Sources || r.Open > 0 {
			alone = r
		}
		return r.Asked > alone.Asked+2
	})
	s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	b.becomes("#order.order-paid")
	await(t, "the page to have done with asking", func() bool { r := b.road(); return r.Open == 0 && r.Timers == 0 })
	r := b.road()
	if r.Most != 1 {
		t.Errorf("the page asked %d times at once, want 1", r.Most)
	}
	b.run(`dispatchEvent(new Event("online")); dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})); document.dispatchEvent(new Event("visibilitychange"))`)
	if after := b.road(); after.Asked != r.Asked || after.Sources != r.Sources || after.Open+after.Timers != 0 {
		t.Errorf("a final page goes on: got %+v, before %+v", after, r)
	}
}

// payWhileAway pays while the page is out of sight, as behind the wallet: it asks nothing then, and at
// once when it is back.
func (s *testShop) payWhileAway(b tab) {
	t := b.t
	b.watch()
	for _, back := range []string{
		`document.dispatchEvent(new Event("visibilitychange"))`, `dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}))`,
	} {
		b.order(s, "e-book", "wechat", "#order.order-waiting img.code")
		await(t, "events", func() bool { r := b.road(); return r.Open == 1 && r.Asking == 0 })
		b.run(`dispatchEvent(new Event("online")); // a question is under way
			Object.defineProperty(document, "visibilityState", {value: "hidden", configurable: true});
			document.dispatchEvent(new Event("visibilitychange"))`)
		var gone road
		await(t, "the last answer, with nothing open and nothing to come any more", func() bool {
			gone = b.road()
			return gone.Asking+gone.Open+gone.Timers == 0
		})
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
		if b.count("#order.order-waiting") != 1 || b.road().Asked != gone.Asked {
			t.Error("out of sight: the page has changed")
		}
		b.run(`Object.defineProperty(document, "visibilityState", {value: "visible", configurable: true})`)
		b.run(back)
		b.becomes("#order.order-paid")
	}
}

// watchCountdown lets the time to pay run out before a page whose own clock is wrong.
func (s *testShop) watchCountdown(b tab) {
	t := b.t
	b.watch()
	b.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`road.skew = 5 * 3600 * 1000`).Do(ctx)
		return err
	}))
	b.order(s, "e-book", "wechat", "#order.order-waiting img.code")
	if got := b.text("[data-expires]"); !strings.HasPrefix(got, "14:") {
		t.Errorf("with a clock that is five hours ahead: got %q left, want less than 15 minutes", got)
	}
	b.run(`road.step = 4000`)
	b.becomes(".countdown.soon")
	await(t, "the time to run out", func() bool { return b.text("[data-expires]") == "0:00" })
	want := []string{"5 minutes left to pay.", "1 minute left to pay."}
	if diff := cmp.Diff(want, b.road().News); diff != "" {
		t.Errorf("a screen reader was told (-want +got):\n%s", diff)
	}
	b.run(`road.step = 0`)
}

// meetWrongWallet opens an order that is to be paid with Alipay inside WeChat, whose old browsers have
// no clipboard of their own, and takes its address elsewhere.
func (s *testShop) meetWrongWallet(phone, weChat tab) {
	t := weChat.t
	phone.order(s, "e-book", "alipayhk", `button[value="pay"]`)
	address := s.sandbox.newest().ReturnURL
	address = s.url + "/o" + address[strings.LastIndex(address, "/"):]
	weChat.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`Object.defineProperty(navigator, "clipboard", {value: undefined})`).Do(ctx)
		return err
	}))
	weChat.do(chromedp.Navigate(address))
	weChat.click(".offer-elsewhere [data-copy]", ".offer-elsewhere")
	await(t, "word that the address is copied", func() bool { return weChat.text(".offer-elsewhere [data-copy]") == "Copied" })
	var focused bool
	weChat.do(chromedp.Evaluate(`document.activeElement.matches(".offer-elsewhere [data-copy]")`, &focused))
	if !focused {
		t.Error("the focus is gone from the button")
	}
	weChat.fits()
	weChat.do(chromedp.Navigate(s.url+"/orders"), chromedp.Click("#number", chromedp.ByQuery),
		input.DispatchKeyEvent(input.KeyDown).WithKey("v").WithModifiers(input.ModifierCtrl).WithCommands([]string{"paste"}))
	var pasted string
	weChat.do(chromedp.Value("#number", &pasted, chromedp.ByQuery))
	if !strings.HasPrefix(address, pasted) || pasted == "" {
		t.Errorf("pasted %q, want the order's address %s", pasted, address)
	}
}

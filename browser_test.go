package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"saoma/payments/sandbox"
)

// TestBrowser buys in a real browser: at a desktop, where the code turns into a receipt by itself;
// in WeChat's and in Alipay's browser; and with scripts off.
func TestBrowser(t *testing.T) {
	chromium := chromiumOrSkip(t)
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	t.Run("desktop", func(t *testing.T) { s.buyAtDesktop(t, openBrowser(t, chromium, desktopChrome, 1280, 900), true) })
	t.Run("WeChat", func(t *testing.T) { s.buyInWallet(t, openBrowser(t, chromium, iPhoneWeChat, 390, 844), "wechat", true) })
	t.Run("Alipay", func(t *testing.T) {
		s.buyInWallet(t, openBrowser(t, chromium, androidAlipay, 412, 915), "alipay", true)
	})
	t.Run("desktop without scripts", func(t *testing.T) {
		b := openBrowser(t, chromium, desktopChrome, 1280, 900)
		b.do(emulation.SetScriptExecutionDisabled(true))
		s.buyAtDesktop(t, b, false)
	})
	t.Run("WeChat without scripts", func(t *testing.T) {
		b := openBrowser(t, chromium, iPhoneWeChat, 390, 844)
		b.do(emulation.SetScriptExecutionDisabled(true))
		s.buyInWallet(t, b, "wechat", false)
	})
	s.audit()
}

// TestFormInBrowsers pays where the gateway takes its buyers by a form: the shop's page sends it by itself
// where scripts run, and is none that the way back leads to.
func TestFormInBrowsers(t *testing.T) {
	chromium := chromiumOrSkip(t)
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	s.sandbox.fault(sandbox.Fault{Gateway: sandbox.Pass2Pay, Kind: sandbox.FaultPayDataType, Operation: sandbox.OpCreate, Value: "form"})
	for _, scripts := range []bool{true, false} {
		b := openBrowser(t, chromium, iPhoneSafari, 390, 844)
		b.do(emulation.SetScriptExecutionDisabled(!scripts))
		b.order(s, "e-book", "wechat", "a.wallet-wechat")
		if scripts {
			b.click("a.wallet-wechat", `button[value="pay"]`)
			b.travel(-1, "#order.order-waiting")
			b.click("a.wallet-wechat", `button[value="pay"]`)
		} else {
			b.click("a.wallet-wechat", "form[data-auto] button")
			b.fits()
			b.click("form[data-auto] button", `button[value="pay"]`)
		}
		var address string
		b.do(chromedp.Location(&address))
		if p := s.sandbox.newest(); !strings.HasSuffix(address, "?orderToken="+p.Reference) {
			t.Errorf("scripts run: %t: got the wallet at %s, want the form's field with it", scripts, address)
		}
		b.click(`button[value="pay"]`, "#order.order-paid")
	}
	s.audit()
}

// tab is a page of a real browser. Whatever the browser complains about, such as a script that
// fails or something that the content policy forbids, fails the test.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func openBrowser(t *testing.T, chromium, agent string, width, height int) tab {
	t.Helper()
	ctx, cancel := context.WithTimeout(launchBrowser(t, chromium, agent, width, height), 90*time.Second)
	t.Cleanup(cancel)
	b := newTab(t, ctx)
	if strings.Contains(agent, "Mobile") {
		b.do(chromedp.EmulateViewport(int64(width), int64(height), chromedp.EmulateMobile, chromedp.EmulateTouch))
	}
	return b
}

// launchBrowser starts a browser with a profile of its own, and further variables in its environment.
func launchBrowser(t *testing.T, chromium, agent string, width, height int, env ...string) context.Context {
	t.Helper()
	profile, err := os.MkdirTemp("", "saoma-browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeProfile(t, profile) })
	allocator, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(chromium), chromedp.UserDataDir(profile), chromedp.UserAgent(agent), chromedp.WindowSize(width, height),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("lang", "en"),
		chromedp.WSURLReadTimeout(time.Minute), chromedp.Env(env...))
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(allocator)
	t.Cleanup(leave)
	return ctx
}

// removeProfile removes what the browser kept, of which its processes write some to the last.
func removeProfile(t *testing.T, profile string) {
	for range 50 {
		if os.RemoveAll(profile) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s cannot be removed", profile)
}

// newTab returns the tab of the context. What the browser complains of in words that are expected is no
// failure.
func newTab(t *testing.T, ctx context.Context, expected ...string) tab {
	t.Helper()
	expected = append(expected, "422", // a form sent back with what is wrong in it
		"ERR_INTERNET_DISCONNECTED") // by the test
	var mu sync.Mutex
	var complaints []string
	complain := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, text)
	}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain(e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert {
				complain(fmt.Sprintf("console: %s %s", e.Type, e.Args[0].Value))
			}
		case *log.EventEntryAdded:
			if slices.ContainsFunc(expected, func(words string) bool { return strings.Contains(e.Entry.Text, words) }) {
				return
			}
			if e.Entry.Level == log.LevelError || e.Entry.Source == log.SourceSecurity {
				complain(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
			}
		}
	})
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		for _, text := range complaints {
			t.Errorf("the browser complains: %s", text)
		}
	})
	b := tab{t, ctx}
	b.do(log.Enable())
	return b
}

// do does one thing after the other. What finds that the page it was meant for has been replaced meanwhile,
// as it is while a slow one loads, has done nothing yet and is done anew.
func (b tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	for _, action := range actions {
		err := chromedp.Run(b.ctx, action)
		for range 20 {
			if !pageReplaced(err) {
				break
			}
			time.Sleep(100 * time.Millisecond)
			err = chromedp.Run(b.ctx, action)
		}
		if err != nil {
			var address, text string
			_ = chromedp.Run(b.ctx, chromedp.Location(&address), chromedp.Text("body", &text)) // for the message alone
			b.t.Fatalf("%v, at %s:\n%s", err, address, text)
		}
	}
}

// pageReplaced tells whether the browser says that what was to be acted on belongs to a page that is gone.
func pageReplaced(err error) bool {
	var e *cdproto.Error
	return errors.As(err, &e) && slices.Contains([]string{
		"Could not find node with given id", "Node is detached from document", "Cannot find context with specified id",
	}, e.Message)
}

// reading is an action that changes nothing, so that it may be done anew when its page goes away under it.
func reading(action chromedp.Action) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		err := action.Do(ctx)
		for range 20 {
			if e, ok := errors.AsType[*cdproto.Error](err); !ok || e.Message != "Inspected target navigated or closed" {
				break
			}
			time.Sleep(100 * time.Millisecond)
			err = action.Do(ctx)
		}
		return err
	})
}

// click clicks what is visible, and returns once the page that it leads to shows the other thing.
func (b tab) click(selector, then string) {
	b.t.Helper()
	b.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible), chromedp.WaitVisible(then, chromedp.ByQuery))
}

func (b tab) text(selector string) string {
	b.t.Helper()
	var text string
	b.do(chromedp.Text(selector, &text, chromedp.ByQuery, chromedp.NodeVisible))
	return text
}

// placeOrder is the button that places the order.
const placeOrder = `form[action="/checkout"] button[type="submit"]`

// order buys an article up to the button that places the order, and presses it. Without a wallet none
// is chosen.
func (b tab) order(s *testShop, slug, wallet, then string) {
	b.t.Helper()
	b.choose(s, slug, wallet)
	b.click(placeOrder, then)
}

// choose buys an article up to the button that places the order.
func (b tab) choose(s *testShop, slug, wallet string) {
	b.t.Helper()
	b.do(chromedp.Navigate(s.url))
	b.click(`a[href="/products/`+slug+`"]`, `button[name="buy_now"]`)
	b.click(`button[name="buy_now"]`, `form[action="/checkout"]`)
	b.do(chromedp.SendKeys(`input[name="name"]`, "Ada Wong", chromedp.ByQuery), chromedp.SendKeys(`input[name="email"]`, "ada@example.com", chromedp.ByQuery))
	if slug != "e-book" {
		b.do(
			chromedp.SendKeys(`input[name="address"]`, "1 Queen's Road", chromedp.ByQuery),
			chromedp.SendKeys(`input[name="city"]`, "Hong Kong", chromedp.ByQuery),
			chromedp.SendKeys(`input[name="country"]`, "Hong Kong", chromedp.ByQuery),
		)
	}
	if wallet != "" {
		b.do(chromedp.Click(`input[name="wallet"][value="`+wallet+`"]`, chromedp.ByQuery))
	}
}

// buyAtDesktop scans the code, for which a second tab stands in, and sees the first tab change.
func (s *testShop) buyAtDesktop(t *testing.T, b tab, scripts bool) {
	b.order(s, "e-book", "wechat", "img.code")
	await(t, "the code to be drawn", func() bool {
		var width float64
		b.do(chromedp.Evaluate(`document.querySelector("img.code").naturalWidth`, &width))
		return width > 100
	})
	opened := chromedp.WaitNewTarget(b.ctx, func(i *target.Info) bool { return strings.Contains(i.URL, "/sandbox/wallet/") })
	b.do(chromedp.Click(`a[href*="/sandbox/wallet/"]`, chromedp.ByQuery))
	ctx, leave := chromedp.NewContext(b.ctx, chromedp.WithTargetID(<-opened))
	defer leave()
	phone := newTab(t, ctx)
	phone.do(
		chromedp.Click(`input[name="stay"]`, chromedp.ByQuery),
		chromedp.Click(`button[value="pay"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`.state.paid`, chromedp.ByQuery),
	)
	b.do(page.BringToFront(), chromedp.WaitVisible(`#order.order-paid`, chromedp.ByQuery))
	if got := b.text("#order"); !strings.Contains(got, "the-way-of-tea.epub") {
		t.Errorf("the receipt: got %q, want what was bought in it", got)
	}
	if got := b.count("img.code"); got != 0 {
		t.Errorf("the receipt still shows %d codes", got)
	}
	for _, button := range []string{"[data-copy]", "[data-print]"} {
		var shown bool
		b.do(chromedp.Evaluate(`document.querySelector("`+button+`").checkVisibility()`, &shown))
		if shown != scripts {
			t.Errorf("a button that needs a script, %s, is shown: got %v, scripts run: %v", button, shown, scripts)
		}
	}
}

// buyInWallet pays on the gateway's page and is brought back.
func (s *testShop) buyInWallet(t *testing.T, b tab, wallet string, scripts bool) {
	b.order(s, "tea-set", wallet, `button[value="pay"]`)
	if scripts {
		b.click(`button[value="pay"]`, `#order.order-paid`)
	} else {
		b.click(`button[value="pay"]`, `form[data-auto] button`)
		b.click(`form[data-auto] button`, `#order.order-paid`)
	}
	if got := b.text("#order"); !strings.Contains(got, "128.50") {
		t.Errorf("the receipt: got %q, want the price in it", got)
	}
	b.fits()
	b.longWords()
	b.fits()
	b.do(chromedp.Navigate(s.url + "/products/tea-set"))
	b.longWords()
	b.fits()
}

// longWords puts a word that no phone is wide enough for wherever the shop or the buyer may write one.
func (b tab) longWords() {
	b.t.Helper()
	const texts = `.product h1, .prose, .variant-name strong, .line-name, .mini-lines li > span:first-child, .facts dd, .delivery dt`
	b.do(chromedp.Evaluate("for (const e of document.querySelectorAll(`"+texts+"`)) e.textContent = 'W'.repeat(80)", nil))
}

func (b tab) count(selector string) int {
	b.t.Helper()
	var n int
	b.do(reading(chromedp.Evaluate(fmt.Sprintf("document.querySelectorAll(%q).length", selector), &n)))
	return n
}

// becomes returns once the page, which changes by itself or leads on, shows the thing.
func (b tab) becomes(selector string) {
	b.t.Helper()
	there := false
	defer func() {
		if !there {
			var address, text string
			_ = chromedp.Run(b.ctx, chromedp.Location(&address), chromedp.Text("body", &text)) // for the message alone
			b.t.Logf("%s:\n%s", address, text)
		}
	}()
	await(b.t, selector, func() bool { there = b.count(selector) > 0; return there })
}

// fill types into a field, instead of what is in it.
func (b tab) fill(name, value string) {
	b.t.Helper()
	field := fmt.Sprintf("main [name=%q]", name)
	b.do(chromedp.Clear(field, chromedp.ByQuery), chromedp.SendKeys(field, value, chromedp.ByQuery))
}

// fits fails the test when the page is wider than the window.
func (b tab) fits() {
	b.t.Helper()
	var wide bool
	var address string
	b.do(chromedp.Location(&address), chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide))
	if wide {
		b.t.Errorf("%s is wider than the window", address)
	}
}

// chromiumOrSkip returns the browser that the tests drive.
func chromiumOrSkip(t *testing.T) string {
	t.Helper()
	chromium := os.Getenv("SAOMA_TEST_CHROMIUM")
	if chromium == "" {
		if os.Getenv("SAOMA_TEST_REQUIRE") != "" {
			t.Fatal("SAOMA_TEST_CHROMIUM is not set")
		}
		t.Skip("needs a browser: set SAOMA_TEST_CHROMIUM, or run make test")
	}
	return chromium
}

// TestOneCodeInBrowsers scans the code of a desktop with a phone, for which a second browser stands in:
// the phone goes on to pay by itself, and the desktop follows.
func TestOneCodeInBrowsers(t *testing.T) {
	chromium := chromiumOrSkip(t)
	t.Parallel()
	s := startShop(t, sqliteDatabase(t), `routes: [
		{wallet: any, scene: desktop, method: one_code},
		{wallet: wechat, scene: wallet, gateway: scanforpay, method: jspay},
		{wallet: alipay, scene: wallet, gateway: scanforpay, method: jspay}]`)
	desk := openBrowser(t, chromium, desktopChrome, 1280, 900)
	desk.order(s, "e-book", "", "#order.order-scan img.code")
	var address string
	desk.do(chromedp.Location(&address))

	phone := openBrowser(t, chromium, iPhoneWeChat, 390, 844)
	phone.do(chromedp.Navigate(address))
	phone.becomes(`button[value="pay"]`)
	desk.becomes("#order.order-connected")
	phone.do(chromedp.Navigate(address)) // as one who scans again
	phone.becomes("#order.order-waiting a.wallet-wechat")
	phone.fits()
	phone.click("a.wallet-wechat", `button[value="pay"]`)
	phone.click(`button[value="pay"]`, "#order.order-paid")
	desk.becomes("#order.order-paid")
	if got := len(s.sandbox.payments()); got != 1 {
		t.Errorf("the gateways know %d payments, want 1", got)
	}
	s.audit()
}

// offline takes the page off the network, or puts it back.
func (b tab) offline(off bool) {
	b.t.Helper()
	requests := chromedp.ActionFunc(func(ctx context.Context) error {
		all := []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: -1}}
		_, err := network.EmulateNetworkConditionsByRule(off, all).Do(ctx)
		return err
	})
	b.do(network.Enable(), requests, network.OverrideNetworkState(off, 0, -1, -1))
}

// awaited lets an expression be what its promise comes to.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// asksWithPatience opens the order page where no events come and the first two questions get no answer:
// each is given up, and the page asks on, the more seldom the longer nothing changes. Time passes a
// hundredfold.
func (b tab) asksWithPatience(address string) {
	b.t.Helper()
	const slowNetwork = `
		window.EventSource = undefined;
		window.waits = [];
		const later = window.setTimeout;
		window.setTimeout = (act, ms) => {
			if (ms !== 8000) waits.push(ms);
			return later(act, ms / 100);
		};
		let asked = 0;
		window.fetch = (_, how) => {
			document.querySelector("[data-expires]")?.removeAttribute("data-expires"); // no end is near
			if (++asked <= 2) return new Promise((_, fail) => how.signal?.addEventListener("abort", fail));
			return Promise.resolve(new Response("", { headers: { ETag: document.getElementById("order").dataset.version } }));
		};`
	var waits []float64
	b.do(page.BringToFront(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(slowNetwork).Do(ctx)
		return err
	}), chromedp.Navigate(address))
	await(b.t, "the page to ask six times", func() bool {
		b.do(chromedp.Evaluate("waits", &waits))
		return len(waits) > 5
	})
	if want := []float64{3000, 6000, 12000, 18000, 20000, 20000}; !slices.Equal(waits[:6], want) {
		b.t.Errorf("the page waits before it asks: got %v ms, want %v", waits[:6], want)
	}
}

// TestOrderPageThroughEverything clicks twice, reloads, watches from two tabs, loses the network while
// the money comes, and goes away and back: one payment, and every page tells the truth in the end.
func TestOrderPageThroughEverything(t *testing.T) {
	chromium := chromiumOrSkip(t)
	t.Parallel()
	s := startShop(t, sqliteDatabase(t))
	b := openBrowser(t, chromium, desktopChrome, 1280, 900)
	b.choose(s, "e-book", "wechat")
	b.do(chromedp.DoubleClick(placeOrder, chromedp.ByQuery))
	b.becomes("#order.order-waiting img.code")
	var address string
	b.do(chromedp.Location(&address), chromedp.Reload())
	b.becomes("#order.order-waiting img.code")

	ctx, leave := chromedp.NewContext(b.ctx)
	defer leave()
	second := newTab(t, ctx)
	second.do(chromedp.Navigate(address), page.BringToFront())
	second.becomes("#order.order-waiting img.code")

	patient, leave := chromedp.NewContext(b.ctx)
	defer leave()
	newTab(t, patient).asksWithPatience(address)
	second.do(page.BringToFront())

	b.offline(true)
	s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	second.becomes("#order.order-paid")
	var reached bool
	b.do(page.BringToFront(), chromedp.Evaluate(`fetch(location).then(() => true, () => false)`, &reached, awaited))
	if reached || b.count("#order.order-waiting") != 1 {
		t.Errorf("offline: the shop was reached: %v; the page should show what it knows", reached)
	}
	b.offline(false)
	b.becomes("#order.order-paid")

	b.do(chromedp.Navigate(s.url), chromedp.NavigateBack())
	b.becomes("#order.order-paid")
	if got := len(s.sandbox.payments()); got != 1 {
		t.Errorf("the gateways know %d payments, want 1", got)
	}
	s.audit()
}

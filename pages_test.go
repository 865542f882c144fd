package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var updateFlag = flag.Bool("update", false, "take the pages as they look now for right")

// What comes from npm, as scripts/test.sh installs it.
const (
	pagesTools   = "scripts/pages/"
	axeScript    = pagesTools + "node_modules/axe-core/axe.min.js"
	htmlValidate = pagesTools + "node_modules/html-validate/bin/html-validate.mjs"
)

// TestPages looks at every page of the shop in every state, in a real browser: in each language, at the
// width of a phone, a tablet and a desktop, light and dark. No page breaks a rule of accessibility or of
// HTML, is wider than its window, or makes the browser complain; and each looks as it did when somebody
// looked at it last. With -update it looks right as it is now.
func TestPages(t *testing.T) {
	chromium := chromiumOrSkip(t)
	axe, err := os.ReadFile(axeScript)
	if err != nil {
		if os.Getenv("SAOMA_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("needs axe-core: run npm ci in scripts/pages, or make test")
	}
	t.Parallel()
	exhibits := openGallery(t)
	p := &pass{t: t, axe: string(axe), sources: t.TempDir()}
	queue := make(chan int, len(exhibits))
	for i := range exhibits {
		queue <- i
	}
	close(queue)
	var viewers sync.WaitGroup
	for range 3 {
		v := p.viewer(chromium)
		viewers.Go(func() {
			for i := range queue {
				t.Run(exhibits[i].name, func(t *testing.T) { v.see(t, exhibits[i], i) })
			}
		})
	}
	viewers.Wait()
	if p.seen == len(exhibits)*len(galleryLanguages) { // and not some of them, by -run
		wantEveryView(t, exhibits, p.sources)
	}
	if p.seen > 0 {
		wantValidHTML(t, p.sources)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	galleryLanguages = []string{"en", "zh-Hans", "ja", "zh-Hant"}
	galleryWidths    = []int{360, 768, 1280}
)

// pass is one look at all exhibits.
type pass struct {
	t       *testing.T
	axe     string
	sources string // where the HTML of what was seen is put

	mu   sync.Mutex
	seen int // pages, each in one language
}

// viewer is a browser in which one exhibit after the other is seen, each with the cookies of who sees it.
type viewer struct {
	*pass
	tab

	mu       sync.Mutex
	document network.RequestID // of the page that is shown
	status   int64
}

func (p *pass) viewer(chromium string) *viewer {
	ctx := launchBrowser(p.t, chromium, desktopChrome, 1280, 900, "FONTCONFIG_FILE="+absolute(p.t, pagesTools+"fonts.conf"))
	v := &viewer{pass: p}
	chromedp.ListenTarget(ctx, func(event any) {
		if e, is := event.(*network.EventResponseReceived); is && e.Type == network.ResourceTypeDocument {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.document, v.status = e.RequestID, e.Response.Status
		}
	})
	v.tab = newTab(p.t, ctx, "status of 403", "status of 404") // see checks the page's own status, and its parts
	v.do(network.Enable(), emulation.SetScrollbarsHidden(true))
	return v
}

// see looks at an exhibit in each language. The languages change places from one exhibit to the next, so
// that pictures show them all.
func (v *viewer) see(t *testing.T, e exhibit, place int) {
	browser := v.tab
	defer func() { v.tab = browser }()
	ctx, cancel := context.WithTimeout(browser.ctx, 2*time.Minute) // for all languages, on a machine that does much else
	defer cancel()
	v.tab = tab{t, ctx}
	var sheet sheet
	for i := range galleryLanguages {
		lang := galleryLanguages[(place+i)%len(galleryLanguages)]
		shown := fmt.Sprintf("%s in %s", e.name, lang)
		width := galleryWidths[i%len(galleryWidths)]
		v.show(e, lang, width)
		v.keepSource(e, shown, lang)
		v.settle(shown)
		var light, dark []byte
		v.shoot(&light, width)
		v.wantAccessible(shown, "{}")
		v.scheme("dark")
		v.shoot(&dark, width)
		v.wantAccessible(shown+", dark", `{runOnly: ["color-contrast", "link-in-text-block"]}`)
		v.scheme("light")
		if i < len(galleryWidths) {
			sheet.add(t, light, dark)
			continue
		}
		for _, width := range galleryWidths {
			v.resize(width)
			v.fits()
		}
	}
	sheet.compare(t, e.name)
}

// show leads the tab to an exhibit.
func (v *viewer) show(e exhibit, lang string, width int) {
	v.tab.t.Helper()
	agent := e.agent
	if agent == "" {
		agent = desktopChrome
	}
	v.do(network.ClearBrowserCookies(), emulation.SetUserAgentOverride(agent).WithAcceptLanguage(lang))
	if e.as != nil {
		for _, c := range e.as.client.Jar.Cookies(e.as.address) {
			v.do(network.SetCookie(c.Name, c.Value).WithURL(e.shop.url))
		}
	}
	v.scheme("light")
	v.resize(width)
	v.do(
		emulation.SetScriptExecutionDisabled(e.bare),
		chromedp.Navigate(e.shop.url+e.path),
		emulation.SetScriptExecutionDisabled(false),
	)
	if e.act != nil {
		e.act(v.tab)
	}
	v.do(input.DispatchMouseEvent(input.MouseMoved, 0, 0)) // or what is where somebody clicked last looks pointed at
}

func (v *viewer) resize(width int) {
	v.do(emulation.SetDeviceMetricsOverride(int64(width), 800, 1, width < 768))
}

func (v *viewer) scheme(name string) {
	v.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}

// keepSource keeps the HTML as the shop sent it, and wants it to have come with the exhibit's status.
func (v *viewer) keepSource(e exhibit, shown, lang string) {
	v.tab.t.Helper()
	v.mu.Lock()
	document, status := v.document, v.status
	v.mu.Unlock()
	if want := max(e.status, http.StatusOK); status != int64(want) {
		v.tab.t.Errorf("%s: got status %d, want %d", shown, status, want)
	}
	var source []byte
	v.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		source, err = network.GetResponseBody(document).Do(ctx)
		return err
	}))
	if !strings.Contains(string(source), fmt.Sprintf("<html lang=%q>", lang)) {
		v.tab.t.Errorf("%s: got another language:\n%.300s", shown, source)
	}
	if err := os.WriteFile(filepath.Join(v.sources, e.name+"."+lang+".html"), source, 0o600); err != nil {
		v.tab.t.Fatal(err)
	}
	v.pass.mu.Lock()
	v.pass.seen++
	v.pass.mu.Unlock()
}

//go:embed scripts/pages/settle.js
var settleScript string

// settle loads what the page would load later, and gives what is another in each run, such as times and
// numbers, a look that stays.
func (v *viewer) settle(shown string) {
	v.tab.t.Helper()
	var missing []string
	v.do(chromedp.Evaluate(settleScript, &missing, awaited))
	for _, address := range missing {
		v.tab.t.Errorf("%s: the page has no %s", shown, address)
	}
}

// standStill has nothing on the page blink, and nothing be drawn apart because it scrolls by itself: that
// may come later than the picture.
const standStill = `for (const e of document.querySelectorAll(".scroll, pre")) e.style.overflow = "clip";
	document.documentElement.style.caretColor = "transparent";
	document.documentElement.scrollHeight`

const moveAgain = `for (const e of document.querySelectorAll("html, .scroll, pre")) e.removeAttribute("style")`

// shoot takes a picture of the whole page, smaller.
func (v *viewer) shoot(picture *[]byte, width int) {
	v.tab.t.Helper()
	v.do(chromedp.ActionFunc(func(ctx context.Context) error {
		var height float64
		err := chromedp.Evaluate(standStill, &height).Do(ctx)
		if err != nil {
			return err
		}
		clip := &page.Viewport{Width: float64(width), Height: height, Scale: 1.0 / sheetScale}
		*picture, err = page.CaptureScreenshot().WithClip(clip).WithCaptureBeyondViewport(true).WithOptimizeForSpeed(true).Do(ctx)
		if err != nil {
			return err
		}
		return chromedp.Evaluate(moveAgain, nil).Do(ctx)
	}))
}

// violation is a rule of axe-core that a page breaks.
type violation struct {
	ID, Help string
	Nodes    []struct {
		Target         []any
		HTML           string
		FailureSummary string
	}
}

// wantAccessible wants axe-core to find nothing.
func (v *viewer) wantAccessible(shown, options string) {
	v.tab.t.Helper()
	var known bool
	v.do(chromedp.Evaluate(`"axe" in window`, &known))
	if !known {
		v.do(chromedp.Evaluate(v.axe+"\n;0", nil))
	}
	var found []violation
	v.do(chromedp.Evaluate(`axe.run(Object.assign({resultTypes: ["violations"]}, `+options+`)).then(r => r.violations)`, &found, awaited))
	for _, broken := range found {
		node := broken.Nodes[0]
		v.tab.t.Errorf("%s: %s (%s), %d times, as at %v:\n%s\n%s", shown, broken.Help, broken.ID, len(broken.Nodes), node.Target, node.HTML, node.FailureSummary)
	}
}

// wantValidHTML wants the grammar of HTML kept in every page of the directory.
func wantValidHTML(t *testing.T, sources string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal(err)
	}
	// Status 1 says that there are findings.
	out, err := exec.Command(node, htmlValidate, "--config", pagesTools+"htmlvalidate.json", "--formatter", "json", sources).Output()
	if failed, is := errors.AsType[*exec.ExitError](err); err != nil && (!is || failed.ExitCode() != 1) {
		t.Fatalf("html-validate: %v", err)
	}
	var pages []struct {
		FilePath string
		Messages []struct {
			RuleID, Message string
			Line, Column    int
		}
	}
	if err := json.Unmarshal(out, &pages); err != nil {
		t.Fatalf("html-validate: %v in %s", err, out)
	}
	for _, page := range pages {
		for _, m := range page.Messages {
			t.Errorf("%s, line %d, column %d: %s (%s)", filepath.Base(page.FilePath), m.Line, m.Column, m.Message, m.RuleID)
		}
	}
}

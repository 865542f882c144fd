package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// TestDeskBrowser goes from a shop's first start to its first refund in a real browser, at a desk and
// on a phone, with scripts and without.
func TestDeskBrowser(t *testing.T) {
	chromium := chromiumOrSkip(t)
	for _, tt := range []struct {
		name, agent   string
		width, height int
		scripts       bool
	}{
		{"desktop", desktopChrome, 1280, 900, true},
		{"phone", iPhoneSafari, 390, 844, true},
		{"desktop without scripts", desktopChrome, 1280, 900, false},
		{"phone without scripts", iPhoneSafari, 390, 844, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s *testShop
			link := setupLink.FindString(captureStdout(t, func() {
				s = startShop(t, sqliteDatabase(t))
				s.stop()
			}))
			t.Parallel() // what is printed is the whole process's; the rest is this test's own
			if err := s.start(); err != nil {
				t.Fatal(err)
			}
			b := openBrowser(t, chromium, tt.agent, tt.width, tt.height)
			if !tt.scripts {
				b.do(emulation.SetScriptExecutionDisabled(true))
			}
			b.setUpDesk(link)
			buyer := s.visitor(iPhoneWeChat)
			buyer.order("EBOOK", "wechat")
			buyer.payAndStay("never") // nobody tells the shop
			s.refundAtDesk(b)
			s.audit()
		})
	}
}

// setUpDesk makes the first owner and logs in as them.
func (b tab) setUpDesk(link string) {
	b.t.Helper()
	b.do(chromedp.Navigate(link))
	b.fill("email", "ada@example.com")
	b.fill("new_password", "purple elephants")
	b.fill("password_again", "purple elephants sleep")
	b.click("main form button", ".problem") // they differ
	b.fill("new_password", "purple elephants sleep")
	b.fill("password_again", "purple elephants sleep")
	b.click("main form button", `form[action="/admin/login"]`)
	b.fill("email", "ada@example.com")
	b.fill("password", "purple elephants sleep")
	b.click(`form[action="/admin/login"] button`, ".desk-nav")
	b.fits()
}

// refundAtDesk finds the one order that there is, has the gateway asked about it, and gives a part of
// its money back.
func (s *testShop) refundAtDesk(b tab) {
	b.t.Helper()
	b.click(`.desk-nav a[href="/admin/orders"]`, ".orders")
	b.fits()
	b.click(".orders .o-number a", ".order-head")
	b.fits()
	b.click(`form[action$="/ask"] button`, ".proof")
	b.click("details[id^=refund] summary", "details[id^=refund] form")
	b.fill("amount", "1000")
	b.click("details[id^=refund] button.primary", "details[id^=refund] .problem") // more than was paid
	b.fill("amount", "1.50")
	b.fill("refund_reason", "a page is missing")
	b.click("details[id^=refund] button.primary", `.notice[role="status"]`)
	await(b.t, "the gateway to give the money back", func() bool {
		b.do(chromedp.Reload())
		return strings.Contains(b.text("main"), "refunded") && b.count(".state-succeeded") > 1
	})
	b.fits()
	var refunded int64
	if err := s.db.QueryRow("SELECT SUM(amount) FROM refunds WHERE status = 'succeeded'").Scan(&refunded); err != nil || refunded != 150 {
		b.t.Errorf("refunds that succeeded: got %d, err %v; want 150", refunded, err)
	}
}

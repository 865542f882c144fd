package pay_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"saoma/handlers/pay"
	"saoma/models"
)

// smallPage is the most bytes that an order page may cost a phone: its HTML, which is not compressed, its style
// sheets and scripts, which are. The picture of the code comes on top.
const smallPage = 30_000

var (
	loaded = regexp.MustCompile(`<(?:link rel="stylesheet" href|script src)="([^"]+)"`)
	source = regexp.MustCompile(` (?:src|srcset|href|action|poster|content)="([^"]*)"`)
)

func TestOrderPageIsSmallAndAsksNobodyElse(t *testing.T) {
	s := newShop(t)
	states := []struct {
		name, userAgent string
		given           func(o *models.Order)
	}{
		{"waiting", desktop, func(o *models.Order) {
			pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "weixin://wxpay/abc")
		}},
		{"in another wallet", weChat, func(o *models.Order) {
			pay.Attempt(t, s.Store, o, models.Alipay, models.ActionRedirect, "https://till.example/pay")
		}},
		{"paid", phone, func(o *models.Order) {
			pay.Settle(t, s.Store, o, pay.Attempt(t, s.Store, o, models.WeChat, models.ActionCode, "x"), true)
		}},
	}
	for _, state := range states {
		o := s.order(t)
		state.given(o)
		_, body := s.get(t, "/o/"+o.Token, state.userAgent)
		size := len(body)
		files := loaded.FindAllStringSubmatch(body, -1)
		if len(files) < 3 {
			t.Fatalf("%s: got %d style sheets and scripts, want all of the page's:\n%s", state.name, len(files), body)
		}
		for _, file := range files {
			size += s.transferred(t, file[1])
		}
		if size > smallPage {
			t.Errorf("%s: got %d bytes, want at most %d", state.name, size, smallPage)
		}
		t.Logf("%s: %d bytes", state.name, size)
		for _, address := range source.FindAllStringSubmatch(body, -1) {
			if strings.Contains(address[1], "//") && !strings.HasPrefix(address[1], publicURL) {
				t.Errorf("%s: the page names %q", state.name, address[1])
			}
		}
	}
}

// transferred returns how many bytes of a file a browser gets.
func (s *shop) transferred(t *testing.T, address string) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	answer, body := s.do(t, r)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("%s: got %d, %q, want it compressed", address, answer.StatusCode, answer.Header.Get("Content-Encoding"))
	}
	if kept := answer.Header.Get("Cache-Control"); !strings.Contains(kept, "immutable") {
		t.Errorf("%s: got Cache-Control %q, want it kept for ever", address, kept)
	}
	return len(body)
}

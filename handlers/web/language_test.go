package web

import (
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models/modelstest"
	"saoma/views"
)

const (
	agentWeChat  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN"
	agentAlipay  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Ariver/1.1.0 AliApp(AP/10.5.90.6000) Nebula WK RVKType(1) AlipayDefined(nt:WIFI,ws:390|780|3.0) AlipayClient/10.5.90.6000 Language/zh-Hans Region/CN"
	agentEnglish = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile MicroMessenger/8.0.49 Language/en"
)

func TestLanguage(t *testing.T) {
	store := modelstest.New(t)
	both, chineseFirst := []string{"en", "zh-Hans", "zh-Hant", "ja"}, []string{"zh-Hans", "en"}
	tests := []struct {
		name               string
		configured         []string
		cookie, accept, ua string
		want               string
	}{
		{"nothing said", both, "", "", "", "en"},
		{"nothing said, Chinese shop", chineseFirst, "", "", "", "zh-Hans"},
		{"browser", both, "", "zh-CN,zh;q=0.9,en;q=0.8", "", "zh-Hans"},
		{"browser, Taiwan", both, "", "zh-TW", "", "zh-Hans"},
		{"browser, English", chineseFirst, "", "en-GB,en;q=0.9", "", "en"},
		{"browser, language without a catalogue", both, "", "ja,zh-CN;q=0.5", "", "zh-Hans"},
		{"browser, no language of ours", chineseFirst, "", "fr-FR", "", "zh-Hans"},
		{"browser, nonsense", both, "", ";;;q=x", "", "en"},
		{"WeChat", both, "", "", agentWeChat, "zh-Hans"},
		{"Alipay", both, "", "", agentAlipay, "zh-Hans"},
		{"WeChat in English", chineseFirst, "", "", agentEnglish, "en"},
		{"browser before wallet", both, "", "en-US", agentWeChat, "en"},
		{"wallet before no language of ours", both, "", "fr", agentWeChat, "zh-Hans"},
		{"choice before browser", both, "en", "zh-CN", agentWeChat, "en"},
		{"choice that is none", both, "xx", "zh-CN", "", "zh-Hans"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.Languages = tt.configured
			b := newBase(t, cfg, store)
			app := newApp(b, func(c *fiber.Ctx) error { return c.SendString(b.Language(c).Code) })
			_, got := do(t, app, visit{
				target: "/", cookies: []*http.Cookie{{Name: "lang", Value: tt.cookie}},
				header: map[string]string{"Accept-Language": tt.accept, "User-Agent": tt.ua},
			})
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestChooseLanguage(t *testing.T) {
	b := newBase(t, testConfig(), modelstest.New(t))
	app := newApp(b, func(c *fiber.Ctx) error { return c.SendString(b.Language(c).Code) })
	tests := []struct{ target, location, cookie string }{
		{"/cart?lang=zh-Hans", "/cart", "zh-Hans"},
		{"/o/abc?notice=down&lang=en", "/o/abc?notice=down", "en"},
		{"/?lang=xx", "/", ""},
		{"//evil.example/?lang=en", "/evil.example/", "en"},
		{`/\evil.example/?lang=en`, "/evil.example/", "en"},
		{"/%0d%0aX-Evil:1?lang=en", "/%0d%0aX-Evil:1", "en"},
	}
	for _, tt := range tests {
		resp, _ := do(t, app, visit{target: tt.target})
		var cookie string
		for _, c := range resp.Cookies() {
			if c.Name == "lang" {
				cookie = c.Value
			}
		}
		if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || got != tt.location || cookie != tt.cookie {
			t.Errorf("%s: got %d to %q with cookie %q, want 303 to %q with %q",
				tt.target, resp.StatusCode, got, cookie, tt.location, tt.cookie)
		}
	}
}

func TestText(t *testing.T) {
	files := fstest.MapFS{
		"locales/en.yaml":      {Data: []byte("a.plain: Plain\na.named: 'Dear {{.name}}'\na.left:\n  one: '{{.count}} piece'\n  other: '{{.count}} pieces'\nlanguage.name: English\n")},
		"locales/zh-Hans.yaml": {Data: []byte("a.plain: 普通\na.left:\n  other: '{{.count}} 件'\nlanguage.name: 中文\n")},
	}
	ls, err := loadLanguages(files, []string{"en", "zh-Hans"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		language int
		key      string
		args     []any
		want     string
	}{
		{0, "a.plain", nil, "Plain"},
		{1, "a.plain", nil, "普通"},
		{0, "a.named", []any{"name", "<Ada>"}, "Dear <Ada>"},
		{0, "a.named", []any{"name", "{{.name}}"}, "Dear {{.name}}"},
		{0, "a.left", []any{"count", 1}, "1 piece"},
		{0, "a.left", []any{"count", int64(2)}, "2 pieces"},
		{1, "a.left", []any{"count", 1}, "1 件"},
		{1, "a.named", []any{"name", "Ada"}, "Dear Ada"}, // falls back to English
		{0, "a.missing", nil, "a.missing"},
	}
	for _, tt := range tests {
		if got := ls.all[tt.language].Text(tt.key, tt.args...); got != tt.want {
			t.Errorf("%s: Text(%q, %v): got %q, want %q", ls.all[tt.language].Code, tt.key, tt.args, got, tt.want)
		}
	}
}

func TestLoadLanguagesRefusesABrokenCatalogue(t *testing.T) {
	files := fstest.MapFS{"locales/en.yaml": {Data: []byte("a: [")}}
	if _, err := loadLanguages(files, []string{"en"}); err == nil {
		t.Error("got no error, want one")
	}
}

func TestPageWritesForItsReader(t *testing.T) {
	hongKong, err := time.LoadLocation("Asia/Hong_Kong")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.TimeZone = hongKong
	ls, err := loadLanguages(views.Files, cfg.Languages)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 31, 18, 30, 0, 0, time.UTC)
	for i, want := range []struct{ price, time string }{
		{"CN¥1,128.50", "1 Feb 2026, 02:30 HKT"},
		{"¥1,128.50", "2026年2月1日 02:30 HKT"},
	} {
		p := Page{Lang: ls.all[i].Code, base: &Base{Config: cfg}, language: ls.all[i]}
		if got := p.Price(112850); got != want.price {
			t.Errorf("%s: Price(112850): got %q, want %q", p.Lang, got, want.price)
		}
		if got := p.Time(at); got != want.time {
			t.Errorf("%s: Time(%v): got %q, want %q", p.Lang, at, got, want.time)
		}
	}
}

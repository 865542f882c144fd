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
	agentWeChat     = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN"
	agentAlipay     = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Ariver/1.1.0 AliApp(AP/10.5.90.6000) Nebula WK RVKType(1) AlipayDefined(nt:WIFI,ws:390|780|3.0) AlipayClient/10.5.90.6000 Language/zh-Hans Region/CN"
	agentAlipayHant = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Ariver/1.0.15 AliApp(AP/10.6.50.6000) Nebula WK RVKType(0) AlipayDefined(nt:4G,ws:393|788|3.0) AlipayClient/10.6.50.6000 Language/zh-Hant Region/CN NebulaX/1.0.0"
	agentAlipayHK   = "Mozilla/5.0 (Linux; U; Android 13; zh-HK; SM-S9180) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UWS/3.22.2.43 Mobile Safari/537.36 UCBS/3.22.2.43_220223164440 NebulaSDK/1.8.100112 Nebula AlipayDefined(nt:WIFI,ws:360|0|3.0) AliApp(HK/6.2.0.155) AlipayClientHK/6.2.0.155 Language/zh-HK useStatusBar/true"
	agentHongKong   = "Mozilla/5.0 (Linux; Android 13; M2101K6G Build/TKQ1.220829.002; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160065 MMWEBSDK/20231202 MMWEBID/2247 MicroMessenger/8.0.47.2560(0x28002F35) WeChat/arm64 Weixin NetType/WIFI Language/zh_HK ABI/arm64"
	agentTaiwan     = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.44(0x18002c2d) NetType/4G Language/zh_TW"
	agentJapanese   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.44(0x18002c2d) NetType/WIFI Language/ja"
	agentDesktop    = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c11) XWEB/11275 Language/zh_CN Flue"
	agentEnglish    = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile MicroMessenger/8.0.49 Language/en"
)

func TestLanguage(t *testing.T) {
	store := modelstest.New(t)
	all, chineseFirst := []string{"en", "zh-Hans", "zh-Hant", "ja"}, []string{"zh-Hans", "en"}
	tests := []struct {
		name               string
		configured         []string
		cookie, accept, ua string
		want               string
	}{
		{"nothing said", all, "", "", "", "en"},
		{"nothing said, Chinese shop", chineseFirst, "", "", "", "zh-Hans"},
		{"browser", all, "", "zh-CN,zh;q=0.9,en;q=0.8", "", "zh-Hans"},
		{"browser, Singapore", all, "", "zh-SG,zh;q=0.9", "", "zh-Hans"},
		{"browser, Chinese of no place", all, "", "zh", "", "zh-Hans"},
		{"browser, Hong Kong", all, "", "zh-HK,zh;q=0.9,en-HK;q=0.8,en;q=0.7", "", "zh-Hant"},
		{"browser, Taiwan", all, "", "zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "", "zh-Hant"},
		{"browser, Macau", all, "", "zh-MO", "", "zh-Hant"},
		{"browser, Safari in Hong Kong", all, "", "zh-HK,zh-Hant;q=0.9", "", "zh-Hant"},
		{"browser, simplified in Hong Kong", all, "", "zh-Hans-HK,en-HK;q=0.9", "", "zh-Hans"},
		{"browser, anything", all, "", "*", agentJapanese, "ja"},
		{"browser, Japan", all, "", "ja-JP,ja;q=0.9,en-US;q=0.8,en;q=0.7", "", "ja"},
		{"browser, Hong Kong in English", all, "", "en-HK,en;q=0.9,zh-HK;q=0.8", "", "en"},
		{"browser, traditional where there is only simplified", chineseFirst, "", "zh-TW,zh;q=0.9,en;q=0.8", "", "zh-Hans"},
		{"browser, English", chineseFirst, "", "en-GB,en;q=0.9", "", "en"},
		{"browser, language that the shop does not speak", chineseFirst, "", "ja,zh-CN;q=0.5", "", "zh-Hans"},
		{"browser, no language of ours", chineseFirst, "", "fr-FR", "", "zh-Hans"},
		{"browser, Cantonese", all, "", "yue,en;q=0.5", "", "zh-Hant"},
		{"browser, Cantonese in Hong Kong", all, "", "yue-HK,en;q=0.5", "", "zh-Hant"},
		{"browser, Cantonese in full", all, "", "yue-Hant-HK,en;q=0.5", "", "zh-Hant"},
		{"browser, Cantonese of the mainland", all, "", "yue-CN", "", "zh-Hans"},
		{"browser, Cantonese in simplified characters", all, "", "yue-Hans-HK", "", "zh-Hans"},
		{"browser, Hokkien", all, "", "nan-TW", "", "zh-Hant"},
		{"browser, Cantonese where there is only simplified", chineseFirst, "", "yue-HK,en;q=0.9", "", "zh-Hans"},
		{"browser, a wish before a guess", all, "", "ta,zh-CN;q=0.5", "", "zh-Hans"},
		{"browser, a guess before the shop's own", chineseFirst, "", "ta", "", "en"},
		{"wallet before a guess", all, "", "ta", agentWeChat, "zh-Hans"},
		{"browser, nonsense", all, "", ";;;q=x", "", "en"},
		{"WeChat", all, "", "", agentWeChat, "zh-Hans"},
		{"Alipay", all, "", "", agentAlipay, "zh-Hans"},
		{"WeChat in English", chineseFirst, "", "", agentEnglish, "en"},
		{"WeChat in Hong Kong", all, "", "", agentHongKong, "zh-Hant"},
		{"WeChat in Taiwan", all, "", "", agentTaiwan, "zh-Hant"},
		{"WeChat in Japanese", all, "", "", agentJapanese, "ja"},
		{"WeChat on a desktop", all, "", "", agentDesktop, "zh-Hans"},
		{"Alipay in traditional Chinese", all, "", "", agentAlipayHant, "zh-Hant"},
		{"AlipayHK", all, "", "", agentAlipayHK, "zh-Hant"},
		{"browser before wallet", all, "", "en-US", agentWeChat, "en"},
		{"wallet before no language of ours", all, "", "fr", agentWeChat, "zh-Hans"},
		{"choice before browser", all, "en", "zh-CN", agentWeChat, "en"},
		{"choice of traditional Chinese", all, "zh-Hant", "zh-CN", agentWeChat, "zh-Hant"},
		{"choice that is none", all, "xx", "zh-CN", "", "zh-Hans"},
	}
	apps := map[string]*fiber.App{} // by the shop's own language
	for _, configured := range [][]string{all, chineseFirst} {
		cfg := testConfig()
		cfg.Languages = configured
		b := newBase(t, cfg, store)
		apps[configured[0]] = newApp(b, func(c *fiber.Ctx) error { return c.SendString(b.Language(c).Code) })
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := do(t, apps[tt.configured[0]], visit{
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
		{0, "a.left", []any{"count", int64(1200)}, "1,200 pieces"},
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
	for i, want := range []struct{ price, time, short, number string }{
		{"CN¥1,128.50", "1 Feb 2026, 02:30 HKT", "1 Feb, 02:30", "12,850"},
		{"¥1,128.50", "2026年2月1日 02:30 HKT", "2月1日 02:30", "12,850"},
		{"CN¥1,128.50", "2026年2月1日 02:30 HKT", "2月1日 02:30", "12,850"},
		{"元\u00a01,128.50", "2026年2月1日 02:30 HKT", "2月1日 02:30", "12,850"},
	} {
		p := Page{Lang: ls.all[i].Code, base: &Base{Config: cfg}, language: ls.all[i]}
		if got := p.Price(112850); got != want.price {
			t.Errorf("%s: Price(112850): got %q, want %q", p.Lang, got, want.price)
		}
		if got := p.Time(at); got != want.time {
			t.Errorf("%s: Time(%v): got %q, want %q", p.Lang, at, got, want.time)
		}
		if got := p.ShortTime(at); got != want.short {
			t.Errorf("%s: ShortTime(%v): got %q, want %q", p.Lang, at, got, want.short)
		}
		if got := p.Number(12850); got != want.number {
			t.Errorf("%s: Number(12850): got %q, want %q", p.Lang, got, want.number)
		}
	}
}

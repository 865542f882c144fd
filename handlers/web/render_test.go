package web

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"

	"saoma/models/modelstest"
	"saoma/static"
)

func TestBrokenTemplatesStopTheStart(t *testing.T) {
	assets, err := static.Load()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]fstest.MapFS{
		"not closed":                {"page.html": {Data: []byte(`{{if .Title}}`)}},
		"unknown function":          {"page.html": {Data: []byte(`{{shout .Title}}`)}},
		"unknown partial":           {"page.html": {Data: []byte(`{{template "partials/nothing" .}}`)}},
		"cannot be escaped":         {"page.html": {Data: []byte(`<a href="{{if .Title}}x" {{else}}y{{end}}>`)}},
		"broken in a partial alone": {"page.html": {Data: []byte(`fine`)}, "partials/p.html": {Data: []byte(`<a href='{{if .X}}"{{end}}`)}},
	}
	for name, files := range tests {
		if _, err := loadTemplates(files, assets); err == nil {
			t.Errorf("template %s: got no error, want one", name)
		}
	}
}

func TestRenderSendsNothingOfAPageThatFails(t *testing.T) {
	b := newBase(t, testConfig(), modelstest.New(t))
	var err error
	b.templates, err = loadTemplates(fstest.MapFS{"page.html": {Data: []byte(`<p>begun</p>{{.NoSuchField}}`)}}, b.assets)
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(b, func(c *fiber.Ctx) error { return b.Render(c, "page", b.Page(c, "cart.title")) })
	if resp, body := do(t, app, visit{target: "/"}); resp.StatusCode != http.StatusTeapot || strings.Contains(body, "begun") {
		t.Errorf("got %d %q, want an error without the page's beginning", resp.StatusCode, body)
	}
	if err := b.Write(io.Discard, "nothing", nil); err == nil {
		t.Error("unknown template: got no error, want one")
	}
}

// TestPagesNeverMix asks for different pages in different languages at once, each with a mark of
// its own: an answer holds its own mark, its own language and its own token, and no other.
func TestPagesNeverMix(t *testing.T) {
	b := newBase(t, testConfig(), modelstest.New(t))
	var err error
	b.templates, err = loadTemplates(fstest.MapFS{
		"a.html":    {Data: []byte(`{{template "head" .}}A{{range .Marks}}|{{.}}{{end}}`)},
		"b.html":    {Data: []byte(`{{template "head" .}}B{{range .Marks}}|{{.}}{{end}}`)},
		"head.html": {Data: []byte(`{{.Lang}} {{.T "nav.cart"}} {{.CSRF}} `)},
	}, b.assets)
	if err != nil {
		t.Fatal(err)
	}
	type marked struct {
		Page
		Marks []string
	}
	app := newApp(b, func(c *fiber.Ctx) error {
		page := marked{Page: b.Page(c, "cart.title")}
		for range 200 {
			page.Marks = append(page.Marks, c.Query("mark"))
		}
		return b.Render(c, strings.TrimPrefix(c.Path(), "/"), page)
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name, lang, word := "a", "en", "Cart"
			if i%2 == 1 {
				name, lang, word = "b", "zh-Hans", "购物车"
			}
			for n := range 25 {
				mark := fmt.Sprintf("m%d-%d", i, n)
				resp, body := do(t, app, visit{
					target: "/" + name + "?mark=" + mark, header: map[string]string{"Accept-Language": lang},
				})
				token := b.csrf.token(idOf(t, b, resp))
				want := fmt.Sprintf("%s %s %s %s%s", lang, word, token, strings.ToUpper(name), strings.Repeat("|"+mark, 200))
				if body != want {
					t.Errorf("page %s with mark %s: got\n%.300s\nwant\n%.300s", name, mark, body, want)
				}
			}
		})
	}
	wg.Wait()
}

// idOf returns the id that the answer's session cookie holds.
func idOf(t *testing.T, b *Base, resp *http.Response) string {
	t.Helper()
	cookie := cookieOf(resp)
	if cookie == nil {
		t.Error("got no session cookie")
		return ""
	}
	var id string
	if err := b.sessions.codecs[0].Decode(cookie.Name, cookie.Value, &id); err != nil {
		t.Error(err)
	}
	return id
}

func TestAsset(t *testing.T) {
	b := newBase(t, testConfig(), modelstest.New(t))
	app := fiber.New()
	app.Get("/static/*", b.Asset)
	address := b.assets.Address("app.css")
	hash := b.assets.Find(address).Hash
	tests := []struct {
		name, target string
		header       map[string]string
		status       int
		encoding     string
	}{
		{"plain", address, nil, 200, ""},
		{"a browser", address, map[string]string{"Accept-Encoding": "gzip, deflate, br, zstd"}, 200, "br"},
		{"over plain http", address, map[string]string{"Accept-Encoding": "gzip, deflate"}, 200, "gzip"},
		{"no gzip, please", address, map[string]string{"Accept-Encoding": "gzip;q=0, identity"}, 200, ""},
		{"rather gzip", address, map[string]string{"Accept-Encoding": "br;q=0.5, gzip ; q=0.8"}, 200, "gzip"},
		{"anything but Brotli", address, map[string]string{"Accept-Encoding": "br;q=0, *"}, 200, "gzip"},
		{"anything", address, map[string]string{"Accept-Encoding": "*"}, 200, "br"},
		{"nothing", address, map[string]string{"Accept-Encoding": "*;q=0"}, 200, ""},
		{"in capitals", address, map[string]string{"Accept-Encoding": "BR"}, 200, "br"},
		{"nonsense", address, map[string]string{"Accept-Encoding": "br;q=much, broccoli, ;=,"}, 200, ""},
		{"a picture", b.assets.Address("images/share.png"), map[string]string{"Accept-Encoding": "br, gzip"}, 200, ""},
		{"known", address, map[string]string{"If-None-Match": `"x", W/"` + hash + `"`}, 304, ""},
		{"known in another form", address, map[string]string{"If-None-Match": `"` + hash + `"`, "Accept-Encoding": "br"}, 200, "br"},
		{"known in this form", address, map[string]string{"If-None-Match": `"` + hash + `br"`, "Accept-Encoding": "br"}, 304, ""},
		{"unknown", "/static/app.css", nil, 404, ""},
		{"the package's own source", "/static/static.go", nil, 404, ""},
		{"outside", "/static/../views/error.html", nil, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body := do(t, app, visit{target: tt.target, header: tt.header})
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Encoding") != tt.encoding {
				t.Errorf("got %d, encoding %q, want %d, %q", resp.StatusCode, resp.Header.Get("Content-Encoding"), tt.status, tt.encoding)
			}
			if tt.status == 200 && (resp.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || body == "") {
				t.Errorf("got cache control %q and %d bytes, want it kept for ever", resp.Header.Get("Cache-Control"), len(body))
			}
			if etag := resp.Header.Get("ETag"); tt.status != 404 && (!strings.HasSuffix(etag, tt.encoding+`"`) || resp.Header.Get("Vary") != "Accept-Encoding") {
				t.Errorf("got ETag %q, Vary %q, want those of the form that was sent", etag, resp.Header.Get("Vary"))
			}
		})
	}
}

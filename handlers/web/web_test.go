package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
	"saoma/models/modelstest"
)

// testConfig is the configuration that tests begin with.
func testConfig() Config {
	return Config{
		PublicURL: "http://localhost:8080", Currency: "CNY",
		Languages: []string{"en", "zh-Hans", "zh-Hant", "ja"}, TimeZone: time.UTC,
		SecretKey: []byte("a secret key of thirty-two bytes"),
	}
}

func newBase(t *testing.T, cfg Config, store *models.Store) *Base {
	t.Helper()
	b, err := New(cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newApp serves the handler at every address behind what all pages stand behind.
func newApp(b *Base, h fiber.Handler) *fiber.App {
	app := fiber.New(fiber.Config{Immutable: true, ErrorHandler: func(c *fiber.Ctx, err error) error {
		return c.Status(http.StatusTeapot).SendString(err.Error())
	}})
	app.Use(b.SecurityHeaders, Deadline, b.ChooseLanguage, b.Sessions, b.SameSite)
	app.All("/*", h)
	return app
}

// visit is one request of a test.
type visit struct {
	method, target string
	header         map[string]string
	form           url.Values
	cookies        []*http.Cookie
}

// do makes the visit and returns the answer with its body.
func do(t *testing.T, app *fiber.App, v visit) (*http.Response, string) {
	t.Helper()
	method := v.method
	if method == "" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, v.target, strings.NewReader(v.form.Encode()))
	if v.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.header {
		r.Header.Set(name, value)
	}
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	resp, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no address", func(c *Config) { c.PublicURL = "" }, "public_url"},
		{"short key", func(c *Config) { c.SecretKey = []byte("short") }, "secret_key"},
		{"proxy that is no range", func(c *Config) { c.TrustedProxies = []string{"proxy"} }, `"proxy"`},
		{"unreadable language", func(c *Config) { c.Languages = []string{"not a language"} }, "not a language"},
		{"no language with a catalogue", func(c *Config) { c.Languages = []string{"fr"} }, "no catalogue"},
	}
	store := modelstest.New(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			tt.change(&cfg)
			_, err := New(cfg, store)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: got error %v, want one about %s", err, tt.want)
			}
		})
	}
}

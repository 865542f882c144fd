package web

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/gofiber/fiber/v2"

	"saoma/models/modelstest"
)

func TestSameSite(t *testing.T) {
	store := modelstest.New(t)
	b := newBase(t, testConfig(), store)
	done := 0
	app := newApp(b, func(c *fiber.Ctx) error {
		if c.Method() == fiber.MethodPost {
			done++
		}
		return c.SendString(b.Session(c).CSRF())
	})
	resp, token := do(t, app, visit{target: "/form"})
	mine := []*http.Cookie{cookieOf(resp)}
	_, foreign := do(t, app, visit{target: "/form"})
	tests := []struct {
		name    string
		cookies []*http.Cookie
		token   string
		header  map[string]string
		want    bool
	}{
		{"our form", mine, token, nil, true},
		{"our form, said by the browser", mine, token, map[string]string{"Sec-Fetch-Site": "same-origin"}, true},
		{"our form, old browser", mine, token, map[string]string{"Origin": "http://example.com"}, true}, // app.Test's own host
		{"public address behind a proxy", mine, token, map[string]string{"Origin": "http://localhost:8080"}, true},
		{"no token", mine, "", nil, false},
		{"somebody else's token", mine, foreign, nil, false},
		{"token cut short", mine, token[:len(token)-1], nil, false},
		{"no cookie", nil, token, nil, false},
		{"other site", mine, token, map[string]string{"Sec-Fetch-Site": "cross-site"}, false},
		{"sibling site", mine, token, map[string]string{"Sec-Fetch-Site": "same-site"}, false},
		{"other origin", mine, token, map[string]string{"Origin": "https://evil.example"}, false},
		{"hidden origin", mine, token, map[string]string{"Origin": "null"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := done
			resp, _ := do(t, app, visit{
				method: http.MethodPost, target: "/form", cookies: tt.cookies, header: tt.header,
				form: url.Values{"_csrf": {tt.token}},
			})
			if got := resp.StatusCode == http.StatusOK; got != tt.want || (done > before) != tt.want {
				t.Errorf("got status %d, handled %t, want handled %t", resp.StatusCode, done > before, tt.want)
			}
		})
	}
	t.Run("token in the address", func(t *testing.T) {
		resp, _ := do(t, app, visit{method: http.MethodPost, target: "/form?_csrf=" + token, cookies: mine})
		if resp.StatusCode == http.StatusOK {
			t.Error("got accepted, want refused")
		}
	})
	t.Run("previous key", func(t *testing.T) {
		cfg := testConfig()
		cfg.SecretKey, cfg.SecretKeyPrevious = []byte("the next key of thirty-two bytes"), cfg.SecretKey
		next := newApp(newBase(t, cfg, store), func(*fiber.Ctx) error { return nil })
		resp, _ := do(t, next, visit{
			method: http.MethodPost, target: "/form", cookies: mine, form: url.Values{"_csrf": {token}},
		})
		if resp.StatusCode != http.StatusOK {
			t.Errorf("form shown under the previous key: got %d, want 200", resp.StatusCode)
		}
	})
}

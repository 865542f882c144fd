package web

import (
	"testing"

	"github.com/gofiber/fiber/v2"

	"saoma/models/modelstest"
)

func TestClientIP(t *testing.T) {
	store := modelstest.New(t)
	const peer = "0.0.0.0" // what app.Test connects from
	tests := []struct {
		name      string
		proxies   []string
		forwarded string
		want      string
	}{
		{"nobody is trusted", nil, "203.0.113.7", peer},
		{"no header", []string{"0.0.0.0/32"}, "", peer},
		{"proxy", []string{"0.0.0.0/32"}, "203.0.113.7", "203.0.113.7"},
		{"forged by the visitor", []string{"0.0.0.0/32"}, "198.51.100.1, 203.0.113.7", "203.0.113.7"},
		{"two proxies", []string{"0.0.0.0/32", "10.0.0.0/8"}, "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"},
		{"IPv6", []string{"0.0.0.0/32"}, "2001:db8::1", "2001:db8::1"},
		{"IPv4 written as IPv6", []string{"0.0.0.0/32"}, "::ffff:203.0.113.7", "203.0.113.7"},
		{"not an address", []string{"0.0.0.0/32"}, "unknown", peer},
		{"another proxy is trusted", []string{"10.0.0.0/8"}, "203.0.113.7", peer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.TrustedProxies = tt.proxies
			b := newBase(t, cfg, store)
			app := newApp(b, func(c *fiber.Ctx) error { return c.SendString(b.ClientIP(c)) })
			_, got := do(t, app, visit{target: "/", header: map[string]string{"X-Forwarded-For": tt.forwarded}})
			if got != tt.want {
				t.Errorf("ClientIP behind %v with %q: got %s, want %s", tt.proxies, tt.forwarded, got, tt.want)
			}
		})
	}
}

func TestSecurityHeaders(t *testing.T) {
	cfg := testConfig()
	cfg.PublicURL, cfg.GatewayHosts = "https://shop.example", []string{"pay.example.com"}
	b := newBase(t, cfg, modelstest.New(t))
	app := newApp(b, func(c *fiber.Ctx) error {
		if c.Path() == "/picture" {
			b.AllowImagesFrom(c, "https://pay.example.com")
		}
		return nil
	})
	const rest = "; default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" +
		"; form-action 'self' https://shop.example pay.example.com" +
		" https://*.alipay.com https://*.alipayhk.com https://*.tenpay.com https://*.weixin.qq.com" +
		"; base-uri 'none'; frame-ancestors 'none'"
	for target, policy := range map[string]string{
		"/":        "img-src 'self' data:" + rest,
		"/picture": "img-src 'self' data: https://pay.example.com" + rest,
	} {
		resp, _ := do(t, app, visit{target: target})
		for name, want := range map[string]string{
			"Content-Security-Policy":   policy,
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "same-origin",
			"Strict-Transport-Security": "max-age=31536000",
		} {
			if got := resp.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s of %s:\ngot  %q\nwant %q", name, target, got, want)
			}
		}
	}
	plain := newApp(newBase(t, testConfig(), modelstest.New(t)), func(*fiber.Ctx) error { return nil })
	if resp, _ := do(t, plain, visit{target: "/"}); resp.Header.Get("Strict-Transport-Security") != "" {
		t.Error("Strict-Transport-Security over http: got one, want none")
	}
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"203.0.113.7":          "203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9":      "2001:db8:1:2::/64",
		"nonsense":             "nonsense",
	} {
		if got := Network(ip); got != want {
			t.Errorf("Network(%s): got %s, want %s", ip, got, want)
		}
	}
}

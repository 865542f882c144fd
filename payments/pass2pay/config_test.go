package pass2pay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saoma/models"
)

func goodConfig() Config {
	return Config{
		BaseURL:      "https://api.pass2pay.example",
		MchNo:        "M1700000001",
		AppID:        "65f0a1b2c3d4e5f601234567",
		AppSecret:    demoSecret,
		Validity:     2 * time.Hour,
		AllowedHosts: []string{"cashier.pass2pay.example", "pay.example:8443"},
		RefundAPI:    true,
		CloseAPI:     true,
	}
}

func TestNew(t *testing.T) {
	g, err := New(goodConfig())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.Name(), models.Pass2Pay; got != want {
		t.Errorf("Name() = %q, want %q", got, want)
	}
	if got, want := g.Merchant(), "M1700000001/65f0a1b2c3d4e5f601234567"; got != want {
		t.Errorf("Merchant() = %q, want %q", got, want)
	}
}

func TestNewNamesEachMistake(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*Config)
		want  string
	}{
		{"no base URL", func(c *Config) { c.BaseURL = "" }, "base_url"},
		{"relative base URL", func(c *Config) { c.BaseURL = "/api" }, "base_url"},
		{"base URL of another scheme", func(c *Config) { c.BaseURL = "ftp://api.example" }, "base_url"},
		{"base URL with a query", func(c *Config) { c.BaseURL = "https://api.example/?a=1" }, "base_url"},
		{"base URL with a user", func(c *Config) { c.BaseURL = "https://u@api.example" }, "base_url"},
		{"no merchant", func(c *Config) { c.MchNo = "" }, "mch_no"},
		{"merchant with a slash", func(c *Config) { c.MchNo = "M1/2" }, "mch_no"},
		{"application too long", func(c *Config) { c.AppID = strings.Repeat("a", 65) }, "app_id"},
		{"short secret", func(c *Config) { c.AppSecret = "fifteen-letters" }, "app_secret"},
		{"long secret", func(c *Config) { c.AppSecret = strings.Repeat("k", 129) }, "app_secret"},
		{"no validity", func(c *Config) { c.Validity = 0 }, "validity"},
		{"host with a path", func(c *Config) { c.AllowedHosts = []string{"pay.example/x"} }, "allowed_hosts"},
		{"empty host", func(c *Config) { c.AllowedHosts = []string{""} }, "allowed_hosts"},
		{"address for a host", func(c *Config) { c.AllowedHosts = []string{"https://pay.example"} }, "allowed_hosts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := goodConfig()
			tt.spoil(&config)
			_, err := New(config)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want an error about %s", err, tt.want)
			}
		})
	}
}

func TestNewNamesAllMistakesAndNoSecret(t *testing.T) {
	_, err := New(Config{AppSecret: "tooshort"})
	for _, want := range []string{"base_url", "mch_no", "app_id", "app_secret", "validity"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("New = %v, want it to name %s", err, want)
		}
	}
	if strings.Contains(fmt.Sprint(err), "tooshort") {
		t.Errorf("New = %v tells the secret", err)
	}
}

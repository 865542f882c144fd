package scanforpay

import (
	"strings"
	"testing"
	"time"
)

func TestNewRefuses(t *testing.T) {
	good := testGateway(t, "https://pay.example").config
	tests := []struct {
		name   string
		change func(*Config)
		want   string // the field at fault
	}{
		{"no address", func(c *Config) { c.BaseURL = "" }, "base_url"},
		{"relative address", func(c *Config) { c.BaseURL = "/api" }, "base_url"},
		{"another scheme", func(c *Config) { c.BaseURL = "ftp://pay.example" }, "base_url"},
		{"address with a user", func(c *Config) { c.BaseURL = "https://u:p@pay.example" }, "base_url"},
		{"address with a query", func(c *Config) { c.BaseURL = "https://pay.example?x=1" }, "base_url"},
		{"address that is none", func(c *Config) { c.BaseURL = "https://pay.example:port" }, "base_url"},
		{"no partner", func(c *Config) { c.PartnerNo = "" }, "partner_no"},
		{"long partner", func(c *Config) { c.PartnerNo = strings.Repeat("1", 16) }, "partner_no"},
		{"partner with a space", func(c *Config) { c.PartnerNo = "10086 " }, "partner_no"},
		{"no store", func(c *Config) { c.StoreNo = "" }, "store_no"},
		{"long store", func(c *Config) { c.StoreNo = strings.Repeat("1", 16) }, "store_no"},
		{"no key", func(c *Config) { c.SignKey = "" }, "sign_key"},
		{"short key", func(c *Config) { c.SignKey = "short-secret" }, "sign_key"},
		{"key with a line feed", func(c *Config) { c.SignKey += "\n" }, "sign_key"},
		{"long operator", func(c *Config) { c.OperatorID = strings.Repeat("1", 21) }, "operator_id"},
		{"long terminal", func(c *Config) { c.TerminalNo = strings.Repeat("1", 21) }, "terminal_no"},
		{"terminal in Chinese", func(c *Config) { c.TerminalNo = "一" }, "terminal_no"},
		{"no validity", func(c *Config) { c.Validity = 0 }, "validity"},
		{"negative validity", func(c *Config) { c.Validity = -time.Hour }, "validity"},
		{"address as host", func(c *Config) { c.AllowedHosts = []string{"https://pay.example"} }, "allowed_hosts"},
		{"host with a path", func(c *Config) { c.AllowedHosts = []string{"ok.example", "pay.example/x"} }, "allowed_hosts"},
		{"empty host", func(c *Config) { c.AllowedHosts = []string{""} }, "allowed_hosts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			g, err := New(c)
			if g != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("New: %v, want a refusal that names %s", err, tt.want)
			}
			if strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("New: %v, want one mistake only", err)
			}
		})
	}
}

func TestNewReportsAllMistakes(t *testing.T) {
	_, err := New(Config{SignKey: "hunter2", AllowedHosts: []string{"/"}})
	if err == nil {
		t.Fatal("New accepts a configuration of mistakes")
	}
	for _, field := range []string{"base_url", "partner_no", "store_no", "sign_key", "validity", "allowed_hosts"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("New: %q does not name %s", err, field)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New: %q shows the key", err)
	}
}

func TestNewAccepts(t *testing.T) {
	good := testGateway(t, "http://127.0.0.1:8080/sandbox/scanforpay/").config
	good.OperatorID, good.TerminalNo, good.AllowedHosts = "", "", []string{"pay.example:8443", "127.0.0.1", "[::1]:80"}
	if _, err := New(good); err != nil {
		t.Errorf("New(%+v): %v", good, err)
	}
}

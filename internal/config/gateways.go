package config

import (
	"slices"
	"strings"
	"time"

	"saoma/models"
)

// gateway is what the settings of both gateways have in common.
type gateway struct {
	path         string
	enabled      bool
	baseURL      string
	currencies   []string
	validity     time.Duration
	allowedHosts []string
	credentials  []credential
	statement    Statement
}

// credential is a text that the gateway gave the merchant, and how long it may be.
type credential struct {
	key      string
	value    string
	min, max int // in bytes; a min of 0 makes it optional, a max of 0 sets no limit
}

// gateways returns both gateways, with the lengths from their docs.
func gateways(g Gateways) []gateway {
	s, p := g.ScanForPay, g.Pass2Pay
	return []gateway{{
		"gateways.scanforpay", s.Enabled, s.BaseURL, s.Currencies, s.Validity, s.AllowedHosts,
		[]credential{
			{"partner_no", s.PartnerNo, 1, 15},
			{"store_no", s.StoreNo, 1, 15},
			{"sign_key", string(s.SignKey), minSecret, 0},
			{"operator_id", s.OperatorID, 0, 20},
			{"terminal_no", s.TerminalNo, 0, 20},
		},
		s.Statement,
	}, {
		"gateways.pass2pay", p.Enabled, p.BaseURL, p.Currencies, p.Validity, p.AllowedHosts,
		[]credential{
			{"mch_no", p.MchNo, 1, 64},
			{"app_id", p.AppID, 1, 64},
			{"app_secret", string(p.AppSecret), minSecret, 128},
		},
		p.Statement,
	}}
}

func checkGateways(m *mistakes, c *Config) {
	for _, g := range gateways(c.Gateways) {
		checkBaseURL(m, g, c.Sandbox.Enabled)
		simulated := g.baseURL == "" && c.Sandbox.Enabled
		for _, cred := range g.credentials {
			checkCredential(m, g.path, cred, g.enabled && !simulated)
		}
		checkCurrencies(m, g)
		for _, host := range g.allowedHosts {
			if !isHost(host) {
				m.add(g.path+".allowed_hosts", "%q must be a host, such as pay.example or pay.example:8443, without https:// before it", host)
			}
		}
		if g.validity < minValidity {
			m.add(g.path+".validity", "%s must be at least 1m", g.validity)
		}
		checkStatement(m, g.path+".statement", g.statement)
	}
	for _, code := range c.Gateways.Pass2Pay.Currencies {
		// Pass2Pay's docs describe amounts with two decimals only.
		if models.KnownCurrency(code) && (models.Money{Amount: 1, Currency: code}).Decimal() != "0.01" {
			m.add("gateways.pass2pay.currencies", "%q must be a currency with two decimals: Pass2Pay describes no other", code)
		}
	}
}

func checkBaseURL(m *mistakes, g gateway, sandbox bool) {
	path := g.path + ".base_url"
	if g.baseURL == "" {
		if g.enabled && !sandbox {
			m.add(path, "must be the gateway's address, since the sandbox is off; or set %s.enabled to false", g.path)
		}
		return
	}
	u, problem := webAddress(g.baseURL)
	switch {
	case problem != "":
		m.add(path, "%s", problem)
	case u.Scheme != "https" && !isLocal(g.baseURL):
		m.add(path, "must begin with https://, unless it is on a loopback or private address")
	}
}

// checkCredential notes a credential that cannot be right, without repeating it.
func checkCredential(m *mistakes, gateway string, c credential, needed bool) {
	path := gateway + "." + c.key
	switch {
	case c.value == "" && c.min > 0 && needed:
		m.add(path, "must not be empty while %s is enabled and not simulated", gateway)
	case len(c.value) < c.min && needed:
		m.add(path, "must be at least %d bytes", c.min)
	case c.max > 0 && len(c.value) > c.max:
		m.add(path, "must be at most %d bytes, the gateway's limit", c.max)
	case c.value != strings.TrimSpace(c.value):
		m.add(path, "must not begin or end with white space")
	}
}

func checkCurrencies(m *mistakes, g gateway) {
	checkSet(m, g.path+".currencies", g.currencies)
	for _, code := range g.currencies {
		if !models.KnownCurrency(code) {
			m.add(g.path+".currencies", "%q must be an ISO 4217 code in capitals, such as CNY", code)
		}
	}
}

// takes reports whether the gateway is there to take the shop's money.
func (c *Config) takes(name string) bool {
	for _, g := range gateways(c.Gateways) {
		if g.path == "gateways."+name {
			return g.enabled && slices.Contains(g.currencies, c.Shop.Currency)
		}
	}
	return false
}

package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"saoma/models"
	"saoma/payments"
)

const anything = "any"

// methods are the ways to ask a gateway for a payment that a web shop can use, and the wallets
// that each can take money from (ScanForPay docs, wallets; Pass2Pay docs, payment method).
var methods = map[string]map[string][]models.Wallet{
	"scanforpay": {
		"jspay":  {models.WeChat, models.Alipay},
		"qrcode": {models.WeChat, models.Alipay},
		"online": models.Wallets,
	},
	"pass2pay": {
		"ALI_WAP":         {models.Alipay, models.AlipayHK},
		"ALI_QR":          {models.Alipay, models.AlipayHK},
		"ALI_PC":          {models.Alipay, models.AlipayHK},
		"WX_H5":           {models.WeChat},
		"WX_NATIVE":       {models.WeChat},
		"QR_CASHIER":      models.Wallets,
		"WEB_CASHIER":     models.Wallets,
		"CHANNEL_CASHIER": models.Wallets,
		"cashier":         models.Wallets,
	},
}

// cashierLife is how long Pass2Pay's hosted cashier keeps a payment open at least.
const cashierLife = 15 * time.Minute

// outOfReach says why a web shop cannot use the methods of Pass2Pay that end like this.
var outOfReach = map[string]string{
	"_JSAPI": "needs the buyer's identity inside the wallet, which a web shop does not know",
	"_LITE":  "needs the buyer's identity inside a mini program, which a web shop does not know",
	"_BAR":   "needs a code read by a till from the buyer's phone",
	"_POS":   "needs a till",
	"_APP":   "needs an app with the wallet's SDK",
}

// UsableRoutes returns the rows that can be served: those of an enabled gateway that takes the
// shop's currency. A row for any wallet is given as a row for each wallet that its method takes; that
// of one code, which leads to no gateway, as it is.
func (c *Config) UsableRoutes() []Route {
	var usable []Route
	for _, r := range c.Routes {
		if r.Method == payments.OneCode {
			usable = append(usable, r)
			continue
		}
		if !c.takes(r.Gateway) {
			continue
		}
		for _, wallet := range methods[r.Gateway][r.Method] {
			if r.Wallet == anything || r.Wallet == string(wallet) {
				usable = append(usable, Route{string(wallet), r.Scene, r.Gateway, r.Method})
			}
		}
	}
	return usable
}

func checkRoutes(m *mistakes, c *Config) {
	wallets := []string{anything}
	for _, wallet := range models.Wallets {
		wallets = append(wallets, string(wallet))
	}
	scenes := []string{string(models.SceneWallet), string(models.ScenePhone), string(models.SceneDesktop), anything}
	for i, r := range c.Routes {
		path := row("routes", i)
		if r.Method == payments.OneCode {
			checkOneCode(m, path, c, i)
			continue
		}
		m.oneOf(path+".wallet", r.Wallet, wallets...)
		m.oneOf(path+".scene", r.Scene, scenes...)
		m.oneOf(path+".gateway", r.Gateway, slices.Sorted(maps.Keys(methods))...)
		checkMethod(m, path+".method", r)
		if validity := c.Gateways.Pass2Pay.Validity; r.Method == "cashier" && validity < cashierLife {
			m.add("gateways.pass2pay.validity", "%s must be at least 15m with %s: so long the cashier keeps a payment open", validity, path)
		}
	}
	leads := func(r Route) bool { return r.Gateway != "" }
	if models.KnownCurrency(c.Shop.Currency) && !slices.ContainsFunc(c.UsableRoutes(), leads) {
		m.add("routes", "at least one row must lead to an enabled gateway that takes %s, the shop's currency", c.Shop.Currency)
	}
}

// checkOneCode notes what is wrong with the row at i, whose method is one code for every wallet.
func checkOneCode(m *mistakes, path string, c *Config, i int) {
	r := c.Routes[i]
	if r.Wallet != anything || r.Scene != string(models.SceneDesktop) || r.Gateway != "" {
		m.add(path, "%q is for wallet any, scene desktop, and no gateway", payments.OneCode)
	}
	atDesktop := func(r Route) bool { return r.Scene == string(models.SceneDesktop) || r.Scene == anything }
	if before := slices.IndexFunc(c.Routes[:i], atDesktop); before >= 0 {
		m.add(path, "%q serves every desktop, so it must stand above %s", payments.OneCode, row("routes", before))
	}
	inWallet := func(r Route) bool {
		return r.Gateway != "" && (r.Scene == string(models.SceneWallet) || r.Scene == anything)
	}
	if !slices.ContainsFunc(c.UsableRoutes(), inWallet) {
		m.add(path, "%q needs a row with scene wallet that leads to an enabled gateway, so that the phone that scans the code can pay", payments.OneCode)
	}
}

func checkMethod(m *mistakes, path string, r Route) {
	of, known := methods[r.Gateway]
	if !known {
		return // the gateway is the mistake
	}
	wallets, ok := of[r.Method]
	switch {
	case !ok:
		if at := strings.LastIndex(r.Method, "_"); at >= 0 && outOfReach[r.Method[at:]] != "" {
			m.add(path, "%q %s", r.Method, outOfReach[r.Method[at:]])
			return
		}
		m.oneOf(path, r.Method, slices.Sorted(maps.Keys(of))...)
	case slices.Contains(models.Wallets, models.Wallet(r.Wallet)) && !slices.Contains(wallets, models.Wallet(r.Wallet)):
		m.add(path, "%q does not take %s", r.Method, r.Wallet)
	}
}

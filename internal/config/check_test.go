package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// live is a complete configuration of a shop that takes real money.
const live = `
public_url: "https://shop.example"
sandbox: {enabled: false}
gateways:
  scanforpay: {base_url: "https://pay.scanforpay.com/", partner_no: 10086, store_no: "100860000000001", sign_key: "0123456789abcdef"}
  pass2pay: {base_url: "https://api.pass2pay.com", mch_no: M1700000001, app_id: 65f0a1b2c3d4e5f601234567, app_secret: "0123456789abcdef"}
`

func TestAccepted(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		environ []string
	}{
		{name: "live", text: live},
		{name: "any free port", text: `listen: "127.0.0.1:0"`},
		{name: "IPv6", text: `{listen: "[::1]:8080", public_url: "http://[fd00::1]:8080"}`},
		{name: "private public_url", text: `public_url: "http://192.168.1.5:8080/"`},
		{name: "subdomain of localhost", text: `public_url: "http://shop.localhost:8080"`},
		{name: "public sandbox", text: `{public_url: "https://demo.example", sandbox: {allow_public: true}}`},
		{name: "shortest window", text: "shop: {payment_window: 1s}"},
		{name: "longest window", text: "shop: {payment_window: 24h}"},
		{name: "currency of another exponent", text: "shop: {currency: JPY}"},
		{name: "Redis", text: `redis: {url: "rediss://:password@cache.example:6379/0"}`},
		{name: "mail server", text: `mail: {host: smtp.example.com, user: shop, password: hunter2, from: "Käse <shop@example.com>", reply_to: help@example.com}`},
		{name: "mail server next door", text: "mail: {host: \"::1\", port: 1025, tls: none, user: shop, password: hunter2, from: shop@example.com}"},
		{name: "mail server without an account", text: "mail: {host: 10.0.0.7, tls: none, from: shop@example.com}"},
		{name: "account of no mail server", text: "mail: {user: shop}"},
		{name: "sandbox elsewhere, over http", text: live, environ: []string{
			"SAOMA_GATEWAYS_SCANFORPAY_BASE_URL=http://127.0.0.1:9000/sandbox/scanforpay",
			"SAOMA_GATEWAYS_PASS2PAY_BASE_URL=http://localhost:9000/sandbox/pass2pay"}},
		{name: "sandbox for one gateway", text: live, environ: []string{
			"SAOMA_GATEWAYS_SCANFORPAY_BASE_URL=", "SAOMA_SANDBOX_ENABLED=true", "SAOMA_SANDBOX_ALLOW_PUBLIC=true"}},
		{name: "disabled gateway without credentials", text: live, environ: []string{
			"SAOMA_GATEWAYS_PASS2PAY_ENABLED=false", "SAOMA_GATEWAYS_PASS2PAY_BASE_URL=", "SAOMA_GATEWAYS_PASS2PAY_APP_SECRET="}},
		{name: "allowed hosts", text: `gateways: {pass2pay: {allowed_hosts: [qr.alipay.com, "127.0.0.1:9000", "[::1]:9000"]}}`},
		{name: "every method", text: `routes: [
			{wallet: any, scene: any, gateway: scanforpay, method: jspay},
			{wallet: wechat, scene: any, gateway: scanforpay, method: online},
			{wallet: any, scene: desktop, gateway: pass2pay, method: ALI_PC},
			{wallet: alipay, scene: desktop, gateway: pass2pay, method: ALI_QR},
			{wallet: wechat, scene: desktop, gateway: pass2pay, method: WX_NATIVE},
			{wallet: any, scene: any, gateway: pass2pay, method: QR_CASHIER},
			{wallet: any, scene: any, gateway: pass2pay, method: WEB_CASHIER},
			{wallet: any, scene: any, gateway: pass2pay, method: CHANNEL_CASHIER},
			{wallet: any, scene: any, gateway: pass2pay, method: cashier}]`},
		{name: "one code above all", text: `routes: [
			{wallet: any, scene: desktop, method: one_code},
			{wallet: wechat, scene: wallet, gateway: scanforpay, method: jspay},
			{wallet: wechat, scene: desktop, gateway: scanforpay, method: qrcode}]`},
		{name: "one code below rows for phones", text: `routes: [
			{wallet: wechat, scene: wallet, gateway: scanforpay, method: jspay},
			{wallet: any, scene: desktop, gateway: "", method: one_code}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := load(t, tt.text, tt.environ...); err != nil {
				t.Errorf("got error %v, want none", err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name    string
		text    string
		environ []string
		want    string // a part of the message
	}{
		// what cannot be read
		{name: "not YAML", text: "shop: [", want: "the built-in config.yaml is not readable as YAML: yaml: line 1"},
		{name: "two documents", text: "listen: ':1'\n---\nlisten: ':2'", want: "must be one document"},
		{name: "not a mapping", text: "- shop", want: "the file: must be a section with the keys listen, public_url,"},
		{name: "unknown key", text: "shop:\n  nmae: Mine", want: "shop.nmae: is not a key; those that may stand here are name, currency, languages, time_zone, payment_window, shipping_fee, free_shipping_from (the built-in config.yaml, line 2)"},
		{name: "unknown key at the top", text: "currency: CNY", want: "currency: is not a key; those that may stand here are listen,"},
		{name: "case of a key", text: "Listen: ':1'", want: "Listen: is not a key"},
		{name: "unknown key of a row", text: "routes: [{walet: any}]", want: "routes[#1].walet: is not a key; those that may stand here are wallet, scene, gateway, method"},
		{name: "merge key", text: "{log: &a {level: info}, shop: {<<: *a}}", want: "shop.<<: is not a key"},
		{name: "repeated key", text: "log:\n  level: info\n  level: warn", want: "log.level: is set again in line 3; keep one"},
		{name: "list for a value", text: "listen: [1]", want: "listen: must be a single value"},
		{name: "value for a list", text: "trusted_proxies: 10.0.0.0/8", want: "trusted_proxies: must be a list"},
		{name: "value for a section", text: "log: info", want: "log: must be a section with the keys level, format"},
		{name: "not a bool", text: "demo_data: yes", want: `demo_data: "yes" must be true or false`},
		{name: "bool without a value", text: "demo_data:", want: `demo_data: "" must be true or false`},
		{name: "fraction", text: "shop: {shipping_fee: 12.5}", want: `shop.shipping_fee: "12.5" must be a whole number`},
		{name: "too large a number", text: "shop: {shipping_fee: 9223372036854775808}", want: "shop.shipping_fee:"},
		{name: "days", text: "shop: {payment_window: 1d}", want: `shop.payment_window: "1d" must be a time in hours, minutes and seconds, such as 12h, 15m or 1m30s`},
		{name: "number for a duration", text: "shop: {payment_window: 900}", want: `shop.payment_window: "900" must be a time`},

		// the environment
		{name: "unknown variable", environ: []string{"SAOMA_SHOP_NMAE=Mine"}, want: "SAOMA_SHOP_NMAE: is not the name of a key"},
		{name: "variable of a section", environ: []string{"SAOMA_SHOP={name: Mine}"}, want: "SAOMA_SHOP: is not the name of a key"},
		{name: "port that Kubernetes did not set", environ: []string{"SAOMA_PORT=8080"}, want: "SAOMA_PORT: is not the name of a key"},
		{name: "bad value", environ: []string{"SAOMA_SHOP_CURRENCY=cny"}, want: `shop.currency: "cny" must be an ISO 4217 code in capitals, such as CNY (SAOMA_SHOP_CURRENCY)`},
		{name: "value and file", environ: []string{"SAOMA_SECRET_KEY=", "SAOMA_SECRET_KEY_FILE=/x"}, want: "secret_key: SAOMA_SECRET_KEY and SAOMA_SECRET_KEY_FILE are both set; keep one"},
		{name: "absent file", environ: []string{"SAOMA_DATABASE_DSN_FILE=/absent/file"}, want: "database.dsn: the file cannot be read: no such file or directory (SAOMA_DATABASE_DSN_FILE)"},
		{name: "routes that are not YAML", environ: []string{"SAOMA_ROUTES=[{"}, want: "routes: is not readable as a YAML list"},
		{name: "routes with commas", environ: []string{"SAOMA_ROUTES=wechat,any"}, want: "routes: must be a list"},
		{name: "row of the environment", environ: []string{"SAOMA_ROUTES=[{wallet: any, scene: any, gateway: scanforpay, method: online}, {wallet: qq, scene: any, gateway: scanforpay, method: online}]"},
			want: `routes[#2].wallet: "qq" must be one of any, wechat, alipay, alipayhk (SAOMA_ROUTES)`},

		{name: "row that lacks a key", text: "routes:\n  - {wallet: any, scene: any, gateway: scanforpay}", want: `routes[#1].method: "" must be one of jspay, online, qrcode (the built-in config.yaml, line 2)`},
		{name: "row of the environment that lacks a key", text: "routes:\n  - {wallet: any, scene: any, gateway: scanforpay, method: online}",
			environ: []string{"SAOMA_ROUTES=[{scene: any, gateway: scanforpay, method: online}]"}, want: `routes[#1].wallet: "" must be one of any, wechat, alipay, alipayhk (SAOMA_ROUTES)`},

		// the server
		{name: "listen without a port", text: "listen: localhost", want: `listen: "localhost" must be an address and a port`},
		{name: "listen on a high port", text: "listen: ':65536'", want: "listen:"},
		{name: "listen on an odd host", text: "listen: 'http://x:80'", want: "listen:"},
		{name: "admin_listen", text: "admin_listen: '8081'", want: "admin_listen:"},
		{name: "admin_listen as listen", text: "admin_listen: ':8080'", want: "admin_listen: must differ from listen"},
		{name: "public_url without a scheme", text: "public_url: shop.example", want: "public_url: must be a full web address"},
		{name: "public_url of another scheme", text: "public_url: ftp://localhost", want: "public_url: must be a full web address"},
		{name: "public_url empty", text: "public_url: ''", want: "public_url: must be a full web address"},
		{name: "public_url with a path", text: "public_url: http://localhost/shop/", want: "public_url: must end with the host: the shop needs one to itself"},
		{name: "public_url with a query", text: "public_url: http://localhost?", want: "public_url: must not hold a ? or a #"},
		{name: "public_url with a fragment", text: "public_url: http://localhost#", want: "public_url: must not hold a ? or a #"},
		{name: "public_url with a user", text: "public_url: http://u:p@localhost", want: "public_url: must not hold a user name or password"},
		{name: "public_url with a bad port", text: "public_url: http://localhost:99999", want: "public_url: must be a full web address"},
		{name: "public_url not in ASCII", text: "public_url: http://扫码.localhost", want: "public_url: must be a full web address"},
		{name: "public_url too long", text: "public_url: http://" + strings.Repeat("a", 80) + ".localhost", want: "public_url: must be at most 84 characters"},
		{name: "trusted_proxies", text: "trusted_proxies: [10.0.0.1]", want: `trusted_proxies: "10.0.0.1" must be a range of addresses`},
		{name: "log.level", text: "log: {level: loud}", want: `log.level: "loud" must be one of debug, info, warn, error`},
		{name: "log.format", text: "log: {format: xml}", want: `log.format: "xml" must be one of text, json`},
		{name: "short secret_key", text: "secret_key: 0123456789abcdef0123456789abcde", want: "secret_key: must be at least 32 bytes"},
		{name: "short secret_key_previous", text: "secret_key_previous: x", want: "secret_key_previous: must be at least 32 bytes"},

		// storage, shop, policies
		{name: "data_dir", text: "data_dir: ''", want: "data_dir: must name a directory"},
		{name: "driver", text: "database: {driver: postgres}", want: `database.driver: "postgres" must be one of sqlite, mysql`},
		{name: "mysql without dsn", text: "database: {driver: mysql}", want: "database.dsn: must say where the database is"},
		{name: "redis", text: "redis: {url: 'localhost:6379'}", want: "redis.url: must be empty or an address"},
		{name: "late_payment", text: "policies: {late_payment: refund}", want: `policies.late_payment: "refund" must be one of fulfil_or_refund, ask`},
		{name: "duplicate_payment", text: "policies: {duplicate_payment: keep}", want: `policies.duplicate_payment: "keep" must be one of refund, ask`},
		{name: "shop.name", text: "shop: {name: ' '}", want: "shop.name: must not be empty"},
		{name: "unknown language", text: "shop: {languages: [en, zh]}", want: `shop.languages: "zh" must be one of en, zh-Hans, zh-Hant, ja`},
		{name: "repeated language", text: "shop: {languages: [en, en]}", want: `shop.languages: "en" must not be repeated`},
		{name: "no language", text: "shop: {languages: []}", want: "shop.languages: must name at least one"},
		{name: "time_zone", text: "shop: {time_zone: Hong Kong}", want: `shop.time_zone: "Hong Kong" must be a time zone's name`},
		{name: "time_zone of the machine", text: "shop: {time_zone: Local}", want: "shop.time_zone:"},
		{name: "no time_zone", text: "shop: {time_zone: ''}", want: "shop.time_zone:"},
		{name: "short window", text: "shop: {payment_window: 999ms}", want: "shop.payment_window: 999ms must be between 1s and 24h"},
		{name: "long window", text: "shop: {payment_window: 24h1s}", want: "shop.payment_window: 24h0m1s must be between 1s and 24h"},
		{name: "negative fee", text: "shop: {shipping_fee: -1}", want: "shop.shipping_fee: -1 must be between 0 and"},
		{name: "huge fee", text: "shop: {free_shipping_from: 1000000000001}", want: "shop.free_shipping_from:"},

		// mail
		{name: "mail.host with a port", text: "mail: {host: 'smtp.example.com:587', from: a@example.com}", want: `mail.host: "smtp.example.com:587" must be a host name or an IP address, without a port`},
		{name: "mail.host with a scheme", text: "mail: {host: 'smtp://example.com', from: a@example.com}", want: "mail.host:"},
		{name: "mail.port", text: "mail: {port: 65536}", want: "mail.port: 65536 must be a port, or 0"},
		{name: "mail.tls", text: "mail: {tls: ssl}", want: `mail.tls: "ssl" must be one of starttls, tls, none`},
		{name: "mail from nobody", text: "mail: {host: smtp.example.com}", want: "mail.from: must be the address that mails come from"},
		{name: "mail.from", text: "mail: {from: shop}", want: `mail.from: "shop" must be an e-mail address`},
		{name: "mail.from two", text: "mail: {from: 'a@example.com, b@example.com'}", want: "mail.from:"},
		{name: "mail.from with a header", text: `mail: {from: "a@example.com\r\nBcc: b@example.com"}`, want: "mail.from:"},
		{name: "mail.reply_to", text: "mail: {reply_to: '<>'}", want: "mail.reply_to:"},
		{name: "mail account without a password", text: "mail: {host: smtp.example.com, from: a@example.com, user: shop}", want: "mail.user: must be set together with mail.password"},
		{name: "mail password without an account", text: "mail: {host: smtp.example.com, from: a@example.com, password: hunter2}", want: "mail.user: must be set together with mail.password"},
		{name: "mail password in the clear", text: "mail: {host: 10.0.0.7, tls: none, from: a@example.com, user: shop, password: hunter2}", want: "mail.tls: must be starttls or tls"},
		{name: "mail password in the clear to a name that only begins like this machine", text: "mail: {host: localhost.example, tls: none, from: a@example.com, user: shop, password: hunter2}", want: "mail.tls: must be starttls or tls"},

		// gateways
		{name: "sandbox off", text: live, environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_BASE_URL="},
			want: "gateways.scanforpay.base_url: must be the gateway's address, since the sandbox is off"},
		{name: "partner_no missing", text: live, environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_PARTNER_NO="},
			want: "gateways.scanforpay.partner_no: must not be empty while gateways.scanforpay is enabled and not simulated"},
		{name: "store_no missing", text: live, environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_STORE_NO="}, want: "gateways.scanforpay.store_no: must not be empty"},
		{name: "sign_key missing", text: live, environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_SIGN_KEY="}, want: "gateways.scanforpay.sign_key: must not be empty"},
		{name: "sign_key short", text: live, environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_SIGN_KEY=123456789012345"}, want: "gateways.scanforpay.sign_key: must be at least 16 bytes"},
		{name: "mch_no missing", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_MCH_NO="}, want: "gateways.pass2pay.mch_no: must not be empty"},
		{name: "app_id missing", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_APP_ID="}, want: "gateways.pass2pay.app_id: must not be empty"},
		{name: "app_secret missing", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_APP_SECRET="}, want: "gateways.pass2pay.app_secret: must not be empty"},
		{name: "app_secret short", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_APP_SECRET=short"}, want: "gateways.pass2pay.app_secret: must be at least 16 bytes"},
		{name: "credential with a blank behind it", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_APP_SECRET=0123456789abcdef "}, want: "gateways.pass2pay.app_secret: must not begin or end with white space"},
		{name: "sandbox on, address given, no credentials", text: "gateways: {pass2pay: {base_url: 'https://api.pass2pay.com'}}", want: "gateways.pass2pay.app_secret: must not be empty"},
		{name: "long partner_no", text: "gateways: {scanforpay: {partner_no: '1234567890123456'}}", want: "gateways.scanforpay.partner_no: must be at most 15 bytes"},
		{name: "long store_no", text: "gateways: {scanforpay: {store_no: '1234567890123456'}}", want: "gateways.scanforpay.store_no: must be at most 15 bytes"},
		{name: "long operator_id", text: "gateways: {scanforpay: {operator_id: '123456789012345678901'}}", want: "gateways.scanforpay.operator_id: must be at most 20 bytes"},
		{name: "long terminal_no", text: "gateways: {scanforpay: {terminal_no: '123456789012345678901'}}", want: "gateways.scanforpay.terminal_no: must be at most 20 bytes"},
		{name: "long mch_no", text: "gateways: {pass2pay: {mch_no: " + strings.Repeat("m", 65) + "}}", want: "gateways.pass2pay.mch_no: must be at most 64 bytes"},
		{name: "long app_id", text: "gateways: {pass2pay: {app_id: " + strings.Repeat("m", 65) + "}}", want: "gateways.pass2pay.app_id: must be at most 64 bytes"},
		{name: "long app_secret", text: "gateways: {pass2pay: {app_secret: " + strings.Repeat("m", 129) + "}}", want: "gateways.pass2pay.app_secret: must be at most 128 bytes"},
		{name: "base_url over http", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_BASE_URL=http://api.pass2pay.com"}, want: "gateways.pass2pay.base_url: must begin with https://"},
		{name: "base_url over http to a public IP address", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_BASE_URL=http://8.8.8.8"}, want: "gateways.pass2pay.base_url: must begin with https://"},
		{name: "base_url with a query", text: live, environ: []string{"SAOMA_GATEWAYS_PASS2PAY_BASE_URL=https://api.pass2pay.com?x=1"}, want: "gateways.pass2pay.base_url: must not hold a ? or a #"},
		{name: "unknown currency", text: "gateways: {scanforpay: {currencies: [CNY, RMB]}}", want: `gateways.scanforpay.currencies: "RMB" must be an ISO 4217 code`},
		{name: "repeated currency", text: "gateways: {scanforpay: {currencies: [CNY, CNY]}}", want: `gateways.scanforpay.currencies: "CNY" must not be repeated`},
		{name: "no currency", text: "gateways: {scanforpay: {currencies: []}}", want: "gateways.scanforpay.currencies: must name at least one"},
		{name: "currency without decimals", text: "gateways: {pass2pay: {currencies: [CNY, JPY]}}", want: `gateways.pass2pay.currencies: "JPY" must be a currency with two decimals`},
		{name: "currency of three decimals", text: "gateways: {pass2pay: {currencies: [KWD]}}", want: `gateways.pass2pay.currencies: "KWD" must be a currency with two decimals`},
		{name: "validity", text: "gateways: {scanforpay: {validity: 59s}}", want: "gateways.scanforpay.validity: 59s must be at least 1m"},
		{name: "allowed_hosts with a scheme", text: "gateways: {scanforpay: {allowed_hosts: ['https://pay.example']}}", want: `gateways.scanforpay.allowed_hosts: "https://pay.example" must be a host`},
		{name: "allowed_hosts with a star", text: "gateways: {scanforpay: {allowed_hosts: ['*.pay.example']}}", want: "gateways.scanforpay.allowed_hosts:"},
		{name: "allowed_hosts with an empty port", text: "gateways: {scanforpay: {allowed_hosts: ['pay.example:']}}", want: "gateways.scanforpay.allowed_hosts:"},
		{name: "allowed_hosts with bare IPv6", text: "gateways: {scanforpay: {allowed_hosts: ['fd00::1']}}", want: "gateways.scanforpay.allowed_hosts:"},

		// routes
		{name: "wallet", text: "routes: [{wallet: qq, scene: any, gateway: scanforpay, method: online}]", want: `routes[#1].wallet: "qq" must be one of any, wechat, alipay, alipayhk`},
		{name: "scene", text: "routes: [{wallet: any, scene: tablet, gateway: scanforpay, method: online}]", want: `routes[#1].scene: "tablet" must be one of wallet, phone, desktop, any`},
		{name: "gateway", text: "routes: [{wallet: any, scene: any, gateway: stripe, method: online}]", want: `routes[#1].gateway: "stripe" must be one of pass2pay, scanforpay`},
		{name: "method of the other gateway", text: "routes: [{wallet: any, scene: any, gateway: scanforpay, method: cashier}]", want: `routes[#1].method: "cashier" must be one of jspay, online, qrcode`},
		{name: "cashier that is watched too briefly", text: "gateways: {pass2pay: {validity: 14m}}\nroutes: [{wallet: any, scene: any, gateway: pass2pay, method: cashier}]", want: `gateways.pass2pay.validity: 14m0s must be at least 15m with routes[#1]: so long the cashier keeps a payment open`},
		{name: "unknown method", text: "routes: [{wallet: any, scene: any, gateway: pass2pay, method: ali_wap}]", want: `routes[#1].method: "ali_wap" must be one of ALI_PC, ALI_QR, ALI_WAP, CHANNEL_CASHIER, QR_CASHIER, WEB_CASHIER, WX_H5, WX_NATIVE, cashier`},
		{name: "method with openid", text: "routes: [{wallet: wechat, scene: wallet, gateway: pass2pay, method: WX_JSAPI}]", want: `routes[#1].method: "WX_JSAPI" needs the buyer's identity inside the wallet`},
		{name: "method of mini programs", text: "routes: [{wallet: wechat, scene: wallet, gateway: pass2pay, method: WX_LITE}]", want: `routes[#1].method: "WX_LITE" needs the buyer's identity inside a mini program`},
		{name: "method of a till", text: "routes: [{wallet: alipay, scene: any, gateway: pass2pay, method: ALI_BAR}]", want: `routes[#1].method: "ALI_BAR" needs a code read by a till`},
		{name: "method of apps", text: "routes: [{wallet: alipay, scene: any, gateway: pass2pay, method: ALI_APP}]", want: `routes[#1].method: "ALI_APP" needs an app`},
		{name: "AlipayHK by jspay", text: "routes: [{wallet: alipayhk, scene: wallet, gateway: scanforpay, method: jspay}]", want: `routes[#1].method: "jspay" does not take alipayhk`},
		{name: "AlipayHK by qrcode", text: "routes: [{wallet: alipayhk, scene: desktop, gateway: scanforpay, method: qrcode}]", want: `routes[#1].method: "qrcode" does not take alipayhk`},
		{name: "WeChat by Alipay's method", text: "routes: [{wallet: wechat, scene: phone, gateway: pass2pay, method: ALI_WAP}]", want: `routes[#1].method: "ALI_WAP" does not take wechat`},
		{name: "one code of one wallet", text: "routes: [{wallet: wechat, scene: desktop, method: one_code}, {wallet: any, scene: any, gateway: scanforpay, method: online}]", want: `routes[#1]: "one_code" is for wallet any, scene desktop, and no gateway`},
		{name: "one code on a phone", text: "routes: [{wallet: any, scene: any, method: one_code}, {wallet: any, scene: any, gateway: scanforpay, method: online}]", want: `routes[#1]: "one_code" is for wallet any, scene desktop, and no gateway`},
		{name: "one code of a gateway", text: "routes: [{wallet: any, scene: desktop, gateway: scanforpay, method: one_code}, {wallet: any, scene: any, gateway: scanforpay, method: online}]", want: `routes[#1]: "one_code" is for wallet any, scene desktop, and no gateway`},
		{name: "one code below a row for desktops", text: "routes: [{wallet: alipayhk, scene: any, gateway: scanforpay, method: online}, {wallet: any, scene: desktop, method: one_code}]", want: `routes[#2]: "one_code" serves every desktop, so it must stand above routes[#1]`},
		{name: "one code twice", text: "routes: [{wallet: any, scene: desktop, method: one_code}, {wallet: any, scene: desktop, method: one_code}, {wallet: any, scene: any, gateway: scanforpay, method: online}]", want: `routes[#2]: "one_code" serves every desktop, so it must stand above routes[#1]`},
		{name: "one code that no wallet can follow", text: "routes: [{wallet: any, scene: desktop, method: one_code}, {wallet: wechat, scene: phone, gateway: pass2pay, method: WX_H5}]", want: `routes[#1]: "one_code" needs a row with scene wallet`},
		{name: "one code alone", text: "routes: [{wallet: any, scene: desktop, method: one_code}]", want: "routes: at least one row must lead to an enabled gateway that takes CNY"},
		{name: "no row", text: "routes: []", want: "routes: at least one row must lead to an enabled gateway that takes CNY"},
		{name: "no row of an enabled gateway", text: "gateways: {scanforpay: {enabled: false}, pass2pay: {enabled: false}}", want: "routes: at least one row"},
		{name: "no row that takes the currency", text: "shop: {currency: USD}", want: "routes: at least one row must lead to an enabled gateway that takes USD"},

		// the sandbox
		{name: "sandbox in public", text: "public_url: https://shop.example", want: "sandbox.enabled: the sandbox takes no real money, and public_url is not on a loopback or private address"},
		{name: "sandbox on a public IP address", text: "public_url: http://8.8.8.8", want: "sandbox.enabled:"},
		{name: "sandbox on a name that only begins like an address", text: "public_url: http://127.0.0.1.example", want: "sandbox.enabled:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.text, tt.environ...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that holds %q", err, tt.want)
			}
		})
	}
}

// TestAllMistakesInOneMessage also proves that one mistake does not bring up others.
func TestAllMistakesInOneMessage(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "shop.yaml", `listen: nowhere
shop:
  currency: RMB
  payment_window: 1d
redis:
  ulr: redis://x
`)
	_, err := Load(Source{File: "shop.yaml", Environ: []string{"SAOMA_LOG_LEVEL=loud", "SAOMA_DATABASE_DSN_FILE=" + filepath.Join("no", "file")}})
	if err == nil {
		t.Fatal("got no error")
	}
	want := `the configuration has 6 mistakes:
  shop.payment_window: "1d" must be a time in hours, minutes and seconds, such as 12h, 15m or 1m30s (shop.yaml, line 4)
  redis.ulr: is not a key; those that may stand here are url (shop.yaml, line 6)
  database.dsn: the file cannot be read: no such file or directory (SAOMA_DATABASE_DSN_FILE)
  listen: "nowhere" must be an address and a port, such as ":8080" or "127.0.0.1:8080" (shop.yaml, line 1)
  log.level: "loud" must be one of debug, info, warn, error (SAOMA_LOG_LEVEL)
  shop.currency: "RMB" must be an ISO 4217 code in capitals, such as CNY (shop.yaml, line 3)`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestUsableRoutes(t *testing.T) {
	c, err := load(t, `
shop: {currency: HKD}
routes:
  - {wallet: any,      scene: desktop, gateway: scanforpay, method: qrcode}
  - {wallet: any,      scene: phone,   gateway: pass2pay,   method: cashier}
  - {wallet: alipayhk, scene: any,     gateway: scanforpay, method: online}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Route{
		{"wechat", "desktop", "scanforpay", "qrcode"},
		{"alipay", "desktop", "scanforpay", "qrcode"},
		{"alipayhk", "any", "scanforpay", "online"},
	}
	if diff := cmp.Diff(want, c.UsableRoutes()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestUsesSandbox(t *testing.T) {
	tests := []struct {
		name                 string
		text                 string
		environ              []string
		scanforpay, pass2pay bool
	}{
		{name: "defaults", scanforpay: true, pass2pay: true},
		{name: "live", text: live},
		{name: "disabled", environ: []string{"SAOMA_GATEWAYS_PASS2PAY_ENABLED=false"}, scanforpay: true},
		{name: "one real", text: live, environ: []string{"SAOMA_SANDBOX_ENABLED=true", "SAOMA_SANDBOX_ALLOW_PUBLIC=true", "SAOMA_GATEWAYS_PASS2PAY_BASE_URL="}, pass2pay: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, tt.text, tt.environ...)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Gateways.ScanForPay.UsesSandbox(); got != tt.scanforpay {
				t.Errorf("ScanForPay: got %t, want %t", got, tt.scanforpay)
			}
			if got := c.Gateways.Pass2Pay.UsesSandbox(); got != tt.pass2pay {
				t.Errorf("Pass2Pay: got %t, want %t", got, tt.pass2pay)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	const (
		publicSandbox = "{public_url: 'https://demo.example', sandbox: {allow_public: true}}"
		bare          = "SAOMA_DEMO_DATA=false"
	)
	tests := []struct {
		name    string
		text    string
		environ []string
		want    []string // the beginning of each warning
	}{
		{name: "live", text: live, environ: []string{bare}},
		{name: "demo goods for real money", text: live, want: []string{"demo_data is on"}},
		{name: "public sandbox", text: publicSandbox},
		{name: "no common key", environ: []string{"SAOMA_DATABASE_DRIVER=mysql", "SAOMA_DATABASE_DSN=x"}, want: []string{"secret_key is empty"}},
		{name: "keys without an address", environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_SIGN_KEY=k", "SAOMA_GATEWAYS_PASS2PAY_APP_SECRET=k"},
			want: []string{"gateways.scanforpay has a sign_key", "gateways.pass2pay has an app_secret"}},
		{name: "one real", text: live, environ: []string{"SAOMA_SANDBOX_ENABLED=true", "SAOMA_SANDBOX_ALLOW_PUBLIC=true", "SAOMA_GATEWAYS_PASS2PAY_BASE_URL=", "SAOMA_GATEWAYS_PASS2PAY_APP_SECRET=", bare},
			want: []string{"one gateway is real"}},
		{name: "real, not reachable", text: live, environ: []string{"SAOMA_PUBLIC_URL=http://localhost:8080", bare}, want: []string{"public_url is not reachable"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := load(t, tt.text, tt.environ...)
			if err != nil {
				t.Fatal(err)
			}
			got := c.Warnings()
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("got %q, want it to begin %q", got[i], want)
				}
			}
		})
	}
}

func TestDatabaseDSN(t *testing.T) {
	c := &Config{DataDir: "data"}
	if got, want := c.DatabaseDSN(), filepath.Join("data", "saoma.db"); got != want {
		t.Errorf("empty: got %q, want %q", got, want)
	}
	c.Database.DSN = "elsewhere.db"
	if got, want := c.DatabaseDSN(), "elsewhere.db"; got != want {
		t.Errorf("set: got %q, want %q", got, want)
	}
}

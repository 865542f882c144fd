package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones are known in an empty container too

	"saoma/models"
)

// Limits of values.
const (
	minSecretKey = 32 // bytes
	minSecret    = 16 // bytes of what a gateway signs with
	maxPublicURL = 84 // with /pay/return/ and a token it fits Pass2Pay's 128 characters
	minValidity  = time.Minute
)

// languages are those that the shop can speak.
var languages = []string{"en", "zh-Hans", "zh-Hant", "ja"}

// check notes every mistake in a configuration that could be read.
func check(m *mistakes, c *Config) {
	checkServer(m, c)
	checkStorage(m, c)
	checkShop(m, c.Shop)
	checkMail(m, c.Mail)
	checkGateways(m, c)
	checkRoutes(m, c)
}

func checkServer(m *mistakes, c *Config) {
	checkListen(m, "listen", c.Listen)
	if c.AdminListen != "" {
		checkListen(m, "admin_listen", c.AdminListen)
		if c.AdminListen == c.Listen {
			m.add("admin_listen", "must differ from listen; leave it empty to have the admin pages there too")
		}
	}
	checkPublicURL(m, c)
	for _, proxy := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(proxy); err != nil {
			m.add("trusted_proxies", "%q must be a range of addresses, such as 10.0.0.0/8 or 192.0.2.7/32", proxy)
		}
	}
	m.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	m.oneOf("log.format", c.Log.Format, "text", "json")
	checkSecretKey(m, "secret_key", c.SecretKey)
	checkSecretKey(m, "secret_key_previous", c.SecretKeyPrevious)
}

func checkListen(m *mistakes, path, address string) {
	host, port, err := net.SplitHostPort(address)
	_, portErr := strconv.ParseUint(port, 10, 16) // 0 is any free port
	if err != nil || portErr != nil || host != "" && !isHost(net.JoinHostPort(host, "1")) {
		m.add(path, `%q must be an address and a port, such as ":8080" or "127.0.0.1:8080"`, address)
	}
}

func checkPublicURL(m *mistakes, c *Config) {
	u, problem := webAddress(c.PublicURL)
	switch {
	case problem != "":
		m.add("public_url", "%s", problem)
		return
	case u.Path != "":
		m.add("public_url", "must end with the host: the shop needs one to itself and cannot live under a path")
	case len(c.PublicURL) > maxPublicURL:
		m.add("public_url", "must be at most %d characters, or the gateways cannot take the addresses made from it", maxPublicURL)
	}
	if c.Sandbox.Enabled && !c.Sandbox.AllowPublic && !isLocal(c.PublicURL) {
		m.add("sandbox.enabled", "the sandbox takes no real money, and public_url is not on a loopback or private address: "+
			"set sandbox.enabled to false, or for a demonstration sandbox.allow_public to true")
	}
}

func checkSecretKey(m *mistakes, path string, key Secret) {
	if key != "" && len(key) < minSecretKey {
		m.add(path, "must be at least %d bytes; openssl rand -hex 32 makes a good one", minSecretKey)
	}
}

func checkStorage(m *mistakes, c *Config) {
	if c.DataDir == "" {
		m.add("data_dir", "must name a directory")
	}
	m.oneOf("database.driver", c.Database.Driver, SQLite, MySQL)
	if c.Database.Driver == MySQL && c.Database.DSN == "" {
		m.add("database.dsn", "must say where the database is when database.driver is mysql, such as user:password@tcp(host:3306)/saoma")
	}
	if c.Redis.URL != "" {
		u, err := url.Parse(string(c.Redis.URL))
		if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Host == "" {
			m.add("redis.url", "must be empty or an address such as redis://host:6379 or rediss://host:6379")
		}
	}
	m.oneOf("policies.late_payment", c.Policies.LatePayment, models.FulfilOrRefund, models.AskStaff)
	m.oneOf("policies.duplicate_payment", c.Policies.DuplicatePayment, models.RefundAlways, models.AskStaff)
}

func checkShop(m *mistakes, s Shop) {
	if strings.TrimSpace(s.Name) == "" {
		m.add("shop.name", "must not be empty")
	}
	if !models.KnownCurrency(s.Currency) {
		m.add("shop.currency", "%q must be an ISO 4217 code in capitals, such as CNY", s.Currency)
	}
	checkSet(m, "shop.languages", s.Languages)
	for _, language := range s.Languages {
		m.oneOf("shop.languages", language, languages...)
	}
	if !isTimeZone(s.TimeZone) {
		m.add("shop.time_zone", "%q must be a time zone's name, such as Asia/Hong_Kong or UTC", s.TimeZone)
	}
	if s.PaymentWindow < models.MinPaymentWindow || s.PaymentWindow > models.MaxPaymentWindow {
		m.add("shop.payment_window", "%s must be between 1s and 24h", s.PaymentWindow)
	}
	checkFee(m, "shop.shipping_fee", s.ShippingFee)
	checkFee(m, "shop.free_shipping_from", s.FreeShippingFrom)
}

// isTimeZone reports whether the name means the same on every machine.
func isTimeZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

func checkFee(m *mistakes, path string, fee int64) {
	if fee < 0 || fee > models.MaxFee {
		m.add(path, "%d must be between 0 and %d, in the currency's minor unit", fee, int64(models.MaxFee))
	}
}

// checkSet notes a list that is empty or repeats itself.
func checkSet(m *mistakes, path string, words []string) {
	if len(words) == 0 {
		m.add(path, "must name at least one")
	}
	for i, word := range words {
		if slices.Contains(words[:i], word) {
			m.add(path, "%q must not be repeated", word)
		}
	}
}

// webAddress reads a plain http or https address. The problem says what it must be; it does not
// repeat the address, which may hold a password.
func webAddress(text string) (u *url.URL, problem string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Host):
		return nil, "must be a full web address, such as https://shop.example"
	case u.User != nil:
		return nil, "must not hold a user name or password"
	case strings.ContainsAny(text, "?#"):
		return nil, "must not hold a ? or a #"
	}
	return u, ""
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)

// isHost reports whether the text is a host name or an IP address, with or without a port.
// An IPv6 address stands in brackets.
func isHost(text string) bool {
	u, err := url.Parse("//" + text)
	if err != nil || u.Host != text || strings.HasSuffix(text, ":") {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if strings.HasPrefix(text, "[") {
		_, err := netip.ParseAddr(u.Hostname())
		return err == nil
	}
	return hostName.MatchString(u.Hostname())
}

// isLocal reports whether an address surely cannot be reached from the internet: its host is
// localhost, or an IP address that is loopback, private or link-local.
func isLocal(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	return err == nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast())
}

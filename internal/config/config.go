// Package config loads and checks the shop's configuration: config.yaml, over it the
// environment, under both the defaults of this package.
//
// These rules always hold: nothing that Load returns needs checking again; every mistake is
// reported, in one message; no credential is ever printed.
package config

import (
	"path/filepath"
	"slices"
	"time"

	"saoma/models"
)

// Config is the whole configuration. Each key is explained in config.yaml.
type Config struct {
	Listen            string   `yaml:"listen"`
	PublicURL         string   `yaml:"public_url"` // scheme and host only, in lower case, no slash at the end
	TrustedProxies    []string `yaml:"trusted_proxies"`
	AdminListen       string   `yaml:"admin_listen"`
	DataDir           string   `yaml:"data_dir"`
	DemoData          bool     `yaml:"demo_data"`
	Log               Log      `yaml:"log"`
	SecretKey         Secret   `yaml:"secret_key"` // use SecretKeys
	SecretKeyPrevious Secret   `yaml:"secret_key_previous"`
	Database          Database `yaml:"database"`
	Redis             Redis    `yaml:"redis"`
	Shop              Shop     `yaml:"shop"`
	Mail              Mail     `yaml:"mail"`
	Policies          Policies `yaml:"policies"`
	Gateways          Gateways `yaml:"gateways"`
	Routes            []Route  `yaml:"routes"` // as written; use UsableRoutes
	Sandbox           Sandbox  `yaml:"sandbox"`
}

// Log is how much is logged and in what form.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // text, json
}

// The database drivers.
const (
	SQLite = "sqlite"
	MySQL  = "mysql"
)

// Database is where the shop is kept.
type Database struct {
	Driver string `yaml:"driver"`
	DSN    Secret `yaml:"dsn"` // use DatabaseDSN
}

// Redis carries live status between replicas. It is not used while URL is empty.
type Redis struct {
	URL Secret `yaml:"url"`
}

// Shop is what buyers see and what they are charged beyond the goods.
type Shop struct {
	Name             string        `yaml:"name"`
	Currency         string        `yaml:"currency"`
	Languages        []string      `yaml:"languages"` // the first is the default
	TimeZone         string        `yaml:"time_zone"`
	PaymentWindow    time.Duration `yaml:"payment_window"`
	ShippingFee      int64         `yaml:"shipping_fee"`
	FreeShippingFrom int64         `yaml:"free_shipping_from"` // 0: never free
}

// How the conversation with a mail server is kept private.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	NoTLS    = "none"
)

// Mail is how buyers get mail. They get none while Host is empty.
type Mail struct {
	Host     string `yaml:"host"`
	Port     int64  `yaml:"port"` // 0: the usual one; use ServerPort
	TLS      string `yaml:"tls"`  // StartTLS, TLS, NoTLS
	User     string `yaml:"user"`
	Password Secret `yaml:"password"`
	From     string `yaml:"from"`     // an address, with a name or without
	ReplyTo  string `yaml:"reply_to"` // likewise, or empty
}

// ServerPort returns the port that the mail server answers on.
func (m Mail) ServerPort() int {
	switch {
	case m.Port != 0:
		return int(m.Port)
	case m.TLS == TLS:
		return 465
	case m.TLS == NoTLS:
		return 25
	}
	return 587
}

// Policies decide about money that came late or twice.
type Policies struct {
	LatePayment      string `yaml:"late_payment"`      // models.FulfilOrRefund, models.AskStaff
	DuplicatePayment string `yaml:"duplicate_payment"` // models.RefundAlways, models.AskStaff
}

// Gateways are the companies that move the money.
type Gateways struct {
	ScanForPay ScanForPay `yaml:"scanforpay"`
	Pass2Pay   Pass2Pay   `yaml:"pass2pay"`
}

// ScanForPay is the account with ScanForPay.
type ScanForPay struct {
	Enabled      bool          `yaml:"enabled"`
	BaseURL      string        `yaml:"base_url"` // no slash at the end
	PartnerNo    string        `yaml:"partner_no"`
	StoreNo      string        `yaml:"store_no"`
	SignKey      Secret        `yaml:"sign_key"`
	Currencies   []string      `yaml:"currencies"`
	OperatorID   string        `yaml:"operator_id"`
	TerminalNo   string        `yaml:"terminal_no"`
	Validity     time.Duration `yaml:"validity"`
	AllowedHosts []string      `yaml:"allowed_hosts"`
	Statement    Statement     `yaml:"statement"`
}

// UsesSandbox reports whether the built-in sandbox stands in for the gateway.
func (g ScanForPay) UsesSandbox() bool { return g.Enabled && g.BaseURL == "" }

// Pass2Pay is the account with Pass2Pay.
type Pass2Pay struct {
	Enabled      bool          `yaml:"enabled"`
	BaseURL      string        `yaml:"base_url"` // no slash at the end
	MchNo        string        `yaml:"mch_no"`
	AppID        string        `yaml:"app_id"`
	AppSecret    Secret        `yaml:"app_secret"`
	Currencies   []string      `yaml:"currencies"`
	Validity     time.Duration `yaml:"validity"`
	AllowedHosts []string      `yaml:"allowed_hosts"`
	RefundAPI    bool          `yaml:"refund_api"`
	CloseAPI     bool          `yaml:"close_api"`
	Statement    Statement     `yaml:"statement"`
}

// UsesSandbox reports whether the built-in sandbox stands in for the gateway.
func (g Pass2Pay) UsesSandbox() bool { return g.Enabled && g.BaseURL == "" }

// Route is one row of the table that says how a wallet is paid with in a scene.
type Route struct {
	Wallet  string `yaml:"wallet"`
	Scene   string `yaml:"scene"`
	Gateway string `yaml:"gateway"`
	Method  string `yaml:"method"`
}

// Sandbox simulates both gateways.
type Sandbox struct {
	Enabled     bool `yaml:"enabled"`
	AllowPublic bool `yaml:"allow_public"`
}

// defaults returns the configuration of an empty file. config.yaml says the same in words.
func defaults() *Config {
	return &Config{
		Listen:    ":8080",
		PublicURL: "http://localhost:8080",
		DataDir:   "data",
		DemoData:  true,
		Log:       Log{Level: "info", Format: "text"},
		Database:  Database{Driver: SQLite},
		Shop: Shop{
			Name:          "Saoma Demo",
			Currency:      "CNY",
			Languages:     slices.Clone(languages),
			TimeZone:      "Asia/Hong_Kong",
			PaymentWindow: 15 * time.Minute,
		},
		Mail:     Mail{TLS: StartTLS},
		Policies: Policies{LatePayment: models.FulfilOrRefund, DuplicatePayment: models.RefundAlways},
		Gateways: Gateways{
			ScanForPay: ScanForPay{
				Enabled: true, Currencies: []string{"CNY", "HKD", "JPY"}, Validity: 12 * time.Hour, Statement: defaultStatement(),
			},
			Pass2Pay: Pass2Pay{
				Enabled: true, Currencies: []string{"CNY"}, Validity: 2 * time.Hour, RefundAPI: true, CloseAPI: true,
				Statement: defaultStatement(),
			},
		},
		Routes: []Route{
			{"wechat", "wallet", "scanforpay", "jspay"},
			{"wechat", "desktop", "scanforpay", "qrcode"},
			{"wechat", "phone", "pass2pay", "WX_H5"},
			{"alipay", "wallet", "scanforpay", "jspay"},
			{"alipay", "desktop", "scanforpay", "qrcode"},
			{"alipay", "phone", "pass2pay", "ALI_WAP"},
			{"alipayhk", "any", "scanforpay", "online"},
		},
		Sandbox: Sandbox{Enabled: true},
	}
}

// DatabaseDSN returns where the database is: the configured DSN, or the SQLite file in DataDir.
// It may hold a password.
func (c *Config) DatabaseDSN() string {
	if c.Database.DSN == "" {
		return filepath.Join(c.DataDir, "saoma.db")
	}
	return string(c.Database.DSN)
}

// Warnings returns what is allowed and yet worth a line in the log at start.
func (c *Config) Warnings() []string {
	var warnings []string
	warn := func(doubtful bool, text string) {
		if doubtful {
			warnings = append(warnings, text)
		}
	}
	s, p := c.Gateways.ScanForPay, c.Gateways.Pass2Pay
	simulated := s.UsesSandbox() || p.UsesSandbox()
	live := s.Enabled && !s.UsesSandbox() || p.Enabled && !p.UsesSandbox()

	warn(c.SecretKey == "" && c.Database.Driver == MySQL,
		"secret_key is empty: a key is made for this machine alone, and several machines need the same one")
	warn(s.UsesSandbox() && s.SignKey != "",
		"gateways.scanforpay has a sign_key and no base_url: the sandbox stands in for it and no real money moves")
	warn(p.UsesSandbox() && p.AppSecret != "",
		"gateways.pass2pay has an app_secret and no base_url: the sandbox stands in for it and no real money moves")
	warn(simulated && live,
		"one gateway is real and the sandbox stands in for the other: what is paid there costs the buyer nothing")
	warn(live && c.DemoData,
		"demo_data is on with a real gateway: a shop without products is filled with demo products, and they can be bought")
	warn(live && isLocal(c.PublicURL),
		"public_url is not reachable from the internet: no gateway can notify the shop, payments are found by asking only")
	return warnings
}

package models

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// What the shop does with money that nobody waits for any more.
const (
	FulfilOrRefund = "fulfil_or_refund" // revive the order when its stock can be taken again, else refund
	RefundAlways   = "refund"
	AskStaff       = "ask" // leave the decision to staff
)

// Limits of what can be set.
const (
	MinPaymentWindow = time.Second
	MaxPaymentWindow = 24 * time.Hour
	MaxFee           = 1_000_000_000_000 // keeps every total far from overflow
	MaxShopName      = 80                // characters
	MaxShopText      = 20_000
	maxLowStock      = 100_000
)

// What counts unless somebody sets it.
const (
	DefaultLowStock = 5         // so few pieces are low
	DefaultAccent   = "#0b6b4d" // as app.css has it
)

// Settings is what a merchant changes while the shop runs. The configuration gives the first values,
// and what was set at the desk counts before them.
type Settings struct {
	ShopName         string
	ShippingFee      int64 // minor units, for orders with goods that are shipped
	FreeShippingFrom int64 // minor units of goods; 0: never free
	PaymentWindow    time.Duration
	LatePayment      string // FulfilOrRefund or AskStaff
	DuplicatePayment string // RefundAlways or AskStaff
	LowStock         int64  // so few pieces are low
	Logo             string // a PictureName; empty: there is none
	Accent           string // the colour of buttons and links, such as #0b6b4d

	texts  map[string]string // by page and language, such as "about.en"
	paused map[GatewayName]bool
}

// Totals returns the shipping fee and the amount to pay for goods of that sum.
func (s Settings) Totals(goods int64, shipped bool) (shipping, amount int64) {
	if shipped && (s.FreeShippingFrom == 0 || goods < s.FreeShippingFrom) {
		shipping = s.ShippingFee
	}
	return shipping, goods + shipping
}

// ShopPages are the pages that a merchant writes, in the order in which they are named.
var ShopPages = []string{"about", "terms", "contact"}

// Text returns one of ShopPages in the first of the languages that it was written in, and that
// language. Empty: it was not written.
func (s Settings) Text(page string, languages ...string) (text, language string) {
	for _, language := range languages {
		if text := s.texts[page+"."+language]; text != "" {
			return text, language
		}
	}
	return "", ""
}

// Paused reports whether no new attempts are begun at the gateway.
func (s Settings) Paused(gateway GatewayName) bool { return s.paused[gateway] }

// Setting is one thing that can be set: its name, its limits, and how it is written. Its value is kept
// as a text; people read and type it as Show writes it.
type Setting struct {
	Name    string   // as the configuration calls it, where that has it
	Choices []string // empty: anything within the limits
	Most    int      // characters that may be typed

	get  func(Settings) string
	set  func(*Settings, string) error                // refuses what is beyond the limits
	show func(value, currency string) string          // nil: a value reads as it is kept
	read func(typed, currency string) (string, error) // nil: likewise
}

// The settings.
var (
	SetShopName = Setting{
		Name: "shop.name", Most: MaxShopName,
		get: func(s Settings) string { return s.ShopName },
		set: func(s *Settings, value string) error { return setLine(&s.ShopName, value, MaxShopName) },
	}
	SetShippingFee      = money("shop.shipping_fee", func(s *Settings) *int64 { return &s.ShippingFee })
	SetFreeShippingFrom = money("shop.free_shipping_from", func(s *Settings) *int64 { return &s.FreeShippingFrom })
	SetPaymentWindow    = Setting{
		Name: "shop.payment_window", Most: 20,
		get: func(s Settings) string { return writeDuration(s.PaymentWindow) },
		set: func(s *Settings, value string) error {
			d, err := time.ParseDuration(value)
			if err != nil || d < MinPaymentWindow || d > MaxPaymentWindow {
				return refused("invalid.window")
			}
			s.PaymentWindow = d
			return nil
		},
		read: func(typed, _ string) (string, error) {
			return strings.ToLower(strings.Join(strings.Fields(typed), "")), nil
		},
	}
	SetLatePayment = choice("policies.late_payment", func(s *Settings) *string { return &s.LatePayment }, FulfilOrRefund, AskStaff)
	SetDuplicate   = choice("policies.duplicate_payment", func(s *Settings) *string { return &s.DuplicatePayment }, RefundAlways, AskStaff)
	SetLowStock    = Setting{
		Name: "shop.low_stock", Most: 6,
		get: func(s Settings) string { return strconv.FormatInt(s.LowStock, 10) },
		set: func(s *Settings, value string) error {
			return setNumber(&s.LowStock, value, maxLowStock, "invalid.number")
		},
	}
	SetAccent = Setting{
		Name: "shop.accent", Most: 7,
		get: func(s Settings) string { return s.Accent },
		set: func(s *Settings, value string) error {
			if !colour.MatchString(value) {
				return refused("invalid.colour")
			}
			s.Accent = value
			return nil
		},
		read: func(typed, _ string) (string, error) { return strings.ToLower(strings.TrimSpace(typed)), nil },
	}
)

var colour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// SetLogo is the picture that stands for the shop. Store.ChangeLogo also keeps the picture.
var SetLogo = Setting{
	Name: "shop.logo",
	get:  func(s Settings) string { return s.Logo },
	set: func(s *Settings, value string) error {
		if _, is := ParsePictureName(value); !is && value != "" {
			return refused("invalid.picture_format")
		}
		s.Logo = value
		return nil
	},
}

// SetText is the setting of one of ShopPages in a language.
func SetText(page, language string) Setting {
	key := page + "." + language
	return Setting{
		Name: textPrefix + key, Most: MaxShopText,
		get: func(s Settings) string { return s.texts[key] },
		set: func(s *Settings, value string) error {
			if utf8.RuneCountInString(value) > MaxShopText {
				return refused("invalid.max")
			}
			s.texts = with(s.texts, key, value)
			return nil
		},
		read: func(typed, _ string) (string, error) { return strings.ReplaceAll(typed, "\r\n", "\n"), nil },
	}
}

// SetPaused is the setting of whether no new attempts are begun at a gateway: Yes or No.
func SetPaused(gateway GatewayName) Setting {
	return Setting{
		Name: gatewayPrefix + string(gateway) + pausedSuffix, Choices: []string{Yes, No},
		get: func(s Settings) string {
			if s.paused[gateway] {
				return Yes
			}
			return No
		},
		set: func(s *Settings, value string) error {
			if value != Yes && value != No {
				return refused("invalid.choice")
			}
			s.paused = with(s.paused, gateway, value == Yes)
			return nil
		},
	}
}

// How a setting says so.
const (
	Yes = "yes"
	No  = "no"
)

// The names of settings of which there is one for each text or gateway.
const (
	textPrefix    = "text."
	gatewayPrefix = "gateways."
	pausedSuffix  = ".paused"
)

// settingNamed returns the setting with the name. False: it is none of these, such as SettingRequireTOTP.
func settingNamed(name string) (Setting, bool) {
	for _, known := range []Setting{
		SetShopName, SetShippingFee, SetFreeShippingFrom, SetPaymentWindow, SetLatePayment, SetDuplicate, SetLowStock, SetLogo, SetAccent,
	} {
		if known.Name == name {
			return known, true
		}
	}
	if key, is := strings.CutPrefix(name, textPrefix); is {
		page, language, whole := strings.Cut(key, ".")
		return SetText(page, language), whole
	}
	if gateway, is := strings.CutPrefix(name, gatewayPrefix); is {
		gateway, whole := strings.CutSuffix(gateway, pausedSuffix)
		return SetPaused(GatewayName(gateway)), whole
	}
	return Setting{}, false
}

// Value returns what the setting is set to, as it is kept.
func (d Setting) Value(s Settings) string { return d.get(s) }

// Show writes a value as people read and type it. Amounts are in the currency.
func (d Setting) Show(value, currency string) string {
	if d.show == nil {
		return value
	}
	return d.show(value, currency)
}

// Read returns the value that somebody typed, as it is kept. What cannot be one is refused with an
// Error of the kind Invalid.
func (d Setting) Read(typed, currency string) (string, error) {
	if d.read != nil {
		value, err := d.read(typed, currency)
		if err != nil {
			return "", err
		}
		typed = value
	}
	var read Settings
	if err := d.set(&read, typed); err != nil {
		return "", err
	}
	return d.get(read), nil
}

func refused(key string) *Error { return &Error{Kind: Invalid, Key: key} }

func money(name string, field func(*Settings) *int64) Setting {
	return Setting{
		Name: name, Most: 20,
		get: func(s Settings) string { return strconv.FormatInt(*field(&s), 10) },
		set: func(s *Settings, value string) error { return setNumber(field(s), value, MaxFee, "invalid.amount") },
		show: func(value, currency string) string {
			minor, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return value
			}
			return Money{Amount: minor, Currency: currency}.Decimal()
		},
		read: func(typed, currency string) (string, error) {
			m, err := ParseMoney(typed, currency)
			if err != nil {
				return "", refused("invalid.amount").Because(err)
			}
			return strconv.FormatInt(m.Amount, 10), nil
		},
	}
}

func choice(name string, field func(*Settings) *string, choices ...string) Setting {
	return Setting{
		Name: name, Choices: choices,
		get: func(s Settings) string { return *field(&s) },
		set: func(s *Settings, value string) error {
			if !slices.Contains(choices, value) {
				return refused("invalid.choice")
			}
			*field(s) = value
			return nil
		},
	}
}

func setLine(field *string, value string, most int) error {
	switch {
	case value == "":
		return refused("invalid.required")
	case utf8.RuneCountInString(value) > most:
		return refused("invalid.max")
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }):
		return refused("invalid.line")
	}
	*field = value
	return nil
}

func setNumber(field *int64, value string, most int64, key string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || n > most {
		return refused(key)
	}
	*field = n
	return nil
}

// writeDuration writes a time as the configuration does: 15m, not 15m0s.
func writeDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// with returns a copy of the map in which the key has the value: whoever holds the old one goes on
// reading it.
func with[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[K]V{}
	}
	m[key] = value
	return m
}

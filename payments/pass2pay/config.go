package pass2pay

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Config is what the shop knows about its account at Pass2Pay.
type Config struct {
	BaseURL   string // where the API is, with an optional path; https, but for a sandbox
	MchNo     string // merchant number
	AppID     string // application; each has a secret of its own
	AppSecret string

	// Validity is how long the shop watches an attempt. Create never lets the gateway take
	// money for longer.
	Validity time.Duration

	// AllowedHosts are the hosts, with a port where it is not the usual one, that a buyer may
	// be sent to besides the host of BaseURL.
	AllowedHosts []string

	// The calls for refunding and closing are not in the gateway's public documents, and not
	// every account has them.
	RefundAPI bool
	CloseAPI  bool
}

// The least and the most that a secret may have; the upper bound is the gateway's.
const (
	minSecret = 16
	maxSecret = 128
)

var accountName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// check returns all mistakes at once. It quotes no secret.
func (c Config) check() error {
	var mistakes []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			mistakes = append(mistakes, fmt.Errorf("pass2pay: "+format, args...))
		}
	}
	refuse(!plainAddress(c.BaseURL), "base_url %q is not an http or https address without user, query and fragment", c.BaseURL)
	refuse(!accountName.MatchString(c.MchNo), "mch_no must be 1 to 64 of A-Z a-z 0-9 _ -")
	refuse(!accountName.MatchString(c.AppID), "app_id must be 1 to 64 of A-Z a-z 0-9 _ -")
	refuse(len(c.AppSecret) < minSecret || len(c.AppSecret) > maxSecret,
		"app_secret must have %d to %d bytes, has %d", minSecret, maxSecret, len(c.AppSecret))
	refuse(c.Validity < time.Minute, "validity must be one minute or more, is %v", c.Validity)
	for _, host := range c.AllowedHosts {
		refuse(!plainHost(host), "allowed_hosts: %q is not a host with an optional port", host)
	}
	return errors.Join(mistakes...)
}

// plainAddress reports whether the text is an absolute web address of nothing but scheme, host
// and path.
func plainAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && !strings.ContainsAny(text, "?#\\")
}

func plainHost(host string) bool {
	u, err := url.Parse("https://" + host)
	return err == nil && u.Host == host && u.Hostname() != ""
}

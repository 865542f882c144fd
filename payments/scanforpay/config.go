package scanforpay

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Config is a merchant's account at ScanForPay and how to reach it.
type Config struct {
	BaseURL      string        // absolute; the paths of the calls are added to it
	PartnerNo    string        // who we are
	StoreNo      string        // which of our stores sells
	SignKey      string        // secret
	OperatorID   string        // shown in the merchant's list; may be empty
	TerminalNo   string        // likewise
	Validity     time.Duration // how long the gateway may take the money of an attempt
	AllowedHosts []string      // hosts of payment pages besides that of BaseURL, with a port where it is not the usual one
}

// Limits of ScanForPay's fields in bytes, and the shortest key that can be one.
const (
	maxAccountNo  = 15
	maxOperatorID = 20
	minSignKey    = 16
)

// check returns all mistakes at once. It names fields and never shows the key.
func (c Config) check() error {
	errs := []error{
		checkBaseURL(c.BaseURL),
		checkNumber("partner_no", c.PartnerNo, 1, maxAccountNo),
		checkNumber("store_no", c.StoreNo, 1, maxAccountNo),
		checkNumber("operator_id", c.OperatorID, 0, maxOperatorID),
		checkNumber("terminal_no", c.TerminalNo, 0, maxOperatorID),
	}
	if len(c.SignKey) < minSignKey {
		errs = append(errs, fmt.Errorf("sign_key: must have at least %d characters", minSignKey))
	}
	if strings.TrimSpace(c.SignKey) != c.SignKey {
		errs = append(errs, errors.New("sign_key: has white space around it"))
	}
	if c.Validity <= 0 {
		errs = append(errs, errors.New("validity: must be longer than nothing"))
	}
	for _, host := range c.AllowedHosts {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || host == "" {
			errs = append(errs, fmt.Errorf("allowed_hosts: %q is not a host or host:port", host))
		}
	}
	return errors.Join(errs...)
}

func checkBaseURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("base_url: cannot be parsed")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return errors.New("base_url: must be an absolute http or https address")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("base_url: must have no user, query or fragment")
	}
	return nil
}

// checkNumber accepts visible ASCII of a length between least and most.
func checkNumber(field, value string, least, most int) error {
	if len(value) < least || len(value) > most {
		return fmt.Errorf("%s: must have %d to %d characters", field, least, most)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%s: may hold only visible ASCII characters", field)
	}
	return nil
}

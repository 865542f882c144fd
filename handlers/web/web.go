// Package web is what all pages share: how a page is rendered and translated, who the visitor
// is, and how a form is known to be ours. It knows no page in particular.
//
// These rules always hold: nothing is kept about a visitor before there is something to keep;
// a request that changes something carries the session's token; a template prints only what it
// is given, escaped; every call below works under the request's own deadline.
package web

import (
	"fmt"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"saoma/models"
	"saoma/static"
	"saoma/views"
)

// Config is what the pages need to know of the configuration. The zero value of a field that
// says nothing else is usable.
type Config struct {
	PublicURL         string   // absolute, without a slash at its end; https makes cookies Secure
	Currency          string   // ISO 4217
	Languages         []string // the first is the default
	TimeZone          *time.Location
	SecretKey         []byte   // at least 32 bytes; signs sessions
	SecretKeyPrevious []byte   // still accepted
	TrustedProxies    []string // CIDRs whose X-Forwarded-For counts
	SandboxOn         bool     // no real money moves; every page says so
	GatewayHosts      []string // hosts that a form may be redirected to, as in a content policy
}

// Base is shared by all handlers and safe for many goroutines.
type Base struct {
	Store  *models.Store
	Config Config

	assets    *static.Files
	templates *templates
	languages *languages
	sessions  *sessionStore
	csrf      *csrf
	proxies   []netip.Prefix
	policy    policy
	accent    atomic.Pointer[Accent] // as it was last wanted

	countryCodes map[string]string // by what people write
}

// New loads templates, catalogues and assets. A broken one is an error here and never later.
func New(cfg Config, store *models.Store) (*Base, error) {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil || public.Host == "" {
		return nil, fmt.Errorf("public_url %q is not an absolute address", cfg.PublicURL)
	}
	b := &Base{Store: store, Config: cfg, policy: newPolicy(public, cfg.GatewayHosts), countryCodes: knownCountries()}
	if b.proxies, err = parsePrefixes(cfg.TrustedProxies); err != nil {
		return nil, err
	}
	if b.assets, err = static.Load(); err != nil {
		return nil, err
	}
	if b.languages, err = loadLanguages(views.Files, cfg.Languages); err != nil {
		return nil, err
	}
	if b.templates, err = loadTemplates(views.Files, b.assets); err != nil {
		return nil, err
	}
	if b.csrf, err = newCSRF(cfg, public); err != nil {
		return nil, err
	}
	b.sessions, err = newSessionStore(cfg, public, store)
	return b, err
}

func parsePrefixes(texts []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q: %w", text, err)
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, nil
}

package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"
)

// ErrForeignForm is returned for a request that changes something and does not come from a form
// that we showed this visitor. An honest visitor reloads the page and tries again.
var ErrForeignForm = errors.New("form is not one of this session")

// csrf knows our own forms by a token that only the session's pages can hold: the session's id
// under a key of ours. Nothing needs to be kept for it.
type csrf struct {
	keys   [][]byte
	origin *http.CrossOriginProtection
}

func newCSRF(cfg Config, public *url.URL) (*csrf, error) {
	keys, err := deriveKeys(cfg, "form token")
	if err != nil {
		return nil, err
	}
	origin := http.NewCrossOriginProtection()
	return &csrf{keys: keys, origin: origin}, origin.AddTrustedOrigin(public.Scheme + "://" + public.Host)
}

// SameSite refuses a request that changes something unless the browser says that it comes from
// our own pages and it carries the session's token in the field _csrf. It stands after Sessions.
//
// A browser under the policy "no-referrer" says that a form comes from nowhere, which older ones
// do not mend with Sec-Fetch-Site: pages with forms need the policy "same-origin".
func (b *Base) SameSite(c *fiber.Ctx) error {
	if slices.Contains([]string{fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions}, c.Method()) {
		return c.Next()
	}
	s := b.Session(c)
	if b.csrf.origin.Check(bridge(c)) != nil || s.kept.IsNew || !b.csrf.valid(s.kept.ID, FormValue(c, "_csrf")) {
		return ErrForeignForm
	}
	return c.Next()
}

func (f *csrf) token(sessionID string) string { return tokenUnder(f.keys[0], sessionID) }

func (f *csrf) valid(sessionID, token string) bool {
	return slices.ContainsFunc(f.keys, func(key []byte) bool {
		return hmac.Equal([]byte(tokenUnder(key, sessionID)), []byte(token))
	})
}

func tokenUnder(key []byte, sessionID string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sessionID))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

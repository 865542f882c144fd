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
	s := b.Session(c)
	if Changes(c) && (s.kept.IsNew || !b.OwnForm(c, s.kept.ID)) {
		return ErrForeignForm
	}
	return c.Next()
}

// Changes reports whether the request's method is one that changes something.
func Changes(c *fiber.Ctx) bool {
	return !slices.Contains([]string{fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions}, c.Method())
}

// OwnForm reports whether the browser says that the request comes from our own pages, and it carries
// the token of the session with that id, in the field _csrf.
func (b *Base) OwnForm(c *fiber.Ctx, sessionID string) bool {
	return b.csrf.origin.Check(bridge(c)) == nil && b.csrf.valid(sessionID, FormValue(c, "_csrf"))
}

// FormToken returns the token for the forms of a session that is not the visitor's own but one that a
// package keeps itself; OwnForm knows it again.
func (b *Base) FormToken(sessionID string) string { return b.csrf.token(sessionID) }

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

package web

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"saoma/models"
)

const (
	sessionAge   = 30 * 24 * time.Hour // a visitor who stays away longer is forgotten
	sessionRenew = 24 * time.Hour      // how often the end is moved
	dataKey      = "data"
)

// MaxLines is the most lines that a cart holds.
const MaxLines = 50

// sessionData is what is kept about a visitor.
type sessionData struct {
	Cart          []models.Line `json:"cart,omitempty"`
	Changed       bool          `json:"changed,omitempty"`   // the cart was, and has not told it yet
	FormToken     string        `json:"form,omitempty"`      // of the checkout form now shown
	LastFormToken string        `json:"last_form,omitempty"` // of the order placed last
	Buyer         *models.Buyer `json:"buyer,omitempty"`     // as typed so far, until the order is placed
	Wallet        models.Wallet `json:"wallet,omitempty"`
	CustomerID    string        `json:"customer,omitempty"`
	CustomerSince time.Time     `json:"since,omitzero"`
	Renewed       time.Time     `json:"renewed,omitzero"`
}

// Session is one visitor. The browser holds only a signed random id; what is kept lies in the
// database under the id's hash. There is no cookie before a page shows a form, and no row
// before something is put into the session.
type Session struct {
	kept    *sessions.Session
	data    *sessionData
	fresh   bool // the browser does not have the cookie yet
	changed bool // the row does not have the data yet
	csrf    *csrf
}

// Session returns the visitor's session; outside of Sessions an empty one that is not kept.
func (b *Base) Session(c *fiber.Ctx) *Session {
	if s, ok := c.Locals(sessionKey).(*Session); ok {
		return s
	}
	return b.emptySession()
}

func (b *Base) emptySession() *Session {
	return &Session{kept: sessions.NewSession(b.sessions, b.sessions.name), data: &sessionData{}, csrf: b.csrf}
}

// Sessions loads the visitor's session before the handler and keeps what changed after it,
// before the answer leaves: what a page says was kept is kept.
func (b *Base) Sessions(c *fiber.Ctx) error {
	kept, err := b.sessions.Get(bridge(c), b.sessions.name)
	if err != nil {
		return fmt.Errorf("load session: %w", err)
	}
	c.Locals(sessionKey, &Session{kept: kept, data: dataOf(kept), csrf: b.csrf})
	if err = c.Next(); errors.Is(err, models.ErrStoreDown) {
		return err // nothing can be kept now, and the visitor has waited long enough
	}
	return errors.Join(err, b.SaveSession(c))
}

// SaveSession keeps the session now, for a handler that goes on to something slow. It may be
// called at any time and does nothing when nothing changed.
func (b *Base) SaveSession(c *fiber.Ctx) error {
	s := b.Session(c)
	if now := b.Store.Now(); s.kept.ID != "" && !s.data.empty() && now.Sub(s.data.Renewed) > sessionRenew {
		s.data.Renewed = now
		s.fresh, s.changed = true, true
	}
	if s.changed {
		if err := b.sessions.write(c.UserContext(), s.kept); err != nil {
			return fmt.Errorf("keep session: %w", err)
		}
	}
	if s.fresh {
		header := responseHeader{}
		if err := s.kept.Save(bridge(c), header); err != nil {
			return fmt.Errorf("sign session cookie: %w", err)
		}
		c.Response().Header.Add(fiber.HeaderSetCookie, header.Header().Get("Set-Cookie"))
	}
	s.changed, s.fresh = false, false
	return nil
}

// CSRF returns the token that the session's forms carry.
func (s *Session) CSRF() string {
	s.name()
	return s.csrf.token(s.kept.ID)
}

// Cart returns the lines in the order in which they were put in.
func (s *Session) Cart() []models.Line { return slices.Clone(s.data.Cart) }

// Count returns how many pieces the cart holds.
func (s *Session) Count() int64 {
	var n int64
	for _, line := range s.data.Cart {
		n += line.Quantity
	}
	return n
}

// SetLine puts so many of a SKU into the cart, 0 takes it out. It reports false, and changes
// nothing, when the cart has no room for another line. More than models.MaxQuantity is cut to it.
func (s *Session) SetLine(sku string, quantity int64) bool {
	quantity = min(quantity, models.MaxQuantity)
	at := slices.IndexFunc(s.data.Cart, func(l models.Line) bool { return l.SKU == sku })
	switch {
	case quantity <= 0 && at < 0:
		return true
	case quantity <= 0:
		s.data.Cart = slices.Delete(s.data.Cart, at, at+1)
	case at >= 0:
		s.data.Cart[at].Quantity = quantity
	case len(s.data.Cart) >= MaxLines:
		return false
	default:
		s.data.Cart = append(s.data.Cart, models.Line{SKU: sku, Quantity: quantity})
	}
	s.touch()
	return true
}

// Holds reports whether there is a line of the SKU.
func (s *Session) Holds(sku string) bool {
	return slices.ContainsFunc(s.data.Cart, func(l models.Line) bool { return l.SKU == sku })
}

// RenameLine lets a line have the SKU that its article has now. A line of that SKU takes its pieces.
func (s *Session) RenameLine(from, to string) {
	at := slices.IndexFunc(s.data.Cart, func(l models.Line) bool { return l.SKU == from })
	if at < 0 {
		return
	}
	for _, line := range s.data.Cart {
		if line.SKU == to {
			s.SetLine(to, line.Quantity+s.data.Cart[at].Quantity)
			s.SetLine(from, 0)
			return
		}
	}
	s.data.Cart[at].SKU = to
	s.touch()
}

// SetChanged has the cart tell, once, that it was changed.
func (s *Session) SetChanged() {
	s.data.Changed = true
	s.touch()
}

// TakeChanged reports what SetChanged set, once.
func (s *Session) TakeChanged() bool {
	changed := s.data.Changed
	if changed {
		s.data.Changed = false
		s.touch()
	}
	return changed
}

// FormToken returns the token of the checkout form now shown; with it one form makes one order.
func (s *Session) FormToken() string {
	if s.data.FormToken == "" {
		s.data.FormToken = models.NewToken()
		s.touch()
	}
	return s.data.FormToken
}

// LastFormToken returns the token of the form whose order was placed last, empty when none was.
func (s *Session) LastFormToken() string { return s.data.LastFormToken }

// OwnsFormToken reports whether the token is of a form that this session was shown: the present
// one, or the one whose order was placed last.
func (s *Session) OwnsFormToken(token string) bool {
	return token != "" && (token == s.data.FormToken || token == s.data.LastFormToken)
}

// Remember keeps what a buyer has typed into the checkout form until the order is placed.
func (s *Session) Remember(buyer models.Buyer, wallet models.Wallet) {
	s.data.Buyer, s.data.Wallet = &buyer, wallet
	s.touch()
}

// Remembered returns what Remember kept.
func (s *Session) Remembered() (models.Buyer, models.Wallet) {
	if s.data.Buyer == nil {
		return models.Buyer{}, ""
	}
	return *s.data.Buyer, s.data.Wallet
}

// OrderPlaced empties the cart, forgets what was typed and lets the next checkout have a token
// of its own.
func (s *Session) OrderPlaced(formToken string) {
	if s.data.LastFormToken == formToken {
		return // the form was sent again; the cart may hold new wishes by now
	}
	s.data.Cart, s.data.Buyer, s.data.Wallet = nil, nil, ""
	s.data.FormToken, s.data.LastFormToken = "", formToken
	s.touch()
}

// Customer returns a pseudonym of the visitor, the same as long as the session lives, and since
// when it is known. Gateways ask for one.
func (s *Session) Customer(now time.Time) (id string, since time.Time) {
	if s.data.CustomerID == "" {
		s.data.CustomerID, s.data.CustomerSince = models.NewToken(), now
		s.touch()
	}
	return s.data.CustomerID, s.data.CustomerSince
}

func (s *Session) touch() {
	s.name()
	s.changed = true
}

// name gives the session its id.
func (s *Session) name() {
	if s.kept.ID == "" {
		s.kept.ID = models.NewToken()
		s.fresh = true
	}
}

func (d *sessionData) empty() bool {
	return len(d.Cart) == 0 && d.FormToken == "" && d.LastFormToken == "" && d.Buyer == nil && d.CustomerID == ""
}

func dataOf(s *sessions.Session) *sessionData {
	data, ok := s.Values[dataKey].(*sessionData)
	if !ok {
		data = &sessionData{}
		s.Values[dataKey] = data
	}
	return data
}

// sessionStore is a sessions.Store: a signed id in the cookie, the data in the database.
type sessionStore struct {
	store   *models.Store
	name    string // of the cookie
	codecs  []securecookie.Codec
	options sessions.Options
}

func newSessionStore(cfg Config, public *url.URL, store *models.Store) (*sessionStore, error) {
	s := &sessionStore{store: store, name: "saoma", options: sessions.Options{
		Path:     "/",
		MaxAge:   int(sessionAge.Seconds()),
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}}
	if public.Scheme == "https" {
		s.name, s.options.Secure = "__Host-saoma", true
	}
	keys, err := deriveKeys(cfg, "session cookie")
	for _, key := range keys {
		s.codecs = append(s.codecs, securecookie.New(key, nil).
			MaxAge(s.options.MaxAge).SetSerializer(securecookie.JSONEncoder{}))
	}
	return s, err
}

// Get returns the request's session, reading it once.
func (s *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session that the cookie names. A cookie that is missing, too old or not signed
// by us gives a new session and no error; an error is the database's.
func (s *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := s.options
	session.Options, session.IsNew = &options, true
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil
	}
	var id string
	if securecookie.DecodeMulti(name, cookie.Value, &id, s.codecs...) != nil {
		return session, nil
	}
	session.ID, session.IsNew = id, false
	raw, err := s.store.Session(r.Context(), hashID(id))
	if err != nil || raw == nil {
		return session, err
	}
	return session, json.Unmarshal(raw, dataOf(session))
}

// write keeps the data.
func (s *sessionStore) write(ctx context.Context, session *sessions.Session) error {
	raw, err := json.Marshal(dataOf(session))
	if err != nil {
		return err
	}
	return s.store.SaveSession(ctx, hashID(session.ID), raw, s.store.Now().Add(sessionAge))
}

// Save sets the cookie; the data is kept by write, which needs no browser.
func (s *sessionStore) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	value, err := securecookie.EncodeMulti(session.Name(), session.ID, s.codecs...)
	if err != nil {
		return err
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), value, session.Options))
	return nil
}

func hashID(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// Keys returns a key of 32 bytes for one purpose from each secret key, the present one first.
func (b *Base) Keys(purpose string) ([][]byte, error) { return deriveKeys(b.Config, purpose) }

// deriveKeys returns a key for one purpose from each secret key, the present one first.
func deriveKeys(cfg Config, purpose string) ([][]byte, error) {
	if len(cfg.SecretKey) < 32 {
		return nil, errors.New("secret_key is shorter than 32 bytes")
	}
	secrets := [][]byte{cfg.SecretKey}
	if len(cfg.SecretKeyPrevious) > 0 {
		secrets = append(secrets, cfg.SecretKeyPrevious)
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "saoma "+purpose, 32)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

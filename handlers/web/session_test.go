package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// cookieOf returns the session cookie that the answer sets, nil when none.
func cookieOf(resp *http.Response) *http.Cookie {
	for _, cookie := range resp.Cookies() {
		if strings.HasSuffix(cookie.Name, "saoma") {
			return cookie
		}
	}
	return nil
}

// cartApp keeps what ?put= names and answers with the SKUs in the cart.
func cartApp(b *Base) *fiber.App {
	return newApp(b, func(c *fiber.Ctx) error {
		s := b.Session(c)
		if sku := c.Query("put"); sku != "" {
			s.SetLine(sku, 1)
		}
		if c.Query("form") != "" {
			s.CSRF()
		}
		var skus []string
		for _, line := range s.Cart() {
			skus = append(skus, line.SKU)
		}
		return c.SendString(strings.Join(skus, ","))
	})
}

func TestSessionIsLazy(t *testing.T) {
	app := cartApp(newBase(t, testConfig(), modelstest.New(t)))
	if resp, _ := do(t, app, visit{target: "/"}); cookieOf(resp) != nil {
		t.Errorf("page with nothing to keep: got cookie %v, want none", cookieOf(resp))
	}
	resp, _ := do(t, app, visit{target: "/?form=1"})
	formCookie := cookieOf(resp)
	if formCookie == nil {
		t.Fatal("page with a form: got no cookie, want one")
	}
	resp, _ = do(t, app, visit{target: "/?form=1", cookies: []*http.Cookie{formCookie}})
	if again := cookieOf(resp); again != nil {
		t.Errorf("second page with a form: got another cookie %v, want none", again)
	}
}

func TestSessionKeepsNoRowForAForm(t *testing.T) {
	store := modelstest.New(t)
	b := newBase(t, testConfig(), store)
	var id string
	app := newApp(b, func(c *fiber.Ctx) error {
		s := b.Session(c)
		s.CSRF()
		id = s.kept.ID
		return nil
	})
	do(t, app, visit{target: "/"})
	if data, err := store.Session(context.Background(), hashID(id)); err != nil || data != nil {
		t.Errorf("row after a page with a form: got %q, %v, want none", data, err)
	}
}

func TestSessionKeepsTheCart(t *testing.T) {
	app := cartApp(newBase(t, testConfig(), modelstest.New(t)))
	resp, _ := do(t, app, visit{target: "/?put=CUP"})
	jar := []*http.Cookie{cookieOf(resp)}
	do(t, app, visit{target: "/?put=POT", cookies: jar})
	if _, got := do(t, app, visit{target: "/", cookies: jar}); got != "CUP,POT" {
		t.Errorf("cart: got %q, want %q", got, "CUP,POT")
	}
	if _, got := do(t, app, visit{target: "/"}); got != "" {
		t.Errorf("somebody else's cart: got %q, want nothing", got)
	}
}

func TestSessionCookie(t *testing.T) {
	tests := []struct {
		publicURL, name string
		secure          bool
	}{
		{"http://localhost:8080", "saoma", false},
		{"https://shop.example", "__Host-saoma", true},
	}
	for _, tt := range tests {
		cfg := testConfig()
		cfg.PublicURL = tt.publicURL
		resp, _ := do(t, cartApp(newBase(t, cfg, modelstest.New(t))), visit{target: "/?put=CUP"})
		c := cookieOf(resp)
		if c == nil {
			t.Fatalf("%s: got no cookie", tt.publicURL)
		}
		got := http.Cookie{Name: c.Name, Secure: c.Secure, HttpOnly: c.HttpOnly, SameSite: c.SameSite, Path: c.Path, MaxAge: c.MaxAge, Domain: c.Domain}
		want := http.Cookie{Name: tt.name, Secure: tt.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/", MaxAge: 30 * 24 * 60 * 60}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cookie for %s (-want +got):\n%s", tt.publicURL, diff)
		}
	}
}

func TestSessionRefusesForgedCookies(t *testing.T) {
	store := modelstest.New(t)
	app := cartApp(newBase(t, testConfig(), store))
	resp, _ := do(t, app, visit{target: "/?put=CUP"})
	honest := cookieOf(resp)
	cfg := testConfig()
	cfg.SecretKey = []byte("some other key of thirty-two byt")
	resp, _ = do(t, cartApp(newBase(t, cfg, store)), visit{target: "/?put=POT"})
	for name, value := range map[string]string{
		"one character changed": honest.Value[:len(honest.Value)-2] + "AA",
		"signed by another key": cookieOf(resp).Value,
		"not signed":            "abcdef",
		"empty":                 "",
	} {
		resp, got := do(t, app, visit{target: "/", cookies: []*http.Cookie{{Name: honest.Name, Value: value}}})
		if resp.StatusCode != http.StatusOK || got != "" {
			t.Errorf("cookie %s: got %d and cart %q, want 200 and an empty one", name, resp.StatusCode, got)
		}
	}
}

func TestSessionKeysRotate(t *testing.T) {
	store := modelstest.New(t)
	before, after := testConfig(), testConfig()
	after.SecretKey, after.SecretKeyPrevious = []byte("the next key of thirty-two bytes"), before.SecretKey
	resp, _ := do(t, cartApp(newBase(t, before, store)), visit{target: "/?put=CUP"})
	old := []*http.Cookie{cookieOf(resp)}
	if _, got := do(t, cartApp(newBase(t, after, store)), visit{target: "/", cookies: old}); got != "CUP" {
		t.Errorf("cart under the previous key: got %q, want %q", got, "CUP")
	}
	after.SecretKeyPrevious = nil
	if _, got := do(t, cartApp(newBase(t, after, store)), visit{target: "/", cookies: old}); got != "" {
		t.Errorf("cart under a forgotten key: got %q, want nothing", got)
	}
}

func TestSessionIsRenewedDaily(t *testing.T) {
	now := time.Now()
	o := modelstest.Options(t)
	o.Now = func() time.Time { return now }
	app := cartApp(newBase(t, testConfig(), modelstest.Open(t, o)))
	resp, _ := do(t, app, visit{target: "/?put=CUP"})
	jar := []*http.Cookie{cookieOf(resp)}
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{time.Hour, false}, {22 * time.Hour, false}, {2 * time.Hour, true}, {time.Hour, false}} {
		now = now.Add(step.after)
		resp, got := do(t, app, visit{target: "/", cookies: jar})
		if renewed := cookieOf(resp) != nil; renewed != step.want || got != "CUP" {
			t.Errorf("%v later: got renewed %t, cart %q, want %t, CUP", step.after, renewed, got, step.want)
		}
	}
	now = now.Add(sessionAge + time.Hour)
	if _, got := do(t, app, visit{target: "/", cookies: jar}); got != "" {
		t.Errorf("after %v: got cart %q, want nothing", sessionAge, got)
	}
}

func TestSessionThatCannotBeKeptIsAnError(t *testing.T) {
	store, err := models.Open(t.Context(), modelstest.Options(t))
	if err != nil {
		t.Fatal(err)
	}
	app := cartApp(newBase(t, testConfig(), store))
	resp, _ := do(t, app, visit{target: "/?put=CUP"})
	jar := []*http.Cookie{cookieOf(resp)}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/?put=POT", "/"} {
		if resp, _ := do(t, app, visit{target: target, cookies: jar}); resp.StatusCode != http.StatusTeapot {
			t.Errorf("%s without a database: got %d, want an error", target, resp.StatusCode)
		}
	}
}

func TestSetLine(t *testing.T) {
	s := newBase(t, testConfig(), modelstest.New(t)).emptySession()
	for _, step := range []struct {
		sku  string
		n    int64
		want []models.Line
	}{
		{"CUP", 0, nil},
		{"CUP", 2, []models.Line{{SKU: "CUP", Quantity: 2}}},
		{"POT", 1, []models.Line{{SKU: "CUP", Quantity: 2}, {SKU: "POT", Quantity: 1}}},
		{"CUP", 5000, []models.Line{{SKU: "CUP", Quantity: models.MaxQuantity}, {SKU: "POT", Quantity: 1}}},
		{"CUP", -1, []models.Line{{SKU: "POT", Quantity: 1}}},
	} {
		if !s.SetLine(step.sku, step.n) {
			t.Errorf("SetLine(%s, %d): got no room", step.sku, step.n)
		}
		if diff := cmp.Diff(step.want, s.Cart()); diff != "" && len(s.Cart())+len(step.want) > 0 {
			t.Errorf("cart after SetLine(%s, %d) (-want +got):\n%s", step.sku, step.n, diff)
		}
	}
	for i := range MaxLines - 1 {
		s.SetLine(strings.Repeat("X", i+1), 1)
	}
	if s.SetLine("ONE-MORE", 1) {
		t.Errorf("line %d: got room, want none", MaxLines+1)
	}
	if !s.SetLine("POT", 3) || s.Count() != 3+MaxLines-1 {
		t.Errorf("full cart: a line of it cannot be changed")
	}
}

func TestOrderPlaced(t *testing.T) {
	s := newBase(t, testConfig(), modelstest.New(t)).emptySession()
	s.SetLine("CUP", 1)
	s.Remember(models.Buyer{Name: "Ada"}, models.WeChat)
	token := s.FormToken()
	if again := s.FormToken(); again != token {
		t.Errorf("FormToken again: got %s, want %s", again, token)
	}
	s.OrderPlaced(token)
	if buyer, wallet := s.Remembered(); s.Count() != 0 || buyer != (models.Buyer{}) || wallet != "" {
		t.Errorf("after the order: got cart %v, buyer %v, wallet %q, want nothing", s.Cart(), buyer, wallet)
	}
	if !s.OwnsFormToken(token) || s.OwnsFormToken("") || s.OwnsFormToken("guess") || s.FormToken() == token {
		t.Errorf("the form's token is not told from others")
	}
	s.SetLine("POT", 1)
	s.OrderPlaced(token)
	if s.Count() != 1 {
		t.Errorf("the old form sent again: got cart %v, want the new wishes kept", s.Cart())
	}
}

package handlers

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

// TestDeskApart keeps the desk and the metrics off the shop's own server.
func TestDeskApart(t *testing.T) {
	for _, apart := range []bool{false, true} {
		log := slog.New(slog.DiscardHandler)
		store := modelstest.New(t)
		app, err := New(Deps{
			Store: store, Log: log, Apart: apart,
			Payments: payments.New(payments.Config{Store: store, PublicURL: "http://localhost:8080", Log: log}),
			Config: web.Config{
				PublicURL: "http://localhost:8080", Currency: "CNY", Languages: []string{"en"},
				TimeZone: time.UTC, SecretKey: []byte("a secret key of thirty-two bytes"),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		status := func(server *fiber.App, target string) int {
			resp, err := server.Test(httptest.NewRequest(http.MethodGet, target, nil), -1)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode == 200 && strings.HasPrefix(target, "/admin") && resp.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s, apart %t: got no content policy", target, apart)
			}
			return resp.StatusCode
		}
		shop, desk := 200, app.App
		if apart {
			shop, desk = 404, app.Apart
			if got := status(desk, "/cart"); got != 404 {
				t.Errorf("cart on the desk's server: got %d, want 404", got)
			}
		}
		for _, target := range []string{"/admin/login", "/metrics"} {
			if got := status(app.App, target); got != shop {
				t.Errorf("%s on the shop's server, apart %t: got %d, want %d", target, apart, got, shop)
			}
			if got := status(desk, target); got != 200 {
				t.Errorf("%s on the desk's server, apart %t: got %d, want 200", target, apart, got)
			}
		}
	}
}

// TestDeskFailures shows errors of the desk in its own frame, and those of the shop in the shop's.
func TestDeskFailures(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.get("/admin/setup/nothing").check(t, "dead link", 404, "", []string{"no longer works", `href="/admin"`}, []string{`href="/cart"`})
	b.get("/admin/login")
	b.token = "forged"
	b.post("/admin/login", url.Values{}).check(t, "forged form", 403, "", []string{"has expired", `href="/admin"`}, nil)
	b.get("/administration").check(t, "page of nobody", 404, "", []string{"no such page", `href="/cart"`}, nil)
}

// TestLogHoldsNoSecretOfStaff sets the shop up and logs in with everything logged.
func TestLogHoldsNoSecretOfStaff(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	token, err := s.store.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const password = "purple elephants dance"
	b.get("/admin/setup/" + token)
	b.post("/admin/setup/"+token, url.Values{"email": {"ada@example.com"}, "new_password": {password}, "password_again": {password}}).
		check(t, "set up", 303, `/admin/login\?ready=1`, nil, nil)
	b.get("/admin/login")
	b.post("/admin/login", url.Values{"email": {"ada@example.com"}, "password": {"wrong " + password}}).check(t, "wrong", 422, "", nil, nil)
	b.post("/admin/login", url.Values{"email": {"ada@example.com"}, "password": {password}}).check(t, "login", 303, "/admin", nil, nil)
	b.get("/admin/account").check(t, "account", 200, "", []string{"ada@example.com"}, nil)
	b.get("/admin/orders/nothing").check(t, "no order", 404, "", []string{"Please check the address.", `href="/admin/orders">To the orders`}, []string{"your e-mail address"})
	b.get("/admin/account")
	b.post("/admin/account/totp", url.Values{}).check(t, "begin", 303, "/admin/account/totp", nil, nil)
	page := b.get("/admin/account/totp")
	_, secret, _ := strings.Cut(page.body, `class="secret">`)
	m, err := s.store.StaffByEmail(t.Context(), "ada@example.com")
	if err != nil {
		t.Fatal(err)
	}
	log := s.log.String()
	if !strings.Contains(log, "route=/admin/setup/:token ") || !strings.Contains(log, "login refused") {
		t.Fatalf("log names no route or no refusal:\n%s", log)
	}
	secrets := []string{token, password, b.token, "ada@example.com", m.PasswordHash, models.HashToken(token), secret[:9], strings.ReplaceAll(secret[:9], " ", "")}
	for _, value := range b.cookies {
		secrets = append(secrets, value)
	}
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("log holds %q", secret)
		}
	}
}

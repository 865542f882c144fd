package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/pquerna/otp/totp"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
)

const password = "purple elephants dance slowly"

// passwordHash is of it, made once, since that is slow on purpose.
var passwordHash = sync.OnceValue(func() string {
	hash, err := models.HashPassword(password)
	if err != nil {
		panic(err)
	}
	return hash
})

// desk is a whole desk with its own clock.
type desk struct {
	t     testing.TB
	app   *fiber.App
	pages *Pages
	store *models.Store

	mu  sync.Mutex
	now time.Time
}

func newDesk(t testing.TB) *desk { return newDeskOn(t, modelstest.Options(t)) }

func newDeskOn(t testing.TB, options models.Options) *desk {
	t.Helper()
	return newDeskWith(t, options, payments.Config{}, nil)
}

// newDeskWith is a desk whose shop has these gateways and routes.
func newDeskWith(t testing.TB, options models.Options, paid payments.Config, gateways []Gateway) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Now()}
	options.Now = d.clock
	d.store = modelstest.Open(t, options)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	base, err := web.New(web.Config{
		PublicURL: "http://example.com", Currency: "CNY",
		Languages: []string{"en", "zh-Hans"}, TimeZone: time.UTC,
		SecretKey: []byte("a secret key of thirty-two bytes"),
	}, d.store)
	if err != nil {
		t.Fatal(err)
	}
	statement := payments.StatementFormat{
		Number: "number", Type: "type", Amount: "amount", Currency: "currency", Time: "time", PaymentValues: []string{"payment"},
		RefundValues: []string{"refund"}, DefaultCurrency: "CNY", TimeLayout: time.DateTime, Zone: time.UTC,
	}
	paid.Store, paid.PublicURL, paid.Log = d.store, "http://example.com", log
	paid.Statements = map[models.GatewayName]payments.StatementFormat{models.ScanForPay: statement, models.Pass2Pay: statement}
	if d.pages, err = New(base, payments.New(paid), gateways, "http://example.com", log); err != nil {
		t.Fatal(err)
	}
	d.app = fiber.New(fiber.Config{BodyLimit: maxUpload, Immutable: true, ErrorHandler: d.fail, DisableStartupMessage: true})
	d.app.Use(base.SecurityHeaders, web.Deadline)
	d.pages.Routes(d.app)
	return d
}

// fail tells what the whole app would make a page of.
func (d *desk) fail(c *fiber.Ctx, err error) error {
	if e, ok := errors.AsType[*models.Error](err); ok {
		return c.Status(map[models.Kind]int{
			models.Invalid: 400, models.NotFound: 404, models.Conflict: 409, models.Forbidden: 403, models.TooMany: 429,
		}[e.Kind]).SendString(e.Key)
	}
	if e, ok := errors.AsType[*fiber.Error](err); ok {
		return c.SendStatus(e.Code)
	}
	if errors.Is(err, web.ErrForeignForm) {
		return c.Status(403).SendString("foreign form")
	}
	d.t.Errorf("%s %s: %v", c.Method(), c.Path(), err)
	return c.SendStatus(500)
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// later lets time pass.
func (d *desk) later(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

// hire makes a member of staff who can log in with password.
func (d *desk) hire(email string, role models.Role) *models.Staff {
	d.t.Helper()
	m, err := d.store.CreateStaff(context.Background(), models.CommandLine(), email, role, passwordHash())
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

// browser is one visitor: it keeps cookies, and the token of the last form it saw.
type browser struct {
	*desk
	cookies map[string]string
	token   string
	origin  string // what the browser says a form comes from; empty: our own
	referer string // the address of the page that it says it comes from; empty: it does not say
}

func (d *desk) browse() *browser { return &browser{desk: d, cookies: map[string]string{}} }

// as returns a browser in which the member is logged in.
func (d *desk) as(m *models.Staff) *browser { return d.withSession(m, false, "/admin/account") }

// withSession returns a browser with a session that began now, without the login, which is slow on
// purpose, and with the token of the page's forms.
func (d *desk) withSession(m *models.Staff, half bool, page string) *browser {
	d.t.Helper()
	token := models.NewToken()
	by := models.Actor{StaffID: m.ID, Name: m.Email, Address: "203.0.113.7"}
	if err := d.store.OpenStaffSession(context.Background(), by, half, token, "", "Test browser"); err != nil {
		d.t.Fatal(err)
	}
	b := d.browse()
	b.cookies["saoma-staff"] = token
	b.get(page)
	return b
}

func (b *browser) logIn(email, password string) answer {
	b.t.Helper()
	b.get("/admin/login")
	return b.post("/admin/login", url.Values{"email": {email}, "password": {password}})
}

// answer is what came back.
type answer struct {
	status   int
	location string
	header   http.Header
	body     string
}

var csrfField = regexp.MustCompile(`name="_csrf" value="([^"]+)"`)

func (b *browser) get(target string) answer { return b.do(http.MethodGet, target, nil) }

// post sends a form with the token of the last page that had one.
func (b *browser) post(target string, form url.Values) answer {
	if form == nil {
		form = url.Values{}
	}
	form.Set("_csrf", b.token)
	return b.do(http.MethodPost, target, form)
}

// upload sends a form with a file, or without one when there is no field for it, with the token of the
// last page that had one.
func (b *browser) upload(target string, form map[string]string, field, file string) answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	form["_csrf"] = b.token
	for name, value := range form {
		if err := w.WriteField(name, value); err != nil {
			b.t.Fatal(err)
		}
	}
	if field != "" {
		part, err := w.CreateFormFile(field, "file.csv")
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := io.WriteString(part, file); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.send(http.MethodPost, target, w.FormDataContentType(), &body)
}

func (b *browser) do(method, target string, form url.Values) answer {
	b.t.Helper()
	contentType := ""
	if form != nil {
		contentType = "application/x-www-form-urlencoded"
	}
	return b.send(method, target, contentType, strings.NewReader(form.Encode()))
}

// send sends a request, with a form of that type unless it is empty.
func (b *browser) send(method, target, contentType string, body io.Reader) answer {
	b.t.Helper()
	r := httptest.NewRequest(method, target, body)
	r.Header.Set("User-Agent", "Test browser")
	r.Header.Set("Accept-Language", "en")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.origin != "" {
		r.Header.Set("Sec-Fetch-Site", b.origin)
	}
	if b.referer != "" {
		r.Header.Set("Referer", b.referer)
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.app.Test(r, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range resp.Cookies() {
		if b.cookies[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		}
	}
	if found := csrfField.FindSubmatch(text); found != nil {
		b.token = string(found[1])
	}
	return answer{resp.StatusCode, resp.Header.Get("Location"), resp.Header, string(text)}
}

// check compares an answer with what a test wants of it.
func (a answer) check(t *testing.T, what string, status int, location string, want, absent []string) {
	t.Helper()
	if a.status != status || a.location != location {
		t.Errorf("%s: got %d to %q, want %d to %q\n%s", what, a.status, a.location, status, location, a.body)
	}
	for _, text := range want {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s: got no %q in\n%s", what, text, a.body)
		}
	}
	for _, text := range absent {
		if strings.Contains(a.body, text) {
			t.Errorf("%s: got %q, which must not be in\n%s", what, text, a.body)
		}
	}
}

var secretPattern = regexp.MustCompile(`class="secret">([A-Z2-7 ]+)<`)

// enrol sets up a second factor in the browser and returns its secret and the recovery codes.
func (b *browser) enrol() (secret string, recovery []string) {
	b.t.Helper()
	b.get("/admin/account/totp")
	b.post("/admin/account/totp", nil)
	found := secretPattern.FindStringSubmatch(b.get("/admin/account/totp").body)
	if found == nil {
		b.t.Fatal("no secret is shown")
	}
	secret = strings.ReplaceAll(found[1], " ", "")
	shown := b.post("/admin/account/totp/confirm", url.Values{"code": {b.code(secret)}})
	recovery = regexp.MustCompile(`[a-z2-7]{4}(?:-[a-z2-7]{4}){5}`).FindAllString(shown.body, -1)
	if shown.status != 200 || len(recovery) != recoveryCodes {
		b.t.Fatalf("recovery codes: got %d and %v, want 8", shown.status, recovery)
	}
	return secret, recovery
}

// code is what an app shows now.
func (d *desk) code(secret string) string {
	d.t.Helper()
	code, err := totp.GenerateCode(secret, d.clock())
	if err != nil {
		d.t.Fatal(err)
	}
	return code
}

func (a answer) String() string { return fmt.Sprintf("%d to %q", a.status, a.location) }

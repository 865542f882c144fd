package admin

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

func TestLogin(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", orders)
	d.hire("boss@example.com", owner)
	gone := d.hire("gone@example.com", owner)
	if err := d.store.DisableStaff(t.Context(), models.CommandLine(), gone.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.store.InviteStaff(t.Context(), models.CommandLine(), "invited@example.com", owner); err != nil {
		t.Fatal(err)
	}
	refused := "do not match"
	tests := []struct {
		name, email, password string
		status                int
		location              string
		want                  []string
	}{
		{"right", m.Email, password, 303, "/admin", nil},
		{"in other letters", " ADA@Example.com ", password, 303, "/admin", nil},
		{"wrong password", m.Email, password + "x", 422, "", []string{refused, `value="ada@example.com"`}},
		{"with a space", m.Email, " " + password, 422, "", []string{refused}},
		{"nobody", "eve@example.com", password, 422, "", []string{refused}},
		{"disabled", gone.Email, password, 422, "", []string{refused}},
		{"invited", "invited@example.com", "", 422, "", []string{"Please fill this in."}},
		{"invited, with a password", "invited@example.com", password, 422, "", []string{refused}},
		{"nothing", "", "", 422, "", []string{"Please fill this in."}},
		{"markup", `"><script>alert(1)</script>`, password, 422, "", []string{refused}},
	}
	for _, tt := range tests {
		b := d.browse()
		got := b.logIn(tt.email, tt.password)
		got.check(t, tt.name, tt.status, tt.location, tt.want, []string{password, "<script>alert"})
		if in := b.get("/admin").status == 200; in != (tt.status == 303) {
			t.Errorf("%s: got in %t, want %t", tt.name, in, !in)
		}
	}
}

func TestLoginCookie(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", orders)
	b := d.browse()
	b.get("/admin/login")
	got := b.post("/admin/login", url.Values{"email": {m.Email}, "password": {password}})
	for _, cookie := range got.header.Values("Set-Cookie") {
		for _, want := range []string{"HttpOnly", "SameSite=Strict", "path=/"} {
			if strings.HasPrefix(cookie, "saoma-staff") && !strings.Contains(cookie, want) {
				t.Errorf("cookie %s: got no %s", cookie, want)
			}
		}
	}
	first := b.cookies["saoma-staff"]
	if first == "" || strings.Contains(got.body, first) {
		t.Fatalf("session cookie: got %q", first)
	}
	b.get("/admin/account")
	b.get("/admin/login").check(t, "login page of who is in", 303, "/admin", nil, nil)
	b.post("/admin/logout", nil).check(t, "log out", 303, "/admin/login", nil, nil)
	b.cookies["saoma-staff"] = first
	b.get("/admin").check(t, "with the cookie of before", 303, "/admin/login", nil, nil)
	b.cookies["saoma-staff"] = "chosen"
	b.logIn(m.Email, password)
	if b.cookies["saoma-staff"] == "chosen" {
		t.Error("login with a cookie that somebody chose: got it kept")
	}
}

func TestSecureCookies(t *testing.T) {
	want := cookies{"__Host-saoma-staff", "__Host-saoma-staff-device", true}
	if got := newCookies("https://shop.example"); got != want {
		t.Errorf("over https: got %+v, want %+v", got, want)
	}
}

func TestLoginGoesOn(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", owner)
	for next, want := range map[string]string{
		"/admin/staff":                "/admin/staff",
		"/admin/audit?before=7":       "/admin/audit?before=7",
		"/admin":                      "/admin",
		"":                            "/admin",
		"https://evil.example/admin/": "/admin",
		"//evil.example/admin/":       "/admin",
		"/\\evil.example/admin/":      "/admin",
		"/admin\\..\\evil":            "/admin",
		"/cart":                       "/admin",
		"/adminx":                     "/admin",
		"javascript:alert(1)":         "/admin",
	} {
		b := d.browse()
		b.get("/admin/login?next=" + url.QueryEscape(next))
		b.post("/admin/login", url.Values{"email": {m.Email}, "password": {password}, "next": {next}}).
			check(t, next, 303, want, nil, nil)
	}
	d.browse().get("/admin/audit?before=7").check(t, "page that needs a login", 303, "/admin/login?next=%2Fadmin%2Faudit%3Fbefore%3D7", nil, nil)
}

// TestGuessing: tries are slowed down by account and by address, nobody is told who exists, and who
// has logged in before gets in while others guess.
func TestGuessing(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", owner)
	known := d.browse()
	known.logIn(m.Email, password)
	known.get("/admin")
	known.post("/admin/logout", nil)
	guess := func(email string) (refusals int) {
		b := d.browse()
		for range memberTries + 3 {
			got := b.logIn(email, "a wrong password")
			if got.status == 429 {
				refusals++
				if !strings.Contains(got.body, "Too many attempts") {
					t.Errorf("throttled: got\n%s", got.body)
				}
			}
		}
		return refusals
	}
	for _, email := range []string{m.Email, "nobody@example.com"} {
		if got := guess(email); got != 3 {
			t.Errorf("%d guesses at %s: got %d throttled, want 3", memberTries+3, email, got)
		}
	}
	if got := d.browse().logIn(m.Email, password).status; got != 429 {
		t.Errorf("right password after many guesses: got %d, want 429", got)
	}
	if got := known.logIn(m.Email, password).status; got != 303 {
		t.Errorf("right password in a known browser after many guesses: got %d, want 303", got)
	}
	d.later(memberEvery)
	if got := d.browse().logIn(m.Email, password).status; got != 303 {
		t.Errorf("right password a minute later: got %d, want 303", got)
	}
	throttled := false
	for i := range addressTries {
		throttled = throttled || d.browse().logIn(fmt.Sprintf("p%d@example.com", i), "x").status == 429
	}
	if !throttled {
		t.Errorf("guesses at %d accounts from one address: got none throttled", addressTries)
	}
	if got := known.logIn(m.Email, password).status; got != 303 {
		t.Errorf("right password in a known browser at that address: got %d, want 303", got)
	}
}

// TestRefusedLoginsAreLogged: an owner sees that somebody guesses, and where; guessing fills nothing.
func TestRefusedLoginsAreLogged(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", owner)
	secret, _ := d.as(m).enrol()
	seen := int64(0)
	check := func(when string, want ...string) {
		t.Helper()
		entries, err := d.store.AuditEntries(t.Context(), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range slices.Backward(entries) {
			if e.Seq > seen && e.Action != "log_in" {
				got = append(got, e.Action+" of "+e.Subject+" by "+e.Actor)
				if e.Address == "" || e.Details != "" {
					t.Errorf("%s: got address %q and details %q, want an address alone", when, e.Address, e.Details)
				}
			}
		}
		seen = entries[0].Seq
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	entries, err := d.store.AuditEntries(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen = entries[0].Seq

	for range memberTries + 2 {
		d.browse().logIn(" ADA@example.com", "a wrong password")
	}
	check("wrong passwords", "refuse_login of ada@example.com by ", "throttle_login of ada@example.com by ")
	for i := range 3 {
		d.browse().logIn(fmt.Sprintf("hunter%d", i), "x")
	}
	check("no accounts", "refuse_login of  by ", "refuse_login of  by ", "refuse_login of  by ")
	for i := range addressTries {
		d.browse().logIn(fmt.Sprintf("hunter2%d", i), "x")
	}
	check("many of them", slices.Repeat([]string{"refuse_login of  by "}, refusalBurst-3)...)

	d.later(time.Hour)
	half := d.withSession(m, true, "/admin/login/code")
	for range memberTries + 2 {
		half.post("/admin/login/code", url.Values{"code": {"000000"}})
	}
	check("wrong codes", "refuse_code of ada@example.com by ada@example.com", "throttle_login of ada@example.com by ada@example.com")
	d.later(time.Hour)
	b := d.as(m)
	d.later(models.StaffProofAge)
	b.get("/admin/account")
	for range 2 {
		b.post("/admin/account/recovery", url.Values{proofField: {"a wrong password"}})
	}
	check("a wrong proof", "refuse_proof of ada@example.com by ada@example.com")
	b.post("/admin/account/recovery", url.Values{proofField: {d.code(secret)}})
	check("a right one", "make_recovery_codes of ada@example.com by ada@example.com")
	d.later(time.Hour)
	d.as(m).get("/admin/audit").check(t, "log", 200, "", []string{"Login refused", "Somebody", "Right password, wrong code"}, []string{"hunter"})
}

func TestSecondFactor(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", owner)
	secret, recovery := d.as(m).enrol()
	b := d.browse()
	used := d.code(secret)
	b.logIn(m.Email, password).check(t, "password", 303, "/admin/login/code", nil, nil)
	half := b.cookies["saoma-staff"]
	b.get("/admin/login/code").check(t, "question", 200, "", []string{`autocomplete="one-time-code"`}, []string{"/admin/staff"})
	b.post("/admin/login/code", url.Values{"code": {used}}).check(t, "code of the set-up", 422, "", []string{"is not right"}, nil)
	b.post("/admin/login/code", url.Values{"code": {"000000"}}).check(t, "wrong code", 422, "", []string{"is not right"}, nil)
	d.later(30 * time.Second)
	code := d.code(secret)
	b.post("/admin/login/code", url.Values{"code": {code[:3] + " " + code[3:]}}).check(t, "code", 303, "/admin", nil, nil)
	if b.cookies["saoma-staff"] == half {
		t.Error("session after the code: got the cookie of before, want another")
	}
	again := d.browse()
	again.logIn(m.Email, password)
	again.get("/admin/login/code")
	again.post("/admin/login/code", url.Values{"code": {code}}).check(t, "code again", 422, "", nil, nil)
	again.post("/admin/login/code", url.Values{"code": {strings.ToUpper(recovery[0])}}).check(t, "recovery code", 303, "/admin", nil, nil)
	again.get("/admin/account").check(t, "account", 200, "", []string{"7 recovery codes are left"}, nil)

	third := d.browse()
	third.logIn(m.Email, password)
	third.get("/admin/login/code")
	third.post("/admin/login/code", url.Values{"code": {recovery[0]}}).check(t, "recovery code again", 422, "", nil, nil)
	d.later(models.StaffHalfAge)
	third.post("/admin/login/code", url.Values{"code": {d.code(secret)}}).check(t, "too late", 303, "/admin/login", nil, nil)

	slow := d.browse()
	slow.logIn(m.Email, password)
	slow.get("/admin/login/code")
	throttled := false
	for range memberTries + 1 {
		throttled = throttled || slow.post("/admin/login/code", url.Values{"code": {"000000"}}).status == 429
	}
	if !throttled {
		t.Error("guesses at the code: got none throttled")
	}
}

// TestNeighbouringCodes: a clock may be half a minute off, and not more.
func TestNeighbouringCodes(t *testing.T) {
	d := newDesk(t)
	const secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	now := d.clock()
	for steps, want := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 2: false} {
		d.now = now.Add(time.Duration(steps) * codePeriod * time.Second)
		if _, ok := stepOf(d.code(secret), secret, now); ok != want {
			t.Errorf("code from %d steps away: got fits %t, want %t", steps, ok, want)
		}
	}
}

// TestSeals: what one member's seal holds opens for nobody else, and under the previous key.
func TestSeals(t *testing.T) {
	d := newDesk(t)
	sealed := d.pages.seals.seal("ada", "secret")
	if got, err := d.pages.seals.open("ada", sealed); got != "secret" || err != nil {
		t.Errorf("open: got %q, %v, want the secret", got, err)
	}
	if again := d.pages.seals.seal("ada", "secret"); again == sealed {
		t.Error("two seals of one secret are the same")
	}
	for name, open := range map[string]func() (string, error){
		"somebody else": func() (string, error) { return d.pages.seals.open("bob", sealed) },
		"cut":           func() (string, error) { return d.pages.seals.open("ada", sealed[:8]) },
		"no seal":       func() (string, error) { return d.pages.seals.open("ada", "?") },
		"empty":         func() (string, error) { return d.pages.seals.open("ada", "") },
	} {
		if got, err := open(); err == nil {
			t.Errorf("%s: got %q, want an error", name, got)
		}
	}
	base := d.pages.base
	base.Config.SecretKeyPrevious = base.Config.SecretKey
	base.Config.SecretKey = []byte("another secret key of more than 32 bytes")
	rotated, err := newSeals(base)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := rotated.open("ada", sealed); got != "secret" || err != nil {
		t.Errorf("open after the keys were rotated: got %q, %v, want the secret", got, err)
	}
}

package admin

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

const newPassword = "green elephants sleep soundly"

func TestSetupPage(t *testing.T) {
	d := newDesk(t)
	token, err := d.store.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, address := d.browse(), "/admin/setup/"+token
	b.get("/admin/setup/wrong").check(t, "wrong link", 404, "", []string{models.ErrLinkDead.Key}, nil)
	b.get(address).check(t, "page", 200, "", []string{`name="email"`, `autocomplete="new-password"`, "At least 12"}, nil)
	for _, tt := range []struct{ name, email, password, again, want string }{
		{"no address", "", newPassword, newPassword, "Please fill this in."},
		{"no such address", "ada", newPassword, newPassword, "not an e-mail address"},
		{"no password", "ada@example.com", "", "", "Please fill this in."},
		{"short", "ada@example.com", "short", "short", "at least 12"},
		{"common", "ada@example.com", "password1234", "password1234", "too easy to guess"},
		{"the shop's name", "ada@example.com", "demodemo2024demo", "demodemo2024demo", "too easy to guess"},
		{"mistyped", "ada@example.com", newPassword, newPassword + "x", "not the same"},
	} {
		got := b.post(address, url.Values{"email": {tt.email}, "new_password": {tt.password}, "password_again": {tt.again}})
		got.check(t, tt.name, 422, "", []string{tt.want, fmt.Sprintf("value=%q", tt.email)}, []string{newPassword})
	}
	form := url.Values{"email": {"Ada@Example.com"}, "new_password": {newPassword}, "password_again": {newPassword}}
	b.post(address, form).check(t, "set up", 303, "/admin/login?ready=1", nil, nil)
	b.post(address, form).check(t, "again", 404, "", []string{models.ErrLinkDead.Key}, nil)
	b.get("/admin/login?ready=1").check(t, "login", 200, "", []string{"Log in with it"}, nil)
	b.logIn("ada@example.com", newPassword).check(t, "login", 303, "/admin", nil, nil)
	b.get("/admin/staff").check(t, "staff", 200, "", []string{"ada@example.com", "Owner"}, nil)
}

var joinLink = regexp.MustCompile(`http://example\.com(/admin/join/[a-z2-7]{32})`)

func TestInvite(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	for _, tt := range []struct {
		name, email, role string
		want              []string
	}{
		{"nothing", "", "", []string{"Please fill this in."}},
		{"no role", "bob@example.com", "", []string{"Please fill this in.", `value="bob@example.com"`}},
		{"no such role", "bob@example.com", "boss", []string{"Please choose a role.", `value="bob@example.com"`}},
		{"no address", "bob", "orders", []string{"not an e-mail address", `value="orders" required checked`}},
		{"taken", "ADA@example.com", "orders", []string{"is already a member of staff", `value="ADA@example.com"`}},
	} {
		b.post("/admin/staff", url.Values{"email": {tt.email}, "role": {tt.role}}).check(t, tt.name, 422, "", tt.want, nil)
	}
	shown := b.post("/admin/staff", url.Values{"email": {"bob@example.com"}, "role": {"orders"}})
	link := joinLink.FindStringSubmatch(shown.body)
	if shown.status != 200 || link == nil || shown.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("invite: got %v, want a link that no browser keeps\n%s", shown, shown.body)
	}
	b.get("/admin/staff").check(t, "list", 200, "", []string{"bob@example.com", "invited, no password yet"}, []string{link[1]})

	bob := d.browse()
	bob.get(link[1]).check(t, "page", 200, "", []string{"For bob@example.com. Role: Orders.", "At least 12"}, nil)
	bob.post(link[1], url.Values{"new_password": {"short"}, "password_again": {"short"}}).check(t, "short", 422, "", []string{"at least 12"}, nil)
	form := url.Values{"new_password": {newPassword}, "password_again": {newPassword}}
	bob.post(link[1], form).check(t, "join", 303, "/admin/login?ready=1", nil, nil)
	bob.get(link[1]).check(t, "used link", 404, "", []string{models.ErrLinkDead.Key}, nil)
	bob.logIn("bob@example.com", newPassword).check(t, "login", 303, "/admin", nil, nil)
	bob.get("/admin").check(t, "home", 200, "", []string{"bob@example.com"}, []string{`href="/admin/staff"`, `href="/admin/audit"`})
	bob.get("/admin/staff").check(t, "staff", 403, "", []string{models.ErrForbidden.Key}, nil)
}

func TestMember(t *testing.T) {
	d := newDesk(t)
	ada := d.hire("ada@example.com", owner)
	b, m := d.as(ada), d.hire("bob@example.com", orders)
	bob, address := d.as(m), "/admin/staff/"+m.ID
	in := func() bool { return bob.get("/admin").status == 200 }
	b.get(address).check(t, "page", 200, "", []string{"bob@example.com", "Test browser", `value="orders" required checked`}, nil)
	b.get("/admin/staff/none").check(t, "nobody", 404, "", []string{models.ErrStaffNotFound.Key}, nil)

	b.post(address+"/sessions/end", nil).check(t, "end sessions", 303, address, nil, nil)
	if in() {
		t.Error("after ending the sessions: got Bob in")
	}
	b.get(address).check(t, "page", 200, "", []string{"All sessions of this person have ended."}, []string{"Test browser"})
	b.get(address).check(t, "page again", 200, "", nil, []string{"have ended."})

	bob = d.as(m)
	b.post(address+"/role", url.Values{"seen": {"orders"}, "role": {"boss"}}).check(t, "no such role", 400, "", nil, nil)
	b.post(address+"/role", url.Values{"seen": {"orders"}, "role": {"finance"}}).check(t, "role", 303, address, nil, nil)
	if in() {
		t.Error("after a change of role: got Bob in with the session of before")
	}
	bob = d.as(m)
	bob.enrol()
	b.get(address).check(t, "second factor", 200, "", []string{"Finance", "second factor"}, nil)
	b.post(address+"/totp/remove", nil).check(t, "remove second factor", 303, address, nil, nil)

	bob = d.as(m)
	b.post(address+"/disable", nil).check(t, "disable", 303, address, nil, nil)
	if in() || d.browse().logIn(m.Email, password).status != 422 {
		t.Error("after disabling: got Bob in")
	}
	b.get(address).check(t, "disabled", 200, "", []string{"disabled", address + "/enable"}, []string{address + "/link"})
	b.post(address+"/enable", nil).check(t, "enable", 303, address, nil, nil)
	if d.browse().logIn(m.Email, password).status != 303 {
		t.Error("after enabling: got Bob kept out")
	}
	shown := b.post(address+"/link", nil)
	if joinLink.FindString(shown.body) == "" {
		t.Errorf("new link: got none in\n%s", shown.body)
	}

	own := "/admin/staff/" + ada.ID
	b.post(own+"/disable", nil).check(t, "the last owner", 409, "", []string{models.ErrLastOwner.Key}, nil)
	b.post(own+"/role", url.Values{"seen": {"owner"}, "role": {"orders"}}).check(t, "the last owner", 409, "", []string{models.ErrLastOwner.Key}, nil)
}

// Of two owners who change a role at once, the second sees it; the role that somebody has already is
// given to nobody, and the log tells of neither.
func TestTwoChangeARole(t *testing.T) {
	d := newDesk(t)
	a, b := d.as(d.hire("ada@example.com", owner)), d.as(d.hire("eve@example.com", owner))
	m := d.hire("bob@example.com", orders)
	bob, address := d.as(m), "/admin/staff/"+m.ID
	ofA, ofB := a.get(address).hidden(address+"/role"), b.get(address).hidden(address+"/role")
	a.post(address+"/role", with(ofA, url.Values{"role": {"orders"}})).check(t, "the same role", 303, address, nil, nil)
	a.get(address).check(t, "the same role", 200, "", []string{"Nothing was changed."}, []string{"The role is changed."})
	if got := bob.get("/admin"); got.status != 200 {
		t.Errorf("the same role: got Bob %v, want his session to stay", got)
	}
	a.post(address+"/role", with(ofA, url.Values{"role": {"finance"}})).check(t, "first", 303, address, nil, nil)
	refused := b.post(address+"/role", with(ofB, url.Values{"role": {"catalogue"}}))
	refused.check(t, "second", 409, "", []string{"Somebody has changed this role in the meantime", "<p>Finance</p>", `value="catalogue" required checked`}, nil)
	b.post(address+"/role", with(refused.hidden(address+"/role"), url.Values{"role": {"catalogue"}})).check(t, "second again", 303, address, nil, nil)

	entries, err := d.store.AuditEntries(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range entries {
		if e.Action == "change_role" {
			told = append(told, e.Actor+" "+e.Details)
		}
	}
	if diff := cmp.Diff([]string{"eve@example.com role: finance → catalogue", "ada@example.com role: orders → finance"}, told); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

// TestRequiredSecondFactor: who has none gets no further than to set one up.
func TestRequiredSecondFactor(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	b.get("/admin/staff")
	b.post("/admin/staff/rules", url.Values{"require_totp": {"yes"}})
	for _, target := range []string{"/admin", "/admin/account", "/admin/staff", "/admin/audit"} {
		b.get(target).check(t, target, 303, "/admin/account/totp", nil, nil)
	}
	b.post("/admin/staff/rules", nil).check(t, "act", 303, "/admin/account/totp", nil, nil)
	b.get("/admin/account/totp").check(t, "set up", 200, "", []string{"requires a second factor of everybody"}, nil)
	b.enrol()
	b.get("/admin/staff").check(t, "staff", 200, "", []string{`value="yes" checked`}, nil)
	b.post("/admin/account/totp/remove", nil)
	b.get("/admin").check(t, "without it again", 303, "/admin/account/totp", nil, nil)
}

func TestSettingUpASecondFactor(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", readOnly))
	b.get("/admin/account/totp.svg").check(t, "code before it was begun", 404, "", nil, nil)
	b.post("/admin/account/totp/confirm", url.Values{"code": {"123456"}}).check(t, "confirm before", 303, "/admin/account/totp", nil, nil)
	b.post("/admin/account/totp", nil).check(t, "begin", 303, "/admin/account/totp", nil, nil)
	page := b.get("/admin/account/totp")
	secret := strings.ReplaceAll(secretPattern.FindStringSubmatch(page.body)[1], " ", "")
	picture := b.get("/admin/account/totp.svg")
	if !strings.HasPrefix(picture.body, "<svg") || picture.header.Get("Cache-Control") != "no-store" {
		t.Errorf("code: got %v %.40s, want a picture that no browser keeps", picture, picture.body)
	}
	if got, want := keyAddress("Demo", "ada@example.com", secret), "otpauth://totp/Demo:ada@example.com?issuer=Demo&secret="+secret; got != want {
		t.Errorf("text of the code: got %s, want %s", got, want)
	}
	b.post("/admin/account/totp/confirm", url.Values{"code": {"000000"}}).check(t, "wrong code", 422, "", []string{"is not right", secret[:4]}, nil)
	d.browse().logIn("ada@example.com", password).check(t, "login before it is confirmed", 303, "/admin", nil, nil)
	confirm := url.Values{"code": {d.code(secret)}}
	b.post("/admin/account/totp/confirm", confirm).check(t, "confirm", 200, "", []string{"Your recovery codes"}, nil)
	b.post("/admin/account/totp/confirm", confirm).check(t, "confirm again", 303, "/admin/account/totp", nil, nil)
	b.get("/admin/account/totp").check(t, "afterwards", 200, "", nil, []string{secret[:4], "totp.svg"})
	m, err := d.store.StaffByEmail(t.Context(), "ada@example.com")
	if err != nil || strings.Contains(m.TOTP, secret) {
		t.Errorf("in the database: got %q, %v, want the secret sealed", m.TOTP, err)
	}
	renewed := b.post("/admin/account/recovery", nil)
	renewed.check(t, "new recovery codes", 200, "", []string{"Your recovery codes"}, nil)
	b.post("/admin/account/totp/remove", nil).check(t, "remove", 303, "/admin/account", nil, nil)
	b.get("/admin/account").check(t, "account", 200, "", []string{"The second factor is off."}, nil)
	b.post("/admin/account/recovery", nil).check(t, "recovery codes without a second factor", 303, "/admin/account/totp", nil, nil)
}

func TestAccount(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", readOnly)
	b, other, third := d.as(m), d.as(m), d.as(m)
	b.get("/admin/account").check(t, "page", 200, "", []string{"ada@example.com", "View only", "This one", "Your password alone"}, nil)
	form := func(now, next, again string) url.Values {
		return url.Values{"password_now": {now}, "new_password": {next}, "password_again": {again}}
	}
	b.post("/admin/account/password", form("wrong", newPassword, newPassword)).check(t, "wrong password", 422, "", []string{"not right"}, nil)
	b.post("/admin/account/password", form(password, "short", "short")).check(t, "short", 422, "", []string{"at least 12"}, nil)
	b.post("/admin/account/password", form(password, newPassword, password)).check(t, "mistyped", 422, "", []string{"not the same"}, nil)

	sessions, err := d.store.StaffSessions(t.Context(), m.ID)
	if err != nil || len(sessions) != 3 {
		t.Fatalf("sessions: got %d, %v, want 3", len(sessions), err)
	}
	ids := regexp.MustCompile(`/admin/account/sessions/([0-9a-f-]{36})/end`).FindAllStringSubmatch(b.get("/admin/account").body, -1)
	if len(ids) != 2 {
		t.Fatalf("sessions to end: got %v, want the two others", ids)
	}
	b.post("/admin/account/sessions/"+ids[0][1]+"/end", nil).check(t, "end one", 303, "/admin/account", nil, nil)
	eve := d.hire("eve@example.com", owner)
	d.as(eve)
	hers, err := d.store.StaffSessions(t.Context(), eve.ID)
	if err != nil {
		t.Fatal(err)
	}
	audited := d.audited()
	for what, id := range map[string]string{"end somebody else's": hers[0].ID, "end one that has ended": ids[0][1], "end none": "none"} {
		b.post("/admin/account/sessions/"+id+"/end", nil).check(t, what, 404, "", []string{models.ErrSessionNotFound.Key}, nil)
	}
	if got := d.audited(); got != audited {
		t.Errorf("ending what is not one's own: got %d entries in the log, want %d", got, audited)
	}
	in := func(b *browser) int {
		if b.get("/admin").status == 200 {
			return 1
		}
		return 0
	}
	if got := in(other) + in(third); got != 1 {
		t.Errorf("after ending one of two others: got %d in, want 1", got)
	}
	other = d.as(m)
	b.post("/admin/account/sessions/end", nil).check(t, "end others", 303, "/admin/account", nil, nil)
	if got := in(other) + in(third) + 10*in(b); got != 10 {
		t.Errorf("after ending all others: got %d, want this one alone in", got)
	}
	other = d.as(m)
	b.post("/admin/account/password", form(password, newPassword, newPassword)).check(t, "change", 303, "/admin/account", nil, nil)
	b.get("/admin/account").check(t, "changed", 200, "", []string{"Your password is changed."}, nil)
	if in(other) != 0 {
		t.Error("after a change of password: got another session in")
	}
	if got := d.browse().logIn(m.Email, password).status; got != 422 {
		t.Errorf("old password: got %d, want 422", got)
	}
	if got := d.browse().logIn(m.Email, newPassword).status; got != 303 {
		t.Errorf("new password: got %d, want 303", got)
	}
}

// audited is how many entries the audit log has.
func (d *desk) audited() int {
	d.t.Helper()
	entries, err := d.store.AuditEntries(d.t.Context(), 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	return len(entries)
}

func TestSessionTimes(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", readOnly)
	b := d.as(m)
	for range int(models.StaffSessionAge/time.Hour)/7 - 1 {
		d.later(7 * time.Hour)
		if got := b.get("/admin"); got.status != 200 {
			t.Fatalf("in use: got %v, want the session in force", got)
		}
	}
	d.later(7 * time.Hour)
	b.get("/admin").check(t, "after seven days", 303, "/admin/login", nil, nil)
}

func TestAuditPage(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", owner)
	b := d.as(m)
	evil := `=HYPERLINK("http://evil")<script>alert(1)</script>`
	for i := range auditRows {
		if err := d.store.Audit(t.Context(), models.Actor{StaffID: m.ID, Name: m.Email, Address: "203.0.113.7"}, "change_setting", evil, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	b.get("/admin/audit").check(t, "newest", 200, "",
		[]string{"Changed a setting", "203.0.113.7", "/admin/audit?before=3", ">49<"}, []string{"<script>alert", "Logged in"})
	b.get("/admin/audit?before=3").check(t, "older", 200, "",
		[]string{"Created a member of staff", "Logged in", "command line", `href="/admin/audit"`}, []string{"?before="})
	b.get("/admin/audit?before=x").check(t, "no number", 200, "", []string{"Changed a setting"}, nil)

	export := b.get("/admin/audit.csv")
	rows, err := csv.NewReader(strings.NewReader(export.body)).ReadAll()
	if err != nil || len(rows) != 1+auditRows+3 {
		t.Fatalf("export: got %d rows, %v, want %d", len(rows), err, 1+auditRows+3)
	}
	if got := rows[1]; got[0] != "53" || got[4] != "export_audit" || got[2] != m.Email {
		t.Errorf("newest row: got %q, want the export itself", got)
	}
	if got := rows[2][5]; got != "'"+evil {
		t.Errorf("subject: got %q, want it no formula", got)
	}
	if rows[1][7] != rows[2][8] {
		t.Errorf("hashes: got %s after %s, want them chained", rows[1][7], rows[2][8])
	}
}

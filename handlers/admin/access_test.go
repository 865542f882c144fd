package admin

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

var update = flag.Bool("update", false, "write testdata anew")

// routesOf returns what the router really answers under /admin.
func routesOf(app *fiber.App) []fiber.Route {
	var routes []fiber.Route
	for _, r := range app.GetRoutes(true) {
		if strings.HasPrefix(r.Path, "/admin") && r.Method != http.MethodHead {
			routes = append(routes, r)
		}
	}
	return routes
}

// TestRights holds who may use what against testdata/rights.txt, so that nobody's rights change
// without being seen.
func TestRights(t *testing.T) {
	var b strings.Builder
	columns := func(name string, cells ...string) {
		fmt.Fprintf(&b, "%-48s", name)
		for _, cell := range cells {
			fmt.Fprintf(&b, " %-10s", cell)
		}
		b.WriteString("\n")
	}
	columns("", "nobody", "owner", "finance", "orders", "catalogue", "read-only", "proof")
	desk := newDesk(t)
	for _, r := range routesOf(desk.app) {
		who, there := desk.pages.rights[r.Method+" "+r.Path]
		if !there {
			t.Errorf("%s %s is answered and not in the table", r.Method, r.Path)
		}
		cells := []string{mark(who.anybody)}
		for _, role := range models.Roles() {
			cells = append(cells, mark(who.allows(role)))
		}
		columns(r.Method+" "+r.Path, append(cells, mark(who.proof))...)
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got := strings.Join(lines, "\n")
	const file = "testdata/rights.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("rights (-want +got), written with -update:\n%s", diff)
	}
}

func mark(yes bool) string {
	if yes {
		return "yes"
	}
	return "-"
}

// Acts ask for a proof, pages do not: the question carries a form along, and a page has none.
func TestOnlyActsAskForAProof(t *testing.T) {
	for _, r := range newDesk(t).pages.table() {
		if r.who.proof && r.method != post {
			t.Errorf("%s %s asks for a proof", r.method, r.path)
		}
	}
}

// TestEveryRoute asks for every address that the router answers, as nobody, with half a login, in
// every role, and with a session that has ended.
func TestEveryRoute(t *testing.T) {
	d := newDesk(t)
	members := map[models.Role]*models.Staff{}
	for _, role := range models.Roles() {
		members[role] = d.hire(string(role)+"@example.com", role)
	}
	for _, r := range routesOf(d.app) {
		t.Run(r.Method+" "+r.Path, func(t *testing.T) {
			who := d.pages.rights[r.Method+" "+r.Path]
			target := strings.NewReplacer(":token", "nothing", ":id", "nothing").Replace(r.Path)
			ask := func(b *browser) answer { return b.do(r.Method, target, url.Values{"_csrf": {b.token}}) }

			if got := ask(d.browse()); !who.anybody && !strings.HasPrefix(got.location, "/admin/login") {
				t.Errorf("nobody: got %v, want the login", got)
			}
			half := d.withSession(members[owner], true, "/admin/login/code")
			if got := ask(half); !who.anybody && !who.half && !strings.HasPrefix(got.location, "/admin/login/code") {
				t.Errorf("half a login: got %v, want the question for the code", got)
			}
			for role, m := range members {
				got := ask(d.as(m))
				refused := got.body == models.ErrForbidden.Key
				if want := !who.anybody && !who.half && !slices.Contains(who.roles, role); refused != want {
					t.Errorf("%s: got %v %q, want refused %t", role, got, got.body, want)
				}
				if strings.HasPrefix(got.location, "/admin/login?") {
					t.Errorf("%s: got %v, want no login", role, got)
				}
			}
			gone := d.as(members[owner])
			d.later(models.StaffSessionIdle)
			if got := ask(gone); !who.anybody && !strings.HasPrefix(got.location, "/admin/login") {
				t.Errorf("a session that has ended: got %v, want the login", got)
			}
		})
	}
}

// After the login an act leads to the page that its form stood on, and nowhere else.
func TestActWithoutASession(t *testing.T) {
	d := newDesk(t)
	const act = "/admin/orders/261121-ABCDEFGH/refund?q=bob"
	for referer, want := range map[string]string{
		"": "",
		"http://example.com/admin/orders/261121-ABCDEFGH?q=bob":        "/admin/orders/261121-ABCDEFGH?q=bob",
		"http://example.com/admin/orders/261121-ABCDEFGH/refund?q=bob": "/admin/orders/261121-ABCDEFGH?q=bob",
		"http://example.com/admin/orders/261121-ABCDEFGH/refund/end":   "/admin/orders/261121-ABCDEFGH",
		"http://example.com/admin/incidents/7/settle":                  "/admin/incidents",
		"http://example.com/admin/goods/sku/%E8%8C%B6/stock":           "/admin/goods/sku/%E8%8C%B6",
		"http://example.com/admin":                                     "",
		"http://example.com/admin/login/code":                          "",
		"http://example.com/admin/nothing":                             "",
		"http://example.com/admin/../cart":                             "",
		"http://example.com/cart":                                      "",
		"http://evil.example/admin/orders":                             "",
		"http://example.com@evil.example/admin/orders":                 "",
		"//evil.example/admin/orders":                                  "",
		"http://%zz/admin/orders":                                      "",
	} {
		b := d.browse()
		b.referer = referer
		location := "/admin/login"
		if want != "" {
			location += "?next=" + url.QueryEscape(want)
		}
		b.post(act, nil).check(t, referer, 303, location, nil, nil)
	}
}

// TestEveryActNeedsAnOwnForm sends every act without the session's token, and from another site.
func TestEveryActNeedsAnOwnForm(t *testing.T) {
	d := newDesk(t)
	m := d.hire("ada@example.com", owner)
	for _, r := range d.pages.table() {
		if r.method != post {
			continue
		}
		target := strings.NewReplacer(":token", "nothing", ":id", "nothing").Replace(r.path)
		b := d.browse()
		b.get("/admin/login")
		if !r.who.anybody {
			b = d.as(m)
		}
		right := b.token
		b.token = "forged"
		if got := b.post(target, nil); got.status != 403 || got.body != "foreign form" {
			t.Errorf("%s with a forged token: got %v, want 403", target, got)
		}
		b.token, b.origin = right, "cross-site"
		if got := b.post(target, nil); got.status != 403 || got.body != "foreign form" {
			t.Errorf("%s from another site: got %v, want 403", target, got)
		}
	}
}

// TestProof: a dangerous act asks who it is after ten minutes, keeps what was typed, and goes on.
func TestProof(t *testing.T) {
	d := newDesk(t)
	b := d.as(d.hire("ada@example.com", owner))
	before := b.cookies["saoma-staff"]
	d.later(models.StaffProofAge)
	b.get("/admin/staff")
	form := url.Values{"email": {"bob@example.com"}, "role": {"orders"}}
	b.post("/admin/staff", form).check(t, "stale", 200, "", []string{
		"Confirm it&#39;s you", `action="/admin/staff"`, `name="email" value="bob@example.com"`, `name="role" value="orders"`,
	}, nil)
	form.Set(proofField, "wrong")
	b.post("/admin/staff", form).check(t, "wrong proof", 422, "", []string{"not right", `value="bob@example.com"`}, []string{"wrong\""})
	if _, err := d.store.StaffByEmail(t.Context(), "bob@example.com"); err == nil {
		t.Error("without a proof: got Bob invited, want not")
	}
	form.Set(proofField, password)
	b.post("/admin/staff", form).check(t, "proof", 200, "", []string{"http://example.com/admin/join/"}, nil)
	if after := b.cookies["saoma-staff"]; after == before {
		t.Error("the session's token after the proof: got the old one, want another")
	}
	b.post("/admin/staff/rules", nil).check(t, "fresh again", 303, "/admin/staff", nil, nil)

	secret, recovery := b.enrol()
	d.later(models.StaffProofAge)
	b.post("/admin/staff/rules", url.Values{proofField: {d.code(secret)}}).check(t, "code", 303, "/admin/staff", nil, nil)
	d.later(models.StaffProofAge)
	b.post("/admin/staff/rules", url.Values{proofField: {recovery[0]}}).check(t, "recovery code", 303, "/admin/staff", nil, nil)
}

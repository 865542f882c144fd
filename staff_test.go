package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"saoma/models"
)

// TestStaffCommands makes and changes staff from the command line, one command after the other.
func TestStaffCommands(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := configure(t, d)
		const good, better = "purple elephants dance\n", "green elephants sleep\r\n"
		for _, tt := range []struct {
			name, stdin    string
			args           []string
			code           int
			stdout, stderr string // parts of them
		}{
			{"nobody yet", "", []string{"admin", "list"}, 0, "EMAIL", ""},
			{"no address", good, []string{"admin", "create"}, 2, "", "needs --email"},
			{"no such role", good, []string{"admin", "create", "--email", "ada@example.com", "--role", "boss"}, 2, "", `no role "boss"`},
			{"no such command", "", []string{"admin", "delete"}, 2, "", `no command "delete"`},
			{"a password as a word", good, []string{"admin", "create", "--email", "ada@example.com", "secret"}, 2, "", "wrong usage"},
			{"no password", "", []string{"admin", "create", "--email", "ada@example.com"}, 1, "", "at least 12 characters"},
			{"a common password", "password1234\n", []string{"admin", "create", "--email", "ada@example.com"}, 1, "", "soon be guessed"},
			{"an owner", good, []string{"admin", "create", "--email", " Ada@Example.com"}, 0, "ada@example.com can log in as owner", ""},
			{"the same again", good, []string{"admin", "create", "--email", "ada@example.com"}, 1, "", "already"},
			{"another role", good, []string{"admin", "create", "--email", "bob@example.com", "--role", "read-only"}, 0, "as read-only", ""},
			{"a new password", better, []string{"admin", "reset-password", "--email", "ada@example.com"}, 0, "new password", ""},
			{"nobody's password", better, []string{"admin", "reset-password", "--email", "eve@example.com"}, 1, "", "no member of staff"},
			{"both", "", []string{"admin", "list"}, 0, "bob@example.com  read-only  active", ""},
			{"what was done is kept", "", []string{"verify"}, 0, "Checked 3 acts of staff.", ""},
		} {
			got := saomaReading(t, tt.stdin, append(tt.args, "--config", s.config)...)
			if got.code != tt.code || !strings.Contains(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("%s: got exit %d, output %q and error %q; want %d, %q, %q",
					tt.name, got.code, got.stdout, got.stderr, tt.code, tt.stdout, tt.stderr)
			}
			if strings.Contains(got.stdout+got.stderr, "elephants") {
				t.Errorf("%s: the password is shown: %q%q", tt.name, got.stdout, got.stderr)
			}
		}
		if _, err := s.db.Exec("UPDATE audit SET subject = 'eve@example.com' WHERE seq = 2"); err != nil {
			t.Fatal(err)
		}
		if got := saoma(t, "verify", "--config", s.config); got.code != 1 || !strings.Contains(got.stdout, "entry 2") {
			t.Errorf("verify of a changed audit log: got exit %d, %q, want 1 and entry 2", got.code, got.stdout)
		}
		store, err := models.Open(t.Context(), models.Options{Driver: d.driver, DSN: d.dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		ada, err := store.StaffByEmail(t.Context(), "ada@example.com")
		if err != nil || !models.PasswordFits("green elephants sleep", ada.PasswordHash) {
			t.Errorf("Ada's password: got another than was set, or %v", err)
		}
	})
}

var setupLink = regexp.MustCompile(`http://\S+/admin/setup/[a-z2-7]{32}`)

// TestFirstRun starts a shop without staff twice: the link that either start prints sets the shop up, and
// then none does any more.
func TestFirstRun(t *testing.T) {
	s := configure(t, sqliteDatabase(t))
	startAndStop := func() {
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
		s.stop()
	}
	printed := captureStdout(t, func() {
		startAndStop()
		startAndStop()
	})
	links := setupLink.FindAllString(printed, -1)
	if len(links) != 2 || links[0] == links[1] {
		t.Fatalf("printed %q: got links %v, want one for each start", printed, links)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	page := fetch(t, client, links[0], nil)
	token := regexp.MustCompile(`name="_csrf" value="([^"]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("set-up page: got no form in\n%s", page)
	}
	form := url.Values{"_csrf": {token[1]}, "email": {"ada@example.com"}, "new_password": {"purple elephants dance"}, "password_again": {"purple elephants dance"}}
	if page := fetch(t, client, links[0], form); !strings.Contains(page, "Log in with it") {
		t.Errorf("set up: got\n%s", page)
	}
	for _, link := range links {
		if page := fetch(t, client, link, nil); !strings.Contains(page, "no longer works") {
			t.Errorf("%s after the set-up: got\n%s", link, page)
		}
	}
	s.stop()
	printed = captureStdout(t, startAndStop)
	if links := setupLink.FindAllString(printed, -1); len(links) > 0 {
		t.Errorf("start of a shop with an owner: got links %v, want none", links)
	}
}

// fetch returns the page at an address; with a form, of what comes of sending it.
func fetch(t *testing.T, client *http.Client, address string, form url.Values) string {
	t.Helper()
	resp, err := client.Get(address)
	if form != nil {
		resp, err = client.PostForm(address, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// captureStdout returns what is printed while the function runs.
func captureStdout(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all)
	}()
	defer func() { os.Stdout = before }()
	do()
	os.Stdout = before
	w.Close()
	return <-read
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saoma/models/modelstest"
	"saoma/payments/sandbox"
)

// asSaoma makes the test binary the program itself, for tests that need a process of their own.
// The configuration passes over variables that begin like it.
const asSaoma = "SAOMA_TEST_AS_SAOMA"

func TestMain(m *testing.M) {
	if os.Getenv(asSaoma) != "" {
		main()
		os.Exit(0)
	}
	if address := os.Getenv(asFiber); address != "" {
		fmt.Fprintln(os.Stderr, serveBareFiber(address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// database is where a test's shop is kept.
type database struct {
	driver, dsn string
	auditor     string // the auditor's own way to it, if that is another one
}

func sqliteDatabase(t testing.TB) database {
	return database{driver: "sqlite", dsn: filepath.Join(t.TempDir(), "saoma.db")}
}

func mysqlDatabase(t testing.TB) database {
	return database{driver: "mysql", dsn: modelstest.MySQLOptions(t).DSN}
}

// onEachDatabase runs the test on SQLite and on MySQL, side by side.
func onEachDatabase(t *testing.T, test func(t *testing.T, d database)) {
	for name, open := range map[string]func(testing.TB) database{"sqlite": sqliteDatabase, "mysql": mysqlDatabase} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// testShop is a shop that runs, as those see it who deal with it: buyers and gateways by HTTP,
// and an auditor who reads its database.
type testShop struct {
	t       testing.TB
	url     string
	sandbox sandboxAPI
	config  string // its file
	db      *sql.DB
	initial map[string]int64 // what it had of each article when it opened
	stop    func()           // ends it in good order; may be called twice
}

// startShop runs the shop in this process, with the demo products and the built-in sandbox, until
// the test ends. more are further lines of its configuration.
func startShop(t testing.TB, d database, more ...string) *testShop {
	t.Helper()
	for range 3 {
		s := configure(t, d, more...)
		if err := s.start(); err == nil {
			return s
		} else if !errors.Is(err, syscall.EADDRINUSE) { // somebody else took the port meanwhile
			t.Fatal(err)
		}
	}
	t.Fatal("no port stays free")
	return nil
}

// configure writes a configuration and starts nothing.
func configure(t testing.TB, d database, more ...string) *testShop {
	t.Helper()
	address := freeAddress(t)
	s := &testShop{t: t, url: "http://" + address, config: filepath.Join(t.TempDir(), "config.yaml"), stop: func() {}}
	s.sandbox = sandboxAPI{t, s.url}
	lines := append([]string{
		fmt.Sprintf("listen: %q", address),
		fmt.Sprintf("public_url: %q", s.url),
		fmt.Sprintf("data_dir: %q", filepath.Join(t.TempDir(), "data")),
		"log: {level: error}", // faults on purpose are warnings
		fmt.Sprintf("database: {driver: %s, dsn: %q}", d.driver, d.dsn),
	}, more...)
	if err := os.WriteFile(s.config, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	driver, dsn := "sqlite", "file:"+d.dsn+"?_pragma=busy_timeout(10000)&_time_format=sqlite&_timezone=UTC"
	if d.driver == "mysql" {
		driver, dsn = "mysql", cmp.Or(d.auditor, d.dsn)
	}
	var err error
	if s.db, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	return s
}

// start runs the shop and returns once it can sell.
func (s *testShop) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"serve", "--config", s.config}) }()
	for !s.ready() {
		select {
		case err := <-ended:
			cancel()
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
	s.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the shop ended with %v, want no error", err)
		}
		s.stop = func() {}
	}
	s.t.Cleanup(func() { s.stop() })
	if s.initial == nil {
		s.initial = s.stock()
	}
	return nil
}

func (s *testShop) ready() bool {
	resp, err := http.Get(s.url + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await returns once the condition holds. What it waits for takes as long as it takes; the limit
// only keeps a broken test from hanging.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// sandboxAPI is the control API of a sandbox.
type sandboxAPI struct {
	t   testing.TB
	url string
}

// payments returns all payments that the gateways know, the oldest first.
func (a sandboxAPI) payments() []sandbox.Payment {
	a.t.Helper()
	var list struct{ Payments []sandbox.Payment }
	a.do("GET", "/sandbox/api/payments", nil, &list)
	return list.Payments
}

// newest returns the payment that was created last.
func (a sandboxAPI) newest() sandbox.Payment {
	a.t.Helper()
	list := a.payments()
	if len(list) == 0 {
		a.t.Fatal("the gateways know no payment")
	}
	return list[len(list)-1]
}

func (a sandboxAPI) ledger() sandbox.Ledger {
	a.t.Helper()
	var l sandbox.Ledger
	a.do("GET", "/sandbox/api/ledger", nil, &l)
	return l
}

// act does in the wallet what a buyer would. notify is before, after or never.
func (a sandboxAPI) act(number string, action sandbox.Action, notify sandbox.Notify) {
	a.t.Helper()
	a.do("POST", fmt.Sprintf("/sandbox/api/payments/%s/%s?notify=%s", number, action, notify), nil, nil)
}

// resend sends the last notification so many times at once, and returns what the shop answered.
func (a sandboxAPI) resend(number string, times int) []sandbox.Delivery {
	a.t.Helper()
	var list struct{ Deliveries []sandbox.Delivery }
	a.do("POST", "/sandbox/api/payments/"+number+"/notify", map[string]int{"times": times}, &list)
	return list.Deliveries
}

func (a sandboxAPI) fault(f sandbox.Fault) {
	a.t.Helper()
	a.do("PUT", "/sandbox/api/faults", f, nil)
}

func (a sandboxAPI) clearFaults() {
	a.t.Helper()
	a.do("DELETE", "/sandbox/api/faults", nil, nil)
}

func (a sandboxAPI) do(method, path string, in, out any) {
	a.t.Helper()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			a.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, a.url+path, &body)
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		a.t.Fatalf("%s %s: got status %d, %s (err %v)", method, path, resp.StatusCode, text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
}

// outcome is what a finished process leaves behind.
type outcome struct {
	code   int
	stdout string
	stderr string
}

// saoma runs the program in a process of its own.
func saoma(t *testing.T, args ...string) outcome {
	t.Helper()
	return saomaReading(t, "", args...)
}

// saomaReading does so with a text on its standard input.
func saomaReading(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asSaoma+"=1")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			t.Fatal(err)
		}
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	s := configure(t, sqliteDatabase(t))
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	err := os.WriteFile(broken, []byte("lisen: ':1'\nshop: {currency: DOLLARS, payment_window: 25h}\nsandbox: {enabled: false}\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout []string
		stderr []string
	}{
		{"version", []string{"version"}, 0, []string{"saoma ", "commit ", "go1."}, nil},
		{"version takes no words", []string{"version", "now"}, 2, nil, []string{"wrong usage", "Usage:"}},
		{"help", []string{"help"}, 0, []string{"Usage:", "saoma products export"}, nil},
		{"unknown command", []string{"serv"}, 2, nil, []string{`no command "serv"`, "Usage:"}},
		{"unknown flag", []string{"serve", "--port", "1"}, 2, nil, []string{"wrong usage", "Usage:"}},
		{"too many words", []string{"serve", "now"}, 2, nil, []string{"wrong usage"}},
		{"products alone", []string{"products"}, 2, nil, []string{"wrong usage", "import FILE.csv"}},
		{"products, unknown", []string{"products", "delete"}, 2, nil, []string{`no command "delete"`}},
		{"import without a file", []string{"products", "import"}, 2, nil, []string{"wrong usage"}},
		{"import of a file that is not there", []string{"products", "import", "none.csv", "--config", s.config}, 1, nil, []string{"none.csv"}},
		{"no such configuration", []string{"serve", "--config", "none.yaml"}, 1, nil, []string{"none.yaml"}},
		{"all mistakes at once", []string{"serve", "--config", broken}, 1, nil, []string{
			"lisen", "shop.currency", "shop.payment_window", "gateways.scanforpay.sign_key", "gateways.pass2pay.app_secret",
		}},
		{"sweep of an empty shop", []string{"sweep", "--config", s.config}, 0, []string{"Asked about 0 payments", "found paid: 0", "Worked on 0 refunds", "open now: 0"}, nil},
		{"sweep by the built-in configuration", []string{"sweep"}, 0, []string{"Asked about 0 payments"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := saoma(t, tt.args...)
			if got.code != tt.code {
				t.Errorf("saoma %s: got exit %d, want %d; it said %s%s", tt.args, got.code, tt.code, got.stdout, got.stderr)
			}
			for _, want := range tt.stdout {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("saoma %s: got output %q, want %q in it", tt.args, got.stdout, want)
				}
			}
			for _, want := range tt.stderr {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("saoma %s: got error %q, want %q in it", tt.args, got.stderr, want)
				}
			}
			if tt.code == 0 && strings.Contains(got.stderr, "saoma:") {
				t.Errorf("saoma %s: got error %q, want none", tt.args, got.stderr)
			}
		})
	}
}

func TestWrongUsageIsAnErrorOfItsOwn(t *testing.T) {
	for _, args := range [][]string{{"serv"}, {"version", "now"}, {"serve", "--port"}, {"products"}, {"sandbox", "now"}} {
		if err := run(context.Background(), args); !errors.Is(err, errUsage) {
			t.Errorf("run %q: got %v, want errUsage", args, err)
		}
	}
}

func TestProductsGoOutAndIn(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d)
		s.stop()
		first := saoma(t, "products", "export", "--config", s.config)
		if first.code != 0 || !strings.Contains(first.stdout, "SHIRT-M") {
			t.Fatalf("export: got %+v, want the demo products", first)
		}
		file := filepath.Join(t.TempDir(), "products.csv")
		changed := strings.Replace(first.stdout, "89.00", "93.50", 1)
		if changed == first.stdout {
			t.Fatalf("no price 89.00 in %s", first.stdout)
		}
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := saoma(t, "products", "import", file, "--config", s.config); got.code != 0 {
			t.Fatalf("import of what was exported: got %+v", got)
		}
		if again := saoma(t, "products", "export", "--config", s.config); again.stdout != changed {
			t.Errorf("exported again: got\n%s\nwant what was imported\n%s", again.stdout, changed)
		}

		foreign := strings.Replace(changed, "tea-set.svg", strings.Repeat("0a", 16)+"-640x480.jpg", 1)
		if err := os.WriteFile(file, []byte(foreign), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := saoma(t, "products", "import", file, "--config", s.config); got.code != 1 || !strings.Contains(got.stderr, "does not have the picture 0a0a") {
			t.Errorf("import of a picture of another shop: got %+v, want it refused", got)
		}

		bad := strings.Replace(changed, "93.50", "ninety", 1) + strings.Replace(changed, "tea-set", "tea-set-2", 1)
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := saoma(t, "products", "import", file, "--config", s.config); got.code != 1 || !strings.Contains(got.stderr, "line ") {
			t.Errorf("import of a bad file: got %+v, want exit 1 and the line", got)
		}
		if again := saoma(t, "products", "export", "--config", s.config); again.stdout != changed {
			t.Errorf("after a bad file: got\n%s\nwant nothing of it kept\n%s", again.stdout, changed)
		}
	})
}

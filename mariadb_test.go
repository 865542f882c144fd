//go:build chaos

package main

import (
	"database/sql"
	"fmt"
	"io"
	"log"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"saoma/models"
)

// mariadb is a database server of the test's own, which may be frozen and killed.
type mariadb struct {
	owner   testing.TB // the server ends with its test
	dir     string
	address string
	env     []string
	options []string // further ones
	process *process
	admin   *sql.DB
}

// startMariaDB sets a server up on a free loopback port and starts it.
func startMariaDB(t testing.TB) *mariadb {
	t.Helper()
	m := newMariaDB(t, freeAddress(t))
	m.install(t)
	m.start(t)
	m.addUsers(t)
	return m
}

func newMariaDB(t testing.TB, address string) *mariadb {
	t.Helper()
	quiet := log.New(io.Discard, "", 0)
	if err := mysqldriver.SetLogger(quiet); err != nil { // of connections that end with the server
		t.Fatal(err)
	}
	m := &mariadb{owner: t, dir: t.TempDir(), address: address}
	var err error
	if m.admin, err = sql.Open("mysql", "root@tcp("+m.address+")/"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.admin.Close() })
	return m
}

// install makes its data directory.
func (m *mariadb) install(t testing.TB) {
	t.Helper()
	install := exec.Command("mariadb-install-db", "--no-defaults", "--user=root", "--datadir="+m.data(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=16M")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
}

func (m *mariadb) addUsers(t testing.TB) {
	t.Helper()
	m.do(t, "CREATE USER shop@'127.0.0.1'") // a server that is read-only lets root write all the same
	m.do(t, "GRANT ALL ON `saoma_%`.* TO shop@'127.0.0.1'")
}

func (m *mariadb) data() string { return filepath.Join(m.dir, "data") }

// arguments run the server on the data that there is, as careful on disk as one that keeps money.
func (m *mariadb) arguments(more ...string) []string {
	_, port, _ := strings.Cut(m.address, ":")
	return slices.Concat([]string{"--no-defaults", "--user=root", "--datadir=" + m.data(),
		"--socket=" + filepath.Join(m.dir, "socket"), "--pid-file=" + filepath.Join(m.dir, "pid"),
		"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve",
		"--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=16M",
		"--character-set-server=utf8mb4", "--max-connections=300"}, m.options, more)
}

// start runs the server and returns when it takes connections.
func (m *mariadb) start(t testing.TB, more ...string) {
	t.Helper()
	m.process = launch(m.owner, m.env, "mariadbd", m.arguments(more...)...)
	for !m.process.said.has("ready for connections") {
		select {
		case <-m.process.ended:
			t.Fatalf("MariaDB does not start:\n%s", &m.process.said)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (m *mariadb) do(t testing.TB, statement string) {
	t.Helper()
	if _, err := m.admin.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// database makes a new one.
func (m *mariadb) database(t testing.TB) database {
	t.Helper()
	name := "saoma_" + strings.ReplaceAll(models.NewID(), "-", "")
	m.do(t, "CREATE DATABASE "+name)
	return database{driver: "mysql", dsn: fmt.Sprintf("shop@tcp(%s)/%s", m.address, name)}
}

// Package modelstest opens real databases for tests.
package modelstest

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"saoma/models"
)

// Shop is the shop that test stores keep.
var Shop = models.Shop{Currency: "CNY"}

// Settings are those that test stores begin with.
var Settings = models.Settings{
	ShopName: "Demo", ShippingFee: 1000, FreeShippingFrom: 50000, PaymentWindow: 15 * time.Minute, LowStock: models.DefaultLowStock,
	LatePayment: models.FulfilOrRefund, DuplicatePayment: models.AskStaff, Accent: models.DefaultAccent,
}

// New returns an empty store on a new SQLite database, closed when the test ends.
func New(t testing.TB) *models.Store {
	t.Helper()
	return Open(t, Options(t))
}

// Options are those that New opens its store with, for tests that change one or open it twice.
func Options(t testing.TB) models.Options {
	t.Helper()
	return models.Options{
		Driver: models.DriverSQLite,
		DSN:    filepath.Join(t.TempDir(), "saoma.db"),
		Shop:   Shop, Settings: Settings,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// MySQLOptions name a new database on the server at SAOMA_TEST_MYSQL_DSN, dropped when the test
// ends. Without the variable the test is skipped, or fails when SAOMA_TEST_REQUIRE is set.
func MySQLOptions(t testing.TB) models.Options {
	t.Helper()
	dsn := os.Getenv("SAOMA_TEST_MYSQL_DSN")
	if dsn == "" {
		if os.Getenv("SAOMA_TEST_REQUIRE") != "" {
			t.Fatal("SAOMA_TEST_MYSQL_DSN is not set")
		}
		t.Skip("needs a MariaDB or MySQL server: set SAOMA_TEST_MYSQL_DSN, or run make test")
	}
	c, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	c.DBName = "saoma_" + strings.ReplaceAll(models.NewID(), "-", "")
	if _, err := server.Exec("CREATE DATABASE " + c.DBName); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.Exec("DROP DATABASE " + c.DBName); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	o := Options(t)
	o.Driver, o.DSN = models.DriverMySQL, c.FormatDSN()
	return o
}

// newFile is an SQLite database with all its tables and nothing in them. It is made once, since making the
// tables takes longer than most tests.
var newFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "saoma-modelstest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o := models.Options{Driver: models.DriverSQLite, DSN: filepath.Join(dir, "saoma.db"), Shop: Shop, Settings: Settings}
	s, err := models.Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(o.DSN)
})

// Open opens a store, a new one with its tables where there is no file yet, and closes it when the test
// ends.
func Open(t testing.TB, o models.Options) *models.Store {
	t.Helper()
	if _, err := os.Stat(o.DSN); o.Driver == models.DriverSQLite && errors.Is(err, fs.ErrNotExist) {
		file, err := newFile()
		if err == nil {
			err = os.WriteFile(o.DSN, file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := models.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Each runs the test on SQLite and on MySQL, at the same time.
func Each(t *testing.T, test func(t *testing.T, o models.Options)) {
	for name, options := range map[string]func(testing.TB) models.Options{"sqlite": Options, "mysql": MySQLOptions} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, options(t))
		})
	}
}

// Product puts a product with one variant into the shop: its SKU is also its slug and name.
func Product(t testing.TB, s *models.Store, sku string, price, stock int64) {
	t.Helper()
	err := s.PutProducts(context.Background(), []models.Product{{
		Slug: sku, Name: "Product " + sku, Active: true,
		Variants: []models.Variant{{SKU: sku, Price: price, Counted: true, OnHand: stock, Active: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// Order places an order for one piece of the SKU.
func Order(t testing.TB, s *models.Store, sku string) *models.Order {
	t.Helper()
	o, err := s.PlaceOrder(context.Background(), Draft(sku, 1))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Draft is a draft for n pieces of the SKU, with a form token of its own, by a visitor who has not
// ordered before and comes from behind a proxy, as many do.
func Draft(sku string, n int64) models.Draft {
	return models.Draft{
		FormToken: models.NewToken(),
		Lines:     []models.Line{{SKU: sku, Quantity: n}},
		Buyer: models.Buyer{
			Name: "Ada Wong", Email: "ada@example.com", Address: "1 Queen's Road", City: "Hong Kong", Country: "HK",
		},
		Wallet: models.WeChat, Language: "en", ClientIP: "127.0.0.1",
		CustomerID: models.NewToken(), CustomerSince: time.Unix(1700000000, 0),
	}
}

// Set sets a setting as somebody does who sees how it stands now.
func Set(t testing.TB, s *models.Store, d models.Setting, value string) {
	t.Helper()
	states, err := s.SettingStates(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	wanted := models.SettingChange{Setting: d, Value: value, Seen: states[d.Name].Mark()}
	changed, moved, err := s.ChangeSettings(context.Background(), models.CommandLine(), []models.SettingChange{wanted})
	if err != nil || len(changed) != 1 {
		t.Fatalf("set %s from %q to %q: got changed %v, moved %v, %v", d.Name, states[d.Name].Value, value, changed, moved, err)
	}
}

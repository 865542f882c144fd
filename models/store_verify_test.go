package models_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// rawDB opens the database of a store, past the store.
func rawDB(t *testing.T, o models.Options) *sql.DB {
	t.Helper()
	driver := o.Driver
	dsn := o.DSN
	if driver == models.DriverSQLite {
		dsn = "file:" + dsn + "?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// keep adds messages to the chain of an order; without an order they stand alone.
func keep(t *testing.T, s *models.Store, o *models.Order, messages ...string) {
	t.Helper()
	for _, m := range messages {
		err := s.Tx(context.Background(), func(tx *models.Tx) error {
			locked := o
			if o != nil {
				var err error
				if locked, err = tx.LockOrder(o.ID); err != nil {
					return err
				}
			}
			return tx.AddEvidence(locked, models.Evidence{
				Gateway: models.ScanForPay, Direction: models.Received, Operation: "notification",
				Response: []byte(m), Verdict: "accepted", Rule: "a rule",
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t *testing.T, s *models.Store) (models.Verified, []string) {
	t.Helper()
	var broken []string
	v, err := s.VerifyEvidence(context.Background(), func(err error) { broken = append(broken, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	return v, broken
}

func TestVerifyEvidenceNamesWhatIsBroken(t *testing.T) {
	for name, tc := range map[string]struct {
		damage string // with the id of the second order, whose messages have the places 1, 3 and 5
		want   string // the beginning of what is told; NUMBER is the order's
	}{
		"nothing":         {},
		"answer changed":  {"UPDATE evidence SET response = 'x' WHERE order_id = ? AND seq = 3", "order NUMBER: evidence 3 "},
		"verdict changed": {"UPDATE evidence SET verdict = 'x' WHERE order_id = ? AND seq = 1", "order NUMBER: evidence 1 "},
		"digest changed":  {"UPDATE evidence SET digest = 'x' WHERE order_id = ? AND seq = 5", "order NUMBER: evidence 5 "},
		"first removed":   {"DELETE FROM evidence WHERE order_id = ? AND seq = 1", "order NUMBER: evidence 3 "},
		"middle removed":  {"DELETE FROM evidence WHERE order_id = ? AND seq = 3", "order NUMBER: evidence 5 "},
		"last removed":    {"DELETE FROM evidence WHERE order_id = ? AND seq = 5", "order NUMBER: evidence is missing"},
		"all removed":     {"DELETE FROM evidence WHERE order_id = ?", "order NUMBER: evidence is missing"},
		"cut loose":       {"UPDATE evidence SET order_id = NULL WHERE order_id = ? AND seq = 5", "order NUMBER: evidence is missing"},
		"end changed":     {"UPDATE orders SET evidence_hash = '' WHERE id = ?", "order NUMBER: evidence is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, o models.Options) {
				s := modelstest.Open(t, o)
				modelstest.Product(t, s, "cup", 2500, 9)
				orders := []*models.Order{modelstest.Order(t, s, "cup"), modelstest.Order(t, s, "cup"), modelstest.Order(t, s, "cup")}
				keep(t, s, orders[0], "a", "b")
				keep(t, s, orders[1], "c", "d", "e")
				keep(t, s, nil, "f")
				if tc.damage != "" {
					damage(t, o, tc.damage, orders[1].ID)
				}
				v, broken := verify(t, s)
				if v.Orders != 3 || v.Broken != len(broken) {
					t.Errorf("got %+v and %q", v, broken)
				}
				if tc.want == "" {
					if v.Messages != 6 || v.Broken != 0 {
						t.Errorf("got %+v, want 6 messages, none broken", v)
					}
					return
				}
				want := strings.ReplaceAll(tc.want, "NUMBER", orders[1].Number)
				if len(broken) == 0 || !strings.HasPrefix(broken[0], want) {
					t.Errorf("got %q, want %q", broken, want)
				}
			})
		})
	}
}

func damage(t *testing.T, o models.Options, statement string, args ...any) {
	t.Helper()
	if _, err := rawDB(t, o).Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyEvidenceOutsideOfOrders(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 9)
		gone := modelstest.Order(t, s, "cup")
		keep(t, s, gone, "a")
		keep(t, s, nil, "b", "c")
		damage(t, o, "UPDATE evidence SET response = 'x' WHERE order_id IS NULL AND response = ?", []byte("b"))
		damage(t, o, "DELETE FROM order_items WHERE order_id = ?", gone.ID)
		damage(t, o, "DELETE FROM orders WHERE id = ?", gone.ID)
		v, broken := verify(t, s)
		if diff := cmp.Diff(models.Verified{Messages: 2, Broken: 2}, v); diff != "" {
			t.Error(diff)
		}
		if len(broken) != 2 || !strings.Contains(broken[0], gone.ID) || !strings.Contains(broken[1], "outside of any order") {
			t.Errorf("got %q, want the order that is gone and the message that was changed", broken)
		}
	})
}

// TestVerifyEvidenceReadsEveryPage has more orders than a page, the last one broken.
func TestVerifyEvidenceReadsEveryPage(t *testing.T) {
	o := modelstest.Options(t)
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 900)
	var last *models.Order
	for range 401 {
		last = modelstest.Order(t, s, "cup")
	}
	keep(t, s, last, "a")
	damage(t, o, "UPDATE evidence SET rule = 'x' WHERE order_id = ?", last.ID)
	v, broken := verify(t, s)
	if diff := cmp.Diff(models.Verified{Orders: 401, Messages: 1, Broken: 1}, v); diff != "" {
		t.Error(diff)
	}
	if len(broken) != 1 || !strings.Contains(broken[0], last.Number) {
		t.Errorf("got %q, want order %s", broken, last.Number)
	}
}

func TestVerifyEvidenceWhileMessagesArrive(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 9)
		order := modelstest.Order(t, s, "cup")
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(done)
			for i := range 100 {
				keep(t, s, order, fmt.Sprint(i))
			}
		})
		for passes := 0; passes == 0 || !closed(done); passes++ {
			if v, broken := verify(t, s); v.Broken != 0 {
				t.Errorf("got %q, want nothing broken", broken)
				break
			}
		}
		wg.Wait()
	})
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

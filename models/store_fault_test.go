package models_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"saoma/models"
	"saoma/models/modelstest"
)

// within fails the test when the function does not come back at all. The bound is far above what
// the function takes, and far below what it would take if nothing bounded it.
func within(t *testing.T, bound time.Duration, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(bound):
		t.Fatalf("still waiting after %v", bound)
	}
}

// A database that fails between the two queries of a read gives an error, and no half of an answer.
func TestVariantsWithoutTheirProduct(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		if _, err := otherConnection(t, o).ExecContext(t.Context(), "ALTER TABLE products RENAME TO elsewhere"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.VariantsBySKU(t.Context(), []string{"cup"}); err == nil || got != nil {
			t.Errorf("without the table of products: got %+v, %v; want only an error", got, err)
		}
	})
}

// A process that starts waits for one that writes longer than anybody waits for a lock.
func TestOpenWaitsForABusyDatabase(t *testing.T) {
	o := modelstest.Options(t)
	if err := modelstest.Open(t, o).Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	holder := otherConnection(t, o)
	if _, err := holder.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	free := time.AfterFunc(1500*time.Millisecond, func() {
		if _, err := holder.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	})
	defer free.Stop()
	s, err := models.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("while another process writes: got %v, want a store once it is done", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// otherConnection opens a connection to the database of the options beside any store.
func otherConnection(t *testing.T, o models.Options) *sql.Conn {
	t.Helper()
	name, dsn := "mysql", o.DSN
	if o.Driver == models.DriverSQLite {
		name, dsn = "sqlite", "file:"+o.DSN
	}
	db, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		db.Close()
	})
	return conn
}

func TestALockThatStaysIsGivenUpOn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		holder := otherConnection(t, o)
		for _, statement := range lockStock(o) {
			if _, err := holder.ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		within(t, 20*time.Second, func() {
			if _, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 1)); !errors.Is(err, models.ErrStoreDown) {
				t.Errorf("while the stock is locked: got %v, want %v", err, models.ErrStoreDown)
			}
		})
		if _, err := holder.ExecContext(ctx, "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 1)); err != nil {
			t.Errorf("after the lock is gone: %v", err)
		}
		if onHand, reserved := stock(t, s, "cup"); onHand != 4 || reserved != 1 {
			t.Errorf("stock: got %d on hand and %d reserved, want 4 and 1", onHand, reserved)
		}
	})
}

// Transactions that wait, as the checkouts of one article do, keep nobody from reading, however many they are.
func TestReadsWhileEveryWriterWaits(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		if err := s.BeginOnAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Products(t.Context()); err != nil || len(got) != 1 {
			t.Errorf("with a transaction on every connection for writes: got %d products, %v; want 1", len(got), err)
		}
	})
}

func lockStock(o models.Options) []string {
	if o.Driver == models.DriverSQLite {
		return []string{"BEGIN IMMEDIATE"}
	}
	return []string{"BEGIN", "UPDATE variants SET position = position + 1"}
}

// raise makes MySQL fail a statement with the error number.
func raise(tx *models.Tx, number int) error {
	return tx.Exec(fmt.Sprintf("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = %d, MESSAGE_TEXT = 'raised by a test'", number))
}

func TestMySQLErrorsThatAreTriedAgain(t *testing.T) {
	s := modelstest.Open(t, modelstest.MySQLOptions(t))
	for number, again := range map[int]bool{
		1205: true,  // lock wait time-out
		1213: true,  // deadlock, Galera certification
		1020: true,  // record changed
		1047: true,  // node is no part of its cluster
		1053: true,  // server shuts down
		1180: true,  // commit failed
		1317: true,  // interrupted
		1927: true,  // connection killed
		1290: true,  // read-only node
		8022: true,  // TiDB: commit conflict
		9007: true,  // TiDB: write conflict
		1064: false, // syntax
		1406: false, // too long
		1644: false, // raised by a person's trigger
		3819: false, // check constraint
	} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			tries := 0
			err := s.Tx(t.Context(), func(tx *models.Tx) error {
				if tries++; tries == 1 {
					return raise(tx, number)
				}
				return nil
			})
			if again && (err != nil || tries != 2) {
				t.Errorf("got %d tries and %v, want success at the second", tries, err)
			}
			if !again && (err == nil || tries != 1) {
				t.Errorf("got %d tries and %v, want an error at the first", tries, err)
			}
		})
	}
}

func TestWhatTheDatabaseRefusesForGoodIsNotItsOutage(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		for name, statement := range map[string]string{
			"check":       "UPDATE variants SET on_hand = -1",
			"not null":    "UPDATE variants SET sku = NULL",
			"foreign key": "UPDATE variants SET product_id = 'none'",
		} {
			err := s.Tx(t.Context(), func(tx *models.Tx) error { return tx.Exec(statement) })
			if err == nil || errors.Is(err, models.ErrStoreDown) {
				t.Errorf("%s: got %v, want another error than %v", name, err, models.ErrStoreDown)
			}
		}
	})
}

// What we find broken ourselves stays as it is: asking again mends nothing.
func TestWhatIsBrokenIsNoOutage(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 5)
		order := modelstest.Order(t, s, "cup")
		for name, act := range map[string]func(tx *models.Tx, o *models.Order) error{
			"pieces that are not reserved": func(tx *models.Tx, o *models.Order) error {
				_, err := tx.CloseOrder(o, models.OrderExpired)
				return err
			},
			"an order that moved though it was locked": func(tx *models.Tx, o *models.Order) error {
				o.Status = models.OrderExpired
				_, err := tx.MarkPaid(o, newPayment(s, o))
				return err
			},
		} {
			err := s.ActOn(t.Context(), order.ID, func(tx *models.Tx, o *models.Order) error {
				if err := tx.Exec("UPDATE variants SET reserved = 0"); err != nil {
					return err
				}
				return act(tx, o)
			})
			if !errors.Is(err, models.ErrBroken) || models.KindOf(err) != models.Internal {
				t.Errorf("%s: got %v, want it to be our own mistake", name, err)
			}
		}
	})
}

// A server may be set up to cut what is too long. Then two numbers could become one.
func TestMySQLRefusesWhatDoesNotFit(t *testing.T) {
	o := modelstest.MySQLOptions(t)
	c, err := mysqldriver.ParseDSN(o.DSN)
	if err != nil {
		t.Fatal(err)
	}
	c.Params = map[string]string{"sql_mode": "''"}
	o.DSN = c.FormatDSN()
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 5)
	err = s.Tx(t.Context(), func(tx *models.Tx) error {
		return tx.Exec("UPDATE variants SET sku = ?", strings.Repeat("x", 65))
	})
	if err == nil || errors.Is(err, models.ErrStoreDown) {
		t.Errorf("a SKU of 65 characters in 64: got %v, want a refusal", err)
	}
}

func TestMySQLLeavesANodeThatIsNotReady(t *testing.T) {
	s := modelstest.Open(t, modelstest.MySQLOptions(t))
	var connections []int64
	err := s.Tx(t.Context(), func(tx *models.Tx) error {
		var id int64
		if err := tx.Read(&id, "SELECT CONNECTION_ID()"); err != nil {
			return err
		}
		if connections = append(connections, id); len(connections) == 1 {
			return raise(tx, 1047)
		}
		return nil
	})
	if err != nil || len(connections) != 2 || connections[0] == connections[1] {
		t.Errorf("got connections %v and %v, want two that differ", connections, err)
	}
}

func TestMySQLThatRefusesConnections(t *testing.T) {
	o := modelstest.MySQLOptions(t)
	p := modelstest.NewProxy(t, &o)
	var log lockedBuffer
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 5)
	p.Stop()
	if _, err := s.Catalogue(t.Context(), models.Paging{Limit: 1}); !errors.Is(err, models.ErrStoreDown) {
		t.Errorf("read: got %v, want %v", err, models.ErrStoreDown)
	}
	if _, err := s.PlaceOrder(t.Context(), modelstest.Draft("cup", 1)); !errors.Is(err, models.ErrStoreDown) {
		t.Errorf("write: got %v, want %v", err, models.ErrStoreDown)
	}
	if !strings.Contains(log.String(), "connection") {
		t.Errorf("got the log %q, want the driver's own words in it", log.String())
	}
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestMySQLCommitOfUnknownFate(t *testing.T) {
	for name, cut := range map[string]modelstest.Cut{"lost on its way": modelstest.BeforeCommit, "answer lost": modelstest.AfterCommit} {
		t.Run(name, func(t *testing.T) {
			o := modelstest.MySQLOptions(t)
			p := modelstest.NewProxy(t, &o)
			ctx, s := t.Context(), modelstest.Open(t, o)
			modelstest.Product(t, s, "cup", 2500, 5)

			p.CutNext(cut)
			order, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 2))
			if err != nil {
				t.Fatalf("place the order: %v", err)
			}
			if onHand, reserved := stock(t, s, "cup"); onHand != 3 || reserved != 2 {
				t.Errorf("stock: got %d on hand and %d reserved, want 3 and 2", onHand, reserved)
			}

			p.CutNext(cut)
			payment := newPayment(s, order)
			if err := s.Tx(ctx, func(tx *models.Tx) error { return tx.AddPayment(payment) }); err != nil {
				t.Fatalf("add the payment: %v", err)
			}

			p.CutNext(cut)
			paid, err := pay(ctx, s, order.ID, payment.ID)
			if err != nil {
				t.Fatalf("pay: %v", err)
			}
			if !p.HasCut() {
				t.Fatal("the last commit was not cut")
			}
			got, err := s.OrderByID(ctx, order.ID)
			if err != nil {
				t.Fatal(err)
			}
			// The second run of an answered commit finds the order paid, and has nothing to do.
			if got.Status != models.OrderPaid || len(got.Payments) != 1 || paid != (cut == modelstest.BeforeCommit) {
				t.Errorf("order: got %s with %d payments, moved %v", got.Status, len(got.Payments), paid)
			}
			if onHand, reserved := stock(t, s, "cup"); onHand != 3 || reserved != 0 {
				t.Errorf("stock: got %d on hand and %d reserved, want 3 and 0", onHand, reserved)
			}
		})
	}
}

// An act whose commit got no answer is done once, and stands in the audit log once.
func TestMySQLActsWhoseEndNobodyKnew(t *testing.T) {
	o := modelstest.MySQLOptions(t)
	p := modelstest.NewProxy(t, &o)
	ctx, s := t.Context(), modelstest.Open(t, o)
	modelstest.Product(t, s, "mug", 2500, 5)
	for cut, fate := range map[modelstest.Cut]string{modelstest.BeforeCommit: "lost on its way", modelstest.AfterCommit: "answer lost"} {
		address := func(name string) string { return fmt.Sprint(name, cut, "@example.com") }
		did := func(action string, do func() (bool, error)) {
			t.Helper()
			before, err := s.AuditEntries(ctx, 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			p.CutNext(cut)
			if done, err := do(); err != nil || !done || !p.HasCut() {
				t.Errorf("%s, %s: got done %t, %v, cut %t", action, fate, done, err, p.HasCut())
			}
			after, err := s.AuditEntries(ctx, 0, 1000)
			if err != nil || len(after) != len(before)+1 || after[0].Action != action {
				t.Errorf("%s, %s: got %d more entries, the last %+v, %v; want one", action, fate, len(after)-len(before), after[0], err)
			}
		}

		setUp, err := s.NewSetupLink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var owner, clerk *models.Staff
		did("set_up_shop", func() (bool, error) {
			owner, err = s.SetUp(ctx, "", setUp, address("owner"), "hash")
			return true, err
		})
		did("create_staff", func() (bool, error) {
			clerk, err = s.CreateStaff(ctx, boss, address("clerk"), models.RoleOrders, "hash")
			return true, err
		})
		var link string
		did("invite_staff", func() (bool, error) {
			_, link, err = s.InviteStaff(ctx, boss, address("guest"), models.RoleOrders)
			return true, err
		})
		did("use_staff_link", func() (bool, error) {
			m, err := s.UseStaffLink(ctx, "", link, "hash")
			return m.Email == address("guest"), err
		})
		if err := s.BeginTOTP(ctx, clerk.ID, "sealed"); err != nil {
			t.Fatal(err)
		}
		did("set_up_totp", func() (bool, error) {
			return s.ConfirmTOTP(ctx, actorOf(clerk), "sealed", 100, []string{"a"}, "")
		})
		did("use_recovery_code", func() (bool, error) { return s.UseRecoveryCode(ctx, actorOf(clerk), "a") })
		did("set_password", func() (bool, error) { return true, s.SetPassword(ctx, boss, clerk.ID, "other", "") })
		session, err := s.StaffSession(ctx, open(t, s, clerk))
		if err != nil {
			t.Fatal(err)
		}
		did("end_session", func() (bool, error) { return true, s.EndStaffSession(ctx, boss, clerk.ID, session.ID) })
		did("change_role", func() (bool, error) {
			return s.ChangeRole(ctx, boss, clerk.ID, models.RoleOrders, models.RoleFinance)
		})
		mug, err := s.ProductBySlug(ctx, "mug")
		if err != nil {
			t.Fatal(err)
		}
		did("add_product", func() (bool, error) {
			p, err := s.AddProduct(ctx, boss, models.ProductDetails{Slug: fmt.Sprint("bag-", cut), Name: "Bag"})
			return p.Position > 1, err
		})
		did("add_variant", func() (bool, error) {
			return true, s.AddVariant(ctx, boss, mug.ID, models.VariantDetails{SKU: fmt.Sprint("MUG-", cut), Price: 100, Counted: true}, 3)
		})
		did("move_product", func() (bool, error) {
			place, err := s.MoveProduct(ctx, boss, mug.ID, 1)
			return place == 1, err
		})
		p.CutNext(cut)
		if fits, err := s.UseTOTPStep(ctx, clerk.ID, 101); err != nil || !fits || !p.HasCut() {
			t.Errorf("a code, %s: got it to fit %t, %v, cut %t", fate, fits, err, p.HasCut())
		}
		if fits, err := s.UseTOTPStep(ctx, clerk.ID, 101); err != nil || fits {
			t.Errorf("a code, %s, again: got it to fit %t, %v", fate, fits, err)
		}
		incident := openIncident(t, s, models.Incident{Kind: models.IncidentUnknownOrder})
		did("resolve_incident", func() (bool, error) { return true, s.SettleIncident(ctx, incident, "looked at", boss) })
		did("disable_staff", func() (bool, error) { return true, s.DisableStaff(ctx, boss, clerk.ID) })
		// Without an owner, the shop can be set up by the next.
		if err := s.Tx(ctx, func(tx *models.Tx) error { return tx.Exec("DELETE FROM staff WHERE id = ?", owner.ID) }); err != nil {
			t.Fatal(err)
		}
	}
}

// A commit that gets no answer is waited for no longer than anything else, and what it did is found.
func TestMySQLCommitThatHangs(t *testing.T) {
	t.Parallel()
	o := modelstest.MySQLOptions(t)
	p := modelstest.NewProxy(t, &o)
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 5)
	draft := modelstest.Draft("cup", 2)
	p.CutNext(modelstest.NoAnswer)
	within(t, 4500*time.Millisecond, func() { // the driver itself waits for five seconds
		if _, err := s.PlaceOrder(t.Context(), draft); !errors.Is(err, models.ErrStoreDown) {
			t.Errorf("a commit without an answer: got %v, want %v", err, models.ErrStoreDown)
		}
	})
	if _, err := s.PlaceOrder(t.Context(), draft); err != nil {
		t.Errorf("the same form again: %v", err)
	}
	if onHand, reserved := stock(t, s, "cup"); onHand != 3 || reserved != 2 {
		t.Errorf("stock: got %d on hand and %d reserved, want 3 and 2", onHand, reserved)
	}
}

func TestSQLiteThatCannotWrite(t *testing.T) {
	for name, fault := range map[string]struct{ begin, end string }{
		"read-only": {"PRAGMA query_only = 1", "PRAGMA query_only = 0"},
		"disk full": {"PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"}, // 1: as many as there are
	} {
		t.Run(name, func(t *testing.T) {
			ctx, s := t.Context(), modelstest.New(t)
			modelstest.Product(t, s, "cup", 2500, 5)
			err := s.Tx(ctx, func(tx *models.Tx) error {
				if err := tx.Exec(fault.begin); err != nil {
					t.Error(err)
				}
				err := tx.Exec("UPDATE products SET description = ?", strings.Repeat("x", 1<<20))
				return errors.Join(err, tx.Exec(fault.end))
			})
			if !errors.Is(err, models.ErrStoreDown) {
				t.Errorf("got %v, want %v", err, models.ErrStoreDown)
			}
			if _, err := s.PlaceOrder(ctx, modelstest.Draft("cup", 1)); err != nil {
				t.Errorf("after it: %v", err)
			}
		})
	}
}

// mark writes a row by which it shows whether the transaction was committed.
func mark(tx *models.Tx, name string) error {
	return tx.Exec("INSERT INTO sessions (id_hash, data, expires_at) VALUES (?, '', '2100-01-01 00:00:00')", name)
}

func marked(t *testing.T, s *models.Store, name string) bool {
	t.Helper()
	var n int
	err := s.Tx(context.Background(), func(tx *models.Tx) error {
		return tx.Read(&n, "SELECT COUNT(*) FROM sessions WHERE id_hash = ?", name)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func TestWhatIsCommittedTogetherFailsAlone(t *testing.T) {
	s := modelstest.New(t)
	errs := s.WriteTogether(t.Context(),
		func(tx *models.Tx) error { return mark(tx, "first") },
		func(tx *models.Tx) error { return errors.Join(mark(tx, "refused"), models.ErrOutOfStock) },
		func(tx *models.Tx) error { _ = mark(tx, "panic"); panic("broken") },
		func(tx *models.Tx) error { return mark(tx, "first") }, // a duplicate
		func(tx *models.Tx) error { return mark(tx, "last") },
	)
	for i, name := range []string{"first", "refused", "panic", "duplicate", "last"} {
		want := name == "first" || name == "last"
		if (errs[i] == nil) != want {
			t.Errorf("%s: got error %v", name, errs[i])
		}
		if name != "duplicate" && marked(t, s, name) != want {
			t.Errorf("%s: got committed %v, want %v", name, !want, want)
		}
	}
}

// One that failed by itself may have failed for what another one did, and that is gone.
func TestWhatIsCommittedTogetherIsLostTogether(t *testing.T) {
	s := modelstest.New(t)
	errs := s.WriteTogether(t.Context(),
		func(tx *models.Tx) error { return mark(tx, "first") },
		func(tx *models.Tx) error { return models.ErrOutOfStock },
		func(tx *models.Tx) error { return errors.Join(tx.Exec("ROLLBACK"), errors.New("the disk is full")) },
	)
	for i, err := range errs {
		if err == nil || errors.Is(err, models.ErrOutOfStock) {
			t.Errorf("function %d: got %v, want the error of the batch", i, err)
		}
	}
	if marked(t, s, "first") {
		t.Error("the first was committed")
	}
	if err := s.Tx(t.Context(), func(tx *models.Tx) error { return mark(tx, "next") }); err != nil {
		t.Errorf("the next batch: %v", err)
	}
}

func TestAPanicFailsItsTransactionOnly(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		err := s.Tx(t.Context(), func(tx *models.Tx) error { _ = mark(tx, "panic"); panic("broken") })
		if err == nil || errors.Is(err, models.ErrStoreDown) || !strings.Contains(err.Error(), "broken") {
			t.Errorf("got %v, want the panic as an error of our own", err)
		}
		if marked(t, s, "panic") {
			t.Error("what it wrote was kept")
		}
	})
}

func TestManyWritersSomeOfWhichFail(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		var wg sync.WaitGroup
		for i := range 120 {
			name := fmt.Sprint(i)
			wg.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				err := s.Tx(ctx, func(tx *models.Tx) error {
					if err := mark(tx, name); err != nil {
						return err
					}
					switch i % 4 {
					case 1:
						return models.ErrOutOfStock
					case 2:
						panic("broken")
					}
					return nil
				})
				if want := i%4 == 0 || i%4 == 3; (err == nil) != want {
					t.Errorf("%d: got error %v", i, err)
				}
			})
		}
		wg.Wait()
		var n int
		err := s.Tx(t.Context(), func(tx *models.Tx) error { return tx.Read(&n, "SELECT COUNT(*) FROM sessions") })
		if err != nil || n != 60 {
			t.Errorf("got %d rows, err %v, want the 60 that did not fail", n, err)
		}
	})
}

func TestARequestThatIsGone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Tx(ctx, func(tx *models.Tx) error {
			defer cancel()
			return mark(tx, "late")
		})
		if (err == nil) != marked(t, s, "late") {
			t.Errorf("canceled in the transaction: got %v and committed %v", err, err != nil)
		}
		if err := s.Tx(ctx, func(*models.Tx) error { t.Error("ran all the same"); return nil }); !errors.Is(err, models.ErrStoreDown) {
			t.Errorf("canceled before: got %v, want %v", err, models.ErrStoreDown)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("the next: %v", err)
		}
	})
}

func TestCloseDuringUse(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s, err := models.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var committed atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := 0; ; j++ {
					err := s.Tx(context.Background(), func(tx *models.Tx) error { return mark(tx, fmt.Sprint(i, "/", j)) })
					if err != nil {
						if !errors.Is(err, models.ErrStoreDown) {
							t.Errorf("got %v, want %v", err, models.ErrStoreDown)
						}
						return
					}
					committed.Add(1)
				}
			})
		}
		changed, cancel := s.Subscribe("an order")
		defer cancel()
		for committed.Load() < 50 {
			runtime.Gosched()
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if _, open := <-changed; open {
			t.Error("a watcher was not told that the store is closed")
		}
		if _, err := s.Catalogue(t.Context(), models.Paging{Limit: 1}); !errors.Is(err, models.ErrStoreDown) {
			t.Errorf("read after Close: got %v, want %v", err, models.ErrStoreDown)
		}
		var n int64
		err = modelstest.Open(t, o).Tx(t.Context(), func(tx *models.Tx) error { return tx.Read(&n, "SELECT COUNT(*) FROM sessions") })
		if err != nil || n != committed.Load() {
			t.Errorf("got %d rows, err %v, want %d", n, err, committed.Load())
		}
	})
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	// One after the other: each looks at all goroutines.
	for _, options := range []func(testing.TB) models.Options{modelstest.Options, modelstest.MySQLOptions} {
		o := options(t)
		s, err := models.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, name := range []string{"writeLoop", "subscriptions).poll", "keepLease"} {
			if bytes.Contains(stacks, []byte(name)) {
				t.Errorf("%s still runs:\n%s", name, stacks)
			}
		}
	}
}

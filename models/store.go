package models

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/libtnb/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// The databases that Open knows.
const (
	DriverSQLite = "sqlite"
	DriverMySQL  = "mysql" // MySQL, MariaDB, Galera, TiDB
)

// Limits on waiting for the database.
const (
	// For a read, and for a transaction with all its tries: whoever asked is told of an outage within
	// three seconds. What SQLite's writer has begun has its own time, see writeBatch.
	queryTimeout = 2500 * time.Millisecond
	lockTimeout  = time.Second // for a lock that another transaction or process holds, in one try
	maxTries     = 10
	mysqlWrites  = 28 // connections for transactions, of which many may wait for one row
	mysqlReads   = 12 // and for reads, which shall not wait with them
	sqliteReads  = 4  // connections that read, beside the one that writes
)

// Options says which database to open and what the shop is.
type Options struct {
	Driver   string
	DSN      string // SQLite: a file, DataDir/saoma.db when empty. MySQL: as go-sql-driver takes it, with one host or several
	DataDir  string
	Shop     Shop
	Settings Settings         // what counts until something else is set at the desk
	Mail     bool             // whether buyers get mail
	Now      func() time.Time // nil: the system's clock
	Log      *slog.Logger
}

// Shop is what stays as it is while the shop runs. What does not is Settings.
type Shop struct {
	Currency string
}

// Store keeps the shop. All its methods may be called from many goroutines, and reads never
// wait for writes.
type Store struct {
	Shop Shop

	driver    string
	clustered bool // whether the database has several nodes
	read      *gorm.DB
	write     *gorm.DB
	queue     chan *writeJob // SQLite only: the line before its one writer
	done      chan struct{}
	work      sync.WaitGroup // the goroutines that end when done is closed
	now       func() time.Time
	log       *slog.Logger
	live      *subscriptions

	mail       bool     // whether buyers get mail
	configured Settings // as the configuration has them
	settings   atomic.Pointer[readSettings]
	learning   sync.Mutex // held by whoever replaces settings
}

// Open opens the database, brings its tables up to date (two processes may do so at once) and
// returns the store. Close it when done.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{
		Shop: o.Shop, configured: o.Settings, mail: o.Mail, driver: o.Driver, now: o.Now, log: o.Log, done: make(chan struct{}),
	}
	if s.now == nil {
		s.now = systemTime
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch o.Driver {
	case DriverSQLite:
		err = s.openSQLite(o)
	case DriverMySQL:
		err = s.openMySQL(o)
	default:
		err = fmt.Errorf("unknown database driver %q", o.Driver)
	}
	if err == nil {
		if err = s.migrate(ctx); err != nil {
			err = fmt.Errorf("bring the database up to date: %w", err)
		}
	}
	if err == nil {
		err = s.learnSettings(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.live = newSubscriptions(s)
	s.work.Go(s.watchSettings)
	return s, nil
}

// openSQLite opens one connection that writes and several that read beside it.
func (s *Store) openSQLite(o Options) error {
	file := o.DSN
	if file == "" {
		file = filepath.Join(o.DataDir, "saoma.db")
	}
	if dir := filepath.Dir(file); !strings.HasPrefix(file, "file:") {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
	}
	if !strings.HasPrefix(file, "file:") {
		file = "file:" + file
	}
	join := "?"
	if strings.Contains(file, "?") {
		join = "&"
	}
	// No deadline cuts SQLite's wait for a lock short, so the wait itself is short.
	dsn := fmt.Sprintf("%s%s_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+
		"&_pragma=foreign_keys(1)&_txlock=immediate&_time_format=sqlite&_timezone=UTC", file, join, lockTimeout.Milliseconds())
	var err error
	for try := 0; ; try++ { // turning WAL on does not wait for another process that does the same
		if s.write, err = s.open(sqlite.Open(dsn), 1); err == nil || !retryable(err) || try == 100 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("open the SQLite database: %w", err)
	}
	if s.read, err = s.open(sqlite.Open(dsn+"&_pragma=query_only(1)"), sqliteReads); err != nil {
		return fmt.Errorf("open the SQLite database for reading: %w", err)
	}
	s.queue = make(chan *writeJob)
	s.work.Go(s.writeLoop)
	return nil
}

// openMySQL opens connections for transactions, and others for reads, to the same node.
func (s *Store) openMySQL(o Options) error {
	all, err := readDSN(o.DSN)
	if err != nil {
		return err
	}
	for _, c := range all {
		s.configureMySQL(c)
	}
	nodes, err := newNodes(all, s.now, s.log)
	if err != nil {
		return fmt.Errorf("open the MySQL database: %w", err)
	}
	s.clustered = len(all) > 1
	if s.write, err = s.open(mysql.New(mysql.Config{Conn: sql.OpenDB(nodes)}), mysqlWrites); err == nil {
		s.read, err = s.open(mysql.New(mysql.Config{Conn: sql.OpenDB(nodes)}), mysqlReads)
	}
	if err != nil {
		return fmt.Errorf("open the MySQL database: %w", err)
	}
	s.warnAboutDurability()
	return nil
}

// configureMySQL adds to the operator's configuration what the store relies on.
func (s *Store) configureMySQL(c *mysqldriver.Config) {
	c.ParseTime = true
	c.Loc = time.UTC
	c.ClientFoundRows = true
	c.InterpolateParams = true
	c.MultiStatements = false
	c.Collation = "utf8mb4_bin"
	c.ReadTimeout = 5 * time.Second
	c.WriteTimeout = 5 * time.Second
	c.RejectReadOnly = true                                        // a node that turned read-only drops its connection
	c.Logger = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug) // its errors are returned as well
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params["time_zone"] = "'+00:00'"
	c.Params["sql_mode"] = "'STRICT_ALL_TABLES'" // what does not fit is refused, never cut
	// The server itself ends the wait for a lock: a client that hangs up in it leaves its own locks held.
	c.Params["innodb_lock_wait_timeout"] = fmt.Sprint(int(lockTimeout.Seconds()))
}

func (s *Store) open(d gorm.Dialector, conns int) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{
		TranslateError: true,
		// MySQL gets whole statements: prepared ones cost it two more round trips in every
		// transaction, and its server keeps a limited number of them.
		PrepareStmt:            s.driver == DriverSQLite,
		SkipDefaultTransaction: true,
		Logger:                 logger.Discard, // errors are returned; statements hold buyers' data
		NowFunc:                s.Now,
	})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxLifetime(10 * time.Minute)
	if s.clustered {
		pool.SetConnMaxLifetime(nodeLife)
	}
	// GORM reads a type's schema at its first use, and writes into a related type's while another
	// goroutine may use that one: the types with relations are read here, before anybody asks.
	for _, model := range []any{&Product{}, &Order{}, &Refund{}, &StaffSession{}} {
		if err := (&gorm.Statement{DB: db}).Parse(model); err != nil {
			return nil, fmt.Errorf("read the schema of %T: %w", model, err)
		}
	}
	return db, nil
}

// warnAboutDurability tells the operator when a commit may not be on disk.
func (s *Store) warnAboutDurability() {
	var flush int
	err := s.read.Raw("SELECT @@innodb_flush_log_at_trx_commit").Scan(&flush).Error
	if err == nil && flush != 1 {
		s.log.Warn("innodb_flush_log_at_trx_commit is not 1: a crash of the database may lose paid orders", "value", flush)
	}
}

// Close ends all waiting, lets the transaction that is being written end, and closes the database.
// Who writes after it gets ErrStoreDown.
func (s *Store) Close() error {
	if s.live != nil {
		s.live.close()
	}
	close(s.done)
	s.work.Wait()
	var errs []error
	for _, pool := range s.pools() {
		errs = append(errs, pool.Close())
	}
	return errors.Join(errs...)
}

// Now returns the shop's time, in UTC, cut to what both databases keep.
func (s *Store) Now() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// Ping reports whether the database answers. It reads a table: a node that is no part of its cluster
// still answers what needs none.
func (s *Store) Ping(ctx context.Context) error {
	return s.query(ctx, func(db *gorm.DB) error { return db.Exec("SELECT 1 FROM settings LIMIT 1").Error })
}

// query runs reads with a deadline of their own.
func (s *Store) query(ctx context.Context, read func(db *gorm.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	err := read(s.read.WithContext(ctx))
	s.leaveNode(err)
	return classify(err)
}

// Tx is an open transaction. Its methods are the only way to change anything.
type Tx struct {
	db      *gorm.DB // of the try that runs
	store   *Store
	changed map[string]bool // orders to tell watchers about after the commit
	audited []string        // ids of the entries that this try and those before put into the audit log
}

// Now returns the shop's time.
func (tx *Tx) Now() time.Time { return tx.store.Now() }

// Tx runs the function in one transaction. It is the one door for writes. The function may run
// several times (after a deadlock, a busy database, or a commit whose fate is unknown), so it must
// be right to run it again after it has already been committed, unless it puts an act into the audit
// log: then Tx sees whether it was, and does not. It must do nothing slow. One that panics fails its
// transaction.
func (s *Store) Tx(ctx context.Context, fn func(tx *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	tx := s.newTx()
	var err error
	for try := range maxTries {
		if err = s.runOnce(ctx, tx, fn); err == nil {
			for id := range tx.changed {
				s.live.publish(id)
			}
			return nil
		}
		s.leaveNode(err)
		if !retryable(err) || ctx.Err() != nil {
			break
		}
		pause := time.Duration(1+rand.IntN(1<<min(try, 6))) * time.Millisecond
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return classify(err)
}

func (s *Store) runOnce(ctx context.Context, tx *Tx, fn func(tx *Tx) error) error {
	if s.queue != nil {
		return s.enqueue(ctx, tx, fn)
	}
	db := s.write.WithContext(ctx).Begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if db.Error != nil {
		return db.Error
	}
	end := db.Commit
	err := tx.run(db, fn)
	if err != nil {
		end = db.Rollback
	}
	ended := make(chan error, 1)
	go func() { ended <- end().Error }() // the driver lets neither hear the deadline
	select {
	case e := <-ended:
		return cmp.Or(err, e)
	case <-ctx.Done():
		return cmp.Or(err, ctx.Err())
	}
}

func (s *Store) newTx() *Tx { return &Tx{store: s, changed: map[string]bool{}} }

// ErrBroken fails the transaction of a function that finds something that cannot be, such as an order
// whose pieces are not reserved: a mistake of ours, and no outage.
var ErrBroken = errors.New("something that must hold does not")

func (tx *Tx) run(db *gorm.DB, fn func(tx *Tx) error) error {
	tx.db = db
	return Contain(tx.store.log, func() error {
		if done, err := tx.doneBefore(); done || err != nil {
			return err
		}
		return fn(tx)
	})
}

// errNodeNotReady is what MySQL's error 1047 means in a cluster: the node is no part of it now.
const errNodeNotReady = 1047

// retryable reports whether the whole transaction is to be run again: it was rolled back, or
// nobody knows whether it was committed and running it again finds out.
func retryable(err error) bool {
	if my, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		switch my.Number {
		case 1205, 1213, 1020, // lock wait time-out, deadlock or Galera certification, record changed
			errNodeNotReady,
			1053, 1180, 1317, 1927, // server shuts down, commit failed, statement or connection killed
			8022, 9007: // TiDB: commit conflict, write conflict
			return true
		}
		return false
	}
	if code, ok := sqliteCode(err); ok {
		return code == 5 || code == 6 // SQLITE_BUSY, SQLITE_LOCKED
	}
	return errors.Is(err, mysqldriver.ErrInvalidConn) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// sqliteCode returns SQLite's primary result code.
func sqliteCode(err error) (int, bool) {
	e, ok := errors.AsType[interface {
		error
		Code() int
	}](err)
	if !ok {
		return 0, false
	}
	return e.Code() & 0xff, true
}

// leaveNode gives up the idle connections to a node that is no part of its cluster, or that may be dead,
// so that the next try looks for one that works.
func (s *Store) leaveNode(err error) {
	my, ok := errors.AsType[*mysqldriver.MySQLError](err)
	notReady := ok && my.Number == errNodeNotReady
	silent := s.clustered && errors.Is(err, context.DeadlineExceeded)
	if !notReady && !silent {
		return
	}
	for _, pool := range s.pools() {
		pool.SetMaxIdleConns(0)
		pool.SetMaxIdleConns(pool.Stats().MaxOpenConnections)
	}
}

// pools returns the connections for reads and those for writes, as far as they are open.
func (s *Store) pools() []*sql.DB {
	var pools []*sql.DB
	for _, db := range []*gorm.DB{s.read, s.write} {
		if db == nil {
			continue
		}
		if pool, err := db.DB(); err == nil {
			pools = append(pools, pool)
		}
	}
	return pools
}

// classify turns "the database does not answer" into ErrStoreDown. What means something to a
// caller stays as it is, and so does what is our own mistake and no better the next time.
func classify(err error) error {
	if err == nil || ourMistake(err) {
		return err
	}
	for _, told := range []error{gorm.ErrRecordNotFound, gorm.ErrDuplicatedKey, ErrMoneyRange} {
		if errors.Is(err, told) {
			return err
		}
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return ErrStoreDown.Because(err)
}

// ourMistake reports whether the database is well, and refuses what we asked of it or shows that we erred.
func ourMistake(err error) bool {
	if my, ok := errors.AsType[*mysqldriver.MySQLError](err); ok {
		class := string(my.SQLState[:2])
		return class == "22" || class == "23" || class == "42" // data, constraint, syntax
	}
	if code, ok := sqliteCode(err); ok {
		return code == 19 // SQLITE_CONSTRAINT
	}
	return errors.Is(err, errPanic) || errors.Is(err, ErrBroken) || errors.Is(err, gorm.ErrForeignKeyViolated)
}

// notFound replaces GORM's "no such row" by an error for people.
func notFound(err error, replacement *Error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return replacement
	}
	return err
}

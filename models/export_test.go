package models

import (
	"context"
	"strings"

	"github.com/libtnb/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
)

// Exec runs a statement in the transaction as it stands, which no caller outside of tests may do.
func (tx *Tx) Exec(statement string, values ...any) error {
	return tx.db.Exec(statement, values...).Error
}

// Read reads one value in the transaction.
func (tx *Tx) Read(value any, statement string, values ...any) error {
	return tx.db.Raw(statement, values...).Scan(value).Error
}

// WriteTogether commits the functions as SQLite's writer does those that wait while it is busy: in
// one batch, in this order. It returns the error that each of the callers gets.
func (s *Store) WriteTogether(ctx context.Context, fns ...func(tx *Tx) error) []error {
	writer := &Store{write: s.write, now: s.now, log: s.log, queue: make(chan *writeJob, len(fns))}
	var jobs []*writeJob
	for _, fn := range fns {
		job := &writeJob{ctx: ctx, fn: fn, tx: writer.newTx(), done: make(chan struct{})}
		jobs = append(jobs, job)
		writer.queue <- job
	}
	writer.writeBatch(<-writer.queue)
	var errs []error
	for _, job := range jobs {
		<-job.done
		errs = append(errs, job.err)
	}
	return errs
}

// BeginOnAll begins a transaction on every connection for writes, and leaves them open until the context
// ends.
func (s *Store) BeginOnAll(ctx context.Context) error {
	pool, err := s.write.DB()
	if err != nil {
		return err
	}
	for range pool.Stats().MaxOpenConnections {
		if _, err := pool.BeginTx(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// ReadOnly reads one value as the reads do that are in no transaction.
func (s *Store) ReadOnly(ctx context.Context, value any, statement string) error {
	return s.query(ctx, func(db *gorm.DB) error { return db.Raw(statement).Scan(value).Error })
}

// ReadDSN returns the address of each node, and a data source name for it alone.
func ReadDSN(dsn string) (addresses, dsns []string, err error) {
	all, err := readDSN(dsn)
	for _, c := range all {
		addresses, dsns = append(addresses, c.Addr), append(dsns, c.FormatDSN())
	}
	return addresses, dsns, err
}

// Insert stores rows as they are.
func (tx *Tx) Insert(rows any) error { return tx.db.CreateInBatches(rows, 200).Error }

// Plan returns how the database goes about the queries that the function makes with a store on the same
// connections, with the index that it takes for each. The store itself asks in the background, and
// GORM's callbacks are not to be changed meanwhile.
func (s *Store) Plan(ctx context.Context, run func(s *Store) error) (string, error) {
	pool, err := s.read.DB()
	if err != nil {
		return "", err
	}
	dialect, conns := mysql.New(mysql.Config{Conn: pool}), mysqlReads
	if s.driver == DriverSQLite {
		dialect, conns = sqlite.New(sqlite.Config{Conn: pool}), sqliteReads
	}
	db, err := s.open(dialect, conns)
	if err != nil {
		return "", err
	}
	var queries []query
	err = db.Callback().Query().After("gorm:query").Register("plan", func(db *gorm.DB) {
		q := query{values: db.Statement.Vars}
		q.text.WriteString(db.Statement.SQL.String())
		queries = append(queries, q)
	})
	if err != nil {
		return "", err
	}
	if err := run(&Store{Shop: s.Shop, driver: s.driver, read: db, now: s.now, log: s.log}); err != nil {
		return "", err
	}
	var plan []string
	for _, q := range queries {
		var steps []string
		err := s.query(ctx, func(db *gorm.DB) (err error) {
			steps, err = s.explain(db, q)
			return err
		})
		if err != nil {
			return "", err
		}
		plan = append(plan, steps...)
	}
	return strings.Join(plan, "\n"), nil
}

// Fresh returns a store that reads the database of the file and has asked it nothing yet.
func Fresh(file string) (*Store, error) {
	s := &Store{driver: DriverSQLite, now: systemTime, done: make(chan struct{})}
	var err error
	s.read, err = s.open(sqlite.Open("file:"+file), 2)
	return s, err
}

package models

import (
	"context"
	"strings"

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

// Plan returns how the database goes about a query that the function makes by the transaction it
// gets: its tables and the index that it takes for each.
func (s *Store) Plan(ctx context.Context, query func(db *gorm.DB) *gorm.DB) (string, error) {
	statement := s.read.ToSQL(query)
	explain := "EXPLAIN "
	if s.driver == DriverSQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	var rows []map[string]any
	err := s.query(ctx, func(db *gorm.DB) error { return db.Raw(explain + statement).Scan(&rows).Error })
	var plan strings.Builder
	for _, row := range rows {
		for _, column := range []string{"detail", "type", "key", "Extra"} {
			if text, ok := row[column].(string); ok {
				plan.WriteString(text + " ")
			}
		}
	}
	return plan.String(), err
}

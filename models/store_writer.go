package models

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// SQLite has one writer. Transactions stand in line before it, and those that wait while one is
// being written are committed together with it: one flush to disk serves them all. Each runs in a
// savepoint of its own, so that one that fails takes nothing with it.

// maxBatch bounds how long the first transaction of a batch waits for the others.
const maxBatch = 64

type writeJob struct {
	ctx  context.Context
	fn   func(tx *Tx) error
	tx   *Tx
	err  error
	done chan struct{}
}

// errClosed is returned to those who write after Close.
var errClosed = errors.New("the store is closed")

// enqueue waits for the writer to run and commit the function.
func (s *Store) enqueue(ctx context.Context, tx *Tx, fn func(tx *Tx) error) error {
	job := &writeJob{ctx: ctx, fn: fn, tx: tx, done: make(chan struct{})}
	select {
	case s.queue <- job:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return errClosed
	}
	<-job.done // though ctx is over: what the function sets is not to be read while it may run
	return job.err
}

func (s *Store) writeLoop() {
	for {
		select {
		case job := <-s.queue:
			s.writeBatch(job)
		case <-s.done:
			return
		}
	}
}

// writeBatch runs the job and those that wait behind it in one transaction. Its time bounds the
// statements of them all, beyond each caller's own: one that runs is not cut short for its caller, since
// that would undo the others. Nothing bounds a flush to a disk that hangs.
func (s *Store) writeBatch(first *writeJob) {
	var batch []*writeJob
	ctx, cancel := context.WithTimeout(context.Background(), 2*queryTimeout)
	defer cancel()
	err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		for job := first; job != nil; job = s.nextJob(len(batch)) {
			batch = append(batch, job)
			if err := s.runJob(db, job); err != nil {
				return err
			}
		}
		return nil
	})
	if len(batch) == 0 {
		batch = []*writeJob{first}
	}
	for _, job := range batch {
		if err != nil {
			job.err = err // even of one that had failed by itself: it may have seen what is gone now
		}
		close(job.done)
	}
}

// nextJob returns a job that is already waiting, or nil.
func (s *Store) nextJob(taken int) *writeJob {
	if taken >= maxBatch {
		return nil
	}
	select {
	case job := <-s.queue:
		return job
	default:
		return nil
	}
}

// runJob runs one function in a savepoint. The job keeps the function's error; the error returned
// is one of the surrounding transaction, which then fails as a whole. The job's own deadline does
// not reach its statements: SQLite rolls the whole transaction back when it interrupts a write.
func (s *Store) runJob(db *gorm.DB, job *writeJob) error {
	const savepoint = "job"
	if err := db.Exec("SAVEPOINT " + savepoint).Error; err != nil {
		return err
	}
	if job.err = job.run(db); job.err != nil {
		if err := db.Exec("ROLLBACK TO " + savepoint).Error; err != nil {
			return fmt.Errorf("%v; then %w", job.err, err)
		}
	}
	return db.Exec("RELEASE " + savepoint).Error
}

func (job *writeJob) run(db *gorm.DB) error {
	if err := job.ctx.Err(); err != nil {
		return err
	}
	return job.tx.run(db, job.fn)
}

package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// LoginLimit is how often something may be tried under one name: Burst times at once, and once more
// in each Every. It holds over all replicas and locks nobody out for longer than that.
type LoginLimit struct {
	Name  string // what the tries have in common
	Burst int
	Every time.Duration
}

// loginTries counts them as the time at which all would be forgotten: each try moves it on by one
// Every, and as time goes by it falls behind.
type loginTries struct {
	Name   string `gorm:"primaryKey"`
	FullAt int64  // Unix milliseconds
}

// TryLogin counts a try under all limits, or returns ErrTooManyLogins and counts none. It is called
// before the password is looked at, so that tries at the same moment count as well. A flood of them is
// refused without a write.
func (s *Store) TryLogin(ctx context.Context, limits ...LoginLimit) error {
	if err := s.query(ctx, func(db *gorm.DB) error { return roomForTries(db, s.Now(), limits) }); err != nil {
		return err
	}
	return s.Tx(ctx, func(tx *Tx) error {
		for _, l := range limits {
			if err := tx.countTry(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// latest is how far ahead of now a count may be for one more try.
func (l LoginLimit) latest(now time.Time) int64 {
	return now.UnixMilli() + l.Every.Milliseconds()*int64(l.Burst-1)
}

func roomForTries(db *gorm.DB, now time.Time, limits []LoginLimit) error {
	for _, l := range limits {
		var over int64
		err := db.Model(&loginTries{}).Where("name = ? AND full_at > ?", l.Name, l.latest(now)).Count(&over).Error
		if err != nil {
			return err
		}
		if over > 0 {
			return ErrTooManyLogins
		}
	}
	return nil
}

func (tx *Tx) countTry(l LoginLimit) error {
	if err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&loginTries{Name: l.Name}).Error; err != nil {
		return err
	}
	now := tx.Now()
	set := tx.db.Model(&loginTries{}).Where("name = ? AND full_at <= ?", l.Name, l.latest(now)).
		Update("full_at", gorm.Expr("CASE WHEN full_at > ? THEN full_at ELSE ? END + ?", now.UnixMilli(), now.UnixMilli(), l.Every.Milliseconds()))
	if set.Error == nil && set.RowsAffected == 0 {
		return ErrTooManyLogins
	}
	return set.Error
}

// AuditRefusal puts a login that was refused into the audit log unless there is one like it, by the limit
// of each, or there are too many, by the limit of all. The first costs no write; the second as much as an
// entry does, so that nobody learns from the time what is logged.
func (s *Store) AuditRefusal(ctx context.Context, by Actor, action, subject string, each, all LoginLimit) error {
	err := s.query(ctx, func(db *gorm.DB) error { return roomForTries(db, s.Now(), []LoginLimit{each}) })
	if err == nil {
		err = s.Tx(ctx, func(tx *Tx) error {
			if err := tx.countTry(each); err != nil {
				return err
			}
			if err := tx.countTry(all); err != nil {
				return notTooMany(err)
			}
			return tx.AddAudit(by, action, subject, "")
		})
	}
	return notTooMany(err)
}

func notTooMany(err error) error {
	if errors.Is(err, ErrTooManyLogins) {
		return nil
	}
	return err
}

// ForgetTries forgets the tries under the names, after one that was right.
func (s *Store) ForgetTries(ctx context.Context, names ...string) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.db.Where("name IN ?", names).Delete(&loginTries{}).Error })
}

package models

import (
	"context"
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
// before the password is looked at, so that tries at the same moment count as well.
func (s *Store) TryLogin(ctx context.Context, limits ...LoginLimit) error {
	return s.Tx(ctx, func(tx *Tx) error {
		now := tx.Now().UnixMilli()
		for _, l := range limits {
			every := l.Every.Milliseconds()
			if err := tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&loginTries{Name: l.Name}).Error; err != nil {
				return err
			}
			set := tx.db.Model(&loginTries{}).Where("name = ? AND full_at <= ?", l.Name, now+every*int64(l.Burst-1)).
				Update("full_at", gorm.Expr("CASE WHEN full_at > ? THEN full_at ELSE ? END + ?", now, now, every))
			if set.Error != nil {
				return set.Error
			}
			if set.RowsAffected == 0 {
				return ErrTooManyLogins
			}
		}
		return nil
	})
}

// ForgetTries forgets the tries under the names, after one that was right.
func (s *Store) ForgetTries(ctx context.Context, names ...string) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.db.Where("name IN ?", names).Delete(&loginTries{}).Error })
}

package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// session is what a visitor's cookie stands for. The database never sees the cookie's own value,
// only its hash.
type session struct {
	IDHash    string `gorm:"primaryKey"`
	Data      []byte
	ExpiresAt time.Time
}

// Session returns the data kept under the hash, nil when there is none or its time is over.
func (s *Store) Session(ctx context.Context, idHash string) ([]byte, error) {
	var row session
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("id_hash = ? AND expires_at > ?", idHash, s.Now()).Take(&row).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return row.Data, err
}

// SaveSession keeps the data under the hash until the time given.
func (s *Store) SaveSession(ctx context.Context, idHash string, data []byte, expires time.Time) error {
	return s.Tx(ctx, func(tx *Tx) error {
		row := session{IDHash: idHash, Data: data, ExpiresAt: expires.UTC()}
		return tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error
	})
}

// DeleteOldSessions forgets sessions whose time is over, at most a thousand at once.
func (s *Store) DeleteOldSessions(ctx context.Context) error {
	var old []string
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Model(&session{}).Where("expires_at <= ?", s.Now()).Limit(1000).Pluck("id_hash", &old).Error
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return s.Tx(ctx, func(tx *Tx) error {
		return tx.db.Where("id_hash IN ? AND expires_at <= ?", old, tx.Now()).Delete(&session{}).Error
	})
}

package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// setting is something that the merchant changes while the shop runs.
type setting struct {
	Name      string `gorm:"primaryKey"`
	Value     string
	UpdatedAt time.Time
}

// SettingRequireTOTP is "yes" when nobody may work at the desk without a second factor.
const SettingRequireTOTP = "require_totp"

// Setting returns the value of a setting, empty when it was never set.
func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	var row setting
	err := s.query(ctx, func(db *gorm.DB) error { return db.Where("name = ?", name).Take(&row).Error })
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	return row.Value, err
}

// SetSetting changes a setting.
func (s *Store) SetSetting(ctx context.Context, by Actor, name, value string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if err := tx.AddAudit(by, "change_setting", name, value); err != nil {
			return err
		}
		return tx.db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&setting{Name: name, Value: value}).Error
	})
}

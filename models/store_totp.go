package models

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// recoveryCode stands in for a code of the second factor, once. It has 120 random bits, so that a
// quick hash hides it.
type recoveryCode struct {
	StaffID  string `gorm:"primaryKey"`
	CodeHash string `gorm:"primaryKey"`
}

// BeginTOTP keeps the sealed secret of a second factor that is being set up; see ConfirmTOTP.
func (s *Store) BeginTOTP(ctx context.Context, staffID, sealed string) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.updateStaff(staffID, map[string]any{"totp_new": sealed}) })
}

// ConfirmTOTP puts the second factor that was begun with that secret in force, from the code of the
// time step on, replaces the recovery codes, and ends the actor's other sessions, which have not asked
// for it. It reports false when it is not the one begun last.
func (s *Store) ConfirmTOTP(ctx context.Context, by Actor, sealed string, step int64, recoveryHashes []string, keepSession string) (done bool, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		if err := tx.AddAudit(by, "set_up_totp", by.Name, ""); err != nil {
			return err
		}
		set := tx.db.Model(&Staff{}).Where("id = ? AND totp_new = ? AND totp_new <> ''", by.StaffID, sealed).
			Updates(map[string]any{"totp": sealed, "totp_new": "", "totp_step": step})
		if set.Error != nil {
			return set.Error
		}
		if set.RowsAffected == 0 {
			return errNoChange
		}
		if err := tx.setRecoveryCodes(by.StaffID, recoveryHashes); err != nil {
			return err
		}
		return tx.endStaffSessions(by.StaffID, keepSession)
	})
	if errors.Is(err, errNoChange) {
		return false, nil
	}
	return err == nil, err
}

// RemoveTOTP takes the member's second factor away, with the recovery codes.
func (s *Store) RemoveTOTP(ctx context.Context, by Actor, staffID string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if _, err := tx.staffForAct(by, staffID, "remove_totp", ""); err != nil {
			return err
		}
		if err := tx.updateStaff(staffID, map[string]any{"totp": "", "totp_new": ""}); err != nil {
			return err
		}
		return tx.setRecoveryCodes(staffID, nil)
	})
}

// UseTOTPStep reports whether the code of the time step may be used: each once, and none older than
// the last.
func (s *Store) UseTOTPStep(ctx context.Context, staffID string, step int64) (fits bool, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		set := tx.db.Model(&Staff{}).Where("id = ? AND totp_step < ?", staffID, step).Updates(map[string]any{"totp_step": step})
		fits = fits || set.RowsAffected == 1 // or by a try before, whose end nobody knew
		return set.Error
	})
	return fits, err
}

// SetRecoveryCodes replaces the member's own recovery codes.
func (s *Store) SetRecoveryCodes(ctx context.Context, by Actor, hashes []string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if err := tx.AddAudit(by, "make_recovery_codes", by.Name, ""); err != nil {
			return err
		}
		return tx.setRecoveryCodes(by.StaffID, hashes)
	})
}

func (tx *Tx) setRecoveryCodes(staffID string, hashes []string) error {
	if err := tx.db.Where("staff_id = ?", staffID).Delete(&recoveryCode{}).Error; err != nil || len(hashes) == 0 {
		return err
	}
	codes := make([]recoveryCode, len(hashes))
	for i, hash := range hashes {
		codes[i] = recoveryCode{staffID, hash}
	}
	return tx.db.Create(&codes).Error
}

// UseRecoveryCode reports whether the member has the code, which is gone then.
func (s *Store) UseRecoveryCode(ctx context.Context, by Actor, hash string) (fits bool, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		gone := tx.db.Where("staff_id = ? AND code_hash = ?", by.StaffID, hash).Delete(&recoveryCode{})
		if fits = gone.RowsAffected == 1; !fits {
			return gone.Error
		}
		return tx.AddAudit(by, "use_recovery_code", by.Name, "")
	})
	return fits, err
}

// RecoveryCodesLeft returns how many recovery codes the member still has.
func (s *Store) RecoveryCodesLeft(ctx context.Context, staffID string) (int64, error) {
	var n int64
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Model(&recoveryCode{}).Where("staff_id = ?", staffID).Count(&n).Error
	})
	return n, err
}

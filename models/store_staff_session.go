package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// seenEvery is how often a session's last use is written down.
const seenEvery = time.Minute

// OpenStaffSession keeps a session that begins now, of which the caller has the token, and puts a
// login that is complete into the audit log. Half a login lasts a few minutes. The session of the old
// token, if there is one, ends.
func (s *Store) OpenStaffSession(ctx context.Context, by Actor, half bool, token, oldToken, agent string) error {
	now := s.Now()
	session := StaffSession{
		ID: NewID(), TokenHash: HashToken(token), StaffID: by.StaffID, Half: half, ProvedAt: now, SeenAt: now,
		ExpiresAt: now.Add(StaffSessionAge), Address: truncate(by.Address, 64), Agent: truncate(agent, 300), CreatedAt: now,
	}
	if half {
		session.ExpiresAt = now.Add(StaffHalfAge)
	}
	err := s.Tx(ctx, func(tx *Tx) error {
		if !half {
			if err := tx.logIn(by, session.Agent); err != nil {
				return err
			}
		}
		if err := tx.db.Where("token_hash = ?", HashToken(oldToken)).Delete(&StaffSession{}).Error; err != nil {
			return err
		}
		return tx.db.Omit("Staff").Create(&session).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil // committed by the try before
	}
	return err
}

func (tx *Tx) logIn(by Actor, agent string) error {
	if err := tx.AddAudit(by, "log_in", by.Name, agent); err != nil {
		return err
	}
	return tx.updateStaff(by.StaffID, map[string]any{"last_login_at": tx.Now()})
}

// StaffSession returns the session of the token with its member; nil when there is none, its time
// is over, or the member is disabled.
func (s *Store) StaffSession(ctx context.Context, token string) (*StaffSession, error) {
	var session StaffSession
	now := s.Now()
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.InnerJoins("Staff").Where("token_hash = ? AND expires_at > ? AND seen_at > ?", HashToken(token), now, now.Add(-StaffSessionIdle)).
			Take(&session).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) || (err == nil && !session.Staff.Active()) {
		return nil, nil
	}
	return &session, err
}

// SeeStaffSession writes down that the session is in use, once in a while.
func (s *Store) SeeStaffSession(ctx context.Context, session *StaffSession) error {
	now := s.Now()
	if now.Sub(session.SeenAt) < seenEvery {
		return nil
	}
	return s.setStaffSession(ctx, session.ID, map[string]any{"seen_at": now})
}

// ProveStaffSession writes down that the person has just proved who it is, and gives the session
// another token.
func (s *Store) ProveStaffSession(ctx context.Context, session *StaffSession, token string) error {
	session.ProvedAt = s.Now()
	return s.setStaffSession(ctx, session.ID, map[string]any{"proved_at": session.ProvedAt, "token_hash": HashToken(token)})
}

// SetFlash keeps a text that the session's next page shows; an empty one when it was shown.
func (s *Store) SetFlash(ctx context.Context, sessionID, text string) error {
	return s.setStaffSession(ctx, sessionID, map[string]any{"flash": truncate(text, 1000)})
}

func (s *Store) setStaffSession(ctx context.Context, id string, columns map[string]any) error {
	return s.Tx(ctx, func(tx *Tx) error {
		return tx.db.Model(&StaffSession{}).Where("id = ?", id).Updates(columns).Error
	})
}

// StaffSessions returns the member's sessions that are in force, the last used first.
func (s *Store) StaffSessions(ctx context.Context, staffID string) ([]StaffSession, error) {
	var all []StaffSession
	now := s.Now()
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("staff_id = ? AND half = ? AND expires_at > ? AND seen_at > ?", staffID, false, now, now.Add(-StaffSessionIdle)).
			Order("seen_at DESC, id").Find(&all).Error
	})
	return all, err
}

// EndStaffSession ends one session of the member, on every replica at once. ErrSessionNotFound: it has
// ended, or is none of the member's.
func (s *Store) EndStaffSession(ctx context.Context, by Actor, staffID, sessionID string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		m, err := tx.staffForAct(by, staffID, "end_session", "")
		if err != nil {
			return err
		}
		gone := tx.db.Where("id = ? AND staff_id = ?", sessionID, m.ID).Delete(&StaffSession{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return ErrSessionNotFound
		}
		return gone.Error
	})
}

// EndStaffSessions ends the member's sessions but the one with the id given.
func (s *Store) EndStaffSessions(ctx context.Context, by Actor, staffID, keep string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if _, err := tx.staffForAct(by, staffID, "end_sessions", ""); err != nil {
			return err
		}
		return tx.endStaffSessions(staffID, keep)
	})
}

// LogOut ends the actor's own session.
func (s *Store) LogOut(ctx context.Context, by Actor, session *StaffSession) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if err := tx.AddAudit(by, "log_out", by.Name, ""); err != nil {
			return err
		}
		return tx.db.Where("id = ?", session.ID).Delete(&StaffSession{}).Error
	})
}

func (tx *Tx) endStaffSessions(staffID, keep string) error {
	return tx.db.Where("staff_id = ? AND id <> ?", staffID, keep).Delete(&StaffSession{}).Error
}

// DeleteOldStaffRows forgets sessions, links and counts of tries whose time is over.
func (s *Store) DeleteOldStaffRows(ctx context.Context) error {
	return s.Tx(ctx, func(tx *Tx) error {
		now := tx.Now()
		return errors.Join(
			tx.db.Where("expires_at <= ? OR seen_at <= ?", now, now.Add(-StaffSessionIdle)).Delete(&StaffSession{}).Error,
			tx.db.Where("expires_at <= ?", now).Delete(&staffLink{}).Error,
			tx.db.Where("full_at <= ?", now.UnixMilli()).Delete(&loginTries{}).Error,
		)
	})
}

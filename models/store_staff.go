package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// staffLink is a one-time address for setting a password: of a member of staff, or of the first
// owner, whom nobody could have invited. Only its token's hash is kept.
type staffLink struct {
	TokenHash string  `gorm:"primaryKey"`
	StaffID   *string // null: the shop is to be set up
	CreatedAt time.Time
	ExpiresAt time.Time
}

// HashToken returns the form in which a random token is kept. A token has too many bits to be
// guessed, so that a quick hash hides it.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// StaffByID returns a member of staff, or ErrStaffNotFound.
func (s *Store) StaffByID(ctx context.Context, id string) (*Staff, error) {
	var m Staff
	err := s.query(ctx, func(db *gorm.DB) error { return db.Where("id = ?", id).Take(&m).Error })
	return &m, notFound(err, ErrStaffNotFound)
}

// StaffByEmail returns a member of staff, or ErrStaffNotFound.
func (s *Store) StaffByEmail(ctx context.Context, email string) (*Staff, error) {
	var m Staff
	err := s.query(ctx, func(db *gorm.DB) error { return db.Where("email = ?", StaffEmail(email)).Take(&m).Error })
	return &m, notFound(err, ErrStaffNotFound)
}

// AllStaff returns everybody, in the order of their addresses.
func (s *Store) AllStaff(ctx context.Context) ([]Staff, error) {
	var all []Staff
	err := s.query(ctx, func(db *gorm.DB) error { return db.Order("email").Find(&all).Error })
	return all, err
}

// CreateStaff makes a member who can log in at once. The address must not be taken: ErrStaffExists.
func (s *Store) CreateStaff(ctx context.Context, by Actor, email string, role Role, passwordHash string) (*Staff, error) {
	m := newStaff(email, role, passwordHash)
	return &m, s.Tx(ctx, func(tx *Tx) error {
		if err := tx.AddAudit(by, "create_staff", m.Email, roleDetail(role)); err != nil {
			return err
		}
		return tx.createStaff(&m)
	})
}

// InviteStaff makes a member who has no password yet, and returns the token of the link that sets
// one. The address must not be taken: ErrStaffExists.
func (s *Store) InviteStaff(ctx context.Context, by Actor, email string, role Role) (m *Staff, token string, err error) {
	invited := newStaff(email, role, "")
	token = NewToken()
	err = s.Tx(ctx, func(tx *Tx) error {
		if err := tx.AddAudit(by, "invite_staff", invited.Email, roleDetail(role)); err != nil {
			return err
		}
		if err := tx.createStaff(&invited); err != nil {
			return err
		}
		return tx.createStaffLink(token, &invited.ID)
	})
	return &invited, token, err
}

func roleDetail(role Role) string { return "role: " + string(role) }

func newStaff(email string, role Role, passwordHash string) Staff {
	return Staff{ID: NewID(), Email: StaffEmail(email), Role: role, PasswordHash: passwordHash}
}

func (tx *Tx) createStaff(m *Staff) error {
	if !m.Role.Known() {
		return ErrRoleUnknown
	}
	err := tx.db.Create(m).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrStaffExists
	}
	return err
}

// NewStaffLink returns the token of a link with which the member sets a new password. Links given
// out before are void.
func (s *Store) NewStaffLink(ctx context.Context, by Actor, staffID string) (token string, err error) {
	token = NewToken()
	return token, s.Tx(ctx, func(tx *Tx) error {
		m, err := tx.staffForAct(by, staffID, "give_staff_link", "")
		if err != nil {
			return err
		}
		if err := tx.db.Where("staff_id = ?", m.ID).Delete(&staffLink{}).Error; err != nil {
			return err
		}
		return tx.createStaffLink(token, &m.ID)
	})
}

func (tx *Tx) createStaffLink(token string, staffID *string) error {
	return tx.db.Create(&staffLink{
		TokenHash: HashToken(token), StaffID: staffID, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(StaffLinkAge),
	}).Error
}

// StaffByLink returns the member whose password the link sets, or ErrLinkDead.
func (s *Store) StaffByLink(ctx context.Context, token string) (*Staff, error) {
	var m Staff
	err := s.query(ctx, func(db *gorm.DB) error { return linkedStaff(db, token, s.Now(), &m) })
	return &m, notFound(err, ErrLinkDead)
}

func linkedStaff(db *gorm.DB, token string, now time.Time, m *Staff) error {
	return db.Joins("JOIN staff_links ON staff_links.staff_id = staff.id").
		Where("staff_links.token_hash = ? AND staff_links.expires_at > ? AND staff.disabled_at IS NULL", HashToken(token), now).
		Take(m).Error
}

// UseStaffLink sets the password of the link's member, who is the actor, and ends the member's
// sessions. A link works once: then, or when it is too old, ErrLinkDead.
func (s *Store) UseStaffLink(ctx context.Context, address, token, passwordHash string) (*Staff, error) {
	var m Staff
	return &m, s.Tx(ctx, func(tx *Tx) error {
		m = Staff{}
		if err := linkedStaff(tx.db, token, tx.Now(), &m); err != nil {
			return notFound(err, ErrLinkDead)
		}
		by := Actor{StaffID: m.ID, Name: m.Email, Address: address}
		if err := tx.AddAudit(by, "use_staff_link", m.Email, ""); err != nil {
			return err
		}
		gone := tx.db.Where("token_hash = ?", HashToken(token)).Delete(&staffLink{})
		if gone.Error != nil || gone.RowsAffected == 0 {
			return errors.Join(gone.Error, ErrLinkDead)
		}
		return tx.setPassword(m.ID, passwordHash, "")
	})
}

// NewSetupLink returns the token of a link that makes the first owner; an empty one when the shop
// has an owner. Several may be open, one for each replica that was started.
func (s *Store) NewSetupLink(ctx context.Context) (token string, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		token = ""
		owned, err := hasOwner(tx.db, "")
		if err != nil || owned {
			return err
		}
		token = NewToken()
		return tx.createStaffLink(token, nil)
	})
	return token, err
}

// CheckSetupLink returns ErrLinkDead unless the token is one of NewSetupLink and the shop still has
// no owner.
func (s *Store) CheckSetupLink(ctx context.Context, token string) error {
	return s.query(ctx, func(db *gorm.DB) error { return setupLinkOpen(db, token, s.Now()) })
}

func setupLinkOpen(db *gorm.DB, token string, now time.Time) error {
	owned, err := hasOwner(db, "")
	if err != nil {
		return err
	}
	if owned {
		return ErrLinkDead
	}
	err = db.Where("token_hash = ? AND staff_id IS NULL AND expires_at > ?", HashToken(token), now).Take(&staffLink{}).Error
	return notFound(err, ErrLinkDead)
}

// SetUp makes the first owner by such a link, which is void from then on like all the others:
// ErrLinkDead.
func (s *Store) SetUp(ctx context.Context, address, token, email, passwordHash string) (*Staff, error) {
	m := newStaff(email, RoleOwner, passwordHash)
	return &m, s.Tx(ctx, func(tx *Tx) error {
		by := Actor{StaffID: m.ID, Name: m.Email, Address: address}
		if err := tx.AddAudit(by, "set_up_shop", m.Email, roleDetail(m.Role)); err != nil { // others wait here
			return err
		}
		if err := setupLinkOpen(tx.db, token, tx.Now()); err != nil {
			return err
		}
		if err := tx.db.Where("staff_id IS NULL").Delete(&staffLink{}).Error; err != nil {
			return err
		}
		return tx.createStaff(&m)
	})
}

// hasOwner reports whether anybody but the one excepted is an owner who can log in.
func hasOwner(db *gorm.DB, except string) (bool, error) {
	var owners int64
	err := db.Model(&Staff{}).Where("role = ? AND disabled_at IS NULL AND password_hash <> '' AND id <> ?", RoleOwner, except).
		Count(&owners).Error
	return owners > 0, err
}

// staffForAct puts the act into the audit log, with the member as its subject, and returns the
// member as nobody else can change it until the transaction ends.
func (tx *Tx) staffForAct(by Actor, id, action, details string) (*Staff, error) {
	var m Staff
	if err := tx.db.Where("id = ?", id).Take(&m).Error; err != nil {
		return nil, notFound(err, ErrStaffNotFound)
	}
	if err := tx.AddAudit(by, action, m.Email, details); err != nil {
		return nil, err
	}
	return &m, tx.db.Where("id = ?", id).Take(&m).Error
}

// ChangeRole gives the member another role in place of the one that was seen, and ends the member's
// sessions. False: it is the member's already. ErrRoleMoved: the member has a third one by now. The last
// owner stays one: ErrLastOwner.
func (s *Store) ChangeRole(ctx context.Context, by Actor, staffID string, seen, role Role) (changed bool, err error) {
	if !role.Known() {
		return false, ErrRoleUnknown
	}
	err = s.Tx(ctx, func(tx *Tx) error {
		m, err := tx.staffForAct(by, staffID, "change_role", fmt.Sprintf("role: %s → %s", seen, role))
		switch {
		case err != nil:
			return err
		case m.Role == role:
			return errNoChange
		case m.Role != seen:
			return ErrRoleMoved
		}
		if err := tx.keepAnOwner(m); err != nil {
			return err
		}
		if err := tx.updateStaff(staffID, map[string]any{"role": role}); err != nil {
			return err
		}
		return tx.endStaffSessions(staffID, "")
	})
	if errors.Is(err, errNoChange) {
		return false, nil
	}
	return err == nil, err
}

// errNoChange undoes a change that changes nothing, so that the audit log does not tell of it.
var errNoChange = errors.New("nothing is changed by it")

// DisableStaff keeps the member out until EnableStaff: the sessions end, links are void. The last
// owner cannot be disabled: ErrLastOwner.
func (s *Store) DisableStaff(ctx context.Context, by Actor, staffID string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		m, err := tx.staffForAct(by, staffID, "disable_staff", "")
		if err != nil || m.DisabledAt != nil {
			return err
		}
		if err := tx.keepAnOwner(m); err != nil {
			return err
		}
		if err := tx.updateStaff(staffID, map[string]any{"disabled_at": tx.Now()}); err != nil {
			return err
		}
		if err := tx.db.Where("staff_id = ?", staffID).Delete(&staffLink{}).Error; err != nil {
			return err
		}
		return tx.endStaffSessions(staffID, "")
	})
}

// EnableStaff lets the member in again.
func (s *Store) EnableStaff(ctx context.Context, by Actor, staffID string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if _, err := tx.staffForAct(by, staffID, "enable_staff", ""); err != nil {
			return err
		}
		return tx.updateStaff(staffID, map[string]any{"disabled_at": nil})
	})
}

// keepAnOwner refuses to take the member's power away when nobody else has it.
func (tx *Tx) keepAnOwner(m *Staff) error {
	if m.Role != RoleOwner || !m.Active() {
		return nil
	}
	owned, err := hasOwner(tx.db, m.ID)
	if err == nil && !owned {
		return ErrLastOwner
	}
	return err
}

// SetPassword gives the member a new password and ends the member's sessions but the one with the
// id given.
func (s *Store) SetPassword(ctx context.Context, by Actor, staffID, passwordHash, keepSession string) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if _, err := tx.staffForAct(by, staffID, "set_password", ""); err != nil {
			return err
		}
		return tx.setPassword(staffID, passwordHash, keepSession)
	})
}

func (tx *Tx) setPassword(staffID, passwordHash, keepSession string) error {
	if err := tx.updateStaff(staffID, map[string]any{"password_hash": passwordHash}); err != nil {
		return err
	}
	return tx.endStaffSessions(staffID, keepSession)
}

func (tx *Tx) updateStaff(id string, columns map[string]any) error {
	set := tx.db.Model(&Staff{}).Where("id = ?", id).Updates(columns)
	if set.Error == nil && set.RowsAffected == 0 {
		return fmt.Errorf("update staff: %w", ErrStaffNotFound)
	}
	return set.Error
}

package models

import (
	"slices"
	"strings"
	"time"
)

// Role is what a member of staff may do. Which pages that opens stands with the pages' routes.
type Role string

// The roles.
const (
	RoleOwner     Role = "owner"     // everything, staff and keys included
	RoleFinance   Role = "finance"   // the money of orders
	RoleOrders    Role = "orders"    // orders and their handing over
	RoleCatalogue Role = "catalogue" // goods and stock
	RoleReadOnly  Role = "read-only" // looks, and changes nothing
)

// Roles returns all roles, the mightiest first.
func Roles() []Role {
	return []Role{RoleOwner, RoleFinance, RoleOrders, RoleCatalogue, RoleReadOnly}
}

// Known reports whether there is such a role.
func (r Role) Known() bool { return slices.Contains(Roles(), r) }

// Staff is somebody who works at the merchant's desk. Members are never deleted, since the audit
// log names them; they are disabled.
type Staff struct {
	ID           string `gorm:"primaryKey"`
	Email        string // in lower case, unique
	Role         Role
	PasswordHash string     // empty: invited, and not here yet
	TOTP         string     `gorm:"column:totp"`      // the sealed secret of the second factor; empty: there is none
	TOTPNew      string     `gorm:"column:totp_new"`  // one that is being set up
	TOTPStep     int64      `gorm:"column:totp_step"` // time step of the last code used: each works once
	LastLoginAt  *time.Time // with all that login asks for
	CreatedAt    time.Time
	UpdatedAt    time.Time
	DisabledAt   *time.Time
}

// TableName overrides GORM's plural.
func (Staff) TableName() string { return "staff" }

// Active reports whether the member can log in.
func (s Staff) Active() bool { return s.PasswordHash != "" && s.DisabledAt == nil }

// Invited reports whether the member has never set a password.
func (s Staff) Invited() bool { return s.PasswordHash == "" }

// HasTOTP reports whether login asks for a code as well.
func (s Staff) HasTOTP() bool { return s.TOTP != "" }

// StaffEmail writes an address as Staff keeps it.
func StaffEmail(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// Times of staff's sessions and links.
const (
	StaffSessionAge  = 7 * 24 * time.Hour
	StaffSessionIdle = 8 * time.Hour
	StaffHalfAge     = 10 * time.Minute // between the password and the code
	StaffLinkAge     = 72 * time.Hour
	StaffProofAge    = 10 * time.Minute // how long a proof of who it is holds for dangerous acts
)

// StaffSession is one browser in which a member of staff has logged in. The database never sees
// the cookie's own value, only its hash.
type StaffSession struct {
	ID        string `gorm:"primaryKey"` // names the session in lists; it opens nothing
	TokenHash string
	StaffID   string
	Staff     Staff `gorm:"foreignKey:StaffID"`
	Half      bool  // the password was right and the code is still missing: good for nothing else
	ProvedAt  time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	Address   string
	Agent     string
	Flash     string // what the last act did, to be shown once
	CreatedAt time.Time
}

// Fresh reports whether the person has proved who it is a short time ago.
func (s StaffSession) Fresh(now time.Time) bool { return now.Sub(s.ProvedAt) < StaffProofAge }

// Refusals of staff's acts.
var (
	ErrForbidden       = &Error{Kind: Forbidden, Key: "error.forbidden"}
	ErrStaffNotFound   = &Error{Kind: NotFound, Key: "error.staff_not_found"}
	ErrLastOwner       = &Error{Kind: Conflict, Key: "error.last_owner"}
	ErrRoleMoved       = &Error{Kind: Conflict, Key: "error.role_moved"}
	ErrLinkDead        = &Error{Kind: NotFound, Key: "error.link_dead"}
	ErrTooManyLogins   = &Error{Kind: TooMany, Key: "error.too_many_logins"}
	ErrStaffExists     = &Error{Kind: Invalid, Key: "invalid.staff_exists", Field: "email"}
	ErrSessionNotFound = &Error{Kind: NotFound, Key: "error.session_not_found"}
	ErrRoleUnknown     = &Error{Kind: Invalid, Key: "invalid.role", Field: "role"}
)

package admin

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// Logins that are refused, as the audit log names them.
const (
	refuseLogin   = "refuse_login"
	refuseCode    = "refuse_code" // somebody knows the password
	refuseProof   = "refuse_proof"
	throttleLogin = "throttle_login"
)

// How many of them stand in the log, so that guessing cannot flood it: one of a kind for each account and
// address in the time, and no more at one account than those at once and one more in the time. All
// accounts that do not exist are one.
const (
	refusalEvery = 15 * time.Minute
	refusalBurst = 10
)

// tryLogin counts a try under the limits. One too many stands in the audit log.
func (a *Pages) tryLogin(c *fiber.Ctx, email string, member *models.Staff, limits []models.LoginLimit) error {
	err := a.store.TryLogin(c.UserContext(), limits...)
	if errors.Is(err, models.ErrTooManyLogins) {
		return cmp.Or(a.auditRefusal(c, throttleLogin, email, member), err)
	}
	return err
}

// auditRefusal puts a refused login into the audit log, as far as there is room. An account that does not
// exist is not named: what was typed for it may be a password.
func (a *Pages) auditRefusal(c *fiber.Ctx, action, email string, member *models.Staff) error {
	by := models.Actor{Address: a.base.ClientIP(c)}
	if session := a.session(c); session != nil {
		by = a.actor(c)
	}
	each := []string{action, models.StaffEmail(email), web.Network(by.Address)}
	if action == throttleLogin {
		each[1] = "" // else a flood of made-up accounts would be written down
	}
	return a.store.AuditRefusal(c.UserContext(), by, action, member.Email,
		models.LoginLimit{Name: refusalName(each...), Burst: 1, Every: refusalEvery},
		models.LoginLimit{Name: refusalName(action, member.Email), Burst: refusalBurst, Every: refusalEvery})
}

func refusalName(parts ...string) string {
	return "refused:" + models.HashToken(strings.Join(parts, "\n"))
}

package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// key is the type of what is kept with a request.
type key int

const sessionKey key = iota

// cookies are the names of the desk's cookies and whether they are for https alone.
type cookies struct {
	session, device string
	secure          bool
}

// newCookies ties the cookies to the very host where the browser lets us.
func newCookies(publicURL string) cookies {
	if strings.HasPrefix(publicURL, "https:") {
		return cookies{"__Host-saoma-staff", "__Host-saoma-staff-device", true}
	}
	return cookies{"saoma-staff", "saoma-staff-device", false}
}

func (k cookies) set(c *fiber.Ctx, name, value string, age time.Duration) {
	c.Cookie(&fiber.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), SessionOnly: age == 0,
		Secure: k.secure, HTTPOnly: true, SameSite: fiber.CookieSameSiteStrictMode,
	})
}

// token is what the browser's cookie holds.
func (a *Pages) token(c *fiber.Ctx) string { return c.Cookies(a.cookies.session) }

// loadSession returns the session of the request and notes that it is in use; nil when there is none.
// A database that takes no note can still be read.
func (a *Pages) loadSession(c *fiber.Ctx) (*models.StaffSession, error) {
	token := a.token(c)
	if token == "" {
		return nil, nil
	}
	session, err := a.store.StaffSession(c.UserContext(), token)
	if session == nil || err != nil {
		return nil, err
	}
	c.Locals(sessionKey, session)
	if err := a.store.SeeStaffSession(c.UserContext(), session); err != nil {
		a.log.Warn("use of a session not noted", "err", err)
	}
	return session, nil
}

// session returns the session that guard has let pass; nil outside of it.
func (a *Pages) session(c *fiber.Ctx) *models.StaffSession {
	session, _ := c.Locals(sessionKey).(*models.StaffSession)
	return session
}

// staff returns the member whose request it is; nil where nobody is known.
func (a *Pages) staff(c *fiber.Ctx) *models.Staff {
	if session := a.session(c); session != nil {
		return &session.Staff
	}
	return nil
}

// actor names the member whose request it is, for the audit log.
func (a *Pages) actor(c *fiber.Ctx) models.Actor { return a.actorAs(c, a.staff(c)) }

func (a *Pages) actorAs(c *fiber.Ctx, member *models.Staff) models.Actor {
	return models.Actor{StaffID: member.ID, Name: member.Email, Address: a.base.ClientIP(c)}
}

// audit puts an act into the audit log that was done outside of the store.
func (a *Pages) audit(c *fiber.Ctx, action, subject, details string) error {
	return a.store.Audit(c.UserContext(), a.actor(c), action, subject, details)
}

// deviceAge is how long a browser stays known as one in which a member has logged in.
const deviceAge = 365 * 24 * time.Hour

// devices know browsers in which a member has logged in before. Tries in them are counted apart, so
// that nobody who tries a member's address elsewhere keeps the member out. A cookie says so that only
// we can make; it opens nothing.
type devices struct{ keys [][]byte }

func newDevices(base *web.Base) (devices, error) {
	keys, err := base.Keys("staff device")
	return devices{keys}, err
}

func (d devices) issue(member *models.Staff) string {
	name := models.NewToken()
	return name + "." + deviceMAC(d.keys[0], member.ID, name)
}

// known returns the device's name if the cookie is one of this member, and nothing otherwise.
func (d devices) known(cookie string, member *models.Staff) string {
	name, mac, _ := strings.Cut(cookie, ".")
	for _, key := range d.keys {
		if hmac.Equal([]byte(mac), []byte(deviceMAC(key, member.ID, name))) {
			return name
		}
	}
	return ""
}

func deviceMAC(key []byte, staffID, name string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(staffID + "." + name))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// The names of browsers and systems, each by the first mark of it that a user agent has.
var (
	browsers = []struct{ mark, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "SamsungBrowser"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []struct{ mark, name string }{
		{"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"CrOS", "ChromeOS"},
		{"Linux", "Linux"},
	}
)

// agentName is a browser and its system in short, or the whole user agent where one is not known.
func agentName(agent string) string {
	for _, b := range browsers {
		for _, s := range systems {
			if strings.Contains(agent, b.mark) && strings.Contains(agent, s.mark) {
				return b.name + " · " + s.name
			}
		}
	}
	return agent
}

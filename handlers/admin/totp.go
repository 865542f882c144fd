package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"saoma/handlers/web"
	"saoma/models"
)

const (
	codePeriod    = 30 // seconds that one code is shown
	recoveryCodes = 8
	recoveryChars = 24 // 120 bits
)

// codeFits reports whether the text is a code of the member's second factor, or one of the recovery
// codes. It is used up then.
func (a *Pages) codeFits(c *fiber.Ctx, member *models.Staff, text string) (bool, error) {
	if !member.HasTOTP() {
		return false, nil
	}
	text = strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(text))
	if len(text) == recoveryChars {
		return a.store.UseRecoveryCode(c.UserContext(), a.actorAs(c, member), models.HashToken(text))
	}
	secret, err := a.seals.open(member.ID, member.TOTP)
	if err != nil {
		a.log.Error("second factor cannot be checked", "staff", member.ID, "err", err)
		return false, nil
	}
	step, ok := stepOf(text, secret, a.store.Now())
	if !ok {
		return false, nil
	}
	return a.store.UseTOTPStep(c.UserContext(), member.ID, step)
}

// stepOf returns the time step whose code the text is: the present one, or one beside it, since
// clocks differ and people type slowly.
func stepOf(text, secret string, now time.Time) (step int64, ok bool) {
	opts := hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
	present := now.Unix() / codePeriod
	for _, step := range []int64{present, present - 1, present + 1} {
		if fits, err := hotp.ValidateCustom(text, uint64(step), secret, opts); err == nil && fits {
			return step, true
		}
	}
	return 0, false
}

// newRecoveryCodes returns codes as they are shown, and the hashes that are kept of them.
func newRecoveryCodes() (codes, hashes []string) {
	for range recoveryCodes {
		code := models.NewToken()[:recoveryChars]
		hashes = append(hashes, models.HashToken(code))
		var groups []string
		for i := 0; i < recoveryChars; i += 4 {
			groups = append(groups, code[i:i+4])
		}
		codes = append(codes, strings.Join(groups, "-"))
	}
	return codes, hashes
}

// totpPage sets up the second factor.
type totpPage struct {
	Page
	Required bool   // the owner asks for it
	Begun    bool   // there is a code to scan
	Secret   string // for those who cannot scan
	Fields   []web.Field
}

type recoveryPage struct {
	Page
	Codes []string
}

// showTOTP shows what to scan, once it was begun.
func (a *Pages) showTOTP(c *fiber.Ctx) error { return a.totp(c, nil) }

func (a *Pages) totp(c *fiber.Ctx, errs web.FieldErrors) error {
	page := totpPage{Page: a.page(c, "admin.totp.title"), Begun: a.staff(c).TOTPNew != ""}
	var err error
	if page.Required, err = a.lacksTOTP(c, a.session(c)); err != nil {
		return err
	}
	if page.Begun {
		secret, err := a.seals.open(page.Staff.ID, page.Staff.TOTPNew)
		if err != nil {
			return err
		}
		for i := 0; i < len(secret); i += 4 {
			page.Secret += secret[i:min(i+4, len(secret))] + " "
		}
		page.Fields = page.Page.Fields(errs, web.Field{Name: "code", Max: 10, Autocomplete: "one-time-code", Wide: true})
	}
	return a.render(c, "admin/totp", page)
}

// beginTOTP makes a new secret. The one in force stays so until a code of the new one is entered.
func (a *Pages) beginTOTP(c *fiber.Ctx) error {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: a.issuer(), AccountName: a.staff(c).Email})
	if err != nil {
		return fmt.Errorf("make a second factor: %w", err)
	}
	id := a.staff(c).ID
	if err := a.store.BeginTOTP(c.UserContext(), id, a.seals.seal(id, key.Secret())); err != nil {
		return err
	}
	return c.Redirect("/admin/account/totp", http.StatusSeeOther)
}

// issuer names the shop in an app that shows codes.
func (a *Pages) issuer() string { return strings.ReplaceAll(a.store.Settings().ShopName, ":", " ") }

// drawTOTP draws the secret that was begun, for the app to scan.
func (a *Pages) drawTOTP(c *fiber.Ctx) error {
	member := a.staff(c)
	if member.TOTPNew == "" {
		return fiber.ErrNotFound
	}
	secret, err := a.seals.open(member.ID, member.TOTPNew)
	if err != nil {
		return err
	}
	code, err := web.NewCode(keyAddress(a.issuer(), member.Email, secret))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set(fiber.HeaderContentType, "image/svg+xml")
	return c.Send(code.SVG())
}

// keyAddress is what apps that show codes read.
func keyAddress(issuer, account, secret string) string {
	query := url.Values{"secret": {secret}, "issuer": {issuer}}
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account,
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"), // some apps show the plus sign
	}
	return address.String()
}

// confirmTOTP puts the second factor in force once a code shows that the app has it, and shows the
// recovery codes.
func (a *Pages) confirmTOTP(c *fiber.Ctx) error {
	member := a.staff(c)
	secret, err := a.seals.open(member.ID, member.TOTPNew)
	if member.TOTPNew == "" || err != nil {
		return c.Redirect("/admin/account/totp", http.StatusSeeOther)
	}
	step, ok := stepOf(web.FormValue(c, "code"), secret, a.store.Now())
	if !ok {
		return a.totp(c.Status(http.StatusUnprocessableEntity), web.FieldErrors{"code": "admin.code.refused"})
	}
	codes, hashes := newRecoveryCodes()
	done, err := a.store.ConfirmTOTP(c.UserContext(), a.actor(c), member.TOTPNew, step, hashes, a.session(c).ID)
	if err != nil {
		return err
	}
	if !done {
		return c.Redirect("/admin/account/totp", http.StatusSeeOther)
	}
	return a.showRecoveryCodes(c, codes)
}

// showRecoveryCodes shows codes the only time that they can be shown.
func (a *Pages) showRecoveryCodes(c *fiber.Ctx, codes []string) error {
	return a.render(c, "admin/recovery", recoveryPage{a.page(c, "admin.recovery.title"), codes})
}

// renewRecoveryCodes replaces the member's recovery codes.
func (a *Pages) renewRecoveryCodes(c *fiber.Ctx) error {
	if !a.staff(c).HasTOTP() {
		return c.Redirect("/admin/account/totp", http.StatusSeeOther)
	}
	codes, hashes := newRecoveryCodes()
	if err := a.store.SetRecoveryCodes(c.UserContext(), a.actor(c), hashes); err != nil {
		return err
	}
	return a.showRecoveryCodes(c, codes)
}

// removeOwnTOTP takes the second factor away, which the member did prove to have, or the password.
func (a *Pages) removeOwnTOTP(c *fiber.Ctx) error {
	if err := a.store.RemoveTOTP(c.UserContext(), a.actor(c), a.staff(c).ID); err != nil {
		return err
	}
	return a.done(c, "/admin/account", "admin.totp.removed")
}

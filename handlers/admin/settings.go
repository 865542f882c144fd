package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// settingsPage is what an owner changes while the shop runs.
type settingsPage struct {
	Page
	Shop, Money settingForm
	Texts       []settingForm // one for each language
	Upload      *upload       // of the logo
}

// settingForm is a group of settings that are saved together.
type settingForm struct {
	Action   string
	Language string // of texts
	Title    string
	Fields   []settingField
	AtFault  bool
	CSRF     string
	Save     string // what its button says
}

// settingField is a setting as it can be changed: its field, or one choice of several.
type settingField struct {
	web.Field
	Choices []settingChoice
	Seen    string // the mark of the value that is shown, or was before it was typed over
	Source  string // when it was set here; empty: it was not
	GiveUp  string // what to tick to give the setting back to the configuration; empty: it is there
}

type settingChoice struct {
	Value, Name string
	Chosen      bool
}

// shownSetting is a setting on the page, and the keys of what is said about it.
type shownSetting struct {
	models.Setting
	label, hint string
	rows        int
	mode        string // of a short value: which keyboard a phone shows
	builtin     bool   // the configuration has no key for it
}

// The groups of settings.
var (
	shopSettings = []shownSetting{
		{Setting: models.SetShopName, label: "field.shop_name"},
		{Setting: models.SetLowStock, label: "field.low_stock", hint: "admin.settings.low_stock_hint", mode: "numeric", builtin: true},
		{Setting: models.SetAccent, label: "field.accent", hint: "admin.settings.accent_hint", mode: "text", builtin: true},
	}
	moneySettings = []shownSetting{
		{Setting: models.SetShippingFee, label: "field.shipping_fee", hint: "admin.settings.fee_hint", mode: "decimal"},
		{Setting: models.SetFreeShippingFrom, label: "field.free_shipping_from", hint: "admin.settings.free_hint", mode: "decimal"},
		{Setting: models.SetPaymentWindow, label: "field.payment_window", hint: "admin.settings.window_hint", mode: "text"},
		{Setting: models.SetLatePayment, label: "field.late_payment"},
		{Setting: models.SetDuplicate, label: "field.duplicate_payment"},
	}
)

// textSettings are the pages that the merchant writes in one language.
func textSettings(language string) []shownSetting {
	var shown []shownSetting
	for _, page := range models.ShopPages {
		shown = append(shown, shownSetting{Setting: models.SetText(page, language), label: "pages." + page, rows: 6})
	}
	return shown
}

// typedSettings is what was sent of a group of settings, and what is wrong with it.
type typedSettings struct {
	wanted []models.SettingChange
	texts  map[string]string // what was typed over what was to be seen, by name
	errs   web.FieldErrors
	moved  []string // what somebody else has changed meanwhile
}

func (a *Pages) showSettings(c *fiber.Ctx) error { return a.settingsAs(c, typedSettings{}) }

func (a *Pages) settingsAs(c *fiber.Ctx, typed typedSettings) error {
	page := settingsPage{Page: a.page(c, "admin.settings.title")}
	groups := [][]shownSetting{shopSettings, moneySettings}
	for _, l := range a.base.Languages() {
		groups = append(groups, textSettings(l.Code))
	}
	var all []models.Setting
	for _, group := range groups {
		for _, s := range group {
			all = append(all, s.Setting)
		}
	}
	states, err := a.store.SettingStates(c.UserContext(), all...)
	if err != nil {
		return err
	}
	currency := a.store.Shop.Currency
	page.Shop = page.settingForm("/admin/settings/shop", shopSettings, states, typed, currency)
	page.Money = page.settingForm("/admin/settings/money", moneySettings, states, typed, currency)
	for i, l := range a.base.Languages() {
		form := page.settingForm("/admin/settings/texts/"+l.Code, groups[2+i], states, typed, currency)
		form.Title, form.Language = l.Name, l.Code
		page.Texts = append(page.Texts, form)
	}
	page.Upload = page.upload("/admin/settings", a.store.Settings().Logo, typed.errs)
	page.Upload.Title = page.T("admin.settings.logo")
	switch {
	case len(typed.errs) > 0:
		c.Status(http.StatusUnprocessableEntity)
	case len(typed.moved) > 0:
		c.Status(http.StatusConflict)
	}
	return a.render(c, "admin/settings", page)
}

func (p Page) settingForm(action string, group []shownSetting, states map[string]models.SettingState, typed typedSettings, currency string) settingForm {
	form := settingForm{Action: action, CSRF: p.CSRF(), Save: p.T("admin.settings.save")}
	for _, s := range group {
		field := p.settingField(s, states[s.Name], typed, currency)
		form.Fields = append(form.Fields, field)
		form.AtFault = form.AtFault || field.Error != ""
	}
	return form
}

// settingField shows what was typed where that is something else than was to be seen, and how the
// setting stands now elsewhere.
func (p Page) settingField(s shownSetting, state models.SettingState, typed typedSettings, currency string) settingField {
	value := s.Show(state.Value, currency)
	if text, sent := typed.texts[s.Name]; sent {
		value = text
	}
	field := settingField{Seen: state.Mark(), Field: web.Field{
		Name: s.Name, Label: p.T(s.label), Type: "text", Value: value, Max: s.Most, Rows: s.rows, Mode: s.mode, Autocomplete: "off", Wide: true,
	}}
	if s.hint != "" {
		field.Hint = p.T(s.hint, "currency", currency)
	}
	if key := typed.errs[s.Name]; key != "" {
		field.Error = p.T(key)
	} else if slices.Contains(typed.moved, s.Name) {
		field.Error = p.T("admin.settings.moved", "value", cut(p.inWords(s, state.Value, currency), 300))
	}
	for _, choice := range s.Choices {
		field.Choices = append(field.Choices, settingChoice{choice, p.inWords(s, choice, currency), choice == value})
	}
	if s.rows == 0 { // the configuration has no long texts
		field.Source, field.GiveUp = p.settingSource(s, state, p.inWords(s, state.Configured, currency))
	}
	return field
}

// inWords is a value as the page names it.
func (p Page) inWords(s shownSetting, value, currency string) string {
	if len(s.Choices) > 0 {
		return p.T("admin.settings." + value)
	}
	return s.Show(value, currency)
}

// settingSource tells when the value of a setting was set here, and offers the way back.
func (p Page) settingSource(s shownSetting, state models.SettingState, configured string) (source, giveUp string) {
	switch {
	case !state.Here:
		return "", ""
	case s.builtin:
		return p.T("admin.settings.here", "time", p.Time(state.ChangedAt)), p.T("admin.settings.back_builtin", "value", configured)
	}
	return p.T("admin.settings.here", "time", p.Time(state.ChangedAt)), p.T("admin.settings.back", "value", configured)
}

func (a *Pages) changeShop(c *fiber.Ctx) error  { return a.changeSettings(c, shopSettings) }
func (a *Pages) changeMoney(c *fiber.Ctx) error { return a.changeSettings(c, moneySettings) }

func (a *Pages) changeTexts(c *fiber.Ctx) error {
	for _, l := range a.base.Languages() {
		if l.Code == c.Params("language") {
			return a.changeSettings(c, textSettings(l.Code))
		}
	}
	return fiber.ErrNotFound
}

// logoPath takes the shop's logo.
const logoPath = "/admin/settings/picture"

// changeLogo gives the shop the logo that is sent, or takes the present one away.
func (a *Pages) changeLogo(c *fiber.Ctx) error {
	err := a.takePicture(c, func(sizes []models.Picture) error {
		return a.store.ChangeLogo(c.UserContext(), a.actor(c), sizes)
	})
	errs, err := fieldErrors(err)
	if err != nil {
		return err
	}
	if errs != nil {
		return a.settingsAs(c, typedSettings{errs: errs})
	}
	return a.done(c, "/admin/settings", pictureDone(c, "admin.settings.logo_done", "admin.settings.logo_removed"))
}

// changeSettings saves what was changed of a group, and says what that was.
func (a *Pages) changeSettings(c *fiber.Ctx, group []shownSetting) error {
	typed := readSettings(c, group, a.store.Shop.Currency)
	if typed.errs != nil {
		return a.settingsAs(c, typed)
	}
	changed, moved, err := a.store.ChangeSettings(c.UserContext(), a.actor(c), typed.wanted)
	if err != nil {
		return err
	}
	if len(moved) > 0 { // sent again, it is meant
		typed.moved = moved
		return a.settingsAs(c, typed)
	}
	if len(changed) == 0 {
		return a.done(c, "/admin/settings", "admin.settings.same")
	}
	var names []string
	for _, s := range group {
		if slices.Contains(changed, s.Name) {
			names = append(names, a.base.Language(c).Text(s.label))
		}
	}
	return a.done(c, "/admin/settings", "admin.settings.done", "names", strings.Join(names, ", "))
}

// readSettings reads the fields of a group that were sent.
func readSettings(c *fiber.Ctx, group []shownSetting, currency string) typedSettings {
	typed := typedSettings{texts: map[string]string{}}
	for _, s := range group {
		if !c.Request().PostArgs().Has(s.Name) {
			continue
		}
		read := web.FormValue
		if s.rows > 0 {
			read = web.FormLines
		}
		change := models.SettingChange{
			Setting: s.Setting, Seen: read(c, "seen."+s.Name), GiveUp: web.FormValue(c, "back."+s.Name) != "",
		}
		if !change.GiveUp {
			text := read(c, s.Name)
			value, err := s.Read(text, currency)
			if refused, is := errors.AsType[*models.Error](err); is {
				typed.errs = typed.errs.With(web.FieldErrors{s.Name: refused.Key})
			}
			if change.Value = value; err != nil || change.Touched() {
				typed.texts[s.Name] = text
			}
		}
		typed.wanted = append(typed.wanted, change)
	}
	return typed
}

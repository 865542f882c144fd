package web

import (
	"cmp"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// Page is what every page knows; a page's own struct embeds it. Its methods are for templates:
//
//	{{.T "cart.title"}}  {{.T "cart.left" "count" .Left}}  {{.Price .Total}}  {{.Time .PaidAt}}
//	<input type="hidden" name="_csrf" value="{{.CSRF}}">   {{.Image .Product.Image}}
type Page struct {
	Title       string
	Description string // of the shop, or of what is found at the page; see Publish
	Canonical   string // the address under which they keep the page; empty: it is not to be found
	Shared      string // the whole address of the picture that stands beside a link to it
	Lang        string
	Languages   []*Language
	ShopName    string
	Logo        *Picture // nil: the shop has none
	Accent      *Accent
	Path        string
	PublicURL   string
	CartCount   int64
	Texts       []Link // to what the merchant wrote about the shop
	SandboxOn   bool
	Refresh     int    // seconds after which the page loads itself anew where scripts are off; 0: never
	RefreshAt   string // the address it then loads; empty: its own

	base     *Base
	language *Language
	session  *Session
}

// Page returns what every page knows, with the message of the key as its title. Languages is
// empty where there is nothing to choose.
func (b *Base) Page(c *fiber.Ctx, titleKey string, args ...any) Page {
	language, session := b.Language(c), b.Session(c)
	p := Page{
		Title:     language.Text(titleKey, args...),
		Lang:      language.Code,
		ShopName:  b.Store.Settings().ShopName,
		Accent:    b.accentNow(),
		Path:      c.Path(),
		PublicURL: b.Config.PublicURL,
		CartCount: session.Count(),
		Texts:     b.shopTexts(language),
		SandboxOn: b.Config.SandboxOn,
		base:      b, language: language, session: session,
	}
	p.Description = p.T("catalogue.description", "shop", p.ShopName)
	if name := b.Store.Settings().Logo; name != "" {
		logo := p.Picture(name)
		p.Logo = &logo
	}
	if len(b.languages.all) > 1 {
		p.Languages = b.languages.all
	}
	return p
}

// PageIn returns what a page knows that nobody has asked for, such as a mail, in the language with the
// code, or the nearest that there is. It can hold no form.
func (b *Base) PageIn(code string) Page {
	language := b.languages.find(code)
	return Page{
		Lang: language.Code, ShopName: b.Store.Settings().ShopName, Accent: b.accentNow(), PublicURL: b.Config.PublicURL, SandboxOn: b.Config.SandboxOn,
		base: b, language: language,
	}
}

// T returns the message with the key in the reader's language; see Language.Text.
func (p Page) T(key string, args ...any) string { return p.language.Text(key, args...) }

// Text is a text of the merchant's as a page shows it. Lang is its language where that is not the
// page's, for the attribute of that name.
type Text struct{ Text, Lang string }

// Theirs returns a text of the merchant's as the page shows it.
func (p Page) Theirs(t models.Text) Text {
	switch t.Language {
	case "":
		return Text{t.Text, p.OwnLang()}
	case p.Lang:
		return Text{t.Text, ""}
	default:
		return Text{t.Text, t.Language}
	}
}

// OwnLang returns the shop's own language, in which names of products are written, where that is not
// the page's.
func (p Page) OwnLang() string {
	if own := p.base.languages.all[0].Code; own != p.Lang {
		return own
	}
	return ""
}

// CSRF returns the token for the page's forms. It gives the visitor a session's cookie.
func (p Page) CSRF() string { return p.session.CSRF() }

// Number writes a whole number as the reader expects it.
func (p Page) Number(n int64) string { return p.language.Number(n) }

// Money writes an amount as the reader expects it.
func (p Page) Money(m models.Money) string { return m.Format(p.Lang) }

// Price writes minor units of the shop's currency.
func (p Page) Price(minor int64) string {
	return p.Money(models.Money{Amount: minor, Currency: p.base.Config.Currency})
}

// Currency is the shop's.
func (p Page) Currency() string { return p.base.Config.Currency }

// Time writes a time in the shop's zone, to the minute.
func (p Page) Time(t time.Time) string {
	return t.In(p.base.Config.TimeZone).Format(p.T("format.time"))
}

// PreciseTime writes a time in the shop's zone, to the second.
func (p Page) PreciseTime(t time.Time) string {
	return t.In(p.base.Config.TimeZone).Format(p.T("format.second"))
}

// ShortTime writes a time in the shop's zone as lists do, which have little room.
func (p Page) ShortTime(t time.Time) string {
	return t.In(p.base.Config.TimeZone).Format(p.T("format.short"))
}

// Image returns the address of a picture; of a stand-in where there is none of that name.
func (p Page) Image(name string) string {
	return cmp.Or(p.base.assets.Address("images/"+name), p.base.assets.Address("images/no-picture.svg"))
}

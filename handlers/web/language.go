package web

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

const (
	languageCookie = "lang"
	languageAge    = 365 * 24 * time.Hour
)

// Language is one that pages can be read in.
type Language struct {
	Code string // BCP 47
	Name string // in the language itself

	base      language.Base
	localizer *i18n.Localizer
	numbers   *message.Printer
	countries countries
}

// languages are those of the configuration that there is a catalogue for, the default first.
type languages struct {
	all     []*Language
	matcher language.Matcher
}

// loadLanguages reads the catalogues under locales. A configured language without one is left
// out: its readers get the nearest that there is.
func loadLanguages(files fs.FS, configured []string) (*languages, error) {
	bundle, err := loadCatalogues(files)
	if err != nil {
		return nil, err
	}
	ls := &languages{}
	var tags []language.Tag
	for _, code := range configured {
		tag, err := language.Parse(code)
		if err != nil {
			return nil, fmt.Errorf("language %q: %w", code, err)
		}
		if !slices.Contains(bundle.LanguageTags(), tag) {
			continue
		}
		l := &Language{Code: code, localizer: i18n.NewLocalizer(bundle, code), numbers: message.NewPrinter(tag), countries: newCountries(code)}
		l.Name = l.Text("language.name")
		l.base, _ = tag.Base()
		ls.all, tags = append(ls.all, l), append(tags, tag)
	}
	if len(ls.all) == 0 {
		return nil, fmt.Errorf("no catalogue for any of the languages %v", configured)
	}
	ls.matcher = language.NewMatcher(tags)
	return ls, nil
}

func loadCatalogues(files fs.FS) (*i18n.Bundle, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("yaml", yaml.Unmarshal)
	names, err := fs.Glob(files, "locales/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", path.Base(name), err)
		}
	}
	return bundle, nil
}

// Text returns the message with the key in the language. Arguments are pairs of a name and a
// value; the one named "count" is a whole number and chooses the plural. An unknown key is its own
// text.
func (l *Language) Text(key string, args ...any) string {
	data := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		data[fmt.Sprint(args[i])] = args[i+1]
	}
	count := data["count"]
	if count != nil {
		data["count"] = l.numbers.Sprint(count)
	}
	text, err := l.localizer.Localize(&i18n.LocalizeConfig{
		MessageID: key, TemplateData: data, PluralCount: count,
	})
	if err != nil && text == "" {
		return key
	}
	return text
}

// OtherLanguages are those that the shop's pages can be read in beside its own.
func (b *Base) OtherLanguages() []*Language { return b.languages.all[1:] }

// Number writes a whole number as the reader expects it.
func (l *Language) Number(n int64) string { return l.numbers.Sprint(n) }

// Languages returns those that pages can be read in, the default first.
func (b *Base) Languages() []*Language { return b.languages.all }

// Language returns what the visitor reads: what was chosen, or what the browser asks for, or
// what the wallet is set to, or the shop's default.
func (b *Base) Language(c *fiber.Ctx) *Language {
	if l, ok := c.Locals(languageKey).(*Language); ok {
		return l
	}
	l := b.languages.find(c.Cookies(languageCookie), c.Get(fiber.HeaderAcceptLanguage),
		walletLanguage(c.Get(fiber.HeaderUserAgent)))
	c.Locals(languageKey, l)
	return l
}

// ChooseLanguage answers any page's ?lang=: it remembers the choice and goes on to the same
// page without it. It needs no session.
func (b *Base) ChooseLanguage(c *fiber.Ctx) error {
	code := c.Query("lang")
	if code == "" || c.Method() != fiber.MethodGet {
		return c.Next()
	}
	if slices.ContainsFunc(b.languages.all, func(l *Language) bool { return l.Code == code }) {
		c.Cookie(&fiber.Cookie{
			Name: languageCookie, Value: code, Path: "/", MaxAge: int(languageAge.Seconds()),
			Secure: b.sessions.options.Secure, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		})
	}
	c.Request().URI().QueryArgs().Del("lang")
	return c.Redirect(localTarget(c), fiber.StatusSeeOther)
}

// localTarget is the request's own address, which never leads to another site.
func localTarget(c *fiber.Ctx) string {
	target := "/" + strings.TrimLeft(c.Path(), "/\\")
	if query := c.Request().URI().QueryArgs().String(); query != "" {
		target += "?" + query
	}
	return target
}

// find returns the language that fits the first of the wishes that any fits. What a browser wishes
// for is tried in its order, since all at once "zh-HK,zh" would mean simplified Chinese. A language
// that its readers are only thought to know, as English for Tamil, comes after all that are wished for.
func (ls *languages) find(wishes ...string) *Language {
	for _, guess := range []bool{false, true} {
		for _, wish := range wishes {
			tags, _, err := language.ParseAcceptLanguage(wish)
			if err != nil {
				continue
			}
			for _, tag := range tags {
				tag = written(tag)
				base, _ := tag.Base()
				_, i, confidence := ls.matcher.Match(tag)
				if confidence > language.No && (guess || base == ls.all[i].base) {
					return ls.all[i]
				}
			}
		}
	}
	return ls.all[0]
}

// The kinds of Chinese that browsers name.
var (
	cantonese  = language.MustParseBase("yue")
	hokkien    = language.MustParseBase("nan")
	simplified = language.MustParseScript("Hans")
	mainland   = language.MustParseRegion("CN")
)

// written returns the Chinese that readers of Cantonese and Hokkien read: the traditional, unless the
// tag says otherwise. All other tags stay as they are.
func written(tag language.Tag) language.Tag {
	base, script, region := tag.Raw()
	switch {
	case base != cantonese && base != hokkien:
		return tag
	case script == simplified || script == language.Script{} && region == mainland:
		return language.SimplifiedChinese
	default:
		return language.TraditionalChinese
	}
}

var walletLanguagePattern = regexp.MustCompile(`\bLanguage/([A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4}){0,2})\b`)

// walletLanguage returns the language that WeChat and Alipay name in their user agents, in the
// form of an Accept-Language header.
func walletLanguage(userAgent string) string {
	found := walletLanguagePattern.FindStringSubmatch(userAgent)
	if found == nil {
		return ""
	}
	return strings.ReplaceAll(found[1], "_", "-")
}

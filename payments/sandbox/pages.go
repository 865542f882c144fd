package sandbox

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed templates static locales
var files embed.FS

// languages are those of the pages; the first is for readers of none of them.
var languages = []language.Tag{language.English, language.SimplifiedChinese, language.TraditionalChinese, language.Japanese}

// pages are the sandbox's pages for people, each with its texts in every language.
type pages struct {
	templates  *template.Template
	localizers []*i18n.Localizer // by the index in languages
	matcher    language.Matcher
}

// newPages loads what is built in. A mistake in it is found at the start.
func newPages() *pages {
	bundle := i18n.NewBundle(languages[0])
	catalogues, err := fs.Glob(files, "locales/*.json")
	if err != nil {
		panic(err)
	}
	for _, name := range catalogues {
		text, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		bundle.MustParseMessageFileBytes(text, name)
	}
	p := &pages{
		templates: template.Must(template.ParseFS(files, "templates/*.html")),
		matcher:   language.NewMatcher(languages),
	}
	for _, tag := range languages {
		p.localizers = append(p.localizers, i18n.NewLocalizer(bundle, tag.String()))
	}
	return p
}

// Page is what every page has.
type Page struct {
	Title     string
	Lang      string
	localizer *i18n.Localizer
}

func (p *pages) page(r *http.Request, titleID string) Page {
	i := p.languageOf(r)
	page := Page{Lang: languages[i].String(), localizer: p.localizers[i]}
	page.Title = page.T(titleID)
	return page
}

// languageOf returns the index of the language that was chosen in the shop on this host, or else of the
// first that the browser asks for and that there is.
func (p *pages) languageOf(r *http.Request) int {
	accepted, _, _ := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if chosen, err := r.Cookie("lang"); err == nil {
		accepted = append([]language.Tag{language.Make(chosen.Value)}, accepted...)
	}
	for _, tag := range accepted {
		if _, i, confidence := p.matcher.Match(tag); confidence > language.No {
			return i
		}
	}
	return 0
}

// T returns the text of an id in the reader's language. A text that is missing shows its id, so
// that it is noticed.
func (p Page) T(id string) string {
	text, err := p.localizer.Localize(&i18n.LocalizeConfig{MessageID: id})
	if err != nil {
		return id
	}
	return text
}

// Money writes an amount for people. Gateways spell currencies in small letters too.
func (p Page) Money(amount int64, code string) string {
	a, err := currency.NewAmountFromInt64(amount, strings.ToUpper(code))
	if err != nil {
		return code
	}
	return currency.NewFormatter(currency.NewLocale(p.Lang)).Format(a)
}

// Time writes a time of the sandbox's clock.
func (p Page) Time(t time.Time) string { return t.Format("2006-01-02 15:04:05 UTC") }

// render writes a page, or, when the template fails, no part of it.
func (s *Sandbox) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.templates.ExecuteTemplate(&b, name, data); err != nil {
		s.config.Log.Error("sandbox page failed", "page", name, "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// secured sets the headers of all pages for people, and bounds what is read.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Cache-Control", "no-cache")
		// no-referrer would make browsers send "Origin: null", which is no proof of where a
		// form comes from.
		h.Set("Referrer-Policy", "same-origin")
		setPolicy(w, "")
		next.ServeHTTP(w, r)
	})
}

// setPolicy allows nothing but what the sandbox itself serves, and forms to itself and to the
// shop that the buyer goes back to. Browsers hold a redirect after a form against the form's page.
func setPolicy(w http.ResponseWriter, returnURL string) {
	forms := "'self'"
	if u, err := url.Parse(returnURL); err == nil && u.Host != "" {
		forms += " " + u.Scheme + "://" + u.Host
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; "+
		"img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action "+forms)
}

func staticFiles() http.Handler {
	return http.StripPrefix("/sandbox/", http.FileServerFS(files))
}

package web

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/unicode/norm"

	"saoma/models"
)

// Country is a country or region that things are sent to.
type Country struct {
	Code string // ISO 3166
	Name string // in the reader's language
}

// countries are those of one language, the ones that most orders go to first.
type countries struct {
	all  []Country
	name map[string]string // by code
}

// nearCountries are those that most orders go to.
var nearCountries = []string{"CN", "HK", "MO", "TW", "JP", "KR", "SG", "MY", "TH"}

// shortNames are what people call them, where the library has the long names.
var shortNames = map[string]map[string]string{
	"en":      {"HK": "Hong Kong", "MO": "Macau", "TW": "Taiwan"},
	"zh-Hans": {"HK": "香港", "MO": "澳门", "TW": "台湾"},
	"zh-Hant": {"HK": "香港", "MO": "澳門", "TW": "台灣"},
	"ja":      {"HK": "香港", "MO": "マカオ", "TW": "台湾"},
}

// otherNames are what people write too.
var otherNames = map[string]string{
	"hongkong": "HK", "中国香港": "HK", "中國香港": "HK", "macao": "MO", "中国澳门": "MO", "中國澳門": "MO", "中国台湾": "TW", "中國台灣": "TW", "臺灣": "TW",
	"中华人民共和国": "CN", "中國大陸": "CN", "中国大陆": "CN", "mainland china": "CN", "pr china": "CN", "p.r. china": "CN", "prc": "CN",
	"usa": "US", "u.s.a.": "US", "uk": "GB", "great britain": "GB", "england": "GB", "south korea": "KR", "korea": "KR",
}

func newCountries(code string) countries {
	tag := language.Make(code)
	namer := display.Regions(tag)
	k := countries{name: map[string]string{}}
	for _, region := range language.Supported.Regions() {
		if !region.IsCountry() || region.String() == "ZZ" || region.Canonicalize() != region {
			continue
		}
		iso := region.String()
		name := cmp.Or(shortNames[code][iso], namer.Name(region))
		if name == "" { // what is no more, such as the Soviet Union
			continue
		}
		k.name[iso] = name
		k.all = append(k.all, Country{iso, name})
	}
	order := collate.New(tag)
	slices.SortFunc(k.all, func(a, b Country) int {
		return cmp.Or(cmp.Compare(nearness(a.Code), nearness(b.Code)), order.CompareString(a.Name, b.Name))
	})
	return k
}

func nearness(code string) int {
	if i := slices.Index(nearCountries, code); i >= 0 {
		return i
	}
	return len(nearCountries)
}

// knownCountries finds codes by names in every language that there is a catalogue for, and by codes.
func knownCountries() map[string]string {
	known := map[string]string{}
	for name, code := range otherNames {
		known[name] = code
	}
	for code := range shortNames {
		names, long := newCountries(code), display.Regions(language.Make(code))
		for _, country := range names.all {
			known[folded(country.Code)], known[folded(country.Name)] = country.Code, country.Code
			known[folded(long.Name(language.MustParseRegion(country.Code)))] = country.Code
		}
	}
	return known
}

// folded is a name as names are compared.
func folded(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(name)), " "))
}

// CountryCode returns the ISO 3166 code of what a buyer wrote: a code, or a name in any of the languages
// that pages are in. What it does not know it returns as it is: somebody delivers there.
func (b *Base) CountryCode(written string) string {
	return cmp.Or(b.countryCodes[folded(written)], written)
}

// Countries are those to choose from, in the reader's language.
func (p Page) Countries() []Country { return p.language.countries.all }

// Country is the name of what an order holds as its country, in the reader's language.
func (p Page) Country(kept string) string {
	return cmp.Or(p.language.countries.name[p.base.CountryCode(kept)], kept)
}

// AddressLines are the buyer's name and address as they stand on an envelope.
func (p Page) AddressLines(b models.Buyer) []string {
	return b.AddressLines(p.base.CountryCode(b.Country), p.Country(b.Country))
}

// LikelyCountry guesses where a visitor is by the language that the browser asks for first, and names it
// in the visitor's language; empty where that tells nothing, as English does.
func (b *Base) LikelyCountry(c *fiber.Ctx) string {
	return b.Language(c).countries.name[likelyCountry(c)]
}

func likelyCountry(c *fiber.Ctx) string {
	tags, _, err := language.ParseAcceptLanguage(c.Get(fiber.HeaderAcceptLanguage))
	if err != nil || len(tags) == 0 {
		return ""
	}
	region, confidence := tags[0].Region()
	switch base, _ := tags[0].Base(); base.String() {
	case "ja", "ko":
		return region.String()
	case "zh":
		if script, _ := tags[0].Script(); confidence == language.Exact || script.String() == "Hans" {
			return region.String()
		}
	}
	return ""
}

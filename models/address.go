package models

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// AddressForm is how a country writes addresses. What it says of fields is what a form asks for; an
// order may hold more, and all of it is written.
type AddressForm struct {
	Fields   []string // of the form, in the country's order: address, city, region, postcode
	Needed   []string // those of them without which nothing is delivered
	City     string   // what the city is there, such as "district"; empty: a city
	Region   string   // what the region is there; empty: a state or province
	Example  string   // of a postcode
	postcode string   // an expression for postcodes, empty where any will do
	local    string   // how it is written in the country's own script; empty: as in any other
	latin    string
}

// The order of fields in a form, where addresses begin with what is large and where with what is small.
var (
	largeFirst = []string{"postcode", "region", "city", "address"}
	smallFirst = []string{"address", "city", "region", "postcode"}
	inCity     = []string{"region", "city", "address"} // without postcodes
	street     = []string{"address", "city"}           // without regions as well
	cityLast   = []string{"address", "postcode", "city"}
)

// The order on an envelope: name, address, city, region, postcode. The country comes before what is
// largest first, and after anything else.
const (
	chinese  = "Z\nSC\nA\nN"
	european = "N\nA\nZ C, S"
	british  = "N\nA\nC\nS\nZ"
	american = "N\nA\nC, S Z"
	oceanic  = "N\nA\nC S Z"
)

// addressForms are those of the countries that most orders go to; see AddressFormOf for the others.
var addressForms = map[string]AddressForm{
	"CN": {Fields: largeFirst, Needed: street, Region: "province", Example: "518000", postcode: `\d{6}`, local: chinese, latin: "N\nA\nC\nS, Z"},
	"HK": {Fields: inCity, Needed: street, City: "district", Region: "area", local: "SC\nA\nN", latin: "N\nA\nC\nS"},
	"MO": {Fields: street, Needed: []string{"address"}, City: "district", local: "SC\nA\nN", latin: "N\nA\nC\nS"},
	"TW": {Fields: largeFirst, Needed: street, City: "township", Region: "county", Example: "100", postcode: `\d{3}(-?\d{2,3})?`, local: chinese, latin: "N\nA\nC, S Z"},
	"JP": {Fields: largeFirst, Needed: smallFirst, City: "municipality", Region: "prefecture", Example: "150-0001", postcode: `\d{3}-?\d{4}`, local: "〒Z\nSC\nA\nN", latin: "N\nA\nC, S Z"},
	"KR": {Fields: largeFirst, Needed: street, Example: "04524", postcode: `\d{5}`, local: "Z\nS C\nA\nN", latin: "N\nA\nC\nS Z"},
	"SG": {Fields: []string{"address", "postcode"}, Needed: []string{"address"}, Example: "238839", postcode: `\d{6}`, latin: "N\nA\nC Z\nS"},
	"MY": {Fields: []string{"address", "postcode", "city", "region"}, Needed: street, Region: "state", Example: "50450", postcode: `\d{5}`, latin: "N\nA\nZ C\nS"},
	"TH": {Fields: smallFirst, Needed: street, Region: "province", Example: "10330", postcode: `\d{5}`, latin: "N\nA\nC\nS Z"},
	"US": {Fields: smallFirst, Needed: smallFirst, Region: "state", Example: "94103", postcode: `\d{5}(-\d{4})?`, latin: american},
	"CA": {Fields: smallFirst, Needed: smallFirst, Region: "province", Example: "M5V 2T6", postcode: `[A-Z]\d[A-Z][ -]?\d[A-Z]\d`, latin: oceanic},
	"AU": {Fields: smallFirst, Needed: smallFirst, Region: "state", Example: "2000", postcode: `\d{4}`, latin: oceanic},
	"NZ": {Fields: []string{"address", "city", "postcode"}, Needed: street, Example: "1010", postcode: `\d{4}`, latin: "N\nA\nC Z\nS"},
	"GB": {Fields: []string{"address", "city", "postcode"}, Needed: []string{"address", "city", "postcode"}, Example: "SW1A 2AA", postcode: `[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}`, latin: british},
	"DE": {Fields: cityLast, Needed: cityLast, Example: "10117", postcode: `\d{5}`, latin: european},
	"FR": {Fields: cityLast, Needed: cityLast, Example: "75001", postcode: `\d{5}`, latin: european},
	"NL": {Fields: cityLast, Needed: cityLast, Example: "1012 JS", postcode: `\d{4} ?[A-Z]{2}`, latin: european},
	"CH": {Fields: cityLast, Needed: cityLast, Example: "8001", postcode: `\d{4}`, latin: european},
	"AT": {Fields: cityLast, Needed: cityLast, Example: "1010", postcode: `\d{4}`, latin: european},
	"IT": {Fields: []string{"address", "postcode", "city", "region"}, Needed: cityLast, Region: "province", Example: "00187", postcode: `\d{5}`, latin: "N\nA\nZ C S"},
	"ES": {Fields: []string{"address", "postcode", "city", "region"}, Needed: cityLast, Region: "province", Example: "28013", postcode: `\d{5}`, latin: european},
}

// AddressFormOf returns how the country with the ISO 3166 code writes addresses; for one that is unknown
// a form that has room for every address.
func AddressFormOf(country string) AddressForm {
	if form, known := addressForms[country]; known {
		return form
	}
	return AddressForm{Fields: smallFirst, Needed: street, latin: european}
}

// Needs reports whether nothing is delivered without the field.
func (f AddressForm) Needs(field string) bool { return slices.Contains(f.Needed, field) }

// Doubts reports whether the postcode does not look like one of the country's. It may be right all the
// same: rules of postcodes change.
func (f AddressForm) Doubts(postcode string) bool {
	return postcode != "" && f.postcode != "" && !regexp.MustCompile("^("+f.postcode+")$").MatchString(strings.ToUpper(postcode))
}

// AddressLines writes the buyer's name and address as the country with the code does: what is in its own
// script with the largest first, anything else from the name to the country, which is written as given.
func (b Buyer) AddressLines(code, country string) []string {
	form := AddressFormOf(code)
	format, largestFirst := form.latin, form.local != "" && strings.ContainsFunc(b.Region+b.City+b.Address, isEastAsian)
	if largestFirst {
		format = form.local
	}
	region := b.Region
	if region == b.City { // such as of Shanghai
		region = ""
	}
	parts := map[rune]string{'N': b.Name, 'A': b.Address, 'C': b.City, 'S': region, 'Z': b.Postcode}
	var lines []string
	for line := range strings.SplitSeq(format, "\n") {
		var text strings.Builder
		for _, r := range line {
			if part, is := parts[r]; is {
				text.WriteString(part)
			} else {
				text.WriteRune(r)
			}
		}
		written := strings.Trim(strings.Join(strings.Fields(text.String()), " "), " ,")
		if written != "" && written != "〒" && !strings.EqualFold(written, country) {
			lines = append(lines, written)
		}
	}
	switch {
	case country == "":
		return lines
	case largestFirst:
		return slices.Insert(lines, 0, country)
	default:
		return append(lines, country)
	}
}

func isEastAsian(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

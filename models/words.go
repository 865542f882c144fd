package models

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Orders are found by words: what stands in them, written in one way. A word is in lower case,
// without accents and without the marks that people put into numbers and names or leave out.

const (
	maxWord      = 64 // bytes of a word that count; what is longer is found by its beginning
	localPhone   = 8  // the last digits by which a phone number is found without its country
	maxPhone     = 15 // the most digits of a phone number, by ITU-T E.164
	maxSuffixes  = 8  // the places inside of a word in Han characters from which it is found
	maxNameWords = 8
)

// words splits a text at its blanks and commas and writes each part in the one way.
func words(text string) []string {
	var all []string
	for part := range strings.FieldsFuncSeq(text, parts) {
		if w := word(part); w != "" {
			all = append(all, w)
		}
	}
	return all
}

func parts(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;/·、,。", r) }

// word writes a text in the one way, as far as it counts.
func word(text string) string { return truncate(fold(text), maxWord) }

// fold writes a text in the one way. An e-mail address keeps its marks.
func fold(text string) string {
	isEmail := strings.Contains(text, "@")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), isEmail && unicode.IsGraphic(r) && !unicode.Is(unicode.Mn, r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, norm.NFKD.String(text))
	return norm.NFC.String(text)
}

// nameWords are the words of a name. One in Han characters, which nothing divides, is also found
// from each character on.
func nameWords(name string) []string {
	var all []string
	for _, w := range words(name) {
		all = append(all, w)
		if first, size := utf8.DecodeRuneInString(w); unicode.Is(unicode.Han, first) {
			for i, n := size, 1; i < len(w) && n < maxSuffixes; n++ {
				all = append(all, w[i:])
				_, size = utf8.DecodeRuneInString(w[i:])
				i += size
			}
		}
	}
	return all[:min(len(all), maxNameWords)]
}

// nameLike reports whether a word of the name begins with the one that is looked for. In Chinese and
// Japanese, where nothing divides words, it may stand anywhere.
func nameLike(name, w string) bool {
	for part := range strings.FieldsFuncSeq(name, parts) {
		text := fold(part)
		if strings.HasPrefix(text, w) || strings.ContainsFunc(text, undivided) && strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func undivided(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }

// phoneWords are the whole number, and its end, which people give without the country.
func phoneWords(phone string) []string {
	digits := word(phone)
	if len(digits) <= localPhone {
		return []string{digits}
	}
	return []string{digits, digits[len(digits)-localPhone:]}
}

// phoneEnd is the end of a phone number that somebody looks for, perhaps with a country that the buyer did
// not give or without one that the buyer gave; empty for what is no such number.
func phoneEnd(w string) string {
	if len(w) <= localPhone || len(w) > maxPhone || strings.Trim(w, "0123456789") != "" {
		return ""
	}
	return w[len(w)-localPhone:]
}

// emailWords are an e-mail address, and what stands before its @ as somebody looks for it who does not
// know how it goes on.
func emailWords(email string) []string {
	all := []string{word(email)}
	local, _, _ := strings.Cut(email, "@")
	if w := word(local); !strings.HasPrefix(all[0], w) {
		all = append(all, w)
	}
	return all
}

// numberWords are an order's number, and its end, which people read to each other.
func numberWords(number string) []string {
	all := []string{word(number)}
	if _, end, ok := strings.Cut(number, "-"); ok {
		all = append(all, word(end))
	}
	return all
}

// askedWords are what somebody looks for. A phone number is one word, however it is written.
func askedWords(text string) []string {
	if isPhone(text) {
		return []string{word(text)}
	}
	all := words(text)
	return all[:min(len(all), maxAsked)]
}

func isPhone(text string) bool {
	return strings.Trim(text, "0123456789 +-().") == "" && len(word(text)) > 4
}

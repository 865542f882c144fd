package models

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// OneLine is what somebody wrote into a field of one line: without the space around it, with a blank for
// line breaks and tabs, and without other control characters.
func OneLine(text string) string {
	return Lines(strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return r == '\t' || '\n' <= r && r <= '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029'
	}), " "))
}

// Lines is what somebody wrote into a field of several lines: as OneLine, but with the ends of its lines.
func Lines(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", " ").Replace(text)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, text))
}

// Texts are a product's texts in other languages than the shop's own, by the language's code, such
// as "zh-Hant".
type Texts map[string]ProductText

// ProductText is what a product is called in one language. What is empty is not translated.
type ProductText struct {
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
}

// With returns the texts with others put over them: what is said of a language counts, what is empty
// is taken away, and a language that nothing is said of stays as it is.
func (t Texts) With(others Texts) Texts { return mergeTexts(t, others) }

// Translations are one text in other languages than the shop's own, by the language's code.
type Translations map[string]string

// With is as that of Texts.
func (t Translations) With(others Translations) Translations { return mergeTexts(t, others) }

func mergeTexts[M ~map[string]T, T comparable](texts, others M) M {
	all := maps.Clone(texts)
	if all == nil {
		all = M{}
	}
	maps.Copy(all, others)
	var empty T
	maps.DeleteFunc(all, func(_ string, text T) bool { return text == empty })
	if len(all) == 0 {
		return nil
	}
	return all
}

// Text is a text of the merchant's. An empty Language is the shop's own: the first that it speaks.
type Text struct {
	Text     string
	Language string
}

// names are what the product is called in any language.
func (p Product) names() []string {
	all := []string{p.Name}
	for _, language := range slices.Sorted(maps.Keys(p.Texts)) {
		if name := p.Texts[language].Name; name != "" {
			all = append(all, name)
		}
	}
	return all
}

// NameIn returns the product's name in the language, and its own name where it has none there.
func (p Product) NameIn(language string) Text {
	return textIn(language, p.Texts[language].Name, p.Name)
}

// DescriptionIn returns the product's description in the language, and its own where it has none
// there.
func (p Product) DescriptionIn(language string) Text {
	return textIn(language, p.Texts[language].Description, p.Description)
}

// OptionsIn returns what tells the variant from its siblings in the language, and what does in the shop's own
// where nothing is said there.
func (v Variant) OptionsIn(language string) Text {
	return textIn(language, v.OptionTexts[language], v.Options)
}

func textIn(language, translated, own string) Text {
	if translated == "" {
		return Text{Text: own}
	}
	return Text{Text: translated, Language: language}
}

// Seen returns the name as the buyer saw it when the order was placed.
func (i OrderItem) Seen() Text { return textIn(i.SeenLanguage, i.SeenName, i.Name) }

// OptionsSeen returns the options as the buyer saw them when the order was placed.
func (i OrderItem) OptionsSeen() Text { return textIn(i.SeenLanguage, i.SeenOptions, i.Options) }

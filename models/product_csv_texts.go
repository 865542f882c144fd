package models

import (
	"maps"
	"slices"

	"golang.org/x/text/language"
)

// The columns of a product's and a variant's texts in another language, before its code.
const (
	nameColumn        = "name_"
	descriptionColumn = "description_"
	optionsColumn     = "options_"
	maxLanguage       = 16 // bytes of a code, as orders keep it
)

// isLanguage reports whether the text is the code of a language, written as it should be.
func isLanguage(code string) bool {
	tag, err := language.Parse(code)
	return err == nil && tag.String() == code && len(code) <= maxLanguage
}

// languagesOf returns the languages that any of the products or of their variants has texts in.
func languagesOf(products []Product) []string {
	all := map[string]bool{}
	for _, p := range products {
		for code := range p.Texts {
			all[code] = true
		}
		for _, v := range p.Variants {
			for code := range v.OptionTexts {
				all[code] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// textColumns are the columns of a product's texts in the languages, in their order.
func textColumns(languages []string) []string {
	var columns []string
	for _, code := range languages {
		columns = append(columns, nameColumn+code, descriptionColumn+code)
	}
	return columns
}

// textRow is what stands in them.
func textRow(texts Texts, languages []string) []string {
	var row []string
	for _, code := range languages {
		row = append(row, texts[code].Name, texts[code].Description)
	}
	return row
}

// optionColumns are the columns of a variant's options in the languages, in their order.
func optionColumns(languages []string) []string {
	columns := make([]string, len(languages))
	for i, code := range languages {
		columns[i] = optionsColumn + code
	}
	return columns
}

// optionRow is what stands in them.
func optionRow(texts Translations, languages []string) []string {
	row := make([]string, len(languages))
	for i, code := range languages {
		row[i] = texts[code]
	}
	return row
}

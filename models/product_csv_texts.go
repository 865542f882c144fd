package models

import (
	"maps"
	"slices"

	"golang.org/x/text/language"
)

// The columns of a product's texts in another language, before its code.
const (
	nameColumn        = "name_"
	descriptionColumn = "description_"
	maxLanguage       = 16 // bytes of a code, as orders keep it
)

// isLanguage reports whether the text is the code of a language, written as it should be.
func isLanguage(code string) bool {
	tag, err := language.Parse(code)
	return err == nil && tag.String() == code && len(code) <= maxLanguage
}

// languagesOf returns the languages that any of the products has texts in.
func languagesOf(products []Product) []string {
	all := Texts{}
	for _, p := range products {
		maps.Copy(all, p.Texts)
	}
	return slices.Sorted(maps.Keys(all))
}

// textColumns are the columns of texts in the languages, in their order.
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

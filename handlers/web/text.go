package web

import "saoma/models"

// Link is an address with its name.
type Link struct{ Address, Name string }

// ShopText returns one of models.ShopPages as the merchant wrote it, in the reader's language where
// there is such a text and else in the first of the shop's languages that has one, and that language.
// Empty: it was not written.
func (b *Base) ShopText(reader *Language, page string) (text, language string) {
	codes := []string{reader.Code}
	for _, l := range b.languages.all {
		codes = append(codes, l.Code)
	}
	return b.Store.Settings().Text(page, codes...)
}

// shopTexts returns links to the pages that the merchant has written.
func (b *Base) shopTexts(reader *Language) []Link {
	var links []Link
	for _, page := range models.ShopPages {
		if text, _ := b.ShopText(reader, page); text != "" {
			links = append(links, Link{"/pages/" + page, reader.Text("pages." + page)})
		}
	}
	return links
}

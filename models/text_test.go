package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestOneLineAndLines(t *testing.T) {
	for _, tt := range []struct{ text, one, several string }{
		{"", "", ""},
		{"  Ada Wong ", "Ada Wong", "Ada Wong"},
		{"a\r\nb", "a b", "a\nb"},
		{"a\rb\n\nc", "a b c", "a\nb\n\nc"},
		{"\r\na\t\tb\n", "a b", "a  b"},
		{"a\x00b\x07\x1b[31m\x7f\u009f", "ab[31m", "ab[31m"},
		{"a\vb\fc\u0085d\u2028e", "a b c d e", "abcd\u2028e"},
		{"\x00 \x00", "", ""},
		{"茶\u3000具 🍵", "茶\u3000具 🍵", "茶\u3000具 🍵"},
	} {
		if got := models.OneLine(tt.text); got != tt.one {
			t.Errorf("OneLine(%q): got %q, want %q", tt.text, got, tt.one)
		}
		if got := models.Lines(tt.text); got != tt.several {
			t.Errorf("Lines(%q): got %q, want %q", tt.text, got, tt.several)
		}
	}
}

func TestTextsIn(t *testing.T) {
	p := models.Product{Name: "Tea set", Description: "A pot and four cups.", Texts: models.Texts{
		"ja":      {Name: "茶器セット", Description: "急須と湯呑み4客。"},
		"zh-Hant": {Name: "茶具套裝"},
	}}
	for _, tt := range []struct {
		language          string
		name, description models.Text
	}{
		{"ja", models.Text{Text: "茶器セット", Language: "ja"}, models.Text{Text: "急須と湯呑み4客。", Language: "ja"}},
		{"zh-Hant", models.Text{Text: "茶具套裝", Language: "zh-Hant"}, models.Text{Text: "A pot and four cups."}},
		{"zh-Hans", models.Text{Text: "Tea set"}, models.Text{Text: "A pot and four cups."}},
		{"", models.Text{Text: "Tea set"}, models.Text{Text: "A pot and four cups."}},
	} {
		if got := p.NameIn(tt.language); got != tt.name {
			t.Errorf("NameIn(%q): got %v, want %v", tt.language, got, tt.name)
		}
		if got := p.DescriptionIn(tt.language); got != tt.description {
			t.Errorf("DescriptionIn(%q): got %v, want %v", tt.language, got, tt.description)
		}
	}
}

func TestTextsWith(t *testing.T) {
	known := models.Texts{"ja": {Name: "茶器"}, "zh-Hans": {Name: "茶具"}, "zh-Hant": {Name: "茶具"}}
	got := known.With(models.Texts{"ja": {Name: "茶器セット", Description: "急須"}, "zh-Hans": {}, "en": {}})
	want := models.Texts{"ja": {Name: "茶器セット", Description: "急須"}, "zh-Hant": {Name: "茶具"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("With (-want +got):\n%s", diff)
	}
	if known["ja"].Name != "茶器" {
		t.Errorf("the texts themselves: got %v, want them unchanged", known)
	}
}

// An order keeps the words that its buyer saw, beside the shop's own, whatever becomes of both.
func TestOrderKeepsTheWordsThatWereSeen(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		put := func(name string, texts models.Texts, options string, others models.Translations) {
			t.Helper()
			err := s.PutProducts(t.Context(), []models.Product{{
				Slug: "cup", Name: name, Active: true, Texts: texts,
				Variants: []models.Variant{{SKU: "cup", Options: options, OptionTexts: others, Price: 2500, Counted: true, OnHand: 5, Active: true}},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		place := func(language string) *models.Order {
			t.Helper()
			draft := modelstest.Draft("cup", 1)
			draft.Language = language
			order, err := s.PlaceOrder(t.Context(), draft)
			if err != nil {
				t.Fatal(err)
			}
			return order
		}
		put("Cup", models.Texts{"ja": {Name: "湯呑み"}, "zh-Hant": {Description: "青瓷。"}}, "Large", models.Translations{"zh-Hans": "大", "ja": "大きい"})
		orders := map[string]*models.Order{"ja": place("ja"), "zh-Hant": place("zh-Hant"), "zh-Hans": place("zh-Hans"), "en": place("en")}
		put("Mug", models.Texts{"ja": {}}, "Big", models.Translations{"ja": ""})
		orders["ja, later"] = place("ja")

		for name, want := range map[string]struct {
			own           string
			seen, options models.Text
		}{
			"ja":        {"Cup", models.Text{Text: "湯呑み", Language: "ja"}, models.Text{Text: "大きい", Language: "ja"}},
			"zh-Hant":   {"Cup", models.Text{Text: "Cup"}, models.Text{Text: "Large"}},
			"zh-Hans":   {"Cup", models.Text{Text: "Cup"}, models.Text{Text: "大", Language: "zh-Hans"}},
			"en":        {"Cup", models.Text{Text: "Cup"}, models.Text{Text: "Large"}},
			"ja, later": {"Mug", models.Text{Text: "Mug"}, models.Text{Text: "Big"}},
		} {
			got, err := s.OrderByID(t.Context(), orders[name].ID)
			if err != nil {
				t.Fatal(err)
			}
			item := got.Items[0]
			if item.Name != want.own || item.Seen() != want.seen {
				t.Errorf("order in %s: got the name %q, seen as %v, want %q and %v", name, item.Name, item.Seen(), want.own, want.seen)
			}
			if item.OptionsSeen() != want.options {
				t.Errorf("order in %s: got the options seen as %v, want %v", name, item.OptionsSeen(), want.options)
			}
		}
		product, err := s.ProductBySlug(t.Context(), "cup")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(models.Texts{"zh-Hant": {Description: "青瓷。"}}, product.Texts); diff != "" {
			t.Errorf("texts (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(models.Translations{"zh-Hans": "大"}, product.Variants[0].OptionTexts); diff != "" {
			t.Errorf("options (-want +got):\n%s", diff)
		}
	})
}

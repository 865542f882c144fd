package models

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
)

// Import is what a catalogue file changes: its products in its order.
type Import struct {
	Products  []ImportedProduct
	WithStock bool // the stock of variants that are there is set as well
}

// ImportedProduct is a product of the file, and what of it is other than in the shop.
type ImportedProduct struct {
	Product  // as the file has it, its id as the shop has it
	New      bool
	Changes  []Change
	Variants []ImportedVariant
}

// ImportedVariant is a variant of the file, and what of it is other than in the shop.
type ImportedVariant struct {
	Variant
	New     bool
	Changes []Change
	known   *Variant
}

// ImportSeen is what a person saw of an import before it is done.
type ImportSeen struct {
	ID     string           // of this look: what is done by it is done once
	Print  string           // of everything that changes but stock, which sales change as well
	OnHand map[string]int64 // by SKU, where the file says another number
}

// Seen is what a person who looks at the import sees.
func (i *Import) Seen() ImportSeen {
	seen := ImportSeen{ID: NewID(), OnHand: map[string]int64{}}
	h := sha256.New()
	tell := func(texts ...string) {
		for _, text := range texts {
			writeField(h, []byte(text))
		}
	}
	for _, p := range i.Products {
		tell("product", p.Slug, p.ID)
		for _, c := range p.Changes {
			tell(c.Column, c.From, c.To)
		}
		for _, v := range p.Variants {
			tell("variant", v.SKU, v.ID)
			for _, c := range v.Changes {
				if c.Column != "stock" {
					tell(c.Column, c.From, c.To)
				} else {
					seen.OnHand[v.SKU] = v.known.OnHand
				}
			}
		}
	}
	seen.Print = hex.EncodeToString(h.Sum(nil))
	return seen
}

// moveID is the id of the move of a variant's stock by what was seen.
func (s ImportSeen) moveID(variantID string) string {
	h := sha256.New()
	writeField(h, []byte(s.ID))
	writeField(h, []byte(variantID))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Count returns how many products and variants are new, how many are changed, and how many stay as
// they are.
func (i *Import) Count() (added, changed, same int) {
	count := func(isNew bool, changes []Change) {
		switch {
		case isNew:
			added++
		case len(changes) > 0:
			changed++
		default:
			same++
		}
	}
	for _, p := range i.Products {
		count(p.New, p.Changes)
		for _, v := range p.Variants {
			count(v.New, v.Changes)
		}
	}
	return added, changed, same
}

// Changing are the products that the import changes, and of them the variants that it changes.
func (i *Import) Changing() []ImportedProduct {
	var all []ImportedProduct
	for _, p := range i.Products {
		whole := p.Variants
		p.Variants = nil
		for _, v := range whole {
			if v.New || len(v.Changes) > 0 {
				p.Variants = append(p.Variants, v)
			}
		}
		if p.New || len(p.Changes)+len(p.Variants) > 0 {
			all = append(all, p)
		}
	}
	return all
}

// compare says what of the file's products is other than what is known of them by slug and by SKU.
func (i *Import) compare(products []Product, known []Product, bySKU map[string]Variant, currency string) {
	bySlug := map[string]Product{}
	for _, p := range known {
		bySlug[p.Slug] = p
	}
	for _, p := range products {
		was, there := bySlug[p.Slug]
		imported := ImportedProduct{Product: p, New: !there}
		imported.ID = was.ID
		imported.Texts = was.Texts.With(p.Texts) // in a language that the file says nothing of they stay
		if there {
			imported.Changes = differences(productColumns, productRow(was), productRow(p))
			languages := slices.Sorted(maps.Keys(p.Texts))
			texts := differences(textColumns(languages), textRow(was.Texts, languages), textRow(p.Texts, languages))
			imported.Changes = append(imported.Changes, texts...)
		}
		for _, v := range p.Variants {
			was, there := bySKU[v.SKU]
			if !there {
				v.OptionTexts = Translations{}.With(v.OptionTexts)
				imported.Variants = append(imported.Variants, ImportedVariant{Variant: v, New: true})
				continue
			}
			imported.Variants = append(imported.Variants, i.compareVariant(p, v, &was, currency))
		}
		i.Products = append(i.Products, imported)
	}
}

func (i *Import) compareVariant(p Product, v Variant, known *Variant, currency string) ImportedVariant {
	if v.ID, v.SKU = known.ID, known.SKU; !i.WithStock {
		v.Counted, v.OnHand = known.Counted, known.OnHand
	}
	changes := differences(variantColumns, variantRow(*known, currency), variantRow(v, currency))
	languages := slices.Sorted(maps.Keys(v.OptionTexts))
	changes = append(changes, differences(optionColumns(languages), optionRow(known.OptionTexts, languages), optionRow(v.OptionTexts, languages))...)
	v.OptionTexts = known.OptionTexts.With(v.OptionTexts)
	if known.Product.Slug != p.Slug {
		changes = append(changes, Change{"slug", known.Product.Slug, p.Slug})
	}
	return ImportedVariant{Variant: v, Changes: changes, known: known}
}

// differences compares two rows, column by column.
func differences(columns, was, now []string) []Change {
	var found []Change
	for i, column := range columns {
		if Lines(was[i]) != Lines(now[i]) {
			found = append(found, Change{column, was[i], now[i]})
		}
	}
	return found
}

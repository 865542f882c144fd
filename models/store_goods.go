package models

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Acts on goods stand in line, so what one reads of a product no other is changing. Sales, which do
// not, change nothing but stock.

// GoodsPage is a part of all products in order of display, hidden ones included, each with all of its
// variants.
type GoodsPage struct {
	Products []Product
	Before   int   // how many stand before the first
	Total    int64 // how many there are in all
}

// Goods returns the products in whose name, in any language, or in one of whose SKUs, former ones too, the
// text occurs, all of them for none; at most limit, behind the first ones to be skipped. It asks the
// database the same few questions however many there are.
func (s *Store) Goods(ctx context.Context, text string, skip, limit int) (GoodsPage, error) {
	page := GoodsPage{Before: skip}
	err := s.query(ctx, func(db *gorm.DB) error {
		matching := func() *gorm.DB { return db.Model(&Product{}) }
		if text != "" {
			like := "%" + likeText(text) + "%"
			named, err := namedLike(db, text)
			if err != nil {
				return err
			}
			matching = func() *gorm.DB {
				return db.Model(&Product{}).Where(`id IN ? OR id IN
					(SELECT product_id FROM variants WHERE LOWER(sku) LIKE ? ESCAPE '!') OR id IN
					(SELECT v.product_id FROM variants v JOIN former_skus f ON f.variant_id = v.id WHERE LOWER(f.sku) LIKE ? ESCAPE '!')`,
					named, like, like)
			}
		}
		if err := matching().Count(&page.Total).Error; err != nil {
			return err
		}
		return withVariants(matching()).Order("position, id").Offset(skip).Limit(limit).Find(&page.Products).Error
	})
	return page, err
}

// maxNamed is how many ids one statement takes, with room for others.
const maxNamed = 10_000

// namedLike returns the ids of the products in one of whose names, in any language, the text occurs, at most
// maxNamed of them.
func namedLike(db *gorm.DB, text string) ([]string, error) {
	var products []Product
	if err := db.Select("id", "name", "texts").Find(&products).Error; err != nil {
		return nil, err
	}
	text = strings.ToLower(text)
	var ids []string
	for _, p := range products {
		if slices.ContainsFunc(p.names(), func(name string) bool { return strings.Contains(strings.ToLower(name), text) }) {
			ids = append(ids, p.ID)
		}
	}
	return ids[:min(len(ids), maxNamed)], nil
}

// likeText is what LIKE takes to mean the text itself, in small letters.
func likeText(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(text))
}

// ProductByID returns a product with all its variants, hidden or not, or ErrProductNotFound.
func (s *Store) ProductByID(ctx context.Context, id string) (*Product, error) {
	var p *Product
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		p, err = productByID(withVariants(db), id)
		return err
	})
	return p, err
}

func productByID(db *gorm.DB, id string) (*Product, error) {
	var p Product
	err := db.Where("id = ?", id).Take(&p).Error
	return &p, notFound(err, ErrProductNotFound)
}

// PlaceOf returns the product's place in order of display, from 1, and how many there are.
func (s *Store) PlaceOf(ctx context.Context, p *Product) (place, of int64, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		if err := db.Model(&Product{}).Count(&of).Error; err != nil {
			return err
		}
		return db.Model(&Product{}).Where("position < ? OR position = ? AND id < ?", p.Position, p.Position, p.ID).Count(&place).Error
	})
	return place + 1, of, err
}

// AddProduct adds a product without variants as the last in order of display. Refused with
// ErrSlugInvalid and ErrSlugTaken.
func (s *Store) AddProduct(ctx context.Context, by Actor, d ProductDetails) (*Product, error) {
	if !validSlug(d.Slug) {
		return nil, ErrSlugInvalid
	}
	p := &Product{ID: NewID(), Slug: d.Slug, Name: d.Name, Description: d.Description, Active: d.Active, Texts: Texts{}.With(d.Texts)}
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		if err := tx.createProduct(p); err != nil {
			return err
		}
		return tx.AddAudit(by, ActAddProduct, d.Slug, d.Name)
	})
	return p, taken(err, ErrSlugTaken)
}

// createProduct adds a product as the last in order of display.
func (tx *Tx) createProduct(p *Product) error {
	if err := tx.db.Model(&Product{}).Select("COALESCE(MAX(position), 0) + 1").Scan(&p.Position).Error; err != nil {
		return err
	}
	return tx.db.Omit("Variants").Create(p).Error
}

// createVariant adds a variant as the last of its product; its stock on hand is its first move.
func (tx *Tx) createVariant(by Actor, v *Variant) error {
	err := tx.db.Model(&Variant{}).Where("product_id = ?", v.ProductID).Select("COALESCE(MAX(position), 0) + 1").Scan(&v.Position).Error
	if err != nil {
		return err
	}
	if err := tx.db.Omit("Product").Create(v).Error; err != nil || v.OnHand == 0 {
		return err
	}
	return tx.addStockMove(by, StockMove{ID: NewID(), VariantID: v.ID, Kind: StockImported, Delta: v.OnHand}, v.OnHand)
}

// taken replaces "there is such a row already" by an error for people.
func taken(err error, replacement *Error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return replacement
	}
	return err
}

// ChangeProduct changes a product from what the person saw. ErrGoodsMoved: it is not so any more.
// ErrSlugInvalid, ErrSlugTaken: its address cannot be that.
func (s *Store) ChangeProduct(ctx context.Context, by Actor, id string, seen, now ProductDetails) error {
	if !validSlug(now.Slug) {
		return ErrSlugInvalid
	}
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		p, err := productByID(tx.db, id)
		switch {
		case err != nil:
			return err
		case now.since(p.Details()) == "":
			return nil
		case seen.since(p.Details()) != "":
			return ErrGoodsMoved
		}
		changed := Product{
			Slug: now.Slug, Name: now.Name, Description: now.Description, Active: now.Active, Texts: p.Texts.With(now.Texts),
		}
		if !slices.Equal(changed.names(), p.names()) {
			if err := tx.keepNames([]string{id}, nil); err != nil {
				return err
			}
		}
		err = tx.db.Model(&Product{}).Where("id = ?", id).Select("slug", "name", "description", "active", "texts").Updates(changed).Error
		if err != nil {
			return err
		}
		return tx.AddAudit(by, ActChangeProduct, now.Slug, now.since(seen))
	})
	return taken(err, ErrSlugTaken)
}

// since says in a few words what is other than it was, and nothing where all is as it was. A language that
// d says nothing of does not count.
func (d ProductDetails) since(was ProductDetails) string {
	all := []Change{
		{"slug", was.Slug, d.Slug}, {"name", was.Name, d.Name}, {"description", was.Description, d.Description},
		{"active", fmt.Sprint(was.Active), fmt.Sprint(d.Active)},
	}
	for _, language := range slices.Sorted(maps.Keys(d.Texts)) {
		before, now := was.Texts[language], d.Texts[language]
		all = append(all, Change{"name " + language, before.Name, now.Name}, Change{"description " + language, before.Description, now.Description})
	}
	return changes(all...)
}

// since is as that of ProductDetails.
func (d VariantDetails) since(was VariantDetails, currency string) string {
	all := []Change{
		{"sku", was.SKU, d.SKU}, {"options", was.Options, d.Options},
		{"price", Money{was.Price, currency}.Decimal(), Money{d.Price, currency}.Decimal()},
		{"counted", fmt.Sprint(was.Counted), fmt.Sprint(d.Counted)},
		{"digital", fmt.Sprint(was.Digital), fmt.Sprint(d.Digital)},
		{"delivery", was.Delivery, d.Delivery}, {"active", fmt.Sprint(was.Active), fmt.Sprint(d.Active)},
	}
	for _, language := range slices.Sorted(maps.Keys(d.OptionTexts)) {
		all = append(all, Change{"options " + language, was.OptionTexts[language], d.OptionTexts[language]})
	}
	return changes(all...)
}

// Change is a column that is other than it was.
type Change struct{ Column, From, To string }

// changes puts those that are changes into words. Of long texts it says only that they are others.
func changes(all ...Change) string {
	const short = 100
	var said []string
	for _, c := range all {
		switch {
		case c.From == c.To:
		case len(c.From) > short || len(c.To) > short:
			said = append(said, c.Column)
		default:
			said = append(said, fmt.Sprintf("%s: %s → %s", c.Column, c.From, c.To))
		}
	}
	return strings.Join(said, "; ")
}

// MoveProduct puts a product at a place in order of display, from 1, or the nearest there is, and
// returns its place.
func (s *Store) MoveProduct(ctx context.Context, by Actor, id string, place int) (now int, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		p, err := productByID(tx.db, id)
		if err != nil {
			return err
		}
		if now, err = putAt(func() *gorm.DB { return tx.db.Model(&Product{}) }, id, place); err != nil {
			return err
		}
		return tx.AddAudit(by, ActMoveProduct, p.Slug, fmt.Sprintf("→ %d", now))
	})
	return now, err
}

// MoveVariant puts a variant at a place among those of its product, as MoveProduct does.
func (s *Store) MoveVariant(ctx context.Context, by Actor, sku string, place int) (now int, err error) {
	err = s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		v, err := variantBySKU(tx.db, sku)
		if err != nil {
			return err
		}
		siblings := func() *gorm.DB { return tx.db.Model(&Variant{}).Where("product_id = ?", v.ProductID) }
		if now, err = putAt(siblings, v.ID, place); err != nil {
			return err
		}
		return tx.AddAudit(by, ActMoveVariant, v.SKU, fmt.Sprintf("→ %d", now))
	})
	return now, err
}

// putAt puts the row with the id at a place among its siblings, or the nearest there is, and numbers
// them all from 1. It returns the place that the row has now.
func putAt(siblings func() *gorm.DB, id string, place int) (now int, err error) {
	var all []struct {
		ID       string
		Position int
	}
	if err := siblings().Order("position, id").Find(&all).Error; err != nil {
		return 0, err
	}
	now = min(max(place, 1), len(all))
	for from, row := range all {
		if row.ID == id {
			all = slices.Insert(slices.Delete(all, from, from+1), now-1, row)
			break
		}
	}
	for i, row := range all {
		if row.Position == i+1 {
			continue
		}
		if err := siblings().Where("id = ?", row.ID).Updates(map[string]any{"position": i + 1}).Error; err != nil {
			return 0, err
		}
	}
	return now, nil
}

// AddVariant adds a variant as the last of its product, with so many pieces on hand where stock is
// counted. Refused with ErrSKUInvalid, and with ErrSKUTaken where another variant has the SKU or had
// it before.
func (s *Store) AddVariant(ctx context.Context, by Actor, productID string, d VariantDetails, pieces int64) error {
	if !validSKU(d.SKU) {
		return ErrSKUInvalid
	}
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		switch _, err := variantBySKU(tx.db, d.SKU); {
		case err == nil:
			return ErrSKUTaken
		case !errors.Is(err, ErrProductNotFound):
			return err
		}
		if _, err := productByID(tx.db, productID); err != nil {
			return err
		}
		v := &Variant{
			ID: NewID(), ProductID: productID, SKU: d.SKU, Options: d.Options, OptionTexts: Translations{}.With(d.OptionTexts), Price: d.Price,
			Counted: d.Counted, Digital: d.Digital, Delivery: d.Delivery, Active: d.Active,
		}
		if d.Counted {
			v.OnHand = pieces
		}
		if err := tx.createVariant(by, v); err != nil {
			return err
		}
		return tx.AddAudit(by, ActAddVariant, d.SKU, d.since(VariantDetails{SKU: d.SKU}, tx.store.Shop.Currency))
	})
	return taken(err, ErrSKUTaken)
}

// ChangeVariant changes the variant that has or had the SKU from what the person saw. ErrGoodsMoved: it
// is not so any more. ErrSKUInvalid, ErrSKUTaken: its SKU cannot be that. What it was called before goes
// on standing for it, in carts, orders, addresses and files.
func (s *Store) ChangeVariant(ctx context.Context, by Actor, sku string, seen, now VariantDetails) error {
	if !validSKU(now.SKU) {
		return ErrSKUInvalid
	}
	currency := s.Shop.Currency
	err := s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		v, err := variantBySKU(tx.db, sku)
		switch {
		case err != nil:
			return err
		case now.since(v.Details(), currency) == "":
			return nil
		case seen.since(v.Details(), currency) != "":
			return ErrGoodsMoved
		}
		if now.SKU != v.SKU {
			if err := tx.giveUpSKU(v, now.SKU); err != nil {
				return err
			}
		}
		changed := Variant{
			SKU: now.SKU, Options: now.Options, OptionTexts: v.OptionTexts.With(now.OptionTexts), Price: now.Price,
			Counted: now.Counted, Digital: now.Digital, Delivery: now.Delivery, Active: now.Active,
		}
		err = tx.db.Model(&Variant{}).Where("id = ?", v.ID).
			Select("sku", "options", "option_texts", "price", "counted", "digital", "delivery", "active").Updates(changed).Error
		if err != nil {
			return err
		}
		return tx.AddAudit(by, ActChangeVariant, now.SKU, now.since(seen, currency))
	})
	return taken(err, ErrSKUTaken) // by an older binary, which does not know former ones
}

// giveUpSKU makes the variant's SKU a former one, for one that is free or that it had before.
func (tx *Tx) giveUpSKU(v *Variant, sku string) error {
	switch other, err := variantBySKU(tx.db, sku); {
	case errors.Is(err, ErrProductNotFound): // free
	case err != nil:
		return err
	case other.ID != v.ID:
		return ErrSKUTaken
	default:
		if err := tx.db.Where("sku = ?", sku).Delete(&formerSKU{}).Error; err != nil {
			return err
		}
	}
	return tx.db.Create(&formerSKU{SKU: v.SKU, VariantID: v.ID}).Error
}

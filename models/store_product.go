package models

import (
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"
)

// CataloguePage is a part of the products that are for sale, in order of display, each with its
// variants that are for sale.
type CataloguePage struct {
	Products     []Product
	Before, Next bool // whether there are others on either side
}

// Catalogue returns a part of the catalogue, however long that is: from its beginning, or behind the
// product with the slug paging.After, or before the one with paging.Before. A product that is not there
// is no place.
func (s *Store) Catalogue(ctx context.Context, paging Paging) (CataloguePage, error) {
	var page CataloguePage
	err := s.query(ctx, func(db *gorm.DB) error {
		var from Product
		if slug := paging.After + paging.Before; slug != "" {
			if err := db.Select("id", "position").Where("slug = ?", slug).Limit(1).Find(&from).Error; err != nil {
				return err
			}
		}
		backwards := from.ID != "" && paging.Before != ""
		q, order := onShelf(forSale(db)), "position, id"
		switch {
		case backwards:
			q, order = q.Where("(position, id) < (?, ?)", from.Position, from.ID), "position DESC, id DESC"
		case from.ID != "":
			q = q.Where("(position, id) > (?, ?)", from.Position, from.ID)
		}
		if err := q.Order(order).Limit(paging.Limit + 1).Find(&page.Products).Error; err != nil {
			return err
		}
		more := len(page.Products) > paging.Limit
		page.Products = page.Products[:min(len(page.Products), paging.Limit)]
		page.Before, page.Next = from.ID != "", more
		if backwards {
			slices.Reverse(page.Products)
			page.Before, page.Next = more, true
		}
		return nil
	})
	return page, err
}

// Shelf returns the first products that are for sale, without what else is known of them but when they
// were changed.
func (s *Store) Shelf(ctx context.Context, limit int) ([]Product, error) {
	var products []Product
	err := s.query(ctx, func(db *gorm.DB) error {
		return onShelf(db).Select("slug", "updated_at").Order("position, id").Limit(limit).Find(&products).Error
	})
	return products, err
}

// onShelf are products that are for sale in at least one variant.
func onShelf(db *gorm.DB) *gorm.DB {
	return db.Where("active = ? AND EXISTS (SELECT 1 FROM variants WHERE variants.product_id = products.id AND variants.active = ?)", true, true)
}

// ProductBySlug returns a product that is for sale with its variants that are for sale, or
// ErrProductNotFound.
func (s *Store) ProductBySlug(ctx context.Context, slug string) (*Product, error) {
	var product Product
	err := s.query(ctx, func(db *gorm.DB) error {
		return forSale(db).Where("slug = ? AND active = ?", slug, true).Take(&product).Error
	})
	if err != nil {
		return nil, notFound(err, ErrProductNotFound)
	}
	return &product, nil
}

// VariantsBySKU returns the variants with their products, each under the SKU that was asked for: its
// present one or a former one. One that is unknown is absent; a variant that is not for sale, or whose
// product is not, is returned with Active false.
func (s *Store) VariantsBySKU(ctx context.Context, skus []string) (map[string]Variant, error) {
	var variants map[string]Variant
	if len(skus) == 0 {
		return nil, nil
	}
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		variants, err = variantsForSale(db, skus)
		return err
	})
	return variants, err
}

// variantsForSale are variantsBySKU, not Active where their products are not.
func variantsForSale(db *gorm.DB, skus []string) (map[string]Variant, error) {
	variants, err := variantsBySKU(db, skus)
	for sku, v := range variants {
		v.Active = v.Active && v.Product.Active
		variants[sku] = v
	}
	return variants, err
}

// variantsBySKU looks among former SKUs only for what nothing is called by now, which is hardly ever.
func variantsBySKU(db *gorm.DB, skus []string) (map[string]Variant, error) {
	var variants []Variant
	if err := db.Preload("Product").Where("sku IN ?", skus).Find(&variants).Error; err != nil {
		return nil, err // some variants may have come without their product
	}
	found := make(map[string]Variant, len(variants))
	for _, v := range variants {
		found[v.SKU] = v // MySQL finds "cup" for "cup " too
	}
	others := slices.DeleteFunc(slices.Clone(skus), func(sku string) bool { return found[sku].ID != "" })
	if len(others) == 0 {
		return found, nil
	}
	var former []formerSKU
	if err := db.Where("sku IN ?", others).Find(&former).Error; err != nil || len(former) == 0 {
		return found, err
	}
	was := map[string][]string{} // by id
	for _, f := range former {
		was[f.VariantID] = append(was[f.VariantID], f.SKU)
	}
	var renamed []Variant
	if err := db.Preload("Product").Where("id IN ?", slices.Collect(maps.Keys(was))).Find(&renamed).Error; err != nil {
		return nil, err
	}
	for _, v := range renamed {
		for _, sku := range was[v.ID] {
			found[sku] = v
		}
	}
	return found, nil
}

// VariantBySKU returns a variant with its product, hidden or not, by its present SKU or a former one,
// or ErrProductNotFound.
func (s *Store) VariantBySKU(ctx context.Context, sku string) (*Variant, error) {
	var v *Variant
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		v, err = variantBySKU(db, sku)
		return err
	})
	return v, err
}

func variantBySKU(db *gorm.DB, sku string) (*Variant, error) {
	found, err := variantsBySKU(db, []string{sku})
	v, known := found[sku]
	if err == nil && !known {
		return nil, ErrProductNotFound
	}
	return &v, err
}

func forSale(db *gorm.DB) *gorm.DB {
	return db.Preload("Variants", func(db *gorm.DB) *gorm.DB {
		return db.Where("active = ?", true).Order("position, id")
	})
}

func withVariants(db *gorm.DB) *gorm.DB {
	return db.Preload("Variants", func(db *gorm.DB) *gorm.DB { return db.Order("position, id") })
}

// Products returns every product with every variant, hidden ones included, in order of display.
func (s *Store) Products(ctx context.Context) ([]Product, error) {
	var products []Product
	err := s.query(ctx, func(db *gorm.DB) error {
		if err := db.Order("position, id").Find(&products).Error; err != nil {
			return err
		}
		var variants []Variant // all: a list of the products whose they are would be too long
		if err := db.Order("position, id").Find(&variants).Error; err != nil {
			return err
		}
		of := map[string][]Variant{}
		for _, v := range variants {
			of[v.ProductID] = append(of[v.ProductID], v)
		}
		for i, p := range products {
			products[i].Variants = of[p.ID]
		}
		return nil
	})
	return products, err
}

// The ways in which orders move stock. Each is one conditional UPDATE, so that neither number is ever
// negative whoever else moves it at the same time. Whether stock is counted was decided when the
// order was placed: what it reserved then is sold or given back though it be counted no more.

// reserve holds n pieces for a pending order; false when there are not so many.
func (tx *Tx) reserve(variantID string, n int64) (bool, error) {
	return tx.moveStock(variantID, "on_hand >= ?", n, map[string]any{
		"on_hand":  gorm.Expr("on_hand - ?", n),
		"reserved": gorm.Expr("reserved + ?", n),
	})
}

// sell takes n reserved pieces out of stock for good.
func (tx *Tx) sell(variantID string, n int64) (bool, error) {
	return tx.moveStock(variantID, "reserved >= ?", n, map[string]any{
		"reserved": gorm.Expr("reserved - ?", n),
	})
}

// release gives n reserved pieces back.
func (tx *Tx) release(variantID string, n int64) (bool, error) {
	return tx.moveStock(variantID, "reserved >= ?", n, map[string]any{
		"on_hand":  gorm.Expr("on_hand + ?", n),
		"reserved": gorm.Expr("reserved - ?", n),
	})
}

// take sells n free pieces that are not reserved; false when there are not so many.
func (tx *Tx) take(variantID string, n int64) (bool, error) {
	return tx.moveStock(variantID, "on_hand >= ?", n, map[string]any{
		"on_hand": gorm.Expr("on_hand - ?", n),
	})
}

func (tx *Tx) moveStock(variantID, condition string, n int64, changes map[string]any) (bool, error) {
	set := tx.db.Model(&Variant{}).Where("id = ?", variantID).Where(condition, n).Updates(changes)
	return set.RowsAffected == 1, set.Error
}

package models

import (
	"context"

	"gorm.io/gorm"
)

// Catalogue returns the products that are for sale, in order of display, each with its variants
// that are for sale.
func (s *Store) Catalogue(ctx context.Context) ([]Product, error) {
	var products []Product
	err := s.query(ctx, func(db *gorm.DB) error {
		return forSale(db).Where("active = ?", true).Order("position, id").Find(&products).Error
	})
	return products, err
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

// VariantsBySKU returns the variants with their products. A SKU that is unknown is absent; a
// variant that is not for sale, or whose product is not, is returned with Active false.
func (s *Store) VariantsBySKU(ctx context.Context, skus []string) ([]Variant, error) {
	var variants []Variant
	if len(skus) == 0 {
		return nil, nil
	}
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		variants, err = variantsBySKU(db, skus)
		return err
	})
	return variants, err
}

func variantsBySKU(db *gorm.DB, skus []string) ([]Variant, error) {
	var variants []Variant
	if err := db.Preload("Product").Where("sku IN ?", skus).Order("id").Find(&variants).Error; err != nil {
		return nil, err // some variants may have come without their product
	}
	for i := range variants {
		variants[i].Active = variants[i].Active && variants[i].Product.Active
	}
	return variants, nil
}

func forSale(db *gorm.DB) *gorm.DB {
	return db.Preload("Variants", func(db *gorm.DB) *gorm.DB {
		return db.Where("active = ?", true).Order("position, id")
	})
}

// Products returns every product with every variant, hidden ones included, in order of display.
func (s *Store) Products(ctx context.Context) ([]Product, error) {
	var products []Product
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Preload("Variants", func(db *gorm.DB) *gorm.DB { return db.Order("position, id") }).
			Order("position, id").Find(&products).Error
	})
	return products, err
}

// PutProducts writes products and their variants, all or none: what has a known slug or SKU is
// changed, the rest is added. Texts in a language that a product says nothing of stay. Stock on hand is set to the given number; what is reserved stays.
func (s *Store) PutProducts(ctx context.Context, products []Product) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.putProducts(products) })
}

func (tx *Tx) putProducts(products []Product) error {
	for _, p := range products {
		if err := tx.putProduct(p); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putProduct(p Product) error {
	var known Product
	err := tx.db.Where("slug = ?", p.Slug).Limit(1).Find(&known).Error
	if err != nil {
		return err
	}
	p.ID, p.Texts = known.ID, known.Texts.With(p.Texts)
	if p.ID == "" {
		p.ID = NewID()
		err = tx.db.Omit("Variants").Create(&p).Error
	} else {
		err = tx.db.Model(&Product{ID: p.ID}).Select("name", "description", "image", "position", "active", "texts").
			Omit("Variants").Updates(p).Error
	}
	if err != nil {
		return err
	}
	for _, v := range p.Variants {
		v.ProductID = p.ID
		if err := tx.putVariant(v); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putVariant(v Variant) error {
	set := tx.db.Model(&Variant{}).Where("sku = ?", v.SKU).
		Select("product_id", "options", "price", "counted", "on_hand", "digital", "delivery", "image", "position", "active").
		Omit("Product").Updates(v)
	if set.Error != nil || set.RowsAffected > 0 {
		return set.Error
	}
	v.ID, v.Reserved = NewID(), 0
	return tx.db.Omit("Product").Create(&v).Error
}

// The ways in which stock moves. Each is one conditional UPDATE, so that neither number is ever
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

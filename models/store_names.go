package models

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// good is a variant, with all by which an order that it is in can be found.
type good struct {
	id    string
	skus  []string
	names []string
}

// allGoods reads the whole catalogue, which is small beside the orders.
func allGoods(db *gorm.DB) ([]good, error) {
	var products []Product
	if err := db.Select("id", "name", "texts").Find(&products).Error; err != nil {
		return nil, err
	}
	names := make(map[string][]string, len(products)) // by id
	for _, p := range products {
		names[p.ID] = p.names()
	}
	var variants []Variant
	if err := db.Select("id", "product_id", "sku").Order("id").Find(&variants).Error; err != nil {
		return nil, err
	}
	goods := make([]good, len(variants))
	places := make(map[string]int, len(variants))
	for i, v := range variants {
		goods[i] = good{id: v.ID, skus: []string{v.SKU}, names: slices.Clone(names[v.ProductID])}
		places[v.ID] = i
	}
	var skus []formerSKU
	if err := db.Find(&skus).Error; err != nil {
		return nil, err
	}
	for _, f := range skus {
		if i, known := places[f.VariantID]; known { // or it was added a moment ago
			goods[i].skus = append(goods[i].skus, f.SKU)
		}
	}
	var former []formerName
	err := db.Find(&former).Error
	for _, f := range former {
		if i, known := places[f.VariantID]; known {
			goods[i].names = append(goods[i].names, f.Name)
		}
	}
	return goods, err
}

// goodsLike returns what stands for the goods that have a word like this one.
func goodsLike(goods []good, w string) (terms []string) {
	for _, g := range goods {
		if slices.ContainsFunc(g.skus, func(sku string) bool { return strings.HasPrefix(word(sku), w) }) ||
			slices.ContainsFunc(g.names, func(name string) bool { return nameLike(name, w) }) {
			terms = append(terms, variantTerm(g.id))
		}
	}
	return terms
}

// keepNames keeps what these products and variants are called before they are called otherwise.
func (tx *Tx) keepNames(productIDs, variantIDs []string) error {
	if len(productIDs)+len(variantIDs) == 0 {
		return nil
	}
	var variants []Variant
	err := tx.db.InnerJoins("Product").Where("variants.product_id IN ? OR variants.id IN ?", productIDs, variantIDs).Find(&variants).Error
	if err != nil {
		return err
	}
	var names []formerName
	for _, v := range variants {
		for _, name := range v.Product.names() {
			names = append(names, formerName{VariantID: v.ID, Name: name})
		}
	}
	return addNames(tx.db, names)
}

// addNames keeps those that are not kept yet.
func addNames(db *gorm.DB, names []formerName) error {
	return db.Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(names, rowsAtOnce).Error
}

// givenUp are the products and variants of the file that will not be called as they are.
func (i *Import) givenUp() (productIDs, variantIDs []string) {
	for _, p := range i.Products {
		if slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Column == "name" || strings.HasPrefix(c.Column, nameColumn) }) {
			productIDs = append(productIDs, p.ID)
		}
		for _, v := range p.Variants {
			if !v.New && v.known.Product.Slug != p.Slug {
				variantIDs = append(variantIDs, v.ID)
			}
		}
	}
	return productIDs, variantIDs
}

// backfillNames keeps the names of before that stand in orders from when nothing else kept them.
func backfillNames(db *gorm.DB) error {
	goods, err := allGoods(db)
	if err != nil {
		return err
	}
	present := make(map[string][]string, len(goods)) // by id
	for _, g := range goods {
		present[g.id] = g.names
	}
	var sold []struct{ VariantID, Name, SeenName string }
	if err := db.Raw("SELECT DISTINCT variant_id, name, seen_name FROM order_items").Scan(&sold).Error; err != nil {
		return err
	}
	var names []formerName
	for _, s := range sold {
		for _, name := range []string{s.Name, s.SeenName} {
			if known := present[s.VariantID]; known != nil && name != "" && !slices.Contains(known, name) {
				names = append(names, formerName{VariantID: s.VariantID, Name: name})
			}
		}
	}
	return addNames(db, names)
}

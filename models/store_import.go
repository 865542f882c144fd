package models

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"
)

// PlanImport returns what the products of a catalogue file would change. What has a known slug or SKU
// is changed, the rest is added; nothing is ever taken away. A variant is known by its former SKUs too,
// and keeps its present one. Without stock, the stock of variants that are there stays as it is.
// ErrSKUTwice: the file has a variant under two SKUs.
func (s *Store) PlanImport(ctx context.Context, products []Product, withStock bool) (*Import, error) {
	var plan *Import
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		plan, err = planImport(db, products, withStock, s.Shop.Currency)
		return err
	})
	return plan, err
}

func planImport(db *gorm.DB, products []Product, withStock bool, currency string) (*Import, error) {
	if err := checkPictures(db, products); err != nil {
		return nil, err
	}
	var slugs, skus []string
	for _, p := range products {
		slugs = append(slugs, p.Slug)
		for _, v := range p.Variants {
			skus = append(skus, v.SKU)
		}
	}
	var known []Product
	if err := db.Where("slug IN ?", slugs).Find(&known).Error; err != nil {
		return nil, err
	}
	variants, err := variantsBySKU(db, skus)
	if err != nil {
		return nil, err
	}
	rows := map[string]string{} // by id
	for _, sku := range skus {
		if id := variants[sku].ID; id != "" && rows[id] != "" {
			return nil, ErrSKUTwice.Because(fmt.Errorf("%s and %s", rows[id], sku))
		} else if id != "" {
			rows[id] = sku
		}
	}
	plan := &Import{WithStock: withStock}
	plan.compare(products, known, variants, currency)
	return plan, nil
}

// PutProducts writes products and their variants, all or none, for whoever runs the program. What has a
// known slug or SKU is changed, the rest is added behind the others. Stock on hand is set to the given
// number; what is reserved stays, and what is sold meanwhile stays sold.
func (s *Store) PutProducts(ctx context.Context, products []Product) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.importProducts(CommandLine(), products, true, nil) })
}

// ImportProducts does what the person saw in a plan of the same products, all or nothing; the same look
// again does nothing more and succeeds. ErrGoodsMoved: it would be another plan now. What was sold meanwhile
// stays sold: stock moves by the difference between what was seen and what the file says; ErrStockMoved when
// there are not so many left.
func (s *Store) ImportProducts(ctx context.Context, by Actor, products []Product, withStock bool, seen ImportSeen) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.importProducts(by, products, withStock, &seen) })
}

func (tx *Tx) importProducts(by Actor, products []Product, withStock bool, seen *ImportSeen) error {
	if err := tx.standInLine(); err != nil {
		return err
	}
	plan, err := planImport(tx.db, products, withStock, tx.store.Shop.Currency)
	if err != nil {
		return err
	}
	added, changed, _ := plan.Count()
	if added+changed == 0 {
		return nil
	}
	if seen != nil {
		if done, err := tx.importDone(plan, seen); err != nil || done {
			return err
		}
		if plan.Seen().Print != seen.Print {
			return ErrGoodsMoved
		}
	}
	if err := tx.keepNames(plan.givenUp()); err != nil {
		return err
	}
	if err := tx.addImported(by, plan); err != nil {
		return err
	}
	if err := tx.changeImported(by, plan, seen); err != nil {
		return err
	}
	return tx.AddAudit(by, ActImport, "", fmt.Sprintf("added: %d; changed: %d", added, changed))
}

// rowsAtOnce is how many rows one statement adds.
const rowsAtOnce = 100

// addImported adds what is new, in few statements however much it is.
func (tx *Tx) addImported(by Actor, plan *Import) error {
	var last int
	if err := tx.db.Model(&Product{}).Select("COALESCE(MAX(position), 0)").Scan(&last).Error; err != nil {
		return err
	}
	lastOf, err := tx.lastVariants(plan)
	if err != nil {
		return err
	}
	var products []Product
	var variants []Variant
	var moves []StockMove
	for i := range plan.Products {
		p := &plan.Products[i]
		if p.New {
			last++
			p.ID, p.Position = NewID(), last
			products = append(products, p.Product)
		}
		for _, v := range p.Variants {
			if !v.New {
				continue
			}
			lastOf[p.ID]++
			v.ID, v.ProductID, v.Reserved, v.Position = NewID(), p.ID, 0, lastOf[p.ID]
			variants = append(variants, v.Variant)
			if v.OnHand != 0 {
				moves = append(moves, importMove(by, v.Variant, v.OnHand))
			}
		}
	}
	if err := tx.db.Omit("Variants").CreateInBatches(products, rowsAtOnce).Error; err != nil {
		return err
	}
	if err := tx.db.Omit("Product").CreateInBatches(variants, rowsAtOnce).Error; err != nil {
		return err
	}
	return tx.db.CreateInBatches(moves, rowsAtOnce).Error
}

// lastVariants are the places of the last variants of the plan's products, by product.
func (tx *Tx) lastVariants(plan *Import) (map[string]int, error) {
	var ids []string
	for _, p := range plan.Products {
		ids = append(ids, p.ID)
	}
	var last []Variant
	err := tx.db.Model(&Variant{}).Select("product_id, MAX(position) AS position").
		Where("product_id IN ?", ids).Group("product_id").Find(&last).Error
	places := map[string]int{}
	for _, v := range last {
		places[v.ProductID] = v.Position
	}
	return places, err
}

// changeImported changes what is there, in one statement a row, and one more for each of which options in
// other languages change.
func (tx *Tx) changeImported(by Actor, plan *Import, seen *ImportSeen) error {
	deltas := map[string]int64{} // by id
	for _, p := range plan.Products {
		if len(p.Changes) > 0 {
			err := tx.db.Model(&Product{}).Where("id = ?", p.ID).
				Select("name", "description", "image", "active", "texts").Omit("Variants").Updates(p.Product).Error
			if err != nil {
				return err
			}
		}
		for _, v := range p.Variants {
			if len(v.Changes) == 0 {
				continue
			}
			delta := v.delta(seen)
			if err := tx.changeImportedVariant(p.ID, v, delta); err != nil {
				return err
			}
			if delta != 0 {
				deltas[v.ID] = delta
			}
		}
	}
	return tx.addImportedMoves(by, deltas, seen)
}

// importDone reports whether the stock of the plan's variants has moved as it was seen already. What else the
// plan changes is as the file says then, and not to be done again either.
func (tx *Tx) importDone(plan *Import, seen *ImportSeen) (bool, error) {
	var ids []string
	for _, p := range plan.Products {
		for _, v := range p.Variants {
			ids = append(ids, seen.moveID(v.ID))
		}
	}
	var moves int64
	err := tx.db.Model(&StockMove{}).Where("id IN ?", ids).Count(&moves).Error
	return moves > 0, err
}

// delta is by how much the stock moves, so that what was sold since it was seen stays sold.
func (v ImportedVariant) delta(seen *ImportSeen) int64 {
	if seen == nil {
		return v.OnHand - v.known.OnHand
	}
	if was, changes := seen.OnHand[v.SKU]; changes {
		return v.OnHand - was
	}
	return 0
}

func (tx *Tx) changeImportedVariant(productID string, v ImportedVariant, delta int64) error {
	set := tx.db.Model(&Variant{}).Where("id = ? AND on_hand + ? >= 0", v.ID, delta).Updates(map[string]any{
		"product_id": productID, "options": v.Options, "price": v.Price, "counted": v.Counted, "digital": v.Digital,
		"delivery": v.Delivery, "image": v.Image, "active": v.Active, "on_hand": gorm.Expr("on_hand + ?", delta),
	})
	switch {
	case set.Error != nil:
		return set.Error
	case set.RowsAffected == 0:
		return ErrStockMoved
	case maps.Equal(v.OptionTexts, v.known.OptionTexts):
		return nil
	}
	return tx.db.Model(&Variant{}).Where("id = ?", v.ID).Select("option_texts").Updates(Variant{OptionTexts: v.OptionTexts}).Error
}

// addImportedMoves keeps the moves of variants whose rows nobody else changes any more.
func (tx *Tx) addImportedMoves(by Actor, deltas map[string]int64, seen *ImportSeen) error {
	var moved []Variant
	if err := tx.db.Where("id IN ?", slices.Collect(maps.Keys(deltas))).Find(&moved).Error; err != nil {
		return err
	}
	moves := make([]StockMove, len(moved))
	for i, v := range moved {
		moves[i] = importMove(by, v, deltas[v.ID])
		if seen != nil {
			moves[i].ID = seen.moveID(v.ID)
		}
	}
	return tx.db.CreateInBatches(moves, rowsAtOnce).Error
}

// importMove is the move of a variant that has moved by so many.
func importMove(by Actor, v Variant, delta int64) StockMove {
	return StockMove{
		ID: NewID(), VariantID: v.ID, Kind: StockImported, Delta: delta, Shelf: v.Shelf(), Actor: truncate(by.Name, 254),
	}
}

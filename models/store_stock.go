package models

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// ChangeStock puts pieces on a shelf or takes them off, beside all orders and all other staff, and
// returns the variant with its new figures. It never takes what is held for pending orders:
// ErrStockTooLow. Refused with ErrStockMoved when there are no more as many as were seen, and with
// ErrNotCounted where stock is not counted. The same change again does nothing and succeeds.
func (s *Store) ChangeStock(ctx context.Context, by Actor, change StockChange) (*Variant, error) {
	var v *Variant
	err := s.Tx(ctx, func(tx *Tx) (err error) {
		v, err = tx.changeStock(by, change)
		return err
	})
	return v, err
}

func (tx *Tx) changeStock(by Actor, change StockChange) (*Variant, error) {
	v, err := tx.lockVariant(change.SKU)
	if err != nil {
		return nil, err
	}
	if done, err := tx.stockMove(change.ID); err != nil || done != nil {
		return v, orSentTwice(err, done, v, change)
	}
	kind, note := StockChanged, ""
	set := tx.db.Model(&Variant{}).Where("id = ? AND counted = ? AND on_hand + ? >= 0", v.ID, true, change.Delta)
	if change.Seen != nil {
		kind, note = StockCounted, fmt.Sprintf("counted %d, ", *change.Seen+change.Delta)
		set = set.Where("on_hand + reserved = ?", *change.Seen)
	}
	set = set.Updates(map[string]any{"on_hand": gorm.Expr("on_hand + ?", change.Delta)})
	switch {
	case set.Error != nil:
		return nil, set.Error
	case set.RowsAffected == 0:
		return nil, refusedChange(v, change)
	}
	v.OnHand += change.Delta
	move := StockMove{ID: change.ID, VariantID: v.ID, Kind: kind, Delta: change.Delta, Reason: change.Reason}
	if err := tx.addStockMove(by, move, v.Shelf()); err != nil {
		return nil, err
	}
	return v, tx.AddAudit(by, ActStock, v.SKU, fmt.Sprintf("%+d → %d, %s%s", change.Delta, v.Shelf(), note, change.Reason))
}

// lockVariant puts everything that happens to the variant's row into one line, until the commit.
func (tx *Tx) lockVariant(sku string) (*Variant, error) {
	v, err := variantBySKU(tx.db, sku)
	if err != nil {
		return nil, err
	}
	if err := tx.db.Model(&Variant{}).Where("id = ?", v.ID).Updates(map[string]any{"updated_at": tx.Now()}).Error; err != nil {
		return nil, err
	}
	return v, tx.db.Where("id = ?", v.ID).Take(v).Error
}

// stockMove returns the move with the id, nil when there is none.
func (tx *Tx) stockMove(id string) (*StockMove, error) {
	var move StockMove
	err := tx.db.Where("id = ?", id).Take(&move).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &move, err
}

// orSentTwice refuses a form that comes again and asks for something else.
func orSentTwice(err error, done *StockMove, v *Variant, change StockChange) error {
	if err == nil && (done.VariantID != v.ID || done.Delta != change.Delta) {
		return ErrFormSentTwice
	}
	return err
}

// refusedChange says why a change did not come about on the variant as it is.
func refusedChange(v *Variant, change StockChange) error {
	switch {
	case !v.Counted:
		return ErrNotCounted
	case change.Seen != nil && v.Shelf() != *change.Seen:
		return ErrStockMoved
	default:
		return ErrStockTooLow
	}
}

// addStockMove keeps a move; shelf is what there is after it.
func (tx *Tx) addStockMove(by Actor, move StockMove, shelf int64) error {
	move.Shelf, move.Actor = shelf, truncate(by.Name, 254)
	return tx.db.Create(&move).Error
}

// putBackSold puts sold pieces of the order back on the shelf, by a person's decision.
func (tx *Tx) putBackSold(o *Order, by Actor, items []OrderItem) error {
	for _, item := range inStockOrder(items) {
		if err := tx.putBack([]OrderItem{item}); err != nil {
			return err
		}
		var v Variant
		if err := tx.db.Where("id = ?", item.VariantID).Take(&v).Error; err != nil {
			return err
		}
		move := StockMove{ID: NewID(), VariantID: v.ID, Kind: StockReturned, Delta: item.Quantity, Reason: o.Number}
		if err := tx.addStockMove(by, move, v.Shelf()); err != nil {
			return err
		}
	}
	return nil
}

// StockMoves returns at most limit moves of the variants, the newest first.
func (s *Store) StockMoves(ctx context.Context, variantIDs []string, limit int) ([]StockMove, error) {
	var moves []StockMove
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("variant_id IN ?", variantIDs).Order("created_at DESC, id DESC").Limit(limit).Find(&moves).Error
	})
	return moves, err
}

package models

import (
	"context"

	"gorm.io/gorm"
)

// The parts of the caps, for tests of how the database goes about them.
type Holder = holder

const (
	ByVisitor = byVisitor
	ByAddress = byAddress
)

func (s *Store) CountUnpaid(ctx context.Context, by Holder, who string) error {
	return s.query(ctx, func(db *gorm.DB) error { _, err := countUnpaid(db, by, who, maxUnpaid); return err })
}

func (s *Store) HeldBy(ctx context.Context, by Holder, who string, stocks []Variant) error {
	return s.query(ctx, func(db *gorm.DB) error { _, err := heldBy(db, by, who, stocks); return err })
}

func (s *Store) ScarceStock(ctx context.Context, stocks []Variant) error {
	items := make([]OrderItem, len(stocks))
	for i, v := range stocks {
		items[i] = OrderItem{VariantID: v.ID, Counted: true}
	}
	return s.query(ctx, func(db *gorm.DB) error { _, err := scarceStock(db, items); return err })
}

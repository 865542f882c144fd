package models

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// VerifyChain reports the first row of an order's chain that was changed, removed or added by
// other means than AddEvidence, and that the chain ends where the order says.
func VerifyChain(o Order, rows []Evidence) error {
	prev := ""
	for _, row := range rows {
		if row.PrevHash != prev || !row.intact() {
			return fmt.Errorf("order %s: evidence %d does not fit the chain", o.Number, row.Seq)
		}
		prev = row.Hash
	}
	if prev != o.EvidenceHash {
		return fmt.Errorf("order %s: evidence is missing at the end of the chain", o.Number)
	}
	return nil
}

// evidencePage is how many rows VerifyEvidence reads at a time.
const evidencePage = 200

// Verified counts what VerifyEvidence looked at.
type Verified struct {
	Orders   int
	Messages int
	Broken   int // chains, and messages outside of any chain
}

// VerifyEvidence checks the chain of every order and the hash of every message that names no order.
// It tells about each one that is broken and goes on; the error it returns is the database's. The
// shop may be running meanwhile. What it needs of memory does not grow with the number of orders.
func (s *Store) VerifyEvidence(ctx context.Context, tell func(broken error)) (Verified, error) {
	var v Verified
	breaks := func(broken error) {
		v.Broken++
		tell(broken)
	}
	err := s.eachOrder(ctx, func(o Order) error {
		messages, broken, err := s.verifyOrder(ctx, o)
		if broken != nil {
			breaks(broken)
		}
		v.Orders, v.Messages = v.Orders+1, v.Messages+messages
		return err
	})
	if err != nil {
		return v, err
	}
	err = s.eachLostChain(ctx, func(orderID string) {
		breaks(fmt.Errorf("order with id %s: its evidence is there and the order is not", orderID))
	})
	if err != nil {
		return v, err
	}
	return v, s.eachLoneEvidence(ctx, func(e Evidence) {
		v.Messages++
		if !e.intact() {
			breaks(fmt.Errorf("evidence with id %s, outside of any order: it was changed", e.ID))
		}
	})
}

// verifyOrder checks one chain. An order that moved on between the two readings is read again.
func (s *Store) verifyOrder(ctx context.Context, o Order) (messages int, broken, err error) {
	for {
		rows, err := s.Evidence(ctx, o.ID)
		if err != nil {
			return 0, nil, err
		}
		broken := VerifyChain(o, rows)
		if broken == nil {
			return len(rows), nil, nil
		}
		var fresh Order
		err = s.query(ctx, func(db *gorm.DB) error { return db.Where("id = ?", o.ID).Take(&fresh).Error })
		if err != nil {
			return 0, nil, err
		}
		if fresh.EvidenceSeq == o.EvidenceSeq {
			return len(rows), broken, nil
		}
		o = fresh
	}
}

// eachOrder visits all orders by id, without their lines and payments.
func (s *Store) eachOrder(ctx context.Context, visit func(Order) error) error {
	return inPages(func(after string) (page []Order, err error) {
		err = s.query(ctx, func(db *gorm.DB) error {
			return db.Where("id > ?", after).Order("id").Limit(evidencePage).Find(&page).Error
		})
		return page, err
	}, func(o Order) string { return o.ID }, visit)
}

// eachLostChain visits the ids of orders that have evidence and are not there.
func (s *Store) eachLostChain(ctx context.Context, visit func(orderID string)) error {
	var there []string
	return inPages(func(after string) (named []string, err error) {
		there = nil
		err = s.query(ctx, func(db *gorm.DB) error {
			err := db.Model(&Evidence{}).Distinct("order_id").Where("order_id > ?", after).
				Order("order_id").Limit(evidencePage).Pluck("order_id", &named).Error
			if err != nil {
				return err
			}
			return db.Model(&Order{}).Where("id IN ?", named).Pluck("id", &there).Error
		})
		return named, err
	}, func(id string) string { return id }, func(id string) error {
		if !slices.Contains(there, id) {
			visit(id)
		}
		return nil
	})
}

// eachLoneEvidence visits the messages that name no order. There may be many, and no order among
// them that an index keeps: they are read in one stream, however long it takes.
func (s *Store) eachLoneEvidence(ctx context.Context, visit func(Evidence)) error {
	db := s.read.WithContext(ctx)
	rows, err := db.Model(&Evidence{}).Where("order_id IS NULL").Rows()
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Evidence
		if err := db.ScanRows(rows, &e); err != nil {
			return classify(err)
		}
		visit(e)
	}
	return classify(rows.Err())
}

// inPages reads rows page by page in the order of a key, and visits each.
func inPages[T any](read func(after string) ([]T, error), key func(T) string, visit func(T) error) error {
	for after := ""; ; {
		page, err := read(after)
		if err != nil {
			return err
		}
		for _, row := range page {
			if err := visit(row); err != nil {
				return err
			}
			after = key(row)
		}
		if len(page) < evidencePage {
			return nil
		}
	}
}

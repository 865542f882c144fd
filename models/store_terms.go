package models

import (
	"slices"
	"time"

	"gorm.io/gorm"
)

// orderTerm says that an order is found by a word: one of nameWords and the like, or one of
// variantTerm. It is kept when the word becomes known and never changes. The primary key begins
// with the word and goes on by time, so that the orders with one word can be read newest first from
// any place, however many they are.
type orderTerm struct {
	Term      string
	CreatedAt time.Time // the order's
	OrderID   string
}

// variantTerm is the word by which an order is found that has the variant in it. What people type
// is never such a word.
func variantTerm(id string) string { return ":" + id }

// refundedTerm is the word by which an order is found that had a refund, whatever became of it.
const refundedTerm = ":refunded"

// orderTerms are the words by which an order is found from its beginning.
func orderTerms(o *Order) []orderTerm {
	all := slices.Concat(numberWords(o.Number), emailWords(o.Email), phoneWords(o.Phone), nameWords(o.Name))
	for _, item := range o.Items {
		all = append(all, variantTerm(item.VariantID))
	}
	slices.Sort(all)
	var terms []orderTerm
	for _, w := range slices.Compact(all) {
		if w != "" {
			terms = append(terms, orderTerm{Term: w, CreatedAt: o.CreatedAt, OrderID: o.ID})
		}
	}
	return terms
}

// addTerm lets the locked order be found by one more number, which a person may have written in several
// words.
func addTerm(db *gorm.DB, orderID, number string) error {
	all := words(number)
	for _, w := range all[:min(len(all), maxNameWords)] {
		if err := putTerm(db, orderID, w); err != nil {
			return err
		}
	}
	return nil
}

// putTerm lets the locked order be found by one more word.
func putTerm(db *gorm.DB, orderID, w string) error {
	return db.Exec(`INSERT INTO order_terms (term, created_at, order_id)
		SELECT ?, o.created_at, o.id FROM orders o WHERE o.id = ? AND NOT EXISTS
			(SELECT 1 FROM order_terms t WHERE t.term = ? AND t.created_at = o.created_at AND t.order_id = o.id)`,
		w, orderID, w).Error
}

// backfillRefunded lets the orders be found by refundedTerm that had a refund before there was the term.
func backfillRefunded(db *gorm.DB) error {
	return db.Exec(`INSERT INTO order_terms (term, created_at, order_id)
		SELECT ?, o.created_at, o.id FROM orders o WHERE o.id IN (SELECT r.order_id FROM refunds r) AND NOT EXISTS
			(SELECT 1 FROM order_terms t WHERE t.term = ? AND t.created_at = o.created_at AND t.order_id = o.id)`,
		refundedTerm, refundedTerm).Error
}

// backfillPage is how many orders one transaction of a backfill takes.
const backfillPage = 200

// backfillTerms lets the orders be found that were placed before there were terms. Cut off, it goes
// on where it was: an order has all of its terms or none.
func backfillTerms(db *gorm.DB) error {
	return eachOrderWithout(db, func(db *gorm.DB, o *Order) error {
		terms := orderTerms(o)
		if err := db.Create(&terms).Error; err != nil {
			return err
		}
		var refunds []Refund
		if err := db.Select("number").Where("order_id = ?", o.ID).Find(&refunds).Error; err != nil {
			return err
		}
		for _, r := range refunds {
			if err := addTerm(db, o.ID, r.Number); err != nil {
				return err
			}
		}
		for _, p := range o.Payments {
			if err := addTerm(db, o.ID, p.Number); err != nil {
				return err
			}
			if err := addTerm(db, o.ID, deref(p.Reference)); err != nil {
				return err
			}
		}
		return setGateway(db, o)
	})
}

// eachOrderWithout visits the orders that have no terms yet, page by page, each page in one
// transaction.
func eachOrderWithout(db *gorm.DB, visit func(db *gorm.DB, o *Order) error) error {
	for after := ""; ; {
		var page []Order
		err := db.Preload("Items").Preload("Payments", func(db *gorm.DB) *gorm.DB { return db.Order("created_at") }).
			Where("id > ?", after).Order("id").Limit(backfillPage).Find(&page).Error
		if err != nil || len(page) == 0 {
			return err
		}
		err = db.Transaction(func(db *gorm.DB) error {
			for i := range page {
				var known int64
				first := orderTerms(&page[i])[0]
				err := db.Model(&orderTerm{}).Where(&first).Count(&known).Error
				if err == nil && known == 0 {
					err = visit(db, &page[i])
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

// setGateway records the wallet and gateway of an order that was placed before they were kept
// with it. The payments are in order of time.
func setGateway(db *gorm.DB, o *Order) error {
	if len(o.Payments) == 0 || o.Gateway != "" {
		return nil
	}
	p := o.Payments[len(o.Payments)-1]
	if i := slices.IndexFunc(o.Payments, func(p Payment) bool { return p.ID == deref(o.PaymentID) }); i >= 0 {
		p = o.Payments[i]
	}
	return db.Model(&Order{}).Where("id = ? AND gateway = ''", o.ID).
		UpdateColumns(map[string]any{"wallet": p.Wallet, "gateway": p.Gateway}).Error
}

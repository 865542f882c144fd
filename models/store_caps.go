package models

import (
	"fmt"
	"net/netip"

	"gorm.io/gorm"
)

// Caps on unpaid orders, so that nobody holds the shop's stock without paying for it. They do not
// hinder a buyer's first order, whatever its size; and an address is capped loosely, since many
// honest buyers share one.
const (
	maxUnpaid = 20 // unpaid orders of one visitor
	manyHere  = 20 // more unpaid orders than this at one address, and their share of stock is capped
)

// Refusals of PlaceOrder.
var (
	// ErrTooManyUnpaid: the visitor's own unpaid orders hold enough.
	ErrTooManyUnpaid = &Error{Kind: TooMany, Key: "error.too_many_unpaid"}
	// ErrHeldHere: unpaid orders from the visitor's address, as a rule not his own, hold enough.
	ErrHeldHere = &Error{Kind: TooMany, Key: "error.held_here"}
)

// share is a part of an article's stock.
type share struct{ parts, of int64 }

// The most of an article's stock that unpaid orders may hold.
var (
	visitorShare = share{1, 2} // of one visitor, once there is more than one
	addressShare = share{4, 5} // of one address, once there are many
)

// most returns how many pieces of a stock the share allows, rounded up: of the last piece, one.
func (s share) most(stock int64) int64 { return (stock*s.parts + s.of - 1) / s.of }

// checkCaps refuses an order that goes beyond what its visitor may hold unpaid. It is called with the
// order's stock reserved and the order not yet inserted: whoever orders the same article at the same
// moment waits for the row of its stock, and is counted after this one.
func (tx *Tx) checkCaps(d Draft, items []OrderItem) error {
	orders := 0
	var err error
	if d.CustomerID != "" {
		if orders, err = countUnpaid(tx.db, byVisitor, d.CustomerID, maxUnpaid); err != nil {
			return err
		}
	}
	if orders >= maxUnpaid {
		return ErrTooManyUnpaid
	}
	scarce, err := scarceStock(tx.db, items)
	if err != nil || len(scarce) == 0 {
		return err
	}
	if orders > 0 {
		if err := tx.checkShare(byVisitor, d.CustomerID, visitorShare, scarce, items, ErrTooManyUnpaid); err != nil {
			return err
		}
	}
	if !isVisitor(d.ClientIP) {
		return nil
	}
	if orders, err = countUnpaid(tx.db, byAddress, d.ClientIP, manyHere+1); err != nil || orders <= manyHere {
		return err
	}
	return tx.checkShare(byAddress, d.ClientIP, addressShare, scarce, items, ErrHeldHere)
}

// checkShare refuses with the given error when unpaid orders would, together with the new items, hold
// more than the share of a stock.
func (tx *Tx) checkShare(by holder, who string, allowed share, scarce []Variant, items []OrderItem, refusal *Error) error {
	held, err := heldBy(tx.db, by, who, scarce)
	if err != nil {
		return err
	}
	for _, item := range items {
		held[item.VariantID] += item.Quantity
	}
	for _, v := range scarce {
		if held[v.ID] > allowed.most(v.OnHand+v.Reserved) {
			return refusal.Because(fmt.Errorf("sku %s: %d of %d", v.SKU, held[v.ID], v.OnHand+v.Reserved))
		}
	}
	return nil
}

// isVisitor reports whether an address may be a visitor's. One that is not public is a proxy's that
// the configuration does not trust, or somebody's at the machine itself.
func isVisitor(ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	return addr.IsGlobalUnicast() && !addr.IsPrivate() && !carrierGrade.Contains(addr)
}

// carrierGrade are addresses of a provider's own network (RFC 6598).
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

// holder is the column that tells whose an order is.
type holder string

const (
	byVisitor holder = "customer_id"
	byAddress holder = "client_ip"
)

// countUnpaid counts unpaid orders, up to enough.
func countUnpaid(db *gorm.DB, by holder, who string, enough int) (int, error) {
	var ids []string
	err := db.Model(&Order{}).Where("orders."+string(by)+" = ? AND orders.status = ?", who, OrderPending).
		Limit(enough).Pluck("id", &ids).Error
	return len(ids), err
}

// scarceStock returns the stocks among the items of which more than half is reserved: of all others
// nobody holds too much.
func scarceStock(db *gorm.DB, items []OrderItem) ([]Variant, error) {
	var ids []string
	for _, item := range items {
		if item.Counted {
			ids = append(ids, item.VariantID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var scarce []Variant
	err := db.Select("id", "sku", "on_hand", "reserved").
		Where("id IN ? AND reserved > on_hand", ids).
		Find(&scarce).Error
	return scarce, err
}

// heldBy returns how many pieces of each stock somebody's unpaid orders hold.
func heldBy(db *gorm.DB, by holder, who string, stocks []Variant) (map[string]int64, error) {
	ids := make([]string, len(stocks))
	for i, v := range stocks {
		ids[i] = v.ID
	}
	var rows []struct {
		VariantID string
		Quantity  int64
	}
	err := db.Table("orders").Select("order_items.variant_id, SUM(order_items.quantity) AS quantity").
		Joins("JOIN order_items ON order_items.order_id = orders.id").
		Where("orders."+string(by)+" = ? AND orders.status = ? AND order_items.variant_id IN ?", who, OrderPending, ids).
		Group("order_items.variant_id").Find(&rows).Error
	held := make(map[string]int64, len(rows))
	for _, row := range rows {
		held[row.VariantID] = row.Quantity
	}
	return held, err
}

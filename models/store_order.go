package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// PlaceOrder turns a draft into a pending order: in one transaction it reads prices again,
// reserves stock and freezes both in the order. A form token makes one order at most; the same
// draft again returns the order it made. Refused with ErrCartEmpty, ErrNotForSale,
// ErrOutOfStock or ErrPriceChanged, and with ErrTooManyUnpaid or ErrHeldHere when too much is held
// unpaid already; and then nothing is kept.
func (s *Store) PlaceOrder(ctx context.Context, d Draft) (*Order, error) {
	lines := mergeLines(d.Lines)
	if len(lines) == 0 {
		return nil, ErrCartEmpty
	}
	var order *Order
	err := s.Tx(ctx, func(tx *Tx) (err error) {
		if order, err = tx.orderByFormToken(d.FormToken); err == nil || !errors.Is(err, ErrOrderNotFound) {
			return err
		}
		if order, err = tx.placeOrder(d, lines); err != nil {
			return err
		}
		KillPoint("checkout.before_commit")
		return nil
	})
	if errors.Is(err, ErrPriceChanged) {
		_ = s.learnSettings(ctx) // where a fee was changed, the page that comes next shows the new one
	}
	if errors.Is(err, gorm.ErrDuplicatedKey) { // the same form, at the same moment, on another connection
		return s.OrderByFormToken(ctx, d.FormToken)
	}
	if err != nil {
		return nil, err
	}
	KillPoint("checkout.committed")
	return order, nil
}

// mergeLines adds up lines of one SKU and drops empty ones.
func mergeLines(lines []Line) map[string]int64 {
	merged := map[string]int64{}
	for _, l := range lines {
		if l.Quantity > 0 {
			merged[l.SKU] += min(l.Quantity, MaxQuantity+1)
		}
	}
	return merged
}

func (tx *Tx) placeOrder(d Draft, lines map[string]int64) (*Order, error) {
	items, err := tx.priceLines(lines, d.Language)
	if err != nil {
		return nil, err
	}
	settings, err := tx.Settings()
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	o := &Order{
		ID:            NewID(),
		Number:        NewOrderNumber(now),
		Token:         NewToken(),
		FormToken:     d.FormToken,
		Status:        OrderPending,
		Currency:      tx.store.Shop.Currency,
		Buyer:         d.Buyer,
		Language:      d.Language,
		Wallet:        d.Wallet,
		CustomerID:    d.CustomerID,
		CustomerSince: d.CustomerSince.UTC().Truncate(time.Millisecond),
		ClientIP:      d.ClientIP,
		CreatedAt:     now,
		ExpiresAt:     now.Add(settings.PaymentWindow),
	}
	goods := Money{Currency: o.Currency}
	for i := range items {
		line, err := Money{Amount: items[i].Price, Currency: o.Currency}.Times(items[i].Quantity)
		if err != nil {
			return nil, err
		}
		if goods, err = goods.Plus(line); err != nil {
			return nil, err
		}
		o.Shipped = o.Shipped || !items[i].Digital
		items[i].OrderID = o.ID
	}
	o.Goods = goods.Amount
	o.Shipping, o.Amount = settings.Totals(o.Goods, o.Shipped)
	if d.Seen != nil && *d.Seen != o.Money() {
		return nil, ErrPriceChanged
	}
	if err := tx.reserveItems(items); err != nil {
		return nil, err
	}
	if err := tx.checkCaps(d, items); err != nil {
		return nil, err
	}
	if err := tx.db.Omit("Items", "Payments").Create(o).Error; err != nil {
		return nil, err
	}
	if err := tx.db.Create(&items).Error; err != nil {
		return nil, err
	}
	o.Items = items
	if err := tx.queueMail(o, MailPlaced, ""); err != nil {
		return nil, err
	}
	terms := orderTerms(o)
	return o, tx.db.Create(&terms).Error
}

// priceLines reads what is wanted from the database and freezes it, in ascending order of variant,
// with the names that a reader of the language sees.
func (tx *Tx) priceLines(lines map[string]int64, language string) ([]OrderItem, error) {
	found, err := variantsForSale(tx.db, slices.Collect(maps.Keys(lines)))
	if err != nil {
		return nil, err
	}
	var variants []Variant
	wanted := map[string]int64{} // by id: two lines may name one variant, by its present SKU and a former one
	for sku, quantity := range lines {
		v := found[sku]
		if wanted[v.ID] += quantity; !v.Active || wanted[v.ID] > MaxQuantity {
			return nil, ErrNotForSale.Because(fmt.Errorf("sku %s", sku))
		}
		if wanted[v.ID] == quantity {
			variants = append(variants, v)
		}
	}
	slices.SortFunc(variants, func(a, b Variant) int { return cmp.Compare(a.ID, b.ID) })
	items := make([]OrderItem, len(variants))
	for i, v := range variants {
		items[i] = OrderItem{
			ID: NewID(), VariantID: v.ID, SKU: v.SKU, Name: v.Product.Name, Options: v.Options,
			Image: cmp.Or(v.Image, v.Product.Image), Price: v.Price, Quantity: wanted[v.ID],
			Counted: v.Counted, Digital: v.Digital, Delivery: v.Delivery, Position: i,
		}
		name, options := v.Product.Texts[language].Name, v.OptionTexts[language]
		if name != "" || options != "" {
			items[i].SeenName, items[i].SeenOptions, items[i].SeenLanguage = name, options, language
		}
	}
	return items, nil
}

func (tx *Tx) reserveItems(items []OrderItem) error {
	for _, item := range items {
		if !item.Counted {
			continue
		}
		ok, err := tx.reserve(item.VariantID, item.Quantity)
		if err != nil {
			return err
		}
		if !ok {
			return ErrOutOfStock.Because(fmt.Errorf("sku %s", item.SKU))
		}
	}
	return nil
}

func (tx *Tx) orderByFormToken(token string) (*Order, error) {
	return takeOrder(tx.db.Where("form_token = ?", token))
}

// OrderByFormToken returns the order that a checkout form made, or ErrOrderNotFound.
func (s *Store) OrderByFormToken(ctx context.Context, token string) (*Order, error) {
	return s.orderWhere(ctx, "form_token = ?", token)
}

// OrderByToken returns an order with its lines, and its payments newest first, or
// ErrOrderNotFound.
func (s *Store) OrderByToken(ctx context.Context, token string) (*Order, error) {
	return s.orderWhere(ctx, "token = ?", token)
}

// OrderByNumber returns an order as OrderByToken does, for staff.
func (s *Store) OrderByNumber(ctx context.Context, number string) (*Order, error) {
	return s.orderWhere(ctx, "number = ?", number)
}

// OrderByID returns an order as OrderByToken does.
func (s *Store) OrderByID(ctx context.Context, id string) (*Order, error) {
	return s.orderWhere(ctx, "id = ?", id)
}

// FindOrder returns the order with this number if it was placed with this e-mail address, and
// ErrOrderNotFound otherwise, without telling which of the two did not fit.
func (s *Store) FindOrder(ctx context.Context, number, email string) (*Order, error) {
	order, err := s.orderWhere(ctx, "number = ?", strings.ToUpper(strings.TrimSpace(number)))
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(order.Email, strings.TrimSpace(email)) {
		return nil, ErrOrderNotFound
	}
	return order, nil
}

func (s *Store) orderWhere(ctx context.Context, condition, value string) (*Order, error) {
	var order *Order
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		order, err = takeOrder(db.Where(condition, value))
		return err
	})
	return order, err
}

func takeOrder(db *gorm.DB) (*Order, error) {
	var order Order
	err := db.
		Preload("Items", func(db *gorm.DB) *gorm.DB { return db.Order("position") }).
		Preload("Payments", func(db *gorm.DB) *gorm.DB { return db.Order("created_at DESC, id DESC") }).
		Take(&order).Error
	if err != nil {
		return nil, notFound(err, ErrOrderNotFound)
	}
	return &order, nil
}

// LockOrder puts this transaction in line behind every other one that is about the order, and
// returns the order as it stands then, with its lines and payments.
func (tx *Tx) LockOrder(id string) (*Order, error) {
	set := tx.db.Model(&Order{}).Where("id = ?", id).Updates(map[string]any{"evidence_seq": gorm.Expr("evidence_seq + 1")})
	if set.Error != nil {
		return nil, set.Error
	}
	tx.changed[id] = true
	return takeOrder(tx.db.Where("id = ?", id))
}

// moveOrder moves an order as the table of moves allows, with further changes to its columns, and
// updates the given order. False: it is no longer in the state that was read.
func (tx *Tx) moveOrder(o *Order, to OrderStatus, changes map[string]any) (bool, error) {
	if !o.Status.CanBecome(to) {
		return false, nil
	}
	changes["status"] = to
	set := tx.db.Model(&Order{}).Where("id = ? AND status = ?", o.ID, o.Status).Updates(changes)
	if set.Error != nil || set.RowsAffected != 1 {
		return false, set.Error
	}
	o.Status = to
	tx.changed[o.ID] = true
	return true, nil
}

// MarkPaid records that the payment, which has succeeded, pays the order. A pending order sells
// what it reserved. An expired or canceled one takes stock again: false when there is not enough,
// and then nothing has changed.
func (tx *Tx) MarkPaid(o *Order, p *Payment) (bool, error) {
	late := o.Status != OrderPending
	if late {
		if ok, err := tx.takeAgain(o.Items); err != nil || !ok {
			return false, err
		}
	}
	now := tx.Now()
	moved, err := tx.moveOrder(o, OrderPaid, map[string]any{
		"paid_at": now, "payment_id": p.ID, "wallet": p.Wallet, "gateway": p.Gateway,
	})
	if err != nil {
		return false, err
	}
	if !moved {
		return false, fmt.Errorf("%w: order %s moved while it was locked", ErrBroken, o.Number)
	}
	o.PaidAt, o.PaymentID, o.Wallet, o.Gateway = &now, &p.ID, p.Wallet, p.Gateway
	if p.ConfirmedAt != nil { // until then the buyer is told nothing
		if err := tx.queueMail(o, MailPaid, ""); err != nil {
			return false, err
		}
	}
	if late {
		return true, nil
	}
	return true, eachCounted(o.Items, tx.sell)
}

// CloseOrder ends a pending order as expired or canceled and gives its stock back. False: it is
// not pending any more.
func (tx *Tx) CloseOrder(o *Order, to OrderStatus) (bool, error) {
	changes := map[string]any{}
	if to == OrderExpired {
		changes["expired_at"] = tx.Now()
	}
	moved, err := tx.moveOrder(o, to, changes)
	if err != nil || !moved {
		return false, err
	}
	return true, eachCounted(o.Items, tx.release)
}

// eachCounted moves the stock of each line that reserved some. That the reserved pieces are not
// there is ErrBroken.
func eachCounted(items []OrderItem, move func(variantID string, n int64) (bool, error)) error {
	for _, item := range inStockOrder(items) {
		ok, err := move(item.VariantID, item.Quantity)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: stock of %s: %d pieces are not reserved", ErrBroken, item.SKU, item.Quantity)
		}
	}
	return nil
}

// takeAgain takes free stock for every line, or for none.
func (tx *Tx) takeAgain(items []OrderItem) (bool, error) {
	counted := inStockOrder(items)
	for i, item := range counted {
		ok, err := tx.take(item.VariantID, item.Quantity)
		if err != nil {
			return false, err
		}
		if !ok {
			return false, tx.putBack(counted[:i])
		}
	}
	return true, nil
}

func (tx *Tx) putBack(items []OrderItem) error {
	for _, item := range items {
		err := tx.db.Model(&Variant{}).Where("id = ?", item.VariantID).
			Updates(map[string]any{"on_hand": gorm.Expr("on_hand + ?", item.Quantity)}).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// inStockOrder returns the lines with counted stock in ascending order of variant, the order in
// which every transaction locks them.
func inStockOrder(items []OrderItem) []OrderItem {
	counted := slices.DeleteFunc(slices.Clone(items), func(i OrderItem) bool { return !i.Counted })
	slices.SortFunc(counted, func(a, b OrderItem) int { return cmp.Compare(a.VariantID, b.VariantID) })
	return counted
}

// SetWallet records the wallet and the gateway of the attempt made last.
func (tx *Tx) SetWallet(o *Order, p *Payment) error {
	o.Wallet, o.Gateway = p.Wallet, p.Gateway
	return tx.db.Model(&Order{}).Where("id = ?", o.ID).
		Updates(map[string]any{"wallet": p.Wallet, "gateway": p.Gateway}).Error
}

// ExpiredOrders returns the ids of pending orders whose window is over, oldest first.
func (s *Store) ExpiredOrders(ctx context.Context, limit int) ([]string, error) {
	var ids []string
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Model(&Order{}).Where("status = ? AND expires_at <= ?", OrderPending, s.Now()).
			Order("expires_at").Limit(limit).Pluck("id", &ids).Error
	})
	return ids, err
}

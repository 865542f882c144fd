package models

import (
	"context"
	"slices"
	"unicode/utf8"

	"gorm.io/gorm"
)

// Orders returns a part of the list of the orders that fit the filter, the newest first. What that
// costs depends neither on how many orders there are nor on how far behind the part begins, as long
// as orders that fit are not rare among those that an index finds.
func (s *Store) Orders(ctx context.Context, f OrderFilter, p Paging) (OrderList, error) {
	var list OrderList
	err := s.query(ctx, func(db *gorm.DB) error {
		search, err := lookUp(db, f)
		if err != nil {
			return err
		}
		from, err := placeOf(db, p)
		if err != nil {
			return err
		}
		ids, err := search.ids(db, from, p.Limit+1)
		if err != nil {
			return err
		}
		more := len(ids) > p.Limit
		ids = ids[:min(len(ids), p.Limit)]
		list.Cut, list.Newer, list.Older = search.cut, from.id != "", more
		if from.newer {
			slices.Reverse(ids)
			list.Newer, list.Older = more, true
		}
		list.Rows, err = rowsOf(db, ids)
		return err
	})
	return list, err
}

// CountOrders returns how many orders fit the filter, counted up to CountLimit; more: there are more
// than that.
func (s *Store) CountOrders(ctx context.Context, f OrderFilter) (n int64, more bool, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		search, err := lookUp(db, f)
		if err != nil || search.impossible() {
			return err
		}
		q := search.count(CountLimit + 1)
		return db.Raw("SELECT COUNT(*) FROM ("+q.text.String()+") counted", q.values...).Scan(&n).Error
	})
	if n > CountLimit {
		return CountLimit, true, err
	}
	return n, false, err
}

// exportPage is how many orders EachOrder reads at a time.
const exportPage = 500

// EachOrder visits all orders that fit the filter, the newest first, so many at a time. An order that
// is placed meanwhile is not among them.
func (s *Store) EachOrder(ctx context.Context, f OrderFilter, visit func([]OrderRow) error) error {
	page := Paging{Limit: exportPage}
	for {
		list, err := s.Orders(ctx, f, page)
		if err != nil {
			return err
		}
		if err := visit(list.Rows); err != nil || !list.Older {
			return err
		}
		page.After = list.Rows[len(list.Rows)-1].Number
	}
}

// Neighbours returns the numbers of the orders beside the one with the number in the list of the
// orders that fit the filter; empty where there is none.
func (s *Store) Neighbours(ctx context.Context, f OrderFilter, number string) (newer, older string, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		search, err := lookUp(db, f)
		if err != nil {
			return err
		}
		for _, side := range []struct {
			paging Paging
			number *string
		}{{Paging{Before: number}, &newer}, {Paging{After: number}, &older}} {
			from, err := placeOf(db, side.paging)
			if err != nil || from.id == "" {
				return err
			}
			ids, err := search.ids(db, from, 1)
			if err != nil {
				return err
			}
			err = db.Model(&Order{}).Where("id IN ?", ids).Select("number").Scan(side.number).Error
			if err != nil {
				return err
			}
		}
		return nil
	})
	return newer, older, err
}

// maxChoices bounds a list of products to choose from.
const maxChoices = 500

// ProductNames returns the products' slugs and names, hidden ones included, in order of display: the
// first of them, where there are very many.
func (s *Store) ProductNames(ctx context.Context) ([]Product, error) {
	var products []Product
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Select("slug", "name").Order("position, id").Limit(maxChoices).Find(&products).Error
	})
	return products, err
}

// placeOf finds where a page begins.
func placeOf(db *gorm.DB, p Paging) (place, error) {
	number := p.After + p.Before
	if number == "" {
		return place{}, nil
	}
	var o Order
	err := db.Select("id", "created_at").Where("number = ?", number).Limit(1).Find(&o).Error
	return place{at: o.CreatedAt, id: o.ID, newer: p.Before != "" && o.ID != ""}, err
}

// ids reads the ids of the orders at a place, in the direction of the place.
func (s search) ids(db *gorm.DB, p place, limit int) ([]string, error) {
	if s.impossible() {
		return nil, nil
	}
	q := s.list(p, limit)
	var found []struct{ ID string }
	err := db.Raw(q.text.String(), q.values...).Scan(&found).Error
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	return ids, err
}

// lookUp finds the terms that a filter means.
func lookUp(db *gorm.DB, f OrderFilter) (search, error) {
	s := search{OrderFilter: f}
	asked := askedWords(f.Text)
	var goods []good
	if len(asked) > 0 {
		var err error
		if goods, err = allGoods(db); err != nil {
			return s, err
		}
	}
	// The longest word is in the fewest orders, as a rule: the list begins with it.
	slices.SortStableFunc(asked, func(a, b string) int { return utf8.RuneCountInString(b) - utf8.RuneCountInString(a) })
	for _, w := range asked {
		group, cut, err := termsLike(db, w, goods)
		if err != nil {
			return s, err
		}
		s.groups, s.cut = append(s.groups, group), s.cut || cut
	}
	if f.Text != "" && len(asked) == 0 {
		s.groups = append(s.groups, nil) // nothing but marks: in no order
	}
	if f.Only == OnlyRefunded { // rarer than what people are called
		s.groups = slices.Insert(s.groups, 0, []string{refundedTerm})
	}
	if f.Product == "" {
		return s, nil
	}
	var variants []string
	err := db.Model(&Variant{}).Where("product_id = (SELECT id FROM products WHERE slug = ?)", f.Product).
		Order("id").Limit(maxVariants).Pluck("id", &variants).Error
	s.groups = append(s.groups, variantTerms(variants))
	return s, err
}

// maxVariants bounds how many variants a product or a word may stand for.
const maxVariants = 100

func variantTerms(ids []string) []string {
	terms := make([]string, len(ids))
	for i, id := range ids {
		terms[i] = variantTerm(id)
	}
	return terms
}

// termsLike returns the words of orders that begin with the word, or that it ends with as a phone number, and
// what stands for the goods that have such a word; cut: only the first of them.
func termsLike(db *gorm.DB, w string, goods []good) (terms []string, cut bool, err error) {
	terms, cut, err = termsFrom(db, w)
	if err != nil {
		return nil, false, err
	}
	if end := phoneEnd(w); end != "" {
		terms = append(terms, end)
	}
	named := goodsLike(goods, w)
	cut = cut || len(named) > maxVariants
	return append(terms, named[:min(len(named), maxVariants)]...), cut, nil
}

// termsFrom reads the different words that begin with the word. One word may stand in any number of
// orders: the reading jumps from each word to the next.
func termsFrom(db *gorm.DB, w string) (terms []string, cut bool, err error) {
	const some = 200
	next, end := "term >= ?", w+"\U0010FFFF"
	for last := w; ; {
		var page []string
		err := db.Model(&orderTerm{}).Where(next+" AND term < ?", last, end).
			Order("term").Limit(some).Pluck("term", &page).Error
		if err != nil {
			return nil, false, err
		}
		for _, term := range page {
			if term != last || len(terms) == 0 {
				terms = append(terms, term)
			}
			next, last = "term > ?", term
		}
		if len(terms) > maxTerms {
			return terms[:maxTerms], true, nil
		}
		if len(page) < some {
			return terms, false, nil
		}
	}
}

// rowsOf reads the orders with these ids, in this order, and what a list shows of them: so many
// queries, however many orders.
func rowsOf(db *gorm.DB, ids []string) ([]OrderRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var orders []Order
	err := db.
		Preload("Items", func(db *gorm.DB) *gorm.DB { return db.Omit("delivery").Order("position") }).
		Preload("Payments", func(db *gorm.DB) *gorm.DB { return db.Omit("action_data").Order("created_at DESC, id DESC") }).
		Where("id IN ?", ids).Find(&orders).Error
	if err != nil {
		return nil, err
	}
	incidents, err := sumBy(db.Model(&Incident{}).Where("order_id IN ? AND status = ?", ids, IncidentOpen), "order_id", "COUNT(*)")
	if err != nil {
		return nil, err
	}
	rows := make([]OrderRow, len(orders))
	var telling []string
	for _, o := range orders {
		r := OrderRow{Order: o, Payment: o.tellingPayment(), Incidents: incidents[o.ID]}
		if r.Payment != nil {
			telling = append(telling, r.Payment.ID)
		}
		rows[slices.Index(ids, o.ID)] = r
	}
	sums := map[RefundStatus]map[string]int64{}
	for _, status := range []RefundStatus{RefundSucceeded, RefundPending} {
		sums[status], err = sumBy(db.Model(&Refund{}).Where("payment_id IN ? AND status = ?", telling, status), "order_id", "SUM(amount)")
		if err != nil {
			return nil, err
		}
	}
	for i := range rows {
		rows[i].Refunding = sums[RefundPending][rows[i].ID]
		rows[i].Refunded = sums[RefundSucceeded][rows[i].ID] + rows[i].Refunding
	}
	return rows, nil
}

// sumBy adds up what belongs to one id, for each.
func sumBy(db *gorm.DB, id, sum string) (map[string]int64, error) {
	var sums []struct {
		ID string
		N  int64
	}
	err := db.Select(id + " AS id, " + sum + " AS n").Group(id).Scan(&sums).Error
	byID := make(map[string]int64, len(sums))
	for _, sum := range sums {
		byID[sum.ID] = sum.N
	}
	return byID, err
}

// tellingPayment is the payment that paid the order, else the newest; the payments are the newest
// first.
func (o Order) tellingPayment() *Payment {
	for i := range o.Payments {
		if o.PaymentID != nil && o.Payments[i].ID == *o.PaymentID {
			return &o.Payments[i]
		}
	}
	if len(o.Payments) == 0 {
		return nil
	}
	return &o.Payments[0]
}

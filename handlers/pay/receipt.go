package pay

import (
	"context"
	"regexp"
	"slices"

	"saoma/handlers/web"
	"saoma/models"
)

// line is one line of the order in words.
type line struct {
	models.OrderItem
	Name      web.Text // as the buyer saw it
	Options   web.Text // likewise
	Sum       string
	Delivered []piece // once the order is paid beyond doubt
}

// piece is a part of a text, which leads somewhere when it is an address.
type piece struct{ Text, Link string }

// tellLines puts what was bought and what it costs into words.
func (page *orderPage) tellLines(s standing) {
	order := s.order
	page.Amount = page.Money(order.Money())
	page.Goods = page.inOrder(order.Goods)
	switch {
	case order.Shipped && order.Shipping > 0:
		page.Shipping = page.inOrder(order.Shipping)
	case order.Shipped:
		page.Shipping = page.T("cart.free")
	}
	for _, item := range order.Items {
		l := line{OrderItem: item, Name: page.Theirs(item.Seen()), Options: page.Theirs(item.OptionsSeen()), Sum: page.inOrder(item.Total())}
		if s.confirmed() && item.Delivery != "" {
			page.Handed = true
			l.Delivered = piecesOf(item.Delivery)
		}
		page.Lines = append(page.Lines, l)
	}
}

// inOrder writes minor units of the order's own currency.
func (page *orderPage) inOrder(minor int64) string {
	return page.Money(models.Money{Amount: minor, Currency: page.Order.Currency})
}

// returned is money that was given back, or is to be.
type returned struct{ Title, At, Money string }

// refundsOf reads what was given back of the order's money, or is to be. What a gateway refused is for
// staff to make good, and of what never came nothing can go back.
func (p *Pages) refundsOf(ctx context.Context, s standing) ([]models.Refund, error) {
	came := func(p models.Payment) bool { return p.Status == models.PaymentSucceeded && p.WrittenOffAt == nil }
	if !slices.ContainsFunc(s.order.Payments, came) {
		return nil, nil
	}
	refunds, err := p.store.Refunds(ctx, s.order.ID)
	return slices.DeleteFunc(refunds, func(r models.Refund) bool {
		return r.Status == models.RefundFailed || !slices.ContainsFunc(s.order.Payments, func(p models.Payment) bool { return p.ID == r.PaymentID && came(p) })
	}), err
}

// allBack reports whether all of the payment was given back, or is to be, and whether that is done.
func allBack(p *models.Payment, refunds []models.Refund) (all, done bool) {
	if p == nil || len(refunds) == 0 {
		return false, false
	}
	var sum int64
	done = true
	for _, r := range refunds {
		if r.PaymentID == p.ID {
			sum += r.Amount
			done = done && r.Status == models.RefundSucceeded
		}
	}
	return sum >= p.Amount, done
}

// tellRefunds puts what was given back into words.
func (page *orderPage) tellRefunds(refunds []models.Refund) {
	if len(refunds) == 0 {
		return
	}
	var paid, back int64
	done := true
	for _, p := range page.Order.Payments {
		if p.Status == models.PaymentSucceeded && p.WrittenOffAt == nil {
			paid += p.Amount
		}
	}
	for _, r := range refunds {
		back += r.Amount
		done = done && r.Status == models.RefundSucceeded
		key, at := "order.refund.pending", r.CreatedAt
		if r.Status == models.RefundSucceeded {
			key, at = "order.refund.succeeded", *r.SucceededAt
		}
		page.Returned = append(page.Returned, returned{page.T(key), page.Time(at), page.inOrder(-r.Amount)})
	}
	if done {
		page.Kept = page.inOrder(paid - back)
	}
}

// tellPayment says with what and when the order was paid.
func (page *orderPage) tellPayment(s standing) {
	if at := s.order.PaidAt; at != nil {
		page.PaidAt = page.Time(*at)
	}
	if page.Payment = s.payment(); page.Payment != nil {
		page.PaidWith = page.walletName(page.Payment.Wallet)
	}
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"]+`)

// piecesOf finds the web addresses in a text of the merchant's.
func piecesOf(text string) []piece {
	var pieces []piece
	end := 0
	for _, found := range webAddress.FindAllStringIndex(text, -1) {
		if found[0] > end {
			pieces = append(pieces, piece{Text: text[end:found[0]]})
		}
		address := text[found[0]:found[1]]
		pieces = append(pieces, piece{Text: address, Link: address})
		end = found[1]
	}
	if end < len(text) {
		pieces = append(pieces, piece{Text: text[end:]})
	}
	return pieces
}

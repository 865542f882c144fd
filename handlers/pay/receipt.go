package pay

import (
	"regexp"

	"saoma/handlers/web"
	"saoma/models"
)

// line is one line of the order in words.
type line struct {
	models.OrderItem
	Name      web.Text // as the buyer saw it
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
		l := line{OrderItem: item, Name: page.Theirs(item.Seen()), Sum: page.inOrder(item.Total())}
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

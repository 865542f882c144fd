package admin

import (
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// refundTyped is what a browser may send to give money of a payment back: all that is left, or an
// amount, or so many pieces of each line and perhaps the shipping.
type refundTyped struct {
	Payment  string `form:"payment" validate:"required,max=32"`
	Refunded string `form:"refunded" validate:"required,number,max=20"`
	All      bool
	Amount   string         `form:"amount" validate:"max=20"`
	Pieces   map[int]string // by the line's position
	Shipping bool
	Reason   string `form:"refund_reason" validate:"required,max=400"`
	// Elsewhere: the money is back already, and is only to be written down.
	Elsewhere bool
	Restock   bool // the pieces go back on the shelf
}

// refundForm is the form that offers it.
type refundForm struct {
	Payment     string
	Refunded    int64 // as the page shows it: a form that is sent twice is found out by it
	Lines       []refundLine
	Shipping    string // what shipping cost; empty: nothing
	Ship        bool
	MayRestock  bool // stock of some line is counted
	Restock     bool
	Amount      string
	Reason      string
	AmountError string
	ReasonError string
	ByHand      bool
	Elsewhere   bool // chosen
	Returned    bool // the gateway says that money went back which the shop does not know of
}

type refundLine struct {
	Name   string // of the field
	Label  string
	Most   int64
	Pieces string
	Error  string
}

func (p *orderPage) refundForm(s subject, row paymentRow, typed refundTyped, errs web.FieldErrors) *refundForm {
	f := &refundForm{Payment: row.Number, Refunded: row.Refunded, ByHand: row.Gateway == models.ByHand, Returned: row.Returned}
	mine := typed.Payment == row.Number
	if !mine {
		typed, errs = refundTyped{}, nil
	}
	f.Amount, f.Reason, f.Ship = typed.Amount, typed.Reason, typed.Shipping
	f.Restock = typed.Restock
	f.Elsewhere = typed.Elsewhere || !mine && row.Returned
	if key := errs["amount"]; key != "" {
		f.AmountError = p.T(key)
	}
	if key := errs["refund_reason"]; key != "" {
		f.ReasonError = p.T(key)
	}
	if !row.Pays {
		return f
	}
	for i, item := range s.order.Items {
		left := item.Quantity - models.Pieces(s.refunds, item.ID)
		if left <= 0 && typed.Pieces[i] == "" {
			continue
		}
		f.MayRestock = f.MayRestock || item.Counted
		label := item.Name
		if item.Options != "" {
			label += " · " + item.Options
		}
		line := refundLine{Name: models.PiecesField(i), Label: label, Most: left, Pieces: typed.Pieces[i]}
		if key := errs[line.Name]; key != "" {
			line.Error = p.T(key)
		}
		f.Lines = append(f.Lines, line)
	}
	if s.order.Shipping > 0 && !shippingBack(s.refunds) {
		f.Shipping = p.inOrder(s.order.Shipping)
	}
	return f
}

func readRefund(c *fiber.Ctx, o *models.Order) refundTyped {
	f := refundTyped{
		Payment: web.FormValue(c, "payment"), Refunded: web.FormValue(c, "refunded"), All: web.FormValue(c, "all") != "",
		Amount: web.FormValue(c, "amount"), Shipping: web.FormValue(c, "shipping") != "",
		Reason: web.FormValue(c, "refund_reason"), Pieces: map[int]string{}, Elsewhere: web.FormValue(c, "elsewhere") != "", Restock: web.FormValue(c, "restock") != "",
	}
	for i := range o.Items {
		f.Pieces[i] = web.FormValue(c, models.PiecesField(i))
	}
	return f
}

// refundPayment gives money of a payment back.
func (a *Pages) refundPayment(c *fiber.Ctx) error {
	order, err := a.store.OrderByNumber(c.UserContext(), c.Params("number"))
	if err != nil {
		return err
	}
	if err := a.ownPayment(c, web.FormValue(c, "payment")); err != nil {
		return err
	}
	form := readRefund(c, order)
	typed := orderForms{refund: form}
	refunded, _ := strconv.ParseInt(form.Refunded, 10, 64) // what is no number is refused
	amount, wrong := form.amount(order, refunded)
	if errs := web.Check(form).With(wrong); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	items, shipping, err := a.piecesOf(c, order, form)
	if err != nil {
		return err
	}
	r, err := a.payments.Refund(c.UserContext(), payments.StaffRefund{
		Payment: form.Payment, Amount: amount, Reason: form.Reason, Refunded: refunded, Seen: seenStatus(c), Elsewhere: form.Elsewhere, By: a.actor(c),
		Shipping: shipping, Items: items, Restock: form.Restock,
	})
	if err != nil {
		return a.acted(c, err, typed, "")
	}
	money := models.Money{Amount: r.Amount, Currency: r.Currency}.Format(a.base.Language(c).Code)
	if r.DecidedBy != "" {
		return a.acted(c, nil, typed, "admin.order.refund.written", "amount", money)
	}
	key := "admin.order.refund." + string(r.Status)
	if r.Status == models.RefundPending && r.Failure == payments.RefundByHand {
		key = "admin.order.refund.hand"
	}
	return a.acted(c, nil, typed, key, "amount", money, "reason", r.Failure)
}

// amount is how much the form asks for, or what is wrong with it.
func (f refundTyped) amount(o *models.Order, refunded int64) (amount int64, wrong web.FieldErrors) {
	pieces, wrong := f.pieces(o)
	switch {
	case wrong != nil:
		return 0, wrong
	case f.All:
		for _, p := range o.Payments {
			if p.Number == f.Payment {
				amount = p.Amount - refunded
			}
		}
	case f.Amount != "" && pieces > 0:
		return 0, web.FieldErrors{"amount": "invalid.refund_both"}
	case f.Amount != "":
		m, err := models.ParseMoney(f.Amount, o.Currency)
		if err != nil {
			return 0, web.FieldErrors{"amount": "invalid.amount"}
		}
		amount = m.Amount
	default:
		amount = pieces
	}
	if amount <= 0 {
		return 0, web.FieldErrors{"amount": "invalid.refund_nothing"}
	}
	return amount, nil
}

// piecesOf is what of the order the form is about: the chosen pieces and perhaps the shipping, or all
// that is left where all of the money goes back.
func (a *Pages) piecesOf(c *fiber.Ctx, o *models.Order, f refundTyped) (items []models.RefundItem, shipping bool, err error) {
	refunds, err := a.store.Refunds(c.UserContext(), o.ID)
	paid := o.PaidBy()
	if err != nil || paid == nil || paid.Number != f.Payment {
		return nil, false, err
	}
	for i, item := range o.Items {
		n, _ := parseCount(f.Pieces[i]) // what is no number was refused
		if f.All {
			n = item.Quantity - models.Pieces(refunds, item.ID)
		}
		if n > 0 {
			items = append(items, models.RefundItem{ItemID: item.ID, Quantity: n})
		}
	}
	return items, f.Shipping || f.All && o.Shipping > 0 && !shippingBack(refunds), nil
}

// shippingBack reports whether what the shipping cost was given back, or may yet be.
func shippingBack(refunds []models.Refund) bool {
	return slices.ContainsFunc(refunds, func(r models.Refund) bool { return r.Shipping && r.Status != models.RefundFailed })
}

// pieces is what the chosen pieces and the shipping cost, or what is wrong with their numbers.
func (f refundTyped) pieces(o *models.Order) (sum int64, wrong web.FieldErrors) {
	for i, item := range o.Items {
		n, ok := parseCount(f.Pieces[i])
		if !ok || n > item.Quantity {
			wrong = wrong.With(web.FieldErrors{models.PiecesField(i): models.ErrRefundPieces.Key})
			continue
		}
		sum += n * item.Price
	}
	if f.Shipping {
		sum += o.Shipping
	}
	return sum, wrong
}

package admin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// orderPage is everything about one order, and what may be done about it.
type orderPage struct {
	Page
	Order    *models.Order
	Filter   orderFilter
	Notice   *notice // why the last act was not done
	Badges   []badge
	Amount   string
	Goods    string
	Shipping string // empty when nothing is shipped
	Lines    []itemLine
	Way      string

	Back, Newer, Older string // addresses in the list that the reader came from
	Slip               string
	Proof              *proof
	Timeline           []event
	Payments           []paymentRow
	Refunds            []refundRow
	Incidents          []incidentRow
	Mails              []mailRow

	// Acts, nil or empty where they cannot be done, or not by this member.
	MayAsk   bool
	MayNote  bool
	NoteID   string // of the next note
	Note     []web.Field
	Cancel   []web.Field
	Fulfil   []web.Field
	Dispatch []web.Field
	MarkPaid []web.Field
	Blocked  string // why a paid order cannot be fulfilled yet

	CancelOpen, DispatchOpen, MarkPaidOpen bool // something was typed there
}

// itemLine is a line of the order in words.
type itemLine struct {
	models.OrderItem
	Each, Sum string
}

// paymentRow is an attempt in words, and what may be done with its money.
type paymentRow struct {
	models.Payment
	Money     string
	Way       string
	State     string
	Pays      bool // it paid the order
	Left      int64
	LeftMoney string
	Refunded  int64
	Refund    *refundForm // nil: nothing can be given back
	Returned  bool        // the gateway says that money went back which the shop does not know of
	Revive    bool
	WriteOff  *saying // that its money has not come; nil: cannot be said
}

// refundRow is a refund in words.
type refundRow struct {
	models.Refund
	Money, State string
	What         []string // of the order it is for
	End          *saying  // what became of it; nil: cannot be said
}

// saying is a form in which a person says something about some money, and how it is known.
type saying struct{ About, Note, Problem string }

// subject is what the pages of one order are made from.
type subject struct {
	order     *models.Order
	evidence  []models.Evidence
	refunds   []models.Refund
	incidents []models.Incident
	mails     []models.Mail
}

func (a *Pages) subject(c *fiber.Ctx) (s subject, err error) {
	ctx := c.UserContext()
	if s.order, err = a.store.OrderByNumber(ctx, c.Params("number")); err != nil {
		return s, err
	}
	if s.evidence, err = a.store.Evidence(ctx, s.order.ID); err != nil {
		return s, err
	}
	if s.refunds, err = a.store.Refunds(ctx, s.order.ID); err != nil {
		return s, err
	}
	if s.incidents, err = a.store.Incidents(ctx, s.order.ID); err != nil {
		return s, err
	}
	s.mails, err = a.store.Mails(ctx, s.order.ID)
	return s, err
}

// refunded is how much of a payment was given back, or may yet be.
func (s subject) refunded(paymentID string) (sum int64) {
	for _, r := range s.refunds {
		if r.PaymentID == paymentID && r.Status != models.RefundFailed {
			sum += r.Amount
		}
	}
	return sum
}

// refunding is how much of a payment is on its way back.
func (s subject) refunding(paymentID string) (sum int64) {
	for _, r := range s.refunds {
		if r.PaymentID == paymentID && r.Status == models.RefundPending {
			sum += r.Amount
		}
	}
	return sum
}

// inConflict reports whether a conflict about the payment is open, by this cause.
func (s subject) inConflict(paymentID, cause string) bool {
	return slices.ContainsFunc(s.incidents, func(i models.Incident) bool {
		return i.Status == models.IncidentOpen && i.Kind == models.IncidentConflict && i.Cause == cause && i.PaymentID != nil && *i.PaymentID == paymentID
	})
}

// blocked is the key of why the order, which is paid, cannot be sent; empty: it can.
func (s subject) blocked() string {
	payment := s.order.PaidBy()
	switch {
	case payment != nil && payment.WrittenOffAt != nil:
		return "admin.order.fulfil.written_off"
	case payment == nil || payment.ConfirmedAt == nil:
		return "admin.order.fulfil.not_confirmed"
	case s.refunded(payment.ID) >= payment.Amount && s.refunding(payment.ID) > 0:
		return "admin.order.fulfil.refunding"
	case s.refunded(payment.ID) >= payment.Amount:
		return "admin.order.fulfil.refunded"
	case slices.ContainsFunc(s.incidents, func(i models.Incident) bool {
		return i.Status == models.IncidentOpen && i.Kind == models.IncidentConflict
	}):
		return "admin.order.fulfil.conflict"
	}
	return ""
}

// incident is one of the order's, as a list would have it.
func (s subject) incident(i models.Incident) models.IncidentRow {
	row := models.IncidentRow{Incident: i, Order: s.order, Payment: paymentOf(s.order, i.PaymentID)}
	if row.Payment != nil {
		row.Refunded = s.refunded(row.Payment.ID)
	}
	for n := range s.refunds {
		if i.RefundID != nil && s.refunds[n].ID == *i.RefundID {
			row.OfRefund = &s.refunds[n]
		}
	}
	return row
}

// row is the order as a list would show it.
func (s subject) row() models.OrderRow {
	r := models.OrderRow{Order: *s.order, Payment: s.order.PaidBy()}
	if r.Payment != nil {
		r.Refunded, r.Refunding = s.refunded(r.Payment.ID), s.refunding(r.Payment.ID)
	}
	for _, i := range s.incidents {
		if i.Status == models.IncidentOpen {
			r.Incidents++
		}
	}
	return r
}

func (a *Pages) showOrder(c *fiber.Ctx) error { return a.orderAs(c, orderForms{}, nil, nil) }

// orderAs shows the order with what was typed into its forms, and why an act was not done.
func (a *Pages) orderAs(c *fiber.Ctx, typed orderForms, errs web.FieldErrors, refused *models.Error) error {
	s, err := a.subject(c)
	if err != nil {
		return err
	}
	page := orderPage{
		Page: a.page(c, "admin.order.title", "number", s.order.Number), Order: s.order, Filter: filterOf(c),
		Amount: c.Params("number"), Slip: "/admin/orders/" + s.order.Number + "/slip",
	}
	page.tellOrder(s)
	if err := a.tellPlace(c, &page); err != nil {
		return err
	}
	page.Proof = a.proofOf(page.Page, s)
	page.Timeline = timeline(page.Page, s)
	page.tellMoney(s, a.store.Now(), typed, errs)
	here := page.Filter.at("/admin/orders/" + s.order.Number)
	for _, i := range slices.Backward(s.incidents) {
		page.Incidents = append(page.Incidents, page.incident(s.incident(i), a.store.Now(), here))
	}
	page.tellMails(s, a.store.SendsMail())
	page.offerActs(s, typed, errs)
	if errs != nil {
		refused = errMistakes
	}
	if refused != nil {
		key := cmp.Or(forStaff[refused.Key], refused.Key)
		page.Notice = &notice{Text: page.T(key), Advice: page.T(key + ".advice")}
		page.Notice.list(page.Note, page.Cancel, page.Fulfil, page.Dispatch, page.MarkPaid, page.moneyFields())
		if refused.Is(models.ErrOrderMoved) {
			page.Notice.LastAct = page.lastAct(s.evidence)
		}
		c.Status(statusOf(refused))
	}
	return a.render(c, "admin/order", &page)
}

// forStaff are refusals whose own words are for buyers.
var forStaff = map[string]string{
	models.ErrOrderNotFound.Key: payments.ErrUnknownOrder.Key,
	payments.ErrStillAsking.Key: "admin.refused.still_asking",
	payments.ErrGatewayDown.Key: "admin.refused.gateway_down",
	models.ErrOutOfStock.Key:    "admin.refused.out_of_stock",
}

// errMistakes stands above the fields that say what is wrong.
var errMistakes = &models.Error{Kind: models.Invalid, Key: "error.mistakes"}

// statusOf is the status of a page that says why an act was not done.
func statusOf(e *models.Error) int {
	switch e.Kind {
	case models.Invalid:
		return http.StatusUnprocessableEntity
	case models.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusConflict
	}
}

func paymentOf(o *models.Order, id *string) *models.Payment {
	if id == nil {
		return nil
	}
	i := slices.IndexFunc(o.Payments, func(p models.Payment) bool { return p.ID == *id })
	if i < 0 {
		return nil
	}
	return &o.Payments[i]
}

func (p *orderPage) inOrder(minor int64) string {
	return p.Money(models.Money{Amount: minor, Currency: p.Order.Currency})
}

// tellOrder puts what was bought into words.
func (p *orderPage) tellOrder(s subject) {
	p.Amount, p.Goods = p.inOrder(s.order.Amount), p.inOrder(s.order.Goods)
	if s.order.Shipped {
		p.Shipping = p.inOrder(s.order.Shipping)
	}
	p.Way, p.Badges = p.way(s.order.Wallet, s.order.Gateway), p.badges(s.row())
	for _, item := range s.order.Items {
		p.Lines = append(p.Lines, itemLine{item, p.inOrder(item.Price), p.inOrder(item.Total())})
	}
}

// tellPlace finds the orders beside this one in the list that the reader came from.
func (a *Pages) tellPlace(c *fiber.Ctx, p *orderPage) error {
	m := p.Filter.forStore(a.store.Now(), a.base.Config.TimeZone)
	newer, older, err := a.store.Neighbours(c.UserContext(), m, p.Order.Number)
	if err != nil {
		return err
	}
	p.Back = p.Filter.at("/admin/orders")
	if newer != "" {
		p.Newer = p.Filter.at("/admin/orders/" + newer)
	}
	if older != "" {
		p.Older = p.Filter.at("/admin/orders/" + older)
	}
	return nil
}

// Act is the address of an act on the order; what comes after it is again this page in this list.
func (p *orderPage) Act(act string) string {
	return p.Filter.at("/admin/orders/" + p.Order.Number + "/" + act)
}

// MayAct reports whether there is something to do about the order here.
func (p *orderPage) MayAct() bool {
	forms := len(p.Fulfil) + len(p.Dispatch) + len(p.Cancel) + len(p.MarkPaid)
	return forms > 0 || p.MayAsk || p.Blocked != "" || p.Order.Shipped
}

// may reports whether the member may do an act on orders.
func (p *orderPage) may(act string) bool { return p.May(post, "/admin/orders/:number/"+act) }

// tellMoney lists attempts and refunds, and offers what may be done with the money.
func (p *orderPage) tellMoney(s subject, now time.Time, typed orderForms, errs web.FieldErrors) {
	for _, payment := range s.order.Payments {
		row := paymentRow{
			Payment: payment, Money: p.Money(payment.Money()), Way: p.way(payment.Wallet, payment.Gateway),
			State: p.T("admin.payment." + string(payment.Status)),
			Pays:  s.order.PaymentID != nil && *s.order.PaymentID == payment.ID,
		}
		if payment.Status == models.PaymentSucceeded {
			row.Refunded = s.refunded(payment.ID)
			row.Left = payment.Amount - row.Refunded
			row.LeftMoney = p.inOrder(row.Left)
			row.Returned = s.inConflict(payment.ID, models.CauseReturned)
			row.Revive = s.order.PaidAt == nil && row.Refunded == 0 && p.may("revive")
			if row.Left > 0 && p.may("refund") {
				row.Refund = p.refundForm(s, row, typed.refund, errs)
			}
		}
		if canWriteOff(payment, row.Refunded) && p.may("writeoff") {
			row.WriteOff = p.saying(payment.Number, typed.off.Payment, typed.off.Note, errs["off_note"])
		}
		p.Payments = append(p.Payments, row)
	}
	for _, r := range s.refunds {
		state := "admin.refund." + string(r.Status)
		if paymentOf(s.order, &r.PaymentID).WrittenOffAt != nil {
			state = "admin.refund.written_off"
		}
		row := refundRow{Refund: r, Money: p.Money(models.Money{Amount: r.Amount, Currency: r.Currency}), State: p.T(state)}
		for _, item := range s.order.Items {
			if n := models.Pieces([]models.Refund{{Items: r.Items}}, item.ID); n > 0 {
				row.What = append(row.What, fmt.Sprintf("%d × %s", n, item.Name))
			}
		}
		if r.Shipping {
			row.What = append(row.What, p.T("order.shipping"))
		}
		if r.Undecided(now, s.incidents) && p.may("refund/end") {
			row.End = p.saying(r.Number, typed.end.Refund, typed.end.Note, errs["end_note"])
		}
		p.Refunds = append(p.Refunds, row)
	}
}

// moneyFields are what can be at fault in the forms about money, as the page names them.
func (p *orderPage) moneyFields() (all []web.Field) {
	for _, row := range p.Payments {
		if f := row.Refund; f != nil {
			for _, line := range f.Lines {
				all = append(all, web.Field{Name: line.Name, Label: line.Label, Error: line.Error})
			}
			all = append(all,
				web.Field{Name: "amount-" + f.Payment, Label: p.T("admin.order.refund.amount"), Error: f.AmountError},
				web.Field{Name: "reason-" + f.Payment, Label: p.T("field.refund_reason"), Error: f.ReasonError})
		}
		if f := row.WriteOff; f != nil {
			all = append(all, web.Field{Name: "off-note-" + f.About, Label: p.T("admin.order.off.note"), Error: f.Problem})
		}
	}
	for _, row := range p.Refunds {
		if f := row.End; f != nil {
			all = append(all, web.Field{Name: "end-note-" + f.About, Label: p.T("admin.order.end.note"), Error: f.Problem})
		}
	}
	return all
}

// canWriteOff reports whether a person may say that the money of a payment has not come.
func canWriteOff(payment models.Payment, refunded int64) bool {
	return payment.Status == models.PaymentSucceeded && payment.ConfirmedAt == nil && refunded == 0
}

// saying is the form about something, with what was typed if that was about it.
func (p *orderPage) saying(about, typedAbout, note, problem string) *saying {
	if about != typedAbout {
		return &saying{About: about}
	}
	f := &saying{About: about, Note: note}
	if problem != "" {
		f.Problem = p.T(problem)
	}
	return f
}

// offerActs offers what can be done with the order as it stands, by this member.
func (p *orderPage) offerActs(s subject, typed orderForms, errs web.FieldErrors) {
	o := s.order
	p.MayAsk, p.MayNote = p.may("ask") && slices.ContainsFunc(o.Payments, ofGateway), p.may("note")
	p.NoteID = models.NewID()
	p.Note = p.Fields(errs, web.Field{Name: "text", Value: typed.Text, Max: maxNote, Rows: 3, Wide: true})
	dispatch := func(d models.Dispatch) []web.Field {
		return p.Fields(errs,
			web.Field{Name: "carrier", Value: cmp.Or(typed.Carrier, d.Carrier), Max: 100, Autocomplete: "off", Optional: "field.optional"},
			web.Field{Name: "tracking", Value: cmp.Or(typed.Tracking, d.Tracking), Max: 100, Autocomplete: "off", Optional: "field.optional"})
	}
	switch {
	case o.Status == models.OrderPending && p.may("cancel"):
		p.Cancel = p.Fields(errs, web.Field{Name: "cancel_reason", Value: typed.CancelReason, Max: 500, Optional: "field.optional", Autocomplete: "off"})
	case o.Status == models.OrderFulfilled && p.may("dispatch"):
		p.Dispatch = dispatch(o.Dispatch())
	case o.Status != models.OrderPaid || !p.may("fulfil"):
	case s.blocked() != "":
		p.Blocked = p.T(s.blocked())
	default:
		p.Fulfil = dispatch(models.Dispatch{})
	}
	p.CancelOpen, p.DispatchOpen = typed.CancelReason != "", typed.dispatchForm != dispatchForm{}
	if o.PaidAt == nil && p.may("paid") {
		p.MarkPaid = p.Fields(errs,
			web.Field{Name: "reference", Value: typed.Reference, Max: 64, Autocomplete: "off", Hint: "admin.order.paid.reference_hint"},
			web.Field{Name: "paid_note", Value: typed.PaidNote, Max: 1000, Rows: 2},
			web.Field{Name: "confirm", Value: typed.Confirm, Max: 32, Autocomplete: "off", Hint: "admin.order.paid.confirm_hint"})
		p.MarkPaidOpen = typed.paidForm != paidForm{} || len(web.Mistakes(p.MarkPaid)) > 0
	}
}

// ofGateway reports whether there is a gateway to be asked about an attempt.
func ofGateway(p models.Payment) bool { return p.Gateway != models.ByHand }

// proof is why the order counts as paid, in a sentence.
type proof struct {
	Text  string
	Alarm bool // it should be proven, and is not
}

func (a *Pages) proofOf(page Page, s subject) *proof {
	if err := models.VerifyChain(*s.order, s.evidence); err != nil {
		a.log.Error("evidence of an order was changed", "order", s.order.Number, "err", err)
		return &proof{page.T("admin.order.proof.chain_broken"), true}
	}
	if s.order.PaidAt == nil {
		return nil
	}
	found, err := a.payments.Proof(s.order, s.evidence)
	if err != nil {
		if !errors.Is(err, payments.ErrUnproven) {
			err = errors.Join(payments.ErrUnproven, err)
		}
		a.log.Error("a paid order is not proven", "order", s.order.Number, "err", err)
		return &proof{page.T("admin.order.proof.none"), true}
	}
	if at := s.order.PaidBy().WrittenOffAt; at != nil {
		i := slices.IndexFunc(s.refunds, func(r models.Refund) bool { return r.PaymentID == *s.order.PaymentID })
		return &proof{page.T("admin.order.proof.written_off", "person", s.refunds[i].DecidedBy, "time", page.Time(*at)), true}
	}
	return &proof{Text: page.proofText(found)}
}

func (p Page) proofText(f payments.Proof) string {
	args := []any{
		"amount", p.Money(f.Money), "gateway", p.T("gateway." + string(f.Gateway)), "number", f.Number,
		"reference", cmp.Or(f.Reference, "–"), "time", p.Time(f.At), "person", f.Person,
	}
	if f.Person != "" {
		return p.T("admin.order.proof.by_hand", args...)
	}
	text := p.T("admin.order.proof."+string(f.By), args...)
	if f.ConfirmedBy == "" {
		text += " " + p.T("admin.order.proof.unconfirmed")
	} else if f.ConfirmedBy != f.By {
		text += " " + p.T("admin.order.proof.confirmed", "time", p.Time(f.ConfirmedAt))
	}
	if f.Verifies {
		return text + " " + p.T("admin.order.proof.verifies")
	}
	return text + " " + p.T("admin.order.proof.old_key")
}

// slipPage is the packing slip: what goes into the parcel and where it goes, and no prices.
type slipPage struct {
	Page
	Order *models.Order
	Lines []models.OrderItem
	Stop  string // why nothing is to be sent; empty: it may be, or was
}

func (a *Pages) showSlip(c *fiber.Ctx) error {
	s, err := a.subject(c)
	if err != nil {
		return err
	}
	page := slipPage{Page: a.page(c, "admin.slip.title", "number", s.order.Number), Order: s.order}
	switch {
	case s.order.PaidAt == nil:
		page.Stop = page.T("admin.slip.unpaid", "state", page.T("state."+string(s.order.Status)))
	case s.order.Status == models.OrderPaid && s.blocked() != "":
		page.Stop = page.T(s.blocked())
	}
	for _, item := range s.order.Items {
		item.Quantity -= models.Pieces(s.refunds, item.ID)
		if !item.Digital && item.Quantity > 0 {
			page.Lines = append(page.Lines, item)
		}
	}
	return a.render(c, "admin/slip", page)
}

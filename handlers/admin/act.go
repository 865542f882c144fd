package admin

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// maxNote is how long a note may be.
const maxNote = 2000

// orderForms is what a browser may send to act on an order: each act its own fields.
type orderForms struct {
	Text         string
	CancelReason string
	dispatchForm
	paidForm
	refund refundTyped
	end    endForm
	off    writeOffForm
}

type noteForm struct {
	Text string `form:"text" validate:"required,max=2000"`
}

type cancelForm struct {
	Reason string `form:"cancel_reason" validate:"max=500"`
}

type dispatchForm struct {
	Carrier  string `form:"carrier" validate:"max=100"`
	Tracking string `form:"tracking" validate:"max=100"`
}

type paidForm struct {
	Reference string `form:"reference" validate:"required,max=64"`
	PaidNote  string `form:"paid_note" validate:"required,max=1000"`
	Confirm   string `form:"confirm" validate:"required,max=32"`
}

// acted ends an act on an order: it says what was done, or shows the order as it is now and why the
// act was not done, with all that was typed.
func (a *Pages) acted(c *fiber.Ctx, err error, typed orderForms, key string, args ...any) error {
	if err == nil {
		return a.done(c, filterOf(c).at("/admin/orders/"+c.Params("number")), key, args...)
	}
	refused, ok := errors.AsType[*models.Error](err)
	switch {
	case errors.Is(err, models.ErrStoreDown): // whatever else could not be done because of it
		return models.ErrStoreDown.Because(err)
	case !ok, refused.Kind == models.Internal, refused.Kind == models.NotFound:
		return err
	case refused.Kind == models.Invalid && refused.Field != "":
		return a.orderAs(c, typed, web.FieldErrors{refused.Field: refused.Key}, nil)
	default:
		return a.orderAs(c, typed, nil, refused)
	}
}

// ask asks the gateways about every attempt that they know of, and says what they say.
func (a *Pages) ask(c *fiber.Ctx) error {
	order, err := a.store.OrderByNumber(c.UserContext(), c.Params("number"))
	if err != nil {
		return err
	}
	answers, err := a.payments.AskAgain(c.UserContext(), order, a.actor(c))
	if errors.Is(err, payments.ErrStillAsking) {
		a.log.Warn("gateway not asked", "order", order.Number, "err", err)
		err = payments.ErrGatewayDown.Because(err)
	}
	if err != nil {
		return a.acted(c, err, orderForms{}, "")
	}
	fresh, err := a.store.OrderByID(c.UserContext(), order.ID)
	if err != nil {
		return err
	}
	say := a.base.Language(c)
	var says []string
	for _, answer := range answers {
		says = append(says, say.Text("admin.order.ask.says", "gateway", say.Text("gateway."+string(answer.Gateway)), "says", say.Text("admin.says."+string(answer.State))))
	}
	return a.acted(c, nil, orderForms{}, "admin.order.ask.done", "answers", strings.Join(says, " · "), "state", say.Text("state."+string(fresh.Status)))
}

func (a *Pages) cancelOrder(c *fiber.Ctx) error {
	form := cancelForm{web.FormValue(c, "cancel_reason")}
	typed := orderForms{CancelReason: form.Reason}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	err := a.payments.Cancel(c.UserContext(), c.Params("number"), form.Reason, a.actor(c))
	return a.acted(c, err, typed, "admin.order.cancel.done")
}

func readDispatch(c *fiber.Ctx) dispatchForm {
	return dispatchForm{Carrier: web.FormValue(c, "carrier"), Tracking: web.FormValue(c, "tracking")}
}

func (f dispatchForm) dispatch() models.Dispatch { return models.Dispatch(f) }

func (a *Pages) fulfil(c *fiber.Ctx) error {
	form := readDispatch(c)
	typed := orderForms{dispatchForm: form}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	err := a.store.Fulfil(c.UserContext(), c.Params("number"), form.dispatch(), a.actor(c))
	return a.acted(c, err, typed, "admin.order.fulfil.done")
}

// changeDispatch corrects how an order went on its way.
func (a *Pages) changeDispatch(c *fiber.Ctx) error {
	form := readDispatch(c)
	typed := orderForms{dispatchForm: form}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	seen := models.Dispatch{Carrier: web.FormValue(c, "seen_carrier"), Tracking: web.FormValue(c, "seen_tracking")}
	err := a.store.ChangeDispatch(c.UserContext(), c.Params("number"), seen, form.dispatch(), a.actor(c))
	return a.acted(c, err, typed, "admin.order.dispatch.done")
}

func (a *Pages) addNote(c *fiber.Ctx) error {
	form := noteForm{web.FormLines(c, "text")}
	typed := orderForms{Text: form.Text}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	note := models.Note{ID: cut(web.FormValue(c, "note"), 36), Text: form.Text}
	if note.ID == "" {
		return web.ErrForeignForm
	}
	err := a.store.AddNote(c.UserContext(), c.Params("number"), note, a.actor(c))
	return a.acted(c, err, typed, "admin.order.note.done")
}

// markPaid confirms by hand that an order is paid. The typed number shows that it is meant.
func (a *Pages) markPaid(c *fiber.Ctx) error {
	form := paidForm{
		Reference: web.FormValue(c, "reference"), PaidNote: web.FormLines(c, "paid_note"), Confirm: web.FormValue(c, "confirm"),
	}
	typed := orderForms{paidForm: form}
	errs := web.Check(form)
	if form.Confirm != "" && !strings.EqualFold(form.Confirm, c.Params("number")) {
		errs = errs.With(web.FieldErrors{"confirm": "invalid.confirm"})
	}
	if errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	err := a.payments.MarkPaid(c.UserContext(), c.Params("number"), payments.HandPayment{
		Reference: form.Reference, Note: form.PaidNote, Seen: seenStatus(c), By: a.actor(c),
	})
	return a.acted(c, err, typed, "admin.order.paid.done")
}

// endForm is what a browser may send to say what became of a refund.
type endForm struct {
	Refund  string `form:"refund" validate:"required,max=32"`
	Through string // yes or no
	Note    string `form:"end_note" validate:"required,max=1000"`
}

// endRefund ends a refund on the member's word.
func (a *Pages) endRefund(c *fiber.Ctx) error {
	form := endForm{web.FormValue(c, "refund"), web.FormValue(c, "through"), web.FormLines(c, "end_note")}
	typed := orderForms{end: form}
	if form.Through != "yes" && form.Through != "no" {
		return fiber.ErrBadRequest
	}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	order, err := a.store.OrderByNumber(c.UserContext(), c.Params("number"))
	if err != nil {
		return err
	}
	refund, err := a.store.RefundByNumber(c.UserContext(), form.Refund)
	if err != nil {
		return err
	}
	if refund.OrderID != order.ID {
		return models.ErrRefundNotFound
	}
	err = a.payments.EndRefund(c.UserContext(), payments.RefundEnd{
		Refund: form.Refund, Through: form.Through == "yes", Note: form.Note, By: a.actor(c),
	})
	return a.acted(c, err, typed, "admin.order.end.done."+form.Through)
}

// writeOffForm is what a browser may send to write off a payment whose money has not come.
type writeOffForm struct {
	Payment string `form:"payment" validate:"required,max=32"`
	Note    string `form:"off_note" validate:"required,max=400"`
}

// writeOff ends an order that counts as paid without a proof, and whose money has not come.
func (a *Pages) writeOff(c *fiber.Ctx) error {
	form := writeOffForm{web.FormValue(c, "payment"), web.FormLines(c, "off_note")}
	if err := a.ownPayment(c, form.Payment); err != nil {
		return err
	}
	typed := orderForms{off: form}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	err := a.payments.WriteOff(c.UserContext(), form.Payment, form.Note, seenStatus(c), a.actor(c))
	return a.acted(c, err, typed, "admin.order.off.done")
}

// revive pays an order that has ended with money of it that came late.
func (a *Pages) revive(c *fiber.Ctx) error {
	if err := a.ownPayment(c, web.FormValue(c, "payment")); err != nil {
		return err
	}
	err := a.payments.Revive(c.UserContext(), web.FormValue(c, "payment"), seenStatus(c), a.actor(c))
	return a.acted(c, err, orderForms{}, "admin.order.revive.done")
}

// seenStatus is the status that the order had on the page where the act was decided on.
func seenStatus(c *fiber.Ctx) *models.OrderStatus {
	return new(models.OrderStatus(web.FormValue(c, "seen")))
}

// ownPayment refuses a payment that is not of the order that the address names.
func (a *Pages) ownPayment(c *fiber.Ctx, number string) error {
	order, err := a.store.OrderByNumber(c.UserContext(), c.Params("number"))
	if err != nil {
		return err
	}
	for _, p := range order.Payments {
		if p.Number == number {
			return nil
		}
	}
	return models.ErrPaymentNotFound
}

func parseCount(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0
}

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

// ask asks the gateways about every attempt whose fate is not final.
func (a *Pages) ask(c *fiber.Ctx) error {
	order, err := a.store.OrderByNumber(c.UserContext(), c.Params("number"))
	if err != nil {
		return err
	}
	if err := a.payments.AskAgain(c.UserContext(), order); err != nil {
		a.log.Warn("gateway not asked", "order", order.Number, "err", err)
		return a.acted(c, payments.ErrGatewayDown.Because(err), orderForms{}, "")
	}
	if err := a.audit(c, models.ActAsk, order.Number, ""); err != nil {
		return err
	}
	fresh, err := a.store.OrderByID(c.UserContext(), order.ID)
	if err != nil {
		return err
	}
	state := a.base.Language(c).Text("state." + string(fresh.Status))
	return a.acted(c, nil, orderForms{}, "admin.order.ask.done", "state", state)
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
	form := noteForm{web.FormValue(c, "text")}
	typed := orderForms{Text: form.Text}
	if errs := web.Check(form); errs != nil {
		return a.orderAs(c, typed, errs, nil)
	}
	err := a.store.AddNote(c.UserContext(), c.Params("number"), form.Text, a.actor(c))
	return a.acted(c, err, typed, "admin.order.note.done")
}

// markPaid confirms by hand that an order is paid. The typed number shows that it is meant.
func (a *Pages) markPaid(c *fiber.Ctx) error {
	form := paidForm{
		Reference: web.FormValue(c, "reference"), PaidNote: web.FormValue(c, "paid_note"), Confirm: web.FormValue(c, "confirm"),
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
		Reference: form.Reference, Note: form.PaidNote, By: a.actor(c),
	})
	return a.acted(c, err, typed, "admin.order.paid.done")
}

// revive pays an order that has ended with money of it that came late.
func (a *Pages) revive(c *fiber.Ctx) error {
	if err := a.ownPayment(c, web.FormValue(c, "payment")); err != nil {
		return err
	}
	err := a.payments.Revive(c.UserContext(), web.FormValue(c, "payment"), a.actor(c))
	return a.acted(c, err, orderForms{}, "admin.order.revive.done")
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

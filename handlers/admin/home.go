package admin

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// homePage is what needs attention first, each with what settles it.
type homePage struct {
	Page
	Calm       bool
	Open       int64 // incidents
	Incidents  []incidentRow
	Refunds    []waitingRefund
	Confirming []waitingOrder
	Refused    string // when the last message came that names no order of ours
	Low        []models.Variant

	// What was typed about an incident and refused.
	At, Decision, DecisionError string
}

type waitingRefund struct {
	models.RefundRow
	Address, Money, Age string
}

type waitingOrder struct {
	models.OrderRow
	Address, Money, Age string
	MayAsk              bool
}

// showHome is the first page.
func (a *Pages) showHome(c *fiber.Ctx) error { return a.homeAs(c, "", "", nil) }

func (a *Pages) homeAs(c *fiber.Ctx, at, decision string, errs web.FieldErrors) error {
	page := homePage{Page: a.page(c, "admin.home.title"), At: at, Decision: decision}
	attention, err := a.store.Attention(c.UserContext())
	if err != nil {
		return err
	}
	if page.May(get, "/admin/orders") {
		a.tellWaiting(&page, attention)
	}
	page.Low = attention.Low
	page.Calm = page.Refused == "" && len(page.Incidents)+len(page.Refunds)+len(page.Confirming)+len(page.Low) == 0
	if key := errs["decision"]; key != "" {
		page.DecisionError = page.T(key)
		c.Status(http.StatusUnprocessableEntity)
	}
	return a.render(c, "admin/home", page)
}

// tellWaiting puts what waits about orders into words.
func (a *Pages) tellWaiting(page *homePage, waiting models.Attention) {
	now := a.store.Now()
	if waiting.Refused != nil {
		page.Refused = page.Time(*waiting.Refused)
	}
	page.Open = waiting.Open
	for _, i := range waiting.Incidents {
		page.Incidents = append(page.Incidents, page.incident(i, now))
	}
	for _, r := range waiting.Refunds {
		page.Refunds = append(page.Refunds, waitingRefund{
			r, "/admin/orders/" + r.Order.Number, page.Money(models.Money{Amount: r.Amount, Currency: r.Currency}), page.age(now.Sub(r.CreatedAt)),
		})
	}
	for _, o := range waiting.Confirming {
		page.Confirming = append(page.Confirming, waitingOrder{
			o, "/admin/orders/" + o.Number, page.Money(o.Order.Money()), page.age(now.Sub(*o.PaidAt)), page.May(post, "/admin/orders/:number/ask"),
		})
	}
}

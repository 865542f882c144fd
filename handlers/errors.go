package handlers

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// retryAfter is the hint, in seconds, that goes with "try again later".
const retryAfter = "5"

// failure is what an error becomes outside.
type failure struct {
	status int
	key    string // of the message; its advice is key + ".advice"
}

// The failures that no models.Error names.
var (
	internalFailure    = failure{http.StatusInternalServerError, "error.internal"}
	foreignFormFailure = failure{http.StatusForbidden, "error.foreign_form"}
	busyFailure        = failure{http.StatusServiceUnavailable, "error.store_down"}
	byStatus           = map[int]failure{
		http.StatusNotFound:              {http.StatusNotFound, "error.page_not_found"},
		http.StatusMethodNotAllowed:      {http.StatusMethodNotAllowed, "error.method"},
		http.StatusRequestEntityTooLarge: {http.StatusRequestEntityTooLarge, "error.too_large"},
	}
	statusOfKind = map[models.Kind]int{
		models.Internal:    http.StatusInternalServerError,
		models.Invalid:     http.StatusBadRequest,
		models.NotFound:    http.StatusNotFound,
		models.Conflict:    http.StatusConflict,
		models.Unavailable: http.StatusServiceUnavailable,
		models.TooMany:     http.StatusTooManyRequests,
		models.Forbidden:   http.StatusForbidden,
	}
)

// nextStep is where the error page leads on to, by the message's key; to the shop as a rule.
var nextStep = map[string]struct{ address, text string }{
	models.ErrOutOfStock.Key:    {"/cart", "error.to_cart"},
	models.ErrNotForSale.Key:    {"/cart", "error.to_cart"},
	"error.cart_full":           {"/cart", "error.to_cart"},
	models.ErrPriceChanged.Key:  {"/checkout", "error.to_checkout"},
	models.ErrOrderNotFound.Key: {"/orders", "error.to_orders"},
	models.ErrTooManyUnpaid.Key: {"/orders", "error.to_orders"},
	models.ErrHeldHere.Key:      {"/checkout", "error.to_checkout"},
}

// errorPage tells what went wrong and what to do next.
type errorPage struct {
	web.Page
	Heading, Advice string
	Next, NextText  string
	RequestID       string // for our own faults, so that staff find the log line
}

// fail answers an error, once for all handlers. What a person may not see stays in the log. A
// gateway gets bare words, a script gets JSON, everybody else a page.
func (a *App) fail(c *fiber.Ctx, err error) error {
	f := failureOf(err)
	c.Status(f.status)
	a.base.SetSecurityHeaders(c) // what fails early has none yet
	c.Response().Header.Del(fiber.HeaderLocation)
	if f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests {
		c.Set(fiber.HeaderRetryAfter, retryAfter)
	}
	switch {
	case strings.HasPrefix(c.Path(), "/pay/notify/"):
		return c.SendString(http.StatusText(f.status))
	case strings.HasPrefix(c.Path(), "/o/") && strings.HasSuffix(c.Path(), "/status"):
		return c.JSON(fiber.Map{"error": f.plain()})
	default:
		return a.showFailure(c, f)
	}
}

// plain is the failure for programs, in words that stay as they are.
func (f failure) plain() string {
	if f.key == models.ErrOrderNotFound.Key {
		return "order not found"
	}
	return strings.ToLower(http.StatusText(f.status))
}

func (a *App) showFailure(c *fiber.Ctx, f failure) error {
	requestID := ""
	if f.status >= 500 {
		requestID = web.RequestID(c)
	}
	c.Response().ResetBody()
	c.Set(fiber.HeaderCacheControl, "no-store")
	show := a.showShopFailure
	if strings.HasPrefix(c.Path()+"/", "/admin/") {
		show = a.admin.ShowFailure
	}
	if err := show(c, f.key, requestID); err != nil {
		return c.SendString(http.StatusText(f.status))
	}
	return nil
}

func (a *App) showShopFailure(c *fiber.Ctx, key, requestID string) error {
	page := errorPage{Page: a.base.Page(c, key), RequestID: requestID}
	page.Heading, page.Advice = page.Title, page.T(key+".advice")
	page.Next, page.NextText = "/", page.T("error.to_shop")
	if step, ok := nextStep[key]; ok {
		page.Next, page.NextText = step.address, page.T(step.text)
	}
	return a.base.Render(c, "error", page)
}

func failureOf(err error) failure {
	if e, ok := errors.AsType[*models.Error](err); ok && e.Kind != models.Internal {
		return failure{statusOfKind[e.Kind], e.Key}
	}
	if e, ok := errors.AsType[*fiber.Error](err); ok {
		return failureOfStatus(e.Code)
	}
	switch {
	case errors.Is(err, web.ErrForeignForm):
		return foreignFormFailure
	case errors.Is(err, context.DeadlineExceeded):
		return busyFailure
	default:
		return internalFailure
	}
}

func failureOfStatus(status int) failure {
	if f, ok := byStatus[status]; ok {
		return f
	}
	if status >= 500 {
		return internalFailure
	}
	return failure{status, "error.bad_request"}
}

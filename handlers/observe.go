package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// readyTimeout bounds a question to the database of those who watch the shop.
const readyTimeout = time.Second

// observe names the request, answers its error, and logs and counts it. It tells addresses by
// the pattern of their route, since an order's address is a secret.
func (a *App) observe(c *fiber.Ctx) error {
	start := time.Now()
	id := models.NewToken()[:16]
	web.SetRequestID(c, id)
	c.Set(fiber.HeaderXRequestID, id)
	err := c.Next()
	if err != nil {
		if err := a.fail(c, err); err != nil {
			return err
		}
	}
	route, status, took := routeOf(c), c.Response().StatusCode(), time.Since(start)
	a.metrics.GetOrCreateHistogram(fmt.Sprintf(
		`saoma_request_duration_seconds{route=%q,method=%q,status="%d"}`, route, c.Method(), status,
	)).Update(took.Seconds())
	attrs := []slog.Attr{
		slog.String("request", id), slog.String("method", c.Method()), slog.String("route", route),
		slog.Int("status", status), slog.Duration("took", took),
	}
	if err != nil && !isFiber(err) {
		attrs = append(attrs, slog.Any("err", err))
	}
	a.log.LogAttrs(context.Background(), levelOf(status), "request", attrs...)
	return nil
}

// isFiber reports whether the error is Fiber's own: the status says it all, and the text would
// name the address.
func isFiber(err error) bool {
	_, ok := errors.AsType[*fiber.Error](err)
	return ok
}

// levelOf keeps what went well out of the log until somebody looks closely.
func levelOf(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelError
	case status >= 400:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}

// routeOf returns the pattern that matched. Where none did, Fiber names the last middleware.
func routeOf(c *fiber.Ctx) string {
	if pattern := c.Route().Path; pattern != "/" || c.Path() == "/" {
		return pattern
	}
	return "none"
}

func (a *App) logPanic(c *fiber.Ctx, cause any) {
	a.log.Error("panic", "request", web.RequestID(c), "cause", cause, "stack", string(debug.Stack()))
}

func alive(c *fiber.Ctx) error { return c.SendString("ok\n") }

// ready says whether the shop can sell now.
func (a *App) ready(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if a.draining.Load() || a.store.Ping(ctx) != nil {
		return c.Status(fiber.StatusServiceUnavailable).SendString("not ready\n")
	}
	return c.SendString("ready\n")
}

func (a *App) writeMetrics(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/plain; version=0.0.4; charset=utf-8")
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	w := c.Response().BodyWriter()
	a.payments.WriteMetrics(ctx, w)
	a.metrics.WritePrometheus(w)
	if a.Mail != nil {
		a.Mail.WriteMetrics(w)
	}
	vm.WriteProcessMetrics(w)
	return nil
}

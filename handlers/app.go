// Package handlers is HTTP in and out: the app with its route table, and what an error becomes.
// One sub-package serves one kind of visitor; web is what they share.
package handlers

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	"saoma/handlers/admin"
	"saoma/handlers/mail"
	"saoma/handlers/pay"
	"saoma/handlers/shop"
	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// Limits of one request. Gateways' notifications have a smaller one of their own, and files for the
// desk larger ones.
const (
	bodyLimit      = 1 << 20
	uploadTimeout  = time.Minute
	readBufferSize = 16 << 10 // also the most that a request's headers take
	readTimeout    = 10 * time.Second
	writeTimeout   = 15 * time.Second
	idleTimeout    = 60 * time.Second
)

// limits are those of one request, by its head. The zero value are the server's own.
func limits(head *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := bytes.Cut(head.RequestURI(), []byte("?"))
	if most := admin.MaxUpload(string(path)); most > 0 && head.IsPost() {
		return fasthttp.RequestConfig{MaxRequestBodySize: most, ReadTimeout: uploadTimeout}
	}
	return fasthttp.RequestConfig{}
}

// Deps is what the app is made of.
type Deps struct {
	Store    *models.Store
	Payments *payments.Service
	Config   web.Config
	Gateways []admin.Gateway // as the configuration has them
	Sandbox  http.Handler    // serves /sandbox; nil when it is off
	Mail     *mail.Config    // nil: buyers get no mail
	Log      *slog.Logger
	// Apart keeps what only those who run the shop may see, the desk and the metrics, out of the app:
	// App.ServeApart alone serves it, on an address of its own.
	Apart bool
}

// App is the shop as a web server.
type App struct {
	*fiber.App
	Apart *fiber.App   // nil unless Deps asked for it
	Mail  *mail.Mailer // to be run; nil where buyers get no mail

	base     *web.Base
	admin    *admin.Pages
	pay      *pay.Pages
	store    *models.Store
	payments *payments.Service
	log      *slog.Logger
	metrics  *vm.Set
	draining atomic.Bool
	unused   unused
}

// New returns the app, ready to listen. A broken template or catalogue is an error here.
func New(d Deps) (*App, error) {
	base, err := web.New(d.Config, d.Store)
	if err != nil {
		return nil, err
	}
	address := d.Config.PublicURL
	if d.Apart {
		address = ""
	}
	desk, err := admin.New(base, d.Payments, d.Gateways, address, d.Log)
	if err != nil {
		return nil, err
	}
	a := &App{
		base:     base,
		admin:    desk,
		pay:      pay.New(base, d.Payments, d.Log),
		store:    d.Store,
		payments: d.Payments,
		log:      d.Log,
		metrics:  vm.NewSet(),
		unused:   unused{conns: map[net.Conn]struct{}{}},
	}
	if d.Mail != nil {
		if a.Mail, err = mail.New(base, *d.Mail, d.Log); err != nil {
			return nil, err
		}
	}
	a.App = a.server(d.Config)
	if d.Apart {
		a.Apart = a.server(d.Config)
		a.runners(a.Apart)
	}
	a.routes(d)
	return a, nil
}

// server returns a web server without any address, with the limits that all have.
func (a *App) server(c web.Config) *fiber.App {
	app := fiber.New(fiber.Config{
		BodyLimit:               bodyLimit,
		CaseSensitive:           true,
		DisableStartupMessage:   true,
		EnableTrustedProxyCheck: true, // with an empty list nobody is trusted; see web.ClientIP
		ErrorHandler:            a.fail,
		IdleTimeout:             idleTimeout,
		Immutable:               true,
		ReadBufferSize:          readBufferSize,
		ReadTimeout:             readTimeout,
		TrustedProxies:          c.TrustedProxies,
		WriteTimeout:            writeTimeout,
	})
	app.Server().HeaderReceived = limits
	app.Use(a.observe)
	app.Use(recover.New(recover.Config{EnableStackTrace: true, StackTraceHandler: a.logPanic}))
	app.Use(refuseTwoLengths, refuseEncoded)
	return app
}

// runners are the addresses for those who run the shop, where they have a server of their own.
func (a *App) runners(app *fiber.App) {
	app.Get("/metrics", a.writeMetrics)
	app.Use(a.base.SecurityHeaders, web.Deadline)
	app.Get("/static/*", a.base.Asset)
	app.Get("/media/:file", a.base.Media)
	a.admin.Routes(app)
}

// routes is every address that the shop answers, in reading order. What stands above a Use is
// not touched by it.
func (a *App) routes(d Deps) {
	app := a.App

	// Those who run the shop.
	app.Get("/healthz", alive)
	app.Get("/readyz", a.ready)
	if !d.Apart {
		app.Get("/metrics", a.writeMetrics)
	}

	// The sandbox is a server of its own with its own policies.
	if d.Sandbox != nil {
		app.Use("/sandbox", adaptor.HTTPHandler(d.Sandbox))
	}

	app.Use(a.base.SecurityHeaders, web.Deadline)
	app.Get("/static/*", a.base.Asset)
	app.Get("/media/:file", a.base.Media)

	// Gateways, and buyers whom a gateway sends back: neither brings a cookie.
	for _, gateway := range []models.GatewayName{models.ScanForPay, models.Pass2Pay} {
		if d.Payments.Enabled(gateway) {
			app.Post("/pay/notify/"+string(gateway), a.pay.Notify(gateway))
		}
	}
	app.Post("/pay/notify/:other", func(*fiber.Ctx) error { return fiber.ErrNotFound })
	app.Get("/pay/return/:token", a.pay.Return)
	app.Post("/pay/return/:token", a.pay.Return)

	// What an order page loads.
	app.Get("/o/:token/events", a.pay.Events)
	app.Get("/o/:token/status", web.PageDeadline, a.pay.Status)
	app.Get("/o/:token/qr.png", web.PageDeadline, a.pay.CodePNG)
	app.Get("/o/:token/qr.svg", web.PageDeadline, a.pay.CodeSVG)

	// The merchant's desk; its routes stand in a table of their own.
	if !d.Apart {
		a.admin.Routes(app)
	}

	// The shop's own pages. What changes something comes from one of their forms; an address that nothing
	// answers is not found, whatever is sent there.
	app.Use(web.PageDeadline, a.base.ChooseLanguage, a.base.Sessions)
	own := a.base.SameSite

	// Choosing.
	s := shop.New(a.base, d.Payments, a.pay.Begin, d.Log)
	app.Get("/", web.Compress, s.ShowCatalogue)
	app.Get("/products/:slug", s.ShowProduct)
	app.Get("/pages/:page", web.Compress, s.ShowText)
	app.Get("/robots.txt", s.ShowRobots)
	app.Get("/sitemap.xml", web.Compress, s.ShowSiteMap)

	// Buying.
	app.Get("/cart", s.ShowCart)
	app.Post("/cart", own, s.ChangeCart)
	app.Post("/cart/items", own, s.AddToCart)
	app.Post("/cart/items/:sku", own, s.ChangeLine)
	app.Get("/cart/items/:sku?", shop.ToCart)
	app.Get("/checkout", s.ShowCheckout)
	app.Post("/checkout", own, s.PlaceOrder)

	// Paying.
	app.Get("/o/:token", a.pay.ShowOrder)
	app.Get("/o/:token/form", a.pay.ShowForm)
	app.Post("/o/:token/pay", own, a.pay.StartPayment)
	app.Post("/o/:token/check", own, a.pay.Check)
	app.Get("/o/:token/pay", pay.ToOrder)
	app.Get("/o/:token/check", pay.ToOrder)
	app.Get("/orders", s.ShowFindOrder)
	app.Post("/orders", own, s.FindOrder)
}

// Serve answers on the listener until Stop.
func (a *App) Serve(l net.Listener) error { return a.Listener(a.unused.listen(l)) }

// ServeApart answers on the listener what the shop's own address does not, until Stop.
func (a *App) ServeApart(l net.Listener) error { return a.Apart.Listener(a.unused.listen(l)) }

// Stop takes no more connections at either address, and ends when what was asked is answered, or in the
// time given.
func (a *App) Stop(patience time.Duration) error {
	late := time.AfterFunc(lateRequest, a.unused.close)
	defer late.Stop()
	apart := make(chan error, 1)
	go func() {
		if a.Apart == nil {
			apart <- nil
			return
		}
		apart <- a.Apart.ShutdownWithTimeout(patience)
	}()
	return errors.Join(a.ShutdownWithTimeout(patience), <-apart)
}

// Drain makes the app say that it is not ready, so that a balancer sends no more requests, and
// ends the live connections. Requests are still answered.
func (a *App) Drain() {
	a.draining.Store(true)
	a.pay.Drain()
}

// refuseTwoLengths refuses a request that says in two ways where it ends: a proxy before us may
// have read it otherwise and taken the rest for another request.
func refuseTwoLengths(c *fiber.Ctx) error {
	raw := bytes.ToLower(c.Request().Header.RawHeaders())
	if hasHeader(raw, "transfer-encoding:") && hasHeader(raw, "content-length:") {
		c.Context().SetConnectionClose()
		return fiber.ErrBadRequest
	}
	return c.Next()
}

// refuseEncoded refuses a body that says it is compressed: browsers send plain bytes, and what is small on
// the wire may fill the memory when it is unpacked. A gateway's message is refused by Notify, which keeps it.
func refuseEncoded(c *fiber.Ctx) error {
	if web.Encoded(c) && !strings.HasPrefix(c.Path(), "/pay/notify/") {
		return fiber.ErrUnsupportedMediaType
	}
	return c.Next()
}

func hasHeader(raw []byte, name string) bool {
	return bytes.HasPrefix(raw, []byte(name)) || bytes.Contains(raw, []byte("\n"+name))
}

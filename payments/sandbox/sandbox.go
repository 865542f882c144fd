// Package sandbox simulates both gateways, ScanForPay and Pass2Pay, as their documents describe
// them: it checks what it is sent, keeps payments in a memory of its own, shows a pretend wallet,
// sends notifications, and misbehaves on demand. No real money moves.
//
// These rules always hold: it shares no code with the clients, so that a mistake in one is not
// mirrored by the other; it is a plain http.Handler; it never shows or logs a key; it calls nobody
// but the shop's own address and loopback or private ones; what it remembers is bounded.
package sandbox

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Credentials of the demo accounts, used where Config names none. They are published with this
// source code and therefore worth nothing.
const (
	DemoPartnerNo = "10086"
	DemoStoreNo   = "100860000000001"
	DemoSignKey   = "sandbox-sign-key-that-is-worth-nothing"

	DemoMchNo     = "M1700000001"
	DemoAppID     = "65f0a1b2c3d4e5f601234567"
	DemoAppSecret = "sandbox-app-secret-that-is-worth-nothing"
)

// Where a client finds the gateways, behind Config.PublicURL.
const (
	ScanForPayPath = "/sandbox/scanforpay"
	Pass2PayPath   = "/sandbox/pass2pay"
)

// Gateway names a simulated gateway.
type Gateway string

// The gateways.
const (
	ScanForPay Gateway = "scanforpay"
	Pass2Pay   Gateway = "pass2pay"
)

// Config says whom the sandbox serves. Its zero value serves the demo accounts.
type Config struct {
	// PublicURL is where browsers reach the sandbox, without a path. Pretend wallets are at
	// PublicURL + "/sandbox/wallet/{id}".
	PublicURL  string
	ScanForPay ScanForPayAccount
	Pass2Pay   Pass2PayAccount
	Now        func() time.Time // nil: the system's clock
	Zone       *time.Location   // of the times in statements; nil: UTC
	// Speed is how much faster than documented notifications are repeated; 0 and 1 mean true time.
	Speed float64
	Log   *slog.Logger // nil: the default logger
}

// ScanForPayAccount is the merchant that the simulated ScanForPay knows. Empty fields take the
// demo account's values.
type ScanForPayAccount struct {
	PartnerNo string
	StoreNo   string
	SignKey   string
	// Currencies are those the merchant may ask for. The first is used by calls that name none,
	// as jspay ones do, so it has to be the shop's.
	Currencies []string
}

// Pass2PayAccount is the merchant that the simulated Pass2Pay knows. Empty fields take the demo
// account's values.
type Pass2PayAccount struct {
	MchNo     string
	AppID     string
	AppSecret string
}

// Sandbox is both gateways and the pretend wallet. It may be used by many goroutines.
type Sandbox struct {
	config  Config
	handler http.Handler
	memory  *memory
	faults  *faults
	calls   *callLog
	clock   *clock
	pages   *pages
	client  *http.Client
	sending chan struct{} // holds a token for each notification on its way

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // guards closed, and work against being added to while Close waits
	closed bool
	work   sync.WaitGroup
}

// New returns a sandbox that runs until Close.
func New(config Config) *Sandbox {
	config = config.withDefaults()
	s := &Sandbox{
		config:  config,
		memory:  newMemory(rememberedPayments),
		faults:  &faults{},
		calls:   &callLog{},
		clock:   newClock(config.Now, config.Speed),
		pages:   newPages(),
		client:  newNotifyClient(config.PublicURL),
		sending: make(chan struct{}, notificationsAtOnce),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.handler = s.routes()
	s.spawn(func() { s.clock.run(s.ctx) })
	return s
}

func (c Config) withDefaults() Config {
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.ScanForPay.PartnerNo = cmp.Or(c.ScanForPay.PartnerNo, DemoPartnerNo)
	c.ScanForPay.StoreNo = cmp.Or(c.ScanForPay.StoreNo, DemoStoreNo)
	c.ScanForPay.SignKey = cmp.Or(c.ScanForPay.SignKey, DemoSignKey)
	if len(c.ScanForPay.Currencies) == 0 {
		c.ScanForPay.Currencies = []string{"CNY", "HKD", "JPY"}
	}
	c.Pass2Pay.MchNo = cmp.Or(c.Pass2Pay.MchNo, DemoMchNo)
	c.Pass2Pay.AppID = cmp.Or(c.Pass2Pay.AppID, DemoAppID)
	c.Pass2Pay.AppSecret = cmp.Or(c.Pass2Pay.AppSecret, DemoAppSecret)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Zone = cmp.Or(c.Zone, time.UTC)
	c.Log = cmp.Or(c.Log, slog.Default())
	return c
}

// ServeHTTP answers everything under /sandbox. What has fallen due by the sandbox's clock is
// done first, so that no answer is older than the clock.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.clock.settle()
	s.handler.ServeHTTP(w, r)
}

// Close stops the clock and all notifications and waits for them. The handler keeps answering.
func (s *Sandbox) Close() {
	s.mu.Lock()
	s.closed = true
	s.cancel()
	s.mu.Unlock()
	s.work.Wait()
}

// spawn runs f beside the caller, unless the sandbox is closed. It reports whether it did.
func (s *Sandbox) spawn(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// routes keeps apart the protocols, which servers speak, and the addresses for browsers and tests,
// where changes are refused when they come from another site.
func (s *Sandbox) routes() http.Handler {
	protocols := s.protocolRoutes()
	browser := secured(http.NewCrossOriginProtection().Handler(s.browserRoutes()))
	mux := http.NewServeMux()
	mux.Handle(ScanForPayPath+"/", protocols)
	mux.Handle(Pass2PayPath+"/", protocols)
	mux.Handle("/sandbox", browser)
	mux.Handle("/sandbox/", browser)
	return mux
}

func (s *Sandbox) protocolRoutes() http.Handler {
	mux := http.NewServeMux()
	for _, product := range scanForPayProducts {
		mux.Handle("POST "+ScanForPayPath+product.path, s.scanForPay(OpCreate, s.createScanForPay(product)))
	}
	mux.Handle("POST "+ScanForPayPath+"/api/common/payQuery", s.scanForPay(OpQuery, s.queryScanForPay))
	mux.Handle("POST "+ScanForPayPath+"/api/common/refund", s.scanForPay(OpRefund, s.refundScanForPay))

	for _, call := range s.pass2PayCalls() {
		mux.Handle("POST "+Pass2PayPath+call.path, s.pass2Pay(call))
		if call.get {
			mux.Handle("GET "+Pass2PayPath+call.path, s.pass2Pay(call))
		}
	}
	return mux
}

func (s *Sandbox) browserRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/wallet/{id}", s.showWallet)
	mux.HandleFunc("POST /sandbox/wallet/{id}", s.useWallet)
	mux.HandleFunc("GET /sandbox/code/{file}", s.showCode)
	mux.Handle("GET /sandbox/static/", staticFiles())

	mux.HandleFunc("GET /sandbox", s.showControl)
	mux.HandleFunc("GET /sandbox/{$}", s.showControl)
	mux.HandleFunc("POST /sandbox/faults", s.setFaultByForm)
	mux.HandleFunc("POST /sandbox/faults/clear", s.clearFaultsByForm)
	mux.HandleFunc("POST /sandbox/clock", s.setClockByForm)
	mux.HandleFunc("POST /sandbox/payments/{number}/{action}", s.actByForm)

	mux.HandleFunc("GET /sandbox/statement/{file}", s.sendStatement)

	mux.HandleFunc("GET /sandbox/api/payments", s.listPayments)
	mux.HandleFunc("GET /sandbox/api/payments/{number}", s.showPayment)
	mux.HandleFunc("POST /sandbox/api/payments/{number}/notify", s.resendByAPI)
	mux.HandleFunc("POST /sandbox/api/payments/{number}/{action}", s.actByAPI)
	mux.HandleFunc("POST /sandbox/api/refunds/{number}/{result}", s.settleRefundByAPI)
	mux.HandleFunc("GET /sandbox/api/ledger", s.showLedger)
	mux.HandleFunc("GET /sandbox/api/calls", s.listCalls)
	mux.HandleFunc("GET /sandbox/api/faults", s.listFaults)
	mux.HandleFunc("PUT /sandbox/api/faults", s.setFaultByAPI)
	mux.HandleFunc("DELETE /sandbox/api/faults", s.clearFaultsByAPI)
	mux.HandleFunc("POST /sandbox/api/clock", s.setClockByAPI)
	return mux
}

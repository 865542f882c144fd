// Saoma is a self-hosted shop whose buyers pay with WeChat Pay, Alipay and AlipayHK.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"saoma/handlers"
	"saoma/handlers/admin"
	"saoma/handlers/mail"
	"saoma/handlers/web"
	"saoma/internal/config"
	"saoma/models"
	"saoma/payments"
	"saoma/payments/pass2pay"
	"saoma/payments/sandbox"
	"saoma/payments/scanforpay"
)

//go:embed config.yaml
var builtinConfig []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil:
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage)
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "saoma: %v\n\n%s", err, usage)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "saoma: %v\n", err)
		os.Exit(1)
	}
}

const usage = `Usage:
  saoma [serve] [--config FILE]               run the shop
  saoma sandbox [--listen ADDR]               run both simulated gateways alone
  saoma admin create --email E [--role R]     make a member of staff; the password is read, not given
  saoma admin list                            list staff
  saoma admin reset-password --email E [--without-second-factor]
                                              set a new password, and let in who lost the phone
  saoma products import FILE.csv [--config F] put products into the catalogue
  saoma products export [--config FILE]       print the catalogue as CSV
  saoma sweep [--config FILE]                 ask once about every payment that is due
  saoma reconcile --gateway G --day 2026-11-20 STATEMENT.csv [--config FILE]
                                              compare a gateway's statement with the shop's books
  saoma verify [--config FILE]                check that no message of a gateway and no act of staff was changed
  saoma replay ORDER [--config FILE]          show whether an order would be decided otherwise today
  saoma version                               print version, commit and Go version
`

var errUsage = errors.New("wrong usage")

// run is the whole program: it does what args say and returns when that is done or the context
// has ended. Errors that wrap errUsage mean that args say nothing sensible.
func run(ctx context.Context, args []string) error {
	command := "serve"
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	switch command {
	case "serve":
		return withConfig(args, func(c *config.Config, _ []string) error { return serve(ctx, c) })
	case "sandbox":
		return serveSandbox(ctx, args)
	case "admin":
		return staff(ctx, args)
	case "products":
		return products(ctx, args)
	case "sweep":
		return withConfig(args, func(c *config.Config, _ []string) error { return sweep(ctx, c) })
	case "reconcile":
		return reconcile(ctx, args)
	case "verify":
		return withConfig(args, func(c *config.Config, _ []string) error { return verify(ctx, c) })
	case "replay":
		return withConfig(args, func(c *config.Config, words []string) error { return replay(ctx, c, words[0]) }, "ORDER")
	case "version":
		return printVersion(args)
	case "help":
		return flag.ErrHelp
	}
	return fmt.Errorf("%w: there is no command %q", errUsage, command)
}

// parse reads flags that may stand before and after the other words, which it returns.
func parse(flags *flag.FlagSet, args []string, words int) ([]string, error) {
	flags.SetOutput(io.Discard)
	var rest []string
	for {
		if err := flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, fmt.Errorf("%w: %v", errUsage, err)
		}
		if flags.NArg() == 0 {
			break
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
	if len(rest) != words {
		return nil, fmt.Errorf("%w: %s takes %d words, not %d", errUsage, flags.Name(), words, len(rest))
	}
	return rest, nil
}

func withConfig(args []string, do func(c *config.Config, words []string) error, words ...string) error {
	flags := flag.NewFlagSet("the command", flag.ContinueOnError)
	file := flags.String("config", "", "")
	rest, err := parse(flags, args, len(words))
	if err != nil {
		return err
	}
	c, err := config.Load(config.Source{File: *file, Builtin: builtinConfig, Environ: os.Environ()})
	if err != nil {
		return err
	}
	return do(c, rest)
}

// serve runs the shop until the context ends, and then lets requests under way finish.
func serve(ctx context.Context, c *config.Config) error {
	log := newLog(c.Log)
	for _, warning := range c.Warnings() {
		log.Warn(warning)
	}
	listener, err := handlers.Listen(c.Listen, log)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	var apart net.Listener
	if c.AdminListen != "" {
		if apart, err = handlers.Listen(c.AdminListen, log); err != nil {
			return fmt.Errorf("admin_listen: %w", err)
		}
		defer apart.Close()
	}
	store, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	defer store.Close()
	if c.DemoData {
		if err := store.FillDemo(ctx, c.Shop.Languages[0]); err != nil {
			return fmt.Errorf("fill the shop with demo products: %w", err)
		}
	}
	gateways, box, err := openGateways(c, listener.Addr(), log)
	if err != nil {
		return err
	}
	if box != nil {
		defer box.Close()
	}
	service := payments.New(paymentsConfig(c, store, gateways, log))
	app, err := newApp(c, store, service, box, log)
	if err != nil {
		return err
	}
	setupToken, err := store.NewSetupLink(ctx)
	if err != nil {
		return fmt.Errorf("make a set-up link: %w", err)
	}

	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var work sync.WaitGroup
	work.Go(func() { service.Run(working) })
	work.Go(func() { forgetSessions(working, store, log) })
	work.Go(func() { closeDays(working, c, store, log) })
	if app.Mail != nil {
		work.Go(func() { app.Mail.Run(working) })
	}
	served := make(chan error, 2)
	go func() { served <- app.Serve(listener) }()
	if apart != nil {
		go func() { served <- app.ServeApart(apart) }()
	}
	announce(c, setupToken)

	select {
	case err = <-served:
	case <-ctx.Done():
		app.Drain()
		models.KillPoint("shutdown.draining")
		time.Sleep(balancerPause(c)) // a balancer sees that we are not ready and sends no more
		err = app.Stop(drainTimeout)
	}
	stopWork()
	work.Wait()
	return err
}

// drainTimeout is how long requests under way may take to finish.
const drainTimeout = 20 * time.Second

// balancerPause is how long a balancer may go on sending requests after readyz has said no.
func balancerPause(c *config.Config) time.Duration {
	if u, err := url.Parse(c.PublicURL); err == nil && isLoopback(u.Hostname()) {
		return 0
	}
	return 3 * time.Second
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func announce(c *config.Config, setupToken string) {
	fmt.Printf("The shop is open: %s\n", c.PublicURL)
	fmt.Printf("The merchant's desk: %s\n", deskAddress(c))
	if setupToken != "" {
		fmt.Printf("Nobody can log in there yet. This link makes the first owner, once: %s/setup/%s\n", deskAddress(c), setupToken)
	}
	if c.Sandbox.Enabled {
		fmt.Printf("The sandbox plays the gateways, no real money moves: %s/sandbox\n", c.PublicURL)
	}
}

func forgetSessions(ctx context.Context, store *models.Store, log *slog.Logger) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := errors.Join(store.DeleteOldSessions(ctx), store.DeleteOldStaffRows(ctx)); err != nil {
				log.Warn("forget old sessions", "err", err)
			}
		}
	}
}

// closeDays keeps the figures of days that are over, so that those of a long time are quick to read.
func closeDays(ctx context.Context, c *config.Config, store *models.Store, log *slog.Logger) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		if err := store.CloseDays(ctx, zoneOf(c.Shop.TimeZone)); err != nil && ctx.Err() == nil {
			log.Warn("close days", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// zoneOf returns a time zone of the configuration, which has checked it.
func zoneOf(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}

func newLog(c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		panic(err) // config has checked it
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

func openStore(ctx context.Context, c *config.Config, log *slog.Logger) (*models.Store, error) {
	return models.Open(ctx, models.Options{
		Driver: c.Database.Driver, DSN: c.DatabaseDSN(), DataDir: c.DataDir, Log: log, Mail: c.Mail.Host != "",
		Shop: models.Shop{Currency: c.Shop.Currency},
		Settings: models.Settings{
			ShopName:         c.Shop.Name,
			ShippingFee:      c.Shop.ShippingFee,
			FreeShippingFrom: c.Shop.FreeShippingFrom,
			PaymentWindow:    c.Shop.PaymentWindow,
			LatePayment:      c.Policies.LatePayment,
			DuplicatePayment: c.Policies.DuplicatePayment,
			LowStock:         models.DefaultLowStock,
			Accent:           models.DefaultAccent,
		},
	})
}

// openGateways returns the gateways that are switched on, and the sandbox when it is. A gateway
// without an address talks to the sandbox over HTTP at the address that the shop listens on.
func openGateways(c *config.Config, listening net.Addr, log *slog.Logger) ([]payments.Account, *sandbox.Sandbox, error) {
	var box *sandbox.Sandbox
	if c.Sandbox.Enabled {
		box = sandbox.New(sandbox.Config{
			PublicURL:  c.PublicURL,
			ScanForPay: sandbox.ScanForPayAccount{Currencies: []string{c.Shop.Currency}},
			Zone:       zoneOf(c.Shop.TimeZone),
			Log:        log,
		})
	}
	self := "http://" + dialable(listening)
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, nil, err
	}
	var accounts []payments.Account
	if g := c.Gateways.ScanForPay; g.Enabled {
		account := scanforpay.Config{
			BaseURL: g.BaseURL, PartnerNo: g.PartnerNo, StoreNo: g.StoreNo, SignKey: string(g.SignKey),
			OperatorID: g.OperatorID, TerminalNo: g.TerminalNo, Validity: g.Validity, AllowedHosts: g.AllowedHosts,
		}
		if g.UsesSandbox() {
			account.BaseURL, account.AllowedHosts = self+sandbox.ScanForPayPath, []string{public.Host}
			account.PartnerNo, account.StoreNo, account.SignKey = sandbox.DemoPartnerNo, sandbox.DemoStoreNo, sandbox.DemoSignKey
		}
		gateway, err := scanforpay.New(account)
		if err != nil {
			return nil, nil, fmt.Errorf("gateways.scanforpay: %w", err)
		}
		accounts = append(accounts, payments.Account{Gateway: gateway, Validity: g.Validity})
	}
	if g := c.Gateways.Pass2Pay; g.Enabled {
		account := pass2pay.Config{
			BaseURL: g.BaseURL, MchNo: g.MchNo, AppID: g.AppID, AppSecret: string(g.AppSecret),
			Validity: g.Validity, AllowedHosts: g.AllowedHosts, RefundAPI: g.RefundAPI, CloseAPI: g.CloseAPI,
		}
		if g.UsesSandbox() {
			account.BaseURL, account.AllowedHosts = self+sandbox.Pass2PayPath, []string{public.Host}
			account.MchNo, account.AppID, account.AppSecret = sandbox.DemoMchNo, sandbox.DemoAppID, sandbox.DemoAppSecret
		}
		gateway, err := pass2pay.New(account)
		if err != nil {
			return nil, nil, fmt.Errorf("gateways.pass2pay: %w", err)
		}
		accounts = append(accounts, payments.Account{Gateway: gateway, Validity: g.Validity})
	}
	return accounts, box, nil
}

// shownGateways is what staff may see of the gateways' accounts: of a key its last four characters.
func shownGateways(c *config.Config) []admin.Gateway {
	s, p := c.Gateways.ScanForPay, c.Gateways.Pass2Pay
	if s.UsesSandbox() {
		s.PartnerNo, s.StoreNo, s.SignKey = sandbox.DemoPartnerNo, sandbox.DemoStoreNo, sandbox.DemoSignKey
	}
	if p.UsesSandbox() {
		p.MchNo, p.AppID, p.AppSecret = sandbox.DemoMchNo, sandbox.DemoAppID, sandbox.DemoAppSecret
	}
	return []admin.Gateway{
		{
			Name: models.ScanForPay, Enabled: s.Enabled, Simulated: s.UsesSandbox(), Address: hostOf(s.BaseURL),
			Merchant: joined(s.PartnerNo, s.StoreNo), Key: s.SignKey.String(), Currencies: s.Currencies,
		},
		{
			Name: models.Pass2Pay, Enabled: p.Enabled, Simulated: p.UsesSandbox(), Address: hostOf(p.BaseURL),
			Merchant: joined(p.MchNo, p.AppID), Key: p.AppSecret.String(), Currencies: p.Currencies,
		},
	}
}

// joined puts the two parts of a merchant's number together.
func joined(merchant, part string) string { return strings.Trim(merchant+" / "+part, " /") }

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// dialable is where this machine reaches a server that listens on the address.
func dialable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func paymentsConfig(c *config.Config, store *models.Store, gateways []payments.Account, log *slog.Logger) payments.Config {
	p := payments.Config{
		Store: store, Gateways: gateways, PublicURL: c.PublicURL, Statements: statementFormats(c), Log: log,
	}
	for _, r := range c.UsableRoutes() {
		p.Routes = append(p.Routes, payments.Route{
			Wallet: r.Wallet, Scene: r.Scene, Gateway: models.GatewayName(r.Gateway), Method: r.Method,
		})
	}
	return p
}

func newApp(c *config.Config, store *models.Store, service *payments.Service, box *sandbox.Sandbox, log *slog.Logger) (*handlers.App, error) {
	current, previous, err := c.SecretKeys()
	if err != nil {
		return nil, err
	}
	deps := handlers.Deps{Store: store, Payments: service, Gateways: shownGateways(c), Log: log, Apart: c.AdminListen != "", Config: web.Config{
		PublicURL: c.PublicURL, Currency: c.Shop.Currency, Languages: c.Shop.Languages,
		TimeZone: zoneOf(c.Shop.TimeZone), SecretKey: current, SecretKeyPrevious: previous, TrustedProxies: c.TrustedProxies,
		SandboxOn: c.Sandbox.Enabled, GatewayHosts: gatewayHosts(c),
	}}
	if box != nil {
		deps.Sandbox = http.Handler(box)
	}
	if c.Mail.Host != "" {
		deps.Mail = &mail.Config{
			Host: c.Mail.Host, Port: c.Mail.ServerPort(), TLS: mail.Encryption(c.Mail.TLS),
			User: c.Mail.User, Password: string(c.Mail.Password), From: c.Mail.From, ReplyTo: c.Mail.ReplyTo,
		}
	}
	return handlers.New(deps)
}

// gatewayHosts are the places that a checkout form may lead to.
func gatewayHosts(c *config.Config) []string {
	s, p := c.Gateways.ScanForPay, c.Gateways.Pass2Pay
	hosts := slices.Concat(s.AllowedHosts, p.AllowedHosts)
	for _, address := range []string{s.BaseURL, p.BaseURL} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

// serveSandbox runs the simulated gateways alone, so that they outlive a shop that is restarted.
func serveSandbox(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	address := flags.String("listen", "127.0.0.1:8081", "")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", *address, err)
	}
	public := "http://" + dialable(listener.Addr())
	box := sandbox.New(sandbox.Config{PublicURL: public, Log: newLog(config.Log{Level: "info"})})
	defer box.Close()
	server := &http.Server{
		Handler: box, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	stopped := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		_ = server.Shutdown(closing) // what is still under way is given up with the process
	})
	defer stopped()
	fmt.Printf(sandboxHelp, public, public+sandbox.ScanForPayPath, sandbox.DemoPartnerNo, sandbox.DemoStoreNo, sandbox.DemoSignKey,
		public+sandbox.Pass2PayPath, sandbox.DemoMchNo, sandbox.DemoAppID, sandbox.DemoAppSecret)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

const sandboxHelp = `The sandbox is open: %s/sandbox
scanforpay: base_url %s, partner_no %s, store_no %s, sign_key %s
pass2pay:   base_url %s, mch_no %s, app_id %s, app_secret %s
`

func products(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: products import FILE.csv, or products export", errUsage)
	}
	switch args[0] {
	case "import":
		return withConfig(args[1:], func(c *config.Config, words []string) error { return importProducts(ctx, c, words[0]) }, "FILE.csv")
	case "export":
		return withConfig(args[1:], func(c *config.Config, _ []string) error { return exportProducts(ctx, c) })
	}
	return fmt.Errorf("%w: products has no command %q", errUsage, args[0])
}

func importProducts(ctx context.Context, c *config.Config, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := models.ReadProducts(f, c.Shop.Currency)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	store, err := openStore(ctx, c, newLog(c.Log))
	if err != nil {
		return err
	}
	defer store.Close()
	err = store.PutProducts(ctx, list)
	if errors.Is(err, models.ErrSKUTwice) {
		return fmt.Errorf("%s: two rows are one article, by its SKU and by one that it had before: %w", file, errors.Unwrap(err))
	}
	if errors.Is(err, models.ErrPictureUnknown) {
		return fmt.Errorf("%s: the shop does not have the picture %w", file, errors.Unwrap(err))
	}
	if err != nil {
		return err
	}
	fmt.Printf("%d products are in the catalogue.\n", len(list))
	return nil
}

func exportProducts(ctx context.Context, c *config.Config) error {
	store, err := openStore(ctx, c, newLog(c.Log))
	if err != nil {
		return err
	}
	defer store.Close()
	list, err := store.Products(ctx)
	if err != nil {
		return err
	}
	return models.WriteProducts(os.Stdout, list, c.Shop.Currency)
}

// sweep asks about everything that is due and says what it found.
func sweep(ctx context.Context, c *config.Config) error {
	return withService(ctx, c, func(service *payments.Service) error {
		swept, err := service.Sweep(ctx)
		fmt.Printf("Asked about %d payments, %d without an answer. Payments found paid: %d. Orders expired: %d.\n",
			swept.Asked, swept.Failed, swept.Paid, swept.Expired)
		fmt.Printf("Worked on %d refunds: %d went through, %d were refused. Incidents that are open now: %d.\n",
			swept.Refunds, swept.Refunded, swept.Refused, swept.Open)
		return err
	})
}

// withService does something with the payments of a shop that need not be running.
func withService(ctx context.Context, c *config.Config, do func(*payments.Service) error) error {
	log := newLog(c.Log)
	store, err := openStore(ctx, c, log)
	if err != nil {
		return err
	}
	defer store.Close()
	listening, err := net.ResolveTCPAddr("tcp", c.Listen)
	if err != nil {
		return err
	}
	gateways, box, err := openGateways(c, listening, log)
	if err != nil {
		return err
	}
	if box != nil {
		defer box.Close()
	}
	return do(payments.New(paymentsConfig(c, store, gateways, log)))
}

func printVersion(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: version takes no words", errUsage)
	}
	version, commit := "(devel)", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	fmt.Printf("saoma %s, commit %s, %s\n", version, commit, runtime.Version())
	return nil
}

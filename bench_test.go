package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments/sandbox"
)

// asFiber makes the test binary a bare Fiber server at the address that it holds: as fast as
// anything built on Fiber can be. It answers every request with as many bytes as the shop's
// product page has.
const asFiber = "SAOMA_TEST_AS_FIBER"

func serveBareFiber(address string) error {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	page := []byte(strings.Repeat("x", 3000))
	app.Get("/*", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
		return c.Send(page)
	})
	return app.Listen(address)
}

// crowd is how many ask at the same time, for each processor.
const crowd = 16

// BenchmarkShop measures the shop as a process of its own, by real HTTP over loopback: what it
// serves in a second, beside what a bare Fiber server and the bare database on the same disk do.
func BenchmarkShop(b *testing.B) {
	bare := startMeasured(b, asFiber)
	b.Run("page of bare Fiber", func(b *testing.B) { bare.pages = bare.get(b, "/", "pages/s") })

	s := startMeasured(b, asSaoma)
	b.Run("product page", func(b *testing.B) {
		s.pages = s.get(b, "/products/tea-set", "pages/s")
		b.ReportMetric(100*s.pages/bare.pages, "%-of-fiber")
	})
	b.Run("checkout", s.checkouts)
	b.Run("notification", s.notifications)
	b.Run("code image", func(b *testing.B) { s.get(b, "/o/"+s.order(b, s.open(b)).Token+"/qr.svg", "images/s") })
	b.Run("status", func(b *testing.B) { s.get(b, "/o/"+s.order(b, s.open(b)).Token+"/status", "answers/s") })
	b.Run("memory after all this", func(b *testing.B) {
		for b.Loop() {
		}
		b.ReportMetric(s.residentMB(b), "MB-resident")
		b.ReportMetric(s.heapMB(b), "MB-heap")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkOrders measures orders placed by the store beside single rows committed one by one.
func BenchmarkOrders(b *testing.B) {
	for _, database := range []struct {
		name string
		open func(testing.TB) models.Options
	}{{"sqlite", modelstest.Options}, {"mysql", modelstest.MySQLOptions}} {
		var commits float64
		b.Run(database.name+" rows committed", func(b *testing.B) { commits = commitRows(b, database.open(b)) })
		b.Run(database.name+" orders placed", func(b *testing.B) {
			placed := placeOrders(b, database.open(b))
			if commits > 0 {
				b.ReportMetric(100*placed/commits, "%-of-rows")
			}
		})
	}
}

// BenchmarkStart measures from the start of the process to its first answer, in an empty
// directory and in one where it ran before.
func BenchmarkStart(b *testing.B) {
	for _, again := range []bool{false, true} {
		name := map[bool]string{false: "first time", true: "again"}[again]
		b.Run(name, func(b *testing.B) {
			var took time.Duration
			for b.Loop() {
				s := startMeasured(b, asSaoma)
				if again {
					s.kill()
					s.start(b)
				}
				took += s.took
				s.kill()
			}
			b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms-to-first-answer")
		})
	}
}

// measured is a server in a process of its own.
type measured struct {
	url    string
	config string
	file   string // its database
	cmd    *exec.Cmd
	client *fasthttp.Client
	took   time.Duration // from its start to its first answer
	pages  float64       // it served in a second
	env    string        // makes the test binary what it is
}

func startMeasured(b *testing.B, as string) *measured {
	b.Helper()
	s := configure(b, sqliteDatabase(b))
	text, err := os.ReadFile(s.config)
	if err != nil {
		b.Fatal(err)
	}
	file := regexp.MustCompile(`dsn: "([^"]+)"`).FindSubmatch(text)[1]
	p := &measured{
		url: s.url, config: s.config, file: string(file), env: as + "=1",
		client: &fasthttp.Client{MaxConnsPerHost: 4096, NoDefaultUserAgentHeader: true},
	}
	if as == asFiber {
		p.env = as + "=" + strings.TrimPrefix(s.url, "http://")
	}
	p.start(b)
	b.Cleanup(p.kill)
	return p
}

func (p *measured) start(b *testing.B) {
	b.Helper()
	p.cmd = exec.Command(os.Args[0], "serve", "--config", p.config)
	p.cmd.Env = append(os.Environ(), p.env)
	p.cmd.Stderr = os.Stderr
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	for {
		status, _, err := p.client.Get(nil, p.url+"/")
		if err == nil && status == http.StatusOK {
			break
		}
		if time.Since(begun) > time.Minute {
			b.Fatalf("%s does not answer: %v", p.url, err)
		}
		time.Sleep(time.Millisecond)
	}
	p.took = time.Since(begun)
}

func (p *measured) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

// get measures how often in a second an address is served.
func (p *measured) get(b *testing.B, path, unit string) float64 {
	b.SetParallelism(crowd)
	b.ResetTimer()
	b.RunParallel(func(each *testing.PB) {
		var body []byte
		for each.Next() {
			var err error
			var status int
			if status, body, err = p.client.Get(body[:0], p.url+path); err != nil || status != http.StatusOK {
				b.Errorf("GET %s: got status %d, %v", path, status, err)
				return
			}
		}
	})
	return rate(b, unit)
}

// rate reports how many of a thing were done in a second.
func rate(b *testing.B, unit string) float64 {
	b.StopTimer()
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(perSecond, unit)
	return perSecond
}

// checkouts measures POST /checkout as buyers in WeChat send it: a session is read, an order is
// placed with stock taken, an attempt is stored, a gateway is called and its answer kept.
func (p *measured) checkouts(b *testing.B) {
	p.stockUp(b)
	forms := make(chan checkoutForm, b.N)
	each(b.N, func(int) { forms <- p.fillCart(b) })
	b.SetParallelism(crowd)
	b.ResetTimer()
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			form := <-forms
			if location := p.post(b, "/checkout", form.cookie, form.values); !strings.Contains(location, "/sandbox/wallet/") {
				b.Errorf("checkout: got sent to %q, want to the wallet", location)
				return
			}
		}
	})
	rate(b, "orders/s")
}

// checkoutForm is one buyer's, ready to be sent.
type checkoutForm struct{ cookie, values string }

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(_csrf|form_token|total)" value="([^"]+)">`)

// fillCart has a new buyer put a tea set into the cart and fill in the checkout form.
func (p *measured) fillCart(b *testing.B) checkoutForm {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(p.url + "/products/tea-set")
	if err := p.client.Do(req, resp); err != nil {
		b.Error(err)
		return checkoutForm{}
	}
	cookie, _, _ := strings.Cut(string(resp.Header.Peek("Set-Cookie")), ";")
	p.post(b, "/cart/items", cookie, "sku=TEA-SET&quantity=1&"+hidden(resp.Body()))
	req.SetRequestURI(p.url + "/checkout")
	req.Header.Set("Cookie", cookie)
	if err := p.client.Do(req, resp); err != nil {
		b.Error(err)
		return checkoutForm{}
	}
	return checkoutForm{cookie, "name=Ada&email=ada@example.com&address=1+Road&city=Hong+Kong&country=HK&wallet=wechat&" + hidden(resp.Body())}
}

func hidden(page []byte) string {
	var values strings.Builder
	for _, field := range hiddenField.FindAllSubmatch(page, -1) {
		fmt.Fprintf(&values, "%s=%s&", field[1], field[2])
	}
	return values.String()
}

// post sends a form and returns where it leads.
func (p *measured) post(b *testing.B, path, cookie, values string) string {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.SetRequestURI(p.url + path)
	req.Header.SetMethod(fasthttp.MethodPost)
	req.Header.SetContentType("application/x-www-form-urlencoded")
	req.Header.SetUserAgent(iPhoneWeChat)
	req.Header.Set("Cookie", cookie)
	req.SetBodyString(values)
	if err := p.client.Do(req, resp); err != nil {
		b.Error(err)
	}
	return string(resp.Header.Peek("Location"))
}

// notifications measures signed notifications of payments that nobody has told of yet.
func (p *measured) notifications(b *testing.B) {
	bodies := make([]string, b.N)
	p.stockUp(b)
	s := p.open(b)
	each(b.N, func(i int) {
		o := p.order(b, s)
		bodies[i] = signed(sandbox.Payment{
			Number: o.Payments[0].Number, Reference: "G" + o.Payments[0].Number, Amount: o.Amount, Currency: o.Currency,
		}, nil)
	})
	var next atomic.Int64
	b.SetParallelism(crowd)
	b.ResetTimer()
	b.RunParallel(func(each *testing.PB) {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.SetRequestURI(p.url + "/pay/notify/scanforpay")
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		for each.Next() {
			req.SetBodyString(bodies[next.Add(1)-1])
			if err := p.client.Do(req, resp); err != nil || string(resp.Body()) != "success" {
				b.Errorf("notification: got %s, %v; want success", resp.Body(), err)
				return
			}
		}
	})
	rate(b, "notifications/s")
}

// order puts an order with a pending attempt into the shop's database, beside the running shop.
// The attempt is not due to be asked about: no gateway knows it.
func (p *measured) order(b *testing.B, s *models.Store) *models.Order {
	ctx := context.Background()
	o, err := s.PlaceOrder(ctx, modelstest.Draft("TEA-SET", 1))
	if err != nil {
		b.Fatal(err)
	}
	now := s.Now()
	payment := models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(now), Gateway: models.ScanForPay, Method: "qrcode",
		Wallet: models.WeChat, Scene: models.SceneDesktop, Status: models.PaymentCreated, Currency: o.Currency, Amount: o.Amount,
		CreatedAt: now, ExpiresAt: o.ExpiresAt, WatchUntil: now.Add(time.Hour),
	}
	err = s.Tx(ctx, func(tx *models.Tx) error {
		if err := tx.AddPayment(&payment); err != nil {
			return err
		}
		change := models.PaymentChange{Action: models.ActionRedirect, ActionData: p.url + "/sandbox/wallet/" + payment.ID}
		_, err := tx.MovePayment(&payment, models.PaymentPending, change)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	o.Payments = []models.Payment{payment}
	return o
}

// open opens the shop's own database.
func (p *measured) open(b *testing.B) *models.Store {
	return modelstest.Open(b, models.Options{
		Driver: models.DriverSQLite, DSN: p.file, Shop: models.Shop{Currency: "CNY"}, Settings: models.Settings{PaymentWindow: 15 * time.Minute},
	})
}

// stockUp keeps the tea sets from running out.
func (p *measured) stockUp(b *testing.B) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+p.file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE variants SET on_hand = 1000000000 WHERE sku = 'TEA-SET'"); err != nil {
		b.Fatal(err)
	}
}

// each does something so many times, a crowd at once.
func each(n int, do func(i int)) {
	var together sync.WaitGroup
	var next atomic.Int64
	for range min(n, 2*crowd) {
		together.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	together.Wait()
}

func (p *measured) residentMB(b *testing.B) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip("this system does not tell how much memory a process takes")
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	kB, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kB / 1024
}

func (p *measured) heapMB(b *testing.B) float64 {
	_, metrics, err := p.client.Get(nil, p.url+"/metrics")
	if err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^go_memstats_heap_inuse_bytes (\S+)$`).FindSubmatch(metrics)
	if found == nil {
		b.Fatal("the metrics do not tell of the heap")
	}
	bytes, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return bytes / (1 << 20)
}

// commitRows measures the database by itself: one small row a transaction, safe on disk.
func commitRows(b *testing.B, o models.Options) float64 {
	driver, dsn := "mysql", o.DSN
	if o.Driver == models.DriverSQLite {
		driver = "sqlite"
		dsn = "file:" + filepath.Join(b.TempDir(), "rows.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if o.Driver == models.DriverSQLite {
		db.SetMaxOpenConns(1) // it has one writer
	} else {
		db.SetMaxIdleConns(2 * crowd)
	}
	if _, err := db.Exec("CREATE TABLE bench_rows (id varchar(36) PRIMARY KEY, n bigint NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(crowd)
	b.ResetTimer()
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			if _, err := db.Exec("INSERT INTO bench_rows (id, n) VALUES (?, 1)", models.NewID()); err != nil {
				b.Error(err)
				return
			}
		}
	})
	return rate(b, "rows/s")
}

// placeOrders measures orders for one article, whose stock all of them change.
func placeOrders(b *testing.B, o models.Options) float64 {
	s := modelstest.Open(b, o)
	modelstest.Product(b, s, "cup", 2500, 1_000_000_000)
	b.SetParallelism(crowd)
	b.ResetTimer()
	b.RunParallel(func(each *testing.PB) {
		for each.Next() {
			if _, err := s.PlaceOrder(context.Background(), modelstest.Draft("cup", 1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	return rate(b, "orders/s")
}

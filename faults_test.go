package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"
	"golang.org/x/net/html"

	"saoma/payments/sandbox"
)

// How long a buyer may wait for a page, and how soon the shop works again by itself.
const (
	pageByGateway  = 8 * time.Second
	pageByDatabase = 3 * time.Second
	backByGateway  = 30 * time.Second
	backByDatabase = 10 * time.Second
)

const (
	slowGateway  = 2000 // ms
	slowDatabase = 50   // ms, for each question
	rowsAtOnce   = 4    // shops that run side by side
)

// The gateways' names in addresses and in the configuration.
const (
	gatewayScanFor  = "scanforpay"
	gatewayPass2Pay = "pass2pay"
)

// line is a connection of the shop's that can be made to fail.
type line struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// newLine leads to a server on this machine.
func newLine(t testing.TB, server string) *line {
	t.Helper()
	manager := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &line{t, toxiproxy.NewProxy(manager, "line", "127.0.0.1:0", server)}
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.proxy.Stop)
	return l
}

func (l *line) address() string { return l.proxy.Listen }

// cut ends the connections that there are and refuses new ones.
func (l *line) cut() { l.proxy.Stop() }

// spoil makes something of every answer.
func (l *line) spoil(toxic string, attributes map[string]int) {
	l.t.Helper()
	order, err := json.Marshal(map[string]any{"name": "fault", "type": toxic, "attributes": attributes})
	if err == nil {
		_, err = l.proxy.Toxics.AddToxicJson(bytes.NewReader(order))
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// mend makes the line as it was.
func (l *line) mend() {
	l.t.Helper()
	l.proxy.Toxics.ResetToxics(context.Background())
	if l.proxy.Enabled {
		return
	}
	if err := l.proxy.Start(); err != nil {
		l.t.Fatal(err)
	}
}

// lined is a shop whose gateways are a server of their own, behind a line each, as is its mail server,
// and whose database may be behind one too.
type lined struct {
	*testShop
	gateways map[string]*line
	mail     *line
	database *line
	home     database // reached without a line
}

// startLined runs a shop behind lines. Of the wallets, Alipay has one way to pay: at a desktop by
// ScanForPay, on a phone by Pass2Pay; WeChat has another one for when the first fails.
func startLined(t testing.TB, d database) *lined {
	t.Helper()
	box := sandboxNextDoor(t)
	l := &lined{
		gateways: map[string]*line{gatewayScanFor: newLine(t, box), gatewayPass2Pay: newLine(t, box)},
		mail:     newLine(t, startMailServer(t, false).listener.Addr().String()),
	}
	l.home = d
	if d.driver == "mysql" { // the auditor comes by another way
		l.database = newLine(t, parseDSN(t, d.dsn).Addr)
		d.auditor, d.dsn = d.dsn, l.database.through(d.dsn)
	}
	s := configure(t, d, mailAt(t, l.mail.address()), "gateways:",
		fmt.Sprintf("  scanforpay: {base_url: http://%s%s, allowed_hosts: [%q], partner_no: %q, store_no: %q, sign_key: %s}",
			l.gateways[gatewayScanFor].address(), sandbox.ScanForPayPath, box, sandbox.DemoPartnerNo, sandbox.DemoStoreNo, sandbox.DemoSignKey),
		fmt.Sprintf("  pass2pay: {base_url: http://%s%s, allowed_hosts: [%q], mch_no: %q, app_id: %q, app_secret: %s}",
			l.gateways[gatewayPass2Pay].address(), sandbox.Pass2PayPath, box, sandbox.DemoMchNo, sandbox.DemoAppID, sandbox.DemoAppSecret),
		"routes:",
		"  - {wallet: alipay, scene: desktop, gateway: scanforpay, method: qrcode}",
		"  - {wallet: alipay, scene: phone, gateway: pass2pay, method: ALI_WAP}",
		"  - {wallet: wechat, scene: any, gateway: scanforpay, method: qrcode}",
		"  - {wallet: wechat, scene: any, gateway: pass2pay, method: WX_NATIVE}",
	)
	s.sandbox.url = "http://" + box
	l.testShop = s
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	return l
}

// sandboxNextDoor runs both gateways and returns where they listen.
func sandboxNextDoor(t testing.TB) string {
	t.Helper()
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"sandbox", "--listen", address}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the sandbox ended with %v", err)
		}
	})
	await(t, "the sandbox to listen", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return address
}

// through returns the data source name for a server behind a line.
func (l *line) through(dsn string) string {
	c := parseDSN(l.t, dsn)
	c.Addr = l.address()
	return c.FormatDSN()
}

// humble is a database of MySQL whose user may not write when the server is read-only, as others may.
func humble(t testing.TB) database {
	t.Helper()
	d := mysqlDatabase(t)
	server, err := sql.Open("mysql", d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string) {
		t.Helper()
		if _, err := server.Exec(statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	c := parseDSN(t, d.dsn)
	c.User, c.Passwd = "u"+c.DBName[len(c.DBName)-16:], "secret"
	here, there := c.User+"@localhost", c.User+"@'%'" // a server may have nameless users who go before the second
	do("CREATE USER " + here + " IDENTIFIED BY 'secret', " + there + " IDENTIFIED BY 'secret'")
	do("GRANT ALL ON " + c.DBName + ".* TO " + here + ", " + there)
	t.Cleanup(func() {
		do("SET GLOBAL read_only = 0")
		do("DROP USER " + here + ", " + there)
		server.Close()
	})
	return database{driver: d.driver, dsn: c.FormatDSN()}
}

func parseDSN(t testing.TB, dsn string) *mysqldriver.Config {
	t.Helper()
	c, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fault is something that is down or slow.
type fault struct {
	gateway  string // whose payments are looked at
	database func(testing.TB) database
	begin    func(l *lined)
	end      func(l *lined)
	page     time.Duration // how long a buyer may wait for a page
	back     time.Duration // how soon the shop works again by itself
}

func cutLine(l *line)   { l.cut() }
func hangLine(l *line)  { l.spoil("timeout", map[string]int{"timeout": 0}) }
func resetLine(l *line) { l.spoil("reset_peer", map[string]int{"timeout": 0}) }

func delayLine(ms int) func(*line) {
	return func(l *line) { l.spoil("latency", map[string]int{"latency": ms}) }
}

// onLine is a fault of one gateway's line.
func onLine(gateway string, begin func(*line)) fault {
	return fault{gateway, sqliteDatabase,
		func(l *lined) { begin(l.gateways[gateway]) },
		func(l *lined) { l.gateways[gateway].mend() },
		pageByGateway, backByGateway}
}

// onBox is a fault of one gateway itself.
func onBox(gateway string, kind sandbox.FaultKind) fault {
	return fault{gateway, sqliteDatabase,
		func(l *lined) { l.sandbox.fault(sandbox.Fault{Gateway: sandbox.Gateway(gateway), Kind: kind}) },
		func(l *lined) { l.sandbox.clearFaults() },
		pageByGateway, backByGateway}
}

func onMail(begin func(*line)) fault {
	return fault{gatewayScanFor, sqliteDatabase,
		func(l *lined) { begin(l.mail) },
		func(l *lined) { l.mail.mend() },
		pageByGateway, backByGateway}
}

func onDatabase(begin func(*line)) fault {
	return fault{gatewayScanFor, mysqlDatabase,
		func(l *lined) { begin(l.database) },
		func(l *lined) { l.database.mend() },
		pageByDatabase, backByDatabase}
}

// readOnly is a server that was told to take no writes, as one that is no longer the primary is.
func readOnly() fault {
	set := func(to string) func(*lined) {
		return func(l *lined) {
			server, err := sql.Open("mysql", os.Getenv("SAOMA_TEST_MYSQL_DSN"))
			if err == nil {
				defer server.Close()
				_, err = server.Exec("SET GLOBAL read_only = " + to)
			}
			if err != nil {
				l.t.Error(err)
			}
		}
	}
	return fault{gatewayScanFor, humble, set("1"), set("0"), pageByDatabase, backByDatabase}
}

// faults are the rows of docs/resilience.md, by the words that stand there.
func faults() map[string]fault {
	slow := onDatabase(delayLine(slowDatabase))
	slow.page = pageByGateway // it does answer
	rows := map[string]fault{
		"both gateways are down": {gatewayPass2Pay, sqliteDatabase,
			func(l *lined) { l.gateways[gatewayScanFor].cut(); l.gateways[gatewayPass2Pay].cut() },
			func(l *lined) { l.gateways[gatewayScanFor].mend(); l.gateways[gatewayPass2Pay].mend() },
			pageByGateway, backByGateway},
		"the database is down":                onDatabase(cutLine),
		"the database is frozen":              onDatabase(hangLine),
		"the database resets its connections": onDatabase(resetLine),
		"the database is slow":                slow,
		"the database is read-only":           readOnly(),
		"the mail server is down":             onMail(cutLine),
		"the mail server hangs":               onMail(hangLine),
	}
	for name, gateway := range map[string]string{"ScanForPay": gatewayScanFor, "Pass2Pay": gatewayPass2Pay} {
		rows[name+" is down"] = onLine(gateway, cutLine)
		rows[name+" hangs"] = onLine(gateway, hangLine)
		rows[name+" is slow"] = onLine(gateway, delayLine(slowGateway))
		rows[name+" resets its connections"] = onLine(gateway, resetLine)
		rows[name+" sends half an answer"] = onLine(gateway, func(l *line) { l.spoil("limit_data", map[string]int{"bytes": 150}) })
		rows[name+" sends garbage"] = onBox(gateway, sandbox.FaultHTML)
		rows[name+" sends 10 MB"] = onBox(gateway, sandbox.FaultHuge)
		rows[name+" limits calls"] = onBox(gateway, sandbox.FaultHTTP429)
	}
	return rows
}

// visits are its columns: each does what somebody does while the fault lasts, and says in the words
// of the document what came of it.
var visits = map[string]func(v *visit) string{
	"catalogue":                  (*visit).catalogue,
	"checkout":                   (*visit).checkout,
	"order page":                 (*visit).orderPage,
	"notification of ScanForPay": func(v *visit) string { return v.notification(gatewayScanFor) },
	"notification of Pass2Pay":   func(v *visit) string { return v.notification(gatewayPass2Pay) },
	"return":                     (*visit).comeBack,
	"admin":                      (*visit).admin,
	"staff ask":                  (*visit).ask,
	"staff refund":               (*visit).refund,
}

// The words of the document.
const (
	asUsual       = "as usual"
	errorPage     = "503"
	kept          = "order kept"
	comesAgain    = "comes again"
	later         = "confirmed later"
	notYet        = "not paid yet"
	onlyReads     = "only reads"
	noAnswer      = "no answer"
	refundedLater = "refunded later"
	notUsedYet    = "not used yet"
)

// visit is what is needed to look at the shop during a fault: orders that were placed before it.
type visit struct {
	*lined
	t         *testing.T
	fault     fault
	shopper   *buyer
	form      *form                  // the checkout, filled in
	watching  placedOrder            // open
	told      map[string]placedOrder // by gateway: paid during the fault, and the shop is told
	returning placedOrder            // paid during the fault, and the buyer comes back
	desk      desk
}

type placedOrder struct {
	buyer         *buyer
	token, number string // the order's and the payment's
}

// prepare places the orders.
func (l *lined) prepare(t *testing.T, f fault) *visit {
	t.Helper()
	v := &visit{lined: l, t: t, fault: f, told: map[string]placedOrder{}}
	v.watching, v.returning = l.place(t, f.gateway), l.place(t, f.gateway)
	for gateway := range l.gateways {
		v.told[gateway] = l.place(t, gateway)
	}
	v.desk = l.openDesk(t, f.gateway)
	v.shopper = l.visitorFor(t, agentFor[f.gateway])
	v.form = v.shopper.checkout("EBOOK", "1", "alipay")
	return v
}

// begin begins the fault, and then has what is to be paid paid, so that the shop cannot know it yet.
func (v *visit) begin() {
	v.t.Helper()
	v.fault.begin(v.lined)
	for _, o := range v.paid() {
		v.sandbox.act(o.number, sandbox.Pay, sandbox.NotifyNever)
	}
}

func (v *visit) paid() []placedOrder {
	return []placedOrder{v.told[gatewayScanFor], v.told[gatewayPass2Pay], v.returning, v.desk.asked}
}

// agentFor is a browser that pays through the gateway.
var agentFor = map[string]string{gatewayScanFor: desktopChrome, gatewayPass2Pay: iPhoneSafari}

func (l *lined) place(t *testing.T, gateway string) placedOrder {
	t.Helper()
	b := l.visitorFor(t, agentFor[gateway])
	b.order("EBOOK", "alipay")
	return placedOrder{b, l.newestToken(t, b), l.sandbox.newest().Number}
}

// witness keeps the headers of the last answer.
type witness struct {
	http.RoundTripper
	headers http.Header
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err == nil {
		w.headers = resp.Header
	}
	return resp, err
}

// page does a step, within the time that a buyer was promised, redirects included. It reports
// whether that led to a page that works; otherwise to one that says when to try again.
func (v *visit) page(b *buyer, step func()) bool {
	v.t.Helper()
	headers := v.within(b, step)
	if b.status != http.StatusServiceUnavailable {
		return true
	}
	if !b.toldToWait(headers) {
		v.t.Errorf("%s: got status 503 with headers %v, want a hint when to try again, and a page that says so:\n%s", b.address.Path, headers, b.text)
	}
	return false
}

// within does a step, wants it done in time, and returns the headers of the last answer.
func (v *visit) within(b *buyer, step func()) http.Header {
	v.t.Helper()
	seen := &witness{RoundTripper: b.client.Transport}
	b.t, b.client.Transport = v.t, seen
	begun := time.Now()
	step()
	if took := time.Since(begun); took > v.fault.page {
		v.t.Errorf("%s: got a page after %v, want it within %v", b.address.Path, took, v.fault.page)
	}
	return seen.headers
}

// heading is that of the page now shown.
func (b *buyer) heading() string {
	h1 := find(b.page, func(n *html.Node) bool { return n.Data == "h1" })
	if h1 == nil {
		return ""
	}
	return textOf(h1)
}

// toldToWait reports whether the page now shown, which came with the headers, asks to try again later.
func (b *buyer) toldToWait(headers http.Header) bool {
	return headers.Get("Retry-After") != "" && b.heading() == "The shop is catching its breath"
}

func (v *visit) catalogue() string {
	b := v.visitorFor(v.t, desktopChrome)
	if !v.page(b, func() { b.open("/") }) {
		return errorPage
	}
	if !strings.Contains(b.text, "/products/tea-set") {
		return fmt.Sprintf("status %d without the articles", b.status)
	}
	return asUsual
}

func (v *visit) checkout() string {
	b, orders := v.shopper, v.count("SELECT COUNT(*) FROM orders")
	if !v.page(b, func() { b.submit(v.form) }) {
		if now := v.count("SELECT COUNT(*) FROM orders"); now != orders {
			return fmt.Sprintf("503, and %d orders more", now-orders)
		}
		return errorPage
	}
	if strings.HasPrefix(b.address.Path, "/sandbox/wallet/") || b.state() == "waiting" && strings.Contains(b.text, "/qr.svg") {
		return asUsual
	}
	if b.address.Query().Get("notice") == "down" && strings.Contains(b.text, "This way to pay is not answering just now. Your order is kept") {
		return kept
	}
	return "unforeseen: " + b.address.String() + " " + b.state()
}

func (v *visit) orderPage() string {
	b := v.watching.buyer
	if !v.page(b, func() { b.open(v.url + "/o/" + v.watching.token) }) {
		return errorPage
	}
	if got := b.state(); got != "waiting" {
		return "unforeseen: " + got
	}
	return asUsual
}

// notification has a gateway tell the shop of a payment once.
func (v *visit) notification(gateway string) string {
	o := v.told[gateway]
	switch got := v.sandbox.resend(o.number, 1)[0]; {
	case !got.Acknowledged && got.Status == http.StatusServiceUnavailable:
		return comesAgain
	case !got.Acknowledged:
		return fmt.Sprintf("unforeseen: %+v", got)
	}
	if v.count(`SELECT COUNT(*) FROM orders WHERE token = ? AND status = 'paid'`, o.token) != 1 {
		return "acknowledged, and not kept"
	}
	// Where the signature alone proves too little, a query has to agree, which here it cannot.
	if gateway == gatewayPass2Pay && v.fault.gateway == gateway && v.confirmed(o) == 0 {
		return later
	}
	await(v.t, "a payment that was notified to be confirmed", func() bool { return v.confirmed(o) == 1 })
	return asUsual
}

func (l *lined) confirmed(o placedOrder) int64 {
	return l.count(`SELECT COUNT(*) FROM payments WHERE number = ? AND status = 'succeeded' AND confirmed_at IS NOT NULL`, o.number)
}

func (v *visit) comeBack() string {
	b := v.returning.buyer
	if !v.page(b, func() { b.open(v.url + "/pay/return/" + v.returning.token) }) {
		return errorPage
	}
	switch state := b.state(); state {
	case "paid":
		return asUsual
	case "waiting":
		return notYet
	default:
		return "unforeseen: " + state
	}
}

// recovers wants the shop to sell again soon, and what was paid to be found, all by itself.
func (v *visit) recovers() {
	v.t.Helper()
	begun := time.Now()
	await(v.t, "a new order to be taken", func() bool { return v.sells(v.fault.gateway) })
	if took := time.Since(begun); took > v.fault.back {
		v.t.Errorf("sells again after %v, want it within %v", took, v.fault.back)
	}
	for _, o := range v.paid() {
		await(v.t, "a payment to be found and confirmed", func() bool { return v.confirmed(o) == 1 })
		o.buyer.t = v.t
		o.buyer.wantState(o.token, "paid")
	}
	await(v.t, "every refund to be carried out", func() bool {
		return v.count(`SELECT COUNT(*) FROM refunds WHERE status <> 'succeeded'`) == 0
	})
}

// sells reports whether an order can be placed and its payment begun.
func (l *lined) sells(gateway string) bool {
	b := l.visitorFor(l.t, agentFor[gateway])
	if b.open("/products/" + slugs["EBOOK"]); b.status != http.StatusOK {
		return false
	}
	if b.press(b.form("data-sku", "EBOOK"), "buy_now", "1"); b.status != http.StatusOK {
		return false
	}
	f := b.form("action", "/checkout")
	f.fill("name", "Ada Wong")
	f.fill("email", "ada@example.com")
	f.fields.Set("wallet", "alipay")
	b.submit(f)
	return b.status == http.StatusOK && b.address.Query().Get("notice") == ""
}

// TestResilience does everything that the document's columns name under every fault that its rows
// name, and wants what its cells say. A row, a column or a cell that only one of them has fails.
func TestResilience(t *testing.T) {
	doc := readResilience(t)
	doc.checkNames(t)
	var all sync.WaitGroup
	slots := make(chan struct{}, rowsAtOnce) // more than the machine has processors: most of it is waiting
	for name, f := range faults() {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			t.Run(name, func(t *testing.T) { checkRow(t, f, doc.cells[name]) })
		})
	}
	all.Wait()
}

func checkRow(t *testing.T, f fault, cells map[string]string) {
	l := startLined(t, f.database(t))
	v := l.prepare(t, f)
	v.begin()
	var together sync.WaitGroup
	for column, look := range visits {
		together.Go(func() {
			t.Run(column, func(t *testing.T) {
				cell := *v
				cell.t = t
				if got := look(&cell); got != cells[column] {
					t.Errorf("got %q, and the document says %q", got, cells[column])
				}
			})
		})
	}
	together.Wait()
	f.end(l)
	v.recovers()
	l.audit()
}

// resilience is the table of docs/resilience.md and the words that are explained below it.
type resilience struct {
	columns []string
	cells   map[string]map[string]string // by row and column
	words   []string
}

func readResilience(t *testing.T) resilience {
	t.Helper()
	text, err := os.ReadFile("docs/resilience.md")
	if err != nil {
		t.Fatal(err)
	}
	r := resilience{cells: map[string]map[string]string{}}
	for text := range strings.Lines(string(text)) {
		text = strings.TrimSpace(text)
		if word, is := strings.CutPrefix(text, "- **"); is {
			word, _, _ = strings.Cut(word, "**")
			r.words = append(r.words, word)
		}
		if strings.HasPrefix(text, "|") {
			r.add(t, strings.Split(strings.Trim(text, "|"), "|"))
		}
	}
	return r
}

// add reads one line of the table.
func (r *resilience) add(t *testing.T, fields []string) {
	t.Helper()
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	switch {
	case strings.HasPrefix(fields[0], "---"):
	case r.columns == nil:
		r.columns = fields[1:]
	case len(fields) != len(r.columns)+1 || r.cells[fields[0]] != nil:
		t.Errorf("row %q is there twice or has not %d cells", fields[0], len(r.columns))
	default:
		r.cells[fields[0]] = map[string]string{}
		for i, column := range r.columns {
			r.cells[fields[0]][column] = fields[i+1]
		}
	}
}

// checkNames compares the names of the rows and columns with those that are tested, and looks for
// words that are not explained.
func (r resilience) checkNames(t *testing.T) {
	t.Helper()
	var rows, columns []string
	for row, cells := range r.cells {
		used := false
		for column, cell := range cells {
			used = used || cell != notUsedYet
			if !slices.Contains(r.words, cell) {
				t.Errorf("%s, %s: %q is not explained", row, column, cell)
			}
		}
		if used {
			rows = append(rows, row)
		}
	}
	for _, column := range r.columns {
		if slices.ContainsFunc(slices.Collect(maps.Values(r.cells)), func(cells map[string]string) bool {
			return cells[column] != notUsedYet
		}) {
			columns = append(columns, column)
		}
	}
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	if diff := cmp.Diff(slices.Collect(maps.Keys(faults())), rows, sorted); diff != "" {
		t.Errorf("rows (-tested +in the document):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Collect(maps.Keys(visits)), columns, sorted); diff != "" {
		t.Errorf("columns (-tested +in the document):\n%s", diff)
	}
}

// TestManySlowAnswers: a database may answer each question of a page in time, and all of them together too
// late. Who asked is told within the same time as when it does not answer at all.
func TestManySlowAnswers(t *testing.T) {
	s := startLined(t, mysqlDatabase(t))
	o := s.place(t, gatewayScanFor)
	o.buyer.checkout("EBOOK", "1", "alipay") // and a cart that is not empty
	delayLine(900)(s.database)
	for _, page := range []string{"/", "/checkout", "/o/" + o.token, "/o/" + o.token + "/status", "/o/" + o.token + "/qr.svg"} {
		begun := time.Now()
		o.buyer.open(page)
		if took := time.Since(begun); took > pageByDatabase {
			t.Errorf("%s: got status %d after %v, want an answer within %v", page, o.buyer.status, took, pageByDatabase)
		}
	}
}

// TestBrowsingIsNotSlowed: while a buyer waits for a gateway that hangs, others see their pages.
func TestBrowsingIsNotSlowed(t *testing.T) {
	t.Parallel()
	l := startLined(t, sqliteDatabase(t))
	hangLine(l.gateways[gatewayScanFor])
	b := l.visitor(desktopChrome)
	f := b.checkout("EBOOK", "1", "alipay")
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		b.submit(f)
	}()
	await(t, "the order to be placed", func() bool { return l.count("SELECT COUNT(*) FROM payments") == 1 })
	other := l.visitor(iPhoneSafari)
	for range 20 {
		for _, address := range []string{"/", "/products/tea-set", "/cart"} {
			if other.open(address); other.status != http.StatusOK {
				t.Errorf("%s: got status %d", address, other.status)
			}
		}
	}
	select {
	case <-waits:
		t.Error("60 pages took longer than a gateway that hangs")
	default:
	}
	<-waits
	l.audit()
}

// TestManyFailures: a gateway that fails often is left alone, which sends buyers on their next way
// to pay at once, keeps no notification out, and ends by itself.
func TestManyFailures(t *testing.T) {
	t.Parallel()
	l := startLined(t, sqliteDatabase(t))
	early := l.place(t, gatewayScanFor)
	l.sandbox.act(early.number, sandbox.Pay, sandbox.NotifyNever)
	resetLine(l.gateways[gatewayScanFor])
	for range 5 {
		if l.sells(gatewayScanFor) {
			t.Fatal("a payment began at a gateway that resets its connections")
		}
	}
	b := l.visitor(desktopChrome)
	b.order("EBOOK", "wechat")
	if p := l.sandbox.newest(); p.Gateway != sandbox.Pass2Pay || !strings.Contains(b.text, "/qr.svg") {
		t.Errorf("the next way to pay: got a payment at %s and the page\n%s", p.Gateway, b.text)
	}
	if got := l.sandbox.resend(early.number, 1)[0]; !got.Acknowledged {
		t.Errorf("notification while the gateway is left alone: got %+v, want it acknowledged", got)
	}
	early.buyer.wantState(early.token, "paid")
	l.gateways[gatewayScanFor].mend()
	begun := time.Now()
	await(t, "the gateway to be used again", func() bool { return l.sells(gatewayScanFor) })
	if took := time.Since(begun); took > backByGateway {
		t.Errorf("the gateway was used again after %v, want it within %v", took, backByGateway)
	}
	l.audit()
}

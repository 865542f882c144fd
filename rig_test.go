package main

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"saoma/payments/sandbox"
)

// recovery is how long a shop may take to be in order again after whatever happened to it.
const recovery = 60 * time.Second

// rig is a shop of one or more processes that die, between gateways that outlive them and a front
// through which buyers and gateways reach whoever is alive.
type rig struct {
	*testShop
	binary   string
	seed     uint64
	visits   uint64
	front    *front
	replicas []*replica
	slowest  time.Duration // that the shop took to be in order again
	lost     int           // messages, orders and attempts that were acknowledged and are not kept
	stuck    string        // what was not in order in time
}

// goods is the catalogue of a shop with a crowd: plenty of one thing, little of another, and one
// that nobody counts.
const goods = `slug,name,description,product_image,product_active,sku,options,price,stock,digital,delivery,image,active
tea-set,Tea set,,,true,TEA-SET,,128.50,1000000,false,,,true
t-shirt,T-shirt,,,true,SHIRT-M,M,89.00,20,false,,,true
art-print,Print,,,true,PRINT,,360.00,1,false,,,true
e-book,E-book,,,true,EBOOK,,19.00,,true,https://example.com/book.epub,,true
`

// newRig sets up a shop and starts so many processes of it.
func newRig(t testing.TB, binary string, d database, replicas int, seed uint64) *rig {
	t.Helper()
	box := startSandbox(t, binary)
	r := &rig{binary: binary, seed: seed}
	r.testShop = configure(t, d,
		fmt.Sprintf("shop: {payment_window: %s, shipping_fee: 1200}", crowdWindow),
		"secret_key: "+secretKey,
		"demo_data: false",
		"sandbox: {enabled: false}",
		"gateways:",
		fmt.Sprintf("  scanforpay: {base_url: %q, partner_no: %q, store_no: %q, sign_key: %q}",
			box+sandbox.ScanForPayPath, sandbox.DemoPartnerNo, sandbox.DemoStoreNo, sandbox.DemoSignKey),
		fmt.Sprintf("  pass2pay: {base_url: %q, mch_no: %q, app_id: %q, app_secret: %q}",
			box+sandbox.Pass2PayPath, sandbox.DemoMchNo, sandbox.DemoAppID, sandbox.DemoAppSecret),
	)
	r.sandbox = sandboxAPI{t, box}
	r.sandbox.do("POST", "/sandbox/api/clock", map[string]any{"speed": 30}, nil)
	for range replicas {
		r.replicas = append(r.replicas, &replica{rig: r})
	}
	r.front = newFront(r.replicas)
	listener, err := net.Listen("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: r.front}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	r.stockUp()
	r.startAll()
	return r
}

// startSandbox runs the gateways in a process of their own and returns their address.
func startSandbox(t testing.TB, binary string) string {
	t.Helper()
	p := launch(t, nil, binary, "sandbox", "--listen", "127.0.0.1:0")
	var address string
	await(t, "sandbox", func() bool {
		_, rest, _ := strings.Cut(p.said.String(), "open: ")
		at, _, whole := strings.Cut(rest, "/sandbox\n")
		address = at
		return whole
	})
	return address
}

// stockUp fills the catalogue.
func (r *rig) stockUp() {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "goods.csv")
	if err := os.WriteFile(file, []byte(goods), 0o600); err != nil {
		r.t.Fatal(err)
	}
	p := launch(r.t, nil, r.binary, "products", "import", file, "--config", r.config)
	<-p.ended
	if !p.cmd.ProcessState.Success() {
		r.t.Fatalf("products import: %s", &p.said)
	}
	r.initial = r.stock()
}

// startAll starts the processes that are not there.
func (r *rig) startAll() {
	r.t.Helper()
	for _, replica := range r.replicas {
		if p := replica.current(); p == nil || isOver(p.ended) {
			replica.start()
		}
	}
}

func isOver(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// mended starts what is down and wants everything in order again within the time for recovery,
// with no hand but the shop's own; then it audits the books.
func (r *rig) mended(after string) {
	r.t.Helper()
	r.startAll()
	begun := time.Now()
	for wrong := r.disorder(); wrong != ""; wrong = r.disorder() {
		if time.Since(begun) > recovery {
			r.stuck = wrong
			r.t.Fatalf("%s: not in order after %s: %s", after, recovery, wrong)
		}
		time.Sleep(200 * time.Millisecond)
	}
	took := time.Since(begun).Round(time.Second)
	r.slowest = max(r.slowest, took)
	r.t.Logf("%s: in order again within %s", after, took)
	r.audit()
	r.auditAcknowledged()
	strange := query(r.testShop, `SELECT kind, status, number, detail FROM incidents WHERE kind NOT IN ('late_payment', 'duplicate_payment')`,
		func(rows *sql.Rows, i *[4]string) error { return rows.Scan(&i[0], &i[1], &i[2], &i[3]) })
	if len(strange) > 0 {
		r.t.Errorf("%s: got incidents that nothing here can lead to, want none: %q", after, strange)
	}
	for _, replica := range r.replicas {
		r.listen(replica.current())
	}
	if r.t.Failed() {
		r.t.Fatalf("%s: something is wrong, and what comes next would prove nothing", after)
	}
}

// listen wants nothing in what a process has said that none may say.
func (r *rig) listen(p *process) {
	r.t.Helper()
	for _, never := range []string{"panic", "DATA RACE", sandbox.DemoSignKey, sandbox.DemoAppSecret, secretKey} {
		if p.said.has(never) {
			r.t.Errorf("a process said %q:\n%s", never, &p.said)
		}
	}
}

// disorder names what is not at its end yet, in a shop that nobody visits any more: "" when
// everything is.
func (r *rig) disorder() string {
	r.t.Helper()
	for _, open := range []struct{ what, query string }{
		{"orders are pending", `SELECT COUNT(*) FROM orders WHERE status = 'pending'`},
		{"attempts are live", `SELECT COUNT(*) FROM payments WHERE status IN ('created', 'pending')`},
		{"payments are not confirmed", `SELECT COUNT(*) FROM payments WHERE status = 'succeeded' AND confirmed_at IS NULL`},
		{"refunds are pending", `SELECT COUNT(*) FROM refunds WHERE status = 'pending'`},
		{"incidents are open", `SELECT COUNT(*) FROM incidents WHERE status = 'open'`},
	} {
		if n := r.count(open.query); n > 0 {
			return fmt.Sprintf("%d %s", n, open.what)
		}
	}
	if took, knows := len(r.sandbox.ledger().Receipts), r.count(`SELECT COUNT(*) FROM payments WHERE status = 'succeeded'`); int64(took) != knows {
		return fmt.Sprintf("the gateways took %d payments, the shop knows of %d", took, knows)
	}
	return ""
}

// auditAcknowledged: each notification that the shop acknowledged is kept, byte for byte, and so is each
// order that a buyer was shown, and each attempt that a gateway was told of.
func (r *rig) auditAcknowledged() {
	r.t.Helper()
	kept := map[[sha256.Size]byte]bool{}
	for _, message := range query(r.testShop, `SELECT response FROM evidence WHERE direction = 'received'`,
		func(row *sql.Rows, v *[]byte) error { return row.Scan(v) }) {
		kept[sha256.Sum256(message)] = true
	}
	known := map[string]bool{}
	for _, name := range query(r.testShop, `SELECT token FROM orders UNION ALL SELECT number FROM payments`,
		func(row *sql.Rows, v *string) error { return row.Scan(v) }) {
		known[name] = true
	}
	missing := func(what, name string) {
		r.lost++
		r.t.Errorf("%s %s was acknowledged and is not kept", what, name)
	}
	for _, p := range r.sandbox.payments() {
		if !known[p.Number] {
			missing("attempt", p.Number)
		}
	}
	r.front.mu.Lock()
	defer r.front.mu.Unlock()
	for token := range r.front.placed {
		if !known[token] {
			missing("order", token)
		}
	}
	for message := range r.front.acknowledged {
		if !kept[message] {
			missing("notification", fmt.Sprintf("%x", message))
		}
	}
}

// death is a place where a process dies.
type death struct {
	place string
	at    string // kill points that are passed in this order; it dies at the last of them
}

// deaths are all the places. What is not a kill point of the program's has no name in at.
var deaths = []death{
	{"checkout: before the order's commit", "checkout.before_commit"},
	{"checkout: order committed", "checkout.committed"},
	{"checkout: before the create call", "create.before_call"},
	{"checkout: accepted by the gateway, answer unread", "create.before_call,call.unread"},
	{"checkout: answer read, not stored", "create.answered"},
	{"checkout: stored, redirect not sent", "create.stored"},
	{"notification: read", "notify.read"},
	{"notification: verified", "notify.verified"},
	{"notification: before commit", "notify.verified,apply.before_commit"},
	{"notification: committed, before success", "notify.committed"},
	{afterSuccess, ""},
	{"sweep: attempt claimed", "sweep.claimed"},
	{"sweep: asked", "sweep.claimed,call.unread"},
	{"sweep: answered", "sweep.claimed,query.answered"},
	{"sweep: before commit", "sweep.claimed,query.answered,apply.before_commit"},
	{"expiry: gateway asked", "expiry.asked"},
	{"expiry: before commit", "expiry.before_commit"},
	{"expiry: committed", "expiry.committed"},
	{"refund: number stored", "refund.claimed"},
	{"refund: sent, unanswered", "refund.claimed,call.unread"},
	{"refund: answered, not stored", "refund.answered"},
	{"refund: before commit", "refund.before_commit"},
	{whileDraining, "shutdown.draining"},
}

const (
	afterSuccess  = "notification: after success, before side effects"
	whileDraining = "shutdown: while draining"
	// betweenSteps is tried on databases of its own: see dieMigrating.
	betweenSteps = "migration: between two steps"
)

// lethal is the kill point at which the process dies.
func (d death) lethal() string { return d.at[strings.LastIndex(d.at, ",")+1:] }

// die starts the process anew and has it die at the place, under the load that there is. False: it
// did not come there.
func (r *replica) die(d death, random *rand.Rand) bool {
	r.rig.t.Helper()
	passes := 1 + random.IntN(2)
	if d.place == whileDraining {
		passes = 1 // nobody drains twice
	}
	if d.place == afterSuccess {
		r.start()
		r.doom()
	} else {
		r.start("SAOMA_TEST_KILL_AT="+d.at, fmt.Sprintf("SAOMA_TEST_KILL_AFTER=%d", passes))
	}
	p := r.current()
	if d.place == whileDraining {
		for busy := r.rig.front.served.Load() + 20; r.rig.front.served.Load() < busy && !isOver(p.ended); {
			time.Sleep(5 * time.Millisecond)
		}
		p.signal(syscall.SIGTERM)
	}
	select {
	case <-p.ended:
		return d.at == "" || p.said.has("killed at "+d.lethal()+"\n")
	case <-time.After(recovery):
		p.kill()
		return false
	}
}

// round lets processes die at each of the places once, under load, and then wants the shop in
// order. It returns the places that were come to.
func (r *rig) round(places []death, buyers int, random *rand.Rand) []death {
	r.t.Helper()
	crowd := r.crowd(buyers)
	defer crowd.end()
	queue := make(chan death, len(places))
	for _, i := range random.Perm(len(places)) {
		queue <- places[i]
	}
	close(queue)
	var mu sync.Mutex
	var reached []death
	var all sync.WaitGroup
	for i, replica := range r.replicas {
		random := rand.New(rand.NewPCG(random.Uint64(), uint64(i)))
		all.Go(func() {
			for d := range queue {
				if !replica.die(d, random) {
					r.t.Logf("no process came to die at %q", d.place)
					continue
				}
				mu.Lock()
				reached = append(reached, d)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	r.startAll()
	crowd.end()
	r.mended("after kills")
	return reached
}

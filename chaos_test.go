//go:build chaos

package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"saoma/payments/sandbox"
)

// How hard the chaos run tries. It ends within its limit, or fails.
const (
	chaosLimit  = 14 * time.Minute
	killsEach   = 10 // at each kill point
	killsRandom = 30
	chaosBuyers = 8
	stormed     = 100 // notifications, which come so many times more, all together
	stormEach   = 50
	checkouts   = 10_000 // for one piece
)

// TestChaos does to a shop on SQLite, and to one of two processes on MariaDB, everything that may
// befall a shop, and takes its nodes from one on a Galera cluster. Each time it wants the shop in order
// again within a minute, by itself, and the books right. It prints what it did.
func TestChaos(t *testing.T) {
	rep := &report{end: time.Now().Add(chaosLimit), times: map[string]int{}}
	for _, d := range append(slices.Clone(deaths), death{place: betweenSteps}) {
		rep.tried(killedAt(d.place), 0)
	}
	binary, from := mortal(t), seed(t)
	server, cluster := startMariaDB(t), startGalera(t)
	t.Run("shops", func(t *testing.T) {
		t.Run("sqlite", func(t *testing.T) {
			t.Parallel()
			rep.migrations(t, binary, sqliteDatabase)
			r := rep.rig(t, binary, sqliteDatabase(t), 1, from)
			r.everywhere(rep)
		})
		t.Run("mariadb", func(t *testing.T) {
			t.Parallel()
			rep.migrations(t, binary, server.database)
			r := rep.rig(t, binary, server.database(t), 2, from)
			r.serverFails(rep, server)
			r.clocksDiffer(rep)
			r.rolls(rep)
			r.everywhere(rep)
		})
		t.Run("galera", func(t *testing.T) {
			t.Parallel()
			rep.galera(t, binary, cluster, from)
		})
		t.Run("full disk", func(t *testing.T) {
			t.Parallel()
			rep.fullDisk(t, binary, from)
		})
	})
	rep.print(os.Stdout)
}

// migrations has processes die between all steps that make the tables.
func (rep *report) migrations(t *testing.T, binary string, newDatabase func(testing.TB) database) {
	t.Helper()
	var all []halfMade
	for step := range migrationSteps {
		all = append(all, halfMade{newDatabase(t), step + 1})
	}
	dieMigrating(t, binary, all...)
	rep.tried(killedAt(betweenSteps), len(all))
}

// everywhere is what is done on each database.
func (r *rig) everywhere(rep *report) {
	r.dieEverywhere(rep)
	r.dieAnywhere(rep)
	rep.rush.Lock() // what one machine can answer in time is not asked of it twice at once
	defer rep.rush.Unlock()
	r.storm(rep)
	r.lastPiece(rep)
}

// dieEverywhere has processes die at each kill point, often enough.
func (r *rig) dieEverywhere(rep *report) {
	r.t.Helper()
	random := rand.New(rand.NewPCG(r.seed, 1))
	reached := map[string]int{}
	for {
		var places []death
		for _, d := range deaths {
			for range min(3, killsEach-reached[d.place]) {
				places = append(places, d)
			}
		}
		if len(places) == 0 {
			return
		}
		if time.Now().After(rep.end) {
			r.t.Fatalf("no time is left, and %d deaths are outstanding: %v", len(places), places)
		}
		for _, d := range r.round(places, chaosBuyers, random) {
			reached[d.place]++
			rep.tried(killedAt(d.place), 1)
		}
	}
}

// dieAnywhere kills processes at moments that nobody has chosen.
func (r *rig) dieAnywhere(rep *report) {
	r.t.Helper()
	random := rand.New(rand.NewPCG(r.seed, 2))
	crowd := r.crowd(chaosBuyers)
	defer crowd.end()
	for range killsRandom {
		replica := pick(random, r.replicas...)
		for busy := r.front.served.Load() + random.Int64N(60); r.front.served.Load() < busy; {
			time.Sleep(time.Duration(random.IntN(int(5 * time.Millisecond))))
		}
		replica.current().kill()
		replica.start()
	}
	crowd.end()
	r.mended("after kills at random")
	rep.tried("killed at random, under load", killsRandom)
}

// under lets something strike while buyers are about, and wants it to be felt and to pass.
func (r *rig) under(rep *report, what string, times int, strike func()) {
	r.t.Helper()
	for range times {
		crowd := r.crowd(chaosBuyers)
		crowd.prosper("before: " + what)
		before := r.front.refused.Load()
		strike()
		if r.front.refused.Load() == before {
			r.t.Errorf("%s: nobody was turned away, so this has shown nothing", what)
		}
		crowd.prosper("after: " + what)
		crowd.end()
	}
	r.mended(what)
	rep.tried(what, times)
}

// prosper waits until a few visits have come to their end.
func (l *load) prosper(when string) {
	l.rig.t.Helper()
	enough := l.whole.Load() + 10
	await(l.rig.t, "buyers who get what they want, "+when, func() bool { return l.whole.Load() >= enough })
}

// turnedAway waits until so many more have been refused.
func (r *rig) turnedAway(n int64) {
	r.t.Helper()
	enough := r.front.refused.Load() + n
	await(r.t, "buyers who are turned away", func() bool { return r.front.refused.Load() >= enough })
}

func (r *rig) serverFails(rep *report, m *mariadb) {
	r.t.Helper()
	r.under(rep, "MariaDB frozen for 5 s", 2, func() {
		m.process.signal(syscall.SIGSTOP)
		time.Sleep(5 * time.Second)
		m.process.signal(syscall.SIGCONT)
	})
	r.under(rep, "MariaDB killed", 3, func() {
		m.process.kill()
		r.turnedAway(5)
		m.start(r.t)
	})
	r.under(rep, "MariaDB read-only", 2, func() {
		m.do(r.t, "SET GLOBAL read_only = 1")
		r.turnedAway(20)
		m.do(r.t, "SET GLOBAL read_only = 0")
	})
}

// clocksDiffer has one process half a minute ahead of the other.
func (r *rig) clocksDiffer(rep *report) {
	r.t.Helper()
	for i, skew := range []string{"15s", "-15s"} {
		r.replicas[i].current().kill()
		r.replicas[i].start("SAOMA_TEST_CLOCK_SKEW=" + skew)
	}
	crowd := r.crowd(chaosBuyers)
	for range 5 {
		crowd.prosper("with clocks that differ")
	}
	crowd.end()
	r.mended("clocks that differ")
	for _, replica := range r.replicas {
		replica.current().kill()
	}
	r.startAll()
	rep.tried("clocks half a minute apart", 1)
}

// rolls ends and starts the processes in turn, as an update does, and wants no request to suffer that
// is under way.
func (r *rig) rolls(rep *report) {
	r.t.Helper()
	const turns = 3
	const onTheWay = 100 * time.Millisecond // what was sent before arrives within
	crowd := r.crowd(chaosBuyers)
	defer crowd.end()
	for _, gateway := range []sandbox.Gateway{sandbox.ScanForPay, sandbox.Pass2Pay} { // so that some take long
		r.sandbox.fault(sandbox.Fault{Gateway: gateway, Kind: sandbox.FaultDelay, Operation: sandbox.OpCreate, Value: "1s"})
	}
	crowd.prosper("before the roll")
	before := r.front.cutOff.Load()
	for range turns {
		for _, replica := range r.replicas {
			p := replica.current()
			replica.retire()
			time.Sleep(onTheWay)
			p.signal(syscall.SIGTERM)
			<-p.ended
			if !p.cmd.ProcessState.Success() {
				r.t.Errorf("a process that was told to end: got %s; it said:\n%s", p.cmd.ProcessState, &p.said)
			}
			replica.start()
			crowd.prosper("during the roll")
		}
	}
	crowd.end()
	if lost := r.front.cutOff.Load() - before; lost > 0 {
		r.t.Errorf("a roll of the processes: got %d requests without an answer, want none", lost)
	}
	r.mended("after a roll")
	rep.tried("ended in good order and started, no request lost", turns*len(r.replicas))
}

// storm repeats notifications many times, all at once.
func (r *rig) storm(rep *report) {
	r.t.Helper()
	var numbers []string
	for _, p := range r.sandbox.payments() {
		if !p.PaidAt.IsZero() && len(numbers) < stormed {
			numbers = append(numbers, p.Number)
		}
	}
	if len(numbers) < stormed {
		r.t.Fatalf("got %d payments, want %d to repeat", len(numbers), stormed)
	}
	var together sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for _, number := range numbers {
		together.Go(func() {
			for _, d := range r.sandbox.resend(number, stormEach) {
				mu.Lock()
				answers[fmt.Sprintf("%d %s%s", d.Status, d.Reply, d.Error)]++
				mu.Unlock()
			}
		})
	}
	together.Wait()
	if answers["200 success"] != stormed*stormEach {
		r.t.Errorf("a storm of %d notifications: got %v, want each acknowledged", stormed*stormEach, answers)
	}
	r.mended("after a storm")
	rep.tried(fmt.Sprintf("storm of %d duplicates of %d notifications", stormed*stormEach, stormed), 1)
}

// lastPiece has buyers send many checkouts for an article of which one piece is left. Who gets it
// pays at once.
func (r *rig) lastPiece(rep *report) {
	r.t.Helper()
	const buyers = 50
	var crowd []*buyer
	var forms []*form
	for range buyers {
		b := r.visitor(desktopChrome)
		crowd, forms = append(crowd, b), append(forms, b.checkout("PRINT", "1", "wechat"))
	}
	var together sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	for i, b := range crowd {
		together.Go(func() {
			for range checkouts / buyers {
				answer := r.tryCheckout(b, forms[i])
				mu.Lock()
				answers[answer]++
				mu.Unlock()
			}
		})
	}
	together.Wait()
	if sold := r.count(`SELECT COALESCE(SUM(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id
		WHERE i.sku = 'PRINT' AND o.status = 'paid'`); sold != 1 {
		r.t.Errorf("%d checkouts for one piece: got %d sold, want 1; the answers were %v", checkouts, sold, answers)
	}
	if answers["placed"]+answers["sold out"] != checkouts {
		r.t.Errorf("%d checkouts for one piece: got %v, want each placed or sold out", checkouts, answers)
	}
	r.mended("after a rush for one piece")
	rep.tried(fmt.Sprintf("%d checkouts for one piece", checkouts), 1)
}

// tryCheckout sends a checkout form once and says in a word what came of it.
func (r *rig) tryCheckout(b *buyer, f *form) string {
	resp, err := b.send(b.request(http.MethodPost, f.action, f.fields), true)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // the connection is used again
	token, placed := strings.CutPrefix(resp.Header.Get("Location"), "/o/")
	switch {
	case placed:
		token, _, _ = strings.Cut(token, "?")
		for _, p := range r.sandbox.payments() {
			if strings.HasSuffix(p.ReturnURL, "/"+token) && p.Open() {
				r.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
			}
		}
		return "placed"
	case resp.StatusCode == http.StatusConflict:
		return "sold out"
	}
	return resp.Status
}

// fullDisk runs a shop on a disk that is filled up and cleared again. It needs a file system of
// its own, which only root can have.
func (rep *report) fullDisk(t *testing.T, binary string, from uint64) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		if os.Getuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		rep.tried("disk full: not tried, since only root can mount one", 0)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	r := rep.rig(t, binary, database{driver: "sqlite", dsn: filepath.Join(dir, "saoma.db")}, 1, from)
	process := r.replicas[0].current()
	r.under(rep, "SQLite's disk full", 3, func() {
		ballast := filepath.Join(dir, "ballast")
		fill(t, ballast)
		r.turnedAway(20)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	})
	if r.replicas[0].current() != process || isOver(process.ended) {
		t.Errorf("the shop was started anew, want it to go on when the disk has room again")
	}
}

// fill writes a file until the disk is full.
func fill(t testing.TB, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
}

// report is what the chaos run did and what came of it.
type report struct {
	end  time.Time
	rush sync.Mutex // held by who has the shop rushed

	mu           sync.Mutex
	faults       []string // in the order of the table
	times        map[string]int
	orders, paid int64
	messages     int
	successes    int
	lost         int
	stuck        []string
	oversold     int64
	slowest      time.Duration
}

// rig sets up a shop whose fate goes into the report when its test ends.
func (rep *report) rig(t testing.TB, binary string, d database, replicas int, from uint64) *rig {
	t.Helper()
	r := newRig(t, binary, d, replicas, from)
	t.Cleanup(func() { rep.add(r) })
	return r
}

func killedAt(place string) string { return "killed at: " + place }

func (rep *report) tried(fault string, times int) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	if _, known := rep.times[fault]; !known {
		rep.faults = append(rep.faults, fault)
	}
	rep.times[fault] += times
}

func (rep *report) add(r *rig) {
	messages, successes := r.front.acks()
	orders, paid := r.count(`SELECT COUNT(*) FROM orders`), r.count(`SELECT COUNT(*) FROM orders WHERE status = 'paid'`)
	oversold := r.count(`SELECT COUNT(*) FROM variants WHERE on_hand < 0 OR reserved < 0`)
	for sku, initial := range r.initial {
		sold := r.count(`SELECT COALESCE(SUM(i.quantity), 0) FROM order_items i JOIN orders o ON o.id = i.order_id
			WHERE i.sku = ? AND o.status IN ('pending', 'paid', 'fulfilled')`, sku)
		oversold += max(0, sold-initial)
	}
	rep.mu.Lock()
	defer rep.mu.Unlock()
	rep.orders, rep.paid = rep.orders+orders, rep.paid+paid
	rep.messages, rep.successes = rep.messages+messages, rep.successes+successes
	rep.lost += r.lost
	rep.oversold += oversold
	rep.slowest = max(rep.slowest, r.slowest)
	if r.stuck != "" {
		rep.stuck = append(rep.stuck, r.stuck)
	}
}

func (rep *report) print(w io.Writer) {
	rep.mu.Lock()
	defer rep.mu.Unlock()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer table.Flush()
	for _, fault := range rep.faults {
		fmt.Fprintf(table, "%d\t  %s\n", rep.times[fault], fault)
	}
	fmt.Fprintf(table, "%d\t  orders, %d of them paid\n", rep.orders, rep.paid)
	fmt.Fprintf(table, "%d\t  messages acknowledged, %d times in all\n", rep.messages, rep.successes)
	fmt.Fprintf(table, "%d\t  lost\n", rep.lost)
	fmt.Fprintf(table, "%d\t  stuck %s\n", len(rep.stuck), strings.Join(rep.stuck, "; "))
	fmt.Fprintf(table, "%d\t  oversold\n", rep.oversold)
	fmt.Fprintf(table, "%s\t  at most until all was in order again\n", rep.slowest)
}

// retire has the front send nothing more, as a balancer does that finds it not ready.
func (r *replica) retire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.address = ""
}

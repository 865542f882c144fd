//go:build chaos

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"saoma/payments/sandbox"
)

// galeraLibrary is where Debian's package galera-4 puts it.
const galeraLibrary = "/usr/lib/galera/libgalera_smm.so"

// galera is a cluster of three servers. All its settings that matter are Galera's own defaults.
type galera struct {
	nodes []*galeraNode
}

type galeraNode struct {
	*mariadb
	struck atomic.Bool // killed or frozen: not to be asked
}

// stateTransfer is run by a node that comes back and by the one that helps it. It gets the changes that
// it missed, from the other's memory; so short are the absences here that it never needs all the data.
const stateTransfer = `#!/bin/sh
while [ $# -gt 0 ]; do
	case "$1" in
	--role) role=$2 ;;
	--address) address=$2 ;;
	--datadir) dir=$2 ;;
	--parent) parent=$2 ;;
	--gtid) position=$2 ;;
	--gtid-domain-id) domain=$2 ;;
	--bypass) role=$role-of-changes ;;
	esac
	shift
done
case "$role" in
joiner)
	rm -f "$dir/position"
	echo "ready 127.0.0.1:1/$dir/position"
	until [ -f "$dir/position" ]; do
		kill -0 "$parent" || exit 1
		sleep 0.1
	done
	cat "$dir/position"
	;;
donor-of-changes)
	to=${address#*/}
	echo continue
	echo "$position $domain" >"$to.new"
	mv "$to.new" "$to"
	echo "done $position $domain"
	;;
*) exit 1 ;;
esac
`

// startGalera sets a cluster up on loopback and starts it: one node makes the data, the others begin
// with a copy.
func startGalera(t testing.TB) *galera {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "wsrep_sst_changes"), []byte(stateTransfer), 0o755); err != nil {
		t.Fatal(err)
	}
	var groups []string
	for range 3 {
		groups = append(groups, lowAddress(t))
	}
	g := &galera{}
	for _, group := range groups {
		n := &galeraNode{mariadb: newMariaDB(t, lowAddress(t))}
		n.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
		n.options = []string{
			"--innodb-buffer-pool-size=32M", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2",
			"--wsrep-on=ON", "--wsrep-provider=" + galeraLibrary, "--wsrep-sst-method=changes",
			"--wsrep-cluster-name=saoma", "--wsrep-cluster-address=gcomm://" + strings.Join(groups, ","),
			"--wsrep-node-address=" + group, "--wsrep-node-incoming-address=" + n.address,
			"--wsrep-provider-options=gcache.size=64M;gmcast.listen_addr=tcp://" + group + ";ist.recv_addr=" + lowAddress(t),
		}
		g.nodes = append(g.nodes, n)
	}
	first := g.nodes[0]
	first.install(t)
	first.start(t, "--wsrep-new-cluster")
	first.addUsers(t)
	first.process.signal(syscall.SIGTERM)
	<-first.process.ended
	for _, n := range g.nodes[1:] {
		if err := os.CopyFS(n.data(), os.DirFS(first.data())); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(n.data(), "galera.cache")); err != nil {
			t.Fatal(err)
		}
	}
	first.start(t, "--wsrep-new-cluster")
	g.start(t, g.nodes[1:]...)
	return g
}

// lowAddress is one whose port is given to nobody else while it is not listened to.
func lowAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(10000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// start runs the nodes on the data that they have and returns when they are part of the cluster.
func (g *galera) start(t testing.TB, nodes ...*galeraNode) {
	t.Helper()
	for _, n := range nodes {
		n.process = launch(n.owner, n.env, "mariadbd", n.arguments("--wsrep-start-position="+n.position(t))...)
	}
	for _, n := range nodes {
		n.awaitSynced(t)
	}
}

// position is where the data of a node end that is not running, whatever ended it.
func (n *galeraNode) position(t testing.TB) string {
	t.Helper()
	recover := exec.Command("mariadbd", n.arguments("--wsrep-recover")...)
	out, err := recover.CombinedOutput()
	found := regexp.MustCompile(`Recovered position: *(\S+)`).FindSubmatch(out)
	if err != nil || found == nil {
		t.Fatalf("mariadbd --wsrep-recover: %v\n%s", err, out)
	}
	return string(found[1])
}

func (n *galeraNode) awaitSynced(t testing.TB) {
	t.Helper()
	await(t, "a node to be part of the cluster", func() bool {
		if isOver(n.process.ended) {
			t.Fatalf("a node has ended:\n%s", &n.process.said)
		}
		return n.status("wsrep_local_state_comment") == "Synced"
	})
	n.struck.Store(false)
}

// status asks the node about itself: "" when it does not answer.
func (n *galeraNode) status(variable string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var name, value string
	_ = n.admin.QueryRowContext(ctx, "SHOW STATUS LIKE '"+variable+"'").Scan(&name, &value)
	return value
}

// kill kills nodes as kill -9 does, all at the same moment.
func (g *galera) kill(nodes ...*galeraNode) {
	var all sync.WaitGroup
	for _, n := range nodes {
		n.struck.Store(true)
		all.Go(n.process.kill)
	}
	all.Wait()
}

// auditors counts clusters, each of which the auditor reaches by a network of its own.
var auditors atomic.Int64

// database makes a new one. The auditor asks a node that was not struck, and waits for what the others
// have committed.
func (g *galera) database(t testing.TB) database {
	t.Helper()
	d := g.nodes[0].database(t)
	name := parseDSN(t, d.dsn).DBName
	network := fmt.Sprintf("cluster%d", auditors.Add(1))
	mysqldriver.RegisterDialContext(network, func(ctx context.Context, _ string) (net.Conn, error) {
		for _, n := range g.nodes {
			if !n.struck.Load() {
				return (&net.Dialer{}).DialContext(ctx, "tcp", n.address)
			}
		}
		return nil, errors.New("every node is struck")
	})
	var hosts []string
	for _, n := range g.nodes {
		hosts = append(hosts, n.address)
	}
	d.dsn = fmt.Sprintf("shop@tcp(%s)/%s", strings.Join(hosts, ","), name)
	d.auditor = fmt.Sprintf("root@%s(cluster)/%s?wsrep_sync_wait=1", network, name)
	return d
}

// galera does to a cluster what may befall one.
func (rep *report) galera(t *testing.T, binary string, g *galera, from uint64) {
	r := rep.rig(t, binary, g.database(t), 2, from)
	r.db.SetMaxIdleConns(-1) // so that no question goes to a node that has died since
	r.nodesFail(rep, g)
	r.quorumFails(rep, g)
}

// onEveryNode audits the shop by each node alone.
func (r *rig) onEveryNode(g *galera, after string) {
	r.t.Helper()
	cluster := r.db
	defer func() { r.db = cluster }()
	name := query(r.testShop, "SELECT DATABASE()", func(row *sql.Rows, v *string) error { return row.Scan(v) })[0]
	for i, n := range g.nodes {
		var err error
		if r.db, err = sql.Open("mysql", fmt.Sprintf("root@tcp(%s)/%s?wsrep_sync_wait=1", n.address, name)); err != nil {
			r.t.Fatal(err)
		}
		r.audit()
		r.auditAcknowledged()
		r.db.Close()
		if r.t.Failed() {
			r.t.Fatalf("%s: the books of node %d are wrong", after, i)
		}
	}
}

// sellsOn lets something strike and wants sales to go on: never is nothing sold for longer than the
// shop may take to come back, until that time is over.
func (r *rig) sellsOn(what string, strike func()) {
	r.t.Helper()
	r.front.forgetSlow()
	begun := time.Now()
	strike()
	var sales []time.Time
	await(r.t, "sales to go on", func() bool {
		sales = r.front.sales(begun)
		return len(sales) > 0 && sales[len(sales)-1].Sub(begun) > backByDatabase
	})
	last, longest := begun, time.Duration(0)
	for _, sale := range sales {
		longest = max(longest, sale.Sub(last))
		last = sale
	}
	r.t.Logf("%s: nothing was sold for %s, and pages said so within %s", what,
		longest.Round(100*time.Millisecond), r.front.forgetSlow().Round(100*time.Millisecond))
	if longest > backByDatabase {
		r.t.Errorf("%s: nothing was sold for %v, want %v at most", what, longest, backByDatabase)
	}
}

// sales returns when something was sold since.
func (f *front) sales(since time.Time) []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.sold), func(sale time.Time) bool { return sale.Before(since) })
}

// nodesFail takes one node of the three away, and gives it back.
func (r *rig) nodesFail(rep *report, g *galera) {
	r.t.Helper()
	for i, which := range []string{"the node that is written to", "another node"} {
		n := g.nodes[i]
		for what, strike := range map[string]struct {
			begin, end func()
		}{
			" is killed": {func() { g.kill(n) }, func() { g.start(r.t, n) }},
			" is frozen": {
				func() { n.struck.Store(true); n.process.signal(syscall.SIGSTOP) },
				func() { n.process.signal(syscall.SIGCONT); n.awaitSynced(r.t) },
			},
		} {
			what = "Galera: " + which + what
			r.under(rep, what, 1, func() {
				r.sellsOn(what, strike.begin)
				strike.end()
				await(r.t, "the shop to come back to the preferred node", func() bool { return g.strays(r.t) == 0 })
			})
			r.onEveryNode(g, what)
		}
	}
}

// strays returns how many connections of the shop's lead to other nodes than the preferred one.
func (g *galera) strays(t testing.TB) int {
	t.Helper()
	all := 0
	for _, n := range g.nodes[1:] {
		var here int
		if err := n.admin.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'shop'").Scan(&here); err != nil {
			t.Fatal(err)
		}
		all += here
	}
	return all
}

// quorumFails kills two of three nodes. The third holds all that there is, and may not sell it.
func (r *rig) quorumFails(rep *report, g *galera) {
	r.t.Helper()
	const what = "Galera: two of three nodes are killed"
	processes := []*process{r.replicas[0].current(), r.replicas[1].current()}
	r.under(rep, what, 2, func() {
		r.front.forgetSlow()
		g.kill(g.nodes[0], g.nodes[1])
		await(r.t, "the last node to notice", func() bool { return g.nodes[2].status("wsrep_cluster_status") == "non-Primary" })
		r.turnedAway(20) // who began before is done
		begun := time.Now()
		messages, successes := r.front.acks()
		r.turnedAway(20)
		r.wantClosed()
		if sales := r.front.sales(begun); len(sales) > 0 {
			r.t.Errorf("without a quorum: got %d sales, want none", len(sales))
		}
		if m, s := r.front.acks(); m != messages || s != successes {
			r.t.Errorf("without a quorum: got %d messages acknowledged, %d times, want none", m-messages, s-successes)
		}
		if slowest := r.front.forgetSlow(); slowest > pageByDatabase {
			r.t.Errorf("without a quorum: got an answer after %v, want each within %v", slowest, pageByDatabase)
		}
		g.start(r.t, g.nodes[:2]...)
		r.sellsOn("after "+what, func() {})
	})
	r.onEveryNode(g, what)
	for i, replica := range r.replicas {
		if replica.current() != processes[i] || isOver(processes[i].ended) {
			r.t.Errorf("process %d of the shop was started anew, want it to go on when the quorum is back", i)
		}
	}
}

// forgetSlow returns how long it took at most to tell somebody "not now" since it was asked last.
func (f *front) forgetSlow() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	slowest := f.slowest
	f.slowest = 0
	return slowest
}

// wantClosed wants everybody to be told to come again, the balancer too.
func (r *rig) wantClosed() {
	r.t.Helper()
	paid := r.sandbox.payments()
	paid = slices.DeleteFunc(paid, func(p sandbox.Payment) bool { return p.PaidAt.IsZero() })
	if got := r.sandbox.resend(paid[0].Number, 1)[0]; got.Acknowledged || got.Status != http.StatusServiceUnavailable {
		r.t.Errorf("without a quorum: a notification got %+v, want status 503", got)
	}
	r.front.mu.Lock()
	var order string
	for order = range r.front.placed {
		break
	}
	r.front.mu.Unlock()
	b := r.visitor(desktopChrome)
	for _, page := range []string{"/", "/products/tea-set", "/o/" + order} {
		seen := &witness{RoundTripper: b.client.Transport}
		b.client.Transport = seen
		if b.open(page); b.status != http.StatusServiceUnavailable || !b.toldToWait(seen.headers) {
			r.t.Errorf("without a quorum: %s got status %d, headers %v; want 503 and a page that says when to try again", page, b.status, seen.headers)
		}
	}
	for _, replica := range r.replicas {
		resp, err := http.Get("http://" + replica.where() + "/readyz")
		if err != nil {
			r.t.Fatalf("without a quorum: %v; the process says:\n%s", err, &replica.current().said)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			r.t.Errorf("without a quorum: /readyz got status %d, want 503", resp.StatusCode)
		}
	}
}

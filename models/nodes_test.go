package models_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestHostsOfADataSourceName(t *testing.T) {
	for dsn, want := range map[string][]string{
		"u:p@tcp(db1:3306)/saoma":                              {"u:p@tcp(db1:3306)/saoma"},
		"u:p@tcp(db1:3306,db2:3307,db3)/saoma":                 {"u:p@tcp(db1:3306)/saoma", "u:p@tcp(db2:3307)/saoma", "u:p@tcp(db3:3306)/saoma"},
		"u:p@tcp( db1 , 10.0.0.2:3306 )/saoma?tls=skip-verify": {"u:p@tcp(db1:3306)/saoma?tls=skip-verify", "u:p@tcp(10.0.0.2:3306)/saoma?tls=skip-verify"},
		"u:p@tcp([::1]:3306,[2001:db8::1]:3306)/saoma":         {"u:p@tcp([::1]:3306)/saoma", "u:p@tcp([2001:db8::1]:3306)/saoma"},
		"u:a@tcp(b,c)/d@tcp(db1,db2)/saoma":                    {"u:a@tcp(b,c)/d@tcp(db1:3306)/saoma", "u:a@tcp(b,c)/d@tcp(db2:3306)/saoma"},
		"u:a,b@tcp(db1)/saoma":                                 {"u:a,b@tcp(db1:3306)/saoma"},
		"tcp(db1,db2)/saoma":                                   {"tcp(db1:3306)/saoma", "tcp(db2:3306)/saoma"},
		"u:p@unix(/run/a,b.sock)/saoma":                        {"u:p@unix(/run/a,b.sock)/saoma"},
		"u:p@tcp(db1,db2)/saoma?loc=Asia%2FHong_Kong":          {"u:p@tcp(db1:3306)/saoma?loc=Asia%2FHong_Kong", "u:p@tcp(db2:3306)/saoma?loc=Asia%2FHong_Kong"},
	} {
		if _, got, err := models.ReadDSN(dsn); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", dsn, got, err, want)
		}
	}
	for dsn, want := range map[string]string{
		"user:secret@tcp(db1,db2":                   "cannot be read",
		"user:secret@tcp(db1,db2)":                  "cannot be read",
		"user:secret@tcp(db1,db2)/saoma?tls=absent": "cannot be read",
		"user:secret@tcp(db1,,db3)/saoma":           `"" in its list of hosts`,
		"user:secret@tcp(db1,db2,)/saoma":           `"" in its list of hosts`,
		"user:secret@tcp(db1,db2:)/saoma":           `"db2:" in its list of hosts`,
		"user:secret@tcp(db1,:3306)/saoma":          `":3306" in its list of hosts`,
		"user:secret@tcp(db1:0,db2)/saoma":          `"db1:0" in its list of hosts`,
		"user:secret@tcp(db1,db2:33060000)/saoma":   `"db2:33060000" in its list of hosts`,
		"user:secret@tcp(db1,db2:3306:1)/saoma":     `"db2:3306:1" in its list of hosts`,
		"user:secret@tcp(db1 db2,db3)/saoma":        `"db1 db2" in its list of hosts`,
	} {
		_, err := models.Open(t.Context(), models.Options{Driver: models.DriverMySQL, DSN: dsn})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v; want a refusal that says %s and no password", dsn, err, want)
		}
	}
}

// cluster points the options at so many nodes, which are one server behind as many proxies, and the
// shop's clock at the time that is returned.
func cluster(t *testing.T, o *models.Options, size int) ([]*modelstest.Proxy, *atomic.Int64) {
	t.Helper()
	addresses, _, err := models.ReadDSN(o.DSN)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*modelstest.Proxy
	var hosts []string
	for range size {
		one := *o
		nodes = append(nodes, modelstest.NewProxy(t, &one))
		hosts = append(hosts, nodes[len(nodes)-1].Address())
	}
	o.DSN = strings.Replace(o.DSN, "("+addresses[0]+")", "("+strings.Join(hosts, ",")+")", 1)
	passed := new(atomic.Int64)
	begun := time.Now()
	o.Now = func() time.Time { return begun.Add(time.Duration(passed.Load())) }
	return nodes, passed
}

// atOnce runs so many transactions, each of which ends when all have begun: so many connections are
// needed.
func atOnce(t *testing.T, s *models.Store, n int) {
	t.Helper()
	var begun, ended sync.WaitGroup
	begun.Add(n)
	for range n {
		ended.Go(func() {
			first := sync.OnceFunc(begun.Done)
			if err := s.Tx(t.Context(), func(*models.Tx) error { first(); begun.Wait(); return nil }); err != nil {
				t.Error(err)
				first()
			}
		})
	}
	ended.Wait()
}

// A node that fails in any way is passed over, left alone for a while, tried by one connection, and used
// again when it is well.
func TestANodeThatFailsIsPassedOver(t *testing.T) {
	for name, fault := range map[string]struct {
		begin, end func(t *testing.T, p *modelstest.Proxy)
		first      error // of whoever meets the fault first
	}{
		"refuses connections": {
			begin: func(t *testing.T, p *modelstest.Proxy) { p.Stop() },
			end:   func(t *testing.T, p *modelstest.Proxy) { p.Start(t) },
		},
		"is frozen": {
			begin: func(t *testing.T, p *modelstest.Proxy) { p.Silence(true) },
			end:   func(t *testing.T, p *modelstest.Proxy) { p.Silence(false) },
			first: models.ErrStoreDown,
		},
		"is no part of its cluster": {
			begin: func(t *testing.T, p *modelstest.Proxy) { p.SpeakAs("OFF") },
			end:   func(t *testing.T, p *modelstest.Proxy) { p.SpeakAs("") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := modelstest.MySQLOptions(t)
			nodes, passed := cluster(t, &o, 2)
			s := modelstest.Open(t, o)
			modelstest.Product(t, s, "cup", 2500, 100)
			atOnce(t, s, 4)
			if n := nodes[1].Connections(); n > 0 {
				t.Errorf("while all is well: got %d connections to the second node, want none", n)
			}

			fault.begin(t, nodes[0])
			if name == "is no part of its cluster" { // the server behind the proxy does not say so to connections that it has
				if err := s.Tx(t.Context(), refuseOnce()); err != nil {
					t.Errorf("a transaction that begins at the first node: %v", err)
				}
			}
			if _, err := s.Catalogue(t.Context(), models.Paging{Limit: 1}); !errors.Is(err, fault.first) {
				t.Errorf("who meets it first: got %v, want %v", err, fault.first)
			}
			modelstest.Order(t, s, "cup")
			before := nodes[0].Connections()
			atOnce(t, s, 6)
			if n := nodes[0].Connections() - before; n > 0 {
				t.Errorf("while it is left alone: got %d more connections to the first node, want none", n)
			}

			passed.Add(int64(time.Minute))
			before = nodes[0].Connections()
			atOnce(t, s, 10)
			tried := 1
			if name == "refuses connections" {
				tried = 0 // which is nothing that a proxy sees
			}
			if n := nodes[0].Connections() - before; n != tried {
				t.Errorf("when it is tried: got %d more connections to the first node, want %d", n, tried)
			}

			fault.end(t, nodes[0])
			passed.Add(int64(time.Minute))
			first, second := nodes[0].Connections(), nodes[1].Connections()
			atOnce(t, s, 14)
			atOnce(t, s, 18)
			if nodes[0].Connections()-first < 4 || nodes[1].Connections()-second > 4 {
				t.Errorf("when it is well: got %d more connections to the first node and %d to the second, want new ones at the first",
					nodes[0].Connections()-first, nodes[1].Connections()-second)
			}
		})
	}
}

// refuseOnce returns a transaction that is told once that its node is no part of its cluster.
func refuseOnce() func(tx *models.Tx) error {
	told := false
	return func(tx *models.Tx) error {
		if !told {
			told = true
			return raise(tx, 1047)
		}
		return nil
	}
}

// Without a node that is ready nothing is read and nothing is written, and it is told why.
func TestNoNodeIsReady(t *testing.T) {
	t.Parallel()
	o := modelstest.MySQLOptions(t)
	nodes, _ := cluster(t, &o, 3)
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 5)
	nodes[0].Stop()
	nodes[1].SpeakAs("OFF")
	nodes[2].SpeakAs("OFF")
	if _, err := s.PlaceOrder(t.Context(), modelstest.Draft("cup", 1)); !errors.Is(err, models.ErrStoreDown) {
		t.Errorf("write: got %v, want %v", err, models.ErrStoreDown)
	}
	_, err := s.Catalogue(t.Context(), models.Paging{Limit: 1})
	if !errors.Is(err, models.ErrStoreDown) {
		t.Fatalf("read: got %v, want %v", err, models.ErrStoreDown)
	}
	for i, p := range nodes {
		if !strings.Contains(err.Error(), p.Address()) {
			t.Errorf("got %v, want node %d in it", err, i)
		}
	}
	nodes[2].SpeakAs("")
	modelstest.Order(t, s, "cup")
}

// Reads wait for what was committed at other nodes, but where nobody writes to another one.
func TestReadsWaitForOtherNodes(t *testing.T) {
	t.Parallel()
	o := modelstest.MySQLOptions(t)
	nodes, passed := cluster(t, &o, 2)
	for _, p := range nodes {
		p.SpeakAs("ON")
	}
	s := modelstest.Open(t, o)
	want := func(when string, waits int) {
		t.Helper()
		const question = "SELECT @@wsrep_sync_wait"
		var got, gotTx int
		var err, errTx error
		for range 2 { // a connection that the store itself was reading on in the first round is left in the second
			if err := s.Tx(t.Context(), refuseOnce()); err != nil { // so that the next ones have new connections
				t.Errorf("%s: %v", when, err)
			}
			err = s.ReadOnly(t.Context(), &got, question)
			errTx = s.Tx(t.Context(), func(tx *models.Tx) error { return tx.Read(&gotTx, question) })
		}
		if err != nil || errTx != nil || got != waits || gotTx != waits {
			t.Errorf("%s: got wsrep_sync_wait %d, %v, in a transaction %d, %v; want %d", when, got, err, gotTx, errTx, waits)
		}
	}
	want("just begun", 1)
	passed.Add(int64(2 * time.Minute))
	want("nobody was elsewhere for long", 0)
	nodes[0].Stop()
	want("at the second node", 1)
	nodes[0].Start(t)
	passed.Add(int64(10 * time.Second))
	want("just come back", 1)
	passed.Add(int64(2 * time.Minute))
	want("long since come back", 0)
}

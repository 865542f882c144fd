package models

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
)

// How connections are made where the database has several nodes.
const (
	nodeTimeout     = time.Second      // for a connection to one node, while another can be tried
	lastNodeTimeout = 2 * time.Second  // for one to the last
	nodeRest        = 5 * time.Second  // for so long a node that failed is tried last
	nodeLife        = 20 * time.Second // of a connection, so that all lead to the preferred node again soon
	nodesSettle     = 3 * nodeLife     // after so long without need of another node no other process writes there
)

// nodes makes the connections to a database of one or several nodes, for database/sql. The node that is
// named first is preferred, by every process of the shop: two nodes of a Galera cluster that both take
// orders for one article refuse most of them to each other. See docs/decisions/one-node-is-written-to.md.
type nodes struct {
	all []*node
	now func() time.Time
	log *slog.Logger

	mu      sync.Mutex
	strayed time.Time // when another node than the preferred one was last connected to; at first, the start
}

type node struct {
	driver.Connector
	address string
	rests   time.Time // until then it is tried last; zero while it is well
}

// severalHosts matches a data source name with a list of hosts, which stands where the driver reads one:
// behind the last @ before the last slash.
var severalHosts = regexp.MustCompile(`(?s)^((?:.*@)?tcp\()([^@()/]*,[^@()/]*)(\)/[^/]*)$`)

// readDSN returns the driver's configuration for each node.
func readDSN(dsn string) ([]*mysqldriver.Config, error) {
	before, hosts, after := "", []string{""}, dsn
	if list := severalHosts.FindStringSubmatch(dsn); list != nil {
		before, hosts, after = list[1], strings.Split(list[2], ","), list[3]
	}
	var all []*mysqldriver.Config
	for _, host := range hosts {
		host = strings.TrimSpace(host)
		c, err := mysqldriver.ParseDSN(before + host + after)
		if err != nil {
			return nil, errors.New("database.dsn cannot be read; it looks like user:password@tcp(host:3306)/database, " +
				"or with the nodes of a cluster like user:password@tcp(host1:3306,host2:3306,host3:3306)/database")
		}
		if len(hosts) > 1 && !namesHost(host, c.Addr) {
			return nil, fmt.Errorf("database.dsn: %q in its list of hosts is not a host and a port", host)
		}
		all = append(all, c)
	}
	return all, nil
}

// namesHost reports whether the driver read an address from the text that can be one.
func namesHost(text, address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil || text == "" || host == "" || strings.ContainsAny(host, " \t") {
		return false
	}
	if strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// newNodes returns a connector to the nodes, which are configured alike but for their addresses.
func newNodes(all []*mysqldriver.Config, now func() time.Time, log *slog.Logger) (*nodes, error) {
	n := &nodes{now: now, log: log, strayed: now()}
	for _, c := range all {
		connector, err := mysqldriver.NewConnector(c)
		if err != nil {
			return nil, err
		}
		n.all = append(n.all, &node{Connector: connector, address: c.Addr})
	}
	return n, nil
}

// Connect returns a connection to the first node that is ready.
func (n *nodes) Connect(ctx context.Context) (driver.Conn, error) {
	var failed error
	order := n.order()
	for i, node := range order {
		timeout := nodeTimeout
		if i == len(order)-1 {
			timeout = lastNodeTimeout
		}
		conn, err := n.connect(ctx, node, timeout)
		if err == nil {
			n.works(node)
			return conn, nil
		}
		if ctx.Err() != nil { // it had not its whole time
			return nil, err
		}
		n.fails(node, err)
		err = fmt.Errorf("%s: %w", node.address, err)
		if failed != nil {
			err = fmt.Errorf("%w; %w", failed, err)
		}
		failed = err
	}
	return nil, failed
}

// Driver is what database/sql asks of a connector.
func (n *nodes) Driver() driver.Driver { return n.all[0].Driver() }

// order returns the nodes as they are to be tried: those that rest come last. Of those who connect
// when a rest is over one alone tries the node, and the others do so when that has worked.
func (n *nodes) order() []*node {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	var well, resting []*node
	for _, node := range n.all {
		if now.Before(node.rests) {
			resting = append(resting, node)
			continue
		}
		well = append(well, node)
		if !node.rests.IsZero() {
			node.rests = now.Add(nodeRest)
		}
	}
	return append(well, resting...)
}

func (n *nodes) connect(ctx context.Context, to *node, timeout time.Duration) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := to.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := n.greet(ctx, to, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// greet asks a node of a Galera cluster whether it is part of it now. Where another process may have
// written to another node, each read on the connection is told to wait for what was committed there
// before.
func (n *nodes) greet(ctx context.Context, to *node, conn driver.Conn) error {
	if galera, err := show(ctx, conn, "GLOBAL VARIABLES LIKE 'wsrep_on'"); err != nil || galera != "ON" {
		return err
	}
	ready, err := show(ctx, conn, "GLOBAL STATUS LIKE 'wsrep_ready'")
	if err != nil {
		return err
	}
	if ready != "ON" {
		return &mysqldriver.MySQLError{Number: errNodeNotReady, Message: "the node is no part of its cluster"}
	}
	if len(n.all) > 1 && !n.settledOn(to) {
		_, err = conn.(driver.ExecerContext).ExecContext(ctx, "SET wsrep_sync_wait = 1", nil)
	}
	return err
}

// show returns the value of a variable, and nothing where there is no such variable.
func show(ctx context.Context, conn driver.Conn, variable string) (string, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "SHOW "+variable, nil)
	if err != nil {
		return "", err
	}
	row := make([]driver.Value, 2)
	if err = rows.Next(row); err == io.EOF {
		return "", rows.Close()
	}
	return fmt.Sprintf("%s", row[1]), errors.Join(err, rows.Close())
}

// settledOn reports whether the node is the preferred one, and every process that found it missing
// has had the time to come back to it.
func (n *nodes) settledOn(to *node) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return to == n.all[0] && n.now().Sub(n.strayed) > nodesSettle
}

func (n *nodes) works(at *node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at != n.all[0] {
		n.strayed = n.now()
	}
	if !at.rests.IsZero() {
		n.log.Info("the database can be reached again", "node", at.address)
	}
	at.rests = time.Time{}
}

func (n *nodes) fails(at *node, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.rests.IsZero() {
		n.log.Warn("the database cannot be reached", "node", at.address, "err", err)
	}
	at.rests = n.now().Add(nodeRest)
}

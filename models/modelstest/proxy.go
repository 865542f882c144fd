package modelstest

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"

	"saoma/models"
)

// Proxy stands between a store and MySQL. It can cut the connection around a COMMIT, keep the answers to
// itself, and speak for a node of a Galera cluster.
type Proxy struct {
	server   string
	address  string
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
	cut      atomic.Int32 // a Cut, which cuts once; 0: nothing
	silent   atomic.Bool
	galera   atomic.Value // the string that tells whether the node is ready; "": it is none
}

// Cut is what becomes of a COMMIT whose answer never comes.
type Cut int32

// The cuts.
const (
	BeforeCommit Cut = iota + 1 // it does not reach the server
	AfterCommit                 // it does
	NoAnswer                    // it does, and the connection stays open
)

// NewProxy starts a proxy and points the options at it.
func NewProxy(t testing.TB, o *models.Options) *Proxy {
	t.Helper()
	c, err := mysqldriver.ParseDSN(o.DSN)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: c.Addr, address: "127.0.0.1:0"}
	p.galera.Store("")
	p.Start(t)
	c.Addr = p.Address()
	o.DSN = c.FormatDSN()
	t.Cleanup(p.Stop)
	return p
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.address }

// Start takes connections, again where it did before if it was stopped.
func (p *Proxy) Start(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener, p.address = l, l.Addr().String()
	go p.accept(l)
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		go p.forward(client, server)
	}
}

// CutNext cuts the connection around the next COMMIT.
func (p *Proxy) CutNext(c Cut) { p.cut.Store(int32(c)) }

// HasCut reports whether that has happened.
func (p *Proxy) HasCut() bool { return p.cut.Load() == 0 }

// Silence keeps all answers to itself, as a server that is frozen does, or no longer.
func (p *Proxy) Silence(on bool) { p.silent.Store(on) }

// SpeakAs has the server speak for a node of a Galera cluster that is ready ("ON") or not ("OFF"), or
// for itself ("").
func (p *Proxy) SpeakAs(ready string) { p.galera.Store(ready) }

// Connections returns how many were ever made.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns) / 2
}

// Stop refuses new connections and ends those that there are.
func (p *Proxy) Stop() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

// forward passes on what the client sends, a packet at a time, and the answers.
func (p *Proxy) forward(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	var deaf atomic.Bool // the client no longer hears what the server says
	var mute atomic.Bool // nothing is passed on to the client any more, which may go on waiting
	committed := make(chan struct{})
	go func() {
		defer client.Close()
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if deaf.Load() {
				close(committed)
				return
			}
			if err != nil {
				return
			}
			if mute.Load() || p.silent.Load() {
				continue
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	for {
		packet, err := readPacket(client)
		if err != nil {
			return
		}
		isCommit := bytes.Equal(packet[4:], []byte("\x03COMMIT"))
		if isCommit && p.cut.CompareAndSwap(int32(BeforeCommit), 0) {
			return
		}
		if isCommit && p.cut.CompareAndSwap(int32(NoAnswer), 0) {
			mute.Store(true)
		}
		last := isCommit && p.cut.CompareAndSwap(int32(AfterCommit), 0)
		deaf.Store(last)
		if ready := p.galera.Load().(string); ready != "" {
			packet = asGalera(packet, ready)
		}
		if _, err := server.Write(packet); err != nil {
			return
		}
		if last {
			<-committed
			return
		}
	}
}

// asGalera changes what a server is asked so that it answers like a node of a cluster.
func asGalera(packet []byte, ready string) []byte {
	for question, instead := range map[string]string{
		"SHOW GLOBAL VARIABLES LIKE 'wsrep_on'": "SELECT 'wsrep_on', 'ON'",
		"SHOW GLOBAL STATUS LIKE 'wsrep_ready'": "SELECT 'wsrep_ready', '" + ready + "'",
	} {
		if bytes.Equal(packet[5:], []byte(question)) {
			return append([]byte{byte(len(instead) + 1), 0, 0, packet[3], packet[4]}, instead...)
		}
	}
	return packet
}

func readPacket(r io.Reader) ([]byte, error) {
	header := make([]byte, 4)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	packet := make([]byte, 4+int(header[0])+int(header[1])<<8+int(header[2])<<16)
	copy(packet, header)
	_, err := io.ReadFull(r, packet[4:])
	return packet, err
}

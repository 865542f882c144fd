package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// front is what stands before the replicas of a shop: it gives each request to the next one that
// takes it. It is also the witness of what the shop has acknowledged.
type front struct {
	replicas []*replica
	client   *http.Client
	next     atomic.Int64
	served   atomic.Int64
	refused  atomic.Int64 // of these, with "not now"
	cutOff   atomic.Int64 // requests that were sent and not answered

	mu           sync.Mutex
	acknowledged map[[sha256.Size]byte]bool // notifications, by their bytes
	successes    int                        // how often one was acknowledged
	placed       map[string]bool            // orders that buyers were shown, by their tokens
	sold         []time.Time                // when a checkout led on to paying
	slowest      time.Duration              // until a page that needs no gateway said "not now"
}

func newFront(replicas []*replica) *front {
	return &front{
		replicas:     replicas,
		acknowledged: map[[sha256.Size]byte]bool{},
		placed:       map[string]bool{},
		client: &http.Client{
			Timeout:       20 * time.Second,
			Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who asked is gone
	}
	resp, answer, err := f.pass(r, body)
	if err != nil {
		http.Error(w, "nobody answers", http.StatusBadGateway)
		return
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer) // who asked may be gone
}

// pass gives the request to the next replica to which a connection can be made, and returns its
// whole answer.
func (f *front) pass(r *http.Request, body []byte) (*http.Response, []byte, error) {
	var resp *http.Response
	err := errors.New("no replica is there")
	for range f.replicas {
		replica := f.replicas[f.next.Add(1)%int64(len(f.replicas))]
		address := replica.where()
		if address == "" {
			continue
		}
		begun := time.Now()
		resp, err = f.client.Do(copyFor(r, address, body))
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
			continue
		}
		if err != nil {
			f.cutOff.Add(1)
			return nil, nil, err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			f.cutOff.Add(1)
			return nil, nil, err
		}
		f.served.Add(1)
		if resp.StatusCode == http.StatusServiceUnavailable {
			f.refused.Add(1)
			f.timed(r, time.Since(begun))
		}
		f.witness(r, body, resp, answer, replica)
		return resp, answer, nil
	}
	return nil, nil, err
}

// timed remembers how long it took to be told "not now", by a page that needs no gateway.
func (f *front) timed(r *http.Request, took time.Duration) {
	if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/pay/return/") {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slowest = max(f.slowest, took)
}

func copyFor(r *http.Request, address string, body []byte) *http.Request {
	c := r.Clone(r.Context())
	c.RequestURI, c.URL.Scheme, c.URL.Host = "", "http", address
	c.Body, c.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return c
}

// witness remembers a notification that the shop has acknowledged, and an order that it has placed.
func (f *front) witness(r *http.Request, body []byte, resp *http.Response, answer []byte, by *replica) {
	if r.Method == http.MethodPost && r.URL.Path == "/checkout" && resp.StatusCode == http.StatusSeeOther {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.sold = append(f.sold, time.Now())
		if token, is := strings.CutPrefix(resp.Header.Get("Location"), "/o/"); is {
			token, _, _ = strings.Cut(token, "?")
			f.placed[token] = true
		}
	}
	if !strings.HasPrefix(r.URL.Path, "/pay/notify/") || resp.StatusCode != http.StatusOK || string(answer) != "success" {
		return
	}
	f.mu.Lock()
	f.acknowledged[sha256.Sum256(body)] = true
	f.successes++
	f.mu.Unlock()
	by.acknowledged()
}

// acks returns how many different notifications were acknowledged, and how often in all.
func (f *front) acks() (messages, successes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.acknowledged), f.successes
}

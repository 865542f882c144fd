package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// roundTrip answers the sandbox's calls without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestNotifySchedule has a shop that never acknowledges, on a clock that the test runtime moves.
func TestNotifySchedule(t *testing.T) {
	seconds := func(list ...int) []time.Duration {
		var all []time.Duration
		for _, s := range list {
			all = append(all, time.Duration(s)*time.Second)
		}
		return all
	}
	tests := []struct {
		gateway Gateway
		speed   float64
		want    []time.Duration
	}{
		{Pass2Pay, 0, seconds(0, 30, 90, 180, 300, 450)},
		{Pass2Pay, 30, seconds(0, 1, 3, 6, 10, 15)},
		{ScanForPay, 1, seconds(0, 15, 60, 300, 1200, 3600)},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s at speed %g", test.gateway, test.speed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Config{PublicURL: "http://localhost", Speed: test.speed})
				defer s.Close()
				begun := time.Now()
				var at []time.Duration
				var bodies []string
				s.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
					body, _ := io.ReadAll(r.Body)
					at, bodies = append(at, time.Since(begun)), append(bodies, string(body))
					return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("no"))}, nil
				})
				p := s.newPayment(test.gateway, "N1", "ALI_WAP", s.clock.now())
				p.Amount, p.Currency, p.Wallet, p.NotifyURL = 1, "CNY", "alipay", "http://localhost/notify"
				p.ExpiresAt = p.CreatedAt.Add(24 * time.Hour)
				if _, err := s.memory.add(p, s.watchExpiry); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Pay("N1"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(12 * time.Hour)
				synctest.Wait()
				if diff := cmp.Diff(test.want, at); diff != "" {
					t.Errorf("attempts after (-want +got):\n%s", diff)
				}
				for i, body := range bodies {
					if body != bodies[0] {
						t.Errorf("attempt %d differs from the first:\n%s\n%s", i, body, bodies[0])
					}
				}
			})
		})
	}
}

func TestNotifyTimeout(t *testing.T) {
	for gateway, want := range map[Gateway]time.Duration{ScanForPay: 10 * time.Second, Pass2Pay: 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Config{})
			defer s.Close()
			s.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			begun := time.Now()
			d := s.deliver(notice{gateway: gateway, address: "http://localhost/"})
			if got := time.Since(begun); got != want || d.Error == "" || d.Acknowledged {
				t.Errorf("%s: got %+v after %s, want an error after %s", gateway, d, got, want)
			}
		})
	}
}

// TestNotifyRepeatsUntilAcknowledged moves the sandbox's own clock.
func TestNotifyRepeatsUntilAcknowledged(t *testing.T) {
	b := newBench(t)
	b.shop = newShop(t, "sign fail", "sign fail", "success")
	b.create(Pass2Pay, "P1")
	b.mustPay("P1")
	first := b.shop.next(t)
	b.nextAttempt(30 * time.Second)
	second := b.shop.next(t)
	b.nextAttempt(60 * time.Second)
	third := b.shop.next(t)
	if diff := cmp.Diff([]notification{first, first}, []notification{second, third}, cmp.AllowUnexported(notification{})); diff != "" {
		t.Errorf("repeats differ (-first +repeat):\n%s", diff)
	}
	b.awaitCalls(OpNotify, 3)
	b.Advance(24 * time.Hour)
	b.Close()
	b.shop.nothing(t)
}

// nextAttempt puts the clock forward once the attempt before has been judged.
func (b *bench) nextAttempt(d time.Duration) {
	b.t.Helper()
	b.awaitTask(b.clock.now().Add(d))
	b.Advance(d)
}

// awaitTask waits until the clock has something to do at the time.
func (b *bench) awaitTask(at time.Time) {
	b.t.Helper()
	b.await(func() bool {
		b.clock.mu.Lock()
		defer b.clock.mu.Unlock()
		for _, task := range b.clock.tasks {
			if task.due.Equal(at) {
				return true
			}
		}
		return false
	})
}

// awaitCalls waits until so many calls of the operation are listed.
func (b *bench) awaitCalls(o Operation, n int) {
	b.t.Helper()
	b.await(func() bool {
		count := 0
		for _, c := range b.Calls() {
			if c.Operation == o {
				count++
			}
		}
		return count >= n
	})
}

func (b *bench) await(condition func() bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Second)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			b.t.Fatal("what was waited for did not happen")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestNotifyAcknowledgement(t *testing.T) {
	tests := []struct {
		reply                string
		scanForPay, pass2Pay bool
	}{
		{"success", true, true},
		{"SUCCESS", false, true},
		{"Success", false, true},
		{"success\n", false, false},
		{" success", false, false},
		{`"success"`, false, false},
		{"<html>success</html>", false, false},
		{"sign fail", false, false},
		{"", false, false},
	}
	for _, test := range tests {
		for gateway, want := range map[Gateway]bool{ScanForPay: test.scanForPay, Pass2Pay: test.pass2Pay} {
			if got := deliveries[gateway].acknowledge(test.reply); got != want {
				t.Errorf("%s on %q: got %t, want %t", gateway, test.reply, got, want)
			}
		}
	}
}

func TestNotifyNeedsAnAddress(t *testing.T) {
	b := newBench(t)
	b.scanForPay("/api/online/create", b.sfpOrder("S1").with(fields{"notifyUrl": ""}))
	b.mustPay("S1")
	b.Close()
	b.shop.nothing(t)
	if _, err := b.Resend("S1", 1); err == nil {
		t.Error("resend without notifyUrl: got no error")
	}
}

// TestNotifyAddressWithQuery: the merchant's own parameters come in the form, and no signature
// covers them.
func TestNotifyAddressWithQuery(t *testing.T) {
	b := newBench(t)
	b.pass2Pay(unifiedPath, b.p2pOrder("P1").with(fields{"notifyUrl": b.shop.url + "/notify?token=t1"}))
	b.mustPay("P1")
	n := b.shop.next(t)
	if n.path != "/notify" || !strings.HasPrefix(n.body, "token=t1&payOrderId=") {
		t.Errorf("notification: got %s with %s, want the query in the form", n.path, n.body)
	}
}

// TestNotifyCallsNobodyElse: only the shop's own address may be public.
func TestNotifyCallsNobodyElse(t *testing.T) {
	tests := []struct {
		address string
		allowed bool
	}{
		{"127.0.0.1:80", true}, {"[::1]:443", true}, {"10.1.2.3:8080", true}, {"192.168.0.9:80", true}, {"172.16.0.1:80", true},
		{"[fd00::1]:80", true}, {"[::ffff:10.0.0.1]:80", true},
		{"8.8.8.8:80", false}, {"169.254.169.254:80", false}, {"[2001:db8::1]:80", false}, {"0.0.0.0:80", false},
		{"100.64.0.1:80", false}, {"[fe80::1]:80", false}, {"[::ffff:8.8.8.8]:80", false},
	}
	for _, test := range tests {
		if err := refusePublic("tcp", test.address, nil); (err == nil) != test.allowed {
			t.Errorf("%s: got error %v, want allowed %t", test.address, err, test.allowed)
		}
	}
	b := newBench(t)
	if d := b.deliver(notice{gateway: Pass2Pay, address: "http://8.8.8.8/"}); !strings.Contains(d.Error, "notifies only") {
		t.Errorf("notification of a public address: got %+v, want it refused", d)
	}
	for address, want := range map[string]string{
		"https://shop.example": "shop.example:443", "http://shop.example:8080": "shop.example:8080", "": "", "http://[::1]": "[::1]:80",
	} {
		if got := hostPort(address); got != want {
			t.Errorf("host of %q: got %q, want %q", address, got, want)
		}
	}
}

func TestNotifyDoesNotFollowRedirects(t *testing.T) {
	b := newBench(t)
	elsewhere := newShop(t)
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.url, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	b.pass2Pay(unifiedPath, b.p2pOrder("P1").with(fields{"notifyUrl": redirecting.URL}))
	b.mustPay("P1")
	elsewhere.nothing(t)
}

func TestResend(t *testing.T) {
	b := newBench(t)
	b.create(Pass2Pay, "P1")
	b.mustPay("P1")
	first := b.shop.next(t)
	b.Advance(time.Hour)
	results, err := b.Resend("P1", 50)
	if err != nil || len(results) != 50 {
		t.Fatalf("resend: got %d results and error %v, want 50", len(results), err)
	}
	for _, r := range results {
		if !r.Acknowledged || r.Status != http.StatusOK || r.Reply != "success" {
			t.Errorf("result: got %+v, want it acknowledged", r)
		}
		if got := b.shop.next(t).body; got != first.body {
			t.Errorf("repeat: got %s, want %s", got, first.body)
		}
	}
}

func TestCloseEndsNotifications(t *testing.T) {
	b := newBench(t)
	hanging := make(chan struct{})
	defer close(hanging)
	reached := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(reached)
		<-hanging
	}))
	defer server.CloseClientConnections()
	b.pass2Pay(unifiedPath, b.p2pOrder("P1").with(fields{"notifyUrl": server.URL}))
	if _, err := b.Act("P1", Pay, NotifyAfter); err != nil {
		t.Fatal(err)
	}
	b.Advance(afterReturn)
	<-reached
	b.Close() // returns only if the call that hangs is given up
	if b.spawn(func() {}) {
		t.Error("work is taken after Close")
	}
}

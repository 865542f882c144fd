package payments

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// post sends one request to a server that answers with the handler.
func post(t *testing.T, handler http.HandlerFunc) (int, []byte, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return NewTransport().Post(t.Context(), server.URL, "application/json", []byte(`{"a":1}`))
}

func wantOutcome(t *testing.T, err error, want Outcome) {
	t.Helper()
	var call *CallError
	if !errors.As(err, &call) || call.Outcome != want {
		t.Errorf("got error %v, want a CallError with outcome %q", err, want)
	}
}

func TestTransportPost(t *testing.T) {
	var method, contentType, accept, sent string
	status, answer, err := post(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		method, contentType, accept, sent = r.Method, r.Header.Get("Content-Type"), r.Header.Get("Accept"), string(body)
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, " as it is \n")
	})
	if err != nil || status != http.StatusTeapot || string(answer) != " as it is \n" {
		t.Errorf("got %d %q %v, want the answer unchanged whatever its status", status, answer, err)
	}
	if method != "POST" || contentType != "application/json" || accept != "application/json" || sent != `{"a":1}` {
		t.Errorf("server got %s %q %q %q", method, contentType, accept, sent)
	}
}

func TestTransportDoesNotFollowRedirects(t *testing.T) {
	for _, code := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		var calls atomic.Int32
		status, _, err := post(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			http.Redirect(w, r, "/elsewhere", code)
		})
		if status != code || err != nil || calls.Load() != 1 {
			t.Errorf("redirect %d: got status %d, error %v, %d calls; want the redirect itself as the answer", code, status, err, calls.Load())
		}
	}
}

func TestTransportAnswerSize(t *testing.T) {
	tests := []struct {
		size int
		want Outcome
	}{
		{maxAnswer, ""},
		{maxAnswer + 1, Unknown},
		{10 << 20, Unknown},
	}
	for _, tt := range tests {
		status, answer, err := post(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Write(bytes.Repeat([]byte("x"), tt.size))
		})
		if status != http.StatusOK || len(answer) != maxAnswer {
			t.Errorf("answer of %d bytes: got status %d and %d bytes, want 200 and %d", tt.size, status, len(answer), maxAnswer)
		}
		if tt.want == "" && err != nil {
			t.Errorf("answer of %d bytes: got error %v", tt.size, err)
		}
		if tt.want != "" {
			wantOutcome(t, err, tt.want)
		}
	}
}

func TestTransportBrokenAnswer(t *testing.T) {
	tests := []struct {
		name       string
		raw        string
		wantStatus int
		wantAnswer string
	}{
		{"closed without an answer", "", 0, ""},
		{"half a status line", "HTTP/1.1 2", 0, ""},
		{"not HTTP", "<html>\n\n", 0, ""},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":", 200, `{"code":`},
		{"half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{\"code\":", 200, `{"code":`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, answer, err := post(t, func(w http.ResponseWriter, _ *http.Request) {
				writeAndClose(t, w, tt.raw)
			})
			wantOutcome(t, err, Unknown)
			if status != tt.wantStatus || string(answer) != tt.wantAnswer {
				t.Errorf("got status %d and %q, want %d and %q", status, answer, tt.wantStatus, tt.wantAnswer)
			}
		})
	}
}

// A connection that was kept alive may die under a request that the gateway has read. Sending
// the request again would be a second create.
func TestTransportNeverSendsTwice(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) > 1 {
			writeAndClose(t, w, "")
		}
	}))
	t.Cleanup(server.Close)
	transport := NewTransport()
	if _, _, err := transport.Post(t.Context(), server.URL, "application/json", nil); err != nil {
		t.Fatalf("first call: %v", err)
	}
	_, _, err := transport.Post(t.Context(), server.URL, "application/json", []byte(`{}`))
	wantOutcome(t, err, Unknown)
	if got := calls.Load(); got != 2 {
		t.Errorf("server saw %d calls, want 2", got)
	}
}

func TestTransportHang(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, _, err := NewTransport().Post(ctx, server.URL, "application/json", nil)
	wantOutcome(t, err, Unknown)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want it to wrap the context's", err)
	}
}

// The headers have come and the body does not: the client's own time-out covers that as well.
func TestTransportHangInBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"code":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	transport := NewTransport()
	transport.client.Timeout = 100 * time.Millisecond
	_, _, err := transport.Post(t.Context(), server.URL, "application/json", nil)
	wantOutcome(t, err, Unknown)
}

func TestTransportNotSent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing := "http://" + listener.Addr().String()
	listener.Close()

	for _, address := range []string{refusing, "http://[::1", "://", "http://127.0.0.1:99999"} {
		_, _, err := NewTransport().Post(t.Context(), address, "application/json", []byte(`{}`))
		if err == nil {
			t.Errorf("Post(%q): got no error", address)
			continue
		}
		wantOutcome(t, err, NotSent)
	}
}

func TestTransportHasLimits(t *testing.T) {
	client := NewTransport().client
	if client.Timeout != callTimeout {
		t.Errorf("time-out of a call: got %v, want %v", client.Timeout, callTimeout)
	}
	if got := client.Transport.(*http.Transport).TLSHandshakeTimeout; got != connectTimeout {
		t.Errorf("time-out of a handshake: got %v, want %v", got, connectTimeout)
	}
}

// An address may carry a token; it does not belong into a log.
func TestTransportErrorsHoldNoAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeAndClose(t, w, "")
	}))
	t.Cleanup(server.Close)
	_, _, err := NewTransport().Post(t.Context(), server.URL+"/pay?token=hidden", "application/json", nil)
	if err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got error %v, want one without the address", err)
	}
}

func TestCheckAddress(t *testing.T) {
	const base = "https://pay.example/api"
	allowed := []string{"cashier.example", "alt.example:8443"}
	tests := []struct {
		name    string
		address string
		base    string
		ok      bool
	}{
		{"the gateway's host", "https://pay.example/p?id=1", base, true},
		{"the gateway's host with the usual port", "https://pay.example:443/p", base, true},
		{"upper case", "HTTPS://PAY.EXAMPLE/p", base, true},
		{"an allowed host", "https://cashier.example/p", base, true},
		{"an allowed host with the usual port", "https://cashier.example:443/p", base, true},
		{"an allowed host and port", "https://alt.example:8443/p", base, true},
		{"a fragment", "https://pay.example/p#x", base, true},
		{"the sandbox", "http://127.0.0.1:8080/sandbox/wallet/1", "http://127.0.0.1:8080/sandbox/scanforpay", true},
		{"the sandbox on IPv6", "http://[::1]:8080/sandbox/wallet/1", "http://[::1]:8080/sandbox", true},

		{"as long as may be", "https://pay.example/" + strings.Repeat("x", MaxCode-20), base, true},

		{"too long for a code", "https://pay.example/" + strings.Repeat("x", MaxCode-19), base, false},
		{"nothing", "", base, false},
		{"another host", "https://evil.example/p", base, false},
		{"a subdomain", "https://a.pay.example/p", base, false},
		{"a longer name", "https://pay.example.evil.example/p", base, false},
		{"a name that ends alike", "https://evilpay.example/p", base, false},
		{"another port of the gateway", "https://pay.example:8443/p", base, false},
		{"another port of an allowed host", "https://cashier.example:8443/p", base, false},
		{"an allowed port left out", "https://alt.example/p", base, false},
		{"http for https", "http://pay.example/p", base, false},
		{"http for https with the port", "http://pay.example:443/p", base, false},
		{"https where the gateway is on http", "https://127.0.0.1:8080/p", "http://127.0.0.1:80/", false},
		{"javascript", "javascript:alert(1)//pay.example", base, false},
		{"javascript with a host", "javascript://pay.example/%0aalert(1)", base, false},
		{"data", "data:text/html,<script>", base, false},
		{"an app's scheme", "weixin://wxpay/bizpayurl?pr=1", base, false},
		{"no scheme", "//pay.example/p", base, false},
		{"a path", "/p", base, false},
		{"an opaque address", "https:pay.example/p", base, false},
		{"three slashes", "https:///pay.example/p", base, false},
		{"a user", "https://pay.example@evil.example/p", base, false},
		{"a user on the right host", "https://user@pay.example/p", base, false},
		{"a user and a password", "https://pay.example:443@evil.example/p", base, false},
		{"a backslash before an at sign", `https://evil.example\@pay.example/p`, base, false},
		{"a backslash in the path", `https://pay.example/\evil.example`, base, false},
		{"backslashes for slashes", `https:\\evil.example\p`, base, false},
		{"a space in front", " https://pay.example/p", base, false},
		{"a space behind", "https://pay.example/p ", base, false},
		{"a line break", "https://pay.example/p\r\nSet-Cookie: a=b", base, false},
		{"a tab in the host", "https://pay.ex\tample/p", base, false},
		{"an escaped host", "https://pay%2eexample/p", base, false},
		{"Cyrillic that looks alike", "https://pаy.example/p", base, false},
		{"a trailing dot", "https://pay.example./p", base, false},
		{"a gateway whose address cannot be read", "https://pay.example/p", "https://pay.example:port", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckAddress(tt.address, tt.base, allowed)
			if (err == nil) != tt.ok {
				t.Errorf("CheckAddress(%q, %q, %q) = %v, want allowed: %t", tt.address, tt.base, allowed, err, tt.ok)
			}
		})
	}
}

// writeAndClose answers with raw bytes and hangs up.
func writeAndClose(t *testing.T, w http.ResponseWriter, raw string) {
	t.Helper()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	io.WriteString(conn, raw)
	conn.Close()
}

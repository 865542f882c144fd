package sandbox

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxRequest = 1 << 20
	hugeAnswer = 10 << 20
)

const serverErrorPage = "<html><head><title>500 Internal Server Error</title></head><body><h1>500 Internal Server Error</h1></body></html>\n"

// protocolCall is a request to a gateway as it stood on the wire.
type protocolCall struct {
	request *http.Request
	body    []byte
}

// protocol answers one call of a gateway's protocol. handle makes the honest answer; before and
// after it stand the faults that concern the transport alone.
func (s *Sandbox) protocol(g Gateway, o Operation, handle func(*call, protocolCall) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.begin(g, o)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			c.Verdict, c.Status, c.Reason = "unread", http.StatusRequestEntityTooLarge, err.Error()
			c.record(body, nil)
			http.Error(w, "request too large or cut off", c.Status)
			return
		}
		if c.isBroken(w, body) {
			return
		}
		answer := handle(c, protocolCall{request: r, body: body})
		c.write(w, r, body, answer)
	})
}

// isBroken lets the call fail before anything is done.
func (c *call) isBroken(w http.ResponseWriter, body []byte) bool {
	var page string
	switch {
	case c.has(FaultReset):
	case c.has(FaultHTTP500):
		c.Status, page = http.StatusInternalServerError, serverErrorPage
	case c.has(FaultHTTP429):
		c.Status, page = http.StatusTooManyRequests, "Too Many Requests\n"
	case c.has(FaultHTTP404):
		c.Status, page = http.StatusNotFound, "404 page not found\n"
	default:
		return false
	}
	c.Verdict = "not done"
	c.record(body, []byte(page))
	if c.Status == 0 {
		reset(w)
		return true
	}
	w.WriteHeader(c.Status)
	io.WriteString(w, page)
	return true
}

// write sends the answer, as it is or as the faults want it.
func (c *call) write(w http.ResponseWriter, r *http.Request, body, answer []byte) {
	c.Status = http.StatusOK
	delay := c.delay()
	send := c.manner()
	c.record(body, answer)
	c.sandbox.wait(r, delay)
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	send(w, answer)
}

func (c *call) delay() time.Duration {
	value, _ := c.fault(FaultDelay)
	d, _ := time.ParseDuration(value)
	return d
}

// manner chooses how an answer leaves.
func (c *call) manner() func(w http.ResponseWriter, answer []byte) {
	switch {
	case c.has(FaultLost):
		return func(w http.ResponseWriter, _ []byte) { reset(w) }
	case c.has(FaultBrokenOff):
		return breakOff
	case c.has(FaultHTTP500Done):
		c.Status = http.StatusInternalServerError
		return sendPage(c.Status, serverErrorPage)
	case c.has(FaultHTML):
		return sendPage(http.StatusOK, "<!doctype html><title>Maintenance</title><h1>Maintenance</h1>\n")
	case c.has(FaultEmpty):
		return sendPage(http.StatusOK, "")
	case c.has(FaultTruncated):
		return func(w http.ResponseWriter, answer []byte) { w.Write(answer[:len(answer)/2]) }
	case c.has(FaultHuge):
		return sendHuge
	}
	if to, active := c.fault(FaultRedirect); active {
		c.Status = http.StatusFound
		return func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}
	}
	return func(w http.ResponseWriter, answer []byte) { w.Write(answer) }
}

func sendPage(status int, page string) func(http.ResponseWriter, []byte) {
	return func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, page)
	}
}

func sendHuge(w http.ResponseWriter, answer []byte) {
	w.Write(answer)
	blanks := []byte(strings.Repeat(" ", 64<<10))
	for sent := 0; sent < hugeAnswer; sent += len(blanks) {
		if _, err := w.Write(blanks); err != nil {
			return
		}
	}
}

// breakOff promises the whole answer, sends half of it and ends the connection.
func breakOff(w http.ResponseWriter, answer []byte) {
	conn, err := hijack(w)
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(answer), answer[:len(answer)/2])
}

// reset ends the connection without an answer.
func reset(w http.ResponseWriter) {
	conn, err := hijack(w)
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // the kernel sends RST in place of FIN
	}
	conn.Close()
}

// hijack takes the connection over. Where the server cannot give it, the client gets a 502.
func hijack(w http.ResponseWriter) (net.Conn, error) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
	}
	return conn, err
}

// wait lets real time pass, unless the caller or the sandbox goes away.
func (s *Sandbox) wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
}

// codeFault is the refusal that a fault asks for, with the gateway's words for its code.
func (c *call) codeFault(kind FaultKind, words map[int64]string) error {
	value, active := c.fault(kind)
	if !active {
		return nil
	}
	code, msg, err := parseCode(value)
	if err != nil {
		return err
	}
	if msg == "" {
		msg = words[code]
	}
	return c.refuse(code, msg, "a fault asked for code %s", strconv.FormatInt(code, 10))
}

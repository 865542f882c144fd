package sandbox

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of what is kept about calls.
const (
	rememberedCalls = 1000
	keptBytes       = 4096
)

// Call is one call that a gateway got or made, and what was made of it.
type Call struct {
	At        time.Time `json:"at"`
	Gateway   Gateway   `json:"gateway"`
	Operation Operation `json:"operation"`
	Number    string    `json:"number,omitempty"` // the merchant's number of the payment, once read
	Verdict   string    `json:"verdict"`          // the gateway's code; for notifications: acknowledged or not
	Reason    string    `json:"reason,omitempty"` // why, for the one who wrote the client
	Faults    []string  `json:"faults,omitempty"` // what was made to go wrong
	Status    int       `json:"status,omitempty"` // HTTP status of the answer
	Request   string    `json:"request,omitempty"`
	Response  string    `json:"response,omitempty"`
}

// callLog keeps the last calls.
type callLog struct {
	mu   sync.Mutex
	ring []Call
	next int // where the next call goes once the ring is full
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < rememberedCalls {
		l.ring = append(l.ring, c)
		return
	}
	l.ring[l.next] = c
	l.next = (l.next + 1) % rememberedCalls
}

// Calls returns the last calls, the oldest first, at most 1000 of them.
func (s *Sandbox) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	list := make([]Call, 0, len(s.calls.ring))
	return append(append(list, s.calls.ring[s.calls.next:]...), s.calls.ring[:s.calls.next]...)
}

// call is a call while it is being worked on.
type call struct {
	sandbox *Sandbox
	Call
}

func (s *Sandbox) begin(g Gateway, o Operation) *call {
	return &call{sandbox: s, Call: Call{At: s.clock.now(), Gateway: g, Operation: o}}
}

// record adds the call to the list. Nothing of it changes afterwards.
func (c *call) record(request, response []byte) {
	c.Request, c.Response = kept(request), kept(response)
	c.sandbox.calls.add(c.Call)
}

// fault asks whether something is to go wrong here, and with which value.
func (c *call) fault(kind FaultKind) (value string, active bool) {
	value, active = c.sandbox.faults.take(c.Gateway, c.Operation, kind)
	if active {
		c.Faults = append(c.Faults, strings.TrimSpace(string(kind)+" "+value))
	}
	return value, active
}

// has is fault for faults without a value.
func (c *call) has(kind FaultKind) bool {
	_, active := c.fault(kind)
	return active
}

// refuse answers with an error that names the gateway's code and words, and keeps the reason for
// the one who wrote the client.
func (c *call) refuse(code int64, msg, reason string, args ...any) *refusal {
	c.Reason = fmt.Sprintf(reason, args...)
	return &refusal{code: code, msg: msg}
}

// refusal is a gateway's answer that it did not do it.
type refusal struct {
	code int64
	msg  string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.code, r.msg) }

// kept cuts what is kept of a body, between characters.
func kept(body []byte) string {
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	if len(text) <= keptBytes {
		return text
	}
	cut := keptBytes
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

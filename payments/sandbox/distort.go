package sandbox

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// The names under which both gateways speak of one thing.
var (
	amountNames   = []string{"orderAmount", "amount", "payAmount", "refundAmount"}
	merchantNames = []string{"partnerNo", "mchNo"}
	numberNames   = []string{"partnerOrderNo", "mchOrderNo", "mchRefundNo", "refundNo"}
	statusNames   = []string{"status", "orderState", "state"}
	addressNames  = []string{"payUrl", "payData"}
)

// distort changes what a message says, before it is signed, as the faults ask. A fault strikes
// only where the message has something for it.
func (c *call) distort(m message) message {
	if m.has(amountNames...) && c.has(FaultWrongAmount) {
		for _, name := range amountNames {
			m = m.mapped(addOneTo(name))
		}
	}
	m = c.replace(m, FaultWrongCurrency, "", "currency")
	m = c.replace(m, FaultWrongMerchant, "M0000000000", merchantNames...)
	m = c.replace(m, FaultWrongNumber, "SOMEBODYELSES1", numberNames...)
	m = c.replace(m, FaultPayURL, "", addressNames...)
	if m.has(statusNames...) {
		if value, active := c.fault(FaultStatus); active {
			states, _ := parseStates(value)
			m = m.with(states[0], statusNames...)
		}
	}
	if m.has("payUrl", "refundNo") && c.has(FaultSpacedKeys) {
		m = m.renamed("payUrl", " payUrl ").renamed("refundNo", " refundNo ")
	}
	if m.has("code", "mchOrderNo", "mchRefundNo") && c.has(FaultExtraFields) {
		m = append(m, member{"extraText", "文档之外"}, member{"extraNumber", int64(7)})
	}
	if m.has("code", "mchOrderNo", "mchRefundNo") && c.has(FaultNumbersAsStrings) {
		m = m.mapped(func(f member) any {
			if _, whole := f.value.(int64); whole {
				return f.text()
			}
			return f.value
		})
	}
	return m
}

// replace puts a value under the names when the fault is active: the fault's own value, unless
// another is given.
func (c *call) replace(m message, kind FaultKind, value string, names ...string) message {
	if !m.has(names...) {
		return m
	}
	own, active := c.fault(kind)
	if !active {
		return m
	}
	if value == "" {
		value = own
	}
	return m.with(value, names...)
}

func addOneTo(name string) func(member) any {
	return func(f member) any {
		if n, whole := f.value.(int64); whole && f.name == name {
			return n + 1
		}
		return f.value
	}
}

// restyle writes the same JSON otherwise.
func (c *call) restyle(text []byte) []byte {
	if c.has(FaultEscapedSlashes) {
		text = bytes.ReplaceAll(text, []byte("/"), []byte(`\/`))
	}
	if c.has(FaultPrettyPrinted) {
		var b bytes.Buffer
		if json.Indent(&b, text, "", "  ") == nil {
			text = b.Bytes()
		}
	}
	return text
}

// distortSignature changes a signature as the faults ask; present is false when it is to be left out.
func (c *call) distortSignature(signature string) (changed string, present bool) {
	switch {
	case c.has(FaultMissingSignature):
		return "", false
	case c.has(FaultWrongSignature):
		return strings.Map(nextHexDigit, signature), true
	case c.has(FaultSignatureCase):
		return strings.Map(swapCase, signature), true
	}
	return signature, true
}

func nextHexDigit(r rune) rune {
	switch r {
	case '9', 'f', 'F':
		return '0'
	}
	return r + 1
}

func swapCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}

package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FaultKind names a way to misbehave.
type FaultKind string

// The call is not carried out.
const (
	FaultReset   FaultKind = "reset"    // the connection is reset
	FaultHTTP500 FaultKind = "http_500" // a server's error page
	FaultHTTP429 FaultKind = "http_429" // too many requests
	FaultHTTP404 FaultKind = "http_404" // as if the account had no such call
	FaultCode    FaultKind = "code"     // refused with the code of Value: "9", "9999 message"
)

// The call is carried out, and the answer suffers.
const (
	FaultDelay       FaultKind = "delay"         // it comes late, by the duration of Value
	FaultLost        FaultKind = "lost"          // the connection is reset in its place
	FaultHTTP500Done FaultKind = "http_500_done" // a server's error page in its place
	FaultCodeDone    FaultKind = "code_done"     // it says that the call failed, with the code of Value
	FaultTruncated   FaultKind = "truncated"     // half of it, as if it were whole
	FaultBrokenOff   FaultKind = "broken_off"    // the connection ends in its middle
	FaultEmpty       FaultKind = "empty"         // nothing
	FaultHTML        FaultKind = "html"          // a page in its place
	FaultHuge        FaultKind = "huge"          // followed by 10 MB of blanks
	FaultRedirect    FaultKind = "redirect"      // a redirect to the address of Value
)

// The message, an answer or a notification, says something else or in another way.
const (
	FaultWrongSignature   FaultKind = "wrong_signature"
	FaultMissingSignature FaultKind = "missing_signature"
	FaultSignatureCase    FaultKind = "signature_case" // letters small for capital and the reverse
	FaultWrongAmount      FaultKind = "wrong_amount"   // one minor unit more
	FaultWrongCurrency    FaultKind = "wrong_currency" // that of Value
	FaultWrongMerchant    FaultKind = "wrong_merchant" // somebody else's number
	FaultWrongNumber      FaultKind = "wrong_number"   // another merchant order number
	FaultStatus           FaultKind = "status"         // the status of Value
	FaultNumbersAsStrings FaultKind = "numbers_as_strings"
	FaultExtraFields      FaultKind = "extra_fields" // members that no document knows, signed
	FaultSpacedKeys       FaultKind = "spaced_keys"  // " payUrl ", as in the documents' samples
	FaultPrettyPrinted    FaultKind = "pretty_printed"
	FaultEscapedSlashes   FaultKind = "escaped_slashes"
	FaultPayURL           FaultKind = "pay_url"        // the buyer is sent to the address of Value
	FaultPayDataType      FaultKind = "pay_data_type"  // Pass2Pay: the buyer is to pay by the payDataType of Value
	FaultObjectMember     FaultKind = "object_member"  // Pass2Pay: data holds an object
	FaultTraceID          FaultKind = "trace_id"       // Pass2Pay: an unsigned traceId beside data
	FaultCreateFailed     FaultKind = "create_failed"  // Pass2Pay: code 0 with orderState 3
	FaultPartialAs3       FaultKind = "partial_as_3"   // ScanForPay: status 3 after a partial refund
	FaultStrict           FaultKind = "strict"         // what the documents ask for beyond what servers check
	FaultRefundPending    FaultKind = "refund_pending" // the refund stays in progress
	FaultRefundFails      FaultKind = "refund_fails"
	FaultCloseLoses       FaultKind = "close_loses"  // Pass2Pay: the buyer pays just before the close
	FaultLatePayment      FaultKind = "late_payment" // the buyer can pay what is closed or failed
)

// The notification comes otherwise than it should.
const (
	FaultNotifyNever   FaultKind = "notify_never"
	FaultNotifyTwice   FaultKind = "notify_twice"   // at the same moment
	FaultNotifyDelayed FaultKind = "notify_delayed" // by the duration of Value
	FaultNotifyStates  FaultKind = "notify_states"  // one for each state of Value, in that order: "6,2"
	FaultNotifyFirst   FaultKind = "notify_first"   // the buyer pays, and the shop is told, before create is answered
)

// faultRule says where a fault can strike and what its value must be.
type faultRule struct {
	kind       FaultKind
	gateways   []Gateway
	operations []Operation
	value      string // the value when none is given
	check      func(value string) error
}

var (
	bothGateways = []Gateway{ScanForPay, Pass2Pay}
	onScanForPay = []Gateway{ScanForPay}
	onPass2Pay   = []Gateway{Pass2Pay}

	callOps    = []Operation{OpCreate, OpQuery, OpClose, OpRefund, OpRefundQuery}
	messageOps = append(slices.Clone(callOps), OpNotify)
	factOps    = []Operation{OpQuery, OpRefund, OpRefundQuery, OpNotify}
	createOps  = []Operation{OpCreate}
	noticeOps  = []Operation{OpNotify}
)

// operationsOf lists what a gateway can do at all.
var operationsOf = map[Gateway][]Operation{
	ScanForPay: {OpCreate, OpQuery, OpRefund, OpNotify, OpPay},
	Pass2Pay:   {OpCreate, OpQuery, OpClose, OpRefund, OpRefundQuery, OpNotify, OpPay},
}

// faultRules is the list of everything that can go wrong, in the order of the control page.
var faultRules = []faultRule{
	{FaultReset, bothGateways, callOps, "", nil},
	{FaultHTTP500, bothGateways, callOps, "", nil},
	{FaultHTTP429, bothGateways, callOps, "", nil},
	{FaultHTTP404, bothGateways, callOps, "", nil},
	{FaultCode, bothGateways, callOps, "9", isCode},

	{FaultDelay, bothGateways, callOps, "10s", isDuration},
	{FaultLost, bothGateways, callOps, "", nil},
	{FaultHTTP500Done, bothGateways, callOps, "", nil},
	{FaultCodeDone, bothGateways, callOps, "9", isCode},
	{FaultTruncated, bothGateways, callOps, "", nil},
	{FaultBrokenOff, bothGateways, callOps, "", nil},
	{FaultEmpty, bothGateways, callOps, "", nil},
	{FaultHTML, bothGateways, callOps, "", nil},
	{FaultHuge, bothGateways, callOps, "", nil},
	{FaultRedirect, bothGateways, callOps, "/sandbox", nil},

	{FaultWrongSignature, bothGateways, messageOps, "", nil},
	{FaultMissingSignature, bothGateways, messageOps, "", nil},
	{FaultSignatureCase, bothGateways, messageOps, "", nil},
	{FaultWrongAmount, bothGateways, factOps, "", nil},
	{FaultWrongCurrency, bothGateways, factOps, "USD", nil},
	{FaultWrongMerchant, bothGateways, messageOps, "", nil},
	{FaultWrongNumber, bothGateways, messageOps, "", nil},
	{FaultStatus, bothGateways, messageOps, "9", isStates},
	{FaultNumbersAsStrings, bothGateways, callOps, "", nil},
	{FaultExtraFields, bothGateways, messageOps, "", nil},
	{FaultSpacedKeys, onScanForPay, callOps, "", nil},
	{FaultPrettyPrinted, bothGateways, messageOps, "", nil},
	{FaultEscapedSlashes, bothGateways, messageOps, "", nil},
	{FaultPayURL, bothGateways, createOps, "https://phishing.example/pay", nil},
	{FaultPayDataType, onPass2Pay, createOps, "hologram", nil},
	{FaultObjectMember, onPass2Pay, callOps, "", nil},
	{FaultTraceID, onPass2Pay, callOps, "", nil},

	{FaultCreateFailed, onPass2Pay, createOps, "", nil},
	{FaultCloseLoses, onPass2Pay, []Operation{OpClose}, "", nil},
	{FaultRefundPending, bothGateways, []Operation{OpRefund}, "", nil},
	{FaultRefundFails, bothGateways, []Operation{OpRefund}, "", nil},
	{FaultPartialAs3, onScanForPay, []Operation{OpQuery}, "", nil},
	{FaultLatePayment, bothGateways, []Operation{OpPay}, "", nil},
	{FaultStrict, bothGateways, callOps, "", nil},

	{FaultNotifyFirst, bothGateways, createOps, "", nil},
	{FaultNotifyNever, bothGateways, noticeOps, "", nil},
	{FaultNotifyTwice, bothGateways, noticeOps, "", nil},
	{FaultNotifyDelayed, bothGateways, noticeOps, "10s", isDuration},
	{FaultNotifyStates, bothGateways, noticeOps, "6,2", isStates},
}

func isDuration(v string) error { _, err := time.ParseDuration(v); return err }

func isStates(v string) error { _, err := parseStates(v); return err }

func isCode(v string) error { _, _, err := parseCode(v); return err }

// parseStates reads numbers with commas between them.
func parseStates(v string) ([]int64, error) {
	var states []int64
	for text := range strings.SplitSeq(v, ",") {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a list of numbers", v)
		}
		states = append(states, n)
	}
	return states, nil
}

// parseCode reads a code and, after a blank, the message that goes with it.
func parseCode(v string) (code int64, msg string, err error) {
	number, msg, _ := strings.Cut(v, " ")
	code, err = strconv.ParseInt(number, 10, 32)
	if err != nil {
		return 0, "", fmt.Errorf("%q does not begin with a number", v)
	}
	return code, msg, nil
}

package sandbox

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"mime"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

// The codes of ScanForPay that the sandbox reaches by itself, and its words for all codes
// (ScanForPay docs, error codes).
const (
	sfpSuccess      = 1
	sfpUnauthorised = 3
	sfpMissing      = 4
	sfpIllegal      = 5
	sfpNotJSON      = 6
	sfpNoNumber     = 7
	sfpSignature    = 8
	sfpSystem       = 9
	sfpNotFound     = 30
	sfpDuplicate    = 31
	sfpWrongStatus  = 32
	sfpClosed       = 33
	sfpTooMuch      = 35
	sfpWrongApp     = 40
	sfpUseAlipay    = 41
	sfpUseWechat    = 42
	sfpNotOpened    = 44
)

var sfpWords = map[int64]string{
	1:  "success",
	2:  "交易失败",
	3:  "非法请求,用户未授权",
	4:  "参数缺失",
	5:  "参数非法",
	6:  "非法的JSON格式",
	7:  "订单号不能同时为空",
	8:  "签名错误",
	9:  "系统未知错误,请稍后再试",
	20: "收单机构验签失败",
	21: "获取支付结果超时,状态未知",
	22: "请求收单机构失败,请重试",
	30: "订单不存在",
	31: "订单重复创建",
	32: "订单状态不允许",
	33: "订单已关闭",
	34: "订单不允许撤销",
	35: "退款金额超过可退金额",
	40: "请用支付宝或微信打开",
	41: "请用支付宝支付",
	42: "请用微信支付",
	43: "收款账户未开通",
	44: "支付类型未开通",
}

var gatewayZone = time.FixedZone("", 8*60*60)

// formatTime writes a time as ScanForPay does.
func formatTime(t time.Time) string { return t.In(gatewayZone).Format("2006-01-02T15:04:05-07:00") }

// signScanForPay is SHA-256 over the text and the key behind it, in small hex letters. The text
// is the very bytes on the wire (ScanForPay docs, signature).
func signScanForPay(text []byte, key string) string {
	h := sha256.New()
	h.Write(text)
	h.Write([]byte(key))
	return hex.EncodeToString(h.Sum(nil))
}

// sealScanForPay writes the signed envelope of an answer or a notification. Without a key the
// signature is empty, as it is for a partner whom the gateway does not know.
func (c *call) sealScanForPay(key string, header, body message) []byte {
	header, body = c.distort(header), c.distort(body)
	text := concat(`{"header":`, header.json(), `,"body":`, body.json(), `}`)
	text = c.restyle(text)
	signature := ""
	if key != "" {
		signature = signScanForPay(text, key)
	}
	signature, present := c.distortSignature(signature)
	if !present {
		return concat(`{"response":`, text, `}`)
	}
	return concat(`{"response":`, text, `,"signature":`, quote(signature), `}`)
}

func (s *Sandbox) scanForPayHeader(now time.Time) message {
	return message{
		{"partnerNo", s.config.ScanForPay.PartnerNo},
		{"respTime", formatTime(now)},
		{"signType", "SHA256"},
		{"version", "1.0"},
		{"reqMsgId", newID()},
	}
}

// concat joins strings and byte slices.
func concat(parts ...any) []byte {
	var b bytes.Buffer
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			b.WriteString(part)
		case []byte:
			b.Write(part)
		}
	}
	return b.Bytes()
}

// field is what a document says of one member of a request. Lengths count bytes: the documents
// do not say whether they mean characters, and what fits in bytes fits either way.
type field struct {
	name     string
	max      int
	required bool
	whole    bool // a whole number
}

// values are the members of a request that the documents name, as text. Absent is empty.
type values map[string]string

// number returns a member that has been found to be a whole number, 0 when absent.
func (v values) number(name string) int64 {
	n, _ := strconv.ParseInt(v[name], 10, 64)
	return n
}

type object = map[string]json.RawMessage

// openScanForPay reads the envelope of a request and verifies it over the received bytes. known
// is false while the gateway cannot tell whose key would have to sign its answer.
func (s *Sandbox) openScanForPay(c *call, in protocolCall) (header, body object, known bool, err error) {
	media, _, _ := mime.ParseMediaType(in.request.Header.Get("Content-Type"))
	if media != "application/json" {
		return nil, nil, false, c.refuseSFP(sfpNotJSON, "Content-Type is %q, not application/json", media)
	}
	var envelope, request object
	if !utf8.Valid(in.body) || json.Unmarshal(in.body, &envelope) != nil {
		return nil, nil, false, c.refuseSFP(sfpNotJSON, "the body is not a JSON object in UTF-8")
	}
	text := envelope["request"]
	if json.Unmarshal(text, &request) != nil || json.Unmarshal(request["header"], &header) != nil {
		return nil, nil, false, c.refuseSFP(sfpMissing, "request, or its header, is not an object")
	}
	partner := textOf(header["partnerNo"])
	if partner == "" {
		return nil, nil, false, c.refuseSFP(sfpMissing, "header: partnerNo is missing")
	}
	if partner != s.config.ScanForPay.PartnerNo {
		return nil, nil, false, c.refuseSFP(sfpUnauthorised, "no partner has the partnerNo %q", kept([]byte(partner)))
	}
	want := signScanForPay(text, s.config.ScanForPay.SignKey)
	if got := textOf(envelope["signature"]); subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
		return header, nil, true, c.refuseSFP(sfpSignature, "%s", s.explainSignature(text, got))
	}
	if json.Unmarshal(request["body"], &body) != nil || body == nil {
		return header, nil, true, c.refuseSFP(sfpMissing, "request: body is not an object")
	}
	return header, body, true, nil
}

// explainSignature says what may have gone wrong, without showing the signature that would have
// been right.
func (s *Sandbox) explainSignature(text []byte, got string) string {
	var compact bytes.Buffer
	key := s.config.ScanForPay.SignKey
	unescaped := bytes.ReplaceAll(text, []byte(`\u0026`), []byte("&"))
	switch {
	case got == "":
		return "signature is missing or not a string"
	case json.Compact(&compact, text) == nil && got == signScanForPay(compact.Bytes(), key):
		return "the signature is that of the same JSON without white space: sign the very bytes that are sent"
	case got == signScanForPay(unescaped, key):
		return `the signature is that of the same JSON with & for \u0026: sign the very bytes that are sent`
	default:
		return "the signature (" + strconv.Itoa(len(got)) + " characters) is not SHA-256, in small hex letters, of the " +
			strconv.Itoa(len(text)) + " bytes of request as received and the sign key behind them"
	}
}

func (c *call) refuseSFP(code int64, reason string, args ...any) error {
	return c.refuse(code, sfpWords[code], reason, args...)
}

// textOf returns a JSON string's text, and "" for anything else.
func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// readScanForPay picks the documented members of an object. Unknown ones are passed over, and an
// optional one may be an empty string.
func (c *call) readScanForPay(o object, fields []field) (values, error) {
	v := values{}
	for _, f := range fields {
		raw := string(o[f.name])
		if raw != "" && raw != "null" && raw != `""` {
			v[f.name] = raw
		} else if f.required {
			return nil, c.refuseSFP(sfpMissing, "%s is missing", f.name)
		}
	}
	for _, f := range fields {
		raw, given := v[f.name]
		if !given {
			continue
		}
		text := textOf(json.RawMessage(raw))
		if f.whole {
			text = raw
		}
		if why := f.mistake(text); why != "" {
			return nil, c.refuseSFP(sfpIllegal, "%s %s", f.name, why)
		}
		v[f.name] = text
	}
	return v, nil
}

// mistake says why a value that is there cannot be taken, or nothing.
func (f field) mistake(text string) string {
	if f.whole {
		if _, err := strconv.ParseInt(text, 10, 32); err != nil || !wholeNumber.MatchString(text) {
			return "is not a whole number of 32 bits"
		}
		return ""
	}
	switch {
	case text == "":
		return "is not a string"
	case len(text) > f.max:
		return "has " + strconv.Itoa(len(text)) + " bytes, more than " + strconv.Itoa(f.max)
	}
	return ""
}

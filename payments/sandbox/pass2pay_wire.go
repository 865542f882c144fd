package sandbox

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The codes of Pass2Pay. It tells its refusals apart by their words alone, which are those of
// the open-source gateway that it descends from.
const (
	p2pProcessed = 0
	p2pRefused   = 9999
)

const (
	p2pSystem         = "系统异常"
	p2pBadParameters  = "参数有误！"
	p2pUnknownApp     = "商户或商户应用不存在"
	p2pOtherMerchants = "参数appId与商户号不匹配"
	p2pBadSignature   = "验签失败"
	p2pUnknownWay     = "不支持的支付方式"
	p2pWayNotEnabled  = "商户应用不支持该支付方式"
	p2pNoNumber       = "mchOrderNo 和 payOrderId不能同时为空"
	p2pNoNumberClose  = "mchOrderNo 和 payOrderId 不能同时为空"
	p2pNoRefundNumber = "mchRefundNo 和 refundOrderId不能同时为空"
	p2pNotFound       = "订单不存在"
	p2pBadNotifyURL   = "异步通知地址协议仅支持http:// 或 https:// !"
	p2pBadReturnURL   = "同步跳转地址协议仅支持http:// 或 https:// !"
	p2pNotClosable    = "当前订单不可关闭"
	p2pNothingToGive  = "退款订单不存在"
	p2pNotRefundable  = "订单状态不正确， 无法完成退款"
	p2pAllRefunded    = "订单已全额退款，本次申请失败"
	p2pTooMuch        = "申请金额超出订单可退款余额，请检查退款金额"
	p2pRefundRunning  = "支付订单具有在途退款申请，请稍后再试"
)

// p2pWords are the words for codes that only a fault asks for.
var p2pWords = map[int64]string{
	10: p2pSystem, 11: "参数有误", 12: "数据库服务异常", p2pRefused: p2pSystem,
}

// p2pOtherApp is an application that the gateway knows and that belongs to another merchant.
const (
	p2pOtherMch = "M1700000002"
	p2pOtherApp = "65f0a1b2c3d4e5f607654321"
)

// signPass2Pay is MD5, in capital hex letters, over all parameters but sign and empty ones:
// fragments "name=value&" in order, small and capital letters alike, then "key=" and the secret.
// The order is that of the gateway's server, which the English page describes otherwise.
func signPass2Pay(params map[string]string, secret string) string {
	sum := md5.Sum([]byte(canonical(params) + "key=" + secret))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// canonical is the text that is signed, up to the key.
func canonical(params map[string]string) string {
	var fragments []string
	for name, value := range params {
		if name != "sign" && value != "" {
			fragments = append(fragments, name+"="+value+"&")
		}
	}
	slices.SortFunc(fragments, func(a, b string) int {
		return cmp.Or(strings.Compare(lowerASCII(a), lowerASCII(b)), strings.Compare(a, b))
	})
	return strings.Join(fragments, "")
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// params returns a message as it is signed.
func (m message) params() map[string]string {
	params := map[string]string{}
	for _, f := range m {
		params[f.name] = f.text()
	}
	return params
}

// sealPass2Pay writes a signed answer. data is left as it is when it holds nothing.
func (c *call) sealPass2Pay(data message) []byte {
	data = c.distort(data.withoutEmpty())
	signed := data
	if c.has(FaultObjectMember) {
		// The gateway signs an object in an order of its own, which nobody else can repeat.
		signed = append(slices.Clone(data), member{"payOrderInfo", json.RawMessage(`{"amount":1,"state":1}`)})
		data = append(slices.Clone(data), member{"payOrderInfo", json.RawMessage(`{"state":1,"amount":1}`)})
	}
	sign := signPass2Pay(signed.params(), c.sandbox.config.Pass2Pay.AppSecret)
	answer := message{{"code", int64(p2pProcessed)}, {"msg", "SUCCESS"}, {"data", json.RawMessage(data.json())}}
	if sign, present := c.distortSignature(sign); present {
		answer = append(answer, member{"sign", sign})
	}
	return c.finishPass2Pay(answer)
}

// finishPass2Pay writes the outer object of any answer.
func (c *call) finishPass2Pay(answer message) []byte {
	if c.has(FaultTraceID) {
		answer = append(answer, member{"traceId", newID()})
	}
	return c.restyle(answer.json())
}

// sealPass2PayNotice writes a notification: a form, signed over what is in it and not empty.
func (c *call) sealPass2PayNotice(m message) []byte {
	m = c.distort(m)
	sign := signPass2Pay(m.params(), c.sandbox.config.Pass2Pay.AppSecret)
	if sign, present := c.distortSignature(sign); present {
		m = append(slices.Clone(m), member{"sign", sign})
	}
	return []byte(m.form())
}

// form writes the message as a form, in its order.
func (m message) form() string {
	var pairs []string
	for _, f := range m {
		pairs = append(pairs, url.QueryEscape(f.name)+"="+url.QueryEscape(f.text()))
	}
	return strings.Join(pairs, "&")
}

// parameter is what the gateway knows of one parameter of a request.
type parameter struct {
	name    string
	max     int    // bytes; 0: not limited
	missing string // the refusal when it is missing; empty: it may be
	whole   bool   // bound to a number, and signed as that number
}

var p2pCommon = []parameter{
	{name: "mchNo", max: 64, missing: "商户号不能为空"},
	{name: "appId", max: 64, missing: "商户应用ID不能为空"},
	{name: "reqTime", max: 13, missing: "时间戳不能为空"},
	{name: "version", max: 10, missing: "版本号不能为空"},
	{name: "signType", max: 10, missing: "签名类型不能为空"},
	{name: "sign", max: 32, missing: "签名值不能为空"},
}

// openPass2Pay reads a request and checks it in the gateway's order: what must be there, merchant
// and application, signature. What it does not know it passes over, in the signature too.
func (s *Sandbox) openPass2Pay(c *call, in protocolCall, known []parameter) (values, error) {
	sent, why := readPass2Pay(in)
	if why != "" {
		return nil, c.refuse(p2pRefused, p2pBadParameters, "%s", why)
	}
	v := values{}
	for _, p := range slices.Concat(p2pCommon, known) {
		v[p.name] = sent[p.name]
		if p.whole {
			v[p.name] = plainNumber(sent[p.name])
		}
		if strings.TrimSpace(v[p.name]) == "" && p.missing != "" {
			return nil, c.refuse(p2pRefused, p.missing, "%s is missing", p.name)
		}
	}
	if err := s.checkApp(c, v); err != nil {
		return nil, err
	}
	want := signPass2Pay(v, s.config.Pass2Pay.AppSecret)
	if subtle.ConstantTimeCompare([]byte(strings.ToUpper(v["sign"])), []byte(want)) != 1 {
		return nil, c.refuse(p2pRefused, p2pBadSignature, "the signature is not the MD5, in capital hex letters, of %skey=(the secret)", kept([]byte(canonical(v))))
	}
	return v, c.checkParameters(v, slices.Concat(p2pCommon, known))
}

func (s *Sandbox) checkApp(c *call, v values) error {
	ours := s.config.Pass2Pay
	owner := map[string]string{ours.AppID: ours.MchNo, p2pOtherApp: p2pOtherMch}[v["appId"]]
	switch {
	case v["mchNo"] == ours.MchNo && v["appId"] == ours.AppID:
		return nil
	case owner != "" && (v["mchNo"] == ours.MchNo || v["mchNo"] == p2pOtherMch) && owner != v["mchNo"]:
		return c.refuse(p2pRefused, p2pOtherMerchants, "appId belongs to another merchant")
	}
	return c.refuse(p2pRefused, p2pUnknownApp, "no merchant has this mchNo and appId")
}

var (
	requestTime = regexp.MustCompile(`^[0-9]{10}([0-9]{3})?$`)
	anyNumber   = regexp.MustCompile(`^-?[0-9]+$`)
)

// checkParameters looks at the form of what is there.
func (c *call) checkParameters(v values, known []parameter) error {
	bad := func(reason string, args ...any) error {
		return c.refuse(p2pRefused, p2pBadParameters, reason, args...)
	}
	for _, p := range known {
		if p.max > 0 && len(v[p.name]) > p.max {
			return bad("%s has %d bytes, more than %d", p.name, len(v[p.name]), p.max)
		}
		if _, err := strconv.ParseInt(v[p.name], 10, 64); p.whole && v[p.name] != "" && err != nil {
			return bad("%s is not a whole number", p.name)
		}
	}
	switch strict := c.has(FaultStrict); {
	case v["signType"] != "MD5":
		return bad("signType is %q, not MD5", v["signType"])
	case !requestTime.MatchString(v["reqTime"]):
		return bad("reqTime is not a time in milliseconds of 13 digits")
	case strict && len(v["reqTime"]) != 13:
		return bad("strict: reqTime has not 13 digits")
	case strict && c.Operation == OpCreate && v["version"] != "1.1":
		return bad("strict: version is %q, not 1.1", v["version"])
	}
	return nil
}

// readPass2Pay reads JSON, a form, or the query of a GET. Of a repeated name the last one counts.
func readPass2Pay(in protocolCall) (params map[string]string, why string) {
	if in.request.Method == http.MethodGet {
		// Parts of it are kept, and behind some servers a request's text is lent for its time only.
		return readForm(strings.Clone(in.request.URL.RawQuery))
	}
	media, _, _ := mime.ParseMediaType(in.request.Header.Get("Content-Type"))
	switch media {
	case "application/json":
		return readJSON(in.body)
	case "application/x-www-form-urlencoded":
		return readForm(string(in.body))
	}
	return nil, "Content-Type " + strconv.Quote(media) + " is neither JSON nor a form"
}

func readJSON(body []byte) (params map[string]string, why string) {
	var o object
	if !utf8.Valid(body) || json.Unmarshal(body, &o) != nil {
		return nil, "the body is not a JSON object in UTF-8"
	}
	params = map[string]string{}
	for name, raw := range o {
		switch raw[0] {
		case '"':
			params[name] = textOf(raw)
		case '{', '[': // bound to text as the server would write it
			var b bytes.Buffer
			json.Compact(&b, raw)
			params[name] = b.String()
		case 'n': // null is the same as absent
		default:
			params[name] = string(raw)
		}
	}
	return params, ""
}

var bracketed = regexp.MustCompile(`^(\w+)\[(\w+)\]$`)

// readForm reads a form. Names with brackets make one JSON object: channelExtra[payDataType]=x.
func readForm(body string) (params map[string]string, why string) {
	form, err := url.ParseQuery(body)
	if err != nil || !utf8.ValidString(body) {
		return nil, "the form cannot be read"
	}
	params = map[string]string{}
	nested := map[string]map[string]string{}
	for name, all := range form {
		last := all[len(all)-1]
		if m := bracketed.FindStringSubmatch(name); m != nil {
			if nested[m[1]] == nil {
				nested[m[1]] = map[string]string{}
			}
			nested[m[1]][m[2]] = last
			continue
		}
		params[name] = last
	}
	for name, o := range nested {
		text, _ := json.Marshal(o)
		params[name] = string(text)
	}
	return params, ""
}

// plainNumber writes a number as the server signs it: "0100" was bound to 100.
func plainNumber(text string) string {
	if !anyNumber.MatchString(text) {
		return text
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return text
	}
	return strconv.FormatInt(n, 10)
}

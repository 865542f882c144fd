package pass2pay

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/payments"
)

// unifiedParams is what a unified order of goodCreate says, the signature apart.
func unifiedParams() params {
	return params{
		"mchNo": "M1700000001", "appId": "65f0a1b2c3d4e5f601234567", "reqTime": "1772337600000",
		"version": "1.1", "signType": "MD5",
		"mchOrderNo": "PP202603010001", "wayCode": "ALI_WAP", "amount": "12850", "currency": "cny",
		"subject": "商品", "body": "0", "clientIp": "114.114.114.114",
		"custNo": "C10001", "registerTime": "1700000000000", "expiredTime": "1800",
		"notifyUrl": "https://shop.example/pay/notify/pass2pay",
		"returnUrl": "https://shop.example/pay/return/tok123",
	}
}

func TestCreateSends(t *testing.T) {
	tests := []struct {
		name   string
		change func(*payments.CreateRequest)
		path   string
		want   func(params)
	}{
		{"wayCode", func(*payments.CreateRequest) {}, "/p2p/api/pay/unifiedOrder", func(params) {}},
		{"another wayCode", func(r *payments.CreateRequest) { r.Method = "WX_H5" }, "/p2p/api/pay/unifiedOrder",
			func(p params) { p["wayCode"] = "WX_H5" }},
		{"IPv4 in an IPv6 address", func(r *payments.CreateRequest) { r.ClientIP = "::ffff:10.1.2.3" }, "/p2p/api/pay/unifiedOrder",
			func(p params) { p["clientIp"] = "10.1.2.3" }},
		{"loopback", func(r *payments.CreateRequest) { r.ClientIP = "127.0.0.1" }, "/p2p/api/pay/unifiedOrder",
			func(p params) { p["clientIp"] = "127.0.0.1" }},
		{"parts of a second do not count", func(r *payments.CreateRequest) { r.ExpiresAt = r.CreatedAt.Add(1900 * time.Millisecond) },
			"/p2p/api/pay/unifiedOrder", func(p params) { p["expiredTime"] = "1" }},
		{"less than a second is one", func(r *payments.CreateRequest) { r.ExpiresAt = r.CreatedAt.Add(time.Millisecond) },
			"/p2p/api/pay/unifiedOrder", func(p params) { p["expiredTime"] = "1" }},
		{"cashier", func(r *payments.CreateRequest) { r.Method = "cashier"; r.ClientIP = "2001:db8::1" }, "/p2p/api/pay/cashierOrder",
			func(p params) {
				for _, name := range []string{"wayCode", "subject", "body", "clientIp"} {
					delete(p, name)
				}
			}},
		{"cashier keeps open for 15 minutes", func(r *payments.CreateRequest) {
			r.Method, r.ExpiresAt = "cashier", r.CreatedAt.Add(time.Minute)
		}, "/p2p/api/pay/cashierOrder", func(p params) {
			for _, name := range []string{"wayCode", "subject", "body", "clientIp"} {
				delete(p, name)
			}
			p["expiredTime"] = "900"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, server := newGateway(t, says(signed(t, createdData)))
			r := goodCreate()
			tt.change(&r)
			if _, err := g.Create(t.Context(), r); err != nil {
				t.Fatalf("Create: %v", err)
			}
			want := unifiedParams()
			tt.want(want)
			want["sign"] = sign(want, demoSecret)
			if diff := cmp.Diff([]sentCall{{tt.path, want}}, server.calls(), cmp.AllowUnexported(sentCall{})); diff != "" {
				t.Errorf("calls differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateTakesEveryWayCodeOfAWebShop(t *testing.T) {
	for _, method := range []string{
		"ALI_WAP", "ALI_QR", "ALI_PC", "WX_NATIVE", "WX_H5", "QR_CASHIER", "WEB_CASHIER", "CHANNEL_CASHIER", "cashier",
	} {
		g, _ := newGateway(t, says(signed(t, createdData)))
		r := goodCreate()
		r.Method = method
		if _, err := g.Create(t.Context(), r); err != nil {
			t.Errorf("Create by %s: %v", method, err)
		}
	}
}

func TestCreateIsNotSent(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*payments.CreateRequest)
	}{
		{"method of an app", func(r *payments.CreateRequest) { r.Method = "WX_APP" }},
		{"method in lower case", func(r *payments.CreateRequest) { r.Method = "ali_wap" }},
		{"no method", func(r *payments.CreateRequest) { r.Method = "" }},
		{"no number", func(r *payments.CreateRequest) { r.Number = "" }},
		{"long number", func(r *payments.CreateRequest) { r.Number = strings.Repeat("P", 33) }},
		{"number with other characters", func(r *payments.CreateRequest) { r.Number = "P-1" }},
		{"nothing to pay", func(r *payments.CreateRequest) { r.Money.Amount = 0 }},
		{"less than nothing", func(r *payments.CreateRequest) { r.Money.Amount = -1 }},
		{"currency without decimals", func(r *payments.CreateRequest) { r.Money.Currency = "JPY" }},
		{"currency with three decimals", func(r *payments.CreateRequest) { r.Money.Currency = "KWD" }},
		{"no such currency", func(r *payments.CreateRequest) { r.Money.Currency = "XQX" }},
		{"no notify address", func(r *payments.CreateRequest) { r.NotifyURL = "" }},
		{"notify address with a query", func(r *payments.CreateRequest) { r.NotifyURL += "?a=1" }},
		{"notify address of another scheme", func(r *payments.CreateRequest) { r.NotifyURL = "ftp://shop.example/" }},
		{"long return address", func(r *payments.CreateRequest) { r.ReturnURL += strings.Repeat("x", 128) }},
		{"return address with a fragment", func(r *payments.CreateRequest) { r.ReturnURL += "#a" }},
		{"no customer", func(r *payments.CreateRequest) { r.CustomerID = "" }},
		{"customer with other characters", func(r *payments.CreateRequest) { r.CustomerID = "a&amount=1" }},
		{"customer since ever", func(r *payments.CreateRequest) { r.CustomerSince = time.Time{} }},
		{"customer since 1970", func(r *payments.CreateRequest) { r.CustomerSince = time.UnixMilli(5) }},
		{"over before it begins", func(r *payments.CreateRequest) { r.ExpiresAt = r.CreatedAt }},
		{"longer than it is watched", func(r *payments.CreateRequest) { r.ExpiresAt = r.CreatedAt.Add(2*time.Hour + time.Second) }},
		{"IPv6", func(r *payments.CreateRequest) { r.ClientIP = "2001:db8::1" }},
		{"no address", func(r *payments.CreateRequest) { r.ClientIP = "" }},
		{"address with a port", func(r *payments.CreateRequest) { r.ClientIP = "1.2.3.4:5" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, server := newGateway(t, says(signed(t, createdData)))
			r := goodCreate()
			tt.spoil(&r)
			_, err := g.Create(t.Context(), r)
			if got := payments.OutcomeOf(err); err == nil || got != payments.NotSent {
				t.Errorf("Create = %v, want outcome not_sent", err)
			}
			if calls := server.calls(); len(calls) != 0 {
				t.Errorf("the gateway was called: %v", calls)
			}
		})
	}
}

func TestCashierOutlivesAShortValidity(t *testing.T) {
	g, server := newGateway(t, says(signed(t, createdData)))
	g.config.Validity = 10 * time.Minute
	r := goodCreate()
	r.Method, r.ExpiresAt = "cashier", r.CreatedAt.Add(time.Minute)
	if _, err := g.Create(t.Context(), r); payments.OutcomeOf(err) != payments.NotSent || len(server.calls()) != 0 {
		t.Errorf("Create = %v after %d calls, want not_sent after none", err, len(server.calls()))
	}
}

func TestCreateActions(t *testing.T) {
	const link = "https://cashier.pass2pay.example/wayCode?payOrderToken=408e2d8d&x=1"
	const picture = "https://pay.example:8443/scan/aa.PNG?s=1"
	const form = "<form method='post' action='https://pay.example:8443/g'></form><script>document.forms[0].submit()</script>"
	read := payments.NextAction{Kind: models.ActionForm, Data: payments.Form{Method: "post", Action: "https://pay.example:8443/g"}.Data()}
	tests := []struct {
		name, payDataType, payData string
		want                       payments.NextAction
	}{
		{"link", "payUrl", link, payments.NextAction{Kind: models.ActionRedirect, Data: link}},
		{"link in lower case", "payurl", link, payments.NextAction{Kind: models.ActionRedirect, Data: link}},
		{"link in upper case", "PAYURL", link, payments.NextAction{Kind: models.ActionRedirect, Data: link}},
		{"code", "codeUrl", "weixin://wxpay/bizpayurl?pr=1", payments.NextAction{Kind: models.ActionCode, Data: "weixin://wxpay/bizpayurl?pr=1"}},
		{"code in lower case", "codeurl", "https://qr.alipay.com/bax0", payments.NextAction{Kind: models.ActionCode, Data: "https://qr.alipay.com/bax0"}},
		{"code that is a picture", "codeUrl", picture, payments.NextAction{Kind: models.ActionCodeImage, Data: picture}},
		{"code of another scheme that ends like a picture", "CodeUrl", "weixin://x/a.png", payments.NextAction{Kind: models.ActionCode, Data: "weixin://x/a.png"}},
		{"picture", "codeImgUrl", picture, payments.NextAction{Kind: models.ActionCodeImage, Data: picture}},
		{"picture in upper case", "CODEIMGURL", link, payments.NextAction{Kind: models.ActionCodeImage, Data: link}},
		{"form", "form", form, read},
		{"form in another case", "Form", form, read},
		{"huge form", "form", form + strings.Repeat("x", maxPayData), payments.NextAction{}},
		{"none", "none", "", payments.NextAction{}},
		{"none with data", "NONE", link, payments.NextAction{}},
		{"link without data", "payUrl", "", payments.NextAction{}},
		{"inside WeChat", "wxapp", `{"appId":"wx1"}`, payments.NextAction{}},
		{"inside Alipay", "aliapp", `{"tradeNO":"1"}`, payments.NextAction{}},
		{"inside UnionPay", "ysfapp", `{}`, payments.NextAction{}},
		{"unknown", "hologram", link, payments.NextAction{}},
		{"missing", "", link, payments.NextAction{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := createWith(t, tt.payDataType, tt.payData)
			if err != nil {
				t.Fatalf("Create: %v", err)
			}
			want := payments.Created{Action: tt.want, Reference: "P1", State: payments.StatePending, Exchange: got.Exchange}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Created differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateBadRedirect(t *testing.T) {
	for _, tt := range []struct{ payDataType, payData string }{
		{"payUrl", "https://evil.example/"},
		{"payurl", "javascript:alert(1)"},
		{"payUrl", "//cashier.pass2pay.example/"},
		{"payUrl", "https://cashier.pass2pay.example@evil.example/"},
		{"payUrl", "https://cashier.pass2pay.example:444/"},
		{"codeImgUrl", "https://evil.example/a.png"},
		{"codeUrl", "https://evil.example/a.png"},
		{"codeUrl", strings.Repeat("x", payments.MaxCode+1)},
	} {
		got, err := createWith(t, tt.payDataType, tt.payData)
		if payments.OutcomeOf(err) != payments.BadRedirect {
			t.Errorf("Create with %s %s = %v, want outcome bad_redirect", tt.payDataType, tt.payData, err)
		}
		if got.Reference != "P1" || got.Action != (payments.NextAction{}) || len(got.Exchange.Response) == 0 {
			t.Errorf("Create with %s %s = %+v, want reference and exchange, and no action", tt.payDataType, tt.payData, got)
		}
	}
}

// createWith makes a payment that the gateway answers with the type and data.
func createWith(t *testing.T, payDataType, payData string) (payments.Created, error) {
	t.Helper()
	data := jsonText(t, map[string]any{
		"payOrderId": "P1", "mchOrderNo": "PP202603010001", "orderState": 1, "payDataType": payDataType, "payData": payData,
	})
	g, _ := newGateway(t, says(signed(t, data)))
	return g.Create(t.Context(), goodCreate())
}

func TestCreateStates(t *testing.T) {
	tests := []struct {
		state string
		want  payments.State
	}{
		{"2", payments.StateSucceeded},
		{"4", payments.StateClosed},
		{"5", payments.StateRefunded},
		{"6", payments.StateClosed},
		{"7", payments.StateUnknown},
	}
	for _, tt := range tests {
		g, _ := newGateway(t, says(signed(t, strings.Replace(createdData, `"orderState":0`, `"orderState":`+tt.state, 1))))
		got, err := g.Create(t.Context(), goodCreate())
		if err != nil || got.State != tt.want || got.Action != (payments.NextAction{}) {
			t.Errorf("Create with orderState %s = %+v, %v; want state %s and nothing to do", tt.state, got, err, tt.want)
		}
	}
}

// The gateway's own example: code 0, and yet the payment has failed.
func TestCreateProcessedButFailed(t *testing.T) {
	g, _ := newGateway(t, says(signed(t, `{"errCode":"ACQ.PAYMENT_AUTH_CODE_INVALID","errMsg":"Business Failed",
		"mchOrderNo":"PP202603010001","orderState":3,"payData":"https://pay.pass2pay.io/api/scan/imgs/aa.png","payOrderId":"P2"}`)))
	got, err := g.Create(t.Context(), goodCreate())
	want := &payments.CallError{Outcome: payments.Refused, Code: "ACQ.PAYMENT_AUTH_CODE_INVALID", Message: "Business Failed"}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("error differs (-want +got):\n%s", diff)
	}
	if got.State != payments.StateFailed || got.Reference != "P2" || got.Action != (payments.NextAction{}) {
		t.Errorf("Created = %+v, want failed, with reference and nothing to do", got)
	}
}

func TestCreateRefusals(t *testing.T) {
	tests := []struct {
		answer string
		want   payments.Outcome
	}{
		{refusal("参数有误！"), payments.Refused},
		{refusal("商户号不能为空"), payments.Refused},
		{refusal("商户或商户应用不存在"), payments.Refused},
		{refusal("商户信息不存在或商户状态不可用"), payments.Refused},
		{refusal("商户应用不存在或应用状态不可用"), payments.Refused},
		{refusal("参数appId与商户号不匹配"), payments.Refused},
		{refusal("验签失败"), payments.Refused},
		{refusal("不支持的支付方式"), payments.Refused},
		{refusal("商户应用不支持该支付方式"), payments.Refused},
		{refusal("异步通知地址协议仅支持http:// 或 https:// !"), payments.Refused},
		{`{"code":11,"msg":"参数有误[amount]"}`, payments.Refused},
		{refusal("商户订单[PP202603010001]已存在"), payments.Duplicate},
		{refusal("系统异常"), payments.Unknown},
		{refusal("渠道返回错误"), payments.Unknown},
		{`{"code":10,"msg":"验签失败"}`, payments.Unknown},
		{`{"code":-1,"msg":"验签失败"}`, payments.Unknown},
	}
	for _, tt := range tests {
		g, _ := newGateway(t, says(tt.answer))
		created, err := g.Create(t.Context(), goodCreate())
		if got := payments.OutcomeOf(err); err == nil || got != tt.want {
			t.Errorf("Create answered with %s = %v, want outcome %s", tt.answer, err, tt.want)
		}
		if string(created.Exchange.Response) != tt.answer {
			t.Errorf("exchange.Response = %s, want %s", created.Exchange.Response, tt.answer)
		}
	}
}

func TestCreateAnswerAboutSomethingElseIsUnknown(t *testing.T) {
	for name, answer := range map[string]string{
		"another number": signed(t, strings.Replace(createdData, "PP202603010001", "PP202603010002", 1)),
		"no number":      signed(t, strings.Replace(createdData, "mchOrderNo", "mchNo", 1)),
		"no reference":   signed(t, strings.Replace(createdData, "payOrderId", "orderId", 1)),
		"no state":       signed(t, strings.Replace(createdData, "orderState", "state", 1)),
		"odd state":      signed(t, strings.Replace(createdData, `"orderState":0`, `"orderState":"0.0"`, 1)),
		"no data":        `{"code":0,"msg":"SUCCESS"}`,
		"null data":      `{"code":0,"msg":"SUCCESS","data":null}`,
		"empty data":     `{"code":0,"msg":"SUCCESS","data":{},"sign":"F5CB2E24B98FC410A5FF6BE90D51F7CC"}`,
	} {
		g, _ := newGateway(t, says(answer))
		created, err := g.Create(t.Context(), goodCreate())
		if err == nil || payments.OutcomeOf(err) != payments.Unknown || created.Action != (payments.NextAction{}) {
			t.Errorf("Create with %s = %+v, %v; want outcome unknown and nothing to do", name, created, err)
		}
	}
}

// A create is sent once, whatever happens to the connection that it went out on.
func TestCreateIsNeverRepeated(t *testing.T) {
	first := true
	g, server := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			says(signed(t, queriedData))(w, r)
			return
		}
		panic(http.ErrAbortHandler)
	})
	if _, err := g.Query(t.Context(), "PP202603010001"); err != nil { // leaves a connection to be used again
		t.Fatalf("Query: %v", err)
	}
	if _, err := g.Create(t.Context(), goodCreate()); payments.OutcomeOf(err) != payments.Unknown {
		t.Errorf("Create = %v, want outcome unknown", err)
	}
	if got := len(server.calls()); got != 2 {
		t.Errorf("%d calls were made, want the query and one create", got)
	}
}

func TestTakes(t *testing.T) {
	g, err := New(goodConfig())
	if err != nil {
		t.Fatal(err)
	}
	for ip, want := range map[string]bool{
		"114.114.114.114": true, "::ffff:114.114.114.114": true, "::1": true, "2001:db8::1": false, "": false, "1.2.3.4:5": false,
	} {
		if got := g.Takes("WX_H5", ip); got != want {
			t.Errorf("WX_H5 from %q: got %t, want %t", ip, got, want)
		}
		if !g.Takes("cashier", ip) {
			t.Errorf("cashier from %q: got false, want true", ip)
		}
	}
}

package pass2pay

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/payments"
)

func TestRefundSends(t *testing.T) {
	g, server := newGateway(t, says(signed(t, refundData)))
	if _, err := g.Refund(t.Context(), goodRefund()); err != nil {
		t.Fatal(err)
	}
	if _, err := g.QueryRefund(t.Context(), goodRefund()); err != nil {
		t.Fatal(err)
	}
	common := params{
		"mchNo": "M1700000001", "appId": "65f0a1b2c3d4e5f601234567", "reqTime": "1772337600000", "version": "1.0", "signType": "MD5",
		"mchRefundNo": "RR202603020001",
	}
	refund := params{"mchOrderNo": "PP202603010001", "refundAmount": "2850", "currency": "cny", "refundReason": "refund by staff"}
	for name, value := range common {
		refund[name] = value
	}
	refund["sign"] = sign(refund, demoSecret)
	common["sign"] = sign(common, demoSecret)
	want := []sentCall{{"/p2p/api/refund/refundOrder", refund}, {"/p2p/api/refund/query", common}}
	if diff := cmp.Diff(want, server.calls(), cmp.AllowUnexported(sentCall{})); diff != "" {
		t.Errorf("calls differ (-want +got):\n%s", diff)
	}
}

func TestRefundStates(t *testing.T) {
	const note = "closed by the gateway without a result: look at its own pages before refunding again."
	tests := []struct {
		state, extra string
		want         models.RefundStatus
		message      string
	}{
		{"0", "", models.RefundPending, ""},
		{"1", "", models.RefundPending, ""},
		{"2", "", models.RefundSucceeded, ""},
		{"3", `,"errCode":"E1","errMsg":"no balance"`, models.RefundFailed, "E1 no balance"},
		{"4", "", models.RefundFailed, note},
		{"4", `,"errMsg":"slow"`, models.RefundFailed, note + " slow"},
		{"5", "", models.RefundPending, ""},
	}
	for _, tt := range tests {
		data := strings.Replace(refundData, `"state":2`, `"state":`+tt.state+tt.extra, 1)
		want := payments.RefundReport{State: tt.want, Money: goodRefund().Money, Message: tt.message}
		for _, call := range everyRefundCall {
			g, _ := newGateway(t, says(signed(t, data)))
			got, err := call.make(g, t)
			if err != nil {
				t.Errorf("%s with %s: %v", call.name, data, err)
			}
			want.Exchange = got.Exchange
			if diff := cmp.Diff(want, got); diff != "" || len(got.Exchange.Response) == 0 {
				t.Errorf("%s with %s differs (-want +got):\n%s", call.name, data, diff)
			}
		}
	}
}

var everyRefundCall = []struct {
	name string
	make func(*Gateway, *testing.T) (payments.RefundReport, error)
}{
	{"Refund", func(g *Gateway, t *testing.T) (payments.RefundReport, error) {
		return g.Refund(t.Context(), goodRefund())
	}},
	{"QueryRefund", func(g *Gateway, t *testing.T) (payments.RefundReport, error) {
		return g.QueryRefund(t.Context(), goodRefund())
	}},
}

func TestRefundAnswerAboutSomethingElseIsUnknown(t *testing.T) {
	for name, data := range map[string]string{
		"another refund":      strings.Replace(refundData, "RR202603020001", "RR202603020002", 1),
		"no refund number":    strings.Replace(refundData, "mchRefundNo", "refundNo", 1),
		"another amount":      strings.Replace(refundData, "2850,\"state", "2851,\"state", 1),
		"no amount":           strings.Replace(refundData, "refundAmount", "amount", 1),
		"no state":            strings.Replace(refundData, "state", "orderState", 1),
		"another currency":    strings.Replace(refundData, "{", `{"currency":"hkd",`, 1),
		"another payment":     strings.Replace(refundData, "{", `{"mchOrderNo":"PP1",`, 1),
		"another merchant":    strings.Replace(refundData, "{", `{"mchNo":"M2",`, 1),
		"another application": strings.Replace(refundData, "{", `{"appId":"a2",`, 1),
	} {
		if data == refundData {
			t.Fatalf("%s: data is unchanged", name)
		}
		for _, call := range everyRefundCall {
			g, _ := newGateway(t, says(signed(t, data)))
			report, err := call.make(g, t)
			if err == nil || payments.OutcomeOf(err) != payments.Unknown || report.State != "" {
				t.Errorf("%s with %s = %+v, %v; want outcome unknown", call.name, name, report, err)
			}
		}
	}
}

func TestRefundNotOffered(t *testing.T) {
	for _, call := range everyRefundCall {
		g, _ := newGateway(t, status(http.StatusNotFound, "<html>"))
		if _, err := call.make(g, t); payments.OutcomeOf(err) != payments.Unsupported {
			t.Errorf("%s = %v, want outcome unsupported", call.name, err)
		}
	}
}

func TestQueryRefundNotFound(t *testing.T) {
	for _, words := range []string{"退款订单不存在", "订单不存在"} {
		g, _ := newGateway(t, says(refusal(words)))
		if _, err := g.QueryRefund(t.Context(), goodRefund()); payments.OutcomeOf(err) != payments.NotFound {
			t.Errorf("QueryRefund answered %s = %v, want outcome not_found", words, err)
		}
	}
}

// A refusal is believed only when the gateway knows no refund with the number: "nothing left"
// may be what a refund that succeeded unanswered left behind.
func TestRefundRefused(t *testing.T) {
	const (
		noPayment = "退款订单不存在"
		wrong     = "订单状态不正确， 无法完成退款"
		nothing   = "订单已全额退款，本次申请失败"
		tooMuch   = "申请金额超出订单可退款余额，请检查退款金额"
	)
	missing := refusal("退款订单不存在")
	tests := []struct {
		name, words, query string
		want               models.RefundStatus // empty: outcome unknown
		calls              int
	}{
		{"no payment", noPayment, missing, models.RefundFailed, 2},
		{"payment not refundable", wrong, missing, models.RefundFailed, 2},
		{"nothing left", nothing, missing, models.RefundFailed, 2},
		{"too much", tooMuch, missing, models.RefundFailed, 2},
		{"nothing left because it is done", nothing, signed(t, refundData), models.RefundSucceeded, 2},
		{"refunded as a whole because it is done", wrong, signed(t, refundData), models.RefundSucceeded, 2},
		{"nothing left, query goes wrong", nothing, "", "", 2},
		{"nothing left, query badly signed", nothing, strings.Replace(signed(t, refundData), `"sign":"`, `"sign":"0`, 1), "", 2},
		{"another in progress", "支付订单具有在途退款申请，请稍后再试", missing, "", 1},
		{"number used before", "商户退款订单号[RR202603020001]已存在", missing, "", 1},
		{"our signature", "验签失败", missing, "", 1},
		{"system fault", "系统异常", missing, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, server := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/refund/query") {
					says(tt.query)(w, r)
					return
				}
				says(refusal(tt.words))(w, r)
			})
			got, err := g.Refund(t.Context(), goodRefund())
			if tt.want == "" && (err == nil || payments.OutcomeOf(err) != payments.Unknown) {
				t.Errorf("Refund = %+v, %v; want outcome unknown", got, err)
			}
			if tt.want != "" && (err != nil || got.State != tt.want) {
				t.Errorf("Refund = %+v, %v; want state %s", got, err, tt.want)
			}
			if tt.want == models.RefundFailed && got.Message != tt.words {
				t.Errorf("Message = %q, want %q", got.Message, tt.words)
			}
			if len(got.Exchange.Request) == 0 || len(server.calls()) != tt.calls {
				t.Errorf("%d calls, exchange %+v; want %d calls and an exchange", len(server.calls()), got.Exchange, tt.calls)
			}
		})
	}
}

func TestRefundIsNotSent(t *testing.T) {
	for name, spoil := range map[string]func(*payments.RefundRequest){
		"no payment":    func(r *payments.RefundRequest) { r.PaymentNumber = "" },
		"odd number":    func(r *payments.RefundRequest) { r.RefundNumber = "R 1" },
		"no money":      func(r *payments.RefundRequest) { r.Money.Amount = 0 },
		"money back":    func(r *payments.RefundRequest) { r.Money.Amount = -1 },
		"no currency":   func(r *payments.RefundRequest) { r.Money.Currency = "" },
		"long currency": func(r *payments.RefundRequest) { r.Money.Currency = "CNY&" },
	} {
		g, server := newGateway(t, says(signed(t, refundData)))
		r := goodRefund()
		spoil(&r)
		if _, err := g.Refund(t.Context(), r); payments.OutcomeOf(err) != payments.NotSent || len(server.calls()) != 0 {
			t.Errorf("Refund with %s = %v after %d calls, want not_sent after none", name, err, len(server.calls()))
		}
	}
}

// TestSmallestRefund: one minor unit can be given back.
func TestSmallestRefund(t *testing.T) {
	r := goodRefund()
	r.Money.Amount = 1
	if err := checkRefund(r); err != nil {
		t.Errorf("refund of 1: got %v, want it taken", err)
	}
}

func TestPlainReason(t *testing.T) {
	for reason, want := range map[string]string{
		"paid twice":                     "paid twice",
		"a&amount=1":                     "aamount1",
		"":                               "refund",
		" 退款 ":                           "refund",
		strings.Repeat("x", maxReason+1): strings.Repeat("x", maxReason),
	} {
		if got := plainReason(reason); got != want {
			t.Errorf("plainReason(%q) = %q, want %q", reason, got, want)
		}
	}
}

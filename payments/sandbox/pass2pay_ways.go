package sandbox

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// way is a method of payment: what the answer hands over, and what the request may or must say
// in channelExtra.
type way struct {
	wallet   string
	dataType string
	others   []string // what channelExtra.payDataType may ask for besides
	needs    string   // the member that channelExtra must have
}

// ways are the methods that the application is enabled for (Pass2Pay docs, payment methods).
var ways = map[string]way{
	"ALI_WAP":         {"alipay", "payUrl", []string{"form", "codeImgUrl"}, ""},
	"ALI_QR":          {"alipay", "codeUrl", []string{"codeImgUrl"}, ""},
	"ALI_PC":          {"alipay", "payUrl", []string{"form"}, ""},
	"ALI_JSAPI":       {"alipay", "aliapp", nil, "buyerUserId"},
	"ALI_APP":         {"alipay", "aliapp", nil, ""},
	"ALI_BAR":         {"alipay", "none", nil, "authCode"},
	"WX_NATIVE":       {"wechat", "codeUrl", []string{"codeImgUrl"}, ""},
	"WX_H5":           {"wechat", "payUrl", nil, ""},
	"WX_JSAPI":        {"wechat", "wxapp", nil, "openid"},
	"WX_LITE":         {"wechat", "wxapp", nil, "openid"},
	"WX_APP":          {"wechat", "wxapp", nil, ""},
	"WX_BAR":          {"wechat", "none", nil, "authCode"},
	"QR_CASHIER":      {"any", "codeUrl", []string{"codeImgUrl", "payUrl"}, ""},
	"WEB_CASHIER":     {"any", "payUrl", nil, ""},
	"CHANNEL_CASHIER": {"any", "payUrl", nil, ""},
}

// notEnabled are methods that exist and that the application may not use.
var notEnabled = regexp.MustCompile(`^(AUTO_BAR|AUTO_POS|YSF_BAR|YSF_JSAPI|DCEP_BAR|DCEP_QR|ALI_LITE|ALI_OC|PP_PC|UP_[A-Z0-9]+)$`)

// chooseWay finds the method and what it hands over.
func (c *call) chooseWay(v values) (way, string, error) {
	w, enabled := ways[v["wayCode"]]
	if notEnabled.MatchString(v["wayCode"]) {
		return w, "", c.refuse(p2pRefused, p2pWayNotEnabled, "wayCode %q is not enabled for the application", v["wayCode"])
	}
	if !enabled {
		return w, "", c.refuse(p2pRefused, p2pUnknownWay, "wayCode %q is not known", v["wayCode"])
	}
	var extra object
	if text := v["channelExtra"]; text != "" && json.Unmarshal([]byte(text), &extra) != nil {
		return w, "", c.refuse(p2pRefused, p2pBadParameters, "channelExtra is not a JSON object")
	}
	if w.needs != "" && textOf(extra[w.needs]) == "" {
		return w, "", c.refuse(p2pRefused, p2pBadParameters, "channelExtra has no %s", w.needs)
	}
	wanted := textOf(extra["payDataType"])
	if wanted == "" || strings.EqualFold(wanted, w.dataType) {
		return w, w.dataType, nil
	}
	for _, other := range w.others {
		if strings.EqualFold(wanted, other) {
			return w, other, nil
		}
	}
	return w, "", c.refuse(p2pRefused, p2pBadParameters, "channelExtra: payDataType %q is not served by %s", wanted, v["wayCode"])
}

// created is the answer to a create call.
func (s *Sandbox) created(c *call, p Payment, dataType string) message {
	m := message{
		{"payOrderId", p.Reference},
		{"mchOrderNo", p.Number},
		{"orderState", p2pState[p.State]},
	}
	if p.State == Failed {
		return append(m, member{"errCode", "ACQ.TRADE_REFUSED"}, member{"errMsg", "Business Failed"})
	}
	if other, active := c.fault(FaultPayDataType); active {
		dataType = other
	}
	return append(m, member{"payDataType", dataType}, member{"payData", s.payData(p, dataType)})
}

// payData is what a buyer's browser, or the shop's page, gets to pay with.
func (s *Sandbox) payData(p Payment, dataType string) string {
	switch strings.ToLower(dataType) {
	case "none":
		return ""
	case "codeimgurl":
		return s.config.PublicURL + "/sandbox/code/" + p.ID + ".png"
	case "form":
		return `<form name="punchout_form" method="get" action="` + p.WalletURL + `"><input type="hidden" name="orderToken" value="` + p.Reference + `">` +
			`<input type="submit" value="立即支付" style="display:none"></form>` +
			`<script>document.forms[0].submit();</script>`
	case "aliapp":
		return `{"alipayTradeNo":"` + p.Reference[1:] + `"}`
	case "wxapp":
		return `{"appId":"wx0000000000000000","timeStamp":"` + strconv.FormatInt(p.CreatedAt.Unix(), 10) +
			`","nonceStr":"` + p.ID + `","package":"prepay_id=` + p.Reference[1:] + `","signType":"RSA","paySign":"c2FuZGJveA=="}`
	}
	return p.WalletURL
}

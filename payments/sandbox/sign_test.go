package sandbox

import (
	"strings"
	"testing"
)

// TestSignScanForPay holds the test vectors of the protocol: what is signed is the bytes on the
// wire, in whatever way they are written.
func TestSignScanForPay(t *testing.T) {
	const key = "sfp-demo-key-0001"
	const header = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","reqTime":"2026-03-01T12:00:00+08:00","signType":"SHA256"},`
	utf8 := header + `"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"茶具 & 茶杯","notifyUrl":"https://shop.example/n?g=sfp&v=1","returnUrl":"https://shop.example/pay/scanforpay/return/tok123"}}`
	tests := []struct {
		name, text, want string
	}{
		{"A create", header + `"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"Tea set","notifyUrl":"https://shop.example/pay/scanforpay/notify","returnUrl":"https://shop.example/pay/scanforpay/return/tok123"}}`,
			"24c14d7f88b4a19111fb333a5214fe36ecba7e0e258acaf772a6494ee51d9304"},
		{"B raw UTF-8", utf8, "c2ca1c5f1ac40f7eb36a8684e33f1daea079c0d80ece6375faf6ae46ccd55a73"},
		{"C escaped as PHP does", header + `"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"\u8336\u5177 & \u8336\u676f","notifyUrl":"https:\/\/shop.example\/n?g=sfp&v=1","returnUrl":"https:\/\/shop.example\/pay\/scanforpay\/return\/tok123"}}`,
			"ffd95106b46fca30b63e893f984a13d1f0c6369292f0dfadbed9977c2a5a60f5"},
		{"D escaped as Go does", strings.ReplaceAll(utf8, "&", `\u0026`), "e869fa11eef1d54aa2c003bd9aef2d0ed38ee82656d2ffbffdbd858a8d1fe55b"},
		{"E answer with spaced key", `{"header":{"partnerNo":"10086","respTime":"2026-03-01T12:00:01+08:00","signType":"SHA256","version":"1.0","reqMsgId":"a1b2c3d4e5f60718293a4b5c6d7e8f90"},"body":{"code":1,"msg":"success"," payUrl ":"https://pay.example/api/online/pay/5a42\u0026x=1"}}`,
			"805d7d628daaadd3719388a8c98c5b15e23ddf3bc29220c1f2b5c302053bbed0"},
		{"F pretty-printed", "{\n  \"header\": {\"partnerNo\": \"10086\", \"respTime\": \"2026-03-01T12:03:09+08:00\", \"signType\": \"SHA256\", \"version\": \"1.0\", \"reqMsgId\": \"b1\"},\n  \"body\": {\"code\": 1, \"msg\": \"the \\\"response\\\" and its \\\"signature\\\" }\", \"orderNo\": \"2026030112000757\", \"partnerOrderNo\": \"SF202603010001\", \"payTime\": \"2026-03-01T12:03:08+08:00\", \"orderAmount\": 12850, \"wallet\": \"AlipayHK\", \"currency\": \"HKD\", \"status\": 1}\n}",
			"b1a7281102d7527cdaebbde2a87f1b4d4ec0cbd2247a7ef1aa6c45d76fcba728"},
		{"G query", `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"1","reqTime":"2026-03-01T12:05:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001"}}`,
			"09ca3ee91d01347f83671a569091ee37f5a6570ecd7d91c0ba812149841939fa"},
		{"H refund", `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"2","reqTime":"2026-03-02T09:00:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","refundNo":"RF202603020001","orderAmount":2850}}`,
			"0e719a6481f5d719454bce044acca06eeefa5905c8813c6b83d796fbf464e68f"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := signScanForPay([]byte(test.text), key); got != test.want {
				t.Errorf("signature of %s:\n got %s\nwant %s", test.text, got, test.want)
			}
		})
	}
}

// TestSignPass2Pay holds the test vectors of the protocol.
func TestSignPass2Pay(t *testing.T) {
	const secret = "p2p-demo-secret-0001"
	notice := map[string]string{
		"payOrderId": "P1793544595691261954", "mchNo": "M1700000001", "appId": "65f0a1b2c3d4e5f601234567",
		"mchOrderNo": "PP202603010001", "ifCode": "alipay", "wayCode": "ALI_WAP", "amount": "12850", "currency": "cny",
		"state": "2", "clientIp": "114.114.114.114", "subject": "商品", "body": "0",
		"channelOrderNo": "2026030122001400001", "extParam": "", "createdAt": "1772337600123",
		"successTime": "1772337788456", "reqTime": "1772337788999",
	}
	common := func(more map[string]string) map[string]string {
		more["version"], more["signType"], more["reqTime"] = "1.0", "MD5", "1700000000123"
		return more
	}
	tests := []struct {
		name   string
		params map[string]string
		secret string
		want   string
	}{
		{"V1 unified order", map[string]string{
			"amount": "12850", "appId": "65f0a1b2c3d4e5f601234567", "body": "0", "channelExtra": `{"payDataType":"payUrl"}`,
			"clientIp": "114.114.114.114", "currency": "cny", "custNo": "C10001", "expiredTime": "1800",
			"mchNo": "M1700000001", "mchOrderNo": "PP202603010001", "notifyUrl": "https://shop.example/pay/pass2pay/notify",
			"registerTime": "1700000000000", "reqTime": "1772337600000", "returnUrl": "https://shop.example/pay/pass2pay/return/tok123",
			"signType": "MD5", "subject": "商品", "version": "1.1", "wayCode": "ALI_WAP", "userName": "",
		}, secret, "61ADB8DB3009C0B20B86B3668ED294D6"},
		{"V2 answer", map[string]string{
			"mchOrderNo": "PP202603010001", "orderState": "0", "payDataType": "payurl", "payOrderId": "P1793544595691261954",
			"payData": "https://cashier.example/wayCode?payOrderToken=408e2d8d",
		}, secret, "964CBF462866F33A5476CB3CD0A13E4D"},
		{"V3 notification", notice, secret, "F63FF85AEEA45C17196DB031CED11ABC"},
		{"V4 letter case", map[string]string{"amount": "1", "Zone": "hk", "appId": "a1"}, secret, "242EAC8D81792C666B13695859296714"},
		{"V5 nothing", nil, secret, "F5CB2E24B98FC410A5FF6BE90D51F7CC"},
		{"V6 refund", map[string]string{
			"appId": "65f0a1b2c3d4e5f601234567", "currency": "cny", "mchNo": "M1700000001", "mchOrderNo": "PP202603010001",
			"mchRefundNo": "RR202603020001", "notifyUrl": "https://shop.example/pay/pass2pay/refund-notify", "refundAmount": "2850",
			"refundReason": "one cup broken", "reqTime": "1772413200000", "signType": "MD5", "version": "1.0",
		}, secret, "6740B0B8985C2276A86A4B7DD354D53D"},
		{"V7 numbers", map[string]string{
			"amount": "12850", "appId": "65f0a1b2c3d4e5f601234567", "createdAt": "1772337600123", "currency": "cny",
			"mchNo": "M1700000001", "mchOrderNo": "PP202603010001", "payOrderId": "P1", "state": "2",
			"successTime": "1772337788456", "wayCode": "ALI_QR",
		}, secret, "8738BD1863AC19336ACC026C919BB5DE"},
		{"V8 fragments", map[string]string{"a0": "p", "a": "z", "key": "not-the-secret"}, secret, "E578E185F16A6954DA5AA784D260A714"},
		{"worked example", map[string]string{
			"amount": "10000", "clientIp": "192.168.0.111", "mchOrderNo": "P0123456789101", "notifyUrl": "https://www.baidu.com",
			"platId": "1000", "reqTime": "20190723141000", "returnUrl": "https://www.baidu.com", "version": "1.0",
		}, "EWEFD123RGSRETYDFNGFGFGSHDFGH", "84E1CA56F984502BBAC06EA6707157F5"},
		{"notes 1", common(map[string]string{"mchNo": "M1621873433953", "appId": "60cc09bce4b0f1c0b83761c9", "amount": "100"}), "offline-test-key", "CE76B1B36C5B683AD2F8FB0FCA95055B"},
		{"notes 2", common(map[string]string{"amount": "0", "state": "0"}), "offline-test-key", "6F5CE7D1150794CB08A853964CDF3723"},
		{"notes 3", common(map[string]string{"Zebra": "last", "apple": "first"}), "offline-test-key", "9C90DE387B013B218B091D5BA0BB76B2"},
		{"notes 4", common(map[string]string{"a": "z", "A": "a", "a0": "prefix"}), "offline-test-key", "BA9AF3B13F07EC35495DCC96D8171C56"},
		{"notes 5", common(map[string]string{"subject": "测试商品", "amount": "1"}), "offline-test-key", "F9F6BC7ED815F9B4D129B4C16D28E2C7"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := signPass2Pay(test.params, test.secret); got != test.want {
				t.Errorf("sign of %q: got %s, want %s", canonical(test.params), got, test.want)
			}
		})
	}
}

// TestPass2PayNoticeBytes holds the documented notification, byte for byte.
func TestPass2PayNoticeBytes(t *testing.T) {
	const want = "payOrderId=P1793544595691261954&mchNo=M1700000001&appId=65f0a1b2c3d4e5f601234567&mchOrderNo=PP202603010001&ifCode=alipay&wayCode=ALI_WAP&amount=12850&currency=cny&state=2&clientIp=114.114.114.114&subject=%E5%95%86%E5%93%81&body=0&channelOrderNo=2026030122001400001&extParam=&createdAt=1772337600123&successTime=1772337788456&reqTime=1772337788999&sign=F63FF85AEEA45C17196DB031CED11ABC"
	s := New(Config{Pass2Pay: Pass2PayAccount{AppSecret: "p2p-demo-secret-0001"}})
	defer s.Close()
	m := message{
		{"payOrderId", "P1793544595691261954"}, {"mchNo", "M1700000001"}, {"appId", "65f0a1b2c3d4e5f601234567"},
		{"mchOrderNo", "PP202603010001"}, {"ifCode", "alipay"}, {"wayCode", "ALI_WAP"}, {"amount", int64(12850)},
		{"currency", "cny"}, {"state", int64(2)}, {"clientIp", "114.114.114.114"}, {"subject", "商品"}, {"body", "0"},
		{"channelOrderNo", "2026030122001400001"}, {"extParam", ""}, {"createdAt", int64(1772337600123)},
		{"successTime", int64(1772337788456)}, {"reqTime", int64(1772337788999)},
	}
	if got := string(s.begin(Pass2Pay, OpNotify).sealPass2PayNotice(m)); got != want {
		t.Errorf("notification:\n got %s\nwant %s", got, want)
	}
}

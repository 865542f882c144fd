package scanforpay

// vectorKey signs all vectors. It is invented, as all values in them are.
const vectorKey = "sfp-demo-key-0001"

// The vectors: bytes as they are signed, each with its signature.
const (
	// A: all ASCII.
	vectorCreate          = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","reqTime":"2026-03-01T12:00:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"Tea set","notifyUrl":"https://shop.example/pay/scanforpay/notify","returnUrl":"https://shop.example/pay/scanforpay/return/tok123"}}`
	vectorCreateSignature = "24c14d7f88b4a19111fb333a5214fe36ecba7e0e258acaf772a6494ee51d9304"

	// B: raw UTF-8 and a plain &.
	vectorCreateUTF8          = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","reqTime":"2026-03-01T12:00:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"茶具 & 茶杯","notifyUrl":"https://shop.example/n?g=sfp&v=1","returnUrl":"https://shop.example/pay/scanforpay/return/tok123"}}`
	vectorCreateUTF8Signature = "c2ca1c5f1ac40f7eb36a8684e33f1daea079c0d80ece6375faf6ae46ccd55a73"

	// C: the content of B as PHP escapes it.
	vectorCreatePHP          = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","reqTime":"2026-03-01T12:00:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"\u8336\u5177 & \u8336\u676f","notifyUrl":"https:\/\/shop.example\/n?g=sfp&v=1","returnUrl":"https:\/\/shop.example\/pay\/scanforpay\/return\/tok123"}}`
	vectorCreatePHPSignature = "ffd95106b46fca30b63e893f984a13d1f0c6369292f0dfadbed9977c2a5a60f5"

	// D: the content of B as Go escapes it for HTML.
	vectorCreateHTML          = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"0f1e2d3c4b5a69788796a5b4c3d2e1f0","reqTime":"2026-03-01T12:00:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","wallet":"AlipayHK","currency":"HKD","orderAmount":12850,"orderTitle":"茶具 \u0026 茶杯","notifyUrl":"https://shop.example/n?g=sfp\u0026v=1","returnUrl":"https://shop.example/pay/scanforpay/return/tok123"}}`
	vectorCreateHTMLSignature = "e869fa11eef1d54aa2c003bd9aef2d0ed38ee82656d2ffbffdbd858a8d1fe55b"

	// E: a key with spaces around it, as the docs print it.
	vectorCreateAnswer          = `{"header":{"partnerNo":"10086","respTime":"2026-03-01T12:00:01+08:00","signType":"SHA256","version":"1.0","reqMsgId":"a1b2c3d4e5f60718293a4b5c6d7e8f90"},"body":{"code":1,"msg":"success"," payUrl ":"https://pay.example/api/online/pay/5a42\u0026x=1"}}`
	vectorCreateAnswerSignature = "805d7d628daaadd3719388a8c98c5b15e23ddf3bc29220c1f2b5c302053bbed0"

	// F: pretty-printed, with both trap words and a brace inside a string.
	vectorNotification = `{
  "header": {"partnerNo": "10086", "respTime": "2026-03-01T12:03:09+08:00", "signType": "SHA256", "version": "1.0", "reqMsgId": "b1"},
  "body": {"code": 1, "msg": "the \"response\" and its \"signature\" }", "orderNo": "2026030112000757", "partnerOrderNo": "SF202603010001", "payTime": "2026-03-01T12:03:08+08:00", "orderAmount": 12850, "wallet": "AlipayHK", "currency": "HKD", "status": 1}
}`
	vectorNotificationSignature = "b1a7281102d7527cdaebbde2a87f1b4d4ec0cbd2247a7ef1aa6c45d76fcba728"

	// G.
	vectorQuery          = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"1","reqTime":"2026-03-01T12:05:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001"}}`
	vectorQuerySignature = "09ca3ee91d01347f83671a569091ee37f5a6570ecd7d91c0ba812149841939fa"

	// H.
	vectorRefund          = `{"header":{"version":"1.0","partnerNo":"10086","reqMsgId":"2","reqTime":"2026-03-02T09:00:00+08:00","signType":"SHA256"},"body":{"storeNo":"100860000000001","partnerOrderNo":"SF202603010001","refundNo":"RF202603020001","orderAmount":2850}}`
	vectorRefundSignature = "0e719a6481f5d719454bce044acca06eeefa5905c8813c6b83d796fbf464e68f"

	// F written again without white space: another signature, which F does not have.
	vectorNotificationCompactSignature = "1c58ececdecc9b5b03ff9ec15a07a200b8126d98dbc6c349c06aecceeb3249f4"
)

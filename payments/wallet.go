package payments

import (
	"strings"

	"saoma/models"
)

// Device is what a browser's user agent says about where it runs. Nothing is protected by it:
// it chooses what to offer first, and who lies about it only misleads themselves.
type Device struct {
	Inside models.Wallet // the wallet whose own browser this is; empty in all other browsers
	Phone  bool          // a phone or tablet, which can open a wallet that is installed on it
}

// maxUserAgent is how much of a user agent is read. Real ones stay below half of it.
const maxUserAgent = 1 << 10

// Marks that browsers put into their user agents, in lower case. Each list is read in full
// before the next one, in the order in which DeviceOf uses them.
var (
	// These are desktops even where a phone's mark stands beside: the desktop clients of WeChat
	// and WeChat Work call themselves MicroMessenger too, HarmonyOS desktops may name Windows or
	// Android, and crawlers dress up as phones and say "(compatible; …" about themselves.
	desktopMarks = []string{
		"windows nt", "macintosh", "x11;", "(pc; openharmony",
		"windowswechat", "macwechat", "unifiedpc",
		"compatible;",
	}
	// Tablets are phones here. An iPad that asks for desktop pages calls itself a Macintosh and
	// cannot be told from one.
	phoneMarks = []string{
		"iphone", "ipad", "ipod", "android", "mobile", "phone; openharmony", "tablet; openharmony",
	}
	// AlipayHK comes before Alipay since it may carry Alipay's marks as well. That it says
	// AlipayClientHK is what Alipay's own detection library relies on; AliApp(APHK/ was seen
	// beside it on Android. AliApp alone says nothing: Taobao and DingTalk are AliApps too.
	alipayHKMarks = []string{"alipayclienthk", "aliapp(aphk/"}
	alipayMarks   = []string{"alipayclient/", "aliapp(ap/"}
	// WeChat Work and the web views of mini programs say MicroMessenger and pay with WeChat.
	weChatMarks = []string{"micromessenger"}
)

// DeviceOf reads a user agent. Unknown, empty and hostile ones are desktops, where every wallet
// can be used by its code.
func DeviceOf(userAgent string) Device {
	agent := strings.ToLower(userAgent[:min(len(userAgent), maxUserAgent)])
	if containsAny(agent, desktopMarks) || !containsAny(agent, phoneMarks) {
		return Device{}
	}
	return Device{Inside: walletOf(agent), Phone: true}
}

// Scene is where the browser runs, seen from the wallet: being inside WeChat is the scene
// "wallet" for WeChat and the scene "phone" for Alipay.
func (d Device) Scene(w models.Wallet) models.Scene {
	switch {
	case d.Inside != "" && d.Inside == w:
		return models.SceneWallet
	case d.Phone:
		return models.ScenePhone
	default:
		return models.SceneDesktop
	}
}

// walletOf returns the wallet whose browser a phone's agent names, or "".
func walletOf(agent string) models.Wallet {
	switch {
	case containsAny(agent, alipayHKMarks):
		return models.AlipayHK
	case containsAny(agent, alipayMarks):
		return models.Alipay
	case containsAny(agent, weChatMarks):
		return models.WeChat
	default:
		return ""
	}
}

func containsAny(agent string, marks []string) bool {
	for _, mark := range marks {
		if strings.Contains(agent, mark) {
			return true
		}
	}
	return false
}

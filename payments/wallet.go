package payments

import (
	"strings"

	"saoma/models"
)

// Device is what a browser's user agent says about where it runs, and where its requests come from. Nothing is protected by it:
// it chooses what to offer first, and who lies about it only misleads themselves.
type Device struct {
	Inside models.Wallet // the wallet whose own browser this is; empty in all other browsers
	Phone  bool          // a phone or tablet, which can open a wallet that is installed on it

	Address string // its IP address; no part of the user agent
}

// maxUserAgent is how much of a user agent is read. Real ones stay below half of it.
const maxUserAgent = 1 << 10

// DeviceOf reads a user agent. Unknown, empty and hostile ones are desktops, where every wallet
// can be used by its code.
func DeviceOf(userAgent string) Device {
	agent := strings.ToLower(userAgent[:min(len(userAgent), maxUserAgent)])
	if !isPhone(agent) || isCrawler(agent) {
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

// isPhone looks for the marks of phones and tablets: nearly all say Mobile, but Android tablets and
// some apps only name the system, and tablets with HarmonyOS only Tablet. No desktop says any of these, the desktop clients of WeChat and
// WeChat Work included, which call themselves MicroMessenger like the app. An iPad that asks for
// desktop pages cannot be told from a Mac.
func isPhone(agent string) bool {
	for _, mark := range []string{"mobile", "android", "iphone", "ipad", "tablet; openharmony"} {
		if strings.Contains(agent, mark) {
			return true
		}
	}
	return false
}

// isCrawler knows crawlers, which dress up as phones, by how they introduce themselves: as
// "(compatible; Somebot/1.0". Old Internet Explorers do so as well, on desktops.
func isCrawler(agent string) bool { return strings.Contains(agent, "compatible;") }

// walletOf returns the wallet whose own browser sends a phone's agent, or "". AlipayHK says
// AlipayClientHK, and AlipayClient beside it, so it is asked for first; this rests on strings of
// Android phones and on Alipay's own detection library, for none of an iPhone were found. AliApp
// alone says nothing, since Taobao and DingTalk are AliApps too. WeChat Work and the web views of
// mini programs say MicroMessenger and pay with WeChat.
func walletOf(agent string) models.Wallet {
	switch {
	case strings.Contains(agent, "alipayclienthk/"):
		return models.AlipayHK
	case strings.Contains(agent, "alipayclient/"):
		return models.Alipay
	case strings.Contains(agent, "micromessenger/"):
		return models.WeChat
	default:
		return ""
	}
}

package pay

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"saoma/models"
	"saoma/payments"
)

// offerKind is how an attempt is paid in one browser.
type offerKind string

// The kinds of offer.
const (
	offerCode      offerKind = "code"      // a code that we draw
	offerImage     offerKind = "image"     // a picture of a code from the gateway
	offerButton    offerKind = "button"    // a way to the gateway's page
	offerForm      offerKind = "form"      // a way to our page that sends a form to the gateway
	offerElsewhere offerKind = "elsewhere" // its wallet does not open in this browser
	offerTaken     offerKind = "taken"     // another phone, or another app on this one, has begun to pay
	offerNothing   offerKind = "nothing"   // not known yet: the gateway is asked
	offerLost      offerKind = "lost"      // the gateway has the payment, and how to pay it was lost
)

// offer is how the buyer pays the live attempt in this browser.
type offer struct {
	Kind        offerKind
	Wallet      models.Wallet // empty when the code is for every wallet
	Name        string        // of the wallet
	Instruction string
	Image       string   // address of the code's picture
	Alt         string   // what the picture is
	Folded      bool     // the picture is shown when asked for
	Takes       []string // the wallets that a code for every wallet is for
	Link        string   // the gateway's page, where there is one to go to
	Pretend     bool     // Link leads to the sandbox's wallet
	ExpiresAt   time.Time
	Remaining   string
}

// Button reports whether the offer is a button that leads to where the buyer pays.
func (o *offer) Button() bool { return o.Kind == offerButton || o.Kind == offerForm }

// Elsewhere reports whether the page has to be opened in another browser.
func (o *offer) Elsewhere() bool { return o.Kind == offerElsewhere }

// Anew reports whether it can only be paid by beginning another attempt, by the same wallet or another.
func (o *offer) Anew() bool { return o.Kind == offerTaken || o.Kind == offerLost }

// Aside reports whether there is a page to pay on beside the code, as wallets have for browsers.
func (o *offer) Aside() bool { return o.Kind == offerCode && o.Link != "" }

// opensHere reports whether the wallet can be paid with in this browser: a wallet's own browser
// opens no other wallet. At a desktop all can, by their codes.
func opensHere(w models.Wallet, d payments.Device) bool {
	return d.Inside == "" || d.Inside == w
}

// offerOf returns how the live attempt is paid on the device, nil when there is none.
func (page *orderPage) offerOf(s standing, device payments.Device) *offer {
	attempt := s.attempt()
	if attempt == nil {
		return nil
	}
	o := &offer{
		Kind:      kindOf(attempt, device),
		Wallet:    attempt.Wallet,
		Name:      page.walletName(attempt.Wallet),
		ExpiresAt: attempt.ExpiresAt.UTC(),
		Remaining: clock(attempt.ExpiresAt.Sub(s.now)),
	}
	switch o.Kind {
	case offerButton:
		o.Link = attempt.ActionData
	case offerCode:
		o.Image = page.Address + "/" + pictureFor(device) + "?v=" + page.Version
		o.Pretend = page.SandboxOn && isPretendWallet(attempt.ActionData)
		if attempt.Action == models.ActionRedirect || o.Pretend {
			o.Link = attempt.ActionData
		}
	case offerImage:
		o.Image = attempt.ActionData
	case offerForm:
		o.Link = page.Address + "/form"
	}
	o.Instruction = page.instruct(o, device)
	o.Alt = page.T("order.code.alt", "wallet", o.Name, "amount", page.Amount)
	return o
}

func kindOf(attempt *models.Payment, device payments.Device) offerKind {
	scene := device.Scene(attempt.Wallet)
	action := payments.ActionOf(attempt).Kind
	switch action {
	case models.ActionCode:
		return offerCode
	case models.ActionCodeImage:
		return offerImage
	case models.ActionRedirect, models.ActionForm:
		switch {
		case device.Phone && attempt.Scene != models.SceneDesktop && attempt.Scene != scene:
			return offerTaken
		case !opensHere(attempt.Wallet, device):
			return offerElsewhere
		case action == models.ActionForm:
			return offerForm
		case scene == models.SceneDesktop:
			return offerCode
		default:
			return offerButton
		}
	default:
		if attempt.Status == models.PaymentPending {
			return offerLost
		}
		return offerNothing
	}
}

// pictureFor prefers the sharper picture, and on phones the one that they can save and scan.
func pictureFor(device payments.Device) string {
	if device.Phone {
		return "qr.png"
	}
	return "qr.svg"
}

// scanKeys are the messages that say how each wallet scans a code.
var scanKeys = map[models.Wallet]string{
	models.WeChat:   "order.scan.wechat",
	models.Alipay:   "order.scan.alipay",
	models.AlipayHK: "order.scan.alipayhk",
}

func (page *orderPage) instruct(o *offer, device payments.Device) string {
	switch o.Kind {
	case offerCode, offerImage:
		if device.Phone {
			return page.T("order.scan.saved", "wallet", o.Name)
		}
		return page.T(scanKeys[o.Wallet])
	case offerButton, offerForm:
		return page.T("order.button.lead")
	case offerElsewhere:
		return page.T("order.elsewhere.lead", "wallet", o.Name)
	case offerTaken:
		return page.T("order.taken.lead", "wallet", o.Name)
	case offerLost:
		return page.T("order.lost.lead", "wallet", o.Name)
	default:
		return page.T("order.nothing.lead")
	}
}

// clock writes a time to go as minutes and seconds, or with hours before them.
func clock(left time.Duration) string {
	seconds := int(max(left, 0) / time.Second)
	if hours := seconds / 3600; hours > 0 {
		return fmt.Sprintf("%d:%02d:%02d", hours, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// isPretendWallet reports whether the address is a page of the sandbox's wallet.
func isPretendWallet(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && strings.HasPrefix(u.Path, "/sandbox/wallet/")
}

package sandbox

import (
	"errors"
	"net/http"
	"strings"

	"github.com/skip2/go-qrcode"
)

// walletPage is the pretend wallet.
type walletPage struct {
	Page
	Payment  Payment
	Price    string
	Merchant string
	Payable  bool
	Stay     bool   // the buyer stays here after paying, since the shop is open in another window
	Problem  string // the id of a text, or empty
	Back     string // where a link leads back to the shop, or empty
	Auto     bool   // the form back to the shop submits itself
}

// showWallet shows a payment to the buyer.
func (s *Sandbox) showWallet(w http.ResponseWriter, r *http.Request) {
	p, err := s.memory.findByID(r.PathValue("id"))
	if err != nil {
		s.render(w, http.StatusNotFound, "missing.html", s.pages.page(r, "wallet.missing"))
		return
	}
	if code := wrongApp(p, r.UserAgent()); code != 0 && r.FormValue("any_app") == "" {
		s.showWrongApp(w, r, p, code)
		return
	}
	s.renderWallet(w, r, http.StatusOK, s.open(p), "")
}

func (s *Sandbox) renderWallet(w http.ResponseWriter, r *http.Request, status int, p Payment, problem string) {
	setPolicy(w, p.ReturnURL)
	s.render(w, status, "wallet.html", s.walletPage(r, p, problem))
}

func (s *Sandbox) walletPage(r *http.Request, p Payment, problem string) walletPage {
	page := walletPage{
		Page:     s.pages.page(r, "wallet.title"),
		Payment:  p,
		Merchant: s.config.ScanForPay.PartnerNo,
		Payable:  p.Open() || s.lateAllowed(p),
		Stay:     r.FormValue("stay") != "",
		Problem:  problem,
	}
	page.Price = page.Money(p.Amount, p.Currency)
	if p.Gateway == Pass2Pay {
		page.Merchant = s.config.Pass2Pay.MchNo
		page.Back = s.signedReturn(p)
	}
	return page
}

// lateAllowed reports whether a fault lets the buyer pay although the payment is closed or failed.
func (s *Sandbox) lateAllowed(p Payment) bool {
	if p.State != Closed && p.State != Failed {
		return false
	}
	for _, f := range s.Faults() {
		if f.Gateway == p.Gateway && f.Kind == FaultLatePayment {
			return true
		}
	}
	return false
}

// useWallet does what the buyer chose, and sends the buyer back as the gateway does: ScanForPay
// by a form that posts the number, Pass2Pay by a redirect with signed parameters.
func (s *Sandbox) useWallet(w http.ResponseWriter, r *http.Request) {
	p, err := s.memory.findByID(r.PathValue("id"))
	if err != nil {
		s.render(w, http.StatusNotFound, "missing.html", s.pages.page(r, "wallet.missing"))
		return
	}
	action := Action(r.PostFormValue("action"))
	p, err = s.act(p, action, Notify(r.PostFormValue("notify")))
	switch {
	case errors.Is(err, ErrState):
		s.renderWallet(w, r, http.StatusConflict, p, "wallet.not_open")
	case err != nil:
		s.renderWallet(w, r, http.StatusBadRequest, p, "wallet.unknown_action")
	case action == Expire || r.PostFormValue("stay") != "" || p.ReturnURL == "":
		http.Redirect(w, r, "/sandbox/wallet/"+p.ID+"?stay=1&any_app=1", http.StatusSeeOther)
	case p.Gateway == Pass2Pay:
		setPolicy(w, p.ReturnURL)
		http.Redirect(w, r, s.signedReturn(p), http.StatusFound)
	default:
		page := s.walletPage(r, p, "")
		page.Auto = true
		setPolicy(w, p.ReturnURL)
		s.render(w, http.StatusOK, "return.html", page)
	}
}

// signedReturn is the address that Pass2Pay sends a buyer back to: returnUrl with the facts of
// the payment, a time and a signature. Empty when there is no returnUrl.
func (s *Sandbox) signedReturn(p Payment) string {
	if p.ReturnURL == "" {
		return ""
	}
	m := append(s.p2pFacts(p).withoutEmpty(), member{"reqTime", s.clock.now().UnixMilli()})
	m = append(m, member{"sign", signPass2Pay(m.params(), s.config.Pass2Pay.AppSecret)})
	separator := "?"
	if strings.Contains(p.ReturnURL, "?") {
		separator = "&"
	}
	return p.ReturnURL + separator + m.form()
}

// wrongApp returns ScanForPay's code for a JS API page that is opened outside the wallet that it
// is for, 0 when it is in the right place.
func wrongApp(p Payment, userAgent string) int64 {
	inWechat := strings.Contains(userAgent, "MicroMessenger")
	inAlipay := strings.Contains(userAgent, "AlipayClient") || strings.Contains(userAgent, "AliApp(AP")
	switch {
	case p.Method != "jspay":
		return 0
	case !inWechat && !inAlipay:
		return sfpWrongApp
	case p.Wallet == "alipay" && !inAlipay:
		return sfpUseAlipay
	case p.Wallet == "wechat" && !inWechat:
		return sfpUseWechat
	}
	return 0
}

// wrongAppPage says that the payment belongs into another app, and lets the curious go on.
type wrongAppPage struct {
	Page
	Code  int64
	Words string
	Path  string
}

func (s *Sandbox) showWrongApp(w http.ResponseWriter, r *http.Request, p Payment, code int64) {
	s.render(w, http.StatusOK, "wrong_app.html", wrongAppPage{
		Page: s.pages.page(r, "wallet.wrong_app"), Code: code, Words: sfpWords[code], Path: "/sandbox/wallet/" + p.ID,
	})
}

// showCode draws a payment's code as the picture that codeImgUrl names.
func (s *Sandbox) showCode(w http.ResponseWriter, r *http.Request) {
	id, isPNG := strings.CutSuffix(r.PathValue("file"), ".png")
	p, err := s.memory.findByID(id)
	if err != nil || !isPNG {
		http.NotFound(w, r)
		return
	}
	picture, err := qrcode.Encode(p.WalletURL, qrcode.Medium, 300)
	if err != nil {
		s.config.Log.Error("sandbox code picture failed", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(picture)
}

package pay

import (
	"slices"

	"saoma/models"
	"saoma/payments"
)

// This file is about one code for every wallet: a desktop shows the order page's own address, and
// the phone that scans it pays. That a phone is connected is no state of its own: it is a live
// attempt which was not made at a desktop.

// onPhone reports whether the attempt under way was made on a phone.
func (s standing) onPhone() bool {
	attempt := s.attempt()
	return attempt != nil && attempt.Scene != models.SceneDesktop
}

// at returns what the page is about on a device, where oneCode says whether that shows one code.
func (s standing) at(oneCode bool) state {
	state := s.state()
	switch {
	case oneCode && state == stateChoose:
		return stateScan
	case oneCode && state == stateWaiting && s.onPhone():
		return stateConnected
	default:
		return state
	}
}

// goesOn reports whether a phone goes on to pay without a press, since it has just scanned the code in
// the wallet that it is to pay with. It does so for the first attempt alone: who comes back from one,
// or after somebody else's, decides.
func (s standing) goesOn(routes payments.Routes, d payments.Device) bool {
	begunOnPhone := func(p models.Payment) bool { return p.Scene != models.SceneDesktop }
	return routes.OneCode() && d.Inside != "" && len(routes.Match(d.Inside, models.SceneWallet)) > 0 &&
		s.state() == stateChoose && !slices.ContainsFunc(s.order.Payments, begunOnPhone)
}

// offerOneCode returns the code with which a phone comes to this page.
func (page *orderPage) offerOneCode(s standing, routes payments.Routes) *offer {
	o := &offer{
		Kind:        offerCode,
		Instruction: page.T("order.scan.any"),
		Image:       page.Address + "/qr.svg?v=" + page.Version,
		Alt:         page.T("order.code.any", "amount", page.Amount),
		Folded:      page.State == stateConnected,
		ExpiresAt:   s.order.ExpiresAt.UTC(),
		Remaining:   clock(s.order.ExpiresAt.Sub(s.now)),
	}
	if o.Folded {
		o.Instruction = ""
	}
	for _, w := range models.Wallets {
		if len(routes.Match(w, models.SceneWallet))+len(routes.Match(w, models.ScenePhone)) > 0 {
			o.Takes = append(o.Takes, page.walletName(w))
		}
	}
	return o
}

package admin

import (
	"net/url"
	"strings"
	"testing"

	"saoma/models"
)

// TestMoneyOnAPersonsWord: what a member says became of some money is asked for where it is missing,
// keeps what was typed, and is to be seen for ever.
func TestMoneyOnAPersonsWord(t *testing.T) {
	s := newSold(t)
	member, boss := s.hire("finance@example.com", finance), s.in(owner)
	b := s.as(member)
	at := func(o *models.Order) string { return "/admin/orders/" + o.Number }
	act := func(o *models.Order, act string, form url.Values) answer {
		t.Helper()
		b.get(at(o))
		return b.post(at(o)+"/"+act, s.seen(o, form))
	}

	// A refund that hangs.
	r := s.refund(s.fulfilled, 1000, models.RefundPending)
	end := url.Values{"refund": {r.Number}, "through": {"no"}, "end_note": {"asked <b>them</b>"}}
	b.get(at(s.fulfilled)).check(t, "too early", 200, "", nil, []string{"refund/end"})
	act(s.fulfilled, "refund/end", end).check(t, "too early", 409, "", []string{"The refund is still under way"}, nil)
	s.later(models.RefundHangsAfter)
	b = s.as(member) // with a fresh proof
	b.get(home).check(t, "home", 200, "", []string{at(s.fulfilled) + "#end-" + r.Number}, nil)
	s.open(models.Incident{
		Kind: models.IncidentRefundStuck, Gateway: models.ScanForPay, OrderID: &s.fulfilled.ID, PaymentID: &s.read(s.fulfilled).Payments[0].ID, RefundID: &r.ID,
		Currency: "CNY", Amount: 1000, Detail: "no result", DedupKey: "no result",
	})
	b.get(incidentsAt+"?kind=refund_stuck").check(t, "incident", 200, "", []string{at(s.fulfilled) + "#end-" + r.Number}, nil)
	act(s.fulfilled, "refund/end", url.Values{"refund": {r.Number}, "through": {"yes"}}).check(t, "no note", 422, "", []string{"Please fill this in.", "end-error-" + r.Number}, nil)
	act(s.fulfilled, "refund/end", url.Values{"refund": {r.Number}, "through": {"perhaps"}, "end_note": {"typed"}}).check(t, "no answer", 400, "", nil, nil)
	act(s.paid, "refund/end", end).check(t, "of another order", 404, "", nil, nil)
	act(s.fulfilled, "refund/end", end).check(t, "end", 303, at(s.fulfilled), nil, nil)
	b.get(at(s.fulfilled)).check(t, "ended", 200, "", []string{
		"it did not go through, on your word", "Recorded by hand by finance@example.com", "Recorded how a refund ended", "asked &lt;b&gt;them&lt;/b&gt;",
	}, []string{"refund/end", "<b>them"})
	b.get(home).check(t, "home", 200, "", []string{"Refused refunds"}, []string{"#end-"})

	// Money that went back on the gateway's own pages.
	p := s.read(s.paid).PaidBy()
	s.open(models.Incident{
		Kind: models.IncidentConflict, Cause: models.CauseReturned, Gateway: p.Gateway, OrderID: &s.paid.ID, PaymentID: &p.ID, Number: p.Number,
		Currency: p.Currency, Amount: p.Amount, Detail: "went back", DedupKey: "went back",
	})
	page := b.get(at(s.paid))
	page.check(t, "went back", 200, "", []string{"#refund-" + p.Number, `name="elsewhere" value="1" checked`}, nil)
	boss.get(at(s.paid)).check(t, "cannot be sent", 200, "", []string{"The gateway contradicts what is recorded about the money."}, []string{`/fulfil"`})
	back := url.Values{"payment": {p.Number}, "refunded": {"0"}, "refund_reason": {"seen there"}, "elsewhere": {"1"}}
	back.Set("amount", "35.01")
	act(s.paid, "refund", back).check(t, "more than was paid", 422, "", []string{"That is more than is left to refund", `value="1" checked`}, nil)
	back.Set("amount", "35")
	act(s.paid, "refund", back).check(t, "write down", 303, at(s.paid), nil, nil)
	b.get(at(s.paid)).check(t, "written down", 200, "", []string{
		"is recorded as refunded, on your word", "Recorded by hand by finance@example.com", "Recorded a refund made elsewhere",
	}, []string{"#refund-"})

	// Money that never came.
	p = s.read(s.confirming).PaidBy()
	b.get(at(s.confirming)).check(t, "confirming", 200, "", []string{`id="off-` + p.Number, "Confirming"}, nil)
	act(s.confirming, "writeoff", url.Values{"payment": {p.Number}}).check(t, "no note", 422, "", []string{"Please fill this in.", "off-error-" + p.Number}, nil)
	off := url.Values{"payment": {p.Number}, "off_note": {"not in their list"}}
	act(s.paid, "writeoff", off).check(t, "of another order", 404, "", nil, nil)
	act(s.confirming, "writeoff", off).check(t, "write off", 303, at(s.confirming), nil, nil)
	b.get(at(s.confirming)).check(t, "written off", 200, "", []string{
		"Never paid", "finance@example.com wrote it off", "Wrote off a payment that never came", "not in their list", "There is nothing to send."}[:4],
		[]string{">Confirming<", "writeoff", "#refund-", ">Refunded<"})
	act(s.confirming, "writeoff", off).check(t, "again", 409, "", []string{"Somebody was faster"}, nil)
	s.later(models.ConfirmingAfter)
	if page := b.get(home).body; strings.Contains(page, s.confirming.Number) {
		t.Errorf("home still names %s", s.confirming.Number)
	}
	boss.get("/admin/goods/sku/pot").check(t, "on the shelf", 200, "", []string{"Back from an order: " + s.confirming.Number}, nil)
}

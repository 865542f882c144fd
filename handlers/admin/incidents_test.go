package admin

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"saoma/models"
)

var settlePath = regexp.MustCompile(`/admin/incidents/[0-9a-f-]+/settle`)

// open opens incidents, each a moment after the one before.
func (s *sold) open(all ...models.Incident) {
	s.t.Helper()
	err := s.store.Tx(context.Background(), func(tx *models.Tx) error {
		for _, i := range all {
			s.later(time.Millisecond)
			if _, err := tx.OpenIncident(i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// flood is so many messages about payments that the shop does not know.
func flood(many int) []models.Incident {
	all := make([]models.Incident, many)
	for i := range all {
		all[i] = models.Incident{
			Kind: models.IncidentUnknownOrder, Gateway: models.Pass2Pay, Number: fmt.Sprintf("FLOOD%04d", i),
			Currency: "CNY", Amount: 100, Detail: "a number that the shop does not know", DedupKey: fmt.Sprintf("flood/%d", i),
		}
	}
	return all
}

// TestEveryKindOfIncidentIsSettled: each kind is in the list with the acts that fit it, and can be
// settled there.
func TestEveryKindOfIncidentIsSettled(t *testing.T) {
	s := newSold(t)
	at := func(o *models.Order) string { return "/admin/orders/" + s.read(o).Number }
	pays := func(o *models.Order) *models.Payment { return &s.read(o).Payments[0] }
	s.pay(s.expired, true) // late
	about := map[models.IncidentKind]*models.Order{
		models.IncidentDuplicatePayment: s.paid, models.IncidentAmountMismatch: s.pending, models.IncidentCurrencyMismatch: s.pending,
		models.IncidentMerchantMismatch: s.pending, models.IncidentGatewayMismatch: s.pending, models.IncidentConflict: s.fulfilled,
		models.IncidentRefundStuck: s.paid, models.IncidentBadRedirect: s.pending,
	}
	for _, kind := range models.IncidentKinds() {
		i := models.Incident{Kind: kind, Gateway: models.ScanForPay, Currency: "CNY", Amount: 100, Detail: "about " + string(kind), DedupKey: string(kind)}
		o := about[kind]
		switch {
		case kind == models.IncidentLatePayment:
			continue // newSold has one
		case o == s.pending:
			i.OrderID = &o.ID
		case o != nil:
			i.OrderID, i.PaymentID = &o.ID, &pays(o).ID
		}
		s.open(i)
	}
	refund := func(o *models.Order) string { return at(o) + "#refund-" + pays(o).Number }
	offers := map[models.IncidentKind][]string{
		models.IncidentLatePayment:      {at(s.late) + "/revive", refund(s.late)},
		models.IncidentDuplicatePayment: {refund(s.paid)},
		models.IncidentRefundStuck:      {refund(s.paid)},
		models.IncidentConflict:         {at(s.fulfilled) + "/ask"},
		models.IncidentAmountMismatch:   {at(s.pending)},
		models.IncidentBadRedirect:      {at(s.pending)},
	}
	b := s.in(finance)
	for _, kind := range models.IncidentKinds() {
		list := incidentsAt + "?kind=" + string(kind)
		page := b.get(list)
		title := map[bool]string{true: "Paid too late", false: "about " + string(kind)}[kind == models.IncidentLatePayment]
		page.check(t, "list of "+string(kind), 200, "", append([]string{title}, offers[kind]...), nil)
		act := settlePath.FindString(page.body)
		if act == "" {
			t.Errorf("%s: nothing to settle it by in\n%s", kind, page.body)
			continue
		}
		for act != "" { // there are two late payments
			b.post(act, url.Values{"decision": {"looked into " + string(kind)}, "back": {list}}).check(t, "settle "+string(kind), 303, list, nil, nil)
			act = settlePath.FindString(b.get(list).body)
		}
		b.get(list).check(t, "open "+string(kind), 200, "", []string{"There are none of these."}, []string{"looked into"})
		b.get(list+"&state=resolved").check(t, "settled "+string(kind), 200, "", []string{"looked into " + string(kind)}, []string{"/settle"})
	}
	b.get(incidentsAt).check(t, "none open", 200, "", []string{"No incidents are open."}, nil)
	b.get("/admin").check(t, "home", 200, "", nil, []string{`id="incidents"`})
}

// TestIncidentsSayWhichMoney: what was named and what was asked for stand in the reader's words.
func TestIncidentsSayWhichMoney(t *testing.T) {
	s := newSold(t)
	p := s.read(s.paid).PaidBy() // of 35.00
	for currency, kind := range map[string]models.IncidentKind{"CNY": models.IncidentAmountMismatch, "HKD": models.IncidentCurrencyMismatch, "XXX": models.IncidentCurrencyMismatch} {
		s.open(models.Incident{
			Kind: kind, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, Number: p.Number,
			Currency: currency, Amount: 3501, Detail: "the message says 3501", DedupKey: currency,
		})
	}
	b := s.in(owner)
	pages := []string{home, incidentsAt, "/admin/orders/" + s.paid.Number}
	for _, at := range pages {
		b.get(at).check(t, at, 200, "", []string{
			"The gateway says CN¥35.01, and the shop asked for CN¥35.00.", "The gateway says HK$35.01,", "The gateway says XXX,",
		}, nil)
	}
	b.get(incidentsAt).check(t, "in the list", 200, "", nil, []string{"the message says"})
	b.get(home + "?lang=zh-Hans")
	for _, at := range pages {
		b.get(at).check(t, at+" in Chinese", 200, "", []string{"通道报告的是 ¥35.01，商店请求的是 ¥35.00。"}, nil)
	}
}

// TestWhatMayBeDone: each incident says what is true of it, and offers nothing that would be refused.
func TestWhatMayBeDone(t *testing.T) {
	s := newSold(t)
	s.pay(s.expired, true) // late
	id := func(o *models.Order) *string { return &s.read(o).Payments[0].ID }
	money := func(kind models.IncidentKind, o *models.Order, cause string) models.Incident {
		return models.Incident{
			Kind: kind, Cause: cause, Gateway: models.ScanForPay, OrderID: &o.ID, PaymentID: id(o), Number: "N",
			Currency: "CNY", Amount: 100, Detail: "about " + cause, DedupKey: string(kind) + cause,
		}
	}
	revive, refund, ask := `/revive"`, `#refund-`, `/ask"`
	b := s.in(finance)
	look := func(what string, kind models.IncidentKind, o *models.Order, want, absent []string) {
		t.Helper()
		b.get(incidentsAt+"?kind="+string(kind)).check(t, what+", in the list", 200, "", want, absent)
		page := b.get("/admin/orders/" + s.read(o).Number)
		begin, end := strings.Index(page.body, `aria-labelledby="incidents"`), strings.Index(page.body, `aria-labelledby="acts"`)
		page.body = page.body[max(begin, 0):end]
		page.check(t, what+", with the order", 200, "", want, absent)
	}
	settle := func(kind models.IncidentKind) {
		t.Helper()
		list := incidentsAt + "?kind=" + string(kind)
		for act := settlePath.FindString(b.get(list).body); act != ""; act = settlePath.FindString(b.get(list).body) {
			b.post(act, url.Values{"decision": {"x"}, "back": {list}})
		}
	}
	giveBack := func(o *models.Order, minor int64) {
		t.Helper()
		err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
			locked, err := tx.LockOrder(o.ID)
			if err != nil {
				return err
			}
			p := &locked.Payments[0]
			return tx.AddRefund(locked, p, &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(tx.Now()), Amount: minor, Reason: "test"})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for cause, want := range map[string]string{
		"": "Ask the gateway now, and look", models.CauseDenied: "Ask the gateway again; if it says the same", models.CauseReturned: "says that money went back",
		models.CauseRenamed: "this payment a different number from before", models.CauseShared: "to this payment and to another one of yours",
		models.CauseDecided: "and the gateway says otherwise", models.CauseCame: "that the money came after all",
		models.CauseUnexplained: "a state that the shop does not know",
	} {
		s.open(money(models.IncidentConflict, s.fulfilled, cause))
		look("conflict "+cause, models.IncidentConflict, s.fulfilled, []string{want, "Ask the gateway now", ask}, []string{revive})
		if cause == models.CauseReturned {
			look("money that went back", models.IncidentConflict, s.fulfilled, []string{refund, "Record the refund"}, nil)
		} else {
			look("no money went back", models.IncidentConflict, s.fulfilled, nil, []string{refund})
		}
		settle(models.IncidentConflict)
	}
	settle(models.IncidentLatePayment)
	s.open(money(models.IncidentLatePayment, s.expired, ""))
	look("late money", models.IncidentLatePayment, s.expired, []string{"Use it to pay the order if", revive, refund}, []string{ask})
	amount := s.read(s.expired).Amount
	giveBack(s.expired, 100)
	look("late money, of which some goes back", models.IncidentLatePayment, s.expired, []string{"Use it to pay the order if", refund}, []string{ask, revive})
	giveBack(s.expired, amount-100)
	look("late money, which all goes back", models.IncidentLatePayment, s.expired, []string{"All of it is being refunded."}, []string{ask, revive, refund})
	s.open(money(models.IncidentDuplicatePayment, s.paid, ""), money(models.IncidentRefundStuck, s.paid, ""))
	look("a second payment", models.IncidentDuplicatePayment, s.paid, []string{"Refund this second payment.", refund}, []string{ask, revive})
	look("a refund that was refused", models.IncidentRefundStuck, s.paid, []string{"or again here", refund}, []string{ask, revive})
	giveBack(s.paid, s.read(s.paid).Amount)
	look("a second payment, which goes back", models.IncidentDuplicatePayment, s.paid, []string{"All of it is being refunded."}, []string{"Refund this second"})
	settle(models.IncidentDuplicatePayment)
	look("a refund without a result", models.IncidentRefundStuck, s.paid, []string{"has not said that the money is back", "keeps asking"}, []string{ask, revive, refund, "again here"})
}

// TestFloodOfIncidents: however many there are, pages stay short, and each incident can be come to.
func TestFloodOfIncidents(t *testing.T) {
	s := newSold(t)
	const many = 3*incidentPieces + 5
	s.open(flood(many)...)
	b := s.in(readOnly)
	home := b.get("/admin")
	home.check(t, "home", 200, "", []string{"Paid too late", "FLOOD0000", fmt.Sprintf("%d incidents", many+1), incidentsAt}, nil)
	if n := strings.Count(home.body, "<article"); n != models.AttentionRows {
		t.Errorf("home: got %d incidents, want %d", n, models.AttentionRows)
	}
	seen := map[string]bool{}
	next, pages := incidentsAt, 0
	for ; next != ""; pages++ {
		page := b.get(next)
		found := regexp.MustCompile(`FLOOD\d+`).FindAllString(page.body, -1)
		if len(found) > incidentPieces || pages > many {
			t.Fatalf("page %d: got %d incidents, want at most %d", pages, len(found), incidentPieces)
		}
		for _, number := range found {
			if seen[number] {
				t.Errorf("%s is on two pages", number)
			}
			seen[number] = true
		}
		next = ""
		if link := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(page.body); link != nil {
			next = strings.ReplaceAll(link[1], "&amp;", "&")
		}
	}
	if len(seen) != many || pages != 4 {
		t.Errorf("got %d incidents on %d pages, want all %d on 4", len(seen), pages, many)
	}
	b.get(incidentsAt+"?before=nothing&state=x&kind=y").check(t, "an address that means nothing", 200, "",
		[]string{fmt.Sprintf("%d incidents", many+1), fmt.Sprintf("FLOOD%04d", many-1)}, []string{"/settle"})
	b.get(incidentsAt+"?kind=late_payment").check(t, "one kind", 200, "", []string{"1 incident<", "Paid too late"}, []string{"FLOOD"})
	b.get(incidentsAt+"?state=all").check(t, "all", 200, "", []string{fmt.Sprintf("%d incidents", many+1)}, nil)
}

// TestSettleAfterARefusedAct: the page of an order leads back to it, also where it answers an act.
func TestSettleAfterARefusedAct(t *testing.T) {
	s := newSold(t)
	b, at := s.in(owner), "/admin/orders/"+s.late.Number
	settle := settlePath.FindString(b.get(at + "?state=expired").body)
	refused := b.post(at+"/cancel?state=expired", url.Values{"cancel_reason": {"late"}})
	refused.check(t, "cancel", 409, "", []string{"Somebody was faster"}, nil)
	b.post(settle, with(refused.hidden(settle), url.Values{"decision": {"kept"}})).check(t, "settle", 303, at+"?state=expired", nil, nil)
}

// TestSettleKeepsWhatWasTyped: a decision that is refused comes back with its incident.
func TestSettleKeepsWhatWasTyped(t *testing.T) {
	s := newSold(t)
	b := s.in(owner)
	long := strings.Repeat("é", 901)
	act := settlePath.FindString(b.get(incidentsAt).body)
	b.post(act, url.Values{"decision": {long}, "back": {incidentsAt + "?state=all"}}).check(t, "too long", 422, "",
		[]string{long, "Paid too late", `value="/admin/incidents?state=all"`, `aria-describedby="decision-error"`}, nil)
}

package admin

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/scanforpay"
)

// sold is a desk whose shop has orders in every state.
type sold struct {
	*desk
	pending, paid, confirming, fulfilled, expired, late *models.Order
}

func newSold(t *testing.T) *sold {
	t.Helper()
	return newSoldAt(t, time.Now())
}

// newSoldAt is one whose last order came six minutes after the time.
func newSoldAt(t *testing.T, now time.Time) *sold {
	t.Helper()
	return newSoldOn(t, newDesk(t), now)
}

func newSoldOn(t *testing.T, d *desk, now time.Time) *sold {
	t.Helper()
	s := &sold{desk: d}
	s.later(now.Sub(s.clock()))
	modelstest.Product(t, s.store, "cup", 2500, 100)
	modelstest.Product(t, s.store, "pot", 9900, 4)
	s.pending = s.order("Ada Wong", "cup", 2)
	s.paid = s.order("Bob <b>Lee</b>", "cup", 1)
	s.pay(s.paid, true)
	s.confirming = s.order("王小明", "pot", 1)
	s.pay(s.confirming, false)
	s.fulfilled = s.order("=cmd()", "cup", 3)
	s.pay(s.fulfilled, true)
	if err := s.store.Fulfil(context.Background(), s.fulfilled.Number, models.Dispatch{Carrier: "SF", Tracking: "SF1"}, models.CommandLine()); err != nil {
		t.Fatal(err)
	}
	s.expired = s.order("Eve", "cup", 1)
	s.end(s.expired)
	s.late = s.order("Lea", "cup", 1)
	s.end(s.late)
	s.pay(s.late, true)
	return s
}

func (s *sold) order(name, sku string, pieces int64) *models.Order {
	s.t.Helper()
	s.later(time.Minute)
	draft := modelstest.Draft(sku, pieces)
	draft.Buyer.Name, draft.CustomerID = name, models.NewToken()
	o, err := s.store.PlaceOrder(context.Background(), draft)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// end lets the order expire.
func (s *sold) end(o *models.Order) {
	s.t.Helper()
	err := s.store.Tx(context.Background(), func(tx *models.Tx) error {
		o, err := tx.LockOrder(o.ID)
		if err == nil {
			_, err = tx.CloseOrder(o, models.OrderExpired)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// pay records money for the order, as the payments service would; on an order that has ended it is
// an incident.
func (s *sold) pay(o *models.Order, confirmed bool) *models.Payment {
	s.t.Helper()
	now := s.clock()
	p := &models.Payment{
		ID: models.NewID(), OrderID: o.ID, Number: models.NewPaymentNumber(now), Gateway: models.ScanForPay, Method: "qrcode",
		Wallet: models.Alipay, Status: models.PaymentCreated, Currency: o.Currency, Amount: o.Amount, CreatedAt: now,
	}
	err := s.store.Tx(context.Background(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		p := *p
		if err := tx.AddPayment(&p); err != nil {
			return err
		}
		change := models.PaymentChange{Reference: "G" + p.Number}
		if confirmed {
			change.ConfirmedAt = tx.Now()
		}
		if _, err := tx.MovePayment(&p, models.PaymentSucceeded, change); err != nil {
			return err
		}
		err = tx.AddEvidence(locked, models.Evidence{
			PaymentID: &p.ID, Gateway: p.Gateway, Direction: models.Received, Operation: "notification",
			Response: []byte(`{"raw":"<script>alert(1)</script>"}`), Verdict: "accepted", Rule: "verified success",
		})
		if err != nil {
			return err
		}
		if locked.Status == models.OrderPending {
			_, err = tx.MarkPaid(locked, &p)
			return err
		}
		_, err = tx.OpenIncident(models.Incident{
			Kind: models.IncidentLatePayment, Gateway: p.Gateway, OrderID: &o.ID, PaymentID: &p.ID, Number: p.Number,
			Currency: p.Currency, Amount: p.Amount, Detail: "paid after the order was expired", DedupKey: p.Number,
		})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *sold) read(o *models.Order) *models.Order {
	s.t.Helper()
	fresh, err := s.store.OrderByID(context.Background(), o.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return fresh
}

// seen is a form of the order's page as it is now.
func (s *sold) seen(o *models.Order, form url.Values) url.Values {
	s.t.Helper()
	return with(form, url.Values{"seen": {string(s.read(o).Status)}})
}

func (s *sold) in(role models.Role) *browser { return s.as(s.hire(string(role)+"@example.com", role)) }

var numberPattern = regexp.MustCompile(`href="/admin/orders/([0-9]{6}-[A-Z2-7]{8})`)

// numbers are the orders that a page lists, in its order.
func numbers(page answer) []string {
	var all []string
	for _, found := range numberPattern.FindAllStringSubmatch(page.body, -1) {
		all = append(all, found[1])
	}
	return all
}

func TestOrdersPage(t *testing.T) {
	s := newSold(t)
	s.refund(s.paid, 100, models.RefundPending)
	s.refund(s.fulfilled, 100, models.RefundSucceeded)
	s.refund(s.confirming, 100, models.RefundFailed)
	b := s.in(readOnly)
	day := s.clock().UTC().Format(dayFormat)
	tomorrow := s.clock().UTC().AddDate(0, 0, 1).Format(dayFormat)
	for _, tt := range []struct {
		query string
		want  []*models.Order
	}{
		{"", []*models.Order{s.late, s.expired, s.fulfilled, s.confirming, s.paid, s.pending}},
		{"?q=wong", []*models.Order{s.pending}},
		{"?q=" + s.paid.Number, []*models.Order{s.paid}},
		{"?q=cup&state=paid", []*models.Order{s.paid}},
		{"?state=expired", []*models.Order{s.late, s.expired}},
		{"?gateway=scanforpay", []*models.Order{s.fulfilled, s.confirming, s.paid}},
		{"?wallet=alipay&product=pot", []*models.Order{s.confirming}},
		{"?only=unconfirmed", []*models.Order{s.confirming}},
		{"?only=incident", []*models.Order{s.late, s.confirming}},
		{"?only=incident&state=paid", []*models.Order{s.confirming}},
		{"?only=refunded", []*models.Order{s.fulfilled, s.paid}},
		{"?only=refunded&q=bob", []*models.Order{s.paid}},
		{"?only=nonsense&state=pending", []*models.Order{s.pending}},
		{"?when=last_month&state=expired", nil},
		{"?from=" + tomorrow, nil},
		{"?to=" + day + "&state=pending", []*models.Order{s.pending}},
		{"?state=nonsense", nil},
		{"?from=nonsense&when=nonsense&state=pending", []*models.Order{s.pending}},
		{"?q=" + strings.Repeat("x", 500) + "&state=pending", nil},
	} {
		page := b.get("/admin/orders" + tt.query)
		var want []string
		for _, o := range tt.want {
			want = append(want, o.Number)
		}
		if diff := cmp.Diff(want, numbers(page)); page.status != 200 || diff != "" {
			t.Errorf("%s: got %d (-want +got):\n%s", tt.query, page.status, diff)
		}
	}
	for query, want := range map[string]string{
		"?from=0001-01-01": `id="from-error"`, "?to=9999-12-31": `id="to-error"`, "?from=x": `id="from-error"`,
		"?from=" + tomorrow + "&to=" + day: `The last day comes before the first`,
	} {
		b.get("/admin/orders"+query).check(t, query, 200, "", []string{want, `aria-invalid="true"`}, nil)
	}
	b.get("/admin/orders?q=%22%3E%3Cscript%3E").check(t, "hostile search", 200, "",
		[]string{`value="&#34;&gt;&lt;script&gt;"`, "No orders match."}, []string{`"><script>`})
	b.get("/admin/orders").check(t, "list", 200, "",
		[]string{"6 orders", "Bob &lt;b&gt;Lee", "Confirming", "1 incident", "Alipay · ScanForPay"}[:1], []string{"<b>Lee", "orders.csv"})
}

func TestOrdersPageInParts(t *testing.T) {
	s := newSold(t)
	for i := range orderRows {
		s.order(fmt.Sprintf("Buyer %d", i), "cup", 1)
	}
	b := s.in(orders)
	first := b.get("/admin/orders?q=cup")
	older := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(first.body)
	if len(numbers(first)) != orderRows || older == nil || strings.Contains(first.body, `rel="prev"`) {
		t.Fatalf("the first page lists %d orders, and leads on to %v", len(numbers(first)), older)
	}
	second := b.get(strings.ReplaceAll(older[1], "&amp;", "&"))
	newer := regexp.MustCompile(`href="([^"]+)" rel="prev"`).FindStringSubmatch(second.body)
	if len(numbers(second)) != 5 || newer == nil || strings.Contains(second.body, `rel="next"`) || !strings.Contains(newer[1], "q=cup") {
		t.Errorf("the second page lists %d orders, and leads back to %v", len(numbers(second)), newer)
	}
	again := b.get(strings.ReplaceAll(newer[1], "&amp;", "&"))
	if diff := cmp.Diff(numbers(first), numbers(again)); diff != "" {
		t.Errorf("there and back (-first +again):\n%s", diff)
	}
}

func TestOrderPage(t *testing.T) {
	s := newSold(t)
	b := s.in(owner)
	for _, tt := range []struct {
		name         string
		order        *models.Order
		want, absent []string
	}{
		{"pending", s.pending, []string{"Waiting for payment", "Ada Wong", "Cancel the order", "Mark as paid by hand"}, []string{"Mark as sent", `id="refund-`}},
		{"paid", s.paid, []string{"Bob &lt;b&gt;Lee", "Mark as sent", `id="refund-`, "notified us", "&lt;script&gt;alert"}, []string{"<script>alert", "<b>Lee", "Cancel the order", "Mark as paid by hand"}},
		{"confirming", s.confirming, []string{"Confirming", "The payment is not confirmed yet. The order can be sent"}, []string{`/fulfil"`}},
		{"fulfilled", s.fulfilled, []string{"SF1", "Correct the tracking number"}, []string{`/fulfil"`, `/cancel"`}},
		{"expired", s.expired, []string{"Expired", "Mark as paid by hand"}, []string{`id="refund-`}},
		{"late", s.late, []string{"Paid too late", "Use it to pay the order", `id="refund-`, "Settle"}, nil},
	} {
		b.get("/admin/orders/"+tt.order.Number).check(t, tt.name, 200, "", tt.want, tt.absent)
		b.get("/admin/orders/"+tt.order.Number+"/slip").check(t, tt.name+" slip", 200, "", []string{"Packing slip", tt.order.Number}, []string{"¥", "CN¥"})
	}
	b.get("/admin/orders/NONE").check(t, "unknown", 404, "", nil, nil)

	looker := s.in(readOnly).get("/admin/orders/" + s.late.Number)
	looker.check(t, "who only looks", 200, "", []string{"Paid too late"}, []string{"/refund\"", "/revive\"", "/settle\"", "/note\"", "/paid\"", "/ask\""})
}

// The slip of an order that must not be sent says so, and why.
func TestSlipSaysWhatMustNotBeSent(t *testing.T) {
	s := newSold(t)
	b := s.in(orders)
	canceled := s.order("Kim", "cup", 1)
	b.post("/admin/orders/"+canceled.Number+"/cancel", nil)
	for _, tt := range []struct {
		name  string
		order *models.Order
		want  string
	}{
		{"pending", s.pending, "Not paid. Status: Waiting for payment."},
		{"expired", s.expired, "Not paid. Status: Expired."},
		{"canceled", canceled, "Not paid. Status: Cancelled."},
		{"confirming", s.confirming, "The payment is not confirmed yet."},
		{"paid", s.paid, ""},
		{"fulfilled", s.fulfilled, ""},
	} {
		slip := b.get("/admin/orders/" + tt.order.Number + "/slip")
		if told := strings.Contains(slip.body, "Do not send"); told != (tt.want != "") || !strings.Contains(slip.body, tt.want) {
			t.Errorf("%s: got told %t, want %q in\n%s", tt.name, told, tt.want, slip.body)
		}
	}
}

func TestNeighboursOnOrderPage(t *testing.T) {
	s := newSold(t)
	page := s.in(readOnly).get("/admin/orders/" + s.fulfilled.Number + "?q=cup")
	for rel, want := range map[string]*models.Order{"prev": s.expired, "next": s.paid} {
		if link := fmt.Sprintf(`<a href="/admin/orders/%s?q=cup" rel="%s">`, want.Number, rel); !strings.Contains(page.body, link) {
			t.Errorf("got no link %s", link)
		}
	}
}

func TestActsOnOrders(t *testing.T) {
	s := newSold(t)
	b := s.in(owner)
	act := func(o *models.Order, act string, form url.Values) answer {
		t.Helper()
		b.get("/admin/orders/" + o.Number)
		return b.post("/admin/orders/"+o.Number+"/"+act, s.seen(o, form))
	}
	at := func(o *models.Order) string { return "/admin/orders/" + o.Number }
	told := func(o *models.Order, what string) {
		t.Helper()
		b.get(at(o)).check(t, "told", 200, "", []string{what}, nil)
	}

	form := b.get(at(s.paid)).hidden(at(s.paid) + "/note")
	for range 2 { // pressed twice
		b.post(at(s.paid)+"/note", with(form, url.Values{"text": {"  <i>called</i> the buyer "}})).check(t, "note", 303, at(s.paid), nil, nil)
	}
	b.get(at(s.paid)).check(t, "note kept", 200, "", []string{"The note is saved.", "&lt;i&gt;called&lt;/i&gt; the buyer", "owner@example.com"}, nil)
	if n := strings.Count(b.get(at(s.paid)).body, "the buyer<"); n != 1 {
		t.Errorf("a note that was sent twice: got it %d times, want once", n)
	}
	b.post(at(s.paid)+"/note", with(form, url.Values{"text": {"something else"}})).check(t, "another note in the same form", 409, "",
		[]string{"This form was already sent", ">something else</textarea>"}, nil)
	act(s.paid, "note", url.Values{"text": {"of no page"}}).check(t, "note of no page", 403, "", nil, nil)
	act(s.paid, "note", url.Values{"text": {" "}}).check(t, "empty note", 422, "", []string{"Please fill this in."}, nil)
	act(s.paid, "note", url.Values{"text": {strings.Repeat("x", maxNote+1)}}).check(t, "long note", 422, "", []string{"This is too long."}, nil)

	act(s.paid, "fulfil", url.Values{"carrier": {"SF Express"}, "tracking": {"SF77"}}).check(t, "fulfil", 303, at(s.paid), nil, nil)
	told(s.paid, "The order is marked as sent.")
	if got := s.read(s.paid); got.Status != models.OrderFulfilled || got.Tracking != "SF77" {
		t.Errorf("got %s by %q, want it fulfilled by SF77", got.Status, got.Tracking)
	}
	act(s.paid, "fulfil", url.Values{"tracking": {"SF78"}}).check(t, "fulfil again", 409, "", []string{"Somebody was faster", "SF77"}, nil)
	act(s.confirming, "fulfil", url.Values{"tracking": {"SF79"}}).check(t, "fulfil unconfirmed", 409, "", []string{"The payment is not confirmed yet"}, nil)
	act(s.paid, "dispatch", url.Values{"seen_carrier": {"SF Express"}, "seen_tracking": {"SF77"}, "tracking": {"SF80"}}).check(t, "dispatch", 303, at(s.paid), nil, nil)
	act(s.paid, "dispatch", url.Values{"seen_carrier": {"SF Express"}, "seen_tracking": {"SF77"}, "tracking": {"SF81"}}).check(t, "dispatch of old", 409, "", []string{"SF81", "SF80"}, nil)

	act(s.pending, "cancel", url.Values{"cancel_reason": {"not wanted"}}).check(t, "cancel", 303, at(s.pending), nil, nil)
	told(s.pending, "The order is cancelled.")
	act(s.pending, "cancel", nil).check(t, "cancel again", 409, "", []string{"Somebody was faster", "Last action on this order: Cancelled an order, owner@example.com, "}, nil)

	act(s.expired, "paid", url.Values{"reference": {"BANK 1"}, "paid_note": {"seen"}, "confirm": {"261121-WRONG"}}).check(t, "mark paid, wrong number", 422, "",
		[]string{"This is not the number of this order.", `value="BANK 1"`, ">seen</textarea>"}, nil)
	act(s.expired, "paid", url.Values{"reference": {"BANK 1"}, "paid_note": {"seen"}, "confirm": {strings.ToLower(s.expired.Number)}}).check(t, "mark paid", 303, at(s.expired), nil, nil)
	b.get(at(s.expired)).check(t, "marked", 200, "", []string{"Paid on the word of owner@example.com", "Marked by hand", "BANK 1", "The time to pay ran out"}, nil)
	act(s.expired, "paid", url.Values{"reference": {"BANK 2"}, "paid_note": {"seen"}, "confirm": {s.expired.Number}}).check(t, "mark paid again", 409, "", []string{"Somebody was faster"}, nil)

	late := s.read(s.late).Payments[0].Number
	act(s.late, "revive", url.Values{"payment": {s.read(s.paid).Payments[0].Number}}).check(t, "revive by another's money", 404, "", nil, nil)
	act(s.late, "revive", url.Values{"payment": {late}}).check(t, "revive", 303, at(s.late), nil, nil)
	if got := s.read(s.late); got.Status != models.OrderPaid {
		t.Errorf("got %s, want it revived", got.Status)
	}
	b.post(at(s.late)+"/note", with(b.get(at(s.late)).hidden(at(s.late)+"/note"), url.Values{"text": {"revived"}})).check(t, "note", 303, at(s.late), nil, nil)
	act(s.late, "revive", url.Values{"payment": {late}}).check(t, "revive again", 409, "",
		[]string{"Somebody was faster", "Last action on this order: Paid an order with a late payment, owner@example.com, "}, nil)

	act(s.confirming, "ask", nil).check(t, "ask a gateway that is not in use", 503, "", []string{"The gateway is not answering"}, []string{"The gateway was asked."})
	byHand := models.Incident{Kind: models.IncidentConflict, OrderID: &s.expired.ID, DedupKey: "conflict", Detail: "doubts"}
	s.open(byHand)
	b.get(at(s.expired)).check(t, "no gateway knows of it", 200, "", []string{"doubts"}, []string{at(s.expired) + `/ask"`})
}

// What is written at the desk holds no control characters; notes keep their lines.
func TestActsTakeNoControlCharacters(t *testing.T) {
	s := newSold(t)
	b := s.in(owner)
	at := "/admin/orders/" + s.paid.Number
	b.get(at)
	b.post(at+"/fulfil", url.Values{"carrier": {"SF\r\nExpress"}, "tracking": {"SF\x0077\t8"}}).check(t, "fulfil", 303, at, nil, nil)
	if got := s.read(s.paid).Dispatch(); got != (models.Dispatch{Carrier: "SF Express", Tracking: "SF77 8"}) {
		t.Errorf("got %q", got)
	}
	page := b.get(at)
	b.post(at+"/note", with(page.hidden(at+"/note"), url.Values{"text": {"one\r\ntwo\x00"}})).check(t, "note", 303, at, nil, nil)
	b.get(at).check(t, "note", 200, "", []string{">one\ntwo<"}, []string{"\ufffd"})
	file := b.get("/admin/orders.csv").body
	if strings.ContainsAny(file, "\x00\t") || !strings.Contains(file, ",SF Express,SF77 8\n") {
		t.Errorf("export: got %q", file)
	}
	at = "/admin/orders/" + s.expired.Number
	b.get(at)
	form := url.Values{"reference": {"BANK\n1\x00"}, "paid_note": {"seen\r\nthere"}, "confirm": {"\x00" + s.expired.Number}}
	b.post(at+"/paid", s.seen(s.expired, form)).check(t, "mark paid", 303, at, nil, nil)
	if got := s.read(s.expired).PaidBy().Reference; got == nil || *got != "BANK 1" {
		t.Errorf("reference: got %v, want BANK 1", got)
	}
}

// What is decided on a page that shows the order in another status than it has by now is not done: the
// page says so as the order is now, with all that was typed, and the same form of that page does it.
func TestOrderMovedMeanwhile(t *testing.T) {
	s := newSold(t)
	a, b := s.in(finance), s.in(owner)
	at := func(o *models.Order) string { return "/admin/orders/" + o.Number }
	// stale sends the form of a page that was opened before something happened to the order, and then that
	// of the page with the refusal.
	stale := func(o *models.Order, act string, form url.Values, meanwhile func(), want []string, again int) {
		t.Helper()
		address := at(o) + "/" + act
		seen := a.get(at(o)).hidden(address)
		meanwhile()
		before := s.read(o)
		refused := a.post(address, with(seen, form))
		refused.check(t, act, 409, "", append([]string{"Somebody was faster"}, want...), nil)
		if now := s.read(o); now.Status != before.Status || now.EvidenceSeq != before.EvidenceSeq {
			t.Errorf("%s on an old page: got the order %s, want that nothing happened to it", act, now.Status)
		}
		if got := a.post(address, with(refused.hidden(address), form)); got.status != again {
			t.Errorf("%s on the page with the refusal: got %v, want %d", act, got, again)
		}
	}
	must := func(got answer) {
		t.Helper()
		if got.status != 303 {
			t.Fatalf("got %v\n%s", got, got.body)
		}
	}

	stale(s.paid, "refund", url.Values{"all": {"1"}, "restock": {"1"}, "refund_reason": {"not wanted"}}, func() {
		b.get(at(s.paid))
		must(b.post(at(s.paid)+"/fulfil", url.Values{"tracking": {"SF1"}}))
	}, []string{`value="not wanted"`, `name="restock" value="1" checked`, ">Sent<"}, 303)

	stale(s.late, "refund", url.Values{"all": {"1"}, "refund_reason": {"too late"}}, func() {
		form := b.get(home).hidden(at(s.late) + "/revive")
		must(b.post(at(s.late)+"/revive", form))
	}, []string{`value="too late"`, "Paid an order with a late payment, owner@example.com, "}, 303)

	stale(s.pending, "paid", url.Values{"reference": {"BANK 1"}, "paid_note": {"seen"}, "confirm": {s.pending.Number}}, func() {
		b.get(at(s.pending))
		must(b.post(at(s.pending)+"/cancel", nil))
	}, []string{`value="BANK 1"`, ">seen</textarea>", ">Cancelled<"}, 303)

	unproven := s.order("Eve", "cup", 1)
	s.end(unproven)
	s.pay(unproven, false)
	stale(unproven, "writeoff", url.Values{"off_note": {"not there"}}, func() {
		must(b.post(at(unproven)+"/revive", b.get(at(unproven)).hidden(at(unproven)+"/revive")))
	}, []string{">not there</textarea>"}, 303)

	revivable := s.order("Kim", "cup", 1)
	s.end(revivable)
	s.pay(revivable, true)
	seen := a.get(at(revivable)).hidden(at(revivable) + "/revive")
	a.post(at(revivable)+"/revive", with(seen, url.Values{"seen": {"pending"}})).check(t, "revive", 409, "", []string{"Somebody was faster"}, nil)
	a.post(at(revivable)+"/revive", seen).check(t, "revive", 303, at(revivable), nil, nil)
}

// What cannot be done for want of a gateway's answer, or of stock, is said in words for staff, and
// nothing is changed.
func TestActsThatCannotBeDone(t *testing.T) {
	s := newSold(t)
	b := s.in(owner)
	now := s.clock()
	err := s.store.Tx(context.Background(), func(tx *models.Tx) error {
		return tx.AddPayment(&models.Payment{
			ID: models.NewID(), OrderID: s.pending.ID, Number: "P1", Gateway: models.Pass2Pay, Status: models.PaymentCreated,
			Currency: "CNY", Amount: s.pending.Amount, CreatedAt: now, ExpiresAt: s.pending.ExpiresAt, WatchUntil: s.pending.ExpiresAt, CheckAt: &now,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	at := "/admin/orders/" + s.pending.Number
	b.get(at)
	b.post(at+"/ask", nil).check(t, "ask", 503, "", []string{"The gateway is not answering", "P1"}, nil)
	b.post(at+"/cancel", url.Values{"cancel_reason": {"no <reply>"}}).check(t, "cancel", 503, "",
		[]string{"Nobody knows yet whether the buyer has paid", `value="no &lt;reply&gt;"`}, nil)
	b.post(at+"/paid", s.seen(s.pending, url.Values{"reference": {"BANK 3"}, "paid_note": {"seen"}, "confirm": {s.pending.Number}})).check(t, "mark paid", 503, "",
		[]string{"Nobody knows yet whether the buyer has paid", `value="BANK 3"`}, nil)
	if got := s.read(s.pending); got.Status != models.OrderPending {
		t.Errorf("got %s, want it pending", got.Status)
	}

	modelstest.Product(t, s.store, "cup", 2500, 0)
	at = "/admin/orders/" + s.expired.Number
	b.get(at)
	b.post(at+"/paid", s.seen(s.expired, url.Values{"reference": {"BANK 4"}, "paid_note": {"seen"}, "confirm": {s.expired.Number}})).check(t, "mark paid without stock", 409, "",
		[]string{"There is not enough stock left", `value="BANK 4"`}, nil)
}

func TestRefundOnOrderPage(t *testing.T) {
	s := newSold(t)
	b := s.in(finance)
	o := s.read(s.fulfilled) // three cups and the shipping, 25.00 each and 10.00
	p := o.PaidBy()
	at := "/admin/orders/" + o.Number
	refund := func(form url.Values) answer {
		t.Helper()
		b.get(at)
		form.Set("payment", p.Number)
		return b.post(at+"/refund", s.seen(o, form))
	}
	atPieces := []string{"There are not that many.", `<a href="#pieces_0">Product cup</a>`, `aria-invalid="true" aria-describedby="pieces_0-error"`, `id="pieces_0-error"`}
	for _, tt := range []struct {
		name string
		form url.Values
		want []string
	}{
		{"nothing", url.Values{"refunded": {"0"}, "refund_reason": {"why"}}, []string{"Choose items, or type an amount.", `value="why"`, `<a href="#amount-` + p.Number + `">`}},
		{"no reason", url.Values{"refunded": {"0"}, "amount": {"1.50"}}, []string{"Please fill this in.", `value="1.50"`, `<a href="#reason-` + p.Number + `">`}},
		{"no amount", url.Values{"refunded": {"0"}, "amount": {"-1"}, "refund_reason": {"why"}}, []string{"This is not an amount.", `value="-1"`}},
		{"a fraction", url.Values{"refunded": {"0"}, "amount": {"1.005"}, "refund_reason": {"why"}}, []string{"This is not an amount."}},
		{"both", url.Values{"refunded": {"0"}, "amount": {"1"}, "pieces_0": {"1"}, "refund_reason": {"why"}}, []string{"not both"}},
		{"too many pieces", url.Values{"refunded": {"0"}, "pieces_0": {"4"}, "refund_reason": {"why"}}, append(atPieces, `value="4"`)},
		{"no number of pieces", url.Values{"refunded": {"0"}, "pieces_0": {"-1"}, "refund_reason": {"why"}}, append(atPieces, `value="-1"`)},
		{"too much", url.Values{"refunded": {"0"}, "amount": {"85.01"}, "refund_reason": {"why"}}, []string{"That is more than is left to refund", `value="85.01"`}},
	} {
		refund(tt.form).check(t, tt.name, 422, "", tt.want, nil)
	}
	refund(url.Values{"refunded": {"0"}, "pieces_0": {"2"}, "shipping": {"1"}, "refund_reason": {"two broke"}}).check(t, "pieces", 303, at, nil, nil)
	refunds, err := s.store.Refunds(context.Background(), o.ID)
	if err != nil || len(refunds) != 1 || refunds[0].Amount != 6000 || refunds[0].Reason != "two broke" {
		t.Fatalf("got %+v, %v; want one of 60.00", refunds, err)
	}
	b.get(at).check(t, "told", 200, "", []string{"The refund of CN¥", "Refund under way", "two broke"}, nil)
	refund(url.Values{"refunded": {"0"}, "pieces_0": {"2"}, "shipping": {"1"}, "refund_reason": {"two broke"}}).
		check(t, "the same form again", 409, "", []string{"Somebody was faster", "two broke"}, nil)
	b.get(at).check(t, "what is left of it", 200, "", []string{`name="pieces_0" type="number" min="0" max="1"`, "2 × Product cup · Shipping"}, []string{`name="shipping"`})
	refund(url.Values{"refunded": {"6000"}, "pieces_0": {"2"}, "refund_reason": {"two more"}}).check(t, "pieces that are not left", 422, "", append(atPieces, `value="2"`), []string{`id="amount-error`})
	b.get(at+"/slip").check(t, "slip", 200, "", []string{`<td class="num right">1</td>`}, nil)
	refund(url.Values{"refunded": {"6000"}, "all": {"1"}, "refund_reason": {"the rest"}}).check(t, "the rest", 303, at, nil, nil)
	b.get(at+"/slip").check(t, "nothing to pack", 200, "", []string{"Nothing in this order"}, []string{"Product cup"})
	b.get(at).check(t, "all of it", 200, "", nil, []string{`/refund"`})
}

// noRefunds is a gateway that takes no refunds from shops.
type noRefunds struct{ payments.Gateway }

func (noRefunds) Refund(context.Context, payments.RefundRequest) (payments.RefundReport, error) {
	return payments.RefundReport{}, &payments.CallError{Outcome: payments.Unsupported, Err: errors.New("no such call")}
}

// TestRefundForStaffToMake: nobody waits for a refund that only staff can make.
func TestRefundForStaffToMake(t *testing.T) {
	gateway, err := scanforpay.New(scanforpay.Config{
		BaseURL: "http://127.0.0.1:1", PartnerNo: "10086", StoreNo: "1", SignKey: "a key that nobody asks for", Validity: 12 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := newDeskWith(t, modelstest.Options(t), payments.Config{Gateways: []payments.Account{{Gateway: noRefunds{gateway}, Validity: 12 * time.Hour}}}, nil)
	s := newSoldOn(t, d, time.Now())
	b := s.in(finance)
	at := "/admin/orders/" + s.paid.Number
	form := url.Values{"payment": {s.read(s.paid).PaidBy().Number}, "refunded": {"0"}, "all": {"1"}, "refund_reason": {"broken"}}
	b.post(at+"/refund", s.seen(s.paid, form)).check(t, "refund", 303, at, nil, nil)
	b.get(at).check(t, "told", 200, "", []string{"takes no refunds from the shop. Refund CN¥", "gateway&#39;s own pages now"}, []string{"The gateway has not said yet"})
}

// TestRefundUnderWay: money that is on its way back is not called refunded before it is there.
func TestRefundUnderWay(t *testing.T) {
	s := newSold(t)
	b := s.in(owner)
	at := "/admin/orders/" + s.paid.Number
	number := s.refund(s.paid, 2500, models.RefundPending).Number
	s.refund(s.paid, 1000, models.RefundSucceeded)
	under, done := []string{"Refund under way"}, []string{">Refunded</span>"}
	b.get("/admin/orders?q="+s.paid.Number).check(t, "in the list", 200, "", under, done)
	b.get(at).check(t, "under way", 200, "", append(under, "All of it is being refunded."), append(done, `/fulfil"`))
	rest, err := s.store.RefundByNumber(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	err = s.store.Tx(t.Context(), func(tx *models.Tx) error {
		_, err := tx.MoveRefund(rest, models.RefundSucceeded, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.get("/admin/orders?q="+s.paid.Number).check(t, "done, in the list", 200, "", done, under)
	b.get(at).check(t, "done", 200, "", append(done, "Everything was refunded."), append(under, `/fulfil"`))
}

// A refund needs a proof that is a few minutes old, and what was typed goes through the question.
func TestRefundAsksWhoItIs(t *testing.T) {
	s := newSold(t)
	b := s.in(finance)
	p := s.read(s.paid).PaidBy()
	at := "/admin/orders/" + s.paid.Number
	s.later(models.StaffProofAge)
	b.get(at)
	form := url.Values{"payment": {p.Number}, "refunded": {"0"}, "seen": {"paid"}, "amount": {"5"}, "refund_reason": {"a scratch"}}
	b.post(at+"/refund", form).check(t, "asked", 200, "", []string{"Confirm it&#39;s you", `value="a scratch"`}, nil)
	filtered := b.post(at+"/refund?q=%22%3E%3Cb%3E&state=paid", form)
	filtered.check(t, "asked in a list", 200, "", []string{`action="` + at + `/refund?q=%22%3E%3Cb%3E&amp;state=paid"`}, []string{"<b>"})
	form.Set(proofField, "wrong")
	b.post(at+"/refund?state=paid", form).check(t, "asked again", 422, "", []string{`action="` + at + `/refund?state=paid"`}, nil)
	form.Set(proofField, password)
	b.post(at+"/refund?q=bob&state=paid", form).check(t, "proven", 303, at+"?q=bob&state=paid", nil, nil)
}

func TestSettleIncidentOnPages(t *testing.T) {
	s := newSold(t)
	b := s.in(finance)
	home := b.get("/admin")
	home.check(t, "home", 200, "", []string{"Paid too late", s.late.Number, "Low stock", "Product pot"}, nil)
	id := regexp.MustCompile(`/admin/incidents/([^/]+)/settle`).FindStringSubmatch(home.body)[1]
	b.post("/admin/incidents/"+id+"/settle", url.Values{"decision": {""}}).check(t, "no decision", 422, "", []string{"Please fill this in."}, nil)
	b.post("/admin/incidents/"+id+"/settle", url.Values{"decision": {"<u>kept</u>"}, "back": {"/admin/orders/" + s.late.Number}}).
		check(t, "settle", 303, "/admin/orders/"+s.late.Number, nil, nil)
	b.get("/admin/orders/"+s.late.Number).check(t, "settled", 200, "", []string{"The incident is settled.", "&lt;u&gt;kept&lt;/u&gt;"}, []string{"<u>kept"})
	b.post("/admin/incidents/"+id+"/settle", url.Values{"decision": {"again"}, "back": {"https://evil.example/admin/orders"}}).check(t, "settle again", 303, "/admin", nil, nil)
	b.get("/admin").check(t, "told", 200, "", []string{"finance@example.com has already settled this incident, ", ": &lt;u&gt;kept&lt;/u&gt;"}, []string{"Paid too late"})
	b.get("/admin/incidents?state=resolved").check(t, "list", 200, "", []string{"Settled by finance@example.com, ", "&lt;u&gt;kept"}, nil)
	s.open(models.Incident{Kind: models.IncidentLatePayment, OrderID: &s.paid.ID, PaymentID: s.read(s.paid).PaymentID, DedupKey: "late"})
	id = regexp.MustCompile(`/admin/incidents/([^/]+)/settle`).FindStringSubmatch(b.get("/admin").body)[1]
	err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
		return tx.ResolveIncidents(s.read(s.paid).PaidBy(), []models.IncidentKind{models.IncidentLatePayment}, "all of it went back")
	})
	if err != nil {
		t.Fatal(err)
	}
	b.post("/admin/incidents/"+id+"/settle", url.Values{"decision": {"mine"}}).check(t, "settle what has settled itself", 303, "/admin", nil, nil)
	b.get("/admin").check(t, "told", 200, "", []string{"This incident is already settled, ", ": all of it went back"}, nil)
	b.post("/admin/incidents/none/settle", url.Values{"decision": {"x"}}).check(t, "none", 404, "", nil, nil)
}

func TestHomeByRole(t *testing.T) {
	s := newSold(t)
	s.later(2 * time.Minute)
	s.in(catalogue).get("/admin").check(t, "catalogue", 200, "", []string{"Low stock"}, []string{"Paid too late", s.late.Number, s.confirming.Number})
	s.in(orders).get("/admin").check(t, "orders", 200, "", []string{"Paid too late", "Paid, not confirmed yet", s.confirming.Number, "Ask the gateway now"}, []string{"/settle"})
	s.in(readOnly).get("/admin").check(t, "read-only", 200, "", []string{"Paid too late"}, []string{"/settle", "/ask"})
	calm := newDesk(t)
	calm.as(calm.hire("ada@example.com", owner)).get("/admin").check(t, "calm", 200, "", []string{"Nothing needs your attention."}, nil)
}

func TestMessagesPage(t *testing.T) {
	s := newSold(t)
	b := s.in(readOnly)
	b.get("/admin").check(t, "home", 200, "", nil, []string{"/admin/messages"})
	for i := range messageRows + 1 {
		err := s.store.Tx(context.Background(), func(tx *models.Tx) error {
			return tx.AddEvidence(nil, models.Evidence{
				Gateway: models.Pass2Pay, Direction: models.Received, Operation: "notification",
				Response: fmt.Appendf(nil, "no=%d&<b>forged</b>", i), Verdict: "refused", Rule: "signature does not verify",
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b.get("/admin").check(t, "home", 200, "", []string{"/admin/messages"}, nil)
	b.get(incidentsAt).check(t, "incidents", 200, "", []string{`href="/admin/messages"`}, nil)
	s.in(finance).get("/admin/gateways").check(t, "gateways", 200, "", []string{`href="/admin/messages"`}, nil)
	page := b.get("/admin/messages")
	page.check(t, "messages", 200, "", []string{"Pass2Pay notified us", "signature does not verify", "no=25&amp;&lt;b&gt;forged"}, []string{"<b>forged", "no=0&amp;"})
	older := regexp.MustCompile(`/admin/messages\?before=[0-9a-f-]+`).FindString(page.body)
	b.get(older).check(t, "older messages", 200, "", []string{"no=0&amp;"}, []string{"no=1&amp;", "before="})
}

func TestExport(t *testing.T) {
	s := newSold(t)
	b := s.in(finance)
	for query, want := range map[string]*models.Order{"?only=unconfirmed": s.confirming, "?only=incident&q=cup": s.late} {
		rows, err := csv.NewReader(strings.NewReader(b.get("/admin/orders.csv" + query).body)).ReadAll()
		if err != nil || len(rows) != 2 || rows[1][0] != want.Number {
			t.Errorf("%s: got %q, %v; want %s alone", query, rows, err, want.Number)
		}
	}
	file := b.get("/admin/orders.csv?q=cup")
	if got := file.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="orders-`) {
		t.Errorf("got disposition %q", got)
	}
	text, marked := strings.CutPrefix(file.body, "\ufeff")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !marked {
		t.Fatalf("got mark %v, %v", marked, err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	var got []string
	for _, row := range rows[1:] {
		got = append(got, row[column("Number")])
	}
	if diff := cmp.Diff(numbers(b.get("/admin/orders?q=cup")), got); diff != "" {
		t.Errorf("orders (-page +file):\n%s", diff)
	}
	for _, row := range rows[1:] {
		switch row[column("Number")] {
		case s.fulfilled.Number:
			want := []string{"'=cmd()", "85.00", "Sent", "SF1", "3 × Product cup (cup)"}
			have := []string{row[column("Name")], row[column("Amount")], row[column("Status")], row[column("Tracking number")], row[column("Items")]}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("a row (-want +got):\n%s", diff)
			}
		case s.pending.Number:
			if row[column("Paid")] != "" || row[column("Payment number")] != "" {
				t.Errorf("of a pending order: got %q", row)
			}
		}
	}

	book, err := excelize.OpenReader(strings.NewReader(b.get("/admin/orders.xlsx?q=cup").body))
	if err != nil {
		t.Fatal(err)
	}
	cells, err := book.GetRows("Sheet1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range cells {
		cells[i] = append(cells[i], make([]string, len(rows[0])-len(cells[i]))...)
	}
	if diff := cmp.Diff(rows, cells); diff != "" {
		t.Errorf("-CSV +XLSX:\n%s", diff)
	}
	entries, err := s.store.AuditEntries(context.Background(), 0, 2)
	if err != nil || len(entries) != 2 || entries[0].Action != models.ActExport || entries[0].Details != "q=cup" {
		t.Errorf("audit log: got %+v, %v; want both exports", entries, err)
	}
}

func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Ada": "Ada", "=1+1": "'=1+1", "+852": "'+852", "a=b": "a=b",
		"x;=1+1": "x;'=1+1", "x\t@y": "x\t'@y", "two\r\n -1": "two\r\n '-1", "x; ＝1": "x; '＝1", "a;b-c": "a;b-c",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// What is too long for one sheet goes on in the next.
func TestWorkbookOfSeveralSheets(t *testing.T) {
	var file bytes.Buffer
	table, err := newXLSX(&file, time.UTC, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer table.close()
	rows := [][]any{{"Number", "Amount"}}
	for i := range 5 {
		rows = append(rows, []any{fmt.Sprint("N", i), models.Money{Amount: int64(i) * 105, Currency: "CNY"}})
	}
	for _, row := range rows {
		if err := table.write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.end(); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, name := range book.GetSheetList() {
		cells, err := book.GetRows(name)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, cells...)
	}
	want := [][]string{
		{"Number", "Amount"}, {"N0", "0.00"}, {"N1", "1.05"},
		{"Number", "Amount"}, {"N2", "2.10"}, {"N3", "3.15"},
		{"Number", "Amount"}, {"N4", "4.20"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// BenchmarkSheet writes SAOMA_BENCH_ORDERS rows as each kind of file, and tells the most memory that
// was held at a time.
func BenchmarkSheet(b *testing.B) {
	n := 20_000
	if text := os.Getenv("SAOMA_BENCH_ORDERS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for name, begin := range map[string]func(io.Writer, *time.Location) (sheet, error){"csv": beginCSV, "xlsx": beginXLSX} {
		b.Run(name, func(b *testing.B) {
			now := time.Now()
			for b.Loop() {
				table, err := begin(io.Discard, time.UTC)
				if err != nil {
					b.Fatal(err)
				}
				var most uint64
				for i := range n {
					cells := make([]any, 0, 27)
					for range 5 {
						cells = append(cells, "261121-ABCDEFGH", models.Money{Amount: int64(i), Currency: "CNY"}, &now, "Ada Wong", "1 Queen's Road")
					}
					if err := table.write(cells); err != nil {
						b.Fatal(err)
					}
					if i%50_000 == 0 {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						most = max(most, m.HeapInuse)
					}
				}
				if err := table.end(); err != nil {
					b.Fatal(err)
				}
				if err := table.close(); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(most>>20), "MB-heap")
			}
		})
	}
}

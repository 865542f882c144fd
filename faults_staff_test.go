package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"saoma/models"
	"saoma/payments/sandbox"
)

// desk is what is needed to see the shop as staff do: a browser for each that looks, at the order that
// it is about, and a session of its own that began before the fault.
type desk struct {
	pages, asks, refunds *buyer
	asked                placedOrder // paid during the fault, and staff ask about it
	refunded             placedOrder // paid and confirmed before the fault, and staff refund it
}

// openDesk places the orders and opens the sessions, which have not been used for a while, so that
// their next use is written down.
func (l *lined) openDesk(t *testing.T, gateway string) desk {
	t.Helper()
	d := desk{asked: l.place(t, gateway), refunded: l.place(t, gateway)}
	l.sandbox.act(d.refunded.number, sandbox.Pay, sandbox.NotifyBefore)
	await(t, "the payment to be refunded to be confirmed", func() bool { return l.confirmed(d.refunded) == 1 })
	store, err := models.Open(t.Context(), models.Options{Driver: l.home.driver, DSN: l.home.dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	owner, err := store.CreateStaff(t.Context(), models.CommandLine(), "ada@example.com", models.RoleOwner, "no password")
	if err != nil {
		t.Fatal(err)
	}
	d.pages = l.clerk(t, store, owner, d.refunded)
	d.asks = l.clerk(t, store, owner, d.asked)
	d.refunds = l.clerk(t, store, owner, d.refunded)
	if _, err := l.db.Exec("UPDATE staff_sessions SET seen_at = ?", store.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	return d
}

// clerk returns a browser in which the member is logged in and looks at an order.
func (l *lined) clerk(t *testing.T, store *models.Store, member *models.Staff, o placedOrder) *buyer {
	t.Helper()
	b, token := l.visitorFor(t, desktopChrome), models.NewToken()
	by := models.Actor{StaffID: member.ID, Name: member.Email}
	if err := store.OpenStaffSession(t.Context(), by, false, token, "", desktopChrome); err != nil {
		t.Fatal(err)
	}
	b.client.Jar.SetCookies(b.address, []*http.Cookie{{Name: "saoma-staff", Value: token}})
	number := query(l.testShop, `SELECT number FROM orders WHERE token = ?`,
		func(r *sql.Rows, v *string) error { return r.Scan(v) }, o.token)[0]
	b.open("/admin/orders/" + number)
	return b
}

// act is the form of the page now shown that does something to its order.
func (b *buyer) act(what string) *form {
	b.t.Helper()
	return b.form("action", b.address.Path+"/"+what)
}

// admin looks at the desk and keeps a note: what needs no gateway.
func (v *visit) admin() string {
	b := v.desk.pages
	note := b.act("note")
	note.fill("text", "The buyer called.")
	for _, path := range []string{"/admin", "/admin/orders", b.address.Path} {
		if !v.page(b, func() { b.open(path) }) {
			return errorPage
		}
		if b.status != http.StatusOK {
			return fmt.Sprintf("unforeseen: status %d at %s", b.status, path)
		}
	}
	if !v.page(b, func() { b.submit(note) }) {
		return onlyReads
	}
	if n := v.count(`SELECT COUNT(*) FROM evidence WHERE operation = 'add_note'`); b.status != http.StatusOK || n != 1 {
		return fmt.Sprintf("unforeseen: status %d, %d notes kept", b.status, n)
	}
	return asUsual
}

// ask has staff ask the gateway about an order.
func (v *visit) ask() string {
	b := v.desk.asks
	ask := b.act("ask")
	headers := v.within(b, func() { b.submit(ask) })
	switch {
	case b.status == http.StatusOK && strings.Contains(b.text, "The gateway was asked.") && strings.Contains(b.text, "The order is now: Paid"):
		return asUsual
	case b.status == http.StatusServiceUnavailable && strings.HasPrefix(b.heading(), "Order ") && strings.Contains(b.text, "The gateway is not answering"):
		return noAnswer
	case b.status == http.StatusServiceUnavailable && b.toldToWait(headers):
		return errorPage
	default:
		return fmt.Sprintf("unforeseen: status %d:\n%s", b.status, b.text)
	}
}

// refund has staff give the money of an order back.
func (v *visit) refund() string {
	b := v.desk.refunds
	f := b.act("refund")
	f.fill("refund_reason", "sent back")
	if !v.page(b, func() { b.press(f, "all", "1") }) {
		if n := v.count(`SELECT COUNT(*) FROM refunds`); n != 0 {
			return fmt.Sprintf("503, and %d refunds", n)
		}
		return errorPage
	}
	switch {
	case strings.Contains(b.text, "was refunded") && v.refunded("succeeded") == 1:
		return asUsual
	case strings.Contains(b.text, "is under way") && v.refunded("pending") == 1:
		return refundedLater
	default:
		return fmt.Sprintf("unforeseen: status %d:\n%s", b.status, b.text)
	}
}

// refunded counts the refunds of the whole payment with the status.
func (v *visit) refunded(status string) int64 {
	return v.count(`SELECT COUNT(*) FROM refunds r JOIN payments p ON p.id = r.payment_id
		WHERE p.number = ? AND r.amount = p.amount AND r.status = ?`, v.desk.refunded.number, status)
}

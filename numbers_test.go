package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"saoma/models"
	"saoma/payments/sandbox"
)

// TestNumbersAgree sells in several ways, and wants the desk's numbers, the database and the gateways' own
// ledger to say the same; and the desk to find no difference between the day and the gateways' statements.
func TestNumbersAgree(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		// It is around noon where this shop is, so that no sale is one of another day.
		s := startShop(t, d, fmt.Sprintf("shop: {time_zone: Etc/GMT%+d, shipping_fee: 1200}", time.Now().UTC().Hour()-12))
		s.sellInManyWays(t)
		desk := s.logIntoDesk(t)

		numbers := map[string][]string{}
		for _, row := range desk.csv("/admin/numbers.csv?when=today&table=gateways")[1:] {
			numbers[row[0]] = row[1:]
		}
		ledger := s.sandbox.ledger()
		for gateway, name := range map[sandbox.Gateway]string{sandbox.ScanForPay: "ScanForPay", sandbox.Pass2Pay: "Pass2Pay"} {
			receipts, taken := sumOf(ledger.Receipts, gateway)
			_, returned := sumOf(ledger.Refunds, gateway)
			cny := func(minor int64) string { return models.Money{Amount: minor, Currency: "CNY"}.Decimal() }
			want := []string{fmt.Sprint(receipts), cny(taken), cny(returned), cny(taken - returned)}
			if diff := cmp.Diff(want, numbers[name]); diff != "" || receipts == 0 {
				t.Errorf("%s (-ledger +numbers):\n%s", name, diff)
			}
			inSQL := s.count("SELECT SUM(amount) FROM payments WHERE status = 'succeeded' AND gateway = ?", string(gateway)) -
				s.count("SELECT COALESCE(SUM(r.amount), 0) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.status = 'succeeded' AND p.gateway = ?", string(gateway))
			if inSQL != taken-returned {
				t.Errorf("%s: the database says %d, the ledger %d", name, inSQL, taken-returned)
			}
			desk.open("/sandbox/statement/" + string(gateway) + ".csv")
			desk.compare(string(gateway), desk.text)
			if !strings.Contains(desk.text, "There is no difference.") {
				t.Errorf("%s: got differences between the statement and the books:\n%s", name, desk.text)
			}
		}
		day := desk.csv("/admin/numbers.csv?when=7days&table=time")
		placed, paid := s.count("SELECT COUNT(*) FROM orders"), s.count("SELECT COUNT(*) FROM orders WHERE paid_at IS NOT NULL")
		if got, want := day[len(day)-1][1:3], []string{fmt.Sprint(placed), fmt.Sprint(paid)}; !cmp.Equal(got, want) {
			t.Errorf("orders placed and paid: got %v, want %v as in the database", got, want)
		}
		var pieces []string
		for _, row := range desk.csv("/admin/numbers.csv?when=today&table=products")[1:] {
			pieces = append(pieces, row[1])
		}
		if want := []string{"1", "2"}; !cmp.Equal(pieces, want) { // the tea set, and two books
			t.Errorf("pieces sold: got %v, want %v", pieces, want)
		}
		s.audit()
	})
}

// sellInManyWays sells at a desktop, on a phone, and to somebody who pays twice; and not to a fourth.
func (s *testShop) sellInManyWays(t *testing.T) {
	t.Helper()
	desktop := s.visitorFor(t, desktopChrome)
	desktop.order("EBOOK", "wechat")
	token := desktop.token()
	desktop.toWallet()
	desktop.payAndStay("before")
	desktop.awaitState(token, "paid")

	phone := s.visitorFor(t, iPhoneSafari)
	phone.order("EBOOK", "wechat")
	token = s.newestToken(t, phone)
	phone.payAndReturn("before")
	phone.awaitState(token, "paid")

	twice := s.visitorFor(t, desktopChrome)
	twice.order("TEA-SET", "wechat")
	token = twice.token()
	first := s.sandbox.newest()
	twice.press(twice.form("action", "/o/"+token+"/pay"), "wallet", "alipay")
	for _, p := range []sandbox.Payment{first, s.sandbox.newest()} {
		s.sandbox.act(p.Number, sandbox.Pay, sandbox.NotifyBefore)
	}
	await(t, "refund of the second payment", func() bool {
		return s.count("SELECT COUNT(*) FROM refunds WHERE status = 'succeeded'") == 1
	})
	s.visitorFor(t, desktopChrome).order("PRINT", "alipay")
}

func sumOf(entries []sandbox.Entry, gateway sandbox.Gateway) (count int, amount int64) {
	for _, e := range entries {
		if e.Gateway == gateway {
			count++
			amount += e.Amount
		}
	}
	return count, amount
}

// deskUser is somebody who has logged into the desk.
type deskUser struct{ *buyer }

// logIntoDesk makes an owner and logs in.
func (s *testShop) logIntoDesk(t *testing.T) deskUser {
	t.Helper()
	const email, password = "ada@example.com", "purple elephants dance"
	if got := saomaReading(t, password+"\n", "admin", "create", "--email", email, "--config", s.config); got.code != 0 {
		t.Fatalf("admin create: got exit %d, %s", got.code, got.stderr)
	}
	b := s.visitorFor(t, desktopChrome)
	b.open("/admin/login")
	f := b.form("action", "/admin/login")
	f.fill("email", email)
	f.fill("password", password)
	b.submit(f)
	if b.address.Path != "/admin" {
		t.Fatalf("login: got to %s:\n%s", b.address.Path, b.text)
	}
	return deskUser{b}
}

// csv reads a file of the desk.
func (u deskUser) csv(address string) [][]string {
	u.t.Helper()
	u.open(address)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(u.text, "\ufeff"))).ReadAll()
	if err != nil || u.status != http.StatusOK || len(rows) < 2 {
		u.t.Fatalf("%s: got status %d, %v and\n%s", address, u.status, err, u.text)
	}
	return rows
}

// compare sends a gateway's statement of today to the desk.
func (u deskUser) compare(gateway, statement string) {
	u.t.Helper()
	u.open("/admin/reconcile")
	next := find(u.page, func(n *html.Node) bool { return attr(n, "rel") == "next" })
	u.open(attr(next, "href")) // the first day shown is yesterday
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name, values := range u.form("id", "compare-"+gateway).fields {
		if name == "statement" {
			continue
		}
		if err := w.WriteField(name, values[0]); err != nil {
			u.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("statement", "statement.csv")
	if err == nil {
		_, err = io.WriteString(part, statement)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		u.t.Fatal(err)
	}
	req := u.request(http.MethodPost, "/admin/reconcile", nil)
	req.Body, req.ContentLength = io.NopCloser(&body), int64(body.Len())
	req.Header.Set("Content-Type", w.FormDataContentType())
	u.load(req, true)
}

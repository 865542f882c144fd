package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/payments/sandbox"
)

// audit checks what must hold at any moment, whatever went wrong before: by SQL and by the
// gateways' own ledger, without the shop's code.
func (s *testShop) audit() {
	s.t.Helper()
	s.auditStock()
	s.auditOrders()
	s.auditReceipts()
	s.auditChains()
}

// stock is what the shop had of each counted article when it opened.
func (s *testShop) stock() map[string]int64 {
	s.t.Helper()
	had := map[string]int64{}
	for _, r := range query(s, `SELECT sku, on_hand FROM variants WHERE counted = ?`, func(r *sql.Rows, v *struct {
		sku string
		n   int64
	}) error {
		return r.Scan(&v.sku, &v.n)
	}, true) {
		had[r.sku] = r.n
	}
	return had
}

// auditStock: of each article, what there was and what staff put in or took out = on hand + reserved by
// pending orders + sold; and it is what all its moves add up to.
func (s *testShop) auditStock() {
	s.t.Helper()
	type row struct {
		sku                            string
		onHand, reserved, waits, taken int64
	}
	want, moved := s.moves()
	got := map[string]int64{}
	for _, r := range query(s, `
		SELECT v.sku, v.on_hand, v.reserved,
			COALESCE(SUM(CASE WHEN o.status = 'pending' THEN i.quantity END), 0),
			COALESCE(SUM(CASE WHEN o.status IN ('paid', 'fulfilled') THEN i.quantity END), 0)
		FROM variants v LEFT JOIN order_items i ON i.variant_id = v.id LEFT JOIN orders o ON o.id = i.order_id
		WHERE v.counted = ? GROUP BY v.sku, v.on_hand, v.reserved`,
		func(r *sql.Rows, v *row) error { return r.Scan(&v.sku, &v.onHand, &v.reserved, &v.waits, &v.taken) }, true) {
		if r.onHand < 0 || r.reserved != r.waits {
			s.t.Errorf("stock of %s: got %d on hand, %d reserved; want none negative, and %d reserved by pending orders",
				r.sku, r.onHand, r.reserved, r.waits)
		}
		got[r.sku] = r.onHand + r.reserved + r.taken
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("on hand + reserved + sold (-at the start and moved since +now):\n%s", diff)
	}
	if diff := cmp.Diff(moved, got); diff != "" {
		s.t.Errorf("on hand + reserved + sold (-what stock moves add up to +now):\n%s", diff)
	}
}

// moves returns what there should be of each counted article that has not been sold: as it was at the
// start with what staff did since, and by all moves that were ever kept.
func (s *testShop) moves() (since, all map[string]int64) {
	s.t.Helper()
	since, all = maps.Clone(s.initial), map[string]int64{}
	type row struct {
		sku         string
		staff, made int64
	}
	for _, r := range query(s, `
		SELECT v.sku, COALESCE(SUM(CASE WHEN m.kind <> 'import' THEN m.delta END), 0), COALESCE(SUM(m.delta), 0)
		FROM variants v LEFT JOIN stock_moves m ON m.variant_id = v.id WHERE v.counted = ? GROUP BY v.sku`,
		func(r *sql.Rows, v *row) error { return r.Scan(&v.sku, &v.staff, &v.made) }, true) {
		since[r.sku] += r.staff
		all[r.sku] = r.made
	}
	return since, all
}

// auditOrders: each paid order rests on a signed message of its gateway that says so.
func (s *testShop) auditOrders() {
	s.t.Helper()
	type row struct {
		number, status             string
		amount                     int64
		currency                   string
		paidAt, paymentID, gateway sql.NullString
		payment, state             sql.NullString
		paid                       sql.NullInt64
	}
	for _, o := range query(s, `
		SELECT o.number, o.status, o.amount, o.currency, o.paid_at, o.payment_id, p.gateway, p.number, p.status, p.amount
		FROM orders o LEFT JOIN payments p ON p.id = o.payment_id AND p.order_id = o.id`, func(r *sql.Rows, v *row) error {
		return r.Scan(&v.number, &v.status, &v.amount, &v.currency, &v.paidAt, &v.paymentID, &v.gateway, &v.payment, &v.state, &v.paid)
	}) {
		paid := o.status == "paid" || o.status == "fulfilled"
		if paid != o.paidAt.Valid || paid != o.paymentID.Valid {
			s.t.Errorf("order %s is %s: got paid_at %q, payment %q", o.number, o.status, o.paidAt.String, o.paymentID.String)
		}
		if !paid {
			continue
		}
		if o.state.String != "succeeded" || o.paid.Int64 != o.amount {
			s.t.Errorf("order %s over %d is %s by a payment %s over %d", o.number, o.amount, o.status, o.state.String, o.paid.Int64)
		}
		want := fact{o.gateway.String, o.payment.String, o.amount, o.currency}
		if facts := s.proofs(o.paymentID.String); !slices.Contains(facts, want) {
			s.t.Errorf("order %s is %s without proof: got signed messages %v, want %v", o.number, o.status, facts, want)
		}
	}
}

// fact is a payment that a gateway said was made, under its signature and to our account.
type fact struct {
	gateway, number string
	amount          int64
	currency        string
}

// proofs reads the messages that were kept about a payment.
func (s *testShop) proofs(paymentID string) []fact {
	s.t.Helper()
	type row struct {
		gateway, direction string
		response           []byte
	}
	var facts []fact
	for _, e := range query(s, `SELECT gateway, direction, response FROM evidence WHERE payment_id = ?`,
		func(r *sql.Rows, v *row) error { return r.Scan(&v.gateway, &v.direction, &v.response) }, paymentID) {
		read := readScanForPay
		if e.gateway == "pass2pay" {
			read = readPass2Pay
		}
		if f, is := read(e.response); is {
			facts = append(facts, f)
		}
	}
	return facts
}

// readScanForPay verifies a message: SHA-256 over the raw bytes of the response and the key.
func readScanForPay(message []byte) (fact, bool) {
	var envelope struct {
		Response  json.RawMessage
		Signature string
	}
	var response struct {
		Header struct{ PartnerNo string }
		Body   struct {
			Code, Status, OrderAmount int64
			PartnerOrderNo, Currency  string
		}
	}
	if json.Unmarshal(message, &envelope) != nil || json.Unmarshal(envelope.Response, &response) != nil {
		return fact{}, false
	}
	sum := sha256.Sum256(append(bytes.Clone(envelope.Response), sandbox.DemoSignKey...))
	b := response.Body
	proven := envelope.Signature == hex.EncodeToString(sum[:]) &&
		response.Header.PartnerNo == sandbox.DemoPartnerNo && b.Code == 1 && b.Status == 1
	return fact{"scanforpay", b.PartnerOrderNo, b.OrderAmount, b.Currency}, proven
}

// readPass2Pay verifies a message: MD5 over the sorted members, those of data in an answer and all
// of a notification, and the key.
func readPass2Pay(message []byte) (fact, bool) {
	members, sign := map[string]string{}, ""
	var answer struct {
		Data map[string]any
		Sign string
	}
	d := json.NewDecoder(bytes.NewReader(message))
	d.UseNumber()
	if d.Decode(&answer) == nil {
		sign = answer.Sign
		for name, value := range answer.Data {
			text, _ := json.Marshal(value)
			members[name] = strings.Trim(string(text), `"`)
		}
	} else if form, err := url.ParseQuery(string(message)); err == nil {
		sign = form.Get("sign")
		for name := range form {
			members[name] = form.Get(name)
		}
		delete(members, "sign")
	}
	var parts []string
	for name, value := range members {
		if value != "" {
			parts = append(parts, name+"="+value+"&")
		}
	}
	slices.SortFunc(parts, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	sum := md5.Sum([]byte(strings.Join(parts, "") + "key=" + sandbox.DemoAppSecret))
	proven := strings.EqualFold(sign, hex.EncodeToString(sum[:])) &&
		members["mchNo"] == sandbox.DemoMchNo && members["state"] == "2"
	amount, _ := json.Number(members["amount"]).Int64()
	return fact{"pass2pay", members["mchOrderNo"], amount, strings.ToUpper(members["currency"])}, proven
}

// auditReceipts: each sum that a gateway took belongs to a paid order, or is being looked at, or
// has gone back; and what the shop says it gave back, the gateways gave back.
func (s *testShop) auditReceipts() {
	s.t.Helper()
	ledger := s.sandbox.ledger()
	returned := map[string]int64{}
	for _, r := range ledger.Refunds {
		returned[r.Number] += r.Amount
	}
	for _, r := range ledger.Receipts {
		if got := s.useOf(r.Number); got == "" && returned[r.Number] != r.Amount {
			s.t.Errorf("receipt %+v belongs to no paid order and no open incident, and %d of it went back", r, returned[r.Number])
		}
		if returned[r.Number] > r.Amount {
			s.t.Errorf("receipt %+v: %d went back, more than was paid", r, returned[r.Number])
		}
	}
	type refund struct {
		number string
		amount int64
	}
	for _, r := range query(s, `SELECT p.number, SUM(r.amount) FROM refunds r JOIN payments p ON p.id = r.payment_id
		WHERE r.status = 'succeeded' GROUP BY p.number`, func(r *sql.Rows, v *refund) error { return r.Scan(&v.number, &v.amount) }) {
		if returned[r.number] != r.amount {
			s.t.Errorf("payment %s: the shop says %d were refunded, its gateway %d", r.number, r.amount, returned[r.number])
		}
	}
	if unknown := s.count(`SELECT COUNT(*) FROM incidents WHERE kind = 'unknown_order'`); unknown != 0 {
		s.t.Errorf("got %d messages about payments that the shop does not know, want none", unknown)
	}
}

// useOf says what a payment is good for: the number of the order it paid, or the kind of its open
// incident.
func (s *testShop) useOf(payment string) string {
	s.t.Helper()
	uses := query(s, `
		SELECT o.number FROM payments p JOIN orders o ON o.payment_id = p.id
			WHERE p.number = ? AND p.status = 'succeeded' AND o.status IN ('paid', 'fulfilled')
		UNION SELECT kind FROM incidents WHERE number = ? AND status = 'open'`,
		func(r *sql.Rows, v *string) error { return r.Scan(v) }, payment, payment)
	return strings.Join(uses, ", ")
}

// auditChains: within an order each message that was kept names the one before.
func (s *testShop) auditChains() {
	s.t.Helper()
	type row struct{ order, prev, hash, last string }
	ends := map[string]string{}
	for _, r := range query(s, `SELECT e.order_id, e.prev_hash, e.hash, o.evidence_hash FROM evidence e
		JOIN orders o ON o.id = e.order_id ORDER BY e.order_id, e.seq DESC`,
		func(r *sql.Rows, v *row) error { return r.Scan(&v.order, &v.prev, &v.hash, &v.last) }) {
		want, seen := ends[r.order]
		if !seen {
			want = r.last
		}
		if r.hash != want {
			s.t.Errorf("order %s: a message has the hash %q, want %q", r.order, r.hash, want)
		}
		ends[r.order] = r.prev
	}
	for order, first := range ends {
		if first != "" {
			s.t.Errorf("order %s: its first message follows %q, want none before it", order, first)
		}
	}
}

// count runs a query whose answer is one number.
func (s *testShop) count(text string, args ...any) int64 {
	s.t.Helper()
	return query(s, text, func(r *sql.Rows, v *int64) error { return r.Scan(v) }, args...)[0]
}

// word runs a query whose answer is one text.
func (s *testShop) word(text string, args ...any) string {
	s.t.Helper()
	return query(s, text, func(r *sql.Rows, v *string) error { return r.Scan(v) }, args...)[0]
}

func query[T any](s *testShop, text string, scan func(*sql.Rows, *T) error, args ...any) []T {
	s.t.Helper()
	rows, err := s.db.Query(text, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// What the audit itself must not let through.
func TestProofsAreChecked(t *testing.T) {
	const message = `{"response":{"header":{"partnerNo":"10086"},"body":{"code":1,"status":1,"orderAmount":5,"partnerOrderNo":"P1","currency":"CNY"}},"signature":"00"}`
	if f, is := readScanForPay([]byte(message)); is {
		t.Errorf("an unsigned message: got %v, want no proof", f)
	}
	if f, is := readPass2Pay([]byte("mchNo=" + sandbox.DemoMchNo + "&state=2&amount=5&mchOrderNo=P1&currency=cny&sign=00")); is {
		t.Errorf("an unsigned notification: got %v, want no proof", f)
	}
}

package admin

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"saoma/models"
)

// linked is what a page leads to, and where in it one can be led to.
type linked struct{ links, ids []string }

func linkedIn(t *testing.T, page string) (l linked) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				l.ids = append(l.ids, a.Val)
			case a.Key == "href" && n.Data == "a":
				l.links = append(l.links, a.Val)
			}
		}
	}
	return l
}

// TestLinksLeadToTheirPlace: wherever a page of the desk leads to a place on a page, that place is
// there, for each member who is shown the link.
func TestLinksLeadToTheirPlace(t *testing.T) {
	s := newSold(t)
	s.troubled()
	for _, role := range []models.Role{owner, finance, orders, readOnly} {
		b := s.in(role)
		pages, places := map[string]linked{}, 0
		read := func(address string) linked {
			if _, seen := pages[address]; !seen {
				pages[address] = linkedIn(t, b.get(address).body)
			}
			return pages[address]
		}
		for waiting := []string{home, incidentsAt, incidentsAt + "?state=all", "/admin/orders"}; len(waiting) > 0; waiting = waiting[1:] {
			from := waiting[0]
			for _, link := range read(from).links {
				u, err := url.Parse(link)
				if err != nil {
					t.Fatal(err)
				}
				to := *u
				to.Fragment = ""
				address := to.String()
				if address == "" {
					address = from
				}
				if u.Fragment != "" {
					if places++; !slices.Contains(read(address).ids, u.Fragment) {
						t.Errorf("%s: %s leads to %s, where that is not", role, from, link)
					}
				}
				_, seen := pages[address]
				if !seen && !slices.Contains(waiting, address) && u.RawQuery == "" && strings.HasPrefix(address, "/admin/orders/") {
					waiting = append(waiting, address)
				}
			}
		}
		if places < 5 {
			t.Errorf("%s: only %d links to a place were found", role, places)
		}
	}
}

// troubled opens an incident of each kind about every order that has a payment, and gives all of
// some payments back.
func (s *sold) troubled() {
	s.t.Helper()
	for _, o := range []*models.Order{s.paid, s.confirming, s.fulfilled, s.late} {
		p := s.read(o).Payments[0]
		for _, kind := range models.IncidentKinds() {
			s.open(models.Incident{
				Kind: kind, Cause: models.CauseReturned, Gateway: p.Gateway, OrderID: &o.ID, PaymentID: &p.ID, Currency: p.Currency, Amount: p.Amount,
				Detail: "about " + string(kind), DedupKey: string(kind) + o.ID,
			})
		}
	}
	hangs := s.refund(s.fulfilled, s.fulfilled.Amount, models.RefundPending)
	s.open(models.Incident{
		Kind: models.IncidentRefundStuck, OrderID: &s.fulfilled.ID, PaymentID: &s.read(s.fulfilled).Payments[0].ID, RefundID: &hangs.ID,
		Detail: "no result", DedupKey: hangs.Number,
	})
	s.refund(s.late, s.late.Amount, models.RefundSucceeded)
	s.refund(s.paid, 100, models.RefundFailed)
}

// refund is one of an order's first payment that has come so far.
func (s *sold) refund(o *models.Order, amount int64, to models.RefundStatus) *models.Refund {
	s.t.Helper()
	r := &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(s.clock()), Amount: amount}
	err := s.store.Tx(s.t.Context(), func(tx *models.Tx) error {
		o, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		r := *r
		if err := tx.AddRefund(o, &o.Payments[0], &r); err != nil || to == models.RefundPending {
			return err
		}
		_, err = tx.MoveRefund(&r, to, "why")
		if err != nil || to != models.RefundFailed {
			return err
		}
		_, err = tx.OpenIncident(models.Incident{
			Kind: models.IncidentRefundStuck, Gateway: o.Gateway, OrderID: &o.ID, PaymentID: &r.PaymentID, RefundID: &r.ID,
			Currency: r.Currency, Amount: amount, Detail: "refused", DedupKey: r.Number,
		})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

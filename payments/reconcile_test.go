package payments_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"saoma/models"
	"saoma/payments"
)

func entry(m models.Movement) payments.Entry { return payments.Entry{Movement: m, OnDay: true} }

func cny(amount int64) models.Money { return models.Money{Amount: amount, Currency: "CNY"} }

// offDay is the entry on another day.
func offDay(e payments.Entry) payments.Entry { e.OnDay = false; return e }

// found is a difference in short: its kind, and the numbers that each side knows.
type found struct {
	Kind            payments.DifferenceKind
	Statement, Shop string
}

func foundIn(r payments.Result) []found {
	var all []found
	for _, d := range r.Differences {
		f := found{Kind: d.Kind}
		if d.Statement != nil {
			f.Statement = d.Statement.Number + d.Statement.Reference
		}
		if d.Shop != nil {
			f.Shop = d.Shop.Number
		}
		all = append(all, f)
	}
	return all
}

func TestReconcile(t *testing.T) {
	paid := entry(models.Movement{Number: "P1", Money: cny(500)})
	surplus := entry(models.Movement{Number: "P2", Money: cny(300), Surplus: true, Reference: "G2"})
	refund := entry(models.Movement{Number: "R1", Money: cny(100), Refund: true})
	byReference := entry(models.Movement{Reference: "G2", Money: cny(300)})
	dearer := entry(models.Movement{Number: "P1", Money: cny(501)})
	abroad := entry(models.Movement{Number: "P1", Money: models.Money{Amount: 500, Currency: "HKD"}})

	one := func(amount int64) payments.Sum { return payments.Sum{Count: 1, Amount: amount} }
	type list = []payments.Entry
	for name, tc := range map[string]struct {
		statement, shop list
		want            payments.Result
		differences     []found
	}{
		"nothing at all": {},
		"all kinds of entries": {list{refund, byReference, paid}, list{paid, surplus, refund}, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Taken: payments.Sum{Count: 2, Amount: 800}, Returned: one(100), Orders: one(500), Surplus: one(300), Refunds: one(100),
		}}}, nil},
		"unknown": {list{paid, refund}, nil, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Taken: one(500), Returned: one(100),
		}}}, []found{{payments.UnknownPayment, "P1", ""}, {payments.UnknownRefund, "R1", ""}}},
		"missing": {nil, list{surplus, refund}, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Surplus: one(300), Refunds: one(100),
		}}}, []found{{payments.MissingPayment, "", "P2"}, {payments.MissingRefund, "", "R1"}}},
		"amount": {list{dearer}, list{paid}, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Taken: one(501), Orders: one(500),
		}}}, []found{{payments.WrongAmount, "P1", "P1"}}},
		"currency": {list{abroad}, list{paid}, payments.Result{Totals: []payments.Totals{
			{Currency: "CNY", Orders: one(500)}, {Currency: "HKD", Taken: one(500)},
		}}, []found{{payments.WrongCurrency, "P1", "P1"}}},
		"twice": {list{paid, dearer}, list{paid}, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Taken: payments.Sum{Count: 2, Amount: 1001}, Orders: one(500),
		}}}, []found{{payments.Twice, "P1", "P1"}}},
		"unknown and twice": {list{paid, paid}, nil, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Taken: payments.Sum{Count: 2, Amount: 1000},
		}}}, []found{{payments.UnknownPayment, "P1", ""}, {payments.Twice, "P1", ""}}},
		"twice under both numbers": {list{byReference, entry(models.Movement{Number: "P2", Money: cny(300)})}, list{surplus}, payments.Result{Totals: []payments.Totals{{
			Currency: "CNY", Taken: payments.Sum{Count: 2, Amount: 600}, Surplus: one(300),
		}}}, []found{{payments.Twice, "P2", "P2"}}},
		"a payment is not a refund of the same number": {
			list{entry(models.Movement{Number: "P1", Money: cny(500), Refund: true})}, list{paid}, payments.Result{Totals: []payments.Totals{{
				Currency: "CNY", Returned: one(500), Orders: one(500),
			}}}, []found{{payments.UnknownRefund, "P1", ""}, {payments.MissingPayment, "", "P1"}}},
		"the shop recorded it on another day": {list{paid}, list{offDay(paid), offDay(surplus)}, payments.Result{ShopElsewhere: 1, Totals: []payments.Totals{{
			Currency: "CNY", Taken: one(500), Orders: one(500),
		}}}, nil},
		"the statement has it on another day": {list{offDay(paid), offDay(byReference)}, list{paid}, payments.Result{GatewayElsewhere: 1}, nil},
		"twice on another day":                {list{offDay(paid), offDay(paid)}, list{paid}, payments.Result{GatewayElsewhere: 1}, nil},
		"twice, once on another day": {list{offDay(paid), paid}, list{paid}, payments.Result{GatewayElsewhere: 1, Totals: []payments.Totals{{
			Currency: "CNY", Taken: one(500),
		}}}, []found{{payments.Twice, "P1", "P1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := payments.Reconcile(tc.statement, tc.shop)
			if diff := cmp.Diff(tc.differences, foundIn(got)); diff != "" {
				t.Errorf("differences, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(payments.Result{}, "Differences")); diff != "" {
				t.Errorf("totals, -want +got:\n%s", diff)
			}
		})
	}
}

// books draws the shop's entries of three days, each number once.
func books(t *rapid.T) []payments.Entry {
	n := rapid.IntRange(0, 30).Draw(t, "entries")
	all := make([]payments.Entry, n)
	for i := range all {
		m := models.Movement{
			Money: models.Money{
				Amount:   rapid.Int64Range(1, 1000).Draw(t, "amount"),
				Currency: rapid.SampledFrom([]string{"CNY", "HKD", "JPY"}).Draw(t, "currency"),
			},
			Refund: rapid.Bool().Draw(t, "refund"),
		}
		m.Number = fmt.Sprintf("N%d", i/2) // a payment and a refund may share a number
		if i%2 == 1 {
			m.Refund = !all[i-1].Refund
		}
		if !m.Refund {
			m.Reference, m.Surplus = "G"+m.Number, rapid.Bool().Draw(t, "surplus")
		}
		all[i] = payments.Entry{Movement: m, OnDay: rapid.Bool().Draw(t, "on day")}
	}
	return all
}

// stated is the shop's entry as a statement has it.
func stated(t *rapid.T, e payments.Entry) payments.Entry {
	e.Surplus = false
	if e.Refund || rapid.Bool().Draw(t, "by our number") {
		e.Reference = ""
	} else {
		e.Number = ""
	}
	return e
}

func TestEqualBooksHaveNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shop := books(t)
		var statement []payments.Entry
		for _, e := range shop {
			s := stated(t, e)
			s.OnDay = rapid.Bool().Draw(t, "on day in the statement")
			if s.OnDay || e.OnDay || rapid.Bool().Draw(t, "covers other days") {
				statement = append(statement, s)
			}
		}
		statement = rapid.Permutation(statement).Draw(t, "order")
		got := payments.Reconcile(statement, shop)
		if len(got.Differences) > 0 {
			t.Errorf("got %v, want no difference", foundIn(got))
		}
		for _, total := range got.Totals {
			if total.Gateway() != total.Shop() {
				t.Errorf("%s: got %d at the gateway and %d in the shop", total.Currency, total.Gateway(), total.Shop())
			}
		}
	})
}

func TestEachPlantedDifferenceIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shop := books(t)
		var statement []payments.Entry
		var kept []payments.Entry // what the shop has of it
		want := map[found]int{}
		plant := func(kind payments.DifferenceKind, statement, shop string) { want[found{kind, statement, shop}]++ }
		for i, e := range shop {
			s := stated(t, e)
			name := s.Number + s.Reference
			planted := payments.DifferenceKind("")
			if e.OnDay {
				planted = rapid.SampledFrom([]payments.DifferenceKind{
					"", payments.UnknownPayment, payments.MissingPayment, payments.WrongAmount, payments.WrongCurrency, payments.Twice,
				}).Draw(t, "difference")
			}
			switch planted {
			case payments.UnknownPayment:
				s.Number, s.Reference = fmt.Sprintf("X%d", i), ""
				statement = append(statement, s)
				if e.Refund {
					plant(payments.UnknownRefund, s.Number, "")
				} else {
					plant(payments.UnknownPayment, s.Number, "")
				}
				continue
			case payments.MissingPayment:
				if e.Refund {
					plant(payments.MissingRefund, "", e.Number)
				} else {
					plant(payments.MissingPayment, "", e.Number)
				}
				kept = append(kept, e)
				continue
			case payments.WrongAmount:
				s.Money.Amount += rapid.Int64Range(1, 100).Draw(t, "more")
				plant(payments.WrongAmount, name, e.Number)
			case payments.WrongCurrency:
				s.Money.Currency = "KWD"
				plant(payments.WrongCurrency, name, e.Number)
			case payments.Twice:
				statement = append(statement, s)
				plant(payments.Twice, name, e.Number)
			}
			statement, kept = append(statement, s), append(kept, e)
		}
		statement = rapid.Permutation(statement).Draw(t, "order")

		got := payments.Reconcile(statement, kept)
		counted := map[found]int{}
		for _, f := range foundIn(got) {
			counted[f]++
		}
		if diff := cmp.Diff(want, counted); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		checkGap(t, got)
	})
}

// TestTheGapIsTheSumOfTheDifferences holds for any two lists, however little they have in common.
func TestTheGapIsTheSumOfTheDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var statement []payments.Entry
		for _, e := range slices.Concat(books(t), books(t)) {
			statement = append(statement, stated(t, e))
		}
		checkGap(t, payments.Reconcile(statement, books(t)))
	})
}

// checkGap compares what is left between the two sides with the differences, by currency.
func checkGap(t *rapid.T, r payments.Result) {
	gap := map[string]int64{}
	for _, total := range r.Totals {
		gap[total.Currency] += total.Gateway() - total.Shop()
	}
	for _, d := range r.Differences {
		if d.Statement != nil {
			gap[d.Statement.Money.Currency] -= signed(d.Statement)
		}
		if d.Shop != nil && d.Kind != payments.Twice {
			gap[d.Shop.Money.Currency] += signed(d.Shop)
		}
	}
	for currency, left := range gap {
		if left != 0 {
			t.Errorf("%s: %d are left that no difference explains: %+v", currency, left, foundIn(r))
		}
	}
}

func signed(e *payments.Entry) int64 {
	if e.Refund {
		return -e.Money.Amount
	}
	return e.Money.Amount
}

func TestDay(t *testing.T) {
	for _, tc := range []struct {
		zone, day   string
		first, last string // the first and the last second of the day
	}{
		{"Asia/Hong_Kong", "2026-11-20", "2026-11-19T16:00:00Z", "2026-11-20T15:59:59Z"},
		{"UTC", "2026-12-31", "2026-12-31T00:00:00Z", "2026-12-31T23:59:59Z"},
		{"Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"}, // 23 hours
		{"Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"}, // 25 hours
	} {
		zone, err := time.LoadLocation(tc.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := payments.ParseDay(tc.day, zone)
		if err != nil || day.String() != tc.day {
			t.Errorf("%s: got %s, err %v", tc.day, day, err)
			continue
		}
		first, err1 := time.Parse(time.RFC3339, tc.first)
		last, err2 := time.Parse(time.RFC3339, tc.last)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if !day.Contains(first) || !day.Contains(last) || day.Contains(first.Add(-1)) || day.Contains(last.Add(time.Second)) {
			t.Errorf("%s in %s does not go from %s to %s", tc.day, tc.zone, tc.first, tc.last)
		}
	}
	for _, text := range []string{"", "20.11.2026", "2026-02-30", "2026-11-20T00:00:00Z", "today"} {
		if _, err := payments.ParseDay(text, time.UTC); err == nil {
			t.Errorf("day %q: got no error", text)
		}
	}
}

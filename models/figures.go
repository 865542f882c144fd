package models

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Span is a time from its beginning up to and without its end.
type Span struct{ From, To time.Time }

// PaidWithin is how soon after it was placed an order has to be paid to count as converted. After that
// the figures of a day stand still.
const PaidWithin = 24 * time.Hour

// Figures are what a shop sold in a span, by the currency of the money.
type Figures map[string]*Sales

// Sales are the figures in one currency.
type Sales struct {
	Placed    int64 // orders placed in the span
	Converted int64 // of these, how many were paid within PaidWithin
	Paid      int64 // orders paid in the span, whenever they were placed

	Goods map[string]Sold  // in the orders paid in the span, by variant
	Ways  map[Way]Turnover // money that moved in the span
	Waits map[int64]int64  // how many payments came after so many seconds; see roundWait
}

// Sold is how much of one thing was sold.
type Sold struct {
	Name   string // as it was called in the order
	Pieces int64
	Sum    int64 // minor units
}

// Way is how money came, and so how it goes back.
type Way struct {
	Wallet  Wallet // empty where it was marked as paid by hand
	Gateway GatewayName
}

// Turnover is money that moved, in minor units.
type Turnover struct {
	Payments, Taken   int64 // every payment that succeeded, also one that paid no order
	Refunds, Returned int64 // every refund that succeeded, on the day when it did
}

// Net returns what was taken and not given back.
func (t Turnover) Net() int64 { return t.Taken - t.Returned }

// Plus returns both together.
func (t Turnover) Plus(other Turnover) Turnover {
	return Turnover{
		t.Payments + other.Payments, t.Taken + other.Taken, t.Refunds + other.Refunds, t.Returned + other.Returned,
	}
}

// MarshalText makes a way the name of a JSON member.
func (w Way) MarshalText() ([]byte, error) {
	return []byte(string(w.Wallet) + "/" + string(w.Gateway)), nil
}

// UnmarshalText reads what MarshalText wrote.
func (w *Way) UnmarshalText(text []byte) error {
	wallet, gateway, found := strings.Cut(string(text), "/")
	if !found {
		return fmt.Errorf("%q is no wallet and gateway", text)
	}
	w.Wallet, w.Gateway = Wallet(wallet), GatewayName(gateway)
	return nil
}

// In returns the figures in the currency, which are all nothing when there are none.
func (f Figures) In(currency string) Sales {
	if sales := f[currency]; sales != nil {
		return *sales
	}
	return Sales{}
}

// Add adds other figures to these.
func (f Figures) Add(other Figures) {
	for currency, more := range other {
		f.of(currency).add(*more)
	}
}

// of returns the figures in the currency to be changed.
func (f Figures) of(currency string) *Sales {
	if f[currency] == nil {
		f[currency] = &Sales{Goods: map[string]Sold{}, Ways: map[Way]Turnover{}, Waits: map[int64]int64{}}
	}
	return f[currency]
}

func (s *Sales) add(more Sales) {
	s.Placed += more.Placed
	s.Converted += more.Converted
	s.Paid += more.Paid
	for variant, sold := range more.Goods {
		s.addSold(variant, sold)
	}
	for way, turnover := range more.Ways {
		s.Ways[way] = s.Ways[way].Plus(turnover)
	}
	for seconds, n := range more.Waits {
		s.Waits[seconds] += n
	}
}

func (s *Sales) addSold(variant string, more Sold) {
	sold := s.Goods[variant]
	s.Goods[variant] = Sold{more.Name, sold.Pieces + more.Pieces, sold.Sum + more.Sum}
}

// Turnover returns the money of all ways together.
func (s Sales) Turnover() Turnover {
	var sum Turnover
	for _, t := range s.Ways {
		sum = sum.Plus(t)
	}
	return sum
}

// Wait returns the time from the beginning of an attempt to its payment that so many percent of the
// payments did not exceed. False: there were none.
func (s Sales) Wait(percent int64) (time.Duration, bool) {
	var all, seen int64
	for _, n := range s.Waits {
		all += n
	}
	for _, seconds := range slices.Sorted(maps.Keys(s.Waits)) {
		if seen += s.Waits[seconds]; seen*100 >= all*percent {
			return time.Duration(seconds) * time.Second, true
		}
	}
	return 0, false
}

// roundWait returns a wait in seconds, as exactly as anybody reads it: to the second below two minutes,
// to ten seconds below twenty, to the minute above. So there are few different ones to keep.
func roundWait(d time.Duration) int64 {
	to := time.Minute
	switch {
	case d < 2*time.Minute:
		to = time.Second
	case d < 20*time.Minute:
		to = 10 * time.Second
	}
	return int64(max(d, 0).Round(to) / time.Second)
}

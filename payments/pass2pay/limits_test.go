package pass2pay

import (
	"strings"
	"testing"
	"time"

	"saoma/payments"
)

// TestLimits: each limit is itself allowed, and what is one beyond it is not.
func TestLimits(t *testing.T) {
	for length, want := range map[int]bool{minSecret - 1: false, minSecret: true, maxSecret: true, maxSecret + 1: false} {
		c := goodConfig()
		c.AppSecret = strings.Repeat("s", length)
		if _, err := New(c); (err == nil) != want {
			t.Errorf("app_secret of %d: got %v, want it taken: %t", length, err, want)
		}
	}
	for validity, want := range map[time.Duration]bool{time.Minute - 1: false, time.Minute: true} {
		c := goodConfig()
		c.Validity = validity
		if _, err := New(c); (err == nil) != want {
			t.Errorf("validity of %v: got %v, want it taken: %t", validity, err, want)
		}
	}
	const host = "https://shop.example/"
	for length, want := range map[int]bool{maxLink: true, maxLink + 1: false} {
		if got := plainLink(host + strings.Repeat("x", length-len(host))); got != want {
			t.Errorf("link of %d: got %t, want %t", length, got, want)
		}
	}
	for name, tt := range map[string]struct {
		change func(*payments.CreateRequest)
		want   bool
	}{
		"nothing to pay":          {func(r *payments.CreateRequest) { r.Money.Amount = 0 }, false},
		"one minor unit":          {func(r *payments.CreateRequest) { r.Money.Amount = 1 }, true},
		"a customer since 2001":   {func(r *payments.CreateRequest) { r.CustomerSince = time.UnixMilli(1e12) }, true},
		"a day before 13 digits":  {func(r *payments.CreateRequest) { r.CustomerSince = time.UnixMilli(1e12 - 1) }, false},
		"after 13 digits":         {func(r *payments.CreateRequest) { r.CustomerSince = time.UnixMilli(1e13) }, false},
		"12 digits below nothing": {func(r *payments.CreateRequest) { r.CustomerSince = time.UnixMilli(-1e11) }, false},
	} {
		r := goodCreate()
		tt.change(&r)
		if err := checkCreate(r); (err == nil) != tt.want {
			t.Errorf("%s: got %v, want it taken: %t", name, err, tt.want)
		}
	}
	c := goodConfig()
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for life, want := range map[time.Duration]bool{time.Second: true, c.Validity: true, c.Validity + time.Second: false, 0: false} {
		r := goodCreate()
		r.ExpiresAt = r.CreatedAt.Add(life)
		if got, err := g.life(r); (err == nil) != want || want && got != life {
			t.Errorf("an attempt of %v: got %v, %v, want it taken: %t", life, got, err, want)
		}
	}
}

package scanforpay

import (
	"strings"
	"testing"

	"saoma/models"
	"saoma/payments"
)

// TestLimits: each limit is itself allowed, and what is one beyond it is not.
func TestLimits(t *testing.T) {
	for number, want := range map[string]bool{
		"0": true, "9": true, "A": true, "Z": true, "a": true, "z": true, strings.Repeat("0", maxNumber): true,
		"": false, "/": false, ":": false, "@": false, "[": false, "`": false, "{": false, "é": false, strings.Repeat("0", maxNumber+1): false,
	} {
		if err := checkOurNumber(number); (err == nil) != want {
			t.Errorf("number %q: got %v, want it taken: %t", number, err, want)
		}
	}
	for amount, want := range map[int64]bool{1: true, maxAmount: true, 0: false, -1: false, maxAmount + 1: false} {
		if err := checkMoney(models.Money{Amount: amount, Currency: "CNY"}); (err == nil) != want {
			t.Errorf("amount %d: got %v, want it taken: %t", amount, err, want)
		}
	}
	for value, want := range map[string]bool{"!": true, "~": true, "1234": true, "12345": false, "": false, " ": false, "\x7f": false} {
		if err := checkNumber("store_no", value, 1, 4); (err == nil) != want {
			t.Errorf("store_no %q: got %v, want it taken: %t", value, err, want)
		}
	}
	for length, want := range map[int]bool{minSignKey: true, minSignKey - 1: false} {
		c := testGateway(t, "https://pay.example").config
		c.SignKey = strings.Repeat("k", length)
		if err := c.check(); (err == nil) != want {
			t.Errorf("sign_key of %d: got %v, want it taken: %t", length, err, want)
		}
	}
	for length, want := range map[int]bool{maxReference: true, maxReference + 1: false} {
		body := strings.Replace(paidBody, "2026030112000757", strings.Repeat("7", length), 1)
		_, err := testGateway(t, "https://pay.example").ParseNotification("application/json", sealed(response(body)))
		if (err == nil) != want {
			t.Errorf("orderNo of %d: got %v, want it taken: %t", length, err, want)
		}
	}
}

// TestParts: what does not add up to the whole is told in no part of it.
func TestParts(t *testing.T) {
	for _, tt := range []struct{ goods, shipping, whole, wantGoods, wantExtra int64 }{
		{2500, 1000, 3500, 2500, 1000},
		{1, 1, 2, 1, 1},
		{3500, 0, 3500, 0, 0},
		{0, 3500, 3500, 0, 0},
		{2500, 1000, 3499, 0, 0},
		{-1, 3501, 3500, 0, 0},
	} {
		r := payments.CreateRequest{Money: models.Money{Amount: tt.whole, Currency: "CNY"}}
		r.Goods, r.Shipping = tt.goods, tt.shipping
		if goods, extra := parts(r); goods != tt.wantGoods || extra != tt.wantExtra {
			t.Errorf("%d and %d of %d: got %d and %d, want %d and %d", tt.goods, tt.shipping, tt.whole, goods, extra, tt.wantGoods, tt.wantExtra)
		}
	}
}

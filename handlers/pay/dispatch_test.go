package pay_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"saoma/models"
)

// A buyer sees how the order went on its way.
func TestTrackingNumberIsShown(t *testing.T) {
	s := newShop(t)
	o := s.order(t)
	if answer := s.press(t, o, "/pay", desktop, url.Values{"wallet": {"wechat"}}); answer.StatusCode != 303 {
		t.Fatalf("pay: got %d", answer.StatusCode)
	}
	if _, body := s.get(t, "/o/"+o.Token, desktop); strings.Contains(body, "Tracking number") {
		t.Error("a tracking number is shown before there is one")
	}
	ctx := context.Background()
	err := s.Tx(ctx, func(tx *models.Tx) error {
		o, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		p := &o.Payments[0]
		if _, err := tx.MovePayment(p, models.PaymentSucceeded, models.PaymentChange{ConfirmedAt: tx.Now()}); err != nil {
			return err
		}
		_, err = tx.MarkPaid(o, p)
		return err
	})
	if err == nil {
		err = s.Fulfil(ctx, o.Number, models.Dispatch{Carrier: "SF <Express>", Tracking: "SF1042"}, models.CommandLine())
	}
	if err != nil {
		t.Fatal(err)
	}
	_, body := s.get(t, "/o/"+o.Token, desktop)
	for _, want := range []string{"SF &lt;Express&gt;", "SF1042", "Your order is on its way"} {
		if !strings.Contains(body, want) {
			t.Errorf("got no %q on the order page", want)
		}
	}
}

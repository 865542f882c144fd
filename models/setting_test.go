package models_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestSettingReadAndShow(t *testing.T) {
	tests := []struct {
		setting  models.Setting
		currency string
		typed    string
		value    string // as it is kept
		shown    string
		refusal  string // key
	}{
		{setting: models.SetShopName, typed: "Tea & Cups", value: "Tea & Cups", shown: "Tea & Cups"},
		{setting: models.SetShopName, typed: "", refusal: "invalid.required"},
		{setting: models.SetShopName, typed: "two\nlines", refusal: "invalid.line"},
		{setting: models.SetShopName, typed: strings.Repeat("茶", models.MaxShopName+1), refusal: "invalid.max"},
		{setting: models.SetShippingFee, currency: "CNY", typed: "12.5", value: "1250", shown: "12.50"},
		{setting: models.SetShippingFee, currency: "JPY", typed: "600", value: "600", shown: "600"},
		{setting: models.SetShippingFee, currency: "KWD", typed: "0.125", value: "125", shown: "0.125"},
		{setting: models.SetShippingFee, currency: "CNY", typed: "0", value: "0", shown: "0.00"},
		{setting: models.SetShippingFee, currency: "JPY", typed: "0.5", refusal: "invalid.amount"},
		{setting: models.SetShippingFee, currency: "CNY", typed: "-1", refusal: "invalid.amount"},
		{setting: models.SetShippingFee, currency: "CNY", typed: "1e3", refusal: "invalid.amount"},
		{setting: models.SetShippingFee, currency: "CNY", typed: "", refusal: "invalid.amount"},
		{setting: models.SetShippingFee, currency: "CNY", typed: "10000000000.01", refusal: "invalid.amount"},
		{setting: models.SetFreeShippingFrom, currency: "CNY", typed: "500", value: "50000", shown: "500.00"},
		{setting: models.SetPaymentWindow, typed: "15m", value: "15m", shown: "15m"},
		{setting: models.SetPaymentWindow, typed: "1H 30m", value: "1h30m", shown: "1h30m"},
		{setting: models.SetPaymentWindow, typed: "90s", value: "1m30s", shown: "1m30s"},
		{setting: models.SetPaymentWindow, typed: "1s", value: "1s", shown: "1s"},
		{setting: models.SetPaymentWindow, typed: "24h", value: "24h", shown: "24h"},
		{setting: models.SetPaymentWindow, typed: "24h1s", refusal: "invalid.window"},
		{setting: models.SetPaymentWindow, typed: "999ms", refusal: "invalid.window"},
		{setting: models.SetPaymentWindow, typed: "15", refusal: "invalid.window"},
		{setting: models.SetLatePayment, typed: "ask", value: "ask", shown: "ask"},
		{setting: models.SetLatePayment, typed: "refund", refusal: "invalid.choice"},
		{setting: models.SetDuplicate, typed: "refund", value: "refund", shown: "refund"},
		{setting: models.SetDuplicate, typed: "", refusal: "invalid.choice"},
		{setting: models.SetLowStock, typed: "0", value: "0", shown: "0"},
		{setting: models.SetLowStock, typed: "-1", refusal: "invalid.number"},
		{setting: models.SetLowStock, typed: "few", refusal: "invalid.number"},
		{setting: models.SetAccent, typed: " #FFD400 ", value: "#ffd400", shown: "#ffd400"},
		{setting: models.SetAccent, typed: "#fd4", refusal: "invalid.colour"},
		{setting: models.SetAccent, typed: "ffd400", refusal: "invalid.colour"},
		{setting: models.SetAccent, typed: "red", refusal: "invalid.colour"},
		{setting: models.SetAccent, typed: "", refusal: "invalid.colour"},
		{setting: models.SetAccent, typed: "#ffd400;}", refusal: "invalid.colour"},
		{setting: models.SetText("about", "en"), typed: "We sell\r\ntea.", value: "We sell\ntea.", shown: "We sell\ntea."},
		{setting: models.SetText("terms", "ja"), typed: strings.Repeat("x", models.MaxShopText+1), refusal: "invalid.max"},
		{setting: models.SetPaused(models.Pass2Pay), typed: "yes", value: "yes", shown: "yes"},
		{setting: models.SetPaused(models.Pass2Pay), typed: "on", refusal: "invalid.choice"},
	}
	for _, tt := range tests {
		value, err := tt.setting.Read(tt.typed, tt.currency)
		key := ""
		if e, ok := errors.AsType[*models.Error](err); ok {
			key = e.Key
		}
		if value != tt.value || key != tt.refusal {
			t.Errorf("%s: read %.20q in %s: got %q, refusal %q (%v), want %q, %q", tt.setting.Name, tt.typed, tt.currency, value, key, err, tt.value, tt.refusal)
		}
		if err == nil && tt.setting.Show(value, tt.currency) != tt.shown {
			t.Errorf("%s: show %q in %s: got %q, want %q", tt.setting.Name, value, tt.currency, tt.setting.Show(value, tt.currency), tt.shown)
		}
	}
}

func TestShopText(t *testing.T) {
	s := modelstest.New(t)
	modelstest.Set(t, s, models.SetText("about", "zh-Hans"), "关于我们")
	modelstest.Set(t, s, models.SetText("about", "en"), "About us")
	for _, tt := range []struct {
		page           string
		languages      []string
		text, language string
	}{
		{"about", []string{"en", "zh-Hans"}, "About us", "en"},
		{"about", []string{"ja", "zh-Hans"}, "关于我们", "zh-Hans"},
		{"about", []string{"ja"}, "", ""},
		{"terms", []string{"en"}, "", ""},
	} {
		if text, language := s.Settings().Text(tt.page, tt.languages...); text != tt.text || language != tt.language {
			t.Errorf("%s in %v: got %q in %q, want %q in %q", tt.page, tt.languages, text, language, tt.text, tt.language)
		}
	}
}

var ada = models.Actor{Name: "ada@example.com"}

func TestChangeSettings(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx := context.Background()
		s := modelstest.Open(t, o)
		d := models.SetPaymentWindow
		state := func() models.SettingState {
			t.Helper()
			states, err := s.SettingStates(ctx, d)
			if err != nil {
				t.Fatal(err)
			}
			got := states[d.Name]
			got.ChangedAt = time.Time{}
			return got
		}
		put := func(changes ...models.SettingChange) ([]string, []string) {
			t.Helper()
			changed, moved, err := s.ChangeSettings(ctx, ada, changes)
			if err != nil {
				t.Fatal(err)
			}
			return changed, moved
		}
		first := state()
		if diff := cmp.Diff(models.SettingState{Value: "15m", Configured: "15m"}, first); diff != "" {
			t.Errorf("at first (-want +got):\n%s", diff)
		}
		if changed, moved := put(models.SettingChange{Setting: d, Value: "15m", Seen: first.Mark()}); changed != nil || moved != nil || state().Here {
			t.Errorf("nothing changed: got changed %v, moved %v, %+v", changed, moved, state())
		}
		put(models.SettingChange{Setting: d, Value: "1h", Seen: first.Mark()})
		if diff := cmp.Diff(models.SettingState{Value: "1h", Configured: "15m", Here: true}, state()); diff != "" {
			t.Errorf("after the change (-want +got):\n%s", diff)
		}
		if got := s.Settings().PaymentWindow; got != time.Hour {
			t.Errorf("known at once: got %v, want 1h", got)
		}

		// A second person, who still sees 15m: all or nothing.
		fee := models.SettingChange{Setting: models.SetShippingFee, Value: "700", Seen: markSeen(t, s, models.SetShippingFee)}
		changed, moved := put(models.SettingChange{Setting: d, Value: "2h", Seen: first.Mark()}, fee)
		if diff := cmp.Diff([]string{"shop.payment_window"}, moved); diff != "" || changed != nil || s.Settings().ShippingFee != 1000 {
			t.Errorf("changed meanwhile: got changed %v, fee %d, moved (-want +got):\n%s", changed, s.Settings().ShippingFee, diff)
		}
		// What that person left alone is no matter, and the same wish is fulfilled.
		changed, moved = put(models.SettingChange{Setting: d, Value: "15m", Seen: first.Mark()}, fee)
		if len(changed) != 1 || moved != nil || s.Settings().PaymentWindow != time.Hour || s.Settings().ShippingFee != 700 {
			t.Errorf("left alone: got changed %v, moved %v, %+v", changed, moved, s.Settings())
		}
		if changed, moved = put(models.SettingChange{Setting: d, Value: "1h", Seen: first.Mark()}); changed != nil || moved != nil {
			t.Errorf("same wish: got changed %v, moved %v, want none", changed, moved)
		}

		// Given back to the configuration, once.
		back := models.SettingChange{Setting: d, GiveUp: true, Seen: state().Mark()}
		for i, want := range []int{1, 0} {
			if changed, moved := put(back); len(changed) != want || moved != nil {
				t.Errorf("give up, time %d: got changed %v, moved %v, want %d changed", i+1, changed, moved, want)
			}
		}
		if state() != first || s.Settings().PaymentWindow != 15*time.Minute {
			t.Errorf("given up: got %+v, want as at first", state())
		}

		entries, err := s.AuditEntries(ctx, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		var log []string
		for _, e := range entries {
			log = append(log, e.Actor+" "+e.Action+" "+e.Subject+": "+e.Details)
		}
		want := []string{
			"ada@example.com change_setting shop.payment_window: 1h → 15m (as in the configuration)",
			"ada@example.com change_setting shop.shipping_fee: 10.00 → 7.00",
			"ada@example.com change_setting shop.payment_window: 15m → 1h",
		}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("audit log (-want +got):\n%s", diff)
		}
	})
}

func markSeen(t *testing.T, s *models.Store, d models.Setting) string {
	t.Helper()
	states, err := s.SettingStates(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return states[d.Name].Mark()
}

// TestSettingsOfTwoProcesses: what one process changes counts for the other's next order at once, and
// its pages soon show it.
func TestSettingsOfTwoProcesses(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx := context.Background()
		one, two := modelstest.Open(t, o), modelstest.Open(t, o)
		modelstest.Product(t, one, "cup", 2500, 9)
		before := modelstest.Order(t, two, "cup")
		seen := before.Money()

		modelstest.Set(t, one, models.SetShippingFee, "1200")
		modelstest.Set(t, one, models.SetPaymentWindow, "1h")
		draft := modelstest.Draft("cup", 1)
		draft.Seen = &seen
		if _, err := two.PlaceOrder(ctx, draft); !errors.Is(err, models.ErrPriceChanged) {
			t.Errorf("order with the fee of before: got %v, want ErrPriceChanged", err)
		}
		if got := two.Settings().ShippingFee; got != 1200 {
			t.Errorf("the page after the refusal: got fee %d, want 1200", got)
		}
		seen.Amount += 200
		after, err := two.PlaceOrder(ctx, draft)
		if err != nil {
			t.Fatal(err)
		}
		if window := after.ExpiresAt.Sub(after.CreatedAt); after.Shipping != 1200 || window != time.Hour {
			t.Errorf("order after the change: got shipping %d, window %v, want 1200, 1h", after.Shipping, window)
		}
		kept, err := two.OrderByID(ctx, before.ID)
		if err != nil || !kept.ExpiresAt.Equal(before.ExpiresAt) {
			t.Errorf("window of the order before: got until %v, %v, want %v", kept.ExpiresAt, err, before.ExpiresAt)
		}

		modelstest.Set(t, one, models.SetShopName, "Tea House")
		for end := time.Now().Add(20 * time.Second); two.Settings().ShopName != "Tea House"; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the other process: got name %q, want Tea House", two.Settings().ShopName)
			}
		}
		again := modelstest.Open(t, o)
		if got := again.Settings(); got.ShopName != "Tea House" || got.ShippingFee != 1200 || got.PaymentWindow != time.Hour {
			t.Errorf("a process that starts: got %+v", got)
		}
	})
}

// TestTwoChangesAtOnce: of two persons who change one thing at the same moment, one does.
func TestTwoChangesAtOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		seen := markSeen(t, s, models.SetShippingFee)
		type result struct {
			changed, moved []string
			err            error
		}
		results := make(chan result)
		for _, fee := range []string{"100", "200"} {
			go func() {
				changed, moved, err := s.ChangeSettings(context.Background(), ada, []models.SettingChange{{Setting: models.SetShippingFee, Value: fee, Seen: seen}})
				results <- result{changed, moved, err}
			}()
		}
		did, told := 0, 0
		for range 2 {
			r := <-results
			if r.err != nil {
				t.Error(r.err)
			}
			did, told = did+len(r.changed), told+len(r.moved)
		}
		if did != 1 || told != 1 {
			t.Errorf("got %d changed and %d told, want 1 and 1", did, told)
		}
	})
}

package admin

import (
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"saoma/models"
	"saoma/models/modelstest"
	"saoma/payments"
	"saoma/payments/sandbox"
	"saoma/payments/scanforpay"
)

// newSellingDesk is a desk whose ScanForPay is the sandbox, asked with the key, and whose Pass2Pay is
// off.
func newSellingDesk(t *testing.T, key string) *desk {
	t.Helper()
	box := sandbox.New(sandbox.Config{PublicURL: "http://127.0.0.1", Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(box.Close)
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	gateway, err := scanforpay.New(scanforpay.Config{
		BaseURL: server.URL + sandbox.ScanForPayPath, PartnerNo: sandbox.DemoPartnerNo, StoreNo: sandbox.DemoStoreNo,
		SignKey: key, Validity: 12 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	return newDeskWith(t, modelstest.Options(t), payments.Config{
		Gateways: []payments.Account{{Gateway: gateway, Validity: 12 * time.Hour}},
		Routes: payments.Routes{
			{Wallet: "wechat", Scene: "wallet", Gateway: models.ScanForPay, Method: "jspay"},
			{Wallet: "alipay", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"},
			{Wallet: "alipay", Scene: "phone", Gateway: models.Pass2Pay, Method: "ALI_WAP"},
		},
	}, []Gateway{
		{Name: models.ScanForPay, Enabled: true, Address: "gateway.example", Merchant: "10086 / 1", Key: "••••wxyz", Currencies: []string{"CNY", "HKD"}},
		{Name: models.Pass2Pay, Merchant: "M1 / A1"},
	})
}

func TestGatewaysPage(t *testing.T) {
	d := newSellingDesk(t, sandbox.DemoSignKey)
	b := d.as(d.hire("ada@example.com", owner))
	b.get("/admin/gateways").check(t, "page", 200, "", []string{
		"ScanForPay", "gateway.example", "10086 / 1", "••••wxyz", "CNY, HKD", "1. WeChat Pay · inside its app · jspay", "2. Alipay · anywhere · qrcode",
		"Pass2Pay", "switched off in the configuration", "none yet", "Test now", ">Pause<",
	}, []string{sandbox.DemoSignKey, "lead nowhere", `action="/admin/gateways/pass2pay/test"`})

	b.post("/admin/gateways/scanforpay/test", nil).check(t, "test", 303, "/admin/gateways", nil, nil)
	b.get("/admin/gateways").check(t, "tested", 200, "", []string{"knows the shop: address, account and key are right."}, nil)
	for range 3 {
		b.post("/admin/gateways/scanforpay/test", nil)
	}
	b.get("/admin/gateways").check(t, "tested too often", 200, "", []string{"Please wait a few seconds."}, nil)
	b.post("/admin/gateways/pass2pay/test", nil).check(t, "one that is off", 404, "", []string{models.ErrGatewayNotFound.Key}, nil)
	b.post("/admin/gateways/pass2pay/switch", url.Values{"paused": {"yes"}}).check(t, "one that is off", 404, "", nil, nil)

	bob := d.as(d.hire("bob@example.com", finance))
	bob.get("/admin/gateways").check(t, "finance", 200, "", []string{"gateway.example"}, []string{"Test now", ">Pause<"})
}

func TestSwitchGateway(t *testing.T) {
	d := newSellingDesk(t, sandbox.DemoSignKey)
	b := d.as(d.hire("ada@example.com", owner))
	shown := b.get("/admin/gateways").body
	_, seen, _ := strings.Cut(shown, `name="seen" value="`)
	form := url.Values{"seen": {seen[:16]}, "paused": {"yes"}}
	d.later(models.StaffProofAge)
	b.post("/admin/gateways/scanforpay/switch", form).check(t, "stale", 200, "", []string{"Confirm it&#39;s you", `name="paused" value="yes"`}, nil)
	form.Set(proofField, password)
	b.post("/admin/gateways/scanforpay/switch", form).check(t, "pause", 303, "/admin/gateways", nil, nil)
	b.get("/admin/gateways").check(t, "paused", 200, "", []string{
		"ScanForPay is paused.", ">Resume<", ">Paused<", "lead nowhere",
		"<li>WeChat Pay · inside its app</li><li>Alipay · inside its app</li><li>Alipay · at a desktop</li></ul>",
	}, []string{"Payment is not possible"})
	modelstest.Set(t, d.store, models.SetPaused(models.Pass2Pay), models.Yes)
	b.get("/admin/gateways").check(t, "all paused", 200, "", []string{"Payment is not possible at the moment."}, []string{"lead nowhere"})
	form = url.Values{"seen": {seen[:16]}, "paused": {"perhaps"}}
	b.post("/admin/gateways/scanforpay/switch", form).check(t, "neither", 400, "", nil, nil)
	form.Set("paused", "yes")
	b.post("/admin/gateways/scanforpay/switch", form).check(t, "twice", 303, "/admin/gateways", nil, nil)

	_, seen, _ = strings.Cut(b.get("/admin/gateways").body, `name="seen" value="`)
	b.post("/admin/gateways/scanforpay/switch", url.Values{"seen": {seen[:16]}, "paused": {"no"}}).check(t, "resume", 303, "/admin/gateways", nil, nil)
	b.get("/admin/gateways").check(t, "on again", 200, "", []string{"ScanForPay is on again.", ">Pause<"}, []string{"Payment is not possible"})
	entries, err := d.store.AuditEntries(t.Context(), 0, 3)
	if err != nil || len(entries) != 3 || entries[0].Details != "yes → no" || entries[2].Subject != "gateways.scanforpay.paused" {
		t.Errorf("audit log: got %+v, %v, want the two switches", entries, err)
	}
}

// TestGatewayTestSaysWhatIsWrong: the gateway's own words are shown, and no key.
func TestGatewayTestSaysWhatIsWrong(t *testing.T) {
	const key = "a key that is not the right one"
	d := newSellingDesk(t, key)
	b := d.as(d.hire("ada@example.com", owner))
	b.post("/admin/gateways/scanforpay/test", nil).check(t, "test", 303, "/admin/gateways", nil, nil)
	b.get("/admin/gateways").check(t, "wrong key", 200, "", []string{"refused the query. Usually the merchant number or the key is wrong."}, []string{key})
}

package payments

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

func TestRoutesMatch(t *testing.T) {
	routes := Routes{
		{Wallet: "wechat", Scene: "wallet", Gateway: models.ScanForPay, Method: "jspay"},
		{Wallet: "wechat", Scene: "phone", Gateway: models.Pass2Pay, Method: "WX_H5"},
		{Wallet: "any", Scene: "phone", Gateway: models.Pass2Pay, Method: "cashier"},
		{Wallet: "alipay", Scene: "phone", Gateway: models.ScanForPay, Method: "online"},
		{Wallet: "alipayhk", Scene: "any", Gateway: models.ScanForPay, Method: "online"},
		{Wallet: "wechat", Scene: "wallet", Gateway: models.Pass2Pay, Method: "WX_H5"},
	}
	tests := []struct {
		name   string
		wallet models.Wallet
		scene  models.Scene
		want   []Route
	}{
		{"fallback keeps the table's order", models.WeChat, models.SceneWallet, []Route{routes[0], routes[5]}},
		{"any wallet, after its own row", models.WeChat, models.ScenePhone, []Route{routes[1], routes[2]}},
		{"any wallet, before its own row", models.Alipay, models.ScenePhone, []Route{routes[2], routes[3]}},
		{"any scene", models.AlipayHK, models.SceneDesktop, []Route{routes[4]}},
		{"any wallet and any scene", models.AlipayHK, models.ScenePhone, []Route{routes[2], routes[4]}},
		{"no row for the scene", models.WeChat, models.SceneDesktop, nil},
		{"no row for the wallet", models.Wallet("paypal"), models.SceneWallet, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := routes.Match(tt.wallet, tt.scene)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Match(%q, %q) (-want +got):\n%s", tt.wallet, tt.scene, diff)
			}
		})
	}
}

func TestRoutesWallets(t *testing.T) {
	routes := Routes{
		{Wallet: "alipayhk", Scene: "any", Gateway: models.ScanForPay, Method: "online"},
		{Wallet: "wechat", Scene: "wallet", Gateway: models.ScanForPay, Method: "jspay"},
		{Wallet: "alipay", Scene: "wallet", Gateway: models.ScanForPay, Method: "jspay"},
		{Wallet: "alipay", Scene: "desktop", Gateway: models.ScanForPay, Method: "qrcode"},
	}
	tests := []struct {
		name   string
		routes Routes
		device Device
		want   []models.Wallet
	}{
		{"inside WeChat", routes, insideWeChat, []models.Wallet{models.WeChat, models.AlipayHK}},
		{"inside Alipay", routes, insideAlipay, []models.Wallet{models.Alipay, models.AlipayHK}},
		{"desktop", routes, desktop, []models.Wallet{models.Alipay, models.AlipayHK}},
		{"phone", routes, phone, []models.Wallet{models.AlipayHK}},
		{"any", Routes{{Wallet: "any", Scene: "any"}}, phone, models.Wallets},
		{"empty table", nil, phone, []models.Wallet{}},
		{"one code leads nowhere by itself", Routes{{Wallet: "any", Scene: "desktop", Method: OneCode}}, desktop, []models.Wallet{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(models.Wallets)
			got := tt.routes.Wallets(tt.device.Scene)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Wallets at %+v (-want +got):\n%s", tt.device, diff)
			}
			if len(models.Wallets) != before || models.Wallets[0] != models.WeChat {
				t.Errorf("models.Wallets is now %v", models.Wallets)
			}
		})
	}
}

// TestOneCodeAt: one code for every wallet is for desktops, and only where a row says so.
func TestOneCodeAt(t *testing.T) {
	without := Routes{{Wallet: "any", Scene: "any", Gateway: models.ScanForPay, Method: "qrcode"}}
	with := append(Routes{{Wallet: "any", Scene: "desktop", Method: OneCode}}, without...)
	for _, tt := range []struct {
		routes Routes
		device Device
		want   bool
	}{{with, desktop, true}, {with, phone, false}, {with, insideWeChat, false}, {without, desktop, false}, {nil, desktop, false}} {
		if got := tt.routes.OneCodeAt(tt.device); got != tt.want {
			t.Errorf("%v at %+v: got %t", tt.routes, tt.device, got)
		}
	}
}

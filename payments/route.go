package payments

import (
	"slices"

	"saoma/models"
)

// Route is one row of the table that says how a wallet is paid with in a scene.
type Route struct {
	Wallet  string // a models.Wallet, or "any"
	Scene   string // a models.Scene, or "any"
	Gateway models.GatewayName
	Method  string
}

// OneCode is the method of a row that leads to no gateway: desktops show the order page's own address
// as a code, and the phone that scans it pays by the rows for its wallet.
const OneCode = "one_code"

// Routes is the table, in the order in which its rows are tried.
type Routes []Route

// OneCode reports whether desktops show one code for every wallet.
func (rs Routes) OneCode() bool {
	return slices.ContainsFunc(rs, func(r Route) bool { return r.Method == OneCode })
}

// OneCodeAt reports whether the device is a desktop that shows one code for every wallet. No attempt
// is begun there.
func (rs Routes) OneCodeAt(d Device) bool { return !d.Phone && rs.OneCode() }

// Match returns the rows that lead the wallet in the scene to a gateway: the first is tried first,
// each later one is the fallback when the one before holds no order that a buyer could pay.
func (rs Routes) Match(wallet models.Wallet, scene models.Scene) []Route {
	var matched []Route
	for _, r := range rs {
		if r.Method != OneCode && is(r.Wallet, string(wallet)) && is(r.Scene, string(scene)) {
			matched = append(matched, r)
		}
	}
	return matched
}

// Wallets returns the wallets that some row serves in their scene, in the order of models.Wallets.
// scene tells the scene of each wallet, since being inside WeChat is another scene for Alipay.
func (rs Routes) Wallets(scene func(models.Wallet) models.Scene) []models.Wallet {
	return slices.DeleteFunc(slices.Clone(models.Wallets), func(w models.Wallet) bool {
		return len(rs.Match(w, scene(w))) == 0
	})
}

// Offered returns the wallets that some row serves somewhere, in the order of models.Wallets.
func (rs Routes) Offered() []models.Wallet {
	return slices.DeleteFunc(slices.Clone(models.Wallets), func(w models.Wallet) bool {
		return len(rs.Match(w, models.SceneWallet))+len(rs.Match(w, models.ScenePhone))+len(rs.Match(w, models.SceneDesktop)) == 0
	})
}

func is(pattern, value string) bool { return pattern == "any" || pattern == value }

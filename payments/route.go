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

// Routes is the table, in the order in which its rows are tried.
type Routes []Route

// Match returns the rows that serve the wallet in the scene: the first is tried first, each
// later one is the fallback when the one before certainly holds no payable order.
func (rs Routes) Match(wallet models.Wallet, scene models.Scene) []Route {
	var matched []Route
	for _, r := range rs {
		if is(r.Wallet, string(wallet)) && is(r.Scene, string(scene)) {
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

func is(pattern, value string) bool { return pattern == "any" || pattern == value }

package admin

import (
	"cmp"
	"maps"
	"slices"

	"saoma/models"
)

// table is what stands behind a chart, on the page and as a file.
type table struct {
	Name    string // in the address of the file
	Title   string
	Columns []string
	Rows    []tableRow
	Shares  bool // whether each row has a bar
	CSV     string
}

// tableRow is one of its rows. A cell is a text, a number or money.
type tableRow struct {
	Name    string
	Key     string // the name in the file
	Address string // where there is more about it; empty: nowhere
	Cells   []any
	Share   int // percent of the most
}

// shownRows is how many rows of a table the page shows; its file has all.
const shownRows = 50

// Shown are the rows that the page shows.
func (t table) Shown() []tableRow { return t.Rows[:min(len(t.Rows), shownRows)] }

// More is how many rows only the file has.
func (t table) More() int { return len(t.Rows) - len(t.Shown()) }

// Cell puts a cell into words.
func (p numbersPage) Cell(value any) string {
	if money, is := value.(models.Money); is {
		return p.Money(money)
	}
	return (&csvSheet{}).text(value)
}

func (n *report) table(name string, columns ...string) table {
	t := table{Name: name, Title: n.T("admin.numbers.table." + name), CSV: n.at("/admin/numbers.csv", "table", name)}
	for _, column := range columns {
		t.Columns = append(t.Columns, n.T("admin.numbers.of."+column))
	}
	return t
}

// stepsTable has a row for each step that has begun.
func (n *report) stepsTable() table {
	t := n.table("time", string(n.unit), "placed", "paid", "takings", "refunds", "net")
	for _, s := range n.steps {
		if s.From.After(n.now) {
			break
		}
		turnover := s.Turnover()
		row := tableRow{
			Name: n.stepName(s.Span), Key: s.From.Format(dayFormat),
			Cells: []any{s.Placed, s.Paid, n.money(turnover.Taken), n.money(turnover.Returned), n.money(turnover.Net())},
		}
		if n.unit == byHour {
			row.Key = s.From.Format("2006-01-02 15:04")
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (n *report) walletsTable() table {
	byWallet := map[models.Wallet]models.Turnover{}
	for way, turnover := range n.sum.Ways {
		byWallet[way.Wallet] = byWallet[way.Wallet].Plus(turnover)
	}
	return turnoverTable(n, "wallets", byWallet, func(w models.Wallet) string {
		if w == "" {
			return n.T("gateway." + string(models.ByHand))
		}
		return n.T("wallet." + string(w))
	})
}

func (n *report) gatewaysTable() table {
	byGateway := map[models.GatewayName]models.Turnover{}
	for way, turnover := range n.sum.Ways {
		byGateway[way.Gateway] = byGateway[way.Gateway].Plus(turnover)
	}
	return turnoverTable(n, "gateways", byGateway, func(g models.GatewayName) string { return n.T("gateway." + string(g)) })
}

// turnoverTable is of the money that moved, the most first.
func turnoverTable[K cmp.Ordered](n *report, name string, of map[K]models.Turnover, title func(K) string) table {
	t := n.table(name, name, "payments", "takings", "refunds", "net")
	t.Shares = true
	keys := slices.SortedFunc(maps.Keys(of), func(a, b K) int {
		return cmp.Or(cmp.Compare(of[b].Taken, of[a].Taken), cmp.Compare(a, b))
	})
	for _, key := range keys {
		turnover := of[key]
		t.Rows = append(t.Rows, tableRow{
			Name: title(key), Key: title(key), Share: share(turnover.Taken, of[keys[0]].Taken),
			Cells: []any{turnover.Payments, n.money(turnover.Taken), n.money(turnover.Returned), n.money(turnover.Net())},
		})
	}
	return t
}

// productsTable is of the goods in paid orders, by the product that each variant belongs to; the most
// first.
func (n *report) productsTable() table {
	type product struct{ slug, name string }
	sold := map[product]models.Sold{}
	for variant, s := range n.sum.Goods {
		is := product{name: s.Name}
		if known, there := n.products[variant]; there {
			is = product{known.Slug, known.Name}
		}
		sold[is] = models.Sold{Pieces: sold[is].Pieces + s.Pieces, Sum: sold[is].Sum + s.Sum}
	}
	t := n.table("products", "products", "pieces", "goods")
	t.Shares = true
	products := slices.SortedFunc(maps.Keys(sold), func(a, b product) int {
		return cmp.Or(cmp.Compare(sold[b].Sum, sold[a].Sum), cmp.Compare(a.name, b.name), cmp.Compare(a.slug, b.slug))
	})
	for _, p := range products {
		t.Rows = append(t.Rows, tableRow{
			Name: p.name, Key: p.name, Share: share(sold[p].Sum, sold[products[0]].Sum),
			Cells: []any{sold[p].Pieces, n.money(sold[p].Sum)},
		})
	}
	return t
}

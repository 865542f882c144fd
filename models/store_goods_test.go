package models_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"saoma/models"
	"saoma/models/modelstest"
)

// slugs are those of products, in their order.
func slugs(products []models.Product) []string {
	var all []string
	for _, p := range products {
		all = append(all, p.Slug)
	}
	return all
}

func TestGoods(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		if err := s.FillDemo(ctx, "zh-Hans"); err != nil {
			t.Fatal(err)
		}
		rename(t, s, "PRINT", "POSTER")
		rename(t, s, "POSTER", "PRINT-1")
		for _, tt := range []struct {
			text        string
			skip, limit int
			want        []string
			total       int64
		}{
			{"", 0, 3, []string{"tea-set", "t-shirt", "canvas-bag"}, 5},
			{"", 3, 3, []string{"art-print", "e-book"}, 5},
			{"tea", 0, 9, []string{"tea-set", "e-book"}, 2}, // by its name in English
			{"ティー", 0, 9, nil, 0},
			{"コットン", 0, 9, []string{"t-shirt"}, 1},
			{"茶", 0, 9, []string{"tea-set", "e-book"}, 2},
			{"T恤", 0, 9, []string{"t-shirt"}, 1},
			{"shirt-m", 0, 9, []string{"t-shirt"}, 1},
			{"bag-", 0, 9, []string{"canvas-bag"}, 1},
			{"print-1", 0, 9, []string{"art-print"}, 1},
			{"poster", 0, 9, []string{"art-print"}, 1}, // its SKU of before
			{"%", 0, 9, nil, 0},
			{"_", 0, 9, nil, 0},
			{"!", 0, 9, nil, 0},
			{"'", 0, 9, nil, 0},
		} {
			page, err := s.Goods(ctx, tt.text, tt.skip, tt.limit)
			if diff := cmp.Diff(tt.want, slugs(page.Products)); err != nil || diff != "" || page.Total != tt.total {
				t.Errorf("%q from %d: got %d in all, %v (-want +got):\n%s", tt.text, tt.skip, page.Total, err, diff)
			}
		}
	})
}

func TestMoveProduct(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		for _, slug := range []string{"a", "b", "c", "d"} {
			modelstest.Product(t, s, slug, 100, 1)
		}
		for _, tt := range []struct {
			slug  string
			place int
			want  []string
		}{
			{"d", 1, []string{"d", "a", "b", "c"}},
			{"d", 3, []string{"a", "b", "d", "c"}},
			{"a", 99, []string{"b", "d", "c", "a"}},
			{"a", -1, []string{"a", "b", "d", "c"}},
			{"b", 2, []string{"a", "b", "d", "c"}},
		} {
			p, err := s.ProductBySlug(ctx, tt.slug)
			if err != nil {
				t.Fatal(err)
			}
			now, err := s.MoveProduct(ctx, mia, p.ID, tt.place)
			if err != nil || tt.want[now-1] != tt.slug {
				t.Fatalf("%s to %d: got it at place %d, %v", tt.slug, tt.place, now, err)
			}
			all, err := s.Products(ctx)
			if diff := cmp.Diff(tt.want, slugs(all)); err != nil || diff != "" {
				t.Errorf("%s to %d: got %v (-want +got):\n%s", tt.slug, tt.place, err, diff)
			}
		}
		if _, err := s.MoveProduct(ctx, mia, "none", 1); !errors.Is(err, models.ErrProductNotFound) {
			t.Errorf("move an unknown product: got %v", err)
		}
	})
}

func TestChangeProduct(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "pot", 100, 1)
		p, err := s.AddProduct(ctx, mia, models.ProductDetails{Slug: "cup", Name: "Cup"})
		if err != nil {
			t.Fatal(err)
		}
		seen := p.Details()
		with := func(slug, name string) models.ProductDetails {
			return models.ProductDetails{Slug: slug, Name: name, Description: "Blue\nand white", Active: true}
		}
		in := func(d models.ProductDetails, japanese string) models.ProductDetails {
			d.Texts = models.Texts{"ja": {Name: japanese}}
			return d
		}
		for _, tt := range []struct {
			what      string
			seen, now models.ProductDetails
			want      error
		}{
			{"a slug that cannot be", seen, with("Cup 1", "Cup"), models.ErrSlugInvalid},
			{"a slug of another", seen, with("pot", "Cup"), models.ErrSlugTaken},
			{"right", seen, with("cup-2", "Cup two"), nil},
			{"the same once more", seen, with("cup-2", "Cup two"), nil},
			{"from what is no more", seen, with("cup-3", "Cup three"), models.ErrGoodsMoved},
			{"from what is", with("cup-2", "Cup two"), with("cup-3", "Cup three"), nil},
			{"a text in another language", in(with("cup-3", "Cup three"), ""), in(with("cup-3", "Cup three"), "湯呑み"), nil},
			{"from a text that is no more", in(with("cup-3", "Cup three"), ""), in(with("cup-3", "Cup three"), "茶碗"), models.ErrGoodsMoved},
		} {
			if err := s.ChangeProduct(ctx, mia, p.ID, tt.seen, tt.now); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.what, err, tt.want)
			}
		}
		got, err := s.ProductByID(ctx, p.ID)
		want := with("cup-3", "Cup three")
		want.Texts = models.Texts{"ja": {Name: "湯呑み"}}
		if diff := cmp.Diff(want, got.Details()); err != nil || diff != "" {
			t.Errorf("product: %v (-want +got):\n%s", err, diff)
		}
		if place, of, err := s.PlaceOf(ctx, got); place != 2 || of != 2 || err != nil {
			t.Errorf("place: got %d of %d, %v; want the last of two", place, of, err)
		}
		if err := s.ChangeProduct(ctx, mia, "none", seen, with("x", "X")); !errors.Is(err, models.ErrProductNotFound) {
			t.Errorf("an unknown product: got %v", err)
		}
		entries, err := s.AuditEntries(ctx, 0, 100)
		if err != nil || len(entries) != 5 {
			t.Errorf("audit log: got %d entries, %v; want an import, one product added and three changes", len(entries), err)
		} else if want := "slug: cup → cup-2; name: Cup → Cup two; description:  → Blue\nand white; active: false → true"; entries[2].Details != want {
			t.Errorf("audit log: got %q, want %q", entries[2].Details, want)
		}
		if _, err := s.AddProduct(ctx, mia, models.ProductDetails{Slug: "pot", Name: "Pot"}); !errors.Is(err, models.ErrSlugTaken) {
			t.Errorf("add a product with a slug of another: got %v", err)
		}
	})
}

func TestChangeVariant(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		p, err := s.AddProduct(ctx, mia, models.ProductDetails{Slug: "cup", Name: "Cup", Active: true})
		if err != nil {
			t.Fatal(err)
		}
		blue := models.VariantDetails{SKU: "CUP", Options: "blue", Price: 2500, Counted: true, Active: true}
		for _, tt := range []struct {
			product, sku string
			want         error
		}{
			{p.ID, "CUP BLUE", models.ErrSKUInvalid},
			{p.ID, "CUP", nil},
			{p.ID, "CUP", models.ErrSKUTaken},
			{"none", "POT", models.ErrProductNotFound},
		} {
			d := blue
			d.SKU = tt.sku
			if err := s.AddVariant(ctx, mia, tt.product, d, 7); !errors.Is(err, tt.want) {
				t.Errorf("add %q to %q: got %v, want %v", tt.sku, tt.product, err, tt.want)
			}
		}
		order := modelstest.Order(t, s, "CUP")
		dearer := blue
		dearer.Price, dearer.Active, dearer.OptionTexts = 2600, false, models.Translations{"ja": "青"}
		if err := s.ChangeVariant(ctx, mia, "CUP", blue, dearer); err != nil {
			t.Fatal(err)
		}
		other := blue
		other.Price, other.OptionTexts = 2400, nil
		if err := s.ChangeVariant(ctx, mia, "CUP", blue, other); !errors.Is(err, models.ErrGoodsMoved) {
			t.Errorf("from what is no more: got %v, want %v", err, models.ErrGoodsMoved)
		}
		v, err := s.VariantBySKU(ctx, "CUP")
		if err != nil || !cmp.Equal(v.Details(), dearer, cmpopts.EquateEmpty()) || v.OnHand != 6 || v.Reserved != 1 || v.Product.Slug != "cup" {
			t.Errorf("variant: got %+v, %v; want %+v with 6 on hand and 1 held", v, err, dearer)
		}
		if sum := moved(t, s, v.ID); sum != 7 {
			t.Errorf("moves: they add up to %d, want the 7 that it began with", sum)
		}
		if kept, err := s.OrderByID(ctx, order.ID); err != nil || kept.Items[0].Price != 2500 {
			t.Errorf("order: got %+v, %v; want the price of its time", kept.Items, err)
		}
	})
}

// rename gives a variant another SKU.
func rename(t *testing.T, s *models.Store, from, to string) {
	t.Helper()
	v, err := s.VariantBySKU(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	now := v.Details()
	now.SKU = to
	if err := s.ChangeVariant(t.Context(), mia, from, v.Details(), now); err != nil {
		t.Fatalf("%s to %s: %v", from, to, err)
	}
}

// A SKU that a variant had before stands for it wherever somebody still says it, and for no other.
func TestRenamedVariant(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 100)
		modelstest.Product(t, s, "pot", 9900, 4)
		before := modelstest.Order(t, s, "cup")
		first, err := s.VariantBySKU(ctx, "cup")
		if err != nil {
			t.Fatal(err)
		}
		seen := first.Details()
		as := func(sku string, price int64) models.VariantDetails {
			d := seen
			d.SKU, d.Price = sku, price
			return d
		}
		for _, tt := range []struct {
			what      string
			seen, now models.VariantDetails
			want      error
		}{
			{"a SKU that cannot be", seen, as("mug blue", 2500), models.ErrSKUInvalid},
			{"no SKU", seen, as("", 2500), models.ErrSKUInvalid},
			{"a SKU of another", seen, as("pot", 2500), models.ErrSKUTaken},
			{"right", seen, as("mug", 2600), nil},
			{"the same once more", seen, as("mug", 2600), nil},
			{"from what is no more", seen, as("beaker", 2600), models.ErrGoodsMoved},
			{"from what is", as("mug", 2600), as("beaker", 2600), nil},
			{"back to one that it had", as("beaker", 2600), as("mug", 2600), nil},
		} { // all at the address of the first SKU, as by somebody who has not reloaded the page
			if err := s.ChangeVariant(ctx, mia, "cup", tt.seen, tt.now); !errors.Is(err, tt.want) {
				t.Errorf("%s: got %v, want %v", tt.what, err, tt.want)
			}
		}
		for _, sku := range []string{"cup", "mug", "beaker"} {
			if v, err := s.VariantBySKU(ctx, sku); err != nil || v.ID != first.ID || v.SKU != "mug" || v.Product.Slug != "cup" {
				t.Errorf("by %q: got %+v, %v; want the mug", sku, v, err)
			}
			if err := s.AddVariant(ctx, mia, first.ProductID, as(sku, 1), 1); !errors.Is(err, models.ErrSKUTaken) {
				t.Errorf("another variant of the SKU %q: got %v, want %v", sku, err, models.ErrSKUTaken)
			}
		}
		pot, err := s.VariantBySKU(ctx, "pot")
		if err != nil {
			t.Fatal(err)
		}
		stolen := pot.Details()
		stolen.SKU = "beaker"
		if err := s.ChangeVariant(ctx, mia, "pot", pot.Details(), stolen); !errors.Is(err, models.ErrSKUTaken) {
			t.Errorf("a SKU that another had: got %v, want %v", err, models.ErrSKUTaken)
		}
		for _, none := range []string{"cup ", "CUP", "saucer"} {
			if found, err := s.VariantsBySKU(ctx, []string{none, "beaker"}); err != nil || found["beaker"].ID != first.ID || found[none].ID != "" {
				t.Errorf("by %q: got %+v, %v; want the mug under beaker alone", none, found, err)
			}
		}

		// A cart that holds two of its SKUs orders one article, of which not more than one order may hold.
		draft := modelstest.Draft("cup", 2)
		draft.Lines = append(draft.Lines, models.Line{SKU: "mug", Quantity: 3})
		order, err := s.PlaceOrder(ctx, draft)
		if err != nil || len(order.Items) != 1 || order.Items[0].SKU != "mug" || order.Items[0].Quantity != 5 {
			t.Fatalf("order: got %+v, %v; want five mugs in one line", order, err)
		}
		much := modelstest.Draft("cup", models.MaxQuantity)
		much.Lines = append(much.Lines, models.Line{SKU: "mug", Quantity: 1})
		if _, err := s.PlaceOrder(ctx, much); !errors.Is(err, models.ErrNotForSale) {
			t.Errorf("order of more than is allowed: got %v, want %v", err, models.ErrNotForSale)
		}
		if _, err := s.ChangeStock(ctx, mia, models.StockChange{ID: models.NewID(), SKU: "cup", Delta: 1, Reason: "found"}); err != nil {
			t.Errorf("stock by a SKU of before: %v", err)
		}
		if onHand, reserved := stock(t, s, "mug"); onHand != 95 || reserved != 6 {
			t.Errorf("stock: got %d on hand and %d held, want 95 and 6", onHand, reserved)
		}
		if kept, err := s.OrderByID(ctx, before.ID); err != nil || kept.Items[0].SKU != "cup" {
			t.Errorf("order of before: got %+v, %v; want the SKU of its time", kept, err)
		}
		for _, text := range []string{"cup", "mug", "beaker"} {
			list, err := s.Orders(ctx, models.OrderFilter{Text: text}, models.Paging{Limit: 10})
			if err != nil || len(list.Rows) != 2 {
				t.Errorf("orders with %q: got %d, %v; want both", text, len(list.Rows), err)
			}
		}

		// A file that was written before changes the article and keeps its SKU.
		row := func(sku string, price int64) models.Variant {
			return models.Variant{SKU: sku, Price: price, Counted: true, OnHand: 90, Active: true}
		}
		file := []models.Product{{Slug: "cup", Name: "Product cup", Active: true, Variants: []models.Variant{row("cup", 2700)}}}
		plan, err := s.PlanImport(ctx, file, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ImportProducts(ctx, mia, file, true, plan.Seen()); err != nil {
			t.Fatal(err)
		}
		v, err := s.VariantBySKU(ctx, "mug")
		if err != nil || v.ID != first.ID || v.Price != 2700 || v.OnHand != 90 || moved(t, s, v.ID) != v.Shelf() {
			t.Errorf("imported: got %+v, %v; want the mug for 27.00 and 90 on hand", v, err)
		}
		file[0].Variants = append(file[0].Variants, row("mug", 2800))
		if _, err := s.PlanImport(ctx, file, true); !errors.Is(err, models.ErrSKUTwice) {
			t.Errorf("a file with both SKUs: got %v, want %v", err, models.ErrSKUTwice)
		}
		if err := s.PutProducts(ctx, file); !errors.Is(err, models.ErrSKUTwice) {
			t.Errorf("a file with both SKUs, on the command line: got %v, want %v", err, models.ErrSKUTwice)
		}
		entries, err := s.AuditEntries(ctx, 0, 100)
		if err != nil || !slices.ContainsFunc(entries, func(e models.AuditEntry) bool {
			return e.Action == models.ActChangeVariant && e.Subject == "mug" && e.Details == "sku: cup → mug; price: 25.00 → 26.00"
		}) {
			t.Errorf("audit log: got %+v, %v; want both SKUs in it", entries, err)
		}
	})
}

func TestMoveVariant(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		file := []models.Product{{Slug: "shirt", Name: "Shirt", Active: true}, {Slug: "bag", Name: "Bag", Active: true}}
		for _, sku := range []string{"S", "M", "L", "XL"} {
			file[0].Variants = append(file[0].Variants, models.Variant{SKU: sku, Price: 100, Active: true})
		}
		file[1].Variants = []models.Variant{{SKU: "BAG", Price: 100, Active: true}}
		if err := s.PutProducts(ctx, file); err != nil {
			t.Fatal(err)
		}
		shown := func() []string {
			p, err := s.ProductBySlug(ctx, "shirt")
			if err != nil {
				t.Fatal(err)
			}
			var skus []string
			for _, v := range p.Variants {
				skus = append(skus, v.SKU)
			}
			return skus
		}
		for _, tt := range []struct {
			sku   string
			place int
			want  []string
		}{
			{"XL", 1, []string{"XL", "S", "M", "L"}},
			{"S", 3, []string{"XL", "M", "S", "L"}},
			{"XL", 99, []string{"M", "S", "L", "XL"}},
			{"L", -1, []string{"L", "M", "S", "XL"}},
			{"BAG", 1, []string{"L", "M", "S", "XL"}},
		} {
			if _, err := s.MoveVariant(ctx, mia, tt.sku, tt.place); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, shown()); diff != "" {
				t.Errorf("%s to %d (-want +got):\n%s", tt.sku, tt.place, diff)
			}
		}
		if _, err := s.MoveVariant(ctx, mia, "none", 1); !errors.Is(err, models.ErrProductNotFound) {
			t.Errorf("move an unknown variant: got %v", err)
		}
		file[0].Variants = []models.Variant{{SKU: "XXL", Price: 100, Active: true}}
		if err := s.PutProducts(ctx, file[:1]); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"L", "M", "S", "XL", "XXL"}, shown()); diff != "" {
			t.Errorf("an imported one stands behind the others (-want +got):\n%s", diff)
		}
		entries, err := s.AuditEntries(ctx, 0, 100)
		if err != nil || !slices.ContainsFunc(entries, func(e models.AuditEntry) bool {
			return e.Action == models.ActMoveVariant && e.Subject == "S" && e.Details == "→ 3"
		}) {
			t.Errorf("audit log: got %+v, %v; want the moves", entries, err)
		}
	})
}

func TestImportProducts(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 2500, 10)
		modelstest.Product(t, s, "pot", 9900, 4)
		file := func(price, cups int64) []models.Product {
			return []models.Product{
				{Slug: "jar", Name: "Jar", Active: true, Variants: []models.Variant{{SKU: "jar", Price: 700, Counted: true, OnHand: 3, Active: true}}},
				{Slug: "cup", Name: "Product cup", Active: true, Variants: []models.Variant{{SKU: "cup", Price: price, Counted: true, OnHand: cups, Active: true}}},
				{Slug: "pot", Name: "Product pot", Active: true, Variants: []models.Variant{{SKU: "pot", Price: 9900, Counted: true, OnHand: 4, Active: true}}},
			}
		}
		plan := func(price, cups int64, withStock bool) *models.Import {
			t.Helper()
			plan, err := s.PlanImport(ctx, file(price, cups), withStock)
			if err != nil {
				t.Fatal(err)
			}
			return plan
		}

		first := plan(2600, 12, false)
		if added, changed, same := first.Count(); fmt.Sprint(added, changed, same) != "2 1 3" {
			t.Errorf("plan: got %d new, %d changed and %d as they are; want 2, 1 and 3", added, changed, same)
		}
		want := []models.Change{{Column: "price", From: "25.00", To: "26.00"}}
		if diff := cmp.Diff(want, first.Products[1].Variants[0].Changes); diff != "" {
			t.Errorf("cup (-want +got):\n%s", diff)
		}
		if err := s.ImportProducts(ctx, mia, file(2700, 12), false, first.Seen()); !errors.Is(err, models.ErrGoodsMoved) {
			t.Errorf("another file than was seen: got %v, want %v", err, models.ErrGoodsMoved)
		}
		if err := s.ImportProducts(ctx, mia, file(2600, 12), false, first.Seen()); err != nil {
			t.Fatal(err)
		}
		if onHand, _ := stock(t, s, "cup"); onHand != 10 {
			t.Errorf("without stock: got %d cups on hand, want the 10 that there were", onHand)
		}
		if err := s.ImportProducts(ctx, mia, file(2600, 12), false, first.Seen()); err != nil {
			t.Errorf("the same once more: %v", err)
		}

		second := plan(2600, 12, true).Seen() // two more than there are
		modelstest.Order(t, s, "cup")
		for range 2 { // a double click
			if err := s.ImportProducts(ctx, mia, file(2600, 12), true, second); err != nil {
				t.Fatal(err)
			}
			if onHand, reserved := stock(t, s, "cup"); onHand != 11 || reserved != 1 {
				t.Errorf("with stock: got %d cups on hand and %d held, want 11 and 1", onHand, reserved)
			}
		}
		if onHand, _ := stock(t, s, "pot"); onHand != 4 {
			t.Errorf("untouched: got %d pots on hand, want 4", onHand)
		}
		third := plan(2600, 0, true)
		modelstest.Order(t, s, "cup")
		if err := s.ImportProducts(ctx, mia, file(2600, 0), true, third.Seen()); !errors.Is(err, models.ErrStockMoved) {
			t.Errorf("fewer are left than the file takes: got %v, want %v", err, models.ErrStockMoved)
		}
		all, err := s.Products(ctx)
		if diff := cmp.Diff([]string{"cup", "pot", "jar"}, slugs(all)); err != nil || diff != "" {
			t.Errorf("order of display: %v (-want +got):\n%s", err, diff)
		}
		for _, p := range all {
			if v := p.Variants[0]; moved(t, s, v.ID) != v.Shelf() {
				t.Errorf("%s: its moves add up to %d, want %d", v.SKU, moved(t, s, v.ID), v.Shelf())
			}
		}
	})
}

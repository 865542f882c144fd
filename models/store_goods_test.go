package models_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		for _, tt := range []struct {
			text        string
			skip, limit int
			want        []string
			total       int64
		}{
			{"", 0, 3, []string{"tea-set", "t-shirt", "canvas-bag"}, 5},
			{"", 3, 3, []string{"art-print", "e-book"}, 5},
			{"tea", 0, 9, []string{"tea-set"}, 1},
			{"茶", 0, 9, []string{"tea-set", "e-book"}, 2},
			{"T恤", 0, 9, []string{"t-shirt"}, 1},
			{"shirt-m", 0, 9, []string{"t-shirt"}, 1},
			{"bag-", 0, 9, []string{"canvas-bag"}, 1},
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
			if err := s.MoveProduct(ctx, mia, p.ID, tt.place); err != nil {
				t.Fatal(err)
			}
			all, err := s.Products(ctx)
			if diff := cmp.Diff(tt.want, slugs(all)); err != nil || diff != "" {
				t.Errorf("%s to %d: got %v (-want +got):\n%s", tt.slug, tt.place, err, diff)
			}
		}
		if err := s.MoveProduct(ctx, mia, "none", 1); !errors.Is(err, models.ErrProductNotFound) {
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
		blue := models.VariantDetails{Options: "blue", Price: 2500, Counted: true, Active: true}
		for _, tt := range []struct {
			product, sku string
			want         error
		}{
			{p.ID, "CUP BLUE", models.ErrSKUInvalid},
			{p.ID, "CUP", nil},
			{p.ID, "CUP", models.ErrSKUTaken},
			{"none", "POT", models.ErrProductNotFound},
		} {
			if err := s.AddVariant(ctx, mia, tt.product, tt.sku, blue, 7); !errors.Is(err, tt.want) {
				t.Errorf("add %q to %q: got %v, want %v", tt.sku, tt.product, err, tt.want)
			}
		}
		order := modelstest.Order(t, s, "CUP")
		dearer := blue
		dearer.Price, dearer.Active = 2600, false
		if err := s.ChangeVariant(ctx, mia, "CUP", blue, dearer); err != nil {
			t.Fatal(err)
		}
		other := blue
		other.Price = 2400
		if err := s.ChangeVariant(ctx, mia, "CUP", blue, other); !errors.Is(err, models.ErrGoodsMoved) {
			t.Errorf("from what is no more: got %v, want %v", err, models.ErrGoodsMoved)
		}
		v, err := s.VariantBySKU(ctx, "CUP")
		if err != nil || v.Details() != dearer || v.OnHand != 6 || v.Reserved != 1 || v.Product.Slug != "cup" {
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

		second := plan(2600, 12, true) // two more than there are
		modelstest.Order(t, s, "cup")
		if err := s.ImportProducts(ctx, mia, file(2600, 12), true, second.Seen()); err != nil {
			t.Fatal(err)
		}
		if onHand, reserved := stock(t, s, "cup"); onHand != 11 || reserved != 1 {
			t.Errorf("with stock: got %d cups on hand and %d held, want 11 and 1", onHand, reserved)
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

package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// A catalogue is read in parts, forwards and backwards, without what is not for sale.
func TestCatalogueInParts(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		var all []models.Product
		for i := range 7 {
			sku := fmt.Sprintf("p%d", i)
			all = append(all, models.Product{
				Slug: sku, Name: sku, Active: i != 2,
				Variants: []models.Variant{{SKU: sku, Price: 100, Active: i != 4}, {SKU: sku + "-hidden", Price: 100}},
			})
		}
		if err := s.PutProducts(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			paging models.Paging
			want   string
		}{
			{models.Paging{}, "p0 p1 p3 >"},
			{models.Paging{After: "p3"}, "< p5 p6"},
			{models.Paging{After: "p2"}, "< p3 p5 p6"}, // hidden meanwhile
			{models.Paging{After: "p6"}, "<"},
			{models.Paging{Before: "p6"}, "< p1 p3 p5 >"},
			{models.Paging{Before: "p1"}, "p0 >"},
			{models.Paging{After: "none"}, "p0 p1 p3 >"},
		} {
			tt.paging.Limit = 3
			page, err := s.Catalogue(t.Context(), tt.paging)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if page.Before {
				got = append(got, "<")
			}
			for _, p := range page.Products {
				got = append(got, p.Slug)
				if len(p.Variants) != 1 || p.Variants[0].SKU != p.Slug {
					t.Errorf("%+v: %s has the variants %+v, want the one that is for sale", tt.paging, p.Slug, p.Variants)
				}
			}
			if page.Next {
				got = append(got, ">")
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", tt.paging, diff)
			}
		}
		shelf, err := s.Shelf(t.Context(), 4)
		if err != nil || len(shelf) != 4 || shelf[3].Slug != "p5" || shelf[3].UpdatedAt.IsZero() {
			t.Errorf("shelf: got %+v, %v, want the first four that are for sale", shelf, err)
		}
	})
}

// A file that would take too long is refused at the row at which it has to end.
func TestCatalogueFileTooLong(t *testing.T) {
	var file strings.Builder
	if err := models.WriteProducts(&file, nil, "CNY"); err != nil {
		t.Fatal(err)
	}
	for i := range models.MaxRows {
		fmt.Fprintf(&file, "s%d,Name,,,true,S%d,,1.00,,false,,,true\n", i, i)
	}
	all, err := models.ReadProducts(strings.NewReader(file.String()), "CNY")
	if err != nil || len(all) != models.MaxRows {
		t.Fatalf("%d rows: got %d products, %v", models.MaxRows, len(all), err)
	}
	file.WriteString("one,Name,,,true,ONE,,1.00,,false,,,true\n")
	all, err = models.ReadProducts(strings.NewReader(file.String()), "CNY")
	mistakes, _ := errors.AsType[models.Mistakes](err)
	if len(all) != 0 || len(mistakes) != 1 || mistakes[0].Line != models.MaxRows+2 || !strings.Contains(err.Error(), "10000 rows") {
		t.Errorf("one row more: got %d products and %v, want its line and the reason", len(all), err)
	}
}

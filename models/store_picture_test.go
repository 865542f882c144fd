package models_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestPictureName(t *testing.T) {
	name := models.PictureName{Hash: strings.Repeat("0a", 16), Width: 1280, Height: 960}
	if got, is := models.ParsePictureName(name.String()); got != name || !is {
		t.Errorf("%s: got %+v, %v; want it back", name, got, is)
	}
	for width, want := range map[int][]int{1280: {320, 640, 1280}, 700: {320, 640, 700}, 640: {320, 640}, 20: {20}} {
		if diff := cmp.Diff(want, models.PictureName{Width: width}.Widths()); diff != "" {
			t.Errorf("widths of one that is %d wide (-want +got):\n%s", width, diff)
		}
	}
	for _, text := range []string{
		"", "tea-set.svg", name.Hash, name.Hash + "-1280x960.png", name.Hash + "-1280x960.jpg.svg", name.Hash + "-01280x960.jpg",
		name.Hash + "--1x960.jpg", name.Hash + "-0x0.jpg", strings.Repeat("x", 32) + "-1280x960.jpg", "../" + name.String(), name.String() + " ",
	} {
		if got, is := models.ParsePictureName(text); is {
			t.Errorf("%q: got %+v, want no picture's name", text, got)
		}
	}
}

func TestPictures(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		ctx, s := t.Context(), modelstest.Open(t, o)
		modelstest.Product(t, s, "cup", 100, 1)
		p, err := s.ProductBySlug(ctx, "cup")
		if err != nil {
			t.Fatal(err)
		}
		sizes := func() []models.Picture {
			return []models.Picture{{Width: 320, Height: 200, Body: []byte("small")}, {Width: 640, Height: 400, Body: []byte("large\x00'\\")}}
		}
		if err := s.SetProductPicture(ctx, mia, p.ID, sizes()); err != nil {
			t.Fatal(err)
		}
		if err := s.SetVariantPicture(ctx, mia, "cup", sizes()); err != nil { // the same once more
			t.Fatal(err)
		}
		v, err := s.VariantBySKU(ctx, "cup")
		if err != nil || v.Image != v.Product.Image {
			t.Fatalf("variant: got %+v, %v; want the product's picture", v, err)
		}
		name, is := models.ParsePictureName(v.Image)
		if !is || name.Width != 640 || name.Height != 400 {
			t.Errorf("name: got %q, want one of 640 by 400", v.Image)
		}
		for width, want := range map[int]string{320: "small", 640: "large\x00'\\"} {
			if body, err := s.PictureBody(ctx, name.Hash, width); string(body) != want || err != nil {
				t.Errorf("%d wide: got %q, %v; want %q", width, body, err, want)
			}
		}
		if _, err := s.PictureBody(ctx, name.Hash, 1280); !errors.Is(err, models.ErrPictureNotFound) {
			t.Errorf("in a width that it has not: got %v, want %v", err, models.ErrPictureNotFound)
		}

		known, err := s.Products(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.PlanImport(ctx, known, true); err != nil {
			t.Errorf("import a picture that is here: %v", err)
		}
		known[0].Image = models.PictureName{Hash: name.Hash, Width: 640, Height: 401}.String()
		if _, err := s.PlanImport(ctx, known, true); !errors.Is(err, models.ErrPictureUnknown) {
			t.Errorf("import a picture that is not here: got %v, want %v", err, models.ErrPictureUnknown)
		}

		if err := s.SetVariantPicture(ctx, mia, "cup", nil); err != nil {
			t.Fatal(err)
		}
		if v, err := s.VariantBySKU(ctx, "cup"); err != nil || v.Image != "" || v.Product.Image != name.String() {
			t.Errorf("taken away: got %+v, %v; want only the product's picture", v, err)
		}
		entries, err := s.AuditEntries(ctx, 0, 1)
		if err != nil || entries[0].Action != models.ActPicture || entries[0].Details != name.String()+" → " {
			t.Errorf("audit log: got %+v, %v; want what was taken away", entries, err)
		}
	})
}

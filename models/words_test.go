package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" -- / ", nil},
		{"Ada Wong", []string{"ada", "wong"}},
		{"MÜLLER, José", []string{"muller", "jose"}},
		{"ＡＢＣ１２", []string{"abc12"}},
		{"261121-ABCDEFGH", []string{"261121abcdefgh"}},
		{"Ada.Wong+shop@Example.COM", []string{"ada.wong+shop@example.com"}},
		{"Tea set · 茶具", []string{"tea", "set", "茶具"}},
		{"O'Neill Jean-Luc", []string{"oneill", "jeanluc"}},
		{"variant:0193", []string{"variant0193"}},
		{"\xff\xfe", nil},
	} {
		if diff := cmp.Diff(tt.want, models.Words(tt.text)); diff != "" {
			t.Errorf("words of %q (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestNameWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		want []string
	}{
		{"Ada Wong", []string{"ada", "wong"}},
		{"王小明", []string{"王小明", "小明", "明"}},
		{"欧阳 修", []string{"欧阳", "阳", "修"}},
	} {
		if diff := cmp.Diff(tt.want, models.NameWords(tt.name)); diff != "" {
			t.Errorf("words of the name %q (-want +got):\n%s", tt.name, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Ada Wong")
	f.Add("王小明 a@b\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range append(models.Words(text), models.NameWords(text)...) {
			if w == "" || len(w) > 64 {
				t.Errorf("of %q: got the word %q", text, w)
			}
		}
	})
}

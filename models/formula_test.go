package models

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestGuardCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Ada": "Ada", "=1+1": "'=1+1", "+852": "'+852", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠x": "'＠x", "'=1": "''=1", "'Ada": "'Ada", "a=b": "a=b",
	} {
		if got := GuardCell(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("'=+-@\t\rx＝"))).Draw(t, "text")
		if got := unguardCell(GuardCell(text)); got != text {
			t.Errorf("%q: got %q when it is read again", text, got)
		}
	})
}

// A catalogue file holds no formula, and its texts come back as they were.
func TestCatalogueFilesHoldNoFormula(t *testing.T) {
	want := []Product{{
		Slug: "tea", Name: "=HYPERLINK(1)", Description: "-20 %", Active: true, Position: 1, Texts: Texts{"ja": {Name: "＝茶"}},
		Variants: []Variant{{SKU: "+TEA", Options: "@home", OptionTexts: Translations{"ja": "=大"}, Price: 100, Delivery: "'=x", Active: true, Position: 1}},
	}}
	var file bytes.Buffer
	if err := WriteProducts(&file, want, "CNY"); err != nil {
		t.Fatal(err)
	}
	for _, formula := range []string{",=", ",-", ",+", ",@", ",＝"} {
		if bytes.Contains(file.Bytes(), []byte(formula)) {
			t.Errorf("the file has a cell that begins a formula, %q:\n%s", formula, &file)
		}
	}
	got, err := ReadProducts(&file, "CNY")
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("read again (-want +got):\n%s(err %v)", diff, err)
	}
}

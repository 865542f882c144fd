package models_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"saoma/models"
	"saoma/models/modelstest"
)

const columns = "slug,name,description,product_image,product_active,sku,options,price,stock,digital,delivery,image,active\n"

// withoutRows leaves out what the database gives a product.
var withoutRows = cmp.Options{
	cmpopts.IgnoreFields(models.Product{}, "ID", "CreatedAt", "UpdatedAt"),
	cmpopts.IgnoreFields(models.Variant{}, "ID", "ProductID", "CreatedAt", "UpdatedAt"),
	cmp.Transformer("said", func(t models.Texts) map[string]models.ProductText { return models.Texts{}.With(t) }),
	cmp.Transformer("translated", func(t models.Translations) map[string]string { return models.Translations{}.With(t) }),
	cmpopts.EquateEmpty(),
}

// awkward are products whose texts are all that a CSV file could stumble over.
func awkward() []models.Product {
	return []models.Product{
		{
			Slug: "tea-set", Name: `=SUM(A1:A9)`, Description: "Line one,\nline \"two\"\n\nand 茶具 🍵", Image: "tea.svg",
			Position: 1, Active: true,
			Texts: models.Texts{
				"ja":      {Name: "茶器,セット", Description: "一行目\n\"二\"行目"},
				"zh-Hant": {Name: "=茶具"},
			},
			Variants: []models.Variant{
				{SKU: "TEA-1", Options: "+1", OptionTexts: models.Translations{"ja": "=小,さい", "zh-Hans": "小"}, Price: 12850, Counted: true, OnHand: 25, Position: 1, Active: true},
				{SKU: "TEA-2", Options: `-2'"; DROP`, Price: 1, Counted: true, Position: 2, Image: "@tea.svg"},
			},
		},
		{
			Slug: "e-book", Name: "@E-book", Position: 2,
			Variants: []models.Variant{{
				SKU: "茶", Price: 1900, Digital: true, Position: 1, Active: true,
				Delivery: "Your copy:\nhttps://example.com/?a=1&b=2,3",
			}},
		},
	}
}

func TestCatalogueHoldsNoControlCharacters(t *testing.T) {
	file := columns + "cup,\"Cup\nof \x00tea\",\"One\r\ntwo\x00\",,true,cup,S\tM,12,1,false,\"a\x1b\nb\",,true\n"
	got, err := models.ReadProducts(strings.NewReader(file), "CNY")
	if err != nil {
		t.Fatal(err)
	}
	p, v := got[0], got[0].Variants[0]
	if diff := cmp.Diff([]string{"Cup of tea", "One\ntwo", "S M", "a\nb"}, []string{p.Name, p.Description, v.Options, v.Delivery}); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCatalogueComesBackAsItWent(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := modelstest.Open(t, o)
		if err := s.PutProducts(t.Context(), awkward()); err != nil {
			t.Fatal(err)
		}
		products, err := s.Products(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := models.WriteProducts(&file, products, "CNY"); err != nil {
			t.Fatal(err)
		}
		read, err := models.ReadProducts(bytes.NewReader(file.Bytes()), "CNY")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(awkward(), read, withoutRows); diff != "" {
			t.Errorf("read from the file (-want +got):\n%s", diff)
		}
		if err := s.PutProducts(t.Context(), read); err != nil {
			t.Fatal(err)
		}
		again, err := s.Products(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(products, again, cmpopts.IgnoreFields(models.Product{}, "UpdatedAt"), cmpopts.IgnoreFields(models.Variant{}, "UpdatedAt")); diff != "" {
			t.Errorf("in the shop after it was put again (-want +got):\n%s", diff)
		}
	})
}

func TestCataloguePricesHaveTheCurrencysPlaces(t *testing.T) {
	for currency, want := range map[string]string{"CNY": "128.50", "JPY": "12850", "KWD": "12.850"} {
		var file bytes.Buffer
		products := awkward()[:1]
		if err := models.WriteProducts(&file, products, currency); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(file.String(), ","+want+",") {
			t.Errorf("%s: got %q, want the price %s in it", currency, file.String(), want)
		}
		read, err := models.ReadProducts(&file, currency)
		if err != nil || read[0].Variants[0].Price != 12850 {
			t.Errorf("%s: got %+v, err %v, want the price 12850", currency, read, err)
		}
	}
}

func TestCatalogueFilesOfOtherPrograms(t *testing.T) {
	file := columns +
		"cup,Cup,\"One\nTwo\",,TRUE,CUP-S,S,12.5,,0,,,1\n" +
		"pot,Pot,,,true,POT,,20,3,false,,,false\n" +
		"cup,,,,true,CUP-L,L,14,0,false,,,true\n"
	want := []models.Product{
		{Slug: "cup", Name: "Cup", Description: "One\nTwo", Position: 1, Active: true, Variants: []models.Variant{
			{SKU: "CUP-S", Options: "S", Price: 1250, Position: 1, Active: true},
			{SKU: "CUP-L", Options: "L", Price: 1400, Counted: true, Position: 2, Active: true},
		}},
		{Slug: "pot", Name: "Pot", Position: 2, Active: true, Variants: []models.Variant{
			{SKU: "POT", Price: 2000, Counted: true, OnHand: 3, Position: 1},
		}},
	}
	for name, text := range map[string]string{
		"plain":                    file,
		"CRLF":                     strings.ReplaceAll(file, "\n", "\r\n"),
		"byte order mark":          "\ufeff" + file,
		"mark and quotes":          "\ufeff\"slug\"" + strings.TrimPrefix(file, "slug"),
		"no line break at the end": strings.TrimSuffix(file, "\n"),
		"empty lines":              strings.Replace(file, "\npot", "\n\n\npot", 1),
	} {
		got, err := models.ReadProducts(strings.NewReader(text), "CNY")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A file says something of the texts in the languages that it has columns for, and nothing of others.
func TestCatalogueTexts(t *testing.T) {
	s := modelstest.New(t)
	put := func(file string) *models.Product {
		t.Helper()
		products, err := models.ReadProducts(strings.NewReader(file), "CNY")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PutProducts(t.Context(), products); err != nil {
			t.Fatal(err)
		}
		product, err := s.ProductBySlug(t.Context(), "cup")
		if err != nil {
			t.Fatal(err)
		}
		return product
	}
	row := "cup,Cup,,,true,CUP,,12.50,3,false,,,true"
	header := strings.TrimSuffix(columns, "\n")
	for _, step := range []struct {
		name, file string
		want       models.Texts
		options    models.Translations
	}{
		{"two languages", header + ",name_zh-Hans,description_zh-Hans,name_ja,description_ja\n" + row + ",杯子,青瓷,湯呑み,青磁\n",
			models.Texts{"zh-Hans": {Name: "杯子", Description: "青瓷"}, "ja": {Name: "湯呑み", Description: "青磁"}}, nil},
		{"options", header + ",options_zh-Hans,options_ja\n" + row + ",大,大きい\n",
			models.Texts{"zh-Hans": {Name: "杯子", Description: "青瓷"}, "ja": {Name: "湯呑み", Description: "青磁"}}, models.Translations{"zh-Hans": "大", "ja": "大きい"}},
		{"without texts", columns + row + "\n",
			models.Texts{"zh-Hans": {Name: "杯子", Description: "青瓷"}, "ja": {Name: "湯呑み", Description: "青磁"}}, models.Translations{"zh-Hans": "大", "ja": "大きい"}},
		{"one language", header + ",name_ja,description_ja,options_ja\n" + row + ",湯呑み茶碗,,大\n",
			models.Texts{"zh-Hans": {Name: "杯子", Description: "青瓷"}, "ja": {Name: "湯呑み茶碗"}}, models.Translations{"zh-Hans": "大", "ja": "大"}},
		{"taken away", header + ",options_ja,name_ja,description_ja\n" + row + ",,,\n",
			models.Texts{"zh-Hans": {Name: "杯子", Description: "青瓷"}}, models.Translations{"zh-Hans": "大"}},
	} {
		got := put(step.file)
		if diff := cmp.Diff(step.want, got.Texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.options, got.Variants[0].OptionTexts); diff != "" {
			t.Errorf("%s, options (-want +got):\n%s", step.name, diff)
		}
	}

	products, err := models.ReadProducts(strings.NewReader(header+",name_ja,description_ja,options_zh-Hans\n"+row+",湯呑み,,小\n"), "CNY")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.PlanImport(t.Context(), products, false)
	if err != nil {
		t.Fatal(err)
	}
	want := []models.Change{{Column: "name_ja", To: "湯呑み"}}
	if diff := cmp.Diff(want, plan.Products[0].Changes); diff != "" {
		t.Errorf("what an import would change (-want +got):\n%s", diff)
	}
	want = []models.Change{{Column: "options_zh-Hans", From: "大", To: "小"}}
	if diff := cmp.Diff(want, plan.Products[0].Variants[0].Changes); diff != "" {
		t.Errorf("what an import would change of the variant (-want +got):\n%s", diff)
	}
}

func TestCatalogueMistakes(t *testing.T) {
	good := "cup,Cup,,,true,CUP,,12.50,3,false,,,true\n"
	for _, tc := range []struct {
		name, file string
		want       []string // one line of the message each
	}{
		{"empty", "", []string{"line 1: the columns must be slug,name,"}},
		{"other columns", "slug,name\ncup,Cup\n", []string{"line 1: the columns must be slug,name,"}},
		{"half a pair of texts", strings.TrimSuffix(columns, "\n") + ",name_ja\n", []string{"line 1, column name_ja: here follow name_ and description_"}},
		{"texts the other way round", strings.TrimSuffix(columns, "\n") + ",description_ja,name_ja\n", []string{"line 1, column description_ja: here follow"}},
		{"texts of two languages mixed", strings.TrimSuffix(columns, "\n") + ",name_ja,description_en\n", []string{"line 1, column name_ja: here follow"}},
		{"texts in no language", strings.TrimSuffix(columns, "\n") + ",name_klingon,description_klingon\n", []string{"line 1, column name_klingon: here follow"}},
		{"a language written otherwise", strings.TrimSuffix(columns, "\n") + ",name_zh_hant,description_zh_hant\n", []string{"line 1, column name_zh_hant: here follow"}},
		{"texts twice", strings.TrimSuffix(columns, "\n") + ",name_ja,description_ja,name_ja,description_ja\n", []string{"line 1, column name_ja: here follow"}},
		{"options twice", strings.TrimSuffix(columns, "\n") + ",options_ja,options_ja\n", []string{"line 1, column options_ja: here follow"}},
		{"options in no language", strings.TrimSuffix(columns, "\n") + ",options_klingon\n", []string{"line 1, column options_klingon: here follow"}},
		{"long options", strings.TrimSuffix(columns, "\n") + ",options_ja\n" + strings.TrimSuffix(good, "\n") + "," + strings.Repeat("茶", 201) + "\n",
			[]string{"line 2, column options_ja: at most 200 characters"}},
		{"long text", strings.TrimSuffix(columns, "\n") + ",name_ja,description_ja\n" + strings.TrimSuffix(good, "\n") + "," + strings.Repeat("茶", 201) + ",\n",
			[]string{"line 2, column name_ja: at most 200 characters"}},
		{"no slug", columns + ",Cup,,,true,CUP,,12.50,3,false,,,true\n", []string{`line 2, column slug: lower-case letters, digits and hyphens, not ""`}},
		{"slug", columns + "Cup,Cup,,,true,CUP,,12.50,3,false,,,true\n", []string{`line 2, column slug: lower-case letters, digits and hyphens, not "Cup"`}},
		{"no name", columns + "cup, ,,,true,CUP,,12.50,3,false,,,true\n", []string{"line 2, column name: must not be empty"}},
		{"long name", columns + "cup," + strings.Repeat("茶", 201) + ",,,true,CUP,,12.50,3,false,,,true\n", []string{"line 2, column name: at most 200 characters"}},
		{"long description", columns + "cup,Cup," + strings.Repeat("x", 16001) + ",,true,CUP,,12.50,3,false,,,true\n", []string{"line 2, column description: at most 16000 characters"}},
		{"other encoding", columns + "cup,\xb2\xe8,,,true,CUP,,12.50,3,false,,,true\n", []string{`line 2, column name: is not UTF-8; save the file as "CSV UTF-8"`}},
		{"product_active", columns + "cup,Cup,,,yes,CUP,,12.50,3,false,,,true\n", []string{`line 2, column product_active: true or false, not "yes"`}},
		{"no sku", columns + "cup,Cup,,,true,,,12.50,3,false,,,true\n", []string{`line 2, column sku: a name without blanks and without / ? # %, not ""`}},
		{"sku", columns + "cup,Cup,,,true,A/B,,12.50,3,false,,,true\n", []string{`line 2, column sku: a name without blanks and without / ? # %, not "A/B"`}},
		{"line break in sku", columns + "cup,Cup,,,true,\"A\nB\",,12.50,3,false,,,true\n", []string{`line 2, column sku: a name without blanks and without / ? # %, not "A\nB"`}},
		{"NUL in sku", columns + "cup,Cup,,,true,A\x00B,,12.50,3,false,,,true\n", []string{`line 2, column sku: a name without blanks and without / ? # %, not "A\x00B"`}},
		{"sku twice", columns + good + "pot,Pot,,,true,CUP,,1,,false,,,true\n", []string{`line 3, column sku: "CUP" stands in line 2 already`}},
		{"price", columns + "cup,Cup,,,true,CUP,,$12,3,false,,,true\n", []string{`line 2, column price: amount "$12" is not a plain decimal`}},
		{"fraction", columns + "cup,Cup,,,true,CUP,,12.505,3,false,,,true\n", []string{`line 2, column price: amount "12.505" has more than 2 decimals`}},
		{"free", columns + "cup,Cup,,,true,CUP,,0.00,3,false,,,true\n", []string{"line 2, column price: must be more than nothing"}},
		{"huge price", columns + "cup,Cup,,,true,CUP,,92233720368547758.08,3,false,,,true\n", []string{"line 2, column price: amount out of range"}},
		{"stock", columns + "cup,Cup,,,true,CUP,,12.50,-1,false,,,true\n", []string{`line 2, column stock: a whole number from 0, or empty where stock is not counted, not "-1"`}},
		{"signed stock", columns + "cup,Cup,,,true,CUP,,12.50,+1,false,,,true\n", []string{`line 2, column stock: a whole number`}},
		{"huge stock", columns + "cup,Cup,,,true,CUP,,12.50,9223372036854775808,false,,,true\n", []string{`line 2, column stock: a whole number`}},
		{"too few fields", columns + "cup,Cup\n" + good, []string{"record on line 2: wrong number of fields"}},
		{"open quote", columns + good + "pot,\"Pot\n", []string{`line 3, column 10: extraneous or missing " in quoted-field`}},
		{
			"several, after a row of three lines", columns + "cup,Cup,\"1\n2\n3\",,true,CUP,,12.50,3,false,,,true\n" +
				"pot,Pot,,,true,POT,,x,y,z,,,\n" + "jar\n" + "Jug,Jug,,,true,JUG,,1,,true,,,true\n" + "mug,\"M\"ug\n",
			[]string{
				`line 5, column digital: true or false, not "z"`, `line 5, column active: true or false, not ""`,
				`line 5, column price: amount "x"`, `line 5, column stock: a whole number`,
				"record on line 6: wrong number of fields", `line 7, column slug: lower-case`,
				`line 8, column 7: extraneous or missing " in quoted-field`,
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := models.ReadProducts(strings.NewReader(tc.file), "CNY")
			if err == nil || got != nil {
				t.Fatalf("got %d products and %v, want an error alone", len(got), err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(tc.want) {
				t.Fatalf("got %d mistakes, want %d:\n%v", len(lines), len(tc.want), err)
			}
			for i, want := range tc.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("mistake %d: got %q, want %q", i+1, lines[i], want)
				}
			}
		})
	}
}

func TestCatalogueFileThatCannotBeReadOrWritten(t *testing.T) {
	if got, err := models.ReadProducts(brokenFile{}, "CNY"); !errors.Is(err, os.ErrClosed) || got != nil {
		t.Errorf("read: got %v, err %v, want %v", got, err, os.ErrClosed)
	}
	if err := models.WriteProducts(brokenFile{}, awkward(), "CNY"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write: got %v, want %v", err, os.ErrClosed)
	}
}

type brokenFile struct{}

func (brokenFile) Read([]byte) (int, error)  { return 0, os.ErrClosed }
func (brokenFile) Write([]byte) (int, error) { return 0, os.ErrClosed }

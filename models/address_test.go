package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
)

func TestAddressLines(t *testing.T) {
	for _, tt := range []struct {
		what, code, country string
		buyer               models.Buyer
		want                []string
	}{
		{"Shenzhen", "CN", "中国", models.Buyer{Name: "王小明", Address: "南山区科技园1号", City: "深圳市", Region: "广东省", Postcode: "518000"},
			[]string{"中国", "518000", "广东省深圳市", "南山区科技园1号", "王小明"}},
		{"Shenzhen in Latin letters", "CN", "China", models.Buyer{Name: "Wang Xiaoming", Address: "1 Keji Road", City: "Shenzhen", Region: "Guangdong", Postcode: "518000"},
			[]string{"Wang Xiaoming", "1 Keji Road", "Shenzhen", "Guangdong, 518000", "China"}},
		{"a city that is its own province", "CN", "中国", models.Buyer{Name: "李", Address: "南京东路1号", City: "上海市", Region: "上海市"},
			[]string{"中国", "上海市", "南京东路1号", "李"}},
		{"Tokyo", "JP", "日本", models.Buyer{Name: "山田太郎", Address: "神宮前1-2-3", City: "渋谷区", Region: "東京都", Postcode: "150-0001"},
			[]string{"日本", "〒150-0001", "東京都渋谷区", "神宮前1-2-3", "山田太郎"}},
		{"Tokyo, without a postcode", "JP", "日本", models.Buyer{Name: "山田太郎", Address: "神宮前1-2-3", City: "渋谷区", Region: "東京都"},
			[]string{"日本", "東京都渋谷区", "神宮前1-2-3", "山田太郎"}},
		{"Tokyo for a Western reader", "JP", "Japan", models.Buyer{Name: "T. Yamada", Address: "1-2-3 Jingumae", City: "Shibuya-ku", Region: "Tokyo", Postcode: "150-0001"},
			[]string{"T. Yamada", "1-2-3 Jingumae", "Shibuya-ku, Tokyo 150-0001", "Japan"}},
		{"Taipei", "TW", "台灣", models.Buyer{Name: "陳", Address: "忠孝東路1號", City: "中正區", Region: "臺北市", Postcode: "100"},
			[]string{"台灣", "100", "臺北市中正區", "忠孝東路1號", "陳"}},
		{"Hong Kong", "HK", "香港", models.Buyer{Name: "黃", Address: "彌敦道1號", City: "旺角", Region: "九龍"},
			[]string{"香港", "九龍旺角", "彌敦道1號", "黃"}},
		{"Hong Kong in English", "HK", "Hong Kong", models.Buyer{Name: "Ada Wong", Address: "1 Queen's Road", City: "Hong Kong"},
			[]string{"Ada Wong", "1 Queen's Road", "Hong Kong"}},
		{"Macau", "MO", "Macau", models.Buyer{Name: "A", Address: "1 Rua", City: "Taipa"}, []string{"A", "1 Rua", "Taipa", "Macau"}},
		{"Seoul", "KR", "대한민국", models.Buyer{Name: "김", Address: "세종대로 1", City: "중구", Region: "서울", Postcode: "04524"},
			[]string{"대한민국", "04524", "서울 중구", "세종대로 1", "김"}},
		{"Singapore", "SG", "Singapore", models.Buyer{Name: "A", Address: "1 Orchard Road", Postcode: "238839"}, []string{"A", "1 Orchard Road", "238839", "Singapore"}},
		{"San Francisco", "US", "United States", models.Buyer{Name: "A", Address: "1 Market St", City: "San Francisco", Region: "CA", Postcode: "94103"},
			[]string{"A", "1 Market St", "San Francisco, CA 94103", "United States"}},
		{"San Francisco, half of it", "US", "United States", models.Buyer{Name: "A", Address: "1 Market St", City: "San Francisco", Postcode: "94103"},
			[]string{"A", "1 Market St", "San Francisco, 94103", "United States"}},
		{"London", "GB", "United Kingdom", models.Buyer{Name: "A", Address: "10 Downing Street", City: "London", Postcode: "SW1A 2AA"},
			[]string{"A", "10 Downing Street", "London", "SW1A 2AA", "United Kingdom"}},
		{"Berlin, read in Chinese", "DE", "德国", models.Buyer{Name: "A", Address: "Unter den Linden 1", City: "Berlin", Postcode: "10117"},
			[]string{"A", "Unter den Linden 1", "10117 Berlin", "德国"}},
		{"an order of before, as it was", "Atlantis", "Atlantis", models.Buyer{Name: "A", Address: "1 Sea", City: "Deep", Region: "Ocean", Postcode: "7"},
			[]string{"A", "1 Sea", "7 Deep, Ocean", "Atlantis"}},
		{"nothing but a street", "", "", models.Buyer{Name: "A", Address: "1 Sea"}, []string{"A", "1 Sea"}},
	} {
		if diff := cmp.Diff(tt.want, tt.buyer.AddressLines(tt.code, tt.country)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.what, diff)
		}
	}
}

func TestPostcodes(t *testing.T) {
	for code, right := range map[string][]string{
		"CN": {"518000"}, "JP": {"150-0001", "1500001"}, "TW": {"100", "10048", "100012", "100-48"}, "SG": {"238839"}, "US": {"94103", "94103-1234"},
		"GB": {"SW1A 2AA", "sw1a2aa", "M1 1AE"}, "CA": {"M5V 2T6", "m5v2t6"}, "NL": {"1012 JS"}, "HK": {"anything", "999077"}, "Atlantis": {"7"},
	} {
		form := models.AddressFormOf(code)
		for _, postcode := range append(right, "") {
			if form.Doubts(postcode) {
				t.Errorf("%s: %q is doubted", code, postcode)
			}
		}
		if form.Example != "" && (form.Doubts(form.Example) || !form.Doubts(form.Example+"?") || !form.Doubts("?"+form.Example)) {
			t.Errorf("%s: its example %q is doubted, or more than it is not", code, form.Example)
		}
	}
}

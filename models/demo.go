package models

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// FillDemo puts the demo products into a shop that has no products yet, and does nothing in any
// other. The language is the shop's own; the products' texts in the others stand beside it. Prices are
// for a currency with two decimals; they are whole units in one without.
func (s *Store) FillDemo(ctx context.Context, language string) error {
	err := s.Tx(ctx, func(tx *Tx) error {
		var products int64
		if err := tx.db.Model(&Product{}).Count(&products).Error; err != nil || products > 0 {
			return err
		}
		return tx.importProducts(CommandLine(), demoProducts(language), true, nil)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil // another replica was filling it at the same moment
	}
	return err
}

// demoProducts are the demo's products with their texts in the language as their own.
func demoProducts(language string) []Product {
	products := []Product{
		{
			Slug: "tea-set", Image: "tea-set.svg",
			Variants: []Variant{{SKU: "TEA-SET", Price: 12850, Counted: true, OnHand: 25, Active: true}},
			Texts: Texts{
				"en":      {"Tea set", "A porcelain pot and four cups, glazed in celadon. Dishwasher safe."},
				"zh-Hans": {"茶具套装", "青瓷茶壶一只、茶杯四只，可用洗碗机清洗。"},
				"zh-Hant": {"茶具套裝", "青瓷茶壺一個、茶杯四隻，可用洗碗機清洗。"},
				"ja":      {"茶器セット", "青磁の急須と湯呑み4客のセット。食器洗い機で洗えます。"},
			},
		},
		{
			Slug: "t-shirt", Image: "t-shirt.svg",
			Variants: []Variant{
				{SKU: "SHIRT-S", Options: "S", Price: 8900, Counted: true, OnHand: 40, Position: 1, Active: true},
				{SKU: "SHIRT-M", Options: "M", Price: 8900, Counted: true, OnHand: 60, Position: 2, Active: true},
				{SKU: "SHIRT-L", Options: "L", Price: 8900, Counted: true, OnHand: 40, Position: 3, Active: true},
			},
			Texts: Texts{
				"en":      {"Cotton T-shirt", "Heavy organic cotton, cut straight."},
				"zh-Hans": {"棉质T恤", "重磅有机棉，直筒剪裁。"},
				"zh-Hant": {"純棉T恤", "厚磅有機棉，直身剪裁。"},
				"ja":      {"コットンTシャツ", "厚手のオーガニックコットン。すっきりしたストレートシルエット。"},
			},
		},
		{
			Slug: "canvas-bag", Image: "canvas-bag.svg",
			Variants: []Variant{
				{
					SKU: "BAG-NATURAL", Price: 4500, Counted: true, OnHand: 80, Position: 1, Active: true,
					OptionTexts: Translations{"en": "Natural", "zh-Hans": "本色", "zh-Hant": "原色", "ja": "生成り"},
				},
				{
					SKU: "BAG-INDIGO", Price: 4900, Counted: true, OnHand: 80, Position: 2, Active: true,
					OptionTexts: Translations{"en": "Indigo", "zh-Hans": "靛蓝", "zh-Hant": "靛藍", "ja": "藍"},
				},
			},
			Texts: Texts{
				"en":      {"Canvas bag", "Carries a week of groceries and folds flat."},
				"zh-Hans": {"帆布袋", "装得下一周的采购，折叠后轻薄易收。"},
				"zh-Hant": {"帆布袋", "裝得下一星期的日用品，可摺疊收納。"},
				"ja":      {"キャンバスバッグ", "一週間分の買い物が入り、折りたためば平らになります。"},
			},
		},
		{
			Slug: "art-print", Image: "art-print.svg",
			Variants: []Variant{{SKU: "PRINT", Price: 36000, Counted: true, OnHand: 3, Active: true}},
			Texts: Texts{
				"en":      {"Art print, last three", "Harbour at dawn, numbered and signed. Three are left."},
				"zh-Hans": {"限量版画，仅余三张", "《港湾晨曦》，编号签名，仅余三张。"},
				"zh-Hant": {"限量版畫，只餘三張", "《海港晨曦》，附編號及簽名，只餘三張。"},
				"ja":      {"アートプリント（残り3枚）", "「夜明けの港」。番号とサイン入り、残りは3枚です。"},
			},
		},
		{
			Slug: "e-book", Image: "e-book.svg",
			Variants: []Variant{{
				SKU: "EBOOK", Price: 1900, Digital: true, Active: true,
				Delivery: "Your copy: https://example.com/the-way-of-tea.epub",
			}},
			Texts: Texts{
				"en":      {"E-book: The Way of Tea", "Read it on any device. The link appears on your order page once it is paid."},
				"zh-Hans": {"电子书《茶之道》", "任何设备都能阅读，付款后订单页显示下载链接。"},
				"zh-Hant": {"電子書《茶之道》", "任何裝置都可閱讀，付款後訂單頁會顯示下載連結。"},
				"ja":      {"電子書籍『茶の道』", "どの端末でもお読みいただけます。お支払い後、ご注文ページにリンクが表示されます。"},
			},
		},
	}
	for i := range products {
		p := &products[i]
		own := p.Texts[language]
		p.Name, p.Description = own.Name, own.Description
		p.Position, p.Active = i+1, true
		delete(p.Texts, language)
		for j := range p.Variants {
			v := &p.Variants[j]
			if own, told := v.OptionTexts[language]; told {
				v.Options = own
				delete(v.OptionTexts, language)
			}
		}
	}
	return products
}

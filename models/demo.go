package models

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// FillDemo puts the demo products into a shop that has no products yet, and does nothing in any
// other. Prices are for a currency with two decimals; they are whole units in one without.
func (s *Store) FillDemo(ctx context.Context) error {
	err := s.Tx(ctx, func(tx *Tx) error {
		var products int64
		if err := tx.db.Model(&Product{}).Count(&products).Error; err != nil || products > 0 {
			return err
		}
		return tx.putProducts(demoProducts())
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil // another replica was filling it at the same moment
	}
	return err
}

func demoProducts() []Product {
	return []Product{
		{
			Slug: "tea-set", Name: "Tea set · 茶具", Image: "tea-set.svg", Position: 1, Active: true,
			Description: "A porcelain pot and four cups, glazed in celadon. Dishwasher safe.\n青瓷茶壶一只、茶杯四只。",
			Variants:    []Variant{{SKU: "TEA-SET", Price: 12850, Counted: true, OnHand: 25, Active: true}},
		},
		{
			Slug: "t-shirt", Name: "Cotton T-shirt · 棉质T恤", Image: "t-shirt.svg", Position: 2, Active: true,
			Description: "Heavy organic cotton, cut straight.\n重磅有机棉,直筒剪裁。",
			Variants: []Variant{
				{SKU: "SHIRT-S", Options: "S", Price: 8900, Counted: true, OnHand: 40, Position: 1, Active: true},
				{SKU: "SHIRT-M", Options: "M", Price: 8900, Counted: true, OnHand: 60, Position: 2, Active: true},
				{SKU: "SHIRT-L", Options: "L", Price: 8900, Counted: true, OnHand: 40, Position: 3, Active: true},
			},
		},
		{
			Slug: "canvas-bag", Name: "Canvas bag · 帆布袋", Image: "canvas-bag.svg", Position: 3, Active: true,
			Description: "Carries a week of groceries and folds flat.\n可折叠,容量大。",
			Variants: []Variant{
				{SKU: "BAG-NATURAL", Options: "Natural · 本色", Price: 4500, Counted: true, OnHand: 80, Position: 1, Active: true},
				{SKU: "BAG-INDIGO", Options: "Indigo · 靛蓝", Price: 4900, Counted: true, OnHand: 80, Position: 2, Active: true},
			},
		},
		{
			Slug: "art-print", Name: "Art print, last three · 限量版画", Image: "art-print.svg", Position: 4, Active: true,
			Description: "Harbour at dawn, numbered and signed. Three are left.\n《港湾晨曦》,编号签名,仅余三张。",
			Variants:    []Variant{{SKU: "PRINT", Price: 36000, Counted: true, OnHand: 3, Active: true}},
		},
		{
			Slug: "e-book", Name: "E-book: The Way of Tea · 电子书《茶之道》", Image: "e-book.svg", Position: 5, Active: true,
			Description: "Read it on any device. The link appears on your order page once it is paid.\n付款后订单页显示下载链接。",
			Variants: []Variant{{
				SKU: "EBOOK", Price: 1900, Digital: true, Active: true,
				Delivery: "Your copy: https://example.com/the-way-of-tea.epub",
			}},
		},
	}
}

package shop

import (
	"cmp"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// fewLeft is from how many pieces down a page says how many are left.
const fewLeft = 5

// cataloguePage shows a part of what is for sale.
type cataloguePage struct {
	web.Page
	Products     []card
	Before, Next string // addresses of the parts beside; empty where there are none
}

// cards is how many products a page of the catalogue shows.
const cards = 48

// card is one product of the catalogue.
type card struct {
	Name    web.Text
	Address string
	Picture web.Picture
	Price   string // the lowest
	Varies  bool   // there are higher ones
	SoldOut bool
}

// productPage shows one product with an order form for each variant.
type productPage struct {
	web.Page
	Name     web.Text
	Prose    web.Text // its description
	Picture  web.Picture
	Price    string
	Varies   bool
	Variants []offer

	Notice, Advice string // why nothing was put into the cart, and what to do
}

// offer is one variant as it can be ordered.
type offer struct {
	models.Variant
	Options web.Text
	Price   string
	Decimal string       // the price for programs
	Picture *web.Picture // its own; nil when the product's stands for it
	Most    int64        // pieces that can be ordered now
	Few     bool         // so few are left that the page says so
}

// ShowCatalogue lists the products. Those that nothing can be ordered of stay, and say so.
func (p *Pages) ShowCatalogue(c *fiber.Ctx) error {
	part, err := p.store.Catalogue(c.UserContext(), models.Paging{After: c.Query("after"), Before: c.Query("before"), Limit: cards})
	if err != nil {
		return err
	}
	page := cataloguePage{Page: p.base.Page(c, "catalogue.title")}
	page.Publish(c, "/", page.Description, "")
	for _, product := range part.Products {
		page.Products = append(page.Products, newCard(page.Page, product))
	}
	if n := len(part.Products); n > 0 && part.Before {
		page.Before = "/?before=" + url.QueryEscape(part.Products[0].Slug)
	}
	if n := len(part.Products); n > 0 && part.Next {
		page.Next = "/?after=" + url.QueryEscape(part.Products[n-1].Slug)
	}
	return p.base.Render(c, "catalogue", page)
}

func newCard(page web.Page, product models.Product) card {
	lowest, varies := prices(product)
	k := card{
		Name:    page.Theirs(product.NameIn(page.Lang)),
		Address: productPath(product.Slug),
		Picture: page.Picture(cmp.Or(product.Image, product.Variants[0].Image)),
		Price:   page.Price(lowest),
		Varies:  varies,
		SoldOut: true,
	}
	for _, v := range product.Variants {
		k.SoldOut = k.SoldOut && !v.Available(1)
	}
	return k
}

// prices returns the lowest price of the product's variants and whether there are others.
func prices(product models.Product) (lowest int64, varies bool) {
	lowest = product.Variants[0].Price
	for _, v := range product.Variants {
		varies = varies || v.Price != product.Variants[0].Price
		lowest = min(lowest, v.Price)
	}
	return lowest, varies
}

// ShowProduct shows a product that is for sale.
func (p *Pages) ShowProduct(c *fiber.Ctx) error {
	slug, err := url.PathUnescape(c.Params("slug"))
	if err != nil {
		return models.ErrProductNotFound
	}
	return p.productAs(c, slug, "")
}

func (p *Pages) productAs(c *fiber.Ctx, slug, noticeKey string) error {
	product, err := p.store.ProductBySlug(c.UserContext(), slug)
	if err != nil {
		return err
	}
	if len(product.Variants) == 0 {
		return models.ErrProductNotFound
	}
	language := p.base.Language(c).Code
	name, prose := product.NameIn(language), product.DescriptionIn(language)
	page := productPage{Page: p.base.Page(c, "product.title", "name", name.Text)}
	if noticeKey != "" {
		page.Notice, page.Advice = page.T(noticeKey), page.T(noticeKey+".advice")
	}
	page.Name, page.Prose = page.Theirs(name), page.Theirs(prose)
	lowest, varies := prices(*product)
	picture := cmp.Or(product.Image, product.Variants[0].Image)
	page.Publish(c, productPath(product.Slug), cmp.Or(prose.Text, name.Text), picture)
	page.Picture = page.Page.Picture(picture)
	page.Price, page.Varies = page.Page.Price(lowest), varies
	for _, v := range product.Variants {
		o := offer{Variant: v, Options: page.Theirs(v.OptionsIn(language)), Price: page.Page.Price(v.Price), Most: most(v), Few: v.Counted && v.OnHand <= fewLeft}
		o.Decimal = models.Money{Amount: v.Price, Currency: page.Currency()}.Decimal()
		if v.Image != "" {
			own := page.Page.Picture(v.Image)
			o.Picture = &own
		}
		page.Variants = append(page.Variants, o)
	}
	return p.base.Render(c, "product", page)
}

// most returns how many pieces one order can hold now.
func most(v models.Variant) int64 {
	switch {
	case !v.Active:
		return 0
	case v.Counted:
		return min(v.OnHand, models.MaxQuantity)
	default:
		return models.MaxQuantity
	}
}

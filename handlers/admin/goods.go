package admin

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// goodsRows is how many products a page of the list has, and maxGoodsPage how far one may leaf.
const (
	goodsRows    = 50
	maxGoodsPage = 100_000
)

const goodsPath = "/admin/goods"

// goodsPage is a part of the products in order of display.
type goodsPage struct {
	Page
	Text         string // that is looked for
	Count        string
	Rows         []goodsRow
	Newer, Older string // addresses of the parts beside; empty where there are none
	MayAdd       bool
}

// goodsRow is a product as the list shows it.
type goodsRow struct {
	models.Product
	Address  string
	Picture  web.Picture
	Price    string // or from which to which
	Variants []stockRow
	Up, Down int // the places beside; 0: none, or it cannot be moved from here
}

// stockRow is a variant with its stock.
type stockRow struct {
	models.Variant
	Address string
	Name    string // what tells it from its siblings
	Price   string
	Low     bool

	Up, Down int // the places beside; 0: none, or it cannot be moved from here
}

// letVariantsMove offers each variant the places beside it.
func (r *goodsRow) letVariantsMove() {
	for i := range r.Variants {
		if r.Variants[i].Up = i; i+1 < len(r.Variants) {
			r.Variants[i].Down = i + 2
		}
	}
}

// placeOf is the variant's place among those of the product, from 1.
func placeOf(product models.Product, id string) int {
	return slices.IndexFunc(product.Variants, func(v models.Variant) bool { return v.ID == id }) + 1
}

func (a *Pages) showGoods(c *fiber.Ctx) error {
	text := strings.TrimSpace(shorten(c.Query("q"), 200))
	number := min(max(c.QueryInt("page", 1), 1), maxGoodsPage)
	list, err := a.store.Goods(c.UserContext(), text, (number-1)*goodsRows, goodsRows)
	if err != nil {
		return err
	}
	page := goodsPage{Page: a.page(c, "admin.goods.title"), Text: text}
	page.Count = page.T("admin.goods.count", "count", list.Total)
	page.MayAdd = page.May(post, goodsPath)
	for i, p := range list.Products {
		row := page.goodsRow(p, a.store.Settings().LowStock)
		if place := list.Before + i + 1; text == "" && page.May(post, "/admin/goods/:id/place") {
			row.Up, row.Down = place-1, place+1
			if int64(place) == list.Total {
				row.Down = 0
			}
		}
		page.Rows = append(page.Rows, row)
	}
	if number > 1 {
		page.Newer = goodsAddress(text, number-1)
	}
	if int64(number*goodsRows) < list.Total {
		page.Older = goodsAddress(text, number+1)
	}
	return a.render(c, "admin/goods", page)
}

// goodsAddress is the address of a part of the list.
func goodsAddress(text string, number int) string {
	values := url.Values{}
	if text != "" {
		values.Set("q", text)
	}
	if number > 1 {
		values.Set("page", strconv.Itoa(number))
	}
	if len(values) == 0 {
		return goodsPath
	}
	return goodsPath + "?" + values.Encode()
}

func productAddress(id string) string { return goodsPath + "/" + url.PathEscape(id) }

func variantAddress(sku string) string { return goodsPath + "/sku/" + url.PathEscape(sku) }

// goodsRow puts a product into words; so few pieces are low.
func (p Page) goodsRow(product models.Product, low int64) goodsRow {
	row := goodsRow{Product: product, Address: productAddress(product.ID), Variants: p.stockRows(product, low)}
	image := product.Image
	var cheapest, dearest int64
	for i, v := range product.Variants {
		if image == "" {
			image = v.Image
		}
		if i == 0 {
			cheapest, dearest = v.Price, v.Price
		}
		cheapest, dearest = min(cheapest, v.Price), max(dearest, v.Price)
	}
	row.Picture = p.Picture(image)
	switch {
	case cheapest != dearest:
		row.Price = p.Page.Price(cheapest) + " – " + p.Page.Price(dearest)
	case len(product.Variants) > 0:
		row.Price = p.Page.Price(cheapest)
	}
	return row
}

func (p Page) stockRows(product models.Product, low int64) []stockRow {
	var rows []stockRow
	for _, v := range product.Variants {
		row := stockRow{Variant: v, Address: variantAddress(v.SKU), Name: cmp.Or(v.OptionsIn(p.Lang).Text, v.SKU), Price: p.Page.Price(v.Price)}
		row.Low = v.Counted && v.Active && product.Active && v.OnHand <= low
		rows = append(rows, row)
	}
	return rows
}

// refusal is why an act on goods was not done: at fields of its form, or above it.
type refusal struct {
	errs    web.FieldErrors
	refused *models.Error
}

// refusalOf tells a refusal that the page shows from an error that has a page of its own.
func refusalOf(err error) (refusal, error) {
	e, ok := errors.AsType[*models.Error](err)
	switch {
	case !ok:
		return refusal{}, err
	case e.Kind == models.Invalid && e.Field != "":
		return refusal{errs: web.FieldErrors{e.Field: e.Key}}, nil
	case e.Kind == models.Conflict:
		return refusal{refused: e}, nil
	default:
		return refusal{}, err
	}
}

// notice is what stands above forms when one was refused.
type notice struct {
	Text, Advice string
	LastAct      string      // who was faster, as far as the desk knows
	Mistakes     []web.Field // those at fault
}

// list names those of the fields that are at fault, where there is a notice.
func (n *notice) list(groups ...[]web.Field) {
	if n != nil {
		n.Mistakes = web.Mistakes(groups...)
	}
}

// tell puts a refusal above the form, and sets the answer's status.
func (r refusal) tell(c *fiber.Ctx, p Page) *notice {
	refused := r.refused
	if r.errs != nil {
		refused = errMistakes
	}
	if refused == nil {
		return nil
	}
	c.Status(statusOf(refused))
	return &notice{Text: p.T(refused.Key), Advice: p.T(refused.Key + ".advice")}
}

package shop

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// Errors that a cart form meets.
var (
	errQuantity = &models.Error{Kind: models.Invalid, Key: "error.quantity", Field: "quantity"}
	errCartFull = &models.Error{Kind: models.Invalid, Key: "error.cart_full"}
)

// What can be wrong with a line, as keys of its message.
const (
	problemGone     = "cart.gone"
	problemSoldOut  = "cart.sold_out"
	problemOnlyLeft = "cart.only_left"
)

// cart is what the visitor's session wishes for, as the store has it now.
type cart struct {
	Lines    []cartLine
	Goods    int64
	Shipping int64
	Amount   int64
	Shipped  bool // something in it is shipped
	Blocked  bool // some line cannot be ordered as it is
}

// cartLine is one line. Only what can be ordered counts towards the totals.
type cartLine struct {
	models.Variant
	Name     web.Text // empty when the shop does not know the SKU any more
	Options  web.Text
	Picture  *web.Picture
	Address  string // of its product
	Action   string // where its form goes
	Quantity int64
	Total    int64
	Most     int64  // pieces that can be ordered now
	Problem  string // empty when nothing is wrong
}

// cartPage shows the cart.
type cartPage struct {
	web.Page
	Cart           cart
	Last           *lastOrder // where the cart is empty
	Notice, Advice string     // why an order was not placed, and what to do
	Changed        bool       // by the visitor's last step
}

// ToCart leads to the cart who asks for an address under it that only takes forms: a page that answered
// one is loaded again, or read in another language.
func ToCart(c *fiber.Ctx) error { return c.Redirect("/cart", http.StatusSeeOther) }

// ShowCart shows the lines with the prices and the stock of this moment.
func (p *Pages) ShowCart(c *fiber.Ctx) error { return p.cartAs(c, "") }

func (p *Pages) cartAs(c *fiber.Ctx, noticeKey string) error {
	s := p.base.Session(c)
	page := cartPage{Page: p.base.Page(c, "cart.title"), Changed: s.TakeChanged()}
	var err error
	if page.Cart, err = p.cart(c.UserContext(), page.Page, s); err != nil {
		return err
	}
	if len(page.Cart.Lines) == 0 {
		if page.Last, err = p.lastOrder(c, page.Page); err != nil {
			return err
		}
	}
	if noticeKey != "" {
		page.Notice, page.Advice = page.T(noticeKey), page.T(noticeKey+".advice")
	}
	return p.base.Render(c, "cart", page)
}

// cart reads what the session wishes for, by the SKUs of today.
func (p *Pages) cart(ctx context.Context, page web.Page, s *web.Session) (cart, error) {
	found, err := p.known(ctx, s)
	if err != nil {
		return cart{}, err
	}
	var filled cart
	for _, wish := range s.Cart() {
		if err := filled.add(newLine(page, wish, found[wish.SKU]), p.store.Shop.Currency); err != nil {
			return cart{}, err
		}
	}
	filled.Shipping, filled.Amount = p.store.Settings().Totals(filled.Goods, filled.Shipped)
	return filled, nil
}

// known reads the articles that the session wishes for, and more that its page named, by SKU. The cart
// then names them by their SKUs of today, whatever they were called when they were put in.
func (p *Pages) known(ctx context.Context, s *web.Session, more ...string) (map[string]models.Variant, error) {
	skus := more
	for _, wish := range s.Cart() {
		skus = append(skus, wish.SKU)
	}
	found, err := p.store.VariantsBySKU(ctx, skus)
	for _, wish := range s.Cart() {
		if v, known := found[wish.SKU]; known && v.SKU != wish.SKU {
			s.RenameLine(wish.SKU, v.SKU)
			found[v.SKU] = v
		}
	}
	return found, err
}

func newLine(page web.Page, wish models.Line, v models.Variant) cartLine {
	line := cartLine{
		Variant: v, Options: page.Theirs(v.OptionsIn(page.Lang)), Quantity: wish.Quantity, Most: most(v),
		Action: "/cart/items/" + url.PathEscape(wish.SKU),
	}
	line.SKU = wish.SKU
	if v.Product != nil {
		line.Name = page.Theirs(v.Product.NameIn(page.Lang))
		line.Address = "/products/" + url.PathEscape(v.Product.Slug)
		picture := page.Picture(cmp.Or(v.Image, v.Product.Image))
		line.Picture = &picture
	}
	switch {
	case !v.Active:
		line.Problem = problemGone
	case line.Most == 0:
		line.Problem = problemSoldOut
	case line.Most < wish.Quantity:
		line.Problem = problemOnlyLeft
	}
	return line
}

// obstacle returns why a blocked cart cannot be ordered.
func (k cart) obstacle() *models.Error {
	if slices.ContainsFunc(k.Lines, func(l cartLine) bool { return l.Problem == problemGone }) {
		return models.ErrNotForSale
	}
	return models.ErrOutOfStock
}

func (k *cart) add(line cartLine, currency string) error {
	if line.Problem != "" {
		k.Blocked = true
	} else {
		total, err := models.Money{Amount: line.Price, Currency: currency}.Times(line.Quantity)
		if err != nil {
			return err
		}
		goods, err := total.Plus(models.Money{Amount: k.Goods, Currency: currency})
		if err != nil {
			return err
		}
		line.Total, k.Goods = total.Amount, goods.Amount
		k.Shipped = k.Shipped || !line.Digital
	}
	k.Lines = append(k.Lines, line)
	return nil
}

// AddToCart puts pieces of an article that is for sale into the cart, to those already there.
// With buy_now it goes on to the checkout.
func (p *Pages) AddToCart(c *fiber.Ctx) error {
	s, sku := p.base.Session(c), web.FormValue(c, "sku")
	found, err := p.known(c.UserContext(), s, sku)
	if err != nil {
		return err
	}
	if !found[sku].Active {
		return models.ErrNotForSale
	}
	n, err := quantity(cmp.Or(web.FormValue(c, "quantity"), "1"))
	if err != nil || n == 0 {
		return p.productAs(c.Status(http.StatusBadRequest), found[sku].Product.Slug, errQuantity.Key)
	}
	sku = found[sku].SKU // the form's page may be from before it was changed
	for _, line := range s.Cart() {
		if line.SKU == sku {
			n += line.Quantity
		}
	}
	if !s.SetLine(sku, n) {
		return errCartFull
	}
	if web.FormValue(c, "buy_now") != "" {
		return c.Redirect("/checkout", http.StatusSeeOther)
	}
	return c.Redirect("/cart", http.StatusSeeOther)
}

// ChangeLine sets the pieces of one line; 0 takes it out.
func (p *Pages) ChangeLine(c *fiber.Ctx) error {
	sku, err := url.PathUnescape(c.Params("sku"))
	if err != nil {
		return models.ErrNotForSale
	}
	n, err := quantity(web.FormValue(c, "quantity"))
	if err != nil {
		return p.cartAs(c.Status(http.StatusBadRequest), errQuantity.Key)
	}
	if err := p.change(c, []models.Line{{SKU: sku, Quantity: n}}); err != nil {
		return err
	}
	p.base.Session(c).SetChanged()
	return c.Redirect("/cart", http.StatusSeeOther)
}

// ChangeCart sets the pieces of all the lines that the cart's page showed, and goes on to the checkout
// when its button was pressed: what stands in the page is what is ordered.
func (p *Pages) ChangeCart(c *fiber.Ctx) error {
	skus, quantities := web.FormValues(c, "sku"), web.FormValues(c, "quantity")
	if len(skus) != len(quantities) || len(skus) > web.MaxLines {
		return fiber.ErrBadRequest
	}
	var lines []models.Line
	for i, sku := range skus {
		n, err := quantity(quantities[i])
		if err != nil {
			continue
		}
		lines = append(lines, models.Line{SKU: sku, Quantity: n})
	}
	if err := p.change(c, lines); err != nil {
		return err
	}
	switch {
	case len(lines) < len(skus):
		return p.cartAs(c.Status(http.StatusBadRequest), errQuantity.Key)
	case web.FormValue(c, "checkout") != "":
		return c.Redirect("/checkout", http.StatusSeeOther)
	default:
		p.base.Session(c).SetChanged()
		return c.Redirect("/cart", http.StatusSeeOther)
	}
}

// change sets the pieces of those lines that the cart holds. Their page may be from before an article
// had its SKU of today.
func (p *Pages) change(c *fiber.Ctx, lines []models.Line) error {
	s := p.base.Session(c)
	var others []string
	for _, line := range lines {
		if !s.Holds(line.SKU) {
			others = append(others, line.SKU)
		}
	}
	var found map[string]models.Variant
	if len(others) > 0 {
		var err error
		if found, err = p.known(c.UserContext(), s, others...); err != nil {
			return err
		}
	}
	for _, line := range lines {
		if !s.Holds(line.SKU) {
			line.SKU = found[line.SKU].SKU
		}
		if s.Holds(line.SKU) {
			s.SetLine(line.SKU, line.Quantity)
		}
	}
	return nil
}

// quantity reads a number of pieces: whole, from 0 to the most that an order holds.
func quantity(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > models.MaxQuantity {
		return 0, errQuantity
	}
	return n, nil
}

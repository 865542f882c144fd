package admin

import (
	"cmp"
	"strconv"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// shownMoves is how many moves of stock a page shows.
const shownMoves = 30

// productForm is what a browser may send about a product.
type productForm struct {
	Name        string `form:"product_name" validate:"required,max=200"`
	Slug        string `form:"slug" validate:"required,max=100"`
	Description string `form:"description" validate:"max=16000"`
	Active      bool
	Texts       []textForm // one for each of the shop's languages but its own
}

// textForm is what a browser may send about a product in another language.
type textForm struct {
	Language          *web.Language
	Name, Description string
}

// nameField and descriptionField name the fields of a language.
func (f textForm) nameField() string        { return "name_" + f.Language.Code }
func (f textForm) descriptionField() string { return "description_" + f.Language.Code }

// seenPrefix begins the hidden fields that hold what the page showed.
const seenPrefix = "seen_"

// readProductForm reads the fields whose names begin so.
func (a *Pages) readProductForm(c *fiber.Ctx, prefix string) productForm {
	form := productForm{
		Name: web.FormValue(c, prefix+"product_name"), Slug: web.FormValue(c, prefix+"slug"),
		Description: web.FormLines(c, prefix+"description"), Active: web.FormValue(c, prefix+"active") == yes,
	}
	for _, language := range a.base.OtherLanguages() {
		text := textForm{Language: language}
		text.Name = web.FormValue(c, prefix+text.nameField())
		text.Description = web.FormLines(c, prefix+text.descriptionField())
		form.Texts = append(form.Texts, text)
	}
	return form
}

// check says what is wrong with the form.
func (f productForm) check() web.FieldErrors {
	errs := web.Check(f)
	for _, text := range f.Texts {
		if utf8.RuneCountInString(text.Name) > models.MaxName {
			errs = errs.With(web.FieldErrors{text.nameField(): "invalid.max"})
		}
		if utf8.RuneCountInString(text.Description) > models.MaxDescription {
			errs = errs.With(web.FieldErrors{text.descriptionField(): "invalid.max"})
		}
	}
	return errs
}

func (f productForm) details() models.ProductDetails {
	d := models.ProductDetails{Slug: f.Slug, Name: f.Name, Description: f.Description, Active: f.Active, Texts: models.Texts{}}
	for _, text := range f.Texts {
		d.Texts[text.Language.Code] = models.ProductText{Name: text.Name, Description: text.Description}
	}
	return d
}

func (a *Pages) formOf(d models.ProductDetails) productForm {
	form := productForm{Name: d.Name, Slug: d.Slug, Description: d.Description, Active: d.Active}
	for _, language := range a.base.OtherLanguages() {
		text := d.Texts[language.Code]
		form.Texts = append(form.Texts, textForm{language, text.Name, text.Description})
	}
	return form
}

// productFields are the form as the page shows it.
type productFields struct {
	Own    []web.Field
	Texts  []textFields
	Active bool
	Now    string      // whether it is for sale, where somebody has changed that
	Seen   productForm // what the hidden fields hold
}

// groups are all fields that can be at fault.
func (f *productFields) groups() [][]web.Field {
	all := [][]web.Field{f.Own}
	for _, text := range f.Texts {
		all = append(all, text.Fields)
	}
	return all
}

// textFields are those of one language.
type textFields struct {
	Name   string // of the language
	Lang   string
	Open   bool
	Fields []web.Field
	Hidden []hidden
}

// hidden is a field that holds what the page showed.
type hidden struct{ Name, Value string }

// productFields shows the form. Where somebody has changed what the page showed, it says what it is now.
func (a *Pages) productFields(p Page, f productForm, errs web.FieldErrors, seen, now models.ProductDetails) *productFields {
	shown := &productFields{Active: f.Active, Seen: a.formOf(now)}
	shown.Own = p.Fields(errs,
		web.Field{Name: "product_name", Value: f.Name, Lang: p.OwnLang(), Max: models.MaxName, Autocomplete: "off", Now: changed(seen.Name, now.Name)},
		web.Field{Name: "slug", Value: f.Slug, Max: models.MaxSlug, Autocomplete: "off", Hint: "admin.goods.slug_hint", Now: changed(seen.Slug, now.Slug)},
		web.Field{
			Name: "description", Value: f.Description, Lang: p.OwnLang(), Max: models.MaxDescription, Rows: 6, Wide: true, Optional: "field.optional",
			Now: changed(seen.Description, now.Description),
		})
	if seen.Active != now.Active {
		shown.Now = p.sale(now.Active)
	}
	for i, text := range f.Texts {
		before, is, kept := seen.Texts[text.Language.Code], now.Texts[text.Language.Code], shown.Seen.Texts[i]
		fields := p.Fields(errs,
			web.Field{
				Name: text.nameField(), Label: p.T("field.product_name"), Value: text.Name, Lang: text.Language.Code,
				Max: models.MaxName, Autocomplete: "off", Optional: "field.optional", Now: changed(before.Name, is.Name),
			},
			web.Field{
				Name: text.descriptionField(), Label: p.T("field.description"), Value: text.Description, Lang: text.Language.Code,
				Max: models.MaxDescription, Rows: 4, Wide: true, Optional: "field.optional", Now: changed(before.Description, is.Description),
			})
		shown.Texts = append(shown.Texts, textFields{
			Name: text.Language.Name, Lang: text.Language.Code, Fields: fields,
			Open:   len(web.Mistakes(fields)) > 0 || before != is,
			Hidden: []hidden{{seenPrefix + text.nameField(), kept.Name}, {seenPrefix + text.descriptionField(), kept.Description}},
		})
	}
	return shown
}

// changed is what stands there now, where it is not what was seen.
func changed(seen, now string) string {
	if seen == now {
		return ""
	}
	return cmp.Or(now, "–")
}

// newProductPage is the form of a product that is not there yet.
type newProductPage struct {
	Page
	Notice *notice
	Form   *productFields
}

func (a *Pages) showNewProduct(c *fiber.Ctx) error {
	return a.newProductAs(c, a.formOf(models.ProductDetails{}), refusal{})
}

func (a *Pages) newProductAs(c *fiber.Ctx, form productForm, why refusal) error {
	page := newProductPage{Page: a.page(c, "admin.goods.add")}
	page.Form = a.productFields(page.Page, form, why.errs, models.ProductDetails{}, models.ProductDetails{})
	page.Notice = why.tell(c, page.Page)
	page.Notice.list(page.Form.groups()...)
	return a.render(c, "admin/product_new", page)
}

// addProduct adds a product, which is hidden until its variants are there and it is put up for sale.
func (a *Pages) addProduct(c *fiber.Ctx) error {
	form := a.readProductForm(c, "")
	if errs := form.check(); errs != nil {
		return a.newProductAs(c, form, refusal{errs: errs})
	}
	product, err := a.store.AddProduct(c.UserContext(), a.actor(c), form.details())
	if err != nil {
		why, err := refusalOf(err)
		if err != nil {
			return err
		}
		return a.newProductAs(c, form, why)
	}
	return a.done(c, productAddress(product.ID), "admin.goods.added", "name", product.Name)
}

// productPage is one product with its variants, and what moved their stock.
type productPage struct {
	Page
	Product  *models.Product
	Row      goodsRow
	Shop     string // its address in the shop; empty while buyers do not see it
	Notice   *notice
	Moves    []moveRow
	Position int64
	Count    int64

	// Acts, nil where this member may not.
	Form   *productFields
	Place  []web.Field
	Upload *upload
	Add    *variantFields

	AddOpen bool
}

// productTyped is what was typed into the forms of the page, and why it was not done.
type productTyped struct {
	refusal
	details *productForm // nil: what the product is
	seen    models.ProductDetails
	variant *variantForm
	place   string
}

func (a *Pages) showProduct(c *fiber.Ctx) error { return a.productAs(c, productTyped{}) }

func (a *Pages) productAs(c *fiber.Ctx, typed productTyped) error {
	product, err := a.store.ProductByID(c.UserContext(), c.Params("id"))
	if err != nil {
		return err
	}
	name := product.NameIn(a.base.Language(c).Code).Text
	page := productPage{Page: a.page(c, "product.title", "name", name), Product: product}
	page.Row = page.goodsRow(*product, a.store.Settings().LowStock)
	if page.May(post, "/admin/goods/sku/:sku/place") {
		page.Row.letVariantsMove()
	}
	if page.Position, page.Count, err = a.store.PlaceOf(c.UserContext(), product); err != nil {
		return err
	}
	if page.Moves, err = a.moves(c, page.Page, product.Variants); err != nil {
		return err
	}
	for _, v := range product.Variants {
		if v.Active && product.Active {
			page.Shop = a.base.Config.PublicURL + "/products/" + product.Slug
		}
	}
	page.Notice = typed.tell(c, page.Page)
	if page.May(post, "/admin/goods/:id") {
		a.offerProductActs(&page, typed)
		page.Notice.list(append(page.Form.groups(), page.Add.First, page.Add.Delivery, page.Upload.fields(), page.Place)...)
	}
	return a.render(c, "admin/product", page)
}

// offerProductActs makes the forms with what was typed into them.
func (a *Pages) offerProductActs(p *productPage, typed productTyped) {
	now := p.Product.Details()
	form, seen := a.formOf(now), now
	if typed.details != nil {
		form, seen = *typed.details, typed.seen
	}
	p.Form = a.productFields(p.Page, form, typed.errs, seen, now)
	place := typed.place
	if place == "" {
		place = strconv.FormatInt(p.Position, 10)
	}
	p.Place = p.Fields(typed.errs, web.Field{Name: "place", Type: "number", Value: place, Autocomplete: "off"})
	p.Upload = p.upload(p.Row.Address, p.Product.Image, typed.errs)
	add := a.variantFormOf(models.VariantDetails{Counted: true, Active: true}, "")
	if typed.variant != nil {
		add, p.AddOpen = *typed.variant, true
	}
	p.Add = add.fields(p.Page, typed.errs, models.VariantDetails{}, models.VariantDetails{}, true)
	p.AddOpen = p.AddOpen || len(p.Product.Variants) == 0
}

// sale says in a word whether something is for sale.
func (p Page) sale(active bool) string {
	if active {
		return p.T("admin.goods.for_sale")
	}
	return p.T("admin.goods.hidden")
}

// productDone ends an act on the product that the address names: it says what was done, or shows the
// page with what was typed and why it was not.
func (a *Pages) productDone(c *fiber.Ctx, err error, typed productTyped, key string, args ...any) error {
	if err == nil {
		return a.done(c, productAddress(c.Params("id")), key, args...)
	}
	if typed.refusal, err = refusalOf(err); err != nil {
		return err
	}
	return a.productAs(c, typed)
}

func (a *Pages) changeProduct(c *fiber.Ctx) error {
	form, seen := a.readProductForm(c, ""), a.readProductForm(c, seenPrefix).details()
	typed := productTyped{details: &form, seen: seen}
	if errs := form.check(); errs != nil {
		typed.errs = errs
		return a.productAs(c, typed)
	}
	err := a.store.ChangeProduct(c.UserContext(), a.actor(c), c.Params("id"), seen, form.details())
	return a.productDone(c, err, typed, "admin.goods.saved")
}

// moveProduct puts the product at another place; from the list one goes back to the list.
func (a *Pages) moveProduct(c *fiber.Ctx) error {
	typed := productTyped{place: web.FormValue(c, "place")}
	place, err := strconv.Atoi(typed.place)
	if err != nil || place < 1 {
		typed.errs = web.FieldErrors{"place": "invalid.number"}
		return a.productAs(c, typed)
	}
	if place, err = a.store.MoveProduct(c.UserContext(), a.actor(c), c.Params("id"), place); err != nil {
		return err
	}
	to := productAddress(c.Params("id"))
	if web.FormValue(c, "list") != "" {
		to = goodsAddress("", (place-1)/goodsRows+1)
	}
	return a.done(c, to, "admin.goods.moved", "place", place)
}

func (a *Pages) addVariant(c *fiber.Ctx) error {
	form := a.readVariantForm(c, "")
	form.Stock = web.FormValue(c, "stock")
	typed := productTyped{variant: &form}
	details, errs := form.details(a.base.Config.Currency)
	pieces, ok := parseCount(form.Stock)
	if !ok || pieces > models.MaxStock {
		errs = errs.With(web.FieldErrors{"stock": "invalid.number"})
	}
	if errs != nil {
		typed.errs = errs
		return a.productAs(c, typed)
	}
	err := a.store.AddVariant(c.UserContext(), a.actor(c), c.Params("id"), details, pieces)
	return a.productDone(c, err, typed, "admin.goods.variant_added", "sku", form.SKU)
}

// setProductPicture gives the product the picture that is sent, or takes the one it has away.
func (a *Pages) setProductPicture(c *fiber.Ctx) error {
	err := a.takePicture(c, func(sizes []models.Picture) error {
		return a.store.SetProductPicture(c.UserContext(), a.actor(c), c.Params("id"), sizes)
	})
	return a.productDone(c, err, productTyped{}, pictureDone(c, "admin.goods.picture_set", "admin.goods.picture_removed"))
}

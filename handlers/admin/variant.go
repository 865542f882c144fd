package admin

import (
	"cmp"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// variantForm is what a browser may send about a variant.
type variantForm struct {
	SKU      string `form:"sku" validate:"required,max=64"`
	Options  string `form:"options" validate:"max=200"`
	Price    string `form:"price" validate:"required,max=20"`
	Stock    string `form:"stock" validate:"max=10"` // of a new one
	Counted  bool
	Digital  bool
	Delivery string `form:"delivery" validate:"max=10000"`
	Active   bool
	Texts    []optionText // one for each of the shop's languages but its own
}

// optionText is what a browser may send about a variant's options in another language.
type optionText struct {
	Language *web.Language
	Options  string
}

// Field names its field.
func (t optionText) Field() string { return "options_" + t.Language.Code }

// readVariantForm reads the fields whose names begin so.
func (a *Pages) readVariantForm(c *fiber.Ctx, prefix string) variantForm {
	is := func(name string) bool { return web.FormValue(c, prefix+name) == yes }
	form := variantForm{
		SKU: web.FormValue(c, prefix+"sku"), Options: web.FormValue(c, prefix+"options"), Price: web.FormValue(c, prefix+"price"), Counted: is("counted"),
		Digital: is("digital"), Delivery: web.FormLines(c, prefix+"delivery"), Active: is("active"),
	}
	for _, language := range a.base.OtherLanguages() {
		text := optionText{Language: language}
		text.Options = web.FormValue(c, prefix+text.Field())
		form.Texts = append(form.Texts, text)
	}
	return form
}

// variantFormOf is the form that says so.
func (a *Pages) variantFormOf(d models.VariantDetails, price string) variantForm {
	form := variantForm{
		SKU: d.SKU, Options: d.Options, Price: price, Counted: d.Counted, Digital: d.Digital, Delivery: d.Delivery, Active: d.Active,
	}
	for _, language := range a.base.OtherLanguages() {
		form.Texts = append(form.Texts, optionText{language, d.OptionTexts[language.Code]})
	}
	return form
}

// details reads the form, or says what is wrong with it.
func (f variantForm) details(currency string) (models.VariantDetails, web.FieldErrors) {
	d := models.VariantDetails{
		SKU: f.SKU, Options: f.Options, Counted: f.Counted, Digital: f.Digital, Delivery: f.Delivery, Active: f.Active,
		OptionTexts: models.Translations{},
	}
	errs := web.Check(f)
	for _, text := range f.Texts {
		if utf8.RuneCountInString(text.Options) > models.MaxOptions {
			errs = errs.With(web.FieldErrors{text.Field(): "invalid.max"})
		}
		d.OptionTexts[text.Language.Code] = text.Options
	}
	price, err := models.ParseMoney(f.Price, currency)
	switch {
	case f.Price == "":
	case err != nil:
		errs = errs.With(web.FieldErrors{"price": "invalid.amount"})
	case price.Amount == 0:
		errs = errs.With(web.FieldErrors{"price": "invalid.free"})
	}
	d.Price = price.Amount
	return d, errs
}

// variantFields are the form as the page shows it.
type variantFields struct {
	First, Delivery []web.Field
	variantForm
	Others      []web.Field // the options in other languages
	OthersTitle string
	OthersOpen  bool
	Switches    []toggle
}

// toggle is something that is so or not.
type toggle struct {
	Name, Label, Hint string
	On                bool
	Now               string // what it is now, where somebody has changed it
}

// fields shows the form; of a new variant with the stock that it begins with. Where somebody has changed
// what the page showed, they say what it is now.
func (f variantForm) fields(p Page, errs web.FieldErrors, seen, now models.VariantDetails, isNew bool) *variantFields {
	shown := &variantFields{variantForm: f, OthersTitle: p.T("admin.goods.options_others")}
	shown.First = append(shown.First,
		web.Field{
			Name: "sku", Value: f.SKU, Max: models.MaxSKU, Autocomplete: "off",
			Hint: "admin.goods.sku_hint", Now: changed(seen.SKU, now.SKU),
		},
		web.Field{
			Name: "options", Value: f.Options, Max: models.MaxOptions, Autocomplete: "off", Optional: "field.optional",
			Hint: "admin.goods.options_hint", Now: changed(seen.Options, now.Options),
		},
		web.Field{Name: "price", Value: f.Price, Max: 20, Mode: "decimal", Autocomplete: "off", Now: changed(p.plainPrice(seen.Price), p.plainPrice(now.Price))})
	if isNew {
		shown.First = append(shown.First, web.Field{Name: "stock", Type: "number", Value: f.Stock, Autocomplete: "off", Optional: "field.optional"})
	}
	shown.First = p.Fields(errs, shown.First...)
	for _, text := range f.Texts {
		before, is := seen.OptionTexts[text.Language.Code], now.OptionTexts[text.Language.Code]
		shown.Others = append(shown.Others, web.Field{
			Name: text.Field(), Label: text.Language.Name, Value: text.Options, Lang: text.Language.Code, Max: models.MaxOptions, Autocomplete: "off",
			Optional: "field.optional", Now: changed(before, is),
		})
		shown.OthersOpen = shown.OthersOpen || before != is
	}
	shown.Others = p.Fields(errs, shown.Others...)
	shown.OthersOpen = shown.OthersOpen || len(web.Mistakes(shown.Others)) > 0
	shown.Delivery = p.Fields(errs, web.Field{
		Name: "delivery", Value: f.Delivery, Lang: p.OwnLang(), Max: models.MaxDelivery, Rows: 3, Optional: "field.optional",
		Hint: "admin.goods.delivery_hint", Now: changed(seen.Delivery, now.Delivery), Wide: true,
	})
	for _, t := range []struct {
		name          string
		on, seen, now bool
	}{
		{"active", f.Active, seen.Active, now.Active}, {"counted", f.Counted, seen.Counted, now.Counted}, {"digital", f.Digital, seen.Digital, now.Digital},
	} {
		shown.Switches = append(shown.Switches, toggle{
			t.name, p.T("field." + t.name), p.T("admin.goods.about." + t.name), t.on, p.switched(t.seen, t.now),
		})
	}
	return shown
}

// switched says what something is now, where it is not what was seen.
func (p Page) switched(seen, now bool) string {
	switch {
	case seen == now:
		return ""
	case now:
		return p.T("field.now", "value", p.T("admin.yes"))
	default:
		return p.T("field.now", "value", p.T("admin.no"))
	}
}

// variantPage is one variant: what it is, and what moves its stock.
type variantPage struct {
	Page
	Variant *models.Variant
	Row     stockRow
	Product string // address
	Notice  *notice
	Moves   []moveRow

	// Acts, nil where this member may not.
	Change   *variantFields
	Seen     variantForm // what the form's hidden fields hold
	Upload   *upload
	Place    []web.Field
	Position int
	Siblings int    // how many variants the product has
	MoveID   string // of the next move
	Pieces   []web.Field
	Count    []web.Field
	Counting bool // something was typed there
}

// variantTyped is what was typed into the forms of the page, and why it was not done.
type variantTyped struct {
	refusal
	details *variantForm // nil: what the variant is
	seen    models.VariantDetails
	place   string
	stock   stockForm
	count   countForm
}

type stockForm struct {
	Pieces string `form:"pieces" validate:"required,max=10"`
	Reason string `form:"reason" validate:"required,max=200"`
}

type countForm struct {
	Counted string `form:"found" validate:"required,max=10"`
	Reason  string `form:"count_reason" validate:"max=200"`
	shelf   string // that the page showed
}

// sku is that of the address.
func sku(c *fiber.Ctx) string {
	text, err := url.PathUnescape(c.Params("sku"))
	if err != nil {
		return ""
	}
	return text
}

func (a *Pages) showVariant(c *fiber.Ctx) error { return a.variantAs(c, variantTyped{}) }

func (a *Pages) variantAs(c *fiber.Ctx, typed variantTyped) error {
	v, err := a.store.VariantBySKU(c.UserContext(), sku(c))
	if err != nil {
		return err
	}
	page := variantPage{Page: a.page(c, "product.title", "name", v.SKU), Variant: v, Product: productAddress(v.ProductID)}
	whole := *v.Product
	whole.Variants = []models.Variant{*v}
	page.Row = page.stockRows(whole, a.store.Settings().LowStock)[0]
	if page.Moves, err = a.moves(c, page.Page, whole.Variants); err != nil {
		return err
	}
	product, err := a.store.ProductByID(c.UserContext(), v.ProductID)
	if err != nil {
		return err
	}
	page.Position, page.Siblings = placeOf(*product, v.ID), len(product.Variants)
	page.Notice = typed.tell(c, page.Page)
	if page.May(post, "/admin/goods/sku/:sku") {
		a.offerVariantActs(&page, typed)
		page.Notice.list(page.Pieces, page.Count, page.Change.First, page.Change.Others, page.Change.Delivery, page.Upload.fields(), page.Place)
	}
	if typed.refused != nil && typed.refused.Is(models.ErrStockMoved) {
		page.Notice.Advice = page.T("admin.stock.moved_advice", "seen", typed.count.shelf, "number", v.Shelf())
	}
	return a.render(c, "admin/variant", page)
}

// offerVariantActs makes the forms with what was typed into them.
func (a *Pages) offerVariantActs(p *variantPage, typed variantTyped) {
	now := p.Variant.Details()
	p.Seen = a.variantFormOf(now, p.plainPrice(now.Price))
	form, seen := p.Seen, now
	if typed.details != nil {
		form, seen = *typed.details, typed.seen
	}
	p.Change = form.fields(p.Page, typed.errs, seen, now, false)
	p.Upload = p.upload(p.Row.Address, p.Variant.Image, typed.errs)
	place := cmp.Or(typed.place, strconv.Itoa(p.Position))
	p.Place = p.Fields(typed.errs, web.Field{Name: "place", Type: "number", Value: place, Autocomplete: "off"})
	if !p.Variant.Counted {
		return
	}
	p.MoveID, p.Counting = models.NewID(), typed.count != countForm{}
	p.Pieces = p.Fields(typed.errs,
		web.Field{Name: "pieces", Type: "number", Value: typed.stock.Pieces, Autocomplete: "off"},
		web.Field{Name: "reason", Value: typed.stock.Reason, Max: models.MaxStockReason, Hint: "admin.stock.reason_hint"})
	p.Count = p.Fields(typed.errs,
		web.Field{Name: "found", Type: "number", Value: typed.count.Counted, Autocomplete: "off", Hint: "admin.stock.count_hint"},
		web.Field{Name: "count_reason", Value: typed.count.Reason, Max: models.MaxStockReason, Optional: "field.optional"})
}

// plainPrice is a price as a form takes it.
func (p Page) plainPrice(minor int64) string {
	return models.Money{Amount: minor, Currency: p.Currency()}.Decimal()
}

// variantDone ends an act on the variant that the address names, as productDone does.
func (a *Pages) variantDone(c *fiber.Ctx, err error, typed variantTyped, key string, args ...any) error {
	if err == nil {
		return a.done(c, variantAddress(sku(c)), key, args...)
	}
	if typed.refusal, err = refusalOf(err); err != nil {
		return err
	}
	return a.variantAs(c, typed)
}

func (a *Pages) changeVariant(c *fiber.Ctx) error {
	form := a.readVariantForm(c, "")
	seen, errs := a.readVariantForm(c, seenPrefix).details(a.base.Config.Currency)
	typed := variantTyped{details: &form, seen: seen}
	details, wrong := form.details(a.base.Config.Currency)
	if wrong != nil {
		typed.errs = wrong
		return a.variantAs(c, typed)
	}
	if errs != nil { // which no page of ours sends
		return web.ErrForeignForm
	}
	if err := a.store.ChangeVariant(c.UserContext(), a.actor(c), sku(c), seen, details); err != nil {
		return a.variantDone(c, err, typed, "")
	}
	return a.done(c, variantAddress(details.SKU), "admin.goods.saved")
}

// moveVariant puts the variant at another place; from the product's page one goes back there.
func (a *Pages) moveVariant(c *fiber.Ctx) error {
	typed := variantTyped{place: web.FormValue(c, "place")}
	place, err := strconv.Atoi(typed.place)
	if err != nil || place < 1 {
		typed.errs = web.FieldErrors{"place": "invalid.number"}
		return a.variantAs(c, typed)
	}
	if place, err = a.store.MoveVariant(c.UserContext(), a.actor(c), sku(c), place); err != nil {
		return err
	}
	to := variantAddress(sku(c))
	if product := web.FormValue(c, "product"); product != "" {
		to = productAddress(cut(product, 36))
	}
	return a.done(c, to, "admin.goods.moved", "place", place)
}

// changeStock puts pieces in or takes some out, whatever others do meanwhile.
func (a *Pages) changeStock(c *fiber.Ctx) error {
	typed := variantTyped{stock: stockForm{web.FormValue(c, "pieces"), web.FormValue(c, "reason")}}
	errs := web.Check(typed.stock)
	pieces, ok := parseCount(typed.stock.Pieces)
	if errs["pieces"] == "" && (!ok || pieces == 0 || pieces > models.MaxStock) {
		errs = errs.With(web.FieldErrors{"pieces": "invalid.number"})
	}
	if errs != nil {
		typed.errs = errs
		return a.variantAs(c, typed)
	}
	key := "admin.stock.put_in"
	if web.FormValue(c, "way") == "out" {
		pieces, key = -pieces, "admin.stock.taken_out"
	}
	return a.moveStock(c, typed, models.StockChange{Delta: pieces, Reason: typed.stock.Reason}, key)
}

// countStock sets the stock to what was counted, unless it has moved since the page was shown.
func (a *Pages) countStock(c *fiber.Ctx) error {
	typed := variantTyped{count: countForm{web.FormValue(c, "found"), web.FormValue(c, "count_reason"), web.FormValue(c, "shelf")}}
	errs := web.Check(typed.count)
	counted, ok := parseCount(typed.count.Counted)
	if errs["found"] == "" && (!ok || counted > models.MaxStock) {
		errs = errs.With(web.FieldErrors{"found": "invalid.number"})
	}
	if errs != nil {
		typed.errs = errs
		return a.variantAs(c, typed)
	}
	seen, err := strconv.ParseInt(typed.count.shelf, 10, 64)
	if err != nil || seen < 0 { // which no page of ours sends
		return web.ErrForeignForm
	}
	return a.moveStock(c, typed, models.StockChange{Delta: counted - seen, Seen: &seen, Reason: typed.count.Reason}, "admin.stock.counted")
}

func (a *Pages) moveStock(c *fiber.Ctx, typed variantTyped, change models.StockChange, key string) error {
	change.ID, change.SKU = cut(web.FormValue(c, "move"), 36), sku(c)
	if change.ID == "" {
		return web.ErrForeignForm
	}
	v, err := a.store.ChangeStock(c.UserContext(), a.actor(c), change)
	if err != nil {
		if change.Seen != nil && models.ErrStockTooLow.Is(err) {
			err = errCountTooLow
		}
		return a.variantDone(c, err, typed, "")
	}
	return a.done(c, variantAddress(v.SKU), key, "number", max(change.Delta, -change.Delta), "shelf", v.Shelf(), "free", v.OnHand)
}

// errCountTooLow is ErrStockTooLow at the field of a count.
var errCountTooLow = &models.Error{Kind: models.Invalid, Key: "invalid.count_too_low", Field: "found"}

// setVariantPicture gives the variant a picture of its own, or takes it away.
func (a *Pages) setVariantPicture(c *fiber.Ctx) error {
	err := a.takePicture(c, func(sizes []models.Picture) error {
		return a.store.SetVariantPicture(c.UserContext(), a.actor(c), sku(c), sizes)
	})
	return a.variantDone(c, err, variantTyped{}, pictureDone(c, "admin.goods.picture_set", "admin.goods.picture_removed"))
}

// moveRow is a move of stock in words.
type moveRow struct {
	models.StockMove
	SKU          string // empty where there is but one
	What, Change string
}

// moves are the newest moves of the variants' stock.
func (a *Pages) moves(c *fiber.Ctx, p Page, variants []models.Variant) ([]moveRow, error) {
	skus, ids := map[string]string{}, []string{}
	for _, v := range variants {
		if len(variants) > 1 {
			skus[v.ID] = v.SKU
		}
		ids = append(ids, v.ID)
	}
	found, err := a.store.StockMoves(c.UserContext(), ids, shownMoves)
	var rows []moveRow
	for _, m := range found {
		change := strconv.FormatInt(m.Delta, 10)
		if m.Delta >= 0 {
			change = "+" + change
		}
		rows = append(rows, moveRow{m, skus[m.VariantID], p.T("admin.move." + m.Kind), change})
	}
	return rows, err
}

package shop

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
	"saoma/payments"
)

// contactForm is what every buyer fills in.
type contactForm struct {
	Name  string `form:"name" validate:"required,max=100"`
	Email string `form:"email" validate:"required,email,max=200"`
	Phone string `form:"phone" validate:"max=40"`
	Note  string `form:"note" validate:"max=500"`
}

// addressForm is what a buyer of goods that are shipped fills in as well.
// Which of it there has to be depends on the country.
type addressForm struct {
	Address  string `form:"address" validate:"required,max=300"`
	City     string `form:"city" validate:"max=100"`
	Region   string `form:"region" validate:"max=100"`
	Postcode string `form:"postcode" validate:"max=20"`
	Country  string `form:"country" validate:"required,max=60"` // as it was written
	Code     string // of the country, where it is known
	Doubted  string // a postcode that we asked about already
}

// checkoutForm is the whole form.
type checkoutForm struct {
	contactForm
	addressForm
	Wallet models.Wallet
	Token  string // makes one form one order
	Total  string // minor units that the buyer was shown; empty when the form did not say
}

// checkoutPage shows the form.
type checkoutPage struct {
	web.Page
	Cart             cart
	Form             checkoutForm
	Contact, Address []web.Field // Address is empty when nothing is shipped
	Country          []web.Field // which decides what Address is
	Mistakes         []web.Field // those of them that are at fault, and the choice of a wallet if it is
	Notice, Advice   string      // why the order was not placed, and what to do
	Wallets          []walletChoice
	OneCode          bool // a code for all of them comes next: there is nothing to choose
	WalletError      string
}

// PostcodeInDoubt is what the page asks about or has asked about: sent once more, it is right.
func (p checkoutPage) PostcodeInDoubt() string {
	for _, field := range p.Mistakes {
		if field.Name == "postcode" {
			return field.Value
		}
	}
	return p.Form.Doubted
}

// walletChoice is one way to pay.
type walletChoice struct {
	Wallet  models.Wallet
	Name    string
	Mark    string // address of its picture
	Checked bool
	Advice  string // how to go on with it where it does not open; empty where it does
}

// ShowCheckout shows the form with what the visitor typed before. A cart that cannot be ordered
// as it is goes back to the cart, which says why.
func (p *Pages) ShowCheckout(c *fiber.Ctx) error {
	return p.checkoutAs(c, p.rememberedForm(c), nil, "")
}

func (p *Pages) checkoutAs(c *fiber.Ctx, form checkoutForm, errs web.FieldErrors, noticeKey string) error {
	page := checkoutPage{Page: p.base.Page(c, "checkout.title"), Form: form}
	var err error
	s := p.base.Session(c)
	if page.Cart, err = p.cart(c.UserContext(), page.Page, s); err != nil {
		return err
	}
	if len(page.Cart.Lines) == 0 || page.Cart.Blocked {
		return c.Redirect("/cart", http.StatusSeeOther)
	}
	page.Form.Token, page.Form.Total = s.FormToken(), strconv.FormatInt(page.Cart.Amount, 10)
	device := p.base.DeviceOf(c)
	page.OneCode = p.payments.Routes().OneCodeAt(device)
	page.Wallets = p.walletChoices(page.Page, device, form.Wallet)
	page.describeFields(errs)
	if noticeKey != "" {
		page.Notice, page.Advice = page.T(noticeKey), page.T(noticeKey+".advice")
	}
	return p.base.Render(c, "checkout", page)
}

func (p *checkoutPage) describeFields(errs web.FieldErrors) {
	p.Contact = contactFields(p.Page, p.Form.contactForm, errs)
	if p.Cart.Shipped {
		p.Country = countryField(p.Page, p.Form.addressForm, errs)
		p.Address = addressFields(p.Page, p.Form.addressForm, errs)
	}
	p.Mistakes = web.Mistakes(p.Contact, p.Country, p.Address)
	if key := errs["wallet"]; key != "" {
		p.WalletError = p.T(key)
		p.Mistakes = append(p.Mistakes, web.Field{Name: "wallet", Label: p.T("checkout.wallet"), Error: p.WalletError})
	}
}

// PlaceOrder places the order and begins its first payment. Sent again, the same form finds the
// order it made.
func (p *Pages) PlaceOrder(c *fiber.Ctx) error {
	form, s := p.readCheckout(c), p.base.Session(c)
	if web.FormValue(c, "fields") != "" { // of another country, please
		s.Remember(form.buyer(true), form.Wallet)
		return c.Redirect("/checkout#delivery", http.StatusSeeOther)
	}
	if !s.OwnsFormToken(form.Token) {
		form.Token = s.FormToken()
	}
	order, err := p.store.OrderByFormToken(c.UserContext(), form.Token)
	if errors.Is(err, models.ErrOrderNotFound) {
		order, err = p.place(c, form)
	}
	if refusal, ok := errors.AsType[*refusedForm](err); ok {
		return p.refuse(c, form, refusal)
	}
	if models.KindOf(err) == models.TooMany {
		s.Remember(form.buyer(true), form.Wallet) // nothing typed is lost until it can be sent again
	}
	if err != nil {
		return err
	}
	s.OrderPlaced(form.Token)
	if err := p.base.SaveSession(c); err != nil {
		return err
	}
	if err := p.begin(c, order.Token, form.Wallet); err != nil {
		p.log.Error("payment not started", "order", order.Number, "wallet", string(form.Wallet), "err", err)
		return c.Redirect("/o/"+url.PathEscape(order.Token), http.StatusSeeOther)
	}
	return nil
}

// refusedForm is a checkout that cannot become an order as it was sent.
type refusedForm struct {
	fields web.FieldErrors
	cause  *models.Error
}

func (r *refusedForm) Error() string {
	if r.cause != nil {
		return r.cause.Error()
	}
	return fmt.Sprintf("%d fields refused", len(r.fields))
}

// place checks the form and places the order.
func (p *Pages) place(c *fiber.Ctx, form checkoutForm) (*models.Order, error) {
	s := p.base.Session(c)
	page := p.base.Page(c, "checkout.title")
	wanted, err := p.cart(c.UserContext(), page, s)
	if err != nil {
		return nil, err
	}
	if wanted.Blocked {
		return nil, &refusedForm{cause: wanted.obstacle()}
	}
	if errs := p.check(form, wanted.Shipped, p.base.DeviceOf(c)); len(errs) > 0 {
		return nil, &refusedForm{fields: errs}
	}
	draft, err := p.draft(c, form, wanted.Shipped)
	if err != nil {
		return nil, err
	}
	order, err := p.store.PlaceOrder(c.UserContext(), draft)
	if e, ok := errors.AsType[*models.Error](err); ok && (e.Kind == models.Conflict || e.Kind == models.Invalid) {
		return nil, &refusedForm{cause: e}
	}
	return order, err
}

func (p *Pages) draft(c *fiber.Ctx, form checkoutForm, shipped bool) (models.Draft, error) {
	s := p.base.Session(c)
	d := models.Draft{
		FormToken: form.Token,
		Lines:     s.Cart(),
		Buyer:     form.buyer(shipped),
		Wallet:    form.Wallet,
		Language:  p.base.Language(c).Code,
		ClientIP:  p.base.ClientIP(c),
	}
	d.CustomerID, d.CustomerSince = s.Customer(p.store.Now())
	if form.Total != "" {
		seen, err := strconv.ParseInt(form.Total, 10, 64)
		if err != nil {
			return d, &refusedForm{cause: models.ErrPriceChanged}
		}
		d.Seen = &models.Money{Amount: seen, Currency: p.store.Shop.Currency}
	}
	return d, nil
}

// refuse shows the visitor why no order was placed: fields at fault in the form, missing goods in
// the cart. What was typed is remembered, so that nothing is lost on the way through the cart.
func (p *Pages) refuse(c *fiber.Ctx, form checkoutForm, r *refusedForm) error {
	p.base.Session(c).Remember(form.buyer(true), form.Wallet)
	switch {
	case r.cause == nil:
		c.Status(http.StatusUnprocessableEntity)
		return p.checkoutAs(c, form, r.fields, "error.mistakes")
	case errors.Is(r.cause, models.ErrPriceChanged):
		c.Status(http.StatusConflict)
		return p.checkoutAs(c, form, nil, r.cause.Key)
	case errors.Is(r.cause, models.ErrCartEmpty):
		c.Status(http.StatusBadRequest)
	default:
		c.Status(http.StatusConflict)
	}
	return p.cartAs(c, r.cause.Key)
}

// check returns what is wrong with the form.
func (p *Pages) check(form checkoutForm, shipped bool, device payments.Device) web.FieldErrors {
	errs := web.Check(form.contactForm)
	if shipped {
		errs = errs.With(checkAddress(form.addressForm))
	}
	routes := p.payments.Routes()
	if !slices.Contains(routes.Offered(), form.Wallet) && (form.Wallet != "" || !routes.OneCodeAt(device)) {
		errs = errs.With(web.FieldErrors{"wallet": "invalid.wallet"})
	}
	return errs
}

// checkAddress returns what is wrong with the address. A postcode that does not look like one of its
// country's is asked about once: it may be right all the same.
func checkAddress(form addressForm) web.FieldErrors {
	errs := web.Check(form)
	country := models.AddressFormOf(form.Code)
	for name, value := range map[string]string{"city": form.City, "region": form.Region, "postcode": form.Postcode} {
		if value == "" && country.Needs(name) {
			errs = errs.With(web.FieldErrors{name: "invalid.required"})
		}
	}
	if errs["postcode"] == "" && country.Doubts(form.Postcode) && form.Postcode != form.Doubted {
		errs = errs.With(web.FieldErrors{"postcode": "invalid.postcode"})
	}
	return errs
}

func (p *Pages) readCheckout(c *fiber.Ctx) checkoutForm {
	return checkoutForm{
		contactForm: contactForm{
			Name: web.FormValue(c, "name"), Email: web.FormValue(c, "email"),
			Phone: web.FormValue(c, "phone"), Note: web.FormLines(c, "note"),
		},
		addressForm: addressForm{
			Address: web.FormValue(c, "address"), City: web.FormValue(c, "city"),
			Region: web.FormValue(c, "region"), Postcode: plainWidth(web.FormValue(c, "postcode")),
			Country: web.FormValue(c, "country"), Code: p.base.CountryCode(web.FormValue(c, "country")), Doubted: web.FormValue(c, "doubted"),
		},
		Wallet: models.Wallet(web.FormValue(c, "wallet")),
		Token:  web.FormValue(c, "form_token"),
		Total:  web.FormValue(c, "total"),
	}
}

func (p *Pages) rememberedForm(c *fiber.Ctx) checkoutForm {
	buyer, wallet := p.base.Session(c).Remembered()
	if buyer == (models.Buyer{}) {
		buyer.Country = p.base.LikelyCountry(c)
	}
	return checkoutForm{
		contactForm: contactForm{Name: buyer.Name, Email: buyer.Email, Phone: buyer.Phone, Note: buyer.Note},
		addressForm: addressForm{
			Address: buyer.Address, City: buyer.City, Region: buyer.Region,
			Postcode: buyer.Postcode, Country: buyer.Country, Code: p.base.CountryCode(buyer.Country),
		},
		Wallet: wallet,
	}
}

// buyer returns the form as the order keeps it, without an address where nothing is shipped.
func (f checkoutForm) buyer(shipped bool) models.Buyer {
	b := models.Buyer{Name: f.Name, Email: f.Email, Phone: f.Phone, Note: f.Note}
	if shipped {
		b.Address, b.City, b.Region, b.Postcode, b.Country = f.Address, f.City, f.Region, f.Postcode, f.Country
	}
	return b
}

// walletChoices returns the wallets to choose from: first chosen is the one that was chosen
// before, else the one whose browser this is, else the first that opens here.
func (p *Pages) walletChoices(page web.Page, device payments.Device, before models.Wallet) []walletChoice {
	var choices []walletChoice
	chosen := cmp.Or(before, device.Inside)
	here := p.payments.RoutesFor(device, "")
	for _, w := range p.payments.Routes().Offered() {
		choice := walletChoice{
			Wallet: w, Name: page.T("wallet." + string(w)),
			Mark: page.Image("wallet-" + string(w) + ".svg"), Checked: w == chosen,
		}
		switch {
		case len(here.Match(w, device.Scene(w))) == 0:
			choice.Advice = page.T("wallet.not_here")
		case device.Inside != "" && device.Inside != w:
			choice.Advice = page.T("wallet.elsewhere")
		}
		choices = append(choices, choice)
	}
	if !slices.ContainsFunc(choices, func(k walletChoice) bool { return k.Checked }) {
		if i := slices.IndexFunc(choices, func(k walletChoice) bool { return k.Advice == "" }); i >= 0 {
			choices[i].Checked = true
		}
	}
	return choices
}

package shop

import "saoma/handlers/web"

// optional is the key of the word that marks a field as not required.
const optional = "field.optional"

func contactFields(page web.Page, form contactForm, errs web.FieldErrors) []web.Field {
	return page.Fields(errs,
		web.Field{Name: "name", Value: form.Name, Max: 100, Autocomplete: "name", Wide: true},
		web.Field{Name: "email", Type: "email", Value: form.Email, Max: 200, Autocomplete: "email"},
		web.Field{Name: "phone", Type: "tel", Value: form.Phone, Max: 40, Autocomplete: "tel", Optional: optional},
		web.Field{Name: "note", Value: form.Note, Max: 500, Rows: 2, Optional: optional, Wide: true},
	)
}

func addressFields(page web.Page, form addressForm, errs web.FieldErrors) []web.Field {
	return page.Fields(errs,
		web.Field{Name: "address", Value: form.Address, Max: 300, Autocomplete: "street-address", Wide: true},
		web.Field{Name: "city", Value: form.City, Max: 100, Autocomplete: "address-level2"},
		web.Field{Name: "region", Value: form.Region, Max: 100, Autocomplete: "address-level1", Optional: optional},
		web.Field{Name: "postcode", Value: form.Postcode, Max: 20, Autocomplete: "postal-code", Optional: optional},
		web.Field{Name: "country", Value: form.Country, Max: 60, Autocomplete: "country-name"},
	)
}

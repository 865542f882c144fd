package shop

import (
	"golang.org/x/text/unicode/norm"

	"saoma/handlers/web"
	"saoma/models"
)

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

// countryField is typed or chosen, and may be anything that somebody delivers to: a list that can only be
// chosen from would keep out who does not find theirs in it.
func countryField(page web.Page, form addressForm, errs web.FieldErrors) []web.Field {
	return page.Fields(errs, web.Field{
		Name: "country", Value: form.Country, Max: 60, Autocomplete: "country-name", List: page.Countries(),
	})
}

// addressFields are those of the form's country, in its order and by its names, and what else was typed
// by somebody who had the fields of another country.
func addressFields(page web.Page, form addressForm, errs web.FieldErrors) []web.Field {
	country := models.AddressFormOf(form.Code)
	all := map[string]web.Field{
		"address":  {Name: "address", Value: form.Address, Max: 300, Autocomplete: "address-line1", Wide: true},
		"city":     {Name: "city", Value: form.City, Max: 100, Autocomplete: "address-level2", Label: named(page, "city", country.City)},
		"region":   {Name: "region", Value: form.Region, Max: 100, Autocomplete: "address-level1", Label: named(page, "region", country.Region)},
		"postcode": {Name: "postcode", Value: form.Postcode, Max: 20, Autocomplete: "postal-code", Hint: country.Example},
	}
	var fields []web.Field
	add := func(name string) {
		field := all[name]
		if delete(all, name); !country.Needs(name) {
			field.Optional = optional
		}
		if field.Hint != "" {
			field.Hint = page.T("field.postcode.such", "example", field.Hint)
		}
		fields = append(fields, field)
	}
	for _, name := range country.Fields {
		add(name)
	}
	for _, name := range []string{"city", "region", "postcode"} {
		if field, left := all[name]; left && (field.Value != "" || errs[name] != "") {
			add(name)
		}
	}
	return page.Fields(errs, fields...)
}

// named is the label of a field that is something else in some countries.
func named(page web.Page, field, what string) string {
	if what == "" {
		return ""
	}
	return page.T("field." + field + "." + what)
}

// plainWidth is what was typed in full-width figures, as East Asian keyboards write them, in plain ones.
func plainWidth(text string) string { return norm.NFKC.String(text) }

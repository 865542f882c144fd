package shop

import "saoma/handlers/web"

// field is one input as the template shows it.
type field struct {
	Name         string
	Label        string
	Type         string
	Value        string
	Max          int
	Rows         int    // more than one line; 0: one
	Autocomplete string // as HTML names it
	Optional     string // the word for it; empty when the field is required
	Error        string // what is wrong
	Wide         bool
}

// fields puts labels and what is wrong into the reader's words.
func fields(page web.Page, errs web.FieldErrors, all ...field) []field {
	for i := range all {
		f := &all[i]
		f.Label = page.T("field." + f.Name)
		if f.Type == "" {
			f.Type = "text"
		}
		if f.Optional != "" {
			f.Optional = page.T(f.Optional)
		}
		if key := errs[f.Name]; key != "" {
			f.Error = page.T(key)
		}
	}
	return all
}

// optional is the key of the word that marks a field as not required.
const optional = "field.optional"

func contactFields(page web.Page, form contactForm, errs web.FieldErrors) []field {
	return fields(page, errs,
		field{Name: "name", Value: form.Name, Max: 100, Autocomplete: "name", Wide: true},
		field{Name: "email", Type: "email", Value: form.Email, Max: 200, Autocomplete: "email"},
		field{Name: "phone", Type: "tel", Value: form.Phone, Max: 40, Autocomplete: "tel", Optional: optional},
		field{Name: "note", Value: form.Note, Max: 500, Rows: 2, Optional: optional, Wide: true},
	)
}

func addressFields(page web.Page, form addressForm, errs web.FieldErrors) []field {
	return fields(page, errs,
		field{Name: "address", Value: form.Address, Max: 300, Autocomplete: "street-address", Wide: true},
		field{Name: "city", Value: form.City, Max: 100, Autocomplete: "address-level2"},
		field{Name: "region", Value: form.Region, Max: 100, Autocomplete: "address-level1", Optional: optional},
		field{Name: "postcode", Value: form.Postcode, Max: 20, Autocomplete: "postal-code", Optional: optional},
		field{Name: "country", Value: form.Country, Max: 60, Autocomplete: "country-name"},
	)
}

// mistakes returns the fields at fault.
func mistakes(groups ...[]field) []field {
	var found []field
	for _, group := range groups {
		for _, f := range group {
			if f.Error != "" {
				found = append(found, f)
			}
		}
	}
	return found
}

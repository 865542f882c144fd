package web

// Field is one input as the template partials/field shows it.
type Field struct {
	Name         string
	Label        string
	Type         string
	Value        string
	Max          int
	Rows         int    // more than one line; 0: one
	Autocomplete string // as HTML names it
	Optional     string // the word for it; empty when the field is required
	Error        string // what is wrong
	Hint         string // what to put in
	Now          string // what stands there now, where somebody has changed what the page had shown
	Lang         string // of the value, where it is not the page's
	Mode         string // which keyboard a phone shows, as HTML names it
	Wide         bool
	List         []Country // what may be chosen, beside what is typed
}

// Fields puts labels, hints and what is wrong into the reader's words: a label that is not
// given is the message field.NAME, and Optional and Hint are keys of messages.
func (p Page) Fields(errs FieldErrors, all ...Field) []Field {
	for i := range all {
		f := &all[i]
		if f.Label == "" {
			f.Label = p.T("field." + f.Name)
		}
		if f.Type == "" {
			f.Type = "text"
		}
		if f.Optional != "" {
			f.Optional = p.T(f.Optional)
		}
		if f.Hint != "" {
			f.Hint = p.T(f.Hint)
		}
		if f.Now != "" {
			f.Now = p.T("field.now", "value", f.Now)
		}
		if key := errs[f.Name]; key != "" {
			f.Error = p.T(key)
		}
	}
	return all
}

// Mistakes returns the fields at fault.
func Mistakes(groups ...[]Field) []Field {
	var found []Field
	for _, group := range groups {
		for _, f := range group {
			if f.Error != "" {
				found = append(found, f)
			}
		}
	}
	return found
}

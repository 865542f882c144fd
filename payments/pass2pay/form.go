package pass2pay

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"saoma/payments"
)

// maxFields is how many fields a form may have.
const maxFields = 100

// formIn reads the form of a page of the gateway's. Nothing else on the page is believed or kept: no
// script, no style, no button. False: there is not exactly one form, or a browser that ran the page
// might send something else than its hidden and text fields, each name once.
func formIn(page string) (payments.Form, bool) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return payments.Form{}, false
	}
	var forms, controls []*html.Node
	for n := range doc.Descendants() {
		switch n.DataAtom {
		case atom.Form:
			forms = append(forms, n)
		case atom.Input, atom.Select, atom.Textarea:
			controls = append(controls, n)
		}
	}
	if len(forms) != 1 {
		return payments.Form{}, false
	}
	form := payments.Form{
		Method: oneOf(forms[0], "method", "get", "post"),
		Action: attribute(forms[0], "action"),
	}
	encoding := oneOf(forms[0], "enctype", "application/x-www-form-urlencoded")
	charset := oneOf(forms[0], "accept-charset", "utf-8")
	if form.Method == "" || encoding == "" || charset == "" {
		return payments.Form{}, false
	}
	for _, control := range controls {
		if isButton(control) || attribute(control, "name") == "" {
			continue
		}
		field, ok := readField(control, forms[0])
		if !ok || slices.ContainsFunc(form.Fields, func(f payments.FormField) bool { return f.Name == field.Name }) {
			return payments.Form{}, false
		}
		form.Fields = append(form.Fields, field)
	}
	return form, len(form.Fields) <= maxFields && len(form.Data()) <= maxPayData
}

// readField reads a field of the form. False: it is of another form, none that is sent as it stands, or
// one whose value somebody chooses.
func readField(n, form *html.Node) (payments.FormField, bool) {
	field := payments.FormField{Name: attribute(n, "name"), Value: attribute(n, "value")}
	sent := n.DataAtom == atom.Input && oneOf(n, "type", "text", "hidden") != "" && !has(n, "form") && !has(n, "disabled")
	return field, sent && slices.Contains(slices.Collect(n.Ancestors()), form)
}

func isButton(n *html.Node) bool {
	return n.DataAtom == atom.Input && slices.Contains([]string{"submit", "button", "image", "reset"}, strings.ToLower(attribute(n, "type")))
}

// oneOf returns which of the values an attribute has, in any letter case; the first one when it is not
// there, and nothing when it has another.
func oneOf(n *html.Node, key string, values ...string) string {
	value := strings.ToLower(attribute(n, key))
	if value == "" {
		return values[0]
	}
	if !slices.Contains(values, value) {
		return ""
	}
	return value
}

func attribute(n *html.Node, key string) string {
	if i := indexOf(n, key); i >= 0 {
		return n.Attr[i].Val
	}
	return ""
}

func has(n *html.Node, key string) bool { return indexOf(n, key) >= 0 }

func indexOf(n *html.Node, key string) int {
	return slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Namespace == "" && a.Key == key })
}

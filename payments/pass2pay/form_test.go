package pass2pay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/payments"
)

const formAt = "https://cashier.pass2pay.example/gateway.do?charset=UTF-8&method=x"

// TestCreateForm: of a page that submits itself, the form is read and nothing else.
func TestCreateForm(t *testing.T) {
	for name, tt := range map[string]struct {
		page string
		want payments.Form
	}{
		"as Alipay writes it": {
			`<form name="punchout_form" method="post" action="https://cashier.pass2pay.example/gateway.do?charset=UTF-8&amp;method=x">
				<input type="hidden" name="biz_content" value="{&quot;total&quot;:&quot;1.00&quot;,&quot;subject&quot;:&quot;商品&quot;}">
				<input type="submit" value="立即支付" style="display:none" ></form><script>document.forms[0].submit();</script>`,
			payments.Form{Method: "post", Action: formAt, Fields: []payments.FormField{{Name: "biz_content", Value: `{"total":"1.00","subject":"商品"}`}}},
		},
		"a whole page": {
			`<!DOCTYPE html><html><head><base href="https://evil.example/"><style>input{}</style></head><body onload="steal()"><h1>Pay</h1>
				<FORM METHOD=GET ACTION='` + formAt + `' enctype="application/x-www-form-urlencoded" accept-charset="UTF-8" target="_blank" onsubmit="steal()">
				<p><input name=a value=1><input TYPE=Text NAME=b><input type=hidden value="nameless"></p>
				<input type=submit name=go value=1 formaction="https://evil.example/"><input type=image name=i><button name=c formaction="https://evil.example/">Pay</button>
				</FORM><img src="https://evil.example/p"></body></html>`,
			payments.Form{Method: "get", Action: formAt, Fields: []payments.FormField{{Name: "a", Value: "1"}, {Name: "b"}}},
		},
		"without a method":  {`<form action="` + formAt + `"></form>`, payments.Form{Method: "get", Action: formAt}},
		"never ended":       {`<form method=post action="` + formAt + `"><input type=hidden name=a value="<b>">`, payments.Form{Method: "post", Action: formAt, Fields: []payments.FormField{{Name: "a", Value: "<b>"}}}},
		"a form in a note":  {`<!-- <form action="https://evil.example"> --><form action="` + formAt + `"></form>`, payments.Form{Method: "get", Action: formAt}},
		"a form in a form":  {`<form action="` + formAt + `"><form action="https://evil.example/"></form></form>`, payments.Form{Method: "get", Action: formAt}},
		"an action twice":   {`<form action="` + formAt + `" action="https://evil.example/"></form>`, payments.Form{Method: "get", Action: formAt}},
		"as many as may be": {`<form action="` + formAt + `">` + fields(maxFields) + `</form>`, payments.Form{Method: "get", Action: formAt, Fields: numbered(maxFields)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := createWith(t, "form", tt.page)
			if want := (payments.NextAction{Kind: models.ActionForm, Data: tt.want.Data()}); err != nil || got.Action != want {
				t.Errorf("got %+v, %v; want %+v", got.Action, err, want)
			}
			kept, readable := payments.FormOf(&models.Payment{Action: got.Action.Kind, ActionData: got.Action.Data})
			if diff := cmp.Diff(tt.want, kept); !readable || diff != "" {
				t.Errorf("the form differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCreateFormUnreadable: of a page from which a browser might send something else than what we read,
// nothing is shown.
func TestCreateFormUnreadable(t *testing.T) {
	inForm := func(attributes, inside string) string {
		return `<form method="post" action="` + formAt + `" ` + attributes + `>` + inside + `</form>`
	}
	for name, page := range map[string]string{
		"no form":                  "<p>Paid?</p>",
		"an address":               formAt,
		"two forms":                inForm("", "") + inForm("", ""),
		"one in a template":        inForm("", "") + "<template>" + inForm("", "") + "</template>",
		"a dialog":                 `<form method="dialog" action="` + formAt + `"></form>`,
		"a method of its own":      `<form method="put" action="` + formAt + `"></form>`,
		"in parts":                 inForm(`enctype="multipart/form-data"`, ""),
		"as plain text":            inForm(`enctype="text/plain"`, ""),
		"in another character set": inForm(`accept-charset="GBK"`, ""),
		"a field twice":            inForm("", `<input name="a" value="1"><input name="a" value="2">`),
		"a field of another form":  inForm(`id="f"`, `<input name="a" form="g">`),
		"a field outside":          inForm(`id="f"`, "") + `<input name="a" form="f">`,
		"a field in a broken table": `<table><form method="post" action="` + formAt +
			`"><tr><td><input type="hidden" name="a"></td></tr></form></table>`,
		"a field that is off": inForm("", `<input name="a" disabled>`),
		"a box":               inForm("", `<input type="checkbox" name="a" value="1" checked>`),
		"a file":              inForm("", `<input type="file" name="a">`),
		"a password":          inForm("", `<input type="password" name="a">`),
		"a choice":            inForm("", `<select name="a"><option>1</option></select>`),
		"a text of many":      inForm("", `<textarea name="a">1</textarea>`),
		"too many fields":     inForm("", fields(maxFields+1)),
		"too much":            inForm("", `<input name="a" value="`+strings.Repeat("<", maxPayData/6)+`">`),
		"too deep":            inForm("", strings.Repeat("<div>", 600)+`<input name="a">`),
	} {
		if got, err := createWith(t, "form", page); err != nil || got.Action != (payments.NextAction{}) || got.State != payments.StatePending {
			t.Errorf("%s: got %+v, %v; want nothing to do, and the payment pending", name, got.Action, err)
		}
	}
}

// TestCreateFormElsewhere: a form goes where a buyer could be sent to, and nowhere else.
func TestCreateFormElsewhere(t *testing.T) {
	for _, action := range []string{
		"https://evil.example/x", "ftp://cashier.pass2pay.example/", "//cashier.pass2pay.example/", "/gateway.do", "", "javascript:alert(1)",
		"https://cashier.pass2pay.example@evil.example/", "https://cashier.pass2pay.example:444/", ` https://cashier.pass2pay.example/`,
		`https:\\evil.example/`,
	} {
		got, err := createWith(t, "form", `<form method="post" action="`+action+`"><input type="hidden" name="a" value="1"></form>`)
		if payments.OutcomeOf(err) != payments.BadRedirect || got.Action != (payments.NextAction{}) || got.Reference != "P1" {
			t.Errorf("to %q: got %+v, %v; want outcome bad_redirect, with the gateway's number and nothing to do", action, got.Action, err)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add(`<form method=post action="` + formAt + `"><input type=hidden name=a value=1></form>`)
	f.Fuzz(func(t *testing.T, page string) {
		form, ok := formIn(page)
		if !ok {
			return
		}
		if form.Method != "get" && form.Method != "post" || len(form.Fields) > maxFields || len(form.Data()) > maxPayData {
			t.Errorf("got %+v", form)
		}
	})
}

func numbered(n int) []payments.FormField {
	all := make([]payments.FormField, n)
	for i := range all {
		all[i] = payments.FormField{Name: fmt.Sprint("f", i), Value: fmt.Sprint(i)}
	}
	return all
}

func fields(n int) string {
	var b strings.Builder
	for _, f := range numbered(n) {
		fmt.Fprintf(&b, `<input type="hidden" name=%q value=%q>`, f.Name, f.Value)
	}
	return b.String()
}

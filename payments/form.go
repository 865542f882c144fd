package payments

import (
	"encoding/json"
	"fmt"

	"saoma/models"
)

// Form is a form that the buyer's browser sends to a gateway to pay.
type Form struct {
	Method string      `json:"method"` // get or post
	Action string      `json:"action"` // an address that CheckAddress allows
	Fields []FormField `json:"fields"`
}

// FormField is a hidden field of a Form.
type FormField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Data returns the form as an attempt keeps it.
func (f Form) Data() string {
	data, err := json.Marshal(f)
	if err != nil {
		panic(fmt.Sprintf("form: %v", err)) // texts always have a form
	}
	return string(data)
}

// FormOf returns the form with which an attempt is paid. False: it is paid in another way, or older code
// kept the gateway's page in place of a form, which is shown to nobody.
func FormOf(p *models.Payment) (Form, bool) {
	var f Form
	if p.Action != models.ActionForm || json.Unmarshal([]byte(p.ActionData), &f) != nil {
		return Form{}, false
	}
	return f, f.Action != ""
}

// ActionOf returns what the buyer does to pay an attempt.
func ActionOf(p *models.Payment) NextAction {
	if _, readable := FormOf(p); p.Action == models.ActionForm && !readable {
		return NextAction{}
	}
	return NextAction{Kind: p.Action, Data: p.ActionData}
}

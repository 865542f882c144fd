package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// shownRows is how many payments and calls the control page shows; the JSON API has them all.
const shownRows = 50

// controlPage is where a person watches the sandbox and makes it misbehave.
type controlPage struct {
	Page
	Now      time.Time
	Speed    float64
	Gateways []account
	Payments []Payment
	Calls    []Call
	Faults   []Fault
	Rules    []faultRule
	Ops      []Operation
	Ledger   Ledger
	Wanted   Fault  // what the form was sent with
	Problem  string // why it was refused
}

// account is what a client needs to use a simulated gateway.
type account struct {
	Name    Gateway
	BaseURL string
	Values  []setting
}

// setting is one value of an account. Keys are shown only when they are the published ones.
type setting struct{ Name, Value string }

func (s *Sandbox) showControl(w http.ResponseWriter, r *http.Request) {
	s.renderControl(w, r, http.StatusOK, Fault{}, nil)
}

func (s *Sandbox) renderControl(w http.ResponseWriter, r *http.Request, status int, wanted Fault, problem error) {
	page := controlPage{
		Page:     s.pages.page(r, "control.title"),
		Now:      s.clock.now(),
		Speed:    s.clock.rate(),
		Gateways: s.accounts(),
		Payments: newest(s.Payments()),
		Calls:    newest(s.Calls()),
		Faults:   s.Faults(),
		Rules:    faultRules,
		Ops:      operationsOf[Pass2Pay],
		Ledger:   s.Ledger(),
		Wanted:   wanted,
	}
	if problem != nil {
		page.Problem = problem.Error()
	}
	s.render(w, status, "control.html", page)
}

// newest returns the last entries of a list, the last one first.
func newest[T any](list []T) []T {
	list = slices.Clone(list[max(0, len(list)-shownRows):])
	slices.Reverse(list)
	return list
}

func (s *Sandbox) accounts() []account {
	sfp, p2p := s.config.ScanForPay, s.config.Pass2Pay
	return []account{
		{ScanForPay, s.config.PublicURL + ScanForPayPath, []setting{
			{"partner_no", sfp.PartnerNo}, {"store_no", sfp.StoreNo}, {"sign_key", shownKey(sfp.SignKey, DemoSignKey)},
		}},
		{Pass2Pay, s.config.PublicURL + Pass2PayPath, []setting{
			{"mch_no", p2p.MchNo}, {"app_id", p2p.AppID}, {"app_secret", shownKey(p2p.AppSecret, DemoAppSecret)},
		}},
	}
}

// shownKey hides a key that is not the published one.
func shownKey(key, published string) string {
	if key == published {
		return key
	}
	return "••••"
}

// Kind returns the kind of a fault, for the template.
func (r faultRule) Kind() FaultKind { return r.kind }

func (s *Sandbox) setFaultByForm(w http.ResponseWriter, r *http.Request) {
	times, _ := strconv.Atoi(r.PostFormValue("times"))
	f := Fault{
		Gateway:   Gateway(r.PostFormValue("gateway")),
		Kind:      FaultKind(r.PostFormValue("fault")),
		Operation: Operation(r.PostFormValue("operation")),
		Value:     r.PostFormValue("value"),
		Times:     times,
	}
	if err := s.SetFault(f); err != nil {
		s.renderControl(w, r, http.StatusBadRequest, f, err)
		return
	}
	backToControl(w, r)
}

func (s *Sandbox) clearFaultsByForm(w http.ResponseWriter, r *http.Request) {
	s.ClearFaults(Fault{
		Gateway:   Gateway(r.PostFormValue("gateway")),
		Kind:      FaultKind(r.PostFormValue("fault")),
		Operation: Operation(r.PostFormValue("operation")),
	})
	backToControl(w, r)
}

func (s *Sandbox) setClockByForm(w http.ResponseWriter, r *http.Request) {
	speed, _ := strconv.ParseFloat(r.PostFormValue("speed"), 64)
	if err := s.setClock(r.PostFormValue("advance"), speed); err != nil {
		s.renderControl(w, r, http.StatusBadRequest, Fault{}, err)
		return
	}
	backToControl(w, r)
}

func (s *Sandbox) actByForm(w http.ResponseWriter, r *http.Request) {
	var err error
	if action := r.PathValue("action"); action == "notify" {
		_, err = s.Resend(r.PathValue("number"), 1)
	} else {
		_, err = s.Act(r.PathValue("number"), Action(action), NotifyBefore)
	}
	if err != nil {
		s.renderControl(w, r, http.StatusConflict, Fault{}, err)
		return
	}
	backToControl(w, r)
}

func backToControl(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/sandbox", http.StatusSeeOther)
}

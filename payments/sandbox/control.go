package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// maxResend bounds how often one call has a notification sent again.
const maxResend = 10_000

// The JSON control API. It does what the Go methods do, for tests in other processes.

func (s *Sandbox) listPayments(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{"payments": s.Payments()}, nil)
}

func (s *Sandbox) showPayment(w http.ResponseWriter, r *http.Request) {
	p, err := s.Payment(r.PathValue("number"))
	reply(w, p, err)
}

// actByAPI pays, fails, cancels or lets expire. ?notify= is before (the default), after or never.
func (s *Sandbox) actByAPI(w http.ResponseWriter, r *http.Request) {
	p, err := s.Act(r.PathValue("number"), Action(r.PathValue("action")), Notify(r.FormValue("notify")))
	reply(w, p, err)
}

// resendByAPI sends the last notification again, {"times": n} times at once, and returns the
// shop's answers.
func (s *Sandbox) resendByAPI(w http.ResponseWriter, r *http.Request) {
	order := struct {
		Times int `json:"times"`
	}{Times: 1}
	if err := readOrder(r, &order); err != nil {
		reply(w, nil, err)
		return
	}
	if order.Times < 1 || order.Times > maxResend {
		reply(w, nil, errors.New("times is not from 1 to "+strconv.Itoa(maxResend)))
		return
	}
	results, err := s.Resend(r.PathValue("number"), order.Times)
	reply(w, map[string]any{"deliveries": results}, err)
}

// settleRefundByAPI ends a refund that is in progress: succeed, fail or close.
func (s *Sandbox) settleRefundByAPI(w http.ResponseWriter, r *http.Request) {
	to, known := map[string]RefundState{
		"succeed": RefundSucceeded, "fail": RefundFailed, "close": RefundClosed,
	}[r.PathValue("result")]
	if !known {
		reply(w, nil, errors.New("a refund can succeed, fail or close"))
		return
	}
	reply(w, map[string]any{"state": to}, s.SettleRefund(r.PathValue("number"), to))
}

func (s *Sandbox) showLedger(w http.ResponseWriter, _ *http.Request) {
	reply(w, s.Ledger(), nil)
}

func (s *Sandbox) listCalls(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{"calls": s.Calls()}, nil)
}

func (s *Sandbox) listFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{"faults": s.Faults()}, nil)
}

func (s *Sandbox) setFaultByAPI(w http.ResponseWriter, r *http.Request) {
	var f Fault
	err := readOrder(r, &f)
	if err == nil {
		err = s.SetFault(f)
	}
	reply(w, map[string]any{"faults": s.Faults()}, err)
}

// clearFaultsByAPI clears those that ?gateway=, ?fault= and ?operation= name; all without them.
func (s *Sandbox) clearFaultsByAPI(w http.ResponseWriter, r *http.Request) {
	s.ClearFaults(Fault{
		Gateway:   Gateway(r.FormValue("gateway")),
		Kind:      FaultKind(r.FormValue("fault")),
		Operation: Operation(r.FormValue("operation")),
	})
	reply(w, map[string]any{"faults": s.Faults()}, nil)
}

// setClockByAPI puts the clock forward and sets the speed of repeats: {"advance":"2h","speed":60}.
func (s *Sandbox) setClockByAPI(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Advance string  `json:"advance"`
		Speed   float64 `json:"speed"`
	}
	err := readOrder(r, &order)
	if err == nil {
		err = s.setClock(order.Advance, order.Speed)
	}
	reply(w, map[string]any{"now": s.clock.now()}, err)
}

// setClock does either or both. Empty and zero leave things as they are.
func (s *Sandbox) setClock(advance string, speed float64) error {
	var d time.Duration
	if advance != "" {
		var err error
		if d, err = time.ParseDuration(advance); err != nil || d < 0 {
			return errors.New(`advance is not a duration such as "90s" or "2h"`)
		}
	}
	if speed < 0 {
		return errors.New("speed is negative")
	}
	if speed > 0 {
		s.clock.setSpeed(speed)
	}
	s.Advance(d)
	return nil
}

// Advance puts the sandbox's clock forward: payments expire and notifications are repeated that
// fall due by then.
func (s *Sandbox) Advance(d time.Duration) { s.clock.advance(d) }

// SetSpeed sets how much faster than documented notifications are repeated from now on.
func (s *Sandbox) SetSpeed(speed float64) { s.clock.setSpeed(speed) }

// readOrder reads a JSON body. None at all leaves the defaults.
func readOrder(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && r.ContentLength != 0 {
		return err
	}
	return nil
}

// reply answers with a value, or says why there is none.
func reply(w http.ResponseWriter, value any, err error) {
	status := http.StatusOK
	switch {
	case errors.Is(err, ErrNoPayment), errors.Is(err, ErrNoRefund):
		status = http.StatusNotFound
	case errors.Is(err, ErrState):
		status = http.StatusConflict
	case err != nil:
		status = http.StatusBadRequest
	}
	if err != nil {
		value = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Operation is what a call to a gateway, or of one, is about.
type Operation string

// The operations. Notify is the gateway's call to the shop; Pay is what the buyer does in the
// pretend wallet.
const (
	OpCreate      Operation = "create"
	OpQuery       Operation = "query"
	OpClose       Operation = "close"
	OpRefund      Operation = "refund"
	OpRefundQuery Operation = "refund_query"
	OpNotify      Operation = "notify"
	OpPay         Operation = "pay"
)

// Fault is an order to misbehave.
type Fault struct {
	Gateway   Gateway   `json:"gateway"`
	Kind      FaultKind `json:"fault"`
	Operation Operation `json:"operation,omitempty"` // empty: every one that the fault can touch
	Value     string    `json:"value,omitempty"`     // empty: the kind's own
	Times     int       `json:"times,omitempty"`     // how often; 0: until cleared
}

// faults is the list of what goes wrong at present.
type faults struct {
	mu   sync.Mutex
	list []Fault
}

// SetFault has the sandbox misbehave from now on. It replaces a fault of the same gateway, kind
// and operation, and refuses one that could never strike.
func (s *Sandbox) SetFault(f Fault) error {
	if err := checkFault(&f); err != nil {
		return err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = slices.DeleteFunc(s.faults.list, func(old Fault) bool {
		return old.Gateway == f.Gateway && old.Kind == f.Kind && old.Operation == f.Operation
	})
	s.faults.list = append(s.faults.list, f)
	return nil
}

// checkFault refuses a fault that cannot be, and fills in the kind's own value.
func checkFault(f *Fault) error {
	i := slices.IndexFunc(faultRules, func(r faultRule) bool { return r.kind == f.Kind })
	if i < 0 {
		return fmt.Errorf("there is no fault %q", f.Kind)
	}
	rule := faultRules[i]
	if !slices.Contains(rule.gateways, f.Gateway) {
		return fmt.Errorf("gateway %q has no fault %q", f.Gateway, f.Kind)
	}
	if f.Operation != "" && !rule.touches(f.Gateway, f.Operation) {
		return fmt.Errorf("fault %q cannot touch operation %q of %s", f.Kind, f.Operation, f.Gateway)
	}
	if f.Times < 0 {
		return errors.New("times is negative")
	}
	if f.Value == "" {
		f.Value = rule.value
	}
	if rule.check == nil {
		return nil
	}
	if err := rule.check(f.Value); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	return nil
}

func (r faultRule) touches(g Gateway, o Operation) bool {
	return slices.Contains(r.operations, o) && slices.Contains(operationsOf[g], o)
}

// Faults returns what goes wrong at present, in the order in which it was set.
func (s *Sandbox) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return append([]Fault{}, s.faults.list...)
}

// ClearFaults ends the faults that agree with the fields of like that are set: the zero Fault
// ends them all.
func (s *Sandbox) ClearFaults(like Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.list = slices.DeleteFunc(s.faults.list, func(f Fault) bool {
		return (like.Gateway == "" || like.Gateway == f.Gateway) &&
			(like.Kind == "" || like.Kind == f.Kind) &&
			(like.Operation == "" || like.Operation == f.Operation)
	})
}

// take returns the value of a fault that strikes now and counts it as done.
func (fs *faults) take(g Gateway, o Operation, kind FaultKind) (value string, active bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	i := slices.IndexFunc(fs.list, func(f Fault) bool {
		return f.Gateway == g && f.Kind == kind && (f.Operation == "" || f.Operation == o)
	})
	if i < 0 {
		return "", false
	}
	f := &fs.list[i]
	value = f.Value
	switch f.Times {
	case 0:
	case 1:
		fs.list = slices.Delete(fs.list, i, i+1)
	default:
		f.Times--
	}
	return value, true
}

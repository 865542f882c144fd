package payments

import (
	"context"
	"errors"
	"net"
	"time"

	"saoma/models"
)

// How often a gateway is tested by hand, and how long a test may take.
const (
	probeEvery   = 5 * time.Second
	probeBurst   = 3
	probeTimeout = 6 * time.Second
)

// ErrProbedLately: the gateway was tested a moment ago.
var ErrProbedLately = errors.New("the gateway was tested a moment ago")

// ProbeResult is what came back of a test, in a word.
type ProbeResult string

// The results of a test.
const (
	ProbeAccepted    ProbeResult = "accepted"    // it answered us: address, account and key are right
	ProbeRefused     ProbeResult = "refused"     // it answered with a refusal: as a rule the account or the key is wrong
	ProbeUnproven    ProbeResult = "unproven"    // something answered, and not as the gateway does under our key
	ProbeSilent      ProbeResult = "silent"      // a connection was made, and no answer came in time
	ProbeUnreachable ProbeResult = "unreachable" // no connection was made
)

// Probe is a test of a gateway.
type Probe struct {
	Result ProbeResult
	Detail string // the gateway's words, or what went wrong; may be empty
	Took   time.Duration
}

// Probe asks the gateway about a payment that does not exist, which changes nothing, and tells what
// came back. It asks past the breakers, and is kept nowhere. ErrProbedLately: not so often.
// models.ErrGatewayNotFound: there is no such gateway, or it is switched off in the configuration.
func (s *Service) Probe(ctx context.Context, gateway models.GatewayName) (Probe, error) {
	account, on := s.accounts[gateway]
	if !on {
		return Probe{}, models.ErrGatewayNotFound
	}
	if !account.probes.AllowN(s.store.Now(), 1) {
		return Probe{}, ErrProbedLately
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	begun := time.Now()
	_, err := account.Gateway.Gateway.Query(ctx, models.NewPaymentNumber(s.store.Now()))
	account.Gateway.note(unanswered(err), err)
	probe := Probe{Took: time.Since(begun), Result: probeResult(err)}
	if call, is := errors.AsType[*CallError](err); is && probe.Result != ProbeAccepted {
		if call.Code != "" {
			probe.Detail = call.Code + " " + call.Message
		} else if call.Err != nil {
			probe.Detail = call.Err.Error()
		}
	}
	return probe, nil
}

// probeResult tells what the answer to a question about a payment that does not exist says about us.
func probeResult(err error) ProbeResult {
	call, is := errors.AsType[*CallError](err)
	timeout, waits := errors.AsType[net.Error](err)
	switch {
	case err == nil, OutcomeOf(err) == NotFound:
		return ProbeAccepted
	case is && call.Code != "":
		return ProbeRefused
	case OutcomeOf(err) == NotSent:
		return ProbeUnreachable
	case errors.Is(err, context.DeadlineExceeded), waits && timeout.Timeout():
		return ProbeSilent
	}
	return ProbeUnproven
}

package payments

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"golang.org/x/time/rate"

	"saoma/models"
)

// Errors of Start that callers tell apart.
var (
	ErrWalletNotOffered = &models.Error{Kind: models.Invalid, Key: "error.wallet_not_offered", Field: "wallet"}
	ErrGatewayDown      = &models.Error{Kind: models.Unavailable, Key: "error.gateway_down"}
	// ErrStillAsking: an earlier attempt's fate is not known yet, so a second one must wait.
	ErrStillAsking = &models.Error{Kind: models.Unavailable, Key: "error.still_asking"}
	// ErrNothingToAsk: no gateway knows of any attempt of the order.
	ErrNothingToAsk = &models.Error{Kind: models.Conflict, Key: "error.nothing_to_ask"}
	// ErrUnknownOrder: a notification names an order that we do not have.
	ErrUnknownOrder = &models.Error{Kind: models.NotFound, Key: "error.unknown_order"}
)

// Config is what the service is made of.
type Config struct {
	Store     *models.Store
	Gateways  []Account
	Routes    Routes // to the gateways above; all of them take the shop's currency
	PublicURL string // absolute, without a slash at the end
	// Statements says how statements are written, also for a gateway that is switched off by now.
	Statements map[models.GatewayName]StatementFormat
	Log        *slog.Logger
}

// Account is one gateway that is switched on.
type Account struct {
	Gateway  Gateway
	Validity time.Duration // how long it may still take the money of an attempt
}

// account is an Account behind breakers.
type account struct {
	Gateway  *guarded
	Validity time.Duration
	probes   *rate.Limiter
}

// Service starts payments, learns what became of them, and records it. It may be used from many
// goroutines and by several processes on one database.
type Service struct {
	store      *models.Store
	accounts   map[models.GatewayName]account
	routes     Routes
	publicURL  string
	statements map[models.GatewayName]StatementFormat
	refused    *rate.Limiter
	metrics    *vm.Set
	askedLate  *vm.Histogram
	log        *slog.Logger
}

// New returns the service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, accounts: map[models.GatewayName]account{}, publicURL: c.PublicURL,
		routes: c.Routes, statements: c.Statements, refused: rate.NewLimiter(1, refusedBurst), metrics: vm.NewSet(), log: c.Log,
	}
	s.askedLate = s.metrics.NewHistogram("saoma_sweep_delay_seconds")
	for _, a := range c.Gateways {
		s.accounts[a.Gateway.Name()] = account{
			Gateway: withBreakers(a.Gateway), Validity: a.Validity, probes: rate.NewLimiter(rate.Every(probeEvery), probeBurst),
		}
	}
	return s
}

// Enabled reports whether the gateway is switched on.
func (s *Service) Enabled(name models.GatewayName) bool {
	_, on := s.accounts[name]
	return on
}

// Routes returns the rows by which attempts may be begun now: those to gateways that are not paused.
// What was begun at a paused one before is watched, paid and refunded as ever.
func (s *Service) Routes() Routes {
	settings := s.store.Settings()
	open := slices.DeleteFunc(slices.Clone(s.routes), func(r Route) bool { return settings.Paused(r.Gateway) })
	if !slices.ContainsFunc(open, func(r Route) bool { return r.Gateway != "" }) {
		return nil // a code that no phone can pay by leads nowhere
	}
	return open
}

// RoutesFor returns those of Routes by which a buyer at the device can pay an order that was placed from the
// address ordered, which is empty before: some gateways do not take every address. At a desktop that shows
// one code another device pays, from an address of its own.
func (s *Service) RoutesFor(d Device, ordered string) Routes {
	routes := s.Routes()
	if routes.OneCodeAt(d) {
		return routes
	}
	return slices.DeleteFunc(routes, func(r Route) bool {
		_, taken := s.addressFor(r, d, ordered)
		return r.Method != OneCode && !taken
	})
}

// addressFor returns the buyer's address that the row's gateway is told: the device's, else the one from
// which the order was placed. False: it takes neither.
func (s *Service) addressFor(r Route, d Device, ordered string) (ip string, taken bool) {
	for _, ip := range []string{d.Address, ordered} {
		if a, on := s.accounts[r.Gateway]; on && a.Gateway.Takes(r.Method, ip) {
			return ip, true
		}
	}
	return "", false
}

// AllRoutes returns the whole table, with the rows to gateways that are paused.
func (s *Service) AllRoutes() Routes { return slices.Clone(s.routes) }

// Notify verifies a notification and applies it. Nil: it is kept, and is to be acknowledged.
// ErrSignature, ErrMalformed and ErrUnknownOrder: it is refused. Any other error is our own fault,
// and the gateway is to come again.
func (s *Service) Notify(ctx context.Context, gateway models.GatewayName, contentType string, body []byte) error {
	account, on := s.accounts[gateway]
	if !on {
		return ErrUnknownOrder
	}
	report, err := account.Gateway.ParseNotification(contentType, body)
	if err != nil {
		s.Refuse(ctx, gateway, body, err)
		return err
	}
	models.KillPoint("notify.verified")
	if err := s.Apply(ctx, report, OpNotification); err != nil {
		return err
	}
	models.KillPoint("notify.committed")
	return nil
}

// What strangers may make us keep: so many refused messages in a row, then one a second, each cut
// to its beginning, and of each gateway so many of the newest.
const (
	refusedBurst = 100
	refusedBytes = 4 << 10
	refusedKept  = 10_000
)

// What gateways' messages say about the buyer's person, by its name in JSON and in forms. Of a message
// that proves nothing nobody needs it.
const person = `(?i:buyer|buyerId|clientIp|mbrTel|userName|idNo)`

var (
	personInJSON = regexp.MustCompile(`("` + person + `"\s*:\s*)"(?:\\.|[^"\\])*"?`)
	personInForm = regexp.MustCompile(`((?:^|&)` + person + `=)[^&]*`)
)

func impersonal(body []byte) []byte {
	return personInForm.ReplaceAll(personInJSON.ReplaceAll(body, []byte(`$1"***"`)), []byte("$1***"))
}

// Refuse keeps a notification that is refused, for staff to see. That it cannot be kept, or that there are
// too many, changes nothing about the refusal.
func (s *Service) Refuse(ctx context.Context, gateway models.GatewayName, body []byte, why error) {
	s.log.Warn("notification refused", "gateway", gateway, "err", why)
	if !s.refused.Allow() {
		return
	}
	err := s.store.Tx(ctx, func(tx *models.Tx) error {
		err := tx.AddEvidence(nil, models.Evidence{
			Gateway: gateway, Direction: models.Received, Operation: string(OpNotification),
			Response: impersonal(body[:min(len(body), refusedBytes)]), Verdict: verdictRefused, Rule: why.Error(),
		})
		if err != nil {
			return err
		}
		return tx.ForgetLoneEvidence(gateway, verdictRefused, refusedKept)
	})
	if err != nil {
		s.log.Warn("refused notification not kept", "gateway", gateway, "err", err)
	}
}

// Check asks the gateways about every attempt of the order whose fate is not final, and applies
// what they say. ErrStillAsking: not all of them answered, or what one said could not be kept. Any
// other error is why the order could not be read.
func (s *Service) Check(ctx context.Context, orderToken string) error {
	order, err := s.store.OrderByToken(ctx, orderToken)
	if err != nil {
		return err
	}
	_, err = s.askAbout(ctx, order, undecided)
	return stillAsking(err)
}

func stillAsking(err error) error {
	if err != nil {
		return ErrStillAsking.Because(err)
	}
	return nil
}

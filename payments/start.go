package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"saoma/models"
)

// Times of Start.
const (
	startTimeout = 7 * time.Second        // the buyer gets a page within eight
	watchPause   = 150 * time.Millisecond // between looks at another tab's attempt
	// shortestCreate is the least time that a create is given: one that is cut short leaves an attempt
	// whose fate has to be found out.
	shortestCreate = 3 * time.Second
	// createGrace is how long a gateway may take to know a payment whose create went unanswered.
	createGrace = 30 * time.Second
)

// Start begins an attempt at paying the order and says what the buyer does next. A live attempt of
// the same wallet and scene is given again; one of another wallet is first asked about and closed,
// so that an order has one live attempt at a time. ActionNone: the gateway has not told yet how to
// pay and is being asked, or something ended the attempt meanwhile.
//
// Errors: models.ErrOrderNotFound; models.ErrOrderClosed when the order cannot be paid, since it has been
// or is no longer open, or its money is being looked at; ErrWalletNotOffered; ErrGatewayDown; ErrStillAsking.
func (s *Service) Start(ctx context.Context, orderToken string, w models.Wallet, d Device) (NextAction, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	order, err := s.store.OrderByToken(ctx, orderToken)
	if err != nil {
		return NextAction{}, err
	}
	scene := d.Scene(w)
	routes := s.RoutesFor(d, order.ClientIP).Match(w, scene)
	if len(routes) == 0 || !slices.Contains(models.Wallets, w) {
		return NextAction{}, ErrWalletNotOffered
	}
	if err := s.payable(order); err != nil {
		return NextAction{}, err
	}
	if live := liveOf(order); live != nil {
		same := live.Wallet == w && live.Scene == scene
		switch {
		case same && ActionOf(live).Kind != models.ActionNone && s.store.Now().Before(live.ExpiresAt):
			return ActionOf(live), nil
		case same && s.beingCreated(live):
			return s.otherTabs(ctx, order.Token, w, scene)
		}
		if err := s.giveUp(ctx, order, live); err != nil {
			return NextAction{}, err
		}
	}
	for _, route := range routes {
		next, err := s.attempt(ctx, order, w, d, route)
		if !errors.Is(err, errTryNext) {
			return next, err
		}
	}
	return NextAction{}, ErrGatewayDown
}

// errTryNext: this route holds no order that a buyer could pay, so the next one may be tried.
var errTryNext = errors.New("the gateway holds no order that a buyer could pay")

func (s *Service) payable(o *models.Order) error {
	if o.Status != models.OrderPending || !s.store.Now().Before(o.ExpiresAt) {
		return models.ErrOrderClosed
	}
	return nil
}

func liveOf(o *models.Order) *models.Payment {
	for i := range o.Payments {
		if o.Payments[i].Live() {
			return &o.Payments[i]
		}
	}
	return nil
}

// beingCreated reports whether another request is just asking the gateway for the attempt. One whose
// create went unanswered says so in Failure, and one whose asker died is soon too old.
func (s *Service) beingCreated(p *models.Payment) bool {
	return p.Status == models.PaymentCreated && p.Failure == "" && s.store.Now().Sub(p.CreatedAt) < startTimeout
}

// attempt makes one attempt by one route. ErrStillAsking: giving up an earlier one took so long that
// the buyer has to come again for this one.
func (s *Service) attempt(ctx context.Context, o *models.Order, w models.Wallet, d Device, route Route) (NextAction, error) {
	if end, bound := ctx.Deadline(); ctx.Err() != nil || bound && time.Until(end) < shortestCreate {
		return NextAction{}, ErrStillAsking.Because(errors.New("no time is left to ask the gateway for another attempt"))
	}
	scene := d.Scene(w)
	p, err := s.addPayment(ctx, o.ID, w, scene, route)
	if errors.Is(err, models.ErrLivePayment) {
		return s.otherTabs(ctx, o.Token, w, scene)
	}
	if err != nil {
		return NextAction{}, err
	}
	models.KillPoint("create.before_call")
	request := s.createRequest(o, p)
	request.ClientIP, _ = s.addressFor(route, d, o.ClientIP)
	created, callErr := s.accounts[route.Gateway].Gateway.Create(ctx, request)
	models.KillPoint("create.answered")
	switch {
	case callErr == nil:
		return s.createAnswered(ctx, p, created)
	case OutcomeOf(callErr) == BadRedirect:
		err = s.badRedirect(ctx, p, created, callErr)
	default:
		err = s.createFailed(ctx, p, created, callErr)
	}
	if errors.Is(err, errTryNext) && p.Live() {
		err = cmp.Or(s.giveUp(ctx, o, p), err)
	}
	return NextAction{}, err
}

// addPayment stores the attempt with its own number before any gateway hears of it.
func (s *Service) addPayment(ctx context.Context, orderID string, w models.Wallet, scene models.Scene, route Route) (*models.Payment, error) {
	id, number := models.NewID(), models.NewPaymentNumber(s.store.Now())
	var p *models.Payment
	err := s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(orderID)
		if err != nil {
			return err
		}
		if err := s.payable(order); err != nil {
			return err
		}
		if review, err := tx.HasOpenIncident(order); err != nil || review {
			return cmp.Or(err, error(models.ErrOrderClosed)) // nobody pays again what is being looked at
		}
		now := tx.Now()
		watch := now.Add(s.accounts[route.Gateway].Validity)
		expires := order.ExpiresAt
		if watch.Before(expires) {
			expires = watch
		}
		p = &models.Payment{
			ID: id, OrderID: order.ID, Number: number, Gateway: route.Gateway, Method: route.Method,
			Wallet: w, Scene: scene, Status: models.PaymentCreated, Currency: order.Currency, Amount: order.Amount,
			CreatedAt: now, ExpiresAt: expires, WatchUntil: watch,
		}
		p.CheckAt = timeOrNil(nextCheck(*p, now))
		if err := tx.AddPayment(p); err != nil {
			return err
		}
		return tx.SetWallet(order, p)
	})
	return p, err
}

func (s *Service) createRequest(o *models.Order, p *models.Payment) CreateRequest {
	return CreateRequest{
		Number: p.Number, Method: p.Method, Wallet: p.Wallet, Money: p.Money(),
		Goods: o.Goods, Shipping: o.Shipping,
		Title:     s.store.Settings().ShopName + " " + o.Number,
		NotifyURL: s.publicURL + "/pay/notify/" + string(p.Gateway),
		ReturnURL: s.publicURL + "/pay/return/" + o.Token,
		OrderedAt: o.CreatedAt, CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
		CustomerID: o.CustomerID, CustomerSince: o.CustomerSince,
	}
}

// createAnswered keeps the gateway's answer and passes on what the buyer does next.
func (s *Service) createAnswered(ctx context.Context, p *models.Payment, c Created) (NextAction, error) {
	var verdict, rule string
	var order models.OrderStatus
	err := s.record(ctx, p, c.Exchange, OpCreate, func(tx *models.Tx, o *models.Order, p *models.Payment) (_, _ string, err error) {
		order = o.Status
		verdict, rule, err = s.takeCreated(tx, p, c)
		return verdict, rule, err
	})
	if err != nil {
		return NextAction{}, err
	}
	models.KillPoint("create.stored")
	switch {
	case verdict == verdictIncident:
		return NextAction{}, ErrGatewayDown.Because(errors.New(rule))
	case !p.Live() || order != models.OrderPending: // something was faster: there is nothing to pay here any more
		return NextAction{}, nil
	}
	if c.State != StatePending || c.Action.Kind == models.ActionNone {
		// Whatever final state it claims, a query proves it or does not.
		if err := s.ask(ctx, p); err != nil {
			s.log.Warn("payment not confirmed yet", "payment", p.Number, "err", err)
		}
	}
	return c.Action, nil
}

// takeCreated makes the attempt one that can be paid. It gives up one that the gateway calls by a number
// that cannot be its own: whoever paid it might pay for another. It stays watched all the same.
func (s *Service) takeCreated(tx *models.Tx, p *models.Payment, c Created) (verdict, rule string, err error) {
	r := Report{
		Gateway: p.Gateway, Merchant: s.accounts[p.Gateway].Gateway.Merchant(),
		Number: p.Number, Reference: c.Reference, State: StatePending,
	}
	f := facts{merchant: r.Merchant}
	if c.Reference != "" {
		if f.referenceTaken, err = tx.ReferenceTaken(p, c.Reference); err != nil {
			return "", "", err
		}
	}
	if kind, cause, rule := mismatch(*p, r, f); kind != "" {
		i := incidentOf(p, r, kind, rule)
		i.Cause, i.Amount, i.Currency = cause, p.Amount, p.Currency
		if _, err := tx.OpenIncident(i); err != nil {
			return "", "", err
		}
		_, err := tx.MovePayment(p, models.PaymentClosed, models.PaymentChange{Failure: rule})
		return verdictIncident, rule, err
	}
	const taken = "the gateway takes the payment"
	change := models.PaymentChange{Reference: c.Reference, Action: c.Action.Kind, ActionData: c.Action.Data}
	if p.Status == models.PaymentPending { // a question was faster, which tells no way to pay
		return verdictAccepted, taken, tx.ChangePayment(p, change)
	}
	if moved, err := tx.MovePayment(p, models.PaymentPending, change); err != nil || moved {
		return verdictAccepted, taken, err
	}
	return verdictAccepted, taken, tx.ChangePayment(p, models.PaymentChange{Reference: c.Reference}) // a notification was faster
}

// createFailed keeps what is known of a create that did not end well.
func (s *Service) createFailed(ctx context.Context, p *models.Payment, c Created, callErr error) error {
	outcome := OutcomeOf(callErr)
	s.notCreated(p, callErr)
	var move func(tx *models.Tx, p *models.Payment) error
	result := error(ErrGatewayDown.Because(callErr))
	switch outcome {
	case Refused, NotSent:
		result = errTryNext
		move = func(tx *models.Tx, p *models.Payment) error {
			moved, err := tx.MovePayment(p, models.PaymentFailed, models.PaymentChange{Failure: callErr.Error()})
			if err != nil || !moved {
				return err // a message that it is paid was faster, and has to be confirmed
			}
			return tx.SetCheck(p, time.Time{}) // there is nothing to watch
		}
	default: // it may be there: the sweep asks
		move = func(tx *models.Tx, p *models.Payment) error {
			return tx.ChangePayment(p, models.PaymentChange{Failure: callErr.Error()})
		}
	}
	err := s.record(ctx, p, sent(c.Exchange, callErr), OpCreate, func(tx *models.Tx, _ *models.Order, p *models.Payment) (verdict, rule string, err error) {
		return verdictUnknown, callErr.Error(), move(tx, p)
	})
	if err != nil {
		return err
	}
	return result
}

// badRedirect tells staff of an attempt whose page is not on the gateway's list, and leaves it to be given
// up: the gateway may hold it payable. Until that is done it is the order's live one.
func (s *Service) badRedirect(ctx context.Context, p *models.Payment, c Created, callErr error) error {
	s.notCreated(p, callErr)
	var result error
	err := s.record(ctx, p, c.Exchange, OpCreate, func(tx *models.Tx, _ *models.Order, p *models.Payment) (verdict, rule string, err error) {
		result = ErrGatewayDown.Because(callErr)
		if verdict, rule, err = s.takeCreated(tx, p, c); err != nil || verdict == verdictIncident {
			return verdict, rule, err
		}
		result = errTryNext
		if p.Live() {
			if err := tx.ChangePayment(p, models.PaymentChange{Failure: callErr.Error()}); err != nil {
				return "", "", err
			}
		}
		_, err = tx.OpenIncident(models.Incident{
			Kind: models.IncidentBadRedirect, Gateway: p.Gateway, OrderID: &p.OrderID, PaymentID: &p.ID, Number: p.Number,
			Currency: p.Currency, Amount: p.Amount, Detail: callErr.Error(), DedupKey: "bad_redirect/" + p.Number,
		})
		return verdictUnknown, callErr.Error(), err
	})
	return cmp.Or(err, result)
}

// neverShown reports whether the gateway took an attempt that no buyer was given a way to pay, since its
// page is not on the list or was lost.
func neverShown(p *models.Payment) bool {
	return p.Status == models.PaymentPending && p.Action == models.ActionNone && p.Failure != ""
}

func (s *Service) notCreated(p *models.Payment, callErr error) {
	s.log.Warn("payment could not be created", "payment", p.Number, "gateway", p.Gateway, "outcome", OutcomeOf(callErr), "err", callErr)
}

// record keeps a message about the payment in the transaction in which follow does what it leads to, and
// says by which rule. Who asked may have gone, and the time for it may be over: it is kept anyway.
func (s *Service) record(ctx context.Context, p *models.Payment, e Exchange, op Operation,
	follow func(tx *models.Tx, o *models.Order, p *models.Payment) (verdict, rule string, err error)) error {
	return s.store.Tx(context.WithoutCancel(ctx), func(tx *models.Tx) error {
		order, err := tx.LockOrder(p.OrderID)
		if err != nil {
			return err
		}
		locked := paymentIn(order, p.ID)
		verdict, rule, err := follow(tx, order, locked)
		if err != nil {
			return err
		}
		*p = *locked
		return keep(tx, order, p, e, op, verdict, rule)
	})
}

// sent returns the exchange of a call that ended so: none if nothing left us.
func sent(e Exchange, callErr error) Exchange {
	if callErr != nil && OutcomeOf(callErr) == NotSent {
		return Exchange{}
	}
	return e
}

// What is kept of calls that did not end in an answer that can be read: the beginning of what came,
// for so many calls of one kind about one payment. A gateway may go on like that for half a day. Of what
// decides nothing so many are kept as well: whoever has an order's address may have it asked for again
// and again.
const (
	unreadKept  = 20
	unreadBytes = 4 << 10
	ignoredKept = 100
)

// enough reports whether enough messages of the kind are kept about the payment already.
func enough(tx *models.Tx, p *models.Payment, op Operation, verdict string) (bool, error) {
	most, bounded := map[string]int64{verdictUnknown: unreadKept, verdictIgnored: ignoredKept}[verdict]
	if !bounded {
		return false, nil
	}
	n, err := tx.CountEvidence(p, string(op), verdict)
	return n >= most, err
}

// keep keeps a message about a payment of the locked order as evidence, if one left us at all.
func keep(tx *models.Tx, o *models.Order, p *models.Payment, e Exchange, op Operation, verdict, rule string) error {
	if e.Request == nil && e.Response == nil {
		return nil
	}
	if enough, err := enough(tx, p, op, verdict); enough || err != nil {
		return err
	}
	if verdict == verdictUnknown {
		e.Response = e.Response[:min(len(e.Response), unreadBytes)]
	}
	return tx.AddEvidence(o, evidenceOf(p, e, op, verdict, rule))
}

// giveUp ends a live attempt so that another may begin: the gateway is asked what became of it and,
// where it can, told to take no money for it. ErrOrderClosed: it has been paid.
func (s *Service) giveUp(ctx context.Context, o *models.Order, p *models.Payment) error {
	if err := s.askAndClose(ctx, p); err != nil {
		return err
	}
	return s.store.Tx(context.WithoutCancel(ctx), func(tx *models.Tx) error {
		order, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		if err := s.payable(order); err != nil {
			return err
		}
		p := paymentIn(order, p.ID)
		if !p.Live() {
			return nil
		}
		change := models.PaymentChange{Failure: cmp.Or(p.Failure, "given up for another attempt")}
		_, err = tx.MovePayment(p, models.PaymentClosed, change)
		return err
	})
}

// askAndClose asks about a live attempt and, when it is still open, closes it where the gateway can.
// The attempt stays watched all the same.
func (s *Service) askAndClose(ctx context.Context, p *models.Payment) error {
	fresh, err := s.askFirst(ctx, p)
	if err != nil || fresh == nil || !fresh.Live() {
		return err
	}
	return s.closeThere(ctx, fresh)
}

// askFirst asks about an attempt before something is done about it, and returns it as it stands then;
// nil: the gateway has no such payment. That is believed at once of one that nobody can have opened: see
// notThere.
func (s *Service) askFirst(ctx context.Context, p *models.Payment) (*models.Payment, error) {
	switch err := s.ask(ctx, p); {
	case err == nil:
		return s.store.PaymentByNumber(context.WithoutCancel(ctx), p.Number) // asking may have taken all the time
	case OutcomeOf(err) == NotFound && (s.store.Now().Sub(p.CreatedAt) > createGrace || neverShown(p)):
		return nil, nil
	default:
		return nil, ErrStillAsking.Because(err)
	}
}

// closeThere tells the gateway, where it can, to take no money for an attempt, and asks about it again.
func (s *Service) closeThere(ctx context.Context, p *models.Payment) error {
	exchange, err := s.accounts[p.Gateway].Gateway.Close(ctx, p.Number)
	if OutcomeOf(err) == Unsupported {
		return nil
	}
	verdict, rule := verdictIgnored, "asked to take no money for it"
	if err != nil {
		verdict, rule = verdictUnknown, err.Error()
	}
	kept := func(*models.Tx, *models.Order, *models.Payment) (string, string, error) { return verdict, rule, nil }
	if err := s.record(ctx, p, sent(exchange, err), OpClose, kept); err != nil {
		return err
	}
	if err := s.ask(ctx, p); err != nil {
		return ErrStillAsking.Because(err)
	}
	return nil
}

// otherTabs waits for the attempt that another request of the same buyer is just beginning.
func (s *Service) otherTabs(ctx context.Context, token string, w models.Wallet, scene models.Scene) (NextAction, error) {
	for {
		order, err := s.store.OrderByToken(ctx, token)
		if err != nil {
			return NextAction{}, err
		}
		if err := s.payable(order); err != nil {
			return NextAction{}, err
		}
		live := liveOf(order)
		if live == nil || live.Wallet != w || live.Scene != scene {
			return NextAction{}, ErrStillAsking
		}
		if next := ActionOf(live); next.Kind != models.ActionNone {
			return next, nil
		}
		if !s.beingCreated(live) {
			return NextAction{}, ErrStillAsking
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			return NextAction{}, ErrStillAsking.Because(fmt.Errorf("payment %s: %w", live.Number, ctx.Err()))
		}
	}
}

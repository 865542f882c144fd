package payments

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"saoma/models"
)

// How the sweep works through what is due.
const (
	sweepEvery   = 500 * time.Millisecond
	sweepAgain   = 2 * time.Second // after the database did not answer
	sweepBatch   = 64
	sweepWorkers = 8
	// checkLease is how long a replica may take over one check before another one repeats it.
	checkLease = 30 * time.Second
	// lastAsk bounds the question that is asked before an order expires.
	lastAsk = 3 * time.Second
	// askAgain is the longest that a question without an answer waits for its next turn: what was
	// paid is found within five minutes after a gateway is back.
	askAgain = 4 * time.Minute
	// owed is how long a gateway that can take no more money still owes the last answer; after
	// that it is asked rarely.
	owed = 24 * time.Hour
)

// checkAfter is when an open attempt is asked about, counted from its creation. Beside these it is
// asked when its order expires, and every hour until the gateway can take no more money for it.
var checkAfter = []time.Duration{
	5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
	5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
}

// nextCheck returns when an attempt is asked about next after the given time; zero: not any more.
func nextCheck(p models.Payment, after time.Time) time.Time {
	if p.Status == models.PaymentSucceeded && p.WrittenOffAt == nil {
		return nextConfirmation(p, after)
	}
	next := p.WatchUntil
	consider := func(t time.Time) {
		if t.After(after) && t.Before(next) {
			next = t
		}
	}
	for _, d := range checkAfter {
		consider(p.CreatedAt.Add(d))
	}
	consider(p.ExpiresAt)
	hours := after.Sub(p.CreatedAt)/time.Hour + 1
	consider(p.CreatedAt.Add(hours * time.Hour))
	if !next.After(after) {
		return time.Time{}
	}
	return next
}

// nextConfirmation: a success that no query has confirmed is asked about again soon, then more and
// more rarely; a confirmed one once more a day after it was paid.
func nextConfirmation(p models.Payment, after time.Time) time.Time {
	dayLater := p.SucceededAt.Add(24 * time.Hour)
	if p.ConfirmedAt != nil {
		if dayLater.After(after) {
			return dayLater
		}
		return time.Time{}
	}
	for _, d := range checkAfter {
		if t := p.SucceededAt.Add(d); t.After(after) {
			return t
		}
	}
	return after.Add(time.Hour)
}

// nextTurn returns when an attempt is asked about next, given how its question ended just now: as
// planned after an answer; soon when the breaker kept the question back; and otherwise, beside
// what is planned, within askAgain, spread out so that a gateway that comes back is not asked
// about everything at once.
func nextTurn(p models.Payment, now time.Time, askErr error) time.Time {
	next := nextCheck(p, now)
	again := now.Add(askAgain - rand.N(askAgain/4))
	switch {
	case askErr == nil:
		return next
	case errors.Is(askErr, errLeftAlone):
		again = now.Add(breakerPause)
	case next.IsZero() && now.Sub(p.WatchUntil) > owed:
		return now.Add(time.Hour)
	}
	if next.IsZero() || again.Before(next) {
		return again
	}
	return next
}

// Swept is what one pass of the sweep did.
type Swept struct {
	Asked   int // attempts asked about
	Failed  int // of these, without an answer
	Paid    int // payments that were found paid
	Expired int // orders that ran out of their window

	Refunds  int // refunds carried out or asked about
	Refunded int // of these, gone through
	Refused  int // and refused

	Open int64 // incidents that wait for somebody after the pass
}

// Run sweeps until the context ends, and returns when the passes under way are done: a question that is
// being asked then is given up, a refund that was sent is waited for.
func (s *Service) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, pass := range s.passes() {
		wg.Go(func() { s.repeat(ctx, pass) })
	}
	wg.Wait()
}

// passes are the lines in which the sweep works side by side, so that nothing holds up what does not need it:
// orders that expire, and for each gateway, and all that are switched off, attempts and refunds.
func (s *Service) passes() []func(context.Context) (Swept, error) {
	passes := []func(context.Context) (Swept, error){s.sweepOrders}
	on := slices.Collect(maps.Keys(s.accounts))
	for _, only := range append(on, "") {
		others := slices.DeleteFunc(slices.Clone(on), func(name models.GatewayName) bool { return name == only })
		add := func(sweep func(ctx context.Context, except []models.GatewayName) (Swept, error)) {
			passes = append(passes, func(ctx context.Context) (Swept, error) {
				if account, on := s.accounts[only]; on && account.Gateway.leftAlone() {
					return Swept{}, nil // what is due there stays due
				}
				return sweep(ctx, others)
			})
		}
		add(s.sweepPayments)
		add(s.sweepRefunds)
	}
	return passes
}

func (s *Service) repeat(ctx context.Context, pass func(context.Context) (Swept, error)) {
	pause := sweepEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = sweepEvery
		if _, err := pass(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("sweep", "err", err)
			pause = sweepAgain
		}
	}
}

// Sweep expires every order whose window is over, asks about every attempt that is due, and carries out
// every refund that is. Any number of replicas may sweep at once: an attempt or a refund is worked on by one
// of them, and an order ends once.
func (s *Service) Sweep(ctx context.Context) (Swept, error) {
	var sum tally
	for more := true; more; {
		more = false
		for _, pass := range s.passes() {
			swept, err := pass(ctx)
			sum.add(swept, err)
			more = more || max(swept.Expired, swept.Asked, swept.Refunds) == sweepBatch
		}
	}
	open, err := s.store.CountIncidents(ctx, models.IncidentFilter{Status: models.IncidentOpen})
	sum.swept.Open = open
	return sum.swept, errors.Join(append(sum.errs, err)...)
}

func (s *Service) sweepOrders(ctx context.Context) (Swept, error) {
	over, err := s.store.ExpiredOrders(ctx, sweepBatch)
	if err != nil {
		return Swept{}, err
	}
	return workOn(s, over, func(id *string) (Swept, error) {
		expired, paid, err := s.expire(ctx, *id)
		return Swept{Expired: one(expired), Paid: one(paid)}, err
	})
}

func (s *Service) sweepPayments(ctx context.Context, except []models.GatewayName) (Swept, error) {
	due, err := s.store.DuePayments(ctx, sweepBatch, except...)
	if err != nil {
		return Swept{}, err
	}
	return workOn(s, due, func(p *models.Payment) (Swept, error) {
		was := p.Status
		asked, err := s.checkDue(ctx, p)
		if err != nil {
			s.log.Warn("payment has no answer yet", "payment", p.Number, "gateway", p.Gateway, "err", err)
		}
		paid := was != models.PaymentSucceeded && p.Status == models.PaymentSucceeded
		return Swept{Asked: one(asked), Failed: one(asked && err != nil), Paid: one(paid)}, nil
	})
}

func (s *Service) sweepRefunds(ctx context.Context, except []models.GatewayName) (Swept, error) {
	due, err := s.store.DueRefunds(ctx, sweepBatch, except...)
	if err != nil {
		return Swept{}, err
	}
	return workOn(s, due, func(r *models.Refund) (Swept, error) {
		if ctx.Err() != nil {
			return Swept{}, nil
		}
		done, err := s.refundDue(context.WithoutCancel(ctx), r)
		if err != nil {
			s.log.Warn("refund has no result yet", "refund", r.Number, "err", err)
		}
		now, err := s.store.RefundByNumber(context.WithoutCancel(ctx), r.Number)
		ended := done && err == nil
		return Swept{
			Refunds:  one(done),
			Refunded: one(ended && now.Status == models.RefundSucceeded), Refused: one(ended && now.Status == models.RefundFailed),
		}, nil
	})
}

// workOn works on what is due, some at a time, and adds up what came of it.
func workOn[T any](s *Service, due []T, work func(*T) (Swept, error)) (Swept, error) {
	var sum tally
	tasks := make([]func(), len(due))
	for i := range due {
		tasks[i] = func() { sum.add(work(&due[i])) }
	}
	s.together(tasks, sweepWorkers)
	return sum.swept, errors.Join(sum.errs...)
}

// together runs the tasks, so many at a time, and returns when all are done. One that panics has its turn
// again like one that failed.
func (s *Service) together(tasks []func(), atOnce int) {
	var wg sync.WaitGroup
	next := make(chan func())
	for range min(atOnce, len(tasks)) {
		wg.Go(func() {
			for task := range next {
				_ = models.Contain(s.log, func() error { // which tells of it
					task()
					return nil
				})
			}
		})
	}
	for _, task := range tasks {
		next <- task
	}
	close(next)
	wg.Wait()
}

// tally adds up what tasks did at the same time.
type tally struct {
	mu    sync.Mutex
	swept Swept
	errs  []error
}

func (t *tally) add(s Swept, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.swept.Asked += s.Asked
	t.swept.Failed += s.Failed
	t.swept.Paid += s.Paid
	t.swept.Expired += s.Expired
	t.swept.Refunds += s.Refunds
	t.swept.Refunded += s.Refunded
	t.swept.Refused += s.Refused
	if err != nil {
		t.errs = append(t.errs, err)
	}
}

func one(done bool) int {
	if done {
		return 1
	}
	return 0
}

// checkDue takes the turn to ask about an attempt, asks, reads it anew and sets the next time. False: it
// is another replica's turn.
func (s *Service) checkDue(ctx context.Context, p *models.Payment) (bool, error) {
	now := s.store.Now()
	until := now.Add(checkLease)
	if claimed, err := s.store.ClaimCheck(ctx, p, until); err != nil || !claimed {
		return false, err
	}
	s.askedLate.Update(now.Sub(*p.CheckAt).Seconds())
	models.KillPoint("sweep.claimed")
	askErr := s.askDue(ctx, p)
	fresh, err := s.store.PaymentByNumber(ctx, p.Number)
	if err != nil {
		return true, err
	}
	*p = *fresh
	next := nextTurn(*p, s.store.Now(), askErr)
	return true, errors.Join(askErr, s.store.ScheduleCheck(ctx, p, until, next))
}

// askDue asks about an attempt. One that is left over from an order that is no longer pending is
// closed as well, so that nobody pays it by mistake.
func (s *Service) askDue(ctx context.Context, p *models.Payment) error {
	order, err := s.store.OrderByID(ctx, p.OrderID)
	if err != nil {
		return err
	}
	if order.Status == models.OrderPending || !p.Live() {
		return ignoreNotFound(s.ask(ctx, p))
	}
	if err := s.askAndClose(ctx, p); err != nil {
		return err
	}
	return s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(p.OrderID)
		if err != nil {
			return err
		}
		left := paymentIn(order, p.ID)
		if !left.Live() {
			return nil
		}
		_, err = tx.MovePayment(left, models.PaymentClosed, models.PaymentChange{Failure: "the order was settled without it"})
		return err
	})
}

// expire ends an order whose window is over: the gateway is asked once more and told to take no
// money, then the order expires and its stock is given back in one transaction. A gateway that does
// not answer keeps nothing waiting: its attempts stay watched, and late money finds its way. One that
// turns out to be paid does not expire.
func (s *Service) expire(ctx context.Context, orderID string) (expired, paid bool, err error) {
	order, err := s.store.OrderByID(ctx, orderID)
	if err != nil {
		return false, false, err
	}
	if live := liveOf(order); live != nil {
		asking, cancel := context.WithTimeout(ctx, lastAsk)
		if err := s.askAndClose(asking, live); err != nil {
			s.log.Warn("order expires without an answer of the gateway", "order", order.Number, "payment", live.Number, "err", err)
		}
		cancel()
	}
	models.KillPoint("expiry.asked")
	err = s.store.Tx(ctx, func(tx *models.Tx) error {
		order, err := tx.LockOrder(orderID)
		if err != nil {
			return err
		}
		if live := liveOf(order); live != nil && order.Status == models.OrderPending {
			change := models.PaymentChange{Failure: "the order's payment window is over"}
			if _, err := tx.MovePayment(live, models.PaymentClosed, change); err != nil {
				return err
			}
		}
		expired, err = tx.CloseOrder(order, models.OrderExpired)
		paid = order.Status == models.OrderPaid
		models.KillPoint("expiry.before_commit")
		return err
	})
	models.KillPoint("expiry.committed")
	return expired, paid, err
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

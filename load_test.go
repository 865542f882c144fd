package main

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saoma/models"
	"saoma/payments/sandbox"
)

// load is a crowd of buyers who do what buyers do: pay, pay late or twice, go away, close the
// window. What each does follows from the seed and its place in the line.
type load struct {
	rig     *rig
	visits  atomic.Uint64
	whole   atomic.Int64 // visits that came to their end
	slots   chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// crowd sends so many buyers at a time, and faults of the gateways, until it is ended.
func (r *rig) crowd(buyers int) *load {
	l := &load{rig: r, slots: make(chan struct{}, buyers)}
	l.visits.Store(r.visits)
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.running.Go(l.open)
	l.running.Go(l.mischief)
	r.t.Cleanup(l.end)
	return l
}

// end waits until all buyers have left and the gateways behave again.
func (l *load) end() {
	l.cancel()
	l.running.Wait()
	l.rig.visits = l.visits.Load()
	l.rig.sandbox.clearFaults()
}

func (l *load) open() {
	for {
		select {
		case <-l.ctx.Done():
			return
		case l.slots <- struct{}{}:
			n := l.visits.Add(1)
			l.running.Go(func() { l.visit(rand.New(rand.NewPCG(l.rig.seed, n))) })
		}
	}
}

func (l *load) visit(random *rand.Rand) {
	leave := sync.OnceFunc(func() { <-l.slots })
	defer leave()
	t := &lenient{TB: l.rig.t}
	whole := false
	defer func() {
		t.finish()
		if !whole { // the shop is down, as it seems: who comes next waits a moment
			select {
			case <-l.ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	l.buy(t, random, leave)
	whole = true
	l.whole.Add(1)
}

// lenient is the testing.TB of a visit to a shop that may be down: a visit that fails is over, as
// when a buyer closes the window, and nothing is wrong about it.
type lenient struct {
	testing.TB
	cleanups []func()
}

func (t *lenient) Helper()               {}
func (t *lenient) Cleanup(f func())      { t.cleanups = append(t.cleanups, f) }
func (t *lenient) Fatal(...any)          { runtime.Goexit() }
func (t *lenient) Fatalf(string, ...any) { runtime.Goexit() }
func (t *lenient) finish() {
	for _, f := range t.cleanups {
		f()
	}
}

// customers are the browsers and wallets that come.
var customers = []struct {
	agent  string
	wallet models.Wallet
}{
	{iPhoneWeChat, models.WeChat}, {androidAlipay, models.Alipay}, {androidHK, models.AlipayHK},
	{iPhoneSafari, models.WeChat}, {iPhoneSafari, models.Alipay}, {iPhoneSafari, models.AlipayHK},
	{desktopChrome, models.WeChat}, {desktopChrome, models.Alipay}, {desktopChrome, models.AlipayHK},
}

// crowdWindow is how long an order waits for its payment in a shop with a crowd.
const crowdWindow = 10 * time.Second

// buy is one visit. leave makes room for the next buyer before this one is done.
func (l *load) buy(t testing.TB, random *rand.Rand, leave func()) {
	who := customers[random.IntN(len(customers))]
	b := l.rig.visitorFor(t, who.agent)
	notify := pick(random, "before", "before", "before", "after", "never")
	b.order(pick(random, "EBOOK", "TEA-SET", "SHIRT-M"), string(who.wallet))
	switch n := random.IntN(100); {
	case n < 10: // goes away
	case n < 40:
		l.toWallet(b)
		b.payAndReturn(notify)
	case n < 60: // closes the window
		l.toWallet(b)
		b.payAndStay(notify)
	case n < 70: // pays when the order has expired
		l.toWallet(b)
		leave()
		select {
		case <-l.ctx.Done():
		case <-time.After(crowdWindow + time.Duration(random.Int64N(int64(4*time.Second)))):
			b.payAndStay(notify)
		}
	default:
		l.payTwice(b, random, sandbox.Notify(notify))
	}
}

// payTwice takes another wallet and then pays with both, where another one can be had.
func (l *load) payTwice(b *buyer, random *rand.Rand, notify sandbox.Notify) {
	l.toWallet(b)
	token := l.lookup(b.t, `SELECT o.token FROM orders o JOIN payments p ON p.order_id = o.id WHERE p.action_data = ?`, b.address.String())
	first := l.lookup(b.t, `SELECT number FROM payments WHERE action_data = ?`, b.address.String())
	b.open("/o/" + token)
	again := b.form("action", "/o/"+token+"/pay")
	again.fields.Set("wallet", pick(random, again.buttons...)[1])
	b.submit(again)
	second := l.lookup(b.t, `SELECT p.number FROM payments p JOIN orders o ON o.id = p.live_order_id WHERE o.token = ?`, token)
	gateways := sandboxAPI{b.t, l.rig.sandbox.url}
	gateways.act(second, sandbox.Pay, notify)
	gateways.act(first, sandbox.Pay, notify)
}

// toWallet goes on to the pretend wallet; at a desktop the order page shows its address as a code.
func (l *load) toWallet(b *buyer) {
	if strings.HasPrefix(b.address.Path, "/sandbox/wallet/") {
		return
	}
	address := l.lookup(b.t, `SELECT p.action_data FROM payments p JOIN orders o ON o.id = p.live_order_id WHERE o.token = ?`, b.token())
	b.open(address)
}

// lookup reads one text from the database, for a visitor who would read it from a picture.
func (l *load) lookup(t testing.TB, query string, args ...any) string {
	ctx, cancel := context.WithTimeout(l.ctx, 5*time.Second)
	defer cancel()
	var text string
	if err := l.rig.db.QueryRowContext(ctx, query, args...).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// mischiefs are faults that no honest message survives unharmed and no money is lost by.
var mischiefs = []sandbox.Fault{
	{Kind: sandbox.FaultNotifyTwice}, {Kind: sandbox.FaultNotifyNever}, {Kind: sandbox.FaultNotifyDelayed, Value: "2s"},
	{Kind: sandbox.FaultNotifyFirst}, {Kind: sandbox.FaultLost, Operation: sandbox.OpCreate},
	{Kind: sandbox.FaultHTTP500Done, Operation: sandbox.OpCreate}, {Kind: sandbox.FaultReset, Operation: sandbox.OpCreate},
	{Kind: sandbox.FaultBrokenOff, Operation: sandbox.OpQuery}, {Kind: sandbox.FaultHTTP429, Operation: sandbox.OpQuery},
	{Kind: sandbox.FaultDelay, Operation: sandbox.OpQuery, Value: "1s"}, {Kind: sandbox.FaultWrongSignature, Operation: sandbox.OpQuery},
	{Kind: sandbox.FaultLost, Operation: sandbox.OpRefund}, {Kind: sandbox.FaultHTTP500Done, Operation: sandbox.OpRefund},
	{Kind: sandbox.FaultLatePayment},
}

// mischief lets something go wrong at a gateway every now and then.
func (l *load) mischief() {
	random := rand.New(rand.NewPCG(l.rig.seed, 0))
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
			f := pick(random, mischiefs...)
			f.Gateway, f.Times = pick(random, sandbox.ScanForPay, sandbox.Pass2Pay), 1+random.IntN(2)
			l.rig.sandbox.fault(f)
		}
	}
}

package payments

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// scripted is a gateway that answers as the test says, and remembers what it was asked.
type scripted struct {
	Gateway // of which no other method is called
	name    models.GatewayName
	create  func(r CreateRequest) (Created, error)
	query   func(number string) (Report, error)
	close   func(number string) (Exchange, error)
	wants   string // the only address from which it takes money; empty: any
	created []CreateRequest
	asked   []string // what, in order
}

func (g *scripted) Name() models.GatewayName { return g.name }
func (g *scripted) Merchant() string         { return "merchant" }

func (g *scripted) Takes(_, ip string) bool { return g.wants == "" || ip == g.wants }

func (g *scripted) Create(_ context.Context, r CreateRequest) (Created, error) {
	g.created = append(g.created, r)
	g.asked = append(g.asked, "create")
	return g.create(r)
}

func (g *scripted) Query(_ context.Context, number string) (Report, error) {
	g.asked = append(g.asked, "query")
	return g.query(number)
}

func (g *scripted) Close(_ context.Context, number string) (Exchange, error) {
	g.asked = append(g.asked, "close")
	return g.close(number)
}

// takes is the answer to a create that a buyer can go on with.
func takes(r CreateRequest) (Created, error) {
	return Created{
		State: StatePending, Action: NextAction{Kind: models.ActionRedirect, Data: "https://pay.example/" + r.Number},
		Exchange: Exchange{Request: []byte("create " + r.Number), Response: []byte("taken")},
	}, nil
}

// fails is the answer to a create that does not end well.
func fails(outcome Outcome) func(CreateRequest) (Created, error) {
	return func(CreateRequest) (Created, error) {
		return Created{Exchange: Exchange{Request: []byte("create"), Response: []byte("no")}}, &CallError{Outcome: outcome, Code: "7"}
	}
}

// stands is the answer to a query.
func (g *scripted) stands(state State) func(string) (Report, error) {
	return func(number string) (Report, error) {
		return Report{
			Gateway: g.name, Merchant: "merchant", Number: number, Reference: "G" + number, State: state, Conclusive: true,
			Money:    models.Money{Amount: 3500, Currency: "CNY"},
			Exchange: Exchange{Request: []byte("question"), Response: []byte(string(state) + number)},
		}, nil
	}
}

func knowsNothing(string) (Report, error) {
	return Report{Exchange: Exchange{Request: []byte("question"), Response: []byte("no such payment")}}, &CallError{Outcome: NotFound}
}

func saysNothing(string) (Report, error) { return Report{}, errNoAnswer }

func cannotClose(string) (Exchange, error) { return Exchange{}, &CallError{Outcome: Unsupported} }

// starting is a shop with two gateways that are tried in turn.
type starting struct {
	*sweeping
	first, second *scripted
}

func newStarting(t *testing.T) *starting {
	t.Helper()
	return newStartingOn(t, modelstest.Options(t))
}

func newStartingOn(t *testing.T, o models.Options) *starting {
	t.Helper()
	s := &starting{sweeping: newSweepingOn(t, o)}
	s.publicURL = "https://shop.example"
	for _, name := range []models.GatewayName{models.ScanForPay, models.Pass2Pay} {
		s.routes = append(s.routes, Route{Wallet: "any", Scene: "any", Gateway: name, Method: "method of " + string(name)})
	}
	s.anew(t)
	return s
}

// anew puts gateways into the shop that take every payment, and know of none.
func (s *starting) anew(t *testing.T) {
	s.t = t
	add := func(name models.GatewayName) *scripted {
		g := &scripted{name: name, create: takes, query: knowsNothing, close: cannotClose}
		s.accounts[name] = account{Gateway: withBreakers(g), Validity: 12 * time.Hour}
		return g
	}
	s.first, s.second = add(models.ScanForPay), add(models.Pass2Pay)
}

// begin begins to pay at a desktop with WeChat.
func (s *starting) begin(o *models.Order) (NextAction, error) {
	return s.Start(s.t.Context(), o.Token, models.WeChat, Device{Address: "192.0.2.7"})
}

// begun is an order with an attempt that the gateway has taken.
func (s *starting) begun() *models.Order {
	s.t.Helper()
	o := modelstest.Order(s.t, s.store, "cup")
	if _, err := s.begin(o); err != nil {
		s.t.Fatal(err)
	}
	s.first.asked = nil
	return s.order(o.ID)
}

func (s *starting) wantAsked(when string, want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.first.asked); diff != "" {
		s.t.Errorf("%s, the gateway was asked (-want +got):\n%s", when, diff)
	}
	s.first.asked = nil
}

func TestStartTellsTheGatewayAll(t *testing.T) {
	s := newStarting(t)
	o := modelstest.Order(t, s.store, "cup")
	s.clock = s.clock.Add(time.Minute)
	next, err := s.begin(o)
	if err != nil {
		t.Fatal(err)
	}
	p := s.order(o.ID).Payments[0]
	want := CreateRequest{
		Number: p.Number, Method: "method of scanforpay", Wallet: models.WeChat, Money: o.Money(), Goods: 2500, Shipping: 1000,
		Title: "Demo " + o.Number, NotifyURL: "https://shop.example/pay/notify/scanforpay", ReturnURL: "https://shop.example/pay/return/" + o.Token,
		OrderedAt: o.CreatedAt, CreatedAt: s.clock, ExpiresAt: o.ExpiresAt,
		ClientIP: "192.0.2.7", CustomerID: o.CustomerID, CustomerSince: o.CustomerSince,
	}
	if diff := cmp.Diff([]CreateRequest{want}, s.first.created); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if want := (NextAction{Kind: models.ActionRedirect, Data: "https://pay.example/" + p.Number}); next != want {
		t.Errorf("got %+v, want %+v", next, want)
	}
	if p.Scene != models.SceneDesktop || p.Status != models.PaymentPending || !p.WatchUntil.Equal(s.clock.Add(12*time.Hour)) || !p.CheckAt.Equal(s.clock.Add(5*time.Second)) {
		t.Errorf("got the attempt %+v, want it pending at a desktop, asked about in five seconds and watched for twelve hours", p)
	}
}

// TestStartRefuses: no gateway hears of an order that cannot be paid any more, or not so.
func TestStartRefuses(t *testing.T) {
	s := newStarting(t)
	move := func(do func(tx *models.Tx, o *models.Order) error) func(o *models.Order) {
		return func(o *models.Order) {
			err := s.store.Tx(t.Context(), func(tx *models.Tx) error {
				o, err := tx.LockOrder(o.ID)
				if err == nil {
					err = do(tx, o)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		wallet models.Wallet
		ready  func(o *models.Order)
		want   error
	}{
		"canceled": {models.WeChat, move(func(tx *models.Tx, o *models.Order) error {
			_, err := tx.CloseOrder(o, models.OrderCanceled)
			return err
		}), models.ErrOrderClosed},
		"paid by hand": {models.WeChat, func(o *models.Order) {
			if err := s.MarkPaid(t.Context(), o.Number, HandPayment{Reference: "B", By: models.Actor{Name: "mia"}}); err != nil {
				t.Fatal(err)
			}
		}, models.ErrOrderClosed},
		"a wallet that nobody knows": {"paypal", func(*models.Order) {}, ErrWalletNotOffered},
		"an order that nobody has":   {models.WeChat, func(o *models.Order) { o.Token = "none" }, models.ErrOrderNotFound},
		"its window is over":         {models.WeChat, func(o *models.Order) { s.clock = o.ExpiresAt }, models.ErrOrderClosed},
	} {
		o := modelstest.Order(t, s.store, "cup")
		before := s.clock
		tt.ready(o)
		if _, err := s.Start(t.Context(), o.Token, tt.wallet, Device{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		s.wantAsked(name)
		if attempts := len(s.order(o.ID).Payments); attempts > 1 || attempts == 1 && name != "paid by hand" {
			t.Errorf("%s: got %d attempts", name, attempts)
		}
		s.clock = before
	}
	stale := modelstest.Order(t, s.store, "cup")
	if err := s.Cancel(t.Context(), stale.Number, "", models.Actor{Name: "mia"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.attempt(t.Context(), stale, models.WeChat, Device{}, s.routes[0]); !errors.Is(err, models.ErrOrderClosed) {
		t.Errorf("canceled just now: got %v, want ErrOrderClosed", err)
	}
	s.wantAsked("canceled just now")
	s.routes = nil
	if _, err := s.begin(modelstest.Order(t, s.store, "cup")); !errors.Is(err, ErrWalletNotOffered) {
		t.Errorf("without a way to pay: got %v, want ErrWalletNotOffered", err)
	}
}

// TestStartGoesOnOnlyWhenNothingIsPayable: the next gateway is tried when the one before certainly
// holds nothing that can be paid, and only then: nobody is to pay twice.
func TestStartGoesOnOnlyWhenNothingIsPayable(t *testing.T) {
	s := newStarting(t)
	for outcome, goesOn := range map[Outcome]bool{Refused: true, NotSent: true, Unknown: false, Duplicate: false, NotFound: false} {
		t.Run(string(outcome), func(t *testing.T) {
			s.anew(t)
			s.first.create = fails(outcome)
			o := modelstest.Order(t, s.store, "cup")
			next, err := s.begin(o)
			payments := s.order(o.ID).Payments // the newest first
			failed := payments[len(payments)-1]
			if !goesOn {
				if !errors.Is(err, ErrGatewayDown) || len(payments) != 1 || len(s.second.asked) != 0 || failed.CheckAt == nil {
					t.Errorf("got %v, %d attempts, asked at %v; want ErrGatewayDown, and the one attempt watched", err, len(payments), failed.CheckAt)
				}
				if told := s.incidents(&failed); len(told) != 0 || !failed.Live() {
					t.Errorf("got the attempt %s with incidents %+v, want it as it was and none", failed.Status, told)
				}
				return
			}
			if err != nil || len(payments) != 2 || next.Data != "https://pay.example/"+payments[0].Number || payments[0].Gateway != models.Pass2Pay {
				t.Errorf("got %+v, %v, with attempts %+v; want the second gateway's page", next, err, payments)
			}
			if failed.Status != models.PaymentFailed || failed.CheckAt != nil {
				t.Errorf("got the first attempt %s, asked about at %v; want it failed for good", failed.Status, failed.CheckAt)
			}
			s.second.create = s.first.create
			if _, err := s.begin(modelstest.Order(t, s.store, "cup")); !errors.Is(err, ErrGatewayDown) {
				t.Errorf("when both refuse: got %v, want ErrGatewayDown", err)
			}
		})
	}
}

// TestStartByTheBuyersAddress: a row whose gateway does not take the buyer's address is none, and one that
// takes either the device's address or that of the order is told the one that it takes.
func TestStartByTheBuyersAddress(t *testing.T) {
	const ordered = "127.0.0.1" // where modelstest's orders come from
	device := Device{Address: "2001:db8::7"}
	for name, tt := range map[string]struct {
		first, second string // what they want
		told          string
		by            models.GatewayName
		want          error
	}{
		"the device's":       {first: device.Address, told: device.Address, by: models.ScanForPay},
		"the order's":        {first: ordered, told: ordered, by: models.ScanForPay},
		"the next row's":     {first: "192.0.2.7", told: device.Address, by: models.Pass2Pay},
		"nobody's of theirs": {first: "192.0.2.7", second: "192.0.2.7", want: ErrWalletNotOffered},
	} {
		s := newStarting(t)
		s.first.wants, s.second.wants = tt.first, tt.second
		o := modelstest.Order(t, s.store, "cup")
		_, err := s.Start(t.Context(), o.Token, models.WeChat, device)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
		attempts, requests := s.order(o.ID).Payments, append(s.first.created, s.second.created...)
		if tt.want != nil {
			if len(attempts)+len(requests) != 0 || len(s.RoutesFor(device, ordered)) != 0 || len(s.Routes()) != 2 {
				t.Errorf("%s: got %d attempts, %d requests, want none, and the rows left out for this buyer", name, len(attempts), len(requests))
			}
			continue
		}
		if len(attempts) != 1 || attempts[0].Gateway != tt.by || len(requests) != 1 || requests[0].ClientIP != tt.told {
			t.Errorf("%s: got the attempts %+v by the requests %+v, want one at %s that tells %s", name, attempts, requests, tt.by, tt.told)
		}
	}
	s := newStarting(t)
	s.first.wants, s.second.wants = "192.0.2.7", "192.0.2.7"
	s.routes = append(Routes{{Wallet: "any", Scene: "desktop", Method: OneCode}}, s.routes...)
	if got := s.RoutesFor(device, ""); len(got) != 3 {
		t.Errorf("a desktop that shows one code: got the rows %v, want all, since a phone pays", got)
	}
	if got := s.RoutesFor(Device{Phone: true, Address: device.Address}, ""); len(got) != 1 || got[0].Method != OneCode {
		t.Errorf("the phone that scanned it: got the rows %v, want none to a gateway", got)
	}
}

// TestBadRedirect: nobody is sent to a page that is not on the gateway's list. The attempt is asked about,
// closed where that can be done and given up as every other one before the next gateway is tried; staff
// are told, and the attempt stays watched.
func TestBadRedirect(t *testing.T) {
	s := newStarting(t)
	for _, tt := range []struct {
		name  string
		ready func(s *starting)
		asked []string
		want  error // nil: the second gateway's page
		left  models.PaymentStatus
	}{
		{"known only to who opens its page", func(*starting) {}, []string{"create", "query"}, nil, models.PaymentClosed},
		{"open", func(s *starting) {
			s.first.query = s.first.stands(StatePending)
		}, []string{"create", "query", "close"}, nil, models.PaymentClosed},
		{"closed", func(s *starting) {
			s.first.query = s.first.stands(StatePending)
			s.first.close = func(string) (Exchange, error) {
				s.first.query = s.first.stands(StateClosed)
				return Exchange{Request: []byte("close"), Response: []byte("closed")}, nil
			}
		}, []string{"create", "query", "close", "query"}, nil, models.PaymentClosed},
		{"paid all the same", func(s *starting) {
			s.first.query = s.first.stands(StateSucceeded)
		}, []string{"create", "query"}, models.ErrOrderClosed, models.PaymentSucceeded},
		{"nobody knows", func(s *starting) {
			s.first.query = saysNothing
		}, []string{"create", "query"}, ErrStillAsking, models.PaymentPending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.anew(t)
			s.first.create = fails(BadRedirect)
			tt.ready(s)
			o := modelstest.Order(t, s.store, "cup")
			next, err := s.begin(o)
			if !errors.Is(err, tt.want) || len(s.second.created) != one(tt.want == nil) {
				t.Errorf("got %v, and %d attempts at the second gateway; want %v", err, len(s.second.created), tt.want)
			}
			s.wantAsked("for a page", tt.asked...)
			attempts := s.order(o.ID).Payments // the newest first
			given := attempts[len(attempts)-1]
			if err == nil && next.Data != "https://pay.example/"+attempts[0].Number {
				t.Errorf("got %+v, want the second gateway's page", next)
			}
			if given.Status != tt.left || given.CheckAt == nil || given.Action != models.ActionNone {
				t.Errorf("got the attempt %s, asked about at %v, next %q; want it %s, watched, and nobody led to its page", given.Status, given.CheckAt, given.Action, tt.left)
			}
			if told := s.incidents(&given); len(told) != 1 || told[0].Kind != models.IncidentBadRedirect || told[0].Amount != o.Amount {
				t.Errorf("got the incidents %+v, want staff told of the page", told)
			}
			s.first.asked = nil
		})
	}
}

// TestBadRedirectIsGivenUpLater: an attempt at a bad page that could not be given up at once, since the
// gateway was silent or we died, is before anything else is begun.
func TestBadRedirectIsGivenUpLater(t *testing.T) {
	s := newStarting(t)
	s.first.create, s.first.query = fails(BadRedirect), saysNothing
	o := modelstest.Order(t, s.store, "cup")
	for range 2 {
		if _, err := s.begin(o); !errors.Is(err, ErrStillAsking) {
			t.Errorf("while the gateway is silent: got %v, want ErrStillAsking", err)
		}
	}
	if n := len(s.order(o.ID).Payments); n != 1 {
		t.Fatalf("while the gateway is silent: got %d attempts, want one", n)
	}
	s.first.query = knowsNothing
	s.first.asked = nil
	if _, err := s.begin(o); err != nil {
		t.Fatal(err)
	}
	s.wantAsked("after that", "query", "create", "query")
	attempts := s.order(o.ID).Payments
	if len(attempts) != 3 || attempts[0].Gateway != models.Pass2Pay {
		t.Fatalf("got the attempts %+v, want two at bad pages and the second gateway's", attempts)
	}
	for _, given := range attempts[1:] {
		if given.Status != models.PaymentClosed || !strings.Contains(given.Failure, string(BadRedirect)) {
			t.Errorf("got %s, failure %q; want it closed, and why", given.Status, given.Failure)
		}
	}
	// Money that comes to one that was given up is a second payment once the order is paid.
	s.second.query = s.second.stands(StateSucceeded)
	if err := s.ask(t.Context(), &attempts[0]); err != nil {
		t.Fatal(err)
	}
	s.first.query = s.first.stands(StateSucceeded)
	if err := s.ask(t.Context(), &attempts[1]); err != nil {
		t.Fatal(err)
	}
	if got := s.order(o.ID); got.Status != models.OrderPaid || *got.PaymentID != attempts[0].ID {
		t.Errorf("got the order %s by %v, want it paid at the second gateway", got.Status, got.PaymentID)
	}
	if told := s.incidents(&attempts[1]); len(told) != 3 || told[2].Kind != models.IncidentDuplicatePayment {
		t.Errorf("got the incidents %+v, want one of each bad page, and a second payment", told)
	}
}

// TestLostCreate: an attempt whose create went unanswered is pending once the gateway is known to have it,
// and gives way to another one. An answer that comes late after all still tells how to pay.
func TestLostCreate(t *testing.T) {
	s := newStarting(t)
	gateway := s.readable()
	s.first.create = fails(Unknown)
	s.first.query = func(number string) (Report, error) {
		r, err := s.first.stands(StatePending)(number)
		gateway.answers[string(r.Exchange.Response)] = r
		return r, err
	}
	o := modelstest.Order(t, s.store, "cup")
	if _, err := s.begin(o); !errors.Is(err, ErrGatewayDown) {
		t.Fatalf("got %v, want ErrGatewayDown", err)
	}
	p := &s.order(o.ID).Payments[0]
	s.pass(6*time.Second, 3*time.Second)
	if got := s.read(p); got.Status != models.PaymentCreated || got.Checks != 1 {
		t.Errorf("asked about while its create may yet be answered: got it %s after %d questions, want it created after one", got.Status, got.Checks)
	}
	s.pass(12*time.Second, 3*time.Second)
	lost := s.read(p)
	if lost.Status != models.PaymentPending || !lost.Live() || lost.Reference == nil || lost.CheckAt == nil || !strings.Contains(lost.Failure, "code 7") {
		t.Errorf("the gateway has it: got %+v, want it pending, live and watched, and why its create had no answer", lost)
	}
	s.wantReplay(o, verdictUnknown, verdictIgnored, verdictAccepted)

	s.first.create, s.first.asked = takes, nil
	next, err := s.begin(o)
	if now := s.order(o.ID).Payments[0]; err != nil || next.Data != "https://pay.example/"+now.Number || now.ID == p.ID {
		t.Errorf("begun again: got %+v, %v, want another attempt's page", next, err)
	}
	s.wantAsked("before another attempt", "query", "close", "create")
	if got := s.read(p); got.Status != models.PaymentClosed || got.CheckAt == nil {
		t.Errorf("given up: got it %s, asked about at %v, want it closed and watched on", got.Status, got.CheckAt)
	}

	late := modelstest.Order(t, s.store, "cup")
	if p, err = s.addPayment(t.Context(), late.ID, models.WeChat, models.SceneDesktop, s.routes[0]); err != nil {
		t.Fatal(err)
	}
	s.clock = s.clock.Add(startTimeout)
	if err := s.ask(t.Context(), p); err != nil || s.read(p).Status != models.PaymentPending {
		t.Fatalf("got %v, %s, want it pending", err, s.read(p).Status)
	}
	created, _ := takes(CreateRequest{Number: p.Number})
	if _, err := s.createAnswered(t.Context(), p, created); err != nil || s.read(p).ActionData != created.Action.Data {
		t.Errorf("answered late: got %v, %q to pay with, want %q", err, s.read(p).ActionData, created.Action.Data)
	}
	s.wantReplay(late, verdictAccepted, verdictAccepted)
}

// TestUnreadAnswersAreKept: what nobody could read of a gateway's answer is kept, its beginning at least.
func TestUnreadAnswersAreKept(t *testing.T) {
	s := newStarting(t)
	answer := make([]byte, unreadBytes+1)
	s.first.create = func(CreateRequest) (Created, error) {
		return Created{Exchange: Exchange{Request: []byte("create"), Response: answer}}, errNoAnswer
	}
	s.first.query = func(string) (Report, error) {
		return Report{Exchange: Exchange{Request: []byte("question"), Response: answer}}, errNoAnswer
	}
	o := modelstest.Order(t, s.store, "cup")
	if _, err := s.begin(o); !errors.Is(err, ErrGatewayDown) {
		t.Fatalf("got %v, want ErrGatewayDown", err)
	}
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(&quiet{name: models.ScanForPay, answering: answering{err: garbage}}), Validity: 12 * time.Hour}
	for range unreadKept + 2 {
		s.accounts[models.ScanForPay].Gateway.asks = newBreaker()
		if err := s.Check(t.Context(), o.Token); !errors.Is(err, ErrStillAsking) {
			t.Fatalf("got %v, want ErrStillAsking", err)
		}
	}
	kept, err := s.store.Evidence(t.Context(), o.ID)
	if err != nil || len(kept) != 1+unreadKept {
		t.Fatalf("got %d messages, %v, want the answer to the create and %d to questions", len(kept), err, unreadKept)
	}
	for _, e := range kept {
		if e.Verdict != verdictUnknown || len(e.Response) != unreadBytes {
			t.Errorf("got %s, %s of %d bytes, want it unknown, and its first %d bytes", e.Operation, e.Verdict, len(e.Response), unreadBytes)
		}
	}
}

// TestStartAgain: a live attempt of the same wallet and scene is given again; another one is asked
// about, closed where that can be done, and asked about once more, before a new one begins.
func TestStartAgain(t *testing.T) {
	old := createGrace + time.Millisecond // the gateway's "no such payment" is believed
	phone := Device{Phone: true}
	s := newStarting(t)
	for _, tt := range []struct {
		name   string
		after  time.Duration
		wallet models.Wallet
		device Device
		ready  func(s *starting)
		asked  []string
		want   error // nil: a page
		same   bool  // the page of the first attempt
	}{
		{"the same", time.Second, models.WeChat, Device{}, nil, nil, nil, true},
		{"another wallet", old, models.Alipay, Device{}, nil, []string{"query", "create"}, nil, false},
		{"another scene", old, models.WeChat, phone, nil, []string{"query", "create"}, nil, false},
		{"another wallet, while it may yet be known", createGrace, models.Alipay, Device{}, nil, []string{"query"}, ErrStillAsking, false},
		{"an open one", time.Second, models.Alipay, Device{}, func(s *starting) {
			s.first.query = s.first.stands(StatePending)
		}, []string{"query", "close", "create"}, nil, false},
		{"an open one that is closed", time.Second, models.Alipay, Device{}, func(s *starting) {
			s.first.query = s.first.stands(StatePending)
			s.first.close = func(string) (Exchange, error) {
				s.first.query = s.first.stands(StateClosed)
				return Exchange{Request: []byte("close"), Response: []byte("closed")}, nil
			}
		}, []string{"query", "close", "query", "create"}, nil, false},
		{"an open one that is paid before it is closed", time.Second, models.Alipay, Device{}, func(s *starting) {
			s.first.query = s.first.stands(StatePending)
			s.first.close = func(string) (Exchange, error) {
				s.first.query = s.first.stands(StateSucceeded)
				return Exchange{Request: []byte("close"), Response: []byte("too late")}, &CallError{Outcome: Unknown}
			}
		}, []string{"query", "close", "query"}, models.ErrOrderClosed, false},
		{"an open one of which nobody knows whether it is closed", time.Second, models.Alipay, Device{}, func(s *starting) {
			s.first.query = s.first.stands(StatePending)
			s.first.close = func(string) (Exchange, error) {
				s.first.query = saysNothing
				return Exchange{Request: []byte("close")}, errNoAnswer
			}
		}, []string{"query", "close", "query"}, ErrStillAsking, false},
		{"a paid one", time.Second, models.Alipay, Device{}, func(s *starting) {
			s.first.query = s.first.stands(StateSucceeded)
		}, []string{"query"}, models.ErrOrderClosed, false},
		{"one that failed", time.Second, models.Alipay, Device{}, func(s *starting) {
			s.first.query = s.first.stands(StateFailed)
		}, []string{"query", "create"}, nil, false},
		{"one of which nobody knows", old, models.Alipay, Device{}, func(s *starting) {
			s.first.query = saysNothing
		}, []string{"query"}, ErrStillAsking, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.anew(t)
			o := s.begun()
			if tt.ready != nil {
				tt.ready(s)
			}
			s.clock = s.clock.Add(tt.after)
			next, err := s.Start(t.Context(), o.Token, tt.wallet, tt.device)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			s.wantAsked("at the second start", tt.asked...)
			page := "https://pay.example/" + o.Payments[0].Number
			if same := next == (NextAction{Kind: models.ActionRedirect, Data: page}); err == nil && same != tt.same {
				t.Errorf("got %+v after %s, want the same page: %t", next, page, tt.same)
			}
			if err == nil && !tt.same {
				if now := s.read(&o.Payments[0]); now.Live() || now.CheckAt == nil {
					t.Errorf("got the first attempt %s, asked about at %v; want it ended and watched on", now.Status, now.CheckAt)
				}
			}
		})
	}
}

// TestHowLongAnAttemptLasts: one that the gateway takes no money for any more is no way to pay, though
// the order can be paid yet; one that is being created is waited for as long as that may take.
func TestHowLongAnAttemptLasts(t *testing.T) {
	s := newStarting(t)
	s.accounts[models.ScanForPay] = account{Gateway: withBreakers(s.first), Validity: time.Minute}
	o := s.begun()
	p := o.Payments[0]
	if !p.ExpiresAt.Equal(p.CreatedAt.Add(time.Minute)) || !p.WatchUntil.Equal(p.ExpiresAt) {
		t.Errorf("got an attempt offered until %v and watched until %v, want a minute after %v", p.ExpiresAt, p.WatchUntil, p.CreatedAt)
	}
	s.clock = p.ExpiresAt.Add(-time.Millisecond)
	if next, err := s.begin(o); err != nil || next.Data != p.ActionData {
		t.Errorf("before its end: got %+v, %v, want the same page", next, err)
	}
	s.clock = p.ExpiresAt
	if next, err := s.begin(o); err != nil || next.Data == p.ActionData {
		t.Errorf("at its end: got %+v, %v, want another attempt", next, err)
	}

	// Another request is asking the gateway as long as it may, unless it has said that it got no answer.
	for _, tt := range []struct {
		status  models.PaymentStatus
		failure string
		age     time.Duration
		want    bool
	}{
		{models.PaymentCreated, "", 0, true},
		{models.PaymentCreated, "", startTimeout - time.Millisecond, true},
		{models.PaymentCreated, "", startTimeout, false},
		{models.PaymentCreated, "no answer", 0, false},
		{models.PaymentPending, "", 0, false},
	} {
		p := models.Payment{Status: tt.status, Failure: tt.failure, CreatedAt: s.clock.Add(-tt.age)}
		if got := s.beingCreated(&p); got != tt.want {
			t.Errorf("%s for %v, failure %q: got being created %t", tt.status, tt.age, tt.failure, got)
		}
	}
}

// TestStartBesideAnotherTab: who comes while another request asks the gateway shares its attempt when
// it is of the same wallet and scene, and has to come again otherwise.
func TestStartBesideAnotherTab(t *testing.T) {
	s := newStarting(t)
	s.routes = s.routes[:1]
	type came struct {
		next NextAction
		err  error
	}
	for name, tt := range map[string]struct {
		wallet models.Wallet
		device Device
		create func(r CreateRequest) (Created, error)
		waits  bool
		want   error // nil: the page of the other tab
	}{
		"the same":                        {models.WeChat, Device{}, takes, true, nil},
		"the same, and it gets no answer": {models.WeChat, Device{}, fails(Unknown), true, ErrStillAsking},
		"another wallet":                  {models.Alipay, Device{}, takes, false, ErrStillAsking},
		"another scene":                   {models.WeChat, Device{Phone: true}, takes, false, ErrStillAsking},
	} {
		t.Run(name, func(t *testing.T) {
			s.anew(t)
			stale := modelstest.Order(t, s.store, "cup")
			others := make(chan came, 2)
			come := func(next NextAction, err error) { others <- came{next, err} }
			beside := []func(){
				func() { come(s.Start(t.Context(), stale.Token, tt.wallet, tt.device)) },
				func() { // has looked at the order just before the other one began
					come(s.attempt(t.Context(), stale, tt.wallet, tt.device, s.routes[0]))
				},
			}
			s.first.create = func(r CreateRequest) (Created, error) {
				for _, begin := range beside {
					if tt.waits {
						go begin()
					} else {
						begin()
					}
				}
				return tt.create(r)
			}
			first, _ := s.begin(stale)
			for range beside {
				if got := <-others; !errors.Is(got.err, tt.want) || got.err == nil && got.next != first {
					t.Errorf("got %+v, %v, want %v with %+v", got.next, got.err, tt.want, first)
				}
			}
			if len(s.first.created) != 1 {
				t.Errorf("the gateway was asked for %d payments, want 1", len(s.first.created))
			}
		})
	}
}

// TestStartWithoutTime: no create is begun that would be cut short.
func TestStartWithoutTime(t *testing.T) {
	s := newStarting(t)
	o := modelstest.Order(t, s.store, "cup")
	soon, cancel := context.WithTimeout(t.Context(), shortestCreate)
	defer cancel()
	if _, err := s.Start(soon, o.Token, models.WeChat, Device{}); !errors.Is(err, ErrStillAsking) {
		t.Errorf("got %v, want ErrStillAsking", err)
	}
	s.wantAsked("with too little time")
	if got := len(s.order(o.ID).Payments); got != 0 {
		t.Errorf("got %d attempts, want none", got)
	}
}

// TestCreateAnsweredOddly: a create that tells of no page, or of another state than pending, is asked
// about at once; what a notification said meanwhile stays.
func TestCreateAnsweredOddly(t *testing.T) {
	answer := func(state State, kind models.ActionKind) func(CreateRequest) (Created, error) {
		return func(r CreateRequest) (Created, error) {
			return Created{State: state, Reference: "G" + r.Number, Action: NextAction{Kind: kind, Data: "page"}}, nil
		}
	}
	s := newStarting(t)
	for name, tt := range map[string]struct {
		create func(r CreateRequest) (Created, error)
		asked  []string
	}{
		"as ever":        {answer(StatePending, models.ActionRedirect), []string{"create"}},
		"without a page": {answer(StatePending, models.ActionNone), []string{"create", "query"}},
		"as paid":        {answer(StateSucceeded, models.ActionRedirect), []string{"create", "query"}},
	} {
		t.Run(name, func(t *testing.T) {
			s.anew(t)
			s.first.create = tt.create
			s.first.query = s.first.stands(StateSucceeded)
			o := modelstest.Order(t, s.store, "cup")
			if _, err := s.begin(o); err != nil {
				t.Error(err)
			}
			s.wantAsked("at the start", tt.asked...)
			paid := s.order(o.ID).Status == models.OrderPaid
			if want := len(tt.asked) > 1; paid != want {
				t.Errorf("got paid %t, want %t: only an answer to a question pays", paid, want)
			}
		})
	}
	s.anew(t)
	o := modelstest.Order(t, s.store, "cup")
	s.first.create = func(r CreateRequest) (Created, error) {
		s.weakly(liveOf(s.order(o.ID)))
		return answer(StatePending, models.ActionRedirect)(r)
	}
	if _, err := s.begin(o); err != nil {
		t.Error(err)
	}
	if p := s.order(o.ID).Payments[0]; p.Status != models.PaymentSucceeded || p.Reference == nil || *p.Reference != "G"+p.Number {
		t.Errorf("a notification came before the answer: got %s with the gateway's number %v, want it paid, with the number of the answer", p.Status, p.Reference)
	}
}

// TestCreateNamesAnothersNumber: a gateway that calls a new attempt by the number of another one, or by
// another number than its notification did, gets no buyer sent to its page: they might pay for somebody
// else. What it said is kept, staff are told, and the attempt stays watched.
func TestCreateNamesAnothersNumber(t *testing.T) {
	named := func(reference func(s *starting, number string) string) func(s *starting) func(CreateRequest) (Created, error) {
		return func(s *starting) func(CreateRequest) (Created, error) {
			return func(r CreateRequest) (Created, error) {
				created, err := takes(r)
				created.Reference = reference(s, r.Number)
				return created, err
			}
		}
	}
	for name, tt := range map[string]struct {
		create func(s *starting) func(CreateRequest) (Created, error)
		cause  string
	}{
		"another attempt's, at a bad page": {func(*starting) func(CreateRequest) (Created, error) {
			return func(CreateRequest) (Created, error) {
				return Created{Reference: "G1", Exchange: Exchange{Request: []byte("create"), Response: []byte("taken")}}, &CallError{Outcome: BadRedirect}
			}
		}, models.CauseShared},
		"another attempt's": {named(func(*starting, string) string { return "G1" }), models.CauseShared},
		"another than before": {named(func(s *starting, number string) string {
			known, err := s.store.PaymentByNumber(t.Context(), number)
			if err == nil {
				err = s.store.Tx(t.Context(), func(tx *models.Tx) error {
					return tx.ChangePayment(known, models.PaymentChange{Reference: "G2"})
				})
			}
			if err != nil {
				t.Error(err)
			}
			return "G3"
		}), models.CauseRenamed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStarting(t)
			s.first.create = named(func(*starting, string) string { return "G1" })(s)
			if _, err := s.begin(modelstest.Order(t, s.store, "cup")); err != nil {
				t.Fatal(err)
			}
			s.first.create = tt.create(s)
			o := modelstest.Order(t, s.store, "cup")
			if next, err := s.begin(o); !errors.Is(err, ErrGatewayDown) {
				t.Errorf("got %+v, %v; want ErrGatewayDown", next, err)
			}
			p := s.order(o.ID).Payments[0]
			told := s.incidents(&p)
			if len(told) != 1 || told[0].Kind != models.IncidentConflict || told[0].Cause != tt.cause || told[0].Amount != o.Amount {
				t.Errorf("got the incidents %+v, want a conflict by the cause %s", told, tt.cause)
			}
			if p.Status != models.PaymentClosed || p.CheckAt == nil || p.Action != models.ActionNone {
				t.Errorf("got %s, asked about at %v, next %q; want it closed, watched, and nobody led to its page", p.Status, p.CheckAt, p.Action)
			}
			kept, err := s.store.Evidence(t.Context(), o.ID)
			if err != nil || len(kept) != 1 || kept[0].Verdict != verdictIncident || string(kept[0].Response) != "taken" {
				t.Errorf("got the evidence %+v, %v; want what the gateway said", kept, err)
			}
		})
	}
}

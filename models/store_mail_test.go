package models_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// newMailing is a store whose buyers get mail, with cups for sale and a clock that the test moves.
func newMailing(t *testing.T, o models.Options) (s *models.Store, later func(time.Duration)) {
	t.Helper()
	var mu sync.Mutex
	now := time.Now()
	o.Mail = true
	o.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	s = modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 100)
	return s, func(by time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(by)
	}
}

// kindsOf returns what the order's mails tell, the first first.
func kindsOf(t *testing.T, s *models.Store, o *models.Order) []models.MailKind {
	t.Helper()
	mails, err := s.Mails(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []models.MailKind
	for _, m := range mails {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

func TestMailsAreQueued(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s, later := newMailing(t, o)
		ctx := t.Context()
		check := func(after string, o *models.Order, want ...models.MailKind) {
			t.Helper()
			later(time.Second)
			if diff := cmp.Diff(want, kindsOf(t, s, o)); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", after, diff)
			}
		}
		draft := modelstest.Draft("cup", 1)
		for range 2 { // the same form twice is one order
			order, err := s.PlaceOrder(ctx, draft)
			if err != nil {
				t.Fatal(err)
			}
			check("the order", order, models.MailPlaced)
		}

		order, payment := paid(t, s, false)
		check("a payment that nothing has confirmed", order, models.MailPlaced)
		for range 2 {
			err := s.Tx(ctx, func(tx *models.Tx) error {
				p := *payment
				return tx.ChangePayment(&p, models.PaymentChange{ConfirmedAt: tx.Now()})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		check("two confirmations", order, models.MailPlaced, models.MailPaid)

		order, payment = paid(t, s, true)
		check("a payment", order, models.MailPlaced, models.MailPaid)
		for range 2 {
			if err := s.Fulfil(ctx, order.Number, models.Dispatch{}, mia); err != nil && !errors.Is(err, models.ErrOrderMoved) {
				t.Fatal(err)
			}
		}
		check("sending it twice", order, models.MailPlaced, models.MailPaid, models.MailShipped)
		var kinds []models.MailKind
		for _, amount := range []int64{1000, 500} {
			giveBack(t, s, order, payment, amount)
			kinds = append(kinds, models.MailRefunded)
			check("a refund", order, slices.Concat([]models.MailKind{models.MailPlaced, models.MailPaid, models.MailShipped}, kinds)...)
		}
	})
}

// giveBack refunds a part of the payment, and hears of it twice.
func giveBack(t *testing.T, s *models.Store, o *models.Order, p *models.Payment, amount int64) {
	t.Helper()
	r := &models.Refund{ID: models.NewID(), Number: models.NewRefundNumber(s.Now()), Amount: amount}
	err := s.Tx(t.Context(), func(tx *models.Tx) error {
		locked, err := tx.LockOrder(o.ID)
		if err != nil {
			return err
		}
		return tx.AddRefund(locked, p, r)
	})
	for range 2 {
		err = errors.Join(err, s.Tx(t.Context(), func(tx *models.Tx) error {
			r := *r
			_, err := tx.MoveRefund(&r, models.RefundSucceeded, "")
			return err
		}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoMail(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s, _ := newMailing(t, o)
		draft := modelstest.Draft("cup", 1)
		draft.Buyer.Email = ""
		nameless, err := s.PlaceOrder(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		if kinds := kindsOf(t, s, nameless); kinds != nil {
			t.Errorf("of an order without an address: got %v, want none", kinds)
		}
		o.Mail = false
		off := modelstest.Open(t, o)
		order, p := paid(t, off, true)
		giveBack(t, off, order, p, p.Amount)
		if kinds := kindsOf(t, off, order); kinds != nil {
			t.Errorf("while mail is off: got %v, want none", kinds)
		}
		if err := off.ResendMail(t.Context(), order.Number, "", mia); !errors.Is(err, models.ErrMailOff) {
			t.Errorf("sent again while mail is off: got %v, want ErrMailOff", err)
		}
	})
}

// due returns the one mail that is due.
func due(t *testing.T, s *models.Store) models.Mail {
	t.Helper()
	mails, err := s.DueMails(t.Context(), 10)
	if err != nil || len(mails) != 1 {
		t.Fatalf("due: got %v, %v; want one", mails, err)
	}
	return mails[0]
}

// claim takes the turn for a minute.
func claim(t *testing.T, s *models.Store, m *models.Mail) bool {
	t.Helper()
	claimed, err := s.ClaimMail(t.Context(), m, s.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return claimed
}

func TestClaimMail(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s, later := newMailing(t, o)
		order := modelstest.Order(t, s, "cup")
		m := due(t, s)

		turns := make([]models.Mail, 8)
		won := make([]bool, len(turns))
		var wg sync.WaitGroup
		for i := range turns {
			turns[i] = m
			wg.Go(func() { won[i] = claim(t, s, &turns[i]) })
		}
		wg.Wait()
		first := slices.Index(won, true)
		if first < 0 || slices.Contains(won[first+1:], true) {
			t.Fatalf("eight took the turn at once: got %v, want one winner", won)
		}
		if left, err := s.DueMails(t.Context(), 10); err != nil || len(left) != 0 {
			t.Errorf("during a turn: got %d due, %v; want none", len(left), err)
		}

		later(2 * time.Minute) // the winner died
		m = due(t, s)
		if !claim(t, s, &m) || m.Tries != 2 {
			t.Fatalf("a turn that ran out: not taken again, or it is try %d, want 2", m.Tries)
		}
		if err := s.MailFailed(t.Context(), &turns[first], "too late", time.Time{}); err != nil {
			t.Error(err)
		}
		check := func(what string, want models.MailStatus, failure string, sent bool) {
			t.Helper()
			mails, err := s.Mails(t.Context(), order.ID)
			if err != nil {
				t.Fatal(err)
			}
			if got := mails[0]; got.Status != want || got.Failure != failure || (got.SentAt != nil) != sent || (got.TryAt != nil) != (want == models.MailQueued) {
				t.Errorf("%s: got %s, failure %q, sent %v, next try %v; want %s, %q, %v", what, got.Status, got.Failure, got.SentAt, got.TryAt, want, failure, sent)
			}
		}
		check("the first one comes to life again", models.MailQueued, "", false)
		if err := s.MailFailed(t.Context(), &m, "451 busy", s.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		check("a try failed", models.MailQueued, "451 busy", false)
		later(time.Minute)
		m = due(t, s)
		claim(t, s, &m)
		for range 2 {
			if err := s.MailSent(t.Context(), &m); err != nil {
				t.Error(err)
			}
		}
		check("sent", models.MailSent, "", true)
	})
}

// What each process asks every second reads an index. MariaDB reads a small table whole.
func TestDueMailsUseAnIndex(t *testing.T) {
	s, _ := newMailing(t, modelstest.Options(t))
	plan, err := s.Plan(t.Context(), func(s *models.Store) error {
		_, err := s.DueMails(t.Context(), 10)
		return err
	})
	if err != nil || !strings.Contains(plan, "mails_due") {
		t.Errorf("got the plan %q, %v; want the index mails_due", plan, err)
	}
}

func TestResendMail(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s, later := newMailing(t, o)
		ctx := context.Background()
		order := modelstest.Order(t, s, "cup")
		mails := func() []models.Mail {
			t.Helper()
			rows, err := s.Mails(ctx, order.ID)
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		waiting := func(want int) {
			t.Helper()
			a, err := s.Attention(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Mails) != want || want > 0 && a.Mails[0].Order.Number != order.Number {
				t.Errorf("waiting for somebody: got %+v, want %d of order %s", a.Mails, want, order.Number)
			}
		}
		send := func() {
			t.Helper()
			m := due(t, s)
			claim(t, s, &m)
			if err := s.MailSent(ctx, &m); err != nil {
				t.Fatal(err)
			}
		}
		giveUp := func() {
			t.Helper()
			m := due(t, s)
			claim(t, s, &m)
			if err := s.MailFailed(ctx, &m, "550 nobody here", time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		refuse := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, models.ErrOrderMoved) {
				t.Errorf("%s: got %v, want ErrOrderMoved", what, err)
			}
		}
		first := mails()[0].ID
		refuse("send again what waits", s.ResendMail(ctx, order.Number, first, mia))
		refuse("leave what waits", s.LeaveMail(ctx, order.Number, first, mia))
		giveUp()
		waiting(1)

		later(time.Second)
		other := modelstest.Order(t, s, "cup")
		send()
		refuse("a mail of another order", s.ResendMail(ctx, other.Number, first, mia))
		if err := s.ResendMail(ctx, order.Number, first, mia); err != nil {
			t.Fatal(err)
		}
		refuse("twice", s.ResendMail(ctx, order.Number, first, mia))
		waiting(0)
		later(time.Second)
		giveUp()
		waiting(1)
		second := mails()[1].ID
		refuse("leave one that has another copy", s.LeaveMail(ctx, order.Number, first, mia))
		if err := s.LeaveMail(ctx, order.Number, second, mia); err != nil {
			t.Fatal(err)
		}
		refuse("leave it twice", s.LeaveMail(ctx, order.Number, second, mia))
		waiting(0)
		if err := s.ResendMail(ctx, order.Number, second, mia); err != nil {
			t.Fatal(err)
		}
		send()
		if err := s.ResendMail(ctx, order.Number, mails()[2].ID, mia); err != nil {
			t.Fatal(err)
		}
		var got []models.MailStatus
		for i, m := range mails() {
			got = append(got, m.Status)
			if m.Copy != i || m.Kind != models.MailPlaced {
				t.Errorf("mail %d: got copy %d of %s", i, m.Copy, m.Kind)
			}
		}
		if diff := cmp.Diff([]models.MailStatus{models.MailLeft, models.MailLeft, models.MailSent, models.MailQueued}, got); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		evidence, err := s.Evidence(ctx, order.ID)
		if err != nil {
			t.Fatal(err)
		}
		var acts []string
		for _, e := range evidence {
			acts = append(acts, e.Operation+" "+string(e.Request)+" "+e.Rule)
		}
		want := []string{
			"resend_mail placed mia@shop.example", "leave_mail placed mia@shop.example",
			"resend_mail placed mia@shop.example", "resend_mail placed mia@shop.example",
		}
		if diff := cmp.Diff(want, acts); diff != "" {
			t.Errorf("acts in the order's chain (-want +got):\n%s", diff)
		}
	})
}

package models_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

// The moves that the contract of the shop allows; every other pair is refused.
var (
	orderMoves = map[models.OrderStatus][]models.OrderStatus{
		"pending": {"paid", "expired", "canceled"}, "paid": {"fulfilled"}, "fulfilled": nil,
		"expired": {"paid"}, "canceled": {"paid"},
	}
	paymentMoves = map[models.PaymentStatus][]models.PaymentStatus{
		"created": {"pending", "succeeded", "failed", "closed"}, "pending": {"succeeded", "failed", "closed"},
		"succeeded": nil, "failed": {"succeeded"}, "closed": {"succeeded"},
	}
	refundMoves = map[models.RefundStatus][]models.RefundStatus{"pending": {"succeeded", "failed"}, "succeeded": nil, "failed": nil}
	mailMoves   = map[models.MailStatus][]models.MailStatus{"queued": {"sent", "given_up"}, "given_up": {"left"}, "sent": nil, "left": nil}
)

func TestAllowedMoves(t *testing.T) {
	checkMoves(t, orderMoves)
	checkMoves(t, paymentMoves)
	checkMoves(t, refundMoves)
	checkMoves(t, mailMoves)
}

func checkMoves[S interface {
	~string
	CanBecome(S) bool
}](t *testing.T, moves map[S][]S) {
	t.Helper()
	moves["unheard of"], moves[""] = nil, nil
	for from, allowed := range moves {
		for to := range moves {
			if got, want := from.CanBecome(to), slices.Contains(allowed, to); got != want {
				t.Errorf("%T %q to %q: got %v, want %v", from, from, to, got, want)
			}
		}
	}
	delete(moves, "unheard of")
	delete(moves, "")
}

// shelf is a store with one order and one attempt at paying it, whose rows a test sets by hand.
type shelf struct {
	t       *testing.T
	store   *models.Store
	order   *models.Order
	payment *models.Payment
}

func newShelf(t *testing.T, o models.Options) *shelf {
	t.Helper()
	s := modelstest.Open(t, o)
	modelstest.Product(t, s, "cup", 2500, 100)
	order := modelstest.Order(t, s, "cup")
	payment := newPayment(s, order)
	if err := s.Tx(t.Context(), func(tx *models.Tx) error { return tx.AddPayment(payment) }); err != nil {
		t.Fatal(err)
	}
	return &shelf{t: t, store: s, order: order, payment: payment}
}

// set gives the row of a table a status behind the store's back.
func (s *shelf) set(table, id string, status any) {
	s.t.Helper()
	err := s.store.Tx(s.t.Context(), func(tx *models.Tx) error {
		return tx.Exec("UPDATE "+table+" SET status = ? WHERE id = ?", status, id)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) fresh() *models.Order {
	s.t.Helper()
	o, err := s.store.OrderByID(s.t.Context(), s.order.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// Every pair of what is in the row and what the mover has read of it: only one who has read what is
// there, and may go from there, moves it.
func TestPaymentMovesInSQL(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		for stored := range paymentMoves {
			for read, allowed := range paymentMoves {
				for to := range paymentMoves {
					s.set("payments", s.payment.ID, stored)
					p := *s.payment
					p.Status = read
					before := p
					var moved bool
					err := s.store.Tx(t.Context(), func(tx *models.Tx) (err error) {
						moved, err = tx.MovePayment(&p, to, models.PaymentChange{Failure: "a reason"})
						return err
					})
					name := fmt.Sprintf("%s, read as %s, to %s", stored, read, to)
					want := stored == read && slices.Contains(allowed, to)
					if err != nil || moved != want {
						t.Errorf("%s: got %v, err %v, want %v", name, moved, err, want)
					}
					is := s.fresh().Payments[0].Status
					if want && (is != to || p.Status != to) {
						t.Errorf("%s: got %s in the row and %s in hand", name, is, p.Status)
					}
					if !want && is != stored {
						t.Errorf("%s: got %s in the row", name, is)
					}
					if diff := cmp.Diff(before, p); !want && diff != "" {
						t.Errorf("%s: in hand (-before +after):\n%s", name, diff)
					}
				}
			}
		}
	})
}

func TestOrderMovesInSQL(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, o models.Options) {
		s := newShelf(t, o)
		for stored := range orderMoves {
			for read, allowed := range orderMoves {
				for _, to := range []models.OrderStatus{models.OrderPaid, models.OrderExpired, models.OrderCanceled} {
					s.set("orders", s.order.ID, stored)
					order := *s.order
					order.Status = read
					var moved bool
					err := s.store.Tx(t.Context(), func(tx *models.Tx) (err error) {
						if moved, err = closeOrPay(tx, &order, to, s.payment); err == nil && moved {
							return errUndo
						}
						return err
					})
					name := fmt.Sprintf("%s, read as %s, to %s", stored, read, to)
					if want := stored == read && slices.Contains(allowed, to); moved != want {
						t.Errorf("%s: got %v, err %v, want %v", name, moved, err, want)
					}
					if is := s.fresh().Status; is != stored {
						t.Errorf("%s: got %s after it was undone", name, is)
					}
				}
			}
		}
		if onHand, reserved := stock(t, s.store, "cup"); onHand != 99 || reserved != 1 {
			t.Errorf("stock: got %d on hand and %d reserved, want 99 and 1", onHand, reserved)
		}
	})
}

// errUndo rolls a transaction back that did what was wanted.
var errUndo = &models.Error{Kind: models.Conflict, Key: "undo"}

func closeOrPay(tx *models.Tx, o *models.Order, to models.OrderStatus, p *models.Payment) (bool, error) {
	if to == models.OrderPaid {
		return tx.MarkPaid(o, p)
	}
	return tx.CloseOrder(o, to)
}

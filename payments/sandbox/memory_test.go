package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMemoryForgetsTheOldest(t *testing.T) {
	m := newMemory(3)
	var forgotten []string
	undo := func(p Payment) func() {
		return func() { forgotten = append(forgotten, p.Number) }
	}
	for i := range 5 {
		p := Payment{Gateway: Pass2Pay, Number: fmt.Sprint(i), ID: fmt.Sprint("id", i), CreatedAt: noon}
		if _, err := m.add(p, undo); err != nil {
			t.Fatal(err)
		}
		m.change(Pass2Pay, p.Number, func(p *Payment) error {
			m.addRefund(p, Refund{Number: "R" + p.Number, CreatedAt: noon})
			return nil
		})
	}
	if diff := cmp.Diff([]string{"0", "1"}, forgotten); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
	if got := m.all(); len(got) != 3 || got[0].Number != "2" {
		t.Errorf("payments: got %v, want the last three", got)
	}
	for name, size := range map[string]int{
		"byNumber": len(m.byNumber), "byReference": len(m.byReference), "byRefund": len(m.byRefund),
		"byRefundRef": len(m.byRefundRef), "byID": len(m.byID), "queue": len(m.queue),
	} {
		if size != 3 {
			t.Errorf("%s has %d entries, want 3", name, size)
		}
	}
	if _, err := m.find(Pass2Pay, "0", ""); err != ErrNoPayment {
		t.Errorf("forgotten payment: got error %v, want %v", err, ErrNoPayment)
	}
}

func TestPaymentMoves(t *testing.T) {
	tests := []struct {
		from            State
		pay, late, ends bool
	}{
		{Created, true, true, true}, {Pending, true, true, true},
		{Paid, false, false, false}, {Refunded, false, false, false},
		{Failed, false, true, false}, {Closed, false, true, false},
	}
	for _, test := range tests {
		for name, move := range map[string]struct {
			do      func(*Payment) error
			allowed bool
		}{
			"pay":      {func(p *Payment) error { return p.pay(noon, false) }, test.pay},
			"pay late": {func(p *Payment) error { return p.pay(noon, true) }, test.late},
			"fail":     {func(p *Payment) error { return p.end(Failed) }, test.ends},
			"close":    {func(p *Payment) error { return p.end(Closed) }, test.ends},
		} {
			p := Payment{State: test.from, Reference: "2026030104000000000001"}
			err := move.do(&p)
			if (err == nil) != move.allowed || err != nil && p.State != test.from {
				t.Errorf("%s from %s: got error %v and state %s, want allowed %t", name, test.from, err, p.State, move.allowed)
			}
		}
	}
}

func TestNumbersOfBothGatewaysAreApart(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "N1")
	b.Advance(time.Second)
	b.create(Pass2Pay, "N1")
	if p, _ := b.Payment("N1"); p.Gateway != Pass2Pay {
		t.Errorf("a number that both know: got the payment of %s, want the newer one", p.Gateway)
	}
	b.create(Pass2Pay, "N2")
	b.Advance(time.Second)
	b.create(ScanForPay, "N2")
	if p, _ := b.Payment("N2"); p.Gateway != ScanForPay {
		t.Errorf("a number that both know: got the payment of %s, want the newer one", p.Gateway)
	}
}

// TestManyAtOnce has many callers do the same at the same moment: it happens once.
func TestManyAtOnce(t *testing.T) {
	b := newBench(t)
	const callers = 20
	together := func(f func(i int) bool) int64 {
		var wins atomic.Int64
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				if f(i) {
					wins.Add(1)
				}
			})
		}
		group.Wait()
		return wins.Load()
	}
	if got := together(func(int) bool { return b.pass2Pay(unifiedPath, b.p2pOrder("P1")).Code == 0 }); got != 1 {
		t.Errorf("creates that succeeded: got %d, want 1", got)
	}
	if got := together(func(int) bool { _, err := b.Pay("P1"); return err == nil }); got != 1 {
		t.Errorf("payments that succeeded: got %d, want 1", got)
	}
	if got := together(func(i int) bool {
		return b.pass2Pay(p2pRefundPath, refundOf("P1", fmt.Sprint("R", i), 3000)).Code == 0
	}); got != 4 {
		t.Errorf("refunds of 3000 from 12850 that succeeded: got %d, want 4", got)
	}
	together(func(i int) bool {
		b.SetFault(Fault{Gateway: ScanForPay, Kind: FaultStatus, Times: i + 1})
		b.visit(b.url+"/sandbox", "", "en")
		b.Advance(time.Second)
		b.Ledger()
		_, err := b.Resend("P1", 3)
		b.ClearFaults(Fault{})
		return err == nil
	})
}

func TestServesAfterClose(t *testing.T) {
	b := newBench(t)
	b.create(ScanForPay, "S1")
	b.Close()
	b.Close()
	if _, err := b.Pay("S1"); err != nil {
		t.Errorf("pay after Close: %v", err)
	}
	if a := b.query(ScanForPay, "S1"); a.status != http.StatusOK {
		t.Errorf("query after Close: got status %d", a.status)
	}
	b.shop.nothing(t)
	if _, err := b.Act("S2", Pay, NotifyBefore); !errors.Is(err, ErrNoPayment) {
		t.Errorf("pay of nothing: got error %v, want %v", err, ErrNoPayment)
	}
}

func TestClockForgetsCancelledTasks(t *testing.T) {
	now := noon
	c := newClock(func() time.Time { return now }, 1)
	var done []int
	var list []*task
	for i, minutes := range []int{3, 1, 2, 1} {
		list = append(list, c.at(now.Add(time.Duration(minutes)*time.Minute), func() { done = append(done, i) }))
	}
	c.cancel(list[2])
	c.cancel(list[2])
	c.advance(time.Hour)
	c.cancel(list[0])
	if diff := cmp.Diff([]int{1, 3, 0}, done); diff != "" {
		t.Errorf("tasks done (-want +got):\n%s", diff)
	}
}

// TestForgottenPaymentsLeaveNothingBehind: neither do refused ones.
func TestForgottenPaymentsLeaveNothingBehind(t *testing.T) {
	b := newBench(t)
	b.memory.limit = 2
	for i := range 5 {
		b.create(Pass2Pay, fmt.Sprint("P", i))
	}
	b.pass2Pay(unifiedPath, b.p2pOrder("P4"))
	if got := len(b.clock.tasks); got != 2 {
		t.Errorf("tasks on the clock: got %d, want one for each payment that is left", got)
	}
}

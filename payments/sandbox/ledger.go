package sandbox

import (
	"slices"
	"strings"
	"time"
)

// Ledger is what the gateways took and gave back, from the payments they remember.
type Ledger struct {
	Receipts []Entry   `json:"receipts"` // one for each payment that was ever paid
	Refunds  []Entry   `json:"refunds"`  // those that succeeded
	Balances []Balance `json:"balances"`
}

// Entry is one movement of money.
type Entry struct {
	Gateway  Gateway   `json:"gateway"`
	Number   string    `json:"number"`           // the merchant's number of the payment
	Refund   string    `json:"refund,omitempty"` // the merchant's number of the refund
	Amount   int64     `json:"amount"`
	Currency string    `json:"currency"` // in capitals
	At       time.Time `json:"at"`
}

// Balance is the sum of one currency at one gateway.
type Balance struct {
	Gateway  Gateway `json:"gateway"`
	Currency string  `json:"currency"`
	Captured int64   `json:"captured"`
	Refunded int64   `json:"refunded"`
	Balance  int64   `json:"balance"` // Captured - Refunded
}

// Ledger returns the money side of everything remembered.
func (s *Sandbox) Ledger() Ledger {
	l := Ledger{Receipts: []Entry{}, Refunds: []Entry{}, Balances: []Balance{}}
	for _, p := range s.Payments() {
		if !p.PaidAt.IsZero() {
			l.add(p)
		}
	}
	return l
}

func (l *Ledger) add(p Payment) {
	receipt := Entry{Gateway: p.Gateway, Number: p.Number, Amount: p.Amount, Currency: strings.ToUpper(p.Currency), At: p.PaidAt}
	balance := l.balance(receipt.Gateway, receipt.Currency)
	balance.Captured += receipt.Amount
	l.Receipts = append(l.Receipts, receipt)
	for _, r := range p.Refunds {
		if r.State != RefundSucceeded {
			continue
		}
		entry := receipt
		entry.Refund, entry.Amount, entry.At = r.Number, r.Amount, r.DoneAt
		balance.Refunded += entry.Amount
		l.Refunds = append(l.Refunds, entry)
	}
	balance.Balance = balance.Captured - balance.Refunded
}

func (l *Ledger) balance(g Gateway, currency string) *Balance {
	i := slices.IndexFunc(l.Balances, func(b Balance) bool { return b.Gateway == g && b.Currency == currency })
	if i < 0 {
		i = len(l.Balances)
		l.Balances = append(l.Balances, Balance{Gateway: g, Currency: currency})
	}
	return &l.Balances[i]
}

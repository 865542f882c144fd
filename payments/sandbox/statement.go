package sandbox

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sendStatement sends everything that a gateway took and gave back, as a merchant downloads it from a
// gateway's own pages. The real ones fix no form; this one is that of the shop's default configuration.
func (s *Sandbox) sendStatement(w http.ResponseWriter, r *http.Request) {
	name, is := strings.CutSuffix(r.PathValue("file"), ".csv")
	gateway := Gateway(name)
	if !is || gateway != ScanForPay && gateway != Pass2Pay {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="statement-`+name+`.csv"`)
	out := csv.NewWriter(w)
	rows := [][]string{{"time", "type", "number", "payment", "amount", "currency"}}
	ledger := s.Ledger()
	for _, e := range append(ledger.Receipts, ledger.Refunds...) {
		if e.Gateway != gateway {
			continue
		}
		kind, number := "payment", e.Number
		if e.Refund != "" {
			kind, number = "refund", e.Refund
		}
		rows = append(rows, []string{
			e.At.In(s.config.Zone).Format(time.DateTime), kind, number, e.Number, strconv.FormatInt(e.Amount, 10), e.Currency,
		})
	}
	_ = out.WriteAll(rows) // who does not read to the end has hung up
}

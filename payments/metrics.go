package payments

import (
	"context"
	"io"

	vm "github.com/VictoriaMetrics/metrics"
)

// WriteMetrics writes for Prometheus how late the sweep is: how long the work that waits longest is
// due already, of all replicas together, which grows while nobody sweeps; and after which delay this
// process has asked about payments. The first is left out when the database does not answer.
func (s *Service) WriteMetrics(ctx context.Context, w io.Writer) {
	if late, err := s.store.Overdue(ctx); err == nil {
		vm.WriteGaugeFloat64(w, `saoma_sweep_lag_seconds{of="orders"}`, late.Orders.Seconds())
		vm.WriteGaugeFloat64(w, `saoma_sweep_lag_seconds{of="payments"}`, late.Payments.Seconds())
		vm.WriteGaugeFloat64(w, `saoma_sweep_lag_seconds{of="refunds"}`, late.Refunds.Seconds())
	}
	s.metrics.WritePrometheus(w)
}

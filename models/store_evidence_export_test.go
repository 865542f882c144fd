package models

import (
	"context"

	"gorm.io/gorm"
)

// GatewayEvidencePlan returns how the database goes about reading the newest messages of a gateway, step
// by step, with the index that each takes.
func (s *Store) GatewayEvidencePlan(ctx context.Context) (steps []string, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		var q query
		q.text.WriteString(db.ToSQL(func(db *gorm.DB) *gorm.DB {
			var rows []Evidence
			return gatewayEvidence(db, ScanForPay, Sent, "unknown").Omit("request", "response").Order("created_at DESC").Limit(20).Find(&rows)
		}))
		steps, err = s.explain(db, q)
		return err
	})
	return steps, err
}

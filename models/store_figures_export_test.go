package models

import (
	"context"

	"gorm.io/gorm"
)

// CountPlan returns how the database goes about each query of count, step by step, with the index that
// each takes.
func (s *Store) CountPlan(ctx context.Context, span Span) ([][]string, error) {
	var plans [][]string
	for _, text := range []string{countPlaced, countPaid, countGoods, countPayments, countRefunds} {
		err := s.query(ctx, func(db *gorm.DB) error {
			statement := db.Session(&gorm.Session{DryRun: true}).Raw(text, span.values()).Scan(&struct{}{}).Statement
			var q query
			q.add(statement.SQL.String(), statement.Vars...)
			plan, err := s.explain(db, q)
			plans = append(plans, plan)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// RoundWait is how waits are kept.
var RoundWait = roundWait

package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Fill stores rows as they are, which no caller outside of tests may do.
func Fill[T any](ctx context.Context, s *Store, rows []T) error {
	for batch := range slices.Chunk(rows, 200) {
		if err := s.Tx(ctx, func(tx *Tx) error { return tx.db.Create(batch).Error }); err != nil {
			return err
		}
	}
	return nil
}

// MovementPlan returns how the database goes about the queries of Movements, step by step, with the
// index that each takes.
func (s *Store) MovementPlan(ctx context.Context, gateway GatewayName, from, to time.Time) ([]string, error) {
	explain, columns := "EXPLAIN QUERY PLAN ", []string{"detail"}
	if s.driver == DriverMySQL {
		explain, columns = "EXPLAIN ", []string{"type", "key", "Extra"}
	}
	var plan []string
	for _, q := range []string{paymentsMoved, refundsMoved} {
		var rows []map[string]any
		values := map[string]any{"gateway": gateway, "from": from.UTC(), "to": to.UTC()}
		err := s.query(ctx, func(db *gorm.DB) error { return db.Raw(explain+q, values).Scan(&rows).Error })
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			step := ""
			for _, column := range columns {
				if row[column] != nil {
					step += fmt.Sprint(row[column], " ")
				}
			}
			plan = append(plan, step)
		}
	}
	return plan, nil
}

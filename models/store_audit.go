package models

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// standInLine lets acts of staff follow one another from here to the commit, so what one then reads no
// other of them is changing.
func (tx *Tx) standInLine() error {
	return tx.db.Model(&auditHead{}).Where("id = 1").Updates(map[string]any{"seq": gorm.Expr("seq")}).Error
}

// AddAudit puts an act into the log, in the transaction that does it. Acts of staff stand in line
// from here to their commit, so what one reads after it no other is changing.
func (tx *Tx) AddAudit(by Actor, action, subject, details string) error {
	set := tx.db.Model(&auditHead{}).Where("id = 1").Updates(map[string]any{"seq": gorm.Expr("seq + 1")})
	if set.Error != nil {
		return set.Error
	}
	var head auditHead
	if err := tx.db.Where("id = 1").Take(&head).Error; err != nil {
		return fmt.Errorf("head of the audit log: %w", err)
	}
	e := AuditEntry{
		ID: NewID(), Seq: head.Seq, Actor: truncate(by.Name, 254), Address: truncate(by.Address, 64),
		Action: action, Subject: truncate(subject, 254), Details: truncate(details, 1000),
		PrevHash: head.Hash, CreatedAt: tx.Now(),
	}
	tx.audited = append(tx.audited, e.ID)
	if by.StaffID != "" {
		e.StaffID = &by.StaffID
	}
	e.Hash = e.hash()
	if err := tx.db.Create(&e).Error; err != nil {
		return err
	}
	return tx.db.Model(&auditHead{}).Where("id = 1").Updates(map[string]any{"hash": e.Hash}).Error
}

// doneBefore reports whether a try before, whose end nobody knew, was committed: what it put into the
// log is there. It waits for one that is still being committed.
func (tx *Tx) doneBefore() (bool, error) {
	if len(tx.audited) == 0 {
		return false, nil
	}
	var found []AuditEntry
	err := tx.db.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Select("id").Where("id IN ?", tx.audited).Find(&found).Error
	return len(found) > 0, err
}

// Audit puts an act into the log that was done elsewhere, such as at a gateway.
func (s *Store) Audit(ctx context.Context, by Actor, action, subject, details string) error {
	return s.Tx(ctx, func(tx *Tx) error { return tx.AddAudit(by, action, subject, details) })
}

// AuditEntries returns at most limit entries from before the place, the newest first; from the
// newest of all when the place is 0.
func (s *Store) AuditEntries(ctx context.Context, before int64, limit int) ([]AuditEntry, error) {
	var page []AuditEntry
	err := s.query(ctx, func(db *gorm.DB) error {
		if before > 0 {
			db = db.Where("seq < ?", before)
		}
		return db.Order("seq DESC").Limit(limit).Find(&page).Error
	})
	return page, err
}

// VerifyAudit checks the whole audit log and returns how many entries it has. It tells about each
// entry that was changed, removed or added by other means than AddAudit; the error it returns is
// the database's. The shop may be running meanwhile.
func (s *Store) VerifyAudit(ctx context.Context, tell func(broken error)) (entries int, err error) {
	var head auditHead
	if err := s.query(ctx, func(db *gorm.DB) error { return db.Where("id = 1").Take(&head).Error }); err != nil {
		return 0, err
	}
	last, atHead := AuditEntry{}, ""
	for {
		var page []AuditEntry
		err := s.query(ctx, func(db *gorm.DB) error {
			return db.Where("seq > ?", last.Seq).Order("seq").Limit(evidencePage).Find(&page).Error
		})
		if err != nil {
			return entries, err
		}
		for _, e := range page {
			if e.Seq != last.Seq+1 || e.PrevHash != last.Hash || e.Hash != e.hash() {
				tell(fmt.Errorf("audit log: entry %d does not fit the chain", e.Seq))
			}
			if e.Seq == head.Seq {
				atHead = e.Hash
			}
			last = e
			entries++
		}
		if len(page) < evidencePage {
			break
		}
	}
	if atHead != head.Hash {
		tell(fmt.Errorf("audit log: entries are missing at its end, or its end was changed"))
	}
	return entries, nil
}

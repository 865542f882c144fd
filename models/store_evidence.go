package models

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// AddEvidence appends a message to the chain of a locked order. The order may be nil, for a message
// that names no order of ours: then it stands alone.
func (tx *Tx) AddEvidence(o *Order, e Evidence) error {
	e.ID, e.CreatedAt = cmp.Or(e.ID, NewID()), tx.Now()
	e.Digest = MessageDigest(e.Request, e.Response)
	e.Rule = truncate(e.Rule, MaxRule)
	if o == nil {
		e.Hash = e.hash()
		return tx.db.Create(&e).Error
	}
	// LockOrder has raised the sequence once; further messages of the transaction raise it again.
	e.OrderID, e.Seq, e.PrevHash = &o.ID, o.EvidenceSeq, o.EvidenceHash
	e.Hash = e.hash()
	if err := tx.db.Create(&e).Error; err != nil {
		return err
	}
	o.EvidenceSeq, o.EvidenceHash = e.Seq+1, e.Hash
	return tx.db.Model(&Order{}).Where("id = ?", o.ID).
		Updates(map[string]any{"evidence_seq": o.EvidenceSeq, "evidence_hash": o.EvidenceHash}).Error
}

// MessageDigest is how a repeat of the same bytes is known.
func MessageDigest(request, response []byte) string {
	h := sha256.New()
	writeField(h, request)
	writeField(h, response)
	return hex.EncodeToString(h.Sum(nil))
}

// hash covers every column that says something, and the hash of the row before.
func (e Evidence) hash() string {
	h := sha256.New()
	for _, text := range []string{
		e.PrevHash, fmt.Sprint(e.Seq), deref(e.OrderID), deref(e.PaymentID), string(e.Gateway),
		string(e.Direction), e.Operation, e.Verdict, e.Rule, e.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
	} {
		writeField(h, []byte(text))
	}
	writeField(h, e.Request)
	writeField(h, e.Response)
	return hex.EncodeToString(h.Sum(nil))
}

// intact reports whether the row still is what AddEvidence wrote.
func (e Evidence) intact() bool {
	return e.Hash == e.hash() && e.Digest == MessageDigest(e.Request, e.Response)
}

// writeField writes a length and then the bytes, so that no two rows give the same stream.
func writeField(w interface{ Write([]byte) (int, error) }, field []byte) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(field)))
	_, _ = w.Write(size[:]) // a hash never fails
	_, _ = w.Write(field)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Evidence returns the messages about an order, oldest first.
func (s *Store) Evidence(ctx context.Context, orderID string) ([]Evidence, error) {
	var rows []Evidence
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("order_id = ?", orderID).Order("seq").Find(&rows).Error
	})
	return rows, err
}

// LoneEvidence returns at most limit messages that name no order of ours, the newest first: those
// before the one with the id, or the newest of all when it is empty.
func (s *Store) LoneEvidence(ctx context.Context, before string, limit int) ([]Evidence, error) {
	var rows []Evidence
	err := s.query(ctx, func(db *gorm.DB) (err error) {
		rows, err = loneEvidence(db, before, limit)
		return err
	})
	return rows, err
}

func loneEvidence(db *gorm.DB, before string, limit int) (rows []Evidence, err error) {
	if before != "" {
		db = db.Where("id < ?", before)
	}
	err = db.Where("order_id IS NULL").Order("id DESC").Limit(limit).Find(&rows).Error
	return rows, err
}

// forgetAtOnce is how many messages one call of ForgetLoneEvidence removes at most.
const forgetAtOnce = 100

// ForgetLoneEvidence removes the oldest messages that a gateway's address received, with the verdict and
// about no order of ours, but for so many of the newest. It removes a few at a time: whoever calls it
// after each message that is added never has more to remove. What belongs to an order always stays.
func (tx *Tx) ForgetLoneEvidence(gateway GatewayName, verdict string, keep int) error {
	var old []string
	err := gatewayEvidence(tx.db, gateway, Received, verdict).
		Order("created_at DESC").Offset(keep).Limit(forgetAtOnce).Pluck("id", &old).Error
	if err != nil || len(old) == 0 {
		return err
	}
	return tx.db.Where("id IN ? AND order_id IS NULL", old).Delete(&Evidence{}).Error
}

// CountEvidence returns how many messages of the operation and with the verdict are kept about a
// payment.
func (tx *Tx) CountEvidence(p *Payment, operation, verdict string) (int64, error) {
	var n int64
	err := tx.db.Model(&Evidence{}).
		Where("payment_id = ? AND operation = ? AND verdict = ?", p.ID, operation, verdict).Count(&n).Error
	return n, err
}

// HasEvidence reports whether the very same message about the payment is already kept.
func (s *Store) HasEvidence(ctx context.Context, paymentID, digest string) (has bool, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		has, err = hasEvidence(db, paymentID, digest)
		return err
	})
	return has, err
}

// HasEvidence reports it as the transaction sees it.
func (tx *Tx) HasEvidence(paymentID, digest string) (bool, error) {
	return hasEvidence(tx.db, paymentID, digest)
}

func hasEvidence(db *gorm.DB, paymentID, digest string) (bool, error) {
	var n int64
	err := db.Model(&Evidence{}).Where("payment_id = ? AND digest = ?", paymentID, digest).Limit(1).Count(&n).Error
	return n > 0, err
}

// GatewayEvidence returns at most limit messages between the shop and a gateway with the verdict, the
// newest first, without their bodies.
func (s *Store) GatewayEvidence(ctx context.Context, gateway GatewayName, d Direction, verdict string, limit int) ([]Evidence, error) {
	var rows []Evidence
	err := s.query(ctx, func(db *gorm.DB) error {
		return gatewayEvidence(db, gateway, d, verdict).Omit("request", "response").Order("created_at DESC").Limit(limit).Find(&rows).Error
	})
	return rows, err
}

// CountGatewayEvidence returns how many messages there were since then, counted up to CountLimit.
func (s *Store) CountGatewayEvidence(ctx context.Context, gateway GatewayName, d Direction, verdict string, since time.Time) (int64, error) {
	var n int64
	err := s.query(ctx, func(db *gorm.DB) error {
		some := gatewayEvidence(db, gateway, d, verdict).Select("created_at").Where("created_at > ?", since).Limit(CountLimit)
		return db.Table("(?) AS some", some).Count(&n).Error
	})
	return n, err
}

func gatewayEvidence(db *gorm.DB, gateway GatewayName, d Direction, verdict string) *gorm.DB {
	return db.Model(&Evidence{}).Where("gateway = ? AND direction = ? AND verdict = ?", gateway, d, verdict)
}

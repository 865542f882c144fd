package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// SendsMail reports whether buyers get mail.
func (s *Store) SendsMail() bool { return s.mail }

// queueMail puts a mail about the order into the queue, once for all that is the same: in the
// transaction that does what the mail tells of. Without an address, or while mail is off, there is
// none.
func (tx *Tx) queueMail(o *Order, kind MailKind, refundID string) error {
	if !tx.store.mail || o.Email == "" {
		return nil
	}
	return tx.addMail(Mail{OrderID: o.ID, Kind: kind, RefundID: refundID})
}

func (tx *Tx) addMail(m Mail) error {
	if m.ID == "" {
		m.ID = NewID()
	}
	now := tx.Now()
	m.Status, m.TryAt = MailQueued, &now
	return tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&m).Error
}

// mailConfirmed queues the mail about the payment that has just been confirmed, if it pays the order.
func (tx *Tx) mailConfirmed(p *Payment, changes map[string]any) error {
	if _, news := changes["confirmed_at"]; !news || !tx.store.mail {
		return nil
	}
	var o Order
	err := tx.db.Where("id = ? AND payment_id = ?", p.OrderID, p.ID).Take(&o).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.queueMail(&o, MailPaid, "")
}

// mailRefunded queues the mail about a refund that has gone through.
func (tx *Tx) mailRefunded(r *Refund) error {
	if !tx.store.mail {
		return nil
	}
	var o Order
	if err := tx.db.Where("id = ?", r.OrderID).Take(&o).Error; err != nil {
		return err
	}
	return tx.queueMail(&o, MailRefunded, r.ID)
}

// DueMails returns mails that are to be sent, the longest overdue first.
func (s *Store) DueMails(ctx context.Context, limit int) ([]Mail, error) {
	var due []Mail
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("try_at <= ?", s.Now()).Order("try_at").Limit(limit).Find(&due).Error
	})
	return due, err
}

// ClaimMail takes the turn to send a mail, until the given time, and counts the try. False: another
// replica was first. Whoever dies with the turn leaves the mail due again at the given time.
func (s *Store) ClaimMail(ctx context.Context, m *Mail, until time.Time) (bool, error) {
	until = until.UTC().Truncate(time.Millisecond)
	claimed := false
	err := s.Tx(ctx, func(tx *Tx) error {
		set := tx.db.Model(&Mail{}).Where("id = ? AND try_at = ? AND tries = ?", m.ID, m.TryAt, m.Tries).
			Updates(map[string]any{"try_at": until, "tries": m.Tries + 1})
		claimed = set.RowsAffected == 1
		return set.Error
	})
	if claimed {
		m.TryAt, m.Tries = &until, m.Tries+1
	}
	return claimed, err
}

// MailSent records that a claimed mail was sent.
func (s *Store) MailSent(ctx context.Context, m *Mail) error {
	return s.endTurn(ctx, m, MailSent, map[string]any{"try_at": nil, "sent_at": s.Now(), "failure": ""})
}

// MailFailed records why a claimed mail was not sent, and when it is tried next; the zero time: it is
// given up, and shown to staff.
func (s *Store) MailFailed(ctx context.Context, m *Mail, why string, next time.Time) error {
	changes := map[string]any{"failure": truncate(why, 500), "try_at": next.UTC().Truncate(time.Millisecond)}
	if next.IsZero() {
		changes["try_at"] = nil
		return s.endTurn(ctx, m, MailGivenUp, changes)
	}
	return s.endTurn(ctx, m, MailQueued, changes)
}

// endTurn ends a turn that ClaimMail took. It gives way when the turn had run out and the mail is in
// other hands.
func (s *Store) endTurn(ctx context.Context, m *Mail, to MailStatus, changes map[string]any) error {
	changes["status"] = to
	return s.Tx(ctx, func(tx *Tx) error {
		return tx.db.Model(&Mail{}).
			Where("id = ? AND status = ? AND try_at = ? AND tries = ?", m.ID, MailQueued, m.TryAt, m.Tries).
			Updates(changes).Error
	})
}

// Mails returns the mails about an order, the first first.
func (s *Store) Mails(ctx context.Context, orderID string) ([]Mail, error) {
	var rows []Mail
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("order_id = ?", orderID).Order("created_at, id").Find(&rows).Error
	})
	return rows, err
}

// CountQueuedMails returns how many mails wait to be sent.
func (s *Store) CountQueuedMails(ctx context.Context) (n int64, err error) {
	err = s.query(ctx, func(db *gorm.DB) error {
		return db.Model(&Mail{}).Where("status = ?", MailQueued).Count(&n).Error
	})
	return n, err
}

// ResendMail queues another copy of a mail that was sent or given up. ErrMailOff; ErrOrderMoved: there
// is another copy by now, or the mail is not done with.
func (s *Store) ResendMail(ctx context.Context, orderNumber, mailID string, by Actor) error {
	if !s.mail {
		return ErrMailOff
	}
	return s.actOn(ctx, orderNumber, func(tx *Tx, o *Order) error {
		last, err := tx.lastCopy(o, mailID)
		if err != nil {
			return err
		}
		if last.ID != mailID || last.Status == MailQueued {
			return ErrOrderMoved
		}
		if err := tx.leaveMail(last); err != nil {
			return err
		}
		again := Mail{ID: NewID(), OrderID: o.ID, Kind: last.Kind, RefundID: last.RefundID, Copy: last.Copy + 1}
		if err := tx.addMail(again); err != nil {
			return err
		}
		return tx.AddAct(o, Act{By: by, What: ActResendMail, Text: string(last.Kind)})
	})
}

// LeaveMail keeps a mail that was given up as it is: nobody needs to look at it any more.
// ErrOrderMoved: somebody has seen to it already.
func (s *Store) LeaveMail(ctx context.Context, orderNumber, mailID string, by Actor) error {
	return s.actOn(ctx, orderNumber, func(tx *Tx, o *Order) error {
		last, err := tx.lastCopy(o, mailID)
		if err != nil {
			return err
		}
		if last.ID != mailID || last.Status != MailGivenUp {
			return ErrOrderMoved
		}
		if err := tx.leaveMail(last); err != nil {
			return err
		}
		return tx.AddAct(o, Act{By: by, What: ActLeaveMail, Text: string(last.Kind)})
	})
}

// lastCopy returns the copy made last of what the mail tells the buyer of the locked order, or
// ErrOrderMoved when the order has no such mail.
func (tx *Tx) lastCopy(o *Order, mailID string) (*Mail, error) {
	var known, last Mail
	if err := tx.db.Where("id = ? AND order_id = ?", mailID, o.ID).Take(&known).Error; err != nil {
		return nil, notFound(err, ErrOrderMoved)
	}
	err := tx.db.Where("order_id = ? AND kind = ? AND refund_id = ?", o.ID, known.Kind, known.RefundID).
		Order("copy DESC").Take(&last).Error
	return &last, err
}

// leaveMail takes a mail that was given up from those that wait for somebody. When it was given up
// stays known.
func (tx *Tx) leaveMail(m *Mail) error {
	if !m.Status.CanBecome(MailLeft) {
		return nil
	}
	return tx.db.Model(&Mail{}).Where("id = ? AND status = ?", m.ID, m.Status).UpdateColumn("status", MailLeft).Error
}

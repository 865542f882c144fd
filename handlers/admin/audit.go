package admin

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// auditRows is how many entries a page of the log has.
const auditRows = 50

// auditPage is a part of the log, the newest first.
type auditPage struct {
	Page
	Entries []models.AuditEntry
	Older   int64 // place that the next page begins before; 0: there is none
	Newest  bool  // this is the first page
}

// ActName returns what was done in the reader's language.
func (p auditPage) ActName(action string) string { return p.T("admin.act." + action) }

// ActorName returns who did it: an e-mail address, or the command line, or somebody who is not known, in
// the reader's language.
func (p Page) ActorName(actor string) string {
	switch actor {
	case models.CommandLine().Name:
		return p.T("admin.audit.command_line")
	case "":
		return p.T("admin.audit.somebody")
	default:
		return actor
	}
}

func (a *Pages) showAudit(c *fiber.Ctx) error {
	before, _ := strconv.ParseInt(c.Query("before"), 10, 64) // no number: from the newest
	entries, err := a.store.AuditEntries(c.UserContext(), before, auditRows+1)
	if err != nil {
		return err
	}
	page := auditPage{Page: a.page(c, "admin.audit.title"), Entries: entries, Newest: before <= 0}
	if len(entries) > auditRows {
		page.Entries = entries[:auditRows]
		page.Older = page.Entries[auditRows-1].Seq
	}
	return a.render(c, "admin/audit", page)
}

// exportAudit answers with the whole log as CSV, the newest first, with the hashes that chain it.
func (a *Pages) exportAudit(c *fiber.Ctx) error {
	if err := a.audit(c, "export_audit", "", ""); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="audit.csv"`)
	c.Set(fiber.HeaderCacheControl, "no-store")
	a.stream(c, "audit", func(ctx context.Context, w io.Writer) error { return a.writeAudit(ctx, csv.NewWriter(w)) })
	return nil
}

func (a *Pages) writeAudit(ctx context.Context, w *csv.Writer) error {
	if err := w.Write([]string{"seq", "time", "actor", "address", "action", "subject", "details", "prev_hash", "hash"}); err != nil {
		return err
	}
	for before := int64(0); ; {
		entries, err := a.store.AuditEntries(ctx, before, 500)
		if err != nil || len(entries) == 0 {
			w.Flush()
			return err
		}
		for _, e := range entries {
			err := w.Write([]string{
				strconv.FormatInt(e.Seq, 10), e.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z"), cell(e.Actor), cell(e.Address),
				e.Action, cell(e.Subject), cell(e.Details), e.PrevHash, e.Hash,
			})
			if err != nil {
				return err
			}
			before = e.Seq
		}
		if w.Flush(); w.Error() != nil {
			return w.Error()
		}
	}
}

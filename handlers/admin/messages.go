package admin

import (
	"github.com/gofiber/fiber/v2"
)

// messageRows is how many messages a page of them has.
const messageRows = 25

// messagesPage is a part of the messages that name no order of ours, the newest first: what was
// refused, and what nobody can explain.
type messagesPage struct {
	Page
	Messages []event
	Newest   bool
	Older    string // the message that the next page begins behind; empty: there is none
}

func (a *Pages) showMessages(c *fiber.Ctx) error {
	before := cut(c.Query("before"), 36)
	rows, err := a.store.LoneEvidence(c.UserContext(), before, messageRows+1)
	if err != nil {
		return err
	}
	page := messagesPage{Page: a.page(c, "admin.messages.title"), Newest: before == ""}
	if len(rows) > messageRows {
		rows = rows[:messageRows]
		page.Older = rows[messageRows-1].ID
	}
	for _, row := range rows {
		page.Messages = append(page.Messages, page.messageEvent(row, nil))
	}
	return a.render(c, "admin/messages", page)
}

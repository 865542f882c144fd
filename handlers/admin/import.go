package admin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/web"
	"saoma/models"
)

// maxCatalogue is how many bytes a catalogue file may have, and shownMistakes how many mistakes of one
// a page tells.
const (
	maxCatalogue  = 2 << 20
	shownMistakes = 50
)

// exportGoods answers with the catalogue as a file that importGoods takes.
func (a *Pages) exportGoods(c *fiber.Ctx) error {
	products, err := a.store.Products(c.UserContext())
	if err != nil {
		return err
	}
	if err := a.audit(c, models.ActExportGoods, "", ""); err != nil {
		return err
	}
	file := bytes.NewBufferString("\ufeff") // by which spreadsheets know UTF-8
	if err := models.WriteProducts(file, products, a.base.Config.Currency); err != nil {
		return err
	}
	name := "goods-" + a.store.Now().In(a.base.Config.TimeZone).Format("20060102-1504") + ".csv"
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Send(file.Bytes())
}

// importPage takes a catalogue file, and shows what it would change before it does.
type importPage struct {
	Page
	Notice    *notice
	Error     string // of the file
	Mistakes  []string
	More      int // mistakes that are not shown
	WithStock bool

	// What the file changes; nil: there is no file yet.
	Plan    *models.Import
	Changes bool // it changes something
	Count   string
	File    string // carried along, as is what was seen
	Seen    string
}

// importForm is a catalogue file, and how it is to be taken.
// Hint is what the field for the file takes.
func (p importPage) Hint() string { return p.T("admin.csv_hint", "most", maxCatalogue>>20) }

type importForm struct {
	file      []byte
	withStock bool
}

func (a *Pages) showImport(c *fiber.Ctx) error {
	return a.render(c, "admin/import", importPage{Page: a.page(c, "admin.import.title")})
}

// planImport shows what the file that is sent would change.
func (a *Pages) planImport(c *fiber.Ctx) error {
	form := importForm{withStock: web.FormValue(c, "with_stock") == yes}
	header, err := c.FormFile("file")
	if err != nil || header.Size == 0 {
		return a.importRefused(c, form, errCatalogue("invalid.file_none"))
	}
	form.file, err = readFile(header, maxCatalogue)
	if errors.Is(err, errFileTooLarge) {
		return a.importRefused(c, form, errCatalogue("invalid.file_bytes"))
	}
	if err != nil {
		return err
	}
	return a.importAs(c, form, refusal{})
}

func errCatalogue(key string) *models.Error {
	return &models.Error{Kind: models.Invalid, Key: key, Field: "file"}
}

// importAs shows what the file would change as things are now.
func (a *Pages) importAs(c *fiber.Ctx, form importForm, why refusal) error {
	products, err := models.ReadProducts(bytes.NewReader(form.file), a.base.Config.Currency)
	if err != nil {
		return a.importRefused(c, form, err)
	}
	plan, err := a.store.PlanImport(c.UserContext(), products, form.withStock)
	if err != nil {
		return a.importRefused(c, form, err)
	}
	page := importPage{Page: a.page(c, "admin.import.title"), Plan: plan, WithStock: form.withStock}
	added, changed, same := plan.Count()
	page.Changes = added+changed > 0
	page.Count = page.T("admin.import.count", "added", added, "changed", changed, "same", same)
	seen, err := json.Marshal(plan.Seen())
	if err != nil {
		return err
	}
	page.File, page.Seen = base64.StdEncoding.EncodeToString(form.file), string(seen)
	page.Notice = why.tell(c, page.Page)
	return a.render(c, "admin/import", page)
}

// importRefused shows the empty form again, and what is wrong with the file.
func (a *Pages) importRefused(c *fiber.Ctx, form importForm, err error) error {
	page := importPage{Page: a.page(c, "admin.import.title"), WithStock: form.withStock}
	if mistakes, ok := errors.AsType[models.Mistakes](err); ok {
		err = errCatalogue("invalid.file_mistakes")
		page.More = max(len(mistakes)-shownMistakes, 0)
		for _, m := range mistakes[:len(mistakes)-page.More] {
			page.Mistakes = append(page.Mistakes, page.mistake(m))
		}
	}
	why, err := refusalOf(err)
	if err != nil {
		return err
	}
	page.Notice = why.tell(c, page.Page)
	if key := why.errs["file"]; key != "" {
		page.Error, page.Notice.Advice = page.T(key), page.T("admin.import.refused")
	}
	return a.render(c, "admin/import", page)
}

// mistake is one in the reader's words.
func (p Page) mistake(m models.Mistake) string {
	wrong := p.T(m.Key, "value", m.Value, "number", m.Number)
	if m.Column == "" {
		return p.T("csv.line", "line", m.Line, "wrong", wrong)
	}
	return p.T("csv.place", "line", m.Line, "column", m.Column, "wrong", wrong)
}

// importGoods does what the page showed.
func (a *Pages) importGoods(c *fiber.Ctx) error {
	form := importForm{withStock: web.FormValue(c, "with_stock") == yes}
	var seen models.ImportSeen
	var err error
	form.file, err = base64.StdEncoding.DecodeString(web.FormValue(c, "file"))
	if err != nil || json.Unmarshal([]byte(web.FormValue(c, "seen")), &seen) != nil || seen.ID == "" { // which no page of ours sends
		return web.ErrForeignForm
	}
	products, err := models.ReadProducts(bytes.NewReader(form.file), a.base.Config.Currency)
	if err != nil {
		return a.importRefused(c, form, err)
	}
	err = a.store.ImportProducts(c.UserContext(), a.actor(c), products, form.withStock, seen)
	if err != nil {
		why, err := refusalOf(err)
		if err != nil {
			return err
		}
		return a.importAs(c, form, why)
	}
	return a.done(c, goodsPath, "admin.import.done")
}

package admin

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/xuri/excelize/v2"

	"saoma/models"
)

// writePatience is how long an export waits for a reader that does not take what it is sent.
const writePatience = 30 * time.Second

// sheet is a table that is written row by row. A cell is a text, a whole number, an amount of money
// or a time; nil is an empty one.
type sheet interface {
	write(cells []any) error
	// end writes what is still to be written.
	end() error
	// close frees what the table holds, whether it has come to its end or not.
	close() error
}

// exportOrders answers with all orders that fit the address's filter, the newest first. What it takes
// of memory does not grow with their number.
func (a *Pages) exportOrders(format string, contentType string, begin func(w io.Writer, zone *time.Location) (sheet, error)) fiber.Handler {
	return func(c *fiber.Ctx) error {
		filter := filterOf(c)
		m := filter.forStore(a.store.Now(), a.base.Config.TimeZone)
		if err := a.audit(c, models.ActExport, format, filter.values().Encode()); err != nil {
			return err
		}
		columns := a.columns(c)
		name := "orders-" + a.store.Now().In(a.base.Config.TimeZone).Format("20060102-1504") + "." + format
		c.Set(fiber.HeaderContentType, contentType)
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+name+`"`)
		c.Set(fiber.HeaderCacheControl, "no-store")
		a.stream(c, "orders", func(ctx context.Context, w io.Writer) error {
			return a.writeOrders(ctx, w, m, columns, begin)
		})
		return nil
	}
}

// exportTimeout bounds how long an export may take.
const exportTimeout = 10 * time.Minute

// stream answers with a file that is written while it is read, for as long as the reader goes on reading. A
// file that could not be written whole ends with the connection, or it would look as if it were whole.
func (a *Pages) stream(c *fiber.Ctx, what string, write func(ctx context.Context, w io.Writer) error) {
	conn := c.Context().Conn()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		ctx, cancel := context.WithTimeout(context.Background(), exportTimeout)
		defer cancel()
		defer func() { // the app's own recovery does not reach here, and the fault would end the whole shop
			if fault := recover(); fault != nil {
				a.log.Error("export failed", "what", what, "err", fmt.Sprint(fault))
				_ = conn.Close()
			}
		}()
		if err := write(ctx, patient{conn, w}); err != nil {
			a.log.Warn("export broke off", "what", what, "err", err)
			_ = conn.Close()
		}
	})
}

// patient writes with a deadline of its own for each piece: the server's is set once for a whole
// answer, and would cut a long one.
type patient struct {
	conn net.Conn
	w    *bufio.Writer
}

func (p patient) Write(data []byte) (int, error) {
	if err := p.conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return 0, err
	}
	return p.w.Write(data)
}

func (a *Pages) writeOrders(ctx context.Context, w io.Writer, m models.OrderFilter, columns []column, begin func(w io.Writer, zone *time.Location) (sheet, error)) error {
	table, err := begin(w, a.base.Config.TimeZone)
	if err != nil {
		return err
	}
	defer table.close()
	cells := make([]any, len(columns))
	for i, column := range columns {
		cells[i] = column.name
	}
	if err := table.write(cells); err != nil {
		return err
	}
	err = a.store.EachOrder(ctx, m, func(rows []models.OrderRow) error {
		for _, r := range rows {
			for i, column := range columns {
				cells[i] = column.of(r)
			}
			if err := table.write(cells); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return table.end()
}

// column is a column of the export: its heading and what stands in it.
type column struct {
	name string
	of   func(r models.OrderRow) any
}

// columns are those of the export, in the reader's words.
func (a *Pages) columns(c *fiber.Ctx) []column {
	p := a.page(c, "admin.orders.title")
	money := func(minor func(r models.OrderRow) int64) func(r models.OrderRow) any {
		return func(r models.OrderRow) any { return models.Money{Amount: minor(r), Currency: r.Currency} }
	}
	text := func(of func(r models.OrderRow) string) func(r models.OrderRow) any {
		return func(r models.OrderRow) any { return of(r) }
	}
	payment := func(of func(p models.Payment) string) func(r models.OrderRow) any {
		return func(r models.OrderRow) any {
			if r.Payment == nil {
				return nil
			}
			return of(*r.Payment)
		}
	}
	all := []column{
		{"number", text(func(r models.OrderRow) string { return r.Number })},
		{"state", text(func(r models.OrderRow) string {
			return p.badges(models.OrderRow{Order: r.Order, Payment: r.Payment})[0].Name
		})},
		{"placed", func(r models.OrderRow) any { return &r.CreatedAt }},
		{"paid", func(r models.OrderRow) any { return r.PaidAt }},
		{"changed", func(r models.OrderRow) any { return &r.UpdatedAt }},
		{"currency", text(func(r models.OrderRow) string { return r.Currency })},
		{"amount", money(func(r models.OrderRow) int64 { return r.Amount })},
		{"goods", money(func(r models.OrderRow) int64 { return r.Goods })},
		{"shipping", money(func(r models.OrderRow) int64 { return r.Shipping })},
		{"refunded", money(func(r models.OrderRow) int64 { return r.Refunded })},
		{"incidents", func(r models.OrderRow) any { return r.Incidents }},
		{"wallet", text(func(r models.OrderRow) string { return p.way(r.Wallet, "") })},
		{"gateway", text(func(r models.OrderRow) string { return p.way("", r.Gateway) })},
		{"payment", payment(func(p models.Payment) string { return p.Number })},
		{"reference", payment(func(p models.Payment) string {
			if p.Reference == nil {
				return ""
			}
			return *p.Reference
		})},
		{"items", text(func(r models.OrderRow) string { return itemsInFull(r.Items) })},
		{"name", text(func(r models.OrderRow) string { return r.Name })},
		{"email", text(func(r models.OrderRow) string { return r.Email })},
		{"phone", text(func(r models.OrderRow) string { return r.Phone })},
		{"address", text(func(r models.OrderRow) string { return r.Address })},
		{"city", text(func(r models.OrderRow) string { return r.City })},
		{"region", text(func(r models.OrderRow) string { return r.Region })},
		{"postcode", text(func(r models.OrderRow) string { return r.Postcode })},
		{"country", text(func(r models.OrderRow) string { return p.Country(r.Country) })},
		{"address_lines", text(func(r models.OrderRow) string {
			if !r.Shipped {
				return ""
			}
			return strings.Join(p.AddressLines(r.Buyer), "\n")
		})},
		{"note", text(func(r models.OrderRow) string { return r.Note })},
		{"carrier", text(func(r models.OrderRow) string { return r.Carrier })},
		{"tracking", text(func(r models.OrderRow) string { return r.Tracking })},
	}
	for i := range all {
		all[i].name = p.T("admin.column." + all[i].name)
	}
	return all
}

// itemsInFull names every line with its SKU.
func itemsInFull(items []models.OrderItem) string {
	var parts []string
	for _, item := range items {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d × %s %s", item.Quantity, item.Name, item.Options))+" ("+item.SKU+")")
	}
	return strings.Join(parts, "; ")
}

// xlsxType is the content type of a workbook.
const xlsxType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// sheetTime is how a time stands in a table: spreadsheets know it for one.
const sheetTime = "2006-01-02 15:04:05"

// csvSheet is a table as comma-separated values.
type csvSheet struct {
	w    *csv.Writer
	zone *time.Location
	row  []string
}

// beginCSV writes the mark by which spreadsheets know UTF-8.
func beginCSV(w io.Writer, zone *time.Location) (sheet, error) {
	_, err := io.WriteString(w, "\ufeff")
	return &csvSheet{w: csv.NewWriter(w), zone: zone}, err
}

func (s *csvSheet) write(cells []any) error {
	s.row = s.row[:0]
	for _, value := range cells {
		s.row = append(s.row, s.text(value))
	}
	return s.w.Write(s.row)
}

func (s *csvSheet) text(value any) string {
	switch v := value.(type) {
	case string:
		return cell(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case models.Money:
		return v.Decimal()
	case *time.Time:
		if v == nil {
			return ""
		}
		return v.In(s.zone).Format(sheetTime)
	default:
		return ""
	}
}

// inner is where a formula may begin within a cell, for those to whom another sign parts the cells of a
// file.
var inner = regexp.MustCompile(`([;\t\r\n]\s*)([=+\-@＝＋－＠])`)

// cell returns a text as no spreadsheet takes it for a formula, however it parts the cells of a CSV file.
func cell(text string) string { return inner.ReplaceAllString(models.GuardCell(text), "$1'$2") }

func (s *csvSheet) end() error {
	s.w.Flush()
	return s.w.Error()
}

func (s *csvSheet) close() error { return nil }

// phone is a number that begins with a sign and is to be copied as it is.
var phone = regexp.MustCompile(`^\+[0-9][0-9 ()./-]*$`)

// sheetRows is how many rows a sheet of a workbook can have.
const sheetRows = excelize.TotalRows

// xlsxSheet is a workbook, whose rows wait in a file of their own until it is written. What is too
// long for one sheet goes on in the next, under the same headings.
type xlsxSheet struct {
	out    io.Writer
	book   *excelize.File
	stream *excelize.StreamWriter
	zone   *time.Location
	rows   int // in one sheet
	sheets int
	row    int
	head   []any
	time   int // styles
	money  map[int]int
}

func beginXLSX(w io.Writer, zone *time.Location) (sheet, error) { return newXLSX(w, zone, sheetRows) }

func newXLSX(w io.Writer, zone *time.Location, rows int) (*xlsxSheet, error) {
	s := &xlsxSheet{out: w, book: excelize.NewFile(), zone: zone, rows: rows, money: map[int]int{}}
	format := "yyyy-mm-dd hh:mm:ss"
	var err error
	if s.time, err = s.book.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return nil, err
	}
	return s, s.next()
}

// next begins a sheet.
func (s *xlsxSheet) next() error {
	s.sheets++
	s.row = 0
	name := "Sheet" + strconv.Itoa(s.sheets)
	if _, err := s.book.NewSheet(name); err != nil {
		return err
	}
	var err error
	s.stream, err = s.book.NewStreamWriter(name)
	return err
}

func (s *xlsxSheet) write(cells []any) error {
	values := make([]any, len(cells))
	for i, value := range cells {
		var err error
		if values[i], err = s.value(value); err != nil {
			return err
		}
	}
	if s.head == nil {
		s.head = values
	}
	if s.row == s.rows {
		if err := s.stream.Flush(); err != nil {
			return err
		}
		if err := s.next(); err != nil {
			return err
		}
		if err := s.add(s.head); err != nil {
			return err
		}
	}
	return s.add(values)
}

func (s *xlsxSheet) add(values []any) error {
	s.row++
	return s.stream.SetRow("A"+strconv.Itoa(s.row), values)
}

// value is a cell as the workbook keeps it. An amount becomes a number, which holds every amount of
// up to fifteen digits exactly.
func (s *xlsxSheet) value(value any) (any, error) {
	switch v := value.(type) {
	case string:
		if phone.MatchString(v) {
			return v, nil // a workbook says that a cell is text
		}
		return models.GuardCell(v), nil
	case models.Money:
		number, err := strconv.ParseFloat(v.Decimal(), 64)
		if err != nil {
			return nil, err
		}
		style, err := s.moneyStyle(v)
		return excelize.Cell{Value: number, StyleID: style}, err
	case *time.Time:
		if v == nil {
			return nil, nil
		}
		year, month, day := v.In(s.zone).Date()
		hour, minute, second := v.In(s.zone).Clock()
		return excelize.Cell{Value: time.Date(year, month, day, hour, minute, second, 0, time.UTC), StyleID: s.time}, nil
	default:
		return value, nil
	}
}

// moneyStyle shows as many places as the currency has.
func (s *xlsxSheet) moneyStyle(m models.Money) (int, error) {
	_, fraction, _ := strings.Cut(m.Decimal(), ".")
	if style, known := s.money[len(fraction)]; known {
		return style, nil
	}
	format := "0"
	if fraction != "" {
		format += "." + strings.Repeat("0", len(fraction))
	}
	style, err := s.book.NewStyle(&excelize.Style{CustomNumFmt: &format})
	s.money[len(fraction)] = style
	return style, err
}

func (s *xlsxSheet) close() error { return s.book.Close() }

func (s *xlsxSheet) end() error {
	if err := s.stream.Flush(); err != nil {
		return err
	}
	return s.book.Write(s.out)
}

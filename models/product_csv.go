package models

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// csvColumns are the columns of a catalogue file, one row a variant. Rows of one product share
// its slug; the first of them tells the product's own columns. Behind them may follow, in other languages,
// the product's texts, two columns each, and the variant's options: see textColumns and optionColumns.
var csvColumns = slices.Concat(productColumns, variantColumns)

var (
	productColumns = []string{"slug", "name", "description", "product_image", "product_active"}
	variantColumns = []string{"sku", "options", "price", "stock", "digital", "delivery", "image", "active"}
)

func productRow(p Product) []string {
	return []string{p.Slug, p.Name, p.Description, p.Image, strconv.FormatBool(p.Active)}
}

func variantRow(v Variant, currency string) []string {
	stock := ""
	if v.Counted {
		stock = strconv.FormatInt(v.OnHand, 10)
	}
	return []string{
		v.SKU, v.Options, Money{v.Price, currency}.Decimal(), stock, strconv.FormatBool(v.Digital),
		v.Delivery, v.Image, strconv.FormatBool(v.Active),
	}
}

// WriteProducts writes products in the form that ReadProducts reads: prices as decimals, stock as a
// number or empty where it is not counted, texts behind GuardCell.
func WriteProducts(w io.Writer, products []Product, currency string) error {
	out := csv.NewWriter(w)
	languages := languagesOf(products)
	if err := out.Write(slices.Concat(csvColumns, textColumns(languages), optionColumns(languages))); err != nil {
		return err
	}
	for _, p := range products {
		for _, v := range p.Variants {
			row := slices.Concat(productRow(p), variantRow(v, currency), textRow(p.Texts, languages), optionRow(v.OptionTexts, languages))
			for i := range row {
				row[i] = GuardCell(row[i])
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// Mistake is something wrong in a catalogue file. It says so in English, for the command line; Key names
// the message for a page, in which Value and Number may stand.
type Mistake struct {
	Line   int
	Column string // empty where it is about the whole line
	Key    string
	Value  string // what stands there
	Number int
	wrong  string
}

func (m Mistake) Error() string {
	if m.Column == "" {
		return m.wrong
	}
	return fmt.Sprintf("line %d, column %s: %s", m.Line, m.Column, m.wrong)
}

// Mistakes are all that is wrong in a catalogue file.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

// ReadProducts reads a catalogue file. Each mistake is named by line and column, all in one error of
// type Mistakes, and then no product is returned.
func ReadProducts(r io.Reader, currency string) ([]Product, error) {
	text := bufio.NewReader(r)
	if mark, err := text.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		if _, err := text.Discard(len(byteOrderMark)); err != nil {
			return nil, err
		}
	}
	in := csv.NewReader(text)
	c := catalogue{bySlug: map[string]int{}, skus: map[string]int{}}
	header, err := in.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, c.unreadable(err)
	}
	if err := c.readHeader(header); err != nil {
		return nil, err
	}
	for {
		row, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return c.result()
		case errors.Is(err, csv.ErrFieldCount):
			_ = c.unreadable(err)
		case err != nil:
			return nil, c.unreadable(err) // where the next row begins, nobody knows
		default:
			line, _ := in.FieldPos(0)
			if len(c.skus) == MaxRows {
				return nil, c.tooLong(line)
			}
			c.add(line, row, currency)
		}
	}
}

// MaxRows is how many rows a catalogue file may have. A larger catalogue comes in several.
const MaxRows = 10_000

// tooLong says that the file goes on where it has to end.
func (c *catalogue) tooLong(line int) error {
	return append(c.mistakes, Mistake{
		Line: line, Key: "csv.rows", Number: MaxRows,
		wrong: fmt.Sprintf("line %d: at most %d rows in one file; put the rest into another", line, MaxRows),
	})
}

// byteOrderMark is what Excel puts before UTF-8.
const byteOrderMark = "\ufeff"

// catalogue collects products row by row, and what is wrong with the rows.
type catalogue struct {
	columns   []string
	languages []string // that there are columns of products' texts for
	options   []string // and of variants' options
	products  []Product
	bySlug    map[string]int // the place of each among them
	skus      map[string]int // the line of each
	mistakes  Mistakes
}

// readHeader takes the columns, or says what is wrong with them.
func (c *catalogue) readHeader(header []string) error {
	more, ok := header, len(header) >= len(csvColumns)
	if ok {
		more, ok = header[len(csvColumns):], slices.Equal(header[:len(csvColumns)], csvColumns)
	}
	if !ok {
		columns := strings.Join(csvColumns, ",")
		return Mistakes{{Line: 1, Key: "csv.columns", Value: columns, wrong: "line 1: the columns must be " + columns}}
	}
	c.columns = header
	for len(more) > 0 {
		texts, options := strings.TrimPrefix(more[0], nameColumn), strings.TrimPrefix(more[0], optionsColumn)
		switch {
		case isLanguage(options) && !slices.Contains(c.options, options) && more[0] == optionsColumn+options:
			c.options = append(c.options, options)
			more = more[1:]
		case isLanguage(texts) && !slices.Contains(c.languages, texts) && slices.Equal(more[:min(2, len(more))], textColumns([]string{texts})):
			c.languages = append(c.languages, texts)
			more = more[2:]
		default:
			return Mistakes{{
				Line: 1, Column: more[0], Key: "csv.texts", Value: more[0],
				wrong: "here follow name_ and description_ with the code of a language, such as name_ja,description_ja, and options_, such as options_ja",
			}}
		}
	}
	return nil
}

func (c *catalogue) result() ([]Product, error) {
	if len(c.mistakes) > 0 {
		return nil, c.mistakes
	}
	return c.products, nil
}

// unreadable notes what the CSV reader says, which names the line itself. It returns all that is wrong,
// or the error itself where it is none of the file's.
func (c *catalogue) unreadable(err error) error {
	parse, is := errors.AsType[*csv.ParseError](err)
	if !is {
		return err
	}
	m := Mistake{Line: parse.Line, Key: "csv.quote", Number: len(c.columns), wrong: err.Error()}
	if errors.Is(err, csv.ErrFieldCount) {
		m.Line, m.Key = parse.StartLine, "csv.fields"
	}
	c.mistakes = append(c.mistakes, m)
	return c.mistakes
}

func (c *catalogue) add(line int, row []string, currency string) {
	field := func(column string) string { return unguardCell(row[slices.Index(c.columns, column)]) }
	at := func(column, key string, number int, wrong string, args ...any) {
		c.mistakes = append(c.mistakes, Mistake{line, column, key, field(column), number, fmt.Sprintf(wrong, args...)})
	}
	read := func(column string, most int, as func(string) string) string {
		value := field(column)
		if !utf8.ValidString(value) {
			at(column, "csv.encoding", 0, "is not UTF-8; save the file as \"CSV UTF-8\"")
		} else if value = as(value); utf8.RuneCountInString(value) > most {
			at(column, "csv.long", most, "at most %d characters", most)
		}
		return value
	}
	text := func(column string, most int) string { return read(column, most, OneLine) }
	lines := func(column string, most int) string { return read(column, most, Lines) }
	yes := func(column string) bool {
		value, err := strconv.ParseBool(field(column))
		if err != nil {
			at(column, "csv.bool", 0, "true or false, not %q", field(column))
		}
		return value
	}

	p := Product{
		Slug: read("slug", MaxSlug, strings.TrimSpace), Name: text("name", MaxName), Description: lines("description", MaxDescription),
		Image: text("product_image", 200), Active: yes("product_active"),
	}
	if len(c.languages) > 0 {
		p.Texts = Texts{}
	}
	for _, code := range c.languages {
		p.Texts[code] = ProductText{text(nameColumn+code, MaxName), lines(descriptionColumn+code, MaxDescription)}
	}
	if !validSlug(p.Slug) {
		at("slug", "csv.slug", 0, "lower-case letters, digits and hyphens, not %q", p.Slug)
	}
	v := Variant{
		SKU: read("sku", MaxSKU, strings.TrimSpace), Options: text("options", MaxOptions), Digital: yes("digital"),
		Delivery: lines("delivery", MaxDelivery), Image: text("image", 200), Active: yes("active"),
	}
	if len(c.options) > 0 {
		v.OptionTexts = Translations{}
	}
	for _, code := range c.options {
		v.OptionTexts[code] = text(optionsColumn+code, MaxOptions)
	}
	if !validSKU(v.SKU) {
		at("sku", "csv.sku", 0, "a name without blanks and without / ? # %%, not %q", v.SKU)
	} else if known, twice := c.skus[v.SKU]; twice {
		at("sku", "csv.sku_twice", known, "%q stands in line %d already", v.SKU, known)
	}
	price, err := ParseMoney(field("price"), currency)
	if err != nil {
		at("price", "csv.price", 0, "%v", err)
	} else if price.Amount <= 0 {
		at("price", "csv.free", 0, "must be more than nothing")
	}
	v.Price = price.Amount
	if stock := field("stock"); stock != "" {
		v.Counted = true
		if v.OnHand, err = strconv.ParseInt(stock, 10, 64); err != nil || !isDigits(stock) || v.OnHand > MaxStock {
			at("stock", "csv.stock", 0, "a whole number from 0, or empty where stock is not counted, not %q", stock)
		}
	}
	c.keep(line, p, v, at)
}

func (c *catalogue) keep(line int, p Product, v Variant, at func(column, key string, number int, wrong string, args ...any)) {
	c.skus[v.SKU] = line
	i, known := c.bySlug[p.Slug]
	if !known {
		if p.Name == "" {
			at("name", "csv.name", 0, "must not be empty")
		}
		i = len(c.products)
		c.bySlug[p.Slug] = i
		p.Position = i + 1
		c.products = append(c.products, p)
	}
	v.Position = len(c.products[i].Variants) + 1
	c.products[i].Variants = append(c.products[i].Variants, v)
}

package web

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"saoma/static"
)

// Asset answers an address under /static. The address names the content, so that browsers may
// keep it for ever; each form of it has a tag of its own.
func (b *Base) Asset(c *fiber.Ctx) error {
	file := cmp.Or(b.assets.Find(c.Path()), accentSheet(c.Path()))
	if file == nil {
		return fiber.ErrNotFound
	}
	c.Response().Header.Del("X-Robots-Tag") // pictures of articles may be found
	body, coding := encoded(file, c.Get(fiber.HeaderAcceptEncoding))
	etag := `"` + file.Hash + coding + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Vary(fiber.HeaderAcceptEncoding)
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, file.ContentType)
	if coding != "" {
		c.Set(fiber.HeaderContentEncoding, coding)
	}
	return c.Send(body)
}

// encoded returns the smallest form of the file that the browser takes, and the name of its coding, if it
// has one.
func encoded(file *static.File, accept string) (body []byte, coding string) {
	if file.Brotli == nil {
		return file.Body, ""
	}
	switch coding := codingFor(accept); coding {
	case brotli:
		return file.Brotli, coding
	case gzip:
		return file.Gzip, coding
	}
	return file.Body, ""
}

// Compress compresses what the handler behind it answers. It is for pages that are the same for
// everybody: beside words that somebody else has put into it, the size of a compressed page gives away
// what else is in it, such as a form's token.
func Compress(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	coding, response := codingFor(c.Get(fiber.HeaderAcceptEncoding)), c.Response()
	switch coding {
	case brotli:
		response.SetBodyRaw(fasthttp.AppendBrotliBytesLevel(nil, response.Body(), pageLevel))
	case gzip:
		response.SetBodyRaw(fasthttp.AppendGzipBytesLevel(nil, response.Body(), pageLevel))
	default:
		return nil
	}
	c.Set(fiber.HeaderContentEncoding, coding)
	return nil
}

// pageLevel is how hard a page is compressed while somebody waits for it.
const pageLevel = 4

// The codings, as HTTP names them.
const (
	brotli = "br"
	gzip   = "gzip"
)

// codingFor returns the best coding that a browser takes; empty where it takes none.
func codingFor(accept string) string {
	br, gz := wanted(accept, brotli), wanted(accept, gzip)
	switch {
	case br > 0 && br >= gz:
		return brotli
	case gz > 0:
		return gzip
	}
	return ""
}

// wanted returns how much a browser wants a coding, from 0, not at all, to 1, by the header Accept-Encoding.
// One that does not say so wants none.
func wanted(accept, coding string) float64 {
	var others float64
	for item := range strings.SplitSeq(accept, ",") {
		name, weight, weighed := strings.Cut(item, ";")
		q := 1.0
		if weighed {
			_, digits, _ := strings.Cut(weight, "=") // there is no other parameter
			q, _ = strconv.ParseFloat(strings.TrimSpace(digits), 64)
		}
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, coding):
			return q
		case name == "*":
			others = q
		}
	}
	return others
}

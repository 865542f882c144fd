package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Asset answers an address under /static. The address names the content, so that browsers may
// keep it for ever.
func (b *Base) Asset(c *fiber.Ctx) error {
	file := b.assets.Find(c.Path())
	if file == nil {
		return fiber.ErrNotFound
	}
	c.Response().Header.Del("X-Robots-Tag") // pictures of articles may be found
	c.Set(fiber.HeaderETag, file.ETag)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	c.Vary(fiber.HeaderAcceptEncoding)
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), file.ETag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, file.ContentType)
	asked := c.Get(fiber.HeaderAcceptEncoding) != "" // without the header Fiber takes anything for accepted
	if file.Gzip != nil && asked && c.AcceptsEncodings("gzip") == "gzip" {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(file.Gzip)
	}
	return c.Send(file.Body)
}

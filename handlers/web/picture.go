package web

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// Picture is a picture of an article as a page shows it:
//
//	<img src="{{.Address}}"{{with .Sources}} srcset="{{.}}" sizes="…"{{end}} width="{{.Width}}" height="{{.Height}}">
//
// so that a browser takes the size it needs and nothing moves when it comes.
type Picture struct {
	Address       string
	Sources       string // the sizes there are; empty when there is but one
	Width, Height int
}

// mediumWidth is what browsers get that do not choose.
const mediumWidth = 640

// Picture returns the picture that a product or a variant names; a stand-in where there is none.
func (p Page) Picture(name string) Picture {
	uploaded, is := models.ParsePictureName(name)
	if !is {
		return Picture{Address: p.Image(name), Width: 640, Height: 480}
	}
	var sources []string
	shown := Picture{}
	for _, width := range uploaded.Widths() {
		address := mediaAddress(uploaded.Hash, width)
		sources = append(sources, fmt.Sprintf("%s %dw", address, width))
		if shown.Address == "" || width <= mediumWidth {
			height := (uploaded.Height*width + uploaded.Width/2) / uploaded.Width
			shown = Picture{Address: address, Width: width, Height: max(height, 1)}
		}
	}
	if len(sources) > 1 {
		shown.Sources = strings.Join(sources, ", ")
	}
	return shown
}

const mediaPath = "/media/"

func mediaAddress(hash string, width int) string {
	return mediaPath + hash + "-" + strconv.Itoa(width) + ".jpg"
}

// Media answers the address of an uploaded picture. The address names the content, so that browsers may
// keep it for ever; nobody asks the database for what the browser has.
func (b *Base) Media(c *fiber.Ctx) error {
	file, isJPEG := strings.CutSuffix(c.Params("file"), ".jpg")
	hash, digits, _ := strings.Cut(file, "-")
	width, err := strconv.Atoi(digits)
	if err != nil || !isJPEG || c.Path() != mediaAddress(hash, width) {
		return fiber.ErrNotFound
	}
	etag := `"` + file + `"`
	if !strings.Contains(c.Get(fiber.HeaderIfNoneMatch), etag) {
		body, err := b.Store.PictureBody(c.UserContext(), hash, width)
		if err != nil {
			return err
		}
		c.Set(fiber.HeaderContentType, "image/jpeg")
		c.Response().SetBodyRaw(body)
	} else {
		c.Status(fiber.StatusNotModified)
	}
	c.Response().Header.Del("X-Robots-Tag") // pictures of articles may be found
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	return nil
}

package web

import (
	"cmp"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// noIndex is what every answer carries but those that Publish frees: nothing is found by strangers
// unless it is meant to be.
const noIndex = "noindex, nofollow"

// describedIn is how many letters of a description are shown where pages are found and shared.
const describedIn = 160

// Publish makes the page one that search engines keep and that looks well where it is shared: under
// an address of the shop, a path, with a description and a picture as Page.Picture takes it.
func (p *Page) Publish(c *fiber.Ctx, address, description, picture string) {
	c.Response().Header.Del("X-Robots-Tag")
	p.Canonical = p.PublicURL + address
	p.Description = shorten(description)
	p.Shared = p.PublicURL + p.sharedPicture(picture)
}

// sharedPicture returns the address of a picture of a kind that is shown beside links, which SVG is
// not: those of ours have a PNG beside them.
func (p *Page) sharedPicture(name string) string {
	if address := p.Picture(name).Address; path.Ext(address) != ".svg" {
		return address
	}
	drawn := strings.TrimSuffix(name, ".svg") + ".png"
	return cmp.Or(p.base.assets.Address("images/"+drawn), p.base.assets.Address("images/share.png"))
}

// shorten returns the beginning of a text on one line, cut between words.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	letters := []rune(text)
	if len(letters) <= describedIn {
		return text
	}
	cut := string(letters[:describedIn])
	if space := strings.LastIndex(cut, " "); space > len(cut)/2 { // Chinese and Japanese have none
		cut = cut[:space]
	}
	return cut + "…"
}

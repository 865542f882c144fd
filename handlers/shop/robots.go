package shop

import (
	"encoding/xml"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// robots keeps crawlers from pages that are nobody's. Orders are not named here on purpose: a crawler
// that may not read an order's page would not learn that it must not list its address, either.
const robots = `User-agent: *
Disallow: /cart
Disallow: /checkout
Disallow: /sandbox

Sitemap: `

// mapMost is how many addresses one site map may hold.
const mapMost = 50_000

// publicFor is how long copies of what is for everybody may be kept.
const publicFor = "public, max-age=3600"

// ShowRobots tells crawlers what there is to read.
func (p *Pages) ShowRobots(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, publicFor)
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return c.SendString(robots + p.base.Config.PublicURL + "/sitemap.xml\n")
}

// siteMap is the form of sitemaps.org.
type siteMap struct {
	XMLName xml.Name   `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	Places  []mapPlace `xml:"url"`
}

type mapPlace struct {
	Address string `xml:"loc"`
	Changed string `xml:"lastmod,omitempty"`
}

// ShowSiteMap lists the pages that are to be found.
func (p *Pages) ShowSiteMap(c *fiber.Ctx) error {
	products, err := p.store.Shelf(c.UserContext(), mapMost-1-len(models.ShopPages))
	if err != nil {
		return err
	}
	sites := siteMap{Places: []mapPlace{{Address: p.base.Config.PublicURL + "/"}}}
	for _, name := range models.ShopPages {
		if text, _ := p.base.ShopText(p.base.Language(c), name); text != "" {
			sites.Places = append(sites.Places, mapPlace{Address: p.base.Config.PublicURL + textPath(name)})
		}
	}
	for _, product := range products {
		sites.Places = append(sites.Places, mapPlace{
			p.base.Config.PublicURL + productPath(product.Slug), product.UpdatedAt.UTC().Format("2006-01-02"),
		})
	}
	body, err := xml.Marshal(sites)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, publicFor)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationXMLCharsetUTF8)
	return c.SendString(xml.Header + string(body))
}

func productPath(slug string) string { return "/products/" + url.PathEscape(slug) }
func textPath(name string) string    { return "/pages/" + name }

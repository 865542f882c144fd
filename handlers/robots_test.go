package handlers

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"regexp"
	"slices"
	"strings"
	"testing"

	"saoma/models"
	"saoma/models/modelstest"
)

const publicURL = "http://localhost:8080"

var sharedPicture = regexp.MustCompile(`<meta property="og:image" content="([^"]+)">`)

// TestSiteMap reads every page of the site map: each is to be found under the address that it names
// itself, and has a picture that wallets and messengers show.
func TestSiteMap(t *testing.T) {
	s := newShop(t)
	modelstest.Set(t, s.store, models.SetText("terms", "en"), "Be kind.")
	b := s.browse(desktop)
	robots := b.get("/robots.txt")
	robots.check(t, "robots.txt", 200, "", []string{"Sitemap: " + publicURL + "/sitemap.xml"}, []string{"/o/", "/admin"})

	var listed struct {
		Places []struct {
			Address string `xml:"loc"`
		} `xml:"url"`
	}
	answer := b.get("/sitemap.xml")
	if err := xml.Unmarshal([]byte(answer.body), &listed); err != nil {
		t.Fatalf("%v in %s", err, answer.body)
	}
	var addresses []string
	for _, place := range listed.Places {
		addresses = append(addresses, place.Address)
		path := strings.TrimPrefix(place.Address, publicURL)
		page := b.get(path)
		page.check(t, path, 200, "", []string{
			`<link rel="canonical" href="` + place.Address + `">`, `<meta name="description" content="`, `<meta property="og:title"`,
		}, []string{"noindex"})
		if got := page.header.Get("X-Robots-Tag"); got != "" {
			t.Errorf("%s: got X-Robots-Tag %q, want none", path, got)
		}
		picture := sharedPicture.FindStringSubmatch(page.body)
		if picture == nil {
			t.Fatalf("%s: no picture to share in\n%s", path, page.body)
		}
		drawn, err := png.Decode(bytes.NewReader([]byte(b.get(strings.TrimPrefix(picture[1], publicURL)).body)))
		if err != nil {
			t.Fatalf("%s: picture %s: %v", path, picture[1], err)
		}
		if size := drawn.Bounds().Size(); size.X < 300 || size.Y < 300 {
			t.Errorf("%s: picture of %v, want at least 300 by 300", path, size)
		}
	}
	for _, want := range []string{"/", "/products/tea-set", "/products/e-book", "/pages/terms"} {
		if !slices.Contains(addresses, publicURL+want) {
			t.Errorf("site map: got %q, want %s in it", addresses, want)
		}
	}
}

func TestPagesThatNobodyFinds(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	for _, path := range []string{"/cart", "/checkout", "/orders", "/nothing", "/products/nothing", "/admin", "/admin/login", "/o/nothing"} {
		page := b.get(path)
		if got := page.header.Get("X-Robots-Tag"); got != "noindex, nofollow" {
			t.Errorf("%s (%d): got X-Robots-Tag %q", path, page.status, got)
		}
		if strings.Contains(page.body, "<html") && !strings.Contains(page.body, `<meta name="robots" content="noindex, nofollow">`) {
			t.Errorf("%s: the page does not say noindex", path)
		}
	}
}

// TestProductForPrograms reads what a product page says to search engines.
func TestProductForPrograms(t *testing.T) {
	s := newShop(t)
	s.set("art-print", "PRINT", 36000, 0)
	s.browse(desktop).get("/products/tea-set").check(t, "tea-set", 200, "", []string{
		`itemtype="https://schema.org/Product"`, `<meta itemprop="name" content="Tea set">`, `itemprop="description"`,
		`<meta itemprop="price" content="128.50">`, `<meta itemprop="priceCurrency" content="CNY">`,
		`<link itemprop="availability" href="https://schema.org/InStock">`, `<meta itemprop="sku" content="TEA-SET">`,
	}, []string{"OutOfStock", "ld+json"})
	s.browse(desktop).get("/products/art-print").check(t, "art-print", 200, "", []string{
		`<link itemprop="availability" href="https://schema.org/OutOfStock">`,
	}, []string{"InStock"})
}

var (
	anyPicture = regexp.MustCompile(`<img [^>]*>`)
	anySource  = regexp.MustCompile(`<(?:img|script|link rel="(?:stylesheet|icon)")[^>]* (?:src|srcset|href)="([^"]+)"`)
)

// TestPagesLoadNothingFromElsewhere reads what pages make a browser load: all of it is the shop's own, and
// a picture has its size, so that nothing moves when it comes.
func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.fill("tea-set", "TEA-SET", "1")
	for _, path := range []string{"/", "/products/tea-set", "/cart", "/checkout", "/orders", "/nothing", "/admin/login"} {
		body := b.get(path).body
		loads := anySource.FindAllStringSubmatch(body, -1)
		if len(loads) == 0 {
			t.Errorf("%s loads nothing:\n%s", path, body)
		}
		for _, load := range loads {
			if !strings.HasPrefix(load[1], "/") || strings.HasPrefix(load[1], "//") {
				t.Errorf("%s loads %q", path, load[1])
			}
		}
		for _, picture := range anyPicture.FindAllString(body, -1) {
			if !strings.Contains(picture, ` width="`) || !strings.Contains(picture, ` height="`) {
				t.Errorf("%s has a picture without its size: %s", path, picture)
			}
		}
	}
}

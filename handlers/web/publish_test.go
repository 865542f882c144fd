package web

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"saoma/models/modelstest"
)

func TestSharedPicture(t *testing.T) {
	b := newBase(t, testConfig(), modelstest.New(t))
	page := Page{base: b}
	for picture, want := range map[string]string{
		"tea-set.svg": b.assets.Address("images/tea-set.png"),
		"share.png":   b.assets.Address("images/share.png"),
		"":            b.assets.Address("images/share.png"),
		"icon.svg":    b.assets.Address("images/share.png"), // which has no PNG beside it
		"unknown.svg": b.assets.Address("images/share.png"),
		"film.webp":   b.assets.Address("images/share.png"),
	} {
		if got := page.sharedPicture(picture); got != want || want == "" {
			t.Errorf("sharedPicture(%q): got %q, want %q", picture, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"short", "A cup.", "A cup."},
		{"nothing", " \n ", ""},
		{"lines", "A  cup.\n\nBlue.", "A cup. Blue."},
		{"as long as may be", strings.Repeat("x", 160), strings.Repeat("x", 160)},
		{"between words", strings.Repeat("word ", 40), strings.Repeat("word ", 31) + "word…"},
		{"without words", strings.Repeat("茶", 200), strings.Repeat("茶", 160) + "…"},
		{"one space far ahead", "a " + strings.Repeat("x", 200), "a " + strings.Repeat("x", 158) + "…"},
	}
	for _, tt := range tests {
		if got := shorten(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOnlyPublishedPagesAreFound(t *testing.T) {
	b := newBase(t, testConfig(), modelstest.New(t))
	app := newApp(b, func(c *fiber.Ctx) error {
		page := b.Page(c, "cart.title")
		if c.Path() == "/published" {
			page.Publish(c, "/published", `Cups & "more"`, "")
		}
		return b.Render(c, "error", struct {
			Page
			Heading, Advice, Next, NextText, RequestID string
		}{Page: page})
	})
	resp, body := do(t, app, visit{target: "/published?utm=1"})
	if got := resp.Header.Get("X-Robots-Tag"); got != "" || strings.Contains(body, "noindex") {
		t.Errorf("published: got X-Robots-Tag %q", got)
	}
	for _, want := range []string{
		`<link rel="canonical" href="` + testConfig().PublicURL + `/published">`, `content="Cups &amp; &#34;more&#34;"`,
		`<meta property="og:image" content="` + testConfig().PublicURL + `/static/images/share.`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("published: want %q in\n%s", want, body)
		}
	}
	resp, body = do(t, app, visit{target: "/other"})
	if got := resp.Header.Get("X-Robots-Tag"); got != "noindex, nofollow" || !strings.Contains(body, `<meta name="robots" content="noindex, nofollow">`) {
		t.Errorf("other: got X-Robots-Tag %q and\n%s", got, body)
	}
	if strings.Contains(body, "canonical") || strings.Contains(body, "og:") {
		t.Errorf("other: got something to share in\n%s", body)
	}
}

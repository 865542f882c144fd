package web

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/template/html/v2"

	"saoma/static"
)

// templates are all page files, each joined with the partials it names, ready to execute.
//
// The engine parses; it does not execute, since it holds one lock for a whole page and can hand
// one request the body of another. A parsed template needs no lock.
type templates struct {
	byName map[string]*htmltemplate.Template
}

func loadTemplates(files fs.FS, assets *static.Files) (*templates, error) {
	engine := html.NewFileSystem(http.FS(files), ".html")
	engine.AddFunc("asset", func(name string) (string, error) {
		if address := assets.Address(name); address != "" {
			return address, nil
		}
		return "", fmt.Errorf("no asset %q", name)
	})
	if err := engine.Load(); err != nil {
		return nil, fmt.Errorf("load templates: %w", err)
	}
	ts := &templates{byName: map[string]*htmltemplate.Template{}}
	for _, t := range engine.Templates.Templates() {
		if err := escapes(t); err != nil {
			return nil, fmt.Errorf("load template %s: %w", t.Name(), err)
		}
		ts.byName[t.Name()] = t
	}
	return ts, nil
}

// escapes makes the template ready: html/template finds out where each value stands when it is
// first executed. That it stops for want of a page is no mistake.
func escapes(t *htmltemplate.Template) error {
	if mistake, ok := errors.AsType[*htmltemplate.Error](t.Execute(io.Discard, nil)); ok {
		return mistake
	}
	return nil
}

// Write writes the template of that name, given the page. One that fails has written a part.
func (b *Base) Write(w io.Writer, name string, page any) error {
	t := b.templates.byName[name]
	if t == nil {
		return fmt.Errorf("no template %q", name)
	}
	if err := t.Execute(w, page); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	return nil
}

// Render answers with the template of that name, given the page. Nothing of a page that fails
// halfway is sent.
func (b *Base) Render(c *fiber.Ctx, name string, page any) error {
	if err := b.Write(c.Response().BodyWriter(), name, page); err != nil {
		c.Response().ResetBody()
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Vary(fiber.HeaderCookie, fiber.HeaderAcceptLanguage, fiber.HeaderUserAgent)
	if len(c.Response().Header.Peek(fiber.HeaderCacheControl)) == 0 {
		c.Set(fiber.HeaderCacheControl, "private, no-cache")
	}
	return nil
}

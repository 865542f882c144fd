package static

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	brrr "github.com/molecule-man/go-brrr"
)

func TestLoad(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range all.byName {
		if all.Address(name) != file.Address || all.Find(file.Address) != file {
			t.Errorf("%s is not found again at %s", name, file.Address)
		}
		if len(file.Body) == 0 || file.ContentType == "" || !strings.Contains(file.Address, file.Hash) {
			t.Errorf("%s: got %d bytes, type %q, address %s, hash %s", name, len(file.Body), file.ContentType, file.Address, file.Hash)
		}
		if path.Ext(name) == ".png" {
			continue
		}
		gz, err := gzip.NewReader(bytes.NewReader(file.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		for form, plain := range map[string]io.Reader{"gzip": gz, "Brotli": brrr.NewReader(bytes.NewReader(file.Brotli))} {
			if plain, err := io.ReadAll(plain); err != nil || !bytes.Equal(plain, file.Body) {
				t.Errorf("%s: its bytes in %s are others: %v", name, form, err)
			}
		}
		if len(file.Gzip) >= len(file.Body) || len(file.Brotli) >= len(file.Gzip) {
			t.Errorf("%s: got %d bytes, gzip %d, Brotli %d, want each smaller", name, len(file.Body), len(file.Gzip), len(file.Brotli))
		}
	}
	if got := all.Address("nothing.css"); got != "" {
		t.Errorf("Address of nothing: got %q, want nothing", got)
	}
}

// What is printed is on white paper, whatever the screen is.
func TestDarkIsForScreens(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	const dark, onScreens = "(prefers-color-scheme: dark)", "@media screen and (prefers-color-scheme: dark)"
	rules := 0
	for name, file := range all.byName {
		if path.Ext(name) == ".css" {
			rules += bytes.Count(file.Body, []byte(onScreens))
			if bytes.Count(file.Body, []byte(dark)) != bytes.Count(file.Body, []byte(onScreens)) {
				t.Errorf("%s has dark colours in print", name)
			}
		}
	}
	if rules == 0 {
		t.Error("there are no dark colours")
	}
}

// TestPictures reads every picture: it is well-formed and draws no text, whose font would be
// another on each machine, and loads nothing.
func TestPictures(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range all.byName {
		if !strings.HasSuffix(name, ".svg") {
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(file.Body))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			if e, ok := token.(xml.StartElement); ok && (e.Name.Local == "text" || e.Name.Local == "script" || e.Name.Local == "image") {
				t.Errorf("%s has an element %s", name, e.Name.Local)
			}
		}
	}
}

package static

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
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
		if len(file.Body) == 0 || file.ContentType == "" || !strings.Contains(file.Address, strings.Trim(file.ETag, `"`)) {
			t.Errorf("%s: got %d bytes, type %q, address %s, tag %s", name, len(file.Body), file.ContentType, file.Address, file.ETag)
		}
		if file.Gzip == nil {
			continue
		}
		r, err := gzip.NewReader(bytes.NewReader(file.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, file.Body) {
			t.Errorf("%s: compressed bytes are others: %v", name, err)
		}
	}
	if got := all.Address("nothing.css"); got != "" {
		t.Errorf("Address of nothing: got %q, want nothing", got)
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

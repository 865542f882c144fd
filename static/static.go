// Package static holds the pages' style sheet, scripts and pictures, and gives each an address
// that changes with its content.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed *.css *.js images
var files embed.FS

// contentTypes are the kinds of file that are served.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png",
	".ico": "image/x-icon",
}

// File is one asset.
type File struct {
	Address     string // /static/name.hash.ext
	ContentType string
	ETag        string
	Body        []byte
	Gzip        []byte // Body compressed; nil when that saves nothing
}

// Files are all assets. They are never changed.
type Files struct {
	byName    map[string]*File
	byAddress map[string]*File
}

// Load hashes and compresses every asset.
func Load() (*Files, error) {
	all := &Files{byName: map[string]*File{}, byAddress: map[string]*File{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || contentTypes[path.Ext(name)] == "" {
			return err
		}
		file, err := load(name)
		if err != nil {
			return fmt.Errorf("asset %s: %w", name, err)
		}
		all.byName[name], all.byAddress[file.Address] = file, file
		return nil
	})
	return all, err
}

// Address returns the address of the asset with that name, such as "images/cup.svg"; empty
// when there is none.
func (f *Files) Address(name string) string {
	if file := f.byName[name]; file != nil {
		return file.Address
	}
	return ""
}

// Find returns the asset at an address, nil when there is none.
func (f *Files) Find(address string) *File { return f.byAddress[address] }

func load(name string) (*File, error) {
	body, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:6])
	ext := path.Ext(name)
	file := &File{
		Address:     "/static/" + strings.TrimSuffix(name, ext) + "." + hash + ext,
		ContentType: contentTypes[ext],
		ETag:        `"` + hash + `"`,
		Body:        body,
	}
	file.Gzip, err = compress(body)
	return file, err
}

func compress(body []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if out.Len() >= len(body) {
		return nil, nil
	}
	return out.Bytes(), nil
}

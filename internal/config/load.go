package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Source is where the configuration comes from.
type Source struct {
	File    string   // the file to read. Empty: config.yaml in the working directory, or else Builtin
	Builtin []byte   // the config.yaml inside the binary
	Environ []string // as os.Environ returns it; SAOMA_ variables beat the file
}

// Load reads and checks the configuration. When anything is wrong, the error is one message
// that names every mistake, its place, and what is allowed there.
func Load(src Source) (*Config, error) {
	name, text, err := src.read()
	if err != nil {
		return nil, err
	}
	root, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not readable as YAML: %w", name, err)
	}
	c, m := defaults(), &mistakes{origins: map[string]string{}}
	reader{mistakes: m, file: name}.read("", root, reflect.ValueOf(c).Elem())
	readEnvironment(m, c, src.Environ)
	c.PublicURL = strings.ToLower(strings.TrimSuffix(c.PublicURL, "/"))
	c.Gateways.ScanForPay.BaseURL = strings.TrimSuffix(c.Gateways.ScanForPay.BaseURL, "/")
	c.Gateways.Pass2Pay.BaseURL = strings.TrimSuffix(c.Gateways.Pass2Pay.BaseURL, "/")
	check(m, c)
	if err := m.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// read returns the text of the file and the name to call it by.
func (src Source) read() (name string, text []byte, err error) {
	if src.File != "" {
		text, err = os.ReadFile(src.File)
		return src.File, text, err
	}
	text, err = os.ReadFile("config.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return "the built-in config.yaml", src.Builtin, nil
	}
	return "config.yaml", text, err
}

// parse returns the root of the one document in the text, a null when it holds none.
func parse(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, next yaml.Node
	err := decoder.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, nil
	case err != nil && strings.Contains(err.Error(), "unknown anchor"):
		// The parser's own words would repeat a credential that begins with an asterisk.
		return nil, errors.New("a value that begins with * must stand in quotes")
	case err != nil:
		return nil, err
	}
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, errors.New("it must be one document, without a line of --- in it")
	}
	return doc.Content[0], nil
}

// reader copies YAML into the configuration. It goes by the struct's own tags and knows the
// path and line of everything, which the YAML package's errors do not tell.
type reader struct {
	*mistakes
	file     string // the name of the file, when it reads one
	variable string // the name of the variable, when it reads one
}

func (r reader) read(path string, node *yaml.Node, v reflect.Value) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	r.origins[path] = r.place(node)
	switch v.Kind() {
	case reflect.Struct:
		r.section(path, node, v)
	case reflect.Slice:
		r.list(path, node, v)
	default:
		r.value(path, node, v)
	}
}

func (r reader) place(node *yaml.Node) string {
	if r.variable != "" {
		return r.variable
	}
	return fmt.Sprintf("%s, line %d", r.file, node.Line)
}

// section reads the keys of a mapping. One that is there but empty keeps its defaults.
func (r reader) section(path string, node *yaml.Node, v reflect.Value) {
	if isNull(node) {
		return
	}
	if node.Kind != yaml.MappingNode {
		r.add(path, "must be a section with the keys %s", listed(keys(v)))
		return
	}
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		below := join(path, key.Value)
		at := slices.Index(keys(v), key.Value)
		switch {
		case at < 0:
			r.origins[below] = r.place(key)
			r.add(below, "is not a key; those that may stand here are %s", listed(keys(v)))
		case seen[key.Value]:
			r.add(below, "is set again in line %d; keep one", key.Line)
		default:
			seen[key.Value] = true
			r.read(below, value, v.Field(at))
		}
	}
}

func (r reader) list(path string, node *yaml.Node, v reflect.Value) {
	if node.Kind != yaml.SequenceNode && !isNull(node) {
		r.add(path, "must be a list, such as [one, two] or []")
		return
	}
	maps.DeleteFunc(r.origins, func(below, _ string) bool { return strings.HasPrefix(below, path+"[") })
	items := reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		r.read(row(path, i), item, items.Index(i))
	}
	v.Set(items)
}

func (r reader) value(path string, node *yaml.Node, v reflect.Value) {
	if node.Kind != yaml.ScalarNode {
		r.add(path, "must be a single value")
		return
	}
	text := node.Value
	if isNull(node) {
		text = ""
	}
	if err := set(v, text); err != nil {
		r.add(path, "%v", err)
	}
}

// set gives the text to a field, in the field's own notation.
func set(v reflect.Value, text string) error {
	switch field := v.Addr().Interface().(type) {
	case *string:
		*field = text
	case *Secret:
		*field = Secret(text)
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q must be true or false", text)
		}
		*field = b
	case *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q must be a whole number", text)
		}
		*field = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q must be a time in hours, minutes and seconds, such as 12h, 15m or 1m30s", text)
		}
		*field = d
	default:
		panic(fmt.Sprintf("config: no notation for %T", field))
	}
	return nil
}

// keys returns the names of a section's keys, in the order of its fields.
func keys(section reflect.Value) []string {
	names := make([]string, section.NumField())
	for i := range names {
		names[i] = section.Type().Field(i).Tag.Get("yaml")
	}
	return names
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

func join(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// row names an item of a list, counting from 1 as people count rows.
func row(path string, i int) string { return fmt.Sprintf("%s[#%d]", path, i+1) }

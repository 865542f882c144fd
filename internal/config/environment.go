package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readEnvironment puts the SAOMA_ variables over the file.
func readEnvironment(m *mistakes, c *Config, environ []string) {
	fields := map[string]field{}
	for _, f := range fieldsOf("", reflect.ValueOf(c).Elem()) {
		fields[f.variable()] = f
	}
	given := ours(environ)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		plain := strings.TrimSuffix(name, "_FILE")
		f, known := fields[plain]
		if !known {
			m.add(name, "is not the name of a key; names are SAOMA_ and the key's path in capitals, such as SAOMA_SHOP_CURRENCY")
			continue
		}
		m.origins[f.path] = name
		_, twice := given[plain]
		if name != plain && twice {
			m.add(f.path, "%s and %s are both set; keep one", plain, name)
			continue
		}
		node, err := f.node(given[name], name != plain)
		if err != nil {
			m.add(f.path, "%v", err)
			continue
		}
		reader{mistakes: m, variable: name}.read(f.path, node, f.value)
	}
}

// ours returns the variables that are meant as configuration.
func ours(environ []string) map[string]string {
	set := map[string]string{}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "SAOMA_") && !strings.HasPrefix(name, "SAOMA_TEST_") && !fromKubernetes(name, value) {
			set[name] = value
		}
	}
	return set
}

var serviceVariable = regexp.MustCompile(`_SERVICE_(HOST|PORT)(_|$)|_PORT_[0-9]+_(TCP|UDP|SCTP)(_|$)`)

// fromKubernetes recognizes the variables with which Kubernetes announces a service called
// saoma to every container. Nobody set them on purpose.
func fromKubernetes(name, value string) bool {
	return serviceVariable.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}

// fileText returns what the file holds, without one line end. Its error leaves out the file's
// name, which is a credential when somebody has mixed up NAME and NAME_FILE.
func fileText(name string) (string, error) {
	text, err := os.ReadFile(name)
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return "", fmt.Errorf("the file cannot be read: %w", pathError.Err)
	}
	return string(withoutNewline(text)), err
}

// field is one key of the configuration that has a value of its own.
type field struct {
	path  string
	value reflect.Value
}

// fieldsOf lists the keys under v, in the order of config.yaml.
func fieldsOf(path string, v reflect.Value) []field {
	var fields []field
	for i, key := range keys(v) {
		below, value := join(path, key), v.Field(i)
		if value.Kind() == reflect.Struct {
			fields = append(fields, fieldsOf(below, value)...)
		} else {
			fields = append(fields, field{below, value})
		}
	}
	return fields
}

// variable returns the name of the variable that sets the field.
func (f field) variable() string {
	return "SAOMA_" + strings.ToUpper(strings.ReplaceAll(f.path, ".", "_"))
}

// node returns the text of a variable, or of the file it names, as YAML: a value as it stands,
// a list from YAML's own notation, or for a list of words from words with commas between.
func (f field) node(text string, isFile bool) (*yaml.Node, error) {
	if isFile {
		var err error
		if text, err = fileText(text); err != nil {
			return nil, err
		}
	}
	if f.value.Kind() != reflect.Slice {
		return textNode(text), nil
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return list, nil
	}
	if f.value.Type().Elem().Kind() == reflect.String && !strings.HasPrefix(trimmed, "[") {
		for word := range strings.SplitSeq(trimmed, ",") {
			list.Content = append(list.Content, textNode(strings.TrimSpace(word)))
		}
		return list, nil
	}
	node, err := parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("is not readable as a YAML list: %w", err)
	}
	return node, nil
}

func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// mistakes collects what is wrong. No mistake repeats the value of a Secret.
type mistakes struct {
	lines   []string
	origins map[string]string // the path of a key or section → where it stands
}

// add notes a mistake at a key, or in the whole file when the path is empty. The text says what
// is wrong and what is allowed.
func (m *mistakes) add(path, format string, args ...any) {
	line := cmp.Or(path, "the file") + ": " + fmt.Sprintf(format, args...)
	if origin := m.origin(path); origin != "" {
		line += " (" + origin + ")"
	}
	m.lines = append(m.lines, line)
}

// origin returns the place of a key, or of the nearest section or row around one that is absent.
func (m *mistakes) origin(path string) string {
	for path != "" {
		if origin := m.origins[path]; origin != "" {
			return origin
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return ""
}

// oneOf notes a value that is not among the allowed ones.
func (m *mistakes) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		m.add(path, "%q must be one of %s", value, listed(allowed))
	}
}

// err returns all mistakes as one error, nil when there is none.
func (m *mistakes) err() error {
	switch len(m.lines) {
	case 0:
		return nil
	case 1:
		return errors.New("the configuration is wrong at " + m.lines[0])
	}
	return fmt.Errorf("the configuration has %d mistakes:\n  %s", len(m.lines), strings.Join(m.lines, "\n  "))
}

func listed(words []string) string { return strings.Join(words, ", ") }

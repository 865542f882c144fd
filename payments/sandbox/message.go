package sandbox

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// member is one named value of a message. The value is a string, an int64 or a json.RawMessage.
type member struct {
	name  string
	value any
}

// message is a flat object that a gateway sends, in the order in which it stands on the wire.
type message []member

// has reports whether one of the names occurs.
func (m message) has(names ...string) bool {
	return slices.ContainsFunc(m, func(f member) bool { return slices.Contains(names, f.name) })
}

// with returns the message with the value of every one of the names that occurs replaced.
func (m message) with(value any, names ...string) message {
	return m.mapped(func(f member) any {
		if slices.Contains(names, f.name) {
			return value
		}
		return f.value
	})
}

// mapped returns the message with each value replaced by what f makes of it.
func (m message) mapped(f func(member) any) message {
	changed := slices.Clone(m)
	for i := range changed {
		changed[i].value = f(changed[i])
	}
	return changed
}

// renamed returns the message with a member called otherwise.
func (m message) renamed(from, to string) message {
	changed := slices.Clone(m)
	for i := range changed {
		if changed[i].name == from {
			changed[i].name = to
		}
	}
	return changed
}

// withoutEmpty returns the message without the members whose value is an empty string.
func (m message) withoutEmpty() message {
	return slices.DeleteFunc(slices.Clone(m), func(f member) bool { return f.value == "" })
}

// text is a member's value as it is signed by Pass2Pay and written into a form.
func (f member) text() string {
	switch v := f.value.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case json.RawMessage:
		return string(v)
	}
	panic("sandbox: member " + f.name + " has a value of no known type")
}

// json writes the message as compact JSON, in its order, with nothing escaped that need not be.
func (m message) json() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range m {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(f.name))
		b.WriteByte(':')
		if s, ok := f.value.(string); ok {
			b.Write(quote(s))
		} else {
			b.WriteString(f.text())
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quote writes a JSON string. The standard library's default would also escape &, < and >.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

package payments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// StrictObject reads one JSON object into its members, each value exactly as its bytes stand in
// raw. It refuses what two readers could understand differently: two members with one name or
// with names that differ only in case (encoding/json takes either for the other, and knows "ſ"
// as a small s), bytes that are not UTF-8, and anything after the object. It looks at one level:
// a value that is an object is read by calling StrictObject again. Errors quote no values.
func StrictObject(raw []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(raw) {
		return nil, errors.New("not one whole JSON value")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	members := make(map[string]json.RawMessage)
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // json.Valid saw to it that names are strings
		folded := strings.Map(foldRune, name)
		if seen[folded] {
			return nil, fmt.Errorf("member %.40q occurs twice", name)
		}
		seen[folded] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		members[name] = value
	}
	return members, nil
}

// foldRune maps all cases of a letter to one rune, in the same way as strings.EqualFold.
func foldRune(r rune) rune {
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return first
}

// StrictText returns the text of a JSON string, or a whole number as it is written. Anything
// else, null included, is an error.
func StrictText(value json.RawMessage) (string, error) {
	if len(value) > 0 && value[0] == '"' {
		var text string
		err := json.Unmarshal(value, &text)
		return text, err
	}
	text := string(value)
	if !wholeNumber(text) {
		return "", errors.New("neither a string nor a whole number")
	}
	return text, nil
}

// StrictInteger returns a whole number that is written in plain digits, as a JSON number or in a
// JSON string: 12850 or "12850", but not 12850.0, 1e4, "012850" or "12850 ".
func StrictInteger(value json.RawMessage) (int64, error) {
	text, err := StrictText(value)
	if err != nil || !wholeNumber(text) {
		return 0, errors.New("not a whole number")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, errors.New("whole number out of range")
	}
	return n, nil
}

// wholeNumber reports whether the text is an integer written in the one plain way.
func wholeNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || digits[0] == '0' && text != "0" {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

package models

import (
	"regexp"
	"strings"
)

// formula is how a cell begins that a spreadsheet may take for one, in the full-width signs of Chinese
// and Japanese ones too, or that GuardCell has changed.
var formula = regexp.MustCompile(`^'*[=+\-@\t\r＝＋－＠]`)

// GuardCell returns the text of a cell as no spreadsheet takes it for a formula: with an apostrophe
// before what looks like one. A catalogue file is read without it.
func GuardCell(text string) string {
	if formula.MatchString(text) {
		return "'" + text
	}
	return text
}

// unguardCell returns the text that GuardCell was given.
func unguardCell(text string) string {
	if strings.HasPrefix(text, "'") && formula.MatchString(text) {
		return text[1:]
	}
	return text
}

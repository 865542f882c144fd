package payments

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStrictObject(t *testing.T) {
	tests := []struct {
		name string
		raw  string
		want map[string]json.RawMessage // nil: refused
	}{
		{"empty", ` {} `, map[string]json.RawMessage{}},
		{"values keep their bytes", "{ \"a\" : {\"x\": 1.0,\n \"u\":\"\\/\\u4e2d\"} ,\"b\":\"} \\\"\",\"c\":null}", map[string]json.RawMessage{
			"a": json.RawMessage("{\"x\": 1.0,\n \"u\":\"\\/\\u4e2d\"}"), "b": json.RawMessage(`"} \""`), "c": json.RawMessage("null"),
		}},
		{"names are exact", `{" a ":1,"a":2}`, map[string]json.RawMessage{" a ": json.RawMessage("1"), "a": json.RawMessage("2")}},
		{"duplicates below are not looked at", `{"a":{"b":1,"b":2}}`, map[string]json.RawMessage{"a": json.RawMessage(`{"b":1,"b":2}`)}},
		{"duplicate", `{"a":1,"a":1}`, nil},
		{"duplicate by escape", `{"a":1,"\u0061":1}`, nil},
		{"case variant", `{"status":1,"Status":0}`, nil},
		{"long s", `{"status":1,"ſtatus":0}`, nil},
		{"Kelvin sign", "{\"key\":1,\"\u212aey\":0}", nil},
		{"Kelvin sign escaped", `{"key":1,"\u212aey":0}`, nil},
		{"Greek sigma", `{"σ":1,"ς":0}`, nil},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", nil},
		{"byte order mark", "\ufeff{}", nil},
		{"trailing data", `{"a":1}x`, nil},
		{"two objects", `{"a":1}{}`, nil},
		{"cut off", `{"a":1`, nil},
		{"trailing comma", `{"a":1,}`, nil},
		{"array", `[]`, nil},
		{"string", `"{}"`, nil},
		{"null", `null`, nil},
		{"nothing", ``, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := StrictObject([]byte(tt.raw))
			if (err != nil) != (tt.want == nil) {
				t.Fatalf("StrictObject(%q) error = %v, want refused: %v", tt.raw, err, tt.want == nil)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("StrictObject(%q) (-want +got):\n%s", tt.raw, diff)
			}
		})
	}
}

func TestStrictText(t *testing.T) {
	tests := []struct {
		value, want string
		refused     bool
	}{
		{value: `"a b "`, want: "a b "},
		{value: `""`, want: ""},
		{value: `"\u4e2d\/"`, want: "中/"},
		{value: `2026030112000757123456`, want: "2026030112000757123456"},
		{value: `-1`, want: "-1"},
		{value: `1.5`, refused: true},
		{value: `1e4`, refused: true},
		{value: `null`, refused: true},
		{value: `true`, refused: true},
		{value: `{}`, refused: true},
		{value: ``, refused: true},
	}
	for _, tt := range tests {
		got, err := StrictText(json.RawMessage(tt.value))
		if got != tt.want || (err != nil) != tt.refused {
			t.Errorf("StrictText(%s) = %q, %v, want %q, refused: %v", tt.value, got, err, tt.want, tt.refused)
		}
	}
}

func TestStrictInteger(t *testing.T) {
	tests := []struct {
		value   string
		want    int64
		refused bool
	}{
		{value: `12850`, want: 12850},
		{value: `"12850"`, want: 12850},
		{value: `0`, want: 0},
		{value: `-7`, want: -7},
		{value: `9223372036854775807`, want: 9223372036854775807},
		{value: `9223372036854775808`, refused: true},
		{value: `12850.0`, refused: true},
		{value: `1e4`, refused: true},
		{value: `-0`, refused: true},
		{value: `"12850 "`, refused: true},
		{value: `"+12850"`, refused: true},
		{value: `"012850"`, refused: true},
		{value: `"1_000"`, refused: true},
		{value: `"0x10"`, refused: true},
		{value: `"-"`, refused: true},
		{value: `"--1"`, refused: true},
		{value: `"1-"`, refused: true},
		{value: `""`, refused: true},
		{value: `"٣"`, refused: true},
		{value: `null`, refused: true},
		{value: `true`, refused: true},
		{value: `[1]`, refused: true},
	}
	for _, tt := range tests {
		got, err := StrictInteger(json.RawMessage(tt.value))
		if got != tt.want || (err != nil) != tt.refused {
			t.Errorf("StrictInteger(%s) = %d, %v, want %d, refused: %v", tt.value, got, err, tt.want, tt.refused)
		}
	}
}

package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	type form struct {
		Name  string `form:"name" validate:"required,max=5"`
		Email string `form:"email" validate:"omitempty,email"`
	}
	tests := []struct {
		form form
		want FieldErrors
	}{
		{form{"Ada", "ada@example.com"}, nil},
		{form{"茶茶茶茶茶", ""}, nil},
		{form{"", "ada@"}, FieldErrors{"name": "invalid.required", "email": "invalid.email"}},
		{form{strings.Repeat("a", 6), ""}, FieldErrors{"name": "invalid.max"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Check(tt.form)); diff != "" {
			t.Errorf("Check(%+v) (-want +got):\n%s", tt.form, diff)
		}
	}
}

func TestFieldErrorsWith(t *testing.T) {
	var none FieldErrors
	one, two := FieldErrors{"a": "x"}, FieldErrors{"b": "y"}
	if diff := cmp.Diff(two, none.With(two)); diff != "" {
		t.Errorf("nothing with %v (-want +got):\n%s", two, diff)
	}
	if diff := cmp.Diff(FieldErrors{"a": "x", "b": "y"}, one.With(two)); diff != "" {
		t.Errorf("%v with %v (-want +got):\n%s", one, two, diff)
	}
}

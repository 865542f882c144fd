package web

import (
	"errors"
	"maps"
	"reflect"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v2"

	"saoma/models"
)

// FormValue returns a field of one line of the posted form, as models.OneLine reads it: never one of the
// address, and empty when the form has no such field or it is not valid UTF-8.
func FormValue(c *fiber.Ctx, name string) string { return models.OneLine(SecretValue(c, name)) }

// FormLines returns a field of several lines, as models.Lines reads it, and otherwise as FormValue does.
func FormLines(c *fiber.Ctx, name string) string { return models.Lines(SecretValue(c, name)) }

// FormValues returns all fields of that name in a posted form without files, in their order, each as
// FormValue does.
func FormValues(c *fiber.Ctx, name string) []string {
	var values []string
	for _, raw := range c.Request().PostArgs().PeekMulti(name) {
		value := ""
		if utf8.Valid(raw) {
			value = models.OneLine(string(raw))
		}
		values = append(values, value)
	}
	return values
}

// SecretValue returns a field of the posted form to the letter, as passwords need it, and otherwise
// as FormValue does.
func SecretValue(c *fiber.Ctx, name string) string {
	value := string(c.Request().PostArgs().Peek(name))
	if value == "" {
		if form, err := c.MultipartForm(); err == nil && len(form.Value[name]) > 0 {
			value = form.Value[name][0]
		}
	}
	if !utf8.ValidString(value) {
		return ""
	}
	return value
}

// FieldErrors tells what is wrong with a form: the key of a message by the name of the field.
type FieldErrors map[string]string

// validate is made once and only read afterwards.
var validate = newValidator()

func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("form") })
	return v
}

// Check returns what the form's validate tags refuse, by the names in its form tags; nil when
// nothing. A tag "x" becomes the message "invalid.x".
func Check(form any) FieldErrors {
	found, ok := errors.AsType[validator.ValidationErrors](validate.Struct(form))
	if !ok {
		return nil
	}
	errs := FieldErrors{}
	for _, e := range found {
		errs[e.Field()] = "invalid." + e.Tag()
	}
	return errs
}

// With returns both together.
func (e FieldErrors) With(more FieldErrors) FieldErrors {
	if e == nil {
		return more
	}
	maps.Copy(e, more)
	return e
}

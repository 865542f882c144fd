// Package views holds the pages' templates, one file a page, and the catalogues of every text
// that a person reads.
//
// A page file begins with {{template "partials/head" .}} and ends with {{template
// "partials/foot" .}}; it holds no define, since all files are one set. Templates format, they
// do not decide. A mail stands under mail twice, as HTML and as text.
package views

import "embed"

// Files are the templates and, under locales, the catalogues.
//
//go:embed *.html admin mail partials locales
var Files embed.FS

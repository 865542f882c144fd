package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mayImport is the plan of the house: main → handlers → payments → models. It says for each of
// our packages which others it may import; "a/..." is everything below a. A package that is not
// in it has no place yet. Only main knows a gateway's package and the configuration.
var mayImport = map[string][]string{
	"saoma": {"saoma/..."},

	"saoma/internal/config": {"saoma/payments", "saoma/models"},

	"saoma/handlers":          {"saoma/handlers/...", "saoma/payments", "saoma/models", "saoma/views", "saoma/static"},
	"saoma/handlers/shop":     {"saoma/handlers/web", "saoma/payments", "saoma/models"},
	"saoma/handlers/pay":      {"saoma/handlers/web", "saoma/payments", "saoma/models"},
	"saoma/handlers/admin":    {"saoma/handlers/web", "saoma/payments", "saoma/models", "saoma/handlers/pictures"},
	"saoma/handlers/mail":     {"saoma/handlers/web", "saoma/models", "saoma/views"},
	"saoma/handlers/api":      {"saoma/handlers/web", "saoma/payments", "saoma/models"},
	"saoma/handlers/web":      {"saoma/payments", "saoma/models", "saoma/views", "saoma/static"},
	"saoma/handlers/pictures": {},
	"saoma/views":             {},
	"saoma/static":            {},

	"saoma/payments":            {"saoma/models"},
	"saoma/payments/scanforpay": {"saoma/payments", "saoma/models"},
	"saoma/payments/pass2pay":   {"saoma/payments", "saoma/models"},
	"saoma/payments/sandbox":    {"saoma/payments", "saoma/models"},

	"saoma/models":            {},
	"saoma/models/modelstest": {"saoma/models"},
}

// forTests are packages that only tests import.
var forTests = []string{"saoma/models/modelstest", "testing"}

// onlyIn says which packages, their tests included, may import a library.
var onlyIn = []struct {
	library  string
	packages []string
}{
	{"gorm.io/...", []string{"saoma/models", "saoma/models/..."}},
	{"github.com/go-gormigrate/...", []string{"saoma/models"}},
	{"github.com/libtnb/sqlite/...", []string{"saoma/models"}},
	{"github.com/wneessen/...", []string{"saoma/handlers/mail"}},
	{"github.com/gofiber/...", []string{"saoma", "saoma/handlers", "saoma/handlers/..."}},
	{"github.com/valyala/fasthttp/...", []string{"saoma", "saoma/handlers", "saoma/handlers/..."}},
}

// gatewayWords are names of fields on the wire, in their own spelling. They stand only in their
// gateway's package and in the sandbox, which plays both gateways.
var gatewayWords = map[string][]string{
	"saoma/payments/scanforpay": {
		"partnerOrderNo", "partnerNo", "storeNo", "terminalNo", "operatorId", "reqMsgId", "respMsgId",
		"orderAmount", "orderTitle", "orderCreate", "timeoutRule", "goodsAmount", "goodsExtraAmount",
	},
	"saoma/payments/pass2pay": {
		"mchOrderNo", "mchNo", "mchRefundNo", "payOrderId", "payDataType", "payData", "orderState",
		"refundOrderId", "custNo", "registerTime", "ifCode", "extParam", "channelExtra", "codeImgUrl",
	},
}

const sandbox = "saoma/payments/sandbox"

// listed is what go list tells about a package.
type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestArrows(t *testing.T) {
	packages := listPackages(t)
	for _, p := range packages {
		for _, fault := range p.faults() {
			t.Error(fault)
		}
	}
}

func TestGatewayWordsStayAtHome(t *testing.T) {
	for _, p := range listPackages(t) {
		for home, words := range gatewayWords {
			if p.ImportPath == home || p.ImportPath == sandbox {
				continue
			}
			pattern := regexp.MustCompile(`\b(` + strings.Join(words, "|") + `)\b`)
			for _, file := range p.GoFiles {
				for _, word := range wordsInCode(t, filepath.Join(p.Dir, file), pattern) {
					t.Errorf("%s: %s is a word of %s", word.at, word.text, home)
				}
			}
		}
	}
}

// The rules would be worth nothing if they could not be broken.
func TestArrowsCanFail(t *testing.T) {
	tests := []struct {
		p    listed
		want []string
	}{
		{listed{ImportPath: "saoma/models", Imports: []string{"time", "gorm.io/gorm"}}, nil},
		{listed{ImportPath: "saoma/payments", Imports: []string{"saoma/models"}, TestImports: []string{"saoma/payments/sandbox"}}, nil},
		{listed{ImportPath: "saoma/models", Imports: []string{"saoma/payments"}}, []string{"saoma/models imports saoma/payments"}},
		{listed{ImportPath: "saoma/payments", Imports: []string{"saoma/payments/pass2pay"}}, []string{"saoma/payments imports saoma/payments/pass2pay"}},
		{listed{ImportPath: "saoma/handlers/shop", Imports: []string{"saoma/handlers/pay", "saoma/internal/config"}}, []string{"saoma/handlers/shop imports saoma/handlers/pay", "saoma/handlers/shop imports saoma/internal/config"}},
		{listed{ImportPath: "saoma/handlers", Imports: []string{"saoma"}}, []string{"saoma/handlers imports saoma"}},
		{listed{ImportPath: "saoma", Imports: []string{"saoma/models/modelstest"}}, []string{"saoma imports saoma/models/modelstest, which is for tests"}},
		{listed{ImportPath: "saoma/payments", XTestImports: []string{"gorm.io/gorm"}}, []string{"saoma/payments imports gorm.io/gorm"}},
		{listed{ImportPath: "saoma/models", Imports: []string{"github.com/gofiber/fiber/v2"}}, []string{"saoma/models imports github.com/gofiber/fiber/v2"}},
		{listed{ImportPath: "saoma/util"}, []string{"saoma/util has no place in mayImport"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.p.faults()); diff != "" {
			t.Errorf("faults of %+v (-want +got):\n%s", tt.p, diff)
		}
	}
}

// faults lists the package's imports that the rules forbid.
func (p listed) faults() []string {
	var faults []string
	allowed, placed := mayImport[p.ImportPath]
	if !placed {
		faults = append(faults, p.ImportPath+" has no place in mayImport")
	}
	for _, imported := range p.Imports {
		if slices.Contains(forTests, imported) && !slices.Contains(forTests, p.ImportPath) {
			faults = append(faults, fmt.Sprintf("%s imports %s, which is for tests", p.ImportPath, imported))
		} else if isOurs(imported) && !matchesAny(allowed, imported) {
			faults = append(faults, p.ImportPath+" imports "+imported)
		}
	}
	for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
		for _, rule := range onlyIn {
			if matches(rule.library, imported) && !matchesAny(rule.packages, p.ImportPath) {
				faults = append(faults, p.ImportPath+" imports "+imported)
			}
		}
	}
	return faults
}

func isOurs(path string) bool { return path == "saoma" || strings.HasPrefix(path, "saoma/") }

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, path) })
}

// matches reports whether the path is the pattern or, for "a/...", lies below a.
func matches(pattern, path string) bool {
	if above, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(path, above)
	}
	return path == pattern
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

type foundWord struct {
	text string
	at   token.Position
}

// wordsInCode finds the pattern in the names and strings of a file, and leaves comments alone.
func wordsInCode(t *testing.T, file string, pattern *regexp.Regexp) []foundWord {
	t.Helper()
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var found []foundWord
	ast.Inspect(tree, func(n ast.Node) bool {
		var text string
		switch n := n.(type) {
		case *ast.Ident:
			text = n.Name
		case *ast.BasicLit:
			text = n.Value
		}
		for _, word := range pattern.FindAllString(text, -1) {
			found = append(found, foundWord{word, files.Position(n.Pos())})
		}
		return true
	})
	return found
}

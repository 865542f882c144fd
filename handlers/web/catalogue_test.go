package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"

	"saoma/views"
)

// keysOf returns the keys of one catalogue.
func keysOf(t *testing.T, language string) []string {
	t.Helper()
	raw, err := views.Files.ReadFile("locales/" + language + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]any
	if err := yaml.Unmarshal(raw, &messages); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key, message := range messages {
		if text, ok := message.(string); ok && strings.TrimSpace(text) == "" {
			t.Errorf("%s: message %s is empty", language, key)
		}
		keys = append(keys, key)
	}
	return keys
}

func TestCataloguesHoldTheSameKeys(t *testing.T) {
	english := keysOf(t, "en")
	names, err := fs.Glob(views.Files, "locales/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		language := strings.TrimSuffix(filepath.Base(name), ".yaml")
		keys := keysOf(t, language)
		for _, key := range english {
			if !slices.Contains(keys, key) {
				t.Errorf("%s has no message %s", language, key)
			}
		}
		for _, key := range keys {
			if !slices.Contains(english, key) {
				t.Errorf("%s has a message %s that English has not", language, key)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

func TestCataloguesNameTheSameValues(t *testing.T) {
	ls, err := loadLanguages(views.Files, []string{"en", "zh-Hans"})
	if err != nil {
		t.Fatal(err)
	}
	values := func(l *Language, key string) []string {
		var args []any
		for _, name := range []string{"name", "price", "count", "amount", "wallet", "shop", "here", "id", "number"} {
			value := any("{{." + name + "}}")
			if name == "count" {
				value = 2
			}
			args = append(args, name, value)
		}
		found := placeholder.FindAllString(l.Text(key, args...), -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for _, key := range keysOf(t, "en") {
		want := values(ls.all[0], key)
		for _, l := range ls.all[1:] {
			if got := values(l, key); !slices.Equal(got, want) {
				t.Errorf("%s: message %s names the values %v, want %v as in English", l.Code, key, got, want)
			}
		}
	}
}

var (
	templateAction = regexp.MustCompile(`(?s){{.*?}}`)
	templateString = regexp.MustCompile(`"([^"]*)"`)
	keyPattern     = regexp.MustCompile(`^[a-z]+(\.[a-z0-9_]+)+\.?$`)
	validateTag    = regexp.MustCompile(`validate:"([^"]*)"`)
)

// usedStrings returns every string that stands in a template's actions or in our Go code, and
// the messages of the rules that forms name.
func usedStrings(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	eachTemplate(t, func(_, text string) {
		for _, action := range templateAction.FindAllString(text, -1) {
			for _, found := range templateString.FindAllStringSubmatch(action, -1) {
				used[found[1]] = true
			}
		}
	})
	for _, folder := range []string{"../../handlers", "../../models", "../../payments"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			if strings.Contains(path, "payments/sandbox") { // it has a catalogue of its own
				return nil
			}
			return addStrings(used, path)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return used
}

func addStrings(used map[string]bool, path string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && strings.HasSuffix(types.ExprString(call.Fun), "KillPoint") {
			return false // the places where a process may die are no messages
		}
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				used[text] = true
			}
		}
		return true
	})
	for _, tag := range validateTag.FindAllStringSubmatch(string(source), -1) {
		for rule := range strings.SplitSeq(tag[1], ",") {
			name, _, _ := strings.Cut(rule, "=")
			if name != "omitempty" {
				used["invalid."+name] = true
			}
		}
	}
	return nil
}

func TestEachMessageUsedExists(t *testing.T) {
	keys := keysOf(t, "en")
	sections := map[string]bool{}
	for _, key := range keys {
		section, _, _ := strings.Cut(key, ".")
		sections[section] = true
	}
	for text := range usedStrings(t) {
		section, _, _ := strings.Cut(text, ".")
		isFile := slices.Contains([]string{".html", ".css", ".js", ".svg", ".png"}, filepath.Ext(text))
		if !keyPattern.MatchString(text) || !sections[section] || isFile {
			continue
		}
		switch {
		case strings.HasSuffix(text, "."): // the rest is put to it
			if !slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, text) }) {
				t.Errorf("no message begins with %q, which is used", text)
			}
		case !slices.Contains(keys, text):
			t.Errorf("there is no message %q, which is used", text)
		case section == "error" && !strings.HasPrefix(text, "error.to_") && text != "error.reference" && !slices.Contains(keys, text+".advice"):
			t.Errorf("there is no message %q that says what to do next", text+".advice")
		}
	}
}

func TestEachMessageIsUsed(t *testing.T) {
	used := usedStrings(t)
	for _, key := range keysOf(t, "en") {
		name := strings.TrimSuffix(key, ".advice")
		built := false // from a beginning and the rest
		for text := range used {
			built = built || strings.HasSuffix(text, ".") && len(text) > 1 && strings.HasPrefix(key, text)
		}
		if !used[key] && !used[name] && !built {
			t.Errorf("message %s is used nowhere", key)
		}
	}
}

// TestTemplatesHoldNoText reads the templates without their actions: no letter may be left where
// a person reads.
func TestTemplatesHoldNoText(t *testing.T) {
	letter := regexp.MustCompile(`\p{L}`)
	eachTemplate(t, func(name, text string) {
		text = strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(text) // which the tokenizer takes for text
		tokens := html.NewTokenizer(strings.NewReader(templateAction.ReplaceAllString(text, "")))
		for {
			switch tokens.Next() {
			case html.ErrorToken:
				return
			case html.TextToken:
				if text := string(tokens.Text()); letter.MatchString(html.UnescapeString(text)) {
					t.Errorf("%s holds the text %q, want it in the catalogues", name, strings.TrimSpace(text))
				}
			case html.StartTagToken, html.SelfClosingTagToken:
				for _, a := range tokens.Token().Attr {
					if slices.Contains([]string{"alt", "title", "placeholder", "aria-label"}, a.Key) && letter.MatchString(a.Val) {
						t.Errorf("%s holds the text %q in %s, want it in the catalogues", name, a.Val, a.Key)
					}
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
						t.Errorf("%s has %s=%q, which the content policy forbids", name, a.Key, a.Val)
					}
				}
			}
		}
	})
}

func eachTemplate(t *testing.T, do func(name, text string)) {
	t.Helper()
	err := fs.WalkDir(views.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".html") {
			return err
		}
		text, err := views.Files.ReadFile(name)
		if err == nil {
			do(name, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

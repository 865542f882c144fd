package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/html"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"saoma/views"
)

// catalogue is what stands in one of the files: the forms of each message, by their plural, of which
// an unchanging message has the one "other".
type catalogue struct {
	language string
	keys     []string // in order
	forms    map[string]map[string]string
}

func readCatalogue(t *testing.T, language string) catalogue {
	t.Helper()
	raw, err := views.Files.ReadFile("locales/" + language + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file yaml.Node
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err) // a key that stands there twice, too
	}
	c := catalogue{language: language, forms: map[string]map[string]string{}}
	for i, node := 0, file.Content[0]; i < len(node.Content); i += 2 {
		key, message := node.Content[i].Value, node.Content[i+1]
		forms := map[string]string{"other": message.Value}
		if message.Kind == yaml.MappingNode {
			if err := message.Decode(&forms); err != nil {
				t.Fatalf("%s: message %s: %v", language, key, err)
			}
			delete(forms, "") // what "other" was before
		}
		c.keys, c.forms[key] = append(c.keys, key), forms
	}
	return c
}

// catalogues returns all that there are, English first.
func catalogues(t *testing.T) []catalogue {
	t.Helper()
	names, err := fs.Glob(views.Files, "locales/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := []catalogue{readCatalogue(t, "en")}
	for _, name := range names {
		if language := strings.TrimSuffix(filepath.Base(name), ".yaml"); language != "en" {
			all = append(all, readCatalogue(t, language))
		}
	}
	return all
}

// keysOf returns the keys of one catalogue.
func keysOf(t *testing.T, language string) []string {
	t.Helper()
	return readCatalogue(t, language).keys
}

func TestThereIsACatalogueForEachLanguage(t *testing.T) {
	var got []string
	for _, c := range catalogues(t) {
		got = append(got, c.language)
	}
	if want := []string{"en", "ja", "zh-Hans", "zh-Hant"}; !slices.Equal(got, want) {
		t.Errorf("got catalogues for %v, want %v", got, want)
	}
}

func TestCataloguesHoldTheSameKeys(t *testing.T) {
	all := catalogues(t)
	english := all[0]
	for _, c := range all[1:] {
		for _, key := range english.keys {
			if c.forms[key] == nil {
				t.Errorf("%s has no message %s", c.language, key)
			}
		}
		for _, key := range c.keys {
			if english.forms[key] == nil {
				t.Errorf("%s has a message %s that English has not", c.language, key)
			}
		}
		if t.Failed() {
			continue
		}
		for i, key := range english.keys {
			if c.keys[i] != key {
				t.Errorf("%s has message %s where English has %s: want the same order", c.language, c.keys[i], key)
				break
			}
		}
	}
}

// pluralForms are those that each language tells apart in whole numbers.
var pluralForms = map[string][]string{"en": {"one", "other"}, "ja": {"other"}, "zh-Hans": {"other"}, "zh-Hant": {"other"}}

func TestMessagesHaveTheFormsOfTheirLanguage(t *testing.T) {
	all := catalogues(t)
	for _, c := range all {
		for _, key := range c.keys {
			for form, text := range c.forms[key] {
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: message %s (%s) is empty", c.language, key, form)
				}
			}
			want := []string{"other"}
			if len(all[0].forms[key]) > 1 {
				want = pluralForms[c.language]
			}
			if got := slices.Sorted(maps.Keys(c.forms[key])); !slices.Equal(got, want) {
				t.Errorf("%s: message %s has the forms %v, want %v", c.language, key, got, want)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`{{\s*\.(\w+)\s*}}`)

func TestCataloguesNameTheSameValues(t *testing.T) {
	values := func(text string) []string {
		found := placeholder.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	all := catalogues(t)
	for _, key := range all[0].keys {
		want := values(all[0].forms[key]["other"])
		for _, c := range all {
			for form, text := range c.forms[key] {
				if got := values(text); !slices.Equal(got, want) {
					t.Errorf("%s: message %s (%s) names the values %v, want %v as in English", c.language, key, form, got, want)
				}
			}
		}
	}
}

// scripts are character sets from before Unicode, which hold the characters of one way of writing.
var scripts = map[string]encoding.Encoding{
	"ja": japanese.ShiftJIS, "zh-Hans": simplifiedchinese.HZGB2312, "zh-Hant": traditionalchinese.Big5,
}

// TestMessagesAreInTheirOwnLanguage finds what was left in another one: in English, or in the
// characters of the other Chinese.
func TestMessagesAreInTheirOwnLanguage(t *testing.T) {
	all := catalogues(t)
	for _, c := range all[1:] {
		for _, key := range c.keys {
			text := c.forms[key]["other"]
			if text == all[0].forms[key]["other"] {
				continue // a name, or a sign
			}
			if !strings.ContainsFunc(text, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
				t.Errorf("%s: message %s is %q, want it in its language or as in English", c.language, key, text)
			}
			if _, err := scripts[c.language].NewEncoder().String(text); err != nil {
				t.Errorf("%s: message %s is %q, which nobody writes so: %v", c.language, key, text, err)
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
		isFile := slices.Contains([]string{".html", ".txt", ".css", ".js", ".svg", ".png"}, filepath.Ext(text))
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
					inMail := strings.HasPrefix(name, "mail/") // which has no other place for its style
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" && !inMail {
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
		if err != nil || !slices.Contains([]string{".html", ".txt"}, path.Ext(name)) {
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

// notForPeople are calls, and files, whose texts no visitor reads.
var notForPeople = []string{
	"Errorf", "errors.New", "panic", "Error", "Warn", "Info", "Debug", "MustCompile", "Keys", "deriveKeys",
	"pay/notify.go", "web/code.go", // for gateways, browsers and drawing
	"web/country.go", // what buyers write, in every language at once
}

// bareWords are texts that look like sentences and are none for a visitor.
var bareWords = []string{
	"yyyy-mm-dd hh:mm:ss", "code of ", "not ready\n", "order not found", "%d fields refused", "read the buyer's address", "this is no e-mail address",
	darkScreen,
}

// TestHandlersHoldNoText finds sentences, and anything in Chinese or Japanese, in the strings of our
// Go code that answers people.
func TestHandlersHoldNoText(t *testing.T) {
	sentence := regexp.MustCompile(`\pL{2,} \pL{2,}|[\p{Han}\p{Hiragana}\p{Katakana}]`)
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		isOurs := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go")
		if err != nil || !isOurs || slices.Contains(notForPeople, strings.TrimPrefix(filepath.ToSlash(path), "../")) {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := types.ExprString(n.Fun)
				return !slices.Contains(notForPeople, name) && !slices.Contains(notForPeople, name[strings.LastIndex(name, ".")+1:])
			case *ast.Field:
				return n.Tag == nil
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if err == nil && n.Kind == token.STRING && sentence.MatchString(text) && !slices.Contains(bareWords, text) {
					t.Errorf("%s holds the text %q, want it in the catalogues", files.Position(n.Pos()), text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package web

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"pgregory.net/rapid"

	"saoma/models"
	"saoma/models/modelstest"
)

func TestContrast(t *testing.T) {
	for _, tt := range []struct {
		a, b rgb
		want float64 // as others compute it
	}{
		{black, white, 21}, {white, black, 21}, {0x777777, white, 4.48}, {0x767676, white, 4.54},
		{0xff0000, white, 4.00}, {0x0000ff, white, 8.59}, {0x00ff00, black, 15.3}, {0x123456, 0x123456, 1},
	} {
		if got := contrastOf(tt.a, tt.b); math.Abs(got-tt.want) > 0.005 {
			t.Errorf("%v on %v: got %.3f, want %.2f", tt.a, tt.b, got, tt.want)
		}
	}
}

var declared = regexp.MustCompile(`--([a-z-]+): ?(#[0-9a-f]{3,6})`)

// coloursOf returns the colours that a style sheet declares: where the page is light, and where it is dark.
func coloursOf(t *testing.T, sheet string) (light, dark map[string]rgb) {
	t.Helper()
	first, second, both := strings.Cut(sheet, "@media screen and (prefers-color-scheme") // and not on paper
	if !both {
		t.Fatalf("no dark colours in:\n%s", sheet)
	}
	second, _, _ = strings.Cut(second, "}")
	light, dark = map[string]rgb{}, map[string]rgb{}
	for _, part := range []struct {
		text string
		into []map[string]rgb
	}{{first, []map[string]rgb{light, dark}}, {second, []map[string]rgb{dark}}} {
		for _, found := range declared.FindAllStringSubmatch(part.text, -1) {
			digits := found[2][1:]
			if len(digits) == 3 {
				digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
			}
			colour, err := parseRGB(digits)
			if err != nil {
				t.Fatal(err)
			}
			for _, into := range part.into {
				into[found[1]] = colour
			}
		}
	}
	return light, dark
}

// unreadable lists what of the accent cannot be read on the grounds of the pages.
func unreadable(accent, page map[string]rgb) []string {
	var faults []string
	check := func(name string, a, b rgb, least float64) {
		if got := contrastOf(a, b); got < least {
			faults = append(faults, fmt.Sprintf("%s: %v on %v is %.2f, want %.1f", name, a, b, got, least))
		}
	}
	for _, ground := range []string{"paper", "panel", "tint"} {
		check("words on "+ground, accent["accent"], page[ground], 4.5)
		check("edge on "+ground, accent["fill-edge"], page[ground], 3)
	}
	check("words on the fill", accent["on-fill"], accent["fill"], 4.5)
	check("words on the fill under the pointer", accent["on-fill"], accent["fill-deep"], 4.5)
	return faults
}

// pageColours are those of app.css.
func pageColours(t *testing.T) (light, dark map[string]rgb) {
	t.Helper()
	assets := newBase(t, testConfig(), modelstest.New(t)).assets
	sheet := string(assets.Find(assets.Address("app.css")).Body)
	light, dark = coloursOf(t, sheet[:strings.Index(sheet, "/* One character")])
	return light, dark
}

func TestAccentOfTheShopAsItComes(t *testing.T) {
	light, dark := pageColours(t)
	for _, colours := range []map[string]rgb{light, dark} {
		for _, fault := range unreadable(colours, colours) {
			t.Error(fault)
		}
	}
	if got := light["accent"].String(); got != models.DefaultAccent {
		t.Errorf("app.css has the accent %s, the settings %s", got, models.DefaultAccent)
	}
	if onLight.surfaces[0] != light["paper"] || onLight.surfaces[1] != light["panel"] || onLight.surfaces[2] != light["tint"] ||
		onDark.surfaces[0] != dark["paper"] || onDark.surfaces[1] != dark["panel"] || onDark.surfaces[2] != dark["tint"] {
		t.Errorf("got grounds %v and %v, app.css has others: %v, %v", onLight.surfaces, onDark.surfaces, light, dark)
	}
}

// TestAccentCanBeRead: whatever the merchant chooses, all of it can be read in light and dark, buttons are
// filled with the very colour, and what can be read already is left as it was chosen.
func TestAccentCanBeRead(t *testing.T) {
	lightPage, darkPage := pageColours(t)
	rapid.Check(t, func(r *rapid.T) {
		chosen := rgb(rapid.Uint32Range(0, 0xffffff).Draw(r, "colour"))
		file := newAccentSheet(chosen)
		if got := accentSheet(file.Address); got == nil || string(got.Body) != string(file.Body) {
			r.Fatalf("%v: its style sheet is not found at %s", chosen, file.Address)
		}
		light, dark := coloursOf(t, string(file.Body))
		for _, faults := range [][]string{unreadable(light, lightPage), unreadable(dark, darkPage)} {
			if len(faults) > 0 {
				r.Fatalf("%v: %s", chosen, strings.Join(faults, "; "))
			}
		}
		if light["fill"] != chosen || dark["fill"] != chosen {
			r.Fatalf("%v: got buttons of %v and %v", chosen, light["fill"], dark["fill"])
		}
		lightest, darkest := contrastOf(chosen, lightPage["tint"]), contrastOf(chosen, darkPage["tint"])
		if lightest >= 4.5 && light["accent"] != chosen || darkest >= 4.5 && dark["accent"] != chosen {
			r.Fatalf("%v can be read, and is changed: %v, %v", chosen, light["accent"], dark["accent"])
		}
		edge := onDark.apart(onLight.apart(chosen, boundary), boundary)
		if contrastOf(edge, white) < 3 || contrastOf(edge, black) < 3 {
			r.Fatalf("%v: its edge %v in a mail is lost on white or on black", chosen, edge)
		}
	})
}

func TestAccentSheetIsServed(t *testing.T) {
	s := modelstest.New(t)
	b := newBase(t, testConfig(), s)
	app := fiber.New()
	app.Get("/static/*", b.Asset)
	if got := b.accentNow(); got.Sheet != "" || got.Fill.String() != models.DefaultAccent {
		t.Errorf("as the shop comes: got %+v, want no sheet of its own", got)
	}
	modelstest.Set(t, s, models.SetAccent, "#ffd400")
	sheet := b.accentNow().Sheet
	resp, body := do(t, app, visit{target: sheet})
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(body, "--fill:#ffd400") ||
		resp.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("%s: got %d, %v, %q", sheet, resp.StatusCode, resp.Header, body)
	}
	modelstest.Set(t, s, models.SetAccent, "#102030")
	if got := b.accentNow().Sheet; got == sheet || got == "" {
		t.Errorf("after another change: got sheet %q, want another one than %q", got, sheet)
	}
	for _, address := range []string{
		strings.Replace(sheet, "ffd400", "ffd401", 1), "/static/accent-ffd400.css", "/static/accent-.css",
		"/static/accent-red.000000000000.css", "/static/accent-+ffd40.000000000000.css", sheet + "x",
	} {
		if resp, _ := do(t, app, visit{target: address}); resp.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", address, resp.StatusCode)
		}
	}
}

package pay

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"saoma/handlers/web"
	"saoma/payments"
)

// Texts as gateways give them, and the longest we would ever draw.
var texts = []string{
	"weixin://wxpay/bizpayurl?pr=Ab3dE5f",
	"https://qr.alipay.com/bax03431ljhokirwl38f00a7",
	"https://pay.example/wallet/0195d3a8-7c1e-7000-8000-000000000001?a=1&b=2",
	strings.Repeat("x", payments.MaxCode),
}

func TestCodeIsDrawnAsItsModules(t *testing.T) {
	for _, text := range texts {
		want, err := web.NewCode(text)
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := newCodes().draw(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows(want), rows(readPNG(t, drawn.png))); diff != "" {
			t.Errorf("png of %.40q (-want +got):\n%s", text, diff)
		}
		if diff := cmp.Diff(rows(want), rows(readSVG(t, drawn.svg))); diff != "" {
			t.Errorf("svg of %.40q (-want +got):\n%s", text, diff)
		}
	}
}

func TestCodeHasItsQuietZone(t *testing.T) {
	const quiet = 4
	for _, text := range texts {
		modules, err := web.NewCode(text)
		if err != nil {
			t.Fatal(err)
		}
		size := len(modules)
		for y, row := range modules {
			for x, dark := range row {
				if edge := min(x, y, size-1-x, size-1-y); dark && edge < quiet {
					t.Fatalf("code of %.40q: module %d,%d is dark, %d from the edge; want %d light ones", text, x, y, edge, quiet)
				}
			}
		}
		if !modules[quiet][quiet] {
			t.Errorf("code of %.40q: no corner pattern at %d,%d", text, quiet, quiet)
		}
	}
}

func TestCodePNGIsOneBitBlackOnWhite(t *testing.T) {
	drawn, err := newCodes().draw(texts[0])
	if err != nil {
		t.Fatal(err)
	}
	const bitDepth, colorType = 24, 25 // offsets in a PNG's header
	if got := drawn.png[bitDepth]; got != 1 {
		t.Errorf("bits a pixel: got %d, want 1", got)
	}
	if got := drawn.png[colorType]; got != 3 {
		t.Errorf("colour type: got %d, want 3 (palette)", got)
	}
}

func TestCodeTooLong(t *testing.T) {
	if _, err := newCodes().draw(strings.Repeat("x", 3000)); err == nil {
		t.Error("draw of 3000 bytes: got a code, want an error")
	}
}

func TestCodesAreDrawnOnce(t *testing.T) {
	c := newCodes()
	first, err := c.draw(texts[0])
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.draw(texts[0])
	if err != nil {
		t.Fatal(err)
	}
	if &first.png[0] != &again.png[0] {
		t.Error("the second draw made another picture, want the first one")
	}
	other, err := c.draw(texts[1])
	if err != nil {
		t.Fatal(err)
	}
	if other.hash == first.hash {
		t.Errorf("hash of two texts: both %s, want two", other.hash)
	}
}

func BenchmarkCode(b *testing.B) {
	c := newCodes()
	for b.Loop() {
		c.drawn = newRecent[code](1)
		if _, err := c.draw(texts[1]); err != nil {
			b.Fatal(err)
		}
	}
}

// readPNG samples the middle of each module.
func readPNG(t *testing.T, file []byte) [][]bool {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("png: %v", err)
	}
	size := picture.Bounds().Dx() / pixelsPerModule
	return grid(size, func(x, y int) bool {
		at := picture.At(x*pixelsPerModule+pixelsPerModule/2, y*pixelsPerModule+pixelsPerModule/2)
		return color.GrayModel.Convert(at).(color.Gray).Y < 128
	})
}

// readSVG fills the rectangles of the dark path.
func readSVG(t *testing.T, file []byte) [][]bool {
	t.Helper()
	var picture struct {
		ViewBox string `xml:"viewBox,attr"`
		Paths   []struct {
			Fill string `xml:"fill,attr"`
			D    string `xml:"d,attr"`
		} `xml:"path"`
	}
	if err := xml.Unmarshal(file, &picture); err != nil {
		t.Fatalf("svg: %v", err)
	}
	var size, height int
	if _, err := fmt.Sscanf(picture.ViewBox, "0 0 %d %d", &size, &height); err != nil || size != height {
		t.Fatalf("svg: viewBox %q", picture.ViewBox)
	}
	dark := grid(size, func(int, int) bool { return false })
	for run := range strings.SplitSeq(strings.TrimPrefix(picture.Paths[1].D, "M"), "M") {
		var x, y, width, back int
		if _, err := fmt.Sscanf(run, "%d %dh%dv1H%dz", &x, &y, &width, &back); err != nil || back != x {
			t.Fatalf("svg: run %q: %v", run, err)
		}
		for i := range width {
			dark[y][x+i] = true
		}
	}
	return dark
}

func grid(size int, dark func(x, y int) bool) [][]bool {
	g := make([][]bool, size)
	for y := range g {
		g[y] = make([]bool, size)
		for x := range g[y] {
			g[y][x] = dark(x, y)
		}
	}
	return g
}

// rows makes a difference readable.
func rows(modules [][]bool) []string {
	lines := make([]string, len(modules))
	for y, row := range modules {
		line := make([]byte, len(row))
		for x, dark := range row {
			line[x] = '.'
			if dark {
				line[x] = '#'
			}
		}
		lines[y] = string(line)
	}
	return lines
}

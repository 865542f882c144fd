package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sheetScale is how many pixels of a page are one in its picture, on each side.
const sheetScale = 3.0

const (
	sheetsDir = "testdata/pages"
	sheetGap  = 8 // between panels
	tileSide  = 8
	// tileTolerance is how far the pixels of a tile may be off on the average, of 255. A rasterizer of
	// another version smooths edges a little otherwise, which is less; a line that is elsewhere by two
	// pixels of the page, and a colour that is another to the eye, are more.
	tileTolerance = 10
)

// sheet is the picture of an exhibit: panels beside each other, for each width light and dark.
type sheet struct {
	panels []*image.RGBA
}

func (s *sheet) add(t *testing.T, pictures ...[]byte) {
	t.Helper()
	for _, raw := range pictures {
		picture, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		s.panels = append(s.panels, rgba(picture))
	}
}

func rgba(picture image.Image) *image.RGBA {
	if done, is := picture.(*image.RGBA); is {
		return done
	}
	drawn := image.NewRGBA(picture.Bounds())
	draw.Draw(drawn, drawn.Rect, picture, drawn.Rect.Min, draw.Src)
	return drawn
}

// joined is the sheet as one picture.
func (s *sheet) joined() *image.RGBA {
	var size image.Point
	for _, p := range s.panels {
		size.X += p.Rect.Dx() + sheetGap
		size.Y = max(size.Y, p.Rect.Dy())
	}
	whole := image.NewRGBA(image.Rect(0, 0, size.X-sheetGap, size.Y))
	draw.Draw(whole, whole.Rect, image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	x := 0
	for _, p := range s.panels {
		draw.Draw(whole, p.Rect.Add(image.Pt(x, 0)), p, image.Point{}, draw.Src)
		x += p.Rect.Dx() + sheetGap
	}
	return whole
}

// compare wants the sheet to look as it does in testdata, or keeps it there with -update. What looks
// otherwise is put where a person can look at it: as it is, and where it differs.
func (s *sheet) compare(t *testing.T, name string) {
	t.Helper()
	file := filepath.Join(sheetsDir, name+".png")
	got := s.joined()
	if *updateFlag {
		writePNG(t, file, reduced(got))
		return
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -run TestPages -update takes the pages as they look now for right", err)
	}
	decoded, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	want := rgba(decoded)
	tiles := differing(got, want, tileTolerance)
	if len(tiles) == 0 && got.Rect == want.Rect {
		return
	}
	dir := filepath.Join(os.TempDir(), "saoma-pages")
	looks, differs := filepath.Join(dir, name+".png"), filepath.Join(dir, name+".differs.png")
	writePNG(t, looks, got)
	writePNG(t, differs, marked(got, tiles))
	where := fmt.Sprintf("its size is %v, and was %v", got.Rect.Size(), want.Rect.Size())
	if len(tiles) > 0 {
		where = s.where(tiles[0])
	}
	t.Errorf("%s looks otherwise than %s: %s. Look at %s and %s; if that is right, -update keeps it.", name, file, where, looks, differs)
}

// where says in which panel a tile is, and where on the page.
func (s *sheet) where(tile image.Rectangle) string {
	x := 0
	for i, p := range s.panels {
		right := x + p.Rect.Dx() + sheetGap
		if tile.Min.X < right {
			scheme := [2]string{"light", "dark"}[i%2]
			return fmt.Sprintf("first %s, %d pixels wide, at %d,%d", scheme, galleryWidths[i/2], int(float64(tile.Min.X-x)*sheetScale), int(float64(tile.Min.Y)*sheetScale))
		}
		x = right
	}
	return "behind its right edge"
}

// differing returns the tiles in which two pictures are off by more than the tolerance, where both are.
func differing(a, b *image.RGBA, tolerance int) []image.Rectangle {
	var tiles []image.Rectangle
	both := a.Rect.Intersect(b.Rect)
	for y := both.Min.Y; y < both.Max.Y; y += tileSide {
		for x := both.Min.X; x < both.Max.X; x += tileSide {
			tile := image.Rect(x, y, x+tileSide, y+tileSide).Intersect(both)
			if distance(a, b, tile) > tolerance {
				tiles = append(tiles, tile)
			}
		}
	}
	return tiles
}

// distance is how far two pictures are off in a tile, on the average of its pixels, in that of the three
// colours in which they are off the most.
func distance(a, b *image.RGBA, tile image.Rectangle) int {
	var off [3]int
	for y := tile.Min.Y; y < tile.Max.Y; y++ {
		from, to := a.PixOffset(tile.Min.X, y), a.PixOffset(tile.Max.X, y)
		rowA, rowB := a.Pix[from:to], b.Pix[b.PixOffset(tile.Min.X, y):]
		if bytes.Equal(rowA, rowB[:len(rowA)]) {
			continue
		}
		for i := 0; i < len(rowA); i += 4 {
			for c := range off {
				off[c] += max(int(rowA[i+c])-int(rowB[i+c]), int(rowB[i+c])-int(rowA[i+c]))
			}
		}
	}
	return slices.Max(off[:]) / (tile.Dx() * tile.Dy())
}

// marked is the picture, paler, with tiles framed in red.
func marked(picture *image.RGBA, tiles []image.Rectangle) *image.RGBA {
	drawn := image.NewRGBA(picture.Rect)
	draw.Draw(drawn, drawn.Rect, image.White, image.Point{}, draw.Src)
	draw.DrawMask(drawn, drawn.Rect, picture, image.Point{}, image.NewUniform(color.Alpha{120}), image.Point{}, draw.Over)
	red := image.NewUniform(color.RGBA{200, 0, 0, 90})
	for _, tile := range tiles {
		draw.Draw(drawn, tile, red, image.Point{}, draw.Over)
	}
	return drawn
}

// reduced is the picture in as few colours as it can do with, so that each tile is off by at most half of
// what compare lets pass: edges are smoothed a little otherwise.
func reduced(picture *image.RGBA) image.Image {
	counts := map[color.RGBA]int{}
	for i := 0; i < len(picture.Pix); i += 4 {
		counts[at(picture.Pix[i:])]++
	}
	for number := 16; number <= 256; number *= 2 {
		small := inColours(picture, bestColours(counts, number))
		if len(differing(picture, rgba(small), tileTolerance/2)) == 0 {
			return small
		}
	}
	return picture
}

// bestColours begins with the colour that is there most and then takes, one after the other, the one whose
// lack is the greatest: by how often it is there, and how far the nearest is that was taken.
func bestColours(counts map[color.RGBA]int, number int) color.Palette {
	all := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	lacks := make([]int, len(all))
	for i := range lacks {
		lacks[i] = math.MaxInt
	}
	var taken color.Palette
	for next := 0; len(taken) < min(number, len(all)); {
		c := all[next]
		taken, lacks[next] = append(taken, c), 0
		for i, o := range all {
			r, g, b := int(c.R)-int(o.R), int(c.G)-int(o.G), int(c.B)-int(o.B)
			lacks[i] = min(lacks[i], counts[o]*(r*r+g*g+b*b))
			if lacks[i] > lacks[next] {
				next = i
			}
		}
	}
	return taken
}

func inColours(picture *image.RGBA, palette color.Palette) *image.Paletted {
	nearest := map[color.RGBA]uint8{}
	small := image.NewPaletted(picture.Rect, palette)
	for i := range small.Pix {
		c := at(picture.Pix[4*i:])
		index, known := nearest[c]
		if !known {
			index = uint8(palette.Index(c))
			nearest[c] = index
		}
		small.Pix[i] = index
	}
	return small
}

func at(pix []uint8) color.RGBA { return color.RGBA{pix[0], pix[1], pix[2], 255} }

func writePNG(t *testing.T, file string, picture image.Image) {
	t.Helper()
	var raw bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&raw, picture)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, raw.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

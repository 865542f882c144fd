package pictures

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// colours of the quarters of a test picture.
var (
	red   = color.RGBA{200, 0, 0, 255}
	green = color.RGBA{0, 200, 0, 255}
	blue  = color.RGBA{0, 0, 200, 255}
	white = color.RGBA{255, 255, 255, 255}
)

// quarters is a picture that is red at the top left, green at the top right, blue at the bottom left
// and transparent at the bottom right.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			switch {
			case y < h/2 && x < w/2:
				m.Set(x, y, red)
			case y < h/2:
				m.Set(x, y, green)
			case x < w/2:
				m.Set(x, y, blue)
			}
		}
	}
	return m
}

func encoded(t *testing.T, encode func(out *bytes.Buffer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pngOf(t *testing.T, m image.Image) []byte {
	return encoded(t, func(out *bytes.Buffer) error { return png.Encode(out, m) })
}

func jpegOf(t *testing.T, m image.Image) []byte {
	return encoded(t, func(out *bytes.Buffer) error { return jpeg.Encode(out, m, &jpeg.Options{Quality: 95}) })
}

// withExif puts an Exif segment behind the beginning of a JPEG file.
func withExif(file []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	tiff := []byte("II")
	if order == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM")
	}
	tiff = order.AppendUint16(tiff, 42)
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 2) // entries
	for _, entry := range [][2]uint16{{0x010f, 7}, {orientationTag, orientation}} {
		tiff = order.AppendUint16(tiff, entry[0])
		tiff = order.AppendUint16(tiff, 3)
		tiff = order.AppendUint32(tiff, 1)
		tiff = order.AppendUint16(tiff, entry[1])
		tiff = order.AppendUint16(tiff, 0)
	}
	segment := append([]byte("Exif\x00\x00"), tiff...)
	head := []byte{0xff, jpegStart, 0xff, jpegExif}
	head = binary.BigEndian.AppendUint16(head, uint16(len(segment)+2))
	return slices.Concat(head, segment, file[2:])
}

// webpOf1x1 is a WebP file of one pixel.
const webpOf1x1 = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAgA0JaQAA3AA/vuUAAA="

// corners returns the colours of the four quarters, named, from the top left to the bottom right.
func corners(t *testing.T, p Picture) []string {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(p.JPEG))
	if err != nil {
		t.Fatal(err)
	}
	if size := m.Bounds().Size(); size != image.Pt(p.Width, p.Height) {
		t.Errorf("got a file of %v, told %d by %d", size, p.Width, p.Height)
	}
	var found []string
	for _, at := range []image.Point{{1, 1}, {3, 1}, {1, 3}, {3, 3}} {
		found = append(found, nameOf(m.At(at.X*p.Width/4, at.Y*p.Height/4)))
	}
	return found
}

func nameOf(c color.Color) string {
	for name, want := range map[string]color.RGBA{"red": red, "green": green, "blue": blue, "white": white} {
		r, g, b, _ := c.RGBA()
		near := func(got uint32, want uint8) bool { return max(int(got>>8), int(want))-min(int(got>>8), int(want)) < 30 }
		if near(r, want.R) && near(g, want.G) && near(b, want.B) {
			return name
		}
	}
	return "another"
}

func TestScale(t *testing.T) {
	flat := image.NewPaletted(image.Rect(0, 0, 400, 300), color.Palette{red, green, blue, white})
	draw.Draw(flat, flat.Rect, quarters(400, 300), image.Point{}, draw.Src)
	gifFile := encoded(t, func(out *bytes.Buffer) error {
		return gif.EncodeAll(out, &gif.GIF{Image: []*image.Paletted{flat, flat}, Delay: []int{1, 1}})
	})
	webp, err := base64.StdEncoding.DecodeString(webpOf1x1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		file []byte
		want [][2]int
	}{
		{"wide PNG", pngOf(t, quarters(1500, 1000)), [][2]int{{320, 213}, {640, 427}, {1280, 853}}},
		{"very wide JPEG", jpegOf(t, quarters(4000, 400)), [][2]int{{320, 32}, {640, 64}, {1280, 128}}},
		{"as wide as the widest", pngOf(t, quarters(1280, 10)), [][2]int{{320, 3}, {640, 5}, {1280, 10}}},
		{"narrower", pngOf(t, quarters(700, 900)), [][2]int{{320, 411}, {640, 823}, {700, 900}}},
		{"narrow", pngOf(t, quarters(40, 30)), [][2]int{{40, 30}}},
		{"one line", pngOf(t, quarters(3000, 1)), [][2]int{{320, 1}, {640, 1}, {1280, 1}}},
		{"GIF of two frames", gifFile, [][2]int{{320, 240}, {400, 300}}},
		{"WebP", webp, [][2]int{{1, 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Scale(tt.file, 320, 640, 1280)
			if err != nil {
				t.Fatal(err)
			}
			var sizes [][2]int
			for _, p := range got {
				sizes = append(sizes, [2]int{p.Width, p.Height})
				corners(t, p)
			}
			if diff := cmp.Diff(tt.want, sizes); diff != "" {
				t.Errorf("sizes (-want +got):\n%s", diff)
			}
		})
	}
}

// What is transparent is white, and every way of holding a camera comes out upright.
func TestScaleTurnsUpright(t *testing.T) {
	upright := []string{"red", "green", "blue", "white"}
	got, err := Scale(pngOf(t, quarters(800, 400)), 320)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(upright, corners(t, got[0])); diff != "" {
		t.Errorf("PNG (-want +got):\n%s", diff)
	}
	for o := orientation(1); o <= 8; o++ {
		size := image.Rect(0, 0, 80, 40)
		if o.onItsSide() {
			size = image.Rect(0, 0, 40, 80)
		}
		scene, taken := image.NewRGBA(image.Rect(0, 0, 80, 40)), image.NewRGBA(size)
		for y := range 40 {
			for x := range 80 {
				c := color.Color(quarters(2, 2).At(x/40, y/20))
				if x >= 40 && y >= 20 {
					c = white
				}
				scene.Set(x, y, c)
				takenX, takenY := o.source(x, y, size.Dx(), size.Dy())
				taken.Set(takenX, takenY, c)
			}
		}
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			file := withExif(jpegOf(t, taken), order, uint16(o))
			got, err := Scale(file, 320)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(upright, corners(t, got[0])); diff != "" || got[0].Width != 80 {
				t.Errorf("orientation %d, %v: %d wide (-want +got):\n%s", o, order, got[0].Width, diff)
			}
			if bytes.Contains(got[0].JPEG, []byte("Exif")) {
				t.Errorf("orientation %d: the file still has its Exif", o)
			}
		}
	}
}

// Orientation 6 is what phones write that are held upright: the picture is to be turned clockwise.
func TestOrientationSixTurnsClockwise(t *testing.T) {
	got := orientation(6).apply(toRGBA(quarters(20, 10)))
	if size := got.Rect.Size(); size != image.Pt(10, 20) {
		t.Fatalf("got %v, want 10 by 20", size)
	}
	if top, right := nameOf(got.At(2, 4)), nameOf(got.At(7, 4)); top != "blue" || right != "red" {
		t.Errorf("got %s and %s at the top, want what was left: blue and red", top, right)
	}
}

func toRGBA(m image.Image) *image.RGBA { return shrink(m, 1) }

func TestOrientationOfNonsense(t *testing.T) {
	whole := withExif(jpegOf(t, quarters(8, 8)), binary.BigEndian, 6)
	for n := range 46 { // where the segment ends
		if got := orientationOf(whole[:n]); got != upright {
			t.Errorf("of %d bytes: got %d, want %d", n, got, upright)
		}
	}
	for _, o := range []uint16{0, 9, 65535} {
		if got := orientationOf(withExif(jpegOf(t, quarters(8, 8)), binary.LittleEndian, o)); got != upright {
			t.Errorf("orientation %d: got %d, want %d", o, got, upright)
		}
	}
	far := slices.Clone(whole)
	copy(far[12+4:], []byte{0xff, 0xff, 0xff, 0xff}) // where the directory begins
	if got := orientationOf(far); got != upright {
		t.Errorf("directory beyond the end: got %d, want %d", got, upright)
	}
}

// bomb is a PNG file of a few bytes that says it is that large.
func bomb(w, h uint32) []byte { return deepBomb(w, h, 8) }

// deepBomb is one whose four colours have so many bits each.
func deepBomb(w, h uint32, bits byte) []byte {
	header := []byte("IHDR")
	header = binary.BigEndian.AppendUint32(header, w)
	header = binary.BigEndian.AppendUint32(header, h)
	header = append(header, bits, 6, 0, 0, 0)
	file := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	file = append(file, header...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(header))
}

func TestScaleRefuses(t *testing.T) {
	photo := jpegOf(t, quarters(200, 100))
	drawing := pngOf(t, quarters(200, 100))
	for _, tt := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, ErrFormat},
		{"text", []byte("This is holiday.jpg, really."), ErrFormat},
		{"SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), ErrFormat},
		{"a page behind the first bytes of a GIF", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00<script>alert(1)</script>"), ErrBroken},
		{"half a JPEG", photo[:len(photo)/2], ErrBroken},
		{"the head of a JPEG", photo[:200], ErrBroken},
		{"half a PNG", drawing[:len(drawing)/2], ErrBroken},
		{"a PNG of nothing but its size", bomb(20, 20), ErrBroken},
		{"more pixels than may be", bomb(8000, 6000), ErrHuge},
		{"as many pixels as may be", bomb(6300, 6300), ErrBroken}, // and not one of them in the file
		{"as many, and twice as deep", deepBomb(6300, 6300, 16), ErrHuge},
		{"a long line", bomb(60_000, 2), ErrHuge},
		{"all that can be said", bomb(1<<31-1, 1<<31-1), ErrBroken},
		{"no pixels", bomb(0, 0), ErrBroken},
		{"too many bytes", slices.Concat(photo, make([]byte, MaxBytes)), ErrBytes},
	} {
		got, err := Scale(tt.file, 320, 640)
		if !errors.Is(err, tt.want) || got != nil {
			t.Errorf("%s: got %d pictures and %v, want %v", tt.name, len(got), err, tt.want)
		}
	}
}

func FuzzScale(f *testing.F) {
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02"))
	f.Add(bomb(3, 3))
	f.Fuzz(func(t *testing.T, file []byte) {
		if head, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && head.Width*head.Height > 1_000_000 {
			t.Skip("only slow")
		}
		made, err := Scale(file, 16, 32)
		if (err == nil) != (len(made) > 0) {
			t.Errorf("got %d pictures and %v", len(made), err)
		}
	})
}

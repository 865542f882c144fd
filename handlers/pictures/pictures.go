// Package pictures makes from what people upload what pages show: JPEG files in a few widths, the
// right way up, without anything else that the file said.
//
// Nothing is taken at its word: what a file is, its first bytes tell, and a file that says it is huge
// is refused before anything of it is unpacked. What Scale needs of memory is a few hundred megabytes
// at the most; whoever calls it lets it run once at a time.
package pictures

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // its first frame
	"image/jpeg"
	_ "image/png"
	"slices"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// What a file may be.
const (
	MaxBytes  = 8 << 20
	maxPixels = 40_000_000 // of four bytes when they are unpacked; half as many of eight
	maxSide   = 16_384
)

// Why a file is no picture for us.
var (
	ErrFormat = errors.New("not a JPEG, PNG, GIF or WebP file")
	ErrBroken = errors.New("the file is damaged or not whole")
	ErrHuge   = errors.New("the picture has too many pixels")
	ErrBytes  = errors.New("the file is too large")
)

var formats = []string{"jpeg", "png", "gif", "webp"}

// quality of the files that are made.
const quality = 82

// Picture is one size of a picture.
type Picture struct {
	Width, Height int
	JPEG          []byte
}

// Scale reads a file and returns it in the widths, which ascend. A picture that is narrower than the
// widest comes in those that are narrower than itself, and as it is. What is transparent becomes white.
func Scale(file []byte, widths ...int) ([]Picture, error) {
	if len(file) > MaxBytes {
		return nil, ErrBytes
	}
	head, format, err := image.DecodeConfig(bytes.NewReader(file))
	switch {
	case errors.Is(err, image.ErrFormat), err == nil && !slices.Contains(formats, format):
		return nil, ErrFormat
	case err != nil, head.Width < 1, head.Height < 1:
		return nil, ErrBroken
	case head.Width > maxSide, head.Height > maxSide, head.Width*head.Height*unpackedSize(head.ColorModel) > 4*maxPixels:
		return nil, ErrHuge
	}
	unpacked, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	turn := orientationOf(file)
	// Turned on its side, the picture's height becomes the width that counts.
	picture := turn.apply(shrink(unpacked, turn.widthOf(unpacked.Bounds().Size())/widths[len(widths)-1]))
	return encodeAll(picture, widths)
}

// unpackedSize is how many bytes a pixel takes in memory, at the most.
func unpackedSize(m color.Model) int {
	if m == color.RGBA64Model || m == color.NRGBA64Model {
		return 8
	}
	return 4
}

// shrink returns the picture on white with each side divided by n, by averaging squares of n by n
// pixels: as good as slower ways where more is taken away later, and in little memory.
func shrink(from image.Image, n int) *image.RGBA {
	n = max(n, 1)
	b := from.Bounds()
	to := image.NewRGBA(image.Rect(0, 0, max(b.Dx()/n, 1), max(b.Dy()/n, 1)))
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), min(n, b.Dy())))
	for y := range to.Rect.Dy() {
		draw.Draw(strip, strip.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(strip, strip.Rect, from, image.Pt(b.Min.X, b.Min.Y+y*n), draw.Over)
		for x := range to.Rect.Dx() {
			average(to.Pix[to.PixOffset(x, y):], strip, x*n, n)
		}
	}
	return to
}

// average writes the mean colour of the square that begins at the column.
func average(pixel []uint8, strip *image.RGBA, column, n int) {
	var r, g, b, count int
	for y := range strip.Rect.Dy() {
		row := strip.Pix[strip.PixOffset(column, y):]
		for x := range min(n, strip.Rect.Dx()-column) {
			r, g, b = r+int(row[4*x]), g+int(row[4*x+1]), b+int(row[4*x+2])
			count++
		}
	}
	pixel[0], pixel[1], pixel[2], pixel[3] = uint8(r/count), uint8(g/count), uint8(b/count), 255
}

// encodeAll makes a file of each width, from the widest down, each from the one before.
func encodeAll(picture *image.RGBA, widths []int) ([]Picture, error) {
	widest := min(picture.Rect.Dx(), widths[len(widths)-1])
	widths = slices.DeleteFunc(slices.Clone(widths), func(width int) bool { return width >= widest })
	whole := picture.Rect.Size()
	var made []Picture
	for _, width := range slices.Backward(append(widths, widest)) {
		picture = resize(picture, width, max((whole.Y*width+whole.X/2)/whole.X, 1))
		var out bytes.Buffer
		if err := jpeg.Encode(&out, picture, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("encode a picture: %w", err)
		}
		made = append(made, Picture{picture.Rect.Dx(), picture.Rect.Dy(), out.Bytes()})
	}
	slices.Reverse(made)
	return made, nil
}

func resize(from *image.RGBA, width, height int) *image.RGBA {
	if width == from.Rect.Dx() {
		return from
	}
	to := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(to, to.Rect, from, from.Rect, draw.Src, nil)
	return to
}

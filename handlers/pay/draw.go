package pay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"sync"

	"github.com/skip2/go-qrcode"
)

const (
	// pixelsPerModule makes the picture sharp on any screen: each module is whole pixels wide.
	pixelsPerModule = 10
	// maxCodes bounds the memory that drawn codes take, at some 15 kB each.
	maxCodes = 512
)

// code is a QR code, drawn. It is dark on white whatever the page around it looks like, since
// cameras do not read the reverse, and has the four light modules around it that readers need.
type code struct {
	svg  []byte
	png  []byte
	hash string // of the text it holds: the same for the same picture
}

// codes draws QR codes and remembers the last ones: drawing is the dearest thing on the order
// page, and a page that waits shows the same code many times.
type codes struct {
	drawn   *recent[code]
	encoder *png.Encoder
}

func newCodes() codes {
	return codes{
		drawn:   newRecent[code](maxCodes),
		encoder: &png.Encoder{BufferPool: new(encoderBuffers)},
	}
}

// encoderBuffers lets PNG encoders use each other's buffers, which are larger than all the rest.
type encoderBuffers struct{ pool sync.Pool }

func (b *encoderBuffers) Get() *png.EncoderBuffer {
	buffer, _ := b.pool.Get().(*png.EncoderBuffer)
	return buffer
}

func (b *encoderBuffers) Put(buffer *png.EncoderBuffer) { b.pool.Put(buffer) }

// draw returns the code that holds the text. It fails when the text is too long for a code.
func (c codes) draw(text string) (code, error) {
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:16])
	return c.drawn.get(hash, func() (code, error) {
		modules, err := modulesOf(text)
		if err != nil {
			return code{}, err
		}
		picture, err := c.drawPNG(modules)
		if err != nil {
			return code{}, err
		}
		return code{svg: drawSVG(modules), png: picture, hash: hash}, nil
	})
}

// modulesOf returns the code of the text by row and column, the quiet zone included; true is dark.
// Level M is what the wallets print themselves: it survives glare without growing the code.
func modulesOf(text string) ([][]bool, error) {
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("draw code: %w", err)
	}
	return q.Bitmap(), nil
}

// drawSVG draws each run of dark modules in a row as one rectangle of a single path.
func drawSVG(modules [][]bool) []byte {
	var b bytes.Buffer
	size, pixels := len(modules), len(modules)*pixelsPerModule
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" shape-rendering="crispEdges">`,
		pixels, pixels, size, size)
	fmt.Fprintf(&b, `<path fill="#fff" d="M0 0h%dv%dH0z"/><path fill="#000" d="`, size, size)
	var digits [4]byte
	number := func(before byte, n int) {
		b.WriteByte(before)
		b.Write(strconv.AppendInt(digits[:0], int64(n), 10))
	}
	for y, row := range modules {
		for x := 0; x < size; x++ {
			if !row[x] {
				continue
			}
			start := x
			for x < size && row[x] {
				x++
			}
			number('M', start)
			number(' ', y)
			number('h', x-start)
			b.WriteString("v1H")
			b.Write(strconv.AppendInt(digits[:0], int64(start), 10))
			b.WriteByte('z')
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes()
}

// drawPNG draws with two colours, one bit a pixel.
func (c codes) drawPNG(modules [][]bool) ([]byte, error) {
	size := len(modules) * pixelsPerModule
	picture := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x, line := 0, picture.Pix[y*picture.Stride:]; x < size; x++ {
			if modules[y/pixelsPerModule][x/pixelsPerModule] {
				line[x] = 1
			}
		}
	}
	var b bytes.Buffer
	if err := c.encoder.Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("draw code: %w", err)
	}
	return b.Bytes(), nil
}

package pay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"sync"

	"saoma/handlers/web"
)

const (
	pixelsPerModule = web.PixelsPerModule
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
		modules, err := web.NewCode(text)
		if err != nil {
			return code{}, err
		}
		picture, err := c.drawPNG(modules)
		if err != nil {
			return code{}, err
		}
		return code{svg: modules.SVG(), png: picture, hash: hash}, nil
	})
}

// drawPNG draws with two colours, one bit a pixel.
func (c codes) drawPNG(modules web.Code) ([]byte, error) {
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

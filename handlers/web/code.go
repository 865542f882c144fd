package web

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/skip2/go-qrcode"
)

// PixelsPerModule makes the picture sharp on any screen: each module is whole pixels wide.
const PixelsPerModule = 10

// Code is a QR code by row and column, the quiet zone included; true is dark.
type Code [][]bool

// NewCode returns the code that holds the text. It fails when the text is too long for a code.
// Level M is what the wallets print themselves: it survives glare without growing the code.
func NewCode(text string) (Code, error) {
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, fmt.Errorf("make code: %w", err)
	}
	return q.Bitmap(), nil
}

// SVG draws each run of dark modules in a row as one rectangle of a single path.
func (modules Code) SVG() []byte {
	var b bytes.Buffer
	size, pixels := len(modules), len(modules)*PixelsPerModule
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

package pictures

import (
	"bytes"
	"encoding/binary"
	"image"
)

// orientation is how a camera was held, as Exif numbers it from 1 to 8. The numbers from 5 on lie on
// their side.
type orientation int

const upright orientation = 1

func (o orientation) onItsSide() bool { return o >= 5 }

// widthOf returns how wide a picture of that size is once it is upright.
func (o orientation) widthOf(size image.Point) int {
	if o.onItsSide() {
		return size.Y
	}
	return size.X
}

// apply turns and mirrors the picture until it is upright.
func (o orientation) apply(from *image.RGBA) *image.RGBA {
	if o == upright {
		return from
	}
	w, h := from.Rect.Dx(), from.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if o.onItsSide() {
		size = image.Rect(0, 0, h, w)
	}
	to := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			fromX, fromY := o.source(x, y, w, h)
			copy(to.Pix[to.PixOffset(x, y):][:4], from.Pix[from.PixOffset(fromX, fromY):][:4])
		}
	}
	return to
}

// source returns which pixel of a picture of w by h stands at x, y of the upright one.
func (o orientation) source(x, y, w, h int) (fromX, fromY int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	default:
		return x, y
	}
}

// Segments of a JPEG file that the search for its Exif knows.
const (
	jpegStart = 0xd8
	jpegExif  = 0xe1
	jpegScan  = 0xda // from here on there are pixels
)

// orientationOf returns how the camera was held that made a JPEG file; upright when the file does not
// say so in a way that can be read, and for other files.
func orientationOf(file []byte) orientation {
	if len(file) < 4 || file[0] != 0xff || file[1] != jpegStart {
		return upright
	}
	for rest := file[2:]; len(rest) >= 4 && rest[0] == 0xff && rest[1] != jpegScan; {
		length := int(binary.BigEndian.Uint16(rest[2:]))
		if length < 2 || length+2 > len(rest) {
			break
		}
		segment := rest[4 : length+2]
		if tiff, is := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); rest[1] == jpegExif && is {
			return orientationInTIFF(tiff)
		}
		rest = rest[length+2:]
	}
	return upright
}

// orientationTag is the number of the entry in TIFF's first directory.
const orientationTag = 0x0112

func orientationInTIFF(tiff []byte) orientation {
	var order binary.ByteOrder = binary.BigEndian
	if bytes.HasPrefix(tiff, []byte("II")) {
		order = binary.LittleEndian
	}
	const entrySize = 12
	if len(tiff) < 8 {
		return upright
	}
	begin := uint64(order.Uint32(tiff[4:]))
	if begin+2 > uint64(len(tiff)) {
		return upright
	}
	entries := tiff[begin+2:]
	for range order.Uint16(tiff[begin:]) {
		if len(entries) < entrySize {
			break
		}
		if order.Uint16(entries) == orientationTag {
			if o := orientation(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[entrySize:]
	}
	return upright
}

package models

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// PictureWidths are the widths in which pictures are kept, as far as they are so wide.
var PictureWidths = []int{320, 640, 1280}

// Picture is one size of a picture that was uploaded, a JPEG file. Rows are only ever added: orders
// name pictures, and browsers keep them.
type Picture struct {
	Hash      string `gorm:"primaryKey"` // of the sizes together
	Width     int    `gorm:"primaryKey;autoIncrement:false"`
	Height    int
	Body      []byte
	CreatedAt time.Time
}

// PictureName is what a product or a variant keeps of its picture: which it is, and how large it is
// where it is largest.
type PictureName struct {
	Hash          string
	Width, Height int
}

const pictureHash = 32 // characters

func (n PictureName) String() string { return fmt.Sprintf("%s-%dx%d.jpg", n.Hash, n.Width, n.Height) }

// ParsePictureName reads what String writes; false for every other text, such as the name of a picture
// that is part of the program.
func ParsePictureName(text string) (PictureName, bool) {
	if len(text) < pictureHash {
		return PictureName{}, false
	}
	n := PictureName{Hash: text[:pictureHash]}
	_, err := fmt.Sscanf(text[pictureHash:], "-%dx%d.jpg", &n.Width, &n.Height)
	return n, err == nil && n.Width > 0 && n.Height > 0 && n.String() == text && isHex(n.Hash)
}

func isHex(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil
}

// Widths are those in which the picture is kept, the own and largest one last.
func (n PictureName) Widths() []int {
	var all []int
	for _, width := range PictureWidths {
		if width < n.Width {
			all = append(all, width)
		}
	}
	return append(all, n.Width)
}

// hashPictures names sizes of a picture by what is in them.
func hashPictures(sizes []Picture) string {
	h := sha256.New()
	for _, size := range slices.Backward(sizes) {
		writeField(h, size.Body)
	}
	return hex.EncodeToString(h.Sum(nil))[:pictureHash]
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"saoma/handlers/pictures"
	"saoma/handlers/web"
	"saoma/models"
)

// uploadPatience is how long a large picture may take, with others before it.
const uploadPatience = 40 * time.Second

// patiently gives a handler of pictures more time than others have.
func patiently(do fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(context.Background(), uploadPatience)
		defer cancel()
		c.SetUserContext(ctx)
		return do(c)
	}
}

// maxUpload is how many bytes a form with a file may have: as many as the largest file, and something
// around it. A file that is too large for its field and fits is refused at the field.
const maxUpload = maxStatement + 1<<20

// maxFile returns how many bytes a file may have that is sent to the address, and 0 where the desk takes
// none.
func maxFile(address string) int {
	switch {
	case address == statementPath:
		return maxStatement
	case address == goodsPath+"/import", address == goodsPath+"/import/apply":
		return maxCatalogue
	case address == logoPath, strings.HasPrefix(address, goodsPath+"/") && strings.HasSuffix(address, "/picture"):
		return pictures.MaxBytes
	default:
		return 0
	}
}

// MaxUpload returns how many bytes a form may have that is sent to the address, where the desk takes a
// file, and 0 where it takes none.
func MaxUpload(address string) int {
	if maxFile(address) > 0 {
		return maxUpload
	}
	return 0
}

// upload is the form that takes a picture.
type upload struct {
	Title   string
	Action  string
	Picture *web.Picture // the present one; nil: none
	Error   string
}

// upload makes the form for what has its page at the address.
func (p Page) upload(address, image string, errs web.FieldErrors) *upload {
	u := &upload{Title: p.T("admin.goods.picture"), Action: address + "/picture"}
	if image != "" {
		picture := p.Picture(image)
		u.Picture = &picture
	}
	if key := errs["picture"]; key != "" {
		u.Error = p.T(key)
	}
	return u
}

// fields is what can be at fault in the form, as the page names it.
func (u *upload) fields() []web.Field {
	return []web.Field{{Name: "picture-file", Label: u.Title, Error: u.Error}}
}

func errPicture(key string) *models.Error {
	return &models.Error{Kind: models.Invalid, Key: key, Field: "picture"}
}

// takePicture hands on the picture that a form brings in the sizes that pages show, or none when the
// form asks to take the present one away. What cannot be taken is refused at the form's field.
func (a *Pages) takePicture(c *fiber.Ctx, set func(sizes []models.Picture) error) error {
	if removes(c) {
		return set(nil)
	}
	file, err := c.FormFile("picture")
	if err != nil || file.Size == 0 {
		return errPicture("invalid.picture_none")
	}
	body, err := readFile(file, pictures.MaxBytes)
	if errors.Is(err, errFileTooLarge) {
		return errPicture("invalid.picture_bytes")
	}
	if err != nil {
		return err
	}
	sizes, err := a.scale(c.UserContext(), body)
	if err != nil {
		return err
	}
	return set(sizes)
}

// removes reports whether the form asks to take the present picture away.
func removes(c *fiber.Ctx) bool { return web.FormValue(c, "remove") != "" }

// pictureDone is the key that tells what a form with a picture did.
func pictureDone(c *fiber.Ctx, set, removed string) string {
	if removes(c) {
		return removed
	}
	return set
}

// errFileTooLarge: a file has more bytes than are read.
var errFileTooLarge = errors.New("file too large")

// readFile reads a file that came with a form, of so many bytes at most.
func readFile(header *multipart.FileHeader, most int64) ([]byte, error) {
	if header.Size > most {
		return nil, errFileTooLarge
	}
	file, err := header.Open()
	if err != nil {
		return nil, fmt.Errorf("open what was uploaded: %w", err)
	}
	defer file.Close()
	return io.ReadAll(file)
}

// scale makes the sizes of a picture, one picture at a time: each takes much memory.
func (a *Pages) scale(ctx context.Context, file []byte) ([]models.Picture, error) {
	select {
	case a.scaling <- struct{}{}:
		defer func() { <-a.scaling }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	made, err := pictures.Scale(file, models.PictureWidths...)
	for told, key := range map[error]string{
		pictures.ErrFormat: "invalid.picture_format", pictures.ErrBroken: "invalid.picture_broken",
		pictures.ErrHuge: "invalid.picture_huge", pictures.ErrBytes: "invalid.picture_bytes",
	} {
		if errors.Is(err, told) {
			return nil, errPicture(key).Because(err)
		}
	}
	if err != nil {
		return nil, err
	}
	sizes := make([]models.Picture, len(made))
	for i, p := range made {
		sizes[i] = models.Picture{Width: p.Width, Height: p.Height, Body: p.JPEG}
	}
	return sizes, nil
}

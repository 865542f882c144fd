package handlers

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"saoma/models"
)

// asOwner logs the browser in at the desk.
func (b *browser) asOwner() {
	b.t.Helper()
	owner, err := b.store.CreateStaff(b.t.Context(), models.CommandLine(), "owner@example.com", models.RoleOwner, "no hash")
	if err != nil {
		b.t.Fatal(err)
	}
	token := models.NewToken()
	by := models.Actor{StaffID: owner.ID, Name: owner.Email, Address: "203.0.113.7"}
	if err := b.store.OpenStaffSession(b.t.Context(), by, false, token, "", ""); err != nil {
		b.t.Fatal(err)
	}
	b.cookies["saoma-staff"] = token
	b.get("/admin/account")
}

// sendFile sends a form with a file and returns the answer's status.
func (b *browser) sendFile(target, field string, file []byte) int {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile(field, "holiday.jpg")
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		b.t.Fatal(err)
	}
	if err := form.WriteField("_csrf", b.token); err != nil {
		b.t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, target, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := b.app.Test(r, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode
}

// noise is a PNG file that cannot be made small.
func noise(t *testing.T, w, h int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = uint8(rand.Uint32())
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A picture goes from the desk to the buyer: larger than other requests may be, and in the sizes that
// the pages need.
func TestPicturesFromDeskToBuyer(t *testing.T) {
	s := newShop(t)
	b := s.browse(desktop)
	b.asOwner()
	teaSet, err := s.store.ProductBySlug(t.Context(), "tea-set")
	if err != nil {
		t.Fatal(err)
	}
	file := noise(t, 1400, 1000)
	if len(file) <= bodyLimit {
		t.Fatalf("the file has %d bytes, want more than the %d that other requests may have", len(file), bodyLimit)
	}
	if got := b.sendFile("/admin/goods/"+teaSet.ID+"/picture", "picture", file); got != http.StatusSeeOther {
		t.Fatalf("upload: got %d, want 303", got)
	}
	if teaSet, err = s.store.ProductBySlug(t.Context(), "tea-set"); err != nil {
		t.Fatal(err)
	}
	name, is := models.ParsePictureName(teaSet.Image)
	if !is || name.Width != 1280 {
		t.Fatalf("got the picture %q, want one that is 1280 wide", teaSet.Image)
	}
	media := "/media/" + name.Hash
	sources := `srcset="` + media + "-320.jpg 320w, " + media + "-640.jpg 640w, " + media + `-1280.jpg 1280w"`
	buyer := s.browse(desktop)
	buyer.fill("tea-set", "TEA-SET", "1")
	for _, page := range []string{"/", "/products/tea-set", "/cart"} {
		buyer.get(page).check(t, page, 200, "", []string{`src="` + media + `-640.jpg" ` + sources, `width="640" height="457"`}, nil)
	}

	picture := s.browse(desktop).get(media + "-640.jpg")
	for header, want := range map[string]string{
		"Content-Type": "image/jpeg", "X-Content-Type-Options": "nosniff", "Cache-Control": "public, max-age=31536000, immutable",
		"Etag": `"` + name.Hash + `-640"`, "Set-Cookie": "",
	} {
		if got := picture.header.Get(header); got != want {
			t.Errorf("%s of a picture: got %q, want %q", header, got, want)
		}
	}
	if size, err := jpeg.DecodeConfig(strings.NewReader(picture.body)); err != nil || size.Width != 640 || size.Height != 457 {
		t.Errorf("picture: got %d by %d, %v; want 640 by 457", size.Width, size.Height, err)
	}
	for _, gone := range []string{
		media + "-641.jpg", media + "-0640.jpg", media + "-640.png", media + "-.jpg", media + "-640", "/media/", "/media/" + strings.Repeat("0", 32) + "-640.jpg",
		media + "-640.jpg/x", "/media/../static/app.css",
	} {
		if got := s.browse(desktop).get(gone); got.status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", gone, got.status)
		}
	}
	r := httptest.NewRequest(http.MethodGet, media+"-640.jpg", nil)
	r.Header.Set("If-None-Match", `"`+name.Hash+`-640"`)
	resp, err := s.app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNotModified {
		t.Errorf("a picture that the browser has: got %d, want 304", resp.StatusCode)
	}
}

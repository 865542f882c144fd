package models

import (
	"context"
	"errors"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Refusals about pictures.
var (
	// ErrPictureNotFound: there is no such picture, or not in that width.
	ErrPictureNotFound = &Error{Kind: NotFound, Key: "error.page_not_found"}
	// ErrPictureUnknown: a catalogue file names a picture that was uploaded to another shop.
	ErrPictureUnknown = &Error{Kind: Invalid, Key: "invalid.picture_unknown", Field: "file"}
)

// PictureBody returns the file of one size of a picture, or ErrPictureNotFound.
func (s *Store) PictureBody(ctx context.Context, hash string, width int) ([]byte, error) {
	var p Picture
	err := s.query(ctx, func(db *gorm.DB) error {
		return db.Where("hash = ? AND width = ?", hash, width).Take(&p).Error
	})
	return p.Body, notFound(err, ErrPictureNotFound)
}

// SetProductPicture gives a product a picture in these sizes, the largest last; without any, the product
// has none any more.
func (s *Store) SetProductPicture(ctx context.Context, by Actor, id string, sizes []Picture) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		p, err := productByID(tx.db, id)
		if err != nil {
			return err
		}
		return tx.setPicture(by, &Product{ID: p.ID}, p.Slug, p.Image, sizes)
	})
}

// SetVariantPicture gives a variant a picture of its own, as SetProductPicture does.
func (s *Store) SetVariantPicture(ctx context.Context, by Actor, sku string, sizes []Picture) error {
	return s.Tx(ctx, func(tx *Tx) error {
		if err := tx.standInLine(); err != nil {
			return err
		}
		v, err := variantBySKU(tx.db, sku)
		if err != nil {
			return err
		}
		return tx.setPicture(by, &Variant{ID: v.ID}, v.SKU, v.Image, sizes)
	})
}

// setPicture lets the row show the picture, and keeps the picture.
func (tx *Tx) setPicture(by Actor, row any, subject, was string, sizes []Picture) error {
	name := nameOf(sizes)
	if name == was {
		return nil
	}
	if err := tx.keepPicture(sizes); err != nil {
		return err
	}
	if err := tx.db.Model(row).Updates(map[string]any{"image": name}).Error; err != nil {
		return err
	}
	return tx.AddAudit(by, ActPicture, subject, was+" → "+name)
}

// nameOf is what is kept of a picture in these sizes, empty when there are none.
func nameOf(sizes []Picture) string {
	if len(sizes) == 0 {
		return ""
	}
	largest := sizes[len(sizes)-1]
	return PictureName{hashPictures(sizes), largest.Width, largest.Height}.String()
}

// keepPicture adds the sizes, unless they are there.
func (tx *Tx) keepPicture(sizes []Picture) error {
	if len(sizes) == 0 {
		return nil
	}
	hash := hashPictures(sizes)
	for i := range sizes {
		sizes[i].Hash = hash
	}
	return tx.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&sizes).Error
}

// checkPictures refuses products that name pictures which were uploaded, and not to this shop.
func checkPictures(db *gorm.DB, products []Product) error {
	var named []PictureName
	var hashes []string
	note := func(image string) {
		if name, is := ParsePictureName(image); is {
			named, hashes = append(named, name), append(hashes, name.Hash)
		}
	}
	for _, p := range products {
		note(p.Image)
		for _, v := range p.Variants {
			note(v.Image)
		}
	}
	if len(named) == 0 {
		return nil
	}
	var known []Picture
	if err := db.Omit("body").Where("hash IN ?", hashes).Find(&known).Error; err != nil {
		return err
	}
	for _, name := range named {
		if !slices.ContainsFunc(known, func(p Picture) bool { return name == PictureName{p.Hash, p.Width, p.Height} }) {
			return ErrPictureUnknown.Because(errors.New(name.String()))
		}
	}
	return nil
}

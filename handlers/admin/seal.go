package admin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"saoma/handlers/web"
)

// seals keep the secrets of second factors from those who see the database and not the shop's secret
// key. What was sealed under the previous key can still be read.
type seals []cipher.AEAD

func newSeals(base *web.Base) (seals, error) {
	keys, err := base.Keys("second factor")
	if err != nil {
		return nil, err
	}
	s := make(seals, len(keys))
	for i, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if s[i], err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// seal locks a secret of a member.
func (s seals) seal(staffID, secret string) string {
	nonce := make([]byte, s[0].NonceSize())
	rand.Read(nonce) // never fails
	return base64.RawStdEncoding.EncodeToString(s[0].Seal(nonce, nonce, []byte(secret), []byte(staffID)))
}

var errSeal = errors.New("the seal does not open: secret_key is another one than when it was made")

// open returns what seal locked for the member.
func (s seals) open(staffID, sealed string) (string, error) {
	raw, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("open a seal: %w", err)
	}
	for _, key := range s {
		n := key.NonceSize()
		if len(raw) < n {
			continue
		}
		if secret, err := key.Open(nil, raw[:n], raw[n:], []byte(staffID)); err == nil {
			return string(secret), nil
		}
	}
	return "", errSeal
}

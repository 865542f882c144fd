package config

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// Secret is a credential. Printed, logged or marshalled it is dots and at most its last four
// characters; string(s) is the credential itself. Keep it in exported fields only: package fmt
// prints unexported ones without asking their type.
type Secret string

// String returns the secret as it may be shown.
func (s Secret) String() string {
	runes := []rune(string(s))
	switch {
	case len(runes) == 0:
		return ""
	case len(runes) < minSecret:
		return "••••"
	}
	return "••••" + string(runes[len(runes)-4:])
}

// Format prints String for every verb and flag, %#v and misused ones included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText writes String, in JSON and YAML as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SecretKeys returns the key that signs sessions and the one before it, which is nil when there
// is none. Without a configured key, one is made in DataDir and found there ever after; two
// starts at the same moment get the same key.
func (c *Config) SecretKeys() (current, previous []byte, err error) {
	if c.SecretKeyPrevious != "" {
		previous = []byte(c.SecretKeyPrevious)
	}
	if c.SecretKey != "" {
		return []byte(c.SecretKey), previous, nil
	}
	current, err = keptKey(filepath.Join(c.DataDir, "secret.key"))
	if err != nil {
		return nil, nil, fmt.Errorf("secret key in data_dir: %w", err)
	}
	return current, previous, nil
}

// keptKey returns the key in the file, after making the file when there is none.
func keptKey(path string) ([]byte, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeKey(path)
	}
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if key = withoutNewline(key); len(key) < minSecretKey {
		return nil, fmt.Errorf("%s holds fewer than %d bytes: put the right key back, or remove the file and a new key is made", path, minSecretKey)
	}
	return key, nil
}

// makeKey writes a new key to the path, whole or not at all, and never over another.
func makeKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".secret.key-*") // only its owner may read it
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if err := errors.Join(writeKey(temp), temp.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link fails when another process was first; its key counts then.
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func writeKey(f *os.File) error {
	raw := make([]byte, minSecretKey)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, hex.EncodeToString(raw)); err != nil {
		return err
	}
	return f.Sync()
}

// withoutNewline drops one line end, which editors and shells leave behind a key.
func withoutNewline(text []byte) []byte {
	text = bytes.TrimSuffix(text, []byte("\n"))
	return bytes.TrimSuffix(text, []byte("\r"))
}

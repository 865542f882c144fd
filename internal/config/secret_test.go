package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// planted is a credential that must be found nowhere; its last four characters may.
const planted = "PLANTED-credential-of-the-shop-wxyz"

// exposed reports whether a text gives away more of the credential than it may.
func exposed(text string) bool {
	return strings.Contains(text, "-wxyz") || strings.Contains(text, "PLANTED")
}

// plant returns a configuration with the credential in every Secret.
func plant(t *testing.T) *Config {
	t.Helper()
	c, n := defaults(), 0
	for _, f := range fieldsOf("", reflect.ValueOf(c).Elem()) {
		if secret, ok := f.value.Addr().Interface().(*Secret); ok {
			*secret = planted
			n++
		}
	}
	if n != 7 {
		t.Fatalf("got %d secrets in the configuration, want 7", n)
	}
	return c
}

func TestSecretsAreNotPrinted(t *testing.T) {
	c := plant(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%20.40s"} {
		for _, value := range []any{c, *c, c.SecretKey, &c.SecretKey, []Secret{planted}, map[string]any{"key": c.Database}} {
			if got := fmt.Sprintf(verb, value); exposed(got) {
				t.Errorf("%s of a %T prints the credential: %s", verb, value, got)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c, "key", c.SecretKey, "database", c.Database)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "key", c.SecretKey, "database", c.Database)
	if exposed(log.String()) {
		t.Errorf("the log holds the credential: %s", log.String())
	}
	asJSON, err := json.Marshal(c)
	if err != nil || exposed(string(asJSON)) {
		t.Errorf("JSON: got %s and error %v, want no credential", asJSON, err)
	}
	asYAML, err := yaml.Marshal(c)
	if err != nil || exposed(string(asYAML)) {
		t.Errorf("YAML: got %s and error %v, want no credential", asYAML, err)
	}
}

func TestSecretString(t *testing.T) {
	for secret, want := range map[Secret]string{
		"":                 "",
		"x":                "••••",
		"123456789012345":  "••••",
		"1234567890123456": "••••3456",
		planted:            "••••wxyz",
		"十六个字符长的密钥就是这样写的扫码": "••••写的扫码",
	} {
		if got := secret.String(); got != want {
			t.Errorf("Secret(%q): got %q, want %q", string(secret), got, want)
		}
	}
}

// TestMistakesDoNotRepeatSecrets makes every mistake that a credential can be part of.
func TestMistakesDoNotRepeatSecrets(t *testing.T) {
	tests := map[string]struct {
		text    string
		environ []string
	}{
		"wrong everywhere": {environ: []string{
			"SAOMA_SANDBOX_ENABLED=false",
			"SAOMA_SECRET_KEY=PLANTED",
			"SAOMA_SECRET_KEY_PREVIOUS=PLANTED",
			"SAOMA_REDIS_URL=PLANTED://user:PLANTED@%zz",
			"SAOMA_PUBLIC_URL=https://user:PLANTED@%zz",
			"SAOMA_GATEWAYS_SCANFORPAY_BASE_URL=https://user:PLANTED@pay.example",
			"SAOMA_GATEWAYS_SCANFORPAY_PARTNER_NO=PLANTED-PLANTED-PLANTED",
			"SAOMA_GATEWAYS_SCANFORPAY_SIGN_KEY=PLANTED",
			"SAOMA_GATEWAYS_PASS2PAY_APP_SECRET= " + strings.Repeat("PLANTED", 20),
		}},
		"credential as the name of a file": {environ: []string{"SAOMA_GATEWAYS_SCANFORPAY_SIGN_KEY_FILE=PLANTED"}},
		"credential in a list":             {text: "secret_key: [PLANTED]"},
		"credential as a section":          {text: "database: {dsn: {PLANTED: 1}}"},
		"credential as an alias":           {text: "secret_key: *PLANTED"},
		"credential with a tag":            {text: "secret_key: !!int PLANTED"},
		"credential as binary":             {text: "secret_key: !!binary PLANTED*"},
		"credential in open quotes":        {text: "secret_key: \"PLANTED\nshop: {}"},
		"credential with a colon":          {text: "secret_key: PLANTED: x"},
		"credential with an at sign":       {text: "secret_key: @PLANTED"},
		"credential with an escape":        {text: `secret_key: "\PLANTED"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, tt.text, tt.environ...)
			if err == nil {
				t.Fatal("got no error")
			}
			if exposed(err.Error()) {
				t.Errorf("the error repeats the credential: %v", err)
			}
		})
	}
}

func TestConfiguredSecretKeys(t *testing.T) {
	c := &Config{SecretKey: "current", SecretKeyPrevious: "previous", DataDir: t.TempDir()}
	current, previous, err := c.SecretKeys()
	if string(current) != "current" || string(previous) != "previous" || err != nil {
		t.Errorf("got %q, %q, %v, want the configured keys", current, previous, err)
	}
	if files, _ := os.ReadDir(c.DataDir); len(files) != 0 {
		t.Errorf("got %v in data_dir, want nothing", files)
	}
}

func TestKeptSecretKey(t *testing.T) {
	c := &Config{DataDir: filepath.Join(t.TempDir(), "new", "data")}
	first, previous, err := c.SecretKeys()
	if err != nil {
		t.Fatal(err)
	}
	if len(first) < minSecretKey || previous != nil {
		t.Errorf("got %d bytes and previous %q, want at least %d and none", len(first), previous, minSecretKey)
	}
	again, _, err := c.SecretKeys()
	if err != nil || !bytes.Equal(again, first) {
		t.Errorf("second start: got the same key %t, error %v", bytes.Equal(again, first), err)
	}
	files, err := os.ReadDir(c.DataDir)
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v, %v in data_dir, want the key alone", files, err)
	}
	info, err := files[0].Info()
	if err != nil || files[0].Name() != "secret.key" || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("got %s %s, %v, want secret.key for its owner alone", files[0].Name(), info.Mode(), err)
	}
}

// TestOneKeyForStartsAtOnce starts many at the same moment; all must sign with the same key.
func TestOneKeyForStartsAtOnce(t *testing.T) {
	for range 20 {
		c := &Config{DataDir: t.TempDir()}
		keys, errs := make([]string, 8), make([]error, 8)
		var starts sync.WaitGroup
		for i := range keys {
			starts.Go(func() {
				key, _, err := c.SecretKeys()
				keys[i], errs[i] = string(key), err
			})
		}
		starts.Wait()
		for i := range keys {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if keys[i] != keys[0] {
				t.Fatalf("start %d has another key than start 0", i)
			}
		}
	}
}

func TestBrokenKeyFile(t *testing.T) {
	c := &Config{DataDir: t.TempDir()}
	write(t, filepath.Join(c.DataDir, "secret.key"), "short-PLANTED\n")
	_, _, err := c.SecretKeys()
	if err == nil || !strings.Contains(err.Error(), "secret.key holds fewer than 32 bytes") || exposed(err.Error()) {
		t.Errorf("got error %v, want one that says the file is too short and not what it holds", err)
	}
	if _, _, err := (&Config{DataDir: filepath.Join(c.DataDir, "secret.key")}).SecretKeys(); err == nil {
		t.Error("with a file as data_dir: got no error")
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saoma/models"
)

// TestVerifyAndReplayCommands sells through each gateway, and then damages what was kept of it.
func TestVerifyAndReplayCommands(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, d database) {
		s := startShop(t, d)
		for _, agent := range []string{iPhoneWeChat, iPhoneSafari} {
			b := s.visitor(agent)
			b.order("EBOOK", string(models.WeChat))
			b.payAndReturn("before")
		}
		s.stop()
		var number string
		if err := s.db.QueryRow("SELECT number FROM orders ORDER BY id LIMIT 1").Scan(&number); err != nil {
			t.Fatal(err)
		}
		config, err := os.ReadFile(s.config)
		if err != nil {
			t.Fatal(err)
		}
		otherKey := filepath.Join(t.TempDir(), "config.yaml")
		config = append(config, "\ngateways: {scanforpay: {base_url: 'http://127.0.0.1:9', partner_no: '10086', store_no: '1', sign_key: another-key-0123456789abcdef}}"...)
		if err := os.WriteFile(otherKey, config, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name, damage   string
			args           []string
			code           int
			stdout, stderr string // parts of them
		}{
			{"nothing is broken", "", []string{"verify"}, 0, "Checked 2 orders and ", ""},
			{"nothing differs", "", []string{"replay", number}, 0, "now:  accepted (verified success)\n", ""},
			{"the key was changed", "", []string{"replay", number, "--config", otherKey}, 0, "now:  not decided: it does not verify", ""},
			{"no such order", "", []string{"replay", "NONE"}, 1, "", "saoma: there is no order \"NONE\"\n"},
			{"no order named", "", []string{"replay"}, 2, "", "wrong usage"},
			{"a verdict was changed", "UPDATE evidence SET verdict = 'ignored' WHERE rule = 'verified success'",
				[]string{"replay", number}, 1, "  !  now:  accepted (verified success)\n", "decisions that would be others now: 1\n"},
			{"so the chains are broken", "", []string{"verify"}, 1, "order " + number + ": evidence ", "the evidence is broken in 2 places\n"},
		} {
			if tt.damage != "" {
				if _, err := s.db.Exec(tt.damage); err != nil {
					t.Fatal(err)
				}
			}
			if len(tt.args) < 3 {
				tt.args = append(tt.args, "--config", s.config)
			}
			got := saoma(t, tt.args...)
			if got.code != tt.code || !strings.Contains(got.stdout, tt.stdout) || !strings.Contains(got.stderr, tt.stderr) {
				t.Errorf("%s: %q: got exit %d, output\n%s\nand error %q; want %d, %q, %q",
					tt.name, tt.args, got.code, got.stdout, got.stderr, tt.code, tt.stdout, tt.stderr)
			}
		}
	})
}

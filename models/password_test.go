package models

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckPassword(t *testing.T) {
	tests := []struct {
		password string
		want     error
	}{
		{"k7$Gw_zR9qLp", nil},
		{"purple elephants dance slowly", nil},
		{"我家门前有两棵树一棵是枣树", nil},
		{strings.Repeat("xk7 ", 32), nil},
		{"k7$Gw_zR9qL", ErrPasswordShort},
		{"", ErrPasswordShort},
		{strings.Repeat("xk7 ", 32) + "x", ErrPasswordLong},
		{"password1234", ErrPasswordCommon},
		{"Password123!", ErrPasswordCommon},
		{"P@ssw0rd2024!", ErrPasswordCommon},
		{"passwordpassword", ErrPasswordCommon},
		{"qwertyuiop123", ErrPasswordCommon},
		{"1qaz2wsx3edc", ErrPasswordCommon},
		{"123456789012", ErrPasswordCommon},
		{"987654321098", ErrPasswordCommon},
		{"aaaaaaaaaaaaaaaa", ErrPasswordCommon},
		{"abcdefghijklmnop", ErrPasswordCommon},
		{"iloveyou2014", ErrPasswordCommon},
		{"correct horse battery staple", ErrPasswordCommon},
		{"administrator", ErrPasswordCommon},
		{"Welcome2Saoma!", ErrPasswordCommon},
		{"ada.wong2024!", ErrPasswordCommon},    // her own address
		{"TeaHouse-2024", ErrPasswordCommon},    // the shop's name
		{"ada wong likes green tea", nil},       // and more
		{"5up3rm4n5up3rm4n", ErrPasswordCommon}, // in disguise
	}
	for _, tt := range tests {
		if err := CheckPassword(tt.password, "ada.wong@example.com", "Tea House"); !errors.Is(err, tt.want) {
			t.Errorf("CheckPassword(%q): got %v, want %v", tt.password, err, tt.want)
		}
	}
}

func TestPasswordFits(t *testing.T) {
	hash, err := HashPassword("k7$Gw_zR9qLp")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash: got %s, want argon2id with 19 MiB twice over", hash)
	}
	tests := []struct {
		password, hash string
		want           bool
	}{
		{"k7$Gw_zR9qLp", hash, true},
		{"k7$Gw_zR9qLP", hash, false},
		{" k7$Gw_zR9qLp", hash, false},
		{"", hash, false},
		{strings.Repeat("x", 100_000), hash, false},
		{"k7$Gw_zR9qLp", "", false},
		{"", "", false},
		{"k7$Gw_zR9qLp", "not a hash", false},
	}
	for _, tt := range tests {
		if got := PasswordFits(tt.password, tt.hash); got != tt.want {
			t.Errorf("PasswordFits(%.20q, %.20q): got %t, want %t", tt.password, tt.hash, got, tt.want)
		}
	}
}

// TestNobodyTakesAsLong: the hash for those who are not there is one that is computed.
func TestNobodyTakesAsLong(t *testing.T) {
	hash, err := HashPassword("k7$Gw_zR9qLp")
	if err != nil {
		t.Fatal(err)
	}
	params := func(hash string) string {
		return hash[:strings.LastIndexByte(hash[:strings.LastIndexByte(hash, '$')], '$')]
	}
	if params(absentHash) != params(hash) || len(absentHash) != len(hash) {
		t.Errorf("hash of nobody: got %s, want it shaped as %s", absentHash, hash)
	}
}

package models

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
)

// Lengths of a password, in characters.
const (
	MinPassword = 12
	MaxPassword = 128
)

// Refusals of a new password.
var (
	ErrPasswordShort  = &Error{Kind: Invalid, Key: "invalid.password_short", Field: "new_password"}
	ErrPasswordLong   = &Error{Kind: Invalid, Key: "invalid.password_long", Field: "new_password"}
	ErrPasswordCommon = &Error{Kind: Invalid, Key: "invalid.password_common", Field: "new_password"}
)

// hashing is what one password costs: 19 MiB twice over. Hashes that were made at another cost go on
// working.
var hashing = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// HashPassword returns the form in which a password is kept. It takes tens of milliseconds and
// 19 MiB: callers bound how many run at once.
func HashPassword(password string) (string, error) {
	hash, err := argon2id.CreateHash(password, hashing)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// absentHash is of a password that nobody has.
const absentHash = "$argon2id$v=19$m=19456,t=2,p=1$5N9QIFLoH6J4MPRuFfhA3Q$QxWvHgdUW7FAHjoa20qe49YdgzdJYcIg63dG59yHj4s"

// PasswordFits reports whether the hash is of the password. With an empty hash it takes as long and
// says no, so that its time does not tell whether there is such a member. Bounded as HashPassword.
func PasswordFits(password, hash string) bool {
	if utf8.RuneCountInString(password) > MaxPassword {
		password = ""
	}
	there := hash != ""
	if !there {
		hash = absentHash
	}
	fits, err := argon2id.ComparePasswordAndHash(password, hash)
	return fits && there && err == nil
}

// minUnits is how much a password must hold beyond what is guessed first.
const minUnits = 8

// CheckPassword refuses a new password that is too short, too long, or soon guessed: made of little
// else than the words and rows of keys that people like, their own names (an e-mail address, the
// shop), years, and one character or a counted row of them repeated. Each such part counts as a
// single character, and fewer than eight are left.
func CheckPassword(password string, own ...string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < MinPassword:
		return ErrPasswordShort
	case n > MaxPassword:
		return ErrPasswordLong
	}
	if units(password, own) < minUnits {
		return ErrPasswordCommon
	}
	return nil
}

var (
	// leet undoes the most usual disguises.
	leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")
	year = regexp.MustCompile(`(19|20)[0-9]{2}`)
	// guessedFirst is what passwords are made of that are found in every collection of leaked ones, the
	// longer before the shorter that they hold.
	guessedFirst = strings.Fields(`
		qwertyuiop asdfghjkl zxcvbnm qwertz azerty qwerty qazwsxedc qazwsx wsxedc asdfgh asdf zxcvbn zxcv qwer qaz wsx edc
		administrator password passwort passw pass word admin root user login guest master manager system server
		welcome letmein changeme change secret access default temporary temp test demo sample example hello
		iloveyou love sunshine princess dragon monkey shadow superman batman football baseball basketball soccer
		liverpool chelsea arsenal barcelona starwars pokemon computer internet samsung google facebook freedom whatever
		trustno jordan michael jennifer jessica ashley daniel charlie thomas michelle nicole andrew anthony
		summer winter spring autumn january february march april june july august september october november december
		monday tuesday wednesday thursday friday saturday sunday
		china hongkong beijing shanghai woaini wode mima zhifu weixin wechat alipay payment money shop store saoma merchant
		abc correct horse battery staple my is the and you me i`)
)

// units counts the characters of a password, and each of its parts that is guessed first as one.
func units(password string, own []string) int {
	const part = "\x00"
	text := collapse(year.ReplaceAllString(strings.ToLower(password), part))
	text = leet.Replace(text)
	for _, word := range guessedFirst {
		text = strings.ReplaceAll(text, word, part)
	}
	for _, name := range own {
		name, _, _ = strings.Cut(strings.ToLower(name), "@")
		for piece := range strings.FieldsFuncSeq(name, func(r rune) bool { return strings.ContainsRune(". -_+", r) }) {
			if len(piece) > 2 {
				text = strings.ReplaceAll(text, leet.Replace(piece), part)
			}
		}
	}
	return utf8.RuneCountInString(text)
}

// collapse shortens each run of three and more that repeats one character ("aaaa") or counts up or
// down ("1234") to its first.
func collapse(text string) string {
	all := []rune(text)
	var out []rune
	for i := 0; i < len(all); {
		n := runLength(all[i:])
		if n < 3 {
			n = 1
		}
		out, i = append(out, all[i]), i+n
	}
	return string(out)
}

// runLength returns how many characters from the first on are the same step apart: -1, 0 or 1.
func runLength(all []rune) int {
	if len(all) < 2 || all[1]-all[0] < -1 || all[1]-all[0] > 1 {
		return 1
	}
	n := 2
	for n < len(all) && all[n]-all[n-1] == all[1]-all[0] {
		n++
	}
	return n
}

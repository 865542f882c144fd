package pass2pay

import (
	"cmp"
	"crypto/md5" // the only method that this gateway has
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"saoma/payments"
)

// params are the parameters of one message by name, each value as text: a string without its
// quotes and escapes, a number, boolean or object exactly as it stands in the JSON. That text is
// what is signed, so that unknown parameters count and no digit of a long number is lost.
type params map[string]string

// readParams reads one flat JSON object. Null is the same as absent to this gateway.
func readParams(raw []byte) (params, error) {
	members, err := payments.StrictObject(raw)
	if err != nil {
		return nil, err
	}
	p := make(params, len(members))
	for name, value := range members {
		switch value[0] {
		case 'n':
		case '"':
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, fmt.Errorf("member %q: %w", name, err)
			}
			p[name] = text
		default:
			p[name] = string(value)
		}
	}
	return p, nil
}

// canonical returns the text that is signed, without the secret: a fragment "name=value&" for
// each parameter except sign and those without a value, the whole fragments sorted without
// regard to ASCII case, values raw (Pass2Pay docs, signing a request; the order is the one that
// its server uses).
func (p params) canonical() string {
	var fragments []string
	for name, value := range p {
		if name != "sign" && value != "" {
			fragments = append(fragments, name+"="+value+"&")
		}
	}
	slices.SortFunc(fragments, func(a, b string) int {
		return cmp.Or(compareFold(a, b), strings.Compare(a, b))
	})
	return strings.Join(fragments, "")
}

// compareFold compares as strings.Compare does, with A to Z in the place of a to z.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if c := cmp.Compare(lower(a[i]), lower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func digest(p params, secret string) [md5.Size]byte {
	return md5.Sum([]byte(p.canonical() + "key=" + secret))
}

// sign returns the signature over the parameters in upper-case hex.
func sign(p params, secret string) string {
	sum := digest(p, secret)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// verify returns payments.ErrSignature unless given is the signature over the parameters, in
// either letter case. A missing signature, an unset secret and a method other than MD5 fail.
func verify(p params, given, secret string) error {
	if secret == "" {
		return fmt.Errorf("%w: no secret is set", payments.ErrSignature)
	}
	if method := p["signType"]; method != "" && method != signType {
		return fmt.Errorf("%w: signType is not %s", payments.ErrSignature, signType)
	}
	got, err := hex.DecodeString(given)
	if err != nil || len(got) != md5.Size {
		return fmt.Errorf("%w: sign is not %d hex digits", payments.ErrSignature, 2*md5.Size)
	}
	want := digest(p, secret)
	if subtle.ConstantTimeCompare(got, want[:]) != 1 {
		return payments.ErrSignature
	}
	return nil
}

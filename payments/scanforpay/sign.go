package scanforpay

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"saoma/payments"
)

// sign returns the signature of a request or response: the SHA-256 of its bytes as they stand in
// the message, followed by the key, in lower-case hex (ScanForPay docs, Signature).
func sign(raw []byte, key string) string {
	return hex.EncodeToString(digest(raw, key))
}

func digest(raw []byte, key string) []byte {
	h := sha256.New()
	h.Write(raw)
	h.Write([]byte(key))
	return h.Sum(nil)
}

// encode writes a request once. The bytes it returns are signed and sent as they are: writing
// them a second time would escape or space them differently, and the signature would be wrong.
func encode(request any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(request); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// seal puts raw into an envelope with its signature. The member is "request" on what we send and
// "response" on what the gateway sends.
func seal(member string, raw []byte, key string) []byte {
	return fmt.Appendf(nil, `{"%s":%s,"signature":"%s"}`, member, raw, sign(raw, key))
}

// open returns the bytes of the response in an envelope, exactly as they stand there, once their
// signature is verified. All errors are payments.ErrSignature: until a signature is found and
// fits, nothing in the message can be believed.
func open(envelope []byte, key string) ([]byte, error) {
	if key == "" {
		return nil, fmt.Errorf("%w: no key to verify it with", payments.ErrSignature)
	}
	members, err := payments.StrictObject(envelope)
	if err != nil {
		return nil, fmt.Errorf("%w: envelope: %w", payments.ErrSignature, err)
	}
	raw, ok := members["response"]
	if !ok {
		return nil, fmt.Errorf("%w: envelope has no response", payments.ErrSignature)
	}
	var signature string
	if value := members["signature"]; len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &signature) != nil {
		return nil, fmt.Errorf("%w: envelope has no signature", payments.ErrSignature)
	}
	got, err := hex.DecodeString(signature)
	if err != nil {
		return nil, fmt.Errorf("%w: not hex", payments.ErrSignature)
	}
	if subtle.ConstantTimeCompare(got, digest(raw, key)) != 1 {
		return nil, payments.ErrSignature
	}
	return raw, nil
}

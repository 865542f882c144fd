package pass2pay

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"saoma/payments"
)

const demoSecret = "p2p-demo-secret-0001"

// The names of the vectors are those of the notes they were computed in, by three programs that
// are independent of this one.
func TestSignVectors(t *testing.T) {
	const v1 = `{"amount":12850,"appId":"65f0a1b2c3d4e5f601234567","body":"0",
		"channelExtra":"{\"payDataType\":\"payUrl\"}","clientIp":"114.114.114.114","currency":"cny",
		"custNo":"C10001","expiredTime":1800,"extParam":null,"mchNo":"M1700000001",
		"mchOrderNo":"PP202603010001","notifyUrl":"https://shop.example/pay/pass2pay/notify",
		"registerTime":"1700000000000","reqTime":"1772337600000",
		"returnUrl":"https://shop.example/pay/pass2pay/return/tok123","sign":"ignored","signType":"MD5",
		"subject":"商品","userName":"","version":"1.1","wayCode":"ALI_WAP"}`
	const common = `"version":"1.0","signType":"MD5","reqTime":"1700000000123"`
	tests := []struct {
		name, message, secret, want string
		wrong                       []string
	}{
		{"V1 unified order", v1, demoSecret, "61ADB8DB3009C0B20B86B3668ED294D6", []string{
			"ED51C1A8DEA06223F6787789AB348627", // "0" dropped as empty
			"110C7C76CD0D84450C344AC42000C535", // values URL-encoded
			"D2E0A90404EA6F7D6194C001772D331F", // HMAC
		}},
		{"V2 response", `{"payOrderId":"P1793544595691261954","mchOrderNo":"PP202603010001","orderState":0,
			"payDataType":"payurl","payData":"https://cashier.example/wayCode?payOrderToken=408e2d8d"}`,
			demoSecret, "964CBF462866F33A5476CB3CD0A13E4D", []string{
				"F2874A647E44AB36E75E994B491A6EFD", // the zero dropped
			}},
		{"V4 mixed case", `{"amount":1,"Zone":"hk","appId":"a1"}`, demoSecret, "242EAC8D81792C666B13695859296714", []string{
			"65939EE2262F81D7846B815EBB207F11", // strict ASCII order
		}},
		{"V5 nothing", `{}`, demoSecret, "F5CB2E24B98FC410A5FF6BE90D51F7CC", nil},
		{"V6 refund", `{"appId":"65f0a1b2c3d4e5f601234567","currency":"cny","mchNo":"M1700000001",
			"mchOrderNo":"PP202603010001","mchRefundNo":"RR202603020001",
			"notifyUrl":"https://shop.example/pay/pass2pay/refund-notify","refundAmount":2850,
			"refundReason":"one cup broken","reqTime":"1772413200000","signType":"MD5","version":"1.0"}`,
			demoSecret, "6740B0B8985C2276A86A4B7DD354D53D", nil},
		{"V7 times as numbers", `{"amount":12850,"appId":"65f0a1b2c3d4e5f601234567","createdAt":1772337600123,
			"currency":"cny","mchNo":"M1700000001","mchOrderNo":"PP202603010001","payOrderId":"P1","state":2,
			"successTime":1772337788456,"wayCode":"ALI_QR"}`, demoSecret, "8738BD1863AC19336ACC026C919BB5DE", []string{
			"7D54D53ECD1E462E96F35419291DEBDE", // through float64
		}},
		{"V8 whole fragments sorted", `{"a0":"p","a":"z","key":"not-the-secret"}`, demoSecret,
			"E578E185F16A6954DA5AA784D260A714", nil},
		{"Jeepay rules", `{"platId":"1000","mchOrderNo":"P0123456789101","amount":"10000","clientIp":"192.168.0.111",
			"returnUrl":"https://www.baidu.com","notifyUrl":"https://www.baidu.com","reqTime":"20190723141000","version":"1.0"}`,
			"EWEFD123RGSRETYDFNGFGFGSHDFGH", "84E1CA56F984502BBAC06EA6707157F5", []string{
				"4A5078DABBCE0D9C4E7668DACB96FF7A", // printed in the docs
			}},
		{"derived docs", `{"money":"2.0","outTradeNo":"P12312321123","type":"wechat","userId":"test01"}`,
			"EWEFD123RGSRETYDFNGFGFGSHDFGH", "5E0AA05DD4BB4FE5AB65608123EBA591", nil},
		{"offline order", `{"mchNo":"M1621873433953","appId":"60cc09bce4b0f1c0b83761c9","amount":100,` + common + `}`,
			"offline-test-key", "CE76B1B36C5B683AD2F8FB0FCA95055B", nil},
		{"offline zeros", `{"amount":0,"state":0,` + common + `}`, "offline-test-key", "6F5CE7D1150794CB08A853964CDF3723", nil},
		{"offline case", `{"Zebra":"last","apple":"first",` + common + `}`, "offline-test-key", "9C90DE387B013B218B091D5BA0BB76B2", nil},
		// The fourth offline vector has the names "a" and "A", which no message may have at
		// once; see TestSignNamesThatDifferInCase.
		{"offline text", `{"subject":"测试商品","amount":1,` + common + `}`, "offline-test-key", "F9F6BC7ED815F9B4D129B4C16D28E2C7", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := readParams([]byte(tt.message))
			if err != nil {
				t.Fatalf("readParams: %v", err)
			}
			got := sign(p, tt.secret)
			if got != tt.want {
				t.Errorf("sign(%s) = %s, want %s", tt.message, got, tt.want)
			}
			for _, wrong := range tt.wrong {
				if got == wrong {
					t.Errorf("sign gave the well-known wrong result %s", wrong)
				}
				if err := verify(p, wrong, tt.secret); !errors.Is(err, payments.ErrSignature) {
					t.Errorf("verify of the wrong result %s = %v, want ErrSignature", wrong, err)
				}
			}
		})
	}
}

func TestSignNamesThatDifferInCase(t *testing.T) {
	p := params{"a": "z", "A": "a", "a0": "prefix", "version": "1.0", "signType": "MD5", "reqTime": "1700000000123"}
	const want = "BA9AF3B13F07EC35495DCC96D8171C56"
	if got := sign(p, "offline-test-key"); got != want {
		t.Errorf("sign(%v) = %s, want %s", p, got, want)
	}
}

func TestCanonical(t *testing.T) {
	tests := []struct {
		name, message, want string
	}{
		{"zero, false and blanks are values", `{"a":0,"b":"0","c":false,"d":" ","e":"","f":null}`, "a=0&b=0&c=false&d= &"},
		{"values are raw", `{"a":"x&y=z%41 +<>"}`, "a=x&y=z%41 +<>&"},
		{"escapes in the JSON are undone", `{"a":"\u5546\/\"\n"}`, "a=商/\"\n&"},
		{"numbers keep their digits", `{"a":1.50,"b":1e4,"c":9007199254740993}`, "a=1.50&b=1e4&c=9007199254740993&"},
		{"an object is its own text", `{"a":{"y": 1, "x":[2]}, "b":[1, 2]}`, `a={"y": 1, "x":[2]}&b=[1, 2]&`},
		{"space around members is not signed", "{ \"a\" : 1 ,\n \"b\" : \"2\" }\n", "a=1&b=2&"},
		{"underscore sorts before letters of either case", `{"aB":1,"a_":2,"ab0":3}`, "a_=2&ab0=3&aB=1&"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := readParams([]byte(tt.message))
			if err != nil {
				t.Fatalf("readParams: %v", err)
			}
			if got := p.canonical(); got != tt.want {
				t.Errorf("canonical of %s = %q, want %q", tt.message, got, tt.want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	p := params{"amount": "1", "appId": "a1", "Zone": "hk"}
	const good = "242EAC8D81792C666B13695859296714"
	tests := []struct {
		name, given, secret string
		signType            string
		ok                  bool
	}{
		{"upper case", good, demoSecret, "", true},
		{"lower case", strings.ToLower(good), demoSecret, "", true},
		{"mixed case", "242eac8D81792C666B13695859296714", demoSecret, "", true},
		{"missing", "", demoSecret, "", false},
		{"secret unset", good, "", "", false},
		{"secret unset, signed with nothing", sign(p, ""), "", "", false},
		{"other secret", good, demoSecret + "x", "", false},
		{"cut short", good[:31], demoSecret, "", false},
		{"one too many", good + "0", demoSecret, "", false},
		{"blank at the end", good + " ", demoSecret, "", false},
		{"not hex", strings.Repeat("G", 32), demoSecret, "", false},
		{"other method", sign(params{"amount": "1", "appId": "a1", "Zone": "hk", "signType": "RSA"}, demoSecret), demoSecret, "RSA", false},
		{"MD5 named", sign(params{"amount": "1", "appId": "a1", "Zone": "hk", "signType": "MD5"}, demoSecret), demoSecret, "MD5", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signed := params{"signType": tt.signType}
			for name, value := range p {
				signed[name] = value
			}
			err := verify(signed, tt.given, tt.secret)
			if tt.ok && err != nil {
				t.Errorf("verify(%q) = %v, want nil", tt.given, err)
			}
			if !tt.ok && !errors.Is(err, payments.ErrSignature) {
				t.Errorf("verify(%q) = %v, want ErrSignature", tt.given, err)
			}
			if err != nil && tt.secret != "" && strings.Contains(err.Error(), tt.secret) {
				t.Errorf("error %q tells the secret", err)
			}
		})
	}
}

func TestReadParamsRefuses(t *testing.T) {
	for _, message := range []string{
		``, `[]`, `"x"`, `null`, `{"a":1`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"state":1,"State":2}`,
		`{"state":1,"ſtate":2}`, "{\"a\":\"\xff\"}", `{"a":01}`,
	} {
		if p, err := readParams([]byte(message)); err == nil {
			t.Errorf("readParams(%q) = %v, want an error", message, p)
		}
	}
}

// Whatever is signed verifies, and stops verifying when any one value changes.
func TestSignCoversEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := params(rapid.MapOfN(rapid.StringMatching(`[A-Za-z][A-Za-z0-9]{0,8}`), rapid.String(), 1, 8).Draw(t, "params"))
		delete(p, "sign")
		delete(p, "signType")
		if len(p) == 0 {
			return
		}
		signature := sign(p, demoSecret)
		if err := verify(p, signature, demoSecret); err != nil {
			t.Fatalf("verify of what was signed: %v", err)
		}
		name := rapid.SampledFrom(names(p)).Draw(t, "name")
		p[name] += rapid.StringN(1, 4, -1).Draw(t, "suffix")
		if err := verify(p, signature, demoSecret); !errors.Is(err, payments.ErrSignature) {
			t.Fatalf("verify after %s changed = %v, want ErrSignature", name, err)
		}
	})
}

func TestSealSignsTheBytesItSends(t *testing.T) {
	raw, err := seal(orderRequest{common{"M1", "a1", "1772337600000", "1.0", "MD5"}, "P1<&>"}, demoSecret)
	if err != nil {
		t.Fatal(err)
	}
	p, err := readParams(raw)
	if err != nil {
		t.Fatalf("sealed request %s: %v", raw, err)
	}
	want := params{"mchNo": "M1", "appId": "a1", "reqTime": "1772337600000", "version": "1.0", "signType": "MD5", "mchOrderNo": "P1<&>"}
	want["sign"] = sign(want, demoSecret)
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("sealed request differs (-want +got):\n%s", diff)
	}
}

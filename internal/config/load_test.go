package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"
)

// builtin returns the config.yaml that main embeds.
func builtin(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// load loads a file with the text, and the environment, in a directory of its own.
func load(t testing.TB, text string, environ ...string) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	return Load(Source{Builtin: []byte(text), Environ: environ})
}

// contract is the public promise of what holds when nothing is configured, and what was added to it.
var contract = map[string]any{
	"listen":                               ":8080",
	"public_url":                           "http://localhost:8080",
	"trusted_proxies":                      []string{},
	"admin_listen":                         "",
	"data_dir":                             "data",
	"demo_data":                            true,
	"log.level":                            "info",
	"log.format":                           "text",
	"secret_key":                           Secret(""),
	"secret_key_previous":                  Secret(""),
	"database.driver":                      "sqlite",
	"database.dsn":                         Secret(""),
	"redis.url":                            Secret(""),
	"shop.name":                            "Saoma Demo",
	"shop.currency":                        "CNY",
	"shop.languages":                       []string{"en", "zh-Hans", "zh-Hant", "ja"},
	"shop.time_zone":                       "Asia/Hong_Kong",
	"shop.payment_window":                  15 * time.Minute,
	"shop.shipping_fee":                    int64(0),
	"shop.free_shipping_from":              int64(0),
	"mail.host":                            "",
	"mail.port":                            int64(0),
	"mail.tls":                             "starttls",
	"mail.user":                            "",
	"mail.password":                        Secret(""),
	"mail.from":                            "",
	"mail.reply_to":                        "",
	"policies.late_payment":                "fulfil_or_refund",
	"policies.duplicate_payment":           "refund",
	"gateways.scanforpay.enabled":          true,
	"gateways.scanforpay.base_url":         "",
	"gateways.scanforpay.partner_no":       "",
	"gateways.scanforpay.store_no":         "",
	"gateways.scanforpay.sign_key":         Secret(""),
	"gateways.scanforpay.currencies":       []string{"CNY", "HKD", "JPY"},
	"gateways.scanforpay.operator_id":      "",
	"gateways.scanforpay.terminal_no":      "",
	"gateways.scanforpay.validity":         12 * time.Hour,
	"gateways.scanforpay.allowed_hosts":    []string{},
	"gateways.scanforpay.statement.number": "number",
	"gateways.scanforpay.statement.refund_number":  "",
	"gateways.scanforpay.statement.reference":      "",
	"gateways.scanforpay.statement.type":           "type",
	"gateways.scanforpay.statement.payment_values": []string{"payment"},
	"gateways.scanforpay.statement.refund_values":  []string{"refund"},
	"gateways.scanforpay.statement.ignored_values": []string{},
	"gateways.scanforpay.statement.amount":         "amount",
	"gateways.scanforpay.statement.amount_unit":    "minor",
	"gateways.scanforpay.statement.currency":       "currency",
	"gateways.scanforpay.statement.time":           "time",
	"gateways.scanforpay.statement.time_format":    "2006-01-02 15:04:05",
	"gateways.scanforpay.statement.time_zone":      "",
	"gateways.pass2pay.enabled":                    true,
	"gateways.pass2pay.base_url":                   "",
	"gateways.pass2pay.mch_no":                     "",
	"gateways.pass2pay.app_id":                     "",
	"gateways.pass2pay.app_secret":                 Secret(""),
	"gateways.pass2pay.currencies":                 []string{"CNY"},
	"gateways.pass2pay.validity":                   2 * time.Hour,
	"gateways.pass2pay.allowed_hosts":              []string{},
	"gateways.pass2pay.refund_api":                 true,
	"gateways.pass2pay.close_api":                  true,
	"gateways.pass2pay.statement.number":           "number",
	"gateways.pass2pay.statement.refund_number":    "",
	"gateways.pass2pay.statement.reference":        "",
	"gateways.pass2pay.statement.type":             "type",
	"gateways.pass2pay.statement.payment_values":   []string{"payment"},
	"gateways.pass2pay.statement.refund_values":    []string{"refund"},
	"gateways.pass2pay.statement.ignored_values":   []string{},
	"gateways.pass2pay.statement.amount":           "amount",
	"gateways.pass2pay.statement.amount_unit":      "minor",
	"gateways.pass2pay.statement.currency":         "currency",
	"gateways.pass2pay.statement.time":             "time",
	"gateways.pass2pay.statement.time_format":      "2006-01-02 15:04:05",
	"gateways.pass2pay.statement.time_zone":        "",
	"routes": []Route{
		{Wallet: "wechat", Scene: "wallet", Gateway: "scanforpay", Method: "jspay"},
		{Wallet: "wechat", Scene: "desktop", Gateway: "scanforpay", Method: "qrcode"},
		{Wallet: "wechat", Scene: "phone", Gateway: "pass2pay", Method: "WX_H5"},
		{Wallet: "alipay", Scene: "wallet", Gateway: "scanforpay", Method: "jspay"},
		{Wallet: "alipay", Scene: "desktop", Gateway: "scanforpay", Method: "qrcode"},
		{Wallet: "alipay", Scene: "phone", Gateway: "pass2pay", Method: "ALI_WAP"},
		{Wallet: "alipayhk", Scene: "any", Gateway: "scanforpay", Method: "online"},
	},
	"sandbox.enabled":      true,
	"sandbox.allow_public": false,
}

func TestDefaultsAreTheContract(t *testing.T) {
	for name, text := range map[string]string{
		"config.yaml":       string(builtin(t)),
		"empty":             "",
		"only comments":     "# nothing\n",
		"empty sections":    "shop:\ngateways:\n  pass2pay:\n",
		"empty lists, text": "trusted_proxies:\nadmin_listen:\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := load(t, text)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]any{}
			for _, f := range fieldsOf("", reflect.ValueOf(c).Elem()) {
				got[f.path] = f.value.Interface()
			}
			if diff := cmp.Diff(contract, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if warnings := c.Warnings(); len(warnings) != 0 {
				t.Errorf("got warnings %q, want none", warnings)
			}
		})
	}
}

// TestFileDocumentsEveryKey asks of each key that it stands in config.yaml under a comment that
// ends in its default.
func TestFileDocumentsEveryKey(t *testing.T) {
	root, err := parse(builtin(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fieldsOf("", reflect.ValueOf(&Config{}).Elem()) {
		key, value := find(root, strings.Split(f.path, "."))
		if key == nil {
			t.Errorf("%s is not in config.yaml", f.path)
			continue
		}
		lines := strings.Split(key.HeadComment, "\n")
		if got, want := lines[len(lines)-1], "# Default: "+source(value); got != want || len(lines) < 2 {
			t.Errorf("%s has a comment that ends %q, want some words and then %q", f.path, got, want)
		}
	}
	routes, _ := find(root, []string{"routes"})
	for _, key := range keys(reflect.ValueOf(Route{})) {
		if !strings.Contains(routes.HeadComment, key+":") {
			t.Errorf("the comment of routes does not explain %s", key)
		}
	}
}

func find(node *yaml.Node, path []string) (key, value *yaml.Node) {
	for i := 0; i < len(node.Content); i += 2 {
		if node.Content[i].Value != path[0] {
			continue
		}
		if len(path) == 1 {
			return node.Content[i], node.Content[i+1]
		}
		return find(node.Content[i+1], path[1:])
	}
	return nil, nil
}

// source writes a value as config.yaml does.
func source(value *yaml.Node) string {
	switch {
	case value.Kind == yaml.ScalarNode && value.Style == yaml.DoubleQuotedStyle:
		return fmt.Sprintf("%q", value.Value)
	case value.Kind == yaml.ScalarNode:
		return value.Value
	case value.Style != yaml.FlowStyle:
		return "the rows below"
	}
	var words []string
	for _, item := range value.Content {
		words = append(words, item.Value)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func TestWhichFileIsRead(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "named.yaml", "shop: {name: Named}")
	src := Source{Builtin: []byte("shop: {name: Built in}")}
	shopName := func(src Source) string {
		t.Helper()
		c, err := Load(src)
		if err != nil {
			t.Fatal(err)
		}
		return c.Shop.Name
	}

	if got, want := shopName(src), "Built in"; got != want {
		t.Errorf("without any file: got %q, want %q", got, want)
	}
	write(t, "config.yaml", "shop: {name: Working directory}")
	if got, want := shopName(src), "Working directory"; got != want {
		t.Errorf("with config.yaml: got %q, want %q", got, want)
	}
	src.File = "named.yaml"
	if got, want := shopName(src), "Named"; got != want {
		t.Errorf("with --config: got %q, want %q", got, want)
	}
	src.File = "absent.yaml"
	if _, err := Load(src); err == nil {
		t.Error("with --config of an absent file: got no error")
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentBeatsFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	got, err := load(t, `{public_url: "https://old.example", shop: {name: Old, payment_window: 1h}}`,
		"HOME=/root",
		"SAOMA_PUBLIC_URL=https://Shop.Example/",
		"SAOMA_SECRET_KEY_FILE="+file("key", strings.Repeat("k", 32)+"\n"),
		"SAOMA_SECRET_KEY_PREVIOUS_FILE="+file("previous", strings.Repeat("p", 32)+"\r\n"),
		"SAOMA_DATA_DIR=/data",
		"SAOMA_DEMO_DATA=0",
		"SAOMA_DATABASE_DRIVER=mysql",
		"SAOMA_DATABASE_DSN_FILE="+file("dsn", "u:p@tcp(db)/saoma"),
		"SAOMA_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8",
		"SAOMA_SHOP_NAME=null",
		"SAOMA_SHOP_PAYMENT_WINDOW=90s",
		"SAOMA_SHOP_SHIPPING_FEE=1200",
		"SAOMA_SHOP_LANGUAGES=[ja, en]",
		"SAOMA_GATEWAYS_SCANFORPAY_SIGN_KEY=*&#: {not YAML",
		"SAOMA_GATEWAYS_SCANFORPAY_CURRENCIES_FILE="+file("currencies", "CNY,HKD\n"),
		"SAOMA_GATEWAYS_PASS2PAY_ENABLED=false",
		"SAOMA_GATEWAYS_PASS2PAY_ALLOWED_HOSTS=",
		"SAOMA_ROUTES=[{wallet: any, scene: any, gateway: scanforpay, method: online}]",
		"SAOMA_SANDBOX_ALLOW_PUBLIC=true",
		// Not ours:
		"SAOMA_TEST_MYSQL_DSN=for the tests",
		"SAOMA_PORT=tcp://10.0.0.1:8080",
		"SAOMA_PORT_8080_TCP_ADDR=10.0.0.1",
		"SAOMA_SERVICE_HOST=10.0.0.1",
		"SAOMA_SERVICE_PORT_HTTP=8080",
	)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults()
	want.PublicURL = "https://shop.example"
	want.SecretKey = Secret(strings.Repeat("k", 32))
	want.SecretKeyPrevious = Secret(strings.Repeat("p", 32))
	want.DataDir = "/data"
	want.DemoData = false
	want.Database = Database{Driver: MySQL, DSN: "u:p@tcp(db)/saoma"}
	want.TrustedProxies = []string{"10.0.0.0/8", "fd00::/8"}
	want.Shop.Name = "null"
	want.Shop.PaymentWindow = 90 * time.Second
	want.Shop.ShippingFee = 1200
	want.Shop.Languages = []string{"ja", "en"}
	want.Gateways.ScanForPay.SignKey = "*&#: {not YAML"
	want.Gateways.ScanForPay.Currencies = []string{"CNY", "HKD"}
	want.Gateways.Pass2Pay.Enabled = false
	want.Routes = []Route{{"any", "any", "scanforpay", "online"}}
	want.Sandbox.AllowPublic = true
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// TestVariablesAreDistinct proves that no two keys share a variable, nor one a key's _FILE.
func TestVariablesAreDistinct(t *testing.T) {
	paths := map[string]string{}
	for _, f := range fieldsOf("", reflect.ValueOf(&Config{}).Elem()) {
		for _, name := range []string{f.variable(), f.variable() + "_FILE"} {
			if other, taken := paths[name]; taken {
				t.Errorf("%s sets both %s and %s", name, other, f.path)
			}
			paths[name] = f.path
		}
		if fromKubernetes(f.variable(), "") {
			t.Errorf("%s looks like one of Kubernetes's", f.variable())
		}
	}
}

// FuzzLoad looks for text that stops the program instead of being refused.
func FuzzLoad(f *testing.F) {
	f.Add(builtin(f), "[{wallet: any}]")
	f.Add([]byte("shop: &a {name: *a}\nroutes: [*a]"), "[*a]")
	f.Add([]byte("? [a, b]\n: c\n<<: {listen: 1}\n"), "&a [*a]")
	f.Fuzz(func(t *testing.T, text []byte, routes string) {
		c, err := Load(Source{Builtin: text, Environ: []string{"SAOMA_ROUTES=" + routes}})
		if (c == nil) == (err == nil) {
			t.Errorf("got configuration %v and error %v, want one of them", c, err)
		}
	})
}

package mail

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	netmail "net/mail"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"saoma/models"
	"saoma/models/modelstest"
)

var update = flag.Bool("update", false, "write testdata anew")

// occasions are all that a mail may be about.
func occasions() []occasion {
	at := time.Date(2026, 11, 21, 4, 5, 0, 0, time.UTC)
	paidAt := at.Add(3 * time.Minute)
	tea := models.OrderItem{Name: "Oolong & tea", Options: "Size=100 g", Price: 4900, Quantity: 2}
	song := models.OrderItem{Name: "A song", Price: 800, Quantity: 1, Digital: true, Delivery: "https://files.example/song"}
	order := func(status models.OrderStatus, items ...models.OrderItem) models.Order {
		o := models.Order{
			Number: "261121-ABCDEFGH", Token: "thetokenoftheorder", Status: status, Currency: "CNY", Items: items,
			Buyer: models.Buyer{Name: "Ada Wong", Email: "ada@example.com", Note: "Please hurry"}, Wallet: models.AlipayHK,
			CreatedAt: at, ExpiresAt: at.Add(15 * time.Minute),
		}
		for _, item := range items {
			o.Goods += item.Total()
			o.Shipped = o.Shipped || !item.Digital
		}
		if o.Shipped {
			o.Shipping = 1000
		}
		o.Amount = o.Goods + o.Shipping
		if status != models.OrderPending {
			o.PaidAt = &paidAt
		}
		return o
	}
	sent := order(models.OrderFulfilled, tea)
	sent.Carrier, sent.Tracking = "SF Express", "SF1234567890"
	byHand := order(models.OrderPaid, tea)
	byHand.Wallet, byHand.Gateway = models.WeChat, models.ByHand
	return []occasion{
		{"placed", models.MailPlaced, order(models.OrderPending, tea, song), 0},
		{"placed, and something else has happened meanwhile", models.MailPlaced, order(models.OrderPaid, song), 0},
		{"paid", models.MailPaid, order(models.OrderPaid, tea, song), 0},
		{"paid by hand", models.MailPaid, byHand, 0},
		{"sent", models.MailShipped, sent, 0},
		{"handed over", models.MailShipped, order(models.OrderFulfilled, song), 0},
		{"money back", models.MailRefunded, order(models.OrderPaid, tea, song), 4900},
	}
}

type occasion struct {
	name   string
	kind   models.MailKind
	order  models.Order
	refund int64
}

// letter writes the mail about the occasion and reads it as the buyer's program does.
func (m *Mailer) letter(t *testing.T, on occasion, language string) letter {
	t.Helper()
	on.order.Language = language
	say := m.compose(on.kind, &on.order, models.Refund{Amount: on.refund})
	msg, err := m.envelope(&models.Mail{ID: models.NewID()}, &netmail.Address{Address: on.order.Email}, say)
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	return read(t, raw.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); if it is meant, go test ./handlers/mail -update:\n%s", file, diff)
	}
}

func TestWords(t *testing.T) {
	o := modelstest.Options(t)
	o.Settings.ShopName = "Käse & Brot"
	m := newMailer(t, modelstest.Open(t, o), Config{From: "orders@shop.example"}, t.Output())
	m.base.Config.SandboxOn = true
	for _, language := range []string{"en", "zh-Hans", "zh-Hant", "ja"} {
		var all strings.Builder
		for _, on := range occasions() {
			fmt.Fprintf(&all, "=== %s\n%s\n", on.name, m.letter(t, on, language))
		}
		golden(t, language+".txt", all.String())
	}
	golden(t, "paid.html", m.letter(t, occasions()[2], "en").html)
}

func TestGoodsAreCalledWhatTheBuyerSaw(t *testing.T) {
	m := newMailer(t, modelstest.New(t), Config{From: "orders@shop.example"}, t.Output())
	on := occasions()[0]
	on.order.Items[0].SeenName, on.order.Items[0].SeenOptions, on.order.Items[0].SeenLanguage = "烏龍茶", "大包", "zh-Hant"
	for language, want := range map[string]string{
		"zh-Hant": "<span>烏龍茶</span><br><small>大包</small>", "ja": `<span lang="zh-Hant">烏龍茶</span><br><small lang="zh-Hant">大包</small>`,
	} {
		l := m.letter(t, on, language)
		if !strings.Contains(l.html, want) || !strings.Contains(l.text, "2 × 烏龍茶 (大包)") || strings.Contains(l.text, "Oolong") {
			t.Errorf("mail in %s: got\n%s\n%s\nwant the name 烏龍茶 alone, as %s", language, l.text, l.html, want)
		}
	}
}

// Both forms of a mail say the same, and neither says what the buyer typed or what was sold.
func TestBothFormsSayTheSame(t *testing.T) {
	m := newMailer(t, modelstest.New(t), Config{From: "orders@shop.example"}, t.Output())
	for _, on := range occasions() {
		l := m.letter(t, on, "en")
		text, html := l.text, html.UnescapeString(l.html)
		say := m.compose(on.kind, &on.order, models.Refund{Amount: on.refund})
		words := append([]string{say.Title, say.Link, say.ShopName}, say.Paragraphs...)
		for _, line := range say.Lines {
			words = append(words, line.Name.Text, line.Options.Text, line.Sum)
		}
		for _, fact := range slices.Concat(say.Sums, say.Facts) {
			words = append(words, fact.Name, fact.Value)
		}
		for _, word := range words {
			if !strings.Contains(text, word) || !strings.Contains(html, word) {
				t.Errorf("%s: %q is not in both of\n%s\n%s", on.name, word, text, html)
			}
		}
		for _, typed := range []string{on.order.Name, on.order.Email, on.order.Note, "files.example"} {
			if strings.Contains(text+html, typed) {
				t.Errorf("%s: %q is in\n%s\n%s", on.name, typed, text, html)
			}
		}
	}
}

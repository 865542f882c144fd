package web

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// policy is the content policy of our pages, up to the addresses that one page adds.
type policy struct {
	images string // where pictures come from
	rest   string
	https  bool
}

// walletPages are the wallets' own hosts: gateways send a buyer on to them, and a browser holds
// every address of such a chain against the policy of the page whose form began it.
var walletPages = []string{
	"https://*.alipay.com", "https://*.alipayhk.com",
	"https://*.tenpay.com", "https://*.weixin.qq.com",
}

func newPolicy(public *url.URL, gatewayHosts []string) policy {
	targets := append([]string{"'self'", public.Scheme + "://" + public.Host}, gatewayHosts...)
	targets = append(targets, walletPages...)
	return policy{
		images: "img-src 'self' data:",
		rest: "; default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" +
			"; form-action " + strings.Join(targets, " ") + "; base-uri 'none'; frame-ancestors 'none'",
		https: public.Scheme == "https",
	}
}

// SecurityHeaders gives every answer SetSecurityHeaders; a handler may set a header anew.
func (b *Base) SecurityHeaders(c *fiber.Ctx) error {
	b.SetSecurityHeaders(c)
	return c.Next()
}

// SetSecurityHeaders sets what every answer of ours carries.
func (b *Base) SetSecurityHeaders(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, b.policy.images+b.policy.rest)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // other sites learn no address of ours; see SameSite
	c.Set("X-Robots-Tag", noIndex)
	c.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	c.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	if b.policy.https {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

// AllowImagesFrom lets this one page show pictures from another host, such as a gateway's own
// picture of a code. The origin is scheme and host, as in "https://pay.example.com".
func (b *Base) AllowImagesFrom(c *fiber.Ctx, origin string) {
	c.Set(fiber.HeaderContentSecurityPolicy, b.policy.images+" "+origin+b.policy.rest)
}

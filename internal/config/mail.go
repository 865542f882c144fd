package config

import (
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
)

// checkMail notes what is wrong about the mail server. Much may be missing while none is named.
func checkMail(m *mistakes, c Mail) {
	m.oneOf("mail.tls", c.TLS, StartTLS, TLS, NoTLS)
	if c.Port < 0 || c.Port > 65535 {
		m.add("mail.port", "%d must be a port, or 0 for the usual one", c.Port)
	}
	checkAddress(m, "mail.from", c.From)
	checkAddress(m, "mail.reply_to", c.ReplyTo)
	if c.Host == "" {
		return
	}
	if !isServer(c.Host) {
		m.add("mail.host", "%q must be a host name or an IP address, without a port", c.Host)
	}
	if c.From == "" {
		m.add("mail.from", "must be the address that mails come from, since mail.host is set")
	}
	if (c.User == "") != (c.Password == "") {
		m.add("mail.user", "must be set together with mail.password, or neither of them")
	}
	if c.Password != "" && c.TLS == NoTLS && !slices.Contains(thisMachine, c.Host) {
		m.add("mail.tls", "must be starttls or tls: a password never goes to another machine in the clear")
	}
}

// thisMachine is how the machine itself is named where a password may be sent in the clear.
var thisMachine = []string{"localhost", "127.0.0.1", "::1"}

// isServer reports whether the text is a host name or an IP address.
func isServer(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return !strings.Contains(host, ":") && isHost(net.JoinHostPort(host, "1"))
}

// checkAddress notes a text that is no address of a mailbox. Empty is fine.
func checkAddress(m *mistakes, path, address string) {
	if address == "" {
		return
	}
	if _, err := mail.ParseAddress(address); err != nil {
		m.add(path, "%q must be an e-mail address, such as orders@shop.example or \"My shop <orders@shop.example>\"", address)
	}
}

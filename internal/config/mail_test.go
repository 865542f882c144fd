package config

import "testing"

func TestServerPort(t *testing.T) {
	for _, tt := range []struct {
		mail Mail
		want int
	}{
		{Mail{TLS: StartTLS}, 587},
		{Mail{TLS: TLS}, 465},
		{Mail{TLS: NoTLS}, 25},
		{Mail{TLS: StartTLS, Port: 2525}, 2525},
	} {
		if got := tt.mail.ServerPort(); got != tt.want {
			t.Errorf("%s, port %d: got %d, want %d", tt.mail.TLS, tt.mail.Port, got, tt.want)
		}
	}
}

package main

import (
	"net"
	"os"
	"strings"
	"testing"
)

// TestTooManyOpenFiles: a shop that is asked by more at once than it may have files open goes on when they
// have left, and says what happened.
func TestTooManyOpenFiles(t *testing.T) {
	t.Parallel()
	s := configure(t, sqliteDatabase(t))
	const files = 64
	p := launch(t, []string{asSaoma + "=1"}, "sh", "-c", `ulimit -n 64 && exec "$0" "$@"`, os.Args[0], "serve", "--config", s.config)
	await(t, "the shop to open", func() bool {
		if isOver(p.ended) {
			t.Fatalf("it did not start: %s", &p.said)
		}
		return s.ready()
	})
	var crowd []net.Conn
	for range 2 * files {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
	}
	await(t, "the shop to say that it cannot take more", func() bool { return isOver(p.ended) || p.said.has("too many open files") })
	for _, c := range crowd {
		c.Close()
	}
	await(t, "the shop to answer again", func() bool {
		if isOver(p.ended) {
			t.Fatalf("it has ended: %s", &p.said)
		}
		return s.ready()
	})
}

package handlers

import (
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// TestStopDoesNotWaitForSilentConnections opens a connection, as browsers do ahead of time, asks
// nothing on it, and stops the app. The read time-out is far beyond the patience.
func TestStopDoesNotWaitForSilentConnections(t *testing.T) {
	a := &App{
		App:    fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: time.Hour}),
		unused: unused{conns: map[net.Conn]struct{}{}},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- a.Serve(l) }()
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for seen := false; !seen; time.Sleep(time.Millisecond) {
		a.unused.mu.Lock()
		seen = len(a.unused.conns) == 1
		a.unused.mu.Unlock()
	}
	if err := a.Stop(time.Minute); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

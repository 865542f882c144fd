package handlers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// twoServers is an app with a server for the desk beside the shop's. Their read time-out is far beyond any
// patience.
func twoServers() *App {
	server := func() *fiber.App {
		return fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: time.Hour})
	}
	return &App{App: server(), Apart: server(), unused: unused{conns: map[net.Conn]struct{}{}}}
}

// serving runs the server and returns its address, and what it ends with.
func serving(t *testing.T, serve func(net.Listener) error) (address string, ended chan error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 1)
	go func() { ended <- serve(l) }()
	return l.Addr().String(), ended
}

// TestStopDoesNotWaitForSilentConnections opens a connection to each server, as browsers do ahead of time,
// asks nothing on it, and stops the app.
func TestStopDoesNotWaitForSilentConnections(t *testing.T) {
	a := twoServers()
	var all []chan error
	for _, serve := range []func(net.Listener) error{a.Serve, a.ServeApart} {
		address, ended := serving(t, serve)
		all = append(all, ended)
		silent, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	for seen := false; !seen; time.Sleep(time.Millisecond) {
		a.unused.mu.Lock()
		seen = len(a.unused.conns) == len(all)
		a.unused.mu.Unlock()
	}
	if err := a.Stop(time.Minute); err != nil {
		t.Errorf("stop: %v", err)
	}
	for _, ended := range all {
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
}

// TestStopIsNotKeptByADownload stops the app while somebody at the desk downloads what does not end.
func TestStopIsNotKeptByADownload(t *testing.T) {
	a := twoServers()
	begun, finish := make(chan struct{}), make(chan struct{})
	a.Apart.Get("/", func(*fiber.Ctx) error { close(begun); <-finish; return nil })
	address, ended := serving(t, a.ServeApart)
	downloaded := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + address)
		if err == nil {
			err = resp.Body.Close()
		}
		downloaded <- err
	}()
	<-begun
	if err := a.Stop(10 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: got %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("the desk takes connections after the stop")
	}
	close(finish)
	if err := errors.Join(<-downloaded, <-ended); err != nil {
		t.Errorf("what was asked before the stop: %v", err)
	}
}

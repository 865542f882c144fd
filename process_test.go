package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs beside the test and may be killed at any moment.
type process struct {
	cmd   *exec.Cmd
	said  tail          // the end of what it wrote
	ended chan struct{} // closed when it is gone
}

// launch starts a program that ends with the test at the latest.
func launch(t testing.TB, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Dir = os.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends it as kill -9 does and returns when it is gone. It may be gone already.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(err) // no process of ours refuses a signal
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 64 << 10

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	w.text = w.text[max(0, len(w.text)-tailBytes):]
	return len(p), nil
}

func (w *tail) has(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.text, []byte(text))
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}

// mortal builds the program so that it can be told where to die, and otherwise as it is sold: without
// the race detector, with which each of many starts would take a second.
func mortal(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "saoma")
	if out, err := exec.Command("go", "build", "-tags", "chaos", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// replica is one process of a shop that may have several.
type replica struct {
	rig *rig

	mu      sync.Mutex
	process *process
	address string
	doomed  bool // dies when it has acknowledged a notification
}

// start runs the process anew with further variables in its environment, and returns when it can
// sell or is dead again. The one before is killed if it is not dead yet.
func (r *replica) start(env ...string) {
	r.rig.t.Helper()
	if before := r.current(); before != nil {
		before.kill()
		r.rig.listen(before)
	}
	for {
		address := freeAddress(r.rig.t)
		p := launch(r.rig.t, append([]string{"SAOMA_LISTEN=" + address}, env...), r.rig.binary, "serve", "--config", r.rig.config)
		r.mu.Lock()
		r.process, r.address, r.doomed = p, address, false
		r.mu.Unlock()
		if r.awaitReady(p, address) || !p.said.has(syscall.EADDRINUSE.Error()) {
			return
		}
	}
}

// awaitReady reports whether the process can sell; false: it is dead.
func (r *replica) awaitReady(p *process, address string) bool {
	r.rig.t.Helper()
	for end := time.Now().Add(recovery); time.Now().Before(end); {
		if resp, err := http.Get("http://" + address + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-p.ended:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	r.rig.t.Fatalf("a shop that was started again cannot sell after %s; it said:\n%s", recovery, &p.said)
	return false
}

// where returns the address of the process; nothing when it is to be sent nothing.
func (r *replica) where() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.address
}

func (r *replica) current() *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.process
}

// doom has the process die once it has acknowledged a notification.
func (r *replica) doom() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doomed = true
}

// acknowledged kills the process if it is doomed.
func (r *replica) acknowledged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doomed {
		r.process.kill()
	}
}

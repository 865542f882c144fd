package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"saoma/payments/sandbox"
)

// TestOnDiskBeforeSuccess: a notification is on the disk before it is acknowledged. The system calls
// of the shop tell: after the write to SQLite's log that holds the message, and before the answer,
// the log is flushed.
func TestOnDiskBeforeSuccess(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("SAOMA_TEST_REQUIRE") != "" {
			t.Fatal(err)
		}
		t.Skip("needs strace: install it, or run make test")
	}
	s := configure(t, sqliteDatabase(t))
	trace := filepath.Join(t.TempDir(), "trace")
	p := launch(t, []string{asSaoma + "=1"}, strace, "-f", "-y", "-s", "8192", "-o", trace,
		"-e", "trace=fsync,fdatasync,write,writev,pwrite64,sendto", os.Args[0], "serve", "--config", s.config)
	stop := func() { // strace ends with the shop, and lets no signal through to it
		for _, shop := range childrenOf(t, p) {
			if err := syscall.Kill(shop, syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		<-p.ended
	}
	t.Cleanup(stop)
	await(t, "the shop to open", func() bool {
		if isOver(p.ended) {
			t.Fatalf("it did not start: %s", &p.said)
		}
		return s.ready()
	})
	for _, agent := range []string{desktopChrome, iPhoneSafari, desktopChrome, iPhoneSafari} {
		s.visitor(agent).order("EBOOK", "wechat")
		s.sandbox.act(s.sandbox.newest().Number, sandbox.Pay, sandbox.NotifyBefore)
	}
	signatures := s.acknowledgedSignatures()
	if len(signatures) < 4 {
		t.Fatalf("got %d notifications acknowledged, want 4", len(signatures))
	}
	stop()
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls := strings.Split(string(text), "\n")
	for _, signature := range signatures {
		if wrong := notFlushed(calls, signature); wrong != "" {
			t.Errorf("notification signed %s: %s", signature, wrong)
		}
	}
}

// childrenOf returns the processes that a process has started; none when it is over.
func childrenOf(t testing.TB, p *process) []int {
	t.Helper()
	id := p.cmd.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", id, id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	var children []int
	for field := range strings.FieldsSeq(string(text)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			t.Error(err)
		}
		children = append(children, child)
	}
	return children
}

var signatureIn = regexp.MustCompile(`(?:"signature": ?"|sign=)([0-9a-fA-F]{32,64})`)

// acknowledgedSignatures returns the signatures of the notifications that the shop acknowledged.
func (s *testShop) acknowledgedSignatures() []string {
	s.t.Helper()
	var list struct{ Calls []sandbox.Call }
	s.sandbox.do("GET", "/sandbox/api/calls", nil, &list)
	var signatures []string
	for _, c := range list.Calls {
		if m := signatureIn.FindStringSubmatch(c.Request); m != nil && c.Operation == sandbox.OpNotify && c.Verdict == "acknowledged" {
			signatures = append(signatures, m[1])
		}
	}
	return signatures
}

// System calls as strace prints them. A call that others interrupt is two lines, and it is the
// second one that says it is done.
var (
	logWrite = regexp.MustCompile(`(write|pwrite64|writev)\(\d+<[^>]*-wal>`)
	logFlush = regexp.MustCompile(`(fsync|fdatasync)\(\d+<[^>]*-wal>\)\s+= 0|<\.\.\. (fsync|fdatasync) resumed>.*= 0`)
	answered = regexp.MustCompile(`(write|writev|sendto)\(\d+<(socket|TCP).*\\r\\n\\r\\nsuccess"`)
)

// notFlushed says what is wrong about the order of the system calls around a notification; nothing
// when its answer came after a flush that came after its message was written.
func notFlushed(calls []string, signature string) string {
	written := slices.IndexFunc(calls, func(c string) bool { return logWrite.MatchString(c) && strings.Contains(c, signature) })
	if written < 0 {
		return "no write to the log holds it"
	}
	after := calls[written:]
	success := slices.IndexFunc(after, answered.MatchString)
	if success < 0 {
		return "it is not acknowledged after it was written"
	}
	if !slices.ContainsFunc(after[:success], logFlush.MatchString) {
		return "it is acknowledged before the log is flushed:\n" + strings.Join(brief(after[:success+1]), "\n")
	}
	return ""
}

// brief cuts what the calls write.
func brief(calls []string) []string {
	var short []string
	for _, c := range calls {
		short = append(short, c[:min(len(c), 160)])
	}
	return short
}

//go:build chaos

package models

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How a process that is built for the chaos run is told what to do. The configuration passes over
// variables that begin like these.
const (
	killAtVariable    = "SAOMA_TEST_KILL_AT"    // kill points with commas between; the last of them is deadly
	killAfterVariable = "SAOMA_TEST_KILL_AFTER" // so many passes of the last one; 1 when not set
	clockSkewVariable = "SAOMA_TEST_CLOCK_SKEW" // how far the clock is ahead, such as 90s or -90s
)

// fuse burns down as the process passes kill points: through those before the last once each, in
// their order, then through the last one so many times.
var fuse = struct {
	sync.Mutex
	names  []string
	passes int
}{
	names:  strings.Split(os.Getenv(killAtVariable), ","),
	passes: number(cmp.Or(os.Getenv(killAfterVariable), "1")),
}

// KillPoint ends the process as kill -9 does, when this is where the fuse has burned down, and
// tells so on standard error.
func KillPoint(name string) {
	fuse.Lock()
	defer fuse.Unlock()
	switch {
	case name != fuse.names[0]:
		return
	case len(fuse.names) > 1:
		fuse.names = fuse.names[1:]
		return
	case fuse.passes > 1:
		fuse.passes--
		return
	}
	fmt.Fprintf(os.Stderr, "killed at %s\n", name)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // nothing happens after it
}

var skew = duration(cmp.Or(os.Getenv(clockSkewVariable), "0s"))

// systemTime is the system's clock, put forward as the process was told.
func systemTime() time.Time { return time.Now().Add(skew) }

// A chaos run that is told nonsense does not start.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

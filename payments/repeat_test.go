package payments

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestSweepGoesOn: passes follow each other soon, after a failure with a longer pause, which is told;
// the one that the shop's end breaks off is the last, and tells nothing.
func TestSweepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &Service{log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, end := context.WithCancel(t.Context())
		begun := time.Now()
		var got []time.Duration
		s.repeat(ctx, func(context.Context) (Swept, error) {
			got = append(got, time.Since(begun))
			switch len(got) {
			case 2:
				return Swept{}, errors.New("the database is gone")
			case 4:
				end()
				return Swept{}, ctx.Err()
			}
			return Swept{}, nil
		})
		want := []time.Duration{sweepEvery, 2 * sweepEvery, 2*sweepEvery + sweepAgain, 3*sweepEvery + sweepAgain}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("passes (-want +got):\n%s", diff)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "the database is gone") {
			t.Errorf("got the log %q, want one line that says why a pass failed", log.String())
		}
	})
}

// TestTogether: tasks are done so many at a time, and all of them.
func TestTogether(t *testing.T) {
	for many, rounds := range map[int]time.Duration{0: 0, 1: 1, 3: 1, 4: 2, 10: 4} {
		synctest.Test(t, func(t *testing.T) {
			var done atomic.Int64
			tasks := make([]func(), many)
			for i := range tasks {
				tasks[i] = func() {
					time.Sleep(time.Second)
					done.Add(1)
				}
			}
			begun := time.Now()
			(&Service{}).together(tasks, 3)
			if took := time.Since(begun); done.Load() != int64(many) || took != rounds*time.Second {
				t.Errorf("%d tasks of a second, three at a time: got %d done in %v, want all in %v", many, done.Load(), took, rounds*time.Second)
			}
		})
	}
}

package models

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

// errPanic is what a panic is turned into.
var errPanic = errors.New("panic")

// Contain runs a task, logs its panic, and returns that as an error: one thing that the program stumbles over
// must not end it, nor keep it from all others.
func Contain(log *slog.Logger, task func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			log.Error("panic", "err", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return task()
}

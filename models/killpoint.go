//go:build !chaos

package models

import "time"

// KillPoint names a place in the road of money where a process may die and nothing may be lost. It
// does nothing. In a binary that is built with the tag chaos, the process dies there when it is
// told to: that is how the chaos run proves it.
func KillPoint(string) {}

// systemTime is the clock of a store that is given none.
func systemTime() time.Time { return time.Now() }

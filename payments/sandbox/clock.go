package sandbox

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// clock is the sandbox's own time, which can be put forward, and the list of what is due when.
type clock struct {
	base func() time.Time
	wake chan struct{} // tells run that the list or the time has changed

	settling sync.Mutex // held while tasks run, which settle nothing themselves

	mu     sync.Mutex
	offset time.Duration
	speed  float64
	tasks  tasks
	serial int
}

func newClock(base func() time.Time, speed float64) *clock {
	c := &clock{base: base, wake: make(chan struct{}, 1)}
	c.setSpeed(speed)
	return c
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time()
}

// time is now for callers that hold the lock.
func (c *clock) time() time.Time { return c.base().Add(c.offset).UTC() }

// advance puts the clock forward and does what has fallen due by then, in order.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	c.offset += d
	c.mu.Unlock()
	c.settle()
	c.rouse()
}

// setSpeed changes how much faster than documented notifications are repeated. What is already
// on the list keeps its time.
func (c *clock) setSpeed(speed float64) {
	if speed <= 0 {
		speed = 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.speed = speed
}

// rate is the speed.
func (c *clock) rate() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speed
}

// scaled shortens a documented wait by the speed.
func (c *clock) scaled(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(float64(d) / c.speed)
}

// at has f called once the clock shows the time. f must be quick.
func (c *clock) at(due time.Time, f func()) *task {
	c.mu.Lock()
	c.serial++
	t := &task{due: due, serial: c.serial, run: f}
	heap.Push(&c.tasks, t)
	c.mu.Unlock()
	c.rouse()
	return t
}

// cancel takes a task off the list, if it is still on it.
func (c *clock) cancel(t *task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.index < len(c.tasks) && c.tasks[t.index] == t {
		heap.Remove(&c.tasks, t.index)
	}
}

// settle does everything that is due, oldest first. When it returns, what others had begun is done as well.
func (c *clock) settle() {
	c.settling.Lock()
	defer c.settling.Unlock()
	for f := c.nextDue(); f != nil; f = c.nextDue() {
		f()
	}
}

func (c *clock) nextDue() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tasks) == 0 || c.tasks[0].due.After(c.time()) {
		return nil
	}
	return heap.Pop(&c.tasks).(*task).run
}

// run settles whenever something falls due, until the context ends.
func (c *clock) run(ctx context.Context) {
	for {
		timer := time.NewTimer(c.untilNext())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.wake:
		case <-timer.C:
		}
		timer.Stop()
		c.settle()
	}
}

func (c *clock) untilNext() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tasks) == 0 {
		return time.Hour
	}
	return c.tasks[0].due.Sub(c.time())
}

func (c *clock) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

type task struct {
	due    time.Time
	serial int // keeps tasks of one instant in the order in which they came
	index  int // in the heap
	run    func()
}

// tasks is a heap with the next task first.
type tasks []*task

func (t tasks) Len() int { return len(t) }

func (t tasks) Less(i, j int) bool {
	if t[i].due.Equal(t[j].due) {
		return t[i].serial < t[j].serial
	}
	return t[i].due.Before(t[j].due)
}

func (t tasks) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

func (t *tasks) Push(x any) {
	added := x.(*task)
	added.index = len(*t)
	*t = append(*t, added)
}

func (t *tasks) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return x
}

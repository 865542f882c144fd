package main

import (
	"fmt"
	"strings"
	"testing"
)

// migrationSteps is how many of the steps that make the tables a process is killed after: the first ones.
const migrationSteps = 10

// halfMade is a new database on which the program dies after one of the steps that make the tables.
type halfMade struct {
	database
	step int
}

// dieMigrating has the program die on each of the databases, and wants two processes that start at
// once after that to get on with it.
func dieMigrating(t testing.TB, binary string, databases ...halfMade) {
	t.Helper()
	type restart struct {
		halfMade
		shop *testShop
		both [2]*process
	}
	var restarts []restart
	for _, d := range databases {
		s := configure(t, d.database)
		export := func(env ...string) *process {
			return launch(t, env, binary, "products", "export", "--config", s.config)
		}
		dying := export("SAOMA_TEST_KILL_AT=migration.step", fmt.Sprintf("SAOMA_TEST_KILL_AFTER=%d", d.step))
		<-dying.ended
		if !dying.said.has("killed at migration.step\n") {
			t.Fatalf("step %d: the process did not die there; it said:\n%s", d.step, &dying.said)
		}
		restarts = append(restarts, restart{d, s, [2]*process{export(), export()}})
	}
	for _, r := range restarts {
		for _, p := range r.both {
			<-p.ended
			if !p.cmd.ProcessState.Success() || !strings.HasPrefix(p.said.String(), "slug,") {
				t.Errorf("%s, started after step %d: got %s, %s; want the catalogue", r.driver, r.step, p.cmd.ProcessState, &p.said)
			}
		}
		if made := r.shop.count("SELECT COUNT(*) FROM migrations"); made < migrationSteps {
			t.Errorf("%s, after step %d: got %d steps that are noted as made, want all", r.driver, r.step, made)
		}
	}
}

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// migrationSteps is how many of the steps that make the tables a process can be killed after.
const migrationSteps = 10

// dieMigrating has the program die after each of the steps that make the tables, on a new database
// each time, and wants two processes that start at once after that to get on with it.
func dieMigrating(t testing.TB, binary string, newDatabase func(testing.TB) database, steps ...int) {
	type restart struct {
		step int
		shop *testShop
		both [2]*process
	}
	var restarts []restart
	for _, step := range steps {
		s := configure(t, newDatabase(t))
		export := func(env ...string) *process {
			return launch(t, env, binary, "products", "export", "--config", s.config)
		}
		dying := export("SAOMA_TEST_KILL_AT=migration.step", fmt.Sprintf("SAOMA_TEST_KILL_AFTER=%d", step))
		<-dying.ended
		if !dying.said.has("killed at migration.step\n") {
			t.Fatalf("step %d: the process did not die there; it said:\n%s", step, &dying.said)
		}
		restarts = append(restarts, restart{step, s, [2]*process{export(), export()}})
	}
	for _, r := range restarts {
		for _, p := range r.both {
			<-p.ended
			if !p.cmd.ProcessState.Success() || !strings.HasPrefix(p.said.String(), "slug,") {
				t.Errorf("started after step %d: got %s, %s; want the catalogue", r.step, p.cmd.ProcessState, &p.said)
			}
		}
		if made := r.shop.count("SELECT COUNT(*) FROM migrations"); made < migrationSteps {
			t.Errorf("after step %d: got %d steps that are noted as made, want all", r.step, made)
		}
	}
}

// TestKilledBetweenMigrations: a process that dies while it makes the tables keeps nobody from
// making them.
func TestKilledBetweenMigrations(t *testing.T) {
	if os.Getenv("SAOMA_TEST_REQUIRE") == "" {
		t.Skip("waits half a minute for a lease: run make test, or set SAOMA_TEST_REQUIRE")
	}
	t.Parallel()
	binary, random := mortal(t), rand.New(rand.NewPCG(seed(t), 0))
	dieMigrating(t, binary, sqliteDatabase, 1+random.IntN(migrationSteps))
	dieMigrating(t, binary, mysqlDatabase, 1+random.IntN(migrationSteps))
}

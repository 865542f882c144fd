package main

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var seedFlag = flag.Uint64("seed", 0, "what the kills and the buyers of the tests that kill follow from; 0: another one each time")

// seed returns the seed of a test, and prints it so that the test can be had again.
func seed(t testing.TB) uint64 {
	s := *seedFlag
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("to have it again: -seed %d", s)
	return s
}

// TestKillPointsAreCovered: each kill point in the source is tried, and no other.
func TestKillPointsAreCovered(t *testing.T) {
	t.Parallel()
	var tried []string
	for _, d := range append(slices.Clone(deaths), death{betweenSteps, "migration.step"}) {
		if d.at != "" {
			tried = append(tried, strings.Split(d.at, ",")...)
		}
	}
	slices.Sort(tried)
	tried = slices.Compact(tried)
	if diff := cmp.Diff(killPoints(t), tried); diff != "" {
		t.Errorf("kill points (-in the source +tried):\n%s", diff)
	}
}

// killPoints reads the names of all kill points from the source.
func killPoints(t testing.TB) []string {
	t.Helper()
	var names []string
	read := func(path string) {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if name, is := killPoint(n); is {
				names = append(names, name)
			}
			return true
		})
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			read(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// killPoint returns the name in a call of KillPoint.
func killPoint(n ast.Node) (string, bool) {
	call, is := n.(*ast.CallExpr)
	if !is || len(call.Args) != 1 {
		return "", false
	}
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	literal, is := call.Args[0].(*ast.BasicLit)
	if name != "KillPoint" || !is {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// TestKillPoints is the short form of the chaos run: the shop is killed at a few places, with buyers
// about or while it makes its tables, and is in order again by itself.
func TestKillPoints(t *testing.T) {
	if os.Getenv("SAOMA_TEST_REQUIRE") == "" {
		t.Skip("takes more than a minute: run make test, or set SAOMA_TEST_REQUIRE")
	}
	t.Parallel()
	binary, from := mortal(t), seed(t)
	places := slices.DeleteFunc(slices.Clone(deaths), func(d death) bool {
		return !slices.Contains([]string{
			"checkout.committed", "create.answered", "notify.committed",
			"sweep.claimed,query.answered,apply.before_commit", "expiry.before_commit", "refund.answered",
		}, d.at)
	})
	t.Run(betweenSteps, func(t *testing.T) {
		t.Parallel()
		random := rand.New(rand.NewPCG(from, 0))
		dieMigrating(t, binary,
			halfMade{sqliteDatabase(t), 1 + random.IntN(migrationSteps)}, halfMade{mysqlDatabase(t), 1 + random.IntN(migrationSteps)})
	})
	onEachDatabase(t, func(t *testing.T, d database) {
		replicas := 1
		if d.driver == "mysql" {
			replicas = 2
		}
		r := newRig(t, binary, d, replicas, from)
		random := rand.New(rand.NewPCG(from, 1))
		twice := append(slices.Clone(places), places...)
		reached := r.round(twice, 6, random)
		if len(reached) != len(twice) {
			t.Errorf("killed at %v, want each of %v twice", reached, places)
		}
		if orders := r.count(`SELECT COUNT(*) FROM orders WHERE status = 'paid'`); orders == 0 {
			t.Error("no order was paid meanwhile: this has shown nothing")
		}
		messages, successes := r.front.acks()
		t.Logf("%d kills, %d buyers, %d notifications acknowledged %d times, in order again after %s",
			len(reached), r.visits, messages, successes, r.slowest)
	})
}

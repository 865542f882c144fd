#!/usr/bin/env bash
# Checks everything that can be checked without running the code, and reports all of it.
#
# SAOMA_VULNDB   a vulnerability database for govulncheck, such as https://vuln.go.dev; without
#                it that one check is left out, and the last line says so
set -uo pipefail
cd "$(dirname "$0")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.7.0
# Everything but the form of doc comments: a comment says what a caller must know and need not
# begin with the name.
checks=all,-ST1020,-ST1021,-ST1022
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.1.4

failed=0

# check runs a command and remembers that it failed.
check() {
	echo "# $*"
	"$@" || failed=1
}

# formatted fails and names the files that gofmt would change.
formatted() {
	local files
	files=$(gofmt -l .) && [ -z "$files" ] && return
	echo "$files"
	return 1
}

check formatted
for script in scripts/*.sh .ci/run; do
	check bash -n "$script"
done
check go mod verify
check go mod tidy -diff
check go vet ./...
check go vet -tags chaos . ./models
check go run "$staticcheck" -checks "$checks" ./...
check go run "$staticcheck" -checks "$checks" -tags chaos . ./models
if [ -n "${SAOMA_VULNDB:-}" ]; then
	check go run "$govulncheck" -db "$SAOMA_VULNDB" ./...
else
	echo "# govulncheck was not run: SAOMA_VULNDB names no database"
fi
exit "$failed"

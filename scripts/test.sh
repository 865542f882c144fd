#!/usr/bin/env bash
# Runs every test, with the race detector on: units, the store and the shop on SQLite and on a
# real MariaDB, and the browser tests in Chromium, which hold pages against tools from npm. Those that
# look at all pages, one after the other, do without the race detector. A test whose database or browser
# is missing fails here instead of being skipped.
#
#   scripts/test.sh                          everything
#   scripts/test.sh ./models/ -run Stock     anything else that go test takes
#
# SAOMA_TEST_MYSQL_DSN   use this server (root@tcp(127.0.0.1:3306)/) and start none
# SAOMA_TEST_CHROMIUM    use this browser
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

work= # what the private MariaDB keeps, thrown away at the end
mariadb_pid=

main() {
	provide_tools
	provide_page_tools
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	if [ -z "${SAOMA_TEST_MYSQL_DSN:-}" ]; then
		start_mariadb
	fi
	export SAOMA_TEST_MYSQL_DSN
	export SAOMA_TEST_CHROMIUM="${SAOMA_TEST_CHROMIUM:-$(command -v chromium)}"
	export SAOMA_TEST_REQUIRE=1
	export CGO_ENABLED=1 # the race detector is C
	go build -race ./... # with all processors
	if [ $# -gt 0 ]; then
		go test -race -count=1 -p 1 -timeout 30m "$@"
		return
	fi
	# The whole shop by itself, since it is held to times that it promises; then its parts, of which one
	# works while another waits; then what keeps browsers busy for minutes, which compares pictures.
	local long='^(TestPages|TestKeyboard|TestRoads)$'
	go test -race -count=1 -timeout 20m -skip "$long" .
	go list ./... | grep -vx "$(go list)" | xargs go test -race -count=1 -p 2 -timeout 20m
	go test -count=1 -timeout 20m -run "$long" .
}

missing_packages() {
	local packages=()
	if ! printf '#include <stdlib.h>\n' | gcc -fsyntax-only -xc - 2>/dev/null; then
		packages+=(gcc libc6-dev)
	fi
	if [ -z "${SAOMA_TEST_MYSQL_DSN:-}" ] && ! have mariadbd mariadb-install-db my_print_defaults; then
		packages+=(mariadb-server-core mariadb-client-core)
	fi
	if [ -z "${SAOMA_TEST_CHROMIUM:-}" ] && ! have chromium; then
		packages+=(chromium)
	fi
	if ! have strace; then
		packages+=(strace)
	fi
	if ! have node npm; then
		packages+=(nodejs npm)
	fi
	# What the pictures of pages were taken with, see scripts/pages/fonts.conf.
	if [ ! -d /usr/share/fonts/truetype/roboto/unhinted ]; then
		packages+=(fonts-roboto-unhinted)
	fi
	if [ ! -e /usr/share/fonts/truetype/wqy/wqy-microhei.ttc ]; then
		packages+=(fonts-wqy-microhei)
	fi
	if [ ! -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ]; then
		packages+=(fonts-dejavu-core)
	fi
	echo "${packages[*]}"
}

# provide_page_tools installs the tools that pages are held against, when they are not as the lock file
# has them. None of them runs anything at its installation.
provide_page_tools() {
	if ! [ scripts/pages/node_modules/.package-lock.json -nt scripts/pages/package-lock.json ]; then
		npm ci --prefix scripts/pages --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	fi
}

# start_mariadb starts a server of our own on a free loopback port and sets
# SAOMA_TEST_MYSQL_DSN. It is small, and as careful on disk as one that keeps money.
start_mariadb() {
	work=$(mktemp -d)
	local as=()
	if [ "$(id -u)" -eq 0 ]; then
		as=(--user=root)
	fi
	mariadb-install-db --no-defaults "${as[@]}" --datadir="$work/data" \
		--auth-root-authentication-method=normal --skip-test-db >"$work/install.log" 2>&1 ||
		fail_with_log "MariaDB cannot be set up" "$work/install.log"

	local port
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 10000))
		mariadbd --no-defaults "${as[@]}" --datadir="$work/data" \
			--socket="$work/socket" --pid-file="$work/pid" \
			--bind-address=127.0.0.1 --port="$port" \
			--innodb-flush-log-at-trx-commit=1 --innodb-buffer-pool-size=64M \
			--character-set-server=utf8mb4 --max-connections=300 >"$work/mariadb.log" 2>&1 &
		mariadb_pid=$!
		if answers; then
			SAOMA_TEST_MYSQL_DSN="root@tcp(127.0.0.1:$port)/"
			return
		fi
		stop_mariadb
	done
	fail_with_log "MariaDB does not start" "$work/mariadb.log"
}

# answers waits up to a minute until the server takes connections. False: it does not, or it
# ended, as it does when somebody else has the port.
answers() {
	for _ in {1..600}; do
		if grep -qs 'ready for connections' "$work/mariadb.log"; then
			return 0
		fi
		if ! kill -0 "$mariadb_pid" 2>/dev/null; then
			return 1
		fi
		sleep 0.1
	done
	return 1
}

# stop_mariadb needs no manners: the data is thrown away.
stop_mariadb() {
	if [ -n "$mariadb_pid" ]; then
		kill -KILL "$mariadb_pid" 2>/dev/null || true
		wait "$mariadb_pid" 2>/dev/null || true
		mariadb_pid=
	fi
}

clean_up() {
	stop_mariadb
	if [ -n "$work" ]; then
		rm -rf "$work"
	fi
}

fail_with_log() {
	cat "$2" >&2
	fail "$1"
}

main "$@"

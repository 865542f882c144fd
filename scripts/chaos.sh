#!/usr/bin/env bash
# Runs the chaos run: a quarter of an hour in which the shop is killed, frozen, starved and rushed, on
# SQLite, on a MariaDB and on a Galera cluster of its own, and has to be in order again each time. It
# ends with a table.
#
#   scripts/chaos.sh             with a seed of its own, which it prints
#   scripts/chaos.sh -seed 42    the run that had this seed
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

missing_packages() {
	local packages=()
	if ! have mariadbd mariadb-install-db my_print_defaults; then
		packages+=(mariadb-server-core mariadb-client-core)
	fi
	if ! [ -e /usr/lib/galera/libgalera_smm.so ]; then
		packages+=(galera-4)
	fi
	echo "${packages[*]}"
}

provide_tools
go test -tags chaos -run '^TestChaos$' -count=1 -parallel 4 -timeout 16m -v . "$@"

#!/bin/sh
# Fills a shop with a million orders and measures its lists, searches, filters, exports and figures: on SQLite,
# and on MySQL where SAOMA_TEST_MYSQL_DSN names a server. Takes about half an hour.
set -eu
cd "$(dirname "$0")/.."
export SAOMA_BENCH_ORDERS="${SAOMA_BENCH_ORDERS:-1000000}"
drivers=sqlite
if [ -n "${SAOMA_TEST_MYSQL_DSN:-}" ]; then drivers="sqlite mysql"; fi
for driver in $drivers; do
	echo "== $driver"
	SAOMA_BENCH_DRIVER=$driver go test -run '^$' -bench FilledShop -benchtime 20x -timeout 2h ./models
done
echo "== files"
go test -run '^$' -bench Sheet -benchtime 1x -timeout 1h ./handlers/admin

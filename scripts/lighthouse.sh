#!/usr/bin/env bash
# Measures the pages that a buyer sees with Lighthouse, on a simulated phone, and prints its marks as a
# table: the middle one of three runs. Ends with status 1 if one is below 95.
#
#   scripts/lighthouse.sh                    catalogue, product, checkout, order page
#   scripts/lighthouse.sh "order page"       that page alone
#
# SAOMA_TEST_CHROMIUM   use this browser
# REPORTS               keep Lighthouse's own reports in this directory
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/tools.sh

missing_packages() {
	local packages=()
	if ! have node npm; then
		packages+=(nodejs npm)
	fi
	if [ -z "${SAOMA_TEST_CHROMIUM:-}" ] && ! have chromium; then
		packages+=(chromium)
	fi
	echo "${packages[*]}"
}

provide_tools
export CHROME_PATH="${SAOMA_TEST_CHROMIUM:-$(command -v chromium)}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/saoma" .
if ! [ scripts/lighthouse/node_modules/.package-lock.json -nt scripts/lighthouse/package-lock.json ]; then
	npm ci --prefix scripts/lighthouse --ignore-scripts --no-audit --no-fund --loglevel=error
fi
node scripts/lighthouse/measure.js "$work/saoma" "$work/data" "$@"

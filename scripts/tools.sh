# What the scripts that run tests share. A script that sources this defines missing_packages, which
# prints the Debian packages that it needs and does not find.

# mariadbd lives where the path of ordinary users does not lead.
PATH=$PATH:/usr/sbin:/sbin

# provide_tools installs what is missing on a Debian machine as root, and names it elsewhere.
provide_tools() {
	if ! command -v go >/dev/null; then
		fail "Go is missing; see https://go.dev/dl/"
	fi
	local packages
	packages=$(missing_packages)
	if [ -z "$packages" ]; then
		return
	fi
	if ! is_debian || [ "$(id -u)" -ne 0 ]; then
		fail "missing, by the names of Debian's packages: $packages. On Debian, run this as root and it installs them."
	fi
	echo "installing $packages" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086 # one word for each package
	apt-get install -qq -y --no-install-recommends $packages >/dev/null
	packages=$(missing_packages)
	if [ -n "$packages" ]; then
		fail "still missing after installing: $packages"
	fi
}

is_debian() {
	(. /etc/os-release && [ "${ID:-}" = debian ]) 2>/dev/null
}

have() {
	local name
	for name in "$@"; do
		command -v "$name" >/dev/null || return 1
	done
}

fail() {
	echo "$0: $1" >&2
	exit 1
}

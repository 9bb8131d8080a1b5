#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# setup.sh: install what building, testing and the demo need. Idempotent; says what and why.
#
#   scripts/setup.sh [build|demo|all]     install what is missing for that purpose (default all)
#   scripts/setup.sh --check [purpose]    only say what is missing; exit status 1 if anything is
#   scripts/setup.sh --list               print the table
#
# Debian 12 is the system this is written for; other Debian and Ubuntu releases with the same
# package names work too. Elsewhere it prints the list and stops with status 1: install the
# equivalents by hand, then run make with SETUP=no.
# When nothing is missing it asks dpkg once, prints nothing and ends. `apt-get update` runs only
# when something is missing, and no package source is ever added or changed.
set -euo pipefail

# purpose (build < demo < all) | package | needed for
TABLE='
build|gcc|the C compiler of the default build
build|make|the Makefile
build|libc6-dev|C library headers
build|pkg-config|leat.pc is tested with it, as a user would use it
build|libssl-dev|libcrypto: cryptography and X.509 (libssl itself is never linked)
build|liburing-dev|io_uring: the event loop of the servers
build|libjansson-dev|--json output of the commands
build|libnghttp2-dev|HTTP/2 in leat serve (the command links it, the library does not)
build|zlib1g-dev|compressed certificates (RFC 8879), the first algorithm
build|libbrotli-dev|compressed certificates, the second
build|libzstd-dev|compressed certificates, the third
build|liblmdb-dev|sessions in a file (loaded only when such a store is opened)
build|libhiredis-dev|sessions in Redis (loaded only when such a store is opened)
build|libcurl4-openssl-dev|CRLs over HTTP (loaded only when somebody asks for that)
build|python3|scripts and tests
demo|curl|the client that fetches the file in the demo and in tests
demo|openssl|s_client and s_server: the first peer of every test
demo|qemu-system-x86|boots a kernel with kTLS where this machine has none
demo|busybox-static|the first process inside that machine
demo|cpio|packs its initial file system
demo|xz-utils|unpacks its kernel modules
demo|kmod|tells whether the tls module is here; orders modules for that machine
demo|procps|looks at processes in tests
all|clang|second compiler; every build must pass with both
all|libclang-rt-dev|sanitizers and libFuzzer for clang
all|clang-format|make lint: layout of the code
all|clang-tidy|make lint: static analysis
all|cppcheck|make lint: static analysis
all|mandoc|make lint: manual pages
all|shellcheck|make lint: scripts
all|binutils|nm: purity and exported symbols
all|libbpf-dev|kernel-helpers: loading BPF programs (without it leat is built without steering)
all|bpftool|kernel-helpers: makes the headers that hold them (skeletons); likewise
all|libcmocka-dev|C unit tests
all|python3-pytest|runs all tests
all|python3-pytest-timeout|no test may hang
all|python3-pytest-xdist|tests on all cores
all|python3-cryptography|certificates made at run time by the tests
all|erlang-base|its packet decoder is what leat/packet.h is compared with
all|erlang-ssl|connections, framings and active delivery are tried against it in both roles
all|gnutls-bin|gnutls-cli and gnutls-serv as peers
all|python3-matplotlib|bench: the plot
all|libgnutls28-dev|bench: what leat is measured against (libssl likewise, there only)
all|libnss3-tools|tstclnt and selfserv as peers
all|golang-go|crypto/tls as a peer: one small program is compiled by the tests
all|openjdk-17-jdk-headless|JSSE as a peer: one small class is compiled by the tests
all|android-libboringssl-dev|BoringSSL as a peer, the one that packs certificates (RFC 8879)
all|nginx-light|nginx as a peer; bench: what leat serve is measured against
all|libnginx-mod-stream|bench: what leat proxy is measured against
all|haproxy|bench: likewise
all|wrk|bench: asks over HTTP/1.1
all|nghttp2-client|nghttp and h2load: HTTP/2 clients of tests and bench
all|python3-h2|frames for the HTTP/2 clients that misbehave
all|chromium|the browser that reads the status page of leat serve (350 MB installed; without it that one test is skipped)
all|redis-server|the store that several machines share; tests start their own
all|systemtap-sdt-dev|sys/sdt.h: the probe for tracers; without it leat is built without
all|strace|proof that file bytes never pass through the process
all|valgrind|memory and secret-dependence checks
'

purpose_includes() # wanted, row's purpose
{
	case $1:$2 in
	all:* | demo:build | demo:demo | build:build) return 0 ;;
	esac
	return 1
}

check_only=no
case ${1-} in
--list)
	printf '%s' "$TABLE" | awk -F'|' 'NF == 3 { printf "%-6s %-24s %s\n", $1, $2, $3 }'
	exit 0
	;;
--check)
	check_only=yes
	shift
	;;
esac
want=${1-all}
case $want in
build | demo | all) ;;
*)
	echo "setup: unknown purpose '$want' (build, demo or all)" >&2
	exit 2
	;;
esac

packages=()
declare -A why
while IFS='|' read -r purpose pkg reason; do
	[ -n "$purpose" ] || continue
	if purpose_includes "$want" "$purpose"; then
		packages+=("$pkg")
		why[$pkg]=$reason
	fi
done <<<"$TABLE"

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	{
		echo "setup: this system has no apt; please install the equivalents of:"
		for p in "${packages[@]}"; do printf '  %-24s %s\n' "$p" "${why[$p]}"; done
		echo "then run make with SETUP=no"
	} >&2
	exit 1
fi

# dpkg-query exits 1 for unknown names but still prints the others.
declare -A have
while read -r status pkg; do
	[ "$status" = ii ] && have[${pkg%%:*}]=1
done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null || :)

missing=()
for p in "${packages[@]}"; do
	[ -n "${have[$p]-}" ] || missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: ${#missing[@]} of ${#packages[@]} packages are missing:"
for p in "${missing[@]}"; do printf '  %-24s %s\n' "$p" "${why[$p]}"; done
[ $check_only = no ] || exit 1

root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup: needs root or sudo to install them" >&2
		exit 1
	fi
	root=(sudo)
fi

# A package with a service (nginx) would start it at once and take port 80. Debian's hook for
# "do not start services now" is this file; one that is already there is left alone.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
	"${root[@]}" chmod 755 $policy
	trap '"${root[@]}" rm -f $policy' EXIT
fi

apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
echo "setup: apt-get update"
"${apt[@]}" update >/dev/null || echo "setup: apt-get update failed; trying with the lists at hand" >&2
echo "setup: apt-get install ${missing[*]}"
if ! log=$("${apt[@]}" install --no-install-recommends "${missing[@]}" 2>&1); then
	printf '%s\n' "$log" | tail -n 20 >&2
	echo "setup: apt-get install failed" >&2
	exit 1
fi
echo "setup: done"

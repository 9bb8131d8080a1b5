#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ktls-check.sh: is the tls module of this kernel there, loaded, and backed by fast AES?
#
# For installers and administrators, before leat itself is installed; needs a shell and nothing else.
# It only looks, as any user. What the kernel really carries is a matter of trying: `leat probe`.
# Exit status 0: loaded. 1: there but not loaded. 2: this kernel has no kTLS.
#
# ROOT is where /proc, /sys and /lib/modules are looked for (tests give a planted one).
ROOT=${ROOT-}
kernel=${KERNEL-$(uname -r)}

if [ -e "$ROOT/proc/net/tls_stat" ] || [ -d "$ROOT/sys/module/tls" ]; then
	echo "kTLS: loaded"
	status=0
elif find "$ROOT/lib/modules/$kernel" -name 'tls.ko*' 2>/dev/null | grep -q .; then
	echo "kTLS: the module is there but not loaded. Now: modprobe tls"
	echo "      At every boot: copy leat.modules-load.conf to /etc/modules-load.d/leat.conf"
	status=1
else
	echo "kTLS: kernel $kernel has no tls module; leat keeps records in user space"
	exit 2
fi

# /proc/crypto lists name, then driver, of each algorithm that is loaded.
driver=$(sed -n '/^name *: gcm(aes)$/,/^driver/s/^driver *: //p' "$ROOT/proc/crypto" 2>/dev/null |
	head -n 1)
case $driver in
'') echo "AES-GCM: not loaded yet; it will be at its first use" ;;
*aes-generic*)
	echo "AES-GCM: $driver, plain C and slow. On x86: modprobe aesni_intel"
	;;
*) echo "AES-GCM: $driver" ;;
esac
exit $status

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# Process 1 of a host of the lab: makes the host's own view of the file system, says that it is
# ready, and then only reaps. When it dies, everything of the host dies with it, as by a power cut.
#
#   host-init.sh NAME DIR SHARED-DIR|- ACCEL
set -euo pipefail
name=$1 dir=$2 shared=$3 accel=$4

# /proc is still the machine's, so this is the process id as the machine sees it.
read -r stat </proc/self/stat
read -ra fields <<<"${stat##*) }"
outer="${stat%% *} ${fields[19]}"

# The host's devices are those that libvirt and QEMU use. A /dev/kvm that does not work is left out:
# libvirt takes any that is there for a usable one.
make_devices() {
    local device devices='null zero full random urandom tty net/tun vhost-net userfaultfd'
    [[ $accel != kvm ]] || devices+=' kvm'
    mount -t tmpfs -o mode=755 tmpfs "$dir/dev"
    mkdir "$dir"/dev/{net,pts,shm}
    for device in $devices; do
        [[ -e /dev/$device ]] || continue
        touch "$dir/dev/$device"
        mount --bind "/dev/$device" "$dir/dev/$device"
    done
    mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts "$dir/dev/pts"
    ln -s pts/ptmx "$dir/dev/ptmx"
    mount -t tmpfs -o mode=1777 tmpfs "$dir/dev/shm"
    ln -s /proc/self/fd "$dir/dev/fd"
    ln -s fd/0 "$dir/dev/stdin"
    ln -s fd/1 "$dir/dev/stdout"
    ln -s fd/2 "$dir/dev/stderr"
    mount --rbind "$dir/dev" /dev
}

# libvirtd looks for this mount when it starts, and knows no huge pages without. The pages behind it
# are the kernel's: all hosts have the same ones.
make_huge_pages() {
    grep -qw hugetlbfs /proc/filesystems || return 0
    mkdir /dev/hugepages
    mount -t hugetlbfs -o mode=755,pagesize=2M hugetlbfs /dev/hugepages
}

make_devices
make_huge_pages
mount -t proc proc /proc
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etc.work" /etc
mount --bind "$dir/etc-libvirt" /etc/libvirt
for part in lib log cache; do
    mount --bind "$dir/var-$part-libvirt" "/var/$part/libvirt"
done
if [[ $shared != - ]]; then
    mkdir -p /var/lib/libvirt/shared
    mount --bind "$shared" /var/lib/libvirt/shared
fi
# What is running is forgotten at a reboot and remembered over a restart of libvirtd: so /run lives
# as long as the host has power.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/lock
hostname "$name"
printf '%s\n' "$outer" >"$dir/init.pid.new"
mv "$dir/init.pid.new" "$dir/init.pid"

# A child that ends makes bash collect all that have ended, adopted ones too.
while :; do
    sleep 86400 &
    wait $!
done

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# The guest: Debian's cloud kernel, an initrd of busybox and labguest, a data disk, and the same as
# one disk that boots by itself. Built without mounts or loop devices, once for each kernel version
# and each version of these files, into a cache.

GUEST_MODULES='virtio_pci virtio_blk virtio_net virtio_balloon vfat nls_cp437 nls_ascii nls_utf8
    nls_iso8859-1 isofs ata_piix sr_mod button evdev'
GUEST_CMDLINE='console=ttyS0 quiet panic=5 mitigations=off no_timer_check'
GUEST_DATA_MIB=24
GUEST_BOOT_MIB=48
GUEST_DISK_MIB=1024

guest_need() {
    local command
    for command in gcc busybox mke2fs mkfs.vfat mcopy syslinux xz qemu-img dpkg-deb; do
        command -v "$command" >/dev/null ||
            die "the guest image needs '$command' (see lab/README.md)"
    done
}

guest_cached_package() { # NAME-PATTERN
    find "$CACHE_ROOT" -maxdepth 1 -name "$1_*_amd64.deb" | sort -V | tail -n 1
}

# Prints the path of the kernel's package, downloaded if it is not in the cache.
guest_kernel_package() {
    local package deb
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
    deb=$(guest_cached_package "${package:-none}")
    if [[ -z $deb && -n $package ]]; then
        (cd "$CACHE_ROOT" && apt-get -qq -o APT::Sandbox::User=root download "$package" >&2) || true
        deb=$(guest_cached_package "$package")
    fi
    # Without the archive the newest that was once downloaded does as well.
    [[ -n $deb ]] || deb=$(guest_cached_package 'linux-image-*')
    [[ -n $deb ]] || die "apt has no linux-image-cloud-amd64 for the guest (apt-get update?)"
    echo "$deb"
}

# Prints the paths of modules and of all that these need, in the order of loading.
module_order() { # MODULES-DIRECTORY 'MODULE...'
    awk -v wanted="${2//$'\n'/ }" '
        function name(path) { sub(/.*\//, "", path); sub(/\.ko.*/, "", path); return path }
        function load(path, i, n, needs) {
            if (path in done) return
            done[path] = 1
            n = split(dependencies[path], needs, " ")
            for (i = n; i > 0; i--) load(needs[i])
            print path
        }
        { sub(/:/, "", $1); path = $1; $1 = ""; dependencies[path] = $0; paths[name(path)] = path }
        END {
            n = split(wanted, list, " ")
            for (i = 1; i <= n; i++) if (list[i] in paths) load(paths[list[i]])
        }' "$1/modules.dep"
}

# busybox under all its names, and modules with what they need, as files of an initrd.
initrd_fill() { # WORK MODULE...
    local work=$1 root=$1/initrd modules path file
    shift
    mkdir -p "$root"/{bin,modules}
    cp "$(command -v busybox)" "$root/bin/busybox"
    while read -r path; do
        [[ $path == busybox ]] || ln -s busybox "$root/bin/$path"
    done < <("$root/bin/busybox" --list)
    # Debian 13 keeps modules under /usr/lib.
    [[ -d $work/kernel/lib ]] || ln -s usr/lib "$work/kernel/lib"
    modules=$(echo "$work"/kernel/lib/modules/*)
    busybox depmod -b "$work/kernel" "${modules##*/}"
    while read -r path; do
        file=${path##*/}
        case $file in
        *.xz) xz -dc "$modules/$path" >"$root/modules/${file%.xz}" ;;
        *) cp "$modules/$path" "$root/modules/$file" ;;
        esac
        echo "${file%.xz}" >>"$root/modules/order"
    done < <(module_order "$modules" "$*")
}

initrd_pack() { # WORK
    (cd "$1/initrd" && find . | busybox cpio -o -H newc 2>/dev/null) >"$1/out/initrd.img"
}

guest_build_initrd() { # WORK
    local root=$1/initrd
    # shellcheck disable=SC2086
    initrd_fill "$1" $GUEST_MODULES
    gcc -std=gnu17 -D_GNU_SOURCE -O2 -static -s -o "$root/bin/labguest" "$LAB_HOME"/guest/*.c
    install -m 755 "$LAB_HOME/guest/init" "$root/init"
    initrd_pack "$1"
}

guest_build_data() { # WORK SIZE-MIB FILE
    local tree=$1/data
    mkdir -p "$tree"
    # Real, incompressible bytes, so that a copy of the disk has something to copy.
    [[ -s $tree/ballast ]] || head -c "${GUEST_DATA_MIB}M" /dev/urandom >"$tree/ballast"
    truncate -s "$2M" "$3"
    mke2fs -q -F -t ext4 -J size=4 -L drover-data -d "$tree" "$3"
}

little_endian() { # NUMBER
    printf '%b' "$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) \
        $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# One entry of a disk's partition table.
partition_entry() { # FLAG TYPE START-MIB SIZE-MIB
    printf '%b' "\\x$1\\xfe\\xff\\xff\\x$2\\xfe\\xff\\xff"
    little_endian $(($3 * 2048))
    little_endian $(($4 * 2048))
}

guest_build_bootable() { # WORK
    local work=$1 raw=$1/boot.raw boot=$1/boot.fat mbr
    local data_start=$((1 + GUEST_BOOT_MIB))
    truncate -s "${GUEST_BOOT_MIB}M" "$boot"
    mkfs.vfat -n DROVERBOOT "$boot" >/dev/null
    printf '%s\n' 'DEFAULT guest' 'PROMPT 0' 'LABEL guest' 'KERNEL vmlinuz' 'INITRD initrd.img' \
        "APPEND $GUEST_CMDLINE" >"$work/syslinux.cfg"
    mcopy -i "$boot" "$work/out/vmlinuz" "$work/out/initrd.img" "$work/syslinux.cfg" ::
    syslinux --install "$boot"
    guest_build_data "$work" $((GUEST_DISK_MIB - data_start)) "$work/data.raw"
    truncate -s "${GUEST_DISK_MIB}M" "$raw"
    mbr=$(dpkg -L syslinux-common syslinux 2>/dev/null | grep '/mbr/mbr\.bin$' | head -n 1)
    dd if="$mbr" of="$raw" bs=440 count=1 conv=notrunc status=none
    {
        partition_entry 80 0c 1 "$GUEST_BOOT_MIB"
        partition_entry 00 83 "$data_start" $((GUEST_DISK_MIB - data_start))
    } | dd of="$raw" bs=1 seek=446 conv=notrunc status=none
    printf '\x55\xaa' | dd of="$raw" bs=1 seek=510 conv=notrunc status=none
    dd if="$boot" of="$raw" bs=1M seek=1 conv=notrunc,sparse status=none
    dd if="$work/data.raw" of="$raw" bs=1M seek="$data_start" conv=notrunc,sparse status=none
    qemu-img convert -f raw -O qcow2 "$raw" "$work/out/guest.qcow2"
}

guest_build() { # DEB TARGET
    local work vmlinuz
    work=$(mktemp -d "$CACHE_ROOT/build.XXXXXX")
    mkdir "$work/out"
    dpkg-deb -x "$1" "$work/kernel"
    vmlinuz=$(find "$work/kernel/boot" -name 'vmlinuz-*' | head -n 1)
    cp "$vmlinuz" "$work/out/vmlinuz"
    guest_build_initrd "$work"
    guest_build_data "$work" "$GUEST_DISK_MIB" "$work/disk.raw"
    qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$work/out/disk.qcow2"
    guest_build_bootable "$work"
    rm -rf "$2"
    mv "$work/out" "$2"
    rm -rf "$work"
}

# Sets LAB_GUEST_DIR, after building what the cache does not hold.
guest_ensure() {
    local deb key lock
    mkdir -p "$CACHE_ROOT"
    exec {lock}<"$CACHE_ROOT"
    flock "$lock"
    deb=$(guest_kernel_package)
    key=$({ echo "${deb##*/}"; cat "$LAB_HOME"/guest/* "$LAB_HOME/lib/guest.sh"; } | sha256sum)
    LAB_GUEST_DIR=$CACHE_ROOT/guest-${key:0:12}
    if [[ ! -s $LAB_GUEST_DIR/guest.qcow2 ]]; then
        guest_need
        say "building the guest image"
        rm -rf "$CACHE_ROOT"/build.*
        guest_build "$deb" "$LAB_GUEST_DIR" {lock}<&-
    fi
    exec {lock}<&-
}

# A /dev/kvm that is there may still not boot a stock kernel, so a guest is booted to find out.
guest_accel_probe() {
    local result=$CACHE_ROOT/accel key
    case ${DROVER_LAB_ACCEL:-auto} in
    kvm | tcg)
        LAB_ACCEL=$DROVER_LAB_ACCEL
        return
        ;;
    esac
    LAB_ACCEL=tcg
    [[ -w /dev/kvm ]] || return 0
    key="$(uname -r) $(stat -c %Y "$(command -v qemu-system-x86_64)")"
    if [[ -f $result && $(head -n 1 "$result") == "$key" ]]; then
        LAB_ACCEL=$(tail -n 1 "$result")
        return
    fi
    [[ -n $LAB_GUEST_DIR ]] || return 0
    guest_boots_with_kvm && LAB_ACCEL=kvm
    printf '%s\n%s\n' "$key" "$LAB_ACCEL" >"$result"
}

guest_boots_with_kvm() {
    local console pid ok=1
    console=$(mktemp)
    qemu-system-x86_64 -accel kvm -m 128 -nodefaults -display none -no-reboot \
        -kernel "$LAB_GUEST_DIR/vmlinuz" -initrd "$LAB_GUEST_DIR/initrd.img" \
        -append "$GUEST_CMDLINE" -serial "file:$console" \
        >/dev/null 2>&1 8<&- 9<&- &
    pid=$!
    wait_until 8 grep -q '^tick 1' "$console" && ok=0
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -f "$console"
    return $ok
}

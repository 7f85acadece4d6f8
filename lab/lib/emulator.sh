# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# A host's emulator: one of another version, or one that lacks features of the processor, or
# memory. A wrapper lies over QEMU's program then, which starts the other one, takes features from
# every processor that it models, or limits what the QEMU of a guest may have. libvirtd sees by
# itself that it is another program; guests that run go on with what they were started with.

EMULATOR=/usr/bin/qemu-system-x86_64

# ---- QEMU of another version ----

# No fault, so it is not healed: names the directory in which the other QEMU was unpacked.
other_qemu_file() { # HOST
    echo "$(host_dir "$1")/other-qemu"
}

# "1:7.2+dfsg-7+deb12u18" -> 7.2
qemu_series() { # VERSION
    sed -E 's/^[0-9]+://; s/^([0-9]+\.[0-9]+).*/\1/' <<<"$1"
}

# Prints the newest version that apt offers of another series than the one that is installed;
# without the archive one that was once downloaded does as well.
other_qemu_version() {
    local own version offered
    own=$(qemu_series "$(dpkg-query -W -f '${Version}' qemu-system-x86)")
    offered=$(
        apt-cache madison qemu-system-x86 | awk '{ print $3 }'
        find "$CACHE_ROOT" -maxdepth 1 -name 'qemu-[0-9]*' ! -name '*.new.*' -printf '%f\n' |
            sed 's/^qemu-//'
    )
    for version in $offered; do
        [[ $(qemu_series "$version") != "$own" ]] || continue
        echo "$version"
        return
    done
    die "apt offers no QEMU of another series than the installed $own" \
        "(tools/install-deps test adds the source of one)"
}

# Prints where the other QEMU is, unpacked from its packages beside the installed one.
other_qemu_ensure() {
    local version dir work package
    version=$(other_qemu_version)
    dir=$CACHE_ROOT/qemu-${version#*:}
    if [[ ! -d $dir ]]; then
        work=$dir.new.$$
        mkdir -p "$work/packages"
        # The version of a rebuild ("+b3") is not that of the package for all architectures.
        for package in qemu-system-x86 qemu-system-common qemu-system-data; do
            (cd "$work/packages" && apt-get -qq -o APT::Sandbox::User=root download \
                "$package=${version%+b[0-9]*}*" >&2) || die "cannot download $package $version"
        done
        for package in "$work"/packages/*.deb; do
            dpkg-deb -x "$package" "$work"
        done
        rm -r "$work/packages"
        mv -T "$work" "$dir" 2>/dev/null || rm -rf "$work"
    fi
    # It runs with the libraries of the installed one, or not at all.
    "$dir/usr/bin/qemu-system-x86_64" --version >/dev/null ||
        die "the QEMU $version of apt does not run on this machine"
    echo "$dir"
}

cmd_emulator() { # HOST other|own
    local other
    need_host "${1:-}"
    case ${2:-} in
    other)
        other=$(other_qemu_ensure)
        echo "$other" >"$(other_qemu_file "$1")"
        ;;
    own) rm -f "$(other_qemu_file "$1")" ;;
    *) die "emulator: which shall start guests? other or own" ;;
    esac
    emulator_apply "$1"
}

# ---- the wrapper ----

# The wrapper of a host's emulator, whose own program lies at PROGRAM by now.
emulator_wrapper() { # HOST PROGRAM
    local file option='' feature program=$2 data=/usr/share/qemu
    file=$(other_qemu_file "$1")
    if [[ -s $file ]]; then
        program=$(<"$file")/usr/bin/qemu-system-x86_64
        data=$(<"$file")/usr/share/qemu
    fi
    echo '#!/bin/sh'
    file=$(fault_file "$1" starve)
    if [[ -s $file ]]; then
        # Only libvirtd's own questions to QEMU are asked without a guest.
        echo "case \"\$*\" in *guest=*) ulimit -v $(($(<"$file") * 1024)) ;; esac"
    fi
    file=$(fault_file "$1" lack)
    if [[ -s $file ]]; then
        for feature in $(tr ',' ' ' <"$file"); do
            option+=" -global x86_64-cpu.$feature=off"
        done
    fi
    echo "exec $program -L $data -L /usr/share/seabios -L /usr/lib/ipxe/qemu \"\$@\"$option"
}

emulator_apply() { # HOST
    local dir former
    dir=$(host_dir "$1")/emulator
    host_init_pid "$1" >/dev/null || return 0
    former=$(host_enter "$1" stat -c ' %Z ' "$EMULATOR")
    [[ ! -e $dir/wrapper ]] || former+=$(stat -c ' %Z ' "$dir/wrapper")
    if host_enter "$1" mountpoint -q "$EMULATOR"; then
        host_enter "$1" umount -l "$EMULATOR"
        host_enter "$1" umount -l "$dir/qemu-system-x86_64"
    fi
    [[ -s $(fault_file "$1" lack) || -s $(fault_file "$1" starve) ||
        -s $(other_qemu_file "$1") ]] || return 0
    mkdir -p "$dir"
    touch "$dir/qemu-system-x86_64"
    emulator_wrapper "$1" "$dir/qemu-system-x86_64" >"$dir/wrapper"
    chmod 755 "$dir/wrapper"
    # libvirtd tells programs apart by the second of their last change: one that follows another
    # within it would be taken for the same.
    while [[ $former == *$(stat -c ' %Z ' "$dir/wrapper")* ]]; do
        sleep 0.1
        touch "$dir/wrapper"
    done
    host_enter "$1" mount --bind "$EMULATOR" "$dir/qemu-system-x86_64"
    host_enter "$1" mount --bind "$dir/wrapper" "$EMULATOR"
}

cmd_lack() { # HOST FEATURES|off
    need_host "${1:-}"
    case ${2:-} in
    off) rm -f "$(fault_file "$1" lack)" ;;
    [a-z]*) echo "$2" >"$(fault_file "$1" lack)" ;;
    *) die "lack which features of the processor? ssse3,avx2 or off" ;;
    esac
    emulator_apply "$1"
}

cmd_starve() { # HOST MIB|off
    need_host "${1:-}"
    case ${2:-} in
    off) rm -f "$(fault_file "$1" starve)" ;;
    [1-9]*) echo "$2" >"$(fault_file "$1" starve)" ;;
    *) die "starve to how much? MiB or off" ;;
    esac
    emulator_apply "$1"
}

# shellcheck shell=bash
# shellcheck disable=SC2034 # what others of these files use
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# What every part of the lab uses: where things are, messages, locks, the lab's record, processes.

LAB_ROOT=${DROVER_LAB_ROOT:-/var/lib/drover-lab}
CACHE_ROOT=${DROVER_LAB_CACHE:-/var/cache/drover-lab}
HOST_LETTERS=abcdefghijklmnopqrstuvwxyz
HEARTBEAT_PORT=4799
LIBVIRT_DIR=/var/lib/libvirt
POOL_PATH=$LIBVIRT_DIR/instances
SHARED_PATH=$LIBVIRT_DIR/shared

say() {
    printf 'lab: %s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# Names. A lab's record is LAB_DIR/lab.conf; whatever exists of a lab follows from it.

use_lab() {
    [[ $1 =~ ^[a-z][a-z0-9-]{0,30}$ ]] || die "'$1' is no name for a lab (a-z, 0-9, -)"
    LAB_NAME=$1
    LAB_DIR=$LAB_ROOT/$LAB_NAME
    LAB_SLOT='' LAB_HOSTS='' LAB_SHARED=0 LAB_ACCEL=tcg LAB_GUEST_DIR=''
    if [[ -f $LAB_DIR/lab.conf ]]; then
        # shellcheck source=/dev/null
        source "$LAB_DIR/lab.conf"
        set_addresses
    fi
}

set_addresses() {
    local base=$((LAB_SLOT * 4))
    FABRIC_NETNS=$LAB_NAME-fabric
    ROOT_LINK=dlab$LAB_SLOT
    CONTROL_NET=198.$((18 + base / 256)).$((base % 256))
    DATA_NET=198.$((18 + base / 256)).$((base % 256 + 1))
    GUEST_NET=198.$((18 + base / 256)).$((base % 256 + 2))
}

save_lab() {
    printf '%s=%q\n' LAB_SLOT "$LAB_SLOT" LAB_HOSTS "$LAB_HOSTS" LAB_SHARED "$LAB_SHARED" \
        LAB_ACCEL "$LAB_ACCEL" LAB_GUEST_DIR "$LAB_GUEST_DIR" >"$LAB_DIR/lab.conf.new"
    mv "$LAB_DIR/lab.conf.new" "$LAB_DIR/lab.conf"
}

need_lab() {
    [[ -n $LAB_SLOT ]] || die "no lab '$LAB_NAME' here (lab list shows what there is)"
}

host_names() {
    local i
    for ((i = 0; i < $1; i++)); do
        echo "host${HOST_LETTERS:i:1}"
    done
}

need_host() {
    [[ " $LAB_HOSTS " == *" ${1:-} "* ]] ||
        die "no host '${1:-}' in lab '$LAB_NAME' (it has: $LAB_HOSTS)"
}

host_index() {
    local before=${HOST_LETTERS%"${1#host}"*}
    echo "${#before}"
}

host_netns() {
    echo "$LAB_NAME-$1"
}

host_dir() {
    echo "$LAB_DIR/hosts/$1"
}

host_address() { # HOST NET
    echo "$2.$((11 + $(host_index "$1")))"
}

# The same name gives the same UUID, so that a host keeps its own through reboots.
uuid_of() {
    local hash
    hash=$(printf '%s' "drover lab $*" | md5sum)
    echo "${hash:0:8}-${hash:8:4}-3${hash:13:3}-a${hash:17:3}-${hash:20:12}"
}

# Locks. Descriptor 9 is this lab's, 8 the one of all labs; what goes on running closes both.

lock_lab() {
    while :; do
        mkdir -p "$LAB_DIR"
        exec 9<"$LAB_DIR"
        flock 9
        # The one who held it may have removed the directory, and then this lock is nobody's.
        [[ /proc/self/fd/9 -ef $LAB_DIR ]] && break
        exec 9<&-
    done
    use_lab "$LAB_NAME"
}

lock_all() {
    mkdir -p "$LAB_ROOT"
    exec 8<"$LAB_ROOT"
    flock 8
}

unlock_all() {
    exec 8<&-
}

# Processes. One is known by its id together with its start time, so an id that was given to
# somebody else in the meantime is never taken for ours.

process_start_time() { # PID
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]] || return 1
    echo "${fields[19]}"
}

process_record() { # PID FILE
    local start
    start=$(process_start_time "$1") || return 1
    echo "$1 $start" >"$2"
}

# Prints the process id that a file records, if that very process still runs.
process_of() { # FILE
    local pid start
    [[ -f $1 ]] || return 1
    read -r pid start <"$1" || return 1
    [[ $(process_start_time "$pid") == "$start" ]] || return 1
    echo "$pid"
}

# Waits until a command succeeds, asking every 50 ms.
wait_until() { # SECONDS COMMAND...
    local i steps=$(($1 * 20))
    shift
    for ((i = 0; i < steps; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

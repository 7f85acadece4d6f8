# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# What the lab says of itself: env, status, list.

assign() { # NAME VALUE
    printf '%s=%q\n' "$1" "$2"
}

env_of_host() { # HOST
    local prefix=LAB_${1^^} dir address
    dir=$(host_dir "$1")
    address=$(host_address "$1" "$CONTROL_NET")
    assign "${prefix}_NAME" "$1"
    assign "${prefix}_UUID" "$(uuid_of "$LAB_NAME" "$1")"
    assign "${prefix}_ADDRESS" "$address"
    assign "${prefix}_URI" "qemu+tls://$address/system?pkipath=$LAB_DIR/pki/client"
    assign "${prefix}_PEER_URI" "qemu+tls://$1/system"
    assign "${prefix}_MIGRATION_ADDRESS" "$(host_address "$1" "$DATA_NET")"
    assign "${prefix}_NETNS" "$(host_netns "$1")"
    assign "${prefix}_DIR" "$dir"
    assign "${prefix}_INIT_PID_FILE" "$dir/init.pid"
    assign "${prefix}_LIBVIRTD_PID_FILE" "$dir/libvirtd.pid"
    assign "${prefix}_POOL_DIR" "$dir/var-lib-libvirt/instances"
}

cmd_env() {
    local host
    assign LAB_NAME "$LAB_NAME"
    assign LAB_DIR "$LAB_DIR"
    assign LAB_ACCEL "$LAB_ACCEL"
    assign LAB_HOSTS "$LAB_HOSTS"
    assign LAB_PKIPATH "$LAB_DIR/pki/client"
    assign LAB_FABRIC_NETNS "$FABRIC_NETNS"
    assign LAB_CONTROL_CIDR "$CONTROL_NET.0/24"
    assign LAB_CONTROL_ADDRESS "$CONTROL_NET.1"
    assign LAB_DATA_CIDR "$DATA_NET.0/24"
    assign LAB_GUEST_CIDR "$GUEST_NET.0/24"
    assign LAB_GUEST_GATEWAY "$GUEST_NET.1"
    assign LAB_GUEST_BRIDGE br0
    assign LAB_HEARTBEAT_PORT "$HEARTBEAT_PORT"
    assign LAB_POOL instances
    assign LAB_POOL_PATH "$POOL_PATH"
    assign LAB_SHARED_POOL "$( ((!LAB_SHARED)) || echo shared)"
    assign LAB_SHARED_PATH "$( ((!LAB_SHARED)) || echo "$SHARED_PATH")"
    assign LAB_GUEST_KERNEL "${LAB_GUEST_DIR:+$LAB_GUEST_DIR/vmlinuz}"
    assign LAB_GUEST_INITRD "${LAB_GUEST_DIR:+$LAB_GUEST_DIR/initrd.img}"
    assign LAB_GUEST_DISK "${LAB_GUEST_DIR:+$LAB_GUEST_DIR/disk.qcow2}"
    assign LAB_GUEST_IMAGE "${LAB_GUEST_DIR:+$LAB_GUEST_DIR/guest.qcow2}"
    assign LAB_GUEST_CMDLINE "$GUEST_CMDLINE"
    for host in $LAB_HOSTS; do
        env_of_host "$host"
    done
}

process_is_stopped() { # PID
    grep -q '^State:[[:space:]]*T' "/proc/$1/status" 2>/dev/null
}

host_power_state() { # HOST
    if host_init_pid "$1" >/dev/null; then
        echo on
    elif [[ -e $(host_dir "$1")/off ]]; then
        echo off
    else
        echo gone
    fi
}

libvirtd_state() { # HOST
    local pid
    if ! pid=$(libvirtd_pid "$1"); then
        echo dead
    elif process_is_stopped "$pid"; then
        echo frozen
    else
        echo running
    fi
}

host_cuts() { # HOST
    local kind cuts=''
    for kind in control peer data; do
        [[ ! -e $(fault_file "$1" "$kind") ]] || cuts+=${cuts:+ }$kind
    done
    echo "$cuts"
}

host_rate() { # HOST
    local cable file rates=''
    for cable in data control; do
        file=$(limit_file "$1" "$cable")
        [[ -s $file ]] || continue
        rates+=${rates:+, }$(<"$file")
        [[ $cable == data ]] || rates+=' to drover'
    done
    echo "$rates"
}

# "other" or "own".
host_qemu() { # HOST
    if [[ -s $(other_qemu_file "$1") ]]; then echo other; else echo own; fi
}

host_domains() { # HOST
    qemu_list "$1" | sed 's/^[0-9]* //' | sort | tr '\n' ' ' | sed 's/ $//'
}

# A list of words as JSON: none of the lab's words needs escaping.
json_words() {
    local word list=''
    for word in $1; do
        list+=${list:+, }\"$word\"
    done
    echo "[$list]"
}

status_json() {
    local host separator=''
    printf '{"name": "%s", "accel": "%s", "shared": %s, "hosts": [' "$LAB_NAME" "$LAB_ACCEL" \
        "$( ((LAB_SHARED)) && echo true || echo false)"
    for host in $LAB_HOSTS; do
        printf '%s\n  {"name": "%s", "address": "%s", "power": "%s", "libvirtd": "%s", ' \
            "$separator" "$host" "$(host_address "$host" "$CONTROL_NET")" \
            "$(host_power_state "$host")" "$(libvirtd_state "$host")"
        printf '"domains": %s, "qemu": "%s", "cut": %s, "limit": "%s"}' \
            "$(json_words "$(host_domains "$host")")" "$(host_qemu "$host")" \
            "$(json_words "$(host_cuts "$host")")" "$(host_rate "$host")"
        separator=,
    done
    printf '\n]}\n'
}

status_of_host() { # HOST
    local cuts rate other=''
    [[ $(host_qemu "$1") == own ]] || other='  QEMU: the other'
    cuts=$(host_cuts "$1")
    rate=$(host_rate "$1")
    printf '%-8s %-15s power %-5s libvirtd %-8s domains: %s%s%s%s\n' "$1" \
        "$(host_address "$1" "$CONTROL_NET")" "$(host_power_state "$1")" "$(libvirtd_state "$1")" \
        "$(host_domains "$1")" "$other" "${cuts:+  cut: $cuts}" "${rate:+  limit: $rate}"
}

cmd_status() {
    local host
    if [[ ${1:-} == --json ]]; then
        status_json
        return
    fi
    echo "lab $LAB_NAME: $LAB_ACCEL, control $CONTROL_NET.0/24, data $DATA_NET.0/24," \
        "guests $GUEST_NET.0/24"
    for host in $LAB_HOSTS; do
        status_of_host "$host"
    done
}

cmd_list() {
    local conf
    for conf in "$LAB_ROOT"/*/lab.conf; do
        [[ -f $conf ]] || continue
        (
            use_lab "$(basename "$(dirname "$conf")")"
            echo "$LAB_NAME $LAB_DIR $CONTROL_NET.0/24 $LAB_HOSTS"
        )
    done
}

# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# The fabric, a namespace that plays the rack's switches: three bridges (control, data, guest), one
# cable from each to every host, one from control to this machine. Everything here may be called
# again at any time and completes what is missing.

link_exists() { # NETNS LINK
    ip -n "$1" link show dev "$2" >/dev/null 2>&1
}

netns_exists() {
    [[ -e /run/netns/$1 ]] && ip netns exec "$1" true 2>/dev/null
}

netns_ensure() {
    netns_exists "$1" && return
    ip netns del "$1" 2>/dev/null || true
    ip netns add "$1"
    ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
        echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' 2>/dev/null || true
    netns_switch_plainly "$1"
    ip -n "$1" link set lo up
}

# Where a firewall of this machine has loaded br_netfilter, every new namespace sends what its
# bridges carry through the IP filters as well. A switch does not.
netns_switch_plainly() { # NETNS
    ip netns exec "$1" sh -c 'for filter in /proc/sys/net/bridge/bridge-nf-call-*; do
        [ ! -e "$filter" ] || echo 0 >"$filter"
    done'
}

# A bridge takes the lowest address of its ports for its own unless it is given one, and would
# change it under its neighbours when a host comes or goes.
bridge_ensure() { # NETNS BRIDGE ADDRESS
    link_exists "$1" "$2" || ip -n "$1" link add "$2" address "$3" type bridge forward_delay 0
    ip -n "$1" link set "$2" up
}

mac_address() { # HOST-NUMBER CARD-NUMBER
    printf '52:54:4c:%02x:%02x:%02x' "$LAB_SLOT" "$1" "$2"
}

slot_is_free() {
    local other used
    for other in "$LAB_ROOT"/*/lab.conf; do
        [[ -f $other ]] || continue
        used=$(sed -n 's/^LAB_SLOT=//p' "$other")
        [[ $used != "$1" ]] || return 1
    done
    LAB_SLOT=$1
    set_addresses
    # A route of this machine into the range means that the range is somebody's.
    [[ -z $(ip -4 route show root "$CONTROL_NET.0/22") ]] &&
        ! ip link show dev "$ROOT_LINK" >/dev/null 2>&1
}

slot_take() {
    local slot
    for ((slot = 0; slot < 128; slot++)); do
        if slot_is_free "$slot"; then
            return
        fi
    done
    die "no free address range for another lab"
}

root_link_ensure() {
    if ! ip link show dev "$ROOT_LINK" >/dev/null 2>&1; then
        ip link add "$ROOT_LINK" type veth peer name machine netns "$FABRIC_NETNS"
    fi
    ip -n "$FABRIC_NETNS" link set machine master control up
    ip addr replace "$CONTROL_NET.1/24" dev "$ROOT_LINK"
    ip link set "$ROOT_LINK" up
    ip route replace "$GUEST_NET.0/24" via "$CONTROL_NET.254" dev "$ROOT_LINK"
}

fabric_up() {
    local bridge number=0
    netns_ensure "$FABRIC_NETNS"
    for bridge in control data guest; do
        bridge_ensure "$FABRIC_NETNS" "$bridge" "$(mac_address 255 "$((++number))")"
    done
    ip -n "$FABRIC_NETNS" addr replace "$CONTROL_NET.254/24" dev control
    ip -n "$FABRIC_NETNS" addr replace "$GUEST_NET.1/24" dev guest
    ip netns exec "$FABRIC_NETNS" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    root_link_ensure
}

fabric_down() {
    local pid
    for pid in $(ip netns pids "$FABRIC_NETNS" 2>/dev/null || true); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    ip link del "$ROOT_LINK" 2>/dev/null || true
    ip netns del "$FABRIC_NETNS" 2>/dev/null || true
}

# One cable. The addresses of the network cards are fixed, so that a host that comes back is known.
host_cable_ensure() { # HOST KIND DEVICE NUMBER
    local netns
    netns=$(host_netns "$1")
    if ! link_exists "$netns" "$3"; then
        ip -n "$FABRIC_NETNS" link del "$1-$2" 2>/dev/null || true
        ip -n "$FABRIC_NETNS" link add "$1-$2" type veth peer name "$3" \
            address "$(mac_address "$(host_index "$1")" "$4")" netns "$netns"
    fi
    ip -n "$FABRIC_NETNS" link set "$1-$2" master "$2" up
    ip -n "$netns" link set "$3" up
}

host_network_up() { # HOST
    local netns
    netns=$(host_netns "$1")
    netns_ensure "$netns"
    host_cable_ensure "$1" control control0 1
    host_cable_ensure "$1" data data0 2
    host_cable_ensure "$1" guest eth0 3
    ip -n "$netns" addr replace "$(host_address "$1" "$CONTROL_NET")/24" dev control0
    ip -n "$netns" addr replace "$(host_address "$1" "$DATA_NET")/24" dev data0
    bridge_ensure "$netns" br0 "$(mac_address "$(host_index "$1")" 4)"
    ip -n "$netns" link set eth0 master br0
}

# Nothing of what the host had open says goodbye: its cables are pulled first.
host_cables_pull() { # HOST
    local kind
    for kind in control data guest; do
        ip -n "$FABRIC_NETNS" link del "$1-$kind" 2>/dev/null || true
    done
}

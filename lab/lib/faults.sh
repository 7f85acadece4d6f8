# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# What can go wrong with a host. Faults of cables are kept in the host's directory, so that they
# outlast a reboot as a cut cable does.

fault_file() { # HOST KIND
    echo "$(host_dir "$1")/fault-$2"
}

# The port of libvirtd is 16514, migration data takes 49152 and up. Packets are dropped without an
# answer, in both directions, as by a cable that is cut.
fault_rules() { # HOST
    echo 'table inet lab_faults'
    echo 'delete table inet lab_faults'
    echo 'table inet lab_faults {'
    local way peer
    for way in input output; do
        echo "chain $way { type filter hook $way priority 0;"
        peer=saddr
        [[ $way == input ]] || peer=daddr
        if [[ -e $(fault_file "$1" control) ]]; then
            echo "ip $peer $CONTROL_NET.1 tcp sport 16514 drop;"
            echo "ip $peer $CONTROL_NET.1 tcp dport 16514 drop;"
        fi
        if [[ -e $(fault_file "$1" peer) ]]; then
            echo "ip $peer != { $CONTROL_NET.1, 127.0.0.1 } tcp sport 16514 drop;"
            echo "ip $peer != { $CONTROL_NET.1, 127.0.0.1 } tcp dport 16514 drop;"
        fi
        if [[ -e $(fault_file "$1" data) ]]; then
            echo "ip $peer $DATA_NET.0/24 tcp sport 49152-65535 drop;"
            echo "ip $peer $DATA_NET.0/24 tcp dport 49152-65535 drop;"
            # On the control network a high port is also just where a call to libvirtd comes from.
            echo "ip $peer $CONTROL_NET.0/24 tcp dport 49152-65535 tcp sport != 16514 drop;"
            echo "ip $peer $CONTROL_NET.0/24 tcp sport 49152-65535 tcp dport != 16514 drop;"
        fi
        echo '}'
    done
    echo '}'
}

# The fault file of a cable's limit.
limit_file() { # HOST CABLE
    if [[ $2 == data ]]; then fault_file "$1" limit; else fault_file "$1" "limit-$2"; fi
}

limit_apply() { # HOST CABLE
    local netns rate file
    netns=$(host_netns "$1")
    file=$(limit_file "$1" "$2")
    tc -n "$netns" qdisc del dev "${2}0" root 2>/dev/null || true
    tc -n "$FABRIC_NETNS" qdisc del dev "$1-$2" root 2>/dev/null || true
    if [[ -s $file ]]; then
        rate=$(<"$file")
        tc -n "$netns" qdisc add dev "${2}0" root tbf rate "$rate" burst 256kb latency 50ms
        tc -n "$FABRIC_NETNS" qdisc add dev "$1-$2" root tbf rate "$rate" burst 256kb latency 50ms
    fi
}

# Brings a host's cables into the state that its fault files say.
faults_apply() { # HOST
    local netns
    netns=$(host_netns "$1")
    fault_rules "$1" | ip netns exec "$netns" nft -f -
    limit_apply "$1" data
    limit_apply "$1" control
}

need_power() {
    host_init_pid "$1" >/dev/null || die "host '$1' has no power"
}

cmd_cut() { # KIND HOST
    case ${1:-} in
    control | peer | data) ;;
    *) die "cut what? control, peer or data" ;;
    esac
    need_host "${2:-}"
    touch "$(fault_file "$2" "$1")"
    ! host_init_pid "$2" >/dev/null || faults_apply "$2"
}

cmd_limit() { # HOST RATE|off [data|control]
    local file
    need_host "${1:-}"
    case ${3:-data} in
    data | control) file=$(limit_file "$1" "${3:-data}") ;;
    *) die "limit which cable? data or control" ;;
    esac
    case ${2:-} in
    off) rm -f "$file" ;;
    [0-9]*bit | [0-9]*bps) echo "$2" >"$file" ;;
    *) die "limit to what? a rate as tc writes it (100mbit, 20mbps for megabytes), or off" ;;
    esac
    ! host_init_pid "$1" >/dev/null || faults_apply "$1"
}

cmd_heal() { # HOST
    need_host "${1:-}"
    rm -f "$(host_dir "$1")"/fault-*
    emulator_apply "$1"
    ! host_init_pid "$1" >/dev/null || faults_apply "$1"
}

cmd_libvirtd() { # kill|stop|start|restart HOST
    need_host "${2:-}"
    need_power "$2"
    case ${1:-} in
    kill) libvirtd_end "$2" KILL ;;
    stop) libvirtd_end "$2" TERM ;;
    start) libvirtd_start "$2" ;;
    restart)
        libvirtd_end "$2" TERM
        libvirtd_start "$2"
        ;;
    *) die "libvirtd: kill, stop, start or restart?" ;;
    esac
}

cmd_qemu() { # kill HOST [DOMAIN]
    local pid domain n_killed=0
    [[ ${1:-} == kill ]] || die "qemu: only kill"
    need_host "${2:-}"
    while read -r pid domain; do
        if [[ -z ${3:-} || $domain == "$3" ]]; then
            kill -KILL "$pid" && n_killed=$((n_killed + 1))
        fi
    done < <(qemu_list "$2")
    ((n_killed > 0)) || die "no QEMU${3:+ of domain $3} runs on '$2'"
}

# The kernel of a frozen host still answers pings and takes connections; nobody reads them.
signal_host() { # HOST SIGNAL
    local pid name
    need_host "${1:-}"
    need_power "$1"
    while read -r pid name; do
        case $name in
        libvirtd | qemu-system*) kill "-$2" "$pid" 2>/dev/null || true ;;
        esac
    done < <(host_processes "$1")
}

cmd_poweroff() { # HOST
    need_host "${1:-}"
    touch "$(host_dir "$1")/off"
    host_power_off "$1"
}

cmd_poweron() { # HOST
    need_host "${1:-}"
    host_power_on "$1"
}

cmd_reboot() { # HOST
    cmd_poweroff "$1"
    cmd_poweron "$1"
}

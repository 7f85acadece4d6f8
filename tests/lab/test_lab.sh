#!/bin/bash
# shellcheck disable=SC2016 # conditions are given to eval as they are
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# Tests of the lab itself, on a lab of its own: a guest lives and moves, every fault does what the
# README says and can be undone, and nothing is left in the end. Prints TAP.
set -uo pipefail

HERE=$(dirname "$(readlink -f "$0")")
LAB=$HERE/../../lab/lab
NAME=labtest
SECOND=labtest2
# shellcheck source=tests/lab/guest.sh
source "$HERE/guest.sh"

n_tests=0
n_failed=0

ok() { # DESCRIPTION COMMAND...
    local description=$1 output
    shift
    n_tests=$((n_tests + 1))
    if output=$("$@" 2>&1); then
        echo "ok $n_tests - $description"
    else
        n_failed=$((n_failed + 1))
        echo "not ok $n_tests - $description"
        printf '# %s\n' "${output//$'\n'/$'\n# '}"
    fi
}

not() {
    ! "$@"
}

lab() {
    "$LAB" --name "$NAME" "$@"
}

eventually() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS <= end)) || {
            "$@"
            return
        }
        sleep 0.2
    done
}

status_of() { # HOST KEY
    lab status --json | /usr/bin/python3 -c '
import json, sys
for host in json.load(sys.stdin)["hosts"]:
    if host["name"] == sys.argv[1]:
        value = host[sys.argv[2]]
        print(value if isinstance(value, str) else " ".join(value))' "$1" "$2"
}

status_is() { # HOST KEY VALUE
    local value
    value=$(status_of "$1" "$2")
    [[ $value == "$3" ]] || { echo "$1 $2 is '$value', not '$3'"; return 1; }
}

# A condition on what the listener heard since the mark of the guest with this number.
heard() { # NUMBER PYTHON-EXPRESSION
    lab heartbeat report | /usr/bin/python3 -c '
import json, sys
counts = json.load(sys.stdin)["since_mark"]["instances"].get(sys.argv[1], {"received": 0})
print(counts)
sys.exit(not eval(sys.argv[2], {}, counts))' "$(guest_uuid "$1")" "$2"
}

ticks_on() { # HOST NAME
    local before
    before=$(guest_tick "$1" "$2")
    sleep 2.5
    (($(guest_tick "$1" "$2") > before)) || { guest_console "$1" "$2" | tail -n 5; return 1; }
}

answers_ping() { # ADDRESS
    ping -q -c 3 -i 0.2 -W 1 "$1"
}

# How a connection goes: open, refused (something answered) or lost (nothing did).
connection() { # COMMAND-PREFIX... -- ADDRESS PORT
    local prefix=()
    while [[ $1 != -- ]]; do
        prefix+=("$1")
        shift
    done
    # shellcheck disable=SC2016
    "${prefix[@]}" timeout 2 bash -c 'exec 2>/dev/null 3<>"/dev/tcp/$0/$1"' "$2" "$3"
    case $? in
    0) echo open ;;
    124) echo lost ;;
    *) echo refused ;;
    esac
}

connection_is() { # STATE COMMAND-PREFIX... -- ADDRESS PORT
    local state
    state=$(connection "${@:2}")
    [[ $state == "$1" ]] || { echo "connection is $state, not $1"; return 1; }
}

pids_of_hosts() {
    cat "$LAB_DIR"/hosts/*/{init,libvirtd}.pid
}

up_changes_nothing() {
    local before after
    before=$(pids_of_hosts)
    lab up 2 --shared || return 1
    after=$(pids_of_hosts)
    [[ $before == "$after" ]] || { printf '%s\n' "$before" "$after"; return 1; }
}

none_runs() { # PIDS
    local pid running=0
    for pid in $1; do
        [[ ! -e /proc/$pid/stat || $(cut -d' ' -f3 "/proc/$pid/stat") == Z ]] || running=1
        cat "/proc/$pid/stat" 2>/dev/null
    done
    return $running
}

domain_state() { # HOST NAME
    host_virsh "$1" domstate "$2" | head -n 1
}

domain_is() { # HOST NAME STATE
    [[ $(domain_state "$1" "$2") == "$3" ]]
}

test_up() {
    ok "up makes two hosts with a shared pool" lab up 2 --shared
    eval "$(lab env)"
    ok "the status says that they have power" status_is hostb power on
    ok "drover reaches hosta over TLS" host_virsh hosta pool-info instances
    ok "drover reaches hostb over TLS" host_virsh hostb pool-info shared
    ok "hosta reaches hostb with its own certificate" \
        lab exec hosta virsh -q -c "$LAB_HOSTB_PEER_URI" hostname
    ok "who has no certificate is refused" \
        not virsh -q -c "qemu+tls://$LAB_HOSTA_ADDRESS/system" hostname
    ok "a host has its own name" test "$(lab exec hostb hostname)" = hostb
    ok "the shared pool is one directory" \
        eval 'lab exec hosta touch "$LAB_SHARED_PATH/probe" && lab exec hostb rm "$LAB_SHARED_PATH/probe"'
    ok "a pool of one's own is not" \
        eval 'lab exec hosta touch "$LAB_POOL_PATH/probe" && not lab exec hostb rm "$LAB_POOL_PATH/probe"'
    ok "up again changes nothing" up_changes_nothing
    ok "up with another shape is refused" not lab up 1
}

test_guest() {
    ok "the listener starts" lab heartbeat start
    ok "a guest starts" guest_start hosta g1 21
    ok "it ticks" eventually 40 eval '(($(guest_tick hosta g1) > 1))'
    ok "its address answers from here" answers_ping "$(guest_address 21)"
    lab heartbeat mark
    sleep 3
    ok "its heartbeat comes close to a thousand times a second" heard 21 'received > 2500 and lost == 0'
    ok "its memory writer can be set" \
        eval '[[ $(lab writer "$(guest_address 21)" 16 20) == "writer 16 MiB 20 MB/s" ]]'
    ok "its disk is written" eval 'lab exec hosta qemu-img check -q -U "$LAB_POOL_PATH/g1.qcow2"'
}

moved_whole() {
    local speed
    speed=$(host_virsh hostb domjobinfo g1 --completed --keep-completed)
    echo "$speed"
    heard 21 'received > 500 and lost < 50 and not double_run and longest_silence_ms < 5000'
}

test_migration() {
    lab heartbeat mark
    ok "it moves live over TLS, disks and all" guest_migrate hosta hostb g1
    ok "it ticks on, on the other host" ticks_on hostb g1
    ok "it is heard all the time and from one place" moved_whole
    ok "it is gone from the first host" not host_virsh hosta dominfo g1
    ok "the copy of its disk is sparse" \
        eval '(($(stat -c "%b" "$LAB_HOSTB_POOL_DIR/g1.qcow2") * 512 < 32 * 1024 * 1024))'
    rm -f "$LAB_HOSTA_POOL_DIR"/g1.{qcow2,config}
}

migration_seconds() { # FROM TO
    local start=$SECONDS
    guest_migrate "$1" "$2" g1 >&2 || return
    echo $((SECONDS - start))
}

limited_migration_takes() { # FROM TO AT-LEAST-SECONDS
    local seconds
    seconds=$(migration_seconds "$1" "$2") || return
    echo "it took $seconds s"
    ((seconds >= $3))
}

test_links() {
    local data=$LAB_HOSTB_MIGRATION_ADDRESS
    ok "cut control is taken" lab cut control hosta
    ok "then drover's packets get no answer" connection_is lost -- "$LAB_HOSTA_ADDRESS" 16514
    ok "and other hosts do" connection_is open lab exec hostb -- "$LAB_HOSTA_ADDRESS" 16514
    ok "the status names the cut" status_is hosta cut control
    ok "heal is taken" lab heal hosta
    ok "then drover is answered again" connection_is open -- "$LAB_HOSTA_ADDRESS" 16514
    lab cut peer hosta
    ok "cut peer loses what the hosts say to each other" \
        connection_is lost lab exec hosta -- "$LAB_HOSTB_ADDRESS" 16514
    ok "and leaves drover's link" connection_is open -- "$LAB_HOSTA_ADDRESS" 16514
    lab heal hosta
    ok "cut data is taken" lab cut data hosta
    ok "then migration ports get no answer" connection_is lost lab exec hosta -- "$data" 49152
    ok "nor do they by the control network" \
        connection_is lost lab exec hosta -- "$LAB_HOSTB_ADDRESS" 49152
    ok "and libvirtd's port does" connection_is open lab exec hosta -- "$LAB_HOSTB_ADDRESS" 16514
    lab heal hosta
    ok "healed, they are reached again" connection_is refused lab exec hosta -- "$data" 49152
    lab writer "$(guest_address 21)" 0 0 >/dev/null
    ok "limit is taken" lab limit hosta 60mbit
    ok "a migration over the slow link takes its time" limited_migration_takes hostb hosta 4
    ok "and is whole" ticks_on hosta g1
    rm -f "$LAB_HOSTB_POOL_DIR"/g1.{qcow2,config}
    ok "limit off is taken" lab limit hosta off
}

qemu_pid() { # HOST
    local pid
    for pid in $(ip netns pids "$(host_variable "$1" NETNS)"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) != qemu-system* ]] || echo "$pid"
    done
}

test_freeze() {
    ok "freeze is taken" lab freeze hosta
    ok "libvirtd is frozen then" status_is hosta libvirtd frozen
    ok "a connection still opens, as the kernel lives" connection_is open -- "$LAB_HOSTA_ADDRESS" 16514
    ok "but nobody answers" not timeout 2 virsh -q -c "$LAB_HOSTA_URI" hostname
    lab heartbeat mark
    sleep 1
    ok "the guest is silent" heard 21 'received == 0'
    ok "thaw is taken" lab thaw hosta
    ok "libvirtd answers again" eventually 10 host_virsh hosta hostname
    ok "the guest ticks on" ticks_on hosta g1
}

test_processes() {
    local qemu
    qemu=$(qemu_pid hosta)
    ok "libvirtd is killed" lab libvirtd kill hosta
    ok "and dead" status_is hosta libvirtd dead
    ok "the guest goes on without" ticks_on hosta g1
    ok "up starts libvirtd again" lab up 2
    ok "which knows the running guest" domain_is hosta g1 running
    ok "libvirtd stops" lab libvirtd stop hosta
    ok "libvirtd starts" lab libvirtd start hosta
    ok "libvirtd restarts" lab libvirtd restart hosta
    ok "the guest's process is still the same" test "$(qemu_pid hosta)" = "$qemu"
    ok "a QEMU that is not there cannot be killed" not lab qemu kill hosta nosuch
    ok "the guest's QEMU is killed" lab qemu kill hosta g1
    ok "libvirt sees that it is off" eventually 10 domain_is hosta g1 "shut off"
    ok "it starts again" host_virsh hosta start g1
    ok "and comes up" eventually 40 answers_ping "$(guest_address 21)"
    sleep 1
    ok "its power button is pressed" host_virsh hosta shutdown g1
    ok "and it powers off" eventually 15 domain_is hosta g1 "shut off"
    host_virsh hosta start g1
}

test_power() {
    local qemu init
    qemu=$(qemu_pid hosta)
    init=$(cut -d' ' -f1 "$LAB_HOSTA_INIT_PID_FILE")
    ok "poweroff is taken" lab poweroff hosta
    ok "the status says so" status_is hosta power off
    ok "nothing of the host runs" none_runs "$init $qemu"
    ok "nothing answers, not even with a refusal" not ping -q -c 2 -i 0.2 -W 1 "$LAB_HOSTA_ADDRESS"
    ok "the other host lives" host_virsh hostb hostname
    ok "poweron is taken" lab poweron hosta
    ok "what ran is off, and still defined" domain_is hosta g1 "shut off"
    ok "its pools are there" eval 'host_virsh hosta pool-list | grep -q shared'
    ok "the guest starts again" host_virsh hosta start g1
    ok "from its disk" eventually 40 answers_ping "$(guest_address 21)"
    lab cut control hostb
    ok "reboot is taken" lab reboot hostb
    ok "a cable that was cut is cut still" connection_is lost -- "$LAB_HOSTB_ADDRESS" 16514
    lab heal hostb
    ok "healed, the rebooted host answers" host_virsh hostb hostname
    lab heartbeat mark
    lab poweroff hostb
    ok "up gives power to what has none" lab up 2
    ok "and it answers" host_virsh hostb hostname
    sleep 2
    ok "which the other host's guest did not notice" heard 21 'lost == 0 and silent_for_ms < 1000'
}

# Kills a run of `up` with all its children at some moment, then looks whether it can be repaired.
survives_killed_up() { # SECONDS
    local run
    setsid "$LAB" --name "$SECOND" up 2 --no-guest-image >/dev/null 2>&1 &
    run=$!
    sleep "$1"
    kill -KILL -- "-$run" 2>/dev/null
    wait "$run" 2>/dev/null
    "$LAB" --name "$SECOND" up 2 --no-guest-image &&
        "$LAB" --name "$SECOND" exec hosta virsh -q -c qemu+tls://hostb/system hostname &&
        "$LAB" --name "$SECOND" down
}

test_second_lab() {
    local moment
    lab heartbeat mark
    for moment in 0.1 0.3 0.5 0.8 1.2; do
        ok "an up that was killed after $moment s is repaired" survives_killed_up "$moment"
        ok "and leaves nothing when taken down" nothing_left "$SECOND"
    done
    ok "a second lab stands beside the first" "$LAB" --name "$SECOND" up 1 --no-guest-image
    ok "with its own addresses" eval \
        '[[ $("$LAB" --name "$SECOND" env | grep ^LAB_CONTROL_CIDR=) != "LAB_CONTROL_CIDR=$LAB_CONTROL_CIDR" ]]'
    ok "list shows both" eval '(($("$LAB" list | grep -cE "^($NAME|$SECOND) ") == 2))'
    ok "an up killed half-way is taken down as it is" eval '
        setsid "$LAB" --name "$SECOND" up 3 --no-guest-image >/dev/null 2>&1 & run=$!; sleep 0.6
        kill -KILL -- "-$run"; "$LAB" --name "$SECOND" down && nothing_left "$SECOND"'
    ok "all the while the first lab's guest was heard" heard 21 'received > 1000 and lost == 0'
}

nothing_left() { # NAME
    local left
    left=$(
        ip netns list | grep "^$1-"
        grep -F "/drover-lab/$1/" /proc/mounts
        find "${DROVER_LAB_ROOT:-/var/lib/drover-lab}" -maxdepth 1 -name "$1" 2>/dev/null
        grep -lF "/drover-lab/$1/" /proc/[0-9]*/{cmdline,mountinfo} 2>/dev/null
    )
    [[ -z $left ]] || { echo "$left"; return 1; }
}

test_down() {
    local pids control=${LAB_CONTROL_CIDR%.*}
    pids=$(ip netns pids "$LAB_HOSTA_NETNS"; ip netns pids "$LAB_HOSTB_NETNS"; ip netns pids "$LAB_FABRIC_NETNS")
    ok "processes were there to end" test -n "$pids"
    ok "down is taken" lab down
    ok "it leaves no namespace, mount, file or process by name" nothing_left "$NAME"
    ok "it leaves none of the processes" none_runs "$pids"
    ok "it leaves no address and no route" eval 'not grep -qF "'"$control"'." <(ip addr; ip route)'
    ok "down of what is down is fine" lab down
}

main() {
    lab down
    "$LAB" --name "$SECOND" down
    trap 'lab down; "$LAB" --name "$SECOND" down' EXIT
    test_up
    test_guest
    test_migration
    test_links
    test_freeze
    test_processes
    test_power
    test_second_lab
    test_down
    echo "1..$n_tests"
    ((n_failed == 0))
}

main

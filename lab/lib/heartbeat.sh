# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# The listener for the guests' heartbeats, which lives in the fabric, and the control of their
# memory writers.

# Prints where lab-heartbeat is, compiled once for each version of its source.
heartbeat_program() {
    local program key
    key=$(cat "$LAB_HOME"/src/*.[ch] "$LAB_HOME/guest/heartbeat-packet.h" | sha256sum)
    program=$CACHE_ROOT/lab-heartbeat-${key:0:12}
    if [[ ! -x $program ]]; then
        mkdir -p "$CACHE_ROOT"
        gcc -std=gnu17 -D_GNU_SOURCE -O2 -I"$LAB_HOME/guest" -o "$program.$$" \
            "$LAB_HOME"/src/{heartbeat,track}.c
        mv "$program.$$" "$program"
    fi
    echo "$program"
}

heartbeat_is_up() {
    process_of "$LAB_DIR/heartbeat.pid" >/dev/null && [[ -S $LAB_DIR/heartbeat.socket ]]
}

heartbeat_start() {
    local program
    heartbeat_is_up && return
    program=$(heartbeat_program)
    ip netns exec "$FABRIC_NETNS" setsid "$program" listen --port "$HEARTBEAT_PORT" \
        --control "$LAB_DIR/heartbeat.socket" --output "$LAB_DIR/heartbeat.json" \
        </dev/null >"$LAB_DIR/heartbeat.log" 2>&1 8<&- 9<&- &
    process_record $! "$LAB_DIR/heartbeat.pid" || true
    wait_until 5 heartbeat_is_up ||
        die "the listener does not start: $(cat "$LAB_DIR/heartbeat.log")"
}

cmd_heartbeat() { # start|mark|report|stop
    case ${1:-} in
    start) heartbeat_start ;;
    mark) "$(heartbeat_program)" mark "$LAB_DIR/heartbeat.socket" >/dev/null ;;
    report | stop) "$(heartbeat_program)" "$1" "$LAB_DIR/heartbeat.socket" ;;
    *) die "heartbeat: start, mark, report or stop?" ;;
    esac
}

cmd_writer() { # ADDRESS [MIB MBS]
    [[ ${1:-} =~ ^[0-9.]+$ ]] || die "writer: the address of which guest?"
    ip netns exec "$FABRIC_NETNS" python3 - "$1" "${*:2}" <<'END' ||
import socket, sys

guest = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
guest.settimeout(3)
guest.connect((sys.argv[1], 4798))
guest.send(sys.argv[2].encode() + b"\n")
try:
    print(guest.recv(100).decode(), end="")
except OSError:
    sys.exit(1)
END
        die "the guest at $1 does not answer"
}

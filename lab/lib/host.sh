# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# A host: its files, its namespaces, its libvirtd. Power on and off are what happens to it; `up`,
# `down` and the faults are made of these.

# A process that is just dying gives up its namespaces first and its id last.
host_init_pid() {
    local pid
    pid=$(process_of "$(host_dir "$1")/init.pid") && [[ -e /proc/$pid/ns/mnt ]] && echo "$pid"
}

# Runs a command inside all of a host's namespaces.
host_enter() { # HOST COMMAND...
    local init
    init=$(host_init_pid "$1") || die "host '$1' has no power"
    shift
    cd /
    nsenter -t "$init" -m -u -i -n -p -- "$@" 8<&- 9<&-
}

# The same with nothing of the caller's environment, as a host would start it.
host_enter_clean() { # HOST COMMAND...
    local host=$1
    shift
    host_enter "$host" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

host_write_libvirt_config() { # HOST
    local etc
    etc=$(host_dir "$1")/etc-libvirt
    cat >"$etc/libvirtd.conf" <<END
host_uuid = "$(uuid_of "$LAB_NAME" "$1")"
listen_tls = 1
listen_tcp = 0
auth_tls = "none"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
END
    cat >"$etc/qemu.conf" <<END
user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
remember_owner = 0
stdio_handler = "file"
max_core = 0
default_tls_x509_cert_dir = "/etc/pki/qemu"
default_tls_x509_verify = 1
migration_address = "0.0.0.0"
migration_host = "$(host_address "$1" "$DATA_NET")"
shared_filesystems = [ "$SHARED_PATH" ]
END
}

host_write_pool() { # HOST POOL PATH
    local storage
    storage=$(host_dir "$1")/etc-libvirt/storage
    mkdir -p "$storage/autostart"
    cat >"$storage/$2.xml" <<END
<pool type='dir'>
  <name>$2</name>
  <uuid>$(uuid_of "$LAB_NAME" "$1" pool "$2")</uuid>
  <target>
    <path>$3</path>
  </target>
</pool>
END
    ln -sfn "/etc/libvirt/storage/$2.xml" "$storage/autostart/$2.xml"
}

host_write_names() { # HOST
    local etc other
    etc=$(host_dir "$1")/etc
    echo "$1" >"$etc/hostname"
    {
        echo '127.0.0.1 localhost'
        # A fixed list, so that a lab that grows needs no change on the hosts that are there.
        for other in $(host_names 26); do
            echo "$(host_address "$other" "$CONTROL_NET") $other"
            echo "$(host_address "$other" "$DATA_NET") $other-data"
        done
    } >"$etc/hosts"
}

host_files_ensure() { # HOST
    local dir
    dir=$(host_dir "$1")
    [[ -e $dir/complete ]] && return
    mkdir -p "$dir"/{dev,etc/pki,etc.work,etc-libvirt/qemu} \
        "$dir"/var-{lib,log,cache}-libvirt "$dir/var-lib-libvirt/instances"
    host_write_libvirt_config "$1"
    host_write_names "$1"
    host_write_pool "$1" instances "$POOL_PATH"
    ((!LAB_SHARED)) || host_write_pool "$1" shared "$SHARED_PATH"
    pki_host_ensure "$1"
    capabilities_seed "$dir"
    touch "$dir/complete"
}

# libvirtd starts every QEMU binary once to learn what it can do, and keeps the answers in a cache
# that holds for all hosts alike; it checks by itself whether they still fit the binaries.
capabilities_seed() { # HOST-DIRECTORY
    if [[ -d $CACHE_ROOT/capabilities-$LAB_ACCEL ]]; then
        cp -a "$CACHE_ROOT/capabilities-$LAB_ACCEL/." "$1/var-cache-libvirt/"
    fi
}

capabilities_keep() { # HOST
    local from to=$CACHE_ROOT/capabilities-$LAB_ACCEL
    from=$(host_dir "$1")/var-cache-libvirt
    [[ -d $from/qemu/capabilities ]] || return 0
    diff -rq "$from/qemu/capabilities" "$to/qemu/capabilities" >/dev/null 2>&1 && return
    mkdir -p "$CACHE_ROOT"
    rm -rf "$to.new.$$"
    mkdir -p "$to.new.$$/qemu"
    cp -a "$from/qemu/capabilities" "$to.new.$$/qemu/"
    rm -rf "$to"
    mv -T "$to.new.$$" "$to" 2>/dev/null || rm -rf "$to.new.$$"
}

host_power_on() { # HOST
    local dir shared=-
    dir=$(host_dir "$1")
    if ! host_init_pid "$1" >/dev/null; then
        host_kill_all "$1"
        rm -f "$dir/init.pid" "$dir/libvirtd.pid"
        host_network_up "$1"
        ((!LAB_SHARED)) || shared=$LAB_DIR/shared
        # In a session of its own, so that no signal for the caller's terminal reaches it.
        ip netns exec "$(host_netns "$1")" setsid unshare --mount --uts --ipc --pid --fork \
            --propagation private "$LAB_HOME/lib/host-init.sh" "$1" "$dir" "$shared" "$LAB_ACCEL" \
            </dev/null >"$dir/init.log" 2>&1 8<&- 9<&- &
        wait_until 10 test -s "$dir/init.pid" ||
            die "host '$1' does not start: $(cat "$dir/init.log")"
    fi
    rm -f "$dir/off"
    host_network_up "$1"
    faults_apply "$1"
    emulator_apply "$1"
    libvirtd_start "$1"
    # Asked once here, so that the first caller does not wait while libvirtd looks at QEMU. Without
    # a terminal: on one virsh starts polkit's agent, which says there that nothing serves it.
    host_enter_clean "$1" setsid -w virsh -q capabilities >/dev/null
}

# Ends whatever is in the host's namespaces: the ids come from the kernel's own list of them.
host_kill_all() { # HOST
    local i init netns pids
    netns=$(host_netns "$1")
    if init=$(host_init_pid "$1"); then
        kill -KILL "$init"
    fi
    wait_until 1 host_is_empty "$netns" && return
    for ((i = 0; i < 100; i++)); do
        pids=$(ip netns pids "$netns" 2>/dev/null) || return 0
        [[ -n $pids ]] || return 0
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || true
        sleep 0.05
    done
    die "host '$1' has processes that cannot be ended: $pids"
}

host_is_empty() { # NETNS
    [[ -z $(ip netns pids "$1" 2>/dev/null) ]]
}

host_power_off() { # HOST
    host_cables_pull "$1"
    host_kill_all "$1"
    ip netns del "$(host_netns "$1")" 2>/dev/null || true
    rm -f "$(host_dir "$1")"/{init.pid,libvirtd.pid}
}

# Prints "PID COMMAND" of everything that runs on a host, with the machine's process ids.
host_processes() { # HOST
    local pid name
    for pid in $(ip netns pids "$(host_netns "$1")" 2>/dev/null || true); do
        { read -r name <"/proc/$pid/comm"; } 2>/dev/null || continue
        echo "$pid $name"
    done
}

libvirtd_pid() { # HOST
    process_of "$(host_dir "$1")/libvirtd.pid"
}

libvirtd_answers() { # HOST
    host_enter_clean "$1" timeout 2 virsh -q -c qemu:///system list >/dev/null 2>&1
}

# libvirtd knows its own id inside the host's namespace only: it is the process there whose last
# id in NSpid is that one.
libvirtd_find() { # HOST
    local inner pid name nspid
    inner=$(host_enter "$1" cat /run/libvirtd.pid 2>/dev/null) || return 1
    while read -r pid name; do
        [[ $name == libvirtd ]] || continue
        nspid=$(sed -n 's/^NSpid:.*[[:space:]]//p' "/proc/$pid/status" 2>/dev/null)
        if [[ $nspid == "$inner" ]]; then
            echo "$pid"
            return
        fi
    done < <(host_processes "$1")
    return 1
}

libvirtd_start() { # HOST
    local dir pid
    dir=$(host_dir "$1")
    libvirtd_pid "$1" >/dev/null && return
    # One that runs unrecorded is from a run that was killed before it wrote the id down.
    if ! pid=$(libvirtd_find "$1"); then
        host_enter_clean "$1" libvirtd --daemon --listen </dev/null >"$dir/libvirtd.out" 2>&1 ||
            die "libvirtd of '$1' does not start: $(cat "$dir/libvirtd.out")"
        pid=$(libvirtd_find "$1") ||
            die "libvirtd of '$1' ended at once: $(cat "$dir/libvirtd.out")"
    fi
    process_record "$pid" "$dir/libvirtd.pid"
    wait_until 60 libvirtd_answers "$1" || die "libvirtd of '$1' does not answer"
}

libvirtd_end() { # HOST SIGNAL
    local pid
    pid=$(libvirtd_pid "$1") || return 0
    kill "-$2" "$pid"
    wait_until 30 libvirtd_is_gone "$1" || die "libvirtd of '$1' does not end"
}

libvirtd_is_gone() { # HOST
    ! libvirtd_pid "$1" >/dev/null
}

# Prints "PID DOMAIN" of each QEMU that runs a domain on a host.
qemu_list() { # HOST
    local pid name arguments domain
    while read -r pid name; do
        [[ $name == qemu-system* ]] || continue
        arguments=$(tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null) || continue
        domain=$(sed -n '/^-name$/{n;s/^guest=\([^,]*\).*/\1/p;q}' <<<"$arguments")
        [[ -z $domain ]] || echo "$pid $domain"
    done < <(host_processes "$1")
}

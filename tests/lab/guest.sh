# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Copyright the drover authors.
#
# The lab's guest by plain virsh, without drover: what the tests of the lab and the raw side of the
# benchmarks boot. Expects the variables of `lab env`.

host_variable() { # HOST SUFFIX
    local name=LAB_${1^^}_$2
    echo "${!name}"
}

host_virsh() { # HOST COMMAND...
    local host=$1
    shift
    virsh -q -c "$(host_variable "$host" URI)" "$@"
}

guest_address() { # NUMBER
    echo "${LAB_GUEST_GATEWAY%.*}.$1"
}

guest_uuid() { # NUMBER
    printf '5eed0000-0000-4000-8000-%012d\n' "$1"
}

# Puts the base of the guest's disk on a host; the overlay and the config drive are the guest's own.
guest_put_base() { # HOST
    local base
    base=$(host_variable "$1" POOL_DIR)/lab-base.qcow2
    [[ -e $base ]] || cp --sparse=always "$LAB_GUEST_DISK" "$base"
}

guest_put_disks() { # HOST NAME NUMBER [LINE OF network.env]...
    local dir config number=$3
    dir=$(host_variable "$1" POOL_DIR)
    guest_put_base "$1"
    qemu-img create -q -f qcow2 -F qcow2 -b "$LAB_POOL_PATH/lab-base.qcow2" -u "$dir/$2.qcow2" 1G
    config=$dir/$2.config
    rm -f "$config"
    mkfs.vfat -C -n CONFIG-2 "$config" 1024 >/dev/null
    mmd -i "$config" ::drover
    shift 3
    printf '%s\n' "ADDRESS=$(guest_address "$number")" PREFIX=24 "GATEWAY=$LAB_GUEST_GATEWAY" \
        "MAC=$(guest_mac "$number")" "HOSTNAME=guest$number" \
        "INSTANCE_UUID=$(guest_uuid "$number")" "$@" |
        mcopy -i "$config" - ::drover/network.env
}

guest_mac() { # NUMBER
    printf '52:54:00:4c:%02x:%02x\n' $(($1 / 256)) $(($1 % 256))
}

guest_xml() { # NAME NUMBER
    cat <<END
<domain type='$([[ $LAB_ACCEL == kvm ]] && echo kvm || echo qemu)'>
  <name>$1</name>
  <uuid>$(guest_uuid "$2")</uuid>
  <memory unit='MiB'>128</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='${GUEST_MACHINE:-q35}'>hvm</type>
    <kernel>$LAB_GUEST_KERNEL</kernel>
    <initrd>$LAB_GUEST_INITRD</initrd>
    <cmdline>$LAB_GUEST_CMDLINE</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='$LAB_POOL_PATH/$1.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='$LAB_POOL_PATH/$1.config'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <mac address='$(guest_mac "$2")'/>
      <source bridge='$LAB_GUEST_BRIDGE'/>
      <model type='virtio'/>
    </interface>
    <serial type='pty'>
      <log file='$LAB_POOL_PATH/$1.console.log' append='on'/>
    </serial>
  </devices>
</domain>
END
}

guest_start() { # HOST NAME NUMBER [LINE OF network.env]...
    guest_put_disks "$@"
    host_virsh "$1" define /dev/stdin < <(guest_xml "$2" "$3") && host_virsh "$1" start "$2"
}

guest_console() { # HOST NAME
    tr -d '\r' <"$(host_variable "$1" POOL_DIR)/$2.console.log" 2>/dev/null
}

# Prints the number of the last tick on a host's console log, 0 when there is none.
guest_tick() { # HOST NAME
    local tick
    tick=$(guest_console "$1" "$2" | sed -n 's/^tick \([0-9]*\)$/\1/p' | tail -n 1)
    echo "${tick:-0}"
}

# Moves a running guest as drover does: the base and empty volumes are put on the destination
# first, memory and the top layer of the disks follow over TLS.
guest_migrate() { # FROM TO NAME [VIRSH OPTION]...
    local from=$1 to=$2 name=$3 size dir
    shift 3
    dir=$(host_variable "$to" POOL_DIR)
    guest_put_base "$to"
    qemu-img create -q -f qcow2 -F qcow2 -b "$LAB_POOL_PATH/lab-base.qcow2" -u "$dir/$name.qcow2" 1G
    size=$(stat -c %s "$(host_variable "$from" POOL_DIR)/$name.config")
    truncate -s "$size" "$dir/$name.config"
    host_virsh "$from" migrate --live --p2p --tls --copy-storage-inc --persistent --undefinesource \
        "$name" "$(host_variable "$to" PEER_URI)" \
        "tcp://$(host_variable "$to" MIGRATION_ADDRESS)" "$@"
}

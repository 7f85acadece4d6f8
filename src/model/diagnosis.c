/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/diagnosis.h"

#include <string.h>

#define CAUSE_MARK ". Cause: "

/* The order counts: of several rows that fit the first is taken. So what names a thing comes before
 * what names its consequence. */
/* clang-format off */
static const Diagnosis table[] = {
    /* ---- processors ---- */
    {"cpu-incompatible",
        {"guest CPU doesn't match specification", "is not compatible with host CPU",
            "lacks CPU features", "host doesn't support requested feature", "the CPU is incompatible",
            "has a different CPU"},
        "the destination's processor or emulator lacks features that the guest was started with",
        "choose a host of the same CPU generation, or set [libvirt] cpu_mode = custom with "
        "cpu_models that every host has and restart the guest"},
    {"cpu-model-unknown",
        {"unsupported CPU model", "Unknown CPU model", "CPU mode '*' for * is not supported",
            "unable to find CPU definition", "CPU model '*' not supported by hypervisor"},
        "the CPU that [libvirt] cpu_mode or cpu_models names is not known to the host's hypervisor",
        "name a model from 'virsh domcapabilities' of every host, or upgrade the host"},
    {"cpu-tsc",
        {"'invtsc' CPU feature but TSC frequency is not specified",
            "host doesn't support invariant TSC", "(invtsc flag)"},
        "the guest is to have an invariant TSC, which this host does not have, or another one would "
        "have at another frequency",
        "take invtsc from [libvirt] cpu_model_extra_flags and restart the guest"},
    {"cpu-hyperv",
        {"CPU flag prevents migration"},
        "the guest was given all that this host can do for Windows, which may be other things on "
        "another host",
        "name them one by one in the guest's definition (<hyperv mode='custom'>) and restart it, or "
        "move it cold"},

    /* ---- names and connections ---- */
    {"network-disk-unreachable",
        {"-blockdev {\"driver\":\"nbd\"", "-blockdev {\"driver\":\"iscsi\"",
            "iSCSI: Failed to connect to LUN", "attach a disk to *: Failed to connect to '",
            "attach a disk to *initial magic", "attach a disk to *: address resolution failed for",
            "attach a disk to *: Requested export not available",
            "cannot open volume *: its server did not answer"},
        "a host cannot open a volume on the network: the volume's server does not answer it, or has "
        "no such disk",
        "see that this server runs and serves the disk at the volume's URI, and that packets get "
        "there from the host that said so (of a move: from the destination)"},
    {"name-not-resolved",
        {"Unable to resolve address", "Name or service not known", "Temporary failure in name resolution",
            "No address associated with hostname", "address resolution failed for"},
        "a host does not know the name by which it is to reach the other one",
        "enter the name in DNS or /etc/hosts of the host that said so, or give the destination a "
        "peer URI and a migration address that all hosts can resolve",
        .is_way = true},
    {"tls-name",
        {"Certificate * does not match the hostname", "certificate does not match the host name",
            "owner does not match the hostname", "does not match the hostname",
            "Certificate does not match the hostname"},
        "the certificate of the host that was called does not carry the name it was called by",
        "issue its certificate with that name as alternative name, or correct its peer URI",
        .is_way = true},
    {"tls-expired",
        {"The certificate has expired", "certificate * has expired", "certificate * is not yet active",
            "certificate is not yet activated"},
        "a certificate is used outside the time it was issued for",
        "issue a new one, and compare the clocks of both hosts",
        .is_way = true},
    {"tls-usage",
        {"Certificate * usage does not permit", "Certificate * purpose does not allow",
            "certificate * basic constraints show a CA",
            "certificate * basic constraints do not show a CA"},
        "a certificate was issued for another use than that of a host",
        "issue it with key usage digitalSignature and keyEncipherment, extended key usage serverAuth "
        "and clientAuth, and basic constraints CA:FALSE (the authority's own: CA:TRUE)",
        .is_way = true},
    {"tls-files",
        {"Cannot read CA certificate", "Unable to access TLS credentials",
            "Cannot load CA certificate", "Cannot load certificate", "Unable to access credentials",
            "cannot load the certificate"},
        "a host has no certificate, key or CA certificate where its hypervisor looks for it",
        "install ca-cert.pem, server-cert.pem, server-key.pem, client-cert.pem and client-key.pem "
        "in default_tls_x509_cert_dir of qemu.conf, readable for QEMU",
        .is_way = true},
    {"tls-untrusted",
        {"Our own certificate * failed validation", "hasn't got a known issuer",
            "certificate is not trusted", "Failed to verify peer's certificate",
            "Unable to verify TLS peer", "TLS handshake failed"},
        "one host does not trust the certificate of the other, or was called by a name that is not "
        "in its certificate",
        "issue the certificates of all hosts by one CA, with the names they are called by, and "
        "install that CA's certificate on each",
        .is_way = true},
    {"tls-broken",
        {"QEMU command '*': The TLS connection was non-properly terminated",
            "certificate verify failed", "TLS alert has been received", "does it accept our certificate",
            "server verification (of our certificate or IP address) failed",
            "Unable to read TLS confirmation"},
        "the other side ended a TLS connection: it does not accept the certificate it was shown",
        "issue the certificates of all hosts by one CA, allow drover's name in tls_allowed_dn_list",
        .is_way = true},
    {"tls-required",
        {"allows migration only with VIR_MIGRATE_TLS flag"},
        "a host accepts encrypted migrations alone (migrate_tls_force in qemu.conf)",
        "set [libvirt] live_migration_with_native_tls = true",
        .is_way = true},
    {"authentication",
        {"authentication failed", "authentication unavailable", "Failed to find user record"},
        "a host refuses the credentials of the one that calls it",
        "let hosts call each other by TLS with certificates of one CA (auth_tls = none)",
        .is_way = true},
    {"peer-unreachable",
        {"unable to connect to server at '*:16514'", "unable to connect to server at '*:16509'",
            "Failed to connect to remote libvirt URI *", "Failed to connect to remote libvirt"},
        "the source cannot reach the destination's libvirtd",
        "allow port 16514 between hosts in the firewall, and check the destination's peer URI",
        .is_way = true},
    {"data-port-timeout",
        {"unable to connect to server at '*': Connection timed out",
            "migrations do not get from host", "Failed to connect to '*': * timed out",
            "Connection timed out", "No route to host", "Network is unreachable"},
        "packets between the hosts on the migration's ports are lost: a firewall or a cable",
        "allow the ports migration_port_min to migration_port_max (49152-49215 unless they are set) "
        "between the hosts' migration addresses, and try them with 'nc'",
        .is_way = true},
    {"data-port-refused",
        {"unable to connect to server at '*': Connection refused", "unable to connect to server at",
            "Failed to connect to '*': Connection refused"},
        "nobody listens where the source was told to send: the destination's QEMU has ended, or its "
        "migration address is another machine's",
        "check the destination's migration address and its QEMU log in /var/log/libvirt/qemu",
        .is_way = true},
    {"no-port",
        {"Unable to find an unused port in range"},
        "all ports for migrations are taken on the destination",
        "wait for other migrations, or widen migration_port_max in its qemu.conf"},
    {"peer-lost",
        {"Lost connection to destination host", "connection closed due to keepalive timeout",
            "client socket is closed", "End of file while reading data"},
        "the connection between the two libvirtd ended while the guest moved: a restart, a crash or "
        "the network",
        "see that libvirtd runs on both hosts and that port 16514 is open between them, then "
        "migrate again"},
    {"dest-died",
        {"has died while it took the guest", "stopped answering while it took the guest"},
        "the destination lost its power or its network while the guest moved to it, or was said to "
        "be dead",
        "migrate to another host; what was made on this one is removed when it is back"},

    /* ---- space ---- */
    {"disk-full",
        {"No space left on device", "no space left", "not enough free space", "Disk quota exceeded"},
        "the disk of a host is full",
        "free space in its storage pool ('drover host show' tells how much it has), or choose "
        "another host"},
    {"memory-full",
        {"Cannot allocate memory", "cannot set up guest memory",
            "unable to map backing store for guest RAM"},
        "the destination has not enough free memory, or not enough hugepages, for the guest",
        "free memory or pages there, or choose another host; if drover promises more than there is, "
        "leave ram_over_commit off, and raise reserved_host_memory_mb"},

    /* ---- versions ---- */
    {"machine-type",
        {"does not support machine type", "unsupported machine type", "unsupported machine type '*'",
            "Unknown machine type"},
        "the destination's QEMU is too old, or too new, for the machine type of the guest",
        "upgrade the destination, or restart the guest there for a machine type that both have"},
    {"device-unknown",
        {"is not a valid device model name", "Unknown savevm section", "Unknown ramblock",
            "load of migration failed: Invalid argument", "unsupported configuration: this QEMU",
            "doesn't support live migration with"},
        "the destination's QEMU does not understand what the source's sends: their versions differ, "
        "or the guest was given a device behind libvirt's back",
        "see the QEMU log in /var/log/libvirt/qemu of the destination, which names what is unknown; "
        "migrate from the older to the newer version, and bring hosts to one version"},
    {"version",
        {"requires a newer hypervisor version"},
        "the destination's hypervisor is older than the source's",
        "choose a host of at least the same version, upgrade it, or move the guest cold",
        .is_ours = true},
    {"kvm-missing",
        {"does not support virt type 'kvm'", "could not find capabilities for * domaintype=kvm",
            "Could not access KVM kernel module", "KVM is not supported"},
        "the host has no working KVM, and the guest was made for it",
        "enable virtualization in its firmware, or choose a host that has KVM"},

    /* ---- firmware and TPM ---- */
    {"firmware-missing",
        {"Unable to find * firmware that is compatible", "/OVMF", "failed to open file * NVRAM",
            "Failed to open file '*_VARS*'"},
        "the host has no UEFI firmware like the one that the guest was started with",
        "install the same version of the ovmf package on every host"},
    {"tpm-shared-state",
        {"swtpm does not support migration with shared storage"},
        "the guest's TPM keeps its state on storage that both hosts share, and the host's swtpm "
        "cannot hand that over",
        "upgrade swtpm on both hosts, or keep the instances of these hosts in pools of their own"},
    {"tpm",
        {"swtpm", "Could not start 'swtpm'", "TPM version '*' is not supported",
            "Secret not found"},
        "the host cannot run the guest's TPM",
        "install swtpm and swtpm-tools on every host; see the host's log in "
        "/var/log/swtpm/libvirt/qemu"},

    /* ---- disks ---- */
    {"image-lock",
        {"Failed to get \"write\" lock", "Failed to get shared \"write\" lock",
            "Is another process using the image", "Failed to lock byte"},
        "another QEMU has the guest's disk open: it may still run on another host",
        "find out where it runs before anything else ('drover server show', 'virsh list' on each "
        "host); never override the lock"},
    {"shared-unsafe",
        {"Migration without shared storage is unsafe"},
        "the source does not see that the guest's disk lies on storage that both hosts share",
        "let drover copy the disk (block_migration auto), or name the directory in "
        "shared_filesystems of qemu.conf"},
    {"disk-missing",
        {"Cannot access storage file", "Cannot access backing file",
            "pre-creation of storage targets", "Storage volume not found", "is not complete on host",
            "volume '*' is not on host '"},
        "a disk of the guest, or the image below it, is not where the destination looks for it",
        "see that both hosts have a storage pool of the same name, and try again: what is missing "
        "is copied anew"},
    {"bytes-differ",
        {"with other bytes: SHA-256 * instead of"},
        "the file that was put on the host is not what it was when it got its name: the image's "
        "file in droverd's image directory, or the base on the host that it was copied from, has "
        "been changed or is damaged",
        "compare the file there with its name by sha256sum, remove it, and upload the image again"},
    {"pool-missing",
        {"Storage pool not found", "storage pool '*' is not active"},
        "the host has no storage pool of the name it was added with, or it is not started",
        "define and start the pool there, or add the host again with the right one"},
    {"disk-copy",
        {"migration of disk * failed", "Disk copy failed", "block job * failed", "drive-mirror",
            "NBD server"},
        "copying a disk to the destination failed",
        "check the free space of the destination's pool, and the ports migration_port_min to "
        "migration_port_max (49152-49215 unless they are set) between the hosts"},
    {"disk-format",
        {"format used by node '*' does not support live migration"},
        "a disk of the guest is an image of a format that QEMU cannot hand over to another QEMU",
        "stop the guest and convert the disk with 'qemu-img convert -O qcow2', or detach it"},
    {"transient-disk",
        {"migration with transient disk is not supported", "disk * is transient;"},
        "a disk of the guest is transient: what it holds is in the source's QEMU alone",
        "stop the guest and move it cold"},
    {"snapshots",
        {"cannot migrate domain with * snapshot"},
        "the guest has snapshots, which cannot go along",
        "delete them with 'virsh snapshot-delete', or move the guest cold"},
    {"disk-io-error",
        {"cannot migrate domain with I/O error"},
        "the guest is halted because a disk of it failed",
        "repair its disk or pool, resume the guest, then migrate"},
    {"block-job",
        {"domain has active block job"},
        "a disk of the guest is being copied, backed up or committed by somebody else",
        "wait until it has ended ('virsh blockjob'), or end it"},

    /* ---- devices ---- */
    {"pci-passthrough",
        {"PCI devices attached", "cannot migrate a domain with <hostdev", "VFIO migration",
            "is passed through to the guest", "(SR-IOV direct)", "is handed to the guest"},
        "the guest owns a device of its host, whose state cannot be sent",
        "move it cold (openstack server migrate without --live-migration): it is defined anew there, "
        "with devices of that host which the pci_passthrough:alias of its flavor asks for, and no others"},
    {"pci-group",
        {"vfio *: group * is not viable"},
        "the IOMMU sees a PCI device of the guest and another one of its host as one (a group), and a "
        "driver of the host holds the other",
        "give the whole group to vfio-pci on that host when it boots (driverctl, or vfio-pci.ids= on "
        "the kernel's command line), or name devices in [pci] device_spec that have a group each"},
    {"pci-in-use",
        {"PCI device * is in use by driver"},
        "a guest that drover has not made has the PCI device",
        "see which ('virsh list --all' on that host), and stop it, or take the device out of [pci] "
        "device_spec"},
    {"pci-unsupported",
        {"host doesn't support passthrough of host PCI devices",
            "Failed to open file '/lib/modules/*/modules.alias'"},
        "the host cannot give PCI devices to guests: it has no IOMMU, or its kernel's modules (of "
        "which one is vfio-pci) are not there",
        "turn the IOMMU on (firmware, and intel_iommu=on on the kernel's command line), and see that "
        "'modprobe vfio-pci' works on that host"},
    {"virtiofs",
        {"migration with this virtiofs device is not supported", "virtiofs",
            "VirtFS export path '*' is mounted in the guest",
            "Back-end of * does not support migration through qemu"},
        "the guest has a directory of its host mounted",
        "detach the filesystem device, or move it cold"},
    {"device-blocks",
        {"cannot migrate domain: *", "shmem device '*' cannot be migrated",
            "vDPA devices cannot be migrated", "a slirp-helper cannot be migrated",
            "without dbus-vmstate support", "dimm info lacks slot ID or base address",
            "cannot be moved while it runs: *"},
        "a device of the guest cannot be moved while it runs",
        "detach the device that is named, or move the guest cold"},
    {"autodestroy",
        {"domain is marked for auto destroy"},
        "whoever started the guest told its host to end it with the connection",
        "start it again by drover"},
    {"network-missing",
        {"Cannot get interface MTU on", "Network not found", "Unable to add bridge * port",
            "Unable to add port * to", "Cannot find * bridge"},
        "the destination has no bridge or network of the name that the guest's NIC is on",
        "make the bridge there: every host must have those of all networks"},

    /* ---- the guest and its hosts ---- */
    {"same-host",
        {"Attempt to migrate guest to the same host"},
        "the two hosts have the same host UUID, or the peer URI leads back to the source",
        "give each host a host_uuid of its own in libvirtd.conf, and correct the peer URI"},
    {"domain-exists",
        {"domain * is already defined with uuid", "already exists with uuid", "is already active as",
            "is already on host", "A domain with the UUID"},
        "the destination already knows a domain of this name or UUID",
        "look at it there with 'virsh list --all', and remove it if it is a leftover"},
    {"busy",
        {"cannot acquire state change lock", "another migration job is already running",
            "has a job (*) under way"},
        "something else is being done to the guest",
        "see what ('virsh domjobinfo'), and migrate when it is over"},
    {"postcopy-unsupported",
        {"userfaultfd", "Userfault", "Postcopy is not supported", "postcopy is not supported",
            "post-copy migration is not supported"},
        "post-copy needs userfaultfd on the destination, and its kernel does not give it to QEMU",
        "set vm.unprivileged_userfaultfd = 1 there, or live_migration_permit_post_copy = false for "
        "the source or its group"},
    {"guest-died",
        {"guest unexpectedly quit", "The guest stopped on", "domain is not running",
            "domain * is no longer running", "is not running"},
        "the guest itself ended: it was shut down, it crashed, or its QEMU was killed",
        "see its console log and the host's QEMU log, and start it again"},
    {"instance-gone",
        {"was deleted while", "guest '*' is not on host '"},
        "the guest is no longer where it was: somebody deleted or moved it meanwhile",
        "look at the instance again before anything is repeated"},
    {"permission",
        {"Permission denied", "Operation not permitted", "Read-only file system"},
        "QEMU or libvirtd may not use a file or device of its host",
        "compare user, group and security_driver in qemu.conf of both hosts, and see how the file "
        "system is mounted"},
    {"qemu-died",
        {"unexpectedly closed the monitor", "Failed to connect socket * monitor",
            "process exited while connecting to monitor", "Failed to open file '"},
        "QEMU on one of the hosts ended: it was killed, or could not go on",
        "see its log in /var/log/libvirt/qemu on that host (of a move: on the destination): its last "
        "line says why"},
    {"stream-broken",
        {"unexpectedly failed", "Broken pipe", "Channel error", "Connection reset by peer",
            "Input/output error", "load of migration failed", "from TLS channel", "to TLS channel"},
        "the stream of memory between the hosts was cut off: the destination's QEMU ended, or the "
        "network broke",
        "see the destination's QEMU log; if it says nothing, test the data network, and migrate "
        "again"},

    /* ---- what drover says itself ---- */
    {"no-valid-host",
        {"No valid host was found"},
        "no host passed every check",
        "the message says how many hosts failed which check; 'drover explain SERVER' shows every "
        "check of every host, and what would help",
        .is_ours = true},
    {"host-unavailable",
        {"is unavailable at this time", "' is not connected"},
        "the host is down or cannot be reached",
        "see why in 'drover host show', or choose another host",
        .is_ours = true},
    {"not-shared",
        {"is not on shared storage"},
        "the disk is local, and block_migration false was asked for",
        "ask for block_migration auto",
        .is_ours = true},
    {"not-local",
        {"is not on local storage"},
        "the disk is on shared storage, and block_migration true was asked for",
        "ask for block_migration auto",
        .is_ours = true},
    {"time-out",
        {"when its time was over", "Timed out during operation", "' did not answer in time"},
        "a host did not answer in the time that this step may take",
        "see whether the host is down, busy or frozen ('drover host show'), and ask for the same "
        "again once it answers"},
    {"outcome-unseen",
        {"The migration ended unseen"},
        "droverd or a libvirtd was stopped while the guest moved, and both hosts then said that it "
        "had stayed",
        "migrate again",
        .is_ours = true},

    /* ---- whatever is not named above ---- */
    {"rehearsal",
        {"cannot start a twin of guest"},
        "the host's QEMU does not start with what the guest has: its processor, machine, memory or "
        "TPM",
        "see the log of that start, /var/log/libvirt/qemu/try-*.log on that host, and mend what it "
        "names, or choose another host"},
};
/* clang-format on */

const Diagnosis *
diagnosis_table(unsigned *ret_n)
{
    *ret_n = G_N_ELEMENTS(table);
    return table;
}

/* Where the pattern begins in the text, NULL: it is not there. Greedy in nothing: each part is
 * taken where it is found first. */
static const char *
find_pattern(const char *text, size_t length, const char *pattern)
{
    const char *begin = NULL;
    const char *end = text + length;

    for (;;) {
        size_t n = strcspn(pattern, "*");
        const char *found = memmem(text, (size_t)(end - text), pattern, n);
        if (found == NULL) {
            return NULL;
        }
        begin = begin != NULL ? begin : found;
        if (pattern[n] == '\0') {
            return begin;
        }
        text = found + n;
        pattern += n + 1;
    }
}

static const char *
find_any(const Diagnosis *diagnosis, const char *text, size_t length)
{
    const char *first = NULL;

    for (int i = 0; i < DIAGNOSIS_MAX_PATTERNS && diagnosis->patterns[i] != NULL; i++) {
        const char *found = find_pattern(text, length, diagnosis->patterns[i]);
        if (found != NULL && (first == NULL || found < first)) {
            first = found;
        }
    }
    return first;
}

static size_t
plain_length(const char *message)
{
    const char *mark = strstr(message, CAUSE_MARK);

    return mark != NULL ? (size_t)(mark - message) : strlen(message);
}

const Diagnosis *
diagnosis_find(const char *message)
{
    if (message == NULL) {
        return NULL;
    }
    size_t length = plain_length(message);
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (find_any(&table[i], message, length) != NULL) {
            return &table[i];
        }
    }
    return NULL;
}

char *
diagnosis_evidence(const Diagnosis *diagnosis, const char *message)
{
    size_t length = plain_length(message);
    const char *begin = find_any(diagnosis, message, length);

    return begin != NULL ? g_strndup(begin, length - (size_t)(begin - message)) : NULL;
}

char *
diagnosis_explain(const char *message)
{
    const Diagnosis *diagnosis = diagnosis_find(message);

    if (diagnosis == NULL || diagnosis->is_ours || strstr(message, CAUSE_MARK) != NULL) {
        return g_strdup(message);
    }
    int length = (int)strlen(message) - g_str_has_suffix(message, ".");
    return g_strdup_printf(
        "%.*s" CAUSE_MARK "%s. Fix: %s.", length, message, diagnosis->cause, diagnosis->fix);
}

const char *
diagnosis_label(const char *message)
{
    const Diagnosis *diagnosis = diagnosis_find(message);

    return diagnosis != NULL ? diagnosis->code : "other";
}

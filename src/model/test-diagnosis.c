/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
#include "model/diagnosis.h"

#include <string.h>

/* What libvirt, QEMU and drover really say, in the versions that were at hand. */
typedef struct Case {
    const char *message;
    const char *code; /* NULL: no row fits */
} Case;

#define MOVE "cannot migrate guest '1b' from host 'hosta' to host 'hostb': "
#define REFUSED "libvirt would refuse it: Requested operation is not valid: "

/* clang-format off */
static const Case cases[] = {
    {MOVE "operation failed: guest CPU doesn't match specification: missing features: avx2,bmi2",
        "cpu-incompatible"},
    {MOVE "unsupported configuration: guest and host CPU are not compatible: Host CPU does not "
        "provide required features: pcid; the CPU is incompatible with host CPU", "cpu-incompatible"},
    {"host 'hostb' lacks CPU features that the guest has: the CPU is incompatible with host CPU: Host "
        "CPU does not provide required features: ssse3", "cpu-incompatible"},
    {"cannot start guest '1b' on host 'hosta': internal error: Unknown CPU model Epyc-9",
        "cpu-model-unknown"},
    {"cannot start guest '1b' on host 'hostb': unsupported configuration: CPU mode 'host-passthrough' "
        "for x86_64 qemu domain on x86_64 host is not supported by hypervisor", "cpu-model-unknown"},
    {MOVE "Requested operation is not valid: domain has 'invtsc' CPU feature but TSC frequency is "
        "not specified", "cpu-tsc"},
    {"cannot start guest '1b' on host 'hosta': unsupported configuration: host doesn't support "
        "invariant TSC", "cpu-tsc"},
    {REFUSED "cannot migrate domain: State blocked by non-migratable CPU device (invtsc flag)",
        "cpu-tsc"},
    {REFUSED "cannot migrate domain: 'hv-passthrough' CPU flag prevents migration, use explicit set "
        "of hv-* flags instead", "cpu-hyperv"},
    {MOVE "internal error: process exited while connecting to monitor: 2026-11-21T18:42:27.105588Z "
        "qemu-system-x86_64: -blockdev {\"driver\":\"nbd\",\"server\":{\"type\":\"inet\",\"host\":"
        "\"198.18.0.1\",\"port\":\"11809\"},\"export\":\"disk\",\"node-name\":\"libvirt-1-storage\"}: "
        "Failed to connect to '198.18.0.1:11809': Connection refused", "network-disk-unreachable"},
    {"cannot start guest '1b' on host 'hosta': internal error: process exited while connecting to "
        "monitor: 2026-11-21T18:42:27.167405Z qemu-system-x86_64: -blockdev {\"driver\":\"iscsi\","
        "\"portal\":\"198.18.0.1:3261\",\"target\":\"iqn.2026-01.test:d\",\"lun\":1}: iSCSI: Failed to "
        "connect to LUN : iscsi_service failed with : iscsi_service_reconnect_if_loggedin. Can not "
        "reconnect right now.", "network-disk-unreachable"},
    {"host 'hostb' cannot open volume '1c' at 'nbd://198.18.0.1:10809/disk': its server did not "
        "answer within 15 s", "network-disk-unreachable"},
    {"cannot attach a disk to guest '1b' on host 'hosta': internal error: unable to execute QEMU "
        "command 'blockdev-add': address resolution failed for nowhere.test:11809: Temporary failure "
        "in name resolution", "network-disk-unreachable"},
    {"cannot attach a disk to guest '1b' on host 'hosta': internal error: unable to execute QEMU "
        "command 'blockdev-add': Failed to connect to '198.18.0.1:10999': Connection refused",
        "network-disk-unreachable"},
    {"cannot attach a disk to guest '1b' on host 'hosta': internal error: unable to execute QEMU "
        "command 'blockdev-add': Failed to read initial magic: Unable to read from socket: "
        "Connection reset by peer", "network-disk-unreachable"},
    {"cannot attach a disk to guest '1b' on host 'hosta': internal error: unable to execute QEMU "
        "command 'blockdev-add': Requested export not available", "network-disk-unreachable"},
    {"cannot attach a disk to guest '1b' on host 'hosta': internal error: unable to execute QEMU "
        "command 'blockdev-add': iSCSI: Failed to connect to LUN : iscsi_service failed with : "
        "iscsi_service_reconnect_if_loggedin. Can not reconnect right now.",
        "network-disk-unreachable"},
    {MOVE "operation failed: Failed to connect to remote libvirt URI qemu+tls://hostb/system: unable "
        "to connect to server at 'hostb:16514': Connection refused", "peer-unreachable"},
    {MOVE "unable to connect to server at 'hostb:16509': Connection refused", "peer-unreachable"},
    {MOVE "unable to connect to server at '10.9.9.9:16514': Network is unreachable",
        "peer-unreachable"},
    {MOVE "Unable to resolve address 'nowhere' service '49152': Temporary failure in name resolution",
        "name-not-resolved"},
    {MOVE "internal error: unable to execute QEMU command 'object-add': Our own certificate "
        "/etc/pki/qemu/server-cert.pem failed validation against /etc/pki/qemu/ca-cert.pem: The "
        "certificate hasn't got a known issuer", "tls-untrusted"},
    {MOVE "authentication failed: Failed to verify peer's certificate", "tls-untrusted"},
    {MOVE "operation failed: migration failed. Message from the source host: operation failed: job "
        "'migration out' failed: Certificate does not match the hostname other. Message from the "
        "destination host: operation failed: job 'migration in' failed: load of migration failed: "
        "Invalid argument", "tls-name"},
    {MOVE "The certificate has expired", "tls-expired"},
    {MOVE "internal error: unable to execute QEMU command 'object-add': Certificate "
        "/etc/pki/qemu/server-cert.pem usage does not permit key encipherment", "tls-usage"},
    {MOVE "The certificate /etc/pki/libvirt/clientcert.pem basic constraints show a CA, but we need "
        "one for a client", "tls-usage"},
    {MOVE "operation failed: Failed to connect to remote libvirt URI qemu+tls://hostb/system: "
        "server verification (of our certificate or IP address) failed: Input/output error",
        "tls-broken"},
    {MOVE "internal error: unable to execute QEMU command 'blockdev-add': The TLS connection was "
        "non-properly terminated.", "tls-broken"},
    {MOVE "operation failed: Failed to connect to remote libvirt URI qemu+tcp://hostb/system: "
        "authentication failed: Failed to start SASL negotiation: -4 (SASL(-4): no mechanism "
        "available: No worthy mechs found)", "authentication"},
    {MOVE "authentication failed: authentication failed", "authentication"},
    {MOVE "authentication unavailable: no polkit agent available to authenticate action "
        "'org.libvirt.unix.manage'", "authentication"},
    {MOVE "Cannot read CA certificate '/etc/pki/qemu/ca-cert.pem': No such file or directory",
        "tls-files"},
    {MOVE "Requested operation is not valid: this libvirtd instance allows migration only with "
        "VIR_MIGRATE_TLS flag", "tls-required"},
    {MOVE "unable to connect to server at 'h:49152': Connection timed out", "data-port-timeout"},
    {MOVE "unable to connect to server at 'h:49152': No route to host", "data-port-timeout"},
    {MOVE "unable to connect to server at 'h:49152': Connection refused", "data-port-refused"},
    {MOVE "internal error: unable to execute QEMU command 'blockdev-add': Failed to connect to "
        "'h:49152': Connection refused", "data-port-refused"},
    {MOVE "internal error: Unable to find an unused port in range 'migration' (49152-49215)",
        "no-port"},
    {MOVE "operation failed: Lost connection to destination host", "peer-lost"},
    {MOVE "internal error: client socket is closed", "peer-lost"},
    {MOVE "Cannot recv data: Connection reset by peer: End of file while reading data: Input/output "
        "error", "peer-lost"},
    {"Host hostc has died while it took the guest, which goes on on hosta.", "dest-died"},
    {MOVE "internal error: unable to execute QEMU command 'blockdev-add': No space left on device",
        "disk-full"},
    {"pool 'instances' of host 'hostb': No space left on device", "disk-full"},
    {MOVE "internal error: QEMU unexpectedly closed the monitor (vm='i'): cannot set up guest memory "
        "'pc.ram': Cannot allocate memory", "memory-full"},
    {MOVE "unsupported configuration: Emulator '/usr/bin/qemu-system-x86_64' does not support machine "
        "type 'pc-i440fx-12.0'", "machine-type"},
    {MOVE "internal error: QEMU unexpectedly closed the monitor (vm='i'): qemu-system-x86_64: "
        "unsupported machine type: \"pc-q35-99.0\"", "machine-type"},
    {MOVE "operation failed: job 'migration in' failed: Unknown savevm section or instance "
        "'0000:00:03.0/virtio-net' 0. Make sure that your current VM setup matches your saved VM "
        "setup, including any hotplugged devices", "device-unknown"},
    {MOVE "internal error: QEMU unexpectedly closed the monitor (vm='i'): qemu-system-x86_64: Unknown "
        "ramblock \"0000:00:04.0:01.0/e1000.rom\", cannot accept migration", "device-unknown"},
    {MOVE "operation failed: migration failed. Message from the source host: operation failed: job "
        "'migration out' failed: Sibling indicated error 1. Message from the destination host: "
        "operation failed: job 'migration in' failed: load of migration failed: Invalid argument",
        "device-unknown"},
    {MOVE "operation failed: migration failed. Message from the source host: operation failed: job "
        "'migration out' failed: Unable to write to socket: Connection reset by peer. Message from "
        "the destination host: operation failed: job 'migration in' failed: load of migration "
        "failed: Invalid argument", "device-unknown"},
    {MOVE "internal error: process exited while connecting to monitor: -device virtio-mem-pci: "
        "'virtio-mem-pci' is not a valid device model name", "device-unknown"},
    {"The instance requires a newer hypervisor version than has been provided.", "version"},
    {"cannot define guest '1b' on host 'hostb': unsupported configuration: Emulator "
        "'/usr/bin/qemu-system-x86_64' does not support virt type 'kvm'", "kvm-missing"},
    {"invalid argument: could not find capabilities for arch=x86_64 domaintype=kvm ", "kvm-missing"},
    {"operation failed: Unable to find 'efi' firmware that is compatible with the current "
        "configuration", "firmware-missing"},
    {MOVE "Operation not supported: the running swtpm does not support migration with shared storage",
        "tpm-shared-state"},
    {"internal error: Could not run '/usr/bin/swtpm_setup'. exitstatus: 1", "tpm"},
    {"cannot start guest '1b' on host 'hosta': Secret not found: no secret with matching uuid '1b'",
        "tpm"},
    {"cannot start guest '1b' on host 'hosta': internal error: process exited while connecting to "
        "monitor: Failed to get \"write\" lock Is another process using the image "
        "[/p/1b.root.qcow2]?", "image-lock"},
    {MOVE "Unsafe migration: Migration without shared storage is unsafe", "shared-unsafe"},
    {MOVE "Cannot access storage file '/p/1b.root.qcow2': No such file or directory", "disk-missing"},
    {"Storage pool not found: no storage pool with matching name 'instances'", "pool-missing"},
    {"an image base was put on host 'hostb' with other bytes: SHA-256 0123 instead of 4567",
        "bytes-differ"},
    {"volume '1b.config' arrived on host 'hostb' with other bytes: SHA-256 0123 instead of 4567",
        "bytes-differ"},
    {MOVE "operation failed: migration of disk vda failed: Input/output error", "disk-copy"},
    {REFUSED "cannot migrate domain: The vdi format used by node 'libvirt-1-format' does not support "
        "live migration", "disk-format"},
    {MOVE "Operation not supported: migration with transient disk is not supported",
        "transient-disk"},
    {"cannot be moved while it runs: disk vdc is transient; stop it and migrate it cold (openstack "
        "server migrate)", "transient-disk"},
    {MOVE "Requested operation is not valid: cannot migrate domain with 2 snapshots", "snapshots"},
    {MOVE "Requested operation is not valid: cannot migrate domain with I/O error", "disk-io-error"},
    {MOVE "Requested operation is not valid: domain has active block job", "block-job"},
    {MOVE "Requested operation is not valid: domain is marked for auto destroy", "autodestroy"},
    {MOVE "Operation not supported: cannot migrate a domain with <hostdev mode='capabilities'>",
        "pci-passthrough"},
    {MOVE "Requested operation is not valid: cannot migrate domain: 0000:01:00.0: VFIO migration is "
        "not supported in kernel", "pci-passthrough"},
    {"cannot be moved while it runs: PCI device 0000:3b:00.1 of its host is passed through to the "
        "guest; stop it and migrate it cold (openstack server migrate)", "pci-passthrough"},
    {"cannot be moved while it runs: NIC 52:54:00:00:00:01 is a device of its host (SR-IOV direct) "
        "without a twin to fall back on; stop it and migrate it cold (openstack server migrate)",
        "pci-passthrough"},
    {"cannot start guest '1b' on host 'hosta': internal error: QEMU unexpectedly closed the monitor "
        "(vm='instance-00000001'): 2026-11-22T12:41:29.435668Z qemu-system-x86_64: -device "
        "{\"driver\":\"vfio-pci\",\"host\":\"0000:03:00.0\",\"id\":\"hostdev0\",\"bus\":\"pci.2\","
        "\"addr\":\"0x0\"}: vfio 0000:03:00.0: group 13 is not viable\nPlease ensure all devices "
        "within the iommu_group are bound to their vfio bus driver.", "pci-group"},
    {"cannot start guest '1b' on host 'hosta': Requested operation is not valid: PCI device "
        "0000:01:00.0 is in use by driver QEMU, domain hand", "pci-in-use"},
    {"cannot start guest '1b' on host 'hosta': unsupported configuration: host doesn't support "
        "passthrough of host PCI devices", "pci-unsupported"},
    {"cannot start guest '1b' on host 'hosta': Failed to open file '/lib/modules/6.1.0-56-amd64/"
        "modules.alias': No such file or directory", "pci-unsupported"},
    {"cannot be moved while it runs: shared memory device shm is not the master; stop it and migrate "
        "it cold (openstack server migrate)", "device-blocks"},
    {MOVE "Operation not supported: migration with this virtiofs device is not supported",
        "virtiofs"},
    {REFUSED "migration with virtiofs device is not supported", "virtiofs"},
    {REFUSED "cannot migrate domain: Migration is disabled when VirtFS export path '/srv' is mounted "
        "in the guest using mount_tag 'srv'", "virtiofs"},
    {REFUSED "cannot migrate domain: Back-end of vhost-user-fs device 0000:00:04.0/vhost-user-fs "
        "(tag: \"srv\") does not support migration through qemu", "virtiofs"},
    {REFUSED "cannot migrate domain: non-migratable device: 0000:00:01.0/virtio-crypto",
        "device-blocks"},
    {REFUSED "cannot migrate domain: virgl is not yet migratable", "device-blocks"},
    {MOVE "Operation not supported: shmem device 'x' cannot be migrated, only shmem with "
        "role='master' can be migrated", "device-blocks"},
    {MOVE "Operation not supported: vDPA devices cannot be migrated", "device-blocks"},
    {MOVE "Operation not supported: a slirp-helper cannot be migrated", "device-blocks"},
    {MOVE "cannot migrate this domain without dbus-vmstate support", "device-blocks"},
    {MOVE "Cannot get interface MTU on 'br7': No such device", "network-missing"},
    {MOVE "internal error: Attempt to migrate guest to the same host 1d", "same-host"},
    {MOVE "operation failed: domain 'instance-00000001' is already defined with uuid 77",
        "domain-exists"},
    {MOVE "Timed out during operation: cannot acquire state change lock (held by monitor=remote)",
        "busy"},
    {MOVE "internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not "
        "supported: Userfaultfd not available: Operation not permitted", "postcopy-unsupported"},
    {MOVE "internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not "
        "supported: Userfaultfd not available: Inappropriate ioctl for device",
        "postcopy-unsupported"},
    {MOVE "operation failed: guest unexpectedly quit", "guest-died"},
    {"The guest stopped on hosta while it was moving.", "guest-died"},
    {"guest '1b' is not on host 'hosta'", "instance-gone"},
    {MOVE "cannot create path '/var/lib/libvirt/instances/1b.root.qcow2': Read-only file system",
        "permission"},
    {"cannot start guest '1b' on host 'hosta': internal error: process exited while connecting to "
        "monitor: Could not open '/p/1b.root.qcow2': Permission denied", "permission"},
    {MOVE "internal error: QEMU unexpectedly closed the monitor (vm='instance-00000001'): bad",
        "qemu-died"},
    {MOVE "operation failed: migration failed. Message from the source host: operation failed: job "
        "'migration out' failed: Cannot read from TLS channel: The TLS connection was non-properly "
        "terminated.. Message from the destination host: internal error: QEMU unexpectedly closed the "
        "monitor (vm='instance-00000001')", "qemu-died"},
    {MOVE "operation failed: migration out job: unexpectedly failed", "stream-broken"},
    {MOVE "operation failed: job 'migration out' failed: Unable to read from socket: Connection reset "
        "by peer", "stream-broken"},
    {MOVE "operation failed: job 'migration out' failed: Cannot read from TLS channel: The TLS "
        "connection was non-properly terminated", "stream-broken"},
    {MOVE "operation failed: job 'migration out' failed: Channel error: Input/output error",
        "stream-broken"},
    {"No valid host was found. 2 hosts: 2 failed 'ram' (hosta: needs 9 MiB, has 1 MiB; ...)",
        "no-valid-host"},
    {"Compute service of hostb is unavailable at this time.", "host-unavailable"},
    {"hosta is not on shared storage: Shared storage live-migration requires either ...",
        "not-shared"},
    {"hostb is not on local storage: Block migration can not be used with shared storage.",
        "not-local"},
    {"host 'hostb' cannot start a twin of guest '1b': its QEMU had not started within 20 s",
        "rehearsal"},
    {"host 'hostb' cannot start a twin of guest '1b': internal error: process exited while connecting "
        "to monitor: qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory",
        "memory-full"},
    {"The migration ended unseen, and the guest is still on hosta.", "outcome-unseen"},
    {"It was still making bases and disks on the destination when its time was over.", "time-out"},
    {"The migration was aborted.", NULL},
    {"", NULL},
};
/* clang-format on */

static void
test_recorded_texts_have_their_row(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Diagnosis *found = diagnosis_find(cases[i].message);
        if (g_strcmp0(found != NULL ? found->code : NULL, cases[i].code) != 0) {
            g_error("'%s' is taken for '%s'", cases[i].message, found != NULL ? found->code : "-");
        }
    }
    g_assert_null(diagnosis_find(NULL));
    g_assert_cmpstr(diagnosis_label(NULL), ==, "other");
}

/* A row that no recorded text is for is a guess. */
static void
test_every_row_has_a_recorded_text(void)
{
    unsigned n;
    const Diagnosis *rows = diagnosis_table(&n);
    for (unsigned i = 0; i < n; i++) {
        bool is_there = false;
        for (unsigned j = 0; j < G_N_ELEMENTS(cases); j++) {
            is_there |= g_strcmp0(cases[j].code, rows[i].code) == 0;
        }
        if (!is_there) {
            g_error("no recorded text is for '%s'", rows[i].code);
        }
    }
}

/* An explained message has the diagnosis and the evidence of the plain one, whatever the words of
 * the cause would match by themselves. */
static void
test_an_explained_message_is_known_again(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *once = diagnosis_explain(cases[i].message);
        g_autofree char *twice = diagnosis_explain(once);
        g_assert_cmpstr(once, ==, twice);
        g_assert_true(diagnosis_find(once) == diagnosis_find(cases[i].message));
        if (cases[i].code != NULL) {
            g_autofree char *evidence = diagnosis_evidence(diagnosis_find(once), once);
            g_assert_nonnull(strstr(cases[i].message, evidence));
        }
    }
}

static void
test_the_evidence_is_the_part_that_counts(void)
{
    const char *message = MOVE "unable to connect to server at 'h:49152': Connection timed out";
    g_autofree char *explained = diagnosis_explain(message);
    const Diagnosis *found = diagnosis_find(explained);
    g_autofree char *evidence = diagnosis_evidence(found, explained);
    g_assert_cmpstr(
        evidence, ==, "unable to connect to server at 'h:49152': Connection timed out");
    g_assert_nonnull(strstr(explained, "Cause: packets between the hosts"));
    g_assert_nonnull(strstr(explained, "Fix: allow the ports migration_port_min"));
}

static void
test_what_drover_says_is_not_told_twice(void)
{
    g_autofree char *explained = diagnosis_explain("No valid host was found. 1 host: ...");
    g_assert_cmpstr(explained, ==, "No valid host was found. 1 host: ...");
}

static void
test_the_table_is_well_formed(void)
{
    unsigned n;
    const Diagnosis *rows = diagnosis_table(&n);
    for (unsigned i = 0; i < n; i++) {
        g_assert_nonnull(rows[i].patterns[0]);
        g_assert_false(g_str_has_suffix(rows[i].cause, "."));
        g_assert_false(g_str_has_suffix(rows[i].fix, "."));
        g_assert_true(g_regex_match_simple("^[a-z-]+$", rows[i].code, 0, 0));
        for (unsigned other = 0; other < i; other++) {
            g_assert_cmpstr(rows[i].code, !=, rows[other].code);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/diagnosis/recorded-texts-have-their-row", test_recorded_texts_have_their_row);
    g_test_add_func(
        "/diagnosis/every-row-has-a-recorded-text", test_every_row_has_a_recorded_text);
    g_test_add_func("/diagnosis/an-explained-message-is-known-again",
        test_an_explained_message_is_known_again);
    g_test_add_func("/diagnosis/the-evidence-is-the-part-that-counts",
        test_the_evidence_is_the_part_that_counts);
    g_test_add_func(
        "/diagnosis/what-drover-says-is-not-told-twice", test_what_drover_says_is_not_told_twice);
    g_test_add_func("/diagnosis/the-table-is-well-formed", test_the_table_is_well_formed);
    return g_test_run();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Domain XML, metadata, names of volumes and capabilities. */
#include "hypervisor/libvirt/dest_xml.h"
#include "hypervisor/libvirt/disk_xml.h"
#include "hypervisor/libvirt/domain_xml.h"
#include "hypervisor/libvirt/facts.h"
#include "hypervisor/libvirt/names.h"
#include "hypervisor/libvirt/tpm.h"
#include "hypervisor/libvirt/try_disk_xml.h"
#include <string.h>

#define UUID "11111111-2222-4333-8444-555555555555"
#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASH_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const DomainPlace place = {"/pool", "qemu", {"custom", "qemu64", NULL}};

static GuestSpec
example(void)
{
    static const GuestNic nics[] = {
        {"52:54:00:00:00:01", "br0", 0}, {"52:54:00:00:00:02", "br1", 1400}};

    return (GuestSpec){
        .uuid = UUID,
        .domain_name = "instance-00000001",
        .display_name = "a <b> & \"c\"",
        .project_id = "p1",
        .flavor_name = "m1.tiny",
        .generation = 3,
        .operation = 17,
        .vcpus = 2,
        .memory_mib = 256,
        .root_size_bytes = INT64_C(1) << 30,
        .root_hash = HASH_A,
        .root_format = "qcow2",
        .kernel_hash = HASH_B,
        .initrd_hash = HASH_C,
        .command_line = "console=ttyS0 a=\"b\"",
        .nics = nics,
        .n_nics = 2,
    };
}

/* The text of the one node that the path names. */
static char *
at(xmlDoc *document, const char *path)
{
    g_autoptr(GPtrArray) found = xml_find_all(document, path);

    if (found->len != 1) {
        g_error("'%s' names %u nodes", path, found->len);
    }
    return xml_get_text(g_ptr_array_index(found, 0));
}

#define assert_at(document, path, expected)                                                        \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *found_text = at(document, path);                                          \
        g_assert_cmpstr(found_text, ==, expected);                                                 \
    }                                                                                              \
    G_STMT_END

static unsigned int
count(xmlDoc *document, const char *path)
{
    g_autoptr(GPtrArray) found = xml_find_all(document, path);

    return found->len;
}

static xmlDoc *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    xmlDoc *document = xml_parse(text, &error);

    g_assert_no_error(error);
    return document;
}

static void
test_a_guest_becomes_a_domain(void)
{
    GuestSpec guest = example();
    g_autofree char *text = domain_xml_build(&guest, &place, NULL);
    g_autofree char *again = domain_xml_build(&guest, &place, NULL);
    g_autoptr(xmlDoc) document = parse(text);

    g_assert_cmpstr(text, ==, again);
    assert_at(document, "/domain/@type", "qemu");
    assert_at(document, "/domain/name", "instance-00000001");
    assert_at(document, "/domain/uuid", UUID);
    assert_at(document, "/domain/memory[@unit='MiB']", "256");
    assert_at(document, "/domain/vcpu", "2");
    assert_at(document, "/domain/cpu[@mode='custom'][@match='exact']/model", "qemu64");
    assert_at(document, "/domain/os/kernel", "/pool/base-" HASH_B ".kernel");
    assert_at(document, "/domain/os/initrd", "/pool/base-" HASH_C ".initrd");
    assert_at(document, "/domain/os/cmdline", "console=ttyS0 a=\"b\"");
    assert_at(document, "/domain/on_poweroff", "destroy");
    assert_at(document, "/domain/on_reboot", "restart");
    assert_at(document, "//interface[1]/mac/@address", "52:54:00:00:00:01");
    assert_at(document, "//interface[2]/source/@bridge", "br1");
    assert_at(document, "//interface/mtu/@size", "1400");
    assert_at(document, "//serial/log[@append='on']/@file", "/pool/" UUID ".console.log");
    g_assert_cmpuint(count(document, "//graphics"), ==, 0);
}

/* A format that is not written down is one that libvirt finds out from what the guest wrote. */
static void
test_no_format_is_left_to_be_probed(void)
{
    GuestSpec guest = example();
    guest.root_format = "raw";
    g_autofree char *text = domain_xml_build(&guest, &place, NULL);
    g_autoptr(xmlDoc) document = parse(text);

    assert_at(document, "//disk[target/@dev='vda']/driver/@type", "qcow2");
    assert_at(document, "//disk[target/@dev='vda']/source/@file", "/pool/" UUID ".root.qcow2");
    assert_at(document, "//disk[target/@dev='vda']/backingStore/format/@type", "raw");
    assert_at(document, "//disk[target/@dev='vda']/backingStore/source/@file",
        "/pool/base-" HASH_A ".raw");
    assert_at(document, "//disk[target/@dev='vdb']/driver/@type", "raw");
    g_assert_cmpuint(count(document, "//disk/driver[@cache='none']"), ==, 2);
    /* Every chain has its end. */
    g_assert_cmpuint(
        count(document, "//disk[@device='disk']//backingStore[not(@type)][not(*)]"), ==, 2);
}

static void
test_a_guest_can_boot_from_its_disk_and_name_its_cpu(void)
{
    GuestSpec guest = example();
    guest.kernel_hash = NULL;
    g_autofree char *text = domain_xml_build(&guest, &place, NULL);
    g_autoptr(xmlDoc) document = parse(text);

    g_assert_cmpuint(count(document, "/domain/os/kernel"), ==, 0);
    assert_at(document, "/domain/os/boot/@dev", "hd");

    DomainPlace kvm = {.pool_path = "/pool",
        .virt_type = "kvm",
        .cpu = {.mode = "none"},
        .vnc_listen = "127.0.0.1"};
    g_autofree char *plain = domain_xml_build(&guest, &kvm, NULL);
    g_autoptr(xmlDoc) plain_document = parse(plain);
    g_assert_cmpuint(count(plain_document, "/domain/cpu"), ==, 0);
    assert_at(plain_document, "/domain/@type", "kvm");
    assert_at(plain_document, "//graphics[@type='vnc'][@autoport='yes']/@listen", "127.0.0.1");
    assert_at(plain_document, "//video/model/@type", "vga");
}

static void
test_firmware_and_tpm_are_written(void)
{
    GuestSpec guest = example();
    g_autoptr(GError) error = NULL;
    g_autofree char *plain = domain_xml_build(&guest, &place, &error);
    guest.firmware = "uefi";
    guest.tpm_version = "2.0";
    guest.tpm_model = "tpm-crb";
    g_autofree char *text = domain_xml_build(&guest, &place, &error);
    g_autoptr(xmlDoc) document = parse(text);

    assert_at(document, "/domain/os/@firmware", "efi");
    assert_at(document, "/domain/os/nvram", "/pool/" UUID ".nvram.fd");
    assert_at(document, "//tpm[@model='tpm-crb']/backend[@type='emulator']/@version", "2.0");
    assert_at(document, "//tpm/backend/encryption/@secret", UUID);
    g_autofree char *version = domain_xml_get_tpm(text);
    g_assert_cmpstr(version, ==, "2.0");
    g_assert_true(domain_xml_has_nvram(text));
    g_assert_null(domain_xml_get_tpm(plain));
    g_assert_false(domain_xml_has_nvram(plain));
    g_assert_false(domain_xml_has_nvram("no xml"));
}

/* Made from the key and the guest, and from nothing else. */
static void
test_each_tpm_has_a_secret_of_its_own(void)
{
    g_autofree char *one = tpm_make_secret("key", UUID);
    g_autofree char *again = tpm_make_secret("key", UUID);
    g_autofree char *other = tpm_make_secret("key", "11111111-2222-4333-8444-555555555556");
    g_autofree char *elsewhere = tpm_make_secret("another", UUID);

    g_assert_cmpuint(strlen(one), ==, 64);
    g_assert_cmpstr(one, ==, again);
    g_assert_cmpstr(one, !=, other);
    g_assert_cmpstr(one, !=, elsewhere);
}

static void
test_metadata_travels(void)
{
    GuestSpec guest = example();
    g_autofree char *text = domain_xml_build(&guest, &place, NULL);
    g_autoptr(xmlDoc) document = parse(text);
    g_autoptr(GError) error = NULL;
    int64_t generation;
    int64_t operation;
    const char *const as_libvirt_gives_it =
        "<drover:instance xmlns:drover=\"" METADATA_URI "\" generation=\"3\" operation=\"17\"/>";

    assert_at(document, "//*[local-name()='instance']/*[local-name()='name']", "a <b> & \"c\"");
    assert_at(document, "//*[namespace-uri()='" METADATA_URI "']/@generation", "3");
    g_assert_true(metadata_xml_read(as_libvirt_gives_it, &generation, &operation, &error));
    g_assert_cmpint(generation, ==, 3);
    g_assert_cmpint(operation, ==, 17);
    g_assert_true(metadata_xml_read("<instance/>", &generation, &operation, &error));
    g_assert_cmpint(generation, ==, -1);
    g_assert_cmpint(operation, ==, 0);
    g_assert_false(metadata_xml_read("no xml", &generation, &operation, &error));
}

static void
test_the_destination_gets_its_own_definition(void)
{
    GuestSpec guest = example();
    g_autofree char *text = domain_xml_build(&guest, &place, NULL);
    g_autoptr(GError) error = NULL;
    Metadata metadata = {UUID, "renamed", "p1", "m1.tiny", 4, 99};
    DestPlace dest = {.from_pool = "/pool", .to_pool = "/other/pool"};
    g_autofree char *moved = dest_xml_make(text, &metadata, &dest, &error);

    g_assert_no_error(error);
    g_autoptr(xmlDoc) document = parse(moved);
    g_assert_cmpuint(count(document, "//*[local-name()='instance']"), ==, 1);
    assert_at(document, "//*[local-name()='instance']/@generation", "4");
    assert_at(document, "//*[local-name()='instance']/@operation", "99");
    assert_at(document, "//*[local-name()='instance']/*[local-name()='name']", "renamed");
    assert_at(document, "/domain/os/kernel", "/other/pool/base-" HASH_B ".kernel");
    assert_at(
        document, "//disk[target/@dev='vda']/source/@file", "/other/pool/" UUID ".root.qcow2");
    assert_at(document, "//disk/backingStore/source/@file", "/other/pool/base-" HASH_A ".qcow2");
    assert_at(document, "//serial/log/@file", "/other/pool/" UUID ".console.log");
    /* What is not in the pool stays; the pool's name is not taken for a prefix of another's. */
    assert_at(document, "//rng/backend", "/dev/urandom");
    DestPlace other = {.from_pool = "/poo", .to_pool = "/x"};
    g_autofree char *same = dest_xml_make(text, &metadata, &other, &error);
    g_assert_null(strstr(same, "/x"));
}

static void
test_disks_are_read_back(void)
{
    GuestSpec guest = example();
    g_autofree char *text = domain_xml_build(&guest, &place, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) disks = domain_xml_list_disks(text, &error);
    g_autoptr(GPtrArray) files = domain_xml_list_files(text, &error);

    g_assert_cmpuint(disks->len, ==, 2);
    const DomainDisk *root = g_ptr_array_index(disks, 0);
    g_assert_cmpstr(root->target, ==, "vda");
    g_assert_cmpstr(root->path, ==, "/pool/" UUID ".root.qcow2");
    g_assert_cmpstr(root->format, ==, "qcow2");
    g_assert_cmpstr(root->cache, ==, "none");
    g_assert_cmpstr(root->backing_path, ==, "/pool/base-" HASH_A ".qcow2");
    g_assert_cmpstr(root->backing_format, ==, "qcow2");
    g_assert_true(root->is_copied);
    const DomainDisk *config = g_ptr_array_index(disks, 1);
    g_assert_cmpstr(config->format, ==, "raw");
    g_assert_null(config->backing_path);
    g_assert_cmpuint(files->len, ==, 3);
}

static void
test_read_only_and_foreign_disks_are_told_apart(void)
{
    const char *const text =
        "<domain><devices>"
        "<disk type='file' device='cdrom'><source file='/a.iso'/><target dev='sda'/></disk>"
        "<disk type='file'><driver cache='writeback'/><source file='/b'/><target dev='vda'/>"
        "<readonly/></disk>"
        "<disk type='network'><source protocol='nbd' name='x'/><target dev='vdb'/></disk>"
        "</devices></domain>";
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) disks = domain_xml_list_disks(text, &error);

    g_assert_cmpuint(disks->len, ==, 1);
    const DomainDisk *disk = g_ptr_array_index(disks, 0);
    g_assert_cmpstr(disk->target, ==, "vda");
    g_assert_null(disk->format);
    g_assert_cmpstr(disk->cache, ==, "writeback");
    g_assert_false(disk->is_copied);
}

static void
test_names_of_bases_are_read_back(void)
{
    g_autofree char *sha256 = NULL;
    g_autofree char *format = NULL;
    g_autofree char *name = name_base(HASH_A, "qcow2");

    g_assert_true(name_parse_base(name, &sha256, &format));
    g_assert_cmpstr(sha256, ==, HASH_A);
    g_assert_cmpstr(format, ==, "qcow2");
    const char *const wrong[] = {
        "", "base-", "base-" HASH_A, "base-" HASH_A ".", "base-abc.qcow2", UUID ".root.qcow2"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(name_parse_base(wrong[i], &sha256, &format));
    }
}

static void
test_pools_tell_where_they_come_from(void)
{
    static const char netfs[] =
        "<pool type='netfs' xmlns:fs='http://libvirt.org/schemas/storagepool/fs/1.0'>"
        "<name>shared</name><source><host name='nas'/><dir path='/export/vm'/>"
        "<format type='nfs'/><protocol ver='4.2'/></source><target><path>/srv/vm</path>"
        "<permissions><mode>0755</mode><owner>64055</owner><group>108</group></permissions>"
        "</target><fs:mount_opts><fs:option name='sync'/><fs:option name='nosuid'/>"
        "</fs:mount_opts></pool>";
    g_autoptr(GError) error = NULL;
    g_autofree char *json = pool_to_json(netfs, &error);
    g_assert_cmpstr(json, ==,
        "{\"type\":\"netfs\",\"owner\":\"64055\",\"group\":\"108\",\"mode\":\"0755\","
        "\"source_host\":\"nas\",\"source_path\":\"/export/vm\",\"source_format\":\"nfs\","
        "\"source_version\":\"4.2\",\"mount_options\":[\"sync\",\"nosuid\"]}");
    g_autofree char *plain =
        pool_to_json("<pool type='dir'><target><path>/p</path></target></pool>", &error);
    g_assert_cmpstr(plain, ==, "{\"type\":\"dir\"}");
    g_assert_null(pool_to_json("<pool", &error));
}

static void
test_hosts_tell_what_guests_may_have(void)
{
    static const char full[] =
        "<domainCapabilities><os supported='yes'><enum name='firmware'><value>bios</value>"
        "<value>efi</value></enum></os><devices><tpm supported='yes'><enum name='backendModel'>"
        "<value>passthrough</value><value>emulator</value></enum></tpm></devices>"
        "</domainCapabilities>";
    static const char bare[] =
        "<domainCapabilities><os supported='yes'><enum name='firmware'/></os><devices>"
        "<tpm supported='yes'><enum name='backendModel'><value>passthrough</value></enum></tpm>"
        "</devices></domainCapabilities>";
    g_autoptr(GError) error = NULL;
    g_autofree char *all = domain_capabilities_to_offers(full, "kvm", &error);
    g_autofree char *none = domain_capabilities_to_offers(bare, "qemu", &error);
    g_assert_cmpstr(all, ==, "kvm,uefi,tpm");
    g_assert_cmpstr(none, ==, "qemu");
}

static void
test_capabilities_become_cpu_info(void)
{
    const char *const text =
        "<capabilities><host><uuid>" UUID
        "</uuid><cpu><arch>x86_64</arch><model>EPYC</model><vendor>AMD</vendor>"
        "<topology sockets='1' dies='1' cores='4' threads='2'/><feature name='ht'/>"
        "<feature name='vme'/></cpu></host>"
        "<guest><os_type>hvm</os_type><arch name='i686'><domain type='kvm'/></arch></guest>"
        "<guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/></arch></guest>"
        "</capabilities>";
    g_autoptr(GError) error = NULL;
    g_autofree char *json = capabilities_to_cpu_json(text, 2, &error);
    g_autofree char *bare =
        capabilities_to_cpu_json("<capabilities><host/></capabilities>", 1, &error);

    g_assert_cmpstr(json, ==,
        "{\"arch\":\"x86_64\",\"model\":\"EPYC\",\"vendor\":\"AMD\",\"topology\":{\"cells\":2,"
        "\"sockets\":1,\"cores\":4,\"threads\":2},\"features\":[\"ht\",\"vme\"]}");
    g_assert_cmpstr(bare, ==, "{}");
    g_assert_true(capabilities_offer(text, "qemu", &error));
    g_autofree char *host_uuid = capabilities_get_host_uuid(text, &error);
    g_assert_cmpstr(host_uuid, ==, UUID);
    g_assert_null(capabilities_get_host_uuid("<capabilities><host/></capabilities>", &error));
    g_assert_no_error(error);
    g_assert_false(capabilities_offer(text, "kvm", &error));
}

#define VOLUME "volume-66666666-6666-4666-8666-666666666666"

static const GuestDisk disks[] = {
    {.target = "vdc", .serial = "one", .format = "qcow2", .pool = "volumes", .name = VOLUME},
    {.target = "vdd", .serial = "two", .format = "raw", .uri = "nbd://10.0.0.9:10810/a/b"},
    {.target = "vde", .format = "raw", .uri = "iscsi://10.0.0.9/iqn.2026-01.test:disk/1"},
    {.target = "hda", .format = "iso", .base_hash = HASH_B},
};

static void
test_disks_beside_the_guests_own_are_written(void)
{
    GuestSpec guest = example();
    guest.disks = disks;
    guest.n_disks = G_N_ELEMENTS(disks);
    guest.config_drive_is_read_only = true;
    DomainPlace with_disks = place;
    with_disks.disk_paths =
        (char *const[]){"/volumes/" VOLUME, NULL, NULL, "/pool/base-" HASH_B ".iso"};
    g_autoptr(GError) error = NULL;
    g_autofree char *text = domain_xml_build(&guest, &with_disks, &error);
    g_assert_no_error(error);
    g_autoptr(xmlDoc) document = parse(text);

    assert_at(document, "//disk[target/@dev='vdc']/source/@file", "/volumes/" VOLUME);
    assert_at(document, "//disk[target/@dev='vdc']/serial", "one");
    assert_at(document, "//disk[target/@dev='vdd']/source[@protocol='nbd']/@name", "a/b");
    assert_at(document, "//disk[target/@dev='vdd']/source/host[@name='10.0.0.9']/@port", "10810");
    assert_at(document, "//disk[target/@dev='vde']/source[@protocol='iscsi']/@name",
        "iqn.2026-01.test:disk/1");
    g_assert_cmpuint(
        count(document, "//disk[@device='cdrom'][readonly]/target[@bus='ide']"), ==, 1);
    g_assert_cmpuint(count(document, "//disk[target/@dev='vdb']/readonly"), ==, 1);

    /* Of these, a migration copies the guest's own alone. */
    g_autoptr(GPtrArray) read = domain_xml_list_disks(text, &error);
    g_assert_cmpuint(read->len, ==, 3);
    for (unsigned int i = 0; i < read->len; i++) {
        const DomainDisk *disk = read->pdata[i];
        g_assert_cmpint(disk->is_copied, ==, strcmp(disk->target, "vda") == 0);
        g_assert_cmpint(disk->is_volume, ==, strcmp(disk->target, "vdc") == 0);
    }
}

static void
test_a_guest_boots_from_its_first_disk(void)
{
    GuestSpec guest = example();
    GuestDisk root = {.target = "vda", .format = "raw", .uri = "nbd://h/x"};
    g_autoptr(GError) error = NULL;
    guest.root_hash = NULL;
    g_assert_null(domain_xml_build(&guest, &place, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
    g_clear_error(&error);
    guest.disks = &root;
    guest.n_disks = 1;
    DomainPlace with_disks = place;
    with_disks.disk_paths = (char *const[]){NULL};
    g_autofree char *text = domain_xml_build(&guest, &with_disks, &error);
    g_assert_no_error(error);
    g_autoptr(xmlDoc) document = parse(text);
    assert_at(document, "/domain/devices/disk[1]/target/@dev", "vda");
    g_assert_cmpuint(count(document, "//disk"), ==, 2);

    root.uri = "rbd://pool/image";
    g_assert_null(domain_xml_build(&guest, &with_disks, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
}

static void
test_a_disk_is_found_by_its_target(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *serial = NULL;
    g_autofree char *none = NULL;
    g_autofree char *element = disk_xml_new(&disks[0], "/volumes/" VOLUME, &error);
    g_autofree char *domain = g_strdup_printf("<domain><devices>%s</devices></domain>", element);
    g_autofree char *found = disk_xml_find(domain, "vdc", &serial, &error);
    g_assert_nonnull(strstr(found, "/volumes/" VOLUME));
    g_assert_cmpstr(serial, ==, "one");
    g_assert_null(disk_xml_find(domain, "vdd", &none, &error));
    g_assert_no_error(error);
}

/* A disk as a running guest has it. */
#define ISCSI_DISK                                                                                 \
    "<disk type='network' device='disk'><driver name='qemu' type='qcow2' iothread='1'/>"           \
    "<source protocol='iscsi' name='iqn.2026-01.test:d/1'>"                                        \
    "<host name='store' port='3261'/></source>"                                                    \
    "<target dev='vdc' bus='virtio'/><serial>one</serial><alias name='ua-x'/></disk>"

static void
test_disks_on_the_network_are_tried_alone(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *what = NULL;
    const char *guest = "<domain><devices>"
                        "<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
                        "<disk type='network'><source protocol='nbd'>"
                        "<host transport='unix' socket='/run/x'/></source>"
                        "<target dev='vdb'/></disk>" ISCSI_DISK "</devices></domain>";
    g_autoptr(GPtrArray) found = try_disk_xml_list(guest, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(found->len, ==, 1);
    g_autofree char *domain = try_disk_xml_build(
        found->pdata[0], "22222222-2222-4333-8444-555555555555", UUID, "qemu", &what, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(what, ==, "volume 'one' at 'iscsi://store:3261/iqn.2026-01.test:d/1'");
    g_assert_nonnull(strstr(domain, "<name>try-22222222-2222-4333-8444-555555555555</name>"));
    g_assert_nonnull(strstr(domain, "<iqn name=\"iqn.2008-11.org.linux-kvm:" UUID "\"/>"));
    g_assert_nonnull(strstr(domain, "<driver name=\"qemu\" type=\"qcow2\"/>"));
    g_assert_nonnull(strstr(domain, "<readonly/>"));
    g_assert_nonnull(strstr(domain, "<shareable/>"));
    g_assert_null(strstr(domain, "vdc"));
}

static void
test_a_disk_that_cannot_be_tried_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *what = NULL;
    g_assert_null(try_disk_xml_build("<disk/>", UUID, UUID, "qemu", &what, &error));
    g_assert_error(error, DROVER_ERROR, ERROR_INVALID);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xml/a-guest-becomes-a-domain", test_a_guest_becomes_a_domain);
    g_test_add_func("/xml/no-format-is-left-to-be-probed", test_no_format_is_left_to_be_probed);
    g_test_add_func("/xml/a-guest-can-boot-from-its-disk-and-name-its-cpu",
        test_a_guest_can_boot_from_its_disk_and_name_its_cpu);
    g_test_add_func("/xml/firmware-and-tpm-are-written", test_firmware_and_tpm_are_written);
    g_test_add_func("/xml/each-tpm-has-a-secret-of-its-own", test_each_tpm_has_a_secret_of_its_own);
    g_test_add_func("/xml/metadata-travels", test_metadata_travels);
    g_test_add_func("/xml/the-destination-gets-its-own-definition",
        test_the_destination_gets_its_own_definition);
    g_test_add_func("/xml/disks-beside-the-guests-own-are-written",
        test_disks_beside_the_guests_own_are_written);
    g_test_add_func(
        "/xml/a-guest-boots-from-its-first-disk", test_a_guest_boots_from_its_first_disk);
    g_test_add_func("/xml/a-disk-is-found-by-its-target", test_a_disk_is_found_by_its_target);
    g_test_add_func("/xml/disks-on-the-network-are-tried-alone",
        test_disks_on_the_network_are_tried_alone);
    g_test_add_func("/xml/a-disk-that-cannot-be-tried-is-refused",
        test_a_disk_that_cannot_be_tried_is_refused);
    g_test_add_func("/xml/disks-are-read-back", test_disks_are_read_back);
    g_test_add_func("/xml/read-only-and-foreign-disks-are-told-apart",
        test_read_only_and_foreign_disks_are_told_apart);
    g_test_add_func("/xml/names-of-bases-are-read-back", test_names_of_bases_are_read_back);
    g_test_add_func("/xml/capabilities-become-cpu-info", test_capabilities_become_cpu_info);
    g_test_add_func(
        "/xml/pools-tell-where-they-come-from", test_pools_tell_where_they_come_from);
    g_test_add_func(
        "/xml/hosts-tell-what-guests-may-have", test_hosts_tell_what_guests_may_have);
    return g_test_run();
}

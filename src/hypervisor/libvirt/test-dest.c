/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the drover authors. */
/* Definitions of domains as they arrive on another host, and what keeps them from leaving. */
#include "hypervisor/libvirt/blockers.h"
#include "hypervisor/libvirt/dest_xml.h"
#include "hypervisor/libvirt/twin_xml.h"
#include <string.h>

static const Metadata metadata = {"1", "n", "p", "f", 2, 3};

static char *
on_dest(const char *body, const DestPlace *place)
{
    g_autofree char *text = g_strdup_printf("<domain>%s</domain>", body);
    g_autoptr(GError) error = NULL;
    g_autofree char *made = dest_xml_make(text, &metadata, place, &error);
    g_assert_no_error(error);
    g_autoptr(GRegex) blanks = g_regex_new(">\\s+<", 0, 0, NULL);
    return g_regex_replace_literal(blanks, made, -1, 0, "><", 0, NULL);
}

static void
assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        g_error("'%s' is not in %s", part, text);
    }
}

static void
assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        g_error("'%s' is in %s", part, text);
    }
}

static void
test_consoles_listen_where_they_do_everywhere(void)
{
    DestPlace place = {.vnc_listen = "127.0.0.1", .spice_listen = "::1"};
    g_autofree char *made =
        on_dest("<devices>"
                "<graphics type='vnc' port='5907' autoport='yes' listen='10.0.0.7'>"
                "<listen type='address' address='10.0.0.7'/></graphics>"
                "<graphics type='spice' autoport='yes' listen='10.0.0.7'/>"
                "<graphics type='vnc'><listen type='socket' socket='/run/x'/></graphics>"
                "<graphics type='vnc'><listen type='network' network='n'/></graphics>"
                "</devices>",
            &place);

    assert_has_not(made, "10.0.0.7");
    assert_has(made, "listen=\"127.0.0.1\"><listen type=\"address\" address=\"127.0.0.1\"/>");
    assert_has(made, "<graphics type=\"spice\" autoport=\"yes\" listen=\"::1\"/>");
    assert_has(made, "<graphics type=\"vnc\"><listen type=\"socket\" socket=\"/run/x\"/>");
    assert_has(made, "<graphics type=\"vnc\"><listen type=\"network\" network=\"n\"/>");
}

#define PLACEMENT                                                                                  \
    "<vcpu cpuset='2-3'>2</vcpu><cputune><shares>9</shares><vcpupin vcpu='0' cpuset='1'/>"         \
    "<vcpupin vcpu='1' cpuset='0-8,^3'/><emulatorpin cpuset='5'/></cputune>"                       \
    "<numatune><memory mode='strict' nodeset='1'/></numatune>"

static void
test_a_smaller_destination_takes_pins_away(void)
{
    DestPlace place = {.n_cpus = 2, .n_cells = 1};
    g_autofree char *made = on_dest(PLACEMENT, &place);

    assert_has(made, "<vcpu>2</vcpu>");
    assert_has(made, "<vcpupin vcpu=\"0\" cpuset=\"1\"/>");
    assert_has(made, "<shares>9</shares>");
    assert_has_not(made, "vcpu=\"1\"");
    assert_has_not(made, "emulatorpin");
    assert_has_not(made, "numatune");
}

static void
test_a_destination_that_has_them_keeps_pins(void)
{
    DestPlace place = {.n_cpus = 9, .n_cells = 2};
    DestPlace unknown = {0};
    g_autofree char *made = on_dest(PLACEMENT, &place);
    g_autofree char *same = on_dest(PLACEMENT, &unknown);

    assert_has(made, "<vcpu cpuset=\"2-3\">");
    assert_has(made, "cpuset=\"0-8,^3\"");
    assert_has(made, "nodeset=\"1\"");
    g_assert_cmpstr(made, ==, same);
}

static void
test_what_was_claimed_takes_the_place_of_pins(void)
{
    g_autoptr(GuestTopology) given = guest_topology_parse(
        "guest cells=1 binds=1 page=2048 emulator=4-5;cell host=1 vcpus=1 memory=64 pins=5"
        ";cell host=0 vcpus=1 memory=64 pins=4");
    DestPlace place = {.n_cpus = 2, .n_cells = 1, .topology = given};
    g_autofree char *made = on_dest(PLACEMENT, &place);

    assert_has(made, "<vcpu>2</vcpu>");
    assert_has(made, "<shares>9</shares><vcpupin vcpu=\"0\" cpuset=\"5\"/>"
                     "<vcpupin vcpu=\"1\" cpuset=\"4\"/><emulatorpin cpuset=\"4-5\"/></cputune>");
    assert_has(made, "<numatune><memory mode=\"strict\" nodeset=\"0-1\"/>"
                     "<memnode cellid=\"0\" mode=\"strict\" nodeset=\"1\"/>"
                     "<memnode cellid=\"1\" mode=\"strict\" nodeset=\"0\"/></numatune>");
    assert_has(made, "<hugepages><page size=\"2048\" unit=\"KiB\"/></hugepages>");
    assert_has_not(made, "<numa>"); /* what the guest sees is as it was */
}

static void
test_a_guest_that_floats_gets_what_the_destination_shares(void)
{
    g_autoptr(GuestTopology) given =
        guest_topology_parse("guest cells=0 binds=0 page=0;cell host=-1 vcpus=2 floats=0-1");
    g_autoptr(GuestTopology) nothing = guest_topology_parse("guest cells=0 binds=0 page=0");
    DestPlace place = {.n_cpus = 2, .n_cells = 1, .topology = given};
    g_autofree char *made = on_dest(PLACEMENT, &place);
    assert_has(made, "<vcpu cpuset=\"0-1\">2</vcpu>");
    assert_has_not(made, "vcpupin");
    assert_has_not(made, "numatune");

    place.topology = nothing;
    g_autofree char *free = on_dest(PLACEMENT, &place);
    assert_has(free, "<vcpu>2</vcpu>");
    assert_has_not(free, "vcpupin");
}

static void
test_empty_tuning_goes_with_its_last_pin(void)
{
    DestPlace place = {.n_cpus = 1};
    g_autofree char *made =
        on_dest("<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>", &place);

    assert_has_not(made, "cputune");
}

static void
test_files_of_the_pool_are_found_in_the_other_pool(void)
{
    DestPlace place = {.from_pool = "/pool", .to_pool = "/x/p"};
    g_autofree char *made =
        on_dest("<os><loader>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>"
                "<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/pool/1.nvram.fd</nvram></os>"
                "<devices><serial type='file'><source path='/pool/1.log'/></serial>"
                "<channel type='unix'><source path='/run/1.sock'/></channel></devices>",
            &place);

    assert_has(made, ">/x/p/1.nvram.fd<");
    assert_has(made, "/usr/share/OVMF/OVMF_VARS_4M.fd");
    assert_has(made, "path=\"/x/p/1.log\"");
    assert_has(made, "/run/1.sock");
    g_autofree char *as_file =
        on_dest("<os><nvram type='file'><source file='/pool/1.nvram.fd'/></nvram></os>", &place);
    assert_has(as_file, "<source file=\"/x/p/1.nvram.fd\"/>");
}

/* ---- what keeps a guest from leaving ---- */

typedef struct BlockerCase {
    const char *name;
    const char *devices;
    const char *part; /* of the sentence; NULL: nothing is in the way */
} BlockerCase;

#define PCI_SOURCE                                                                                 \
    "<source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x1'/></source>"

static const BlockerCase blocker_cases[] = {
    {"nothing", "<disk type='file'/><interface type='bridge'/>", NULL},
    {"pci-passthrough", "<hostdev mode='subsystem' type='pci'>" PCI_SOURCE "</hostdev>",
        "PCI device 0000:3b:00.1 of its host is passed through"},
    {"sr-iov-direct",
        "<interface type='hostdev'><mac address='52:54:00:00:00:01'/>" PCI_SOURCE "</interface>",
        "NIC 52:54:00:00:00:01 is a device of its host (SR-IOV direct)"},
    {"sr-iov-with-a-twin",
        "<interface type='bridge'><teaming type='persistent'/><alias name='ua-0'/></interface>"
        "<interface type='hostdev'>" PCI_SOURCE
        "<teaming type='transient' persistent='ua-0'/></interface>",
        NULL},
    {"mediated-device",
        "<hostdev mode='subsystem' type='mdev'><source><address uuid='1'/></source></hostdev>",
        "host device"},
    {"usb", "<hostdev type='usb'><source/></hostdev>", "host device"},
    {"capabilities", "<hostdev mode='capabilities' type='storage'/>", "is handed to the guest"},
    {"transient-disk", "<disk type='file'><target dev='vdc'/><transient/></disk>",
        "disk vdc is transient"},
    {"nvme", "<disk type='nvme'><target dev='vdd'/></disk>", "disk vdd is an NVMe device"},
    {"shared-memory", "<shmem name='shm0' role='peer'/>", "shared memory device shm0"},
    {"shared-memory-master", "<shmem name='shm0' role='master'/>", NULL},
};

static void
test_blocker(const void *data)
{
    const BlockerCase *row = data;
    g_autofree char *text =
        g_strdup_printf("<domain><devices>%s</devices></domain>", row->devices);
    g_autoptr(GError) error = NULL;
    g_autofree char *found = blockers_find(text, &error);

    g_assert_no_error(error);
    if (row->part == NULL) {
        g_assert_cmpstr(found, ==, NULL);
        return;
    }
    g_assert_nonnull(found);
    assert_has(found, row->part);
    assert_has(found, "migrate it cold");
}

/* ---- twins ---- */

#define TWIN "22222222-2222-4333-8444-555555555555"

static char *
twin_of_running(const char *body, const char *running, bool *ret_has_secret)
{
    g_autofree char *text = g_strdup_printf(
        "<domain type='kvm' id='7'><name>instance-1</name><uuid>1b</uuid>"
        "<metadata><drover:instance xmlns:drover='" METADATA_URI "' generation='3'>"
        "<drover:uuid>1b</drover:uuid></drover:instance></metadata>%s</domain>", body);
    Metadata twin = {.uuid = TWIN, .name = "twin"};
    g_autoptr(GError) error = NULL;
    g_autofree char *made = twin_xml_make(
        text, running != NULL ? running : text, &twin, ret_has_secret, &error);
    g_assert_no_error(error);
    g_autoptr(GRegex) blanks = g_regex_new(">\\s+<", 0, 0, NULL);
    return g_regex_replace_literal(blanks, made, -1, 0, "><", 0, NULL);
}

static char *
twin_of(const char *body, bool *ret_has_secret)
{
    return twin_of_running(body, NULL, ret_has_secret);
}

static void
test_a_twin_is_held_to_the_processor_that_its_guest_has(void)
{
    bool has_secret = true;
    g_autofree char *made = twin_of_running(
        "<cpu mode='custom' check='none'><model fallback='allow'>qemu64</model>"
        "<numa><cell id='0' cpus='0' memory='7'/></numa></cpu><os/>",
        "<domain><cpu mode='custom' check='full'><model fallback='forbid'>qemu64</model>"
        "<feature policy='require' name='lahf_lm'/>"
        "<numa><cell id='0' cpus='0' memory='6'/></numa></cpu></domain>",
        &has_secret);
    assert_has(made, "check=\"full\"><model fallback=\"forbid\">qemu64</model>");
    assert_has(made,
        "name=\"lahf_lm\"/><numa><cell id=\"0\" cpus=\"0\" memory=\"7\"/></numa></cpu>");
    assert_has_not(made, "none");
    assert_has_not(made, "memory=\"6\"");

    g_autofree char *without = twin_of_running("<os/>", "<domain><cpu/></domain>", &has_secret);
    assert_has_not(without, "cpu");
}

static void
test_a_twin_has_what_a_rehearsal_is_of_and_nothing_of_a_host(void)
{
    bool has_secret = true;
    g_autofree char *made = twin_of(
        "<sysinfo type='smbios'><system><entry name='uuid'>1b</entry>"
        "<entry name='product'>x</entry></system></sysinfo>"
        "<memory unit='KiB'>4194304</memory><memoryBacking><source type='memfd'/></memoryBacking>"
        "<os><type machine='pc-q35-10.0'>hvm</type><kernel>/p/k</kernel><initrd>/p/i</initrd>"
        "<cmdline>quiet</cmdline></os><cpu mode='custom' check='full'><model>Nehalem</model></cpu>"
        "<devices><emulator>/usr/bin/qemu</emulator>"
        "<disk type='file'><source file='/p/d'/></disk><interface type='bridge'/>"
        "<hostdev type='pci'/><filesystem/><shmem/><serial type='file'><log file='/p/l'/></serial>"
        "<console type='pty'/><channel type='unix'/><redirdev/><vsock/>"
        "<input type='keyboard' bus='ps2'/><input type='evdev'/>"
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
        "<rng model='virtio'><backend model='egd' type='tcp'/></rng>"
        "<memory model='dimm'/><memory model='nvdimm'/>"
        "<controller type='pci' model='pcie-root'/><graphics type='vnc'/><video/></devices>"
        "<seclabel type='dynamic' model='apparmor'><label>libvirt-1b</label></seclabel>",
        &has_secret);
    static const char *const kept[] = {"<name>try-" TWIN "</name>", "<uuid>" TWIN "</uuid>",
        "<drover:uuid>" TWIN "</drover:uuid>", "name=\"product\"", ">4194304</memory>",
        "<source type=\"memfd\"/>", "pc-q35-10.0", "check=\"full\"><model>Nehalem</model>",
        "<emulator>", "type=\"keyboard\"", "/dev/urandom", "model=\"dimm\"", "pcie-root",
        "<graphics type=\"vnc\"/>", "<video/>"};
    static const char *const gone[] = {"id=\"7\"", "1b<", "/p/", "quiet", "<disk", "interface",
        "hostdev", "filesystem", "shmem", "serial", "console", "channel", "redirdev", "vsock",
        "evdev", "egd", "nvdimm", "seclabel", "stateless"};

    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        assert_has(made, kept[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(gone); i++) {
        assert_has_not(made, gone[i]);
    }
    g_assert_false(has_secret);
}

static void
test_a_twins_tpm_and_firmware_leave_nothing(void)
{
    bool has_secret = false;
    g_autofree char *made = twin_of(
        "<os firmware='efi'><type>hvm</type><firmware><feature name='secure-boot'/></firmware>"
        "<loader type='pflash' readonly='yes'>/usr/share/OVMF/CODE.fd</loader>"
        "<nvram template='/usr/share/OVMF/VARS.fd'>/p/1b.nvram</nvram></os>"
        "<devices><tpm model='tpm-crb'><backend type='emulator' version='2.0' "
        "persistent_state='yes'><encryption secret='1b'/><source type='dir' path='/t'/></backend>"
        "</tpm><tpm model='tpm-tis'><backend type='passthrough'/></tpm></devices>",
        &has_secret);

    g_assert_true(has_secret);
    assert_has(made, "<encryption secret=\"" TWIN "\"/>");
    assert_has(made, "stateless=\"yes\">/usr/share/OVMF/CODE.fd</loader>");
    assert_has(made, "version=\"2.0\"");
    assert_has_not(made, "persistent_state");
    assert_has_not(made, "path=");
    assert_has_not(made, "passthrough");
    assert_has_not(made, "nvram");
    assert_has_not(made, "firmware");
}

static void
test_a_twin_takes_little_of_memory_that_would_be_taken_at_once(void)
{
    static const char *const sizes = "<memory unit='KiB'>8388608</memory>"
                                     "<currentMemory unit='KiB'>8388608</currentMemory>"
                                     "<maxMemory slots='4' unit='KiB'>16777216</maxMemory>";
    bool has_secret;
    g_autofree char *pages = g_strdup_printf(
        "%s<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>"
        "<cpu><numa><cell id='0' cpus='0' memory='4' unit='GiB'/>"
        "<cell id='1' cpus='1' memory='4' unit='GiB'/></numa></cpu>"
        "<devices><memory model='dimm'/></devices>", sizes);
    g_autofree char *large = g_strdup_printf(
        "%s<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>", sizes);
    g_autofree char *any = g_strdup_printf(
        "%s<memoryBacking><hugepages/></memoryBacking>", sizes);
    g_autofree char *locked =
        g_strdup_printf("%s<memoryBacking><locked/></memoryBacking>", sizes);
    static const char small[] =
        "<memory unit='MiB'>34</memory><currentMemory unit='MiB'>34</currentMemory>"
        "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>"
        "<cpu><numa><cell id='0' cpus='0' memory='32' unit='MiB'/>"
        "<cell id='1' cpus='1' memory='2048' unit='KiB'/></numa></cpu>";
    g_autofree char *of_small = twin_of(small, &has_secret);
    g_autofree char *of_pages = twin_of(pages, &has_secret);
    g_autofree char *of_large = twin_of(large, &has_secret);
    g_autofree char *of_any = twin_of(any, &has_secret);
    g_autofree char *of_locked = twin_of(locked, &has_secret);

    assert_has(of_pages, "<memory unit=\"KiB\">131072</memory>");
    assert_has(of_pages, "<currentMemory unit=\"KiB\">131072</currentMemory>");
    assert_has(of_pages, "<cell id=\"1\" cpus=\"1\" memory=\"65536\" unit=\"KiB\"/>");
    assert_has(of_pages, "<page size=\"2048\" unit=\"KiB\"/>");
    assert_has_not(of_pages, "maxMemory");
    assert_has_not(of_pages, "dimm");
    /* Never more than the guest has: the host has been asked for no more. */
    assert_has(of_small, "<memory unit=\"KiB\">34816</memory>");
    assert_has(of_small, "<cell id=\"0\" cpus=\"0\" memory=\"32768\" unit=\"KiB\"/>");
    assert_has(of_small, "<cell id=\"1\" cpus=\"1\" memory=\"2048\" unit=\"KiB\"/>");
    assert_has(of_large, ">1048576</memory>");
    assert_has(of_any, ">1048576</memory>");
    assert_has(of_locked, ">65536</memory>");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dest/consoles-listen-where-they-do-everywhere",
        test_consoles_listen_where_they_do_everywhere);
    g_test_add_func(
        "/dest/a-smaller-destination-takes-pins-away", test_a_smaller_destination_takes_pins_away);
    g_test_add_func("/dest/a-destination-that-has-them-keeps-pins",
        test_a_destination_that_has_them_keeps_pins);
    g_test_add_func("/dest/what-was-claimed-takes-the-place-of-pins",
        test_what_was_claimed_takes_the_place_of_pins);
    g_test_add_func("/dest/a-guest-that-floats-gets-what-the-destination-shares",
        test_a_guest_that_floats_gets_what_the_destination_shares);
    g_test_add_func(
        "/dest/empty-tuning-goes-with-its-last-pin", test_empty_tuning_goes_with_its_last_pin);
    g_test_add_func("/dest/files-of-the-pool-are-found-in-the-other-pool",
        test_files_of_the_pool_are_found_in_the_other_pool);
    for (size_t i = 0; i < G_N_ELEMENTS(blocker_cases); i++) {
        g_autofree char *path = g_strdup_printf("/blockers/%s", blocker_cases[i].name);
        g_test_add_data_func(path, &blocker_cases[i], test_blocker);
    }
    g_test_add_func("/twin/is-held-to-the-processor-that-its-guest-has",
        test_a_twin_is_held_to_the_processor_that_its_guest_has);
    g_test_add_func("/twin/has-what-a-rehearsal-is-of-and-nothing-of-a-host",
        test_a_twin_has_what_a_rehearsal_is_of_and_nothing_of_a_host);
    g_test_add_func("/twin/tpm-and-firmware-leave-nothing",
        test_a_twins_tpm_and_firmware_leave_nothing);
    g_test_add_func("/twin/takes-little-of-memory-that-would-be-taken-at-once",
        test_a_twin_takes_little_of_memory_that_would_be_taken_at_once);
    return g_test_run();
}

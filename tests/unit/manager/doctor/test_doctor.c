/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks on machines that are folders: /proc and /sys below a root, an interface from a struct. */
#include "manager/doctor/doctor.h"

#include "manager/probe_check.h"
#include "tests/unit/file_put.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static struct options options;
static struct topology topology;
static struct doctor doctor;
static struct doctor_report report;
static struct text out;

/* The probe's own check looks at this machine. */
void probe_check_machine(const char *program_dir, struct text *lacks)
{
    (void)program_dir;
    (void)lacks;
}

static void put(const char *path, const char *content)
{
    char full[256], command[600];

    snprintf(full, sizeof full, "%s%s", root, path);
    snprintf(command, sizeof command, "mkdir -p $(dirname %s)", full);
    assert_int_equal(system(command), 0);
    file_put(full, content);
}

/* A machine on which all is well: two workers on cores 2 and 3 of four. */
static void machine(enum mode mode)
{
    char error[INI_ERROR_BYTES];
    struct doctor_capture *c = &doctor.captures[0];

    doctor.n_captures = 1;
    snprintf(c->interface, sizeof c->interface, "%s",
             mode == MODE_DPDK ? "net_af_xdp0,iface=eth0" : "eth0");
    snprintf(c->link, sizeof c->link, "eth0");
    assert_int_equal(topology_of_run(&topology, 2, c->interface, mode, "2,3", false, error), 0);
    c->mode = mode;
    c->workers = doctor.workers = 2;
    c->nic = (struct doctor_nic){.there = true,
                                 .up = true,
                                 .mtu_bytes = 1500,
                                 .driver = "ice",
                                 .tells_queues = true,
                                 .queues = {2, 8, true},
                                 .tells_rss = true,
                                 .rss = {.hash = 1, .key_bytes = 4, .key = {1, 2, 3, 4}},
                                 .tells_rings = true,
                                 .rings = {4096, 4096}};
    ethtool_rss_make_symmetric(&c->nic.rss);
    put("/sys/devices/system/cpu/online", "0-3\n");
    put("/sys/devices/system/cpu/isolated", "2-3\n");
    put("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "performance\n");
    put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    put("/sys/devices/system/node/node1/cpulist", "2-3\n");
    put("/sys/class/net/eth0/device/numa_node", "1\n");
    put("/sys/class/net/eth0/device/msi_irqs/40", "msi\n");
    put("/proc/irq/40/smp_affinity_list", "0-1\n");
    put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "200\n");
    put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "200\n");
    put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    put("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "0,2\n");
    put("/sys/devices/system/cpu/cpu3/topology/thread_siblings_list", "1,3\n");
    put("/proc/meminfo", "MemTotal: 32000000 kB\nSwapTotal: 0 kB\nHugepagesize: 2048 kB\n");
    put("/proc/sys/vm/swappiness", "60\n");
    put("/proc/sys/kernel/osrelease", "6.8.0-40-generic\n");
    put("/proc/sys/net/core/bpf_jit_enable", "1\n");
}

static int begin(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/test_doctor.XXXXXX");
    if (!mkdtemp(root))
        return -1;
    options_init(&options);
    memset(&doctor, 0, sizeof doctor);
    doctor.root = root;
    doctor.options = &options;
    doctor.topology = &topology;
    doctor.program_dir = doctor.log_dir = doctor.state_dir = "";
    doctor.memory_bytes = UINT64_C(32) << 30;
    doctor.memlock_bytes = UINT64_C(8) << 20;
    doctor.nofile = 1024;
    doctor.may_capture = doctor.may_lock = doctor.may_watch = doctor.af_xdp = doctor.clock_synced =
        true;
    return 0;
}

static int end(void **state)
{
    char command[100];

    (void)state;
    text_free(&out);
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

/* Runs all checks; those of `check` are what must be found, "" if it has nothing to say. */
static void expect(const char *check, const char *line)
{
    char head[32];

    doctor_run(&doctor, &report);
    text_free(&out);
    doctor_print(&report, &out);
    snprintf(head, sizeof head, "  %-10s ", check);
    if (line[0] ? !strstr(out.p, line) : strstr(out.p, head) != NULL)
        fail_msg("%s: '%s' is not in:\n%s", check, line, out.p);
}

static void all_is_well_on_a_good_machine(void **state)
{
    static const enum mode modes[] = {MODE_KERNEL, MODE_XDP, MODE_AF_XDP, MODE_DPDK};

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        machine(modes[i]);
        doctor_run(&doctor, &report);
        for (unsigned f = 0; f < report.n; f++)
            if (report.findings[f].level != DOCTOR_OK)
                fail_msg("mode %d: %s: %s", (int)modes[i], report.findings[f].check,
                         report.findings[f].text);
        assert_true(doctor_is_ok(&report));
        memset(doctor.captures, 0, sizeof doctor.captures);
    }
}

static void a_mode_may_be_missing(void **state)
{
    (void)state;
    machine(MODE_DPDK);
    doctor.captures[0].package = "libdpdk-dev";
    expect("mode",
           "fail  mode       net_af_xdp0,iface=eth0: this build lacks its capture mode; install "
           "libdpdk-dev");
    assert_false(doctor_is_ok(&report));
}

static void an_interface_may_be_missing_or_down(void **state)
{
    (void)state;
    machine(MODE_AF_XDP);
    doctor.captures[0].nic.up = false;
    expect("interface", "warn  interface  eth0: is down: nothing is received; ip link set eth0 up");
    doctor.captures[0].nic = (struct doctor_nic){.there = false};
    expect("interface", "fail  interface  eth0: there is no such interface; ip -br link");
    expect("queues", "");
    expect("offloads", "");
    expect("numa", "");
}

static void a_device_of_dpdk_is_one(void **state)
{
    struct doctor_capture *c = &doctor.captures[0];

    (void)state;
    machine(MODE_DPDK);
    expect("device", "ok    device     net_af_xdp0,iface=eth0: a virtual device\n");
    c->nic.queues.rx = 8;
    expect("queues", "fail  queues     net_af_xdp0,iface=eth0: 8 receive queues for 2 workers; "
                     "ethtool -L eth0 combined 2\n");
    strcpy(c->interface, "eth0");
    expect("device", "fail  device     eth0: DPDK does not take it for a device of 2 workers; give "
                     "a PCI address such as 0000:03:00.0");
    strcpy(c->interface, "0000:03:00.0");
    c->link[0] = '\0';
    c->workers = 1;
    c->nic = (struct doctor_nic){.there = false};
    expect("device", "fail  device     0000:03:00.0: there is no such device");
    expect("interface", "");
    put("/sys/bus/pci/devices/0000:03:00.0/class", "0x020000\n");
    put("/sys/bus/pci/devices/0000:03:00.0/numa_node", "1\n");
    expect("device", "fail  device     0000:03:00.0: it is bound to no driver; modprobe ");
    expect("numa", "ok    numa       0000:03:00.0: at memory node 1, cores 2-3\n");
}

static void queues_match_workers(void **state)
{
    struct ethtool_queues *q = &doctor.captures[0].nic.queues;

    (void)state;
    machine(MODE_AF_XDP);
    q->rx = 8;
    expect("queues", "fail  queues     eth0: 8 receive queues for 2 workers; ethtool -L eth0 "
                     "combined 2\n");
    options.set_queues = true;
    expect("queues", "ok    queues     eth0: 8 receive queues for 2 workers, set at the start");
    options.set_queues = false;
    *q = (struct ethtool_queues){.rx = 1};
    expect("queues",
           "fail  queues     eth0: 1 receive queue for 2 workers; lb_procs=1 in node.cfg");
    machine(MODE_KERNEL);
    *q = (struct ethtool_queues){.rx = 1, .rx_max = 8};
    expect("queues",
           "warn  queues     eth0: 1 receive queue for 2 workers; ethtool -L eth0 rx 2\n");
    q->rx = 8;
    expect("queues", "ok    queues     eth0: 8 receive queues for 2 workers\n");
    doctor.captures[0].nic.tells_queues = false;
    expect("queues", "ok    queues     eth0: the driver has no queues that could be set\n");
    machine(MODE_AF_XDP);
    doctor.captures[0].nic.tells_queues = false;
    expect("queues", "of which there must be 2; ethtool -l eth0\n");
}

static void the_hash_is_symmetric_where_it_decides(void **state)
{
    struct doctor_nic *nic = &doctor.captures[0].nic;

    (void)state;
    machine(MODE_AF_XDP);
    nic->rss.key[0] = 0;
    expect("rss", "ok    rss        eth0: the hash is made symmetric at the start");
    options.set_rss = false;
    expect("rss", "warn  rss        eth0: the directions of a flow go to different queues; ethtool "
                  "-X eth0 hkey 6d:5a:6d:5a\n");
    nic->tells_rss = false;
    expect("rss", "warn  rss        eth0: the driver does not tell");
    machine(MODE_KERNEL);
    nic->rss.key[0] = 0;
    expect("rss", "");
    options.fanout_mode = FANOUT_QUEUE;
    expect("rss", "warn  rss ");
}

static void rings_and_offloads_come_with_their_command(void **state)
{
    struct doctor_nic *nic = &doctor.captures[0].nic;

    (void)state;
    machine(MODE_XDP);
    nic->rings.rx = 512;
    nic->offloads = (struct ethtool_offloads){.gro = true, .lro = true, .strip_vlan = true};
    expect("rings", "eth0: a receive ring has 512 of 4096 descriptors; ethtool -G eth0 rx 4096\n");
    expect("offloads", "; ethtool -K eth0 lro off\n");
    expect("offloads", "; ethtool -K eth0 rxvlan off\n");
    machine(MODE_KERNEL);
    nic->offloads = (struct ethtool_offloads){.gro = true, .strip_vlan = true};
    expect("offloads", "ok    offloads   eth0: frames up to 64 KiB come up (gro on, tso off)");
}

static void what_the_host_uses_is_not_taken_from_it(void **state)
{
    (void)state;
    machine(MODE_AF_XDP);
    strcpy(doctor.captures[0].nic.host_use, "carries the address 192.0.2.1");
    expect("host",
           "fail  host       eth0: the host would lose it: it carries the address 192.0.2.1");
    options.force = true;
    expect("host", "warn  host ");
    machine(MODE_KERNEL);
    strcpy(doctor.captures[0].nic.host_use, "carries the address 192.0.2.1");
    expect("host", "");
}

static void cores_are_the_workers_own(void **state)
{
    (void)state;
    machine(MODE_AF_XDP);
    put("/proc/irq/40/smp_affinity_list", "0-3\n");
    expect("interrupts", "warn  interrupts eth0: interrupt 40 comes on core 2 of worker-1; "
                         "systemctl stop irqbalance; echo 0,1 > /proc/irq/40/smp_affinity_list\n");
    put("/proc/irq/40/effective_affinity_list", "1\n"); /* of those that it may come on */
    expect("interrupts", "ok    interrupts eth0: 1 interrupts, none on a worker's core\n");
    put("/proc/irq/40/effective_affinity_list", "3\n");
    put("/proc/irq/41/smp_affinity_list", "2\n");
    put("/sys/class/net/eth0/device/msi_irqs/41", "msi\n");
    expect("interrupts",
           "warn  interrupts eth0: interrupt 40 comes on core 3 of worker-2, 1 more on "
           "workers' cores; systemctl stop irqbalance; for i in "
           "$(ls /sys/class/net/eth0/device/msi_irqs); do echo 0,1 > "
           "/proc/irq/$i/smp_affinity_list; done\n");
    options.busy_poll = 50000;
    expect("interrupts", "");
    put("/sys/devices/system/cpu/isolated", "\n");
    expect("isolated", "warn  isolated   others may run on core 2 of worker-1; kernel parameters "
                       "isolcpus=2 nohz_full=2 rcu_nocbs=2");
    put("/sys/devices/system/node/node1/cpulist", "0-2\n");
    expect("numa",
           "warn  numa       eth0: worker-2 is pinned to core 3, the interface is at node 1; "
           "pin_cpus of 0-2");
    put("/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2-3\n");
    expect("cores", "warn  cores      worker-1 and worker-2 are pinned to two threads of one core, "
                    "2 and 3; pin_cpus in node.cfg");
    topology.nodes[3].pin_cpu = 2;
    expect("cores", "warn  cores      worker-1 and worker-2 are pinned to core 2");
    topology.nodes[3].pin_cpu = 7;
    expect("cores", "fail  cores      worker-2 is pinned to core 7, which is not there");
    topology.nodes[2].pin_cpu = topology.nodes[3].pin_cpu = -1;
    put("/sys/devices/system/cpu/online", "0\n");
    expect("cores", "warn  cores      2 workers share 1 cores");
}

static void clocks_and_frequencies(void **state)
{
    (void)state;
    machine(MODE_KERNEL);
    put("/sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n");
    put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
    doctor.clock_synced = false;
    expect("governor", "core 2 is slowed down by governor powersave: bursts meet a slow core; "
                       "cpupower frequency-set -g performance\n");
    expect("clock", "warn  clock      reading clock source hpet is slow; echo tsc >");
    expect("time", "warn  time ");
    assert_true(doctor_is_ok(&report));
}

static void memory_is_enough(void **state)
{
    (void)state;
    machine(MODE_AF_XDP);
    put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "10\n");
    expect("hugepages",
           "warn  hugepages  10 of 128 huge pages are free: the rest lies in small ones; "
           "sysctl -w vm.nr_hugepages=318\n");
    put("/proc/meminfo", "SwapTotal: 0 kB\nHugepagesize: 1048576 kB\n");
    expect("hugepages", "echo 318 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n");
    put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "200\n");
    put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    expect("hugepages",
           "warn  hugepages  the kernel gives none by itself: flow tables lie in small "
           "pages; echo madvise > /sys/kernel/mm/transparent_hugepage/enabled\n");
    put("/proc/meminfo", "SwapTotal: 100 kB\n");
    expect("swap", "warn  swap       tables may be swapped out (vm.swappiness 60)");
    put("/proc/sys/vm/swappiness", "1\n");
    expect("swap", "ok    swap ");
    doctor.may_lock = false;
    expect("memlock",
           "fail  memlock    8 MB may be locked, 256 MB are needed; ulimit -l unlimited");
    doctor.memlock_bytes = DOCTOR_UNLIMITED;
    expect("memlock", "ok    memlock ");
    doctor.nofile = 64;
    expect("nofile", "fail  nofile     64 files may be open, up to 96 are needed; ulimit -n 96");
    doctor.nofile = DOCTOR_UNLIMITED;
    expect("nofile", "ok    nofile     up to 96 files are needed and may be open");
    doctor.memory_bytes = UINT64_C(64) << 20;
    expect("memory", "fail  memory     all workers' tables and buffers are ");
}

static void kernels_have_what_a_mode_uses(void **state)
{
    (void)state;
    machine(MODE_XDP);
    put("/proc/sys/kernel/osrelease", "5.4.0\n");
    put("/proc/sys/net/core/bpf_jit_enable", "0\n");
    expect("kernel",
           "fail  kernel     eth0: Linux 5.4.0 lacks BPF maps for workers without rights; use "
           "Linux 5.19");
    expect("kernel", "warn  kernel     eth0: Linux 5.4.0 lacks tcx");
    expect("jit", "warn  jit ");
    machine(MODE_AF_XDP);
    put("/proc/sys/kernel/osrelease", "5.4.0\n");
    expect("kernel", "fail  kernel     eth0: Linux 5.4.0 lacks BPF maps for workers");
    doctor.af_xdp = false;
    expect("kernel", "fail  kernel     eth0: the kernel has no AF_XDP sockets");
    machine(MODE_KERNEL);
    put("/proc/sys/kernel/osrelease", "5.4.0\n");
    expect("kernel", "warn  kernel     eth0: Linux 5.4.0 lacks shunting");
    expect("kernel", "warn  kernel     eth0: Linux 5.4.0 lacks packets spread by our own hash");
}

/* Something that is wrong is never left out without a word. */
static void a_report_that_is_full_fails(void **state)
{
    (void)state;
    report = (struct doctor_report){.check = "interrupts", .subject = ""};
    for (unsigned i = 0; i < DOCTOR_FINDINGS_MAX; i++)
        doctor_find(&report, DOCTOR_WARN, "", "one");
    assert_true(doctor_is_ok(&report));
    doctor_find(&report, DOCTOR_FAIL, "", "another");
    assert_int_equal(report.n, DOCTOR_FINDINGS_MAX);
    assert_false(doctor_is_ok(&report));
    assert_non_null(strstr(report.findings[DOCTOR_FINDINGS_MAX - 1].text, "more is wrong"));
}

/* Limits are not the manager's, and are not complained of. */
static void a_user_without_rights_is_told_so(void **state)
{
    (void)state;
    machine(MODE_AF_XDP);
    expect("rights", "ok    rights ");
    doctor.may_capture = doctor.may_lock = false;
    expect("rights", "warn  rights     not root: ");
    expect("memlock", "");
}

static void the_table_of_mode_xdp_counts(void **state)
{
    (void)state;
    machine(MODE_XDP);
    options.xdp_flow_table_size = 100 * 1000 * 1000;
    doctor.memory_bytes = UINT64_C(20) << 30;
    expect("memory", "fail  memory     all workers' tables and buffers are ");
}

static void folders_and_user(void **state)
{
    char dir[100];

    (void)state;
    machine(MODE_KERNEL);
    expect("disk", "");
    snprintf(dir, sizeof dir, "%s/not/made/yet", root);
    doctor.log_dir = dir;
    doctor_run(&doctor, &report);
    text_free(&out);
    doctor_print(&report, &out);
    assert_non_null(strstr(out.p, "disk       log folder /tmp/test_doctor."));
    doctor.log_dir = "";
    doctor.state_dir = "/proc"; /* has no room */
    expect("disk",
           "fail  disk       state folder /proc has 0 MB left, 100 %; make room, or state_dir "
           "on another disk");
    doctor.user_absent = true;
    expect("user", "there is no user spliff: workers run as nobody; useradd --system");
}

static void findings_are_json_too(void **state)
{
    (void)state;
    machine(MODE_AF_XDP);
    doctor.captures[0].nic.queues.rx = 8;
    doctor_run(&doctor, &report);
    doctor_print_json(&report, &out);
    assert_non_null(
        strstr(out.p, "{\"ok\":false,\"findings\":[{\"check\":\"rights\",\"level\":\"ok\""));
    assert_non_null(strstr(out.p,
                           "\"level\":\"fail\",\"interface\":\"eth0\",\"text\":\"8 receive queues "
                           "for 2 workers\",\"mend\":\"ethtool -L eth0 combined 2\"}"));
}

static void lists_of_cores(void **state)
{
    struct doctor_cores cores;

    (void)state;
    doctor_cores_read(&cores, "0-2,8,1000-4000");
    assert_true(cores.has[0] && cores.has[2] && cores.has[8] && cores.has[1023]);
    assert_false(cores.has[3] || cores.has[7] || cores.has[9]);
    doctor_cores_read(&cores, "");
    assert_false(cores.has[0]);
    doctor_cores_read(&cores, "1,x,3");
    assert_true(cores.has[1]);
    assert_false(cores.has[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_well_on_a_good_machine, begin, end),
        cmocka_unit_test_setup_teardown(a_mode_may_be_missing, begin, end),
        cmocka_unit_test_setup_teardown(an_interface_may_be_missing_or_down, begin, end),
        cmocka_unit_test_setup_teardown(a_device_of_dpdk_is_one, begin, end),
        cmocka_unit_test_setup_teardown(queues_match_workers, begin, end),
        cmocka_unit_test_setup_teardown(the_hash_is_symmetric_where_it_decides, begin, end),
        cmocka_unit_test_setup_teardown(rings_and_offloads_come_with_their_command, begin, end),
        cmocka_unit_test_setup_teardown(what_the_host_uses_is_not_taken_from_it, begin, end),
        cmocka_unit_test_setup_teardown(cores_are_the_workers_own, begin, end),
        cmocka_unit_test_setup_teardown(clocks_and_frequencies, begin, end),
        cmocka_unit_test_setup_teardown(memory_is_enough, begin, end),
        cmocka_unit_test_setup_teardown(kernels_have_what_a_mode_uses, begin, end),
        cmocka_unit_test_setup_teardown(a_report_that_is_full_fails, begin, end),
        cmocka_unit_test_setup_teardown(a_user_without_rights_is_told_so, begin, end),
        cmocka_unit_test_setup_teardown(the_table_of_mode_xdp_counts, begin, end),
        cmocka_unit_test_setup_teardown(folders_and_user, begin, end),
        cmocka_unit_test_setup_teardown(findings_are_json_too, begin, end),
        cmocka_unit_test(lists_of_cores),
    };

    return cmocka_run_group_tests_name("manager/doctor", tests, NULL, NULL);
}

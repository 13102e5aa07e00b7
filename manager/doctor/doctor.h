/* SPDX-License-Identifier: BSD-3-Clause */
/* `doctor`: looks at the machine for what the wanted capture modes need and what makes them lose
 * packets. A check is a function and a row of table.c; it finds one or more things, each well, to
 * be warned of, or failed, and the last two name the command that mends them.
 *
 * What the kernel tells by system calls is asked once, before (machine.c); what it tells in files
 * is read by the checks, below `root`, so that tests give them a machine of their own. */
#ifndef SPLIFF_MANAGER_DOCTOR_DOCTOR_H
#define SPLIFF_MANAGER_DOCTOR_DOCTOR_H

#include "manager/ethtool.h"
#include "manager/text.h"
#include "manager/topology.h"

#include <stdbool.h>
#include <stdint.h>

#define DOCTOR_CAPTURES_MAX 64
#define DOCTOR_FINDINGS_MAX 512
#define DOCTOR_TEXT_MAX     256
#define DOCTOR_UNLIMITED    UINT64_MAX

/* An interface and what its driver says. */
struct doctor_nic {
    bool there, up;
    uint32_t mtu_bytes;
    char driver[ETHTOOL_NAME_BYTES];
    bool tells_queues, tells_rss, tells_rings;
    struct ethtool_queues queues;
    struct ethtool_rss rss;
    struct ethtool_rings rings;
    struct ethtool_offloads offloads;
    char host_use[128]; /* what the host itself uses it for, to follow "it "; "" if not */
};

/* The workers that capture from an interface in a mode. */
struct doctor_capture {
    char interface[TOPOLOGY_NAME_MAX];
    char link[TOPOLOGY_NAME_MAX]; /* of the kernel, that frames come from; "": a device of DPDK's */
    enum mode mode;
    const char *package; /* that this build lacks for the mode, NULL if none */
    unsigned workers;
    struct doctor_nic nic;
};

struct doctor {
    const char *root; /* of /proc and /sys: "" */
    const struct options *options;
    const struct topology *topology;
    const char *program_dir, *log_dir, *state_dir; /* state_dir "": none is used */
    struct doctor_capture captures[DOCTOR_CAPTURES_MAX];
    unsigned n_captures;
    unsigned workers;
    uint64_t memory_bytes;
    uint64_t memlock_bytes, nofile; /* limits of this process and its start, or DOCTOR_UNLIMITED */
    bool may_capture;               /* what the manager may: without it limits are not its either */
    bool may_lock, may_watch;       /* CAP_IPC_LOCK; the rights of a probe */
    bool af_xdp;                    /* the kernel has AF_XDP sockets */
    bool clock_synced, user_absent;
};

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
    const char *check;
    enum doctor_level level;
    char subject[TOPOLOGY_NAME_MAX]; /* interface, or "" */
    char text[DOCTOR_TEXT_MAX], mend[DOCTOR_TEXT_MAX];
};

struct doctor_report {
    const char *check, *subject; /* that runs now */
    struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
    unsigned n;
};

enum doctor_scope { DOCTOR_MACHINE, DOCTOR_INTERFACE };

#define DOCTOR_MODE(mode) (1u << (mode))
#define DOCTOR_ALL                                                                                 \
    (DOCTOR_MODE(MODE_KERNEL) | DOCTOR_MODE(MODE_XDP) | DOCTOR_MODE(MODE_AF_XDP) |                 \
     DOCTOR_MODE(MODE_DPDK))
#define DOCTOR_BPF_MODES                                                                           \
    (DOCTOR_MODE(MODE_KERNEL) | DOCTOR_MODE(MODE_XDP) | DOCTOR_MODE(MODE_AF_XDP))

/* A row: run once, or for each interface, if one of the modes is wanted. */
struct doctor_check {
    const char *name;
    enum doctor_scope scope;
    unsigned modes; /* DOCTOR_MODE bits */
    void (*look)(const struct doctor *d, const struct doctor_capture *c, struct doctor_report *r);
};

extern const struct doctor_check doctor_checks[];
extern const unsigned doctor_checks_n;

/* Adds a finding of the check that runs. mend: a command, "" for what is well. */
void doctor_find(struct doctor_report *r, enum doctor_level level, const char *mend,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Asks the kernel for all that d holds of the topology's interfaces and of this process; the
 * pointers are set by the caller before. */
void doctor_examine(struct doctor *d);

/* Runs every check that the modes need. */
void doctor_run(const struct doctor *d, struct doctor_report *r);

/* A line a finding; JSON: {"ok":bool,"findings":[…]}. */
void doctor_print(const struct doctor_report *r, struct text *out);
void doctor_print_json(const struct doctor_report *r, struct text *out);

/* True unless something failed. */
bool doctor_is_ok(const struct doctor_report *r);

/* Whether a worker or the probe runs in the mode, pinned or not. */
bool doctor_wants(const struct doctor *d, enum mode mode);

/* First line of a file below root, without its end, into line[bytes]. False if it cannot be read.
 */
bool doctor_read(const struct doctor *d, const char *path, char *line, size_t bytes);

/* A number in a file below root; `otherwise` if there is none. */
uint64_t doctor_read_number(const struct doctor *d, const char *path, uint64_t otherwise);

/* Cores of a list as the kernel writes them, "0-3,8". */
#define DOCTOR_CORES_MAX 1024
struct doctor_cores {
    bool has[DOCTOR_CORES_MAX];
};
void doctor_cores_read(struct doctor_cores *cores, const char *list);

/* Checks of nic.c, dpdk.c, cpu.c, memory.c, kernel.c and disk.c. */
#define DOCTOR_CHECK(name)                                                                         \
    void doctor_check_##name(const struct doctor *d, const struct doctor_capture *c,               \
                             struct doctor_report *r)
DOCTOR_CHECK(mode);
DOCTOR_CHECK(device);
DOCTOR_CHECK(interface);
DOCTOR_CHECK(host_use);
DOCTOR_CHECK(queues);
DOCTOR_CHECK(rss);
DOCTOR_CHECK(rings);
DOCTOR_CHECK(offloads);
DOCTOR_CHECK(interrupts);
DOCTOR_CHECK(numa);
DOCTOR_CHECK(cores);
DOCTOR_CHECK(isolated);
DOCTOR_CHECK(governor);
DOCTOR_CHECK(clock);
DOCTOR_CHECK(time);
DOCTOR_CHECK(memory);
DOCTOR_CHECK(hugepages);
DOCTOR_CHECK(swap);
DOCTOR_CHECK(memlock);
DOCTOR_CHECK(nofile);
DOCTOR_CHECK(kernel);
DOCTOR_CHECK(jit);
DOCTOR_CHECK(plaintext);
DOCTOR_CHECK(disk);
DOCTOR_CHECK(user);
DOCTOR_CHECK(rights);

#endif

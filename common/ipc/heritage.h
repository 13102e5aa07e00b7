/* SPDX-License-Identifier: BSD-3-Clause */
/* What crosses the fork from the manager to a worker or logger: one record in a sealed memfd at
 * descriptor HERITAGE_FD, and the descriptors that it names. Both sides come from one build; magic
 * and size are checked all the same. Written by the manager before exec, read once at start. */
#ifndef SPLIFF_IPC_HERITAGE_H
#define SPLIFF_IPC_HERITAGE_H

#include "common/base/flow_hash.h"
#include "common/schema/options.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define HERITAGE_FD          3
#define HERITAGE_MAGIC       UINT64_C(0x53504c4946463031) /* "SPLIFF01" */
#define HERITAGE_NODE_MAX    32                           /* node name with its NUL */
#define HERITAGE_PATH_MAX    256
#define HERITAGE_LOGGERS     8
#define HERITAGE_WORKERS_MAX 192
#define HERITAGE_FILTER_MAX  4096 /* BPF instructions, the kernel's BPF_MAXINSNS */

enum node_kind { NODE_WORKER, NODE_LOGGER, NODE_PROBE, NODE_READER, NODE_PORT };

/* Where a worker's frames come from, or a reader's. */
enum capture_kind {
    CAPTURE_PCAP_FILE,
    CAPTURE_SHARED_FILE,  /* a file that the reader reads for all workers (frame_ring.h) */
    CAPTURE_FILE_IN_TURN, /* the same, read by the workers in turn */
    CAPTURE_AF_PACKET,
    CAPTURE_XDP,
    CAPTURE_AF_XDP,
    CAPTURE_DPDK,
    CAPTURE_NONE, /* nowhere: only send what a dead predecessor left in the spool, and end */
};

/* Memory and rings of an AF_XDP socket. In the memory, the frames come first; the last
 * HERITAGE_NOTES_BYTES are the worker's, for its successor. */
struct heritage_af_xdp {
    uint64_t memory_bytes;
    uint32_t frames;
    uint32_t frame_bytes;
    uint32_t ring_slots; /* of receive and fill ring each, >= frames; a power of two */
    bool zero_copy, huge_pages;
    bool joins; /* frames longer than a place come, in pieces; else they are lost */
};

#define HERITAGE_NOTES_BYTES 4096u

#define HERITAGE_DEVICE_MAX 320

/* Files of the frequency of a core, below HERITAGE_CPUFREQ_DIR with its number, and what they said
 * before any worker ran; "" for one that is not there. */
#define HERITAGE_CPUFREQ_DIR      "/sys/devices/system/cpu/cpu%u/cpufreq"
#define HERITAGE_CPUFREQ_FILES    3u
#define HERITAGE_CPUFREQ_GOVERNOR 2u
#define HERITAGE_CPUFREQ_NAMES                                                                     \
    {                                                                                              \
        "scaling_max_freq", "scaling_min_freq", "scaling_governor"                                 \
    }

struct heritage_cpufreq {
    char text[HERITAGE_CPUFREQ_FILES][32];
};

/* What a worker begins DPDK with. */
#define HERITAGE_DPDK_WHY_BYTES 64

struct heritage_dpdk {
    char device[HERITAGE_DEVICE_MAX]; /* PCI address, or virtual device with its arguments */
    bool vdev;                        /* it is the latter */
    bool huge_pages;
    bool promiscuous;                       /* the worker is to make it that */
    int numa_node;                          /* memory node of the device; -1: no matter */
    uint64_t memory_bytes;                  /* for all that DPDK keeps */
    uint32_t descriptors;                   /* of a receive queue, if the driver has so many */
    char sized_by[HERITAGE_DPDK_WHY_BYTES]; /* why so many, and so much: for messages */
    struct heritage_cpufreq cpufreq;        /* with dpdk_power, of the core that it is pinned to */
    uint32_t queues; /* of the port that an owner keeps (dpdk_share.h); 0: there is none */
    uint32_t queue;  /* of them, the worker's */
};

struct heritage_capture {
    enum capture_kind kind;
    int fd;              /* open file; eventfd that wakes the worker of a reader; AF_PACKET
                            socket with its ring set up and bound; ring buffer map of xdp; bound
                            AF_XDP socket; -1 for DPDK */
    int flows_fd;        /* BPF map in which the kernel counts flows (bpf/flows.h), or -1 */
    int memory_fd;       /* AF_XDP and shared files: memory of the frames; DPDK: what is shared with
                            the port's owner (dpdk_share.h); or -1 */
    int program_fd;      /* AF_PACKET: BPF program that is to be the socket's filter, or -1 */
    int lists_fd;        /* prefixes that the worker leaves out itself (prefix_table.h), or -1 */
    int shunted_fd;      /* BPF map of what the worker wants of shunted flows, or -1 */
    int shunted_page_fd; /* BPF map of how many those are (bpf/flows.h), or -1 */
    int stats_fd;        /* xdp: BPF map of the counters of all rings (bpf/xdp.h), or -1 */
    int queues_fd;       /* AF_XDP: BPF map of what program and workers share of their queues
                            (bpf/af_xdp.h), or -1 */
    int reader_fd;       /* shared file: eventfd that wakes the reader, or -1 */
    int processes_fd;    /* the probe's, beside mode xdp: BPF map of the processes of flows
                            (bpf/processes.h), or -1 */
    uint32_t linktype;   /* AF_PACKET: LINKTYPE_ value of its frames */
    char name[HERITAGE_PATH_MAX]; /* file or interface, for messages */
    bool hash_decides;            /* our hash and bucket_owner say which worker gets a flow */
    bool lists_below;             /* a program has looked for the prefixes, where it reads the frame
                                     (packet_link() of bpf/packet.h): not again in the worker */
    uint32_t ring_block_bytes;    /* AF_PACKET: geometry to map; xdp: the ring's bytes */
    uint32_t ring_blocks;
    uint32_t number;    /* xdp: of the worker among those of its interface, its ring's number;
                           AF_XDP: its queue */
    bool skip_outgoing; /* AF_PACKET: loopback, where what is sent is received too */
    bool virtual;       /* xdp: the interface is no device, checksums need not be filled in */
    struct heritage_af_xdp af_xdp;
    struct heritage_dpdk dpdk;
};

/* The descriptors in it, one after the other. */
#define HERITAGE_CAPTURE_FDS 11u
int *heritage_capture_fd(struct heritage_capture *c, unsigned i);

/* In an initializer: none of them. */
#define HERITAGE_CAPTURE_NO_FDS                                                                    \
    .fd = -1, .flows_fd = -1, .memory_fd = -1, .program_fd = -1, .lists_fd = -1, .shunted_fd = -1, \
    .shunted_page_fd = -1, .stats_fd = -1, .queues_fd = -1, .reader_fd = -1, .processes_fd = -1

/* Where the probe sends what it takes: for each interface, which worker owns a bucket; or that its
 * workers claim their flows (claim.h), since something else than our hash shares them out. */
#define HERITAGE_INTERFACES    16
#define HERITAGE_INTERFACE_MAX 192

struct heritage_probe {
    uint32_t n_interfaces;
    char interface[HERITAGE_INTERFACES][HERITAGE_INTERFACE_MAX];
    uint16_t owner[HERITAGE_INTERFACES][FLOW_BUCKETS]; /* index of the worker */
    bool claims[HERITAGE_INTERFACES];
};

/* Private area of a ring block, in which a worker notes for its successor how far it came. */
#define HERITAGE_RING_PRIVATE_BYTES 16u

struct heritage {
    uint64_t magic;
    uint32_t bytes;    /* sizeof(struct heritage) */
    pid_t manager_pid; /* set by heritage_write to its caller; 0: no manager to outlive (tests) */
    enum node_kind kind;
    char node[HERITAGE_NODE_MAX]; /* "worker-1" */
    uint32_t worker_index;        /* 0 … n_workers - 1, also the value in bucket_owner */
    uint32_t n_workers;
    char workers[HERITAGE_WORKERS_MAX][HERITAGE_NODE_MAX]; /* names by index */
    uint64_t epoch; /* of all spools: another manager's differ, and sequence numbers begin anew */
    uint32_t seed;  /* of flow_hash and uids */
    bool one_shot;  /* `run`: ends with its input, or at the first signal; no archive of logs */
    bool live;      /* frames come in real time: never wait for the logger, drop and count */

    char run_dir[HERITAGE_PATH_MAX];    /* sockets: ipc://<run_dir>/bus.in, bus.out, <logger>.log */
    char log_dir[HERITAGE_PATH_MAX];    /* logger; empty: no log files */
    char state_path[HERITAGE_PATH_MAX]; /* logger: its state file, survives restarts */
    char loggers[HERITAGE_LOGGERS][HERITAGE_NODE_MAX];
    uint32_t n_loggers;

    int counters_fd; /* memfd of COUNTERS_PAGE_BYTES */
    int spool_fd;    /* worker: memfd of options.spool_size. Logger: the first worker's, the others'
                        follow. -1 */
    int output_fd;   /* logger: where --format writes; -1 */
    int workers_fd;  /* reader, workers that read in turn: the first of the eventfds that wake
                        workers, one after the other. -1 */
    bool output_tty; /* it is a terminal */

    uid_t uid; /* to become after opening what needs opening; 0 = root without capabilities */
    gid_t gid;
    int pin_cpu; /* -1 = not pinned */

    struct heritage_capture capture;
    uint16_t bucket_owner[FLOW_BUCKETS];
    bool plaintext;              /* there is a probe */
    bool claims;                 /* worker: it is to claim its flows at the probe */
    struct heritage_probe probe; /* of the probe only */
    struct options options;
};

/* Child: maps the record at HERITAGE_FD and checks it. NULL after printing what is wrong (this
 * program is started by spliff-cluster, not by hand). Lives as long as the process. */
const struct heritage *heritage_read(void);

/* Child, with all its threads: becomes uid/gid, drops every capability (the probe: those that it
 * has no use for), sets no_new_privs, dies with the manager (PR_SET_PDEATHSIG SIGTERM). Without
 * root only what needs none of it. Returns 0 or -errno; -ESRCH if the manager is gone already. */
int heritage_drop_privileges(const struct heritage *h);

/* Child: the manager that started it is gone. */
bool heritage_orphaned(const struct heritage *h);

/* Manager: a new sealed memfd that holds *h, with magic, bytes and manager_pid filled in. CLOEXEC:
 * a child gets it by dup2 to HERITAGE_FD. Returns the descriptor or -errno. */
int heritage_write(const struct heritage *h);

/* Manager: a new zeroed shared-memory descriptor of that size for good (no CLOEXEC). Or -errno. */
int heritage_shm(const char *name, size_t bytes);

/* Manager: the same for children to read: nobody maps it to write but the caller, by *mine, to be
 * unmapped. CLOEXEC. */
int heritage_shm_shown(const char *name, size_t bytes, void **mine);

/* Maps bytes of a shared-memory descriptor. NULL with errno set; EINVAL if it is smaller. */
void *heritage_map(int fd, size_t bytes);
/* The same, to be read only. */
const void *heritage_map_read(int fd, size_t bytes);

#endif

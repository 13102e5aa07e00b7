/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends an Ethernet capture into one end of a veth pair so that it comes out of the other as it
 * would out of a network card: as bare frames in pages, of which the receiver, on its own core,
 * makes packets of the kernel, or does not. A socket would send packets, which the kernel makes on
 * the sender's core, and has to turn back into frames for XDP.
 *
 * The kernel can run an XDP program on frames of our own and do with them what it says
 * (BPF_F_TEST_XDP_LIVE_FRAMES): wire.bpf.c fills in what is next and redirects it, as often as it
 * is due. Each time round the flows are new ones; checksums are not mended. The receiver's ring has
 * 256 places: a frame that finds none is counted by the interface (ethtool -S, xdp_xmit_errors).
 *
 * usage: wire INTERFACE FILE PACKETS-PER-SECOND SECONDS
 * prints: SENT packets in SECONDS s */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H /* its struct bpf_insn is another one */

#include <linux/types.h>

#include "tests/bench/wire.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wire.skel.h>

#define NS_PER_S 1000000000ull
#define LOOK_US  5000 /* between two looks whether the last round is over */

/* Reads the capture into `frames`. Returns how many. */
static uint32_t load(const char *path, struct wire_frame *frames)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    pcap_t *pcap = pcap_open_offline(path, error);
    uint32_t n = 0;

    if (!pcap) {
        fprintf(stderr, "wire: %s\n", error);
        return 0;
    }
    while (n < WIRE_FRAMES && pcap_next_ex(pcap, &header, &data) == 1) {
        if (header->caplen > WIRE_FRAME_MAX)
            continue;
        frames[n].bytes = header->caplen;
        memcpy(frames[n++].data, data, header->caplen);
    }
    pcap_close(pcap);
    return n;
}

/* Their number must be known before the program is loaded, so they are kept here until then. */
static int fill(int fd, const struct wire_frame *frames, uint32_t n)
{
    size_t bytes = (size_t)n * sizeof *frames;
    void *to;

    _Static_assert(sizeof *frames % 8 == 0, "entries of the map lie as those of an array");
    to = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (to == MAP_FAILED)
        return -errno;
    memcpy(to, frames, bytes);
    munmap(to, bytes);
    return 0;
}

/* Ends only if it fails, or by a signal. */
static int run(const struct wire_bpf *bpf)
{
    static uint8_t frame[WIRE_FRAME_MAX];
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof frame,
                .repeat = INT32_MAX, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = WIRE_BURST);
    int r;

    while ((r = bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.wire), &opts)) == 0)
        ;
    fprintf(stderr, "wire: %s\n", strerror(-r));
    return 1;
}

/* The kernel returns to who has it run the program when that is killed. */
static int run_to_end(const struct wire_bpf *bpf)
{
    const volatile uint64_t *end = (const volatile uint64_t *)&bpf->bss->wire_end;
    pid_t runner = fork();

    if (runner == 0)
        _exit(run(bpf));
    while (runner > 0 && *end == 0 && waitpid(runner, NULL, WNOHANG) == 0)
        usleep(LOOK_US);
    if (runner < 0 || *end == 0)
        return -ECHILD;
    kill(runner, SIGKILL);
    waitpid(runner, NULL, 0);
    return 0;
}

static int send_all(struct wire_bpf *bpf, const struct wire_frame *frames, uint32_t n)
{
    int r;

    bpf_map__set_max_entries(bpf->maps.wire_frames, n);
    if ((r = wire_bpf__load(bpf)) < 0 ||
        (r = fill(bpf_map__fd(bpf->maps.wire_frames), frames, n)) < 0 ||
        (r = run_to_end(bpf)) < 0) {
        fprintf(stderr, "wire: %s\n", strerror(-r));
        return 1;
    }
    printf("%llu packets in %.3f s\n", (unsigned long long)bpf->bss->wire_sent,
           (double)(bpf->bss->wire_end - bpf->bss->wire_begin) / (double)NS_PER_S);
    return 0;
}

int main(int argc, char **argv)
{
    struct wire_frame *frames = malloc(WIRE_FRAMES * sizeof *frames);
    struct wire_bpf *bpf = wire_bpf__open();
    uint32_t n = argc == 5 && frames ? load(argv[2], frames) : 0;
    int status;

    if (n == 0 || !bpf) {
        fprintf(stderr, "usage: wire INTERFACE FILE PACKETS-PER-SECOND SECONDS (as root)\n");
        return 2;
    }
    bpf->rodata->wire_ifindex = if_nametoindex(argv[1]);
    bpf->rodata->wire_n_frames = n;
    bpf->rodata->wire_rate = strtoull(argv[3], NULL, 10);
    bpf->rodata->wire_ns = strtoull(argv[4], NULL, 10) * NS_PER_S;
    status = send_all(bpf, frames, n);
    wire_bpf__destroy(bpf);
    free(frames);
    return status;
}

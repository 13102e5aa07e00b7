/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends an Ethernet capture into an interface at a steady rate, again and again for some seconds.
 * Each time round both IPv4 addresses of every packet move on by 256, so that the flows are new
 * ones. Checksums are not mended: who listens passively does not look at them. Frames go to the
 * driver past the queue of the interface. One that the driver does not take, because the other end
 * of a veth pair has no room for it, is sent and refused: on a wire it would be lost at the
 * receiver.
 *
 * usage: send INTERFACE FILE PACKETS-PER-SECOND SECONDS
 * prints: SENT packets in SECONDS s, REFUSED refused */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BURST     32
#define FRAMES    2000000
#define NS_PER_S  1000000000ull
#define IP4_SRC   26 /* in an untagged Ethernet frame */
#define IP4_BYTES 34

static struct iovec frames[FRAMES];
static size_t n_frames;

static int load(const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    pcap_t *pcap = pcap_open_offline(path, error);

    if (!pcap) {
        fprintf(stderr, "send: %s\n", error);
        return -1;
    }
    while (n_frames < FRAMES && pcap_next_ex(pcap, &header, &data) == 1) {
        struct iovec *f = &frames[n_frames++];

        f->iov_len = header->caplen;
        f->iov_base = malloc(header->caplen);
        if (!f->iov_base)
            return -1;
        memcpy(f->iov_base, data, header->caplen);
    }
    pcap_close(pcap);
    return n_frames > 0 ? 0 : -1;
}

static void move_addresses(void)
{
    for (size_t i = 0; i < n_frames; i++) {
        uint8_t *f = frames[i].iov_base;

        if (frames[i].iov_len < IP4_BYTES || f[12] != 0x08 || f[13] != 0)
            continue;
        for (uint8_t *a = f + IP4_SRC; a < f + IP4_BYTES; a += 4) {
            a[2]++;
            a[1] = (uint8_t)(a[1] + (a[2] == 0));
        }
    }
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

/* Sends a burst, or the beginning of it. Returns how many frames, 0 on failure. */
static size_t send_burst(int fd, size_t at, uint64_t *refused)
{
    struct mmsghdr burst[BURST] = {0};
    size_t n = n_frames - at < BURST ? n_frames - at : BURST;
    int done;

    for (size_t i = 0; i < n; i++) {
        burst[i].msg_hdr.msg_iov = &frames[at + i];
        burst[i].msg_hdr.msg_iovlen = 1;
    }
    done = sendmmsg(fd, burst, (unsigned)n, 0);
    if (done > 0)
        return (size_t)done;
    if (done < 0 && errno == ENOBUFS) {
        ++*refused;
        return 1;
    }
    perror("send: sendmmsg");
    return 0;
}

/* Whole rounds only, so that no flow is cut by the end. Returns the packets sent, 0 on failure. */
static uint64_t send_rounds(int fd, uint64_t rate, uint64_t seconds)
{
    uint64_t begin = now_ns(), sent = 0, refused = 0;

    while (now_ns() < begin + seconds * NS_PER_S) {
        for (size_t at = 0; at < n_frames;) {
            size_t done = send_burst(fd, at, &refused);

            if (done == 0)
                return 0;
            at += done;
            sent += done;
            sleep_until(begin + sent * NS_PER_S / rate);
        }
        move_addresses();
    }
    printf("%llu packets in %.3f s, %llu refused\n", (unsigned long long)sent,
           (double)(now_ns() - begin) / (double)NS_PER_S, (unsigned long long)refused);
    return sent;
}

int main(int argc, char **argv)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET};
    int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

    if (argc != 5 || fd < 0 || load(argv[2]) < 0) {
        fprintf(stderr, "usage: send INTERFACE FILE PACKETS-PER-SECOND SECONDS (as root)\n");
        return 2;
    }
    to.sll_ifindex = (int)if_nametoindex(argv[1]);
    if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0 ||
        bind(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        perror(argv[1]);
        return 1;
    }
    return send_rounds(fd, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10)) == 0;
}

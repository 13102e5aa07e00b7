/* SPDX-License-Identifier: BSD-3-Clause */
/* The least that any reader of a capture does: libpcap's loop, and one byte of every cache line of
 * every packet. What the benchmark calls 1.
 * usage: bare FILE */
#include <pcap/pcap.h>
#include <stdio.h>

#define CACHE_LINE 64

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *data;
    unsigned long packets = 0, bytes = 0, sum = 0;
    pcap_t *pcap = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;

    if (!pcap) {
        fprintf(stderr, "bare: %s\n", argc == 2 ? error : "usage: bare FILE");
        return 1;
    }
    while (pcap_next_ex(pcap, &header, &data) == 1) {
        for (unsigned i = 0; i < header->caplen; i += CACHE_LINE)
            sum += data[i];
        packets++;
        bytes += header->len;
    }
    /* The sum is printed so that the reads cannot be left out. */
    printf("%lu packets %lu bytes sum %lu\n", packets, bytes, sum);
    pcap_close(pcap);
    return 0;
}

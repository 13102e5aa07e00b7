/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/interface.h"

#include "common/base/linktype.h"
#include "manager/ini_file.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef ARPHRD_IP6GRE
#define ARPHRD_IP6GRE 823 /* glibc does not have it */
#endif

int interface_fail(const char *name, char *error, int code, const char *fmt, ...)
{
    int n = snprintf(error, INI_ERROR_BYTES, "interface %s: ", name);
    va_list ap;

    va_start(ap, fmt);
    if (n >= 0 && (size_t)n < INI_ERROR_BYTES)
        vsnprintf(error + n, INI_ERROR_BYTES - (size_t)n, fmt, ap);
    va_end(ap);
    return code;
}

int interface_fail_call(const char *name, char *error, const char *what)
{
    int code = -errno;

    return interface_fail(name, error, code, "%s: %s", what, strerror(-code));
}

static int no_such_interface(const char *name, char *error)
{
    struct if_nameindex *all = if_nameindex();
    char names[256] = "";
    size_t n = 0;

    for (struct if_nameindex *i = all; i && i->if_index > 0 && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n > 0 ? ", " : "", i->if_name);
    if (all)
        if_freenameindex(all);
    snprintf(error, INI_ERROR_BYTES, "no interface %s; there are: %s", name, names);
    return -ENODEV;
}

static int set_linktype(struct interface *i, unsigned short hardware, char *error)
{
    i->loopback = hardware == ARPHRD_LOOPBACK;
    switch (hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
        i->linktype = LINKTYPE_ETHERNET;
        return 0;
    case ARPHRD_NONE: /* tun, wireguard */
    case ARPHRD_RAWIP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
        i->linktype = LINKTYPE_RAW;
        return 0;
    default:
        return interface_fail(i->name, error, -ENOTSUP,
                              "hardware type %u is not supported: capture on an Ethernet, "
                              "loopback or IP tunnel interface",
                              hardware);
    }
}

static int ask(struct interface *i, int fd, char *error)
{
    struct ifreq ifr = {0};

    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", i->name);
    if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
        return interface_fail_call(i->name, error, "cannot read its flags");
    i->up = (ifr.ifr_flags & IFF_UP) != 0;
    i->carrier = (ifr.ifr_flags & IFF_RUNNING) != 0;
    if (ioctl(fd, SIOCGIFMTU, &ifr) < 0)
        return interface_fail_call(i->name, error, "cannot read its MTU");
    i->mtu_bytes = (uint32_t)ifr.ifr_mtu;
    if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
        return interface_fail_call(i->name, error, "cannot read its type");
    return set_linktype(i, ifr.ifr_hwaddr.sa_family, error);
}

int interface_find(struct interface *i, const char *name, char *error)
{
    int fd, r;

    *i = (struct interface){.name = name, .index = if_nametoindex(name)};
    if (i->index == 0)
        return no_such_interface(name, error);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return interface_fail_call(name, error, "cannot open a socket to ask for its properties");
    r = ask(i, fd, error);
    close(fd);
    return r;
}

int interface_make_promiscuous(const struct interface *i, char *error)
{
    struct packet_mreq request = {.mr_ifindex = (int)i->index, .mr_type = PACKET_MR_PROMISC};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), r;

    if (fd < 0 && (errno == EPERM || errno == EACCES))
        return interface_fail(i->name, error, -EPERM, "capturing needs CAP_NET_RAW: run as root");
    if (fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) == 0)
        return fd;
    r = interface_fail_call(i->name, error, "cannot be made promiscuous");
    if (fd >= 0)
        close(fd);
    return r;
}

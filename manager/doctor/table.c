/* SPDX-License-Identifier: BSD-3-Clause */
/* Every check, in the order in which a packet meets what they look at. */
#include "manager/doctor/doctor.h"

#define XDP    DOCTOR_MODE(MODE_XDP)
#define AF_XDP DOCTOR_MODE(MODE_AF_XDP)
#define DPDK   DOCTOR_MODE(MODE_DPDK)
#define KERNEL DOCTOR_MODE(MODE_KERNEL)

const struct doctor_check doctor_checks[] = {
    {"rights", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_rights},
    {"mode", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_mode},
    {"device", DOCTOR_INTERFACE, DPDK, doctor_check_device},
    {"interface", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_interface},
    {"host", DOCTOR_INTERFACE, AF_XDP | DPDK, doctor_check_host_use},
    {"queues", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_queues},
    {"rss", DOCTOR_INTERFACE, AF_XDP | DPDK | KERNEL, doctor_check_rss},
    {"rings", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_rings},
    {"offloads", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_offloads},
    {"interrupts", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_interrupts},
    {"numa", DOCTOR_INTERFACE, DOCTOR_ALL, doctor_check_numa},
    {"cores", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_cores},
    {"isolated", DOCTOR_MACHINE, AF_XDP | DPDK, doctor_check_isolated},
    {"governor", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_governor},
    {"clock", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_clock},
    {"time", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_time},
    {"memory", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_memory},
    {"hugepages", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_hugepages},
    {"swap", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_swap},
    {"memlock", DOCTOR_MACHINE, XDP | AF_XDP | DPDK, doctor_check_memlock},
    {"nofile", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_nofile},
    {"kernel", DOCTOR_INTERFACE, DOCTOR_BPF_MODES, doctor_check_kernel},
    {"jit", DOCTOR_MACHINE, DOCTOR_BPF_MODES, doctor_check_jit},
    {"plaintext", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_plaintext},
    {"disk", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_disk},
    {"user", DOCTOR_MACHINE, DOCTOR_ALL, doctor_check_user},
};
const unsigned doctor_checks_n = sizeof doctor_checks / sizeof doctor_checks[0];

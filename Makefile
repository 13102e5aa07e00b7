# SPDX-License-Identifier: BSD-3-Clause
# One non-recursive Makefile. Sources are listed by hand, in data-path order.
#
#   make            release commands in build/bin        make debug, make asan   beside them
#   make pgo        the same, faster: trained first
#   make check      style, dependency rule, static analysis
#   make test       everything under tests/              make fuzz FUZZ_SECONDS=3600
#   make bench      throughput and memory                make demo               see it work
#   make deps       install what is missing              make install PREFIX=… DESTDIR=…

.DEFAULT_GOAL := all
SHELL  := /bin/bash
CC     ?= gcc
CLANG  ?= clang
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 30
# V=1 shows the commands whole.
ifeq ($(V),)
Q   := @
say  = @printf '  %-4s %s\n' $(1) $(2)
endif
VERSION := 0.1.0

# --- libraries ------------------------------------------------------------------------------------

LIBS_REQUIRED := libzmq libuv inih libpcap libcrypto libnghttp2
LIBS_MISSING  := $(strip $(foreach l,$(LIBS_REQUIRED),$(shell pkg-config --exists $(l) || echo $(l))) \
                 $(if $(wildcard /usr/share/llhttp/llhttp.c),,\
                      $(shell pkg-config --exists libllhttp || echo libllhttp)))
# These goals install what is missing, or do without.
ifneq ($(and $(LIBS_MISSING),$(filter-out deps demo test clean uninstall,$(or $(MAKECMDGOALS),all))),)
$(error missing: $(LIBS_MISSING) (of pkg-config); as root, make deps installs what is needed)
endif
pc_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pc_libs   = $(shell pkg-config --libs $(1) 2>/dev/null)

ifneq ($(shell pkg-config --exists libllhttp && echo y),)
LLHTTP_CFLAGS := $(call pc_cflags,libllhttp)
LLHTTP_LIBS   := $(call pc_libs,libllhttp)
LLHTTP_SRC    :=
else
LLHTTP_DIR    := /usr/share/llhttp
LLHTTP_CFLAGS := -I/usr/share/include/llhttp
LLHTTP_LIBS   :=
LLHTTP_SRC    := api http llhttp
endif

# $(call optional,<library>,<NAME>,<what is missing without it>): HAVE_<NAME> and <NAME>_LIBS.
define OPTIONAL
ifneq ($(shell pkg-config --exists $(1) && echo y),)
FEATURES += -DHAVE_$(2)
$(2)_LIBS := $(call pc_libs,$(1))
else
$$(info $(1) not found: $(3))
endif
endef
optional = $(eval $(call OPTIONAL,$(1),$(2),$(3)))

$(call optional,zlib,ZLIB,compressed captures (.pcap.gz) cannot be read)
$(call optional,libbrotlidec,BROTLI,--body shows bodies in Brotli as they were sent)
$(call optional,libzstd,ZSTD,--body shows bodies in Zstandard as they were sent)
$(call optional,capstone,CAPSTONE,the probe cannot hook programs in Go and hooks others at a higher cost)

BPFTOOL := $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool /sbin/bpftool) $(shell command -v bpftool 2>/dev/null))
ifneq ($(and $(shell pkg-config --exists libbpf && echo y),$(BPFTOOL),$(shell command -v $(CLANG))),)
FEATURES += -DHAVE_LIBBPF
BPF_LIBS := $(call pc_libs,libbpf)
BPF_SKEL := build/bpf/fanout.skel.h
else
$(info libbpf, bpftool or clang not found: no plaintext, and fanout uses the hash of the kernel instead of ours)
endif

ifneq ($(and $(BPF_SKEL),$(shell pkg-config --exists libxdp && echo y)),)
FEATURES += -DHAVE_LIBXDP
XDP_LIBS := $(call pc_libs,libxdp)
SRC_XDP  := manager/capture/xdp_attach.c
SRC_MODE_XDP := manager/capture/xdp.c manager/capture/tc_attach.c
SRC_AF_XDP := manager/capture/af_xdp.c manager/capture/xsk.c manager/capture/queues.c
else
$(info libxdp not found: no capture modes xdp and af_xdp)
endif

ifneq ($(shell pkg-config --exists libdpdk && echo y),)
FEATURES += -DHAVE_DPDK
# Its headers are not ours to warn of; what it links is what the worker calls, drivers are loaded.
# Reading the clock of a device is "experimental" in what distributions have.
DPDK_CFLAGS := -DALLOW_EXPERIMENTAL_API $(patsubst -I%,-isystem %,$(filter -I% -m%,$(call pc_cflags,libdpdk)))
DPDK_LIBS := $(filter-out -l%,$(call pc_libs,libdpdk)) \
             -lrte_power -lrte_ethdev -lrte_mbuf -lrte_mempool -lrte_ring -lrte_eal
SRC_MODE_DPDK := manager/capture/dpdk.c manager/capture/dpdk_leftover.c manager/capture/dpdk_sizes.c
else
$(info libdpdk not found: no capture mode dpdk)
endif

# --- sources, in data-path order ------------------------------------------------------------------

SRC_ALT_SVC := common/base/alt_svc_table.c common/base/alt_svc_index.c
SRC_BASE := common/base/check.c common/base/log.c common/base/ipaddr.c common/base/memory.c \
            common/base/pool.c common/base/local_nets.c common/base/linktype.c common/base/filter.c \
            common/base/prefix_table.c common/base/threads.c common/base/pcap_header.c \
            $(SRC_ALT_SVC)
SRC_SCHEMA := common/schema/schema.c common/schema/category.c common/schema/options.c \
              common/schema/process_filter.c \
              common/schema/record_pack.c
SRC_IPC := common/ipc/heritage.c common/ipc/child.c common/ipc/frame_ring.c common/ipc/spool.c common/ipc/body.c common/ipc/message.c \
           common/ipc/event.c common/ipc/record_reader.c common/ipc/bus_socket.c common/ipc/bus.c \
           common/ipc/plaintext.c common/ipc/plaintext_socket.c common/ipc/owner.c \
           common/ipc/claim.c common/ipc/dpdk_share.c common/ipc/dpdk_orders.c
READER_IPC := common/ipc/heritage.c common/ipc/child.c common/ipc/frame_ring.c
SRC_BROKER := common/ipc/broker.c

SRC_TLS := \
  worker/parse/tls/tls.c worker/parse/tls/tls_probe.c worker/parse/tls/tls_record.c \
  worker/parse/tls/tls_sslv2.c worker/parse/tls/tls_handshake.c worker/parse/tls/tls_session.c \
  worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c worker/parse/tls/tls_fingerprint.c \
  worker/parse/tls/tls_log.c worker/parse/tls/x509_log.c worker/parse/tls/x509_parse.c \
  worker/parse/tls/x509_hash.c worker/parse/tls/tls_memo.c worker/parse/tls/tls_quic.c \
  worker/parse/tls/dtls.c worker/parse/tls/dtls_probe.c worker/parse/tls/dtls_fragment.c

SRC_SOCKS := worker/parse/socks/socks.c worker/parse/socks/socks_message.c
SRC_STARTTLS := worker/parse/starttls/starttls.c worker/parse/starttls/starttls_dialect.c \
                worker/parse/starttls/starttls_binary.c

SRC_QUIC := \
  worker/parse/quic/quic.c worker/parse/quic/quic_version.c worker/parse/quic/quic_packet.c \
  worker/parse/quic/quic_google.c worker/parse/quic/quic_protect.c worker/parse/quic/quic_initial.c \
  worker/parse/quic/quic_frame.c worker/parse/quic/quic_stream.c worker/parse/quic/quic_session.c \
  worker/parse/quic/quic_parameters.c

SRC_HOST := worker/host.c worker/host_call.c worker/host_child.c worker/host_learn.c \
            worker/host_record.c worker/host_notice.c worker/host_plain.c worker/host_plain_log.c \
            worker/host_unhooked.c worker/host_claim.c worker/tunnel.c worker/shunt.c worker/prefilter.c
SRC_CORRELATE := worker/correlate/correlate.c worker/correlate/correlate_log.c \
                 worker/correlate/latency.c
SRC_SCREEN := worker/screen/screen.c worker/screen/screen_table.c
SRC_LEARN := worker/learn/learn.c worker/learn/alt_svc.c worker/learn/alt_svc_value.c worker/learn/names.c worker/learn/names_event.c \
             worker/learn/connections.c worker/learn/connections_event.c worker/learn/fence.c

# Semantics that all versions of HTTP share (RFC 9110).
SRC_HTTP := worker/parse/http/http_transaction.c worker/parse/http/http_body.c \
            worker/parse/http/http_entity.c \
            worker/parse/http/http_multipart.c worker/parse/http/http_mime.c \
            worker/parse/http/http_inflate.c worker/parse/http/http_filename.c \
            worker/parse/http/http_application.c worker/parse/http/http_redact.c \
            worker/parse/http/http_exchange.c worker/parse/http/http_decode.c

SRC_HTTP2 := worker/parse/http2/http2_probe.c worker/parse/http2/http2.c \
             worker/parse/http2/http2_frame.c worker/parse/http2/http2_headers.c \
             worker/parse/http2/http2_hpack.c worker/parse/http2/http2_stream.c \
             worker/parse/http2/http2_control.c worker/parse/http2/http2_child.c
SRC_GRPC := worker/parse/grpc/grpc.c worker/parse/grpc/grpc_log.c
SRC_WEBSOCKET := worker/parse/websocket/websocket.c worker/parse/websocket/websocket_log.c \
                 worker/parse/websocket/websocket_tunnel.c

SRC_PCAP_FILE := worker/capture/pcap_file.c worker/capture/pcap_input.c worker/capture/pcapng.c
FLOWS_MAP := worker/capture/flows_map.c worker/capture/kernel_map.c
SRC_IN_TURN := worker/reader/shared_file.c worker/reader/turn.c worker/reader/spread.c \
               worker/decode/early_hash.c
SRC_WORKER := \
  worker/main.c worker/worker.c worker/wait.c worker/pipeline.c worker/tcp.c $(SRC_HOST) worker/stats.c \
  worker/capture/table.c $(SRC_PCAP_FILE) $(SRC_IN_TURN) \
  worker/capture/af_packet.c $(FLOWS_MAP) worker/capture/xdp.c \
  worker/capture/af_xdp.c \
  worker/decode/decode.c worker/decode/link.c worker/decode/link_layers.c \
  worker/decode/link_wifi.c worker/decode/tunnel_header.c worker/decode/checksum.c \
  worker/decode/fragments.c \
  worker/flow/flow_table.c worker/flow/wheel.c worker/flow/conn.c worker/flow/conn_log.c \
  worker/flow/uid.c worker/flow/community_id.c worker/flow/reopen.c \
  worker/reassembly/reassembly.c \
  worker/detect/detect.c \
  worker/parse/table.c \
  $(SRC_TLS) \
  $(SRC_QUIC) \
  $(SRC_HTTP) \
  worker/parse/http1/http1_probe.c worker/parse/http1/http1.c worker/parse/http1/http1_line.c \
  worker/parse/http1/http1_headers.c worker/parse/http1/http1_queue.c \
  worker/parse/http1/http1_switch.c \
  $(SRC_HTTP2) $(SRC_GRPC) \
  $(SRC_WEBSOCKET) \
  worker/parse/dns/dns.c worker/parse/dns/dns_probe.c worker/parse/dns/dns_message.c \
  worker/parse/dns/dns_answers.c worker/parse/dns/dns_rdata.c worker/parse/dns/dns_names.c \
  worker/parse/dns/dns_pending.c worker/parse/dns/dns_resolved.c \
  $(SRC_SOCKS) \
  $(SRC_STARTTLS) \
  worker/plaintext/plaintext.c $(SRC_CORRELATE) \
  $(SRC_LEARN) \
  $(SRC_SCREEN) \
  worker/emit/emit.c worker/emit/events.c worker/emit/taps.c worker/emit/frames.c

# The reader: what of the worker it takes to say whose a frame is.
SRC_EARLY_HASH := worker/decode/early_hash.c worker/decode/link.c worker/decode/link_layers.c \
                  worker/decode/link_wifi.c worker/decode/tunnel_header.c worker/decode/checksum.c
SRC_READER := worker/reader/main.c worker/reader/reader.c worker/reader/spread.c $(SRC_PCAP_FILE) $(SRC_EARLY_HASH)

# The same with one source.
SRC_WORKER_DPDK := worker/capture/table_dpdk.c worker/capture/dpdk.c worker/capture/dpdk_args.c \
  worker/capture/dpdk_clock.c worker/capture/dpdk_eal.c worker/capture/dpdk_port.c \
  worker/capture/dpdk_rss.c worker/capture/dpdk_owner.c worker/capture/dpdk_interrupt.c \
  worker/capture/dpdk_power.c worker/capture/dpdk_flow.c worker/capture/dpdk_rule.c \
  worker/capture/dpdk_rules.c \
  $(filter-out worker/capture/% worker/reader/% worker/decode/early_hash.c,$(SRC_WORKER))

# The probe: what it finds in files and processes.
PROBE_CODE := $(if $(CAPSTONE_LIBS),worker/probe/code.c)
SRC_PROBE_IMAGES := worker/probe/discover.c worker/probe/perf.c worker/probe/elf_image.c \
                    worker/probe/elf_image_go.c $(PROBE_CODE) worker/probe/site.c worker/probe/plan.c \
                    worker/probe/table.c worker/probe/lib_openssl.c worker/probe/lib_gnutls.c \
                    worker/probe/lib_nss.c worker/probe/lib_wolfssl.c worker/probe/lib_go.c
SRC_PROBE_KERNEL := worker/probe/kernel.c worker/probe/kernel_hooks.c
SRC_PROBE := worker/probe/main.c worker/probe/probe.c $(SRC_PROBE_KERNEL) $(SRC_PROBE_IMAGES) \
             worker/probe/hooking.c worker/probe/images.c worker/probe/process.c \
             worker/probe/lru.c worker/probe/sessions.c worker/probe/route.c \
             worker/probe/outbox.c worker/probe/owners.c worker/probe/pending.c \
             worker/probe/claims.c

SRC_LOGGER := \
  logger/main.c logger/receive.c logger/notice_filter.c logger/state.c logger/rotation.c logger/archive.c \
  logger/sink/table.c logger/sink/outbuf.c logger/sink/format.c logger/sink/logfile.c \
  logger/sink/stream.c logger/sink/tsv.c \
  logger/sink/json.c logger/sink/text.c logger/sink/text_exchange.c logger/sink/pcap.c

DOCTOR_CHECKS := manager/doctor/table.c manager/doctor/doctor.c manager/doctor/nic.c \
  manager/doctor/dpdk.c manager/doctor/cpu.c manager/doctor/memory.c manager/doctor/kernel.c \
  manager/doctor/disk.c manager/capture/dpdk_pci.c
SRC_DOCTOR := $(DOCTOR_CHECKS) manager/doctor/machine.c

SRC_TOPOLOGY := manager/topology.c manager/topology_section.c manager/cores.c \
                manager/topology_ports.c manager/capture/dpdk_device.c

SRC_MANAGER := \
  manager/main.c manager/manager.c manager/sizes.c manager/limits.c manager/ending.c manager/comeback.c manager/learned.c \
  manager/learned_file.c \
  manager/learned_print.c manager/nodes.c manager/supervise.c manager/control.c \
  manager/rx_mode.c manager/cpufreq.c \
  manager/status.c $(SRC_TOPOLOGY) manager/config.c manager/ini_file.c manager/suggest.c \
  manager/text.c manager/folder.c manager/prefilter.c manager/prefilter_maps.c manager/privileged.c manager/probe_check.c manager/run_dir.c manager/output_watch.c manager/link_watch.c \
  manager/numa.c manager/capture/table.c manager/capture/captures.c manager/capture/link.c manager/capture/shared_file.c \
  manager/capture/interface.c manager/capture/host_use.c manager/ethtool.c \
  manager/capture/af_packet.c manager/capture/filter_bpf.c \
  manager/capture/socket_filter.c $(SRC_XDP) $(SRC_MODE_XDP) $(SRC_AF_XDP) $(SRC_MODE_DPDK) \
  manager/cli/table.c manager/cli/args.c manager/cli/setup.c manager/cli/devices.c manager/cli/run.c \
  manager/cli/check.c manager/cli/start.c manager/cli/stop.c manager/cli/status.c \
  manager/cli/print.c manager/cli/rx_mode.c manager/cli/reload.c manager/cli/top.c manager/cli/top_sample.c \
  manager/cli/top_view.c manager/cli/doctor.c $(SRC_DOCTOR) \
  manager/cli/version.c manager/cli/docs.c manager/cli/progress.c

# --- flags ----------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wcast-qual -Wvla -Werror
INCLUDES := -I. -Ibuild/bpf
CPPFLAGS_ALL = -D_GNU_SOURCE -DSPLIFF_VERSION='"$(VERSION)"' $(FEATURES) $(INCLUDES) \
               $(LLHTTP_CFLAGS) $(call pc_cflags,libuv)
CFLAGS_ALL = -std=c17 $(WARN) -fno-common -fno-strict-aliasing -fstack-protector-strong

# The packet path crosses many files; gcc sees across them at link time.
LTO := $(if $(findstring clang,$(CC)),,-flto=auto)
CFLAGS_release  := -O3 -g $(LTO)
CFLAGS_debug    := -O0 -g3
CFLAGS_asan     := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
                   -fno-omit-frame-pointer
CFLAGS_fuzz     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
                   -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_release := -O3 $(LTO) -Wl,--as-needed
LDFLAGS_debug   := -Wl,--as-needed
LDFLAGS_asan    := -fsanitize=address,undefined
# A profile is found by the name of its object, so training and use have the same; what the training
# did not reach is compiled as in release.
PROFILE   := $(CURDIR)/build/pgo/profile
PGO       := use
PGO_train := -fprofile-generate -fprofile-dir=$(PROFILE)
PGO_use   := -fprofile-use=$(PROFILE) -fprofile-partial-training -fprofile-correction \
             -Wno-missing-profile
CFLAGS_pgo  := $(CFLAGS_release) $(PGO_$(PGO))
LDFLAGS_pgo := $(LDFLAGS_release) $(PGO_$(PGO))
CC_pgo     := $(CC)
CC_release := $(CC)
CC_debug   := $(CC)
CC_asan    := $(CC)
CC_fuzz    := $(CLANG)

BIN_release := build/bin
BIN_debug   := build/debug/bin
BIN_asan    := build/asan/bin
BIN_pgo     := build/pgo/bin

LIBS_worker  := $(call pc_libs,libzmq) $(call pc_libs,libcrypto) $(call pc_libs,libnghttp2) \
                $(ZLIB_LIBS) $(BROTLI_LIBS) $(ZSTD_LIBS) $(LLHTTP_LIBS)
LIBS_reader  := $(ZLIB_LIBS)
LIBS_logger  := $(call pc_libs,libzmq) $(call pc_libs,libuv) $(ZLIB_LIBS)
LIBS_cluster := $(call pc_libs,libzmq) $(call pc_libs,libuv) $(call pc_libs,inih) \
                $(BPF_LIBS) $(XDP_LIBS)
LIBS_probe   := $(call pc_libs,libzmq) $(BPF_LIBS) $(CAPSTONE_LIBS)
# What the tests link, whatever they need of it.
# Debian 12 calls it msgpack, newer distributions msgpack-c.
MSGPACK := $(shell pkg-config --exists msgpack-c && echo msgpack-c || echo msgpack)
LIBS_test := $(sort $(LIBS_worker) $(LIBS_logger) $(LIBS_cluster)) $(CAPSTONE_LIBS) $(call pc_libs,cmocka) \
             $(call pc_libs,$(MSGPACK))

# --- how each variant is built --------------------------------------------------------------------

COMMON := $(SRC_BASE) $(SRC_SCHEMA) $(SRC_IPC)
llhttp_objs = $(LLHTTP_SRC:%=build/$(1)/obj/llhttp/%.o)
objs = $(patsubst %.c,build/$(1)/obj/%.o,$(2))

define VARIANT
build/$(1)/obj/%.o: %.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$(CC_$(1)) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$(CFLAGS_$(1)) -MMD -MP -c -o $$@ $$<
build/$(1)/obj/llhttp/%.o: $$(LLHTTP_DIR)/%.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$(CC_$(1)) -std=c17 -w $$(LLHTTP_CFLAGS) $$(CFLAGS_$(1)) -c -o $$@ $$<
$(patsubst %,build/$(1)/obj/worker/capture/%.o,dpdk dpdk_eal dpdk_port dpdk_rss dpdk_interrupt dpdk_power dpdk_rule dpdk_rules dpdk_flow dpdk_owner) \
$(patsubst %,build/$(1)/obj/tests/unit/capture/test_%.o,dpdk_rss dpdk_interrupt dpdk_power dpdk_rule dpdk_flow dpdk_flow_owner) \
build/$(1)/obj/tests/unit/capture/dpdk_card.o build/$(1)/obj/tests/fuzz/fuzz_dpdk_orders.o: \
  CPPFLAGS_ALL += $$(DPDK_CFLAGS)
endef

define COMMANDS
$(BIN_$(1))/spliff-worker: $(call objs,$(1),$(SRC_WORKER) $(COMMON)) $(call llhttp_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_worker)
$(BIN_$(1))/spliff-worker-dpdk: $(call objs,$(1),$(SRC_WORKER_DPDK) $(COMMON)) $(call llhttp_objs,$(1))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_worker) $$(DPDK_LIBS)
$(BIN_$(1))/spliff-logger: $(call objs,$(1),$(SRC_LOGGER) $(COMMON))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_logger)
$(BIN_$(1))/spliff-cluster: $(call objs,$(1),$(SRC_MANAGER) $(COMMON) $(SRC_BROKER))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_cluster)
$(BIN_$(1))/spliff-reader: $(call objs,$(1),$(SRC_READER) $(SRC_BASE) $(SRC_SCHEMA) $(READER_IPC))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_reader)
$(BIN_$(1))/spliff-probe: $(call objs,$(1),$(SRC_PROBE) $(COMMON))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_probe)
commands_$(1) := $(BIN_$(1))/spliff-worker $(BIN_$(1))/spliff-reader $(BIN_$(1))/spliff-logger $(BIN_$(1))/spliff-cluster \
                 $(if $(BPF_SKEL),$(BIN_$(1))/spliff-probe) \
                 $(if $(DPDK_LIBS),$(BIN_$(1))/spliff-worker-dpdk)
endef

$(foreach v,release debug asan fuzz pgo,$(eval $(call VARIANT,$(v))))
$(foreach v,release debug asan pgo,$(eval $(call COMMANDS,$(v))))

all release: $(commands_release)
debug: $(commands_debug)
asan: $(commands_asan)

# Worker and logger as release has them, compiled by what they did with a mix of the golden captures.
# The user that workers run as writes the profile.
PGO_COMMANDS := spliff-worker spliff-logger $(if $(DPDK_LIBS),spliff-worker-dpdk)
pgo: release
	@rm -rf build/pgo
	@$(MAKE) PGO=train $(BIN_pgo)/spliff-worker $(BIN_pgo)/spliff-logger
	@cp $(BIN_release)/spliff-cluster $(BIN_pgo)
	@mkdir -m 777 $(PROFILE)
	@tests/bench/mix.py --copies 100 -o build/pgo/mix.pcap tests/golden/*/input.pcap
	$(BIN_pgo)/spliff-cluster run -r build/pgo/mix.pcap --workers 1 --log-dir build/pgo/logs --quiet
	@[ -n "$$(ls $(PROFILE))" ] || { echo 'nothing was written to $(PROFILE):' \
	    'build where user nobody may write, or not as root' >&2; exit 1; }
	@rm -r build/pgo/obj $(BIN_pgo)
	@$(MAKE) $(PGO_COMMANDS:%=$(BIN_pgo)/%)
	cp $(PGO_COMMANDS:%=$(BIN_pgo)/%) $(BIN_release)

# --- BPF ------------------------------------------------------------------------------------------

build/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) common/base/flow_hash.h common/base/icmp_port.h \
                        common/base/tunnel_ports.h common/base/prefilter_lists.h
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -target bpf $(BPF_FLAGS) -Wall -Werror -D__BPF__ -I. -c -o $@ $<
# Atomic fetches and exchanges, from Linux 5.12 on.
build/bpf/xdp.bpf.o build/bpf/af_xdp.bpf.o build/bpf/shunt.bpf.o: BPF_FLAGS := -mcpu=v3
# Its programs read user registers.
build/bpf/probe.bpf.o: BPF_FLAGS := -mcpu=v3 \
    -D__TARGET_ARCH_$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86)
build/bpf/%.skel.h: build/bpf/%.bpf.o
	{ echo '/* NOLINTBEGIN */' && $(BPFTOOL) gen skeleton $< name $*_bpf && echo '/* NOLINTEND */'; } \
	    > $@.tmp && mv $@.tmp $@
$(foreach v,release debug asan fuzz,build/$(v)/obj/manager/capture/af_packet.o \
  build/$(v)/obj/tests/unit/bpf/test_fanout.o): $(BPF_SKEL)
$(foreach v,release debug asan,build/$(v)/obj/manager/capture/af_xdp.o \
  build/$(v)/obj/tests/unit/bpf/test_af_xdp.o): build/bpf/af_xdp.skel.h
$(foreach v,release debug asan,build/$(v)/obj/manager/capture/xdp.o \
  build/$(v)/obj/tests/unit/bpf/test_xdp.o build/$(v)/obj/tests/unit/bpf/test_xdp_tunnel.o \
  build/$(v)/obj/tests/unit/capture/test_xdp.o): \
    build/bpf/xdp.skel.h
$(foreach v,release debug asan,build/$(v)/obj/manager/capture/socket_filter.o \
  build/$(v)/obj/tests/unit/bpf/test_shunt.o): $(if $(BPF_SKEL),build/bpf/shunt.skel.h)
$(foreach v,release debug asan,build/$(v)/obj/worker/probe/kernel.o): $(if $(BPF_SKEL),build/bpf/probe.skel.h)

# --- unit tests: each line names the sources it links, so coupling shows --------------------------
# $(call unit,<name>,<sources>): tests/unit/<name>.c linked with the sources.

define UNIT
build/$(1)/test/$(2): $(call objs,$(1),tests/unit/$(2).c $(3)) \
                      $(if $(findstring http1,$(2)$(3)),$(call llhttp_objs,$(1)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS_test)
units_$(1) += build/$(1)/test/$(2)
endef
unit = $(eval $(call UNIT,debug,$(1),$(2)))$(eval $(call UNIT,asan,$(1),$(2)))

BASE := common/base/check.c common/base/log.c common/base/ipaddr.c common/base/memory.c \
        common/base/pool.c common/base/linktype.c common/base/threads.c
SCHEMA := common/schema/schema.c common/schema/category.c common/schema/record_pack.c
# What an analyzer's test needs: a host that keeps what the analyzer emits.
FAKE_HOST := tests/unit/parse/fake_host.c tests/unit/parse/fake_record.c \
             common/schema/schema.c common/schema/category.c $(BASE)

$(call unit,base/test_log,common/base/log.c)
$(call unit,base/test_pool,$(BASE))
$(call unit,base/test_ipaddr,common/base/ipaddr.c)
$(call unit,base/test_str,)
$(call unit,base/test_pcap_header,common/base/pcap_header.c)
$(call unit,base/test_local_nets,$(BASE) common/base/local_nets.c)
$(call unit,base/test_flow_key,$(BASE))
$(call unit,flow/test_uid,$(BASE) worker/flow/uid.c)
$(call unit,flow/test_community_id,$(BASE) worker/flow/community_id.c)
$(call unit,schema/test_options,common/schema/options.c common/base/check.c)
$(call unit,flow/test_flow_table,worker/flow/flow_table.c worker/flow/wheel.c $(BASE))
$(call unit,reassembly/test_reassembly,worker/reassembly/reassembly.c $(BASE))
IPC_FORMATS := common/ipc/body.c common/ipc/message.c common/ipc/record_reader.c
IPC_BUS := common/ipc/bus.c common/ipc/bus_socket.c common/ipc/broker.c
$(call unit,schema/test_record_pack,$(SCHEMA) common/ipc/record_reader.c)
$(call unit,ipc/test_record_reader,$(SCHEMA) common/ipc/record_reader.c)
$(call unit,ipc/test_message,$(SCHEMA) $(IPC_FORMATS) common/base/check.c)
$(call unit,ipc/test_msgpack_c,$(SCHEMA) $(IPC_FORMATS) common/base/check.c)
$(call unit,ipc/test_spool,$(SCHEMA) common/ipc/spool.c common/ipc/record_reader.c common/base/check.c \
    common/base/memory.c)
$(call unit,ipc/test_child,common/ipc/child.c common/ipc/heritage.c common/base/log.c common/base/threads.c)
$(call unit,ipc/test_heritage,common/ipc/heritage.c common/base/log.c common/base/threads.c)
$(call unit,base/test_threads,common/base/threads.c)
$(call unit,ipc/test_bus,$(BASE) $(IPC_BUS))
EMIT := tests/unit/emit/rig.c $(BASE) $(SRC_ALT_SVC) $(SCHEMA) $(SRC_IPC) $(SRC_BROKER) worker/emit/emit.c \
        worker/emit/events.c worker/emit/taps.c
$(call unit,emit/test_emit,$(EMIT))
$(call unit,emit/test_emit_replay,$(EMIT))
$(call unit,emit/test_events,worker/emit/events.c)
$(call unit,emit/test_taps,worker/emit/taps.c)
$(call unit,flow/test_conn,worker/flow/conn.c $(BASE))
$(call unit,detect/test_detect,worker/detect/detect.c $(BASE))
DNS_READ := worker/parse/dns/dns_message.c worker/parse/dns/dns_rdata.c worker/parse/dns/dns_names.c
DNS := $(DNS_READ) worker/parse/dns/dns.c worker/parse/dns/dns_probe.c \
       worker/parse/dns/dns_answers.c worker/parse/dns/dns_pending.c worker/parse/dns/dns_resolved.c
$(call unit,parse/dns/test_dns_message,$(BASE) worker/parse/dns/dns_message.c)
$(call unit,parse/dns/test_dns_rdata,$(BASE) $(DNS_READ))
$(call unit,parse/dns/test_dns_pending,$(BASE) worker/parse/dns/dns_pending.c)
$(call unit,parse/dns/test_dns_probe,$(BASE) $(DNS_READ) worker/parse/dns/dns_probe.c)
$(call unit,parse/dns/test_dns,$(FAKE_HOST) $(DNS))
$(call unit,parse/dns/test_dns_resolved,$(FAKE_HOST) $(DNS))
HTTP1 := $(SRC_HTTP) $(filter worker/parse/http1/%,$(SRC_WORKER))
$(call unit,parse/http/test_http_mime,worker/parse/http/http_mime.c)
$(call unit,parse/http/test_http_application,worker/parse/http/http_application.c)
$(call unit,parse/http/test_http_entity,$(BASE) \
    $(filter worker/parse/http/http_entity.c %/http_multipart.c %/http_mime.c %/http_inflate.c \
    %/http_filename.c,$(SRC_HTTP)))
$(call unit,parse/http/test_http_redact,worker/parse/http/http_redact.c)
$(call unit,parse/http/test_http_decode,$(BASE) worker/parse/http/http_decode.c \
    worker/parse/http/http_inflate.c)
$(call unit,parse/http1/test_http1_line,worker/parse/http1/http1_probe.c worker/parse/http1/http1_line.c)
HTTP_TALK := $(FAKE_HOST) tests/unit/parse/http/talk.c
HTTP1_TALK := $(HTTP_TALK) $(HTTP1) tests/unit/parse/http1/talk.c
$(call unit,parse/http1/test_http1,$(HTTP1_TALK))
$(call unit,parse/http1/test_http1_broken,$(HTTP1_TALK))
$(call unit,parse/http1/test_http1_switch,$(HTTP1_TALK))
$(call unit,parse/http1/test_http1_exchange,$(HTTP1_TALK))
$(call unit,parse/websocket/test_websocket,$(FAKE_HOST) $(SRC_WEBSOCKET))
SINKS := logger/sink/table.c logger/sink/outbuf.c logger/sink/format.c logger/sink/logfile.c \
         logger/sink/stream.c logger/sink/tsv.c logger/sink/json.c logger/sink/text.c \
         logger/sink/text_exchange.c logger/sink/pcap.c logger/archive.c
SINK_TEST := $(BASE) $(SCHEMA) $(IPC_FORMATS) common/schema/options.c $(SINKS) \
             tests/unit/logger/sink_fixture.c
$(call unit,logger/test_state,$(BASE) $(SCHEMA) logger/state.c)
$(call unit,logger/test_receive,$(filter-out logger/sink/table.c,$(SINK_TEST)) logger/state.c \
                                logger/receive.c logger/notice_filter.c)
$(call unit,logger/test_notice_filter,$(SINK_TEST) logger/notice_filter.c)
$(call unit,logger/test_lines,$(SINK_TEST))
$(call unit,logger/test_logfile,$(SINK_TEST))
$(call unit,logger/test_archive,$(SINK_TEST))
$(call unit,logger/test_rotation,logger/rotation.c)
$(call unit,logger/test_stream,$(SINK_TEST))
$(call unit,logger/test_text_exchange,$(SINK_TEST))
$(call unit,parse/tls/test_tls,$(FAKE_HOST) $(SRC_TLS))
$(call unit,parse/tls/test_tls_quic,$(FAKE_HOST) $(SRC_TLS))
$(call unit,parse/tls/test_tls_session,$(FAKE_HOST) $(SRC_TLS))
$(call unit,parse/tls/test_dtls,$(FAKE_HOST) $(SRC_TLS))
$(call unit,parse/tls/test_dtls_probe,$(SRC_TLS) $(BASE))
$(call unit,parse/tls/test_dtls_fragment,worker/parse/tls/dtls_fragment.c $(BASE))
$(call unit,parse/tls/test_tls_sslv2,$(FAKE_HOST) $(SRC_TLS))
$(call unit,parse/tls/test_tls_probe,$(SRC_TLS) $(BASE))
$(call unit,parse/tls/test_tls_hello,worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c $(BASE))
$(call unit,parse/tls/test_tls_names,worker/parse/tls/tls_names.c)
$(call unit,parse/tls/test_tls_fingerprint,worker/parse/tls/tls_fingerprint.c \
    worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c $(BASE))
$(call unit,parse/tls/test_x509_log,$(FAKE_HOST) worker/parse/tls/x509_log.c \
    worker/parse/tls/x509_parse.c worker/parse/tls/tls_fingerprint.c \
    worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c)
$(call unit,parse/tls/test_tls_memo,worker/parse/tls/tls_memo.c \
    worker/parse/tls/tls_fingerprint.c worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c \
    $(BASE))
$(call unit,parse/tls/test_x509_hash,worker/parse/tls/x509_hash.c \
    worker/parse/tls/tls_fingerprint.c worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c \
    $(BASE))
DECODE := $(filter worker/decode/%,$(SRC_WORKER))
$(call unit,base/test_filter,$(BASE) common/base/filter.c)
$(call unit,decode/test_decode,$(BASE) $(DECODE))
$(call unit,decode/test_link,$(filter worker/decode/link%,$(DECODE)))
$(call unit,decode/test_tunnel_header,$(BASE) $(DECODE))
$(call unit,decode/test_fragments,$(BASE) worker/decode/fragments.c)
PCAP_FILE := $(SRC_PCAP_FILE) common/base/filter.c common/base/pcap_header.c
$(call unit,decode/test_early_hash,$(BASE) $(DECODE) worker/decode/early_hash.c $(PCAP_FILE))
$(call unit,capture/test_pcap_file,tests/unit/capture/file.c $(BASE) $(PCAP_FILE))
$(call unit,capture/test_pcap_input,tests/unit/capture/file.c $(BASE) $(PCAP_FILE))
$(call unit,manager/test_topology,$(SRC_TOPOLOGY) manager/ini_file.c manager/suggest.c manager/text.c common/base/check.c)
$(call unit,manager/test_config,manager/config.c manager/ini_file.c manager/suggest.c manager/text.c \
  common/base/check.c common/base/ipaddr.c common/base/local_nets.c common/schema/options.c \
  common/schema/process_filter.c)
$(call unit,manager/test_sizes,manager/sizes.c common/schema/options.c common/base/check.c)
$(call unit,manager/test_cores,manager/cores.c)
$(call unit,manager/test_numa,manager/numa.c)
$(call unit,manager/test_limits,manager/limits.c $(SRC_TOPOLOGY) manager/ini_file.c manager/suggest.c \
  manager/text.c manager/privileged.c common/schema/options.c common/base/check.c)
$(call unit,manager/test_text,manager/text.c common/base/check.c)
$(call unit,manager/test_supervise,manager/supervise.c common/ipc/heritage.c $(BASE))
PREFILTER := manager/prefilter.c manager/prefilter_maps.c common/base/prefix_table.c
$(call unit,capture/test_af_packet,$(BASE) $(DECODE) common/base/filter.c common/schema/options.c \
  manager/capture/interface.c manager/capture/af_packet.c manager/capture/filter_bpf.c \
  manager/capture/socket_filter.c $(PREFILTER) \
  common/ipc/heritage.c common/base/threads.c worker/capture/af_packet.c $(FLOWS_MAP))
$(call unit,manager/test_run_dir,manager/run_dir.c manager/privileged.c \
              $(BASE))
$(call unit,manager/cli/test_args,manager/cli/args.c manager/suggest.c manager/text.c \
              common/schema/options.c $(BASE))
# All between capture and emit, and a bench to run it on.
PIPELINE := $(BASE) common/ipc/heritage.c common/base/prefix_table.c common/base/local_nets.c $(SCHEMA) $(DECODE) common/schema/options.c \
            worker/pipeline.c worker/tcp.c $(SRC_HOST) $(SRC_CORRELATE) $(SRC_LEARN) $(SRC_SCREEN) \
            worker/detect/detect.c worker/reassembly/reassembly.c worker/emit/frames.c \
            $(filter worker/flow/%,$(SRC_WORKER)) tests/unit/worker/rig.c \
            $(SRC_ALT_SVC) common/ipc/event.c common/ipc/body.c common/ipc/record_reader.c \
            common/ipc/owner.c common/ipc/plaintext.c common/ipc/claim.c
$(call unit,worker/test_host,$(PIPELINE))
$(call unit,worker/test_host_child,$(PIPELINE))
$(call unit,worker/test_host_learn,$(PIPELINE))
$(call unit,worker/test_pipeline,$(PIPELINE))
$(call unit,worker/test_tunnel,$(PIPELINE))
$(call unit,worker/test_stats,worker/stats.c $(PIPELINE))
$(call unit,worker/test_host_plain,$(PIPELINE) $(HTTP1) $(SRC_HTTP2) $(SRC_GRPC) $(SRC_WEBSOCKET))
$(call unit,worker/test_host_claim,$(PIPELINE) $(HTTP1) $(SRC_HTTP2) $(SRC_GRPC) $(SRC_WEBSOCKET))
$(call unit,worker/test_host_unhooked,$(PIPELINE) $(HTTP1) $(SRC_HTTP2) $(SRC_GRPC) $(SRC_WEBSOCKET))
$(call unit,schema/test_settings,common/base/check.c)
$(call unit,schema/test_category,common/schema/category.c)
$(call unit,parse/socks/test_socks,$(FAKE_HOST) $(SRC_SOCKS))
HTTP2 := $(FAKE_HOST) $(SRC_HTTP) $(SRC_HTTP2)
HTTP2_TALK := $(HTTP_TALK) $(HTTP2) tests/unit/parse/http2/talk.c
GRPC := $(FAKE_HOST) $(SRC_GRPC)
$(call unit,parse/http2/test_http2,$(HTTP2_TALK))
$(call unit,parse/http2/test_http2_midstream,$(HTTP2_TALK))
$(call unit,parse/http2/test_http2_broken,$(HTTP2_TALK))
$(call unit,parse/http2/test_http2_exchange,$(HTTP2_TALK))
$(call unit,parse/http2/test_http2_probe,worker/parse/http2/http2_probe.c worker/parse/http2/http2_frame.c)
$(call unit,parse/http2/test_http2_hpack,$(BASE) worker/parse/http2/http2_hpack.c)
$(call unit,parse/grpc/test_grpc,$(GRPC))
$(call unit,parse/starttls/test_starttls,$(FAKE_HOST) $(SRC_STARTTLS))
QUIC_SEAL := tests/unit/parse/quic/seal.c $(SRC_QUIC) $(BASE)
$(call unit,parse/quic/test_quic_protect,$(QUIC_SEAL))
$(call unit,parse/quic/test_quic_packet,$(QUIC_SEAL))
$(call unit,parse/quic/test_quic_frame,$(QUIC_SEAL))
$(call unit,parse/quic/test_quic_parameters,$(QUIC_SEAL))
$(call unit,parse/quic/test_quic_stream,$(BASE) worker/parse/quic/quic_stream.c)
$(call unit,parse/quic/test_quic,$(FAKE_HOST) $(QUIC_SEAL))
$(call unit,parse/quic/test_quic_versions,$(FAKE_HOST) $(QUIC_SEAL))
LEARN_WORKERS := $(BASE) tests/unit/learn/workers.c common/ipc/record_reader.c common/schema/schema.c
$(call unit,learn/test_connections,$(LEARN_WORKERS) worker/learn/connections.c \
    worker/learn/connections_event.c)
$(call unit,learn/test_fence,$(LEARN_WORKERS) worker/learn/fence.c worker/learn/connections.c \
    worker/learn/connections_event.c)
$(call unit,base/test_alt_svc_table,$(BASE) $(SRC_ALT_SVC))
$(call unit,learn/test_alt_svc_value,$(BASE) $(SRC_ALT_SVC) worker/learn/alt_svc_value.c)
$(call unit,screen/test_screen,$(SRC_SCREEN) common/schema/options.c $(BASE))
$(call unit,screen/test_screen_table,worker/screen/screen_table.c $(BASE))
$(call unit,worker/test_host_notice,$(PIPELINE))
ALT_SVC := $(BASE) $(SCHEMA) $(SRC_ALT_SVC) common/ipc/event.c common/ipc/body.c common/ipc/record_reader.c
$(call unit,ipc/test_event,$(ALT_SVC))
$(call unit,manager/test_learned,$(ALT_SVC) manager/learned_file.c manager/learned_print.c manager/text.c)
$(call unit,learn/test_alt_svc,$(ALT_SVC) $(SRC_LEARN) common/schema/options.c)
$(call unit,learn/test_learn,$(ALT_SVC) $(SRC_LEARN) common/schema/options.c)
NAMES := $(BASE) worker/learn/names.c worker/learn/names_event.c common/ipc/record_reader.c \
         common/schema/schema.c
$(call unit,learn/test_names,$(LEARN_WORKERS) $(NAMES))
PLAINTEXT := common/ipc/plaintext.c common/ipc/body.c common/ipc/record_reader.c \
             common/schema/schema.c common/base/check.c
$(call unit,ipc/test_plaintext,$(PLAINTEXT))
$(call unit,ipc/test_owner,$(PLAINTEXT) common/ipc/owner.c)
CLAIM := common/ipc/claim.c common/ipc/body.c common/ipc/record_reader.c common/schema/schema.c \
         common/base/check.c
$(call unit,ipc/test_claim,$(CLAIM))
$(call unit,ipc/test_plaintext_socket,common/ipc/plaintext_socket.c common/ipc/bus_socket.c $(BASE))
$(call unit,schema/test_process_filter,common/schema/process_filter.c common/schema/options.c \
    common/base/local_nets.c $(BASE))
$(call unit,manager/test_status,manager/status.c $(SRC_TOPOLOGY) manager/ini_file.c manager/suggest.c \
    manager/text.c common/schema/options.c $(SCHEMA) $(BASE))
$(call unit,manager/test_rx_mode,manager/rx_mode.c $(SRC_TOPOLOGY) manager/ini_file.c manager/suggest.c \
    manager/text.c common/schema/options.c common/base/log.c common/base/check.c)
ifdef BPF_SKEL
$(call unit,bpf/test_fanout,$(BASE) $(DECODE))
$(call unit,bpf/test_shunt,common/base/ipaddr.c)
KERNEL_BENCH := $(BASE) $(SRC_PROBE_KERNEL) tests/unit/probe/kernel_bench.c tests/unit/probe/fake_ssl.c
$(call unit,probe/test_kernel,$(KERNEL_BENCH))
$(call unit,probe/test_kernel_flows,$(KERNEL_BENCH))
$(call unit,probe/test_kernel_process,$(KERNEL_BENCH))
$(call unit,probe/test_kernel_ring,$(KERNEL_BENCH))
endif
$(call unit,probe/test_images,worker/probe/images.c worker/probe/lru.c common/base/check.c)
$(call unit,probe/test_lru,worker/probe/lru.c common/base/check.c)
$(call unit,probe/test_process,worker/probe/process.c worker/probe/lru.c common/base/check.c)
$(call unit,probe/test_route,worker/probe/route.c)
$(call unit,probe/test_outbox,worker/probe/outbox.c $(PLAINTEXT))
$(call unit,probe/test_pending,worker/probe/pending.c $(BASE))
$(call unit,probe/test_claims,worker/probe/claims.c worker/probe/lru.c $(CLAIM))
SESSIONS := worker/probe/sessions.c worker/probe/pending.c worker/probe/claims.c \
            worker/probe/process.c worker/probe/lru.c worker/probe/route.c common/ipc/claim.c \
            common/ipc/body.c common/ipc/record_reader.c common/schema/schema.c $(BASE)
$(call unit,probe/test_sessions,$(SESSIONS))
$(call unit,probe/test_sessions_claims,$(SESSIONS))
$(call unit,plaintext/test_plaintext,worker/plaintext/plaintext.c $(PLAINTEXT) common/base/log.c)
$(call unit,correlate/test_latency,worker/correlate/latency.c)
$(call unit,correlate/test_correlate,$(SRC_CORRELATE) common/schema/options.c $(BASE))
$(call unit,probe/test_plan_list,$(BASE) $(SRC_PROBE_IMAGES))
ELF_IMAGE := worker/probe/elf_image.c worker/probe/elf_image_go.c common/base/check.c
ELF_BUILT := tests/unit/probe/elf_builder.c $(ELF_IMAGE)
PLAN := $(ELF_IMAGE) $(PROBE_CODE) worker/probe/site.c worker/probe/plan.c worker/probe/table.c \
        $(filter worker/probe/lib_%,$(SRC_PROBE_IMAGES))
$(call unit,probe/test_elf_image,$(ELF_BUILT))
$(call unit,probe/test_elf_image_go,$(ELF_BUILT))
$(call unit,probe/test_site,$(PROBE_CODE) worker/probe/site.c $(ELF_BUILT))
$(call unit,probe/test_plan,tests/unit/probe/elf_builder.c $(PLAN))
$(call unit,probe/test_hooking,tests/unit/probe/elf_builder.c $(PLAN) worker/probe/hooking.c \
    worker/probe/images.c worker/probe/lru.c)
$(call unit,probe/test_owners,worker/probe/owners.c worker/probe/images.c worker/probe/lru.c \
    worker/probe/process.c $(ELF_IMAGE) common/ipc/owner.c $(PLAINTEXT))
$(call unit,probe/test_probe,tests/unit/probe/probe_bench.c tests/unit/probe/elf_builder.c $(PLAN) \
    $(filter-out %/log.c,$(SESSIONS)) \
    worker/probe/probe.c worker/probe/hooking.c worker/probe/images.c worker/probe/outbox.c \
    worker/probe/owners.c common/ipc/owner.c common/ipc/plaintext.c common/base/local_nets.c \
    common/schema/options.c common/schema/process_filter.c)
$(call unit,probe/test_discover,worker/probe/discover.c worker/probe/perf.c common/base/check.c \
    common/base/log.c)
$(call unit,manager/capture/test_filter_bpf,manager/capture/filter_bpf.c common/base/filter.c $(BASE))
$(call unit,manager/test_ethtool,manager/ethtool.c)
$(call unit,manager/capture/test_link,manager/capture/link.c manager/capture/interface.c $(BASE))
$(call unit,worker/test_shunt,$(PIPELINE))
$(call unit,worker/test_shunt_blind,$(PIPELINE))
$(call unit,base/test_prefix_table,common/base/prefix_table.c common/base/ipaddr.c)
ifdef SRC_XDP
$(call unit,manager/capture/test_tc_attach,manager/capture/tc_attach.c manager/capture/interface.c \
  common/base/log.c)
$(call unit,manager/capture/test_xdp_guard,$(SRC_XDP) manager/capture/interface.c $(BASE))
$(call unit,capture/test_af_xdp,$(BASE) $(DECODE) common/base/filter.c common/schema/options.c \
  common/ipc/heritage.c common/base/threads.c manager/capture/interface.c \
  manager/capture/host_use.c manager/ethtool.c $(SRC_XDP) $(SRC_AF_XDP) \
  $(PREFILTER) \
  worker/capture/af_xdp.c $(FLOWS_MAP))
$(call unit,ipc/test_dpdk_orders,common/ipc/dpdk_orders.c common/base/check.c)
$(call unit,capture/test_dpdk_clock,worker/capture/dpdk_clock.c)
$(call unit,capture/test_dpdk_args,worker/capture/dpdk_args.c common/base/check.c)
$(call unit,manager/capture/test_dpdk_device,manager/capture/dpdk_device.c)
$(call unit,manager/capture/test_dpdk_sizes,manager/capture/dpdk_sizes.c)
$(call unit,manager/capture/test_dpdk_leftover,manager/capture/dpdk_leftover.c common/base/log.c)
$(call unit,manager/test_topology_ports,$(SRC_TOPOLOGY) manager/ini_file.c manager/suggest.c \
  manager/text.c common/base/check.c)
$(call unit,manager/capture/test_dpdk_pci,manager/capture/dpdk_pci.c)
ifdef SRC_MODE_DPDK
$(call unit,capture/test_dpdk_rss,worker/capture/dpdk_rss.c)
$(call unit,capture/test_dpdk_interrupt,worker/capture/dpdk_interrupt.c)
$(call unit,capture/test_dpdk_rule,tests/unit/capture/dpdk_card.c worker/capture/dpdk_rule.c $(BASE))
$(call unit,capture/test_dpdk_flow,tests/unit/capture/dpdk_card.c worker/capture/dpdk_flow.c \
  worker/capture/dpdk_rules.c worker/capture/dpdk_rule.c common/ipc/dpdk_orders.c \
  common/ipc/dpdk_share.c common/ipc/heritage.c $(BASE))
$(call unit,capture/test_dpdk_flow_owner,tests/unit/capture/dpdk_card.c worker/capture/dpdk_flow.c \
  worker/capture/dpdk_rules.c worker/capture/dpdk_rule.c common/ipc/dpdk_orders.c $(BASE))
$(call unit,capture/test_dpdk_power,worker/capture/dpdk_power.c manager/cpufreq.c common/base/log.c)
endif
$(call unit,worker/test_wait,worker/wait.c)
$(call unit,bpf/test_af_xdp,$(BASE) $(DECODE))
$(call unit,bpf/test_xdp,$(BASE) $(DECODE))
$(call unit,bpf/test_xdp_tunnel,$(BASE) $(DECODE))
$(call unit,capture/test_xdp,$(BASE) common/base/filter.c $(FLOWS_MAP) worker/capture/xdp.c)
$(call unit,capture/test_flows_map,$(FLOWS_MAP) common/base/log.c)
$(call unit,manager/capture/test_host_use,manager/capture/host_use.c)
endif
$(call unit,manager/cli/test_top,manager/cli/top_sample.c manager/cli/top_view.c manager/text.c \
  common/schema/schema.c common/base/check.c)
$(call unit,manager/doctor/test_doctor,$(DOCTOR_CHECKS) $(SRC_TOPOLOGY) manager/ini_file.c \
  manager/suggest.c manager/text.c manager/ethtool.c manager/sizes.c manager/folder.c \
  manager/limits.c manager/privileged.c common/schema/options.c common/base/check.c)
$(call unit,worker/test_prefilter,$(PIPELINE))
$(call unit,ipc/test_frame_ring,$(BASE) common/ipc/heritage.c common/ipc/frame_ring.c)
$(call unit,manager/capture/test_shared_file,$(BASE) manager/capture/shared_file.c \
    common/base/pcap_header.c common/ipc/heritage.c common/ipc/frame_ring.c)
$(call unit,reader/test_reader,$(BASE) $(PCAP_FILE) $(SRC_EARLY_HASH) $(READER_IPC) \
    worker/reader/reader.c worker/reader/spread.c worker/reader/turn.c worker/reader/shared_file.c)
$(call unit,reader/test_turn,$(BASE) $(PCAP_FILE) $(SRC_EARLY_HASH) $(READER_IPC) \
    worker/reader/spread.c worker/reader/turn.c worker/reader/shared_file.c)
# (unit tests: add above this line)

# --- fuzz targets: tests/fuzz/<name>.c linked with the sources ------------------------------------

define FUZZ
build/fuzz/bin/$(1): $(call objs,fuzz,tests/fuzz/$(1).c $(2)) \
                     $(if $(findstring http1,$(1)$(2)),$(call llhttp_objs,fuzz))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$(CLANG) -fsanitize=fuzzer,address,undefined -o $$@ $$^ $$(LIBS_test)
fuzzers += build/fuzz/bin/$(1)
endef
fuzz_target = $(eval $(call FUZZ,$(1),$(2)))

$(call fuzz_target,fuzz_message,$(SCHEMA) $(IPC_FORMATS) common/base/check.c)
$(call fuzz_target,fuzz_record_reader,$(SCHEMA) common/ipc/record_reader.c common/base/check.c)
$(call fuzz_target,fuzz_reassembly,worker/reassembly/reassembly.c $(BASE))
$(call fuzz_target,fuzz_dns,$(FAKE_HOST) $(DNS))
$(call fuzz_target,fuzz_http1,$(FAKE_HOST) $(HTTP1))
$(call fuzz_target,fuzz_http_decode,$(BASE) worker/parse/http/http_decode.c \
    worker/parse/http/http_inflate.c worker/parse/http/http_redact.c)
$(call fuzz_target,fuzz_websocket,$(FAKE_HOST) $(SRC_WEBSOCKET))
$(call fuzz_target,fuzz_tls,$(FAKE_HOST) $(SRC_TLS))
$(call fuzz_target,fuzz_dtls,$(FAKE_HOST) $(SRC_TLS))
$(call fuzz_target,fuzz_x509,$(FAKE_HOST) worker/parse/tls/x509_log.c \
    worker/parse/tls/x509_parse.c worker/parse/tls/tls_fingerprint.c \
    worker/parse/tls/tls_hello.c worker/parse/tls/tls_names.c)
$(call fuzz_target,fuzz_pcap_file,$(filter-out %/log.c,$(BASE)) $(PCAP_FILE))
$(call fuzz_target,fuzz_decode,$(BASE) $(DECODE))
$(call fuzz_target,fuzz_early_hash,$(BASE) $(DECODE) worker/decode/early_hash.c)
$(call fuzz_target,fuzz_fragments,$(BASE) worker/decode/fragments.c)
$(call fuzz_target,fuzz_sink,$(SINK_TEST) logger/notice_filter.c)
$(call fuzz_target,fuzz_topology,$(SRC_TOPOLOGY) manager/config.c manager/ini_file.c \
  manager/suggest.c manager/text.c common/base/check.c common/base/ipaddr.c \
  common/base/local_nets.c common/schema/options.c common/schema/process_filter.c)
# Every analyzer in its place.
PARSERS := $(filter worker/parse/%,$(SRC_WORKER))
$(call fuzz_target,fuzz_pipeline,$(PIPELINE) $(PARSERS))
$(call fuzz_target,fuzz_host_plain,$(PIPELINE) $(PARSERS))
$(call fuzz_target,fuzz_socks,$(FAKE_HOST) $(SRC_SOCKS))
$(call fuzz_target,fuzz_starttls,$(FAKE_HOST) $(SRC_STARTTLS))
$(call fuzz_target,fuzz_http2,$(HTTP2))
$(call fuzz_target,fuzz_grpc,$(GRPC))
$(call fuzz_target,fuzz_alt_svc,$(ALT_SVC) worker/learn/alt_svc_value.c)
$(call fuzz_target,fuzz_event,$(ALT_SVC) common/ipc/claim.c)
$(call fuzz_target,fuzz_quic,$(FAKE_HOST) $(QUIC_SEAL) worker/learn/connections_event.c \
    common/ipc/record_reader.c)
$(call fuzz_target,fuzz_names,$(NAMES))
$(call fuzz_target,fuzz_fence,$(BASE) worker/learn/fence.c worker/learn/connections.c \
    worker/learn/connections_event.c common/ipc/record_reader.c common/schema/schema.c)
$(call fuzz_target,fuzz_plaintext,$(PLAINTEXT) common/ipc/owner.c)
$(call fuzz_target,fuzz_elf,tests/unit/probe/elf_builder.c $(PLAN))
$(call fuzz_target,fuzz_site,$(PROBE_CODE) worker/probe/site.c $(ELF_IMAGE))
$(call fuzz_target,fuzz_prefix_table,common/base/prefix_table.c common/base/ipaddr.c common/base/check.c)
ifdef SRC_MODE_DPDK
$(call fuzz_target,fuzz_dpdk_orders,$(BASE) common/ipc/dpdk_orders.c worker/capture/dpdk_rules.c \
  worker/capture/dpdk_rule.c)
endif
# (fuzz targets: add above this line)

# --- targets --------------------------------------------------------------------------------------

.PHONY: all release pgo debug asan check test unit golden golden-asan cluster-test fuzz bench \
        bench-live bench-scale bench-plaintext bench-shunt bench-probe conformance demo deps docs \
        install uninstall clean units fuzzers tools

units: $(units_debug) $(units_asan)
fuzzers: $(fuzzers)

# Programs that tests and benchmarks use beside the commands.
build/tools/%: tests/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -g -o $@ $< $(call pc_libs,libpcap) $(call pc_libs,libzmq)
TOOLS := build/tools/bench/bare build/tools/bench/send build/tools/cluster/tap
TLS_CLIENT := tests/cluster/plaintext_client.c tests/cluster/plaintext_client.h
tls_client = $(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -o $@ $(filter %.c,$^)
# A client linked as programs commonly are, and as one whose library has no symbols.
ifneq ($(shell pkg-config --exists wolfssl && echo y),)
build/tools/cluster/wolfclient: tests/cluster/plaintext_wolfssl.c $(TLS_CLIENT) Makefile
	@mkdir -p $(@D)
	$(tls_client) $(call pc_libs,wolfssl)
build/tools/cluster/wolfbare: tests/cluster/plaintext_wolfssl.c $(TLS_CLIENT) Makefile
	@mkdir -p $(@D)
	$(tls_client) -s -static $(call pc_libs,wolfssl) -lm \
	    2>/dev/null # of getaddrinfo, which is not called
TOOLS += build/tools/cluster/wolfclient
ifneq ($(shell $(CC) -print-file-name=libwolfssl.a),libwolfssl.a)
TOOLS += build/tools/cluster/wolfbare
endif
endif
# The worker's stages between capture and emit, as the pipeline's tests have them.
build/tools/bench/core: $(call objs,release,tests/bench/core.c $(PIPELINE) $(PARSERS)) \
                        $(call llhttp_objs,release)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_release) -o $@ $^ $(LIBS_worker)
TOOLS += build/tools/bench/core
# What the plaintext view is measured with: a client, and a server for each library that has no program.
https = $(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -pthread -o $@ $<
build/tools/bench/https_load: tests/bench/https_load.c Makefile
	@mkdir -p $(@D)
	$(https) $(call pc_libs,libssl) $(call pc_libs,libcrypto)
TOOLS += build/tools/bench/https_load
ifneq ($(shell pkg-config --exists gnutls && echo y),)
build/tools/bench/https_gnutls: tests/bench/https_server.c Makefile
	@mkdir -p $(@D)
	$(https) $(call pc_libs,gnutls)
TOOLS += build/tools/bench/https_gnutls
endif
ifneq ($(shell pkg-config --exists wolfssl && echo y),)
build/tools/bench/https_wolfssl: tests/bench/https_server.c Makefile
	@mkdir -p $(@D)
	$(https) -DWITH_WOLFSSL $(call pc_libs,wolfssl)
TOOLS += build/tools/bench/https_wolfssl
endif
ifdef BPF_SKEL
build/tools/%.bpf.o: tests/%.bpf.c $(wildcard bpf/*.h) Makefile
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -target bpf -Wall -Werror -D__BPF__ -I. -c -o $@ $<
TOOLS += build/tools/cluster/lossy.bpf.o build/tools/cluster/mirror.bpf.o \
         build/tools/cluster/pass.bpf.o build/tools/cluster/trunk.bpf.o build/tools/bench/drop.bpf.o
build/tools/bench/wire.skel.h: tests/bench/wire.bpf.c tests/bench/wire.h bpf/stubs.h Makefile
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -target bpf -mcpu=v3 -Wall -Werror -D__BPF__ -I. -c -o $(@D)/wire.bpf.o $<
	$(BPFTOOL) gen skeleton $(@D)/wire.bpf.o name wire_bpf > $@.tmp && mv $@.tmp $@
build/tools/bench/wire: tests/bench/wire.c build/tools/bench/wire.skel.h tests/bench/wire.h
	$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -g -I. -isystem $(@D) -o $@ $< $(call pc_libs,libpcap) $(call pc_libs,libbpf)
TOOLS += build/tools/bench/wire
endif
ifdef SRC_MODE_DPDK
build/tools/cluster/dpdk_card.so: tests/cluster/dpdk_card.c tests/unit/capture/dpdk_card.c \
                                  tests/unit/capture/dpdk_card.h Makefile
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -I. $(DPDK_CFLAGS) $(WARN) -O2 -g -fPIC -shared -o $@ $(filter %.c,$^) \
	  $(call pc_libs,libpcap)
TOOLS += build/tools/cluster/dpdk_card.so
endif
ifneq ($(shell pkg-config --exists gnutls && echo y),)
build/tools/cluster/gnutlsclient: tests/cluster/plaintext_gnutls.c $(TLS_CLIENT) Makefile
	@mkdir -p $(@D)
	$(tls_client) $(call pc_libs,gnutls)
TOOLS += build/tools/cluster/gnutlsclient
endif
tools: $(TOOLS)
# Needs libssl.
build/tools/bench/probe_cost: $(call objs,release,tests/bench/probe_cost.c $(SRC_PROBE_IMAGES) \
                                $(SRC_PROBE_KERNEL) $(COMMON))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_release) -o $@ $^ $(LIBS_probe) $(call pc_libs,libssl) $(call pc_libs,libcrypto)

deps:
	@tests/deps.sh

check: export CHECK_FLAGS = $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(DPDK_CFLAGS)
check: export CHECK_DOCS = $(DOCS)
check: release
	@tests/check/run.sh

unit: units
	@tests/run-units.sh $(units_debug) $(units_asan)

golden: release
	@tests/golden/run.sh $(BIN_release)
golden-asan: asan
	@tests/golden/run.sh $(BIN_asan)

cluster-test: release tools
	@tests/cluster/run.sh

fuzz: fuzzers
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(fuzzers)

test: deps
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh

bench: release tools
	@tests/bench/run.py
bench-scale: release tools
	@tests/bench/scale.py
bench-live: release tools
	@tests/bench/live.sh
	@tests/bench/rates.py
	@tests/bench/rates.py --traffic bulk
bench-plaintext: release tools
	@tests/bench/plaintext.sh
bench-shunt: release tools
	@tests/bench/shunt.sh
bench-probe: build/tools/bench/probe_cost
	@tests/bench/bench.py
	@$<

conformance: release
	@tests/conformance.sh

demo: deps
	@$(MAKE) -s -j2 release
	@tests/demo.sh

# What is printed from the .def tables: which table, and the file it is.
DOCS := options-md:docs/options.md counters-md:docs/counters.md records-md:docs/records.md \
        weirds-md:docs/weirds.md notices-md:docs/notices.md errors-md:docs/errors.md options-man:docs/man/spliff.cfg.5 options-cfg:etc/spliff.cfg
docs: release
	@for d in $(DOCS); do $(BIN_release)/spliff-cluster docs $${d%:*} > $${d#*:} || exit 1; done

# --- installing -----------------------------------------------------------------------------------

BINDIR     := $(DESTDIR)$(PREFIX)/bin
LIBEXECDIR := $(DESTDIR)$(PREFIX)/libexec/spliff
ETCDIR     := $(DESTDIR)$(PREFIX:/usr=)/etc/spliff
UNITDIR    := $(DESTDIR)$(PREFIX)/lib/systemd/system
MANDIR     := $(DESTDIR)$(PREFIX)/share/man
DOCDIR     := $(DESTDIR)$(PREFIX)/share/doc/spliff

# Configuration that is there already is the user's: it stays. The user that workers run as is made
# only on the machine itself, not in a package's staging folder.
install: release
	install -d $(BINDIR) $(LIBEXECDIR) $(ETCDIR) $(UNITDIR) $(MANDIR)/man5 $(MANDIR)/man8 $(DOCDIR)
	install -m 755 $(BIN_release)/spliff-cluster $(BINDIR)
	install -m 755 $(filter-out %/spliff-cluster,$(commands_release)) $(LIBEXECDIR)
	for f in node.cfg spliff.cfg; do \
	    [ -e $(ETCDIR)/$$f ] || install -m 644 etc/$$f $(ETCDIR)/$$f; done
	sed 's|/usr/local|$(PREFIX)|g' etc/spliff.service > $(UNITDIR)/spliff.service
	sed 's|/usr/local|$(PREFIX)|g' etc/supervisor.conf > $(DOCDIR)/supervisor.conf
	install -m 644 docs/man/*.5 $(MANDIR)/man5
	install -m 644 docs/man/*.8 $(MANDIR)/man8
	install -m 644 README.md LICENSE docs/*.md $(DOCDIR)
ifeq ($(DESTDIR),)
	@[ "$$(id -u)" -ne 0 ] || getent passwd spliff >/dev/null || \
	    useradd --system --user-group --home-dir / --no-create-home --shell /usr/sbin/nologin spliff
endif

# Leaves configuration, logs and the user: they may still be wanted.
uninstall:
	rm -f $(BINDIR)/spliff-cluster $(UNITDIR)/spliff.service
	rm -f $(patsubst docs/man/%,$(MANDIR)/man5/%,$(wildcard docs/man/*.5))
	rm -f $(patsubst docs/man/%,$(MANDIR)/man8/%,$(wildcard docs/man/*.8))
	rm -rf $(LIBEXECDIR) $(DOCDIR)
	@echo "$(ETCDIR) is left as it is"

clean:
	rm -rf build

-include $(shell find build -name '*.d' 2>/dev/null)

#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what building, testing and the demo need: on Debian by apt-get, and only what is missing.
# Elsewhere it names the packages and leaves the choice to the user.
set -u

BUILD="gcc make pkg-config libc6-dev clang bpftool libbpf-dev libxdp-dev libzmq3-dev libuv1-dev
       libinih-dev libpcap-dev libssl-dev zlib1g-dev node-llhttp libnghttp2-dev
       libcapstone-dev libbrotli-dev libzstd-dev libdpdk-dev"
TEST="git python3 libcmocka-dev libmsgpack-dev libclang-rt-dev clang-format clang-tidy cppcheck nginx-light curl
      dnsmasq-base bind9-dnsutils tcpdump openssl iproute2 ethtool procps util-linux netcat-openbsd
      supervisor wrk nghttp2-server nghttp2-client ngtcp2-server ngtcp2-client python3-grpcio zstd
      python3-websockets microsocks
      golang-go nodejs wget gnutls-bin libgnutls28-dev libnss3-tools libwolfssl-dev
      firefox-esr python3-h2"

UBUNTU="build-essential pkg-config clang linux-tools-generic libbpf-dev libxdp-dev libzmq3-dev
  libuv1-dev libinih-dev libpcap-dev libssl-dev zlib1g-dev libllhttp-dev libnghttp2-dev
  libcapstone-dev libbrotli-dev libzstd-dev libdpdk-dev
  git python3 libcmocka-dev libmsgpack-c-dev libclang-rt-dev clang-format clang-tidy cppcheck nginx-light curl
  dnsmasq-base bind9-dnsutils tcpdump openssl iproute2 ethtool netcat-openbsd supervisor wrk zstd
  golang-go nodejs wget gnutls-bin libgnutls28-dev libnss3-tools libwolfssl-dev python3-h2"
FEDORA="gcc make pkgconf clang bpftool libbpf-devel libxdp-devel zeromq-devel libuv-devel
  inih-devel libpcap-devel openssl-devel zlib-devel llhttp-devel libnghttp2-devel
  capstone-devel brotli-devel libzstd-devel dpdk-devel
  git python3 libcmocka-devel msgpack-c-devel compiler-rt clang-tools-extra cppcheck nginx curl dnsmasq bind-utils
  tcpdump openssl iproute ethtool procps-ng util-linux nmap-ncat supervisor wrk zstd
  golang nodejs wget gnutls-utils gnutls-devel nss-tools firefox python3-h2"

ID=unknown
[ -r /etc/os-release ] && . /etc/os-release

if [ "$ID" != debian ]; then
    if pkg-config --exists libzmq libuv inih libpcap libcrypto libnghttp2 cmocka 2>/dev/null; then
        exit 0 # what the compiler needs is here; each test says itself what else it misses
    fi
    case "$ID" in
    ubuntu) printf 'deps: install with: apt-get install %s\n' "$(echo $UBUNTU)" ;;
    fedora) printf 'deps: install with: dnf install %s\n' "$(echo $FEDORA)" ;;
    *)
        printf 'deps: install these packages (named as in Ubuntu): %s\n' "$(echo $UBUNTU)"
        printf 'deps: (named as in Fedora): %s\n' "$(echo $FEDORA)"
        ;;
    esac
    exit 1
fi

missing=()
for package in $BUILD $TEST; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    printf 'deps: missing packages; as root: apt-get install -y %s\n' "${missing[*]}" >&2
    exit 1
fi

# Servers among the packages are for the tests' own use: none is to be started on this host. A policy
# that the machine already has stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
printf 'deps: installing %s\n' "${missing[*]}"
apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"

# SPDX-License-Identifier: BSD-3-Clause
# Sourced after lib.sh: a link between two network namespaces of its own, and real servers at one end.
# The golden captures, the cluster tests, the live benchmark and the demo all make their traffic here.
#
#   client  192.0.2.1, 2001:db8::1  ── cl0 ═ sv0 ──  192.0.2.2, 2001:db8::2  servers
#
# Needs root. net_down takes away all that was made, also from a trap.

NET_CLIENT=spliff-c-$$
NET_SERVER=spliff-s-$$
NET_PIDS=()
SERVER4=192.0.2.2
SERVER6=2001:db8::2

client() { ip netns exec "$NET_CLIENT" "$@"; }
server() { ip netns exec "$NET_SERVER" "$@"; }

# Why no namespace can be made here; nothing if one can.
net_missing() {
    [ "$(id -u)" -eq 0 ] || { echo 'needs root'; return; }
    if ! ip netns add spliff-try-$$ 2>/dev/null; then
        echo 'this machine does not let us make network namespaces'
        return
    fi
    ip netns del spliff-try-$$
}

net_up() {
    ip netns add "$NET_CLIENT" && ip netns add "$NET_SERVER" && net_link
}

# The link alone: also another one, when the first was removed.
net_link() {
    ip link add cl0 netns "$NET_CLIENT" type veth peer name sv0 netns "$NET_SERVER" || return 1
    local ns end address
    for ns in client server; do
        [ $ns = client ] && end=cl0 address=1 || end=sv0 address=2
        $ns sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
        $ns ip link set lo up
        $ns ip addr add 192.0.2.$address/24 dev $end
        $ns ip addr add 2001:db8::$address/64 dev $end nodad
        $ns ip link set $end up
        [ $ns = client ] || wait_for 20 server ip -6 route get 2001:db8::1
    done
}

# net_addresses [NAME]: those of the servers' end, when it was down or elsewhere, and a way to the client.
net_addresses() {
    local end=${1:-sv0}
    server ip addr replace 192.0.2.2/24 dev "$end"
    server ip -6 addr replace 2001:db8::2/64 dev "$end" nodad
    wait_for 20 server ip -6 route get 2001:db8::1
}

# Ends what net_run started, in turn, then the namespaces.
net_down() {
    local pid
    for pid in "${NET_PIDS[@]}"; do
        kill "$pid" 2>/dev/null
    done
    for pid in "${NET_PIDS[@]}"; do
        wait_for 5 eval "! kill -0 $pid" || kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    NET_PIDS=()
    ip netns del "$NET_CLIENT" 2>/dev/null
    ip netns del "$NET_SERVER" 2>/dev/null
    true
}

# net_run COMMAND...: a server in the server's namespace, ended by net_down.
net_run() {
    ip netns exec "$NET_SERVER" "$@" &
    NET_PIDS+=($!)
}

# A certificate authority, a server certificate and a client certificate in DIR; short keys keep the
# captures small, fixed names keep the logs comparable.
make_certificates() {
    local dir=$1 name
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
        -subj '/O=Example/CN=Example CA' -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null || return 1
    for name in www.example.org client.example.org; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=Example/CN=$name" \
            -keyout "$dir/$name.key" -out "$dir/$name.csr" 2>/dev/null
        openssl x509 -req -in "$dir/$name.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
            -CAcreateserial -days 3650 -out "$dir/$name.pem" 2>/dev/null \
            -extfile <(printf 'subjectAltName=DNS:%s,DNS:alt.%s,IP:192.0.2.2\n' $name $name) || return 1
    done
}

# nginx in DIR: HTTP on 80 and 8081, TLS on 443 (1.2 and 1.3) and 8443 (1.2 alone). Each request is
# one line of DIR/access.log: method, URI, status, bytes of the body, pid, port of the client.
start_nginx() {
    local dir=$1
    mkdir -p "$dir/www/files" "$dir/tmp"
    printf 'hello from nginx\n' >"$dir/www/index.html"
    head -c 20000 /dev/zero | tr '\0' a >"$dir/www/files/20k.txt"
    [ -e "$dir/ca.pem" ] || make_certificates "$dir" || return 1
    local paths='' kind
    for kind in client_body proxy fastcgi uwsgi scgi; do
        paths+="${kind}_temp_path $dir/tmp;"
    done
    cat >"$dir/nginx.conf" <<CONF
user root; daemon off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/error.log;
events { worker_connections 4096; }
http {
    $paths
    log_format lines '\$request_method \$request_uri \$status \$body_bytes_sent \$pid \$remote_port';
    access_log $dir/access.log lines;
    default_type text/plain; keepalive_requests 1000000; reset_timedout_connection on;
    root $dir/www;
    ssl_certificate $dir/www.example.org.pem; ssl_certificate_key $dir/www.example.org.key;
    server {
        listen 80 backlog=4096; listen 8081; listen [::]:80;
        listen 443 ssl http2 backlog=4096; listen [::]:443 ssl http2;
        server_name www.example.org;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on;
        location /count/ { return 200 "counted\n"; }
        location /moved { return 301 /index.html; }
        location /post { return 200 "posted\n"; }
        location /x/ { return 200 "answered\n"; }
        location ~ ^/x/.*/20k\$ { alias $dir/www/files/20k.txt; }
        location ~ ^/x/.*/put\$ { proxy_pass http://127.0.0.1:8082; }
        location ~ ^/x/.*/cookie\$ {
            add_header Set-Cookie "id=s3cret-set-cookie; Path=/";
            return 200 "cookie\n";
        }
        location ~ ^/x/.*/missing\$ { return 404; }
    }
    server { listen 127.0.0.1:8082; access_log off; return 200 "taken\n"; }
    server { listen 8443 ssl; ssl_protocols TLSv1.2; ssl_session_cache shared:s:1m; }
}
CONF
    net_run nginx -c "$dir/nginx.conf" -e "$dir/error.log"
    wait_for 20 server curl -sf -o /dev/null http://127.0.0.1/
}

# dnsmasq in DIR, authoritative for example.org.
start_dnsmasq() {
    local dir=$1
    net_run dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --user=root \
        --pid-file="$dir/dnsmasq.pid" --bind-interfaces --interface=sv0 --local=/example.org/ \
        --host-record=www.example.org,192.0.2.2,2001:db8::2 --cname=web.example.org,www.example.org \
        --mx-host=example.org,mail.example.org,10 --txt-record='example.org,v=spf1 -all,second text' \
        --ptr-record=2.2.0.192.in-addr.arpa,www.example.org \
        --srv-host=_http._tcp.example.org,www.example.org,80,1,2 --local-ttl=60
    wait_for 20 client dig +time=1 +tries=1 @$SERVER4 www.example.org
}

# start_gtlsserver DIR PORT OPTION...: HTTP/3 with the documents and the certificate of nginx in DIR.
start_gtlsserver() {
    local dir=$1 port=$2
    shift 2
    net_run gtlsserver -q -d "$dir/www" "$@" $SERVER4 "$port" \
        "$dir/www.example.org.key" "$dir/www.example.org.pem" >/dev/null 2>&1
    wait_for 20 server sh -c "ss -lun | grep -q ':$port '"
}

# h3 PORT PATH OPTION...: one request over HTTP/3, and the connection is closed when it is answered.
h3() {
    local port=$1 path=$2
    shift 2
    client gtlsclient -q --no-quic-dump --no-http-dump --no-pmtud --exit-on-all-streams-close "$@" \
        $SERVER4 "$port" "https://www.example.org$path" >/dev/null 2>&1
}

// SPDX-License-Identifier: BSD-3-Clause
// A server and a client of HTTPS in Node, whose OpenSSL is inside its executable and works on buffers
// in memory. HTTP/1.1 and HTTP/2 on one port.
//
// usage: node tls_peer.js serve ADDRESS PORT CERTIFICATE KEY       a line a request to the output
//        node tls_peer.js ask ADDRESS PORT CONNECTIONS REQUESTS 1|2
//
// A client asks for $OURS/PID/PORT/N, N counting the requests of a connection, of which all are open at
// once; each third request is answered with 20 kB. With HTTP/2 the requests are at once, too.
'use strict';
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const tls = require('tls');

function serve(address, port, certificate, key) {
    const options = {
        cert: fs.readFileSync(certificate), key: fs.readFileSync(key), allowHTTP1: true,
    };
    http2.createSecureServer(options, (request, response) => {
        const large = Number(request.url.split('/').pop()) % 3 === 0;
        const body = large ? 'a'.repeat(20000) : 'answered\n';
        request.resume();
        request.on('end', () => {
            fs.writeSync(1, `${request.method} ${request.url} 200 ${body.length} ${process.pid}\n`);
            response.writeHead(200, { 'content-length': body.length });
            response.end(body);
        });
    }).listen(Number(port), address);
}

const path = (socket, n) => `${process.env.OURS}/${process.pid}/${socket.localPort}/${n}`;

function ask1(agent, socket, n, requests, done) {
    http.get({ agent, host: 'peer', path: path(socket, n) }, (response) => {
        response.resume();
        response.on('end', () => {
            if (n === requests) {
                socket.end();
                done();
            } else {
                // The agent has the socket back a turn later.
                setImmediate(() => ask1(agent, socket, n + 1, requests, done));
            }
        });
    }).on('error', (error) => { throw error; });
}

function ask2(socket, requests, done) {
    const session = http2.connect('https://peer', { createConnection: () => socket });
    let left = requests;
    for (let n = 1; n <= requests; n++) {
        const stream = session.request({ ':path': path(socket, n) });
        stream.resume();
        stream.on('error', (error) => { throw error; });
        stream.on('end', () => {
            if (--left === 0) {
                session.close();
                done();
            }
        });
    }
}

function ask(address, port, connections, requests, version) {
    let left = Number(connections);
    const done = () => { left--; };
    const protocol = version === '2' ? 'h2' : 'http/1.1';
    process.on('exit', (code) => { process.exitCode = code || left; });
    for (let c = 0; c < Number(connections); c++) {
        const socket = tls.connect({
            host: address, port: Number(port), rejectUnauthorized: false, ALPNProtocols: [protocol],
        });
        socket.on('secureConnect', () => {
            if (version === '2') {
                ask2(socket, Number(requests), done);
                return;
            }
            const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
            agent.createConnection = () => socket;
            ask1(agent, socket, 1, Number(requests), done);
        });
    }
}

const [what, ...rest] = process.argv.slice(2);
({ serve, ask })[what](...rest);

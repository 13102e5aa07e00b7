// SPDX-License-Identifier: BSD-3-Clause

// A server of HTTPS for the tests of the plaintext view, HTTP/1.1 and HTTP/2: a line "METHOD PATH
// STATUS BYTES PID PORT-OF-CLIENT" for each request on its standard output, and /bytes/N answered with
// N bytes whose checksum is a header, so that a client sees if anything in this process was disturbed.
//
// usage: server ADDRESS:PORT CERTIFICATE KEY
package main

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

type server struct {
	mutex sync.Mutex
	out   *bufio.Writer
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	got, _ := io.Copy(io.Discard, r.Body)
	n := 16
	if at := strings.LastIndex(r.URL.Path, "/bytes/"); at >= 0 {
		n, _ = strconv.Atoi(strings.SplitN(r.URL.Path[at+len("/bytes/"):], "/", 2)[0])
	}
	s.mutex.Lock()
	fmt.Fprintf(s.out, "%s %s 200 %d %d %s\n", r.Method, r.URL.Path, n, os.Getpid(), port)
	s.mutex.Unlock()
	body := make([]byte, n)
	for i := range body {
		body[i] = byte(i*7 + n)
	}
	w.Header().Set("X-Checksum", fmt.Sprint(crc32.ChecksumIEEE(body)))
	w.Header().Set("X-Received", fmt.Sprint(got))
	w.Write(body)
}

func main() {
	s := &server{out: bufio.NewWriter(os.Stdout)}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[3], s))
	}()
	<-end
	s.mutex.Lock()
	s.out.Flush()
}

// SPDX-License-Identifier: BSD-3-Clause

// A client of the server beside it: several connections at a time, several requests on each, whose
// path carries the local port of the connection: PREFIX/PORT/NUMBER/bytes/SIZE. It checks every
// answer and ends with status 1 if one is not what it should be.
//
// usage: client [OPTION...] URL-WITH-PREFIX
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	connections = flag.Int("connections", 1, "how many in all; 0: until SIGTERM")
	requests    = flag.Int("requests", 1, "on each connection")
	workers     = flag.Int("workers", 1, "connections at a time")
	http2       = flag.Bool("http2", false, "speak HTTP/2")
	size        = flag.Int("size", 100, "bytes of an answer, and of a request of each second one")
	parallel    = flag.Bool("parallel", false, "all requests of a connection at once")
)

var made int64

func request(client *http.Client, target string, number int) error {
	var answer *http.Response
	var err error
	sent := 0
	if number%2 == 1 {
		sent = *size
		answer, err = client.Post(target, "application/octet-stream",
			bytes.NewReader(make([]byte, sent)))
	} else {
		answer, err = client.Get(target)
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if len(body) != *size || answer.Header.Get("X-Received") != fmt.Sprint(sent) ||
		answer.Header.Get("X-Checksum") != fmt.Sprint(crc32.ChecksumIEEE(body)) {
		return fmt.Errorf("%s: %d bytes that are not what was sent", target, len(body))
	}
	if want := 1 + map[bool]int{true: 1}[*http2]; answer.ProtoMajor != want {
		return fmt.Errorf("%s: answered by %s", target, answer.Proto)
	}
	atomic.AddInt64(&made, 1)
	return nil
}

// net/http gives up a connection whose request was not yet told to be written 50 ms after its answer.
var errEnded = errors.New("the connection is not used any more")

// The connection comes first, so that the requests can name its port; it is the only one.
func dial(target *url.URL) (*http.Client, int, error) {
	config := &tls.Config{InsecureSkipVerify: true}
	if *http2 {
		config.NextProtos = []string{"h2"}
	}
	c, err := tls.Dial("tcp", target.Host, config)
	if err != nil {
		return nil, 0, err
	}
	dialled := make(chan net.Conn, 1)
	dialled <- c
	transport := &http.Transport{
		ForceAttemptHTTP2: *http2,
		MaxConnsPerHost:   1,
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			select {
			case c := <-dialled:
				return c, nil
			default:
				return nil, errEnded
			}
		},
	}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	return client, c.LocalAddr().(*net.TCPAddr).Port, nil
}

// Requests from this number on; the number of the first that the connection did not take.
func connection(target *url.URL, from int) (int, error) {
	client, port, err := dial(target)
	if err != nil {
		return from, err
	}
	defer client.CloseIdleConnections()
	one := func(i int) error {
		return request(client, fmt.Sprintf("%s/%d/%d/bytes/%d", target, port, i, *size), i)
	}
	// The first one alone also with -parallel: others would dial, too.
	for first := from; from < *requests && (from == first || !*parallel); from++ {
		if err = one(from); errors.Is(err, errEnded) {
			return from, nil
		} else if err != nil {
			return from, err
		}
	}
	failed := make(chan error, *requests)
	for i := from; i < *requests; i++ {
		go func(i int) { failed <- one(i) }(i)
	}
	for i := from; i < *requests; i++ {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return *requests, err
}

func main() {
	flag.Parse()
	target, err := url.Parse(flag.Arg(0))
	if err != nil || target.Host == "" {
		fmt.Fprintln(os.Stderr, "usage: client [OPTION...] URL-WITH-PREFIX")
		os.Exit(64)
	}
	var group sync.WaitGroup
	var begun, ended int64
	var status int32
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		atomic.StoreInt64(&ended, 1)
	}()
	for i := 0; i < *workers; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for atomic.LoadInt64(&ended) == 0 && atomic.LoadInt32(&status) == 0 {
				if n := atomic.AddInt64(&begun, 1); *connections > 0 && n > int64(*connections) {
					return
				}
				var err error
				for at := 0; at < *requests && err == nil; {
					at, err = connection(target, at)
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, "client:", err)
					atomic.StoreInt32(&status, 1)
				}
			}
		}()
	}
	group.Wait()
	fmt.Println(made)
	os.Exit(int(status))
}

// SPDX-License-Identifier: Apache-2.0

// Go's crypto/tls as a peer: obeys lines on stdin, one answer a line on stdout; see tests/lib/driven.py.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
var groups = map[string]tls.CurveID{"x25519": tls.X25519, "secp256r1": tls.CurveP256,
	"secp384r1": tls.CurveP384, "secp521r1": tls.CurveP521}
var caches = map[string]tls.ClientSessionCache{}

type spec map[string]string

func parse(line string) (string, spec) {
	words := strings.Split(line, "\t")
	s := spec{}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		s[k] = v
	}
	return words[0], s
}

func pool(path string) *x509.CertPool {
	p := x509.NewCertPool()
	text, err := os.ReadFile(path)
	if err != nil || !p.AppendCertsFromPEM(text) {
		panic("no certificates in " + path)
	}
	return p
}

func suiteIDs(names string) (ids []uint16) {
	for _, s := range tls.CipherSuites() {
		for _, n := range strings.Split(names, ",") {
			if s.Name == n {
				ids = append(ids, s.ID)
			}
		}
	}
	return ids
}

func config(s spec) *tls.Config {
	c := &tls.Config{ServerName: s["name"]}
	if v := versions[s["version"]]; v != 0 {
		c.MinVersion, c.MaxVersion = v, v
	} else {
		c.MinVersion = tls.VersionTLS12
	}
	if s["suites"] != "" {
		c.CipherSuites = suiteIDs(s["suites"])
	}
	if s["groups"] != "" {
		for _, g := range strings.Split(s["groups"], ",") {
			c.CurvePreferences = append(c.CurvePreferences, groups[g])
		}
	}
	if s["alpn"] != "" {
		c.NextProtos = strings.Split(s["alpn"], ",")
	}
	if s["cert"] != "" {
		pair, err := tls.LoadX509KeyPair(s["cert"], s["key"])
		if err != nil {
			panic(err)
		}
		if s["staple"] != "" {
			pair.OCSPStaple, _ = os.ReadFile(s["staple"])
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func facts(st tls.ConnectionState, got string) string {
	version := map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"}[st.Version]
	who := ""
	if len(st.PeerCertificates) > 0 {
		who = st.PeerCertificates[0].Subject.CommonName
	}
	return fmt.Sprintf("version=%s\tsuite=%s\tresumed=%d\talpn=%s\tpeer=%s\tstaple=%d\tgot=%s", version,
		tls.CipherSuiteName(st.CipherSuite), map[bool]int{true: 1}[st.DidResume],
		st.NegotiatedProtocol, who, len(st.OCSPResponse),
		strings.NewReplacer("\t", " ", "\r", "", "\n", "|").Replace(got))
}

func failed(err error) string {
	return "ok=0\terror=" + strings.NewReplacer("\t", " ", "\n", " ").Replace(err.Error())
}

func client(s spec) string {
	c := config(s)
	c.RootCAs = pool(s["ca"])
	if s["session"] != "" {
		if caches[s["session"]] == nil {
			caches[s["session"]] = tls.NewLRUClientSessionCache(8)
		}
		c.ClientSessionCache = caches[s["session"]]
	}
	raw, err := net.Dial("tcp", "127.0.0.1:"+s["port"])
	if err != nil {
		return failed(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(20 * time.Second))
	conn := tls.Client(raw, c)
	if err = conn.Handshake(); err != nil {
		return failed(err)
	}
	if _, err = io.WriteString(conn, s["send"]+"\r\n\r\n"); err != nil {
		return failed(err)
	}
	got, err := io.ReadAll(conn) // io.EOF is close_notify; anything else is an error
	if err != nil {
		return failed(err)
	}
	conn.Close()
	return "ok=1\t" + facts(conn.ConnectionState(), string(got))
}

func answer(raw net.Conn, c *tls.Config) {
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(20 * time.Second))
	conn := tls.Server(raw, c)
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s\n", facts(conn.ConnectionState(), ""))
	conn.Close()
	io.Copy(io.Discard, raw)
}

func server(s spec) string {
	c := config(s)
	switch s["auth"] {
	case "want":
		c.ClientAuth = tls.VerifyClientCertIfGiven
	case "need":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if s["auth"] != "" {
		c.ClientCAs = pool(s["ca"])
	}
	c.SessionTicketsDisabled = s["tickets"] == "0"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return failed(err)
	}
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go answer(raw, c)
		}
	}()
	return fmt.Sprintf("ok=1\tport=%d", l.Addr().(*net.TCPAddr).Port)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		verb, s := parse(in.Text())
		if verb == "server" {
			fmt.Println(server(s))
		} else {
			fmt.Println(client(s))
		}
	}
}

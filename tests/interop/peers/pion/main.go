// pion_client is a DTLS client on Pion for the conversations of tests/interop: what comes on standard input goes out as
// one record a read, and each record that arrives goes to standard output. So rawcoap.py drives it like openssl s_client.
//
// Pion writes random explicit nonces.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/pion/dtls/v2"
	"github.com/pion/dtls/v2/pkg/crypto/elliptic"
	"github.com/pion/logging"
)

const longestRecord = 16384 // RFC 5246 6.2.1

var (
	identity   = flag.String("identity", "", "PSK identity")
	psk        = flag.String("psk", "", "PSK in hex; without it, certificates")
	certFile   = flag.String("cert", "", "our certificate, PEM")
	keyFile    = flag.String("cert-key", "", "its key, PEM")
	caFile     = flag.String("ca", "", "CA that the server's certificate must be of, PEM")
	serverName = flag.String("server-name", "", "name to ask for, and to look for in the server's certificate")
)

func fail(what string, err error) {
	// An alert's error type is private to Pion, but it can be encoded: level, description (RFC 5246 7.2).
	var alert interface{ Marshal() ([]byte, error) }
	if errors.As(err, &alert) {
		if encoded, _ := alert.Marshal(); len(encoded) == 2 {
			what = fmt.Sprintf("%s: alert %d from the server", what, encoded[1])
		}
	}
	fmt.Fprintf(os.Stderr, "pion_client: %s: %v\n", what, err)
	os.Exit(1)
}

func check(what string, err error) {
	if err != nil {
		fail(what, err)
	}
}

func pskConfig(config *dtls.Config) {
	key, err := hex.DecodeString(*psk)
	check("-psk", err)
	config.CipherSuites = []dtls.CipherSuiteID{dtls.TLS_PSK_WITH_AES_128_CCM_8}
	config.PSK = func([]byte) ([]byte, error) { return key, nil }
	config.PSKIdentityHint = []byte(*identity)
}

func certificateConfig(config *dtls.Config) {
	config.CipherSuites = []dtls.CipherSuiteID{dtls.TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8}
	config.EllipticCurves = []elliptic.Curve{elliptic.P256}
	ca, err := os.ReadFile(*caFile)
	check("-ca", err)
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM(ca)
	if *certFile != "" {
		certificate, err := tls.LoadX509KeyPair(*certFile, *keyFile)
		check("-cert", err)
		config.Certificates = []tls.Certificate{certificate}
	}
}

// receive copies records to standard output until the server closes.
func receive(connection *dtls.Conn, done chan<- error) {
	record := make([]byte, longestRecord)
	for {
		length, err := connection.Read(record)
		if err == nil {
			_, err = os.Stdout.Write(record[:length])
		}
		if err != nil {
			done <- err
			return
		}
	}
}

// send copies standard input to records until it ends.
func send(connection *dtls.Conn, done chan<- error) {
	record := make([]byte, longestRecord)
	for {
		length, err := os.Stdin.Read(record)
		if err == nil {
			_, err = connection.Write(record[:length])
		}
		if err != nil {
			done <- err
			return
		}
	}
}

func main() {
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: pion_client [OPTION...] HOST PORT")
		flag.PrintDefaults()
		os.Exit(2)
	}
	address, err := net.ResolveUDPAddr("udp", net.JoinHostPort(flag.Arg(0), flag.Arg(1)))
	check("address", err)
	config := dtls.Config{ServerName: *serverName, LoggerFactory: &logging.DefaultLoggerFactory{Writer: os.Stderr}}
	if *psk != "" {
		pskConfig(&config)
	} else {
		certificateConfig(&config)
	}
	connection, err := dtls.Dial("udp", address, &config)
	check("handshake", err)
	fmt.Fprintln(os.Stderr, "connected")

	done := make(chan error, 2)
	go receive(connection, done)
	go send(connection, done)
	err = <-done
	connection.Close()
	if err != io.EOF { // of standard input, or the server's close_notify
		fail("session", err)
	}
}

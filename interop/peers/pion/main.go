// pion/dtls: client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/pion/dtls/v4"
	"github.com/pion/dtls/v4/pkg/protocol"
)

var profiles = map[string]dtls.SRTPProtectionProfile{
	"SRTP_AES128_CM_HMAC_SHA1_80": dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	"SRTP_AES128_CM_HMAC_SHA1_32": dtls.SRTP_AES128_CM_HMAC_SHA1_32,
	"SRTP_AEAD_AES_128_GCM":       dtls.SRTP_AEAD_AES_128_GCM,
	"SRTP_AEAD_AES_256_GCM":       dtls.SRTP_AEAD_AES_256_GCM,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 7 {
		return errors.New("seven arguments are needed")
	}
	role, profile := arguments[0], arguments[3]
	port, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	certificate, err := tls.LoadX509KeyPair(arguments[4], arguments[5])
	if err != nil {
		return err
	}
	version := protocol.Version1_2
	if arguments[2] == "1.3" {
		version = protocol.Version1_3
	}
	options := []dtls.Option{
		dtls.WithCertificates(certificate),
		dtls.WithInsecureSkipVerify(true),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(profiles[profile]),
		dtls.WithMinVersion(version),
		dtls.WithMaxVersion(version),
	}
	connection, err := open(role, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}, options)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := connection.HandshakeContext(limit); err != nil {
		return err
	}
	return tell(connection, profile)
}

func open(role string, address *net.UDPAddr, options []dtls.Option) (*dtls.Conn, error) {
	if role == "client" {
		client := make([]dtls.ClientOption, 0, len(options))
		for _, option := range options {
			client = append(client, option)
		}
		return dtls.Dial("udp", address, client...)
	}
	server := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, option := range options {
		server = append(server, option)
	}
	listener, err := dtls.ListenAddr("udp", address, server...)
	if err != nil {
		return nil, err
	}
	fmt.Println("ready")
	connection, err := listener.Accept()
	if err != nil {
		return nil, err
	}
	return connection.(*dtls.Conn), nil
}

func tell(connection *dtls.Conn, profile string) error {
	if selected, ok := connection.SelectedSRTPProtectionProfile(); ok && selected == profiles[profile] {
		fmt.Println("profile", profile)
	}
	state, ok := connection.ConnectionState()
	if !ok {
		return errors.New("no state")
	}
	length := 60
	switch {
	case strings.HasSuffix(profile, "128_GCM"):
		length = 56
	case strings.HasSuffix(profile, "256_GCM"):
		length = 88
	}
	keys, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, length)
	if err != nil {
		return err
	}
	fmt.Printf("ekm %x\n", keys)
	hash := sha256.Sum256(state.PeerCertificates[0])
	fmt.Println("fingerprint sha-256", strings.ReplaceAll(fmt.Sprintf("% X", hash), " ", ":"))
	time.Sleep(500 * time.Millisecond)
	return nil
}

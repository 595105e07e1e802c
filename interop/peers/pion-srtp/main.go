// pion/srtp over a pipe: PROFILE KEY SALT MKI ROC CRYPTEX, the bytes in hex.
//
// A request is a byte for what to do (bit 0: unprotect, bit 1: RTCP), four for the length, and the
// packet; an answer is a byte for whether it was done, four for the length, and the packet.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"log"
	"os"
	"strconv"

	"github.com/pion/srtp/v3"
)

var profiles = map[string]srtp.ProtectionProfile{
	"SRTP_AES128_CM_HMAC_SHA1_80": srtp.ProtectionProfileAes128CmHmacSha1_80,
	"SRTP_AES128_CM_HMAC_SHA1_32": srtp.ProtectionProfileAes128CmHmacSha1_32,
	"SRTP_AES256_CM_HMAC_SHA1_80": srtp.ProtectionProfileAes256CmHmacSha1_80,
	"SRTP_AES256_CM_HMAC_SHA1_32": srtp.ProtectionProfileAes256CmHmacSha1_32,
	"SRTP_NULL_HMAC_SHA1_80":      srtp.ProtectionProfileNullHmacSha1_80,
	"SRTP_NULL_HMAC_SHA1_32":      srtp.ProtectionProfileNullHmacSha1_32,
	"SRTP_AEAD_AES_128_GCM":       srtp.ProtectionProfileAeadAes128Gcm,
	"SRTP_AEAD_AES_256_GCM":       srtp.ProtectionProfileAeadAes256Gcm,
}

var ssrcs = []uint32{1, 0xdeadbeef, 0x80000000, 0xffffffff}

func check[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func newContext(args []string) *srtp.Context {
	key, salt := check(hex.DecodeString(args[1])), check(hex.DecodeString(args[2]))
	options := []srtp.ContextOption{
		srtp.SRTPReplayProtection(1024),
		srtp.SRTCPReplayProtection(128),
		srtp.MasterKeyIndicator(check(hex.DecodeString(args[3]))),
	}
	if args[5] == "true" {
		options = append(options, srtp.Cryptex(srtp.CryptexModeEnabled))
	}
	context := check(srtp.CreateContext(key, salt, profiles[args[0]], options...))
	if roc := check(strconv.ParseUint(args[4], 10, 32)); roc > 0 {
		for _, ssrc := range ssrcs {
			context.SetROC(ssrc, uint32(roc))
		}
	}
	return context
}

func run(sender, receiver *srtp.Context, what byte, packet []byte) (result []byte, err error) {
	switch what {
	case 0:
		return sender.EncryptRTP(nil, packet, nil)
	case 1:
		return receiver.DecryptRTP(nil, packet, nil)
	case 2:
		return sender.EncryptRTCP(nil, packet, nil)
	default:
		return receiver.DecryptRTCP(nil, packet, nil)
	}
}

func main() {
	sender, receiver := newContext(os.Args[1:]), newContext(os.Args[1:])
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint32(head[1:]))
		check(io.ReadFull(in, packet))
		result, err := run(sender, receiver, head[0], packet)
		head[0] = 1
		if err != nil {
			head[0], result = 0, nil
		}
		binary.BigEndian.PutUint32(head[1:], uint32(len(result)))
		out.Write(head)
		out.Write(result)
		if err := out.Flush(); err != nil {
			return
		}
	}
}

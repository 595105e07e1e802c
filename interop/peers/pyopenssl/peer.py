"""OpenSSL through pyOpenSSL: peer.py client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP"""

import socket
import sys
import time

from OpenSSL import SSL

role, port, _dtls, profile, certificate, key, _group = sys.argv[1:]
LENGTHS = {"SRTP_AEAD_AES_128_GCM": 56, "SRTP_AEAD_AES_256_GCM": 88}


def say(*words):
    print(*words, flush=True)


def flush(connection, sock):
    """The memory BIO is a stream: cut it where the records end."""
    out = b""
    try:
        while True:
            out += connection.bio_read(65536)
    except SSL.WantReadError:
        pass
    while out:
        length = 13 + int.from_bytes(out[11:13], "big")
        sock.send(out[:length])
        out = out[length:]


def handshake(connection, sock):
    while True:
        try:
            connection.do_handshake()
            done = True
        except SSL.WantReadError:
            done = False
        flush(connection, sock)
        if done:
            return
        connection.bio_write(sock.recv(65536))


context = SSL.Context(SSL.DTLS_METHOD)
context.use_certificate_file(certificate)
context.use_privatekey_file(key)
context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
# OpenSSL's names of the CM profiles lack the HMAC.
context.set_tlsext_use_srtp(profile.replace("HMAC_", "").encode())
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(5)
connection = SSL.Connection(context)
connection.set_ciphertext_mtu(1200)
if role == "server":
    sock.bind(("127.0.0.1", int(port)))
    say("ready")
    datagram, address = sock.recvfrom(65536)
    sock.connect(address)
    connection.set_accept_state()
    connection.bio_write(datagram)
else:
    sock.connect(("127.0.0.1", int(port)))
    connection.set_connect_state()
try:
    handshake(connection, sock)
except (SSL.Error, OSError) as error:
    say("error", repr(error))
    sys.exit(1)
selected = connection.get_selected_srtp_profile().decode()
say("profile", profile if selected == profile.replace("HMAC_", "") else selected)
say("ekm", connection.export_keying_material(b"EXTRACTOR-dtls_srtp", LENGTHS.get(profile, 60)).hex())
fingerprint = connection.get_peer_certificate().digest("sha256").decode()
say("fingerprint", "sha-256", fingerprint)
time.sleep(0.5)

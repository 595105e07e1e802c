/* GnuTLS: DTLS 1.2. */
#include <gnutls/crypto.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include "../peer.h"

static void check(const char *what, int code) {
    if (code < 0) fail(what, gnutls_strerror(code));
}

int main(int count, char **arguments) {
    struct peer peer = start(count, arguments);
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    check("credentials", gnutls_certificate_allocate_credentials(&credentials));
    check("certificate", gnutls_certificate_set_x509_key_file(credentials, peer.certificate, peer.key, GNUTLS_X509_FMT_PEM));
    check("init", gnutls_init(&session, (peer.is_server ? GNUTLS_SERVER : GNUTLS_CLIENT) | GNUTLS_DATAGRAM));
    check("priority", gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305", NULL));
    check("set credentials", gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
    if (peer.is_server) gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    check("profile", gnutls_srtp_set_profile_direct(session, peer.profile, NULL));
    gnutls_dtls_set_mtu(session, 1200);
    gnutls_transport_set_int(session, peer.socket);
    gnutls_handshake_set_timeout(session, 5000);

    int code;
    do {
        code = gnutls_handshake(session);
    } while (code < 0 && !gnutls_error_is_fatal(code));
    check("handshake", code);
    gnutls_srtp_profile_t profile;
    check("SRTP", gnutls_srtp_get_selected_profile(session, &profile));
    printf("profile %s\n", gnutls_srtp_get_profile_name(profile));
    unsigned char keys[88], fingerprint[32];
    check("export", gnutls_prf_rfc5705(session, 19, "EXTRACTOR-dtls_srtp", 0, NULL, peer.length, (char *)keys));
    say_hex("ekm", keys, peer.length, "");
    unsigned int certificates;
    const gnutls_datum_t *theirs = gnutls_certificate_get_peers(session, &certificates);
    if (!theirs) fail("certificate", "the peer has none");
    check("hash", gnutls_hash_fast(GNUTLS_DIG_SHA256, theirs->data, theirs->size, fingerprint));
    say_hex("fingerprint sha-256", fingerprint, sizeof fingerprint, ":");
    usleep(500000);
    return 0;
}

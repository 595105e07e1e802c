/* wolfSSL: DTLS 1.2 and 1.3, X25519MLKEM768. */
#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "../peer.h"

static void check(const char *what, int good) {
    if (!good) fail(what, "refused");
}

static int take_any(int good, WOLFSSL_X509_STORE_CTX *store) {
    (void)good, (void)store;
    return 1;
}

static int group_number(const char *name) {
    if (!strcmp(name, "X25519MLKEM768")) return WOLFSSL_X25519MLKEM768;
    return !strcmp(name, "P-256") ? WOLFSSL_ECC_SECP256R1 : WOLFSSL_ECC_X25519;
}

static WOLFSSL_METHOD *method(const struct peer *peer) {
    if (peer->is_server) return peer->is_13 ? wolfDTLSv1_3_server_method() : wolfDTLSv1_2_server_method();
    return peer->is_13 ? wolfDTLSv1_3_client_method() : wolfDTLSv1_2_client_method();
}

int main(int count, char **arguments) {
    struct peer peer = start(count, arguments);
    wolfSSL_Init();
    WOLFSSL_CTX *context = wolfSSL_CTX_new(method(&peer));
    check("certificate", wolfSSL_CTX_use_certificate_chain_file(context, peer.certificate) == WOLFSSL_SUCCESS);
    check("key", wolfSSL_CTX_use_PrivateKey_file(context, peer.key, WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS);
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, take_any);
    /* wolfSSL's names of the CM profiles lack the HMAC. */
    int is_gcm = strstr(peer.profile, "GCM") != NULL, is_80 = strstr(peer.profile, "_80") != NULL;
    const char *profile = is_gcm ? peer.profile : is_80 ? "SRTP_AES128_CM_SHA1_80" : "SRTP_AES128_CM_SHA1_32";
    check("profile", wolfSSL_CTX_set_tlsext_use_srtp(context, profile) == 0);
    WOLFSSL *ssl = wolfSSL_new(context);
    check("MTU", wolfSSL_dtls_set_mtu(ssl, 1200) == WOLFSSL_SUCCESS);
    wolfSSL_KeepArrays(ssl);
    if (peer.is_13) {
        int group = group_number(peer.group);
        check("groups", wolfSSL_set_groups(ssl, &group, 1) == WOLFSSL_SUCCESS);
        if (!peer.is_server) check("key share", wolfSSL_UseKeyShare(ssl, (word16)group) == WOLFSSL_SUCCESS);
        if (peer.is_server) check("fragments", wolfSSL_dtls13_allow_ch_frag(ssl, 1) == WOLFSSL_SUCCESS);
    }
    wolfSSL_set_fd(ssl, peer.socket);
    /* The socket is connected. */
    wolfSSL_dtls_set_using_nonblock(ssl, 0);

    int code = peer.is_server ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl);
    if (code != WOLFSSL_SUCCESS) {
        char why[WOLFSSL_MAX_ERROR_SZ];
        fail("handshake", wolfSSL_ERR_error_string(wolfSSL_get_error(ssl, code), why));
    }
    const WOLFSSL_SRTP_PROTECTION_PROFILE *selected = wolfSSL_get_selected_srtp_profile(ssl);
    if (selected && !strcmp(selected->name, profile)) printf("profile %s\n", peer.profile);
    unsigned char keys[88], fingerprint[32];
    size_t length = peer.length;
    check("export", wolfSSL_export_dtls_srtp_keying_material(ssl, keys, &length) == WOLFSSL_SUCCESS);
    say_hex("ekm", keys, length, "");
    WOLFSSL_X509 *theirs = wolfSSL_get_peer_certificate(ssl);
    if (!theirs) fail("certificate", "the peer has none");
    int der_length;
    const unsigned char *der = wolfSSL_X509_get_der(theirs, &der_length);
    check("hash", wc_Sha256Hash(der, der_length, fingerprint) == 0);
    say_hex("fingerprint sha-256", fingerprint, sizeof fingerprint, ":");
    /* Answers what comes again. */
    struct timeval patience = {.tv_usec = 500000};
    setsockopt(peer.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char bytes[64];
    wolfSSL_read(ssl, bytes, sizeof bytes);
    return 0;
}

/* mbed TLS: DTLS 1.2, without SRTP's AEAD profiles. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>

#include "../peer.h"

static void check(const char *what, int code) {
    char why[128];
    if (code >= 0) return;
    mbedtls_strerror(code, why, sizeof why);
    fail(what, why);
}

/* What the exporter needs (RFC 5705), as this version gives it. */
static struct {
    unsigned char master[48], randoms[64];
    mbedtls_tls_prf_types prf;
} secrets;

static int keep(void *context, const unsigned char *master, const unsigned char *keys, size_t mac, size_t key, size_t iv,
                const unsigned char client[32], const unsigned char server[32], mbedtls_tls_prf_types prf) {
    (void)context, (void)keys, (void)mac, (void)key, (void)iv;
    memcpy(secrets.master, master, 48);
    memcpy(secrets.randoms, client, 32);
    memcpy(secrets.randoms + 32, server, 32);
    secrets.prf = prf;
    return 0;
}

int main(int count, char **arguments) {
    struct peer peer = start(count, arguments);
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_timing_delay_context timer;
    mbedtls_net_context net = {.fd = peer.socket};
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    check("random", mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0));
    check("certificate", mbedtls_x509_crt_parse_file(&certificate, peer.certificate));
    check("key", mbedtls_pk_parse_keyfile(&key, peer.key, NULL));
    int role = peer.is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
    check("defaults", mbedtls_ssl_config_defaults(&config, role, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT));
    mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_authmode(&config, peer.is_server ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    check("own", mbedtls_ssl_conf_own_cert(&config, &certificate, &key));
    mbedtls_ssl_conf_dtls_cookies(&config, NULL, NULL, NULL);
    mbedtls_ssl_conf_export_keys_ext_cb(&config, keep, NULL);
    int is_80 = !strcmp(peer.profile, "SRTP_AES128_CM_HMAC_SHA1_80");
    mbedtls_ssl_srtp_profile profiles[] = {is_80 ? MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80 : MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_32,
                                           MBEDTLS_TLS_SRTP_UNSET};
    check("profile", mbedtls_ssl_conf_dtls_srtp_protection_profiles(&config, profiles));
    check("setup", mbedtls_ssl_setup(&ssl, &config));
    mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
    mbedtls_ssl_set_mtu(&ssl, 1200);
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);

    int code;
    do {
        code = mbedtls_ssl_handshake(&ssl);
    } while (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE);
    check("handshake", code);
    mbedtls_dtls_srtp_info info;
    mbedtls_ssl_get_dtls_srtp_negotiation_result(&ssl, &info);
    if (info.chosen_dtls_srtp_profile == profiles[0]) printf("profile %s\n", peer.profile);
    unsigned char keys[88], fingerprint[32];
    check("export", mbedtls_ssl_tls_prf(secrets.prf, secrets.master, 48, "EXTRACTOR-dtls_srtp", secrets.randoms, 64, keys, peer.length));
    say_hex("ekm", keys, peer.length, "");
    const mbedtls_x509_crt *theirs = mbedtls_ssl_get_peer_cert(&ssl);
    if (!theirs) fail("certificate", "the peer has none");
    check("hash", mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), theirs->raw.p, theirs->raw.len, fingerprint));
    say_hex("fingerprint sha-256", fingerprint, sizeof fingerprint, ":");
    usleep(500000);
    return 0;
}

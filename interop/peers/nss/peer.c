/* NSS: DTLS 1.2, and 1.3 in newer versions. The certificate comes from the database that NSSDB names, where it has the name of its file without
 * the folder and the extension. */
#include <libgen.h>
#include <nss.h>
#include <pk11pub.h>
#include <prerror.h>
#include <private/pprio.h>
#include <ssl.h>
#include <sslexp.h>
#include <sslproto.h>

#include "../peer.h"

static void check(const char *what, SECStatus status) {
    if (status != SECSuccess) fail(what, PR_ErrorToName(PR_GetError()));
}

static SECStatus take_any(void *context, PRFileDesc *descriptor, PRBool check_signature, PRBool is_server) {
    (void)context, (void)descriptor, (void)check_signature, (void)is_server;
    return SECSuccess;
}

static SECStatus give_ours(void *name, PRFileDesc *descriptor, CERTDistNames *names, CERTCertificate **certificate, SECKEYPrivateKey **key) {
    (void)descriptor, (void)names;
    *certificate = PK11_FindCertFromNickname(name, NULL);
    *key = PK11_FindKeyByAnyCert(*certificate, NULL);
    return SECSuccess;
}

static PRUint16 profile_number(const char *name) {
    const char *names[] = {"", "SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AES128_CM_HMAC_SHA1_32", "", "", "", "", "SRTP_AEAD_AES_128_GCM", "SRTP_AEAD_AES_256_GCM"};
    for (PRUint16 number = 1; number < sizeof names / sizeof *names; number++)
        if (!strcmp(names[number], name)) return number;
    return 0;
}

int main(int count, char **arguments) {
    struct peer peer = start(count, arguments);
    check("database", NSS_Init(getenv("NSSDB")));
    NSS_SetDomesticPolicy();
    PRFileDesc *socket = DTLS_ImportFD(NULL, PR_ImportUDPSocket(peer.socket));
    PRUint16 version = peer.is_13 ? SSL_LIBRARY_VERSION_TLS_1_3 : SSL_LIBRARY_VERSION_TLS_1_2;
    SSLVersionRange range = {version, version};
    check("version", SSL_VersionRangeSet(socket, &range));
    PRUint16 profile = profile_number(peer.profile);
    check("profile", SSL_SetSRTPCiphers(socket, &profile, 1));
    check("hook", SSL_AuthCertificateHook(socket, take_any, NULL));
    /* DTLS 1.2 wants the curve of the certificate among the groups. */
    SSLNamedGroup groups[] = {strcmp(peer.group, "P-256") ? ssl_grp_ec_curve25519 : ssl_grp_ec_secp256r1, ssl_grp_ec_secp256r1};
    check("groups", SSL_NamedGroupConfig(socket, groups, strcmp(peer.group, "P-256") ? 2 : 1));
    char name[64];
    snprintf(name, sizeof name, "%s", basename((char *)peer.certificate));
    *strrchr(name, '.') = 0;
    CERTCertificate *certificate = PK11_FindCertFromNickname(name, NULL);
    if (!certificate) fail("certificate", name);
    if (peer.is_server) {
        check("certificate", SSL_ConfigServerCert(socket, certificate, PK11_FindKeyByAnyCert(certificate, NULL), NULL, 0));
        check("request", SSL_OptionSet(socket, SSL_REQUEST_CERTIFICATE, PR_TRUE));
        check("require", SSL_OptionSet(socket, SSL_REQUIRE_CERTIFICATE, PR_TRUE));
    } else {
        check("certificate", SSL_GetClientAuthDataHook(socket, give_ours, name));
        check("name", SSL_SetURL(socket, "localhost"));
    }
    check("no cache", SSL_OptionSet(socket, SSL_NO_CACHE, PR_TRUE));
    check("extended master secret", SSL_OptionSet(socket, SSL_ENABLE_EXTENDED_MASTER_SECRET, PR_TRUE));
    check("start", SSL_ResetHandshake(socket, peer.is_server));
    check("handshake", SSL_ForceHandshakeWithTimeout(socket, PR_SecondsToInterval(5)));

    PRUint16 selected = 0;
    check("SRTP", SSL_GetSRTPCipher(socket, &selected));
    if (selected == profile) printf("profile %s\n", peer.profile);
    unsigned char keys[88], fingerprint[32];
    check("export", SSL_ExportKeyingMaterial(socket, "EXTRACTOR-dtls_srtp", 19, PR_FALSE, NULL, 0, keys, peer.length));
    say_hex("ekm", keys, peer.length, "");
    CERTCertificate *theirs = SSL_PeerCertificate(socket);
    if (!theirs) fail("certificate", "the peer has none");
    check("hash", PK11_HashBuf(SEC_OID_SHA256, fingerprint, theirs->derCert.data, theirs->derCert.len));
    say_hex("fingerprint sha-256", fingerprint, sizeof fingerprint, ":");
    /* Answers what comes again. */
    char bytes[64];
    PR_Recv(socket, bytes, sizeof bytes, 0, PR_MillisecondsToInterval(500));
    return 0;
}

/*
 * The same calls to two libraries with the interface of libsrtp: what they answer, and every byte that they
 * write, is compared. Both are loaded beside each other, so that neither knows of the other.
 *
 * differential OURS THEIRS PACKETS [SUITE]
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srtp2/crypto_types.h"
#include "srtp2/srtp.h"

enum { OURS, THEIRS, LIBRARIES };
enum { PACKET_MAX = 1500, TRAILER_MAX = 64, CANARY = 16, STREAMS = 4, HELD = 64 };

typedef srtp_err_status_t protect_fn(srtp_t, void *, int *, unsigned, unsigned);
typedef srtp_err_status_t unprotect_fn(srtp_t, void *, int *, unsigned);

static struct {
    void *shared;
    srtp_err_status_t (*create)(srtp_t *, const srtp_policy_t *);
    srtp_err_status_t (*dealloc)(srtp_t);
    srtp_err_status_t (*trailer[2])(srtp_t, uint32_t, uint32_t, uint32_t *);
    srtp_err_status_t (*roc)(srtp_t, uint32_t, uint32_t *);
    protect_fn *protect[2];
    unprotect_fn *unprotect[2];
} lib[LIBRARIES];

typedef void preset_fn(srtp_crypto_policy_t *);
static const struct {
    const char *name;
    const char *rtp, *rtcp;
    unsigned keys;    /* with identifiers; 0: one without */
    int extensions;   /* whether header extensions are encrypted */
    int has_tags;     /* whether what is flipped is noticed */
} suites[] = {
#define S(name, rtp, rtcp, keys, extensions, tags) \
    { name, "srtp_crypto_policy_set_" #rtp, "srtp_crypto_policy_set_" #rtcp, keys, extensions, tags }
    S("AES_CM_128_HMAC_SHA1_80", rtp_default, rtcp_default, 0, 0, 1),
    S("AES_CM_128_HMAC_SHA1_32", aes_cm_128_hmac_sha1_32, rtcp_default, 0, 0, 1),
    S("AES_CM_128_HMAC_SHA1_32, SRTCP too", aes_cm_128_hmac_sha1_32, aes_cm_128_hmac_sha1_32, 0, 0, 1),
    S("AES_CM_192_HMAC_SHA1_80", aes_cm_192_hmac_sha1_80, aes_cm_192_hmac_sha1_80, 0, 0, 1),
    S("AES_CM_192_HMAC_SHA1_32", aes_cm_192_hmac_sha1_32, aes_cm_192_hmac_sha1_80, 0, 0, 1),
    S("AES_CM_256_HMAC_SHA1_80", aes_cm_256_hmac_sha1_80, aes_cm_256_hmac_sha1_80, 0, 0, 1),
    S("AES_CM_256_HMAC_SHA1_32", aes_cm_256_hmac_sha1_32, aes_cm_256_hmac_sha1_80, 0, 0, 1),
    S("AES_CM_256 and SRTCP with AES_CM_128", aes_cm_256_hmac_sha1_80, rtcp_default, 0, 0, 1),
    S("AES_CM_128 and SRTCP with AES_CM_256", rtp_default, aes_cm_256_hmac_sha1_32, 0, 0, 1),
    S("AEAD_AES_128_GCM", aes_gcm_128_16_auth, aes_gcm_128_16_auth, 0, 0, 1),
    S("AEAD_AES_256_GCM", aes_gcm_256_16_auth, aes_gcm_256_16_auth, 0, 0, 1),
    S("AEAD_AES_128_GCM_8", aes_gcm_128_8_auth, aes_gcm_128_8_auth, 0, 0, 1),
    S("AEAD_AES_256_GCM_8", aes_gcm_256_8_auth, aes_gcm_256_8_auth, 0, 0, 1),
    S("AEAD_AES_128_GCM_8, SRTCP in the clear", aes_gcm_128_8_auth, aes_gcm_128_8_only_auth, 0, 0, 1),
    S("AEAD_AES_256_GCM_8, SRTCP in the clear", aes_gcm_256_8_auth, aes_gcm_256_8_only_auth, 0, 0, 1),
    S("NULL_HMAC_SHA1_80", null_cipher_hmac_sha1_80, null_cipher_hmac_sha1_80, 0, 0, 1),
    S("AES_CM_128 without tags", aes_cm_128_null_auth, rtcp_default, 0, 0, 0),
    S("AES_CM_192 without tags", aes_cm_192_null_auth, aes_cm_192_hmac_sha1_80, 0, 0, 0),
    S("AES_CM_256 without tags", aes_cm_256_null_auth, aes_cm_256_hmac_sha1_80, 0, 0, 0),
    S("NULL without tags", null_cipher_hmac_null, null_cipher_hmac_null, 0, 0, 0),
    S("AES_CM_128_HMAC_SHA1_80 with MKI", rtp_default, rtcp_default, 3, 0, 1),
    S("AEAD_AES_128_GCM with MKI", aes_gcm_128_16_auth, aes_gcm_128_16_auth, 3, 0, 1),
    S("AES_CM_128_HMAC_SHA1_80 with RFC 6904", rtp_default, rtcp_default, 0, 1, 1),
    S("AEAD_AES_256_GCM with RFC 6904", aes_gcm_256_16_auth, aes_gcm_256_16_auth, 0, 1, 1),
#undef S
};

static uint64_t state = 1;

static uint32_t number(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static void load(int which, const char *path)
{
    void *shared = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    srtp_err_status_t (*init)(void);
    lib[which].shared = shared;
    if (!shared) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
#define SYMBOL(place, name) (*(void **)&(place) = dlsym(shared, name))
    SYMBOL(init, "srtp_init");
    SYMBOL(lib[which].create, "srtp_create");
    SYMBOL(lib[which].dealloc, "srtp_dealloc");
    SYMBOL(lib[which].trailer[0], "srtp_get_protect_trailer_length");
    SYMBOL(lib[which].trailer[1], "srtp_get_protect_rtcp_trailer_length");
    SYMBOL(lib[which].roc, "srtp_get_stream_roc");
    SYMBOL(lib[which].protect[0], "srtp_protect_mki");
    SYMBOL(lib[which].protect[1], "srtp_protect_rtcp_mki");
    SYMBOL(lib[which].unprotect[0], "srtp_unprotect_mki");
    SYMBOL(lib[which].unprotect[1], "srtp_unprotect_rtcp_mki");
#undef SYMBOL
    if (init()) {
        fprintf(stderr, "%s: srtp_init\n", path);
        exit(2);
    }
}

static struct {
    srtp_t sender[LIBRARIES], receiver[LIBRARIES];
    unsigned keys;
    int extensions, has_tags, is_gcm, is_null;
    uint64_t at[STREAMS];
    struct {
        uint8_t bytes[PACKET_MAX + TRAILER_MAX];
        int len, kind;
    } held[HELD];
    unsigned held_count;
    unsigned long ok, refused;
} run;

static const char *suite_name;

static void fail(const char *what, int ours, int theirs)
{
    fprintf(stderr, "%s: %s: ours %d, theirs %d\n", suite_name, what, ours, theirs);
    exit(1);
}

/* What both libraries fill in for a name. Neither is linked: its symbols would stand in for those of the other. */
static void fill_in(const char *name, srtp_crypto_policy_t *policy)
{
    srtp_crypto_policy_t both[LIBRARIES];
    int which;
    for (which = 0; which < LIBRARIES; which++) {
        preset_fn *preset;
        *(void **)&preset = dlsym(lib[which].shared, name);
        memset(&both[which], 0, sizeof(both[which]));
        preset(&both[which]);
    }
    if (memcmp(&both[OURS], &both[THEIRS], sizeof(both[OURS])))
        fail(name, 0, 0);
    *policy = both[OURS];
}

static void open_sessions(unsigned suite)
{
    static unsigned char key[3][64];
    static unsigned char mki[3][4];
    static srtp_master_key_t keys[3];
    static srtp_master_key_t *list[3];
    static int ids[] = { 1, 3 };
    srtp_policy_t policy;
    unsigned i, j;
    int which;
    memset(&run, 0, sizeof(run));
    memset(&policy, 0, sizeof(policy));
    run.keys = suites[suite].keys;
    run.extensions = suites[suite].extensions;
    run.has_tags = suites[suite].has_tags;
    fill_in(suites[suite].rtp, &policy.rtp);
    fill_in(suites[suite].rtcp, &policy.rtcp);
    run.is_gcm = policy.rtp.cipher_type >= SRTP_AES_GCM_128;
    run.is_null = policy.rtp.cipher_type == SRTP_NULL_CIPHER;
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 64; j++)
            key[i][j] = (unsigned char)number(256);
        memset(mki[i], (int)(0xa0 + i), 4);
        keys[i].key = key[i];
        keys[i].mki_id = mki[i];
        keys[i].mki_size = 4;
        list[i] = &keys[i];
    }
    if (run.keys) {
        policy.keys = list;
        policy.num_master_keys = run.keys;
    } else {
        policy.key = key[0];
    }
    if (run.extensions) {
        policy.enc_xtn_hdr = ids;
        policy.enc_xtn_hdr_count = 2;
    }
    for (i = 0; i < STREAMS; i++)
        run.at[i] = number(60000);
    for (which = 0; which < LIBRARIES; which++) {
        policy.ssrc.type = ssrc_any_outbound;
        if (lib[which].create(&run.sender[which], &policy))
            fail("srtp_create", which, which);
        policy.ssrc.type = ssrc_any_inbound;
        if (lib[which].create(&run.receiver[which], &policy))
            fail("srtp_create", which, which);
    }
}

static uint32_t ssrc_of(unsigned stream)
{
    return 0xcafe0000u + stream;
}

/* A random packet: some are cut short. */
static int make_packet(int kind, uint8_t *packet)
{
    unsigned stream = number(STREAMS), i, payload = number(10) ? number(200) : number(1200);
    uint32_t ssrc = ssrc_of(stream);
    int len = 0;
    memset(packet, 0, 12);
    if (kind) {
        packet[0] = 0x80;
        packet[1] = 201;
        packet[4] = (uint8_t)(ssrc >> 24), packet[5] = (uint8_t)(ssrc >> 16);
        packet[6] = (uint8_t)(ssrc >> 8), packet[7] = (uint8_t)ssrc;
        len = 8;
    } else {
        uint64_t index;
        unsigned csrcs = number(4) ? 0 : number(16);
        run.at[stream] += number(20) ? 1 + number(3) : number(300);
        index = run.at[stream];
        if (!number(10))
            index = index > 200 ? index - number(200) : index;
        packet[0] = (uint8_t)(0x80 | csrcs);
        packet[1] = (uint8_t)number(256);
        packet[2] = (uint8_t)(index >> 8), packet[3] = (uint8_t)index;
        packet[8] = (uint8_t)(ssrc >> 24), packet[9] = (uint8_t)(ssrc >> 16);
        packet[10] = (uint8_t)(ssrc >> 8), packet[11] = (uint8_t)ssrc;
        len = 12;
        for (i = 0; i < 4 * csrcs; i++)
            packet[len++] = (uint8_t)number(256);
        if (number(2)) {
            /* Elements side by side, padding behind the last. */
            int word = len, body;
            packet[0] |= 0x10;
            len += 4;
            for (i = 1 + number(3); i > 0; i--) {
                unsigned size = 1 + number(8), j;
                packet[len++] = (uint8_t)((1 + number(5)) << 4 | (size - 1));
                for (j = 0; j < size; j++)
                    packet[len++] = (uint8_t)number(256);
            }
            while ((len - word) % 4)
                packet[len++] = 0;
            body = (len - word - 4) / 4;
            packet[word] = 0xbe, packet[word + 1] = 0xde;
            packet[word + 2] = 0, packet[word + 3] = (uint8_t)body;
        }
    }
    for (i = 0; i < payload; i++)
        packet[len++] = (uint8_t)number(256);
    return number(200) ? len : (int)number((unsigned)len + 1);
}

static void protect(int kind)
{
    uint8_t packet[PACKET_MAX], buffer[LIBRARIES][PACKET_MAX + TRAILER_MAX + CANARY];
    int len = make_packet(kind, packet), length[LIBRARIES], which, i;
    unsigned use_mki = run.keys && number(4), key = number(run.keys ? run.keys + 1 : 1);
    srtp_err_status_t status[LIBRARIES];
    uint32_t trailer = 0;
    if (lib[OURS].trailer[kind](run.sender[OURS], use_mki, key, &trailer))
        trailer = 0;
    for (which = 0; which < LIBRARIES; which++) {
        memcpy(buffer[which], packet, (size_t)len);
        memset(buffer[which] + len, 0xc5, TRAILER_MAX + CANARY);
        length[which] = len;
        status[which] = lib[which].protect[kind](run.sender[which], buffer[which], &length[which], use_mki, key);
    }
    if (status[OURS] != status[THEIRS])
        fail(kind ? "srtp_protect_rtcp" : "srtp_protect", (int)status[OURS], (int)status[THEIRS]);
    for (i = 0; i < TRAILER_MAX + CANARY - (int)trailer; i++)
        if (buffer[OURS][len + (int)trailer + i] != 0xc5)
            fail("a byte behind the trailer was written", i, -1);
    if (status[OURS]) {
        run.refused++;
        return;
    }
    run.ok++;
    if (length[OURS] != length[THEIRS])
        fail("length of a protected packet", length[OURS], length[THEIRS]);
    if (memcmp(buffer[OURS], buffer[THEIRS], (size_t)length[OURS]))
        fail("bytes of a protected packet", length[OURS], length[THEIRS]);
    i = (int)(run.held_count < HELD ? run.held_count++ : number(HELD));
    run.held[i].len = length[OURS];
    run.held[i].kind = kind;
    memcpy(run.held[i].bytes, buffer[OURS], (size_t)length[OURS]);
}

static void unprotect(void)
{
    uint8_t buffer[LIBRARIES][PACKET_MAX + TRAILER_MAX + CANARY];
    unsigned held, use_mki = run.keys && number(4);
    int len, length[LIBRARIES], which, kind;
    srtp_err_status_t status[LIBRARIES];
    if (!run.held_count)
        return;
    /* Mostly the newest; older ones arrive late or twice. */
    held = number(3) ? run.held_count - 1 : number(run.held_count);
    kind = run.held[held].kind;
    len = run.held[held].len;
    memcpy(buffer[0], run.held[held].bytes, (size_t)len);
    /* Which of two answers a packet gets that is wrong twice is nobody's promise: the first byte stays. */
    if (run.has_tags && !number(8))
        buffer[0][1 + number((unsigned)len - 1)] ^= (uint8_t)(1u << number(8));
    else if (run.has_tags && !number(16))
        len = (int)number((unsigned)len + 1);
    memcpy(buffer[1], buffer[0], (size_t)len);
    for (which = 0; which < LIBRARIES; which++) {
        memset(buffer[which] + len, 0xc5, CANARY);
        length[which] = len;
        status[which] = lib[which].unprotect[kind](run.receiver[which], buffer[which], &length[which], use_mki);
    }
    for (which = 0; which < CANARY; which++)
        if (buffer[OURS][len + which] != 0xc5)
            fail("a byte behind the packet was written", which, -1);
    /* With AES-GCM libsrtp goes by the E flag of the packet, ours by the policy; both refuse, each for the first reason it sees. */
    if (run.is_gcm && kind && status[OURS] == srtp_err_status_cant_check &&
        (status[THEIRS] == srtp_err_status_auth_fail || status[THEIRS] == srtp_err_status_replay_fail ||
         status[THEIRS] == srtp_err_status_replay_old))
        status[OURS] = status[THEIRS];
    /* libsrtp looks for replays before it looks for the key, or sees that header and tag run into each other. */
    if ((status[OURS] == srtp_err_status_bad_mki || status[OURS] == srtp_err_status_parse_err || status[OURS] == srtp_err_status_cipher_fail ||
         (run.is_null && status[OURS] == srtp_err_status_auth_fail)) && !kind &&
        (status[THEIRS] == srtp_err_status_replay_fail || status[THEIRS] == srtp_err_status_replay_old))
        status[OURS] = status[THEIRS];
    if (status[OURS] != status[THEIRS]) {
        fprintf(stderr, "length %d\n", len);
        fail(kind ? "srtp_unprotect_rtcp" : "srtp_unprotect", (int)status[OURS], (int)status[THEIRS]);
    }
    if (status[OURS]) {
        run.refused++;
        return;
    }
    run.ok++;
    if (length[OURS] != length[THEIRS])
        fail("length of an unprotected packet", length[OURS], length[THEIRS]);
    if (memcmp(buffer[OURS], buffer[THEIRS], (size_t)length[OURS]))
        fail("bytes of an unprotected packet", length[OURS], length[THEIRS]);
}

static void compare_rocs(void)
{
    unsigned stream;
    for (stream = 0; stream < STREAMS; stream++) {
        uint32_t roc[LIBRARIES] = { 0, 0 };
        int which;
        for (which = 0; which < LIBRARIES; which++)
            (void)lib[which].roc(run.receiver[which], ssrc_of(stream), &roc[which]);
        if (roc[OURS] != roc[THEIRS])
            fail("rollover counter", (int)roc[OURS], (int)roc[THEIRS]);
    }
}

int main(int count, char **arguments)
{
    unsigned long packets, i;
    unsigned suite;
    if (count < 4) {
        fprintf(stderr, "differential OURS THEIRS PACKETS [SUITE]\n");
        return 2;
    }
    load(OURS, arguments[1]);
    load(THEIRS, arguments[2]);
    packets = strtoul(arguments[3], NULL, 10);
    for (suite = 0; suite < sizeof(suites) / sizeof(suites[0]); suite++) {
        int which;
        suite_name = suites[suite].name;
        if (count > 4 && strcmp(arguments[4], suite_name))
            continue;
        state = 0x9e3779b97f4a7c15u + suite;
        open_sessions(suite);
        for (i = 0; i < packets; i++) {
            protect(!number(8));
            unprotect();
            if (i % 4096 == 0)
                compare_rocs();
        }
        compare_rocs();
        for (which = 0; which < LIBRARIES; which++)
            if (lib[which].dealloc(run.sender[which]) || lib[which].dealloc(run.receiver[which]))
                fail("srtp_dealloc", which, which);
        printf("%-40s %lu packets each way, %lu done alike, %lu refused alike\n", suite_name, packets, run.ok, run.refused);
        fflush(stdout);
    }
    return 0;
}

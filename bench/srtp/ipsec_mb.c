/* The calls of Intel's ipsec-mb that the benchmark makes, behind an interface without its structures. */
#include <intel-ipsec-mb.h>
#include <stdlib.h>
#include <string.h>

struct bench_mb_key {
        DECLARE_ALIGNED(uint32_t expanded[4 * 15], 16);
        DECLARE_ALIGNED(uint32_t unused[4 * 15], 16);
        DECLARE_ALIGNED(uint8_t ipad[20], 16);
        DECLARE_ALIGNED(uint8_t opad[20], 16);
        DECLARE_ALIGNED(struct gcm_key_data gcm, 64);
        size_t key_len;
};

/* One packet: `clear` bytes in front of what is enciphered up to `len`, room for a tag behind. */
struct bench_mb_packet {
        const struct bench_mb_key *key;
        uint8_t *data;
        size_t clear;
        size_t len;
        const uint8_t *iv;
};

/* The library may write a whole digest, whatever the length of the tag. */
enum { CM_TAG = 10, DIGEST = 20, GCM_TAG = 16, ROC = 4, BURST = 64 };

IMB_MGR *bench_mb_new(void)
{
        IMB_MGR *mgr = alloc_mb_mgr(0);

        if (mgr != NULL)
                init_mb_mgr_auto(mgr, NULL);
        return mgr;
}

void bench_mb_free(IMB_MGR *mgr)
{
        free_mb_mgr(mgr);
}

const char *bench_mb_version(void)
{
        return imb_get_version_str();
}

struct bench_mb_key *bench_mb_key(IMB_MGR *mgr, const uint8_t *key, size_t key_len, const uint8_t auth[20])
{
        struct bench_mb_key *made = NULL;
        uint8_t block[64];
        uint8_t pads[2] = { 0x36, 0x5c };

        if (posix_memalign((void **) &made, 64, sizeof(*made)) != 0)
                return NULL;
        made->key_len = key_len;
        if (key_len == 16) {
                IMB_AES_KEYEXP_128(mgr, key, made->expanded, made->unused);
                IMB_AES128_GCM_PRE(mgr, key, &made->gcm);
        } else {
                IMB_AES_KEYEXP_256(mgr, key, made->expanded, made->unused);
                IMB_AES256_GCM_PRE(mgr, key, &made->gcm);
        }
        for (int i = 0; i < 2; i++) {
                memset(block, pads[i], sizeof(block));
                for (int j = 0; j < 20; j++)
                        block[j] ^= auth[j];
                IMB_SHA1_ONE_BLOCK(mgr, block, i == 0 ? made->ipad : made->opad);
        }
        return made;
}

void bench_mb_key_free(struct bench_mb_key *key)
{
        free(key);
}

static void cipher_burst(IMB_MGR *mgr, const struct bench_mb_packet *packets, size_t n)
{
        IMB_JOB jobs[BURST];

        for (size_t i = 0; i < n; i++) {
                const struct bench_mb_packet *packet = &packets[i];
                IMB_JOB *job = &jobs[i];

                job->enc_keys = packet->key->expanded;
                job->dec_keys = packet->key->expanded;
                job->key_len_in_bytes = packet->key->key_len;
                job->src = packet->data;
                job->dst = packet->data + packet->clear;
                job->cipher_start_src_offset_in_bytes = packet->clear;
                job->msg_len_to_cipher_in_bytes = packet->len - packet->clear;
                job->iv = packet->iv;
                job->iv_len_in_bytes = 16;
                job->cipher_mode = IMB_CIPHER_CNTR;
        }
        IMB_SUBMIT_CIPHER_BURST_NOCHECK(mgr, jobs, n, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                        packets[0].key->key_len);
}

/* The ROC stands behind the packet while it is hashed. */
static void hash_burst(IMB_MGR *mgr, const struct bench_mb_packet *packets, uint8_t *const tags[], size_t n)
{
        IMB_JOB jobs[BURST];

        for (size_t i = 0; i < n; i++) {
                const struct bench_mb_packet *packet = &packets[i];
                IMB_JOB *job = &jobs[i];

                job->src = packet->data;
                job->hash_start_src_offset_in_bytes = 0;
                job->msg_len_to_hash_in_bytes = packet->len + ROC;
                job->auth_tag_output = tags[i];
                job->auth_tag_output_len_in_bytes = CM_TAG;
                job->u.HMAC._hashed_auth_key_xor_ipad = packet->key->ipad;
                job->u.HMAC._hashed_auth_key_xor_opad = packet->key->opad;
                job->hash_alg = IMB_AUTH_HMAC_SHA_1;
        }
        IMB_SUBMIT_HASH_BURST_NOCHECK(mgr, jobs, n, IMB_AUTH_HMAC_SHA_1);
}

/* AES-CM and HMAC-SHA1, cipher burst and hash burst: its best call for CM. At most BURST packets. */
void bench_mb_cm_protect(IMB_MGR *mgr, const struct bench_mb_packet *packets, size_t n)
{
        uint8_t *tags[BURST] = { NULL };

        cipher_burst(mgr, packets, n);
        for (size_t i = 0; i < n; i++) {
                tags[i] = packets[i].data + packets[i].len;
                memset(tags[i], 0, ROC);
        }
        hash_burst(mgr, packets, tags, n);
}

/* Gives the number of packets whose tag was right. */
size_t bench_mb_cm_unprotect(IMB_MGR *mgr, const struct bench_mb_packet *packets, size_t n)
{
        uint8_t theirs[BURST][CM_TAG], ours[BURST][DIGEST];
        uint8_t *tags[BURST] = { NULL };
        size_t right = 0;

        for (size_t i = 0; i < n; i++) {
                uint8_t *tag = packets[i].data + packets[i].len;

                memcpy(theirs[i], tag, CM_TAG);
                memset(tag, 0, ROC);
                tags[i] = ours[i];
        }
        hash_burst(mgr, packets, tags, n);
        for (size_t i = 0; i < n; i++)
                right += memcmp(ours[i], theirs[i], CM_TAG) == 0;
        cipher_burst(mgr, packets, n);
        return right;
}

/* AES-GCM, the direct call: its best for GCM. */
void bench_mb_gcm_protect(IMB_MGR *mgr, const struct bench_mb_packet *packet)
{
        struct gcm_context_data context;
        uint8_t *data = packet->data + packet->clear;
        size_t len = packet->len - packet->clear;

        if (packet->key->key_len == 16)
                IMB_AES128_GCM_ENC(mgr, &packet->key->gcm, &context, data, data, len, packet->iv,
                                   packet->data, packet->clear, packet->data + packet->len, GCM_TAG);
        else
                IMB_AES256_GCM_ENC(mgr, &packet->key->gcm, &context, data, data, len, packet->iv,
                                   packet->data, packet->clear, packet->data + packet->len, GCM_TAG);
}

int bench_mb_gcm_unprotect(IMB_MGR *mgr, const struct bench_mb_packet *packet)
{
        struct gcm_context_data context;
        uint8_t *data = packet->data + packet->clear;
        size_t len = packet->len - packet->clear;
        uint8_t tag[GCM_TAG];

        if (packet->key->key_len == 16)
                IMB_AES128_GCM_DEC(mgr, &packet->key->gcm, &context, data, data, len, packet->iv,
                                   packet->data, packet->clear, tag, GCM_TAG);
        else
                IMB_AES256_GCM_DEC(mgr, &packet->key->gcm, &context, data, data, len, packet->iv,
                                   packet->data, packet->clear, tag, GCM_TAG);
        return memcmp(tag, packet->data + packet->len, GCM_TAG) == 0;
}

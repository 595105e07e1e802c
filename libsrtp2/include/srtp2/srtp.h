/*
 * Secure RTP: the interface of libsrtp 2.8, over Portcullis.
 *
 * A session holds streams by SSRC and one template for all others. Packets are protected and unprotected in
 * place, and lengths count bytes. A session is used by one thread at a time; different sessions by any.
 */
#ifndef SRTP_SRTP_H
#define SRTP_SRTP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Key and salt of AES-128 in counter mode. */
#define SRTP_MASTER_KEY_LEN 30
/* The longest key and salt. */
#define SRTP_MAX_KEY_LEN 64
/* The longest tag. */
#define SRTP_MAX_TAG_LEN 16
/* The longest master key identifier. */
#define SRTP_MAX_MKI_LEN 128
/* What protection adds to an RTP packet at most. */
#define SRTP_MAX_TRAILER_LEN (SRTP_MAX_TAG_LEN + SRTP_MAX_MKI_LEN)
/* The word with the index of SRTCP. */
#define SRTP_SRCTP_INDEX_LEN 4
/* What protection adds to an RTCP packet at most. */
#define SRTP_MAX_SRTCP_TRAILER_LEN (SRTP_SRCTP_INDEX_LEN + SRTP_MAX_TAG_LEN + SRTP_MAX_MKI_LEN)
/* The most master keys of a stream. */
#define SRTP_MAX_NUM_MASTER_KEYS 16

/* Lengths of salts, of keys, and of both together. */
#define SRTP_SALT_LEN 14
#define SRTP_AEAD_SALT_LEN 12
#define SRTP_AES_128_KEY_LEN 16
#define SRTP_AES_192_KEY_LEN 24
#define SRTP_AES_256_KEY_LEN 32
#define SRTP_AES_ICM_128_KEY_LEN_WSALT (SRTP_SALT_LEN + SRTP_AES_128_KEY_LEN)
#define SRTP_AES_ICM_192_KEY_LEN_WSALT (SRTP_SALT_LEN + SRTP_AES_192_KEY_LEN)
#define SRTP_AES_ICM_256_KEY_LEN_WSALT (SRTP_SALT_LEN + SRTP_AES_256_KEY_LEN)
#define SRTP_AES_GCM_128_KEY_LEN_WSALT (SRTP_AEAD_SALT_LEN + SRTP_AES_128_KEY_LEN)
#define SRTP_AES_GCM_192_KEY_LEN_WSALT (SRTP_AEAD_SALT_LEN + SRTP_AES_192_KEY_LEN)
#define SRTP_AES_GCM_256_KEY_LEN_WSALT (SRTP_AEAD_SALT_LEN + SRTP_AES_256_KEY_LEN)

/* The flag and the index in the word of SRTCP: of the word in host order, and of its first byte. */
#define SRTCP_E_BIT 0x80000000
#define SRTCP_E_BYTE_BIT 0x80
#define SRTCP_INDEX_MASK 0x7fffffff

/* SRTP_AES_ICM_128 and its like, SRTP_HMAC_SHA1 and its like: crypto_types.h. */
typedef uint32_t srtp_cipher_type_id_t;
typedef uint32_t srtp_auth_type_id_t;

/* What a call answers. Those without a word are never returned here. */
typedef enum {
    srtp_err_status_ok = 0, /* done */
    srtp_err_status_fail = 1, /* failed, for no reason below */
    srtp_err_status_bad_param = 2, /* an argument is wrong, or the packet's header is cut short */
    srtp_err_status_alloc_fail = 3, /* no room */
    srtp_err_status_dealloc_fail = 4,
    srtp_err_status_init_fail = 5,
    srtp_err_status_terminus = 6,
    srtp_err_status_auth_fail = 7, /* the tag is wrong */
    srtp_err_status_cipher_fail = 8, /* the packet is shorter than its tag */
    srtp_err_status_replay_fail = 9, /* the index was used before */
    srtp_err_status_replay_old = 10, /* the index lies below the window */
    srtp_err_status_algo_fail = 11,
    srtp_err_status_no_such_op = 12,
    srtp_err_status_no_ctx = 13, /* no policy covers the SSRC */
    srtp_err_status_cant_check = 14, /* the packet is not encrypted as the policy says */
    srtp_err_status_key_expired = 15, /* the key has reached its lifetime */
    srtp_err_status_socket_err = 16,
    srtp_err_status_signal_err = 17,
    srtp_err_status_nonce_bad = 18,
    srtp_err_status_read_fail = 19,
    srtp_err_status_write_fail = 20,
    srtp_err_status_parse_err = 21, /* the packet is malformed */
    srtp_err_status_encode_err = 22,
    srtp_err_status_semaphore_err = 23,
    srtp_err_status_pfkey_err = 24,
    srtp_err_status_bad_mki = 25, /* no key has this identifier */
    srtp_err_status_pkt_idx_old = 26,
    srtp_err_status_pkt_idx_adv = 27,
    srtp_err_status_cryptex_err = 28 /* Cryptex cannot protect this packet */
} srtp_err_status_t;

/* A session. */
typedef struct srtp_ctx_t_ srtp_ctx_t;
typedef srtp_ctx_t *srtp_t;

/* What is done to packets. AES-GCM does both to RTP whatever is said here. */
typedef enum {
    sec_serv_none = 0,
    sec_serv_conf = 1,
    sec_serv_auth = 2,
    sec_serv_conf_and_auth = 3
} srtp_sec_serv_t;

/* How packets of one kind are protected. The functions srtp_crypto_policy_set_... fill it in. */
typedef struct srtp_crypto_policy_t {
    srtp_cipher_type_id_t cipher_type;
    int cipher_key_len; /* key and salt, bytes */
    srtp_auth_type_id_t auth_type;
    int auth_key_len; /* bytes: 20 with HMAC-SHA1 */
    int auth_tag_len; /* bytes */
    srtp_sec_serv_t sec_serv;
} srtp_crypto_policy_t;

/* Which streams a policy is for: one SSRC, or all that have no policy of their own. */
typedef enum {
    ssrc_undefined = 0,
    ssrc_specific = 1,
    ssrc_any_inbound = 2,
    ssrc_any_outbound = 3
} srtp_ssrc_type_t;

typedef struct {
    srtp_ssrc_type_t type;
    unsigned int value; /* of ssrc_specific, in host order */
} srtp_ssrc_t;

/* A master key with its salt, and its identifier. */
typedef struct srtp_master_key_t {
    unsigned char *key;
    unsigned char *mki_id;
    unsigned int mki_size;
} srtp_master_key_t;

/* What a stream, or the template of streams, is to be like. Set it to zero before you fill it in. */
typedef struct srtp_policy_t {
    srtp_ssrc_t ssrc;
    srtp_crypto_policy_t rtp;
    srtp_crypto_policy_t rtcp;
    unsigned char *key;             /* master key and salt; or null, and keys is set */
    srtp_master_key_t **keys;       /* keys with identifiers, all of one length */
    unsigned long num_master_keys;  /* how many */
    void *deprecated_ekt;           /* null */
    unsigned long window_size;      /* replay window: 64 to 32767 packets; 0 for 128 */
    int allow_repeat_tx;            /* 1: the same packet may be protected again (see README.md) */
    int *enc_xtn_hdr;               /* header extensions to encrypt (RFC 6904), by their numbers */
    int enc_xtn_hdr_count;          /* how many */
    struct srtp_policy_t *next;     /* the next policy of a list, or null */
} srtp_policy_t;

/* Profiles of DTLS-SRTP, by their IANA numbers. */
typedef enum {
    srtp_profile_reserved = 0,
    srtp_profile_aes128_cm_sha1_80 = 1,
    srtp_profile_aes128_cm_sha1_32 = 2,
    srtp_profile_null_sha1_80 = 5,
    srtp_profile_null_sha1_32 = 6,
    srtp_profile_aead_aes_128_gcm = 7,
    srtp_profile_aead_aes_256_gcm = 8
} srtp_profile_t;

/* Called before all others, and after them. */
srtp_err_status_t srtp_init(void);
srtp_err_status_t srtp_shutdown(void);

/* Makes a session from a list of policies, or an empty one from null; and ends it. */
srtp_err_status_t srtp_create(srtp_t *session, const srtp_policy_t *policy);
srtp_err_status_t srtp_dealloc(srtp_t session);

/* Adds the stream, or the template, of one policy. */
srtp_err_status_t srtp_add_stream(srtp_t session, const srtp_policy_t *policy);
/* Removes a stream; its SSRC is in network order here, and only here. */
srtp_err_status_t srtp_remove_stream(srtp_t session, uint32_t ssrc);
/* Other keys and settings for the streams of a list of policies, or of one: indexes and rollover counters go on. */
srtp_err_status_t srtp_update(srtp_t session, const srtp_policy_t *policy);
srtp_err_status_t srtp_update_stream(srtp_t session, const srtp_policy_t *policy);

/*
 * Protects the RTP packet of *len bytes in place, and gives its new length. Behind the packet there must be
 * room for what srtp_get_protect_trailer_length says; no byte behind that is touched. With use_mki, the key
 * is that at mki_index, and its identifier goes into the packet.
 */
srtp_err_status_t srtp_protect(srtp_t session, void *packet, int *len);
srtp_err_status_t srtp_protect_mki(srtp_ctx_t *session, void *packet, int *len, unsigned int use_mki,
                                   unsigned int mki_index);
/* Unprotects an SRTP packet in place. A packet that is refused is left as it was, or wiped behind its header. */
srtp_err_status_t srtp_unprotect(srtp_t session, void *packet, int *len);
srtp_err_status_t srtp_unprotect_mki(srtp_t session, void *packet, int *len, unsigned int use_mki);

/* The same of RTCP and SRTCP. */
srtp_err_status_t srtp_protect_rtcp(srtp_t session, void *packet, int *len);
srtp_err_status_t srtp_protect_rtcp_mki(srtp_t session, void *packet, int *len, unsigned int use_mki,
                                        unsigned int mki_index);
srtp_err_status_t srtp_unprotect_rtcp(srtp_t session, void *packet, int *len);
srtp_err_status_t srtp_unprotect_rtcp_mki(srtp_t session, void *packet, int *len, unsigned int use_mki);

/* What protection adds to a packet at most, in bytes. */
srtp_err_status_t srtp_get_protect_trailer_length(srtp_t session, uint32_t use_mki, uint32_t mki_index,
                                                  uint32_t *length);
srtp_err_status_t srtp_get_protect_rtcp_trailer_length(srtp_t session, uint32_t use_mki, uint32_t mki_index,
                                                       uint32_t *length);

/* The rollover counter of a stream. It goes forwards only. */
srtp_err_status_t srtp_set_stream_roc(srtp_t session, uint32_t ssrc, uint32_t roc);
srtp_err_status_t srtp_get_stream_roc(srtp_t session, uint32_t ssrc, uint32_t *roc);

/* Cryptex (RFC 9335), on or off. */
srtp_err_status_t srtp_set_stream_use_cryptex(srtp_t session, const srtp_ssrc_t *ssrc, int enable);

/* AES-128 in counter mode and tags of 80 bits, for RTP and for RTCP. */
void srtp_crypto_policy_set_rtp_default(srtp_crypto_policy_t *policy);
void srtp_crypto_policy_set_rtcp_default(srtp_crypto_policy_t *policy);
#define srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(policy) srtp_crypto_policy_set_rtp_default(policy)
/* AES-128 in counter mode, tags of 32 bits: for SRTP; RFC 3711 has 80 for SRTCP. */
void srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(srtp_crypto_policy_t *policy);
/* AES-128 in counter mode, no authentication. */
void srtp_crypto_policy_set_aes_cm_128_null_auth(srtp_crypto_policy_t *policy);
/* AES-192 in counter mode, tags of 80 bits. */
void srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(srtp_crypto_policy_t *policy);
/* AES-192 in counter mode, tags of 32 bits. */
void srtp_crypto_policy_set_aes_cm_192_hmac_sha1_32(srtp_crypto_policy_t *policy);
/* AES-192 in counter mode, no authentication. */
void srtp_crypto_policy_set_aes_cm_192_null_auth(srtp_crypto_policy_t *policy);
/* AES-256 in counter mode, tags of 80 bits. */
void srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(srtp_crypto_policy_t *policy);
/* AES-256 in counter mode, tags of 32 bits. */
void srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(srtp_crypto_policy_t *policy);
/* AES-256 in counter mode, no authentication. */
void srtp_crypto_policy_set_aes_cm_256_null_auth(srtp_crypto_policy_t *policy);
/* No encryption, tags of 80 bits. */
void srtp_crypto_policy_set_null_cipher_hmac_sha1_80(srtp_crypto_policy_t *policy);
/* Neither encryption nor authentication: for tests. */
void srtp_crypto_policy_set_null_cipher_hmac_null(srtp_crypto_policy_t *policy);
/* AES-128-GCM, tags of 64 bits (drafts of RFC 7714). */
void srtp_crypto_policy_set_aes_gcm_128_8_auth(srtp_crypto_policy_t *policy);
/* AES-256-GCM, tags of 64 bits (drafts of RFC 7714). */
void srtp_crypto_policy_set_aes_gcm_256_8_auth(srtp_crypto_policy_t *policy);
/* The same for AES-128, without encryption of SRTCP. */
void srtp_crypto_policy_set_aes_gcm_128_8_only_auth(srtp_crypto_policy_t *policy);
/* The same for AES-256, without encryption of SRTCP. */
void srtp_crypto_policy_set_aes_gcm_256_8_only_auth(srtp_crypto_policy_t *policy);
/* AES-128-GCM (RFC 7714). */
void srtp_crypto_policy_set_aes_gcm_128_16_auth(srtp_crypto_policy_t *policy);
/* AES-256-GCM (RFC 7714). */
void srtp_crypto_policy_set_aes_gcm_256_16_auth(srtp_crypto_policy_t *policy);

/* What a profile of DTLS-SRTP means. */
srtp_err_status_t srtp_crypto_policy_set_from_profile_for_rtp(srtp_crypto_policy_t *policy, srtp_profile_t profile);
srtp_err_status_t srtp_crypto_policy_set_from_profile_for_rtcp(srtp_crypto_policy_t *policy, srtp_profile_t profile);
unsigned int srtp_profile_get_master_key_length(srtp_profile_t profile);
unsigned int srtp_profile_get_master_salt_length(srtp_profile_t profile);
/* Copies a salt behind a key, where the exporter of DTLS has them apart. */
void srtp_append_salt_to_key(unsigned char *key, unsigned int bytes_in_key, unsigned char *salt,
                             unsigned int bytes_in_salt);

/* A pointer of yours with each session. */
void srtp_set_user_data(srtp_t session, void *data);
void *srtp_get_user_data(srtp_t session);

/* What happens to a stream, told while the call that it happens in is under way. */
typedef enum {
    event_ssrc_collision,    /* one SSRC is both sent and received */
    event_key_soft_limit,    /* a key or a stream comes to its end */
    event_key_hard_limit,    /* a key has ended */
    event_packet_index_limit /* a stream has come to its last index */
} srtp_event_t;

typedef struct srtp_event_data_t {
    srtp_t session;
    uint32_t ssrc; /* in host order */
    srtp_event_t event;
} srtp_event_data_t;

typedef void(srtp_event_handler_func_t)(srtp_event_data_t *data);
srtp_err_status_t srtp_install_event_handler(srtp_event_handler_func_t func);

/* What an operator should know. */
typedef enum {
    srtp_log_level_error,
    srtp_log_level_warning,
    srtp_log_level_info,
    srtp_log_level_debug
} srtp_log_level_t;

typedef void(srtp_log_handler_func_t)(srtp_log_level_t level, const char *msg, void *data);
srtp_err_status_t srtp_install_log_handler(srtp_log_handler_func_t func, void *data);

/* The version of libsrtp whose interface this is. */
const char *srtp_get_version_string(void);
unsigned int srtp_get_version(void);

/* There are no modules to debug. */
srtp_err_status_t srtp_set_debug_module(const char *mod_name, int v);
srtp_err_status_t srtp_list_debug_modules(void);

#ifdef __cplusplus
}
#endif

#endif

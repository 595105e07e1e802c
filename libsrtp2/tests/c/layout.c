/* Sizes, offsets and numbers that a compiled caller has built in: the output is compared between two headers. */
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
#error "compiled as C, where enum constants have a size"
#endif
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <srtp2/srtp.h>

#define SIZE(type) printf("sizeof " #type " %zu\n", sizeof(type))
#define FIELD(type, field) printf(#type "." #field " %zu %zu\n", offsetof(type, field), sizeof(((type *)0)->field))
#define NUMBER(name) printf(#name " %ld\n", (long)(name))

int main(void)
{
    SIZE(srtp_crypto_policy_t); SIZE(srtp_ssrc_t); SIZE(srtp_master_key_t); SIZE(srtp_policy_t); SIZE(srtp_event_data_t);
    SIZE(srtp_err_status_t); SIZE(srtp_sec_serv_t); SIZE(srtp_ssrc_type_t); SIZE(srtp_event_t); SIZE(srtp_profile_t);
    SIZE(srtp_cipher_type_t); SIZE(srtp_auth_type_t); SIZE(srtp_cipher_t); SIZE(srtp_auth_t); SIZE(srtp_log_level_t);
    FIELD(srtp_crypto_policy_t, cipher_type); FIELD(srtp_crypto_policy_t, cipher_key_len); FIELD(srtp_crypto_policy_t, auth_type);
    FIELD(srtp_crypto_policy_t, auth_key_len); FIELD(srtp_crypto_policy_t, auth_tag_len); FIELD(srtp_crypto_policy_t, sec_serv);
    FIELD(srtp_ssrc_t, type); FIELD(srtp_ssrc_t, value);
    FIELD(srtp_master_key_t, key); FIELD(srtp_master_key_t, mki_id); FIELD(srtp_master_key_t, mki_size);
    FIELD(srtp_policy_t, ssrc); FIELD(srtp_policy_t, rtp); FIELD(srtp_policy_t, rtcp); FIELD(srtp_policy_t, key); FIELD(srtp_policy_t, keys);
    FIELD(srtp_policy_t, num_master_keys); FIELD(srtp_policy_t, deprecated_ekt); FIELD(srtp_policy_t, window_size);
    FIELD(srtp_policy_t, allow_repeat_tx); FIELD(srtp_policy_t, enc_xtn_hdr); FIELD(srtp_policy_t, enc_xtn_hdr_count); FIELD(srtp_policy_t, next);
    FIELD(srtp_event_data_t, session); FIELD(srtp_event_data_t, ssrc); FIELD(srtp_event_data_t, event);
    FIELD(srtp_cipher_type_t, id); FIELD(srtp_auth_type_t, id);
    NUMBER(SRTP_MASTER_KEY_LEN); NUMBER(SRTP_MAX_KEY_LEN); NUMBER(SRTP_MAX_TAG_LEN); NUMBER(SRTP_MAX_MKI_LEN); NUMBER(SRTP_MAX_TRAILER_LEN);
    NUMBER(SRTP_SALT_LEN); NUMBER(SRTP_AEAD_SALT_LEN); NUMBER(SRTP_AES_ICM_128_KEY_LEN_WSALT); NUMBER(SRTP_AES_ICM_192_KEY_LEN_WSALT);
    NUMBER(SRTP_AES_ICM_256_KEY_LEN_WSALT); NUMBER(SRTP_AES_GCM_128_KEY_LEN_WSALT); NUMBER(SRTP_AES_GCM_256_KEY_LEN_WSALT);
    NUMBER(SRTP_NULL_CIPHER); NUMBER(SRTP_AES_ICM_128); NUMBER(SRTP_AES_ICM_192); NUMBER(SRTP_AES_ICM_256); NUMBER(SRTP_AES_GCM_128);
    NUMBER(SRTP_AES_GCM_256); NUMBER(SRTP_NULL_AUTH); NUMBER(SRTP_HMAC_SHA1); NUMBER(SRTCP_E_BIT); NUMBER(SRTCP_INDEX_MASK);
    NUMBER(srtp_err_status_ok); NUMBER(srtp_err_status_auth_fail); NUMBER(srtp_err_status_replay_fail); NUMBER(srtp_err_status_replay_old);
    NUMBER(srtp_err_status_no_ctx); NUMBER(srtp_err_status_cant_check); NUMBER(srtp_err_status_key_expired); NUMBER(srtp_err_status_nonce_bad);
    NUMBER(srtp_err_status_parse_err); NUMBER(srtp_err_status_pfkey_err); NUMBER(srtp_err_status_bad_mki); NUMBER(srtp_err_status_pkt_idx_adv);
    NUMBER(sec_serv_none); NUMBER(sec_serv_conf); NUMBER(sec_serv_auth); NUMBER(sec_serv_conf_and_auth);
    NUMBER(ssrc_undefined); NUMBER(ssrc_specific); NUMBER(ssrc_any_inbound); NUMBER(ssrc_any_outbound);
    NUMBER(event_ssrc_collision); NUMBER(event_key_soft_limit); NUMBER(event_key_hard_limit); NUMBER(event_packet_index_limit);
    NUMBER(srtp_profile_aes128_cm_sha1_80); NUMBER(srtp_profile_null_sha1_32); NUMBER(srtp_profile_aead_aes_256_gcm);
    NUMBER(srtp_log_level_error); NUMBER(srtp_log_level_debug); NUMBER(srtp_direction_any);
    return 0;
}

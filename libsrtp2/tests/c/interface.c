/*
 * The interface as callers use it, in buffers of exactly the size that a packet and its trailer have: run under
 * valgrind and AddressSanitizer, which see each byte beyond.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/portcullis_srtp.h>
#include <srtp2/srtp.h>

static int line_failed;
#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);         \
            line_failed = __LINE__;                                         \
        }                                                                   \
    } while (0)

enum { LEN = 52, SSRC = 0x1234abcd };

static unsigned char key[46];
static unsigned char other_key[46];
static unsigned events[4];
static void *event_data;

static void on_event(srtp_event_data_t *data)
{
    events[data->event]++;
    /* A handler may ask for its data while the call is under way. */
    event_data = srtp_get_user_data(data->session);
}

static unsigned messages;

static void on_message(srtp_log_level_t level, const char *message, void *data)
{
    (void)level;
    (void)data;
    messages += strlen(message) > 0;
}

static srtp_policy_t policy_for(srtp_ssrc_type_t type, int gcm)
{
    srtp_policy_t policy;
    memset(&policy, 0, sizeof(policy));
    if (gcm) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    }
    policy.ssrc.type = type;
    policy.ssrc.value = SSRC;
    policy.key = key;
    return policy;
}

static srtp_t session_of(srtp_policy_t policy)
{
    srtp_t session = NULL;
    CHECK(srtp_create(&session, &policy) == srtp_err_status_ok);
    return session;
}

/* A packet in a buffer with exactly so much room behind it. */
static unsigned char *packet(unsigned ssrc, unsigned seq, size_t room)
{
    unsigned char *bytes = malloc(LEN + room);
    unsigned i;
    for (i = 0; i < LEN; i++)
        bytes[i] = (unsigned char)i;
    bytes[0] = 0x80;
    bytes[1] = 96;
    bytes[2] = (unsigned char)(seq >> 8), bytes[3] = (unsigned char)seq;
    bytes[8] = (unsigned char)(ssrc >> 24), bytes[9] = (unsigned char)(ssrc >> 16);
    bytes[10] = (unsigned char)(ssrc >> 8), bytes[11] = (unsigned char)ssrc;
    return bytes;
}

static srtp_err_status_t send_one(srtp_t session, unsigned ssrc, unsigned seq, unsigned char change, size_t room)
{
    unsigned char *bytes = packet(ssrc, seq, room);
    int len = LEN;
    srtp_err_status_t status;
    if (change)
        bytes[change] ^= 1;
    status = srtp_protect(session, bytes, &len);
    CHECK(status || len == LEN + (int)room);
    free(bytes);
    return status;
}

static void round_trips(int gcm)
{
    srtp_policy_t policy = policy_for(ssrc_any_outbound, gcm);
    srtp_t out = session_of(policy), in;
    uint32_t rtp = 0, rtcp = 0, roc = 99;
    unsigned seq;
    policy.ssrc.type = ssrc_any_inbound;
    in = session_of(policy);
    CHECK(srtp_get_protect_trailer_length(out, 0, 0, &rtp) == srtp_err_status_ok && rtp == (gcm ? 16u : 10u));
    CHECK(srtp_get_protect_rtcp_trailer_length(out, 0, 0, &rtcp) == srtp_err_status_ok && rtcp == rtp + 4);
    for (seq = 65500; seq < 65600; seq++) {
        unsigned char *bytes = packet(SSRC, seq, rtp), *report = malloc(28 + rtcp), *plain = packet(SSRC, seq, 0);
        int len = LEN;
        CHECK(srtp_protect(out, bytes, &len) == srtp_err_status_ok);
        CHECK(memcmp(bytes + 12, plain + 12, LEN - 12));
        CHECK(srtp_unprotect(in, bytes, &len) == srtp_err_status_ok && len == LEN);
        CHECK(!memcmp(bytes, plain, LEN));
        memset(report, 0, 28);
        report[0] = 0x80;
        report[1] = 201;
        len = 28;
        CHECK(srtp_protect_rtcp(out, report, &len) == srtp_err_status_ok && len == 28 + (int)rtcp);
        CHECK(srtp_unprotect_rtcp(in, report, &len) == srtp_err_status_ok && len == 28);
        free(bytes);
        free(plain);
        free(report);
    }
    CHECK(srtp_get_stream_roc(out, SSRC, &roc) == srtp_err_status_ok && roc == 1);
    CHECK(srtp_get_stream_roc(in, SSRC, &roc) == srtp_err_status_ok && roc == 1);
    CHECK(srtp_remove_stream(in, htonl(SSRC)) == srtp_err_status_ok);
    CHECK(srtp_remove_stream(in, htonl(SSRC)) == srtp_err_status_no_ctx);
    CHECK(srtp_get_stream_roc(in, SSRC, &roc) == srtp_err_status_bad_param);
    CHECK(srtp_dealloc(out) == srtp_err_status_ok && srtp_dealloc(in) == srtp_err_status_ok);
}

/* What allow_repeat_tx allows: the same packet; under counter mode another header; never another payload. */
static void repetition(int gcm)
{
    srtp_policy_t policy = policy_for(ssrc_any_outbound, gcm);
    size_t room = gcm ? 16 : 10;
    srtp_t strict = session_of(policy), lenient;
    policy.allow_repeat_tx = 1;
    lenient = session_of(policy);
    CHECK(send_one(strict, SSRC, 7, 0, room) == srtp_err_status_ok);
    CHECK(send_one(strict, SSRC, 7, 0, room) == srtp_err_status_replay_fail);
    CHECK(send_one(lenient, SSRC, 7, 0, room) == srtp_err_status_ok);
    CHECK(send_one(lenient, SSRC, 7, 0, room) == srtp_err_status_ok);
    CHECK(send_one(lenient, SSRC, 7, 20, room) == srtp_err_status_replay_fail);
    CHECK(send_one(lenient, SSRC, 7, 5, room) == (gcm ? srtp_err_status_replay_fail : srtp_err_status_ok));
    CHECK(messages > 0);
    srtp_dealloc(strict);
    srtp_dealloc(lenient);
}

static void streams_and_updates(void)
{
    srtp_policy_t policy = policy_for(ssrc_specific, 0);
    srtp_t session = NULL;
    CHECK(srtp_create(&session, NULL) == srtp_err_status_ok);
    CHECK(send_one(session, SSRC, 1, 0, 10) == srtp_err_status_no_ctx);
    CHECK(srtp_add_stream(session, &policy) == srtp_err_status_ok);
    CHECK(send_one(session, SSRC, 1, 0, 10) == srtp_err_status_ok);
    CHECK(send_one(session, SSRC + 1, 1, 0, 10) == srtp_err_status_no_ctx);
    /* The same key with another window: what was sent stays sent. */
    policy.window_size = 1024;
    CHECK(srtp_update(session, &policy) == srtp_err_status_ok);
    CHECK(send_one(session, SSRC, 1, 0, 10) != srtp_err_status_ok);
    CHECK(send_one(session, SSRC, 2, 0, 10) == srtp_err_status_ok);
    policy.key = other_key;
    CHECK(srtp_update_stream(session, &policy) == srtp_err_status_ok);
    CHECK(send_one(session, SSRC, 3, 0, 10) == srtp_err_status_ok);
    /* RFC 3711, section 9.2: the first key does not come back. */
    policy.key = key;
    CHECK(srtp_update_stream(session, &policy) == srtp_err_status_fail);
    CHECK(send_one(session, SSRC, 4, 0, 10) == srtp_err_status_ok);
    CHECK(srtp_set_stream_roc(session, SSRC, 5) == srtp_err_status_ok);
    CHECK(send_one(session, SSRC, 5, 0, 10) == srtp_err_status_ok);
    CHECK(srtp_set_stream_roc(session, SSRC, 4) == srtp_err_status_bad_param);
    policy.ssrc.type = ssrc_any_outbound;
    CHECK(srtp_update(session, &policy) == srtp_err_status_bad_param);
    CHECK(srtp_add_stream(session, &policy) == srtp_err_status_ok);
    CHECK(srtp_add_stream(session, &policy) == srtp_err_status_bad_param);
    CHECK(send_one(session, SSRC + 1, 1, 0, 10) == srtp_err_status_ok);
    srtp_dealloc(session);
}

static void collisions(void)
{
    srtp_t out = session_of(policy_for(ssrc_any_outbound, 0)), both = session_of(policy_for(ssrc_any_inbound, 0));
    unsigned char *bytes = packet(SSRC, 9, 10);
    int len = LEN, mine;
    CHECK(srtp_protect(out, bytes, &len) == srtp_err_status_ok);
    srtp_set_user_data(both, &mine);
    events[event_ssrc_collision] = 0;
    CHECK(srtp_unprotect(both, bytes, &len) == srtp_err_status_ok);
    CHECK(events[event_ssrc_collision] == 0);
    CHECK(send_one(both, SSRC, 11, 0, 10) == srtp_err_status_ok);
    CHECK(events[event_ssrc_collision] == 1 && event_data == &mine);
    free(bytes);
    srtp_dealloc(out);
    srtp_dealloc(both);
}

static void cryptex(void)
{
    srtp_policy_t policy = policy_for(ssrc_any_outbound, 0);
    srtp_t out = session_of(policy), in;
    srtp_ssrc_t all = { ssrc_any_outbound, 0 };
    unsigned char *bytes = packet(SSRC, 1, 10);
    int len = LEN;
    policy.ssrc.type = ssrc_any_inbound;
    in = session_of(policy);
    CHECK(srtp_set_stream_use_cryptex(out, &all, 1) == srtp_err_status_ok);
    all.type = ssrc_any_inbound;
    CHECK(srtp_set_stream_use_cryptex(in, &all, 1) == srtp_err_status_ok);
    /* CSRCs and no header extension: there is no room to add one. */
    bytes[0] = 0x81;
    CHECK(srtp_protect(out, bytes, &len) == srtp_err_status_cryptex_err && len == LEN);
    bytes[0] = 0x91;
    bytes[16] = 0xbe, bytes[17] = 0xde, bytes[18] = 0, bytes[19] = 1;
    CHECK(srtp_protect(out, bytes, &len) == srtp_err_status_ok && len == LEN + 10);
    CHECK(bytes[16] == 0xc0 && bytes[17] == 0xde && bytes[12] != 12);
    CHECK(srtp_unprotect(in, bytes, &len) == srtp_err_status_ok && len == LEN);
    CHECK(bytes[16] == 0xbe && bytes[12] == 12 && bytes[20] == 20);
    free(bytes);
    srtp_dealloc(out);
    srtp_dealloc(in);
}

enum { BATCH = 150, SESSIONS = 3 };

static unsigned char *rtcp_packet(size_t room)
{
    unsigned char *bytes = packet(0, 0, room);
    bytes[1] = 201;
    return bytes;
}

/* A batch over several sessions, RTCP and refusals among it, against the same calls one by one. */
static void batches(int gcm)
{
    size_t room = gcm ? 20 : 14;
    srtp_policy_t policy = policy_for(ssrc_any_outbound, gcm);
    srtp_t one[SESSIONS], many[SESSIONS], in[SESSIONS];
    portcullis_srtp_packet_t packets[BATCH];
    size_t done, expected = 0;
    unsigned i;
    for (i = 0; i < SESSIONS; i++) {
        policy.ssrc.type = ssrc_any_outbound;
        one[i] = session_of(policy);
        many[i] = session_of(policy);
        policy.ssrc.type = ssrc_any_inbound;
        in[i] = session_of(policy);
    }
    for (i = 0; i < BATCH; i++) {
        packets[i].rtcp = i % 7 == 3;
        packets[i].session = i % 50 == 49 ? NULL : many[i * i % SESSIONS];
        /* Every tenth sequence number comes twice. */
        packets[i].packet = packets[i].rtcp ? rtcp_packet(room) : packet(SSRC + i % 2, i - (i % 10 == 9 ? 2 : 0), room);
        packets[i].length = i == 20 ? 5 : LEN;
    }
    done = portcullis_srtp_protect_batch(packets, BATCH);
    for (i = 0; i < BATCH; i++) {
        unsigned char *alone = packets[i].rtcp ? rtcp_packet(room) : packet(SSRC + i % 2, i - (i % 10 == 9 ? 2 : 0), room);
        int len = i == 20 ? 5 : LEN;
        srtp_t session = i % 50 == 49 ? NULL : one[i * i % SESSIONS];
        srtp_err_status_t status = packets[i].rtcp ? srtp_protect_rtcp(session, alone, &len) : srtp_protect(session, alone, &len);
        CHECK(packets[i].status == status);
        CHECK(status || packets[i].length == len);
        CHECK(status || !memcmp(packets[i].packet, alone, (size_t)len));
        expected += status == srtp_err_status_ok;
        free(alone);
        if (packets[i].session)
            packets[i].session = in[i * i % SESSIONS];
        if (i == 30)
            ((unsigned char *)packets[i].packet)[20] ^= 1;
    }
    CHECK(done == expected && done > BATCH / 2 && done < BATCH);
    done = portcullis_srtp_unprotect_batch(packets, BATCH);
    CHECK(done > BATCH / 2 && done < expected);
    CHECK(packets[30].status == srtp_err_status_auth_fail);
    CHECK(packets[31].status == srtp_err_status_ok && packets[31].length == LEN);
    CHECK(portcullis_srtp_protect_batch(NULL, 5) == 0);
    for (i = 0; i < BATCH; i++)
        free(packets[i].packet);
    for (i = 0; i < SESSIONS; i++) {
        srtp_dealloc(one[i]);
        srtp_dealloc(many[i]);
        srtp_dealloc(in[i]);
    }
}

/* Null where libsrtp looks for it, and where it does not. */
static void nulls_and_nonsense(void)
{
    srtp_policy_t policy = policy_for(ssrc_any_outbound, 0);
    srtp_t session = session_of(policy), none = NULL;
    unsigned char bytes[64] = { 0x80 };
    int len = -1;
    CHECK(srtp_create(NULL, &policy) == srtp_err_status_bad_param);
    CHECK(srtp_add_stream(NULL, &policy) == srtp_err_status_bad_param);
    CHECK(srtp_add_stream(session, NULL) == srtp_err_status_bad_param);
    CHECK(srtp_update(session, NULL) == srtp_err_status_bad_param);
    CHECK(srtp_protect(NULL, bytes, &len) == srtp_err_status_bad_param);
    CHECK(srtp_protect(session, NULL, &len) == srtp_err_status_bad_param);
    CHECK(srtp_protect(session, bytes, NULL) == srtp_err_status_bad_param);
    CHECK(srtp_protect(session, bytes, &len) == srtp_err_status_bad_param);
    len = 11;
    CHECK(srtp_unprotect(session, bytes, &len) == srtp_err_status_bad_param);
    len = 7;
    CHECK(srtp_protect_rtcp(session, bytes, &len) == srtp_err_status_bad_param);
    CHECK(srtp_get_user_data(NULL) == NULL);
    policy.ssrc.type = ssrc_undefined;
    CHECK(srtp_create(&none, &policy) == srtp_err_status_bad_param && none == NULL);
    policy = policy_for(ssrc_any_outbound, 0);
    policy.key = NULL;
    CHECK(srtp_create(&none, &policy) == srtp_err_status_bad_param);
    policy.key = key;
    policy.window_size = 63;
    CHECK(srtp_create(&none, &policy) == srtp_err_status_bad_param);
    policy.window_size = 0;
    policy.allow_repeat_tx = 2;
    CHECK(srtp_create(&none, &policy) == srtp_err_status_bad_param);
    CHECK(srtp_replace_auth_type(NULL, 3) == srtp_err_status_bad_param);
    CHECK(srtp_dealloc(session) == srtp_err_status_ok);
}

int main(void)
{
    unsigned i;
    for (i = 0; i < sizeof(key); i++)
        key[i] = (unsigned char)i, other_key[i] = (unsigned char)(200 - i);
    CHECK(srtp_init() == srtp_err_status_ok);
    CHECK(srtp_install_event_handler(on_event) == srtp_err_status_ok);
    CHECK(srtp_install_log_handler(on_message, NULL) == srtp_err_status_ok);
    for (i = 0; i < 2; i++) {
        round_trips((int)i);
        repetition((int)i);
        batches((int)i);
    }
    streams_and_updates();
    collisions();
    cryptex();
    nulls_and_nonsense();
    CHECK(srtp_shutdown() == srtp_err_status_ok);
    puts(line_failed ? "failed" : "the interface holds");
    return line_failed != 0;
}

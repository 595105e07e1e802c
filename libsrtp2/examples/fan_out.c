/*
 * One packet to many receivers, as a server forwards it: in one call where the library has
 * portcullis_srtp_protect_batch, and packet by packet with any other libsrtp.
 *
 *     cc fan_out.c -lsrtp2 -ldl && ./a.out
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <srtp2/srtp.h>
#if defined(__has_include)
#if __has_include(<srtp2/portcullis_srtp.h>)
#include <srtp2/portcullis_srtp.h>
#define HAS_BATCHES 1
#endif
#endif

enum { RECEIVERS = 50, PAYLOAD = 1000, HEADER = 12, ROOM = SRTP_MAX_TRAILER_LEN };

static srtp_t sessions[RECEIVERS];
static unsigned char copies[RECEIVERS][HEADER + PAYLOAD + ROOM];

/* Protects the copy for each receiver; gives how many were. */
static unsigned protect_all(int len)
{
    unsigned i, done = 0;
#ifdef HAS_BATCHES
    size_t (*protect_batch)(portcullis_srtp_packet_t *, size_t);
    *(void **)&protect_batch = dlsym(RTLD_DEFAULT, "portcullis_srtp_protect_batch");
    if (protect_batch) {
        portcullis_srtp_packet_t packets[RECEIVERS];
        for (i = 0; i < RECEIVERS; i++) {
            packets[i].session = sessions[i];
            packets[i].packet = copies[i];
            packets[i].length = len;
            packets[i].rtcp = 0;
        }
        return (unsigned)protect_batch(packets, RECEIVERS);
    }
#endif
    for (i = 0; i < RECEIVERS; i++) {
        int length = len;
        done += srtp_protect(sessions[i], copies[i], &length) == srtp_err_status_ok;
    }
    return done;
}

int main(void)
{
    unsigned char key[SRTP_MASTER_KEY_LEN];
    unsigned i;
    if (srtp_init())
        return 1;
    for (i = 0; i < RECEIVERS; i++) {
        srtp_policy_t policy;
        memset(&policy, 0, sizeof(policy));
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        policy.ssrc.type = ssrc_any_outbound;
        /* In a server: what DTLS exported for this receiver. */
        memset(key, (int)i, sizeof(key));
        policy.key = key;
        if (srtp_create(&sessions[i], &policy))
            return 1;
        copies[i][0] = 0x80;
        copies[i][11] = 1;
    }
    i = protect_all(HEADER + PAYLOAD);
    printf("%s: %u of %d packets\n", srtp_get_version_string(), i, RECEIVERS);
    if (i != RECEIVERS)
        return 1;
    for (i = 0; i < RECEIVERS; i++)
        srtp_dealloc(sessions[i]);
    return 0;
}

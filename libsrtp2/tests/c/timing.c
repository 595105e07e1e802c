/*
 * Times of the same calls to several libraries with the interface of libsrtp, in turn, in many short bursts: the least of
 * each is what the code costs.
 *
 * timing NAME=PATH...
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "srtp2/crypto_types.h"
#include "srtp2/srtp.h"

enum { LIBRARIES = 8, BURST = 64, ROUNDS = 300, ROOM = 32, LONGEST = 1200 };

static struct {
    const char *name;
    void *shared;
    srtp_err_status_t (*create)(srtp_t *, const srtp_policy_t *);
    srtp_err_status_t (*dealloc)(srtp_t);
    srtp_err_status_t (*protect)(srtp_t, void *, int *);
    srtp_err_status_t (*unprotect)(srtp_t, void *, int *);
    srtp_t out[BURST], in[BURST];
} lib[LIBRARIES];
static int libraries;

static const struct {
    const char *name, *preset;
} suites[] = {
    { "AES_CM_128_HMAC_SHA1_80", "srtp_crypto_policy_set_rtp_default" },
    { "AES_CM_128_HMAC_SHA1_32", "srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32" },
    { "AES_CM_256_HMAC_SHA1_80", "srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80" },
    { "AEAD_AES_128_GCM", "srtp_crypto_policy_set_aes_gcm_128_16_auth" },
    { "AEAD_AES_256_GCM", "srtp_crypto_policy_set_aes_gcm_256_16_auth" },
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static unsigned char key[64];
static unsigned char packets[BURST][LONGEST + ROOM];
static int lengths[BURST];

static srtp_policy_t policy_of(int which, int suite, srtp_ssrc_type_t type)
{
    srtp_policy_t policy;
    void (*preset)(srtp_crypto_policy_t *);
    memset(&policy, 0, sizeof(policy));
    *(void **)&preset = dlsym(lib[which].shared, suites[suite].preset);
    preset(&policy.rtp);
    preset(&policy.rtcp);
    policy.ssrc.type = type;
    policy.key = key;
    policy.window_size = 1024;
    return policy;
}

static void check(srtp_err_status_t status, const char *call)
{
    if (status) {
        fprintf(stderr, "%s: %d\n", call, (int)status);
        exit(1);
    }
}

static void fill(int size, unsigned seq)
{
    int i;
    for (i = 0; i < BURST; i++) {
        memset(packets[i], 7, (size_t)size);
        packets[i][0] = 0x80;
        packets[i][2] = (unsigned char)(seq >> 8), packets[i][3] = (unsigned char)seq;
        lengths[i] = size;
    }
}

static double least(double so_far, double since, int count)
{
    double each = (now() - since) / count;
    return each < so_far ? each : so_far;
}

int main(int count, char **arguments)
{
    static const int sizes[] = { 100, 300, 1200 };
    int i, suite, which, round, size;
    for (i = 1; i < count && libraries < LIBRARIES; i++) {
        char *path = strchr(arguments[i], '=');
        srtp_err_status_t (*init)(void);
        void *shared = path ? dlopen(path + 1, RTLD_NOW | RTLD_LOCAL) : NULL;
        if (!shared) {
            fprintf(stderr, "%s: %s\n", arguments[i], path ? dlerror() : "NAME=PATH is wanted");
            return 2;
        }
        *path = 0;
        lib[libraries].name = arguments[i];
        lib[libraries].shared = shared;
#define SYMBOL(place, name) (*(void **)&(place) = dlsym(shared, name))
        SYMBOL(init, "srtp_init");
        SYMBOL(lib[libraries].create, "srtp_create");
        SYMBOL(lib[libraries].dealloc, "srtp_dealloc");
        SYMBOL(lib[libraries].protect, "srtp_protect");
        SYMBOL(lib[libraries].unprotect, "srtp_unprotect");
        check(init(), "srtp_init");
        libraries++;
    }
    for (i = 0; i < (int)sizeof(key); i++)
        key[i] = (unsigned char)(3 * i);
    printf("%-26s %-14s %12s", "ns: protect/unprotect", "", "create+free");
    for (size = 0; size < 3; size++)
        printf(" %9d B", sizes[size]);
    puts("");
    for (suite = 0; suite < (int)(sizeof(suites) / sizeof(suites[0])); suite++) {
        double made[LIBRARIES], best[LIBRARIES][3][2];
        unsigned seq = 0;
        for (which = 0; which < libraries; which++) {
            srtp_policy_t out = policy_of(which, suite, ssrc_any_outbound), in = policy_of(which, suite, ssrc_any_inbound);
            made[which] = 1e12;
            for (size = 0; size < 3; size++)
                best[which][size][0] = best[which][size][1] = 1e12;
            for (i = 0; i < BURST; i++) {
                check(lib[which].create(&lib[which].out[i], &out), "srtp_create");
                check(lib[which].create(&lib[which].in[i], &in), "srtp_create");
            }
        }
        for (round = 0; round < ROUNDS; round++) {
            for (which = 0; which < libraries; which++) {
                double since;
                if (round < 20) {
                    srtp_policy_t policy = policy_of(which, suite, ssrc_any_outbound);
                    srtp_t session;
                    since = now();
                    for (i = 0; i < 4; i++) {
                        check(lib[which].create(&session, &policy), "srtp_create");
                        check(lib[which].dealloc(session), "srtp_dealloc");
                    }
                    made[which] = least(made[which], since, 4);
                }
                for (size = 0; size < 3; size++) {
                    fill(sizes[size], seq + (unsigned)size);
                    since = now();
                    for (i = 0; i < BURST; i++)
                        check(lib[which].protect(lib[which].out[i], packets[i], &lengths[i]), "srtp_protect");
                    best[which][size][0] = least(best[which][size][0], since, BURST);
                    since = now();
                    for (i = 0; i < BURST; i++)
                        check(lib[which].unprotect(lib[which].in[i], packets[i], &lengths[i]), "srtp_unprotect");
                    best[which][size][1] = least(best[which][size][1], since, BURST);
                }
            }
            seq += 3;
        }
        for (which = 0; which < libraries; which++) {
            printf("%-26s %-14s %12.0f", suites[suite].name, lib[which].name, made[which]);
            for (size = 0; size < 3; size++)
                printf(" %5.0f/%5.0f", best[which][size][0], best[which][size][1]);
            puts("");
            for (i = 0; i < BURST; i++) {
                check(lib[which].dealloc(lib[which].out[i]), "srtp_dealloc");
                check(lib[which].dealloc(lib[which].in[i]), "srtp_dealloc");
            }
        }
        fflush(stdout);
    }
    return 0;
}

/*
 * An extension of libsrtp's interface: packets of many sessions in one call, for servers that send one packet to
 * many. Found by dlsym, or linked; without it, the same packets go one by one (examples/fan_out.c).
 */
#ifndef PORTCULLIS_SRTP_H
#define PORTCULLIS_SRTP_H

#include <stddef.h>

#include "srtp.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A packet of a batch. */
typedef struct portcullis_srtp_packet_t {
    srtp_t session;
    void *packet;             /* with room behind it, as for srtp_protect */
    int length;               /* bytes; the new length afterwards, if the status is ok */
    int rtcp;                 /* 0 for RTP, 1 for RTCP */
    srtp_err_status_t status; /* what the call for this packet alone would have answered */
} portcullis_srtp_packet_t;

/*
 * Protects, or unprotects, all packets as if one after the other, without master key identifiers; among 64 packets,
 * RTCP comes after RTP. Packets may be of any sessions and in any order; what can share vector lanes is put together. No other thread may be in a call on
 * one of the sessions. Gives how many packets have the status ok.
 */
size_t portcullis_srtp_protect_batch(portcullis_srtp_packet_t *packets, size_t count);
size_t portcullis_srtp_unprotect_batch(portcullis_srtp_packet_t *packets, size_t count);

#ifdef __cplusplus
}
#endif

#endif

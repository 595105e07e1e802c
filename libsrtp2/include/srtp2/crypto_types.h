/* The ciphers and authentication functions that a policy can name. */
#ifndef SRTP_CRYPTO_TYPES_H
#define SRTP_CRYPTO_TYPES_H

/* No encryption. */
#define SRTP_NULL_CIPHER 0
/* AES in counter mode (RFC 3711, RFC 6188), by the bits of its key. */
#define SRTP_AES_ICM_128 1
#define SRTP_AES_ICM_192 4
#define SRTP_AES_ICM_256 5
/* AES-GCM (RFC 7714). */
#define SRTP_AES_GCM_128 6
#define SRTP_AES_GCM_256 7

/* No authentication but that of AES-GCM. */
#define SRTP_NULL_AUTH 0
/* HMAC-SHA1 (RFC 3711). */
#define SRTP_HMAC_SHA1 3

#endif

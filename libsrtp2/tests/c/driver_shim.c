/*
 * What libsrtp's srtp_driver takes from inside libsrtp, over public symbols: so that it runs against any library
 * with the interface. Compiled beside it with the headers of its own source.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srtp_priv.h"
#include "stream_list_priv.h"

/* A stream is there if its rollover counter can be asked for. */
srtp_stream_t srtp_get_stream(srtp_t session, uint32_t ssrc)
{
    uint32_t roc;
    return srtp_get_stream_roc(session, ntohl(ssrc), &roc) == srtp_err_status_ok ? (srtp_stream_t)session : NULL;
}

srtp_err_status_t srtp_crypto_kernel_load_debug_module(srtp_debug_module_t *module)
{
    (void)module;
    return srtp_err_status_ok;
}

void srtp_err_report(srtp_err_reporting_level_t level, const char *format, ...)
{
    va_list arguments;
    (void)level;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

int srtp_octet_string_is_eq(uint8_t *a, uint8_t *b, int length)
{
    return memcmp(a, b, (size_t)length) != 0;
}

char *srtp_octet_string_hex_string(const void *bytes, int length)
{
    static char text[4096];
    int i;
    for (i = 0; i < length && i < 2000; i++)
        sprintf(text + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
    return text;
}

unsigned long srtp_rdbx_get_window_size(const srtp_rdbx_t *rdbx)
{
    (void)rdbx;
    return 0;
}

/* The list that srtp_driver tests by itself: inside libsrtp, and nowhere else. */
struct srtp_stream_list_ctx_t_ {
    srtp_stream_t streams[64];
    int count;
};

srtp_err_status_t srtp_stream_list_alloc(srtp_stream_list_t *list)
{
    *list = calloc(1, sizeof(**list));
    return *list ? srtp_err_status_ok : srtp_err_status_alloc_fail;
}

srtp_err_status_t srtp_stream_list_dealloc(srtp_stream_list_t list)
{
    if (list->count)
        return srtp_err_status_fail;
    free(list);
    return srtp_err_status_ok;
}

srtp_err_status_t srtp_stream_list_insert(srtp_stream_list_t list, srtp_stream_t stream)
{
    list->streams[list->count++] = stream;
    return srtp_err_status_ok;
}

srtp_stream_t srtp_stream_list_get(srtp_stream_list_t list, uint32_t ssrc)
{
    int i;
    for (i = 0; i < list->count; i++)
        if (list->streams[i]->ssrc == ssrc)
            return list->streams[i];
    return NULL;
}

void srtp_stream_list_remove(srtp_stream_list_t list, srtp_stream_t stream)
{
    int i;
    for (i = 0; i < list->count && list->streams[i] != stream; i++)
        ;
    if (i == list->count)
        return;
    memmove(list->streams + i, list->streams + i + 1, sizeof(stream) * (size_t)(list->count - i - 1));
    list->count--;
}

void srtp_stream_list_for_each(srtp_stream_list_t list, int (*visit)(srtp_stream_t, void *), void *data)
{
    srtp_stream_t all[64];
    int i, count = list->count;
    memcpy(all, list->streams, sizeof(all));
    for (i = 0; i < count; i++)
        if (visit(all[i], data))
            break;
}

/* What the peers in C share: arguments, a connected UDP socket, and the words they say. */
#ifndef PEER_H
#define PEER_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct peer {
    int is_server, is_13;
    const char *profile, *certificate, *key, *group;
    /* Bytes of keys and salts of the profile. */
    size_t length;
    int socket;
};

static void fail(const char *what, const char *why) {
    printf("error %s: %s\n", what, why);
    exit(1);
}

static void say_hex(const char *word, const unsigned char *bytes, size_t length, const char *between) {
    printf("%s", word);
    for (size_t i = 0; i < length; i++) printf("%s%02X", i ? between : " ", bytes[i]);
    printf("\n");
}

/* client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP; a server returns when the first datagram is there. */
static struct peer start(int count, char **arguments) {
    if (count != 8) fail("arguments", "seven are needed");
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct peer peer = {
        .is_server = !strcmp(arguments[1], "server"),
        .is_13 = !strcmp(arguments[3], "1.3"),
        .profile = arguments[4],
        .certificate = arguments[5],
        .key = arguments[6],
        .group = arguments[7],
        .length = (size_t)(strstr(arguments[4], "256_GCM") ? 88 : strstr(arguments[4], "GCM") ? 56 : 60),
        .socket = socket(AF_INET, SOCK_DGRAM, 0),
    };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[2])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = 5};
    setsockopt(peer.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (peer.is_server) {
        socklen_t length = sizeof address;
        char byte;
        if (bind(peer.socket, (struct sockaddr *)&address, length)) fail("bind", arguments[2]);
        printf("ready\n");
        if (recvfrom(peer.socket, &byte, 1, MSG_PEEK, (struct sockaddr *)&address, &length) < 0) fail("recvfrom", "nobody came");
    }
    if (connect(peer.socket, (struct sockaddr *)&address, sizeof address)) fail("connect", arguments[2]);
    return peer;
}

#endif

/* A DHCP client's questions as frames, and whether a frame is the right reply to one.
 *
 * Client i has the MAC `net.mac` + i and the address `net.ip` + i.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5 };
enum { FRAME = 360, SHORTEST = 342 }; /* RFC 1542 2.1: 300 octets of BOOTP and their headers */

#define PACKED __attribute__((packed))
struct message { /* Ethernet, IPv4, UDP (RFC 768), DHCP (RFC 2131 figure 1) without options */
    uint8_t dl_dst[6], dl_src[6];
    uint16_t dl_type;
    uint8_t version, tos;
    uint16_t length, id, fragment;
    uint8_t ttl, protocol;
    uint16_t ip_sum;
    uint32_t src, dst;
    uint16_t sport, dport, udp_length, udp_sum;
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[16], sname[64], file[128], cookie[4], options[];
} PACKED;

enum kind { RENEW, DISCOVERING, NEW, UNLIKE, KINDS_END };
static const char *const KINDS[] = {"renew", "discover", "new", "unlike"};
/* What was never seen before is in a new one the client identifier, which a server only copies; in
 * one unlike all others the host name, which a server may look at. */

static struct {
    uint64_t mac, server_mac;
    uint32_t ip, server;
} net;

static uint32_t sum(const void *octets, size_t length, uint32_t start)
{
    const uint16_t *words = octets;
    for (size_t i = 0; i < length / 2; i++)
        start += words[i];
    return length & 1 ? start + ((const uint8_t *)octets)[length - 1] : start;
}

static uint16_t folded(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)(sum + (sum >> 16));
}

static uint16_t udp_sum(const struct message *it, size_t length)
{
    return folded(sum(&it->src, 8 + length, htons(IPPROTO_UDP) + it->udp_length));
}

static void put_mac(uint8_t *at, uint64_t mac)
{
    for (int i = 5; i >= 0; i--, mac >>= 8)
        at[i] = (uint8_t)mac;
}

static uint8_t *put_option(uint8_t *at, uint8_t code, uint8_t length, const void *value)
{
    *at++ = code;
    *at++ = length;
    memcpy(at, value, length);
    return at + length;
}

static const char *put_name(char name[12], uint64_t number)
{
    for (int i = 0; i < 12; i++, number >>= 5)
        name[i] = "abcdefghijklmnopqrstuvwxyz012345"[number & 31];
    return name;
}

static uint8_t *put_options(uint8_t *at, uint8_t type, uint32_t client, enum kind kind)
{
    static const uint8_t wanted[] = {1, 28, 2, 3, 15, 6, 12, 121, 26, 42}, large[] = {2, 64};
    static uint64_t stranger; /* begins with the time in ns: no earlier run has come so far */
    uint32_t address = htonl(net.ip + client), server = htonl(net.server);
    uint8_t id[9] = {kind != NEW};
    char name[12];

    if (!stranger) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        stranger = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    }
    stranger++;
    if (kind == NEW)
        memcpy(id + 1, &stranger, 8);
    else
        put_mac(id + 1, net.mac + client);
    at = put_option(at, 53, 1, &type);
    at = put_option(at, 61, kind == NEW ? 9 : 7, id);
    if (type == REQUEST && kind != RENEW) { /* table 4: in SELECTING */
        at = put_option(at, 50, 4, &address);
        at = put_option(at, 54, 4, &server);
    }
    if (kind == UNLIKE)
        at = put_option(at, 12, sizeof name, put_name(name, stranger));
    at = put_option(at, 57, 2, large);
    at = put_option(at, 55, sizeof wanted, wanted);
    *at++ = 255;
    return at;
}

/* A question as octets; returns its length. A renewal is unicast, all else is broadcast. */
static size_t put_question(uint8_t *frame, uint8_t type, enum kind kind, uint32_t client,
                           uint32_t xid)
{
    struct message *it = (struct message *)frame;
    uint64_t mac = net.mac + client;
    bool renewing = type == REQUEST && kind == RENEW;

    memset(frame, 0, FRAME);
    put_mac(it->dl_dst, renewing ? net.server_mac : 0xffffffffffff);
    put_mac(it->dl_src, mac);
    it->dl_type = htons(ETH_P_IP);
    it->version = 0x45, it->ttl = 64, it->protocol = IPPROTO_UDP;
    it->src = renewing ? htonl(net.ip + client) : 0;
    it->dst = renewing ? htonl(net.server) : 0xffffffff;
    it->sport = htons(68), it->dport = htons(67);
    it->op = 1, it->htype = 1, it->hlen = 6;
    it->xid = htonl(xid);
    it->ciaddr = it->src;
    put_mac(it->chaddr, mac);
    memcpy(it->cookie, "\x63\x82\x53\x63", 4);
    uint8_t *end = put_options(it->options, type, client, kind);
    size_t octets = end - frame < SHORTEST ? SHORTEST : (size_t)(end - frame);
    it->length = htons((uint16_t)(octets - ETH_HLEN));
    it->udp_length = htons((uint16_t)(octets - ETH_HLEN - 20));
    it->ip_sum = ~folded(sum(&it->version, 20, 0));
    it->udp_sum = ~udp_sum(it, octets - ETH_HLEN - 20);
    return octets;
}

static uint8_t message_type(const struct message *it, size_t octets)
{
    const uint8_t *at = it->options, *end = (const uint8_t *)it + octets;
    while (at + 2 < end && *at != 255) {
        if (*at == 53)
            return at[2];
        at += *at ? 2 + at[1] : 1;
    }
    return 0;
}

static bool is_for(const struct message *it, uint32_t client)
{
    uint8_t mac[6];
    put_mac(mac, net.mac + client);
    return !memcmp(it->dl_dst, mac, 6) && !memcmp(it->chaddr, mac, 6)
        && it->yiaddr == htonl(net.ip + client);
}

/* Whether a reply is whole and answers `type` to the client. */
static bool is_right(const struct message *it, size_t octets, uint32_t client, uint8_t type)
{
    size_t udp = ntohs(it->udp_length);
    return is_for(it, client) && it->src == htonl(net.server) && it->dport == htons(68)
        && ETH_HLEN + 20 + udp <= octets
        && folded(sum(&it->version, 20, 0)) == 0xffff
        && (!it->udp_sum || udp_sum(it, udp) == 0xffff)
        && message_type(it, octets) == (type == DISCOVER ? OFFER : ACK);
}

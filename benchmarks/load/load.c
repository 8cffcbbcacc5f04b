/* DHCP clients by the thousand, on the far ends of a bridge's ports, as cheap as they can be.
 *
 *     load closed  --window 128 --seconds 2    ask again whenever an answer comes
 *                  --once                      ... until every client has its answer
 *     load open    --rate 50000 --seconds 2    ask at a rate, whatever comes
 *     load storm   --clients 10000             all boot within a second, each with its back-off
 *
 * Client i has the MAC `--mac` + i and the address `--ip` + i, and is plugged into port i modulo
 * `--ports`; the ports' interfaces are c0, c1, ... of this network namespace. One packet socket
 * serves them all. Each reply is looked at (xid, port, MAC, address, type, checksums), and only
 * right ones count. The result is one JSON object on stdout; times are microseconds.
 *
 * Latency in the open loop counts from the moment at which a question was due.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "messages.h"

enum { SLOT_BITS = 14, SLOTS = 1 << SLOT_BITS, BATCH = 128, MANY = 32, SNAP = 1024 };
enum { LONGEST_MOMENT = 100 }; /* us */
enum { SECOND = 1000000000, MILLISECOND = 1000000, MICROSECOND = 1000 };
enum { TRIES = 6, BACK_OFF = 4 }; /* RFC 2131 4.1: 4 s, 8 s, ..., each give or take one */

static struct {
    unsigned clients, ports, window, rate, wait_ms;
    double seconds;
    enum kind kind;
    bool any, each_port, once;
} given = {.clients = 1, .ports = 1, .window = 1, .rate = 1000, .wait_ms = 1000, .seconds = 2};

struct slot { /* a question that is out; in a storm, a client */
    uint64_t sent;
    uint32_t client, xid;
    bool waiting;
};
struct sample {
    uint32_t port, ns;
};
struct client { /* in a storm */
    uint64_t started, due, bound;
    uint8_t asking, tries[ACK];
};

static struct slot slots[SLOTS];
static struct client *clients;
static struct sample *samples;
static size_t sampled, room;
static uint64_t asked, lost, wrong, stray, refused;
static uint32_t sequence;
static int wire, *interfaces;

static struct mmsghdr outgoing[BATCH], incoming[BATCH];
static struct sockaddr_ll to[BATCH], from[BATCH];
static uint8_t questions[BATCH][FRAME], replies[BATCH][SNAP];
static unsigned ready;

static void die(const char *format, ...)
{
    va_list words;
    va_start(words, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, words);
    fputc('\n', stderr);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* --- the wire ----------------------------------------------------------------------------- */

static void open_wire(void)
{
    int on = 1, octets = 64 << 20;
    struct timeval wait = {.tv_usec = 1000};

    interfaces = calloc(given.ports, sizeof *interfaces);
    wire = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
    if (wire < 0)
        die("no packet socket: %s", strerror(errno));
    setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
    setsockopt(wire, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
    setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(wire, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
    for (unsigned port = 0; port < given.ports; port++) {
        char name[IF_NAMESIZE];
        snprintf(name, sizeof name, "c%u", port);
        interfaces[port] = (int)if_nametoindex(name);
        if (!interfaces[port])
            die("no interface %s here", name);
    }
    for (unsigned i = 0; i < BATCH; i++) {
        static struct iovec out[BATCH], in[BATCH];
        out[i].iov_base = questions[i];
        outgoing[i].msg_hdr = (struct msghdr){&to[i], sizeof to[i], &out[i], 1, NULL, 0, 0};
        in[i] = (struct iovec){replies[i], SNAP};
        incoming[i].msg_hdr = (struct msghdr){&from[i], sizeof from[i], &in[i], 1, NULL, 0, 0};
        to[i] = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
    }
}

static void flush(void)
{
    for (unsigned done = 0; done < ready;) {
        int sent = sendmmsg(wire, outgoing + done, ready - done, 0);
        if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
            die("cannot send: %s", strerror(errno));
        if (sent < 0)
            refused++, sent = 1; /* as a full wire loses it */
        done += (unsigned)sent;
    }
    ready = 0;
}

static void ask(uint8_t type, uint32_t client, uint32_t xid)
{
    outgoing[ready].msg_hdr.msg_iov->iov_len = put_question(questions[ready], type, given.kind,
                                                               client, xid);
    to[ready].sll_ifindex = interfaces[client % given.ports];
    asked++;
    if (++ready == BATCH)
        flush();
}

typedef void taker(const struct message *it, size_t octets, int interface, uint64_t at);

/* Wait a millisecond at most for replies, and have them taken.
 *
 * Who has many questions out waits a moment until several replies are there: being woken for each
 * is paid by ovs-vswitchd, which does the waking. The moment is a microsecond for each question
 * out, 100 at most, so that the load's own ceiling hardly depends on their number; with 32 out a
 * longer one would be a third of a round, and with 128 a shorter one takes CPU that the others
 * need, where all share two cores.
 */
static void receive(taker *take, int flags)
{
    if (given.window >= MANY) {
        unsigned moment = given.window < LONGEST_MOMENT ? given.window : LONGEST_MOMENT;
        nanosleep(&(struct timespec){.tv_nsec = moment * MICROSECOND}, NULL);
    }
    for (unsigned i = 0; i < BATCH; i++)
        incoming[i].msg_hdr.msg_namelen = sizeof from[i];
    int count = recvmmsg(wire, incoming, BATCH, flags, NULL);
    uint64_t at = now();
    for (int i = 0; i < count; i++) {
        const struct message *it = (const struct message *)replies[i];
        size_t octets = incoming[i].msg_len;
        if (octets > sizeof *it && it->protocol == IPPROTO_UDP && it->sport == htons(67))
            take(it, octets, from[i].sll_ifindex, at);
        else
            stray++;
    }
}

static bool is_right_at(const struct message *it, size_t octets, uint32_t client, uint8_t type,
                        int interface)
{
    return interface == interfaces[client % given.ports] && is_right(it, octets, client, type);
}

static void note(uint32_t port, uint64_t ns)
{
    if (sampled == room) {
        room = room ? room * 2 : 1 << 20;
        samples = realloc(samples, room * sizeof *samples);
    }
    samples[sampled++] = (struct sample){port, ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns};
}

/* --- closed and open loop ----------------------------------------------------------------- */

static uint8_t asked_type(void) { return given.kind == RENEW ? REQUEST : DISCOVER; }

/* `open` slots take turns; a question that is still out when its turn comes again is lost. */
static void ask_in(unsigned slot, uint64_t at)
{
    static uint32_t next;
    struct slot *it = &slots[slot];
    lost += it->waiting;
    *it = (struct slot){at, next, sequence++ << SLOT_BITS | slot, true};
    next = next + 1 == given.clients ? 0 : next + 1;
    ask(asked_type(), it->client, it->xid);
}

static struct slot *answered(const struct message *it, size_t octets, int interface, uint64_t at)
{
    uint32_t xid = ntohl(it->xid);
    struct slot *slot = &slots[xid & (SLOTS - 1)];
    if (!slot->waiting || slot->xid != xid) {
        stray++;
        return NULL;
    }
    if (!given.any && !is_right_at(it, octets, slot->client, asked_type(), interface)) {
        wrong++;
        return NULL;
    }
    slot->waiting = false;
    note(slot->client % given.ports, at - slot->sent);
    return slot;
}

static void take_and_ask(const struct message *it, size_t octets, int interface, uint64_t at)
{
    struct slot *slot = answered(it, octets, interface, at);
    if (slot && (!given.once || asked < given.clients))
        ask_in((unsigned)(slot - slots), at);
}

static void take_only(const struct message *it, size_t octets, int interface, uint64_t at)
{
    answered(it, octets, interface, at);
}

static void closed_loop(uint64_t end)
{
    uint64_t wait = (uint64_t)given.wait_ms * MILLISECOND, looked = now();
    for (unsigned slot = 0; slot < given.window; slot++)
        ask_in(slot, looked);
    for (uint64_t at = looked; at < end && !(given.once && sampled >= given.clients); at = now()) {
        flush();
        receive(take_and_ask, MSG_WAITFORONE);
        if (at - looked < 10 * MILLISECOND)
            continue;
        looked = at;
        for (unsigned slot = 0; slot < given.window; slot++)
            if (slots[slot].waiting && at > slots[slot].sent + wait)
                ask_in(slot, at);
    }
}

static void open_loop(uint64_t end)
{
    uint64_t start = now(), at = start, sent = 0, wait = (uint64_t)given.wait_ms * MILLISECOND;
    while (at < end) {
        for (uint64_t due = (at - start) * given.rate / SECOND; sent < due; sent++)
            ask_in(sent & (SLOTS - 1), start + sent * SECOND / given.rate);
        flush();
        receive(take_only, MSG_DONTWAIT);
        at = now();
        struct timespec nap = {.tv_nsec = LONGEST_MOMENT * MICROSECOND};
        if ((at - start) * given.rate / SECOND == sent)
            nanosleep(&nap, NULL);
    }
    while (sampled + lost < asked && now() < end + wait)
        receive(take_only, MSG_WAITFORONE);
    lost = asked - sampled;
}

/* --- the storm ---------------------------------------------------------------------------- */

static uint64_t upto(uint64_t limit) { return (uint64_t)(drand48() * (double)limit); }

static void ask_as(uint32_t number, uint64_t at)
{
    struct client *it = &clients[number];
    uint64_t wait = ((uint64_t)BACK_OFF << it->tries[it->asking]) * SECOND;
    it->tries[it->asking]++;
    it->due = at + wait - SECOND + upto(2ull * SECOND);
    if (it->tries[it->asking] == TRIES)
        it->due = UINT64_MAX;
    ask(it->asking, number, number | 0x5a5a << SLOT_BITS);
}

static void take_as_client(const struct message *it, size_t octets, int interface, uint64_t at)
{
    uint32_t number = ntohl(it->xid) & (SLOTS - 1);
    if (number >= given.clients || clients[number].bound) {
        stray++;
        return;
    }
    struct client *client = &clients[number];
    if (!is_right_at(it, octets, number, client->asking, interface)) {
        wrong += message_type(it, octets) != OFFER; /* a second OFFER is no fault */
        return;
    }
    if (client->asking == DISCOVER) {
        client->asking = REQUEST;
        ask_as(number, at);
    } else {
        client->bound = at;
        note(number % given.ports, (at - client->started) / 1000); /* in a storm: microseconds */
    }
}

static void storm(uint64_t end)
{
    uint64_t start = now();
    clients = calloc(given.clients, sizeof *clients);
    for (unsigned i = 0; i < given.clients; i++) {
        clients[i].started = clients[i].due = start + upto(SECOND);
        clients[i].asking = DISCOVER;
    }
    for (uint64_t at = start; at < end && sampled < given.clients; at = now()) {
        for (unsigned i = 0; i < given.clients; i++)
            if (!clients[i].bound && clients[i].due <= at)
                ask_as(i, at);
        flush();
        for (uint64_t next = at + MILLISECOND; now() < next;)
            receive(take_as_client, MSG_WAITFORONE), flush();
    }
}

/* --- what came of it ---------------------------------------------------------------------- */

static int by_port_and_time(const void *one, const void *other)
{
    const struct sample *a = one, *b = other;
    if (given.each_port && a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return a->ns < b->ns ? -1 : a->ns > b->ns;
}

static void print_times(const struct sample *sorted, size_t count, double unit)
{
    printf("\"replies\": %zu", count);
    if (count)
        printf(", \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f", sorted[count / 2].ns / unit,
               sorted[count * 99 / 100].ns / unit, sorted[count - 1].ns / unit);
}

static void print_ports(double unit)
{
    given.each_port = true;
    qsort(samples, sampled, sizeof *samples, by_port_and_time);
    printf(", \"ports\": [");
    for (size_t port = 0, at = 0; port < given.ports; port++) {
        size_t first = at;
        while (at < sampled && samples[at].port == port)
            at++;
        printf("%s{", port ? ", " : "");
        print_times(samples + first, at - first, unit);
        printf("}");
    }
    printf("]");
}

static void print_storm(void)
{
    unsigned twice = 0, again[ACK] = {0}, late = 0;
    for (unsigned i = 0; i < given.clients; i++) {
        const struct client *it = &clients[i];
        twice += it->tries[DISCOVER] > 1 || it->tries[REQUEST] > 1;
        again[DISCOVER] += it->tries[DISCOVER] > 1;
        again[REQUEST] += it->tries[REQUEST] > 1;
        late += !it->bound || it->bound - it->started > (uint64_t)BACK_OFF * SECOND;
    }
    printf(", \"clients\": %u, \"asked_twice\": %u, \"discover_twice\": %u, \"request_twice\": %u"
           ", \"after_back_off\": %u",
           given.clients, twice, again[DISCOVER], again[REQUEST], late);
}

static void report(double seconds)
{
    bool each_port = given.each_port;
    double unit = clients ? 1 : 1000;
    given.each_port = false;
    qsort(samples, sampled, sizeof *samples, by_port_and_time);
    printf("{\"seconds\": %.4f, \"asked\": %lu, \"lost\": %lu, \"wrong\": %lu, \"stray\": %lu"
           ", \"refused\": %lu, ",
           seconds, asked, lost, wrong, stray, refused);
    print_times(samples, sampled, unit);
    if (clients)
        print_storm();
    if (each_port)
        print_ports(unit);
    printf("}\n");
}

/* --- the command line --------------------------------------------------------------------- */

static uint64_t mac_of(const char *text)
{
    uint64_t mac = 0;
    for (const char *at = text; *at; at += *at == ':')
        mac = mac << 8 | strtoul(at, (char **)&at, 16);
    return mac;
}

static enum kind kind_of(const char *text)
{
    for (enum kind kind = RENEW; kind < KINDS_END; kind++)
        if (!strcmp(text, KINDS[kind]))
            return kind;
    die("no kind of question is called %s", text);
    return RENEW;
}

static void take_option(int option)
{
    switch (option) {
    case 'c': given.clients = (unsigned)atoi(optarg); break;
    case 'p': given.ports = (unsigned)atoi(optarg); break;
    case 'w': given.window = (unsigned)atoi(optarg); break;
    case 'r': given.rate = (unsigned)atoi(optarg); break;
    case 's': given.seconds = atof(optarg); break;
    case 't': given.wait_ms = (unsigned)atoi(optarg); break;
    case 'k': given.kind = kind_of(optarg); break;
    case 'm': net.mac = mac_of(optarg); break;
    case 'M': net.server_mac = mac_of(optarg); break;
    case 'i': net.ip = ntohl(inet_addr(optarg)); break;
    case 'I': net.server = ntohl(inet_addr(optarg)); break;
    case 'a': given.any = true; break;
    case 'e': given.each_port = true; break;
    case 'o': given.once = true; break;
    default: die("see the head of load.c for what it takes");
    }
}

int main(int count, char **words)
{
    static const struct option options[] = {
        {"clients", 1, NULL, 'c'}, {"ports", 1, NULL, 'p'}, {"window", 1, NULL, 'w'},
        {"rate", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'}, {"wait-ms", 1, NULL, 't'},
        {"kind", 1, NULL, 'k'}, {"mac", 1, NULL, 'm'}, {"server-mac", 1, NULL, 'M'},
        {"ip", 1, NULL, 'i'}, {"server", 1, NULL, 'I'}, {"any", 0, NULL, 'a'},
        {"each-port", 0, NULL, 'e'}, {"once", 0, NULL, 'o'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;)
        take_option(option);
    const char *mode = optind < count ? words[optind] : "";
    bool storming = !strcmp(mode, "storm");
    if (given.window > SLOTS || !given.clients || !given.ports
        || (storming && given.clients > SLOTS))
        die("a window or a storm has at most %d, and there are clients and ports", SLOTS);
    prctl(PR_SET_TIMERSLACK, MICROSECOND); /* ns; 50 us if nothing is said */
    open_wire();
    srand48(1);
    if (storming)
        given.kind = DISCOVERING;
    uint64_t start = now(), end = start + (uint64_t)(given.seconds * SECOND);
    if (storming)
        storm(end);
    else if (!strcmp(mode, "open"))
        open_loop(end);
    else if (!strcmp(mode, "closed"))
        closed_loop(end);
    else
        die("there are closed, open and storm");
    report((double)(now() - start) / SECOND);
    return 0;
}
